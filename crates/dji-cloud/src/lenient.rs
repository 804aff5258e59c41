//! The tolerant value layer: what a field accepts beyond its documented type.
//!
//! Devices send `"3"` for `3`, `1` for `true`, `5.0` for `5`. What means the same is taken and
//! noted, what does not is noted and left out; neither fails the message. It never guesses: text
//! that is no number stays no number, and no number ever becomes a word of a word enum.
//! No buffering through `serde_json::Value`. Next: [`crate::macros`].

use core::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, Serializer};

use crate::drift::{Drift, DriftItem, DriftSink, FieldFault, Found};
use crate::few::Few;
use crate::fields::{Elements, Fields, OfSerde};
use crate::leaf::{LeafKind, LeafRef, LeafSpec};
use crate::text::TextOf;

/// Whole number.
pub type Int = i64;
/// Finite number.
pub type Num = f64;

/// Elements kept of one array; more are skipped and noted.
pub const ELEMENTS_MAX: usize = 1024;

/// Yes or no, written `0` or `1` on the wire. (Plain `bool` is written `false` or `true`.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag(pub bool);

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(u8::from(self.0))
    }
}

impl From<bool> for Flag {
    fn from(value: bool) -> Self {
        Self(value)
    }
}

impl From<Flag> for bool {
    fn from(value: Flag) -> Self {
        value.0
    }
}

/// The outcome of offering a JSON value to a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take<T> {
    /// The documented type.
    Exact(T),
    /// Another type that means the same.
    Coerced(T),
    /// A type or value that means nothing here.
    Refused,
}

impl Take<()> {
    /// What was seen where an array came.
    #[inline]
    pub(crate) fn of_array(self) -> Seen {
        match self {
            Self::Exact(()) => Seen::Exact,
            Self::Coerced(()) => Seen::Coerced(Found::Elements),
            Self::Refused => Seen::Wrong(Found::Array),
        }
    }

    /// What was seen where an object came.
    #[inline]
    pub(crate) fn of_object(self) -> Seen {
        match self {
            Self::Exact(()) => Seen::Exact,
            Self::Coerced(()) => Seen::Coerced(Found::Object),
            Self::Refused => Seen::Wrong(Found::Object),
        }
    }
}

/// A type that can stand in a field of a wire struct.
///
/// Implemented by numbers, [`Flag`], `bool`, [`crate::text::Text`], vectors, and everything that the macros of
/// [`crate::macros`] define.
pub trait WireValue: Serialize + Sized {
    /// The documented JSON type, for messages to people.
    const EXPECTED: &'static str;
    /// How many leaves the type flattens into.
    const LEAVES: usize = 1;

    /// A whole number came.
    fn from_i64(_: i64) -> Take<Self> {
        Take::Refused
    }
    /// A number with fraction or exponent, or beyond `i64`, came.
    fn from_f64(_: f64) -> Take<Self> {
        Take::Refused
    }
    /// `true` or `false` came.
    fn from_bool(_: bool) -> Take<Self> {
        Take::Refused
    }
    /// A string came.
    fn from_text(_: &str) -> Take<Self> {
        Take::Refused
    }
    /// An array came; it must be read to its end, and what it means put into the slot, which stays
    /// as it is when the array is refused. In place, because large values are costly to move.
    ///
    /// # Errors
    /// Only what the reader reports: broken JSON.
    fn seq_into<'de, A: Elements<'de>>(
        _slot: &mut Option<Self>,
        mut seq: A,
    ) -> Result<Take<()>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Take::Refused)
    }
    /// An object came; as [`WireValue::seq_into`].
    ///
    /// # Errors
    /// Only what the reader reports: broken JSON.
    fn map_into<'de, A: Fields<'de>>(
        _slot: &mut Option<Self>,
        mut map: A,
    ) -> Result<Take<()>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Take::Refused)
    }

    /// Appends the leaf (or leaves) at `path`.
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>);
    /// Shows the leaf (or leaves) to `f`.
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F);

    /// Whether there is anything to report; cheap.
    fn has_drift(&self) -> bool {
        false
    }
    /// Reports unknown fields, wrong types and unknown codes with their paths.
    fn walk_drift(&self, _path: &mut String, _sink: &mut DriftSink<'_>) {}
}

