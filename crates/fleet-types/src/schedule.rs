//! Recurring missions: a rule in a time zone, and what became of each time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{DeviceSn, MissionId, ScheduleId, WaylineId},
    mission::LostLinkAction,
    plan::Precision,
    reason::Reason,
    time::WallMs,
};

/// A mission that is flown again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
    /// Identity.
    pub schedule_id: ScheduleId,
    /// Name for people.
    pub name: String,
    /// Dock.
    pub sn: DeviceSn,
    /// File to fly.
    pub wayline_id: WaylineId,
    /// Height of return above take-off, metres, 20–1500.
    pub rth_altitude_m: u16,
    /// On loss of the link.
    pub lost_link_action: LostLinkAction,
    /// How precisely it is flown.
    #[serde(default)]
    pub precision: Precision,
    /// First time, by the clocks of the zone: `2026-11-25T09:00:00`.
    pub first: String,
    /// IANA name of the zone: `Asia/Seoul`.
    pub zone: String,
    /// RFC 5545, the part of it that is offered: `FREQ` of `HOURLY`, `DAILY`, `WEEKLY`, `MONTHLY`
    /// with `INTERVAL`, `BYDAY`, and `COUNT` or `UNTIL`.
    pub rrule: String,
    /// Who made it.
    pub created_by: String,
}

/// One time of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Occurrence {
    /// When.
    pub at_ms: WallMs,
    /// The mission that was made for it; none when it was skipped.
    pub mission_id: Option<MissionId>,
    /// Why it was skipped.
    pub reason: Option<Reason>,
}

/// A schedule and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleStatus {
    /// The schedule.
    pub schedule: Schedule,
    /// Its next time; none when there is no further one.
    pub next_ms: Option<WallMs>,
    /// Its latest times, oldest first, at most 20.
    pub latest: Vec<Occurrence>,
}
