//! Flights of which nothing more is heard: unknown with the reason, never a verdict.

use fleet_types::{
    MissionId, MissionState,
    command::{ResolvedOutcome, Subject},
    mission::Verdict,
};
use serde_json::json;

use super::rig::Rig;

#[track_caller]
fn check(rig: &Rig, id: MissionId, state: MissionState, reason: Option<&str>) {
    let status = rig.mission(id);
    let found = status.reason.as_ref().map(|reason| reason.code.as_ref());
    assert_eq!((status.state, found), (state, reason), "{status:?}");
    assert_eq!(status.verdict, None, "{status:?}");
    assert_eq!(rig.is_locked(), state == MissionState::Unknown);
}

/// A mission whose order to fly the dock answered with 0.
fn taken(rig: &mut Rig) -> MissionId {
    let id = rig.ordered_mission();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    check(rig, id, MissionState::Executing, None);
    id
}

/// Time passes with the dock reporting itself every two seconds, and nothing on the flight.
fn live(rig: &mut Rig, seconds: u64, drone_in_dock: i64, mode_code: i64) {
    for _ in 0..seconds / 2 {
        rig.pass(2_000);
        rig.idle_but(&json!({"drone_in_dock": drone_in_dock, "mode_code": mode_code}));
    }
}

#[test]
fn a_dock_that_says_yes_and_does_nothing() {
    let mut rig = Rig::online();
    let id = taken(&mut rig);
    live(&mut rig, 28, 1, 0);
    check(&rig, id, MissionState::Executing, None);
    live(&mut rig, 4, 1, 0);
    check(&rig, id, MissionState::Unknown, Some("no_progress"));
    // Time alone never makes more of it.
    live(&mut rig, 7_200, 1, 0);
    check(&rig, id, MissionState::Unknown, Some("no_progress"));
    // What the dock says later does.
    rig.flight(id, 0, json!("in_progress"), 6);
    check(&rig, id, MissionState::Executing, None);
    rig.flight(id, 0, json!("ok"), 6);
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Ok));
    assert!(!rig.is_locked());
}

#[test]
fn a_dock_that_is_debugged_or_upgraded_does_nothing_either() {
    for mode_code in [1, 2, 3] {
        let mut rig = Rig::online();
        let id = taken(&mut rig);
        live(&mut rig, 28, 1, mode_code);
        check(&rig, id, MissionState::Executing, None);
        live(&mut rig, 4, 1, mode_code);
        check(&rig, id, MissionState::Unknown, Some("no_progress"));
    }
    // At work, it may only be slow to tell.
    let mut rig = Rig::online();
    let id = taken(&mut rig);
    live(&mut rig, 60, 1, 4);
    check(&rig, id, MissionState::Executing, None);
}

#[test]
fn a_person_settles_it_and_the_records_keep_it_till_then() {
    let mut rig = Rig::online();
    let id = taken(&mut rig);
    live(&mut rig, 32, 1, 0);
    check(&rig, id, MissionState::Unknown, Some("no_progress"));
    rig.restart_from_records();
    check(&rig, id, MissionState::Unknown, Some("no_progress"));
    rig.bring_up();
    rig.idle();
    rig.settle(Subject::Mission(id), ResolvedOutcome::Failed);
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Failed));
    assert!(!rig.is_locked());
    let next = rig.ordered_mission_again();
    assert_eq!(rig.mission(next).state, MissionState::Starting);
}

#[test]
fn reports_that_cannot_be_read_prove_a_flight_and_never_its_end() {
    let mut rig = Rig::online();
    let id = taken(&mut rig);
    for _ in 0..120 {
        rig.flight(id, 0, json!(1), 6);
        live(&mut rig, 2, 0, 4);
    }
    check(&rig, id, MissionState::Executing, None);
    // Its last one, whatever it means, and the aircraft is inside again.
    rig.flight(id, 0, json!(3), 9);
    live(&mut rig, 28, 1, 0);
    check(&rig, id, MissionState::Executing, None);
    live(&mut rig, 4, 1, 0);
    check(&rig, id, MissionState::Unknown, Some("unreadable_status"));
}

#[test]
fn an_aircraft_that_is_out_flies_on_until_nothing_is_heard_at_all() {
    let mut rig = Rig::online();
    let id = taken(&mut rig);
    live(&mut rig, 1_200, 0, 4);
    check(&rig, id, MissionState::Executing, None);
    rig.flight(id, 0, json!("in_progress"), 6);
    rig.pass(119_000);
    check(&rig, id, MissionState::Executing, None);
    rig.pass(1_000);
    check(&rig, id, MissionState::Unknown, Some("progress_lost"));
}

#[test]
fn a_paused_flight_may_be_silent_but_not_inside() {
    let mut rig = Rig::online();
    let id = taken(&mut rig);
    rig.flight(id, 0, json!("paused"), 7);
    live(&mut rig, 600, 0, 4);
    rig.pass(3_600_000);
    check(&rig, id, MissionState::Paused, None);
    rig.idle();
    check(&rig, id, MissionState::Unknown, Some("no_progress"));
}
