//! Properties that may be set, and their bounds.
//!
//! One leaf a message, on `property/set`, without a method; the answer nests a result at the leaf:
//! 0 done, 1 failed, 2 timed out, otherwise a code. Sources: `dock2/properties` and
//! `m3d-properties` pages. The distance limit, return height, and
//! lost-link leaves are the Matrice 30's and missing from the M3D page, though the Dock 2 example
//! of a set uses one of them.

use serde_json::Value;

use crate::check::{CallError, Check};
use crate::device::aircraft::{DistanceLimitStatus, ObstacleAvoidance, WatermarkSettings};
use crate::device::codes::{
    CommanderFlightMode, CommanderLostAction, ExitWaylineWhenRcLost, ExperiencePlan,
};
use crate::device::lost_link::RcLostAction;
use crate::drift::cut;
use crate::leaf::Leaves as _;
use crate::lenient::{Flag, Int, Num};
use crate::macros::wire;
use crate::reply::ResultCode;

/// What a leaf takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// A whole number from–to.
    Int(i64, i64),
    /// A number from–to.
    Num(f64, f64),
    /// True or false; 0 and 1 mean the same.
    Bool,
    /// Text of at most so many bytes.
    Text(usize),
}

/// A leaf that may be set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Writable {
    /// Dotted path.
    pub path: &'static str,
    /// What it takes.
    pub allowed: Allowed,
    /// The same in words, with the unit.
    pub range: &'static str,
    /// Page of the Cloud API documentation.
    pub page: &'static str,
}

const DOCK: &str = "dock2/properties";
const AIRCRAFT: &str = "aircraft/m3d-properties";
const M30: &str = "aircraft/m30-properties";
const NEWER: &str = crate::newer::PAGE;

const fn leaf(
    path: &'static str,
    allowed: Allowed,
    range: &'static str,
    page: &'static str,
) -> Writable {
    Writable { path, allowed, range, page }
}

const fn flag(path: &'static str, page: &'static str) -> Writable {
    leaf(path, Allowed::Int(0, 1), "0 or 1", page)
}

/// Every leaf that may be set.
pub static WRITABLE: &[Writable] = &[
    leaf("air_transfer_enable", Allowed::Bool, "true or false", DOCK),
    flag("silent_mode", DOCK),
    leaf("user_experience_improvement", Allowed::Int(0, 2), "0 to 2", DOCK),
    flag("obstacle_avoidance.horizon", AIRCRAFT),
    flag("obstacle_avoidance.upside", AIRCRAFT),
    flag("obstacle_avoidance.downside", AIRCRAFT),
    leaf("height_limit", Allowed::Int(20, 1500), "20 to 1500 m", AIRCRAFT),
    flag("night_lights_state", AIRCRAFT),
    leaf("commander_flight_height", Allowed::Num(2.0, 3000.0), "2 to 3000 m", AIRCRAFT),
    flag("commander_flight_mode", AIRCRAFT),
    flag("commander_mode_lost_action", AIRCRAFT),
    flag("camera_watermark_settings.global_enable", AIRCRAFT),
    flag("camera_watermark_settings.drone_type_enable", AIRCRAFT),
    flag("camera_watermark_settings.drone_sn_enable", AIRCRAFT),
    flag("camera_watermark_settings.datetime_enable", AIRCRAFT),
    flag("camera_watermark_settings.gps_enable", AIRCRAFT),
    flag("camera_watermark_settings.user_custom_string_enable", AIRCRAFT),
    leaf(
        "camera_watermark_settings.user_custom_string",
        Allowed::Text(250),
        "text of at most 250 bytes",
        AIRCRAFT,
    ),
    leaf("camera_watermark_settings.layout", Allowed::Int(0, 3), "0 to 3", AIRCRAFT),
    flag("distance_limit_status.state", AIRCRAFT),
    leaf("distance_limit_status.distance_limit", Allowed::Int(15, 8000), "15 to 8000 m", AIRCRAFT),
    leaf("rth_altitude", Allowed::Int(20, 500), "20 to 500 m", AIRCRAFT),
    leaf("rc_lost_action", Allowed::Int(0, 2), "0 hover, 1 land, 2 return", AIRCRAFT),
    flag("exit_wayline_when_rc_lost", M30),
    leaf("remaining_power_for_return_home", Allowed::Int(0, 100), "0 to 100 %", NEWER),
];

