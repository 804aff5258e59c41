//! Questions: answers, and plans that read no big table from end to end.

use fleet_store::{
    Database,
    read::{self, PLANNED, Span},
    recorder::{Recorder, RecorderSettings},
    upkeep::{self, UpkeepSettings},
};
use fleet_types::{
    AlarmId, CommandId, CommandState, CommandStatus, DeviceSn, IdempotencyKey, RequestId, TraceId,
    WallMs,
    alarm::{AlarmSource, AlarmState, AlarmStatus, Priority},
    reason::Reason,
};
use uuid::Uuid;

use crate::{
    cluster::Cluster,
    recorder::{START_MS, osd, schema},
};

const FILL: &str = "
    select gwanje.ensure_telemetry_day('2026-11-24');
    insert into telemetry (at, sn, site_id, report_no, latitude, longitude, mode_code)
    select gwanje.at_ms(1795478400000 + i * 60), 'AC' || i % 50,
           '00000000-0000-4000-8000-000000000002', i, 37 + i * 1e-7, 127, 5
    from generate_series(1, 100000) i;
    insert into events (event_id, sn, method, data, received_at)
    select gen_random_uuid(), 'D' || i % 50, 'm', '{}', gwanje.at_ms(1795478400000 + i * 1000)
    from generate_series(1, 20000) i;
    insert into alarms (alarm_id, sn, source, priority, state, code, cause, status, raised_at,
                        changed_at)
    select gen_random_uuid(), 'D' || i % 50, 'hms', 'low', case when i % 1000 = 0 then 'raised' else
           'cleared' end, 'c', 'c', '{}', gwanje.at_ms(1795478400000 + i * 1000), now()
    from generate_series(1, 20000) i;
    insert into commands (command_id, sn, trace_id, request_id, request_code, method,
      idempotency_key, issued_by, state, counter_action, accepted_at, expires_at, changed_at, status)
    select gen_random_uuid(), 'D' || i % 50, gen_random_uuid(), gen_random_uuid(), 'r', 'm', i, 'o',
           'succeeded', false, gwanje.at_ms(1795478400000 + i * 1000), now(), now(), '{}'
    from generate_series(1, 20000) i;
    insert into missions (mission_id, sn, trace_id, request_id, request_code, wayline_id,
      wayline_name, waypoint_count, idempotency_key, issued_by, state, accepted_at, ended_at,
      changed_at, status)
    select gen_random_uuid(), 'D' || i % 50, gen_random_uuid(), gen_random_uuid(), 'r',
           gen_random_uuid(), 'w', 3, i, 'o', 'ended', gwanje.at_ms(1795478400000 + i * 1000),
           case when i % 1000 = 0 then null else now() end, now(), '{}'
    from generate_series(1, 20000) i;
    insert into mission_steps (mission_id, at, step, action_duration_ms)
    select mission_id, accepted_at, 'execute', 0 from missions;
    insert into schedule_times (schedule_id, at, sn, name, state)
    select gen_random_uuid(), gwanje.at_ms(1795478400000 + i * 1000), 'D' || i % 50, 'n', 'made'
    from generate_series(1, 20000) i;
    insert into journal_subjects (subject_id, subject_kind, sn, opened_at, closed_at)
    select ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'command', 'D', now(),
           case when i % 1000 = 0 then null else gwanje.at_ms(1795478400000 + i * 1000) end
    from generate_series(1, 20000) i;
    insert into journal (record_id, at, sn, trace_id, kind, subject_kind, subject_id, record)
    select gen_random_uuid(), now(), 'D', gen_random_uuid(), 'command', 'command', subject_id, '{}'
    from journal_subjects, generate_series(1, 2);
    select gwanje.roll_up_range('2026-11-24', '2026-11-25');
    analyze;
    select gwanje.audit_append(array_agg(json_build_object('id', gen_random_uuid(), 'at_ms', n,
        'actor', 'kim' || n % 50, 'action', 'sign_in', 'outcome', 'ok')::text))
    from generate_series(1, 5000) n;
    analyze audit;";

