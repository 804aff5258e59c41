//! Single values that stand still, or come no more, while the rest of the report goes on.

use fleet_types::{DeviceClass, MonoMs, Reading, WallMs, alarm::Priority, topic::DeviceOsd};

use super::{Debounce, FaultConfig, FaultKind, fields::Fields};

/// What makes a standing value suspicious.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moves {
    /// In flight, while this speed is over the bound (m/s, tenths).
    With { speed: &'static str, over_tenths: i32 },
    /// In flight, always: it must change within this time.
    Within { ms: u64 },
    /// It may stand; it only must come.
    Not,
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    class: DeviceClass,
    key: &'static str,
    moves: Moves,
}

/// How long a value may stand while it has to move, milliseconds.
const STANDING_MS: u64 = 10_000;
/// Reports that must show it standing.
const STANDING_REPORTS: u32 = 4;

/// Values that a flight or an interlock relies on.
const WATCHED: [Watched; 8] = [
    aircraft("latitude", Moves::Not),
    aircraft("longitude", Moves::Not),
    aircraft("height", Moves::With { speed: "vertical_speed", over_tenths: 10 }),
    // A percent lasts about half a minute in the air.
    aircraft("battery.capacity_percent", Moves::Within { ms: 300_000 }),
    dock("drone_in_dock", Moves::Not),
    dock("emergency_stop_state", Moves::Not),
    dock("wind_speed", Moves::Not),
    dock("cover_state", Moves::Not),
];
/// Latitude and longitude together: flying east alone changes one of them only.
const POSITION: &str = "latitude";
const POSITION_MOVES: Moves = Moves::With { speed: "horizontal_speed", over_tenths: 20 };

const fn aircraft(key: &'static str, moves: Moves) -> Watched {
    Watched { class: DeviceClass::Aircraft, key, moves }
}

const fn dock(key: &'static str, moves: Moves) -> Watched {
    Watched { class: DeviceClass::Dock, key, moves }
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The value, and since when and over how many reports it stood.
    standing: Option<(f64, f64, MonoMs, u32)>,
    missing: Debounce,
    still: Debounce,
    is_told: bool,
}

/// What is remembered of the watched values.
#[derive(Clone, Debug, Default)]
pub(super) struct Frozen {
    /// Of what is watched on the device's class, in the order of [`WATCHED`]; none before it reports.
    slots: Box<[Slot]>,
}

fn watched(class: DeviceClass) -> impl Iterator<Item = &'static Watched> {
    WATCHED.iter().filter(move |watched| watched.class == class)
}

impl Frozen {
    pub(super) fn on_report(
        &mut self,
        now: MonoMs,
        config: &FaultConfig,
        sample: &DeviceOsd,
        fields: &Fields,
        is_flying: bool,
    ) -> Vec<(FaultKind, bool, Priority)> {
        let mut changes = Vec::new();
        let Some(newest) = fields.reading(sample, "mode_code").map(|reading| reading.received_ms)
        else {
            return changes;
        };
        let number = |key: &str| fields.number(sample, key);
        if self.slots.is_empty() {
            self.slots = watched(sample.class).map(|_| Slot::default()).collect();
        }
        for (watched, slot) in watched(sample.class).zip(&mut self.slots) {
            let counts = is_flying || sample.class != DeviceClass::Aircraft;
            let reading = fields.reading(sample, watched.key).filter(|_| counts);
            let is_missing = reading.is_some_and(|it| is_missing(it, newest, config.missing_ms));
            slot.missing.feed(now, is_missing, 0, config.gone_ms);
            let (value, moves) = if watched.key == POSITION {
                // Both halves of a place stand for one value.
                (reading.and_then(|it| it.value.as_f64().zip(number("longitude"))), POSITION_MOVES)
            } else {
                let one = reading.and_then(|it| it.value.as_f64()).map(|value| (value, 0.0));
                (one, watched.moves)
            };
            let is_still = slot.stands(now, value, moves, &number);
            slot.still.feed(now, is_still, 0, config.gone_ms);
            let is_up = slot.missing.is_raised() || slot.still.is_raised();
            if is_up != slot.is_told {
                slot.is_told = is_up;
                changes.push((FaultKind::FieldFrozen(watched.key), is_up, Priority::Medium));
            }
        }
        changes
    }
}

fn is_missing(reading: Reading<'_>, newest: WallMs, missing_ms: u64) -> bool {
    let late = newest.since_ms(reading.received_ms);
    u64::try_from(late).is_ok_and(|late| late >= missing_ms)
}

impl Slot {
    #[expect(clippy::float_cmp, reason = "a frozen value is the same to the last bit")]
    fn stands(
        &mut self,
        now: MonoMs,
        value: Option<(f64, f64)>,
        moves: Moves,
        number: &impl Fn(&str) -> Option<f64>,
    ) -> bool {
        let (must_move, within_ms) = match moves {
            Moves::Not => (false, 0),
            Moves::Within { ms } => (true, ms),
            Moves::With { speed, over_tenths } => {
                let over =
                    number(speed).is_some_and(|speed| speed.abs() * 10.0 >= f64::from(over_tenths));
                (over, STANDING_MS)
            }
        };
        let Some((first, second)) = value.filter(|_| must_move) else {
            self.standing = None;
            return false;
        };
        let (since, reports) = match self.standing {
            Some((a, b, since, reports)) if a == first && b == second => (since, reports + 1),
            Some(_) | None => (now, 1),
        };
        self.standing = Some((first, second, since, reports));
        now.since_ms(since) >= within_ms && reports >= STANDING_REPORTS
    }
}
