//! What waits until everything that a message led to is safe: its acknowledgement to the broker and
//! to the device.
//!
//! Safe means both: its events with the keeper, and the records that the machine made of it in the
//! journal. Whichever were missing after a crash, the message comes again and leads to it again. A
//! message that comes twice leads to nothing the second time: it waits for the records that the first
//! one led to all the same ([`Unrecorded`]).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use fleet_core::io::JournalId;
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
    waits: Waits,
}

impl Held {
    pub(super) fn new(ack: AckToken) -> Self {
        Self { ack, events: Vec::new(), replies: Vec::new(), waits: Waits::new() }
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

    /// One more part that has to be safe before the message is acknowledged.
    pub(super) fn part(&self) -> Waits {
        self.waits.part()
    }

    /// Acknowledges when everything is safe.
    pub(super) fn settle(self, sn: &DeviceSn, surroundings: &Surroundings) {
        let Self { ack, events, replies, waits } = self;
        let (link, sn) = (surroundings.link.clone(), sn.clone());
        let acknowledge = move || {
            for (topic, payload) in replies {
                if let Err(error) = link.reply(topic, payload.into()) {
                    tracing::debug!(device.sn = %sn, %error, "reply not sent");
                }
            }
            link.acknowledge(ack);
        };
        let mut open = waits.lock();
        open.acknowledge = Some(Box::new(acknowledge));
        if !events.is_empty() {
            open.left += 1;
        }
        drop(open);
        if !events.is_empty() {
            let part = waits.clone();
            surroundings.keeper.keep(events, Box::new(move || part.settled(true)));
        }
        waits.settled(true);
    }
}

/// The parts of a message that are not safe yet; each holds one of these.
#[derive(Clone)]
pub(super) struct Waits(Arc<Mutex<Open>>);

struct Open {
    /// Parts that are not settled: the handling itself is one of them.
    left: usize,
    /// One of them cannot be made safe: the message stays unacknowledged and comes again.
    is_refused: bool,
    acknowledge: Option<Box<dyn FnOnce() + Send>>,
}

impl Waits {
    /// Waits for one part; [`Self::then`] says for what.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Open { left: 1, is_refused: false, acknowledge: None })))
    }

    /// What is done when every part is settled well.
    pub(super) fn then(&self, done: impl FnOnce() + Send + 'static) {
        self.lock().acknowledge = Some(Box::new(done));
    }

    fn part(&self) -> Self {
        self.lock().left += 1;
        self.clone()
    }

    /// A part is safe, or cannot be made so. The last one acknowledges.
    pub(super) fn settled(self, is_safe: bool) {
        let mut open = self.lock();
        open.left = open.left.saturating_sub(1);
        open.is_refused |= !is_safe;
        if open.left > 0 {
            return;
        }
        let acknowledge = open.acknowledge.take().filter(|_| !open.is_refused);
        // What it calls may lead back here.
        drop(open);
        if let Some(acknowledge) = acknowledge {
            acknowledge();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has happened on a dock and is not on record yet, with all that waits for it.
#[derive(Clone, Default)]
pub(super) struct Unrecorded(Arc<Mutex<BTreeMap<JournalId, Vec<Waits>>>>);

impl Unrecorded {
    /// A record was asked for.
    pub(super) fn asked(&self, journal_id: JournalId) {
        self.lock().entry(journal_id).or_default();
    }

    /// A message was handled: it waits for all of them.
    pub(super) fn hold(&self, held: &Held) {
        self.hold_back(&held.waits);
    }

    fn hold_back(&self, waits: &Waits) {
        for waiting in self.lock().values_mut() {
            waiting.push(waits.part());
        }
    }

    /// The journal answered.
    pub(super) fn settled(&self, journal_id: JournalId, is_safe: bool) {
        let waiting = self.lock().remove(&journal_id).unwrap_or_default();
        for part in waiting {
            part.settled(is_safe);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JournalId, Vec<Waits>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Settles parts in this order; how often the message was acknowledged after each.
    fn check(parts: &[bool], expect: &[u32]) {
        let waits = Waits::new();
        let told = Arc::new(AtomicU32::new(0));
        let tells = Arc::clone(&told);
        waits.lock().acknowledge = Some(Box::new(move || {
            tells.fetch_add(1, Ordering::Relaxed);
        }));
        waits.lock().left = parts.len();
        let settle = |is_safe: &bool| {
            waits.clone().settled(*is_safe);
            told.load(Ordering::Relaxed)
        };
        assert_eq!(parts.iter().map(settle).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn what_comes_twice_waits_for_what_it_led_to_the_first_time() {
        let told = Arc::new(AtomicU32::new(0));
        let handle = || {
            let (waits, tells) = (Waits::new(), Arc::clone(&told));
            waits.lock().acknowledge = Some(Box::new(move || {
                tells.fetch_add(1, Ordering::Relaxed);
            }));
            waits
        };
        let records = Unrecorded::default();
        let first = handle();
        records.asked(JournalId(7));
        for waits in [first, handle()] {
            records.hold_back(&waits);
            waits.settled(true);
        }
        assert_eq!(told.load(Ordering::Relaxed), 0, "the record is not safe yet");
        records.settled(JournalId(7), true);
        assert_eq!(told.load(Ordering::Relaxed), 2);
        let third = handle();
        records.hold_back(&third);
        third.settled(true);
        assert_eq!(told.load(Ordering::Relaxed), 3, "nothing is waited for any more");
    }

    #[test]
    fn the_last_part_acknowledges_once_and_none_if_one_cannot_be_made_safe() {
        check(&[true], &[1]);
        check(&[true, true, true], &[0, 0, 1]);
        check(&[true, false, true], &[0, 0, 0]);
        check(&[false], &[0]);
    }
}
