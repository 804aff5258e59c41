//! Moving packets: connections, their delays and their ends.

use super::World;
use crate::net::{Client, Kind, Message};
use crate::plan::mix;
use crate::queue::{Event, Ms, ToBroker, ToClient};

/// A peer that is not heard for so long is given up.
const KEEP_ALIVE_MS: Ms = 15_000;

/// One client's network.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) link: u32,
    pub(super) is_up: bool,
    stalled_until: Ms,
    /// When the last packet of each lane arrives: a lane keeps its order.
    lanes: [Ms; LANES],
    rng: fastrand::Rng,
}

#[derive(Clone, Copy, Debug)]
enum Lane {
    Up(Kind),
    Down(Kind),
    AckUp,
    AckDown,
}

const LANES: usize = 2 * Kind::COUNT + 2;

impl Lane {
    fn place(self) -> usize {
        match self {
            Self::Up(kind) => kind as usize,
            Self::Down(kind) => Kind::COUNT + kind as usize,
            Self::AckUp => 2 * Kind::COUNT,
            Self::AckDown => 2 * Kind::COUNT + 1,
        }
    }
}

impl Wire {
    fn new(seed: u64, client: Client) -> Self {
        let purpose = match client {
            Client::Dock(dock) => 0x1_0000 + dock as u64,
            Client::Commands(tower) => 0x2_0000 + tower as u64,
            Client::Events(tower) => 0x3_0000 + tower as u64,
        };
        Self {
            link: 0,
            is_up: false,
            stalled_until: 0,
            lanes: [0; LANES],
            rng: fastrand::Rng::with_seed(mix(seed, purpose)),
        }
    }
}

impl World {
    pub(super) fn connect(&mut self, client: Client) {
        let is_running = match client {
            Client::Dock(_) => true,
            Client::Commands(tower) | Client::Events(tower) => self.towers[tower].is_alive,
        };
        let seed = self.plan.seed;
        let is_stalled = self.wires.get(&client).is_some_and(|wire| wire.stalled_until > self.now);
        if is_running && (!self.broker.is_up || is_stalled) {
            return self.queue.push(self.now + 1_000, Event::Connect(client));
        }
        let wire = self.wires.entry(client).or_insert_with(|| Wire::new(seed, client));
        if !is_running || wire.is_up {
            return;
        }
        wire.link += 1;
        wire.is_up = true;
        wire.lanes = [0; LANES];
        let link = wire.link;
        let persists = match client {
            Client::Dock(dock) => self.plan.docks[dock].persists,
            Client::Commands(_) => false,
            Client::Events(_) => true,
        };
        self.trace.line(self.now, || format!("{client:?} connects"));
        let deliveries = self.broker.connect(self.now, client, link, persists);
        self.deliver(deliveries);
        if !self.is_healed {
            let mean = (self.plan.net.cut_every_ms, self.plan.net.stall_every_ms);
            if let Some(mean) = mean.0 {
                self.after_about(mean, Event::Cut { client, link });
            }
            if let Some(mean) = mean.1 {
                self.after_about(mean, Event::Stall(client));
            }
        }
        match client {
            Client::Dock(dock) => self.dock_connected(dock),
            Client::Commands(tower) => self.commands_connected(tower),
            Client::Events(tower) => self.events_connected(tower),
        }
    }

    /// A connection breaks; both ends learn of it.
    pub(super) fn cut(&mut self, client: Client, link: u32) {
        let Some(wire) = self.wires.get_mut(&client) else { return };
        if self.is_healed || !wire.is_up || wire.link != link {
            return;
        }
        wire.is_up = false;
        self.trace.line(self.now, || format!("{client:?} loses its connection"));
        self.count("connections cut");
        self.broker.disconnect(client, link);
        let away_ms = self.rng.u64(200..6_000);
        self.lost(client, away_ms);
    }

    /// What follows for the client when its connection is gone.
    pub(super) fn lost(&mut self, client: Client, away_ms: Ms) {
        match client {
            Client::Dock(dock) => self.dock_disconnected(dock),
            Client::Commands(tower) => self.commands_disconnected(tower),
            Client::Events(_) => {}
        }
        self.queue.push(self.now + away_ms, Event::Connect(client));
    }

    pub(super) fn stall(&mut self, client: Client) {
        let until = self.now + self.rng.u64(1_000..25_000);
        let Some(wire) = self.wires.get_mut(&client) else { return };
        if self.is_healed || !wire.is_up {
            return;
        }
        // The world heals at a known moment: nothing stands still beyond it.
        wire.stalled_until = until.min(self.plan.heal_at);
        let link = wire.link;
        self.trace.line(self.now, || format!("{client:?} stands still until {until}"));
        self.count("connections stalled");
        if until.saturating_sub(self.now) > KEEP_ALIVE_MS {
            self.queue.push(self.now + KEEP_ALIVE_MS, Event::Cut { client, link });
        }
    }

    pub(super) fn broker_restarts(&mut self) {
        if self.is_healed {
            return;
        }
        self.count("broker restarts");
        self.trace.line(self.now, || "broker stops".to_owned());
        self.broker.stop();
        let up_at = self.now + self.rng.u64(500..8_000);
        self.queue.push(up_at, Event::BrokerUp);
        let clients: Vec<Client> =
            self.wires.iter().filter(|(_, wire)| wire.is_up).map(|(client, _)| *client).collect();
        for client in clients {
            if let Some(wire) = self.wires.get_mut(&client) {
                wire.is_up = false;
            }
            let away_ms = up_at - self.now + self.rng.u64(10..3_000);
            self.lost(client, away_ms);
        }
        if let Some(mean) = self.plan.net.broker_restart_every_ms {
            self.after_about(mean, Event::BrokerRestart);
        }
    }

