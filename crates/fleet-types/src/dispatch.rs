//! Choosing a dock for a place.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{id::DeviceSn, reason::Reason};

/// Where an aircraft is wanted. Degrees, WGS84.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DispatchTarget {
    /// At a point.
    Point {
        /// Degrees.
        latitude: f64,
        /// Degrees.
        longitude: f64,
    },
    /// All over an area.
    Area {
        /// Degrees.
        south: f64,
        /// Degrees.
        west: f64,
        /// Degrees.
        north: f64,
        /// Degrees.
        east: f64,
    },
}

/// What is thought of one dock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DispatchChoice {
    /// Dock.
    pub sn: DeviceSn,
    /// 1 is the best; none when it cannot fly there now.
    pub rank: Option<u32>,
    /// To the farthest point of the target, metres.
    pub distance_m: Option<f64>,
    /// Until its aircraft is there, seconds.
    pub arrival_s: Option<f64>,
    /// Battery that it takes there, over the target and back, percent.
    pub needs_battery_percent: Option<f64>,
    /// Battery that it has, percent.
    pub battery_percent: Option<f64>,
    /// Why it cannot fly there now; empty for those that can.
    pub why_not: Vec<Reason>,
}
