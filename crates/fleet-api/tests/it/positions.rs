//! The second protocol of the live view over real WebSockets: binary positions, views, resuming.

use std::time::Duration;

use fleet_types::{
    AlarmStatus, DeviceClass, Reason, Scalar,
    alarm::{AlarmState, Priority},
    device::Connection,
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::{
    MaybeTlsStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use uuid::Uuid;

use super::{
    streams::{Socket, close_code, next, osd, say, try_open_at},
    support::{API_TOKEN, DOCK, Tower, device},
};

const CRAFT: &str = "SIMM3TD1";

async fn open_at(tower: &Tower, query: &str) -> Socket {
    let protocols = format!("gwanje.v2, gwanje.v1, bearer.{API_TOKEN}");
    let headers = [("sec-websocket-protocol", protocols)];
    try_open_at(tower, query, &headers).await.unwrap()
}

pub(crate) async fn open(tower: &Tower) -> Socket {
    open_at(tower, "").await
}

/// A frame of positions taken apart: flags, the view's number, and for each record its slot, state
/// bits, latitude and age.
#[derive(Debug, PartialEq)]
struct Seen {
    flags: u16,
    view: u16,
    records: Vec<(u16, u16, i32, u16)>,
}

/// The next frame of positions; text frames are passed over.
async fn seen(socket: &mut Socket) -> Seen {
    let found = async {
        loop {
            if let Message::Binary(bytes) = socket.next().await.unwrap().unwrap() {
                return bytes;
            }
        }
    };
    let bytes = tokio::time::timeout(Duration::from_secs(10), found).await.expect("no positions");
    let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    assert_eq!(bytes[..4], [0x50, 1, 24, 20]);
    assert_eq!(bytes.len(), 24 + 20 * usize::from(word(20)));
    let records = (24..bytes.len()).step_by(20).map(|at| {
        let latitude = i32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap());
        (word(at), word(at + 2), latitude, word(at + 18))
    });
    Seen { flags: word(4), view: word(6), records: records.collect() }
}

fn put(tower: &Tower, name: &str, class: DeviceClass, latitude: f64, longitude: f64) {
    let place = [("latitude", Scalar::Num(latitude)), ("longitude", Scalar::Num(longitude))];
    tower.bus.writer().try_write(osd(name, class, 1, &place)).unwrap();
}

fn alarm(id: u128, name: Option<&str>, priority: Priority, cleared: bool) -> AlarmStatus {
    let state = if cleared { AlarmState::Cleared } else { AlarmState::Raised };
    AlarmStatus {
        sn: name.map(super::support::sn),
        reason: Reason::new("silent", "nothing was heard"),
        ..super::support::alarm(id, state, priority)
    }
}

#[tokio::test]
async fn the_newest_protocol_offered_is_spoken_and_the_picture_comes_in_parts() {
    let tower = Tower::with_dock().await;
    for n in 0..450 {
        let status = device(&format!("SIMDK3{n:03}"), DeviceClass::Dock);
        tower.bus.writer().try_write(status).unwrap();
    }
    for id in 0..250 {
        tower.bus.writer().write(alarm(id, None, Priority::Low, id == 3)).await;
    }
    let all = |body: &Value| body["alarms"].as_array().unwrap().len() == 250;
    tower.until("/api/v1/alarms", all).await;
    let mut socket = open(&tower).await;
    let hello = next(&mut socket, "hello").await;
    assert_eq!(hello["protocol"], "gwanje.v2");
    assert!(!hello["epoch"].as_str().unwrap().is_empty());
    let (mut devices, mut slots, mut alarms) = (Vec::new(), Vec::new(), 0);
    for part in 0.. {
        let snapshot = next(&mut socket, "snapshot").await;
        assert_eq!((&snapshot["part"], &snapshot["seq"]), (&json!(part), &hello["seq"]));
        let list = |name: &str| snapshot[name].as_array().unwrap().clone();
        devices.extend(list("devices").iter().map(|device| device["sn"].clone()));
        slots.extend(list("slots").iter().map(|slot| slot[1].clone()));
        alarms += list("alarms").len();
        if snapshot["last"] == true {
            break;
        }
        assert!(part < 5);
    }
    devices.sort_by_key(ToString::to_string);
    slots.sort_by_key(ToString::to_string);
    assert_eq!((devices.len(), alarms), (451, 249));
    assert_eq!(devices, slots, "every device has its slot");
}

#[tokio::test]
async fn positions_come_by_view_and_change_with_it() {
    let tower = Tower::with_dock().await;
    let mut socket = open(&tower).await;
    let snapshot = next(&mut socket, "snapshot").await;
    assert_eq!(snapshot["slots"][0], json!([0, DOCK]));
    put(&tower, DOCK, DeviceClass::Dock, 37.5, 127.0);
    put(&tower, CRAFT, DeviceClass::Aircraft, -20.0, 179.5);
    assert_eq!(next(&mut socket, "slots").await["slots"], json!([[1, CRAFT]]));
    say(&mut socket, &json!({"type": "view", "id": 7, "bbox": [126, 37, 128, 38]})).await;
    let first = seen(&mut socket).await;
    assert_eq!((first.flags, first.view), (1, 7));
    let (slot, state, latitude, age) = first.records[0];
    assert_eq!((slot, state, latitude), (0, 2 << 2 | 1 << 5, 375_000_000));
    assert_eq!(age, 65_534, "the position is as old as the report says");
    assert_eq!(first.records.len(), 1);
    // Another view, over the antimeridian, while connected.
    say(&mut socket, &json!({"type": "view", "id": 8, "bbox": [170, -30, -170, 0]})).await;
    let second = seen(&mut socket).await;
    assert_eq!((second.flags, second.view, second.records.len()), (1, 8, 1));
    assert_eq!((second.records[0].0, second.records[0].2), (1, -200_000_000));
    // What changes out of sight is not told; what leaves is told once more.
    put(&tower, DOCK, DeviceClass::Dock, 37.6, 127.0);
    put(&tower, CRAFT, DeviceClass::Aircraft, 10.0, 179.5);
    let third = seen(&mut socket).await;
    assert_eq!((third.flags, third.records.len()), (0, 1));
    assert_eq!((third.records[0].0, third.records[0].2), (1, 100_000_000));
}

#[tokio::test]
async fn a_status_or_an_alarm_changes_the_record_without_a_report() {
    let tower = Tower::with_dock().await;
    put(&tower, DOCK, DeviceClass::Dock, 37.5, 127.0);
    let mut socket = open(&tower).await;
    say(&mut socket, &json!({"type": "view", "sns": [DOCK], "classes": []})).await;
    let mut state = async |wanted: u16| {
        // The first frames may still be those of what came before.
        loop {
            let frame = seen(&mut socket).await;
            if frame.records.first().is_some_and(|record| record.1 == wanted) {
                return;
            }
        }
    };
    state(2 << 2 | 1 << 5).await;
    let mut stale = device(DOCK, DeviceClass::Dock);
    stale.connection = Connection::Stale;
    tower.bus.writer().try_write(stale).unwrap();
    state(3 << 2 | 1 << 5).await;
    let raise = |id, priority, cleared| {
        tower.bus.writer().try_write(alarm(id, Some(DOCK), priority, cleared)).unwrap();
    };
    raise(1, Priority::Low, false);
    raise(2, Priority::High, false);
    state(3 << 2 | 1 << 5 | 3 << 9).await;
    raise(2, Priority::High, true);
    state(3 << 2 | 1 << 5 | 1 << 9).await;
    raise(2, Priority::Medium, false);
    state(3 << 2 | 1 << 5 | 2 << 9).await;
    raise(1, Priority::Low, true);
    raise(2, Priority::Medium, true);
    state(3 << 2 | 1 << 5).await;
}

#[tokio::test]
async fn summaries_come_for_the_rows_on_the_screen_alone() {
    let tower = Tower::with_dock().await;
    put(&tower, DOCK, DeviceClass::Dock, 37.5, 127.0);
    put(&tower, CRAFT, DeviceClass::Aircraft, 37.5, 127.0);
    let mut socket = open(&tower).await;
    say(&mut socket, &json!({"type": "view", "osd": [CRAFT, "NOBODY"]})).await;
    let rows = next(&mut socket, "osd").await;
    let sns: Vec<_> = rows["items"].as_array().unwrap().iter().map(|row| &row["sn"]).collect();
    assert_eq!(sns, [CRAFT]);
    // What does not change is not sent again.
    put(&tower, DOCK, DeviceClass::Dock, 37.5, 127.0);
    seen(&mut socket).await;
    put(&tower, CRAFT, DeviceClass::Aircraft, 37.6, 127.0);
    assert_eq!(next(&mut socket, "osd").await["items"][0]["latitude_deg"], 37.6);
}

#[tokio::test]
async fn the_track_of_an_aircraft_leads_home() {
    let tower = Tower::with_dock().await;
    tower.bus.writer().try_write(device(CRAFT, DeviceClass::Aircraft)).unwrap();
    put(&tower, DOCK, DeviceClass::Dock, 37.5, 127.0);
    let path = format!("/api/v1/devices/{CRAFT}/track");
    let begun = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let begun = i64::try_from(begun.as_millis()).unwrap();
    for step in 0..3 {
        let latitude = 37.5 + f64::from(step) / 1000.0;
        let place = [
            ("latitude", Scalar::Num(latitude)),
            ("longitude", Scalar::Num(127.0)),
            ("elevation", Scalar::Num(50.0)),
        ];
        let at = begun + i64::from(step);
        tower.bus.writer().try_write(osd(CRAFT, DeviceClass::Aircraft, at, &place)).unwrap();
        let steps = usize::try_from(step).unwrap() + 1;
        let track =
            tower.until(&path, |body| body["points"].as_array().unwrap().len() == steps).await;
        assert_eq!(track["points"][steps - 1], json!([at, 127.0, latitude, 50.0]));
        assert_eq!(track["home"]["sn"], DOCK);
        assert_eq!(track["home"]["latitude_deg"], 37.5);
    }
    let dock = tower.get(&format!("/api/v1/devices/{DOCK}/track?minutes=30")).await.is(200);
    assert_eq!((&dock["points"], &dock["home"]), (&json!([]), &Value::Null));
    for minutes in ["0", "31"] {
        let refused = tower.get(&format!("{path}?minutes={minutes}")).await;
        refused.is_problem(422, "bad_input");
    }
    tower.get("/api/v1/devices/NOBODY/track").await.is_problem(404, "unknown_device");
}

/// Reads until everything told so far has come, and returns the newest event's number.
async fn caught_up(socket: &mut Socket) -> u64 {
    loop {
        if let Some(seq) = next(socket, "tick").await["seq"].as_u64() {
            return seq;
        }
    }
}

#[tokio::test]
async fn a_client_that_comes_back_is_told_what_it_missed() {
    let tower = Tower::with_dock().await;
    let mut socket = open(&tower).await;
    let epoch = next(&mut socket, "hello").await["epoch"].as_str().unwrap().to_owned();
    let seq = caught_up(&mut socket).await;
    drop(socket);
    for id in 0..3 {
        tower.bus.writer().write(alarm(id, None, Priority::Low, false)).await;
    }
    let all = |body: &Value| body["alarms"].as_array().unwrap().len() == 3;
    tower.until("/api/v1/alarms", all).await;
    let mut socket = open_at(&tower, &format!("?resume={epoch}.{seq}")).await;
    next(&mut socket, "hello").await;
    let resumed = next(&mut socket, "resumed").await;
    assert_eq!((resumed["from"].as_u64(), resumed["to"].as_u64()), (Some(seq), Some(seq + 3)));
    for id in 0..3 {
        let told = next(&mut socket, "alarm").await;
        assert_eq!(told["seq"], seq + 1 + id);
        assert_eq!(told["alarm"]["alarm_id"], Uuid::from_u128(id.into()).to_string());
    }
    assert_eq!(caught_up(&mut socket).await, seq + 3);
    // Positions are state: the view brings them as always.
    put(&tower, DOCK, DeviceClass::Dock, 37.5, 127.0);
    say(&mut socket, &json!({"type": "view"})).await;
    assert_eq!(seen(&mut socket).await.flags, 1);
}

#[tokio::test]
async fn a_client_that_was_away_too_long_is_told_how_much_and_shown_everything() {
    let tower = Tower::with_dock().await;
    let mut socket = open(&tower).await;
    let epoch = next(&mut socket, "hello").await["epoch"].as_str().unwrap().to_owned();
    let seq = caught_up(&mut socket).await;
    drop(socket);
    for id in 0..8200 {
        tower.bus.writer().write(alarm(id, None, Priority::Low, true)).await;
    }
    let resume = format!("?resume={epoch}.{seq}");
    let mut socket = open_at(&tower, &resume).await;
    // The hub takes them in its own time.
    let mut told = seq;
    while told < seq + 8200 {
        told = caught_up(&mut open(&tower).await).await;
    }
    drop(socket);
    socket = open_at(&tower, &resume).await;
    assert_eq!(next(&mut socket, "missed").await["count"], told - seq);
    assert_eq!(next(&mut socket, "snapshot").await["devices"][0]["sn"], DOCK);
    for foreign in ["?resume=ffff.1".to_owned(), format!("?resume={epoch}.999999")] {
        let mut socket = open_at(&tower, &foreign).await;
        assert_eq!(next(&mut socket, "missed").await["count"], Value::Null, "{foreign}");
        next(&mut socket, "snapshot").await;
    }
    let mut socket = open_at(&tower, "?resume=nonsense").await;
    assert_eq!(next(&mut socket, "snapshot").await["part"], 0);
}

#[tokio::test]
async fn views_that_are_no_views_close_the_connection() {
    let tower = Tower::start().await;
    for view in [
        json!({"type": "view", "bbox": [0, 10, 0, -10]}),
        json!({"type": "view", "bbox": [0, 10]}),
        json!({"type": "view", "id": -1}),
        json!({"type": "view", "sns": vec!["SIM"; 201]}),
    ] {
        let mut socket = open(&tower).await;
        say(&mut socket, &view).await;
        assert_eq!(close_code(&mut socket).await, 1008, "{view}");
    }
}

/// A client whose socket takes little, so that it is felt when it does not read.
pub(crate) async fn open_narrow(tower: &Tower) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(tower.address).await.unwrap();
    let url = format!("ws://{}/api/v1/stream", tower.address);
    let mut request = url.into_client_request().unwrap();
    let protocols = format!("gwanje.v2, bearer.{API_TOKEN}");
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    client_async(request, MaybeTlsStream::Plain(stream)).await.unwrap().0
}

