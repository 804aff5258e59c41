//! A session by example, and the dead man's switch by chance.

use fleet_types::DeviceSn;
use proptest::prelude::*;
use serde_json::Value;

use super::{axes::AxisCheck, *};

fn at(ms: u64) -> Now {
    let wall = WallMs(1_790_000_000_000_i64.saturating_add_unsigned(ms));
    Now { mono: MonoMs(ms), wall }
}

fn craft() -> Craft {
    Craft { model: "0-91-1".to_owned(), firmware: "10.01.1605".to_owned() }
}

fn check(craft: Craft, forward_is_right: bool) -> AxisCheck {
    AxisCheck {
        craft,
        sn: DeviceSn::new("M3TD").expect("valid"),
        forward_is_right,
        right_is_right: true,
        up_is_right: true,
        turn_is_right: true,
        checked_by: "kim".to_owned(),
        at_ms: WallMs(0),
    }
}

fn checked() -> AxisBook {
    let mut axes = AxisBook::default();
    axes.record(check(craft(), true)).expect("recorded");
    axes
}

fn position(heard: u64) -> Position {
    Position {
        latitude_deg: 35.75,
        longitude_deg: 126.55,
        height_m: 60.0,
        battery_percent: 71,
        heard: MonoMs(heard),
    }
}

struct Rig {
    session: DrcSession,
    axes: AxisBook,
    now: u64,
    sticks: Vec<(u64, i64, [f64; 4])>,
    beats: Vec<u64>,
    /// What the pilot heard of the tower's time, without delay.
    marks: Vec<u64>,
    others: Vec<Output>,
}

impl Rig {
    fn new(axes: AxisBook) -> Self {
        let session = DrcSession::new(DrcConfig::default());
        let (sticks, beats, marks, others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { session, axes, now: 0, sticks, beats, marks, others }
    }

    fn flying() -> Self {
        let mut rig = Self::new(checked());
        rig.enter(false);
        rig
    }

    fn enter(&mut self, pauses_wayline: bool) {
        self.input(Input::Enter { fence: 5, craft: craft(), pauses_wayline });
        self.input(Input::Entered { result: 0 });
        assert_eq!(self.session.phase(), Phase::Flying);
    }

    fn input(&mut self, input: Input) {
        self.session.handle_input(at(self.now), input, &self.axes);
        self.drain();
    }

    /// The pilot's clock shows the tower's time, which the machine does not know.
    fn frame(&mut self, number: u64, sent_ms: i64, forward_mps: f64) {
        let sticks = Sticks { forward_mps, ..Sticks::default() };
        let mark = self.mark_at(sent_ms);
        self.input(Input::Frame(Frame { fence: 5, number, sent_ms, mark, sticks }));
    }

    /// The newest mark that was heard by then.
    fn mark_at(&self, sent_ms: i64) -> Option<MonoMs> {
        let is_heard = |mark: &&u64| i64::try_from(**mark).expect("small") <= sent_ms;
        self.marks.iter().rev().find(is_heard).map(|mark| MonoMs(*mark))
    }

    /// Lets time pass, waking the machine when it wants to be.
    fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some((MonoMs(due), _)) = self.session.poll_timeout() {
            if due > until {
                break;
            }
            self.now = self.now.max(due);
            self.session.handle_timeout(at(self.now));
            self.drain();
        }
        self.now = until;
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            if let Output::Mark(mark) = &output {
                self.marks.push(mark.0);
                continue;
            }
            let Output::Publish { payload, is_counter_action } = &output else {
                self.others.push(output);
                continue;
            };
            let message: Value = serde_json::from_slice(payload).expect("JSON");
            match message["method"].as_str() {
                Some("drone_control") => {
                    let data = &message["data"];
                    let axis = |key: &str| data[key].as_f64().expect("a number");
                    let axes = [axis("x"), axis("y"), axis("h"), axis("w")];
                    assert_eq!(*is_counter_action, axes == [0.0; 4]);
                    let seq = data["seq"].as_i64().expect("a number");
                    self.sticks.push((self.now, seq, axes));
                }
                Some("heart_beat") => self.beats.push(self.now),
                other => panic!("{other:?}"),
            }
        }
    }

    fn refusals(&self) -> Vec<&str> {
        let code = |output: &'_ Output| match output {
            Output::Refused(reason) => Some(reason.code.to_string()),
            Output::OrderEnter
            | Output::OrderExit
            | Output::Publish { .. }
            | Output::Mark(_)
            | Output::State(_)
            | Output::AskResume { .. }
            | Output::Resume { .. } => None,
        };
        self.others.iter().filter_map(code).map(|code| &*code.leak()).collect()
    }
}

