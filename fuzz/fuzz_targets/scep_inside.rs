//! See `russet_pki::fuzzing::scep_inside`.
#![no_main]

#[path = "../seeds.rs"]
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::write("scep_inside", &russet_pki::fuzzing::scep_messages()) },
    |bytes: &[u8]| russet_pki::fuzzing::scep_inside(bytes)
);
