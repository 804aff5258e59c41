//! Newer flights that are given to an aircraft in the air, obstacles it met, and the dock's RTK
//! calibration. Unproven on hardware.
//!
//! `in_flight_wayline_*` replace the flight under way. One source says of `out_of_control_action`
//! "0 none, 1 return"; it contradicts itself, so the encoding of `flighttask_prepare` is used.

use crate::check::bounds;
use crate::device::codes::{ExitWaylineWhenRcLost, RthMode};
use crate::device::lost_link::OutOfControlAction;
use crate::lenient::{Int, Num};
use crate::macros::{codes, wire};
use crate::reply::{JobStatus, ResultCode};
use crate::text::Text;
use crate::wayline::{WaylineFile, WaylinePrecision};

use super::PAGE;

wire! {
    /// `in_flight_wayline_deliver`: fly this instead.
    pub struct InFlightDeliver {
        /// The flight, ours to choose.
        in_flight_wayline_id: Text = "in_flight_wayline_id" [""];
        /// The KMZ.
        file: WaylineFile = "file" [""];
        /// When the link is lost.
        out_of_control_action: OutOfControlAction = "out_of_control_action" [""];
        /// When the link is lost in the wayline.
        exit_wayline_when_rc_lost: ExitWaylineWhenRcLost = "exit_wayline_when_rc_lost" [""];
        /// Return height over the take-off point, 20 to 1500.
        rth_altitude: Int = "rth_altitude" ["m"];
        /// Return mode.
        rth_mode: RthMode = "rth_mode" [""];
        /// GPS or RTK.
        wayline_precision_type: WaylinePrecision = "wayline_precision_type" [""];
    }
}

bounds!(InFlightDeliver, PAGE, "", {
    in_flight_wayline_id: text;
    file: some;
    rth_altitude: => in 20..=1500, "20 to 1500 m";
});

wire! {
    /// `in_flight_wayline_stop` and `in_flight_wayline_recover`.
    pub struct InFlightCommand {
        /// The flight.
        in_flight_wayline_id: Text = "in_flight_wayline_id" [""];
    }
}

bounds!(InFlightCommand, PAGE, "", { in_flight_wayline_id: text; });

wire! {
    /// `in_flight_wayline_progress`. Its status is a number whose values nobody gives: it never
    /// says that the flight is done.
    pub struct InFlightProgress {
        /// The flight.
        in_flight_wayline_id: Text = "in_flight_wayline_id" [""];
        /// How far it is.
        progress: InFlightStep = "progress" [""];
        /// Where it stands; no values are given.
        status: Int = "status" [""];
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// The waypoint.
        way_point_index: Int = "way_point_index" [""];
    }
}

wire! {
    /// How far a flight is.
    pub struct InFlightStep {
        /// Done, 0 to 100.
        percent: Int = "percent" ["%"];
    }
}

wire! {
    /// `obstacle_avoidance_notify`: obstacles that a flight went around.
    pub struct ObstacleNotify {
        /// The wayline.
        wayline_uuid: Text = "wayline_uuid" [""];
        /// The flight.
        flight_id: Text = "flight_id" [""];
        /// The obstacles.
        obstacles: Vec<Obstacle> = "obstacles" [""];
        /// Nothing more will come.
        is_final_report: bool = "is_final_report" [""];
    }
}

wire! {
    /// An obstacle.
    pub struct Obstacle {
        /// Its identifier.
        id: Text = "id" [""];
        /// Its kind; no values are given.
        kind: Int = "type" [""];
        /// When it was met.
        timestamp: Int = "timestamp" ["ms"];
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Height.
        height: Num = "height" ["m"];
        /// The wayline.
        wayline_id: Text = "wayline_id" [""];
        /// The waypoint.
        waypoint_index: Int = "waypoint_index" [""];
    }
}

codes! {
    /// How RTK is calibrated.
    pub enum CalibrationKind {
        Manual = 1 "manual",
    }
}

wire! {
    /// `rtk_calibration`. Two sources contradict each other: `devices`, or `cali_type` alone.
    pub struct RtkCalibration {
        /// Where the devices are.
        devices: Vec<RtkDevice> = "devices" [""];
        /// How, by the weaker source.
        cali_type: CalibrationKind = "cali_type" [""];
    }
}

bounds!(RtkCalibration, PAGE, "", { devices: some each => len 1..=8, "1 to 8 devices"; });

wire! {
    /// A device and where it is.
    pub struct RtkDevice {
        /// Serial number.
        sn: Text = "sn" [""];
        /// How it is calibrated.
        kind: CalibrationKind = "type" [""];
        /// `3` dock, `6` relay; a string.
        module: Text = "module" [""];
        /// Where it is.
        data: RtkPosition = "data" [""];
    }
}

bounds!(RtkDevice, PAGE, "devices[].", { sn: text; kind: some; module: text; data: some each; });

wire! {
    /// A place.
    pub struct RtkPosition {
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Height over the ellipsoid.
        height: Num = "height" ["m"];
    }
}

bounds!(RtkPosition, PAGE, "devices[].data.", {
    longitude: some => in -180.0..=180.0, "-180 to 180 degrees";
    latitude: some => in -90.0..=90.0, "-90 to 90 degrees";
    height: some;
});

wire! {
    /// `rtk_calibration` as an event.
    pub struct RtkCalibrationProgress {
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Status and progress.
        output: RtkCalibrationOutput = "output" [""];
    }
}

wire! {
    /// Status and progress of a calibration.
    pub struct RtkCalibrationOutput {
        /// Where it stands.
        status: JobStatus = "status" [""];
        /// How far it is.
        progress: RtkCalibrationStep = "progress" [""];
        /// Particulars.
        ext: RtkCalibrationExt = "ext" [""];
    }
}

wire! {
    /// How far a calibration is.
    pub struct RtkCalibrationStep {
        /// Done, 0 to 100.
        percent: Int = "percent" ["%"];
        /// The step; always 1.
        current_step: Int = "current_step" [""];
    }
}

wire! {
    /// Particulars of a calibration.
    pub struct RtkCalibrationExt {
        /// Version of this object, by one of the sources.
        version: Text = "version" [""];
        /// One entry per device.
        devices: Vec<RtkDeviceResult> = "devices" [""];
    }
}

wire! {
    /// What became of one device.
    pub struct RtkDeviceResult {
        /// Serial number.
        sn: Text = "sn" [""];
        /// How it is calibrated.
        kind: CalibrationKind = "type" [""];
        /// `3` dock, `6` relay.
        module: Text = "module" [""];
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Where it stands.
        status: JobStatus = "status" [""];
    }
}
