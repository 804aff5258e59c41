//! What numbers of telemetry may be.
//!
//! Ranges are DJI's where the properties pages give one, else what can be on earth (marked so): a
//! unit that is off by ten shows as a wind of 120 m/s, not as a wrong type. Off by less it cannot
//! be seen. Sources: `dock2/properties` and `m3d/properties` pages.

use serde_json::Value;

/// A number out of its range.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OutOfRange {
    /// Path from the body.
    pub(super) path: String,
    /// The number.
    pub(super) value: f64,
    /// What is allowed.
    pub(super) range: String,
}

/// DJI's word for "not available".
const NOT_AVAILABLE: f64 = 32_767.0;

/// Key, least, most, and whether DJI gives the range.
type Row = (&'static str, f64, f64, bool);

const RANGES: &[Row] = &[
    ("4g_gnd_quality", 0.0, 5.0, true),
    ("4g_quality", 0.0, 5.0, true),
    ("4g_uav_quality", 0.0, 5.0, true),
    ("attitude_head", -180.0, 360.0, false),
    ("attitude_pitch", -180.0, 180.0, false),
    ("attitude_roll", -180.0, 180.0, false),
    ("capacity_percent", 0.0, 100.0, true),
    ("commander_flight_height", 2.0, 3000.0, true),
    ("control_source_index", 1.0, 2.0, true),
    ("elevation", -500.0, 9000.0, false),
    ("environment_temperature", -60.0, 80.0, false),
    ("gimbal_pitch", -180.0, 180.0, true),
    ("gimbal_roll", -180.0, 180.0, true),
    ("gimbal_yaw", -180.0, 180.0, true),
    ("heading", -180.0, 360.0, false),
    ("height", -500.0, 9000.0, false),
    ("height_limit", 20.0, 1500.0, true),
    ("horizontal_speed", 0.0, 40.0, false),
    ("humidity", 0.0, 100.0, true),
    ("ir_zoom_factor", 2.0, 20.0, true),
    ("landing_power", 0.0, 100.0, true),
    ("latitude", -90.0, 90.0, true),
    ("longitude", -180.0, 180.0, true),
    ("percent", 0.0, 100.0, true),
    ("return_home_power", 0.0, 100.0, true),
    ("sdr_quality", 0.0, 5.0, true),
    ("temperature", -60.0, 150.0, false),
    ("vertical_speed", -30.0, 30.0, false),
    ("voltage", 0.0, 60_000.0, false),
    ("wind_speed", 0.0, 60.0, false),
    ("working_voltage", 0.0, 60_000.0, false),
    ("zoom_factor", 1.0, 200.0, false),
];

/// At most so many findings of one message.
const FINDINGS_MAX: usize = 32;

/// Numbers of a body that are out of their range.
pub(super) fn check(body: &Value) -> Vec<OutOfRange> {
    let mut found = Vec::new();
    walk(body, &mut String::new(), "", &mut found);
    found
}

fn walk(value: &Value, path: &mut String, key: &str, found: &mut Vec<OutOfRange>) {
    match value {
        Value::Number(number) => {
            if let (Some(value), Ok(at)) =
                (number.as_f64(), RANGES.binary_search_by_key(&key, |row| row.0))
            {
                let (_, least, most, is_documented) = RANGES[at];
                let is_fine = (least..=most).contains(&value) || is_not_available(key, value);
                if !is_fine && found.len() < FINDINGS_MAX {
                    let range = format!("{least} to {most}");
                    let range = if is_documented { range } else { format!("plausibly {range}") };
                    found.push(OutOfRange { path: path.clone(), value, range });
                }
            }
        }
        Value::Array(items) => {
            let len = path.len();
            path.push_str("[]");
            for item in items {
                walk(item, path, key, found);
            }
            path.truncate(len);
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let len = path.len();
                if len > 0 {
                    path.push('.');
                }
                path.push_str(key);
                walk(value, path, key, found);
                path.truncate(len);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn is_not_available(key: &str, value: f64) -> bool {
    #[allow(clippy::float_cmp, reason = "a marker, not a measurement")]
    let is_marker = value == NOT_AVAILABLE;
    is_marker && matches!(key, "capacity_percent" | "voltage" | "temperature")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_is_sorted_and_finds_units_off_by_ten() {
        assert!(RANGES.is_sorted_by(|a, b| a.0 < b.0));
        let body = json!({
            "latitude": 375_000.0, "wind_speed": 120, "humidity": 45.5,
            "drone_charge_state": {"capacity_percent": 1000},
            "batteries": [{"capacity_percent": 32767, "temperature": 400}],
        });
        let mut found: Vec<_> = check(&body).into_iter().map(|found| found.path).collect();
        found.sort();
        let expected = [
            "batteries[].temperature",
            "drone_charge_state.capacity_percent",
            "latitude",
            "wind_speed",
        ];
        assert_eq!(found, expected);
        assert!(check(&json!({"latitude": "x", "other": 9e9, "percent": null})).is_empty());
    }
}
