//! The hub's picture of the fleet, bounded, and the clients it is told to.
//!
//! One lock holds all of it, taken for moments and never across an await: what a client is told on
//! connecting and what it is told afterwards therefore fit without gap.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use axum::extract::ws::Utf8Bytes;
use fleet_types::{
    AlarmId, AlarmStatus, CommandStatus, DeviceSn, DeviceStatus, LinkStatus, MissionStatus, WallMs,
    alarm::{AlarmState, Priority},
    authority::AuthorityAnswer,
    link::LinkName,
    preflight::PreflightReport,
    topic::DeviceOsd,
};
use serde::Serialize;

use super::{
    events::{About, Events, Missed},
    ledger::Ledger,
    osd::{Osd, OsdReader},
    outbox::Outbox,
    table::Table,
    traces::Traces,
    tracks::{Point, Tracks},
};
use crate::positions::{Measured, Record};

const MAX_COMMANDS: usize = 10_000;
const MAX_MISSIONS: usize = 2_000;
/// Answers kept for whoever asked; they are fetched within seconds.
const MAX_REPORTS: usize = 256;
const MAX_CLEARED_ALARMS: usize = 1_000;
const MAX_ACTIVE_ALARMS: usize = 20_000;
/// Devices the hub will show. A tower serves fewer; beyond it new serial numbers are not shown.
const MAX_DEVICES: usize = 20_000;
/// Slots announced in one event.
const SLOTS_AN_EVENT: usize = 200;

/// Telemetry of a device and the number of its change among all changes.
struct OsdSlot {
    seq: u64,
    sample: Arc<DeviceOsd>,
}

/// One OSD frame for all clients whose cursor stands at `from`.
pub(crate) struct OsdFrame {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) text: Utf8Bytes,
}

pub(crate) struct View {
    pub(crate) devices: BTreeMap<DeviceSn, Arc<DeviceStatus>>,
    /// What was known before this process of devices that it did not hear yet.
    recalled: BTreeMap<DeviceSn, DeviceStatus>,
    osd: HashMap<DeviceSn, OsdSlot>,
    /// Who changed when, oldest first; kept only while somebody wants JSON frames.
    osd_changes: BTreeMap<u64, DeviceSn>,
    osd_seq: u64,
    osd_reader: OsdReader,
    /// Frames of the present second, for clients that are up to date.
    osd_frames: Vec<Arc<OsdFrame>>,
    /// Cursor up to which shared frames exist.
    pub(crate) osd_published: u64,
    pub(crate) commands: Ledger<CommandStatus>,
    pub(crate) missions: Ledger<MissionStatus>,
    alarms: BTreeMap<AlarmId, Arc<AlarmStatus>>,
    cleared_alarms: BTreeSet<(WallMs, AlarmId)>,
    pub(crate) links: BTreeMap<LinkName, Arc<LinkStatus>>,
    pub(crate) traces: Traces,
    /// Answers to questions before take-off, oldest first; who asked waits for them.
    pub(crate) reports: VecDeque<Arc<PreflightReport>>,
    /// Answers about authority, likewise.
    pub(crate) authority: VecDeque<Arc<AuthorityAnswer>>,
    pub(crate) table: Table,
    tracks: Tracks,
    /// Alarms that are up, by device, most urgent first.
    alarms_up: BTreeMap<DeviceSn, BTreeSet<(Priority, AlarmId)>>,
    events: Events,
    clients: BTreeMap<u64, Arc<Outbox>>,
    next_client: u64,
    /// Clients that want the JSON `osd` frames made for everybody.
    osd_listeners: usize,
    pub(crate) refused: u64,
}

