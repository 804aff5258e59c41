//! From topic and payload to a typed message.
//!
//! One [`Message`] enum covers every topic; a method this crate does not type is kept raw in
//! [`Message::Unknown`], never an error. OSD and state stay raw too: only the caller knows whether
//! the serial number is a dock's or an aircraft's ([`crate::device::decode_osd_dock`], …).

use core::fmt;
use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::config::ConfigRequest;
use crate::device::UpdateTopo;
use crate::drift::DriftSink;
use crate::envelope::{DecodeError, Envelope, Limits, decode_data, decode_envelope_within};
use crate::file::{FileUploadCallback, MediaPriority, StorageConfigRequest};
use crate::flight_area::{AreasSyncProgress, DroneLocations};
use crate::hms::Hms;
use crate::lenient::WireValue;
use crate::organization::{BindStatusRequest, OrganizationBindRequest, OrganizationGetRequest};
use crate::reply::{JobProgress, Reply};
use crate::topic::{Topic, TopicKind};
use crate::wayline::{
    ExitHoming, FlightIds, FlighttaskProgress, ProgressGetRequest, ResourceGetRequest,
    ReturnHomeInfo,
};

/// A message with where it came on and the envelope it came in.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Where it came on.
    pub topic: Topic<'a>,
    /// Identifiers, time, gateway; and the raw `data`.
    pub envelope: Envelope<'a>,
    /// The message.
    pub message: Message<'a>,
}

/// A message by topic and method. `Debug` shows raw bodies by their size only: they carry secrets.
#[derive(Clone)]
pub enum Message<'a> {
    /// Telemetry, raw; `None` when the payload had no body.
    Osd(Option<&'a RawValue>),
    /// Properties on change, raw.
    State(Option<&'a RawValue>),
    /// `update_topo`.
    UpdateTopo(Box<UpdateTopo>),
    /// The device asks for something and waits for the answer.
    Request(Request),
    /// Something happened.
    Event(Event),
    /// The answer to a service call; match it by `tid`.
    ServicesReply(Box<Reply>),
    /// An acknowledgement by the cloud, seen by observers only.
    CloudReply(TopicKind, Box<Reply>),
    /// The answer to a property set, raw: it nests one result per leaf.
    PropertySetReply(Option<&'a RawValue>),
    /// A service call or property set by the cloud, raw, seen by simulators and observers.
    Call {
        /// The method; `None` for a property set.
        method: Option<Cow<'a, str>>,
        /// The body.
        data: Option<&'a RawValue>,
    },
    /// Direct control, either way, raw until its module exists.
    Drc {
        /// The method.
        method: Option<Cow<'a, str>>,
        /// The body.
        data: Option<&'a RawValue>,
    },
    /// A method this crate does not type.
    Unknown {
        /// What the topic carries.
        kind: TopicKind,
        /// The method; `None` when the message gave none and its body does not tell.
        method: Option<Cow<'a, str>>,
        /// The body.
        data: Option<&'a RawValue>,
    },
}

/// What a device asks the cloud for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// `config`.
    Config(ConfigRequest),
    /// `airport_bind_status`.
    BindStatus(BindStatusRequest),
    /// `airport_organization_get`.
    OrganizationGet(OrganizationGetRequest),
    /// `airport_organization_bind`.
    OrganizationBind(OrganizationBindRequest),
    /// `storage_config_get`.
    StorageConfig(StorageConfigRequest),
    /// `flighttask_resource_get`.
    ResourceGet(ResourceGetRequest),
    /// `flighttask_progress_get` (multi-dock).
    ProgressGet(ProgressGetRequest),
    /// `flight_areas_get`; it has no body.
    FlightAreasGet,
    /// `offline_map_get`; it has no body and is not in the reference.
    OfflineMapGet,
}

impl Request {
    /// The method's name.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Config(_) => "config",
            Self::BindStatus(_) => "airport_bind_status",
            Self::OrganizationGet(_) => "airport_organization_get",
            Self::OrganizationBind(_) => "airport_organization_bind",
            Self::StorageConfig(_) => "storage_config_get",
            Self::ResourceGet(_) => "flighttask_resource_get",
            Self::ProgressGet(_) => "flighttask_progress_get",
            Self::FlightAreasGet => "flight_areas_get",
            Self::OfflineMapGet => "offline_map_get",
        }
    }
}

