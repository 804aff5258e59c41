//! One simulated world: it takes events in order of time and moves docks, network, towers, database
//! and people by them. Everything that happens is told to the checkers at once.
//!
//! This file holds the world and its clockwork; [`network`] moves packets, [`docks`] the devices,
//! [`towers`] the machines, [`leases`] which tower commands which dock, [`people`] asks for things.

mod docks;
mod leases;
mod network;
mod people;
mod records;
mod towers;

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::checks::heard::Heard;
use crate::checks::{Checks, Violation};
use crate::facts::Fact;
use crate::kit::Kit;
use crate::net::{Broker, Client};
use crate::plan::{Plan, mix};
use crate::queue::{Event, Ms, Queue};
use crate::site::Site;
use crate::store::Store;
use crate::tower::Tower;
use crate::trace::Trace;

use network::Wire;
use people::People;

/// A world with more events than this spins.
const EVENTS_MAX: u64 = 200_000;

/// What came of a world.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Hash of everything that happened.
    pub hash: u64,
    /// Events handled.
    pub events: u64,
    /// Simulated time.
    pub simulated_ms: Ms,
    /// What was wrong, if anything.
    pub violation: Option<Violation>,
    /// The trace, if it was asked for.
    pub lines: Vec<String>,
    /// What the world was made of and what happened in it, for the summary.
    pub tally: BTreeMap<&'static str, u64>,
}

/// One world.
pub struct World {
    kit: Kit,
    plan: Plan,
    now: Ms,
    queue: Queue<Event>,
    trace: Trace,
    broker: Broker,
    wires: BTreeMap<Client, Wire>,
    store: Store,
    sites: Vec<Site>,
    towers: Vec<Tower>,
    people: People,
    checks: Checks,
    heard: Heard,
    rng: Rng,
    is_healed: bool,
    packets: u64,
    tally: BTreeMap<&'static str, u64>,
}

/// What the checkers may look at: the truth of devices and database.
pub struct View<'a> {
    /// Now.
    pub now: Ms,
    /// Docks.
    pub sites: &'a [Site],
    /// The database.
    pub store: &'a Store,
    /// What the world was drawn as.
    pub plan: &'a Plan,
    /// What each tower was told of its docks.
    pub heard: &'a Heard,
}

impl World {
    /// The world of a seed at its beginning.
    #[must_use]
    pub fn new(kit: &Kit, plan: Plan, readable: bool) -> Self {
        let seed = plan.seed;
        let identities = kit.identities(plan.docks.len(), seed);
        let sites = identities
            .into_iter()
            .zip(&plan.docks)
            .map(|(identity, dock)| Site::new(kit, identity, dock.clone(), seed))
            .collect();
        let towers = plan.towers.iter().enumerate();
        let towers = towers.map(|(index, tower)| Tower::new(tower.clone(), seed, index)).collect();
        let mut world = Self {
            kit: kit.clone(),
            now: 0,
            queue: Queue::default(),
            trace: Trace::new(readable),
            broker: Broker::new(plan.net.broker_keeps_sessions),
            wires: BTreeMap::new(),
            store: Store::new(plan.store.clone(), mix(seed, 0xDB)),
            sites,
            towers,
            people: People::new(&plan),
            checks: Checks::new(&plan),
            heard: Heard::default(),
            rng: Rng::with_seed(mix(seed, 0x3E7)),
            is_healed: false,
            packets: 0,
            tally: BTreeMap::new(),
            plan,
        };
        world.begin();
        world
    }