fn arguments(name: &str) -> &'static str {
    match name {
        "track" | "track by minutes" => {
            "text, timestamptz, timestamptz, bigint|'AC7', '2026-11-24 00:10Z', '2026-11-24 00:20Z', 1000"
        }
        "open alarms" | "open missions" => "|",
        "page of missions of one dock" => {
            "text, timestamptz, uuid, bigint|'D7', '2026-11-24 02:00Z', '00000000-0000-4000-8000-000000000001', 100"
        }
        "page of missions" => {
            "text, timestamptz, uuid, bigint|null, '2026-11-24 02:00Z', '00000000-0000-4000-8000-000000000001', 100"
        }
        "page of flights of one dock" => {
            "text, timestamptz, uuid, timestamptz, timestamptz, text, text, bigint|'D7', '2026-11-24 02:00Z', '00000000-0000-4000-8000-000000000001', '2026-11-24 01:00Z', '2026-11-24 02:00Z', null, null, 50"
        }
        "page of flights" => {
            "text, timestamptz, uuid, timestamptz, timestamptz, text, text, bigint|null, '2026-11-24 02:00Z', '00000000-0000-4000-8000-000000000001', '2026-11-24 01:00Z', '2026-11-24 02:00Z', null, '%w%', 50"
        }
        "series of telemetry" => {
            "text, timestamptz, timestamptz, bigint|'AC7', '2026-11-24 00:10Z', '2026-11-24 00:20Z', 1000"
        }
        "rows of telemetry" => {
            "text, timestamptz, timestamptz, bigint, bigint|'AC7', '2026-11-24 00:10Z', '2026-11-24 00:20Z', 7, 1000"
        }
        "times of schedules" => {
            "timestamptz, timestamptz, bigint|'2026-11-24 00:10Z', '2026-11-24 00:20Z', 100"
        }
        "mission" => "uuid|'00000000-0000-4000-8000-000000000001'",
        "remembered alarms" => "timestamptz|'2026-11-24 05:00Z'",
        "audit" => {
            "bigint, bigint, bigint, text, text, text, text, bigint|1000000, null, null, 'kim', null, null, null, 100"
        }
        "open journal" => "timestamptz, bigint|'2026-11-24 05:00Z', 100",
        name if name.ends_with("of one device") => {
            "text, timestamptz, timestamptz, bigint|'D7', '2026-11-24 00:10Z', '2026-11-24 02:00Z', 100"
        }
        _ => {
            "text, timestamptz, timestamptz, bigint|null, '2026-11-24 00:10Z', '2026-11-24 00:20Z', 100"
        }
    }
}

#[tokio::test]
async fn big_tables_are_asked_by_index_thinned_and_kept_up() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    cluster.psql(FILL);
    check_plans(&cluster);
    check_tracks(&database).await;
    check_upkeep(&cluster, &database).await;
}

fn check_plans(cluster: &Cluster) {
    for (name, sql) in PLANNED {
        let (types, values) = arguments(name).split_once('|').unwrap();
        let (types, values) = if types.is_empty() {
            (String::new(), String::new())
        } else {
            (format!("({types})"), format!("({values})"))
        };
        let explain = format!("prepare q {types} as {sql}; explain (costs off) execute q {values}");
        let plan = cluster.psql(&explain);
        assert!(plan.contains("Index") || plan.contains("Bitmap"), "{name}: {plan}");
        assert!(!plan.contains("Seq Scan"), "{name}: {plan}");
    }
    // The check can fail.
    let plan = cluster.psql("explain (costs off) select * from events where method = 'm'");
    assert!(plan.contains("Seq Scan"), "{plan}");
}

