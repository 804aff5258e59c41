//! Flights beyond flying now: kinds, questions before take-off, cancelling, going on.

use std::sync::{Arc, Mutex};

use fleet_types::{
    MissionRequest, Preflight, Role, WallMs,
    mission::Verdict,
    plan::{BreakPoint, MissionControl, MissionStart},
    preflight::{DockNotice, DockSaying, PreflightItem, PreflightReport, PreflightRequest},
};
use serde_json::{Value, json};

use super::support::{DOCK, Tower, mission, sn};

/// A mission of two waypoints over the dock, as a person uploads it.
async fn upload(tower: &Tower) -> String {
    let uploaded = super::waylines::uploaded(tower).await;
    uploaded["wayline_id"].as_str().unwrap().to_owned()
}

fn body(wayline: &str, key: &str, start: Value) -> Value {
    json!({
        "sn": DOCK, "wayline_id": wayline, "rth_altitude_m": 100,
        "lost_link_action": "return_home", "idempotency_key": key, "start": start,
    })
}

fn taken(request: &MissionRequest) -> fleet_types::MissionStatus {
    let mut status = mission(request, None);
    status.state = fleet_types::MissionStatus::taken(WallMs(1), request).state;
    status
}

#[tokio::test]
async fn missions_of_all_kinds_reach_their_machine_as_asked() {
    let tower = Tower::with_dock().await;
    let seen = tower.own_missions(taken);
    let wayline = upload(&tower).await;
    let timed = json!({"kind": "timed", "execute_ms": 1_900_000_000_000_i64});
    let status = tower.call("POST", "/api/v1/missions", &body(&wayline, "t", timed)).await.is(202);
    assert_eq!(status["state"], "scheduled", "{status}");
    assert_eq!(status["plan"]["start"]["execute_ms"], 1_900_000_000_000_i64);
    let ready = json!({"kind": "conditional", "battery_percent": 60, "begin_ms": 1, "end_ms": 2,
        "wind_max_dmps": 70});
    tower.call("POST", "/api/v1/missions", &body(&wayline, "c", ready)).await.is(202);
    let released = json!({"kind": "released"});
    let refused = tower.call("POST", "/api/v1/missions", &body(&wayline, "r", released)).await;
    refused.is_problem(422, "bad_input");
    let again = json!({"kind": "immediate"});
    let conflict = tower.call("POST", "/api/v1/missions", &body(&wayline, "t", again)).await;
    conflict.is_problem(409, "idempotency_conflict");

    let seen = seen.lock().unwrap();
    let starts: Vec<_> = seen.iter().map(|request| request.plan.start.clone()).collect();
    assert_eq!(starts[0], MissionStart::Timed { execute_ms: WallMs(1_900_000_000_000) });
    let MissionStart::Conditional(ready) = &starts[1] else { panic!("{starts:?}") };
    assert_eq!((ready.battery_percent, ready.wind_max_dmps), (60, Some(70)));
    let plan = &seen[0].plan;
    assert!(plan.flight_box.is_some_and(|place| place.duration_s > 0.0), "{plan:?}");
    assert_eq!(plan.file_exits_wayline, Some(seen[0].exit_wayline_when_link_lost));
}

#[tokio::test]
async fn what_has_not_started_is_cancelled_and_nothing_else() {
    let tower = Tower::with_dock().await;
    let requests = tower.own_missions(taken);
    let mut controls = tower.bus.reader::<MissionControl>();
    let statuses = tower.bus.writer::<fleet_types::MissionStatus>();
    let wayline = upload(&tower).await;
    let timed = json!({"kind": "timed", "execute_ms": 1_900_000_000_000_i64});
    let status = tower.call("POST", "/api/v1/missions", &body(&wayline, "t", timed)).await.is(202);
    let path = format!("/api/v1/missions/{}/cancel", status["mission_id"].as_str().unwrap());
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        for control in controls.take(1).await {
            *count.lock().unwrap() += 1;
            let request = requests.lock().unwrap()[0].clone();
            assert_eq!(control.mission_id, request.mission_id);
            statuses.write(mission(&request, Some(Verdict::Canceled))).await;
        }
    });
    let cancelled = tower.call("POST", &path, &Value::Null).await.is(200);
    assert_eq!(cancelled["verdict"], "canceled", "{cancelled}");
    tower.call("POST", &path, &Value::Null).await.is_problem(409, "mission_over");
    assert_eq!(*asked.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_flight_goes_on_from_its_break_point_or_says_why_not() {
    let tower = Tower::with_dock().await;
    let point = |index| BreakPoint {
        index,
        state: 0,
        progress: 0.5,
        wayline_id: 0,
        break_reason: Some(773),
        latitude: None,
        longitude: None,
        height_m: None,
    };
    let seen = tower.own_missions(move |request| {
        let mut status = mission(request, Some(Verdict::PartiallyDone));
        let is_second = request.idempotency_key.as_str() == "b";
        status.break_point = Some(point(if is_second { 9 } else { 4 }));
        status
    });
    let wayline = upload(&tower).await;
    let now = json!({"kind": "immediate"});
    let first =
        tower.call("POST", "/api/v1/missions", &body(&wayline, "a", now.clone())).await.is(202);
    let path = format!("/api/v1/missions/{}/resume", first["mission_id"].as_str().unwrap());
    let resumed = tower.call("POST", &path, &json!({"idempotency_key": "go-on"})).await.is(202);
    assert_ne!(resumed["mission_id"], first["mission_id"]);
    let second = tower.call("POST", "/api/v1/missions", &body(&wayline, "b", now)).await.is(202);
    let path = format!("/api/v1/missions/{}/resume", second["mission_id"].as_str().unwrap());
    let refused = tower.call("POST", &path, &json!({"idempotency_key": "again"})).await;
    refused.is_problem(409, "no_break_point");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[1].plan.break_point, Some(point(4)));
    assert_eq!(seen[1].plan.resumes, Some(seen[0].mission_id));
    assert_eq!(seen[1].rth_altitude_m, seen[0].rth_altitude_m);
}

