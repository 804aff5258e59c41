//! Camera and gimbal calls (on `services`), and the progress of panoramas.
//!
//! All need the payload's authority (`payload_authority_grab`). Coordinates in the picture run from
//! 0 to 1, origin top left. Angular speeds are rad/s, which the page calls "s".
//! Source: `dock2/drc` page. Next: [`crate::remote_control`] for the newer calls on `drc/down`.

use crate::check::bounds;
use crate::device::codes::{CameraMode, ExposureMode, FocusMode, IrMeteringMode};
use crate::lenient::{Int, Num};
use crate::macros::{codes, wire, words};
use crate::reply::ResultCode;
use crate::text::Text;

use super::PAGE;
use super::exposure::ExposureValue;

words! {
    /// Lens of a camera.
    pub enum CameraType {
        Infrared = "ir",
        Wide = "wide",
        Zoom = "zoom",
    }
}

words! {
    /// What is stored of a picture or video.
    pub enum StorageLens {
        Current = "current",
        Wide = "wide",
        Zoom = "zoom",
        Vision = "vision",
        Infrared = "ir",
    }
}

wire! {
    /// A call that names only a payload: `payload_authority_grab`, `camera_photo_take`,
    /// `camera_photo_stop`, `camera_recording_start`, `camera_recording_stop`.
    pub struct PayloadCommand {
        /// The payload, `{type}-{subtype}-{gimbal}`, such as `81-0-0`.
        payload_index: Text = "payload_index" [""];
    }
}

bounds!(PayloadCommand, PAGE, "", { payload_index: text; });

wire! {
    /// `camera_frame_zoom`: zoom to a frame.
    pub struct CameraFrameZoom {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens.
        camera_type: CameraType = "camera_type" [""];
        /// True: aircraft and gimbal turn together; false: only the gimbal.
        locked: bool = "locked" [""];
        /// Left edge of the frame, 0 to 1.
        x: Num = "x" [""];
        /// Top edge, 0 to 1.
        y: Num = "y" [""];
        /// Width, 0 to 1.
        width: Num = "width" [""];
        /// Height, 0 to 1.
        height: Num = "height" [""];
    }
}

bounds!(CameraFrameZoom, PAGE, "", {
    payload_index: text;
    camera_type: some;
    locked: some;
    x: some => in 0.0..=1.0, "0 to 1";
    y: some => in 0.0..=1.0, "0 to 1";
    width: some => in 0.0..=1.0, "0 to 1";
    height: some => in 0.0..=1.0, "0 to 1";
});

wire! {
    /// `camera_mode_switch` (and `drc_camera_mode_switch`, which also takes timed shots).
    pub struct CameraModeSwitch {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The mode.
        camera_mode: CameraMode = "camera_mode" [""];
    }
}

bounds!(CameraModeSwitch, PAGE, "", { payload_index: text; camera_mode: some; });

wire! {
    /// `camera_screen_drag`: turn the gimbal at a speed.
    pub struct CameraScreenDrag {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// True: aircraft and gimbal turn together; false: only the gimbal.
        locked: bool = "locked" [""];
        /// Pitch speed.
        pitch_speed: Num = "pitch_speed" ["rad/s"];
        /// Yaw speed; ignored while locked.
        yaw_speed: Num = "yaw_speed" ["rad/s"];
    }
}

bounds!(CameraScreenDrag, PAGE, "", {
    payload_index: text;
    locked: some;
    pitch_speed: some;
    yaw_speed: some;
});

wire! {
    /// `camera_aim`: centre a point of the picture.
    pub struct CameraAim {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens.
        camera_type: CameraType = "camera_type" [""];
        /// True: aircraft and gimbal turn together; false: only the gimbal.
        locked: bool = "locked" [""];
        /// From the left, 0 to 1.
        x: Num = "x" [""];
        /// From the top, 0 to 1.
        y: Num = "y" [""];
    }
}

bounds!(CameraAim, PAGE, "", {
    payload_index: text;
    camera_type: some;
    locked: some;
    x: some => in 0.0..=1.0, "0 to 1";
    y: some => in 0.0..=1.0, "0 to 1";
});

