//! Wayline files and the missions that fly them.

use std::time::Duration;

use fleet_types::mission::Verdict;
use serde_json::{Value, json};
use wpml::{
    DroneInfo, FinishAction, FlyToMode, HeightMode, LostLinkAction, Mission, PayloadInfo, RcLost,
    Wayline, Waypoint,
};

use super::support::{API_TOKEN, Answer, DOCK, Tower, key, mission};

const KMZ: &str = "application/vnd.google-earth.kmz";

pub(super) fn kmz() -> Vec<u8> {
    survey(20.0)
}

fn survey(security_height_m: f64) -> Vec<u8> {
    let point = |index: u32, lat: f64| Waypoint {
        index,
        lon: 127.0,
        lat,
        height_m: 50.0,
        speed_mps: 8.0,
        action_groups: Vec::new(),
    };
    Mission {
        fly_to_mode: FlyToMode::Safely,
        finish_action: FinishAction::GoHome,
        rc_lost: RcLost::Execute(LostLinkAction::GoBack),
        security_height_m,
        transitional_speed_mps: 10.0,
        rth_height_m: Some(100.0),
        drone: DroneInfo { type_id: 91, sub_type: 1 },
        payload: PayloadInfo { type_id: 81, position: 0 },
        waylines: vec![Wayline {
            id: 0,
            speed_mps: 8.0,
            height_mode: HeightMode::RelativeToStartPoint,
            waypoints: vec![point(0, 37.0), point(1, 37.001)],
        }],
    }
    .to_kmz()
    .unwrap()
}

/// A file as a person uploads it.
pub(super) async fn uploaded(tower: &Tower) -> Value {
    upload(tower, KMZ, "survey", kmz()).await.is(201)
}

async fn upload(tower: &Tower, kind: &str, name: &str, body: Vec<u8>) -> Answer {
    let bearer = format!("Bearer {API_TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
    tower.raw("POST", &format!("/api/v1/waylines?name={name}"), &headers, body).await
}

async fn fetch(tower: &Tower, url: &str) -> Answer {
    let path = url.strip_prefix(&format!("http://{}", tower.address)).unwrap();
    tower.raw("GET", path, &[], Vec::new()).await
}

#[tokio::test]
async fn a_good_file_is_summed_up_and_a_bad_one_refused_with_its_place() {
    let tower = Tower::start().await;
    let made = upload(&tower, KMZ, "North%20field", kmz()).await.is(201);
    assert_eq!((&made["name"], &made["size_bytes"]), (&json!("North field"), &json!(kmz().len())));
    assert_eq!(made["summary"]["waypoint_count"], 2);
    let length = made["summary"]["length_m"].as_f64().unwrap();
    assert!((110.0..113.0).contains(&length), "{length}");
    assert!(made["summary"]["duration_s"].as_f64().unwrap() > 10.0);
    let listed = tower.get("/api/v1/waylines").await.is(200);
    assert_eq!(listed["waylines"][0]["wayline_id"], made["wayline_id"]);

    let bad = upload(&tower, "application/octet-stream", "x", b"no zip".to_vec()).await;
    assert!(bad.is_problem(422, "bad_kmz")["detail"].as_str().unwrap().contains("ZIP"));
    let kind = upload(&tower, "application/json", "x", kmz()).await;
    kind.is_problem(415, "unsupported_media_type");
    upload(&tower, KMZ, "", kmz()).await.is_problem(422, "bad_input");
    let large = upload(&tower, KMZ, "x", vec![0; (20 << 20) + 1]).await;
    large.is_problem(413, "body_too_large");
    let unnamed = tower.call("POST", "/api/v1/waylines", &json!({})).await;
    unnamed.is_problem(400, "bad_query");
}

#[tokio::test]
async fn a_file_that_would_break_off_is_refused_with_what_to_mend_unless_somebody_insists() {
    let tower = Tower::start().await;
    let refused = upload(&tower, KMZ, "low", survey(5.0)).await;
    let problem = refused.is_problem(422, "wayline_not_flyable");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("1 error(s)") && detail.contains("takeOffSecurityHeight"), "{detail}");
    let found = &problem["findings"][0];
    assert_eq!(found["code"], "security_height_out_of_range");
    assert_eq!(found["element"], "missionConfig / takeOffSecurityHeight");
    assert_eq!(found["severity"], "error");
    assert!(found["message_ko"].as_str().unwrap().contains("5 m"), "{found}");
    assert!(found["mend"].as_str().unwrap().contains("8 to 1,500"), "{found}");
    assert_eq!(tower.get("/api/v1/waylines").await.is(200)["waylines"], json!([]));

    let kept = upload(&tower, KMZ, "low&despite_findings=true", survey(5.0)).await.is(201);
    let path = |id: &Value| format!("/api/v1/waylines/{}/findings", id.as_str().unwrap());
    let shown = tower.get(&path(&kept["wayline_id"])).await.is(200);
    assert_eq!((&shown["is_flyable"], &shown["findings"][0]), (&json!(false), found));
    let good = upload(&tower, KMZ, "good", kmz()).await.is(201);
    let shown = tower.get(&path(&good["wayline_id"])).await.is(200);
    assert_eq!(shown, json!({"is_flyable": true, "findings": [], "more": 0}));
    tower.get(&path(&json!(uuid::Uuid::nil()))).await.is_problem(404, "unknown_wayline");
}

fn fly(wayline: &Value, key: &str) -> Value {
    json!({
        "sn": DOCK, "wayline_id": wayline, "rth_altitude_m": 100,
        "lost_link_action": "return_home", "idempotency_key": key,
    })
}