const FLEET: usize = 2000;

async fn move_all(tower: &Tower, latitude: f64) {
    for n in 0..FLEET {
        put(tower, &format!("SIMDK{n:05}"), DeviceClass::Dock, latitude, 127.0);
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Moves everybody once more and reads until this client has seen it.
async fn see_all_move(tower: &Tower, quick: &mut Socket, latitude: f64) {
    move_all(tower, latitude).await;
    #[expect(clippy::cast_possible_truncation)]
    let wanted = (latitude * 1e7) as i32;
    let mut moved = 0;
    while moved < FLEET {
        let frame = seen(quick).await;
        moved += frame.records.iter().filter(|record| record.2 == wanted).count();
    }
}

#[tokio::test]
async fn a_client_that_pauses_is_told_the_present_and_how_many_ticks_it_missed() {
    let tower = Tower::narrow(|_| {}).await;
    let (mut slow, mut quick) = (open_narrow(&tower).await, open(&tower).await);
    say(&mut quick, &json!({"type": "view"})).await;
    say(&mut slow, &json!({"type": "view"})).await;
    assert_eq!(seen(&mut slow).await.flags, 1);
    for latitude in 1..=5 {
        see_all_move(&tower, &mut quick, f64::from(latitude)).await;
    }
    let mut newest = 0;
    while newest < FLEET {
        let frame = seen(&mut slow).await;
        newest += frame.records.iter().filter(|record| record.2 == 50_000_000).count();
    }
    let lagged = next(&mut slow, "lagged").await;
    let missed = lagged["missed_ticks"].as_u64().unwrap();
    assert!((1..=5).contains(&missed), "{lagged}");
}

/// A hundred clients ask for everything and never read. They are hung up on, and the one that reads
/// sees every move meanwhile.
#[tokio::test]
async fn clients_that_never_read_are_hung_up_on_and_harm_nobody() {
    const STUCK: usize = 100;
    let patience = Duration::from_millis(1500);
    let tower = Tower::narrow(|config| config.limits.write_timeout = patience).await;
    let mut quick = open(&tower).await;
    say(&mut quick, &json!({"type": "view"})).await;
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        let mut socket = open_narrow(&tower).await;
        say(&mut socket, &json!({"type": "view"})).await;
        stuck.push(socket);
    }
    let clients = async || {
        let text = tower.get("/metrics").await;
        let text = String::from_utf8(text.body.to_vec()).unwrap();
        let line = text.lines().find(|line| line.starts_with("gwanje_stream_clients ")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()
    };
    assert_eq!(clients().await, STUCK + 1);
    let mut latitude = 0.0;
    while clients().await > 1 {
        latitude += 1.0;
        assert!(latitude < 30.0, "clients that never read are still served");
        see_all_move(&tower, &mut quick, latitude).await;
    }
}
