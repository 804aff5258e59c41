//! Missions that wait, the questions before take-off, and going on where one broke off: from the
//! API through broker and simulated dock and back.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{
    docks::{Docks, until_ended, until_mission},
    raw_dock::now_ms,
    site::{Load, Site, run},
};

/// Asks for the demonstration mission of a dock, in its own way.
async fn fly(docks: &Docks, site: &Site, index: usize, key: &str, with: Value) -> Value {
    let wayline = docks.upload(site, index).await;
    let mut body = json!({
        "sn": docks.sn(index),
        "wayline_id": wayline["wayline_id"],
        "rth_altitude_m": 100,
        "lost_link_action": "return_home",
        "idempotency_key": key,
    });
    for (name, value) in with.as_object().unwrap() {
        body[name] = value.clone();
    }
    site.post("/api/v1/missions", &body).await.is(202)
}

fn timed(ahead_ms: i64) -> Value {
    json!({"start": {"kind": "timed", "execute_ms": now_ms() + ahead_ms}})
}

fn conditional(battery_percent: u8, for_ms: i64) -> Value {
    let (begin_ms, end_ms) = (now_ms() - 1_000, now_ms() + for_ms);
    let battery = battery_percent;
    json!({"start": {"kind": "conditional", "battery_percent": battery, "begin_ms": begin_ms,
        "end_ms": end_ms, "wind_max_dmps": 110, "rain_max": 0}})
}

/// When the order to fly reached a dock, by true time.
fn ordered_at(docks: &Docks, index: usize) -> Vec<i64> {
    let truth = docks.truth(index);
    let orders = truth.records().filter(|record| record.method == "flighttask_execute");
    orders.map(|record| record.at.wall_ms).collect()
}

#[test]
fn missions_wait_for_their_time_and_conditions_and_end_with_their_window() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 3, "").await;
        let far = fly(&docks, &site, 0, "tomorrow", timed(86_400_000)).await;
        assert_eq!(far["state"], "scheduled", "{far}");
        let soon = fly(&docks, &site, 0, "soon", timed(20_000)).await;
        let due = soon["plan"]["start"]["execute_ms"].as_i64().unwrap();
        let never = fly(&docks, &site, 1, "never", conditional(100, 7_000)).await;
        let when_ready = fly(&docks, &site, 2, "when-ready", conditional(20, 60_000)).await;

        // Each dock was told what it waits for.
        let wrong = json!({"sn": docks.sn(0), "wayline_id": soon["wayline_id"], "rth_altitude_m": 100,
            "lost_link_action": "return_home", "idempotency_key": "past",
            "start": {"kind": "timed", "execute_ms": now_ms() - 1}});
        site.post("/api/v1/missions", &wrong).await.is_problem(409, "missed_window");

        let expired = until_ended(&site, &never).await;
        assert_eq!(expired["verdict"], "expired", "{expired}");
        assert_eq!(expired["reason"]["code"], "missed_window", "{expired}");
        let truth = docks.truth(1);
        assert_eq!((truth.received("flighttask_execute"), truth.take_offs()), (0, 0));
        assert_eq!(docks.truth(1).executions("flighttask_prepare"), 1);

        for (index, mission) in [(0, &soon), (2, &when_ready)] {
            let ended = until_ended(&site, mission).await;
            assert_eq!(ended["verdict"], "ok", "{ended}");
            assert_eq!(docks.truth(index).take_offs(), 1);
        }
        let orders = ordered_at(&docks, 0);
        assert_eq!(orders.len(), 1);
        assert!(due - 120_000 <= orders[0] && orders[0] < due, "{orders:?} for {due}");
        let page = docks.page(&site, 0).await;
        assert_eq!(
            page["device"]["mission_id"],
            Value::Null,
            "what waits is not under way: {page}"
        );

        let path = format!("/api/v1/missions/{}/cancel", far["mission_id"].as_str().unwrap());
        let cancelled = site.post(&path, &Value::Null).await.is(200);
        assert_eq!(cancelled["verdict"], "canceled", "{cancelled}");
        let path = format!("/api/v1/missions/{}/cancel", soon["mission_id"].as_str().unwrap());
        site.post(&path, &Value::Null).await.is_problem(409, "mission_over");
        assert_eq!(docks.truth(0).executions("flighttask_prepare"), 1, "tomorrow's never left");
        site.until(
            "the dock that waited in vain to be told",
            &format!("/api/v1/devices/{}", docks.sn(1)),
            |_| docks.truth(1).executions("flighttask_undo") == 1,
        )
        .await;
    });
}