#[test]
fn a_silent_line_gives_zeros_after_a_quarter_second_and_is_left_after_two() {
    let mut rig = Rig::flying();
    rig.frame(1, 0, 5.0);
    assert_eq!(rig.sticks, [(0, 0, [5.0, 0.0, 0.0, 0.0])]);
    rig.pass(249);
    assert_eq!(rig.sticks.len(), 1, "a frame is sent once");
    rig.pass(1);
    assert_eq!(rig.sticks[1], (250, 1, [0.0; 4]));
    assert_eq!(rig.session.phase(), Phase::Holding);
    rig.pass(1_749);
    assert!(rig.sticks[1..].iter().all(|(_, _, axes)| *axes == [0.0; 4]));
    assert!(rig.sticks.len() >= 17, "again and again: {}", rig.sticks.len());
    assert!(!rig.others.contains(&Output::OrderExit));
    rig.pass(1);
    assert!(rig.others.contains(&Output::OrderExit));
    assert_eq!(rig.session.phase(), Phase::Leaving);
    let seqs: Vec<_> = rig.sticks.iter().map(|(_, seq, _)| *seq).collect();
    assert_eq!(seqs, (0..).take(seqs.len()).collect::<Vec<i64>>());
    // After that nothing steers any more, and the session ends by its deadline at the latest.
    rig.frame(2, 2_000, 5.0);
    assert_eq!(rig.sticks.last().map(|(_, _, axes)| *axes), Some([0.0; 4]));
    rig.pass(10_000);
    assert_eq!(rig.session.phase(), Phase::Off);
}

#[test]
fn a_fresh_frame_takes_the_aircraft_up_again_within_the_two_seconds() {
    let mut rig = Rig::flying();
    rig.pass(600);
    assert_eq!(rig.session.phase(), Phase::Holding);
    rig.frame(1, 600, 3.0);
    assert_eq!(rig.session.phase(), Phase::Flying);
    rig.pass(100);
    assert_eq!(rig.sticks.last().map(|(_, _, axes)| axes[0]), Some(3.0));
}

#[test]
fn what_waited_in_a_stalled_line_while_the_session_began_moves_nothing() {
    let mut rig = Rig::new(checked());
    rig.now = 3_000;
    rig.enter(false);
    // Read seconds before the session; the line lets all of it go at once.
    for number in 1..40_u32 {
        let sent_ms = i64::from(number) * 50;
        rig.frame(u64::from(number), sent_ms, 9.0);
    }
    assert_eq!(rig.sticks, [], "frames of up to three seconds ago moved it");
    assert_eq!(rig.session.stats().unmeasured, 39);
    // Read within the session, and stalled in turn.
    rig.pass(900);
    rig.frame(40, 3_010, 9.0);
    assert!(rig.sticks.iter().all(|(_, _, axes)| *axes == [0.0; 4]));
    assert_eq!(rig.session.phase(), Phase::Holding, "nor do they keep the switch quiet");
    rig.frame(41, 3_850, 4.0);
    rig.pass(100);
    assert_eq!(rig.sticks.last().map(|(_, _, axes)| axes[0]), Some(4.0));
}

#[test]
fn a_mark_of_another_session_or_of_the_future_is_no_measure() {
    let mut rig = Rig::new(checked());
    rig.now = 1_000;
    rig.enter(false);
    let sticks = Sticks { forward_mps: 9.0, ..Sticks::default() };
    for (number, mark) in [(1, None), (2, Some(MonoMs(999))), (3, Some(MonoMs(1_001)))] {
        rig.input(Input::Frame(Frame { fence: 5, number, sent_ms: 0, mark, sticks }));
    }
    assert_eq!((rig.session.stats().unmeasured, rig.sticks.len()), (3, 0));
}

#[test]
fn old_frames_move_nothing_and_do_not_keep_the_switch_quiet() {
    let mut rig = Rig::flying();
    rig.frame(10, 0, 5.0);
    rig.pass(200);
    rig.frame(9, 190, 9.0);
    rig.frame(10, 200, 9.0);
    assert_eq!((rig.session.stats().reordered, rig.sticks.len()), (2, 1));
    rig.pass(50);
    assert_eq!(rig.sticks.last(), Some(&(250, 1, [0.0; 4])), "250 ms after the last fresh one");
    // A burst that a stalled line lets go: all of it is old.
    for number in 11..16 {
        rig.frame(number, -100, 9.0);
    }
    assert_eq!(rig.session.stats().stale, 5);
    assert!(rig.sticks[1..].iter().all(|(_, _, axes)| *axes == [0.0; 4]));
    rig.frame(16, 250, 4.0);
    rig.pass(100);
    assert_eq!(rig.sticks.last().map(|(_, _, axes)| axes[0]), Some(4.0));
}

