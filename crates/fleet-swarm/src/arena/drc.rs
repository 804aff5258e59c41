//! Flying by hand over a line that stalls, with the direct-control machine of `fleet-core`: a pilot
//! whose frames come late, twice, out of order or not at all, a stranger who sends frames too, a
//! device that answers or does not, and a person who decides whether the paused wayline goes on.
//!
//! Judged by what the pilot did and what left the tower: nothing moves the aircraft that the pilot
//! did not ask for a moment ago, each frame moves it once, silence stops it and ends the session, and
//! no wayline goes on without a person's word.

use std::collections::BTreeSet;

use fastrand::Rng;
use fleet_core::drc::axes::{AxisBook, AxisCheck, Craft};
use fleet_core::drc::{DrcConfig, DrcSession, Frame, Input, Output, Phase, Position, Sticks};
use fleet_types::{DeviceSn, MonoMs, Now, WallMs};
use serde::Deserialize;

use super::{Arena, Common, Outcome};
use crate::plan::{EPOCH_MS, mix};
use crate::queue::{Ms, Queue};

/// Silence after which the sticks must be at zero, and after which the session must be over.
const ZERO_AFTER_MS: Ms = 250;
const RELEASE_AFTER_MS: Ms = 2_000;
/// A frame this much slower than the quickest is too old.
const STALE_MS: i64 = 250;
/// What moves anything was read at most this long before it came, whatever the line does: the oldest
/// that a session may take for its quickest, and a frame that is slower by as much as is allowed.
const AGE_MAX_MS: Ms = 500 + 250;
/// Between two sticks.
const TICK_MS: Ms = 100;
/// The whole of it.
const END_MS: Ms = 30_000;
/// Number of the authority that the pilot has.
const FENCE: u64 = 7;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// The pilot wants to fly.
    Sit,
    /// The pilot reads the sticks and sends them.
    Read,
    /// A frame reaches the tower.
    Arrives(Frame),
    /// A mark of the tower's time reaches the pilot.
    Marked(MonoMs),
    /// The line stands still.
    Stall,
    /// The pilot goes away without a word, or comes back.
    Away(bool),
    Leave,
    AuthorityLost,
    /// The device answers the order to enter.
    Entered(i64),
    /// The device has left.
    Left,
    /// The device says something.
    Beat,
    /// The aircraft is somewhere else.
    Moved,
    /// Somebody looks at the map and says that the wayline goes on.
    Confirm {
        /// What they look at is of so long ago.
        age_ms: Ms,
    },
    Tick,
    Look,
}

/// What is read of a message to the device; everything else is left where it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    method: &'a str,
    seq: Option<i64>,
    data: Control,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Control {
    x: f64,
    seq: Option<i64>,
}

/// The promises, by what the pilot did and what left.
#[derive(Default)]
struct Judge {
    /// Of each deflection, in hundredths, the last frame that the pilot sent, and when it was read.
    read: Vec<Option<(u64, Ms)>>,
    newest: Option<u64>,
    quickest_ms: Option<i64>,
    /// When the pilot's sticks were last known to be fresh.
    fresh_at: Ms,
    moved: BTreeSet<u64>,
    last_x: i64,
    next_seq: i64,
    confirmed: u32,
    frames: u64,
    judged: u64,
}

struct Flown {
    common: Common<Event>,
    session: DrcSession,
    axes: AxisBook,
    craft: Craft,
    judge: Judge,
    tick_at: Option<Ms>,
    is_in_mode: bool,
    is_away: bool,
    is_unordered: bool,
    is_open: bool,
    is_checked: bool,
    stalled_until: Ms,
    last_arrival: Ms,
    number: u64,
    browser_ms: i64,
    /// The newest of the tower's marks that the pilot has heard.
    mark: Option<MonoMs>,
    places: Vec<(Ms, Position)>,
}

/// Runs one.
#[must_use]
pub fn run(seed: u64, readable: bool) -> Outcome {
    super::run(Flown::new(seed, readable), END_MS)
}

impl Arena for Flown {
    type Event = Event;

    fn common(&mut self) -> &mut Common<Event> {
        &mut self.common
    }

    fn handle(&mut self, event: Event) {
        self.happens(event);
    }

    fn look(&mut self) {
        self.holds();
    }

    fn at_end(&mut self) {
        self.is_over();
    }
}

