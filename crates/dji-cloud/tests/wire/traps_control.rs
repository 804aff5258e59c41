//! The documentation's traps in direct control, logs, payloads and property sets, one by one.

use dji_cloud::device::{LostLinkAction, OutOfControlAction, RcLostAction};
use dji_cloud::drc::TakeoffToPoint;
use dji_cloud::drc::control::{DroneControl, HeartBeat};
use dji_cloud::drc_link::{DrcDown, DrcPush, DrcUp};
use dji_cloud::encode::{self, CallHead, drc_from_json, service_from_json};
use dji_cloud::log::{LogModule, as_epoch_ms};
use dji_cloud::newer::control::StickControl;
use dji_cloud::property::{PropertySet, PropertySetReply};
use dji_cloud::{Call, Event, Ids, Message, Verdict, decode};
use serde_json::{Value, json};

const HEAD: CallHead<'static> =
    CallHead { ids: Ids { tid: "t", bid: "b" }, timestamp_ms: 1, gateway: None };

fn message(topic: &str, payload: &Value) -> Message<'static> {
    let topic = format!("thing/product/SN1/{topic}").leak();
    decode(topic, payload.to_string().leak().as_bytes()).unwrap().message
}

fn drift(message: &Message<'_>) -> Vec<String> {
    let mut found = Vec::new();
    message.walk_drift(&mut |path, item| found.push(format!("{path}: {item:?}")));
    found
}

fn refused(method: &str, data: &Value) -> String {
    let raw = serde_json::value::to_raw_value(data).unwrap();
    let outcome = if method == "drone_control" || method == "stick_control" {
        drc_from_json(None, method, Some(&raw))
    } else {
        service_from_json(HEAD, method, Some(&raw))
    };
    outcome.map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn sticks_are_named_by_direction_and_bounded() {
    // Trap 1: x is forward, y is right, up to 5 up but 4 down.
    let sticks = DroneControl {
        forward: Some(1.0),
        right: Some(2.0),
        up: Some(5.0),
        clockwise: Some(-90.0),
        ..DroneControl::hover(7)
    };
    let bytes = encode::drc(None, &DrcDown::DroneControl(Box::new(sticks))).unwrap();
    let written: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        written,
        json!({"method": "drone_control",
            "data": {"seq": 7, "x": 1.0, "y": 2.0, "h": 5.0, "w": -90.0}})
    );
    for (key, value) in [("x", 17.1), ("y", -17.1), ("h", 5.1), ("h", -4.1), ("w", 90.5)] {
        let error = refused("drone_control", &json!({"seq": 0, key: value}));
        assert!(error.contains("allowed is"), "{key}: {error}");
    }
    // A later value that is a number in text is still a number; one that is none is refused.
    assert!(refused("drone_control", &json!({"seq": 0, "x": "fast"})).contains("expected number"));
    assert!(refused("drone_control", &json!({"seq": 0, "z": 1})).contains("no such field"));
    let neutral = serde_json::to_value(StickControl::neutral()).unwrap();
    assert_eq!(neutral, json!({"roll": 1024, "pitch": 1024, "throttle": 1024, "yaw": 1024}));
    assert_eq!(refused("stick_control", &neutral), "");
    assert!(
        refused(
            "stick_control",
            &json!({"roll": 363, "pitch": 1024, "throttle": 1024,
        "yaw": 1024})
        )
        .contains("roll is 363")
    );
}

#[test]
fn both_heart_beats_are_read_and_the_documented_one_is_written() {
    // Trap 8: the page's shape, and the one of DJI's web console.
    for (data, seq) in [(json!({"timestamp": 5}), None), (json!({"ts": 5, "seq": 3}), Some(3))] {
        for topic in ["drc/up", "drc/down"] {
            let message = message(topic, &json!({"method": "heart_beat", "data": data, "seq": 1}));
            assert_eq!(drift(&message), Vec::<String>::new());
            let (Message::DrcUp(DrcUp::Push(DrcPush::HeartBeat(beat)))
            | Message::DrcDown(DrcDown::HeartBeat(beat))) = message
            else {
                panic!("{topic}")
            };
            assert_eq!((beat.sent_ms(), beat.seq), (Some(5), seq));
        }
    }
    let beat = HeartBeat { timestamp: Some(1_670_415_891_013), ..HeartBeat::default() };
    let bytes = encode::drc(Some(1), &DrcDown::HeartBeat(beat)).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&bytes).unwrap(),
        json!({"method": "heart_beat", "data": {"timestamp": 1_670_415_891_013_i64}, "seq": 1})
    );
}

#[test]
fn a_camera_mode_switch_is_read_and_written_on_both_topics() {
    // Trap 7.
    let data = json!({"payload_index": "81-0-0", "camera_mode": 4});
    let payload = json!({"method": "drc_camera_mode_switch", "data": data, "seq": 1});
    assert!(matches!(message("services", &payload), Message::Call(Call::DrcCameraModeSwitch(_))));
    assert!(matches!(
        message("drc/down", &payload),
        Message::DrcDown(DrcDown::CameraModeSwitch(_))
    ));
    let raw = serde_json::value::to_raw_value(&data).unwrap();
    assert!(service_from_json(HEAD, "drc_camera_mode_switch", Some(&raw)).is_ok());
    let bytes = drc_from_json(Some(9), "drc_camera_mode_switch", Some(&raw)).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap()["seq"], 9);
    let answer =
        message("drc/up", &json!({"method": "drc_camera_mode_switch", "data": {"result": 0}}));
    assert!(matches!(
        answer,
        Message::DrcUp(DrcUp::Answer { method: "drc_camera_mode_switch", .. })
    ));
}

