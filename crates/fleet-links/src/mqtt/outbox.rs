//! The commands connection as a pure machine: what may be written next, what is on the wire, and
//! what became of it. It knows no socket and no clock.
//!
//! One message at a time is handed to the MQTT library (`fed`), so that priority and expiry are
//! decided at the last moment and it is always known which message a connection died with.
//! Next: [`super::send`], which drives it.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use fleet_types::{CommandId, MonoMs};

use super::event::{CommandPublish, SendFate, SendRefused};

/// How long the broker may keep a reply for a dock, seconds.
pub(super) const REPLY_EXPIRY_S: u32 = 10;
/// Publishes on the wire without PUBACK, at most.
pub(super) const IN_FLIGHT_MAX: u16 = 1024;
const TOPIC_MAX_BYTES: usize = 512;
/// Fixed header, lengths, packet id and the expiry property, rounded up.
const PACKET_OVERHEAD_BYTES: usize = 32;

/// Queue a fate gives its place back to, once it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Command,
    Counter,
}

/// A fate to be reported; `last` names the queue whose place it frees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FateReport {
    pub(super) command_id: CommandId,
    pub(super) fate: SendFate,
    pub(super) last: Option<Class>,
}

/// One publish as the library gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wire {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// Seconds of message expiry at QoS 1; none is QoS 0.
    pub(super) expiry_s: Option<u32>,
}

#[derive(Clone, Debug)]
struct Outgoing {
    class: Class,
    command: CommandPublish,
}

#[derive(Clone, Debug)]
struct Plain {
    topic: String,
    payload: Bytes,
}

#[derive(Clone, Debug)]
enum Fed {
    Command { item: Outgoing, at_qos1: bool },
    Plain,
}

#[derive(Clone, Debug)]
enum OnWire {
    Command { command_id: CommandId, class: Class, written: MonoMs, expires: MonoMs },
    Plain,
}

#[derive(Clone, Copy, Debug)]
enum Connection {
    Down,
    Up { in_flight_max: usize, publish_max: usize },
}

/// Sizes of the queues.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutboxLimits {
    pub(super) commands: usize,
    pub(super) counters: usize,
    pub(super) plain: usize,
    pub(super) publish_bytes: usize,
}

/// What was not delivered among replies and control messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PlainCounts {
    pub(super) dropped: u64,
    pub(super) lost: u64,
    pub(super) refused: u64,
    pub(super) no_subscriber: u64,
}

#[derive(Debug)]
pub(super) struct Outbox {
    limits: OutboxLimits,
    connection: Connection,
    counters: VecDeque<CommandPublish>,
    commands: VecDeque<CommandPublish>,
    plain: VecDeque<Plain>,
    fed: Option<Fed>,
    on_wire: BTreeMap<u16, OnWire>,
    /// When the broker last acknowledged anything.
    heard: Option<MonoMs>,
    /// Commands taken whose last fate was not read yet: what bounds every queue here and the
    /// queue of fates too.
    commands_open: usize,
    counters_open: usize,
    closing: bool,
    pub(super) plain_counts: PlainCounts,
}

