//! One command's states and inputs, each pair by itself.

use dji_cloud::reply::{Answer, Verdict};
use fleet_types::{
    CommandId, CommandRequest, CommandState, DeviceSn, IdempotencyKey, MonoMs, Now, RequestId,
    ResponseCode, TraceId, WallMs,
    command::{Progress, Resolution, ResolvedOutcome, Subject},
};
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
        expires_in_ms: LIFE_MS,
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
    let at = now(10);
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
        Event::Settled => command.on_resolved(
            at,
            &Resolution {
                subject: Subject::Command(CommandId(Uuid::from_u128(7))),
                sn: DeviceSn::new("SIMDK200000001").unwrap(),
                outcome: ResolvedOutcome::Failed,
                note: "seen".into(),
                resolved_by: "operator".into(),
            },
        ),
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
        assert!(command.on_timeout(now(due_ms - 1)).is_empty(), "too early");
        command.on_timeout(now(due_ms));
        assert_eq!(command.status().state, state, "{path:?}");
        assert_eq!(command.deadline(), None, "nothing more is awaited: {path:?}");
        assert!(command.on_timeout(now(u64::MAX / 2)).is_empty());
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
