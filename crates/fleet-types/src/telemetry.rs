//! The twin's values: a flat vector of readings over a fixed schema, each with its own age.

use std::sync::Arc;

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::time::WallMs;

/// One field of a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldSpec {
    /// Dotted path as on the wire: `network_state.rate`.
    pub key: String,
    /// Unit (`m`, `m/s`, `%`, `°`), empty where there is none.
    pub unit: &'static str,
}

/// All fields a class of device can report, in a fixed order. Built once per process.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    /// The fields; a reading's index is its field's index here.
    pub fields: Vec<FieldSpec>,
}

/// A value without structure; lists stay JSON text.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Whole number, enum codes included.
    Int(i64),
    /// Floating point, in the field's unit.
    Num(f64),
    /// Yes or no.
    Bool(bool),
    /// Text.
    Text(Arc<str>),
    /// A list or object kept whole.
    Json(Arc<serde_json::Value>),
}

impl Scalar {
    /// As a number, where it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            // i64 to f64 is exact for every code and measure a device reports (below 2^53).
            #[expect(clippy::cast_precision_loss)]
            Self::Int(value) => Some(*value as f64),
            Self::Num(value) => Some(*value),
            Self::Bool(_) | Self::Text(_) | Self::Json(_) => None,
        }
    }

    /// As a whole number, where it is one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Num(_) | Self::Text(_) | Self::Json(_) => None,
        }
    }
}

/// A value and its two times: when the device says it was true, and when we heard it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// The value.
    pub value: Scalar,
    /// The device's own time; its clock may be wrong.
    pub source_ms: Option<WallMs>,
    /// Our time of receipt; age is counted from here.
    pub received_ms: WallMs,
}

/// Latest known readings of one device. Cloning copies the vector, not the texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// What each index means.
    pub schema: Arc<Schema>,
    /// One slot a field; `None` until first heard.
    pub readings: Vec<Option<Reading>>,
}

impl Telemetry {
    /// Nothing heard yet.
    #[must_use]
    pub fn empty(schema: Arc<Schema>) -> Self {
        let readings = vec![None; schema.fields.len()];
        Self { schema, readings }
    }

    /// The reading at `key`, by name; for code off the hot path.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Reading> {
        let index = self.schema.fields.iter().position(|field| field.key == key)?;
        self.readings.get(index)?.as_ref()
    }
}

/// Serialises as `{"key": {"value", "unit", "source_ms", "received_ms"}}`, heard fields only.
impl Serialize for Telemetry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Value<'a> {
            unit: &'static str,
            #[serde(flatten)]
            reading: &'a Reading,
        }
        let mut map = serializer.serialize_map(None)?;
        for (field, reading) in self.schema.fields.iter().zip(&self.readings) {
            if let Some(reading) = reading {
                map.serialize_entry(&field.key, &Value { unit: field.unit, reading })?;
            }
        }
        map.end()
    }
}
