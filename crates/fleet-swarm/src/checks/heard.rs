//! What a tower was told of a dock, read from the messages themselves: the value and age of the few
//! facts that safety hangs on.

use std::collections::BTreeMap;

use crate::facts::Fact;
use crate::net::Kind;
use crate::queue::Ms;

/// Older than this a fact is no ground to move anything (the tower's own rule is the same 10 s).
pub(super) const FRESH_MS: Ms = 10_000;

/// Facts heard by (tower, dock, key).
#[derive(Default)]
pub(super) struct Heard {
    facts: BTreeMap<(usize, usize, &'static str), (i64, Ms)>,
}

/// What conditional flights depend on.
pub(super) const CONDITIONS: [&str; 2] = ["rainfall", "capacity_percent"];
/// Mode of the aircraft, last heard.
const AIRCRAFT_MODE: &str = "aircraft mode_code";
/// Whether the flight was last said to be paused.
const PAUSED: &str = "paused";

/// The keys that are followed, as they are on the wire.
pub(super) const KEYS: [&str; 5] =
    ["mode_code", "cover_state", "drone_in_dock", "emergency_stop_state", "supplement_light_state"];

impl Heard {
    /// Takes note of a message, or of a machine that forgot.
    pub(super) fn note(&mut self, now: Ms, fact: &Fact<'_>) {
        match fact {
            Fact::Heard { tower, dock, kind: Kind::Osd, is_docks: true, payload } => {
                for key in KEYS.into_iter().chain(CONDITIONS) {
                    if let Some(value) = number(payload, key) {
                        self.facts.insert((*tower, *dock, key), (value, now));
                    }
                }
            }
            Fact::Heard { tower, dock, kind: Kind::Osd, is_docks: false, payload } => {
                if let Some(value) = number(payload, "mode_code") {
                    self.facts.insert((*tower, *dock, AIRCRAFT_MODE), (value, now));
                }
            }
            Fact::Heard { tower, dock, kind: Kind::Events, payload, .. }
                if contains(payload, b"\"flighttask_progress\"") =>
            {
                let is_paused = contains(payload, b"\"status\":\"paused\"")
                    || contains(payload, b"\"status\":2")
                    || contains(payload, b"\"wayline_mission_state\":7");
                self.facts.insert((*tower, *dock, PAUSED), (i64::from(is_paused), now));
            }
            Fact::Made { tower, dock } => {
                let (tower, dock) = (*tower, *dock);
                self.facts.retain(|(of, at, _), _| (*of, *at) != (tower, dock));
            }
            _ => {}
        }
    }

    /// The value last heard and its age.
    pub(super) fn get(
        &self,
        now: Ms,
        tower: usize,
        dock: usize,
        key: &'static str,
    ) -> Option<(i64, Ms)> {
        let (value, at) = self.facts.get(&(tower, dock, key))?;
        Some((*value, now - at))
    }

    /// The value last heard, if it is fresh.
    pub(super) fn fresh(
        &self,
        now: Ms,
        tower: usize,
        dock: usize,
        key: &'static str,
    ) -> Option<i64> {
        let (value, age) = self.get(now, tower, dock, key)?;
        (age <= FRESH_MS).then_some(value)
    }
}

/// Whether what was heard after `since` shows what a command was to bring about.
pub(super) fn shows(heard: &Heard, method: &str, (tower, dock): (usize, usize), since: Ms) -> bool {
    let after = |key| heard.facts.get(&(tower, dock, key)).filter(|(_, at)| *at >= since);
    let is = |key, wanted: i64| after(key).is_some_and(|(value, _)| *value == wanted);
    match method {
        "debug_mode_open" => is("mode_code", 2),
        "debug_mode_close" => after("mode_code").is_some_and(|(value, _)| *value != 2),
        "supplement_light_open" => is("supplement_light_state", 1),
        "supplement_light_close" => is("supplement_light_state", 0),
        "cover_open" => is("cover_state", 1),
        "cover_close" => is("cover_state", 0),
        "return_home" => is("drone_in_dock", 1) || is(AIRCRAFT_MODE, 9) || is(AIRCRAFT_MODE, 10),
        "flighttask_pause" => is(PAUSED, 1),
        "flighttask_recovery" => is(PAUSED, 0),
        _ => false,
    }
}

fn contains(payload: &[u8], text: &[u8]) -> bool {
    payload.windows(text.len()).any(|window| window == text)
}

/// The whole number after `"key":` in a payload; simulated docks write no spaces.
fn number(payload: &[u8], key: &str) -> Option<i64> {
    let at = payload.windows(key.len() + 3).position(|window| {
        window[0] == b'"' && &window[1..=key.len()] == key.as_bytes() && window.ends_with(b"\":")
    })?;
    let digits = payload.get(at + key.len() + 3..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'-')?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_number_is_found_by_its_whole_key() {
        let payload = br#"{"data":{"x_mode_code":7,"mode_code":4,"light":-1}}"#;
        assert_eq!(number(payload, "mode_code"), Some(4));
        assert_eq!(number(payload, "light"), Some(-1));
        assert_eq!(number(payload, "drone_in_dock"), None);
    }
}
