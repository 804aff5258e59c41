//! The two ends: [`Writer`] and [`Reader`].

use std::sync::{Arc, atomic::AtomicU64};

use fleet_types::topic::Topic;

use crate::topic::{Full, ReaderState, SampleInfo, TopicState, WriterId};

/// Writes samples of one topic. Clones write to the same topic, as the same writer.
pub struct Writer<T: Topic>(Arc<Alive<T>>);

/// A writer for as long as one of its clones lives.
struct Alive<T: Topic> {
    state: Arc<TopicState<T>>,
    id: WriterId,
    sequence: AtomicU64,
}

impl<T: Topic> Drop for Alive<T> {
    fn drop(&mut self) {
        self.state.writer_gone(self.id);
    }
}

impl<T: Topic> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Topic> Writer<T> {
    pub(crate) fn new(state: Arc<TopicState<T>>) -> Self {
        let id = state.add_writer();
        Self(Arc::new(Alive { state, id, sequence: AtomicU64::new(0) }))
    }

    /// Who this is in [`SampleInfo`].
    #[must_use]
    pub fn id(&self) -> WriterId {
        self.0.id
    }

    /// Hands the sample to every reader at once. Never waits.
    ///
    /// # Errors
    /// [`Full`] with the sample, on a reliable topic with a full reader; no reader got it.
    /// Keep-latest topics never fail.
    pub fn try_write(&self, sample: T) -> Result<(), Full<T>> {
        self.0.state.try_write(sample, self.0.id, &self.0.sequence)
    }

    /// Hands the sample to every reader, waiting while a reliable reader is full. Cancelling the
    /// wait loses the sample and nothing else.
    pub async fn write(&self, mut sample: T) {
        loop {
            let drained = self.0.state.drained.notified();
            match self.try_write(sample) {
                Ok(()) => return,
                Err(Full(back)) => sample = back,
            }
            drained.await;
        }
    }

    /// Waits until a reader took something since a write was refused.
    pub async fn drained(&self) {
        self.0.state.drained.notified().await;
    }

    /// Forgets the last sample of a key: late readers no longer get it.
    pub fn dispose(&self, key: &str) {
        self.0.state.dispose(key);
    }
}

/// A sample as it was taken.
#[derive(Debug)]
pub struct Taken<T> {
    /// The sample.
    pub sample: Arc<T>,
    /// Where it comes from.
    pub info: SampleInfo,
}

/// Reads samples of one topic, each once, in the order of writing (keep-latest: in the order in
/// which keys first changed).
pub struct Reader<T: Topic> {
    state: Arc<ReaderState<T>>,
    topic: Arc<TopicState<T>>,
}

impl<T: Topic> Reader<T> {
    pub(crate) fn new(topic: &Arc<TopicState<T>>) -> Self {
        Self { state: topic.add_reader(None), topic: Arc::clone(topic) }
    }

    pub(crate) fn watching(topic: &Arc<TopicState<T>>, depth: usize) -> Self {
        Self { state: topic.add_reader(Some(depth)), topic: Arc::clone(topic) }
    }

    /// Takes up to `max` waiting samples without waiting; may be empty.
    pub fn try_take(&mut self, max: usize) -> Vec<Arc<T>> {
        self.topic.take(&self.state, max).into_iter().map(|entry| entry.sample).collect()
    }

    /// See [`Reader::take`]; with what the bus knows of each sample.
    pub async fn take_with_info(&mut self, max: usize) -> Vec<Taken<T>> {
        loop {
            let taken = self.topic.take(&self.state, max.max(1));
            if !taken.is_empty() {
                let taken = taken.into_iter();
                return taken
                    .map(|entry| Taken { sample: entry.sample, info: entry.info })
                    .collect();
            }
            self.state.filled.notified().await;
        }
    }

    /// Waits for samples and takes up to `max` of them. Cancel-safe: what was not returned stays.
    pub async fn take(&mut self, max: usize) -> Vec<Arc<T>> {
        loop {
            let taken = self.try_take(max.max(1));
            if !taken.is_empty() {
                return taken;
            }
            // A write between the take and here has left its permit: nothing is missed.
            self.state.filled.notified().await;
        }
    }
}

impl<T: Topic> Drop for Reader<T> {
    fn drop(&mut self) {
        self.topic.reader_gone(&self.state);
    }
}
