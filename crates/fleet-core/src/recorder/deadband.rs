//! When a value counts as changed: the deadband of every field, by its key or its unit.
//!
//! A sensor's noise is no news. A value has changed when it left the band around the value that
//! was recorded last, so that a slow drift is recorded too. What is no measure (codes, switches,
//! texts) changes with any difference. Lists are compared member by member with the same rules by
//! key. Read next: [`super`].

use std::collections::BTreeMap;

use fleet_types::Scalar;
use serde_json::Value;

use super::lists;

/// How far a value has to move to count as changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deadband {
    /// Any difference counts.
    Any,
    /// A difference of at least this much, in the field's unit, counts.
    AtLeast(f64),
    /// As [`Self::AtLeast`] around a full circle: 359° and 1° are 2° apart.
    Angle(f64),
    /// Never by itself: counters of time and rates, which move with every report. They are in
    /// every row that something else causes, once a period at least.
    Never,
}

/// Deadbands by key (the last part of the dotted path), else by unit, else [`Deadband::Any`].
#[derive(Clone, Debug, PartialEq)]
pub struct Deadbands {
    /// By the last part of a key: `latitude`.
    pub by_key: BTreeMap<String, Deadband>,
    /// By unit: `°C`.
    pub by_unit: BTreeMap<String, Deadband>,
}

impl Default for Deadbands {
    /// Half of what an operator would notice: 1 m, 0.5 m/s, 1 °C, 1 %, about 1 m of position.
    fn default() -> Self {
        use Deadband::{Angle, AtLeast, Never};
        let by_key = [
            // About 1.1 m on the ground.
            ("latitude", Angle(0.000_01)),
            ("longitude", Angle(0.000_01)),
            ("home_latitude", Angle(0.000_01)),
            ("home_longitude", Angle(0.000_01)),
            // Satellites come and go one by one.
            ("gps_number", AtLeast(4.0)),
            ("rtk_number", AtLeast(4.0)),
            // Inside lists and payloads the wire tells no unit.
            ("voltage", AtLeast(500.0)),
            ("temperature", AtLeast(1.0)),
            ("aver_temperature", AtLeast(1.0)),
            ("thermal_global_temperature_min", AtLeast(1.0)),
            ("thermal_global_temperature_max", AtLeast(1.0)),
            ("gimbal_pitch", Angle(1.0)),
            ("gimbal_roll", Angle(1.0)),
            ("gimbal_yaw", Angle(1.0)),
            ("zoom_factor", AtLeast(0.1)),
            ("ir_zoom_factor", AtLeast(0.1)),
            ("left", AtLeast(0.01)),
            ("right", AtLeast(0.01)),
            ("top", AtLeast(0.01)),
            ("bottom", AtLeast(0.01)),
            ("record_time", Never),
            ("remain_record_duration", Never),
            ("measure_target_latitude", Never),
            ("measure_target_longitude", Never),
            ("measure_target_altitude", Never),
            ("measure_target_distance", Never),
        ];
        let by_unit = [
            ("m", AtLeast(1.0)),
            ("m/s", AtLeast(0.5)),
            ("°", Angle(1.0)),
            ("°C", AtLeast(1.0)),
            ("%", AtLeast(1.0)),
            ("%RH", AtLeast(3.0)),
            ("mA", AtLeast(500.0)),
            ("mV", AtLeast(500.0)),
            ("V", AtLeast(5.0)),
            ("×", AtLeast(0.1)),
            // 10 MiB.
            ("KB", AtLeast(10_240.0)),
            ("kB/s", Never),
            ("ms", Never),
            ("s", Never),
            ("h", Never),
            ("d", Never),
        ];
        Self {
            by_key: by_key.map(|(key, band)| (key.to_owned(), band)).into(),
            by_unit: by_unit.map(|(unit, band)| (unit.to_owned(), band)).into(),
        }
    }
}

impl Deadbands {
    /// The deadband of a field.
    #[must_use]
    pub fn of(&self, key: &str, unit: &str) -> Deadband {
        let last = key.rsplit('.').next().unwrap_or(key);
        let band = self.by_key.get(last).or_else(|| self.by_unit.get(unit));
        band.copied().unwrap_or(Deadband::Any)
    }

