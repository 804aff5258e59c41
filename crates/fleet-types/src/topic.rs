//! The bus topics: name, sample type, key and quality of service, in one place.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    alarm::{Alarm, AlarmOrder, AlarmStatus},
    authority::{AuthorityAnswer, AuthorityChange, AuthorityRequest},
    command::{CommandRequest, CommandStatus, Resolution},
    device::{DeviceClass, DeviceStatus},
    id::{DeviceSn, TraceId},
    link::LinkStatus,
    mission::{MissionRequest, MissionStatus},
    plan::MissionControl,
    preflight::{DockNotice, PreflightReport, PreflightRequest},
    telemetry::Telemetry,
    time::WallMs,
    trace::TraceStep,
};

/// What a full or slow reader means for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliability {
    /// Only the latest sample of each key is kept; older ones are coalesced and counted.
    KeepLatest,
    /// Every sample is kept up to `depth` a reader; a full reader makes the writer wait.
    Reliable {
        /// Samples a reader may lag behind.
        depth: usize,
    },
}

/// A bus topic: its name, quality of service, and the key of a sample.
pub trait Topic: Send + Sync + 'static {
    /// Name on the bus.
    const NAME: &'static str;
    /// What happens to readers that lag.
    const RELIABILITY: Reliability;
    /// Whether a new reader first gets the latest sample of every key.
    const TRANSIENT_LOCAL: bool;
    /// Milliseconds within which every key is written again, where that is expected of it; needs
    /// [`Topic::TRANSIENT_LOCAL`]. A key that is not is told as an event of the bus.
    const DEADLINE_MS: Option<u64> = None;
    /// Milliseconds from its writing after which this sample is not delivered any more; it is told as
    /// an event of the bus. Not for what somebody waits to hear the end of: a command that expired is
    /// told of by the machine that was asked.
    fn lifespan_ms(&self) -> Option<u64> {
        None
    }
    /// Key of this sample, usually the SN.
    fn key(&self) -> Cow<'_, str>;
}

/// Telemetry of one device: the whole twin as last known. Bus topic `DeviceOsd`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceOsd {
    /// Device.
    pub sn: DeviceSn,
    /// Its kind.
    pub class: DeviceClass,
    /// The dock it is heard through (a dock: itself).
    pub gateway_sn: DeviceSn,
    /// Reports merged since the machine started.
    pub report_count: u64,
    /// Receipt of the newest report.
    pub received_ms: WallMs,
    /// Everything known, each value with its age.
    pub values: Telemetry,
}

/// Which aircraft a dock speaks for. Bus topic `DeviceTopology`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceTopology {
    /// Dock.
    pub gateway_sn: DeviceSn,
    /// Its aircraft; empty when none is connected.
    pub children: Vec<DeviceSn>,
    /// When it said so.
    pub received_ms: WallMs,
}

/// An event or request of a device as received. Bus topic `DeviceEvent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceEvent {
    /// Dock that said it.
    pub sn: DeviceSn,
    /// DJI method.
    pub method: String,
    /// DJI data; values of known-secret keys removed.
    pub data: serde_json::Value,
    /// Flow, where the device's `bid` names one of ours.
    pub trace_id: Option<TraceId>,
    /// The device's time.
    pub source_ms: Option<WallMs>,
    /// Ours.
    pub received_ms: WallMs,
}

/// One thing a device said that the protocol's documents do not know, or say otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unknown {
    /// Firmware that said it, empty while unknown.
    pub firmware: String,
    /// `field`, `method`, `value`, `type`, `topic`, `malformed`.
    pub kind: String,
    /// What: a key path, a method.
    pub key: String,
    /// How often.
    pub count: u64,
}

/// Everything unknown heard from one dock and its aircraft. Bus topic `DeviceDrift`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDrift {
    /// Dock.
    pub sn: DeviceSn,
    /// Bounded list; the rarest newcomers are counted under the key `(more)`.
    pub unknowns: Vec<Unknown>,
}

macro_rules! topics {
    ($($sample:ty, $name:literal, $reliability:expr, transient: $transient:literal, |$s:ident| $key:expr;)+) => {$(
        impl Topic for $sample {
            const NAME: &'static str = $name;
            const RELIABILITY: Reliability = $reliability;
            const TRANSIENT_LOCAL: bool = $transient;
            fn key(&self) -> Cow<'_, str> {
                let $s = self;
                $key
            }
        }
    )+};
}

use Reliability::{KeepLatest, Reliable};
topics! {
    DeviceOsd, "DeviceOsd", KeepLatest, transient: true, |s| s.sn.as_str().into();
    DeviceStatus, "DeviceState", KeepLatest, transient: true, |s| s.sn.as_str().into();
    DeviceTopology, "DeviceTopology", KeepLatest, transient: true, |s| s.gateway_sn.as_str().into();
    DeviceDrift, "DeviceDrift", KeepLatest, transient: true, |s| s.sn.as_str().into();
    DeviceEvent, "DeviceEvent", Reliable { depth: 4096 }, transient: false, |s| s.sn.as_str().into();
    CommandRequest, "Command", Reliable { depth: 1024 }, transient: false, |s| s.sn.as_str().into();
    Resolution, "Resolution", Reliable { depth: 256 }, transient: false, |s| s.sn.as_str().into();
    CommandStatus, "CommandStatus", Reliable { depth: 4096 }, transient: false, |s| s.command_id.to_string().into();
    MissionRequest, "MissionRequest", Reliable { depth: 256 }, transient: false, |s| s.sn.as_str().into();
    MissionControl, "MissionControl", Reliable { depth: 256 }, transient: false, |s| s.sn.as_str().into();
    DockNotice, "DockNotice", Reliable { depth: 256 }, transient: false, |s| s.sn.as_str().into();
    PreflightRequest, "PreflightRequest", Reliable { depth: 256 }, transient: false, |s| s.sn.as_str().into();
    PreflightReport, "PreflightReport", Reliable { depth: 256 }, transient: false, |s| s.request_id.to_string().into();
    AuthorityRequest, "AuthorityRequest", Reliable { depth: 256 }, transient: false, |s| s.sn.as_str().into();
    AuthorityAnswer, "AuthorityAnswer", Reliable { depth: 256 }, transient: false, |s| s.request_id.to_string().into();
    AuthorityChange, "AuthorityChange", Reliable { depth: 1024 }, transient: false, |s| s.sn.as_str().into();
    MissionStatus, "MissionStatus", Reliable { depth: 4096 }, transient: false, |s| s.mission_id.to_string().into();
    Alarm, "Alarm", Reliable { depth: 4096 }, transient: false, |s| s.alarm_id.to_string().into();
    AlarmStatus, "AlarmStatus", Reliable { depth: 4096 }, transient: false, |s| s.alarm_id.to_string().into();
    AlarmOrder, "AlarmOrder", Reliable { depth: 256 }, transient: false, |s| s.alarm_id.to_string().into();
    LinkStatus, "LinkStatus", KeepLatest, transient: true, |s| s.link.as_str().into();
    TraceStep, "Trace", Reliable { depth: 8192 }, transient: false, |s| s.trace_id.to_string().into();
}
