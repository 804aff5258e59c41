//! Newer searchlight and speaker on the direct-control link (Dock 3). Unproven on hardware.
//!
//! Here a speaker's job ends with `success`, on the events channel with `ok`. Volumes start at 1
//! here, at 0 in [`crate::psdk`]. `drc_psdk_state_info` is described on `drc/up` by one source and
//! on `events` by another: it is read on both. Next: [`super::NewerDrcUp`].

use crate::check::bounds;
use crate::lenient::Int;
use crate::macros::{codes, wire, words};
use crate::psdk::{SpeakerPlayMode, SpeakerState, SpeakerWorkMode};
use crate::reply::ResultCode;
use crate::text::Text;

use super::PAGE;

wire! {
    /// `drc_light_brightness_set`.
    pub struct LightBrightness {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// Brightness; no bounds are given.
        brightness: Int = "brightness" [""];
    }
}

bounds!(LightBrightness, PAGE, "", { psdk_index: some; brightness: some; });

codes! {
    /// How a searchlight shines.
    pub enum LightMode {
        Off = 0 "off",
        Steady = 1 "steady",
        Flash = 2 "flash",
        FastFlash = 3 "fast_flash",
        AlternatingFlash = 4 "alternating_flash",
    }
}

wire! {
    /// `drc_light_mode_set`.
    pub struct LightModeSet {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// How it shines.
        mode: LightMode = "mode" [""];
    }
}

bounds!(LightModeSet, PAGE, "", { psdk_index: some; mode: some; });

codes! {
    /// Which lamp.
    pub enum LightPosition {
        Left = 0 "left",
        Right = 1 "right",
    }
}

wire! {
    /// `drc_light_fine_tuning_set`. Two sources contradict each other: an angle of -3 to 3 degrees
    /// (bounded here), or a value of 1 to 100 with `saved`.
    pub struct LightFineTuning {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// Which lamp.
        position: LightPosition = "position" [""];
        /// Angle.
        value: Int = "value" ["°"];
        /// Keep it, by the other source.
        saved: bool = "saved" [""];
    }
}

bounds!(LightFineTuning, PAGE, "", {
    psdk_index: some;
    position: some;
    value: some => in -3..=3, "-3 to 3 degrees";
});

wire! {
    /// `drc_light_calibration`, `drc_speaker_play_stop` and `drc_speaker_replay`.
    pub struct PsdkCommand {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
    }
}

bounds!(PsdkCommand, PAGE, "", { psdk_index: some; });

wire! {
    /// `drc_speaker_play_mode_set`.
    pub struct DrcSpeakerPlayMode {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// How often.
        play_mode: SpeakerPlayMode = "play_mode" [""];
    }
}

bounds!(DrcSpeakerPlayMode, PAGE, "", { psdk_index: some; play_mode: some; });

codes! {
    /// Voice of spoken text.
    pub enum TtsVoice {
        Male = 0 "male",
        Female = 1 "female",
    }
}

codes! {
    /// Language of spoken text.
    pub enum TtsLanguage {
        Chinese = 0 "zh",
        English = 1 "en",
    }
}

wire! {
    /// `drc_speaker_tts_set`: how text is spoken (the text itself is not in it).
    pub struct DrcSpeakerTts {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// Volume.
        volume: Int = "volume" [""];
        /// Voice.
        voice: TtsVoice = "type" [""];
        /// Language.
        language: TtsLanguage = "language" [""];
        /// Speed; no bounds are given.
        speed: Int = "speed" [""];
    }
}

bounds!(DrcSpeakerTts, PAGE, "", {
    psdk_index: some;
    volume: some;
    voice: some;
    language: some;
    speed: some;
});

wire! {
    /// `drc_speaker_play_volume_set`.
    pub struct DrcSpeakerVolume {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// Volume, 1 to 100.
        play_volume: Int = "play_volume" ["%"];
    }
}

