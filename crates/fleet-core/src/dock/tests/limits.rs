//! Repeated requests, reused identities, and memory that stays bounded.

use fleet_types::{CommandId, CommandState, MissionState, mission::Verdict};
use serde_json::json;

use super::rig::Rig;
use crate::io::SendFate;

#[test]
fn the_same_key_again_is_answered_and_not_sent_again() {
    let mut rig = Rig::online();
    rig.debugging();
    let request = rig.command_request("cover_open");
    let first = rig.ask(request.clone());
    let mut again = request;
    again.command_id = CommandId(rig.uuid());
    rig.commands.clear();
    let second = rig.ask(again);
    assert_eq!(rig.sends.len(), 1);
    rig.check(first, CommandState::Sent, None);
    assert!(!rig.commands.contains_key(&second), "one intention, one command");

    let request = rig.mission_request();
    let mut rig = Rig::online();
    let first = rig.ask_mission(request.clone());
    rig.missions.clear();
    rig.ask_mission(request);
    assert_eq!(rig.mission(first).state, MissionState::Preparing);
    assert_eq!(rig.sends.len(), 1);
}

#[test]
fn a_key_that_means_something_else_by_now_is_refused() {
    let mut rig = Rig::online();
    rig.debugging();
    let light = rig.command("supplement_light_open");
    let mut request = rig.command_request("cover_open");
    request.idempotency_key = rig.commands[&light].idempotency_key.clone();
    let id = rig.ask(request.clone());
    rig.check(id, CommandState::Rejected, Some("idempotency_conflict"));
    assert_eq!(rig.sends.len(), 1);
    // The key still belongs to the first.
    request.method = "supplement_light_open".into();
    request.command_id = CommandId(rig.uuid());
    rig.ask(request);
    assert_eq!(rig.sends.len(), 1);
}

#[test]
fn a_reused_identity_neither_repeats_nor_replaces() {
    let mut rig = Rig::online();
    rig.debugging();
    let first = rig.command("supplement_light_open");
    let mut request = rig.command_request("supplement_light_open");
    request.command_id = first;
    rig.ask(request);
    assert_eq!(rig.sends.len(), 1);
    rig.check(first, CommandState::Sent, None);

    let mut rig = Rig::online();
    let first = rig.ordered_mission();
    let mut request = rig.mission_request();
    request.mission_id = first;
    rig.ask_mission(request);
    assert_eq!(rig.mission(first).state, MissionState::Starting);
    assert_eq!(rig.dock().mission_id, Some(first), "the flight under way is still known");
}

#[test]
fn refusals_do_not_push_out_the_memory_of_what_was_sent() {
    let mut rig = Rig::online();
    rig.debugging();
    let mut request = rig.command_request("cover_open");
    let id = rig.ask(request.clone());
    rig.reply(&rig.last("cover_open"), json!({"result": 513_006}));
    rig.check(id, CommandState::Failed, Some("device_refused"));
    for _ in 0..1_000 {
        rig.command("no_such_method");
    }
    request.command_id = CommandId(rig.uuid());
    rig.ask(request);
    assert_eq!(rig.sends.len(), 1, "its key was forgotten");

    let mut rig = Rig::online();
    let mut request = rig.mission_request();
    let id = rig.ask_mission(request.clone());
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    rig.flight(id, 0, json!("ok"), 6);
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Ok));
    for _ in 0..200 {
        let mut refused = rig.mission_request();
        refused.rth_altitude_m = 5;
        rig.ask_mission(refused);
    }
    request.mission_id = fleet_types::MissionId(rig.uuid());
    rig.idle();
    rig.ask_mission(request);
    assert_eq!(rig.sent("flighttask_prepare").len(), 1, "flown twice");
}

#[test]
fn memory_stays_bounded_whatever_is_asked() {
    let mut rig = Rig::online();
    rig.debugging();
    rig.fate = Some(SendFate::Lost);
    for _ in 0..400 {
        rig.command("supplement_light_open");
        rig.command("return_home");
        rig.command("nonsense");
    }
    let ordinary = rig.sent("supplement_light_open").len();
    assert!(ordinary <= 32, "{ordinary} unknown at once");
    assert_eq!(rig.sent("return_home").len(), 400, "none of these is refused");
    assert!(rig.machine.memory() < 1_200, "{} entries", rig.machine.memory());
}

#[test]
fn a_dock_that_never_answers_preparations_does_not_fill_the_memory() {
    let mut rig = Rig::online();
    for _ in 0..100 {
        rig.idle();
        let request = rig.mission_request();
        rig.ask_mission(request);
        rig.pass(20_000);
    }
    assert!(rig.sent("flighttask_prepare").len() <= 32);
    assert!(rig.machine.memory() < 500, "{} entries", rig.machine.memory());
    rig.idle();
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    assert_eq!(rig.mission(id).reason.as_ref().unwrap().code, "queue_full");
}

#[test]
fn nobodys_key_keeps_a_mission_from_its_orders() {
    let mut rig = Rig::online();
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    let mut squatter = rig.command_request("debug_mode_close");
    let key = format!("mission:{id}:flighttask_execute");
    squatter.idempotency_key = fleet_types::IdempotencyKey::new(&key).unwrap();
    rig.ask(squatter);
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    assert_eq!(rig.sent("flighttask_execute").len(), 1);
}
