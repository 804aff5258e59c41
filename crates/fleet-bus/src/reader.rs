//! The two ends: [`Writer`] and [`Reader`].

use std::sync::Arc;

use fleet_types::topic::Topic;

use crate::topic::{Full, ReaderState, TopicState};

/// Writes samples of one topic. Clones write to the same topic.
pub struct Writer<T: Topic> {
    state: Arc<TopicState<T>>,
}

impl<T: Topic> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<T: Topic> Writer<T> {
    pub(crate) fn new(state: Arc<TopicState<T>>) -> Self {
        Self { state }
    }

    /// Hands the sample to every reader at once. Never waits.
    ///
    /// # Errors
    /// [`Full`] with the sample, on a reliable topic with a full reader; no reader got it.
    /// Keep-latest topics never fail.
    pub fn try_write(&self, sample: T) -> Result<(), Full<T>> {
        self.state.try_write(sample)
    }

    /// Hands the sample to every reader, waiting while a reliable reader is full. Cancelling the
    /// wait loses the sample and nothing else.
    pub async fn write(&self, mut sample: T) {
        loop {
            let drained = self.state.drained.notified();
            match self.state.try_write(sample) {
                Ok(()) => return,
                Err(Full(back)) => sample = back,
            }
            drained.await;
        }
    }

    /// Waits until a reader took something since a write was refused.
    pub async fn drained(&self) {
        self.state.drained.notified().await;
    }

    /// Forgets the last sample of a key: late readers no longer get it.
    pub fn dispose(&self, key: &str) {
        self.state.dispose(key);
    }
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
        let mut queue = self.state.queue();
        let taken: Vec<_> = std::iter::from_fn(|| queue.pop()).take(max).collect();
        drop(queue);
        if !taken.is_empty() {
            self.topic.drained.notify_waiters();
        }
        taken
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
    /// A reader that goes must not keep a writer waiting for it.
    fn drop(&mut self) {
        self.state.queue().samples.clear();
        self.topic.drained.notify_waiters();
    }
}
