//! Alarms by example, and by chance against a reference model that is written another way.

mod model;

use dji_cloud::hms_text::HmsBook;
use fleet_types::{RequestId, WallMs, topic::DeviceEvent};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{flood, *};

pub(super) fn sn(text: &str) -> DeviceSn {
    DeviceSn::new(text).expect("valid")
}

pub(super) fn at(ms: u64) -> Now {
    let wall = WallMs(1_790_000_000_000_i64.saturating_add_unsigned(ms));
    Now { mono: MonoMs(ms), wall }
}

pub(super) fn key(device: &str, code: &str) -> Key {
    Key {
        source: AlarmSource::Fault,
        by: Some(sn(device)),
        about: Some(sn(device)),
        code: code.to_owned(),
        instance: String::new(),
    }
}

pub(super) fn condition(key: Key, priority: Priority, latching: bool) -> Condition {
    let (cause, reason) = (key.code.clone(), Reason::new("test", "a condition of a test"));
    Condition { key, alarm_id: None, priority, reason, cause, latching }
}

pub(super) struct Rig {
    pub(super) book: AlarmBook,
    pub(super) now: Now,
    pub(super) last: BTreeMap<AlarmId, AlarmStatus>,
    pub(super) told: usize,
    pub(super) refusals: Vec<Reason>,
}

impl Rig {
    pub(super) fn new() -> Self {
        let (book, last) = (AlarmBook::new(7), BTreeMap::new());
        Self { book, now: at(0), last, told: 0, refusals: Vec::new() }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.book.handle_input(self.now, input);
        self.drain();
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now = at(self.now.mono.0 + ms);
        self.book.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.book.poll_output() {
            match output {
                Output::Status(status) => {
                    self.told += 1;
                    self.last.insert(status.alarm_id, status);
                }
                Output::Refused { reason, .. } => self.refusals.push(reason),
            }
        }
        for status in self.book.statuses() {
            assert_eq!(Some(status), self.last.get(&status.alarm_id), "what is kept is told");
        }
    }

    pub(super) fn raise(&mut self, device: &str, code: &str, latching: bool) {
        self.input(Input::Raise(condition(key(device, code), Priority::Medium, latching)));
    }

    pub(super) fn clear(&mut self, device: &str, code: &str) {
        self.input(Input::Clear(key(device, code)));
    }

    pub(super) fn order(&mut self, alarm_id: AlarmId, action: AlarmAction) {
        let request_id = RequestId(Uuid::from_u128(1));
        let order = AlarmOrder { request_id, alarm_id, action, issued_by: "kim".to_owned() };
        self.input(Input::Order(order));
    }

    pub(super) fn acknowledge(&mut self, alarm_id: AlarmId) {
        self.order(alarm_id, AlarmAction::Acknowledge { whole_cause: false });
    }

    fn only(&self) -> &AlarmStatus {
        assert_eq!(self.last.len(), 1, "{:?}", self.last);
        self.last.values().next().expect("one")
    }

    #[track_caller]
    fn is(&self, state: AlarmState) -> AlarmId {
        assert_eq!(self.only().state, state);
        self.only().alarm_id
    }
}

use AlarmState::{
    Acknowledged, Cleared, ClearedUnacknowledged, LatchedAcknowledged, LatchedUnacknowledged,
    Raised,
};

#[test]
fn an_alarm_is_over_when_it_is_gone_and_known_in_either_order() {
    let mut rig = Rig::new();
    rig.raise("D1", "osd_stalled", false);
    let id = rig.is(Raised);
    rig.acknowledge(id);
    rig.is(Acknowledged);
    assert_eq!(rig.only().acknowledged.as_ref().map(|by| by.by.as_str()), Some("kim"));
    rig.clear("D1", "osd_stalled");
    rig.is(Cleared);
    assert_eq!(rig.book.memory(), (0, 0, 0, 0));

    let mut rig = Rig::new();
    rig.raise("D1", "osd_stalled", false);
    rig.clear("D1", "osd_stalled");
    let id = rig.is(ClearedUnacknowledged);
    rig.raise("D1", "osd_stalled", false);
    assert_eq!(rig.is(Raised), id, "the same alarm again");
    assert_eq!(rig.only().raised_count, 2);
    rig.clear("D1", "osd_stalled");
    rig.acknowledge(id);
    rig.is(Cleared);
    rig.acknowledge(id);
    assert_eq!(rig.refusals.len(), 1);
    assert_eq!(rig.refusals[0].code, "unknown_alarm");
}

