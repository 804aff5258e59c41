//! What the live stream costs: CPU of the tower's API a position update and client, and bytes.
//!
//! `cargo xtask bench stream` or `cargo bench -p fleet-api --bench stream`; `-- --json` prints one
//! line a case. A child process of the same program is the API with a hub over a real bus, on which
//! every device reports once a second; this process is the clients. The API's CPU time is read from
//! `/proc`, and what it needs without a client is taken off. It judges nothing.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss)] // a bench prints

use std::{
    cell::Cell,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use fleet_api::{
    Api, ApiConfig, AuditLog, BrokerState, Check, EnrolError, EnrolRequest, Enrolled, Enrolment,
    Kept, Listener, LogState, LoopState, Parts, Planning, ScheduleError, Scheduling, Site,
    StoreState, SystemSource, Tokens, UnknownCount, Waylines,
};
use fleet_bus::Bus;
use fleet_types::{
    DeviceClass, DeviceSn, DeviceStatus, MissionId, MissionStatus, Reason, Scalar, ScheduleId,
    Telemetry, WallMs,
    audit::{AuditEntry, AuditFilter, AuditHead, AuditVerdict, ChainedEntry},
    dispatch::{DispatchChoice, DispatchTarget},
    plan::{BreakPoint, MissionPlan},
    schedule::{HandledTime, PlannedTime, Schedule, ScheduleStatus},
    telemetry::{FieldSpec, Schema},
    topic::DeviceOsd,
};
use futures_util::{SinkExt, StreamExt, future::BoxFuture};
use serde_json::json;
use tokio::{
    net::TcpListener,
    task::LocalSet,
    time::{Instant, interval, sleep},
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

const DEVICES: usize = 10_000;
const TOKEN: &str = "4d61c29f0b7e5a38d1c6f0928374aabb";
const WARM_UP: Duration = Duration::from_secs(4);
/// Seconds measured of each case.
const SECONDS: u64 = 10;
/// Korea; the devices stand in it evenly, so that a hundredth of it holds a hundredth of them.
const SOUTH: f64 = 34.0;
const WEST: f64 = 126.0;
const SIDE: f64 = 4.0;

struct Case {
    view: &'static str,
    clients: usize,
    bbox: Option<[f64; 4]>,
}

fn cases() -> Vec<Case> {
    let tenth = SIDE / 10.0;
    let small = Some([WEST, SOUTH, WEST + tenth, SOUTH + tenth]);
    vec![
        Case { view: "world", clients: 1, bbox: None },
        Case { view: "world", clients: 10, bbox: None },
        Case { view: "world", clients: 50, bbox: None },
        Case { view: "hundredth", clients: 50, bbox: small },
        Case { view: "hundredth", clients: 500, bbox: small },
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = LocalSet::new();
    if arguments.iter().any(|argument| argument == "--serve") {
        local.block_on(&runtime, serve());
    } else {
        let json = arguments.iter().any(|argument| argument == "--json");
        local.block_on(&runtime, measure(json));
    }
}

/// The API in a process of its own; ended when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let program = std::env::current_exe().unwrap();
        let mut child =
            Command::new(program).arg("--serve").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }

    /// Nanoseconds on a CPU so far.
    fn cpu_ns(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.child.id())).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }

    fn status(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Counts {
    bytes: Cell<u64>,
    records: Cell<u64>,
    missed: Cell<u64>,
}

async fn measure(as_json: bool) {
    let server = Server::start();
    sleep(WARM_UP).await;
    let (idle_ns, _) = over_seconds(&server, &Counts::default()).await;
    let idle_ms = idle_ns as f64 / 1e6 / SECONDS as f64;
    if !as_json {
        println!("{DEVICES} devices, 1 report a second each; without a client {idle_ms:.1} ms/s");
        println!(
            "view       clients   µs/update/client   bytes/update   µs/s/client   ticks missed   RSS MB"
        );
    }
    for case in cases() {
        let counts = Rc::new(Counts::default());
        let clients: Vec<_> = (0..case.clients)
            .map(|_| {
                let bbox = case.bbox;
                tokio::task::spawn_local(client(server.address, bbox, Rc::clone(&counts)))
            })
            .collect();
        sleep(WARM_UP).await;
        let (ns, (bytes, records, missed)) = over_seconds(&server, &counts).await;
        let own_us = ns.saturating_sub(idle_ns) as f64 / 1e3;
        let us_an_update = own_us / records as f64;
        let bytes_an_update = bytes as f64 / records as f64;
        let us_a_client = own_us / SECONDS as f64 / case.clients as f64;
        let rss_mb = server.status("VmRSS:") as f64 / 1024.0;
        if as_json {
            let line = json!({
                "bench": "stream", "devices": DEVICES, "view": case.view, "clients": case.clients,
                "cpu_us_per_update_per_client": us_an_update, "bytes_per_update": bytes_an_update,
                "cpu_us_per_s_per_client": us_a_client, "idle_cpu_ms_per_s": idle_ms,
                "missed_ticks": missed, "rss_mb": rss_mb, "threads": server.status("Threads:"),
            });
            println!("{line}");
        } else {
            println!(
                "{:<10} {:>7} {us_an_update:>18.4} {bytes_an_update:>14.2} {us_a_client:>13.0} {missed:>14} {rss_mb:>8.0}",
                case.view, case.clients
            );
        }
        clients.into_iter().for_each(|client| client.abort());
        sleep(Duration::from_secs(2)).await;
    }
}

/// What the API's CPU and the clients' counts grew by in the measured time.
async fn over_seconds(server: &Server, counts: &Counts) -> (u64, (u64, u64, u64)) {
    let now = || (counts.bytes.get(), counts.records.get(), counts.missed.get());
    let (cpu, before) = (server.cpu_ns(), now());
    sleep(Duration::from_secs(SECONDS)).await;
    let after = now();
    let grown = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
    (server.cpu_ns() - cpu, grown)
}

async fn client(address: SocketAddr, bbox: Option<[f64; 4]>, counts: Rc<Counts>) {
    let mut request = format!("ws://{address}/api/v1/stream").into_client_request().unwrap();
    let protocols = format!("gwanje.v2, bearer.{TOKEN}");
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let view = json!({"type": "view", "bbox": bbox}).to_string();
    socket.send(Message::text(view)).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Binary(bytes) = message else { continue };
        let word = |at: usize| u64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        // A frame of this size has a head of 4 bytes in the stream.
        counts.bytes.set(counts.bytes.get() + bytes.len() as u64 + 4);
        counts.records.set(counts.records.get() + word(20));
        counts.missed.set(counts.missed.get() + word(22));
    }
}

