//! Docks, aircraft and robots as the tower sees them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    authority::DeviceAuthority,
    id::{CommandId, DeviceSn, MissionId},
    reason::Reason,
    time::WallMs,
};

/// What kind of thing a device is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DeviceClass {
    /// A drone dock: the gateway that speaks for its aircraft.
    Dock,
    /// An aircraft, heard through its dock.
    Aircraft,
    /// A ground robot.
    Robot,
}

/// Whether we hear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Enrolled, nothing heard yet.
    NeverSeen,
    /// Heard, but not yet through bring-up; `phase` and `reason` say where it stands.
    BringingUp,
    /// Heard within the last 10 s.
    Online,
    /// Last heard 10–30 s ago: what is shown is last known.
    Stale,
    /// Not heard for over 30 s, or said to be gone by the broker or its dock.
    Offline,
}

/// How far a dock came in bring-up, in the order of DJI's flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Enrolled; never connected.
    Enrolled,
    /// The broker reports its connection; it has said nothing.
    Connected,
    /// Asked for `config` and was answered.
    Configured,
    /// Asked whether it is bound, or was bound.
    Bound,
    /// Reported its topology: bring-up is complete.
    Complete,
    /// Heard by telemetry alone (the tower started after it): complete but topology unknown.
    Heard,
}

/// What a device is doing, in words an operator uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Nothing known.
    Unknown,
    /// Ready and idle.
    Idle,
    /// On-site debugging.
    OnSiteDebugging,
    /// Remote debugging.
    RemoteDebugging,
    /// Firmware upgrade.
    Upgrading,
    /// A job is under way (dock).
    Working,
    /// Aircraft: standing, motors off.
    Standby,
    /// Aircraft: preparing to take off.
    Preparing,
    /// Aircraft: taking off.
    TakingOff,
    /// Aircraft: flying a wayline.
    FlyingMission,
    /// Aircraft: flying by hand or hovering.
    Flying,
    /// Aircraft: returning home.
    Returning,
    /// Aircraft: landing.
    Landing,
    /// Aircraft is not connected to its dock.
    AircraftOffline,
}

/// A dock refuses new flights until this is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlightLock {
    /// The command whose outcome is unknown.
    pub command_id: CommandId,
    /// Its mission, where it belongs to one.
    pub mission_id: Option<MissionId>,
    /// Why, and how it is settled.
    pub reason: Reason,
}

/// Everything but telemetry about one device. Bus topic `DeviceState`; API `GET /devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceStatus {
    /// Serial number, the key.
    pub sn: DeviceSn,
    /// Kind.
    pub class: DeviceClass,
    /// Name given by people, else empty.
    pub name: String,
    /// Model in words (`DJI Dock 2`), empty until known.
    pub model: String,
    /// The dock an aircraft is heard through.
    pub gateway_sn: Option<DeviceSn>,
    /// Aircraft of a dock.
    pub children: Vec<DeviceSn>,
    /// Whether we hear it.
    pub connection: Connection,
    /// Bring-up progress (docks).
    pub phase: Option<Phase>,
    /// Why it is not simply online, or what an operator should know.
    pub reason: Option<Reason>,
    /// What it is doing.
    pub activity: Activity,
    /// Since when `connection` is what it is.
    pub since_ms: WallMs,
    /// Last time anything was heard of it.
    pub last_heard_ms: Option<WallMs>,
    /// Its clock minus ours, milliseconds, smoothed; docks only.
    pub clock_skew_ms: Option<i64>,
    /// Firmware version it reports.
    pub firmware: Option<String>,
    /// Mission under way.
    pub mission_id: Option<MissionId>,
    /// Set while new flights are refused.
    pub flight_lock: Option<FlightLock>,
    /// Distinct unknown fields, methods and values heard from it.
    pub unknown_count: u32,
    /// Who commands it; docks only, their aircraft with them.
    #[serde(default)]
    pub authority: DeviceAuthority,
}
