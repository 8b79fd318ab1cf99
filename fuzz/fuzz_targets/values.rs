//! See `cairn_fuzz::values`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::values(data));
