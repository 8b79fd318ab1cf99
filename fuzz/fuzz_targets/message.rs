//! See `cairn_fuzz::message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::message(data));
