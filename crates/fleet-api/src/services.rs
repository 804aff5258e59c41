//! What the API needs of the rest of the tower, given by the wiring: enrolment and the process's
//! own state. Only interfaces live here.

use std::{collections::BTreeMap, fmt, sync::Arc};

use fleet_types::{
    DeviceSn, DeviceStatus, MissionId, MissionPlan, MissionStatus, Reason, WallMs,
    audit::{AuditEntry, AuditFilter, AuditHead, AuditVerdict, ChainedEntry},
    dispatch::{DispatchChoice, DispatchTarget},
    flight::{FlightFilter, FlightRecord, FlightSeries, TelemetryRow},
    id::ScheduleId,
    plan::BreakPoint,
    schedule::{HandledTime, PlannedTime, Schedule, ScheduleStatus},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::media::Media;

/// A dock to be enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolRequest {
    /// Its serial number.
    pub sn: DeviceSn,
    /// Its name for people, empty when none was given.
    pub name: String,
    /// Who asks, for the record.
    pub issued_by: String,
}

/// Where and as whom a dock connects. Shown once.
#[derive(Clone, Serialize, ToSchema)]
pub struct MqttAccess {
    /// Host name or address as the dock reaches it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// User name.
    pub username: String,
    /// Password; a credential.
    pub password: String,
}

impl fmt::Debug for MqttAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttAccess")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A field of DJI Pilot 2 and what to type into it.
#[derive(Clone, Serialize, ToSchema)]
pub struct PilotField {
    /// As Pilot 2 labels it.
    pub field: String,
    /// What to type; may be the password.
    pub value: String,
}

/// An enrolled dock and what to do next.
#[derive(Clone, Serialize, ToSchema)]
pub struct Enrolled {
    /// Serial number.
    pub sn: DeviceSn,
    /// Name for people.
    pub name: String,
    /// How it connects.
    pub mqtt: MqttAccess,
    /// What to type into DJI Pilot 2.
    pub pilot2: Vec<PilotField>,
    /// What to do next, in sentences.
    pub next: Vec<String>,
}

impl fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolled").field("sn", &self.sn).finish_non_exhaustive()
    }
}

/// Why a dock was not enrolled or removed. `what_to_do` says what happened and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolError {
    /// The broker is not ours: its users are made by its owner.
    #[error("the MQTT broker is external: {what_to_do}")]
    BrokerExternal {
        /// Sentences for the operator.
        what_to_do: String,
    },
    /// The serial number is enrolled already.
    #[error("the dock is already enrolled; remove it first to get a new password")]
    AlreadyEnrolled,
    /// The serial number is not enrolled.
    #[error("no dock with this serial number is enrolled")]
    NotEnrolled,
    /// The tower has as many docks as it may.
    #[error("the tower already serves {max} docks, the most it is configured for")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// It could not be done now.
    #[error("the dock could not be changed now: {what_to_do}")]
    Unavailable {
        /// Sentences for the operator.
        what_to_do: String,
    },
}

/// Enrols and removes docks. A removal is complete only when the dock's machine has ended and
/// writes nothing more to the bus.
pub trait Enrolment: Send + Sync {
    /// Makes the dock's MQTT user and its machine.
    fn enrol(&self, request: EnrolRequest) -> BoxFuture<'_, Result<Enrolled, EnrolError>>;
    /// Ends the dock's machine and its MQTT user.
    fn remove(&self, sn: DeviceSn, issued_by: String) -> BoxFuture<'_, Result<(), EnrolError>>;
}

/// The broker as the tower sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BrokerState {
    /// `embedded` or `external`.
    pub kind: String,
    /// `$SYS` values by name.
    pub stats: BTreeMap<String, f64>,
}

/// What must last, as the tower sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreState {
    /// `embedded`, `external`, or `none`: everything is in memory and a restart forgets it.
    pub kind: String,
    /// Whether the database answers and is fit for use.
    pub ready: bool,
    /// How it stands, in a sentence.
    pub detail: String,
    /// Records of commands and missions, and entries of the audit, that are not safe yet.
    pub records_waiting: u64,
    /// Events that are not safe yet; their senders have no acknowledgement.
    pub events_waiting: u64,
    /// Rows written since the tower started.
    pub rows_written: u64,
    /// Telemetry rows dropped since the tower started: the oldest, while the database was away.
    pub rows_dropped: u64,
    /// Bytes in the spool, which keeps what the database could not take.
    pub spooled_bytes: u64,
}

