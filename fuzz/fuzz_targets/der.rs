//! See `cairn_fuzz::der`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::der(data));
