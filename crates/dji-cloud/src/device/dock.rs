//! OSD and state of the Dock 2, every documented property.
//!
//! Source: `dock-to-cloud/mqtt/dock/dock2/properties` page. Fields at the end of a struct that say
//! so are residue of the Dock 1 which Dock 2 examples still show. Next: [`super::aircraft`].

use crate::few::Few;
use crate::lenient::{Flag, Int, Num};
use crate::live::{LiveCapacity, LiveStatus};
use crate::macros::wire;
use crate::text::Text;

use super::codes::{
    AirConditionerState, BatteryHeatState, BatteryMaintenanceState, BatterySlot, BatteryStoreMode,
    CoverState, DockModeCode, DrcState, ExperiencePlan, FlighttaskStepCode, HomePositionState,
    LinkWorkmode, NetworkKind, NetworkQuality, Rainfall, RtcmDevice, RtcmSource,
};
use super::shared::{DongleInfo, MaintainStatus, PositionState, Storage, WirelessLinkTopo};

wire! {
    /// Telemetry of a Dock 2, 0.5 Hz. One message holds a part of it, several make a cycle.
    pub struct DockOsd {
        /// Home position validity.
        home_position_is_valid: HomePositionState = "home_position_is_valid" [""];
        /// Dock heading angle.
        heading: Num = "heading" ["°"];
        /// Dock air conditioner working state information.
        air_conditioner: AirConditioner = "air_conditioner" [""];
        /// Aircraft battery maintenance information.
        drone_battery_maintenance_info: DroneBatteryMaintenance =
            "drone_battery_maintenance_info" [""];
        /// Maintenance information.
        maintain_status: MaintainStatus = "maintain_status" [""];
        /// Satellite search state.
        position_state: PositionState = "position_state" [""];
        /// Emergency stop button state.
        emergency_stop_state: Flag = "emergency_stop_state" [""];
        /// Aircraft charging state.
        drone_charge_state: DroneChargeState = "drone_charge_state" [""];
        /// Dock backup battery information.
        backup_battery: BackupBattery = "backup_battery" [""];
        /// Dock sound and light alarm state.
        alarm_state: Flag = "alarm_state" [""];
        /// 1 holds 55-60 %; 2 holds 90-95 %.
        battery_store_mode: BatteryStoreMode = "battery_store_mode" [""];
        /// Dock activation time (Unix timestamp).
        activation_time: Int = "activation_time" ["s"];
        /// Ellipsoid height.
        height: Num = "height" ["m"];
        /// Alternate landing point.
        alternate_land_point: AlternateLandPoint = "alternate_land_point" [""];
        /// First power-on time.
        first_power_on: Int = "first_power_on" ["ms"];
        /// Storage capacity.
        storage: Storage = "storage" [""];
        /// Working current.
        working_current: Num = "working_current" ["mA"];
        /// Working voltage.
        working_voltage: Int = "working_voltage" ["mV"];
        /// Humidity inside the dock.
        humidity: Num = "humidity" ["%RH"];
        /// Inside dock temperature.
        temperature: Num = "temperature" ["°C"];
        /// Environment temperature.
        environment_temperature: Num = "environment_temperature" ["°C"];
        /// Wind speed.
        wind_speed: Num = "wind_speed" ["m/s"];
        /// Rainfall.
        rainfall: Rainfall = "rainfall" [""];
        /// Image transmission link.
        wireless_link: WirelessLink = "wireless_link" [""];
        /// Media file upload details.
        media_file_detail: MediaFileDetail = "media_file_detail" [""];
        /// Cumulative number of dock operations.
        job_number: Int = "job_number" [""];
        /// Check before forcing cover shut.
        drone_in_dock: Flag = "drone_in_dock" [""];
        /// Network state.
        network_state: NetworkState = "network_state" [""];
        /// Supplementary light state.
        supplement_light_state: Flag = "supplement_light_state" [""];
        /// Cover state.
        cover_state: CoverState = "cover_state" [""];
        /// Sub-device state.
        sub_device: SubDevice = "sub_device" [""];
        /// Dock mission state.
        flighttask_step_code: FlighttaskStepCode = "flighttask_step_code" [""];
        /// Dock state.
        mode_code: DockModeCode = "mode_code" [""];
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Cumulative operating time; documented as state, seen in OSD.
        acc_time: Int = "acc_time" ["s"];
        /// Firmware; documented as state.
        firmware_version: Text = "firmware_version" [""];
        /// Push rods; a Dock 1 property that Dock 2 examples still show.
        putter_state: CoverState = "putter_state" [""];
        /// Mains voltage; a Dock 1 property.
        electric_supply_voltage: Int = "electric_supply_voltage" ["V"];
        /// Direct-control link; a Dock 1 property.
        drc_state: DrcState = "drc_state" [""];
        /// Who controls the aircraft; a Dock 1 property.
        drone_authority_info: DroneAuthority = "drone_authority_info" [""];
    }
}

