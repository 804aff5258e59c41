//! What a dock was really told and really did: the judge of every test about commands. It keeps
//! counts forever and the last records only. Read next: `services`.

use std::collections::{BTreeMap, VecDeque};

use super::Now;

const KEPT: usize = 2_000;
const METHODS: usize = 300;

/// What became of one received command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect.
    Executed,
    /// It was refused with this code.
    Refused(i64),
    /// It was ignored, or answered without effect (a fault).
    NotDone,
}

/// One command as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRecord {
    /// DJI method.
    pub method: String,
    /// Transaction id, if the message had one.
    pub tid: String,
    /// When it arrived.
    pub at: Now,
    /// Remaining message expiry the broker stated, seconds.
    pub expiry_s: Option<u32>,
    /// Flight it names, if any.
    pub flight_id: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Everything a dock was told since it was built.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroundTruth {
    records: VecDeque<CommandRecord>,
    executed: BTreeMap<String, u64>,
    received: BTreeMap<String, u64>,
    take_offs: u64,
}

impl GroundTruth {
    /// How often commands of this method took effect.
    #[must_use]
    pub fn executions(&self, method: &str) -> u64 {
        self.executed.get(method).copied().unwrap_or(0)
    }

    /// How often commands of this method arrived.
    #[must_use]
    pub fn received(&self, method: &str) -> u64 {
        self.received.get(method).copied().unwrap_or(0)
    }

    /// How often commands with this transaction id took effect, among the records kept.
    #[must_use]
    pub fn executions_of_tid(&self, tid: &str) -> usize {
        let done =
            |record: &&CommandRecord| record.tid == tid && record.outcome == Outcome::Executed;
        self.records.iter().filter(done).count()
    }

    /// How often the aircraft left the ground.
    #[must_use]
    pub fn take_offs(&self) -> u64 {
        self.take_offs
    }

    /// The last commands, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &CommandRecord> {
        self.records.iter()
    }

    pub(super) fn record(&mut self, record: CommandRecord) {
        // Names come from outside; a flood of invented ones must not grow the map for ever.
        let known = self.received.contains_key(&record.method) || self.received.len() < METHODS;
        let method = if known { record.method.as_str() } else { "(others)" };
        *self.received.entry(method.to_owned()).or_default() += 1;
        if record.outcome == Outcome::Executed {
            *self.executed.entry(method.to_owned()).or_default() += 1;
        }
        if self.records.len() == KEPT {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(super) fn took_off(&mut self) {
        self.take_offs += 1;
    }
}
