//! Processes as `/proc` shows them, and signals to those that a test started.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// Processes whose parent is `pid`.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let mut found = vec![];
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(child) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        if status(child, "PPid:").is_some_and(|parent| parent == pid.to_string()) {
            found.push(child);
        }
    }
    found
}

/// A line of `/proc/PID/status`.
pub(crate) fn status(pid: u32, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}

/// OS threads of a process.
pub(crate) fn threads(pid: u32) -> u32 {
    status(pid, "Threads:").unwrap_or_else(|| panic!("process {pid} is gone")).parse().unwrap()
}

/// The argument after the program's name, as `gwanje` subcommands have it.
pub(crate) fn subcommand(pid: u32) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let word = line.split(|byte| *byte == 0).nth(1)?;
    Some(String::from_utf8_lossy(word).into_owned())
}

/// Gone, or dead and only not yet collected by whoever adopted it.
pub(crate) fn is_gone(pid: u32) -> bool {
    status(pid, "State:").is_none_or(|state| state.starts_with('Z'))
}

/// Sends a signal to a process of the test.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits in code that has no event loop. Whether it happened.
pub(crate) fn wait_blocking(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + within;
    while !done() {
        if Instant::now() > until {
            return false;
        }
        let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let _ = rustix::event::poll(&mut [], Some(&wait));
    }
    true
}