async fn check_tracks(database: &Database) {
    let sn = DeviceSn::new("AC7").unwrap();
    let track = async |from: i64, ms: i64, points| {
        let (from, until) = (WallMs(START_MS + from), WallMs(START_MS + from + ms));
        read::track(database, None, &sn, from, until, points).await.unwrap()
    };
    // A row every three seconds.
    let all = track(0, 600_000, 10_000).await;
    assert_eq!(all.len(), 200);
    assert!(all.is_sorted_by_key(|point| point.at_ms));
    let thin = track(0, 600_000, 50).await;
    assert!((45..=51).contains(&thin.len()), "{}", thin.len());
    let long = track(0, 8 * 3_600_000, 10_000).await;
    assert_eq!(long.len(), 100, "100,000 rows at 60 ms are 100 minutes");
    assert_eq!(track(600_000, 0, 10).await.len(), 0);
    assert_eq!(track(-900_000, 600_000, 10).await.len(), 0);
}

async fn check_upkeep(cluster: &Cluster, database: &Database) {
    let now = WallMs(START_MS + 3 * 86_400_000);
    let settings = UpkeepSettings { telemetry_days: 1, events_days: 2, ..Default::default() };
    let round = upkeep::round(database, settings, now).await.unwrap();
    assert_eq!(round.made, 5);
    assert_eq!(round.deleted, 20_000);
    // Three days of minutes take some rounds; a day stays until its minutes are rolled up.
    assert!(round.dropped.is_empty(), "{round:?}");
    let mut dropped = Vec::new();
    for _ in 0..13 {
        dropped.extend(upkeep::round(database, settings, now).await.unwrap().dropped);
    }
    assert_eq!(dropped, ["telemetry_20261124"]);
    assert_eq!(cluster.psql("select count(*) from telemetry"), "0");
    let minutes = cluster.psql("select count(distinct minute), sum(row_count) from telemetry_1m");
    assert_eq!(minutes, "101|100000");
    let again = upkeep::round(database, settings, now).await.unwrap();
    assert_eq!((again.made, again.dropped.len(), again.deleted), (0, 0, 0));
    // A day whose removal was interrupted after it was detached.
    cluster.psql("create table gwanje_parts.telemetry_20261101 (like telemetry)");
    let round = upkeep::round(database, settings, now).await.unwrap();
    assert_eq!(round.dropped, ["telemetry_20261101"]);
    check_records(cluster, database).await;
}

/// What is over of commands, missions, alarms and records goes with its time; what is open stays.
async fn check_records(cluster: &Cluster, database: &Database) {
    let counts = "
        select (select count(*) from commands), (select count(*) from missions),
               (select count(*) from alarms), (select count(*) from journal_subjects),
               (select count(*) from journal)";
    assert_eq!(cluster.psql(counts), "20000|20000|20000|20000|40000");
    // Of each kind (of schedules' times too) the first ten, of which the command is one that nobody has settled.
    cluster.psql(
        "update commands set state = 'unknown' where idempotency_key = '10';
         update missions set ended_at = accepted_at where ended_at is not null;
         update alarms set changed_at = raised_at",
    );
    let settings = UpkeepSettings { records_days: 1, ..Default::default() };
    let now = WallMs(START_MS + 86_400_000 + 11_000);
    let round = upkeep::round(database, settings, now).await.unwrap();
    assert_eq!(round.deleted, 9 + 10 + 10 + 10 + 10, "{round:?}");
    assert_eq!(cluster.psql(counts), "19991|19990|19990|19990|39980");
    let far = WallMs(now.0 + 365 * 86_400_000);
    let settings = UpkeepSettings { telemetry_days: 5000, minutes_days: 5000, ..settings };
    upkeep::round(database, settings, far).await.unwrap();
    assert_eq!(cluster.psql(counts), "1|20|20|20|40", "what is open stays");
}

