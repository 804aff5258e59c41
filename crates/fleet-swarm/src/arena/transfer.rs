//! Aircraft that leave one dock and land in another, with the machine of `fleet-core` for flights
//! between two docks: orders and answers that are lost, docks that refuse, open for nobody or fail
//! while an aircraft is under way, people who cancel and who settle what is unknown.
//!
//! The parts of a flight are modelled here as the machines of the two docks tell them. Judged by
//! where the aircraft are: never two bound for one place, nothing ordered before both docks said yes,
//! nothing left prepared that was not taken back, and every flight ends.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use fleet_core::multi_dock::{Effect, MultiDock, Place, Side, asked};
use fleet_types::{
    DeviceSn, IdempotencyKey, MissionId, MissionPlan, MissionRequest, MissionState, MissionStatus,
    MultiDockId, Reason, RequestId, TraceId, WallMs,
    id::WaylineId,
    mission::{LostLinkAction, Verdict},
};
use uuid::Uuid;

use super::{Arena, Common, Outcome};
use crate::plan::mix;
use crate::queue::{Ms, Queue};

const HEAL_MS: Ms = 40_000;
const END_MS: Ms = 110_000;
/// An order that was not answered for so long is given up.
const ANSWER_MS: Ms = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Prepare,
    Execute,
    Undo,
    Stop,
    ReturnTo(usize),
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Somebody wants a flight.
    Ask,
    /// Somebody does not want it any more.
    Cancel(usize),
    /// An order reaches a dock.
    Arrives { flight: usize, side: Side, order: Order },
    /// The dock's answer reaches the tower.
    Answer { flight: usize, side: Side, order: Order, yes: bool },
    /// The tower has waited long enough.
    Silent { flight: usize, side: Side, order: Order },
    /// The aircraft leaves.
    TakeOff(usize),
    /// The aircraft comes down, if it can.
    Land(usize),
    /// What is heard of an aircraft and of the docks.
    Report,
    /// A dock fails, or works again.
    Fault(usize),
    /// A person settles what is unknown.
    LookAfter,
}

/// A dock as it is.
#[derive(Default)]
struct Dock {
    has_aircraft: bool,
    is_faulty: bool,
    prepared: Option<usize>,
    open_for: Option<usize>,
    last_arrival: Ms,
}

/// A flight: the machine, what is known of its parts, and the truth.
struct Flight {
    machine: MultiDock,
    docks: [usize; 2],
    parts: BTreeMap<Side, MissionState>,
    said_yes: BTreeSet<Side>,
    taken_back: BTreeSet<Side>,
    /// In the air, bound for this dock.
    bound_for: Option<usize>,
    has_taken_off: bool,
    landed_in: Option<usize>,
    best_link: bool,
}

struct Docks {
    common: Common<Event>,
    docks: Vec<Dock>,
    flights: Vec<Flight>,
    reserved: BTreeMap<usize, usize>,
    lost: f64,
    refused: f64,
}

/// Runs one.
#[must_use]
pub fn run(seed: u64, readable: bool) -> Outcome {
    super::run(Docks::new(seed, readable), END_MS)
}

impl Arena for Docks {
    type Event = Event;

    fn common(&mut self) -> &mut Common<Event> {
        &mut self.common
    }

    fn handle(&mut self, event: Event) {
        self.happens(event);
    }

    fn look(&mut self) {
        self.holds();
    }

    fn at_end(&mut self) {
        self.is_over();
    }
}

fn side_index(side: Side) -> usize {
    match side {
        Side::TakeOff => 0,
        Side::Landing => 1,
    }
}

fn sn(dock: usize) -> DeviceSn {
    DeviceSn::new(&format!("SIMDK20000000{dock}")).expect("simulated serial numbers are valid")
}

fn id(number: usize) -> Uuid {
    Uuid::from_u128(1 + number as u128)
}

impl Docks {
    fn new(seed: u64, readable: bool) -> Self {
        let mut rng = Rng::with_seed(mix(seed, 0x2D0C));
        let count = rng.usize(2..=4);
        let aircraft = rng.usize(1..count);
        let mut docks: Vec<Dock> = (0..count).map(|_| Dock::default()).collect();
        for dock in docks.iter_mut().take(aircraft) {
            dock.has_aircraft = true;
        }
        let mut plans = Queue::new();
        plans.push(rng.u64(100..3_000), Event::Ask);
        plans.push(500, Event::Report);
        plans.push(6_000, Event::LookAfter);
        if rng.bool() {
            for dock in 0..count {
                plans.push(rng.u64(2_000..40_000), Event::Fault(dock));
            }
        }
        let lost = if rng.bool() { rng.f64() * 0.3 } else { 0.0 };
        let refused = if rng.bool() { rng.f64() * 0.3 } else { 0.0 };
        Self {
            common: Common { rng, plans, ..Common::new(0, readable) },
            docks,
            flights: Vec::new(),
            reserved: BTreeMap::new(),
            lost,
            refused,
        }
    }

