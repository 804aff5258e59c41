//! Faults that the tower finds by itself: what a device does not say, or what it says cannot be.
//!
//! One [`FaultDetector`] a device, fed with what the bus carries of it. Each fault has to last
//! before it is raised and to be gone for a while before it is cleared ([`Debounce`]), so that a
//! value at the edge does not flicker. The detector knows no alarm list: it gives [`FaultChange`]s,
//! which [`FaultChange::into_input`] turns into conditions of [`crate::alarm`].
//!
//! | fault | raised when | priority |
//! |---|---|---|
//! | heart-beat lost | a device that was online is offline; an aircraft only while it flies | 2, in flight 1 |
//! | OSD stalled | it is heard, and no telemetry comes | 2 |
//! | field frozen | a value that has to move does not, or comes no more beside the others ([`frozen`]) | 2 |
//! | speed drop | a wayline flight stops, nobody ordered it, and it does not go on | 2 |
//! | position jump | further than the flight so far makes plausible | 1 |
//! | link quality | the link to an aircraft that is out is bad, or falls fast | 2 |
//! | clock skew | its clock is off by more than [`FaultConfig::skew_ms`] | 3 |
//!
//! What a checker may assert: a fault is raised only after its condition was seen for its time, and
//! cleared only after it was gone for its time; a device that keeps reporting plausibly raises none.

pub mod fields;
pub mod frozen;
pub mod motion;
pub mod watch;

use std::{collections::VecDeque, sync::Arc};

use dji_cloud::device::AircraftModeCode;
use fleet_types::{
    DeviceClass, DeviceSn, DeviceStatus, MonoMs, Reason, WallMs,
    alarm::{AlarmSource, Priority},
    device::Connection,
    topic::DeviceOsd,
};

use crate::{
    alarm::{Condition, Input as AlarmInput, Key},
    machine::{Machine, Named, Tabled},
};
use fields::Fields;
use frozen::Frozen;
use motion::Motion;

/// Times and bounds of the faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultConfig {
    /// Offline for this long, beyond the 30 s of silence that make it so, milliseconds.
    pub lost_ms: u64,
    /// Heard, and without telemetry for this long, milliseconds.
    pub stalled_ms: u64,
    /// A value that comes no more for this long beside the others, milliseconds.
    pub missing_ms: u64,
    /// A stop on a wayline that lasts this long, milliseconds. Photos at a waypoint take less.
    pub stopped_ms: u64,
    /// A command explains a stop for this long, milliseconds.
    pub commanded_ms: u64,
    /// A bad link for this long, milliseconds.
    pub link_ms: u64,
    /// A clock off by more than this, milliseconds. Tasks are refused from 25 s on.
    pub skew_ms: u64,
    /// How long a fault must be gone before it is cleared, milliseconds.
    pub gone_ms: u64,
}

impl Default for FaultConfig {
    fn default() -> Self {
        Self {
            lost_ms: 10_000,
            stalled_ms: 20_000,
            missing_ms: 30_000,
            stopped_ms: 20_000,
            commanded_ms: 30_000,
            link_ms: 6_000,
            skew_ms: 10_000,
            gone_ms: 10_000,
        }
    }
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the module's table says what each is")]
pub enum FaultKind {
    HeartbeatLost,
    OsdStalled,
    /// Which field, by its key.
    FieldFrozen(&'static str),
    SpeedDrop,
    PositionJump,
    LinkQuality,
    ClockSkew,
}

impl FaultKind {
    /// The reason's code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::HeartbeatLost => "heartbeat_lost",
            Self::OsdStalled => "osd_stalled",
            Self::FieldFrozen(_) => "field_frozen",
            Self::SpeedDrop => "speed_drop",
            Self::PositionJump => "position_jump",
            Self::LinkQuality => "link_quality",
            Self::ClockSkew => "clock_skew",
        }
    }

    fn words(self) -> String {
        match self {
            Self::HeartbeatLost => "The device is not heard any more. Check its power and its network; what is shown of it is last known.".to_owned(),
            Self::OsdStalled => "The device is heard, but its telemetry has stopped. Do not rely on what is shown of it; restart it if this lasts.".to_owned(),
            Self::FieldFrozen(key) => format!("The value {key} does not move any more, or does not come, while others do. Do not rely on it; look at the device."),
            Self::SpeedDrop => "The aircraft stopped on its way and nobody ordered it. Look at its picture and position; bring it home if in doubt.".to_owned(),
            Self::PositionJump => "The position of the aircraft jumped further than it can fly. Check satellites and interference; bring it home if in doubt.".to_owned(),
            Self::LinkQuality => "The link to the flying aircraft is getting worse. Bring it nearer, or home.".to_owned(),
            Self::ClockSkew => "The clock of the dock is off by more than 10 s; beyond 25 s it refuses missions. Check its NTP server.".to_owned(),
        }
    }
}

