//! See `russet_protocol::fuzzing::report`.
#![no_main]

#[path = "../seeds.rs"]
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::write("report", &russet_protocol::fuzzing::reports()) },
    |bytes: &[u8]| russet_protocol::fuzzing::report(bytes)
);
