//! Where some keys are in the tables of telemetry: asked of every report, looked up once.

use std::sync::Arc;

use fleet_types::{Telemetry, telemetry::Schema};

/// The places of `N` keys, by table.
pub(super) struct Places<const N: usize> {
    keys: [&'static str; N],
    known: Vec<(Arc<Schema>, [Option<usize>; N])>,
}

impl<const N: usize> Places<N> {
    pub(super) fn new(keys: [&'static str; N]) -> Self {
        Self { keys, known: Vec::new() }
    }

    /// The whole numbers at the keys, of those that are known and are numbers.
    pub(super) fn codes(&mut self, values: &Telemetry) -> [Option<i64>; N] {
        let places = self.places(&values.schema);
        places.map(|place| values.value(place?)?.as_i64())
    }

    fn places(&mut self, schema: &Arc<Schema>) -> [Option<usize>; N] {
        if let Some((_, places)) = self.known.iter().find(|(of, _)| Arc::ptr_eq(of, schema)) {
            return *places;
        }
        let place = |key: &str| schema.fields.iter().position(|field| field.key == key);
        let places = self.keys.map(place);
        self.known.push((Arc::clone(schema), places));
        places
    }
}