#[test]
fn the_gate_says_why_and_a_broken_flight_goes_on() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online_at(&site, 1, "", 12.0).await;
        let sn = docks.sn(0).to_owned();
        let wayline = docks.upload(&site, 0).await;
        let question = json!({"wayline_id": wayline["wayline_id"], "rth_altitude_m": 100,
            "lost_link_action": "return_home"});
        let ask = format!("/api/v1/devices/{sn}/preflight");
        let report = site.post(&ask, &question).await.is(200);
        assert_eq!(report["can_fly"], true, "{report}");
        let items: Vec<_> =
            report["lines"].as_array().unwrap().iter().map(|line| &line["item"]).collect();
        for item in ["battery", "wind", "rain", "cover", "hms", "firmware", "lost_link"] {
            assert!(items.contains(&&json!(item)), "{report}");
        }

        // Somebody works on it: no flight, until somebody who may says otherwise.
        let maintenance = format!("/api/v1/devices/{sn}/maintenance");
        let on = json!({"on": true, "note": "new propellers"});
        let report = site.try_call("PUT", &maintenance, &on).await.unwrap().is(200);
        assert_eq!(report["can_fly"], false, "{report}");
        docks.fly(&site, 0, "blocked").await.is_problem(409, "maintenance");
        assert_eq!(docks.truth(0).received("flighttask_prepare"), 0);
        let given =
            json!({"item": "maintenance", "note": "they are done", "expires_in_ms": 60_000});
        let report = site.post(&format!("{ask}/overrides"), &given).await.is(200);
        assert_eq!(report["can_fly"], true, "{report}");

        let first = docks.fly(&site, 0, "first").await.is(202);
        let on_way = |mission: &Value| mission["progress"]["waypoint_index"].as_i64() >= Some(2);
        until_mission(&site, &first, "a waypoint", on_way).await;
        let home = site.command(&sn, "return_home", "home").await.is(202);
        site.until_command(&home, &["succeeded"]).await;
        let broken = until_ended(&site, &first).await;
        assert_ne!(broken["verdict"], "ok", "{broken}");
        let index = broken["break_point"]["index"].as_i64().expect("a break point");
        assert!(index >= 1, "{broken}");
        docks.until_online(&site).await;

        let path = format!("/api/v1/missions/{}/resume", first["mission_id"].as_str().unwrap());
        let second = site.post(&path, &json!({"idempotency_key": "go-on"})).await.is(202);
        assert_eq!(second["plan"]["resumes"], first["mission_id"], "{second}");
        let flown = until_ended(&site, &second).await;
        assert_eq!(flown["verdict"], "ok", "{flown}");
        site.post(
            &format!("/api/v1/missions/{}/resume", second["mission_id"].as_str().unwrap()),
            &json!({"idempotency_key": "more"}),
        )
        .await
        .is_problem(409, "flown_whole");
        assert_eq!(docks.truth(0).take_offs(), 2);
    });
}

#[test]
fn a_dry_run_ends_ok_and_never_leaves_the_dock() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let simulated = json!({"dry_run": {"latitude": 22.5, "longitude": 113.9}});
        let mission = fly(&docks, &site, 0, "dry", simulated).await;
        let ended = until_ended(&site, &mission).await;
        assert_eq!(ended["verdict"], "ok", "{ended}");
        let truth = docks.truth(0);
        assert_eq!(truth.executions("flighttask_execute"), 1);
        assert_eq!(truth.take_offs(), 0);
        drop(truth);
        docks.until_online(&site).await;
        let real = docks.fly(&site, 0, "real").await.is(202);
        assert_eq!(until_ended(&site, &real).await["verdict"], "ok");
        assert_eq!(docks.truth(0).take_offs(), 1);
    });
}

