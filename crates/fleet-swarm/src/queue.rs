//! The event queue: virtual time, and a number that keeps events of one moment in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;

use fleet_core::lease::Answer;

use crate::net::{Client, Message};

/// Milliseconds of simulated time since the world began.
pub type Ms = u64;

/// Something that is going to happen.
#[derive(Clone, Debug)]
pub enum Event {
    /// A packet reaches the broker over the client's connection of this number.
    AtBroker {
        /// Who sent it.
        client: Client,
        /// Number of the connection it was sent on; one that is over loses it.
        link: u32,
        /// What.
        packet: ToBroker,
    },
    /// A packet reaches a client.
    AtClient {
        /// Who gets it.
        client: Client,
        /// Number of the connection it was sent on.
        link: u32,
        /// What.
        packet: ToClient,
    },
    /// A client tries to connect.
    Connect(Client),
    /// A connection breaks.
    Cut {
        /// Whose.
        client: Client,
        /// Its number; a later one stays.
        link: u32,
    },
    /// The network between a client and the broker stands still for a while.
    Stall(Client),
    /// The broker stops, to start again.
    BrokerRestart,
    /// The broker is there again.
    BrokerUp,
    /// A dock's own timers are due.
    DockTick(usize),
    /// A file that a dock asked for arrives, or does not.
    Fetched {
        /// Dock.
        dock: usize,
        /// Its name for the download.
        id: u64,
        /// The file.
        file: Option<Bytes>,
    },
    /// A dock's list of health messages changes, or is told again.
    Health(usize),
    /// The weather, a button or a battery changes at a dock.
    Nature(usize),
    /// The timers of a machine are due.
    TowerTick {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
    },
    /// A queued counter-action of a tower's link may have run out of time.
    OutboxTick(usize),
    /// The database answers a tower, if it is still the same life of that tower.
    Stored {
        /// Tower.
        tower: usize,
        /// Life of the tower that asked.
        life: u32,
        /// Which batch.
        write: u64,
        /// Whether the tower learns that it is safe.
        ok: bool,
    },
    /// A tower tries again to write what could not be written.
    WriteAgain {
        /// Tower.
        tower: usize,
        /// Its life.
        life: u32,
    },
    /// The database commits a batch.
    Commit(u64),
    /// The database goes away or comes back.
    StoreDown(bool),
    /// A tower dies.
    Crash(usize),
    /// A tower starts.
    Start(usize),
    /// One machine of a tower is lost (a panic in its task) and made anew.
    Panic(usize),
    /// The timers of a tower's lease on a dock are due.
    LeaseTick {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
    },
    /// A question of a tower reaches the table of leases.
    Claim(Claim),
    /// The answer reaches the tower, whichever life of it that is.
    Claimed {
        /// What was asked.
        claim: Claim,
        /// What the table said.
        answer: Answer,
        /// Another tower has the dock.
        is_others: bool,
    },
    /// A tower gives a dock back.
    Release {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// Under which it held it.
        epoch: u64,
    },
    /// A tower wants a dock, or wants it no more.
    Want {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// Whether.
        wants: bool,
    },
    /// A tower's connection to the table of leases stands still.
    LeaseStall(usize),
    /// A tower's process stands still.
    Suspend(usize),
    /// It goes on.
    Wake(usize),
    /// A tower gives one of its docks to whoever wants it.
    Rest(usize),
    /// Somebody does something.
    Person(usize),
    /// Something a person does again, or later.
    Ask(usize),
    /// A person looks at what is unknown.
    LookAfter,
    /// From here on nothing breaks any more.
    Heal,
    /// The end.
    End,
}