impl View {
    /// `epoch` names this process to clients that come back.
    pub(crate) fn new(epoch: String) -> Self {
        Self {
            devices: BTreeMap::new(),
            recalled: BTreeMap::new(),
            osd: HashMap::new(),
            osd_changes: BTreeMap::new(),
            osd_seq: 0,
            osd_reader: OsdReader::default(),
            osd_frames: Vec::new(),
            osd_published: 0,
            commands: Ledger::new(MAX_COMMANDS),
            missions: Ledger::new(MAX_MISSIONS),
            alarms: BTreeMap::new(),
            cleared_alarms: BTreeSet::new(),
            links: BTreeMap::new(),
            traces: Traces::default(),
            reports: VecDeque::new(),
            authority: VecDeque::new(),
            table: Table::default(),
            tracks: Tracks::default(),
            alarms_up: BTreeMap::new(),
            events: Events::new(epoch),
            clients: BTreeMap::new(),
            next_client: 0,
            osd_listeners: 0,
            refused: 0,
        }
    }

    pub(crate) fn put_device(&mut self, status: Arc<DeviceStatus>) {
        if self.devices.len() >= MAX_DEVICES && !self.devices.contains_key(&status.sn) {
            self.refused += 1;
            return;
        }
        self.tell(About::Device(status.sn.clone()), "device", "device", &*status);
        self.table.touch(&status.sn);
        self.devices.insert(status.sn.clone(), status);
    }

    /// What a device's machine tells. Until it was heard, what was known before stays: it was here.
    pub(crate) fn put_told(&mut self, status: Arc<DeviceStatus>) {
        if status.last_heard_ms.is_some() {
            self.recalled.remove(&status.sn);
        } else if let Some(before) = self.recalled.get(&status.sn) {
            let whole = seen_before(&status, before.clone());
            return self.put_device(Arc::new(whole));
        }
        self.put_device(status);
    }

    /// What was known of a device before this process; nothing where it was heard since.
    pub(crate) fn recall(&mut self, before: DeviceStatus) {
        let told = match self.devices.get(&before.sn) {
            None => before.clone(),
            Some(now) if now.last_heard_ms.is_none() => seen_before(now, before.clone()),
            Some(_) => return,
        };
        self.put_device(Arc::new(told));
        if self.devices.contains_key(&before.sn) {
            self.recalled.insert(before.sn.clone(), before);
        }
    }

    /// Forgets a device and the aircraft heard through it.
    pub(crate) fn remove_device(&mut self, sn: &DeviceSn) {
        let gone: Vec<_> = self
            .devices
            .values()
            .filter(|device| device.sn == *sn || device.gateway_sn.as_ref() == Some(sn))
            .map(|device| device.sn.clone())
            .collect();
        for sn in gone {
            self.devices.remove(&sn);
            self.recalled.remove(&sn);
            if let Some(slot) = self.osd.remove(&sn) {
                self.osd_changes.remove(&slot.seq);
            }
            self.table.remove(&sn);
            self.tracks.forget(&sn);
            self.tell(About::Device(sn.clone()), "removed", "sn", &sn);
        }
    }

    /// A device as last told. Machines tell their status on change, not at each report, so the time
    /// of the last report counts as heard too.
    pub(crate) fn device(&self, sn: &DeviceSn) -> Option<Arc<DeviceStatus>> {
        let status = self.devices.get(sn)?;
        let heard = self.osd.get(sn).map(|slot| slot.sample.received_ms);
        if heard <= status.last_heard_ms {
            return Some(Arc::clone(status));
        }
        Some(Arc::new(DeviceStatus { last_heard_ms: heard, ..(**status).clone() }))
    }

    /// Every device, each as [`Self::device`] tells it.
    pub(crate) fn all_devices(&self) -> Vec<Arc<DeviceStatus>> {
        self.devices.keys().filter_map(|sn| self.device(sn)).collect()
    }

