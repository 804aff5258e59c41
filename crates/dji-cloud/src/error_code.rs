//! Result codes in words, English and Korean, with what to do about them.
//!
//! Codes are `ABCDEF`: A who reports (3 and 5 devices, 2 cloud), BC a module, DEF the error. All
//! 443 codes of the error code page are explained, 9 that other pages mention and 24 that only
//! DJI's Java SDK names ([`Origin`]). The words are ours. It refuses to explain an unknown code:
//! that is shown as it is. Source: the error code page (`71.error-code`). Next: [`crate::reply`].

mod advice;
mod table;

pub use self::advice::Advice;
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
    /// What to do, for programs; most helpful first, empty when nothing in particular helps.
    pub advice: &'static [Advice],
    /// Where the code is known from.
    pub origin: Origin,
}

impl ErrorText {
    /// The module the code belongs to, see [`module`].
    #[must_use]
    pub const fn module(&self) -> Option<&'static str> {
        module(self.code)
    }
}

/// Where a code is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The error code page lists it.
    ErrorPage,
    /// Another page or an example mentions it.
    OtherPage,
    /// Only DJI's Java SDK lists it; its meaning is inferred from its name.
    SdkOnly,
}

/// Looks a code up; `None` for codes the table does not explain.
#[must_use]
pub fn describe(code: i64) -> Option<&'static ErrorText> {
    TABLE.binary_search_by_key(&code, |text| text.code).ok().and_then(|index| TABLE.get(index))
}

/// Every code the table explains, in ascending order.
#[must_use]
pub fn all() -> &'static [ErrorText] {
    &TABLE
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
        324 => "logs",
        325 => "command_handling",
        326 => "cellular",
        327 => "payload",
        328 => "registration",
        336 => "fly_to",
        337 => "take_off",
        338 => "fly_to_dock",
        386 => "task",
        513 => "live",
        514 => "dock_hardware",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete_in_both_languages() {
        assert!(TABLE.is_sorted_by(|a, b| a.code < b.code));
        for text in &TABLE {
            assert_eq!(describe(text.code), Some(text));
            assert!(text.en.is_ascii() && text.en.ends_with('.'), "{}", text.code);
            let has_hangul = text.ko.chars().any(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c));
            assert!(has_hangul && text.ko.ends_with('.'), "{}", text.code);
            assert!(text.code < 10 || text.module().is_some(), "{}", text.code);
            let mut advice = text.advice.to_vec();
            advice.dedup();
            assert_eq!(advice, text.advice, "{}", text.code);
        }
        assert_eq!(describe(999_999), None);
        assert_eq!(describe(514_121).map(|text| text.en.contains("emergency stop")), Some(true));
        assert_eq!(module(0), None);
    }

    #[test]
    fn every_known_code_is_there() {
        let count = |origin| all().iter().filter(|text| text.origin == origin).count();
        assert_eq!(count(Origin::ErrorPage), 443);
        assert_eq!(count(Origin::OtherPage), 9);
        assert_eq!(count(Origin::SdkOnly), 24);
    }

    #[test]
    fn what_a_program_is_advised_the_words_say_too() {
        // The words that stand for an advice; several say "try again" in their own way.
        let words: BTreeMap<_, &[&str]> = BTreeMap::from([
            (Advice::ReleaseEmergencyStop, &["mergency stop"][..]),
            (Advice::RestartDock, &["estart"][..]),
            (Advice::Charge, &["harge", "battery"][..]),
            (Advice::AskSupport, &["support"][..]),
            (Advice::CheckByVideo, &["video"][..]),
        ]);
        for text in all() {
            for advice in text.advice {
                let Some(words) = words.get(advice) else { continue };
                assert!(words.iter().any(|word| text.en.contains(word)), "{advice:?} {text:?}");
            }
        }
        let stop = describe(514_121).map(|text| text.advice);
        assert_eq!(stop, Some(&[Advice::ReleaseEmergencyStop][..]));
    }
}
