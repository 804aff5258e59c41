//! What a service method is: domain, danger, interlock, repeatability, progress, time-outs.
//!
//! One table for core, API and console. It judges methods, not situations: whether an interlock
//! holds is the core's to know. A method that is not in the table must be treated as dangerous and
//! not repeatable. Sources: `dock2/{wayline,cmd,live,file,custom-flight-area}` pages. Time-outs are
//! ours, generous beside what the pages show, as DJI documents none.

use crate::reply::JobStatus;
use crate::topic::TopicKind;

/// The page of the documentation a method belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// Wayline flights.
    Wayline,
    /// Remote debug.
    Cmd,
    /// Live video.
    Live,
    /// Media.
    File,
    /// Custom flight areas.
    FlightArea,
    /// Direct control.
    Drc,
}

impl Domain {
    /// The domain in snake_case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wayline => "wayline",
            Self::Cmd => "cmd",
            Self::Live => "live",
            Self::File => "file",
            Self::FlightArea => "flight_area",
            Self::Drc => "drc",
        }
    }
}

/// What a method can do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// Nothing moves.
    None,
    /// Parts of the dock move, lose power or lose data.
    MovesHardware,
    /// The aircraft moves.
    MovesAircraft,
}

/// What must hold before a method may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interlock {
    /// Nothing.
    None,
    /// The aircraft is known to be in the dock, by fresh data: never while it is out, or its state
    /// is stale or unknown.
    AircraftInDock,
    /// As [`Self::AircraftInDock`], and a person has looked at the camera.
    AircraftInDockConfirmedByCamera,
    /// The dock is idle, and no take-off is unknown: for methods that start a flight.
    ReadyToFly,
    /// A flight is going on.
    InFlight,
}

/// The event that reports a method's job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProgressEvent {
    /// None: the answer is the end of it.
    None,
    /// An event with the method's own name.
    SameName,
    /// `flighttask_progress`, matched by the flight's id.
    FlighttaskProgress,
}

/// What a service method is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodSpec {
    /// Name on the wire.
    pub method: &'static str,
    /// Topic the call goes out on: `services`, or `drc/down` for direct control.
    pub topic: TopicKind,
    /// Page it belongs to.
    pub domain: Domain,
    /// Works only after `debug_mode_open`.
    pub needs_debug_mode: bool,
    /// Sending it twice does no more than sending it once.
    pub repeatable: bool,
    /// Makes things safer: sent first, journaled after, never refused.
    pub counter_action: bool,
    /// What it can do to the world.
    pub danger: Danger,
    /// What reports the job.
    pub progress_event: ProgressEvent,
    /// Wait for the answer, in ms; then the outcome is unknown.
    pub reply_timeout_ms: u64,
    /// Wait for the end of the job (or between two reports of a flight), in ms; 0 without a job.
    pub job_timeout_ms: u64,
    /// What must hold before it is sent.
    pub interlock: Interlock,
    /// Takes a body.
    pub has_body: bool,
}

impl MethodSpec {
    /// The name of the event that reports the job.
    #[must_use]
    pub const fn progress_event_name(&self) -> Option<&'static str> {
        match self.progress_event {
            ProgressEvent::None => None,
            ProgressEvent::SameName => Some(self.method),
            ProgressEvent::FlighttaskProgress => Some("flighttask_progress"),
        }
    }

    /// Whether a status of the job is its success. For every method here only `ok` is.
    #[must_use]
    pub const fn is_success(&self, status: &JobStatus) -> bool {
        status.is_success()
    }

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
        }
    }

    /// A remote-debug command whose answer ends it.
    const fn debug(method: &'static str) -> Self {
        Self { needs_debug_mode: true, ..Self::new(method, Domain::Cmd) }
    }

    /// A remote-debug command with progress events.
    const fn job(method: &'static str, job_timeout_ms: u64) -> Self {
        Self { progress_event: ProgressEvent::SameName, job_timeout_ms, ..Self::debug(method) }
    }

    const fn flight(method: &'static str) -> Self {
        Self::new(method, Domain::Wayline)
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

    const fn reports_flight(self, job_timeout_ms: u64) -> Self {
        Self { progress_event: ProgressEvent::FlighttaskProgress, job_timeout_ms, ..self }
    }
}

