//! Flying by hand: one direct-control (DRC) session, and the dead man's switch of the tower.
//!
//! `Off → Entering → Flying → Leaving → Off`. Sticks come from a browser over a line that may
//! stall; the tower, not the browser, makes sure that a silent line stops the aircraft:
//!
//! - No fresh frame for [`DrcConfig::zero_after_ms`]: zeros are sent, again and again
//!   ([`DrcConfig::tick_ms`]), whatever came before. After [`DrcConfig::release_after_ms`] without a
//!   fresh frame the session is left.
//! - A frame is sent once. A frame that is older than one already taken, comes twice, or was on its
//!   way too long ([`DrcConfig::stale_ms`] longer than the quickest) is dropped and counted; it never
//!   moves anything and does not keep the dead man's switch quiet.
//! - How old a frame is its own clock does not tell. A session therefore begins without a measure:
//!   nothing moves until a frame came that was read after a mark of the tower ([`Output::Mark`]) of at
//!   most [`DrcConfig::mark_ms`] ago. Frames that waited in a stalled line since before the session, or
//!   for seconds of it, move nothing; every later one is at most that much and `stale_ms` old.
//! - Only the newest waits: frames faster than the link takes them replace each other.
//! - Zeros are a counter-action: they go at once, whoever holds the authority, axes checked or not.
//! - Sticks stay locked until an axis check of this model and firmware is on record ([`axes`]).
//! - A wayline that was paused for the session stays paused. It resumes only when a person confirms
//!   it, having been shown where the aircraft is and how much battery is left, as they are now.
//!
//! The machine asks for messages and knows no transport: [`Output::Publish`] is for `drc/down`, the
//! two service calls are for the command path. What a checker may assert: after any moment without
//! a fresh frame for `zero_after_ms` + one tick, the last thing published is a zero; published
//! sequence numbers rise by one; no input but [`Input::ConfirmResume`] gives [`Output::Resume`].

pub mod axes;

use std::collections::VecDeque;

use dji_cloud::{
    drc::control::{DroneControl, HeartBeat},
    drc_link::DrcDown,
    encode,
};
use fleet_types::{MonoMs, Now, Reason, WallMs};

use crate::{
    machine::{Machine, Named, Tabled},
    mutant::{self, Mutant},
};
use axes::{AxisBook, Craft};

/// Every state and transition of direct control of one device.
pub const MACHINE: Machine = Machine {
    name: "Flying by hand",
    module: "drc.rs",
    about: "One direct-control (DRC) session with the tower's dead man's switch. Without a fresh frame of \
        sticks the aircraft is held with zeros after 250 ms (`silence`) and the session is left after \
        2 s (`long silence`). A wayline that was paused for it stays paused until a person confirms.",
    states: &[
        ("off", "Nobody flies by hand."),
        ("entering", "The device was asked to enter the mode."),
        ("flying", "Sticks steer."),
        ("holding", "No fresh sticks: zeros, again and again."),
        ("leaving", "The device was asked to leave the mode."),
    ],
    starts: &["off"],
    ends: &[],
    rows: &[
        ("enter", &["off"], "entering"),
        ("device_entered", &["entering"], "flying"),
        ("device_refused", &["entering"], "off"),
        ("no_answer", &["entering", "leaving"], "off"),
        ("silence", &["flying"], "holding"),
        ("fresh_frame", &["holding"], "flying"),
        ("long_silence", &["holding"], "leaving"),
        ("device_silent", &["flying", "holding"], "leaving"),
        ("asked_to_leave", &["entering", "flying", "holding"], "leaving"),
        ("authority_lost", &["entering", "flying", "holding"], "leaving"),
        ("device_left", &["flying", "holding", "leaving"], "off"),
    ],
};

/// Times of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrcConfig {
    /// Silence after which zeros are sent, milliseconds.
    pub zero_after_ms: u64,
    /// Silence after which the session is left, milliseconds.
    pub release_after_ms: u64,
    /// A frame that took this much longer than the quickest one is stale, milliseconds.
    pub stale_ms: i64,
    /// The first frame that moves anything was read at most so long before it came, milliseconds.
    pub mark_ms: u64,
    /// Shortest time between two sticks, milliseconds: the page says 5 to 10 Hz.
    pub tick_ms: u64,
    /// Time between heart beats, milliseconds; the device leaves after 60 s without.
    pub beat_ms: u64,
    /// The device was silent for this long: it is not there any more, milliseconds.
    pub device_silent_ms: u64,
    /// Time for the answer to entering or leaving, milliseconds.
    pub answer_ms: u64,
    /// How old what a person was shown may be, milliseconds.
    pub shown_ms: u64,
}

