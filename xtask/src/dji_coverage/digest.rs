//! From the inventory of DJI's documentation to our digest of it.
//!
//! The digest keeps what a check needs: paths, forms, and values that must come back unchanged.
//! Where a table and its own example disagree about a type, the example is followed, as devices do
//! (`example_conflicts` of the inventory); [`WIRE_TYPES`] names what the inventory does not.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use dji_cloud::coverage::{Facts, Field, Form, Record, payload::GIMBAL_KEY};
use serde_json::{Value, json};

/// Type on the wire where table and example disagree and the inventory does not say so, or says it
/// of one record only: record, path, type.
const WIRE_TYPES: &[(&str, &str, &str)] = &[
    // The page's example and the web console send true and false.
    ("camera_frame_zoom", "locked", "bool"),
    // Modules are strings: NOTES trap 5.
    ("fileupload_list", "module_list[]", "module"),
    ("fileupload_update", "module_list[]", "module"),
    ("fileupload_start", "params.files[].module", "module"),
    ("fileupload_list", "files[].module", "module"),
    ("fileupload_progress", "output.ext.files[].module", "module"),
    // The same field's example in `takeoff_to_point` shows a number.
    ("flighttask_prepare", "flight_safety_advance_check", "flag"),
    // A number in the table, text in the example: both are read, a number is written.
    ("device_exit_homing_notify", "reason", "enum_int"),
    // "ISO 8601" by the table, free text by the example.
    ("file_upload_callback", "file.metadata.create_time", "text"),
    // A fraction of a second only on the Matrice 30's page.
    ("", "total_flight_time", "int"),
    // The Matrice 30's list; other cameras have more.
    ("", "type_subtype_gimbalindex.thermal_current_palette_style", "open number"),
    // An empty word, A, B, or a browser's UUID.
    ("", "drone_authority_info.control_source", "open"),
    ("", "drone_authority_info.payloads[].control_source", "open"),
];

/// Reads `methods.json` and, where it is there, `delta-1.16.json` beside it.
pub(super) fn from_inventory(path: &Path) -> Result<Facts> {
    let inventory = read(path)?;
    let mut records = Vec::new();
    for (section, set) in [
        ("methods", "dock2"),
        ("dock1_only_methods", "dock1"),
        ("rc_pro_only_methods", "rc_pro"),
        ("dock1_m30_properties", "dock1_m30"),
        ("undocumented", "undocumented"),
    ] {
        for item in list(&inventory[section]) {
            records.push(record(item, set));
        }
    }
    let newer = path.with_file_name("delta-1.16.json");
    if newer.is_file() {
        for item in list(&read(&newer)?["new_methods"]) {
            records.push(newer_record(item));
        }
    }
    let source = format!("DJI {}", text(&inventory["meta"]["doc_version"]));
    Ok(Facts { source, records })
}

fn read(path: &Path) -> Result<Value> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is no JSON", path.display()))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn record(item: &Value, set: &str) -> Record {
    let conflicts: Vec<String> = list(&item["example_conflicts"]).iter().map(text).collect();
    let method = item["method"].as_str().or_else(|| item["property"].as_str()).unwrap_or_default();
    let fields = |side: &str| fields(method, list(&item[side]), &conflicts);
    Record {
        set: set.to_owned(),
        domain: item["domain"].as_str().unwrap_or(set).to_owned(),
        kind: text(&item["kind"]),
        method: method.to_owned(),
        product: item["product"].as_str().unwrap_or("dock2").to_owned(),
        is_array: item["data_shape"] == "array",
        data: fields("data"),
        reply: fields("reply"),
    }
}

fn newer_record(item: &Value) -> Record {
    let kind = match item["topic_kind"].as_str() {
        Some("services") => "service",
        Some("events") => "event",
        other => other.unwrap_or_default(),
    };
    let method = text(&item["method"]);
    let flat = |side: &str| {
        let items: Vec<Value> = list(&item[side]).iter().map(with_constraint).collect();
        fields(&method, &items, &[])
    };
    Record {
        set: "newer".to_owned(),
        domain: "newer".to_owned(),
        kind: kind.to_owned(),
        product: "dock3".to_owned(),
        is_array: false,
        data: flat("fields"),
        reply: flat("reply_fields"),
        method,
    }
}

/// The newer inventory puts bounds beside the type instead of under `constraint`.
fn with_constraint(field: &Value) -> Value {
    let kind = match (field["path"].as_str(), field["type"].as_str()) {
        (Some(path), Some("struct")) if path.ends_with("[]") => "array",
        (_, Some("int")) if field["enum"].is_object() => "enum_int",
        (_, Some("string")) if field["enum"].is_object() => "enum_string",
        (_, kind) => kind.unwrap_or_default(),
    };
    let item_type = field["type"].clone();
    json!({ "path": field["path"], "type": kind, "constraint": {
        "enum": field["enum"], "min": field["min"], "max": field["max"], "item_type": item_type } })
}

