//! What a tower was told of a dock, read from the messages themselves: the value and age of the few
//! facts that safety hangs on.

use std::collections::BTreeMap;

use crate::facts::Fact;
use crate::net::Kind;
use crate::queue::Ms;

/// Older than this a fact is no ground to move anything (the tower's own rule is the same 10 s).
pub(crate) const FRESH_MS: Ms = 10_000;

/// A value and when it was heard.
type Told = Option<(i64, Ms)>;

/// Facts heard by (tower, dock): one a key of [`FOLLOWED`].
#[derive(Default)]
pub struct Heard {
    facts: BTreeMap<(usize, usize), [Told; FOLLOWED.len()]>,
}

/// What the gate's limits and conditional flights depend on; of wind the whole metres a second.
pub(crate) const CONDITIONS: [&str; 3] = ["rainfall", "capacity_percent", "wind_speed"];
/// Mode of the aircraft, last heard.
const AIRCRAFT_MODE: &str = "aircraft mode_code";
/// Whether the flight was last said to be paused.
const PAUSED: &str = "paused";

/// The keys that are followed, as they are on the wire.
pub(crate) const KEYS: [&str; 5] =
    ["mode_code", "cover_state", "drone_in_dock", "emergency_stop_state", "supplement_light_state"];

/// Everything that is followed. Of a dock's telemetry the first [`OF_DOCK`] are read.
const FOLLOWED: [&str; OF_DOCK + 2] = [
    KEYS[0],
    KEYS[1],
    KEYS[2],
    KEYS[3],
    KEYS[4],
    CONDITIONS[0],
    CONDITIONS[1],
    CONDITIONS[2],
    AIRCRAFT_MODE,
    PAUSED,
];
const OF_DOCK: usize = KEYS.len() + CONDITIONS.len();

/// Its place among [`FOLLOWED`].
fn place(key: &str) -> Option<usize> {
    FOLLOWED.iter().position(|followed| *followed == key)
}

impl Heard {
    /// Takes note of a message, or of a machine that forgot.
    pub(crate) fn note(&mut self, now: Ms, fact: &Fact<'_>) {
        match fact {
            Fact::Heard { tower, dock, kind: Kind::Osd, is_docks: true, payload } => {
                let told = self.of(*tower, *dock);
                for (told, value) in told.iter_mut().zip(numbers(payload, &FOLLOWED[..OF_DOCK])) {
                    *told = value.map(|value| (value, now)).or(*told);
                }
            }
            Fact::Heard { tower, dock, kind: Kind::Osd, is_docks: false, payload } => {
                if let [Some(mode), ..] = numbers(payload, &["mode_code"]) {
                    self.put(*tower, *dock, AIRCRAFT_MODE, (mode, now));
                }
            }
            Fact::Heard { tower, dock, kind: Kind::Events, payload, .. } => {
                let Ok(text) = std::str::from_utf8(payload) else { return };
                if !text.contains("\"flighttask_progress\"") {
                    return;
                }
                let is_paused = text.contains("\"status\":\"paused\"")
                    || text.contains("\"status\":2")
                    || text.contains("\"wayline_mission_state\":7");
                self.put(*tower, *dock, PAUSED, (i64::from(is_paused), now));
            }
            Fact::Made { tower, dock } => {
                self.facts.remove(&(*tower, *dock));
            }
            _ => {}
        }
    }

    /// The value last heard and its age.
    pub(crate) fn get(
        &self,
        now: Ms,
        tower: usize,
        dock: usize,
        key: &'static str,
    ) -> Option<(i64, Ms)> {
        let (value, at) = self.told(tower, dock, key)?;
        Some((value, now - at))
    }

    fn told(&self, tower: usize, dock: usize, key: &str) -> Told {
        self.facts.get(&(tower, dock))?[place(key)?]
    }

    fn of(&mut self, tower: usize, dock: usize) -> &mut [Told; FOLLOWED.len()] {
        self.facts.entry((tower, dock)).or_default()
    }

    fn put(&mut self, tower: usize, dock: usize, key: &str, told: (i64, Ms)) {
        if let Some(place) = place(key) {
            self.of(tower, dock)[place] = Some(told);
        }
    }

    /// The value last heard, if it is fresh.
    pub(crate) fn fresh(
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
pub(crate) fn shows(heard: &Heard, method: &str, (tower, dock): (usize, usize), since: Ms) -> bool {
    let after = |key| heard.told(tower, dock, key).filter(|(_, at)| *at >= since);
    let is = |key, wanted: i64| after(key).is_some_and(|(value, _)| value == wanted);
    match method {
        "debug_mode_open" => is("mode_code", 2),
        "debug_mode_close" => after("mode_code").is_some_and(|(value, _)| value != 2),
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

/// The whole numbers behind some keys of a payload, the first of each; simulated docks write no
/// spaces and no escapes. One pass over the payload: it is the swarm's innermost loop.
fn numbers(payload: &[u8], keys: &[&str]) -> [Option<i64>; OF_DOCK] {
    let mut found = [None; OF_DOCK];
    let mut pieces = payload.split(|byte| *byte == b'"').skip(1);
    // Between quotes and outside of them by turns: a key is what a colon follows.
    while let (Some(word), Some(after)) = (pieces.next(), pieces.next()) {
        let Some(digits) = after.strip_prefix(b":") else { continue };
        let Some(place) = keys.iter().position(|key| key.as_bytes() == word) else { continue };
        let Some(slot @ None) = found.get_mut(place) else { continue };
        let is_end = |byte: &u8| !byte.is_ascii_digit() && *byte != b'-';
        let end = digits.iter().position(is_end).unwrap_or(digits.len());
        let text = std::str::from_utf8(digits.get(..end).unwrap_or_default()).unwrap_or_default();
        *slot = text.parse().ok();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn a_number_is_found_by_its_whole_key_and_the_first_counts() {
        let payload = br#"{"data":{"x_mode_code":7,"mode_code":4,"light":-1,"name":"mode_code"},"mode_code":9}"#;
        let keys = ["mode_code", "light", "drone_in_dock"];
        assert_eq!(numbers(payload, &keys)[..3], [Some(4), Some(-1), None]);
    }
}
