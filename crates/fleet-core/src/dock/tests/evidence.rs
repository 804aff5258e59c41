//! What telemetry shows of a command that nobody answered: of its own flight, and of no later one.
//!
//! While its answer is due a command is not judged by telemetry; by the time that it is unknown the
//! next flight may be under way.

use fleet_types::{
    CommandId,
    CommandState::{Succeeded, Unknown},
    MissionId,
};
use serde_json::json;

use super::rig::Rig;

/// Longer than any of the commands here waits for its answer.
const UNANSWERED_MS: u64 = 40_000;

/// A flight under way, and a command to it that nobody answers.
fn asked(method: &str) -> (Rig, MissionId, CommandId) {
    let mut rig = Rig::online();
    let flight = flying(&mut rig);
    match method {
        "flighttask_recovery" => rig.flight(flight, 0, json!("paused"), 5),
        "return_home_cancel" => rig.aircraft_osd(json!({"mode_code": 9})),
        _ => {}
    }
    rig.pass(1_000);
    let command = rig.command(method);
    rig.pass(1_000);
    (rig, flight, command)
}

fn flying(rig: &mut Rig) -> MissionId {
    let flight = rig.ordered_mission_again();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    rig.pass(1_000);
    rig.osd(json!({"mode_code": 4, "drone_in_dock": 0}));
    rig.aircraft_osd(json!({"mode_code": 5}));
    rig.flight(flight, 0, json!("in_progress"), 5);
    flight
}

/// The flight is over and the next one under way.
fn next(rig: &mut Rig, flight: MissionId) -> MissionId {
    rig.flight(flight, 0, json!("ok"), 6);
    rig.pass(1_000);
    flying(rig)
}

#[test]
fn a_later_flight_on_its_way_home_is_not_the_return_of_the_one_before() {
    let (mut rig, flight, command) = asked("return_home");
    next(&mut rig, flight);
    rig.aircraft_osd(json!({"mode_code": 9}));
    rig.pass(UNANSWERED_MS);
    rig.check(command, Unknown, Some("lost_reply"));
    rig.aircraft_osd(json!({"mode_code": 10}));
    rig.osd(json!({"mode_code": 0, "drone_in_dock": 1}));
    rig.check(command, Unknown, Some("lost_reply"));

    // As long as no other flight was ordered, what is seen is its effect.
    let (mut rig, _, command) = asked("return_home");
    rig.pass(UNANSWERED_MS);
    rig.check(command, Unknown, Some("lost_reply"));
    rig.aircraft_osd(json!({"mode_code": 9}));
    rig.check(command, Succeeded, Some("observed"));
}

#[test]
fn a_return_that_was_seen_before_the_next_flight_was_one() {
    let (mut rig, flight, command) = asked("return_home");
    rig.aircraft_osd(json!({"mode_code": 10}));
    rig.flight(flight, 0, json!("ok"), 6);
    rig.pass(1_000);
    rig.ordered_mission_again();
    rig.pass(UNANSWERED_MS);
    rig.check(command, Succeeded, Some("observed"));
}

#[test]
fn a_later_flight_that_hovers_or_pauses_proves_nothing_of_an_earlier_order() {
    let (mut rig, flight, command) = asked("return_home_cancel");
    next(&mut rig, flight);
    rig.aircraft_osd(json!({"mode_code": 3}));
    rig.pass(UNANSWERED_MS);
    rig.check(command, Unknown, Some("lost_reply"));

    for (method, word) in [("flighttask_pause", "paused"), ("flighttask_recovery", "in_progress")] {
        let (mut rig, flight, command) = asked(method);
        let next = next(&mut rig, flight);
        rig.pass(1_000);
        rig.flight(next, 0, json!(word), 5);
        rig.pass(UNANSWERED_MS);
        rig.check(command, Unknown, Some("lost_reply"));

        let (mut rig, flight, command) = asked(method);
        rig.flight(flight, 0, json!(word), 5);
        rig.pass(UNANSWERED_MS);
        rig.check(command, Succeeded, Some("observed"));
    }
}
