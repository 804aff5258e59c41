//! Newer recognition of people, vehicles and boats (`drc_ai_*`, Dock 3). Unproven on hardware.
//!
//! Coordinates are ten-thousandths of the picture. Next: [`super::NewerDrcDown`].

use crate::check::bounds;
use crate::lenient::{Flag, Int, Num};
use crate::macros::{codes, wire};
use crate::text::Text;

use super::PAGE;

wire! {
    /// `drc_ai_model_select`.
    pub struct AiModelSelect {
        /// The model, from `ai_model_list`.
        index: Int = "index" [""];
    }
}

bounds!(AiModelSelect, PAGE, "", { index: some => in 0..=255, "0 to 255"; });

wire! {
    /// `drc_ai_identify_set` and `drc_ai_spotlight_zoom_set`.
    pub struct AiSwitch {
        /// On.
        on: Flag = "on" [""];
    }
}

bounds!(AiSwitch, PAGE, "", { on: some; });

codes! {
    /// What the threshold is for.
    pub enum AiScoreMode {
        Invalid = 0 "invalid",
        Count = 1 "count",
        SearchRescue = 2 "search_rescue",
        Custom = 3 "custom",
    }
}

wire! {
    /// `drc_ai_identify_score_mode_set`.
    pub struct AiScoreModeSet {
        /// What the threshold is for.
        score_mode: AiScoreMode = "score_mode" [""];
    }
}

bounds!(AiScoreModeSet, PAGE, "", { score_mode: some; });

wire! {
    /// `drc_ai_identify_score_set`.
    pub struct AiScoreSet {
        /// Threshold, 0 to 100.
        score: Int = "score" [""];
    }
}

bounds!(AiScoreSet, PAGE, "", { score: some => in 0..=100, "0 to 100"; });

wire! {
    /// `drc_ai_identify_filter_set`.
    pub struct AiFilterSet {
        /// Labels to show: 1 person, 2 vehicle, 3 boat; a third party's are 128 and up.
        filters: Vec<Int> = "filters" [""];
    }
}

bounds!(AiFilterSet, PAGE, "", { filters: some; });

wire! {
    /// `drc_ai_spotlight_zoom_track`.
    pub struct AiTrack {
        /// The target, from the stream's list.
        target_index: Int = "target_index" [""];
    }
}

bounds!(AiTrack, PAGE, "", { target_index: some; });

wire! {
    /// `drc_ai_spotlight_zoom_select`: a frame around the target.
    pub struct AiSelect {
        /// Centre from the left, 0 to 10000.
        center_x: Num = "center_x" ["1/10000"];
        /// Centre from the top, 0 to 10000.
        center_y: Num = "center_y" ["1/10000"];
        /// Width, 0 to 10000.
        width: Num = "width" ["1/10000"];
        /// Height, 0 to 10000.
        height: Num = "height" ["1/10000"];
    }
}

bounds!(AiSelect, PAGE, "", {
    center_x: some => in 0.0..=10_000.0, "0 to 10000";
    center_y: some => in 0.0..=10_000.0, "0 to 10000";
    width: some => in 0.0..=10_000.0, "0 to 10000";
    height: some => in 0.0..=10_000.0, "0 to 10000";
});

codes! {
    /// Where spotlight zoom stands.
    pub enum SpotlightState {
        Idle = 0 "idle",
        WaitingSelect = 1 "waiting_select",
        WaitingConfirm = 2 "waiting_confirm",
        Tracking = 3 "tracking",
    }
}

