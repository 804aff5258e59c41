//! Every documented property lands in a typed slot and comes back equal.

use dji_cloud::device::{AircraftOsd, AircraftState, DockOsd, DockState};
use dji_cloud::lenient::WireValue;
use dji_cloud::{LeafSpec, Leaves};
use serde_json::{Map, Value, json};

use crate::examples::as_floats;
use crate::fact_file;

/// A plausible value for a field of the facts.
fn sample(field: &Value) -> Value {
    let first_code = field["constraint"]["enum"].as_object().and_then(|codes| codes.keys().next());
    match (field["type"].as_str().unwrap(), first_code) {
        ("enum_int" | "int", Some(code)) => {
            code.parse().map_or_else(|_| json!(code == "true"), |code: i64| json!(code))
        }
        // Codes 0 and 1 are listed for some; the examples write the word.
        ("bool", _) => json!(true),
        ("int" | "enum_int" | "date", None) => json!(7),
        ("float" | "double", _) => json!(1.5),
        ("text" | "string" | "enum_string", _) => json!("sample"),
        (other, _) => panic!("unknown type {other} of {}", field["path"]),
    }
}

/// Puts a value at a path such as `a.b[].c`.
fn put(target: &mut Value, path: &str, value: Value) {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    let (name, is_array) = key.strip_suffix("[]").map_or((key, false), |name| (name, true));
    let name = if name == "type_subtype_gimbalindex" { "81-0-0" } else { name };
    let fields = target.as_object_mut().unwrap();
    let empty = if is_array { json!([{}]) } else { json!({}) };
    match rest {
        None => {
            fields.insert(name.into(), if is_array { json!([value]) } else { value });
        }
        Some(rest) => {
            let slot = fields.entry(name).or_insert(empty);
            let slot = if is_array { &mut slot[0] } else { slot };
            put(slot, rest, value);
        }
    }
}

fn check<T>(facts: &Value, product: &str, kind: &str) -> usize
where
    T: WireValue + Leaves + serde::de::DeserializeOwned,
{
    let record = facts["methods"]
        .as_array()
        .unwrap()
        .iter()
        .find(|record| record["kind"] == kind && record["product"] == product)
        .unwrap();
    let mut payload = Value::Object(Map::new());
    let mut count = 0;
    for field in record["data"].as_array().unwrap() {
        let path = field["path"].as_str().unwrap();
        count += 1;
        match (field["type"].as_str().unwrap(), field["constraint"]["item_type"].as_str()) {
            ("struct", _) | ("array", Some("struct")) => {}
            ("array", Some("int")) => put(&mut payload, path, json!(7)),
            ("array", _) => put(&mut payload, path, json!("wide")),
            _ => put(&mut payload, path, sample(field)),
        }
    }
    let typed: T = serde_json::from_value(payload.clone()).unwrap();
    let mut drift = Vec::new();
    typed.walk_drift(&mut String::new(), &mut |path, item| drift.push(format!("{path}: {item:?}")));
    assert!(drift.is_empty(), "{product} {kind}: {drift:#?}");
    assert_eq!(
        as_floats(&serde_json::to_value(&typed).unwrap()),
        as_floats(&payload),
        "{product} {kind}"
    );
    leaves_are_dense(&typed);
    count
}

fn leaves_are_dense<T: Leaves>(value: &T) {
    let mut specs: Vec<LeafSpec> = Vec::new();
    T::describe("", &mut specs);
    assert_eq!(specs.len(), T::COUNT);
    let keys: std::collections::BTreeSet<_> = specs.iter().map(|spec| &spec.key).collect();
    assert_eq!(keys.len(), T::COUNT, "two leaves of one name");
    let mut last = None;
    value.visit(100, &mut |index, _| {
        assert!((100..100 + T::COUNT).contains(&index));
        assert!(last < Some(index), "out of order");
        last = Some(index);
    });
    assert!(last.is_some());
}

#[test]
fn every_documented_property_is_typed() {
    let Some(facts) = fact_file("methods.json") else { return };
    let facts: Value = serde_json::from_str(&facts).unwrap();
    let fields = check::<DockOsd>(&facts, "dock2", "osd")
        + check::<DockState>(&facts, "dock2", "state")
        + check::<AircraftOsd>(&facts, "m3d", "osd")
        + check::<AircraftState>(&facts, "m3d", "state");
    println!("{fields} property fields land in typed slots and come back equal");
    assert!(fields > 250, "{fields}");
}
