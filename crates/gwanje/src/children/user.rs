//! Users of child processes: as root, each server gets a user of its own, which owns its directory.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
};

use anyhow::{Context, bail};
use rustix::process::geteuid;

/// Who a child runs as, when that is not whoever started us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Name.
    pub name: &'static str,
}

/// As root, the first of these users that exists; nothing when we are not root.
///
/// # Errors
/// When none of them exists.
pub fn run_as(names: &[&'static str]) -> anyhow::Result<Option<RunAs>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let found = names.iter().find_map(|name| find_user(&users, name));
    let wanted = || format!("there is no user {} to run a server as", names.join(" or "));
    found.map(Some).with_context(wanted)
}

fn find_user(users: &str, name: &'static str) -> Option<RunAs> {
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        if parts.next()? != name {
            return None;
        }
        let (uid, gid) = (parts.nth(1)?.parse().ok()?, parts.next()?.parse().ok()?);
        // A user entry that is root would undo the point.
        (uid != 0 && gid != 0).then_some(RunAs { uid, gid, name })
    })
}

/// Makes a server's directory when it is missing: it belongs to the server's user, and every
/// directory above lets that user pass.
///
/// # Errors
/// When it cannot be made, or the user cannot reach it.
pub fn own_dir(dir: &Path, run_as: Option<RunAs>, what: &str) -> anyhow::Result<()> {
    if !dir.exists() {
        let made = fs::DirBuilder::new().mode(0o700).create(dir);
        made.with_context(|| format!("cannot make {}", dir.display()))?;
    }
    give(dir, run_as)?;
    let Some(RunAs { uid, .. }) = run_as else { return Ok(()) };
    for above in dir.ancestors().skip(1) {
        let Ok(seen) = fs::metadata(above) else { continue };
        let may_pass = seen.permissions().mode() & 0o001 != 0 || seen.uid() == uid;
        if !may_pass {
            bail!(
                "{what} runs as user {uid} and may not pass through {}; choose a data directory \
                 elsewhere, such as /var/lib/gwanje",
                above.display()
            );
        }
    }
    Ok(())
}

/// Gives a file or directory to a server's user.
///
/// # Errors
/// When its owner cannot be changed.
pub fn give(path: &Path, run_as: Option<RunAs>) -> anyhow::Result<()> {
    let Some(RunAs { uid, gid, .. }) = run_as else { return Ok(()) };
    chown(path, Some(uid), Some(gid))
        .with_context(|| format!("cannot give {} to user {uid}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_user_is_found_and_is_never_root() {
        let users = "root:x:0:0:root:/root:/bin/bash\nmosquitto:x:102:109::/var:/bin/false\n\
                     odd:x:0:5::/:/bin/sh\nshort:x\n";
        assert_eq!(
            find_user(users, "mosquitto"),
            Some(RunAs { uid: 102, gid: 109, name: "mosquitto" })
        );
        for name in ["root", "odd", "short", "mosq", ""] {
            assert_eq!(find_user(users, name), None, "{name}");
        }
    }
}
