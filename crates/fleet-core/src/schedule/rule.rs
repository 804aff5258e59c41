//! A recurrence rule of RFC 5545, the part of it that missions need.
//!
//! Times are by the clocks of the zone: nine in the morning stays nine in the morning when the
//! clocks change. A time that the clocks skip is taken at the offset before the change, one that
//! they show twice the first time, both as the RFC says. `HOURLY` counts hours that pass, not hours
//! on the clock. What is not offered is refused by name, never ignored.

use fleet_types::{Reason, WallMs};
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Weekday},
    tz::TimeZone,
};

use crate::preflight::say;

/// Periods without a time after which a rule has none any more (`BYDAY=5MO` with an interval).
const EMPTY_PERIODS_MAX: u32 = 1_000;
const INTERVAL_MAX: i32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freq {
    Hourly,
    Daily,
    Weekly,
    Monthly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Never,
    Count(u32),
    Until(WallMs),
}

/// A weekday, in a month its number: 1 the first, -1 the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ByDay {
    day: Weekday,
    number: Option<i8>,
}

/// A rule with its first time and its zone; gives its times one after the other.
#[derive(Clone, Debug)]
pub struct Rule {
    first: DateTime,
    zone: TimeZone,
    freq: Freq,
    interval: i32,
    by_day: Vec<ByDay>,
    end: End,
    /// The period looked at next, counted from the first.
    period: i32,
    /// Times of the period before it that were not given yet, latest first.
    pending: Vec<WallMs>,
    given: u32,
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// What is wrong with it, or not offered.
    pub fn new(first: &str, zone: &str, rrule: &str) -> Result<Self, Reason> {
        let zone = TimeZone::get(zone).map_err(|_| {
            bad(format!("{zone:?} is no time zone: use an IANA name such as Asia/Seoul"))
        })?;
        let first: DateTime = first
            .parse()
            .map_err(|_| bad(format!("{first:?} is no local time: use 2026-11-25T09:00:00")))?;
        let mut rule = Self {
            first,
            zone,
            freq: Freq::Daily,
            interval: 1,
            by_day: Vec::new(),
            end: End::Never,
            period: 0,
            pending: Vec::new(),
            given: 0,
        };
        rule.read(rrule)?;
        Ok(rule)
    }

