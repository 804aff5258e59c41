//! The two ends of the link: a handle to send with and the one stream of what it tells.
//!
//! No call waits, and no lock is held across an await. Next: [`super::session`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fleet_types::{LinkStatus, Now, WallMs, link::LinkName};
use rumqttc::v5::{
    AsyncClient,
    mqttbytes::{QoS, v5::Publish},
};
use tokio::sync::{Notify, watch};
use tracing::Instrument;

use super::{
    config::MqttConfig,
    event::{AckToken, CommandPublish, LinkEvent, SendRefused},
    inbox::Inbox,
    outbox::{FateReport, Outbox, OutboxLimits},
    session,
};

/// Reads both clocks.
pub type Clock = fn() -> Now;

/// Counters since the start, and how full the queues are now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Telemetry messages received.
    pub telemetry_received: u64,
    /// Telemetry messages dropped because the reader was slow.
    pub telemetry_dropped: u64,
    /// Events, requests and replies received, repetitions included.
    pub events_received: u64,
    /// Events that a device sent at QoS 0 and that found no place.
    pub events_qos0_dropped: u64,
    /// Messages whose topic is no UTF-8.
    pub malformed: u64,
    /// Acknowledgements that came too late: the connection had changed, the event comes again.
    pub acks_stale: u64,
    /// Broker notices dropped because the reader was slow.
    pub notices_dropped: u64,
    /// Administration answers dropped because the reader was slow.
    pub control_dropped: u64,
    /// Replies and control messages not taken: broker away, queue full or too large.
    pub replies_dropped: u64,
    /// Replies and control messages under way when a connection broke.
    pub replies_lost: u64,
    /// Replies and control messages the broker refused.
    pub replies_refused: u64,
    /// Replies nobody was subscribed to.
    pub replies_without_subscriber: u64,
    /// Connections that came up, all three together.
    pub connects: u64,
    /// Connections that were lost or attempts that failed.
    pub disconnects: u64,
    /// Messages waiting to be written.
    pub outbox_waiting: usize,
    /// Publishes without PUBACK.
    pub outbox_in_flight: usize,
    /// Events waiting for the reader.
    pub events_waiting: usize,
    /// Telemetry waiting for the reader.
    pub telemetry_waiting: usize,
}

/// The events connection an acknowledgement must go back to.
pub(super) struct AckRoute {
    pub(super) epoch: u64,
    pub(super) client: AsyncClient,
}

/// What the handle, the reader and the three tasks have in common.
pub(super) struct Shared {
    pub(super) config: MqttConfig,
    pub(super) clock: Clock,
    outbox: Mutex<Outbox>,
    pub(super) outbox_changed: Notify,
    pub(super) waiting_changed: Notify,
    inbox: Mutex<Inbox>,
    inbox_changed: Notify,
    acks: Mutex<Option<AckRoute>>,
    closing: watch::Sender<bool>,
    running: watch::Sender<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn outbox<T>(&self, with: impl FnOnce(&mut Outbox) -> T) -> T {
        with(&mut lock(&self.outbox))
    }

    fn wake_outbox(&self) {
        self.outbox_changed.notify_one();
        self.waiting_changed.notify_one();
    }

    /// Changes the inbox and wakes the reader.
    pub(super) fn tell(&self, with: impl FnOnce(&mut Inbox)) {
        with(&mut lock(&self.inbox));
        self.inbox_changed.notify_one();
    }

    pub(super) fn tell_fates(&self, reports: Vec<FateReport>) {
        if !reports.is_empty() {
            self.tell(|inbox| inbox.push_fates(reports));
        }
    }

    pub(super) fn tell_status(
        &self,
        link: LinkName,
        address: &str,
        since_ms: WallMs,
        error: Option<String>,
    ) {
        let status = LinkStatus {
            link,
            connected: error.is_none(),
            address: address.to_owned(),
            since_ms,
            error,
        };
        self.tell(|inbox| {
            match status.connected {
                true => inbox.stats.connects += 1,
                false => inbox.stats.disconnects += 1,
            }
            inbox.push_status(status);
        });
    }

    pub(super) fn route_acks(&self, route: Option<AckRoute>) {
        *lock(&self.acks) = route;
    }

    pub(super) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Returns when the link is to be shut down.
    pub(super) async fn closed(&self) {
        let mut closing = self.closing.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    pub(super) fn close(&self) {
        self.outbox(Outbox::close);
        self.closing.send_replace(true);
        self.outbox_changed.notify_one();
    }

    fn task_ended(&self) {
        self.running.send_modify(|running| *running -= 1);
        self.inbox_changed.notify_one();
    }
}

/// Counts a task out even when it panics, so that the reader learns of the end.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.task_ended();
    }
}

/// Starts the three connections as tasks on the current runtime.
///
/// # Panics
/// Outside a tokio runtime.
#[must_use]
pub fn start(config: MqttConfig, clock: Clock) -> (LinkHandle, LinkEvents) {
    let limits = OutboxLimits {
        commands: config.command_queue,
        counters: config.counter_queue,
        plain: config.reply_queue,
        publish_bytes: config.max_publish_bytes,
    };
    let inbox = Inbox::new(config.telemetry_queue, usize::from(config.events_receive_maximum));
    let links = [LinkName::Telemetry, LinkName::Events, LinkName::Commands];
    let shared = Arc::new(Shared {
        config,
        clock,
        outbox: Mutex::new(Outbox::new(limits)),
        outbox_changed: Notify::new(),
        waiting_changed: Notify::new(),
        inbox: Mutex::new(inbox),
        inbox_changed: Notify::new(),
        acks: Mutex::new(None),
        closing: watch::Sender::new(false),
        running: watch::Sender::new(links.len()),
    });
    for link in links {
        let running = Running(Arc::clone(&shared));
        let span = tracing::info_span!("mqtt_link", link = link.as_str());
        let task = async move { session::run(&running.0, link).await };
        tokio::spawn(task.instrument(span));
    }
    (LinkHandle { shared: Arc::clone(&shared) }, LinkEvents { shared })
}

