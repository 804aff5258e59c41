//! Commands: sent once, answered by their owner, closed by a person.

use fleet_types::{
    CommandState, CommandStatus, DeviceClass,
    command::{Resolution, ResolvedOutcome},
};
use serde_json::{Value, json};

use super::support::{DOCK, Tower, command, device, key, sn};

fn path() -> String {
    format!("/api/v1/devices/{DOCK}/commands")
}

fn open_cover(key: &str) -> Value {
    json!({"method": "cover_open", "idempotency_key": key})
}

#[tokio::test]
async fn the_same_key_is_executed_once_and_another_meaning_is_a_conflict() {
    let tower = Tower::with_dock().await;
    let seen = tower.own_commands(|request| command(request, CommandState::Accepted));
    let first = tower.call("POST", &path(), &open_cover("k1")).await.is(202);
    assert_eq!(first["issued_by"], "token:api");
    let again = tower.call("POST", &path(), &open_cover("k1")).await.is(200);
    assert_eq!(again["command_id"], first["command_id"]);
    let with_null = json!({"method": "cover_open", "data": null, "idempotency_key": "k1"});
    tower.call("POST", &path(), &with_null).await.is(200);
    for other in [
        json!({"method": "cover_close", "idempotency_key": "k1"}),
        json!({"method": "cover_open", "data": {"a": 1}, "idempotency_key": "k1"}),
    ] {
        let answer = tower.call("POST", &path(), &other).await;
        answer.is_problem(409, "idempotency_conflict");
    }
    tower.call("POST", &path(), &open_cover("k2")).await.is(202);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn two_calls_at_once_with_one_key_cause_one_request() {
    let tower = Tower::with_dock().await;
    let seen = tower.own_commands(|request| command(request, CommandState::Sent));
    let (place, body) = (path(), open_cover("k1"));
    let call = || tower.call("POST", &place, &body);
    let (a, b, c, d) = tokio::join!(call(), call(), call(), call());
    let mut codes = [&a, &b, &c, &d].map(|answer| answer.status.as_u16());
    codes.sort_unstable();
    assert_eq!(codes, [200, 200, 200, 202]);
    let ids = [&a, &b, &c, &d].map(|answer| answer.json()["command_id"].clone());
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn without_an_owner_the_outcome_is_unknown_and_nothing_is_sent_again() {
    let tower = Tower::with_dock().await;
    let mut requests = tower.bus.reader::<fleet_types::CommandRequest>();
    let answer = tower.call("POST", &path(), &open_cover("k1")).await;
    let problem = answer.is_problem(504, "no_owner");
    assert!(problem["detail"].as_str().unwrap().contains("unknown"), "{problem}");
    let look_at = problem["look_at"].as_str().unwrap().to_owned();
    let sent = requests.try_take(9);
    assert_eq!(sent.len(), 1);
    assert_eq!(look_at, format!("/api/v1/commands/{}", sent[0].command_id));
    // The owner comes late: the repeat finds its word, and caused no second request.
    tower.bus.writer().write(command(&sent[0], CommandState::Succeeded)).await;
    let again = tower.call("POST", &path(), &open_cover("k1")).await.is(200);
    assert_eq!(again["state"], "succeeded");
    assert_eq!(requests.try_take(9).len(), 0);
}

#[tokio::test]
async fn a_refusal_says_why_and_shows_the_command() {
    let tower = Tower::with_dock().await;
    tower.own_commands(|request| command(request, CommandState::Rejected));
    let answer = tower.call("POST", &path(), &open_cover("k1")).await;
    let problem = answer.is_problem(409, "aircraft_out");
    assert_eq!(problem["command"]["state"], "rejected");
    let id = problem["command"]["command_id"].as_str().unwrap();
    let shown = tower.get(&format!("/api/v1/commands/{id}")).await.is(200);
    assert_eq!(shown["state"], "rejected");
    let listed = tower.get(&format!("/api/v1/devices/{DOCK}")).await.is(200);
    assert_eq!(listed["commands"][0]["command_id"], id);
}

#[tokio::test]
async fn bad_commands_never_reach_the_bus() {
    let tower = Tower::with_dock().await;
    tower.bus.writer().try_write(device("SIMM3TD0000001", DeviceClass::Aircraft)).unwrap();
    tower.until("/api/v1/devices/SIMM3TD0000001", |_| true).await;
    let seen = tower.own_commands(|request| command(request, CommandState::Accepted));
    let place = path();
    for body in [
        json!({"method": "cover_open"}),
        json!({"method": "", "idempotency_key": "k"}),
        json!({"method": "Cover/Open", "idempotency_key": "k"}),
        json!({"method": "cover_open", "idempotency_key": ""}),
        json!({"method": "cover_open", "idempotency_key": "k", "expires_in_ms": 999}),
        json!({"method": "cover_open", "idempotency_key": "k", "expires_in_ms": 60_001}),
        json!({"method": "cover_open", "idempotency_key": "k", "expire_in_ms": 5000}),
        json!({"method": "cover_open", "idempotency_key": "k", "data": [1]}),
        json!({"method": "cover_open", "idempotency_key": "k", "data": {"x": "y".repeat(70_000)}}),
    ] {
        tower.call("POST", &place, &body).await.is_problem(422, "bad_input");
    }
    let aircraft = "/api/v1/devices/SIMM3TD0000001/commands";
    let problem = tower.call("POST", aircraft, &open_cover("k")).await;
    let problem = problem.is_problem(422, "not_a_dock");
    assert!(problem["detail"].as_str().unwrap().contains(DOCK));
    let nobody = tower.call("POST", "/api/v1/devices/NOBODY/commands", &open_cover("k")).await;
    nobody.is_problem(404, "unknown_device");
    assert_eq!(seen.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_flow_begins_with_its_request() {
    let tower = Tower::with_dock().await;
    tower.own_commands(|request| command(request, CommandState::Accepted));
    let trace = "0192f0c4-7d2e-7aaa-8bbb-000000000001";
    let mut body = open_cover("k1");
    body["trace_id"] = json!(trace);
    tower.call("POST", &path(), &body).await.is(202);
    let shown = tower.until(&format!("/api/v1/traces/{trace}"), |_| true).await;
    let step = &shown["steps"][0];
    assert_eq!(step["actor"], "service_platform.api");
    assert_eq!((&step["action"], &step["method"]), (&json!("request"), &json!("cover_open")));
}

#[tokio::test]
async fn a_person_closes_only_what_is_unknown() {
    let tower = Tower::with_dock().await;
    tower.own_commands(|request| {
        let known = request.method == "cover_close";
        command(request, if known { CommandState::Succeeded } else { CommandState::Unknown })
    });
    let unknown = tower.call("POST", &path(), &open_cover("k1")).await.is(202);
    let id = unknown["command_id"].as_str().unwrap().to_owned();
    let place = format!("/api/v1/commands/{id}/resolve");
    let empty = json!({"outcome": "failed", "note": " "});
    tower.call("POST", &place, &empty).await.is_problem(422, "bad_input");
    let mut resolutions = tower.bus.reader::<Resolution>();
    let writer = tower.bus.writer::<CommandStatus>();
    let mut status: CommandStatus = serde_json::from_value(unknown).unwrap();
    tokio::spawn(async move {
        let taken = resolutions.take(1).await;
        assert_eq!(taken[0].outcome, ResolvedOutcome::Succeeded);
        assert_eq!((&*taken[0].note, &*taken[0].resolved_by), ("seen open", "token:api"));
        status.state = CommandState::Succeeded;
        writer.write(status).await;
    });
    let body = json!({"outcome": "succeeded", "note": "seen open"});
    assert_eq!(tower.call("POST", &place, &body).await.is(200)["state"], "succeeded");
    let again = tower.call("POST", &place, &body).await;
    assert_eq!(again.is_problem(409, "not_unknown")["command"]["command_id"], id);
}

#[tokio::test]
async fn a_person_ends_a_mission_whose_end_was_never_reported() {
    let tower = Tower::with_dock().await;
    let writer = tower.bus.writer::<fleet_types::MissionStatus>();
    let mut status = mission_status(fleet_types::MissionState::Executing);
    let id = status.mission_id;
    writer.write(status.clone()).await;
    let place = format!("/api/v1/missions/{id}/resolve");
    let mut resolutions = tower.bus.reader::<Resolution>();
    tokio::spawn(async move {
        let taken = resolutions.take(1).await;
        assert_eq!(taken[0].subject, fleet_types::command::Subject::Mission(id));
        status.state = fleet_types::MissionState::Ended;
        status.verdict = Some(fleet_types::mission::Verdict::Failed);
        writer.write(status).await;
    });
    let body = json!({"outcome": "failed", "note": "carried it home"});
    let known = format!("/api/v1/missions/{id}");
    tower.until(&known, |answer| answer["state"] == "executing").await;
    assert_eq!(tower.call("POST", &place, &body).await.is(200)["verdict"], "failed");
    tower.call("POST", &place, &body).await.is_problem(409, "not_open");
    let nowhere = format!("/api/v1/missions/{}/resolve", uuid::Uuid::now_v7());
    tower.call("POST", &nowhere, &body).await.is_problem(404, "unknown_mission");
}

fn mission_status(state: fleet_types::MissionState) -> fleet_types::MissionStatus {
    use fleet_types::{MissionId, RequestId, TraceId, WallMs, id::WaylineId, mission};
    let id = uuid::Uuid::now_v7();
    let request = fleet_types::MissionRequest {
        mission_id: MissionId(id),
        trace_id: TraceId(id),
        request_id: RequestId(id),
        sn: sn(DOCK),
        wayline_id: WaylineId(id),
        wayline_name: "survey".to_owned(),
        waypoint_count: 2,
        file_url: String::new(),
        file_md5: String::new(),
        rth_altitude_m: 100,
        lost_link_action: mission::LostLinkAction::ReturnHome,
        exit_wayline_when_link_lost: false,
        idempotency_key: key("mission-1"),
        expires_in_ms: 30_000,
        issued_by: "token:api".to_owned(),
        plan: fleet_types::MissionPlan::default(),
    };
    fleet_types::MissionStatus { state, ..fleet_types::MissionStatus::taken(WallMs(1), &request) }
}
