//! A participant that looks: what is on the domain, and what is said there.
//!
//! For `gwanje bus` and for tests. Each reader and writer lives in a task of its own, so that whoever
//! uses it may stop waiting at any time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use dust_dds::{
    builtin_topics::{
        DCPS_PUBLICATION, DCPS_SUBSCRIPTION, PublicationBuiltinTopicData,
        SubscriptionBuiltinTopicData,
    },
    infrastructure::{
        error::{DdsError, DdsResult},
        sample_info::{ANY_SAMPLE_STATE, ANY_VIEW_STATE, InstanceStateKind},
    },
    xtypes::type_support::TypeSupport,
};
use tokio::sync::{mpsc, oneshot};

use super::{
    Received, Spawn, WireConfig, WireError, endpoint::Entities, participant, runtime::Tasks,
    transport::Traffic, views::View,
};

/// Samples that wait for whoever reads; more are dropped and counted.
const WAITING_MAX: usize = 4096;
/// Endpoints listed.
const ENDPOINTS_MAX: i32 = 10_000;

/// A participant of its own.
pub struct Client {
    entities: Entities,
    tasks: Arc<Tasks>,
}

/// A topic as the domain knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicOnWire {
    /// Its name.
    pub topic: String,
    /// Its type.
    pub type_name: String,
    /// Writers of others.
    pub writers: usize,
    /// Readers of others.
    pub readers: usize,
}

/// Samples of one topic as they come.
pub struct Samples<V> {
    samples: mpsc::Receiver<Received<V>>,
    dropped: Arc<AtomicU64>,
}

impl<V> Samples<V> {
    /// The next sample; none when the participant failed. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Received<V>> {
        self.samples.recv().await
    }

    /// Samples dropped because they were not taken in time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Writes samples of one topic, in order.
pub struct WireWriter<V> {
    samples: mpsc::Sender<V>,
    lost: Arc<AtomicU64>,
}

impl<V> WireWriter<V> {
    /// Gives a sample to the writer, waiting for room. False when the participant failed.
    pub async fn write(&self, view: V) -> bool {
        self.samples.send(view).await.is_ok()
    }

    /// Samples given up so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Client {
    /// Joins the domain.
    ///
    /// # Errors
    /// [`WireError`] when the ports cannot be used or the participant cannot be made.
    pub async fn open(config: &WireConfig, spawn: Spawn) -> Result<Self, WireError> {
        let tasks = Tasks::new(spawn);
        let entities = tokio::select! {
            biased;
            () = tasks.died() => return Err(WireError::Dds("a task of it panicked".to_owned())),
            entities = participant(config, &tasks, Arc::new(Traffic::default())) => entities?,
        };
        Ok(Self { entities, tasks })
    }

    /// Reads a topic from now on, and what its writers give to readers that come late.
    #[must_use]
    pub fn reader<V: View>(&self) -> Samples<V> {
        let (sender, samples) = mpsc::channel(WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let (entities, counter) = (self.entities.clone(), Arc::clone(&dropped));
        self.tasks.spawn("dds reader", async move {
            if let Err(error) = forward::<V>(entities, sender, counter).await {
                tracing::error!(topic = V::TOPIC, %error, "the reader failed");
            }
        });
        Samples { samples, dropped }
    }

    /// Writes a topic.
    #[must_use]
    pub fn writer<V: View>(&self) -> WireWriter<V> {
        let (samples, receiver) = mpsc::channel(64);
        let lost = Arc::new(AtomicU64::new(0));
        let (entities, counter) = (self.entities.clone(), Arc::clone(&lost));
        self.tasks.spawn("dds writer", async move {
            if let Err(error) = write::<V>(entities, receiver, counter).await {
                tracing::error!(topic = V::TOPIC, %error, "the writer failed");
            }
        });
        WireWriter { samples, lost }
    }

    /// Topics that others write or read, as far as they are known yet.
    ///
    /// # Errors
    /// [`WireError::Dds`] when the participant failed.
    pub async fn topics(&self) -> Result<Vec<TopicOnWire>, WireError> {
        let (answer, answered) = oneshot::channel();
        let entities = self.entities.clone();
        // Whoever asks may stop waiting; the question may not be dropped.
        self.tasks.spawn("dds census", async move {
            let _ = answer.send(topics(&entities).await);
        });
        let failed = |_| WireError::Dds("the participant failed".to_owned());
        Ok(answered.await.map_err(failed)??)
    }
}

async fn topics(entities: &Entities) -> DdsResult<Vec<TopicOnWire>> {
    let mut found: BTreeMap<(String, String), TopicOnWire> = BTreeMap::new();
    let mut entry = |topic: &str, type_name: &str, is_writer: bool| {
        let key = (topic.to_owned(), type_name.to_owned());
        let entry = found.entry(key).or_insert_with(|| TopicOnWire {
            topic: topic.to_owned(),
            type_name: type_name.to_owned(),
            writers: 0,
            readers: 0,
        });
        *(if is_writer { &mut entry.writers } else { &mut entry.readers }) += 1;
    };
    for it in alive::<PublicationBuiltinTopicData>(entities, DCPS_PUBLICATION).await? {
        entry(it.topic_name(), it.get_type_name(), true);
    }
    for it in alive::<SubscriptionBuiltinTopicData>(entities, DCPS_SUBSCRIPTION).await? {
        entry(it.topic_name(), it.get_type_name(), false);
    }
    Ok(found.into_values().collect())
}

async fn alive<T: TypeSupport>(entities: &Entities, topic: &str) -> DdsResult<Vec<T>> {
    let builtin = entities.participant.get_builtin_subscriber();
    let Some(reader) = builtin.lookup_datareader::<T>(topic).await? else {
        return Ok(Vec::new());
    };
    let alive = &[InstanceStateKind::Alive];
    match reader.read(ENDPOINTS_MAX, ANY_SAMPLE_STATE, ANY_VIEW_STATE, alive).await {
        Ok(samples) => Ok(samples.into_iter().filter_map(|sample| sample.data).collect()),
        Err(DdsError::NoData) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.tasks.close();
    }
}

async fn forward<V: View>(
    entities: Entities,
    to: mpsc::Sender<Received<V>>,
    dropped: Arc<AtomicU64>,
) -> DdsResult<()> {
    let reader = entities.reader::<V>().await?;
    loop {
        for received in reader.take().await? {
            if to.try_send(received).is_err() {
                if to.is_closed() {
                    return Ok(());
                }
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

async fn write<V: View>(
    entities: Entities,
    mut samples: mpsc::Receiver<V>,
    lost: Arc<AtomicU64>,
) -> DdsResult<()> {
    let writer = entities.writer::<V>().await?;
    while let Some(view) = samples.recv().await {
        match writer.write(view, None).await {
            Ok(()) => {}
            Err(DdsError::AlreadyDeleted) => return Err(DdsError::AlreadyDeleted),
            Err(_) => {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}
