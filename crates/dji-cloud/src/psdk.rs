//! Payloads of others (PSDK): widgets, text boxes, speakers; and custom data of payload and dock.
//!
//! The speaker's own text page ends a job with `success`, its table says `ok`: both are documented
//! ends, for these two events alone ([`SpeakerStatus`]). Sources: `dock2/psdk`,
//! `psdk-transmit-custom-data`, `esdk-transmit-custom-data` pages. Next: [`crate::newer::payload`].

use crate::check::bounds;
use crate::lenient::{Flag, Int, Num};
use crate::macros::{codes, wire, words};
use crate::reply::{ResultCode, Verdict};
use crate::text::Text;

const PAGE: &str = "dock2/psdk";
const TRANSMIT: &str = "dock2/psdk-transmit-custom-data";

wire! {
    /// `psdk_ui_resource_upload_result`: the payload's icons are in the store.
    pub struct PsdkUiResource {
        /// Slot of the payload, 0 to 3.
        psdk_index: Int = "psdk_index" [""];
        /// Key in the bucket.
        object_key: Text = "object_key" [""];
        /// Size.
        size: Int = "size" ["B"];
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
    }
}

wire! {
    /// `psdk_floating_window_text`: what the payload has to say.
    pub struct PsdkFloatingWindow {
        /// Slot of the payload, 0 to 3.
        psdk_index: Int = "psdk_index" [""];
        /// The text.
        value: Text = "value" [""];
    }
}

wire! {
    /// `psdk_widget_value_set`.
    pub struct PsdkWidgetValue {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// The widget.
        index: Int = "index" [""];
        /// Its value.
        value: Int = "value" [""];
    }
}

bounds!(PsdkWidgetValue, PAGE, "", {
    psdk_index: some => in 0..=i64::MAX, "0 or more";
    index: some => in 0..=i64::MAX, "0 or more";
    value: some;
});

wire! {
    /// `psdk_input_box_text_set`.
    pub struct PsdkInputBoxText {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// The text, at most 128 bytes.
        value: Text = "value" [""];
    }
}

bounds!(PsdkInputBoxText, PAGE, "", {
    psdk_index: some => in 0..=i64::MAX, "0 or more";
    value: some => len 0..=128, "at most 128 bytes";
});

words! {
    /// Format of a recording.
    pub enum AudioFormat {
        Pcm = "pcm",
    }
}

wire! {
    /// `speaker_audio_play_start`.
    pub struct SpeakerAudioStart {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// The recording.
        file: SpeakerAudioFile = "file" [""];
    }
}

bounds!(SpeakerAudioStart, PAGE, "", {
    psdk_index: some => in 0..=i64::MAX, "0 or more";
    file: some each;
});

wire! {
    /// A recording to fetch.
    pub struct SpeakerAudioFile {
        /// Name.
        name: Text = "name" [""];
        /// Where to fetch it; short-lived.
        url: Text = "url" [""];
        /// MD5 of the file: its identity for the dock.
        md5: Text = "md5" [""];
        /// Format.
        format: AudioFormat = "format" [""];
    }
}

bounds!(SpeakerAudioFile, PAGE, "file.", { name: text; url: text; md5: text; format: some; });

wire! {
    /// `speaker_tts_play_start`.
    pub struct SpeakerTtsStart {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// The text.
        tts: SpeakerTts = "tts" [""];
    }
}

bounds!(SpeakerTtsStart, PAGE, "", {
    psdk_index: some => in 0..=i64::MAX, "0 or more";
    tts: some each;
});

wire! {
    /// A text to be spoken.
    pub struct SpeakerTts {
        /// Name.
        name: Text = "name" [""];
        /// The text.
        text: Text = "text" [""];
        /// MD5 of the text: its identity for the dock.
        md5: Text = "md5" [""];
    }
}

bounds!(SpeakerTts, PAGE, "tts.", { name: text; text: text; md5: text; });

wire! {
    /// `speaker_replay` and `speaker_play_stop`.
    pub struct SpeakerCommand {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
    }
}

bounds!(SpeakerCommand, PAGE, "", { psdk_index: some => in 0..=i64::MAX, "0 or more"; });

