//! JSON text to serde's visitors, quickly, where the text is plain.
//!
//! It reads what devices send (no escapes, numbers of up to 15 digits) in one pass over the bytes
//! and hands everything odd, piece by piece, to `serde_json`. It never says what is wrong: where it
//! refuses a text, [`from_str`] asks `serde_json`, whose answer counts. So it may refuse too much,
//! at the cost of time, but must never accept or read otherwise than `serde_json` does; the tests
//! and fuzz targets compare the two. Nesting is bounded, nothing here recurses but the visitors.
//! Next: [`crate::lenient`].

mod scan;
#[cfg(test)]
mod tests;

use core::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use self::scan::{byte_at, digits, digits_end, next_byte, plain_end};

/// Deepest nesting read here: `serde_json` refuses to recurse deeper, and skips by other rules.
pub(crate) const NESTING_MAX: u8 = 127;
/// Powers of ten that a double holds exactly.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// Digits that fit a double exactly, so that one division rounds correctly.
const DIGITS_MAX: usize = 15;
/// How `serde_json` asks a deserializer for raw text. Should it ask otherwise one day, raw text is
/// refused here and read by `serde_json` itself.
const RAW: &str = "$serde_json::private::RawValue";

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
    let mut reader = Reader { text, at: 0, levels: nesting.min(NESTING_MAX) };
    let value = seed.deserialize(&mut reader).ok()?;
    (reader.peek() == 0 && reader.at == text.len()).then_some(value)
}

struct Reader<'de> {
    text: &'de str,
    at: usize,
    /// Levels of nesting that may still be entered.
    levels: u8,
}

enum Number {
    Unsigned(u64),
    Negative(i64),
    Float(f64),
}

impl<'de> Reader<'de> {
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

    fn number(&mut self) -> Result<Number, Refused> {
        let bytes = self.text.as_bytes();
        let sign = byte_at(bytes, self.at);
        // Most numbers are states and flags of one digit.
        if sign.is_ascii_digit() && matches!(byte_at(bytes, self.at + 1), b',' | b'}') {
            self.at += 1;
            return Ok(Number::Unsigned(u64::from(sign - b'0')));
        }
        let is_negative = sign == b'-';
        let first = self.at + usize::from(is_negative);
        let (end, value) = digits(bytes, first, 0);
        let whole = end - first;
        if whole == 0 || (whole > 1 && byte_at(bytes, first) == b'0') || whole > DIGITS_MAX {
            return self.odd_number();
        }
        let next = byte_at(bytes, end);
        if next == b'.' {
            let (fraction_end, value) = digits(bytes, end + 1, value);
            let fraction = fraction_end - end - 1;
            let is_plain = fraction > 0
                && whole + fraction <= DIGITS_MAX
                && !matches!(byte_at(bytes, fraction_end), b'e' | b'E');
            return match POWERS.get(fraction) {
                Some(power) if is_plain => {
                    self.at = fraction_end;
                    #[allow(clippy::cast_precision_loss)] // 15 digits are exact
                    let value = value as f64 / power;
                    Ok(Number::Float(if is_negative { -value } else { value }))
                }
                _ => self.odd_number(),
            };
        }
        if matches!(next, b'e' | b'E') {
            return self.odd_number();
        }
        self.at = end;
        match i64::try_from(value) {
            _ if !is_negative => Ok(Number::Unsigned(value)),
            // Minus nothing is a float.
            Ok(0) => Ok(Number::Float(-0.0)),
            Ok(value) => Ok(Number::Negative(-value)),
            Err(_) => Err(Refused),
        }
    }

