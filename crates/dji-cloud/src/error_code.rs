//! Result codes in words, English and Korean.
//!
//! Codes are `ABCDEF`: A who reports (3 and 5 devices, 2 cloud), BC a module, DEF the error. The
//! words are ours; the table holds what a Dock 2 operator meets with waylines and remote debug and
//! is sorted so that it can grow to all 443 documented codes. An unknown code is not explained, it
//! is shown as it is. Source: the error code page (`71.error-code`).

mod table;

use self::table::TABLE;

/// A code explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorText {
    /// The code.
    pub code: i64,
    /// What happened and what to do, in English.
    pub en: &'static str,
    /// The same in Korean.
    pub ko: &'static str,
}

/// Looks a code up; `None` for codes the table does not explain.
#[must_use]
pub fn describe(code: i64) -> Option<&'static ErrorText> {
    TABLE.binary_search_by_key(&code, |text| text.code).ok().and_then(|index| TABLE.get(index))
}

/// Every code the table explains, in ascending order.
#[must_use]
pub fn all() -> &'static [ErrorText] {
    TABLE
}

/// The module a code belongs to, by its digits. The documentation does not name modules; the names
/// are inferred from their messages.
#[must_use]
pub const fn module(code: i64) -> Option<&'static str> {
    Some(match code / 1000 {
        210 => "cloud",
        312 => "firmware",
        314 => "wayline_dispatch",
        315 => "multi_dock",
        316 => "aircraft",
        317 => "media_storage",
        319 => "task_scheduler",
        321 => "wayline_execution",
        322 => "wayline_break_point",
        324 | 325 => "logs",
        326 => "dongle",
        327 => "payload",
        328 => "registration",
        336 => "fly_to",
        337 | 338 => "direct_control",
        513 => "live",
        514 => "dock_hardware",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete_in_both_languages() {
        assert!(TABLE.is_sorted_by(|a, b| a.code < b.code));
        assert!(TABLE.len() >= 60, "{}", TABLE.len());
        for text in TABLE {
            assert_eq!(describe(text.code), Some(text));
            assert!(text.en.is_ascii() && text.en.ends_with('.'), "{}", text.code);
            let has_hangul = text.ko.chars().any(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c));
            assert!(has_hangul && text.ko.ends_with('.'), "{}", text.code);
            assert!(text.code < 10 || module(text.code).is_some(), "{}", text.code);
        }
        assert_eq!(describe(999_999), None);
        assert_eq!(describe(514_121).map(|text| text.en.contains("emergency stop")), Some(true));
        assert_eq!(module(0), None);
    }
}
