//! Partial reports, their ages, and what devices say beyond the documents.

use dji_cloud::topic::TopicKind;
use fleet_types::{Scalar, WallMs, device::Activity};
use serde_json::json;

use super::rig::{AIRCRAFT, DOCK, Rig};

fn value(rig: &Rig, sn: &str, key: &str) -> Option<Scalar> {
    rig.osd.get(sn)?.values.get(key).map(|reading| reading.value.clone())
}

#[test]
fn three_partial_reports_merge_and_each_field_keeps_its_age() {
    let mut rig = Rig::new();
    rig.bring_up();
    let first = rig.now.wall;
    rig.osd(json!({"mode_code": 0, "cover_state": 1, "network_state": {"type": 2, "rate": 5.5}}));
    rig.pass(500);
    rig.osd(json!({"job_number": 12, "network_state": {"quality": 4}}));
    rig.pass(500);
    let third = rig.now.wall;
    rig.osd(json!({"working_voltage": 24000, "cover_state": null, "mode_code": 4}));
    let check = |key: &str, expect: Scalar, at: WallMs| {
        let reading = rig.osd[DOCK].values.get(key).unwrap_or_else(|| panic!("{key} was lost"));
        assert_eq!((reading.value, reading.received_ms), (&expect, at), "{key}");
        assert_eq!(reading.source_ms, Some(at), "{key}");
    };
    check("cover_state", Scalar::Int(1), first);
    check("network_state.type", Scalar::Int(2), first);
    check("network_state.rate", Scalar::Num(5.5), first);
    check("network_state.quality", Scalar::Int(4), WallMs(first.0 + 500));
    check("job_number", Scalar::Int(12), WallMs(first.0 + 500));
    check("working_voltage", Scalar::Int(24_000), third);
    check("mode_code", Scalar::Int(4), third);
    assert_eq!(rig.osd[DOCK].report_count, 3);
    assert_eq!(rig.dock().activity, Activity::Working);
}

#[test]
fn a_field_of_both_kinds_of_report_is_one_field() {
    let mut rig = Rig::new();
    rig.bring_up();
    rig.osd(json!({"acc_time": 1}));
    rig.state(json!({"acc_time": 2, "firmware_version": "10.02"}));
    assert_eq!(value(&rig, DOCK, "acc_time"), Some(Scalar::Int(2)));
    assert_eq!(rig.dock().firmware.as_deref(), Some("10.02"));
    for osd in rig.osd.values() {
        let keys: Vec<_> = osd.values.schema.fields.iter().map(|field| &field.key).collect();
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(keys.len(), distinct.len(), "a key twice in {keys:?}");
    }
}

#[test]
fn a_report_of_the_wrong_shape_clears_nothing() {
    let mut rig = Rig::online();
    for data in [json!([]), json!("x"), json!(null), json!({}), json!({"cover_state": {"a": 1}})] {
        rig.osd(data);
    }
    assert_eq!(value(&rig, DOCK, "cover_state"), Some(Scalar::Int(0)));
    assert_eq!(value(&rig, DOCK, "drone_in_dock"), Some(Scalar::Bool(true)));
}

#[test]
fn an_aircraft_in_the_dock_is_only_what_the_documents_call_so() {
    let mut rig = Rig::new();
    rig.bring_up();
    for odd in [json!(2), json!(-1), json!("maybe"), json!(0.5), json!([1])] {
        rig.osd(json!({"drone_in_dock": odd}));
        assert_eq!(value(&rig, DOCK, "drone_in_dock"), None, "{odd}");
    }
    assert!(!rig.unknowns("type").is_empty());
}

