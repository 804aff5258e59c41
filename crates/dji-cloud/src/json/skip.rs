//! Skipping values, checking that they are JSON.
//!
//! It keeps nothing and recurses nowhere: how deep it is stands in one word of bits.
//! Next: [`super`].

use serde::de::IgnoredAny;

use super::scan::{byte_at, digits_end, next_byte, short_plain_end};
use super::{Reader, Refused};

impl Reader<'_> {
    /// Skips a value, checking that it is JSON.
    pub(super) fn skip_value(&mut self) -> Result<(), Refused> {
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
        let end = short_plain_end(self.text.as_bytes(), at + 1);
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