impl Flown {
    fn new(seed: u64, readable: bool) -> Self {
        let mut rng = Rng::with_seed(mix(seed, 0xD7C));
        let craft = Craft { model: "0-91-1".to_owned(), firmware: "09.01.0101".to_owned() };
        let is_checked = rng.u8(..) < 220;
        let mut axes = AxisBook::default();
        if is_checked && let Ok(sn) = DeviceSn::new("SIMM3T00000001") {
            let check = AxisCheck {
                craft: craft.clone(),
                sn,
                forward_is_right: true,
                right_is_right: true,
                up_is_right: true,
                turn_is_right: true,
                checked_by: "pilot".to_owned(),
                at_ms: WallMs(EPOCH_MS),
            };
            // A check that names model and firmware is always taken.
            let _ = axes.record(check);
        }
        let is_unordered = rng.u8(..) < 80;
        let browser_ms = rng.i64(-1_000_000..1_000_000);
        let mut plans = Queue::new();
        plans.push(rng.u64(100..2_000), Event::Sit);
        plans.push(50, Event::Moved);
        plans.push(40, Event::Look);
        Self {
            common: Common { rng, plans, ..Common::new(0, readable) },
            session: DrcSession::new(DrcConfig::default()),
            axes,
            craft,
            judge: Judge::default(),
            tick_at: None,
            is_in_mode: false,
            is_away: false,
            is_unordered,
            is_open: false,
            is_checked,
            stalled_until: 0,
            last_arrival: 0,
            number: 0,
            browser_ms,
            mark: None,
            places: Vec::new(),
        }
    }

    fn clock(&self) -> Now {
        Now {
            mono: MonoMs(5_000 + self.common.now),
            wall: WallMs(EPOCH_MS.saturating_add_unsigned(self.common.now)),
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Sit => self.sit(),
            Event::Read => self.read_sticks(),
            Event::Arrives(frame) => self.arrives(frame),
            Event::Marked(mark) => self.mark = self.mark.max(Some(mark)),
            Event::Stall => {
                self.stalled_until = self.common.now + self.common.rng.u64(150..4_000);
                let again = self.common.now + self.common.rng.u64(1_000..8_000);
                self.common.plans.push(again, Event::Stall);
            }
            Event::Away(is_away) => self.is_away = is_away,
            Event::Leave => self.feed(Input::Leave),
            Event::AuthorityLost => self.feed(Input::AuthorityLost),
            Event::Entered(result) => {
                self.is_in_mode |= result == 0;
                if self.session.phase() == Phase::Entering {
                    self.judge.begin(self.common.now);
                }
                self.feed(Input::Entered { result });
                self.common.plans.push(self.common.now + 500, Event::Beat);
            }
            Event::Left => {
                self.is_in_mode = false;
                self.feed(Input::DeviceLeft);
                // Whatever left in this very moment moves nothing any more.
                self.judge.last_x = 0;
            }
            Event::Beat => {
                if self.is_in_mode {
                    self.feed(Input::DeviceHeard);
                    self.common.plans.push(self.common.now + 500, Event::Beat);
                }
            }
            Event::Moved => self.aircraft_moves(),
            Event::Confirm { age_ms } => self.confirm(age_ms),
            Event::Tick => {
                if self.tick_at == Some(self.common.now) {
                    self.tick_at = None;
                    let now = self.clock();
                    self.session.handle_timeout(now);
                    self.carry_out();
                }
            }
            Event::Look => self.common.plans.push(self.common.now + 200, Event::Look),
        }
    }

    /// The pilot sits down: what they will do is drawn now.
    fn sit(&mut self) {
        self.common.count("sessions asked for");
        let pauses_wayline = self.common.rng.bool();
        self.feed(Input::Enter { fence: FENCE, craft: self.craft.clone(), pauses_wayline });
        if !self.is_open {
            self.is_open = true;
            self.common.plans.push(self.common.now + 20, Event::Read);
            self.common
                .plans
                .push(self.common.now + self.common.rng.u64(1_000..6_000), Event::Stall);
        }
        let flies_ms = self.common.rng.u64(2_000..9_000);
        let end = self.common.now + flies_ms;
        match self.common.rng.u8(0..5) {
            0 => self.common.plans.push(end, Event::Leave),
            1 => self.common.plans.push(end, Event::AuthorityLost),
            2 => self.common.plans.push(end, Event::Left),
            _ => {
                self.common.plans.push(end, Event::Away(true));
                self.common.plans.push(end + self.common.rng.u64(100..4_000), Event::Away(false));
            }
        }
        let looks = self.common.rng.u64(500..6_000);
        let age_ms = if self.common.rng.bool() { 0 } else { self.common.rng.u64(0..9_000) };
        self.common.plans.push(end + looks, Event::Confirm { age_ms });
        self.common.plans.push(end + self.common.rng.u64(2_000..9_000), Event::Sit);
    }

