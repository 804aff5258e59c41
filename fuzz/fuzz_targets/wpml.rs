//! Any bytes as a mission file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gwanje_fuzz::wpml(bytes));