#[test]
fn frames_faster_than_the_link_replace_each_other() {
    let mut rig = Rig::flying();
    for number in 0..50_u32 {
        let sent = i64::try_from(rig.now).expect("small");
        rig.frame(u64::from(number), sent, f64::from(number) / 10.0 + 0.1);
        rig.pass(20);
    }
    let sent = rig.sticks.len();
    assert!((9..=11).contains(&sent), "10 a second at the most: {sent}");
    assert!(rig.session.stats().replaced > 30);
    assert!(rig.sticks.windows(2).all(|pair| pair[0].2[0] < pair[1].2[0]));
}

#[test]
fn values_stay_within_the_documented_bounds_and_nonsense_is_dropped() {
    let mut rig = Rig::flying();
    let sticks =
        Sticks { forward_mps: 99.0, right_mps: -99.0, up_mps: -99.0, clockwise_dps: 999.0 };
    rig.input(Input::Frame(Frame {
        fence: 5,
        number: 1,
        sent_ms: 0,
        mark: Some(MonoMs(0)),
        sticks,
    }));
    assert_eq!(rig.sticks[0].2, [17.0, -17.0, -4.0, 90.0]);
    rig.frame(2, 0, f64::NAN);
    assert_eq!((rig.session.stats().foreign, rig.sticks.len()), (1, 1));
}

#[test]
fn sticks_stay_locked_until_this_model_and_firmware_was_checked_and_zeros_never() {
    let other = Craft { firmware: "10.02.0000".to_owned(), ..craft() };
    let mut wrong = AxisBook::default();
    wrong.record(check(craft(), false)).expect("recorded");
    let mut elsewhere = AxisBook::default();
    elsewhere.record(check(other, true)).expect("recorded");
    for axes in [AxisBook::default(), wrong, elsewhere] {
        let mut rig = Rig::new(axes);
        rig.enter(false);
        rig.frame(1, 0, 5.0);
        assert_eq!(rig.sticks, []);
        assert_eq!(rig.refusals(), ["sticks_locked"]);
        rig.frame(2, 0, 0.0);
        assert_eq!(rig.sticks, [(0, 0, [0.0; 4])]);
    }
    let nameless = Craft { firmware: " ".to_owned(), ..craft() };
    assert!(AxisBook::default().record(check(nameless, true)).is_err());
}

#[test]
fn zeros_go_whoever_sends_them_and_sticks_only_under_the_sessions_authority() {
    let mut rig = Rig::flying();
    let mut frame = Frame {
        fence: 4,
        number: 1,
        sent_ms: 0,
        mark: None,
        sticks: Sticks { up_mps: 1.0, ..Sticks::default() },
    };
    rig.input(Input::Frame(frame));
    assert_eq!((rig.session.stats().foreign, rig.sticks.len()), (1, 0));
    frame.sticks = Sticks::default();
    rig.input(Input::Frame(frame));
    assert_eq!(rig.sticks, [(0, 0, [0.0; 4])]);
    rig.input(Input::AuthorityLost);
    assert_eq!(rig.session.phase(), Phase::Leaving);
    assert_eq!(rig.sticks.len(), 2, "and it is stopped on the way out");
}

#[test]
fn a_paused_wayline_waits_for_a_person_who_sees_where_it_is() {
    let mut rig = Rig::new(checked());
    rig.enter(true);
    rig.input(Input::Position(position(0)));
    rig.input(Input::Leave);
    rig.input(Input::DeviceLeft);
    let asked = Output::AskResume { position: Some(position(0)) };
    assert!(rig.others.contains(&asked));
    rig.pass(3_600_000);
    let resumed = |rig: &Rig| rig.others.iter().any(|it| matches!(it, Output::Resume { .. }));
    assert!(!resumed(&rig), "never by time");
    let confirm = |shown: Position| Input::ConfirmResume { by: "kim".to_owned(), shown };
    rig.input(confirm(position(0)));
    assert_eq!(rig.refusals(), ["shown_is_old"], "it was not heard for an hour");
    rig.input(Input::Position(Position { battery_percent: 40, ..position(3_600_000) }));
    rig.input(confirm(position(3_600_000)));
    assert_eq!(rig.refusals().len(), 2, "the battery is not what was shown");
    rig.input(Input::Position(Position { latitude_deg: 35.76, ..position(3_600_000) }));
    rig.input(confirm(position(3_600_000)));
    assert_eq!(rig.refusals().len(), 3, "it is elsewhere");
    rig.input(Input::Position(position(3_600_000)));
    rig.input(confirm(position(3_600_000)));
    assert!(rig.others.contains(&Output::Resume { by: "kim".to_owned() }));
    rig.input(confirm(position(3_600_000)));
    assert_eq!(rig.refusals().last(), Some(&"no_mission"), "once");
}

