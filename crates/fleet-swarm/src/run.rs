//! Running worlds: one, or many one after another, and adding up what was in them.

use std::collections::BTreeMap;

use crate::arena;
use crate::kit::Kit;
use crate::plan::Plan;
use crate::world::{Outcome, World};

/// One world and the arenas beside it; `readable` keeps the trace.
#[must_use]
pub fn run(kit: &Kit, seed: u64, readable: bool) -> Outcome {
    let mut outcome = World::new(kit, Plan::new(seed), readable).run();
    for arena in [arena::drc::run, arena::transfer::run, arena::authority::run] {
        if outcome.violation.is_some() {
            break;
        }
        let of = arena(seed, readable);
        outcome.hash = outcome.hash.rotate_left(11) ^ of.trace.hash();
        outcome.events += of.trace.events();
        outcome.lines.extend(of.trace.lines().iter().cloned());
        outcome.violation = of.violation;
        for (what, count) in of.tally {
            *outcome.tally.entry(what).or_default() += count;
        }
    }
    outcome
}

/// Sums over many worlds.
#[derive(Debug, Default)]
pub struct Totals {
    /// Worlds.
    pub worlds: u64,
    /// Events.
    pub events: u64,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// What was in them.
    pub tally: BTreeMap<&'static str, u64>,
    /// Order-dependent hash over the hashes of the worlds.
    pub hash: u64,
}

impl Totals {
    /// Takes in one world.
    pub fn add(&mut self, outcome: &Outcome) {
        self.worlds += 1;
        self.events += outcome.events;
        self.simulated_ms += outcome.simulated_ms;
        self.hash = self.hash.rotate_left(7) ^ outcome.hash;
        for (what, count) in &outcome.tally {
            *self.tally.entry(what).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_trace_and_another_gives_another() {
        let kit = Kit::new();
        let (one, again) = (run(&kit, 3, true), run(&kit, 3, false));
        assert_eq!((one.hash, one.events), (again.hash, again.events));
        assert!(one.lines.len() > 50 && again.lines.is_empty());
        assert_ne!(one.hash, run(&kit, 4, false).hash);
    }

    #[test]
    fn something_happens_in_the_worlds_and_every_promise_is_judged() {
        let kit = Kit::new();
        let mut totals = Totals::default();
        for seed in 0..25 {
            let outcome = run(&kit, seed, false);
            assert_eq!(outcome.violation, None, "seed {seed}");
            totals.add(&outcome);
        }
        for what in ["take-offs", "tower crashes", "connections cut", "no second take-off"] {
            assert!(totals.tally.get(what).is_some_and(|count| *count > 0), "{what}: {totals:?}");
        }
    }
}
