//! What devices say: acknowledged once safe, and nothing a device sends harms the link.

use fleet_links::mqtt::LinkEvent;
use fleet_types::link::LinkName;

use crate::support::{Broker, Link};

/// Payloads of the next `count` messages; each is acknowledged when `ack` says so.
async fn payloads(link: &mut Link, count: usize, ack: impl Fn(&str) -> bool) -> Vec<String> {
    let mut payloads = Vec::new();
    while payloads.len() < count {
        let (_, payload, token) = link.message().await;
        let text = String::from_utf8(payload.to_vec()).unwrap();
        if let Some(token) = token
            && ack(&text)
        {
            link.handle.acknowledge(token);
        }
        payloads.push(text);
    }
    payloads
}

#[tokio::test]
async fn only_what_was_not_acknowledged_comes_again_after_a_crash() {
    let broker = Broker::start().await;
    let mut dock = broker.device("D1", &[]).await;
    let mut link = broker.link();
    link.all(true).await;
    for payload in ["one", "two", "three"] {
        dock.publish("thing/product/D1/events", payload).await;
    }
    assert_eq!(payloads(&mut link, 3, |text| text == "two").await, ["one", "two", "three"]);
    // The shutdown writes the acknowledgement; "one" and "three" die with this tower.
    link.handle.shutdown();
    link.rest().await;
    let mut link = broker.link();
    dock.publish("thing/product/D1/events", "four").await;
    assert_eq!(payloads(&mut link, 3, |_| true).await, ["one", "three", "four"]);
    link.handle.shutdown();
    link.rest().await;
    let mut link = broker.link();
    link.all(true).await;
    dock.publish("thing/product/D1/events", "five").await;
    assert_eq!(payloads(&mut link, 1, |_| true).await, ["five"]);
}

#[tokio::test]
async fn events_said_while_the_tower_is_away_wait_for_it() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    link.handle.shutdown();
    link.rest().await;
    let mut dock = broker.device("D1", &[]).await;
    dock.publish("thing/product/D1/requests", "asked while away").await;
    dock.publish("thing/product/D1/osd", "telemetry does not wait").await;
    let mut link = broker.link();
    assert_eq!(link.message().await.1, "asked while away");
}

#[tokio::test]
async fn the_window_holds_back_what_a_slow_reader_has_not_acknowledged() {
    let broker = Broker::start().await;
    let mut config = broker.config();
    config.events_receive_maximum = 4;
    let mut link = Link::start(config);
    link.all(true).await;
    let mut dock = broker.device("D1", &[]).await;
    for n in 0..20 {
        dock.publish("thing/product/D1/events", n.to_string()).await;
    }
    dock.publish("thing/product/D1/osd", "marker").await;
    // Events come first, so the marker shows that no fifth event was there.
    let mut tokens = Vec::new();
    loop {
        let (topic, _, token) = link.message().await;
        match token {
            Some(token) => tokens.push(token),
            None => {
                assert_eq!(topic, "thing/product/D1/osd");
                break;
            }
        }
    }
    assert!(tokens.len() <= 4, "{}", tokens.len());
    let mut got = tokens.len();
    tokens.into_iter().for_each(|token| link.handle.acknowledge(token));
    while got < 20 {
        let (_, payload, token) = link.message().await;
        assert_eq!(payload, got.to_string());
        link.handle.acknowledge(token.unwrap());
        got += 1;
    }
    assert_eq!(link.handle.stats().acks_stale, 0);
}

#[tokio::test]
async fn too_large_and_garbage_messages_do_not_disturb_the_link() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    let mut dock = broker.device("D1", &[]).await;
    let garbage: Vec<u8> = (0..=255).collect();
    dock.publish("thing/product/D1/events", garbage.clone()).await;
    dock.publish("thing/product/D1/events", vec![]).await;
    dock.publish("thing/product/D1/events", vec![b'x'; 512 * 1024]).await;
    for size in [garbage.len(), 0, 512 * 1024] {
        let (_, payload, token) = link.message().await;
        assert_eq!(payload.len(), size);
        link.handle.acknowledge(token.unwrap());
    }
    // 2 MB is over the broker's limit: it answers with an error or throws the dock out, and
    // nothing reaches the tower.
    let mut big = broker.device("D2", &[]).await;
    let publish = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
    big.client.try_publish("thing/product/D2/events", publish, false, vec![0; 2_000_000]).unwrap();
    big.until_answered_or_thrown_out().await;
    dock.publish("thing/product/D1/events", "still here").await;
    assert_eq!(link.message().await.1, "still here");
    assert_eq!(link.handle.stats().connects, 3, "no connection was lost");
}

#[tokio::test]
async fn each_class_comes_by_its_connection() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    let mut dock = broker.device("D1", &[]).await;
    let check = [
        ("sys/product/D1/status", LinkName::Events),
        ("thing/product/D1/osd", LinkName::Telemetry),
        ("thing/product/D1/state", LinkName::Telemetry),
        ("thing/product/D1/services_reply", LinkName::Events),
        ("thing/product/D1/events", LinkName::Events),
        ("thing/product/D1/requests", LinkName::Events),
        ("thing/product/D1/property/set_reply", LinkName::Events),
        ("thing/product/D1/drc/up", LinkName::Events),
    ];
    for (topic, expect) in check {
        dock.publish(topic, "x").await;
        let got = link
            .until("the message", |event| match event {
                LinkEvent::Message { link, topic, .. } => Some((topic, link)),
                _ => None,
            })
            .await;
        assert_eq!(got, (topic.to_owned(), expect));
    }
}

#[tokio::test]
async fn a_slow_reader_loses_the_oldest_telemetry_and_only_that() {
    let broker = Broker::start().await;
    let mut config = broker.config();
    config.telemetry_queue = 8;
    let mut link = Link::start(config);
    link.all(true).await;
    let mut dock = broker.device("D1", &[]).await;
    dock.publish("thing/product/D1/events", "kept").await;
    for n in 0..40 {
        dock.publish("thing/product/D1/osd", n.to_string()).await;
    }
    while link.handle.stats().telemetry_received < 40 {
        tokio::task::yield_now().await;
    }
    assert_eq!(payloads(&mut link, 9, |_| true).await[0], "kept");
    assert_eq!(link.handle.stats().telemetry_dropped, 32);
}
