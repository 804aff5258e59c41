//! Tells the private broker when its certificates changed: written by `gwanje ca`, or renewed here
//! before they end.
//!
//! SIGHUP makes Mosquitto read them again; nobody is disconnected. It is not sent to a process that
//! has just been started: that one reads them anyway, and before it has become Mosquitto the signal
//! would end it. Read next: [`super::broker`].

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

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
    let ca = CaDir::of(&config);
    let certificates = || (look(&ca.revocations()), look(&ca.server().0));
    let mut certificates_seen = certificates();
    let mut process = (pid.load(Ordering::Relaxed), Instant::now());
    let (mut due, mut renewed) = (false, Instant::now());
    loop {
        sleep(LOOK_EVERY).await;
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
        let settled = process.0 != 0 && now - process.1 >= SETTLED;
        if due && settled {
            due = !hang_up(process.0);
        }
    }
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
