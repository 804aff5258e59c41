//! The mission as the dock flies it: what `wpmz/waylines.wpml` says, in typed form.
//!
//! Elements this model does not know are skipped when reading; they are not carried over when
//! writing. Read next: `read` for the mapping, `estimate` for lengths and times.

/// A whole wayline mission.
#[derive(Debug, Clone, PartialEq)]
pub struct Mission {
    /// How the aircraft goes to the first waypoint.
    pub fly_to_mode: FlyToMode,
    /// What the aircraft does after the last waypoint.
    pub finish_action: FinishAction,
    /// What happens when the link is lost; must agree with `exit_wayline_when_rc_lost` of the task.
    pub rc_lost: RcLost,
    /// Height above the take-off point to climb to first (`takeOffSecurityHeight`; dock: 8–1500 m).
    pub security_height_m: f64,
    /// Speed on the way to the first waypoint and home (`globalTransitionalSpeed`).
    pub transitional_speed_mps: f64,
    /// Return height above the take-off point (`globalRTHHeight`), if the file gives one.
    pub rth_height_m: Option<f64>,
    /// The aircraft the file was made for.
    pub drone: DroneInfo,
    /// The payload the file was made for.
    pub payload: PayloadInfo,
    /// Routes, flown in this order. Never empty when read from a file.
    pub waylines: Vec<Wayline>,
}

/// `flyToWaylineMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlyToMode {
    /// Climb to the security height, fly level, then to the waypoint's height.
    Safely,
    /// Straight line once the security height is reached.
    PointToPoint,
}

/// `finishAction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishAction {
    /// Return to the dock.
    GoHome,
    /// Hover at the last waypoint.
    NoAction,
    /// Land where it is.
    AutoLand,
    /// Fly back to the first waypoint.
    GotoFirstWaypoint,
}

/// `exitOnRCLost` with `executeRCLostAction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RcLost {
    /// Keep flying the wayline.
    Continue,
    /// Leave the wayline and act.
    Execute(LostLinkAction),
}

/// `executeRCLostAction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostLinkAction {
    /// Return home.
    GoBack,
    /// Land where it is.
    Landing,
    /// Hover.
    Hover,
}

/// `droneInfo`: Matrice 3D is 91/0, Matrice 3TD 91/1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroneInfo {
    /// `droneEnumValue`.
    pub type_id: u32,
    /// `droneSubEnumValue`.
    pub sub_type: u32,
}

/// `payloadInfo`: Matrice 3D camera is 80, Matrice 3TD camera 81.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadInfo {
    /// `payloadEnumValue`.
    pub type_id: u32,
    /// `payloadPositionIndex`, the gimbal it hangs on.
    pub position: u32,
}

/// One `Folder` of the waylines file.
#[derive(Debug, Clone, PartialEq)]
pub struct Wayline {
    /// `waylineId`, unique in the mission.
    pub id: u16,
    /// `autoFlightSpeed`, for waypoints without a speed of their own.
    pub speed_mps: f64,
    /// What [`Waypoint::height_m`] is measured from.
    pub height_mode: HeightMode,
    /// Waypoints, with indexes 0, 1, 2, ….
    pub waypoints: Vec<Waypoint>,
}

/// `executeHeightMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeightMode {
    /// Height above the WGS84 ellipsoid.
    Wgs84,
    /// Height above the take-off point.
    RelativeToStartPoint,
    /// Height above the ground seen while flying (Mavic 3 Enterprise series only).
    RealTimeFollowSurface,
}

/// One `Placemark`.
#[derive(Debug, Clone, PartialEq)]
pub struct Waypoint {
    /// `index`, contiguous from 0.
    pub index: u32,
    /// Longitude, degrees, WGS84.
    pub lon: f64,
    /// Latitude, degrees, WGS84.
    pub lat: f64,
    /// `executeHeight`, by the wayline's height mode.
    pub height_m: f64,
    /// `waypointSpeed`: speed on the way from here to the next waypoint.
    pub speed_mps: f64,
    /// Action groups that begin at this waypoint.
    pub action_groups: Vec<ActionGroup>,
}

/// `actionGroup`.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionGroup {
    /// `actionGroupId`.
    pub id: u16,
    /// `actionGroupStartIndex`.
    pub start_index: u32,
    /// `actionGroupEndIndex`.
    pub end_index: u32,
    /// When the actions run.
    pub trigger: Trigger,
    /// Actions, run in sequence.
    pub actions: Vec<Action>,
}

/// `actionTrigger`.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// On arrival at the waypoint.
    ReachPoint,
    /// While flying to the next waypoint.
    BetweenAdjacentPoints,
    /// Every so many seconds.
    EverySeconds(f64),
    /// Every so many metres.
    EveryMetres(f64),
    /// A trigger this crate does not know, by its name.
    Other(String),
}

/// `action`.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// `actionId`, unique in its group.
    pub id: u16,
    /// What is done.
    pub kind: ActionKind,
}

/// `actionActuatorFunc` with the parameters that change how long or how a flight goes.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionKind {
    /// One photo.
    TakePhoto,
    /// Begin a video.
    StartRecord,
    /// End the video.
    StopRecord,
    /// Stay in place for this many seconds.
    Hover {
        /// Seconds, above 0.
        seconds: f64,
    },
    /// Turn the gimbal.
    GimbalPitch {
        /// Pitch in degrees, -90 straight down.
        degrees: f64,
    },
    /// Turn the aircraft.
    RotateYaw {
        /// Heading in degrees, 0 north, -180 to 180.
        degrees: f64,
    },
    /// An action this crate does not know, by its name; its parameters are not kept.
    Other(String),
}

impl Mission {
    /// Waypoints of all waylines together.
    #[must_use]
    pub fn waypoint_count(&self) -> usize {
        self.waylines.iter().map(|w| w.waypoints.len()).sum()
    }
}
