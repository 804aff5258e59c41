//! Operator commands: good paths, refusals, silence, and how an unknown is closed.

use fleet_types::{CommandState, DeviceSn, ResponseCode, command::ResolvedOutcome};
use serde_json::json;

use super::rig::{AIRCRAFT, Rig};
use crate::{
    io::{Input, SendFate},
    journal::Entry,
};

use CommandState::{Acknowledged, Expired, Failed, Rejected, Sent, Succeeded, Unknown};

#[test]
fn a_switch_is_done_when_telemetry_shows_it() {
    for (method, before, after) in [
        ("debug_mode_open", json!({"mode_code": 0}), json!({"mode_code": 2})),
        ("debug_mode_close", json!({"mode_code": 2}), json!({"mode_code": 0})),
        ("supplement_light_open", json!({"mode_code": 2}), json!({"supplement_light_state": 1})),
        (
            "supplement_light_close",
            json!({"mode_code": 2, "supplement_light_state": 1}),
            json!({"supplement_light_state": 0}),
        ),
    ] {
        let mut rig = Rig::online();
        rig.osd(before.clone());
        let id = rig.command(method);
        rig.check(id, Sent, None);
        rig.pass(100);
        rig.reply(&rig.last(method), json!({"result": 0}));
        rig.check(id, Acknowledged, None);
        rig.pass(100);
        rig.osd(before);
        rig.check(id, Acknowledged, None);
        rig.pass(100);
        rig.osd(after);
        rig.check(id, Succeeded, None);
        let status = &rig.commands[&id];
        assert_eq!(status.response_code, Some(ResponseCode::Ok));
        let steps: Vec<_> = status.steps.iter().map(|step| step.step.as_str()).collect();
        let expect = ["accepted", "journaled", "sent", "acknowledged", "observed", "finished"];
        assert_eq!(steps, expect, "{method}");
        assert_eq!(status.steps[3].action_duration_ms, 100);
        assert_eq!(
            rig.order[rig.order.len() - 2..],
            [format!("journal {method}"), format!("send {method}"),]
        );
    }
}

#[test]
fn a_yes_without_an_effect_is_unknown_until_the_effect_shows() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("supplement_light_open");
    rig.reply(&rig.last("supplement_light_open"), json!({"result": 0}));
    rig.pass(14_999);
    rig.check(id, Acknowledged, None);
    rig.pass(1);
    rig.check(id, Unknown, Some("no_effect"));
    rig.pass(86_400_000);
    rig.check(id, Unknown, Some("no_effect"));
    rig.osd(json!({"supplement_light_state": 1}));
    rig.check(id, Succeeded, Some("observed"));
}

#[test]
fn a_cover_is_done_by_its_jobs_own_word() {
    for method in ["cover_open", "cover_close"] {
        let mut rig = Rig::online();
        rig.debugging();
        let id = rig.command(method);
        rig.reply(&rig.last(method), json!({"result": 0, "output": {"status": "in_progress"}}));
        rig.pass(100_000);
        rig.job(id, 0, json!("in_progress"), 50);
        rig.pass(100_000);
        rig.check(id, Acknowledged, None);
        assert_eq!(rig.commands[&id].progress.as_ref().unwrap().percent, Some(50));
        rig.osd(json!({"cover_state": i32::from(method == "cover_open")}));
        rig.check(id, Acknowledged, None);
        rig.job(id, 0, json!("ok"), 100);
        rig.check(id, Succeeded, None);
    }
}

#[test]
fn a_job_ends_as_its_words_say() {
    let check = |result: i64, status: serde_json::Value, state, reason: Option<&str>| {
        let mut rig = Rig::online();
        rig.debugging();
        let id = rig.command("cover_open");
        rig.reply(&rig.last("cover_open"), json!({"result": 0}));
        rig.job(id, result, status, 10);
        rig.check(id, state, reason);
    };
    check(0, json!("ok"), Succeeded, None);
    check(514_107, json!("ok"), Failed, Some("device_failed"));
    check(514_107, json!("failed"), Failed, Some("device_failed"));
    check(0, json!("canceled"), Failed, Some("device_canceled"));
    check(0, json!("timeout"), Failed, Some("device_timeout"));
    check(0, json!("rejected"), Failed, Some("device_failed"));
    for odd in [json!("success"), json!("OK"), json!(0), json!(2), json!(true), json!(null)] {
        check(0, odd, Acknowledged, None);
    }
}

