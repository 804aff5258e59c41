//! The oddities of documents, devices and third-party simulators, one by one.

use dji_cloud::device::{AircraftOsd, CoverState, DockModeCode, DockOsd, LostLinkAction, ModelKey};
use dji_cloud::drift::{DriftItem, FAULTS_MAX, Found, UNKNOWN_MAX};
use dji_cloud::lenient::{ELEMENTS_MAX, Flag, WireValue};
use dji_cloud::{
    Answer, DecodeError, Event, JobStatus, LeafRef, Leaves, Limits, Message, Packet, Request,
    Verdict, decode, decode_envelope, envelope,
};

fn packet<'a>(topic: &'a str, payload: &'a str) -> Packet<'a> {
    decode(topic, payload.as_bytes()).unwrap_or_else(|error| panic!("{payload}: {error}"))
}

fn event(payload: &str) -> Event {
    let packet = packet("thing/product/DOCK1/events", payload);
    let Message::Event(event) = packet.message else { panic!("{:?}", packet.message) };
    event
}

fn dock(data: &str) -> DockOsd {
    serde_json::from_str(data).unwrap()
}

fn drift<T: WireValue>(value: &T) -> Vec<String> {
    let mut found = Vec::new();
    value.walk_drift(&mut String::new(), &mut |path, item| {
        found.push(match item {
            DriftItem::UnknownField { value } => format!("{path} unknown {value}"),
            DriftItem::WrongType(fault) => format!("{path} {} {}", fault.found, fault.kept),
            DriftItem::UnknownCode(code) => format!("{path} code {code:?}"),
            DriftItem::Dropped(count) => format!("{path} dropped {count}"),
        });
    });
    found
}

#[test]
fn a_flat_osd_without_an_envelope_is_its_own_body() {
    for payload in [
        r#"{"mode_code":0,"cover_state":1,"latitude":37.5}"#,
        r#"{"timestamp":1,"gateway":"DOCK1","mode_code":0,"cover_state":1}"#,
        "\u{feff} {\"cover_state\":1}",
    ] {
        let packet = packet("thing/product/DOCK1/osd", payload);
        assert!(packet.envelope.is_flat, "{payload}");
        let Message::Osd(Some(data)) = packet.message else { panic!("{payload}") };
        assert_eq!(dji_cloud::looks_like_dock(data), Some(true));
        let osd = dji_cloud::decode_osd_dock(data).unwrap();
        assert_eq!(osd.cover_state, Some(CoverState::Open));
    }
    for payload in [r"{}", r#"{"data":{"cover_state":1}}"#, r#"{"tid":"t","cover_state":1}"#] {
        assert!(!packet("thing/product/DOCK1/osd", payload).envelope.is_flat, "{payload}");
    }
}

