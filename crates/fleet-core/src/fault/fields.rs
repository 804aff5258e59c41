//! Where the watched values stand in a schema: looked up once, not at every report.

use std::sync::Arc;

use fleet_types::{Reading, telemetry::Schema, topic::DeviceOsd};

use crate::twin::index_of;

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
    /// In the order of [`KEYS`]; what is not in the schema is beyond it.
    at: [usize; KEYS.len()],
}

impl Fields {
    /// Looks the values up.
    #[must_use]
    pub fn new(schema: &Arc<Schema>) -> Self {
        Self { schema: Arc::clone(schema), at: KEYS.map(|key| index_of(schema, key)) }
    }

    /// Whether they are those of this sample.
    #[must_use]
    pub fn fit(&self, sample: &DeviceOsd) -> bool {
        Arc::ptr_eq(&self.schema, &sample.values.schema)
    }

    /// The value of a watched key, if it was ever heard.
    #[must_use]
    pub fn reading<'a>(&self, sample: &'a DeviceOsd, key: &str) -> Option<Reading<'a>> {
        // So few that looking through them is quicker than any table.
        let place = KEYS.iter().position(|known| *known == key)?;
        sample.values.reading(self.at[place])
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
