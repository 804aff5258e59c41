//! Where the watched values stand in a schema: looked up once, not at every report.

use std::{collections::BTreeMap, sync::Arc};

use fleet_types::{Reading, telemetry::Schema, topic::DeviceOsd};

/// Every value that a detector looks at.
const KEYS: [&str; 15] = [
    "mode_code",
    "latitude",
    "longitude",
    "height",
    "horizontal_speed",
    "vertical_speed",
    "battery.capacity_percent",
    "drone_in_dock",
    "emergency_stop_state",
    "wind_speed",
    "cover_state",
    "wireless_link.sdr_link_state",
    "wireless_link.sdr_quality",
    "wireless_link.4g_link_state",
    "wireless_link.4g_quality",
];

/// The places of the watched values in one schema.
#[derive(Clone, Debug)]
pub struct Fields {
    schema: Arc<Schema>,
    at: BTreeMap<&'static str, usize>,
}

impl Fields {
    /// Looks the values up.
    #[must_use]
    pub fn new(schema: &Arc<Schema>) -> Self {
        let find = |key: &'static str| {
            Some((key, schema.fields.iter().position(|field| field.key == key)?))
        };
        Self { schema: Arc::clone(schema), at: KEYS.into_iter().filter_map(find).collect() }
    }

    /// Whether they are those of this sample.
    #[must_use]
    pub fn fit(&self, sample: &DeviceOsd) -> bool {
        Arc::ptr_eq(&self.schema, &sample.values.schema)
    }

    /// The value of a watched key, if it was ever heard.
    #[must_use]
    pub fn reading<'a>(&self, sample: &'a DeviceOsd, key: &str) -> Option<&'a Reading> {
        sample.values.readings.get(*self.at.get(key)?)?.as_ref()
    }

    /// It as a number.
    #[must_use]
    pub fn number(&self, sample: &DeviceOsd, key: &str) -> Option<f64> {
        self.reading(sample, key)?.value.as_f64()
    }

    /// It as a whole number.
    #[must_use]
    pub fn code(&self, sample: &DeviceOsd, key: &str) -> Option<i64> {
        self.reading(sample, key)?.value.as_i64()
    }
}
