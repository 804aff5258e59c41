//! Cameras and payloads of the aircraft.
//!
//! A payload's telemetry comes under a key of its own, `{type}-{subtype}-{gimbal}` (`81-0-0`),
//! which the page writes as `type_subtype_gimbalindex`. Source: `m3d-properties` page.

use serde::ser::{SerializeMap, Serializer};

use crate::drc::exposure::{ExposureValue, ShutterSpeed};
use crate::drift::DriftSink;
use crate::few::Few;
use crate::fields::Fields;
use crate::leaf::{LeafKind, LeafRef, LeafSpec};
use crate::lenient::{ELEMENTS_MAX, Flag, Int, Num, WireValue};
use crate::macros::{DynamicKeys, wire};
use crate::remote_control::ThermalGain;
use crate::text::Text;

use super::codes::{
    CameraMode, ExposureMode, FocusMode, FocusState, IrMeteringMode, Iso, MeasureState,
};

wire! {
    /// A camera of the aircraft.
    pub struct Camera {
        /// Remaining number of photos to take.
        remain_photo_num: Int = "remain_photo_num" [""];
        /// Remaining recording time.
        remain_record_duration: Int = "remain_record_duration" ["s"];
        /// Video recording duration.
        record_time: Int = "record_time" ["s"];
        /// Type-subtype-gimbalindex, e.g. 81-0-0.
        payload_index: Text = "payload_index" [""];
        /// Camera mode.
        camera_mode: CameraMode = "camera_mode" [""];
        /// Capturing state.
        photo_state: Flag = "photo_state" [""];
        /// Is split screen enabled.
        screen_split_enable: bool = "screen_split_enable" [""];
        /// Recording state.
        recording_state: Flag = "recording_state" [""];
        /// 2-200 visible, 2-20 infrared.
        zoom_factor: Num = "zoom_factor" ["×"];
        /// Infrared zoom factor.
        ir_zoom_factor: Num = "ir_zoom_factor" ["×"];
        /// Zoom view rectangle, origin top-left.
        liveview_world_region: WorldRegion = "liveview_world_region" [""];
        /// Subset of lens names; multiple allowed.
        photo_storage_settings: Few<Text, 3> = "photo_storage_settings" [""];
        /// Subset of lens names; multiple allowed.
        video_storage_settings: Few<Text, 3> = "video_storage_settings" [""];
        /// Wide lens exposure mode.
        wide_exposure_mode: ExposureMode = "wide_exposure_mode" [""];
        /// Wide lens sensitivity.
        wide_iso: Iso = "wide_iso" [""];
        /// Wide lens shutter speed.
        wide_shutter_speed: ShutterSpeed = "wide_shutter_speed" [""];
        /// Wide lens exposure value.
        wide_exposure_value: ExposureValue = "wide_exposure_value" [""];
        /// Zoom lens exposure mode.
        zoom_exposure_mode: ExposureMode = "zoom_exposure_mode" [""];
        /// Zoom lens sensitivity.
        zoom_iso: Iso = "zoom_iso" [""];
        /// Zoom lens shutter speed.
        zoom_shutter_speed: ShutterSpeed = "zoom_shutter_speed" [""];
        /// Zoom lens exposure value.
        zoom_exposure_value: ExposureValue = "zoom_exposure_value" [""];
        /// Zoom lens focus mode.
        zoom_focus_mode: FocusMode = "zoom_focus_mode" [""];
        /// Zoom lens focus value.
        zoom_focus_value: Int = "zoom_focus_value" [""];
        /// Zoom lens max focus value.
        zoom_max_focus_value: Int = "zoom_max_focus_value" [""];
        /// Zoom lens min focus value.
        zoom_min_focus_value: Int = "zoom_min_focus_value" [""];
        /// Zoom lens calibrate farthest focus value.
        zoom_calibrate_farthest_focus_value: Int = "zoom_calibrate_farthest_focus_value" [""];
        /// Zoom lens calibrate nearest focus value.
        zoom_calibrate_nearest_focus_value: Int = "zoom_calibrate_nearest_focus_value" [""];
        /// Zoom lens focus state.
        zoom_focus_state: FocusState = "zoom_focus_state" [""];
        /// Ir metering mode.
        ir_metering_mode: IrMeteringMode = "ir_metering_mode" [""];
        /// Ir metering point.
        ir_metering_point: MeteringPoint = "ir_metering_point" [""];
        /// Ir metering area.
        ir_metering_area: MeteringArea = "ir_metering_area" [""];
    }
}

wire! {
    /// The zoomed view inside the wide view.
    pub struct WorldRegion {
        /// X-axis starting point in the top-left corner.
        left: Num = "left" [""];
        /// Top-left corner's starting point on the y-axis.
        top: Num = "top" [""];
        /// Starting point of the x-axis in the bottom right corner.
        right: Num = "right" [""];
        /// Y-axis starting point in the lower right corner.
        bottom: Num = "bottom" [""];
    }
}