/// What happened on a device.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `flighttask_progress`.
    FlighttaskProgress(Box<FlighttaskProgress>),
    /// `flighttask_ready`: conditional flights whose conditions hold.
    FlighttaskReady(FlightIds),
    /// `device_exit_homing_notify`: a return was aborted.
    ExitHoming(ExitHoming),
    /// `return_home_info`: the planned way home.
    ReturnHomeInfo(Box<ReturnHomeInfo>),
    /// `hms`: all alarms.
    Hms(Hms),
    /// Progress of a remote-debug job.
    Job {
        /// The method of the call, `None` when the event gave none: match it by `bid` then.
        method: Option<&'static str>,
        /// How far it is.
        progress: Box<JobProgress>,
    },
    /// `file_upload_callback`.
    FileUploaded(Box<FileUploadCallback>),
    /// `highest_priority_upload_flighttask_media`.
    MediaPriority(MediaPriority),
    /// `flight_areas_sync_progress`.
    AreasSync(AreasSyncProgress),
    /// `flight_areas_drone_location`.
    DroneLocations(DroneLocations),
}

/// Remote-debug methods whose jobs report by events of the same name. The last two are Dock 1's.
const JOB_EVENTS: &[&str] = &[
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

/// Reads a message under the default [`Limits`].
///
/// # Errors
/// [`DecodeError`] for an unknown topic and for payloads that are no JSON object within the
/// limits. Unknown methods, fields and values are no errors.
pub fn decode<'a>(topic: &'a str, payload: &'a [u8]) -> Result<Packet<'a>, DecodeError> {
    let topic = Topic::parse(topic).ok_or(DecodeError::UnknownTopic)?;
    decode_within(topic, payload, Limits::default())
}

/// Reads a message on a known topic, under limits of the caller's.
///
/// # Errors
/// As [`decode`].
pub fn decode_within<'a>(
    topic: Topic<'a>,
    payload: &'a [u8],
    limits: Limits,
) -> Result<Packet<'a>, DecodeError> {
    let envelope = decode_envelope_within(payload, limits)?;
    let message = decode_message(topic.kind, &envelope)?;
    Ok(Packet { topic, envelope, message })
}

/// Reads the message in an envelope.
///
/// # Errors
/// [`DecodeError::Syntax`] for what only a full reading finds, such as a number beyond `f64`.
pub fn decode_message<'a>(
    kind: TopicKind,
    envelope: &Envelope<'a>,
) -> Result<Message<'a>, DecodeError> {
    let data = envelope.data;
    let method = envelope.method.clone();
    Ok(match kind {
        TopicKind::Osd => Message::Osd(data),
        TopicKind::State => Message::State(data),
        TopicKind::PropertySetReply => Message::PropertySetReply(data),
        TopicKind::Services | TopicKind::PropertySet => Message::Call { method, data },
        TopicKind::DrcUp | TopicKind::DrcDown => Message::Drc { method, data },
        TopicKind::ServicesReply => Message::ServicesReply(decode_data(data)?),
        TopicKind::StatusReply | TopicKind::EventsReply | TopicKind::RequestsReply => {
            Message::CloudReply(kind, decode_data(data)?)
        }
        TopicKind::Status => match method.as_deref() {
            // `status` carries nothing else, so a missing method means it too.
            Some("update_topo") | None => Message::UpdateTopo(decode_data(data)?),
            Some(_) => Message::Unknown { kind, method, data },
        },
        TopicKind::Requests => match decode_request(method.as_deref(), data)? {
            Some(request) => Message::Request(request),
            None => Message::Unknown { kind, method, data },
        },
        TopicKind::Events => match decode_event(method.as_deref(), data)? {
            Some(event) => Message::Event(event),
            None => Message::Unknown { kind, method, data },
        },
    })
}

fn decode_request(
    method: Option<&str>,
    data: Option<&RawValue>,
) -> Result<Option<Request>, DecodeError> {
    let Some(method) = method.or_else(|| data.and_then(|data| guess(data, REQUEST_KEYS))) else {
        return Ok(None);
    };
    Ok(Some(match method {
        "config" => Request::Config(decode_data(data)?),
        "airport_bind_status" => Request::BindStatus(decode_data(data)?),
        "airport_organization_get" => Request::OrganizationGet(decode_data(data)?),
        "airport_organization_bind" => Request::OrganizationBind(decode_data(data)?),
        "storage_config_get" => Request::StorageConfig(decode_data(data)?),
        "flighttask_resource_get" => Request::ResourceGet(decode_data(data)?),
        "flighttask_progress_get" => Request::ProgressGet(decode_data(data)?),
        "flight_areas_get" => Request::FlightAreasGet,
        "offline_map_get" => Request::OfflineMapGet,
        _ => return Ok(None),
    }))
}