fn fields(method: &str, items: &[Value], conflicts: &[String]) -> Vec<Field> {
    let paths: Vec<String> = items
        .iter()
        .map(|item| text(&item["path"]).replace("{type-subtype-gimbalindex}", GIMBAL_KEY))
        .collect();
    let one = |item: &Value| {
        let path = text(&item["path"]).replace("{type-subtype-gimbalindex}", GIMBAL_KEY);
        let is_parent = paths.iter().any(|other| other.starts_with(&format!("{path}.")));
        field(method, path, item, is_parent, conflicts)
    };
    items.iter().map(one).collect()
}

fn field(method: &str, path: String, item: &Value, is_parent: bool, conflicts: &[String]) -> Field {
    let constraint = &item["constraint"];
    let is_array = path.ends_with("[]");
    let by_hand = WIRE_TYPES
        .iter()
        .find(|(record, at, _)| *record == method && *at == path)
        .map(|&(_, _, kind)| kind);
    let documented = if is_array {
        constraint["item_type"].as_str().unwrap_or("text")
    } else {
        item["type"].as_str().unwrap_or("text")
    };
    if is_parent || documented == "struct" {
        let form = if is_array { Form::List } else { Form::Object };
        return Field(path, form, Vec::new());
    }
    let kind = by_hand.unwrap_or_else(|| wire_type(&path, documented, constraint, conflicts));
    let (is_closed, samples) = samples(kind, constraint);
    let form = match (is_array, is_closed) {
        (true, _) => Form::Values,
        (false, true) => Form::Enum,
        (false, false) => Form::Value,
    };
    Field(path, form, samples)
}

/// The type on the wire: the table's, unless the record's own example shows another.
fn wire_type<'t>(
    path: &str,
    documented: &'t str,
    constraint: &Value,
    conflicts: &[String],
) -> &'t str {
    let shown = conflicts.iter().find_map(|conflict| {
        let (at, what) = conflict.split_once(": table ")?;
        (at == path).then(|| what.split_once("example ").map(|(_, kind)| kind)).flatten()
    });
    let shown = shown.and_then(|shown| shown.split(' ').next());
    let has_numbers = codes(constraint).is_some_and(|codes| codes.iter().all(Value::is_number));
    match (shown, documented) {
        (Some("int"), "enum_string") if has_numbers => "enum_int",
        (Some("int"), "bool") => "flag",
        (Some("float"), _) => "double",
        (Some("str"), "enum_int") => "module",
        (_, "enum") if has_numbers => "enum_int",
        // A result may be any error code, whatever is listed.
        (_, "int") if path == "result" || path.ends_with(".result") => "result",
        (_, documented) => documented,
    }
}

/// The documented values of an enum, numbers as numbers.
fn codes(constraint: &Value) -> Option<Vec<Value>> {
    let names = constraint["enum"].as_object()?;
    let number = |name: &String| {
        let whole = name.parse::<i64>().map(Value::from);
        whole.or_else(|_| name.parse::<f64>().map(Value::from)).unwrap_or_else(|_| json!(name))
    };
    (!names.contains_key("open_string")).then(|| names.keys().map(number).collect())
}

/// Values that a field must carry, and whether there are no others.
fn samples(kind: &str, constraint: &Value) -> (bool, Vec<Value>) {
    let codes = codes(constraint);
    let words = |codes: Vec<Value>| {
        codes.into_iter().map(|code| json!(code.as_str().map_or(code.to_string(), str::to_owned)))
    };
    match (kind, codes) {
        ("enum_int" | "int", Some(codes)) if codes.iter().all(Value::is_i64) => (true, codes),
        // A list with a fraction is a list of numbers, bounded when sent.
        ("enum_int", Some(codes)) => (false, codes),
        ("enum_string" | "string" | "text", Some(codes)) => (true, words(codes).collect()),
        ("result", _) => (false, vec![json!(0), json!(1), json!(2), json!(314_000)]),
        ("open number", _) => (false, vec![json!(0), json!(11)]),
        ("flag", _) => (true, vec![json!(0), json!(1)]),
        ("bool", _) => (false, vec![json!(true), json!(false)]),
        ("module", _) => (true, vec![json!("0"), json!("3")]),
        ("float" | "double", _) => (false, numbers(constraint, 1.5, Value::is_number)),
        ("int" | "enum_int" | "date" | "long", _) => (
            false,
            numbers(constraint, 7, |bound| bound.as_f64().is_some_and(|n| n.fract() == 0.0)),
        ),
        _ => (false, vec![json!("sample")]),
    }
}

/// A number in the middle, and the bounds that are given.
fn numbers<T: Into<Value>>(
    constraint: &Value,
    middle: T,
    is_usable: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let bounds = ["min", "max"].map(|bound| constraint[bound].clone());
    [middle.into()].into_iter().chain(bounds.into_iter().filter(|bound| is_usable(bound))).collect()
}