/// A value of a field, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lenient<T> {
    /// The documented type.
    Exact(T),
    /// Another type that means the same.
    Coerced(T, Found),
    /// `null`: the device has nothing to say.
    Null,
    /// A type or value that means nothing here.
    Wrong(Found),
}

impl<T> Lenient<T> {
    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Exact(value) | Self::Coerced(value, _) => Some(value),
            Self::Null | Self::Wrong(_) => None,
        }
    }
}

impl<'de, T: WireValue> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut slot = None;
        let seen = Slot(&mut slot).deserialize(deserializer)?;
        Ok(match (slot, seen) {
            (Some(value), Seen::Coerced(found)) => Self::Coerced(value, found),
            (Some(value), Seen::Exact | Seen::Null | Seen::Wrong(_)) => Self::Exact(value),
            (None, Seen::Wrong(found) | Seen::Coerced(found)) => Self::Wrong(found),
            (None, Seen::Null | Seen::Exact) => Self::Null,
        })
    }
}

/// What came for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The documented type; the slot holds it.
    Exact,
    /// Another type that means the same; the slot holds what it means.
    Coerced(Found),
    /// `null`; the slot is as it was.
    Null,
    /// Something that means nothing here; the slot is as it was.
    Wrong(Found),
}

impl Seen {
    /// Notes what was odd under `key`.
    #[cold]
    pub(crate) fn note(self, key: &'static str, expected: &'static str, drift: &mut Drift) {
        match self {
            Self::Exact | Self::Null => {}
            Self::Coerced(found) => drift.fault(FieldFault { key, expected, found, kept: true }),
            Self::Wrong(found) => drift.fault(FieldFault { key, expected, found, kept: false }),
        }
    }
}

/// Reads a value into a slot, in place.
pub(crate) struct Slot<'s, T>(pub(crate) &'s mut Option<T>);

impl<T: WireValue> Slot<'_, T> {
    #[inline]
    pub(crate) fn put(self, take: Take<T>, found: Found) -> Seen {
        match take {
            Take::Exact(value) => {
                *self.0 = Some(value);
                Seen::Exact
            }
            Take::Coerced(value) => {
                *self.0 = Some(value);
                Seen::Coerced(found)
            }
            Take::Refused => Seen::Wrong(found),
        }
    }

    /// An unsigned number came.
    #[inline]
    #[allow(clippy::cast_precision_loss)] // beyond i64 nothing exact is meant any more
    pub(crate) fn put_unsigned(self, value: u64) -> Seen {
        let take = match i64::try_from(value) {
            Ok(value) => T::from_i64(value),
            Err(_) => T::from_f64(value as f64),
        };
        self.put(take, Found::Int)
    }
}

impl<'de, T: WireValue> DeserializeSeed<'de> for Slot<'_, T> {
    type Value = Seen;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: WireValue> Visitor<'de> for Slot<'_, T> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    #[inline]
    fn visit_bool<E>(self, value: bool) -> Result<Seen, E> {
        Ok(self.put(T::from_bool(value), Found::Bool))
    }

    #[inline]
    fn visit_i64<E>(self, value: i64) -> Result<Seen, E> {
        Ok(self.put(T::from_i64(value), Found::Int))
    }

    #[inline]
    fn visit_u64<E>(self, value: u64) -> Result<Seen, E> {
        Ok(self.put_unsigned(value))
    }

    #[inline]
    fn visit_f64<E>(self, value: f64) -> Result<Seen, E> {
        Ok(self.put(T::from_f64(value), Found::Float))
    }

    #[inline]
    fn visit_str<E>(self, value: &str) -> Result<Seen, E> {
        Ok(self.put(T::from_text(value), Found::Text))
    }

    #[inline]
    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Null)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Seen, A::Error> {
        Ok(T::seq_into(self.0, OfSerde(seq))?.of_array())
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Seen, A::Error> {
        Ok(T::map_into(self.0, OfSerde(map))?.of_object())
    }
}

/// A whole number out of a float, if it is one.
#[must_use]
#[allow(clippy::cast_possible_truncation)] // the range is checked
pub fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 9.0e15).then_some(value as i64)
}

/// A whole number out of text: decimal digits, or a float without a fraction.
#[must_use]
pub fn whole_text(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| number_text(text).and_then(whole))
}

