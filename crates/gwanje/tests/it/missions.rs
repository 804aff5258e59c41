//! Missions from the API to the dock and back, with what may go wrong on the way.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    docks::{Docks, until_ended, until_mission},
    site::{Load, Site, run, until},
};

/// The dock answers an order within 20 s, or nobody knows.
const REPLY_TIMEOUT: Duration = Duration::from_secs(40);

fn actions(trace: &Value) -> Vec<String> {
    let steps = trace["steps"].as_array().unwrap();
    steps.iter().map(|step| step["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_mission_is_flown_and_its_trace_shows_the_whole_way() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let taken = docks.fly(&site, 0, "survey-1").await.is(202);
        assert_eq!(taken["waypoint_count"], 6, "{taken}");
        let flying = |mission: &Value| mission["progress"]["percent"].as_i64() > Some(0);
        until_mission(&site, &taken, "progress", flying).await;
        let page = docks.page(&site, 0).await;
        assert_eq!(page["device"]["mission_id"], taken["mission_id"], "{page}");
        let ended = until_ended(&site, &taken).await;
        assert_eq!((&ended["verdict"], &ended["reason"]), (&json!("ok"), &Value::Null), "{ended}");
        assert_eq!(docks.truth(0).take_offs(), 1);
        for method in ["flighttask_prepare", "flighttask_execute"] {
            assert_eq!(docks.truth(0).received(method), 1, "{method}");
        }

        let id = taken["trace_id"].as_str().unwrap();
        let trace = site.get(&format!("/api/v1/traces/{id}")).await.is(200);
        let steps = trace["steps"].as_array().unwrap();
        assert_eq!(steps[0]["actor"], "service_platform.api", "{trace}");
        let actions = actions(&trace);
        let mut rest = actions.iter();
        let prepared = ["request", "accepted", "accepted", "send", "reply", "outcome"];
        let flown = ["accepted", "send", "reply", "outcome", "resource_get", "event", "outcome"];
        for wanted in prepared.into_iter().chain(flown) {
            assert!(rest.any(|action| action == wanted), "no {wanted} in its order: {actions:?}");
        }
        let mut last = 0;
        for step in steps {
            assert!(step["at_ms"].as_i64().unwrap() >= last, "{trace}");
            last = step["at_ms"].as_i64().unwrap();
        }

        // The same key again asks for nothing.
        let wayline = &taken["wayline_id"];
        let body = json!({
            "sn": docks.sn(0), "wayline_id": wayline, "rth_altitude_m": 100,
            "lost_link_action": "return_home", "idempotency_key": "survey-1",
        });
        let again = site.post("/api/v1/missions", &body).await.is(200);
        assert_eq!(again["mission_id"], taken["mission_id"]);
        assert_eq!(docks.truth(0).received("flighttask_prepare"), 1);
    });
}

#[test]
fn a_refused_preparation_is_a_verdict_with_the_docks_code() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "refuse,only=flighttask_prepare").await;
        let taken = docks.fly(&site, 0, "k").await.is(202);
        let ended = until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], "rejected", "{ended}");
        assert_eq!(ended["reason"]["code"], "device_refused", "{ended}");
        assert_eq!(ended["reason"]["device_code"], 319_016, "{ended}");
        let truth = docks.truth(0);
        assert_eq!((truth.received("flighttask_execute"), truth.take_offs()), (0, 0));
        let page = docks.page(&site, 0).await;
        assert_eq!(page["device"]["flight_lock"], Value::Null, "{page}");
    });
}

