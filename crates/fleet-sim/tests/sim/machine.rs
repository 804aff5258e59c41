//! Bring-up, telemetry, remote debugging: one dock in virtual time.

use fleet_sim::model::{CoverState, codes};
use fleet_sim::{Input, Qos};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::facts::Facts;
use crate::lab::Lab;

#[test]
fn bring_up_keeps_the_documented_order() {
    let mut lab = Lab::new(1.0, "");
    lab.wait(10_000);
    assert!(lab.sent.is_empty(), "without a link nothing is said");
    lab.input(Input::Connected);
    let expect = [
        "config",
        "airport_bind_status",
        "update_topo",
        "state",
        "state",
        "state",
        "flight_areas_get",
        "offline_map_get",
    ];
    assert_eq!(lab.methods(), expect);
    let topo = &lab.messages("/status", "update_topo")[0]["data"];
    assert_eq!((&topo["domain"], &topo["type"]), (&json!("3"), &json!(2)));
    assert_eq!(topo["sub_devices"][0]["sn"], json!(lab.model.identity().aircraft_sn));
    lab.wait(2_000);
    assert!(lab.methods().contains(&"osd".to_owned()));
}

#[test]
fn an_unbound_dock_binds_itself() {
    let mut lab = Lab::new(1.0, "");
    lab.bound = false;
    lab.input(Input::Connected);
    let expect =
        ["config", "airport_bind_status", "airport_organization_get", "airport_organization_bind"];
    assert_eq!(lab.methods()[..4], expect);
    assert!(lab.model.is_online());
}

#[test]
fn unanswered_questions_are_asked_again_and_a_new_link_begins_again() {
    let mut lab = Lab::new(1.0, "");
    lab.answers = false;
    lab.input(Input::Connected);
    lab.wait(11_000);
    let asked = lab.messages("/requests", "config");
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|message| message["tid"] == asked[0]["tid"]));
    lab.input(Input::Disconnected);
    lab.wait(20_000);
    assert_eq!(lab.sent.len(), 3, "nothing is said without a link");
    lab.answers = true;
    lab.input(Input::Connected);
    assert!(lab.model.is_online());
}

#[test]
fn telemetry_covers_every_documented_property_at_half_a_hertz() {
    let mut lab = Lab::online(1.0, "");
    let begin = lab.sent.len();
    lab.wait(20_000);
    let osd = |sn: &str| {
        let topic = format!("thing/product/{sn}/osd");
        lab.sent[begin..].iter().filter(|(_, t, _)| *t == topic).count()
    };
    assert_eq!(osd(&lab.model.identity().dock_sn), 30);
    assert_eq!(osd(&lab.model.identity().aircraft_sn), 10);
    // With the aircraft off, the dock reports its batteries itself.
    assert_eq!(lab.ask("debug_mode_open", &Value::Null), 0);
    assert_eq!(lab.ask("drone_close", &Value::Null), 0);
    lab.wait(15_000);
    let facts = Facts::load();
    for record in ["dock2 osd", "m3d osd", "dock2 state", "m3d state"] {
        let missing: Vec<_> = facts.records[record]
            .keys()
            .filter(|path| !lab.seen[record].contains(*path))
            .filter(|path| {
                !path.starts_with("dongle_infos[].") && !path.starts_with("live_status[].")
            })
            .collect();
        assert!(missing.is_empty(), "{record}: {missing:?}");
    }
    let last = lab.messages("/status", "update_topo").pop().unwrap();
    assert_eq!(last["data"]["sub_devices"], json!([]), "aircraft off");
    let before = lab.sent.len();
    lab.wait(6_000);
    assert!(lab.sent[before..].iter().all(|(_, topic, _)| !topic.contains("SIMM3T")));
}

#[test]
fn debug_jobs_need_debug_mode_and_report_progress() {
    let mut lab = Lab::online(1.0, "");
    assert_eq!(lab.ask("cover_open", &Value::Null), codes::NOT_IN_DEBUG);
    assert_eq!(lab.ask("supplement_light_open", &Value::Null), codes::NOT_IN_DEBUG);
    assert_eq!(lab.ask("debug_mode_open", &Value::Null), 0);
    assert_eq!(lab.ask("supplement_light_open", &Value::Null), 0);
    assert_eq!(lab.ask("cover_open", &Value::Null), 0);
    assert_eq!(lab.ask("cover_close", &Value::Null), codes::BUSY);
    lab.wait(4_000);
    assert_eq!(lab.model.cover(), CoverState::HalfOpen);
    lab.wait(10_000);
    assert_eq!(lab.model.cover(), CoverState::Open);
    assert_eq!((lab.osd("cover_state"), lab.osd("supplement_light_state")), (json!(1), json!(1)));
    assert_eq!(lab.osd("mode_code"), json!(2));
    let output = |event: &&Value| event["data"]["output"].clone();
    let events: Vec<_> = lab.messages("/events", "cover_open").iter().map(output).collect();
    let percents: Vec<_> = events.iter().map(|e| e["progress"]["percent"].clone()).collect();
    assert_eq!(percents, [25, 50, 75, 100]);
    assert_eq!(events[3]["status"], "ok");
    assert_eq!(lab.ask("charge_open", &Value::Null), codes::COVER_OPEN);
    let prepare = lab.prepare_data("f");
    assert_eq!(lab.ask("flighttask_prepare", &prepare), codes::REMOTE_DEBUG);
    for (method, action, result) in [
        ("alarm_state_switch", json!(1), 0),
        ("alarm_state_switch", json!(2), codes::BAD_DEBUG_PARAMETER),
        ("battery_store_mode_switch", json!(0), codes::BAD_DEBUG_PARAMETER),
        ("battery_store_mode_switch", json!(1), 0),
        ("air_conditioner_mode_switch", json!("1"), codes::BAD_DEBUG_PARAMETER),
        ("air_conditioner_mode_switch", json!(3), 0),
        ("battery_maintenance_switch", json!(1), 0),
    ] {
        assert_eq!(lab.ask(method, &json!({"action": action})), result, "{method} {action}");
    }
    assert_eq!(lab.ask("sdr_workmode_switch", &json!({"link_workmode": 1})), codes::NO_DONGLE);
    assert_eq!(lab.ask("make_coffee", &json!({})), codes::COMMAND_FAILED);
    assert_eq!(lab.ask("debug_mode_close", &Value::Null), 0);
    assert_eq!(lab.ask("debug_mode_close", &Value::Null), codes::NOT_IN_DEBUG);
}

