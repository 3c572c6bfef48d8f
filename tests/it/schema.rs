//! Holds what the product emits against Apple's schema, through the program that the variable `SCHEMA_CHECK` names.
//! Where it is unset the check is skipped, and says so.

use std::path::Path;
use std::process::Command;

/// Checks a file or a folder of `kind` (`command`, `profile`, `checkin`, `declaration`), with more arguments such as
/// `--os iOS`. Panics with the program's own words when something does not fit.
pub fn check(kind: &str, path: &Path, more: &[&str]) {
    let Ok(program) = std::env::var("SCHEMA_CHECK") else {
        eprintln!("SCHEMA_CHECK is unset: {kind} at {} not held against Apple's schema", path.display());
        return;
    };
    let output = Command::new(&program).arg(kind).arg(path).args(more).output().unwrap_or_else(|error| {
        panic!("the program that SCHEMA_CHECK names, {program}, does not start: {error}");
    });
    assert!(
        output.status.success(),
        "{kind} does not fit Apple's schema:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
