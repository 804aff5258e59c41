//! What came in and is not yet written. Taking in never waits.
//!
//! Telemetry is bounded in bytes: when there is no room, the oldest rows go and are counted. What
//! must not be lost is bounded too: states by one entry an object (a newer one takes the older
//! one's place), events by what the broker hands over unacknowledged; beyond the bound the newest
//! is not taken, which for an event means that nobody acknowledges it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use bytes::BytesMut;
use fleet_types::{DeviceSn, WallMs, topic::DeviceOsd};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Counts, Safe,
    batch::{Kept, Rows},
    columns::{Encoder, names},
};
use crate::json::Text;

/// Where a device belongs until somebody says otherwise; the migration makes this site.
pub(crate) const DEFAULT_SITE: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0002);
/// Rows that are written together.
const ROWS_MAX: u64 = 1000;
/// Bytes that are written together.
const BYTES_MAX: usize = 256 << 10;
/// Events that wait.
const EVENTS_MAX: usize = 16_384;
/// Objects of one kind whose state waits.
const STATES_MAX: usize = 32_768;
/// Things that must not be lost in one batch.
const KEPT_AT_ONCE: usize = 500;

/// Rows being gathered.
#[derive(Default)]
struct Gathering {
    tuples: BytesMut,
    count: u64,
    first: WallMs,
    last: WallMs,
}

/// An event and what waits for it.
struct Waiting {
    events: Vec<Value>,
    safe: Safe,
}

/// A kind of object whose latest state is kept.
type States = BTreeMap<Arc<str>, Value>;

pub(crate) struct Intake {
    encoder: Encoder,
    columns: Vec<String>,
    gathering: Gathering,
    sealed: VecDeque<Rows>,
    sealed_bytes: usize,
    bytes_max: usize,
    waiting: VecDeque<Waiting>,
    waiting_events: usize,
    pub(crate) commands: States,
    pub(crate) missions: States,
    pub(crate) alarms: States,
    pub(crate) devices: States,
    twins: Twins,
    pub(crate) sites: BTreeMap<DeviceSn, Uuid>,
    changed: WallMs,
    pub(crate) counts: Counts,
}

/// What one batch is made of, and who waits for it.
pub(crate) struct Taken {
    pub(crate) rows: Option<Rows>,
    pub(crate) kept: Kept,
    pub(crate) safe: Vec<Safe>,
}

impl Intake {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            encoder: Encoder::default(),
            columns: names().into_iter().map(str::to_owned).collect(),
            gathering: Gathering::default(),
            sealed: VecDeque::new(),
            sealed_bytes: 0,
            bytes_max,
            waiting: VecDeque::new(),
            waiting_events: 0,
            commands: States::new(),
            missions: States::new(),
            alarms: States::new(),
            devices: States::new(),
            twins: Twins::default(),
            sites: BTreeMap::new(),
            changed: WallMs(0),
            counts: Counts::default(),
        }
    }

    /// Takes a report as a row. True when a batch is full.
    pub(crate) fn row(&mut self, osd: &DeviceOsd) -> bool {
        let site = self.sites.get(&osd.sn).copied().unwrap_or(DEFAULT_SITE);
        let gathering = &mut self.gathering;
        if gathering.count == 0 {
            (gathering.first, gathering.last) = (osd.received_ms, osd.received_ms);
        }
        gathering.first = gathering.first.min(osd.received_ms);
        gathering.last = gathering.last.max(osd.received_ms);
        self.encoder.push(&mut gathering.tuples, site, osd);
        gathering.count += 1;
        let is_full = gathering.count >= ROWS_MAX || gathering.tuples.len() >= BYTES_MAX;
        if is_full {
            self.seal();
        }
        is_full
    }

    fn seal(&mut self) {
        let Gathering { tuples, count, first, last } = std::mem::take(&mut self.gathering);
        if count == 0 {
            return;
        }
        self.gathering.tuples.reserve(tuples.len());
        self.sealed_bytes += tuples.len();
        let columns = self.columns.clone();
        self.sealed.push_back(Rows { tuples: tuples.freeze(), columns, count, first, last });
        while self.sealed_bytes > self.bytes_max {
            let Some(oldest) = self.sealed.pop_front() else { break };
            self.sealed_bytes -= oldest.tuples.len();
            self.counts.rows_dropped += oldest.count;
        }
    }

    /// Takes the events of one message. They are taken whole or not at all.
    pub(crate) fn events(&mut self, events: Vec<Value>, safe: Safe) {
        if self.waiting_events + events.len() > EVENTS_MAX {
            self.counts.events_refused += events.len() as u64;
            return;
        }
        self.waiting_events += events.len();
        self.waiting.push_back(Waiting { events, safe });
    }

    /// Takes the newest state of an object.
    pub(crate) fn state(
        &mut self,
        kind: fn(&mut Self) -> &mut States,
        key: Arc<str>,
        now: WallMs,
        status: Value,
    ) {
        self.told(kind, key, now, json!({ "status": status }));
    }

    /// As [`Self::state`], with what goes beside the status.
    pub(crate) fn told(
        &mut self,
        kind: fn(&mut Self) -> &mut States,
        key: Arc<str>,
        now: WallMs,
        mut told: Value,
    ) {
        // Later states have later times though the clock stands still or is set back.
        self.changed = WallMs(self.changed.0.saturating_add(1).max(now.0));
        told["changed_ms"] = self.changed.0.into();
        let states = kind(self);
        if states.len() >= STATES_MAX && !states.contains_key(&key) {
            self.counts.states_refused += 1;
            return;
        }
        states.insert(key, told);
    }

    /// Takes the latest values of a device.
    pub(crate) fn twin(&mut self, osd: Arc<DeviceOsd>) {
        self.twins.put(osd);
    }

    pub(crate) fn forget(&mut self, sn: &DeviceSn) {
        self.encoder.forget(sn);
        self.twins.forget(sn);
        self.sites.remove(sn);
    }

    /// Whether anything waits that must not be lost.
    pub(crate) fn has_kept(&self) -> bool {
        let states = [&self.commands, &self.missions, &self.alarms, &self.devices];
        !self.waiting.is_empty() || states.iter().any(|states| !states.is_empty())
    }

    /// Whether rows wait that are due: a full batch, or any if the time has come.
    pub(crate) fn has_rows(&self, is_due: bool) -> bool {
        !self.sealed.is_empty() || (is_due && self.gathering.count > 0)
    }

    /// What waits, for people: rows, and things that must not be lost.
    pub(crate) fn backlog(&self) -> (u64, u64) {
        let rows = self.gathering.count + self.sealed.iter().map(|rows| rows.count).sum::<u64>();
        let states = [&self.commands, &self.missions, &self.alarms, &self.devices];
        let states: usize = states.iter().map(|states| states.len()).sum();
        (rows, (self.waiting_events + states) as u64)
    }

    /// The next batch: the oldest rows, what must not be lost, and of one in so many devices, in turn,
    /// the latest values. All at once they would hold the loop for a second.
    pub(crate) fn take(&mut self, twins_of: Option<usize>) -> Taken {
        if self.sealed.is_empty() {
            self.seal();
        }
        let rows = self.sealed.pop_front();
        if let Some(rows) = &rows {
            self.sealed_bytes -= rows.tuples.len();
        }
        let mut kept = Kept::default();
        let mut safe = Vec::new();
        while kept.events.len() < KEPT_AT_ONCE {
            let Some(waiting) = self.waiting.pop_front() else { break };
            self.waiting_events -= waiting.events.len();
            kept.events.extend(waiting.events);
            safe.push(waiting.safe);
        }
        kept.commands = some(&mut self.commands);
        kept.missions = some(&mut self.missions);
        kept.alarms = some(&mut self.alarms);
        kept.devices = some(&mut self.devices);
        if let Some(parts) = twins_of {
            kept.twins = self.twins.take(parts);
        }
        Taken { rows, kept, safe }
    }
}

