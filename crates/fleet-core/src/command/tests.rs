//! One command's states and inputs, each pair by itself; and all of them in any order, against a
//! reference model and the table of transitions.

mod model;

use dji_cloud::reply::{Answer, Verdict};
use fleet_types::{
    CommandId, CommandRequest, CommandState, DeviceSn, IdempotencyKey, MonoMs, Now, RequestId,
    ResponseCode, TraceId, WallMs,
    command::{Progress, Resolution, ResolvedOutcome, Subject},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Command, Effect, JobReport};
use crate::{
    io::SendFate,
    spec::{mission_spec, operator_spec},
};

use CommandState::{
    Accepted, Acknowledged, Expired, Failed, Journaled, Rejected, Sent, Succeeded, Unknown,
};

const LIFE_MS: u64 = 5_000;

fn now(ms: u64) -> Now {
    Now { mono: MonoMs(1_000 + ms), wall: WallMs(1_790_000_000_000) }
}

fn command(method: &str) -> (Command, Vec<Effect>) {
    living(method, LIFE_MS)
}

fn living(method: &str, expires_in_ms: u64) -> (Command, Vec<Effect>) {
    let spec = operator_spec(method).or_else(|| mission_spec(method)).expect("a method we use");
    let id = Uuid::from_u128(7);
    let request = CommandRequest {
        command_id: CommandId(id),
        trace_id: TraceId(id),
        request_id: RequestId(id),
        sn: DeviceSn::new("SIMDK200000001").unwrap(),
        method: method.into(),
        data: serde_json::Value::Null,
        idempotency_key: IdempotencyKey::new("key").unwrap(),
        expires_in_ms,
        issued_by: "operator".into(),
    };
    Command::accept(now(0), request, spec, None)
}

/// What can happen to a command.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Journaled,
    JournalFailed,
    Fate(SendFate),
    Yes,
    No,
    Mumble,
    JobRuns,
    JobOk,
    JobFails,
    JobMumbles,
    EffectSeen,
    Observed,
    RefusalObserved,
    Settled,
}

const EVENTS: [Event; 20] = [
    Event::Journaled,
    Event::JournalFailed,
    Event::Fate(SendFate::Sent),
    Event::Fate(SendFate::Delivered),
    Event::Fate(SendFate::NoSubscriber),
    Event::Fate(SendFate::Refused),
    Event::Fate(SendFate::Lost),
    Event::Fate(SendFate::NotSent),
    Event::Fate(SendFate::Expired),
    Event::Yes,
    Event::No,
    Event::Mumble,
    Event::JobRuns,
    Event::JobOk,
    Event::JobFails,
    Event::JobMumbles,
    Event::EffectSeen,
    Event::Observed,
    Event::RefusalObserved,
    Event::Settled,
];

fn happen(command: &mut Command, event: Event) -> Vec<Effect> {
    happen_at(command, event, now(10))
}

fn happen_at(command: &mut Command, event: Event, at: Now) -> Vec<Effect> {
    let job = |verdict| JobReport { verdict, progress: Progress::default() };
    match event {
        Event::Journaled => command.on_journaled(at, None),
        Event::JournalFailed => command.on_journal_failed(at),
        Event::Fate(fate) => command.on_fate(at, fate),
        Event::Yes => command.on_answer(at, &Answer::Accepted(None)),
        Event::No => command.on_answer(at, &Answer::Rejected { code: 314_000, status: None }),
        Event::Mumble => command.on_answer(at, &Answer::Unknown),
        Event::JobRuns => command.on_job(at, &job(Verdict::Running)),
        Event::JobOk => command.on_job(at, &job(Verdict::Succeeded)),
        Event::JobFails => command.on_job(at, &job(Verdict::Failed { code: 1, status: None })),
        Event::JobMumbles => command.on_job(at, &job(Verdict::Unknown)),
        Event::EffectSeen => command.on_effect_seen(at),
        Event::Observed => command.on_observed(at),
        Event::RefusalObserved => command.on_refusal_observed(at, None),
        Event::Settled => command.on_resolved(at, &resolution(ResolvedOutcome::Failed)),
    }
}

