//! Coming up, losing the broker, coming back.

use fleet_links::{
    Secret,
    mqtt::{BrokerNotice, LinkEvent, MqttConfig},
};

use crate::support::{Broker, Link, config_for, free_port};

#[tokio::test]
async fn comes_back_and_subscribes_again_after_the_broker_is_killed() {
    let mut broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    broker.kill();
    link.all(false).await;
    broker.restart().await;
    link.all(true).await;
    let mut dock = broker.device("D1", &[]).await;
    assert_eq!(dock.publish("thing/product/D1/osd", "telemetry").await, "Success");
    assert_eq!(link.message().await.1, "telemetry");
    assert_eq!(dock.publish("thing/product/D1/events", "event").await, "Success");
    let (topic, payload, ack) = link.message().await;
    assert_eq!((topic.as_str(), &payload[..]), ("thing/product/D1/events", &b"event"[..]));
    assert!(ack.is_some());
}

#[tokio::test]
async fn tries_the_next_address_when_one_is_dead() {
    let broker = Broker::start().await;
    let mut link = Link::start(config_for(&[free_port(), broker.port]));
    link.all(true).await;
    let stats = link.handle.stats();
    assert_eq!((stats.connects, stats.disconnects), (3, 3));
}

#[tokio::test]
async fn a_wrong_password_is_said_on_both_sides() {
    let broker = Broker::start().await;
    let mut watcher = broker.link();
    watcher.all(true).await;
    let mut refused = Link::start(MqttConfig {
        password: Some(Secret::new("wrong")),
        client_id: "other".into(),
        ..broker.config()
    });
    let error = refused
        .until("a refusal", |event| match event {
            LinkEvent::Status(status) => status.error,
            _ => None,
        })
        .await;
    assert!(error.contains("refused the login"), "{error}");
    assert!(!error.contains("wrong"));
    watcher
        .until("the broker's notice of it", |event| match event {
            LinkEvent::Broker(BrokerNotice::LoginRefused { client_id: None, .. }) => Some(()),
            _ => None,
        })
        .await;
}

#[tokio::test]
async fn the_broker_says_who_comes_and_goes() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    let dock = broker.device("D1", &[]).await;
    let username = link
        .until("the login", |event| match event {
            LinkEvent::Broker(BrokerNotice::Connected { client_id, username, address })
                if client_id == "D1" =>
            {
                assert!(address.starts_with("127.0.0.1:"), "{address}");
                Some(username)
            }
            _ => None,
        })
        .await;
    assert_eq!(username.as_deref(), Some("D1"));
    drop(dock);
    let reason = link
        .until("the end", |event| match event {
            LinkEvent::Broker(BrokerNotice::Disconnected { client_id, reason })
                if client_id == "D1" =>
            {
                Some(reason)
            }
            _ => None,
        })
        .await;
    assert_eq!(reason, "connection closed without goodbye");
}

#[tokio::test]
async fn a_refused_login_names_its_address_when_nobody_else_is_connecting() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.all(true).await;
    let mut options = rumqttc::v5::MqttOptions::new("D1", "127.0.0.1", broker.port);
    options.set_credentials("D1", "not its password");
    let (_client, mut events) = rumqttc::v5::AsyncClient::new(options, 1);
    assert!(events.poll().await.is_err());
    let address = link
        .until("the refusal", |event| match event {
            LinkEvent::Broker(BrokerNotice::LoginRefused { address, .. }) => Some(address),
            _ => None,
        })
        .await;
    assert!(address.is_some_and(|address| address.starts_with("127.0.0.1:")));
}

#[tokio::test]
async fn statistics_of_the_broker_arrive() {
    let broker = Broker::start().await;
    let mut link = broker.link();
    link.until("three clients", |event| match event {
        LinkEvent::Sys { name: "clients/connected", value } => (value == 3.0).then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn no_broker_at_all_is_said_and_shutdown_still_ends() {
    let mut link = Link::start(config_for(&[]));
    let error = link
        .until("a status", |event| match event {
            LinkEvent::Status(status) => status.error,
            _ => None,
        })
        .await;
    assert_eq!(error, "no broker is configured");
    link.handle.shutdown();
    assert_eq!(link.rest().await, []);
}
