//! From topic and payload to a typed message.
//!
//! One [`Message`] enum covers every topic; a method this crate does not type is kept raw in
//! [`Message::Unknown`], never an error. OSD and state stay raw too: only the caller knows whether
//! the serial number is a dock's or an aircraft's ([`crate::device::decode_osd_dock`], …). A call
//! without a method is never guessed: who acted on it might take off. Next: [`crate::call`],
//! [`crate::event`], [`crate::drc_link`], [`crate::cloud_reply`].

use core::fmt;
use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::call::Call;
use crate::cloud_reply::{RequestReply, decode_request_reply};
use crate::device::UpdateTopo;
use crate::drc_link::{DrcDown, DrcUp};
use crate::drift::DriftSink;
use crate::envelope::{DecodeError, Envelope, Limits, decode_data, decode_envelope_within};
use crate::event::{decode_event, decode_request};
use crate::lenient::WireValue;
use crate::property::{PropertySet, PropertySetReply};
use crate::reply::Reply;
use crate::topic::{Topic, TopicKind};

pub use crate::event::{Event, Request};

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
    /// The answer of the cloud to a request, seen by simulators and observers.
    RequestReply(RequestReply),
    /// An acknowledgement by the cloud (or an answer that does not tell what it answers), seen by
    /// simulators and observers.
    CloudReply(TopicKind, Box<Reply>),
    /// A service call by the cloud, seen by simulators and observers.
    Call(Call),
    /// A property set by the cloud, seen by simulators and observers.
    PropertySet(Box<PropertySet>),
    /// The answer to a property set: one result per leaf.
    PropertySetReply(Box<PropertySetReply>),
    /// A command of direct control by the cloud, seen by simulators and observers.
    DrcDown(DrcDown),
    /// Direct control, from the device.
    DrcUp(DrcUp),
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
    let method = envelope.method.as_deref();
    let typed = match kind {
        TopicKind::Osd => Some(Message::Osd(data)),
        TopicKind::State => Some(Message::State(data)),
        TopicKind::PropertySet => Some(Message::PropertySet(decode_data(data)?)),
        TopicKind::PropertySetReply => Some(Message::PropertySetReply(decode_data(data)?)),
        TopicKind::Services => match method {
            Some(method) => Call::decode(method, data)?.map(Message::Call),
            None => None,
        },
        TopicKind::DrcDown => match method {
            Some(method) => DrcDown::decode(method, data)?.map(Message::DrcDown),
            None => None,
        },
        TopicKind::DrcUp => match method {
            Some(method) => DrcUp::decode(method, data)?.map(Message::DrcUp),
            None => None,
        },
        TopicKind::ServicesReply => Some(Message::ServicesReply(decode_data(data)?)),
        TopicKind::RequestsReply => match decode_request_reply(method, data)? {
            Some(reply) => Some(Message::RequestReply(reply)),
            None => Some(Message::CloudReply(kind, decode_data(data)?)),
        },
        TopicKind::StatusReply | TopicKind::EventsReply => {
            Some(Message::CloudReply(kind, decode_data(data)?))
        }
        TopicKind::Status => match method {
            // `status` carries nothing else, so a missing method means it too.
            Some("update_topo") | None => Some(Message::UpdateTopo(decode_data(data)?)),
            Some(_) => None,
        },
        TopicKind::Requests => decode_request(method, data)?.map(Message::Request),
        TopicKind::Events => decode_event(method, data)?.map(Message::Event),
    };
    Ok(typed.unwrap_or_else(|| Message::Unknown { kind, method: envelope.method.clone(), data }))
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
            Self::Unknown { method, data, .. } => raw("Unknown", method.as_deref(), *data),
            Self::UpdateTopo(body) => body.fmt(f),
            Self::Request(body) => body.fmt(f),
            Self::Event(body) => body.fmt(f),
            Self::ServicesReply(body) | Self::CloudReply(_, body) => body.fmt(f),
            Self::RequestReply(body) => body.fmt(f),
            Self::Call(body) => body.fmt(f),
            Self::PropertySet(body) => body.fmt(f),
            Self::PropertySetReply(body) => body.fmt(f),
            Self::DrcDown(body) => body.fmt(f),
            Self::DrcUp(body) => body.fmt(f),
        }
    }
}

/// Runs an expression on the body of a typed message; raw messages give the other one.
macro_rules! with_body {
    ($message:expr, $body:ident => $typed:expr, $raw:expr) => {
        match $message {
            Message::UpdateTopo($body) => $typed,
            Message::Request($body) => $typed,
            Message::Event($body) => $typed,
            Message::ServicesReply($body) | Message::CloudReply(_, $body) => $typed,
            Message::RequestReply($body) => $typed,
            Message::Call($body) => $typed,
            Message::PropertySet($body) => $typed,
            Message::PropertySetReply($body) => $typed,
            Message::DrcDown($body) => $typed,
            Message::DrcUp($body) => $typed,
            Message::Osd(_) | Message::State(_) | Message::Unknown { .. } => $raw,
        }
    };
}

impl Message<'_> {
    /// Reports unknown fields, wrong types and unknown values of a typed message with their paths.
    /// Raw messages report nothing here: whoever decodes them asks the result.
    pub fn walk_drift(&self, sink: &mut DriftSink<'_>) {
        with_body!(self, body => body.walk_drift(&mut String::new(), sink), ());
    }

    /// The body of a typed message as JSON: known fields only, as this crate would write them.
    /// `None` for raw messages.
    #[must_use]
    pub fn to_value(&self) -> Option<serde_json::Value> {
        with_body!(self, body => serde_json::to_value(body).ok(), None)
    }

    /// The method that the message was read as, also where the envelope named none; `None` where
    /// there is none.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        let method = match self {
            Self::UpdateTopo(_) => "update_topo",
            Self::Request(body) => body.method(),
            Self::Event(body) => body.method(),
            Self::RequestReply(body) => body.method(),
            Self::Call(body) => body.method(),
            Self::DrcDown(body) => body.method(),
            Self::DrcUp(body) => body.method(),
            Self::Unknown { method, .. } => method.as_deref()?,
            Self::Osd(_)
            | Self::State(_)
            | Self::ServicesReply(_)
            | Self::CloudReply(..)
            | Self::PropertySet(_)
            | Self::PropertySetReply(_) => return None,
        };
        (!method.is_empty()).then_some(method)
    }
}
