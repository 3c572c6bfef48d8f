//! See `russet_pki::fuzzing::proxy_header`.
#![no_main]

#[path = "../seeds.rs"]
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::write("proxy_header", &russet_pki::fuzzing::texts()) },
    |bytes: &[u8]| russet_pki::fuzzing::proxy_header(bytes)
);
