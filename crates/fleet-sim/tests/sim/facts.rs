//! The documented facts, as a digest in `tests/data`, and the check of messages against them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Fact {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "enum")]
    choices: Option<Vec<String>>,
    min: Option<f64>,
    max: Option<f64>,
    item: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Facts {
    pub(crate) codes: Vec<i64>,
    pub(crate) records: BTreeMap<String, BTreeMap<String, Fact>>,
}

impl Facts {
    pub(crate) fn load() -> Self {
        serde_json::from_str(include_str!("../data/facts.json")).unwrap()
    }

    /// Paths seen in `data`; panics on anything the record does not document.
    pub(crate) fn check(&self, record: &str, data: &Value) -> BTreeSet<String> {
        let fields = self.records.get(record).unwrap_or_else(|| panic!("no record {record:?}"));
        let mut seen = BTreeSet::new();
        if !data.is_null() {
            walk(record, fields, "", data, &mut seen);
        }
        seen
    }
}

fn walk(
    record: &str,
    fields: &BTreeMap<String, Fact>,
    prefix: &str,
    value: &Value,
    seen: &mut BTreeSet<String>,
) {
    let object = value.as_object().unwrap_or_else(|| panic!("{record} {prefix}: {value}"));
    for (key, value) in object {
        // The documentation's name for the payload's own key.
        let key = if key == "81-0-0" { "type_subtype_gimbalindex" } else { key };
        let plain = format!("{prefix}{key}");
        let path = if value.is_array() { format!("{plain}[]") } else { plain };
        let fact = fields.get(&path).unwrap_or_else(|| panic!("{record}: {path} is undocumented"));
        seen.insert(path.clone());
        match value {
            Value::Object(_) => {
                assert_eq!(fact.kind, "struct", "{record} {path}");
                walk(record, fields, &format!("{path}."), value, seen);
            }
            Value::Array(items) => {
                assert_eq!(fact.kind, "array", "{record} {path}");
                for item in items {
                    if item.is_object() {
                        walk(record, fields, &format!("{path}."), item, seen);
                    } else {
                        let kind = fact.item.as_deref().unwrap_or("?");
                        scalar(record, &path, kind, fact, item);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                scalar(record, &path, &fact.kind, fact, value);
            }
        }
    }
}

fn scalar(record: &str, path: &str, kind: &str, fact: &Fact, value: &Value) {
    let typed = match kind {
        "int" | "enum_int" | "date" => value.is_i64(),
        "float" | "double" => value.is_number(),
        "text" | "string" | "enum_string" => value.is_string(),
        "bool" => value.is_boolean(),
        other => panic!("{record} {path}: unknown type {other}"),
    };
    assert!(typed, "{record} {path}: {value} is no {kind}");
    if let Some(choices) = fact.choices.as_ref().filter(|_| kind.starts_with("enum")) {
        let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert!(choices.contains(&word), "{record} {path}: {word} is not in {choices:?}");
    }
    if let Some(number) = value.as_f64() {
        assert!(fact.min.is_none_or(|min| number >= min), "{record} {path}: {number} too small");
        assert!(fact.max.is_none_or(|max| number <= max), "{record} {path}: {number} too big");
    }
}

/// The record a message belongs to.
pub(crate) fn record_of(topic: &str, dock_sn: &str, message: &Value) -> String {
    let method = message.get("method").and_then(Value::as_str).unwrap_or("");
    let parts: Vec<&str> = topic.split('/').collect();
    let model = if parts[2] == dock_sn { "dock2" } else { "m3d" };
    match parts[3..] {
        ["osd"] => format!("{model} osd"),
        ["state"] => format!("{model} state"),
        ["events"] => format!("event {method}"),
        ["requests"] => format!("request {method}"),
        ["status"] => format!("status {method}"),
        ["services_reply"] => format!("reply {method}"),
        _ => panic!("no device publishes on {topic}"),
    }
}

#[test]
fn the_digest_agrees_with_the_inventory() {
    // The inventory is not part of the repository; where it is at hand, the digest must match it.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/dji/methods.json");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let inventory: Value = serde_json::from_str(&text).unwrap();
    let facts = Facts::load();
    let mut compared = 0;
    for record in inventory["methods"].as_array().unwrap() {
        let text = |key: &str| record[key].as_str().unwrap_or("").to_owned();
        let (name, side) = match text("kind").as_str() {
            "osd" | "state" => (format!("{} {}", text("product"), text("kind")), "data"),
            "service" => (format!("reply {}", text("method")), "reply"),
            kind => (format!("{kind} {}", text("method")), "data"),
        };
        let Some(known) = facts.records.get(&name) else { continue };
        compared += 1;
        let fields = record[side].as_array().unwrap();
        assert_eq!(known.len(), fields.len(), "{name}");
        for field in fields {
            let fact = &known[field["path"].as_str().unwrap()];
            let constraint = &field["constraint"];
            assert_eq!(fact.kind, field["type"].as_str().unwrap(), "{name} {field}");
            assert_eq!(fact.min, constraint["min"].as_f64(), "{name} {field}");
            assert_eq!(fact.max, constraint["max"].as_f64(), "{name} {field}");
            if let (Some(choices), Some(listed)) = (&fact.choices, constraint["enum"].as_object()) {
                let listed: BTreeSet<_> = listed.keys().collect();
                assert_eq!(choices.iter().collect::<BTreeSet<_>>(), listed, "{name} {field}");
            }
        }
    }
    // offline_map_get is documented only in the FAQ.
    assert_eq!(compared, facts.records.len() - 1);
}

#[test]
fn every_code_is_documented() {
    let facts = Facts::load();
    for code in fleet_sim::model::codes::ALL {
        assert!(facts.codes.contains(&code), "{code}");
    }
}