#[test]
fn words_nobody_understands_keep_no_job_alive() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("cover_open");
    rig.reply(&rig.last("cover_open"), json!({"result": 0}));
    for _ in 0..13 {
        rig.pass(10_000);
        rig.job(id, 0, json!(2), 10);
    }
    rig.check(id, Unknown, Some("lost_reply"));
    rig.osd(json!({"cover_state": 1}));
    rig.check(id, Succeeded, Some("observed"));
}

#[test]
fn a_job_that_falls_silent_is_unknown_and_its_late_word_closes_it() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("cover_open");
    rig.reply(&rig.last("cover_open"), json!({"result": 0}));
    rig.pass(120_000);
    rig.check(id, Unknown, Some("lost_reply"));
    rig.job(id, 0, json!("in_progress"), 60);
    rig.check(id, Acknowledged, None);
    rig.pass(120_000);
    rig.check(id, Unknown, Some("lost_reply"));
    rig.job(id, 514_107, json!("failed"), 60);
    rig.check(id, Failed, Some("device_failed"));
    assert_eq!(rig.commands[&id].reason.as_ref().unwrap().device_code, Some(514_107));
    rig.job(id, 0, json!("ok"), 100);
    rig.check(id, Failed, Some("device_failed"));
}

#[test]
fn the_end_of_a_job_may_overtake_answer_and_link() {
    let mut rig = Rig::online();
    rig.debugging();
    rig.fate = None;
    let id = rig.command("cover_open");
    rig.job(id, 0, json!("ok"), 100);
    rig.check(id, Succeeded, None);
    rig.fate_of(id, SendFate::Sent);
    rig.reply(&rig.last("cover_open"), json!({"result": 0}));
    rig.check(id, Succeeded, None);
}

#[test]
fn an_event_of_another_flow_is_not_this_commands() {
    let done = json!({"result": 0, "output": {"status": "ok", "progress": {"percent": 100}}});
    let mut rig = Rig::online();
    rig.debugging();
    rig.fate = None;
    let id = rig.command("cover_open");
    // Somebody on site opened the cover before: flows that are not ours, or none at all.
    for bid in ["aaaaaaaa-0000-4000-8000-000000000000", "on-site-1", "", "0"] {
        rig.event("cover_open", bid, done.clone());
        rig.check(id, CommandState::Journaled, None);
    }
    rig.fate_of(id, SendFate::Sent);
    rig.event("cover_open", "on-site-1", done.clone());
    rig.event("cover_open", "", done.clone());
    rig.check(id, Sent, None);
    rig.reply(&rig.last("cover_open"), json!({"result": 0}));
    rig.event("cover_open", "on-site-1", done.clone());
    rig.event("cover_close", &rig.commands[&id].trace_id.to_string(), done.clone());
    rig.check(id, Acknowledged, None);
    // A dock that leaves the flow out is taken at its word once it took the command.
    rig.event("cover_open", "", done);
    rig.check(id, Succeeded, None);
}

#[test]
fn an_event_that_is_no_job_of_the_method_proves_nothing() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("supplement_light_open");
    rig.reply(&rig.last("supplement_light_open"), json!({"result": 0}));
    rig.job(id, 0, json!("in_progress"), 10);
    rig.job(id, 0, json!("ok"), 100);
    rig.pass(1_000);
    rig.check(id, Acknowledged, None);
}

#[test]
fn a_refusal_is_told_with_the_docks_code() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("cover_open");
    rig.reply(&rig.last("cover_open"), json!({"result": 513_006}));
    rig.check(id, Failed, Some("device_refused"));
    let status = &rig.commands[&id];
    assert_eq!(status.response_code, Some(ResponseCode::Rejected));
    assert_eq!(status.reason.as_ref().unwrap().device_code, Some(513_006));
    let id = rig.command("supplement_light_open");
    let reply = json!({"result": 0, "output": {"status": "rejected"}});
    rig.reply(&rig.last("supplement_light_open"), reply);
    rig.check(id, Failed, Some("device_refused"));
}

