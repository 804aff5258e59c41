//! What a service method is: domain, danger, interlock, repeatability, progress, time-outs.
//!
//! One table for core, API and console. It judges methods, not situations: whether an interlock
//! holds is the core's to know. A method that is not in the table must be treated as dangerous and
//! not repeatable. Time-outs are ours, generous beside what the pages show, as DJI documents none.
//! Next: the table itself in `table`, [`crate::call::Call`] for the bodies.

mod table;

use crate::reply::JobStatus;
use crate::topic::TopicKind;

pub use self::table::METHODS;

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
    /// Camera and light of direct control.
    RemoteControl,
    /// Firmware.
    Firmware,
    /// Logs.
    Log,
    /// Payloads of others, and custom data.
    Psdk,
    /// Unlocking licences.
    Flysafe,
    /// The RC Pro's lending of controls.
    RcPro,
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
            Self::RemoteControl => "remote_control",
            Self::Firmware => "firmware",
            Self::Log => "log",
            Self::Psdk => "psdk",
            Self::Flysafe => "flysafe",
            Self::RcPro => "rc_pro",
        }
    }
}

/// What a method can do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// Nothing moves.
    None,
    /// Parts of dock or payload move, lose power or lose data; or do what only the payload knows.
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
    /// An event of another name.
    Named(&'static str),
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
    /// Words of the progress event's status that are its success; nothing else is.
    pub success: &'static [&'static str],
    /// Words of the progress event's status after which nothing more comes, success among them.
    pub terminal: &'static [&'static str],
    /// Another topic the method may be documented on, or answered on.
    pub other_topic: Option<TopicKind>,
    /// DJI advises against it.
    pub deprecated: bool,
    /// Newer than the documentation this crate follows: unproven.
    pub newer: bool,
}

impl MethodSpec {
    /// The name of the event that reports the job.
    #[must_use]
    pub const fn progress_event_name(&self) -> Option<&'static str> {
        match self.progress_event {
            ProgressEvent::None => None,
            ProgressEvent::SameName => Some(self.method),
            ProgressEvent::FlighttaskProgress => Some("flighttask_progress"),
            ProgressEvent::Named(event) => Some(event),
        }
    }

    /// Whether a status of the job is its success: only a word that the documentation says so of.
    #[must_use]
    pub fn is_success(&self, status: &JobStatus) -> bool {
        self.success.contains(&status.word())
    }

    /// Whether nothing more will come after a status of the job.
    #[must_use]
    pub fn is_terminal(&self, status: &JobStatus) -> bool {
        self.terminal.contains(&status.word())
    }
}

/// Looks a method up; `None` for what the table does not hold.
#[must_use]
pub fn spec(method: &str) -> Option<&'static MethodSpec> {
    METHODS.iter().find(|spec| spec.method == method)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
            [
                "flighttask_pause",
                "return_home",
                "fly_to_point_stop",
                "poi_mode_exit",
                "drone_emergency_stop"
            ]
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
            // What nobody has proven is never sent twice by itself.
            assert!(!(spec.newer && spec.repeatable), "{}", spec.method);
            let has_job = spec.progress_event != ProgressEvent::None;
            assert_eq!(has_job, !spec.success.is_empty(), "{}", spec.method);
            assert!(
                spec.success.iter().all(|word| spec.terminal.contains(word)),
                "{}",
                spec.method
            );
            assert_eq!(
                spec.progress_event == ProgressEvent::None,
                spec.job_timeout_ms == 0,
                "{}",
                spec.method
            );
        }
    }

    #[test]
    fn the_table_holds_exactly_what_can_be_written() {
        use crate::newer::{NewerCall, NewerDrcDown};
        let listed = |topic: TopicKind, newer: bool| -> BTreeSet<&str> {
            let on_topic = |spec: &&MethodSpec| {
                (spec.topic == topic || spec.other_topic == Some(topic)) && spec.newer == newer
            };
            METHODS.iter().filter(on_topic).map(|spec| spec.method).collect()
        };
        let set =
            |methods: &[&'static str]| -> BTreeSet<&str> { methods.iter().copied().collect() };
        assert_eq!(listed(TopicKind::Services, false), set(crate::call::Call::METHODS));
        assert_eq!(listed(TopicKind::DrcDown, false), set(crate::drc_link::DrcDown::METHODS));
        assert_eq!(listed(TopicKind::Services, true), set(NewerCall::METHODS));
        assert_eq!(listed(TopicKind::DrcDown, true), set(NewerDrcDown::METHODS));
    }

    #[test]
    fn only_documented_words_are_success() {
        for (method, word, expect) in [
            ("cover_open", "ok", (true, true)),
            ("cover_open", "success", (false, false)),
            ("cover_open", "failed", (false, true)),
            ("flighttask_execute", "ok", (true, true)),
            ("flighttask_execute", "partially_done", (false, true)),
            ("flighttask_execute", "0", (false, false)),
            ("speaker_tts_play_start", "success", (true, true)),
            ("takeoff_to_point", "wayline_progress", (false, false)),
            ("takeoff_to_point", "task_finish", (true, true)),
            ("fly_to_point", "ok", (false, false)),
            ("flight_areas_update", "switch_fail", (false, true)),
            ("return_home", "ok", (false, false)),
        ] {
            let spec = spec(method).unwrap();
            let status = JobStatus::from_word(word);
            let found = (spec.is_success(&status), spec.is_terminal(&status));
            assert_eq!(found, expect, "{method} {word}");
        }
    }
}
