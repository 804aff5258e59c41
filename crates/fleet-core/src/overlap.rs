//! Whether a flight may meet another one of ours: in place, time or return height. It warns only;
//! what is not known (an unread file, a dock without a position) warns rather than passes.

use fleet_types::{
    DeviceSn, MissionId, Reason, WallMs,
    plan::{FlightBox, MissionPlan, MissionStart},
};

use crate::preflight::say;

/// Room kept around a flight, degrees of latitude (about 50 m).
const MARGIN_DEG: f64 = 0.000_45;
/// Room kept above and below, metres.
const MARGIN_M: f64 = 15.0;
/// Take-off, way there, return and landing, milliseconds on top of the route.
const AROUND_MS: i64 = 10 * 60_000;
/// A route of unknown length, milliseconds.
const UNKNOWN_MS: i64 = 40 * 60_000;

/// A flight as far as others must know it.
#[derive(Clone, Debug)]
pub struct Flight<'a> {
    /// Its dock.
    pub sn: &'a DeviceSn,
    /// Which; none for one that is only asked about.
    pub mission_id: Option<MissionId>,
    /// When and where.
    pub plan: &'a MissionPlan,
    /// It is in the air, or about to be, whatever its plan says.
    pub is_flying: bool,
    /// Height of return, metres above its dock.
    pub rth_altitude_m: u16,
    /// Latitude and longitude of its dock, degrees.
    pub home: Option<(f64, f64)>,
}

/// What speaks against flying at the same time as the others, one sentence for each.
#[must_use]
pub fn warnings(now: WallMs, own: &Flight<'_>, others: &[Flight<'_>]) -> Vec<Reason> {
    let is_other =
        |other: &&Flight<'_>| other.mission_id.is_none() || other.mission_id != own.mission_id;
    others.iter().filter(is_other).filter_map(|other| against(now, own, other)).collect()
}

/// What speaks against flying at the same time as this other one, in one sentence.
#[must_use]
pub fn against(now: WallMs, own: &Flight<'_>, other: &Flight<'_>) -> Option<Reason> {
    let (from, until) = window(now, own);
    let (other_from, other_until) = window(now, other);
    if from >= other_until || other_from >= until {
        return None;
    }
    let sn = other.sn;
    if own.sn == other.sn {
        return Some(say(
            "overlap_time",
            format!(
                "Another mission of dock {sn} is planned for the same time: one of them will wait."
            ),
            format!("도크 {sn}의 다른 임무가 같은 시간에 계획되어 있어 하나는 기다리게 됩니다."),
        ));
    }
    let (mine, others) = (place(own), place(other));
    let meets = match (&mine, &others) {
        (Some(mine), Some(others)) => meet(mine, others),
        // Docks whose flights nobody knows may be anywhere.
        (_, _) => return None,
    };
    if !meets {
        return None;
    }
    let heights = own
        .plan
        .flight_box
        .zip(other.plan.flight_box)
        .is_some_and(|(a, b)| a.low_m - MARGIN_M < b.high_m && b.low_m - MARGIN_M < a.high_m);
    let apart_m = own.rth_altitude_m.abs_diff(other.rth_altitude_m);
    if heights {
        return Some(say(
            "overlap_space",
            format!("It flies in the same place, height and time as a mission of dock {sn}."),
            format!("도크 {sn}의 임무와 같은 곳, 고도, 시간에 비행합니다."),
        ));
    }
    (f64::from(apart_m) < MARGIN_M).then(|| {
        say(
            "overlap_return_height",
            format!("It returns at nearly the same height as a mission of dock {sn} nearby: choose another."),
            format!("가까운 도크 {sn}의 임무와 복귀 고도가 거의 같습니다. 다른 고도를 고르십시오."),
        )
    })
}