#[test]
fn a_call_without_a_method_is_never_guessed() {
    for data in [json!({"flight_id": "F"}), json!({}), json!({"video_id": "v"})] {
        let message = message("services", &json!({"tid": "t", "data": data}));
        assert!(matches!(message, Message::Unknown { method: None, .. }), "{data}");
    }
}

#[test]
fn log_modules_are_text_on_the_wire_and_times_are_told_by_size() {
    // Traps 5 and 6.
    for data in [json!({"module_list": ["0", "3"]}), json!({"module_list": [0, 3]})] {
        let read = message("services", &json!({"method": "fileupload_list", "data": data}));
        let Message::Call(Call::FileuploadList(list)) = &read else { panic!() };
        assert_eq!(list.module_list.as_deref(), Some(&[LogModule::Aircraft, LogModule::Dock][..]));
        assert_eq!(read.to_value().unwrap(), json!({"module_list": ["0", "3"]}));
    }
    assert!(
        refused("fileupload_list", &json!({"module_list": ["7"]})).contains("documented value")
    );
    for (time, ms) in [(1_654_070_968, 1_654_070_968_000), (1_654_070_968_655, 1_654_070_968_655)] {
        assert_eq!(as_epoch_ms(time), ms);
    }
    let broker = json!({"address": "a:1", "client_id": "c", "username": "u", "password": "hidden",
        "expire_time": 1_672_744_922_000_i64, "enable_tls": true});
    let enter = json!({"mqtt_broker": broker, "osd_frequency": 10, "hsi_frequency": 1});
    let error = refused("drc_mode_enter", &enter);
    assert!(error.contains("mqtt_broker.expire_time") && !error.contains("hidden"), "{error}");
}

#[test]
fn the_same_action_has_another_number_in_each_message() {
    // Trap 2.
    let takeoff = TakeoffToPoint {
        rc_lost_action: Some(RcLostAction::from(LostLinkAction::ReturnHome)),
        ..TakeoffToPoint::default()
    };
    assert_eq!(serde_json::to_value(takeoff).unwrap(), json!({"rc_lost_action": 2}));
    assert_eq!(OutOfControlAction::from(LostLinkAction::ReturnHome).code(), 0);
    // Trap 9: the return height starts at 2 here, at 20 in flighttask_prepare.
    assert!(refused("takeoff_to_point", &json!({"target_latitude": 91})).contains("-90 to 90"));
}

#[test]
fn success_counts_only_where_it_is_documented() {
    // Trap 4.
    let progress = |method: &str, status: &str| {
        let data = json!({"result": 0, "output": {"status": status, "psdk_index": 2}});
        let message = message("events", &json!({"method": method, "data": data}));
        if let Message::Event(Event::SpeakerTts(progress)) = message {
            progress.verdict()
        } else if let Message::Event(Event::Ota(progress)) = message {
            progress.verdict()
        } else if let Message::Event(Event::Job { progress, .. }) = message {
            progress.verdict()
        } else {
            panic!("{message:?}")
        }
    };
    assert_eq!(progress("speaker_tts_play_start_progress", "success"), Verdict::Succeeded);
    assert_eq!(progress("speaker_tts_play_start_progress", "done"), Verdict::Unknown);
    assert_eq!(progress("ota_progress", "success"), Verdict::Unknown);
    assert_eq!(progress("cover_open", "success"), Verdict::Unknown);
    assert_eq!(progress("ota_progress", "ok"), Verdict::Succeeded);
}

#[test]
fn nearby_aircraft_come_as_an_array() {
    // Trap 3.
    let one = json!({"icao": "B-5931", "warning_level": 3});
    for (data, is_odd) in [(json!([one]), false), (one.clone(), true)] {
        let payload = json!({"method": "airsense_warning", "data": data});
        let message = message("events", &payload);
        assert_eq!(message.to_value(), Some(json!([one])));
        let Message::Event(Event::Airsense(warnings)) = message else { panic!() };
        assert_eq!(warnings.warnings.len(), 1, "{is_odd}");
    }
}

#[test]
fn a_property_set_has_exactly_one_leaf() {
    let set = |value: Value| serde_json::from_value::<PropertySet>(value).unwrap();
    let write = |value: Value| encode::property(HEAD, &set(value)).map_err(|e| e.to_string());
    let bytes = write(json!({"obstacle_avoidance": {"horizon": 1}})).unwrap();
    let written: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(written["data"], json!({"obstacle_avoidance": {"horizon": 1}}));
    assert!(written.get("method").is_none());
    for (value, why) in [
        (json!({}), "0 properties"),
        (json!({"silent_mode": 1, "height_limit": 100}), "2 properties"),
        (json!({"obstacle_avoidance": {"horizon": 1, "upside": 1}}), "2 properties"),
        (json!({"height_limit": 19}), "20 to 1500 m"),
        (json!({"distance_limit_status": {"is_near_distance_limit": 1}}), "cannot be set"),
    ] {
        let error = write(value.clone()).unwrap_err();
        assert!(error.contains(why), "{value}: {error}");
    }
    let reply: PropertySetReply =
        serde_json::from_value(json!({"obstacle_avoidance": {"horizon": {"result": 2}}})).unwrap();
    assert_eq!(reply.results(), [("obstacle_avoidance.horizon".to_owned(), 2)]);
}
