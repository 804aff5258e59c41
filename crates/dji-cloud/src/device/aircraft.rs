//! OSD and state of the Matrice 3D/3TD, every documented property.
//!
//! Source: `dock-to-cloud/mqtt/aircraft/m3d-properties` page. The page leaves out
//! `distance_limit_status`, `rc_lost_action`, `rth_altitude` and the thermal fields, which the wire
//! shows; they are here. Next: [`super::camera`].

use crate::few::Few;
use crate::lenient::{Flag, Int, Num};
use crate::macros::wire;
use crate::newer::payload::PsdkStateInfo;
use crate::psdk::PsdkResource;
use crate::text::{LongText, Text};

use super::camera::{Camera, Payloads};
use super::codes::{
    AircraftModeCode, CommanderFlightMode, CommanderLostAction, ExitWaylineWhenRcLost, Gear,
    ModeCodeReason, RthMode, WatermarkLayout, WindDirection,
};
use super::lost_link::RcLostAction;
use super::shared::{DongleInfo, MaintainStatus, PositionState, Storage, WirelessLinkTopo};

wire! {
    /// Telemetry of the aircraft, 0.5 Hz, partial.
    pub struct AircraftOsd {
        /// Aircraft camera information.
        cameras: Vec<Camera> = "cameras" [""];
        /// Aircraft obstacle sensing state.
        obstacle_avoidance: ObstacleAvoidance = "obstacle_avoidance" [""];
        /// Whether approaching the GEO Zone.
        is_near_area_limit: Flag = "is_near_area_limit" [""];
        /// Whether approaching the set height limit.
        is_near_height_limit: Flag = "is_near_height_limit" [""];
        /// Aircraft height limit.
        height_limit: Int = "height_limit" ["m"];
        /// Aircraft night lights state.
        night_lights_state: Flag = "night_lights_state" [""];
        /// Aircraft activation time (Unix timestamp).
        activation_time: Int = "activation_time" ["s"];
        /// Maintenance information.
        maintain_status: MaintainStatus = "maintain_status" [""];
        /// Accumulated total sorties of the aircraft.
        total_flight_sorties: Int = "total_flight_sorties" [""];
        /// Track ID.
        track_id: LongText = "track_id" [""];
        /// Satellite search state.
        position_state: PositionState = "position_state" [""];
        /// Storage capacity.
        storage: Storage = "storage" [""];
        /// Aircraft battery information.
        battery: Battery = "battery" [""];
        /// Accumulated total mileage of the aircraft.
        total_flight_distance: Num = "total_flight_distance" ["m"];
        /// Accumulated total flight time of the aircraft.
        total_flight_time: Int = "total_flight_time" ["s"];
        /// Current wind direction.
        wind_direction: WindDirection = "wind_direction" [""];
        /// Estimate from attitude.
        wind_speed: Num = "wind_speed" ["m/s"];
        /// Distance from the Home point.
        home_distance: Num = "home_distance" ["m"];
        /// 0 north, positive clockwise to 180.
        attitude_head: Num = "attitude_head" ["°"];
        /// Roll axis angle.
        attitude_roll: Num = "attitude_roll" ["°"];
        /// Pitch axis angle.
        attitude_pitch: Num = "attitude_pitch" ["°"];
        /// Relative takeoff point altitude.
        elevation: Num = "elevation" ["m"];
        /// Ellipsoid height.
        height: Num = "height" ["m"];
        /// Current latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude of the current position.
        longitude: Num = "longitude" ["°"];
        /// Vertical speed.
        vertical_speed: Num = "vertical_speed" ["m/s"];
        /// Horizontal speed.
        horizontal_speed: Num = "horizontal_speed" ["m/s"];
        /// Gear.
        gear: Gear = "gear" [""];
        /// Aircraft state.
        mode_code: AircraftModeCode = "mode_code" [""];
        /// Firmware; documented as state, seen in OSD.
        firmware_version: Text = "firmware_version" [""];
        /// Why the aircraft is in its state; documented as state, seen in OSD.
        mode_code_reason: ModeCodeReason = "mode_code_reason" [""];
        /// A, B, or browser-made UUID; documented as state, seen in OSD.
        control_source: Text = "control_source" [""];
        /// Distance limit; missing from the page, shown by its own example.
        distance_limit_status: DistanceLimitStatus = "distance_limit_status" [""];
        /// Return height over the take-off point; missing from the page.
        rth_altitude: Int = "rth_altitude" ["m"];
        /// What the aircraft does when the link is lost; missing from the page.
        rc_lost_action: RcLostAction = "rc_lost_action" [""];
        /// What the wayline does when the link is lost; missing from the page.
        exit_wayline_when_rc_lost: ExitWaylineWhenRcLost = "exit_wayline_when_rc_lost" [""];
        /// Country or region; missing from the page.
        country: Text = "country" [""];
        /// Whether remote identification works; missing from the page.
        rid_state: bool = "rid_state" [""];
        @dynamic
        /// Gimbals and payloads under keys of their own, such as `81-0-0`.
        payloads: Payloads = "payloads";
    }
}

