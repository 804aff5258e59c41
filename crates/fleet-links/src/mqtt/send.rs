//! A standing commands connection: hands the outbox's choice to the MQTT library, one message at a
//! time, and reports what becomes of it.
//!
//! The library's poll future is never dropped while the connection lives: a publish cut off
//! between its packet id and the socket would be neither sent nor known to be lost.

use std::time::Duration;

use fleet_types::MonoMs;
use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, ConnectionError, Event, EventLoop, Incoming, Request,
        mqttbytes::{
            QoS,
            v5::{PubAckReason, PublishProperties},
        },
    },
};
use tokio::time::{sleep, timeout};

use super::{
    handle::Shared,
    outbox::Wire,
    receive::{check_subscription, goodbye},
    session::{Attempt, End, GOODBYE, describe},
};
use crate::dynsec::RESPONSE_TOPIC;

/// Requests in the library's own queue: one publish, one subscription, one goodbye, and slack.
const REQUESTS: usize = 8;
const IDLE: Duration = Duration::from_secs(3600);

enum Turn {
    Polled(Box<Result<Event, ConnectionError>>),
    Stuck,
    Broken,
    Closing,
}

pub(super) async fn connection(attempt: &mut Attempt<'_>) -> End {
    let shared = attempt.shared;
    let (client, mut event_loop) = AsyncClient::new(attempt.options(), REQUESTS);
    let end = loop {
        match turn(shared, &client, &mut event_loop).await {
            Turn::Polled(polled) => {
                let handled = match *polled {
                    Ok(event) => handle(attempt, &client, event),
                    Err(error) => Err(describe(&error)),
                };
                if let Err(error) = handled {
                    break End::failed(error);
                }
            }
            Turn::Stuck => {
                break End::failed("the broker did not take a command before it expired");
            }
            Turn::Broken => break End::failed("the MQTT client did not take a command"),
            Turn::Closing => {
                let settle = settle(attempt, &client, &mut event_loop);
                let _ = timeout(GOODBYE, settle).await;
                break goodbye(&client, &mut event_loop).await;
            }
        }
    };
    // Moves what was never pulled from the library's queue, and what it would send again after
    // a reconnect, to `pending`, where the former still has no packet id.
    event_loop.clean();
    let never_pulled = event_loop
        .pending
        .iter()
        .any(|request| matches!(request, Request::Publish(publish) if publish.pkid == 0));
    End { never_pulled, ..end }
}

/// Waits for the library's next event while feeding it.
async fn turn(shared: &Shared, client: &AsyncClient, event_loop: &mut EventLoop) -> Turn {
    let poll = event_loop.poll();
    tokio::pin!(poll);
    loop {
        if feed(shared, client).is_err() {
            return Turn::Broken;
        }
        let now = (shared.clock)().mono;
        let (stuck, deadline) =
            shared.outbox(|outbox| (outbox.is_stuck(now), outbox.stuck_deadline()));
        if stuck {
            return Turn::Stuck;
        }
        tokio::select! {
            biased;
            () = shared.closed() => return Turn::Closing,
            polled = &mut poll => return Turn::Polled(Box::new(polled)),
            () = shared.outbox_changed.notified() => {}
            () = sleep(until(deadline, now)) => {}
        }
    }
}

fn until(deadline: Option<MonoMs>, now: MonoMs) -> Duration {
    deadline.map_or(IDLE, |deadline| Duration::from_millis(deadline.since_ms(now)).min(IDLE))
}

/// Hands over the next message, if one may go.
fn feed(shared: &Shared, client: &AsyncClient) -> Result<(), ()> {
    let now = (shared.clock)().mono;
    loop {
        let (wire, reports) = shared.outbox(|outbox| outbox.feed(now));
        let nothing_told = reports.is_empty();
        shared.tell_fates(reports);
        if let Some(wire) = wire {
            return publish(client, wire);
        }
        if nothing_told {
            return Ok(());
        }
    }
}

