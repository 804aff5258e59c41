//! Traces: one flow from click to device and back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    command::ResponseCode,
    id::{CommandId, DeviceSn, MissionId, TraceId},
    time::WallMs,
};

/// One step of one flow. Bus topic `Trace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceStep {
    /// The flow.
    pub trace_id: TraceId,
    /// When.
    pub at_ms: WallMs,
    /// Who did it, by namespace: `service_platform.api`, `data_core.dock`, `device.<sn>`.
    pub actor: String,
    /// What was done: `request`, `accepted`, `journaled`, `sent`, `reply`, `progress`, ….
    pub action: String,
    /// Since the flow's step before, milliseconds.
    pub action_duration_ms: u64,
    /// Outcome, on steps that end something.
    pub response_code: Option<ResponseCode>,
    /// Device concerned.
    pub sn: Option<DeviceSn>,
    /// Command concerned.
    pub command_id: Option<CommandId>,
    /// Mission concerned.
    pub mission_id: Option<MissionId>,
    /// DJI method, where there is one.
    pub method: Option<String>,
    /// More, in words.
    pub detail: Option<String>,
}
