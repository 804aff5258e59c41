//! Lean telemetry: the properties by which decisions are made, in two partial messages, so that
//! partial reports are met all the time. Written from plain data, without a tree of values: the
//! swarm sends little else. Read next: `dock_osd`, which has all properties.

use serde::Serialize;

use super::dock_osd::{cover_code, r1, whole};
use super::wire::Whose;
use super::{DockModel, TelemetryRate};

/// What moves and what is where.
#[derive(Serialize)]
struct Hardware {
    cover_state: i64,
    drone_in_dock: u8,
    emergency_stop_state: u8,
    mode_code: i64,
    supplement_light_state: u8,
}

/// What a flight depends on.
#[derive(Serialize)]
struct Surroundings {
    drone_battery_maintenance_info: BatteryService,
    drone_charge_state: Charge,
    home_position_is_valid: u8,
    media_file_detail: Media,
    network_state: Network,
    position_state: Position,
    rainfall: i64,
    storage: Storage,
    wind_speed: f64,
}

#[derive(Serialize)]
struct BatteryService {
    maintenance_state: u8,
}

#[derive(Serialize)]
struct Charge {
    capacity_percent: i64,
    state: u8,
}

#[derive(Serialize)]
struct Media {
    remain_upload: i64,
}

#[derive(Serialize)]
struct Network {
    quality: u8,
}

#[derive(Serialize)]
struct Position {
    is_fixed: u8,
}

#[derive(Serialize)]
struct Storage {
    total: i64,
    used: i64,
}

/// The aircraft.
#[derive(Serialize)]
struct Aircraft {
    battery: Battery,
    elevation: f64,
    horizontal_speed: f64,
    mode_code: i64,
    storage: Storage,
}

#[derive(Serialize)]
struct Battery {
    capacity_percent: i64,
}

impl DockModel {
    pub(super) fn is_lean(&self) -> bool {
        matches!(self.cfg.telemetry, TelemetryRate::Lean { .. })
    }

    pub(super) fn push_lean_osd(&mut self) {
        let capacity_percent = whole(self.aircraft.battery_percent);
        let hardware = Hardware {
            cover_state: cover_code(self.dock.cover),
            drone_in_dock: u8::from(self.aircraft.in_dock),
            emergency_stop_state: u8::from(self.dock.emergency_stop),
            mode_code: self.dock_mode_code(),
            supplement_light_state: u8::from(self.dock.light),
        };
        self.push_osd_of(Whose::Dock, &hardware);
        let surroundings = Surroundings {
            drone_battery_maintenance_info: BatteryService {
                maintenance_state: u8::from(self.dock.maintenance) * 2,
            },
            drone_charge_state: Charge { capacity_percent, state: u8::from(self.dock.charging) },
            home_position_is_valid: 1,
            media_file_detail: Media { remain_upload: self.dock.media_waiting },
            network_state: Network { quality: 5 },
            position_state: Position { is_fixed: 2 },
            rainfall: self.weather.rainfall,
            storage: Storage { total: 82_045_336, used: 51_772 + self.dock.media_waiting * 9_000 },
            wind_speed: r1(self.weather.wind_mps()),
        };
        self.push_osd_of(Whose::Dock, &surroundings);
        if self.aircraft.powered {
            let used = 120_000 + self.aircraft.photos * 9_000;
            let aircraft = Aircraft {
                battery: Battery { capacity_percent },
                elevation: r1(self.aircraft.at.up),
                horizontal_speed: r1(self.aircraft.speed_mps),
                mode_code: self.aircraft.mode.code(),
                storage: Storage { total: 60_091_000, used },
            };
            self.push_osd_of(Whose::Aircraft, &aircraft);
        }
    }
}
