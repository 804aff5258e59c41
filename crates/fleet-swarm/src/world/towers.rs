//! The towers: feeding their machines and carrying out what those ask for, as the real shell does.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use bytes::Bytes;
use dji_cloud::topic::Topic;
use fleet_core::alarm::hms;
use fleet_core::authority::AuthorityConfig;
use fleet_core::dock::{DockConfig, DockMachine};
use fleet_core::io::{BrokerPresence, Exchange, Input, Output, Sample, Send, SendFate};
use fleet_core::journal::{Entry, Record, fold::Fold};
use fleet_core::lease::Ownership;
use fleet_core::preflight::Limits;
use fleet_types::{
    CommandId, DeviceSn,
    topic::{DeviceEvent, DeviceOsd},
};
use serde::Deserialize;

use super::World;
use super::docks::{glance, short};
use crate::facts::{Cause, Fact, Sent};
use crate::net::{Client, Kind, Message, QUEUED_MAX};
use crate::queue::{Event, Ms};
use crate::store::Write;
use crate::tower::{COUNTERS_MAX, Held, Slot};

/// Outputs of one input beyond which a machine spins.
const OUTPUTS_MAX: usize = 2_000;
/// Entries that a machine may keep, whatever is asked of it.
const MEMORY_MAX: usize = 1_200;
/// How long the broker may keep a reply for a dock.
const REPLY_EXPIRY_MS: Ms = 10_000;

/// What the shell gives back to the machine while it carries out what that asked for.
enum Back {
    Fate(CommandId, SendFate),
    FileUrl(Exchange, Option<String>),
}

impl World {
    pub(super) fn start(&mut self, tower: usize) {
        if self.towers[tower].is_alive {
            return;
        }
        self.towers[tower].is_alive = true;
        self.towers[tower].life += 1;
        self.trace.line(self.now, || format!("tower {tower} starts"));
        for dock in 0..self.sites.len() {
            if self.plan.has_leases {
                self.begin_lease(tower, dock);
            } else if dock % self.towers.len() == tower {
                self.make_machine(tower, dock, None);
            }
        }
        self.connect(Client::Commands(tower));
        self.connect(Client::Events(tower));
    }

    pub(super) fn crash(&mut self, tower: usize) {
        if self.is_healed || !self.towers[tower].is_alive {
            return;
        }
        self.count("tower crashes");
        self.trace.line(self.now, || format!("tower {tower} dies"));
        self.leave(Client::Commands(tower));
        self.leave(Client::Events(tower));
        self.towers[tower].die();
        self.settle_writes(tower);
        for dock in 0..self.sites.len() {
            self.broker.subscribe(tower, dock, false);
            self.note(&Fact::Right { tower, dock, epoch: 0, until: 0 });
        }
        let back_at = self.now + self.rng.u64(500..9_000);
        self.queue.push(back_at, Event::Start(tower));
        if let Some(mean) = self.towers[tower].plan.crash_every_ms {
            self.after_about(mean, Event::Crash(tower));
        }
    }

    /// A panic in one dock's task: the machine is made anew from what is on record.
    pub(super) fn lose_machine(&mut self, tower: usize) {
        if self.is_healed {
            return;
        }
        let docks: Vec<usize> = self.towers[tower].machines.keys().copied().collect();
        if !docks.is_empty() {
            let dock = docks[self.rng.usize(0..docks.len())];
            self.count("machines lost");
            self.trace.line(self.now, || format!("tower {tower} loses the machine of dock {dock}"));
            let lease = self.towers[tower].leases.get(&dock);
            let right = lease.and_then(|(lease, _)| lease.right());
            self.make_machine(tower, dock, right);
        }
        if let Some(mean) = self.towers[tower].plan.panic_every_ms {
            self.after_about(mean, Event::Panic(tower));
        }
    }