#[test]
fn a_lost_take_off_answer_locks_the_dock_until_progress_tells() {
    run(Load::Light, async {
        let site = Site::start().await;
        // It takes off, and its link drops before it can answer.
        let docks = Docks::online(&site, 1, "crash,only=flighttask_execute").await;
        let taken = docks.fly(&site, 0, "k").await.is(202);
        until("the order to fly to arrive", async || {
            let count = docks.truth(0).executions("flighttask_execute");
            if count == 1 { Ok(()) } else { Err(count.to_string()) }
        })
        .await;
        docks.fleet.kill(0);
        let is_unknown = |mission: &Value| mission["state"] == "unknown";
        until_mission(&site, &taken, "the mission to be unknown", is_unknown).await;
        let path = format!("/api/v1/devices/{}", docks.sn(0));
        let locked = |page: &Value| page["device"]["flight_lock"]["command_id"].is_string();
        let page = site.until("the lock", &path, locked).await;
        let lock = &page["device"]["flight_lock"];
        assert_eq!(lock["mission_id"], taken["mission_id"], "{page}");
        let refused = docks.fly(&site, 0, "another").await.is_problem(409, "flight_locked");
        assert_eq!(refused["mission"]["verdict"], "rejected", "{refused}");
        let has_alarm = |alarm: &Value| alarm["sn"] == docks.sn(0) && alarm["cleared_ms"].is_null();
        let alarmed = |page: &Value| page["alarms"].as_array().unwrap().iter().any(has_alarm);
        site.until("an alarm", "/api/v1/alarms", alarmed).await;

        docks.fleet.restart(0);
        let goes_on =
            |mission: &Value| mission["state"] == "executing" || mission["state"] == "ended";
        until_mission(&site, &taken, "the mission to go on", goes_on).await;
        let ended = until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], "ok", "{ended}");
        let truth = docks.truth(0);
        assert_eq!((truth.received("flighttask_execute"), truth.take_offs()), (1, 1));
        let path = format!("/api/v1/devices/{}", docks.sn(0));
        site.until("the lock to go", &path, |page| page["device"]["flight_lock"].is_null()).await;
        let path = format!("/api/v1/commands/{}", lock["command_id"].as_str().unwrap());
        assert_eq!(site.get(&path).await.is(200)["state"], "succeeded");
    });
}

#[test]
fn a_person_settles_a_take_off_that_nobody_answered() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "silent,only=flighttask_execute").await;
        let taken = docks.fly(&site, 0, "k").await.is(202);
        let is_unknown = |mission: &Value| mission["state"] == "unknown";
        until_mission(&site, &taken, "the mission to be unknown", is_unknown).await;
        let path = format!("/api/v1/devices/{}", docks.sn(0));
        let locked = |page: &Value| page["device"]["flight_lock"]["command_id"].is_string();
        let page = site.until("the lock", &path, locked).await;
        let lock = &page["device"]["flight_lock"];
        let command = format!("/api/v1/commands/{}", lock["command_id"].as_str().unwrap());
        docks.fly(&site, 0, "another").await.is_problem(409, "flight_locked");

        let body = json!({"outcome": "failed", "note": "seen in its dock by the camera"});
        let resolved = site.post(&format!("{command}/resolve"), &body).await.is(200);
        assert_eq!(resolved["state"], "failed", "{resolved}");
        assert_eq!(resolved["reason"]["code"], "resolved_by_person", "{resolved}");
        let ended = until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], "failed", "{ended}");
        let path = format!("/api/v1/devices/{}", docks.sn(0));
        site.until("the lock to go", &path, |page| page["device"]["flight_lock"].is_null()).await;
        // What is settled is settled.
        assert_eq!(site.post(&format!("{command}/resolve"), &body).await.status, 409);
        assert_eq!(docks.truth(0).take_offs(), 0);
        assert_eq!(docks.truth(0).received("flighttask_execute"), 1);
    });
}

#[test]
fn a_late_answer_closes_an_unknown_command_and_starts_nothing() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        docks.fleet.hold_replies(0, true);
        let taken = docks.fly(&site, 0, "k").await.is(202);
        let page = docks.page(&site, 0).await;
        let prepare = page["commands"].as_array().unwrap().iter();
        let prepare = prepare.clone().find(|command| command["method"] == "flighttask_prepare");
        let prepare = prepare.unwrap_or_else(|| panic!("{page}"));
        let path = format!("/api/v1/commands/{}", prepare["command_id"].as_str().unwrap());
        let unknown = site
            .until_within(REPLY_TIMEOUT, "unknown", &path, |command| command["state"] == "unknown")
            .await;
        assert_eq!(unknown["response_code"], "unknown", "{unknown}");
        let ended = until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], "expired", "{ended}");
        docks.fleet.hold_replies(0, false);
        let closed =
            site.until("the late answer", &path, |command| command["state"] != "unknown").await;
        assert_eq!(closed["state"], "succeeded", "{closed}");
        let truth = docks.truth(0);
        assert_eq!(truth.executions("flighttask_prepare"), 1);
        assert_eq!((truth.received("flighttask_execute"), truth.take_offs()), (0, 0));
        assert_eq!(until_ended(&site, &taken).await["verdict"], "expired");
    });
}

