//! Another site's devices: seen by nobody who has no role there, by no route and on no socket.

use std::collections::BTreeSet;

use fleet_types::{
    CommandId, CommandRequest, CommandState, DeviceClass, IdempotencyKey, Reason, RequestId,
    Scalar, TraceId, TraceStep, WallMs,
    alarm::{AlarmState, Priority},
    people::{DEFAULT_SITE, Membership, SiteRole},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::{
    people::Site,
    streams::{Socket, close_code, osd, try_open_at},
    support::{alarm, command, device, sn},
};

const NORTH: Uuid = Uuid::from_u128(7);
const OURS: &str = "NORTH1";
const THEIRS: &str = "SOUTH1";

/// Two docks at two sites, each with a command, an alarm and a flow; somebody of the north.
async fn north(roles: &[SiteRole]) -> (Site, String) {
    let site = Site::start().await;
    let kim = site.person("kim@example.kr", &[]);
    let at = |role: &SiteRole| Membership { role: *role, site_id: Some(NORTH) };
    site.change(|directory| {
        directory.sites.insert(DEFAULT_SITE, "South".to_owned());
        directory.sites.insert(NORTH, "North".to_owned());
        directory.devices.insert(sn(OURS), NORTH);
        let standing = directory.people.get_mut(&kim.account_id).unwrap();
        standing.memberships = roles.iter().map(at).collect();
    });
    for (n, name) in [(1, OURS), (2, THEIRS)] {
        let bus = &site.tower.bus;
        bus.writer().try_write(device(name, DeviceClass::Dock)).unwrap();
        let request = CommandRequest {
            command_id: CommandId(Uuid::from_u128(n)),
            trace_id: TraceId(Uuid::from_u128(n)),
            request_id: RequestId(Uuid::from_u128(n)),
            sn: sn(name),
            method: "cover_open".to_owned(),
            data: Value::Null,
            idempotency_key: IdempotencyKey::new(&format!("k{n}")).unwrap(),
            expires_in_ms: 10_000,
            issued_by: "test".to_owned(),
        };
        bus.writer().write(command(&request, CommandState::Unknown)).await;
        let mut raised = alarm(n, AlarmState::Raised, Priority::High);
        raised.sn = Some(sn(name));
        raised.reason = Reason::new("silent", format!("{name} is silent"));
        bus.writer().write(raised).await;
        let step = TraceStep {
            trace_id: TraceId(Uuid::from_u128(n)),
            at_ms: WallMs(1),
            actor: "test".to_owned(),
            action: "request".to_owned(),
            action_duration_ms: 0,
            response_code: None,
            sn: Some(sn(name)),
            command_id: None,
            mission_id: None,
            method: None,
            detail: None,
        };
        bus.writer().try_write(step).unwrap();
        report(&site, name, 37.5);
    }
    let all = |body: &Value| body["alarms"].as_array().unwrap().len() == 2;
    site.tower.until("/api/v1/alarms", all).await;
    let both = |body: &Value| body["devices"].as_array().unwrap().len() == 2;
    site.tower.until("/api/v1/devices", both).await;
    let token = site.token("kim@example.kr").await;
    (site, token)
}

fn report(site: &Site, name: &str, latitude: f64) {
    let place = [("latitude", Scalar::Num(latitude)), ("longitude", Scalar::Num(127.0))];
    site.tower.bus.writer().try_write(osd(name, DeviceClass::Dock, 1, &place)).unwrap();
}

#[tokio::test]
async fn no_route_shows_or_touches_another_sites_device() {
    let (site, token) = north(&SiteRole::ALL).await;
    let document = site.get(&token, "/api/v1/openapi.json").await.is(200);
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for verb in item.as_object().unwrap().keys() {
            let of = |n: u128| {
                let id = Uuid::from_u128(n).to_string();
                path.replace("{sn}", if n == 1 { OURS } else { THEIRS }).replace("{id}", &id)
            };
            let is_theirs = path.contains("{sn}") || path.contains("{id}");
            // Media are the database's, whose row-level security is tried in fleet-store; there is none here.
            let is_of_the_database = path.contains("/media/");
            if !is_theirs
                || is_of_the_database
                || path.contains("basemaps")
                || path.contains("waylines")
            {
                continue;
            }
            let path = of(2).replace("{item}", "wind").replace("{session}", "x");
            let body = match () {
                () if path.ends_with("/commands") => {
                    json!({"method": "return_home", "idempotency_key": "x"})
                }
                () if path.ends_with("/authority") => json!({"scope": "flight", "action": "take"}),
                () if path.ends_with("/resolve") => json!({"outcome": "failed", "note": "x"}),
                () if path.ends_with("/acknowledge") => json!({}),
                () if path.ends_with("/shelve") => json!({"for_minutes": 5, "note": "x"}),
                () if path.ends_with("/preflight") => {
                    json!({"rth_altitude_m": 100, "lost_link_action": "return_home"})
                }
                () if path.ends_with("/overrides") => {
                    json!({"item": "wind", "note": "x", "expires_in_ms": 60_000})
                }
                () if path.ends_with("/maintenance") => json!({"on": true, "note": "x"}),
                () if verb == "put" && path.contains("/schedules/") => json!({
                    "name": "x", "sn": THEIRS, "wayline_id": Uuid::nil(), "rth_altitude_m": 100,
                    "lost_link_action": "return_home", "first": "2026-11-25T09:00:00",
                    "rrule": "FREQ=DAILY",
                }),
                () if path.ends_with("/resume") => json!({"idempotency_key": "x"}),
                () => Value::Null,
            };
            let answer = site.call(&token, &verb.to_uppercase(), &path, &body).await;
            let status = answer.status.as_u16();
            assert!([403, 404].contains(&status), "{verb} {path}: {status} {:?}", answer.body);
            let text = String::from_utf8_lossy(&answer.body).replace(&path, "");
            assert!(!text.contains("is silent"), "{verb} {path}: {text}");
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
    let mission = json!({
        "sn": THEIRS, "wayline_id": Uuid::nil(), "rth_altitude_m": 100,
        "lost_link_action": "return_home", "idempotency_key": "x",
    });
    let refused = site.call(&token, "POST", "/api/v1/missions", &mission).await;
    refused.is_problem(404, "unknown_device");
    // Their own is there, by the same routes.
    for path in ["/api/v1/devices/NORTH1", "/api/v1/devices/NORTH1/track"] {
        site.get(&token, path).await.is(200);
    }
    let mine = Uuid::from_u128(1);
    site.get(&token, &format!("/api/v1/commands/{mine}")).await.is(200);
    site.get(&token, &format!("/api/v1/traces/{mine}")).await.is(200);
}

#[tokio::test]
async fn what_is_listed_is_ones_own_site_s() {
    let (site, token) = north(&[SiteRole::Viewer]).await;
    for path in [
        "/api/v1/devices",
        "/api/v1/alarms",
        "/api/v1/alarms/summary",
        "/api/v1/missions",
        "/api/v1/dispatch?latitude=37.5&longitude=127",
    ] {
        let body = site.get(&token, path).await.is(200).to_string();
        assert!(!body.contains(THEIRS), "{path}: {body}");
    }
    let devices = site.get(&token, "/api/v1/devices").await.is(200);
    assert_eq!(devices["devices"].as_array().unwrap().len(), 1);
    assert_eq!(site.get(&token, "/api/v1/alarms/summary").await.is(200)["up"]["high"], 1);
}

#[tokio::test]
async fn a_role_counts_at_its_site_alone() {
    let (site, token) = north(&[SiteRole::Administrator]).await;
    // The whole tower is not theirs.
    for (verb, path, body) in [
        ("GET", "/api/v1/people", Value::Null),
        ("GET", "/metrics", Value::Null),
        ("POST", "/api/v1/docks", json!({"sn": "X"})),
        ("POST", "/auth/v1/admin/users", json!({"email": "x@y", "password": "0123456789"})),
    ] {
        site.call(&token, verb, path, &body).await.is_problem(403, "right_missing");
    }
    // Looking at both sites and commanding one are two things.
    site.change(|directory| {
        let everywhere = Membership { role: SiteRole::Viewer, site_id: None };
        for standing in directory.people.values_mut() {
            standing.memberships.insert(everywhere);
        }
    });
    let order = json!({"method": "cover_open", "idempotency_key": "x"});
    let of = |name: &str| format!("/api/v1/devices/{name}/commands");
    site.get(&token, "/api/v1/devices/SOUTH1").await.is(200);
    let refused = site.call(&token, "POST", &of(THEIRS), &order).await;
    refused.is_problem(403, "right_missing");
    assert_eq!(site.call(&token, "POST", &of(OURS), &order).await.status, 504);
}

async fn open(site: &Site, token: &str, protocol: &str, query: &str) -> Socket {
    let offered = format!("{protocol}, bearer.{token}");
    try_open_at(&site.tower, query, &[("sec-websocket-protocol", offered)]).await.unwrap()
}

/// Everything that is told until the tower has ticked this often, as text; binary frames by size.
async fn heard(socket: &mut Socket, ticks: u32) -> (String, BTreeSet<u16>) {
    let (mut text, mut slots, mut ticked) = (String::new(), BTreeSet::new(), 0);
    while ticked < ticks {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(frame) => {
                let frame: Value = serde_json::from_str(&frame).unwrap();
                ticked += u32::from(frame["type"] == "tick");
                text.push_str(&frame.to_string());
            }
            Message::Binary(frame) => {
                let records = frame[24..].chunks(20);
                slots.extend(records.map(|r| u16::from_le_bytes([r[0], r[1]])));
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            Message::Close(frame) => panic!("{frame:?}"),
        }
    }
    (text, slots)
}

#[tokio::test]
async fn no_live_view_tells_of_another_site() {
    let (site, token) = north(&[SiteRole::Viewer]).await;
    for protocol in ["gwanje.v1", "gwanje.v2"] {
        let mut socket = open(&site, &token, protocol, "").await;
        let subscribe = json!({"type": "subscribe", "sns": [OURS, THEIRS]});
        socket.send(Message::text(subscribe.to_string())).await.unwrap();
        if protocol == "gwanje.v2" {
            let look = json!({"type": "view", "sns": [OURS, THEIRS], "osd": [OURS, THEIRS]});
            socket.send(Message::text(look.to_string())).await.unwrap();
        }
        let mut all = heard(&mut socket, 2).await;
        for name in [OURS, THEIRS] {
            report(&site, name, 37.6);
            site.tower.bus.writer().try_write(device(name, DeviceClass::Dock)).unwrap();
        }
        let later = heard(&mut socket, 3).await;
        all.0.push_str(&later.0);
        all.1.extend(later.1);
        assert!(all.0.contains(OURS), "{protocol}: {}", all.0);
        assert!(!all.0.contains(THEIRS), "{protocol}: {}", all.0);
        assert!(all.1.len() <= 1, "{protocol}: {:?}", all.1);
    }
    // Nor what was missed.
    let mut socket = open(&site, &token, "gwanje.v2", "?resume=x.0").await;
    let (text, _) = heard(&mut socket, 1).await;
    assert!(!text.contains(THEIRS), "{text}");
}

#[tokio::test]
async fn a_live_view_whose_part_has_changed_begins_anew() {
    let (site, token) = north(&[SiteRole::Viewer]).await;
    let mut socket = open(&site, &token, "gwanje.v2", "").await;
    heard(&mut socket, 1).await;
    // The dock goes to another site.
    site.change(|directory| {
        directory.devices.clear();
    });
    assert_eq!(close_code(&mut socket).await, 4003);
    let mut socket = open(&site, &token, "gwanje.v2", "").await;
    let (text, _) = heard(&mut socket, 1).await;
    assert!(!text.contains(OURS) && !text.contains(THEIRS), "{text}");
}
