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
    /// Times in which it does not fly; at most 32.
    #[serde(default)]
    pub blackouts: Vec<Blackout>,
    /// Who made it.
    pub created_by: String,
}

/// A time in which nothing is flown: each day, or once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Blackout {
    /// By the clocks of the zone: `22:00` for each day, `2026-12-24T00:00:00` for once.
    pub from: String,
    /// In the same form, exclusive; each day it may lie beyond midnight.
    pub until: String,
    /// For people; may be empty.
    #[serde(default)]
    pub note: String,
}

/// What became of one time of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceState {
    /// On record, and its dock was asked for the mission.
    Asked,
    /// There is a mission.
    Made,
    /// The dock's machine did not take it.
    Refused,
    /// It passed while nobody looked, in a blackout, or while the schedule was paused.
    Skipped,
}

/// One time of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Occurrence {
    /// When.
    pub at_ms: WallMs,
    /// What became of it.
    pub state: OccurrenceState,
    /// The mission that was made for it; none when there is none.
    pub mission_id: Option<MissionId>,
    /// Why there is none.
    pub reason: Option<Reason>,
}

/// A time of a schedule that was handled, with whose it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HandledTime {
    /// The schedule; it may be gone.
    pub schedule_id: ScheduleId,
    /// Its name then.
    pub name: String,
    /// Dock.
    pub sn: DeviceSn,
    /// What became of it.
    #[serde(flatten)]
    pub occurrence: Occurrence,
}

/// A time of a schedule that lies ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedTime {
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// When it takes off.
    pub at_ms: WallMs,
    /// When it is back, by the length of its route; an estimate.
    pub until_ms: WallMs,
    /// Why it will not be flown, as things stand: a blackout, the schedule is paused, its file is gone.
    pub skipped: Option<Reason>,
    /// Other flights of ours that it may meet, at most 8.
    pub conflicts: Vec<Reason>,
}

/// A schedule and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleStatus {
    /// The schedule.
    pub schedule: Schedule,
    /// Its next time; none when there is no further one.
    pub next_ms: Option<WallMs>,
    /// Its next times that it flies, at most 5: without blackouts.
    pub upcoming: Vec<WallMs>,
    /// Who paused it; nothing while it flies.
    pub paused_by: Option<String>,
    /// Its latest times, oldest first, at most 20.
    pub latest: Vec<Occurrence>,
}
