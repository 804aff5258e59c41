//! A standing telemetry or events connection: subscribe, then put what comes into the inbox.
//!
//! The poll loop never waits for a reader; see [`super::inbox`] for what happens when one is slow.

use std::time::{Duration, Instant};

use bytes::Bytes;
use dji_cloud::topic::TopicKind;
use fleet_types::link::LinkName;
use rumqttc::v5::{
    AsyncClient, Event, EventLoop, Incoming,
    mqttbytes::{
        QoS,
        v5::{Filter, Publish, RetainForwardRule, SubAck, SubscribeReasonCode},
    },
};
use tokio::time::timeout;

use super::{
    broker_log::{BrokerLog, LOG_FILTERS, STATISTICS, SYS_PREFIX, parse_statistic},
    config::MqttConfig,
    event::AckToken,
    handle::AckRoute,
    inbox::Received,
    session::{Attempt, End, GOODBYE, describe},
};

/// After so many packets other tasks get a turn, even when the socket always has more.
const PACKETS_PER_TURN: u32 = 64;
const LOG_PREFIX: &str = "$SYS/broker/log/";
/// How often it is looked at how much comes.
const RATE_WINDOW: Duration = Duration::from_millis(100);
/// Messages in a window from which on they are gathered.
const GATHERED_FROM: u32 = 50;
/// How long they are gathered. Waking up for each message costs more than reading it; nothing that
/// comes as telemetry is waited for so closely.
const GATHERING: Duration = Duration::from_millis(5);
/// Bytes that came since the last wait, or the last look, from which on nothing is waited for: the
/// socket does not hold much more, and the broker drops what it cannot write.
const GATHERED_BYTES_MAX: usize = 64 << 10;

/// Whether so much telemetry comes that it is read several messages at a time.
struct Gathering {
    since: Instant,
    messages: u32,
    /// Since the last wait, or the last look at the rate.
    bytes: usize,
    is_busy: bool,
}

impl Gathering {
    fn new() -> Self {
        Self { since: Instant::now(), messages: 0, bytes: 0, is_busy: false }
    }

    fn took(&mut self, packet: &Incoming) {
        self.messages += 1;
        if let Incoming::Publish(publish) = packet {
            self.bytes += publish.payload.len();
        }
    }

    /// Whether to wait for more to come, once nothing more lies ready.
    fn is_due(&mut self) -> bool {
        if self.since.elapsed() >= RATE_WINDOW {
            self.is_busy = self.messages >= GATHERED_FROM;
            (self.since, self.messages, self.bytes) = (Instant::now(), 0, 0);
        }
        self.is_busy && self.bytes <= GATHERED_BYTES_MAX
    }
}

pub(super) async fn connection(attempt: &mut Attempt<'_>) -> End {
    let shared = attempt.shared;
    // Room for every acknowledgement the window allows, and some for ourselves.
    let requests = usize::from(shared.config.events_receive_maximum) + 64;
    let (client, mut event_loop) = AsyncClient::new(attempt.options(), requests);
    let mut log = BrokerLog::default();
    let closed = shared.closed();
    tokio::pin!(closed);
    let mut packets = 0_u32;
    let mut gathering = Gathering::new();
    loop {
        // A connection that is being made must not be given up half way.
        let gathers = attempt.link == LinkName::Telemetry && attempt.up_at.is_some();
        let polled = tokio::select! {
            biased;
            () = &mut closed => return goodbye(&client, &mut event_loop).await,
            polled = event_loop.poll() => polled,
            () = std::future::ready(()), if gathers && gathering.is_due() => {
                tokio::select! {
                    biased;
                    () = &mut closed => return goodbye(&client, &mut event_loop).await,
                    () = tokio::time::sleep(GATHERING) => gathering.bytes = 0,
                }
                // What came meanwhile, or else whatever comes next.
                tokio::select! {
                    biased;
                    () = &mut closed => return goodbye(&client, &mut event_loop).await,
                    polled = event_loop.poll() => polled,
                }
            }
        };
        match polled {
            Ok(Event::Incoming(packet)) => {
                gathering.took(&packet);
                if let Err(error) = handle(attempt, &client, &mut log, packet) {
                    return End::failed(error);
                }
            }
            Ok(Event::Outgoing(_)) => {}
            Err(error) => return End::failed(describe(&error)),
        }
        packets += 1;
        if packets.is_multiple_of(PACKETS_PER_TURN) {
            tokio::task::yield_now().await;
        }
    }
}

