//! Faults: each does what its help text says, and the ground truth tells what was really done.

use fleet_sim::model::{AircraftMode, CoverState, Outcome, codes};
use fleet_sim::{FAULTS_HELP, Input};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::lab::Lab;

#[test]
fn nothing_is_deduplicated_but_a_second_flight_is_refused() {
    let mut lab = Lab::online(20.0, "");
    let prepare = lab.prepare_data("f");
    lab.ask("flighttask_prepare", &prepare);
    let execute = json!({"flight_id": "f"});
    let tid = lab.command("flighttask_execute", &execute);
    lab.command_again("flighttask_execute", &execute, &tid);
    assert_eq!(lab.results(&tid), [0, codes::ALREADY_RUNNING]);
    lab.wait_for(25_000, |lab| lab.status() == "ok");
    lab.command_again("flighttask_execute", &execute, &tid);
    let truth = lab.model.ground_truth();
    assert_eq!((truth.take_offs(), truth.executions("flighttask_execute")), (1, 1));
    assert_eq!(truth.received("flighttask_execute"), 3);

    assert_eq!(lab.ask("debug_mode_open", &Value::Null), 0);
    for _ in 0..2 {
        lab.command_again("cover_open", &Value::Null, "same");
        lab.wait(2_000);
    }
    assert_eq!(lab.results("same"), [0, 0]);
    assert_eq!(lab.model.ground_truth().executions_of_tid("same"), 2);
    let record = lab.model.ground_truth().records().last().unwrap();
    assert_eq!((record.method.as_str(), record.expiry_s), ("cover_open", Some(7)));
}

#[test]
fn commands_fail_in_every_promised_way() {
    let run = |faults: &str| {
        let mut lab = Lab::online(20.0, faults);
        let tid = lab.command("debug_mode_open", &Value::Null);
        lab.wait(3_000);
        let outcome = lab.model.ground_truth().records().last().unwrap().outcome;
        let effect = lab.osd("mode_code") == json!(2);
        (lab, tid, outcome, effect)
    };
    let (lab, tid, outcome, effect) = run("refuse");
    assert_eq!((lab.results(&tid), effect), (vec![codes::CANNOT_RESPOND], false));
    assert_eq!(outcome, Outcome::Refused(codes::CANNOT_RESPOND));
    let (lab, tid, outcome, effect) = run("lost_reply");
    assert_eq!((lab.results(&tid), outcome, effect), (vec![], Outcome::Executed, true));
    let (lab, tid, outcome, effect) = run("silent");
    assert_eq!((lab.results(&tid), outcome, effect), (vec![], Outcome::NotDone, false));
    let (lab, tid, outcome, effect) = run("no_effect");
    assert_eq!((lab.results(&tid), outcome, effect), (vec![0], Outcome::NotDone, false));
    let (mut lab, tid, outcome, effect) = run("late_reply,late_s=10");
    assert_eq!((lab.results(&tid), outcome, effect), (vec![], Outcome::Executed, true));
    lab.wait(8_000);
    assert_eq!(lab.results(&tid), [0]);
    let (lab, tid, _, effect) = run("refuse,only=cover_open");
    assert_eq!((lab.results(&tid), effect), (vec![0], true));

    let mut lab = Lab::online(20.0, "crash");
    let tid = lab.command("debug_mode_open", &Value::Null);
    assert_eq!(
        (lab.disconnects.as_slice(), lab.results(&tid)),
        (["crash fault"].as_slice(), vec![])
    );
    lab.input(Input::Connected);
    lab.wait(2_000);
    assert_eq!(lab.osd("mode_code"), json!(2));
}

#[test]
fn held_answers_wait_for_their_release() {
    let mut lab = Lab::online(1.0, "");
    lab.model.hold_replies(true);
    let tid = lab.command("debug_mode_open", &Value::Null);
    lab.wait(5_000);
    assert!(lab.results(&tid).is_empty());
    lab.model.hold_replies(false);
    lab.input(Input::Tick);
    assert_eq!(lab.results(&tid), [0]);
}

#[test]
fn a_refused_licence_and_a_wrong_clock_show() {
    let mut lab = Lab::new(1.0, "licence");
    lab.input(Input::Connected);
    assert_eq!(lab.disconnects, ["app licence refused"]);
    assert!(!lab.model.is_online());
    let mut lab = Lab::online(1.0, "skew_ms=45000");
    let prepare = lab.prepare_data("f");
    assert_eq!(lab.ask("flighttask_prepare", &prepare), codes::CLOCKS_DIFFER);
    let sent = lab.sent.last().unwrap().2["timestamp"].as_i64().unwrap();
    assert_eq!(sent - lab.now.wall_ms, 45_000);
}

