//! A machine is lost and another one takes up what was open: nothing is sent again, nothing that
//! flies is forgotten, and every lock can be opened.

use fleet_types::{
    CommandState, MissionState, WallMs,
    command::{ResolvedOutcome, Subject},
    mission::Verdict,
    plan::{MissionStart, ReadyConditions},
};
use serde_json::json;

use super::rig::Rig;
use crate::{io::Input, journal::Entry};

#[test]
fn what_may_have_left_is_unknown_and_what_did_not_is_rejected() {
    let mut rig = Rig::online();
    rig.debugging();
    let sent = rig.command("supplement_light_open");
    rig.journal_is_fast = false;
    let waiting = rig.command("cover_open");
    let home = rig.command("return_home");
    rig.restart();
    rig.check(sent, CommandState::Unknown, Some("restarted"));
    rig.check(home, CommandState::Unknown, Some("restarted"));
    rig.check(waiting, CommandState::Rejected, Some("restarted"));
    let is_recorded = |id, state| {
        rig.records.iter().any(|(_, record)| {
            matches!(&record.entry, Entry::CommandOutcome { command_id, state: was, .. }
                if (*command_id, *was) == (id, state))
        })
    };
    assert!(is_recorded(waiting, CommandState::Rejected));
    assert!(is_recorded(sent, CommandState::Unknown));
    assert_eq!(rig.sends.len(), 2);
    rig.pass(1);
    rig.osd(json!({"supplement_light_state": 1}));
    rig.check(sent, CommandState::Succeeded, Some("observed"));
}

#[test]
fn a_record_of_the_machine_before_is_no_record_of_this_one() {
    let mut rig = Rig::online();
    rig.debugging();
    rig.journal_is_fast = false;
    rig.command("cover_open");
    for _ in 0..5 {
        rig.command("no_such_method");
    }
    let late = rig.held.clone();
    assert_eq!(late.len(), 6);
    rig.restart();
    rig.debugging();
    let id = rig.command("cover_open");
    for journal_id in late {
        rig.input(crate::io::Input::Journaled(journal_id));
    }
    rig.check(id, CommandState::Accepted, None);
    assert!(rig.sends.is_empty());
    rig.journal_answers(true);
    rig.check(id, CommandState::Sent, None);
}

#[test]
fn a_repeated_key_is_still_known_after_a_restart() {
    let mut rig = Rig::online();
    rig.debugging();
    let request = rig.command_request("cover_open");
    rig.ask(request.clone());
    rig.restart();
    rig.debugging();
    let command_id = fleet_types::CommandId(rig.uuid());
    rig.ask(fleet_types::CommandRequest { command_id, ..request });
    assert_eq!(rig.sends.len(), 1);
}

#[test]
fn an_order_to_fly_that_left_locks_until_it_is_settled() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    let execute = rig.last("flighttask_execute").command_id;
    rig.restart();
    assert_eq!(rig.mission(id).state, MissionState::Unknown);
    assert!(rig.is_locked());
    rig.resolve(execute, ResolvedOutcome::Failed);
    assert!(!rig.is_locked());
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Failed));

    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    rig.restart();
    rig.flight(id, 0, json!("ok"), 6);
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Ok));
    assert!(!rig.is_locked());
}

#[test]
fn an_order_to_fly_that_did_not_leave_locks_nothing() {
    let mut rig = Rig::online();
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    rig.journal_is_fast = false;
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    assert_eq!(rig.mission(id).state, MissionState::Starting);
    rig.restart();
    assert!(!rig.is_locked());
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Expired));
    rig.journal_answers(true);
    assert!(rig.sent("flighttask_execute").is_empty());
}

#[test]
fn a_flight_under_way_is_followed_to_its_end() {
    for status in ["in_progress", "paused"] {
        let mut rig = Rig::online();
        let id = rig.ordered_mission();
        rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
        rig.flight(id, 0, json!(status), 5);
        rig.restart();
        assert!(!rig.is_locked());
        assert_eq!(rig.dock().mission_id, Some(id));
        rig.flight(id, 0, json!("ok"), 6);
        assert_eq!(rig.mission(id).verdict, Some(Verdict::Ok));
    }
}

#[test]
fn a_preparation_is_over() {
    let mut rig = Rig::online();
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    rig.restart();
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Expired));
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    assert!(rig.sent("flighttask_execute").is_empty());
}

