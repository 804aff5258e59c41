//! Processes as `/proc` shows them.

use std::fs;

/// Nanoseconds on a CPU so far; the processes measured have one thread.
pub(crate) fn cpu_ns(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A figure of `/proc/PID/status`.
pub(crate) fn status(pid: u32, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}

/// Resident memory, kilobytes.
pub(crate) fn rss_kb(pid: u32) -> u64 {
    let text = status(pid, "VmRSS:").unwrap_or_default();
    text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Processes whose parent is `pid`.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let of = |child: &u32| status(*child, "PPid:").is_some_and(|parent| parent == pid.to_string());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(of).collect()
}

/// The same with theirs: what PostgreSQL's processes cost together. One that ended is not counted.
pub(crate) fn family_cpu_ns(pid: u32) -> u64 {
    cpu_ns(pid) + children_of(pid).into_iter().map(cpu_ns).sum::<u64>()
}

/// The argument after the program's name, as `gwanje` subcommands have it.
pub(crate) fn subcommand(pid: u32) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let word = line.split(|byte| *byte == 0).nth(1)?;
    Some(String::from_utf8_lossy(word).into_owned())
}

/// Gone, or dead and only not yet collected.
pub(crate) fn is_gone(pid: u32) -> bool {
    status(pid, "State:").is_none_or(|state| state.starts_with('Z'))
}
