//! Leaves: a message as a flat, densely numbered list of values.
//!
//! OSD and state come in pieces; whoever merges them keeps one slot per leaf, stamped with its own
//! time. A leaf's number is fixed by the type: nested objects flatten with dotted keys, an array
//! is one leaf as JSON. Next: [`crate::device`].

use serde::Serialize;

/// What a leaf is called and how to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafSpec {
    /// Dotted path on the wire, e.g. `network_state.rate`.
    pub key: String,
    /// Unit, e.g. `m`, `%`, `mV`; empty where there is none.
    pub unit: &'static str,
    /// Code and snake_case word of each value, when the leaf is a documented enum.
    pub codes: &'static [(i64, &'static str)],
    /// The kind of value the leaf holds.
    pub kind: LeafKind,
}

/// The kind of value of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// Whole number, or the code of an enum.
    Int,
    /// Number.
    Num,
    /// Yes or no.
    Bool,
    /// Text, or the word of an enum.
    Text,
    /// An array or a list with keys of its own.
    Json,
}

/// The value of a leaf in one message.
#[derive(Clone, Copy)]
pub enum LeafRef<'a> {
    /// Whole number, or the code of an enum.
    Int(i64),
    /// Number, always finite.
    Num(f64),
    /// Yes or no.
    Bool(bool),
    /// Text.
    Text(&'a str),
    /// An array: written out only when asked for.
    Json(&'a dyn JsonLeaf),
}

impl LeafRef<'_> {
    /// The value as JSON.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        match *self {
            Self::Int(value) => value.into(),
            Self::Num(value) => value.into(),
            Self::Bool(value) => value.into(),
            Self::Text(value) => value.into(),
            Self::Json(value) => value.to_value(),
        }
    }
}

impl core::fmt::Debug for LeafRef<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.to_value(), f)
    }
}

impl PartialEq for LeafRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}

/// A leaf that is written as JSON.
pub trait JsonLeaf {
    /// Appends the JSON text to `out`.
    fn write_json(&self, out: &mut Vec<u8>);
    /// The JSON value.
    fn to_value(&self) -> serde_json::Value;
}

impl<T: Serialize> JsonLeaf for T {
    fn write_json(&self, out: &mut Vec<u8>) {
        // Writing the wire types into memory cannot fail; a half-written value would.
        let start = out.len();
        if serde_json::to_writer(&mut *out, self).is_err() {
            out.truncate(start);
            out.extend_from_slice(b"null");
        }
    }

    fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// A message type as a list of leaves.
pub trait Leaves {
    /// How many leaves the type has, present or not.
    const COUNT: usize;

    /// Appends one [`LeafSpec`] per leaf, in the order of their numbers. `prefix` is put before
    /// every key, with a dot, unless it is empty.
    fn describe(prefix: &str, out: &mut Vec<LeafSpec>);

    /// Calls `f` with number (`base` + offset) and value of every leaf that is present.
    fn visit<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F);
}

/// Joins a path and a key with a dot.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
