//! State of the tower's own links.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::WallMs;

/// Which of the tower's connections to the broker.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LinkName {
    /// OSD and state, QoS 0, clean session.
    Telemetry,
    /// Events, requests, replies; QoS 1, persistent session, manual acknowledgement.
    Events,
    /// Commands and replies to devices; clean session.
    Commands,
}

impl LinkName {
    /// The name in JSON, metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Events => "events",
            Self::Commands => "commands",
        }
    }
}

/// State of one connection. Bus topic `LinkStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkStatus {
    /// Which connection.
    pub link: LinkName,
    /// Whether it is up.
    pub connected: bool,
    /// Broker address in use or last tried.
    pub address: String,
    /// Since when.
    pub since_ms: WallMs,
    /// Why it is down.
    pub error: Option<String>,
}