    /// A client publishes; `expiry_ms` is what is left of the message's life.
    pub(super) fn publish(&mut self, client: Client, message: Message) -> Option<u64> {
        let mut packet = 0;
        if message.at_least_once {
            self.packets += 1;
            packet = self.packets;
        }
        self.trace.number(message.payload.len() as u64);
        self.trace.bytes(&message.payload);
        let twice = self.plan.net.duplicate;
        let (at, link) = self.transit(client, Lane::Up(message.kind))?;
        // A library that lost sight of its connection says the same again.
        let is_twice = message.at_least_once
            && message.kind.is_up()
            && !self.is_healed
            && self.rng.f64() < twice;
        if is_twice {
            let (again, _) = self.transit(client, Lane::Up(message.kind))?;
            let packet = ToBroker::Publish { packet, message: message.clone() };
            self.queue.push(again + 1, Event::AtBroker { client, link, packet });
        }
        let packet_to = ToBroker::Publish { packet, message };
        self.queue.push(at, Event::AtBroker { client, link, packet: packet_to });
        Some(packet)
    }

    pub(super) fn acknowledge(&mut self, client: Client, packet: u64) {
        if packet == 0 {
            return;
        }
        if let Some((at, link)) = self.transit(client, Lane::AckUp) {
            let packet = ToBroker::Ack(packet);
            self.queue.push(at, Event::AtBroker { client, link, packet });
        }
    }

    pub(super) fn at_broker(&mut self, client: Client, link: u32, packet: ToBroker) {
        if !self.broker.is_up || !self.broker.is_linked(client, link) {
            return;
        }
        match packet {
            ToBroker::Publish { packet, mut message } => {
                // On its way the expiry is a length of time; from here on it is a moment.
                message.expires = message.expires.map(|left_ms| self.now + left_ms);
                let (deliveries, has_subscriber) = self.broker.publish(self.now, &message);
                self.deliver(deliveries);
                if packet != 0
                    && let Some((at, link)) = self.transit(client, Lane::AckDown)
                {
                    let packet = ToClient::Acked { packet, has_subscriber };
                    self.queue.push(at, Event::AtClient { client, link, packet });
                }
            }
            ToBroker::Ack(packet) => self.broker.acknowledge(client, packet),
            ToBroker::Disconnect => self.broker.disconnect(client, link),
        }
    }

    pub(super) fn at_client(&mut self, client: Client, link: u32, packet: ToClient) {
        let is_linked = self.wires.get(&client).is_some_and(|wire| wire.is_up && wire.link == link);
        if !is_linked {
            return;
        }
        match (client, packet) {
            (Client::Dock(dock), ToClient::Deliver { packet, message }) => {
                self.acknowledge(client, packet);
                self.dock_gets(dock, message);
            }
            (Client::Dock(dock), ToClient::Acked { packet, .. }) => {
                self.sites[dock].unacknowledged.remove(&packet);
            }
            (Client::Events(tower), ToClient::Deliver { packet, message }) => {
                self.tower_gets(tower, packet, &message);
            }
            (Client::Commands(tower), ToClient::Acked { packet, has_subscriber }) => {
                self.command_acked(tower, packet, has_subscriber);
            }
            // Towers listen on one connection and send on the other.
            (Client::Events(_), ToClient::Acked { .. })
            | (Client::Commands(_), ToClient::Deliver { .. }) => {}
        }
    }

    pub(super) fn is_linked(&self, client: Client) -> bool {
        self.wires.get(&client).is_some_and(|wire| wire.is_up)
    }

    /// The client leaves by itself.
    pub(super) fn leave(&mut self, client: Client) {
        if let Some(wire) = self.wires.get_mut(&client) {
            wire.is_up = false;
            let link = wire.link;
            self.broker.disconnect(client, link);
        }
    }

    fn deliver(&mut self, deliveries: Vec<crate::net::Delivery>) {
        for (client, _, packet, message) in deliveries {
            if let Some((at, link)) = self.transit(client, Lane::Down(message.kind)) {
                let packet = ToClient::Deliver { packet, message };
                self.queue.push(at, Event::AtClient { client, link, packet });
            }
        }
    }

    /// When a packet that leaves now arrives, and the number of the connection it travels on.
    fn transit(&mut self, client: Client, lane: Lane) -> Option<(Ms, u32)> {
        let net = &self.plan.net;
        let (now, is_healed) = (self.now, self.is_healed);
        let wire = self.wires.get_mut(&client).filter(|wire| wire.is_up)?;
        let mut delay = net.base_ms + wire.rng.u64(0..=net.jitter_ms);
        if !is_healed && net.spike > 0.0 && wire.rng.f64() < net.spike {
            delay += wire.rng.u64(0..=net.spike_ms);
        }
        let last = &mut wire.lanes[lane.place()];
        let at = (now.max(wire.stalled_until) + delay).max(*last);
        *last = at;
        Some((at, wire.link))
    }
}