/// Serves one file at every path, on an address of its own.
async fn serve(file: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            // A short request comes in one piece; whoever sent it may hang up.
            let mut head = [0; 2048];
            let _ = stream.read(&mut head).await;
            let length = file.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&file).await;
        }
    });
    host
}

#[test]
fn a_file_by_address_is_flown_and_flights_that_may_meet_say_so() {
    run(Load::Light, async {
        let kmz = fleet_sim::demo_mission(&Docks::identity(0)).to_kmz().unwrap();
        let host = serve(kmz).await;
        let hosts = ("GWANJE_WAYLINES_URL_HOSTS", host.clone());
        let site = Site::start_as(|_| vec![hosts]).await;
        let docks = Docks::online(&site, 2, "").await;
        let place = &docks.page(&site, 0).await["telemetry"];
        let [latitude, longitude] =
            ["latitude", "longitude"].map(|key| place[key]["value"].as_f64().unwrap());
        let near = format!("/api/v1/dispatch?latitude={latitude}&longitude={longitude}");
        let is_best = |page: &Value| {
            page["choices"][0]["sn"] == docks.sn(0) && page["choices"][0]["rank"] == 1
        };
        site.until("the dock to be proposed", &near, is_best).await;
        let uploaded = docks.upload(&site, 0).await;
        let body = json!({"url": format!("http://{host}/survey.kmz"), "name": "by address",
            "md5": uploaded["md5"]});
        let fetched = site.post("/api/v1/waylines/from-url", &body).await.is(201);
        assert_ne!(fetched["wayline_id"], uploaded["wayline_id"]);
        assert_eq!(fetched["md5"], uploaded["md5"]);
        let taken = docks.order(&site, 0, &fetched, "by-address").await.is(202);
        assert_eq!(taken["warnings"], Value::Null, "it is alone: {taken}");
        let says_why_not = |page: &Value| {
            let choices = page["choices"].as_array().unwrap();
            let it = choices.iter().find(|choice| choice["sn"] == docks.sn(0)).unwrap();
            it["rank"].is_null() && it["why_not"].to_string().contains("mission_active")
        };
        site.until("why it cannot fly", &near, says_why_not).await;
        let ended = until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], "ok", "{ended}");
        assert_eq!(docks.truth(0).take_offs(), 1);

        // The same route by two docks at the same time: both missions say so, until one is cancelled.
        let tomorrow = now_ms() + 86_400_000;
        let mut missions = vec![];
        for index in [0, 1] {
            let body = json!({"sn": docks.sn(index), "wayline_id": fetched["wayline_id"],
                "rth_altitude_m": 100, "lost_link_action": "return_home",
                "idempotency_key": format!("tomorrow-{index}"),
                "start": {"kind": "timed", "execute_ms": tomorrow}});
            missions.push(site.post("/api/v1/missions", &body).await.is(202));
        }
        let second = &missions[1];
        let is_warned = |mission: &Value| mission["warnings"][0]["code"] == "overlap_space";
        for mission in &missions {
            let warned = until_mission(&site, mission, "the warning", is_warned).await;
            assert_eq!(warned["state"], "scheduled", "a warning stops nothing: {warned}");
            assert!(warned["warnings"][0]["message_ko"].is_string(), "{warned}");
        }
        let path = format!("/api/v1/missions/{}/cancel", second["mission_id"].as_str().unwrap());
        site.post(&path, &Value::Null).await.is(200);
        let is_alone = |mission: &Value| mission["warnings"].is_null();
        until_mission(&site, &missions[0], "the warning to go", is_alone).await;
    });
}
