//! Wayline flights: prepare, execute, control, progress.
//!
//! Prepare and execute belong together: neither alone flies. Pause, recovery and return take no
//! body. The page's table of `flighttask_progress` lacks `result` and `output`; its example and
//! every device have them. Progress is matched by `ext.flight_id`, not by `bid`.
//! Source: `dock2/wayline` page. Next: [`crate::method`] for what may be sent when.

use crate::check::{CallError, Check, bounded, required, required_text};
use crate::device::codes::{ExitWaylineWhenRcLost, HomePositionState, RthMode};
use crate::device::dock::{AlternateLandPoint, RtcmInfo};
use crate::device::lost_link::OutOfControlAction;
use crate::device::shared::WirelessLinkTopo;
use crate::lenient::{Flag, Int, Num};
use crate::macros::{codes, wire, words};
use crate::reply::{JobStatus, ResultCode};
use crate::text::Text;

pub use crate::wayline_codes::{BreakReason, FlightStep, HomingReason, WaylineMissionState};

const PAGE: &str = "dock2/wayline";

codes! {
    /// When a flight starts.
    pub enum TaskType {
        Immediate = 0 "immediate",
        Timed = 1 "timed",
        Conditional = 2 "conditional",
    }
}

codes! {
    /// How precisely a wayline is flown. RTK waits in the air for a fix, without pause meanwhile.
    pub enum WaylinePrecision {
        Gps = 0 "gps",
        Rtk = 1 "rtk",
    }
}

codes! {
    /// Where a flight broke off.
    pub enum BreakPointState {
        OnSegment = 0 "on_segment",
        OnWaypoint = 1 "on_waypoint",
    }
}

wire! {
    /// `flighttask_prepare`: the dock fetches the flight and checks it.
    pub struct FlighttaskPrepare {
        /// The flight, ours to choose.
        flight_id: Text = "flight_id" [""];
        /// When it starts; required for immediate and timed flights.
        execute_time: Int = "execute_time" ["ms"];
        /// How it starts.
        task_type: TaskType = "task_type" [""];
        /// The KMZ.
        file: WaylineFile = "file" [""];
        /// Conditions of a conditional flight.
        ready_conditions: ReadyConditions = "ready_conditions" [""];
        /// Conditions that the device checks at the start.
        executable_conditions: ExecutableConditions = "executable_conditions" [""];
        /// Present: go on from there.
        break_point: BreakPoint = "break_point" [""];
        /// Return height over the take-off point, 20 to 1500.
        rth_altitude: Int = "rth_altitude" ["m"];
        /// A dock supports only the preset height.
        rth_mode: RthMode = "rth_mode" [""];
        /// When the link is lost. DJI asks to send 0, return.
        out_of_control_action: OutOfControlAction = "out_of_control_action" [""];
        /// When the link is lost in the wayline; must match the KMZ.
        exit_wayline_when_rc_lost: ExitWaylineWhenRcLost = "exit_wayline_when_rc_lost" [""];
        /// GPS or RTK.
        wayline_precision_type: WaylinePrecision = "wayline_precision_type" [""];
        /// Fly in the simulator of the aircraft, indoors.
        simulate_mission: SimulateMission = "simulate_mission" [""];
        /// Synchronise custom flight areas before the start.
        flight_safety_advance_check: Flag = "flight_safety_advance_check" [""];
    }
}

wire! {
    /// A KMZ to fetch.
    pub struct WaylineFile {
        /// Where to fetch it; short-lived.
        url: Text = "url" [""];
        /// MD5 of the file, in hex.
        fingerprint: Text = "fingerprint" [""];
    }
}

wire! {
    /// Conditions of a conditional flight, checked again at its start.
    pub struct ReadyConditions {
        /// The battery must hold more than this.
        battery_capacity: Int = "battery_capacity" ["%"];
        /// Not before.
        begin_time: Int = "begin_time" ["ms"];
        /// Not after.
        end_time: Int = "end_time" ["ms"];
    }
}

wire! {
    /// Conditions that the device checks at the start; one that fails ends the flight.
    pub struct ExecutableConditions {
        /// Storage that must be free.
        storage_capacity: Int = "storage_capacity" ["MB"];
    }
}