    /// Whether a value left its band around the one recorded last.
    #[must_use]
    pub fn has_changed(&self, band: Deadband, recorded: &Scalar, now: &Scalar) -> bool {
        if band == Deadband::Never {
            return false;
        }
        if let (Scalar::Json(recorded), Scalar::Json(now)) = (recorded, now) {
            let by_text = || lists::texts_changed(self, band, recorded.as_str(), now.as_str());
            let by_value = || self.list_changed(band, &recorded.value(), &now.value());
            return recorded != now && by_text().unwrap_or_else(by_value);
        }
        match (recorded.as_f64(), now.as_f64()) {
            (Some(recorded), Some(now)) => band.is_left(recorded, now),
            (_, _) => recorded != now,
        }
    }

    /// As [`lists::texts_changed`], by what the texts say: that they are written alike is not needed.
    fn list_changed(&self, band: Deadband, recorded: &Value, now: &Value) -> bool {
        match (recorded, now) {
            (Value::Object(recorded), Value::Object(now)) => {
                let changed = |(key, now): (&String, &Value)| {
                    let band = self.of(key, "");
                    band != Deadband::Never
                        && recorded.get(key).is_none_or(|was| self.list_changed(band, was, now))
                };
                recorded.len() != now.len() || now.iter().any(changed)
            }
            (Value::Array(recorded), Value::Array(now)) => {
                let mut pairs = recorded.iter().zip(now);
                recorded.len() != now.len()
                    || pairs.any(|(recorded, now)| self.list_changed(band, recorded, now))
            }
            (Value::Number(recorded), Value::Number(now)) => {
                match (recorded.as_f64(), now.as_f64()) {
                    (Some(recorded), Some(now)) => band.is_left(recorded, now),
                    (_, _) => recorded != now,
                }
            }
            (recorded, now) => recorded != now,
        }
    }
}

