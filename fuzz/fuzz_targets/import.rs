//! See `cairn_fuzz::import`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::import(data));
