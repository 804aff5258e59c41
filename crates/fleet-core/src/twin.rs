//! The twin of one device: partial reports merged leaf by leaf, each leaf with its own times.
//!
//! A report changes what it names and nothing else: a field that is absent keeps its value and its
//! age. Two ages are kept: wall time for people, monotonic time for interlocks, because a clock
//! that jumps must not make an old position look new.

use std::sync::Arc;

use dji_cloud::leaf::{LeafRef, LeafSpec, Leaves};
use fleet_types::{
    MonoMs, Now, Reading, Scalar, Telemetry, WallMs,
    telemetry::{FieldSpec, Schema},
};

use crate::interlock::Fact;
use crate::mutant::{self, Mutant};

/// How old a value may be for an interlock to rely on it.
pub const FRESH_MS: u64 = 10_000;

/// Merged telemetry of one device whose reports come as `Osd` and `State`.
#[derive(Clone, Debug)]
pub struct Twin<Osd, State> {
    telemetry: Telemetry,
    heard: Vec<Option<MonoMs>>,
    /// Where each leaf of a state report goes: what an OSD report carries too has one place.
    state_slots: Vec<usize>,
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
        let heard = vec![None; schema.fields.len()];
        let mut leaves = Vec::with_capacity(State::COUNT);
        State::describe("", &mut leaves);
        let state_slots = leaves.iter().map(|leaf| index_of(&schema, &leaf.key)).collect();
        let telemetry = Telemetry::empty(schema);
        let marker = std::marker::PhantomData;
        Self { telemetry, heard, state_slots, report_count: 0, marker }
    }

    /// Merges an OSD report.
    pub fn merge_osd(&mut self, now: Now, source_ms: Option<WallMs>, osd: &Osd) {
        if mutant::is(Mutant::PartialClears) {
            self.telemetry.readings.fill(None);
        }
        osd.visit(0, &mut |index, value| self.put(now, source_ms, index, value));
        self.report_count += 1;
    }

    /// Merges a state report.
    pub fn merge_state(&mut self, now: Now, source_ms: Option<WallMs>, state: &State) {
        let slots = std::mem::take(&mut self.state_slots);
        state.visit(0, &mut |index, value| {
            if let Some(slot) = slots.get(index) {
                self.put(now, source_ms, *slot, value);
            }
        });
        self.state_slots = slots;
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
    pub fn reading(&self, index: usize) -> Option<&Reading> {
        self.telemetry.readings.get(index)?.as_ref()
    }

    /// The whole number at `index`, however old.
    #[must_use]
    pub fn code(&self, index: usize) -> Option<i64> {
        self.reading(index)?.value.as_i64()
    }

    /// The whole number at `index` if it was heard within [`FRESH_MS`].
    #[must_use]
    pub fn fresh_code(&self, now: MonoMs, index: usize) -> Option<i64> {
        let heard = (*self.heard.get(index)?)?;
        (now.since_ms(heard) <= FRESH_MS).then(|| self.code(index))?
    }

    /// The number at `index` in whole tenths, if it was heard within [`FRESH_MS`].
    #[must_use]
    pub fn fresh_tenths(&self, now: MonoMs, index: usize) -> Fact {
        let number = self.reading(index).and_then(|reading| reading.value.as_f64());
        let Some(number) = number.filter(|number| number.abs() < 1e12) else {
            return Fact::Unknown;
        };
        let heard = self.heard.get(index).copied().flatten();
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
        let heard = (*self.heard.get(index)?)?;
        (heard > moment).then(|| self.code(index))?
    }

    fn put(&mut self, now: Now, source_ms: Option<WallMs>, index: usize, value: LeafRef<'_>) {
        let (Some(slot), Some(heard)) =
            (self.telemetry.readings.get_mut(index), self.heard.get_mut(index))
        else {
            return;
        };
        let value = match (value, slot.take().map(|reading| reading.value)) {
            (LeafRef::Int(value), _) => Scalar::Int(value),
            (LeafRef::Num(value), _) => Scalar::Num(value),
            (LeafRef::Bool(value), _) => Scalar::Bool(value),
            // Texts rarely change: share the old one instead of allocating at every report.
            (LeafRef::Text(value), Some(Scalar::Text(old))) if *old == *value => Scalar::Text(old),
            (LeafRef::Text(value), _) => Scalar::Text(value.into()),
            // A list that is as it was stays the same one: who compares or keeps it sees so at once.
            (LeafRef::Json(value), old) => match (value.to_value(), old) {
                (value, Some(Scalar::Json(old))) if *old == value => Scalar::Json(old),
                (value, _) => Scalar::Json(Arc::new(value)),
            },
        };
        *slot = Some(Reading { value, source_ms, received_ms: now.wall });
        *heard = Some(now.mono);
    }
}

/// Index of `key` in a schema; a key that is not in it is a defect found by the unit tests.
#[must_use]
pub fn index_of(schema: &Schema, key: &str) -> usize {
    schema.fields.iter().position(|field| field.key == key).unwrap_or(usize::MAX)
}
