//! Any bytes as an envelope, on the topic that the first byte chooses.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gwanje_fuzz::envelope(bytes));
