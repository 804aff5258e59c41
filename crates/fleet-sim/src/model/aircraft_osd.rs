//! Aircraft `osd` of a Matrice 3TD: every documented property in one message a cycle. Source:
//! `10.dock2/00.properties.md` (aircraft), camera 81-0-0. Read next: `states`.

use serde_json::{Value, json};

use super::dock_osd::{r1, r7, whole};
use super::{DockModel, geo};

const CAMERA: &str = "81-0-0";
const ACTIVATED_S: i64 = 1_700_000_000;

impl DockModel {
    pub(super) fn osd_aircraft(&self) -> Value {
        let aircraft = &self.aircraft;
        let (lat, lon) = geo::offset(self.id.lat, self.id.lon, aircraft.at.east, aircraft.at.north);
        let flying = !aircraft.in_dock;
        let tilt = if flying { aircraft.speed_mps * -1.1 } else { 0.0 };
        let mut osd = json!({
            "cameras": [self.camera()],
            "obstacle_avoidance": {
                "horizon": aircraft.obstacle_avoidance[0],
                "upside": aircraft.obstacle_avoidance[1],
                "downside": aircraft.obstacle_avoidance[2],
            },
            "is_near_area_limit": 0,
            "is_near_height_limit":
                i64::from(whole(aircraft.at.up) + 10 > aircraft.height_limit_m),
            "height_limit": aircraft.height_limit_m,
            "night_lights_state": aircraft.night_lights,
            "activation_time": ACTIVATED_S,
            "maintain_status": {"maintain_status_array": [maintenance(1), maintenance(2), maintenance(3)]},
            "track_id": self.track_id(),
            "position_state": {
                "is_fixed": if flying { 2 } else { 0 },
                "quality": if flying { 10 } else { 5 },
                "gps_number": 14,
                "rtk_number": if flying { 29 } else { 0 },
            },
            "storage": {"total": 60_091_000, "used": 120_000 + aircraft.photos * 9_000},
            "battery": self.battery(),
            "total_flight_sorties": aircraft.sorties,
            "total_flight_distance": r1(aircraft.total_m),
            "total_flight_time": whole(aircraft.total_s),
            "wind_direction": self.weather.wind_octant(),
            "wind_speed": if flying { r1(self.weather.wind_mps() * 1.3) } else { 0.0 },
            "home_distance": r1(aircraft.at.level_distance(super::body::Point::default())),
            "attitude_head": whole(aircraft.heading_deg),
            "attitude_roll": 0.0,
            "attitude_pitch": r1(tilt),
            "elevation": r1(aircraft.at.up),
            "height": r1(self.id.height_m + aircraft.at.up),
            "latitude": r7(lat),
            "longitude": r7(lon),
            "vertical_speed": r1(aircraft.climb_mps),
            "horizontal_speed": r1(aircraft.speed_mps),
            "gear": 1,
            "mode_code": aircraft.mode.code(),
        });
        // The documentation's `type_subtype_gimbalindex` stands for the payload's own key.
        osd[CAMERA] = json!({
            "gimbal_pitch": if flying { -90.0 } else { 0.0 },
            "gimbal_roll": 0.0,
            "gimbal_yaw": aircraft.heading_deg,
            "payload_index": CAMERA,
            "zoom_factor": 2.0,
        });
        osd
    }

    fn track_id(&self) -> &str {
        self.task.as_ref().map_or("", |task| task.track_id.as_str())
    }

    fn battery(&self) -> Value {
        let aircraft = &self.aircraft;
        let percent = whole(aircraft.battery_percent);
        let sn = format!("SIMBAT{}", &self.id.aircraft_sn[6..]);
        json!({
            "capacity_percent": percent,
            "remain_flight_time": whole(aircraft.remaining_flight_s()),
            "return_home_power": whole(aircraft.return_percent(self.return_height_m()) + 8.0).min(100),
            "landing_power": 8,
            "batteries": [{
                "capacity_percent": percent,
                "index": 0,
                "sn": sn,
                "type": 0,
                "sub_type": 0,
                "firmware_version": "02.00.20.44",
                "loop_times": aircraft.sorties,
                "voltage": self.battery_mv(),
                "temperature": r1(self.weather.temperature_c + if aircraft.in_dock { 4.0 } else { 16.0 }),
                "high_voltage_storage_days": 3,
            }],
        })
    }

    fn camera(&self) -> Value {
        let celsius = r1(self.weather.temperature_c);
        let spot = |x: f64, y: f64| json!({"x": x, "y": y, "temperature": celsius});
        json!({
            "payload_index": CAMERA,
            "camera_mode": 0,
            "photo_state": 0,
            "recording_state": 0,
            "record_time": 0,
            "remain_photo_num": 6_600 - self.aircraft.photos,
            "remain_record_duration": 7_200,
            "screen_split_enable": false,
            "zoom_factor": 2.0,
            "ir_zoom_factor": 2.0,
            "liveview_world_region": {"left": 0.41, "top": 0.41, "right": 0.59, "bottom": 0.59},
            "photo_storage_settings": ["wide", "ir"],
            "video_storage_settings": ["wide", "ir"],
            "wide_exposure_mode": 1,
            "wide_iso": 3,
            "wide_shutter_speed": 13,
            "wide_exposure_value": 16,
            "zoom_exposure_mode": 1,
            "zoom_iso": 3,
            "zoom_shutter_speed": 13,
            "zoom_exposure_value": 16,
            "zoom_focus_mode": 2,
            "zoom_focus_value": 40,
            "zoom_max_focus_value": 64,
            "zoom_min_focus_value": 0,
            "zoom_calibrate_farthest_focus_value": 41,
            "zoom_calibrate_nearest_focus_value": 64,
            "zoom_focus_state": 2,
            "ir_metering_mode": 0,
            "ir_metering_point": spot(0.5, 0.5),
            "ir_metering_area": {
                "x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5,
                "aver_temperature": celsius,
                "min_temperature_point": spot(0.3, 0.3),
                "max_temperature_point": spot(0.7, 0.7),
            },
        })
    }
}

fn maintenance(kind: i64) -> Value {
    json!({
        "state": 0,
        "last_maintain_type": kind,
        "last_maintain_time": ACTIVATED_S,
        "last_maintain_flight_time": 0,
        "last_maintain_flight_sorties": 0,
    })
}