    /// A machine made anew from what is on record, under the right that the tower has.
    pub(super) fn make_machine(&mut self, tower: usize, dock: usize, right: Option<Ownership>) {
        self.broker.subscribe(tower, dock, true);
        let site = &self.sites[dock];
        let config = DockConfig {
            sn: site.sn.clone(),
            name: String::new(),
            is_enrolled: true,
            site: self.kit.site.clone(),
            schemas: self.kit.schemas.clone(),
            seed: self.towers[tower].rng.u64(..),
            limits: Limits::default(),
            authority: AuthorityConfig::default(),
        };
        let now = self.towers[tower].now(self.now);
        let mut machine = DockMachine::new(now, config);
        if self.plan.has_leases {
            machine.handle(now, Input::Ownership(right));
        }
        // A machine lost alone is made anew from all that the tower asked to be written, one lost
        // with its tower, or in whose place another may have been, from what was written.
        let epoch = right.map_or(0, |right| right.epoch);
        let slot = self.towers[tower].machines.remove(&dock);
        let slot = slot.filter(|slot| right.is_none() || epoch <= slot.epochs.1 + 1);
        let (records, unsafe_records, epochs) = match slot {
            Some(slot) => {
                let newest = if right.is_none() { slot.epochs.1 } else { epoch };
                (slot.records, slot.unsafe_records, (slot.epochs.0, newest))
            }
            None => (self.store.journal(dock).to_vec(), BTreeSet::new(), (epoch, epoch)),
        };
        let is_owner = right.is_some() || !self.plan.has_leases;
        // Reports are counted from the beginning of a machine.
        let aircraft = DeviceSn::new(&self.sites[dock].model.identity().aircraft_sn).ok();
        let node = &mut self.towers[tower];
        node.lost_reports.remove(&self.sites[dock].sn);
        if let Some(aircraft) = aircraft {
            node.lost_reports.remove(&aircraft);
        }
        // Nobody flies by a word that is not on record.
        let journal = self.store.journal(dock);
        let counts = |record: &&Rc<Record>| {
            let is_word = matches!(record.entry, Entry::Notice(_)) && record.entry.is_awaited();
            !is_word || journal.contains(record)
        };
        let work = records
            .iter()
            .filter(counts)
            .map(|record| (**record).clone())
            .collect::<Fold>()
            .finish()
            .remove(&self.sites[dock].sn);
        machine.restore(now, work.unwrap_or_default());
        let (handling, held) = (None, Vec::new());
        let slot = Slot {
            machine,
            tick_at: None,
            records,
            handling,
            held,
            unsafe_records,
            is_owner,
            epochs,
        };
        self.towers[tower].machines.insert(dock, slot);
        if is_owner {
            self.note(&Fact::Made { tower, dock });
        }
        self.carry_out(tower, dock, Cause::Restart);
        let is_up = self.is_linked(Client::Commands(tower));
        self.feed(tower, dock, Cause::Link, Input::CommandLink { is_up });
    }

    pub(super) fn commands_connected(&mut self, tower: usize) {
        self.tell_link(tower, true);
        self.expire_counters(tower);
        while let Some((sent, message)) = self.towers[tower].counters.pop_front() {
            self.write(tower, sent, message);
        }
    }

    pub(super) fn commands_disconnected(&mut self, tower: usize) {
        let on_wire = std::mem::take(&mut self.towers[tower].on_wire);
        for (dock, command_id) in on_wire.into_values() {
            let fate = Input::Fate { command_id, fate: SendFate::Lost };
            self.feed(tower, dock, Cause::Link, fate);
        }
        self.tell_link(tower, false);
    }

    fn tell_link(&mut self, tower: usize, is_up: bool) {
        let docks: Vec<usize> = self.towers[tower].machines.keys().copied().collect();
        for dock in docks {
            self.feed(tower, dock, Cause::Link, Input::CommandLink { is_up });
        }
    }

    /// The listening connection is up: what is retained, and what the session kept, follows.
    pub(super) fn events_connected(&mut self, _tower: usize) {}

