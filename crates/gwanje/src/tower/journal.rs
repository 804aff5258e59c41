//! Where records go before commands leave.
//!
//! The store behind it is replaceable: a durable one answers when its write is safe. [`StoreJournal`]
//! is the database's; [`MemoryJournal`] keeps the latest records in memory, for a trial without a
//! database: it proves the order of things and survives no restart.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use fleet_core::journal::Record;
use fleet_store::{journal::JournalCounts, spool::SpoolClient};

/// Records kept in memory; the oldest goes first.
const RECORDS_MAX: usize = 10_000;

/// A record could not be made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotJournaled {
    /// Not now.
    #[error("the journal cannot be written")]
    Down,
    /// Never: the database refuses what it says. It is in the log.
    #[error("the database refused the record for its content")]
    Refused,
}

/// Told once what became of a record.
pub type Done = Box<dyn FnOnce(Result<(), NotJournaled>) + Send>;

/// A store of records. Appending never waits; `done` is called when the record is safe, or cannot
/// be made so.
pub trait Journal: Send + Sync {
    /// Puts a record on record.
    fn append(&self, record: Record, done: Done);
}

/// The database's journal. Until it was read (what is open is known), nothing leaves that must be on
/// record first: it might be under way already. What has happened is taken at any time.
pub struct StoreJournal {
    journal: fleet_store::journal::Journal,
    is_read: AtomicBool,
    waiting: Arc<AtomicUsize>,
}

impl StoreJournal {
    /// A journal that was not read yet.
    #[must_use]
    pub fn new(journal: fleet_store::journal::Journal) -> Self {
        Self { journal, is_read: AtomicBool::new(false), waiting: Arc::default() }
    }

    /// Records that are not safe yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits until what an earlier tower left in the spool is in the database.
    pub async fn replayed(&self) {
        self.journal.replayed().await;
    }

    /// What became of records, the spool's part included.
    #[must_use]
    pub fn counts(&self) -> JournalCounts {
        self.journal.counts()
    }

    /// Gives the journal a connection to its spool. False when the journal ended.
    pub async fn connect_spool(&self, spool: SpoolClient) -> bool {
        self.journal.connect_spool(spool).await
    }

    /// Everything that is open has been handed to the machines.
    pub fn was_read(&self) {
        self.is_read.store(true, Ordering::Relaxed);
    }
}

impl Journal for StoreJournal {
    fn append(&self, record: Record, done: Done) {
        if record.entry.is_awaited() && !self.is_read.load(Ordering::Relaxed) {
            return done(Err(NotJournaled::Down));
        }
        let sn = record.sn.clone();
        let waiting = Arc::clone(&self.waiting);
        waiting.fetch_add(1, Ordering::Relaxed);
        let told = move |result: Result<(), fleet_store::StoreError>| {
            waiting.fetch_sub(1, Ordering::Relaxed);
            if let Err(error) = &result {
                tracing::warn!(device.sn = %sn, %error, "a record was not made");
            }
            done(result.map_err(|error| {
                if error.is_passing() { NotJournaled::Down } else { NotJournaled::Refused }
            }));
        };
        self.journal.append(record, Box::new(told));
    }
}

/// Keeps the latest records in memory.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    records: Mutex<VecDeque<Record>>,
}

impl Journal for MemoryJournal {
    fn append(&self, record: Record, done: Done) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() == RECORDS_MAX {
            records.pop_front();
        }
        records.push_back(record);
        drop(records);
        done(Ok(()));
    }
}