#[test]
fn entering_may_fail_and_a_device_that_is_gone_is_left() {
    let mut rig = Rig::new(checked());
    rig.input(Input::Enter { fence: 5, craft: craft(), pauses_wayline: false });
    rig.input(Input::Enter { fence: 6, craft: craft(), pauses_wayline: false });
    assert_eq!(rig.refusals(), ["drc_busy"]);
    rig.input(Input::Entered { result: 514_300 });
    assert_eq!(rig.refusals()[1], "drc_refused");
    assert_eq!(rig.session.phase(), Phase::Off);

    let mut rig = Rig::flying();
    for number in 0..100 {
        let sent = i64::try_from(rig.now).expect("small");
        rig.frame(number, sent, 1.0);
        rig.pass(100);
    }
    assert_eq!(rig.session.phase(), Phase::Leaving, "it was silent for 10 s");
    assert!((9..=12).contains(&rig.beats.len()), "{:?}", rig.beats);
}

proptest! {
    /// Frames late, twice, out of order and in bursts: what moves the aircraft is fresh, newer than
    /// what moved it before, and a silence ends in zeros.
    #[test]
    fn the_dead_mans_switch_holds(
        steps in prop::collection::vec((0_u64..400, 0_u64..40, 0_u64..1_000, prop::bool::ANY), 1..80)
    ) {
        let mut rig = Rig::flying();
        let mut newest = None;
        let mut quickest = i64::MAX;
        let mut is_measured = false;
        let mut fresh_at = 0;
        for (gap, number, delay, is_reordered) in steps {
            rig.input(Input::DeviceHeard);
            rig.pass(gap);
            if rig.session.phase() == Phase::Leaving || rig.session.phase() == Phase::Off {
                prop_assert!(rig.now - fresh_at >= 2_000);
                break;
            }
            let number = if is_reordered { number } else { newest.unwrap_or(0) + 1 };
            let sent = i64::try_from(rig.now).expect("small") - i64::try_from(delay).expect("small");
            let is_newer = newest.is_none_or(|newest| number > newest);
            let mut is_fresh = false;
            if is_newer {
                newest = Some(number);
                let way = i64::try_from(delay).expect("small");
                quickest = quickest.min(way);
                // What was read longer ago than this took no mark of the tower with it.
                let is_young = |mark: MonoMs| rig.now - mark.0 <= 500;
                let is_on_time = way - quickest <= 250;
                is_measured |= is_on_time && rig.mark_at(sent).is_some_and(is_young);
                is_fresh = is_on_time && is_measured;
            }
            let before = rig.sticks.len();
            rig.frame(number, sent, 1.0 + f64::from(u32::try_from(number).expect("small")) / 100.0);
            if is_fresh {
                fresh_at = rig.now;
            } else {
                let moved = rig.sticks[before..].iter().any(|(_, _, axes)| *axes != [0.0; 4]);
                prop_assert!(!moved, "an old frame moved it");
            }
            if rig.now - fresh_at >= 250 {
                prop_assert_eq!(rig.sticks.last().map(|(_, _, axes)| *axes), Some([0.0; 4]));
            }
        }
        let seqs: Vec<_> = rig.sticks.iter().map(|(_, seq, _)| *seq).collect();
        prop_assert_eq!(&seqs, &(0..).take(seqs.len()).collect::<Vec<i64>>());
        let forward: Vec<_> = rig.sticks.iter().map(|(_, _, axes)| axes[0]).filter(|it| *it != 0.0).collect();
        prop_assert!(forward.windows(2).all(|pair| pair[0] < pair[1]), "repeated or reordered: {:?}", forward);
    }
}

#[test]
fn every_transition_of_the_table_is_taken() {
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..400 {
        let mut rig = Rig::new(checked());
        for number in 0..60 {
            match rng.u8(..16) {
                0..3 => rig.input(Input::Enter { fence: 5, craft: craft(), pauses_wayline: false }),
                3..5 => rig.input(Input::Entered { result: i64::from(rng.u8(..3)) / 2 }),
                5 => rig.input(Input::Leave),
                6 => rig.input(Input::AuthorityLost),
                7 => rig.input(Input::DeviceLeft),
                8 => rig.pass(rng.u64(..12_000)),
                // Fresh frames, and a device that says nothing.
                9 => {
                    let between_ms = rng.choice([95, 400]).unwrap();
                    for number in 0..110 {
                        let ms = i64::try_from(rig.now).unwrap();
                        rig.frame(number * 1_000 + 1_000_000, ms, 1.0);
                        rig.pass(between_ms);
                    }
                }
                10 => rig.input(Input::DeviceHeard),
                _ => {
                    let ms = i64::try_from(rig.now).unwrap();
                    rig.frame(number, ms, 1.0);
                    rig.pass(rng.u64(..600));
                }
            }
        }
    }
    crate::machine::taken::assert_all(&MACHINE);
}
