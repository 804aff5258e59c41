//! One flight from request to verdict, and everything that can come between.

use fleet_types::{
    CommandState, MissionId, MissionState,
    command::{ResolvedOutcome, Subject},
    mission::Verdict,
};
use serde_json::{Value, json};

use super::rig::Rig;
use crate::{
    io::{Input, SendFate},
    journal::Entry,
    spec::mission_spec,
};

#[track_caller]
fn check(rig: &Rig, id: MissionId, state: MissionState, end: Option<(Verdict, Option<&str>)>) {
    let status = rig.mission(id);
    let reason = status.reason.as_ref().map(|reason| reason.code.as_ref());
    let found = status.verdict.map(|verdict| (verdict, reason));
    assert_eq!((status.state, found), (state, end), "{status:?}");
}

fn reason(rig: &Rig, id: MissionId) -> Option<&str> {
    rig.mission(id).reason.as_ref().map(|reason| reason.code.as_ref())
}

fn call(rig: &Rig, method: &str) -> Value {
    serde_json::from_slice(&rig.last(method).payload).unwrap()
}

#[test]
fn a_flight_from_request_to_verdict() {
    let mut rig = Rig::online();
    let request = rig.mission_request();
    let (wayline_id, md5) = (request.wayline_id, request.file_md5.clone());
    let id = rig.ask_mission(request);
    check(&rig, id, MissionState::Preparing, None);
    let prepare = call(&rig, "flighttask_prepare");
    assert_eq!(prepare["data"]["flight_id"], id.to_string());
    assert_eq!(prepare["data"]["execute_time"], rig.now.wall.0);
    assert_eq!(prepare["data"]["task_type"], 0);
    assert_eq!(prepare["data"]["file"]["url"], "https://tower.site/files/quay");
    assert_eq!(prepare["data"]["file"]["fingerprint"], md5);
    assert_eq!(prepare["data"]["rth_altitude"], 80);
    assert_eq!(prepare["data"]["rth_mode"], 1);
    assert_eq!(prepare["data"]["out_of_control_action"], 0);
    assert_eq!(prepare["data"]["exit_wayline_when_rc_lost"], 0);
    assert!(rig.sent("flighttask_execute").is_empty(), "not before the dock prepared");

    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    check(&rig, id, MissionState::Starting, None);
    assert_eq!(call(&rig, "flighttask_execute")["data"], json!({"flight_id": id.to_string()}));
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    check(&rig, id, MissionState::Executing, None);

    assert_eq!(
        rig.request("flighttask_resource_get", json!({"flight_id": id.to_string()})),
        Value::Null
    );
    let (exchange, file) = rig.minted.pop().expect("an address is made");
    assert_eq!(file, wayline_id);
    let before = rig.replies.len();
    rig.input(Input::FileUrl { exchange: exchange.clone(), url: Some("https://fresh".into()) });
    let (_, answer) = &rig.replies[before];
    assert_eq!(
        (&answer["tid"], &answer["method"]),
        (&json!(exchange.tid), &json!("flighttask_resource_get"))
    );
    let file = json!({"url": "https://fresh", "fingerprint": md5});
    assert_eq!(answer["data"], json!({"result": 0, "output": {"file": file}}));

    rig.flight(id, 0, json!("in_progress"), 5);
    let progress = rig.mission(id).progress.clone();
    assert_eq!(progress.percent, Some(40));
    assert_eq!(progress.current_step, Some(24));
    assert_eq!((progress.waypoint_index, progress.media_count), (Some(3), Some(2)));
    rig.pass(100_000);
    check(&rig, id, MissionState::Executing, None);
    rig.flight(id, 0, json!("ok"), 6);
    check(&rig, id, MissionState::Ended, Some((Verdict::Ok, None)));
    assert_eq!(rig.dock().mission_id, None);
    let outcomes = |rig: &Rig| {
        let is_it = |entry: &Entry| matches!(entry, Entry::MissionOutcome { .. });
        rig.records.iter().filter(|(_, record)| is_it(&record.entry)).count()
    };
    assert_eq!(outcomes(&rig), 1);
    // The same word again, or another one, changes nothing.
    rig.flight(id, 0, json!("ok"), 6);
    rig.flight(id, 319_000, json!("failed"), 6);
    rig.flight(id, 0, json!("in_progress"), 5);
    check(&rig, id, MissionState::Ended, Some((Verdict::Ok, None)));
    assert_eq!(outcomes(&rig), 1);
    for (_, record) in &rig.records {
        let text = serde_json::to_string(record).unwrap();
        assert!(!text.contains("https://"), "an address went on record: {text}");
    }
}