#[test]
fn a_latching_alarm_stays_until_it_is_acknowledged_after_it_went() {
    let mut rig = Rig::new();
    rig.raise("D1", "position_jump", true);
    rig.clear("D1", "position_jump");
    let id = rig.is(LatchedUnacknowledged);
    rig.acknowledge(id);
    rig.is(Cleared);

    let mut rig = Rig::new();
    rig.raise("D1", "position_jump", true);
    let id = rig.is(Raised);
    rig.acknowledge(id);
    rig.clear("D1", "position_jump");
    rig.is(LatchedAcknowledged);
    rig.acknowledge(id);
    rig.is(Cleared);
}

#[test]
fn what_becomes_more_urgent_is_raised_anew_and_what_repeats_is_not() {
    let mut rig = Rig::new();
    rig.raise("D1", "link_quality", false);
    let id = rig.is(Raised);
    rig.acknowledge(id);
    let told = rig.told;
    rig.raise("D1", "link_quality", false);
    assert_eq!(rig.told, told, "it says nothing new");
    rig.input(Input::Raise(condition(key("D1", "link_quality"), Priority::High, false)));
    rig.is(Raised);
    assert_eq!((rig.only().priority, rig.only().raised_count), (Priority::High, 1));
}

#[test]
fn a_shelf_hides_until_its_time_and_the_alarm_is_back_if_it_still_holds() {
    let shelve = || AlarmAction::Shelve { for_ms: 600_000, note: "수리 중".to_owned() };
    let mut rig = Rig::new();
    rig.raise("D1", "rain", false);
    let id = rig.is(Raised);
    rig.acknowledge(id);
    rig.order(id, shelve());
    assert!(rig.only().shelved.is_some());
    rig.pass(599_999);
    assert_eq!(rig.only().state, Acknowledged);
    rig.pass(1);
    rig.is(Raised);
    assert_eq!((&rig.only().shelved, &rig.only().acknowledged), (&None, &None));

    // What comes and goes on the shelf needs nobody.
    rig.order(id, shelve());
    rig.clear("D1", "rain");
    assert_eq!(rig.only().state, Cleared);
    rig.raise("D1", "rain", false);
    assert_eq!((rig.only().state, rig.only().alarm_id), (Raised, id), "still on the shelf");
    assert!(rig.only().shelved.is_some());
    rig.clear("D1", "rain");
    rig.pass(600_000);
    assert_eq!(rig.book.memory(), (0, 0, 0, 0));

    // A person may bring it back, and may not shelve for longer than a shift.
    let mut rig = Rig::new();
    rig.raise("D1", "rain", false);
    let id = rig.is(Raised);
    rig.order(id, AlarmAction::Unshelve);
    rig.order(id, AlarmAction::Shelve { for_ms: SHELF_MAX_MS + 1, note: String::new() });
    assert_eq!(rig.refusals.len(), 2);
    rig.order(id, shelve());
    rig.order(id, shelve());
    assert_eq!(rig.book.memory().2, 1);
    rig.order(id, AlarmAction::Unshelve);
    rig.is(Raised);
    assert_eq!(rig.book.poll_timeout(), None);
}

#[test]
fn many_alarms_of_one_cause_are_a_flood_until_few_are_left() {
    let mut rig = Rig::new();
    let device = |number: usize| format!("D{number}");
    for number in 0..flood::BEGIN - 1 {
        rig.raise(&device(number), "heartbeat_lost", false);
    }
    rig.raise("OTHER", "rain", false);
    assert!(rig.last.values().all(|status| !status.in_flood));
    rig.raise(&device(99), "heartbeat_lost", false);
    let flooded = |rig: &Rig| rig.last.values().filter(|status| status.in_flood).count();
    assert_eq!(flooded(&rig), flood::BEGIN);
    let one = rig.last.values().find(|status| status.in_flood).expect("one").alarm_id;
    rig.order(one, AlarmAction::Acknowledge { whole_cause: true });
    let acknowledged = rig.last.values().filter(|status| status.state == Acknowledged).count();
    assert_eq!(acknowledged, flood::BEGIN, "the rain is another matter");
    for number in 0..=flood::BEGIN - flood::END {
        rig.clear(&device(number), "heartbeat_lost");
    }
    assert_eq!(flooded(&rig), 0, "{:?}", rig.last);

    // The same number over a long time is no flood.
    let mut rig = Rig::new();
    for number in 0..flood::BEGIN * 2 {
        rig.raise(&device(number), "heartbeat_lost", false);
        rig.pass(flood::WINDOW_MS / 5);
    }
    assert_eq!(flooded(&rig), 0);
}

