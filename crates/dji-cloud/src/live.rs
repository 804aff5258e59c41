//! Live video: what a dock offers and what it streams (properties of its state).
//!
//! Source: `dock2/properties` and `dock2/live` pages. Stream addresses carry secrets, so nothing
//! here is ever logged. Next: [`crate::device::dock::DockState`].

use crate::lenient::{Flag, Int};
use crate::macros::{codes, wire};
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
        /// The maximum number of streams that can be simultaneously streamed by the device with this serial number.
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
