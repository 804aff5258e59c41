//! Fills the blanks of alarm texts.
//!
//! Documented blanks: `%alarmid %index %component_index %battery_index %dock_cover_index
//! %charging_rod_index`. DJI's table also has printf blanks (`%1$s`, `%2$s`, `%s`, `%d`) that no
//! page explains: for covers and push rods of a dock they are the part's side, elsewhere an
//! ellipsis stands for them, because a guessed number would be a false statement.

use crate::hms::HmsArgs;

/// A language of alarm texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Korean,
}

/// What stands where nothing is known.
const UNKNOWN: &str = "\u{2026}";

/// What may fill the blanks of one alarm.
pub(super) struct Blanks<'a> {
    code: &'a str,
    sensor: Option<i64>,
    component: Option<i64>,
    part: Part,
}

/// The part of a dock that a printf blank names.
#[derive(Clone, Copy)]
enum Part {
    Cover,
    Rod,
    Other,
}

impl<'a> Blanks<'a> {
    pub(super) fn new(code: &'a str, args: Option<&HmsArgs>) -> Self {
        let part = match super::number(code) {
            Some(0x1911_0000..=0x1911_03ff) => Part::Cover,
            Some(0x1911_0400..=0x1911_07ff) => Part::Rod,
            Some(_) | None => Part::Other,
        };
        Self {
            code,
            sensor: args.and_then(|args| args.sensor_index),
            component: args.and_then(|args| args.component_index),
            part,
        }
    }

    fn side(&self, language: Language) -> &'static str {
        match (self.sensor, language) {
            (Some(0), Language::English) => "left",
            (Some(0), Language::Korean) => "왼쪽",
            (Some(_), Language::English) => "right",
            (Some(_), Language::Korean) => "오른쪽",
            (None, _) => UNKNOWN,
        }
    }

    fn rod(&self, language: Language) -> &'static str {
        match (self.sensor, language) {
            (Some(0), Language::English) => "front",
            (Some(0), Language::Korean) => "앞쪽",
            (Some(1), Language::English) => "rear",
            (Some(1), Language::Korean) => "뒤쪽",
            (Some(2), Language::English) => "left",
            (Some(2), Language::Korean) => "왼쪽",
            (Some(3), Language::English) => "right",
            (Some(3), Language::Korean) => "오른쪽",
            (_, _) => UNKNOWN,
        }
    }

    fn write(&self, blank: Blank, language: Language, out: &mut String) {
        let from_one = |index: Option<i64>, out: &mut String| match index {
            Some(index) => out.push_str(&index.saturating_add(1).to_string()),
            None => out.push_str(UNKNOWN),
        };
        match blank {
            Blank::AlarmId => out.push_str(self.code),
            Blank::Index => from_one(self.sensor, out),
            Blank::ComponentIndex => from_one(self.component, out),
            Blank::Side => out.push_str(self.side(language)),
            Blank::Rod => out.push_str(self.rod(language)),
            Blank::Printf => out.push_str(match self.part {
                Part::Cover => self.side(language),
                Part::Rod => self.rod(language),
                Part::Other => UNKNOWN,
            }),
        }
    }
}

#[derive(Clone, Copy)]
enum Blank {
    AlarmId,
    Index,
    ComponentIndex,
    Side,
    Rod,
    Printf,
}

const NAMED: [(&str, Blank); 6] = [
    ("alarmid", Blank::AlarmId),
    ("index", Blank::Index),
    ("component_index", Blank::ComponentIndex),
    ("battery_index", Blank::Side),
    ("dock_cover_index", Blank::Side),
    ("charging_rod_index", Blank::Rod),
];

/// The text with its blanks filled.
pub(super) fn fill(text: &str, blanks: &Blanks<'_>, language: Language) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some((blank, len)) = blank(after) {
            blanks.write(blank, language, &mut out);
            rest = &after[len..];
        } else {
            out.push('%');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The blank that a text after a `%` begins with, and its length.
fn blank(after: &str) -> Option<(Blank, usize)> {
    let named = NAMED.iter().find(|(name, _)| after.starts_with(name));
    named.map(|&(name, blank)| (blank, name.len())).or_else(|| {
        let len = printf(after.as_bytes())?;
        Some((Blank::Printf, len))
    })
}

/// The length of the rest of a printf blank: `s`, `d`, `1$s`, `1$.1f`.
fn printf(after: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        after.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let mut at = digits(0);
    if at > 0 {
        (after.get(at) == Some(&b'$')).then_some(())?;
        at += 1;
    }
    if after.get(at) == Some(&b'.') {
        at += 1 + digits(at + 1);
    }
    matches!(after.get(at), Some(b's' | b'd' | b'f')).then_some(at + 1)
}
