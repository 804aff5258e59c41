//! The recorder: what devices report and what becomes of it, into the database in batches.
//!
//! Taking in never waits ([`Recorder`]); one task writes ([`Writer::run`]). Which report becomes a
//! row is decided elsewhere (`fleet_core::recorder`); this module refuses to judge. While the
//! database is away, memory is bounded, then batches go through the spool ([`crate::spool`]), and
//! from there into the database in order. A batch that comes twice is written once.

mod apply;
mod batch;
mod columns;
mod intake;
mod writer;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fleet_types::{
    CommandStatus, DeviceSn, DeviceStatus, MissionStatus,
    alarm::AlarmStatus,
    topic::{DeviceEvent, DeviceOsd},
};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use intake::Intake;
pub use writer::Writer;

use crate::{
    database::{Database, wall_ms},
    json,
    spool::SpoolClient,
};

/// Called once what it belongs to is safe.
pub type Safe = Box<dyn FnOnce() + Send>;

/// How the recorder works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderSettings {
    /// Rows wait this long for others to be written with.
    pub flush: Duration,
    /// Latest values of all devices are written this often: what a tower that was killed shows of
    /// them as last known is so much older. They are most of what the database is given.
    pub twins_every: Duration,
    /// Telemetry that waits in memory, bytes; about 250 a row.
    pub memory_max_bytes: usize,
    /// The database may be away this long before the spool is used.
    pub spool_after: Duration,
}

impl Default for RecorderSettings {
    fn default() -> Self {
        Self {
            flush: Duration::from_millis(500),
            twins_every: Duration::from_secs(30),
            memory_max_bytes: 32 << 20,
            spool_after: Duration::from_secs(2),
        }
    }
}

/// What became of what was taken in, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows of telemetry in the database.
    pub rows_written: u64,
    /// Rows lost for want of room, oldest first.
    pub rows_dropped: u64,
    /// Rows the database refused for their content.
    pub rows_refused: u64,
    /// Events, commands, missions, alarms, devices and twins in the database.
    pub kept_written: u64,
    /// Of these, what the database refused for its content; it is in the log.
    pub kept_refused: u64,
    /// Events not taken because too many wait; they stay unacknowledged.
    pub events_refused: u64,
    /// States of objects not taken because too many wait.
    pub states_refused: u64,
    /// Batches written to the spool.
    pub batches_spooled: u64,
    /// Batches that came out of it.
    pub batches_replayed: u64,
    /// Batches that the spool did not take: it is full, or the disk is.
    pub spool_refusals: u64,
    /// Batches in the spool now.
    pub spool_batches: u64,
    /// Bytes in the spool now.
    pub spool_bytes: u64,
    /// Bytes the spool may hold.
    pub spool_max_bytes: u64,
    /// Rows that wait in memory now.
    pub rows_waiting: u64,
    /// Events and states that wait in memory now.
    pub kept_waiting: u64,
}

struct Shared {
    intake: Mutex<Intake>,
    /// A batch is full, or something came that must not be lost.
    work: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes in; clones share one writer.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    spools: mpsc::Sender<SpoolClient>,
    replayed: watch::Receiver<bool>,
}

impl Recorder {
    /// A recorder into `database`, and the writer that must be run for it to work.
    #[must_use]
    pub fn new(database: Database, settings: RecorderSettings) -> (Self, Writer) {
        let intake = Mutex::new(Intake::new(settings.memory_max_bytes));
        let shared = Arc::new(Shared { intake, work: Notify::new() });
        let (spools, received) = mpsc::channel(1);
        let (empty, replayed) = watch::channel(false);
        let writer = Writer::new(database, settings, Arc::clone(&shared), received, empty);
        (Self { shared, spools, replayed }, writer)
    }

    /// Gives the recorder a connection to a spool that was started; it replaces the one before.
    /// False when the recorder ended.
    pub async fn connect_spool(&self, spool: SpoolClient) -> bool {
        self.spools.send(spool).await.is_ok()
    }

    /// Waits until what an earlier process left in the spool is in the database.
    pub async fn replayed(&self) {
        // An error means that the writer ended; then nothing is replayed any more.
        let _ = self.replayed.clone().wait_for(|is_empty| *is_empty).await;
    }

    /// A report becomes a row. Never waits; when there is no room, the oldest rows go.
    pub fn row(&self, osd: &DeviceOsd) {
        if self.shared.lock().row(osd) {
            self.shared.work.notify_one();
        }
    }

    /// The latest values of a device, for the next start.
    pub fn twin(&self, osd: Arc<DeviceOsd>) {
        self.shared.lock().twin(osd);
    }

    /// Takes the events of one message; `safe` is called when all of them are. The same event taken
    /// again is the same row. Never waits; when too many wait they are not taken, and `safe` is
    /// dropped uncalled.
    pub fn events(&self, events: &[DeviceEvent], safe: Safe) {
        let events = events.iter().map(event).collect();
        self.shared.lock().events(events, safe);
        self.shared.work.notify_one();
    }

    /// What became of a command.
    pub fn command(&self, status: &CommandStatus) {
        let key = status.command_id.to_string();
        self.state(|intake| &mut intake.commands, &key, json::value(status));
    }

    /// What became of a mission.
    pub fn mission(&self, status: &MissionStatus) {
        let key = status.mission_id.to_string();
        self.state(|intake| &mut intake.missions, &key, json::value(status));
    }

    /// Where an alarm stands, and what its component needs to know it again after a restart.
    pub fn alarm(&self, status: &AlarmStatus, origin: Option<&Value>) {
        let key = status.alarm_id.to_string();
        let mut told = json!({ "status": json::value(status) });
        if let Some(origin) = origin {
            told["origin"] = json::value(origin);
        }
        self.shared.lock().told(|intake| &mut intake.alarms, key.into(), wall_ms(), told);
        self.shared.work.notify_one();
    }

    /// What is known of a device, its firmware included.
    pub fn device(&self, status: &DeviceStatus) {
        self.state(|intake| &mut intake.devices, status.sn.as_str(), json::value(status));
    }

    /// Forgets what is remembered of a device that was removed; its history stays.
    pub fn forget(&self, sn: &DeviceSn) {
        self.shared.lock().forget(sn);
    }

    /// What became of what was taken in.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let intake = self.shared.lock();
        let (rows_waiting, kept_waiting) = intake.backlog();
        Counts { rows_waiting, kept_waiting, ..intake.counts }
    }

    fn state(
        &self,
        kind: fn(&mut Intake) -> &mut std::collections::BTreeMap<Arc<str>, Value>,
        key: &str,
        status: Value,
    ) {
        self.shared.lock().state(kind, key.into(), wall_ms(), status);
        self.shared.work.notify_one();
    }
}

/// An event under an identity made of what it says: heard again it is the same event.
fn event(event: &DeviceEvent) -> Value {
    let data = json::value(&event.data);
    let time = event.source_ms.unwrap_or(event.received_ms);
    let said = format!("{}\n{}\n{}\n{data}", event.sn, event.method, time.0);
    let mut id = [0; 16];
    id.copy_from_slice(&digest(&SHA256, said.as_bytes()).as_ref()[..16]);
    let id = uuid::Builder::from_bytes(id).with_version(uuid::Version::Custom);
    json!({
        "event_id": id.with_variant(uuid::Variant::RFC4122).into_uuid(),
        "sn": event.sn,
        "method": json::text(&event.method),
        "data": data,
        "trace_id": event.trace_id,
        "source_ms": event.source_ms,
        "received_ms": event.received_ms,
    })
}

/// A new stream of batches.
fn new_stream() -> Uuid {
    Uuid::now_v7()
}
