//! A dock that says exactly what a test wants: its own login, raw bytes.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::site::{Site, until};

/// Larger than anything a test sends.
const PACKET_MAX: usize = 8 << 20;

/// A connected client with a dock's login.
pub(crate) struct RawDock {
    pub(crate) sn: String,
    client: AsyncClient,
    seen: Rc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    acknowledged: Cell<u32>,
    connects: Cell<u32>,
    received: RefCell<Vec<(String, Value)>>,
}

impl RawDock {
    /// Enrols this serial number and connects as it.
    pub(crate) async fn enrol(site: &Site, sn: &str) -> Self {
        let password = site.enrol(sn).await;
        let mut options = MqttOptions::new(sn, site.mqtt.ip().to_string(), site.mqtt.port());
        options.set_credentials(sn, password);
        options.set_max_packet_size(PACKET_MAX, PACKET_MAX);
        options.set_keep_alive(Duration::from_secs(20));
        let (client, mut events) = AsyncClient::new(options, 100);
        let seen = Rc::new(Seen::default());
        let topics = ["services", "requests_reply", "events_reply"];
        let mut topics = topics.map(|kind| format!("thing/product/{sn}/{kind}")).to_vec();
        topics.push(format!("sys/product/{sn}/status_reply"));
        let task = tokio::task::spawn_local({
            let (seen, client) = (Rc::clone(&seen), client.clone());
            async move {
                loop {
                    match events.poll().await {
                        Ok(Event::Incoming(Packet::ConnAck(_))) => {
                            seen.connects.set(seen.connects.get() + 1);
                            for topic in &topics {
                                let _ = client.try_subscribe(topic, QoS::AtLeastOnce);
                            }
                        }
                        Ok(Event::Incoming(Packet::PubAck(_))) => {
                            seen.acknowledged.set(seen.acknowledged.get() + 1);
                        }
                        Ok(Event::Incoming(Packet::Publish(publish))) => {
                            let json = serde_json::from_slice(&publish.payload);
                            seen.received.borrow_mut().push((publish.topic, json.unwrap()));
                        }
                        Ok(_) => {}
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    }
                }
            }
        });
        let dock = Self { sn: sn.to_owned(), client, seen, task };
        until("the raw dock's connection", async || {
            if dock.connects() > 0 { Ok(()) } else { Err(String::new()) }
        })
        .await;
        dock
    }

    /// Connections made so far.
    pub(crate) fn connects(&self) -> u32 {
        self.seen.connects.get()
    }

    /// Publishes raw bytes and waits until the broker has them.
    pub(crate) async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        let before = self.seen.acknowledged.get();
        self.hand_over(topic, payload).await;
        until("the broker's PUBACK", async || {
            if self.seen.acknowledged.get() > before { Ok(()) } else { Err(topic.to_owned()) }
        })
        .await;
    }

    /// Reports telemetry, as docks do: once, whether it arrives or not.
    pub(crate) async fn report(&self, payload: impl Into<Vec<u8>>) {
        let topic = format!("thing/product/{}/osd", self.sn);
        self.client.publish(topic, QoS::AtMostOnce, false, payload).await.unwrap();
    }

    /// Publishes raw bytes; what the broker makes of them is not waited for.
    pub(crate) async fn hand_over(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
    }

    /// Says that it has these aircraft, and waits for the tower's answer.
    pub(crate) async fn has_aircraft(&self, aircraft: &[&str]) {
        let sub: Vec<_> = aircraft
            .iter()
            .map(|sn| json!({"sn": sn, "domain": 0, "type": 91, "sub_type": 1, "index": "A"}))
            .collect();
        let data = json!({"domain": 3, "type": 2, "sub_type": 0, "sub_devices": sub});
        let ask = self.envelope("update_topo", &data);
        self.hand_over(&format!("sys/product/{}/status", self.sn), ask.to_string()).await;
        let tid = ask["tid"].as_str().unwrap().to_owned();
        until("the answer to a topology", async || {
            let answered = self.answered("status_reply");
            if answered.contains(&tid) { Ok(()) } else { Err(format!("{answered:?}")) }
        })
        .await;
    }

    /// Publishes on `thing/product/{own sn}/{kind}`.
    pub(crate) async fn say(&self, kind: &str, payload: impl Into<Vec<u8>>) {
        self.publish(&format!("thing/product/{}/{kind}", self.sn), payload).await;
    }

    /// An envelope as docks write it.
    pub(crate) fn envelope(&self, method: &str, data: &Value) -> Value {
        json!({
            "tid": uuid::Uuid::new_v4(), "bid": uuid::Uuid::new_v4(), "timestamp": now_ms(),
            "gateway": self.sn, "method": method, "data": data, "need_reply": 1,
        })
    }

    /// The `tid`s of what the tower has answered on this topic kind.
    pub(crate) fn answered(&self, kind: &str) -> Vec<String> {
        let end = format!("/{kind}");
        let received = self.seen.received.borrow();
        let of_kind = received.iter().filter(|(topic, _)| topic.ends_with(&end));
        of_kind.filter_map(|(_, json)| json["tid"].as_str().map(str::to_owned)).collect()
    }

    /// What the tower said last on this topic kind with this method.
    pub(crate) fn heard(&self, kind: &str, method: &str) -> Option<Value> {
        let end = format!("/{kind}");
        let received = self.seen.received.borrow();
        let is_it =
            |(topic, json): &&(String, Value)| topic.ends_with(&end) && json["method"] == method;
        received.iter().rev().find(is_it).map(|(_, json)| json.clone())
    }

    /// Whether the tower has answered on this topic kind with this method.
    pub(crate) fn has_heard(&self, kind: &str, method: &str) -> bool {
        let end = format!("/{kind}");
        let received = self.seen.received.borrow();
        received.iter().any(|(topic, json)| topic.ends_with(&end) && json["method"] == method)
    }
}

impl Drop for RawDock {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}
