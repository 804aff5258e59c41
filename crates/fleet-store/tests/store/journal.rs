//! The journal: safe when it says so, found again after a crash, never rewritten.

use fleet_core::journal::{Entry, MissionRecord, Record};
use fleet_store::{
    StoreError,
    journal::{Journal, load_open},
};
use fleet_types::{
    CommandId, CommandState, DeviceSn, IdempotencyKey, MissionId, MissionState, RequestId, TraceId,
    WallMs,
    command::{ResolvedOutcome, Subject},
    id::WaylineId,
    mission::{LostLinkAction, Verdict},
};
use rustix::process::Signal;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::cluster::Cluster;

fn record(sn: &str, at_ms: i64, entry: Entry) -> Record {
    let sn = DeviceSn::new(sn).unwrap();
    Record { at_ms: WallMs(at_ms), sn, trace_id: TraceId(Uuid::from_u128(7)), entry }
}

fn command(id: u128, mission: Option<u128>) -> Entry {
    Entry::Command {
        command_id: CommandId(Uuid::from_u128(id)),
        request_id: RequestId(Uuid::from_u128(1)),
        method: "cover_open".into(),
        data: serde_json::json!({"note": "a\u{0}b"}),
        idempotency_key: key(id),
        issued_by: "operator".into(),
        mission_id: mission.map(|id| MissionId(Uuid::from_u128(id))),
        expires_ms: WallMs(99_000),
        counter_action: false,
    }
}

fn outcome(id: u128, state: CommandState) -> Entry {
    let command_id = CommandId(Uuid::from_u128(id));
    Entry::CommandOutcome { command_id, state, response_code: None, reason: None }
}

fn mission(id: u128) -> Entry {
    Entry::Mission(MissionRecord {
        mission_id: MissionId(Uuid::from_u128(id)),
        request_id: RequestId(Uuid::from_u128(1)),
        wayline_id: WaylineId(Uuid::from_u128(2)),
        wayline_name: "north fence".into(),
        waypoint_count: 9,
        file_md5: "0".repeat(32),
        rth_altitude_m: 60,
        lost_link_action: LostLinkAction::ReturnHome,
        exit_wayline_when_link_lost: true,
        expires_ms: WallMs(99_000),
        idempotency_key: key(id),
        issued_by: "operator".into(),
        plan: Box::default(),
    })
}

fn key(id: u128) -> IdempotencyKey {
    IdempotencyKey::new(&format!("key-{id}")).unwrap()
}

async fn append(journal: &Journal, record: Record) -> oneshot::Receiver<Result<(), StoreError>> {
    let (told, hears) = oneshot::channel();
    journal.append(record, Box::new(|done| drop(told.send(done))));
    hears
}

#[tokio::test]
async fn what_is_open_is_found_again_after_a_crash() {
    let mut cluster = Cluster::start();
    let database = cluster.migrated().await;
    let (journal, writer) = Journal::new(database.clone());
    tokio::spawn(writer.run());
    let entries = [
        ("D1", command(11, None)),
        ("D1", outcome(11, CommandState::Sent)),
        ("D1", command(12, None)),
        ("D1", outcome(12, CommandState::Succeeded)),
        ("D2", mission(20)),
        ("D2", command(21, Some(20))),
        ("D2", outcome(21, CommandState::Succeeded)),
        ("D2", command(22, Some(20))),
        (
            "D2",
            Entry::MissionStep {
                mission_id: MissionId(Uuid::from_u128(20)),
                state: MissionState::Unknown,
                reason: None,
            },
        ),
        ("D3", mission(30)),
        (
            "D3",
            Entry::MissionOutcome {
                mission_id: MissionId(Uuid::from_u128(30)),
                verdict: Verdict::Ok,
                reason: None,
            },
        ),
        // Ended before its beginning was on record, as a counter-action may.
        ("D3", outcome(31, CommandState::Failed)),
        ("D3", command(31, None)),
        ("D4", command(41, None)),
        (
            "D4",
            Entry::Resolved {
                subject: Subject::Command(CommandId(Uuid::from_u128(41))),
                outcome: ResolvedOutcome::Failed,
                note: "looked".into(),
                resolved_by: "operator".into(),
            },
        ),
    ];
    let mut answers = Vec::new();
    for (index, (sn, entry)) in entries.into_iter().enumerate() {
        let record = record(sn, i64::try_from(index).unwrap(), entry);
        answers.push(append(&journal, record).await);
    }
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    cluster.end(Signal::KILL);
    database.watch().wait_for(|state| !state.is_up()).await.unwrap();
    cluster.start_again();
    database.up().await;
    let open = load_open(&database, WallMs(i64::MAX / 1_000_000)).await.unwrap();
    let found: Vec<_> = open
        .iter()
        .map(|(sn, stored)| {
            let times: Vec<_> = stored.iter().map(|stored| stored.record.at_ms.0).collect();
            (sn.as_str(), times)
        })
        .collect();
    assert_eq!(found, [("D1", vec![0, 1]), ("D2", vec![4, 5, 6, 7, 8])]);
    let first = &open[&DeviceSn::new("D1").unwrap()][0].record.entry;
    // Those that ended lately are wanted too, for their keys.
    let lately = load_open(&database, WallMs(10)).await.unwrap();
    let subjects: Vec<_> = lately.values().map(Vec::len).collect();
    assert_eq!(subjects, [2, 5, 4, 2], "{lately:?}");
    let Entry::Command { data, .. } = first else { panic!("{first:?}") };
    assert_eq!(data["note"], "a\u{fffd}b");
}

#[tokio::test]
async fn many_records_share_a_commit() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let (journal, writer) = Journal::new(database);
    let mut answers = Vec::new();
    for id in 0..300 {
        answers.push(append(&journal, record("D", 1, command(id, None))).await);
    }
    tokio::spawn(writer.run());
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    // Rows of one transaction have one transaction number and, by default, one time.
    let counts = cluster.psql("select count(*), count(distinct xmin::text) from journal");
    assert_eq!(counts, "300|2");
}

#[tokio::test]
async fn database_away_refuses_what_must_be_first_and_keeps_what_has_happened() {
    let mut cluster = Cluster::start();
    let database = cluster.migrated().await;
    cluster.end(Signal::KILL);
    database.watch().wait_for(|state| !state.is_up()).await.unwrap();
    let (journal, writer) = Journal::new(database.clone());
    tokio::spawn(writer.run());
    let hurried = append(&journal, record("D", 1, command(1, None))).await;
    let kept = append(&journal, record("D", 2, outcome(2, CommandState::Unknown))).await;
    let error = hurried.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("not reachable"), "{error}");
    cluster.start_again();
    kept.await.unwrap().unwrap();
    assert_eq!(cluster.psql("select count(*) from journal"), "1");
}

#[tokio::test]
async fn a_record_that_is_refused_takes_no_other_with_it() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    cluster.psql("alter table journal add constraint no_bad check (sn <> 'BAD')");
    let (journal, writer) = Journal::new(database);
    let mut answers = Vec::new();
    for (id, sn) in [(1, "A"), (2, "BAD"), (3, "C")] {
        answers.push(append(&journal, record(sn, 1, command(id, None))).await);
    }
    tokio::spawn(writer.run());
    let mut done = Vec::new();
    for answer in answers {
        done.push(answer.await.unwrap().is_ok());
    }
    assert_eq!(done, [true, false, true]);
    assert_eq!(cluster.psql("select string_agg(sn, ',' order by sn) from journal"), "A,C");
}
