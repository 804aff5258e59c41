//! One measurement: a fleet comes up, is left alone for a while, then its CPU time, delays and
//! losses are taken over the measured seconds.
//!
//! Loss is counted by device: what its dock published between two moments of silence, less what the
//! tower counts as taken in between them; besides, every change of mode has to reach every client.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    Profile,
    children::{Helper, Site},
    proc,
    watch::{self, Seen},
};

/// WebSocket clients, each with the whole fleet in view.
const CLIENTS: usize = 4;
const BRING_UP: Duration = Duration::from_mins(5);
/// Until caches, buffers and the database's first partitions are warm.
const WARM_UP: Duration = Duration::from_secs(8);
/// Until nothing is under way any more: docks report every two seconds.
const SETTLE: Duration = Duration::from_secs(3);

/// What is measured.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) docks: u32,
    pub(crate) seconds: u32,
    pub(crate) profile: Profile,
    pub(crate) qos: bool,
}

/// What came out.
pub(crate) struct Figures {
    pub(crate) plan: Plan,
    pub(crate) msgs_per_s: f64,
    pub(crate) cpu_us: f64,
    broker_us: f64,
    sim_us: f64,
    database_us: f64,
    floor_us: f64,
    floor_msgs_per_s: f64,
    delays_ms: Vec<f64>,
    rss_kb: u64,
    idle_kb: u64,
    devices: usize,
    threads: u64,
    stall_ms: Value,
    lost: i64,
}

impl Figures {
    fn delay(&self, quantile: f64) -> f64 {
        let last = self.delays_ms.len().saturating_sub(1);
        // In range: a quantile is between 0 and 1.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = (last as f64 * quantile).ceil() as usize;
        self.delays_ms.get(at).copied().unwrap_or(f64::NAN)
    }

    fn kb_per_device(&self) -> f64 {
        self.rss_kb.saturating_sub(self.idle_kb) as f64 / self.devices.max(1) as f64
    }

    pub(crate) fn json(&self) -> Value {
        let r = |value: f64| (value * 100.0).round() / 100.0;
        json!({
            "docks": self.plan.docks,
            "msgs_per_s": r(self.msgs_per_s),
            "cpu_us_per_msg": r(self.cpu_us),
            "broker_cpu_us_per_msg": r(self.broker_us),
            "sim_cpu_us_per_msg": r(self.sim_us),
            "latency_ms": {
                "p50": r(self.delay(0.5)), "p99": r(self.delay(0.99)), "max": r(self.delay(1.0)),
                "count": self.delays_ms.len(),
            },
            "rss_mb": r(self.rss_kb as f64 / 1024.0),
            "threads": self.threads,
            "stall_ms": {"p99": self.stall_ms["p99"], "max": self.stall_ms["max"]},
            "lost": self.lost,
            "profile": self.plan.profile.name(),
            "qos": u8::from(self.plan.qos),
            "seconds": self.plan.seconds,
            "clients": CLIENTS,
            "devices": self.devices,
            "database_cpu_us_per_msg": r(self.database_us),
            "floor_cpu_us_per_msg": r(self.floor_us),
            "floor_msgs_per_s": r(self.floor_msgs_per_s),
            "idle_rss_mb": r(self.idle_kb as f64 / 1024.0),
            "rss_kb_per_device": r(self.kb_per_device()),
        })
    }

    pub(crate) fn words(&self) -> String {
        format!(
            "{} docks ({}, QoS {}): {:.0} msg/s; CPU µs a message: tower {:.1}, floor {:.1}, broker {:.1}, \
             database {:.1}, simulator {:.1}; delay ms: p50 {:.1}, p99 {:.1}, max {:.1} of {}; \
             stall ms: p99 {}, max {}; RSS {:.0} MB, {:.1} KB a device; threads {}; lost {}",
            self.plan.docks,
            self.plan.profile.name(),
            u8::from(self.plan.qos),
            self.msgs_per_s,
            self.cpu_us,
            self.floor_us,
            self.broker_us,
            self.database_us,
            self.sim_us,
            self.delay(0.5),
            self.delay(0.99),
            self.delay(1.0),
            self.delays_ms.len(),
            self.stall_ms["p99"],
            self.stall_ms["max"],
            self.rss_kb as f64 / 1024.0,
            self.kb_per_device(),
            self.threads,
            self.lost,
        )
    }
}

/// Processes and their CPU time at a moment.
struct Cpu {
    at: Instant,
    total: u64,
    tower: u64,
    broker: u64,
    sim: u64,
    database: u64,
}

async fn cpu(site: &Site, tower: u32, database: u32, fleet: &mut Helper) -> Cpu {
    let total = fleet.number("total", "total").await;
    Cpu {
        at: Instant::now(),
        total,
        tower: proc::cpu_ns(tower),
        broker: proc::cpu_ns(site.broker()),
        sim: proc::cpu_ns(fleet.pid()),
        database: proc::family_cpu_ns(database),
    }
}

