//! What is asked before take-off, how each question was answered, and who may fly all the same.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{DeviceSn, MissionId, RequestId},
    mission::LostLinkAction,
    plan::MissionPlan,
    reason::Reason,
    role::Role,
    time::WallMs,
};

/// A question before take-off.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PreflightItem {
    /// No earlier take-off is unknown and no other flight is under way.
    DockFree,
    /// Commands can leave, and the dock is heard.
    Connection,
    /// The dock is not the landing place of another flight.
    Reservation,
    /// Emergency stop button.
    EmergencyStop,
    /// The aircraft is where the flight begins; at a landing dock: the place is free.
    Aircraft,
    /// Health alarms.
    Hms,
    /// Firmware of dock and aircraft fit each other, and none is being changed.
    Firmware,
    /// The dock's clock.
    ClockSkew,
    /// The dock is idle: nothing moves, nobody debugs or upgrades it.
    DockMode,
    /// What the answers rest on was heard within the last 10 s.
    FreshFacts,
    /// What the aircraft does when it loses its link.
    LostLink,
    /// The aircraft's battery.
    Battery,
    /// Wind at the dock.
    Wind,
    /// Rain at the dock.
    Rain,
    /// The dock's cover.
    Cover,
    /// Room on the aircraft.
    Storage,
    /// Room on the dock for what the aircraft brings.
    MediaSpace,
    /// The dock's position.
    Rtk,
    /// Custom flight areas are on the aircraft.
    CustomAreas,
    /// People work on the dock, or its battery is being serviced.
    Maintenance,
    /// Other flights of ours in the same place, time or height.
    Overlap,
}

impl PreflightItem {
    /// All, in the order in which they are asked and shown.
    pub const ALL: [Self; 21] = [
        Self::DockFree,
        Self::Connection,
        Self::Reservation,
        Self::EmergencyStop,
        Self::Aircraft,
        Self::Hms,
        Self::Firmware,
        Self::ClockSkew,
        Self::DockMode,
        Self::FreshFacts,
        Self::LostLink,
        Self::Battery,
        Self::Wind,
        Self::Rain,
        Self::Cover,
        Self::Storage,
        Self::MediaSpace,
        Self::Rtk,
        Self::CustomAreas,
        Self::Maintenance,
        Self::Overlap,
    ];

    /// Its name, as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DockFree => "dock_free",
            Self::Connection => "connection",
            Self::Reservation => "reservation",
            Self::EmergencyStop => "emergency_stop",
            Self::Aircraft => "aircraft",
            Self::Hms => "hms",
            Self::Firmware => "firmware",
            Self::ClockSkew => "clock_skew",
            Self::DockMode => "dock_mode",
            Self::FreshFacts => "fresh_facts",
            Self::LostLink => "lost_link",
            Self::Battery => "battery",
            Self::Wind => "wind",
            Self::Rain => "rain",
            Self::Cover => "cover",
            Self::Storage => "storage",
            Self::MediaSpace => "media_space",
            Self::Rtk => "rtk",
            Self::CustomAreas => "custom_areas",
            Self::Maintenance => "maintenance",
            Self::Overlap => "overlap",
        }
    }

    /// The least role that may fly in spite of it; `None`: nobody, whatever they are.
    #[must_use]
    pub const fn override_role(self) -> Option<Role> {
        match self {
            Self::Connection
            | Self::DockFree
            | Self::DockMode
            | Self::Reservation
            | Self::EmergencyStop
            | Self::Aircraft
            | Self::Firmware
            | Self::LostLink => None,
            Self::FreshFacts | Self::ClockSkew => Some(Role::Admin),
            Self::Hms
            | Self::Battery
            | Self::Wind
            | Self::Rain
            | Self::Cover
            | Self::CustomAreas
            | Self::Maintenance => Some(Role::Supervisor),
            Self::Storage | Self::MediaSpace | Self::Rtk | Self::Overlap => Some(Role::Operator),
        }
    }
}

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreflightState {
    /// Nothing stands against the flight.
    Ok,
    /// To be known before take-off; it stops nothing.
    Warning,
    /// It would stop the flight; somebody who may has said to fly all the same.
    Overridden,
    /// It stops the flight.
    Blocked,
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreflightLine {
    /// The question.
    pub item: PreflightItem,
    /// The answer.
    pub state: PreflightState,
    /// What was found: why not, or how it stands.
    pub reason: Reason,
    /// The least role that may override what was found; absent: nobody may.
    pub override_role: Option<Role>,
    /// Who flies in spite of it, and why.
    pub override_by: Option<PreflightOverride>,
}

/// All questions before a flight of one dock, answered at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preflight {
    /// Dock.
    pub sn: DeviceSn,
    /// When it was asked.
    pub at_ms: WallMs,
    /// Nothing blocks.
    pub can_fly: bool,
    /// One line for each question.
    pub lines: Vec<PreflightLine>,
}

impl Preflight {
    /// The first thing that stops the flight.
    #[must_use]
    pub fn first_block(&self) -> Option<&PreflightLine> {
        self.lines.iter().find(|line| line.state == PreflightState::Blocked)
    }
}

/// Somebody who may says to fly in spite of an answer, until a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreflightOverride {
    /// The question.
    pub item: PreflightItem,
    /// Who.
    pub by: String,
    /// As what.
    pub role: Role,
    /// Why, in their words.
    pub note: String,
    /// It counts until then.
    pub expires_ms: WallMs,
}

/// What people say about a dock's flights. Bus topic `DockNotice`; always on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockNotice {
    /// Dock.
    pub sn: DeviceSn,
    /// What is said.
    pub saying: DockSaying,
    /// Who says it.
    pub by: String,
    /// The caller's request; the answer names it.
    pub request_id: RequestId,
}

/// See [`DockNotice`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DockSaying {
    /// Fly in spite of an answer.
    Override(PreflightOverride),
    /// No more.
    Withdraw(PreflightItem),
    /// People work on the dock, or have done so.
    Maintenance {
        /// Whether they do.
        on: bool,
        /// Why, in their words.
        note: String,
    },
    /// The dock is the landing place of a flight, or no longer.
    Reserved(Option<MissionId>),
}

/// A question about a flight that is not asked for yet. Bus topic `PreflightRequest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreflightRequest {
    /// Names the question; the answer carries it.
    pub request_id: RequestId,
    /// Dock.
    pub sn: DeviceSn,
    /// What is to be flown.
    pub plan: MissionPlan,
    /// Height of return above take-off, metres.
    pub rth_altitude_m: u16,
    /// On loss of the link.
    pub lost_link_action: LostLinkAction,
    /// Whether the wayline is left then.
    pub exit_wayline_when_link_lost: bool,
    /// What is known against it beyond the dock, as lines to be shown with the others.
    pub warnings: Vec<Reason>,
}

/// The answer. Bus topic `PreflightReport`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightReport {
    /// The question.
    pub request_id: RequestId,
    /// The answer.
    pub preflight: Preflight,
}
