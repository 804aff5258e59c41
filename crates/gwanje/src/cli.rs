//! The command line: what a person may ask, and which process that starts.
//!
//! Read next: [`args`] for the words, [`crate::children::stack`] for `gwanje up`.

mod admin;
mod args;
mod audit;
mod bus;
mod ca;
mod database;
mod dock;
mod inspect;
mod log;
mod run;
mod token;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use clap::Parser as _;

use crate::logging;

/// What the log may still write at the end.
const FLUSH: Duration = Duration::from_millis(500);

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let code = match run::run(args::Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("gwanje: {error:#}"));
            ExitCode::FAILURE
        }
    };
    logging::flush(FLUSH);
    code
}

/// Prints a line on standard error, past the log, which may not have started.
fn complain(line: &str) {
    logging::flush(FLUSH);
    let _ = writeln!(io::stderr(), "{line}");
}
