//! Enums of dock and aircraft properties.
//!
//! Sources: `dock2/properties` and `m3d-properties` pages. Values marked "newer" come from a
//! third-party description of API 1.16 and are not proven on hardware. Next: [`super::dock`].

use crate::macros::codes;

codes! {
    /// What the dock is doing.
    pub enum DockModeCode {
        Idle = 0 "idle",
        OnSiteDebug = 1 "on_site_debug",
        RemoteDebug = 2 "remote_debug",
        FirmwareUpgrade = 3 "firmware_upgrade",
        Working = 4 "working",
        /// Newer, unproven.
        ToBeCalibrated = 5 "to_be_calibrated",
    }
}

codes! {
    /// Where the dock stands in a flight task.
    pub enum FlighttaskStepCode {
        Preparing = 0 "preparing",
        Flying = 1 "flying",
        Recovering = 2 "recovering",
        UpdatingFlightAreas = 3 "updating_flight_areas",
        UpdatingTerrain = 4 "updating_terrain",
        Idle = 5 "idle",
        AircraftAbnormal = 255 "aircraft_abnormal",
        Undetermined = 256 "undetermined",
    }
}

codes! {
    /// The dock's cover. (The page says "Disable" and "On" for closed and open.)
    pub enum CoverState {
        Closed = 0 "closed",
        Open = 1 "open",
        HalfOpen = 2 "half_open",
        Abnormal = 3 "abnormal",
    }
}

codes! {
    /// Rain at the dock.
    pub enum Rainfall {
        None = 0 "none",
        Light = 1 "light",
        Moderate = 2 "moderate",
        Heavy = 3 "heavy",
    }
}

codes! {
    /// Whether the dock knows its home position.
    pub enum HomePositionState {
        Invalid = 0 "invalid",
        Valid = 1 "valid",
    }
}

codes! {
    /// What the air conditioner is doing.
    pub enum AirConditionerState {
        Idle = 0 "idle",
        Cooling = 1 "cooling",
        Heating = 2 "heating",
        Dehumidifying = 3 "dehumidifying",
        LeavingCooling = 4 "leaving_cooling",
        LeavingHeating = 5 "leaving_heating",
        LeavingDehumidifying = 6 "leaving_dehumidifying",
        PreparingCooling = 7 "preparing_cooling",
        PreparingHeating = 8 "preparing_heating",
        PreparingDehumidifying = 9 "preparing_dehumidifying",
        /// Newer, unproven.
        PreparingFan = 10 "preparing_fan",
        /// Newer, unproven.
        Fan = 11 "fan",
        /// Newer, unproven.
        LeavingFan = 12 "leaving_fan",
        /// Newer, unproven.
        PreparingDefog = 13 "preparing_defog",
        /// Newer, unproven.
        Defog = 14 "defog",
        /// Newer, unproven.
        LeavingDefog = 15 "leaving_defog",
    }
}

codes! {
    /// Maintenance of the aircraft's battery in the dock.
    pub enum BatteryMaintenanceState {
        NotNeeded = 0 "not_needed",
        Pending = 1 "pending",
        Running = 2 "running",
    }
}

codes! {
    /// Warming of the aircraft's battery in the dock.
    pub enum BatteryHeatState {
        Off = 0 "off",
        Heating = 1 "heating",
        KeepingWarm = 2 "keeping_warm",
    }
}

codes! {
    /// Last maintenance done.
    pub enum MaintenanceKind {
        None = 0 "none",
        AircraftBasic = 1 "aircraft_basic",
        AircraftRegular = 2 "aircraft_regular",
        AircraftDeep = 3 "aircraft_deep",
        DockRegular = 17 "dock_regular",
        DockDeep = 18 "dock_deep",
    }
}

codes! {
    /// Convergence of the position.
    pub enum FixState {
        NotStarted = 0 "not_started",
        Fixing = 1 "fixing",
        Fixed = 2 "fixed",
        Failed = 3 "failed",
    }
}

codes! {
    /// Quality of the position, 1 (worst) to 5 (best), 10 with RTK.
    pub enum FixQuality {
        /// Undocumented, but sent before the first fix (DJI's own aircraft example).
        Gear0 = 0 "gear_0",
        Gear1 = 1 "gear_1",
        Gear2 = 2 "gear_2",
        Gear3 = 3 "gear_3",
        Gear4 = 4 "gear_4",
        Gear5 = 5 "gear_5",
        RtkFixed = 10 "rtk_fixed",
    }
}

codes! {
    /// How the dock keeps the aircraft's battery.
    pub enum BatteryStoreMode {
        Schedule = 1 "schedule",
        Standby = 2 "standby",
    }
}

