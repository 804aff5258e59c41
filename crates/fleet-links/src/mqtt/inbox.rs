//! What waits for the one reader of the link, each kind with its own bound.
//!
//! | kind | bound | when full |
//! |---|---|---|
//! | fates of commands | places of the outbox | cannot overflow: a command takes a place when it is offered and gives it back when its last fate is read |
//! | status, statistics | newest of each | replaced |
//! | events, QoS 1 | receive maximum | cannot overflow: the broker holds the rest back |
//! | events sent at QoS 0 | receive maximum | newest refused, counted |
//! | telemetry | configured | oldest dropped, counted |
//! | notices, control answers | 8192, 1024 | oldest dropped, counted |

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use fleet_types::{LinkStatus, Now, link::LinkName};

use super::{
    LinkStats,
    event::{AckToken, BrokerNotice, LinkEvent},
    outbox::{Class, FateReport},
};

const NOTICES_MAX: usize = 8192;
const CONTROL_MAX: usize = 1024;
/// Telemetry gets a turn after so many other things, so that a flood of events does not starve it.
const TELEMETRY_TURN: u32 = 32;

/// One received message.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) received: Now,
    pub(super) ack: Option<AckToken>,
}

impl Received {
    fn into_event(self, link: LinkName) -> LinkEvent {
        let Self { topic, payload, received, ack } = self;
        LinkEvent::Message { link, topic, payload, received, ack }
    }
}

#[derive(Debug)]
pub(super) struct Inbox {
    telemetry_max: usize,
    events_max: usize,
    fates: VecDeque<FateReport>,
    statuses: BTreeMap<LinkName, LinkStatus>,
    statistics: BTreeMap<&'static str, f64>,
    notices: VecDeque<BrokerNotice>,
    control: VecDeque<Bytes>,
    events: VecDeque<Received>,
    events_at_qos0: usize,
    telemetry: VecDeque<Received>,
    turn: u32,
    pub(super) stats: LinkStats,
}

impl Inbox {
    pub(super) fn new(telemetry_max: usize, events_max: usize) -> Self {
        Self {
            telemetry_max: telemetry_max.max(1),
            events_max: events_max.max(1),
            fates: VecDeque::new(),
            statuses: BTreeMap::new(),
            statistics: BTreeMap::new(),
            notices: VecDeque::new(),
            control: VecDeque::new(),
            events: VecDeque::new(),
            events_at_qos0: 0,
            telemetry: VecDeque::new(),
            turn: 0,
            stats: LinkStats::default(),
        }
    }

    pub(super) fn push_fates(&mut self, reports: impl IntoIterator<Item = FateReport>) {
        self.fates.extend(reports);
    }

    pub(super) fn push_status(&mut self, status: LinkStatus) {
        self.statuses.insert(status.link, status);
    }

    pub(super) fn push_statistic(&mut self, name: &'static str, value: f64) {
        self.statistics.insert(name, value);
    }

    pub(super) fn push_notice(&mut self, notice: BrokerNotice) {
        self.stats.notices_dropped += push_bounded(&mut self.notices, notice, NOTICES_MAX);
    }

    pub(super) fn push_control(&mut self, answer: Bytes) {
        self.stats.control_dropped += push_bounded(&mut self.control, answer, CONTROL_MAX);
    }

    pub(super) fn push_telemetry(&mut self, message: Received) {
        self.stats.telemetry_received += 1;
        self.stats.telemetry_dropped +=
            push_bounded(&mut self.telemetry, message, self.telemetry_max);
    }

    pub(super) fn push_event(&mut self, message: Received) {
        self.stats.events_received += 1;
        if message.ack.is_none() {
            if self.events_at_qos0 >= self.events_max {
                self.stats.events_qos0_dropped += 1;
                return;
            }
            self.events_at_qos0 += 1;
        }
        self.events.push_back(message);
    }

    /// A new events connection begins: the broker sends again what was not acknowledged, so what
    /// still waits here from the connection before would only come twice.
    pub(super) fn forget_unacknowledged(&mut self) {
        self.events.retain(|message| message.ack.is_none());
    }

