//! People, plans and rules that want to command one device, with the authority machine of `fleet-core`:
//! they order, take, hand over, take over, say that they are there or fall silent, and what they ordered
//! leaves a while later.
//!
//! Judged by who was given what and when: numbers only rise, nobody orders past one who asked for the
//! authority and is there, nobody takes over without the rank, silence ends it, and what was ordered
//! under an authority that has passed to another does not leave.

use fastrand::Rng;
use fleet_core::authority::{Authority, AuthorityConfig, Holder, Kind, Scope, needs_authority};
use fleet_core::spec::{mission_spec, operator_spec};
use fleet_types::{MonoMs, Now, WallMs};

use super::{Arena, Common, Outcome};
use crate::plan::{EPOCH_MS, mix};
use crate::queue::{Ms, Queue};

/// The whole of it, and from when on nobody says anything any more.
const END_MS: Ms = 2_000_000;
const QUIET_MS: Ms = 1_500_000;
/// Silence after which nobody commands who asked for it, and who only ordered.
const EXPLICIT_MS: Ms = 300_000;
const IMPLICIT_MS: Ms = 120_000;
const SCOPES: [Scope; 2] = [Scope::Flight, Scope::Payload];

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Somebody does something.
    Act,
    /// What was ordered leaves, or is to.
    Leaves {
        scope: usize,
        fence: u64,
    },
    Tick,
}

/// Who was given the authority last, by the one who watches.
#[derive(Clone, Copy)]
struct Given {
    who: usize,
    fence: u64,
    is_explicit: bool,
    /// The holder was last heard.
    heard: Ms,
}

impl Given {
    fn is_there(&self, now: Ms) -> bool {
        now < self.heard + if self.is_explicit { EXPLICIT_MS } else { IMPLICIT_MS }
    }
}

struct Desk {
    common: Common<Event>,
    authority: Authority,
    people: Vec<Holder>,
    given: [Option<Given>; 2],
    newest: u64,
    told: u64,
    tick_at: Option<Ms>,
    judged: u64,
}

/// Runs one.
#[must_use]
pub fn run(seed: u64, readable: bool) -> Outcome {
    super::run(Desk::new(seed, readable), END_MS)
}

impl Arena for Desk {
    type Event = Event;

    fn common(&mut self) -> &mut Common<Event> {
        &mut self.common
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Act => self.act(),
            Event::Leaves { scope, fence } => self.leaves(scope, fence),
            Event::Tick => {
                if self.tick_at == Some(self.common.now) {
                    self.tick_at = None;
                    let now = self.clock();
                    self.authority.handle_timeout(now);
                }
            }
        }
        self.listen();
    }

    fn look(&mut self) {
        let now = self.clock();
        for (scope, name) in SCOPES.into_iter().enumerate() {
            let shown = self.authority.lease(now.mono, name).cloned();
            let given = self.given[scope].filter(|given| given.is_there(self.common.now));
            let is_right = match (&shown, given) {
                (None, None) => true,
                (Some(lease), Some(given)) => {
                    lease.fence == given.fence && lease.holder == self.people[given.who]
                }
                (Some(_), None) | (None, Some(_)) => false,
            };
            if !is_right {
                let fence = given.map(|given| given.fence);
                let what = format!("{name:?}: {shown:?} is shown, {fence:?} was given last");
                return self.common.fail("one commander among people", what);
            }
        }
    }

    fn at_end(&mut self) {
        let judged = self.judged;
        self.common.tally.insert("one commander among people", judged);
    }
}

impl Desk {
    fn new(seed: u64, readable: bool) -> Self {
        let mut rng = Rng::with_seed(mix(seed, 0xA07));
        let kinds = [Kind::Rule, Kind::Scheduler, Kind::Operator, Kind::Operator, Kind::Pilot];
        let people = kinds.iter().enumerate();
        let people = people.map(|(at, kind)| Holder { who: format!("p{at}"), kind: *kind });
        let mut plans = Queue::new();
        plans.push(rng.u64(10..5_000), Event::Act);
        Self {
            authority: Authority::new(AuthorityConfig::default(), 1),
            people: people.collect(),
            common: Common { rng, plans, ..Common::new(0, readable) },
            given: [None; 2],
            newest: 0,
            told: 0,
            tick_at: None,
            judged: 0,
        }
    }

    fn clock(&self) -> Now {
        let wall = WallMs(EPOCH_MS.saturating_add_unsigned(self.common.now));
        Now { mono: MonoMs(7_000 + self.common.now), wall }
    }

