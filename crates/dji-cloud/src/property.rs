//! Properties that may be set, and their bounds.
//!
//! One leaf a message, on `property/set`, without a method; the answer nests a result at the leaf:
//! 0 done, 1 failed, 2 timed out, otherwise a code. Sources: `dock2/properties` and
//! `m3d-properties` pages. The last four leaves are the Matrice 30's and missing from the M3D page,
//! though the Dock 2 example of a set uses one of them.

use serde_json::Value;

use crate::check::CallError;
use crate::drift::cut;

/// What a leaf takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// A whole number from–to.
    Int(i64, i64),
    /// A number from–to.
    Num(f64, f64),
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
    flag("air_transfer_enable", DOCK),
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
];

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
