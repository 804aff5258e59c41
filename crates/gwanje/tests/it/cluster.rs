//! A database made once and copied for each site: making one takes longer than most tests.
//!
//! It is made by `gwanje migrate`, as an administrator would, and stopped cleanly.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::UNIX_EPOCH,
};

use rustix::fs::{FlockOperation, flock};

use super::site::GWANJE;

const PREFIX: &str = "gw-it-cluster-";

/// Copies a migrated cluster of this very program into a site's directory.
pub(crate) fn put_into(dir: &Path) {
    let template = template();
    for name in ["db", "db-password"] {
        let copied = Command::new("cp").arg("-a").arg(template.join(name)).arg(dir).status();
        assert!(copied.unwrap().success(), "copying {name}");
    }
}

fn template() -> PathBuf {
    let turn = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster.lock")).unwrap();
    flock(&turn, FlockOperation::LockExclusive).unwrap();
    let program = fs::metadata(GWANJE).unwrap();
    let made = program.modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
    let (owner, temp) = (rustix::process::getuid().as_raw(), std::env::temp_dir());
    let prefix = format!("{PREFIX}{owner}-");
    let template = temp.join(format!("{prefix}{:x}-{:x}", made.as_nanos(), program.len()));
    if template.exists() {
        return template;
    }
    // What an earlier build needed, nobody needs any more.
    for entry in fs::read_dir(&temp).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let new = temp.join(format!("{prefix}new"));
    let output = Command::new(GWANJE)
        .arg("migrate")
        .env("GWANJE_CONFIG", "/dev/null")
        .env("GWANJE_DATA_DIR", &new)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(&new, &template).unwrap();
    template
}