fn command(id: u128, state: CommandState) -> CommandStatus {
    CommandStatus {
        command_id: CommandId(Uuid::from_u128(id)),
        trace_id: TraceId(Uuid::from_u128(1)),
        request_id: RequestId(Uuid::from_u128(2)),
        request_code: "service_platform.command.cover_open".into(),
        sn: DeviceSn::new("DOCK1").unwrap(),
        method: "cover_open".into(),
        mission_id: None,
        idempotency_key: IdempotencyKey::new("k").unwrap(),
        issued_by: "operator".into(),
        state,
        response_code: None,
        reason: None,
        progress: None,
        counter_action: false,
        accepted_ms: WallMs(START_MS),
        expires_ms: WallMs(START_MS + 1000),
        steps: vec![fleet_types::command::Step {
            step: "accepted".into(),
            at_ms: WallMs(START_MS),
            action_duration_ms: 0,
            detail: None,
        }],
    }
}

fn alarm(state: AlarmState) -> AlarmStatus {
    AlarmStatus {
        alarm_id: AlarmId(Uuid::from_u128(5)),
        sn: None,
        source: AlarmSource::Tower,
        priority: Priority::High,
        state,
        reason: Reason::new("disk_full", "The disk is full."),
        cause: "disk".into(),
        in_flood: false,
        raised_ms: WallMs(START_MS),
        raised_count: 1,
        cleared_ms: None,
        acknowledged: None,
        shelved: None,
    }
}

#[tokio::test]
async fn what_was_told_is_read_again() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let (recorder, writer) = Recorder::new(database.clone(), RecorderSettings::default());
    let writer = tokio::spawn(writer.run());
    let written = async |count: u64| {
        while recorder.counts().kept_written < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let origin = serde_json::json!({"key": "its own"});
    recorder.command(&command(1, CommandState::Sent));
    recorder.alarm(&alarm(AlarmState::Raised), Some(&origin));
    written(2).await;
    assert_eq!(read::open_alarms(&database).await.unwrap(), [alarm(AlarmState::Raised)]);
    let remembered = read::remembered_alarms(&database, WallMs(START_MS)).await.unwrap();
    assert_eq!(remembered, [(alarm(AlarmState::Raised), origin)]);
    recorder.command(&command(1, CommandState::Succeeded));
    recorder.alarm(&alarm(AlarmState::Cleared), None);
    written(4).await;
    let span = Span { sn: None, from: WallMs(START_MS), until: WallMs(START_MS + 1), limit: 10 };
    let commands = read::commands(&database, &span).await.unwrap();
    assert_eq!(commands, [command(1, CommandState::Succeeded)]);
    assert_eq!(read::alarms(&database, &span).await.unwrap(), [alarm(AlarmState::Cleared)]);
    assert!(read::open_alarms(&database).await.unwrap().is_empty());
    assert_eq!(cluster.psql("select count(*) from command_steps"), "1");
    // An older state that comes late, out of a spool, changes nothing.
    writer.abort();
    cluster.psql("update commands set changed_at = now() + interval '1 day'");
    let (late, writer) = Recorder::new(database.clone(), RecorderSettings::default());
    tokio::spawn(writer.run());
    late.command(&command(1, CommandState::Sent));
    while late.counts().kept_written < 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(cluster.psql("select state from commands"), "succeeded");
    let of_another = Span { sn: Some(DeviceSn::new("DOCK2").unwrap()), ..span };
    assert!(read::commands(&database, &of_another).await.unwrap().is_empty());
}

#[tokio::test]
async fn twins_are_there_at_the_next_start() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let settings = RecorderSettings {
        twins_every: std::time::Duration::from_millis(10),
        ..RecorderSettings::default()
    };
    let (recorder, writer) = Recorder::new(database.clone(), settings);
    tokio::spawn(writer.run());
    let sample = osd(&schema(), "AC1", 7, START_MS);
    recorder.twin(std::sync::Arc::new(sample.clone()));
    while recorder.counts().kept_written < 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let twins = read::twins(&database).await.unwrap();
    assert_eq!(twins.len(), 1);
    assert_eq!((&twins[0].sn, twins[0].received_ms), (&sample.sn, sample.received_ms));
    assert_eq!(twins[0].readings, serde_json::to_value(&sample.values).unwrap());
}
