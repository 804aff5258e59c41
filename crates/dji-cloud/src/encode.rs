//! Writing messages: service calls, property sets, and answers that repeat their question's ids.
//!
//! Bodies are checked before they are written ([`crate::check`]); identifiers and the time are the
//! caller's, as this crate knows no clock and no chance. Next: [`crate::topic`] for where to send.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::check::{CallError, Check};
use crate::cmd::NoBody;
use crate::drc_link::DrcDown;
use crate::drift::cut;
use crate::envelope::{Envelope, Ids};
use crate::property::PropertySet;

/// A message to be written. Keys that are `None` are left out.
#[derive(Serialize)]
struct Outgoing<'a, T: Serialize> {
    tid: &'a str,
    bid: &'a str,
    timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    need_reply: Option<u8>,
    data: T,
}

impl<T: Serialize> Outgoing<'_, T> {
    fn to_bytes(&self) -> Vec<u8> {
        // Wire types have string keys and finite numbers, so writing into memory cannot fail; an
        // empty payload would be refused by every reader.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// What a service call is addressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallHead<'a> {
    /// The exchange and the flow it belongs to.
    pub ids: Ids<'a>,
    /// The sender's clock, ms since 1970.
    pub timestamp_ms: i64,
    /// Serial number of the gateway; examples leave it out.
    pub gateway: Option<&'a str>,
}

/// Writes a service call with a typed body.
///
/// # Errors
/// [`CallError`] when a value is missing or out of the range that DJI documents.
pub fn service<T: Serialize + Check>(
    head: CallHead<'_>,
    method: &str,
    data: &T,
) -> Result<Vec<u8>, CallError> {
    data.check()?;
    Ok(service_unchecked(head, method, data))
}

/// Writes a service call without a body (`cover_open`, `return_home`): `data` is `{}`.
#[must_use]
pub fn service_without_body(head: CallHead<'_>, method: &str) -> Vec<u8> {
    service_unchecked(head, method, &NoBody::default())
}

/// Writes a service call from a method's name and a JSON body, checked strictly: an unknown
/// method, an unknown field, a wrong type, an undocumented enum value or a value out of range is
/// an error.
///
/// # Errors
/// [`CallError`] naming what is wrong.
pub fn service_from_json(
    head: CallHead<'_>,
    method: &str,
    data: Option<&RawValue>,
) -> Result<Vec<u8>, CallError> {
    if let Some(spec) = crate::method::spec(method).filter(|spec| spec.deprecated) {
        return Err(CallError::Unexpected {
            method: spec.method,
            field: "method".into(),
            reason: "DJI has deprecated it; use flighttask_prepare and flighttask_execute".into(),
        });
    }
    match Call::strict(method, data)? {
        Some(call) => Ok(service_unchecked(head, call.method(), &call)),
        None => Err(CallError::UnknownMethod { method: cut(method, 64).into() }),
    }
}

/// Writes a typed service call: its method goes with its body.
///
/// # Errors
/// [`CallError`] when a value is missing or out of the range that DJI documents.
pub fn call(head: CallHead<'_>, call: &Call) -> Result<Vec<u8>, CallError> {
    call.check()?;
    Ok(service_unchecked(head, call.method(), call))
}

/// A message of the direct-control link: no identifiers, no time.
#[derive(Serialize)]
struct OutgoingDrc<'a, T: Serialize> {
    method: &'a str,
    data: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
}

/// Writes a command for `drc/down`. `seq` stands beside `data`: in every command but
/// `drone_control` (which has its own inside) and the stop, the page's examples have one.
///
/// # Errors
/// [`CallError`] when a value is missing or out of the range that DJI documents.
pub fn drc(seq: Option<i64>, command: &DrcDown) -> Result<Vec<u8>, CallError> {
    command.check()?;
    Ok(drc_unchecked(seq, command))
}

/// Writes a command for `drc/down` from a method's name and a JSON body, checked as strictly as
/// [`service_from_json`].
///
/// # Errors
/// [`CallError`] naming what is wrong.
pub fn drc_from_json(
    seq: Option<i64>,
    method: &str,
    data: Option<&RawValue>,
) -> Result<Vec<u8>, CallError> {
    match DrcDown::strict(method, data)? {
        Some(command) => Ok(drc_unchecked(seq, &command)),
        None => Err(CallError::UnknownMethod { method: cut(method, 64).into() }),
    }
}

