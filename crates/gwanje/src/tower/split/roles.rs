//! Which parts of the tower a process is, and that a data directory has one commander.

use std::{
    fs::OpenOptions,
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    str::FromStr,
};

use anyhow::{Context as _, bail};
use rustix::fs::{FlockOperation, flock};

/// What a process of the tower does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// Everything, in one process.
    All,
    /// Owns the docks: broker, machines, missions, alarms, what must last.
    Link,
    /// Serves the console and the API.
    Api,
}

impl Roles {
    /// Whether it commands docks.
    #[must_use]
    pub fn commands(self) -> bool {
        match self {
            Self::All | Self::Link => true,
            Self::Api => false,
        }
    }
}

impl FromStr for Roles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut link, mut api) = (false, false);
        for word in text.split(',').map(str::trim) {
            match word {
                "link" => link = true,
                "api" => api = true,
                other => return Err(format!("{other:?} is no role; there are link and api")),
            }
        }
        match (link, api) {
            (true, true) => Ok(Self::All),
            (true, false) => Ok(Self::Link),
            (false, _) => Ok(Self::Api),
        }
    }
}

/// Held by the process that commands the docks of this data directory.
#[derive(Debug)]
pub struct Commander {
    /// Which of all of them it is, counted up.
    pub epoch: u64,
    #[allow(dead_code, reason = "held for its drop")]
    lock: std::fs::File,
}

/// Becomes the commander. The kernel gives the lock back with the process, however it ends.
///
/// # Errors
/// When another process is it, or the file cannot be used.
pub fn commander(data_dir: &Path) -> anyhow::Result<Commander> {
    let path = data_dir.join("commander");
    let mut open = OpenOptions::new();
    open.create(true).truncate(false).read(true).write(true).mode(0o600);
    let shown = path.display();
    let mut lock = open.open(&path).with_context(|| format!("cannot open {shown}"))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!(
            "another tower process commands the docks of {}: there must never be two. Stop it first, or start this one with --roles api",
            data_dir.display()
        );
    }
    let mut text = String::new();
    lock.read_to_string(&mut text).with_context(|| format!("cannot read {shown}"))?;
    // A file that was lost, or spoilt, must not make an epoch that was there before.
    let seconds = super::super::clock::now().wall.0 / 1000;
    let fresh = u64::try_from(seconds).unwrap_or(0);
    let epoch = text.trim().parse::<u64>().unwrap_or(0).saturating_add(1).max(fresh);
    lock.rewind()?;
    lock.write_all(format!("{epoch}\n").as_bytes())
        .and_then(|()| lock.sync_all())
        .with_context(|| format!("cannot write {shown}"))?;
    Ok(Commander { epoch, lock })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named() {
        assert_eq!("link,api".parse(), Ok(Roles::All));
        assert_eq!("link".parse(), Ok(Roles::Link));
        assert_eq!(" api ".parse(), Ok(Roles::Api));
        for wrong in ["", "links", "link,,api"] {
            assert!(wrong.parse::<Roles>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_directory_has_one_commander_and_each_a_higher_epoch() {
        let dir = std::env::temp_dir().join(format!("gw-commander-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let first = commander(&dir).unwrap();
        let refused = commander(&dir).unwrap_err().to_string();
        assert!(refused.contains("--roles api"), "{refused}");
        let epoch = first.epoch;
        drop(first);
        let second = commander(&dir).unwrap();
        assert!(second.epoch > epoch, "{} {epoch}", second.epoch);
        drop(second);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