codes! {
    /// Which radio links are in use.
    pub enum LinkWorkmode {
        Sdr = 0 "sdr",
        LteFusion = 1 "lte_fusion",
    }
}

codes! {
    /// How the dock reaches the network.
    pub enum NetworkKind {
        Lte = 1 "lte",
        Ethernet = 2 "ethernet",
    }
}

codes! {
    /// Quality of the uplink.
    pub enum NetworkQuality {
        None = 0 "none",
        Bad = 1 "bad",
        Poor = 2 "poor",
        Fair = 3 "fair",
        Good = 4 "good",
        Excellent = 5 "excellent",
    }
}

codes! {
    /// Where the dock's position was calibrated from.
    pub enum RtcmSource {
        Uncalibrated = 0 "uncalibrated",
        SelfConvergence = 1 "self_convergence",
        Manual = 2 "manual",
        NetworkRtk = 3 "network_rtk",
    }
}

codes! {
    /// What receives RTK corrections.
    pub enum RtcmDevice {
        Dock = 1 "dock",
    }
}

codes! {
    /// One of the aircraft's batteries.
    pub enum BatterySlot {
        Left = 0 "left",
        Right = 1 "right",
    }
}

codes! {
    /// DJI's user experience programme.
    pub enum ExperiencePlan {
        Initial = 0 "initial",
        Refused = 1 "refused",
        Agreed = 2 "agreed",
    }
}

codes! {
    /// Kind of 4G dongle.
    pub enum DongleKind {
        Old = 6 "old",
        WithEsim = 10 "with_esim",
    }
}

codes! {
    /// SIM slot in use.
    pub enum SimSlot {
        Undetermined = 0 "undetermined",
        Physical = 1 "physical",
        Esim = 2 "esim",
    }
}

codes! {
    /// Telecom operator.
    pub enum TelecomOperator {
        Undetermined = 0 "undetermined",
        ChinaMobile = 1 "china_mobile",
        ChinaUnicom = 2 "china_unicom",
        ChinaTelecom = 3 "china_telecom",
    }
}

codes! {
    /// Kind of physical SIM.
    pub enum SimKind {
        Undetermined = 0 "undetermined",
        Regular = 1 "regular",
        ThreeNetwork = 2 "three_network",
    }
}

codes! {
    /// The direct-control link.
    pub enum DrcState {
        Disconnected = 0 "disconnected",
        Connecting = 1 "connecting",
        Connected = 2 "connected",
    }
}

codes! {
    /// What the aircraft is doing.
    pub enum AircraftModeCode {
        Standby = 0 "standby",
        PreparingTakeoff = 1 "preparing_takeoff",
        ReadyForTakeoff = 2 "ready_for_takeoff",
        ManualFlight = 3 "manual_flight",
        AutomaticTakeoff = 4 "automatic_takeoff",
        WaylineFlight = 5 "wayline_flight",
        Panorama = 6 "panorama",
        IntelligentTracking = 7 "intelligent_tracking",
        AdsbAvoidance = 8 "adsb_avoidance",
        ReturningHome = 9 "returning_home",
        AutomaticLanding = 10 "automatic_landing",
        ForcedLanding = 11 "forced_landing",
        ThreeBladeLanding = 12 "three_blade_landing",
        Upgrading = 13 "upgrading",
        NotConnected = 14 "not_connected",
        Apas = 15 "apas",
        VirtualStick = 16 "virtual_stick",
        LiveFlightControls = 17 "live_flight_controls",
        RtkFixing = 18 "rtk_fixing",
        DockAddressSelecting = 19 "dock_address_selecting",
        /// Newer, unproven.
        Poi = 20 "poi",
    }
}

impl AircraftModeCode {
    /// Whether the mode means that the aircraft is off the ground or about to be. An unknown mode
    /// counts as flying: the safe side for every interlock.
    #[must_use]
    pub const fn is_flying(self) -> bool {
        !matches!(self, Self::Standby | Self::Upgrading | Self::NotConnected)
    }
}

codes! {
    /// Why the aircraft is in its mode.
    pub enum ModeCodeReason {
        None = 0 "none",
        LowBattery = 1 "low_battery",
        LowVoltage = 2 "low_voltage",
        SeriousLowVoltage = 3 "serious_low_voltage",
        RcButton = 4 "rc_button",
        App = 5 "app",
        RcSignalLost = 6 "rc_signal_lost",
        ExternalDevice = 7 "external_device",
        DockGeoZone = 8 "dock_geo_zone",
        TooCloseToHome = 9 "too_close_to_home",
        TooFarFromHome = 10 "too_far_from_home",
        WaypointMission = 11 "waypoint_mission",
        AboveHome = 12 "above_home",
        DescentLimitPassed = 13 "descent_limit_passed",
        LowAltitudeProtection = 14 "low_altitude_protection",
        NearbyTraffic = 15 "nearby_traffic",
        HeightControlFailed = 16 "height_control_failed",
        LowBatteryReturnEnded = 17 "low_battery_return_ended",
        ApControl = 18 "ap_control",
        HardwareFault = 19 "hardware_fault",
        CollisionProtectionEnded = 20 "collision_protection_ended",
        ReturnCanceled = 21 "return_canceled",
        ObstacleOnReturn = 22 "obstacle_on_return",
        StrongWind = 23 "strong_wind",
    }
}