    pub(crate) fn put_osd(&mut self, sample: Arc<DeviceOsd>) {
        if self.osd.len() >= MAX_DEVICES && !self.osd.contains_key(&sample.sn) {
            self.refused += 1;
            return;
        }
        self.table.touch(&sample.sn);
        self.osd_seq += 1;
        let seq = self.osd_seq;
        if self.has_osd_listeners() {
            self.osd_changes.insert(seq, sample.sn.clone());
        }
        if let Some(old) = self.osd.insert(sample.sn.clone(), OsdSlot { seq, sample })
            && self.has_osd_listeners()
        {
            self.osd_changes.remove(&old.seq);
        }
    }

    pub(crate) fn put_command(&mut self, status: Arc<CommandStatus>) {
        self.tell(About::Device(status.sn.clone()), "command", "command", &*status);
        self.commands.put(status);
    }

    pub(crate) fn put_mission(&mut self, status: Arc<MissionStatus>) {
        self.tell(About::Device(status.sn.clone()), "mission", "mission", &*status);
        self.missions.put(status);
    }

    pub(crate) fn put_report(&mut self, report: Arc<PreflightReport>) {
        if self.reports.len() >= MAX_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(report);
    }

    pub(crate) fn put_authority(&mut self, answer: Arc<AuthorityAnswer>) {
        if self.authority.len() >= MAX_REPORTS {
            self.authority.pop_front();
        }
        self.authority.push_back(answer);
    }

    pub(crate) fn put_link(&mut self, status: Arc<LinkStatus>) {
        self.tell(About::Everybody, "link", "link", &*status);
        self.links.insert(status.link, status);
    }

    pub(crate) fn put_alarm(&mut self, alarm: Arc<AlarmStatus>) {
        let about = alarm.sn.clone().map_or(About::Tower, About::Device);
        self.tell(about, "alarm", "alarm", &*alarm);
        let id = alarm.alarm_id;
        let cleared = over_since(&alarm);
        if let Some(before) = self.alarms.get(&id).map(Arc::clone) {
            self.mark_alarm(&before, false);
            if let Some(at) = over_since(&before) {
                self.cleared_alarms.remove(&(at, id));
            }
        }
        if needs_a_hand(&alarm) {
            self.mark_alarm(&alarm, true);
        }
        self.alarms.insert(id, alarm);
        if let Some(at) = cleared {
            self.cleared_alarms.insert((at, id));
        }
        if self.cleared_alarms.len() > MAX_CLEARED_ALARMS {
            if let Some((_, oldest)) = self.cleared_alarms.pop_first() {
                self.alarms.remove(&oldest);
            }
        } else if self.alarms.len() - self.cleared_alarms.len() > MAX_ACTIVE_ALARMS {
            // Far beyond what a person can act on; counted, and the least urgent oldest one goes.
            self.refused += 1;
            let active = self.alarms.values().filter(|alarm| over_since(alarm).is_none());
            let least = active.min_by_key(|a| (std::cmp::Reverse(a.priority), a.raised_ms));
            if let Some(id) = least.map(|alarm| alarm.alarm_id)
                && let Some(gone) = self.alarms.remove(&id)
            {
                self.mark_alarm(&gone, false);
            }
        }
    }

    fn mark_alarm(&mut self, alarm: &AlarmStatus, up: bool) {
        let Some(sn) = &alarm.sn else { return };
        let mark = (alarm.priority, alarm.alarm_id);
        if up {
            self.alarms_up.entry(sn.clone()).or_default().insert(mark);
        } else if let Some(marks) = self.alarms_up.get_mut(sn) {
            marks.remove(&mark);
            if marks.is_empty() {
                self.alarms_up.remove(sn);
            }
        }
        self.table.touch_known(sn);
    }

    /// What needs a hand first, most urgent first, newest first; then what is shelved, then what is
    /// over.
    pub(crate) fn alarms_in_order(&self) -> Vec<Arc<AlarmStatus>> {
        let mut list: Vec<_> = self.alarms.values().cloned().collect();
        list.sort_by_key(|alarm| {
            let is_shelved = alarm.shelved.is_some();
            let newest = std::cmp::Reverse(alarm.raised_ms);
            (over_since(alarm).is_some(), is_shelved, alarm.priority, newest)
        });
        list
    }