impl Event {
    /// The tower whose process handles it.
    #[must_use]
    pub fn of_tower(&self) -> Option<usize> {
        match self {
            Self::AtClient { client, .. } => match client {
                Client::Commands(tower) | Client::Events(tower) => Some(*tower),
                Client::Dock(_) => None,
            },
            Self::TowerTick { tower, .. }
            | Self::LeaseTick { tower, .. }
            | Self::OutboxTick(tower)
            | Self::Stored { tower, .. }
            | Self::WriteAgain { tower, .. }
            | Self::Want { tower, .. }
            | Self::Rest(tower)
            | Self::Panic(tower) => Some(*tower),
            Self::Claimed { claim, .. } => Some(claim.tower),
            Self::AtBroker { .. }
            | Self::Connect(_)
            | Self::Cut { .. }
            | Self::Stall(_)
            | Self::BrokerRestart
            | Self::BrokerUp
            | Self::DockTick(_)
            | Self::Fetched { .. }
            | Self::Nature(_)
            | Self::Health(_)
            | Self::Commit(_)
            | Self::StoreDown(_)
            | Self::Crash(_)
            | Self::Start(_)
            | Self::Claim(_)
            | Self::Release { .. }
            | Self::LeaseStall(_)
            | Self::Suspend(_)
            | Self::Wake(_)
            | Self::Person(_)
            | Self::Ask(_)
            | Self::LookAfter
            | Self::Heal
            | Self::End => None,
        }
    }
}

/// A question to the table of leases: compare and set.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Who asks.
    pub tower: usize,
    /// For which dock.
    pub dock: usize,
    /// The machine's name for the question.
    pub request: u64,
    /// The epoch under which the tower holds it, as far as it knows.
    pub holds: Option<u64>,
    /// For how long.
    pub ttl_ms: Ms,
}

/// What a client says to the broker.
#[derive(Clone, Debug)]
pub enum ToBroker {
    /// A publish; `packet` names it in its acknowledgement at quality of service 1.
    Publish {
        /// Packet id, 0 at quality of service 0.
        packet: u64,
        /// What.
        message: Message,
    },
    /// The client has handled this delivery.
    Ack(u64),
    /// A polite goodbye.
    Disconnect,
}

/// What the broker says to a client.
#[derive(Clone, Debug)]
pub enum ToClient {
    /// A delivery; `packet` is to be acknowledged at quality of service 1.
    Deliver {
        /// Packet id, 0 at quality of service 0.
        packet: u64,
        /// What.
        message: Message,
    },
    /// The broker has this publish; whether anybody was subscribed.
    Acked {
        /// The publish.
        packet: u64,
        /// Somebody is, or was when last connected.
        has_subscriber: bool,
    },
}

/// Events by time, then by the order in which they were planned. The order is kept apart from the
/// events, which are large.
#[derive(Debug)]
pub struct Queue<E> {
    order: BinaryHeap<Reverse<Turn>>,
    events: Vec<Option<E>>,
    free: Vec<u32>,
    next: u32,
}

/// When an event's turn is, its number, and its place: one number, so that one comparison orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn(u128);

impl Turn {
    fn new(at: Ms, number: u32, place: u32) -> Self {
        Self(u128::from(at) << 64 | u128::from(number) << 32 | u128::from(place))
    }

    fn at(self) -> Ms {
        (self.0 >> 64) as Ms
    }

    fn place(self) -> u32 {
        self.0 as u32
    }
}

impl<E> Queue<E> {
    /// Nothing is planned.
    #[must_use]
    pub fn new() -> Self {
        Self { order: BinaryHeap::new(), events: Vec::new(), free: Vec::new(), next: 0 }
    }

    /// Plans an event.
    ///
    /// # Panics
    /// After four billion of them, of which a world has a ten-thousandth part.
    pub fn push(&mut self, at: Ms, event: E) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            u32::try_from(self.events.len() - 1).expect("fewer events than four billion")
        });
        self.events[place as usize] = Some(event);
        self.next = self.next.checked_add(1).expect("fewer events than four billion");
        self.order.push(Reverse(Turn::new(at, self.next, place)));
    }

    /// The next event and its time.
    pub fn pop(&mut self) -> Option<(Ms, E)> {
        let Reverse(turn) = self.order.pop()?;
        self.free.push(turn.place());
        Some((turn.at(), self.events[turn.place() as usize].take()?))
    }

    /// Events planned.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nothing is planned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;

    #[test]
    fn events_come_by_time_and_then_in_the_order_they_were_planned() {
        let mut queue = Queue::new();
        for (at, event) in [(5, 'd'), (3, 'a'), (3, 'b'), (4, 'c'), (3, 'x')] {
            queue.push(at, event);
        }
        assert_eq!(queue.pop(), Some((3, 'a')));
        queue.push(3, 'y');
        let rest: String = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(rest, "bxycd");
        assert!(queue.is_empty());
    }
}
