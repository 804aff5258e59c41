//! The database as a tower meets it: writes take time, fail, or succeed without an answer; a tower
//! that died may still have written. Rows are the journal's records by dock.

use std::collections::BTreeMap;
use std::rc::Rc;

use fastrand::Rng;
use fleet_core::{io::JournalId, journal::Record};

use crate::plan::StorePlan;
use crate::queue::{Claim, Ms};

/// A write on its way.
#[derive(Clone, Debug)]
pub struct Write {
    /// Tower that asked.
    pub tower: usize,
    /// Its life.
    pub life: u32,
    /// Dock it is about.
    pub dock: usize,
    /// The machine's name for it.
    pub journal_id: JournalId,
    /// The record.
    pub record: Rc<Record>,
    /// Under which the tower owned the dock when it asked.
    pub epoch: u64,
    /// The database refused it: another owner came after that epoch.
    pub is_fenced: bool,
}

/// Who has a dock, as the table of leases says.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Tower.
    pub tower: usize,
    /// Higher with each owner.
    pub epoch: u64,
    /// True time at which the lease runs out by the database's clock.
    pub until: Ms,
}

/// When a write is committed, if it is, and when and what its tower hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Committed here.
    pub commit_at: Option<Ms>,
    /// Answered here.
    pub answer_at: Ms,
    /// With this.
    pub ok: bool,
}

/// The database.
#[derive(Debug)]
pub struct Store {
    plan: StorePlan,
    rng: Rng,
    is_down: bool,
    /// Trouble has ended.
    is_healed: bool,
    journal: BTreeMap<usize, Vec<Rc<Record>>>,
    /// Batches that were not answered yet, and whether they are committed.
    batches: BTreeMap<u64, (Vec<Write>, bool)>,
    next: u64,
    rows: BTreeMap<usize, Row>,
}

/// How long a tower waits for an answer that does not come.
const TIMEOUT_MS: Ms = 5_000;

impl Store {
    /// An empty database.
    #[must_use]
    pub fn new(plan: StorePlan, seed: u64) -> Self {
        Self {
            plan,
            rng: Rng::with_seed(seed),
            is_down: false,
            is_healed: false,
            journal: BTreeMap::new(),
            batches: BTreeMap::new(),
            next: 0,
            rows: BTreeMap::new(),
        }
    }

    /// Takes a batch of writes, which is committed whole or not at all; what becomes of it is
    /// decided now.
    pub fn write(&mut self, now: Ms, batch: Vec<Write>) -> (u64, Fate) {
        let took = self.plan.base_ms + self.rng.u64(0..=self.plan.jitter_ms);
        let fate = if self.is_down {
            Fate { commit_at: None, answer_at: now + 1, ok: false }
        } else if self.is_healed {
            Fate { commit_at: Some(now + took), answer_at: now + took + 1, ok: true }
        } else if self.rng.f64() < self.plan.fail {
            Fate { commit_at: None, answer_at: now + took, ok: false }
        } else if self.rng.f64() < self.plan.lost_answer {
            Fate { commit_at: Some(now + took), answer_at: now + took.max(TIMEOUT_MS), ok: false }
        } else {
            Fate { commit_at: Some(now + took), answer_at: now + took + 1, ok: true }
        };
        self.next += 1;
        self.batches.insert(self.next, (batch, false));
        (self.next, fate)
    }

    /// The time of a batch has come: what is committed by it.
    pub fn commit(&mut self, batch: u64) -> Vec<(usize, Rc<Record>)> {
        let Some((writes, is_committed)) = self.batches.get_mut(&batch) else { return Vec::new() };
        if std::mem::replace(is_committed, true) {
            return Vec::new();
        }
        for write in writes.iter_mut() {
            let newest = self.rows.get(&write.dock).map_or(0, |row| row.epoch);
            write.is_fenced = newest > write.epoch;
        }
        let kept = writes.iter().filter(|write| !write.is_fenced);
        let rows: Vec<_> = kept.map(|write| (write.dock, Rc::clone(&write.record))).collect();
        for (dock, record) in &rows {
            self.journal.entry(*dock).or_default().push(Rc::clone(record));
        }
        rows
    }

    /// The batch that is answered; it is forgotten.
    pub fn answered(&mut self, batch: u64) -> Vec<Write> {
        self.batches.remove(&batch).map(|(writes, _)| writes).unwrap_or_default()
    }

    /// Batches of a tower that are neither committed nor answered.
    #[must_use]
    pub fn pending_of(&self, tower: usize) -> Vec<u64> {
        let is_its = |writes: &[Write]| writes.first().is_some_and(|write| write.tower == tower);
        let pending = self.batches.iter().filter(|(_, (writes, done))| is_its(writes) && !done);
        pending.map(|(batch, _)| *batch).collect()
    }

    /// Goes away, or comes back.
    pub fn set_down(&mut self, is_down: bool) {
        self.is_down = is_down;
    }

    /// No trouble from here on.
    pub fn heal(&mut self) {
        self.is_healed = true;
        self.is_down = false;
    }

    /// How long a question to the table of leases is on its way, and whether its answer is lost;
    /// nothing when it does not arrive.
    pub fn way_of_claim(&mut self) -> Option<(Ms, bool)> {
        let took = self.plan.base_ms + self.rng.u64(0..=self.plan.jitter_ms.min(500));
        if self.is_healed {
            return Some((took, false));
        }
        if self.is_down || self.rng.f64() < self.plan.fail {
            return None;
        }
        Some((took, self.rng.f64() < self.plan.lost_answer))
    }

    /// Compare and set: the owner's lease grows under its epoch, one that ran out goes to whoever
    /// asks, under the next. The epoch, if it was granted.
    pub fn claim(&mut self, now: Ms, claim: &Claim) -> Option<u64> {
        if self.is_down {
            return None;
        }
        let row = self.rows.get(&claim.dock).copied();
        let epoch = match row {
            Some(row) if row.tower == claim.tower && Some(row.epoch) == claim.holds => row.epoch,
            Some(row) if now < row.until => return None,
            Some(row) => row.epoch + 1,
            None => 1,
        };
        let percent = u64::try_from(100 + self.plan.clock_percent).unwrap_or(100);
        let until = now + claim.ttl_ms * 100 / percent;
        self.rows.insert(claim.dock, Row { tower: claim.tower, epoch, until });
        Some(epoch)
    }

    /// Whether the database is away.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.is_down
    }

    /// A tower gives its dock back.
    pub fn release(&mut self, now: Ms, tower: usize, dock: usize, epoch: u64) {
        if let Some(row) = self.rows.get_mut(&dock)
            && (row.tower, row.epoch) == (tower, epoch)
            && !self.is_down
        {
            row.until = row.until.min(now);
        }
    }

    /// Who has a dock, or had it last.
    #[must_use]
    pub fn row(&self, dock: usize) -> Option<Row> {
        self.rows.get(&dock).copied()
    }

    /// The journal of a dock, oldest first.
    #[must_use]
    pub fn journal(&self, dock: usize) -> &[Rc<Record>] {
        self.journal.get(&dock).map_or(&[], Vec::as_slice)
    }
}
