//! The few values of a device that a map or list shows, taken from its whole twin.
//!
//! Field names are those of the DJI property pages (`latitude`, `capacity_percent`, …); a value
//! that was never heard is absent, never guessed. Source: DJI Cloud API, "Dock 2 / Properties" and
//! "Matrice 3D / Properties".

use std::sync::Arc;

use fleet_types::{DeviceClass, DeviceSn, Telemetry, WallMs, telemetry::Schema, topic::DeviceOsd};
use serde::Serialize;
use utoipa::ToSchema;

use crate::positions::Measured;

/// Position and vital values of one device.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Osd {
    /// Device.
    pub sn: DeviceSn,
    /// Its kind.
    pub class: DeviceClass,
    /// When its newest report was heard.
    pub received_ms: WallMs,
    /// Reports taken in of it by this tower process; one that is lost on the way is missing here.
    pub report_count: u64,
    /// Degrees, WGS84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude_deg: Option<f64>,
    /// Degrees, WGS84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude_deg: Option<f64>,
    /// Metres: above take-off for aircraft, above the ellipsoid for docks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
    /// Degrees from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
    /// Metres a second over ground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizontal_speed_mps: Option<f64>,
    /// Aircraft battery, 0–100; of a dock, that of the aircraft inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_percent: Option<f64>,
    /// Metres a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wind_speed_mps: Option<f64>,
    /// DJI `mode_code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode_code: Option<i64>,
    /// DJI `cover_state`: 0 closed, 1 open, 2 half-open, 3 abnormal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover_state: Option<i64>,
    /// DJI `drone_in_dock`: 0 outside, 1 inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drone_in_dock: Option<i64>,
    /// DJI `rainfall`: 0 none to 3 heavy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rainfall: Option<i64>,
    /// Whether the aircraft is being charged (DJI `drone_charge_state.state`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charging: Option<bool>,
}

/// Where the values of one schema lie; looked up once, because names are compared.
struct Places {
    schema: Arc<Schema>,
    latitude: Option<usize>,
    longitude: Option<usize>,
    height: Option<usize>,
    heading: Option<usize>,
    horizontal_speed: Option<usize>,
    battery: Option<usize>,
    wind_speed: Option<usize>,
    mode_code: Option<usize>,
    cover_state: Option<usize>,
    drone_in_dock: Option<usize>,
    rainfall: Option<usize>,
    charging: Option<usize>,
}

impl Places {
    fn of(schema: &Arc<Schema>, class: DeviceClass) -> Self {
        let at = |key: &str| schema.fields.iter().position(|field| field.key == key);
        let dock = class == DeviceClass::Dock;
        Self {
            schema: Arc::clone(schema),
            latitude: at("latitude"),
            longitude: at("longitude"),
            height: at(if dock { "height" } else { "elevation" }),
            heading: at(if dock { "heading" } else { "attitude_head" }),
            horizontal_speed: at("horizontal_speed"),
            battery: at(if dock {
                "drone_charge_state.capacity_percent"
            } else {
                "battery.capacity_percent"
            }),
            wind_speed: at("wind_speed"),
            mode_code: at("mode_code"),
            cover_state: at("cover_state"),
            drone_in_dock: at("drone_in_dock"),
            rainfall: at("rainfall"),
            charging: at("drone_charge_state.state"),
        }
    }
}

/// Makes [`Osd`]s. Remembers the places of a handful of schemas.
#[derive(Default)]
pub(crate) struct OsdReader {
    known: Vec<(DeviceClass, Places)>,
}

/// A process has one schema a class; more would be a leak, so the memory is cut here.
const MAX_SCHEMAS: usize = 8;

impl OsdReader {
    pub(crate) fn read(&mut self, sample: &DeviceOsd) -> Osd {
        let values = &sample.values;
        let places = self.places(&values.schema, sample.class);
        Osd {
            sn: sample.sn.clone(),
            class: sample.class,
            received_ms: sample.received_ms,
            report_count: sample.report_count,
            latitude_deg: number(values, places.latitude),
            longitude_deg: number(values, places.longitude),
            height_m: number(values, places.height),
            heading_deg: number(values, places.heading),
            horizontal_speed_mps: number(values, places.horizontal_speed),
            battery_percent: number(values, places.battery),
            wind_speed_mps: number(values, places.wind_speed),
            mode_code: whole(values, places.mode_code),
            cover_state: whole(values, places.cover_state),
            drone_in_dock: whole(values, places.drone_in_dock),
            rainfall: whole(values, places.rainfall),
            charging: whole(values, places.charging).map(|state| state == 1),
        }
    }

    /// The same for a position record, without a copy of any text.
    pub(crate) fn measure(&mut self, sample: &DeviceOsd) -> Measured {
        let values = &sample.values;
        let places = self.places(&values.schema, sample.class);
        let latitude_deg = number(values, places.latitude);
        let position = places.latitude.filter(|_| latitude_deg.is_some());
        let heard = position.and_then(|at| values.reading(at));
        Measured {
            latitude_deg,
            longitude_deg: number(values, places.longitude),
            height_m: number(values, places.height),
            heading_deg: number(values, places.heading),
            speed_mps: number(values, places.horizontal_speed),
            battery_percent: number(values, places.battery),
            cover_open: matches!(whole(values, places.cover_state), Some(1 | 2)),
            aircraft_inside: whole(values, places.drone_in_dock) == Some(1),
            charging: whole(values, places.charging) == Some(1),
            heard_ms: Some(heard.map_or(sample.received_ms, |reading| reading.received_ms)),
        }
    }

    fn places(&mut self, schema: &Arc<Schema>, class: DeviceClass) -> &Places {
        let known = self
            .known
            .iter()
            .position(|(of, places)| *of == class && Arc::ptr_eq(&places.schema, schema));
        let index = known.unwrap_or_else(|| {
            if self.known.len() >= MAX_SCHEMAS {
                self.known.clear();
            }
            self.known.push((class, Places::of(schema, class)));
            self.known.len() - 1
        });
        &self.known[index].1
    }
}

fn number(values: &Telemetry, place: Option<usize>) -> Option<f64> {
    values.value(place?)?.as_f64().filter(|value| value.is_finite())
}

fn whole(values: &Telemetry, place: Option<usize>) -> Option<i64> {
    let value = values.value(place?)?;
    value.as_i64().or_else(|| {
        // Codes are whole even where a device writes `1.0`; the cast is exact below 2^53.
        let number = value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15)?;
        #[expect(clippy::cast_possible_truncation)]
        Some(number as i64)
    })
}