impl Deadband {
    pub(super) fn is_left(self, recorded: f64, now: f64) -> bool {
        let apart = (recorded - now).abs();
        match self {
            Self::Any => apart > 0.0,
            Self::AtLeast(by) => apart >= by,
            Self::Angle(by) => {
                let apart = apart % 360.0;
                apart.min(360.0 - apart) >= by
            }
            Self::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::telemetry::JsonText;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(key: &str, unit: &str, recorded: Scalar, now: Scalar, expect: bool) {
        let bands = Deadbands::default();
        let changed = bands.has_changed(bands.of(key, unit), &recorded, &now);
        assert_eq!(changed, expect, "{key} {recorded:?} {now:?}");
    }

    #[test]
    fn noise_stays_within_the_band_and_news_leaves_it() {
        use Scalar::{Bool, Int, Num};
        check("temperature", "°C", Num(21.0), Num(21.9), false);
        check("temperature", "°C", Num(21.0), Num(22.0), true);
        check("latitude", "°", Num(35.7), Num(35.700_005), false);
        check("latitude", "°", Num(35.7), Num(35.700_02), true);
        check("heading", "°", Num(359.8), Num(0.2), false);
        check("heading", "°", Num(359.0), Num(1.0), true);
        check("attitude_head", "°", Num(-179.9), Num(179.9), false);
        check("drone_charge_state.capacity_percent", "%", Int(71), Int(72), true);
        check("position_state.gps_number", "", Int(20), Int(23), false);
        check("network_state.rate", "kB/s", Num(10.0), Num(900.0), false);
        check("mode_code", "", Int(0), Int(1), true);
        check("rid_state", "", Bool(true), Bool(false), true);
        check("firmware_version", "", Scalar::Text("a".into()), Scalar::Text("b".into()), true);
        // A device that changes the type of a field has said something new.
        check("firmware_version", "", Scalar::Text("1".into()), Int(1), true);
    }

    #[test]
    fn lists_are_compared_member_by_member() {
        let list = |value: Value| Scalar::Json(JsonText::of(&value));
        let check = |recorded: Value, now: Value, expect: bool| {
            check("battery.batteries", "", list(recorded), list(now), expect);
        };
        let pack = |voltage: i64, percent: i64| json!([{"voltage": voltage, "percent": percent}]);
        check(pack(24_000, 90), pack(24_499, 90), false);
        check(pack(24_000, 90), pack(24_500, 90), true);
        check(pack(24_000, 90), pack(24_000, 89), true);
        check(pack(24_000, 90), json!([]), true);
        check(json!([{"record_time": 1}]), json!([{"record_time": 99}]), false);
        check(json!([{"a": 1}]), json!([{"b": 1}]), true);
        check(json!([1, 2]), json!([1, 3]), true);
    }

    /// Lists as devices send them, and odd ones: with keys of every kind of band.
    fn value() -> impl Strategy<Value = Value> {
        let key = prop_oneof![
            Just("voltage".to_owned()),
            Just("temperature".to_owned()),
            Just("gimbal_yaw".to_owned()),
            Just("record_time".to_owned()),
            Just("other".to_owned()),
            Just("a \"quoted\" \\ one".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3_i64..3).prop_map(Value::from),
            (-400_i64..400).prop_map(|value| Value::from(value * 100)),
            (-9.0_f64..9.0).prop_map(|value| Value::from(short(value))),
            any::<f64>().prop_map(Value::from),
            "[a-b\"\\\\é]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Few digits, as devices write them: of seventeen the last may be read as another, and at the edge
    /// of a band that is another verdict.
    fn short(value: f64) -> f64 {
        (value * 1e6).round() / 1e6
    }

    /// The value with some leaf of it changed a little, or not.
    fn nudged(value: &Value, by: f64, at: &mut u32) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| nudged(item, by, at)).collect(),
            Value::Object(map) => {
                let nudge = |(key, item): (&String, &Value)| (key.clone(), nudged(item, by, at));
                Value::Object(map.iter().map(nudge).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                *at = at.wrapping_sub(1);
                match value.as_f64().filter(|_| *at == 0) {
                    Some(number) => Value::from(short(number + by)),
                    None => value.clone(),
                }
            }
        }
    }

    proptest! {
        /// Comparing texts says what comparing values says, wherever it says anything.
        #[test]
        fn texts_are_judged_as_their_values_are(
            one in value(),
            other in value(),
            by in prop_oneof![Just(0.0), Just(1.0), -600.0..600.0],
            at in 0_u32..6,
            band in 0_usize..4,
        ) {
            let bands = Deadbands::default();
            let band = [Deadband::Any, Deadband::AtLeast(1.0), Deadband::Angle(1.0), Deadband::Never][band];
            let near = nudged(&one, by, &mut at.clone());
            for now in [&near, &other] {
                let by_value = bands.list_changed(band, &one, now);
                let (was, is) = (one.to_string(), now.to_string());
                let by_text = lists::texts_changed(&bands, band, &was, &is);
                prop_assert!(by_text.is_none_or(|it| it == by_value), "{was} {is} {by_text:?}");
                if was != is {
                    let scalar = |value| Scalar::Json(JsonText::of(value));
                    let whole = bands.has_changed(band, &scalar(&one), &scalar(now));
                    prop_assert_eq!(whole, by_value && band != Deadband::Never);
                }
            }
        }
    }

    #[test]
    fn lists_as_devices_send_them_are_judged_by_their_texts() {
        let pack = |voltage: &str| {
            format!(
                r#"[{{"capacity_percent":80,"index":0,"sn":"B1","voltage":{voltage},"temperature":-1.5e1}}]"#
            )
        };
        let bands = Deadbands::default();
        let changed = |one: &str, two: &str| {
            lists::texts_changed(&bands, Deadband::Any, &pack(one), &pack(two))
        };
        assert_eq!(changed("24000", "24499"), Some(false));
        assert_eq!(changed("24000", "24500"), Some(true));
        assert_eq!(changed("24000", "null"), Some(true));
        assert_eq!(changed("24000", "\"24000\""), Some(true));
    }
}