impl Outbox {
    pub(super) fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            connection: Connection::Down,
            counters: VecDeque::new(),
            commands: VecDeque::new(),
            plain: VecDeque::new(),
            fed: None,
            on_wire: BTreeMap::new(),
            heard: None,
            commands_open: 0,
            counters_open: 0,
            closing: false,
            plain_counts: PlainCounts::default(),
        }
    }

    /// Takes a command for sending now; refuses while the broker is away.
    pub(super) fn offer_command(
        &mut self,
        now: MonoMs,
        command: CommandPublish,
    ) -> Result<(), SendRefused> {
        self.check(now, &command)?;
        match self.connection {
            Connection::Down => Err(SendRefused::LinkDown),
            Connection::Up { .. } if self.commands_open >= self.limits.commands => {
                Err(SendRefused::QueueFull)
            }
            Connection::Up { .. } => {
                self.commands_open += 1;
                self.commands.push_back(command);
                Ok(())
            }
        }
    }

    /// Takes a counter-action, which waits for the broker until it expires.
    pub(super) fn offer_counter(
        &mut self,
        now: MonoMs,
        command: CommandPublish,
    ) -> Result<(), SendRefused> {
        self.check(now, &command)?;
        if self.counters_open >= self.limits.counters {
            return Err(SendRefused::QueueFull);
        }
        self.counters_open += 1;
        self.counters.push_back(command);
        Ok(())
    }

    /// Takes a reply or control message; what is refused is counted as dropped.
    pub(super) fn offer_plain(&mut self, topic: String, payload: Bytes) -> Result<(), SendRefused> {
        let checked = self.check_shape(&topic, &payload).and(match self.connection {
            Connection::Down => Err(SendRefused::LinkDown),
            Connection::Up { .. } if self.plain.len() >= self.limits.plain => {
                Err(SendRefused::QueueFull)
            }
            Connection::Up { .. } => Ok(()),
        });
        match checked {
            Ok(()) => self.plain.push_back(Plain { topic, payload }),
            Err(_) => self.plain_counts.dropped += 1,
        }
        checked
    }

    fn check(&self, now: MonoMs, command: &CommandPublish) -> Result<(), SendRefused> {
        self.check_shape(&command.topic, &command.payload)?;
        if command.expires <= now { Err(SendRefused::Expired) } else { Ok(()) }
    }

    fn check_shape(&self, topic: &str, payload: &Bytes) -> Result<(), SendRefused> {
        if self.closing {
            return Err(SendRefused::LinkDown);
        }
        let fits = (1..=TOPIC_MAX_BYTES).contains(&topic.len())
            && !topic.bytes().any(|b| matches!(b, b'+' | b'#' | 0));
        if !fits {
            return Err(SendRefused::BadTopic);
        }
        let max = match self.connection {
            Connection::Down => self.limits.publish_bytes,
            Connection::Up { publish_max, .. } => publish_max,
        };
        let bytes = topic.len() + payload.len();
        if bytes > max { Err(SendRefused::TooLarge { bytes, max }) } else { Ok(()) }
    }

    /// The broker accepted the connection. `receive_max` and `max_packet` are its limits.
    pub(super) fn connected(&mut self, receive_max: Option<u16>, max_packet: Option<u32>) {
        let in_flight_max = usize::from(receive_max.unwrap_or(u16::MAX).clamp(1, IN_FLIGHT_MAX));
        let broker_max = max_packet
            .map_or(usize::MAX, |max| (max as usize).saturating_sub(PACKET_OVERHEAD_BYTES));
        let publish_max = self.limits.publish_bytes.min(broker_max);
        self.connection = Connection::Up { in_flight_max, publish_max };
        self.heard = None;
    }

    /// The connection is gone. `never_pulled`: the fed message was still in the library's queue,
    /// so that not a byte of it left.
    pub(super) fn disconnected(&mut self, never_pulled: bool) -> Vec<FateReport> {
        self.connection = Connection::Down;
        let mut reports = Vec::new();
        match self.fed.take() {
            Some(Fed::Command { item, .. }) if never_pulled && item.class == Class::Counter => {
                self.counters.push_front(item.command);
            }
            Some(Fed::Command { item, .. }) => {
                let fate = if never_pulled { SendFate::NotSent } else { SendFate::Lost };
                reports.push(last(item.class, item.command.command_id, fate));
            }
            Some(Fed::Plain) if never_pulled => self.plain_counts.dropped += 1,
            Some(Fed::Plain) => self.plain_counts.lost += 1,
            None => {}
        }
        for (_, item) in std::mem::take(&mut self.on_wire) {
            match item {
                OnWire::Command { command_id, class, .. } => {
                    reports.push(last(class, command_id, SendFate::Lost));
                }
                OnWire::Plain => self.plain_counts.lost += 1,
            }
        }
        for command in self.commands.drain(..) {
            reports.push(last(Class::Command, command.command_id, SendFate::NotSent));
        }
        self.plain_counts.dropped += self.plain.len() as u64;
        self.plain.clear();
        if self.closing {
            for command in self.counters.drain(..) {
                reports.push(last(Class::Counter, command.command_id, SendFate::NotSent));
            }
        }
        reports
    }

    /// From now on everything is refused; [`Self::disconnected`] then empties what is left.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    /// Chooses what is written next, if anything may be. Counter-actions first, and some places on
    /// the wire are theirs alone.
    pub(super) fn feed(&mut self, now: MonoMs) -> (Option<Wire>, Vec<FateReport>) {
        let reports = self.expire(now);
        let Connection::Up { in_flight_max, publish_max } = self.connection else {
            return (None, reports);
        };
        if self.fed.is_some() || self.closing || self.on_wire.len() >= in_flight_max {
            return (None, reports);
        }
        if let Some(command) = self.counters.pop_front() {
            return split(self.feed_command(now, Class::Counter, command, publish_max), reports);
        }
        if self.on_wire.len() >= in_flight_max - in_flight_max / 8 {
            return (None, reports);
        }
        if let Some(command) = self.commands.pop_front() {
            return split(self.feed_command(now, Class::Command, command, publish_max), reports);
        }
        let wire = self.plain.pop_front().map(|plain| {
            self.fed = Some(Fed::Plain);
            Wire { topic: plain.topic, payload: plain.payload, expiry_s: Some(REPLY_EXPIRY_S) }
        });
        (wire, reports)
    }

    fn feed_command(
        &mut self,
        now: MonoMs,
        class: Class,
        command: CommandPublish,
        publish_max: usize,
    ) -> Result<Wire, FateReport> {
        // A counter-action may have been taken while the broker, and its limit, was unknown.
        if command.topic.len() + command.payload.len() > publish_max {
            return Err(last(class, command.command_id, SendFate::NotSent));
        }
        let wire = Wire {
            topic: command.topic.clone(),
            payload: command.payload.clone(),
            expiry_s: message_expiry_s(command.expires.since_ms(now)),
        };
        let item = Outgoing { class, command };
        self.fed = Some(Fed::Command { item, at_qos1: wire.expiry_s.is_some() });
        Ok(wire)
    }

    /// The fed message was written to the socket, with this packet id (0 at QoS 0).
    pub(super) fn written(&mut self, now: MonoMs, packet_id: u16) -> Option<FateReport> {
        match self.fed.take()? {
            Fed::Command { item: Outgoing { class, command }, at_qos1 } => {
                let command_id = command.command_id;
                if at_qos1 {
                    let expires = command.expires;
                    let item = OnWire::Command { command_id, class, written: now, expires };
                    self.on_wire.insert(packet_id, item);
                }
                let last = (!at_qos1).then_some(class);
                Some(FateReport { command_id, fate: SendFate::Sent, last })
            }
            Fed::Plain => {
                self.on_wire.insert(packet_id, OnWire::Plain);
                None
            }
        }
    }

    /// The broker acknowledged a publish with this MQTT 5 reason code.
    pub(super) fn acknowledged(
        &mut self,
        now: MonoMs,
        packet_id: u16,
        code: u8,
    ) -> Option<FateReport> {
        self.heard = Some(now);
        match self.on_wire.remove(&packet_id)? {
            OnWire::Command { command_id, class, .. } => {
                let fate = match code {
                    0x00 => SendFate::Delivered,
                    0x10 => SendFate::NoSubscriber,
                    code => SendFate::Refused { code },
                };
                Some(last(class, command_id, fate))
            }
            OnWire::Plain => {
                match code {
                    0x00 => {}
                    0x10 => self.plain_counts.no_subscriber += 1,
                    _ => self.plain_counts.refused += 1,
                }
                None
            }
        }
    }

    /// Drops what ran out of time while it waited.
    pub(super) fn expire(&mut self, now: MonoMs) -> Vec<FateReport> {
        let mut reports = Vec::new();
        let queues = [(Class::Counter, &mut self.counters), (Class::Command, &mut self.commands)];
        for (class, queue) in queues {
            queue.retain(|command| {
                let alive = command.expires > now;
                if !alive {
                    reports.push(last(class, command.command_id, SendFate::Expired));
                }
                alive
            });
        }
        reports
    }

    /// Whether a message is past its expiry and still not written, or written into a silence that
    /// has lasted ever since: the line is stuck, and only cutting it keeps what waits there from
    /// going out late. A broker that acknowledges anything at all is slow, not stuck.
    pub(super) fn is_stuck(&self, now: MonoMs) -> bool {
        self.stuck_deadline().is_some_and(|deadline| deadline <= now)
    }

    /// When [`Self::is_stuck`] must be asked.
    pub(super) fn stuck_deadline(&self) -> Option<MonoMs> {
        let fed = match &self.fed {
            Some(Fed::Command { item, .. }) => Some(item.command.expires),
            Some(Fed::Plain) | None => None,
        };
        let unanswered = self.on_wire.values().filter_map(|item| match item {
            OnWire::Command { written, expires, .. } => {
                self.heard.is_none_or(|heard| heard < *written).then_some(*expires)
            }
            OnWire::Plain => None,
        });
        fed.into_iter().chain(unanswered).min()
    }

    /// When [`Self::expire`] has something to say.
    pub(super) fn waiting_deadline(&self) -> Option<MonoMs> {
        self.counters.iter().chain(&self.commands).map(|command| command.expires).min()
    }

    /// Whether a message was handed over and is not written yet.
    pub(super) fn is_writing(&self) -> bool {
        self.fed.is_some()
    }

    /// A last fate was read: its place is free again.
    pub(super) fn release(&mut self, class: Class) {
        let open = match class {
            Class::Command => &mut self.commands_open,
            Class::Counter => &mut self.counters_open,
        };
        *open = open.saturating_sub(1);
    }

    /// Messages waiting, and publishes without PUBACK.
    pub(super) fn depths(&self) -> (usize, usize) {
        (self.counters.len() + self.commands.len() + self.plain.len(), self.on_wire.len())
    }
}

fn split(
    fed: Result<Wire, FateReport>,
    mut reports: Vec<FateReport>,
) -> (Option<Wire>, Vec<FateReport>) {
    match fed {
        Ok(wire) => (Some(wire), reports),
        Err(report) => {
            reports.push(report);
            (None, reports)
        }
    }
}

fn last(class: Class, command_id: CommandId, fate: SendFate) -> FateReport {
    FateReport { command_id, fate, last: Some(class) }
}

/// Message expiry for what is left of a command's life; none means QoS 0.
///
/// Mosquitto compares whole seconds of its clock, so that an interval of `n` lives up to one second
/// longer. One second is therefore taken off: a command may be lost a little early, it never fires
/// late.
fn message_expiry_s(left_ms: u64) -> Option<u32> {
    let whole = u32::try_from(left_ms / 1000).unwrap_or(u32::MAX);
    whole.checked_sub(1).filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests;
