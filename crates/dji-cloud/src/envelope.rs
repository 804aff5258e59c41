//! The envelope around every message, read without copying.
//!
//! Everything may be missing: devices and DJI's own examples leave out `gateway`, `method`,
//! `need_reply`, even the identifiers. A bare object without any envelope (seen from third-party
//! simulators) is taken as `data`. Size and nesting are limited; no input panics. It does not look
//! into `data`: that is [`crate::message`]'s. Source: `topic-definition` page of the Cloud API.

use core::fmt;
use std::borrow::Cow;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use crate::drift::{Drift, FieldFault, Found, cut};
use crate::fields::{Fields, OfSerde};
use crate::json;
use crate::keys::key_table;
use crate::lenient::{Flag, Seen, Slot, WireValue, read_slot};
use crate::text::Text;

/// Largest payload decoded by default, in bytes.
pub const PAYLOAD_MAX_BYTES: usize = 1024 * 1024;
/// Deepest nesting decoded by default; real messages stay under 10.
pub const NESTING_MAX: usize = 32;

/// Bounds on what is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest payload, in bytes.
    pub payload_bytes: usize,
    /// Deepest nesting of arrays and objects.
    pub nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload_bytes: PAYLOAD_MAX_BYTES, nesting: NESTING_MAX }
    }
}

impl Limits {
    /// Levels of nesting for [`json::read`], which counts to 127 at most.
    pub(crate) fn levels(self) -> u8 {
        u8::try_from(self.nesting).unwrap_or(u8::MAX)
    }
}

/// Why a payload could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The topic is none of the Cloud API's.
    #[error("the topic is not one of the DJI Cloud API's")]
    UnknownTopic,
    /// The payload is not UTF-8.
    #[error("the payload is not UTF-8 (first bad byte at {at})")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// The payload is larger than the limit.
    #[error("the payload has {len} bytes, the limit is {max}")]
    TooLarge {
        /// Bytes received.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Arrays and objects are nested deeper than the limit.
    #[error("the payload is nested deeper than {max} levels")]
    TooDeep {
        /// Levels allowed.
        max: usize,
    },
    /// The payload is not JSON.
    #[error("the payload is not JSON: {reason} (line {line}, column {column})")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// The payload is JSON, but not an object.
    #[error("the payload is not a JSON object")]
    NotAnObject,
}

impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        let reason = error.to_string();
        // serde_json appends the position to its text; it is kept in fields here.
        let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(text, _)| text);
        Self::Syntax { line: error.line(), column: error.column(), reason: cut(reason, 200).into() }
    }
}

/// A message before its `data` is understood.
///
/// `Debug` shows the size of `data`, not its text: bodies carry keys, licences and addresses.
#[derive(Clone, Default)]
pub struct Envelope<'a> {
    /// Identifier of one exchange; the reply repeats it.
    pub tid: Option<Cow<'a, str>>,
    /// Identifier of one business flow; its progress events repeat it.
    pub bid: Option<Cow<'a, str>>,
    /// The sender's clock, ms since 1970. Data, never a deadline.
    pub timestamp_ms: Option<i64>,
    /// Serial number of the sending gateway; often missing, so trust the topic's.
    pub gateway: Option<Cow<'a, str>>,
    /// The method; missing on `osd`, `state` and `property`, and in many examples.
    pub method: Option<Cow<'a, str>>,
    /// Whether the sender wants an answer (events). Missing means no.
    pub need_reply: Option<bool>,
    /// Sequence number of a direct-control message.
    pub seq: Option<i64>,
    /// The body, still JSON text; `None` when missing.
    pub data: Option<&'a RawValue>,
    /// The payload had no envelope at all: `data` is the whole object.
    pub is_flat: bool,
    /// Unknown keys and wrong types of the envelope itself.
    pub drift: Drift,
}

/// The identifiers that tie an answer to its question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids<'a> {
    /// Identifier of one exchange.
    pub tid: &'a str,
    /// Identifier of one business flow.
    pub bid: &'a str,
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("tid", &self.tid)
            .field("bid", &self.bid)
            .field("timestamp_ms", &self.timestamp_ms)
            .field("gateway", &self.gateway)
            .field("method", &self.method)
            .field("need_reply", &self.need_reply)
            .field("seq", &self.seq)
            .field("data_bytes", &self.data.map(|data| data.get().len()))
            .field("is_flat", &self.is_flat)
            .field("drift", &self.drift)
            .finish()
    }
}

