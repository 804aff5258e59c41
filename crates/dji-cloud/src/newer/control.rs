//! Newer sticks and camera switches of direct control. Unproven on hardware.
//!
//! `stick_control` replaces `drone_control`: four sticks as a remote controller sends them, 364 to
//! 1684 with 1024 in the middle, 5 to 10 Hz, without an answer. Its axes have the aircraft's names,
//! so the trap of [`crate::drc::control`] is not in it.

use crate::check::bounds;
use crate::lenient::Int;
use crate::macros::{codes, wire};
use crate::text::Text;

use super::PAGE;

/// The middle of a stick.
pub const STICK_NEUTRAL: i64 = 1024;

wire! {
    /// `stick_control`: sticks, to be sent at 5 to 10 Hz; all neutral is hover.
    pub struct StickControl {
        /// Right over 1024, left under it.
        roll: Int = "roll" [""];
        /// Forward over 1024, backward under it.
        pitch: Int = "pitch" [""];
        /// Up over 1024, down under it.
        throttle: Int = "throttle" [""];
        /// Clockwise over 1024, counter-clockwise under it.
        yaw: Int = "yaw" [""];
        /// Gimbal; only in an example.
        gimbal_pitch: Int = "gimbal_pitch" [""];
    }
}

bounds!(StickControl, PAGE, "", {
    roll: some => in 364..=1684, "364 to 1684, 1024 is neutral";
    pitch: some => in 364..=1684, "364 to 1684, 1024 is neutral";
    throttle: some => in 364..=1684, "364 to 1684, 1024 is neutral";
    yaw: some => in 364..=1684, "364 to 1684, 1024 is neutral";
    gimbal_pitch: => in 364..=1684, "364 to 1684, 1024 is neutral";
});

impl StickControl {
    /// Hover: every stick in the middle.
    #[must_use]
    pub fn neutral() -> Self {
        Self {
            roll: Some(STICK_NEUTRAL),
            pitch: Some(STICK_NEUTRAL),
            throttle: Some(STICK_NEUTRAL),
            yaw: Some(STICK_NEUTRAL),
            ..Self::default()
        }
    }
}

codes! {
    /// Night mode.
    pub enum NightMode {
        Off = 0 "off",
        On = 1 "on",
        Auto = 2 "auto",
    }
}

codes! {
    /// How much noise is taken out of the picture.
    pub enum DenoiseLevel {
        Off = 0 "off",
        Standard = 1 "standard",
        /// 15 pictures a second.
        Enhanced = 2 "enhanced",
        /// 5 pictures a second.
        Super = 3 "super",
    }
}

wire! {
    /// Seeing at night, in `drc_camera_state_push`.
    pub struct NightModeSettings {
        /// Night mode.
        night_mode: NightMode = "night_mode" [""];
        /// How much noise is taken out.
        denoise_level: DenoiseLevel = "denoise_level" [""];
        /// Night vision.
        night_vision_enable: bool = "night_vision_enable" [""];
        /// Infrared light.
        infrared_fill_light_enable: bool = "infrared_fill_light_enable" [""];
        /// What the camera advises; no values are given.
        night_scene_mode_suggestion: Int = "night_scene_mode_suggestion" [""];
        /// Night mode is at work; no values are given.
        is_working: Int = "is_working" [""];
    }
}

wire! {
    /// `drc_camera_night_mode_set`.
    pub struct NightModeSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// Night mode.
        mode: NightMode = "mode" [""];
    }
}

bounds!(NightModeSet, PAGE, "", { payload_index: text; mode: some; });

wire! {
    /// `drc_camera_denoise_level_set`.
    pub struct DenoiseLevelSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// How much noise is taken out.
        level: DenoiseLevel = "level" [""];
    }
}

bounds!(DenoiseLevelSet, PAGE, "", { payload_index: text; level: some; });

wire! {
    /// `drc_camera_night_vision_enable` and `drc_infrared_fill_light_enable`, at a zoom of 7 or
    /// more.
    pub struct NightSwitch {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// On.
        enable: bool = "enable" [""];
    }
}

bounds!(NightSwitch, PAGE, "", { payload_index: text; enable: some; });
