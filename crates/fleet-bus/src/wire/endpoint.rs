//! Writers and readers of one participant, and their quality of service.

use std::{collections::BTreeSet, sync::Arc};

use dust_dds::{
    dds_async::{
        data_reader::DataReaderAsync, data_reader_listener::DataReaderListener,
        data_writer::DataWriterAsync, domain_participant::DomainParticipantAsync,
        publisher::PublisherAsync, subscriber::SubscriberAsync, topic::TopicAsync,
    },
    infrastructure::{
        error::{DdsError, DdsResult},
        listener::NO_LISTENER,
        qos::{DataReaderQos, DataWriterQos, QosKind},
        qos_policy::{
            DataRepresentationQosPolicy, DurabilityQosPolicy, DurabilityQosPolicyKind,
            HistoryQosPolicy, HistoryQosPolicyKind, Length, ReliabilityQosPolicy,
            ReliabilityQosPolicyKind, ResourceLimitsQosPolicy, XCDR_DATA_REPRESENTATION,
            XCDR2_DATA_REPRESENTATION,
        },
        sample_info::{ANY_INSTANCE_STATE, ANY_SAMPLE_STATE, ANY_VIEW_STATE},
        status::{NO_STATUS, StatusKind},
        time::{Duration, DurationKind},
    },
};
use tokio::sync::Notify;

use super::views::{Offer, View};

/// How long a reliable write waits for a reader that does not acknowledge. Another topic's writers
/// do not wait with it, and the sample is given up then.
const BLOCKING: Duration = Duration::new(0, 20_000_000);
/// Changes kept for a reliable reader that has not acknowledged.
const CHANGES_KEPT: u32 = 64;
/// Frames kept until they are taken.
const FRAMES_KEPT: u32 = 256;
/// Writers that share the keys of a topic with a key for every device.
const SHARES: usize = 8;
/// Samples taken at once, and at most waiting.
const TAKEN: i32 = 256;

/// A participant with one publisher and one subscriber.
#[derive(Clone)]
pub(super) struct Entities {
    pub(super) participant: DomainParticipantAsync,
    pub(super) publisher: PublisherAsync,
    pub(super) subscriber: SubscriberAsync,
    pub(super) own_prefix: [u8; 12],
}

fn reliability(offer: Offer) -> ReliabilityQosPolicy {
    let kind = match offer {
        Offer::Telemetry | Offer::Frames => ReliabilityQosPolicyKind::BestEffort,
        Offer::State | Offer::Changes => ReliabilityQosPolicyKind::Reliable,
    };
    ReliabilityQosPolicy { kind, max_blocking_time: DurationKind::Finite(BLOCKING) }
}

fn history(offer: Offer) -> HistoryQosPolicy {
    let kept = match offer {
        Offer::Telemetry | Offer::State | Offer::Frames => 1,
        Offer::Changes => CHANGES_KEPT,
    };
    HistoryQosPolicy { kind: HistoryQosPolicyKind::KeepLast(kept) }
}

fn durability(offer: Offer) -> DurabilityQosPolicy {
    let kind = match offer {
        Offer::Telemetry | Offer::Frames => DurabilityQosPolicyKind::Volatile,
        Offer::State | Offer::Changes => DurabilityQosPolicyKind::TransientLocal,
    };
    DurabilityQosPolicy { kind }
}

impl Entities {
    async fn topic<V: View>(&self) -> DdsResult<TopicAsync> {
        let qos = QosKind::Default;
        self.participant
            .create_topic::<V>(V::TOPIC, V::TYPE_NAME, qos, NO_LISTENER, NO_STATUS)
            .await
    }

    /// A writer of `V`.
    pub(super) async fn writer<V: View>(&self) -> DdsResult<DataWriterAsync<V>> {
        let topic = self.topic::<V>().await?;
        self.writer_of(&topic).await
    }

    /// Writers of `V` that share its keys: what a write costs grows with the keys of a writer.
    pub(super) async fn writers<V: View>(&self) -> DdsResult<Vec<DataWriterAsync<V>>> {
        let is_keyed = V::TYPE.member_list.iter().any(|member| member.descriptor.is_key);
        let count = if is_keyed && V::OFFER == Offer::Telemetry { SHARES } else { 1 };
        let topic = self.topic::<V>().await?;
        let mut writers = Vec::with_capacity(count);
        for _ in 0..count {
            writers.push(self.writer_of(&topic).await?);
        }
        Ok(writers)
    }

