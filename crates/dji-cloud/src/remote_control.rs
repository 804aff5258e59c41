//! The newer camera calls and pushes of the direct-control link (`drc_*`), and landing.
//!
//! Everything here travels on `drc/down` and `drc/up`, with a `seq` beside `data`; only
//! `drc_camera_mode_switch` is documented on `services` while its siblings are not, so it is read
//! and can be written on both topics ([`crate::call::Call`], [`crate::drc_link::DrcDown`]).
//! `drone_emergency_stop` is documented here and on the drc page; it also ends a forced landing.
//! The pages spell "lens" as `lense`. Source: `dock2/remote-control` page. Next: [`crate::drc`].

use crate::check::bounds;
use crate::device::camera::WorldRegion;
use crate::device::codes::{
    AircraftModeCode, CameraMode, ExposureMode, FocusMode, FocusState, Iso, MeasureState,
};
use crate::drc::camera::{CameraType, PanoramaStep, PhotoStatus, StorageLens};
use crate::drc::exposure::{Aperture, ExposureValue, ShutterSpeed};
use crate::lenient::{Flag, Int, Num};
use crate::macros::{codes, wire};
use crate::newer::control::NightModeSettings;
use crate::reply::ResultCode;
use crate::text::Text;

const PAGE: &str = "dock2/remote-control";

wire! {
    /// `drc_camera_photo_info_push`: a timed shot or panorama.
    pub struct CameraPhotoInfo {
        /// Time to the next timed shot.
        countdown_time: Int = "countdown_time" ["s"];
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Where it stands.
        status: PhotoStatus = "status" [""];
        /// How far it is.
        progress: CameraPhotoStep = "progress" [""];
        /// Particulars.
        ext: CameraPhotoExt = "ext" [""];
    }
}

wire! {
    /// How far a picture is.
    pub struct CameraPhotoStep {
        /// The step.
        current_step: PanoramaStep = "current_step" [""];
        /// Done, 0 to 100.
        percent: Int = "percent" ["%"];
    }
}

wire! {
    /// Particulars of a picture.
    pub struct CameraPhotoExt {
        /// Mode of the camera; panoramas only by the page, but its example shows another.
        camera_mode: CameraMode = "camera_mode" [""];
    }
}

codes! {
    /// Resolution of a video. The infrared lens has a fixed 640×512.
    pub enum VideoResolution {
        FullHd = 0 "1920_1080",
        Uhd = 1 "3840_2160",
    }
}

codes! {
    /// Size of pictures.
    pub enum PhotoSize {
        Default = 0 "default",
        ExtraSmall = 1 "extra_small",
        Small = 2 "small",
        Medium = 3 "medium",
        Large = 4 "large",
        ExtraLarge = 5 "extra_large",
    }
}

codes! {
    /// Format of infrared pictures. Newer, unproven.
    pub enum PhotoFormat {
        Rjpeg = 7 "rjpeg",
        Dlt664 = 16 "dlt664",
    }
}

wire! {
    /// `drc_camera_state_push`.
    pub struct CameraStatePush {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The camera.
        camera_state: CameraState = "camera_state" [""];
        /// What is stored.
        media_storage: MediaStorage = "media_storage" [""];
    }
}

wire! {
    /// State of a camera.
    pub struct CameraState {
        /// Mode.
        camera_mode: CameraMode = "camera_mode" [""];
        /// Time between timed shots; an int in the page's table, 2.5 in its example.
        interval_photo_interval: Num = "interval_photo_interval" ["s"];
        /// Resolution of videos.
        video_resolution: VideoResolution = "video_resolution" [""];
        /// Lenses zoom together.
        linkage_zoom_state: Flag = "linkage_zoom_state" [""];
        /// Size of pictures.
        photo_size: PhotoSize = "photo_size" [""];
        /// Video recorded so far.
        record_time: Int = "record_time" ["s"];
        /// Recording.
        recording_state: Flag = "recording_state" [""];
        /// Taking a picture.
        photo_state: Flag = "photo_state" [""];
        /// Pictures left.
        remain_photo_num: Int = "remain_photo_num" [""];
        /// Video left.
        remain_record_duration: Int = "remain_record_duration" ["s"];
        /// Format of infrared pictures. Newer, unproven.
        photo_format: PhotoFormat = "photo_format" [""];
        /// Seeing at night. Newer, unproven.
        night_mode_settings: NightModeSettings = "night_mode_settings" [""];
    }
}

wire! {
    /// What is stored of pictures and videos.
    pub struct MediaStorage {
        /// Of a picture.
        photo_storage_settings: Vec<StorageLens> = "photo_storage_settings" [""];
        /// Of a video.
        video_storage_settings: Vec<StorageLens> = "video_storage_settings" [""];
    }
}

codes! {
    /// Why the aircraft lands.
    pub enum LandingType {
        NotLanding = 0 "not_landing",
        InDock = 1 "in_dock",
        AlternateSite = 2 "alternate_site",
        ByUser = 3 "by_user",
        ByAircraft = 4 "by_aircraft",
    }
}

