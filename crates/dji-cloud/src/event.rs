//! Every event and every request of a device, as enums.
//!
//! The event of a remote-debug job has the name of the call that started it; one variant takes them
//! all. Events and requests without a method, as in many of DJI's own examples, are told by the
//! keys of their bodies where those tell. Next: [`crate::message`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::airsense::AirsenseWarnings;
use crate::cmd::NoBody;
use crate::config::ConfigRequest;
use crate::dock1::{FlightSetupException, PoiStatusNotify};
use crate::drc::camera::PhotoProgress;
use crate::drc::{DrcStatusNotify, FlyToProgress, JoystickInvalid, TakeoffProgress};
use crate::envelope::DecodeError;
use crate::file::{FileUploadCallback, MediaPriority, StorageConfigRequest};
use crate::firmware::OtaProgress;
use crate::flight_area::{AreasSyncProgress, DroneLocations, MapSyncProgress};
use crate::hms::Hms;
use crate::log::LogUploadProgress;
use crate::method_enum::methods;
use crate::newer::NewerEvent;
use crate::organization::{BindStatusRequest, OrganizationBindRequest, OrganizationGetRequest};
use crate::psdk::{CustomData, PsdkFloatingWindow, PsdkUiResource, SpeakerProgress};
use crate::rc_pro::CloudControlNotify;
use crate::wayline::{
    ExitHoming, FlightIds, FlighttaskProgress, ProgressGetRequest, ResourceGetRequest,
    ReturnHomeInfo,
};

methods! {
    /// What a device asks the cloud for.
    pub enum Request {
        Config(ConfigRequest) = "config",
        BindStatus(BindStatusRequest) = "airport_bind_status",
        OrganizationGet(OrganizationGetRequest) = "airport_organization_get",
        OrganizationBind(OrganizationBindRequest) = "airport_organization_bind",
        StorageConfig(StorageConfigRequest) = "storage_config_get",
        ResourceGet(ResourceGetRequest) = "flighttask_resource_get",
        /// Multi-dock.
        ProgressGet(ProgressGetRequest) = "flighttask_progress_get",
        /// It has no body.
        FlightAreasGet(NoBody) = "flight_areas_get",
        /// It has no body and is not in the reference.
        OfflineMapGet(NoBody) = "offline_map_get",
    }
}

methods! {
    /// What happened on a device.
    pub enum Event {
        FlighttaskProgress(Box<FlighttaskProgress>) = "flighttask_progress",
        /// Conditional flights whose conditions hold.
        FlighttaskReady(FlightIds) = "flighttask_ready",
        /// A return was aborted.
        ExitHoming(ExitHoming) = "device_exit_homing_notify",
        /// The planned way home.
        ReturnHomeInfo(Box<ReturnHomeInfo>) = "return_home_info",
        /// The first Dock only.
        FlightSetupException(FlightSetupException) = "flight_setup_exception_notify",
        /// All alarms.
        Hms(Hms) = "hms",
        FileUploaded(Box<FileUploadCallback>) = "file_upload_callback",
        MediaPriority(MediaPriority) = "highest_priority_upload_flighttask_media",
        AreasSync(AreasSyncProgress) = "flight_areas_sync_progress",
        DroneLocations(DroneLocations) = "flight_areas_drone_location",
        /// Not in the reference, only in DJI's code.
        MapSync(MapSyncProgress) = "offline_map_sync_progress",
        Ota(Box<OtaProgress>) = "ota_progress",
        LogUpload(LogUploadProgress) = "fileupload_progress",
        FlyTo(Box<FlyToProgress>) = "fly_to_point_progress",
        Takeoff(Box<TakeoffProgress>) = "takeoff_to_point_progress",
        DrcStatus(DrcStatusNotify) = "drc_status_notify",
        JoystickInvalid(JoystickInvalid) = "joystick_invalid_notify",
        PhotoTake(PhotoProgress) = "camera_photo_take_progress",
        /// The first Dock only.
        PoiStatus(PoiStatusNotify) = "poi_status_notify",
        /// The RC Pro only.
        CloudControl(CloudControlNotify) = "cloud_control_auth_notify",
        Airsense(AirsenseWarnings) = "airsense_warning",
        PsdkUiResource(PsdkUiResource) = "psdk_ui_resource_upload_result",
        PsdkFloatingWindow(PsdkFloatingWindow) = "psdk_floating_window_text",
        SpeakerAudio(Box<SpeakerProgress>) = "speaker_audio_play_start_progress",
        SpeakerTts(Box<SpeakerProgress>) = "speaker_tts_play_start_progress",
        CustomDataFromPsdk(CustomData) = "custom_data_transmission_from_psdk",
        CustomDataFromEsdk(CustomData) = "custom_data_transmission_from_esdk",
        @newer Newer(NewerEvent),
        @jobs Job = JOB_EVENTS,
    }
}

