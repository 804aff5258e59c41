//! Health alarms in words, English and Korean.
//!
//! DJI's own table of texts is not part of this crate: an operator may supply it ([`HmsBook`]),
//! and its texts go first. For what a Dock 2 operator meets there are short texts of our own. An
//! alarm that neither knows has no text: its code is shown as it is. It never judges how serious an
//! alarm is; the device says so ([`crate::hms::HmsLevel`]).
//!
//! How a text is found, from the `dock2/hms` page: docks have keys `dock_tip_{code}`, aircraft
//! `fpv_tip_{code}`, in the air `fpv_tip_{code}_in_the_sky` first. A code's case matters (DJI's
//! table holds keys that differ by case alone), so the exact key goes first.

mod book;
mod fill;
mod own_aircraft;
mod own_dock;

pub use self::book::{BOOK_MAX_BYTES, HmsBook, HmsBookError};
use self::fill::{Blanks, Language};
use crate::hms::HmsItem;

/// Longest code looked up, in bytes; real ones have 10.
const CODE_MAX: usize = 32;

/// An alarm in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmText {
    /// In English, when there is such a text.
    pub en: Option<String>,
    /// In Korean, when there is such a text.
    pub ko: Option<String>,
}

/// Which texts an alarm has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those of docks.
    Dock,
    /// Those of aircraft.
    Aircraft,
}

impl Side {
    /// The side by the `device_type` of an alarm: `3-…` is a dock, `0-…` an aircraft. Simulators
    /// send words. `None` when it tells neither.
    #[must_use]
    pub fn of(device_type: &str) -> Option<Self> {
        match device_type.split('-').next().unwrap_or_default().trim() {
            "3" | "dock" | "airport" => Some(Self::Dock),
            "0" | "aircraft" | "drone" => Some(Self::Aircraft),
            _ => None,
        }
    }
}

/// Puts an alarm into words; `None` when neither the book nor this crate knows it.
#[must_use]
pub fn describe(item: &HmsItem, book: Option<&HmsBook>) -> Option<AlarmText> {
    let code = item.code.as_deref().filter(|code| !code.is_empty() && code.len() <= CODE_MAX)?;
    let in_the_sky = item.in_the_sky.is_some_and(bool::from);
    let sides: &[Side] = match item.device_type.as_deref().and_then(Side::of) {
        Some(Side::Dock) => &[Side::Dock],
        Some(Side::Aircraft) => &[Side::Aircraft],
        None => &[Side::Dock, Side::Aircraft],
    };
    let blanks = Blanks::new(code, item.args.as_ref());
    let booked = book.and_then(|book| {
        sides.iter().find_map(|&side| keys(side, code, in_the_sky).find_map(|key| book.get(&key)))
    });
    let own = sides.iter().find_map(|&side| find_own(side, code, in_the_sky));
    let en = booked.and_then(|text| text.en()).or(own.map(|text| text.en));
    let ko = booked.and_then(|text| text.ko()).or(own.map(|text| text.ko));
    let fill = |text: &str, language| fill::fill(text, &blanks, language);
    (en.is_some() || ko.is_some()).then(|| AlarmText {
        en: en.map(|text| fill(text, Language::English)),
        ko: ko.map(|text| fill(text, Language::Korean)),
    })
}

/// The keys of an alarm in a table of texts, best first.
pub fn keys(side: Side, code: &str, in_the_sky: bool) -> impl Iterator<Item = String> + use<> {
    let (special, plain) = match side {
        Side::Dock => (None, format!("dock_tip_{code}")),
        Side::Aircraft => {
            let special = in_the_sky.then(|| format!("fpv_tip_{code}_in_the_sky"));
            (special, format!("fpv_tip_{code}"))
        }
    };
    special.into_iter().chain([plain])
}

/// A short text of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OwnText {
    code: u32,
    en: &'static str,
    ko: &'static str,
}

const fn own(code: u32, en: &'static str, ko: &'static str) -> OwnText {
    OwnText { code, en, ko }
}

fn find_own(side: Side, code: &str, in_the_sky: bool) -> Option<&'static OwnText> {
    let code = number(code)?;
    let find = |table: &'static [OwnText]| {
        table.binary_search_by_key(&code, |text| text.code).ok().and_then(|at| table.get(at))
    };
    match side {
        Side::Dock => find(own_dock::DOCK),
        Side::Aircraft => in_the_sky
            .then(|| find(own_aircraft::IN_THE_SKY))
            .flatten()
            .or_else(|| find(own_aircraft::AIRCRAFT)),
    }
}

/// The number in a code such as `0x16100083`.
fn number(code: &str) -> Option<u32> {
    let digits = code.strip_prefix("0x").or_else(|| code.strip_prefix("0X")).unwrap_or(code);
    u32::from_str_radix(digits, 16).ok()
}

/// How many codes have a text of our own; one that means something else in the air counts once.
#[must_use]
pub const fn own_codes() -> usize {
    own_dock::DOCK.len() + own_aircraft::AIRCRAFT.len()
}

#[cfg(test)]
mod tests;
