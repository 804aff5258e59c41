//! The checkers: each holds one promise of the tower against the truth of the simulated world.
//!
//! They use nothing of `fleet-core`: what a command is, when it expires and what the device did is
//! read from payloads, requests and device models. A checker that never saw what it watches for in
//! thousands of worlds is of no use, so each counts what it judged. Read next: `docs/swarm.md` for
//! how to add one.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a checker names the facts it judges; whatever else happens is another's business"
)]

mod commands;
mod evidence;
mod gate;
mod health;
pub mod heard;
mod interlocks;
mod journal;
mod liveness;
mod missions;
mod ownership;
mod places;
mod rows;
mod telemetry;

use std::collections::BTreeMap;
use std::fmt;

use crate::facts::Fact;
use crate::plan::Plan;
use crate::queue::Ms;
use crate::world::View;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Ms,
    /// Which checker found it.
    pub checker: &'static str,
    /// What happened, in words.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, ms) = (self.at / 1_000, self.at % 1_000);
        write!(f, "[{}] at {s}.{ms:03}: {}", self.checker, self.what)
    }
}

/// One promise.
pub trait Checker {
    /// Its name: the promise in a few words.
    fn name(&self) -> &'static str;

    /// Judges something that happened.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String>;

    /// Judges the end of the world.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn at_end(&mut self, _view: &View<'_>) -> Result<(), String> {
        Ok(())
    }

    /// How often it had something to judge.
    fn judged(&self) -> u64;
}

/// All checkers of one world.
pub struct Checks {
    checkers: Vec<Box<dyn Checker>>,
    violation: Option<Violation>,
}

impl Checks {
    /// The checkers of a world.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let checkers: Vec<Box<dyn Checker>> = vec![
            Box::new(commands::SentOnce::default()),
            Box::new(commands::WithinLife::default()),
            Box::new(commands::OneOutcome::default()),
            Box::new(commands::CounterActions::default()),
            Box::new(evidence::UnknownByEvidence::default()),
            Box::new(journal::RecordFirst::default()),
            Box::new(journal::NothingLost::default()),
            Box::new(missions::OneTakeOff::default()),
            Box::new(missions::OneVerdict::default()),
            Box::new(interlocks::Interlocks::default()),
            Box::new(interlocks::FlightGate::default()),
            Box::new(gate::Limits::default()),
            Box::new(health::WholeList::default()),
            Box::new(ownership::OneCommander::default()),
            Box::new(ownership::WithinLease::default()),
            Box::new(telemetry::TwinKeeps::default()),
            Box::new(rows::RowOrCounted::default()),
            Box::new(liveness::Liveness::new(plan)),
        ];
        Self { checkers, violation: None }
    }

    /// Tells all checkers what happened.
    pub fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) {
        if self.violation.is_some() {
            return;
        }
        for checker in &mut self.checkers {
            if let Err(what) = checker.note(view, fact) {
                self.violation = Some(Violation { at: view.now, checker: checker.name(), what });
                return;
            }
        }
    }

    /// Lets all checkers judge the end.
    pub fn at_end(&mut self, view: &View<'_>) {
        for checker in &mut self.checkers {
            if let Err(what) = checker.at_end(view) {
                self.violation = Some(Violation { at: view.now, checker: checker.name(), what });
                return;
            }
        }
    }

    /// The world itself found something wrong.
    pub fn fail(&mut self, at: Ms, checker: &'static str, what: String) {
        self.violation.get_or_insert(Violation { at, checker, what });
    }

    /// Whether something is wrong.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.violation.is_some()
    }

    /// What is wrong.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.violation.clone()
    }

    /// How often each checker had something to judge.
    pub fn count(&self, tally: &mut BTreeMap<&'static str, u64>) {
        for checker in &self.checkers {
            *tally.entry(checker.name()).or_default() += checker.judged();
        }
    }
}