wire! {
    /// Where a flight broke off, and where to go on.
    pub struct BreakPoint {
        /// Number of the break point.
        index: Int = "index" [""];
        /// On a segment or a waypoint.
        state: BreakPointState = "state" [""];
        /// Done of the segment, 0 to 1.
        progress: Num = "progress" [""];
        /// The wayline.
        wayline_id: Int = "wayline_id" [""];
        /// Why it broke off. After an obstacle a flight must not be resumed.
        break_reason: BreakReason = "break_reason" [""];
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Height over the ellipsoid.
        height: Num = "height" ["m"];
        /// Heading, 0 north, clockwise.
        attitude_head: Num = "attitude_head" ["°"];
    }
}

wire! {
    /// Simulation of a flight indoors.
    pub struct SimulateMission {
        /// On.
        is_enable: Flag = "is_enable" [""];
        /// Simulated latitude.
        latitude: Num = "latitude" ["°"];
        /// Simulated longitude.
        longitude: Num = "longitude" ["°"];
    }
}

impl Check for FlighttaskPrepare {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.flight_id.as_ref(), "flight_id", PAGE)?;
        let task_type = *required(self.task_type.as_ref(), "task_type", PAGE)?;
        if task_type == TaskType::Conditional {
            required(self.ready_conditions.as_ref(), "ready_conditions", PAGE)?;
        } else {
            required(self.execute_time.as_ref(), "execute_time", PAGE)?;
        }
        bounded(
            self.execute_time,
            |ms| (1_000_000_000_000..10_000_000_000_000).contains(ms),
            "execute_time",
            "13 digits, ms since 1970",
            PAGE,
        )?;
        let file = required(self.file.as_ref(), "file", PAGE)?;
        required_text(file.url.as_ref(), "file.url", PAGE)?;
        required_text(file.fingerprint.as_ref(), "file.fingerprint", PAGE)?;
        required(self.rth_altitude.as_ref(), "rth_altitude", PAGE)?;
        bounded(
            self.rth_altitude,
            |m| (20..=1500).contains(m),
            "rth_altitude",
            "20 to 1500 m",
            PAGE,
        )?;
        bounded(
            self.rth_mode.map(RthMode::code),
            |&code| code == RthMode::Preset.code(),
            "rth_mode",
            "1 (preset height): the only one a dock supports",
            PAGE,
        )?;
        required(self.out_of_control_action.as_ref(), "out_of_control_action", PAGE)?;
        required(self.exit_wayline_when_rc_lost.as_ref(), "exit_wayline_when_rc_lost", PAGE)?;
        if let Some(conditions) = &self.ready_conditions {
            conditions.check()?;
        }
        if let Some(point) = &self.break_point {
            point.check()?;
        }
        self.simulate_mission.as_ref().map_or(Ok(()), Check::check)
    }
}

impl Check for ReadyConditions {
    fn check(&self) -> Result<(), CallError> {
        bounded(
            self.battery_capacity,
            |percent| (0..=100).contains(percent),
            "ready_conditions.battery_capacity",
            "0 to 100 %",
            PAGE,
        )
    }
}

impl Check for BreakPoint {
    fn check(&self) -> Result<(), CallError> {
        required(self.index.as_ref(), "break_point.index", PAGE)?;
        required(self.wayline_id.as_ref(), "break_point.wayline_id", PAGE)?;
        bounded(
            self.progress,
            |done| (0.0..=1.0).contains(done),
            "break_point.progress",
            "0 to 1",
            PAGE,
        )
    }
}

impl Check for SimulateMission {
    fn check(&self) -> Result<(), CallError> {
        bounded(
            self.latitude,
            |deg| (-90.0..=90.0).contains(deg),
            "simulate_mission.latitude",
            "-90 to 90 degrees",
            PAGE,
        )?;
        bounded(
            self.longitude,
            |deg| (-180.0..=180.0).contains(deg),
            "simulate_mission.longitude",
            "-180 to 180 degrees",
            PAGE,
        )
    }
}

wire! {
    /// `flighttask_execute`: take off.
    pub struct FlighttaskExecute {
        /// The prepared flight.
        flight_id: Text = "flight_id" [""];
        /// Two docks, one flight.
        multi_dock_task: MultiDockTask = "multi_dock_task" [""];
    }
}

impl Check for FlighttaskExecute {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.flight_id.as_ref(), "flight_id", PAGE).map(drop)
    }
}