#[tokio::test]
async fn a_mission_reaches_its_dock_once_with_an_address_that_opens_the_file() {
    let tower = Tower::with_dock().await;
    let made = upload(&tower, KMZ, "x", kmz()).await.is(201);
    let seen = tower.own_missions(|request| mission(request, None));
    let order = fly(&made["wayline_id"], "m1");
    let first = tower.call("POST", "/api/v1/missions", &order).await.is(202);
    assert_eq!(first["warnings"][0]["code"], "overlap_space", "what is known says so at once");
    let again = tower.call("POST", "/api/v1/missions", &order).await.is(200);
    assert_eq!(again["mission_id"], first["mission_id"]);
    let mut other = order.clone();
    other["rth_altitude_m"] = json!(120);
    let conflict = tower.call("POST", "/api/v1/missions", &other).await;
    conflict.is_problem(409, "idempotency_conflict");
    let request = {
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        seen[0].clone()
    };
    assert_eq!(request.idempotency_key, key("m1"));
    assert_eq!(made["md5"], request.file_md5);
    let file = fetch(&tower, &request.file_url).await;
    assert_eq!((file.status.as_u16(), file.body.to_vec()), (200, kmz()));
    let id = first["mission_id"].as_str().unwrap();
    let shown = tower.get(&format!("/api/v1/missions/{id}")).await.is(200);
    assert_eq!(shown["state"], "preparing");
    let listed = tower.get("/api/v1/missions").await.is(200);
    assert_eq!(listed["missions"][0]["mission_id"], id);
    // Asked again later, the tower makes a fresh address for the same file.
    let fresh = tower.api.waylines().resource(request.wayline_id).unwrap();
    assert_eq!(fresh.md5, request.file_md5);
    assert_eq!(fetch(&tower, &fresh.url).await.status, 200);
}

#[tokio::test]
async fn a_mission_that_cannot_be_flown_is_refused() {
    let tower = Tower::with_dock().await;
    let made = upload(&tower, KMZ, "x", kmz()).await.is(201);
    let seen = tower.own_missions(|request| mission(request, Some(Verdict::Rejected)));
    let id = &made["wayline_id"];
    let rejected = tower.call("POST", "/api/v1/missions", &fly(id, "m1")).await;
    assert_eq!(rejected.is_problem(409, "dock_not_ready")["mission"]["verdict"], "rejected");
    let nothing = json!("00000000-0000-0000-0000-000000000000");
    let missing = tower.call("POST", "/api/v1/missions", &fly(&nothing, "m2")).await;
    missing.is_problem(404, "unknown_wayline");
    // A request that never left gives its key back.
    tower.call("POST", "/api/v1/missions", &fly(id, "m2")).await.is_problem(409, "dock_not_ready");
    for (name, value) in [
        ("rth_altitude_m", json!(19)),
        ("rth_altitude_m", json!(1501)),
        ("expires_in_ms", json!(4999)),
        ("lost_link_action", json!("pray")),
    ] {
        let mut order = fly(id, "m3");
        order[name] = value;
        tower.call("POST", "/api/v1/missions", &order).await.is_problem(422, "bad_input");
    }
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn forged_and_expired_addresses_open_nothing() {
    let tower = Tower::start_with(|config| config.wayline_url_life = Duration::ZERO).await;
    let made = upload(&tower, KMZ, "x", kmz()).await.is(201);
    let id = made["wayline_id"].as_str().unwrap().parse().unwrap();
    let url = tower.api.waylines().mint_url(id).unwrap();
    fetch(&tower, &url).await.is_problem(410, "url_expired");
    let later = url.replace("expires=1", "expires=9");
    assert_ne!(later, url);
    fetch(&tower, &later).await.is_problem(403, "bad_signature");
    let other = upload(&tower, KMZ, "y", kmz()).await.is(201);
    let other = other["wayline_id"].as_str().unwrap().to_owned();
    let swapped = url.replace(&id.to_string(), &other);
    fetch(&tower, &swapped).await.is_problem(403, "bad_signature");
    let (bare, _) = url.split_once('?').unwrap();
    fetch(&tower, bare).await.is_problem(400, "bad_query");
    // A good token does not open it either: the address is the credential.
    let path = bare.strip_prefix(&format!("http://{}", tower.address)).unwrap();
    tower.get(&format!("{path}?expires=9&sig=00")).await.is_problem(403, "bad_signature");
}

#[tokio::test]
async fn a_route_is_shown_as_geojson() {
    let tower = Tower::with_dock().await;
    let made = upload(&tower, KMZ, "x", kmz()).await.is(201);
    let path = format!("/api/v1/waylines/{}/route", made["wayline_id"].as_str().unwrap());
    let answer = tower.get(&path).await;
    assert_eq!(answer.headers["content-type"], "application/geo+json");
    let route = answer.is(200);
    let features = route["features"].as_array().unwrap();
    let points = made["summary"]["waypoint_count"].as_u64().unwrap();
    assert_eq!(features.len() as u64, points + 1);
    let line = &features[0]["geometry"];
    assert_eq!(line["type"], "LineString");
    for (index, position) in line["coordinates"].as_array().unwrap().iter().enumerate() {
        let point = &features[index + 1];
        assert_eq!(&point["geometry"]["coordinates"], position);
        assert_eq!(point["properties"]["waypoint"], index);
    }
    let longitude = line["coordinates"][0][0].as_f64().unwrap();
    assert!((124.0..132.0).contains(&longitude), "longitude comes first");
    assert_eq!(features[0]["properties"]["heights"], "above_take_off");
    let nobody = format!("/api/v1/waylines/{}/route", uuid::Uuid::nil());
    tower.get(&nobody).await.is_problem(404, "unknown_wayline");
}
