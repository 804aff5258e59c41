//! Missions: one flight of one wayline by one dock's aircraft.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    command::{ResponseCode, Step},
    id::{DeviceSn, IdempotencyKey, MissionId, RequestId, TraceId, WaylineId},
    reason::Reason,
    time::WallMs,
};

/// What the aircraft does when it loses its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LostLinkAction {
    /// Return home.
    ReturnHome,
    /// Hover where it is.
    Hover,
    /// Land where it is.
    Land,
}

/// A mission as asked for. Bus topic `MissionRequest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissionRequest {
    /// Identity, and `flight_id` on the wire.
    pub mission_id: MissionId,
    /// Flow.
    pub trace_id: TraceId,
    /// The caller's request.
    pub request_id: RequestId,
    /// Dock.
    pub sn: DeviceSn,
    /// File to fly.
    pub wayline_id: WaylineId,
    /// Its name, for people.
    pub wayline_name: String,
    /// Waypoints in it.
    pub waypoint_count: u32,
    /// Short-lived address the dock fetches it from; a credential: never logged.
    pub file_url: String,
    /// MD5 of the file, lower-case hex.
    pub file_md5: String,
    /// Height of return above take-off, metres, 20–1500.
    pub rth_altitude_m: u16,
    /// On loss of the link between aircraft and dock.
    pub lost_link_action: LostLinkAction,
    /// Whether a wayline is left when the link is lost.
    pub exit_wayline_when_link_lost: bool,
    /// The caller's key.
    pub idempotency_key: IdempotencyKey,
    /// Milliseconds from receipt in which take-off may still be ordered.
    pub expires_in_ms: u64,
    /// Who asks.
    pub issued_by: String,
}

/// Where a mission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissionState {
    /// Taken; `flighttask_prepare` not yet answered.
    Preparing,
    /// Prepared; `flighttask_execute` not yet answered.
    Starting,
    /// The dock took the order to fly.
    Executing,
    /// Paused by an operator.
    Paused,
    /// A step's outcome is not known; the dock is locked for new flights.
    Unknown,
    /// Ended; see the verdict.
    Ended,
}

/// How a mission ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Flown whole.
    Ok,
    /// Flown in part.
    PartiallyDone,
    /// Failed.
    Failed,
    /// Cancelled.
    Canceled,
    /// Refused by the tower or the dock before take-off.
    Rejected,
    /// Not started in time.
    Expired,
    /// The dock gave it up on time.
    Timeout,
}

impl Verdict {
    /// The verdict in the message grammar.
    #[must_use]
    pub fn response_code(self) -> ResponseCode {
        match self {
            Self::Ok => ResponseCode::Ok,
            Self::PartiallyDone | Self::Failed | Self::Canceled | Self::Timeout => {
                ResponseCode::Failed
            }
            Self::Rejected => ResponseCode::Rejected,
            Self::Expired => ResponseCode::Expired,
        }
    }
}

/// Progress as the dock reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissionProgress {
    /// 0–100.
    pub percent: Option<u8>,
    /// DJI `current_step`.
    pub current_step: Option<i64>,
    /// DJI `wayline_mission_state`.
    pub wayline_mission_state: Option<i64>,
    /// Waypoint reached, from 0.
    pub waypoint_index: Option<u32>,
    /// Pictures and videos taken.
    pub media_count: Option<u32>,
}

/// A mission and what became of it. Bus topic `MissionStatus`; API `GET /missions/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissionStatus {
    /// Identity.
    pub mission_id: MissionId,
    /// Flow.
    pub trace_id: TraceId,
    /// The caller's request.
    pub request_id: RequestId,
    /// What was meant: `service_platform.mission.fly`.
    pub request_code: String,
    /// Dock.
    pub sn: DeviceSn,
    /// File.
    pub wayline_id: WaylineId,
    /// Its name.
    pub wayline_name: String,
    /// Waypoints in it.
    pub waypoint_count: u32,
    /// Who asked.
    pub issued_by: String,
    /// The caller's key.
    pub idempotency_key: IdempotencyKey,
    /// Where it stands.
    pub state: MissionState,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// The outcome in the message grammar; absent while under way.
    pub response_code: Option<ResponseCode>,
    /// Why, for anything but plain progress or `ok`.
    pub reason: Option<Reason>,
    /// How far it is.
    pub progress: MissionProgress,
    /// When it was taken.
    pub accepted_ms: WallMs,
    /// When it ended.
    pub ended_ms: Option<WallMs>,
    /// What happened, in order.
    pub steps: Vec<Step>,
}