fn drc_unchecked(seq: Option<i64>, command: &DrcDown) -> Vec<u8> {
    let message = OutgoingDrc { method: command.method(), data: command, seq };
    // As in `Outgoing::to_bytes`.
    serde_json::to_vec(&message).unwrap_or_default()
}

fn service_unchecked<T: Serialize>(head: CallHead<'_>, method: &str, data: &T) -> Vec<u8> {
    Outgoing {
        tid: head.ids.tid,
        bid: head.ids.bid,
        timestamp: head.timestamp_ms,
        gateway: head.gateway,
        method: Some(method),
        need_reply: None,
        data,
    }
    .to_bytes()
}

/// Result 0 or a code, and an output where the method has one.
#[derive(Serialize)]
struct ResultBody<T: Serialize> {
    result: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<T>,
}

/// Writes an answer `{result, output?}` to a request, for `requests_reply`.
///
/// Ids and method are the question's; without a method in the question there is none here.
#[must_use]
pub fn request_reply<T: Serialize>(
    question: &Envelope<'_>,
    timestamp_ms: i64,
    result: i64,
    output: Option<&T>,
) -> Vec<u8> {
    reply(question, timestamp_ms, &ResultBody { result, output })
}

/// Writes the answer to `config`, which has neither `result` nor `output`.
#[must_use]
pub fn config_reply(
    question: &Envelope<'_>,
    timestamp_ms: i64,
    config: &crate::config::ConfigReply,
) -> Vec<u8> {
    reply(question, timestamp_ms, config)
}

/// Writes the acknowledgement of an event, for `events_reply`.
#[must_use]
pub fn event_reply(question: &Envelope<'_>, timestamp_ms: i64, result: i64) -> Vec<u8> {
    reply(question, timestamp_ms, &ResultBody::<()> { result, output: None })
}

/// Writes the acknowledgement of `update_topo`, for `status_reply`.
#[must_use]
pub fn status_reply(question: &Envelope<'_>, timestamp_ms: i64, result: i64) -> Vec<u8> {
    reply(question, timestamp_ms, &ResultBody::<()> { result, output: None })
}

fn reply<T: Serialize>(question: &Envelope<'_>, timestamp_ms: i64, data: &T) -> Vec<u8> {
    let ids = question.ids();
    Outgoing {
        tid: ids.tid,
        bid: ids.bid,
        timestamp: timestamp_ms,
        gateway: question.gateway.as_deref(),
        method: question.method.as_deref(),
        need_reply: None,
        data,
    }
    .to_bytes()
}

/// Writes a typed property set: exactly one leaf.
///
/// # Errors
/// [`CallError`] when there is not exactly one leaf, or its value is out of its range.
pub fn property(head: CallHead<'_>, set: &PropertySet) -> Result<Vec<u8>, CallError> {
    set.check()?;
    Ok(property_unchecked(head, set))
}

/// Writes a property set: one leaf, given by its dotted path (`obstacle_avoidance.horizon`).
///
/// DJI takes one leaf a message and sends no method here.
///
/// # Errors
/// [`CallError`] when the leaf cannot be written or the value is out of its range.
pub fn property_set(
    head: CallHead<'_>,
    path: &str,
    value: &serde_json::Value,
) -> Result<Vec<u8>, CallError> {
    crate::property::check(path, value)?;
    let data = path.rsplit('.').fold(value.clone(), |inner, key| serde_json::json!({ key: inner }));
    Ok(property_unchecked(head, &data))
}