async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let site = Site { name: "Bench".to_owned(), time_zone: "Asia/Seoul".to_owned() };
    let config = ApiConfig::new("0", site, &format!("http://{address}"));
    let bus = Bus::new();
    let (api, hub) = Api::new(Parts {
        waylines: Waylines::new(&config).unwrap(),
        config,
        bus: bus.clone(),
        tokens: Arc::new(Tokens::new(TOKEN).unwrap()),
        people: fleet_api::People::nobody(),
        basemaps: Vec::new(),
        upstream: None,
        wayline_sources: None,
        enrolment: Arc::new(Nobody),
        system: Arc::new(Nobody),
        audit: Arc::new(Nobody),
        planning: Arc::new(Nobody),
        scheduling: Arc::new(Nobody),
        registry: Arc::new(Mutex::new(prometheus_client::registry::Registry::default())),
    });
    tokio::task::spawn_local(hub.run());
    tokio::task::spawn_local(report(bus));
    println!("{address}");
    api.serve(Listener::Tcp(listener)).await;
}

/// Every device moves once a second, in ten portions of it.
async fn report(bus: Bus) {
    let keys = ["latitude", "longitude", "elevation", "attitude_head", "horizontal_speed"];
    let fields = keys.map(|key| FieldSpec { key: key.to_owned(), unit: "" }).into();
    let schema = Arc::new(Schema { fields });
    let sns: Vec<_> =
        (0..DEVICES).map(|n| DeviceSn::new(&format!("SIMM3TD{n:07}")).unwrap()).collect();
    let writer = bus.writer::<DeviceOsd>();
    let mut pace = interval(Duration::from_millis(100));
    let begun = Instant::now();
    for portion in (0..10).cycle() {
        pace.tick().await;
        let second = begun.elapsed().as_secs_f64();
        let tenth = DEVICES / 10;
        for (n, sn) in sns.iter().enumerate().skip(portion * tenth).take(tenth) {
            // Within its own cell of a hundred by a hundred.
            let cell = SIDE / 100.0;
            let swing = cell * (0.5 + 0.3 * (second * 0.05).sin());
            let values = [
                SOUTH + cell * (n / 100) as f64 + swing,
                WEST + cell * (n % 100) as f64 + swing,
                120.0,
                (second * 10.0) % 360.0,
                8.0,
            ];
            let mut telemetry = Telemetry::empty(Arc::clone(&schema));
            for (index, value) in values.into_iter().enumerate() {
                telemetry.set(index, Scalar::Num(value), None, WallMs(0));
            }
            let sample = DeviceOsd {
                sn: sn.clone(),
                class: DeviceClass::Aircraft,
                gateway_sn: sn.clone(),
                report_count: 1,
                received_ms: WallMs(0),
                values: telemetry,
            };
            writer.try_write(sample).unwrap();
            if n % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// No docks to enrol and no process to speak of.
struct Nobody;

impl AuditLog for Nobody {
    fn append(&self, _: AuditEntry, done: Kept) {
        done(true);
    }
    fn page(
        &self,
        _: Option<uuid::Uuid>,
        _: AuditFilter,
    ) -> BoxFuture<'_, Result<Vec<ChainedEntry>, String>> {
        Box::pin(async { Err(String::new()) })
    }
    fn chunk(&self, _: i64) -> BoxFuture<'_, Result<Vec<ChainedEntry>, String>> {
        Box::pin(async { Err(String::new()) })
    }
    fn head(&self) -> BoxFuture<'_, Result<AuditHead, String>> {
        Box::pin(async { Err(String::new()) })
    }
    fn verify(&self) -> BoxFuture<'_, Result<AuditVerdict, String>> {
        Box::pin(async { Err(String::new()) })
    }
    fn line(&self, _: &ChainedEntry, _: bool) -> String {
        String::new()
    }
    fn frame(&self, _: &AuditHead, _: bool) -> (&'static str, String) {
        ("", String::new())
    }
}