/// A fault was raised or cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultChange {
    /// Device.
    pub sn: DeviceSn,
    /// The dock that it is heard through.
    pub by: DeviceSn,
    /// What.
    pub kind: FaultKind,
    /// Up, or gone.
    pub is_raised: bool,
    /// How urgent.
    pub priority: Priority,
}

impl FaultChange {
    /// As a condition of the alarms.
    #[must_use]
    pub fn into_input(self) -> AlarmInput {
        let Self { sn, by, kind, is_raised, priority } = self;
        let instance = match kind {
            FaultKind::FieldFrozen(key) => key.to_owned(),
            FaultKind::HeartbeatLost
            | FaultKind::OsdStalled
            | FaultKind::SpeedDrop
            | FaultKind::PositionJump
            | FaultKind::LinkQuality
            | FaultKind::ClockSkew => String::new(),
        };
        let code = kind.code();
        let key = Key {
            source: AlarmSource::Fault,
            by: Some(by),
            about: Some(sn),
            code: code.to_owned(),
            instance,
        };
        if !is_raised {
            return AlarmInput::Clear(key);
        }
        AlarmInput::Raise(Condition {
            key,
            alarm_id: None,
            priority,
            reason: Reason::new(code, kind.words()),
            cause: code.to_owned(),
            latching: false,
        })
    }
}

/// Something that happened to the device.
#[derive(Clone, Copy, Debug)]
pub enum FaultInput<'a> {
    /// It reported.
    Osd {
        /// What.
        sample: &'a DeviceOsd,
        /// Where its values are.
        fields: &'a Fields,
    },
    /// Its status changed.
    Status(&'a DeviceStatus),
    /// Somebody ordered something that may change its flight.
    Commanded,
}

/// Every state and transition of a fault: what has to last before it is told, both ways.
pub const MACHINE: Machine = Machine {
    name: "Fault",
    module: "fault.rs",
    about: "One fault of one device: heart-beat lost, OSD stalled, a field frozen or missing, speed drop, \
        position jump, link quality, clock skew. Each has times of its own to be raised and cleared \
        (`FaultConfig`); a value at the edge does not flicker.",
    states: &[
        ("quiet", "Nothing is wrong."),
        ("rising", "Something is wrong, not for long enough to be told."),
        ("raised", "Told."),
        ("falling", "It is right again, not for long enough to be told."),
    ],
    starts: &["quiet"],
    ends: &[],
    rows: &[
        ("bad", &["quiet"], "rising"),
        ("good", &["rising"], "quiet"),
        ("lasted", &["rising"], "raised"),
        ("good", &["raised"], "falling"),
        ("bad", &["falling"], "raised"),
        ("lasted", &["falling"], "quiet"),
    ],
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turning {
    Quiet,
    Rising { since: MonoMs },
    Raised,
    Falling { since: MonoMs },
}

impl Named for Turning {
    const MACHINE: &'static Machine = &MACHINE;

    fn name(&self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Rising { .. } => "rising",
            Self::Raised => "raised",
            Self::Falling { .. } => "falling",
        }
    }
}

/// A condition that has to last, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debounce(Tabled<Turning>);

impl Default for Debounce {
    fn default() -> Self {
        Self(Tabled::new(Turning::Quiet))
    }
}

impl Debounce {
    /// Takes what is the case now; what changed by it, if anything.
    pub fn feed(
        &mut self,
        now: MonoMs,
        is_bad: bool,
        raise_ms: u64,
        clear_ms: u64,
    ) -> Option<bool> {
        match (*self.0, is_bad) {
            (Turning::Quiet, true) => self.0.go("bad", Turning::Rising { since: now }),
            (Turning::Rising { .. }, false) => self.0.go("good", Turning::Quiet),
            (Turning::Raised, false) => self.0.go("good", Turning::Falling { since: now }),
            (Turning::Falling { .. }, true) => self.0.go("bad", Turning::Raised),
            (Turning::Quiet | Turning::Falling { .. }, false)
            | (Turning::Raised | Turning::Rising { .. }, true) => {}
        }
        match *self.0 {
            Turning::Rising { since } if now.since_ms(since) >= raise_ms => {
                self.0.go("lasted", Turning::Raised);
                Some(true)
            }
            Turning::Falling { since } if now.since_ms(since) >= clear_ms => {
                self.0.go("lasted", Turning::Quiet);
                Some(false)
            }
            Turning::Quiet | Turning::Rising { .. } | Turning::Raised | Turning::Falling { .. } => {
                None
            }
        }
    }

