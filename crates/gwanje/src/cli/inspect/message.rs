//! One message against the documented protocol.
//!
//! It decodes as the tower does and says what was unknown, of a wrong type, out of range or odd,
//! and what result codes mean. A success is only what the documentation calls success: an answer
//! `result 0` is an acceptance, a number for a status is nothing.

use dji_cloud::{
    Answer, DecodeError, Envelope, Event, Message, Packet, Topic, TopicKind, Verdict,
    device::UpdateTopo,
    drift::{Drift, DriftItem},
    encode::{CallHead, service_from_json},
    error_code::{self, ErrorText},
    hms::Hms,
    hms_text::HmsBook,
    lenient::WireValue,
    reply::{JobProgress, Reply},
};
use serde_json::{Value, json, value::RawValue};

use super::ranges::{self, OutOfRange};

/// A field of another type than documented.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WrongType {
    pub(super) path: String,
    pub(super) expected: &'static str,
    pub(super) found: &'static str,
    /// Whether the value could be used all the same.
    pub(super) kept: bool,
}

/// What a message says about an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A call was taken; it is not done by that.
    Accepted,
    Running,
    Succeeded,
    PartiallyDone,
    Failed,
    /// The message should say how things went, and says nothing that is documented.
    Unclear,
}

impl Outcome {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::PartiallyDone => "partially_done",
            Self::Failed => "failed",
            Self::Unclear => "unclear",
        }
    }
}

/// Everything that is to be said about one message.
#[derive(Clone, Debug, Default)]
pub(super) struct Examined {
    pub(super) topic: String,
    pub(super) kind: Option<TopicKind>,
    pub(super) sn: String,
    pub(super) method: Option<String>,
    /// Topic and method are documented, and the payload is a message at all.
    pub(super) known: bool,
    /// Firmware the message names, later what its device named last.
    pub(super) firmware: Option<String>,
    pub(super) error: Option<String>,
    pub(super) unknown_fields: Vec<String>,
    pub(super) wrong_types: Vec<WrongType>,
    pub(super) unknown_values: Vec<(String, String)>,
    pub(super) out_of_range: Vec<OutOfRange>,
    /// What a call lacks or holds too much, by DJI's bounds.
    pub(super) refused: Option<String>,
    /// What is allowed, but worth knowing.
    pub(super) notes: Vec<String>,
    pub(super) outcome: Option<Outcome>,
    pub(super) result: Option<i64>,
}

/// Findings kept of one message and kind.
const FINDINGS_MAX: usize = 64;

impl Examined {
    pub(super) fn malformed(topic: &str, why: String) -> Self {
        Self { topic: clean(topic), error: Some(why), ..Self::default() }
    }

    /// Whether the message is other than the documentation says. Notes do not count.
    pub(super) fn is_drift(&self) -> bool {
        !self.known
            || self.error.is_some()
            || !self.unknown_fields.is_empty()
            || !self.wrong_types.is_empty()
            || !self.unknown_values.is_empty()
            || !self.out_of_range.is_empty()
            || self.refused.is_some()
    }

    fn item(&mut self, path: &str, item: DriftItem<'_>) {
        let path = clean(path);
        match item {
            DriftItem::UnknownField { .. } if self.unknown_fields.len() < FINDINGS_MAX => {
                self.unknown_fields.push(path);
            }
            DriftItem::WrongType(fault) if self.wrong_types.len() < FINDINGS_MAX => {
                self.wrong_types.push(WrongType {
                    path,
                    expected: fault.expected,
                    found: fault.found.name(),
                    kept: fault.kept,
                });
            }
            DriftItem::UnknownCode(value) if self.unknown_values.len() < FINDINGS_MAX => {
                self.unknown_values.push((path, clean(&format!("{value:?}"))));
            }
            DriftItem::Dropped(count) => {
                self.unknown_fields.push(format!("{path} ({count} more)"));
            }
            DriftItem::UnknownField { .. }
            | DriftItem::WrongType(_)
            | DriftItem::UnknownCode(_) => {}
        }
    }

    fn walk<T: WireValue>(&mut self, body: &T) {
        body.walk_drift(&mut String::new(), &mut |path, item| self.item(path, item));
    }