wire! {
    /// Who controls the aircraft; a Dock 1 property.
    pub struct DroneAuthority {
        /// `A` or `B`, or empty.
        control_source: Text = "control_source" [""];
        /// Nobody may take it.
        locked: bool = "locked" [""];
        /// Who controls its payloads.
        payloads: Vec<PayloadAuthority> = "payloads" [""];
    }
}

wire! {
    /// Who controls a payload; a Dock 1 property.
    pub struct PayloadAuthority {
        /// `A` or `B`, or empty.
        control_source: Text = "control_source" [""];
        /// The payload.
        payload_index: Text = "payload_index" [""];
        /// Its serial number.
        sn: Text = "sn" [""];
    }
}

wire! {
    /// The dock's air conditioner.
    pub struct AirConditioner {
        /// Exactly one AC mode active at a time.
        air_conditioner_state: AirConditionerState = "air_conditioner_state" [""];
        /// Seconds until AC reaches next state in its sequence.
        switch_time: Int = "switch_time" ["s"];
    }
}

wire! {
    /// Battery of the aircraft as seen by the dock.
    pub struct DroneBatteryMaintenance {
        /// Maintenance state.
        maintenance_state: BatteryMaintenanceState = "maintenance_state" [""];
        /// Hours, rounded down.
        maintenance_time_left: Int = "maintenance_time_left" ["h"];
        /// Battery warming status while aircraft is off in dock.
        heat_state: BatteryHeatState = "heat_state" [""];
        /// Filled only while aircraft is powered off in dock.
        batteries: Few<DockedBattery, 2> = "batteries" [""];
    }
}

wire! {
    /// One battery of the aircraft, reported while it is off in the dock.
    pub struct DockedBattery {
        /// 0-100; 32767 means unavailable.
        capacity_percent: Int = "capacity_percent" ["%"];
        /// Which battery.
        index: BatterySlot = "index" [""];
        /// 0-28000 mV; 32767 means unavailable.
        voltage: Int = "voltage" ["mV"];
        /// -40..150; 32767 means unavailable.
        temperature: Num = "temperature" ["°C"];
    }
}

wire! {
    /// Charging of the aircraft.
    pub struct DroneChargeState {
        /// Battery percentage.
        capacity_percent: Int = "capacity_percent" ["%"];
        /// Charging state.
        state: Flag = "state" [""];
    }
}

wire! {
    /// The dock's backup battery.
    pub struct BackupBattery {
        /// Backup battery switch.
        switch: Flag = "switch" [""];
        /// Voltage of the backup battery.
        voltage: Int = "voltage" ["mV"];
        /// Backup battery temperature.
        temperature: Num = "temperature" ["°C"];
    }
}

wire! {
    /// Where the aircraft lands when the dock cannot take it.
    pub struct AlternateLandPoint {
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Safe landing height (backup landing transfer height).
        safe_land_height: Num = "safe_land_height" ["m"];
        /// Whether the alternate landing point is set.
        is_configured: Flag = "is_configured" [""];
        /// Ellipsoid height.
        height: Num = "height" ["m"];
    }
}