    /// Runs it to its end, or to the first thing that is wrong.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        while let Some((at, event)) = self.queue.pop() {
            self.now = at;
            self.trace.event(at);
            if matches!(event, Event::End) {
                break;
            }
            self.handle(event);
            if self.checks.has_failed() {
                break;
            }
            if self.trace.events() > EVENTS_MAX {
                self.checks.fail(at, "world", "it does not come to rest: too many events".into());
                break;
            }
        }
        if !self.checks.has_failed() {
            let (checks, view) = self.view();
            checks.at_end(&view);
        }
        self.finish()
    }

    fn finish(mut self) -> Outcome {
        let take_offs: u64 =
            self.sites.iter().map(|site| site.model.ground_truth().take_offs()).sum();
        self.tally.insert("take-offs", take_offs);
        self.tally.insert("expired at the broker", self.broker.expired);
        self.tally.insert("dropped by the broker", self.broker.dropped);
        self.checks.count(&mut self.tally);
        let violation = self.checks.violation();
        if let Some(violation) = &violation {
            self.trace.line(self.now, || format!("*** {violation}"));
        }
        Outcome {
            seed: self.plan.seed,
            hash: self.trace.hash(),
            events: self.trace.events(),
            simulated_ms: self.now,
            violation,
            lines: self.trace.lines().to_vec(),
            tally: self.tally,
        }
    }

    fn begin(&mut self) {
        self.queue.push(self.plan.heal_at, Event::Heal);
        self.queue.push(self.plan.end_at, Event::End);
        for tower in 0..self.towers.len() {
            self.queue.push(1, Event::Start(tower));
        }
        for dock in 0..self.sites.len() {
            let at = self.rng.u64(2..1_500);
            self.queue.push(at, Event::Connect(Client::Dock(dock)));
            self.queue.push(at + 4_000, Event::Person(dock));
            if let Some(mean) = self.plan.docks[dock].nature_every_ms {
                self.after_about(mean, Event::Nature(dock));
            }
        }
        for dock in 0..self.sites.len() {
            if let Some(mean) = self.plan.docks[dock].health_every_ms {
                self.after_about(mean, Event::Health(dock));
            }
        }
        self.queue.push(10_000, Event::LookAfter);
        if let Some(mean) = self.plan.net.broker_restart_every_ms {
            self.after_about(mean, Event::BrokerRestart);
        }
        if let Some(mean) = self.plan.store.down_every_ms {
            self.after_about(mean, Event::StoreDown(true));
        }
        for tower in 0..self.towers.len() {
            let plan = self.towers[tower].plan.clone();
            if let Some(mean) = plan.crash_every_ms {
                self.after_about(mean, Event::Crash(tower));
            }
            if let Some(mean) = plan.panic_every_ms {
                self.after_about(mean, Event::Panic(tower));
            }
            if let Some(mean) = plan.suspend_every_ms {
                self.after_about(mean, Event::Suspend(tower));
            }
            let leases = self.plan.has_leases;
            if let Some(mean) = plan.lease_stall_every_ms.filter(|_| leases) {
                self.after_about(mean, Event::LeaseStall(tower));
            }
            if let Some(mean) = plan.rest_every_ms.filter(|_| leases) {
                self.after_about(mean, Event::Rest(tower));
            }
        }
    }

    /// Plans an event some time from now, about `mean` milliseconds on the average.
    fn after_about(&mut self, mean: Ms, event: Event) {
        let at = self.now + wait(&mut self.rng, mean);
        self.queue.push(at, event);
    }

    fn handle(&mut self, event: Event) {
        if let Some(tower) = event.of_tower()
            && self.towers[tower].suspended_until > self.now
        {
            // It is there when the process goes on; timers are looked at then.
            if !matches!(event, Event::TowerTick { .. } | Event::LeaseTick { .. }) {
                self.queue.push(self.towers[tower].suspended_until, event);
            }
            return;
        }
        match event {
            Event::AtBroker { client, link, packet } => self.at_broker(client, link, packet),
            Event::AtClient { client, link, packet } => self.at_client(client, link, packet),
            Event::Connect(client) => self.connect(client),
            Event::Cut { client, link } => self.cut(client, link),
            Event::Stall(client) => self.stall(client),
            Event::BrokerRestart => self.broker_restarts(),
            Event::BrokerUp => {
                self.broker.is_up = true;
                self.trace.line(self.now, || "broker is up again".to_owned());
            }
            Event::DockTick(dock) => self.dock_tick(dock),
            Event::Fetched { dock, id, file } => self.fetched(dock, id, file),
            Event::Nature(dock) => self.nature(dock),
            Event::Health(dock) => self.health(dock),
            Event::TowerTick { tower, dock } => self.tower_tick(tower, dock),
            Event::OutboxTick(tower) => self.expire_counters(tower),
            Event::Stored { tower, life, write, ok } => self.stored(tower, life, write, ok),
            Event::WriteAgain { tower, life } => {
                if self.towers[tower].life == life {
                    self.write_batch(tower);
                }
            }
            Event::Commit(write) => self.commit(write),
            Event::StoreDown(is_down) => self.store_down(is_down),
            Event::Crash(tower) => self.crash(tower),
            Event::Start(tower) => self.start(tower),
            Event::Panic(tower) => self.lose_machine(tower),
            Event::LeaseTick { tower, dock } => self.lease_tick(tower, dock),
            Event::Claim(claim) => self.claim(claim),
            Event::Claimed { claim, answer, is_others } => self.claimed(claim, answer, is_others),
            Event::Release { tower, dock, epoch } => {
                self.store.release(self.now, tower, dock, epoch);
            }
            Event::Want { tower, dock, wants } => self.want(tower, dock, wants),
            Event::LeaseStall(tower) => self.lease_stall(tower),
            Event::Suspend(tower) => self.suspend(tower),
            Event::Wake(tower) => self.wake(tower),
            Event::Rest(tower) => self.rest(tower),
            Event::Person(dock) => self.person(dock),
            Event::Ask(ask) => self.ask(ask),
            Event::LookAfter => self.look_after(),
            Event::Heal => self.heal(),
            // The loop ends before it is handled.
            Event::End => {}
        }
    }

    fn heal(&mut self) {
        self.is_healed = true;
        self.store.heal();
        for site in &mut self.sites {
            site.model.press_emergency_stop(false);
        }
        self.trace.line(self.now, || "---- from here on nothing breaks ----".to_owned());
    }

    fn note(&mut self, fact: &Fact<'_>) {
        self.heard.note(self.now, fact);
        let (checks, view) = self.view();
        checks.note(&view, fact);
    }

    fn view(&mut self) -> (&mut Checks, View<'_>) {
        let Self { now, sites, store, plan, heard, checks, .. } = self;
        (checks, View { now: *now, sites, store, plan, heard })
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }
}

/// A waiting time of an event that comes by chance, `mean` milliseconds on the average.
fn wait(rng: &mut Rng, mean: Ms) -> Ms {
    // Logarithms differ between platforms in the last bit; a table-free power of two does not.
    let halvings = rng.u32(..).leading_zeros().min(4);
    let spread = rng.u64(0..=mean);
    (mean / 4 + spread / 2 + u64::from(halvings) * mean / 4).max(1)
}