wire! {
    /// `camera_point_focus_action`: focus on a point of the picture.
    pub struct CameraPointFocus {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens.
        camera_type: CameraType = "camera_type" [""];
        /// From the left, 0 to 1.
        x: Num = "x" [""];
        /// From the top, 0 to 1.
        y: Num = "y" [""];
    }
}

bounds!(CameraPointFocus, PAGE, "", {
    payload_index: text;
    camera_type: some;
    x: some => in 0.0..=1.0, "0 to 1";
    y: some => in 0.0..=1.0, "0 to 1";
});

wire! {
    /// `camera_focal_length_set`: zoom.
    pub struct CameraFocalLength {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens.
        camera_type: CameraType = "camera_type" [""];
        /// 2 to 200; 2 to 20 for infrared.
        zoom_factor: Num = "zoom_factor" ["×"];
    }
}

impl crate::check::Check for CameraFocalLength {
    fn check(&self) -> Result<(), crate::check::CallError> {
        use crate::check::{bounded, required, required_text};
        required_text(self.payload_index.as_ref(), "payload_index", PAGE)?;
        let lens = required(self.camera_type.as_ref(), "camera_type", PAGE)?;
        required(self.zoom_factor.as_ref(), "zoom_factor", PAGE)?;
        let (max, range) = match lens {
            CameraType::Infrared => (20.0, "2 to 20 for infrared"),
            CameraType::Wide | CameraType::Zoom | CameraType::Other(_) => (200.0, "2 to 200"),
        };
        bounded(self.zoom_factor, |zoom| (2.0..=max).contains(zoom), "zoom_factor", range, PAGE)
    }
}

codes! {
    /// Where the gimbal goes.
    pub enum GimbalReset {
        Center = 0 "center",
        Down = 1 "down",
        YawCenter = 2 "yaw_center",
        PitchDown = 3 "pitch_down",
    }
}

wire! {
    /// `gimbal_reset`.
    pub struct GimbalResetCommand {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// Where the gimbal goes.
        reset_mode: GimbalReset = "reset_mode" [""];
    }
}

bounds!(GimbalResetCommand, PAGE, "", { payload_index: text; reset_mode: some; });

wire! {
    /// `camera_look_at`: point at a place.
    pub struct CameraLookAt {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// True: aircraft and gimbal turn together; false: only the gimbal.
        locked: bool = "locked" [""];
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Height over the ellipsoid, 2 to 10000.
        height: Num = "height" ["m"];
    }
}

bounds!(CameraLookAt, PAGE, "", {
    payload_index: text;
    locked: some;
    latitude: some => in -90.0..=90.0, "-90 to 90 degrees";
    longitude: some => in -180.0..=180.0, "-180 to 180 degrees";
    height: some => in 2.0..=10_000.0, "2 to 10000 m";
});

wire! {
    /// `camera_screen_split`.
    pub struct CameraScreenSplit {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// On.
        enable: bool = "enable" [""];
    }
}

bounds!(CameraScreenSplit, PAGE, "", { payload_index: text; enable: some; });

wire! {
    /// `photo_storage_set` and `drc_photo_storage_set`.
    pub struct PhotoStorage {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// What is stored of a picture.
        photo_storage_settings: Vec<StorageLens> = "photo_storage_settings" [""];
    }
}

bounds!(PhotoStorage, PAGE, "", {
    payload_index: text;
    photo_storage_settings: some => len 1..=8, "at least one lens";
});

wire! {
    /// `video_storage_set` and `drc_video_storage_set`.
    pub struct VideoStorage {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// What is stored of a video.
        video_storage_settings: Vec<StorageLens> = "video_storage_settings" [""];
    }
}

bounds!(VideoStorage, PAGE, "", {
    payload_index: text;
    video_storage_settings: some => len 1..=8, "at least one lens";
});

wire! {
    /// `camera_exposure_mode_set`.
    pub struct CameraExposureMode {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens, wide or zoom.
        camera_type: CameraType = "camera_type" [""];
        /// How exposure is set.
        exposure_mode: ExposureMode = "exposure_mode" [""];
    }
}

bounds!(CameraExposureMode, PAGE, "", {
    payload_index: text;
    camera_type: some;
    exposure_mode: some;
});