codes! {
    /// Why spotlight zoom stands so: under 160 it goes on tracking, from 160 on it has ended.
    pub enum SpotlightReason {
        Normal = 0 "normal",
        TooClose = 1 "too_close",
        TooFar = 2 "too_far",
        LowerAltitudeLimit = 3 "reach_altitude_lower_limit",
        UpperAltitudeLimit = 4 "reach_altitude_upper_limit",
        DistanceLimit = 5 "reach_distance_limit",
        NearNoFlyZone = 6 "near_no_fly_zone",
        GimbalLimit = 7 "gimbal_limit_reached",
        YawLimit = 8 "yaw_reach_orbit_limit",
        ObstacleTooClose = 9 "obstacle_too_close",
        GpsToRtk = 10 "loc_source_switch_gps_to_rtk",
        RtkToGps = 11 "loc_source_switch_rtk_to_gps",
        AvoidanceDisabled = 12 "avoidance_disabled",
        ZoomLimit = 13 "zoom_range_limit_reached",
        TargetLost = 14 "target_lost",
        GpsWeak = 15 "gps_signal_weak",
        ExitNormal = 160 "exit_normal",
        ExitPayload = 161 "exit_payload_not_supported",
        ExitCameraMode = 162 "exit_camera_mode_not_supported",
        ExitInvalidCommand = 163 "exit_invalid_command",
        ExitLocationFailed = 164 "exit_location_failed",
        ExitNotTakenOff = 165 "exit_aircraft_not_takeoff",
        ExitFlightMode = 166 "exit_flight_mode_error",
        ExitModeUnavailable = 167 "exit_mode_unavailable",
        ExitSignalLost = 168 "exit_rc_signal_lost",
    }
}

wire! {
    /// `drc_ai_info_push`.
    pub struct AiInfo {
        /// Recognition is on.
        identify_on: Flag = "identify_on" [""];
        /// Spotlight zoom is on.
        spotlight_zoom_on: Flag = "spotlight_zoom_on" [""];
        /// Spotlight zoom.
        ai_spotlight_zoom: AiSpotlight = "ai_spotlight_zoom" [""];
        /// Models on offer.
        ai_model_list: Vec<AiModel> = "ai_model_list" [""];
        /// The model in use.
        selected_ai_model: AiSelectedModel = "selected_ai_model" [""];
        /// What a wayline does about a finding; only in an example.
        ai_wayline_state: AiWaylineState = "ai_wayline_state" [""];
    }
}

wire! {
    /// Spotlight zoom.
    pub struct AiSpotlight {
        /// Where it stands.
        state: SpotlightState = "state" [""];
        /// Why.
        state_reason: SpotlightReason = "state_reason" [""];
    }
}

wire! {
    /// A model on offer.
    pub struct AiModel {
        /// Under 128 built in, a third party's otherwise.
        index: Int = "index" [""];
        /// Its name.
        signed_name: Text = "signed_name" [""];
    }
}

codes! {
    /// Picture a model looks at.
    pub enum AiImageSource {
        Wide = 1 "wide",
        Zoom = 2 "zoom",
        Infrared = 3 "ir",
        Visible = 7 "visible",
    }
}

codes! {
    /// Palette a model looks at.
    pub enum AiDigitalEffect {
        WhiteHot = 0 "white_hot",
        BlackHot = 1 "black_hot",
        RedHot = 2 "red_hot",
    }
}

wire! {
    /// The model in use.
    pub struct AiSelectedModel {
        /// The model.
        index: Int = "index" [""];
        /// Threshold, 0 to 100.
        score: Int = "score" [""];
        /// What the threshold is for.
        score_mode: AiScoreMode = "score_mode" [""];
        /// Pictures it looks at.
        image_source: Vec<AiImageSource> = "image_source" [""];
        /// Palettes it looks at.
        digital_effect: Vec<AiDigitalEffect> = "digital_effect" [""];
        /// Labels shown.
        filters: Vec<Int> = "filters" [""];
        /// Labels known.
        labels: Vec<AiLabel> = "labels" [""];
    }
}

wire! {
    /// A label of a model.
    pub struct AiLabel {
        /// Its number.
        index: Int = "index" [""];
        /// Its name.
        name: Text = "name" [""];
    }
}

wire! {
    /// What a wayline does about a finding; only in an example.
    pub struct AiWaylineState {
        /// A series of pictures.
        sequence_shot: bool = "sequence_shot" [""];
        /// Waits for somebody to take over.
        wait_control: bool = "wait_control" [""];
        /// Records.
        record: bool = "record" [""];
        /// A picture.
        normal_shot: bool = "normal_shot" [""];
        /// Time left to take over.
        count_down_time: Int = "count_down_time" ["s"];
        /// The finding.
        alert_uuid: Text = "alert_uuid" [""];
    }
}
