//! See `russet_pki::fuzzing::ber`.
#![no_main]

#[path = "../seeds.rs"]
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::write("ber", &russet_pki::fuzzing::cms_messages()) },
    |bytes: &[u8]| russet_pki::fuzzing::ber(bytes)
);