/// The latest values of each device that were not written yet.
#[derive(Default)]
struct Twins {
    places: HashMap<DeviceSn, usize>,
    /// In the order in which devices were first heard.
    latest: Vec<(DeviceSn, Option<Arc<DeviceOsd>>)>,
    /// Whose turn it is.
    next: usize,
}

impl Twins {
    fn put(&mut self, osd: Arc<DeviceOsd>) {
        if let Some((_, latest)) =
            self.places.get(&osd.sn).and_then(|place| self.latest.get_mut(*place))
        {
            *latest = Some(osd);
        } else if self.latest.len() < STATES_MAX {
            self.places.insert(osd.sn.clone(), self.latest.len());
            self.latest.push((osd.sn.clone(), Some(osd)));
        }
    }

    fn forget(&mut self, sn: &DeviceSn) {
        let Some(place) = self.places.remove(sn) else { return };
        self.latest.swap_remove(place);
        if let Some((moved, _)) = self.latest.get(place) {
            self.places.insert(moved.clone(), place);
        }
    }

    /// Those of the next devices, one in so many of all.
    fn take(&mut self, parts: usize) -> Vec<Text> {
        let share = self.latest.len().div_ceil(parts.max(1));
        if self.next >= self.latest.len() {
            self.next = 0;
        }
        let due = self.latest.iter_mut().skip(self.next).take(share);
        self.next += share;
        due.filter_map(|(_, latest)| latest.take()).map(|osd| Text::of(&*osd)).collect()
    }
}

fn some(states: &mut States) -> Vec<Value> {
    let mut taken = Vec::new();
    while taken.len() < KEPT_AT_ONCE {
        let Some((_, state)) = states.pop_first() else { break };
        taken.push(state);
    }
    taken
}

#[cfg(test)]
mod tests {
    use fleet_types::{DeviceClass, Telemetry, telemetry::Schema};

    use super::*;

    fn osd(number: usize) -> Arc<DeviceOsd> {
        let sn = DeviceSn::new(&format!("D{number}")).unwrap();
        let values = Telemetry::empty(Arc::new(Schema { fields: Vec::new() }));
        Arc::new(DeviceOsd {
            gateway_sn: sn.clone(),
            sn,
            class: DeviceClass::Dock,
            report_count: 0,
            received_ms: WallMs(0),
            values,
        })
    }

    #[test]
    fn the_latest_values_of_every_device_have_their_turn() {
        let mut twins = Twins::default();
        (0..10).map(osd).for_each(|osd| twins.put(osd));
        twins.put(osd(3));
        let turn = |twins: &mut Twins| twins.take(4).len();
        assert_eq!([(); 4].map(|()| turn(&mut twins)), [3, 3, 3, 1]);
        assert_eq!(turn(&mut twins), 0, "nothing was heard since");
        twins.put(osd(9));
        twins.put(osd(0));
        twins.forget(&osd(1).sn);
        twins.forget(&osd(1).sn);
        let written: usize = (0..4).map(|_| turn(&mut twins)).sum();
        assert_eq!(written, 2);
        twins.put(osd(1));
        twins.put(osd(9));
        assert_eq!((0..5).map(|_| turn(&mut twins)).sum::<usize>(), 2);
        assert!(twins.places.iter().all(|(sn, place)| twins.latest[*place].0 == *sn));
    }
}
