//! The dozen fields of telemetry that a map shows, read in one pass over the payload.
//!
//! For an edge that forwards thousands of devices and needs nothing else: the rest of the message
//! is skipped, not checked and not reported. It refuses to say whether the device is a dock or an
//! aircraft, and a flat body without an envelope is read too. Whoever wants all fields reads
//! [`crate::device`].

use core::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::envelope::{DecodeError, Limits, check_nesting, text_of};
use crate::json;
use crate::lenient::{Flag, Int, Lenient, Num, Slot, WireValue};

/// Hot fields of dock and aircraft; each `None` when the message has none that can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hot {
    /// The sender's clock, ms since 1970.
    pub timestamp_ms: Option<Int>,
    /// Latitude, degrees.
    pub latitude: Option<Num>,
    /// Longitude, degrees.
    pub longitude: Option<Num>,
    /// Ellipsoid height, m.
    pub height: Option<Num>,
    /// Height above take-off, m (aircraft).
    pub elevation: Option<Num>,
    /// Heading, degrees (`heading` of docks, `attitude_head` of aircraft).
    pub heading: Option<Num>,
    /// Horizontal speed, m/s (aircraft).
    pub horizontal_speed: Option<Num>,
    /// Wind speed, m/s.
    pub wind_speed: Option<Num>,
    /// Working mode; its meaning depends on the device.
    pub mode_code: Option<Int>,
    /// Cover (dock), code of [`crate::device::CoverState`].
    pub cover_state: Option<Int>,
    /// Whether the aircraft is in the dock.
    pub drone_in_dock: Option<bool>,
    /// Charge of the aircraft's battery, percent (as either of them tells it).
    pub battery_percent: Option<Num>,
}

/// Reads the hot fields of an OSD payload, with or without an envelope.
///
/// # Errors
/// [`DecodeError`] when the payload is too large or deep, or is no JSON object.
pub fn decode_hot(payload: &[u8]) -> Result<Hot, DecodeError> {
    let limits = Limits::default();
    let text = text_of(payload, limits)?;
    let mut hot = Hot::default();
    let reader = Reader { hot: &mut hot, level: Level::Payload };
    let is_object = match json::read_seed(text, limits.levels(), reader) {
        Some(is_object) => is_object,
        None => {
            check_nesting(payload, limits.nesting)?;
            hot = Hot::default();
            let mut json = serde_json::Deserializer::from_str(text);
            let is_object =
                Reader { hot: &mut hot, level: Level::Payload }.deserialize(&mut json)?;
            json.end()?;
            is_object
        }
    };
    if is_object { Ok(hot) } else { Err(DecodeError::NotAnObject) }
}

#[derive(Clone, Copy)]
enum Level {
    Payload,
    Body,
    Battery,
}

/// Reads an object of some level into the hot fields; false when it is no object.
struct Reader<'h> {
    hot: &'h mut Hot,
    level: Level,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

