//! Threads and memory of a process, from `/proc`: small reads that never wait for a disk.

use std::{fs, io};

/// What `/proc/<pid>/status` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcStatus {
    /// OS threads.
    pub threads: u32,
    /// Resident memory, KiB.
    pub rss_kb: u64,
}

/// Reads it for any process.
///
/// # Errors
/// When the process is gone.
pub fn proc_status(pid: u32) -> io::Result<ProcStatus> {
    fs::read_to_string(format!("/proc/{pid}/status")).map(|text| parse(&text))
}

/// OS threads of this process, 0 when `/proc` cannot be read. Must be 1.
#[must_use]
pub fn threads() -> u32 {
    proc_status(std::process::id()).unwrap_or_default().threads
}

/// Resident memory of this process, KiB, 0 when `/proc` cannot be read.
#[must_use]
pub fn rss_kb() -> u64 {
    proc_status(std::process::id()).unwrap_or_default().rss_kb
}

fn parse(text: &str) -> ProcStatus {
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let threads = u32::try_from(number("Threads:")).unwrap_or(u32::MAX);
    ProcStatus { threads, rss_kb: number("VmRSS:") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_read() {
        let text = "Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t1\n";
        assert_eq!(parse(text), ProcStatus { threads: 1, rss_kb: 1234 });
        assert_eq!(parse(""), ProcStatus::default());
        assert!(rss_kb() > 0 && threads() > 0);
        assert!(proc_status(u32::MAX).is_err());
    }
}
