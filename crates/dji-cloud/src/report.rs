//! Reports of a device whose kind is known: envelope and typed body, both in one pass.
//!
//! OSD and state topics name a serial number only. Whoever knows what the device is, as
//! `update_topo` told, reads them here; the outcome is that of [`decode_envelope`] followed by
//! [`decode_data`], which is also how everything is read that is not plain. It decides nothing
//! about the device: [`looks_like_dock`] guesses.

use crate::device::looks_like_dock;
use crate::envelope::{
    DecodeError, Envelope, Limits, WithDrift, decode_data, decode_envelope, read_envelope, text_of,
};
use crate::json::{self, Refused};
use crate::lenient::{Seen, WireValue};

/// A message of a known body, as [`decode_report`] reads it.
#[derive(Clone, Debug)]
pub struct Report<'a, T> {
    /// Identifiers, time, gateway; and the raw `data`.
    pub envelope: Envelope<'a>,
    /// The body; empty when the message had none.
    ///
    /// # Errors
    /// [`DecodeError::Syntax`] for what only a full reading finds, such as a number beyond `f64`.
    pub body: Result<T, DecodeError>,
}

impl<T: WithDrift> Report<'_, T> {
    /// Whether the body looks like an aircraft's though it was read as a dock's ([`DockOsd`] or
    /// [`DockState`]). As [`looks_like_dock`], which is asked only when something in the body was
    /// unknown: what only an aircraft sends is unknown to a dock's types.
    ///
    /// [`DockOsd`]: crate::device::DockOsd
    /// [`DockState`]: crate::device::DockState
    #[must_use]
    pub fn looks_like_aircraft(&self) -> bool {
        let may_be = self
            .body
            .as_ref()
            .map_or(true, |body| !body.drift().unknown().is_empty() || body.drift().dropped() > 0);
        may_be && self.envelope.data.is_some_and(|data| looks_like_dock(data) == Some(false))
    }
}

/// Reads a message whose body is known, such as [`crate::device::DockOsd`] on a dock's OSD topic,
/// under the default [`Limits`].
///
/// # Errors
/// [`DecodeError`] when the payload is too large or deep, or is no JSON object.
pub fn decode_report<T: WireValue + Default + WithDrift>(
    payload: &[u8],
) -> Result<Report<'_, T>, DecodeError> {
    let limits = Limits::default();
    if let Some(report) = in_one_pass(text_of(payload, limits)?, limits.levels()) {
        return Ok(report);
    }
    let envelope = decode_envelope(payload)?;
    let body = decode_data(envelope.data);
    Ok(Report { envelope, body })
}

