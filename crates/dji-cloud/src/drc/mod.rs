//! Live flight control (DRC): authority, the second link, take-off and fly-to.
//!
//! Order of a session: [`Authority`](crate::call::Call) by `flight_authority_grab`, then
//! `drc_mode_enter` (the device opens a second MQTT link to the broker named here; topics stay
//! `drc/up` and `drc/down`), heart beats and sticks ([`control`]), camera calls ([`camera`]),
//! `drc_mode_exit`. A take-off moves the aircraft without a wayline: it is sent once.
//! Source: `dock2/drc` page. Next: [`control`], [`camera`], [`crate::remote_control`].

pub mod camera;
pub mod control;
pub mod exposure;

use crate::check::bounds;
use crate::device::codes::{CommanderFlightMode, CommanderLostAction, DrcState, RthMode};
use crate::device::lost_link::RcLostAction;
use crate::lenient::{Flag, Int, Num};
use crate::macros::{codes, wire, words};
use crate::reply::ResultCode;
use crate::secret::Secret;
use crate::text::Text;
use crate::wayline::{PathPoint, SimulateMission};

pub(crate) const PAGE: &str = "dock2/drc";

wire! {
    /// `drc_mode_enter`: open the second link for direct control.
    pub struct DrcModeEnter {
        /// The broker that the device connects to.
        mqtt_broker: RelayBroker = "mqtt_broker" [""];
        /// Rate of `osd_info_push`, 1 to 30.
        osd_frequency: Int = "osd_frequency" ["Hz"];
        /// Rate of `hsi_info_push`, 1 to 30.
        hsi_frequency: Int = "hsi_frequency" ["Hz"];
    }
}

bounds!(DrcModeEnter, PAGE, "", {
    mqtt_broker: some each;
    osd_frequency: some => in 1..=30, "1 to 30 Hz";
    hsi_frequency: some => in 1..=30, "1 to 30 Hz";
});

wire! {
    /// The broker of the second link.
    pub struct RelayBroker {
        /// `host:port`, without a scheme.
        address: Text = "address" [""];
        /// Client id; DJI advises the serial number with a prefix.
        client_id: Text = "client_id" [""];
        /// User name.
        username: Text = "username" [""];
        /// Password.
        password: Secret = "password" [""];
        /// When the credentials end, seconds since 1970. A link that is up stays up.
        expire_time: Int = "expire_time" ["s"];
        /// TLS to the broker.
        enable_tls: bool = "enable_tls" [""];
    }
}

bounds!(RelayBroker, PAGE, "mqtt_broker.", {
    address: text;
    client_id: text;
    username: some;
    password: some;
    // Ten digits: => in ms it would be a time in the year 50000.
    expire_time: some => in 1_000_000_000..10_000_000_000, "10 digits, seconds since 1970";
    enable_tls: some;
});

wire! {
    /// `takeoff_to_point`: take off from the dock and fly to a point.
    ///
    /// The aircraft climbs to the higher of the two heights first. DJI requires `rth_mode` though
    /// its own example leaves it out.
    pub struct TakeoffToPoint {
        /// Latitude of the point.
        target_latitude: Num = "target_latitude" ["°"];
        /// Longitude of the point.
        target_longitude: Num = "target_longitude" ["°"];
        /// Height of the point over the ellipsoid, 2 to 1500.
        target_height: Num = "target_height" ["m"];
        /// Height over the dock to climb to first, 20 to 1500.
        security_takeoff_height: Num = "security_takeoff_height" ["m"];
        /// Return mode; a dock takes only the preset height.
        rth_mode: RthMode = "rth_mode" [""];
        /// Return height over the take-off point, 2 to 1500 here (20 to 1500 in
        /// `flighttask_prepare`).
        rth_altitude: Int = "rth_altitude" ["m"];
        /// When the link is lost: encoded unlike `out_of_control_action`.
        rc_lost_action: RcLostAction = "rc_lost_action" [""];
        /// What fly-to does when the link is lost.
        commander_mode_lost_action: CommanderLostAction = "commander_mode_lost_action" [""];
        /// How fly-to picks its height.
        commander_flight_mode: CommanderFlightMode = "commander_flight_mode" [""];
        /// Fly-to height over the take-off point, 2 to 3000.
        commander_flight_height: Num = "commander_flight_height" ["m"];
        /// The flight, ours to choose.
        flight_id: Text = "flight_id" [""];
        /// Highest speed on the way, 1 to 15.
        max_speed: Int = "max_speed" ["m/s"];
        /// Fly in the simulator of the aircraft, indoors.
        simulate_mission: SimulateMission = "simulate_mission" [""];
        /// Synchronise custom flight areas before the start.
        flight_safety_advance_check: Flag = "flight_safety_advance_check" [""];
    }
}

