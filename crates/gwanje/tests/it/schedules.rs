//! Recurring missions: flown once whatever dies, never late; and the record of a flight.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    database::sql,
    docks::{Docks, until_ended, until_mission},
    http::Answer,
    proc,
    raw_dock::now_ms,
    site::{Load, Site, run, until},
};

/// So far from now, as clocks of UTC show it; whole seconds.
fn local(site: &Site, from_now: &str) -> String {
    let text = format!(
        "select to_char((now() + interval '{from_now}') at time zone 'UTC', \
         'YYYY-MM-DD\"T\"HH24:MI:SS')"
    );
    sql(site, &text)
}

async fn schedule(site: &Site, docks: &Docks, from_now: &str, rrule: &str) -> Value {
    site.until("schedules to be read", "/api/v1/schedules", |_| true).await;
    let wayline = docks.upload(site, 0).await;
    let body = json!({
        "name": "순찰", "sn": docks.sn(0), "wayline_id": wayline["wayline_id"],
        "rth_altitude_m": 100, "lost_link_action": "return_home",
        "first": local(site, from_now), "zone": "UTC", "rrule": rrule,
    });
    site.post("/api/v1/schedules", &body).await.is(201)
}

fn path_of(schedule: &Value) -> String {
    format!("/api/v1/schedules/{}", schedule["schedule"]["schedule_id"].as_str().unwrap())
}

/// Waits until the latest time of a schedule stands so.
async fn until_state(site: &Site, schedule: &Value, state: &str) -> Value {
    let fits = |status: &Value| {
        let latest = status["latest"].as_array().unwrap();
        latest.last().is_some_and(|time| time["state"] == state)
    };
    let status = site.until(state, &path_of(schedule), fits).await;
    status["latest"].as_array().unwrap().last().unwrap().clone()
}

async fn kill_tower(site: &mut Site) {
    let tower = site.tower().unwrap();
    proc::signal(tower, Signal::KILL);
    until("another tower", async || match site.tower() {
        Some(pid) if pid != tower => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    site.until("the tower to be ready", "/readyz", |_| true).await;
    site.until("its schedules", "/api/v1/schedules", |_| true).await;
}

#[test]
fn a_recurring_mission_is_flown_once_whatever_dies_and_its_flight_is_on_record() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let made = schedule(&site, &docks, "90 seconds", "FREQ=DAILY").await;
        let due = made["next_ms"].as_i64().unwrap();
        let time = until_state(&site, &made, "made").await;
        assert_eq!(time["at_ms"], due);
        // One that is only being prepared ends with its tower; what the dock has prepared does not.
        let is_prepared = |mission: &Value| mission["state"] == "prepared";
        until_mission(&site, &time, "the dock to have prepared", is_prepared).await;
        // As if the tower had died before it could write down that there is a mission; and again.
        sql(&site, "update schedule_times set state = 'asked'");
        kill_tower(&mut site).await;
        let again = until_state(&site, &made, "made").await;
        assert_eq!(again["mission_id"], time["mission_id"], "the same mission");
        kill_tower(&mut site).await;
        let ended = until_ended(&site, &time).await;
        assert_eq!(ended["verdict"], "ok", "{ended}");
        assert_eq!(ended["issued_by"], "schedule:순찰");
        assert_eq!(ended["plan"]["schedule_id"], made["schedule"]["schedule_id"]);
        assert_eq!(docks.truth(0).received("flighttask_execute"), 1);
        assert_eq!(sql(&site, "select count(*) from missions"), "1");
        let status = site.get(&path_of(&made)).await.is(200);
        assert_eq!(status["next_ms"], due + 86_400_000, "{status}");

        check_flight(&site, &docks, ended["mission_id"].as_str().unwrap()).await;
    });
}

