//! Which tower owns which docks: a lease a partition, with a fencing epoch.
//!
//! The fleet is split into partitions ([`partition_of`]); each has one row in a store that all
//! towers share, changed by compare-and-set alone. A tower asks for a row, renews it, and stops
//! commanding a margin before the store may give it to another. The machine knows no store: it
//! asks by [`Output::Ask`] and is told by [`Input::Answer`].
//!
//! Why never two: the store grants a row only when its lease has run out by the store's own clock,
//! and raises the epoch with every grant to a new owner. The owner counts its time from the moment
//! it *asked*, before the store counted, so that a slow answer shortens its lease and never
//! lengthens it; and it stops [`LeaseConfig::margin_ms`] before that. A process that was stopped
//! wakes up after its time and finds its lease over ([`PartitionLease::may_command`] looks at the
//! clock at every decision, not at a flag). A write to the store that carries an old epoch is for
//! the store to refuse.
//!
//! What a checker may assert: of all towers, at most one `may_command` a partition at any moment of
//! true time, as long as clocks *run* at rates that differ by less than margin/ttl; the epoch of a
//! partition never goes back; a refused or late answer never makes an owner.

use std::collections::VecDeque;

use fleet_types::{MonoMs, Reason};

use crate::{
    machine::{Machine, Named, Tabled},
    mutant::{self, Mutant},
};

/// Every state and transition of a partition's lease, as one tower sees it.
pub const MACHINE: Machine = Machine {
    name: "Partition lease",
    module: "lease.rs",
    about: "The right of one tower to command the docks of one partition. It is counted from the question, \
        and stops a margin before the store may give it to another.",
    states: &[
        ("without", "Another tower's, nobody's, or not wanted: nothing is commanded."),
        ("held", "This tower's until it stops."),
    ],
    starts: &["without"],
    ends: &[],
    rows: &[
        ("granted", &["without"], "held"),
        ("refused", &["held"], "without"),
        ("run_out", &["held"], "without"),
        ("given_back", &["held"], "without"),
    ],
};

/// How long leases last, and how they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseConfig {
    /// Length of a lease, milliseconds, as the store counts it.
    pub ttl_ms: u64,
    /// Commanding stops this long before the lease may run out, milliseconds: for clocks that run
    /// unevenly, and for what is still on its way.
    pub margin_ms: u64,
    /// A lease is renewed this long after it was asked for, milliseconds.
    pub renew_ms: u64,
    /// A store that did not answer is asked again after this, milliseconds.
    pub retry_ms: u64,
}

impl Default for LeaseConfig {
    /// A dead tower's docks move within 10 s.
    fn default() -> Self {
        Self { ttl_ms: 10_000, margin_ms: 2_000, renew_ms: 3_000, retry_ms: 1_000 }
    }
}

/// The right to command, as it is handed to the machines of the docks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Higher with each owner.
    pub epoch: u64,
    /// No command at or after this.
    pub stop_at: MonoMs,
}

impl Ownership {
    /// That of a tower that shares its fleet with nobody.
    pub const SOLE: Self = Self { epoch: 0, stop_at: MonoMs(u64::MAX) };

    /// Whether a command decided under `epoch` may leave now. The one place where this is decided.
    #[must_use]
    pub fn may_command(&self, now: MonoMs, epoch: u64) -> bool {
        now < self.stop_at && epoch == self.epoch
    }
}

/// Whether a command may be decided, or leave, under a right that may be absent.
///
/// # Errors
/// Why not, for the person who asked.
pub fn check(ownership: Option<&Ownership>, now: MonoMs, epoch: u64) -> Result<(), Reason> {
    if ownership.is_some_and(|ownership| ownership.may_command(now, epoch)) {
        return Ok(());
    }
    Err(Reason::new(
        "not_owner",
        "This tower does not own the dock now; another one may. Nothing was sent: ask again in a few seconds.",
    ))
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Whether this tower wants the partition.
    Want(bool),
    /// The store answered.
    Answer {
        /// Which question.
        request: u64,
        /// What it said.
        answer: Answer,
    },
}