impl Envelope<'_> {
    /// The identifiers to repeat in an answer; empty where the sender gave none.
    #[must_use]
    pub fn ids(&self) -> Ids<'_> {
        Ids {
            tid: self.tid.as_deref().unwrap_or_default(),
            bid: self.bid.as_deref().unwrap_or_default(),
        }
    }

    /// Whether the sender asked for an answer.
    #[must_use]
    pub fn wants_reply(&self) -> bool {
        self.need_reply.unwrap_or(false)
    }
}

/// Reads an envelope under the default [`Limits`].
///
/// # Errors
/// [`DecodeError`] when the payload is too large or deep, or is no JSON object.
pub fn decode_envelope(payload: &[u8]) -> Result<Envelope<'_>, DecodeError> {
    decode_envelope_within(payload, Limits::default())
}

/// Reads an envelope under limits of the caller's.
///
/// # Errors
/// [`DecodeError`] when the payload is too large or deep, or is no JSON object.
pub fn decode_envelope_within(payload: &[u8], limits: Limits) -> Result<Envelope<'_>, DecodeError> {
    let whole = text_of(payload, limits)?;
    let quick =
        json::read_object(whole, limits.levels(), |map| read_envelope(map, |map| map.next_value()));
    let parsed = match quick {
        Some(parsed) => ParsedOrNot(Some(parsed)),
        None => {
            check_nesting(payload, limits.nesting)?;
            serde_json::from_str(whole)?
        }
    };
    let ParsedOrNot(Some(parsed)) = parsed else { return Err(DecodeError::NotAnObject) };
    let is_flat = parsed.is_flat();
    let mut envelope = parsed.envelope;
    if is_flat {
        envelope.data = Some(json::from_str(whole)?);
        envelope.is_flat = true;
        envelope.drift = Drift::default();
    }
    Ok(envelope)
}

/// The text of a payload within the limit of its size, without what may stand before its object.
/// Nesting is the reader's to check, see [`check_nesting`].
pub(crate) fn text_of(payload: &[u8], limits: Limits) -> Result<&str, DecodeError> {
    if payload.len() > limits.payload_bytes {
        return Err(DecodeError::TooLarge { len: payload.len(), max: limits.payload_bytes });
    }
    let text = core::str::from_utf8(payload)
        .map_err(|error| DecodeError::NotUtf8 { at: error.valid_up_to() })?;
    Ok(text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']))
}

/// Refuses deep nesting before a recursive reader sees it that does not count itself.
pub(crate) fn check_nesting(payload: &[u8], max: usize) -> Result<(), DecodeError> {
    // Fewer openings than levels allowed settles nearly every message at the cost of a count.
    if payload.iter().filter(|&&byte| byte == b'{' || byte == b'[').count() <= max {
        return Ok(());
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in payload {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > max {
                    return Err(DecodeError::TooDeep { max });
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// An envelope as it was read.
pub(crate) struct Parsed<'a> {
    pub(crate) envelope: Envelope<'a>,
    /// There were keys that are none of the envelope's.
    has_other_keys: bool,
}

impl Parsed<'_> {
    /// Whether nothing of an envelope is there: the object is a body without one.
    pub(crate) fn is_flat(&self) -> bool {
        let Envelope { tid, bid, method, data, .. } = &self.envelope;
        self.has_other_keys && data.is_none() && method.is_none() && tid.is_none() && bid.is_none()
    }
}

/// `None` when the JSON is something other than an object.
struct ParsedOrNot<'a>(Option<Parsed<'a>>);

impl<'de> Deserialize<'de> for ParsedOrNot<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = ParsedOrNot<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(ParsedOrNot(None))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(ParsedOrNot(None))
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(ParsedOrNot(None))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(ParsedOrNot(None))
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(ParsedOrNot(None))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(ParsedOrNot(None))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ParsedOrNot(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let parsed = read_envelope(&mut OfSerde(map), |map| map.next_value())?;
        Ok(ParsedOrNot(Some(parsed)))
    }
}

/// Reads the entries of an envelope; its body by `data`.
pub(crate) fn read_envelope<'de, A: Fields<'de>>(
    map: &mut A,
    mut data: impl FnMut(&mut A) -> Result<&'de RawValue, A::Error>,
) -> Result<Parsed<'de>, A::Error> {
    let keys =
        key_table!(&["tid", "bid", "timestamp", "gateway", "method", "need_reply", "seq", "data"]);
    let mut out = Envelope::default();
    let mut has_other_keys = false;
    let mut key = Text::default();
    while let Some(number) = map.next_number(keys, &mut key)? {
        match number {
            0 => out.tid = text(map, "tid", &mut out.drift)?,
            1 => out.bid = text(map, "bid", &mut out.drift)?,
            2 => out.timestamp_ms = scalar::<i64, A>(map, "timestamp", &mut out.drift)?,
            3 => out.gateway = text(map, "gateway", &mut out.drift)?,
            4 => out.method = text(map, "method", &mut out.drift)?,
            5 => {
                let flag = scalar::<Flag, A>(map, "need_reply", &mut out.drift)?;
                out.need_reply = flag.map(Into::into);
            }
            6 => out.seq = scalar::<i64, A>(map, "seq", &mut out.drift)?,
            7 => out.data = Some(data(map)?),
            _ => {
                has_other_keys = true;
                out.drift.take_unknown(core::mem::take(&mut key), map)?;
            }
        }
    }
    Ok(Parsed { envelope: out, has_other_keys })
}