#[test]
fn an_order_to_fly_is_good_for_as_long_as_its_answer_is_waited_for() {
    let mut rig = Rig::online();
    let mut request = rig.mission_request();
    request.expires_in_ms = 300_000;
    rig.ask_mission(request);
    for method in ["flighttask_prepare", "flighttask_execute"] {
        let order = rig.last(method);
        let wait_ms = mission_spec(method).unwrap().reply_timeout_ms;
        assert_eq!(order.expires, rig.now.mono.after_ms(wait_ms), "{method}");
        rig.reply(&order, json!({"result": 0}));
    }
}

#[test]
fn a_copy_refused_because_the_flight_is_under_way_does_not_end_it() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    // The answer to the first copy was lost, and the broker delivered the order again.
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 321_257}));
    check(&rig, id, MissionState::Unknown, None);
    assert!(rig.is_locked());
    rig.flight(id, 0, json!("in_progress"), 5);
    check(&rig, id, MissionState::Executing, None);
    rig.flight(id, 0, json!("ok"), 6);
    check(&rig, id, MissionState::Ended, Some((Verdict::Ok, None)));
    // Of any other order the code is a refusal.
    let mut rig = Rig::online();
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 321_257}));
    check(&rig, id, MissionState::Ended, Some((Verdict::Rejected, Some("device_refused"))));
}

#[test]
fn a_refusal_ends_the_flight_unless_the_dock_came_back_since_the_order_left() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 319_016}));
    check(&rig, id, MissionState::Ended, Some((Verdict::Rejected, Some("device_refused"))));

    // The broker delivers again what the dock did not acknowledge; the first copy may be followed.
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    rig.bring_up();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 319_016}));
    check(&rig, id, MissionState::Unknown, None);
    assert!(rig.is_locked());
    rig.pass(3_600_000);
    check(&rig, id, MissionState::Unknown, None);
    rig.flight(id, 0, json!("in_progress"), 5);
    check(&rig, id, MissionState::Executing, None);

    // It came back before the order left: there is one copy.
    let mut rig = Rig::online();
    rig.bring_up();
    let id = rig.ordered_mission();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 319_016}));
    check(&rig, id, MissionState::Ended, Some((Verdict::Rejected, Some("device_refused"))));
}

#[test]
fn the_docks_last_word_is_the_verdict() {
    for (result, status, verdict, why) in [
        (0, "partially_done", Verdict::PartiallyDone, "partially_done"),
        (319_000, "failed", Verdict::Failed, "device_failed"),
        (319_000, "ok", Verdict::Failed, "device_failed"),
        (0, "canceled", Verdict::Canceled, "device_canceled"),
        (0, "rejected", Verdict::Rejected, "device_refused"),
        (0, "timeout", Verdict::Timeout, "device_timeout"),
    ] {
        let mut rig = Rig::online();
        let id = rig.ordered_mission();
        rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
        rig.flight(id, result, json!(status), 6);
        check(&rig, id, MissionState::Ended, Some((verdict, Some(why))));
    }
}

#[test]
fn numbers_and_almost_words_never_become_ok() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    for odd in
        [json!(0), json!(3), json!(6), json!("success"), json!("OK"), json!(true), json!(null)]
    {
        rig.flight(id, 0, odd, 6);
        check(&rig, id, MissionState::Executing, None);
    }
}

