//! Alarms: what needs a hand.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{AlarmId, DeviceSn},
    reason::Reason,
    time::WallMs,
};

/// How soon a hand is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Now.
    High,
    /// Soon.
    Medium,
    /// When there is time.
    Low,
}

/// One alarm, raised or cleared. Bus topic `Alarm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// Identity: the same for raise and clear.
    pub alarm_id: AlarmId,
    /// Device concerned; none for the tower itself.
    pub sn: Option<DeviceSn>,
    /// How urgent.
    pub priority: Priority,
    /// What, why and what to do.
    pub reason: Reason,
    /// When it came up.
    pub raised_ms: WallMs,
    /// When it went.
    pub cleared_ms: Option<WallMs>,
}
