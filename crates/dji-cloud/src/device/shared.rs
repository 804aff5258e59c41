//! Property objects that docks and aircraft share.
//!
//! Sources: `dock2/properties` and `m3d-properties` pages. Next: [`super::dock`].

use crate::few::Few;
use crate::lenient::{Flag, Int};
use crate::macros::wire;
use crate::text::Text;

use super::codes::{
    DongleKind, FixQuality, FixState, MaintenanceKind, SimKind, SimSlot, TelecomOperator,
};

wire! {
    /// Satellite positioning.
    pub struct PositionState {
        /// Whether calibrated.
        is_calibration: Flag = "is_calibration" [""];
        /// Whether is Fixed.
        is_fixed: FixState = "is_fixed" [""];
        /// Satellite acquisition mode.
        quality: FixQuality = "quality" [""];
        /// Number of GPS satellites.
        gps_number: Int = "gps_number" [""];
        /// Number of RTK satellite acquisitions.
        rtk_number: Int = "rtk_number" [""];
    }
}

wire! {
    /// Storage space.
    pub struct Storage {
        /// Total capacity.
        total: Int = "total" ["KB"];
        /// Used capacity.
        used: Int = "used" ["KB"];
    }
}

wire! {
    /// Maintenance record.
    pub struct MaintainStatus {
        /// Maintenance information array.
        maintain_status_array: Few<MaintainItem, 3> = "maintain_status_array" [""];
    }
}

wire! {
    /// One kind of maintenance.
    pub struct MaintainItem {
        /// Maintenance state.
        state: Flag = "state" [""];
        /// Last maintenance type.
        last_maintain_type: MaintenanceKind = "last_maintain_type" [""];
        /// Last maintenance time.
        last_maintain_time: Int = "last_maintain_time" ["s"];
        /// Last maintenance work sorties.
        last_maintain_work_sorties: Int = "last_maintain_work_sorties" [""];
        /// Flight hours at the last maintenance (aircraft).
        last_maintain_flight_time: Int = "last_maintain_flight_time" ["h"];
        /// Sorties at the last maintenance (aircraft).
        last_maintain_flight_sorties: Int = "last_maintain_flight_sorties" [""];
    }
}

wire! {
    /// Pairing data, needed for multi-dock tasks.
    pub struct WirelessLinkTopo {
        /// Copy from aircraft wireless_link_topo.
        secret_code: Vec<Int> = "secret_code" [""];
        /// Aircraft node; copy from aircraft property.
        center_node: CenterNode = "center_node" [""];
        /// Dock or remote controller pairing information.
        leaf_nodes: Vec<LeafNode> = "leaf_nodes" [""];
    }
}

wire! {
    /// The aircraft's node of the link.
    pub struct CenterNode {
        /// Scrambling code information.
        sdr_id: Int = "sdr_id" [""];
        /// Device SN.
        sn: Text = "sn" [""];
    }
}

wire! {
    /// A dock's or controller's node of the link.
    pub struct LeafNode {
        /// Scrambling code information.
        sdr_id: Int = "sdr_id" [""];
        /// Device SN.
        sn: Text = "sn" [""];
        /// Control source index.
        control_source_index: Int = "control_source_index" [""];
    }
}

wire! {
    /// A 4G dongle.
    pub struct DongleInfo {
        /// Identifies the dongle.
        imei: Text = "imei" [""];
        /// 6 old, 10 new eSIM-capable.
        dongle_type: DongleKind = "dongle_type" [""];
        /// ESIM identity, used to buy/query data plans.
        eid: Text = "eid" [""];
        /// Must be activated before eSIM works.
        esim_activate_state: Flag = "esim_activate_state" [""];
        /// Whether a physical SIM is present.
        sim_card_state: Flag = "sim_card_state" [""];
        /// Slot in use (or to switch to).
        sim_slot: SimSlot = "sim_slot" [""];
        /// ESIM information.
        esim_infos: Vec<EsimInfo> = "esim_infos" [""];
        /// Physical SIM details.
        sim_info: SimInfo = "sim_info" [""];
    }
}

wire! {
    /// An eSIM of a dongle.
    pub struct EsimInfo {
        /// Supported operators.
        telecom_operator: TelecomOperator = "telecom_operator" [""];
        /// True if this entry is the active one.
        enabled: bool = "enabled" [""];
        /// SIM identity used for plan purchase.
        iccid: Text = "iccid" [""];
    }
}

wire! {
    /// The physical SIM of a dongle.
    pub struct SimInfo {
        /// Supported operators.
        telecom_operator: TelecomOperator = "telecom_operator" [""];
        /// SIM card type.
        sim_type: SimKind = "sim_type" [""];
        /// SIM identity used for plan purchase.
        iccid: Text = "iccid" [""];
    }
}