/// Reads what is plain; `None` for everything else.
fn in_one_pass<T: WireValue + Default + WithDrift>(
    text: &str,
    levels: u8,
) -> Option<Report<'_, T>> {
    let mut slot: Option<T> = None;
    let mut seen = None;
    let parsed = json::read_object(text, levels, |map| {
        read_envelope(map, |map| {
            // The last of several bodies counts, and only that.
            if seen.is_some() {
                return Err(Refused);
            }
            let (of_body, data) = map.value_and_text(&mut slot)?;
            seen = Some(of_body);
            Ok(data)
        })
    })?;
    if parsed.is_flat() {
        return None;
    }
    let mut body = slot.unwrap_or_default();
    if let Some(wrong @ Seen::Wrong(_)) = seen {
        wrong.note("", T::EXPECTED, body.drift_mut());
    }
    Some(Report { envelope: parsed.envelope, body: Ok(body) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{AIRCRAFT_KEYS, AircraftOsd, DockOsd, DockState};
    use crate::drift::DriftItem;

    fn check<T>(payload: &str)
    where
        T: WireValue + Default + WithDrift + PartialEq + core::fmt::Debug,
    {
        let apart = decode_envelope(payload.as_bytes());
        let report = match (decode_report::<T>(payload.as_bytes()), apart) {
            (Ok(report), Ok(apart)) => {
                let raw = |envelope: &Envelope<'_>| envelope.data.map(|data| data.get().to_owned());
                assert_eq!(raw(&report.envelope), raw(&apart), "{payload}");
                assert_eq!(format!("{:?}", report.envelope), format!("{apart:?}"));
                assert_eq!(report.body, decode_data::<T>(apart.data), "{payload}");
                report
            }
            (report, apart) => {
                assert_eq!(report.err(), apart.err(), "{payload}");
                return;
            }
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let walk = |body: &T, out: &mut Vec<String>| {
            body.walk_drift(&mut String::new(), &mut |path, item: DriftItem<'_>| {
                out.push(format!("{path} {item:?}"));
            });
        };
        if let (Ok(body), Ok(apart)) = (&report.body, decode_data::<T>(report.envelope.data)) {
            walk(body, &mut ours);
            walk(&apart, &mut theirs);
        }
        assert_eq!(ours, theirs, "{payload}");
    }

    #[test]
    fn one_pass_says_what_two_say() {
        const ODD: &[&str] = &[
            r#"{"data":{"mode_code":4}}"#,
            r#" { "data" : { "mode_code" : 4 } , "tid" : "t" } "#,
            r#"{"data":{"mode_code":4},"data":{"cover_state":1}}"#,
            r#"{"data":{"mode_code":4},"data":null}"#,
            r#"{"data":null}"#,
            r#"{"data":[{"mode_code":4}]}"#,
            r#"{"data":"text"}"#,
            r#"{"data":5}"#,
            r#"{"tid":"t"}"#,
            r#"{}"#,
            r#"{"mode_code":4,"strange":1}"#,
            r#"{"mode_code":4,"d\u0061ta":{"mode_code":1}}"#,
            r#"{"d\u0061ta":{"mode\u005fcode":1,"str\u0061nge":2}}"#,
            r#"{"data":{"mode_code":1e999}}"#,
            r#"{"data":{"strange":{"deep":[1,2,{"x":"\ud800"}]}}}"#,
            r#"{"data":{"mode_code":"4","drone_in_dock":true,"heading":"x","latitude":null}}"#,
            r#"{"data":{"storage":{"total":1.5,"used":-0},"storage":{"used":2}}}"#,
            r#"{"data":{"mode_code":4}"#,
            r#"{"data":{"mode_code":4}}}"#,
            r#"{"data":{"mode_code":4,}}"#,
            r#"{"gateway":1,"tid":[],"bid":{},"timestamp":"5","need_reply":"1","data":{}}"#,
            r#"[{"data":{}}]"#,
            "",
        ];
        let own = [
            include_str!("../tests/data/dock-osd.json"),
            include_str!("../tests/data/aircraft-osd.json"),
        ];
        let deep = |levels: usize| {
            format!(r#"{{"data":{{"x":{}{}}}}}"#, "[".repeat(levels), "]".repeat(levels))
        };
        let deep = [29, 30, 31, 125, 130].map(deep);
        for payload in ODD.iter().copied().chain(own).chain(deep.iter().map(String::as_str)) {
            check::<DockOsd>(payload);
            check::<DockState>(payload);
            check::<AircraftOsd>(payload);
        }
    }

    #[test]
    fn telemetry_is_read_in_one_pass() {
        let dock = include_str!("../tests/data/dock-osd.json");
        assert!(in_one_pass::<DockOsd>(dock, 32).is_some_and(|report| report.body.is_ok()));
        let aircraft = include_str!("../tests/data/aircraft-osd.json");
        assert!(in_one_pass::<AircraftOsd>(aircraft, 32).is_some_and(|report| report.body.is_ok()));
        let misread = decode_report::<DockOsd>(aircraft.as_bytes()).unwrap();
        assert!(misread.looks_like_aircraft());
        assert!(!decode_report::<DockOsd>(dock.as_bytes()).unwrap().looks_like_aircraft());
    }

    #[test]
    fn what_only_an_aircraft_sends_is_unknown_to_a_dock() {
        for key in AIRCRAFT_KEYS {
            let payload = format!(r#"{{"data":{{"{key}":1}}}}"#);
            let osd = decode_report::<DockOsd>(payload.as_bytes()).unwrap();
            let state = decode_report::<DockState>(payload.as_bytes()).unwrap();
            assert!(osd.looks_like_aircraft() && state.looks_like_aircraft(), "{key}");
        }
    }
}
