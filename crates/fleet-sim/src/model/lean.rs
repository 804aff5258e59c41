//! Lean telemetry: the properties by which decisions are made, in two partial messages, so that
//! partial reports are met all the time. Written by hand, without a tree of values: the swarm sends
//! little else. Read next: `dock_osd`, which has all properties.

use super::dock_osd::{cover_code, whole};
use super::wire::Whose;
use super::{DockModel, TelemetryRate};

impl DockModel {
    pub(super) fn is_lean(&self) -> bool {
        matches!(self.cfg.telemetry, TelemetryRate::Lean { .. })
    }

    pub(super) fn push_lean_osd(&mut self) {
        self.push_lean(Whose::Dock, |model, out| {
            out.int("{\"cover_state\":", cover_code(model.dock.cover));
            out.int(",\"drone_in_dock\":", i64::from(model.aircraft.in_dock));
            out.int(",\"emergency_stop_state\":", i64::from(model.dock.emergency_stop));
            out.int(",\"mode_code\":", model.dock_mode_code());
            out.int(",\"supplement_light_state\":", i64::from(model.dock.light));
            out.text("}");
        });
        self.push_lean(Whose::Dock, |model, out| {
            let maintenance = i64::from(model.dock.maintenance) * 2;
            out.int("{\"drone_battery_maintenance_info\":{\"maintenance_state\":", maintenance);
            let percent = whole(model.aircraft.battery_percent);
            out.int("},\"drone_charge_state\":{\"capacity_percent\":", percent);
            out.int(",\"state\":", i64::from(model.dock.charging));
            let waiting = model.dock.media_waiting;
            out.int(
                "},\"home_position_is_valid\":1,\"media_file_detail\":{\"remain_upload\":",
                waiting,
            );
            out.text("},\"network_state\":{\"quality\":5},\"position_state\":{\"is_fixed\":2}");
            out.int(",\"rainfall\":", model.weather.rainfall);
            out.int(",\"storage\":{\"total\":82045336,\"used\":", 51_772 + waiting * 9_000);
            out.tenths("},\"wind_speed\":", model.weather.wind_mps());
            out.text("}");
        });
        if !self.aircraft.powered {
            return;
        }
        self.push_lean(Whose::Aircraft, |model, out| {
            let aircraft = &model.aircraft;
            out.int("{\"battery\":{\"capacity_percent\":", whole(aircraft.battery_percent));
            out.tenths("},\"elevation\":", aircraft.at.up);
            out.tenths(",\"horizontal_speed\":", aircraft.speed_mps);
            out.int(",\"mode_code\":", aircraft.mode.code());
            let used = 120_000 + aircraft.photos * 9_000;
            out.int(",\"storage\":{\"total\":60091000,\"used\":", used);
            out.text("}}");
        });
    }
}