wire! {
    /// A flight from one dock to another.
    pub struct MultiDockTask {
        /// Pairing data, from the aircraft's state.
        wireless_link_topo: WirelessLinkTopo = "wireless_link_topo" [""];
        /// Both docks, from their OSD.
        dock_infos: Vec<DockInfo> = "dock_infos" [""];
    }
}

words! {
    /// What a dock does in a multi-dock flight.
    pub enum DockRole {
        Takeoff = "takeoff",
        Landing = "landing",
    }
}

wire! {
    /// One dock of a multi-dock flight.
    pub struct DockInfo {
        /// What it does.
        dock_type: DockRole = "dock_type" [""];
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Height over the ellipsoid.
        height: Num = "height" ["m"];
        /// Heading.
        heading: Num = "heading" ["°"];
        /// Whether the home position is valid.
        home_position_is_valid: HomePositionState = "home_position_is_valid" [""];
        /// Identifier within the task, 1 to 31.
        index: Int = "index" [""];
        /// Serial number.
        sn: Text = "sn" [""];
        /// Source of corrections.
        rtcm_info: RtcmInfo = "rtcm_info" [""];
        /// Alternate landing point.
        alternate_land_point: AlternateLandPoint = "alternate_land_point" [""];
    }
}

wire! {
    /// `flighttask_undo` and `flighttask_ready`: flights by id.
    pub struct FlightIds {
        /// The flights.
        flight_ids: Vec<Text> = "flight_ids" [""];
    }
}

impl Check for FlightIds {
    fn check(&self) -> Result<(), CallError> {
        let ids = required(self.flight_ids.as_ref(), "flight_ids", PAGE)?;
        bounded(Some(ids.len()), |&len| len > 0, "flight_ids", "at least one flight", PAGE)
    }
}

wire! {
    /// `flighttask_resource_get`: the dock asks for the KMZ of a flight (again).
    pub struct ResourceGetRequest {
        /// The flight.
        flight_id: Text = "flight_id" [""];
    }
}

wire! {
    /// Output of the answer to `flighttask_resource_get`.
    pub struct ResourceGetOutput {
        /// The KMZ, at a fresh address.
        file: WaylineFile = "file" [""];
    }
}

wire! {
    /// `flighttask_progress`.
    pub struct FlighttaskProgress {
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Status, progress and particulars.
        output: FlightOutput = "output" [""];
    }
}

wire! {
    /// Status, progress and particulars of a flight.
    pub struct FlightOutput {
        /// Where the flight stands. Simulators send numbers: those are no status.
        status: JobStatus = "status" [""];
        /// How far it is.
        progress: FlightProgress = "progress" [""];
        /// Particulars.
        ext: FlightExt = "ext" [""];
    }
}

wire! {
    /// How far a flight is.
    pub struct FlightProgress {
        /// The step.
        current_step: FlightStep = "current_step" [""];
        /// Done, 0 to 100.
        percent: Num = "percent" ["%"];
    }
}

wire! {
    /// Particulars of a flight.
    pub struct FlightExt {
        /// The flight.
        flight_id: Text = "flight_id" [""];
        /// The track.
        track_id: Text = "track_id" [""];
        /// Waypoints flown.
        current_waypoint_index: Int = "current_waypoint_index" [""];
        /// The wayline being flown, from 0.
        wayline_id: Int = "wayline_id" [""];
        /// Where the wayline stands.
        wayline_mission_state: WaylineMissionState = "wayline_mission_state" [""];
        /// Pictures and videos taken.
        media_count: Int = "media_count" [""];
        /// Where the flight broke off: keep it for resuming.
        break_point: BreakPoint = "break_point" [""];
    }
}

impl FlighttaskProgress {
    /// Where the flight stands.
    #[must_use]
    pub fn status(&self) -> Option<&JobStatus> {
        self.output.as_ref()?.status.as_ref()
    }

    /// The flight it is about.
    #[must_use]
    pub fn flight_id(&self) -> Option<&str> {
        self.output.as_ref()?.ext.as_ref()?.flight_id.as_deref()
    }

    /// Done, 0 to 100.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        self.output.as_ref()?.progress.as_ref()?.percent
    }

    /// The step.
    #[must_use]
    pub fn step(&self) -> Option<FlightStep> {
        self.output.as_ref()?.progress.as_ref()?.current_step
    }

    /// Particulars.
    #[must_use]
    pub fn ext(&self) -> Option<&FlightExt> {
        self.output.as_ref()?.ext.as_ref()
    }
}

