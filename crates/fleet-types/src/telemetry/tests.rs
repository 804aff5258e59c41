//! The shared form against a plain one: a list of values, each with its times.

use serde_json::json;

use super::*;

const FIELDS: usize = 37;

fn schema() -> Arc<Schema> {
    let field = |n| FieldSpec { key: format!("f{n}"), unit: "m" };
    Arc::new(Schema { fields: (0..FIELDS).map(field).collect() })
}

/// What each field was last said to be, written out.
type Plain = Vec<Option<(Scalar, Option<WallMs>, WallMs)>>;

#[track_caller]
fn check(telemetry: &Telemetry, plain: &Plain) {
    for (index, told) in plain.iter().enumerate() {
        let reading =
            telemetry.reading(index).map(|it| (it.value.clone(), it.source_ms, it.received_ms));
        assert_eq!(&reading, told, "field {index}");
    }
    let differ = |(index, one, two): (usize, Option<&Scalar>, Option<&Scalar>)| {
        (one != two).then_some(index)
    };
    let none = Values::new(FIELDS);
    let heard: Vec<_> = telemetry.values().unshared(&none).filter_map(differ).collect();
    let all: Vec<_> = (0..FIELDS).filter(|index| plain[*index].is_some()).collect();
    assert_eq!(heard, all);
}

/// A generator of its own: this crate has no dependency for it.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % bound
    }

    fn scalar(&mut self) -> Scalar {
        match self.below(5) {
            0 => Scalar::Int(self.below(3).try_into().unwrap()),
            1 => Scalar::Num(0.5),
            2 => Scalar::Bool(self.below(2) == 0),
            3 => Scalar::Text(["a", "b"][usize::from(self.below(2) == 0)].into()),
            _ => Scalar::Json(JsonText::of(&json!([self.below(3)]))),
        }
    }
}

#[test]
fn what_was_put_in_is_there_with_its_times_and_copies_keep_what_they_had() {
    for seed in 0..40 {
        let mut chance = Chance(seed);
        let mut telemetry = Telemetry::empty(schema());
        let mut plain: Plain = vec![None; FIELDS];
        let mut kept: Vec<(Telemetry, Plain)> = Vec::new();
        for report in 0..200 {
            let source = (chance.below(2) == 0).then_some(WallMs(report));
            let received = WallMs(1_000 + report);
            let stamp = telemetry.stamp(source, received);
            for (index, told) in plain.iter_mut().enumerate() {
                match chance.below(6) {
                    0 => {
                        let value = chance.scalar();
                        telemetry.put(index, stamp, value.clone());
                        *told = Some((value, source, received));
                    }
                    1 => {
                        telemetry.touch(index, stamp);
                        if let Some(told) = told {
                            (told.1, told.2) = (source, received);
                        }
                    }
                    _ => {}
                }
            }
            telemetry.put(FIELDS, stamp, Scalar::Int(1));
            check(&telemetry, &plain);
            if chance.below(20) == 0 {
                kept.push((telemetry.clone(), plain.clone()));
            }
        }
        kept.iter().for_each(|(telemetry, plain)| check(telemetry, plain));
        assert!(telemetry.stamps.len() <= FIELDS + 1, "{} stamps", telemetry.stamps.len());
        telemetry.clear();
        check(&telemetry, &vec![None; FIELDS]);
    }
}

#[test]
fn copies_share_what_neither_changed() {
    let mut one = Telemetry::empty(schema());
    for index in 0..FIELDS {
        one.set(index, Scalar::Int(7), None, WallMs(1));
    }
    let mut two = one.clone();
    assert_eq!(one.values().unshared(two.values()).count(), 0);
    let stamp = two.stamp(None, WallMs(2));
    two.touch(3, stamp);
    assert_eq!(one.values().unshared(two.values()).count(), 0, "only its time is another");
    two.put(20, stamp, Scalar::Int(8));
    let apart: Vec<_> = one.values().unshared(two.values()).map(|(index, ..)| index).collect();
    assert_eq!(apart, (16..32).collect::<Vec<_>>());
    assert_ne!(one, two);
}

#[test]
fn it_is_told_by_key_with_unit_and_times() {
    let mut telemetry = Telemetry::empty(schema());
    telemetry.set(1, Scalar::Num(1.5), Some(WallMs(3)), WallMs(4));
    telemetry.set(2, Scalar::Json(JsonText::new(r#"[{"b":1,"a":2}]"#).unwrap()), None, WallMs(5));
    let told = serde_json::to_string(&telemetry).unwrap();
    let expect = r#"{"f1":{"unit":"m","value":1.5,"source_ms":3,"received_ms":4},"f2":{"unit":"m","value":[{"b":1,"a":2}],"source_ms":null,"received_ms":5}}"#;
    assert_eq!(told, expect);
    let as_value: Value = serde_json::from_str(expect).unwrap();
    assert_eq!(serde_json::to_value(&telemetry).unwrap(), as_value);
    assert!(JsonText::new("[1,").is_none());
    let list = telemetry.get("f2").map(|reading| reading.value.clone());
    let Some(Scalar::Json(list)) = list else { panic!("{list:?}") };
    assert_eq!(list.value(), json!([{"a": 2, "b": 1}]));
    assert_eq!(JsonText::of(&list.value()).value(), list.value());
}