    /// The representation is the one that every reader takes, ROS 2 among them.
    async fn writer_of<V: View>(&self, topic: &TopicAsync) -> DdsResult<DataWriterAsync<V>> {
        let qos = DataWriterQos {
            reliability: reliability(V::OFFER),
            history: history(V::OFFER),
            durability: durability(V::OFFER),
            representation: DataRepresentationQosPolicy { value: vec![XCDR_DATA_REPRESENTATION] },
            ..DataWriterQos::default()
        };
        let qos = QosKind::Specific(qos);
        self.publisher.create_datawriter(topic, qos, NO_LISTENER, NO_STATUS).await
    }

    /// A reader of `V`. Bounded: what comes faster than it is taken is dropped, the oldest of a
    /// device first.
    pub(super) async fn reader<V: View>(&self) -> DdsResult<WireReader<V>> {
        let topic = self.topic::<V>().await?;
        let history = match V::OFFER {
            Offer::Frames => HistoryQosPolicy { kind: HistoryQosPolicyKind::KeepLast(FRAMES_KEPT) },
            Offer::Telemetry | Offer::State | Offer::Changes => history(V::OFFER),
        };
        let qos = DataReaderQos {
            reliability: reliability(V::OFFER),
            history,
            durability: durability(V::OFFER),
            representation: DataRepresentationQosPolicy {
                value: vec![XCDR_DATA_REPRESENTATION, XCDR2_DATA_REPRESENTATION],
            },
            resource_limits: ResourceLimitsQosPolicy {
                max_samples: Length::Unlimited,
                max_instances: Length::Unlimited,
                max_samples_per_instance: Length::Unlimited,
            },
            ..DataReaderQos::default()
        };
        let came = Arc::new(Notify::new());
        let listener = Some(Came(Arc::clone(&came)));
        let qos = QosKind::Specific(qos);
        let told = &[StatusKind::DataAvailable];
        let reader = self.subscriber.create_datareader::<V>(&topic, qos, listener, told).await?;
        Ok(WireReader { reader, came })
    }

    /// Readers of others that every one of these writers is matched with.
    pub(super) async fn foreign_readers<V>(
        &self,
        writers: &[DataWriterAsync<V>],
    ) -> DdsResult<BTreeSet<[u8; 16]>> {
        let mut common: Option<BTreeSet<[u8; 16]>> = None;
        for writer in writers {
            // Asked, because a listener is not told when the participant of a reader is gone.
            let matched = writer.get_matched_subscriptions().await?;
            let guids = matched.into_iter().map(<[u8; 16]>::from);
            let foreign = guids.filter(|guid| guid[..12] != self.own_prefix);
            let foreign: BTreeSet<_> = foreign.collect();
            common = Some(common.map_or(foreign.clone(), |known| &known & &foreign));
        }
        Ok(common.unwrap_or_default())
    }
}

struct Came(Arc<Notify>);

impl<V: 'static> DataReaderListener<V> for Came {
    fn on_data_available(&mut self, _: DataReaderAsync<V>) -> impl Future<Output = ()> + Send {
        self.0.notify_one();
        std::future::ready(())
    }
}

/// A sample that came over the wire.
#[derive(Clone, Debug)]
pub struct Received<V> {
    /// What it says.
    pub view: V,
    /// Identity of its writer (RTPS GUID).
    pub writer: [u8; 16],
    /// Its writer's time, nanoseconds since 1970, where it gave one.
    pub source_ns: Option<i64>,
}

/// Reads one topic of the wire. It must not be dropped while it waits, except with its session.
pub(super) struct WireReader<V> {
    reader: DataReaderAsync<V>,
    came: Arc<Notify>,
}

impl<V: View> WireReader<V> {
    /// Waits for samples.
    pub(super) async fn take(&self) -> DdsResult<Vec<Received<V>>> {
        loop {
            self.came.notified().await;
            let samples =
                self.reader.take(TAKEN, ANY_SAMPLE_STATE, ANY_VIEW_STATE, ANY_INSTANCE_STATE).await;
            let samples = match samples {
                Ok(samples) => samples,
                Err(DdsError::NoData) => continue,
                Err(error) => return Err(error),
            };
            if samples.len() >= usize::try_from(TAKEN).unwrap_or(usize::MAX) {
                // There may be more, and nobody says so again.
                self.came.notify_one();
            }
            let received: Vec<_> = samples
                .into_iter()
                .filter_map(|sample| {
                    let info = sample.sample_info;
                    let source_ns = info.source_timestamp.map(|time| {
                        i64::from(time.sec()) * 1_000_000_000 + i64::from(time.nanosec())
                    });
                    let writer = info.publication_handle.into();
                    sample.data.map(|view| Received { view, writer, source_ns })
                })
                .collect();
            if !received.is_empty() {
                return Ok(received);
            }
        }
    }
}
