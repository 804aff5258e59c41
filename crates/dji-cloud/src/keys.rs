//! The keys of a wire object, found with one look.
//!
//! For every object a table is searched at compile time in which no two of its keys meet; a key is
//! then looked up by its length and eight bytes of its beginning, middle and end. What is found is compared in
//! full, so a stranger is never taken for a key. Next: [`crate::macros`].

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use crate::drift::{UNKNOWN_KEY_MAX, cut};
use crate::text::Text;

/// No key of the object.
pub(crate) const UNKNOWN: u8 = u8::MAX;
/// Multipliers tried before giving up; about eight are needed.
const TRIES_MAX: u64 = 4096;

/// The keys of one kind of object.
pub(crate) struct KeyTable {
    names: &'static [&'static str],
    /// Number of the key by hash, or [`UNKNOWN`]; as many as a power of two.
    slots: &'static [u8],
    multiplier: u64,
}

/// How many slots a table of so many keys gets.
pub(crate) const fn slot_count(names: usize) -> usize {
    let slots = (names * names / 4).next_power_of_two();
    if slots < 4 { 4 } else { slots }
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
            let slot = slot_of(names[at].as_bytes(), multiplier, SLOTS);
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

#[inline]
const fn slot_of(key: &[u8], multiplier: u64, slots: usize) -> usize {
    let hash = (digest(key) ^ key.len() as u64).wrapping_mul(multiplier);
    // The upper bits depend on every bit of the digest, the lower ones do not.
    #[allow(clippy::cast_possible_truncation)] // fewer than `slots`
    let slot = (hash >> (64 - slots.trailing_zeros())) as usize;
    slot
}

/// First, last and (of a long key) middle eight bytes, mixed; all of a shorter key.
#[inline]
const fn digest(key: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        let ends = u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(27);
        if key.len() <= 16 {
            return ends;
        }
        return match key.split_at(key.len() / 2 - 4).1.first_chunk::<8>() {
            Some(middle) => ends ^ u64::from_le_bytes(*middle).rotate_left(43),
            None => ends,
        };
    }
    if let (Some(first), Some(last)) = (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return first as u64 | (last as u64) << 32;
    }
    match *key {
        [a] => a as u64,
        [a, b] => u16::from_le_bytes([a, b]) as u64,
        [a, b, c] => u32::from_le_bytes([a, b, c, 0]) as u64,
        _ => 0,
    }
}

impl KeyTable {
    pub(crate) const fn new(
        names: &'static [&'static str],
        slots: &'static [u8],
        multiplier: u64,
    ) -> Self {
        Self { names, slots, multiplier }
    }

    /// The number of a key, in the order they were given; [`UNKNOWN`] for another.
    #[inline]
    pub(crate) fn find(&self, key: &str) -> u8 {
        let slot = slot_of(key.as_bytes(), self.multiplier, self.slots.len());
        let number = self.slots.get(slot).copied().unwrap_or(UNKNOWN);
        match self.names.get(usize::from(number)) {
            Some(&name) if name == key => number,
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
