//! Which dock is to fly to a place: the best one, and for each other one why not.
//!
//! Pure. A dock that cannot fly is never chosen, however near; among those that can the one that is
//! there first wins, with a little given for calm air and a full battery. What is not known of a
//! dock counts against it. The choice is advice: the gate before take-off is asked all the same.

use fleet_types::{
    DeviceSn, Reason,
    dispatch::{DispatchChoice, DispatchTarget},
};

use crate::preflight::{Limits, say};

/// How far from its dock an aircraft may go, metres (DJI: 10 km for the Dock 2).
pub const REACH_M: f64 = 10_000.0;
/// Cruise, metres a second.
const CRUISE_MPS: f64 = 12.0;
/// Cover, checks and take-off, seconds.
const START_S: f64 = 45.0;
/// Time over the target at least, seconds.
const THERE_S: f64 = 300.0;
/// Battery an hour of flight takes, percent, on the safe side.
const BATTERY_PERCENT_PER_HOUR: f64 = 160.0;
/// Battery left at home, percent.
const RESERVE_PERCENT: f64 = 25.0;
/// Seconds that a metre a second of wind costs against calm air.
const WIND_S_PER_MPS: f64 = 2.0;
/// Seconds that each percent of missing battery costs.
const BATTERY_S_PER_PERCENT: f64 = 0.3;

/// A dock as far as the choice needs it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Dock.
    pub sn: DeviceSn,
    /// Latitude and longitude, degrees.
    pub place: Option<(f64, f64)>,
    /// Aircraft's battery, percent.
    pub battery_percent: Option<f64>,
    /// Wind at the dock, m/s.
    pub wind_mps: Option<f64>,
    /// Rain: 0 none to 3 heavy.
    pub rain: Option<i64>,
    /// What keeps it from flying now: not connected, busy, locked, reserved, aircraft out.
    pub busy: Vec<Reason>,
}

/// Ranks all docks for a target: those that can fly first, best first; then the others by distance.
#[must_use]
pub fn rank(
    target: &DispatchTarget,
    candidates: &[Candidate],
    limits: &Limits,
) -> Vec<DispatchChoice> {
    let mut choices: Vec<_> = candidates.iter().map(|dock| judge(target, dock, limits)).collect();
    let order = |choice: &DispatchChoice| (!choice.why_not.is_empty(), choice.arrival_s.is_none());
    choices.sort_by(|a, b| {
        let (cost_a, cost_b) = (cost(a, candidates), cost(b, candidates));
        order(a).cmp(&order(b)).then(cost_a.total_cmp(&cost_b)).then_with(|| a.sn.cmp(&b.sn))
    });
    let mut place = 0;
    for choice in &mut choices {
        if choice.why_not.is_empty() {
            place += 1;
            choice.rank = Some(place);
        }
    }
    choices
}

fn cost(choice: &DispatchChoice, candidates: &[Candidate]) -> f64 {
    let Some(arrival_s) = choice.arrival_s else { return f64::MAX };
    if !choice.why_not.is_empty() {
        return arrival_s;
    }
    let dock = candidates.iter().find(|dock| dock.sn == choice.sn);
    let wind = dock.and_then(|dock| dock.wind_mps).unwrap_or(0.0);
    let battery = dock.and_then(|dock| dock.battery_percent).unwrap_or(0.0);
    arrival_s + wind * WIND_S_PER_MPS + (100.0 - battery).max(0.0) * BATTERY_S_PER_PERCENT
}