#[test]
fn a_flight_pauses_goes_on_and_comes_home() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    rig.flight(id, 0, json!("in_progress"), 5);
    rig.pass(500);
    let pause = rig.command("flighttask_pause");
    rig.reply(&rig.last("flighttask_pause"), json!({"result": 0}));
    rig.pass(500);
    rig.flight(id, 0, json!("in_progress"), 5);
    rig.check(pause, CommandState::Acknowledged, None);
    rig.pass(500);
    rig.flight(id, 0, json!("paused"), 7);
    rig.check(pause, CommandState::Succeeded, None);
    check(&rig, id, MissionState::Paused, None);

    rig.osd(json!({"mode_code": 4}));
    let recovery = rig.command("flighttask_recovery");
    rig.reply(&rig.last("flighttask_recovery"), json!({"result": 0}));
    rig.pass(500);
    rig.flight(id, 0, json!("paused"), 7);
    rig.check(recovery, CommandState::Acknowledged, None);
    // That it was paused a moment ago does not show that a second pause was followed.
    let pause = rig.command("flighttask_pause");
    rig.reply(&rig.last("flighttask_pause"), json!({"result": 0}));
    rig.check(pause, CommandState::Acknowledged, None);
    rig.pass(500);
    rig.flight(id, 0, json!("in_progress"), 5);
    rig.check(recovery, CommandState::Succeeded, None);
    check(&rig, id, MissionState::Executing, None);
    // Interrupted by flight control, without the word.
    rig.flight(id, 0, json!("in_progress"), 7);
    check(&rig, id, MissionState::Paused, None);

    let home = rig.command("return_home");
    rig.reply(&rig.last("return_home"), json!({"result": 0}));
    rig.pass(500);
    rig.aircraft_osd(json!({"mode_code": 9}));
    rig.check(home, CommandState::Succeeded, None);
    rig.flight(id, 0, json!("canceled"), 6);
    check(&rig, id, MissionState::Ended, Some((Verdict::Canceled, Some("device_canceled"))));
}

#[test]
fn a_mission_that_may_not_start_says_why() {
    let check = |change: Value, why: &str| {
        let mut rig = Rig::online();
        rig.osd(change);
        let request = rig.mission_request();
        let id = rig.ask_mission(request);
        check(&rig, id, MissionState::Ended, Some((Verdict::Rejected, Some(why))));
        assert!(rig.sends.is_empty());
    };
    check(json!({"drone_in_dock": 0}), "aircraft_out");
    check(json!({"emergency_stop_state": 1}), "emergency_stop");
    check(json!({"mode_code": 2}), "dock_busy");
    check(json!({"mode_code": 3}), "dock_busy");
    check(json!({"mode_code": 5}), "dock_busy");

    let mut rig = Rig::online();
    let first = rig.ordered_mission();
    let request = rig.mission_request();
    let second = rig.ask_mission(request);
    assert_eq!(reason(&rig, second), Some("mission_active"));
    assert_eq!(rig.mission(first).state, MissionState::Starting);
}

#[test]
fn nothing_closes_over_a_flight_that_is_about_to_start() {
    let mut rig = Rig::online();
    let _ = rig.ordered_mission();
    rig.osd(json!({"mode_code": 2}));
    for method in ["cover_close", "debug_mode_open"] {
        let id = rig.command(method);
        rig.check(id, CommandState::Rejected, Some("mission_active"));
    }
}

#[test]
fn a_refused_or_lost_preparation_never_flies() {
    let mut rig = Rig::online();
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 314_000}));
    check(&rig, id, MissionState::Ended, Some((Verdict::Rejected, Some("device_refused"))));

    let mut rig = Rig::online();
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    rig.pass(20_000);
    check(&rig, id, MissionState::Ended, Some((Verdict::Expired, Some("lost_reply"))));
    assert!(!rig.is_locked(), "nothing took off");
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    check(&rig, id, MissionState::Ended, Some((Verdict::Expired, Some("lost_reply"))));
    assert!(rig.sent("flighttask_execute").is_empty());
}