fn resolution(outcome: ResolvedOutcome) -> Resolution {
    Resolution {
        subject: Subject::Command(CommandId(Uuid::from_u128(7))),
        sn: DeviceSn::new("SIMDK200000001").unwrap(),
        outcome,
        note: "seen".into(),
        resolved_by: "operator".into(),
    }
}

/// A job (`cover_open`) brought to a state, and where each event takes it; events that are not
/// listed must change nothing.
#[track_caller]
fn check(path: &[Event], from: CommandState, moves: &[(Event, CommandState)]) {
    for event in EVENTS {
        let (mut command, _) = command("cover_open");
        for step in path {
            happen(&mut command, *step);
        }
        assert_eq!(command.status().state, from, "{path:?}");
        let effects = happen(&mut command, event);
        let expect = moves.iter().find(|(it, _)| *it == event).map_or(from, |(_, to)| *to);
        assert_eq!(command.status().state, expect, "{from:?} {event:?}");
        let is_sent = effects.iter().any(|effect| matches!(effect, Effect::Send { .. }));
        assert_eq!(is_sent, from == Accepted && event == Event::Journaled, "{from:?} {event:?}");
        let is_final = expect.is_final();
        assert_eq!(command.is_final(), is_final);
        assert_eq!(command.status().response_code.is_some(), is_final || expect == Unknown);
        assert!(!is_final || command.deadline().is_none());
    }
}

#[test]
fn before_it_is_on_record_nothing_is_believed() {
    let moves = [(Event::Journaled, Journaled), (Event::JournalFailed, Rejected)];
    check(&[], Accepted, &moves);
}

/// Where the device's word takes a command that it may have.
const DEVICE_TELLS: [(Event, CommandState); 8] = [
    (Event::Yes, Acknowledged),
    (Event::No, Failed),
    (Event::Mumble, Unknown),
    (Event::JobRuns, Acknowledged),
    (Event::JobOk, Succeeded),
    (Event::JobFails, Failed),
    (Event::Observed, Succeeded),
    (Event::RefusalObserved, Failed),
];
const CERTAINLY_NOT_DELIVERED: [(Event, CommandState); 2] =
    [(Event::Fate(SendFate::NoSubscriber), Rejected), (Event::Fate(SendFate::Refused), Rejected)];
const CERTAINLY_NOT_SENT: [(Event, CommandState); 2] =
    [(Event::Fate(SendFate::NotSent), Rejected), (Event::Fate(SendFate::Expired), Expired)];

#[test]
fn handed_to_the_link() {
    let mut moves = DEVICE_TELLS.to_vec();
    moves.extend(CERTAINLY_NOT_DELIVERED);
    moves.extend(CERTAINLY_NOT_SENT);
    moves.extend([(Event::Fate(SendFate::Sent), Sent), (Event::Fate(SendFate::Lost), Unknown)]);
    check(&[Event::Journaled], Journaled, &moves);
}

#[test]
fn sent() {
    let mut moves = DEVICE_TELLS.to_vec();
    moves.extend(CERTAINLY_NOT_DELIVERED);
    moves.push((Event::Fate(SendFate::Lost), Unknown));
    check(&[Event::Journaled, Event::Fate(SendFate::Sent)], Sent, &moves);
}

#[test]
fn acknowledged() {
    let moves = [
        (Event::JobOk, Succeeded),
        (Event::JobFails, Failed),
        (Event::Observed, Succeeded),
        (Event::RefusalObserved, Failed),
    ];
    check(&[Event::Journaled, Event::Fate(SendFate::Sent), Event::Yes], Acknowledged, &moves);
}

