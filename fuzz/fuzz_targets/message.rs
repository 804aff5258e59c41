//! Any body as a message, by topic and method.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gwanje_fuzz::message(bytes));