    pub(super) fn tower_gets(&mut self, tower: usize, packet: u64, message: &Message) {
        if !self.towers[tower].machines.contains_key(&message.dock) {
            // Not ours any more. The dock may never say it again: whoever has the dock hears it.
            let owner = self.commander(message.dock);
            if message.kind == Kind::Events
                && let Some(owner) = owner.filter(|owner| self.is_owner(*owner, message.dock))
            {
                self.count("events handed to the owner");
                self.tower_gets(owner, 0, message);
            }
            return self.acknowledge(Client::Events(tower), packet);
        }
        let Some(topic) = Topic::parse(&message.topic) else { return };
        let is_docks = topic.sn == self.sites[message.dock].sn.as_str();
        let (dock, kind, payload) = (message.dock, message.kind, message.payload.clone());
        self.note(&Fact::Heard { tower, dock, kind, is_docks, payload: &payload });
        if let Some(slot) = self.towers[tower].machines.get_mut(&dock) {
            slot.handling = Some(Held { packet, ..Held::default() });
        }
        let input = Input::Message { topic, payload: &payload };
        self.feed(tower, dock, Cause::Message(kind), input);
        self.handled(tower, dock);
    }

    pub(super) fn command_acked(&mut self, tower: usize, packet: u64, has_subscriber: bool) {
        let Some((dock, command_id)) = self.towers[tower].on_wire.remove(&packet) else { return };
        let fate = if has_subscriber { SendFate::Delivered } else { SendFate::NoSubscriber };
        self.feed(tower, dock, Cause::Link, Input::Fate { command_id, fate });
    }

    pub(super) fn tower_tick(&mut self, tower: usize, dock: usize) {
        let Some(slot) = self.towers[tower].machines.get_mut(&dock) else { return };
        if slot.tick_at != Some(self.now) {
            return;
        }
        slot.tick_at = None;
        let now = self.towers[tower].now(self.now);
        if let Some(slot) = self.towers[tower].machines.get_mut(&dock) {
            slot.machine.handle_timeout(now);
        }
        self.carry_out(tower, dock, Cause::Timeout);
    }

    /// What the broker's log says of a dock's connection, to the tower that listens.
    pub(super) fn tell_presence(&mut self, dock: usize, is_connected: bool) {
        for tower in 0..self.towers.len() {
            let is_there = self.towers[tower].machines.contains_key(&dock)
                && self.towers[tower].suspended_until <= self.now;
            if !is_there || !self.is_linked(Client::Events(tower)) || self.rng.u8(..) < 40 {
                continue;
            }
            let presence = if is_connected {
                BrokerPresence::Connected
            } else {
                BrokerPresence::Disconnected { reason: "connection lost".to_owned() }
            };
            self.feed(tower, dock, Cause::Presence, Input::Broker(presence));
        }
    }

    /// Gives a machine an input and carries out what it asks for. Whether there is such a machine.
    pub(super) fn feed(
        &mut self,
        tower: usize,
        dock: usize,
        cause: Cause,
        input: Input<'_>,
    ) -> bool {
        let now = self.towers[tower].now(self.now);
        let Some(slot) = self.towers[tower].machines.get_mut(&dock) else { return false };
        slot.machine.handle(now, input);
        self.carry_out(tower, dock, cause);
        true
    }

    fn carry_out(&mut self, tower: usize, dock: usize, mut cause: Cause) {
        let mut back = std::collections::VecDeque::new();
        let mut outputs = 0;
        loop {
            while let Some(output) = self.poll(tower, dock) {
                outputs += 1;
                if outputs > OUTPUTS_MAX {
                    let text = format!("the machine of dock {dock} does not stop asking");
                    return self.checks.fail(self.now, "queues within bounds", text);
                }
                self.carry_out_one(tower, dock, cause, output, &mut back);
            }
            let now = self.towers[tower].now(self.now);
            let Some(slot) = self.towers[tower].machines.get_mut(&dock) else { return };
            match back.pop_front() {
                Some(Back::Fate(command_id, fate)) => {
                    cause = Cause::Link;
                    slot.machine.handle(now, Input::Fate { command_id, fate });
                }
                Some(Back::FileUrl(exchange, url)) => {
                    cause = Cause::FileUrl;
                    slot.machine.handle(now, Input::FileUrl { exchange, url });
                }
                None => break,
            }
        }
        self.check_bounds(tower, dock);
        self.plan_tower_tick(tower, dock);
    }