    fn envelope_drift(&mut self, drift: &Drift) {
        for (key, value) in drift.unknown() {
            self.item(key, DriftItem::UnknownField { value });
        }
        for fault in drift.faults() {
            self.item(fault.key, DriftItem::WrongType(fault));
        }
    }
}

/// Looks at one message.
pub(super) fn examine(topic: &str, payload: &[u8], book: Option<&HmsBook>) -> Examined {
    let packet = match dji_cloud::decode(topic, payload) {
        Ok(packet) => packet,
        Err(error) => {
            let mut out = Examined::malformed(topic, error.to_string());
            if let Some(topic) = Topic::parse(topic) {
                (out.kind, out.sn) = (Some(topic.kind), topic.sn.to_owned());
            }
            return out;
        }
    };
    let envelope = &packet.envelope;
    let mut out = Examined {
        topic: topic.to_owned(),
        kind: Some(packet.topic.kind),
        sn: packet.topic.sn.to_owned(),
        method: method(&packet).map(|method| clean(&method)),
        known: is_known(&packet),
        ..Examined::default()
    };
    out.envelope_drift(&envelope.drift);
    envelope_notes(&packet, &mut out);
    body(&packet, book, &mut out);
    if let Some(data) = envelope.data.and_then(|data| serde_json::from_str(data.get()).ok()) {
        numbers(packet.topic.kind, &data, &mut out);
    }
    out
}

/// The method: the envelope's, or what the body gives away.
fn method(packet: &Packet<'_>) -> Option<String> {
    let named = packet.envelope.method.as_deref().map(str::to_owned);
    named.or_else(|| {
        if let Message::Request(request) = &packet.message {
            Some(request.method().to_owned())
        } else {
            matches!(packet.message, Message::UpdateTopo(_)).then(|| "update_topo".to_owned())
        }
    })
}

fn is_known(packet: &Packet<'_>) -> bool {
    let method = packet.envelope.method.as_deref();
    if matches!(packet.message, Message::Unknown { .. }) {
        return false;
    }
    // A call is documented when it is in the table of methods.
    packet.topic.kind != TopicKind::Services
        || method.is_some_and(|method| dji_cloud::spec(method).is_some())
}

fn envelope_notes(packet: &Packet<'_>, out: &mut Examined) {
    let (kind, envelope) = (packet.topic.kind, &packet.envelope);
    let is_direct = matches!(kind, TopicKind::DrcUp | TopicKind::DrcDown);
    if envelope.is_flat {
        let why = "an object with tid, bid, timestamp and data";
        out.wrong_types.push(WrongType {
            path: "(envelope)".to_owned(),
            expected: why,
            found: "a bare body",
            kept: true,
        });
        return;
    }
    if envelope.gateway.is_none() && kind.is_up() && !is_direct {
        out.notes.push("no gateway; the topic's serial number stands for it".to_owned());
    }
    if envelope.need_reply.is_none() && kind == TopicKind::Events {
        out.notes.push("no need_reply; taken as no".to_owned());
    }
    let has_method = !matches!(
        kind,
        TopicKind::Osd | TopicKind::State | TopicKind::PropertySet | TopicKind::PropertySetReply
    );
    if envelope.method.is_none() && has_method {
        out.notes.push("no method".to_owned());
    }
}

fn body(packet: &Packet<'_>, book: Option<&HmsBook>, out: &mut Examined) {
    packet.message.walk_drift(&mut |path, item| out.item(path, item));
    let (kind, data) = (packet.topic.kind, packet.envelope.data);
    match kind {
        TopicKind::Osd | TopicKind::State => telemetry(kind, data, out),
        TopicKind::Services => call(&packet.envelope, out),
        TopicKind::ServicesReply
        | TopicKind::EventsReply
        | TopicKind::RequestsReply
        | TopicKind::StatusReply => reply(data, out),
        TopicKind::Events => event(&packet.message, data, book, out),
        TopicKind::Status => {
            if let Message::UpdateTopo(topo) = &packet.message {
                topology(topo, out);
            }
        }
        TopicKind::Requests
        | TopicKind::PropertySet
        | TopicKind::PropertySetReply
        | TopicKind::DrcUp
        | TopicKind::DrcDown => {}
    }
}

