//! What a conditional mission asks of the world, asked of our own facts.
//!
//! The dock says `flighttask_ready` when its conditions hold; that was then. Right before take-off
//! is ordered all of them are asked again here, with those that the dock does not know. A fact that
//! is old or was never heard does not hold.

use fleet_types::{Reason, WallMs, plan::ReadyConditions};

use crate::{
    interlock::Fact,
    preflight::{FlightFacts, say},
};

/// Why the conditions make no sense, asked when the mission is taken.
///
/// # Errors
/// What is wrong with them.
pub fn check(ready: &ReadyConditions, now: WallMs) -> Result<(), Reason> {
    let bad = |en: &'static str, ko: &'static str| Err(say("bad_conditions", en, ko));
    if ready.battery_percent > 100 {
        return bad("battery_percent lies between 0 and 100", "battery_percent는 0~100입니다");
    }
    if ready.begin_ms >= ready.end_ms {
        return bad("The time window ends before it begins.", "시간대의 끝이 시작보다 빠릅니다.");
    }
    if ready.end_ms <= now {
        return bad("The time window is over.", "시간대가 이미 지났습니다.");
    }
    if ready.rain_max.is_some_and(|rain| rain > 3) {
        return bad("rain_max lies between 0 and 3", "rain_max는 0~3입니다");
    }
    if ready.link_min.is_some_and(|link| !(1..=5).contains(&link)) {
        return bad("link_min lies between 1 and 5", "link_min은 1~5입니다");
    }
    Ok(())
}

/// The first condition that does not hold now.
#[must_use]
pub fn first_unmet(ready: &ReadyConditions, facts: &FlightFacts, now: WallMs) -> Option<Reason> {
    if now < ready.begin_ms || now > ready.end_ms {
        return Some(say(
            "waits_for_time",
            "It waits for its time window.",
            "정해진 시간대를 기다리는 중입니다.",
        ));
    }
    let battery = i64::from(ready.battery_percent);
    if !holds(facts.battery_percent, |percent| percent > battery) {
        return Some(say(
            "waits_for_battery",
            format!("It waits for a battery of more than {battery} %."),
            format!("배터리가 {battery} %를 넘을 때까지 기다리는 중입니다."),
        ));
    }
    if let Some(most) = ready.wind_max_dmps.map(i64::from)
        && !holds(facts.wind_dmps, |wind| wind <= most)
    {
        let mps = most as f64 / 10.0;
        return Some(say(
            "waits_for_wind",
            format!("It waits for wind of at most {mps:.1} m/s."),
            format!("바람이 {mps:.1} m/s 이하가 될 때까지 기다리는 중입니다."),
        ));
    }
    if let Some(most) = ready.rain_max.map(i64::from)
        && !holds(facts.rain, |rain| rain <= most)
    {
        return Some(say(
            "waits_for_rain",
            "It waits for less rain.",
            "비가 잦아들 때까지 기다리는 중입니다.",
        ));
    }
    if let Some(least) = ready.link_min.map(i64::from)
        && !holds(facts.network, |quality| quality >= least)
    {
        return Some(say(
            "waits_for_link",
            "It waits for a better network at the dock.",
            "도크의 통신 상태가 나아지기를 기다리는 중입니다.",
        ));
    }
    if let Some(least) = ready.storage_min_mb.map(i64::from)
        && facts.aircraft_free_mb.is_none_or(|free| free < least)
    {
        return Some(say(
            "waits_for_storage",
            format!("It waits for {least} MB of free storage on the aircraft."),
            format!("기체 저장 공간 {least} MB가 확보될 때까지 기다리는 중입니다."),
        ));
    }
    None
}

fn holds(fact: Fact, fits: impl Fn(i64) -> bool) -> bool {
    match fact {
        Fact::Fresh(value) => fits(value),
        Fact::Stale | Fact::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::preflight::tests::good;

    fn ready() -> ReadyConditions {
        ReadyConditions {
            battery_percent: 60,
            begin_ms: WallMs(1_000),
            end_ms: WallMs(9_000),
            wind_max_dmps: Some(70),
            rain_max: Some(0),
            link_min: Some(3),
            storage_min_mb: Some(500),
        }
    }

    #[track_caller]
    fn unmet(facts: &FlightFacts, at: i64, expect: Option<&str>) {
        let found = first_unmet(&ready(), facts, WallMs(at)).map(|reason| reason.code.into_owned());
        assert_eq!(found.as_deref(), expect);
    }

    #[test]
    fn each_condition_holds_the_flight_back_on_its_own() {
        unmet(&good(), 5_000, None);
        unmet(&good(), 999, Some("waits_for_time"));
        unmet(&good(), 9_001, Some("waits_for_time"));
        let with = |change: fn(&mut FlightFacts)| {
            let mut facts = good();
            change(&mut facts);
            facts
        };
        // More than the asked percentage, not as much.
        unmet(&with(|f| f.battery_percent = Fact::Fresh(60)), 5_000, Some("waits_for_battery"));
        unmet(&with(|f| f.battery_percent = Fact::Stale), 5_000, Some("waits_for_battery"));
        unmet(&with(|f| f.wind_dmps = Fact::Fresh(71)), 5_000, Some("waits_for_wind"));
        unmet(&with(|f| f.wind_dmps = Fact::Unknown), 5_000, Some("waits_for_wind"));
        unmet(&with(|f| f.rain = Fact::Fresh(1)), 5_000, Some("waits_for_rain"));
        unmet(&with(|f| f.network = Fact::Fresh(2)), 5_000, Some("waits_for_link"));
        unmet(&with(|f| f.aircraft_free_mb = None), 5_000, Some("waits_for_storage"));
        unmet(&with(|f| f.aircraft_free_mb = Some(499)), 5_000, Some("waits_for_storage"));
    }

    #[test]
    fn conditions_that_cannot_come_true_are_refused() {
        let check = |change: fn(&mut ReadyConditions), fits: bool| {
            let mut ready = ready();
            change(&mut ready);
            assert_eq!(super::check(&ready, WallMs(500)).is_ok(), fits, "{ready:?}");
        };
        check(|_| {}, true);
        check(|ready| ready.battery_percent = 101, false);
        check(|ready| ready.end_ms = ready.begin_ms, false);
        check(|ready| ready.end_ms = WallMs(400), false);
        check(|ready| ready.rain_max = Some(4), false);
        check(|ready| ready.link_min = Some(0), false);
    }

    proptest! {
        /// Whatever the facts, none that is not fresh lets a flight go, and none outside its bound.
        #[test]
        fn nothing_flies_on_what_is_not_known(
            battery in 0_i64..=100, wind in 0_i64..200, rain in 0_i64..=3, link in 0_i64..=5,
            free in 0_i64..2_000, at in 0_i64..12_000, old in 0_usize..8,
        ) {
            let mut facts = good();
            facts.battery_percent = Fact::Fresh(battery);
            facts.wind_dmps = Fact::Fresh(wind);
            facts.rain = Fact::Fresh(rain);
            facts.network = Fact::Fresh(link);
            facts.aircraft_free_mb = Some(free);
            match old {
                0 => facts.battery_percent = Fact::Stale,
                1 => facts.wind_dmps = Fact::Stale,
                2 => facts.rain = Fact::Unknown,
                3 => facts.network = Fact::Stale,
                _ => {}
            }
            let fits = old > 3
                && (1_000..=9_000).contains(&at)
                && battery > 60 && wind <= 70 && rain == 0 && link >= 3 && free >= 500;
            prop_assert_eq!(first_unmet(&ready(), &facts, WallMs(at)).is_none(), fits);
        }
    }
}
