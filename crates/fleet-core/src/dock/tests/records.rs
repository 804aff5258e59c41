//! A process is lost and the records alone tell the next one what is open.

use fleet_types::{CommandId, CommandState, MissionId, MissionState, mission::Verdict};
use serde_json::json;

use super::rig::Rig;
use crate::{
    dock::{COUNTER_ACTIONS_MAX, ENDED_MISSIONS_MAX, FINISHED_MAX},
    journal::{Entry, Record, fold::Fold},
};

#[test]
fn a_record_reads_back_as_it_was_written() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    rig.flight(id, 0, json!("in_progress"), 5);
    rig.flight(id, 319_000, json!("failed"), 6);
    rig.command("return_home");
    assert!(rig.records.len() > 6);
    for (_, record) in &rig.records {
        let text = serde_json::to_string(record).unwrap();
        assert!(!text.contains("tower.site"), "an address of a file: {text}");
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), *record);
    }
}

#[test]
fn a_flight_under_way_goes_on_and_an_unanswered_order_locks() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    rig.flight(id, 0, json!("in_progress"), 5);
    rig.lose_process();
    assert_eq!(rig.mission(id).state, MissionState::Executing);
    assert!(!rig.is_locked());
    rig.flight(id, 0, json!("paused"), 5);
    rig.lose_process();
    assert_eq!(rig.mission(id).state, MissionState::Paused);
    rig.flight(id, 0, json!("ok"), 6);
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Ok));

    let id = rig.ordered_mission_again();
    rig.lose_process();
    assert_eq!(rig.mission(id).state, MissionState::Unknown);
    assert!(rig.is_locked());
    assert_eq!(rig.sent("flighttask_execute").len(), 2, "nothing is sent again");
    rig.lose_process();
    assert!(rig.is_locked(), "a second restart forgets no lock");
}

#[test]
fn an_order_to_fly_that_was_answered_is_known_though_the_flight_s_state_is_not_on_record() {
    for (result, expect) in [
        (0, (MissionState::Executing, None)),
        (316_026, (MissionState::Ended, Some(Verdict::Rejected))),
    ] {
        let mut rig = Rig::online();
        let id = rig.ordered_mission();
        rig.reply(&rig.last("flighttask_execute"), json!({"result": result}));
        rig.records.retain(|(_, record)| {
            !matches!(record.entry, Entry::MissionStep { .. } | Entry::MissionOutcome { .. })
        });
        rig.lose_process();
        let status = rig.mission(id);
        assert_eq!((status.state, status.verdict), expect, "{status:?}");
    }
}

#[test]
fn a_key_of_what_was_done_is_known_after_the_process_is_lost() {
    let mut rig = Rig::online();
    let mut request = rig.mission_request();
    let id = rig.ask_mission(request.clone());
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    rig.flight(id, 0, json!("ok"), 6);
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Ok));
    rig.lose_process();
    rig.bring_up();
    rig.idle();
    let told = rig.records.len();
    request.mission_id = MissionId(rig.uuid());
    rig.ask_mission(request);
    assert_eq!(rig.sent("flighttask_execute").len(), 1, "the flight is not flown again");
    assert_eq!(rig.records.len(), told, "an end is on record once");

    rig.debugging();
    let mut request = rig.command_request("cover_open");
    rig.ask(request.clone());
    rig.lose_process();
    rig.bring_up();
    rig.debugging();
    let before = rig.sends.len();
    request.command_id = CommandId(rig.uuid());
    rig.ask(request);
    assert_eq!(rig.sends.len(), before);
}

#[test]
fn a_counter_action_that_is_not_on_record_yet_is_forgotten_and_can_be_given_again() {
    let mut rig = Rig::online();
    rig.journal_is_fast = false;
    let id = rig.command("return_home");
    rig.lose_process();
    assert!(!rig.commands.contains_key(&id));
    let again = rig.command("return_home");
    rig.check(again, CommandState::Sent, None);
}

#[test]
fn records_that_come_twice_and_in_masses_keep_the_memory_bounded() {
    let mut rig = Rig::online();
    for _ in 0..COUNTER_ACTIONS_MAX + 9 {
        rig.command("return_home");
    }
    let twice = rig.records.iter().flat_map(|(_, record)| [record.clone(), record.clone()]);
    let mut works = twice.collect::<Fold>().finish();
    let (_, work) = works.pop_first().unwrap();
    assert_eq!(work.commands.len(), COUNTER_ACTIONS_MAX);
    assert_eq!(work, rig.folded());

    let mut rig = Rig::online();
    rig.debugging();
    for _ in 0..FINISHED_MAX + 9 {
        let id = rig.command("supplement_light_open");
        rig.reply(&rig.last("supplement_light_open"), json!({"result": 314_000}));
        rig.check(id, CommandState::Failed, Some("device_refused"));
    }
    assert_eq!(rig.folded().commands.len(), FINISHED_MAX);
    for _ in 0..ENDED_MISSIONS_MAX + 9 {
        let id = rig.ordered_mission_again();
        rig.flight(id, 0, json!("ok"), 6);
    }
    assert_eq!(rig.folded().missions.len(), ENDED_MISSIONS_MAX);
    assert!(!rig.folded().is_open());
}