    pub(crate) fn alarm(&self, id: AlarmId) -> Option<Arc<AlarmStatus>> {
        self.alarms.get(&id).cloned()
    }

    pub(crate) fn telemetry(&self, sn: &DeviceSn) -> Option<Arc<DeviceOsd>> {
        self.osd.get(sn).map(|slot| Arc::clone(&slot.sample))
    }

    /// Up to `max` devices whose newest change lies in `(from, to]`, and the cursor after them.
    pub(crate) fn osd_between(&mut self, from: u64, to: u64, max: usize) -> (Vec<Osd>, u64) {
        let mut items = Vec::new();
        let mut cursor = from;
        if to <= from {
            return (items, from);
        }
        for (seq, sn) in self.osd_changes.range(from + 1..=to) {
            if items.len() >= max {
                return (items, cursor);
            }
            if let Some(slot) = self.osd.get(sn) {
                items.push(self.osd_reader.read(&slot.sample));
            }
            cursor = *seq;
        }
        (items, to)
    }

    pub(crate) fn publish_osd(&mut self, frame: OsdFrame) {
        self.osd_published = frame.to;
        self.osd_frames.push(Arc::new(frame));
    }

    /// A new second: who has not fetched the frames of the last one gets its own, coalesced.
    pub(crate) fn begin_osd(&mut self) -> u64 {
        self.osd_frames.clear();
        self.osd_seq
    }

    /// The shared frame that starts at this cursor.
    pub(crate) fn osd_frame(&self, from: u64) -> Option<Arc<OsdFrame>> {
        self.osd_frames.iter().find(|frame| frame.from == from).cloned()
    }

    /// Begins a tick: announces the slots given since the last one. Returns the slots whose
    /// records are to be made.
    pub(crate) fn begin_positions(&mut self) -> Vec<u16> {
        let slots = self.table.take_unannounced();
        for slots in slots.chunks(SLOTS_AN_EVENT) {
            self.tell(About::Slots(slots.into()), "slots", "slots", &slots);
        }
        self.table.begin_tick()
    }

    /// Makes the record of a slot from what is known now.
    pub(crate) fn make_position(&mut self, slot: u16) {
        let Some(sn) = self.table.sn(slot) else { return };
        let status = self.devices.get(sn);
        let sample = self.osd.get(sn).map(|slot| &slot.sample);
        let Some(class) = sample.map(|osd| osd.class).or(status.map(|status| status.class)) else {
            return;
        };
        let measured = sample.map_or_else(Measured::default, |osd| self.osd_reader.measure(osd));
        let alarm = self.alarms_up.get(sn).and_then(|marks| marks.first()).map(|mark| mark.0);
        let record = Record::new(class, status.map(|status| &**status), alarm, &measured);
        self.tracks.note(sn, &record);
        self.table.put(slot, record);
    }

    /// Where the device was since then, oldest first.
    pub(crate) fn track(&self, sn: &DeviceSn, since: WallMs) -> Vec<Point> {
        self.tracks.since(sn, since)
    }

    pub(crate) fn track_points(&self) -> usize {
        self.tracks.total()
    }

    /// What a list or map shows of a sample.
    pub(crate) fn summary(&mut self, sample: &DeviceOsd) -> Osd {
        self.osd_reader.read(sample)
    }

    /// The summary of a device, and the number of its change, when that is not `known`.
    pub(crate) fn osd_unless(&mut self, sn: &DeviceSn, known: u64) -> Option<(Osd, u64)> {
        let slot = self.osd.get(sn).filter(|slot| slot.seq != known)?;
        Some((self.osd_reader.read(&slot.sample), slot.seq))
    }

