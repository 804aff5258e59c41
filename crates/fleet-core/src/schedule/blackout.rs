//! Times in which a schedule does not fly, by the clocks of its zone.

use fleet_types::{Reason, WallMs, schedule::Blackout};
use jiff::{
    Timestamp,
    civil::{DateTime, Time},
    tz::TimeZone,
};

use super::rule::bad;

/// Blackouts of one schedule.
const BLACKOUTS_MAX: usize = 32;
/// Characters of a note.
const NOTE_MAX: usize = 100;

#[derive(Clone, Debug)]
enum Span {
    /// Each day; over midnight when it ends before it begins.
    Daily(Time, Time),
    Once(DateTime, DateTime),
}

/// Blackouts as they were read.
#[derive(Clone, Debug)]
pub struct Blackouts {
    zone: TimeZone,
    spans: Vec<(Span, String)>,
}

impl Blackouts {
    /// Reads them.
    ///
    /// # Errors
    /// What is wrong with one.
    pub fn read(list: &[Blackout], zone: &TimeZone) -> Result<Self, Reason> {
        if list.len() > BLACKOUTS_MAX {
            return Err(bad(format!("there are at most {BLACKOUTS_MAX} blackouts")));
        }
        let spans = list.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { zone: zone.clone(), spans })
    }

    /// The note of the first one that covers this time; may be empty.
    #[must_use]
    pub fn covers(&self, at: WallMs) -> Option<&str> {
        if self.spans.is_empty() {
            return None;
        }
        let local = self.zone.to_datetime(Timestamp::from_millisecond(at.0).ok()?);
        let covers = |span: &Span| match *span {
            Span::Once(from, until) => from <= local && local < until,
            Span::Daily(from, until) if from < until => {
                from <= local.time() && local.time() < until
            }
            Span::Daily(from, until) => from <= local.time() || local.time() < until,
        };
        self.spans.iter().find(|(span, _)| covers(span)).map(|(_, note)| note.as_str())
    }
}

fn read(one: &Blackout) -> Result<(Span, String), Reason> {
    let Blackout { from, until, note } = one;
    let wrong = || bad(format!("the blackout from {from:?} until {until:?} is no span of time"));
    if note.chars().count() > NOTE_MAX || note.chars().any(char::is_control) {
        return Err(bad("a blackout's note has at most 100 characters".into()));
    }
    // A date would be read as its midnight where a time of day is meant.
    let is_daily = |text: &str| (4..=8).contains(&text.len()) && text.contains(':');
    let span = if is_daily(from) && is_daily(until) {
        let time = |text: &str| text.parse::<Time>().map_err(|_| wrong());
        Span::Daily(time(from)?, time(until)?)
    } else if is_daily(from) || is_daily(until) {
        return Err(wrong());
    } else {
        let time = |text: &str| text.parse::<DateTime>().map_err(|_| wrong());
        let (from, until) = (time(from)?, time(until)?);
        if from >= until {
            return Err(wrong());
        }
        Span::Once(from, until)
    };
    if matches!(span, Span::Daily(from, until) if from == until) {
        return Err(wrong());
    }
    Ok((span, note.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blackouts(from: &str, until: &str) -> Result<Blackouts, Reason> {
        let one = Blackout { from: from.into(), until: until.into(), note: "night".into() };
        Blackouts::read(&[one], &TimeZone::get("Asia/Seoul").unwrap())
    }

    #[track_caller]
    fn check(from: &str, until: &str, expect: &[(&str, bool)]) {
        let found = blackouts(from, until).unwrap();
        for (at, covered) in expect {
            let stamp: Timestamp = format!("{at}+09:00").parse().unwrap();
            let covers = found.covers(WallMs(stamp.as_millisecond()));
            assert_eq!(covers, covered.then_some("night"), "{from}–{until} at {at}");
        }
    }

    #[test]
    fn spans_are_by_the_zone_s_clocks_and_their_end_is_free() {
        check(
            "22:00",
            "06:00",
            &[
                ("2026-12-01T21:59:59", false),
                ("2026-12-01T22:00:00", true),
                ("2026-12-02T00:00:00", true),
                ("2026-12-02T05:59:59", true),
                ("2026-12-02T06:00:00", false),
            ],
        );
        check(
            "12:00",
            "13:00:30",
            &[("2026-12-01T12:00:00", true), ("2026-12-01T13:00:30", false)],
        );
        check(
            "2026-12-24T00:00:00",
            "2026-12-26T00:00:00",
            &[
                ("2026-12-23T23:59:59", false),
                ("2026-12-25T12:00:00", true),
                ("2026-12-26T00:00:00", false),
            ],
        );
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for (from, until) in [
            ("", ""),
            ("22:00", "2026-12-24T00:00:00"),
            ("25:00", "26:00"),
            ("10:00", "10:00"),
            ("2026-12-26T00:00:00", "2026-12-24T00:00:00"),
            ("noon", "13:00"),
        ] {
            let refused = blackouts(from, until).unwrap_err();
            assert_eq!(refused.code, "bad_schedule", "{from}–{until}");
        }
        let many = vec![
            Blackout { from: "1:00".into(), until: "02:00".into(), note: String::new() };
            BLACKOUTS_MAX + 1
        ];
        assert!(Blackouts::read(&many, &TimeZone::UTC).is_err());
    }
}
