//! Flights between two docks: the aircraft leaves one and lands in the other.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{DeviceSn, MissionId, MultiDockId},
    mission::Verdict,
    reason::Reason,
    time::WallMs,
};

/// Where a flight between two docks stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MultiDockState {
    /// Both docks are preparing the same flight.
    Preparing,
    /// Both have prepared; the landing dock is ordered first.
    Opening,
    /// The landing dock is ready; take-off is ordered.
    Starting,
    /// The aircraft is under way to the landing dock.
    Flying,
    /// It was sent to another home than the one planned.
    Diverted,
    /// Over; see the verdict.
    Ended,
}

/// A flight between two docks and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MultiDockStatus {
    /// Identity.
    pub multi_dock_id: MultiDockId,
    /// `flight_id` on the wire, the same at both docks.
    pub flight_id: MissionId,
    /// Dock of take-off.
    pub take_off_sn: DeviceSn,
    /// Its part.
    pub take_off_mission: MissionId,
    /// Dock of landing.
    pub landing_sn: DeviceSn,
    /// Its part.
    pub landing_mission: MissionId,
    /// Where the aircraft is bound for now.
    pub home_sn: DeviceSn,
    /// Where it stands.
    pub state: MultiDockState,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// Why, for anything but plain progress or `ok`.
    pub reason: Option<Reason>,
    /// When it was taken.
    pub accepted_ms: WallMs,
}