fn judge(target: &DispatchTarget, dock: &Candidate, limits: &Limits) -> DispatchChoice {
    let mut why_not = dock.busy.clone();
    let distance_m = dock.place.map(|place| farthest_m(target, place));
    match distance_m {
        None => why_not.push(say(
            "place_unknown",
            "Where this dock stands is not known yet.",
            "이 도크의 위치를 아직 모릅니다.",
        )),
        Some(m) if m > REACH_M => why_not.push(say(
            "out_of_reach",
            format!(
                "It is {:.1} km away; its aircraft goes {:.0} km at most.",
                m / 1e3,
                REACH_M / 1e3
            ),
            format!(
                "{:.1} km 떨어져 있습니다. 기체는 최대 {:.0} km까지 갑니다.",
                m / 1e3,
                REACH_M / 1e3
            ),
        )),
        Some(_) => {}
    }
    let arrival_s = distance_m.map(|m| START_S + m / CRUISE_MPS);
    let needs_percent = distance_m.map(|m| {
        let flight_s = 2.0 * m / CRUISE_MPS + THERE_S;
        RESERVE_PERCENT + flight_s / 3_600.0 * BATTERY_PERCENT_PER_HOUR
    });
    weather(dock, limits, &mut why_not);
    battery(dock, needs_percent, limits, &mut why_not);
    DispatchChoice {
        sn: dock.sn.clone(),
        rank: None,
        distance_m,
        arrival_s,
        needs_battery_percent: needs_percent,
        battery_percent: dock.battery_percent,
        why_not,
    }
}

fn weather(dock: &Candidate, limits: &Limits, why_not: &mut Vec<Reason>) {
    let most = limits.wind_max_dmps as f64 / 10.0;
    match dock.wind_mps {
        Some(wind) if wind < most => {}
        Some(wind) => why_not.push(say(
            "wind_high",
            format!("Wind of {wind:.1} m/s; nothing flies from {most:.1} m/s on."),
            format!("풍속 {wind:.1} m/s: {most:.1} m/s 이상에서는 비행하지 않습니다."),
        )),
        None => why_not.push(unknown("wind", "바람")),
    }
    match dock.rain {
        Some(rain) if rain < limits.rain_max => {}
        Some(_) => why_not.push(say(
            "rain",
            "It rains too much to fly.",
            "비가 많이 와서 비행할 수 없습니다.",
        )),
        None => why_not.push(unknown("rain", "비")),
    }
}

fn battery(dock: &Candidate, needs: Option<f64>, limits: &Limits, why_not: &mut Vec<Reason>) {
    let least = (limits.battery_min_percent as f64).max(needs.unwrap_or(0.0));
    match dock.battery_percent {
        Some(percent) if percent >= least => {}
        Some(percent) => why_not.push(say(
            "battery_low",
            format!("Its battery holds {percent:.0} %; this needs {least:.0} %."),
            format!("배터리 {percent:.0} %: {least:.0} %가 필요합니다."),
        )),
        None => why_not.push(unknown("battery", "배터리")),
    }
}

fn unknown(what: &str, what_ko: &str) -> Reason {
    say("facts_unknown", format!("Its {what} is not known."), format!("알 수 없음: {what_ko}."))
}

/// Metres to the farthest corner: all of an area must be in reach.
fn farthest_m(target: &DispatchTarget, place: (f64, f64)) -> f64 {
    let corners = match *target {
        DispatchTarget::Point { latitude, longitude } => [(latitude, longitude); 4],
        DispatchTarget::Area { south, west, north, east } => {
            [(south, west), (south, east), (north, west), (north, east)]
        }
    };
    corners.into_iter().map(|corner| metres(place, corner)).fold(0.0, f64::max)
}