#[test]
fn a_lost_reply_is_unknown_for_ever_and_never_sent_again() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("supplement_light_open");
    rig.pass(9_999);
    rig.check(id, Sent, None);
    rig.pass(1);
    rig.check(id, Unknown, Some("lost_reply"));
    assert_eq!(rig.commands[&id].response_code, Some(ResponseCode::Unknown));
    rig.pass(7 * 86_400_000);
    rig.check(id, Unknown, Some("lost_reply"));
    assert_eq!(rig.sends.len(), 1);
    // What was true before it left proves nothing; the late answer does.
    rig.reply(&rig.last("supplement_light_open"), json!({"result": 314_001}));
    rig.check(id, Failed, Some("device_refused"));
}

#[test]
fn an_answer_that_says_nothing_is_no_outcome() {
    for data in
        [json!({}), json!(null), json!({"result": "fine"}), json!({"result": 0.4}), json!(0)]
    {
        let mut rig = Rig::online();
        rig.debugging();
        let id = rig.command("supplement_light_open");
        rig.reply(&rig.last("supplement_light_open"), data.clone());
        rig.check(id, Unknown, Some("lost_reply"));
        rig.reply(&rig.last("supplement_light_open"), json!({"result": 0}));
        rig.check(id, Acknowledged, None);
    }
}

#[test]
fn foreign_replies_are_counted_and_change_nothing() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("supplement_light_open");
    let reply = |rig: &mut Rig, tid: serde_json::Value, method: &str| {
        let message = json!({"tid": tid, "method": method, "data": {"result": 0}});
        rig.publish(dji_cloud::topic::TopicKind::ServicesReply, super::rig::DOCK, &message);
    };
    reply(&mut rig, json!("aaaaaaaa-0000-4000-8000-000000000000"), "supplement_light_open");
    reply(&mut rig, json!("nonsense"), "supplement_light_open");
    reply(&mut rig, json!(null), "supplement_light_open");
    reply(&mut rig, json!(id.to_string()), "cover_open");
    rig.check(id, Sent, None);
    assert!(!rig.unknowns("reply").is_empty());
    // Examples leave the method out.
    let message = json!({"tid": id.to_string(), "data": {"result": 0}});
    rig.publish(dji_cloud::topic::TopicKind::ServicesReply, super::rig::DOCK, &message);
    rig.check(id, Acknowledged, None);
}

#[test]
fn a_person_settles_only_what_is_unknown() {
    for (outcome, state, code) in [
        (ResolvedOutcome::Succeeded, Succeeded, ResponseCode::Ok),
        (ResolvedOutcome::Failed, Failed, ResponseCode::Failed),
    ] {
        let mut rig = Rig::online();
        rig.debugging();
        let id = rig.command("cover_open");
        rig.resolve(id, outcome);
        rig.check(id, Sent, None);
        rig.pass(10_000);
        rig.resolve(id, outcome);
        rig.check(id, state, Some("resolved_by_person"));
        assert_eq!(rig.commands[&id].response_code, Some(code));
        let resolved = |entry: &Entry| matches!(entry, Entry::Resolved { .. });
        assert_eq!(rig.records.iter().filter(|(_, record)| resolved(&record.entry)).count(), 1);
        rig.job(id, 0, json!("in_progress"), 10);
        rig.check(id, state, Some("resolved_by_person"));
    }
}

#[test]
fn the_links_word_decides_what_certainly_did_not_arrive() {
    let check = |fate, state, reason| {
        let mut rig = Rig::online();
        rig.debugging();
        rig.fate = Some(fate);
        let id = rig.command("cover_open");
        rig.check(id, state, Some(reason));
        rig.pass(60_000);
        rig.check(id, state, Some(reason));
        assert_eq!(rig.sends.len(), 1);
    };
    check(SendFate::Lost, Unknown, "send_lost");
    check(SendFate::NoSubscriber, Rejected, "broker_no_subscriber");
    check(SendFate::Refused, Rejected, "link_down");
    check(SendFate::NotSent, Rejected, "link_down");
    check(SendFate::Expired, Expired, "expired");
}