#[test]
fn a_flight_that_seems_to_wait_with_an_order_on_record_is_unknown_and_no_window_ends_it() {
    // "The order did not leave" was told and lost; that its flight waits on was on record before.
    for (was, start) in [
        (MissionState::Prepared, timed as fn(&Rig) -> MissionStart),
        (MissionState::Ready, conditional),
        (MissionState::Scheduled, timed),
    ] {
        let mut rig = Rig::online();
        let mut request = rig.mission_request();
        request.plan.start = start(&rig);
        let id = rig.ask_mission(request);
        let (exchange, _) = rig.minted.pop().expect("an address is asked for");
        rig.input(Input::FileUrl { exchange, url: Some("https://fresh".into()) });
        rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
        rig.event("flighttask_ready", "", json!({"flight_ids": [id.to_string()]}));
        until_ordered(&mut rig);
        let execute = rig.last("flighttask_execute").command_id;
        rig.missions.get_mut(&id).unwrap().state = was;
        rig.restart();
        assert_eq!(rig.mission(id).state, MissionState::Unknown, "{was:?}");
        rig.check(execute, CommandState::Unknown, Some("restarted"));
        assert!(rig.is_locked());
        rig.bring_up();
        for _ in 0..600 {
            rig.pass(2_000);
            rig.idle();
        }
        assert_eq!(rig.mission(id).state, MissionState::Unknown, "its window is over, {was:?}");
        rig.check(execute, CommandState::Unknown, Some("restarted"));
        assert_eq!(rig.sent("flighttask_execute").len(), 1);
        rig.settle(Subject::Mission(id), ResolvedOutcome::Failed);
        assert_eq!(rig.mission(id).verdict, Some(Verdict::Failed));
        rig.check(execute, CommandState::Failed, Some("resolved_by_person"));
        assert!(!rig.is_locked());
    }
}

/// Time passes, the dock idle, until take-off is ordered.
fn until_ordered(rig: &mut Rig) {
    for _ in 0..100 {
        if !rig.sent("flighttask_execute").is_empty() {
            return;
        }
        rig.pass(2_000);
        rig.idle();
    }
    panic!("take-off is not ordered");
}

fn timed(rig: &Rig) -> MissionStart {
    MissionStart::Timed { execute_ms: WallMs(rig.now.wall.0 + 2 * 60_000) }
}

fn conditional(rig: &Rig) -> MissionStart {
    MissionStart::Conditional(ReadyConditions {
        battery_percent: 60,
        begin_ms: rig.now.wall,
        end_ms: WallMs(rig.now.wall.0 + 10 * 60_000),
        wind_max_dmps: None,
        rain_max: None,
        link_min: None,
        storage_min_mb: None,
    })
}

#[test]
fn what_became_of_the_order_decides_where_a_flight_stands_that_seems_to_wait() {
    for (answer, state) in [(0, MissionState::Executing), (314_000, MissionState::Ended)] {
        let mut rig = Rig::online();
        let mut request = rig.mission_request();
        request.plan.start = timed(&rig);
        let id = rig.ask_mission(request);
        let (exchange, _) = rig.minted.pop().expect("an address is asked for");
        rig.input(Input::FileUrl { exchange, url: Some("https://fresh".into()) });
        rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
        until_ordered(&mut rig);
        let execute = rig.last("flighttask_execute");
        rig.reply(&execute, json!({ "result": answer }));
        // Of the flight itself only the waiting is on record.
        let order = rig.commands[&execute.command_id].clone();
        let mut waiting = rig.mission(id).clone();
        (waiting.state, waiting.verdict, waiting.ended_ms) = (MissionState::Prepared, None, None);
        rig.missions.insert(id, waiting);
        rig.restart_with(vec![order]);
        assert_eq!(rig.mission(id).state, state);
        assert!(!rig.is_locked());
    }
}

#[test]
fn a_refusal_after_a_restart_may_be_a_copys() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    let execute = rig.last("flighttask_execute");
    rig.restart();
    rig.bring_up();
    // Whatever the code: the dock refuses a second copy because it flies by the first.
    rig.reply(&execute, json!({"result": 319_016}));
    assert_eq!(rig.mission(id).state, MissionState::Unknown);
    rig.check(execute.command_id, CommandState::Unknown, Some("restarted"));
    assert!(rig.is_locked());
    rig.flight(id, 0, json!("in_progress"), 5);
    rig.check(execute.command_id, CommandState::Succeeded, Some("observed"));
    rig.flight(id, 0, json!("ok"), 6);
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Ok));
}