#[tokio::test]
async fn questions_and_overrides_are_answered_by_the_docks_machine() {
    let tower = Tower::with_dock().await;
    let report = |request_id, can_fly| PreflightReport {
        request_id,
        preflight: Preflight { sn: sn(DOCK), at_ms: WallMs(7), can_fly, lines: Vec::new() },
    };
    let mut requests = tower.bus.reader::<PreflightRequest>();
    let reports = tower.bus.writer::<PreflightReport>();
    tokio::spawn(async move {
        for request in requests.take(1).await {
            assert_eq!(request.warnings[0].code, "overlap_space");
            reports.write(report(request.request_id, false)).await;
        }
    });
    let place = format!("/api/v1/devices/{DOCK}/preflight");
    let wayline = upload(&tower).await;
    let question = json!({"wayline_id": wayline, "rth_altitude_m": 100,
        "lost_link_action": "return_home"});
    let answer = tower.call("POST", &place, &question).await.is(200);
    assert_eq!(answer["can_fly"], false, "{answer}");

    let mut notices = tower.bus.reader::<DockNotice>();
    let reports = tower.bus.writer::<PreflightReport>();
    tokio::spawn(async move {
        loop {
            for notice in notices.take(1).await {
                let DockSaying::Override(given) = &notice.saying else { continue };
                assert_eq!((given.item, given.role), (PreflightItem::Wind, Role::Admin));
                reports.write(report(notice.request_id, true)).await;
            }
        }
    });
    let place = format!("{place}/overrides");
    let given =
        |item: &str, note: &str| json!({"item": item, "note": note, "expires_in_ms": 60_000});
    tower.call("POST", &place, &given("wind", "the mast is in a gust")).await.is(200);
    for item in ["emergency_stop", "aircraft", "firmware"] {
        let refused = tower.call("POST", &place, &given(item, "please")).await;
        refused.is_problem(403, "not_overridable");
    }
    tower.call("POST", &place, &given("wind", " ")).await.is_problem(422, "bad_input");
    let nowhere = json!({"wayline_id": uuid::Uuid::nil(), "rth_altitude_m": 100,
        "lost_link_action": "hover"});
    let place = format!("/api/v1/devices/{DOCK}/preflight");
    tower.call("POST", &place, &nowhere).await.is_problem(404, "unknown_wayline");
}

#[tokio::test]
async fn docks_are_proposed_for_a_place_with_why_not() {
    let tower = Tower::start().await;
    let point = "/api/v1/dispatch?latitude=37.5&longitude=126.9";
    let found = tower.get(point).await.is(200);
    assert_eq!(found["target"]["kind"], "point");
    assert_eq!(
        (&found["choices"][0]["sn"], &found["choices"][0]["rank"]),
        (&json!(DOCK), &json!(1))
    );
    assert_eq!(found["choices"][1]["why_not"][0]["code"], "wind_high");
    let area = "/api/v1/dispatch?south=37.5&west=126.9&north=37.6&east=127.0";
    assert_eq!(tower.get(area).await.is(200)["target"]["kind"], "area");
    for bad in [
        "latitude=37.5",
        "latitude=95&longitude=0",
        "south=38&west=126&north=37&east=127",
        "latitude=1&longitude=1&south=1&west=1&north=2&east=2",
    ] {
        let refused = tower.get(&format!("/api/v1/dispatch?{bad}")).await;
        refused.is_problem(422, "bad_input");
    }
    tower.raw("GET", point, &[], vec![]).await.is_problem(401, "unauthorized");
}