    /// Its time zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn read(&mut self, rrule: &str) -> Result<(), Reason> {
        let mut freq = None;
        for part in rrule.split(';').filter(|part| !part.is_empty()) {
            let (name, value) =
                part.split_once('=').ok_or_else(|| bad(format!("{part:?} has no value")))?;
            match name.to_ascii_uppercase().as_str() {
                "FREQ" => freq = Some(read_freq(value)?),
                "INTERVAL" => {
                    let interval = value.parse().ok().filter(|n| (1..=INTERVAL_MAX).contains(n));
                    self.interval =
                        interval.ok_or_else(|| bad("INTERVAL lies between 1 and 1000".into()))?;
                }
                "BYDAY" => {
                    self.by_day = value.split(',').map(read_day).collect::<Result<_, _>>()?
                }
                "COUNT" => {
                    let count = value.parse().ok().filter(|count| *count > 0);
                    let count = count.ok_or_else(|| bad("COUNT is a number from 1".into()))?;
                    self.set_end(End::Count(count))?;
                }
                "UNTIL" => {
                    let until = self.read_until(value)?;
                    self.set_end(End::Until(until))?;
                }
                other => return Err(bad(format!("{other} is not offered"))),
            }
        }
        self.freq = freq.ok_or_else(|| bad("FREQ is missing".into()))?;
        let numbered = self.by_day.iter().any(|by| by.number.is_some());
        if numbered && self.freq != Freq::Monthly {
            return Err(bad("a numbered weekday such as 1MO needs FREQ=MONTHLY".into()));
        }
        Ok(())
    }

    fn set_end(&mut self, end: End) -> Result<(), Reason> {
        if self.end != End::Never {
            return Err(bad("COUNT and UNTIL exclude each other".into()));
        }
        self.end = end;
        Ok(())
    }

    fn read_until(&self, value: &str) -> Result<WallMs, Reason> {
        let wrong = || bad(format!("UNTIL={value} is no time: use 20261231T235959Z"));
        let at: DateTime = match value.strip_suffix(['Z', 'z']) {
            Some(utc) => {
                let at: DateTime = utc.parse().map_err(|_| wrong())?;
                let at = TimeZone::UTC.to_timestamp(at).map_err(|_| wrong())?;
                return Ok(WallMs(at.as_millisecond()));
            }
            // A day alone means its last moment, by the clocks of the zone.
            None if value.len() == 8 => {
                let day: Date = value.parse().map_err(|_| wrong())?;
                day.at(23, 59, 59, 999_000_000)
            }
            None => value.parse().map_err(|_| wrong())?,
        };
        self.in_zone(at).ok_or_else(wrong)
    }

    /// Its next time.
    pub fn next_time(&mut self) -> Option<WallMs> {
        let mut empty = 0;
        loop {
            if let End::Count(count) = self.end
                && self.given >= count
            {
                return None;
            }
            if let Some(at) = self.pending.pop() {
                if let End::Until(until) = self.end
                    && at > until
                {
                    self.pending.clear();
                    self.end = End::Count(0);
                    return None;
                }
                self.given += 1;
                return Some(at);
            }
            if empty >= EMPTY_PERIODS_MAX {
                return None;
            }
            empty += 1;
            let period = self.period;
            self.period = period.checked_add(1)?;
            self.pending = self.times_of(period)?;
        }
    }

    /// The times of a period, latest first; none beyond the calendar's end.
    fn times_of(&self, period: i32) -> Option<Vec<WallMs>> {
        let step = period.checked_mul(self.interval)?;
        if self.freq == Freq::Hourly {
            return self.hour(step);
        }
        let time = self.first.time();
        let start = self.first.date();
        let dates = match self.freq {
            Freq::Hourly => return None,
            Freq::Daily => vec![start.checked_add(step.days()).ok()?],
            Freq::Weekly => {
                let back = i32::from(start.weekday().to_monday_zero_offset());
                let monday = start.checked_sub(back.days()).ok()?;
                let monday = monday.checked_add(step.checked_mul(7)?.days()).ok()?;
                let own = [ByDay { day: start.weekday(), number: None }];
                let days = if self.by_day.is_empty() { &own[..] } else { &self.by_day };
                days.iter()
                    .filter_map(|by| {
                        let offset = i32::from(by.day.to_monday_zero_offset());
                        monday.checked_add(offset.days()).ok()
                    })
                    .collect()
            }
            Freq::Monthly => {
                let month = start.first_of_month().checked_add(step.months()).ok()?;
                self.days_of_month(month)
            }
        };
        let mut dates: Vec<_> = dates.into_iter().filter(|date| self.fits(*date)).collect();
        dates.sort_unstable();
        dates.dedup();
        let times = dates.into_iter().rev().map(|date| date.to_datetime(time));
        Some(times.filter(|at| *at >= self.first).filter_map(|at| self.in_zone(at)).collect())
    }

    fn hour(&self, step: i32) -> Option<Vec<WallMs>> {
        let first = self.in_zone(self.first)?;
        let at = WallMs(first.0.checked_add(i64::from(step).checked_mul(3_600_000)?)?);
        let stamp = Timestamp::from_millisecond(at.0).ok()?;
        let date = self.zone.to_datetime(stamp).date();
        Some(if self.fits(date) { vec![at] } else { Vec::new() })
    }

    fn days_of_month(&self, month: Date) -> Vec<Date> {
        if self.by_day.is_empty() {
            // A month that is too short has no such day.
            let day = self.first.date().day();
            return Date::new(month.year(), month.month(), day).into_iter().collect();
        }
        let mut days = Vec::new();
        for by in &self.by_day {
            match by.number {
                Some(number) => {
                    days.extend(month.nth_weekday_of_month(number, by.day));
                }
                None => {
                    days.extend((1..=5).filter_map(|n| month.nth_weekday_of_month(n, by.day).ok()));
                }
            }
        }
        days
    }

    /// Whether the weekday is one of those asked for, where they only choose among days.
    fn fits(&self, date: Date) -> bool {
        match self.freq {
            Freq::Hourly | Freq::Daily => {
                self.by_day.is_empty() || self.by_day.iter().any(|by| by.day == date.weekday())
            }
            Freq::Weekly | Freq::Monthly => true,
        }
    }

    fn in_zone(&self, at: DateTime) -> Option<WallMs> {
        let stamp = self.zone.to_ambiguous_timestamp(at).compatible().ok()?;
        Some(WallMs(stamp.as_millisecond()))
    }
}

