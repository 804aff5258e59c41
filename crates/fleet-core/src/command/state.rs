//! A command's states, and the table of its transitions. Read next: [`super`].

use fleet_types::{CommandState, MonoMs, Now};

use crate::machine::{Machine, Named};

/// Every state and transition of a command.
pub const MACHINE: Machine = Machine {
    name: "Command",
    module: "command.rs",
    about: "One order to a dock. What was accepted begins in `journaling`; after a restart a command is \
        taken up in the state on record and moves on by `restart` alone. `silence` is time without a \
        word; it never ends a command, and nothing but what is heard later, or a person, closes one \
        that is unknown.",
    states: &[
        ("journaling", "Accepted. Its record is being made; nothing has left."),
        ("sending", "On record, or a counter-action, which is not waited for: handed to the link."),
        ("sent", "Left; the dock's answer is due."),
        ("acknowledged", "The dock took it; its job's end, or its effect, is due."),
        ("unknown", "It may have left, and nobody knows what became of it."),
        ("succeeded", "Done, by the device's word, by telemetry or by a person's."),
        ("failed", "Refused or not done, by the device's word or a person's."),
        ("rejected", "Certainly not delivered."),
        ("expired", "Its time ran out before it left."),
    ],
    starts: &["journaling"],
    ends: &["succeeded", "failed", "rejected", "expired"],
    rows: &[
        ("counter_action", &["journaling"], "sending"),
        ("on_record", &["journaling"], "sending"),
        ("refused", &["journaling"], "rejected"),
        ("no_record", &["journaling"], "rejected"),
        ("time_up", &["journaling"], "expired"),
        ("written", &["sending"], "sent"),
        ("not_delivered", &["sending", "sent", "unknown"], "rejected"),
        ("not_sent", &["sending", "unknown"], "rejected"),
        ("expired_in_link", &["sending", "unknown"], "expired"),
        ("connection_lost", &["sending", "sent"], "unknown"),
        ("copy_not_delivered", &["sending", "sent"], "unknown"),
        ("silence", &["sending", "sent", "acknowledged"], "unknown"),
        ("repeat", &["sent"], "sending"),
        ("answer_unclear", &["sending", "sent"], "unknown"),
        ("answer_yes", &["sending", "sent", "unknown"], "acknowledged"),
        ("answer_yes", &["sending", "sent", "unknown"], "succeeded"),
        ("answer_no", &["sending", "sent", "unknown"], "failed"),
        ("job_runs", &["sending", "sent", "unknown"], "acknowledged"),
        ("job_done", &["sending", "sent", "acknowledged", "unknown"], "succeeded"),
        ("job_failed", &["sending", "sent", "acknowledged", "unknown"], "failed"),
        ("effect_seen", &["acknowledged", "unknown"], "succeeded"),
        ("observed", &["sending", "sent", "acknowledged", "unknown"], "succeeded"),
        ("refusal_observed", &["sending", "sent", "acknowledged", "unknown"], "failed"),
        ("person", &["unknown"], "succeeded"),
        ("person", &["unknown"], "failed"),
        ("restart", &["journaling"], "rejected"),
        ("restart", &["sending", "sent", "acknowledged"], "unknown"),
    ],
};

/// Where a command stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Waiting for the journal; nothing has left.
    Journaling,
    /// Handed to the link; its fate is due.
    Sending { deadline: MonoMs },
    /// Left; the answer is due.
    Sent { reply_deadline: MonoMs },
    /// Answered; the job's end, or the effect, is due.
    Acknowledged { deadline: MonoMs },
    /// Left, and nobody knows. Once the device spoke of it the link cannot say that it never left.
    Unknown { device_spoke: bool },
    /// Over, as this.
    Final(Outcome),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded,
    Failed,
    Rejected,
    Expired,
}

impl Outcome {
    pub(super) fn shown(self) -> CommandState {
        match self {
            Self::Succeeded => CommandState::Succeeded,
            Self::Failed => CommandState::Failed,
            Self::Rejected => CommandState::Rejected,
            Self::Expired => CommandState::Expired,
        }
    }
}

impl Named for State {
    const MACHINE: &'static Machine = &MACHINE;

    fn name(&self) -> &'static str {
        match self {
            Self::Journaling => "journaling",
            Self::Sending { .. } => "sending",
            Self::Sent { .. } => "sent",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Unknown { .. } => "unknown",
            Self::Final(Outcome::Succeeded) => "succeeded",
            Self::Final(Outcome::Failed) => "failed",
            Self::Final(Outcome::Rejected) => "rejected",
            Self::Final(Outcome::Expired) => "expired",
        }
    }
}

impl State {
    /// The state that a command is taken up in, by what was told of it last. Deadlines of the machine
    /// before are of no use: what may have left is unknown at once.
    pub(super) fn on_record(now: Now, was: CommandState, is_counter_action: bool) -> Self {
        match was {
            CommandState::Accepted if !is_counter_action => Self::Journaling,
            CommandState::Accepted | CommandState::Journaled => {
                Self::Sending { deadline: now.mono }
            }
            CommandState::Sent => Self::Sent { reply_deadline: now.mono },
            CommandState::Acknowledged => Self::Acknowledged { deadline: now.mono },
            CommandState::Unknown => Self::Unknown { device_spoke: false },
            CommandState::Succeeded => Self::Final(Outcome::Succeeded),
            CommandState::Failed => Self::Final(Outcome::Failed),
            CommandState::Rejected => Self::Final(Outcome::Rejected),
            CommandState::Expired => Self::Final(Outcome::Expired),
        }
    }
}
