//! Questions in the shapes that EMQX documents, over HTTP to a real listener.

use std::net::SocketAddr;

use fleet_types::{MonoMs, Now, WallMs};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::{accounts::ACCOUNTS_FILE, server::Desk, *};
use crate::data_dir::TempDir;

struct Rig {
    _dir: TempDir,
    address: SocketAddr,
    rights: Arc<AircraftRights>,
    accounts: Arc<Accounts>,
    denials: Arc<Denials>,
}

fn sn(text: &str) -> DeviceSn {
    DeviceSn::new(text).unwrap()
}

fn pair(rights: &AircraftRights, dock: &str, aircraft: &str) {
    let now = Now { mono: MonoMs(0), wall: WallMs(0) };
    rights.pair(now, &sn(dock), &[sn(aircraft)]);
}

async fn rig() -> Rig {
    let dir = TempDir::new().unwrap();
    let accounts = Arc::new(Accounts::open(dir.path().join(ACCOUNTS_FILE)).unwrap());
    accounts.set(&sn("D1"), &Secret::new("pw-1")).unwrap();
    accounts.set(&sn("D2"), &Secret::new("pw-2")).unwrap();
    let rights = Arc::new(AircraftRights::open(dir.path()));
    pair(&rights, "D1", "A1");
    let denials = Arc::new(Denials::default());
    let tower = Some(("tower".to_owned(), Tag::of(b"tower-pw").unwrap()));
    let rules = Rules::new(tower, Arc::clone(&accounts), Arc::clone(&rights), Arc::clone(&denials));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let desk = Arc::new(Desk::new(rules, Tag::of(b"shared").unwrap()));
    tokio::spawn(desk.serve(listener));
    Rig { _dir: dir, address, rights, accounts, denials }
}

impl Rig {
    async fn ask(
        &self,
        path: &str,
        secret: &str,
        body: impl Into<bytes::Bytes>,
    ) -> (StatusCode, Value) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {secret}"))
            .body(Full::new(body.into()))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        connection.abort();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// As EMQX's documentation shows: `{"username": "${username}", "password": "${password}"}`.
    async fn auth(&self, username: &str, password: &str) -> Value {
        let body = json!({"username": username, "password": password, "clientid": "c", "peerhost": "192.0.2.1"});
        let (status, answer) = self.ask("/mqtt/emqx/auth", "shared", body.to_string()).await;
        assert_eq!(status, 200);
        answer
    }

    /// As it shows: `{"username": "${username}", "topic": "${topic}", "action": "${action}"}`.
    async fn acl(&self, username: &str, action: &str, topic: &str) -> Value {
        let body =
            json!({"username": username, "clientid": username, "topic": topic, "action": action});
        let (status, answer) = self.ask("/mqtt/emqx/acl", "shared", body.to_string()).await;
        assert_eq!(status, 200);
        answer["result"].clone()
    }
}

#[tokio::test]
async fn who_may_sign_in_is_told_in_the_brokers_words() {
    let rig = rig().await;
    assert_eq!(rig.auth("D1", "pw-1").await, json!({"result": "allow"}));
    assert_eq!(rig.auth("D1", "pw-2").await, json!({"result": "deny"}));
    assert_eq!(rig.auth("D1", "").await, json!({"result": "deny"}));
    assert_eq!(rig.auth("D9", "pw-1").await, json!({"result": "ignore"}), "others may know it");
    assert_eq!(
        rig.auth("tower", "tower-pw").await,
        json!({"result": "allow", "is_superuser": true})
    );
    assert_eq!(rig.auth("tower", "pw-1").await, json!({"result": "deny"}));
    // A client without name or password is asked about with empty or missing fields.
    let (_, answer) = rig.ask("/mqtt/emqx/auth", "shared", r#"{"username":null}"#).await;
    assert_eq!(answer, json!({"result": "ignore"}));
    rig.accounts.remove(&sn("D1")).unwrap();
    assert_eq!(rig.auth("D1", "pw-1").await, json!({"result": "ignore"}));
    let again = Accounts::open(rig._dir.path().join(ACCOUNTS_FILE)).unwrap();
    assert_eq!(again.login("D2", &Secret::new("pw-2")), Login::Right, "kept over a restart");
    let kept = std::fs::read_to_string(rig._dir.path().join(ACCOUNTS_FILE)).unwrap();
    assert!(!kept.contains("pw-2"));
}

#[tokio::test]
async fn a_dock_speaks_for_itself_and_its_aircraft_and_an_aircraft_changes_its_dock_at_once() {
    let rig = rig().await;
    for (username, action, topic, verdict) in [
        ("D1", "publish", "thing/product/D1/osd", "allow"),
        ("D1", "publish", "sys/product/D1/status", "allow"),
        ("D1", "publish", "thing/product/A1/state", "allow"),
        ("D1", "publish", "thing/product/A1/events", "deny"),
        ("D1", "publish", "thing/product/D2/osd", "deny"),
        ("D1", "publish", "thing/product/D1/services", "deny"),
        ("D1", "publish", "$SYS/x", "deny"),
        ("D2", "publish", "thing/product/A1/osd", "deny"),
        ("D1", "subscribe", "thing/product/D1/services", "allow"),
        ("D1", "subscribe", "thing/product/D1/osd", "deny"),
        ("D1", "subscribe", "thing/product/+/services", "deny"),
        ("D1", "subscribe", "#", "deny"),
        ("D9", "publish", "thing/product/D9/osd", "ignore"),
        ("tower", "subscribe", "$SYS/#", "allow"),
    ] {
        assert_eq!(rig.acl(username, action, topic).await, verdict, "{username} {action} {topic}");
    }
    let denied = rig.denials.seen();
    assert_eq!((denied.clients["D1"].count, denied.clients["D2"].count), (4, 1), "{denied:?}");
    pair(&rig.rights, "D2", "A1");
    assert_eq!(rig.acl("D2", "publish", "thing/product/A1/osd").await, "allow");
    assert_eq!(rig.acl("D1", "publish", "thing/product/A1/osd").await, "deny");
}

#[tokio::test]
async fn who_does_not_know_the_secret_learns_nothing_and_keeps_nobody_from_being_answered() {
    let rig = rig().await;
    let body = r#"{"username":"D1","password":"pw-1"}"#;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..30 {
        let (status, answer) = rig.ask("/mqtt/emqx/auth", "guess", body).await;
        assert_eq!(answer, Value::Null);
        seen.insert(status.as_u16());
        assert_eq!(rig.auth("D1", "pw-1").await["result"], "allow");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [401, 429]);
}

#[tokio::test]
async fn questions_that_are_none_are_refused() {
    let rig = rig().await;
    let large = format!("{{\"username\":\"{}\"}}", "x".repeat(20_000));
    let deep = "[".repeat(8_000);
    for (path, body, expect) in [
        ("/mqtt/emqx/auth", "", 400),
        ("/mqtt/emqx/auth", "[]", 400),
        ("/mqtt/emqx/auth", deep.as_str(), 400),
        ("/mqtt/emqx/acl", r#"{"username":"D1","topic":"x","action":"own"}"#, 400),
        ("/mqtt/emqx/acl", large.as_str(), 413),
        ("/mqtt/emqx/other", "{}", 404),
    ] {
        let (status, answer) = rig.ask(path, "shared", body.to_owned()).await;
        assert_eq!((status.as_u16(), answer), (expect, Value::Null), "{path} {expect}");
    }
}
