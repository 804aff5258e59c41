//! The network as a tower meets it: an MQTT broker with sessions, and connections that delay,
//! duplicate, stall and break. A connection keeps the order of one kind of topic; across kinds
//! nothing is in order. What is on a connection when it breaks is lost, and the sender does not
//! know which part. Read next: [`crate::world`], which moves the packets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::queue::Ms;

/// Messages kept for one absent session; more are dropped and counted.
pub const QUEUED_MAX: usize = 1_000;

/// Somebody with a connection to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// A dock.
    Dock(usize),
    /// The connection on which a tower sends.
    Commands(usize),
    /// The connection on which a tower listens; its session persists, and it acknowledges what it
    /// has handled.
    Events(usize),
}

/// The kinds of topic that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named after the topic")]
pub enum Kind {
    Osd,
    State,
    Status,
    Requests,
    Events,
    ServicesReply,
    OtherUp,
    Services,
    RequestsReply,
    EventsReply,
    StatusReply,
    OtherDown,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = Self::OtherDown as usize + 1;

    /// The kind a topic's last level names.
    #[must_use]
    pub fn of(topic: &str) -> Self {
        match topic.rsplit('/').next().unwrap_or_default() {
            "osd" => Self::Osd,
            "state" => Self::State,
            "status" => Self::Status,
            "requests" => Self::Requests,
            "events" => Self::Events,
            "services_reply" => Self::ServicesReply,
            "services" => Self::Services,
            "requests_reply" => Self::RequestsReply,
            "events_reply" => Self::EventsReply,
            "status_reply" => Self::StatusReply,
            "set" | "down" => Self::OtherDown,
            _ => Self::OtherUp,
        }
    }

    /// Whether docks publish on it.
    #[must_use]
    pub fn is_up(self) -> bool {
        match self {
            Self::Osd
            | Self::State
            | Self::Status
            | Self::Requests
            | Self::Events
            | Self::ServicesReply
            | Self::OtherUp => true,
            Self::Services
            | Self::RequestsReply
            | Self::EventsReply
            | Self::StatusReply
            | Self::OtherDown => false,
        }
    }
}

/// An application message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Topic.
    pub topic: Arc<str>,
    /// Its kind.
    pub kind: Kind,
    /// The dock it is from or for.
    pub dock: usize,
    /// Payload.
    pub payload: Bytes,
    /// At least once, or at most once.
    pub at_least_once: bool,
    /// The broker does not deliver it after this.
    pub expires: Option<Ms>,
}

/// A session at the broker.
#[derive(Debug)]
pub struct Session {
    persists: bool,
    link: Option<u32>,
    queued: VecDeque<Message>,
    in_flight: BTreeMap<u64, Message>,
}

/// What the broker wants delivered.
pub type Delivery = (Client, u32, u64, Message);

/// The broker.
#[derive(Debug)]
pub struct Broker {
    /// Whether it runs.
    pub is_up: bool,
    keeps_sessions: bool,
    sessions: BTreeMap<Client, Session>,
    /// Which tower's listening connection is subscribed to a dock.
    readers: BTreeMap<usize, Vec<usize>>,
    next_packet: u64,
    /// Messages that were dropped because a queue was full, counted as a broker counts them.
    pub dropped: u64,
    /// Messages that ran out of time while they waited.
    pub expired: u64,
}

impl Broker {
    /// A running broker without clients; whether persistent sessions outlive its restart.
    #[must_use]
    pub fn new(keeps_sessions: bool) -> Self {
        Self {
            is_up: true,
            keeps_sessions,
            sessions: BTreeMap::new(),
            readers: BTreeMap::new(),
            next_packet: 0,
            dropped: 0,
            expired: 0,
        }
    }

    /// A tower listens to a dock from now on, or no longer.
    pub fn subscribe(&mut self, tower: usize, dock: usize, on: bool) {
        let readers = self.readers.entry(dock).or_default();
        readers.retain(|reader| *reader != tower);
        if on {
            readers.push(tower);
        }
    }

    /// A client connects: what its session kept comes again.
    pub fn connect(&mut self, now: Ms, client: Client, link: u32, persists: bool) -> Vec<Delivery> {
        let session = self.sessions.entry(client).or_insert_with(|| Session::new(persists));
        if !persists {
            session.queued.clear();
            session.in_flight.clear();
        }
        session.persists = persists;
        session.link = Some(link);
        let again: Vec<Message> = std::mem::take(&mut session.in_flight)
            .into_values()
            .chain(session.queued.drain(..))
            .collect();
        let mut deliveries = Vec::new();
        for message in again {
            deliveries.extend(self.hand_over(now, client, message));
        }
        deliveries
    }

    /// A client's connection of this number is gone.
    pub fn disconnect(&mut self, client: Client, link: u32) {
        let Some(session) = self.sessions.get_mut(&client) else { return };
        if session.link == Some(link) {
            session.link = None;
            if !session.persists {
                session.queued.clear();
                session.in_flight.clear();
            }
        }
    }

