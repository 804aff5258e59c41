//! How fast the recorder is, what it costs the tower, and how long a track takes.
//!
//! `cargo xtask bench record --json` or `cargo bench -p fleet-store --bench record`. A private
//! PostgreSQL with fsync; reports of 200 aircraft in the shape of the wire's example. The table is
//! filled by SQL first (`GWANJE_BENCH_ROWS`, 20,000,000: about 3 GB in the directory for temporary
//! files, for at most `GWANJE_BENCH_FILL_S`, 900 s; `table_rows` says how many they became), then a
//! ten-minute track is asked for, then the recorder writes. The cluster is removed at the end. It
//! judges nothing: figures and goals stand beside each other, and how loaded the machine was.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss)] // a bench prints

#[path = "../tests/store/cluster.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod cluster;

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use dji_cloud::{
    Message, decode, decode_osd_aircraft,
    device::{AircraftOsd, AircraftState},
};
use fleet_core::twin::Twin;
use fleet_store::{
    Database, read,
    recorder::{Recorder, RecorderSettings},
};
use fleet_types::{DeviceClass, DeviceSn, MonoMs, Now, WallMs, topic::DeviceOsd};
use serde_json::json;
use uuid::Uuid;

use cluster::Cluster;

const OSD: &str = include_str!("../../dji-cloud/tests/data/aircraft-osd.json");
const TOPIC: &str = "thing/product/1581F6Q8D239T00GABCD/osd";
/// A midnight in 2026, in milliseconds.
const START_MS: i64 = 1_795_478_400_000;
const DAY_MS: i64 = 86_400_000;
/// Rows a day of the table that the track comes from.
const ROWS_A_DAY: i64 = 500_000;
/// Rows the recorder writes.
const ROWS: u64 = 400_000;
/// Rows that come in before other tasks get their turn.
const AT_ONCE: u64 = 100;
/// Between two looks of the bench itself: what they cost is counted with the rows.
const LOOK: Duration = Duration::from_millis(5);
/// Rows that may wait; a recorder that keeps up has fewer.
const WAITING_MAX: u64 = 20_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let figures = tokio::task::LocalSet::new().block_on(&runtime, measure());
    if std::env::args().any(|arg| arg == "--json") {
        println!("{figures}");
    } else {
        println!("{figures:#}");
    }
}

async fn measure() -> serde_json::Value {
    let rows: i64 =
        std::env::var("GWANJE_BENCH_ROWS").map_or(20_000_000, |text| text.parse().unwrap());
    let settings = ["fsync=on", "shared_buffers=64MB", "max_wal_size=2GB"];
    let cluster = Cluster::start_with(&settings);
    let database = cluster.migrated().await;
    let began = Instant::now();
    let rows = fill(&cluster, rows);
    let fill_s = began.elapsed().as_secs_f64();
    let (track_ms, track_points) = track(&database, None, rows).await;
    // Somebody of one site, beside a fleet of others: by the policies of row-level security.
    let kim = Uuid::from_u128(0x4100);
    cluster.psql(&format!(
        "insert into devices (sn, class) select 'D' || n, 'dock' from generate_series(1, 5000) n;
         insert into devices (sn, class) select 'AC' || n, 'aircraft' from generate_series(0, 49) n;
         insert into memberships (user_id, site_id, role, granted_by)
         values ('{kim}', '00000000-0000-4000-8000-000000000002', 'viewer', 'bench');
         analyze devices, memberships"
    ));
    let (track_of_one_site_ms, points_of_one_site) = track(&database, Some(kim), rows).await;
    assert_eq!(points_of_one_site, track_points, "they see the aircraft");
    let recorded = record(&cluster, &database).await;
    let mut figures = json!({
        "goals": {"rows_per_s": 30_000, "tower_cpu_us_per_row": 2, "stall_p99_ms": 5, "track_ms": 20},
        "track_ms": track_ms,
        "track_of_one_site_ms": track_of_one_site_ms,
        "track_points": track_points,
        "table_rows": rows,
        "fill_s": fill_s.round(),
        "table_bytes": cluster.psql("select sum(pg_total_relation_size(inhrelid)) from pg_inherits")
            .parse::<u64>().unwrap(),
        "threads": threads(),
        "load_1m": load(),
    });
    for (name, value) in recorded.as_object().unwrap() {
        figures[name] = value.clone();
    }
    figures
}

/// Rows of 50 aircraft over as many days as it takes, a day at a time, until the time is up. How many.
fn fill(cluster: &Cluster, rows: i64) -> i64 {
    let limit_s = std::env::var("GWANJE_BENCH_FILL_S").map_or(900, |text| text.parse().unwrap());
    let until = Instant::now() + Duration::from_secs(limit_s);
    let mut filled = 0;
    for day in 0..(rows + ROWS_A_DAY - 1) / ROWS_A_DAY {
        let start_ms = START_MS + day * DAY_MS;
        let count = ROWS_A_DAY.min(rows - day * ROWS_A_DAY);
        cluster.psql(&format!(
            "set synchronous_commit = off;
             select gwanje.ensure_telemetry_day((gwanje.at_ms({start_ms}) at time zone 'UTC')::date);
             insert into telemetry (at, sn, site_id, report_no, latitude, longitude, height_m,
                                    elevation_m, heading_deg, horizontal_speed_mps, mode_code,
                                    battery_percent)
             select gwanje.at_ms({start_ms} + i::bigint * {DAY_MS} / {ROWS_A_DAY}), 'AC' || i % 50,
                    '00000000-0000-4000-8000-000000000002', i, 37 + i * 1e-7, 127, 80, 60, i % 360,
                    10, 5, 90
             from generate_series(0, {count} - 1) i"
        ));
        filled += count;
        if Instant::now() >= until {
            break;
        }
    }
    cluster.psql("analyze telemetry");
    filled
}

