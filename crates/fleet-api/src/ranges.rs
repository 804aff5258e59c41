//! `Range` of a request (RFC 9110, 14): one range of bytes, or the whole.
//!
//! Several ranges at once are answered with the whole, as the standard allows.

use axum::http::{HeaderMap, header};

/// What is asked for of something `length` bytes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Whole,
    /// From the first byte up to and without the second.
    Part(u64, u64),
    /// Nothing of it lies within: 416.
    Outside,
}

/// Reads the headers. With `If-Range` of another version the whole is asked for.
pub(crate) fn asked(headers: &HeaderMap, length: u64, etag: &str) -> Asked {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let other_version = headers.get(header::IF_RANGE).is_some_and(|value| value != etag);
    if other_version {
        return Asked::Whole;
    }
    text(header::RANGE).map_or(Asked::Whole, |range| read(range, length).unwrap_or(Asked::Whole))
}

/// `None` for what is no single range of bytes.
fn read(range: &str, length: u64) -> Option<Asked> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
    };
    let (from, to) = match (first.trim(), last.trim()) {
        ("", "") => return None,
        ("", suffix) => (length.saturating_sub(number(suffix)?), length),
        (first, "") => (number(first)?, length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(length))
        }
    };
    Some(if from < to { Asked::Part(from, to) } else { Asked::Outside })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_the_rest_is_the_whole() {
        let check = |range: &str, expect: Asked| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().unwrap());
            assert_eq!(asked(&headers, 100, "\"v\""), expect, "{range}");
            headers.insert(header::IF_RANGE, "\"v\"".parse().unwrap());
            assert_eq!(asked(&headers, 100, "\"v\""), expect, "{range}");
            assert_eq!(asked(&headers, 100, "\"w\""), Asked::Whole, "{range}");
        };
        check("bytes=0-0", Asked::Part(0, 1));
        check("bytes=10-19", Asked::Part(10, 20));
        check("bytes=90-", Asked::Part(90, 100));
        check("bytes=90-1000", Asked::Part(90, 100));
        check("bytes=-10", Asked::Part(90, 100));
        check("bytes=-1000", Asked::Part(0, 100));
        check("bytes=100-", Asked::Outside);
        check("bytes=-0", Asked::Outside);
        check("bytes=0-18446744073709551615", Asked::Part(0, 100));
        for range in ["bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "items=0-1", "bytes=+1-2"]
        {
            check(range, Asked::Whole);
        }
        assert_eq!(asked(&HeaderMap::new(), 100, ""), Asked::Whole);
    }
}
