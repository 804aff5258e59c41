//! Accounts and rights: the first file, and changes while the broker runs.

use fleet_links::{
    Secret,
    dynsec::{DynsecClient, DynsecError},
    mqtt::LinkEvent,
};
use tokio::sync::mpsc;

use crate::support::{Broker, Link, patient, sn};

/// The administration client with somebody who reads the link for it. What devices say is passed
/// on by topic.
async fn administration(broker: &Broker) -> (DynsecClient, mpsc::UnboundedReceiver<String>) {
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
async fn an_aircraft_is_allowed_and_revoked_and_only_a_change_disconnects_its_dock() {
    let mut broker = Broker::start().await;
    let (client, _hears) = administration(&broker).await;
    let (dock_sn, aircraft) = (sn("D1"), sn("A1"));
    let mut dock = broker.device("D1", &[]).await;
    let osd = "thing/product/A1/osd";
    assert_eq!(dock.publish(osd, "x").await, "NotAuthorized");
    client.allow_aircraft(&dock_sn, &aircraft).await.unwrap();
    // Mosquitto 2.0.11 disconnects the clients of a role whose rights were widened.
    let mut dock = broker.device("D1", &[]).await;
    client.allow_aircraft(&dock_sn, &aircraft).await.unwrap();
    assert_eq!(dock.publish(osd, "x").await, "Success", "nothing changed, nobody is disconnected");
    assert_eq!(dock.publish("thing/product/A1/state", "x").await, "Success");
    assert_eq!(dock.publish("thing/product/A1/events", "x").await, "NotAuthorized");
    let allowed = client.allowed_aircraft(&dock_sn).await.unwrap();
    assert_eq!(allowed, [aircraft.clone()].into());
    for _ in 0..2 {
        client.revoke_aircraft(&dock_sn, &aircraft).await.unwrap();
    }
    let mut dock = broker.device("D1", &[]).await;
    assert_eq!(dock.publish(osd, "x").await, "NotAuthorized");
    client.allow_aircraft(&dock_sn, &aircraft).await.unwrap();
    let refused = |error: &str, command: &str| {
        Err(DynsecError::Refused { command: command.into(), error: error.into() })
    };
    assert_eq!(
        client.allow_aircraft(&sn("D9"), &aircraft).await,
        refused("Role not found", "addRoleACL")
    );
    assert_eq!(
        client.revoke_aircraft(&dock_sn, &dock_sn).await,
        refused("a dock is not its own aircraft", "removeRoleACL")
    );
    broker.kill();
    broker.restart().await;
    let mut dock = broker.device("D1", &[]).await;
    assert_ne!(dock.publish(osd, "x").await, "NotAuthorized", "the right outlives the broker");
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
