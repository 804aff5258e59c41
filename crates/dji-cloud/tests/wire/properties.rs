//! Arbitrary input: no panic, no failure over a field, stable round trips.

use dji_cloud::device::{AircraftOsd, AircraftState, DockOsd, DockState, UpdateTopo};
use dji_cloud::lenient::WireValue;
use dji_cloud::reply::JobProgress;
use dji_cloud::wayline::{FlighttaskPrepare, FlighttaskProgress};
use dji_cloud::{Leaves, Message, TopicKind, Verdict, decode};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::examples::examples;

/// Messages to mutate where DJI's examples are not on the machine.
const SEEDS: &[&str] = &[
    r#"{"tid":"t","bid":"b","timestamp":1,"gateway":"D","data":{"mode_code":0,"drone_in_dock":1,
        "network_state":{"type":2,"rate":5.0},"81-0-0":{"gimbal_yaw":1.5}}}"#,
    r#"{"tid":"t","method":"flighttask_progress","need_reply":1,"data":{"result":0,"output":
        {"status":"ok","progress":{"percent":100,"current_step":5},"ext":{"flight_id":"F"}}}}"#,
    r#"{"method":"update_topo","data":{"type":2,"sub_devices":[{"sn":"A","index":"A"}]}}"#,
    r#"{"method":"hms","data":{"list":[{"code":"0x1","args":{"sensor_index":0}}]}}"#,
];

/// Decodes on every topic and does with the result whatever a caller would.
fn exercise(payload: &[u8]) {
    for &kind in TopicKind::ALL {
        let topic = dji_cloud::Topic { kind, sn: "SN1" }.to_string();
        let Ok(packet) = decode(&topic, payload) else { continue };
        packet.message.walk_drift(&mut |_, _| {});
        if let Message::Osd(Some(data)) = packet.message {
            let _ = dji_cloud::looks_like_dock(data);
            if let Ok(osd) = dji_cloud::decode_osd_dock(data) {
                osd.visit(0, &mut |_, leaf| drop(leaf.to_value()));
            }
            if let Ok(osd) = dji_cloud::decode_osd_aircraft(data) {
                osd.visit(0, &mut |_, leaf| drop(leaf.to_value()));
            }
        }
        let _ = dji_cloud::encode::event_reply(&packet.envelope, 0, 0);
    }
}

pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        (-3_i64..30).prop_map(Value::from),
        "[a-z0-9.+-]{0,6}".prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_key(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Keys that are likely known, and some that are not.
fn any_key() -> impl Strategy<Value = String> {
    let mut known: Vec<String> = Vec::new();
    let mut specs = Vec::new();
    DockOsd::describe("", &mut specs);
    AircraftOsd::describe("", &mut specs);
    DockState::describe("", &mut specs);
    AircraftState::describe("", &mut specs);
    FlighttaskProgress::describe("", &mut specs);
    FlighttaskPrepare::describe("", &mut specs);
    for spec in specs {
        known.extend(spec.key.split('.').map(str::to_owned));
    }
    known.extend(["81-0-0", "sub_devices", "sn", "list"].map(str::to_owned));
    known.sort();
    known.dedup();
    prop_oneof![9 => prop::sample::select(known), 1 => "\\PC{0,12}"]
}

fn any_object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(any_key(), any_json(), 0..12)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

/// Whatever the fields hold, the message decodes; what was understood survives a round trip.
fn tolerant<T: WireValue + serde::de::DeserializeOwned>(value: &Value) -> Result<T, TestCaseError> {
    let first: T = serde_json::from_str(&value.to_string())
        .map_err(|error| TestCaseError::fail(format!("{error}: {value}")))?;
    let written = serde_json::to_value(&first).unwrap();
    let again: T = serde_json::from_value(written.clone()).unwrap();
    prop_assert_eq!(serde_json::to_value(&again).unwrap(), written);
    let mut reports = 0;
    first.walk_drift(&mut String::new(), &mut |_, _| reports += 1);
    prop_assert_eq!(first.has_drift(), reports > 0);
    Ok(first)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_not_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&payload);
    }

    #[test]
    fn arbitrary_json_does_not_panic(value in any_json()) {
        exercise(value.to_string().as_bytes());
    }

    #[test]
    fn arbitrary_topics_do_not_panic(topic in "\\PC{0,60}") {
        if let Some(parsed) = dji_cloud::Topic::parse(&topic) {
            prop_assert_eq!(parsed.to_string(), topic);
        }
    }

    #[test]
    fn arbitrary_fields_never_fail_a_message(value in any_object()) {
        tolerant::<DockOsd>(&value)?;
        tolerant::<AircraftOsd>(&value)?;
        tolerant::<DockState>(&value)?;
        tolerant::<AircraftState>(&value)?;
        tolerant::<UpdateTopo>(&value)?;
        tolerant::<FlighttaskPrepare>(&value)?;
    }

    #[test]
    fn only_the_word_ok_is_ever_success(status in any_json(), result in any_json()) {
        let value = json!({"result": result, "output": {"status": status, "progress": 1}});
        let is_ok = status == "ok";
        let verdict = tolerant::<JobProgress>(&value)?.verdict();
        prop_assert!(verdict != Verdict::Succeeded || is_ok, "{value}");
        let verdict = tolerant::<FlighttaskProgress>(&value)?.verdict();
        prop_assert!(verdict != Verdict::Succeeded || is_ok, "{value}");
    }

    #[test]
    fn mutated_messages_do_not_panic(
        seed in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut payloads: Vec<String> = SEEDS.iter().map(|&text| text.to_owned()).collect();
        payloads.extend(corpus().iter().cloned());
        let mut bytes = payloads[seed.index(payloads.len())].clone().into_bytes();
        for (at, byte, how) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"{}[]\",:0-e\\"[usize::from(byte) % 11]),
            }
        }
        exercise(&bytes);
    }
}

/// The examples, read once.
fn corpus() -> &'static [String] {
    static CORPUS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    CORPUS.get_or_init(|| examples().into_iter().map(|example| example.payload).collect())
}
