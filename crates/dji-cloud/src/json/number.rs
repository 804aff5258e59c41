//! Numbers of up to 15 digits, eight digits at a time; longer ones are asked of `serde_json`.
//!
//! Next: [`super::scan`].

use super::scan::{byte_at, byte_of, digits, digits_of, number_of, word_at};
use super::{Reader, Refused};

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// The first of them, whole and as doubles.
const TENS: [(u64, f64); 8] = [
    (1, 1e0),
    (10, 1e1),
    (100, 1e2),
    (1000, 1e3),
    (10_000, 1e4),
    (100_000, 1e5),
    (1_000_000, 1e6),
    (10_000_000, 1e7),
];
/// Digits that fit a double exactly, so that one division rounds correctly.
const DIGITS_MAX: usize = 15;

/// How the bits of a [`Number`] are to be read.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// As `u64`.
    Unsigned,
    /// As `i64`, below zero.
    Negative,
    /// As `f64`.
    Float,
}

/// A number. In two words rather than in an enum of three types, so that it is returned in two
/// registers.
#[derive(Clone, Copy)]
pub(super) struct Number {
    pub(super) kind: Kind,
    bits: u64,
}

impl Number {
    pub(super) fn unsigned(self) -> u64 {
        self.bits
    }

    pub(super) fn negative(self) -> i64 {
        self.bits.cast_signed()
    }

    pub(super) fn float(self) -> f64 {
        f64::from_bits(self.bits)
    }

    fn of_unsigned(value: u64) -> Self {
        Self { kind: Kind::Unsigned, bits: value }
    }

    fn of_negative(value: i64) -> Self {
        Self { kind: Kind::Negative, bits: value.cast_unsigned() }
    }

    fn of_float(value: f64) -> Self {
        Self { kind: Kind::Float, bits: value.to_bits() }
    }
}

impl Reader<'_> {
    /// A number of one digit, which most states and flags are; the cursor stays when it is none.
    #[inline]
    pub(super) fn one_digit(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        let digit = byte_at(bytes, self.at).wrapping_sub(b'0');
        if digit > 9 || !matches!(byte_at(bytes, self.at + 1), b',' | b'}') {
            return None;
        }
        self.at += 1;
        Some(digit)
    }

    /// Reads a number that the cursor is on.
    #[inline(never)] // one copy for all types: it stays in the cache
    pub(super) fn number(&mut self) -> Result<Number, Refused> {
        self.short_number().map_or_else(|| self.long_number(), Ok)
    }

    /// A number of at most seven digits before and behind its point, each part in one word; the
    /// cursor stays when it is none.
    #[inline]
    fn short_number(&mut self) -> Option<Number> {
        let bytes = self.text.as_bytes();
        let is_negative = byte_at(bytes, self.at) == b'-';
        let first = self.at + usize::from(is_negative);
        let word = word_at(bytes, first)?;
        let whole = digits_of(word);
        if whole == 0 || whole > 7 {
            return None;
        }
        let value = number_of(word, whole);
        // A zero before other digits is no JSON.
        if whole > 1 && word & 0xff == u64::from(b'0') {
            return None;
        }
        match byte_of(word, whole) {
            b',' | b'}' | b']' if !is_negative => {
                self.at = first + whole;
                Some(Number::of_unsigned(value))
            }
            b'.' => {
                let word = word_at(bytes, first + whole + 1)?;
                let fraction = digits_of(word);
                if fraction == 0 || fraction > 7 || matches!(byte_of(word, fraction), b'e' | b'E') {
                    return None;
                }
                let tens = TENS.get(fraction)?;
                let value = value * tens.0 + number_of(word, fraction);
                self.at = first + whole + 1 + fraction;
                #[allow(clippy::cast_precision_loss)] // 14 digits are exact
                let value = value as f64 / tens.1;
                Some(Number::of_float(if is_negative { -value } else { value }))
            }
            _ => None,
        }
    }

    /// A number of any length.
    #[inline(never)]
    fn long_number(&mut self) -> Result<Number, Refused> {
        let bytes = self.text.as_bytes();
        let is_negative = byte_at(bytes, self.at) == b'-';
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
                    Ok(Number::of_float(if is_negative { -value } else { value }))
                }
                _ => self.odd_number(),
            };
        }
        if matches!(next, b'e' | b'E') {
            return self.odd_number();
        }
        self.at = end;
        match i64::try_from(value) {
            _ if !is_negative => Ok(Number::of_unsigned(value)),
            // Minus nothing is a float.
            Ok(0) => Ok(Number::of_float(-0.0)),
            Ok(value) => Ok(Number::of_negative(-value)),
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
            return Ok(Number::of_unsigned(value));
        }
        if let Some(value) = number.as_i64() {
            return Ok(Number::of_negative(value));
        }
        number.as_f64().map(Number::of_float).ok_or(Refused)
    }
}