wire! {
    /// `camera_exposure_set`.
    pub struct CameraExposure {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens, wide or zoom.
        camera_type: CameraType = "camera_type" [""];
        /// Compensation; a string in the page's table, a number in its example.
        exposure_value: ExposureValue = "exposure_value" [""];
    }
}

bounds!(CameraExposure, PAGE, "", {
    payload_index: text;
    camera_type: some;
    exposure_value: some;
});

wire! {
    /// `camera_focus_mode_set`.
    pub struct CameraFocusMode {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens, wide or zoom.
        camera_type: CameraType = "camera_type" [""];
        /// How the camera focuses.
        focus_mode: FocusMode = "focus_mode" [""];
    }
}

bounds!(CameraFocusMode, PAGE, "", { payload_index: text; camera_type: some; focus_mode: some; });

wire! {
    /// `camera_focus_value_set`.
    pub struct CameraFocusValue {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens, wide or zoom.
        camera_type: CameraType = "camera_type" [""];
        /// Between `zoom_min_focus_value` and `zoom_max_focus_value` of the aircraft's OSD.
        focus_value: Int = "focus_value" [""];
    }
}

bounds!(CameraFocusValue, PAGE, "", { payload_index: text; camera_type: some; focus_value: some; });

wire! {
    /// `ir_metering_mode_set`.
    pub struct IrMeteringModeSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// How the thermal camera measures.
        mode: IrMeteringMode = "mode" [""];
    }
}

bounds!(IrMeteringModeSet, PAGE, "", { payload_index: text; mode: some; });

wire! {
    /// `ir_metering_point_set`.
    pub struct IrMeteringPointSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// From the left, 0 to 1.
        x: Num = "x" [""];
        /// From the top, 0 to 1.
        y: Num = "y" [""];
    }
}

bounds!(IrMeteringPointSet, PAGE, "", {
    payload_index: text;
    x: some => in 0.0..=1.0, "0 to 1";
    y: some => in 0.0..=1.0, "0 to 1";
});

wire! {
    /// `ir_metering_area_set`.
    pub struct IrMeteringAreaSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// Left edge, 0 to 1.
        x: Num = "x" [""];
        /// Top edge, 0 to 1.
        y: Num = "y" [""];
        /// Width, 0 to 1.
        width: Num = "width" [""];
        /// Height, 0 to 1.
        height: Num = "height" [""];
    }
}

bounds!(IrMeteringAreaSet, PAGE, "", {
    payload_index: text;
    x: some => in 0.0..=1.0, "0 to 1";
    y: some => in 0.0..=1.0, "0 to 1";
    width: some => in 0.0..=1.0, "0 to 1";
    height: some => in 0.0..=1.0, "0 to 1";
});

words! {
    /// Where a picture stands.
    pub enum PhotoStatus {
        InProgress = "in_progress",
        Ok = "ok",
        Fail = "fail",
    }
}

codes! {
    /// Step of a panorama.
    pub enum PanoramaStep {
        /// Outside the page's list, but in its example.
        None = 0 "none",
        NotStartedOrDone = 3000 "not_started_or_done",
        Capturing = 3002 "capturing",
        Synthesizing = 3005 "synthesizing",
    }
}

wire! {
    /// `camera_photo_take_progress`.
    pub struct PhotoProgress {
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Status and progress.
        output: PhotoOutput = "output" [""];
    }
}

wire! {
    /// Status and progress of a picture.
    pub struct PhotoOutput {
        /// Where it stands.
        status: PhotoStatus = "status" [""];
        /// How far it is.
        progress: PhotoStep = "progress" [""];
        /// Particulars.
        ext: PhotoExt = "ext" [""];
    }
}

wire! {
    /// How far a picture is.
    pub struct PhotoStep {
        /// The step.
        current_step: PanoramaStep = "current_step" [""];
        /// Done, 0 to 100.
        percent: Int = "percent" ["%"];
    }
}

wire! {
    /// Particulars of a picture.
    pub struct PhotoExt {
        /// Mode of the camera; panoramas only by the page, but its example shows another.
        camera_mode: CameraMode = "camera_mode" [""];
    }
}
