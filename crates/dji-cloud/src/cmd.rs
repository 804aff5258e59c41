//! Remote debug: the bodies of the commands that have one.
//!
//! Most commands take no body: `debug_mode_open`, `cover_open`, `charge_close` and so on; see
//! [`crate::method`] for all of them. Progress is [`crate::reply::JobProgress`]: step names are open
//! words. Source: `dock2/cmd` page.

use crate::check::{CallError, Check, bounded, required, required_text};
use crate::device::codes::{BatteryStoreMode, LinkWorkmode, SimSlot, TelecomOperator};
use crate::lenient::Flag;
use crate::macros::{codes, wire, words};
use crate::text::Text;

const PAGE: &str = "dock2/cmd";

wire! {
    /// `battery_maintenance_switch` and `alarm_state_switch`.
    pub struct SwitchAction {
        /// On or off.
        action: Flag = "action" [""];
    }
}

impl Check for SwitchAction {
    fn check(&self) -> Result<(), CallError> {
        required(self.action.as_ref(), "action", PAGE).map(drop)
    }
}

codes! {
    /// What the air conditioner is told to do.
    pub enum AirConditionerMode {
        Idle = 0 "idle",
        Cool = 1 "cool",
        Heat = 2 "heat",
        Dehumidify = 3 "dehumidify",
    }
}

wire! {
    /// `air_conditioner_mode_switch`.
    pub struct AirConditionerSwitch {
        /// The mode.
        action: AirConditionerMode = "action" [""];
    }
}

impl Check for AirConditionerSwitch {
    fn check(&self) -> Result<(), CallError> {
        required(self.action.as_ref(), "action", PAGE).map(drop)
    }
}

wire! {
    /// `battery_store_mode_switch`.
    pub struct BatteryStoreSwitch {
        /// The mode.
        action: BatteryStoreMode = "action" [""];
    }
}

impl Check for BatteryStoreSwitch {
    fn check(&self) -> Result<(), CallError> {
        required(self.action.as_ref(), "action", PAGE).map(drop)
    }
}

wire! {
    /// `sdr_workmode_switch`.
    pub struct SdrWorkmodeSwitch {
        /// Radio only, or radio and 4G together.
        link_workmode: LinkWorkmode = "link_workmode" [""];
    }
}

impl Check for SdrWorkmodeSwitch {
    fn check(&self) -> Result<(), CallError> {
        required(self.link_workmode.as_ref(), "link_workmode", PAGE).map(drop)
    }
}

words! {
    /// Which dongle is meant.
    pub enum DongleTarget {
        Dock = "dock",
        Drone = "drone",
    }
}

wire! {
    /// `esim_activate`, `sim_slot_switch` and `esim_operator_switch`.
    pub struct DongleCommand {
        /// The dongle.
        imei: Text = "imei" [""];
        /// Whose dongle.
        device_type: DongleTarget = "device_type" [""];
        /// The slot (`sim_slot_switch`).
        sim_slot: SimSlot = "sim_slot" [""];
        /// The operator (`esim_operator_switch`).
        telecom_operator: TelecomOperator = "telecom_operator" [""];
    }
}

impl Check for DongleCommand {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.imei.as_ref(), "imei", PAGE)?;
        required(self.device_type.as_ref(), "device_type", PAGE)?;
        bounded(
            self.sim_slot.map(SimSlot::code),
            |code| (1..=2).contains(code),
            "sim_slot",
            "1 or 2",
            PAGE,
        )?;
        bounded(
            self.telecom_operator.map(TelecomOperator::code),
            |code| (1..=3).contains(code),
            "telecom_operator",
            "1 to 3",
            PAGE,
        )
    }
}

wire! {
    /// The body of a command that has none.
    pub struct NoBody {}
}

impl Check for NoBody {
    fn check(&self) -> Result<(), CallError> {
        Ok(())
    }
}
