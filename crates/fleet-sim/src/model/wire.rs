//! Envelopes: what surrounds `data` on each topic, and the ways real devices get it wrong when a
//! fault asks for it. Source: `00.mqtt/00.topic-definition.md`. Read next: `link`, `services`.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DockModel, Output, Qos};
use crate::identity::DockIdentity;

/// What surrounds `data`, written as it stands here: most messages of a simulated fleet are
/// telemetry, and are not worth a tree of values each.
#[derive(Serialize)]
struct Envelope<'a, D> {
    bid: &'a str,
    data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    need_reply: Option<u8>,
    tid: &'a str,
    timestamp: i64,
}

/// What is read of the answer to an event.
#[derive(Deserialize)]
struct EventReply<'a> {
    #[serde(borrow)]
    tid: Option<Cow<'a, str>>,
}

/// Topics a dock publishes on all the time.
#[derive(Debug)]
pub(super) struct Topics {
    dock_osd: Arc<str>,
    dock_state: Arc<str>,
    aircraft_osd: Arc<str>,
    aircraft_state: Arc<str>,
    events: Arc<str>,
    requests: Arc<str>,
    status: Arc<str>,
}

impl Topics {
    pub(super) fn new(id: &DockIdentity) -> Self {
        let (dock, aircraft) = (&id.dock_sn, &id.aircraft_sn);
        Self {
            dock_osd: format!("thing/product/{dock}/osd").into(),
            dock_state: format!("thing/product/{dock}/state").into(),
            aircraft_osd: format!("thing/product/{aircraft}/osd").into(),
            aircraft_state: format!("thing/product/{aircraft}/state").into(),
            events: format!("thing/product/{dock}/events").into(),
            requests: format!("thing/product/{dock}/requests").into(),
            status: format!("sys/product/{dock}/status").into(),
        }
    }
}

/// A body that is written piece by piece: names with their punctuation, and numbers.
pub(super) struct Lean(Vec<u8>);

impl Lean {
    /// What stands between two numbers.
    pub(super) fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A whole number, and what stands before it.
    pub(super) fn int(&mut self, before: &str, value: i64) {
        self.text(before);
        if value < 0 {
            self.0.push(b'-');
        }
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut left = value.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[at..]);
    }

    /// A number with one digit after the point, and what stands before it.
    pub(super) fn tenths(&mut self, before: &str, value: f64) {
        let tenths = super::dock_osd::whole(value * 10.0);
        self.text(before);
        self.int(if tenths < 0 { "-" } else { "" }, tenths.abs() / 10);
        self.int(".", tenths.abs() % 10);
    }
}

/// Whose properties a report has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The dock's.
    Dock,
    /// The aircraft's.
    Aircraft,
}

/// An answer that waits: for its time, or for the release of held replies.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) due_ms: u64,
    topic: Arc<str>,
    payload: Bytes,
}

/// An event that is sent again until it is answered.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    pub(super) retry_ms: u64,
    tries_left: u32,
    payload: Bytes,
}

const EVENT_RETRY_MS: u64 = 10_000;
const EVENT_TRIES: u32 = 30;
const MAX_UNACKNOWLEDGED: usize = 32;
const MAX_HELD: usize = 256;

impl DockModel {
    /// A random UUID (version 4) from the dock's own generator.
    pub(super) fn uuid(&mut self) -> String {
        let text = self.uuid_text();
        text.into_iter().map(char::from).collect()
    }

    fn uuid_text(&mut self) -> [u8; 36] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bits = (self.rng.u128(..) & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let mut text = [b'-'; 36];
        let places = (0..36).step_by(2).scan(0, |dashes, place| {
            // Pairs of digits, with dashes after the fourth, sixth, eighth and tenth.
            *dashes += usize::from(matches!(place, 8 | 12 | 16 | 20));
            Some(place + *dashes)
        });
        for (byte, place) in bits.to_be_bytes().into_iter().zip(places) {
            text[place] = DIGITS[usize::from(byte >> 4)];
            text[place + 1] = DIGITS[usize::from(byte & 0xF)];
        }
        text
    }

    /// Publishes if the link is up; without a link a message is lost, as it is on a real dock.
    fn publish(&mut self, topic: Arc<str>, payload: Bytes, qos: Qos) {
        if self.link.is_connected() {
            self.out.push_back(Output::Publish { topic, payload, qos });
        }
    }

    fn envelope(
        &self,
        (tid, bid): (&str, &str),
        method: Option<&str>,
        need_reply: Option<bool>,
        data: &impl Serialize,
    ) -> Bytes {
        let gateway = (!self.cfg.faults.no_gateway).then_some(self.id.dock_sn.as_str());
        let need_reply = need_reply.map(u8::from);
        let timestamp = self.device_wall_ms();
        written(&Envelope { bid, data, gateway, method, need_reply, tid, timestamp })
    }

    /// `osd`: no method, new ids each time.
    pub(super) fn push_osd_of(&mut self, whose: Whose, data: &impl Serialize) {
        let (tid, bid) = (self.uuid(), self.uuid());
        if !self.link.is_connected() {
            return;
        }
        let payload = if self.cfg.faults.flat_osd {
            written(data)
        } else {
            self.envelope((&tid, &bid), None, None, data)
        };
        let topic = match whose {
            Whose::Dock => &self.topics.dock_osd,
            Whose::Aircraft => &self.topics.aircraft_osd,
        };
        self.publish(Arc::clone(topic), payload, Qos::AtMostOnce);
    }