fn scalar<'de, T: WireValue, A: Fields<'de>>(
    map: &mut A,
    key: &'static str,
    drift: &mut Drift,
) -> Result<Option<T>, A::Error> {
    let mut slot = None;
    read_slot(map, key, &mut slot, drift)?;
    Ok(slot)
}

fn text<'de, A: Fields<'de>>(
    map: &mut A,
    key: &'static str,
    drift: &mut Drift,
) -> Result<Option<Cow<'de, str>>, A::Error> {
    let (value, found) = map.next_value::<Borrowed<'de>>()?.0;
    if let Some(found) = found {
        drift.fault(FieldFault { key, expected: "string", found, kept: value.is_some() });
    }
    Ok(value)
}

/// Text that borrows from the payload where it holds no escapes, and what came if it was no text.
struct Borrowed<'a>((Option<Cow<'a, str>>, Option<Found>));

impl<'de> Deserialize<'de> for Borrowed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Borrowed<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Borrowed((Some(Cow::Borrowed(value)), None)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Borrowed((Some(Cow::Owned(value.to_owned())), None)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Borrowed((Some(Cow::Owned(value.to_string())), Some(Found::Int))))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Borrowed((Some(Cow::Owned(value.to_string())), Some(Found::Int))))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Borrowed((Some(Cow::Owned(value.to_string())), Some(Found::Float))))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Borrowed((None, Some(Found::Bool))))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Borrowed((None, None)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Borrowed((None, Some(Found::Array))))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Borrowed((None, Some(Found::Object))))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Reads the body of a message as a wire type. `null` and a missing body read as the empty value;
/// a body of another JSON type reads as the empty value with a fault.
///
/// # Errors
/// [`DecodeError::Syntax`] for what only a full reading finds (a number beyond `f64`, a broken
/// escape).
pub fn decode_data<T: WireValue + Default + WithDrift>(
    data: Option<&RawValue>,
) -> Result<T, DecodeError> {
    let Some(text) = data.map(RawValue::get) else { return Ok(T::default()) };
    let mut slot: Option<T> = None;
    let seen = match json::read_into(text, json::NESTING_MAX, &mut slot) {
        Some(seen) => seen,
        None => read_slowly(text, &mut slot)?,
    };
    let mut value = slot.unwrap_or_default();
    if let Seen::Wrong(_) = seen {
        seen.note("", T::EXPECTED, value.drift_mut());
    }
    Ok(value)
}

/// Reads what [`json`] refused, or says what is wrong with it.
#[cold]
fn read_slowly<T: WireValue>(text: &str, slot: &mut Option<T>) -> Result<Seen, DecodeError> {
    *slot = None;
    let mut reader = serde_json::Deserializer::from_str(text);
    let seen = Slot(slot).deserialize(&mut reader)?;
    reader.end()?;
    Ok(seen)
}

/// A wire object, which keeps its own drift.
pub trait WithDrift {
    /// What came beyond or against the documentation.
    fn drift(&self) -> &Drift;
    /// The same, to add to.
    fn drift_mut(&mut self) -> &mut Drift;
}

impl<T: WithDrift> WithDrift for Box<T> {
    fn drift(&self) -> &Drift {
        T::drift(self)
    }
    fn drift_mut(&mut self) -> &mut Drift {
        T::drift_mut(self)
    }
}
