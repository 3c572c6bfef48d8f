//! The program: reads the command line, runs it, says what went wrong.

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    russet::server::install_crypto();
    match russet::cli::run(russet::cli::Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("russet: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The chain of causes on one line. Many of our texts name their cause already: what was said is not said again.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |mut said, cause| {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
        said
    })
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn each_cause_is_told_once() {
        let cause = std::io::Error::other("the disk is full");
        let told_already = anyhow::Error::new(cause).context("russet.db cannot be written: the disk is full");
        assert_eq!(told(&told_already), "russet.db cannot be written: the disk is full");
        let below = anyhow::anyhow!("the disk is full").context("the report was not written");
        assert_eq!(told(&below), "the report was not written: the disk is full");
    }
}
