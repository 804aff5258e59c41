//! Lines for the person or script that started a process, past the log.
//!
//! Nothing here waits long for a reader: this process has only one thread and other work.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    time::{Duration, Instant},
};

use crate::logging::Outlet;

/// How long a reader of our standard output may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prints a line on standard output. A reader that does not read loses it.
pub fn say(line: &str) {
    print(io::stdout().as_fd().try_clone_to_owned(), line);
}

/// Prints a line on standard error, beside the log: it may hold a sign-in link, which a log must
/// not.
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
