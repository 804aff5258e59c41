//! One property for every type: whatever stands in the fields of a documented message, it is read
//! without failing, and what was understood is stable when written and read again.

use dji_cloud::coverage::payload::{body, put};
use dji_cloud::coverage::{Form, Record, Side, read};
use proptest::prelude::*;
use serde_json::Value;

use crate::coverage::facts;
use crate::properties::any_json;

/// Reads a body, writes what was understood, reads that: nothing may change.
fn check_stable(record: &Record, side: Side, body: &Value) {
    let first = read(record, side, body)
        .unwrap_or_else(|error| panic!("{} {}: {error}: {body}", record.kind, record.method));
    let second = read(record, side, &first.value).unwrap();
    let (once, twice) = (to_15_digits(&first.value), to_15_digits(&second.value));
    assert_eq!(twice, once, "{} {} {body}", record.kind, record.method);
}

/// Fractions as far as a text of them is read exactly: `serde_json` may be off in the last bit
/// where a number needs all its 17 digits, which no device sends.
fn to_15_digits(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            Value::String(format!("{:.14e}", number.as_f64().unwrap_or_default()))
        }
        Value::Array(items) => items.iter().map(to_15_digits).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), to_15_digits(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Number(_) => value.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn every_type_takes_anything_and_keeps_what_it_understood(
        round in 0_usize..64,
        junk in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 0..4),
        whole in prop::option::weighted(0.1, any_json()),
    ) {
        for record in &facts().records {
            for side in [Side::Data, Side::Reply] {
                let fields = side.fields(record);
                if side == Side::Reply && fields.is_empty() {
                    continue;
                }
                let mut mutated = body(fields, record.is_array, round);
                for (at, value) in &junk {
                    if let Some(field) = (!fields.is_empty()).then(|| at.get(fields)) {
                        let target = if record.is_array { &mut mutated[0] } else { &mut mutated };
                        put(target, &field.0, value.clone());
                    }
                }
                check_stable(record, side, &mutated);
                // OSD and state without a body are no message to type.
                if let Some(whole) = whole.as_ref().filter(|whole| whole.is_object()) {
                    check_stable(record, side, whole);
                }
            }
        }
    }
}

#[test]
fn a_missing_field_leaves_all_others_as_they_are() {
    for record in &facts().records {
        for side in [Side::Data, Side::Reply] {
            let fields = side.fields(record);
            for index in 0..fields.len() {
                let is_part = matches!(fields[index].1, Form::Object | Form::List);
                if is_part {
                    continue;
                }
                let mut rest = fields.to_vec();
                rest.remove(index);
                let sent = body(&rest, record.is_array, 0);
                let found = read(record, side, &sent).unwrap();
                assert_eq!(
                    crate::examples::as_floats(&found.value),
                    crate::examples::as_floats(&sent),
                    "{} {} without {}",
                    record.kind,
                    record.method,
                    fields[index].0
                );
            }
        }
    }
}
