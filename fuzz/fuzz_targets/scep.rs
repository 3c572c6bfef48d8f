//! See `russet_pki::fuzzing::scep`.
#![no_main]

#[path = "../seeds.rs"]
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::write("scep", &russet_pki::fuzzing::scep_messages()) },
    |bytes: &[u8]| russet_pki::fuzzing::scep(bytes)
);
