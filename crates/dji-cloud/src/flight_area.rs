//! Custom flight areas and offline maps: what the dock asks before take-off.
//!
//! Both requests must be answered even when there is nothing to give ([`empty_reply`]): old
//! firmware otherwise waits about 40 s before every take-off. `offline_map_get` is not in the
//! reference, only in DJI's FAQ. Source: `dock2/custom-flight-area` page, `80.faq`.

use crate::lenient::{Int, Num};
use crate::macros::{codes, wire, words};
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

codes! {
    /// Why the transfer of areas failed.
    pub enum SyncReason {
        /// Outside the page's list, but in its example: no failure.
        None = 0 "none",
        ParseFailed = 1 "file_information_not_parsed",
        AircraftQueryFailed = 2 "file_information_not_read_from_aircraft",
        DownloadFailed = 3 "download_failed",
        LinkFlipFailed = 4 "link_flip_failed",
        TransferFailed = 5 "transfer_failed",
        DisableFailed = 6 "disable_failed",
        DeleteFailed = 7 "delete_failed",
        LoadFailed = 8 "aircraft_failed_to_load",
        EnableFailed = 9 "enable_failed",
        EnhancedLinkStayedOn = 10 "enhanced_link_not_turned_off",
        AircraftStartFailed = 11 "aircraft_start_failed",
        ChecksumFailed = 12 "checksum_failed",
        Timeout = 13 "timeout",
    }
}

wire! {
    /// `flight_areas_sync_progress`.
    pub struct AreasSyncProgress {
        /// Where it stands.
        status: SyncStatus = "status" [""];
        /// Why it failed.
        reason: SyncReason = "reason" [""];
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

wire! {
    /// `flight_areas_delete`: known only from DJI's code, which gives no field but the files.
    pub struct AreasDelete {
        /// The files.
        files: Vec<AreaFile> = "files" [""];
    }
}

impl crate::check::Check for AreasDelete {
    fn check(&self) -> Result<(), crate::check::CallError> {
        Ok(())
    }
}

wire! {
    /// `offline_map_sync_progress`: known only from DJI's code; its shape is taken to be that of
    /// the areas' progress.
    pub struct MapSyncProgress {
        /// Where it stands.
        status: SyncStatus = "status" [""];
        /// Why it failed; no values are given.
        reason: Int = "reason" [""];
        /// The file.
        file: SyncedFile = "file" [""];
    }
}
