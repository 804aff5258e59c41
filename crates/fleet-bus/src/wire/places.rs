//! Where the values that views show lie in a schema: looked up once, because names are compared.

use std::{collections::BTreeMap, sync::Arc};

use fleet_types::{DeviceClass, Scalar, telemetry::Schema, topic::DeviceOsd};

/// A process has one schema a class; more would be a leak.
const SCHEMAS_MAX: usize = 8;

/// Indices into one schema.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct At {
    pub(super) mode_code: Option<usize>,
    pub(super) latitude: Option<usize>,
    pub(super) longitude: Option<usize>,
    pub(super) height: Option<usize>,
    pub(super) elevation: Option<usize>,
    pub(super) heading: Option<usize>,
    pub(super) pitch: Option<usize>,
    pub(super) roll: Option<usize>,
    pub(super) horizontal_speed: Option<usize>,
    pub(super) vertical_speed: Option<usize>,
    pub(super) battery: Option<usize>,
    pub(super) batteries: Option<usize>,
    pub(super) wind_speed: Option<usize>,
    pub(super) satellites: Option<usize>,
    pub(super) is_fixed: Option<usize>,
}

impl At {
    fn new(schema: &Schema, class: DeviceClass) -> Self {
        let keys: BTreeMap<&str, usize> =
            schema.fields.iter().enumerate().map(|(at, field)| (field.key.as_str(), at)).collect();
        let at = |key: &str| keys.get(key).copied();
        let is_dock = class == DeviceClass::Dock;
        let charge = "drone_charge_state.capacity_percent";
        Self {
            mode_code: at("mode_code"),
            latitude: at("latitude"),
            longitude: at("longitude"),
            height: at("height"),
            elevation: at("elevation"),
            heading: at(if is_dock { "heading" } else { "attitude_head" }),
            pitch: at("attitude_pitch"),
            roll: at("attitude_roll"),
            horizontal_speed: at("horizontal_speed"),
            vertical_speed: at("vertical_speed"),
            battery: at(if is_dock { charge } else { "battery.capacity_percent" }),
            batteries: at("battery.batteries"),
            wind_speed: at("wind_speed"),
            satellites: at("position_state.gps_number"),
            is_fixed: at("position_state.is_fixed"),
        }
    }
}

/// Remembers the places of a handful of schemas.
#[derive(Debug, Default)]
pub struct Places(Vec<(Arc<Schema>, DeviceClass, At)>);

impl Places {
    pub(super) fn of(&mut self, sample: &DeviceOsd) -> At {
        let schema = &sample.values.schema;
        let known = self
            .0
            .iter()
            .find(|(known, class, _)| Arc::ptr_eq(known, schema) && *class == sample.class);
        if let Some((_, _, at)) = known {
            return *at;
        }
        let at = At::new(schema, sample.class);
        if self.0.len() == SCHEMAS_MAX {
            self.0.clear();
        }
        self.0.push((Arc::clone(schema), sample.class, at));
        at
    }

    /// What is told of the first battery alone.
    pub(super) fn first_battery(&mut self, sample: &DeviceOsd) -> FirstBattery {
        let value = self.of(sample).batteries.and_then(|at| sample.values.value(at));
        let Some(Scalar::Json(batteries)) = value else { return FirstBattery::default() };
        let batteries = batteries.value();
        let number = |key: &str| batteries.get(0)?.get(key)?.as_f64();
        FirstBattery { millivolts: number("voltage"), celsius: number("temperature") }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FirstBattery {
    pub(super) millivolts: Option<f64>,
    pub(super) celsius: Option<f64>,
}

pub(super) fn number(sample: &DeviceOsd, place: Option<usize>) -> Option<f64> {
    sample.values.value(place?)?.as_f64()
}

pub(super) fn whole(sample: &DeviceOsd, place: Option<usize>) -> Option<i64> {
    sample.values.value(place?)?.as_i64()
}
