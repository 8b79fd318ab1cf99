//! See `cairn_fuzz::address`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::address(data));
