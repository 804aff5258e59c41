//! What one topic holds: its readers' queues, its last samples, its counters.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use fleet_types::topic::{Reliability, Topic};
use tokio::sync::Notify;

/// A reliable topic's slowest reader is full; the sample comes back unwritten.
#[derive(Debug, thiserror::Error)]
#[error("a reader of the topic is full")]
pub struct Full<T>(pub T);

/// Counters of one topic since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicStats {
    /// Samples written.
    pub written: u64,
    /// Samples replaced by a newer one of the same key before a reader took them.
    pub coalesced: u64,
    /// Writes refused because a reliable reader was full.
    pub full: u64,
    /// Readers now.
    pub readers: usize,
    /// Samples waiting in the longest reader queue.
    pub depth: usize,
}

/// A reader's queue. Reliable: every sample. Keep-latest: keys in order of first change, and the
/// sample itself in `latest`.
pub(crate) struct Queue<T> {
    pub(crate) samples: VecDeque<Arc<T>>,
    pub(crate) changed: VecDeque<Arc<str>>,
    pub(crate) latest: BTreeMap<Arc<str>, Arc<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { samples: VecDeque::new(), changed: VecDeque::new(), latest: BTreeMap::new() }
    }
}

impl<T> Queue<T> {
    pub(crate) fn len(&self) -> usize {
        self.samples.len() + self.changed.len()
    }

    /// Puts in a keep-latest sample; says whether it replaced an untaken one.
    fn put_latest(&mut self, key: &Arc<str>, sample: Arc<T>) -> bool {
        if let Some(slot) = self.latest.get_mut(key) {
            *slot = sample;
            return true;
        }
        self.changed.push_back(Arc::clone(key));
        self.latest.insert(Arc::clone(key), sample);
        false
    }

    /// Takes the oldest waiting sample.
    pub(crate) fn pop(&mut self) -> Option<Arc<T>> {
        if let Some(sample) = self.samples.pop_front() {
            return Some(sample);
        }
        let key = self.changed.pop_front()?;
        self.latest.remove(&key)
    }
}

pub(crate) struct ReaderState<T> {
    queue: Mutex<Queue<T>>,
    pub(crate) filled: Notify,
}

impl<T> ReaderState<T> {
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Inner<T> {
    readers: Vec<Weak<ReaderState<T>>>,
    /// The last sample of each key, with the key's one text.
    cache: BTreeMap<Arc<str>, (Arc<str>, Arc<T>)>,
    written: u64,
    coalesced: u64,
    full: u64,
}

pub(crate) struct TopicState<T> {
    inner: Mutex<Inner<T>>,
    /// Told whenever a reader of a reliable topic took something, or went.
    pub(crate) drained: Notify,
}

impl<T> Default for TopicState<T> {
    fn default() -> Self {
        let inner = Inner {
            readers: Vec::new(),
            cache: BTreeMap::new(),
            written: 0,
            coalesced: 0,
            full: 0,
        };
        Self { inner: Mutex::new(inner), drained: Notify::new() }
    }
}

impl<T: Topic> Inner<T> {
    /// Keeps the last sample of its key where the topic does; gives the key.
    fn keep(&mut self, sample: &Arc<T>) -> Arc<str> {
        let key = sample.key();
        if let Some((key, kept)) = self.cache.get_mut(key.as_ref()) {
            *kept = Arc::clone(sample);
            return Arc::clone(key);
        }
        let key: Arc<str> = key.as_ref().into();
        if T::TRANSIENT_LOCAL {
            self.cache.insert(Arc::clone(&key), (Arc::clone(&key), Arc::clone(sample)));
        }
        key
    }
}

impl<T: Topic> TopicState<T> {
    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_reader(&self) -> Arc<ReaderState<T>> {
        let mut inner = self.inner();
        let mut queue = Queue::default();
        for (key, sample) in inner.cache.values() {
            match T::RELIABILITY {
                Reliability::KeepLatest => {
                    queue.put_latest(key, Arc::clone(sample));
                }
                Reliability::Reliable { .. } => queue.samples.push_back(Arc::clone(sample)),
            }
        }
        let reader = Arc::new(ReaderState { queue: Mutex::new(queue), filled: Notify::new() });
        reader.filled.notify_one();
        inner.readers.retain(|reader| reader.strong_count() > 0);
        inner.readers.push(Arc::downgrade(&reader));
        reader
    }

    /// Hands the sample to every reader, or to none when a reliable reader is full.
    pub(crate) fn try_write(&self, sample: T) -> Result<(), Full<T>> {
        let mut inner = self.inner();
        let readers: Vec<_> = inner.readers.iter().filter_map(Weak::upgrade).collect();
        if readers.len() < inner.readers.len() {
            inner.readers.retain(|reader| reader.strong_count() > 0);
        }
        if let Reliability::Reliable { depth } = T::RELIABILITY
            && readers.iter().any(|reader| reader.queue().len() >= depth)
        {
            inner.full += 1;
            return Err(Full(sample));
        }
        let sample = Arc::new(sample);
        // One text for all readers, made once where the last samples are kept, and looked up once: this
        // is done for every report of every device. A reliable queue knows no keys.
        let is_keyed = T::TRANSIENT_LOCAL || T::RELIABILITY == Reliability::KeepLatest;
        let key = is_keyed.then(|| inner.keep(&sample));
        for reader in &readers {
            match &key {
                Some(key) if T::RELIABILITY == Reliability::KeepLatest => {
                    let replaced = reader.queue().put_latest(key, Arc::clone(&sample));
                    inner.coalesced += u64::from(replaced);
                }
                Some(_) | None => {
                    reader.queue().samples.push_back(Arc::clone(&sample));
                }
            }
            reader.filled.notify_one();
        }
        inner.written += 1;
        Ok(())
    }

    /// The last sample of `key`.
    pub(crate) fn latest(&self, key: &str) -> Option<Arc<T>> {
        self.inner().cache.get(key).map(|(_, sample)| Arc::clone(sample))
    }

    /// Forgets the last sample of `key`, for devices that are removed.
    pub(crate) fn dispose(&self, key: &str) {
        self.inner().cache.remove(key);
    }

    pub(crate) fn stats(&self) -> TopicStats {
        let inner = self.inner();
        let readers: Vec<_> = inner.readers.iter().filter_map(Weak::upgrade).collect();
        TopicStats {
            written: inner.written,
            coalesced: inner.coalesced,
            full: inner.full,
            readers: readers.len(),
            depth: readers.iter().map(|reader| reader.queue().len()).max().unwrap_or(0),
        }
    }
}
