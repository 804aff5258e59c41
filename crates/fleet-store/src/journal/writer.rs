//! The one task that writes the journal.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use fleet_core::journal::Record;
use tokio::{
    select,
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::{Counters, Job, Recorded};
use crate::{
    database::{Database, DatabaseState},
    error::StoreError,
    spool::{Kept, SpoolClient, SpoolError},
};

/// Records in one transaction.
const BATCH_MAX: usize = 256;
/// Records kept in memory while the database and the spool are away; the channel holds as many
/// again.
const KEPT_MAX: usize = 16_384;
/// Pause after a failed write.
const PAUSE: Duration = Duration::from_millis(100);

/// What the writer is given.
pub(super) struct Ends<R> {
    pub(super) jobs: mpsc::Receiver<Job<R>>,
    pub(super) spools: mpsc::Receiver<SpoolClient>,
    /// Told once the spool was found, or made, empty.
    pub(super) empty: watch::Sender<bool>,
}

/// The journal's spool, as far as the writer knows.
enum Spool {
    /// There is none and never will be.
    None,
    /// It is not connected. Nothing may overtake what it may hold.
    Gone,
    /// Connected.
    There(SpoolClient),
}

/// Writes what [`super::Journal::append`] was given.
pub struct Writer<R = Record> {
    database: Database,
    ends: Ends<R>,
    counters: Arc<Counters>,
    spool: Spool,
    waiting: VecDeque<Job<R>>,
}

impl<R: Recorded> Writer<R> {
    pub(super) fn new(
        database: Database,
        ends: Ends<R>,
        counters: Arc<Counters>,
        has_spool: bool,
    ) -> Self {
        let spool = if has_spool { Spool::Gone } else { Spool::None };
        Self { database, ends, counters, spool, waiting: VecDeque::new() }
    }

    /// Runs until every [`super::Journal`] is gone and what they left is written.
    pub async fn run(mut self) {
        while self.gather().await {
            if !self.database.is_writable() {
                self.refuse_hurried();
                if !self.spool_waiting().await {
                    self.wait_for_change().await;
                }
                continue;
            }
            let (has_spooled, is_gone) = match &self.spool {
                Spool::There(spool) => (spool.has_more(), false),
                Spool::Gone => (false, true),
                Spool::None => (false, false),
            };
            if has_spooled {
                self.replay_one().await;
                continue;
            }
            if is_gone {
                let detail = "the journal's spool is not connected".to_owned();
                self.refuse_late(&StoreError::Unavailable { detail });
                self.wait_for_change().await;
                continue;
            }
            self.ends.empty.send_replace(true);
            let count = self.waiting.len().min(BATCH_MAX);
            if count > 0 {
                self.write_waiting(count).await;
            }
        }
    }

    async fn write_waiting(&mut self, count: usize) {
        match self.write_first(count).await {
            Ok(()) => {
                for job in self.waiting.drain(..count) {
                    (job.done)(Ok(()));
                }
            }
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, records = count, "the journal was not written; again");
                self.refuse_late(&error);
                sleep(PAUSE).await;
            }
            Err(error) => self.write_singly(count, error).await,
        }
    }

    /// Takes up what is there, waiting for the first; false when nothing can come any more.
    async fn gather(&mut self) -> bool {
        self.take_spool();
        let has_work = !self.waiting.is_empty()
            || match &self.spool {
                Spool::There(spool) => spool.has_more() || !*self.ends.empty.borrow(),
                Spool::Gone => !*self.ends.empty.borrow(),
                Spool::None => false,
            };
        if !has_work {
            select! {
                biased;
                Some(spool) = self.ends.spools.recv() => self.spool = Spool::There(spool),
                job = self.ends.jobs.recv() => match job {
                    Some(job) => self.waiting.push_back(job),
                    None => return false,
                },
            }
        }
        while self.waiting.len() < KEPT_MAX {
            let Ok(job) = self.ends.jobs.try_recv() else { break };
            self.waiting.push_back(job);
        }
        true
    }

    fn take_spool(&mut self) {
        if let Ok(spool) = self.ends.spools.try_recv() {
            self.spool = Spool::There(spool);
        }
    }

    async fn write_first(&mut self, count: usize) -> Result<(), StoreError> {
        let records: Vec<_> =
            self.waiting.iter().take(count).map(|job| (job.record_id, &job.record)).collect();
        write_records(&self.database, &records).await
    }

    /// The database will not have this batch: find out which record is to blame.
    async fn write_singly(&mut self, count: usize, refusal: StoreError) {
        if count == 1 {
            if let Some(job) = self.waiting.pop_front() {
                job.record.say_refused(&refusal);
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

    /// Makes what has happened safe in the spool; false when nothing waits or the spool does not
    /// take it. What must be on record before it leaves does not go there: it would fly on a
    /// record that no other tower can read.
    async fn spool_waiting(&mut self) -> bool {
        let Spool::There(spool) = &mut self.spool else { return false };
        let has_happened = self.waiting.iter().filter(|job| job.deadline.is_none());
        let records: Vec<(Uuid, &R)> =
            has_happened.take(BATCH_MAX).map(|job| (job.record_id, &job.record)).collect();
        let count = records.len();
        if count == 0 {
            return false;
        }
        let payload = serde_json::to_vec(&records).unwrap_or_default();
        match spool.append(payload.into()).await {
            Ok(Kept::Yes) => {
                add(&self.counters.spooled, count);
                let mut left = count;
                for job in std::mem::take(&mut self.waiting) {
                    if job.deadline.is_none() && left > 0 {
                        left -= 1;
                        (job.done)(Ok(()));
                    } else {
                        self.waiting.push_back(job);
                    }
                }
                true
            }
            Ok(Kept::No { why }) => {
                tracing::error!(why, "the journal's spool did not take records");
                add(&self.counters.spool_refusals, 1);
                false
            }
            Err(error) => {
                self.lose_spool(&error);
                false
            }
        }
    }

    /// Takes the oldest records out of the spool and into the database.
    async fn replay_one(&mut self) {
        let Spool::There(spool) = &mut self.spool else { return };
        let (seq, payload) = match spool.read().await {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => return self.lose_spool(&error),
        };
        let count = match replay::<R>(&self.database, &self.counters, seq, &payload).await {
            Ok(count) => count,
            Err(error) => {
                tracing::warn!(%error, "records of the spool were not written; again");
                self.refuse_late(&error);
                return sleep(PAUSE).await;
            }
        };
        add(&self.counters.replayed, count);
        let Spool::There(spool) = &mut self.spool else { return };
        if let Err(error) = spool.forget(seq).await {
            self.lose_spool(&error);
        }
    }

    /// What was asked of it last may have been done: until it is back nothing may overtake that.
    fn lose_spool(&mut self, error: &SpoolError) {
        tracing::error!(%error, "the journal's spool is gone");
        self.spool = Spool::Gone;
    }

    /// The database is away: what must be on record before it leaves does not leave.
    fn refuse_hurried(&mut self) {
        let detail = match self.database.state() {
            DatabaseState::Down { error, .. } => error,
            // It may be back within the time that a record may wait.
            DatabaseState::Starting | DatabaseState::Up { .. } => {
                let detail = "the database is not ready".to_owned();
                return self.refuse_late(&StoreError::Unavailable { detail });
            }
        };
        self.refuse(&detail, |_| true);
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

    /// Until the database's state changes, a spool is connected or a record comes in.
    async fn wait_for_change(&mut self) {
        let has_room = self.waiting.len() < KEPT_MAX;
        let database = self.database.clone();
        let is_writable = database.is_writable();
        select! {
            biased;
            Some(spool) = self.ends.spools.recv() => self.spool = Spool::There(spool),
            () = database.writable(), if !is_writable => {}
            Some(job) = self.ends.jobs.recv(), if has_room => self.waiting.push_back(job),
            () = sleep(PAUSE * 10) => {}
        }
    }
}

/// Writes records of the spool; how many. An error is one that passes.
async fn replay<R: Recorded>(
    database: &Database,
    counters: &Counters,
    seq: u64,
    payload: &Bytes,
) -> Result<usize, StoreError> {
    let records: Vec<(Uuid, R)> = match serde_json::from_slice(payload) {
        Ok(records) => records,
        Err(error) => {
            tracing::error!(%error, seq, "records of the spool cannot be read and are left out");
            add(&counters.spoilt, 1);
            return Ok(0);
        }
    };
    let all: Vec<_> = records.iter().map(|(id, record)| (*id, record)).collect();
    match write_records(database, &all).await {
        Err(error) if !error.is_passing() => {}
        done => return done.map(|()| records.len()),
    }
    for one in all {
        match write_records(database, &[one]).await {
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => one.1.say_refused(&error),
            Ok(()) => {}
        }
    }
    Ok(records.len())
}

async fn write_records<R: Recorded>(
    database: &Database,
    records: &[(Uuid, &R)],
) -> Result<(), StoreError> {
    let session = database.session().await?;
    R::write(&session, records).await?;
    session.release();
    Ok(())
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
