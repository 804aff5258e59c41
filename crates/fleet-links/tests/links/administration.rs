//! Accounts and rights: the first file, and changes while the broker runs.

use fleet_links::{
    Secret,
    dynsec::{DynsecClient, DynsecError},
    mosquitto::{AIRCRAFT_FILE, AircraftDocks},
    mqtt::LinkEvent,
};
use tokio::sync::mpsc;

use crate::support::{Broker, Device, Link, patient, sn};

/// The administration client with somebody who reads the link for it. What devices say is passed
/// on by topic.
pub(crate) async fn administration(
    broker: &Broker,
) -> (DynsecClient, mpsc::UnboundedReceiver<String>) {
    let mut link = broker.link();
    link.all(true).await;
    let Link { handle, mut events, .. } = link;
    let client = DynsecClient::new(handle);
    let (heard, hears) = mpsc::unbounded_channel();
    let reader = client.clone();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                LinkEvent::Control(payload) => assert!(reader.on_response(&payload)),
                LinkEvent::Message { topic, .. } => {
                    let _ = heard.send(topic);
                }
                LinkEvent::Command { .. }
                | LinkEvent::Status(_)
                | LinkEvent::Broker(_)
                | LinkEvent::Sys { .. } => {}
            }
        }
    });
    (client, hears)
}

#[tokio::test]
async fn a_dock_speaks_and_listens_only_for_itself() {
    let broker = Broker::start().await;
    let (_client, mut hears) = administration(&broker).await;
    let own = [
        "thing/product/D1/services",
        "thing/product/D1/events_reply",
        "thing/product/D1/requests_reply",
        "thing/product/D1/property/set",
        "thing/product/D1/drc/down",
        "sys/product/D1/status_reply",
    ];
    let mut dock = broker.device("D1", &own).await;
    for foreign in ["thing/product/D2/osd", "thing/product/D1/services", "$SYS/x", "any"] {
        assert_eq!(dock.publish(foreign, "x").await, "NotAuthorized", "{foreign}");
    }
    assert_eq!(dock.publish("thing/product/D1/osd", "x").await, "Success");
    assert_eq!(hears.recv().await.as_deref(), Some("thing/product/D1/osd"));
    use rumqttc::v5::{Incoming, mqttbytes::QoS};
    for foreign in ["thing/product/D2/services", "thing/product/+/services", "#", "$SYS/#"] {
        dock.client.try_subscribe(foreign, QoS::AtLeastOnce).unwrap();
        let answer = dock
            .until("SUBACK", |event| match event {
                Incoming::SubAck(ack) => Some(format!("{:?}", ack.return_codes)),
                _ => None,
            })
            .await;
        assert_eq!(answer, "[NotAuthorized]", "{foreign}");
    }
}

#[tokio::test]
async fn a_dock_whose_connection_is_ended_may_come_back() {
    let broker = Broker::start().await;
    let (client, _hears) = administration(&broker).await;
    let mut dock = broker.device("D1", &[]).await;
    let mut other = broker.device("D2", &[]).await;
    client.disconnect(&sn("D1")).await.unwrap();
    let ended = async { while dock.events.poll().await.is_ok() {} };
    patient("the end of the connection", ended).await;
    let mut dock = broker.device("D1", &[]).await;
    assert_eq!(dock.publish("thing/product/D1/osd", "x").await, "Success");
    assert_eq!(other.publish("thing/product/D2/osd", "x").await, "Success", "it never left");
    client.disconnect(&sn("D9")).await.unwrap();
}

/// The broker takes the signal between two packets; each answer says on which side of it we are.
async fn until_allowed(device: &mut Device, topic: &str) {
    let allowed = async {
        while device.publish(topic, "x").await != "Success" {
            tokio::task::yield_now().await;
        }
    };
    patient("the new rights", allowed).await;
}

