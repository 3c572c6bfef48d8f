//! The program: reads the command line, runs it, says what went wrong.

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    russet::server::install_crypto();
    match russet::cli::run(russet::cli::Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("russet: {error:#}");
            ExitCode::FAILURE
        }
    }
}