#[test]
fn take_off_is_not_ordered_when_the_world_changed_or_time_ran_out() {
    let prepared = |change: fn(&mut Rig)| {
        let mut rig = Rig::online();
        let request = rig.mission_request();
        let id = rig.ask_mission(request);
        rig.journal_is_fast = false;
        rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
        change(&mut rig);
        rig.journal_answers(true);
        assert!(rig.sent("flighttask_execute").is_empty());
        (rig, id)
    };
    let (rig, id) = prepared(|rig| rig.osd(json!({"emergency_stop_state": 1})));
    check(&rig, id, MissionState::Ended, Some((Verdict::Rejected, Some("emergency_stop"))));
    let (rig, id) = prepared(|rig| rig.osd(json!({"drone_in_dock": 0})));
    check(&rig, id, MissionState::Ended, Some((Verdict::Rejected, Some("aircraft_out"))));
    let (rig, id) = prepared(|rig| rig.pass(60_000));
    check(&rig, id, MissionState::Ended, Some((Verdict::Expired, Some("expired"))));
    let (rig, id) = prepared(|rig| {
        let id = *rig.missions.keys().next().unwrap();
        rig.flight(id, 0, json!("canceled"), 0);
    });
    check(&rig, id, MissionState::Ended, Some((Verdict::Canceled, Some("device_canceled"))));
}

#[test]
fn progress_before_take_off_was_ordered_is_no_flight() {
    let mut rig = Rig::online();
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    // Some docks report on the preparation, and fetch the file for it.
    rig.flight(id, 0, json!("in_progress"), 0);
    rig.flight(id, 0, json!("ok"), 6);
    rig.request("flighttask_resource_get", json!({"flight_id": id.to_string()}));
    check(&rig, id, MissionState::Preparing, None);
    rig.journal_is_fast = false;
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    rig.flight(id, 0, json!("in_progress"), 0);
    rig.flight(id, 0, json!("ok"), 6);
    rig.request("flighttask_resource_get", json!({"flight_id": id.to_string()}));
    check(&rig, id, MissionState::Starting, None);
    rig.journal_answers(true);
    assert_eq!(rig.sent("flighttask_execute").len(), 1, "the order is still given");
}

/// A mission whose order to fly left and was not answered.
fn unknown_take_off() -> (Rig, MissionId, fleet_types::CommandId) {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    rig.pass(20_000);
    rig.idle();
    check(&rig, id, MissionState::Unknown, None);
    assert_eq!(reason(&rig, id), Some("lost_reply"));
    let execute = rig.last("flighttask_execute").command_id;
    rig.check(execute, CommandState::Unknown, Some("lost_reply"));
    assert!(rig.is_locked());
    let request = rig.mission_request();
    let second = rig.ask_mission(request);
    assert_eq!(reason(&rig, second), Some("flight_locked"));
    rig.pass(7 * 86_400_000);
    assert!(rig.is_locked(), "time settles nothing");
    rig.idle();
    assert_eq!(rig.sent("flighttask_execute").len(), 1);
    (rig, id, execute)
}

#[test]
fn an_unknown_take_off_locks_until_progress_tells() {
    let (mut rig, id, execute) = unknown_take_off();
    rig.flight(id, 0, json!(3), 5);
    assert!(rig.is_locked(), "a word that means nothing settles nothing");
    rig.flight(id, 0, json!("in_progress"), 5);
    assert!(!rig.is_locked());
    check(&rig, id, MissionState::Executing, None);
    assert_eq!(reason(&rig, id), None);
    rig.check(execute, CommandState::Succeeded, Some("observed"));
    rig.flight(id, 0, json!("ok"), 6);
    check(&rig, id, MissionState::Ended, Some((Verdict::Ok, None)));
}

#[test]
fn an_unknown_take_off_is_settled_by_a_late_reply() {
    let (mut rig, id, execute) = unknown_take_off();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    assert!(!rig.is_locked());
    check(&rig, id, MissionState::Executing, None);
    assert_eq!(reason(&rig, id), None);
    rig.check(execute, CommandState::Succeeded, None);

    let (mut rig, id, execute) = unknown_take_off();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 314_000}));
    assert!(!rig.is_locked());
    check(&rig, id, MissionState::Ended, Some((Verdict::Rejected, Some("device_refused"))));
    rig.check(execute, CommandState::Failed, Some("device_refused"));
}