impl Enrolment for Nobody {
    fn enrol(&self, _: EnrolRequest) -> BoxFuture<'_, Result<Enrolled, EnrolError>> {
        Box::pin(async { Err(EnrolError::TooMany { max: 0 }) })
    }
    fn remove(&self, _: DeviceSn, _: String) -> BoxFuture<'_, Result<(), EnrolError>> {
        Box::pin(async { Err(EnrolError::NotEnrolled) })
    }
}

impl Planning for Nobody {
    fn resume_point(&self, _: &MissionStatus) -> Result<BreakPoint, Reason> {
        Err(Reason::new("no_break_point", "nobody flies here"))
    }
    fn overlaps(&self, _: Option<MissionId>, _: &DeviceSn, _: &MissionPlan, _: u16) -> Vec<Reason> {
        Vec::new()
    }
    fn dispatch(&self, _: &[Arc<DeviceStatus>], _: &DispatchTarget) -> Vec<DispatchChoice> {
        Vec::new()
    }
}

impl Scheduling for Nobody {
    fn list(&self) -> Result<Vec<ScheduleStatus>, ScheduleError> {
        Ok(Vec::new())
    }
    fn preview(&self, _: &Schedule) -> Result<Vec<WallMs>, Reason> {
        Ok(Vec::new())
    }
    fn planned(&self, _: WallMs, _: WallMs, _: usize) -> Result<Vec<PlannedTime>, ScheduleError> {
        Ok(Vec::new())
    }
    fn put(
        &self,
        _: Schedule,
        _: bool,
        _: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>> {
        Box::pin(async { Err(ScheduleError::Unknown) })
    }
    fn pause(
        &self,
        _: ScheduleId,
        _: bool,
        _: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>> {
        Box::pin(async { Err(ScheduleError::Unknown) })
    }
    fn remove(&self, _: ScheduleId, _: String) -> BoxFuture<'_, Result<(), ScheduleError>> {
        Box::pin(async { Err(ScheduleError::Unknown) })
    }
    fn handled(
        &self,
        _: Option<uuid::Uuid>,
        _: WallMs,
        _: WallMs,
    ) -> BoxFuture<'_, Result<Vec<HandledTime>, ScheduleError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl SystemSource for Nobody {
    fn threads(&self) -> u32 {
        1
    }
    fn broker(&self) -> BrokerState {
        BrokerState::default()
    }
    fn store(&self) -> StoreState {
        StoreState::default()
    }
    fn event_loop(&self) -> LoopState {
        LoopState::default()
    }
    fn log(&self) -> LogState {
        LogState::default()
    }
    fn set_log_filter(&self, _: &str) -> Result<(), String> {
        Err("nothing is logged here".to_owned())
    }
    fn unknowns(&self, _: Option<&DeviceSn>) -> Vec<UnknownCount> {
        Vec::new()
    }
    fn checks(&self) -> Vec<Check> {
        Vec::new()
    }
}