bounds!(TakeoffToPoint, PAGE, "", {
    target_latitude: some => in -90.0..=90.0, "-90 to 90 degrees";
    target_longitude: some => in -180.0..=180.0, "-180 to 180 degrees";
    target_height: some => in 2.0..=1500.0, "2 to 1500 m";
    security_takeoff_height: some => in 20.0..=1500.0, "20 to 1500 m";
    rth_mode: some => in [RthMode::Preset], "1 (preset height): the only one a dock supports";
    rth_altitude: some => in 2..=1500, "2 to 1500 m";
    rc_lost_action: some;
    commander_mode_lost_action: some;
    commander_flight_mode: some;
    commander_flight_height: some => in 2.0..=3000.0, "2 to 3000 m";
    flight_id: text;
    max_speed: some => in 1..=15, "1 to 15 m/s";
    simulate_mission: each;
});

wire! {
    /// `fly_to_point`: fly to one point; the aircraft climbs to 20 m first.
    pub struct FlyToPoint {
        /// The order, ours to choose.
        fly_to_id: Text = "fly_to_id" [""];
        /// Highest speed on the way, 0 to 15.
        max_speed: Int = "max_speed" ["m/s"];
        /// The point; exactly one is supported.
        points: Vec<TargetPoint> = "points" [""];
    }
}

bounds!(FlyToPoint, PAGE, "", {
    fly_to_id: text;
    max_speed: some => in 0..=15, "0 to 15 m/s";
    points: some each => len 1..=1, "exactly one point";
});

wire! {
    /// `fly_to_point_update`: another point for the fly-to under way.
    pub struct FlyToPointUpdate {
        /// Highest speed on the way, 1 to 15.
        max_speed: Int = "max_speed" ["m/s"];
        /// The point; exactly one is supported.
        points: Vec<TargetPoint> = "points" [""];
    }
}

bounds!(FlyToPointUpdate, PAGE, "", {
    max_speed: some => in 1..=15, "1 to 15 m/s";
    points: some each => len 1..=1, "exactly one point";
});

wire! {
    /// A point to fly to.
    pub struct TargetPoint {
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Height over the ellipsoid, 2 to 10000.
        height: Num = "height" ["m"];
    }
}

bounds!(TargetPoint, PAGE, "points[].", {
    latitude: some => in -90.0..=90.0, "-90 to 90 degrees";
    longitude: some => in -180.0..=180.0, "-180 to 180 degrees";
    height: some => in 2.0..=10_000.0, "2 to 10000 m";
});

words! {
    /// Where a fly-to stands.
    pub enum FlyToStatus {
        Progress = "wayline_progress",
        Ok = "wayline_ok",
        Failed = "wayline_failed",
        Cancel = "wayline_cancel",
    }
}

words! {
    /// Where a take-off stands: `wayline_ok` is the arrival, `task_finish` the end of the order.
    pub enum TakeoffStatus {
        TaskReady = "task_ready",
        Progress = "wayline_progress",
        Ok = "wayline_ok",
        Failed = "wayline_failed",
        Cancel = "wayline_cancel",
        TaskFinish = "task_finish",
    }
}

wire! {
    /// `fly_to_point_progress`.
    pub struct FlyToProgress {
        /// The order.
        fly_to_id: Text = "fly_to_id" [""];
        /// Where it stands.
        status: FlyToStatus = "status" [""];
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// The point being flown to.
        way_point_index: Int = "way_point_index" [""];
        /// Way left.
        remaining_distance: Num = "remaining_distance" ["m"];
        /// Time left.
        remaining_time: Num = "remaining_time" ["s"];
        /// The whole planned way, anew each time.
        planned_path_points: Vec<PathPoint> = "planned_path_points" [""];
    }
}

wire! {
    /// `takeoff_to_point_progress`.
    pub struct TakeoffProgress {
        /// Where it stands.
        status: TakeoffStatus = "status" [""];
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// The flight.
        flight_id: Text = "flight_id" [""];
        /// The track.
        track_id: Text = "track_id" [""];
        /// The point being flown to.
        way_point_index: Int = "way_point_index" [""];
        /// Way left.
        remaining_distance: Num = "remaining_distance" ["m"];
        /// Time left.
        remaining_time: Num = "remaining_time" ["s"];
        /// The whole planned way, anew each time.
        planned_path_points: Vec<PathPoint> = "planned_path_points" [""];
    }
}

wire! {
    /// `drc_status_notify`: the second link.
    pub struct DrcStatusNotify {
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// How the link stands.
        drc_state: DrcState = "drc_state" [""];
    }
}

codes! {
    /// Why the sticks no longer steer.
    pub enum JoystickInvalidReason {
        RcSignalLost = 0 "rc_signal_lost",
        LowBatteryReturn = 1 "low_battery_return",
        LowBatteryLanding = 2 "low_battery_landing",
        NearRestrictedZone = 3 "near_restricted_zone",
        RcTookOver = 4 "rc_took_over",
    }
}

wire! {
    /// `joystick_invalid_notify`: the sticks no longer steer.
    pub struct JoystickInvalid {
        /// Why.
        reason: JoystickInvalidReason = "reason" [""];
    }
}
