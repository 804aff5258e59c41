//! The bus between components of the tower: typed topics, keyed samples, stated overflow.
//!
//! A component writes samples and reads samples; it does not know who else does. Inside one
//! process a sample is built once and shared by reference ([`Arc`]); nothing is serialised. What
//! happens to a reader that lags belongs to the topic ([`Topic::RELIABILITY`]), not to the caller:
//! the latest sample of each key is kept, or the writer is made to wait. Nothing is dropped without
//! being counted ([`TopicStats`]).
//!
//! What the topic says of time (a deadline, a life of its samples) and what becomes of writers is told
//! by [`Events`]. Other programs see views of some topics over DDS: [`wire`] (ADR 0005). Locks here are
//! never contended (one thread) and never held across an await; they are locks rather than cells
//! so that readers may live in tasks that demand `Send`.

mod events;
mod reader;
mod topic;
pub mod wire;

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

pub use events::{Events, TopicEvent};
use fleet_types::topic::Topic;
pub use reader::{Reader, Taken, Writer};
use topic::TopicState;
pub use topic::{Full, SampleInfo, TopicStats, WriterId};

type StatsOf = Box<dyn Fn() -> TopicStats + Send + Sync>;

struct Entry {
    state: Arc<dyn Any + Send + Sync>,
    stats: StatsOf,
}

/// Handle of the process's bus; clones share it.
#[derive(Clone, Default)]
pub struct Bus {
    topics: Arc<Mutex<BTreeMap<&'static str, Entry>>>,
}

impl Bus {
    /// A bus of its own, without topics yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A writer of topic `T`. Its clones are the same writer, which is alive as long as one of them.
    #[must_use]
    pub fn writer<T: Topic>(&self) -> Writer<T> {
        Writer::new(self.state())
    }

    /// A reader of topic `T`. It hears everything written from now on, and first, where the topic
    /// is transient-local, the latest sample of every key.
    #[must_use]
    pub fn reader<T: Topic>(&self) -> Reader<T> {
        Reader::new(&self.state())
    }

    /// A reader of topic `T` that holds nobody up, whatever the topic says: when more than `depth`
    /// samples wait, the oldest is dropped and counted ([`TopicStats::missed`]).
    #[must_use]
    pub fn watcher<T: Topic>(&self, depth: usize) -> Reader<T> {
        Reader::watching(&self.state(), depth)
    }

    /// What happens to topic `T` from now on beside its samples.
    #[must_use]
    pub fn events<T: Topic>(&self) -> Events<T> {
        Events::new(self.state())
    }

    /// The latest sample of a key, where the topic is transient-local: for those who look now and then
    /// and need not hear every change.
    #[must_use]
    pub fn latest<T: Topic>(&self, key: &str) -> Option<Arc<T>> {
        self.state::<T>().latest(key)
    }

    /// Counters of every topic in use, by name.
    #[must_use]
    pub fn stats(&self) -> BTreeMap<&'static str, TopicStats> {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.iter().map(|(name, entry)| (*name, (entry.stats)())).collect()
    }

    fn state<T: Topic>(&self) -> Arc<TopicState<T>> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = topics.entry(T::NAME).or_insert_with(|| {
            let state = Arc::new(TopicState::<T>::default());
            let counted = Arc::clone(&state);
            Entry { state, stats: Box::new(move || counted.stats()) }
        });
        match Arc::clone(&entry.state).downcast() {
            Ok(state) => state,
            // Two sample types under one name is a defect of the code, found by the first test.
            Err(_) => unreachable!("bus topic {} has two sample types", T::NAME),
        }
    }
}

#[cfg(test)]
mod tests;
