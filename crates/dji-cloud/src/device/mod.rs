//! Devices: topology, OSD and state of dock and aircraft.
//!
//! An OSD topic names only a serial number, so whoever decodes must say what the device is, as
//! `update_topo` told; [`looks_like_dock`] is a guess for the time before. Decoding never fails
//! over a field: see [`crate::drift`]. Merging partial messages is the caller's, by
//! [`crate::leaf::Leaves`]. Next: [`dock`], [`aircraft`], [`topo`].

pub mod aircraft;
pub mod camera;
pub mod codes;
pub mod dock;
pub mod lost_link;
pub mod shared;
pub mod topo;

use core::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

pub use self::aircraft::{AircraftOsd, AircraftState};
pub use self::codes::{
    AircraftModeCode, CoverState, DockModeCode, FlighttaskStepCode, HomePositionState, Rainfall,
};
pub use self::dock::{DockOsd, DockState};
pub use self::lost_link::{LostLinkAction, OutOfControlAction, RcLostAction};
pub use self::topo::{ModelKey, SubDeviceTopo, UpdateTopo};
use crate::envelope::{DecodeError, decode_data};
use crate::keys::{UNKNOWN, key_table};

/// Reads the OSD of a dock.
///
/// # Errors
/// [`DecodeError::Syntax`] for what only a full reading finds; never for a field.
pub fn decode_osd_dock(data: &RawValue) -> Result<DockOsd, DecodeError> {
    decode_data(Some(data))
}

/// Reads the OSD of an aircraft.
///
/// # Errors
/// As [`decode_osd_dock`].
pub fn decode_osd_aircraft(data: &RawValue) -> Result<AircraftOsd, DecodeError> {
    decode_data(Some(data))
}

/// Reads the state of a dock.
///
/// # Errors
/// As [`decode_osd_dock`].
pub fn decode_state_dock(data: &RawValue) -> Result<DockState, DecodeError> {
    decode_data(Some(data))
}

/// Reads the state of an aircraft.
///
/// # Errors
/// As [`decode_osd_dock`].
pub fn decode_state_aircraft(data: &RawValue) -> Result<AircraftState, DecodeError> {
    decode_data(Some(data))
}

/// Whether an OSD or state body looks like a dock's: `Some(true)` dock, `Some(false)` aircraft,
/// `None` when its keys tell neither (a guess, good until `update_topo` came).
#[must_use]
pub fn looks_like_dock(data: &RawValue) -> Option<bool> {
    let Keys { dock, aircraft } = crate::json::from_str(data.get()).ok()?;
    match dock.cmp(&aircraft) {
        core::cmp::Ordering::Greater => Some(true),
        core::cmp::Ordering::Less => Some(false),
        core::cmp::Ordering::Equal => None,
    }
}

/// Keys that only a dock sends.
const DOCK_KEYS: &[&str] = &[
    "cover_state",
    "drone_in_dock",
    "flighttask_step_code",
    "network_state",
    "wireless_link",
    "media_file_detail",
    "air_conditioner",
    "drone_charge_state",
    "emergency_stop_state",
    "backup_battery",
    "alternate_land_point",
    "sub_device",
    "working_voltage",
    "working_current",
    "supplement_light_state",
    "rainfall",
    "environment_temperature",
    "job_number",
    "putter_state",
    "first_power_on",
    "drone_battery_maintenance_info",
    "battery_store_mode",
    "alarm_state",
    "live_capacity",
    "live_status",
    "rtcm_info",
    "silent_mode",
    "air_transfer_enable",
    "humidity",
    "electric_supply_voltage",
    "user_experience_improvement",
];

/// Keys that only an aircraft sends. None of them is a field of a dock's types.
pub(crate) const AIRCRAFT_KEYS: &[&str] = &[
    "attitude_head",
    "attitude_pitch",
    "attitude_roll",
    "elevation",
    "gear",
    "horizontal_speed",
    "vertical_speed",
    "home_distance",
    "battery",
    "cameras",
    "track_id",
    "total_flight_time",
    "total_flight_distance",
    "total_flight_sorties",
    "obstacle_avoidance",
    "height_limit",
    "distance_limit_status",
    "night_lights_state",
    "wind_direction",
    "is_near_area_limit",
    "is_near_height_limit",
    "home_latitude",
    "home_longitude",
    "mode_code_reason",
    "control_source",
    "best_link_gateway",
    "camera_watermark_settings",
    "commander_flight_height",
    "flysafe_database_version",
    "low_battery_warning_threshold",
];

/// How many keys only a dock, or only an aircraft, sends.
#[derive(Default)]
struct Keys {
    dock: u32,
    aircraft: u32,
}

impl Keys {
    fn count(&mut self, key: &str) {
        if key_table!(DOCK_KEYS).find(key) != UNKNOWN {
            self.dock += 1;
        } else if key_table!(AIRCRAFT_KEYS).find(key) != UNKNOWN {
            self.aircraft += 1;
        }
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;
        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = Keys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Keys::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
                    keys.count(&key);
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(keys)
            }
        }
        deserializer.deserialize_map(KeysVisitor)
    }
}
