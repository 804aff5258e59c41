//! The recorder: what the policy lets through is in the database once, whatever breaks.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use fleet_store::{
    Database,
    recorder::{Recorder, RecorderSettings},
    spool::{SpoolClient, child},
};
use fleet_types::{
    DeviceClass, DeviceSn, Scalar, Telemetry, WallMs,
    telemetry::{FieldSpec, JsonText, Schema},
    topic::{DeviceEvent, DeviceOsd},
};
use rustix::process::Signal;
use serde_json::json;

use crate::cluster::Cluster;

/// A day in 2026, in milliseconds.
pub(crate) const START_MS: i64 = 1_795_478_400_000;

pub(crate) fn schema() -> Arc<Schema> {
    let field = |(key, unit): (&str, &'static str)| FieldSpec { key: key.to_owned(), unit };
    let fields = [
        ("latitude", "°"),
        ("longitude", "°"),
        ("height", "m"),
        ("mode_code", ""),
        ("battery.capacity_percent", "%"),
        ("gear", ""),
        ("cameras", ""),
    ];
    Arc::new(Schema { fields: fields.into_iter().map(field).collect() })
}

pub(crate) fn osd(schema: &Arc<Schema>, sn: &str, no: u64, at_ms: i64) -> DeviceOsd {
    let mut values = Telemetry::empty(Arc::clone(schema));
    let steps = f64::from(u32::try_from(no % 1000).unwrap());
    let told = [
        Scalar::Num(37.5 + steps * 1e-5),
        Scalar::Num(127.0 + steps * 1e-5),
        Scalar::Num(80.0),
        Scalar::Int(5),
        Scalar::Int(90),
        Scalar::Int(i64::try_from(no / 10).unwrap()),
        Scalar::Json(JsonText::of(&json!([{"zoom": 2}]))),
    ];
    for (index, value) in told.into_iter().enumerate() {
        values.set(index, value, None, WallMs(at_ms));
    }
    DeviceOsd {
        sn: DeviceSn::new(sn).unwrap(),
        class: DeviceClass::Aircraft,
        gateway_sn: DeviceSn::new("DOCK1").unwrap(),
        report_count: no,
        received_ms: WallMs(at_ms),
        values,
    }
}

fn event(no: i64) -> DeviceEvent {
    DeviceEvent {
        sn: DeviceSn::new("DOCK1").unwrap(),
        method: "flighttask_progress".into(),
        data: json!({"no": no, "text": "a\u{0}b"}),
        trace_id: None,
        source_ms: Some(WallMs(START_MS + no)),
        received_ms: WallMs(START_MS + no + 50),
    }
}

fn recorder(database: &Database) -> Recorder {
    let (recorder, writer) = Recorder::new(database.clone(), RecorderSettings::default());
    tokio::spawn(writer.run());
    recorder
}

/// Waits until everything taken in is written.
async fn settle(recorder: &Recorder, rows: u64) {
    while recorder.counts().rows_written < rows || recorder.counts().kept_waiting > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn keep(recorder: &Recorder, events: &[DeviceEvent]) {
    let (told, hears) = tokio::sync::oneshot::channel();
    recorder.events(events, Box::new(move || told.send(()).unwrap()));
    hears.await.unwrap();
}

#[tokio::test]
async fn rows_have_their_columns_and_what_changed_beside_them() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let recorder = recorder(&database);
    let schema = schema();
    let mut stale = osd(&schema, "AC1", 3, START_MS + 2000);
    // The height was heard long before the report.
    stale.values.set(2, Scalar::Num(80.0), None, WallMs(START_MS - 60_000));
    stale.values.set(3, Scalar::Int(1 << 40), None, WallMs(START_MS + 2000));
    recorder.row(&osd(&schema, "AC1", 1, START_MS));
    recorder.row(&osd(&schema, "AC1", 2, START_MS + 1000));
    recorder.row(&stale);
    // Midnight: two days, two partitions.
    recorder.row(&osd(&schema, "AC1", 20, START_MS + 86_400_000));
    settle(&recorder, 4).await;
    let rows = cluster.psql(
        "select report_no, gateway_sn, latitude, height_m, mode_code, battery_percent, extra,
                tableoid::regclass from telemetry order by at",
    );
    let expect = [
        r#"1|DOCK1|37.50001|80|5|90|{"gear": 0, "cameras": [{"zoom": 2}]}|gwanje_parts.telemetry_20261124"#,
        "2|DOCK1|37.50002|80|5|90||gwanje_parts.telemetry_20261124",
        "3|DOCK1|37.50003|||90||gwanje_parts.telemetry_20261124",
        r#"20|DOCK1|37.5002|80|5|90|{"gear": 2}|gwanje_parts.telemetry_20261125"#,
    ];
    assert_eq!(rows.lines().collect::<Vec<_>>(), expect);
}

#[tokio::test]
async fn the_same_event_is_one_row_and_a_bad_one_takes_no_other_along() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let recorder = recorder(&database);
    keep(&recorder, &[event(1), event(2)]).await;
    // The broker hands it over again, later.
    let mut again = event(1);
    again.received_ms = WallMs(START_MS + 99_000);
    keep(&recorder, &[again]).await;
    assert_eq!(cluster.psql("select count(*) from events"), "2");
    cluster.psql("alter table events add constraint no_bad check (data ->> 'no' <> '4')");
    keep(&recorder, &[event(3), event(4), event(5)]).await;
    let kept =
        cluster.psql("select string_agg(data ->> 'no', ',' order by received_at) from events");
    assert_eq!(kept, "1,2,3,5");
    let counts = recorder.counts();
    assert_eq!(counts.kept_refused, 1, "{counts:?}");
}