/// A finite number out of text. Words like `inf` and `NaN` are none.
#[must_use]
pub fn number_text(text: &str) -> Option<f64> {
    let text = text.trim();
    let starts_well =
        text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let value: f64 = if starts_well { text.parse().ok()? } else { return None };
    value.is_finite().then_some(value)
}

fn coerced<T>(value: Option<T>) -> Take<T> {
    value.map_or(Take::Refused, Take::Coerced)
}

fn one_leaf(
    path: &str,
    unit: &'static str,
    kind: LeafKind,
    codes: &'static [(i64, &'static str)],
    out: &mut Vec<LeafSpec>,
) {
    out.push(LeafSpec { key: path.to_owned(), unit, codes, kind });
}

impl WireValue for i64 {
    const EXPECTED: &'static str = "int";

    fn from_i64(value: i64) -> Take<Self> {
        Take::Exact(value)
    }
    fn from_f64(value: f64) -> Take<Self> {
        // A fraction where whole numbers are documented is rounded, and noted.
        coerced(whole(value.round()))
    }
    fn from_text(text: &str) -> Take<Self> {
        coerced(whole_text(text).or_else(|| number_text(text).and_then(|n| whole(n.round()))))
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        one_leaf(path, unit, LeafKind::Int, &[], out);
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        f(base, LeafRef::Int(*self));
    }
}

impl WireValue for f64 {
    const EXPECTED: &'static str = "number";

    #[allow(clippy::cast_precision_loss)] // JSON numbers are doubles to most writers
    fn from_i64(value: i64) -> Take<Self> {
        Take::Exact(value as f64)
    }
    fn from_f64(value: f64) -> Take<Self> {
        if value.is_finite() { Take::Exact(value) } else { Take::Refused }
    }
    fn from_text(text: &str) -> Take<Self> {
        coerced(number_text(text))
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        one_leaf(path, unit, LeafKind::Num, &[], out);
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        f(base, LeafRef::Num(*self));
    }
}

fn flag_from_i64(value: i64) -> Option<bool> {
    match value {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn flag_from_text(text: &str) -> Option<bool> {
    match text.trim() {
        "true" => Some(true),
        "false" => Some(false),
        number => whole_text(number).and_then(flag_from_i64),
    }
}

impl WireValue for Flag {
    const EXPECTED: &'static str = "0 or 1";

    fn from_i64(value: i64) -> Take<Self> {
        flag_from_i64(value).map_or(Take::Refused, |value| Take::Exact(Self(value)))
    }
    fn from_f64(value: f64) -> Take<Self> {
        coerced(whole(value).and_then(flag_from_i64).map(Self))
    }
    fn from_bool(value: bool) -> Take<Self> {
        Take::Coerced(Self(value))
    }
    fn from_text(text: &str) -> Take<Self> {
        coerced(flag_from_text(text).map(Self))
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        one_leaf(path, unit, LeafKind::Bool, &[], out);
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        f(base, LeafRef::Bool(self.0));
    }
}

impl WireValue for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_i64(value: i64) -> Take<Self> {
        coerced(flag_from_i64(value))
    }
    fn from_f64(value: f64) -> Take<Self> {
        coerced(whole(value).and_then(flag_from_i64))
    }
    fn from_bool(value: bool) -> Take<Self> {
        Take::Exact(value)
    }
    fn from_text(text: &str) -> Take<Self> {
        coerced(flag_from_text(text))
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        one_leaf(path, unit, LeafKind::Bool, &[], out);
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        f(base, LeafRef::Bool(*self));
    }
}

impl<const INLINE: usize> WireValue for TextOf<INLINE> {
    const EXPECTED: &'static str = "string";

    fn from_i64(value: i64) -> Take<Self> {
        Take::Coerced(value.to_string().into())
    }
    fn from_f64(value: f64) -> Take<Self> {
        Take::Coerced(value.to_string().into())
    }
    fn from_bool(value: bool) -> Take<Self> {
        Take::Coerced(if value { "true" } else { "false" }.into())
    }
    fn from_text(text: &str) -> Take<Self> {
        Take::Exact(text.into())
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        one_leaf(path, unit, LeafKind::Text, &[], out);
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        f(base, LeafRef::Text(self));
    }
}

/// What all lists have in common.
macro_rules! list {
    () => {
        const EXPECTED: &'static str = "array";

        fn seq_into<'de, A: Elements<'de>>(
            slot: &mut Option<Self>,
            seq: A,
        ) -> Result<Take<()>, A::Error> {
            let items = slot.insert(Self::new());
            read_elements(seq, |item| items.push(item))
        }
        fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
            one_leaf(path, unit, LeafKind::Json, &[], out);
        }
        fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
            f(base, LeafRef::Json(self));
        }
        fn has_drift(&self) -> bool {
            self.iter().any(WireValue::has_drift)
        }
        fn walk_drift(&self, path: &mut String, sink: &mut DriftSink<'_>) {
            // Elements share one path: drift is counted by field, not by position.
            let len = path.len();
            path.push_str("[]");
            for item in self.iter().filter(|item| item.has_drift()) {
                item.walk_drift(path, sink);
            }
            path.truncate(len);
        }
    };
}

