//! One view, from the bus to the wire, while somebody elsewhere reads it.
//!
//! Its writer is owned by one task that is never cancelled while its session lives: a dropped call
//! of `dust_dds` gives its answer to the next one. It reads the bus without holding anybody up, so a
//! reader at the other end that stops costs its topic samples and the tower nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dust_dds::{
    dds_async::data_writer::DataWriterAsync,
    infrastructure::error::{DdsError, DdsResult},
};
use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval},
};

use super::{
    endpoint::Entities,
    places::Places,
    views::{Offer, Published},
};
use crate::{Bus, Reader};

/// How often readers elsewhere are looked for.
const CENSUS: Duration = Duration::from_millis(500);
/// Samples written before other tasks get their turn.
const BATCH: usize = 64;
/// Changes that wait while the wire is slow; older ones are dropped and counted.
const WAITING_MAX: usize = 4096;
/// What still goes on, kept for readers that come late.
const GOING_ON_MAX: usize = 4096;

/// Counters of one view since the tower started.
#[derive(Debug, Default)]
pub(super) struct ViewCounters {
    pub(super) readers: AtomicU64,
    pub(super) written: AtomicU64,
    /// Given up: a reliable reader did not acknowledge, or the write failed.
    pub(super) lost: AtomicU64,
}

/// A view of the tower: what outlasts a session of the wire.
pub(super) struct Slot<V: Published> {
    memory: Arc<Mutex<Memory<V>>>,
    bus: Bus,
    counters: Arc<ViewCounters>,
}

/// Held by the task that publishes; the next session's task takes it over.
struct Memory<V: Published> {
    samples: Option<Reader<V::Sample>>,
    going_on: GoingOn<V>,
}

/// A view of any type.
pub(super) trait Publish: Send + Sync {
    fn topic(&self) -> &'static str;
    fn counters(&self) -> Arc<ViewCounters>;
    /// Publishes until the session ends.
    fn publish(&self, entities: Entities) -> Pin<Box<dyn Future<Output = DdsResult<()>> + Send>>;
}

impl<V: Published> Slot<V> {
    /// From here on it knows what goes on.
    pub(super) fn boxed(bus: &Bus) -> Box<dyn Publish> {
        // What goes on is known only to who has listened all the time.
        let samples = (V::OFFER == Offer::Changes).then(|| bus.watcher::<V::Sample>(WAITING_MAX));
        let memory = Memory { samples, going_on: GoingOn::default() };
        let memory = Arc::new(Mutex::new(memory));
        Box::new(Self { memory, bus: bus.clone(), counters: Arc::default() })
    }
}

impl<V: Published> Publish for Slot<V> {
    fn topic(&self) -> &'static str {
        V::TOPIC
    }

    fn counters(&self) -> Arc<ViewCounters> {
        Arc::clone(&self.counters)
    }

    fn publish(&self, entities: Entities) -> Pin<Box<dyn Future<Output = DdsResult<()>> + Send>> {
        let (memory, bus, counters) =
            (Arc::clone(&self.memory), self.bus.clone(), Arc::clone(&self.counters));
        Box::pin(async move {
            let memory = &mut *memory.lock().await;
            publish::<V>(entities, &bus, counters, memory).await
        })
    }
}

