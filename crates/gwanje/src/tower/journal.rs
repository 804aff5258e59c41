//! Where records go before commands leave.
//!
//! The store behind it is replaceable: a durable one answers when its write is safe. This one keeps
//! the latest records in memory, so it proves the order of things and survives no restart.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use fleet_core::journal::Record;

/// Records kept in memory; the oldest goes first.
const RECORDS_MAX: usize = 10_000;

/// A record could not be made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written")]
pub struct JournalDown;

/// Told once what became of a record.
pub type Done = Box<dyn FnOnce(Result<(), JournalDown>) + Send>;

/// A store of records. Appending never waits; `done` is called when the record is safe, or cannot
/// be made so.
pub trait Journal: Send + Sync {
    /// Puts a record on record.
    fn append(&self, record: Record, done: Done);
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
