//! Holds what went over the wire in a scenario against Apple's schema, through the program that `SCHEMA_CHECK` names.
//! Where it is unset the check is skipped, and says so.

use std::path::Path;
use std::process::Command;

/// Checks everything that a fleet kept in this folder: check-in messages, commands and profiles, each for the system that
/// it was for. Panics with the program's own words when something does not fit.
pub(crate) fn check_record(folder: &Path) {
    let Some(program) = std::env::var_os("SCHEMA_CHECK") else {
        eprintln!("skipped: SCHEMA_CHECK names no program, so nothing was held against Apple's schema");
        return;
    };
    for kind in ["checkin", "command", "profile"] {
        let targets: Vec<_> = std::fs::read_dir(folder.join(kind)).unwrap().map(|entry| entry.unwrap()).collect();
        assert!(!targets.is_empty(), "nothing of kind {kind} was kept");
        for target in targets {
            let name = target.file_name().into_string().unwrap();
            let [os, version, supervised, channel, enrollment] = name.split('_').collect::<Vec<_>>()[..] else {
                panic!("{name}")
            };
            let output = Command::new(&program)
                .arg(kind)
                .arg(target.path())
                .args(["--os", os, "--version", version, "--channel", channel, "--enrollment", enrollment])
                .args(["--supervised", if supervised == "supervised" { "yes" } else { "no" }])
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{kind} for {name} does not fit Apple's schema:\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}