    fn act(&mut self) {
        let (now, at) = (self.clock(), self.common.now);
        if at < QUIET_MS {
            let next = at + 1 + self.common.rng.u64(0..40_000) * self.common.rng.u64(0..8);
            self.common.plans.push(next, Event::Act);
        }
        let who = self.common.rng.usize(0..self.people.len());
        let scope = usize::from(self.common.rng.u8(..) < 60);
        let name = SCOPES[scope];
        let me = self.people[who].clone();
        let before = self.given[scope].filter(|given| given.is_there(at));
        let (deed, is_explicit, granted) = match self.common.rng.u8(0..10) {
            0..5 => ("orders", false, self.authority.order(now, &me, name).ok()),
            5 => ("takes", true, self.authority.take(now, &me, name).ok()),
            6 => {
                let is_supervisor = self.common.rng.u8(..) < 60;
                let taken = self.authority.take_over(now, &me, name, is_supervisor, "needed");
                let is_below = |given: Given| self.people[given.who].kind < me.kind;
                let may = before.is_none_or(|given| given.who == who || is_below(given));
                if taken.is_ok() && !may && !is_supervisor {
                    let what = format!("{} took {name:?} from an equal", me.who);
                    return self.common.fail("take-over by rank", what);
                }
                ("takes over", true, taken.ok())
            }
            7 => return self.hands_over(who, scope),
            8 => {
                let fence = before.map_or(0, |given| given.fence);
                let is_ok = self.authority.renew(now, &me, name, fence).is_ok();
                if is_ok != before.is_some_and(|given| given.who == who) {
                    let what = format!("{} says that it is there: {is_ok}", me.who);
                    return self.common.fail("only the holder renews", what);
                }
                if let Some(given) = self.given[scope].as_mut().filter(|_| is_ok) {
                    given.heard = at;
                }
                return;
            }
            _ => {
                let is_ok = self.authority.release(now, &me, name).is_ok();
                if is_ok != before.is_some_and(|given| given.who == who) {
                    let what = format!("{} gives it back: {is_ok}", me.who);
                    return self.common.fail("only the holder gives it back", what);
                }
                if is_ok {
                    self.given[scope] = None;
                }
                return;
            }
        };
        self.common.line(|| format!("{} {deed} {name:?}: {granted:?}", me.who));
        let Some(fence) = granted else { return self.refused(deed, who, before) };
        let is_kept = before.is_some_and(|given| given.is_explicit && given.who != who);
        if is_kept && deed != "takes over" {
            let what = format!("{} {deed} {name:?} past one who asked for it", me.who);
            return self.common.fail("who asked for it keeps others out", what);
        }
        self.granted(scope, who, fence, is_explicit);
        if deed == "orders" {
            let later = at + self.common.rng.u64(1..90_000);
            self.common.plans.push(later, Event::Leaves { scope, fence });
        }
    }

    /// Nobody is refused what nobody else has.
    fn refused(&mut self, deed: &str, who: usize, before: Option<Given>) {
        if before.is_none_or(|given| given.who == who) {
            let what = format!("p{who} {deed} in vain, and nobody has it");
            self.common.fail("who is alone is not refused", what);
        }
    }

    fn hands_over(&mut self, who: usize, scope: usize) {
        let (now, name) = (self.clock(), SCOPES[scope]);
        let to = self.common.rng.usize(0..self.people.len());
        let (by, heir) = (self.people[who].clone(), self.people[to].clone());
        let has_it = self.given[scope]
            .is_some_and(|given| given.who == who && given.is_there(self.common.now));
        match self.authority.hand_over(now, &by, heir, name) {
            Ok(_) if !has_it => {
                let what = format!("{} handed over what it does not have", by.who);
                self.common.fail("only the holder hands over", what);
            }
            Ok(fence) => self.granted(scope, to, fence, true),
            Err(_) => {}
        }
    }

    fn granted(&mut self, scope: usize, who: usize, fence: u64, is_explicit: bool) {
        self.judged += 1;
        self.common.trace.number(fence);
        let now = self.common.now;
        let before = self.given[scope].filter(|given| given.is_there(now));
        let is_same = before.is_some_and(|given| given.fence == fence && given.who == who);
        if !is_same && fence <= self.newest {
            let newest = self.newest;
            let what = format!("p{who} was given number {fence} after {newest}");
            return self.common.fail("numbers of authority rise", what);
        }
        self.newest = self.newest.max(fence);
        let is_explicit = is_explicit || is_same && before.is_some_and(|given| given.is_explicit);
        self.given[scope] = Some(Given { who, fence, is_explicit, heard: now });
    }

    /// What was ordered leaves only under the authority that nobody else has taken since.
    fn leaves(&mut self, scope: usize, fence: u64) {
        let now = self.clock();
        let may = self.authority.check_fence(now.mono, SCOPES[scope], fence).is_ok();
        let given = self.given[scope].filter(|given| given.is_there(self.common.now));
        let is_current = given.is_some_and(|given| given.fence == fence);
        self.judged += 1;
        if may != is_current {
            let what = format!("an order under {fence} leaves: {may}; given is another");
            return self.common.fail("no order under an authority that has passed", what);
        }
        // Home, pause and a halt are nobody's privilege.
        let is_asked = |spec: Option<_>| spec.is_none_or(|spec| needs_authority(&spec));
        let counters = ["return_home", "flighttask_pause"];
        if counters.into_iter().any(|method| is_asked(operator_spec(method)))
            || !is_asked(mission_spec("flighttask_execute"))
        {
            self.common.fail("counter-actions need no authority", "one does".to_owned());
        }
    }

    /// Every change is told, and the next look at the clock is planned.
    fn listen(&mut self) {
        while let Some(changed) = self.authority.poll_output() {
            if let Some(lease) = changed.lease {
                if lease.fence <= self.told {
                    let what = format!("{} is told after {}", lease.fence, self.told);
                    return self.common.fail("every change of authority is told", what);
                }
                self.told = lease.fence;
            }
        }
        if self.told != self.newest {
            let what = format!("{} was given, {} was told", self.newest, self.told);
            return self.common.fail("every change of authority is told", what);
        }
        let Some((due, _)) = self.authority.poll_timeout() else { return };
        let due = due.0.saturating_sub(7_000).max(self.common.now + 1);
        if self.tick_at.is_none_or(|planned| due < planned || planned <= self.common.now) {
            self.tick_at = Some(due);
            self.common.plans.push(due, Event::Tick);
        }
    }
}
