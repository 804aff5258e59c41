//! Methods newer than the documentation this crate follows (1.11.3): **unproven**.
//!
//! They come from a third-party description of API 1.16 that no hardware has confirmed; where it
//! contradicts the documentation, the documentation is followed, and where two sources contradict
//! each other both spellings are read. [`crate::method`] marks them `newer`, none as safe to
//! repeat. Newer *values* of documented enums stand in those enums, marked "Newer, unproven".
//! Known by name only, and therefore left unknown: `drc_camera_photo_format_set`,
//! `drc_speaker_tts_play_start`, `drc_psdk_input_box_text_set`, `drc_psdk_widget_value_set`.
//! Read next: [`control`], [`ai`], [`payload`], [`wayline`].

pub mod ai;
pub mod control;
pub mod payload;
pub mod wayline;

use crate::cmd::NoBody;
use crate::dock1::PoiStatusNotify;
use crate::method_enum::{commands, methods};
use crate::psdk::{PsdkFloatingWindow, PsdkResource};

use self::ai::{
    AiFilterSet, AiInfo, AiModelSelect, AiScoreModeSet, AiScoreSet, AiSelect, AiSwitch, AiTrack,
};
use self::control::{DenoiseLevelSet, NightModeSet, NightSwitch, StickControl};
use self::payload::{
    DrcSpeakerPlayMode, DrcSpeakerProgress, DrcSpeakerTts, DrcSpeakerVolume, LightBrightness,
    LightFineTuning, LightModeSet, PsdkCommand, PsdkStateInfo,
};
use self::wayline::{
    InFlightCommand, InFlightDeliver, InFlightProgress, ObstacleNotify, RtkCalibration,
    RtkCalibrationProgress,
};

pub(crate) const PAGE: &str = "newer than 1.11.3, unproven";

commands! {
    /// Newer service calls.
    pub enum NewerCall {
        InFlightWaylineDeliver(Box<InFlightDeliver>) = "in_flight_wayline_deliver",
        InFlightWaylineStop(InFlightCommand) = "in_flight_wayline_stop",
        InFlightWaylineRecover(InFlightCommand) = "in_flight_wayline_recover",
        InFlightWaylineCancel(NoBody) = "in_flight_wayline_cancel",
        RtkCalibration(RtkCalibration) = "rtk_calibration",
    }
}

methods! {
    /// Newer events.
    pub enum NewerEvent {
        InFlightWaylineProgress(InFlightProgress) = "in_flight_wayline_progress",
        ObstacleAvoidanceNotify(ObstacleNotify) = "obstacle_avoidance_notify",
        RtkCalibration(Box<RtkCalibrationProgress>) = "rtk_calibration",
        PoiCircleStatus(PoiStatusNotify) = "poi_circle_status",
        /// By one of the sources; the other has it on `drc/up`.
        PsdkStateInfo(Box<PsdkStateInfo>) = "drc_psdk_state_info",
    }
}

commands! {
    /// Newer commands of direct control.
    pub enum NewerDrcDown {
        StickControl(StickControl) = "stick_control",
        AiModelSelect(AiModelSelect) = "drc_ai_model_select",
        AiIdentifySet(AiSwitch) = "drc_ai_identify_set",
        AiIdentifyScoreModeSet(AiScoreModeSet) = "drc_ai_identify_score_mode_set",
        AiIdentifyScoreSet(AiScoreSet) = "drc_ai_identify_score_set",
        AiIdentifyFilterSet(AiFilterSet) = "drc_ai_identify_filter_set",
        AiSpotlightZoomSet(AiSwitch) = "drc_ai_spotlight_zoom_set",
        AiSpotlightZoomTrack(AiTrack) = "drc_ai_spotlight_zoom_track",
        AiSpotlightZoomSelect(AiSelect) = "drc_ai_spotlight_zoom_select",
        AiIdentifyScoreReset(NoBody) = "drc_ai_identify_score_reset",
        AiSpotlightZoomConfirm(NoBody) = "drc_ai_spotlight_zoom_confirm",
        AiSpotlightZoomStop(NoBody) = "drc_ai_spotlight_zoom_stop",
        CameraNightModeSet(NightModeSet) = "drc_camera_night_mode_set",
        CameraDenoiseLevelSet(DenoiseLevelSet) = "drc_camera_denoise_level_set",
        CameraNightVisionEnable(NightSwitch) = "drc_camera_night_vision_enable",
        InfraredFillLightEnable(NightSwitch) = "drc_infrared_fill_light_enable",
        LightBrightnessSet(LightBrightness) = "drc_light_brightness_set",
        LightModeSet(LightModeSet) = "drc_light_mode_set",
        LightFineTuningSet(LightFineTuning) = "drc_light_fine_tuning_set",
        LightCalibration(PsdkCommand) = "drc_light_calibration",
        SpeakerPlayModeSet(DrcSpeakerPlayMode) = "drc_speaker_play_mode_set",
        SpeakerTtsSet(DrcSpeakerTts) = "drc_speaker_tts_set",
        SpeakerPlayVolumeSet(DrcSpeakerVolume) = "drc_speaker_play_volume_set",
        SpeakerPlayStop(PsdkCommand) = "drc_speaker_play_stop",
        SpeakerReplay(PsdkCommand) = "drc_speaker_replay",
        /// Known by name only: no field is described.
        LiveLensChange(NoBody) = "drc_live_lens_change",
    }
}

methods! {
    /// Newer pushes of direct control.
    pub enum NewerDrcUp {
        AiInfoPush(Box<AiInfo>) = "drc_ai_info_push",
        PsdkStateInfo(Box<PsdkStateInfo>) = "drc_psdk_state_info",
        PsdkFloatingWindowText(PsdkFloatingWindow) = "drc_psdk_floating_window_text",
        PsdkUiResource(PsdkResource) = "drc_psdk_ui_resource",
        SpeakerPlayProgress(Box<DrcSpeakerProgress>) = "drc_speaker_play_progress",
    }
}
