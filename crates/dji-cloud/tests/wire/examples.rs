//! DJI's own examples: all decode, nothing typed is unknown, round trips are equal.

use dji_cloud::device::{AircraftOsd, DockOsd};
use dji_cloud::drift::DriftItem;
use dji_cloud::encode::{CallHead, drc_from_json, service_from_json};
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

/// The topic-definition page's placeholders: no method has that name.
const PLACEHOLDERS: [&str; 4] = ["ex0252", "ex0253", "ex0254", "ex0255"];

/// An example as a device or cloud would send it: with the method that the page's heading gives
/// where its payload leaves it out, as 65 do.
pub(crate) fn with_method(example: &Example) -> String {
    let mut payload: Value = serde_json::from_str(&example.payload).unwrap();
    if payload.get("method").is_none()
        && let Some(method) = &example.method
    {
        payload["method"] = json!(method);
    }
    payload.to_string()
}

#[test]
fn every_example_decodes_and_no_method_is_unknown() {
    let examples = examples();
    for example in &examples {
        for payload in [example.payload.clone(), with_method(example)] {
            let packet = decode(&example.topic, payload.as_bytes())
                .unwrap_or_else(|error| panic!("{}: {error}", example.id));
            let is_nameless = packet.envelope.method.is_none();
            let is_unknown = matches!(packet.message, Message::Unknown { .. });
            // A call without a method is never guessed; events and requests are, by their keys.
            let is_call = example.topic.ends_with("/services");
            assert!(
                !is_unknown
                    || PLACEHOLDERS.contains(&example.id.as_str())
                    || (is_nameless && is_call),
                "{} {:?}",
                example.id,
                example.method
            );
        }
    }
    assert!(examples.is_empty() || examples.len() > 200);
}

/// What drift an example shows, as `id path what`.
fn drift_of(example: &Example) -> Vec<String> {
    let payload = with_method(example);
    let packet = decode(&example.topic, payload.as_bytes()).unwrap();
    let mut found = Vec::new();
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
    found
}

/// Faults of the documentation that its own examples show, by the example's id.
const DOCUMENTED_FAULTS: &[&str] = &[
    // Trap 5: an angle, a reason and an application id as the other of number and text.
    "ex0026 file.metadata.gimbal_yaw_degree coerced",
    "ex0035 reason coerced",
    "ex0093 app_id coerced",
    // Trap 4: apertures of 10 and 5, outside their enum.
    "ex0212 wide_lense.wide_aperture_value code",
    "ex0212 zoom_lense.zoom_aperture_value code",
    "ex0239 aperture_value code",
    // Trap 11: the other shape of update_topo, with `version` as a number.
    "ex0257 version coerced",
    "ex0257 sub_devices[].version coerced",
    "ex0258 version coerced",
    // The topic-definition page's placeholder for a property.
    "ex0260 some_property unknown",
    "ex0261 some_property unknown",
];

#[test]
fn drift_of_the_examples_is_the_known_documentation_faults() {
    let found: Vec<String> = examples().iter().flat_map(drift_of).collect();
    let unexpected: Vec<_> =
        found.iter().filter(|item| !DOCUMENTED_FAULTS.contains(&item.as_str())).collect();
    assert!(unexpected.is_empty(), "not a known documentation fault: {unexpected:#?}");
    // A fault that no example shows any more must leave the list.
    for known in DOCUMENTED_FAULTS {
        assert!(found.is_empty() || found.iter().any(|item| item == known), "gone: {known}");
    }
}

#[test]
fn what_is_decoded_is_written_and_read_again_equal() {
    let mut seen = 0;
    for example in examples() {
        let payload = with_method(&example);
        let first = decode(&example.topic, payload.as_bytes()).unwrap().message;
        let Some(body) = first.to_value() else { continue };
        let mut again: Value = serde_json::from_str(&payload).unwrap();
        again["data"] = body.clone();
        let again = again.to_string();
        let second = decode(&example.topic, again.as_bytes()).unwrap().message;
        assert_eq!(second.method(), first.method(), "{}", example.id);
        assert_eq!(second.to_value(), Some(body), "{}", example.id);
        seen += 1;
    }
    assert!(seen == 0 || seen > 180, "{seen}");
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

/// Examples that DJI's own rules refuse.
const REFUSED: &[(&str, &str)] = &[
    ("ex0052", "deprecated"),
    // The example leaves out what the table requires.
    ("ex0107", "rth_mode is missing"),
    // The example of the shutter carries the aperture's method and an aperture outside the list.
    ("ex0239", "5 is not a documented value"),
];

#[test]
fn examples_of_calls_can_be_sent_as_they_stand() {
    let head = CallHead { ids: Ids { tid: "t", bid: "b" }, timestamp_ms: 1, gateway: None };
    let mut sent = 0;
    for example in examples() {
        let payload = with_method(&example);
        let packet = decode(&example.topic, payload.as_bytes()).unwrap();
        let (method, data) = (packet.message.method(), packet.envelope.data);
        let outcome = match (&packet.message, method) {
            (Message::Call(_), Some(method)) => service_from_json(head, method, data),
            (Message::DrcDown(_), Some(method)) => drc_from_json(None, method, data),
            _ => continue,
        };
        if let Some((_, why)) = REFUSED.iter().find(|(id, _)| *id == example.id) {
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(why), "{}: {error}", example.id);
            continue;
        }
        let bytes = outcome.unwrap_or_else(|error| panic!("{} {method:?}: {error}", example.id));
        let bytes: Value = serde_json::from_slice(&bytes).unwrap();
        let data: Value = data.map_or(json!({}), |data| serde_json::from_str(data.get()).unwrap());
        let data = if data.is_null() { json!({}) } else { data };
        assert_eq!(as_floats(&bytes["data"]), as_floats(&data), "{}", example.id);
        sent += 1;
    }
    assert!(sent == 0 || sent >= 50, "{sent}");
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
