//! Alarms after ISA-18.2: raised, acknowledged, cleared, and every state between.
//!
//! One machine holds the alarms of one tower. Sources say which conditions hold ([`Input`]), people
//! say what they do about them ([`AlarmOrder`]), and every change of an alarm comes out as an
//! [`AlarmStatus`]. The condition of an alarm and the knowledge of people are told apart
//! (`docs/machines.md` shows them).
//!
//! Shelving lies across it: a shelved alarm goes on through its states unseen; when the time is up,
//! or a person brings it back, it is raised anew if its condition holds. A condition that comes and
//! goes while shelved needs no acknowledgement. What is `Cleared` and not shelved is forgotten.
//! Alarms of one cause that come up together are marked as a flood ([`flood`]).
//!
//! It refuses to drop an alarm whose condition holds: when it is full it gives up the oldest and
//! least urgent of those whose condition is gone; where there is none, the newcomer is counted and
//! an alarm of its own says so. What a checker may assert: every state is reached by
//! [`MACHINE`] alone; a condition that holds has a status that is active; each shelf ends at its time;
//! entries stay within [`ENTRIES_MAX`] + 1. What was up when a tower ended is restored with who knew
//! of it ([`Input::Restore`]). Read next: [`hms`] for the device's own messages.

pub mod flood;
pub mod hms;
mod restored;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
};

use fleet_types::{
    Alarm, AlarmId, AlarmStatus, DeviceSn, MonoMs, Now, Reason,
    alarm::{Acknowledgement, AlarmAction, AlarmOrder, AlarmSource, AlarmState, Priority, Shelf},
};

use crate::{
    machine::Machine,
    mutant::{self, Mutant},
};
use flood::Floods;
use serde::{Deserialize, Serialize};

/// Every state and transition of an alarm; shelving lies across it.
pub const MACHINE: Machine = Machine {
    name: "Alarm",
    module: "alarm.rs",
    about: "One alarm after ISA-18.2. Shelving lies across the states: what is shelved goes on through \
        them unseen, needs no acknowledgement when it goes, and is raised anew when the shelf ends \
        while its condition holds (`back from shelf`). A cleared alarm is remembered only while it is \
        shelved. After a restart an alarm stands as it stood.",
    states: &[
        ("raised", "The condition holds and nobody acknowledged it."),
        ("acknowledged", "The condition holds and somebody knows."),
        (
            "cleared_unacknowledged",
            "The condition is gone, and nobody acknowledged that it was there.",
        ),
        ("latched_unacknowledged", "Gone, and it stays until somebody acknowledges it."),
        ("latched_acknowledged", "Gone, somebody knew; it stays until acknowledged once more."),
        ("cleared", "Over."),
    ],
    starts: &["raised"],
    ends: &[],
    rows: &[
        ("acknowledge", &["raised"], "acknowledged"),
        (
            "acknowledge",
            &["cleared_unacknowledged", "latched_unacknowledged", "latched_acknowledged"],
            "cleared",
        ),
        ("gone", &["raised"], "cleared_unacknowledged"),
        ("gone", &["raised"], "latched_unacknowledged"),
        ("gone", &["acknowledged"], "latched_acknowledged"),
        ("gone", &["acknowledged"], "cleared"),
        ("gone_while_shelved", &["raised"], "cleared"),
        (
            "raise",
            &[
                "cleared_unacknowledged",
                "latched_unacknowledged",
                "latched_acknowledged",
                "cleared",
            ],
            "raised",
        ),
        ("more_urgent", &["acknowledged"], "raised"),
        ("back_from_shelf", &["acknowledged"], "raised"),
        ("known_before_restart", &["raised"], "acknowledged"),
        (
            "given_up",
            &[
                "raised",
                "acknowledged",
                "cleared_unacknowledged",
                "latched_unacknowledged",
                "latched_acknowledged",
            ],
            "cleared",
        ),
        (
            "merged_after_restart",
            &[
                "raised",
                "acknowledged",
                "cleared_unacknowledged",
                "latched_unacknowledged",
                "latched_acknowledged",
            ],
            "cleared",
        ),
    ],
};

