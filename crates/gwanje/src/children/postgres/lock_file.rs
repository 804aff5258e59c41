//! Lock files that outlived their process.
//!
//! PostgreSQL removes a lock file whose process is gone by itself, and checks that no process of the
//! old server is left. It cannot know that the number now belongs to another program, which happens
//! at once where process numbers are few (containers): then it would refuse to start for ever.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Removes a lock file whose process number belongs to another program. One of a server that may
/// still be there is left for that server, and one of a process that is gone for PostgreSQL.
///
/// # Errors
/// When the file is there and can be neither read nor removed.
pub(super) fn remove_foreign(lock: &Path, data: &Path) -> io::Result<()> {
    let text = match fs::read_to_string(lock) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // A negative number is a server in single-user mode.
    let pid = text.lines().next().and_then(|line| line.trim().parse::<i64>().ok());
    let Some(pid) = pid.map(i64::unsigned_abs) else { return Ok(()) };
    let Ok(name) = fs::read_to_string(format!("/proc/{pid}/comm")) else { return Ok(()) };
    if may_be_the_server(name.trim(), fs::read_link(format!("/proc/{pid}/cwd")), data) {
        return Ok(());
    }
    tracing::warn!(lock = %lock.display(), pid, name = name.trim(), "a stale lock file is removed");
    fs::remove_file(lock)
}

fn may_be_the_server(name: &str, cwd: io::Result<PathBuf>, data: &Path) -> bool {
    name.starts_with("postgres") && cwd.map_or(true, |cwd| cwd == data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::TempDir;

    #[test]
    fn only_a_lock_of_another_program_is_removed() {
        let dir = TempDir::new().unwrap();
        let lock = dir.path().join("postmaster.pid");
        let check = |text: &str, stays: bool| {
            fs::write(&lock, text).unwrap();
            remove_foreign(&lock, dir.path()).unwrap();
            assert_eq!(lock.exists(), stays, "{text:?}");
        };
        // This test is a program, and not PostgreSQL.
        check(&format!("{}\n/data\n", std::process::id()), false);
        // Gone, or unreadable: PostgreSQL's to judge.
        check("4194300\n", true);
        check("", true);
        check("x\n", true);
        fs::remove_file(&lock).unwrap();
        remove_foreign(&lock, dir.path()).unwrap();
        assert!(may_be_the_server("postgres", Ok("/d".into()), Path::new("/d")));
        assert!(may_be_the_server("postgres", Err(io::Error::other("no")), Path::new("/d")));
        assert!(!may_be_the_server("postgres", Ok("/other".into()), Path::new("/d")));
        assert!(!may_be_the_server("bash", Ok("/d".into()), Path::new("/d")));
    }
}
