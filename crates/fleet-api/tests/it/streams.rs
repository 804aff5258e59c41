//! The live view over real WebSockets.

use std::{sync::Arc, time::Duration};

use fleet_types::{
    AlarmStatus, DeviceClass, DeviceSn, Reason, Scalar, Telemetry, WallMs,
    alarm::{AlarmState, Priority},
    telemetry::{FieldSpec, Schema},
    topic::DeviceOsd,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};
use uuid::Uuid;

use super::support::{API_TOKEN, DOCK, Tower, alarm, device, sn};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn try_open(tower: &Tower, headers: &[(&'static str, String)]) -> Result<Socket, u16> {
    try_open_at(tower, "", headers).await
}

pub(crate) async fn try_open_at(
    tower: &Tower,
    query: &str,
    headers: &[(&'static str, String)],
) -> Result<Socket, u16> {
    let url = format!("ws://{}/api/v1/stream{query}", tower.address);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, answer)) => {
            if headers.iter().any(|(_, value)| value.starts_with("gwanje.v1")) {
                assert_eq!(answer.headers()["sec-websocket-protocol"], "gwanje.v1");
            }
            Ok(socket)
        }
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

fn offered(token: &str) -> Vec<(&'static str, String)> {
    vec![("sec-websocket-protocol", format!("gwanje.v1, bearer.{token}"))]
}

async fn open(tower: &Tower) -> Socket {
    try_open(tower, &offered(API_TOKEN)).await.unwrap()
}

/// The next frame of this type; others are passed over.
pub(crate) async fn next(socket: &mut Socket, kind: &str) -> Value {
    let found = async {
        loop {
            let frame = frame(socket).await;
            if frame["type"] == kind {
                return frame;
            }
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), found).await;
    waited.unwrap_or_else(|_| panic!("no {kind} frame came"))
}

async fn frame(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            // Positions of the second protocol; they are looked at elsewhere.
            Message::Binary(_) => {}
            other @ (Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {
                panic!("{other:?}")
            }
        }
    }
}

/// The code of the close frame, whatever comes before it.
pub(crate) async fn close_code(socket: &mut Socket) -> u16 {
    let closed = async {
        loop {
            if let Message::Close(Some(close)) = socket.next().await.unwrap().unwrap() {
                return close.code.into();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap()
}

pub(crate) fn osd(text: &str, class: DeviceClass, at: i64, values: &[(&str, Scalar)]) -> DeviceOsd {
    thread_local! {
        static SCHEMA: Arc<Schema> = Arc::new(Schema {
            fields: ["latitude", "longitude", "height", "elevation", "cover_state", "mode_code"]
                .map(|key| FieldSpec { key: key.to_owned(), unit: "x" })
                .into(),
        });
    }
    let mut telemetry = Telemetry::empty(SCHEMA.with(Arc::clone));
    for (key, value) in values {
        let index = telemetry.schema.fields.iter().position(|f| f.key == *key).unwrap();
        telemetry.set(index, value.clone(), None, WallMs(at));
    }
    let (sn, gateway_sn) = (sn(text), sn(DOCK));
    let received_ms = WallMs(at);
    DeviceOsd { sn, class, gateway_sn, report_count: 1, received_ms, values: telemetry }
}

#[tokio::test]
async fn strangers_are_refused_before_the_upgrade() {
    let tower = Tower::start().await;
    assert_eq!(try_open(&tower, &[]).await.unwrap_err(), 401);
    assert_eq!(try_open(&tower, &offered("wrong")).await.unwrap_err(), 401);
    let mut foreign = offered(API_TOKEN);
    foreign.push(("origin", "https://evil.example".to_owned()));
    assert_eq!(try_open(&tower, &foreign).await.unwrap_err(), 403);
    let header = [("authorization", format!("Bearer {API_TOKEN}"))];
    assert!(try_open(&tower, &header).await.is_ok());
}

#[tokio::test]
async fn the_picture_comes_first_and_then_every_change() {
    let tower = Tower::with_dock().await;
    let mut socket = open(&tower).await;
    let hello = frame(&mut socket).await;
    assert_eq!((&hello["type"], &hello["who"]), (&json!("hello"), &json!("token:api")));
    assert_eq!(hello["site"]["time_zone"], "Asia/Seoul");
    let snapshot = frame(&mut socket).await;
    assert_eq!(snapshot["type"], "snapshot");
    assert_eq!(snapshot["devices"][0]["sn"], DOCK);
    for list in ["osd", "missions", "commands", "alarms", "links"] {
        assert_eq!(snapshot[list], json!([]), "{list}");
    }
    let mut changed = device(DOCK, DeviceClass::Dock);
    changed.name = "Roof".to_owned();
    tower.bus.writer().try_write(changed).unwrap();
    assert_eq!(next(&mut socket, "device").await["device"]["name"], "Roof");
    assert!(next(&mut socket, "tick").await["server_time_ms"].is_i64());
    tower.call("DELETE", &format!("/api/v1/docks/{DOCK}"), &Value::Null).await;
    assert_eq!(next(&mut socket, "removed").await["sn"], DOCK);
}

#[tokio::test]
async fn positions_come_once_a_second_with_what_is_known() {
    let tower = Tower::with_dock().await;
    let mut socket = open(&tower).await;
    next(&mut socket, "snapshot").await;
    let dock = [
        ("latitude", Scalar::Num(37.5)),
        ("height", Scalar::Num(40.0)),
        ("cover_state", Scalar::Int(1)),
    ];
    tower.bus.writer().try_write(osd(DOCK, DeviceClass::Dock, 5, &dock)).unwrap();
    let aircraft = [("height", Scalar::Num(140.0)), ("elevation", Scalar::Int(100))];
    tower.bus.writer().try_write(osd("SIMM3TD1", DeviceClass::Aircraft, 6, &aircraft)).unwrap();
    let frame = next(&mut socket, "osd").await;
    let items = frame["items"].as_array().unwrap();
    let expect = json!({
        "sn": DOCK, "class": "dock", "received_ms": 5, "report_count": 1,
        "latitude_deg": 37.5, "height_m": 40.0, "cover_state": 1,
    });
    assert!(items.contains(&expect), "{frame}");
    let expect = json!({"sn": "SIMM3TD1", "class": "aircraft", "received_ms": 6, "report_count": 1, "height_m": 100.0});
    assert!(items.contains(&expect), "{frame}");
    // What does not change is not sent again.
    next(&mut socket, "tick").await;
    tower.bus.writer().try_write(osd(DOCK, DeviceClass::Dock, 9, &dock)).unwrap();
    let frame = next(&mut socket, "osd").await;
    assert_eq!(frame["items"].as_array().unwrap().len(), 1, "{frame}");
    let late = next(&mut open(&tower).await, "snapshot").await;
    assert_eq!(late["osd"].as_array().unwrap().len(), 2);
}

pub(crate) async fn say(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

#[tokio::test]
async fn a_subscriber_gets_all_values_first_and_then_the_changed_ones() {
    let tower = Tower::with_dock().await;
    let mut socket = open(&tower).await;
    let first = [("latitude", Scalar::Num(1.0)), ("mode_code", Scalar::Int(0))];
    tower.bus.writer().try_write(osd(DOCK, DeviceClass::Dock, 5, &first)).unwrap();
    say(&mut socket, &json!({"type": "subscribe", "sns": [DOCK, "NOBODY"]})).await;
    let whole = next(&mut socket, "telemetry").await;
    assert_eq!(whole["sn"], DOCK);
    let value = json!({"unit": "x", "value": 1.0, "source_ms": null, "received_ms": 5});
    assert_eq!(whole["values"]["latitude"], value);
    assert_eq!(whole["values"].as_object().unwrap().len(), 2);
    let mut second = osd(DOCK, DeviceClass::Dock, 5, &first);
    second.values.set(5, Scalar::Int(4), None, WallMs(6));
    tower.bus.writer().try_write(second).unwrap();
    let rest = next(&mut socket, "telemetry").await;
    let value = json!({"unit": "x", "value": 4, "source_ms": null, "received_ms": 6});
    assert_eq!(rest["values"], json!({"mode_code": value}));
}

#[tokio::test]
async fn clients_that_misbehave_are_closed() {
    let tower = Tower::start().await;
    let many: Vec<DeviceSn> = (0..17).map(|n| sn(&format!("SIM{n}"))).collect();
    for message in [
        json!("what"),
        json!({"type": "command", "method": "cover_open"}),
        json!({"type": "subscribe", "sns": ["a/b"]}),
        json!({"type": "subscribe", "sns": many}),
    ] {
        let mut socket = open(&tower).await;
        say(&mut socket, &message).await;
        assert_eq!(close_code(&mut socket).await, 1008, "{message}");
    }
    let mut socket = open(&tower).await;
    for _ in 0..60 {
        // The server may close while we still talk.
        let _ = socket.send(Message::text(r#"{"type":"subscribe","sns":[]}"#)).await;
    }
    assert_eq!(close_code(&mut socket).await, 1008);
}

#[tokio::test]
async fn signing_out_closes_the_view_and_so_does_shutdown() {
    let tower = Tower::start().await;
    let code = tower.tokens.issue_code(Duration::from_mins(1)).unwrap();
    let session = tower.tokens.sign_in(&code, [127, 0, 0, 1].into()).unwrap();
    let mut socket = try_open(&tower, &offered(&session.token)).await.unwrap();
    let hello = next(&mut socket, "hello").await;
    assert_eq!(hello["who"], session.who);
    tower.tokens.revoke(&tower.tokens.check(&session.token).unwrap());
    assert_eq!(close_code(&mut socket).await, 4001);
    let mut other = open(&tower).await;
    next(&mut other, "snapshot").await;
    tower.api.shutdown();
    assert_eq!(close_code(&mut other).await, 1001);
}

/// Raises alarms far larger than the kernel buffers, until one client is more than 8 MiB behind. The
/// other one reads as it goes: how fast this machine is must not decide who of the two is slow.
#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_the_others_miss_nothing() {
    const ALARMS: u128 = 7000;
    /// Half a megabyte of them, far below what a client may lag.
    const BURST: usize = 64;
    let tower = Tower::start().await;
    let (mut slow, mut quick) = (open(&tower).await, open(&tower).await);
    next(&mut slow, "snapshot").await;
    next(&mut quick, "snapshot").await;
    let writer = tower.bus.writer::<AlarmStatus>();
    let message = "x".repeat(8000);
    let ids: Vec<u128> = (0..ALARMS).collect();
    for burst in ids.chunks(BURST) {
        for id in burst {
            let alarm = AlarmStatus {
                reason: Reason::new("link_down", message.clone()),
                ..alarm(*id, AlarmState::Cleared, Priority::Low)
            };
            writer.write(alarm).await;
        }
        for id in burst {
            let alarm = next(&mut quick, "alarm").await;
            assert_eq!(alarm["alarm"]["alarm_id"], Uuid::from_u128(*id).to_string());
        }
    }
    let text = tower.get("/metrics").await;
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    assert!(text.contains("gwanje_stream_too_slow_total 1\n"), "{text}");
    // Bounded: the cut client has left, and took its queue along.
    // It is told why; where it does not read that in time either, the line is simply gone.
    let end = loop {
        match slow.next().await {
            Some(Ok(Message::Close(Some(close)))) => break Some(u16::from(close.code)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break None,
        }
    };
    assert!(matches!(end, Some(4008) | None), "{end:?}");
}
