//! The reader as wire types take it: keys are looked up where they stand, values go straight into
//! their slots.
//!
//! It says of every value what the visitors of [`super::visit`] would. Next: [`crate::fields`].

use serde_json::value::RawValue;

use super::number::Kind;
use super::scan::{byte_at, quote_at, quotes, two_words};
use super::visit::raw_value;
use super::{Entries, Items, Reader, Refused};
use crate::drift::{Found, UNKNOWN_KEY_MAX, cut};
use crate::fields::{Elements, Fields};
use crate::keys::{KeyTable, UNKNOWN, Words};
use crate::lenient::{Seen, Slot, WireValue};
use crate::text::Text;

/// No known key comes next, or not as it is usually written.
const STRANGE: u8 = UNKNOWN - 1;
/// No key comes next.
const END: u8 = UNKNOWN - 2;

impl<'de> Reader<'de> {
    /// Reads a value into a slot.
    pub(super) fn value_into<T: WireValue>(
        &mut self,
        slot: &mut Option<T>,
    ) -> Result<Seen, Refused> {
        if let Some(digit) = self.one_digit() {
            return Ok(Slot(slot).put(T::from_i64(i64::from(digit)), Found::Int));
        }
        Ok(match self.peek() {
            b'-' | b'0'..=b'9' => {
                let number = self.number()?;
                match number.kind {
                    Kind::Unsigned => Slot(slot).put_unsigned(number.unsigned()),
                    Kind::Negative => Slot(slot).put(T::from_i64(number.negative()), Found::Int),
                    Kind::Float => Slot(slot).put(T::from_f64(number.float()), Found::Float),
                }
            }
            b'"' => {
                self.at += 1;
                let take = match self.plain_string() {
                    Some(plain) => T::from_text(plain),
                    None => T::from_text(&self.odd_text()?),
                };
                Slot(slot).put(take, Found::Text)
            }
            b'{' => {
                self.enter()?;
                let take = T::map_into(slot, Entries { reader: self, is_first: true })?;
                self.leave(b'}')?;
                take.of_object()
            }
            b'[' => {
                self.enter()?;
                let take = T::seq_into(slot, Items { reader: self, is_first: true })?;
                self.leave(b']')?;
                take.of_array()
            }
            b't' => {
                self.word("true")?;
                Slot(slot).put(T::from_bool(true), Found::Bool)
            }
            b'f' => {
                self.word("false")?;
                Slot(slot).put(T::from_bool(false), Found::Bool)
            }
            b'n' => {
                self.word("null")?;
                Seen::Null
            }
            _ => return Err(Refused),
        })
    }

    /// The number of the key that comes next, or [`STRANGE`] or [`END`]; the cursor is then behind
    /// its colon, before its quote, or where it was. Only what is written without white space is
    /// known here.
    #[inline(never)] // one copy for all types: it stays in the cache
    fn known_key(&mut self, is_first: bool, table: &KeyTable) -> u8 {
        let bytes = self.text.as_bytes();
        // The byte before the quote: a comma, or the opening bracket.
        let before = self.at.wrapping_sub(usize::from(is_first));
        let Some(window) = bytes.get(before..).and_then(<[u8]>::first_chunk::<18>) else {
            return STRANGE;
        };
        let [separator, opening, window @ ..] = window;
        if *opening != b'"' || (!is_first && *separator != b',') {
            return if byte_at(bytes, self.at) == b'}' { END } else { STRANGE };
        }
        let start = before + 2;
        let (first, second) = two_words(window);
        // What equals a known key holds nothing odd, so only its end is looked for. The lowest bit
        // found is the highest of the quote's byte; the key's are those below that byte.
        let (in_first, in_second) = (quotes(first), quotes(second));
        let below = |found: u64| (found ^ found.wrapping_sub(1)) >> 8;
        let mut words = Words { first, second, last_but_one: 0, last: 0 };
        let end;
        if in_first != 0 {
            words.first = first & below(in_first);
            words.second = 0;
            end = start + (in_first.trailing_zeros() / 8) as usize;
        } else if in_second != 0 {
            words.second = second & below(in_second);
            end = start + 8 + (in_second.trailing_zeros() / 8) as usize;
        } else {
            end = quote_at(bytes, start + 16);
            let last = bytes.get(..end).and_then(<[u8]>::last_chunk::<16>);
            let Some(last) = last else { return STRANGE };
            (words.last_but_one, words.last) = two_words(last);
        }
        let number = table.find_words(words, bytes.get(start..end).unwrap_or_default());
        if number == UNKNOWN || byte_at(bytes, end + 1) != b':' {
            return STRANGE;
        }
        self.at = end + 2;
        number
    }

    /// As [`Reader::known_key`] for what it did not know; the number may be [`UNKNOWN`] here, the
    /// key is then put into `unknown`.
    #[cold]
    fn any_key(
        &mut self,
        is_first: bool,
        table: &KeyTable,
        unknown: &mut Text,
    ) -> Result<Option<u8>, Refused> {
        if !(Entries { reader: self, is_first }).advance()? {
            return Ok(None);
        }
        let number = self.strange_key(table, unknown)?;
        self.expect(b':')?;
        Ok(Some(number))
    }

    /// A key that is not in the table as it stands there.
    fn strange_key(&mut self, table: &KeyTable, unknown: &mut Text) -> Result<u8, Refused> {
        let odd;
        let key = match self.plain_string() {
            Some(plain) => plain,
            None => {
                odd = self.odd_text()?;
                &odd
            }
        };
        let number = table.find(key);
        if number == UNKNOWN {
            *unknown = cut(key, UNKNOWN_KEY_MAX).into();
        }
        Ok(number)
    }
}

impl<'de> Fields<'de> for Entries<'_, 'de> {
    #[inline]
    fn next_number(
        &mut self,
        table: &'static KeyTable,
        unknown: &mut Text,
    ) -> Result<Option<u8>, Refused> {
        let is_first = core::mem::replace(&mut self.is_first, false);
        match self.reader.known_key(is_first, table) {
            END => Ok(None),
            STRANGE => self.reader.any_key(is_first, table, unknown),
            number => Ok(Some(number)),
        }
    }

    #[inline]
    fn value_into<T: WireValue>(&mut self, slot: &mut Option<T>) -> Result<Seen, Refused> {
        self.reader.value_into(slot)
    }
}

impl<'de> Entries<'_, 'de> {
    /// Reads a value into a slot, and gives its text too.
    pub(crate) fn value_and_text<T: WireValue>(
        &mut self,
        slot: &mut Option<T>,
    ) -> Result<(Seen, &'de RawValue), Refused> {
        self.reader.peek();
        let start = self.reader.at;
        let seen = self.reader.value_into(slot)?;
        let text = self.reader.text.get(start..self.reader.at).ok_or(Refused)?;
        Ok((seen, raw_value(text)?))
    }
}

impl<'de> Elements<'de> for Items<'_, 'de> {
    #[inline]
    fn element_into<T: WireValue>(
        &mut self,
        slot: &mut Option<T>,
    ) -> Result<Option<Seen>, Refused> {
        if !self.advance()? {
            return Ok(None);
        }
        self.reader.value_into(slot).map(Some)
    }
}
