//! What one topic holds: its readers' queues, its last samples, its counters.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fleet_types::{
    WallMs,
    topic::{Reliability, Topic},
};
use tokio::{sync::Notify, time::Instant};

use crate::events::{EventQueue, TopicEvent};

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
    /// Samples that readers which hold nobody up were too slow for.
    pub missed: u64,
    /// Samples whose life was over before a reader took them.
    pub expired: u64,
    /// Writes refused because a reliable reader was full.
    pub full: u64,
    /// Keys that were not written in time.
    pub overdue: u64,
    /// Writers now.
    pub writers: usize,
    /// Readers now.
    pub readers: usize,
    /// Samples waiting in the longest reader queue.
    pub depth: usize,
}

/// One writer of the process; its clones are the same writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriterId(pub u64);

/// Where a sample comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleInfo {
    /// Who wrote it.
    pub writer: WriterId,
    /// Which sample of its writer, from 1, without gaps. A reader that sees a gap lost samples, or
    /// they were coalesced.
    pub sequence: u64,
    /// When it was written, by the wall clock.
    pub source_ms: WallMs,
}

/// A sample and what the bus knows of it.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) sample: Arc<T>,
    pub(crate) info: SampleInfo,
    expires: Option<Instant>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { sample: Arc::clone(&self.sample), info: self.info, expires: self.expires }
    }
}

impl<T> Entry<T> {
    fn is_over(&self, now: Option<Instant>) -> bool {
        self.expires.zip(now).is_some_and(|(expires, now)| expires <= now)
    }
}

/// A reader's queue. Reliable: every sample. Keep-latest: keys in order of first change, and the
/// sample itself in `latest`.
pub(crate) struct Queue<T> {
    pub(crate) samples: VecDeque<Entry<T>>,
    pub(crate) changed: VecDeque<Arc<str>>,
    pub(crate) latest: BTreeMap<Arc<str>, Entry<T>>,
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
    fn put_latest(&mut self, key: &Arc<str>, entry: Entry<T>) -> bool {
        if let Some(slot) = self.latest.get_mut(key) {
            *slot = entry;
            return true;
        }
        self.changed.push_back(Arc::clone(key));
        self.latest.insert(Arc::clone(key), entry);
        false
    }

    /// Takes the oldest waiting sample.
    pub(crate) fn pop(&mut self) -> Option<Entry<T>> {
        if let Some(sample) = self.samples.pop_front() {
            return Some(sample);
        }
        let key = self.changed.pop_front()?;
        self.latest.remove(&key)
    }

    /// Drops what waits of a key that is disposed of.
    fn forget(&mut self, key: &str) {
        if self.latest.remove(key).is_some() {
            self.changed.retain(|waiting| &**waiting != key);
        }
    }
}

pub(crate) struct ReaderState<T> {
    queue: Mutex<Queue<T>>,
    /// Most samples that wait, where it holds nobody up.
    watches: Option<usize>,
    pub(crate) filled: Notify,
}

