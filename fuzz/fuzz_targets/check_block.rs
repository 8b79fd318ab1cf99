//! See `cairn_fuzz::check_block`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::check_block(data));
