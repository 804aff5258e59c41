//! What a mission asks for beyond its file: when it starts, on which conditions, from where it goes
//! on, and what was said about the checks before take-off.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{DeviceSn, MissionId, MultiDockId, ScheduleId},
    reason::Reason,
    time::WallMs,
};

/// When and on what conditions a mission takes off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum MissionStart {
    /// As soon as the dock has prepared.
    #[default]
    Immediate,
    /// At a time, never later.
    Timed {
        /// Take-off is ordered shortly before this and not after it.
        execute_ms: WallMs,
    },
    /// When the dock says that its conditions hold, and they do by our own facts.
    Conditional(ReadyConditions),
    /// When the flight's other dock has prepared too: released by the multi-dock task.
    Released,
}

/// Conditions of a conditional mission. The first three go to the dock; all of them are checked by
/// the tower again before take-off is ordered. A fact that is old or was never heard does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadyConditions {
    /// The aircraft's battery holds more than this, percent.
    #[schema(maximum = 100)]
    pub battery_percent: u8,
    /// Not before.
    pub begin_ms: WallMs,
    /// Not after.
    pub end_ms: WallMs,
    /// The dock measures at most this wind, decimetres per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wind_max_dmps: Option<u16>,
    /// The dock measures at most this rain: 0 none, 1 light, 2 moderate, 3 heavy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rain_max: Option<u8>,
    /// The dock's network is at least this good: 1 bad to 5 excellent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_min: Option<u8>,
    /// The aircraft has at least this free, megabytes. Also checked by the dock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_min_mb: Option<u32>,
}

/// How precisely a wayline is flown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// As good as satellites give.
    #[default]
    Gps,
    /// The aircraft waits in the air for a fix; it cannot be paused meanwhile.
    Rtk,
}

/// Where a flight broke off, in the dock's words.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BreakPoint {
    /// Number of the break point.
    pub index: i64,
    /// 0 on a segment, 1 on a waypoint.
    pub state: i64,
    /// Done of the segment, 0 to 1.
    pub progress: f64,
    /// Wayline in the file.
    pub wayline_id: i64,
    /// DJI's code for why it broke off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_reason: Option<i64>,
    /// Degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// Over the ellipsoid, metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
}

/// The aircraft's simulator flies in its place, at a made-up position: nothing takes off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DryRun {
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
}

/// A box around everything a flight may touch, for comparing it with other flights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlightBox {
    /// Degrees.
    pub south: f64,
    /// Degrees.
    pub west: f64,
    /// Degrees.
    pub north: f64,
    /// Degrees.
    pub east: f64,
    /// Lowest and highest of the waypoints above take-off, metres.
    pub low_m: f64,
    /// See `low_m`.
    pub high_m: f64,
    /// Seconds the route takes, without take-off and return.
    pub duration_s: f64,
}

/// What a dock does in a flight between two docks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DockPart {
    /// The aircraft leaves it.
    TakeOff,
    /// The aircraft comes down in it.
    Landing,
}

/// A dock's part of a flight between two docks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MultiDockPart {
    /// The whole.
    pub multi_dock_id: MultiDockId,
    /// `flight_id` on the wire: the same at both docks.
    pub flight_id: MissionId,
    /// What this dock does.
    pub part: DockPart,
    /// The other dock.
    pub other_sn: DeviceSn,
}

/// Everything a mission asks for beyond its file, its dock and its return.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct MissionPlan {
    /// When it takes off.
    pub start: MissionStart,
    /// How precisely it is flown.
    pub precision: Precision,
    /// Go on from here instead of from the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_point: Option<BreakPoint>,
    /// The mission that broke off there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumes: Option<MissionId>,
    /// Let the aircraft's simulator fly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<DryRun>,
    /// The schedule that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
    /// Its part in a flight between two docks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_dock: Option<MultiDockPart>,
    /// Where it flies, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flight_box: Option<FlightBox>,
    /// Whether the file says that its wayline is left when the link is lost. The order must agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_exits_wayline: Option<bool>,
}

/// What somebody wants of a mission that is there. Bus topic `MissionControl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissionControl {
    /// Which.
    pub mission_id: MissionId,
    /// Its dock.
    pub sn: DeviceSn,
    /// What.
    pub action: MissionAction,
    /// Who asks.
    pub issued_by: String,
}

/// See [`MissionControl`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissionAction {
    /// Do not fly it; only before take-off is ordered.
    Cancel,
    /// The other dock has prepared too: order the flight.
    Release,
    /// These are the flights of ours that it may meet, as whoever sees all docks knows now.
    Warn(Vec<Reason>),
}