/// Sends. Cheap to clone; no call waits.
#[derive(Clone)]
pub struct LinkHandle {
    shared: Arc<Shared>,
}

impl LinkHandle {
    /// Sends a command. When it is taken, [`LinkEvent::Command`] tells what becomes of it.
    ///
    /// # Errors
    /// [`SendRefused`]; the command then never leaves and nothing more is told about it.
    pub fn send_command(&self, command: CommandPublish) -> Result<(), SendRefused> {
        let now = (self.shared.clock)().mono;
        self.shared.outbox(|outbox| outbox.offer_command(now, command))?;
        self.shared.wake_outbox();
        Ok(())
    }

    /// Sends a counter-action (stop, hover, return home, pause, zeroed sticks): it goes before
    /// everything else, waits for an absent broker until it expires, and has places of its own
    /// that ordinary commands cannot take.
    ///
    /// # Errors
    /// [`SendRefused`], never `LinkDown` for an absent broker; `QueueFull` only when
    /// `counter_queue` counter-actions are under way.
    pub fn send_counter_action(&self, command: CommandPublish) -> Result<(), SendRefused> {
        let now = (self.shared.clock)().mono;
        self.shared.outbox(|outbox| outbox.offer_counter(now, command))?;
        self.shared.wake_outbox();
        Ok(())
    }

    /// Answers a device at QoS 1, kept by the broker for 10 s at most. Delivery is not told, only
    /// counted in [`LinkStats`].
    ///
    /// # Errors
    /// [`SendRefused`]; counted as dropped. The device asks again.
    pub fn reply(&self, topic: String, payload: Bytes) -> Result<(), SendRefused> {
        self.shared.outbox(|outbox| outbox.offer_plain(topic, payload))?;
        self.shared.outbox_changed.notify_one();
        Ok(())
    }

    /// Publishes to the broker's administration (`$CONTROL/…`), as [`Self::reply`].
    ///
    /// # Errors
    /// [`SendRefused`], as for a reply.
    pub fn control(&self, topic: String, payload: Bytes) -> Result<(), SendRefused> {
        self.reply(topic, payload)
    }

    /// Acknowledges an event: the broker forgets it. Call it when what the event says is safe.
    /// After a reconnect the token is void and the event comes again.
    pub fn acknowledge(&self, token: AckToken) {
        let mut publish = Publish::new(String::new(), QoS::AtLeastOnce, Bytes::new(), None);
        publish.pkid = token.packet_id;
        // The request queue is longer than the receive maximum, so it has room for every token
        // of its connection.
        let done = lock(&self.shared.acks).as_ref().is_some_and(|route| {
            route.epoch == token.epoch && route.client.try_ack(&publish).is_ok()
        });
        if !done {
            self.shared.tell(|inbox| inbox.stats.acks_stale += 1);
        }
    }

    /// Counters and queue depths.
    #[must_use]
    pub fn stats(&self) -> LinkStats {
        let (plain, (waiting, in_flight)) =
            self.shared.outbox(|outbox| (outbox.plain_counts, outbox.depths()));
        let inbox = lock(&self.shared.inbox);
        let (events_waiting, telemetry_waiting) = inbox.depths();
        LinkStats {
            replies_dropped: plain.dropped,
            replies_lost: plain.lost,
            replies_refused: plain.refused,
            replies_without_subscriber: plain.no_subscriber,
            outbox_waiting: waiting,
            outbox_in_flight: in_flight,
            events_waiting,
            telemetry_waiting,
            ..inbox.stats
        }
    }

    /// Says goodbye to the broker and ends the tasks; [`LinkEvents::next`] gives `None` when
    /// everything is told. Commands under way end as `Lost`, waiting ones as `NotSent`.
    pub fn shutdown(&self) {
        self.shared.close();
    }
}

/// The one stream of what the link tells. Dropping it shuts the link down.
pub struct LinkEvents {
    shared: Arc<Shared>,
}

impl LinkEvents {
    /// Next event; `None` after the end of all three connections. Safe to cancel. Yields to other
    /// tasks now and then even when events are always waiting.
    pub async fn next(&mut self) -> Option<LinkEvent> {
        tokio::task::coop::consume_budget().await;
        loop {
            // Read before the inbox: a task tells first and ends afterwards.
            let ended = *self.shared.running.borrow() == 0;
            let popped = lock(&self.shared.inbox).pop();
            if let Some((event, place)) = popped {
                if let Some(class) = place {
                    self.shared.outbox(|outbox| outbox.release(class));
                }
                return Some(event);
            }
            if ended {
                return None;
            }
            self.shared.inbox_changed.notified().await;
        }
    }
}

impl Drop for LinkEvents {
    fn drop(&mut self) {
        self.shared.close();
    }
}
