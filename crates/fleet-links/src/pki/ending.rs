//! When a certificate of somebody else's ends: just that date, read from its DER (RFC 5280, 4.1).
//!
//! It judges nothing: whether a certificate is good is for the TLS library to say.

use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::DAY_S;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The last second of the first certificate in this PEM text, since 1970. `None` when there is none,
/// or it cannot be read.
#[must_use]
pub fn ends_s(pem: &[u8]) -> Option<u64> {
    let certificate = CertificateDer::from_pem_slice(pem).ok()?;
    let (outer, _) = expect(&certificate, SEQUENCE)?;
    let (mut fields, _) = expect(outer, SEQUENCE)?;
    if let Some((_, rest)) = expect(fields, VERSION) {
        fields = rest;
    }
    let (_serial, fields) = expect(fields, INTEGER)?;
    let (_algorithm, fields) = expect(fields, SEQUENCE)?;
    let (_issuer, fields) = expect(fields, SEQUENCE)?;
    let (validity, _) = expect(fields, SEQUENCE)?;
    let (_, _, validity) = element(validity)?;
    let (kind, not_after, _) = element(validity)?;
    seconds(kind, std::str::from_utf8(not_after).ok()?)
}

/// Tag, content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(long - 0x80))?;
            (length.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn expect(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(bytes)?;
    (tag == wanted).then_some((content, rest))
}

/// `YYMMDDHHMMSSZ` of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
fn seconds(kind: u8, text: &str) -> Option<u64> {
    let digits = text.strip_suffix('Z').filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    let (year, rest) = match (kind, digits.len()) {
        (UTC_TIME, 12) => {
            let short: i64 = digits[..2].parse().ok()?;
            (if short < 50 { 2000 + short } else { 1900 + short }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (digits[..4].parse().ok()?, &digits[4..]),
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day) = (part(0)?, part(2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let within = part(4)? * 3600 + part(6)? * 60 + part(8)?;
    let seconds = days_since_1970(year, month, day) * i64::try_from(DAY_S).ok()? + within;
    u64::try_from(seconds).ok()
}

/// Days in the Gregorian calendar; the year is taken to begin in March, so that the leap day is its
/// last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Authority, Validity};

    #[test]
    fn the_date_is_the_one_that_was_written() {
        for days in [1, 400, 9_000, 40_000] {
            let validity = Validity::days(1_790_000_000, days);
            let (_, own) = Authority::create("Site", validity).unwrap();
            assert_eq!(
                ends_s(own.certificate.as_bytes()),
                Some(own.validity.not_after_s),
                "{days}"
            );
        }
    }

    #[test]
    fn both_kinds_of_dates_and_leap_days_are_read() {
        let check = |kind, text, expect| assert_eq!(seconds(kind, text), expect, "{text}");
        check(UTC_TIME, "700101000000Z", Some(0));
        check(UTC_TIME, "240229235959Z", Some(1_709_251_199));
        check(UTC_TIME, "491231235959Z", Some(2_524_607_999));
        check(GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799));
        check(GENERALIZED_TIME, "20000301000000Z", Some(951_868_800));
        for wrong in ["", "Z", "701301000000Z", "7001010000Z", "70010100000xZ", "7001010000000"] {
            check(UTC_TIME, wrong, None);
        }
    }

    #[test]
    fn nothing_that_is_no_certificate_is_read() {
        let (_, own) = Authority::create("Site", Validity::days(1_790_000_000, 9)).unwrap();
        let der = CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap();
        for cut in 0..der.len() {
            let _ = element(&der[..cut]);
        }
        for text in ["", "x", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"] {
            assert_eq!(ends_s(text.as_bytes()), None);
        }
    }
}