wire! {
    /// A temperature measured at a point of the picture.
    pub struct MeteringPoint {
        /// Metering point coordinate x.
        x: Num = "x" [""];
        /// Metering point coordinate y.
        y: Num = "y" [""];
        /// Metering point temperature.
        temperature: Num = "temperature" ["°C"];
    }
}

wire! {
    /// Temperatures measured in an area of the picture.
    pub struct MeteringArea {
        /// Metering area upper left corner coordinate x.
        x: Num = "x" [""];
        /// Metering area upper left corner coordinate y.
        y: Num = "y" [""];
        /// Metering area width.
        width: Num = "width" [""];
        /// Metering area height.
        height: Num = "height" [""];
        /// Metering area average temperature.
        aver_temperature: Num = "aver_temperature" ["°C"];
        /// Metering area lowest temperature point.
        min_temperature_point: MeteringPoint = "min_temperature_point" [""];
        /// Metering area highest temperature point.
        max_temperature_point: MeteringPoint = "max_temperature_point" [""];
    }
}

wire! {
    /// Telemetry of one payload.
    pub struct PayloadOsd {
        /// Gimbal pitch axis angle.
        gimbal_pitch: Num = "gimbal_pitch" ["°"];
        /// Gimbal roll axis angle.
        gimbal_roll: Num = "gimbal_roll" ["°"];
        /// Gimbal yaw axis angle.
        gimbal_yaw: Num = "gimbal_yaw" ["°"];
        /// Type-subtype-gimbalindex, e.g. 81-0-0.
        payload_index: Text = "payload_index" [""];
        /// 2-200 visible, 2-20 infrared.
        zoom_factor: Num = "zoom_factor" ["×"];
        /// Longitude of the target of the range finder.
        measure_target_longitude: Num = "measure_target_longitude" ["°"];
        /// Latitude of the target of the range finder.
        measure_target_latitude: Num = "measure_target_latitude" ["°"];
        /// Altitude of the target of the range finder.
        measure_target_altitude: Num = "measure_target_altitude" ["m"];
        /// Distance to the target of the range finder.
        measure_target_distance: Num = "measure_target_distance" ["m"];
        /// State of the range finder.
        measure_target_error_state: MeasureState = "measure_target_error_state" [""];
        /// Palette of the thermal picture.
        thermal_current_palette_style: Int = "thermal_current_palette_style" [""];
        /// Palettes on offer.
        thermal_supported_palette_styles: Vec<Int> = "thermal_supported_palette_styles" [""];
        /// Gain of the thermal sensor.
        thermal_gain_mode: ThermalGain = "thermal_gain_mode" [""];
        /// Whether isotherms are drawn.
        thermal_isotherm_state: Flag = "thermal_isotherm_state" [""];
        /// Upper limit of the isotherms.
        thermal_isotherm_upper_limit: Int = "thermal_isotherm_upper_limit" ["°C"];
        /// Lower limit of the isotherms.
        thermal_isotherm_lower_limit: Int = "thermal_isotherm_lower_limit" ["°C"];
        /// Lowest temperature in the picture.
        thermal_global_temperature_min: Num = "thermal_global_temperature_min" ["°C"];
        /// Highest temperature in the picture.
        thermal_global_temperature_max: Num = "thermal_global_temperature_max" ["°C"];
        /// Version of this object, undocumented.
        version: Int = "version" [""];
    }
}

/// The payloads of one message, in the order they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payloads(pub Few<(Text, PayloadOsd), 1>);

impl Payloads {
    /// The payload under a key such as `81-0-0`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&PayloadOsd> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, payload)| payload)
    }
}

/// Whether a key has the form `{type}-{subtype}-{gimbal}`.
fn is_payload_key(key: &str) -> bool {
    let mut parts = 0;
    let all_numbers = key.split('-').all(|part| {
        parts += 1;
        (1..=5).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    });
    all_numbers && parts == 3
}

impl DynamicKeys for Payloads {
    fn accepts(key: &str) -> bool {
        is_payload_key(key)
    }

    fn take<'de, A: Fields<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let mut payload = None;
        map.value_into(&mut payload)?;
        let Some(payload) = payload else { return Ok(false) };
        if let Some((_, slot)) = self.0.iter_mut().find(|(name, _)| name == key) {
            *slot = payload;
        } else if self.0.len() < ELEMENTS_MAX {
            self.0.push((key.into(), payload));
        }
        Ok(true)
    }

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0.iter().try_for_each(|(key, payload)| map.serialize_entry(key, payload))
    }
}

impl serde::Serialize for Payloads {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.write(&mut map)?;
        map.end()
    }
}

impl WireValue for Payloads {
    const EXPECTED: &'static str = "object";

    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        out.push(LeafSpec { key: path.to_owned(), unit, codes: &[], kind: LeafKind::Json });
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        f(base, LeafRef::Json(self));
    }
    fn has_drift(&self) -> bool {
        self.0.iter().any(|(_, payload)| payload.has_drift())
    }
    fn walk_drift(&self, path: &mut String, sink: &mut DriftSink<'_>) {
        for (_, payload) in &self.0 {
            payload.walk_drift(path, sink);
        }
    }
}