enum Key {
    Data,
    Timestamp,
    Latitude,
    Longitude,
    Height,
    Elevation,
    Heading,
    HorizontalSpeed,
    WindSpeed,
    ModeCode,
    CoverState,
    DroneInDock,
    Battery,
    CapacityPercent,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                Ok(match key {
                    "data" => Key::Data,
                    "timestamp" => Key::Timestamp,
                    "latitude" => Key::Latitude,
                    "longitude" => Key::Longitude,
                    "height" => Key::Height,
                    "elevation" => Key::Elevation,
                    "heading" | "attitude_head" => Key::Heading,
                    "horizontal_speed" => Key::HorizontalSpeed,
                    "wind_speed" => Key::WindSpeed,
                    "mode_code" => Key::ModeCode,
                    "cover_state" => Key::CoverState,
                    "drone_in_dock" => Key::DroneInDock,
                    "battery" | "drone_charge_state" => Key::Battery,
                    "capacity_percent" => Key::CapacityPercent,
                    _ => Key::Other,
                })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

fn put<'de, T: WireValue, A: MapAccess<'de>>(
    map: &mut A,
    slot: &mut Option<T>,
) -> Result<(), A::Error> {
    map.next_value_seed(Slot(slot))?;
    Ok(())
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Self { hot, level } = self;
        let is_battery = matches!(level, Level::Battery);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::CapacityPercent if is_battery => put(&mut map, &mut hot.battery_percent)?,
                _ if is_battery => drop(map.next_value::<IgnoredAny>()?),
                Key::Data if matches!(level, Level::Payload) => {
                    map.next_value_seed(Reader { hot: &mut *hot, level: Level::Body })?;
                }
                Key::Timestamp if matches!(level, Level::Payload) => {
                    put(&mut map, &mut hot.timestamp_ms)?;
                }
                Key::Battery => {
                    map.next_value_seed(Reader { hot: &mut *hot, level: Level::Battery })?;
                }
                Key::Latitude => put(&mut map, &mut hot.latitude)?,
                Key::Longitude => put(&mut map, &mut hot.longitude)?,
                Key::Height => put(&mut map, &mut hot.height)?,
                Key::Elevation => put(&mut map, &mut hot.elevation)?,
                Key::Heading => put(&mut map, &mut hot.heading)?,
                Key::HorizontalSpeed => put(&mut map, &mut hot.horizontal_speed)?,
                Key::WindSpeed => put(&mut map, &mut hot.wind_speed)?,
                Key::ModeCode => put(&mut map, &mut hot.mode_code)?,
                Key::CoverState => put(&mut map, &mut hot.cover_state)?,
                Key::DroneInDock => {
                    if let Some(Flag(flag)) = map.next_value::<Lenient<Flag>>()?.value() {
                        hot.drone_in_dock = Some(flag);
                    }
                }
                Key::Data | Key::Timestamp | Key::CapacityPercent | Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, decode, decode_osd_aircraft, decode_osd_dock};

    #[test]
    fn hot_fields_are_those_of_the_full_reading() {
        let dock = include_bytes!("../tests/data/dock-osd.json");
        let hot = decode_hot(dock).unwrap();
        let packet = decode("thing/product/D/osd", dock).unwrap();
        let Message::Osd(Some(data)) = packet.message else { panic!() };
        let full = decode_osd_dock(data).unwrap();
        assert_eq!(hot.timestamp_ms, packet.envelope.timestamp_ms);
        assert_eq!((hot.latitude, hot.longitude), (full.latitude, full.longitude));
        assert_eq!((hot.heading, hot.wind_speed), (full.heading, full.wind_speed));
        assert_eq!(hot.mode_code, full.mode_code.map(crate::device::DockModeCode::code));
        assert_eq!(hot.drone_in_dock, Some(false));
        assert_eq!(hot.battery_percent, Some(84.0));

        let aircraft = include_bytes!("../tests/data/aircraft-osd.json");
        let hot = decode_hot(aircraft).unwrap();
        let packet = decode("thing/product/A/osd", aircraft).unwrap();
        let Message::Osd(Some(data)) = packet.message else { panic!() };
        let full = decode_osd_aircraft(data).unwrap();
        assert_eq!((hot.elevation, hot.height), (full.elevation, full.height));
        assert_eq!(
            (hot.heading, hot.horizontal_speed),
            (full.attitude_head, full.horizontal_speed)
        );
        assert_eq!((hot.battery_percent, hot.cover_state), (Some(73.0), None));
    }

    #[test]
    fn flat_and_odd_payloads_are_read_as_far_as_they_go() {
        let hot =
            decode_hot(br#"{"latitude":"37.5","mode_code":4.0,"drone_in_dock":true}"#).unwrap();
        assert_eq!((hot.latitude, hot.mode_code), (Some(37.5), Some(4)));
        assert_eq!(hot.drone_in_dock, Some(true));
        let odd = br#"{"data":{"latitude":[1],"battery":3,"height":null,"heading":{"data":1}}}"#;
        assert_eq!(decode_hot(odd), Ok(Hot::default()));
        assert_eq!(decode_hot(b"[1]"), Err(DecodeError::NotAnObject));
        for broken in [&b"{"[..], b"{} x", b"\xff", b""] {
            assert!(decode_hot(broken).is_err(), "{broken:?}");
        }
    }
}
