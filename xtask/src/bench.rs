//! `cargo xtask bench decode|record|stream|console`: runs a benchmark of the workspace, optimised.
//!
//! It measures nothing itself: figures come from the benches of the crates, and from
//! `web/bench/console.mjs`, which watches a real browser. Read next:
//! `crates/dji-cloud/benches/decode.rs`, `crates/fleet-store/benches/record.rs`,
//! `crates/fleet-api/benches/stream.rs`.

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
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bench {
    /// Decoding of telemetry, beside plain serde_json::Value
    Decode,
    /// The recorder into a private PostgreSQL, and a track out of 20 million rows
    Record,
    /// The live stream: CPU a position update and client, bytes
    Stream,
    /// The Live page with 10,000 moving devices, in headless Chromium (needs `make console`)
    Console,
}

/// Runs the benchmark; its exit code is ours.
pub(super) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let (mut command, json) = match args.bench {
        Bench::Decode => of_crate("dji-cloud", "decode"),
        Bench::Record => of_crate("fleet-store", "record"),
        Bench::Stream => of_crate("fleet-api", "stream"),
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
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["bench", "--quiet", "--package", package, "--bench", bench]);
    (command, &["--", "--json"])
}