    fn is_healed(&self) -> bool {
        self.common.now >= HEAL_MS
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Ask => self.ask(),
            Event::Cancel(flight) => {
                if let Ok(effects) = self.flights[flight].machine.cancel() {
                    self.common.line(|| format!("a person cancels flight {flight}"));
                    self.carry_out(flight, effects);
                }
            }
            Event::Arrives { flight, side, order } => self.arrives(flight, side, order),
            Event::Answer { flight, side, order, yes } => self.answered(flight, side, order, yes),
            Event::Silent { flight, side, order } => self.silent(flight, side, order),
            Event::TakeOff(flight) => self.take_off(flight),
            Event::Land(flight) => self.land(flight),
            Event::Report => self.report(),
            Event::Fault(dock) => self.fault(dock),
            Event::LookAfter => self.look_after(),
        }
    }

    /// What the tower knows against landing in each dock.
    fn places(&self, flight: Option<usize>) -> Vec<Place> {
        let against = |dock: usize| {
            let is_anothers = self.reserved.get(&dock).is_some_and(|of| Some(*of) != flight);
            let why = match &self.docks[dock] {
                found if found.has_aircraft => "occupied",
                found if found.is_faulty => "faulty",
                _ if is_anothers => "reserved",
                _ => return None,
            };
            Some(Reason::new(why, "It cannot take an aircraft."))
        };
        (0..self.docks.len()).map(|dock| Place { sn: sn(dock), against: against(dock) }).collect()
    }

    fn ask(&mut self) {
        if !self.is_healed() {
            let next = self.common.now + self.common.rng.u64(1_000..9_000);
            self.common.plans.push(next, Event::Ask);
        }
        let count = self.docks.len();
        let (from, to) = (self.common.rng.usize(0..count), self.common.rng.usize(0..count));
        let is_fit = self.places(None)[to].against.is_none();
        let is_busy = |dock: usize| {
            let open = self.flights.iter().filter(|flight| !flight.machine.is_ended());
            let mut docks = open.flat_map(|flight| flight.docks);
            docks.any(|of| of == dock)
        };
        let can_leave = self.docks[from].has_aircraft && !is_busy(from);
        if from == to || !is_fit || !can_leave || self.reserved.contains_key(&from) {
            return self.common.count("flights between docks that were not taken");
        }
        let flight = self.flights.len();
        let ids = [flight * 3, flight * 3 + 1, flight * 3 + 2].map(|number| MissionId(id(number)));
        let status = asked(ids, MultiDockId(id(flight)), sn(from), sn(to), WallMs(0));
        let (machine, effects) = MultiDock::accept(status);
        self.common.line(|| format!("flight {flight} from dock {from} to dock {to}"));
        self.common.count("flights between docks");
        self.flights.push(Flight {
            machine,
            docks: [from, to],
            parts: BTreeMap::new(),
            said_yes: BTreeSet::new(),
            taken_back: BTreeSet::new(),
            bound_for: None,
            has_taken_off: false,
            landed_in: None,
            best_link: false,
        });
        if self.common.rng.u8(..) < 30 {
            let at = self.common.now + self.common.rng.u64(50..4_000);
            self.common.plans.push(at, Event::Cancel(flight));
        }
        self.carry_out(flight, effects);
    }

    fn carry_out(&mut self, flight: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reserve { sn: of, flight_id } => {
                    let dock = (0..self.docks.len()).find(|dock| sn(*dock) == of);
                    let Some(dock) = dock else { continue };
                    match (self.reserved.get(&dock).copied(), flight_id) {
                        (Some(other), Some(_)) if other != flight => {
                            let what = format!("dock {dock} is flight {other}'s and {flight}'s");
                            self.common.fail("a place is one flight's", what);
                        }
                        (_, Some(_)) => {
                            self.reserved.insert(dock, flight);
                        }
                        (Some(holder), None) if holder == flight => {
                            self.reserved.remove(&dock);
                        }
                        (Some(_) | None, None) => {}
                    }
                }
                Effect::Prepare(side) => {
                    self.send(flight, side, Order::Prepare);
                    self.told(flight, side, MissionState::Preparing, None);
                }
                Effect::Release(side) => self.release(flight, side),
                Effect::Cancel(side) => {
                    self.flights[flight].taken_back.insert(side);
                    self.send(flight, side, Order::Undo);
                    self.told(flight, side, MissionState::Ended, Some(Verdict::Canceled));
                }
                Effect::Stop { side, .. } => {
                    self.flights[flight].taken_back.insert(side);
                    self.send(flight, side, Order::Stop);
                }
                Effect::ReturnTo { home, .. } => {
                    let dock = (0..self.docks.len()).find(|dock| sn(*dock) == home);
                    if let Some(dock) = dock {
                        self.common.count("aircraft sent to another home");
                        self.send(flight, Side::TakeOff, Order::ReturnTo(dock));
                    }
                }
                Effect::Peer(_) | Effect::Changed => {}
            }
        }
    }

    fn release(&mut self, flight: usize, side: Side) {
        let said_yes = &self.flights[flight].said_yes;
        if !(said_yes.contains(&Side::TakeOff) && said_yes.contains(&Side::Landing)) {
            let what = format!("flight {flight}: {side:?} is ordered; yes came from {said_yes:?}");
            self.common.fail("both docks said yes first", what);
        }
        self.told(flight, side, MissionState::Starting, None);
        self.send(flight, side, Order::Execute);
    }

    fn send(&mut self, flight: usize, side: Side, order: Order) {
        self.common.line(|| format!("flight {flight}: {order:?} to {side:?}"));
        if matches!(order, Order::Prepare | Order::Execute) {
            self.common
                .plans
                .push(self.common.now + ANSWER_MS, Event::Silent { flight, side, order });
        }
        if !self.is_healed() && self.common.rng.f64() < self.lost {
            return self.common.count("orders between docks that were lost");
        }
        let dock = self.flights[flight].docks[side_index(side)];
        let at = self.common.now + self.common.rng.u64(10..400);
        let at = at.max(self.docks[dock].last_arrival);
        self.docks[dock].last_arrival = at;
        self.common.plans.push(at, Event::Arrives { flight, side, order });
    }

    fn arrives(&mut self, flight: usize, side: Side, order: Order) {
        let is_refused = !self.is_healed() && self.common.rng.f64() < self.refused;
        let index = self.flights[flight].docks[side_index(side)];
        let dock = &mut self.docks[index];
        let yes = match order {
            Order::Prepare if dock.prepared.is_none() && !is_refused => {
                dock.prepared = Some(flight);
                true
            }
            Order::Execute if dock.prepared == Some(flight) && !dock.is_faulty && !is_refused => {
                match side {
                    Side::Landing => dock.open_for = Some(flight),
                    Side::TakeOff => {
                        let at = self.common.now + self.common.rng.u64(200..2_000);
                        self.common.plans.push(at, Event::TakeOff(flight));
                    }
                }
                dock.prepared = None;
                true
            }
            Order::Prepare | Order::Execute => false,
            Order::Undo | Order::Stop => {
                if dock.prepared == Some(flight) {
                    dock.prepared = None;
                }
                if dock.open_for == Some(flight) {
                    dock.open_for = None;
                }
                return;
            }
            Order::ReturnTo(home) => {
                if self.flights[flight].bound_for.is_some() {
                    self.flights[flight].bound_for = Some(home);
                    let at = self.common.now + self.common.rng.u64(2_000..8_000);
                    self.common.plans.push(at, Event::Land(flight));
                }
                return;
            }
        };
        if yes && order == Order::Prepare {
            self.flights[flight].said_yes.insert(side);
        }
        self.common.line(|| format!("dock {index}: {order:?} of flight {flight}: {yes}"));
        if self.is_healed() || self.common.rng.f64() >= self.lost {
            let at = self.common.now + self.common.rng.u64(10..400);
            self.common.plans.push(at, Event::Answer { flight, side, order, yes });
        }
    }

    fn answered(&mut self, flight: usize, side: Side, order: Order, yes: bool) {
        let state = self.flights[flight].parts.get(&side).copied();
        let (next, verdict) = match (order, yes, state) {
            (Order::Prepare, true, Some(MissionState::Preparing)) => (MissionState::Prepared, None),
            (Order::Execute, true, Some(MissionState::Starting | MissionState::Unknown)) => {
                (MissionState::Executing, None)
            }
            (
                Order::Prepare | Order::Execute,
                false,
                Some(MissionState::Preparing | MissionState::Starting | MissionState::Unknown),
            ) => (MissionState::Ended, Some(Verdict::Rejected)),
            _ => return,
        };
        if (order, yes) == (Order::Execute, false) {
            // The dock's machine takes back what it will not order again.
            self.flights[flight].taken_back.insert(side);
            self.send(flight, side, Order::Undo);
        }
        self.told(flight, side, next, verdict);
    }

    fn silent(&mut self, flight: usize, side: Side, order: Order) {
        let state = self.flights[flight].parts.get(&side).copied();
        match (order, state) {
            // The dock's machine takes back what it cannot know to be prepared.
            (Order::Prepare, Some(MissionState::Preparing)) => {
                self.flights[flight].taken_back.insert(side);
                self.send(flight, side, Order::Undo);
                self.told(flight, side, MissionState::Ended, Some(Verdict::Expired));
            }
            (Order::Execute, Some(MissionState::Starting)) => {
                self.told(flight, side, MissionState::Unknown, None);
            }
            _ => {}
        }
    }

    /// A part's machine tells where it stands.
    fn told(&mut self, flight: usize, side: Side, state: MissionState, verdict: Option<Verdict>) {
        let of = &mut self.flights[flight];
        if of.parts.get(&side) == Some(&MissionState::Ended) {
            return;
        }
        of.parts.insert(side, state);
        self.common.line(|| format!("  flight {flight} {side:?}: {state:?} {verdict:?}"));
        let status = part(self.flights[flight].machine.mission(side), state, verdict);
        let places = self.places(Some(flight));
        let effects = self.flights[flight].machine.on_part(side, &status, &places);
        self.carry_out(flight, effects);
    }

    fn take_off(&mut self, flight: usize) {
        let [from, to] = self.flights[flight].docks;
        if self.flights[flight].has_taken_off || !self.docks[from].has_aircraft {
            return;
        }
        self.common.line(|| format!("flight {flight} takes off from dock {from}"));
        self.common.count("take-offs for another dock");
        if self.docks[to].open_for != Some(flight) {
            let what = format!("flight {flight} takes off for dock {to}, which is not open for it");
            self.common.fail("the landing dock is open first", what);
        }
        self.docks[from].has_aircraft = false;
        self.flights[flight].has_taken_off = true;
        self.flights[flight].bound_for = Some(to);
        let at = self.common.now + self.common.rng.u64(4_000..15_000);
        self.common.plans.push(at, Event::Land(flight));
    }

    fn land(&mut self, flight: usize) {
        let Some(home) = self.flights[flight].bound_for else { return };
        let dock = &mut self.docks[home];
        if dock.is_faulty || dock.has_aircraft {
            // It hovers above, for as long as it can.
            return self.common.plans.push(self.common.now + 1_000, Event::Land(flight));
        }
        dock.has_aircraft = true;
        dock.open_for = None;
        self.common.line(|| format!("flight {flight} lands in dock {home}"));
        self.flights[flight].bound_for = None;
        self.flights[flight].landed_in = Some(home);
    }

    /// Progress of flights and telemetry of docks, as far as it is heard.
    fn report(&mut self) {
        self.common.plans.push(self.common.now + 700, Event::Report);
        for flight in 0..self.flights.len() {
            if self.flights[flight].machine.is_ended() {
                continue;
            }
            if self.is_healed() || self.common.rng.f64() >= self.lost {
                let of = &self.flights[flight];
                let told = of.parts.get(&Side::TakeOff).copied();
                match (of.bound_for, of.landed_in) {
                    (_, Some(home)) => {
                        let as_planned = home == of.docks[1];
                        let verdict = if as_planned { Verdict::Ok } else { Verdict::Failed };
                        self.told(flight, Side::TakeOff, MissionState::Ended, Some(verdict));
                    }
                    (Some(_), None) if told != Some(MissionState::Executing) => {
                        self.told(flight, Side::TakeOff, MissionState::Executing, None);
                    }
                    (Some(_) | None, None) => {}
                }
                let link = self.flights[flight].docks[usize::from(self.common.rng.bool())];
                if self.flights[flight].best_link {
                    self.flights[flight].machine.on_best_link(sn(link));
                }
                self.flights[flight].best_link = true;
            }
            let places = self.places(Some(flight));
            let effects = self.flights[flight].machine.on_places(&places);
            self.carry_out(flight, effects);
        }
    }

    fn fault(&mut self, dock: usize) {
        let is_faulty = !self.docks[dock].is_faulty;
        self.docks[dock].is_faulty = is_faulty;
        self.common.line(|| format!("dock {dock} is faulty: {is_faulty}"));
        let for_ms = if is_faulty { 500..9_000 } else { 4_000..30_000 };
        let next = self.common.now + self.common.rng.u64(for_ms);
        if is_faulty || next < HEAL_MS {
            self.common.plans.push(next, Event::Fault(dock));
        }
    }

    /// A person looks at the site and says what became of what is unknown.
    fn look_after(&mut self) {
        self.common.plans.push(self.common.now + 7_000, Event::LookAfter);
        for flight in 0..self.flights.len() {
            for side in [Side::TakeOff, Side::Landing] {
                let of = &self.flights[flight];
                let waits = of.parts.get(&side) == Some(&MissionState::Unknown);
                if waits && !of.has_taken_off && self.common.rng.bool() {
                    self.common.count("parts settled by a person");
                    // What may still be prepared is taken back.
                    self.flights[flight].taken_back.insert(side);
                    self.send(flight, side, Order::Undo);
                    self.told(flight, side, MissionState::Ended, Some(Verdict::Failed));
                }
            }
        }
    }

    /// After every event: of all aircraft in the air no two have one place to go, and none is sent
    /// where another stands.
    fn holds(&mut self) {
        let mut bound = BTreeMap::new();
        for (flight, of) in self.flights.iter().enumerate() {
            let Some(home) = of.bound_for else { continue };
            if let Some(other) = bound.insert(home, flight) {
                let what = format!("flights {other} and {flight} are bound for dock {home}");
                return self.common.fail("no two aircraft bound for one dock", what);
            }
            if self.docks[home].has_aircraft {
                let what = format!("flight {flight} is bound for dock {home}, which is occupied");
                return self.common.fail("no two aircraft bound for one dock", what);
            }
        }
    }

    fn is_over(&mut self) {
        for flight in 0..self.flights.len() {
            let of = &self.flights[flight];
            if let Some(home) = of.bound_for {
                let what = format!("flight {flight} is still in the air, bound for dock {home}");
                return self.common.fail("every aircraft has a dock", what);
            }
            let waits = of.parts.values().any(|state| *state == MissionState::Unknown);
            if !of.machine.is_ended() && !waits {
                let (state, parts) = (of.machine.status().state, of.parts.clone());
                let what = format!("flight {flight} is still {state:?}: {parts:?}");
                return self.common.fail("every flight ends", what);
            }
            let is_ok = of.machine.status().verdict == Some(Verdict::Ok);
            if is_ok && of.landed_in != Some(of.docks[1]) {
                let what =
                    format!("flight {flight} is told as ok; it landed in {:?}", of.landed_in);
                return self.common.fail("one true verdict for a flight between docks", what);
            }
            for side in [Side::TakeOff, Side::Landing] {
                let dock = of.docks[side_index(side)];
                let is_left = self.docks[dock].prepared == Some(flight)
                    || self.docks[dock].open_for == Some(flight);
                if is_left && of.machine.is_ended() && !of.taken_back.contains(&side) {
                    let what = format!("dock {dock} keeps flight {flight}, which is over");
                    return self.common.fail("what was prepared is taken back", what);
                }
            }
            if self.reserved.values().any(|of| *of == flight) && of.machine.is_ended() {
                let what = format!("flight {flight} is over and keeps a place");
                return self.common.fail("a place is given free", what);
            }
        }
    }
}

fn part(mission_id: MissionId, state: MissionState, verdict: Option<Verdict>) -> MissionStatus {
    let uuid = Uuid::nil();
    let request = MissionRequest {
        mission_id,
        trace_id: TraceId(uuid),
        request_id: RequestId(uuid),
        sn: sn(0),
        wayline_id: WaylineId(uuid),
        wayline_name: String::new(),
        waypoint_count: 1,
        file_url: String::new(),
        file_md5: String::new(),
        rth_altitude_m: 100,
        lost_link_action: LostLinkAction::ReturnHome,
        exit_wayline_when_link_lost: false,
        idempotency_key: IdempotencyKey::new("part").expect("a valid key"),
        expires_in_ms: 1,
        issued_by: "operator".to_owned(),
        plan: MissionPlan::default(),
    };
    MissionStatus { state, verdict, ..MissionStatus::taken(WallMs(0), &request) }
}