#[tokio::test]
async fn a_database_killed_under_load_has_every_row_once() {
    let mut cluster = Cluster::start();
    let database = cluster.migrated().await;
    let recorder = recorder(&database);
    let schema = schema();
    let safe = Arc::new(AtomicU64::new(0));
    let mut no = 0;
    for round in 0..4 {
        for _ in 0..3000 {
            no += 1;
            recorder.row(&osd(&schema, "AC1", no, START_MS + i64::try_from(no).unwrap()));
            if no % 100 == 0 {
                let safe = Arc::clone(&safe);
                let told = Box::new(move || {
                    safe.fetch_add(1, Ordering::Relaxed);
                });
                recorder.events(&[event(i64::try_from(no).unwrap())], told);
            }
            if no % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        if round < 3 {
            let acknowledged = safe.load(Ordering::Relaxed);
            cluster.end(Signal::KILL);
            cluster.start_again();
            let there: u64 = cluster.psql("select count(*) from events").parse().unwrap();
            assert!(
                there >= acknowledged,
                "{there} of {acknowledged} acknowledged events are there"
            );
        }
    }
    settle(&recorder, no).await;
    let found = cluster.psql("select count(*), count(distinct report_no) from telemetry");
    assert_eq!(found, format!("{no}|{no}"));
    assert_eq!(cluster.psql("select count(*) from events"), (no / 100).to_string());
    assert_eq!(recorder.counts().rows_dropped, 0);
}

#[tokio::test]
async fn memory_is_bounded_and_the_oldest_rows_go_first() {
    let mut cluster = Cluster::start();
    let database = cluster.migrated().await;
    cluster.end(Signal::KILL);
    database.watch().wait_for(|state| !state.is_up()).await.unwrap();
    let settings = RecorderSettings { memory_max_bytes: 300_000, ..RecorderSettings::default() };
    let (recorder, writer) = Recorder::new(database.clone(), settings);
    let schema = schema();
    for no in 1..=10_000 {
        recorder.row(&osd(&schema, "AC1", no, START_MS + i64::try_from(no).unwrap()));
    }
    let counts = recorder.counts();
    assert_eq!(counts.rows_dropped + counts.rows_waiting, 10_000);
    assert!(counts.rows_waiting >= 1000 && counts.rows_dropped >= 1000, "{counts:?}");
    cluster.start_again();
    tokio::spawn(writer.run());
    settle(&recorder, counts.rows_waiting).await;
    let first = counts.rows_dropped + 1;
    assert_eq!(
        cluster.psql("select min(report_no), max(report_no) from telemetry"),
        format!("{first}|10000")
    );
}

/// The spool's process: this test binary, started again to run one test that serves.
pub(crate) struct SpoolProcess {
    child: std::process::Child,
}

impl SpoolProcess {
    pub(crate) async fn start(dir: &std::path::Path) -> (Self, SpoolClient) {
        let socket = dir.join("spool.sock");
        let _ = std::fs::remove_file(&socket);
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "recorder::serves_as_the_spool_s_process", "--nocapture"])
            .env("GWANJE_TEST_SPOOL", dir)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (answers, requests) = stream.into_split();
        let client = SpoolClient::new(requests, answers).await.unwrap();
        (Self { child }, client)
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn serves_as_the_spool_s_process() {
    let Some(dir) = std::env::var_os("GWANJE_TEST_SPOOL") else { return };
    let dir = std::path::PathBuf::from(dir);
    let stream = std::os::unix::net::UnixStream::connect(dir.join("spool.sock")).unwrap();
    let requests = stream.try_clone().unwrap();
    child::serve(&dir.join("spool"), 64 << 20, requests, stream).unwrap();
}

#[tokio::test]
async fn what_happens_while_the_database_is_away_goes_through_the_spool_once() {
    let mut cluster = Cluster::start();
    let database = cluster.migrated().await;
    let settings = RecorderSettings {
        spool_after: std::time::Duration::from_millis(50),
        ..RecorderSettings::default()
    };
    let (recorder, writer) = Recorder::new(database.clone(), settings);
    tokio::spawn(writer.run());
    let (process, spool) = SpoolProcess::start(cluster.dir()).await;
    assert!(recorder.connect_spool(spool).await);
    let schema = schema();
    let row = |no: u64| {
        recorder.row(&osd(&schema, "AC1", no, START_MS + i64::try_from(no).unwrap()));
    };
    (1..=100).for_each(row);
    keep(&recorder, &[event(1)]).await;
    cluster.end(Signal::KILL);
    database.watch().wait_for(|state| !state.is_up()).await.unwrap();
    // Acknowledged although the database is away: it is on disk.
    (101..=2500).for_each(row);
    keep(&recorder, &[event(2)]).await;
    keep(&recorder, &[event(3)]).await;
    let counts = recorder.counts();
    assert!(counts.batches_spooled >= 2 && counts.spool_bytes > 0, "{counts:?}");
    // The spool's process dies too, and comes back with what it had.
    process.kill();
    let (process, spool) = SpoolProcess::start(cluster.dir()).await;
    assert!(spool.has_more());
    assert!(recorder.connect_spool(spool).await);
    (2501..=3000).for_each(row);
    keep(&recorder, &[event(4)]).await;
    cluster.start_again();
    (3001..=3100).for_each(row);
    keep(&recorder, &[event(5)]).await;
    settle(&recorder, 3100).await;
    while recorder.counts().spool_batches > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let found = cluster.psql("select count(*), count(distinct report_no) from telemetry");
    assert_eq!(found, "3100|3100");
    assert_eq!(
        cluster.psql("select string_agg(data ->> 'no', ',' order by received_at) from events"),
        "1,2,3,4,5"
    );
    let counts = recorder.counts();
    assert_eq!((counts.rows_dropped, counts.batches_replayed >= 2), (0, true), "{counts:?}");
    process.kill();
}