    fn poll(&mut self, tower: usize, dock: usize) -> Option<Output> {
        self.towers[tower].machines.get_mut(&dock)?.machine.poll_output()
    }

    fn plan_tower_tick(&mut self, tower: usize, dock: usize) {
        let node = &mut self.towers[tower];
        let now = node.now(self.now).mono;
        let start = node.plan.mono_start_ms;
        let Some(slot) = node.machines.get_mut(&dock) else { return };
        let Some((due, _)) = slot.machine.poll_timeout(now) else { return };
        let due = due.0.saturating_sub(start).max(self.now + 1);
        if slot.tick_at.is_none_or(|planned| due < planned || planned <= self.now) {
            slot.tick_at = Some(due);
            self.queue.push(due, Event::TowerTick { tower, dock });
        }
    }

    /// Whatever is asked, said and lost, nothing grows without bound.
    fn check_bounds(&mut self, tower: usize, dock: usize) {
        let node = &self.towers[tower];
        let entries = node.machines.get(&dock).map_or(0, |slot| slot.machine.memory());
        let (waiting, kept) = (node.counters.len(), self.broker.longest_queue());
        if entries > MEMORY_MAX || waiting > COUNTERS_MAX || kept > QUEUED_MAX {
            let text = format!(
                "dock {dock}: {entries} entries, {waiting} counter-actions, {kept} at the broker"
            );
            self.checks.fail(self.now, "queues within bounds", text);
        }
    }

    fn carry_out_one(
        &mut self,
        tower: usize,
        dock: usize,
        cause: Cause,
        output: Output,
        back: &mut std::collections::VecDeque<Back>,
    ) {
        match output {
            Output::Send(send) => self.send(tower, dock, cause, send, back),
            Output::Reply { topic, payload } => {
                let slot = self.towers[tower].machines.get_mut(&dock);
                let is_owner = slot.as_ref().is_some_and(|slot| slot.is_owner);
                match slot.and_then(|slot| slot.handling.as_mut()) {
                    Some(held) if Kind::of(&topic) == Kind::EventsReply => {
                        if is_owner {
                            held.replies.push((topic, payload));
                        }
                    }
                    Some(_) | None => self.reply(tower, dock, topic, payload),
                }
            }
            Output::Journal { journal_id, record } => {
                let record = *record;
                let is_owner = self.is_owner(tower, dock);
                self.note(&Fact::Record { tower, dock, journal_id, record: &record, is_owner });
                let life = self.towers[tower].life;
                let record = Rc::new(record);
                if let Some(slot) = self.towers[tower].machines.get_mut(&dock) {
                    slot.records.push(Rc::clone(&record));
                    if !record.entry.is_awaited() {
                        slot.unsafe_records.insert(journal_id);
                    }
                    if let Some(held) = &mut slot.handling {
                        held.waits_for.insert(journal_id);
                    }
                }
                let slot = self.towers[tower].machines.get(&dock);
                let epoch = slot.map_or(0, |slot| slot.epochs.1);
                let is_fenced = false;
                self.record(Write { tower, life, dock, journal_id, record, epoch, is_fenced });
            }
            Output::MintFileUrl { exchange, wayline_id } => {
                let url = Some(format!("https://tower.site/waylines/{wayline_id}"));
                back.push_back(Back::FileUrl(exchange, url));
            }
            // Nothing is uploaded in this world.
            Output::MintStorage { .. } => {}
            // Which aircraft belong to which dock is known to this world's broker.
            Output::Children(_) => {}
            Output::Publish(sample) => {
                if self.is_owner(tower, dock) {
                    self.told(tower, dock, cause, *sample);
                    return;
                }
                if let Sample::Osd(osd) = &*sample {
                    // What another tower tells meanwhile is not this one's to count.
                    self.towers[tower].lost_reports.remove(&osd.sn);
                } else if let (Sample::Command(status), Cause::Request) = (*sample, cause)
                    && status.counter_action
                {
                    self.note(&Fact::KnownAlready(status.command_id));
                }
            }
        }
    }