#[test]
fn an_unknown_take_off_is_settled_by_the_file_being_fetched() {
    let (mut rig, id, execute) = unknown_take_off();
    rig.request("flighttask_resource_get", json!({"flight_id": id.to_string()}));
    assert!(!rig.is_locked());
    check(&rig, id, MissionState::Executing, None);
    rig.check(execute, CommandState::Succeeded, Some("observed"));
}

#[test]
fn an_unknown_take_off_is_settled_by_a_person() {
    let (mut rig, id, execute) = unknown_take_off();
    rig.resolve(execute, ResolvedOutcome::Failed);
    assert!(!rig.is_locked());
    check(&rig, id, MissionState::Ended, Some((Verdict::Failed, Some("resolved_by_person"))));
    let next = rig.ordered_mission_again();
    assert_eq!(rig.mission(next).state, MissionState::Starting);

    let (mut rig, id, execute) = unknown_take_off();
    rig.resolve(execute, ResolvedOutcome::Succeeded);
    assert!(!rig.is_locked());
    check(&rig, id, MissionState::Executing, None);
    rig.flight(id, 0, json!("ok"), 6);
    check(&rig, id, MissionState::Ended, Some((Verdict::Ok, None)));
}

#[test]
fn a_mission_whose_end_is_never_reported_is_settled_by_a_person() {
    for (outcome, verdict) in
        [(ResolvedOutcome::Succeeded, Verdict::Ok), (ResolvedOutcome::Failed, Verdict::Failed)]
    {
        let mut rig = Rig::online();
        let id = rig.ordered_mission();
        // Take-off is on its way: its own life is not over yet.
        rig.settle(Subject::Mission(id), outcome);
        check(&rig, id, MissionState::Starting, None);
        rig.flight(id, 0, json!("in_progress"), 6);
        check(&rig, id, MissionState::Executing, None);
        rig.settle(Subject::Mission(id), outcome);
        check(&rig, id, MissionState::Ended, Some((verdict, Some("resolved_by_person"))));
        rig.flight(id, 0, json!("canceled"), 6);
        check(&rig, id, MissionState::Ended, Some((verdict, Some("resolved_by_person"))));
        let next = rig.ordered_mission_again();
        assert_eq!(rig.mission(next).state, MissionState::Starting);
    }
    // One whose take-off is unknown: the order is settled by the same word.
    let (mut rig, id, execute) = unknown_take_off();
    rig.settle(Subject::Mission(id), ResolvedOutcome::Failed);
    check(&rig, id, MissionState::Ended, Some((Verdict::Failed, Some("resolved_by_person"))));
    rig.check(execute, CommandState::Failed, Some("resolved_by_person"));
    assert!(!rig.is_locked());
    let (mut rig, id, execute) = unknown_take_off();
    rig.settle(Subject::Mission(id), ResolvedOutcome::Succeeded);
    check(&rig, id, MissionState::Ended, Some((Verdict::Ok, Some("resolved_by_person"))));
    rig.check(execute, CommandState::Succeeded, Some("resolved_by_person"));
}

#[test]
fn the_last_word_may_come_before_the_answer() {
    for (status, verdict, state) in [
        ("ok", Verdict::Ok, CommandState::Succeeded),
        ("failed", Verdict::Failed, CommandState::Succeeded),
        // A dock that refuses the flight has not followed the order.
        ("rejected", Verdict::Rejected, CommandState::Failed),
    ] {
        let mut rig = Rig::online();
        rig.fate = None;
        let request = rig.mission_request();
        let id = rig.ask_mission(request);
        rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
        let execute = rig.last("flighttask_execute");
        rig.flight(id, 0, json!(status), 6);
        assert_eq!(rig.mission(id).verdict, Some(verdict));
        assert_eq!(rig.commands[&execute.command_id].state, state);
        rig.fate_of(execute.command_id, SendFate::Sent);
        rig.reply(&execute, json!({"result": 0}));
        rig.pass(600_000);
        assert_eq!(rig.mission(id).verdict, Some(verdict));
        assert!(!rig.is_locked());
    }
}