wire! {
    /// Link between dock and aircraft.
    pub struct WirelessLink {
        /// Number of Dongles on the aircraft.
        dongle_number: Int = "dongle_number" [""];
        /// 4G link connection state.
        lte_link_state: Flag = "4g_link_state" [""];
        /// SDR link connection state.
        sdr_link_state: Flag = "sdr_link_state" [""];
        /// 1 uses SDR and 4G together.
        link_workmode: LinkWorkmode = "link_workmode" [""];
        /// SDR signal quality.
        sdr_quality: Int = "sdr_quality" [""];
        /// Overall 4G signal quality.
        lte_quality: Int = "4g_quality" [""];
        /// Aircraft to 4G server.
        lte_uav_quality: Int = "4g_uav_quality" [""];
        /// Ground device to 4G server.
        lte_gnd_quality: Int = "4g_gnd_quality" [""];
        /// SDR frequency band.
        sdr_freq_band: Num = "sdr_freq_band" ["GHz"];
        /// 4G frequency band.
        lte_freq_band: Num = "4g_freq_band" ["GHz"];
    }
}

wire! {
    /// Media upload queue.
    pub struct MediaFileDetail {
        /// Pending upload quantity.
        remain_upload: Int = "remain_upload" [""];
    }
}

wire! {
    /// Uplink of the dock.
    pub struct NetworkState {
        /// Network type.
        kind: NetworkKind = "type" [""];
        /// Network quality.
        quality: NetworkQuality = "quality" [""];
        /// Network rate.
        rate: Num = "rate" ["kB/s"];
    }
}

wire! {
    /// The aircraft as the dock sees it.
    pub struct SubDevice {
        /// Sub-device serial number.
        device_sn: Text = "device_sn" [""];
        /// Domain-type-subtype.
        device_model_key: Text = "device_model_key" [""];
        /// Aircraft power-on state on the dock.
        device_online_status: Flag = "device_online_status" [""];
        /// Aircraft on the dock whether is paired with the dock.
        device_paired: Flag = "device_paired" [""];
        /// Product of the sub-device; a Dock 1 property.
        product_type: Text = "product_type" [""];
    }
}

wire! {
    /// Properties of a Dock 2 that are sent on change.
    pub struct DockState {
        /// Network RTK source in use.
        rtcm_info: RtcmInfo = "rtcm_info" [""];
        /// Pairing data needed for multi-dock tasks.
        wireless_link_topo: WirelessLinkTopo = "wireless_link_topo" [""];
        /// Fast photo push to cloud while in live flight control.
        air_transfer_enable: bool = "air_transfer_enable" [""];
        /// Quieter fan/AC, buzzer muted, idle light off.
        silent_mode: Flag = "silent_mode" [""];
        /// User experience improvement plan.
        user_experience_improvement: ExperiencePlan = "user_experience_improvement" [""];
        /// 4G Dongle information.
        dongle_infos: Vec<DongleInfo> = "dongle_infos" [""];
        /// 1 when some module firmware lags the system version.
        compatible_status: Flag = "compatible_status" [""];
        /// Cumulative operating time of the aircraft.
        acc_time: Int = "acc_time" ["s"];
        /// Gateway device live streaming capability.
        live_capacity: LiveCapacity = "live_capacity" [""];
        /// Gateway's current overall live streaming state push.
        live_status: Vec<LiveStatus> = "live_status" [""];
        /// Firmware upgrade state.
        firmware_upgrade_status: Flag = "firmware_upgrade_status" [""];
        /// Firmware version.
        firmware_version: Text = "firmware_version" [""];
        /// Version of the wayline library; a Dock 1 property.
        wpmz_version: Text = "wpmz_version" [""];
    }
}

wire! {
    /// Where RTK corrections come from.
    pub struct RtcmInfo {
        /// Network RTK mounted point information.
        mount_point: Text = "mount_point" [""];
        /// Network port information.
        port: Text = "port" [""];
        /// Network host information.
        host: Text = "host" [""];
        /// Device type.
        rtcm_device_type: RtcmDevice = "rtcm_device_type" [""];
        /// Calibration type.
        source_type: RtcmSource = "source_type" [""];
    }
}
