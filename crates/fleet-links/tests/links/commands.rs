//! Commands: never late, never twice, and always exactly one last word about each.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use fleet_links::mqtt::{CommandPublish, LinkEvent, SendFate, SendRefused};
use tokio::time::sleep;

use crate::support::{Broker, Link, command, command_id, in_ms};

const SERVICES: &str = "thing/product/D1/services";

#[tokio::test]
async fn the_broker_tells_whether_anybody_is_there() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    link.handle.send_command(command(1, SERVICES, 10_000)).unwrap();
    assert_eq!(link.fate(1).await, SendFate::Sent);
    assert_eq!(link.fate(1).await, SendFate::NoSubscriber);
    let mut dock = broker.device("D1", &[SERVICES]).await;
    link.handle.send_command(command(2, SERVICES, 10_000)).unwrap();
    assert_eq!(link.fate(2).await, SendFate::Sent);
    assert_eq!(link.fate(2).await, SendFate::Delivered);
    let received = dock.receive().await;
    assert_eq!(received.payload, "command 2");
    // Hardly any time left: QoS 0, which no broker keeps, and Sent is the last word.
    link.handle.send_command(command(3, SERVICES, 1500)).unwrap();
    assert_eq!(link.fate(3).await, SendFate::Sent);
    assert_eq!(dock.receive().await.payload, "command 3");
}