impl Default for DrcConfig {
    fn default() -> Self {
        Self {
            zero_after_ms: 250,
            release_after_ms: 2_000,
            stale_ms: 250,
            mark_ms: 500,
            tick_ms: 100,
            beat_ms: 1_000,
            device_silent_ms: 10_000,
            answer_ms: 10_000,
            shown_ms: 5_000,
        }
    }
}

/// Deflections, by direction: whoever sends them names no axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sticks {
    /// Forward positive, m/s.
    pub forward_mps: f64,
    /// Right positive, m/s.
    pub right_mps: f64,
    /// Up positive, m/s.
    pub up_mps: f64,
    /// Clockwise positive, °/s.
    pub clockwise_dps: f64,
}

impl Sticks {
    /// Whether nothing is deflected.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    fn is_sane(&self) -> bool {
        let Self { forward_mps, right_mps, up_mps, clockwise_dps } = self;
        [forward_mps, right_mps, up_mps, clockwise_dps].into_iter().all(|value| value.is_finite())
    }
}

/// One frame of sticks as the browser sent it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The session's fencing number, as told on entering.
    pub fence: u64,
    /// The sender's own number, rising.
    pub number: u64,
    /// The sender's own monotonic clock when it read the sticks, milliseconds; only differences count.
    pub sent_ms: i64,
    /// The newest mark of the tower that the sender had heard when it read the sticks.
    pub mark: Option<MonoMs>,
    /// What it read.
    pub sticks: Sticks,
}

/// Where the aircraft is and how long it can stay there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Latitude, degrees.
    pub latitude_deg: f64,
    /// Longitude, degrees.
    pub longitude_deg: f64,
    /// Height over the take-off point, metres.
    pub height_m: f64,
    /// Battery, percent.
    pub battery_percent: i64,
    /// When it was heard.
    pub heard: MonoMs,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A person with flight authority wants to fly by hand.
    Enter {
        /// The fencing number of the authority.
        fence: u64,
        /// Model and firmware of the aircraft.
        craft: Craft,
        /// A wayline is paused, or pauses with it.
        pauses_wayline: bool,
    },
    /// The device answered `drc_mode_enter`.
    Entered {
        /// 0 is success.
        result: i64,
    },
    /// A frame of sticks came.
    Frame(Frame),
    /// The device said something on `drc/up`.
    DeviceHeard,
    /// The aircraft reported where it is.
    Position(Position),
    /// The person wants to end it.
    Leave,
    /// The device says that the link, or its stick mode, has ended (`drc_status_notify`,
    /// `joystick_invalid_notify`).
    DeviceLeft,
    /// The authority went to somebody else, or ended.
    AuthorityLost,
    /// A person confirms that the paused wayline goes on from here.
    ConfirmResume {
        /// Who.
        by: String,
        /// What they were shown.
        shown: Position,
    },
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Order `drc_mode_enter`.
    OrderEnter,
    /// Order `drc_mode_exit`.
    OrderExit,
    /// Publish on `drc/down`; losing it is harmless, sending it late is not.
    Publish {
        /// The message.
        payload: Vec<u8>,
        /// Zeros: before everything else.
        is_counter_action: bool,
    },
    /// To be told to whoever sends the sticks, who repeats the newest in each frame.
    Mark(MonoMs),
    /// The session changed.
    State(Phase),
    /// A person is to be asked whether the wayline goes on; nothing happens until they say so.
    AskResume {
        /// Where the aircraft is, as far as known.
        position: Option<Position>,
    },
    /// Order `flighttask_recovery`.
    Resume {
        /// Who confirmed it.
        by: String,
    },
    /// Something was not done.
    Refused(Reason),
}