fn publish(client: &AsyncClient, wire: Wire) -> Result<(), ()> {
    let Wire { topic, payload, expiry_s } = wire;
    let properties =
        PublishProperties { message_expiry_interval: expiry_s, ..PublishProperties::default() };
    let qos = if expiry_s.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    client.try_publish_with_properties(topic, qos, false, payload, properties).map_err(drop)
}

fn handle(attempt: &mut Attempt<'_>, client: &AsyncClient, event: Event) -> Result<(), String> {
    let shared = attempt.shared;
    match event {
        Event::Outgoing(Outgoing::Publish(packet_id)) => {
            let now = (shared.clock)().mono;
            let report = shared.outbox(|outbox| outbox.written(now, packet_id));
            shared.tell_fates(report.into_iter().collect());
        }
        Event::Outgoing(Outgoing::AwaitAck(_)) => {
            return Err("the broker left a message unacknowledged for too long".to_owned());
        }
        Event::Incoming(Incoming::PubAck(answer)) => {
            let code = reason_code(answer.reason);
            let now = (shared.clock)().mono;
            let report = shared.outbox(|outbox| outbox.acknowledged(now, answer.pkid, code));
            shared.tell_fates(report.into_iter().collect());
        }
        Event::Incoming(Incoming::ConnAck(answer)) => {
            let limits = answer.properties.map(|props| (props.receive_max, props.max_packet_size));
            let (receive_max, max_packet) = limits.unwrap_or_default();
            shared.outbox(|outbox| outbox.connected(receive_max, max_packet));
            attempt.is_up();
            if shared.config.watch_control {
                return client
                    .try_subscribe(RESPONSE_TOPIC, QoS::AtLeastOnce)
                    .map_err(|_| "the subscription could not be sent".to_owned());
            }
        }
        Event::Incoming(Incoming::SubAck(answer)) => {
            if let Err(error) = check_subscription(&answer) {
                // Commands work without administration; only `dynsec` will not be answered.
                tracing::warn!(error, "the broker's administration cannot be used");
            }
        }
        Event::Incoming(Incoming::Publish(message)) => {
            // At QoS 1 it was not acknowledged yet; an answer is worth nothing after a crash.
            let _ = client.try_ack(&message);
            if message.topic == RESPONSE_TOPIC.as_bytes() {
                shared.tell(|inbox| inbox.push_control(message.payload));
            }
        }
        Event::Incoming(_) | Event::Outgoing(_) => {}
    }
    Ok(())
}

/// Before a goodbye, gives publishes on the wire the time to be acknowledged.
async fn settle(attempt: &mut Attempt<'_>, client: &AsyncClient, event_loop: &mut EventLoop) {
    while attempt.shared.outbox(|outbox| outbox.is_writing() || outbox.depths().1 > 0) {
        let Ok(event) = event_loop.poll().await else { return };
        if handle(attempt, client, event).is_err() {
            return;
        }
    }
}

/// Reports what runs out of time while it waits for the broker.
pub(super) async fn expire_waiting(shared: &Shared) {
    loop {
        let now = (shared.clock)().mono;
        let (reports, deadline) =
            shared.outbox(|outbox| (outbox.expire(now), outbox.waiting_deadline()));
        shared.tell_fates(reports);
        tokio::select! {
            () = shared.waiting_changed.notified() => {}
            () = sleep(until(deadline, now)) => {}
        }
    }
}

/// MQTT 5 reason codes of PUBACK.
fn reason_code(reason: PubAckReason) -> u8 {
    match reason {
        PubAckReason::Success => 0x00,
        PubAckReason::NoMatchingSubscribers => 0x10,
        PubAckReason::UnspecifiedError => 0x80,
        PubAckReason::ImplementationSpecificError => 0x83,
        PubAckReason::NotAuthorized => 0x87,
        PubAckReason::TopicNameInvalid => 0x90,
        PubAckReason::PacketIdentifierInUse => 0x91,
        PubAckReason::QuotaExceeded => 0x97,
        PubAckReason::PayloadFormatInvalid => 0x99,
    }
}
