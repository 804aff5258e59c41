//! The crate against DJI's documented facts and examples, the known oddities of devices, and
//! arbitrary input. Facts and examples are read from beside the workspace when they are there.

// The whole binary is a test, its helpers too.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod coverage;
mod errors;
mod examples;
mod exercise;
mod facts;
mod mutations;
mod properties;
mod traps;
mod traps_control;
mod typed;

use std::path::PathBuf;

/// A file of the protocol facts, if this machine has them.
fn fact_file(name: &str) -> Option<String> {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "..", "..", "shared", "dji", name].iter().collect();
    let found = std::fs::read_to_string(path).ok();
    if found.is_none() {
        println!("skipped: the protocol facts ({name}) are not on this machine");
    }
    found
}