#[test]
fn unknown_is_closed_by_whoever_knows() {
    let mut moves = DEVICE_TELLS.to_vec();
    moves.extend([(Event::EffectSeen, Succeeded), (Event::Settled, Failed)]);
    // After the device spoke the link knows nothing better.
    let spoken = [Event::Journaled, Event::Fate(SendFate::Sent), Event::Mumble];
    check(&spoken, Unknown, &moves);
    moves.extend(CERTAINLY_NOT_DELIVERED);
    moves.extend(CERTAINLY_NOT_SENT);
    check(&[Event::Journaled, Event::Fate(SendFate::Lost)], Unknown, &moves);
}

#[test]
fn the_end_is_the_end() {
    let left = [Event::Journaled, Event::Fate(SendFate::Sent)];
    check(&[left[0], left[1], Event::JobOk], Succeeded, &[]);
    check(&[left[0], left[1], Event::No], Failed, &[]);
    check(&[Event::JournalFailed], Rejected, &[]);
    check(&[Event::Journaled, Event::Fate(SendFate::Expired)], Expired, &[]);
}

#[test]
fn a_counter_action_is_handed_out_before_anything_else() {
    let (command, effects) = command("return_home");
    let expires = now(LIFE_MS).mono;
    let expect = [Effect::Send { expires }, Effect::Journal, Effect::Changed { outcome: false }];
    assert_eq!(effects, expect);
    assert!(command.may_have_left());
}

#[test]
fn time_runs_out_before_and_after_it_left() {
    let check = |path: &[Event], due_ms: u64, state: CommandState| {
        let (mut command, _) = command("cover_open");
        for event in path {
            happen(&mut command, *event);
        }
        assert_eq!(command.deadline(), Some(now(due_ms).mono), "{path:?}");
        assert!(command.on_timeout(now(due_ms - 1), true).is_empty(), "too early");
        command.on_timeout(now(due_ms), true);
        assert_eq!(command.status().state, state, "{path:?}");
        assert_eq!(command.deadline(), None, "nothing more is awaited: {path:?}");
        assert!(command.on_timeout(now(u64::MAX / 2), true).is_empty());
    };
    check(&[], LIFE_MS, Expired);
    check(&[Event::Journaled], LIFE_MS + 10_000, Unknown);
    let sent = Event::Fate(SendFate::Sent);
    check(&[Event::Journaled, sent], 10 + 10_000, Unknown);
    check(&[Event::Journaled, sent, Event::Yes], 10 + 120_000, Unknown);
}

#[test]
fn a_record_that_comes_too_late_or_against_the_world_sends_nothing() {
    let (mut late, _) = command("cover_open");
    let effects = late.on_journaled(now(LIFE_MS), None);
    assert_eq!(effects, [Effect::Changed { outcome: true }]);
    assert_eq!(late.status().response_code, Some(ResponseCode::Expired));
    let (mut refused, _) = command("cover_open");
    let effects = refused.on_journaled(now(1), Some(super::Reason::new("aircraft_out", "…")));
    assert_eq!(effects, [Effect::Changed { outcome: true }]);
    assert_eq!(refused.status().response_code, Some(ResponseCode::Rejected));
}

#[test]
fn steps_stay_bounded_and_end_with_the_end() {
    let (mut command, _) = command("cover_open");
    happen(&mut command, Event::Journaled);
    for percent in 0..100 {
        happen(&mut command, Event::Fate(SendFate::Delivered));
        let progress = Progress { percent: Some(percent), step_key: None };
        command.on_job(now(20), &JobReport { verdict: Verdict::Running, progress });
    }
    happen(&mut command, Event::JobOk);
    let steps = &command.status().steps;
    assert!(steps.len() <= 64, "{}", steps.len());
    assert_eq!(steps.last().map(|step| step.step.as_str()), Some("finished"));
}

