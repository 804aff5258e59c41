//! Where plain runs of JSON text end, many bytes at a time.
//!
//! No unsafe code: words are put together from arrays, and the compiler turns that into loads.
//! Next: [`super`].

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
/// Powers of ten by number of digits in one word.
const TENS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The byte at a place; 0, which no JSON holds, behind the end.
#[inline]
pub(super) fn byte_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The next byte that is no white space, with `at` moved to it; 0 behind the end.
#[inline]
pub(super) fn next_byte(bytes: &[u8], at: &mut usize) -> u8 {
    let byte = byte_at(bytes, *at);
    if byte > b' ' {
        return byte;
    }
    *at = space_end(bytes, *at);
    byte_at(bytes, *at)
}

#[cold]
fn space_end(bytes: &[u8], mut at: usize) -> usize {
    while matches!(byte_at(bytes, at), b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    at
}

/// As [`plain_end`], at once for runs of up to 15 characters, which most keys are.
#[inline]
pub(super) fn short_plain_end(bytes: &[u8], at: usize) -> usize {
    let Some(window) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) else {
        return plain_end(bytes, at);
    };
    let (first, second) = two_words(window);
    let odd = odd_bytes(first);
    if odd != 0 {
        return at + (odd.trailing_zeros() / 8) as usize;
    }
    let odd = odd_bytes(second);
    if odd != 0 {
        return at + 8 + (odd.trailing_zeros() / 8) as usize;
    }
    plain_end(bytes, at + 16)
}

/// Where a run of plain characters ends: at a quote, a backslash, a control character, the end.
#[inline(never)] // a call costs less than the registers that its loop takes from its callers
pub(super) fn plain_end(bytes: &[u8], at: usize) -> usize {
    let (words, rest) = bytes.get(at..).unwrap_or_default().as_chunks::<8>();
    let mut end = at;
    for &word in words {
        let odd = odd_bytes(u64::from_le_bytes(word));
        if odd != 0 {
            return end + (odd.trailing_zeros() / 8) as usize;
        }
        end += 8;
    }
    let is_odd = |&byte: &u8| matches!(byte, 0..b' ' | b'"' | b'\\');
    end + rest.iter().position(is_odd).unwrap_or(rest.len())
}

/// Where the next quote is; behind the end when there is none.
#[inline]
pub(super) fn quote_at(bytes: &[u8], at: usize) -> usize {
    let (words, rest) = bytes.get(at..).unwrap_or_default().as_chunks::<8>();
    let mut end = at;
    for &word in words {
        let found = quotes(u64::from_le_bytes(word));
        if found != 0 {
            return end + (found.trailing_zeros() / 8) as usize;
        }
        end += 8;
    }
    end + rest.iter().position(|&byte| byte == b'"').unwrap_or(rest.len())
}

/// The high bit of every quote. Exact up to and with the first of them; behind it there may be
/// false ones.
#[inline]
pub(super) fn quotes(word: u64) -> u64 {
    let others = word ^ (ONES * u64::from(b'"'));
    others.wrapping_sub(ONES) & !others & HIGHS
}

/// Eight bytes as a word.
#[inline]
pub(super) fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|word| u64::from_le_bytes(*word))
}

/// One of the eight bytes of a word.
#[inline]
pub(super) fn byte_of(word: u64, at: usize) -> u8 {
    word.to_le_bytes().get(at).copied().unwrap_or(0)
}

/// Sixteen bytes as two words.
#[inline]
pub(super) fn two_words(bytes: &[u8; 16]) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, second @ ..] = *bytes;
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(second))
}

/// The high bit of every byte that ends a plain run. Exact up to and with the first of them;
/// behind it there may be false ones.
#[inline]
fn odd_bytes(word: u64) -> u64 {
    // With this bit turned, the quote comes right behind the control characters.
    let controls_and_quotes = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslashes = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    (controls_and_quotes | backslashes) & !word & HIGHS
}

/// Where a run of digits ends.
#[inline]
pub(super) fn digits_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let digits = digits_of(u64::from_le_bytes(eight));
        at += digits;
        if digits < 8 {
            return at;
        }
    }
    while byte_at(bytes, at).is_ascii_digit() {
        at += 1;
    }
    at
}

/// Reads digits on to a value, which wraps when there are too many: where they end, and the value.
#[inline]
pub(super) fn digits(bytes: &[u8], mut at: usize, mut value: u64) -> (usize, u64) {
    while let Some(&eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(eight);
        let digits = digits_of(word);
        at += digits;
        let Some(&tens) = TENS.get(digits) else { return (at, value) };
        value = value.wrapping_mul(tens).wrapping_add(number_of(word, digits));
        if digits < 8 {
            return (at, value);
        }
    }
    loop {
        let digit = byte_at(bytes, at).wrapping_sub(b'0');
        if digit > 9 {
            return (at, value);
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
}

/// How many of the eight bytes are digits before the first that is none.
#[inline]
pub(super) fn digits_of(word: u64) -> usize {
    let values = word ^ (ONES * u64::from(b'0'));
    // Ten and more reach the high bit; what a byte carries over it spoils only those behind it.
    let others = (values.wrapping_add(ONES * 0x76) | values) & HIGHS;
    (others.trailing_zeros() / 8) as usize
}

/// The number that the first so many bytes, all digits, write out.
#[inline]
pub(super) fn number_of(word: u64, digits: usize) -> u64 {
    // Moved up so that the last digit is in the last byte; what comes before them reads as 0.
    let unused = 8 * (8 - digits.min(8));
    let values = (word ^ (ONES * u64::from(b'0'))).checked_shl(unused as u32).unwrap_or(0);
    let pairs = (values.wrapping_mul(10 * 256 + 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 * 65_536 + 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul((10_000 << 32) + 1) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_runs_end_at_the_first_odd_byte() {
        for odd in 0..=255_u8 {
            for place in 0..39 {
                let mut bytes = [b'a'; 40];
                bytes[place] = odd;
                bytes[39] = b'"';
                let is_plain = odd >= b' ' && odd != b'"' && odd != b'\\';
                let end = if is_plain { 39 } else { place };
                assert_eq!(plain_end(&bytes, 0), end, "{odd} {place}");
                assert_eq!(short_plain_end(&bytes, 0), end, "{odd} {place}");
                assert_eq!(short_plain_end(&bytes[..24], 0), end.min(24), "{odd} {place}");
            }
        }
        for other in (0..=255_u8).filter(|&byte| byte != b'"') {
            for place in 0..20 {
                let mut bytes = [other; 20];
                assert_eq!(quote_at(&bytes, place), 20);
                bytes[place] = b'"';
                (0..20).for_each(|at| {
                    assert_eq!(quote_at(&bytes, at), if at <= place { place } else { 20 });
                });
            }
        }
        assert_eq!(quote_at(b"\"", 7), 7);
        assert_eq!(plain_end(b"abc", 0), 3);
        assert_eq!(plain_end(b"abc", 7), 7);
    }

    #[test]
    fn digits_end_and_count_as_they_are_written() {
        for other in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
            for len in 0..19 {
                let text = &"1234567890987654321"[..len];
                let mut bytes = text.as_bytes().to_vec();
                bytes.push(other);
                bytes.extend_from_slice(b"5\xff67890123");
                let expected = text.parse().unwrap_or(0);
                assert_eq!(digits(&bytes, 0, 0), (len, expected), "{other} {len}");
                assert_eq!(digits_end(&bytes, 0), len, "{other} {len}");
                assert_eq!(digits(&bytes[..len], 0, 0), (len, expected), "{len}");
            }
        }
    }
}