    /// Up to `max` devices whose serial number comes after `after`, as [`Self::device`] tells them.
    pub(crate) fn devices_after(
        &self,
        after: Option<&DeviceSn>,
        max: usize,
    ) -> Vec<Arc<DeviceStatus>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let sns = self.devices.range::<DeviceSn, _>((from, Bound::Unbounded)).take(max);
        sns.filter_map(|(sn, _)| self.device(sn)).collect()
    }

    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// What a client that comes back missed.
    pub(crate) fn missed(&self, epoch: &str, seq: u64) -> Missed {
        self.events.since(epoch, seq)
    }

    /// Alarms that are up, in no order.
    pub(crate) fn alarms_that_are_up(&self) -> impl Iterator<Item = &Arc<AlarmStatus>> {
        self.alarms.values().filter(|alarm| needs_a_hand(alarm))
    }

    /// JSON frames for everybody are made while somebody wants them.
    pub(crate) fn add_osd_listener(&mut self) {
        if !self.has_osd_listeners() {
            self.osd_changes = self.osd.iter().map(|(sn, slot)| (slot.seq, sn.clone())).collect();
        }
        self.osd_listeners += 1;
    }

    pub(crate) fn remove_osd_listener(&mut self) {
        self.osd_listeners = self.osd_listeners.saturating_sub(1);
        if !self.has_osd_listeners() {
            self.osd_changes.clear();
        }
    }

    pub(crate) fn has_osd_listeners(&self) -> bool {
        self.osd_listeners > 0
    }

    pub(crate) fn add_client(&mut self) -> (u64, Arc<Outbox>) {
        let id = self.next_client;
        self.next_client += 1;
        let outbox = Arc::new(Outbox::default());
        self.clients.insert(id, Arc::clone(&outbox));
        (id, outbox)
    }

    pub(crate) fn remove_client(&mut self, id: u64) {
        self.clients.remove(&id);
    }

    pub(crate) fn alarm_counts(&self) -> (usize, usize) {
        (self.alarms.len() - self.cleared_alarms.len(), self.cleared_alarms.len())
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Puts it into words once and queues it for every client.
    fn tell(&mut self, about: About, kind: &str, name: &str, body: &impl Serialize) {
        let frame = self.events.tell(about, kind, name, body);
        for outbox in self.clients.values() {
            outbox.push(frame.clone());
        }
    }
}

/// Whether an alarm is shown at its device: not put aside, and not merely waiting for somebody's
/// word that it was there.
fn needs_a_hand(alarm: &AlarmStatus) -> bool {
    let stands = match alarm.state {
        AlarmState::Raised
        | AlarmState::Acknowledged
        | AlarmState::LatchedUnacknowledged
        | AlarmState::LatchedAcknowledged => true,
        AlarmState::ClearedUnacknowledged | AlarmState::Cleared => false,
    };
    stands && alarm.shelved.is_none()
}

/// When an alarm was over for good; nothing while somebody has to do with it.
fn over_since(alarm: &AlarmStatus) -> Option<WallMs> {
    let is_over = alarm.state == AlarmState::Cleared && alarm.shelved.is_none();
    is_over.then(|| alarm.cleared_ms.unwrap_or(alarm.raised_ms))
}

/// `{"type": kind, name: body}`.
pub(crate) fn frame(kind: &str, name: &str, body: &impl Serialize) -> Utf8Bytes {
    // Our own types serialise; `null` would be shown as a malformed frame, never crash a client.
    let body = serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned());
    format!("{{\"type\":\"{kind}\",\"{name}\":{body}}}").into()
}

