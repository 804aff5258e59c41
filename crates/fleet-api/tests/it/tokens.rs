//! Tokens of programs, and sites: no more than their maker, at their sites, until they are revoked.

use fleet_types::{
    DeviceClass, WallMs,
    people::{DEFAULT_SITE, Membership, SiteRole},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};
use uuid::Uuid;

use super::{
    people::Site,
    support::{DOCK, device},
};

const NORTH: Uuid = Uuid::from_u128(0xaa);
const OTHER: &str = "SIMDK200000002";

/// A tower with two sites, a dock at each.
async fn two_sites() -> Site {
    let site = Site::start().await;
    for sn in [DOCK, OTHER] {
        site.tower.bus.writer().try_write(device(sn, DeviceClass::Dock)).unwrap();
    }
    site.tower
        .until("/api/v1/devices", |body| body["devices"].as_array().unwrap().len() == 2)
        .await;
    site.change(|known| {
        known.sites.insert(DEFAULT_SITE, "South".to_owned());
        known.sites.insert(NORTH, "North".to_owned());
        known.devices.insert(super::support::sn(OTHER), NORTH);
    });
    site
}

fn new(name: &str, permissions: &[&str], site_ids: Value) -> Value {
    json!({"name": name, "permissions": permissions, "site_ids": site_ids, "expires_in_days": 30})
}

async fn make(site: &Site, token: &str, body: &Value) -> (String, String) {
    let made = site.call(token, "POST", "/api/v1/tokens", body).await.is(201);
    assert!(made["hash"].is_null(), "{made}");
    (made["token"].as_str().unwrap().to_owned(), made["token_id"].as_str().unwrap().to_owned())
}