    /// A frame leaves the browser.
    fn read_sticks(&mut self) {
        self.common.plans.push(self.common.now + self.common.rng.u64(30..110), Event::Read);
        if self.is_away {
            return;
        }
        self.number += 1;
        // The deflection names the frame, so that what leaves can be told from what was read.
        let code = i64::try_from(self.number % 1_600).unwrap_or(0) + 1;
        let is_zero = self.common.rng.u8(..) < 30;
        let forward_mps = if is_zero { 0.0 } else { code as f64 / 100.0 };
        if !is_zero {
            self.judge.note(code, self.number, self.common.now);
        }
        let sticks = Sticks { forward_mps, ..Sticks::default() };
        let sent_ms = self.browser_ms.saturating_add_unsigned(self.common.now);
        let (number, fence) = (self.number, FENCE);
        let mark = self.mark;
        let frame = Frame { fence, number, sent_ms, mark, sticks };
        let mut at = self.common.now.max(self.stalled_until) + self.common.rng.u64(5..60);
        if !self.is_unordered {
            at = at.max(self.last_arrival);
            self.last_arrival = at;
        }
        self.common.plans.push(at, Event::Arrives(frame));
        if self.is_unordered && self.common.rng.u8(..) < 20 {
            self.common.plans.push(at + self.common.rng.u64(1..700), Event::Arrives(frame));
        }
        if self.common.rng.u8(..) < 6 {
            // Somebody whose authority ended, with sticks that nobody here read.
            let sticks = Sticks { forward_mps: 16.55, ..Sticks::default() };
            let number = number + 1_000_000;
            let frame = Frame { fence: FENCE - 1, number, sent_ms, mark, sticks };
            self.common.plans.push(at, Event::Arrives(frame));
        }
    }

    fn arrives(&mut self, frame: Frame) {
        // What was due before it came left before it came.
        let now = self.clock();
        self.session.handle_timeout(now);
        self.carry_out();
        let is_flying = matches!(self.session.phase(), Phase::Flying | Phase::Holding);
        if is_flying && frame.fence == FENCE {
            let judge = &mut self.judge;
            if judge.newest.is_none_or(|newest| frame.number > newest) {
                judge.newest = Some(frame.number);
                let way =
                    i64::try_from(self.common.now).unwrap_or(0) - (frame.sent_ms - self.browser_ms);
                let quickest = judge.quickest_ms.map_or(way, |quickest| quickest.min(way));
                judge.quickest_ms = Some(quickest);
                let is_young = u64::try_from(way).is_ok_and(|way| way <= AGE_MAX_MS);
                if way - quickest <= STALE_MS && is_young {
                    judge.fresh_at = self.common.now;
                }
            }
        }
        self.judge.frames += 1;
        self.feed(Input::Frame(frame));
    }

    fn aircraft_moves(&mut self) {
        let far = self.common.rng.u64(0..400);
        let position = Position {
            latitude_deg: 37.0 + self.common.now as f64 * 1e-7,
            longitude_deg: 127.0,
            height_m: 60.0,
            battery_percent: 90 - i64::try_from(self.common.now / 1_000).unwrap_or(0),
            heard: self.clock().mono,
        };
        self.places.push((self.common.now, position));
        self.feed(Input::Position(position));
        self.common.plans.push(self.common.now + 600 + far, Event::Moved);
    }

    fn confirm(&mut self, age_ms: Ms) {
        let seen_at = self.common.now.saturating_sub(age_ms);
        let seen = self.places.iter().rev().find(|(at, _)| *at <= seen_at);
        let Some((_, shown)) = seen.copied() else { return };
        self.judge.confirmed += 1;
        self.common.count("waylines confirmed by a person");
        self.common.line(|| format!("a person, who sees {age_ms} ms ago: fly on"));
        self.feed(Input::ConfirmResume { by: "operator".to_owned(), shown });
        self.judge.confirmed = 0;
    }

