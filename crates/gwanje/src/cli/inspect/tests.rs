//! Reports of recordings: a third-party simulator's, DJI's own examples, and nonsense.

use serde_json::{Value, json};

use super::*;

const SIMULATOR: &str = include_str!("../../../tests/data/third-party-simulator.jsonl");

/// The JSON lines of a report and how many messages drifted.
fn report(recording: &str) -> (Vec<Value>, u64) {
    let mut out = Vec::new();
    let mut report = Report::new(&mut out, true, None);
    report.read(recording.as_bytes()).unwrap();
    let drifted = report.end().unwrap();
    let text = String::from_utf8(out).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), drifted)
}

fn one(topic: &str, payload: &Value) -> Value {
    let line = json!({ "topic": topic, "payload": payload });
    let (mut lines, _) = report(&line.to_string());
    lines.remove(0)
}

fn words(recording: &str) -> String {
    let mut out = Vec::new();
    let mut report = Report::new(&mut out, false, None);
    report.read(recording.as_bytes()).unwrap();
    report.end().unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn holds(list: &Value, part: &str) {
    assert!(
        list.as_array().unwrap().iter().any(|item| item.to_string().contains(part)),
        "{part}: {list}"
    );
}

#[test]
fn a_third_party_simulator_is_read_flagged_and_never_believed() {
    let (lines, drifted) = report(SIMULATOR);
    let [osd, topo, flight, hms, reply, charge, drone, summary] = &lines[..] else { panic!() };
    assert!(lines[..7].iter().all(|line| line["known"] == true && line["error"] == Value::Null));
    // A flat body with units off by ten.
    holds(&osd["wrong_types"], "a bare body");
    for part in ["wind_speed", "humidity", "drone_charge_state.capacity_percent"] {
        holds(&osd["out_of_range"], part);
    }
    // Types as strings, and no thing_version, no gateway.
    for part in ["\"type\"", "sub_devices[].sub_type"] {
        holds(&topo["wrong_types"], part);
    }
    holds(&topo["notes"], "thing_version");
    holds(&topo["notes"], "no gateway");
    // A number for a status.
    assert_eq!(flight["outcome"], "unclear");
    holds(&flight["wrong_types"], "output.status");
    holds(&flight["out_of_range"], "output.progress.percent");
    holds(&flight["notes"], "no need_reply");
    holds(&hms["unknown_values"], "aircraft");
    // Result 0 is an acceptance, and nothing came after it.
    assert_eq!(reply["outcome"], "accepted");
    assert_eq!(
        summary["summary"]["never_reported"],
        json!([{ "sn": "SIMDOCK0001", "event": "cover_open" }])
    );
    assert_eq!(charge["outcome"], "unclear");
    holds(&charge["unknown_values"], "success");
    assert_eq!(drone["outcome"], "unclear");
    assert!(lines.iter().all(|line| line["outcome"] != "succeeded"));
    assert_eq!(drifted, 6, "{lines:#?}");
    assert_eq!(summary["summary"]["messages"], 7);
}

#[test]
fn what_is_documented_is_no_drift() {
    let line = one(
        "thing/product/DOCK1/events",
        &json!({"tid": "t", "bid": "b", "timestamp": 1, "gateway": "DOCK1", "need_reply": 1,
            "method": "cover_open",
            "data": {"result": 0, "output": {"status": "ok", "progress": {"percent": 100, "step_key": "x"}}}}),
    );
    assert_eq!((&line["drift"], &line["outcome"]), (&json!(false), &json!("succeeded")), "{line}");
    assert_eq!(line["notes"], json!([]));
}

#[test]
fn result_codes_have_their_meaning() {
    let line = one(
        "thing/product/DOCK1/services_reply",
        &json!({"tid": "t", "bid": "b", "gateway": "D", "method": "cover_open", "data": {"result": 514_121}}),
    );
    assert_eq!(line["outcome"], "failed");
    assert_eq!(line["result"]["module"], "dock_hardware");
    assert_eq!(line["result"]["advice"], json!(["release_emergency_stop"]));
    assert!(line["result"]["en"].as_str().unwrap().contains("emergency stop"), "{line}");
    let text = words(
        r#"{"topic":"thing/product/D/services_reply","payload":{"method":"cover_open","data":{"result":999999}}}"#,
    );
    assert!(text.contains("code 999999: unknown"), "{text}");
}

#[test]
fn unknown_things_are_named_with_their_place_and_not_their_value() {
    let line = one("thing/product/D/events", &json!({"method": "warp_drive", "data": {"a": 1}}));
    assert_eq!((&line["known"], &line["drift"]), (&json!(false), &json!(true)), "{line}");
    let line = one(
        "thing/product/D/events",
        &json!({"method": "hms", "extra": "secret-1", "data": {"list": [{"code": "0x1", "level": 77, "new": "secret-2"}]}}),
    );
    holds(&line["unknown_fields"], "extra");
    holds(&line["unknown_fields"], "list[].new");
    holds(&line["unknown_values"], "77");
    assert!(!line.to_string().contains("secret"), "{line}");
    let line = one("thing/product/D/nowhere", &json!({}));
    assert_eq!(line["known"], false);
    assert!(line["error"].as_str().unwrap().contains("topic"), "{line}");
}

#[test]
fn calls_are_held_to_their_bounds() {
    let call = |altitude: i64| {
        one(
            "thing/product/D/services",
            &json!({"tid": "t", "bid": "b", "method": "flighttask_prepare", "data": {
                "flight_id": "f", "task_type": 0, "execute_time": 1_700_000_000_000_i64,
                "file": {"url": "http://127.0.0.1/f.kmz", "fingerprint": "0123456789abcdef0123456789abcdef"},
                "rth_altitude": altitude, "rth_mode": 1, "out_of_control_action": 0,
                "exit_wayline_when_rc_lost": 0, "wayline_precision_type": 1}}),
        )
    };
    assert_eq!(call(100)["refused"], Value::Null, "{}", call(100));
    let refused = call(15)["refused"].as_str().unwrap().to_owned();
    assert!(refused.contains("rth_altitude") && refused.contains("15"), "{refused}");
}

#[test]
fn firmware_is_what_the_device_named_last() {
    let recording = [
        json!({"topic": "thing/product/D/osd", "payload": {"tid": "t", "bid": "b", "data": {"cover_state": 0}}}),
        json!({"topic": "thing/product/D/state", "payload": {"tid": "t", "bid": "b", "data": {"firmware_version": "10.01.1604"}}}),
        json!({"topic": "thing/product/D/osd", "payload": {"tid": "t", "bid": "b", "data": {"cover_state": 0}}}),
    ];
    let (lines, _) = report(&recording.map(|line| line.to_string()).join("\n"));
    assert_eq!(lines[0]["firmware"], Value::Null);
    assert_eq!(lines[2]["firmware"], "10.01.1604");
    assert_eq!(lines[3]["summary"]["by_method"][1]["firmware"], "10.01.1604");
}

#[test]
fn nothing_in_a_recording_steers_the_terminal_or_stops_the_report() {
    let recording = "nonsense\n\
        {\"topic\":\"\\u001b[2Jx\",\"payload\":1}\n\
        {\"topic\":\"thing/product/D/events\",\"payload\":{\"method\":\"\\u001b[31mred\",\"data\":{\"\\u0007\":1}}}\n\
        {\"topic\":\"thing/product/D/osd\",\"payload\":\"{\\\"data\\\":{\\\"\\u001b]0;t\\\":1}}\"}\n\
        {\"topic\":\"thing/product/D/osd\",\"payload\":[[[[1]]]]}\n";
    let text = words(recording);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(text.contains("5 messages: 5 differ"), "{text}");
}

#[test]
fn the_documents_own_examples_are_read() {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "..", "..", "shared", "dji", "examples.jsonl"]
            .iter()
            .collect();
    let Ok(examples) = std::fs::read_to_string(path) else { return };
    let (lines, _) = report(&examples);
    assert!(lines.len() > 200, "{}", lines.len());
    for line in &lines[..lines.len() - 1] {
        assert_eq!(line["error"], Value::Null, "{line}");
    }
}

#[test]
fn alarms_are_told_in_the_operators_words_where_there_are_some() {
    let book = HmsBook::parse(br#"{"dock_tip_0x19111800": {"en": "House rule 7"}}"#).unwrap();
    let recording = r#"{"topic":"thing/product/D/events","payload":{"method":"hms","data":{"list":[
        {"code":"0x19111800","device_type":"3-2-0"},{"code":"0x19114800","device_type":"3-2-0"}]}}}"#;
    let mut out = Vec::new();
    let mut report = Report::new(&mut out, false, Some(book));
    report.read(recording.replace('\n', " ").as_bytes()).unwrap();
    report.end().unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("House rule 7") && text.contains("rains"), "{text}");
}
