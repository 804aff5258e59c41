//! The keys of a wire object, found with one look.
//!
//! For every object a table is searched at compile time in which no two of its keys meet; a key is
//! then looked up by its length and eight bytes of its beginning, middle and end, taken from the
//! text around it as whole words. What is found is compared in full, so a stranger is never taken
//! for a key. Next: [`crate::macros`].

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use crate::drift::{UNKNOWN_KEY_MAX, cut};
use crate::text::Text;

/// No key of the object.
pub(crate) const UNKNOWN: u8 = u8::MAX;
/// Multipliers tried before giving up; about eight are needed.
const TRIES_MAX: u64 = 4096;
/// Keys up to this length are told by their first and last eight bytes alone.
const SHORT_MAX: usize = 16;

/// The keys of one kind of object.
pub struct KeyTable {
    keys: &'static [Key],
    /// Number of the key by hash, or [`UNKNOWN`]; as many as a power of two.
    slots: &'static [u8],
    multiplier: u64,
    shift: u32,
}

/// One key, ready to be compared.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    name: &'static str,
    ends: Ends,
}

/// First and last eight bytes of a key. A shorter one is moved up in the first word and down in
/// the last: what is around it in the text falls out.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    first: u64,
    last: u64,
}

/// Makes the table of some keys at compile time.
macro_rules! key_table {
    ($names:expr) => {{
        const NAMES: &[&str] = $names;
        const SLOTS: usize = $crate::keys::slot_count(NAMES.len());
        const KEYS: [$crate::keys::Key; NAMES.len()] = $crate::keys::keys(NAMES);
        const FOUND: ([u8; SLOTS], u64) = $crate::keys::arrange(NAMES);
        static TABLE: $crate::keys::KeyTable =
            $crate::keys::KeyTable::new(&KEYS, &FOUND.0, FOUND.1);
        &TABLE
    }};
}
pub(crate) use key_table;

/// How many slots a table of so many keys gets.
pub(crate) const fn slot_count(names: usize) -> usize {
    let slots = (names * names / 4).next_power_of_two();
    if slots < 4 { 4 } else { slots }
}

