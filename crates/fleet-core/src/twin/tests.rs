//! The twin against a plain one: for each field the last value it was said to have, as a tree, and
//! when.

use std::collections::BTreeMap;

use dji_cloud::{
    decode_osd_dock,
    device::{DockOsd, DockState},
};
use proptest::prelude::*;
use serde_json::{Value, json, value::to_raw_value};

use super::*;

const REPORT: &str = include_str!("../../../dji-cloud/tests/data/dock-osd.json");

type DockTwin = Twin<DockOsd, DockState>;

/// A part of a real report, some of its numbers moved.
fn part(keep: &[bool], by: &[i64]) -> Value {
    let whole: Value = serde_json::from_str(REPORT).unwrap();
    let fields = whole["data"].as_object().unwrap().iter();
    let mut by = by.iter().cycle();
    let fields = fields.zip(keep.iter().cycle()).filter(|(_, keep)| **keep);
    let moved = fields.map(|((key, value), _)| (key.clone(), moved(value, &mut by)));
    Value::Object(moved.collect())
}

fn moved<'a>(value: &Value, by: &mut impl Iterator<Item = &'a i64>) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| moved(item, by)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), moved(value, by))).collect()
        }
        Value::Number(number) => match number.as_i64() {
            Some(number) => json!(number + by.next().unwrap()),
            None => value.clone(),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

proptest! {
    #[test]
    fn each_field_has_what_was_said_last_and_its_own_times(
        reports in prop::collection::vec(
            (
                prop::collection::vec(any::<bool>(), 7),
                prop::collection::vec(prop_oneof![3 => Just(0_i64), 1 => -3_i64..3], 5),
                0_u64..15_000,
            ),
            1..12,
        ),
    ) {
        let mut twin = DockTwin::new(Arc::new(DockTwin::schema()));
        let mut plain: BTreeMap<usize, (Value, Option<WallMs>, Now)> = BTreeMap::new();
        let mut mono = 0;
        let mut before = twin.telemetry().clone();
        for (number, (keep, by, pause)) in (0..).zip(&reports) {
            mono += pause;
            // The wall clock goes its own way.
            let now = Now { mono: MonoMs(mono), wall: WallMs(number * 7_000) };
            let source = (number % 2 == 0).then_some(WallMs(number));
            let body = to_raw_value(&part(keep, by)).unwrap();
            let osd = decode_osd_dock(&body).unwrap();
            twin.merge_osd(now, source, &osd);
            osd.visit(0, &mut |index, leaf| {
                plain.insert(index, (leaf.to_value(), source, now));
            });
            for index in 0..twin.telemetry().schema.fields.len() {
                let told = plain.get(&index);
                let reading = twin.reading(index).map(|reading| {
                    let value = serde_json::to_value(reading.value).unwrap();
                    (value, reading.source_ms, reading.received_ms)
                });
                let expect = told.map(|(value, source, now)| (value.clone(), *source, now.wall));
                prop_assert_eq!(reading, expect);
                let age_ms = told.map(|(.., heard)| now.mono.since_ms(heard.mono));
                let code = twin.code(index);
                let fresh = code.filter(|_| age_ms.is_some_and(|age| age <= FRESH_MS));
                prop_assert_eq!(twin.fresh_code(now.mono, index), fresh);
                let since = told.is_some_and(|(.., heard)| heard.mono > MonoMs(mono / 2));
                prop_assert_eq!(twin.code_after(MonoMs(mono / 2), index), code.filter(|_| since));
            }
            // What was not changed is shared with what was told before.
            for (index, was, is) in before.values().unshared(twin.telemetry().values()) {
                prop_assert_eq!(was, before.value(index));
                prop_assert_eq!(is, twin.value(index));
            }
            before = twin.telemetry().clone();
        }
    }
}
