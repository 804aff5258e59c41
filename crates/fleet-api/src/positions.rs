//! Position records of the live stream as bytes: one little-endian record of 20 bytes a device.
//!
//! Pure. The layout, with the meaning of every bit, is described in `docs/stream.md`; the console
//! decodes it in `web/src/api/positions.ts`, tested against the same committed bytes. A value that
//! is not known has a number of its own, and is never sent as zero. Read next:
//! [`crate::hub`] (where records are kept).

use fleet_types::{
    DeviceClass, DeviceStatus, WallMs,
    alarm::Priority,
    device::{Activity, Connection},
};

pub(crate) const HEADER_BYTES: usize = 24;
pub(crate) const RECORD_BYTES: usize = 20;
const KIND: u8 = 0x50;
const VERSION: u8 = 1;
/// The frame begins a whole view: what it and its followers do not name is not in the view.
pub(crate) const FULL: u16 = 1;
/// More frames of this tick follow.
pub(crate) const MORE: u16 = 1 << 1;

/// 1e-7 degrees, or [`NOWHERE`].
pub(crate) type Angle = i32;
pub(crate) const NOWHERE: Angle = i32::MIN;
const DEGREE: f64 = 1e7;
const NO_HEIGHT: i16 = i16::MIN;
const NO_HEADING: u16 = u16::MAX;
const NO_BYTE: u8 = u8::MAX;
const NO_AGE: u16 = u16::MAX;

const CLASS: u16 = 3;
const CONNECTION_SHIFT: u16 = 2;
const ACTIVITY_SHIFT: u16 = 5;
const ALARM_SHIFT: u16 = 9;
const LOCKED: u16 = 1 << 11;
const ON_MISSION: u16 = 1 << 12;
const COVER_OPEN: u16 = 1 << 13;
const AIRCRAFT_INSIDE: u16 = 1 << 14;
const CHARGING: u16 = 1 << 15;
const NO_CONNECTION: u16 = 7;
const NO_ACTIVITY: u16 = 15;

/// What a frame says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) flags: u16,
    /// The client's own number of the view this answers.
    pub(crate) view: u16,
    pub(crate) server_ms: WallMs,
    pub(crate) tick: u32,
    pub(crate) missed_ticks: u16,
}

/// Begins a frame; records are pushed behind it, [`finish`] completes it.
pub(crate) fn begin(frame: &mut Vec<u8>, header: &Header) {
    frame.extend([KIND, VERSION, to_byte(HEADER_BYTES), to_byte(RECORD_BYTES)]);
    frame.extend(header.flags.to_le_bytes());
    frame.extend(header.view.to_le_bytes());
    // Exact: epoch milliseconds stay far below 2^53.
    #[expect(clippy::cast_precision_loss)]
    let server_ms = header.server_ms.0 as f64;
    frame.extend(server_ms.to_le_bytes());
    frame.extend(header.tick.to_le_bytes());
    frame.extend(0_u16.to_le_bytes());
    frame.extend(header.missed_ticks.to_le_bytes());
}

/// Writes flags and number of records, both known only in the end, into the header.
pub(crate) fn finish(frame: &mut [u8], flags: u16) {
    let records = frame.len().saturating_sub(HEADER_BYTES) / RECORD_BYTES;
    // A frame has at most 2,000 records.
    let records = u16::try_from(records).unwrap_or(u16::MAX);
    if let Some(place) = frame.get_mut(4..6) {
        place.copy_from_slice(&flags.to_le_bytes());
    }
    if let Some(place) = frame.get_mut(20..22) {
        place.copy_from_slice(&records.to_le_bytes());
    }
}

const fn to_byte(length: usize) -> u8 {
    assert!(length <= 255, "lengths of header and record are one byte each");
    #[expect(clippy::cast_possible_truncation)]
    let byte = length as u8;
    byte
}

/// What was measured of a device, as its twin holds it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) latitude_deg: Option<f64>,
    pub(crate) longitude_deg: Option<f64>,
    pub(crate) height_m: Option<f64>,
    pub(crate) heading_deg: Option<f64>,
    pub(crate) speed_mps: Option<f64>,
    pub(crate) battery_percent: Option<f64>,
    pub(crate) cover_open: bool,
    pub(crate) aircraft_inside: bool,
    pub(crate) charging: bool,
    /// Receipt of the position, or of the newest report where there is no position.
    pub(crate) heard_ms: Option<WallMs>,
}

/// A record, but for its slot and its age, which are the frame's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    state: u16,
    pub(crate) latitude: Angle,
    pub(crate) longitude: Angle,
    height: i16,
    heading: u16,
    speed: u8,
    battery: u8,
    /// `i64::MIN` when nothing was ever heard.
    heard_ms: i64,
}

impl Record {
    pub(crate) fn new(
        class: DeviceClass,
        status: Option<&DeviceStatus>,
        alarm: Option<Priority>,
        measured: &Measured,
    ) -> Self {
        let (latitude, longitude) = angles(measured);
        Self {
            state: state(class, status, alarm, measured),
            latitude,
            longitude,
            height: measured.height_m.map_or(NO_HEIGHT, height),
            heading: measured.heading_deg.map_or(NO_HEADING, heading),
            speed: measured.speed_mps.map_or(NO_BYTE, |speed| byte(speed.abs() * 5.0, 254.0)),
            battery: measured.battery_percent.map_or(NO_BYTE, |percent| byte(percent, 100.0)),
            heard_ms: measured.heard_ms.map_or(i64::MIN, |at| at.0),
        }
    }