codes! {
    /// How often a recording plays.
    pub enum SpeakerPlayMode {
        Once = 0 "once",
        Loop = 1 "loop",
    }
}

codes! {
    /// What a speaker plays.
    pub enum SpeakerWorkMode {
        Text = 0 "text",
        Recording = 1 "recording",
    }
}

codes! {
    /// What a speaker is doing.
    pub enum SpeakerState {
        Idle = 0 "idle",
        Transmitting = 1 "transmitting",
        Playing = 2 "playing",
        Abnormal = 3 "abnormal",
        Converting = 4 "converting",
        Downloading = 99 "downloading",
    }
}

wire! {
    /// Icons of a payload: `drc_psdk_ui_resource` (newer, unproven), and a property of the
    /// Matrice 30.
    pub struct PsdkResource {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// Ready.
        psdk_ready: Flag = "psdk_ready" [""];
        /// Key in the bucket.
        object_key: Text = "object_key" [""];
    }
}

wire! {
    /// `speaker_play_mode_set`.
    pub struct SpeakerPlayModeSet {
        /// Slot of the payload, 0 to 3.
        psdk_index: Int = "psdk_index" [""];
        /// How often.
        play_mode: SpeakerPlayMode = "play_mode" [""];
    }
}

bounds!(SpeakerPlayModeSet, PAGE, "", { psdk_index: some => in 0..=3, "0 to 3"; play_mode: some; });

wire! {
    /// `speaker_play_volume_set`.
    pub struct SpeakerVolumeSet {
        /// Slot of the payload, 0 to 3.
        psdk_index: Int = "psdk_index" [""];
        /// Volume, 0 to 100.
        play_volume: Int = "play_volume" ["%"];
    }
}

bounds!(SpeakerVolumeSet, PAGE, "", {
    psdk_index: some => in 0..=3, "0 to 3";
    play_volume: some => in 0..=100, "0 to 100";
});

words! {
    /// Where a speaker's job stands.
    pub enum SpeakerStatus {
        InProgress = "in_progress",
        Ok = "ok",
        /// In the page's example of a spoken text; its table says `ok`.
        Success = "success",
    }
}

words! {
    /// Step of a speaker's job.
    pub enum SpeakerStep {
        Download = "download",
        Encoding = "encoding",
        ChangeWorkMode = "change_work_mode",
        Upload = "upload",
        Play = "play",
    }
}

wire! {
    /// `speaker_audio_play_start_progress` and `speaker_tts_play_start_progress`.
    pub struct SpeakerProgress {
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Status and progress.
        output: SpeakerOutput = "output" [""];
    }
}

wire! {
    /// Status and progress of a speaker's job.
    pub struct SpeakerOutput {
        /// Slot of the payload.
        psdk_index: Int = "psdk_index" [""];
        /// Where it stands.
        status: SpeakerStatus = "status" [""];
        /// MD5 of recording or text.
        md5: Text = "md5" [""];
        /// How far it is.
        progress: SpeakerProgressStep = "progress" [""];
    }
}

wire! {
    /// How far a speaker's job is.
    pub struct SpeakerProgressStep {
        /// Done, 0 to 100.
        percent: Num = "percent" ["%"];
        /// The step.
        step_key: SpeakerStep = "step_key" [""];
    }
}

impl SpeakerProgress {
    /// What the message means for the job. Both documented words are its success, when a result
    /// of 0 stands beside them.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        use crate::reply::JobStatus;
        let status = self.output.as_ref().and_then(|output| output.status.as_ref());
        let status = status.map(|status| match status {
            SpeakerStatus::InProgress => JobStatus::InProgress,
            SpeakerStatus::Ok | SpeakerStatus::Success => JobStatus::Ok,
            SpeakerStatus::Other(word) => JobStatus::from_word(word),
        });
        crate::reply::verdict(self.result, &self.drift, status.as_ref())
    }
}

wire! {
    /// `custom_data_transmission_{to,from}_{psdk,esdk}`: data that only payload, dock extension and
    /// cloud understand.
    pub struct CustomData {
        /// The data, less than 256 bytes.
        value: Text = "value" [""];
    }
}

bounds!(CustomData, TRANSMIT, "", { value: some => len 0..256, "less than 256 bytes"; });