/// Stalls of the event loop, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Stalls {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Longest.
    pub max: f64,
}

/// A task that held the loop too long.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SlowTask {
    /// Its name.
    pub task: String,
    /// For how long, milliseconds.
    pub ms: f64,
    /// When.
    pub at_ms: WallMs,
}

/// Health of the event loop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct LoopState {
    /// Distribution of stalls.
    pub stall_ms: Stalls,
    /// The latest slow tasks.
    pub slow: Vec<SlowTask>,
}

/// Something a device said that no table knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnknownCount {
    /// Firmware version that said it.
    pub firmware: String,
    /// `field`, `method` or `value`.
    pub kind: String,
    /// What: a dotted path, a method, a value with its path.
    pub key: String,
    /// How often.
    pub count: u64,
}

/// One condition of readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What is checked.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// Why not, or how it stands.
    pub detail: String,
}

/// What the process writes to its log, and how that went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogState {
    /// `tracing` filter in force: a level, or `info,fleet_links=debug`.
    pub filter: String,
    /// The filter of the configuration, which a restart brings back.
    pub configured: String,
    /// Bytes written since the process started.
    pub written_bytes: u64,
    /// Lines dropped because their reader lagged or went away.
    pub dropped_lines: u64,
}

/// What happened longer ago than the process remembers.
pub trait History: Send + Sync {
    /// Missions of one dock or of all that were taken before one (without one: the newest), newest
    /// first, at most `limit`; with `person`, those that this person may see. The error is why not, in
    /// words.
    fn missions(
        &self,
        person: Option<Uuid>,
        sn: Option<DeviceSn>,
        before: Option<(WallMs, MissionId)>,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<MissionStatus>, String>>;
    /// One mission, if `person` may see it. The error is why not, in words.
    fn mission(
        &self,
        person: Option<Uuid>,
        id: MissionId,
    ) -> BoxFuture<'_, Result<Option<MissionStatus>, String>>;
    /// Missions that were ordered to take off, newest first, as far as `person` may see them.
    fn flights(
        &self,
        person: Option<Uuid>,
        filter: FlightFilter,
    ) -> BoxFuture<'_, Result<Vec<MissionStatus>, String>>;
    /// One of them with what is on record of it, if `person` may see it.
    fn flight(
        &self,
        person: Option<Uuid>,
        id: MissionId,
    ) -> BoxFuture<'_, Result<Option<FlightRecord>, String>>;
    /// Telemetry of a device in `[from, until)`, thinned to about so many points, if `person` may see
    /// it.
    fn series(
        &self,
        person: Option<Uuid>,
        sn: DeviceSn,
        span: (WallMs, WallMs),
        points: u16,
    ) -> BoxFuture<'_, Result<FlightSeries, String>>;
    /// Every row of it after one (time and number) and before a time, at most `limit`.
    fn rows_after(
        &self,
        person: Option<Uuid>,
        sn: DeviceSn,
        after: (WallMs, i64),
        until: WallMs,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<TelemetryRow>, String>>;
}

/// The process's own state. Every method is a cheap look that never waits.
pub trait SystemSource: Send + Sync {
    /// Threads of this process.
    fn threads(&self) -> u32;
    /// The broker.
    fn broker(&self) -> BrokerState;
    /// What must last.
    fn store(&self) -> StoreState;
    /// The event loop.
    fn event_loop(&self) -> LoopState;
    /// The log.
    fn log(&self) -> LogState;
    /// Writes what this filter lets through from now on, until the process ends. The error is why
    /// not, in words; the filter in force stays.
    ///
    /// # Errors
    /// When the text is no filter.
    fn set_log_filter(&self, filter: &str) -> Result<(), String>;
    /// Unknown things heard: of one device, or of all together.
    fn unknowns(&self, sn: Option<&DeviceSn>) -> Vec<UnknownCount>;
    /// What happened before; none where nothing outlives the process.
    fn history(&self) -> Option<Arc<dyn History>> {
        None
    }
    /// What docks uploaded; none where nothing is on record or nobody keeps media.
    fn media(&self) -> Option<Arc<dyn Media>> {
        None
    }
    /// Whether who owns the docks can be asked now. What acts is refused at once where not: nothing waits
    /// for it to come back. Counter-actions too, as there is nobody to carry them out.
    ///
    /// # Errors
    /// Why not and what to do, in sentences.
    fn commander(&self) -> Result<(), String> {
        Ok(())
    }
    /// Conditions of readiness besides the links, which the API sees itself.
    fn checks(&self) -> Vec<Check>;
}

/// What needs a view of more than one flight. Every method is a cheap look that never waits.
pub trait Planning: Send + Sync {
    /// Where a new mission goes on after one that broke off.
    ///
    /// # Errors
    /// Why it must not.
    fn resume_point(&self, status: &MissionStatus) -> Result<BreakPoint, Reason>;
    /// Other flights of ours that this one may meet, in sentences. `own` is its own, where it is one.
    fn overlaps(
        &self,
        own: Option<MissionId>,
        sn: &DeviceSn,
        plan: &MissionPlan,
        rth_altitude_m: u16,
    ) -> Vec<Reason>;
    /// Each of these docks and whether it can fly to a place now: those that can first, best first; each other
    /// one with why not. Advice: the checks before take-off are asked all the same.
    fn dispatch(&self, docks: &[Arc<DeviceStatus>], target: &DispatchTarget)
    -> Vec<DispatchChoice>;
}

/// Why a schedule was not kept or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// There is none of this id.
    #[error("there is no such schedule")]
    Unknown,
    /// Something is wrong with it.
    #[error("{}", .0.message)]
    Bad(Reason),
    /// It cannot be kept now; nothing has changed.
    #[error("schedules cannot be kept now: {0}")]
    Unavailable(String),
}

/// Missions that are flown again and again. What only looks never waits.
pub trait Scheduling: Send + Sync {
    /// All of them.
    ///
    /// # Errors
    /// Why they are not known.
    fn list(&self) -> Result<Vec<ScheduleStatus>, ScheduleError>;
    /// Its next times, without making it.
    ///
    /// # Errors
    /// What is wrong with it.
    fn preview(&self, schedule: &Schedule) -> Result<Vec<WallMs>, Reason>;
    /// Times ahead in `[from, until)`, at most so many, with what speaks against each.
    ///
    /// # Errors
    /// Why they are not known.
    fn planned(
        &self,
        from: WallMs,
        until: WallMs,
        max: usize,
    ) -> Result<Vec<PlannedTime>, ScheduleError>;
    /// Makes one, or gives it another shape; answered when a restart knows it.
    fn put(
        &self,
        schedule: Schedule,
        is_new: bool,
        by: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>>;
    /// Pauses one, or lets it go on. Its missions that wait are cancelled when it is paused.
    fn pause(
        &self,
        id: ScheduleId,
        pauses: bool,
        by: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>>;
    /// Ends one. Its missions that wait are cancelled.
    fn remove(&self, id: ScheduleId, by: String) -> BoxFuture<'_, Result<(), ScheduleError>>;
    /// Times on record in `[from, until)`, newest first, as far as `person` may see them.
    fn handled(
        &self,
        person: Option<Uuid>,
        from: WallMs,
        until: WallMs,
    ) -> BoxFuture<'_, Result<Vec<HandledTime>, ScheduleError>>;
}

/// Told once whether an entry of the audit is safe.
pub type Kept = Box<dyn FnOnce(bool) + Send>;

/// Keeps who did what. An error is why it cannot be asked, in words.
pub trait AuditLog: Send + Sync {
    /// Puts an entry on record. Never waits; `done` is told when it is safe, or cannot be made so.
    fn append(&self, entry: AuditEntry, done: Kept);
    /// Entries, newest first; with `person`, those that this person may see.
    fn page(
        &self,
        person: Option<Uuid>,
        filter: AuditFilter,
    ) -> BoxFuture<'_, Result<Vec<ChainedEntry>, String>>;
    /// Entries in their order after this number, some at a time.
    fn chunk(&self, after: i64) -> BoxFuture<'_, Result<Vec<ChainedEntry>, String>>;
    /// Where the chain ends.
    fn head(&self) -> BoxFuture<'_, Result<AuditHead, String>>;
    /// Checks every entry.
    fn verify(&self) -> BoxFuture<'_, Result<AuditVerdict, String>>;
    /// Entries as a file: first line, or nothing; then each; then the end.
    fn line(&self, entry: &ChainedEntry, is_csv: bool) -> String;
    /// The line before all others, where there is one, and the one behind.
    fn frame(&self, head: &AuditHead, is_csv: bool) -> (&'static str, String);
}
