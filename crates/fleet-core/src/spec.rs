//! What the core needs to know of a method, from the protocol's method table.

use dji_cloud::method::{self, Danger, Interlock, MethodSpec, ProgressEvent};

/// How one learns that a command is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// By the device's answer.
    Answer,
    /// By the job's own report of its end.
    Job,
    /// By telemetry that shows it; the answer alone is not believed.
    Effect,
}

/// What telemetry can show of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Dock mode is remote debugging, or no longer.
    DebugMode(bool),
    /// The supplement light is on, or off.
    Light(bool),
    /// The cover is open, or closed.
    Cover(bool),
    /// The aircraft is returning, or landing at the end of it. That it is in its dock shows nothing:
    /// it may not have left yet.
    Returning,
    /// The wayline is paused, or going on.
    Paused(bool),
    /// The aircraft flies and is not on its way home.
    Hovering,
}

/// A method as the command machine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// DJI method.
    pub method: &'static str,
    /// Moves hardware or aircraft.
    pub danger: Danger,
    /// Sent first, journaled after, never refused.
    pub counter_action: bool,
    /// The same again does no more than once.
    pub repeatable: bool,
    /// Only in remote-debug mode.
    pub needs_debug_mode: bool,
    /// Refused unless the aircraft is known to be in the dock.
    pub needs_aircraft_home: bool,
    /// How one learns of its end.
    pub completion: Completion,
    /// What telemetry can show of it.
    pub evidence: Option<Evidence>,
    /// Time for the answer, milliseconds.
    pub reply_timeout_ms: u64,
    /// Time between reports of the job, milliseconds.
    pub job_timeout_ms: u64,
}

impl Spec {
    /// For a method that is not offered: nothing of it is ever sent.
    #[must_use]
    pub fn none() -> Self {
        Self {
            method: "",
            danger: Danger::None,
            counter_action: false,
            repeatable: false,
            needs_debug_mode: false,
            needs_aircraft_home: false,
            completion: Completion::Answer,
            evidence: None,
            reply_timeout_ms: 0,
            job_timeout_ms: 0,
        }
    }
}

/// The commands an operator may send by hand, apart from missions.
pub const OPERATOR_METHODS: [&str; 10] = [
    "debug_mode_open",
    "debug_mode_close",
    "supplement_light_open",
    "supplement_light_close",
    "cover_open",
    "cover_close",
    "return_home",
    "return_home_cancel",
    "flighttask_pause",
    "flighttask_recovery",
];

/// The spec of an operator's method; `None` when it is not offered.
#[must_use]
pub fn operator_spec(method: &str) -> Option<Spec> {
    if !OPERATOR_METHODS.contains(&method) {
        return None;
    }
    method::spec(method).map(from_table)
}

/// The spec of a method the mission machine uses.
#[must_use]
pub fn mission_spec(method: &str) -> Option<Spec> {
    method::spec(method).map(from_table)
}

fn from_table(table: &'static MethodSpec) -> Spec {
    let evidence = evidence(table.method);
    let completion = match (table.progress_event, evidence) {
        (ProgressEvent::SameName, _) => Completion::Job,
        (
            ProgressEvent::None | ProgressEvent::FlighttaskProgress | ProgressEvent::Named(_),
            Some(_),
        ) => Completion::Effect,
        // A mission follows its flight itself: for its orders the answer is the end.
        (
            ProgressEvent::None | ProgressEvent::FlighttaskProgress | ProgressEvent::Named(_),
            None,
        ) => Completion::Answer,
    };
    Spec {
        method: table.method,
        danger: table.danger,
        counter_action: table.counter_action,
        repeatable: table.repeatable,
        needs_debug_mode: table.needs_debug_mode,
        needs_aircraft_home: match table.interlock {
            Interlock::AircraftInDock | Interlock::AircraftInDockConfirmedByCamera => true,
            // The mission gate and the paused check say more than these two.
            Interlock::None | Interlock::ReadyToFly | Interlock::InFlight => false,
        },
        completion,
        evidence,
        reply_timeout_ms: table.reply_timeout_ms,
        job_timeout_ms: table.job_timeout_ms,
    }
}

fn evidence(method: &str) -> Option<Evidence> {
    Some(match method {
        "debug_mode_open" => Evidence::DebugMode(true),
        "debug_mode_close" => Evidence::DebugMode(false),
        "supplement_light_open" => Evidence::Light(true),
        "supplement_light_close" => Evidence::Light(false),
        "cover_open" => Evidence::Cover(true),
        "cover_close" => Evidence::Cover(false),
        "return_home" => Evidence::Returning,
        "return_home_cancel" => Evidence::Hovering,
        "flighttask_pause" => Evidence::Paused(true),
        "flighttask_recovery" => Evidence::Paused(false),
        _ => return None,
    })
}

/// Events and requests that DJI documents; one that is not here is counted as unknown.
#[must_use]
pub fn is_documented(method: &str) -> bool {
    DOCUMENTED.contains(&method)
}

const DOCUMENTED: [&str; 36] = [
    "airsense_warning",
    "camera_photo_take_progress",
    "charge_close",
    "charge_open",
    "cover_close",
    "cover_force_close",
    "cover_open",
    "custom_data_transmission_from_esdk",
    "custom_data_transmission_from_psdk",
    "device_exit_homing_notify",
    "device_format",
    "device_reboot",
    "drc_status_notify",
    "drone_close",
    "drone_format",
    "drone_open",
    "esim_activate",
    "esim_operator_switch",
    "file_upload_callback",
    "fileupload_progress",
    "flight_areas_drone_location",
    "flight_areas_sync_progress",
    "flighttask_progress_get",
    "flighttask_ready",
    "fly_to_point_progress",
    "highest_priority_upload_flighttask_media",
    "hms",
    "joystick_invalid_notify",
    "ota_progress",
    "psdk_floating_window_text",
    "psdk_ui_resource_upload_result",
    "return_home_info",
    "speaker_audio_play_start_progress",
    "speaker_tts_play_start_progress",
    "storage_config_get",
    "takeoff_to_point_progress",
];
