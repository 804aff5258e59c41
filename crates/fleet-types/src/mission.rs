//! Missions: one flight of one wayline by one dock's aircraft.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    command::{ResponseCode, Step},
    id::{DeviceSn, IdempotencyKey, MissionId, RequestId, TraceId, WaylineId},
    plan::{BreakPoint, MissionPlan, MissionStart},
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Milliseconds from receipt in which take-off may still be ordered; for an immediate mission
    /// and one that is released. The others have their own window.
    pub expires_in_ms: u64,
    /// Who asks.
    pub issued_by: String,
    /// When it starts and what else it asks for.
    #[serde(default)]
    pub plan: MissionPlan,
}

impl MissionRequest {
    /// `flight_id` on the wire.
    #[must_use]
    pub fn flight_id(&self) -> MissionId {
        self.plan.multi_dock.as_ref().map_or(self.mission_id, |part| part.flight_id)
    }
}

fn return_home() -> LostLinkAction {
    LostLinkAction::ReturnHome
}

/// Where a mission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissionState {
    /// Taken; its time to be prepared has not come, or something stands against it.
    Scheduled,
    /// `flighttask_prepare` is given and not yet answered.
    Preparing,
    /// The dock has prepared; take-off waits for its time, its conditions or the other dock.
    Prepared,
    /// The dock said that its conditions hold; take-off waits for ours.
    Ready,
    /// Prepared; `flighttask_execute` not yet answered.
    Starting,
    /// The dock took the order to fly.
    Executing,
    /// Paused by an operator.
    Paused,
    /// Its return was cancelled: it hovers on its battery, out of its wayline.
    Hovering,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
    /// When it starts and what else was asked for.
    #[serde(default)]
    pub plan: Box<MissionPlan>,
    /// Height of return above take-off, metres.
    #[serde(default)]
    pub rth_altitude_m: u16,
    /// What the aircraft does when it loses its link.
    #[serde(default = "return_home")]
    pub lost_link_action: LostLinkAction,
    /// Whether it leaves its wayline then.
    #[serde(default)]
    pub exit_wayline_when_link_lost: bool,
    /// Where it broke off, by the dock's word: a new mission can go on from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_point: Option<BreakPoint>,
    /// Other flights of ours that it may meet, as of now: in place, time or height of return. They
    /// warn and stop nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Reason>,
    /// When it was taken.
    pub accepted_ms: WallMs,
    /// When it ended.
    pub ended_ms: Option<WallMs>,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

impl MissionStatus {
    /// The status of a mission that was just taken.
    #[must_use]
    pub fn taken(at_ms: WallMs, request: &MissionRequest) -> Self {
        Self {
            mission_id: request.mission_id,
            trace_id: request.trace_id,
            request_id: request.request_id,
            request_code: "service_platform.mission.fly".to_owned(),
            sn: request.sn.clone(),
            wayline_id: request.wayline_id,
            wayline_name: request.wayline_name.clone(),
            waypoint_count: request.waypoint_count,
            issued_by: request.issued_by.clone(),
            idempotency_key: request.idempotency_key.clone(),
            state: match request.plan.start {
                MissionStart::Immediate | MissionStart::Released => MissionState::Preparing,
                MissionStart::Timed { .. } | MissionStart::Conditional(_) => {
                    MissionState::Scheduled
                }
            },
            verdict: None,
            response_code: None,
            reason: None,
            progress: MissionProgress::default(),
            plan: Box::new(request.plan.clone()),
            rth_altitude_m: request.rth_altitude_m,
            lost_link_action: request.lost_link_action,
            exit_wayline_when_link_lost: request.exit_wayline_when_link_lost,
            break_point: None,
            warnings: Vec::new(),
            accepted_ms: at_ms,
            ended_ms: None,
            steps: Vec::new(),
        }
    }
}