bounds!(DrcSpeakerVolume, PAGE, "", {
    psdk_index: some;
    play_volume: some => in 1..=100, "1 to 100";
});

codes! {
    /// Who made a payload.
    pub enum PsdkKind {
        ThirdParty = 4 "third_party",
        Dji = 5 "dji",
    }
}

wire! {
    /// `drc_psdk_state_info`, and state of payloads of the Matrice 30.
    pub struct PsdkStateInfo {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// Who made it.
        psdk_type: PsdkKind = "psdk_type" [""];
        /// Name.
        psdk_name: Text = "psdk_name" [""];
        /// Serial number.
        psdk_sn: Text = "psdk_sn" [""];
        /// Firmware version.
        psdk_version: Text = "psdk_version" [""];
        /// Library version.
        psdk_lib_version: Text = "psdk_lib_version" [""];
        /// A searchlight.
        light: LightInfo = "light" [""];
        /// A speaker.
        speaker: SpeakerInfo = "speaker" [""];
        /// Values of its widgets, by one of the sources.
        values: Vec<PsdkValue> = "values" [""];
    }
}

wire! {
    /// Value of a widget.
    pub struct PsdkValue {
        /// The widget.
        index: Int = "index" [""];
        /// Its value.
        value: Int = "value" [""];
    }
}

codes! {
    /// Where a searchlight's calibration stands.
    pub enum CalibrationStatus {
        Done = 0 "done",
        Running = 1 "running",
        Failed = 2 "failed",
    }
}

wire! {
    /// A searchlight.
    pub struct LightInfo {
        /// How it shines.
        work_mode: LightMode = "work_mode" [""];
        /// Brightness.
        brightness: Int = "brightness" [""];
        /// Where its calibration stands.
        calibration_status: CalibrationStatus = "calibration_status" [""];
        /// How far its calibration is, 0 to 100.
        calibration_progress: Int = "calibration_progress" ["%"];
        /// The left lamp's fine tuning.
        left_value: Int = "left_value" [""];
        /// The right lamp's fine tuning.
        right_value: Int = "right_value" [""];
        /// Wide field.
        wide_field_mode: bool = "wide_field_mode" [""];
        /// It follows the gimbal.
        light_gimbal_control: bool = "light_gimbal_control" [""];
    }
}

wire! {
    /// A speaker.
    pub struct SpeakerInfo {
        /// What it plays.
        work_mode: SpeakerWorkMode = "work_mode" [""];
        /// How often.
        play_mode: SpeakerPlayMode = "play_mode" [""];
        /// What it is doing.
        system_state: SpeakerState = "system_state" [""];
        /// Volume.
        play_volume: Int = "play_volume" ["%"];
        /// Recording in it.
        play_file_name: Text = "play_file_name" [""];
        /// MD5 of the recording.
        play_file_md5: Text = "play_file_md5" [""];
        /// Volume of spoken text.
        tts_volume: Int = "tts_volume" ["%"];
        /// Voice.
        tts_type: TtsVoice = "tts_type" [""];
        /// Language.
        tts_language: TtsLanguage = "tts_language" [""];
        /// Speed.
        tts_speed: Int = "tts_speed" [""];
    }
}

words! {
    /// Where a speaker's job stands.
    pub enum DrcSpeakerStatus {
        InProgress = "in_progress",
        Success = "success",
        Failed = "failed",
    }
}

wire! {
    /// `drc_speaker_play_progress`.
    pub struct DrcSpeakerProgress {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Where it stands.
        status: DrcSpeakerStatus = "status" [""];
        /// How far it is.
        progress: DrcSpeakerStep = "progress" [""];
        /// MD5 of recording or text.
        md5: Text = "md5" [""];
    }
}

wire! {
    /// How far a speaker's job is.
    pub struct DrcSpeakerStep {
        /// The step.
        step_key: Text = "step_key" [""];
        /// Done, 0 to 100.
        percent: Int = "percent" ["%"];
    }
}