impl<T> ReaderState<T> {
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last sample of a key.
struct Kept<T> {
    entry: Entry<T>,
    /// When it is overdue; none once that was told.
    due: Option<Instant>,
}

struct Inner<T> {
    readers: Vec<Weak<ReaderState<T>>>,
    listeners: Vec<Weak<EventQueue>>,
    cache: BTreeMap<Arc<str>, Kept<T>>,
    stats: TopicStats,
}

impl<T> Inner<T> {
    fn tell(&mut self, event: &TopicEvent) {
        self.listeners.retain(|listener| {
            let Some(listener) = listener.upgrade() else { return false };
            listener.push(event.clone());
            true
        });
    }
}

pub(crate) struct TopicState<T> {
    inner: Mutex<Inner<T>>,
    next_writer: AtomicU64,
    /// Told whenever a reader of a reliable topic took something, or went.
    pub(crate) drained: Notify,
}

impl<T> Default for TopicState<T> {
    fn default() -> Self {
        let inner = Inner {
            readers: Vec::new(),
            listeners: Vec::new(),
            cache: BTreeMap::new(),
            stats: TopicStats::default(),
        };
        Self { inner: Mutex::new(inner), next_writer: AtomicU64::new(1), drained: Notify::new() }
    }
}

fn wall() -> WallMs {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMs(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

impl<T: Topic> TopicState<T> {
    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_reader(&self, watches: Option<usize>) -> Arc<ReaderState<T>> {
        let mut inner = self.inner();
        let mut queue = Queue::default();
        for (key, kept) in &inner.cache {
            match T::RELIABILITY {
                Reliability::KeepLatest => {
                    queue.put_latest(key, kept.entry.clone());
                }
                Reliability::Reliable { .. } => queue.samples.push_back(kept.entry.clone()),
            }
        }
        let queue = Mutex::new(queue);
        let reader = Arc::new(ReaderState { queue, watches, filled: Notify::new() });
        reader.filled.notify_one();
        inner.readers.retain(|reader| reader.strong_count() > 0);
        inner.readers.push(Arc::downgrade(&reader));
        reader
    }

    pub(crate) fn add_listener(&self) -> Arc<EventQueue> {
        let listener = Arc::new(EventQueue::default());
        self.inner().listeners.push(Arc::downgrade(&listener));
        listener
    }

    pub(crate) fn add_writer(&self) -> WriterId {
        self.inner().stats.writers += 1;
        WriterId(self.next_writer.fetch_add(1, Ordering::Relaxed))
    }

    /// The last clone of a writer went: its component ended, or failed.
    pub(crate) fn writer_gone(&self, writer: WriterId) {
        let mut inner = self.inner();
        inner.stats.writers = inner.stats.writers.saturating_sub(1);
        let is_last = inner.stats.writers == 0;
        inner.tell(&TopicEvent::WriterGone { writer, is_last });
    }

    /// Hands the sample to every reader, or to none when a reliable reader is full.
    pub(crate) fn try_write(
        &self,
        sample: T,
        writer: WriterId,
        sequence: &AtomicU64,
    ) -> Result<(), Full<T>> {
        let mut inner = self.inner();
        let readers: Vec<_> = inner.readers.iter().filter_map(Weak::upgrade).collect();
        if readers.len() < inner.readers.len() {
            inner.readers.retain(|reader| reader.strong_count() > 0);
        }
        if let Reliability::Reliable { depth } = T::RELIABILITY
            && readers.iter().any(|it| it.watches.is_none() && it.queue().len() >= depth)
        {
            inner.stats.full += 1;
            return Err(Full(sample));
        }
        let now = || Instant::now();
        let expires = sample.lifespan_ms().map(|ms| now() + Duration::from_millis(ms));
        let sequence = sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let info = SampleInfo { writer, sequence, source_ms: wall() };
        let entry = Entry { sample: Arc::new(sample), info, expires };
        // One text for all readers, made once where the last samples are kept: this is done for every
        // report of every device. A reliable queue knows no keys.
        let is_keyed = T::TRANSIENT_LOCAL || T::RELIABILITY == Reliability::KeepLatest;
        let key = is_keyed.then(|| {
            let key = entry.sample.key();
            let kept = inner.cache.get_key_value(key.as_ref());
            kept.map_or_else(|| key.as_ref().into(), |(kept, _)| Arc::clone(kept))
        });
        for reader in &readers {
            match &key {
                Some(key) if T::RELIABILITY == Reliability::KeepLatest => {
                    let replaced = reader.queue().put_latest(key, entry.clone());
                    inner.stats.coalesced += u64::from(replaced);
                }
                Some(_) | None => {
                    let mut queue = reader.queue();
                    if reader.watches.is_some_and(|depth| queue.len() >= depth) {
                        inner.stats.missed += u64::from(queue.pop().is_some());
                    }
                    queue.samples.push_back(entry.clone());
                }
            }
            reader.filled.notify_one();
        }
        inner.stats.written += 1;
        if T::TRANSIENT_LOCAL
            && let Some(key) = key
        {
            let due = T::DEADLINE_MS.map(|ms| now() + Duration::from_millis(ms));
            inner.cache.insert(key, Kept { entry, due });
        }
        Ok(())
    }

    /// Takes up to `max` samples of a reader that are still worth something.
    pub(crate) fn take(&self, reader: &ReaderState<T>, max: usize) -> Vec<Entry<T>> {
        let mut queue = reader.queue();
        let mut taken = Vec::with_capacity(max.min(queue.len()));
        let mut expired = Vec::new();
        let mut now = None;
        while taken.len() < max
            && let Some(entry) = queue.pop()
        {
            if entry.expires.is_some() {
                now = now.or_else(|| Some(Instant::now()));
            }
            if entry.is_over(now) { expired.push(entry) } else { taken.push(entry) }
        }
        drop(queue);
        if !expired.is_empty() {
            let mut inner = self.inner();
            inner.stats.expired += expired.len() as u64;
            for entry in &expired {
                let key = entry.sample.key().into();
                inner.tell(&TopicEvent::Expired { key, info: entry.info });
            }
        }
        if !taken.is_empty() || !expired.is_empty() {
            self.drained.notify_waiters();
        }
        taken
    }

    /// Forgets the last sample of `key`, for devices that are removed; what waits of it is not worth
    /// reading any more, where only the latest counts.
    pub(crate) fn dispose(&self, key: &str) {
        let mut inner = self.inner();
        let Some((key, _)) = inner.cache.remove_entry(key) else { return };
        for reader in inner.readers.iter().filter_map(Weak::upgrade) {
            reader.queue().forget(&key);
        }
        inner.tell(&TopicEvent::Disposed { key });
    }

    /// Tells of every key that became overdue; when the next one may.
    pub(crate) fn overdue(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut inner = self.inner();
        let mut next: Option<Instant> = None;
        let mut late = Vec::new();
        for (key, kept) in &mut inner.cache {
            match kept.due {
                Some(due) if due <= now => {
                    kept.due = None;
                    late.push((Arc::clone(key), kept.entry.info));
                }
                Some(due) => next = Some(next.map_or(due, |next| next.min(due))),
                None => {}
            }
        }
        inner.stats.overdue += late.len() as u64;
        for (key, last) in late {
            inner.tell(&TopicEvent::DeadlineMissed { key, last });
        }
        next
    }

    pub(crate) fn stats(&self) -> TopicStats {
        let inner = self.inner();
        let readers: Vec<_> = inner.readers.iter().filter_map(Weak::upgrade).collect();
        TopicStats {
            readers: readers.len(),
            depth: readers.iter().map(|reader| reader.queue().len()).max().unwrap_or(0),
            ..inner.stats
        }
    }
}
