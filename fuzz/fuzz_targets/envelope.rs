//! Any bytes as an envelope, on every topic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gwanje_fuzz::envelope(bytes));