/// Where a session stands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody flies by hand.
    Off,
    /// Entering.
    Entering,
    /// Sticks steer.
    Flying,
    /// No fresh sticks: the aircraft is held.
    Holding,
    /// Leaving.
    Leaving,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Off,
    Entering { fence: u64, craft: Craft, deadline: MonoMs },
    Flying(Session),
    Leaving { deadline: MonoMs },
}

impl Named for State {
    const MACHINE: &'static Machine = &MACHINE;

    fn name(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Entering { .. } => "entering",
            Self::Flying(session) if session.is_holding => "holding",
            Self::Flying(_) => "flying",
            Self::Leaving { .. } => "leaving",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Session {
    fence: u64,
    craft: Craft,
    /// When the latest fresh frame came; entering counts as one.
    fresh_at: MonoMs,
    /// Number of the newest frame taken.
    newest: Option<u64>,
    /// The shortest way a frame took, on two clocks that have nothing to do with each other.
    quickest_ms: Option<i64>,
    measure: Measure,
    waiting: Option<Sticks>,
    next_seq: i64,
    next_stick: MonoMs,
    next_beat: MonoMs,
    device_heard: MonoMs,
    is_holding: bool,
}

/// What is known of how old frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    /// Nothing; only a mark made since then proves anything.
    None { since: MonoMs },
    /// The quickest frame was young: the others are compared with it.
    Taken,
}

/// Frames that moved nothing, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrcStats {
    /// Older than one taken before, or the same again.
    pub reordered: u64,
    /// Too long on the way.
    pub stale: u64,
    /// How old they were was not known yet.
    pub unmeasured: u64,
    /// Under another authority, or not numbers.
    pub foreign: u64,
    /// Replaced by a newer one before the link took it.
    pub replaced: u64,
    /// Deflected while the axes are not checked.
    pub locked: u64,
}

/// One device's direct control.
#[derive(Clone, Debug)]
pub struct DrcSession {
    config: DrcConfig,
    state: Tabled<State>,
    has_paused_wayline: bool,
    position: Option<Position>,
    stats: DrcStats,
    outputs: VecDeque<Output>,
}

impl DrcSession {
    /// Nobody flies by hand.
    #[must_use]
    pub fn new(config: DrcConfig) -> Self {
        let (state, position, stats) = (Tabled::new(State::Off), None, DrcStats::default());
        let outputs = VecDeque::new();
        Self { config, state, has_paused_wayline: false, position, stats, outputs }
    }

