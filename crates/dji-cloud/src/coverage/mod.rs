//! Proof that every documented field lands in a typed slot and comes back equal.
//!
//! From a digest of the documentation's facts ([`Facts`]) payloads are made: each field takes each
//! of its documented values in turn. They are read by [`crate::decode`], the way every message is,
//! and written again. A field counts when its value comes back equal and nothing about it was
//! reported; unknown fields are not written again, so a name alone proves nothing. Enums are asked
//! one thing more: a value outside their list must be reported. It proves nothing about devices.
//! Next: [`payload`] for making the payloads.

pub mod payload;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::payload::{body, foreign_body, value_at};
use crate::lenient::WireValue;
use crate::topic::{Topic, TopicKind};
use crate::{Message, decode, device};

/// The digest of the documentation's facts.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Facts {
    /// What the facts were taken from.
    pub source: String,
    /// One entry per method or property and direction.
    pub records: Vec<Record>,
}

/// A message that the documentation describes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    /// The documentation it belongs to: `dock2`, `dock1`, `rc_pro`, `m30`, `undocumented`, `newer`.
    pub set: String,
    /// Page.
    pub domain: String,
    /// `service`, `event`, `request`, `status`, `drc-down`, `drc-up`, `osd`, `state`,
    /// `property-set`.
    pub kind: String,
    /// Method; for a property set the property; empty for OSD and state.
    pub method: String,
    /// Product whose page it is on.
    pub product: String,
    /// The body is an array of one object.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub is_array: bool,
    /// Fields of the body.
    pub data: Vec<Field>,
    /// Fields of the answer's body.
    pub reply: Vec<Field>,
}

/// A field: its path (`files[].size`), its form, and values it must carry unchanged.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Field(pub String, pub Form, pub Vec<Value>);

/// What stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// An object; its fields have entries of their own.
    Object,
    /// An array of objects; their fields have entries of their own.
    List,
    /// A number, text or boolean.
    Value,
    /// An array of such.
    Values,
    /// One of the listed values and no other.
    Enum,
}

/// What came of one field.
#[derive(Clone, Debug)]
pub struct FieldProof {
    /// Its path; answers begin with `reply:`.
    pub path: String,
    /// Why it does not count; `None` when it does.
    pub fault: Option<String>,
    /// Whether it is an enum, and whether a value outside the list was reported.
    pub is_closed: Option<bool>,
}

/// What came of one record.
#[derive(Clone, Debug)]
pub struct Proof<'a> {
    /// The record.
    pub record: &'a Record,
    /// Why the message as a whole does not count, such as an unknown method.
    pub fault: Option<String>,
    /// Its fields.
    pub fields: Vec<FieldProof>,
}

impl Proof<'_> {
    /// Whether the record counts: its message is typed and every field counts.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.fault.is_none() && self.fields.iter().all(|field| field.fault.is_none())
    }
}

/// Tries every record.
#[must_use]
pub fn prove(facts: &Facts) -> Vec<Proof<'_>> {
    facts.records.iter().map(prove_record).collect()
}

/// How many records and fields of the Dock 2 documentation count, of how many.
#[must_use]
pub fn totals(proofs: &[Proof<'_>], set: &str) -> ([usize; 2], [usize; 2]) {
    let mut records = [0, 0];
    let mut fields = [0, 0];
    for proof in proofs.iter().filter(|proof| proof.record.set == set) {
        records[0] += usize::from(proof.holds());
        records[1] += 1;
        fields[0] += proof.fields.iter().filter(|field| field.fault.is_none()).count();
        fields[1] += proof.fields.len();
    }
    (records, fields)
}

fn prove_record(record: &Record) -> Proof<'_> {
    let mut proof = Proof { record, fault: None, fields: Vec::new() };
    prove_side(record, Side::Data, &mut proof);
    if !record.reply.is_empty() {
        prove_side(record, Side::Reply, &mut proof);
    }
    proof
}

/// The message itself or its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The message.
    Data,
    /// Its answer.
    Reply,
}

impl Side {
    /// The fields of that side.
    #[must_use]
    pub fn fields(self, record: &Record) -> &[Field] {
        match self {
            Self::Data => &record.data,
            Self::Reply => &record.reply,
        }
    }
}

fn prove_side(record: &Record, side: Side, proof: &mut Proof<'_>) {
    let fields = side.fields(record);
    let rounds = fields.iter().map(|field| field.2.len()).max().unwrap_or(0).max(1);
    let mut faults: Vec<Option<String>> = vec![None; fields.len()];
    for round in 0..rounds {
        let sent = body(fields, record.is_array, round);
        match read(record, side, &sent) {
            Err(fault) => {
                proof.fault.get_or_insert(fault);
            }
            Ok(read) => {
                for (field, slot) in fields.iter().zip(&mut faults) {
                    if slot.is_none() {
                        *slot = compare(field, record.is_array, &sent, &read);
                    }
                }
            }
        }
    }
    let foreign = read(record, side, &foreign_body(fields, record.is_array));
    for (field, fault) in fields.iter().zip(faults) {
        let is_closed = (field.1 == Form::Enum).then(|| {
            foreign
                .as_ref()
                .is_ok_and(|read| read.drift.contains(&drift_path(field, record.is_array)))
        });
        let prefix = if side == Side::Reply { "reply:" } else { "" };
        let fault = fault.or_else(|| proof.fault.clone());
        proof.fields.push(FieldProof { path: format!("{prefix}{}", field.0), fault, is_closed });
    }
}