#[tokio::test]
async fn a_command_for_a_dock_that_is_away_does_not_fire_after_its_expiry() {
    let broker = Broker::start().await;
    let dock = broker.device_as("D1", "pw-D1", false, &[SERVICES]).await;
    drop(dock);
    let mut link = broker.link();
    link.all(true).await;
    link.handle.send_command(command(1, SERVICES, 3000)).unwrap();
    let expires = in_ms(3000);
    assert_eq!(link.fate(1).await, SendFate::Sent);
    assert_eq!(link.fate(1).await, SendFate::Delivered, "to the dock's session, not to the dock");
    link.handle.send_command(command(2, SERVICES, 60_000)).unwrap();
    link.fate(2).await;
    link.fate(2).await;
    // The wait is the subject of this test: the broker's clock cannot be paused.
    let wait = expires.since_ms(crate::support::clock().mono);
    sleep(Duration::from_millis(wait)).await;
    let mut dock = broker.device_as("D1", "pw-D1", false, &[]).await;
    assert_eq!(dock.receive().await.payload, "command 2", "the one that is still wanted");
    assert_eq!(dock.drain(Duration::from_millis(300)).await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_offered_while_the_broker_is_away_ever_leaves_but_counter_actions() {
    let mut broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    broker.kill();
    link.all(false).await;
    let refused = link.handle.send_command(command(1, SERVICES, 60_000));
    assert_eq!(refused, Err(SendRefused::LinkDown));
    assert_eq!(link.handle.reply(SERVICES.into(), Bytes::new()), Err(SendRefused::LinkDown));
    link.handle.send_counter_action(command(2, SERVICES, 60_000)).unwrap();
    link.handle.send_counter_action(command(3, SERVICES, 100)).unwrap();
    assert_eq!(link.fate(3).await, SendFate::Expired);
    broker.restart().await;
    let mut dock = broker.device("D1", &[SERVICES]).await;
    assert_eq!(dock.receive().await.payload, "command 2");
    assert_eq!(link.fate(2).await, SendFate::Sent);
    assert_eq!(link.fate(2).await, SendFate::Delivered);
    assert_eq!(dock.drain(Duration::from_millis(300)).await, Vec::<String>::new());
    assert_eq!(link.handle.stats().replies_dropped, 1);
}

/// Reads until every command from 1 to `count` has had its last word, and shows that none has two.
async fn last_words(link: &mut Link, count: u32) -> BTreeMap<u32, SendFate> {
    let mut last = BTreeMap::new();
    let mut sent = BTreeMap::new();
    while last.len() < count as usize {
        let (id, fate) = link
            .until("a fate", |event| match event {
                LinkEvent::Command { command_id, fate } => Some((command_id, fate)),
                _ => None,
            })
            .await;
        let n = (1..=count).find(|n| command_id(*n) == id).unwrap();
        let before = match fate {
            SendFate::Sent => sent.insert(n, fate),
            _ => last.insert(n, fate),
        };
        assert_eq!(before, None, "command {n}");
    }
    for (n, fate) in &last {
        assert!(*fate != SendFate::NotSent || !sent.contains_key(n), "command {n}: {fate:?}");
    }
    last
}

#[tokio::test]
async fn commands_in_flight_when_the_broker_dies_are_lost_once_and_not_sent_again() {
    let mut broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    broker.freeze();
    for n in 1..=20 {
        link.handle.send_command(command(n, SERVICES, 60_000)).unwrap();
    }
    for n in 1..=20 {
        assert_eq!(link.fate(n).await, SendFate::Sent);
    }
    broker.kill();
    let last = last_words(&mut link, 20).await;
    assert!(last.values().all(|fate| *fate == SendFate::Lost), "{last:?}");
    broker.restart().await;
    let mut dock = broker.device("D1", &[SERVICES]).await;
    link.all(true).await;
    link.handle.send_command(command(21, SERVICES, 60_000)).unwrap();
    assert_eq!(link.fate(21).await, SendFate::Sent);
    assert_eq!(dock.receive().await.payload, "command 21");
    assert_eq!(dock.drain(Duration::from_millis(300)).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_never_reached_the_socket_was_certainly_not_sent() {
    let mut broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    broker.freeze();
    let payload = Bytes::from(vec![b'x'; 400_000]);
    for n in 1..=60 {
        let big = CommandPublish { payload: payload.clone(), ..command(n, SERVICES, 60_000) };
        link.handle.send_command(big).unwrap();
    }
    assert_eq!(link.fate(1).await, SendFate::Sent);
    while link.handle.stats().outbox_waiting == 60 {
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_millis(200)).await;
    broker.kill();
    let mut counts = BTreeMap::<String, u32>::new();
    for fate in last_words(&mut link, 60).await.values() {
        *counts.entry(format!("{fate:?}")).or_default() += 1;
    }
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["Lost", "NotSent"], "{counts:?}");
}

#[tokio::test]
async fn a_stuck_broker_is_left_before_a_command_goes_out_late() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    broker.freeze();
    let payload = Bytes::from(vec![b'x'; 400_000]);
    for n in 1..=60 {
        let big = CommandPublish { payload: payload.clone(), ..command(n, SERVICES, 2500) };
        link.handle.send_command(big).unwrap();
    }
    let error = link
        .until("the end of the connection", |event| match event {
            LinkEvent::Status(status) => status.error,
            _ => None,
        })
        .await;
    assert_eq!(error, "the broker did not take a command before it expired");
    let late = link.handle.send_command(command(61, SERVICES, 2500));
    assert_eq!(late, Err(SendRefused::LinkDown));
}

#[tokio::test]
async fn limits_and_replies() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    let big = CommandPublish { payload: vec![0; 1024 * 1024].into(), ..command(1, "t", 9000) };
    assert_eq!(
        link.handle.send_command(big),
        Err(SendRefused::TooLarge { bytes: 1024 * 1024 + 1, max: 512 * 1024 })
    );
    let topic = "thing/product/D1/events_reply";
    let mut dock = broker.device("D1", &[topic]).await;
    link.handle.reply(topic.into(), Bytes::from_static(b"answer")).unwrap();
    assert_eq!(dock.receive().await.payload, "answer");
}

#[tokio::test]
async fn shutdown_has_a_last_word_for_everything() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    for n in 1..=3 {
        link.handle.send_command(command(n, SERVICES, 60_000)).unwrap();
    }
    link.handle.send_counter_action(command(4, SERVICES, 60_000)).unwrap();
    link.handle.shutdown();
    let refused = link.handle.send_counter_action(command(5, SERVICES, 60_000));
    assert_eq!(refused, Err(SendRefused::LinkDown));
    let mut last: Vec<_> =
        link.rest().await.into_iter().filter(|(_, fate)| *fate != SendFate::Sent).collect();
    last.sort_by_key(|(id, _)| *id);
    let ids: Vec<_> = last.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 2, 3, 4].map(command_id));
}
