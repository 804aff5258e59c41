//! The twin's values: one slot a field of a fixed schema, each with its own age.
//!
//! Thousands of devices are kept, and each by several components, so it is kept small and shared:
//! values lie in blocks that copies have in common until one of them changes, the times of a report
//! are written once for all fields that it brought, and lists are text. Next: [`Telemetry`].

mod values;

use std::sync::Arc;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, value::RawValue};

pub use values::Values;

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

/// A list or object kept whole, as JSON text. Copies share the text.
#[derive(Clone, Debug)]
pub struct JsonText(Arc<RawValue>);

impl JsonText {
    /// Takes a text; `None` when it is not JSON.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let raw = RawValue::from_string(text.to_owned()).ok()?;
        Some(Self(raw.into()))
    }

    /// A value as text.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        // A value in memory is always JSON.
        let raw = serde_json::value::to_raw_value(value).unwrap_or_default();
        Self(raw.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// What it says.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(self.as_str()).unwrap_or_default()
    }
}

/// The same text; the same list written otherwise is another one here.
impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
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
    Json(JsonText),
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reading<'a> {
    /// The value.
    pub value: &'a Scalar,
    /// The device's own time; its clock may be wrong.
    pub source_ms: Option<WallMs>,
    /// Our time of receipt; age is counted from here.
    pub received_ms: WallMs,
}

/// The times of one report, for all the fields whose newest value it brought.
#[derive(Clone, Copy, Debug)]
struct Stamp {
    source_ms: Option<WallMs>,
    received_ms: WallMs,
    /// Fields that have it; without any its place is free.
    fields: u16,
}

/// Where the times of a report stand in a [`Telemetry`]; see [`Telemetry::stamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StampId(u16);

impl StampId {
    /// A small number, dense from zero: others keep a table of their own beside the stamps.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Latest known readings of one device. Cloning shares the values.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// What each index means.
    pub schema: Arc<Schema>,
    values: Values,
    /// For each field the place of its stamp, counted from one; zero until it is heard.
    stamp_of: Box<[u16]>,
    stamps: Vec<Stamp>,
}

impl Telemetry {
    /// Nothing heard yet.
    #[must_use]
    pub fn empty(schema: Arc<Schema>) -> Self {
        let fields = schema.fields.len();
        debug_assert!(u16::try_from(fields).is_ok(), "stamps are counted in 16 bits");
        let stamp_of = vec![0; fields].into_boxed_slice();
        Self { schema, values: Values::new(fields), stamp_of, stamps: Vec::new() }
    }

    /// The reading at `key`, by name; for code off the hot path.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Reading<'_>> {
        self.reading(self.schema.fields.iter().position(|field| field.key == key)?)
    }

    /// The reading at `index`; `None` until first heard.
    #[must_use]
    pub fn reading(&self, index: usize) -> Option<Reading<'_>> {
        let value = self.values.get(index)?;
        let Stamp { source_ms, received_ms, .. } =
            *self.stamps.get(self.stamp_at(index)?.index())?;
        Some(Reading { value, source_ms, received_ms })
    }

    /// The value at `index`, however old.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<&Scalar> {
        self.values.get(index)
    }

    /// The values without their times.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The reading of every field, in the schema's order.
    pub fn readings(&self) -> impl Iterator<Item = Option<Reading<'_>>> {
        (0..self.stamp_of.len()).map(|index| self.reading(index))
    }

    /// Times for the fields of one report, to be given to [`Self::put`] and [`Self::touch`] before
    /// the next stamp is asked for: one that no field has is given anew.
    pub fn stamp(&mut self, source_ms: Option<WallMs>, received_ms: WallMs) -> StampId {
        let stamp = Stamp { source_ms, received_ms, fields: 0 };
        let free = self.stamps.iter().position(|stamp| stamp.fields == 0);
        let place = free.unwrap_or_else(|| {
            self.stamps.push(stamp);
            self.stamps.len() - 1
        });
        self.stamps[place] = stamp;
        // No more than there are fields, and one.
        StampId(u16::try_from(place).unwrap_or(u16::MAX))
    }

    /// Puts a value in; out of the schema's range nothing happens.
    pub fn put(&mut self, index: usize, stamp: StampId, value: Scalar) {
        if self.values.put(index, value) {
            self.mark(index, stamp);
        }
    }

    /// The value at `index` was heard again, and is as it was; where there is none nothing happens.
    pub fn touch(&mut self, index: usize, stamp: StampId) {
        if self.values.get(index).is_some() {
            self.mark(index, stamp);
        }
    }

    /// Puts one reading in with times of its own; for code off the hot path.
    pub fn set(
        &mut self,
        index: usize,
        value: Scalar,
        source_ms: Option<WallMs>,
        received: WallMs,
    ) {
        let stamp = self.stamp(source_ms, received);
        self.put(index, stamp, value);
    }

    /// The stamp of the reading at `index`.
    #[must_use]
    pub fn stamp_at(&self, index: usize) -> Option<StampId> {
        self.stamp_of.get(index)?.checked_sub(1).map(StampId)
    }

    /// Forgets every value.
    pub fn clear(&mut self) {
        *self = Self::empty(Arc::clone(&self.schema));
    }

    fn mark(&mut self, index: usize, stamp: StampId) {
        let before = self.stamp_at(index);
        let (Some(at), Some(new)) =
            (self.stamp_of.get_mut(index), self.stamps.get_mut(stamp.index()))
        else {
            return;
        };
        new.fields += 1;
        *at = stamp.0 + 1;
        if let Some(old) = before.and_then(|before| self.stamps.get_mut(before.index())) {
            old.fields -= 1;
        }
    }
}

impl PartialEq for Telemetry {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema && self.readings().eq(other.readings())
    }
}

/// Serialises as `{"key": {"value", "unit", "source_ms", "received_ms"}}`, heard fields only.
impl Serialize for Telemetry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (field, reading) in self.schema.fields.iter().zip(self.readings()) {
            if let Some(reading) = reading {
                map.serialize_entry(&field.key, &Told { unit: field.unit, reading })?;
            }
        }
        map.end()
    }
}

/// A reading as others are told it, with its unit.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The field's unit.
    pub unit: &'static str,
    /// Value and times.
    pub reading: Reading<'a>,
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Reading { value, source_ms, received_ms } = self.reading;
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("unit", self.unit)?;
        map.serialize_entry("value", value)?;
        map.serialize_entry("source_ms", &source_ms)?;
        map.serialize_entry("received_ms", &received_ms)?;
        map.end()
    }
}

#[cfg(test)]
mod tests;