/// A device that this process has not heard, with what was known of it; what its machine says of
/// itself stays.
fn seen_before(now: &DeviceStatus, before: DeviceStatus) -> DeviceStatus {
    let or = |now: &str, before: String| if now.is_empty() { before } else { now.to_owned() };
    DeviceStatus {
        name: or(&now.name, before.name),
        model: or(&now.model, before.model),
        children: if now.children.is_empty() { before.children } else { now.children.clone() },
        connection: before.connection,
        // What it says of itself is that it was never heard.
        reason: before.reason.or_else(|| now.reason.clone()),
        last_heard_ms: before.last_heard_ms,
        firmware: before.firmware,
        ..now.clone()
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::{DeviceClass, Reason, Telemetry, alarm::AlarmSource, telemetry::Schema};
    use uuid::Uuid;

    use super::*;

    fn sample(n: usize) -> Arc<DeviceOsd> {
        let sn = DeviceSn::new(&format!("SIM{n}")).unwrap();
        Arc::new(DeviceOsd {
            gateway_sn: sn.clone(),
            sn,
            class: DeviceClass::Dock,
            report_count: 1,
            received_ms: WallMs(0),
            values: Telemetry::empty(Arc::new(Schema { fields: Vec::new() })),
        })
    }

    fn sns(items: &[Osd]) -> Vec<&str> {
        items.iter().map(|item| item.sn.as_str()).collect()
    }

    #[test]
    fn a_lagging_cursor_gets_each_device_once_and_in_portions() {
        let mut view = View::new(String::new());
        for n in [0, 1, 2, 0, 1] {
            view.put_osd(sample(n));
        }
        view.add_osd_listener();
        view.put_osd(sample(0));
        let target = view.begin_osd();
        let (items, cursor) = view.osd_between(0, target, 2);
        assert_eq!((sns(&items), cursor), (vec!["SIM2", "SIM1"], 5));
        let (items, cursor) = view.osd_between(cursor, target, 2);
        assert_eq!((sns(&items), cursor), (vec!["SIM0"], 6));
        view.put_osd(sample(2));
        assert_eq!(view.osd_between(cursor, target, 2).0, [], "that is the next second's");
        view.remove_osd_listener();
        assert_eq!(view.osd_changes.len(), 0, "nobody wants to know");
    }

    #[test]
    fn shared_frames_are_for_cursors_that_are_up_to_date() {
        let mut view = View::new(String::new());
        let text = Utf8Bytes::from_static("x");
        view.publish_osd(OsdFrame { from: 0, to: 4, text: text.clone() });
        assert_eq!(view.osd_frame(0).unwrap().to, 4);
        view.begin_osd();
        view.publish_osd(OsdFrame { from: 4, to: 9, text });
        assert!(view.osd_frame(0).is_none() && view.osd_frame(4).is_some());
    }

    #[test]
    fn cleared_alarms_give_way_and_active_ones_stay() {
        let mut view = View::new(String::new());
        let alarm = |id: u128, cleared: Option<i64>| {
            let state = if cleared.is_some() { AlarmState::Cleared } else { AlarmState::Raised };
            Arc::new(AlarmStatus {
                alarm_id: AlarmId(Uuid::from_u128(id)),
                sn: None,
                source: AlarmSource::Tower,
                priority: Priority::Low,
                state,
                reason: Reason::new("silent", "nothing was heard"),
                cause: "silent".to_owned(),
                in_flood: false,
                raised_ms: WallMs(0),
                raised_count: 1,
                cleared_ms: cleared.map(WallMs),
                acknowledged: None,
                shelved: None,
            })
        };
        view.put_alarm(alarm(0, None));
        view.put_alarm(alarm(1, None));
        for id in 1..=1500 {
            view.put_alarm(alarm(id, Some(1)));
            view.put_alarm(alarm(id, Some(2)));
        }
        assert_eq!(view.alarm_counts(), (1, MAX_CLEARED_ALARMS));
        assert_eq!(view.alarms_in_order()[0].alarm_id, AlarmId(Uuid::from_u128(0)));
        view.put_alarm(alarm(1500, None));
        assert_eq!(view.alarm_counts(), (2, MAX_CLEARED_ALARMS - 1));
    }
}
