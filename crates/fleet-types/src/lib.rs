//! Ids, units, time and the nouns of the tower: what every component speaks about.
//!
//! Nothing here knows a clock, a socket or a wire protocol. The types that travel on the bus are
//! in [`topic`]; each of them is also the JSON of the HTTP API, so one name means one thing from
//! the machine that decides it to the console that shows it. Read next: `fleet-bus` (how samples
//! travel) and `fleet-core` (who produces them).

pub mod alarm;
pub mod audit;
pub mod authority;
pub mod command;
pub mod device;
pub mod dispatch;
pub mod flight;
pub mod id;
pub mod link;
pub mod mission;
pub mod multi_dock;
pub mod people;
pub mod plan;
pub mod preflight;
pub mod reason;
pub mod rights;
pub mod role;
pub mod schedule;
pub mod secret;
pub mod telemetry;
pub mod time;
pub mod topic;
pub mod trace;

pub use alarm::{Alarm, AlarmStatus};
pub use command::{CommandRequest, CommandState, CommandStatus, ResponseCode};
pub use device::{DeviceClass, DeviceStatus};
pub use id::{
    AlarmId, CommandId, DeviceSn, IdempotencyKey, MissionId, MultiDockId, RequestId, ScheduleId,
    TraceId,
};
pub use link::LinkStatus;
pub use mission::{MissionRequest, MissionState, MissionStatus};
pub use plan::MissionPlan;
pub use preflight::Preflight;
pub use reason::Reason;
pub use role::Role;
pub use secret::Secret;
pub use telemetry::{Reading, Scalar, Telemetry};
pub use time::{MonoMs, Now, WallMs};
pub use trace::TraceStep;
