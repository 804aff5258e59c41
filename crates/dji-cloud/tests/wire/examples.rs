//! DJI's own examples: all decode, nothing typed is unknown, round trips are equal.

use dji_cloud::device::{AircraftOsd, DockOsd};
use dji_cloud::drift::DriftItem;
use dji_cloud::encode::{CallHead, service_from_json};
use dji_cloud::lenient::WireValue;
use dji_cloud::{Event, Ids, Message, decode};
use serde_json::{Value, json};

use crate::fact_file;

pub(crate) struct Example {
    pub(crate) id: String,
    pub(crate) topic: String,
    pub(crate) method: Option<String>,
    pub(crate) payload: String,
}

pub(crate) fn examples() -> Vec<Example> {
    let text = fact_file("examples.jsonl").unwrap_or_default();
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let topic = line["topic"].as_str().unwrap();
        Example {
            id: line["id"].as_str().unwrap().to_owned(),
            topic: topic.replace("{device_sn}", "SN1").replace("{gateway_sn}", "SN1"),
            method: line["method"].as_str().map(str::to_owned),
            payload: line["payload"].to_string(),
        }
    };
    text.lines().map(read).collect()
}

/// Events and requests that this crate types.
const TYPED: &[&str] = &[
    "update_topo",
    "config",
    "airport_bind_status",
    "airport_organization_get",
    "airport_organization_bind",
    "storage_config_get",
    "flighttask_resource_get",
    "flighttask_progress_get",
    "flight_areas_get",
    "flighttask_progress",
    "flighttask_ready",
    "device_exit_homing_notify",
    "return_home_info",
    "hms",
    "file_upload_callback",
    "highest_priority_upload_flighttask_media",
    "flight_areas_sync_progress",
    "flight_areas_drone_location",
    "cover_open",
    "cover_close",
    "cover_force_close",
    "drone_open",
    "drone_close",
    "charge_open",
    "charge_close",
    "device_reboot",
    "device_format",
    "drone_format",
    "esim_activate",
    "esim_operator_switch",
    "putter_open",
    "putter_close",
];

#[test]
fn every_example_decodes_and_no_typed_method_is_unknown() {
    let mut typed = 0;
    for example in examples() {
        let packet = decode(&example.topic, example.payload.as_bytes())
            .unwrap_or_else(|error| panic!("{}: {error}", example.id));
        // Its only field is a flight's id, which says nothing without the method.
        let is_nameless = example.id == "ex0027" && packet.envelope.method.is_none();
        let is_typed =
            !is_nameless && example.method.as_deref().is_some_and(|method| TYPED.contains(&method));
        let is_unknown = matches!(packet.message, Message::Unknown { .. });
        assert!(!(is_typed && is_unknown), "{} {:?}", example.id, example.method);
        typed += usize::from(is_typed);
    }
    assert!(typed == 0 || typed > 50, "{typed}");
}

#[test]
fn drift_of_typed_examples_is_the_known_documentation_faults() {
    let mut found = Vec::new();
    for example in examples() {
        let packet = decode(&example.topic, example.payload.as_bytes()).unwrap();
        // The output of an answer by the cloud is the writer's business.
        if !matches!(
            packet.message,
            Message::Event(_) | Message::Request(_) | Message::UpdateTopo(_)
        ) {
            continue;
        }
        packet.message.walk_drift(&mut |path, item| {
            let what = match item {
                DriftItem::UnknownField { .. } => "unknown",
                DriftItem::WrongType(fault) if fault.kept => "coerced",
                DriftItem::WrongType(_) => "wrong",
                DriftItem::UnknownCode(_) => "code",
                DriftItem::Dropped(_) => "dropped",
            };
            found.push(format!("{} {path} {what}", example.id));
        });
    }
    let known = [
        // gimbal_yaw_degree as text; homing reason as text; `version` as a number.
        "ex0026 file.metadata.gimbal_yaw_degree coerced",
        "ex0035 reason coerced",
        "ex0257 version coerced",
        "ex0257 sub_devices[].version coerced",
        "ex0258 version coerced",
    ];
    for item in &found {
        assert!(
            known.iter().any(|known| item == known),
            "not a known documentation fault: {item} (all: {found:#?})"
        );
    }
}

#[test]
fn osd_examples_round_trip() {
    let mut seen = 0;
    for example in examples() {
        let packet = decode(&example.topic, example.payload.as_bytes()).unwrap();
        let Message::Osd(Some(data)) = packet.message else { continue };
        let is_dock = dji_cloud::looks_like_dock(data)
            .unwrap_or_else(|| panic!("{}: neither dock nor aircraft", example.id));
        assert_eq!(is_dock, example.id != "ex0004", "{}", example.id);
        if is_dock {
            round_trip::<DockOsd>(&example.id, data.get());
        } else {
            round_trip::<AircraftOsd>(&example.id, data.get());
        }
        seen += 1;
    }
    assert!(seen == 0 || seen >= 6, "{seen}");
}

fn round_trip<T>(id: &str, data: &str)
where
    T: WireValue + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let first: T = serde_json::from_str(data).unwrap();
    let mut drift = Vec::new();
    first.walk_drift(&mut String::new(), &mut |path, item| drift.push(format!("{path} {item:?}")));
    // `air_conditioner_mode` is a Dock 1 property of the topic-definition page.
    drift.retain(|item| !item.starts_with("air_conditioner_mode "));
    assert!(drift.is_empty(), "{id}: {drift:?}");
    let again: T = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
    let written = serde_json::to_value(&first).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), written, "{id}");
    // Every key that came is written again, with the same value.
    let came: Value = serde_json::from_str(data).unwrap();
    for (key, value) in came.as_object().unwrap() {
        if key != "air_conditioner_mode" {
            assert_eq!(as_floats(&written[key]), as_floats(value), "{id} {key}");
        }
    }
}

/// `0` and `0.0` are the same number on the wire.
pub(crate) fn as_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(as_floats).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), as_floats(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

#[test]
fn service_examples_can_be_sent_as_they_stand() {
    let head = CallHead { ids: Ids { tid: "t", bid: "b" }, timestamp_ms: 1, gateway: None };
    let mut sent = 0;
    for example in examples().iter().filter(|example| example.topic.ends_with("/services")) {
        let Some(spec) = example.method.as_deref().and_then(dji_cloud::spec) else { continue };
        let packet = decode(&example.topic, example.payload.as_bytes()).unwrap();
        let Message::Call { data, .. } = packet.message else { panic!("{}", example.id) };
        let bytes = service_from_json(head, spec.method, data)
            .unwrap_or_else(|error| panic!("{} {}: {error}", example.id, spec.method));
        let bytes: Value = serde_json::from_slice(&bytes).unwrap();
        let data: Value = data.map_or(json!({}), |data| serde_json::from_str(data.get()).unwrap());
        let data = if data.is_null() { json!({}) } else { data };
        assert_eq!(as_floats(&bytes["data"]), as_floats(&data), "{}", example.id);
        sent += 1;
    }
    assert!(sent == 0 || sent >= 12, "{sent}");
}

#[test]
fn job_events_without_a_method_are_jobs_without_a_method() {
    for example in examples().iter().filter(|example| example.topic.ends_with("/events")) {
        let packet = decode(&example.topic, example.payload.as_bytes()).unwrap();
        if let Message::Event(Event::Job { method, progress }) = &packet.message {
            assert_eq!(method.is_some(), packet.envelope.method.is_some(), "{}", example.id);
            assert!(progress.status().is_some(), "{}", example.id);
        }
    }
}