fn read_freq(value: &str) -> Result<Freq, Reason> {
    Ok(match value.to_ascii_uppercase().as_str() {
        "HOURLY" => Freq::Hourly,
        "DAILY" => Freq::Daily,
        "WEEKLY" => Freq::Weekly,
        "MONTHLY" => Freq::Monthly,
        other => return Err(bad(format!("FREQ={other} is not offered"))),
    })
}

fn read_day(text: &str) -> Result<ByDay, Reason> {
    let wrong = || bad(format!("BYDAY={text} is no weekday"));
    if !text.is_ascii() || text.len() < 2 {
        return Err(wrong());
    }
    let (number, day) = text.split_at(text.len() - 2);
    let day = match day.to_ascii_uppercase().as_str() {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return Err(wrong()),
    };
    let number = match number {
        "" => None,
        number => {
            let number: i8 = number.parse().map_err(|_| wrong())?;
            Some(number).filter(|n| (-5..=5).contains(n) && *n != 0).ok_or_else(wrong)?.into()
        }
    };
    Ok(ByDay { day, number })
}

pub(super) fn bad(en: String) -> Reason {
    say(
        "bad_schedule",
        format!("The rule cannot be read: {en}."),
        format!("반복 규칙을 읽을 수 없습니다: {en}."),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `2026-11-25T09:00+09:00`.
    fn local_text(zone: &TimeZone, stamp: Timestamp) -> String {
        let at = zone.to_datetime(stamp);
        let offset_s = at.duration_since(TimeZone::UTC.to_datetime(stamp)).as_secs();
        let (hours, minutes) = (offset_s / 3_600, offset_s / 60 % 60);
        format!("{}T{:02}:{:02}{hours:+03}:{:02}", at.date(), at.hour(), at.minute(), minutes.abs())
    }

    #[track_caller]
    fn check(first: &str, zone: &str, rrule: &str, expect: &[&str]) {
        let mut rule = Rule::new(first, zone, rrule).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let local = |at: WallMs| {
            let stamp = Timestamp::from_millisecond(at.0).unwrap();
            local_text(&zone, stamp)
        };
        let found: Vec<_> =
            std::iter::from_fn(|| rule.next_time()).take(expect.len() + 1).map(local).collect();
        let more = rrule.contains("COUNT") || rrule.contains("UNTIL");
        assert_eq!(&found[..expect.len().min(found.len())], expect, "{rrule}");
        assert_eq!(found.len(), if more { expect.len() } else { expect.len() + 1 }, "{found:?}");
    }

    #[test]
    fn days_weeks_months_and_hours() {
        let seoul = "Asia/Seoul";
        check(
            "2026-11-25T09:00:00",
            seoul,
            "FREQ=DAILY;INTERVAL=2;COUNT=3",
            &["2026-11-25T09:00+09:00", "2026-11-27T09:00+09:00", "2026-11-29T09:00+09:00"],
        );
        check(
            "2026-11-25T09:00:00",
            seoul,
            "FREQ=DAILY;BYDAY=SA,SU",
            &["2026-11-28T09:00+09:00", "2026-11-29T09:00+09:00", "2026-12-05T09:00+09:00"],
        );
        // It begins on a Wednesday: that week's Monday lies before the first time.
        check(
            "2026-11-25T09:00:00",
            seoul,
            "FREQ=WEEKLY;BYDAY=MO,FR;UNTIL=20261205",
            &["2026-11-27T09:00+09:00", "2026-11-30T09:00+09:00", "2026-12-04T09:00+09:00"],
        );
        check(
            "2026-11-25T09:00:00",
            seoul,
            "FREQ=WEEKLY;INTERVAL=2",
            &["2026-11-25T09:00+09:00", "2026-12-09T09:00+09:00"],
        );
        check(
            "2026-01-31T06:30:00",
            seoul,
            "FREQ=MONTHLY;COUNT=3",
            &["2026-01-31T06:30+09:00", "2026-03-31T06:30+09:00", "2026-05-31T06:30+09:00"],
        );
        check(
            "2026-11-01T06:30:00",
            seoul,
            "FREQ=MONTHLY;BYDAY=-1FR,1MO;COUNT=3",
            &["2026-11-02T06:30+09:00", "2026-11-27T06:30+09:00", "2026-12-07T06:30+09:00"],
        );
        check(
            "2026-11-25T22:00:00",
            seoul,
            "FREQ=HOURLY;INTERVAL=6;COUNT=2",
            &["2026-11-25T22:00+09:00", "2026-11-26T04:00+09:00"],
        );
        check(
            "2026-11-25T09:00:00",
            seoul,
            "FREQ=DAILY;UNTIL=20261126T000000Z",
            &["2026-11-25T09:00+09:00", "2026-11-26T09:00+09:00"],
        );
    }

    #[test]
    fn the_clock_on_the_wall_stays_when_clocks_change() {
        check(
            "2026-03-28T09:00:00",
            "Europe/Berlin",
            "FREQ=DAILY;COUNT=3",
            &["2026-03-28T09:00+01:00", "2026-03-29T09:00+02:00", "2026-03-30T09:00+02:00"],
        );
        // 02:30 does not happen on the 29th of March 2026; it is taken at the offset before.
        check(
            "2026-03-28T02:30:00",
            "Europe/Berlin",
            "FREQ=DAILY;COUNT=3",
            &["2026-03-28T02:30+01:00", "2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"],
        );
        // 02:30 happens twice on the 25th of October 2026; the first one counts, once.
        check(
            "2026-10-24T02:30:00",
            "Europe/Berlin",
            "FREQ=DAILY;COUNT=3",
            &["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        );
        check(
            "2026-03-29T00:30:00",
            "Europe/Berlin",
            "FREQ=HOURLY;COUNT=3",
            &["2026-03-29T00:30+01:00", "2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"],
        );
    }

    #[test]
    fn what_is_not_offered_is_refused_by_name() {
        for rrule in [
            "",
            "FREQ=YEARLY",
            "FREQ=DAILY;BYHOUR=3",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=2;UNTIL=20270101",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;BYDAY=XX",
            "FREQ=MONTHLY;BYDAY=6MO",
            "FREQ=DAILY;UNTIL=soon",
            "DAILY",
            "FREQ=MONTHLY;BYDAY=é",
        ] {
            let refused = Rule::new("2026-11-25T09:00:00", "Asia/Seoul", rrule).unwrap_err();
            assert_eq!(refused.code, "bad_schedule", "{rrule}");
        }
        assert!(Rule::new("2026-11-25T09:00:00", "Mars/Olympus", "FREQ=DAILY").is_err());
        assert!(Rule::new("tomorrow", "Asia/Seoul", "FREQ=DAILY").is_err());
    }

    #[test]
    fn a_rare_time_is_found_and_a_rule_that_never_comes_true_ends() {
        // February has five Sundays only in some leap years: on the 29th in 2032.
        let rrule = "FREQ=MONTHLY;INTERVAL=12;BYDAY=5SU";
        let mut rule = Rule::new("2026-02-01T09:00:00", "UTC", rrule).unwrap();
        assert_eq!(rule.next_time(), Some(WallMs(1_961_658_000_000)));
        // Every fourth year from one that is no leap year never is one.
        let rrule = "FREQ=MONTHLY;INTERVAL=48;BYDAY=5MO";
        let mut rule = Rule::new("2026-02-01T09:00:00", "UTC", rrule).unwrap();
        assert_eq!(rule.next_time(), None);
    }

    proptest! {
        /// Times come in order and never twice, whatever the rule.
        #[test]
        fn times_come_in_order(
            freq in 0_usize..4, interval in 1_i32..50, days in 0_u8..128, day in 1_u8..29,
            hour in 0_u8..24, zone in 0_usize..4, count in 1_u32..40,
        ) {
            let freq = ["HOURLY", "DAILY", "WEEKLY", "MONTHLY"][freq];
            let zone = ["Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"][zone];
            let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
            let chosen: Vec<_> = (0..7).filter(|bit| days >> bit & 1 == 1).map(|bit| names[bit]).collect();
            let by_day = if chosen.is_empty() { String::new() } else { format!(";BYDAY={}", chosen.join(",")) };
            let rrule = format!("FREQ={freq};INTERVAL={interval};COUNT={count}{by_day}");
            let first = format!("2026-03-{day:02}T{hour:02}:30:00");
            let mut rule = Rule::new(&first, zone, &rrule).unwrap();
            let times: Vec<_> = std::iter::from_fn(|| rule.next_time()).take(50).collect();
            prop_assert!(times.len() <= count as usize);
            prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        }
    }
}
