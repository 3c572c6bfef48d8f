//! See `russet_protocol::fuzzing::property_list`.
#![no_main]

#[path = "../seeds.rs"]
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: { seeds::write("property_list", &russet_protocol::fuzzing::property_lists()) },
    |bytes: &[u8]| russet_protocol::fuzzing::property_list(bytes)
);
