//! The twin of one device: partial reports merged leaf by leaf, each leaf with its own times.
//!
//! A report changes what it names and nothing else: a field that is absent keeps its value and its
//! age. Two ages are kept: wall time for people, monotonic time for interlocks, because a clock
//! that jumps must not make an old position look new.

use std::sync::Arc;

use dji_cloud::leaf::{LeafRef, LeafSpec, Leaves};
use fleet_types::{
    MonoMs, Now, Reading, Scalar, Telemetry, WallMs,
    telemetry::{FieldSpec, JsonText, Schema, StampId},
};

use crate::interlock::Fact;
use crate::mutant::{self, Mutant};

/// How old a value may be for an interlock to rely on it.
pub const FRESH_MS: u64 = 10_000;

/// Merged telemetry of one device whose reports come as `Osd` and `State`.
#[derive(Clone, Debug)]
pub struct Twin<Osd, State> {
    telemetry: Telemetry,
    /// When each stamp of the telemetry was made, by the clock that interlocks go by.
    heard: Vec<MonoMs>,
    /// Where each leaf of a state report goes: what an OSD report carries too has one place.
    state_slots: Arc<[usize]>,
    report_count: u64,
    marker: std::marker::PhantomData<fn() -> (Osd, State)>,
}

impl<Osd: Leaves, State: Leaves> Twin<Osd, State> {
    /// The fields of both kinds of report, OSD first. A field that both carry is there once.
    #[must_use]
    pub fn schema() -> Schema {
        let field = |LeafSpec { key, unit, .. }| FieldSpec { key, unit };
        let mut leaves = Vec::with_capacity(Osd::COUNT + State::COUNT);
        Osd::describe("", &mut leaves);
        let mut fields: Vec<_> = leaves.drain(..).map(field).collect();
        State::describe("", &mut leaves);
        for leaf in leaves {
            if fields.iter().all(|field| field.key != leaf.key) {
                fields.push(field(leaf));
            }
        }
        Schema { fields }
    }

    /// A twin of which nothing is known, over a schema made by [`Self::schema`].
    #[must_use]
    pub fn new(schema: Arc<Schema>) -> Self {
        let mut leaves = Vec::with_capacity(State::COUNT);
        State::describe("", &mut leaves);
        let state_slots = leaves.iter().map(|leaf| index_of(&schema, &leaf.key)).collect();
        let telemetry = Telemetry::empty(schema);
        let marker = std::marker::PhantomData;
        Self { telemetry, heard: Vec::new(), state_slots, report_count: 0, marker }
    }

    /// Merges an OSD report.
    pub fn merge_osd(&mut self, now: Now, source_ms: Option<WallMs>, osd: &Osd) {
        if mutant::is(Mutant::PartialClears) {
            self.telemetry.clear();
        }
        let (stamp, mut text) = (self.stamp(now, source_ms), Vec::new());
        osd.visit(0, &mut |index, value| self.put(stamp, index, value, &mut text));
        self.report_count += 1;
    }

    /// Merges a state report.
    pub fn merge_state(&mut self, now: Now, source_ms: Option<WallMs>, state: &State) {
        let slots = Arc::clone(&self.state_slots);
        let (stamp, mut text) = (self.stamp(now, source_ms), Vec::new());
        state.visit(0, &mut |index, value| {
            if let Some(slot) = slots.get(index) {
                self.put(stamp, *slot, value, &mut text);
            }
        });
        self.report_count += 1;
    }

    /// All readings.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Reports merged so far.
    #[must_use]
    pub fn report_count(&self) -> u64 {
        self.report_count
    }

