//! What concerns more than this dock: a flight's other dock, other flights that it may meet.

use fleet_types::{
    DeviceSn, MissionState, Reason,
    mission::MissionProgress,
    plan::{MissionAction, MissionControl},
};
use serde_json::json;

use super::rig::Rig;
use crate::io::Input;

fn peer(rig: &mut Rig, flight_id: fleet_types::MissionId, sn: &str, percent: u8) {
    rig.input(Input::Peer {
        flight_id,
        sn: DeviceSn::new(sn).unwrap(),
        status: Some("in_progress".to_owned()),
        progress: MissionProgress {
            percent: Some(percent),
            current_step: Some(25),
            ..MissionProgress::default()
        },
    });
}

#[test]
fn a_dock_is_told_how_the_flight_stands_at_the_other() {
    let mut rig = Rig::online();
    let flight_id = fleet_types::MissionId(rig.uuid());
    let ask = |target: serde_json::Value| {
        let mut question = json!({"flight_id": flight_id.to_string()});
        if !target.is_null() {
            question["target_sn"] = target;
        }
        question
    };
    let unknown = json!({"result": 1});
    assert_eq!(rig.request("flighttask_progress_get", ask(json!(null))), unknown);
    peer(&mut rig, flight_id, "OTHERDOCK00001", 41);
    for target in [json!(null), json!("OTHERDOCK00001")] {
        let answer = rig.request("flighttask_progress_get", ask(target));
        assert_eq!(answer["result"], 0, "{answer}");
        let output = &answer["output"];
        assert_eq!(output["flight_id"], flight_id.to_string());
        assert_eq!(output["status"], "in_progress");
        assert_eq!(output["progress"]["percent"], 41.0);
        assert_eq!(output["progress"]["current_step"], 25);
    }
    // Of a dock that has no part in it, or a flight that is none, nothing is made up.
    assert_eq!(rig.request("flighttask_progress_get", ask(json!("THIRDDOCK00001"))), unknown);
    for nonsense in [json!({}), json!({"flight_id": "x"}), json!({"flight_id": 7})] {
        assert_eq!(rig.request("flighttask_progress_get", nonsense), unknown);
    }
    peer(&mut rig, flight_id, "OTHERDOCK00001", 90);
    let answer = rig.request("flighttask_progress_get", ask(json!(null)));
    assert_eq!(answer["output"]["progress"]["percent"], 90.0);
}

#[test]
fn a_mission_shows_what_it_may_meet_until_it_is_over_and_stops_for_nothing() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    let warn = |rig: &mut Rig, codes: &[&'static str]| {
        let warnings = codes.iter().map(|code| Reason::new(code, "a test")).collect();
        let before = rig.missions.remove(&id).unwrap();
        rig.input(Input::MissionControl(MissionControl {
            mission_id: id,
            sn: rig.dock().sn.clone(),
            action: MissionAction::Warn(warnings),
            issued_by: "planner".to_owned(),
        }));
        let is_told = rig.missions.contains_key(&id);
        rig.missions.entry(id).or_insert(before);
        is_told
    };
    let (state, steps) = (rig.mission(id).state, rig.mission(id).steps.len());
    assert!(warn(&mut rig, &["overlap_space"]));
    assert_eq!(rig.mission(id).warnings[0].code, "overlap_space");
    assert_eq!((rig.mission(id).state, rig.mission(id).steps.len()), (state, steps));
    assert!(!warn(&mut rig, &["overlap_space"]), "nothing new is not told again");
    assert!(warn(&mut rig, &[]));
    assert!(rig.mission(id).warnings.is_empty());
    rig.flight(id, 0, json!("ok"), 6);
    assert_eq!(rig.mission(id).state, MissionState::Ended);
    assert!(!warn(&mut rig, &["overlap_space"]), "it is over");
    assert!(rig.mission(id).warnings.is_empty());
}