async fn publish<V: Published>(
    entities: Entities,
    bus: &Bus,
    counters: Arc<ViewCounters>,
    Memory { samples, going_on }: &mut Memory<V>,
) -> DdsResult<()> {
    let writers = entities.writers::<V>().await?;
    let mut line = Line::<V> { entities, writers, counters, places: Places::default() };
    let mut readers = BTreeSet::new();
    let mut was_new = false;
    let mut census = interval(CENSUS);
    census.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = census.tick() => {
                let now = line.entities.foreign_readers(&line.writers).await?;
                line.counters.readers.store(now.len() as u64, Ordering::Relaxed);
                let is_new = now.difference(&readers).next().is_some();
                readers = now;
                // The other side may know of us a moment later than we of it, and what is sent by best
                // effort in between is gone: it is sent twice.
                let is_due = is_new || was_new;
                was_new = is_new;
                match V::OFFER {
                    Offer::Changes if is_new => {
                        for view in going_on.views() {
                            line.write(view).await?;
                        }
                    }
                    Offer::Changes | Offer::Frames => {}
                    Offer::Telemetry | Offer::State if readers.is_empty() => *samples = None,
                    // A new reader of the bus begins with the newest of every key.
                    Offer::Telemetry | Offer::State if is_due => {
                        *samples = Some(bus.watcher::<V::Sample>(WAITING_MAX));
                    }
                    Offer::Telemetry | Offer::State => {}
                }
            }
            batch = next(samples) => {
                for sample in batch {
                    let Some(view) = V::of(&sample, &mut line.places) else { continue };
                    if let Some((key, is_going_on)) = V::going_on(&sample) {
                        going_on.note(key, is_going_on.then(|| view.clone()));
                    }
                    if !readers.is_empty() {
                        line.write(view).await?;
                    }
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn next<T: fleet_types::topic::Topic>(samples: &mut Option<Reader<T>>) -> Vec<Arc<T>> {
    match samples {
        Some(samples) => samples.take(BATCH).await,
        None => std::future::pending().await,
    }
}

struct Line<V: Published> {
    entities: Entities,
    /// They share the keys.
    writers: Vec<DataWriterAsync<V>>,
    counters: Arc<ViewCounters>,
    places: Places,
}

impl<V: Published> Line<V> {
    async fn write(&self, view: V) -> DdsResult<()> {
        let Some(writer) = self.writers.get(share(view.sn(), self.writers.len())) else {
            return Ok(());
        };
        match writer.write(view, None).await {
            Ok(()) => {
                self.counters.written.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(DdsError::AlreadyDeleted) => Err(DdsError::AlreadyDeleted),
            Err(error) => {
                self.counters.lost.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(topic = V::TOPIC, %error, "a sample did not go out on the wire");
                Ok(())
            }
        }
    }
}

/// Which of so many writers a key belongs to, for good.
fn share(key: &str, writers: usize) -> usize {
    // FNV-1a.
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    usize::try_from(hash % writers.max(1) as u64).unwrap_or(0)
}

/// The newest view of everything that still goes on; the oldest go when there are too many.
struct GoingOn<V>(BTreeMap<String, (u64, V)>, u64);

impl<V> Default for GoingOn<V> {
    fn default() -> Self {
        Self(BTreeMap::new(), 0)
    }
}

impl<V: Clone> GoingOn<V> {
    fn note(&mut self, key: String, view: Option<V>) {
        let Some(view) = view else {
            self.0.remove(&key);
            return;
        };
        self.1 += 1;
        self.0.insert(key, (self.1, view));
        if self.0.len() > GOING_ON_MAX {
            let oldest = self.0.iter().min_by_key(|(_, (number, _))| *number);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.0.remove(&key);
            }
        }
    }

    /// In the order of their last change.
    fn views(&self) -> Vec<V> {
        let mut views: Vec<_> = self.0.values().collect();
        views.sort_by_key(|(number, _)| *number);
        views.into_iter().map(|(_, view)| view.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shared_evenly_and_for_good() {
        let mut counts = [0_u32; 8];
        for number in 0..8000 {
            let key = format!("SIMDK{number:09}");
            assert_eq!(share(&key, 8), share(&key, 8));
            counts[share(&key, 8)] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        assert_eq!(share("x", 1), 0);
    }

    #[test]
    fn what_goes_on_is_kept_in_the_order_of_its_changes_and_bounded() {
        let mut going_on = GoingOn::default();
        going_on.note("a".into(), Some(1));
        going_on.note("b".into(), Some(2));
        going_on.note("a".into(), Some(3));
        assert_eq!(going_on.views(), [2, 3]);
        going_on.note("b".into(), None);
        assert_eq!(going_on.views(), [3]);
        for number in 0..GOING_ON_MAX {
            going_on.note(format!("n{number}"), Some(4));
        }
        assert_eq!(going_on.views().len(), GOING_ON_MAX);
        assert!(!going_on.views().contains(&3), "the oldest went");
    }
}