    fn send(
        &mut self,
        tower: usize,
        dock: usize,
        cause: Cause,
        send: Send,
        back: &mut std::collections::VecDeque<Back>,
    ) {
        let expires = self.towers[tower].moment(send.expires);
        let sent = read_sent(tower, dock, expires, &send);
        self.trace.line(self.now, || {
            let (method, tid) = (&sent.method, short(&sent.tid));
            format!("tower {tower} → dock {dock}: {method} {tid}, good until {expires} ({cause:?})")
        });
        self.note(&Fact::Sent { sent: &sent, cause });
        let message = Message {
            topic: send.topic.into(),
            kind: Kind::Services,
            dock,
            payload: Bytes::from(send.payload),
            at_least_once: true,
            expires: None,
        };
        let command_id = send.command_id;
        if expires <= self.now {
            return back.push_back(Back::Fate(command_id, SendFate::Expired));
        }
        if self.is_linked(Client::Commands(tower)) {
            self.write(tower, sent, message);
            return back.push_back(Back::Fate(command_id, SendFate::Sent));
        }
        let counters = &mut self.towers[tower].counters;
        if send.counter_action && counters.len() < COUNTERS_MAX {
            self.trace.line(self.now, || "  it waits for the link".to_owned());
            counters.push_back((sent, message));
            self.queue.push(expires, Event::OutboxTick(tower));
        } else {
            back.push_back(Back::Fate(command_id, SendFate::NotSent));
        }
    }

    /// Writes a command to the connection, which is up.
    fn write(&mut self, tower: usize, sent: Sent, mut message: Message) {
        let left_ms = sent.expires.saturating_sub(self.now);
        // As the real link: whole seconds, one taken off, at most once where none is left.
        let whole_s = (left_ms / 1_000).saturating_sub(1);
        message.at_least_once = whole_s > 0;
        message.expires = (whole_s > 0).then_some(whole_s * 1_000);
        self.note(&Fact::Written(&sent));
        let waited = self.towers[tower].machines.contains_key(&sent.dock);
        if let Some(packet) = self.publish(Client::Commands(tower), message)
            && packet != 0
            && waited
        {
            self.towers[tower].on_wire.insert(packet, (sent.dock, sent.command_id));
        }
    }

    pub(super) fn expire_counters(&mut self, tower: usize) {
        let now = self.now;
        let mut late = Vec::new();
        self.towers[tower].counters.retain(|(sent, _)| {
            let is_late = sent.expires <= now;
            if is_late {
                late.push((sent.dock, sent.command_id));
            }
            !is_late
        });
        for (dock, command_id) in late {
            let fate = Input::Fate { command_id, fate: SendFate::Expired };
            self.feed(tower, dock, Cause::Link, fate);
        }
    }

    pub(super) fn reply(&mut self, tower: usize, dock: usize, topic: String, payload: Vec<u8>) {
        let kind = Kind::of(&topic);
        self.trace.line(self.now, || {
            format!("tower {tower} → dock {dock}: {kind:?} {}", glance(&payload))
        });
        let message = Message {
            topic: topic.into(),
            kind,
            dock,
            payload: Bytes::from(payload),
            at_least_once: true,
            expires: Some(REPLY_EXPIRY_MS),
        };
        // Losing it is harmless: the device asks again.
        let _ = self.publish(Client::Commands(tower), message);
    }