#[test]
fn every_job_ends_ok_as_documented() {
    for method in [
        "cover_open",
        "cover_close",
        "cover_force_close",
        "drone_close",
        "drone_open",
        "charge_close",
        "charge_open",
        "drone_format",
        "device_format",
    ] {
        let mut lab = Lab::online(20.0, "battery=60");
        assert_eq!(lab.ask("debug_mode_open", &Value::Null), 0);
        assert_eq!(lab.ask(method, &Value::Null), 0, "{method}");
        lab.wait(3_000);
        let last = lab.messages("/events", method).pop().unwrap();
        assert_eq!(last["data"]["output"]["status"], "ok", "{method}");
        assert_eq!(lab.model.ground_truth().executions(method), 1, "{method}");
    }
}

#[test]
fn a_reboot_drops_the_link_and_leaves_debug_mode() {
    let mut lab = Lab::online(20.0, "");
    assert_eq!(lab.ask("debug_mode_open", &Value::Null), 0);
    assert_eq!(lab.ask("device_reboot", &Value::Null), 0);
    lab.wait(2_000);
    assert_eq!(lab.disconnects, ["reboot"]);
    lab.input(Input::Connected);
    lab.wait(2_000);
    assert_eq!(lab.osd("mode_code"), json!(0));
}

#[test]
fn properties_are_set_leaf_by_leaf() {
    let mut lab = Lab::online(1.0, "");
    let topic = format!("thing/product/{}/property/set", lab.model.identity().dock_sn);
    let set = json!({"tid": "p", "bid": "p", "data": {"obstacle_avoidance": {"upside": 0}}});
    lab.deliver(&topic, &set);
    let wrong = json!({"tid": "q", "bid": "q", "data": {"height_limit": 5}});
    lab.deliver(&topic, &wrong);
    let replies = lab.messages("/property/set_reply", "");
    assert_eq!(replies[0]["data"], json!({"obstacle_avoidance": {"upside": {"result": 0}}}));
    assert_eq!(replies[1]["data"], json!({"height_limit": {"result": 1}}));
}

#[test]
fn telemetry_is_qos_0_and_the_rest_is_not() {
    let identity = fleet_sim::identities(1, 1).remove(0);
    let cfg = fleet_sim::ModelConfig::default();
    let mut model = fleet_sim::DockModel::new(identity, cfg, 1);
    model.handle(fleet_sim::Now { mono_ms: 1, wall_ms: 1 }, Input::Connected);
    let Some(fleet_sim::Output::Publish { qos, .. }) = model.poll_output() else {
        panic!("config must be asked");
    };
    assert_eq!(qos, Qos::AtLeastOnce);
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let life = |seed: u64| {
        let mut lab = Lab::seeded(20.0, "refuse=0.2,lost_reply=0.2", seed);
        lab.input(Input::Connected);
        lab.wait(5_000);
        let prepare = lab.prepare_data("f");
        for _ in 0..10 {
            lab.command("flighttask_prepare", &prepare);
            lab.command("flighttask_execute", &json!({"flight_id": "f"}));
            lab.wait(3_000);
        }
        lab.sent
    };
    assert_eq!(life(5), life(5));
    assert_ne!(life(5), life(6));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_message_makes_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        method in prop::sample::select(vec![
            "flighttask_prepare", "flighttask_execute", "flighttask_undo", "cover_open",
            "air_conditioner_mode_switch", "debug_mode_open", "x",
        ]),
        data in prop::sample::select(vec![
            json!(null), json!([]), json!({"flight_id": 7}), json!({"flight_ids": [1, null]}),
            json!({"flight_id": "", "file": "x", "task_type": -1}), json!("text"), json!(1e300),
        ]),
        end in prop::sample::select(vec![
            "services", "requests_reply", "events_reply", "property/set", "status_reply",
        ]),
    ) {
        let mut lab = Lab::online(1.0, "");
        let sn = lab.model.identity().dock_sn.clone();
        for kind in ["thing", "sys"] {
            let topic = format!("{kind}/product/{sn}/{end}");
            let input = Input::Message { topic: topic.clone(), payload: bytes.clone().into(), expiry_s: None };
            lab.input(input);
            lab.deliver(&topic, &json!({"method": method, "data": data, "tid": 4, "bid": {}}));
        }
        lab.wait(3_000);
        prop_assert!(lab.model.is_online());
    }
}
