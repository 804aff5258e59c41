//! The journal: safe when it says so, found again after a crash, never rewritten.

use fleet_core::journal::{Entry, MissionRecord, Record};
use fleet_store::{
    Database, StoreError,
    journal::{Journal, load_open},
};
use fleet_types::{
    CommandId, CommandState, DeviceSn, IdempotencyKey, MissionId, MissionState, RequestId, TraceId,
    WallMs,
    command::{ResolvedOutcome, Subject},
    id::WaylineId,
    mission::{LostLinkAction, Verdict},
    preflight::{DockNotice, DockSaying, PreflightItem, PreflightOverride},
};
use rustix::process::Signal;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{cluster::Cluster, recorder::SpoolProcess};

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

fn notice(id: u128, saying: DockSaying) -> Entry {
    let (sn, request_id) = (DeviceSn::new("D").unwrap(), RequestId(Uuid::from_u128(id)));
    Entry::Notice(DockNotice { sn, saying, by: "kim".into(), request_id })
}

fn override_of(item: PreflightItem) -> DockSaying {
    DockSaying::Override(PreflightOverride {
        item,
        by: "kim".into(),
        role: fleet_types::Role::Admin,
        note: "seen".into(),
        expires_ms: WallMs(99_000),
    })
}

#[tokio::test]
async fn what_people_say_is_of_its_own_kind_and_a_later_word_closes_it() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let (journal, writer) = Journal::new(database.clone());
    tokio::spawn(writer.run());
    let maintenance = |on| DockSaying::Maintenance { on, note: "belt".into() };
    let sayings = [
        override_of(PreflightItem::Wind),
        override_of(PreflightItem::Rain),
        maintenance(true),
        DockSaying::Reserved(Some(MissionId(Uuid::from_u128(9)))),
        override_of(PreflightItem::Wind),
        DockSaying::Withdraw(PreflightItem::Rain),
        maintenance(false),
    ];
    for (index, saying) in sayings.into_iter().enumerate() {
        let at_ms = i64::try_from(index).unwrap() * 1000;
        let id = u128::try_from(index).unwrap() + 1;
        let answer = append(&journal, record("D", at_ms, notice(id, saying))).await;
        answer.await.unwrap().unwrap();
    }
    let open = "select string_agg(slot, ',' order by slot) from journal_subjects \
                where closed_at is null and subject_kind = 'notice'";
    assert_eq!(cluster.psql(open), "override wind,reserved");
    let kinds = "select distinct subject_kind from journal";
    assert_eq!(cluster.psql(kinds), "notice");
    let times = async |since| {
        let found = load_open(&database, WallMs(since)).await.unwrap();
        let stored = found.into_values().flatten();
        stored.map(|stored| stored.record.at_ms.0 / 1000).collect::<Vec<_>>()
    };
    assert_eq!(times(100_000).await, [3, 4]);
    // Of two that ended each other, the end is never missing.
    assert_eq!(times(6_001).await, [3, 4, 6]);
    assert_eq!(times(6_000).await, [2, 3, 4, 6]);
    assert_eq!(times(0).await, [0, 1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn notices_of_the_release_before_are_closed_by_the_migration() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let (journal, writer) = Journal::new(database.clone());
    tokio::spawn(writer.run());
    let maintenance = |on| DockSaying::Maintenance { on, note: "belt".into() };
    for (id, saying) in [
        (1, override_of(PreflightItem::Wind)),
        (2, maintenance(true)),
        (3, maintenance(false)),
        (4, override_of(PreflightItem::Rain)),
        (5, DockSaying::Reserved(None)),
    ] {
        let entry = notice(id, saying);
        let at_ms = i64::try_from(id).unwrap();
        append(&journal, record("D", at_ms, entry)).await.await.unwrap().unwrap();
    }
    let all = "select subject_id, subject_kind, slot, closed_at from journal_subjects order by 1";
    let expect = cluster.psql(all);
    // As the release before wrote them.
    cluster.psql(
        "update journal_subjects set subject_kind = 'command', slot = null, closed_at = null",
    );
    let sql = include_str!("../../../../supabase/migrations/20261124190000_restarts.sql");
    let update = sql.find("update public.journal_subjects").unwrap();
    let end = update + sql[update..].find(';').unwrap();
    cluster.psql(&sql[update..end]);
    assert_eq!(cluster.psql(all), expect);
}

/// A guarded journal, its spool's process, and its writer.
async fn guarded(
    cluster: &Cluster,
    database: &Database,
) -> (Journal, SpoolProcess, tokio::task::JoinHandle<()>) {
    let (journal, writer) = Journal::guarded(database.clone());
    let writer = tokio::spawn(writer.run());
    let (process, spool) = SpoolProcess::start(cluster.dir()).await;
    assert!(journal.connect_spool(spool).await);
    (journal, process, writer)
}

#[tokio::test]
async fn outcomes_while_the_database_is_away_survive_the_process_and_come_before_what_is_newer() {
    let mut cluster = Cluster::start();
    let database = cluster.migrated().await;
    let (journal, process, writer) = guarded(&cluster, &database).await;
    append(&journal, record("D", 1, command(1, None))).await.await.unwrap().unwrap();
    cluster.end(Signal::KILL);
    database.watch().wait_for(|state| !state.is_up()).await.unwrap();
    let hurried = append(&journal, record("D", 2, command(2, None))).await;
    let told = append(&journal, record("D", 3, outcome(1, CommandState::Succeeded))).await;
    // A counter-action left without a record; its record is as safe.
    let Entry::Command { command_id, request_id, data, idempotency_key, .. } = command(3, None)
    else {
        panic!("no command")
    };
    let counter_action = Entry::Command {
        command_id,
        request_id,
        method: "return_home".into(),
        data,
        idempotency_key,
        issued_by: "kim".into(),
        mission_id: None,
        expires_ms: WallMs(99_000),
        counter_action: true,
    };
    let home = append(&journal, record("D", 4, counter_action)).await;
    hurried.await.unwrap().unwrap_err();
    told.await.unwrap().unwrap();
    home.await.unwrap().unwrap();
    assert_eq!(journal.counts().spooled, 2);
    // Both processes die; the next ones find what was told.
    writer.abort();
    drop(journal);
    process.kill();
    cluster.start_again();
    database.up().await;
    let (journal, writer) = Journal::guarded(database.clone());
    tokio::spawn(writer.run());
    let after = append(&journal, record("D", 5, outcome(3, CommandState::Succeeded))).await;
    let (process, spool) = SpoolProcess::start(cluster.dir()).await;
    assert!(spool.has_more());
    assert!(journal.connect_spool(spool).await);
    journal.replayed().await;
    after.await.unwrap().unwrap();
    let order = "select string_agg((extract(epoch from at) * 1000)::int::text, ',' order by seq) from journal";
    assert_eq!(cluster.psql(order), "1,3,4,5");
    let open = "select count(*) from journal_subjects where closed_at is null";
    assert_eq!(cluster.psql(open), "0");
    assert_eq!(journal.counts().replayed, 2);
    process.kill();
}

#[tokio::test]
async fn nothing_is_written_before_the_schema_is_known_or_the_spool_was_read() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    database.withhold();
    let (journal, process, _writer) = guarded(&cluster, &database).await;
    append(&journal, record("D", 1, outcome(1, CommandState::Unknown)))
        .await
        .await
        .unwrap()
        .unwrap();
    assert_eq!(cluster.psql("select count(*) from journal"), "0");
    assert_eq!(journal.counts().spooled, 1);
    database.release();
    journal.replayed().await;
    assert_eq!(cluster.psql("select count(*) from journal"), "1");
    process.kill();

    let (unconnected, writer) = Journal::guarded(database.clone());
    tokio::spawn(writer.run());
    let hurried = append(&unconnected, record("D", 2, command(2, None))).await;
    let error = hurried.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("spool is not connected"), "{error}");
}