#[test]
fn one_device_crowds_out_nobody_and_what_holds_is_never_given_up() {
    let mut rig = Rig::new();
    rig.raise("D2", "rain", false);
    for number in 0..ENTRIES_OF_ONE_MAX * 2 {
        rig.raise("D1", &format!("c{number:04}"), false);
        rig.clear("D1", &format!("c{number:04}"));
    }
    assert_eq!(rig.book.memory().0, ENTRIES_OF_ONE_MAX + 1);
    assert_eq!(rig.book.given_up() as usize, ENTRIES_OF_ONE_MAX);
    // Now with conditions that hold: the newcomer is refused, counted, and said so.
    let mut rig = Rig::new();
    for number in 0..=ENTRIES_OF_ONE_MAX {
        rig.raise("D1", &format!("c{number:04}"), false);
    }
    assert_eq!((rig.book.refused(), rig.book.given_up()), (1, 0));
    let active = rig.book.statuses().filter(|status| status.state == Raised).count();
    assert_eq!(active, ENTRIES_OF_ONE_MAX + 1, "one of them is the overflow");
    assert!(rig.last.values().any(|status| status.reason.code == OVERFLOW));
}

#[test]
fn a_signal_keeps_its_identity_and_a_moment_stays_until_acknowledged() {
    let alarm = |code: &'static str| Alarm {
        alarm_id: AlarmId(Uuid::from_u128(9)),
        sn: Some(sn("D1")),
        priority: Priority::High,
        reason: Reason::new(code, "a signal of a test"),
        raised_ms: at(0).wall,
        cleared_ms: None,
    };
    let mut rig = Rig::new();
    rig.input(Input::Signal(alarm("flight_locked")));
    assert_eq!(rig.is(Raised), AlarmId(Uuid::from_u128(9)));
    rig.input(Input::Signal(Alarm { cleared_ms: Some(at(1).wall), ..alarm("flight_locked") }));
    rig.is(ClearedUnacknowledged);
    let mut rig = Rig::new();
    rig.input(Input::Signal(alarm("dock_task_panicked")));
    let id = rig.is(LatchedUnacknowledged);
    rig.acknowledge(id);
    rig.is(Cleared);
}

#[test]
fn a_removed_device_takes_its_alarms_along() {
    let mut rig = Rig::new();
    rig.raise("D1", "rain", false);
    rig.raise("D2", "rain", false);
    let first = *rig.last.keys().find(|id| rig.last[*id].sn == Some(sn("D1"))).expect("one");
    rig.order(first, AlarmAction::Shelve { for_ms: 60_000, note: "x".to_owned() });
    rig.input(Input::Forget(sn("D1")));
    assert_eq!(rig.last[&first].state, Cleared);
    assert_eq!(rig.book.memory(), (1, 1, 0, 1));
}

fn hms(list: Value) -> DeviceEvent {
    DeviceEvent {
        sn: sn("DOCK"),
        method: "hms".to_owned(),
        data: json!({ "list": list }),
        trace_id: None,
        source_ms: None,
        received_ms: WallMs(0),
    }
}

fn item(code: &str, level: i64, device_type: &str) -> Value {
    json!({"level": level, "module": 3, "in_the_sky": 0, "code": code, "imminent": 0,
        "device_type": device_type, "args": {"component_index": 0, "sensor_index": 0}})
}

#[test]
fn every_hms_report_is_the_whole_set_of_its_dock() {
    let mut rig = Rig::new();
    let craft = sn("M3TD");
    let report = |rig: &mut Rig, list: Value| {
        rig.input(hms::read(&hms(list), Some(&craft), None).expect("an hms report"));
    };
    let dock_alarm = || item("0x19111800", 2, "3-2-0");
    let craft_alarm = || item("0x16100083", 1, "0-91-1");
    report(&mut rig, json!([dock_alarm(), craft_alarm()]));
    let status = |rig: &Rig, about: &str| {
        let of = |status: &&AlarmStatus| status.sn.as_ref().map(DeviceSn::as_str) == Some(about);
        rig.last.values().find(of).expect("one").clone()
    };
    assert_eq!(status(&rig, "DOCK").priority, Priority::High);
    assert_eq!(status(&rig, "M3TD").priority, Priority::Medium);
    assert!(status(&rig, "DOCK").reason.message.contains("0x19111800"));
    assert!(status(&rig, "DOCK").reason.message_ko.is_some());
    let told = rig.told;
    report(&mut rig, json!([craft_alarm(), dock_alarm()]));
    assert_eq!(rig.told, told, "the same set in another order");
    report(&mut rig, json!([craft_alarm()]));
    assert_eq!(status(&rig, "DOCK").state, ClearedUnacknowledged);
    assert_eq!(status(&rig, "M3TD").state, Raised);
    report(&mut rig, json!([]));
    assert_eq!(status(&rig, "M3TD").state, ClearedUnacknowledged);
}