codes! {
    /// What the look at the ground before a landing found.
    pub enum LandingProtection {
        Off = 0 "off",
        Unsuitable = 1 "unsuitable_landing_exited",
        NoResult = 2 "no_result_landing_exited",
        InDock = 3 "landing_in_dock",
    }
}

wire! {
    /// `drc_drone_state_push`.
    pub struct DroneStatePush {
        /// Stealth: all lights off.
        stealth_state: Flag = "stealth_state" [""];
        /// Night lights.
        night_lights_state: Flag = "night_lights_state" [""];
        /// What the aircraft is doing.
        mode_code: AircraftModeCode = "mode_code" [""];
        /// Why it lands.
        landing_type: LandingType = "landing_type" [""];
        /// What the look at the ground found.
        landing_protection_type: LandingProtection = "landing_protection_type" [""];
    }
}

wire! {
    /// `drc_camera_osd_info_push`.
    pub struct CameraOsdInfo {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The wide lens.
        wide_lense: WideLens = "wide_lense" [""];
        /// The zoom lens.
        zoom_lense: ZoomLens = "zoom_lense" [""];
        /// The range finder.
        measure_target: MeasureTarget = "measure_target" [""];
        /// The infrared lens.
        ir_lense: IrLens = "ir_lense" [""];
        /// What the picture shows.
        liveview: Liveview = "liveview" [""];
    }
}

wire! {
    /// The wide lens.
    pub struct WideLens {
        /// How exposure is set.
        wide_exposure_mode: ExposureMode = "wide_exposure_mode" [""];
        /// Sensitivity.
        wide_iso: Iso = "wide_iso" [""];
        /// Shutter speed.
        wide_shutter_speed: ShutterSpeed = "wide_shutter_speed" [""];
        /// Compensation.
        wide_exposure_value: ExposureValue = "wide_exposure_value" [""];
        /// Aperture; the page's example shows 10, which is not in its list.
        wide_aperture_value: Aperture = "wide_aperture_value" [""];
    }
}

wire! {
    /// The zoom lens.
    pub struct ZoomLens {
        /// How exposure is set.
        zoom_exposure_mode: ExposureMode = "zoom_exposure_mode" [""];
        /// Sensitivity.
        zoom_iso: Iso = "zoom_iso" [""];
        /// Shutter speed.
        zoom_shutter_speed: ShutterSpeed = "zoom_shutter_speed" [""];
        /// Compensation.
        zoom_exposure_value: ExposureValue = "zoom_exposure_value" [""];
        /// How it focuses.
        zoom_focus_mode: FocusMode = "zoom_focus_mode" [""];
        /// Focus.
        zoom_focus_value: Int = "zoom_focus_value" [""];
        /// Largest focus value.
        zoom_max_focus_value: Int = "zoom_max_focus_value" [""];
        /// Smallest focus value.
        zoom_min_focus_value: Int = "zoom_min_focus_value" [""];
        /// Calibrated focus value of the farthest point.
        zoom_calibrate_farthest_focus_value: Int = "zoom_calibrate_farthest_focus_value" [""];
        /// Calibrated focus value of the nearest point.
        zoom_calibrate_nearest_focus_value: Int = "zoom_calibrate_nearest_focus_value" [""];
        /// What the focus is doing.
        zoom_focus_state: FocusState = "zoom_focus_state" [""];
        /// Zoom; an int in the page's table, a fraction in its example.
        zoom_factor: Num = "zoom_factor" ["×"];
        /// Aperture.
        zoom_aperture_value: Aperture = "zoom_aperture_value" [""];
    }
}

wire! {
    /// The range finder.
    pub struct MeasureTarget {
        /// Its state.
        measure_target_error_state: MeasureState = "measure_target_error_state" [""];
        /// Longitude of the target.
        measure_target_longitude: Num = "measure_target_longitude" ["°"];
        /// Latitude of the target.
        measure_target_latitude: Num = "measure_target_latitude" ["°"];
        /// Altitude of the target.
        measure_target_altitude: Num = "measure_target_altitude" ["m"];
        /// Distance to the target.
        measure_target_distance: Num = "measure_target_distance" ["m"];
    }
}

codes! {
    /// Gain of the thermal sensor.
    pub enum ThermalGain {
        Auto = 0 "auto",
        /// 0 to 500 °C.
        Low = 1 "low",
        /// -20 to 150 °C.
        High = 2 "high",
    }
}

