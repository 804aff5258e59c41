//! Health alarms (HMS).
//!
//! Every report is the whole set: an alarm that is missing from the next one has cleared.
//! It puts nothing into words: that is [`crate::hms_text`]'s. Source: `dock2/hms` page.

use crate::lenient::{Flag, Int};
use crate::macros::{codes, wire};
use crate::text::Text;

codes! {
    /// How serious an alarm is.
    pub enum HmsLevel {
        Notification = 0 "notification",
        Reminder = 1 "reminder",
        Warning = 2 "warning",
    }
}

codes! {
    /// What an alarm belongs to.
    pub enum HmsModule {
        FlightTask = 0 "flight_task",
        DeviceManagement = 1 "device_management",
        Media = 2 "media",
        Hms = 3 "hms",
    }
}

wire! {
    /// All alarms of a device.
    pub struct Hms {
        /// The whole set, at most 20.
        list: Vec<HmsItem> = "list" [""];
    }
}

wire! {
    /// One alarm.
    pub struct HmsItem {
        /// How serious it is.
        level: HmsLevel = "level" [""];
        /// What it belongs to.
        module: HmsModule = "module" [""];
        /// Whether the aircraft was in the air.
        in_the_sky: Flag = "in_the_sky" [""];
        /// Code, such as `0x16100083`; its case matters for the text tables.
        code: Text = "code" [""];
        /// Faulty device, `{domain}-{type}-{sub_type}`; simulators send words such as `aircraft`.
        device_type: Text = "device_type" [""];
        /// Goes away by itself.
        imminent: Flag = "imminent" [""];
        /// Numbers for the text.
        args: HmsArgs = "args" [""];
    }
}

wire! {
    /// Numbers for the text of an alarm.
    pub struct HmsArgs {
        /// Counts from 0; texts show it plus 1.
        component_index: Int = "component_index" [""];
        /// Counts from 0; texts show it plus 1, or as a side.
        sensor_index: Int = "sensor_index" [""];
    }
}