fn handle(
    attempt: &mut Attempt<'_>,
    client: &AsyncClient,
    log: &mut BrokerLog,
    packet: Incoming,
) -> Result<(), String> {
    if let Incoming::Publish(publish) = packet {
        message(attempt, client, log, publish);
        return Ok(());
    }
    if let Incoming::ConnAck(_) = packet {
        if attempt.link == LinkName::Events {
            attempt.shared.tell(|inbox| inbox.forget_unacknowledged());
            let route = AckRoute { epoch: attempt.epoch, client: client.clone() };
            attempt.shared.route_acks(Some(route));
        }
        // Always, even when the broker kept the session: its idea of our subscriptions may be
        // that of an older version of ours.
        return client
            .try_subscribe_many(filters(attempt.link, &attempt.shared.config))
            .map_err(|_| "the subscription could not be sent".to_owned());
    }
    if let Incoming::SubAck(answer) = packet {
        check_subscription(&answer)?;
        attempt.is_up();
    }
    Ok(())
}

/// Without its subscriptions a connection is of no use, so a refusal ends it, visibly.
pub(super) fn check_subscription(answer: &SubAck) -> Result<(), String> {
    let refused =
        answer.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
    refused.map_or(Ok(()), |code| Err(format!("the broker refused a subscription: {code:?}")))
}

fn message(attempt: &Attempt<'_>, client: &AsyncClient, log: &mut BrokerLog, publish: Publish) {
    let shared = attempt.shared;
    let Ok(topic) = std::str::from_utf8(&publish.topic) else {
        shared.tell(|inbox| inbox.stats.malformed += 1);
        // Nobody can handle it; unacknowledged it would come again for ever.
        let _ = client.try_ack(&publish);
        return;
    };
    if attempt.link == LinkName::Telemetry && topic.starts_with(SYS_PREFIX) {
        broker_message(attempt, log, topic, &publish.payload);
        return;
    }
    let ack = match publish.qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce | QoS::ExactlyOnce => {
            Some(AckToken { epoch: attempt.epoch, packet_id: publish.pkid })
        }
    };
    let topic = topic.to_owned();
    let received = Received { topic, payload: publish.payload, received: (shared.clock)(), ack };
    shared.tell(|inbox| match attempt.link {
        LinkName::Events => inbox.push_event(received),
        LinkName::Telemetry | LinkName::Commands => inbox.push_telemetry(received),
    });
}

fn broker_message(attempt: &Attempt<'_>, log: &mut BrokerLog, topic: &str, payload: &Bytes) {
    if topic.starts_with(LOG_PREFIX) {
        if let Some(notice) = log.parse(payload) {
            attempt.shared.tell(|inbox| inbox.push_notice(notice));
        }
    } else if let Some((name, value)) = parse_statistic(topic, payload) {
        attempt.shared.tell(|inbox| inbox.push_statistic(name, value));
    }
}

fn filters(link: LinkName, config: &MqttConfig) -> Vec<Filter> {
    let (kinds, qos): (&[TopicKind], QoS) = match link {
        LinkName::Telemetry => (&[TopicKind::Osd, TopicKind::State], QoS::AtMostOnce),
        LinkName::Events => (
            &[
                TopicKind::Events,
                TopicKind::Requests,
                TopicKind::ServicesReply,
                TopicKind::PropertySetReply,
                TopicKind::DrcUp,
                TopicKind::Status,
            ],
            QoS::AtLeastOnce,
        ),
        LinkName::Commands => (&[], QoS::AtMostOnce),
    };
    let mut filters: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let mut filter = Filter::new(kind.filter(), qos);
            filter.retain_forward_rule = RetainForwardRule::Never;
            filter
        })
        .collect();
    if link == LinkName::Telemetry && config.watch_sys {
        let statistics = STATISTICS.iter().map(|name| format!("{SYS_PREFIX}{name}"));
        let all = statistics.chain(LOG_FILTERS.iter().map(ToString::to_string));
        filters.extend(all.map(|path| Filter::new(path, QoS::AtMostOnce)));
    }
    filters
}

/// Writes what waits (acknowledgements) and DISCONNECT, which keeps the events session.
pub(super) async fn goodbye(client: &AsyncClient, event_loop: &mut EventLoop) -> End {
    if client.try_disconnect().is_ok() {
        // Until the broker closes, not only until all is written: closing a socket with something
        // unread resets it, and the broker may then never read our last acknowledgements.
        let leave = async { while event_loop.poll().await.is_ok() {} };
        // A broker that is stuck notices by itself.
        let _ = timeout(GOODBYE, leave).await;
    }
    End::closing()
}