    /// When feeding it the same again would change it.
    #[must_use]
    pub fn deadline(&self, raise_ms: u64, clear_ms: u64) -> Option<MonoMs> {
        match *self.0 {
            Turning::Rising { since } => Some(since.after_ms(raise_ms)),
            Turning::Falling { since } => Some(since.after_ms(clear_ms)),
            Turning::Quiet | Turning::Raised => None,
        }
    }

    /// Whether it is up.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        matches!(*self.0, Turning::Raised | Turning::Falling { .. })
    }
}

/// The faults of one device.
#[derive(Clone, Debug)]
pub struct FaultDetector {
    /// One for all detectors.
    config: Arc<FaultConfig>,
    sn: DeviceSn,
    by: DeviceSn,
    connection: Connection,
    was_online: bool,
    skew_ms: Option<i64>,
    /// When telemetry came last, ours and the wall's, told by the field every report cycle has.
    osd: Option<(MonoMs, WallMs)>,
    is_flying: bool,
    is_out: bool,
    lost: Debounce,
    stalled: Debounce,
    skewed: Debounce,
    link: Debounce,
    best_link: Option<(i64, MonoMs)>,
    frozen: Frozen,
    motion: Motion,
    outputs: VecDeque<FaultChange>,
}

impl FaultDetector {
    /// Nothing known of the device.
    #[must_use]
    pub fn new(config: Arc<FaultConfig>, sn: DeviceSn, by: DeviceSn) -> Self {
        Self {
            config,
            sn,
            by,
            connection: Connection::NeverSeen,
            was_online: false,
            skew_ms: None,
            osd: None,
            is_flying: false,
            is_out: false,
            lost: Debounce::default(),
            stalled: Debounce::default(),
            skewed: Debounce::default(),
            link: Debounce::default(),
            best_link: None,
            frozen: Frozen::default(),
            motion: Motion::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The dock that the device is heard through.
    #[must_use]
    pub fn by(&self) -> &DeviceSn {
        &self.by
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: MonoMs, input: FaultInput<'_>) {
        match input {
            FaultInput::Osd { sample, fields } => self.on_osd(now, sample, fields),
            FaultInput::Status(status) => {
                self.connection = status.connection;
                self.was_online |= status.connection == Connection::Online;
                self.skew_ms = status.clock_skew_ms;
            }
            FaultInput::Commanded => self.motion.on_command(now),
        }
        self.look(now);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: MonoMs) {
        self.look(now);
    }

    /// When [`Self::handle_timeout`] is next due, and for what.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(MonoMs, &'static str)> {
        let FaultConfig { lost_ms, stalled_ms, skew_ms: _, gone_ms, .. } = *self.config;
        let stall_begins = self
            .osd
            .filter(|_| self.connection == Connection::Online && !self.stalled.is_raised())
            .map(|(at, _)| at.after_ms(stalled_ms));
        [
            (self.lost.deadline(lost_ms, gone_ms), "heart-beat"),
            (self.stalled.deadline(0, gone_ms).or(stall_begins), "telemetry"),
            (self.skewed.deadline(gone_ms, gone_ms), "clock"),
        ]
        .into_iter()
        .filter_map(|(at, why)| Some((at?, why)))
        .min_by_key(|(at, _)| *at)
    }

    /// The next change, oldest first.
    pub fn poll_output(&mut self) -> Option<FaultChange> {
        self.outputs.pop_front()
    }

    fn on_osd(&mut self, now: MonoMs, sample: &DeviceOsd, fields: &Fields) {
        let number = |key: &str| fields.number(sample, key);
        let code = |key: &str| fields.code(sample, key);
        let heard = fields.reading(sample, "mode_code").map(|reading| reading.received_ms);
        if let Some(heard) = heard
            && self.osd.is_none_or(|(_, before)| heard != before)
        {
            self.osd = Some((now, heard));
        }
        match sample.class {
            DeviceClass::Aircraft => {
                let mode = code("mode_code").map(AircraftModeCode::from_code);
                self.is_flying = mode.is_some_and(AircraftModeCode::is_flying);
                let flown = self.motion.on_report(now, &self.config, mode, self.is_flying, &number);
                self.tell_all(flown);
            }
            DeviceClass::Dock => {
                self.is_out = code("drone_in_dock") == Some(0);
                self.look_at_link(now, &code);
            }
            DeviceClass::Robot => {}
        }
        let stuck = self.frozen.on_report(now, &self.config, sample, fields, self.is_flying);
        self.tell_all(stuck);
    }

    /// What time alone changes.
    fn look(&mut self, now: MonoMs) {
        let FaultConfig { lost_ms, stalled_ms, skew_ms, gone_ms, .. } = *self.config;
        let is_gone = self.was_online
            && match self.connection {
                Connection::Offline => true,
                Connection::Stale => self.lost.is_raised(),
                Connection::NeverSeen | Connection::BringingUp | Connection::Online => false,
            };
        // An aircraft in its dock is switched off between flights: that it is silent means nothing.
        let is_aircraft = self.sn != self.by;
        let is_lost = is_gone && (!is_aircraft || self.is_flying);
        if let Some(is_raised) = self.lost.feed(now, is_lost, lost_ms, gone_ms) {
            let in_flight = self.is_flying || self.is_out;
            let priority = if in_flight { Priority::High } else { Priority::Medium };
            self.tell(FaultKind::HeartbeatLost, is_raised, priority);
        }
        let is_stalled = self.connection == Connection::Online
            && self.osd.is_some_and(|(at, _)| now.since_ms(at) >= stalled_ms);
        if let Some(is_raised) = self.stalled.feed(now, is_stalled, 0, gone_ms) {
            self.tell(FaultKind::OsdStalled, is_raised, Priority::Medium);
        }
        let limit_ms = if self.skewed.is_raised() { skew_ms / 2 } else { skew_ms };
        let is_skewed = self.skew_ms.is_some_and(|skew| skew.unsigned_abs() > limit_ms);
        if let Some(is_raised) = self.skewed.feed(now, is_skewed, gone_ms, gone_ms) {
            self.tell(FaultKind::ClockSkew, is_raised, Priority::Low);
        }
    }

    /// The better of both links, 0 to 5, matters while the aircraft is out.
    fn look_at_link(&mut self, now: MonoMs, code: &impl Fn(&str) -> Option<i64>) {
        const BAD: i64 = 1;
        const GOOD: i64 = 3;
        /// This much lower within the window is falling fast.
        const FALL: i64 = 3;
        const FALL_WINDOW_MS: u64 = 20_000;
        let link = |state: &str, quality: &str| {
            code(quality).filter(|_| code(state).is_some_and(|state| state != 0))
        };
        let sdr = link("wireless_link.sdr_link_state", "wireless_link.sdr_quality");
        let lte = link("wireless_link.4g_link_state", "wireless_link.4g_quality");
        let has_link = code("wireless_link.sdr_quality").is_some();
        let quality = sdr.max(lte).unwrap_or(0);
        if !self.is_out || !has_link {
            self.best_link = None;
        } else if self
            .best_link
            .is_none_or(|(best, at)| quality >= best || now.since_ms(at) > FALL_WINDOW_MS)
        {
            self.best_link = Some((quality, now));
        }
        let has_fallen = self.best_link.is_some_and(|(best, _)| best - quality >= FALL);
        let enough = if self.link.is_raised() { GOOD } else { BAD + 1 };
        let is_bad = self.is_out && has_link && (quality < enough || has_fallen);
        let FaultConfig { link_ms, gone_ms, .. } = *self.config;
        if let Some(is_raised) = self.link.feed(now, is_bad, link_ms, gone_ms) {
            self.tell(FaultKind::LinkQuality, is_raised, Priority::Medium);
        }
    }

    fn tell_all(&mut self, changes: Vec<(FaultKind, bool, Priority)>) {
        for (kind, is_raised, priority) in changes {
            self.tell(kind, is_raised, priority);
        }
    }

    fn tell(&mut self, kind: FaultKind, is_raised: bool, priority: Priority) {
        let (sn, by) = (self.sn.clone(), self.by.clone());
        self.outputs.push_back(FaultChange { sn, by, kind, is_raised, priority });
    }
}

#[cfg(test)]
mod tests;
