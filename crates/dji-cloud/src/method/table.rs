//! The table of methods, page by page, and what it is built with.
//!
//! Sources: `dock2/{wayline,cmd,live,file,custom-flight-area,drc,remote-control,firmware,log,psdk,
//! flysafe}` pages; `dock1` and `rc-pro` where it says so. Read [`super::MethodSpec`] first.

use super::{Danger, Domain, Interlock, MethodSpec, ProgressEvent};
use crate::topic::TopicKind;

const JOB_TERMINAL: &[&str] = &["ok", "rejected", "failed", "canceled", "timeout"];
const FLIGHT_TERMINAL: &[&str] =
    &["ok", "partially_done", "rejected", "failed", "canceled", "timeout"];
const OK: &[&str] = &["ok"];

impl MethodSpec {
    const fn new(method: &'static str, domain: Domain) -> Self {
        Self {
            method,
            topic: TopicKind::Services,
            domain,
            needs_debug_mode: false,
            repeatable: false,
            counter_action: false,
            danger: Danger::None,
            progress_event: ProgressEvent::None,
            reply_timeout_ms: 10_000,
            job_timeout_ms: 0,
            interlock: Interlock::None,
            has_body: false,
            success: &[],
            terminal: &[],
            other_topic: None,
            deprecated: false,
            newer: false,
        }
    }

    /// A remote-debug command whose answer ends it.
    const fn debug(method: &'static str) -> Self {
        Self { needs_debug_mode: true, ..Self::new(method, Domain::Cmd) }
    }

    /// A remote-debug command with progress events.
    const fn job(method: &'static str, job_timeout_ms: u64) -> Self {
        Self {
            progress_event: ProgressEvent::SameName,
            job_timeout_ms,
            success: OK,
            terminal: JOB_TERMINAL,
            ..Self::debug(method)
        }
    }

    const fn flight(method: &'static str) -> Self {
        Self::new(method, Domain::Wayline)
    }

    /// A call of the drc page with a body.
    const fn drc(method: &'static str) -> Self {
        Self::new(method, Domain::Drc).body()
    }

    /// A command on `drc/down`.
    const fn down(method: &'static str, domain: Domain) -> Self {
        Self { topic: TopicKind::DrcDown, reply_timeout_ms: 3_000, ..Self::new(method, domain) }
    }

    /// A setting of camera or light on `drc/down`: the same again changes nothing.
    const fn setting(method: &'static str) -> Self {
        Self::down(method, Domain::RemoteControl).body().repeatable()
    }

    /// A newer command on `drc/down`. Nobody has proven that it may be repeated.
    const fn newer_down(method: &'static str) -> Self {
        Self { newer: true, ..Self::down(method, Domain::Drc) }
    }

    /// A newer flight in the air.
    const fn newer_flight(method: &'static str) -> Self {
        Self { newer: true, ..Self::flight(method) }
            .moves(Danger::MovesAircraft, Interlock::InFlight)
    }

    const fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    const fn counter(self) -> Self {
        Self { counter_action: true, repeatable: true, ..self }
    }

    const fn body(self) -> Self {
        Self { has_body: true, ..self }
    }

    const fn moves(self, danger: Danger, interlock: Interlock) -> Self {
        Self { danger, interlock, ..self }
    }

    const fn waits(self, reply_timeout_ms: u64) -> Self {
        Self { reply_timeout_ms, ..self }
    }

    const fn reports_flight(self, job_timeout_ms: u64) -> Self {
        Self {
            progress_event: ProgressEvent::FlighttaskProgress,
            job_timeout_ms,
            success: OK,
            terminal: FLIGHT_TERMINAL,
            ..self
        }
    }

    const fn reports(
        self,
        event: &'static str,
        job_timeout_ms: u64,
        success: &'static [&'static str],
        terminal: &'static [&'static str],
    ) -> Self {
        let progress_event = ProgressEvent::Named(event);
        Self { progress_event, job_timeout_ms, success, terminal, ..self }
    }
}