#[test]
fn an_insistent_dock_asks_to_be_bound_with_an_empty_code() {
    let lab = Lab::online(1.0, "unbound");
    let asked = lab.messages("/requests", "airport_organization_bind");
    assert_eq!(asked[0]["data"]["bind_devices"][0]["device_binding_code"], "");
}

#[test]
fn devices_of_the_field_break_their_envelopes() {
    let mut lab = Lab::online(20.0, "flat_osd,string_types,int_status,no_gateway,no_need_reply");
    lab.fly("f");
    lab.wait(5_000);
    let osd = lab.sent.iter().find(|(_, topic, _)| topic.ends_with("/osd")).unwrap();
    assert!(osd.2.get("data").is_none() && osd.2.get("job_number").is_some());
    let topo = &lab.messages("/status", "update_topo")[0]["data"];
    assert_eq!((&topo["type"], topo.get("thing_version")), (&json!("2"), None));
    let event = lab.last_event().unwrap();
    assert_eq!(event["data"]["output"]["status"], 1);
    assert!(event.get("gateway").is_none() && event.get("need_reply").is_none());
}

#[test]
fn the_help_names_every_fault() {
    for line in FAULTS_HELP.lines().filter(|line| line.starts_with("  ")) {
        let name = line.split_whitespace().next().unwrap();
        let item = match name {
            "only=A+B" | "skew_ms=N" | "battery=N" => name.replace('N', "5"),
            plain => plain.to_owned(),
        };
        assert!(item.parse::<fleet_sim::FaultPlan>().is_ok(), "{item}");
    }
}

/// What may happen to a dock, in any order.
#[derive(Debug, Clone)]
enum Event {
    Command(&'static str),
    Prepare,
    Connect,
    Disconnect,
    CloudSilent(bool),
    Hold(bool),
    Wait(u64),
}

fn any_event() -> impl Strategy<Value = Event> {
    let methods = [
        "flighttask_execute",
        "flighttask_execute",
        "flighttask_pause",
        "flighttask_recovery",
        "flighttask_undo",
        "return_home",
        "return_home_cancel",
        "debug_mode_open",
        "debug_mode_close",
        "cover_open",
        "cover_close",
        "drone_open",
        "drone_close",
        "charge_open",
        "charge_close",
        "device_reboot",
    ];
    prop_oneof![
        6 => prop::sample::select(methods.to_vec()).prop_map(Event::Command),
        2 => Just(Event::Prepare),
        2 => Just(Event::Connect),
        1 => Just(Event::Disconnect),
        1 => any::<bool>().prop_map(Event::CloudSilent),
        1 => any::<bool>().prop_map(Event::Hold),
        6 => (1u64..8_000).prop_map(Event::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_the_machine_stays_whole(
        events in prop::collection::vec(any_event(), 1..60),
        faults in prop::sample::select(vec![
            "", "crash=0.2", "refuse=0.3", "lost_reply=0.5", "silent=0.3", "no_effect=0.3",
        ]),
        seed in 0u64..1_000,
    ) {
        let mut lab = Lab::seeded(20.0, faults, seed);
        lab.input(Input::Connected);
        for event in events {
            match event {
                Event::Command(method) => {
                    let data = json!({"flight_id": "f", "flight_ids": ["f"]});
                    lab.command(method, &data);
                }
                Event::Prepare => {
                    let data = lab.prepare_data("f");
                    lab.command("flighttask_prepare", &data);
                }
                Event::Connect => lab.input(Input::Connected),
                Event::Disconnect => lab.input(Input::Disconnected),
                Event::CloudSilent(silent) => lab.answers = !silent,
                Event::Hold(hold) => lab.model.hold_replies(hold),
                Event::Wait(ms) => lab.wait(ms),
            }
            let model = &lab.model;
            let truth = model.ground_truth();
            prop_assert!(truth.take_offs() <= truth.executions("flighttask_execute"));
            prop_assert!((0.0..=100.0).contains(&model.battery_percent()));
            if model.is_airborne() {
                prop_assert_eq!(model.cover(), CoverState::Open);
            } else {
                prop_assert_eq!(model.aircraft_position().2, 0.0);
            }
        }
        // After everything, a cloud that answers finds the dock again and the aircraft at home.
        lab.answers = true;
        lab.model.hold_replies(false);
        // Twice, because a reboot under way takes the first link away.
        for _ in 0..2 {
            lab.input(Input::Connected);
            lab.wait(30_000);
        }
        prop_assert!(lab.model.is_online());
        if lab.model.is_airborne() {
            lab.command_again("return_home", &Value::Null, "last-1");
            let hovers = matches!(lab.model.aircraft_mode(), AircraftMode::Manual | AircraftMode::Wayline);
            prop_assert!(!hovers || !faults.is_empty(), "told to come home, it must");
            lab.wait(120_000);
        }
        prop_assert!(!lab.model.is_airborne() || !faults.is_empty());
    }
}