/// Ten minutes of one aircraft in the middle of the table: median of many, milliseconds.
async fn track(database: &Database, person: Option<Uuid>, rows: i64) -> (f64, usize) {
    let middle = START_MS + rows / ROWS_A_DAY / 2 * DAY_MS;
    let mut times = Vec::new();
    let mut points = 0;
    for run in 0..51 {
        // Another aircraft and another time for each: nothing comes from a warm cache of its own.
        let sn = DeviceSn::new(&format!("AC{}", run % 50)).unwrap();
        let from = WallMs(middle + run * 1_200_000);
        let until = WallMs(from.0 + 600_000);
        let began = Instant::now();
        points = read::track(database, person, &sn, from, until, 1000).await.unwrap().len();
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    (rounded(times[times.len() / 2]), points)
}

fn samples() -> Vec<DeviceOsd> {
    let packet = decode(TOPIC, OSD.as_bytes()).unwrap();
    let Message::Osd(Some(data)) = packet.message else { panic!("{TOPIC}") };
    let osd: AircraftOsd = decode_osd_aircraft(data).unwrap();
    let schema = Arc::new(Twin::<AircraftOsd, AircraftState>::schema());
    let now = Now { mono: MonoMs(0), wall: WallMs(START_MS) };
    let sample = |number: u32| {
        let mut twin = Twin::<AircraftOsd, AircraftState>::new(Arc::clone(&schema));
        twin.merge_osd(now, None, &osd);
        DeviceOsd {
            sn: DeviceSn::new(&format!("1581F6Q8D239T{number:04}")).unwrap(),
            class: DeviceClass::Aircraft,
            gateway_sn: DeviceSn::new(&format!("7CTDM1200B{number:04}")).unwrap(),
            report_count: 0,
            received_ms: now.wall,
            values: twin.telemetry().clone(),
        }
    };
    (0..200).map(sample).collect()
}

async fn record(cluster: &Cluster, database: &Database) -> serde_json::Value {
    let (recorder, writer) = Recorder::new(database.clone(), RecorderSettings::default());
    tokio::task::spawn_local(writer.run());
    let mut samples = samples();
    let day = "gwanje_parts.telemetry_20261123";
    cluster.psql("select gwanje.ensure_telemetry_day('2026-11-23')");
    let stalls = Rc::new(RefCell::new(Vec::new()));
    let watch = tokio::task::spawn_local(watch(Rc::clone(&stalls)));
    let (began, cpu_began) = (Instant::now(), cpu_ns());
    for no in 0..ROWS {
        let index = usize::try_from(no).unwrap() % samples.len();
        let sample = &mut samples[index];
        // The day before: apart from what fills the table. Its values stay as fresh as the report.
        sample.received_ms = WallMs(START_MS - 1000 - i64::try_from(no % 8000).unwrap());
        sample.report_count = no;
        recorder.row(sample);
        if no % AT_ONCE == 0 {
            tokio::task::yield_now().await;
            while recorder.counts().rows_waiting > WAITING_MAX {
                tokio::time::sleep(LOOK).await;
            }
        }
    }
    while recorder.counts().rows_written < ROWS {
        tokio::time::sleep(LOOK).await;
    }
    let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_ns() - cpu_began);
    watch.abort();
    let there: u64 = cluster.psql(&format!("select count(*) from {day}")).parse().unwrap();
    assert_eq!(there, ROWS, "every row is there");
    let bytes: f64 =
        cluster.psql(&format!("select pg_total_relation_size('{day}')")).parse().unwrap();
    let mut stalls = stalls.borrow_mut();
    stalls.sort_by(f64::total_cmp);
    let at = |part: usize| rounded(stalls[(stalls.len() - 1) * part / 100]);
    json!({
        "rows": ROWS,
        "rows_per_s": (ROWS as f64 / took).round(),
        "tower_cpu_us_per_row": rounded(cpu as f64 / 1e3 / ROWS as f64),
        "stall_ms": {"p50": at(50), "p99": at(99), "max": at(100)},
        "bytes_per_row": (bytes / ROWS as f64).round(),
        "rows_dropped": recorder.counts().rows_dropped,
    })
}

/// How late the loop comes back to a task that wants to run every few milliseconds.
async fn watch(stalls: Rc<RefCell<Vec<f64>>>) {
    loop {
        let began = Instant::now();
        tokio::time::sleep(LOOK).await;
        let late = (began.elapsed().as_secs_f64() - LOOK.as_secs_f64()) * 1e3;
        stalls.borrow_mut().push(late.max(0.0));
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Time this process spent on a processor, nanoseconds.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Tasks that wanted a processor, averaged over the last minute.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

fn threads() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    line.unwrap().trim().parse().unwrap()
}