wire! {
    /// `device_exit_homing_notify`: a return was aborted; return_home must be sent again.
    pub struct ExitHoming {
        /// The dock.
        sn: Text = "sn" [""];
        /// True when the aircraft left its way home, false when that state is over.
        action: Flag = "action" [""];
        /// Why. DJI's example shows text.
        reason: HomingReason = "reason" [""];
    }
}

codes! {
    /// Where the planned way home ends.
    pub enum LastPoint {
        AboveHome = 0 "above_home",
        Elsewhere = 1 "elsewhere",
    }
}

wire! {
    /// `return_home_info`: the whole planned way home, anew each time.
    pub struct ReturnHomeInfo {
        /// The way.
        planned_path_points: Vec<PathPoint> = "planned_path_points" [""];
        /// Where the way ends.
        last_point_type: LastPoint = "last_point_type" [""];
        /// The flight.
        flight_id: Text = "flight_id" [""];
        /// The chosen dock (multi-dock).
        home_dock_sn: Text = "home_dock_sn" [""];
        /// The docks in question (multi-dock).
        multi_dock_home_info: Vec<DockHome> = "multi_dock_home_info" [""];
    }
}

wire! {
    /// A point of the way home.
    pub struct PathPoint {
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Height over the ellipsoid.
        height: Num = "height" ["m"];
    }
}

codes! {
    /// Whether a dock can be reached.
    pub enum HomePlan {
        Planning = 0 "planning_or_failed",
        Unreachable = 1 "unreachable",
        BatteryTooLow = 2 "battery_too_low",
        Reachable = 3 "reachable",
    }
}

wire! {
    /// A dock the aircraft could return to.
    pub struct DockHome {
        /// Serial number.
        sn: Text = "sn" [""];
        /// Whether it can be reached.
        plan_status: HomePlan = "plan_status" [""];
        /// Battery it would take.
        estimated_battery_consumption: Int = "estimated_battery_consumption" ["%"];
        /// Distance.
        home_distance: Num = "home_distance" ["m"];
    }
}

wire! {
    /// `flighttask_progress_get`: one dock asks how the flight stands at the other (multi-dock).
    pub struct ProgressGetRequest {
        /// The other dock.
        target_sn: Text = "target_sn" [""];
        /// The flight.
        flight_id: Text = "flight_id" [""];
    }
}

wire! {
    /// `flighttask_stop`: end a multi-dock flight at one dock.
    pub struct FlighttaskStop {
        /// The flight.
        flight_id: Text = "flight_id" [""];
        /// True when the other dock is out of order.
        reason: Flag = "reason" [""];
    }
}

impl Check for FlighttaskStop {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.flight_id.as_ref(), "flight_id", PAGE)?;
        required(self.reason.as_ref(), "reason", PAGE).map(drop)
    }
}

wire! {
    /// `return_specific_home`: come home to this dock (multi-dock).
    pub struct ReturnSpecificHome {
        /// The dock.
        home_dock_sn: Text = "home_dock_sn" [""];
    }
}

impl Check for ReturnSpecificHome {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.home_dock_sn.as_ref(), "home_dock_sn", PAGE).map(drop)
    }
}

wire! {
    /// `flighttask_create`: deprecated by DJI and not sent; use prepare and execute.
    pub struct FlighttaskCreate {
        /// The flight.
        flight_id: Text = "flight_id" [""];
        /// Kind of flight, `wayline`.
        kind: Text = "type" [""];
        /// The KMZ.
        file: SignedFile = "file" [""];
    }
}

wire! {
    /// A KMZ to fetch, in the words of the deprecated method.
    pub struct SignedFile {
        /// Where to fetch it.
        url: Text = "url" [""];
        /// MD5 of the file, in hex.
        sign: Text = "sign" [""];
    }
}

impl Check for FlighttaskCreate {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.flight_id.as_ref(), "flight_id", PAGE)?;
        required_text(self.kind.as_ref(), "type", PAGE)?;
        required(self.file.as_ref(), "file", PAGE).map(drop)
    }
}

wire! {
    /// Output of the answer to `flighttask_progress_get` (multi-dock).
    pub struct ProgressGetOutput {
        /// The dock's latest flight.
        flight_id: Text = "flight_id" [""];
        /// How far it is.
        progress: FlightProgress = "progress" [""];
        /// Where it stands.
        status: JobStatus = "status" [""];
    }
}
