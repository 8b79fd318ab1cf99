//! See `cairn_fuzz::key`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::key(data));
