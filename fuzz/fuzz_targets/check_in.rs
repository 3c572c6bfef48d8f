//! See `russet_protocol::fuzzing::check_in`.
#![no_main]

#[path = "../seeds.rs"]
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::write("check_in", &russet_protocol::fuzzing::check_ins()) },
    |bytes: &[u8]| russet_protocol::fuzzing::check_in(bytes)
);