wire! {
    /// Obstacle sensing switches.
    pub struct ObstacleAvoidance {
        /// Horizontal obstacle sensing state.
        horizon: Flag = "horizon" [""];
        /// Upward obstacle sensing state.
        upside: Flag = "upside" [""];
        /// Downward obstacle sensing state.
        downside: Flag = "downside" [""];
    }
}

wire! {
    /// The aircraft's battery.
    pub struct Battery {
        /// Total remaining battery capacity.
        capacity_percent: Int = "capacity_percent" ["%"];
        /// Remaining flight time.
        remain_flight_time: Int = "remain_flight_time" ["s"];
        /// Percentage of power required for return home.
        return_home_power: Int = "return_home_power" ["%"];
        /// Forced landing battery percentage.
        landing_power: Int = "landing_power" ["%"];
        /// Battery details.
        batteries: Few<BatteryPack, 2> = "batteries" [""];
    }
}

wire! {
    /// One battery pack.
    pub struct BatteryPack {
        /// Remaining battery capacity.
        capacity_percent: Int = "capacity_percent" ["%"];
        /// Battery serial number.
        index: Int = "index" [""];
        /// Battery serial number.
        sn: Text = "sn" [""];
        /// Battery type.
        kind: Int = "type" [""];
        /// Battery subtype.
        sub_type: Int = "sub_type" [""];
        /// Firmware version.
        firmware_version: Text = "firmware_version" [""];
        /// Battery cycle count.
        loop_times: Int = "loop_times" [""];
        /// Voltage.
        voltage: Int = "voltage" ["mV"];
        /// Temperature.
        temperature: Num = "temperature" ["°C"];
        /// High voltage storage days.
        high_voltage_storage_days: Int = "high_voltage_storage_days" ["d"];
    }
}

wire! {
    /// Distance limit around the home point.
    pub struct DistanceLimitStatus {
        /// Whether to enable the limit distance.
        state: Flag = "state" [""];
        /// Limited distance.
        distance_limit: Int = "distance_limit" ["m"];
        /// Whether approaching the set distance limit.
        is_near_distance_limit: Flag = "is_near_distance_limit" [""];
    }
}

