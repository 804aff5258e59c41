//! Authority by example and by chance.

use fleet_types::WallMs;
use proptest::prelude::*;

use super::*;
use crate::spec::operator_spec;

fn at(ms: u64) -> Now {
    Now { mono: MonoMs(ms), wall: WallMs(i64::try_from(ms).expect("small")) }
}

fn who(name: &str, kind: Kind) -> Holder {
    Holder { who: name.to_owned(), kind }
}

fn code<T: std::fmt::Debug>(result: Result<T, Reason>) -> String {
    result.expect_err("refused").code.into_owned()
}

use Scope::{Flight, Payload};

#[test]
fn whoever_commands_has_it_and_one_who_asked_for_it_keeps_it() {
    let mut authority = Authority::new(AuthorityConfig::default(), 1);
    let (kim, lee) = (who("kim", Kind::Operator), who("lee", Kind::Operator));
    let first = authority.order(at(0), &kim, Flight).expect("free");
    assert_eq!(authority.order(at(10), &kim, Flight), Ok(first), "the same lease");
    let second = authority.order(at(20), &lee, Flight).expect("it only says who commanded last");
    assert!(second > first);
    assert_eq!(code(authority.check_fence(MonoMs(20), Flight, first)), "authority_held");
    assert_eq!(authority.check_fence(MonoMs(20), Flight, second), Ok(()));

    let third = authority.take(at(30), &kim, Flight).expect("an implicit lease gives way");
    assert_eq!(code(authority.order(at(40), &lee, Flight)), "authority_held");
    assert_eq!(code(authority.take(at(40), &lee, Flight)), "authority_held");
    assert_eq!(authority.order(at(40), &kim, Flight), Ok(third));
    // The camera is another matter.
    assert!(authority.order(at(40), &lee, Payload).is_ok());
}

#[test]
fn ranks_decide_who_gives_way() {
    let mut authority = Authority::new(AuthorityConfig::default(), 1);
    let (rule, kim) = (who("rain", Kind::Rule), who("kim", Kind::Operator));
    let (lee, pilot) = (who("lee", Kind::Operator), who("park", Kind::Pilot));
    authority.order(at(0), &kim, Flight).expect("free");
    assert_eq!(code(authority.order(at(1), &rule, Flight)), "authority_held");
    authority.take(at(2), &kim, Flight).expect("its own");
    assert_eq!(code(authority.take_over(at(3), &lee, Flight, false, "why")), "authority_rank");
    authority.take_over(at(4), &pilot, Flight, false, "on site").expect("from above");
    assert_eq!(code(authority.take_over(at(5), &kim, Flight, false, "back")), "authority_rank");
    authority.take_over(at(6), &kim, Flight, true, "supervisor").expect("a supervisor may");
    let last = std::iter::from_fn(|| authority.poll_output()).last().expect("told");
    let Change::TakenOver { from, note } = last.change else { panic!("{last:?}") };
    assert_eq!((from, note.as_str()), (pilot, "supervisor"));
}

#[test]
fn it_is_handed_over_renewed_released_and_ends_by_silence() {
    let config = AuthorityConfig { implicit_ms: 100, explicit_ms: 1_000 };
    let mut authority = Authority::new(config, 1);
    let (kim, lee) = (who("kim", Kind::Operator), who("lee", Kind::Operator));
    assert_eq!(code(authority.release(at(0), &kim, Flight)), "no_authority");
    let fence = authority.take(at(0), &kim, Flight).expect("free");
    assert_eq!(code(authority.hand_over(at(1), &lee, kim.clone(), Flight)), "authority_held");
    authority.renew(at(900), &kim, Flight, fence).expect("its own");
    assert_eq!(authority.poll_timeout(), Some((MonoMs(1_900), "authority")));
    let handed = authority.hand_over(at(1_800), &kim, lee.clone(), Flight).expect("its own");
    assert_eq!(code(authority.renew(at(1_801), &kim, Flight, fence)), "authority_held");
    assert_eq!(authority.lease(MonoMs(2_799), Flight).map(|lease| lease.fence), Some(handed));
    assert_eq!(authority.lease(MonoMs(2_800), Flight), None, "nobody woke it");
    assert_eq!(code(authority.check_fence(MonoMs(2_800), Flight, handed)), "authority_ended");
    authority.handle_timeout(at(2_800));
    let last = std::iter::from_fn(|| authority.poll_output()).last().expect("told");
    let silent = Change::Silent { from: lee.clone(), was_explicit: true };
    assert_eq!((last.change, last.lease), (silent, None));
    authority.order(at(2_900), &kim, Flight).expect("free again");
    authority.release(at(2_901), &kim, Flight).expect("its own");
    assert_eq!(authority.lease(MonoMs(2_901), Flight), None);
}

