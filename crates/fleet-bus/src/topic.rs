//! What one topic holds: its readers' queues, its last samples, its counters.

use std::{
    collections::{HashMap, VecDeque},
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

/// Number of a key in its topic: looked up once a write, whatever the number of readers.
type Slot = usize;

/// A reader's queue. Reliable: every sample. Keep-latest: keys in order of first change, and the
/// sample itself in `latest`.
pub(crate) struct Queue<T> {
    pub(crate) samples: VecDeque<Entry<T>>,
    changed: VecDeque<Slot>,
    latest: Vec<Option<Entry<T>>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { samples: VecDeque::new(), changed: VecDeque::new(), latest: Vec::new() }
    }
}

impl<T> Queue<T> {
    pub(crate) fn len(&self) -> usize {
        self.samples.len() + self.changed.len()
    }

    /// Puts in a keep-latest sample; says whether it replaced an untaken one.
    fn put_latest(&mut self, slot: Slot, entry: Entry<T>) -> bool {
        if self.latest.len() <= slot {
            self.latest.resize_with(slot + 1, || None);
        }
        let is_new = self.latest.get_mut(slot).is_some_and(|at| at.replace(entry).is_none());
        if is_new {
            self.changed.push_back(slot);
        }
        !is_new
    }

    /// Takes the oldest waiting sample.
    pub(crate) fn pop(&mut self) -> Option<Entry<T>> {
        if let Some(sample) = self.samples.pop_front() {
            return Some(sample);
        }
        let slot = self.changed.pop_front()?;
        self.latest.get_mut(slot)?.take()
    }

    /// Drops what waits of a key that is disposed of.
    fn forget(&mut self, slot: Slot) {
        if self.latest.get_mut(slot).is_some_and(|at| at.take().is_some()) {
            self.changed.retain(|waiting| *waiting != slot);
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

/// A key and its last sample.
struct Kept<T> {
    key: Arc<str>,
    entry: Option<Entry<T>>,
    /// When it is overdue; none once that was told.
    due: Option<Instant>,
}

struct Inner<T> {
    readers: Vec<Arc<ReaderState<T>>>,
    listeners: Vec<Weak<EventQueue>>,
    slots: HashMap<Arc<str>, Slot>,
    kept: Vec<Kept<T>>,
    /// Slots of keys that were disposed of.
    free: Vec<Slot>,
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

    fn slot(&mut self, key: &str) -> Slot {
        if let Some(slot) = self.slots.get(key) {
            return *slot;
        }
        let key: Arc<str> = key.into();
        let kept = Kept { key: Arc::clone(&key), entry: None, due: None };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.kept[slot] = kept;
                slot
            }
            None => {
                self.kept.push(kept);
                self.kept.len() - 1
            }
        };
        self.slots.insert(key, slot);
        slot
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
            slots: HashMap::new(),
            kept: Vec::new(),
            free: Vec::new(),
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
        for (slot, kept) in inner.kept.iter().enumerate() {
            let Some(entry) = &kept.entry else { continue };
            match T::RELIABILITY {
                Reliability::KeepLatest => {
                    queue.put_latest(slot, entry.clone());
                }
                Reliability::Reliable { .. } => queue.samples.push_back(entry.clone()),
            }
        }
        let queue = Mutex::new(queue);
        let reader = Arc::new(ReaderState { queue, watches, filled: Notify::new() });
        reader.filled.notify_one();
        inner.readers.push(Arc::clone(&reader));
        reader
    }

    /// A reader that goes must not keep a writer waiting for it.
    pub(crate) fn reader_gone(&self, reader: &Arc<ReaderState<T>>) {
        self.inner().readers.retain(|other| !Arc::ptr_eq(other, reader));
        self.drained.notify_waiters();
    }

    pub(crate) fn add_listener(&self) -> Arc<EventQueue> {
        let listener = Arc::new(EventQueue::default());
        self.inner().listeners.push(Arc::downgrade(&listener));
        listener
    }

    /// The last sample of `key`.
    pub(crate) fn latest(&self, key: &str) -> Option<Arc<T>> {
        let inner = self.inner();
        let entry = inner.kept.get(*inner.slots.get(key)?)?.entry.as_ref()?;
        Some(Arc::clone(&entry.sample))
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
        let inner = &mut *inner;
        if let Reliability::Reliable { depth } = T::RELIABILITY
            && inner.readers.iter().any(|it| it.watches.is_none() && it.queue().len() >= depth)
        {
            inner.stats.full += 1;
            return Err(Full(sample));
        }
        let expires = sample.lifespan_ms().map(|ms| Instant::now() + Duration::from_millis(ms));
        let sequence = sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let info = SampleInfo { writer, sequence, source_ms: wall() };
        let entry = Entry { sample: Arc::new(sample), info, expires };
        // A reliable queue knows no keys.
        let is_keyed = T::TRANSIENT_LOCAL || T::RELIABILITY == Reliability::KeepLatest;
        let slot = is_keyed.then(|| inner.slot(entry.sample.key().as_ref()));
        for reader in &inner.readers {
            let mut queue = reader.queue();
            match slot {
                Some(slot) if T::RELIABILITY == Reliability::KeepLatest => {
                    let replaced = queue.put_latest(slot, entry.clone());
                    inner.stats.coalesced += u64::from(replaced);
                }
                Some(_) | None => {
                    if reader.watches.is_some_and(|depth| queue.len() >= depth) {
                        inner.stats.missed += u64::from(queue.pop().is_some());
                    }
                    queue.samples.push_back(entry.clone());
                }
            }
            drop(queue);
            reader.filled.notify_one();
        }
        inner.stats.written += 1;
        if T::TRANSIENT_LOCAL
            && let Some(kept) = slot.and_then(|slot| inner.kept.get_mut(slot))
        {
            kept.due = T::DEADLINE_MS.map(|ms| Instant::now() + Duration::from_millis(ms));
            kept.entry = Some(entry);
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
        let Some((key, slot)) = inner.slots.remove_entry(key) else { return };
        if let Some(kept) = inner.kept.get_mut(slot) {
            (kept.entry, kept.due) = (None, None);
        }
        inner.free.push(slot);
        for reader in &inner.readers {
            reader.queue().forget(slot);
        }
        inner.tell(&TopicEvent::Disposed { key });
    }

    /// Tells of every key that became overdue; when the next one may.
    pub(crate) fn overdue(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut inner = self.inner();
        let mut next: Option<Instant> = None;
        let mut late = Vec::new();
        for kept in &mut inner.kept {
            match kept.due {
                Some(due) if due <= now => {
                    kept.due = None;
                    late.extend(kept.entry.as_ref().map(|it| (Arc::clone(&kept.key), it.info)));
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
        TopicStats {
            readers: inner.readers.len(),
            depth: inner.readers.iter().map(|reader| reader.queue().len()).max().unwrap_or(0),
            ..inner.stats
        }
    }
}
