//! What a message held beyond or against the documentation, kept beside the typed fields.
//!
//! Drift never makes a message fail and never grows without bound: [`UNKNOWN_MAX`] unknown fields
//! and [`FAULTS_MAX`] faults per object are kept, the rest is counted. Next: [`crate::macros`].

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::few::Few;
use crate::text::Text;

/// Unknown fields kept per object.
pub const UNKNOWN_MAX: usize = 64;
/// Faults kept per object.
pub const FAULTS_MAX: usize = 64;
/// Longest unknown key kept, in bytes; longer keys are cut.
pub const UNKNOWN_KEY_MAX: usize = 64;
const VALUE_NODES_MAX: usize = 64;
const VALUE_TEXT_MAX: usize = 256;

/// The JSON type that was found where another was documented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Found {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction or an exponent.
    Float,
    /// A string.
    Text,
    /// An array.
    Array,
    /// An array of which some elements were of a wrong type or beyond the limit.
    Elements,
    /// An object.
    Object,
}

impl Found {
    /// The JSON word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "string",
            Self::Array => "array",
            Self::Elements => "array_elements",
            Self::Object => "object",
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A field whose JSON type was not the documented one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldFault {
    /// The key on the wire; empty for the object as a whole.
    pub key: &'static str,
    /// The documented type.
    pub expected: &'static str,
    /// The type that came.
    pub found: Found,
    /// Whether the value could be used all the same (`"3"` for `3`).
    pub kept: bool,
}

/// Unknown fields and faults of one object. Empty costs one pointer and no allocation.
///
/// `Debug` shows the unknown keys but not their values: nobody knows what they hold.
#[derive(Clone, Default, PartialEq)]
pub struct Drift(Option<Box<Inner>>);

impl fmt::Debug for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&Text> = self.unknown().iter().map(|(key, _)| key).collect();
        f.debug_struct("Drift")
            .field("unknown", &keys)
            .field("faults", &self.faults())
            .field("dropped", &self.dropped())
            .finish()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Inner {
    unknown: Vec<(Text, Value)>,
    faults: Few<FieldFault, 2>,
    dropped: u32,
}

impl Drift {
    /// Nothing unknown and nothing wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Unknown fields, with their values cut to 64 nodes and 256 characters a string.
    #[must_use]
    pub fn unknown(&self) -> &[(Text, Value)] {
        self.0.as_deref().map_or(&[], |inner| &inner.unknown)
    }

    /// Fields of a type that the documentation does not give.
    #[must_use]
    pub fn faults(&self) -> &[FieldFault] {
        self.0.as_deref().map_or(&[], |inner| &inner.faults)
    }

    /// Unknown fields and faults beyond the limits: counted, not kept.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.0.as_deref().map_or(0, |inner| inner.dropped)
    }

    pub(crate) fn fault(&mut self, fault: FieldFault) {
        let inner = self.0.get_or_insert_default();
        if inner.faults.len() < FAULTS_MAX {
            inner.faults.push(fault);
        } else {
            inner.dropped = inner.dropped.saturating_add(1);
        }
    }

    /// Takes the value of an unknown key from the map.
    pub(crate) fn take_unknown<'de, A: MapAccess<'de>>(
        &mut self,
        key: Text,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let inner = self.0.get_or_insert_default();
        if inner.unknown.len() < UNKNOWN_MAX {
            let mut nodes = VALUE_NODES_MAX;
            let value = map.next_value_seed(SmallValue { nodes: &mut nodes })?;
            inner.unknown.push((key, value));
        } else {
            map.next_value::<IgnoredAny>()?;
            inner.dropped = inner.dropped.saturating_add(1);
        }
        Ok(())
    }
}

/// One finding, with the path from the root of the message (`network_state.rate`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DriftItem<'a> {
    /// A field the documentation does not know.
    UnknownField {
        /// Its (cut) value.
        value: &'a Value,
    },
    /// A field of another type than documented.
    WrongType(&'a FieldFault),
    /// An enum value the documentation does not know.
    UnknownCode(crate::leaf::LeafRef<'a>),
    /// Findings beyond the limits, not kept one by one.
    Dropped(u32),
}

/// Receives each finding with its path.
pub type DriftSink<'s> = dyn FnMut(&str, DriftItem<'_>) + 's;

/// Cuts a string at a character boundary.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    &text[..end]
}

/// Reads a JSON value but keeps only so many nodes of it; the rest is skipped, not stored.
struct SmallValue<'n> {
    nodes: &'n mut usize,
}

impl<'de> DeserializeSeed<'de> for SmallValue<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SmallValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(cut(value, VALUE_TEXT_MAX)))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while *self.nodes > 0 {
            *self.nodes -= 1;
            match seq.next_element_seed(SmallValue { nodes: self.nodes })? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while *self.nodes > 0 {
            *self.nodes -= 1;
            let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? else {
                return Ok(Value::Object(fields));
            };
            let value = map.next_value_seed(SmallValue { nodes: self.nodes })?;
            fields.insert(cut(&key, UNKNOWN_KEY_MAX).to_owned(), value);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(fields))
    }
}
