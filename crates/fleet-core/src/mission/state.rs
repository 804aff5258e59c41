//! A mission's states, and the table of its transitions. Read next: [`super`].

use fleet_types::MissionState;

use crate::machine::{Machine, Named};

/// Every state and transition of a mission.
pub const MACHINE: Machine = Machine {
    name: "Mission",
    module: "mission.rs",
    about: "One flight of one dock. Its two orders, to prepare and to fly, are commands with a life of \
        their own: what became of them comes here as a cause. A flight under way ends by the dock's \
        word alone, or by a person's; `silence` makes it unknown and never ends it. After a restart a \
        mission is taken up in the state on record and moves on by `restart` alone.",
    states: &[
        ("scheduled", "Its time to be prepared has not come."),
        ("preparing", "The order to prepare is given, or to be given at once."),
        ("prepared", "The dock has prepared; take-off waits for its time, conditions or release."),
        ("ready", "Nothing but our own facts and its time is waited for."),
        ("starting", "Take-off was ordered, once."),
        ("executing", "Under way, by the dock's word."),
        ("paused", "Under way and standing still."),
        ("hovering", "Its return was cancelled; nothing was seen of another one."),
        ("unknown", "Whether it flies is not known. The dock is locked for new flights."),
        ("ended", "Over, with one verdict."),
    ],
    starts: &["scheduled", "preparing"],
    ends: &["ended"],
    rows: &[
        ("refused", &["scheduled", "preparing"], "ended"),
        ("prepare_ordered", &["scheduled"], "preparing"),
        ("prepare_taken", &["preparing"], "prepared"),
        ("prepare_not_sent", &["preparing"], "scheduled"),
        ("prepare_refused", &["preparing"], "ended"),
        ("prepare_unanswered", &["preparing"], "ended"),
        ("dock_ready", &["prepared"], "ready"),
        ("released", &["prepared"], "ready"),
        ("take_off_ordered", &["preparing", "prepared", "ready"], "starting"),
        ("take_off_not_sent", &["starting"], "prepared"),
        ("take_off_not_sent", &["starting"], "ready"),
        ("take_off_not_sent", &["unknown"], "ended"),
        ("take_off_taken", &["starting", "unknown"], "executing"),
        ("take_off_refused", &["starting", "unknown"], "ended"),
        ("take_off_unanswered", &["starting"], "unknown"),
        ("file_asked_for", &["starting", "unknown"], "executing"),
        ("progress", &["starting", "paused", "unknown"], "executing"),
        ("progress_paused", &["starting", "executing", "unknown"], "paused"),
        ("return_cancelled", &["executing", "paused"], "hovering"),
        ("return_seen", &["hovering"], "executing"),
        ("dock_done", &["starting", "executing", "paused", "hovering", "unknown"], "ended"),
        ("dock_did_a_part", &["starting", "executing", "paused", "hovering", "unknown"], "ended"),
        (
            "dock_failed",
            &[
                "preparing",
                "prepared",
                "ready",
                "starting",
                "executing",
                "paused",
                "hovering",
                "unknown",
            ],
            "ended",
        ),
        ("silence", &["executing", "paused", "hovering"], "unknown"),
        ("person", &["unknown"], "executing"),
        ("person", &["executing", "paused", "hovering", "unknown"], "ended"),
        ("cancelled", &["scheduled", "preparing", "prepared", "ready"], "ended"),
        ("window_over", &["scheduled", "prepared", "ready"], "ended"),
        ("file_gone", &["scheduled"], "ended"),
        ("restart", &["scheduled", "preparing", "prepared", "ready", "starting"], "unknown"),
        ("restart", &["preparing", "prepared", "ready", "starting", "unknown"], "ended"),
    ],
};

/// Where a mission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its time to be prepared has not come.
    Scheduled,
    Preparing,
    /// The dock has prepared; take-off waits. `ready`: nothing but our own facts is waited for.
    Prepared {
        ready: bool,
    },
    Starting,
    Executing,
    Paused,
    /// Its return was cancelled, and nothing was seen of another one.
    Hovering,
    Unknown,
    Ended,
}

impl Named for State {
    const MACHINE: &'static Machine = &MACHINE;

    fn name(&self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Preparing => "preparing",
            Self::Prepared { ready: false } => "prepared",
            Self::Prepared { ready: true } => "ready",
            Self::Starting => "starting",
            Self::Executing => "executing",
            Self::Paused => "paused",
            Self::Hovering => "hovering",
            Self::Unknown => "unknown",
            Self::Ended => "ended",
        }
    }
}

impl State {
    /// As it is told.
    pub(super) fn shown(self) -> MissionState {
        match self {
            Self::Scheduled => MissionState::Scheduled,
            Self::Preparing => MissionState::Preparing,
            Self::Prepared { ready: false } => MissionState::Prepared,
            Self::Prepared { ready: true } => MissionState::Ready,
            Self::Starting => MissionState::Starting,
            Self::Executing => MissionState::Executing,
            Self::Paused => MissionState::Paused,
            Self::Hovering => MissionState::Hovering,
            Self::Unknown => MissionState::Unknown,
            Self::Ended => MissionState::Ended,
        }
    }

    /// The state that a mission is taken up in, by what was told of it last.
    pub(super) fn on_record(was: MissionState) -> Self {
        match was {
            MissionState::Scheduled => Self::Scheduled,
            MissionState::Preparing => Self::Preparing,
            MissionState::Prepared => Self::Prepared { ready: false },
            MissionState::Ready => Self::Prepared { ready: true },
            MissionState::Starting => Self::Starting,
            MissionState::Executing => Self::Executing,
            MissionState::Paused => Self::Paused,
            MissionState::Hovering => Self::Hovering,
            MissionState::Unknown => Self::Unknown,
            MissionState::Ended => Self::Ended,
        }
    }
}