#[test]
fn the_envelope_takes_what_devices_send() {
    let payload = r#"{"tid":7,"bid":"b\u0041","timestamp":"1700000000000","need_reply":true,
        "method":"hms","seq":3.0,"gateway":null,"data":null,"extra":{"a":[1]}}"#;
    let envelope = decode_envelope(payload.as_bytes()).unwrap();
    assert_eq!(envelope.ids(), dji_cloud::Ids { tid: "7", bid: "bA" });
    assert_eq!(envelope.timestamp_ms, Some(1_700_000_000_000));
    assert_eq!((envelope.need_reply, envelope.seq), (Some(true), Some(3)));
    assert_eq!((envelope.gateway.as_deref(), envelope.method.as_deref()), (None, Some("hms")));
    assert_eq!(envelope.data.map(serde_json::value::RawValue::get), Some("null"));
    assert_eq!(envelope.drift.unknown()[0].0, "extra");
    for (need_reply, expect) in
        [("1", true), ("0", false), ("\"1\"", true), ("2", false), ("null", false), ("[]", false)]
    {
        let payload = format!(r#"{{"need_reply":{need_reply}}}"#);
        let envelope = decode_envelope(payload.as_bytes()).unwrap();
        assert_eq!(envelope.wants_reply(), expect, "{payload}");
    }
    // heart_beat repeats its method: the last one counts.
    let twice = decode_envelope(br#"{"method":"a","method":"heart_beat"}"#).unwrap();
    assert_eq!(twice.method.as_deref(), Some("heart_beat"));
}

#[test]
fn bad_payloads_say_what_is_bad() {
    let error = |payload: &[u8]| decode_envelope(payload).map(drop).unwrap_err();
    assert_eq!(error(b"\xff\xfe"), DecodeError::NotUtf8 { at: 0 });
    for payload in ["1", "null", "\"x\"", "[{}]", "true", "-1.5", "18446744073709551615"] {
        assert_eq!(error(payload.as_bytes()), DecodeError::NotAnObject, "{payload}");
    }
    for payload in ["", "{", "{}x", "{\"a\":}", "{'a':1}", "{\"data\":{\"a\":01}}", "nul"] {
        assert!(matches!(error(payload.as_bytes()), DecodeError::Syntax { .. }), "{payload}");
    }
    let deep = |depth: usize| format!("{}1{}", "{\"data\":".repeat(depth), "}".repeat(depth));
    assert_eq!(error(deep(33).as_bytes()), DecodeError::TooDeep { max: 32 });
    assert!(decode_envelope(deep(32).as_bytes()).is_ok());
    let wide = format!(r#"{{"data":[{}0]}}"#, "[],".repeat(100));
    assert!(decode_envelope(wide.as_bytes()).is_ok());
    let text = format!(r#"{{"data":"{}\""}}"#, "[{".repeat(100));
    assert!(decode_envelope(text.as_bytes()).is_ok());
    assert!(matches!(error("[".repeat(100_000).as_bytes()), DecodeError::TooDeep { .. }));
    let limits = Limits { payload_bytes: 10, nesting: 32 };
    assert_eq!(
        envelope::decode_envelope_within(b"{\"tid\":\"123\"}", limits).unwrap_err(),
        DecodeError::TooLarge { len: 13, max: 10 }
    );
    assert_eq!(decode("thing/product/+/osd", b"{}").unwrap_err(), DecodeError::UnknownTopic);
}

#[test]
fn both_shapes_of_update_topo_are_read() {
    for (data, key, version) in [
        (
            r#"{"domain":"3","type":2,"sub_type":0,"thing_version":"1.1.2","sub_devices":
            [{"sn":"AIR1","domain":"0","type":91,"sub_type":1,"index":"A"}]}"#,
            Some(ModelKey::DOCK_2),
            Some("1.1.2"),
        ),
        (
            r#"{"domain":3,"type":"2","sub_type":"0","sub_devices":
            [{"sn":"AIR1","domain":"0","type":"91","sub_type":"1","index":"A"}]}"#,
            Some(ModelKey::DOCK_2),
            None,
        ),
        (r#"{"type":98,"sub_type":0,"version":1,"sub_devices":[{"sn":"AIR1"}]}"#, None, Some("1")),
    ] {
        let payload = format!(r#"{{"tid":"t","method":"update_topo","data":{data}}}"#);
        let packet = packet("sys/product/DOCK1/status", &payload);
        let Message::UpdateTopo(topo) = packet.message else { panic!("{payload}") };
        assert_eq!(topo.model_key(), key);
        assert_eq!(topo.thing_version.as_deref().or(topo.version.as_deref()), version);
        assert_eq!(topo.sub_devices()[0].sn.as_deref(), Some("AIR1"));
        if key.is_some() {
            assert_eq!(topo.sub_devices()[0].model_key(), Some(ModelKey::M3TD));
        }
    }
    let offline = packet("sys/product/D/status", r#"{"data":{"type":2,"sub_devices":[]}}"#);
    let Message::UpdateTopo(topo) = offline.message else { panic!() };
    assert!(topo.sub_devices().is_empty() && topo.sub_devices.is_some());
}

#[test]
fn secrets_stay_out_of_debug() {
    let payload = r#"{"method":"airport_organization_get","data":
        {"device_binding_code":"hidden-code","organization_id":"org"}}"#;
    let message = packet("thing/product/D/requests", payload).message;
    let Message::Request(Request::OrganizationGet(request)) = &message else { panic!() };
    assert_eq!(request.device_binding_code.as_ref().unwrap().expose(), "hidden-code");
    assert!(!format!("{request:?}").contains("hidden-code"));
    let topo = r#"{"device_secret":"hidden-code","nonce":"hidden-code"}"#;
    let topo: dji_cloud::device::UpdateTopo = serde_json::from_str(topo).unwrap();
    assert!(!format!("{topo:?}").contains("hidden-code"));
    topo.visit(0, &mut |_, leaf| assert_ne!(leaf, LeafRef::Text("hidden-code")));
    for topic in
        ["services", "requests", "events", "osd", "drc/up", "services_reply", "property/set"]
    {
        let topic = format!("thing/product/D/{topic}");
        let payload =
            r#"{"method":"live_start_push","data":{"url":"hidden-code"},"x":"hidden-code"}"#;
        let packet = packet(&topic, payload);
        assert!(!format!("{packet:?}").contains("hidden-code"), "{packet:?}");
    }
}

#[test]
fn a_flight_is_never_done_by_accident() {
    for (status, result, expect) in [
        (r#""ok""#, "0", Verdict::Succeeded),
        ("1", "0", Verdict::Unknown),
        ("0", "0", Verdict::Unknown),
        (r#""success""#, "0", Verdict::Unknown),
        (r#""OK""#, "0", Verdict::Unknown),
        ("true", "0", Verdict::Unknown),
        (r#""ok""#, r#""?""#, Verdict::Unknown),
        (r#""in_progress""#, "0", Verdict::Running),
        (r#""paused""#, "0", Verdict::Running),
        (r#""partially_done""#, "0", Verdict::PartiallyDone),
        (r#""ok""#, "321517", Verdict::Failed { code: 321_517, status: Some(JobStatus::Ok) }),
        (
            r#""canceled""#,
            "322283",
            Verdict::Failed { code: 322_283, status: Some(JobStatus::Canceled) },
        ),
    ] {
        let payload = format!(
            r#"{{"bid":"other","need_reply":1,"method":"flighttask_progress","data":{{"result":
            {result},"output":{{"status":{status},"ext":{{"flight_id":"F1"}},"progress":
            {{"current_step":24,"percent":"40"}}}}}}}}"#
        );
        let Event::FlighttaskProgress(progress) = event(&payload) else { panic!("{payload}") };
        assert_eq!(progress.verdict(), expect, "{payload}");
        assert_eq!(progress.flight_id(), Some("F1"));
        assert_eq!(progress.percent(), Some(40.0));
    }
}

#[test]
fn events_of_a_careless_simulator_are_read_and_flagged() {
    let payload = r#"{"method":"hms","data":{"list":[{"code":"0x16100083","device_type":"aircraft",
        "imminent":true,"in_the_sky":"1","level":9,"args":{"sensor_index":"2"}}]}}"#;
    let Event::Hms(hms) = event(payload) else { panic!() };
    let item = &hms.list.as_ref().unwrap()[0];
    assert_eq!((item.imminent, item.in_the_sky), (Some(Flag(true)), Some(Flag(true))));
    assert_eq!(item.args.as_ref().unwrap().sensor_index, Some(2));
    assert_eq!(
        drift(&hms),
        [
            "list[].imminent bool true",
            "list[].in_the_sky string true",
            "list[].level code 9",
            "list[].args.sensor_index string true",
        ]
    );
    let Event::ExitHoming(homing) =
        event(r#"{"method":"device_exit_homing_notify","data":{"action":1,"reason":"6"}}"#)
    else {
        panic!()
    };
    assert_eq!(homing.reason.map(|reason| reason.name()), Some("no_gps_signal"));
}

#[test]
fn messages_without_a_method_are_recognised_by_their_body() {
    let request = |data: &str| {
        let payload = format!(r#"{{"tid":"t","data":{data}}}"#);
        let message = packet("thing/product/D/requests", &payload).message;
        if let Message::Request(request) = message { Some(request.method()) } else { None }
    };
    assert_eq!(request(r#"{"devices":[]}"#), Some("airport_bind_status"));
    assert_eq!(request(r#"{"bind_devices":[]}"#), Some("airport_organization_bind"));
    assert_eq!(request(r#"{"config_type":"json"}"#), Some("config"));
    assert_eq!(request(r#"{"module":"0"}"#), Some("storage_config_get"));
    assert_eq!(request("null"), None);
    assert_eq!(request("{}"), None);
    let job = r#"{"bid":"b","data":{"output":{"status":"ok"},"result":0}}"#;
    let Event::Job { method: None, progress } = event(job) else { panic!() };
    assert_eq!(progress.verdict(), Verdict::Succeeded);
    let empty = packet("thing/product/D/requests", r#"{"method":"flight_areas_get","data":null}"#);
    assert!(matches!(empty.message, Message::Request(Request::FlightAreasGet(_))));
    let strange = packet("thing/product/D/events", r#"{"method":"brand_new","data":{"a":1}}"#);
    let Message::Unknown { method, data, .. } = strange.message else { panic!() };
    assert_eq!((method.as_deref(), data.unwrap().get()), (Some("brand_new"), r#"{"a":1}"#));
}

#[test]
fn a_reply_without_a_method_or_result_is_still_a_reply() {
    for (data, expect) in [
        (r#"{"result":0}"#, Answer::Accepted(None)),
        (r#"{"result":0,"output":{}}"#, Answer::Accepted(None)),
        (r#"{"result":319036}"#, Answer::Rejected { code: 319_036, status: None }),
        ("null", Answer::Unknown),
        ("[]", Answer::Unknown),
        (r#""null""#, Answer::Unknown),
    ] {
        let payload = format!(r#"{{"tid":"t","data":{data}}}"#);
        let Message::ServicesReply(reply) =
            packet("thing/product/D/services_reply", &payload).message
        else {
            panic!("{payload}")
        };
        assert_eq!(reply.answer(), expect, "{payload}");
    }
}

#[test]
fn osd_fields_of_a_wrong_type_are_dropped_or_converted_and_flagged() {
    let osd = dock(
        r#"{"mode_code":"2","cover_state":true,"drone_in_dock":"1","rainfall":{"a":1},
        "wind_speed":"3.5","temperature":"hot","latitude":null,"humidity":"NaN","job_number":7.0,
        "network_state":[1],"storage":{"total":"10","used":{}},"home_position_is_valid":3,
        "emergency_stop_state":2,"new_thing":{"x":[1,2]},"position_state":{"new_deep":"y"}}"#,
    );
    assert_eq!(osd.mode_code, Some(DockModeCode::RemoteDebug));
    assert_eq!(osd.cover_state, Some(CoverState::Open));
    assert_eq!(osd.drone_in_dock, Some(Flag(true)));
    assert_eq!(
        (osd.rainfall, osd.temperature, osd.latitude, osd.humidity),
        (None, None, None, None)
    );
    assert_eq!((osd.wind_speed, osd.job_number), (Some(3.5), Some(7)));
    assert_eq!(osd.storage.as_ref().unwrap().total, Some(10));
    assert_eq!(osd.emergency_stop_state, None);
    let found = drift(&osd);
    for expect in [
        "mode_code string true",
        "cover_state bool true",
        "rainfall object false",
        "temperature string false",
        "humidity string false",
        "job_number float true",
        "network_state array false",
        "emergency_stop_state int false",
        r#"new_thing unknown {"x":[1,2]}"#,
        "home_position_is_valid code 3",
        "storage.total string true",
        "storage.used object false",
        r#"position_state.new_deep unknown "y""#,
    ] {
        assert!(found.iter().any(|item| item == expect), "{expect}: {found:#?}");
    }
    assert_eq!(osd.drift.faults()[0].found, Found::Text);
    assert!(!dock(r#"{"mode_code":2,"latitude":null}"#).has_drift());
}

#[test]
fn drift_is_bounded() {
    let unknown: Vec<String> = (0..500).map(|n| format!(r#""k{n}":{n}"#)).collect();
    let osd = dock(&format!("{{{}}}", unknown.join(",")));
    assert_eq!((osd.drift.unknown().len(), osd.drift.dropped()), (UNKNOWN_MAX, 436));
    let faults = r#""mode_code":[],"#.repeat(500);
    let osd = dock(&format!("{{{faults}\"heading\":1}}"));
    assert_eq!((osd.drift.faults().len(), osd.drift.dropped()), (FAULTS_MAX, 436));
    let big = dock(&format!(r#"{{"{}":[{}0]}}"#, "k".repeat(5000), "[0,0],".repeat(5000)));
    let (key, value) = &big.drift.unknown()[0];
    assert!(key.len() == 64 && value.to_string().len() < 500, "{value}");
    let batteries = r#"{"capacity_percent":1},"#.repeat(3000);
    let osd: AircraftOsd =
        serde_json::from_str(&format!(r#"{{"battery":{{"batteries":[{batteries}3]}}}}"#)).unwrap();
    assert_eq!(osd.battery.as_ref().unwrap().batteries.as_ref().unwrap().len(), ELEMENTS_MAX);
    assert_eq!(drift(&osd), ["battery.batteries array_elements true"]);
}

#[test]
fn partial_osd_merges_by_leaf() {
    let mut specs = Vec::new();
    DockOsd::describe("dock", &mut specs);
    let mut twin: Vec<Option<serde_json::Value>> = vec![None; DockOsd::COUNT];
    for part in [
        r#"{"network_state":{"rate":5.5,"quality":3},"mode_code":0}"#,
        r#"{"network_state":{"quality":4},"wireless_link":{"4g_quality":2}}"#,
        r#"{"mode_code":null,"drone_in_dock":1,"maintain_status":{"maintain_status_array":[{"state":0}]}}"#,
    ] {
        dock(part).visit(0, &mut |index, leaf| twin[index] = Some(leaf.to_value()));
    }
    let value = |key: &str| {
        let index = specs.iter().position(|spec| spec.key == key).unwrap();
        twin[index].as_ref().map(ToString::to_string)
    };
    assert_eq!(value("dock.network_state.rate").as_deref(), Some("5.5"));
    assert_eq!(value("dock.network_state.quality").as_deref(), Some("4"));
    assert_eq!(value("dock.wireless_link.4g_quality").as_deref(), Some("2"));
    assert_eq!(value("dock.mode_code").as_deref(), Some("0"));
    assert_eq!(value("dock.drone_in_dock").as_deref(), Some("true"));
    assert_eq!(
        value("dock.maintain_status.maintain_status_array").as_deref(),
        Some(r#"[{"state":0}]"#)
    );
    assert_eq!(twin.iter().flatten().count(), 6);
    let rate = specs.iter().find(|spec| spec.key == "dock.network_state.rate").unwrap();
    assert_eq!(rate.unit, "kB/s");
    let mode = specs.iter().find(|spec| spec.key == "dock.mode_code").unwrap();
    assert!(mode.codes.contains(&(4, "working")));
}

#[test]
fn payload_keys_are_payloads_and_nothing_else_is() {
    let osd: AircraftOsd = serde_json::from_str(
        r#"{"81-0-0":{"gimbal_pitch":-30.5,"odd":1},"176-0-0":{},"81-0":{},"a-0-0":{},"80-0-0":3,
        "rc_lost_action":2,"attitude_head":41.7}"#,
    )
    .unwrap();
    let payloads = osd.payloads.as_ref().unwrap();
    assert_eq!(payloads.get("81-0-0").unwrap().gimbal_pitch, Some(-30.5));
    assert_eq!(payloads.0.len(), 2);
    assert_eq!(
        drift(&osd),
        [
            "81-0 unknown {}",
            "a-0-0 unknown {}",
            "payloads array_elements false",
            "payloads.odd unknown 1",
        ]
    );
    assert_eq!(osd.rc_lost_action.unwrap().action(), Some(LostLinkAction::ReturnHome));
    assert_eq!(osd.attitude_head, Some(41.7));
    let written = serde_json::to_value(&osd).unwrap();
    assert_eq!(written["81-0-0"]["gimbal_pitch"], -30.5);
}
