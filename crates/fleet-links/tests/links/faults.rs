//! Bad lines between tower, broker and dock. The outcomes are those of `docs/faults.md`.

use std::{collections::BTreeSet, time::Duration};

use fleet_links::mqtt::{CommandPublish, LinkEvent, MqttConfig, SendFate};
use fleet_types::link::LinkName;

use crate::{
    proxy::{Proxy, Way},
    support::{Broker, Device, Link, command, config_for, patient},
};

const EVENTS: &str = "thing/product/D1/events";
const SERVICES: &str = "thing/product/D1/services";

fn through(proxy: &Proxy) -> MqttConfig {
    config_for(&[proxy.port])
}

/// Reads and acknowledges events until every one from `first` to `last` has come; says in which
/// order they came for the first time.
async fn all_events(link: &mut Link, first: u32, last: u32) -> Vec<u32> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    while seen.len() < (last - first) as usize + 1 {
        let (topic, payload, token) = link.message().await;
        assert_eq!(topic, EVENTS);
        let number = std::str::from_utf8(&payload).unwrap().parse().unwrap();
        assert!((first..=last).contains(&number), "{number}");
        if seen.insert(number) {
            order.push(number);
        }
        link.handle.acknowledge(token.expect("events are acknowledged"));
    }
    order
}

async fn say(dock: &mut Device, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        assert_eq!(dock.publish(EVENTS, number.to_string()).await, "Success");
    }
}

#[tokio::test]
async fn a_slow_line_delays_and_neither_loses_nor_doubles() {
    let broker = Broker::start().await;
    let proxy = Proxy::before(broker.port).await;
    let mut link = Link::start(through(&proxy));
    link.all(true).await;
    let mut dock = broker.device("D1", &[SERVICES]).await;
    proxy.slow(Duration::from_millis(200));
    say(&mut dock, 1..=50).await;
    let order = all_events(&mut link, 1, 50).await;
    assert!(order.is_sorted(), "{order:?}");
    link.handle.send_command(command(1, SERVICES, 20_000)).unwrap();
    assert_eq!(link.fate(1).await, SendFate::Sent);
    assert_eq!(dock.receive().await.payload, "command 1");
    assert_eq!(link.fate(1).await, SendFate::Delivered);
    let stats = link.handle.stats();
    assert_eq!((stats.connects, stats.acks_stale), (3, 0), "slowness is no loss of connection");
}

#[tokio::test]
async fn a_line_that_breaks_again_and_again_loses_no_event() {
    const EACH: u32 = 40;
    let broker = Broker::start().await;
    let proxy = Proxy::before(broker.port).await;
    let mut link = Link::start(through(&proxy));
    link.all(true).await;
    let mut dock = broker.device("D1", &[]).await;
    for round in 0..3 {
        let first = round * EACH + 1;
        say(&mut dock, first..=first + EACH / 2).await;
        // Some of these are on the way, some were read and their acknowledgement is lost.
        proxy.cut();
        say(&mut dock, first + EACH / 2 + 1..=first + EACH - 1).await;
        let mut seen = BTreeSet::new();
        while seen.len() < EACH as usize {
            let (_, payload, token) = link.message().await;
            let number: u32 = std::str::from_utf8(&payload).unwrap().parse().unwrap();
            assert!(number < first + EACH, "{number}");
            // One of an earlier round may come again: its acknowledgement was lost.
            if number >= first {
                seen.insert(number);
            }
            link.handle.acknowledge(token.unwrap());
        }
    }
    assert!(link.handle.stats().connects >= 6, "{:?}", link.handle.stats());
}

/// The command is on a line on which nothing passes: nobody knows whether it arrived, and that is
/// what is said. It is not sent a second time.
#[tokio::test]
async fn a_command_on_a_half_open_line_is_lost_and_never_repeated() {
    let broker = Broker::start().await;
    let proxy = Proxy::before(broker.port).await;
    let mut link = Link::start(MqttConfig { keep_alive_s: 5, ..through(&proxy) });
    link.all(true).await;
    let mut dock = broker.device("D1", &[SERVICES]).await;
    proxy.half_open();
    link.handle.send_command(command(1, SERVICES, 120_000)).unwrap();
    assert_eq!(link.fate(1).await, SendFate::Sent);
    assert_eq!(link.fate(1).await, SendFate::Lost, "after the keep-alive, and not before");
    proxy.fair();
    // Until the line is up again commands are refused.
    while link.handle.send_command(command(2, SERVICES, 60_000)).is_err() {
        let _ = tokio::time::timeout(Duration::from_millis(50), link.events.next()).await;
    }
    assert_eq!(link.fate(2).await, SendFate::Sent);
    assert_eq!(link.fate(2).await, SendFate::Delivered);
    // What waited on the line may come late, as `lost` says; what it may not is come twice.
    let mut received = dock.drain(Duration::from_millis(500)).await;
    received.retain(|payload| payload == "command 1");
    assert!(received.len() <= 1, "{received:?}");
}

