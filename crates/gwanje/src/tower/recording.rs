//! The recorder in the tower: what the bus carries, into the store.
//!
//! Which report becomes a row is the policy's to say (`fleet_core::recorder`), how rows are written
//! the store's. Here stand the tasks in between, and the spools' processes: started, watched, started
//! again. Nothing here waits for the database, so a slow one never holds a reader of the bus up.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fleet_bus::Bus;
use fleet_core::recorder::{RecorderConfig, RecorderPolicy};
use fleet_store::{recorder::Recorder, spool::SpoolClient};
use fleet_types::{
    CommandStatus, DeviceStatus, MissionStatus,
    topic::{DeviceEvent, DeviceOsd},
};
use tokio::{process::Command, time::sleep};

use super::{
    audit::StoredAudit,
    clock,
    journal::StoreJournal,
    keeper::{Keeper, Safe},
};

/// Samples taken from the bus before other tasks get their turn.
const BATCH: usize = 64;
/// Pause before the spool's process is started again.
const SPOOL_AGAIN: Duration = Duration::from_secs(1);

impl Keeper for Recorder {
    fn keep(&self, events: Vec<DeviceEvent>, safe: Safe) {
        self.events(&events, safe);
    }
}

/// Reports of aircraft in flight that the bus coalesced before they were seen here.
#[derive(Debug, Default)]
pub struct Missed(AtomicU64);

impl Missed {
    /// How many, since the start.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Records telemetry by the policy, and the latest values of every device.
pub async fn telemetry(recorder: Recorder, bus: Bus, missed: Arc<Missed>) {
    let mut policy = RecorderPolicy::new(RecorderConfig::default());
    let mut reader = bus.reader::<DeviceOsd>();
    loop {
        for osd in reader.take(BATCH).await {
            let decision = policy.handle(clock::now().mono, &osd);
            if decision.in_flight {
                missed.0.fetch_add(decision.missed, Ordering::Relaxed);
            }
            if decision.row.is_some() {
                recorder.row(&osd);
            }
            recorder.twin(osd);
        }
        tokio::task::yield_now().await;
    }
}

/// Records what became of commands and missions, and what is known of devices. Alarms come from
/// their component, which knows more of them than the bus carries.
pub async fn states(recorder: Recorder, bus: Bus) {
    let mut commands = bus.reader::<CommandStatus>();
    let mut missions = bus.reader::<MissionStatus>();
    let mut devices = bus.reader::<DeviceStatus>();
    loop {
        tokio::select! {
            biased;
            some = commands.take(BATCH) => some.iter().for_each(|status| recorder.command(status)),
            some = missions.take(BATCH) => some.iter().for_each(|status| recorder.mission(status)),
            some = devices.take(BATCH) => some.iter().for_each(|status| recorder.device(status)),
        }
        tokio::task::yield_now().await;
    }
}

/// Somebody who is given a connection to a spool.
pub trait Spooled: Send + Sync {
    /// Takes a connection; it replaces the one before. False when there is nobody any more.
    fn connect(&self, spool: SpoolClient) -> impl Future<Output = bool> + Send;
}

impl Spooled for Recorder {
    async fn connect(&self, spool: SpoolClient) -> bool {
        self.connect_spool(spool).await
    }
}

impl Spooled for Arc<StoredAudit> {
    async fn connect(&self, spool: SpoolClient) -> bool {
        self.connect_spool(spool).await
    }
}

impl Spooled for Arc<StoreJournal> {
    async fn connect(&self, spool: SpoolClient) -> bool {
        self.connect_spool(spool).await
    }
}

/// Keeps a spool's process running and connected.
pub async fn spool(owner: impl Spooled, dir: PathBuf, max_mb: u32) {
    loop {
        match run_spool(&owner, &dir, max_mb).await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(%error, dir = %dir.display(), "a spool's process ended");
            }
        }
        sleep(SPOOL_AGAIN).await;
    }
}

/// Ends well only when there is nobody to spool for any more.
async fn run_spool(owner: &impl Spooled, dir: &Path, max_mb: u32) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("spool").arg("--parent").arg(std::process::id().to_string());
    command.arg("--max-mb").arg(max_mb.to_string()).arg("--dir").arg(dir);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.kill_on_drop(true).spawn()?;
    let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("it has no pipes"));
    };
    let client = SpoolClient::new(requests, answers).await.map_err(io::Error::other)?;
    if !owner.connect(client).await {
        return Ok(());
    }
    let ended = child.wait().await?;
    Err(io::Error::other(ended.to_string()))
}
