//! The codes themselves: one file a range, joined into one table in ascending order.
//!
//! It judges nothing. A new code goes into the file of its range; the tests of
//! [`super`] hold the order. See [`super::describe`].

mod aircraft;
mod dispatch;
mod dock;
mod fly_to;
mod general;
mod payload;
mod task;
mod upkeep;

use super::{Advice, ErrorText, Origin};

const PARTS: [&[ErrorText]; 8] = [
    general::CODES,
    dispatch::CODES,
    aircraft::CODES,
    task::CODES,
    upkeep::CODES,
    payload::CODES,
    fly_to::CODES,
    dock::CODES,
];

const LEN: usize = {
    let (mut len, mut part) = (0, 0);
    while part < PARTS.len() {
        len += PARTS[part].len();
        part += 1;
    }
    len
};

pub(super) static TABLE: [ErrorText; LEN] = {
    let mut table = [page(0, &[], "", ""); LEN];
    let (mut at, mut part) = (0, 0);
    while part < PARTS.len() {
        let mut index = 0;
        while index < PARTS[part].len() {
            table[at] = PARTS[part][index];
            at += 1;
            index += 1;
        }
        part += 1;
    }
    table
};

/// A code of the error code page.
const fn doc(
    code: i64,
    advice: &'static [Advice],
    en: &'static str,
    ko: &'static str,
) -> ErrorText {
    ErrorText { code, en, ko, advice, origin: Origin::ErrorPage }
}

/// A code that another page or an example mentions.
const fn page(
    code: i64,
    advice: &'static [Advice],
    en: &'static str,
    ko: &'static str,
) -> ErrorText {
    ErrorText { code, en, ko, advice, origin: Origin::OtherPage }
}

/// A code that only DJI's Java SDK lists.
const fn sdk(
    code: i64,
    advice: &'static [Advice],
    en: &'static str,
    ko: &'static str,
) -> ErrorText {
    ErrorText { code, en, ko, advice, origin: Origin::SdkOnly }
}