/// Every method of the table.
pub static METHODS: &[MethodSpec] = &[
    // Wayline. `flighttask_create` is deprecated by DJI and left out on purpose.
    MethodSpec { reply_timeout_ms: 20_000, ..MethodSpec::flight("flighttask_prepare") }
        .body()
        .moves(Danger::None, Interlock::ReadyToFly)
        .reports_flight(120_000),
    MethodSpec { reply_timeout_ms: 20_000, ..MethodSpec::flight("flighttask_execute") }
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
    MethodSpec { reply_timeout_ms: 20_000, ..MethodSpec::new("live_start_push", Domain::Live) }
        .body(),
    MethodSpec::new("live_stop_push", Domain::Live).body().repeatable(),
    MethodSpec::new("live_set_quality", Domain::Live).body().repeatable(),
    MethodSpec::new("live_lens_change", Domain::Live).body().repeatable(),
    MethodSpec::new("live_camera_change", Domain::Live).body().repeatable(),
    // Media and areas.
    MethodSpec::new("upload_flighttask_media_prioritize", Domain::File).body().repeatable(),
    MethodSpec::new("flight_areas_update", Domain::FlightArea).repeatable(),
    // Direct control. It travels on `drc/down` and needs the direct-control link.
    MethodSpec {
        topic: TopicKind::DrcDown,
        reply_timeout_ms: 3_000,
        ..MethodSpec::new("drone_emergency_stop", Domain::Drc)
    }
    .counter()
    .moves(Danger::MovesAircraft, Interlock::None),
];

/// Looks a method up; `None` for what the table does not hold.
#[must_use]
pub fn spec(method: &str) -> Option<&'static MethodSpec> {
    METHODS.iter().find(|spec| spec.method == method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, expect: (bool, bool, Danger, Interlock)) {
        let spec = spec(method).unwrap();
        let found = (spec.repeatable, spec.counter_action, spec.danger, spec.interlock);
        assert_eq!(found, expect, "{method}");
    }

    #[test]
    fn dangerous_methods_are_marked() {
        let aircraft = Danger::MovesAircraft;
        let hardware = Danger::MovesHardware;
        check("flighttask_execute", (false, false, aircraft, Interlock::ReadyToFly));
        check("return_home", (true, true, aircraft, Interlock::None));
        check("flighttask_pause", (true, true, aircraft, Interlock::None));
        assert_eq!(spec("drone_emergency_stop").unwrap().topic, TopicKind::DrcDown);
        check("drone_emergency_stop", (true, true, aircraft, Interlock::None));
        check("return_home_cancel", (false, false, aircraft, Interlock::InFlight));
        check("cover_open", (false, false, hardware, Interlock::None));
        for method in ["cover_close", "device_reboot", "drone_format", "device_format"] {
            check(method, (false, false, hardware, Interlock::AircraftInDock));
        }
        check("debug_mode_open", (true, false, Danger::None, Interlock::AircraftInDock));
        check("supplement_light_open", (true, false, Danger::None, Interlock::None));
        assert_eq!(spec("take_off_now"), None);
    }

    #[test]
    fn the_table_holds_together() {
        let counter = METHODS.iter().filter(|spec| spec.counter_action).map(|spec| spec.method);
        assert_eq!(
            counter.collect::<Vec<_>>(),
            ["flighttask_pause", "return_home", "drone_emergency_stop"]
        );
        for (index, spec) in METHODS.iter().enumerate() {
            let twin = METHODS[..index].iter().find(|other| other.method == spec.method);
            assert_eq!(twin, None, "listed twice");
            // What moves an aircraft or a part is sent once, unless it makes things safer.
            let is_switch = spec.method == "battery_maintenance_switch";
            assert!(
                spec.danger == Danger::None || !spec.repeatable || spec.counter_action || is_switch,
                "{}",
                spec.method
            );
            // Nothing may hold a counter-action back.
            assert!(!spec.counter_action || spec.interlock == Interlock::None, "{}", spec.method);
            assert!(spec.reply_timeout_ms >= 1000, "{}", spec.method);
            assert_eq!(
                spec.progress_event == ProgressEvent::None,
                spec.job_timeout_ms == 0,
                "{}",
                spec.method
            );
        }
    }
}
