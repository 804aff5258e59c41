//! The stages of a running flight task, and how it may end. Read next: `task`, `flight`.

use super::{FlightEnd, codes};

/// Where a running task stands. Seconds are physical.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// Asking for the wayline file's address; `asked` after the command's own answer.
    Resource { asked: bool },
    /// Downloading.
    Fetching { fetch_id: u64 },
    /// Cover on its way up.
    Opening { left_s: f64 },
    /// Aircraft checks, upload of the file.
    StartUp { left_s: f64 },
    /// Straight up.
    TakeOff,
    /// The flight of a dry run, computed inside the dock: nothing moves.
    Rehearsal { left_s: f64 },
    /// Level to above the first waypoint of wayline `route`.
    Approach { route: usize, point: usize },
    /// Towards a waypoint.
    Leg { route: usize, point: usize },
    /// Photo, hover and the like at a waypoint.
    Acting { route: usize, point: usize, left_s: f64 },
    /// Hovering inside the wayline; `next` is taken up again.
    Paused { next: Box<Stage> },
    /// Hovering out of wayline mode, for ever or until the battery says otherwise.
    Hover,
    /// Up to the return height.
    ReturnClimb,
    /// Level to above the dock.
    ReturnLeg,
    /// Down.
    Landing,
    /// Cover on its way down.
    Closing { left_s: f64 },
    /// Counting media, leaving working mode.
    WrapUp { left_s: f64 },
}

/// How a task will end, as soon as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// All waypoints flown.
    Complete,
    /// Somebody sent it home.
    UserReturn,
    /// The battery sent it home.
    LowBattery,
    /// It cannot go on.
    Failed(i64),
}

impl From<Ending> for FlightEnd {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Complete => Self::Complete,
            Ending::UserReturn => Self::Canceled,
            Ending::LowBattery => Self::Failed(codes::LOW_BATTERY_RETURN),
            Ending::Failed(code) => Self::Failed(code),
        }
    }
}

impl Stage {
    /// Whether a dry run is under way in it, paused or not.
    pub(super) fn is_rehearsal(&self) -> bool {
        match self {
            Self::Rehearsal { .. } => true,
            Self::Paused { next } => next.is_rehearsal(),
            Self::Resource { .. }
            | Self::Fetching { .. }
            | Self::Opening { .. }
            | Self::StartUp { .. }
            | Self::TakeOff
            | Self::Approach { .. }
            | Self::Leg { .. }
            | Self::Acting { .. }
            | Self::Hover
            | Self::ReturnClimb
            | Self::ReturnLeg
            | Self::Landing
            | Self::Closing { .. }
            | Self::WrapUp { .. } => false,
        }
    }

    /// Wayline, waypoint and whether the aircraft is on it (or on its way), while in a wayline.
    pub(super) fn waypoint(&self) -> Option<(usize, usize, bool)> {
        match self {
            Self::Leg { route, point } => Some((*route, *point, false)),
            Self::Acting { route, point, .. } => Some((*route, *point, true)),
            Self::Paused { next } => next.waypoint(),
            Self::Resource { .. }
            | Self::Fetching { .. }
            | Self::Opening { .. }
            | Self::StartUp { .. }
            | Self::TakeOff
            | Self::Rehearsal { .. }
            | Self::Approach { .. }
            | Self::Hover
            | Self::ReturnClimb
            | Self::ReturnLeg
            | Self::Landing
            | Self::Closing { .. }
            | Self::WrapUp { .. } => None,
        }
    }
}
