//! Shapes: problems everywhere, the description, and the plain reads.

use fleet_types::{
    AlarmStatus, DeviceClass, LinkStatus, Reason, TraceId, WallMs,
    alarm::{Acknowledgement, AlarmAction, AlarmOrder, AlarmState, Priority, Shelf},
    link::LinkName,
    topic::DeviceEvent,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{API_TOKEN, DOCK, MQTT_PASSWORD, Tower, alarm, device, sn};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

#[test]
fn the_committed_description_is_the_code_s() {
    let now = fleet_api::openapi_json();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(SNAPSHOT, &now).unwrap();
    }
    let committed = std::fs::read_to_string(SNAPSHOT).unwrap();
    assert!(
        committed == now,
        "the API changed: UPDATE_OPENAPI=1 cargo test -p fleet-api, then review"
    );
    let document: Value = serde_json::from_str(&now).unwrap();
    assert_eq!(document["paths"].as_object().unwrap().len(), 79);
}

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let tower = Tower::with_dock().await;
    let commands = format!("/api/v1/devices/{DOCK}/commands");
    let bearer = format!("Bearer {API_TOKEN}");
    let raw = async |path: &str, kind: &str, body: &[u8]| {
        let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
        tower.raw("POST", path, &headers, body.to_vec()).await
    };
    let json_type = "application/json";
    raw(&commands, json_type, b"{\"method\":").await.is_problem(400, "malformed_json");
    raw(&commands, json_type, b"[]").await.is_problem(422, "bad_input");
    raw(&commands, "text/plain", b"{}").await.is_problem(415, "unsupported_media_type");
    let large = vec![b' '; (1 << 20) + 1];
    raw(&commands, json_type, &large).await.is_problem(413, "body_too_large");
    raw("/api/v1/session", json_type, &large).await.is_problem(413, "body_too_large");
    tower.get("/api/v1/no-such-path").await.is_problem(404, "not_found");
    tower.get("/api/v1/devices/NOBODY").await.is_problem(404, "unknown_device");
    tower.get("/api/v1/devices/a%2Fb").await.is_problem(404, "not_found");
    tower.get("/api/v1/commands/not-an-id").await.is_problem(404, "not_found");
    let nobody = Uuid::nil();
    tower.get(&format!("/api/v1/commands/{nobody}")).await.is_problem(404, "unknown_command");
    tower.get(&format!("/api/v1/missions/{nobody}")).await.is_problem(404, "unknown_mission");
    tower.get(&format!("/api/v1/traces/{nobody}")).await.is_problem(404, "unknown_trace");
    let patch = tower.call("PATCH", "/api/v1/devices", &Value::Null).await;
    patch.is_problem(405, "method_not_allowed");
    let put = tower.call("PUT", "/healthz", &Value::Null).await;
    put.is_problem(405, "method_not_allowed");
    tower.get("/api/v1/stream").await.is_problem(400, "not_a_websocket");
    let post = tower.call("POST", "/some/page", &Value::Null).await;
    post.is_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_device_is_shown_in_full() {
    let tower = Tower::with_dock().await;
    let body = tower.get(&format!("/api/v1/devices/{DOCK}")).await.is(200);
    assert_eq!(body["device"]["sn"], DOCK);
    assert_eq!(body["telemetry"], json!({}));
    assert_eq!(body["commands"], json!([]));
    assert_eq!(body["mission"], Value::Null);
    assert_eq!(body["unknowns"][0]["key"], DOCK);
    assert!(body["server_time_ms"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn docks_are_enrolled_and_removed_with_their_aircraft() {
    let tower = Tower::start().await;
    let new = json!({"sn": DOCK, "name": "Roof"});
    let enrolled = tower.call("POST", "/api/v1/docks", &new).await.is(201);
    assert_eq!(enrolled["mqtt"]["password"], MQTT_PASSWORD);
    assert_eq!(enrolled["pilot2"][0]["field"], "Account");
    tower.bus.writer().try_write(device("SIMM3TD0000001", DeviceClass::Aircraft)).unwrap();
    let two = |body: &Value| body["devices"].as_array().unwrap().len() == 2;
    tower.until("/api/v1/devices", two).await;
    let path = format!("/api/v1/docks/{DOCK}");
    assert_eq!(tower.call("DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(tower.get("/api/v1/devices").await.is(200)["devices"], json!([]));
    let gone = tower.call("DELETE", "/api/v1/docks/NOBODY", &Value::Null).await;
    gone.is_problem(404, "unknown_device");
    let external = json!({"sn": "EXTERNAL"});
    let refused = tower.call("POST", "/api/v1/docks", &external).await;
    let problem = refused.is_problem(409, "broker_external");
    assert!(problem["detail"].as_str().unwrap().contains("create the user at your broker"));
    let bad = tower.call("POST", "/api/v1/docks", &json!({"sn": "a/+"})).await;
    bad.is_problem(422, "bad_input");
}

#[tokio::test]
async fn a_handler_that_panics_takes_nobody_with_it() {
    let tower = Tower::with_dock().await;
    let planted = tower.call("POST", "/api/v1/docks", &json!({"sn": "PANIC"})).await;
    planted.is_problem(500, "internal");
    assert_eq!(planted.headers["x-content-type-options"], "nosniff");
    tower.get("/api/v1/devices").await.is(200);
    let metrics = tower.get("/metrics").await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.contains("gwanje_http_panics_total 1\n"), "{text}");
}

#[tokio::test]
async fn readiness_follows_the_links() {
    let tower = Tower::start().await;
    let answer = tower.get("/readyz").await.is(503);
    assert_eq!((&answer["ready"], &answer["checks"][0]["name"]), (&json!(false), &json!("link")));
    let link = |connected: bool| LinkStatus {
        link: LinkName::Commands,
        connected,
        address: "127.0.0.1:1883".to_owned(),
        since_ms: WallMs(1),
        error: (!connected).then(|| "connection refused".to_owned()),
    };
    tower.bus.writer().try_write(link(true)).unwrap();
    let ready = tower.until("/readyz", |body| body["ready"] == true).await;
    assert_eq!(ready["checks"][0]["name"], "link_commands");
    tower.bus.writer().try_write(link(false)).unwrap();
    tower.until("/api/v1/system", |body| body["links"][0]["connected"] == false).await;
    let down = tower.get("/readyz").await.is(503);
    assert_eq!(down["checks"][0]["detail"], "127.0.0.1:1883: connection refused");
}

#[tokio::test]
async fn the_system_and_its_metrics_are_shown() {
    let tower = Tower::with_dock().await;
    let system = tower.get("/api/v1/system").await.is(200);
    assert_eq!((&system["threads"], &system["site"]["name"]), (&json!(1), &json!("Test site")));
    assert_eq!(system["bus"]["DeviceState"]["written"], 1);
    assert_eq!(system["unknowns"][0]["key"], "all");
    assert!(system["loop"]["stall_ms"]["p99"].is_number());
    let metrics = tower.get("/metrics").await;
    let text = std::str::from_utf8(&metrics.body).unwrap();
    for line in [
        "gwanje_hub_devices 1\n",
        "gwanje_bus_written_total{topic=\"DeviceState\"} 1\n",
        "gwanje_http_requests_total{method=\"GET\",route=\"/api/v1/system\",status=\"200\"} 1\n",
        "gwanje_http_connections ",
        "# EOF\n",
    ] {
        assert!(text.contains(line), "{line:?} is missing in\n{text}");
    }
    let named = text.lines().filter(|line| !line.starts_with('#'));
    assert!(named.clone().count() > 20);
    assert_eq!(named.filter(|line| !line.starts_with("gwanje_")).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn alarms_are_counted_and_grouped_by_cause() {
    let tower = Tower::start().await;
    let alarm = |id: u128, code: &'static str, priority, state| AlarmStatus {
        sn: (id != 9).then(|| sn(&format!("SIM{id}"))),
        reason: Reason::new(code, format!("words {id}")),
        cause: code.to_owned(),
        raised_ms: WallMs(i64::try_from(id).unwrap()),
        ..alarm(id, state, priority)
    };
    for sample in [
        alarm(1, "dock_silent", Priority::Low, AlarmState::Raised),
        alarm(2, "dock_silent", Priority::Medium, AlarmState::Acknowledged),
        alarm(3, "dock_silent", Priority::Low, AlarmState::ClearedUnacknowledged),
        alarm(9, "broker_queue", Priority::High, AlarmState::Raised),
    ] {
        tower.bus.writer().try_write(sample).unwrap();
    }
    let whole = |body: &Value| body["up"]["high"] == 1;
    let body = tower.until("/api/v1/alarms/summary", whole).await;
    assert_eq!(body["up"], json!({"high": 1, "medium": 1, "low": 1}));
    let expect = json!([
        {"code": "broker_queue", "priority": "high", "count": 1, "newest_ms": 9,
         "message": "words 9", "sns": []},
        {"code": "dock_silent", "priority": "medium", "count": 2, "newest_ms": 2,
         "message": "words 2", "sns": ["SIM1", "SIM2"]},
    ]);
    assert_eq!(body["groups"], expect);
}

#[tokio::test]
async fn alarms_come_active_first_and_events_join_their_flow() {
    let tower = Tower::start().await;
    for sample in [
        alarm(1, AlarmState::Cleared, Priority::High),
        alarm(2, AlarmState::Raised, Priority::Low),
        alarm(3, AlarmState::ClearedUnacknowledged, Priority::High),
    ] {
        tower.bus.writer().try_write(sample).unwrap();
    }
    let three = |body: &Value| body["alarms"].as_array().unwrap().len() == 3;
    let body = tower.until("/api/v1/alarms", three).await;
    let id = |index: usize| body["alarms"][index]["alarm_id"].as_str().unwrap().to_owned();
    let ids = [id(0), id(1), id(2)];
    assert_eq!(ids, [3, 2, 1].map(|id| Uuid::from_u128(id).to_string()));

    let trace_id = TraceId(Uuid::from_u128(9));
    let event = DeviceEvent {
        sn: sn(DOCK),
        method: "flighttask_progress".to_owned(),
        data: Value::Null,
        trace_id: Some(trace_id),
        source_ms: None,
        received_ms: WallMs(7),
    };
    tower.bus.writer().try_write(event).unwrap();
    let path = format!("/api/v1/traces/{trace_id}");
    let trace = tower.until(&path, |_| true).await;
    assert_eq!(trace["steps"][0]["actor"], format!("device.{DOCK}"));
}

/// Plays the alarm component: does as ordered.
fn own_alarms(tower: &Tower) {
    let mut orders = tower.bus.reader::<AlarmOrder>();
    let writer = tower.bus.writer();
    let mut known = alarm(7, AlarmState::Raised, Priority::High);
    writer.try_write(known.clone()).unwrap();
    tokio::spawn(async move {
        loop {
            for order in orders.take(4).await {
                assert_eq!(order.alarm_id, known.alarm_id);
                let (by, at_ms) = (order.issued_by.clone(), WallMs(9));
                match &order.action {
                    AlarmAction::Acknowledge { .. } => {
                        known.state = AlarmState::Acknowledged;
                        known.acknowledged = Some(Acknowledgement { by, at_ms });
                    }
                    AlarmAction::Shelve { for_ms, note } => {
                        let until_ms = WallMs(9_i64.saturating_add_unsigned(*for_ms));
                        known.shelved = Some(Shelf { by, note: note.clone(), at_ms, until_ms });
                    }
                    AlarmAction::Unshelve => known.shelved = None,
                }
                writer.write(known.clone()).await;
            }
        }
    });
}

#[tokio::test]
async fn alarms_are_acknowledged_and_shelved_by_somebody_until_some_time() {
    let tower = Tower::start().await;
    own_alarms(&tower);
    let one = |body: &Value| body["alarms"].as_array().unwrap().len() == 1;
    tower.until("/api/v1/alarms", one).await;
    let path = format!("/api/v1/alarms/{}", Uuid::from_u128(7));
    let post = |what: &str, body: Value| {
        let path = format!("{path}/{what}");
        let tower = &tower;
        async move { tower.call("POST", &path, &body).await }
    };
    post("unshelve", Value::Null).await.is_problem(409, "not_shelved");
    let taken = post("acknowledge", json!({})).await.is(200);
    assert_eq!(
        (&taken["state"], &taken["acknowledged"]["by"]),
        (&json!("acknowledged"), &json!("token:api"))
    );
    let again = post("acknowledge", json!({})).await.is_problem(409, "already_acknowledged");
    assert_eq!(again["alarm"]["acknowledged"]["at_ms"], 9);
    post("acknowledge", json!({"whole_cause": true})).await.is(200);
    for bad in [
        json!({"for_minutes": 0, "note": "x"}),
        json!({"for_minutes": 721, "note": "x"}),
        json!({"for_minutes": 5, "note": " "}),
    ] {
        post("shelve", bad).await.is_problem(422, "bad_input");
    }
    let aside = post("shelve", json!({"for_minutes": 30, "note": "수리 중"})).await.is(200);
    assert_eq!(
        (&aside["shelved"]["note"], &aside["shelved"]["until_ms"]),
        (&json!("수리 중"), &json!(1_800_009))
    );
    let back = post("unshelve", Value::Null).await.is(200);
    assert!(back["shelved"].is_null());
    let nobody = format!("/api/v1/alarms/{}/acknowledge", Uuid::from_u128(8));
    tower.call("POST", &nobody, &json!({})).await.is_problem(404, "unknown_alarm");
}

#[tokio::test]
async fn the_log_s_filter_is_shown_and_changed() {
    let tower = Tower::with_dock().await;
    let path = "/api/v1/system/log";
    assert_eq!(tower.get(path).await.is(200)["configured"], "info");
    let put = async |filter: &str| tower.call("PUT", path, &json!({ "filter": filter })).await;
    assert_eq!(put(" debug ").await.is(200)["filter"], "debug");
    put("??").await.is_problem(422, "bad_input");
    put("").await.is_problem(422, "bad_input");
    put(&"a".repeat(1025)).await.is_problem(422, "bad_input");
    let other = tower.call("PUT", path, &json!({ "level": "debug" })).await;
    other.is_problem(422, "bad_input");
    assert_eq!(tower.get("/api/v1/system").await.is(200)["log"]["filter"], "debug");
}
