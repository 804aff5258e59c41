//! Tells the private broker when its files changed: which aircraft belong to which dock (written by
//! the tower), and certificates (written by `gwanje ca`, or renewed here before they end).
//!
//! SIGHUP makes Mosquitto read them again; nobody is disconnected. The kernel tells when a file is
//! replaced (inotify), because a dock waits for it; where it does not, looking now and then does. It
//! is the supervisor that signals: a process id is safe only with who has to wait for it. It is not sent to a process that
//! has just been started: that one reads them anyway, and before it has become Mosquitto the signal
//! would end it. Read next: [`super::broker`].

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fleet_links::mosquitto::AIRCRAFT_FILE;
use rustix::{
    fs::inotify::{self, CreateFlags, WatchFlags},
    process::{Pid, Signal, kill_process},
};
use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe::Receiver,
    time::{Instant, sleep},
};

use super::broker;
use crate::{ca::CaDir, config::Config};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A process this old is Mosquitto, and has its signal handlers.
const SETTLED: Duration = Duration::from_secs(1);
/// How often certificates are looked at for renewal.
const RENEW_EVERY: Duration = Duration::from_secs(3600);

/// What a file looked like; another inode is another file.
type Look = Option<(u64, u64, i64, i64)>;

fn look(path: &Path) -> Look {
    let seen = fs::metadata(path).ok()?;
    Some((seen.ino(), seen.len(), seen.mtime(), seen.mtime_nsec()))
}

/// Watches as long as it is polled; `pid` is the broker's process, 0 while there is none.
pub async fn watch(config: Config, pid: Arc<AtomicU32>) {
    let aircraft = config.broker_dir().join(AIRCRAFT_FILE);
    let ca = CaDir::of(&config);
    let certificates = || (look(&ca.revocations()), look(&ca.server().0));
    let (mut aircraft_seen, mut certificates_seen) = (look(&aircraft), certificates());
    let mut process = (pid.load(Ordering::Relaxed), Instant::now());
    let (mut due, mut renewed) = (false, Instant::now());
    let replaced = Replaced::watch(&config.broker_dir()).inspect_err(|error| {
        tracing::warn!(%error, "the kernel does not tell of changed files: they are looked for");
    });
    let mut replaced = replaced.ok();
    loop {
        tokio::select! {
            biased;
            () = told_of(&mut replaced) => {}
            () = sleep(LOOK_EVERY) => {}
        }
        let now = Instant::now();
        let current = pid.load(Ordering::Relaxed);
        if current != process.0 {
            process = (current, now);
        }
        if now - renewed >= RENEW_EVERY {
            renewed = now;
            due |= told(broker::certificates(&config));
            certificates_seen = certificates();
        }
        if certificates() != certificates_seen {
            certificates_seen = certificates();
            due |= told(broker::copy_certificates(&config));
        }
        if look(&aircraft) != aircraft_seen {
            aircraft_seen = look(&aircraft);
            due = true;
        }
        let settled = process.0 != 0 && now - process.1 >= SETTLED;
        if due && settled {
            due = !hang_up(process.0);
        }
    }
}

/// Files of a directory that were put in the place of others.
struct Replaced(Receiver);

impl Replaced {
    fn watch(dir: &Path) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&fd, dir, WatchFlags::MOVED_TO | WatchFlags::ONLYDIR)?;
        // It is read like a pipe.
        Ok(Self(Receiver::from_owned_fd_unchecked(fd)?))
    }

    /// Waits for the next; several may be told as one.
    async fn next(&mut self) -> io::Result<()> {
        let mut events = [0_u8; 4096];
        self.0.read(&mut events).await.map(|_| ())
    }
}

/// Never ends where nothing is told.
async fn told_of(replaced: &mut Option<Replaced>) {
    if let Some(watched) = replaced {
        match watched.next().await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(%error, "the kernel tells no more of changed files");
                *replaced = None;
            }
        }
    }
    std::future::pending().await
}

fn told(changed: anyhow::Result<bool>) -> bool {
    changed.unwrap_or_else(|error| {
        tracing::error!(error = format!("{error:#}"), "the broker's certificates are not renewed");
        false
    })
}

fn hang_up(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let sent = pid.is_some_and(|pid| kill_process(pid, Signal::HUP).is_ok());
    tracing::debug!(sent, "the broker reads its files again");
    sent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::{TempDir, write_private};

    #[tokio::test]
    async fn a_file_put_in_anothers_place_is_told_at_once() {
        let dir = TempDir::new().unwrap();
        let mut replaced = Replaced::watch(dir.path()).unwrap();
        for _ in 0..3 {
            write_private(&dir.path().join(AIRCRAFT_FILE), b"user D1\n").unwrap();
            replaced.next().await.unwrap();
        }
        assert!(Replaced::watch(&dir.path().join("none")).is_err());
    }
}
