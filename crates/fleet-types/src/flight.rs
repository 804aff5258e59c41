//! Flights: what is on record of a mission that was ordered to take off.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    alarm::AlarmStatus,
    command::CommandStatus,
    id::{DeviceSn, MissionId},
    mission::{MissionStatus, Verdict},
    time::WallMs,
};

/// Which flights; what is absent does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlightFilter {
    /// Of this dock.
    pub sn: Option<DeviceSn>,
    /// Taken from this time on.
    pub from_ms: Option<WallMs>,
    /// Taken before this time.
    pub until_ms: Option<WallMs>,
    /// That ended so.
    pub verdict: Option<Verdict>,
    /// Whose wayline's name holds this, whatever its case.
    pub wayline: Option<String>,
    /// Taken before this one.
    pub before: Option<(WallMs, MissionId)>,
    /// At the most.
    pub limit: u16,
}

/// An event of the dock during a flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlightEvent {
    /// When it was received.
    pub at_ms: WallMs,
    /// DJI method.
    pub method: String,
    /// DJI data, as it came.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// A flight, and everything on record of it but its telemetry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlightRecord {
    /// The mission: what was asked for, its steps, its verdict.
    pub mission: MissionStatus,
    /// The aircraft that were heard through the dock meanwhile.
    pub aircraft: Vec<DeviceSn>,
    /// A minute before take-off was ordered.
    pub from_ms: WallMs,
    /// A minute after its end, or now.
    pub until_ms: WallMs,
    /// Commands to the dock in this time and of this mission, oldest first, at most 500.
    pub commands: Vec<CommandStatus>,
    /// Events of the dock in this time, oldest first, at most 2000.
    pub events: Vec<FlightEvent>,
    /// Whether there are more events than those.
    pub has_more_events: bool,
    /// Alarms of dock and aircraft that came up in this time, oldest first, at most 500.
    pub alarms: Vec<AlarmStatus>,
}

/// What was recorded of a device at one time. Absent is what it did not say lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TelemetryRow {
    /// When it was received.
    pub at_ms: WallMs,
    /// Reports merged since the device's machine started: with the time the row's place.
    pub report_no: i64,
    /// Degrees.
    pub latitude_deg: Option<f64>,
    /// Degrees.
    pub longitude_deg: Option<f64>,
    /// Over the ellipsoid, metres.
    pub height_m: Option<f32>,
    /// Over the take-off point, metres.
    pub elevation_m: Option<f32>,
    /// Degrees, 0 is north.
    pub heading_deg: Option<f32>,
    /// Metres a second.
    pub horizontal_speed_mps: Option<f32>,
    /// Metres a second.
    pub vertical_speed_mps: Option<f32>,
    /// Metres a second.
    pub wind_speed_mps: Option<f32>,
    /// Metres to the home point.
    pub home_distance_m: Option<f32>,
    /// Percent.
    pub battery_percent: Option<i16>,
    /// DJI's code.
    pub mode_code: Option<i16>,
    /// Satellites.
    pub gps_count: Option<i16>,
    /// Satellites of the RTK fix.
    pub rtk_count: Option<i16>,
    /// Quality of the radio link, 0–5.
    pub sdr_quality: Option<i16>,
}

/// Telemetry of a device over time, a list a quantity; the same index is the same time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlightSeries {
    /// The device; none where nothing of an aircraft is on record.
    pub sn: Option<DeviceSn>,
    /// Of each so many milliseconds the first report stands for all.
    pub step_ms: i64,
    /// When it was received.
    pub at_ms: Vec<WallMs>,
    /// Degrees.
    pub latitude_deg: Vec<Option<f64>>,
    /// Degrees.
    pub longitude_deg: Vec<Option<f64>>,
    /// Over the ellipsoid, metres.
    pub height_m: Vec<Option<f32>>,
    /// Over the take-off point, metres.
    pub elevation_m: Vec<Option<f32>>,
    /// Degrees, 0 is north.
    pub heading_deg: Vec<Option<f32>>,
    /// Metres a second.
    pub horizontal_speed_mps: Vec<Option<f32>>,
    /// Metres a second.
    pub vertical_speed_mps: Vec<Option<f32>>,
    /// Metres a second.
    pub wind_speed_mps: Vec<Option<f32>>,
    /// Percent.
    pub battery_percent: Vec<Option<i16>>,
    /// DJI's code.
    pub mode_code: Vec<Option<i16>>,
    /// Quality of the radio link, 0–5.
    pub sdr_quality: Vec<Option<i16>>,
}

impl FlightSeries {
    /// Of these rows.
    #[must_use]
    pub fn of(sn: Option<DeviceSn>, step_ms: i64, rows: &[TelemetryRow]) -> Self {
        fn list<T>(rows: &[TelemetryRow], pick: impl Fn(&TelemetryRow) -> T) -> Vec<T> {
            rows.iter().map(pick).collect()
        }
        Self {
            sn,
            step_ms,
            at_ms: list(rows, |row| row.at_ms),
            latitude_deg: list(rows, |row| row.latitude_deg),
            longitude_deg: list(rows, |row| row.longitude_deg),
            height_m: list(rows, |row| row.height_m),
            elevation_m: list(rows, |row| row.elevation_m),
            heading_deg: list(rows, |row| row.heading_deg),
            horizontal_speed_mps: list(rows, |row| row.horizontal_speed_mps),
            vertical_speed_mps: list(rows, |row| row.vertical_speed_mps),
            wind_speed_mps: list(rows, |row| row.wind_speed_mps),
            battery_percent: list(rows, |row| row.battery_percent),
            mode_code: list(rows, |row| row.mode_code),
            sdr_quality: list(rows, |row| row.sdr_quality),
        }
    }
}
