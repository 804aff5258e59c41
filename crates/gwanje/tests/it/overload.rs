//! One dock sends far more than it may, and nonsense besides: it loses its excess of telemetry, is
//! alarmed, and loses no event; nobody else notices.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{
    docks::Docks,
    raw_dock::RawDock,
    site::{Load, Site, run_within, until, until_within, wants_long},
};

const BAD_SN: &str = "FLOODDOCK000001";
/// Messages of telemetry a device may send in a second here.
const PER_S: &str = "20";
/// What the flood sends between two looks; far beyond what ten seconds allow.
const FLOOD: usize = 2_000;

async fn is_up(site: &Site, code: &str) -> bool {
    let page = site.get("/api/v1/alarms").await.json();
    let alarms = page["alarms"].as_array().unwrap();
    let is_it = |alarm: &Value| {
        alarm["reason"]["code"] == code
            && alarm["state"] != "cleared"
            && alarm["cleared_ms"].is_null()
    };
    alarms.iter().any(is_it)
}

#[test]
fn a_flooding_dock_loses_its_excess_and_no_event_and_hurts_nobody() {
    // Its end takes a minute of quiet: with the long tests.
    run_within(std::time::Duration::from_mins(8), Load::Heavy, async {
        let limit = vec![("GWANJE_LIMITS_DEVICE_MESSAGES_PER_S", PER_S.to_owned())];
        let mut site = Site::start_as(|_| limit).await;
        let docks = Docks::online(&site, 2, "").await;
        let tower = site.tower();
        let connects = site.metric("gwanje_link_connects", "").await;
        let bad = Rc::new(RawDock::enrol(&site, BAD_SN).await);
        let flood = tokio::task::spawn_local({
            let bad = Rc::clone(&bad);
            async move {
                let deep = "[".repeat(20_000);
                let large = "x".repeat(400 << 10);
                let osd = bad.envelope("", &json!({"mode_code": 0, "pad": "x".repeat(500)}));
                let osd = osd.to_string();
                for number in 0..10 * FLOOD {
                    match number % 500 {
                        1 => bad.report(deep.clone()).await,
                        2 => bad.report(large.clone()).await,
                        3 => bad.report("{\"data\":{\"mode_code\":").await,
                        _ => bad.report(osd.clone()).await,
                    }
                }
            }
        });
        // In the middle of it: its own events, and an order to another dock.
        let mut asked = vec![];
        for number in 0..200 {
            let event = bad.envelope("rain_of_frogs", &json!({"number": number}));
            bad.hand_over(&format!("thing/product/{BAD_SN}/events"), event.to_string()).await;
            asked.push(event["tid"].as_str().unwrap().to_owned());
        }
        docks.debug(&site, 0).await;
        until("every event to be answered", async || {
            let answered = bad.answered("events_reply");
            let missing = asked.iter().filter(|tid| !answered.contains(tid)).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} are missing")) }
        })
        .await;
        flood.await.unwrap();
        until("the flood to be alarmed", async || {
            if is_up(&site, "too_much_telemetry").await { Ok(()) } else { Err(String::new()) }
        })
        .await;
        let dropped = site.metric("gwanje_excess_telemetry_dropped", "").await;
        assert!(dropped > FLOOD as f64, "{dropped} dropped");
        docks.until_online_again(&site).await;
        for index in 0..2 {
            let page = docks.page(&site, index).await;
            assert_eq!(page["unknowns"], json!([]), "{page}");
        }
        assert_eq!(site.tower(), tower, "the tower was restarted");
        assert_eq!(site.metric("gwanje_link_connects", "").await, connects, "a link was lost");
        assert_eq!(site.metric("gwanje_task_panics", "").await, 0.0);
        assert_eq!(bad.connects(), 1, "too much is no reason to disconnect a dock");
        if wants_long() {
            let within = std::time::Duration::from_mins(3);
            until_within(within, "the alarm to clear", async || {
                if is_up(&site, "too_much_telemetry").await { Err(String::new()) } else { Ok(()) }
            })
            .await;
        }
    });
}

/// A client with the tower's own login that subscribes to states and never reads again.
async fn stopped_subscriber(site: &Site) -> tokio::net::TcpStream {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let password = std::fs::read_to_string(site.data_dir().join("mqtt-password")).unwrap();
    let text = |text: &str| {
        let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(text.bytes());
        bytes
    };
    let packet = |kind: u8, parts: &[Vec<u8>]| {
        let body = parts.concat();
        let mut packet = vec![kind, u8::try_from(body.len()).unwrap()];
        assert!(body.len() < 128);
        packet.extend(body);
        packet
    };
    let connect = packet(
        0x10,
        &[
            text("MQTT"),
            vec![4, 0xc2, 0, 0],
            text("stopped"),
            text("gwanje-tower"),
            text(password.trim()),
        ],
    );
    let subscribe = packet(0x82, &[vec![0, 1], text("thing/product/+/state"), vec![1]]);
    let mut stream = tokio::net::TcpStream::connect(site.mqtt).await.unwrap();
    stream.write_all(&connect).await.unwrap();
    let mut answer = [0_u8; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0], "not let in");
    stream.write_all(&subscribe).await.unwrap();
    let mut answer = [0_u8; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[4], 1, "not subscribed");
    stream
}

#[test]
fn a_subscriber_that_stopped_is_alarmed_by_the_brokers_own_figures() {
    if !wants_long() {
        return;
    }
    run_within(std::time::Duration::from_mins(10), Load::Heavy, async {
        let site = Site::start().await;
        let stopped = stopped_subscriber(&site).await;
        let dock = Rc::new(RawDock::enrol(&site, BAD_SN).await);
        let flood = tokio::task::spawn_local({
            let dock = Rc::clone(&dock);
            async move {
                let topic = format!("thing/product/{BAD_SN}/state");
                // Slow enough for two of the broker's reports to differ before its queue is full.
                let mut beat = tokio::time::interval(std::time::Duration::from_millis(50));
                loop {
                    beat.tick().await;
                    for _ in 0..100 {
                        dock.hand_over(&topic, "{\"data\":{}}").await;
                    }
                }
            }
        });
        let within = std::time::Duration::from_mins(4);
        for code in ["broker_queue_grows", "broker_drops"] {
            until_within(within, code, async || {
                if is_up(&site, code).await { Ok(()) } else { Err(String::new()) }
            })
            .await;
        }
        flood.abort();
        // With its connection its queue is gone.
        drop(stopped);
        for code in ["broker_queue_grows", "broker_drops"] {
            until_within(within, &format!("the end of {code}"), async || {
                if is_up(&site, code).await { Err(String::new()) } else { Ok(()) }
            })
            .await;
        }
    });
}