#[test]
fn a_list_that_may_be_cut_clears_nothing_and_an_odd_one_breaks_nothing() {
    let mut rig = Rig::new();
    let read = |event: &DeviceEvent| hms::read(event, None, None);
    rig.input(read(&hms(json!([item("0xFFFF0001", 0, "3-2-0")]))).expect("read"));
    let full: Vec<_> = (0..20).map(|n| item(&format!("0x1000{n:04}"), 0, "3-2-0")).collect();
    rig.input(read(&hms(json!(full))).expect("read"));
    let active = rig.book.statuses().filter(|status| status.state == Raised).count();
    assert_eq!(active, 21);
    assert!(read(&DeviceEvent { data: json!({}), ..hms(json!([])) }).is_none());
    assert!(read(&DeviceEvent { data: Value::Null, ..hms(json!([])) }).is_none());
    assert!(read(&DeviceEvent { method: "hms2".to_owned(), ..hms(json!([])) }).is_none());
    let odd = json!([{"code": ""}, {}, {"code": "x".repeat(99)}, {"code": "0x1", "level": 77}]);
    let Some(Input::Set { conditions, .. }) = read(&hms(odd)) else { panic!("a set") };
    assert_eq!(conditions.len(), 1);
    assert_eq!(conditions[0].priority, Priority::High, "an unknown level is not taken lightly");
}

