//! Alarms: what needs a hand.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{AlarmId, DeviceSn, RequestId},
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

/// What a component signals: something needs a hand, or does not any more. Bus topic `Alarm`.
///
/// The alarm component makes an [`AlarmStatus`] of it; nothing else shows signals to people.
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

/// Where an alarm stands, after ISA-18.2. Whether it is shelved is said beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// The condition holds and nobody acknowledged it.
    Raised,
    /// The condition holds and somebody knows.
    Acknowledged,
    /// The condition is gone, and nobody acknowledged that it was there.
    ClearedUnacknowledged,
    /// The condition is gone, the alarm stays until somebody acknowledges it.
    LatchedUnacknowledged,
    /// The condition is gone and somebody knows; the alarm stays until it is acknowledged once more.
    LatchedAcknowledged,
    /// Over.
    Cleared,
}

impl AlarmState {
    /// Whether its condition holds.
    #[must_use]
    pub fn is_active(self) -> bool {
        match self {
            Self::Raised | Self::Acknowledged => true,
            Self::ClearedUnacknowledged
            | Self::LatchedUnacknowledged
            | Self::LatchedAcknowledged
            | Self::Cleared => false,
        }
    }

    /// Whether somebody has to acknowledge it.
    #[must_use]
    pub fn is_unacknowledged(self) -> bool {
        match self {
            Self::Raised | Self::ClearedUnacknowledged | Self::LatchedUnacknowledged => true,
            Self::Acknowledged | Self::LatchedAcknowledged | Self::Cleared => false,
        }
    }
}

/// Who says that something is wrong.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AlarmSource {
    /// The device itself, by its health messages (HMS).
    Hms,
    /// The tower, by what it hears of a device or does not.
    Fault,
    /// A rule.
    Rule,
    /// The tower, about itself or a flight.
    Tower,
}

/// Who acknowledged, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub at_ms: WallMs,
}

/// Put aside by a person for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shelf {
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub note: String,
    /// When.
    pub at_ms: WallMs,
    /// Until when; then it is back, unacknowledged, if its condition still holds.
    pub until_ms: WallMs,
}

/// An alarm as people see it. Bus topic `AlarmStatus`; API `GET /alarms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmStatus {
    /// Identity, for as long as it is remembered: raised again it is the same alarm.
    pub alarm_id: AlarmId,
    /// Device concerned; none for the tower itself.
    pub sn: Option<DeviceSn>,
    /// Who says so.
    pub source: AlarmSource,
    /// How urgent.
    pub priority: Priority,
    /// Where it stands.
    pub state: AlarmState,
    /// What, why and what to do.
    pub reason: Reason,
    /// What alarms of one cause have in common; in a flood they are shown as one.
    pub cause: String,
    /// Part of a flood of its cause.
    pub in_flood: bool,
    /// When its condition came up last.
    pub raised_ms: WallMs,
    /// How often it came up since it was first unacknowledged.
    pub raised_count: u32,
    /// When its condition went; absent while it holds.
    pub cleared_ms: Option<WallMs>,
    /// Who knows, since it was raised last.
    pub acknowledged: Option<Acknowledgement>,
    /// Put aside by a person.
    pub shelved: Option<Shelf>,
}

/// What a person does with alarms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmAction {
    /// I know.
    Acknowledge {
        /// And every alarm of the same cause that is up.
        whole_cause: bool,
    },
    /// Put it aside for a time.
    Shelve {
        /// For how long, milliseconds.
        for_ms: u64,
        /// Why.
        note: String,
    },
    /// Bring it back now.
    Unshelve,
}

/// A person's order about one alarm. Bus topic `AlarmOrder`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmOrder {
    /// The caller's request.
    pub request_id: RequestId,
    /// Which.
    pub alarm_id: AlarmId,
    /// What.
    pub action: AlarmAction,
    /// Who, for the record.
    pub issued_by: String,
}
