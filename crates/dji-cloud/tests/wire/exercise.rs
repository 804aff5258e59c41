//! Does with arbitrary bytes whatever a caller of this crate would, and checks what it promises.
//!
//! Shared by the short run in [`crate::mutations`] and the fuzz targets in `fuzz/`. It panics when
//! a promise is broken and keeps no state.

use dji_cloud::device::{AircraftOsd, AircraftState, DockOsd, DockState};
use dji_cloud::encode::{CallHead, event_reply, service_from_json};
use dji_cloud::envelope::WithDrift;
use dji_cloud::lenient::WireValue;
use dji_cloud::method::METHODS;
use dji_cloud::reply::{JobProgress, Reply};
use dji_cloud::{
    Answer, DecodeError, Envelope, Ids, Leaves, Message, Topic, TopicKind, Verdict, decode,
    decode_envelope, decode_report, hms_text,
};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;

/// Events and requests, for bodies that come without an envelope.
const EVENTS: &[&str] = &[
    "flighttask_progress",
    "hms",
    "update_topo",
    "file_upload_callback",
    "flighttask_ready",
    "device_exit_homing_notify",
    "return_home_info",
    "highest_priority_upload_flighttask_media",
    "flight_areas_sync_progress",
    "flight_areas_drone_location",
    "ota_progress",
    "fileupload_progress",
    "takeoff_to_point_progress",
    "fly_to_point_progress",
    "drc_status_notify",
    "joystick_invalid_notify",
    "camera_photo_take_progress",
    "airsense_warning",
    "psdk_ui_resource_upload_result",
    "speaker_audio_play_start_progress",
    "custom_data_transmission_from_psdk",
    "config",
    "airport_bind_status",
    "airport_organization_get",
    "airport_organization_bind",
    "storage_config_get",
    "flighttask_resource_get",
    "flighttask_progress_get",
    "osd_info_push",
    "hsi_info_push",
    "delay_info_push",
    "drc_camera_osd_info_push",
    "heart_beat",
];

/// Any bytes as a payload, on every topic.
#[allow(dead_code)] // the tests', the fuzz targets share this file
pub(crate) fn envelope(payload: &[u8]) {
    for &kind in TopicKind::ALL {
        on_topic(kind, payload);
    }
}

/// Any bytes as a payload, on the topic that the first byte chooses.
#[allow(dead_code)] // the fuzz target's
pub(crate) fn envelope_on_one(bytes: &[u8]) {
    if let [kind, payload @ ..] = bytes {
        on_topic(TopicKind::ALL[usize::from(*kind) % TopicKind::ALL.len()], payload);
    }
}