pub(crate) async fn run(plan: &Plan) -> Figures {
    let site = Site::start().await;
    let (tower, database) = (site.tower(), site.database());
    sleep(SETTLE).await;
    let idle_kb = proc::rss_kb(tower);
    let seen: Vec<_> = (0..CLIENTS).map(|_| Rc::new(RefCell::new(Seen::default()))).collect();
    let clients: Vec<_> = seen
        .iter()
        .map(|seen| watch::client(site.api, site.token.clone(), Rc::clone(seen)))
        .map(tokio::task::spawn_local)
        .collect();
    let qos = u8::from(plan.qos).to_string();
    let arguments = [
        site.mqtt.to_string(),
        plan.docks.to_string(),
        plan.profile.name().to_owned(),
        qos.clone(),
    ];
    let mut fleet = Helper::start("fleet", &arguments).await;
    let end = Instant::now() + BRING_UP;
    while fleet.number("online", "online").await < u64::from(plan.docks) {
        assert!(Instant::now() < end, "the docks did not come up");
        sleep(Duration::from_millis(500)).await;
    }
    sleep(WARM_UP).await;
    let before = cut(&site, &mut fleet).await;
    fleet.ask("speak", "total").await;
    fleet.ask("mark", "total").await;
    sleep(SETTLE).await;
    let first = cpu(&site, tower, database, &mut fleet).await;
    sleep(Duration::from_secs(u64::from(plan.seconds))).await;
    let last = cpu(&site, tower, database, &mut fleet).await;
    let rss_kb = proc::rss_kb(tower);
    let after = cut(&site, &mut fleet).await;
    let (delays_ms, unseen) = delays(&fleet.marks, &seen);
    let (floor_us, floor_msgs_per_s) = floor(&site, &mut fleet, plan, &qos).await;
    let messages = (last.total - first.total) as f64;
    let a_message = |from: u64, to: u64| (to - from) as f64 / 1e3 / messages;
    let system = site.get("/api/v1/system").await.unwrap();
    clients.into_iter().for_each(|client| client.abort());
    Figures {
        plan: plan.clone(),
        msgs_per_s: messages / (last.at - first.at).as_secs_f64(),
        cpu_us: a_message(first.tower, last.tower),
        broker_us: a_message(first.broker, last.broker),
        sim_us: a_message(first.sim, last.sim),
        database_us: a_message(first.database, last.database),
        floor_us,
        floor_msgs_per_s,
        delays_ms,
        rss_kb,
        idle_kb,
        devices: after.taken.len(),
        threads: proc::status(tower, "Threads:").and_then(|text| text.parse().ok()).unwrap_or(0),
        stall_ms: find(&system, "stall_ms").cloned().unwrap_or_default(),
        lost: after.lost_since(&before) + unseen,
    }
}

/// The first member of this name, wherever it is.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object.get(name).or_else(|| object.values().find_map(|inner| find(inner, name)))
}

/// Both sides' counts by device, in silence.
struct Cut {
    published: BTreeMap<String, u64>,
    taken: BTreeMap<String, u64>,
}

async fn cut(site: &Site, fleet: &mut Helper) -> Cut {
    fleet.ask("silence", "total").await;
    sleep(SETTLE).await;
    let counts = fleet.ask("counts", "counts").await;
    let published = serde_json::from_value(counts).unwrap();
    Cut { published, taken: watch::report_counts(site.api, &site.token).await }
}

impl Cut {
    /// Reports that were published and not taken in, and those taken in twice.
    fn lost_since(&self, before: &Self) -> i64 {
        let grown = |now: &BTreeMap<String, u64>, then: &BTreeMap<String, u64>, sn: &str| {
            let count = |map: &BTreeMap<String, u64>| map.get(sn).copied().unwrap_or(0);
            i64::try_from(count(now)).unwrap() - i64::try_from(count(then)).unwrap()
        };
        let of = |sn: &String| {
            let published = grown(&self.published, &before.published, sn);
            (published - grown(&self.taken, &before.taken, sn)).abs()
        };
        self.published.keys().map(of).sum()
    }
}

/// From the publishing of each change of mode to its coming to each client, sorted; and how many
/// did not come.
fn delays(marks: &[Value], seen: &[Rc<RefCell<Seen>>]) -> (Vec<f64>, i64) {
    let (mut delays, mut unseen) = (Vec::new(), 0);
    for seen in seen {
        let seen = seen.borrow();
        assert!(!seen.ended, "a WebSocket client was cut");
        let mut statuses: BTreeMap<&str, Vec<(bool, u64)>> = BTreeMap::new();
        for (sn, is_debugging, at) in &seen.statuses {
            statuses.entry(sn).or_default().push((*is_debugging, *at));
        }
        for mark in marks {
            let (sn, is_debugging) = (mark[0].as_str().unwrap(), mark[1].as_bool().unwrap());
            let published = mark[2].as_u64().unwrap();
            let of_dock = statuses.get(sn).into_iter().flatten();
            let came = of_dock.filter(|(is, at)| *is == is_debugging && *at >= published);
            match came.map(|(_, at)| at - published).min() {
                Some(us) => delays.push(us as f64 / 1e3),
                None => unseen += 1,
            }
        }
    }
    delays.sort_by(f64::total_cmp);
    (delays, unseen)
}

/// Microseconds a message, and messages a second, of a process that only receives and parses.
async fn floor(site: &Site, fleet: &mut Helper, plan: &Plan, qos: &str) -> (f64, f64) {
    let mut floor = Helper::start("floor", &[site.mqtt.to_string(), qos.to_owned()]).await;
    fleet.ask("speak", "total").await;
    sleep(SETTLE).await;
    let at = Instant::now();
    let first = (floor.number("total", "total").await, proc::cpu_ns(floor.pid()));
    sleep(Duration::from_secs(u64::from(plan.seconds).div_ceil(2))).await;
    let last = (floor.number("total", "total").await, proc::cpu_ns(floor.pid()));
    let messages = (last.0 - first.0) as f64;
    ((last.1 - first.1) as f64 / 1e3 / messages, messages / at.elapsed().as_secs_f64())
}
