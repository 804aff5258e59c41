//! What waits until a message's events are safe: its acknowledgement to the broker and to the device.

use std::collections::VecDeque;

use bytes::Bytes;
use fleet_links::mqtt::AckToken;
use fleet_types::{DeviceSn, Now, topic::DeviceEvent};

use super::dock_task::Surroundings;

/// Events remembered until the journal is heard; the oldest goes first.
const HEARD_MAX: usize = 64;
/// Largest of them; a flight's progress is about 1 KiB.
const HEARD_BYTES_MAX: usize = 16 << 10;

/// What belongs to the message that is being handled.
pub(super) struct Held {
    ack: AckToken,
    /// Events to be made safe.
    pub(super) events: Vec<DeviceEvent>,
    replies: Vec<(String, Vec<u8>)>,
}

impl Held {
    pub(super) fn new(ack: AckToken) -> Self {
        Self { ack, events: Vec::new(), replies: Vec::new() }
    }

    /// Keeps an answer back if it acknowledges an event; any other is given back, to leave at once.
    pub(super) fn keep_reply(
        &mut self,
        topic: String,
        payload: Vec<u8>,
    ) -> Option<(String, Vec<u8>)> {
        if topic.ends_with("/events_reply") {
            self.replies.push((topic, payload));
            return None;
        }
        Some((topic, payload))
    }

    /// Acknowledges when everything is safe.
    pub(super) fn settle(self, sn: &DeviceSn, surroundings: &Surroundings) {
        let Self { ack, events, replies } = self;
        let (link, sn) = (surroundings.link.clone(), sn.clone());
        let acknowledge = move || {
            for (topic, payload) in replies {
                if let Err(error) = link.reply(topic, payload.into()) {
                    tracing::debug!(device.sn = %sn, %error, "reply not sent");
                }
            }
            link.acknowledge(ack);
        };
        if events.is_empty() {
            return acknowledge();
        }
        surroundings.keeper.keep(events, Box::new(acknowledge));
    }
}

/// Events heard before it was known what the journal tells.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) events: VecDeque<(String, Bytes, Now)>,
}

impl Heard {
    pub(super) fn note(&mut self, sn: &str, payload: &Bytes, received: Now) {
        if payload.len() > HEARD_BYTES_MAX {
            return;
        }
        if self.events.len() >= HEARD_MAX {
            self.events.pop_front();
        }
        self.events.push_back((sn.to_owned(), payload.clone(), received));
    }
}
