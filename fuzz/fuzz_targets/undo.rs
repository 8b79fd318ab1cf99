//! See `cairn_fuzz::undo`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_fuzz::undo(data));