    #[cold]
    fn odd_number(&mut self) -> Result<Number, Refused> {
        let start = self.at;
        while matches!(self.byte(), b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-') {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).ok_or(Refused)?;
        let number: serde_json::Number = serde_json::from_str(text).map_err(|_| Refused)?;
        if let Some(value) = number.as_u64() {
            return Ok(Number::Unsigned(value));
        }
        if let Some(value) = number.as_i64() {
            return Ok(Number::Negative(value));
        }
        number.as_f64().map(Number::Float).ok_or(Refused)
    }

    /// Skips a value, checking that it is JSON.
    fn skip_value(&mut self) -> Result<(), Refused> {
        let bytes = self.text.as_bytes();
        // One bit a level, the lowest the innermost: is it an object?
        let (mut objects, mut depth) = (0_u128, 0_u8);
        let mut at = self.at;
        loop {
            match next_byte(bytes, &mut at) {
                b'"' => at = self.skip_string(at)?,
                b'-' | b'0'..=b'9' => at = skip_number(bytes, at)?,
                opening @ (b'{' | b'[') => {
                    at += 1;
                    if depth >= self.levels {
                        return Err(Refused);
                    }
                    let is_object = opening == b'{';
                    // In ASCII, closing brackets come two after their opening ones.
                    if next_byte(bytes, &mut at) == opening + 2 {
                        at += 1;
                    } else {
                        objects = (objects << 1) | u128::from(is_object);
                        depth += 1;
                        if is_object {
                            at = self.skip_key(at)?;
                        }
                        continue;
                    }
                }
                _ => at = skip_word(bytes, at)?,
            }
            loop {
                if depth == 0 {
                    self.at = at;
                    return Ok(());
                }
                let is_object = objects & 1 == 1;
                match next_byte(bytes, &mut at) {
                    b',' => {
                        at += 1;
                        if is_object {
                            at = self.skip_key(at)?;
                        }
                        break;
                    }
                    b'}' if is_object => {}
                    b']' if !is_object => {}
                    _ => return Err(Refused),
                }
                at += 1;
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    /// Skips a string; `at` is at its opening quote.
    #[inline]
    fn skip_string(&self, at: usize) -> Result<usize, Refused> {
        let end = plain_end(self.text.as_bytes(), at + 1);
        if byte_at(self.text.as_bytes(), end) == b'"' {
            return Ok(end + 1);
        }
        self.skip_odd_string(at)
    }

    #[cold]
    fn skip_odd_string(&self, at: usize) -> Result<usize, Refused> {
        let mut ahead = Reader { text: self.text, at: at + 1, levels: 0 };
        let text = ahead.odd_string()?;
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| Refused)?;
        Ok(ahead.at)
    }

    #[inline]
    fn skip_key(&self, mut at: usize) -> Result<usize, Refused> {
        let bytes = self.text.as_bytes();
        if next_byte(bytes, &mut at) != b'"' {
            return Err(Refused);
        }
        at = self.skip_string(at)?;
        if next_byte(bytes, &mut at) != b':' {
            return Err(Refused);
        }
        Ok(at + 1)
    }
}

/// Skips a number of any size, as long as it is written as JSON wants it.
#[inline]
fn skip_number(bytes: &[u8], at: usize) -> Result<usize, Refused> {
    if byte_at(bytes, at) != b'-' && matches!(byte_at(bytes, at + 1), b',' | b'}') {
        return Ok(at + 1);
    }
    let first = at + usize::from(byte_at(bytes, at) == b'-');
    let mut end = digits_end(bytes, first);
    if end == first || (end > first + 1 && byte_at(bytes, first) == b'0') {
        return Err(Refused);
    }
    if byte_at(bytes, end) == b'.' {
        let fraction = end + 1;
        end = digits_end(bytes, fraction);
        if end == fraction {
            return Err(Refused);
        }
    }
    if matches!(byte_at(bytes, end), b'e' | b'E') {
        let sign = usize::from(matches!(byte_at(bytes, end + 1), b'+' | b'-'));
        let exponent = end + 1 + sign;
        end = digits_end(bytes, exponent);
        if end == exponent {
            return Err(Refused);
        }
    }
    Ok(end)
}

fn skip_word(bytes: &[u8], at: usize) -> Result<usize, Refused> {
    let rest = bytes.get(at..).unwrap_or_default();
    let word = ["true", "false", "null"].iter().find(|word| rest.starts_with(word.as_bytes()));
    word.map(|word| at + word.len()).ok_or(Refused)
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Refused;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.peek() {
            b'-' | b'0'..=b'9' => match self.number()? {
                Number::Unsigned(value) => visitor.visit_u64(value),
                Number::Negative(value) => visitor.visit_i64(value),
                Number::Float(value) => visitor.visit_f64(value),
            },
            b'"' => {
                self.at += 1;
                visit_string(self, visitor)
            }
            b'{' => {
                self.enter()?;
                let value = visitor.visit_map(Entries { reader: self, is_first: true })?;
                self.leave(b'}')?;
                Ok(value)
            }
            b'[' => {
                self.enter()?;
                let value = visitor.visit_seq(Elements { reader: self, is_first: true })?;
                self.leave(b']')?;
                Ok(value)
            }
            b't' => {
                self.word("true")?;
                visitor.visit_bool(true)
            }
            b'f' => {
                self.word("false")?;
                visitor.visit_bool(false)
            }
            b'n' => {
                self.word("null")?;
                visitor.visit_unit()
            }
            _ => Err(Refused),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.skip_value()?;
        visitor.visit_unit()
    }

    /// Raw text is asked for in this way.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        if name != RAW {
            return Err(Refused);
        }
        self.peek();
        let start = self.at;
        self.skip_value()?;
        visitor.visit_map(RawText(self.text.get(start..self.at)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// Shows the string whose opening quote was read.
#[inline]
fn visit_string<'de, V: Visitor<'de>>(
    reader: &mut Reader<'de>,
    visitor: V,
) -> Result<V::Value, Refused> {
    match reader.plain_string() {
        Some(plain) => visitor.visit_borrowed_str(plain),
        None => visit_odd_string(reader, visitor),
    }
}

#[cold]
fn visit_odd_string<'de, V: Visitor<'de>>(
    reader: &mut Reader<'de>,
    visitor: V,
) -> Result<V::Value, Refused> {
    let text: String = serde_json::from_str(reader.odd_string()?).map_err(|_| Refused)?;
    visitor.visit_str(&text)
}

struct Key<'r, 'de>(&'r mut Reader<'de>);

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Refused;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visit_string(self.0, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

struct Entries<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Refused;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        let reader = &mut *self.reader;
        let mut byte = reader.peek();
        if byte == b'}' {
            return Ok(None);
        }
        if !self.is_first {
            reader.expect(b',')?;
            byte = reader.peek();
        }
        self.is_first = false;
        if byte != b'"' {
            return Err(Refused);
        }
        reader.at += 1;
        let key = seed.deserialize(Key(reader))?;
        self.reader.expect(b':')?;
        Ok(Some(key))
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(&mut *self.reader)
    }
}

struct Elements<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Refused;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        if self.reader.peek() == b']' {
            return Ok(None);
        }
        if !self.is_first {
            self.reader.expect(b',')?;
        }
        self.is_first = false;
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

/// Raw text in the form that `serde_json` takes it in: an object of one reserved key.
struct RawText<'de>(Option<&'de str>);

impl<'de> MapAccess<'de> for RawText<'de> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        if self.0.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(RAW)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        let text = self.0.take().ok_or(Refused)?;
        seed.deserialize(BorrowedStrDeserializer::new(text))
    }
}
