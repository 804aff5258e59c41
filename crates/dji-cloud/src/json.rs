//! JSON text to serde's visitors, quickly, where the text is plain.
//!
//! It reads what devices send (no escapes, numbers of up to 15 digits) in one pass over the bytes
//! and hands everything odd, piece by piece, to `serde_json`. It never says what is wrong: where it
//! refuses a text, [`from_str`] asks `serde_json`, whose answer counts. So it may refuse too much,
//! at the cost of time, but must never accept or read otherwise than `serde_json` does; the tests
//! and fuzz targets compare the two. Nesting is bounded, nothing here recurses but the visitors.
//! Next: [`crate::lenient`].

mod direct;
mod number;
mod scan;
mod skip;
#[cfg(test)]
mod tests;
mod visit;

use core::fmt;

use serde::de::{Deserialize, DeserializeSeed};

use self::scan::{byte_at, next_byte, plain_end};
use crate::lenient::{Seen, WireValue};

/// Deepest nesting read here: `serde_json` refuses to recurse deeper, and skips by other rules.
pub(crate) const NESTING_MAX: u8 = 127;

/// The text is not JSON, or too odd to be read here.
#[derive(Debug)]
pub(crate) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not plain JSON")
    }
}

impl core::error::Error for Refused {}

impl serde::de::Error for Refused {
    #[cold]
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads a whole text as `serde_json::from_str` does.
///
/// # Errors
/// Those of `serde_json`.
pub(crate) fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> serde_json::Result<T> {
    read(text, NESTING_MAX).map_or_else(|| serde_json::from_str(text), Ok)
}

/// Reads a whole text nested at most so deep; `None` where `serde_json` has to be asked.
pub(crate) fn read<'de, T: Deserialize<'de>>(text: &'de str, nesting: u8) -> Option<T> {
    read_seed(text, nesting, core::marker::PhantomData)
}

/// As [`read`], with a seed.
pub(crate) fn read_seed<'de, S: DeserializeSeed<'de>>(
    text: &'de str,
    nesting: u8,
    seed: S,
) -> Option<S::Value> {
    let mut reader = Reader::new(text, nesting);
    let value = seed.deserialize(&mut reader).ok()?;
    reader.is_at_end().then_some(value)
}

/// As [`read`], into a slot; what the slot holds when it is `None` means nothing.
pub(crate) fn read_into<T: WireValue>(
    text: &str,
    nesting: u8,
    slot: &mut Option<T>,
) -> Option<Seen> {
    let mut reader = Reader::new(text, nesting);
    let seen = reader.value_into(slot).ok()?;
    reader.is_at_end().then_some(seen)
}

/// As [`read`], a text that is one object, entry by entry.
pub(crate) fn read_object<'de, R>(
    text: &'de str,
    nesting: u8,
    read: impl FnOnce(&mut Entries<'_, 'de>) -> Result<R, Refused>,
) -> Option<R> {
    let mut reader = Reader::new(text, nesting);
    if reader.peek() != b'{' {
        return None;
    }
    reader.enter().ok()?;
    let value = read(&mut Entries { reader: &mut reader, is_first: true }).ok()?;
    reader.leave(b'}').ok()?;
    reader.is_at_end().then_some(value)
}

struct Reader<'de> {
    text: &'de str,
    at: usize,
    /// Levels of nesting that may still be entered.
    levels: u8,
}

/// The entries of an object that is being read.
pub(crate) struct Entries<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

/// The elements of an array that is being read.
struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

impl Entries<'_, '_> {
    /// Goes behind the opening quote of the next key; false when there is none.
    #[inline]
    fn advance(&mut self) -> Result<bool, Refused> {
        let mut byte = self.reader.peek();
        if byte == b'}' {
            return Ok(false);
        }
        if !self.is_first {
            if byte != b',' {
                return Err(Refused);
            }
            self.reader.at += 1;
            byte = self.reader.peek();
        }
        self.is_first = false;
        if byte != b'"' {
            return Err(Refused);
        }
        self.reader.at += 1;
        Ok(true)
    }
}

impl Items<'_, '_> {
    /// Goes to the next element; false when there is none.
    #[inline]
    fn advance(&mut self) -> Result<bool, Refused> {
        if self.reader.peek() == b']' {
            return Ok(false);
        }
        if !self.is_first {
            self.reader.expect(b',')?;
        }
        self.is_first = false;
        Ok(true)
    }
}

impl<'de> Reader<'de> {
    fn new(text: &'de str, nesting: u8) -> Self {
        Self { text, at: 0, levels: nesting.min(NESTING_MAX) }
    }

    fn is_at_end(&mut self) -> bool {
        self.peek() == 0 && self.at == self.text.len()
    }

    #[inline]
    fn byte(&self) -> u8 {
        byte_at(self.text.as_bytes(), self.at)
    }

    /// The next byte that is no white space, with the cursor on it; 0 at the end.
    #[inline]
    fn peek(&mut self) -> u8 {
        next_byte(self.text.as_bytes(), &mut self.at)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Refused> {
        if self.peek() != byte {
            return Err(Refused);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Refused> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Refused);
        }
        self.at += word.len();
        Ok(())
    }

    #[inline]
    fn enter(&mut self) -> Result<(), Refused> {
        self.at += 1;
        self.levels = self.levels.checked_sub(1).ok_or(Refused)?;
        Ok(())
    }

    #[inline]
    fn leave(&mut self, closing: u8) -> Result<(), Refused> {
        self.levels += 1;
        self.expect(closing)
    }

    /// Reads a string behind its opening quote; `None` when it is not plain: then the cursor
    /// stays.
    #[inline]
    fn plain_string(&mut self) -> Option<&'de str> {
        let start = self.at;
        let end = plain_end(self.text.as_bytes(), start);
        if byte_at(self.text.as_bytes(), end) != b'"' {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// The text of a string that is not plain, quotes and all; the cursor is moved from behind its
    /// opening quote to behind its closing one.
    #[cold]
    fn odd_string(&mut self) -> Result<&'de str, Refused> {
        let start = self.at;
        loop {
            match self.byte() {
                b'"' => break,
                b'\\' => self.at += 2,
                0 if self.at >= self.text.len() => return Err(Refused),
                // Control characters too: `serde_json` says what it thinks of them.
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start - 1..self.at).ok_or(Refused)
    }

    /// What a string that is not plain means, as [`Reader::odd_string`].
    #[cold]
    fn odd_text(&mut self) -> Result<String, Refused> {
        serde_json::from_str(self.odd_string()?).map_err(|_| Refused)
    }
}