/// The one way in which an alarm changes its state.
fn turn(status: &mut AlarmStatus, cause: &str, to: AlarmState) {
    MACHINE.check(cause, name(status.state), name(to));
    status.state = to;
}

fn name(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Raised => "raised",
        AlarmState::Acknowledged => "acknowledged",
        AlarmState::ClearedUnacknowledged => "cleared_unacknowledged",
        AlarmState::LatchedUnacknowledged => "latched_unacknowledged",
        AlarmState::LatchedAcknowledged => "latched_acknowledged",
        AlarmState::Cleared => "cleared",
    }
}

/// Alarms remembered by one tower.
pub const ENTRIES_MAX: usize = 20_000;
/// Alarms remembered of one teller: no device crowds out the others.
pub const ENTRIES_OF_ONE_MAX: usize = 256;
/// Longest time on the shelf: a shift.
pub const SHELF_MAX_MS: u64 = 12 * 3_600_000;
/// Shortest time on the shelf.
pub const SHELF_MIN_MS: u64 = 60_000;
/// How long after a restart a source other than the device may take to say again that its condition
/// holds. A device's own list says what does not hold any more.
pub const RESTORED_MS: u64 = 120_000;
/// Code of the alarm that says that there are too many.
pub const OVERFLOW: &str = "alarm_overflow";

/// What tells one alarm from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// Who says so.
    pub source: AlarmSource,
    /// The device that tells it: the scope of a whole set. None for the tower itself.
    pub by: Option<DeviceSn>,
    /// The device that it is about.
    pub about: Option<DeviceSn>,
    /// What: a reason's code, a device's code.
    pub code: String,
    /// Which of several: a component, an earlier signal's identity.
    pub instance: String,
}

/// A condition that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which alarm it is.
    pub key: Key,
    /// The identity to give it, where its source has one already.
    pub alarm_id: Option<AlarmId>,
    /// How urgent.
    pub priority: Priority,
    /// What, why and what to do.
    pub reason: Reason,
    /// What it has in common with others of the same cause.
    pub cause: String,
    /// Stays until acknowledged, though the condition goes.
    pub latching: bool,
}

/// What is needed besides its status to know an alarm again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Which alarm it is.
    pub key: Key,
    /// Stays until acknowledged, though the condition goes.
    pub latching: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A condition came up, or still holds.
    Raise(Condition),
    /// A condition went, or is still gone.
    Clear(Key),
    /// The conditions a teller has. What it told before and does not tell now is gone, if the set
    /// is whole.
    Set {
        /// Who says so.
        source: AlarmSource,
        /// The teller.
        by: DeviceSn,
        /// Everything that holds.
        conditions: Vec<Condition>,
        /// Whether what is missing is gone. A list that may have been cut says nothing of it.
        is_whole: bool,
    },
    /// A component's signal: raised, or cleared.
    Signal(Alarm),
    /// A person's order.
    Order(AlarmOrder),
    /// A device was removed: what it told, and what was told about it, is over.
    Forget(DeviceSn),
    /// An alarm that was up when the component before this one ended.
    Restore(Box<(AlarmStatus, Origin)>),
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// An alarm changed.
    Status(AlarmStatus),
    /// An order was not carried out.
    Refused {
        /// Which.
        order: AlarmOrder,
        /// Why.
        reason: Reason,
    },
}

#[derive(Clone, Debug)]
struct Entry {
    status: AlarmStatus,
    latching: bool,
    shelved_until: Option<MonoMs>,
}

/// All alarms of a tower.
#[derive(Clone, Debug)]
pub struct AlarmBook {
    rng: fastrand::Rng,
    entries: BTreeMap<Key, Entry>,
    keys: BTreeMap<AlarmId, Key>,
    shelves: BTreeSet<(MonoMs, AlarmId)>,
    /// Restored alarms whose source has not spoken since, and until when it is waited for.
    unconfirmed: BTreeMap<Key, MonoMs>,
    floods: Floods,
    outputs: VecDeque<Output>,
    refused: u64,
    given_up: u64,
}