/// What is on record of a flight, and its files.
async fn check_flight(site: &Site, docks: &Docks, id: &str) {
    let path = format!("/api/v1/flights/{id}");
    let full = |series: &Value| series["at_ms"].as_array().unwrap().len() > 5;
    let series = site.until("its telemetry", &format!("{path}/series?points=200"), full).await;
    assert_eq!(series["sn"], docks.ids[0].aircraft_sn.as_str());
    let heights = series["elevation_m"].as_array().unwrap();
    assert!(heights.iter().any(|height| height.as_f64() > Some(10.0)), "{series}");
    let list = site.get("/api/v1/flights").await.is(200);
    assert_eq!(list["flights"][0]["mission_id"], id);
    let none = site.get("/api/v1/flights?verdict=failed").await.is(200);
    assert_eq!(none["flights"], json!([]));
    let record = site.get(&path).await.is(200);
    let methods: Vec<_> =
        record["commands"].as_array().unwrap().iter().map(|one| one["method"].clone()).collect();
    assert_eq!(methods, ["flighttask_prepare", "flighttask_execute"]);
    let heard = record["events"].as_array().unwrap();
    assert!(heard.iter().any(|event| event["method"] == "flighttask_progress"), "{record}");
    let dock = site.get(&format!("{path}/series?device=dock")).await.is(200);
    assert_eq!(dock["sn"], docks.sn(0));
    let export = async |format: &str| -> Answer {
        let answer = site.get(&format!("{path}/export?format={format}")).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer
    };
    let rows = sql(
        site,
        &format!("select count(*) from telemetry where sn = '{}'", docks.ids[0].aircraft_sn),
    );
    let csv = export("csv").await;
    let lines = String::from_utf8(csv.body.to_vec()).unwrap().lines().count();
    assert!(lines > 6 && lines <= rows.parse::<usize>().unwrap() + 1, "{lines} of {rows}");
    let geojson = export("geojson").await.json();
    assert_eq!(geojson["features"][0]["geometry"]["type"], "LineString", "{geojson}");
    for (format, mark) in [("kml", "<gx:coord>"), ("gpx", "<trkpt ")] {
        let file = export(format).await;
        let text = String::from_utf8(file.body.to_vec()).unwrap();
        assert!(text.matches(mark).count() > 5, "{text}");
        assert!(file.headers["content-disposition"].to_str().unwrap().contains(format));
    }
    let unknown = format!("/api/v1/flights/{}", "00000000-0000-4000-8000-000000000009");
    site.get(&unknown).await.is_problem(404, "unknown_flight");
}

#[test]
fn what_passed_while_the_tower_was_away_is_shown_as_missed_and_a_pause_lasts() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let made = schedule(&site, &docks, "-70 hours", "FREQ=DAILY").await;
        assert_eq!(made["latest"], json!([]), "a new one has no past: {made}");
        // As if nobody had looked for three days.
        sql(&site, "update schedules set handled_at = now() - interval '3 days'");
        kill_tower(&mut site).await;
        until_state(&site, &made, "skipped").await;
        let span =
            format!("from_ms={}&until_ms={}", now_ms() - 4 * 86_400_000, now_ms() + 86_400_000);
        let path = format!("/api/v1/schedules/times?{span}");
        let three = |times: &Value| times["handled"].as_array().unwrap().len() == 3;
        let times = site.until("three missed times", &path, three).await;
        for time in times["handled"].as_array().unwrap() {
            assert_eq!(
                (&time["state"], &time["reason"]["code"]),
                (&json!("skipped"), &json!("missed_window"))
            );
        }
        assert_eq!(times["planned"].as_array().unwrap().len(), 1, "{times}");
        assert_eq!(docks.truth(0).received("flighttask_prepare"), 0, "nothing is flown late");
        assert_eq!(sql(&site, "select count(*) from missions"), "0");

        // One that waits is cancelled when its schedule is paused, and the pause outlives the tower.
        docks.until_online(&site).await;
        let soon = schedule(&site, &docks, "20 minutes", "FREQ=DAILY").await;
        let time = until_state(&site, &soon, "made").await;
        let paused = site.post(&format!("{}/pause", path_of(&soon)), &Value::Null).await.is(200);
        assert_eq!(paused["paused_by"], "token:api");
        let ended = until_ended(&site, &time).await;
        assert_eq!(ended["verdict"], "canceled", "{ended}");
        kill_tower(&mut site).await;
        let status = site.get(&path_of(&soon)).await.is(200);
        assert_eq!(status["paused_by"], "token:api", "{status}");
        assert_eq!(status["latest"].as_array().unwrap().len(), 1, "{status}");
        let gone = site.try_call("DELETE", &path_of(&soon), &Value::Null).await.unwrap();
        assert_eq!(gone.status, 204);
        kill_tower(&mut site).await;
        let list = site.get("/api/v1/schedules").await.is(200);
        assert_eq!(list["schedules"].as_array().unwrap().len(), 1, "{list}");
    });
}
