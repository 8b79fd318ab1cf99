//! See `cairn_fuzz::compact_bits`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::compact_bits(data));
