//! What happens to a topic beside its samples: writers that end, keys that are overdue, disposed of
//! or expired.
//!
//! Who listens ([`crate::Bus::events`]) is told in order. A listener that does not keep up loses the
//! oldest and is told how many.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fleet_types::topic::Topic;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::topic::{SampleInfo, TopicState, WriterId};

/// Events that wait for a listener.
const WAITING_MAX: usize = 1024;

/// Something that happened to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicEvent {
    /// A key was not written within [`Topic::DEADLINE_MS`]. Told once, until it is written again.
    DeadlineMissed {
        /// Which.
        key: Arc<str>,
        /// Its last sample.
        last: SampleInfo,
    },
    /// A sample was not delivered because its life was over.
    Expired {
        /// Its key.
        key: Arc<str>,
        /// Which sample.
        info: SampleInfo,
    },
    /// A key is no more.
    Disposed {
        /// Which.
        key: Arc<str>,
    },
    /// A writer is not alive any more: its component ended or panicked.
    WriterGone {
        /// Which.
        writer: WriterId,
        /// Whether nobody is left who writes the topic.
        is_last: bool,
    },
    /// This listener was too slow for so many events.
    Lost(u64),
}

#[derive(Default)]
pub(crate) struct EventQueue {
    waiting: Mutex<(VecDeque<TopicEvent>, u64)>,
    filled: Notify,
}

impl EventQueue {
    pub(crate) fn push(&self, event: TopicEvent) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (events, lost) = &mut *waiting;
        if events.len() == WAITING_MAX {
            events.pop_front();
            *lost += 1;
        }
        events.push_back(event);
        self.filled.notify_one();
    }

    fn pop(&self) -> Option<TopicEvent> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (events, lost) = &mut *waiting;
        match std::mem::take(lost) {
            0 => events.pop_front(),
            lost => Some(TopicEvent::Lost(lost)),
        }
    }
}

/// Listens to the events of one topic.
pub struct Events<T: Topic> {
    queue: Arc<EventQueue>,
    topic: Arc<TopicState<T>>,
}

impl<T: Topic> Events<T> {
    pub(crate) fn new(topic: Arc<TopicState<T>>) -> Self {
        Self { queue: topic.add_listener(), topic }
    }

    /// Waits for the next event. Cancel-safe. Deadlines are looked at only while somebody waits here.
    pub async fn next(&mut self) -> TopicEvent {
        loop {
            if let Some(event) = self.queue.pop() {
                return event;
            }
            let next = T::DEADLINE_MS.and_then(|period| {
                // A key that is new while we sleep is due no sooner than after a period.
                let soonest = Instant::now() + Duration::from_millis(period);
                Some(self.topic.overdue()?.min(soonest)).or(Some(soonest))
            });
            if let Some(event) = self.queue.pop() {
                return event;
            }
            match next {
                Some(next) => tokio::select! {
                    biased;
                    () = self.queue.filled.notified() => {}
                    () = sleep_until(next) => {}
                },
                None => self.queue.filled.notified().await,
            }
        }
    }
}