#[test]
fn every_transition_of_the_table_is_taken() {
    const METHODS: [&str; 6] = [
        "flighttask_prepare",
        "cover_open",
        "debug_mode_open",
        "return_home",
        "supplement_light_open",
        "flighttask_execute",
    ];
    let mut rng = fastrand::Rng::with_seed(5);
    for _ in 0..40_000 {
        let (mut command, _) = living(METHODS[rng.usize(..METHODS.len())], 60_000);
        let mut ms = 0;
        for _ in 0..rng.usize(1..7) {
            match rng.usize(..EVENTS.len() + 6) {
                event if event < EVENTS.len() => {
                    happen_at(&mut command, EVENTS[event], now(ms));
                }
                0..21 => {
                    let refusal = super::Reason::new("aircraft_out", "…");
                    command.on_journaled(now(ms), Some(refusal));
                }
                21 => {
                    let (spec, status) = (command.spec().clone(), command.status().clone());
                    command = Command::restore(now(ms), spec, status, serde_json::Value::Null);
                }
                _ => {
                    ms += rng.u64(1..80_000);
                    command.on_timeout(now(ms), rng.bool());
                }
            }
        }
    }
    // Two that chance seldom finds: a copy that failed after it was written, a person's "it did".
    let (mut copied, _) = living("return_home", 60_000);
    for ms in [10_000, 20_000] {
        happen_at(&mut copied, Event::Fate(SendFate::Sent), now(ms - 10_000));
        copied.on_timeout(now(ms), true);
    }
    happen_at(&mut copied, Event::Fate(SendFate::Sent), now(20_000));
    happen_at(&mut copied, Event::Fate(SendFate::Lost), now(20_001));
    let (mut lost, _) = living("cover_open", 60_000);
    happen(&mut lost, Event::Journaled);
    happen(&mut lost, Event::Fate(SendFate::Lost));
    lost.on_resolved(now(20), &resolution(ResolvedOutcome::Succeeded));
    crate::machine::taken::assert_all(&super::MACHINE);
}

proptest! {
    /// Whatever happens in whatever order: what is not harmless to repeat leaves at most once, the
    /// rest three times, no copy after the command's life or its end, and what left twice is never
    /// over as not sent.
    #[test]
    fn copies_are_bounded_in_any_order(
        kind in 0..3_usize,
        steps in proptest::collection::vec((0..EVENTS.len() + 4, 0..15_000_u64, any::<bool>()), 0..60),
    ) {
        let (method, most) =
            [("supplement_light_open", 3), ("flighttask_execute", 1), ("return_home", 3)][kind];
        let (mut command, effects) = living(method, 60_000);
        let is_send = |effect: &&Effect| matches!(effect, Effect::Send { .. });
        let (mut copies, mut ms) = (effects.iter().filter(is_send).count(), 0);
        for (what, passes_ms, may_repeat) in steps {
            let (was_final, before) = (command.is_final(), copies);
            let effects = match EVENTS.get(what) {
                Some(event) => happen(&mut command, *event),
                None => {
                    ms += passes_ms;
                    command.on_timeout(now(ms), may_repeat)
                }
            };
            copies += effects.iter().filter(is_send).count();
            prop_assert!(copies == before || !was_final);
            prop_assert!(copies == before || before == 0 || may_repeat && ms < 60_000);
            prop_assert!(copies <= most, "{method} left {copies} times");
            let state = command.status().state;
            let is_not_sent = matches!(state, Rejected | Expired);
            prop_assert!(copies < 2 || !is_not_sent, "{:?} after two copies", state);
        }
    }

    /// What was overtaken by another order is not repeated.
    #[test]
    fn what_was_overtaken_is_not_repeated(at_ms in 10_010..59_000_u64, counter in any::<bool>()) {
        let method = if counter { "return_home" } else { "supplement_light_open" };
        let (mut command, _) = living(method, 60_000);
        happen(&mut command, Event::Journaled);
        happen(&mut command, Event::Fate(SendFate::Sent));
        let is_send = |effect: &&Effect| matches!(effect, Effect::Send { .. });
        let mut twin = command.clone();
        let effects = twin.on_timeout(now(at_ms), true);
        prop_assert_eq!(effects.iter().filter(is_send).count(), 1);
        command.on_overtaken();
        command.on_timeout(now(at_ms), true);
        prop_assert_eq!(command.status().state, Unknown);
    }
}