#[test]
fn a_link_that_never_reports_is_silence_too() {
    let mut rig = Rig::online();
    rig.debugging();
    rig.fate = None;
    let id = rig.command("cover_open");
    rig.pass(3_600_000);
    rig.check(id, Unknown, Some("send_lost"));
    rig.fate_of(id, SendFate::NotSent);
    rig.check(id, Rejected, Some("link_down"));
}

#[test]
fn a_slow_no_subscriber_still_counts_but_never_against_the_docks_word() {
    let mut rig = Rig::online();
    rig.debugging();
    let id = rig.command("cover_open");
    rig.pass(10_000);
    rig.check(id, Unknown, Some("lost_reply"));
    rig.fate_of(id, SendFate::NoSubscriber);
    rig.check(id, Rejected, Some("broker_no_subscriber"));

    rig.debugging();
    let id = rig.command("supplement_light_open");
    rig.reply(&rig.last("supplement_light_open"), json!({}));
    rig.check(id, Unknown, Some("lost_reply"));
    rig.fate_of(id, SendFate::NoSubscriber);
    rig.check(id, Unknown, Some("lost_reply"));
}

#[test]
fn without_a_journal_nothing_ordinary_leaves() {
    let mut rig = Rig::online();
    rig.debugging();
    rig.journal_is_fast = false;
    let id = rig.command("cover_open");
    rig.journal_answers(false);
    rig.check(id, Rejected, Some("journal_down"));
    assert!(rig.sends.is_empty());

    let slow = rig.command("supplement_light_open");
    rig.pass(10_000);
    rig.check(slow, Expired, Some("expired"));
    rig.journal_answers(true);
    rig.check(slow, Expired, Some("expired"));
    assert!(rig.sends.is_empty());
}

#[test]
fn a_counter_action_leaves_first_whatever_fails() {
    for method in ["return_home", "flighttask_pause"] {
        let mut rig = Rig::online();
        rig.journal_is_fast = false;
        rig.pass(600_000);
        rig.input(Input::CommandLink { is_up: false });
        let id = rig.command(method);
        assert_eq!(rig.order, [format!("send {method}"), format!("journal {method}")]);
        assert!(rig.sends[0].counter_action);
        rig.journal_answers(false);
        rig.check(id, Sent, None);
        rig.pass(10_000);
        rig.check(id, Unknown, Some("lost_reply"));
    }
}

#[test]
fn a_counter_action_is_not_held_back_by_its_body_or_by_a_used_key() {
    let mut rig = Rig::online();
    rig.debugging();
    let light = rig.command("supplement_light_open");
    let mut request = rig.command_request("return_home");
    request.idempotency_key = rig.commands[&light].idempotency_key.clone();
    request.data = json!({"why": "smoke"});
    let id = rig.ask(request);
    rig.check(id, Sent, None);
    let call: serde_json::Value = serde_json::from_slice(&rig.last("return_home").payload).unwrap();
    assert_eq!(call["data"], json!({}));
}

#[test]
fn return_home_is_done_when_the_aircraft_returns() {
    let check = |mode: i64, state, reason: Option<&str>| {
        let mut rig = Rig::online();
        rig.aircraft_osd(json!({"mode_code": 9}));
        rig.pass(1_000);
        let id = rig.command("return_home");
        rig.reply(&rig.last("return_home"), json!({"result": 0}));
        rig.check(id, Acknowledged, None);
        rig.pass(2_000);
        rig.aircraft_osd(json!({"mode_code": mode}));
        rig.pass(15_000);
        rig.check(id, state, reason);
    };
    check(9, Succeeded, None);
    check(10, Succeeded, None);
    check(5, Unknown, Some("no_effect"));
    // It lands where it is: that is not home.
    check(11, Unknown, Some("no_effect"));
    check(12, Unknown, Some("no_effect"));

    // One that was home before its next report is home all the same.
    let mut rig = Rig::online();
    rig.osd(json!({"drone_in_dock": 0}));
    rig.pass(1_000);
    let id = rig.command("return_home");
    rig.reply(&rig.last("return_home"), json!({"result": 0}));
    rig.pass(1_000);
    rig.osd(json!({"drone_in_dock": 0}));
    rig.check(id, Acknowledged, None);
    rig.osd(json!({"drone_in_dock": 1}));
    rig.check(id, Succeeded, None);
}