/// Every method that the cloud may send: services and `drc/down`.
pub static METHODS: &[MethodSpec] = &[
    // Wayline.
    MethodSpec { deprecated: true, ..MethodSpec::flight("flighttask_create") }
        .body()
        .moves(Danger::MovesAircraft, Interlock::ReadyToFly),
    MethodSpec::flight("flighttask_prepare")
        .waits(20_000)
        .body()
        .moves(Danger::None, Interlock::ReadyToFly)
        .reports_flight(120_000),
    MethodSpec::flight("flighttask_execute")
        .waits(20_000)
        .body()
        .moves(Danger::MovesAircraft, Interlock::ReadyToFly)
        .reports_flight(300_000),
    MethodSpec::flight("flighttask_undo").body().repeatable(),
    MethodSpec::flight("flighttask_pause").counter().moves(Danger::MovesAircraft, Interlock::None),
    MethodSpec::flight("flighttask_recovery")
        .moves(Danger::MovesAircraft, Interlock::InFlight)
        .reports_flight(300_000),
    MethodSpec::flight("return_home").counter().moves(Danger::MovesAircraft, Interlock::None),
    // It leaves the aircraft hovering on its battery, so it is no counter-action.
    MethodSpec::flight("return_home_cancel").moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::flight("return_specific_home")
        .body()
        .moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::flight("flighttask_stop").body().moves(Danger::MovesAircraft, Interlock::InFlight),
    // The first Dock: end the set-up of a flight that has not begun.
    MethodSpec::flight("flight_setup_abort").repeatable(),
    // Remote debug: the mode itself.
    MethodSpec::new("debug_mode_open", Domain::Cmd)
        .repeatable()
        .moves(Danger::None, Interlock::AircraftInDock),
    MethodSpec::new("debug_mode_close", Domain::Cmd).repeatable(),
    // Remote debug: switches that are done when answered.
    MethodSpec::debug("supplement_light_open").repeatable(),
    MethodSpec::debug("supplement_light_close").repeatable(),
    MethodSpec::debug("alarm_state_switch").body().repeatable(),
    MethodSpec::debug("battery_maintenance_switch")
        .body()
        .repeatable()
        .moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::debug("battery_store_mode_switch").body().repeatable(),
    MethodSpec::debug("air_conditioner_mode_switch").body().repeatable(),
    MethodSpec::debug("sdr_workmode_switch")
        .body()
        .repeatable()
        .moves(Danger::None, Interlock::AircraftInDock),
    MethodSpec::debug("sim_slot_switch")
        .body()
        .repeatable()
        .moves(Danger::None, Interlock::AircraftInDock),
    // Remote debug: jobs. Opening the cover is allowed with the aircraft out: it may need a place
    // to land.
    MethodSpec::job("cover_open", 120_000).moves(Danger::MovesHardware, Interlock::None),
    MethodSpec::job("cover_close", 120_000).moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::job("cover_force_close", 120_000)
        .moves(Danger::MovesHardware, Interlock::AircraftInDockConfirmedByCamera),
    MethodSpec::job("drone_open", 180_000).moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::job("drone_close", 180_000).moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::job("charge_open", 120_000).moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::job("charge_close", 120_000)
        .moves(Danger::MovesHardware, Interlock::AircraftInDock),
    // The first Dock's push rods.
    MethodSpec::job("putter_open", 120_000).moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::job("putter_close", 120_000)
        .moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::job("device_reboot", 300_000)
        .moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::job("device_format", 300_000)
        .moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::job("drone_format", 300_000)
        .moves(Danger::MovesHardware, Interlock::AircraftInDock),
    MethodSpec::job("esim_activate", 300_000).body().moves(Danger::None, Interlock::AircraftInDock),
    MethodSpec::job("esim_operator_switch", 300_000)
        .body()
        .moves(Danger::None, Interlock::AircraftInDock),
    // Live video.
    MethodSpec::new("live_start_push", Domain::Live).waits(20_000).body(),
    MethodSpec::new("live_stop_push", Domain::Live).body().repeatable(),
    MethodSpec::new("live_set_quality", Domain::Live).body().repeatable(),
    MethodSpec::new("live_lens_change", Domain::Live).body().repeatable(),
    MethodSpec::new("live_camera_change", Domain::Live).body().repeatable(),
    // Media, areas and maps. The last two are not in the reference.
    MethodSpec::new("upload_flighttask_media_prioritize", Domain::File).body().repeatable(),
    MethodSpec::new("flight_areas_update", Domain::FlightArea).repeatable().reports(
        "flight_areas_sync_progress",
        300_000,
        &["synchronized"],
        &["synchronized", "fail", "switch_fail"],
    ),
    MethodSpec::new("flight_areas_delete", Domain::FlightArea)
        .body()
        .moves(Danger::None, Interlock::AircraftInDock),
    MethodSpec::new("offline_map_update", Domain::FlightArea).repeatable(),
    // Firmware: the device restarts.
    MethodSpec::new("ota_create", Domain::Firmware)
        .waits(20_000)
        .body()
        .moves(Danger::MovesHardware, Interlock::AircraftInDock)
        .reports("ota_progress", 1_800_000, OK, JOB_TERMINAL),
    // Logs.
    MethodSpec::new("fileupload_list", Domain::Log).waits(30_000).body().repeatable(),
    MethodSpec::new("fileupload_start", Domain::Log).waits(20_000).body().reports(
        "fileupload_progress",
        600_000,
        OK,
        JOB_TERMINAL,
    ),
    MethodSpec::new("fileupload_update", Domain::Log).body().repeatable(),
    // Direct control: authority and link.
    MethodSpec::new("flight_authority_grab", Domain::Drc).repeatable(),
    MethodSpec::drc("payload_authority_grab").repeatable(),
    MethodSpec::drc("drc_mode_enter").waits(20_000),
    MethodSpec::new("drc_mode_exit", Domain::Drc).repeatable(),
    // Direct control: flying to a point.
    MethodSpec::drc("takeoff_to_point")
        .waits(20_000)
        .moves(Danger::MovesAircraft, Interlock::ReadyToFly)
        .reports(
            "takeoff_to_point_progress",
            300_000,
            &["wayline_ok", "task_finish"],
            &["wayline_ok", "wayline_failed", "wayline_cancel", "task_finish"],
        ),
    MethodSpec::drc("fly_to_point").moves(Danger::MovesAircraft, Interlock::InFlight).reports(
        "fly_to_point_progress",
        300_000,
        &["wayline_ok"],
        &["wayline_ok", "wayline_failed", "wayline_cancel"],
    ),
    MethodSpec::drc("fly_to_point_update")
        .moves(Danger::MovesAircraft, Interlock::InFlight)
        .reports(
            "fly_to_point_progress",
            300_000,
            &["wayline_ok"],
            &["wayline_ok", "wayline_failed", "wayline_cancel"],
        ),
    MethodSpec::new("fly_to_point_stop", Domain::Drc)
        .counter()
        .moves(Danger::MovesAircraft, Interlock::None),
    // Direct control: what turns the gimbal may turn the aircraft with it (`locked`).
    MethodSpec::drc("camera_frame_zoom").moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::drc("camera_screen_drag").moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::drc("camera_aim").moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::drc("camera_look_at").moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::drc("gimbal_reset").moves(Danger::MovesHardware, Interlock::None),
    // Direct control: the camera.
    MethodSpec::drc("camera_mode_switch").repeatable(),
    MethodSpec::drc("camera_photo_take").reports(
        "camera_photo_take_progress",
        120_000,
        OK,
        &["ok", "fail"],
    ),
    MethodSpec::drc("camera_photo_stop").repeatable(),
    MethodSpec::drc("camera_recording_start").repeatable(),
    MethodSpec::drc("camera_recording_stop").repeatable(),
    MethodSpec::drc("camera_focal_length_set").repeatable(),
    MethodSpec::drc("camera_screen_split").repeatable(),
    MethodSpec::drc("photo_storage_set").repeatable(),
    MethodSpec::drc("video_storage_set").repeatable(),
    MethodSpec::drc("camera_exposure_mode_set").repeatable(),
    MethodSpec::drc("camera_exposure_set").repeatable(),
    MethodSpec::drc("camera_focus_mode_set").repeatable(),
    MethodSpec::drc("camera_focus_value_set").repeatable(),
    MethodSpec::drc("camera_point_focus_action").repeatable(),
    MethodSpec::drc("ir_metering_mode_set").repeatable(),
    MethodSpec::drc("ir_metering_point_set").repeatable(),
    MethodSpec::drc("ir_metering_area_set").repeatable(),
    // The first Dock: circling a point.
    MethodSpec::drc("poi_mode_enter").moves(Danger::MovesAircraft, Interlock::InFlight).reports(
        "poi_status_notify",
        300_000,
        OK,
        &["ok", "failed"],
    ),
    MethodSpec::new("poi_mode_exit", Domain::Drc)
        .counter()
        .moves(Danger::MovesAircraft, Interlock::None),
    MethodSpec::drc("poi_circle_speed_set").moves(Danger::MovesAircraft, Interlock::InFlight),
    // The RC Pro: what the pilot says comes as an event, as late as the pilot likes.
    MethodSpec::new("cloud_control_auth_request", Domain::RcPro).body().reports(
        "cloud_control_auth_notify",
        120_000,
        OK,
        &["ok", "failed", "canceled"],
    ),
    MethodSpec::new("cloud_control_release", Domain::RcPro).body().repeatable(),
    // Payloads of others: what a widget or custom data does, only the payload knows.
    MethodSpec::new("psdk_widget_value_set", Domain::Psdk)
        .body()
        .moves(Danger::MovesHardware, Interlock::None),
    MethodSpec::new("psdk_input_box_text_set", Domain::Psdk).body().repeatable(),
    MethodSpec::new("speaker_audio_play_start", Domain::Psdk).body().reports(
        "speaker_audio_play_start_progress",
        300_000,
        &["ok", "success"],
        &["ok", "success"],
    ),
    MethodSpec::new("speaker_tts_play_start", Domain::Psdk).body().reports(
        "speaker_tts_play_start_progress",
        300_000,
        &["ok", "success"],
        &["ok", "success"],
    ),
    MethodSpec::new("speaker_replay", Domain::Psdk).body(),
    MethodSpec::new("speaker_play_stop", Domain::Psdk).body().repeatable(),
    MethodSpec::new("speaker_play_mode_set", Domain::Psdk).body().repeatable(),
    MethodSpec::new("speaker_play_volume_set", Domain::Psdk).body().repeatable(),
    MethodSpec::new("custom_data_transmission_to_psdk", Domain::Psdk)
        .body()
        .moves(Danger::MovesHardware, Interlock::None),
    MethodSpec::new("custom_data_transmission_to_esdk", Domain::Psdk)
        .body()
        .moves(Danger::MovesHardware, Interlock::None),
    // Unlocking licences.
    MethodSpec::new("unlock_license_list", Domain::Flysafe).body().repeatable(),
    MethodSpec::new("unlock_license_switch", Domain::Flysafe).body().repeatable(),
    MethodSpec::new("unlock_license_update", Domain::Flysafe).waits(30_000).body(),
    // The link of direct control: it needs the second broker link.
    MethodSpec::down("drone_control", Domain::Drc)
        .body()
        .moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::down("drone_emergency_stop", Domain::Drc)
        .counter()
        .moves(Danger::MovesAircraft, Interlock::None),
    MethodSpec::down("heart_beat", Domain::Drc).body().repeatable(),
    // Landing whatever is below is no counter-action: it may be water.
    MethodSpec::down("drc_force_landing", Domain::RemoteControl)
        .moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::down("drc_emergency_landing", Domain::RemoteControl)
        .moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::down("drc_initial_state_subscribe", Domain::RemoteControl).repeatable(),
    MethodSpec {
        other_topic: Some(TopicKind::DrcDown),
        ..MethodSpec::new("drc_camera_mode_switch", Domain::RemoteControl)
    }
    .body()
    .repeatable(),
    MethodSpec::setting("drc_linkage_zoom_set"),
    MethodSpec::setting("drc_video_resolution_set"),
    MethodSpec::setting("drc_video_storage_set"),
    MethodSpec::setting("drc_photo_storage_set"),
    MethodSpec::setting("drc_interval_photo_set"),
    MethodSpec::setting("drc_night_lights_state_set"),
    MethodSpec::setting("drc_stealth_state_set"),
    MethodSpec::setting("drc_camera_aperture_value_set"),
    MethodSpec::setting("drc_camera_shutter_set"),
    MethodSpec::setting("drc_camera_iso_set"),
    MethodSpec::setting("drc_camera_mechanical_shutter_set"),
    MethodSpec::setting("drc_camera_dewarping_set"),
    // Newer than the documentation, unproven.
    MethodSpec::newer_flight("in_flight_wayline_deliver").body(),
    MethodSpec::newer_flight("in_flight_wayline_stop").body(),
    MethodSpec::newer_flight("in_flight_wayline_recover").body(),
    MethodSpec::newer_flight("in_flight_wayline_cancel"),
    MethodSpec { newer: true, ..MethodSpec::job("rtk_calibration", 300_000) }
        .body()
        .moves(Danger::None, Interlock::AircraftInDock),
    MethodSpec::newer_down("stick_control")
        .body()
        .moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::newer_down("drc_ai_model_select").body(),
    MethodSpec::newer_down("drc_ai_identify_set").body(),
    MethodSpec::newer_down("drc_ai_identify_score_mode_set").body(),
    MethodSpec::newer_down("drc_ai_identify_score_set").body(),
    MethodSpec::newer_down("drc_ai_identify_filter_set").body(),
    MethodSpec::newer_down("drc_ai_spotlight_zoom_set").body(),
    // Tracking turns the gimbal and may turn the aircraft.
    MethodSpec::newer_down("drc_ai_spotlight_zoom_track")
        .body()
        .moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::newer_down("drc_ai_spotlight_zoom_select")
        .body()
        .moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::newer_down("drc_ai_identify_score_reset"),
    MethodSpec::newer_down("drc_ai_spotlight_zoom_confirm")
        .moves(Danger::MovesAircraft, Interlock::InFlight),
    MethodSpec::newer_down("drc_ai_spotlight_zoom_stop"),
    MethodSpec::newer_down("drc_camera_night_mode_set").body(),
    MethodSpec::newer_down("drc_camera_denoise_level_set").body(),
    MethodSpec::newer_down("drc_camera_night_vision_enable").body(),
    MethodSpec::newer_down("drc_infrared_fill_light_enable").body(),
    MethodSpec::newer_down("drc_light_brightness_set").body(),
    MethodSpec::newer_down("drc_light_mode_set").body(),
    MethodSpec::newer_down("drc_light_fine_tuning_set").body(),
    MethodSpec::newer_down("drc_light_calibration").body(),
    MethodSpec::newer_down("drc_speaker_play_mode_set").body(),
    MethodSpec::newer_down("drc_speaker_tts_set").body(),
    MethodSpec::newer_down("drc_speaker_play_volume_set").body(),
    MethodSpec::newer_down("drc_speaker_play_stop").body(),
    MethodSpec::newer_down("drc_speaker_replay").body(),
    MethodSpec::newer_down("drc_live_lens_change"),
];