/// Any body as a message: the first byte chooses the topic, the second the method (0 for none: the
/// rest is a whole payload).
pub(crate) fn message(bytes: &[u8]) {
    let [kind, method, body @ ..] = bytes else { return };
    let kind = TopicKind::ALL[usize::from(*kind) % TopicKind::ALL.len()];
    let Some(method) = usize::from(*method).checked_sub(1) else { return on_topic(kind, body) };
    let method = method % (EVENTS.len() + METHODS.len());
    let name = match EVENTS.get(method) {
        Some(name) => name,
        None => METHODS[method - EVENTS.len()].method,
    };
    let mut payload = format!(r#"{{"tid":"t","bid":"b","method":"{name}","data":"#).into_bytes();
    payload.extend_from_slice(body);
    payload.push(b'}');
    on_topic(kind, &payload);
}

fn on_topic(kind: TopicKind, payload: &[u8]) {
    let topic = Topic { kind, sn: "SN1" }.to_string();
    if matches!(kind, TopicKind::Osd | TopicKind::State) {
        let error = decode_envelope(payload).err();
        assert_eq!(decode_report::<DockOsd>(payload).err(), error, "{payload:?}");
    }
    let Ok(packet) = decode(&topic, payload) else { return };
    let text = core::str::from_utf8(payload).expect("what was decoded");
    let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    assert!(serde_json::from_str::<IgnoredAny>(text).is_ok(), "{text}");
    packet.message.walk_drift(&mut |path, item| drop(format!("{path} {item:?}")));
    drop(format!("{packet:?}"));
    let envelope = &packet.envelope;
    let _ = event_reply(envelope, 0, 0);
    let Some(data) = envelope.data else { return };
    match kind {
        TopicKind::Osd => {
            let is_aircraft = Some(dji_cloud::looks_like_dock(data) == Some(false));
            let dock = dji_cloud::decode_osd_dock(data);
            one_pass(payload, envelope, is_aircraft, &dock);
            same_reading(data.get(), dock);
            let aircraft = dji_cloud::decode_osd_aircraft(data);
            one_pass(payload, envelope, None, &aircraft);
            same_reading(data.get(), aircraft);
            round_trip::<DockOsd>(data.get());
            round_trip::<AircraftOsd>(data.get());
        }
        TopicKind::State => {
            let is_aircraft = Some(dji_cloud::looks_like_dock(data) == Some(false));
            let dock = dji_cloud::decode_state_dock(data);
            one_pass(payload, envelope, is_aircraft, &dock);
            same_reading(data.get(), dock);
            let aircraft = dji_cloud::decode_state_aircraft(data);
            one_pass(payload, envelope, None, &aircraft);
            same_reading(data.get(), aircraft);
            round_trip::<DockState>(data.get());
            round_trip::<AircraftState>(data.get());
        }
        TopicKind::Services => {
            let head = CallHead { ids: Ids { tid: "t", bid: "b" }, timestamp_ms: 1, gateway: None };
            if let Some(method) = envelope.method.as_deref() {
                let _ = service_from_json(head, method, Some(data));
            }
        }
        TopicKind::ServicesReply => {
            if let Ok(reply) = serde_json::from_str::<Reply>(data.get())
                && matches!(reply.answer(), Answer::Accepted(_))
            {
                assert_eq!(reply.result.map(|result| result.0), Some(0));
            }
        }
        TopicKind::Events => {
            if let Ok(progress) = serde_json::from_str::<JobProgress>(data.get()) {
                no_false_success(&progress, data.get());
            }
            if let Message::Event(dji_cloud::Event::Hms(hms)) = &packet.message {
                for item in hms.list.as_deref().unwrap_or_default() {
                    let _ = hms_text::describe(item, None);
                }
            }
        }
        TopicKind::Status
        | TopicKind::StatusReply
        | TopicKind::EventsReply
        | TopicKind::Requests
        | TopicKind::RequestsReply
        | TopicKind::PropertySet
        | TopicKind::PropertySetReply
        | TopicKind::DrcUp
        | TopicKind::DrcDown => {}
    }
}

/// Success is only the documented word with no error code beside it.
fn no_false_success(progress: &JobProgress, text: &str) {
    if progress.verdict() == Verdict::Succeeded {
        assert!(text.contains("\"ok\"") || text.contains('\\'), "{text}");
        assert!(progress.result.is_none_or(|result| result.0 == 0), "{text}");
    }
}

/// The crate's own quick reader reads what `serde_json` reads, with the same findings, and fails
/// where that fails.
fn same_reading<T>(text: &str, quick: Result<T, dji_cloud::DecodeError>)
where
    T: DeserializeOwned + PartialEq + core::fmt::Debug,
{
    match (serde_json::from_str::<T>(text), quick) {
        (Ok(slow), quick) => assert_eq!(Ok(slow), quick, "{text}"),
        // A body that is no object is empty with a fault to the one, and refused by the other.
        (Err(error), quick) => assert!(quick.is_err() || !text.starts_with('{'), "{error}: {text}"),
    }
}

/// One pass over a payload gives what reading its envelope and then its body gives.
fn one_pass<T>(
    payload: &[u8],
    envelope: &Envelope<'_>,
    is_aircraft: Option<bool>,
    body: &Result<T, DecodeError>,
) where
    T: WireValue + Default + WithDrift + PartialEq + core::fmt::Debug,
{
    let report = decode_report::<T>(payload).expect("what was decoded");
    let ours = &report.envelope;
    assert_eq!(format!("{ours:?}"), format!("{envelope:?}"));
    assert_eq!(ours.drift, envelope.drift);
    assert_eq!(ours.data.map(RawValue::get), envelope.data.map(RawValue::get));
    assert_eq!(&report.body, body);
    if let Some(is_aircraft) = is_aircraft {
        assert_eq!(report.looks_like_aircraft(), is_aircraft);
    }
}

/// What was read can be written, reads back the same, and its leaves are numbered as described.
fn round_trip<T>(text: &str)
where
    T: WireValue + Leaves + Serialize + DeserializeOwned + PartialEq + core::fmt::Debug,
{
    let Ok(first) = serde_json::from_str::<T>(text) else { return };
    let mut before = None;
    first.visit(0, &mut |at, leaf| {
        assert!(at < T::COUNT && before.is_none_or(|before| before < at), "{at}");
        before = Some(at);
        drop(leaf.to_value());
    });
    let written = serde_json::to_value(&first).expect("writing to memory");
    let second: T = serde_json::from_str(&written.to_string()).expect("what was written");
    let again = serde_json::to_value(&second).expect("writing to memory");
    assert!(same(&written, &again), "{written} {again}");
    first.walk_drift(&mut String::new(), &mut |_, _| {});
}

/// Whether two values are the same but for the last bit of a number: reading decimals of 17 digits
/// may be off by that much (`float_roundtrip` of the JSON library would cost speed).
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(x), Some(y)) => a == b || (x - y).abs() <= x.abs() * 4.0 * f64::EPSILON,
            (_, _) => a == b,
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
            _,
        ) => a == b,
    }
}
