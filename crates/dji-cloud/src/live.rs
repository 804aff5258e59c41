//! Live video: what a dock offers and streams (properties of its state), and the calls for it.
//!
//! Source: `dock2/properties` and `dock2/live` pages. Stream addresses carry secrets, so nothing
//! here is ever logged. Next: [`crate::device::dock::DockState`].

use crate::check::{CallError, Check, bounded, required, required_text};
use crate::lenient::{Flag, Int};
use crate::macros::{codes, wire, words};
use crate::secret::Secret;
use crate::text::Text;

codes! {
    /// Quality of a stream.
    pub enum VideoQuality {
        Adaptive = 0 "adaptive",
        Smooth = 1 "smooth_960x540",
        Standard = 2 "standard_1280x720",
        High = 3 "high_1280x720",
        UltraHigh = 4 "ultra_high_1920x1080",
    }
}

wire! {
    /// What can be streamed.
    pub struct LiveCapacity {
        /// Number of selectable streaming bitrates.
        available_video_number: Int = "available_video_number" [""];
        /// Maximum number of streams that can be simultaneously streamed.
        coexist_video_number_max: Int = "coexist_video_number_max" [""];
        /// Devices offering video (dock itself, aircraft).
        device_list: Vec<LiveDevice> = "device_list" [""];
    }
}

wire! {
    /// A device with cameras.
    pub struct LiveDevice {
        /// Aircraft and other video source device serial number.
        sn: Text = "sn" [""];
        /// Number of streaming bitrates that can be selected for the serial number device.
        available_video_number: Int = "available_video_number" [""];
        /// The maximum number of streams that the device can send at once.
        coexist_video_number_max: Int = "coexist_video_number_max" [""];
        /// List of cameras on the device with the specified serial number.
        camera_list: Vec<LiveCamera> = "camera_list" [""];
    }
}

wire! {
    /// A camera with streams.
    pub struct LiveCamera {
        /// Type-subtype-gimbalindex.
        camera_index: Text = "camera_index" [""];
        /// Number of streaming bitrates that can be selected for the camera level video source.
        available_video_number: Int = "available_video_number" [""];
        /// The maximum number of streams that can be simultaneously streamed for this camera level.
        coexist_video_number_max: Int = "coexist_video_number_max" [""];
        /// List of streams that can be selected for this camera-level video source.
        video_list: Vec<LiveVideo> = "video_list" [""];
    }
}

wire! {
    /// A stream of a camera.
    pub struct LiveVideo {
        /// Index of the stream that can be selected for this camera-level video source.
        video_index: Text = "video_index" [""];
        /// Types of streams that can be selected for this camera-level video source.
        video_type: Text = "video_type" [""];
        /// Supported video camera types that the video stream can switch to.
        switchable_video_types: Vec<Text> = "switchable_video_types" [""];
    }
}

wire! {
    /// A stream as it runs.
    pub struct LiveStatus {
        /// {sn}/{camera_index}/{video_index}; camera_index is type-subtype-gimbalindex.
        video_id: Text = "video_id" [""];
        /// Lens name: normal, wide, zoom, ir.
        video_type: Text = "video_type" [""];
        /// 1 540p/512k, 2 720p/1M, 3 720p/1.5M, 4 1080p/3M.
        video_quality: VideoQuality = "video_quality" [""];
        /// Live streaming state.
        status: Flag = "status" [""];
        /// Error code.
        error_status: Int = "error_status" [""];
    }
}

const PAGE: &str = "dock2/live";

codes! {
    /// How a stream is sent.
    pub enum UrlType {
        Agora = 0 "agora",
        Rtmp = 1 "rtmp",
        Gb28181 = 3 "gb28181",
        /// WHIP only.
        WebRtc = 4 "webrtc",
    }
}

words! {
    /// Lens of a stream.
    pub enum VideoType {
        Infrared = "ir",
        Normal = "normal",
        Wide = "wide",
        Zoom = "zoom",
    }
}

codes! {
    /// Which camera of the dock.
    pub enum CameraPosition {
        Inside = 0 "inside",
        Outside = 1 "outside",
    }
}

wire! {
    /// `live_start_push`.
    pub struct LiveStartPush {
        /// How the stream is sent.
        url_type: UrlType = "url_type" [""];
        /// Where to; carries secrets.
        url: Secret = "url" [""];
        /// The stream, `{sn}/{camera_index}/{video_index}`.
        video_id: Text = "video_id" [""];
        /// Its quality.
        video_quality: VideoQuality = "video_quality" [""];
    }
}

impl Check for LiveStartPush {
    fn check(&self) -> Result<(), CallError> {
        required(self.url_type.as_ref(), "url_type", PAGE)?;
        let url = required(self.url.as_ref(), "url", PAGE)?;
        bounded(Some(url.expose().len()), |&len| len > 0, "url", "not empty", PAGE)?;
        required_text(self.video_id.as_ref(), "video_id", PAGE)?;
        required(self.video_quality.as_ref(), "video_quality", PAGE).map(drop)
    }
}

wire! {
    /// `live_stop_push`.
    pub struct LiveStopPush {
        /// The stream.
        video_id: Text = "video_id" [""];
    }
}

impl Check for LiveStopPush {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.video_id.as_ref(), "video_id", PAGE).map(drop)
    }
}

wire! {
    /// `live_set_quality`.
    pub struct LiveSetQuality {
        /// The stream.
        video_id: Text = "video_id" [""];
        /// Its quality.
        video_quality: VideoQuality = "video_quality" [""];
    }
}

impl Check for LiveSetQuality {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.video_id.as_ref(), "video_id", PAGE)?;
        required(self.video_quality.as_ref(), "video_quality", PAGE).map(drop)
    }
}

wire! {
    /// `live_lens_change`.
    pub struct LiveLensChange {
        /// The stream.
        video_id: Text = "video_id" [""];
        /// The lens.
        video_type: VideoType = "video_type" [""];
    }
}

impl Check for LiveLensChange {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.video_id.as_ref(), "video_id", PAGE)?;
        required(self.video_type.as_ref(), "video_type", PAGE).map(drop)
    }
}

wire! {
    /// `live_camera_change`: inside or outside camera of the dock.
    pub struct LiveCameraChange {
        /// The stream.
        video_id: Text = "video_id" [""];
        /// The camera.
        camera_position: CameraPosition = "camera_position" [""];
    }
}

impl Check for LiveCameraChange {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.video_id.as_ref(), "video_id", PAGE)?;
        required(self.camera_position.as_ref(), "camera_position", PAGE).map(drop)
    }
}
