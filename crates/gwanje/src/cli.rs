//! The command line: what a person may ask, and which process that starts.
//!
//! Read next: [`args`] for the words, [`crate::children::stack`] for `gwanje up`.

mod args;
mod dock;
mod run;

use std::{
    io::{self, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser as _;

use crate::logging::{self, Outlet};

/// What the log may still write at the end.
const FLUSH: Duration = Duration::from_millis(500);
/// How long a reader of our standard output may take.
const PATIENCE: Duration = Duration::from_secs(2);

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

/// Prints a line for a person or a script on standard output. A reader that does not read loses
/// it: this process has only one thread and other work.
pub fn say(line: &str) {
    print(io::stdout().as_fd().try_clone_to_owned(), line);
}

/// Prints a line for a person on standard error, beside the log: it may hold a sign-in link, which
/// a log must not.
pub fn say_aside(line: &str) {
    print(io::stderr().as_fd().try_clone_to_owned(), line);
}

fn print(fd: io::Result<OwnedFd>, line: &str) {
    if let Ok(fd) = fd {
        let outlet = Outlet::new(fd, usize::MAX);
        outlet.push(format!("{line}\n").into_bytes());
        outlet.flush(Instant::now() + PATIENCE);
    }
}

/// Prints a line on standard error, past the log, which may not have started.
fn complain(line: &str) {
    logging::flush(FLUSH);
    let _ = writeln!(io::stderr(), "{line}");
}