/// What the store said to a compare-and-set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The row is this tower's for one `ttl_ms` from the moment of the write.
    Granted {
        /// The epoch in the row.
        epoch: u64,
    },
    /// Somebody else has it.
    Refused,
    /// Nobody knows whether it was written.
    Failed,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Compare and set: if the row is this tower's with `holds`, lengthen it under the same epoch;
    /// else, if its lease has run out by the store's clock, take it with the next epoch.
    Ask {
        /// To be named in the answer.
        request: u64,
        /// The partition.
        partition: u16,
        /// The epoch under which this tower holds the row, as far as it knows.
        holds: Option<u64>,
        /// Length of the lease to write, milliseconds.
        ttl_ms: u64,
    },
    /// Give the row back, if it is this tower's with this epoch. Losing this is harmless.
    Release {
        /// The partition.
        partition: u16,
        /// The epoch.
        epoch: u64,
    },
    /// What the docks of the partition are to be told.
    Ownership {
        /// The partition.
        partition: u16,
        /// The right, or none.
        ownership: Option<Ownership>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Question {
    request: u64,
    asked_at: MonoMs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Another tower's, nobody's, or not wanted.
    Without { ask_at: Option<MonoMs> },
    /// Ours until it stops.
    Held { right: Ownership, renew_at: MonoMs },
}

impl Named for State {
    const MACHINE: &'static Machine = &MACHINE;

    fn name(&self) -> &'static str {
        match self {
            Self::Without { .. } => "without",
            Self::Held { .. } => "held",
        }
    }
}

/// One partition, as one tower sees it.
#[derive(Clone, Debug)]
pub struct PartitionLease {
    partition: u16,
    config: LeaseConfig,
    state: Tabled<State>,
    is_wanted: bool,
    question: Option<Question>,
    next_request: u64,
    outputs: VecDeque<Output>,
}

impl PartitionLease {
    /// A partition that this tower does not hold. `first_request` is never the same twice in the
    /// life of a store: a late answer of an earlier process must not pass for one of ours.
    #[must_use]
    pub fn new(partition: u16, config: LeaseConfig, first_request: u64) -> Self {
        Self {
            partition,
            config,
            state: Tabled::new(State::Without { ask_at: None }),
            is_wanted: false,
            question: None,
            next_request: first_request,
            outputs: VecDeque::new(),
        }
    }

    /// Whether a command decided under `epoch` may leave now.
    #[must_use]
    pub fn may_command(&self, now: MonoMs, epoch: u64) -> bool {
        self.right().is_some_and(|right| right.may_command(now, epoch))
    }

    /// The right as it stands; it may have run out.
    #[must_use]
    pub fn right(&self) -> Option<Ownership> {
        match *self.state {
            State::Held { right, .. } => Some(right),
            State::Without { .. } => None,
        }
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: MonoMs, input: &Input) {
        self.let_run_out(now);
        match *input {
            Input::Want(true) => {
                self.is_wanted = true;
                if *self.state == (State::Without { ask_at: None }) {
                    self.state.go("wanted", State::Without { ask_at: Some(now) });
                }
            }
            Input::Want(false) => {
                self.is_wanted = false;
                self.question = None;
                if let Some(right) = self.right() {
                    let (partition, epoch) = (self.partition, right.epoch);
                    self.lose();
                    self.outputs.push_back(Output::Release { partition, epoch });
                }
                self.state.go("given_back", State::Without { ask_at: None });
            }
            Input::Answer { request, answer } => self.take_answer(now, request, answer),
        }
        self.ask_if_due(now);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: MonoMs) {
        self.let_run_out(now);
        self.ask_if_due(now);
    }