fn telemetry(kind: TopicKind, data: Option<&RawValue>, out: &mut Examined) {
    let Some(data) = data else { return };
    // The topic does not say what the device is; when its keys do not either, whichever reading
    // finds less to say about is the right one.
    let read = |is_dock: bool| -> Result<Examined, DecodeError> {
        let mut found = Examined::default();
        match (kind, is_dock) {
            (TopicKind::Osd, true) => found.walk(&dji_cloud::decode_osd_dock(data)?),
            (TopicKind::Osd, false) => found.walk(&dji_cloud::decode_osd_aircraft(data)?),
            (_, true) => found.walk(&dji_cloud::decode_state_dock(data)?),
            (_, false) => found.walk(&dji_cloud::decode_state_aircraft(data)?),
        }
        Ok(found)
    };
    let found = match dji_cloud::looks_like_dock(data) {
        Some(is_dock) => read(is_dock),
        None => read(true).and_then(|dock| {
            let aircraft = read(false)?;
            let size = |found: &Examined| found.unknown_fields.len() + found.wrong_types.len();
            Ok(if size(&aircraft) < size(&dock) { aircraft } else { dock })
        }),
    };
    match found {
        Ok(found) => {
            out.unknown_fields.extend(found.unknown_fields);
            out.wrong_types.extend(found.wrong_types);
            out.unknown_values.extend(found.unknown_values);
        }
        Err(error) => out.error = Some(error.to_string()),
    }
}

fn call(envelope: &Envelope<'_>, out: &mut Examined) {
    let Some(method) = envelope.method.as_deref().filter(|_| out.known) else { return };
    let head = CallHead { ids: envelope.ids(), timestamp_ms: 0, gateway: None };
    if let Err(error) = service_from_json(head, method, envelope.data) {
        out.refused = Some(clean(&error.to_string()));
    }
}

fn reply(data: Option<&RawValue>, out: &mut Examined) {
    let Some(reply) = read::<Reply>(data) else { return };
    out.result = reply.result.map(|result| result.0);
    // What the cloud answers may carry no result (`config`); a device's answer must.
    out.outcome = match reply.answer() {
        Answer::Accepted(_) => Some(Outcome::Accepted),
        Answer::Rejected { .. } => Some(Outcome::Failed),
        Answer::Unknown => (out.kind == Some(TopicKind::ServicesReply)).then_some(Outcome::Unclear),
    };
}

fn event(
    message: &Message<'_>,
    data: Option<&RawValue>,
    book: Option<&HmsBook>,
    out: &mut Examined,
) {
    let verdict = if let Message::Event(Event::FlighttaskProgress(progress)) = message {
        Some(progress.verdict())
    } else {
        None
    };
    if let Message::Event(Event::Hms(hms)) = message {
        alarms(hms, book, out);
    }
    let progress = read::<JobProgress>(data);
    let reports = progress.as_ref().filter(|progress| progress.output.is_some());
    let verdict = verdict.or_else(|| reports.map(JobProgress::verdict));
    out.result = progress.and_then(|progress| progress.result).map(|result| result.0);
    out.outcome = verdict.map(|verdict| match verdict {
        Verdict::Succeeded => Outcome::Succeeded,
        Verdict::PartiallyDone => Outcome::PartiallyDone,
        Verdict::Failed { .. } => Outcome::Failed,
        Verdict::Running => Outcome::Running,
        Verdict::Unknown => Outcome::Unclear,
    });
}

fn alarms(hms: &Hms, book: Option<&HmsBook>, out: &mut Examined) {
    for item in hms.list.as_deref().unwrap_or_default().iter().take(FINDINGS_MAX) {
        if let Some(device) = &item.device_type
            && dji_cloud::device::ModelKey::parse(device).is_none()
        {
            out.unknown_values.push(("list[].device_type".to_owned(), clean(device)));
        }
        let code = clean(item.code.as_deref().unwrap_or("no code"));
        match dji_cloud::hms_text::describe(item, book).and_then(|text| text.en) {
            Some(text) => out.notes.push(format!("alarm {code}: {text}")),
            None => out.notes.push(format!("alarm {code}")),
        }
    }
}

fn topology(topo: &UpdateTopo, out: &mut Examined) {
    let devices = topo.sub_devices.as_deref().unwrap_or_default();
    let lacks = topo.thing_version.is_none() && topo.version.is_none()
        || devices.iter().any(|sub| sub.thing_version.is_none() && sub.version.is_none());
    if lacks {
        out.notes.push("no thing_version".to_owned());
    }
}

