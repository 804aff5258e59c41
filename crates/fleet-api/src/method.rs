//! What a method of the devices is, as the API shows it: the protocol's one table, given by the
//! wiring. It decides nothing; whether a method may be sent now is the core's to say.

use serde::Serialize;
use utoipa::ToSchema;

/// What a method can do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodDanger {
    /// Nothing moves.
    None,
    /// Parts of dock or payload move, lose power or lose data.
    MovesHardware,
    /// The aircraft moves.
    MovesAircraft,
}

/// What must hold before a method is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodInterlock {
    /// Nothing.
    None,
    /// The aircraft is known to be in the dock, by fresh telemetry.
    AircraftInDock,
    /// The same, and a person has looked at the camera.
    AircraftInDockConfirmedByCamera,
    /// The dock is idle, and no take-off is unknown.
    ReadyToFly,
    /// A flight is going on.
    InFlight,
}

/// A method that devices know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MethodInfo {
    /// Name on the wire.
    pub method: &'static str,
    /// Page of the documentation: `wayline`, `cmd`, ….
    pub domain: &'static str,
    /// Topic it goes out on: `services` or `drc/down`.
    pub topic: &'static str,
    /// Whether an operator may send it by `POST /api/v1/devices/{sn}/commands`.
    pub offered: bool,
    /// What it can do.
    pub danger: MethodDanger,
    /// What must hold.
    pub interlock: MethodInterlock,
    /// Sent first and recorded after; never refused for journal, overload, lease or stale telemetry.
    pub counter_action: bool,
    /// Only in remote-debug mode.
    pub needs_debug_mode: bool,
    /// Sent twice does no more than once. The tower sends nothing twice by itself all the same.
    pub repeatable: bool,
    /// Event that reports its job.
    pub progress_event: Option<&'static str>,
    /// Wait for the answer, milliseconds; then the outcome is unknown.
    pub reply_timeout_ms: u64,
    /// Wait for the end of the job or between its reports, milliseconds; 0 without a job.
    pub job_timeout_ms: u64,
    /// DJI advises against it.
    pub deprecated: bool,
    /// Newer than the documentation followed here: unproven.
    pub newer: bool,
}