/// What speaks against each of these planned flights, from each other and from others, at most `most`
/// sentences for each. They are looked at in the order of their times: many of them do not take long as
/// long as few of them meet.
#[must_use]
pub fn among(
    now: WallMs,
    planned: &[Flight<'_>],
    others: &[Flight<'_>],
    most: usize,
) -> Vec<Vec<Reason>> {
    let mut found = vec![Vec::new(); planned.len()];
    let all = planned.iter().chain(others).map(|flight| (window(now, flight), flight));
    let mut all: Vec<_> = all.enumerate().collect();
    all.sort_by_key(|(_, ((from, _), _))| *from);
    for (place, (first, ((_, until), one))) in all.iter().enumerate() {
        let later = all.iter().skip(place + 1);
        for (second, (_, other)) in later.take_while(|(_, ((from, _), _))| from < until) {
            for (index, own, met) in [(*first, *one, *other), (*second, *other, *one)] {
                // Two that are there already are no news, and more than enough is too much.
                let Some(list) = found.get_mut(index).filter(|list| list.len() < most) else {
                    continue;
                };
                let reason = against(now, own, met);
                list.extend(reason.filter(|reason| !list.contains(reason)));
            }
        }
    }
    found
}

/// When a flight is over, by the length of its route.
#[must_use]
pub fn until(now: WallMs, flight: &Flight<'_>) -> WallMs {
    window(now, flight).1
}

fn window(now: WallMs, flight: &Flight<'_>) -> (WallMs, WallMs) {
    // Seconds of a route: far within range.
    #[expect(clippy::cast_possible_truncation)]
    let route_ms = flight
        .plan
        .flight_box
        .map_or(UNKNOWN_MS, |place| (place.duration_s.clamp(0.0, 86_400.0) * 1_000.0) as i64);
    let last = |at: WallMs| WallMs(at.0.saturating_add(route_ms).saturating_add(AROUND_MS));
    match &flight.plan.start {
        _ if flight.is_flying => (now, last(now)),
        MissionStart::Immediate | MissionStart::Released => (now, last(now)),
        MissionStart::Timed { execute_ms } => (*execute_ms, last(*execute_ms)),
        MissionStart::Conditional(ready) => (ready.begin_ms, last(ready.end_ms)),
    }
}

/// The box of the route with the way from and to its dock.
fn place(flight: &Flight<'_>) -> Option<FlightBox> {
    let mut place = flight.plan.flight_box?;
    if let Some((lat, lon)) = flight.home {
        place.south = place.south.min(lat);
        place.north = place.north.max(lat);
        place.west = place.west.min(lon);
        place.east = place.east.max(lon);
    }
    Some(place)
}

fn meet(a: &FlightBox, b: &FlightBox) -> bool {
    // A degree of longitude shrinks towards the poles; the margin must not.
    let lon = MARGIN_DEG / a.north.to_radians().cos().abs().max(0.01);
    a.south - MARGIN_DEG <= b.north
        && b.south - MARGIN_DEG <= a.north
        && a.west - lon <= b.east
        && b.west - lon <= a.east
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(lat: f64, low_m: f64, start: MissionStart) -> MissionPlan {
        let place = FlightBox {
            south: lat,
            west: 126.9,
            north: lat + 0.005,
            east: 126.91,
            low_m,
            high_m: low_m + 20.0,
            duration_s: 600.0,
        };
        MissionPlan { flight_box: Some(place), start, ..MissionPlan::default() }
    }

    fn flight<'a>(sn: &'a DeviceSn, plan: &'a MissionPlan, rth_altitude_m: u16) -> Flight<'a> {
        Flight { sn, mission_id: None, plan, is_flying: false, rth_altitude_m, home: None }
    }

    fn codes(own: &Flight<'_>, other: &Flight<'_>) -> Vec<String> {
        let found = warnings(WallMs(0), own, std::slice::from_ref(other));
        found.into_iter().map(|reason| reason.code.into_owned()).collect()
    }

    #[test]
    fn planned_flights_are_told_of_each_other_and_of_those_that_are_there() {
        let sns: Vec<_> = ["D1", "D2", "D3"].map(|sn| DeviceSn::new(sn).unwrap()).into();
        let at = |hours: i64| MissionStart::Timed { execute_ms: WallMs(hours * 3_600_000) };
        let plans = [
            plan(37.5, 60.0, at(9)),
            plan(37.502, 70.0, at(9)),
            plan(37.502, 70.0, at(11)),
            plan(37.51, 60.0, at(9)),
            plan(37.5, 60.0, at(11)),
        ];
        let of = |dock: usize, index: usize| flight(&sns[dock], &plans[index], 100);
        let planned = [of(0, 0), of(1, 1), of(1, 2), of(2, 3)];
        let found = among(WallMs(0), &planned, &[of(0, 4)], 8);
        let codes: Vec<Vec<_>> =
            found.iter().map(|list| list.iter().map(|why| why.code.as_ref()).collect()).collect();
        assert_eq!(
            codes,
            [vec!["overlap_space"], vec!["overlap_space"], vec!["overlap_space"], vec![]]
        );
        assert!(found[2][0].message.contains("D1"), "of the one that is there: {found:?}");
        let crowd: Vec<_> = (0..50).map(|_| of(0, 0)).chain((0..50).map(|_| of(1, 1))).collect();
        let found = among(WallMs(0), &crowd, &[], 2);
        assert!(found.iter().all(|list| list.len() == 2), "its own dock's and the other's, once");
    }

    #[test]
    fn what_may_meet_warns_and_the_rest_does_not() {
        let (a, b) = (DeviceSn::new("D1").unwrap(), DeviceSn::new("D2").unwrap());
        let mine = plan(37.5, 60.0, MissionStart::Immediate);
        let mine = flight(&a, &mine, 100);
        let check = |other: MissionPlan, rth_m: u16, expect: &[&str]| {
            assert_eq!(codes(&mine, &flight(&b, &other, rth_m)), expect, "{other:?}");
        };
        let now = || MissionStart::Immediate;
        check(plan(37.502, 70.0, now()), 150, &["overlap_space"]);
        check(plan(37.502, 120.0, now()), 150, &[]);
        check(plan(37.502, 120.0, now()), 110, &["overlap_return_height"]);
        check(plan(37.51, 60.0, now()), 100, &[]);
        check(plan(37.505_4, 60.0, now()), 100, &["overlap_space"]);
        let later = MissionStart::Timed { execute_ms: WallMs(3 * 3_600_000) };
        check(plan(37.502, 70.0, later), 100, &[]);
        let same = plan(10.0, 0.0, now());
        assert_eq!(codes(&mine, &flight(&a, &same, 100)), ["overlap_time"]);
        let itself = Flight { mission_id: Some(MissionId(uuid::Uuid::nil())), ..mine.clone() };
        assert_eq!(codes(&itself, &itself), [""; 0], "a flight does not meet itself");
    }

    proptest! {
        /// Whoever asks, the answer is the same.
        #[test]
        fn meeting_is_mutual(lat in 37.49_f64..37.52, low in 0.0_f64..200.0, rth in 60_u16..160, at in 0_i64..4_000_000) {
            let (a, b) = (DeviceSn::new("D1").unwrap(), DeviceSn::new("D2").unwrap());
            let mine = plan(37.5, 60.0, MissionStart::Immediate);
            let theirs = plan(lat, low, MissionStart::Timed { execute_ms: WallMs(at) });
            let (mine, theirs) = (flight(&a, &mine, 100), flight(&b, &theirs, rth));
            prop_assert_eq!(codes(&mine, &theirs), codes(&theirs, &mine));
        }
    }
}
