//! How long decoding takes and what it allocates, beside plain `serde_json::Value` in the same run.
//!
//! `cargo xtask bench decode` or `cargo bench -p dji-cloud --bench decode`; `-- --json` prints one
//! line. Cases take turns in short rounds and medians are compared, so that a busy machine slows
//! all of them alike. `osd` is the call that the tower makes of a report (`decode_report`). Floors
//! show what is left: `ignored` is `serde_json` reading nothing at all, `bytes` only checks UTF-8 and
//! counts quotes. It judges nothing: figures and goals stand beside each other.

#![allow(unsafe_code)] // counting allocations needs an allocator, and that trait is unsafe
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss)] // a bench prints

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use dji_cloud::device::{AircraftOsd, DockOsd};
use dji_cloud::{Topic, decode_envelope, decode_report};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

const DOCK: &str = include_str!("../tests/data/dock-osd.json");
const AIRCRAFT: &str = include_str!("../tests/data/aircraft-osd.json");
const DOCK_TOPIC: &str = "thing/product/7CTDM1200BX001/osd";
const AIRCRAFT_TOPIC: &str = "thing/product/1581F6Q8D239T00GABCD/osd";

/// Rounds of which the median is taken.
const ROUNDS: usize = 2001;
/// Calls in a round: so few that most rounds are not interrupted, even on a busy machine.
const CALLS: u32 = 10;

/// The system's allocator, counted.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged; counting touches no memory
// of the caller's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` by `alloc` or `realloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: as `dealloc`; the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Case {
    name: &'static str,
    /// Goal, ns; 0 for the comparison.
    goal_ns: u32,
    /// The case it is compared with.
    beside: Option<&'static str>,
    run: fn(),
}

const CASES: &[Case] = &[
    Case { name: "route_and_envelope", goal_ns: 1500, beside: Some("dock_value"), run: route },
    Case { name: "dock_osd", goal_ns: 4000, beside: Some("dock_value"), run: dock },
    Case { name: "dock_hot", goal_ns: 3000, beside: Some("dock_value"), run: dock_hot },
    Case { name: "dock_value", goal_ns: 0, beside: None, run: dock_value },
    Case { name: "dock_ignored", goal_ns: 0, beside: Some("dock_value"), run: dock_ignored },
    Case { name: "dock_bytes", goal_ns: 0, beside: Some("dock_value"), run: dock_bytes },
    Case { name: "aircraft_osd", goal_ns: 6000, beside: Some("aircraft_value"), run: aircraft },
    Case { name: "aircraft_hot", goal_ns: 3000, beside: Some("aircraft_value"), run: aircraft_hot },
    Case { name: "aircraft_value", goal_ns: 0, beside: None, run: aircraft_value },
    Case { name: "aircraft_ignored", goal_ns: 0, beside: Some("aircraft_value"), run: air_ignored },
    Case { name: "aircraft_bytes", goal_ns: 0, beside: Some("aircraft_value"), run: air_bytes },
];

fn route() {
    let topic = Topic::parse(black_box(DOCK_TOPIC)).unwrap();
    black_box((topic, decode_envelope(black_box(DOCK.as_bytes())).unwrap()));
}

fn dock() {
    let topic = Topic::parse(black_box(DOCK_TOPIC)).unwrap();
    let report = decode_report::<DockOsd>(black_box(DOCK.as_bytes())).unwrap();
    assert!(report.body.is_ok());
    black_box((topic, &report));
}

fn aircraft() {
    let topic = Topic::parse(black_box(AIRCRAFT_TOPIC)).unwrap();
    let report = decode_report::<AircraftOsd>(black_box(AIRCRAFT.as_bytes())).unwrap();
    assert!(report.body.is_ok());
    black_box((topic, &report));
}

fn dock_hot() {
    black_box(dji_cloud::hot::decode_hot(black_box(DOCK.as_bytes())).unwrap());
}

fn aircraft_hot() {
    black_box(dji_cloud::hot::decode_hot(black_box(AIRCRAFT.as_bytes())).unwrap());
}

fn dock_value() {
    black_box(serde_json::from_slice::<Value>(black_box(DOCK.as_bytes())).unwrap());
}

fn aircraft_value() {
    black_box(serde_json::from_slice::<Value>(black_box(AIRCRAFT.as_bytes())).unwrap());
}

fn dock_ignored() {
    black_box(serde_json::from_slice::<IgnoredAny>(black_box(DOCK.as_bytes())).unwrap());
}

fn air_ignored() {
    black_box(serde_json::from_slice::<IgnoredAny>(black_box(AIRCRAFT.as_bytes())).unwrap());
}

fn dock_bytes() {
    black_box(quotes(black_box(DOCK.as_bytes())));
}

fn air_bytes() {
    black_box(quotes(black_box(AIRCRAFT.as_bytes())));
}

/// The least that any reader of text must do.
fn quotes(payload: &[u8]) -> usize {
    core::str::from_utf8(payload).unwrap().bytes().filter(|&byte| byte == b'"').count()
}

/// Median time of a call of each case, ns.
fn measure() -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(ROUNDS); CASES.len()];
    for _ in 0..ROUNDS {
        for (case, times) in CASES.iter().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..CALLS {
                (case.run)();
            }
            times.push(start.elapsed().as_nanos() as f64 / f64::from(CALLS));
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    times.into_iter().map(median).collect()
}

fn allocations(case: &Case) -> u64 {
    let before = ALLOCATIONS.load(Relaxed);
    (case.run)();
    ALLOCATIONS.load(Relaxed) - before
}

fn main() {
    let is_json = std::env::args().any(|arg| arg == "--json");
    let times = measure();
    let time = |name: &str| CASES.iter().position(|case| case.name == name).map(|at| times[at]);
    let rows = CASES.iter().zip(&times).map(|(case, &ns)| {
        let ratio = case.beside.and_then(time).map(|value| value / ns);
        (case, ns, ratio, allocations(case))
    });
    if is_json {
        let rows = rows.map(|(case, ns, ratio, allocations)| {
            let goal = (case.goal_ns > 0).then_some(case.goal_ns);
            let figures = json!({
                "ns": ns.round(), "goal_ns": goal,
                "times_faster_than_value": ratio, "allocations": allocations,
            });
            (case.name.to_owned(), figures)
        });
        println!("{}", Value::Object(rows.collect()));
        return;
    }
    println!("{} and {} bytes; medians of {ROUNDS} rounds", DOCK.len(), AIRCRAFT.len());
    println!(
        "{:<20} {:>9} {:>9} {:>14} {:>12}",
        "case", "us", "goal us", "beside Value", "allocations"
    );
    for (case, ns, ratio, allocations) in rows {
        let goal = if case.goal_ns > 0 {
            format!("{:.1}", f64::from(case.goal_ns) / 1000.0)
        } else {
            String::new()
        };
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.1} x faster"));
        println!("{:<20} {:>9.2} {goal:>9} {ratio:>14} {allocations:>12}", case.name, ns / 1000.0);
    }
}
