//! Both docks in every order, and what must hold whatever they say.

use fleet_types::{
    IdempotencyKey, MissionPlan, MissionRequest, MultiDockId, RequestId, TraceId, id::WaylineId,
    mission::LostLinkAction,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn sn(text: &str) -> DeviceSn {
    DeviceSn::new(text).unwrap()
}

fn id(number: u128) -> MissionId {
    MissionId(Uuid::from_u128(number))
}

fn part(state: MissionState, verdict: Option<Verdict>) -> MissionStatus {
    let uuid = Uuid::nil();
    let request = MissionRequest {
        mission_id: MissionId(uuid),
        trace_id: TraceId(uuid),
        request_id: RequestId(uuid),
        sn: sn("A"),
        wayline_id: WaylineId(uuid),
        wayline_name: "x".into(),
        waypoint_count: 1,
        file_url: String::new(),
        file_md5: String::new(),
        rth_altitude_m: 100,
        lost_link_action: LostLinkAction::ReturnHome,
        exit_wayline_when_link_lost: false,
        idempotency_key: IdempotencyKey::new("k").unwrap(),
        expires_in_ms: 1,
        issued_by: "p".into(),
        plan: MissionPlan::default(),
    };
    MissionStatus { state, verdict, ..MissionStatus::taken(WallMs(0), &request) }
}

struct Pair {
    machine: MultiDock,
    effects: Vec<Effect>,
    places: Vec<Place>,
}

impl Pair {
    fn new() -> Self {
        let status =
            asked([id(1), id(2), id(3)], MultiDockId(Uuid::nil()), sn("A"), sn("B"), WallMs(0));
        let (machine, effects) = MultiDock::accept(status);
        let places = ["B", "C", "A"].map(|name| Place { sn: sn(name), against: None }).to_vec();
        Self { machine, effects, places }
    }

    fn say(&mut self, side: Side, state: MissionState) -> Vec<Effect> {
        self.end(side, state, None)
    }

    fn end(&mut self, side: Side, state: MissionState, verdict: Option<Verdict>) -> Vec<Effect> {
        let found = self.machine.on_part(side, &part(state, verdict), &self.places);
        let found: Vec<_> = found
            .into_iter()
            .filter(|effect| !matches!(effect, Effect::Peer(_) | Effect::Changed))
            .collect();
        self.effects.extend(found.clone());
        found
    }

    /// In the air, bound for B.
    fn flying() -> Self {
        let mut pair = Self::new();
        pair.say(Side::TakeOff, MissionState::Prepared);
        pair.say(Side::Landing, MissionState::Prepared);
        pair.say(Side::Landing, MissionState::Executing);
        pair.say(Side::TakeOff, MissionState::Executing);
        assert_eq!(pair.machine.status().state, MultiDockState::Flying);
        pair
    }

    fn state(&self) -> (MultiDockState, Option<Verdict>) {
        (self.machine.status().state, self.machine.status().verdict)
    }
}

fn free(name: &str) -> Effect {
    Effect::Reserve { sn: sn(name), flight_id: None }
}

fn reserved(name: &str) -> Effect {
    Effect::Reserve { sn: sn(name), flight_id: Some(id(1)) }
}

#[test]
fn both_prepare_then_the_landing_dock_opens_then_it_takes_off() {
    let mut pair = Pair::new();
    assert_eq!(
        pair.effects[..4],
        [
            reserved("B"),
            reserved("A"),
            Effect::Prepare(Side::TakeOff),
            Effect::Prepare(Side::Landing)
        ]
    );
    assert_eq!(pair.say(Side::TakeOff, MissionState::Preparing), []);
    assert_eq!(pair.say(Side::TakeOff, MissionState::Prepared), [], "not after one answer");
    assert_eq!(pair.say(Side::Landing, MissionState::Prepared), [Effect::Release(Side::Landing)]);
    assert_eq!(pair.say(Side::Landing, MissionState::Starting), []);
    assert_eq!(pair.say(Side::Landing, MissionState::Executing), [Effect::Release(Side::TakeOff)]);
    assert_eq!(pair.say(Side::TakeOff, MissionState::Executing), []);
    let ended = pair.end(Side::TakeOff, MissionState::Ended, Some(Verdict::Ok));
    let stop = Effect::Stop { side: Side::Landing, other_failed: false };
    assert_eq!(ended, [stop, free("A"), free("B")]);
    assert_eq!(pair.state(), (MultiDockState::Ended, Some(Verdict::Ok)));
    assert_eq!(pair.end(Side::Landing, MissionState::Ended, Some(Verdict::Failed)), []);
    assert_eq!(pair.state(), (MultiDockState::Ended, Some(Verdict::Ok)));
}

#[test]
fn one_preparation_refused_or_lost_takes_the_other_back() {
    for (bad, verdict) in [(Side::TakeOff, Verdict::Rejected), (Side::Landing, Verdict::Expired)] {
        let mut pair = Pair::new();
        pair.say(bad.other(), MissionState::Prepared);
        let found = pair.end(bad, MissionState::Ended, Some(verdict));
        assert_eq!(found, [Effect::Cancel(bad.other()), free("A"), free("B")]);
        assert_eq!(pair.state(), (MultiDockState::Ended, Some(verdict)));
        // The other side's late yes orders nothing.
        assert_eq!(pair.say(bad.other(), MissionState::Prepared), []);
    }
}

#[test]
fn nothing_takes_off_for_a_dock_that_does_not_open() {
    for (state, verdict) in
        [(MissionState::Unknown, None), (MissionState::Ended, Some(Verdict::Rejected))]
    {
        let mut pair = Pair::new();
        pair.say(Side::TakeOff, MissionState::Prepared);
        pair.say(Side::Landing, MissionState::Prepared);
        let found = pair.end(Side::Landing, state, verdict);
        assert!(found.contains(&Effect::Cancel(Side::TakeOff)), "{found:?}");
        assert_eq!(pair.state().1, Some(Verdict::Rejected));
        assert!(!pair.effects.contains(&Effect::Release(Side::TakeOff)));
    }
}

#[test]
fn a_refused_take_off_closes_the_landing_dock() {
    let mut pair = Pair::new();
    pair.say(Side::TakeOff, MissionState::Prepared);
    pair.say(Side::Landing, MissionState::Prepared);
    pair.say(Side::Landing, MissionState::Executing);
    let found = pair.end(Side::TakeOff, MissionState::Ended, Some(Verdict::Rejected));
    let stop = Effect::Stop { side: Side::Landing, other_failed: true };
    assert_eq!(found, [stop, free("A"), free("B")]);
    // An unknown take-off keeps the place ready.
    let mut pair = Pair::new();
    pair.say(Side::TakeOff, MissionState::Prepared);
    pair.say(Side::Landing, MissionState::Prepared);
    pair.say(Side::Landing, MissionState::Executing);
    assert_eq!(pair.say(Side::TakeOff, MissionState::Unknown), []);
    assert_eq!(pair.say(Side::TakeOff, MissionState::Executing), []);
    assert_eq!(pair.state().0, MultiDockState::Flying);
}

#[test]
fn a_landing_dock_that_fails_in_flight_sends_it_to_an_alternate() {
    let mut pair = Pair::flying();
    pair.machine.on_best_link(sn("B"));
    let found = pair.end(Side::Landing, MissionState::Ended, Some(Verdict::Failed));
    let via_best = Effect::ReturnTo { via: sn("B"), home: sn("C") };
    assert_eq!(found, [reserved("C"), via_best], "the order may not reach it: B is kept");
    assert_eq!(pair.machine.status().home_sn, sn("C"));
    assert_eq!(pair.state(), (MultiDockState::Diverted, None));
    let found = pair.end(Side::TakeOff, MissionState::Ended, Some(Verdict::PartiallyDone));
    assert_eq!(found, [free("A"), free("B"), free("C")]);
}

#[test]
fn rain_over_the_landing_dock_or_no_alternate_brings_it_back() {
    let mut pair = Pair::flying();
    let rain = Some(say("rain", "It rains.", "비가 옵니다."));
    let places = ["B", "C"].map(|name| Place { sn: sn(name), against: rain.clone() });
    let found = pair.machine.on_places(&places);
    let back = Effect::ReturnTo { via: sn("A"), home: sn("A") };
    assert_eq!(found, [back, Effect::Changed], "the way back was never given to another");
    assert_eq!(pair.machine.status().reason.as_ref().unwrap().code, "rain");
    assert_eq!(pair.machine.on_places(&places), [], "once");
}

#[test]
fn a_flight_is_cancelled_before_take_off_only() {
    let mut pair = Pair::new();
    pair.say(Side::TakeOff, MissionState::Prepared);
    let found = pair.machine.cancel().unwrap();
    assert!(
        found.contains(&Effect::Cancel(Side::TakeOff))
            && found.contains(&Effect::Cancel(Side::Landing))
    );
    let mut pair = Pair::flying();
    assert_eq!(pair.machine.cancel().unwrap_err().code, "already_started");
}

proptest! {
    /// Whatever both docks say, in whatever order: no order before both have prepared, none for
    /// take-off before the landing dock opened; each is ordered and stopped once; one verdict; a place
    /// is reserved as long as it is bound for one, and none when it is over.
    #[test]
    fn nothing_flies_on_one_answer(says in proptest::collection::vec((any::<bool>(), 0_usize..9, 0_usize..5, any::<bool>()), 1..40)) {
        let states = [
            MissionState::Preparing, MissionState::Prepared, MissionState::Starting,
            MissionState::Executing, MissionState::Paused, MissionState::Hovering,
            MissionState::Unknown, MissionState::Ended, MissionState::Ended,
        ];
        let verdicts = [Verdict::Ok, Verdict::Failed, Verdict::Rejected, Verdict::Expired, Verdict::Canceled];
        let mut pair = Pair::new();
        let mut prepared = [false; 2];
        let mut opened = false;
        let mut verdict = None;
        for (is_take_off, state, how, rain) in says {
            let side = if is_take_off { Side::TakeOff } else { Side::Landing };
            let state = states[state];
            pair.places[0].against = rain.then(|| say("rain", "x", "가"));
            let found = pair.end(side, state, (state == MissionState::Ended).then(|| verdicts[how]));
            prepared[usize::from(is_take_off)] |= state == MissionState::Prepared;
            opened |= !is_take_off && state == MissionState::Executing;
            for effect in &found {
                match effect {
                    Effect::Release(Side::Landing) => prop_assert!(prepared == [true, true]),
                    Effect::Release(Side::TakeOff) => prop_assert!(prepared == [true, true] && opened),
                    Effect::ReturnTo { home, .. } => prop_assert_eq!(home, &pair.machine.status().home_sn),
                    Effect::Reserve { .. }
                    | Effect::Prepare(_)
                    | Effect::Cancel(_)
                    | Effect::Stop { .. }
                    | Effect::Peer(_)
                    | Effect::Changed => {}
                }
            }
            let now = pair.machine.status().verdict;
            prop_assert!(verdict.is_none() || verdict == now, "two verdicts");
            verdict = now;
            prop_assert_eq!(now.is_some(), pair.machine.is_ended());
        }
        for once in [Effect::Release(Side::TakeOff), Effect::Release(Side::Landing)] {
            prop_assert!(pair.effects.iter().filter(|effect| **effect == once).count() <= 1);
        }
        let stops = |side| pair.effects.iter().filter(|effect| matches!(effect, Effect::Stop { side: s, .. } if *s == side)).count();
        prop_assert!(stops(Side::TakeOff) <= 1 && stops(Side::Landing) <= 1);
        // Fold the reservations: both docks and the home until the end, and none after it.
        let mut places = std::collections::BTreeSet::new();
        for effect in &pair.effects {
            if let Effect::Reserve { sn, flight_id } = effect {
                if flight_id.is_some() { places.insert(sn.clone()); } else { places.remove(sn); }
            }
        }
        if pair.machine.is_ended() {
            prop_assert!(places.is_empty(), "{places:?}");
        } else {
            for kept in [&sn("A"), &sn("B"), &pair.machine.status().home_sn] {
                prop_assert!(places.contains(kept), "{places:?}");
            }
        }
    }
}

#[test]
fn every_transition_of_the_table_is_taken() {
    let mut rng = fastrand::Rng::with_seed(3);
    let states = [
        MissionState::Prepared,
        MissionState::Prepared,
        MissionState::Executing,
        MissionState::Executing,
        MissionState::Unknown,
        MissionState::Ended,
    ];
    for _ in 0..3_000 {
        let mut pair = Pair::new();
        for _ in 0..8 {
            let side = rng.choice([Side::TakeOff, Side::Landing]).unwrap();
            match (rng.u8(..12), rng.choice(states).unwrap()) {
                (0, _) => drop(pair.machine.cancel()),
                (1, _) => {
                    let closed = say("rain", "It rains.", "비가 옵니다.");
                    pair.places[0].against = Some(closed);
                    pair.machine.on_places(&pair.places);
                }
                (_, MissionState::Ended) => {
                    let verdict = rng.choice([Verdict::Ok, Verdict::Failed]);
                    pair.end(side, MissionState::Ended, verdict);
                }
                (_, state) => drop(pair.say(side, state)),
            }
        }
    }
    crate::machine::taken::assert_all(&MACHINE);
}