    fn feed(&mut self, input: Input) {
        let now = self.clock();
        self.session.handle_input(now, input, &self.axes);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::OrderEnter => {
                    let result = if self.common.rng.u8(..) < 20 { 319_033 } else { 0 };
                    if self.common.rng.u8(..) > 15 {
                        let at = self.common.now + self.common.rng.u64(30..2_500);
                        self.common.plans.push(at, Event::Entered(result));
                    }
                }
                Output::OrderExit => {
                    let x = self.judge.last_x;
                    if x != 0 {
                        self.common.fail("leaving stops the aircraft", format!("{x} stands"));
                    }
                    if self.common.rng.u8(..) > 30 {
                        self.common
                            .plans
                            .push(self.common.now + self.common.rng.u64(30..800), Event::Left);
                    }
                }
                Output::Publish { payload, .. } => self.published(&payload),
                Output::Mark(mark) => {
                    let way = self.common.rng.u64(5..60);
                    let at = self.common.now.max(self.stalled_until) + way;
                    self.common.plans.push(at, Event::Marked(mark));
                }
                Output::State(phase) => self.common.line(|| format!("session: {phase:?}")),
                Output::AskResume { .. } => {
                    self.common.count("people asked whether the wayline goes on")
                }
                Output::Resume { by } => self.resumed(&by),
                Output::Refused(reason) => {
                    self.common.line(|| format!("refused: {}", reason.code));
                }
            }
        }
        let Some((due, _)) = self.session.poll_timeout() else { return };
        let due = due.0.saturating_sub(5_000).max(self.common.now + 1);
        if self.tick_at.is_none_or(|planned| due < planned || planned <= self.common.now) {
            self.tick_at = Some(due);
            self.common.plans.push(due, Event::Tick);
        }
    }

    fn resumed(&mut self, by: &str) {
        self.common.count("waylines that went on");
        let (_, truth) = self.places.last().copied().unzip();
        self.common.line(|| format!("the wayline goes on by {by}"));
        if self.judge.confirmed == 0 || truth.is_none() {
            self.common.fail("no wayline goes on by itself", format!("it went on by {by:?}"));
        }
    }

    /// Something left for the device.
    fn published(&mut self, payload: &[u8]) {
        self.common.trace.bytes(payload);
        let message: Message<'_> = serde_json::from_slice(payload).unwrap_or_default();
        if message.method != "drone_control" {
            return;
        }
        let x = (message.data.x * 100.0).round() as i64;
        self.common.line(|| format!("sticks {x}"));
        let seq = message.seq.or(message.data.seq).unwrap_or(-1);
        if seq != self.judge.next_seq {
            let wanted = self.judge.next_seq;
            self.common.fail("numbers of sticks rise by one", format!("{seq} instead of {wanted}"));
        }
        self.judge.next_seq = seq + 1;
        self.judge.last_x = x;
        self.judge.judged += 1;
        if x == 0 {
            return;
        }
        if let Err(what) = self.may_move(x) {
            self.common.fail("sticks move once, and fresh", what);
        }
    }

    fn may_move(&mut self, x: i64) -> Result<(), String> {
        let now = self.common.now;
        if !self.is_checked {
            return Err(format!("{x} left though no axis check is on record"));
        }
        let Some((number, read_at)) = self.judge.read_as(x) else {
            return Err(format!("{x} left, which the pilot never asked for"));
        };
        if !self.judge.moved.insert(number) {
            return Err(format!("{x} left again"));
        }
        let quickest = u64::try_from(self.judge.quickest_ms.unwrap_or(0)).unwrap_or(0);
        let age = now - read_at;
        if age > AGE_MAX_MS + TICK_MS {
            return Err(format!("{x} left {age} ms after it was read"));
        }
        if age > quickest + STALE_MS.unsigned_abs() + TICK_MS {
            return Err(format!(
                "{x} left {age} ms after it was read; the quickest took {quickest}"
            ));
        }
        Ok(())
    }

    fn is_over(&mut self) {
        let (judged, frames) = (self.judge.judged, self.judge.frames);
        self.common.tally.insert("sticks stop when nobody steers", judged);
        self.common.tally.insert("frames of sticks", frames);
    }

    /// After every event: silence has stopped the aircraft, and then ended the session.
    fn holds(&mut self) {
        if !matches!(self.session.phase(), Phase::Flying | Phase::Holding) {
            return;
        }
        let silent = self.common.now - self.judge.fresh_at;
        let x = self.judge.last_x;
        if silent > ZERO_AFTER_MS + TICK_MS + 1 && x != 0 {
            self.common.fail("silence stops the aircraft", format!("{x} stands after {silent} ms"));
        }
        if silent > RELEASE_AFTER_MS + 1 {
            self.common.fail("silence ends the session", format!("it goes on after {silent} ms"));
        }
    }
}

impl Judge {
    fn note(&mut self, code: i64, number: u64, now: Ms) {
        let place = usize::try_from(code).unwrap_or(0);
        if self.read.len() <= place {
            self.read.resize(place + 1, None);
        }
        self.read[place] = Some((number, now));
    }

    fn read_as(&self, code: i64) -> Option<(u64, Ms)> {
        *self.read.get(usize::try_from(code).ok()?)?
    }

    /// A session counts from its beginning.
    fn begin(&mut self, now: Ms) {
        (self.newest, self.quickest_ms) = (None, None);
        (self.fresh_at, self.next_seq, self.last_x) = (now, 0, 0);
    }
}