    /// Where it stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &*self.state {
            State::Off => Phase::Off,
            State::Entering { .. } => Phase::Entering,
            State::Flying(session) if session.is_holding => Phase::Holding,
            State::Flying(_) => Phase::Flying,
            State::Leaving { .. } => Phase::Leaving,
        }
    }

    /// Frames that moved nothing.
    #[must_use]
    pub fn stats(&self) -> DrcStats {
        self.stats
    }

    /// Whether a wayline waits for a person.
    #[must_use]
    pub fn waits_for_resume(&self) -> bool {
        self.has_paused_wayline && *self.state == State::Off
    }

    /// Takes in what happened. `axes` tells which models may be steered.
    pub fn handle_input(&mut self, now: Now, input: Input, axes: &AxisBook) {
        let before = self.phase();
        // The time that passed until now counts first: a frame does not undo a silence.
        self.pass(now);
        match input {
            Input::Enter { fence, craft, pauses_wayline } => {
                self.enter(now, fence, craft, pauses_wayline);
            }
            Input::Entered { result } => self.on_entered(now, result),
            Input::Frame(frame) => self.on_frame(now, frame, axes),
            Input::DeviceHeard => {
                self.state.change("device_heard", |state| {
                    if let State::Flying(session) = state {
                        session.device_heard = now.mono;
                    }
                });
            }
            Input::Position(position) => self.position = Some(position),
            Input::Leave => self.leave(now, "asked_to_leave"),
            Input::AuthorityLost => self.leave(now, "authority_lost"),
            Input::DeviceLeft => self.on_device_left(),
            Input::ConfirmResume { by, shown } => self.confirm_resume(now, by, shown),
        }
        self.tell_phase(before);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now) {
        let before = self.phase();
        self.pass(now);
        self.tell_phase(before);
    }

    /// When [`Self::handle_timeout`] is next due, and for what.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(MonoMs, &'static str)> {
        match &*self.state {
            State::Off => None,
            State::Entering { deadline, .. } => Some((*deadline, "drc enter")),
            State::Leaving { deadline } => Some((*deadline, "drc exit")),
            State::Flying(session) => {
                let silence = session.fresh_at;
                let stick = match (session.is_holding, session.waiting) {
                    (true, _) | (false, Some(_)) => Some(session.next_stick),
                    (false, None) => None,
                };
                let dead_man = silence.after_ms(self.config.zero_after_ms);
                let gone = session.device_heard.after_ms(self.config.device_silent_ms);
                [
                    stick.map(|at| (at, "sticks")),
                    (!session.is_holding).then_some((dead_man, "dead man")),
                    Some((silence.after_ms(self.config.release_after_ms), "release")),
                    Some((session.next_beat, "heart beat")),
                    Some((gone, "device silent")),
                ]
                .into_iter()
                .flatten()
                .min_by_key(|(at, _)| *at)
            }
        }
    }

    /// The next thing to be done, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn enter(&mut self, now: Now, fence: u64, craft: Craft, pauses_wayline: bool) {
        if *self.state != State::Off {
            let text = "Somebody flies this aircraft by hand already. Nothing was done.";
            return self.refuse("drc_busy", text);
        }
        self.has_paused_wayline |= pauses_wayline;
        let deadline = now.mono.after_ms(self.config.answer_ms);
        self.state.go("enter", State::Entering { fence, craft, deadline });
        self.outputs.push_back(Output::OrderEnter);
    }

    fn on_entered(&mut self, now: Now, result: i64) {
        let State::Entering { fence, craft, .. } = &*self.state else { return };
        if result != 0 {
            self.end("device_refused");
            let text = format!("The dock refused direct control (code {result}).");
            return self.outputs.push_back(Output::Refused(
                Reason::new("drc_refused", text).with_device_code(result),
            ));
        }
        let session = Session {
            fence: *fence,
            craft: craft.clone(),
            fresh_at: now.mono,
            newest: None,
            quickest_ms: None,
            measure: Measure::None { since: now.mono },
            waiting: None,
            next_seq: 0,
            next_stick: now.mono,
            next_beat: now.mono,
            device_heard: now.mono,
            is_holding: false,
        };
        self.state.go("device_entered", State::Flying(session));
        self.outputs.push_back(Output::Mark(now.mono));
        self.pass(now);
    }

    fn on_frame(&mut self, now: Now, frame: Frame, axes: &AxisBook) {
        let Self { config, stats, outputs, .. } = self;
        let locked = self.state.change("fresh_frame", |state| match state {
            State::Flying(session) => session.take(now, &frame, axes, config, stats, outputs),
            State::Off | State::Entering { .. } | State::Leaving { .. } => false,
        });
        if locked {
            let text = "The sticks are locked: no axis check of this model and firmware is on record. Check on site, in the simulator of the aircraft, which way each stick moves it.";
            self.refuse("sticks_locked", text);
        }
    }

    fn pass(&mut self, now: Now) {
        match &*self.state {
            State::Off => {}
            State::Entering { deadline, .. } | State::Leaving { deadline } => {
                if now.mono >= *deadline {
                    // Whether the device is in the mode is not known: it leaves by itself when it
                    // hears no heart beat.
                    self.end("no_answer");
                }
            }
            State::Flying(session) => {
                let silent_ms = now.mono.since_ms(session.fresh_at);
                let is_device_gone =
                    now.mono.since_ms(session.device_heard) >= self.config.device_silent_ms;
                if silent_ms >= self.config.zero_after_ms && !mutant::is(Mutant::StaleSticks) {
                    self.within("silence", |session, _, _| {
                        // What waited is older than the silence: it must not move anything any more.
                        session.waiting = None;
                        session.is_holding = true;
                    });
                }
                if silent_ms >= self.config.release_after_ms {
                    return self.leave(now, "long_silence");
                }
                if is_device_gone {
                    return self.leave(now, "device_silent");
                }
                self.within("time", |session, config, outputs| {
                    session.pass(now, config, outputs);
                });
            }
        }
    }

    /// Lets something happen to a session that flies.
    fn within(
        &mut self,
        cause: &'static str,
        act: impl FnOnce(&mut Session, &DrcConfig, &mut VecDeque<Output>),
    ) {
        let Self { config, outputs, .. } = self;
        self.state.change(cause, |state| {
            if let State::Flying(session) = state {
                act(session, config, outputs);
            }
        });
    }

    /// Stops the aircraft and leaves.
    fn leave(&mut self, now: Now, cause: &'static str) {
        match &*self.state {
            State::Flying(_) => self.within("stop", |session, _, outputs| {
                session.send(now, outputs, Sticks::default(), true);
            }),
            // The dock may be in the mode by now.
            State::Entering { .. } => {}
            State::Off | State::Leaving { .. } => return,
        }
        self.outputs.push_back(Output::OrderExit);
        let deadline = now.mono.after_ms(self.config.answer_ms);
        self.state.go(cause, State::Leaving { deadline });
    }

    fn on_device_left(&mut self) {
        match &*self.state {
            State::Flying(_) | State::Leaving { .. } => self.end("device_left"),
            State::Off | State::Entering { .. } => {}
        }
    }

    fn end(&mut self, cause: &'static str) {
        self.state.go(cause, State::Off);
        if self.has_paused_wayline {
            if mutant::is(Mutant::AutoResumeAfterDrc) {
                self.outputs.push_back(Output::Resume { by: "tower".to_owned() });
            }
            self.outputs.push_back(Output::AskResume { position: self.position });
        }
    }

    /// The one place that lets a wayline go on: a person said so, and saw what is true now.
    fn confirm_resume(&mut self, now: Now, by: String, shown: Position) {
        if !self.waits_for_resume() {
            let text = "No paused wayline waits for a word. Nothing was done.";
            return self.refuse("no_mission", text);
        }
        let fresh = self
            .position
            .filter(|position| now.mono.since_ms(position.heard) <= self.config.shown_ms);
        if !fresh.is_some_and(|position| is_same_place(&position, &shown)) {
            let text = "The aircraft is not where it was shown, or has not been heard lately. Look again, then confirm.";
            self.refuse("shown_is_old", text);
            return self.outputs.push_back(Output::AskResume { position: self.position });
        }
        self.has_paused_wayline = false;
        self.outputs.push_back(Output::Resume { by });
    }

    fn refuse(&mut self, code: &'static str, text: &'static str) {
        self.outputs.push_back(Output::Refused(Reason::new(code, text)));
    }

    fn tell_phase(&mut self, before: Phase) {
        let after = self.phase();
        if before != after {
            self.outputs.push_back(Output::State(after));
        }
    }
}