    pub(crate) fn has_position(&self) -> bool {
        self.latitude != NOWHERE
    }

    pub(crate) fn is_one_of(&self, classes: &[DeviceClass]) -> bool {
        classes.iter().any(|class| class_code(*class) == self.state & CLASS)
    }

    pub(crate) fn is_dock(&self) -> bool {
        self.state & CLASS == class_code(DeviceClass::Dock)
    }

    /// Metres, where known.
    pub(crate) fn height_m(&self) -> Option<f64> {
        (self.height != NO_HEIGHT).then(|| f64::from(self.height) / 5.0)
    }

    /// When the position was heard, where there is one.
    pub(crate) fn heard_ms(&self) -> Option<WallMs> {
        (self.heard_ms != i64::MIN).then_some(WallMs(self.heard_ms))
    }

    /// Appends the 20 bytes as they are at `now`.
    #[inline]
    pub(crate) fn push(&self, frame: &mut Vec<u8>, slot: u16, now: WallMs) {
        let mut bytes = [0; RECORD_BYTES];
        bytes[0..2].copy_from_slice(&slot.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.state.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.latitude.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.longitude.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.height.to_le_bytes());
        bytes[14..16].copy_from_slice(&self.heading.to_le_bytes());
        bytes[16] = self.speed;
        bytes[17] = self.battery;
        bytes[18..20].copy_from_slice(&self.age(now).to_le_bytes());
        frame.extend_from_slice(&bytes);
    }

    fn age(&self, now: WallMs) -> u16 {
        if self.heard_ms == i64::MIN {
            return NO_AGE;
        }
        // A wall clock that was set back makes ages negative: then it was just now.
        let tenths = now.0.saturating_sub(self.heard_ms).max(0) / 100;
        u16::try_from(tenths).unwrap_or(NO_AGE).min(NO_AGE - 1)
    }
}

/// Latitude and longitude, both or neither. What lies off the globe is not a position.
fn angles(measured: &Measured) -> (Angle, Angle) {
    let (Some(latitude), Some(longitude)) = (measured.latitude_deg, measured.longitude_deg) else {
        return (NOWHERE, NOWHERE);
    };
    if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
        return (NOWHERE, NOWHERE);
    }
    (to_angle(latitude), to_angle(longitude))
}

/// Degrees within ±180 as 1e-7 degrees.
pub(crate) fn to_angle(degrees: f64) -> Angle {
    // Casts of floats saturate, and 180e7 fits.
    #[expect(clippy::cast_possible_truncation)]
    let angle = (degrees * DEGREE).round() as i32;
    angle
}

fn height(metres: f64) -> i16 {
    let steps = (metres * 5.0).round().clamp(-32767.0, 32767.0);
    #[expect(clippy::cast_possible_truncation)]
    let height = steps as i16;
    height
}

fn heading(degrees: f64) -> u16 {
    let hundredths = (degrees.rem_euclid(360.0) * 100.0).round();
    // 359.996 rounds up to a whole turn, which is north again.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let heading = hundredths as u16;
    if heading >= 36_000 { 0 } else { heading }
}

fn byte(value: f64, most: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let byte = value.round().clamp(0.0, most) as u8;
    byte
}

fn state(
    class: DeviceClass,
    status: Option<&DeviceStatus>,
    alarm: Option<Priority>,
    measured: &Measured,
) -> u16 {
    let flag = |on: bool, bit: u16| if on { bit } else { 0 };
    let connection = status.map_or(NO_CONNECTION, |status| connection_code(status.connection));
    let activity = status.map_or(NO_ACTIVITY, |status| activity_code(status.activity));
    let alarm = match alarm {
        None => 0,
        Some(Priority::Low) => 1,
        Some(Priority::Medium) => 2,
        Some(Priority::High) => 3,
    };
    class_code(class)
        | connection << CONNECTION_SHIFT
        | activity << ACTIVITY_SHIFT
        | alarm << ALARM_SHIFT
        | flag(status.is_some_and(|status| status.flight_lock.is_some()), LOCKED)
        | flag(status.is_some_and(|status| status.mission_id.is_some()), ON_MISSION)
        | flag(measured.cover_open, COVER_OPEN)
        | flag(measured.aircraft_inside, AIRCRAFT_INSIDE)
        | flag(measured.charging, CHARGING)
}

fn class_code(class: DeviceClass) -> u16 {
    match class {
        DeviceClass::Dock => 0,
        DeviceClass::Aircraft => 1,
        DeviceClass::Robot => 2,
    }
}

fn connection_code(connection: Connection) -> u16 {
    match connection {
        Connection::NeverSeen => 0,
        Connection::BringingUp => 1,
        Connection::Online => 2,
        Connection::Stale => 3,
        Connection::Offline => 4,
    }
}

fn activity_code(activity: Activity) -> u16 {
    match activity {
        Activity::Unknown => 0,
        Activity::Idle => 1,
        Activity::OnSiteDebugging => 2,
        Activity::RemoteDebugging => 3,
        Activity::Upgrading => 4,
        Activity::Working => 5,
        Activity::Standby => 6,
        Activity::Preparing => 7,
        Activity::TakingOff => 8,
        Activity::FlyingMission => 9,
        Activity::Flying => 10,
        Activity::Returning => 11,
        Activity::Landing => 12,
        Activity::AircraftOffline => 13,
    }
}

#[cfg(test)]
mod tests;