    /// The broker stops: every connection is gone, and what was not kept.
    pub fn stop(&mut self) {
        self.is_up = false;
        if !self.keeps_sessions {
            self.sessions.clear();
        }
        for session in self.sessions.values_mut() {
            session.link = None;
            if !session.persists {
                session.queued.clear();
                session.in_flight.clear();
            }
        }
    }

    /// Whether the connection of this number is the client's present one.
    #[must_use]
    pub fn is_linked(&self, client: Client, link: u32) -> bool {
        self.sessions.get(&client).is_some_and(|session| session.link == Some(link))
    }

    /// Routes a publish; whether anybody is subscribed.
    pub fn publish(&mut self, now: Ms, message: &Message) -> (Vec<Delivery>, bool) {
        let mut deliveries = Vec::new();
        if !message.kind.is_up() {
            let has_subscriber =
                self.route(now, Client::Dock(message.dock), message, &mut deliveries);
            return (deliveries, has_subscriber);
        }
        let mut has_subscriber = false;
        for reader in 0..self.readers.get(&message.dock).map_or(0, Vec::len) {
            let tower = self.readers[&message.dock][reader];
            has_subscriber |= self.route(now, Client::Events(tower), message, &mut deliveries);
        }
        (deliveries, has_subscriber)
    }

    /// Hands a message to a subscriber, or keeps it; whether it is one.
    fn route(
        &mut self,
        now: Ms,
        reader: Client,
        message: &Message,
        deliveries: &mut Vec<Delivery>,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(&reader) else { return false };
        if session.link.is_some() {
            deliveries.extend(self.hand_over(now, reader, message.clone()));
            return true;
        }
        if session.persists && message.at_least_once {
            if session.queued.len() < QUEUED_MAX {
                session.queued.push_back(message.clone());
            } else {
                self.dropped += 1;
            }
        }
        session.persists
    }

    /// The client has handled a delivery.
    pub fn acknowledge(&mut self, client: Client, packet: u64) {
        if let Some(session) = self.sessions.get_mut(&client) {
            session.in_flight.remove(&packet);
        }
    }

    /// Longest queue of an absent session.
    #[must_use]
    pub fn longest_queue(&self) -> usize {
        self.sessions.values().map(|session| session.queued.len()).max().unwrap_or(0)
    }

    fn hand_over(&mut self, now: Ms, client: Client, message: Message) -> Option<Delivery> {
        if message.expires.is_some_and(|expires| expires <= now) {
            self.expired += 1;
            return None;
        }
        let session = self.sessions.get_mut(&client)?;
        let link = session.link?;
        let mut packet = 0;
        if message.at_least_once {
            self.next_packet += 1;
            packet = self.next_packet;
            session.in_flight.insert(packet, message.clone());
        }
        Some((client, link, packet, message))
    }
}

impl Session {
    fn new(persists: bool) -> Self {
        Self { persists, link: None, queued: VecDeque::new(), in_flight: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: Kind, expires: Option<Ms>) -> Message {
        let payload = Bytes::from_static(b"{}");
        Message { topic: "t".into(), kind, dock: 0, payload, at_least_once: true, expires }
    }

    #[test]
    fn an_absent_persistent_session_gets_what_has_not_expired() {
        let mut broker = Broker::new(true);
        broker.connect(0, Client::Dock(0), 1, true);
        broker.disconnect(Client::Dock(0), 1);
        let (now, has_subscriber) = broker.publish(10, &message(Kind::Services, Some(5_000)));
        assert!(now.is_empty() && has_subscriber);
        broker.publish(10, &message(Kind::Services, Some(50_000)));
        let deliveries = broker.connect(20_000, Client::Dock(0), 2, true);
        assert_eq!(deliveries.len(), 1, "the first expired at the broker");
        assert_eq!(broker.expired, 1);
        // Not acknowledged: it comes again.
        broker.disconnect(Client::Dock(0), 2);
        assert_eq!(broker.connect(21_000, Client::Dock(0), 3, true).len(), 1);
    }

    #[test]
    fn a_clean_session_knows_nothing_of_before() {
        let mut broker = Broker::new(true);
        broker.connect(0, Client::Dock(0), 1, false);
        broker.disconnect(Client::Dock(0), 1);
        let (_, has_subscriber) = broker.publish(10, &message(Kind::Services, None));
        assert!(!has_subscriber);
        assert!(broker.connect(20, Client::Dock(0), 2, false).is_empty());
    }

    #[test]
    fn an_old_connections_end_does_not_end_the_new_one() {
        let mut broker = Broker::new(true);
        broker.connect(0, Client::Events(0), 1, true);
        broker.connect(5, Client::Events(0), 2, true);
        broker.disconnect(Client::Events(0), 1);
        assert!(broker.is_linked(Client::Events(0), 2));
    }
}