/// Remote-debug methods whose jobs report by events of the same name. The last two are the first
/// Dock's.
pub const JOB_EVENTS: &[&str] = &[
    "cover_open",
    "cover_close",
    "cover_force_close",
    "drone_open",
    "drone_close",
    "charge_open",
    "charge_close",
    "device_reboot",
    "device_format",
    "drone_format",
    "esim_activate",
    "esim_operator_switch",
    "putter_open",
    "putter_close",
];

/// No method has this name; it stands for a job event that came without one.
const UNNAMED_JOB: &str = "";

/// Key of the body that gives a method away when the envelope names none, as in many of DJI's own
/// examples. Only keys that no other method of the same topic has.
const REQUEST_KEYS: &[(&str, &str)] = &[
    ("config_type", "config"),
    ("bind_devices", "airport_organization_bind"),
    ("device_binding_code", "airport_organization_get"),
    ("devices", "airport_bind_status"),
    ("module", "storage_config_get"),
];

const EVENT_KEYS: &[(&str, &str)] = &[
    ("list", "hms"),
    ("planned_path_points", "return_home_info"),
    ("drone_locations", "flight_areas_drone_location"),
    ("flight_task", "file_upload_callback"),
    ("flight_ids", "flighttask_ready"),
    ("flight_id", "highest_priority_upload_flighttask_media"),
];

pub(crate) fn decode_request(
    method: Option<&str>,
    data: Option<&RawValue>,
) -> Result<Option<Request>, DecodeError> {
    match method.or_else(|| guess(&Keys::of(data?)?, REQUEST_KEYS)) {
        Some(method) => Request::decode(method, data),
        None => Ok(None),
    }
}

pub(crate) fn decode_event(
    method: Option<&str>,
    data: Option<&RawValue>,
) -> Result<Option<Event>, DecodeError> {
    match method.or_else(|| guess_event(data?)) {
        Some(method) => Event::decode(method, data),
        None => Ok(None),
    }
}

/// The keys of a body, with what stands under them.
pub(crate) struct Keys<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Keys<'a> {
    pub(crate) fn of(data: &'a RawValue) -> Option<Self> {
        serde_json::from_str(data.get()).ok().map(Self)
    }

    pub(crate) fn under(&self, key: &str) -> Option<Self> {
        Self::of(self.0.get(key)?)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}

/// The method that a body without a method belongs to, if its keys tell.
pub(crate) fn guess(keys: &Keys<'_>, table: &[(&str, &'static str)]) -> Option<&'static str> {
    table.iter().find(|(key, _)| keys.has(key)).map(|&(_, method)| method)
}

fn guess_event(data: &RawValue) -> Option<&'static str> {
    // The only event whose body is an array.
    if data.get().trim_start().starts_with("[{") {
        return Some("airsense_warning");
    }
    let keys = Keys::of(data)?;
    if let Some(output) = keys.under("output") {
        if !output.has("status") {
            return None;
        }
        return match output.under("ext") {
            None => Some(UNNAMED_JOB),
            Some(ext) if ext.has("files") => Some("fileupload_progress"),
            Some(ext) if ext.has("flight_id") || ext.has("wayline_id") => {
                Some("flighttask_progress")
            }
            Some(_) => None,
        };
    }
    let is_more_than_a_flight = keys.0.len() > 1;
    guess(&keys, EVENT_KEYS)
        .filter(|&method| !(method.starts_with("highest_priority") && is_more_than_a_flight))
}