#[test]
fn osd_without_an_envelope_and_types_as_strings_are_read() {
    let mut rig = Rig::new();
    let flat = json!({"mode_code": "0", "cover_state": "1", "drone_in_dock": true,
        "temperature": "21.5", "network_state": {"rate": 3}});
    rig.publish(TopicKind::Osd, DOCK, &flat);
    assert_eq!(value(&rig, DOCK, "mode_code"), Some(Scalar::Int(0)));
    assert_eq!(value(&rig, DOCK, "cover_state"), Some(Scalar::Int(1)));
    assert_eq!(value(&rig, DOCK, "drone_in_dock"), Some(Scalar::Bool(true)));
    assert_eq!(value(&rig, DOCK, "temperature"), Some(Scalar::Num(21.5)));
    rig.publish(TopicKind::Osd, AIRCRAFT, &json!({"mode_code": 5, "attitude_head": 12}));
    assert_eq!(value(&rig, AIRCRAFT, "attitude_head"), Some(Scalar::Num(12.0)));
    assert_eq!(rig.devices[AIRCRAFT].activity, Activity::FlyingMission);
}

#[test]
fn an_aircrafts_fields_on_the_docks_topic_are_not_the_docks() {
    let mut rig = Rig::online();
    rig.osd(json!({"mode_code": 3, "attitude_head": 1.0, "elevation": 9.0, "gear": 1}));
    assert_eq!(value(&rig, DOCK, "mode_code"), Some(Scalar::Int(0)));
    let expect = ("10.01.1605".into(), "aircraft fields on the dock's topic".into());
    assert_eq!(rig.unknowns("topic"), [expect]);
}

#[test]
fn what_is_not_documented_is_counted_by_firmware_and_not_fatal() {
    let mut rig = Rig::online();
    rig.osd(json!({"cover_state": 0, "moon_phase": 3, "mode_code": 77}));
    rig.event("moon_landing", "", json!({"a": 1}));
    assert_eq!(rig.request("moon_get", json!({}))["result"], 1, "answered, not served");
    let firmware = "10.01.1605".to_owned();
    let of = |key: &str| (firmware.clone(), key.to_owned());
    assert_eq!(rig.unknowns("field"), [of("moon_phase")]);
    assert!(rig.unknowns("method").contains(&of("moon_landing")));
    assert!(rig.unknowns("method").contains(&of("moon_get")));
    assert_eq!(rig.unknowns("value").len(), 1);
    assert_eq!(rig.dock().activity, Activity::Unknown, "mode 77 is no mode we know");
    assert!(rig.events.iter().any(|event| event.method == "moon_landing"), "shown");
    let told = rig.drift_count;
    rig.osd(json!({"moon_phase": 4}));
    assert_eq!(rig.drift_count, told, "known by now");
    rig.state(json!({"firmware_version": "10.02"}));
    rig.osd(json!({"moon_phase": 4}));
    assert_eq!(rig.unknowns("field"), [of("moon_phase"), ("10.02".into(), "moon_phase".into())]);
}

#[test]
fn clock_skew_is_that_of_the_least_delayed_report() {
    let mut rig = Rig::new();
    for delay in [900, 40, 3_000] {
        let source = rig.now.wall.0 - delay;
        let message = json!({"timestamp": source, "data": {"mode_code": 0}});
        rig.publish(TopicKind::Osd, DOCK, &message);
    }
    rig.bring_up();
    rig.pass(1_000);
    let skew = |rig: &mut Rig, source: i64| {
        for _ in 0..8 {
            let message = json!({"timestamp": source, "data": {"mode_code": 0}});
            rig.publish(TopicKind::Osd, DOCK, &message);
        }
        rig.dock().clock_skew_ms
    };
    let now = rig.now.wall.0;
    assert_eq!(skew(&mut rig, now + 60_000), Some(60_000));
    assert_eq!(skew(&mut rig, now - 60_000), Some(-60_000));
}

#[test]
fn an_absurd_clock_is_no_reason_to_panic_and_holds_flights_back() {
    let mut rig = Rig::online();
    for source in [i64::MAX, i64::MIN, i64::MAX, i64::MIN] {
        for _ in 0..8 {
            let message = json!({"timestamp": source, "data": {"emergency_stop_state": 0,
                "mode_code": 0, "drone_in_dock": 1}});
            rig.publish(TopicKind::Osd, DOCK, &message);
        }
        let request = rig.mission_request();
        let id = rig.ask_mission(request);
        let reason = rig.mission(id).reason.as_ref().expect("refused");
        assert_eq!(reason.code, "clock_skew", "{source}");
    }
}
