//! Logins for sessions of direct control, on a real broker.

use std::time::Duration;

use fleet_links::{
    Secret,
    dynsec::{SessionError, SessionLogin, SessionLogins},
};
use rumqttc::v5::{Incoming, mqttbytes::QoS};

use crate::{
    administration::administration,
    support::{Broker, patient, sn},
};

const LONG: Duration = Duration::from_secs(3600);

/// The logins of a tower that runs, once it has looked for those of an earlier one.
async fn logins(broker: &Broker) -> (SessionLogins, tokio::task::JoinHandle<()>) {
    let (client, _hears) = administration(broker).await;
    let logins = SessionLogins::new(client);
    let refused = logins.open(&sn("D1"), LONG).await;
    assert_eq!(refused, Err(SessionError::NotReady), "nobody has looked yet");
    let task = tokio::spawn(logins.clone().run());
    (logins, task)
}

async fn open(logins: &SessionLogins, life: Duration) -> SessionLogin {
    let opened = async {
        loop {
            match logins.open(&sn("D1"), life).await {
                Ok(login) => return login,
                Err(error) => assert_eq!(error, SessionError::NotReady),
            }
            tokio::task::yield_now().await;
        }
    };
    patient("a login", opened).await
}

/// How the broker answers who signs in so.
async fn sign_in(broker: &Broker, client_id: &str, username: &str, password: &Secret) -> String {
    let mut options = rumqttc::v5::MqttOptions::new(client_id, "127.0.0.1", broker.port);
    options.set_credentials(username, password.expose());
    let (_client, mut events) = rumqttc::v5::AsyncClient::new(options, 8);
    match patient("CONNACK", events.poll()).await {
        Ok(event) => format!("{event:?}").split('(').nth(1).unwrap_or_default().to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_sessions_login_can_use_its_two_topics_from_its_own_client_and_nothing_else() {
    let broker = Broker::start().await;
    let (logins, _task) = logins(&broker).await;
    let login = open(&logins, LONG).await;
    assert!(!format!("{login:?}").contains(login.password.expose()), "{login:?}");
    let down = "thing/product/D1/drc/down";
    let mut dock =
        broker.device_of(&login.client_id, &login.username, login.password.expose(), &[down]).await;
    assert_ne!(dock.publish("thing/product/D1/drc/up", "x").await, "NotAuthorized");
    for foreign in ["thing/product/D1/osd", "thing/product/D2/drc/up", down, "$SYS/x"] {
        assert_eq!(dock.publish(foreign, "x").await, "NotAuthorized", "{foreign}");
    }
    for foreign in ["thing/product/D2/drc/down", "thing/product/D1/services", "#", "$SYS/#"] {
        dock.client.try_subscribe(foreign, QoS::AtLeastOnce).unwrap();
        let answer = dock
            .until("SUBACK", |event| match event {
                Incoming::SubAck(ack) => Some(format!("{:?}", ack.return_codes)),
                _ => None,
            })
            .await;
        assert_eq!(answer, "[NotAuthorized]", "{foreign}");
    }
    let other = sign_in(&broker, "another", &login.username, &login.password).await;
    assert!(other.contains("NotAuthorized"), "another client used it: {other}");
    let mut first = broker.device("D1", &[]).await;
    assert_eq!(first.publish("thing/product/D1/osd", "x").await, "Success", "the dock's own login");
}

#[tokio::test]
async fn a_login_whose_time_is_over_is_gone_and_its_connection_ended() {
    let broker = Broker::start().await;
    let (logins, _task) = logins(&broker).await;
    let login = open(&logins, Duration::from_secs(2)).await;
    let mut dock =
        broker.device_of(&login.client_id, &login.username, login.password.expose(), &[]).await;
    patient("the end of the connection", async { while dock.events.poll().await.is_ok() {} }).await;
    let again = sign_in(&broker, &login.client_id, &login.username, &login.password).await;
    assert!(again.contains("NotAuthorized"), "{again}");
    assert!(logins.is_empty());
    let conf = std::fs::read_to_string(broker.dir().join("dynamic-security.json")).unwrap();
    assert!(!conf.contains("drc:"), "its role is gone too");
}

#[tokio::test]
async fn the_next_session_the_end_and_a_new_tower_each_end_a_login() {
    let broker = Broker::start().await;
    let (first_tower, task) = logins(&broker).await;
    let first = open(&first_tower, LONG).await;
    let mut dock =
        broker.device_of(&first.client_id, &first.username, first.password.expose(), &[]).await;
    let second = open(&first_tower, LONG).await;
    assert_ne!(first.password, second.password);
    patient("the first session's end", async { while dock.events.poll().await.is_ok() {} }).await;
    let mut dock =
        broker.device_of(&second.client_id, &second.username, second.password.expose(), &[]).await;
    first_tower.close(&sn("D1"));
    patient("the session's end", async { while dock.events.poll().await.is_ok() {} }).await;
    let third = open(&first_tower, LONG).await;
    let mut dock =
        broker.device_of(&third.client_id, &third.username, third.password.expose(), &[]).await;
    // The tower dies without a word; the next one knows none of its sessions.
    task.abort();
    let (second_tower, _task) = logins(&broker).await;
    patient("the end by the next tower", async { while dock.events.poll().await.is_ok() {} }).await;
    let fourth = open(&second_tower, LONG).await;
    let fine = sign_in(&broker, &fourth.client_id, &fourth.username, &fourth.password).await;
    assert!(fine.contains("ConnAck"), "{fine}");
    let old = sign_in(&broker, &third.client_id, &third.username, &third.password).await;
    assert!(old.contains("NotAuthorized"), "{old}");
}
