//! What only the first Dock has: points of interest, set-up failures, push rods.
//!
//! Its properties stand beside the Dock 2's in [`crate::device::dock`], marked. The push rods'
//! commands take no body and report like other remote-debug jobs. Source: `dock1/{wayline,cmd,drc}`
//! pages.

use crate::check::bounds;
use crate::lenient::{Int, Num};
use crate::macros::{codes, wire, words};
use crate::text::Text;

const PAGE: &str = "dock1/drc";

codes! {
    /// Kind of flight whose set-up failed.
    pub enum SetupFlightKind {
        Wayline = 1 "wayline",
        LiveFlight = 2 "live_flight",
    }
}

wire! {
    /// `flight_setup_exception_notify`: the dock cannot get a flight ready.
    pub struct FlightSetupException {
        /// The dock.
        sn: Text = "sn" [""];
        /// Until it gives up, 2 to 10 in steps of 2.
        timeout_time: Int = "timeout_time" ["min"];
        /// Its clock, ms since 1970.
        timestamp: Num = "timestamp" ["ms"];
        /// Kind of flight.
        flight_type: SetupFlightKind = "flight_type" [""];
        /// The flight; only in the page's example.
        flight_id: Text = "flight_id" [""];
    }
}

wire! {
    /// `poi_mode_enter`: circle a point.
    pub struct PoiModeEnter {
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Height, 2 to 10000.
        height: Num = "height" ["m"];
    }
}

bounds!(PoiModeEnter, PAGE, "", {
    latitude: some => in -90.0..=90.0, "-90 to 90 degrees";
    longitude: some => in -180.0..=180.0, "-180 to 180 degrees";
    height: some => in 2.0..=10_000.0, "2 to 10000 m";
});

wire! {
    /// `poi_circle_speed_set`. The highest speed is what `poi_status_notify` last said, which is
    /// the caller's to check.
    pub struct PoiCircleSpeed {
        /// Speed: negative clockwise, positive counter-clockwise.
        circle_speed: Num = "circle_speed" ["m/s"];
    }
}

bounds!(PoiCircleSpeed, PAGE, "", { circle_speed: some; });

words! {
    /// Where the circling stands.
    pub enum PoiStatus {
        Ok = "ok",
        InProgress = "in_progress",
        Failed = "failed",
    }
}

codes! {
    /// Why the circling failed.
    pub enum PoiReason {
        Normal = 0 "normal",
        PayloadNotSupported = 1 "payload_not_supported",
        CameraModeNotSupported = 2 "camera_mode_not_supported",
        IllegalCommand = 3 "illegal_command",
        PositioningFailed = 4 "positioning_failed",
        NotTakenOff = 5 "not_taken_off",
        FlightModeError = 6 "flight_mode_error",
        ModeUnavailable = 7 "mode_unavailable",
        SignalLost = 8 "signal_lost",
    }
}

wire! {
    /// `poi_status_notify` (and `poi_circle_status`, its newer name, unproven).
    pub struct PoiStatusNotify {
        /// Where the circling stands.
        status: PoiStatus = "status" [""];
        /// Why it failed.
        reason: PoiReason = "reason" [""];
        /// Radius.
        circle_radius: Num = "circle_radius" ["m"];
        /// Speed: negative clockwise, positive counter-clockwise.
        circle_speed: Num = "circle_speed" ["m/s"];
        /// Highest speed at this radius.
        max_circle_speed: Num = "max_circle_speed" ["m/s"];
    }
}