/// Keys of these names.
pub(crate) const fn keys<const N: usize>(names: &[&'static str]) -> [Key; N] {
    let mut keys = [Key { name: "", ends: Ends { first: 0, last: 0 } }; N];
    let mut at = 0;
    while at < N {
        keys[at] = Key { name: names[at], ends: ends(names[at].as_bytes()) };
        at += 1;
    }
    keys
}

/// Slots and multiplier for some keys. Fails to compile when two of them cannot be told apart.
pub(crate) const fn arrange<const SLOTS: usize>(names: &[&str]) -> ([u8; SLOTS], u64) {
    assert!(names.len() < UNKNOWN as usize, "too many keys for a table");
    let mut attempt = 0;
    while attempt < TRIES_MAX {
        // Odd numbers, far apart: multiples of the golden ratio.
        let multiplier = (2 * attempt + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut slots = [UNKNOWN; SLOTS];
        let mut at = 0;
        while at < names.len() {
            let name = names[at].as_bytes();
            assert!(!name.is_empty(), "a key has a name");
            let middle = middle(name, 0, name.len());
            let hash = hash(ends(name), middle, name.len(), multiplier);
            #[allow(clippy::cast_possible_truncation)] // fewer than SLOTS
            let slot = (hash >> (64 - SLOTS.trailing_zeros())) as usize;
            if slots[slot] != UNKNOWN {
                break;
            }
            #[allow(clippy::cast_possible_truncation)] // fewer than 255, see above
            let number = at as u8;
            slots[slot] = number;
            at += 1;
        }
        if at == names.len() {
            return (slots, multiplier);
        }
        attempt += 1;
    }
    panic!("two keys are alike in length, beginning, middle and end");
}

/// The ends of a key that stands alone.
const fn ends(key: &[u8]) -> Ends {
    let used = if key.len() < 8 { key.len() } else { 8 };
    let (mut first, mut last) = ([0; 8], [0; 8]);
    let mut at = 0;
    while at < used {
        first[8 - used + at] = key[at];
        last[at] = key[key.len() - used + at];
        at += 1;
    }
    Ends { first: u64::from_le_bytes(first), last: u64::from_le_bytes(last) }
}

/// Eight bytes from the middle of a long key, of which the ends may be those of others too.
#[inline]
const fn middle(bytes: &[u8], start: usize, len: usize) -> u64 {
    if len <= SHORT_MAX {
        return 0;
    }
    match word_at(bytes, start + len / 2 - 4) {
        Some(word) => word,
        None => 0,
    }
}

#[inline]
const fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    let Some((_, rest)) = bytes.split_at_checked(at) else { return None };
    match rest.first_chunk::<8>() {
        Some(word) => Some(u64::from_le_bytes(*word)),
        None => None,
    }
}

/// The upper bits depend on every bit of the key's words, the lower ones do not.
#[inline]
const fn hash(ends: Ends, middle: u64, len: usize, multiplier: u64) -> u64 {
    let mixed = ends.first ^ ends.last.rotate_left(27) ^ middle.rotate_left(43) ^ len as u64;
    mixed.wrapping_mul(multiplier)
}

impl KeyTable {
    pub(crate) const fn new(keys: &'static [Key], slots: &'static [u8], multiplier: u64) -> Self {
        Self { keys, slots, multiplier, shift: 64 - slots.len().trailing_zeros() }
    }

    /// The number of a key, in the order they were given; [`UNKNOWN`] for another.
    pub(crate) fn find(&self, key: &str) -> u8 {
        self.find_by(ends(key.as_bytes()), key.as_bytes(), 0, key.len())
    }

    /// As [`KeyTable::find`], for a key that stands in a text.
    #[inline]
    pub(crate) fn find_in(&self, bytes: &[u8], start: usize, end: usize) -> u8 {
        let len = end.saturating_sub(start);
        let words = (word_at(bytes, start), word_at(bytes, end.saturating_sub(8)));
        let (Some(first), Some(last)) = words else { return self.find_at_end(bytes, start, end) };
        if end < 8 {
            return self.find_at_end(bytes, start, end);
        }
        #[allow(clippy::cast_possible_truncation)] // at most 56
        let unused = 8 * (8 - len.clamp(1, 8)) as u32;
        self.find_by(Ends { first: first << unused, last: last >> unused }, bytes, start, len)
    }

    /// Where the text is too short around the key to be taken in words.
    #[cold]
    fn find_at_end(&self, bytes: &[u8], start: usize, end: usize) -> u8 {
        let key = bytes.get(start..end).unwrap_or_default();
        self.find_by(ends(key), key, 0, key.len())
    }

    #[inline]
    fn find_by(&self, ends: Ends, bytes: &[u8], start: usize, len: usize) -> u8 {
        let hash = hash(ends, middle(bytes, start, len), len, self.multiplier);
        #[allow(clippy::cast_possible_truncation)] // fewer than there are slots
        let slot = (hash >> self.shift) as usize;
        let number = self.slots.get(slot).copied().unwrap_or(UNKNOWN);
        match self.keys.get(usize::from(number)) {
            Some(key)
                if key.ends == ends
                    && key.name.len() == len
                    && (len <= SHORT_MAX
                        || bytes.get(start..start + len) == Some(key.name.as_bytes())) =>
            {
                number
            }
            _ => UNKNOWN,
        }
    }
}

/// Reads a key and finds its number; one that is not in the table is put into `unknown`, cut.
pub(crate) struct KeySeed<'u> {
    pub(crate) table: &'static KeyTable,
    pub(crate) unknown: &'u mut Text,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = u8;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u8, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = u8;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    #[inline]
    fn visit_str<E>(self, key: &str) -> Result<u8, E> {
        let number = self.table.find(key);
        if number == UNKNOWN {
            *self.unknown = cut(key, UNKNOWN_KEY_MAX).into();
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: &str = "thermal_isotherm_upper_limit";
    const SOME: &[&str] = &["a", "ab", "abc", "abcdefg", "abcdefgh", "abcdefghijklmnop", LONGEST];

    /// A key is found wherever it stands in a text, and nothing else is.
    #[test]
    fn keys_are_found_at_every_place() {
        let table = key_table!(SOME);
        for (number, name) in SOME.iter().enumerate() {
            assert_eq!(usize::from(table.find(name)), number);
            for before in ["", "\"", "{\"x\":1,\""] {
                for behind in ["", "\"", "\":12345678}"] {
                    let text = format!("{before}{name}{behind}");
                    let (start, end) = (before.len(), before.len() + name.len());
                    let found = table.find_in(text.as_bytes(), start, end);
                    assert_eq!(usize::from(found), number, "{text}");
                    for at in start..end {
                        let mut other = text.clone().into_bytes();
                        other[at] ^= 1;
                        let found = table.find_in(&other, start, end);
                        let other = core::str::from_utf8(&other[start..end]).unwrap();
                        let is_known = SOME.contains(&other);
                        assert_eq!(found != UNKNOWN, is_known, "{other}");
                        assert_eq!(found, table.find(other));
                    }
                }
            }
        }
        for stranger in ["", "b", "abcd", "abcdefghi", "thermal_isotherm_lower_limit"] {
            assert_eq!(table.find(stranger), UNKNOWN);
            let text = format!("\"{stranger}\":1");
            let found = table.find_in(text.as_bytes(), 1, 1 + stranger.len());
            assert_eq!(found, UNKNOWN, "{stranger}");
        }
    }
}