    /// The reading at `index`, however old.
    #[must_use]
    pub fn reading(&self, index: usize) -> Option<Reading<'_>> {
        self.telemetry.reading(index)
    }

    /// The value at `index`, however old.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<&Scalar> {
        self.telemetry.value(index)
    }

    /// The whole number at `index`, however old.
    #[must_use]
    pub fn code(&self, index: usize) -> Option<i64> {
        self.telemetry.value(index)?.as_i64()
    }

    /// The whole number at `index` if it was heard within [`FRESH_MS`].
    #[must_use]
    pub fn fresh_code(&self, now: MonoMs, index: usize) -> Option<i64> {
        let heard = self.heard(index)?;
        (now.since_ms(heard) <= FRESH_MS).then(|| self.code(index))?
    }

    /// The number at `index` in whole tenths, if it was heard within [`FRESH_MS`].
    #[must_use]
    pub fn fresh_tenths(&self, now: MonoMs, index: usize) -> Fact {
        let number = self.telemetry.value(index).and_then(Scalar::as_f64);
        let Some(number) = number.filter(|number| number.abs() < 1e12) else {
            return Fact::Unknown;
        };
        let heard = self.heard(index);
        if heard.is_none_or(|heard| now.since_ms(heard) > FRESH_MS) {
            return Fact::Stale;
        }
        // In range by the check above.
        #[expect(clippy::cast_possible_truncation)]
        Fact::Fresh((number * 10.0).round() as i64)
    }

    /// The whole number at `index` if it was heard after `moment`.
    #[must_use]
    pub fn code_after(&self, moment: MonoMs, index: usize) -> Option<i64> {
        let heard = self.heard(index)?;
        (heard > moment).then(|| self.code(index))?
    }

    /// As [`Self::code_after`], of what was heard no later than `until`.
    #[must_use]
    pub fn code_between(&self, moment: MonoMs, until: Option<MonoMs>, index: usize) -> Option<i64> {
        let heard = self.heard(index)?;
        let is_early = until.is_none_or(|until| heard <= until);
        (is_early && heard > moment).then(|| self.code(index))?
    }

    fn heard(&self, index: usize) -> Option<MonoMs> {
        self.heard.get(self.telemetry.stamp_at(index)?.index()).copied()
    }

    /// The times of a report that is being merged.
    fn stamp(&mut self, now: Now, source_ms: Option<WallMs>) -> StampId {
        let stamp = self.telemetry.stamp(source_ms, now.wall);
        if self.heard.len() <= stamp.index() {
            self.heard.resize(stamp.index() + 1, now.mono);
        }
        self.heard[stamp.index()] = now.mono;
        stamp
    }

    /// Merges a leaf. A value that is as it was stays the same one: who compares or keeps the values
    /// sees so at once, and nothing is made for it.
    fn put(&mut self, stamp: StampId, index: usize, value: LeafRef<'_>, text: &mut Vec<u8>) {
        let old = self.telemetry.value(index);
        let new = match (value, old) {
            (LeafRef::Int(value), Some(Scalar::Int(old))) if *old == value => None,
            (LeafRef::Int(value), _) => Some(Scalar::Int(value)),
            (LeafRef::Num(value), Some(Scalar::Num(old))) if old.to_bits() == value.to_bits() => {
                None
            }
            (LeafRef::Num(value), _) => Some(Scalar::Num(value)),
            (LeafRef::Bool(value), Some(Scalar::Bool(old))) if *old == value => None,
            (LeafRef::Bool(value), _) => Some(Scalar::Bool(value)),
            (LeafRef::Text(value), Some(Scalar::Text(old))) if **old == *value => None,
            (LeafRef::Text(value), _) => Some(Scalar::Text(value.into())),
            (LeafRef::Json(value), old) => {
                text.clear();
                value.write_json(text);
                match old {
                    Some(Scalar::Json(old)) if old.as_str().as_bytes() == &text[..] => None,
                    Some(_) | None => Some(Scalar::Json(list(text))),
                }
            }
        };
        match new {
            Some(new) => self.telemetry.put(index, stamp, new),
            None => self.telemetry.touch(index, stamp),
        }
    }
}

/// A list as the wire types write it: JSON, but for a defect of theirs.
fn list(text: &[u8]) -> JsonText {
    let text = std::str::from_utf8(text).ok().and_then(JsonText::new);
    text.unwrap_or_else(|| JsonText::of(&serde_json::Value::Null))
}

/// Index of `key` in a schema; a key that is not in it is a defect found by the unit tests.
#[must_use]
pub fn index_of(schema: &Schema, key: &str) -> usize {
    schema.fields.iter().position(|field| field.key == key).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
