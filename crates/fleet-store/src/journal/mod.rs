//! The journal: what was decided, on record before it leaves; what became of it, after.
//!
//! [`Journal::append`] never waits; [`Writer::run`] gathers what came in while the last commit was
//! under way and writes it as one transaction. What must be on record *before* something leaves is
//! answered quickly, with failure if need be. What is told *after the fact* (outcomes, counter-
//! actions, people's findings) is never given up: it is kept until the database takes it.
//! [`load_open`] finds again what was under way. What the records mean is `fleet-core`'s business.

mod load;
mod rows;
mod writer;

use std::time::Duration;

use fleet_core::journal::Record;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::Instant,
};
use uuid::Uuid;

pub(crate) use load::OPEN;
pub use load::{CLOSED_MAX, Stored, load_open};
pub(crate) use rows::write;
pub use writer::Writer;

use crate::{database::Database, error::StoreError};

/// Records that wait to be taken up by the writer.
const QUEUE_MAX: usize = 4096;
/// How long something may wait for its record before it is refused.
const BEFORE_LIMIT: Duration = Duration::from_secs(2);

/// Told once what became of a record.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A record under way.
pub(crate) struct Job {
    pub(crate) record_id: Uuid,
    pub(crate) record: Record,
    /// Given up after this; none: kept until it is written.
    pub(crate) deadline: Option<Instant>,
    pub(crate) done: Done,
}

/// Appends to the journal; clones share one writer.
#[derive(Clone)]
pub struct Journal {
    jobs: mpsc::Sender<Job>,
}

impl Journal {
    /// A journal in `database`, and the writer that must be run for it to work.
    #[must_use]
    pub fn new(database: Database) -> (Self, Writer) {
        let (jobs, received) = mpsc::channel(QUEUE_MAX);
        (Self { jobs }, Writer::new(database, received))
    }

    /// Puts a record on record. `done` is called once: when it is safe, or when it cannot be made
    /// so. A record that something waits for ([`Entry::is_awaited`]) is answered within two
    /// seconds; every other is kept until it is written. Never waits.
    ///
    /// [`Entry::is_awaited`]: fleet_core::journal::Entry::is_awaited
    pub fn append(&self, record: Record, done: Done) {
        let deadline = record.entry.is_awaited().then(|| Instant::now() + BEFORE_LIMIT);
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
