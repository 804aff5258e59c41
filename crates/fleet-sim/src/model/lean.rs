//! Lean telemetry: the properties by which decisions are made, in two partial messages, so that
//! partial reports are met all the time. Read next: `dock_osd`, which has all of them.

use serde_json::json;

use super::dock_osd::{cover_code, r1, whole};
use super::{DockModel, TelemetryRate};

impl DockModel {
    pub(super) fn is_lean(&self) -> bool {
        matches!(self.cfg.telemetry, TelemetryRate::Lean { .. })
    }

    pub(super) fn push_lean_osd(&mut self) {
        let dock = self.id.dock_sn.clone();
        let state = json!({
            "mode_code": self.dock_mode_code(),
            "cover_state": cover_code(self.dock.cover),
            "drone_in_dock": i64::from(self.aircraft.in_dock),
            "supplement_light_state": i64::from(self.dock.light),
            "emergency_stop_state": i64::from(self.dock.emergency_stop),
        });
        self.push_properties(&dock, "osd", state);
        let site = json!({
            "drone_charge_state": {
                "state": i64::from(self.dock.charging),
                "capacity_percent": whole(self.aircraft.battery_percent),
            },
            "position_state": {"is_fixed": 2},
            "home_position_is_valid": 1,
            "network_state": {"quality": 5},
            "drone_battery_maintenance_info": {
                "maintenance_state": i64::from(self.dock.maintenance) * 2,
            },
            "storage": {"total": 82_045_336, "used": 51_772 + self.dock.media_waiting * 9_000},
            "media_file_detail": {"remain_upload": self.dock.media_waiting},
            "wind_speed": r1(self.weather.wind_mps()),
            "rainfall": self.weather.rainfall,
        });
        self.push_properties(&dock, "osd", site);
        if self.aircraft.powered {
            let aircraft = self.id.aircraft_sn.clone();
            let data = json!({
                "mode_code": self.aircraft.mode.code(),
                "elevation": r1(self.aircraft.at.up),
                "horizontal_speed": r1(self.aircraft.speed_mps),
                "storage": {"total": 60_091_000, "used": 120_000 + self.aircraft.photos * 9_000},
                "battery": {"capacity_percent": whole(self.aircraft.battery_percent)},
            });
            self.push_properties(&aircraft, "osd", data);
        }
    }
}
