//! The data directory: made, locked, and private files in it.
//!
//! Files with secrets are readable by the owner alone from their first byte on. Read next:
//! [`crate::config::Config::api_token_file`].

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

use crate::secret::{self, Secret};

/// File of the data directory with names of docks, `{"SN": "name"}`.
pub const DOCK_NAMES: &str = "dock-names.json";
/// Longest path of a Unix socket that every system takes, with some room.
const SOCKET_PATH_MAX: usize = 100;

/// Makes the directory when it is missing. Others may pass through (the broker's user must reach
/// its own directory inside) and see nothing.
///
/// # Errors
/// When it cannot be made, or a socket path in it would be too long.
pub fn ensure(dir: &Path) -> anyhow::Result<()> {
    let socket = dir.join("tower.sock");
    if socket.as_os_str().len() >= SOCKET_PATH_MAX {
        bail!(
            "the data directory's path is too long for a Unix socket in it ({} bytes, {} at most); \
             choose a shorter data_dir",
            dir.as_os_str().len(),
            SOCKET_PATH_MAX - "/tower.sock".len() - 1
        );
    }
    let made = DirBuilder::new().recursive(true).mode(0o711).create(dir);
    made.with_context(|| format!("cannot make the data directory {}", dir.display()))
}

/// Held while a supervisor uses the directory; two would fight over the broker's files.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held for its drop")] File);

/// Takes the directory for this process.
///
/// # Errors
/// When another process holds it.
pub fn lock(dir: &Path) -> anyhow::Result<Lock> {
    let path = dir.join("lock");
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = open.with_context(|| format!("cannot open {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(_) => bail!(
            "another `gwanje up` or `gwanje demo` uses {}; stop it or choose another data_dir",
            dir.display()
        ),
    }
}

/// A directory that is its owner's alone, made when it is missing.
///
/// # Errors
/// When it cannot be made.
pub fn private_dir(dir: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("cannot make {}", dir.display()))
}

/// Takes a lock of its own for a short piece of work.
///
/// # Errors
/// When another process holds it.
pub fn lock_file(path: &Path) -> anyhow::Result<Lock> {
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = open.with_context(|| format!("cannot open {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(_) => bail!("another process holds {}; try again", path.display()),
    }
}

/// Whether a supervisor uses the directory now.
#[must_use]
pub fn is_held(dir: &Path) -> bool {
    let Ok(file) = OpenOptions::new().write(true).open(dir.join("lock")) else { return false };
    flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_private_for(path, bytes, None)
}

/// The same for a file that a server of another user reads: it is that user's (`uid`, `gid`) before
/// it is there at all.
///
/// # Errors
/// When it cannot be written or given away.
pub fn write_private_for(path: &Path, bytes: &[u8], owner: Option<(u32, u32)>) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    if let Some((uid, gid)) = owner {
        chown(&new, Some(uid), Some(gid))?;
    }
    fs::rename(&new, path)
}

/// The secret in a private file; a new random one is written when there is none.
///
/// # Errors
/// When the file can neither be read nor written.
pub fn secret_or_new(path: &Path) -> io::Result<Secret> {
    private_or_new(path, || secret::random(32))
}

/// The secret in a private file; what `fresh` makes is written when there is none.
///
/// # Errors
/// When the file can neither be read nor written, or none is made.
pub fn private_or_new(
    path: &Path,
    fresh: impl FnOnce() -> io::Result<Secret>,
) -> io::Result<Secret> {
    match read_secret(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = fresh()?;
            write_private(path, format!("{}\n", secret.expose()).as_bytes())?;
            Ok(secret)
        }
        read => read,
    }
}

/// Reads a secret of a private file.
///
/// # Errors
/// When it cannot be read or is empty.
pub fn read_secret(path: &Path) -> io::Result<Secret> {
    crate::config::read_secret(path)
}

/// A fresh private directory for a demonstration, removed when dropped.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("gwanje-{}", secret::random(5)?.expose()));
        DirBuilder::new().mode(0o711).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(dir = %self.0.display(), %error, "cannot remove the demo's directory");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_files_are_private_and_one_process_holds_the_lock() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("token");
        let token = secret_or_new(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(secret_or_new(&path).unwrap(), token);
        write_private(&path, b"other\n").unwrap();
        assert_eq!(read_secret(&path).unwrap().expose(), "other");

        let held = lock(dir.path()).unwrap();
        assert!(lock(dir.path()).unwrap_err().to_string().contains("another `gwanje up`"));
        drop(held);
        lock(dir.path()).unwrap();
        let long = Path::new("/tmp").join("x".repeat(100));
        assert!(ensure(&long).unwrap_err().to_string().contains("too long"));
    }
}
