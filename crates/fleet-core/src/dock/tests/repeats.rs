//! What is harmless to repeat leaves again while nobody answers; nothing else ever does.

use fleet_types::{CommandId, CommandState};
use serde_json::json;

use super::rig::Rig;
use crate::io::SendFate;

const LIFE_MS: u64 = 60_000;

/// Asks for a command that may live for a minute.
fn ask(rig: &mut Rig, method: &str) -> CommandId {
    let mut request = rig.command_request(method);
    request.expires_in_ms = LIFE_MS;
    rig.ask(request)
}

/// Time passes with the dock reporting, in remote-debug mode, every two seconds.
fn live(rig: &mut Rig, seconds: u64) {
    for _ in 0..seconds / 2 {
        rig.pass(2_000);
        rig.idle_but(&json!({"mode_code": 2}));
    }
}

fn debugging() -> Rig {
    let mut rig = Rig::online();
    rig.debugging();
    rig
}

#[test]
fn what_is_harmless_leaves_three_times_under_one_tid() {
    let mut rig = debugging();
    let id = ask(&mut rig, "debug_mode_close");
    live(&mut rig, 8);
    assert_eq!(rig.sent("debug_mode_close").len(), 1);
    live(&mut rig, 4);
    let sent = rig.sent("debug_mode_close");
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|send| send.command_id == id && send.expires == sent[0].expires));
    rig.check(id, CommandState::Sent, None);
    live(&mut rig, 20);
    assert_eq!(rig.sent("debug_mode_close").len(), 3);
    rig.check(id, CommandState::Unknown, Some("lost_reply"));
    let records = rig.order.iter().filter(|step| *step == "journal debug_mode_close").count();
    assert_eq!(records, 1, "it is the same command");
    live(&mut rig, 600);
    assert_eq!(rig.sent("debug_mode_close").len(), 3);
}

#[test]
fn an_answer_to_any_copy_is_the_answer() {
    let mut rig = debugging();
    let id = ask(&mut rig, "debug_mode_close");
    live(&mut rig, 12);
    rig.reply(&rig.last("debug_mode_close"), json!({"result": 314_000}));
    rig.check(id, CommandState::Failed, Some("device_refused"));
    live(&mut rig, 60);
    assert_eq!(rig.sent("debug_mode_close").len(), 2);
}

#[test]
fn nothing_dangerous_is_ever_repeated() {
    let mut rig = debugging();
    for method in ["cover_open", "cover_close", "return_home_cancel"] {
        ask(&mut rig, method);
    }
    live(&mut rig, 120);
    assert_eq!(rig.sent("cover_open").len(), 1);
    let mut rig = Rig::online();
    rig.ordered_mission();
    rig.pass(3_600_000);
    rig.idle();
    assert_eq!(rig.sent("flighttask_execute").len(), 1);
    assert_eq!(rig.sent("flighttask_prepare").len(), 1);
}

#[test]
fn a_later_order_a_changed_world_or_its_end_of_life_stop_it() {
    let mut rig = debugging();
    ask(&mut rig, "supplement_light_open");
    ask(&mut rig, "supplement_light_close");
    live(&mut rig, 40);
    assert_eq!(rig.sent("supplement_light_open").len(), 1, "the light was switched off since");
    assert_eq!(rig.sent("supplement_light_close").len(), 3);

    let mut rig = debugging();
    rig.pass(2_000);
    let id = ask(&mut rig, "supplement_light_open");
    rig.pass(60_000);
    assert_eq!(rig.sent("supplement_light_open").len(), 1, "the dock is not heard any more");
    rig.check(id, CommandState::Unknown, Some("lost_reply"));

    let mut rig = debugging();
    let id = rig.command("supplement_light_open");
    live(&mut rig, 40);
    assert_eq!(rig.sent("supplement_light_open").len(), 1, "it lived for 10 s");
    rig.check(id, CommandState::Unknown, Some("lost_reply"));
}

#[test]
fn counter_actions_are_repeated_whatever_the_world_looks_like() {
    let mut rig = Rig::online();
    let id = ask(&mut rig, "return_home");
    rig.pass(60_000);
    assert_eq!(rig.sent("return_home").len(), 3);
    rig.check(id, CommandState::Unknown, Some("lost_reply"));
}

#[test]
fn a_copy_that_does_not_leave_says_nothing_of_the_one_that_did() {
    for fate in [
        SendFate::NotSent,
        SendFate::Expired,
        SendFate::NoSubscriber,
        SendFate::Refused,
        SendFate::Lost,
    ] {
        let mut rig = debugging();
        let id = ask(&mut rig, "debug_mode_close");
        rig.fate = Some(fate);
        live(&mut rig, 12);
        assert_eq!(rig.sent("debug_mode_close").len(), 2);
        rig.check(id, CommandState::Unknown, Some("lost_reply"));
        rig.reply(&rig.last("debug_mode_close"), json!({"result": 314_000}));
        rig.check(id, CommandState::Failed, Some("device_refused"));
    }
}

#[test]
fn after_a_restart_nothing_is_repeated() {
    let mut rig = debugging();
    let id = ask(&mut rig, "debug_mode_close");
    rig.restart_from_records();
    rig.bring_up();
    live(&mut rig, 60);
    assert_eq!(rig.sent("debug_mode_close").len(), 1);
    rig.check(id, CommandState::Unknown, Some("restarted"));
}

#[test]
fn after_a_restart_the_word_of_the_link_on_one_copy_settles_nothing() {
    for fate in [SendFate::NotSent, SendFate::Expired, SendFate::NoSubscriber, SendFate::Refused] {
        let mut rig = debugging();
        let id = ask(&mut rig, "debug_mode_close");
        rig.restart_from_records();
        rig.fate_of(id, fate);
        rig.check(id, CommandState::Unknown, Some("restarted"));
    }
}