wire! {
    /// Properties of the aircraft that are sent on change.
    pub struct AircraftState {
        /// Dock with best link; send commands there.
        best_link_gateway: Text = "best_link_gateway" [""];
        /// Pairing data needed for multi-dock tasks.
        wireless_link_topo: WirelessLinkTopo = "wireless_link_topo" [""];
        /// Flysafe database version.
        flysafe_database_version: Text = "flysafe_database_version" [""];
        /// Off stops offline-map sync.
        offline_map_enable: bool = "offline_map_enable" [""];
        /// 4G Dongle information.
        dongle_infos: Vec<DongleInfo> = "dongle_infos" [""];
        /// Mode actually applied.
        current_rth_mode: RthMode = "current_rth_mode" [""];
        /// Dock supports only preset altitude (1).
        rth_mode: RthMode = "rth_mode" [""];
        /// Critical low battery warning.
        serious_low_battery_warning_threshold: Int = "serious_low_battery_warning_threshold" ["%"];
        /// Low battery warning.
        low_battery_warning_threshold: Int = "low_battery_warning_threshold" ["%"];
        /// A, B, or browser-made UUID.
        control_source: Text = "control_source" [""];
        /// Home point latitude.
        home_latitude: Num = "home_latitude" ["°"];
        /// Home point longitude.
        home_longitude: Num = "home_longitude" ["°"];
        /// Firmware upgrade state.
        firmware_upgrade_status: Flag = "firmware_upgrade_status" [""];
        /// 1 when some module firmware lags the system version.
        compatible_status: Flag = "compatible_status" [""];
        /// Firmware version.
        firmware_version: Text = "firmware_version" [""];
        /// The reason the aircraft entered the current state.
        mode_code_reason: ModeCodeReason = "mode_code_reason" [""];
        /// Relative to takeoff point.
        commander_flight_height: Num = "commander_flight_height" ["m"];
        /// How fly-to picks its height.
        commander_flight_mode: CommanderFlightMode = "commander_flight_mode" [""];
        /// What fly-to does on signal loss.
        commander_mode_lost_action: CommanderLostAction = "commander_mode_lost_action" [""];
        /// Photo/video only, not live.
        camera_watermark_settings: WatermarkSettings = "camera_watermark_settings" [""];
        /// Payloads and who controls them; missing from the page.
        payloads: Vec<PayloadInfo> = "payloads" [""];
        /// Version of the wayline library; missing from the page.
        wpmz_version: Text = "wpmz_version" [""];
        /// Fly-to mode in force; missing from the page.
        current_commander_flight_mode: CommanderFlightMode = "current_commander_flight_mode" [""];
        /// Icons of payloads of others; a Matrice 30 property.
        psdk_ui_resource: Vec<PsdkResource> = "psdk_ui_resource" [""];
        /// State of payloads of others; a Matrice 30 property.
        psdk_widget_values: Vec<PsdkStateInfo> = "psdk_widget_values" [""];
        /// Battery left for the way home, 0 to 100. Newer, unproven.
        remaining_power_for_return_home: Int = "remaining_power_for_return_home" ["%"];
    }
}

wire! {
    /// Watermark on photos and videos.
    pub struct WatermarkSettings {
        /// Master switch.
        global_enable: Flag = "global_enable" [""];
        /// Aircraft model display switch.
        drone_type_enable: Flag = "drone_type_enable" [""];
        /// Aircraft serial number display switch.
        drone_sn_enable: Flag = "drone_sn_enable" [""];
        /// Local time zone.
        datetime_enable: Flag = "datetime_enable" [""];
        /// Latitude, longitude and altitude display switch.
        gps_enable: Flag = "gps_enable" [""];
        /// Custom text display switch.
        user_custom_string_enable: Flag = "user_custom_string_enable" [""];
        /// Max 250 bytes.
        user_custom_string: Text = "user_custom_string" [""];
        /// Position of the watermark in the frame.
        layout: WatermarkLayout = "layout" [""];
    }
}

wire! {
    /// A payload and who controls it.
    pub struct PayloadInfo {
        /// A, B, or browser-made UUID.
        control_source: Text = "control_source" [""];
        /// Type-subtype-gimbalindex, e.g. 81-0-0.
        payload_index: Text = "payload_index" [""];
        /// Firmware version.
        firmware_version: Text = "firmware_version" [""];
        /// Payload serial number.
        sn: Text = "sn" [""];
    }
}
