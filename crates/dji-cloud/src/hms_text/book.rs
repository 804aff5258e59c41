//! A table of alarm texts that an operator supplies, in the form of DJI's `hms.json`:
//! `{"dock_tip_0x…": {"en": "…", "ko": "…", …}}`.
//!
//! Parsing is bounded and keeps English and Korean only. It refuses what is no such table; single
//! odd entries are skipped and counted.

use core::fmt;
use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::drift::cut;
use crate::lenient::Lenient;
use crate::text::Text;

/// Largest file read, in bytes; DJI's has 1.7 MB.
pub const BOOK_MAX_BYTES: usize = 8 * 1024 * 1024;
const KEYS_MAX: usize = 20_000;
const KEY_MAX: usize = 96;
const TEXT_MAX: usize = 1024;

/// Why a table of alarm texts could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HmsBookError {
    /// The file is larger than [`BOOK_MAX_BYTES`].
    #[error("the alarm texts have {len} bytes, the limit is {BOOK_MAX_BYTES}")]
    TooLarge {
        /// Bytes in the file.
        len: usize,
    },
    /// The file is not JSON, or not an object.
    #[error("the alarm texts are not a JSON object (line {line}, column {column})")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// No key is one of alarm texts.
    #[error("the file holds no alarm texts: its keys should read like dock_tip_0x19111800")]
    NoTexts,
}

/// Texts of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    en: Option<Box<str>>,
    ko: Option<Box<str>>,
}

impl Entry {
    pub(super) fn en(&self) -> Option<&str> {
        self.en.as_deref()
    }

    pub(super) fn ko(&self) -> Option<&str> {
        self.ko.as_deref()
    }
}

/// Alarm texts that an operator supplied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HmsBook {
    exact: BTreeMap<Box<str>, Entry>,
    /// Keys in lower case, to the first key in byte order that reads so.
    folded: BTreeMap<Box<str>, Box<str>>,
    skipped: usize,
}

impl HmsBook {
    /// Reads a table of alarm texts.
    ///
    /// # Errors
    /// [`HmsBookError`] when the file is too large, no JSON object, or holds no alarm texts.
    pub fn parse(bytes: &[u8]) -> Result<Self, HmsBookError> {
        if bytes.len() > BOOK_MAX_BYTES {
            return Err(HmsBookError::TooLarge { len: bytes.len() });
        }
        let mut book: Self = serde_json::from_slice(bytes)
            .map_err(|error| HmsBookError::Syntax { line: error.line(), column: error.column() })?;
        if book.exact.is_empty() {
            return Err(HmsBookError::NoTexts);
        }
        for key in book.exact.keys() {
            let folded = key.to_ascii_lowercase().into_boxed_str();
            book.folded.entry(folded).or_insert_with(|| key.clone());
        }
        Ok(book)
    }

    /// How many keys have texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exact.len()
    }

    /// Whether there are no texts; a book that was parsed has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    /// Entries that were no alarm texts, or beyond the limit.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The texts of a key: its exact case first, then any case.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.exact.get(key).or_else(|| {
            let exact = self.folded.get(key.to_ascii_lowercase().as_str())?;
            self.exact.get(exact)
        })
    }
}

impl<'de> Deserialize<'de> for HmsBook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BookVisitor)
    }
}

struct BookVisitor;

impl<'de> Visitor<'de> for BookVisitor {
    type Value = HmsBook;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of alarm texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HmsBook, A::Error> {
        let mut book = HmsBook::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let is_key = key.len() <= KEY_MAX
                && (key.starts_with("dock_tip_") || key.starts_with("fpv_tip_"));
            let entry = if is_key && book.exact.len() < KEYS_MAX {
                map.next_value::<MaybeEntry>()?.0
            } else {
                map.next_value::<IgnoredAny>()?;
                None
            };
            match entry.filter(|entry| *entry != Entry::default()) {
                Some(entry) => drop(book.exact.insert(key.into(), entry)),
                None => book.skipped += 1,
            }
        }
        Ok(book)
    }
}

/// The texts of a key, or nothing when its value is no object.
struct MaybeEntry(Option<Entry>);

impl<'de> Deserialize<'de> for MaybeEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor).map(Self)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Option<Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts by language")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entry = Entry::default();
        while let Some(language) = map.next_key::<Cow<'de, str>>()? {
            let slot = match &*language {
                "en" => &mut entry.en,
                "ko" => &mut entry.ko,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *slot = map.next_value::<Lenient<Text>>()?.value().and_then(|text| clean(&text));
        }
        Ok(Some(entry))
    }
}

/// A text fit to be shown: no control characters, no escapes left over, not empty, not endless.
fn clean(text: &str) -> Option<Box<str>> {
    let text: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let text = text.replace("\\'", "'");
    let text = cut(text.trim(), TEXT_MAX);
    (!text.is_empty()).then(|| text.into())
}
