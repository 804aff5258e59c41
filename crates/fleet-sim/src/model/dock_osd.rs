//! Dock `osd`: three partial messages a cycle, all documented properties among them. Source:
//! `10.dock2/00.properties.md`. Read next: `aircraft_osd`.

use serde_json::{Value, json};

use super::body::CoverState;
use super::wire::Whose;
use super::{DockModel, TelemetryRate, stage::Stage};

/// Date of the first power-on of every simulated dock; a constant, because models know no calendar.
const FIRST_POWER_ON_MS: i64 = 1_700_000_000_000;

pub(super) fn r1(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

pub(super) fn r7(value: f64) -> f64 {
    (value * 1e7).round() / 1e7
}
pub(super) fn whole(value: f64) -> i64 {
    value.round() as i64
}

impl DockModel {
    pub(super) fn push_osd(&mut self) {
        match self.cfg.telemetry {
            TelemetryRate::Documented => {
                self.push_dock_osd([self.osd_upkeep(), self.osd_links(), self.osd_site()]);
            }
            TelemetryRate::Merged => {
                let mut whole = self.osd_site();
                if let Value::Object(whole) = &mut whole {
                    for part in [self.osd_upkeep(), self.osd_links()] {
                        whole.extend(part.as_object().cloned().unwrap_or_default());
                    }
                }
                self.push_dock_osd([whole]);
            }
            TelemetryRate::Lean { .. } => self.push_lean_osd(),
        }
    }

    fn push_dock_osd(&mut self, parts: impl IntoIterator<Item = Value>) {
        for data in parts {
            self.push_osd_of(Whose::Dock, &data);
        }
        if self.aircraft.powered {
            let data = self.osd_aircraft();
            self.push_osd_of(Whose::Aircraft, &data);
        }
    }

    fn osd_upkeep(&self) -> Value {
        let mut batteries = Vec::new();
        if !self.aircraft.powered && self.aircraft.in_dock {
            batteries.push(json!({
                "index": 0,
                "capacity_percent": whole(self.aircraft.battery_percent),
                "voltage": self.battery_mv(),
                "temperature": r1(self.weather.temperature_c + 4.0),
            }));
        }
        json!({
            "job_number": self.dock.job_number,
            "activation_time": FIRST_POWER_ON_MS / 1_000,
            "maintain_status": {"maintain_status_array": [{
                "state": 0,
                "last_maintain_type": 17,
                "last_maintain_time": FIRST_POWER_ON_MS / 1_000,
                "last_maintain_work_sorties": 0,
            }]},
            "working_voltage": 25_400,
            "working_current": if self.dock.charging { 3_950.0 } else { 1_120.0 },
            "backup_battery": {"voltage": 26_600, "temperature": 27.9, "switch": 1},
            "drone_battery_maintenance_info": {
                "maintenance_state": i64::from(self.dock.maintenance) * 2,
                "maintenance_time_left": i64::from(self.dock.maintenance) * 12,
                "heat_state": 0,
                "batteries": batteries,
            },
        })
    }

    fn osd_links(&self) -> Value {
        let sdr = i64::from(self.aircraft.powered);
        json!({
            "flighttask_step_code": self.flighttask_step_code(),
            "media_file_detail": {"remain_upload": self.dock.media_waiting},
            "wireless_link": {
                "dongle_number": 0,
                "4g_link_state": 0,
                "sdr_link_state": sdr,
                "link_workmode": 0,
                "sdr_quality": sdr * 5,
                "4g_quality": 0,
                "4g_uav_quality": 0,
                "4g_gnd_quality": 0,
                "sdr_freq_band": 5.8,
                "4g_freq_band": 2.4,
            },
        })
    }

    fn osd_site(&self) -> Value {
        let id = &self.id;
        let (alt_lat, alt_lon) = super::geo::offset(id.lat, id.lon, 12.0, 6.0);
        let powered = i64::from(self.aircraft.powered);
        json!({
            "mode_code": self.dock_mode_code(),
            "cover_state": cover_code(self.dock.cover),
            "drone_in_dock": i64::from(self.aircraft.in_dock),
            "drone_charge_state": {
                "state": i64::from(self.dock.charging),
                "capacity_percent": whole(self.aircraft.battery_percent),
            },
            "supplement_light_state": i64::from(self.dock.light),
            "alarm_state": i64::from(self.dock.alarm),
            "battery_store_mode": self.dock.battery_store_mode,
            "emergency_stop_state": i64::from(self.dock.emergency_stop),
            "air_conditioner": {
                "air_conditioner_state": self.dock.air_conditioner,
                "switch_time": 0,
            },
            "home_position_is_valid": 1,
            "heading": self.dock.heading_deg,
            "latitude": id.lat,
            "longitude": id.lon,
            "height": id.height_m,
            "alternate_land_point": {
                "latitude": r7(alt_lat),
                "longitude": r7(alt_lon),
                "height": id.height_m,
                "safe_land_height": 30.0,
                "is_configured": 1,
            },
            "first_power_on": FIRST_POWER_ON_MS,
            "position_state": {
                "is_calibration": 1,
                "is_fixed": 2,
                "quality": 10,
                "gps_number": 12,
                "rtk_number": 27,
            },
            "storage": {"total": 82_045_336, "used": 51_772 + self.dock.media_waiting * 9_000},
            "environment_temperature": r1(self.weather.temperature_c),
            "temperature": r1(self.weather.temperature_c + 5.0),
            "humidity": r1(self.weather.humidity_percent),
            "wind_speed": r1(self.weather.wind_mps()),
            "rainfall": self.weather.rainfall,
            "network_state": {"type": 2, "quality": 5, "rate": 5.1},
            "sub_device": {
                "device_sn": id.aircraft_sn,
                "device_model_key": "0-91-1",
                "device_online_status": powered,
                "device_paired": 1,
            },
        })
    }

    /// 0 idle, 2 remote debugging, 4 in operation.
    pub(super) fn dock_mode_code(&self) -> i64 {
        if self.task.is_some() {
            4
        } else if self.dock.debug {
            2
        } else {
            0
        }
    }

    /// 0 preparation, 1 in flight, 2 recovery afterwards, 5 idle.
    fn flighttask_step_code(&self) -> i64 {
        match self.task.as_ref().map(|task| &task.stage) {
            None => 5,
            Some(
                Stage::Resource { .. }
                | Stage::Fetching { .. }
                | Stage::Opening { .. }
                | Stage::StartUp { .. },
            ) => 0,
            Some(Stage::Closing { .. } | Stage::WrapUp { .. }) => 2,
            Some(
                Stage::TakeOff
                | Stage::Rehearsal { .. }
                | Stage::Approach { .. }
                | Stage::Leg { .. }
                | Stage::Acting { .. }
                | Stage::Paused { .. }
                | Stage::Hover
                | Stage::ReturnClimb
                | Stage::ReturnLeg
                | Stage::Landing,
            ) => 1,
        }
    }

    pub(super) fn battery_mv(&self) -> i64 {
        whole(21_600.0 + self.aircraft.battery_percent * 37.0)
    }
}

pub(super) fn cover_code(cover: CoverState) -> i64 {
    match cover {
        CoverState::Closed => 0,
        CoverState::Open => 1,
        CoverState::HalfOpen => 2,
    }
}
