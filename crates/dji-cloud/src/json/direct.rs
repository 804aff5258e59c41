//! The reader as wire types take it: keys are looked up where they stand, values go straight into
//! their slots.
//!
//! It says of every value what the visitors of [`super::visit`] would. Next: [`crate::fields`].

use serde_json::value::RawValue;

use super::number::Kind;
use super::scan::quote_at;
use super::visit::raw_value;
use super::{Entries, Items, Reader, Refused};
use crate::drift::{Found, UNKNOWN_KEY_MAX, cut};
use crate::fields::{Elements, Fields};
use crate::keys::{KeyTable, UNKNOWN};
use crate::lenient::{Seen, Slot, WireValue};
use crate::text::Text;

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

    /// The number of the key whose opening quote was read, with the cursor behind its colon.
    #[inline]
    fn key_number(&mut self, table: &KeyTable, unknown: &mut Text) -> Result<u8, Refused> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        // What equals a known key holds nothing odd, so only its end is looked for.
        let end = quote_at(bytes, start);
        let mut number = table.find_in(bytes, start, end);
        if number == UNKNOWN {
            number = self.strange_key(table, unknown)?;
        } else {
            self.at = end + 1;
        }
        if self.byte() == b':' {
            self.at += 1;
        } else {
            self.expect(b':')?;
        }
        Ok(number)
    }

    /// A key that is not in the table as it stands there.
    #[cold]
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
        if !self.advance()? {
            return Ok(None);
        }
        self.reader.key_number(table, unknown).map(Some)
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
