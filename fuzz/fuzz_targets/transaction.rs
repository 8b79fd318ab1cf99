//! See `cairn_fuzz::transaction`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::transaction(data));