fn numbers(kind: TopicKind, data: &Value, out: &mut Examined) {
    if matches!(kind, TopicKind::Osd | TopicKind::State | TopicKind::Events | TopicKind::DrcUp) {
        out.out_of_range = ranges::check(data);
        for found in &mut out.out_of_range {
            found.path = clean(&found.path);
        }
    }
    if matches!(kind, TopicKind::Osd | TopicKind::State) {
        out.firmware = data["firmware_version"].as_str().filter(|text| !text.is_empty()).map(clean);
    }
}

fn read<T: serde::de::DeserializeOwned>(data: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(data?.get()).ok()
}

/// What came over the network must not steer the terminal, nor fill it.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

impl Examined {
    fn meaning(&self) -> Option<&'static ErrorText> {
        self.result.filter(|&code| code != 0).and_then(error_code::describe)
    }

    fn kind_name(&self) -> &'static str {
        self.kind.map_or("-", TopicKind::tail)
    }

    /// The message as one line for people.
    pub(super) fn to_words(&self) -> String {
        let mark = if self.is_drift() { "DRIFT" } else { "ok   " };
        let method = self.method.as_deref().unwrap_or("-");
        let mut line = format!("{mark} {} {method} {}", self.kind_name(), self.sn);
        if self.kind.is_none() {
            line.push_str(&self.topic);
        }
        let mut add = |text: String| {
            line.push_str("; ");
            line.push_str(&text);
        };
        if let Some(outcome) = self.outcome {
            add(outcome.name().replace('_', " "));
        }
        if let Some(code) = self.result.filter(|&code| code != 0) {
            add(match self.meaning() {
                Some(text) => format!("code {code}: {}", text.en),
                None => format!("code {code}: unknown"),
            });
        }
        if let Some(error) = &self.error {
            add(error.clone());
        } else if !self.known {
            add("unknown method".to_owned());
        }
        self.unknown_fields.iter().for_each(|path| add(format!("unknown field {path}")));
        for wrong in &self.wrong_types {
            let WrongType { path, expected, found, kept } = wrong;
            let fate = if *kept { "kept" } else { "left out" };
            add(format!("{path} is {found}, documented is {expected} ({fate})"));
        }
        self.unknown_values
            .iter()
            .for_each(|(path, value)| add(format!("{path} has unknown value {value}")));
        for OutOfRange { path, value, range } in &self.out_of_range {
            add(format!("{path} is {value}, allowed is {range}"));
        }
        self.refused.iter().for_each(|why| add(why.clone()));
        self.notes.iter().for_each(|note| add(format!("({note})")));
        line
    }

    /// The message as one JSON object.
    pub(super) fn to_json(&self, number: u64) -> Value {
        let wrong = self.wrong_types.iter().map(|wrong| {
            json!({
                "path": wrong.path, "expected": wrong.expected,
                "found": wrong.found, "kept": wrong.kept,
            })
        });
        let values = self.unknown_values.iter();
        let ranges = self
            .out_of_range
            .iter()
            .map(|found| json!({ "path": found.path, "value": found.value, "range": found.range }));
        let result = self.result.map(|code| {
            let text = self.meaning();
            let advice = text.map(|text| text.advice).unwrap_or_default();
            json!({
                "code": code,
                "en": text.map(|text| text.en),
                "ko": text.map(|text| text.ko),
                "module": text.and_then(ErrorText::module),
                "advice": advice.iter().map(|advice| advice.name()).collect::<Vec<_>>(),
            })
        });
        json!({
            "n": number,
            "topic": self.topic,
            "kind": self.kind.map(TopicKind::tail),
            "sn": self.sn,
            "method": self.method,
            "known": self.known,
            "drift": self.is_drift(),
            "firmware": self.firmware,
            "outcome": self.outcome.map(Outcome::name),
            "result": result,
            "unknown_fields": self.unknown_fields,
            "wrong_types": wrong.collect::<Vec<_>>(),
            "unknown_values": values
                .map(|(path, value)| json!({ "path": path, "value": value }))
                .collect::<Vec<_>>(),
            "out_of_range": ranges.collect::<Vec<_>>(),
            "refused": self.refused,
            "notes": self.notes,
            "error": self.error,
        })
    }
}
