//! Custom flight areas and offline maps: what the dock asks before take-off.
//!
//! Both requests must be answered even when there is nothing to give ([`empty_reply`]): old
//! firmware otherwise waits about 40 s before every take-off. `offline_map_get` is not in the
//! reference, only in DJI's FAQ. Source: `dock2/custom-flight-area` page, `80.faq`.

use crate::lenient::{Int, Num};
use crate::macros::{wire, words};
use crate::text::Text;

wire! {
    /// Output of the answers to `flight_areas_get` and `offline_map_get`.
    pub struct FilesOutput {
        /// The files; empty when there are none.
        files: Vec<AreaFile> = "files" [""];
    }
}

wire! {
    /// A file to fetch.
    pub struct AreaFile {
        /// Name, `geofence_xxx.json`.
        name: Text = "name" [""];
        /// Where to fetch it; short-lived.
        url: Text = "url" [""];
        /// SHA-256 of the file.
        checksum: Text = "checksum" [""];
        /// Size.
        size: Int = "size" ["B"];
    }
}

/// The answer when there are no areas or maps.
#[must_use]
pub fn empty_reply() -> FilesOutput {
    FilesOutput { files: Some(Vec::new()), ..FilesOutput::default() }
}

words! {
    /// Where the transfer of areas stands.
    pub enum SyncStatus {
        WaitSync = "wait_sync",
        Synchronizing = "synchronizing",
        Synchronized = "synchronized",
        Fail = "fail",
        SwitchFail = "switch_fail",
    }
}

wire! {
    /// `flight_areas_sync_progress`.
    pub struct AreasSyncProgress {
        /// Where it stands.
        status: SyncStatus = "status" [""];
        /// Why it failed, 1 to 13; 0, outside the page's list, means no failure.
        reason: Int = "reason" [""];
        /// The file.
        file: SyncedFile = "file" [""];
    }
}

wire! {
    /// The file being transferred.
    pub struct SyncedFile {
        /// Name.
        name: Text = "name" [""];
        /// SHA-256.
        checksum: Text = "checksum" [""];
    }
}

wire! {
    /// `flight_areas_drone_location`.
    pub struct DroneLocations {
        /// One entry per area near the aircraft.
        drone_locations: Vec<DroneLocation> = "drone_locations" [""];
    }
}

wire! {
    /// The aircraft relative to one area.
    pub struct DroneLocation {
        /// The area.
        area_id: Text = "area_id" [""];
        /// Distance to its boundary.
        area_distance: Num = "area_distance" ["m"];
        /// Inside it.
        is_in_area: bool = "is_in_area" [""];
    }
}