async fn devices(site: &Site, token: &str) -> Vec<String> {
    let body = site.get(token, "/api/v1/devices").await.is(200);
    let all = body["devices"].as_array().unwrap().iter();
    all.map(|device| device["sn"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_may_what_it_was_made_for_where_and_never_more_than_its_maker() {
    let site = two_sites().await;
    let kim = site.person("kim@example.kr", &[SiteRole::Operator]).account_id;
    let signed_in = site.token("kim@example.kr").await;
    let refused = async |body: Value, status, code: &str| {
        let answer = site.call(&signed_in, "POST", "/api/v1/tokens", &body).await;
        answer.is_problem(status, code);
    };
    refused(new("more", &["view", "firmware"], Value::Null), 403, "right_missing").await;
    refused(new("", &["view"], Value::Null), 422, "bad_input").await;
    refused(new("api", &["view"], Value::Null), 422, "bad_input").await;
    refused(new("none", &[], Value::Null), 422, "bad_input").await;
    refused(new("where", &["view"], json!([])), 422, "bad_input").await;
    refused(new("where", &["view"], json!([Uuid::from_u128(1)])), 422, "bad_input").await;
    let mut long = new("long", &["view"], Value::Null);
    long["expires_in_days"] = json!(367);
    refused(long, 422, "bad_input").await;

    let (token, _) =
        make(&site, &signed_in, &new("export", &["view", "stop"], json!([NORTH]))).await;
    let text = serde_json::to_string(&site.tower.audit.take()).unwrap();
    assert!(text.contains("token.create") && !text.contains(&token), "{text}");
    let me = site.get(&token, "/api/v1/me").await.is(200);
    assert_eq!(
        (&me["who"], &me["kind"], &me["rights"]),
        (&json!("token:export"), &json!("token"), &json!(["view", "stop"]))
    );
    assert_eq!(devices(&site, &token).await, [OTHER]);
    let order = async |sn: &str, method: &str| {
        let body = json!({"method": method, "idempotency_key": format!("{sn}-{method}")});
        let path = format!("/api/v1/devices/{sn}/commands");
        site.call(&token, "POST", &path, &body).await
    };
    // Nobody owns the dock here: what is let through is not answered.
    order(OTHER, "return_home").await.is_problem(504, "no_owner");
    order(OTHER, "flighttask_recovery").await.is_problem(403, "right_missing");
    order(DOCK, "return_home").await.is_problem(404, "unknown_device");
    let by: Vec<_> = site.tower.audit.take().into_iter().map(|entry| entry.actor).collect();
    assert_eq!(by, ["token:export"; 3]);
    for path in ["/metrics", "/api/v1/people", "/api/v1/audit"] {
        site.get(&token, path).await.is_problem(403, "right_missing");
    }
    site.get(&token, "/api/v1/sessions").await.is_problem(403, "no_account");
    let body = new("child", &["view"], json!([NORTH]));
    site.call(&token, "POST", "/api/v1/tokens", &body).await.is_problem(403, "not_by_token");
    let own = site.get(&token, "/api/v1/tokens").await.is(200);
    assert_eq!(own["tokens"].as_array().unwrap().len(), 1);

    // What its maker loses, it loses.
    let roles = |role, site_id| {
        site.change(move |known| {
            let given = [Membership { role, site_id }].into();
            known.people.get_mut(&kim).unwrap().memberships = given;
        });
    };
    roles(SiteRole::Viewer, None);
    order(OTHER, "drone_emergency_stop").await.is_problem(403, "right_missing");
    assert_eq!(devices(&site, &token).await, [OTHER]);
    roles(SiteRole::Operator, Some(DEFAULT_SITE));
    site.get(&token, "/api/v1/devices").await.is_problem(403, "right_missing");
    roles(SiteRole::Operator, None);
    site.change(|known| known.people.get_mut(&kim).unwrap().is_disabled = true);
    site.get(&token, "/api/v1/devices").await.is_problem(401, "unauthorized");
    site.change(|known| known.people.get_mut(&kim).unwrap().is_disabled = false);
    assert_eq!(devices(&site, &token).await, [OTHER]);
    // And it ends by itself.
    site.change(|known| known.tokens.values_mut().for_each(|token| token.expires_ms = WallMs(1)));
    site.get(&token, "/api/v1/devices").await.is_problem(401, "unauthorized");
    for forged in ["gwt_", "gwt_AAAA", &token[..token.len() - 1]] {
        site.get(forged, "/api/v1/devices").await.is_problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_its_live_view_closed() {
    let site = two_sites().await;
    site.person("kim@example.kr", &[SiteRole::Operator]);
    site.person("lee@example.kr", &[SiteRole::Operator]);
    site.person("boss@example.kr", &[SiteRole::Administrator]);
    let kim = site.token("kim@example.kr").await;
    let (token, id) = make(&site, &kim, &new("live", &["view"], Value::Null)).await;
    let url = format!("ws://{}/api/v1/stream", site.tower.address);
    let mut request = url.into_client_request().unwrap();
    let offered = format!("gwanje.v2, bearer.{token}");
    request.headers_mut().insert("sec-websocket-protocol", offered.parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let path = format!("/api/v1/tokens/{id}");
    let lee = site.token("lee@example.kr").await;
    assert_eq!(site.get(&lee, "/api/v1/tokens").await.is(200)["tokens"], json!([]));
    site.call(&lee, "DELETE", &path, &Value::Null).await.is_problem(404, "unknown_token");
    let boss = site.token("boss@example.kr").await;
    let all = site.get(&boss, "/api/v1/tokens").await.is(200);
    assert_eq!(all["tokens"][0]["name"], "live");
    assert_eq!(site.call(&boss, "DELETE", &path, &Value::Null).await.status, 204);
    site.get(&token, "/api/v1/devices").await.is_problem(401, "unauthorized");
    let code = loop {
        if let Message::Close(frame) = socket.next().await.unwrap().unwrap() {
            break u16::from(frame.unwrap().code);
        }
    };
    assert_eq!(code, 4001);
}

#[tokio::test]
async fn administrators_make_sites_and_move_docks_with_their_aircraft() {
    let site = two_sites().await;
    site.person("kim@example.kr", &[SiteRole::Operator]);
    site.person("boss@example.kr", &[SiteRole::Administrator]);
    let (kim, boss) = (site.token("kim@example.kr").await, site.token("boss@example.kr").await);
    let put =
        async |token: &str, path: &str, body: Value| site.call(token, "PUT", path, &body).await;
    let made =
        site.call(&boss, "POST", "/api/v1/sites", &json!({"name": " 새만금 "})).await.is(201);
    assert_eq!(made["name"], "새만금");
    let east = made["site_id"].as_str().unwrap();
    let refused = site.call(&kim, "POST", "/api/v1/sites", &json!({"name": "x"})).await;
    refused.is_problem(403, "right_missing");
    let path = format!("/api/v1/sites/{east}");
    assert_eq!(put(&boss, &path, json!({"name": "Saemangeum"})).await.status, 204);
    put(&boss, &path, json!({"name": ""})).await.is_problem(422, "bad_input");
    let moved = format!("/api/v1/devices/{DOCK}/site");
    put(&kim, &moved, json!({"site_id": east})).await.is_problem(403, "right_missing");
    put(&boss, &moved, json!({"site_id": Uuid::nil()})).await.is_problem(404, "unknown_site");
    let nobody = put(&boss, "/api/v1/devices/NOBODY/site", json!({"site_id": east})).await;
    nobody.is_problem(404, "unknown_device");
    assert_eq!(put(&boss, &moved, json!({"site_id": east})).await.status, 204);
    let listed = site.get(&kim, "/api/v1/sites").await.is(200);
    assert_eq!(listed["devices"][DOCK], east);
    let names: Vec<_> = listed["sites"].as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["North", "Saemangeum", "South"]);
    let last = site.tower.audit.take().pop().unwrap();
    assert_eq!((last.action.as_str(), &last.details["to"]), ("device.move", &json!(east)));
    assert_eq!(last.details["from"], DEFAULT_SITE.to_string());
}
