//! See `russet_pki::fuzzing::cms`.
#![no_main]

#[path = "../seeds.rs"]
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::write("cms", &russet_pki::fuzzing::cms_messages()) },
    |bytes: &[u8]| russet_pki::fuzzing::cms(bytes)
);
