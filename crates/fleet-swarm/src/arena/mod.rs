//! Arenas: small worlds beside the large one, each for one machine that a fleet of docks would seldom
//! bring into trouble. They share its rules: a seed, virtual time, a truth of their own, and promises
//! that are judged by that truth.
//!
//! [`drc`] flies by hand over a line that stalls; [`transfer`] sends aircraft from dock to dock.

pub mod drc;
pub mod transfer;

use std::collections::BTreeMap;

use crate::checks::Violation;
use crate::queue::Ms;
use crate::trace::Trace;

/// What came of an arena.
pub struct Outcome {
    /// Everything that happened.
    pub trace: Trace,
    /// What was wrong, if anything.
    pub violation: Option<Violation>,
    /// What happened how often.
    pub tally: BTreeMap<&'static str, u64>,
}

/// Events of an arena by time and by the order in which they were planned.
struct Plans<E> {
    events: BTreeMap<(Ms, u64), E>,
    next: u64,
}

impl<E> Plans<E> {
    fn new() -> Self {
        Self { events: BTreeMap::new(), next: 0 }
    }

    fn push(&mut self, at: Ms, event: E) {
        self.next += 1;
        self.events.insert((at, self.next), event);
    }

    fn pop(&mut self) -> Option<(Ms, E)> {
        let ((at, _), event) = self.events.pop_first()?;
        Some((at, event))
    }
}