codes! {
    /// Gear of the flight controller.
    pub enum Gear {
        A = 0 "a",
        P = 1 "p",
        Nav = 2 "nav",
        Fpv = 3 "fpv",
        Farm = 4 "farm",
        S = 5 "s",
        F = 6 "f",
        M = 7 "m",
        G = 8 "g",
        T = 9 "t",
    }
}

codes! {
    /// Where the wind comes from.
    pub enum WindDirection {
        /// Undocumented, but sent while the aircraft stands (DJI's own aircraft example).
        None = 0 "none",
        North = 1 "north",
        NorthEast = 2 "north_east",
        East = 3 "east",
        SouthEast = 4 "south_east",
        South = 5 "south",
        SouthWest = 6 "south_west",
        West = 7 "west",
        NorthWest = 8 "north_west",
    }
}

codes! {
    /// Height of the return flight. A dock supports only the preset height.
    pub enum RthMode {
        Intelligent = 0 "intelligent",
        Preset = 1 "preset",
    }
}

codes! {
    /// How fly-to picks its height.
    pub enum CommanderFlightMode {
        Optimal = 0 "optimal",
        Preset = 1 "preset",
    }
}

codes! {
    /// What fly-to does when the link is lost.
    pub enum CommanderLostAction {
        Continue = 0 "continue",
        LostAction = 1 "lost_action",
    }
}

codes! {
    /// What a wayline does when the link is lost. Must match the KMZ.
    pub enum ExitWaylineWhenRcLost {
        Continue = 0 "continue",
        LostAction = 1 "lost_action",
    }
}

codes! {
    /// Where the watermark stands.
    pub enum WatermarkLayout {
        TopLeft = 0 "top_left",
        BottomLeft = 1 "bottom_left",
        TopRight = 2 "top_right",
        BottomRight = 3 "bottom_right",
    }
}

codes! {
    /// Mode of a camera.
    pub enum CameraMode {
        /// On the Matrice 30.
        Unsupported = -1 "unsupported",
        Photo = 0 "photo",
        Video = 1 "video",
        SmartLowLight = 2 "smart_low_light",
        Panorama = 3 "panorama",
        /// On the direct-control link only.
        TimedShot = 4 "timed_shot",
    }
}

codes! {
    /// How exposure is set.
    pub enum ExposureMode {
        Auto = 1 "auto",
        ShutterPriority = 2 "shutter_priority",
        AperturePriority = 3 "aperture_priority",
        Manual = 4 "manual",
    }
}

codes! {
    /// Sensitivity of a camera.
    pub enum Iso {
        Auto = 0 "auto",
        AutoHighSense = 1 "auto_high_sense",
        Iso50 = 2 "iso_50",
        Iso100 = 3 "iso_100",
        Iso200 = 4 "iso_200",
        Iso400 = 5 "iso_400",
        Iso800 = 6 "iso_800",
        Iso1600 = 7 "iso_1600",
        Iso3200 = 8 "iso_3200",
        Iso6400 = 9 "iso_6400",
        Iso12800 = 10 "iso_12800",
        Iso25600 = 11 "iso_25600",
        Iso51200 = 12 "iso_51200",
        Iso102400 = 13 "iso_102400",
        Fixed = 255 "fixed",
    }
}

codes! {
    /// How a camera focuses.
    pub enum FocusMode {
        Manual = 0 "manual",
        Single = 1 "single",
        Continuous = 2 "continuous",
    }
}

codes! {
    /// What the focus is doing.
    pub enum FocusState {
        Idle = 0 "idle",
        Focusing = 1 "focusing",
        Done = 2 "done",
        Failed = 3 "failed",
    }
}

codes! {
    /// How the thermal camera measures.
    pub enum IrMeteringMode {
        Off = 0 "off",
        Spot = 1 "spot",
        Area = 2 "area",
    }
}

codes! {
    /// State of the range finder.
    pub enum MeasureState {
        Normal = 0 "normal",
        TooClose = 1 "too_close",
        TooFar = 2 "too_far",
        NoSignal = 3 "no_signal",
    }
}