    /// The same with a body that is written by hand.
    pub(super) fn push_lean(&mut self, whose: Whose, body: impl FnOnce(&Self, &mut Lean)) {
        let (tid, bid) = (self.uuid_text(), self.uuid_text());
        if !self.link.is_connected() {
            return;
        }
        let mut out = Lean(Vec::with_capacity(640));
        if self.cfg.faults.flat_osd {
            body(self, &mut out);
        } else {
            out.0.extend_from_slice(b"{\"bid\":\"");
            out.0.extend_from_slice(&bid);
            out.0.extend_from_slice(b"\",\"data\":");
            body(self, &mut out);
            if !self.cfg.faults.no_gateway {
                out.0.extend_from_slice(b",\"gateway\":\"");
                out.0.extend_from_slice(self.id.dock_sn.as_bytes());
                out.0.push(b'"');
            }
            out.0.extend_from_slice(b",\"tid\":\"");
            out.0.extend_from_slice(&tid);
            out.int("\",\"timestamp\":", self.device_wall_ms());
            out.0.push(b'}');
        }
        let topic = match whose {
            Whose::Dock => &self.topics.dock_osd,
            Whose::Aircraft => &self.topics.aircraft_osd,
        };
        self.publish(Arc::clone(topic), out.0.into(), Qos::AtMostOnce);
    }

    /// `state`: the same, at least once.
    pub(super) fn push_state_of(&mut self, whose: Whose, data: &impl Serialize) {
        let (tid, bid) = (self.uuid(), self.uuid());
        let payload = self.envelope((&tid, &bid), None, None, data);
        let topic = match whose {
            Whose::Dock => &self.topics.dock_state,
            Whose::Aircraft => &self.topics.aircraft_state,
        };
        self.publish(Arc::clone(topic), payload, Qos::AtLeastOnce);
    }

    /// A request of the dock's own: `requests`, or `status` for the topology.
    pub(super) fn send_request(&mut self, method: &str, tid: &str, bid: &str, data: &Value) {
        let is_topology = method == "update_topo";
        let topic = if is_topology { &self.topics.status } else { &self.topics.requests };
        let topic = Arc::clone(topic);
        let payload = self.envelope((tid, bid), Some(method), None, data);
        self.publish(topic, payload, Qos::AtLeastOnce);
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
        let is_asking = !self.cfg.faults.no_need_reply;
        let need_reply = is_asking.then_some(need_reply);
        let payload = self.envelope((&tid, bid), Some(method), need_reply, &data);
        self.publish(Arc::clone(&self.topics.events), payload.clone(), Qos::AtLeastOnce);
        if must_arrive && is_asking {
            if self.unacknowledged.len() >= MAX_UNACKNOWLEDGED {
                self.unacknowledged.pop_first();
            }
            let retry_ms = self.now.mono_ms + EVENT_RETRY_MS;
            let event = Unacknowledged { retry_ms, tries_left: EVENT_TRIES, payload };
            self.unacknowledged.insert(tid, event);
        }
    }

    pub(super) fn on_event_reply(&mut self, payload: &[u8]) {
        match serde_json::from_slice(payload) {
            Ok(EventReply { tid: Some(tid) }) => {
                self.unacknowledged.remove(&*tid);
            }
            Ok(EventReply { tid: None }) => {}
            Err(_) => self.log(format!("ignored {} bytes that are no answer", payload.len())),
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
            self.publish(Arc::clone(&self.topics.events), payload, Qos::AtLeastOnce);
        }
    }

    pub(super) fn events_due_now(&mut self) {
        for event in self.unacknowledged.values_mut() {
            event.retry_ms = self.now.mono_ms;
        }
    }

    /// Answers a command or a property set, after a delay if there is one.
    pub(super) fn answer(&mut self, topic: &str, request: &Value, data: Value, delay_ms: u64) {
        let text = |key: &str| request.get(key).and_then(Value::as_str);
        let ids = (text("tid").unwrap_or_default(), text("bid").unwrap_or_default());
        let payload = self.envelope(ids, text("method"), None, &data);
        let topic = format!("thing/product/{}/{topic}", self.id.dock_sn).into();
        if delay_ms == 0 && !self.hold_replies {
            self.publish(topic, payload, Qos::AtLeastOnce);
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
                self.publish(held.topic, held.payload, Qos::AtLeastOnce);
            } else {
                self.held.push(held);
            }
        }
    }
}

/// A body as JSON.
fn written(body: &impl Serialize) -> Bytes {
    let mut buffer = Vec::with_capacity(512);
    // Writing plain data into memory cannot fail.
    let _ = serde_json::to_writer(&mut buffer, body);
    buffer.into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Lean;

    #[test]
    fn what_is_written_by_hand_is_json() {
        let mut out = Lean(Vec::new());
        out.int("{\"a\":", 0);
        out.int(",\"b\":", i64::MIN);
        out.int(",\"c\":", 82_045_336);
        out.tenths(",\"d\":", 12.34);
        out.tenths(",\"e\":", -0.55);
        out.tenths(",\"f\":", 7.96);
        out.text("}");
        let read: Value = serde_json::from_slice(&out.0).unwrap();
        let b = i64::MIN;
        assert_eq!(read, json!({"a": 0, "b": b, "c": 82_045_336, "d": 12.3, "e": -0.6, "f": 8.0}));
    }
}
