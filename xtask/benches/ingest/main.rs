//! What taking in telemetry costs: CPU a message of tower, broker and simulator, delay, memory, loss.
//!
//! `cargo xtask bench ingest` builds the release program and runs this; `--json` prints one line a
//! fleet. The tower is `gwanje up` with a database of its own, the broker a Mosquitto of its own,
//! the docks are simulated in a process of this program, and this process is the WebSocket clients:
//! all of them real processes over loopback, started here and ended here. It judges nothing. Read
//! next: [`run`] for one measurement, [`fleet`] for the docks, [`floor`] for what it is compared with.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss)] // a bench prints

mod children;
mod fleet;
mod floor;
mod proc;
mod run;
mod watch;

use std::net::SocketAddr;

use run::{Figures, Plan};

/// Fleets of a sweep.
const SWEEP: [u32; 5] = [100, 500, 1000, 2000, 5000];

/// How a dock cuts its telemetry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Three partial messages a cycle, as docks in the field do.
    Split,
    /// One.
    Merged,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Merged => "merged",
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        match name {
            "split" => Self::Split,
            "merged" => Self::Merged,
            other => panic!("--profile is split or merged, not {other}"),
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    match words[..] {
        ["fleet", control, broker, docks, profile, qos] => {
            let docks = docks.parse().unwrap();
            let (profile, qos) = (Profile::named(profile), qos.parse().unwrap());
            let run = fleet::run(address(control), address(broker), docks, profile, qos);
            local.block_on(&runtime, run);
        }
        ["floor", control, broker, qos] => {
            let run = floor::run(address(control), address(broker), qos.parse().unwrap());
            local.block_on(&runtime, run);
        }
        _ => local.block_on(&runtime, measure(&words)),
    }
}

async fn measure(words: &[&str]) {
    let value = |flag: &str| {
        let at = words.iter().position(|word| *word == flag)?;
        Some(*words.get(at + 1).unwrap_or_else(|| panic!("{flag} needs a value")))
    };
    let number = |flag: &str, usual: u32| value(flag).map_or(usual, |text| text.parse().unwrap());
    let as_json = words.contains(&"--json");
    let qos = number("--qos", 0);
    assert!(qos <= 1, "--qos is 0 or 1");
    let seconds = number("--seconds", 30).clamp(5, 3600);
    let profile = Profile::named(value("--profile").unwrap_or("split"));
    let fleets = match words.contains(&"--sweep") {
        true => SWEEP.to_vec(),
        false => vec![number("--docks", 2000).clamp(1, 10_000)],
    };
    let mut sweep: Vec<Figures> = Vec::new();
    for docks in fleets {
        let plan = Plan { docks, seconds, profile, qos: qos == 1 };
        let figures = run::run(&plan).await;
        match as_json {
            true => println!("{}", figures.json()),
            false => println!("{}", figures.words()),
        }
        sweep.push(figures);
    }
    if let [first, .., last] = &sweep[..]
        && !as_json
    {
        let grown = last.cpu_us / first.cpu_us;
        println!(
            "cost a message from {} to {} docks: × {grown:.2}",
            first.plan.docks, last.plan.docks
        );
    }
}