    fn told(&mut self, tower: usize, dock: usize, cause: Cause, sample: Sample) {
        match sample {
            Sample::Osd(osd) => {
                self.note(&Fact::Telemetry { tower, dock, osd: &osd });
                self.offer_to_recorder(tower, osd);
            }
            Sample::Command(status) => {
                self.trace.number(status.state as u64);
                self.trace.line(self.now, || {
                    let reason = status.reason.as_ref().map_or("", |reason| &*reason.code);
                    let (id, method) = (status.command_id.to_string(), &status.method);
                    format!("  command {} {method}: {:?} {reason}", short(&id), status.state)
                });
                self.note(&Fact::Command { tower, dock, status: &status, cause });
                self.people.told_command(dock, &status);
            }
            Sample::Mission(status) => {
                self.trace.number(status.state as u64);
                self.trace.line(self.now, || {
                    let reason = status.reason.as_ref().map_or("", |reason| &*reason.code);
                    let id = status.mission_id.to_string();
                    let (state, verdict) = (status.state, status.verdict);
                    format!("  mission {}: {state:?} {verdict:?} {reason}", short(&id))
                });
                self.note(&Fact::Mission { dock, status: &status, cause });
                self.people.told_mission(dock, &status);
            }
            Sample::Status(status) => self.trace.line(self.now, || {
                let reason = status.reason.as_ref().map_or("", |reason| &*reason.code);
                format!("  {} is {:?} {reason}", status.sn, status.connection)
            }),
            Sample::Alarm(alarm) => self.trace.line(self.now, || {
                format!("  alarm {} cleared: {:?}", alarm.reason.code, alarm.cleared_ms)
            }),
            Sample::Event(event) => self.alarm(tower, dock, &event),
            Sample::Topology(_)
            | Sample::Drift(_)
            | Sample::Trace(_)
            | Sample::Preflight(_)
            | Sample::AuthorityAnswer(_)
            | Sample::AuthorityChange(_) => {}
        }
    }

    /// On the way to the recorder a report may be replaced by the next.
    fn offer_to_recorder(&mut self, tower: usize, osd: DeviceOsd) {
        let is_lost = !self.is_healed && self.rng.u8(..) < 12;
        let now = self.towers[tower].now(self.now).mono;
        let node = &mut self.towers[tower];
        if is_lost {
            // Of a device that was never heard nobody can tell what is missing.
            if let Some(lost) = node.lost_reports.get_mut(&osd.sn) {
                *lost += 1;
            }
            return self.count("reports lost before the recorder");
        }
        let decision = node.recorder.handle(now, &osd);
        let lost = node.lost_reports.insert(osd.sn.clone(), 0);
        self.note(&Fact::Row { tower, osd: &osd, decision, lost });
    }

    /// An event of a device, as the tower's alarms take it.
    fn alarm(&mut self, tower: usize, dock: usize, event: &DeviceEvent) {
        let Some(input) = hms::read(event, None, None) else { return };
        let now = self.towers[tower].now(self.now);
        let alarms = &mut self.towers[tower].alarms;
        alarms.handle_input(now, input);
        while alarms.poll_output().is_some() {}
        let sn = &self.sites[dock].sn;
        let its_own = alarms.statuses().filter(|status| status.sn.as_ref() == Some(sn));
        let up: BTreeSet<String> = its_own
            .filter(|status| status.state.is_active())
            .filter_map(|status| status.cause.strip_prefix("hms ").map(str::to_owned))
            .collect();
        self.note(&Fact::Alarms { tower, dock, up: &up });
    }

    pub(super) fn store_down(&mut self, is_down: bool) {
        if self.is_healed {
            return;
        }
        self.store.set_down(is_down);
        self.trace.line(self.now, || format!("database is down: {is_down}"));
        if is_down {
            self.count("database outages");
            let up_at = self.now + self.rng.u64(500..15_000);
            self.queue.push(up_at, Event::StoreDown(false));
        } else if let Some(mean) = self.plan.store.down_every_ms {
            self.after_about(mean, Event::StoreDown(true));
        }
    }
}

/// What is read of a command.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    tid: Cow<'a, str>,
    data: Option<CallData>,
}

#[derive(Deserialize)]
struct CallData {
    flight_id: Option<String>,
}

/// Reads a command back from its payload, as anybody else would.
fn read_sent(tower: usize, dock: usize, expires: Ms, send: &Send) -> Sent {
    let call: Call<'_> = serde_json::from_slice(&send.payload).unwrap_or_default();
    Sent {
        tower,
        dock,
        command_id: send.command_id,
        method: call.method.into_owned(),
        tid: call.tid.into_owned(),
        flight_id: call.data.and_then(|data| data.flight_id),
        expires,
        counter_action: send.counter_action,
    }
}
