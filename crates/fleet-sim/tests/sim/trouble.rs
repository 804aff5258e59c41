//! Faults: each does what its help text says, and the ground truth tells what was really done.

use fleet_sim::model::{Outcome, codes};
use fleet_sim::{FAULTS_HELP, Input};
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
