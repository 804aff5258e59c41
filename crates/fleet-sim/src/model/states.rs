//! `state`: properties pushed when they change, and once after bring-up. Source:
//! `10.dock2/00.properties.md`. Read next: `link`.

use serde_json::{Value, json};

use super::DockModel;
use super::dock_osd::{r7, whole};
use super::wire::Whose;

const DOCK_FIRMWARE: &str = "10.01.1606";
const AIRCRAFT_FIRMWARE: &str = "10.01.0011";

impl DockModel {
    pub(super) fn push_dock_state(&mut self) {
        if self.is_lean() {
            let data = json!({"firmware_version": DOCK_FIRMWARE, "compatible_status": 0});
            return self.push_state_of(Whose::Dock, &data);
        }
        let system = json!({
            "firmware_version": DOCK_FIRMWARE,
            "compatible_status": 0,
            "firmware_upgrade_status": 0,
            "acc_time": whole(self.dock.powered_s),
            "silent_mode": self.dock.silent_mode,
            "air_transfer_enable": self.dock.air_transfer,
            "user_experience_improvement": self.dock.user_experience,
            "dongle_infos": [],
            "rtcm_info": {
                "mount_point": "", "port": "", "host": "",
                "rtcm_device_type": 1, "source_type": 1,
            },
            "wireless_link_topo": self.link_topology(),
        });
        self.push_state_of(Whose::Dock, &system);
        let video = json!({"live_capacity": self.live_capacity(), "live_status": []});
        self.push_state_of(Whose::Dock, &video);
    }

    pub(super) fn push_aircraft_state(&mut self) {
        if !self.aircraft.powered {
            return;
        }
        if self.is_lean() {
            let data = json!({"firmware_version": AIRCRAFT_FIRMWARE, "compatible_status": 0});
            return self.push_state_of(Whose::Aircraft, &data);
        }
        let data = json!({
            "firmware_version": AIRCRAFT_FIRMWARE,
            "compatible_status": 0,
            "firmware_upgrade_status": 0,
            "best_link_gateway": self.id.dock_sn,
            "wireless_link_topo": self.link_topology(),
            "flysafe_database_version": "01.00.01.93",
            "offline_map_enable": true,
            "dongle_infos": [],
            "current_rth_mode": 1,
            "rth_mode": 1,
            "serious_low_battery_warning_threshold": 10,
            "low_battery_warning_threshold": 20,
            "control_source": "A",
            "home_latitude": r7(self.id.lat),
            "home_longitude": r7(self.id.lon),
            "mode_code_reason": self.aircraft.mode_reason,
            "commander_flight_height": 80.0,
            "commander_flight_mode": 1,
            "commander_mode_lost_action": 1,
            "camera_watermark_settings": {
                "global_enable": 0, "drone_type_enable": 0, "drone_sn_enable": 0,
                "datetime_enable": 0, "gps_enable": 0, "user_custom_string_enable": 0,
                "user_custom_string": "", "layout": 0,
            },
        });
        self.push_state_of(Whose::Aircraft, &data);
    }

    /// `mode_code_reason` alone, when it changes.
    pub(super) fn set_mode_reason(&mut self, reason: i64) {
        if self.aircraft.mode_reason == reason {
            return;
        }
        self.aircraft.mode_reason = reason;
        if self.is_online() {
            self.push_state_of(Whose::Aircraft, &json!({"mode_code_reason": reason}));
        }
    }

    fn link_topology(&self) -> Value {
        let index = i64::from(self.id.index);
        json!({
            "secret_code": vec![0; 28],
            "center_node": {"sdr_id": 900_000_000 + index, "sn": self.id.aircraft_sn},
            "leaf_nodes": [{
                "sdr_id": 910_000_000 + index,
                "sn": self.id.dock_sn,
                "control_source_index": 1,
            }],
        })
    }

    fn live_capacity(&self) -> Value {
        let camera = |index: &str, kind: &str, switchable: Value| {
            json!({
                "camera_index": index,
                "available_video_number": 1,
                "coexist_video_number_max": 1,
                "video_list": [{
                    "video_index": format!("{kind}-0"),
                    "video_type": kind,
                    "switchable_video_types": switchable,
                }],
            })
        };
        let mut devices = vec![json!({
            "sn": self.id.dock_sn,
            "available_video_number": 1,
            "coexist_video_number_max": 1,
            "camera_list": [camera("165-0-7", "normal", json!(["normal"]))],
        })];
        if self.aircraft.powered {
            devices.push(json!({
                "sn": self.id.aircraft_sn,
                "available_video_number": 2,
                "coexist_video_number_max": 1,
                "camera_list": [
                    camera("81-0-0", "wide", json!(["wide", "zoom", "ir"])),
                    camera("176-0-0", "normal", json!(["normal"])),
                ],
            }));
        }
        let videos = if self.aircraft.powered { 3 } else { 1 };
        json!({
            "available_video_number": videos,
            "coexist_video_number_max": 2,
            "device_list": devices,
        })
    }
}