impl Session {
    /// Takes a frame; true when its sticks are locked.
    fn take(
        &mut self,
        now: Now,
        frame: &Frame,
        axes: &AxisBook,
        config: &DrcConfig,
        stats: &mut DrcStats,
        outputs: &mut VecDeque<Output>,
    ) -> bool {
        let is_zero = frame.sticks.is_zero();
        // Zeros stop, whoever sends them.
        if is_zero {
            self.waiting = None;
            self.send(now, outputs, Sticks::default(), true);
        }
        if frame.fence != self.fence || !frame.sticks.is_sane() {
            stats.foreign += 1;
            return false;
        }
        if self.newest.is_some_and(|newest| frame.number <= newest) {
            stats.reordered += 1;
            return false;
        }
        self.newest = Some(frame.number);
        if self.took_too_long(now, frame.sent_ms, config.stale_ms) {
            stats.stale += 1;
            return false;
        }
        if !self.is_measured(now, frame.mark, config.mark_ms) {
            stats.unmeasured += 1;
            return false;
        }
        self.fresh_at = now.mono;
        self.is_holding = false;
        if is_zero {
            return false;
        }
        if !axes.is_checked(&self.craft) {
            stats.locked += 1;
            return true;
        }
        stats.replaced += u64::from(self.waiting.is_some());
        self.waiting = Some(frame.sticks);
        self.send_waiting(now, outputs, config.tick_ms);
        false
    }

