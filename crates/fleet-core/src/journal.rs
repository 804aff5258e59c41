//! What goes on record: every command before it leaves, every outcome after.
//!
//! The store is behind the shell ([`crate::io::Output::Journal`]); this module only says what a
//! record is, and what a history of records means ([`fold`]). A record never holds a credential:
//! addresses of files are left out. Read next: [`fold::Fold`].

pub mod fold;

use fleet_types::{
    CommandId, CommandState, DeviceSn, IdempotencyKey, MissionId, MissionRequest, MissionState,
    Reason, RequestId, ResponseCode, TraceId, WallMs,
    command::{ResolvedOutcome, Subject},
    id::WaylineId,
    mission::{LostLinkAction, Verdict},
    plan::MissionPlan,
    preflight::{DockNotice, DockSaying},
};
use serde::{Deserialize, Serialize};

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was decided.
    pub at_ms: WallMs,
    /// Dock it concerns.
    pub sn: DeviceSn,
    /// Flow.
    pub trace_id: TraceId,
    /// What.
    pub entry: Entry,
}

/// What is on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A command is about to leave (a counter-action: has left).
    Command {
        /// Identity and `tid`.
        command_id: CommandId,
        /// Caller's request.
        request_id: RequestId,
        /// DJI method.
        method: String,
        /// DJI data, addresses left out.
        data: serde_json::Value,
        /// Caller's key.
        idempotency_key: IdempotencyKey,
        /// Who asked.
        issued_by: String,
        /// Mission it belongs to.
        mission_id: Option<MissionId>,
        /// Not sent after this.
        expires_ms: WallMs,
        /// Sent first, recorded after.
        counter_action: bool,
    },
    /// A command reached a state worth keeping.
    CommandOutcome {
        /// Which.
        command_id: CommandId,
        /// State: a final one, or unknown.
        state: CommandState,
        /// Outcome in the message grammar.
        response_code: Option<ResponseCode>,
        /// Why.
        reason: Option<Reason>,
    },
    /// A person settled a command or a mission.
    Resolved {
        /// Which.
        subject: Subject,
        /// What they found.
        outcome: ResolvedOutcome,
        /// In their words.
        note: String,
        /// Who.
        resolved_by: String,
    },
    /// A mission was taken.
    Mission(MissionRecord),
    /// A mission reached a state worth keeping: prepared, ready, executing, paused, hovering or
    /// unknown. That it is being prepared or starting follows from the records of its orders.
    MissionStep {
        /// Which.
        mission_id: MissionId,
        /// State.
        state: MissionState,
        /// Why, where it is unknown.
        reason: Option<Reason>,
    },
    /// A mission ended.
    MissionOutcome {
        /// Which.
        mission_id: MissionId,
        /// How.
        verdict: Verdict,
        /// Why.
        reason: Option<Reason>,
    },
    /// What a person said about the dock's flights: an override counts only once this is safe.
    Notice(DockNotice),
}

/// A mission as it was asked for, without the address of its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissionRecord {
    /// Identity and `flight_id`.
    pub mission_id: MissionId,
    /// Caller's request.
    pub request_id: RequestId,
    /// File.
    pub wayline_id: WaylineId,
    /// Its name, for people.
    pub wayline_name: String,
    /// Waypoints in it.
    pub waypoint_count: u32,
    /// Its MD5.
    pub file_md5: String,
    /// Height of return above take-off, metres.
    pub rth_altitude_m: u16,
    /// On loss of the link between aircraft and dock.
    pub lost_link_action: LostLinkAction,
    /// Whether a wayline is left when the link is lost.
    pub exit_wayline_when_link_lost: bool,
    /// Take-off is not ordered after this.
    pub expires_ms: WallMs,
    /// Caller's key.
    pub idempotency_key: IdempotencyKey,
    /// Who asked.
    pub issued_by: String,
    /// When it starts and what else was asked for.
    #[serde(default)]
    pub plan: Box<MissionPlan>,
}

impl Entry {
    /// Whether something waits for this record before it leaves. All other records tell of what
    /// has happened: they are kept until they can be written, never given up.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        match self {
            Self::Command { counter_action, .. } => !counter_action,
            // Nobody flies by an override that is not on record.
            Self::Notice(notice) => matches!(notice.saying, DockSaying::Override(_)),
            Self::CommandOutcome { .. }
            | Self::Resolved { .. }
            | Self::Mission(_)
            | Self::MissionStep { .. }
            | Self::MissionOutcome { .. } => false,
        }
    }
}

impl MissionRecord {
    /// The record of a request that was taken at `at_ms`.
    #[must_use]
    pub fn new(at_ms: WallMs, request: &MissionRequest) -> Self {
        Self {
            mission_id: request.mission_id,
            request_id: request.request_id,
            wayline_id: request.wayline_id,
            wayline_name: request.wayline_name.clone(),
            waypoint_count: request.waypoint_count,
            file_md5: request.file_md5.clone(),
            rth_altitude_m: request.rth_altitude_m,
            lost_link_action: request.lost_link_action,
            exit_wayline_when_link_lost: request.exit_wayline_when_link_lost,
            expires_ms: WallMs(at_ms.0.saturating_add_unsigned(request.expires_in_ms)),
            idempotency_key: request.idempotency_key.clone(),
            issued_by: request.issued_by.clone(),
            plan: Box::new(request.plan.clone()),
        }
    }
}