    /// Next thing to tell, and the place its reading frees.
    pub(super) fn pop(&mut self) -> Option<(LinkEvent, Option<Class>)> {
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(TELEMETRY_TURN)
            && let Some(message) = self.telemetry.pop_front()
        {
            return Some((message.into_event(LinkName::Telemetry), None));
        }
        if let Some(FateReport { command_id, fate, last }) = self.fates.pop_front() {
            return Some((LinkEvent::Command { command_id, fate }, last));
        }
        self.pop_other().map(|event| (event, None))
    }

    fn pop_other(&mut self) -> Option<LinkEvent> {
        if let Some((_, status)) = self.statuses.pop_first() {
            return Some(LinkEvent::Status(status));
        }
        if let Some(answer) = self.control.pop_front() {
            return Some(LinkEvent::Control(answer));
        }
        if let Some(notice) = self.notices.pop_front() {
            return Some(LinkEvent::Broker(notice));
        }
        if let Some((name, value)) = self.statistics.pop_first() {
            return Some(LinkEvent::Sys { name, value });
        }
        if let Some(message) = self.events.pop_front() {
            self.events_at_qos0 -= usize::from(message.ack.is_none());
            return Some(message.into_event(LinkName::Events));
        }
        self.telemetry.pop_front().map(|message| message.into_event(LinkName::Telemetry))
    }

    /// Waiting events and telemetry.
    pub(super) fn depths(&self) -> (usize, usize) {
        (self.events.len(), self.telemetry.len())
    }
}

/// Appends, dropping the oldest when full; gives how many were dropped.
fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, max: usize) -> u64 {
    let full = queue.len() >= max;
    if full {
        queue.pop_front();
    }
    queue.push_back(item);
    u64::from(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, ack: Option<AckToken>) -> Received {
        Received { topic: topic.into(), payload: Bytes::new(), received: Now::default(), ack }
    }

    fn topics(inbox: &mut Inbox) -> Vec<String> {
        let mut topics = Vec::new();
        while let Some((event, _)) = inbox.pop() {
            if let LinkEvent::Message { topic, .. } = event {
                topics.push(topic);
            }
        }
        topics
    }

    #[test]
    fn telemetry_drops_the_oldest_and_counts() {
        let mut inbox = Inbox::new(2, 2);
        for topic in ["a", "b", "c"] {
            inbox.push_telemetry(message(topic, None));
        }
        assert_eq!(topics(&mut inbox), ["b", "c"]);
        assert_eq!((inbox.stats.telemetry_received, inbox.stats.telemetry_dropped), (3, 1));
    }

    #[test]
    fn events_go_before_telemetry_but_do_not_starve_it() {
        let mut inbox = Inbox::new(100, 100);
        inbox.push_telemetry(message("osd", None));
        for _ in 0..100 {
            inbox.push_event(message("event", Some(AckToken { epoch: 1, packet_id: 1 })));
        }
        let order = topics(&mut inbox);
        let at = order.iter().position(|topic| topic == "osd").unwrap();
        assert_eq!(at, TELEMETRY_TURN as usize - 1);
        assert_eq!(order.len(), 101);
    }

    #[test]
    fn a_new_connection_forgets_what_the_broker_sends_again() {
        let mut inbox = Inbox::new(2, 2);
        inbox.push_event(message("acked later", Some(AckToken { epoch: 1, packet_id: 1 })));
        inbox.push_event(message("qos 0", None));
        inbox.forget_unacknowledged();
        assert_eq!(topics(&mut inbox), ["qos 0"]);
    }

    #[test]
    fn events_at_qos_0_are_bounded_and_counted() {
        let mut inbox = Inbox::new(1, 1);
        inbox.push_event(message("one", None));
        inbox.push_event(message("two", None));
        assert_eq!(inbox.stats.events_qos0_dropped, 1);
        assert_eq!(topics(&mut inbox), ["one"]);
        inbox.push_event(message("three", None));
        assert_eq!(topics(&mut inbox), ["three"]);
    }

    #[test]
    fn only_the_newest_status_of_a_link_is_told() {
        let status = |connected| LinkStatus {
            link: LinkName::Events,
            connected,
            address: String::new(),
            since_ms: Default::default(),
            error: None,
        };
        let mut inbox = Inbox::new(1, 1);
        inbox.push_status(status(false));
        inbox.push_status(status(true));
        assert_eq!(inbox.pop().unwrap().0, LinkEvent::Status(status(true)));
        assert!(inbox.pop().is_none());
    }
}
