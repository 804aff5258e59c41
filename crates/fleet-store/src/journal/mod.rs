//! The journal: what was decided, on record before it leaves; what became of it, after.
//!
//! [`Journal::append`] never waits; [`Writer::run`] gathers what came in while the last commit was
//! under way and writes it as one transaction. What must be on record *before* something leaves is
//! answered quickly, with failure if need be. What is told *after the fact* (outcomes, counter-
//! actions, people's findings) is never given up: it is kept until the database takes it.
//! While the database is away, what has happened goes through a spool of the journal's own
//! ([`Journal::guarded`]), and comes out of it in order before anything newer is written: the fold
//! over the records depends on their order. [`load_open`] finds again what was under way. What the records mean is `fleet-core`'s business.

mod load;
mod rows;
mod writer;

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use fleet_core::journal::Record;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
    time::Instant,
};
use uuid::Uuid;

pub(crate) use load::OPEN;
pub use load::{CLOSED_MAX, Stored, load_open};
pub use writer::Writer;

use crate::{database::Database, error::StoreError, session::Session, spool::SpoolClient};

/// Records that wait to be taken up by the writer.
const QUEUE_MAX: usize = 4096;
/// How long something may wait for its record before it is refused.
const BEFORE_LIMIT: Duration = Duration::from_secs(2);

/// Told once what became of a record.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What a journal is of: records of flights, or entries of the audit.
pub trait Recorded: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Whether something waits for it, which is refused when it cannot be put on record soon.
    fn is_awaited(&self) -> bool;
    /// Writes several as one transaction; repeating it changes nothing.
    fn write(
        session: &Session,
        records: &[(Uuid, &Self)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Puts into the log that the database will never have this one.
    fn say_refused(&self, error: &StoreError);
}

impl Recorded for Record {
    fn is_awaited(&self) -> bool {
        self.entry.is_awaited()
    }

    async fn write(session: &Session, records: &[(Uuid, &Self)]) -> Result<(), StoreError> {
        rows::write(session, records).await
    }

    fn say_refused(&self, error: &StoreError) {
        let (sn, entry) = (&self.sn, &self.entry);
        tracing::error!(%sn, %error, ?entry, "a record was refused for its content");
    }
}

/// A record under way.
pub(crate) struct Job<R> {
    pub(crate) record_id: Uuid,
    pub(crate) record: R,
    /// Given up after this; none: kept until it is written.
    pub(crate) deadline: Option<Instant>,
    pub(crate) done: Done,
}

/// What became of records, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalCounts {
    /// Records that went into the spool.
    pub spooled: u64,
    /// Records that came out of it.
    pub replayed: u64,
    /// Batches that the spool did not take.
    pub spool_refusals: u64,
    /// Batches of the spool that could not be read, and are lost.
    pub spoilt: u64,
}

#[derive(Debug, Default)]
struct Counters {
    spooled: AtomicU64,
    replayed: AtomicU64,
    spool_refusals: AtomicU64,
    spoilt: AtomicU64,
}

/// Appends to the journal; clones share one writer.
pub struct Journal<R = Record> {
    jobs: mpsc::Sender<Job<R>>,
    spools: mpsc::Sender<SpoolClient>,
    replayed: watch::Receiver<bool>,
    counters: Arc<Counters>,
}

impl<R> Clone for Journal<R> {
    fn clone(&self) -> Self {
        let (jobs, spools) = (self.jobs.clone(), self.spools.clone());
        let (replayed, counters) = (self.replayed.clone(), Arc::clone(&self.counters));
        Self { jobs, spools, replayed, counters }
    }
}

impl<R: Recorded> Journal<R> {
    /// A journal in `database`, and the writer that must be run for it to work. It has no spool.
    #[must_use]
    pub fn new(database: Database) -> (Self, Writer<R>) {
        Self::make(database, false)
    }

    /// A journal with a spool. Nothing is written before the first [`Self::connect_spool`], because
    /// what lies in the spool is older.
    #[must_use]
    pub fn guarded(database: Database) -> (Self, Writer<R>) {
        Self::make(database, true)
    }

    fn make(database: Database, has_spool: bool) -> (Self, Writer<R>) {
        let (jobs, received) = mpsc::channel(QUEUE_MAX);
        let (spools, connected) = mpsc::channel(1);
        let (empty, replayed) = watch::channel(!has_spool);
        let counters = Arc::<Counters>::default();
        let ends = writer::Ends { jobs: received, spools: connected, empty };
        let writer = Writer::new(database, ends, Arc::clone(&counters), has_spool);
        (Self { jobs, spools, replayed, counters }, writer)
    }

    /// Gives the journal a connection to its spool; it replaces the one before. False when the
    /// journal ended.
    pub async fn connect_spool(&self, spool: SpoolClient) -> bool {
        self.spools.send(spool).await.is_ok()
    }

    /// Waits until nothing older than this process waits in the spool any more: only then is
    /// everything in the database that [`load_open`] has to find.
    pub async fn replayed(&self) {
        // An error means that the writer ended; then nothing is replayed any more.
        let _ = self.replayed.clone().wait_for(|is_empty| *is_empty).await;
    }

    /// What became of records.
    #[must_use]
    pub fn counts(&self) -> JournalCounts {
        let Counters { spooled, replayed, spool_refusals, spoilt } = &*self.counters;
        let get = |counter: &AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        JournalCounts {
            spooled: get(spooled),
            replayed: get(replayed),
            spool_refusals: get(spool_refusals),
            spoilt: get(spoilt),
        }
    }

    /// Puts a record on record. `done` is called once: when it is safe, or when it cannot be made
    /// so. A record that something waits for ([`Entry::is_awaited`]) is answered within two
    /// seconds; every other is kept until it is written, here or in the spool. Never waits.
    ///
    /// [`Entry::is_awaited`]: fleet_core::journal::Entry::is_awaited
    pub fn append(&self, record: R, done: Done) {
        let deadline = record.is_awaited().then(|| Instant::now() + BEFORE_LIMIT);
        let job = Job { record_id: Uuid::now_v7(), record, deadline, done };
        if let Err(error) = self.jobs.try_send(job) {
            let (job, detail) = match error {
                TrySendError::Full(job) => (job, "too many records wait for the journal"),
                TrySendError::Closed(job) => (job, "the journal was shut down"),
            };
            (job.done)(Err(StoreError::Unavailable { detail: detail.to_owned() }));
        }
    }
}
