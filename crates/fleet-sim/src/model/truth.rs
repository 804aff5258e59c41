//! What a dock was really told and really did: the judge of every test about commands. It keeps
//! counts forever and the last records only. Read next: `services`.

use std::collections::{BTreeMap, VecDeque};

use super::Now;

const KEPT: usize = 2_000;
const KEPT_FLIGHTS: usize = 500;
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

/// How a flight task truly ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlightEnd {
    /// All waypoints flown.
    Complete,
    /// Somebody sent it home.
    Canceled,
    /// It could not go on, with this documented code.
    Failed(i64),
}

/// What truly became of one flight task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flight {
    /// How often the aircraft left the ground for it.
    pub take_offs: u32,
    /// When it last left the ground.
    pub took_off_at: Option<Now>,
    /// How and when it ended, if it did.
    pub ended: Option<(Now, FlightEnd)>,
}

/// Everything a dock was told since it was built.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroundTruth {
    records: VecDeque<CommandRecord>,
    executed: BTreeMap<String, u64>,
    received: BTreeMap<String, u64>,
    take_offs: u64,
    flights: BTreeMap<String, Flight>,
    /// Flights in the order in which they were first heard of.
    flown: VecDeque<String>,
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

    /// What became of the flight task of this id, among the last ones.
    #[must_use]
    pub fn flight(&self, flight_id: &str) -> Option<&Flight> {
        self.flights.get(flight_id)
    }

    /// The last flight tasks that took off or ended, by id.
    pub fn flights(&self) -> impl Iterator<Item = (&str, &Flight)> {
        self.flights.iter().map(|(flight_id, flight)| (flight_id.as_str(), flight))
    }

    /// The last commands, oldest first.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &CommandRecord> {
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

    pub(super) fn took_off(&mut self, now: Now, flight_id: String) {
        self.take_offs += 1;
        let flight = self.flight_mut(flight_id);
        flight.take_offs += 1;
        flight.took_off_at = Some(now);
    }

    pub(super) fn ended(&mut self, now: Now, flight_id: &str, end: FlightEnd) {
        self.flight_mut(flight_id.to_owned()).ended = Some((now, end));
    }

    fn flight_mut(&mut self, flight_id: String) -> &mut Flight {
        if !self.flights.contains_key(&flight_id) {
            if self.flown.len() == KEPT_FLIGHTS
                && let Some(oldest) = self.flown.pop_front()
            {
                self.flights.remove(&oldest);
            }
            self.flown.push_back(flight_id.clone());
        }
        self.flights.entry(flight_id).or_default()
    }
}
