//! Any bytes as an operator's table of alarm texts.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gwanje_fuzz::alarm_texts(bytes));