/// Metres between two places on a sphere.
fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
    const EARTH_RADIUS_M: f64 = 6_371_008.8;
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let half_lat = (lat_b - lat_a) / 2.0;
    let half_lon = (b.1 - a.1).to_radians() / 2.0;
    let h = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
    2.0 * EARTH_RADIUS_M * h.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dock(sn: &str, lat: f64) -> Candidate {
        Candidate {
            sn: DeviceSn::new(sn).unwrap(),
            place: Some((lat, 126.9)),
            battery_percent: Some(95.0),
            wind_mps: Some(3.0),
            rain: Some(0),
            busy: Vec::new(),
        }
    }

    const TARGET: DispatchTarget = DispatchTarget::Point { latitude: 37.5, longitude: 126.9 };

    #[track_caller]
    fn check(candidates: &[Candidate], expect: &[(&str, Option<u32>, &[&str])]) {
        let choices = rank(&TARGET, candidates, &Limits::default());
        let found: Vec<_> = choices
            .iter()
            .map(|choice| {
                let why: Vec<_> = choice.why_not.iter().map(|why| why.code.as_ref()).collect();
                (choice.sn.as_str(), choice.rank, why)
            })
            .collect();
        let expect: Vec<_> =
            expect.iter().map(|(sn, rank, why)| (*sn, *rank, why.to_vec())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn the_nearest_dock_that_can_fly_wins_and_each_other_says_why_not() {
        let busy = Candidate {
            busy: vec![say("mission_active", "It flies.", "비행 중입니다.")],
            ..dock("BUSY", 37.5)
        };
        let wet = Candidate { rain: Some(2), wind_mps: Some(13.0), ..dock("WET", 37.501) };
        let low = Candidate { battery_percent: Some(31.0), ..dock("LOW", 37.502) };
        let nowhere = Candidate { place: None, ..dock("NOWHERE", 0.0) };
        let dumb = Candidate { wind_mps: None, ..dock("DUMB", 37.503) };
        let all = [
            dock("FAR", 37.53),
            nowhere,
            busy,
            wet,
            low,
            dumb,
            dock("NEAR", 37.51),
            dock("MOON", 38.0),
        ];
        check(
            &all,
            &[
                ("NEAR", Some(1), &[]),
                ("FAR", Some(2), &[]),
                ("BUSY", None, &["mission_active"]),
                ("WET", None, &["wind_high", "rain"]),
                ("LOW", None, &["battery_low"]),
                ("DUMB", None, &["facts_unknown"]),
                ("MOON", None, &["out_of_reach", "battery_low"]),
                ("NOWHERE", None, &["place_unknown"]),
            ],
        );
    }

    #[test]
    fn a_calmer_fuller_dock_wins_among_equals() {
        let windy = Candidate { wind_mps: Some(9.0), ..dock("A", 37.51) };
        let empty = Candidate { battery_percent: Some(60.0), ..dock("B", 37.51) };
        check(
            &[windy, empty, dock("C", 37.51)],
            &[("C", Some(1), &[]), ("B", Some(2), &[]), ("A", Some(3), &[])],
        );
    }

    #[test]
    fn all_of_an_area_must_be_in_reach() {
        let area = DispatchTarget::Area { south: 37.5, west: 126.9, north: 37.6, east: 126.9 };
        let choices = rank(&area, &[dock("A", 37.5)], &Limits::default());
        assert_eq!(choices[0].why_not[0].code, "out_of_reach");
    }

    proptest! {
        /// A dock is chosen or says why not; those that can fly come first; the order of the
        /// question does not matter.
        #[test]
        fn every_dock_has_a_rank_or_a_reason(
            docks in proptest::collection::vec((37.3_f64..37.7, 0.0_f64..100.0, 0.0_f64..16.0, 0_i64..4, any::<bool>()), 1..12),
        ) {
            let mut candidates: Vec<_> = docks.iter().enumerate().map(|(n, (lat, battery, wind, rain, is_busy))| Candidate {
                battery_percent: Some(*battery),
                wind_mps: Some(*wind),
                rain: Some(*rain),
                busy: is_busy.then(|| say("mission_active", "x", "가")).into_iter().collect(),
                ..dock(&format!("D{n}"), *lat)
            }).collect();
            let limits = Limits::default();
            let choices = rank(&TARGET, &candidates, &limits);
            prop_assert_eq!(choices.len(), candidates.len());
            for choice in &choices {
                prop_assert_eq!(choice.rank.is_some(), choice.why_not.is_empty());
                if choice.rank.is_some() {
                    prop_assert!(choice.distance_m.unwrap() <= REACH_M);
                    prop_assert!(choice.battery_percent >= choice.needs_battery_percent);
                }
            }
            let ranks: Vec<_> = choices.iter().map(|choice| choice.rank).collect();
            let can = ranks.iter().flatten().count();
            prop_assert_eq!(&ranks[..can], &(1..=u32::try_from(can).unwrap()).map(Some).collect::<Vec<_>>()[..]);
            candidates.reverse();
            prop_assert_eq!(rank(&TARGET, &candidates, &limits), choices);
        }
    }
}