/// What waits in our own kernel for a dead line is thrown away with the connection: a command that
/// was given up does not arrive when the line lives again.
#[tokio::test]
async fn a_command_given_up_on_a_half_open_line_does_not_arrive_later() {
    let broker = Broker::start().await;
    let proxy = Proxy::before(broker.port).await;
    let mut link = Link::start(through(&proxy));
    link.all(true).await;
    let mut dock = broker.device("D1", &[SERVICES]).await;
    proxy.half_open();
    // More than the other end's kernel takes without a reader, so that the rest stays in ours.
    let payload = bytes::Bytes::from(vec![b'x'; 300_000]);
    let big = CommandPublish { payload, ..command(1, SERVICES, 3_000) };
    link.handle.send_command(big).unwrap();
    link.handle.send_command(command(2, SERVICES, 3_000)).unwrap();
    for n in [1, 2] {
        assert_eq!(link.fate(n).await, SendFate::Sent, "{n} is with the kernel");
    }
    assert_eq!(link.fate(2).await, SendFate::Lost);
    proxy.fair();
    while link.handle.send_command(command(3, SERVICES, 60_000)).is_err() {
        let _ = tokio::time::timeout(Duration::from_millis(50), link.events.next()).await;
    }
    assert_eq!(link.fate(3).await, SendFate::Sent);
    assert_eq!(link.fate(3).await, SendFate::Delivered);
    let received = dock.drain(Duration::from_millis(500)).await;
    assert!(
        !received.iter().any(|payload| payload == "command 2"),
        "it came after it was given up"
    );
    assert!(received.iter().any(|payload| payload == "command 3"));
}

/// The broker has the command and writes it to a dock that is not there any more: `delivered` is
/// the broker's word, not the dock's.
#[tokio::test]
async fn delivered_to_a_half_open_dock_is_the_brokers_word_alone() {
    let broker = Broker::start().await;
    let proxy = Proxy::before(broker.port).await;
    let mut link = broker.link();
    link.all(true).await;
    let mut dock = broker.device_at(proxy.port, "D1", &[SERVICES]).await;
    proxy.half_open();
    link.handle.send_command(command(1, SERVICES, 60_000)).unwrap();
    assert_eq!(link.fate(1).await, SendFate::Sent);
    assert_eq!(link.fate(1).await, SendFate::Delivered);
    assert_eq!(dock.drain(Duration::from_millis(300)).await, [""; 0], "the dock has nothing");
    proxy.fair();
    assert_eq!(dock.receive().await.payload, "command 1");
    assert_eq!(dock.drain(Duration::from_millis(300)).await, [""; 0], "and has it once");
}

#[tokio::test]
async fn garbled_bytes_cost_the_connection_and_no_event() {
    let broker = Broker::start().await;
    let proxy = Proxy::before(broker.port).await;
    let mut link = Link::start(through(&proxy));
    link.all(true).await;
    let mut dock = broker.device("D1", &[]).await;
    for (round, way) in [Way::FromBroker, Way::ToBroker].into_iter().enumerate() {
        let first = u32::try_from(round).unwrap() * 10 + 1;
        proxy.garble(way);
        say(&mut dock, first..=first + 9).await;
        // From the broker the event itself is garbled; to it, the acknowledgement.
        let mut acknowledged = 0;
        loop {
            match patient("the end of the connection", link.events.next()).await {
                Some(LinkEvent::Message { ack: Some(token), .. }) => {
                    link.handle.acknowledge(token);
                    acknowledged += 1;
                }
                Some(LinkEvent::Status(status))
                    if status.link == LinkName::Events && !status.connected =>
                {
                    break;
                }
                _ => {}
            }
        }
        if way == Way::FromBroker {
            assert_eq!(acknowledged, 0, "garbage was taken for events");
        }
        proxy.fair();
        // The broker kept what was not acknowledged; a last event shows that all is well again.
        say(&mut dock, first + 100..=first + 100).await;
        loop {
            let (topic, payload, token) = link.message().await;
            assert_eq!(topic, EVENTS);
            link.handle.acknowledge(token.unwrap());
            if payload == (first + 100).to_string() {
                break;
            }
        }
    }
}