/// The broker reads again which aircraft belongs to which dock: it is allowed there and refused
/// here from then on, on MQTT 3.1.1 and 5, and the connections of both docks stand all the while.
#[tokio::test]
async fn an_aircraft_changes_its_dock_and_nobody_is_disconnected() {
    let broker = Broker::start().await;
    let (_client, mut hears) = administration(&broker).await;
    let (first, second, aircraft) = (sn("D1"), sn("D2"), sn("A1"));
    let mut docks = AircraftDocks::default();
    docks.pair(&first, std::slice::from_ref(&aircraft));
    let put = |docks: &AircraftDocks| {
        std::fs::write(broker.dir().join(AIRCRAFT_FILE), docks.text(None)).unwrap();
        broker.reload();
    };
    let osd = "thing/product/A1/osd";
    let mut here = broker.device("D1", &[]).await;
    let mut there = broker.device("D2", &[]).await;
    let mut old = broker.device_v4("D1", "D1-v4").await;
    assert_eq!(here.publish(osd, "too early").await, "NotAuthorized");
    put(&docks);
    until_allowed(&mut here, osd).await;
    old.say(osd, "old dock, allowed").await;
    while hears.recv().await.as_deref() != Some(osd) {}
    assert_eq!(there.publish(osd, "x").await, "NotAuthorized");
    docks.pair(&second, std::slice::from_ref(&aircraft));
    put(&docks);
    until_allowed(&mut there, osd).await;
    assert_eq!(here.publish(osd, "x").await, "NotAuthorized", "refused here");
    assert_eq!(here.publish("thing/product/D1/osd", "x").await, "Success", "its own go on");
    // MQTT 3.1.1 has no word for a refusal: the message is acknowledged and goes nowhere.
    let last = "thing/product/D2/state";
    assert_eq!(there.publish(last, "after all that was allowed").await, "Success");
    while hears.recv().await.as_deref() != Some(last) {}
    old.say(osd, "old dock, refused").await;
    old.say("thing/product/D1/state", "after it").await;
    patient("the message after the refused one", async {
        loop {
            match hears.recv().await.as_deref() {
                Some("thing/product/D1/state") => break,
                Some(topic) => assert_ne!(topic, osd, "an old dock spoke for another's aircraft"),
                None => panic!("the link ended"),
            }
        }
    })
    .await;
    let log = broker.log();
    for client in ["D1", "D2", "D1-v4"] {
        let came = log.matches(&format!(" as {client} (")).count();
        assert_eq!(came, 1, "{client} was disconnected\n{log}");
    }
}

#[tokio::test]
async fn a_dock_is_made_at_run_time_and_deleted_again() {
    let broker = Broker::start().await;
    let (client, _hears) = administration(&broker).await;
    let dock_sn = sn("D3");
    let names = async || -> Vec<String> {
        client.list_docks().await.unwrap().iter().map(ToString::to_string).collect()
    };
    assert_eq!(names().await, ["D1", "D2"]);
    client.create_dock(&dock_sn, &Secret::new("first")).await.unwrap();
    assert_eq!(names().await, ["D1", "D2", "D3"]);
    let mut dock = broker.device_as("D3", "first", true, &["thing/product/D3/services"]).await;
    assert_eq!(dock.publish("thing/product/D3/osd", "x").await, "Success");
    assert_eq!(dock.publish("thing/product/D1/osd", "x").await, "NotAuthorized");
    // Again, with another password: not an error, and the new password counts.
    client.create_dock(&dock_sn, &Secret::new("second")).await.unwrap();
    let mut dock = broker.device_as("D3", "second", true, &[]).await;
    assert_eq!(dock.publish("thing/product/D3/osd", "x").await, "Success");
    for _ in 0..2 {
        client.delete_dock(&dock_sn).await.unwrap();
    }
    assert_eq!(names().await, ["D1", "D2"]);
    let mut options = rumqttc::v5::MqttOptions::new("D3", "127.0.0.1", broker.port);
    options.set_credentials("D3", "second");
    let (_client, mut events) = rumqttc::v5::AsyncClient::new(options, 1);
    assert!(events.poll().await.unwrap_err().to_string().contains("NotAuthorized"));
}

#[tokio::test]
async fn lists_are_read_page_by_page_and_without_a_broker_nothing_is_asked() {
    let docks: Vec<_> = (0..1200).map(|n| sn(&format!("P{n:04}"))).collect();
    let mut broker = Broker::start_with(&docks).await;
    let (client, _hears) = administration(&broker).await;
    let listed: Vec<_> = client.list_docks().await.unwrap().into_iter().collect();
    assert_eq!(listed, docks);
    broker.kill();
    let asked = patient("the refusal", async {
        loop {
            if let Err(error) = client.list_docks().await {
                break error;
            }
        }
    })
    .await;
    assert!(matches!(asked, DynsecError::NotAsked(_) | DynsecError::NoAnswer), "{asked}");
}
