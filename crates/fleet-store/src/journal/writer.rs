//! The one task that writes the journal.

use std::{collections::VecDeque, time::Duration};

use tokio::{select, sync::mpsc, time::Instant};

use super::{Job, write};
use crate::{
    database::{Database, DatabaseState},
    error::StoreError,
};

/// Records in one transaction.
const BATCH_MAX: usize = 256;
/// Records kept in memory while the database is away; the channel holds as many again.
const KEPT_MAX: usize = 16_384;
/// Pause after a failed write.
const PAUSE: Duration = Duration::from_millis(100);

/// Writes what [`super::Journal::append`] was given.
pub struct Writer {
    database: Database,
    jobs: mpsc::Receiver<Job>,
    waiting: VecDeque<Job>,
}

impl Writer {
    pub(super) fn new(database: Database, jobs: mpsc::Receiver<Job>) -> Self {
        Self { database, jobs, waiting: VecDeque::new() }
    }

    /// Runs until every [`super::Journal`] is gone and what they left is written.
    pub async fn run(mut self) {
        while self.gather().await {
            if let DatabaseState::Down { error, .. } = self.database.state() {
                self.refuse_hurried(&error);
                self.wait_for_change().await;
                continue;
            }
            let count = self.waiting.len().min(BATCH_MAX);
            match self.write_first(count).await {
                Ok(()) => {
                    for job in self.waiting.drain(..count) {
                        (job.done)(Ok(()));
                    }
                }
                Err(error) if error.is_passing() => {
                    tracing::warn!(%error, records = count, "the journal was not written; again");
                    self.refuse_late(&error);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => self.write_singly(count, error).await,
            }
        }
    }

    /// Takes up what is there, waiting for the first; false when nothing can come any more.
    async fn gather(&mut self) -> bool {
        if self.waiting.is_empty() {
            match self.jobs.recv().await {
                Some(job) => self.waiting.push_back(job),
                None => return false,
            }
        }
        while self.waiting.len() < KEPT_MAX {
            let Ok(job) = self.jobs.try_recv() else { break };
            self.waiting.push_back(job);
        }
        true
    }

    async fn write_first(&mut self, count: usize) -> Result<(), StoreError> {
        let session = self.database.session().await?;
        let records: Vec<_> =
            self.waiting.iter().take(count).map(|job| (job.record_id, &job.record)).collect();
        write(&session, &records).await?;
        session.release();
        Ok(())
    }

    /// The database will not have this batch: find out which record is to blame.
    async fn write_singly(&mut self, count: usize, refusal: StoreError) {
        if count == 1 {
            if let Some(job) = self.waiting.pop_front() {
                let (sn, entry) = (&job.record.sn, &job.record.entry);
                tracing::error!(%sn, error = %refusal, ?entry, "a record was refused for its content");
                (job.done)(Err(refusal));
            }
            return;
        }
        for _ in 0..count {
            match self.write_first(1).await {
                Ok(()) => {
                    if let Some(job) = self.waiting.pop_front() {
                        (job.done)(Ok(()));
                    }
                }
                // The rest waits for the next round.
                Err(error) if error.is_passing() => return,
                Err(error) => Box::pin(self.write_singly(1, error)).await,
            }
        }
    }

    /// The database is away: what must be on record before it leaves does not leave.
    fn refuse_hurried(&mut self, error: &str) {
        self.refuse(error, |_| true);
    }

    /// A write failed: what has waited long enough does not leave.
    fn refuse_late(&mut self, error: &StoreError) {
        let now = Instant::now();
        self.refuse(&error.to_string(), |deadline| deadline <= now);
    }

    fn refuse(&mut self, detail: &str, is_due: impl Fn(Instant) -> bool) {
        let waiting = std::mem::take(&mut self.waiting);
        for job in waiting {
            if job.deadline.is_some_and(&is_due) {
                (job.done)(Err(StoreError::Unavailable { detail: detail.to_owned() }));
            } else {
                self.waiting.push_back(job);
            }
        }
    }

    /// Until the database's state changes or a record comes in.
    async fn wait_for_change(&mut self) {
        let mut state = self.database.watch();
        let has_room = self.waiting.len() < KEPT_MAX;
        select! {
            biased;
            _ = state.wait_for(DatabaseState::is_up) => {}
            Some(job) = self.jobs.recv(), if has_room => self.waiting.push_back(job),
            () = tokio::time::sleep(PAUSE * 10) => {}
        }
    }
}
