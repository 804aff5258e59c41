//! Commands: requests, their life and their record.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{CommandId, DeviceSn, IdempotencyKey, MissionId, RequestId, TraceId},
    reason::Reason,
    time::WallMs,
};

/// A command as asked for. Bus topic `Command`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRequest {
    /// Identity; becomes the DJI `tid`.
    pub command_id: CommandId,
    /// The flow it belongs to.
    pub trace_id: TraceId,
    /// The caller's request.
    pub request_id: RequestId,
    /// Dock the command goes to.
    pub sn: DeviceSn,
    /// DJI method.
    pub method: String,
    /// DJI data, `null` where the method takes none.
    pub data: serde_json::Value,
    /// The caller's key.
    pub idempotency_key: IdempotencyKey,
    /// Milliseconds from receipt in which it may still be sent.
    pub expires_in_ms: u64,
    /// Who asks, for the record.
    pub issued_by: String,
}

/// What a person settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A command whose outcome is unknown.
    Command(CommandId),
    /// A mission whose end was never reported.
    Mission(MissionId),
}

/// A person settles what nothing else does, on record. Bus topic `Resolution`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// What is settled.
    pub subject: Subject,
    /// Dock it concerns.
    pub sn: DeviceSn,
    /// What the person found.
    pub outcome: ResolvedOutcome,
    /// What they saw, in their words.
    pub note: String,
    /// Who.
    pub resolved_by: String,
}

/// What a person found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResolvedOutcome {
    /// It was carried out.
    Succeeded,
    /// It was not carried out, or failed.
    Failed,
}

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Checked and taken; not yet on record.
    Accepted,
    /// On record; may leave.
    Journaled,
    /// Handed to the broker.
    Sent,
    /// The device answered that it took it; a job goes on.
    Acknowledged,
    /// Done, by the device's word.
    Succeeded,
    /// Not done, by the device's word.
    Failed,
    /// Refused before it left.
    Rejected,
    /// Its time ran out before it left.
    Expired,
    /// It left and nobody knows: closed by what the device later says, or by a person.
    Unknown,
}

impl CommandState {
    /// Whether nothing more will happen by itself. `Unknown` is not final.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Rejected | Self::Expired => true,
            Self::Accepted | Self::Journaled | Self::Sent | Self::Acknowledged | Self::Unknown => {
                false
            }
        }
    }
}

/// Outcome in the message grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseCode {
    /// Done.
    Ok,
    /// Refused before it had effect.
    Rejected,
    /// Tried and not done.
    Failed,
    /// Taken notice of, nothing to do.
    Ignored,
    /// Too late.
    Expired,
    /// Nobody knows yet.
    Unknown,
}

/// One step of a flow and how long it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// `accepted`, `journaled`, `sent`, `delivered`, `acknowledged`, `progress`, `finished`, ….
    pub step: String,
    /// When.
    pub at_ms: WallMs,
    /// Since the step before, milliseconds.
    pub action_duration_ms: u64,
    /// What happened, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// 0–100, where the device says.
    pub percent: Option<u8>,
    /// The device's word for the step.
    pub step_key: Option<String>,
}

/// A command and what became of it. Bus topic `CommandStatus`; API `GET /commands/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandStatus {
    /// Identity, and `tid` on the wire.
    pub command_id: CommandId,
    /// Flow.
    pub trace_id: TraceId,
    /// The caller's request.
    pub request_id: RequestId,
    /// What was meant: `service_platform.command.<method>`.
    pub request_code: String,
    /// Dock.
    pub sn: DeviceSn,
    /// DJI method.
    pub method: String,
    /// Mission it belongs to.
    pub mission_id: Option<MissionId>,
    /// The caller's key.
    pub idempotency_key: IdempotencyKey,
    /// Who asked.
    pub issued_by: String,
    /// Where it stands.
    pub state: CommandState,
    /// Outcome so far; absent while under way.
    pub response_code: Option<ResponseCode>,
    /// Why, for anything but plain success.
    pub reason: Option<Reason>,
    /// How far the job is.
    pub progress: Option<Progress>,
    /// Whether it is a counter-action (sent first, journaled after).
    pub counter_action: bool,
    /// When it was taken.
    pub accepted_ms: WallMs,
    /// After this it is not sent any more.
    pub expires_ms: WallMs,
    /// What happened, in order; at most 64 kept, progress steps coalesced.
    pub steps: Vec<Step>,
}