#[test]
fn a_lost_send_of_the_order_to_fly_locks_and_a_certain_one_does_not() {
    for (fate, locked) in [
        (SendFate::Lost, true),
        (SendFate::NoSubscriber, false),
        (SendFate::NotSent, false),
        (SendFate::Expired, false),
    ] {
        let mut rig = Rig::online();
        let request = rig.mission_request();
        let id = rig.ask_mission(request);
        rig.fate = Some(fate);
        rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
        assert_eq!(rig.is_locked(), locked, "{fate:?}");
        assert_eq!(rig.mission(id).verdict.is_none(), locked, "{fate:?}");
    }
}

#[test]
fn other_flights_reports_are_not_this_ones() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    let other = MissionId(rig.uuid());
    rig.flight(other, 0, json!("failed"), 6);
    let trace = rig.mission(id).trace_id.to_string();
    let named = |flight: &str| json!({"result": 0, "output": {"status": "failed", "ext": {"flight_id": flight}}});
    rig.event("flighttask_progress", &trace, named(&other.to_string()));
    rig.event("flighttask_progress", &trace, named("flight of somebody else"));
    check(&rig, id, MissionState::Starting, None);
    // Left out, the flow tells; another flow's is another's.
    let bare = json!({"result": 0, "output": {"status": "in_progress"}});
    rig.event("flighttask_progress", "on-site", bare.clone());
    rig.event("flighttask_progress", "", bare.clone());
    check(&rig, id, MissionState::Starting, None);
    rig.event("flighttask_progress", &trace, bare);
    check(&rig, id, MissionState::Executing, None);
}

#[test]
fn a_file_is_given_only_for_a_flight_of_ours_that_goes_on() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    let refused = json!({"result": 1});
    for flight in [json!(rig.uuid().to_string()), json!("x"), json!(null), json!(7)] {
        let answer = rig.request("flighttask_resource_get", json!({"flight_id": flight}));
        assert_eq!(answer, refused);
    }
    rig.request("flighttask_resource_get", json!({"flight_id": id.to_string()}));
    let (exchange, _) = rig.minted.pop().unwrap();
    rig.flight(id, 0, json!("ok"), 6);
    let next = rig.ordered_mission_again();
    let before = rig.replies.len();
    // The address comes after the flight ended: it must not go with the next flight's fingerprint.
    rig.input(Input::FileUrl { exchange: exchange.clone(), url: Some("https://old".into()) });
    assert_eq!(rig.replies[before].1["data"], refused);
    rig.input(Input::FileUrl { exchange, url: Some("https://old".into()) });
    assert_eq!(rig.replies.len(), before + 1, "nobody asked twice");
    let flight = json!({"flight_id": id.to_string()});
    assert_eq!(rig.request("flighttask_resource_get", flight), refused);

    rig.request("flighttask_resource_get", json!({"flight_id": next.to_string()}));
    let (exchange, _) = rig.minted.pop().unwrap();
    let before = rig.replies.len();
    rig.input(Input::FileUrl { exchange, url: None });
    assert_eq!(rig.replies[before].1["data"], refused, "the file is gone");
}

#[test]
fn events_are_answered_when_the_dock_asks_for_it() {
    let mut rig = Rig::online();
    for (need_reply, expect) in [(json!(1), 1), (json!(0), 0), (json!(null), 0)] {
        let before = rig.replies.len();
        let event = json!({"tid": "t9", "bid": "b9", "need_reply": need_reply,
            "method": "flighttask_ready", "data": {"flight_ids": []}});
        rig.publish(dji_cloud::topic::TopicKind::Events, super::rig::DOCK, &event);
        assert_eq!(rig.replies.len() - before, expect, "{need_reply}");
    }
    let (topic, reply) = rig.replies.last().unwrap();
    assert!(topic.ends_with("/events_reply"), "{topic}");
    assert_eq!((&reply["tid"], &reply["data"]["result"]), (&json!("t9"), &json!(0)));
}
