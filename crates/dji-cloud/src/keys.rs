//! The keys of a wire object, found with one look.
//!
//! For every object a table is searched at compile time in which no two of its keys meet; a key is
//! then looked up by its beginning and end in words of eight bytes. What is found is compared in
//! full, so a stranger is never taken for a key. Next: [`crate::macros`].

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use crate::drift::{UNKNOWN_KEY_MAX, cut};
use crate::text::Text;

/// No key of the object.
pub(crate) const UNKNOWN: u8 = u8::MAX;
/// Multipliers tried before giving up; about eight are needed.
const TRIES_MAX: u64 = 4096;
/// Keys up to this length are told by their words alone.
const WORDS_MAX: usize = 32;

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
    words: Words,
}

/// A key as words: its first and second eight bytes, what is behind the key left out as zeros; of
/// keys of sixteen bytes and more also the last sixteen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) first: u64,
    pub(crate) second: u64,
    pub(crate) last_but_one: u64,
    pub(crate) last: u64,
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
    let mut keys = [Key { name: "", words: words(b"") }; N];
    let mut at = 0;
    while at < N {
        keys[at] = Key { name: names[at], words: words(names[at].as_bytes()) };
        at += 1;
    }
    keys
}

/// Slots and multiplier for some keys. Fails to compile when two of them cannot be told apart.
pub(crate) const fn arrange<const SLOTS: usize>(names: &[&str]) -> ([u8; SLOTS], u64) {
    assert!(names.len() < UNKNOWN as usize - 2, "too many keys for a table");
    let mut attempt = 0;
    while attempt < TRIES_MAX {
        // Odd numbers, far apart: multiples of the golden ratio.
        let multiplier = (2 * attempt + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut slots = [UNKNOWN; SLOTS];
        let mut at = 0;
        while at < names.len() {
            let name = names[at].as_bytes();
            assert!(!name.is_empty(), "a key has a name");
            let hash = hash(words(name), multiplier);
            #[allow(clippy::cast_possible_truncation)] // fewer than SLOTS
            let slot = (hash >> (64 - SLOTS.trailing_zeros())) as usize;
            if slots[slot] != UNKNOWN {
                break;
            }
            #[allow(clippy::cast_possible_truncation)] // see above
            let number = at as u8;
            slots[slot] = number;
            at += 1;
        }
        if at == names.len() {
            return (slots, multiplier);
        }
        attempt += 1;
    }
    panic!("two keys are alike in beginning and end");
}

/// The words of a key that stands alone.
const fn words(key: &[u8]) -> Words {
    let len = key.len();
    let (mut first, mut second) = ([0; 8], [0; 8]);
    let mut at = 0;
    while at < len && at < 8 {
        first[at] = key[at];
        at += 1;
    }
    while at < len && at < 16 {
        second[at - 8] = key[at];
        at += 1;
    }
    let (mut last_but_one, mut last) = ([0; 8], [0; 8]);
    if len >= 16 {
        at = 0;
        while at < 8 {
            last_but_one[at] = key[len - 16 + at];
            last[at] = key[len - 8 + at];
            at += 1;
        }
    }
    Words {
        first: u64::from_le_bytes(first),
        second: u64::from_le_bytes(second),
        last_but_one: u64::from_le_bytes(last_but_one),
        last: u64::from_le_bytes(last),
    }
}

/// The upper bits depend on every bit of the words, the lower ones do not.
#[inline]
const fn hash(words: Words, multiplier: u64) -> u64 {
    let Words { first, second, last_but_one, last } = words;
    let ends = last.rotate_left(43) ^ last_but_one.rotate_left(13);
    (first ^ second.rotate_left(27) ^ ends).wrapping_mul(multiplier)
}

impl KeyTable {
    pub(crate) const fn new(keys: &'static [Key], slots: &'static [u8], multiplier: u64) -> Self {
        Self { keys, slots, multiplier, shift: 64 - slots.len().trailing_zeros() }
    }

    /// The number of a key, in the order they were given; [`UNKNOWN`] for another.
    pub(crate) fn find(&self, key: &str) -> u8 {
        self.find_words(words(key.as_bytes()), key.as_bytes())
    }

    /// As [`KeyTable::find`], for a key whose words are known.
    #[inline]
    pub(crate) fn find_words(&self, words: Words, key: &[u8]) -> u8 {
        let hash = hash(words, self.multiplier);
        #[allow(clippy::cast_possible_truncation)] // fewer than there are slots
        let slot = (hash >> self.shift) as usize;
        let number = self.slots.get(slot).copied().unwrap_or(UNKNOWN);
        match self.keys.get(usize::from(number)) {
            // Of equal length: a zero in the text is no end.
            Some(known)
                if known.words == words
                    && known.name.len() == key.len()
                    && (key.len() <= WORDS_MAX || known.name.as_bytes() == key) =>
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

    const SOME: &[&str] = &[
        "a",
        "ab",
        "abc",
        "abcdefg",
        "abcdefgh",
        "abcdefghi_",
        "abcdefghijklmno",
        "abcdefghijklmnop",
        "abcdefghijklmnopq",
        "thermal_isotherm_upper_limit",
        "zoom_calibrate_farthest_focus_val",
        "zoom_calibrate_farthest_focus_value",
    ];

    #[test]
    fn only_keys_are_found() {
        let table = key_table!(SOME);
        for (number, name) in SOME.iter().enumerate() {
            assert_eq!(usize::from(table.find(name)), number);
            for at in 0..name.len() {
                for bit in 0..7 {
                    let mut other = name.as_bytes().to_vec();
                    other[at] ^= 1 << bit;
                    let other = String::from_utf8(other).unwrap();
                    assert_eq!(table.find(&other) != UNKNOWN, SOME.contains(&other.as_str()));
                }
                let shorter = &name[..at];
                assert_eq!(table.find(shorter) != UNKNOWN, SOME.contains(&shorter), "{shorter}");
            }
            for longer in [format!("{name}\0"), format!("\0{name}"), format!("{name}{name}")] {
                assert_eq!(table.find(&longer), UNKNOWN, "{longer}");
            }
        }
        for stranger in ["", "b", "abcd", "abcdefghi", "thermal_isotherm_lower_limit"] {
            assert_eq!(table.find(stranger), UNKNOWN);
        }
    }
}
