//! `cargo xtask bench decode|record|stream|ingest|bus|sign-in|console`: runs a benchmark of the workspace, optimised.
//!
//! It measures nothing itself: figures come from the benches of the crates, and from
//! `web/bench/console.mjs`, which watches a real browser, and `web/bench/sign-in.mjs`. Read next:
//! `crates/dji-cloud/benches/decode.rs`, `crates/fleet-store/benches/record.rs`,
//! `crates/fleet-api/benches/stream.rs`, `crates/fleet-bus/benches/bus.rs`, `xtask/benches/ingest/main.rs`.

use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::{Args, ValueEnum};

/// Which benchmark, and how it prints.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// What to measure
    bench: Bench,
    /// One line of JSON
    #[arg(long)]
    json: bool,
    /// `console` only: how long it is watched, minutes
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60))]
    minutes: u32,
    #[command(flatten)]
    ingest: IngestArgs,
}

/// Of `ingest` only.
#[derive(Debug, Args)]
struct IngestArgs {
    /// `ingest` only: simulated docks
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    docks: u32,
    /// `ingest` only: for how long it is measured, seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(5..=3600))]
    seconds: u32,
    /// `ingest` only: a dock's telemetry in parts, or in one message
    #[arg(long, default_value = "split", value_parser = ["split", "merged"])]
    profile: String,
    /// `ingest` only: quality of service of telemetry
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    qos: u8,
    /// `ingest` only: fleets of 100 to 5,000 docks, one after the other
    #[arg(long)]
    sweep: bool,
}

impl IngestArgs {
    fn words(&self) -> Vec<String> {
        let pairs = [
            ("--docks", self.docks.to_string()),
            ("--seconds", self.seconds.to_string()),
            ("--profile", self.profile.clone()),
            ("--qos", self.qos.to_string()),
        ];
        let pairs = pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        pairs.chain(self.sweep.then(|| "--sweep".to_owned())).collect()
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bench {
    /// Decoding of telemetry, beside plain serde_json::Value
    Decode,
    /// The recorder into a private PostgreSQL, and a track out of 20 million rows
    Record,
    /// The live stream: CPU a position update and client, bytes
    Stream,
    /// From docks over a broker and the tower to WebSocket clients: CPU, delay, memory, loss
    Ingest,
    /// A sample on the bus with three readers, and on the wire between two processes
    Bus,
    /// The event loop while fifty sign-ins a second are tried against the program as it is shipped
    SignIn,
    /// The Live page with 10,000 moving devices, in headless Chromium (needs `make console`)
    Console,
}

/// Runs the benchmark; its exit code is ours.
pub(super) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let (mut command, json) = match args.bench {
        Bench::Decode => of_crate("dji-cloud", "decode"),
        Bench::Record => of_crate("fleet-store", "record"),
        Bench::Stream => of_crate("fleet-api", "stream"),
        Bench::Bus => of_crate("fleet-bus", "bus"),
        Bench::Ingest => {
            // What is measured is the program as it is shipped.
            let mut build = Command::new(cargo());
            let built = build.args(["build", "--quiet", "--release", "--package", "gwanje"]);
            if !built.status().context("cannot build the program")?.success() {
                return Ok(ExitCode::FAILURE);
            }
            let (mut command, _) = of_crate("xtask", "ingest");
            command.arg("--").args(args.ingest.words());
            (command, ["--json"].as_slice())
        }
        Bench::SignIn => {
            let mut build = Command::new(cargo());
            let built = build.args(["build", "--quiet", "--release", "--package", "gwanje"]);
            if !built.status().context("cannot build the program")?.success() {
                return Ok(ExitCode::FAILURE);
            }
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
            let mut command = Command::new("node");
            command.current_dir(root).arg("web/bench/sign-in.mjs");
            (command, ["--json"].as_slice())
        }
        Bench::Console => {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
            let mut command = Command::new("node");
            command.current_dir(root).arg("web/bench/console.mjs");
            command.args(["--minutes", &args.minutes.to_string()]);
            (command, ["--json"].as_slice())
        }
    };
    if args.json {
        command.args(json);
    }
    let status = command.status().context("cannot start the benchmark")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The command of a crate's benchmark, and what makes it print JSON.
fn of_crate(package: &str, bench: &str) -> (Command, &'static [&'static str]) {
    let mut command = Command::new(cargo());
    command.args(["bench", "--quiet", "--package", package, "--bench", bench]);
    (command, &["--", "--json"])
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