    /// Zeros, sticks and heart beats that are due.
    fn pass(&mut self, now: Now, config: &DrcConfig, outputs: &mut VecDeque<Output>) {
        if self.is_holding && now.mono >= self.next_stick {
            if self.measure != Measure::Taken {
                outputs.push_back(Output::Mark(now.mono));
            }
            self.send(now, outputs, Sticks::default(), true);
            self.next_stick = now.mono.after_ms(config.tick_ms);
        }
        self.send_waiting(now, outputs, config.tick_ms);
        if now.mono >= self.next_beat {
            self.beat(now, outputs);
            self.next_beat = now.mono.after_ms(config.beat_ms);
        }
    }

    /// Whether a frame was on its way much longer than the quickest one. The two clocks have
    /// different origins; what they say together is comparable.
    fn took_too_long(&mut self, now: Now, sent_ms: i64, stale_ms: i64) -> bool {
        let here = i64::try_from(now.mono.0).unwrap_or(i64::MAX);
        let way = here.saturating_sub(sent_ms);
        let quickest = self.quickest_ms.map_or(way, |quickest| quickest.min(way));
        self.quickest_ms = Some(quickest);
        way.saturating_sub(quickest) > stale_ms
    }

    /// Whether it is known how old frames are; a young mark in one takes the measure.
    fn is_measured(&mut self, now: Now, mark: Option<MonoMs>, mark_ms: u64) -> bool {
        let Measure::None { since } = self.measure else { return true };
        let is_young =
            |mark: MonoMs| mark >= since && mark <= now.mono && now.mono.since_ms(mark) <= mark_ms;
        if mark.is_some_and(is_young) {
            self.measure = Measure::Taken;
        }
        self.measure == Measure::Taken
    }

    fn send_waiting(&mut self, now: Now, outputs: &mut VecDeque<Output>, tick_ms: u64) {
        if now.mono < self.next_stick {
            return;
        }
        let waiting = self.waiting.take();
        if mutant::is(Mutant::StaleSticks) {
            self.waiting = waiting;
        }
        if let Some(sticks) = waiting {
            self.send(now, outputs, sticks, false);
            self.next_stick = now.mono.after_ms(tick_ms);
        }
    }

    fn send(
        &mut self,
        _now: Now,
        outputs: &mut VecDeque<Output>,
        sticks: Sticks,
        is_counter_action: bool,
    ) {
        let seq = self.next_seq;
        self.next_seq += 1;
        let limit = |value: f64, low: f64, high: f64| Some(value.clamp(low, high));
        let control = DroneControl {
            seq: Some(seq),
            forward: limit(sticks.forward_mps, -17.0, 17.0),
            right: limit(sticks.right_mps, -17.0, 17.0),
            up: limit(sticks.up_mps, -4.0, 5.0),
            clockwise: limit(sticks.clockwise_dps, -90.0, 90.0),
            ..DroneControl::default()
        };
        push(outputs, None, &DrcDown::DroneControl(Box::new(control)), is_counter_action);
    }

    fn beat(&mut self, now: Now, outputs: &mut VecDeque<Output>) {
        let WallMs(timestamp) = now.wall;
        let beat = HeartBeat { timestamp: Some(timestamp), ..HeartBeat::default() };
        push(outputs, Some(self.next_seq), &DrcDown::HeartBeat(beat), false);
    }
}

fn push(
    outputs: &mut VecDeque<Output>,
    seq: Option<i64>,
    message: &DrcDown,
    is_counter_action: bool,
) {
    // Values are held within the documented bounds above; what cannot be written is not sent.
    if let Ok(payload) = encode::drc(seq, message) {
        outputs.push_back(Output::Publish { payload, is_counter_action });
    }
}

/// Whether what a person was shown is what is true: within 10 m, 5 m of height and 2 % of battery.
fn is_same_place(now: &Position, shown: &Position) -> bool {
    const NEAR_DEG: f64 = 0.000_09;
    let apart = |a: f64, b: f64| (a - b).abs();
    let narrowing = now.latitude_deg.to_radians().cos().abs().max(0.01);
    apart(now.latitude_deg, shown.latitude_deg) <= NEAR_DEG
        && apart(now.longitude_deg, shown.longitude_deg) * narrowing <= NEAR_DEG
        && apart(now.height_m, shown.height_m) <= 5.0
        && now.battery_percent.abs_diff(shown.battery_percent) <= 2
}

#[cfg(test)]
mod tests;