/// A body that was read and written again.
#[derive(Debug)]
pub struct Reading {
    /// The body as it was written again.
    pub value: Value,
    /// Paths about which something was reported.
    pub drift: BTreeSet<String>,
}

/// Reads a body of a record as a message and writes it again.
///
/// # Errors
/// Why there is no typed message.
pub fn read(record: &Record, side: Side, body: &Value) -> Result<Reading, String> {
    let kind =
        topic_kind(&record.kind, side).ok_or_else(|| format!("no topic of {}", record.kind))?;
    let topic = Topic { kind, sn: "SN1" }.to_string();
    let mut payload = json!({ "tid": "t", "bid": "b", "timestamp": 1, "data": body });
    if !record.method.is_empty() && record.kind != "property-set" {
        payload["method"] = json!(record.method);
    }
    let payload = payload.to_string();
    let message = decode(&topic, payload.as_bytes()).map_err(|error| error.to_string())?.message;
    let is_dock = record.product.starts_with("dock");
    let mut drift = BTreeSet::new();
    let value = if let Message::Osd(Some(data)) = message {
        if is_dock {
            written(&device::decode_osd_dock(data), &mut drift)
        } else {
            written(&device::decode_osd_aircraft(data), &mut drift)
        }
    } else if let Message::State(Some(data)) = message {
        if is_dock {
            written(&device::decode_state_dock(data), &mut drift)
        } else {
            written(&device::decode_state_aircraft(data), &mut drift)
        }
    } else {
        message.walk_drift(&mut |path, _| {
            drift.insert(path.to_owned());
        });
        message.to_value()
    };
    value.map(|value| Reading { value, drift }).ok_or_else(|| "the method is not typed".to_owned())
}

fn written<T: WireValue, E>(typed: &Result<T, E>, drift: &mut BTreeSet<String>) -> Option<Value> {
    let typed = typed.as_ref().ok()?;
    typed.walk_drift(&mut String::new(), &mut |path, _| {
        drift.insert(path.to_owned());
    });
    serde_json::to_value(typed).ok()
}

/// The topic a record's message (or its answer) travels on.
#[must_use]
pub fn topic_kind(kind: &str, side: Side) -> Option<TopicKind> {
    Some(match (kind, side) {
        ("service", Side::Data) => TopicKind::Services,
        ("service", Side::Reply) => TopicKind::ServicesReply,
        ("event", Side::Data) => TopicKind::Events,
        ("event", Side::Reply) => TopicKind::EventsReply,
        ("request", Side::Data) => TopicKind::Requests,
        ("request", Side::Reply) => TopicKind::RequestsReply,
        ("status", Side::Data) => TopicKind::Status,
        ("status", Side::Reply) => TopicKind::StatusReply,
        ("property-set", Side::Data) => TopicKind::PropertySet,
        ("property-set", Side::Reply) => TopicKind::PropertySetReply,
        ("drc-down", Side::Data) => TopicKind::DrcDown,
        ("drc-down", Side::Reply) | ("drc-up", Side::Data) => TopicKind::DrcUp,
        ("osd", Side::Data) => TopicKind::Osd,
        ("state", Side::Data) => TopicKind::State,
        _ => return None,
    })
}

/// Why a field does not count, if it does not.
fn compare(field: &Field, is_array: bool, sent: &Value, read: &Reading) -> Option<String> {
    let (expect, found) = (value_at(sent, &field.0), value_at(&read.value, &field.0));
    let (Some(expect), Some(found)) = (expect, found) else {
        return Some("it does not come back".to_owned());
    };
    // What stands in an object or list is proven by its own fields.
    let is_same_shape = match field.1 {
        Form::Object => expect.is_object() && found.is_object(),
        Form::List => expect.is_array() && found.is_array(),
        Form::Value | Form::Values | Form::Enum => same(expect, found),
    };
    if !is_same_shape {
        return Some(format!("{expect} comes back as {found}"));
    }
    let path = drift_path(field, is_array);
    // A number without a documented list may be outside the list that the type knows.
    let is_reported = matches!(field.1, Form::Enum) && read.drift.contains(&path);
    is_reported.then(|| format!("{expect} is reported as odd"))
}

/// The path under which something about a field is reported.
fn drift_path(field: &Field, is_array: bool) -> String {
    let path = field.0.replace(payload::GIMBAL_KEY, "payloads");
    if is_array { format!("[].{path}") } else { path }
}

/// `1` and `1.0` are the same number on the wire.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(l, r))
        }
        (left, right) => left == right,
    }
}