wire! {
    /// The infrared lens.
    pub struct IrLens {
        /// Palette; the page lists no values.
        thermal_current_palette_style: Int = "thermal_current_palette_style" [""];
        /// Split screen.
        screen_split_enable: bool = "screen_split_enable" [""];
        /// Zoom, 2 to 20.
        ir_zoom_factor: Num = "ir_zoom_factor" ["×"];
        /// Palettes on offer.
        thermal_supported_palette_styles: Vec<Int> = "thermal_supported_palette_styles" [""];
        /// Gain of the sensor.
        thermal_gain_mode: ThermalGain = "thermal_gain_mode" [""];
        /// Isotherms are drawn.
        thermal_isotherm_state: Flag = "thermal_isotherm_state" [""];
        /// Upper limit of the isotherms.
        thermal_isotherm_upper_limit: Int = "thermal_isotherm_upper_limit" ["°C"];
        /// Lower limit of the isotherms.
        thermal_isotherm_lower_limit: Int = "thermal_isotherm_lower_limit" ["°C"];
        /// Lowest temperature in the picture.
        thermal_global_temperature_min: Num = "thermal_global_temperature_min" ["°C"];
        /// Highest temperature in the picture.
        thermal_global_temperature_max: Num = "thermal_global_temperature_max" ["°C"];
    }
}

wire! {
    /// What the picture shows.
    pub struct Liveview {
        /// The zoomed view inside the wide view.
        liveview_world_region: WorldRegion = "liveview_world_region" [""];
    }
}

wire! {
    /// `drc_linkage_zoom_set`: lenses zoom together (M3TD only).
    pub struct LinkageZoomSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// On.
        state: Flag = "state" [""];
    }
}

bounds!(LinkageZoomSet, PAGE, "", { payload_index: text; state: some; });

wire! {
    /// `drc_video_resolution_set`.
    pub struct VideoResolutionSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The resolution; a string in the page's table, a number in its example.
        video_resolution: VideoResolution = "video_resolution" [""];
    }
}

bounds!(VideoResolutionSet, PAGE, "", { payload_index: text; video_resolution: some; });

wire! {
    /// `drc_interval_photo_set`.
    pub struct IntervalPhotoSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// Time between shots; a string in the page's table, a number in its example. 0.7 and 1
        /// are not for 8K pictures.
        interval: Num = "interval" ["s"];
    }
}

const INTERVALS_S: [f64; 11] = [0.7, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 60.0];

bounds!(IntervalPhotoSet, PAGE, "", {
    payload_index: text;
    interval: some => in INTERVALS_S, "0.7, 1, 2, 3, 5, 7, 10, 15, 20, 30 or 60 s";
});

wire! {
    /// `drc_night_lights_state_set`.
    pub struct NightLightsSet {
        /// On.
        night_lights_state: Flag = "night_lights_state" [""];
    }
}

bounds!(NightLightsSet, PAGE, "", { night_lights_state: some; });

wire! {
    /// `drc_stealth_state_set`: all lights off.
    pub struct StealthSet {
        /// On.
        stealth_state: Flag = "stealth_state" [""];
    }
}

bounds!(StealthSet, PAGE, "", { stealth_state: some; });

wire! {
    /// `drc_camera_aperture_value_set`.
    pub struct ApertureSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens.
        camera_type: CameraType = "camera_type" [""];
        /// Aperture.
        aperture_value: Aperture = "aperture_value" [""];
    }
}

bounds!(ApertureSet, PAGE, "", { payload_index: text; camera_type: some; aperture_value: some; });

wire! {
    /// `drc_camera_shutter_set`.
    pub struct ShutterSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens.
        camera_type: CameraType = "camera_type" [""];
        /// Shutter speed; automatic is 60 here, 65534 in telemetry.
        shutter_value: ShutterSpeed = "shutter_value" [""];
    }
}

bounds!(ShutterSet, PAGE, "", {
    payload_index: text;
    camera_type: some;
    shutter_value: some => in ShutterSpeed::from_code(0)..ShutterSpeed::Auto, "0 to 60";
});

wire! {
    /// `drc_camera_iso_set`.
    pub struct IsoSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens.
        camera_type: CameraType = "camera_type" [""];
        /// Sensitivity.
        iso_value: Iso = "iso_value" [""];
    }
}

bounds!(IsoSet, PAGE, "", { payload_index: text; camera_type: some; iso_value: some; });

wire! {
    /// `drc_camera_mechanical_shutter_set`. The page's table names the field `dewarping_state`,
    /// pasted from the next method.
    pub struct MechanicalShutterSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens: wide only.
        camera_type: CameraType = "camera_type" [""];
        /// On.
        mechanical_shutter_state: Flag = "mechanical_shutter_state" [""];
    }
}

bounds!(MechanicalShutterSet, PAGE, "", {
    payload_index: text;
    camera_type: some;
    mechanical_shutter_state: some;
});

wire! {
    /// `drc_camera_dewarping_set`: correct the lens' distortion.
    pub struct DewarpingSet {
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// The lens: wide only.
        camera_type: CameraType = "camera_type" [""];
        /// On.
        dewarping_state: Flag = "dewarping_state" [""];
    }
}

bounds!(DewarpingSet, PAGE, "", { payload_index: text; camera_type: some; dewarping_state: some; });
