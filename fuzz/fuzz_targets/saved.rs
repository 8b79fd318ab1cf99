//! See `cairn_fuzz::saved`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::saved(data));