#[test]
fn who_asks_is_shown_and_may_be_given_it() {
    let config = AuthorityConfig { implicit_ms: 100, explicit_ms: 600_000 };
    let mut authority = Authority::new(config, 1);
    let (kim, lee, park) =
        (who("kim", Kind::Operator), who("lee", Kind::Operator), who("park", Kind::Pilot));
    let ask = |note: &str| AuthorityAction::Ask { note: note.to_owned() };
    let asks = |authority: &Authority| {
        let shown = authority.shown();
        assert!(authority.is_told(&shown));
        shown
            .asked
            .iter()
            .map(|asked| (asked.by.who.clone(), asked.note.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(code(authority.request(at(0), &lee, false, Flight, &ask(""))), "authority_free");
    authority.request(at(0), &kim, false, Flight, &AuthorityAction::Take).expect("free");
    authority.request(at(1), &kim, false, Flight, &ask("mine")).expect("has it already");
    let before = authority.shown();
    authority.request(at(2), &lee, false, Flight, &ask("rain")).expect("asks");
    assert!(!authority.is_told(&before), "somebody asks");
    authority.request(at(3), &park, false, Flight, &ask("on site")).expect("asks");
    authority.request(at(4), &lee, false, Flight, &ask("rain now")).expect("says more");
    let both = [("park".into(), "on site".into()), ("lee".into(), "rain now".into())];
    assert_eq!(asks(&authority), both);

    let hand_over = |to: &str| AuthorityAction::HandOver { to: to.to_owned() };
    assert_eq!(code(authority.request(at(5), &kim, false, Flight, &hand_over("cho"))), "not_asked");
    assert_eq!(
        code(authority.request(at(5), &kim, false, Payload, &hand_over("lee"))),
        "no_authority"
    );
    assert_eq!(
        code(authority.request(at(5), &lee, false, Flight, &hand_over("lee"))),
        "authority_held"
    );
    let keep = AuthorityAction::Keep { from: "park".to_owned() };
    authority.request(at(6), &kim, false, Flight, &keep).expect("the holder may keep it");
    assert_eq!(asks(&authority).len(), 1);
    authority.request(at(7), &kim, false, Flight, &hand_over("lee")).expect("who asked gets it");
    assert_eq!(asks(&authority), []);
    let fence = authority.lease(MonoMs(7), Flight).map(|lease| lease.fence).expect("lee's");
    assert_eq!(authority.shown().flight.map(|lease| lease.holder), Some(lee.clone()));

    // Asking ends by itself, by a word, and where nobody has it any more.
    authority.request(at(8), &kim, false, Flight, &ask("")).expect("asks");
    authority.request(at(9), &park, false, Flight, &ask("")).expect("asks");
    authority.request(at(10), &park, false, Flight, &AuthorityAction::Withdraw).expect("done");
    assert_eq!(asks(&authority).len(), 1);
    authority
        .request(at(60_000), &lee, false, Flight, &AuthorityAction::Renew { fence })
        .expect("its own");
    let stale = AuthorityAction::Renew { fence: fence - 1 };
    assert_eq!(code(authority.request(at(60_000), &lee, false, Flight, &stale)), "authority_held");
    assert_eq!(authority.poll_timeout(), Some((MonoMs(8 + ASKED_MS), "authority")));
    authority.handle_timeout(at(8 + ASKED_MS));
    assert_eq!(asks(&authority), []);
    authority.request(at(200_000), &kim, false, Flight, &ask("")).expect("asks");
    authority
        .request(at(200_001), &lee, false, Flight, &AuthorityAction::Release)
        .expect("its own");
    assert_eq!(authority.shown(), DeviceAuthority::default());
}

#[test]
fn only_so_many_ask_at_a_time_and_a_new_role_makes_nobody_another() {
    let mut authority = Authority::new(AuthorityConfig::default(), 1);
    let kim = who("kim", Kind::Operator);
    let fence = authority.take(at(0), &kim, Flight).expect("free");
    for number in 0..ASKED_MAX {
        authority.ask(at(1), &who(&number.to_string(), Kind::Operator), Flight, "").expect("room");
    }
    assert_eq!(code(authority.ask(at(1), &who("last", Kind::Pilot), Flight, "")), "too_many_ask");
    let as_pilot = who("kim", Kind::Pilot);
    assert_eq!(authority.take(at(2), &as_pilot, Flight), Ok(fence));
    assert_eq!(authority.order(at(3), &as_pilot, Flight), Ok(fence));
}

#[test]
fn counter_actions_are_not_asked_about() {
    for method in ["return_home", "flighttask_pause"] {
        assert!(!needs_authority(&operator_spec(method).expect("offered")), "{method}");
    }
    for method in ["cover_open", "flighttask_recovery", "debug_mode_open"] {
        assert!(needs_authority(&operator_spec(method).expect("offered")), "{method}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Order(usize),
    Take(usize),
    TakeOver(usize, bool),
    HandOver(usize, usize),
    Release(usize),
    Pass(u64),
}

const KINDS: [Kind; 4] = [Kind::Rule, Kind::Scheduler, Kind::Operator, Kind::Pilot];

fn step() -> impl Strategy<Value = Step> {
    let who = 0..KINDS.len();
    prop_oneof![
        who.clone().prop_map(Step::Order),
        who.clone().prop_map(Step::Take),
        (who.clone(), any::<bool>()).prop_map(|(who, chief)| Step::TakeOver(who, chief)),
        (who.clone(), who.clone()).prop_map(|(by, to)| Step::HandOver(by, to)),
        who.prop_map(Step::Release),
        (1_u64..1_500).prop_map(Step::Pass),
    ]
}

proptest! {
    /// What a checker may assert, of one scope; the other never moves.
    #[test]
    fn explicit_leases_hold_and_numbers_rise(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let config = AuthorityConfig { implicit_ms: 500, explicit_ms: 1_000 };
        let mut authority = Authority::new(config, 1);
        let people = KINDS.map(|kind| who(&format!("{kind:?}"), kind));
        let (mut now, mut highest) = (0, 0);
        for step in steps {
            let before = authority.lease(MonoMs(now), Flight).cloned();
            let holds = |index: usize| before.as_ref().is_some_and(|it| it.holder == people[index]);
            let outcome = match step {
                Step::Order(index) => {
                    let outcome = authority.order(at(now), &people[index], Flight);
                    if let Some(lease) = before.as_ref().filter(|lease| lease.is_explicit) {
                        prop_assert_eq!(outcome.is_ok(), holds(index), "{:?}", lease);
                    }
                    outcome.ok()
                }
                Step::Take(index) => authority.take(at(now), &people[index], Flight).ok(),
                Step::TakeOver(index, chief) => {
                    let outcome = authority.take_over(at(now), &people[index], Flight, chief, "x");
                    if let Some(lease) = &before {
                        let may = chief || holds(index) || KINDS[index] > lease.holder.kind;
                        prop_assert_eq!(outcome.is_ok(), may);
                    }
                    outcome.ok()
                }
                Step::HandOver(by, to) => {
                    let to = people[to].clone();
                    let outcome = authority.hand_over(at(now), &people[by], to, Flight);
                    prop_assert_eq!(outcome.is_ok(), holds(by));
                    outcome.ok()
                }
                Step::Release(index) => {
                    let outcome = authority.release(at(now), &people[index], Flight);
                    prop_assert_eq!(outcome.is_ok(), holds(index));
                    None
                }
                Step::Pass(ms) => {
                    now += ms;
                    authority.handle_timeout(at(now));
                    None
                }
            };
            let after = authority.lease(MonoMs(now), Flight);
            if let Some(fence) = outcome {
                prop_assert_eq!(after.map(|lease| lease.fence), Some(fence));
            }
            if let (Some(before), Some(after)) = (&before, after) {
                prop_assert_eq!(before.fence == after.fence, before == after, "a number has one lease");
            }
            if let Some(lease) = after {
                prop_assert!(lease.fence >= highest);
                highest = lease.fence;
            }
            prop_assert_eq!(authority.lease(MonoMs(now), Payload), None);
        }
    }
}

#[test]
fn cameras_are_commanded_apart_from_flights() {
    for method in ["camera_photo_take", "gimbal_reset", "live_start_push", "speaker_replay"] {
        assert_eq!(scope_of(method), Payload, "{method}");
    }
    for spec in crate::spec::OPERATOR_METHODS {
        assert_eq!(scope_of(spec), Flight, "{spec}");
    }
    for method in ["flighttask_execute", "takeoff_to_point", "fly_to_point", "drc_mode_enter"] {
        assert_eq!(scope_of(method), Flight, "{method}");
    }
}

#[test]
fn every_transition_of_the_table_is_taken() {
    let mut rng = fastrand::Rng::with_seed(3);
    let people = [who("rain", Kind::Rule), who("kim", Kind::Operator), who("lee", Kind::Operator)];
    for _ in 0..200 {
        let config = AuthorityConfig { implicit_ms: 100, explicit_ms: 300 };
        let (mut authority, mut now) = (Authority::new(config, 1), 0);
        for _ in 0..40 {
            now += rng.u64(..150);
            let by = rng.choice(&people).unwrap();
            let _ = match rng.u8(..6) {
                0 => authority.order(at(now), by, Flight).map(drop),
                1 => authority.take(at(now), by, Flight).map(drop),
                2 => authority.take_over(at(now), by, Flight, rng.bool(), "why").map(drop),
                3 => {
                    let to = rng.choice(&people).unwrap().clone();
                    authority.hand_over(at(now), by, to, Flight).map(drop)
                }
                4 => authority.release(at(now), by, Flight),
                _ => {
                    authority.handle_timeout(at(now));
                    Ok(())
                }
            };
        }
    }
    crate::machine::taken::assert_all(&MACHINE);
}
