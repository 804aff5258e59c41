//! Arenas: small worlds beside the large one, each for one machine that a fleet of docks would seldom
//! bring into trouble. They share its rules: a seed, virtual time, a truth of their own, and promises
//! that are judged by that truth.
//!
//! [`drc`] flies by hand over a line that stalls; [`transfer`] sends aircraft from dock to dock;
//! [`authority`] has people, plans and rules want to command one device.

pub mod authority;
pub mod drc;
pub mod transfer;

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::checks::Violation;
use crate::queue::{Ms, Queue};
use crate::trace::Trace;

/// A small world as the shared loop drives it.
trait Arena {
    type Event;

    /// The clockwork, the trace and the verdict.
    fn common(&mut self) -> &mut Common<Self::Event>;
    /// Something planned happens.
    fn handle(&mut self, event: Self::Event);
    /// After every event: whether all promises hold.
    fn look(&mut self);
    /// At the end, when nothing was wrong.
    fn at_end(&mut self) {}
}

/// What all arenas have.
struct Common<E> {
    rng: Rng,
    now: Ms,
    plans: Queue<E>,
    trace: Trace,
    violation: Option<Violation>,
    tally: BTreeMap<&'static str, u64>,
}

impl<E> Common<E> {
    fn new(seed: u64, readable: bool) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            now: 0,
            plans: Queue::new(),
            trace: Trace::new(readable),
            violation: None,
            tally: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn line(&mut self, text: impl FnOnce() -> String) {
        self.trace.line(self.now, text);
    }

    fn fail(&mut self, checker: &'static str, what: String) {
        let at = self.now;
        self.line(|| format!("*** [{checker}] {what}"));
        self.violation.get_or_insert(Violation { at, checker, what });
    }
}

/// Runs an arena to its end, or to the first thing that is wrong.
fn run<A: Arena>(mut arena: A, end_ms: Ms) -> Outcome {
    while let Some((at, event)) = arena.common().plans.pop() {
        let common = arena.common();
        common.now = at;
        common.trace.event(at);
        if at > end_ms || common.violation.is_some() {
            break;
        }
        arena.handle(event);
        arena.look();
    }
    if arena.common().violation.is_none() {
        arena.at_end();
    }
    let common = arena.common();
    Outcome {
        trace: std::mem::replace(&mut common.trace, Trace::new(false)),
        violation: common.violation.take(),
        tally: std::mem::take(&mut common.tally),
    }
}

/// What came of an arena.
pub struct Outcome {
    /// Everything that happened.
    pub trace: Trace,
    /// What was wrong, if anything.
    pub violation: Option<Violation>,
    /// What happened how often.
    pub tally: BTreeMap<&'static str, u64>,
}
