//! `cargo xtask bench decode|record|stream`: runs a benchmark of the workspace, optimised.
//!
//! It measures nothing itself: figures come from the benches of the crates. Read next:
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
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bench {
    /// Decoding of telemetry, beside plain serde_json::Value
    Decode,
    /// The recorder into a private PostgreSQL, and a track out of 20 million rows
    Record,
    /// The live stream: CPU a position update and client, bytes
    Stream,
}

/// Runs the benchmark; its exit code is ours.
pub(super) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let (package, bench) = match args.bench {
        Bench::Decode => ("dji-cloud", "decode"),
        Bench::Record => ("fleet-store", "record"),
        Bench::Stream => ("fleet-api", "stream"),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["bench", "--quiet", "--package", package, "--bench", bench]);
    if args.json {
        command.args(["--", "--json"]);
    }
    let status = command.status().context("cannot start cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