wire! {
    /// A property set: one leaf a message.
    pub struct PropertySet {
        /// Photos go to the cloud at once while in live flight control.
        air_transfer_enable: bool = "air_transfer_enable" [""];
        /// Quieter dock.
        silent_mode: Flag = "silent_mode" [""];
        /// DJI's user experience programme.
        user_experience_improvement: ExperiencePlan = "user_experience_improvement" [""];
        /// Obstacle sensing.
        obstacle_avoidance: ObstacleAvoidance = "obstacle_avoidance" [""];
        /// Height limit, 20 to 1500.
        height_limit: Int = "height_limit" ["m"];
        /// Night lights.
        night_lights_state: Flag = "night_lights_state" [""];
        /// Fly-to height over the take-off point, 2 to 3000.
        commander_flight_height: Num = "commander_flight_height" ["m"];
        /// How fly-to picks its height.
        commander_flight_mode: CommanderFlightMode = "commander_flight_mode" [""];
        /// What fly-to does when the link is lost.
        commander_mode_lost_action: CommanderLostAction = "commander_mode_lost_action" [""];
        /// Watermark.
        camera_watermark_settings: WatermarkSettings = "camera_watermark_settings" [""];
        /// Distance limit; missing from the M3D page, shown by its own example.
        distance_limit_status: DistanceLimitStatus = "distance_limit_status" [""];
        /// Return height, 20 to 500; missing from the M3D page.
        rth_altitude: Int = "rth_altitude" ["m"];
        /// What the aircraft does when the link is lost; missing from the M3D page.
        rc_lost_action: RcLostAction = "rc_lost_action" [""];
        /// What the wayline does when the link is lost; missing from the M3D page.
        exit_wayline_when_rc_lost: ExitWaylineWhenRcLost = "exit_wayline_when_rc_lost" [""];
        /// Battery left for the way home, 0 to 100. Newer, unproven.
        remaining_power_for_return_home: Int = "remaining_power_for_return_home" ["%"];
    }
}

impl PropertySet {
    /// Paths and values of the leaves that are present.
    #[must_use]
    pub fn leaves(&self) -> Vec<(String, Value)> {
        let mut specs = Vec::new();
        Self::describe("", &mut specs);
        let mut leaves = Vec::new();
        self.visit(0, &mut |index, leaf| {
            // Yes and no are 0 and 1 on the wire; where they are words, both are allowed.
            let value = leaf.to_value();
            let value = value.as_bool().map_or(value, |flag| Value::from(u8::from(flag)));
            leaves.push((specs[index].key.clone(), value));
        });
        leaves
    }
}

impl Check for PropertySet {
    fn check(&self) -> Result<(), CallError> {
        let leaves = self.leaves();
        let [(path, value)] = leaves.as_slice() else {
            return Err(CallError::OutOfRange {
                field: "data",
                value: format!("{} properties", leaves.len()),
                range: "exactly one property a message",
                page: DOCK,
            });
        };
        check(path, value)
    }
}

wire! {
    /// What became of setting one leaf.
    pub struct LeafResult {
        /// 0 done, 1 failed, 2 timed out, otherwise a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
    }
}

wire! {
    /// The answer to a property set: a result at the leaf that was set.
    pub struct PropertySetReply {
        /// Photos go to the cloud at once.
        air_transfer_enable: LeafResult = "air_transfer_enable" [""];
        /// Quieter dock.
        silent_mode: LeafResult = "silent_mode" [""];
        /// DJI's user experience programme.
        user_experience_improvement: LeafResult = "user_experience_improvement" [""];
        /// Obstacle sensing.
        obstacle_avoidance: ObstacleAvoidanceResults = "obstacle_avoidance" [""];
        /// Height limit.
        height_limit: LeafResult = "height_limit" [""];
        /// Night lights.
        night_lights_state: LeafResult = "night_lights_state" [""];
        /// Fly-to height.
        commander_flight_height: LeafResult = "commander_flight_height" [""];
        /// How fly-to picks its height.
        commander_flight_mode: LeafResult = "commander_flight_mode" [""];
        /// What fly-to does when the link is lost.
        commander_mode_lost_action: LeafResult = "commander_mode_lost_action" [""];
        /// Watermark.
        camera_watermark_settings: WatermarkResults = "camera_watermark_settings" [""];
        /// Distance limit.
        distance_limit_status: DistanceLimitResults = "distance_limit_status" [""];
        /// Return height.
        rth_altitude: LeafResult = "rth_altitude" [""];
        /// What the aircraft does when the link is lost.
        rc_lost_action: LeafResult = "rc_lost_action" [""];
        /// What the wayline does when the link is lost.
        exit_wayline_when_rc_lost: LeafResult = "exit_wayline_when_rc_lost" [""];
        /// Battery left for the way home. Newer, unproven.
        remaining_power_for_return_home: LeafResult = "remaining_power_for_return_home" [""];
    }
}

