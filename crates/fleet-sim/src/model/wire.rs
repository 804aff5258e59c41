//! Envelopes: what surrounds `data` on each topic, and the ways real devices get it wrong when a
//! fault asks for it. Source: `00.mqtt/00.topic-definition.md`. Read next: `link`, `services`.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{DockModel, Output, Qos};

/// An answer that waits: for its time, or for the release of held replies.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) due_ms: u64,
    topic: String,
    payload: Value,
}

/// An event that is sent again until it is answered.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    pub(super) retry_ms: u64,
    tries_left: u32,
    payload: Value,
}

const EVENT_RETRY_MS: u64 = 10_000;
const EVENT_TRIES: u32 = 30;
const MAX_UNACKNOWLEDGED: usize = 32;
const MAX_HELD: usize = 256;

impl DockModel {
    /// A random UUID (version 4) from the dock's own generator.
    pub(super) fn uuid(&mut self) -> String {
        let bits = (self.rng.u128(..) & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// Publishes if the link is up; without a link a message is lost, as it is on a real dock.
    pub(super) fn publish(&mut self, topic: String, payload: &Value, qos: Qos) {
        if self.link.is_connected() {
            let payload = Bytes::from(payload.to_string());
            self.out.push_back(Output::Publish { topic, payload, qos });
        }
    }

    fn envelope(&mut self, tid: &str, bid: &str, data: Value) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("tid".to_owned(), json!(tid));
        map.insert("bid".to_owned(), json!(bid));
        map.insert("timestamp".to_owned(), json!(self.device_wall_ms()));
        if !self.cfg.faults.no_gateway {
            map.insert("gateway".to_owned(), json!(self.id.dock_sn));
        }
        map.insert("data".to_owned(), data);
        map
    }

    /// `osd` and `state`: no method, new ids each time.
    pub(super) fn push_properties(&mut self, sn: &str, kind: &str, data: Value) {
        let topic = format!("thing/product/{sn}/{kind}");
        let (tid, bid) = (self.uuid(), self.uuid());
        let flat = self.cfg.faults.flat_osd && kind == "osd";
        let payload = if flat { data } else { Value::Object(self.envelope(&tid, &bid, data)) };
        let qos = if kind == "osd" { Qos::AtMostOnce } else { Qos::AtLeastOnce };
        self.publish(topic, &payload, qos);
    }

    /// A request of the dock's own: `requests`, or `status` for the topology.
    pub(super) fn send_request(&mut self, method: &str, tid: &str, bid: &str, data: Value) {
        let sn = &self.id.dock_sn;
        let topic = if method == "update_topo" {
            format!("sys/product/{sn}/status")
        } else {
            format!("thing/product/{sn}/requests")
        };
        let mut map = self.envelope(tid, bid, data);
        map.insert("method".to_owned(), json!(method));
        self.publish(topic, &Value::Object(map), Qos::AtLeastOnce);
    }

    /// An event. `must_arrive` ones ask for an answer and are repeated until it comes.
    pub(super) fn send_event(&mut self, method: &str, bid: &str, data: Value, must_arrive: bool) {
        self.send_event_asking(method, bid, data, must_arrive, must_arrive);
    }

    /// An event that may ask for an answer without being repeated.
    pub(super) fn send_event_asking(
        &mut self,
        method: &str,
        bid: &str,
        data: Value,
        need_reply: bool,
        must_arrive: bool,
    ) {
        let tid = self.uuid();
        let mut map = self.envelope(&tid, bid, data);
        map.insert("method".to_owned(), json!(method));
        if !self.cfg.faults.no_need_reply {
            map.insert("need_reply".to_owned(), json!(i64::from(need_reply)));
        }
        let payload = Value::Object(map);
        self.publish(self.events_topic(), &payload, Qos::AtLeastOnce);
        if must_arrive && !self.cfg.faults.no_need_reply {
            if self.unacknowledged.len() >= MAX_UNACKNOWLEDGED {
                self.unacknowledged.pop_first();
            }
            let retry_ms = self.now.mono_ms + EVENT_RETRY_MS;
            let event = Unacknowledged { retry_ms, tries_left: EVENT_TRIES, payload };
            self.unacknowledged.insert(tid, event);
        }
    }

    fn events_topic(&self) -> String {
        format!("thing/product/{}/events", self.id.dock_sn)
    }

    pub(super) fn on_event_reply(&mut self, message: &Value) {
        if let Some(tid) = message.get("tid").and_then(Value::as_str) {
            self.unacknowledged.remove(tid);
        }
    }

    /// Repeats what was not answered; a new link makes everything due at once.
    pub(super) fn resend_events(&mut self) {
        if !self.is_online() {
            return;
        }
        let now_ms = self.now.mono_ms;
        let mut due = Vec::new();
        for event in self.unacknowledged.values_mut() {
            if event.retry_ms <= now_ms {
                event.retry_ms = now_ms + EVENT_RETRY_MS;
                event.tries_left = event.tries_left.saturating_sub(1);
                due.push(event.payload.clone());
            }
        }
        self.unacknowledged.retain(|_, event| event.tries_left > 0);
        for payload in due {
            self.publish(self.events_topic(), &payload, Qos::AtLeastOnce);
        }
    }

    pub(super) fn events_due_now(&mut self) {
        for event in self.unacknowledged.values_mut() {
            event.retry_ms = self.now.mono_ms;
        }
    }

    /// Answers a command or a property set, after a delay if there is one.
    pub(super) fn answer(&mut self, topic: &str, request: &Value, data: Value, delay_ms: u64) {
        let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let mut map = self.envelope(&text("tid"), &text("bid"), data);
        if let Some(method) = request.get("method") {
            map.insert("method".to_owned(), method.clone());
        }
        let topic = format!("thing/product/{}/{topic}", self.id.dock_sn);
        let payload = Value::Object(map);
        if delay_ms == 0 && !self.hold_replies {
            self.publish(topic, &payload, Qos::AtLeastOnce);
        } else if self.held.len() < MAX_HELD {
            let due_ms = self.now.mono_ms + delay_ms;
            self.held.push(Held { due_ms, topic, payload });
        }
    }

    pub(super) fn release_held(&mut self) {
        if self.hold_replies {
            return;
        }
        let now_ms = self.now.mono_ms;
        let waiting = std::mem::take(&mut self.held);
        for held in waiting {
            if held.due_ms <= now_ms {
                self.publish(held.topic, &held.payload, Qos::AtLeastOnce);
            } else {
                self.held.push(held);
            }
        }
    }
}