#[test]
fn the_operators_own_table_of_texts_goes_first() {
    let book =
        HmsBook::parse(br#"{"dock_tip_0x19111800": {"en": "Stop pressed", "ko": "\uC815\uC9C0"}}"#);
    let book = book.expect("a table");
    let event = hms(json!([item("0x19111800", 2, "3-2-0")]));
    let Some(Input::Set { conditions, .. }) = hms::read(&event, None, Some(&book)) else {
        panic!("a set")
    };
    assert_eq!(conditions[0].reason.message, "Stop pressed (0x19111800)");
    assert_eq!(conditions[0].reason.message_ko.as_deref(), Some("정지 (0x19111800)"));
}

/// Everything a book remembers, taken up by another one at `now`.
fn restarted(rig: &Rig, now: Now) -> Rig {
    let mut next = Rig::new();
    next.book = AlarmBook::new(8);
    next.now = now;
    for status in rig.book.statuses() {
        let origin = rig.book.origin(status.alarm_id).expect("remembered");
        next.input(Input::Restore(Box::new((status.clone(), origin))));
    }
    next
}

#[test]
fn who_knew_of_an_alarm_knows_after_a_restart() {
    let mut rig = Rig::new();
    rig.raise("D1", "osd_stalled", false);
    let id = rig.is(Raised);
    rig.acknowledge(id);
    let mut next = restarted(&rig, at(5_000));
    assert_eq!(next.is(Acknowledged), id);
    // Its source says it again: nothing new.
    next.raise("D1", "osd_stalled", false);
    assert_eq!(next.is(Acknowledged), id);
    next.pass(RESTORED_MS * 2);
    next.is(Acknowledged);
    next.clear("D1", "osd_stalled");
    next.is(Cleared);
    assert_eq!(next.book.memory(), (0, 0, 0, 0));

    // Its source never says it again.
    let mut next = restarted(&rig, at(5_000));
    next.pass(RESTORED_MS - 1);
    next.is(Acknowledged);
    next.pass(1);
    next.is(Cleared);
    assert_eq!(next.book.poll_timeout(), None);
}

#[test]
fn a_shelf_ends_at_its_time_though_the_tower_was_started_again() {
    let mut rig = Rig::new();
    rig.raise("D1", "osd_stalled", false);
    let id = rig.is(Raised);
    rig.order(id, AlarmAction::Shelve { for_ms: 600_000, note: "known".into() });
    // The process's own clock begins anew.
    let wall = at(100_000).wall;
    let mut next = restarted(&rig, Now { mono: MonoMs(10), wall });
    assert!(next.only().shelved.is_some());
    next.raise("D1", "osd_stalled", false);
    next.now = Now { mono: MonoMs(10 + 499_999), wall: at(599_999).wall };
    next.pass(0);
    assert!(next.only().shelved.is_some());
    next.now.mono = MonoMs(10 + 500_000);
    next.pass(0);
    assert_eq!((next.is(Raised), &next.only().shelved), (id, &None));

    // It was over while shelved: coming back it is still nobody's concern.
    rig.clear("D1", "osd_stalled");
    let mut next = restarted(&rig, Now { mono: MonoMs(10), wall });
    next.raise("D1", "osd_stalled", false);
    assert!(next.only().shelved.is_some());
    // The time was up before the start.
    let next = restarted(&rig, Now { mono: MonoMs(10), wall: at(600_000).wall });
    assert!(next.last.is_empty(), "{:?}", next.last);
}

#[test]
fn a_signal_takes_up_what_was_known_of_it_under_another_identity() {
    let signal = |id: u128, cleared: Option<WallMs>| {
        Input::Signal(Alarm {
            alarm_id: AlarmId(Uuid::from_u128(id)),
            sn: Some(sn("D1")),
            priority: Priority::High,
            reason: Reason::new("flight_locked", "a signal of a test"),
            raised_ms: WallMs(5),
            cleared_ms: cleared,
        })
    };
    let mut rig = Rig::new();
    rig.input(signal(1, None));
    let id = rig.is(Raised);
    rig.acknowledge(id);
    let mut next = restarted(&rig, at(1_000));
    next.input(signal(2, None));
    assert_eq!(next.is(Acknowledged), id);
    next.acknowledge(id);
    assert_eq!(next.refusals[0].code, "already_acknowledged");
    next.pass(RESTORED_MS);
    next.is(Acknowledged);
    next.input(signal(2, Some(WallMs(9))));
    assert_eq!(next.is(Cleared), id);

    // It came up before it was known what stood before.
    let mut next = Rig::new();
    next.input(signal(3, None));
    let known = rig.book.statuses().next().cloned().expect("one");
    let origin =
        Origin { key: next.book.keys.values().next().cloned().expect("one"), latching: false };
    next.input(Input::Restore(Box::new((known, origin))));
    let of = |id: u128| next.last[&AlarmId(Uuid::from_u128(id))].state;
    assert_eq!((of(1), of(3)), (Cleared, Acknowledged));
}

#[test]
fn every_transition_of_the_table_is_taken() {
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..1_500 {
        let mut rig = Rig::new();
        let latching = rng.bool();
        for _ in 0..12 {
            let kept = rig.book.statuses().next().cloned();
            let id = kept.as_ref().map_or(AlarmId(Uuid::nil()), |status| status.alarm_id);
            match rng.u8(..10) {
                0..3 => {
                    let priority = rng.choice([Priority::High, Priority::Low]).unwrap();
                    rig.input(Input::Raise(condition(key("D1", "x"), priority, latching)));
                }
                3..5 => rig.clear("D1", "x"),
                5 => rig.acknowledge(id),
                6 => rig.order(id, AlarmAction::Shelve { for_ms: 60_000, note: "n".to_owned() }),
                7 => rig.order(id, AlarmAction::Unshelve),
                8 => {
                    // What the tower before this one knew comes after the alarm itself.
                    let states = [
                        Raised,
                        Acknowledged,
                        ClearedUnacknowledged,
                        LatchedUnacknowledged,
                        LatchedAcknowledged,
                    ];
                    let alarm_id = AlarmId(Uuid::from_u128(rng.u128(..)));
                    if let Some(known) = kept {
                        let state = rng.choice(states).unwrap();
                        let known = AlarmStatus { alarm_id, state, shelved: None, ..known };
                        let origin = Origin { key: key("D1", "x"), latching };
                        rig.input(Input::Restore(Box::new((known, origin))));
                    }
                }
                _ if rng.u8(..3) == 0 => rig.input(Input::Forget(sn("D1"))),
                _ => rig.pass(rng.u64(..80_000)),
            }
        }
    }
    crate::machine::taken::assert_all(&MACHINE);
}