fn property_unchecked<T: Serialize>(head: CallHead<'_>, data: &T) -> Vec<u8> {
    Outgoing {
        tid: head.ids.tid,
        bid: head.ids.bid,
        timestamp: head.timestamp_ms,
        gateway: head.gateway,
        method: None,
        need_reply: None,
        data,
    }
    .to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::decode_envelope;
    use crate::topic::TopicKind;
    use serde_json::{Value, json};

    const HEAD: CallHead<'static> = CallHead {
        ids: Ids { tid: "t", bid: "b" },
        timestamp_ms: 1_700_000_000_000,
        gateway: None,
    };

    fn value(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    fn call(method: &str, data: &Value) -> Result<Value, String> {
        let raw = serde_json::value::to_raw_value(data).unwrap();
        service_from_json(HEAD, method, Some(&raw))
            .map(|bytes| value(&bytes)["data"].clone())
            .map_err(|error| error.to_string())
    }

    fn prepare() -> Value {
        json!({"flight_id": "f", "task_type": 0, "execute_time": 1_700_000_000_000_i64,
            "file": {"url": "http://192.0.2.1/a.kmz", "fingerprint": "00"}, "rth_altitude": 100,
            "out_of_control_action": 0, "exit_wayline_when_rc_lost": 0})
    }

    #[test]
    fn answers_repeat_ids_and_method_and_config_has_no_result() {
        let question = br#"{"tid":"T","bid":"B","timestamp":1,"method":"config","data":{}}"#;
        let question = decode_envelope(question).unwrap();
        let config =
            crate::config::ConfigReply { ntp_server_host: Some("n".into()), ..Default::default() };
        assert_eq!(
            value(&config_reply(&question, 5, &config)),
            json!({"tid":"T","bid":"B","timestamp":5,"method":"config",
                "data":{"ntp_server_host":"n"}})
        );
        assert_eq!(
            value(&request_reply(&question, 5, 0, Some(&crate::flight_area::empty_reply())))["data"],
            json!({"result":0,"output":{"files":[]}})
        );
        assert_eq!(value(&event_reply(&question, 5, 0))["data"], json!({"result":0}));
        let bare = decode_envelope(br#"{"data":{}}"#).unwrap();
        assert_eq!(
            value(&status_reply(&bare, 5, 0)),
            json!({"tid":"","bid":"","timestamp":5,"data":{"result":0}})
        );
    }

    #[test]
    fn every_method_of_the_table_can_be_written_or_says_what_is_missing() {
        for spec in crate::method::METHODS {
            let outcome = if spec.topic == TopicKind::DrcDown {
                drc_from_json(None, spec.method, None)
            } else {
                service_from_json(HEAD, spec.method, None)
            };
            // Without a file the device asks the FlySafe server; the other's body is not known.
            let is_optional =
                matches!(spec.method, "unlock_license_update" | "flight_areas_delete");
            if spec.deprecated {
                assert!(matches!(outcome, Err(CallError::Unexpected { .. })), "{}", spec.method);
            } else if spec.has_body && !is_optional {
                assert!(matches!(outcome, Err(CallError::Missing { .. })), "{}", spec.method);
            } else {
                let written = value(&outcome.unwrap());
                assert_eq!(written["method"], spec.method);
                assert_eq!(written["data"], json!({}));
            }
        }
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(call("flighttask_prepare", &prepare()), Ok(prepare()));
        for (key, wrong, expect) in [
            ("rth_altitude", json!(19), "rth_altitude is 19, allowed is 20 to 1500 m"),
            ("rth_altitude", json!(1501), "rth_altitude is 1501"),
            ("rth_altitude", json!(null), "rth_altitude is missing"),
            ("rth_mode", json!(0), "rth_mode is 0"),
            ("out_of_control_action", json!(7), "7 is not a documented value"),
            ("execute_time", json!(1_700_000_000), "13 digits"),
            ("execute_time", json!(null), "execute_time is missing"),
            ("task_type", json!(2), "ready_conditions is missing"),
            ("flight_id", json!(""), "flight_id is missing"),
            ("file", json!("a.kmz"), "expected object, found string"),
            ("break_point", json!({"index":0,"wayline_id":0,"progress":1.5}), "progress is 1.5"),
            ("rth_altitud", json!(100), "there is no such field"),
        ] {
            let mut data = prepare();
            data[key] = wrong;
            let error = call("flighttask_prepare", &data).unwrap_err();
            assert!(error.contains(expect), "{key}: {error}");
        }
        assert!(call("cover_open", &json!({"force": true})).unwrap_err().contains("force"));
        assert!(call("flighttask_undo", &json!({"flight_ids": []})).is_err());
        assert!(call("flighttask_create", &json!({})).unwrap_err().contains("deprecated"));
    }

    #[test]
    fn a_property_set_is_one_leaf() {
        let written = value(&property_set(HEAD, "obstacle_avoidance.horizon", &json!(1)).unwrap());
        assert_eq!(written["data"], json!({"obstacle_avoidance": {"horizon": 1}}));
        assert_eq!(written.get("method"), None);
    }
}