#[test]
fn interlocks_are_asked_again_when_it_is_to_leave() {
    let mut rig = Rig::online();
    rig.debugging();
    rig.journal_is_fast = false;
    let id = rig.command("cover_close");
    rig.osd(json!({"drone_in_dock": 0}));
    rig.journal_answers(true);
    rig.check(id, Rejected, Some("aircraft_out"));
    rig.osd(json!({"drone_in_dock": 1}));
    let id = rig.command("cover_close");
    rig.input(Input::CommandLink { is_up: false });
    rig.journal_answers(true);
    rig.check(id, Rejected, Some("link_down"));
    assert!(rig.sends.is_empty());
}

#[test]
fn stale_facts_refuse_while_the_dock_is_online() {
    let mut rig = Rig::online();
    rig.debugging();
    rig.pass(6_000);
    rig.osd(json!({"mode_code": 2}));
    rig.pass(6_000);
    rig.osd(json!({"mode_code": 2}));
    let id = rig.command("cover_close");
    rig.check(id, Rejected, Some("aircraft_state_stale"));
    rig.osd(json!({"drone_in_dock": 1}));
    let id = rig.command("cover_close");
    rig.check(id, Sent, None);
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let check = |rig: &mut Rig, method: &str, data: serde_json::Value, reason: &str| {
        let mut request = rig.command_request(method);
        request.data = data;
        let id = rig.ask(request);
        rig.check(id, Rejected, Some(reason));
        assert_eq!(rig.commands[&id].response_code, Some(ResponseCode::Rejected));
    };
    let mut rig = Rig::online();
    check(&mut rig, "take_off_now", json!(null), "unknown_method");
    check(&mut rig, "flighttask_execute", json!({"flight_id": "x"}), "unknown_method");
    check(&mut rig, "debug_mode_open", json!({"x": 1}), "bad_data");
    check(&mut rig, "cover_open", json!(null), "needs_debug_mode");
    check(&mut rig, "flighttask_recovery", json!(null), "no_mission");
    rig.debugging();
    let first = rig.command("cover_open");
    rig.check(first, Sent, None);
    check(&mut rig, "cover_close", json!(null), "dock_busy");
    rig.pass(10_000);
    check(&mut rig, "supplement_light_open", json!(null), "silent");
    rig.pass(20_000);
    check(&mut rig, "supplement_light_open", json!(null), "dock_offline");
    assert_eq!(rig.sends.len(), 1);
}

#[test]
fn a_command_for_another_dock_is_not_sent_to_this_one() {
    let mut rig = Rig::online();
    for method in ["debug_mode_open", "return_home"] {
        let mut request = rig.command_request(method);
        request.sn = DeviceSn::new("SIMDK200000002").unwrap();
        let id = rig.ask(request);
        rig.check(id, Rejected, Some("wrong_dock"));
    }
    let mut request = rig.mission_request();
    request.sn = DeviceSn::new(AIRCRAFT).unwrap();
    let id = rig.ask_mission(request);
    assert_eq!(rig.mission(id).reason.as_ref().unwrap().code, "wrong_dock");
    assert!(rig.sends.is_empty());
}

#[test]
fn an_aircraft_that_waits_to_leave_has_not_come_home() {
    let mut rig = Rig::online();
    rig.ordered_mission();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    let id = rig.command("return_home");
    rig.fate_of(id, SendFate::Lost);
    rig.pass(100);
    rig.osd(json!({"mode_code": 4, "drone_in_dock": 1}));
    rig.check(id, Unknown, Some("send_lost"));
}

#[test]
fn a_counter_action_that_was_not_delivered_is_sent_when_asked_for_again() {
    let mut rig = Rig::online();
    let mut request = rig.command_request("return_home");
    let first = rig.ask(request.clone());
    rig.fate_of(first, SendFate::NoSubscriber);
    rig.check(first, Rejected, Some("broker_no_subscriber"));
    request.command_id = fleet_types::CommandId(rig.uuid());
    let second = rig.ask(request.clone());
    rig.check(second, Sent, None);
    request.command_id = fleet_types::CommandId(rig.uuid());
    rig.ask(request);
    assert_eq!(rig.sent("return_home").len(), 2, "the second is on its way");
}
