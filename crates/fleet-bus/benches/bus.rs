//! What a sample costs: on the local path with three readers, and on the wire on each side.
//!
//! `cargo xtask bench bus` or `cargo bench -p fleet-bus --bench bus`; `-- --json` prints one line a
//! case. On the wire a child process of the same program is the reader. CPU time is the kernel's
//! (`/proc/self/schedstat`). It judges nothing.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss)] // a bench prints

use std::{
    borrow::Cow,
    fs,
    io::Read,
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use dust_dds::infrastructure::type_support::DdsType;
use fleet_bus::{
    Bus,
    wire::{
        Client, Discovery, Spawn, Wire, WireConfig,
        views::{DeviceTelemetry, Docs, Offer, View},
    },
};
use fleet_types::{
    DeviceClass, DeviceSn, Scalar, Telemetry, WallMs,
    telemetry::{FieldSpec, Schema},
    topic::{DeviceOsd, Reliability, Topic},
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    task::LocalSet,
    time::{sleep, timeout},
};

const LOCAL_SAMPLES: u32 = 1_000_000;
/// Samples between turns of the readers, as a busy loop has it.
const TURN: usize = 64;
const WIRE_KEYS: usize = 1_000;
const WIRE_RATE: u32 = 5_000;
const WIRE_FOR: Duration = Duration::from_secs(6);
const RELIABLE_KEYS: usize = 100;
const RELIABLE_SAMPLES: u64 = 30_000;
const RELIABLE_RATE: u32 = 5_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let is = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = LocalSet::new();
    if is("--telemetry") {
        println!("{}", local.block_on(&runtime, read_telemetry()));
        return;
    }
    if is("--reliable") {
        println!("{}", local.block_on(&runtime, read_notes()));
        return;
    }
    let as_json = is("--json");
    for keys in [1, 1_000, 20_000] {
        show(&local.block_on(&runtime, on_the_local_path(keys)), as_json);
    }
    show(&local.block_on(&runtime, on_the_wire()), as_json);
    show(&local.block_on(&runtime, reliably()), as_json);
}

fn show(case: &Value, as_json: bool) {
    if as_json {
        println!("{case}");
        return;
    }
    let words = case.as_object().unwrap().iter();
    let words: Vec<_> = words.map(|(key, value)| format!("{key} {value}")).collect();
    println!("{}", words.join(", "));
}

/// CPU time of this process, nanoseconds.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

fn now_ns() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

fn threads() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
    line.trim().parse().unwrap()
}

/// As large as a report is where it is shared.
struct Sample {
    sn: Arc<str>,
    values: [f64; 18],
}

impl Topic for Sample {
    const NAME: &'static str = "Sample";
    const RELIABILITY: Reliability = Reliability::KeepLatest;
    const TRANSIENT_LOCAL: bool = true;

    fn key(&self) -> Cow<'_, str> {
        (*self.sn).into()
    }
}

async fn on_the_local_path(keys: usize) -> Value {
    let names: Vec<Arc<str>> = (0..keys).map(|key| format!("SIMDK{key:09}").into()).collect();
    let bus = Bus::new();
    let writer = bus.writer::<Sample>();
    let mut readers: Vec<_> = (0..3).map(|_| bus.reader::<Sample>()).collect();
    let write = |number: usize| {
        // Not in the order of the keys, as devices report.
        let sn = Arc::clone(&names[number.wrapping_mul(7919) % keys]);
        writer.try_write(Sample { sn, values: [number as f64; 18] }).ok().unwrap();
    };
    let mut taken = 0_u64;
    let mut sum = 0.0;
    let mut run = async |samples: u32| {
        for number in 0..samples as usize {
            write(number);
            if number % TURN == 0 {
                for reader in &mut readers {
                    for sample in reader.try_take(usize::MAX) {
                        taken += 1;
                        sum += sample.values[7];
                    }
                }
                tokio::task::yield_now().await;
            }
        }
    };
    run(200_000).await;
    let before = cpu_ns();
    run(LOCAL_SAMPLES).await;
    let cpu = cpu_ns() - before;
    assert!(taken > 0 && sum > 0.0);
    json!({
        "bench": "local", "keys": keys, "readers": 3,
        "cpu_us_per_sample": round(cpu as f64 / f64::from(LOCAL_SAMPLES) / 1000.0),
    })
}

fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

fn config() -> WireConfig {
    WireConfig {
        domain_id: 99,
        domain_tag: "bench".to_owned(),
        interface: Ipv4Addr::LOCALHOST,
        discovery: Discovery::Multicast,
    }
}

fn spawn() -> Spawn {
    Arc::new(|_, task| tokio::task::spawn_local(task).abort_handle())
}

fn child(what: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(what).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

fn said(mut child: Child) -> Value {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    serde_json::from_str(text.trim()).unwrap()
}

/// Calls `write` so often a second, with the number of the sample.
async fn paced(rate: u32, until: Duration, mut write: impl AsyncFnMut(u64)) -> u64 {
    let begin = Instant::now();
    let mut written = 0;
    while begin.elapsed() < until {
        while (written as f64) < begin.elapsed().as_secs_f64() * f64::from(rate) {
            written += 1;
            write(written).await;
        }
        sleep(Duration::from_millis(2)).await;
    }
    written
}

/// The tower's own way: reports on the bus, a view of them on the wire.
async fn on_the_wire() -> Value {
    let bus = Bus::new();
    let (wire, _refused) = Wire::new(config(), &bus, spawn());
    let look = wire.look();
    let running = tokio::task::spawn_local(wire.run());
    let reader = child("--telemetry");
    let writer = bus.writer::<DeviceOsd>();
    let reports = reports();
    let view = || {
        let views = look.stats().views;
        views.into_iter().find(|view| view.topic == DeviceTelemetry::TOPIC).unwrap()
    };
    while view().readers == 0 {
        sleep(Duration::from_millis(50)).await;
    }
    let write = async |number: u64| {
        let index = usize::try_from(number).unwrap().wrapping_mul(7919) % WIRE_KEYS;
        writer.try_write(reports[index].clone()).ok().unwrap();
    };
    paced(WIRE_RATE, Duration::from_secs(2), write).await;
    let (cpu, written) = (cpu_ns(), view().written);
    paced(WIRE_RATE, WIRE_FOR, write).await;
    let (cpu, written) = (cpu_ns() - cpu, view().written - written);
    running.abort();
    let reader = said(reader);
    json!({
        "bench": "wire", "keys": WIRE_KEYS, "samples": written, "threads": threads(),
        "writer_cpu_us_per_sample": round(cpu as f64 / written as f64 / 1000.0),
        "reader_cpu_us_per_sample": reader["cpu_us_per_sample"],
        "reader_samples_per_s": reader["samples_per_s"], "reader_threads": reader["threads"],
    })
}

async fn read_telemetry() -> Value {
    let client = Client::open(&config(), spawn()).await.unwrap();
    let mut samples = client.reader::<DeviceTelemetry>();
    samples.next().await.unwrap();
    // Every key is known, then.
    let warm = Instant::now();
    while warm.elapsed() < Duration::from_secs(2) {
        samples.next().await.unwrap();
    }
    let (cpu, begin, mut count) = (cpu_ns(), Instant::now(), 0_u64);
    while begin.elapsed() < Duration::from_secs(5) {
        if let Ok(Some(_)) = timeout(Duration::from_secs(1), samples.next()).await {
            count += 1;
        }
    }
    let (cpu, took) = (cpu_ns() - cpu, begin.elapsed());
    json!({
        "cpu_us_per_sample": round(cpu as f64 / count as f64 / 1000.0),
        "samples_per_s": (count as f64 / took.as_secs_f64()).round(), "threads": threads(),
    })
}

/// Reports of aircraft with what a view shows, among what it does not.
fn reports() -> Vec<DeviceOsd> {
    let shown = [
        "latitude",
        "longitude",
        "height",
        "elevation",
        "attitude_head",
        "attitude_pitch",
        "attitude_roll",
        "horizontal_speed",
        "vertical_speed",
        "battery.capacity_percent",
        "wind_speed",
        "position_state.gps_number",
        "mode_code",
    ];
    let others = (0..80).map(|number| format!("other_{number}"));
    let keys = shown.into_iter().map(str::to_owned).chain(others);
    let fields = keys.map(|key| FieldSpec { key, unit: "" }).collect();
    let schema = Arc::new(Schema { fields });
    let received_ms = WallMs(1_700_000_000_000);
    let mut values = Telemetry::empty(Arc::clone(&schema));
    let stamp = values.stamp(None, received_ms);
    for place in 0..schema.fields.len() {
        values.put(place, stamp, Scalar::Num(37.5));
    }
    let report = |number: usize| DeviceOsd {
        sn: DeviceSn::new(&format!("SIMAC{number:09}")).unwrap(),
        class: DeviceClass::Aircraft,
        gateway_sn: DeviceSn::new(&format!("SIMDK{number:09}")).unwrap(),
        report_count: 1,
        received_ms,
        values: values.clone(),
    };
    (0..WIRE_KEYS).map(report).collect()
}

/// A reliable sample of about a kilobyte.
#[derive(Clone, Debug, Default, Serialize, DdsType)]
#[dust_dds(name = "gwanje_bench::Note", extensibility = "final")]
struct Note {
    #[dust_dds(key)]
    sn: String,
    number: u64,
    written_ns: u64,
    text: String,
}

impl View for Note {
    const TOPIC: &'static str = "rt/gwanje/bench";
    const TYPE_NAME: &'static str = "gwanje_bench::Note";
    const OFFER: Offer = Offer::Changes;
    const DOCS: Docs = Docs { about: &[], members: &[] };

    fn sn(&self) -> &str {
        &self.sn
    }
}

async fn reliably() -> Value {
    let client = Client::open(&config(), spawn()).await.unwrap();
    let writer = client.writer::<Note>();
    let reader = child("--reliable");
    while client.topics().await.unwrap().iter().all(|it| it.topic != Note::TOPIC || it.readers == 0)
    {
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_millis(500)).await;
    let text = "x".repeat(1000);
    let before = cpu_ns();
    let until = Duration::from_secs_f64(RELIABLE_SAMPLES as f64 / f64::from(RELIABLE_RATE));
    let written = paced(RELIABLE_RATE, until, async |number| {
        let sn = format!("DOCK{:03}", number % RELIABLE_KEYS as u64);
        writer.write(Note { sn, number, written_ns: now_ns(), text: text.clone() }).await;
    })
    .await;
    sleep(Duration::from_millis(500)).await;
    // The end of it.
    writer.write(Note { number: u64::MAX, written_ns: written, ..Note::default() }).await;
    let reader = said(reader);
    let cpu = cpu_ns() - before;
    json!({
        "bench": "reliable", "keys": RELIABLE_KEYS, "rate": RELIABLE_RATE, "written": written,
        "received": reader["received"], "given_up": writer.lost(),
        "lost": written - reader["received"].as_u64().unwrap(),
        "p50_us": reader["p50_us"], "p99_us": reader["p99_us"], "max_us": reader["max_us"],
        "writer_cpu_us_per_sample": round(cpu as f64 / written as f64 / 1000.0),
        "threads": threads(), "reader_threads": reader["threads"],
    })
}

async fn read_notes() -> Value {
    let client = Client::open(&config(), spawn()).await.unwrap();
    let mut samples = client.reader::<Note>();
    let mut delays = Vec::new();
    while let Ok(Some(note)) = timeout(Duration::from_secs(20), samples.next()).await {
        if note.view.number == u64::MAX {
            break;
        }
        delays.push(now_ns().saturating_sub(note.view.written_ns));
    }
    delays.sort_unstable();
    let quantile = |per_mille: usize| {
        let index = delays.len().saturating_sub(1) * per_mille / 1000;
        round(delays.get(index).copied().unwrap_or(0) as f64 / 1000.0)
    };
    json!({
        "received": delays.len(), "p50_us": quantile(500), "p99_us": quantile(990),
        "max_us": quantile(1000), "threads": threads(),
    })
}