impl<T: WireValue> WireValue for Vec<T> {
    list!();
}

impl<T: WireValue + Default, const N: usize> WireValue for Few<T, N> {
    list!();
}

/// Reads an array element by element, [`ELEMENTS_MAX`] of them.
pub(crate) fn read_elements<'de, T: WireValue, A: Elements<'de>>(
    mut seq: A,
    mut push: impl FnMut(T),
) -> Result<Take<()>, A::Error> {
    let (mut kept, mut is_exact) = (0, true);
    while kept < ELEMENTS_MAX {
        let mut item = None;
        let Some(seen) = seq.element_into(&mut item)? else {
            return Ok(if is_exact { Take::Exact(()) } else { Take::Coerced(()) });
        };
        is_exact &= seen == Seen::Exact;
        if let Some(item) = item {
            push(item);
            kept += 1;
        }
    }
    while seq.next_element::<IgnoredAny>()?.is_some() {
        is_exact = false;
    }
    Ok(if is_exact { Take::Exact(()) } else { Take::Coerced(()) })
}

/// A message body may be boxed where it would make an enum large.
impl<T: WireValue> WireValue for Box<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const LEAVES: usize = T::LEAVES;

    fn map_into<'de, A: Fields<'de>>(
        slot: &mut Option<Self>,
        map: A,
    ) -> Result<Take<()>, A::Error> {
        let mut inner = None;
        let take = T::map_into(&mut inner, map)?;
        if let Some(inner) = inner {
            *slot = Some(Self::new(inner));
        }
        Ok(take)
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        T::describe_leaves(path, unit, out);
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        T::visit_leaves(self, base, f);
    }
    fn has_drift(&self) -> bool {
        T::has_drift(self)
    }
    fn walk_drift(&self, path: &mut String, sink: &mut DriftSink<'_>) {
        T::walk_drift(self, path, sink);
    }
}

/// Reads the value of a known key into its slot. `null` leaves the slot as it is.
#[inline]
pub(crate) fn read_slot<'de, T: WireValue, A: Fields<'de>>(
    map: &mut A,
    key: &'static str,
    slot: &mut Option<T>,
    drift: &mut Drift,
) -> Result<(), A::Error> {
    let seen = map.value_into(slot)?;
    if seen != Seen::Exact {
        seen.note(key, T::EXPECTED, drift);
    }
    Ok(())
}

/// Reports the drift of one object under `path`.
pub(crate) fn walk_own_drift(drift: &Drift, path: &mut String, sink: &mut DriftSink<'_>) {
    for (key, value) in drift.unknown() {
        with_key(path, key, |path| sink(path, DriftItem::UnknownField { value }));
    }
    for fault in drift.faults() {
        with_key(path, fault.key, |path| sink(path, DriftItem::WrongType(fault)));
    }
    if drift.dropped() > 0 {
        sink(path, DriftItem::Dropped(drift.dropped()));
    }
}

/// Runs `f` with `key` appended to the path.
pub(crate) fn with_key(path: &mut String, key: &str, f: impl FnOnce(&mut String)) {
    let len = path.len();
    if len > 0 && !key.is_empty() {
        path.push('.');
    }
    path.push_str(key);
    f(path);
    path.truncate(len);
}