#[test]
fn a_mission_is_paused_resumed_and_called_home() {
    run(Load::Light, async {
        let site = Site::start().await;
        // Slow enough for each of its steps to show in reports two seconds apart.
        let docks = Docks::online_at(&site, 1, "", 8.0).await;
        let taken = docks.fly(&site, 0, "k").await.is(202);
        // On its way between waypoints.
        let on_way = |mission: &Value| mission["progress"]["waypoint_index"].as_i64() >= Some(1);
        until_mission(&site, &taken, "a waypoint", on_way).await;
        let sn = docks.sn(0);
        let refused = site.command(sn, "cover_close", "c").await;
        assert_eq!(refused.status, 409, "{}", refused.text());
        assert_eq!(docks.truth(0).received("cover_close"), 0);
        let pause = site.command(sn, "flighttask_pause", "p").await.is(202);
        site.until_command(&pause, &["succeeded"]).await;
        until_mission(&site, &taken, "the pause", |mission| mission["state"] == "paused").await;
        let resume = site.command(sn, "flighttask_recovery", "r").await.is(202);
        site.until_command(&resume, &["succeeded"]).await;
        until_mission(&site, &taken, "it to go on", |mission| mission["state"] == "executing")
            .await;
        let home = site.command(sn, "return_home", "h").await.is(202);
        assert_eq!(home["counter_action"], true, "{home}");
        let home = site.until_command(&home, &["succeeded", "failed"]).await;
        assert_eq!(home["state"], "succeeded", "{home}");
        let ended = until_ended(&site, &taken).await;
        assert_ne!(ended["verdict"], "ok", "{ended}");
        for method in ["flighttask_pause", "flighttask_recovery", "return_home"] {
            assert_eq!(docks.truth(0).executions(method), 1, "{method}");
        }
        docks.until_online(&site).await;
    });
}

#[test]
fn a_dock_lost_in_flight_is_no_verdict_until_a_person_gives_one() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let taken = docks.fly(&site, 0, "k").await.is(202);
        let flying = |mission: &Value| mission["progress"]["waypoint_index"].as_i64() >= Some(1);
        until_mission(&site, &taken, "a waypoint", flying).await;
        assert_eq!(docks.truth(0).take_offs(), 1);
        docks.fleet.kill(0);
        let page = format!("/api/v1/devices/{}", docks.sn(0));
        let is_gone = |page: &Value| page["device"]["connection"] == "offline";
        site.until("the dock to be shown offline", &page, is_gone).await;
        let path = format!("/api/v1/missions/{}", taken["mission_id"].as_str().unwrap());
        let mission = site.get(&path).await.is(200);
        assert_eq!(mission["state"], "executing", "silence is no verdict: {mission}");
        let another = docks.fly(&site, 0, "another").await;
        assert_eq!(another.status, 409, "{}", another.text());

        let body = json!({"outcome": "failed", "note": "found beside the road"});
        let resolve = format!("{path}/resolve");
        let ended = site.post(&resolve, &body).await.is(200);
        assert_eq!((&ended["state"], &ended["verdict"]), (&json!("ended"), &json!("failed")));
        assert_eq!(ended["reason"]["code"], "resolved_by_person", "{ended}");
        site.post(&resolve, &body).await.is_problem(409, "not_open");
        // It flew on by itself. What it tells now does not open what a person has closed.
        docks.fleet.restart(0);
        docks.until_online(&site).await;
        let after = site.get(&path).await.is(200);
        assert_eq!(after["verdict"], "failed", "{after}");
        assert_eq!(docks.truth(0).take_offs(), 1);
    });
}