fn decode_event(
    method: Option<&str>,
    data: Option<&RawValue>,
) -> Result<Option<Event>, DecodeError> {
    let Some(method) = method.or_else(|| data.and_then(|data| guess(data, EVENT_KEYS))) else {
        return Ok(None);
    };
    Ok(Some(match method {
        "flighttask_progress" => Event::FlighttaskProgress(decode_data(data)?),
        "flighttask_ready" => Event::FlighttaskReady(decode_data(data)?),
        "device_exit_homing_notify" => Event::ExitHoming(decode_data(data)?),
        "return_home_info" => Event::ReturnHomeInfo(decode_data(data)?),
        "hms" => Event::Hms(decode_data(data)?),
        "file_upload_callback" => Event::FileUploaded(decode_data(data)?),
        "highest_priority_upload_flighttask_media" => Event::MediaPriority(decode_data(data)?),
        "flight_areas_sync_progress" => Event::AreasSync(decode_data(data)?),
        "flight_areas_drone_location" => Event::DroneLocations(decode_data(data)?),
        UNNAMED_JOB => Event::Job { method: None, progress: decode_data(data)? },
        other => match JOB_EVENTS.iter().find(|&&job| job == other) {
            Some(&job) => Event::Job { method: Some(job), progress: decode_data(data)? },
            None => return Ok(None),
        },
    }))
}

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
];

/// The method that a body without a method belongs to, if its keys tell.
fn guess(data: &RawValue, keys: &[(&str, &'static str)]) -> Option<&'static str> {
    let body: std::collections::BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(data.get()).ok()?;
    let by_key = keys.iter().find(|(key, _)| body.contains_key(*key)).map(|&(_, method)| method);
    by_key.or_else(|| {
        let output = body.get("output")?.get();
        let output: std::collections::BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(output).ok()?;
        match (output.contains_key("status"), output.get("ext")) {
            (true, None) => Some(UNNAMED_JOB),
            (true, Some(ext)) if ext.get().contains("\"wayline") => Some("flighttask_progress"),
            (_, _) => None,
        }
    })
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = |name: &str, method: Option<&str>, data: Option<&RawValue>| {
            let bytes = data.map_or(0, |data| data.get().len());
            write!(f, "{name}({} {bytes} bytes)", method.unwrap_or("-"))
        };
        match self {
            Self::Osd(data) => raw("Osd", None, *data),
            Self::State(data) => raw("State", None, *data),
            Self::PropertySetReply(data) => raw("PropertySetReply", None, *data),
            Self::Call { method, data } => raw("Call", method.as_deref(), *data),
            Self::Drc { method, data } => raw("Drc", method.as_deref(), *data),
            Self::Unknown { method, data, .. } => raw("Unknown", method.as_deref(), *data),
            Self::UpdateTopo(body) => body.fmt(f),
            Self::Request(request) => request.fmt(f),
            Self::Event(event) => event.fmt(f),
            Self::ServicesReply(body) | Self::CloudReply(_, body) => body.fmt(f),
        }
    }
}

impl Message<'_> {
    /// Reports unknown fields, wrong types and unknown values of a typed message with their paths.
    /// Raw messages report nothing here: whoever decodes them asks the result.
    pub fn walk_drift(&self, sink: &mut DriftSink<'_>) {
        let path = &mut String::new();
        match self {
            Self::UpdateTopo(body) => body.walk_drift(path, sink),
            Self::ServicesReply(body) | Self::CloudReply(_, body) => body.walk_drift(path, sink),
            Self::Request(request) => request.walk_drift(path, sink),
            Self::Event(event) => event.walk_drift(path, sink),
            Self::Osd(_)
            | Self::State(_)
            | Self::PropertySetReply(_)
            | Self::Call { .. }
            | Self::Drc { .. }
            | Self::Unknown { .. } => {}
        }
    }
}

impl Request {
    fn walk_drift(&self, path: &mut String, sink: &mut DriftSink<'_>) {
        match self {
            Self::Config(body) => body.walk_drift(path, sink),
            Self::BindStatus(body) => body.walk_drift(path, sink),
            Self::OrganizationGet(body) => body.walk_drift(path, sink),
            Self::OrganizationBind(body) => body.walk_drift(path, sink),
            Self::StorageConfig(body) => body.walk_drift(path, sink),
            Self::ResourceGet(body) => body.walk_drift(path, sink),
            Self::ProgressGet(body) => body.walk_drift(path, sink),
            Self::FlightAreasGet | Self::OfflineMapGet => {}
        }
    }
}

impl Event {
    fn walk_drift(&self, path: &mut String, sink: &mut DriftSink<'_>) {
        match self {
            Self::FlighttaskProgress(body) => body.walk_drift(path, sink),
            Self::FlighttaskReady(body) => body.walk_drift(path, sink),
            Self::ExitHoming(body) => body.walk_drift(path, sink),
            Self::ReturnHomeInfo(body) => body.walk_drift(path, sink),
            Self::Hms(body) => body.walk_drift(path, sink),
            Self::Job { progress, .. } => progress.walk_drift(path, sink),
            Self::FileUploaded(body) => body.walk_drift(path, sink),
            Self::MediaPriority(body) => body.walk_drift(path, sink),
            Self::AreasSync(body) => body.walk_drift(path, sink),
            Self::DroneLocations(body) => body.walk_drift(path, sink),
        }
    }
}