    /// When [`Self::handle_timeout`] is next due, and for what.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(MonoMs, &'static str)> {
        let retry = self.question.map(|question| question.asked_at.after_ms(self.config.retry_ms));
        let stop = self.right().map(|right| right.stop_at);
        let ask = match (*self.state, retry) {
            (_, Some(retry)) => Some(retry),
            (State::Without { ask_at }, None) => ask_at,
            (State::Held { renew_at, .. }, None) => Some(renew_at),
        };
        [(stop, "lease stops"), (ask, "lease is asked for")]
            .into_iter()
            .filter_map(|(at, why)| Some((at?, why)))
            .min_by_key(|(at, _)| *at)
    }

    /// The next thing to be done, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn take_answer(&mut self, now: MonoMs, request: u64, answer: Answer) {
        // An answer to an earlier question may be about a world that is gone.
        let Some(question) = self.question.filter(|question| question.request == request) else {
            return;
        };
        self.question = None;
        match answer {
            Answer::Granted { epoch } => self.take_grant(now, question.asked_at, epoch),
            Answer::Refused => {
                self.lose();
                let ask_at = Some(now.after_ms(self.config.retry_ms));
                self.state.go("refused", State::Without { ask_at });
            }
            Answer::Failed => {
                let again = now.after_ms(self.config.retry_ms);
                self.state.change("failed", |state| match state {
                    State::Without { ask_at } => *ask_at = Some(again),
                    State::Held { renew_at, .. } => *renew_at = again,
                });
            }
        }
    }

    fn take_grant(&mut self, now: MonoMs, asked_at: MonoMs, epoch: u64) {
        let LeaseConfig { ttl_ms, margin_ms, renew_ms, .. } = self.config;
        // Counted from the question: the store began to count no earlier than that.
        let margin_ms = if mutant::is(Mutant::LeaseWithoutMargin) { 0 } else { margin_ms };
        let stop_at = asked_at.after_ms(ttl_ms.saturating_sub(margin_ms));
        let right = Ownership { epoch, stop_at };
        if now >= stop_at {
            // The answer took as long as the lease: it is over before it began.
            self.lose();
            self.state.go("granted_too_late", State::Without { ask_at: Some(now) });
            return;
        }
        let renew_at = asked_at.after_ms(renew_ms);
        self.state.go("granted", State::Held { right, renew_at });
        let (partition, ownership) = (self.partition, Some(right));
        self.outputs.push_back(Output::Ownership { partition, ownership });
    }

    /// Ends a lease whose time is up.
    fn let_run_out(&mut self, now: MonoMs) {
        if let State::Held { mut right, renew_at } = *self.state
            && now >= right.stop_at
            && mutant::is(Mutant::TwoOwners)
        {
            right.stop_at = MonoMs(u64::MAX);
            self.state.go("planted", State::Held { right, renew_at });
            let (partition, ownership) = (self.partition, Some(right));
            self.outputs.push_back(Output::Ownership { partition, ownership });
        }
        if self.right().is_some_and(|right| now >= right.stop_at) {
            self.lose();
            self.state.go("run_out", State::Without { ask_at: Some(now) });
        }
    }

    /// Tells the docks that they have no commander here, if they had one.
    fn lose(&mut self) {
        if self.right().is_some() {
            let (partition, ownership) = (self.partition, None);
            self.outputs.push_back(Output::Ownership { partition, ownership });
        }
    }

    fn ask_if_due(&mut self, now: MonoMs) {
        if !self.is_wanted {
            return;
        }
        if let Some(question) = self.question {
            if now < question.asked_at.after_ms(self.config.retry_ms) {
                return;
            }
        } else {
            let due = match *self.state {
                State::Without { ask_at } => ask_at,
                State::Held { renew_at, .. } => Some(renew_at),
            };
            if due.is_none_or(|due| now < due) {
                return;
            }
        }
        let request = self.next_request;
        self.next_request += 1;
        self.question = Some(Question { request, asked_at: now });
        self.outputs.push_back(Output::Ask {
            request,
            partition: self.partition,
            holds: self.right().map(|right| right.epoch),
            ttl_ms: self.config.ttl_ms,
        });
    }
}

/// The partition of a dock among `count`; the same on every tower and in every version.
#[must_use]
pub fn partition_of(sn: &fleet_types::DeviceSn, count: u16) -> u16 {
    // FNV-1a: stable by definition, and even enough for serial numbers.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in sn.as_str().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let partition = hash % u64::from(count.max(1));
    u16::try_from(partition).unwrap_or(0)
}

#[cfg(test)]
mod tests;