impl AlarmBook {
    /// No alarms. The seed makes their identities; never the same twice for one tower.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            entries: BTreeMap::new(),
            keys: BTreeMap::new(),
            shelves: BTreeSet::new(),
            unconfirmed: BTreeMap::new(),
            floods: Floods::default(),
            outputs: VecDeque::new(),
            refused: 0,
            given_up: 0,
        }
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Raise(condition) => self.raise(now, condition),
            Input::Clear(key) => self.clear(now, &key),
            Input::Set { source, by, conditions, is_whole } => {
                self.take_set(now, source, &by, conditions, is_whole);
            }
            Input::Signal(alarm) => self.take_signal(now, alarm),
            Input::Order(order) => self.take_order(now, order),
            Input::Forget(sn) => self.forget_device(now, &sn),
            Input::Restore(known) => self.restore(now, known.0, known.1),
        }
    }

    /// Lets time pass: shelves whose time is up, restored alarms that nobody confirmed.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((until, alarm_id)) = self.shelves.first().copied() {
            if until > now.mono {
                break;
            }
            self.unshelve(now, alarm_id);
        }
        self.clear_unconfirmed(now);
    }

    /// When [`Self::handle_timeout`] is next due, and for what.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(MonoMs, &'static str)> {
        let shelf = self.shelves.first().map(|(until, _)| (*until, "shelf"));
        let restored = self.unconfirmed.values().min().map(|until| (*until, "restored"));
        [shelf, restored].into_iter().flatten().min()
    }

    /// The next thing to be told, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Every alarm remembered.
    pub fn statuses(&self) -> impl Iterator<Item = &AlarmStatus> {
        self.entries.values().map(|entry| &entry.status)
    }

    /// Alarms not taken in because all others are active: since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Alarms given up to make room, though nobody had acknowledged them: since the start.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// What tells a remembered alarm from others; nothing when it is over.
    #[must_use]
    pub fn origin(&self, alarm_id: AlarmId) -> Option<Origin> {
        let key = self.keys.get(&alarm_id)?;
        let latching = self.entries.get(key)?.latching;
        Some(Origin { key: key.clone(), latching })
    }

    fn take_signal(&mut self, now: Now, alarm: Alarm) {
        let code = alarm.reason.code.to_string();
        let is_moment = MOMENTS.contains(&code.as_str());
        let key = Key {
            source: AlarmSource::Tower,
            by: alarm.sn.clone(),
            about: alarm.sn.clone(),
            code: code.clone(),
            instance: alarm.alarm_id.to_string(),
        };
        if alarm.cleared_ms.is_some() {
            return self.clear(now, &key);
        }
        let condition = Condition {
            key: key.clone(),
            alarm_id: Some(alarm.alarm_id),
            priority: alarm.priority,
            reason: alarm.reason,
            cause: code,
            latching: is_moment,
        };
        self.raise(now, condition);
        if is_moment {
            self.clear(now, &key);
        }
    }

    fn take_set(
        &mut self,
        now: Now,
        source: AlarmSource,
        by: &DeviceSn,
        conditions: Vec<Condition>,
        is_whole: bool,
    ) {
        let told: BTreeSet<_> = conditions.iter().map(|condition| condition.key.clone()).collect();
        if is_whole && !mutant::is(Mutant::HmsIncrement) {
            // A set is whole: what it does not name does not hold.
            let gone: Vec<_> =
                self.keys_of(source, by).filter(|key| !told.contains(key)).cloned().collect();
            for key in gone {
                self.clear(now, &key);
            }
        }
        for condition in conditions {
            self.raise(now, condition);
        }
    }

    /// The keys of one teller, in order.
    fn keys_of<'a>(
        &'a self,
        source: AlarmSource,
        by: &'a DeviceSn,
    ) -> impl Iterator<Item = &'a Key> + 'a {
        let first = Key {
            source,
            by: Some(by.clone()),
            about: None,
            code: String::new(),
            instance: String::new(),
        };
        let range = self.entries.range((Bound::Included(first), Bound::Unbounded));
        range
            .map(|(key, _)| key)
            .take_while(move |key| key.source == source && key.by.as_ref() == Some(by))
    }

    fn raise(&mut self, now: Now, condition: Condition) {
        self.confirm(&condition.key);
        let Some(entry) = self.entries.get_mut(&condition.key) else {
            return self.open(now, condition);
        };
        let before = entry.status.clone();
        let status = &mut entry.status;
        let is_more_urgent = condition.priority < status.priority;
        entry.latching = condition.latching;
        status.priority = condition.priority;
        status.reason = condition.reason;
        match status.state {
            AlarmState::Raised => {}
            // What was acknowledged was less than this.
            AlarmState::Acknowledged if is_more_urgent => {
                turn(status, "more_urgent", AlarmState::Raised);
                status.acknowledged = None;
            }
            AlarmState::Acknowledged => {}
            AlarmState::ClearedUnacknowledged
            | AlarmState::LatchedUnacknowledged
            | AlarmState::LatchedAcknowledged
            | AlarmState::Cleared => {
                status.raised_count = status.raised_count.saturating_add(1);
                turn(status, "raise", AlarmState::Raised);
                status.raised_ms = now.wall;
                status.cleared_ms = None;
                status.acknowledged = None;
            }
        }
        if *status != before {
            let came_up = !before.state.is_active();
            self.changed(now, &condition.key, came_up);
        }
    }

    fn open(&mut self, now: Now, condition: Condition) {
        if !self.make_room(now, &condition.key) {
            return;
        }
        let Condition { key, alarm_id, priority, reason, cause, latching } = condition;
        let alarm_id = alarm_id.unwrap_or_else(|| self.new_id());
        let status = AlarmStatus {
            alarm_id,
            sn: key.about.clone(),
            source: key.source,
            priority,
            state: AlarmState::Raised,
            reason,
            cause,
            in_flood: false,
            raised_ms: now.wall,
            raised_count: 1,
            cleared_ms: None,
            acknowledged: None,
            shelved: None,
        };
        self.keys.insert(alarm_id, key.clone());
        self.entries.insert(key.clone(), Entry { status, latching, shelved_until: None });
        self.changed(now, &key, true);
    }

    fn clear(&mut self, now: Now, key: &Key) {
        self.unconfirmed.remove(key);
        let Some(entry) = self.entries.get_mut(key) else { return };
        let status = &mut entry.status;
        let (cause, to) = match (status.state, entry.latching) {
            (AlarmState::Raised, true) => ("gone", AlarmState::LatchedUnacknowledged),
            (AlarmState::Acknowledged, true) => ("gone", AlarmState::LatchedAcknowledged),
            // Whoever shelved it chose not to be told of it.
            (AlarmState::Raised, false) if status.shelved.is_some() => {
                ("gone_while_shelved", AlarmState::Cleared)
            }
            (AlarmState::Raised, false) => ("gone", AlarmState::ClearedUnacknowledged),
            (AlarmState::Acknowledged, false) => ("gone", AlarmState::Cleared),
            (
                AlarmState::ClearedUnacknowledged
                | AlarmState::LatchedUnacknowledged
                | AlarmState::LatchedAcknowledged
                | AlarmState::Cleared,
                _,
            ) => return,
        };
        turn(status, cause, to);
        status.cleared_ms = Some(now.wall);
        self.changed(now, key, false);
    }

    fn take_order(&mut self, now: Now, order: AlarmOrder) {
        let refusal = match (self.keys.get(&order.alarm_id).cloned(), &order.action) {
            (None, _) => Some(unknown_alarm()),
            (Some(key), AlarmAction::Acknowledge { whole_cause }) => {
                self.acknowledge(now, &key, *whole_cause, &order.issued_by)
            }
            (Some(key), AlarmAction::Shelve { for_ms, note }) => {
                let shelf = Shelf {
                    by: order.issued_by.clone(),
                    note: note.clone(),
                    at_ms: now.wall,
                    until_ms: fleet_types::WallMs(now.wall.0.saturating_add_unsigned(*for_ms)),
                };
                self.shelve(now, &key, *for_ms, shelf)
            }
            (Some(key), AlarmAction::Unshelve) => {
                let is_shelved =
                    self.entries.get(&key).is_some_and(|it| it.shelved_until.is_some());
                if is_shelved {
                    self.unshelve(now, order.alarm_id);
                }
                (!is_shelved).then(not_shelved)
            }
        };
        if let Some(reason) = refusal {
            self.outputs.push_back(Output::Refused { order, reason });
        }
    }

    fn acknowledge(&mut self, now: Now, key: &Key, whole_cause: bool, by: &str) -> Option<Reason> {
        let asked = self.entries.get(key).map(|entry| entry.status.cause.clone());
        let mut targets = vec![key.clone()];
        if let Some(cause) = asked.filter(|_| whole_cause) {
            let members = self.floods.members(&cause).filter_map(|id| self.keys.get(&id)).cloned();
            targets.extend(members.filter(|member| member != key));
        }
        let mut has_any = false;
        for key in targets {
            has_any |= self.acknowledge_one(now, &key, by);
        }
        (!has_any).then(nothing_to_acknowledge)
    }

    fn acknowledge_one(&mut self, now: Now, key: &Key, by: &str) -> bool {
        let Some(entry) = self.entries.get_mut(key) else { return false };
        let status = &mut entry.status;
        let to = match status.state {
            AlarmState::Raised => AlarmState::Acknowledged,
            AlarmState::ClearedUnacknowledged
            | AlarmState::LatchedUnacknowledged
            | AlarmState::LatchedAcknowledged => AlarmState::Cleared,
            AlarmState::Acknowledged | AlarmState::Cleared => return false,
        };
        turn(status, "acknowledge", to);
        status.acknowledged = Some(Acknowledgement { by: by.to_owned(), at_ms: now.wall });
        self.changed(now, key, false);
        true
    }

    fn shelve(&mut self, now: Now, key: &Key, for_ms: u64, shelf: Shelf) -> Option<Reason> {
        if !(SHELF_MIN_MS..=SHELF_MAX_MS).contains(&for_ms) {
            return Some(shelf_time());
        }
        let entry = self.entries.get_mut(key)?;
        let alarm_id = entry.status.alarm_id;
        if let Some(until) = entry.shelved_until.take() {
            self.shelves.remove(&(until, alarm_id));
        }
        let until = now.mono.after_ms(for_ms);
        entry.shelved_until = Some(until);
        entry.status.shelved = Some(shelf);
        self.shelves.insert((until, alarm_id));
        self.changed(now, key, false);
        None
    }

    fn unshelve(&mut self, now: Now, alarm_id: AlarmId) {
        let Some(key) = self.keys.get(&alarm_id).cloned() else { return };
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(until) = entry.shelved_until.take() else { return };
        self.shelves.remove(&(until, alarm_id));
        entry.status.shelved = None;
        let is_active = entry.status.state.is_active();
        if is_active {
            // It is back: somebody has to know anew.
            turn(&mut entry.status, "back_from_shelf", AlarmState::Raised);
            entry.status.acknowledged = None;
        }
        self.changed(now, &key, is_active);
    }

    fn forget_device(&mut self, now: Now, sn: &DeviceSn) {
        let is_its = |key: &&Key| key.by.as_ref() == Some(sn) || key.about.as_ref() == Some(sn);
        let keys: Vec<_> = self.entries.keys().filter(is_its).cloned().collect();
        for key in keys {
            self.give_up(now, &key);
        }
    }

    /// Tells of a change; what is over is forgotten.
    fn changed(&mut self, now: Now, key: &Key, came_up: bool) {
        let Some(entry) = self.entries.get(key) else { return };
        let (alarm_id, cause) = (entry.status.alarm_id, entry.status.cause.clone());
        let is_over = entry.status.state == AlarmState::Cleared;
        let is_shown = !is_over && entry.status.shelved.is_none();
        let turned = self.floods.note(now.mono, &cause, alarm_id, is_shown, came_up);
        let in_flood = self.floods.is_on(&cause) && is_shown;
        if let Some(entry) = self.entries.get_mut(key) {
            entry.status.in_flood = in_flood;
            self.outputs.push_back(Output::Status(entry.status.clone()));
            if is_over && entry.shelved_until.is_none() {
                self.entries.remove(key);
                self.keys.remove(&alarm_id);
                self.unconfirmed.remove(key);
            }
        }
        if turned {
            self.mark_flood(&cause, alarm_id);
        }
    }

    /// A flood began or ended: its other members are told so.
    fn mark_flood(&mut self, cause: &str, told: AlarmId) {
        let is_on = self.floods.is_on(cause);
        let members: Vec<_> = self.floods.members(cause).filter(|id| *id != told).collect();
        for alarm_id in members {
            let key = self.keys.get(&alarm_id);
            if let Some(entry) = key.and_then(|key| self.entries.get_mut(key))
                && entry.status.in_flood != is_on
            {
                entry.status.in_flood = is_on;
                self.outputs.push_back(Output::Status(entry.status.clone()));
            }
        }
    }

    /// Whether one more alarm can be taken in, giving up an old one if need be.
    fn make_room(&mut self, now: Now, key: &Key) -> bool {
        if key.code == OVERFLOW {
            return true;
        }
        let of_one = match &key.by {
            Some(by) => self.keys_of(key.source, by).count(),
            None => 0,
        };
        if self.entries.len() < ENTRIES_MAX && of_one < ENTRIES_OF_ONE_MAX {
            return true;
        }
        let is_candidate = |(other, entry): &(&Key, &Entry)| {
            !entry.status.state.is_active()
                && (of_one < ENTRIES_OF_ONE_MAX
                    || (other.source == key.source && other.by == key.by))
        };
        let victim = self.entries.iter().filter(is_candidate).max_by_key(|(_, entry)| {
            (entry.status.priority, std::cmp::Reverse(entry.status.raised_ms))
        });
        if let Some(victim) = victim.map(|(key, _)| key.clone()) {
            self.given_up += 1;
            self.give_up(now, &victim);
            return true;
        }
        self.refused += 1;
        self.raise(now, overflow());
        false
    }

    /// Ends an alarm without anybody's word; it is told as over.
    fn give_up(&mut self, now: Now, key: &Key) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(until) = entry.shelved_until.take() {
            self.shelves.remove(&(until, entry.status.alarm_id));
        }
        entry.status.shelved = None;
        turn(&mut entry.status, "given_up", AlarmState::Cleared);
        entry.status.cleared_ms.get_or_insert(now.wall);
        self.changed(now, key, false);
    }

    fn new_id(&mut self) -> AlarmId {
        AlarmId(uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid())
    }

    /// Entries kept, for the tests that bound them.
    #[cfg(test)]
    fn memory(&self) -> (usize, usize, usize, usize) {
        (self.entries.len(), self.keys.len(), self.shelves.len(), self.floods.memory())
    }
}

/// Signals of something that happened once: no condition goes on, so they stay until acknowledged.
const MOMENTS: [&str; 2] = ["dock_task_panicked", "login_refused"];

fn overflow() -> Condition {
    let text = "There are more alarms than can be kept, all of them active. New ones are counted and not shown: settle or shelve some.";
    Condition {
        key: Key {
            source: AlarmSource::Tower,
            by: None,
            about: None,
            code: OVERFLOW.to_owned(),
            instance: String::new(),
        },
        alarm_id: None,
        priority: Priority::High,
        reason: Reason::new(OVERFLOW, text),
        cause: OVERFLOW.to_owned(),
        latching: true,
    }
}

fn unknown_alarm() -> Reason {
    Reason::new("unknown_alarm", "This alarm is not known, or is over. Nothing was done.")
}

fn nothing_to_acknowledge() -> Reason {
    Reason::new("already_acknowledged", "This alarm is acknowledged already. Nothing was done.")
}

fn not_shelved() -> Reason {
    Reason::new("not_shelved", "This alarm is not on the shelf. Nothing was done.")
}

fn shelf_time() -> Reason {
    Reason::new("bad_input", "An alarm is shelved for 1 minute to 12 hours. Nothing was done.")
}

#[cfg(test)]
mod tests;