wire! {
    /// Results for obstacle sensing.
    pub struct ObstacleAvoidanceResults {
        /// Horizontal.
        horizon: LeafResult = "horizon" [""];
        /// Upward.
        upside: LeafResult = "upside" [""];
        /// Downward.
        downside: LeafResult = "downside" [""];
    }
}

wire! {
    /// Results for the distance limit.
    pub struct DistanceLimitResults {
        /// On.
        state: LeafResult = "state" [""];
        /// The limit.
        distance_limit: LeafResult = "distance_limit" [""];
        /// Nearness: a measurement that the Matrice 30 page lists as if it could be set.
        is_near_distance_limit: LeafResult = "is_near_distance_limit" [""];
    }
}

wire! {
    /// Results for the watermark.
    pub struct WatermarkResults {
        /// Master switch.
        global_enable: LeafResult = "global_enable" [""];
        /// Aircraft model.
        drone_type_enable: LeafResult = "drone_type_enable" [""];
        /// Serial number.
        drone_sn_enable: LeafResult = "drone_sn_enable" [""];
        /// Date and time.
        datetime_enable: LeafResult = "datetime_enable" [""];
        /// Position.
        gps_enable: LeafResult = "gps_enable" [""];
        /// Own text shown.
        user_custom_string_enable: LeafResult = "user_custom_string_enable" [""];
        /// Own text.
        user_custom_string: LeafResult = "user_custom_string" [""];
        /// Where it stands.
        layout: LeafResult = "layout" [""];
    }
}

impl PropertySetReply {
    /// Paths and codes of the leaves that the answer speaks of (`obstacle_avoidance.horizon`).
    #[must_use]
    pub fn results(&self) -> Vec<(String, i64)> {
        let mut specs = Vec::new();
        Self::describe("", &mut specs);
        let mut results = Vec::new();
        self.visit(0, &mut |index, leaf| {
            let path = specs[index].key.trim_end_matches(".result").to_owned();
            if let crate::leaf::LeafRef::Int(code) = leaf {
                results.push((path, code));
            }
        });
        results
    }
}

/// Whether a leaf may be set to a value.
///
/// # Errors
/// [`CallError`] when the leaf cannot be set, or the value is out of its range.
pub fn check(path: &str, value: &Value) -> Result<(), CallError> {
    let Some(leaf) = WRITABLE.iter().find(|leaf| leaf.path == path) else {
        return Err(CallError::Unexpected {
            method: "property/set",
            field: cut(path, 64).into(),
            reason: "it cannot be set".into(),
        });
    };
    let is_allowed = match leaf.allowed {
        Allowed::Int(min, max) => value.as_i64().is_some_and(|int| (min..=max).contains(&int)),
        Allowed::Num(min, max) => value.as_f64().is_some_and(|num| (min..=max).contains(&num)),
        Allowed::Bool => {
            value.is_boolean() || value.as_i64().is_some_and(|int| matches!(int, 0 | 1))
        }
        Allowed::Text(max) => value.as_str().is_some_and(|text| text.len() <= max),
    };
    if is_allowed {
        return Ok(());
    }
    Err(CallError::OutOfRange {
        field: leaf.path,
        value: cut(&value.to_string(), 64).into(),
        range: leaf.range,
        page: leaf.page,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bounds_are_kept() {
        for (path, value, is_allowed) in [
            ("height_limit", json!(20), true),
            ("height_limit", json!(1500), true),
            ("height_limit", json!(19), false),
            ("height_limit", json!(1501), false),
            ("height_limit", json!("100"), false),
            ("height_limit", json!(100.5), false),
            ("commander_flight_height", json!(2.5), true),
            ("commander_flight_height", json!(1.9), false),
            ("obstacle_avoidance.horizon", json!(2), false),
            ("obstacle_avoidance.horizon", json!({"x": 1}), false),
            ("obstacle_avoidance", json!({"horizon": 1}), false),
            ("camera_watermark_settings.user_custom_string", json!("x".repeat(250)), true),
            ("camera_watermark_settings.user_custom_string", json!("x".repeat(251)), false),
            ("mode_code", json!(0), false),
        ] {
            assert_eq!(check(path, &value).is_ok(), is_allowed, "{path} {value}");
        }
        let error = check("height_limit", &json!(1600)).unwrap_err().to_string();
        assert_eq!(
            error,
            "height_limit is 1600, allowed is 20 to 1500 m (DJI page aircraft/m3d-properties)"
        );
    }
}
