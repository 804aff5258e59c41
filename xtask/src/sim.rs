//! `cargo xtask sim`: whole fleets from seeds, against the tower's promises (`docs/swarm.md`).
//!
//! It builds `fleet-swarm` as the tests build it, optimised for a long run, and shares the seeds out to processes: more work
//! means more processes, never threads. It simulates nothing itself.

use std::process::{Child, Command, ExitCode, Stdio};

use anyhow::{Context, ensure};
use clap::Args;

/// Which worlds.
#[derive(Debug, Args)]
pub(super) struct SimArgs {
    /// How many seeds
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// One seed alone
    #[arg(long)]
    seed: Option<u64>,
    /// Print everything that happens in it
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Plant each defect in turn and show which checker finds it
    #[arg(long)]
    mutants: bool,
    /// Plant this defect
    #[arg(long)]
    mutant: Option<u8>,
    /// Optimised (cargo profile `swarm`), as from 20,000 seeds on
    #[arg(long)]
    release: bool,
    /// A swarm that is built already
    #[arg(long, conflicts_with_all = ["mutants", "mutant", "release"])]
    program: Option<String>,
    /// Processes
    #[arg(long, default_value_t = 2)]
    jobs: u64,
}

/// So many seeds are worth the minutes that an optimised program takes to build.
const LONG: u64 = 20_000;

/// Builds and runs; good only if every process found nothing.
pub(super) fn run(args: &SimArgs) -> anyhow::Result<ExitCode> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => build(args)?,
    };
    let commit = commit();
    let mut base = Command::new(program);
    base.args(["--commit", &commit]);
    if let Some(number) = args.mutant {
        base.args(["--mutant", &number.to_string()]);
    }
    if let Some(seed) = args.seed {
        base.args(["--seed", &seed.to_string()]);
        if args.trace {
            base.arg("--trace");
        }
        return Ok(super::exit_code(base.status().context("cannot start the swarm")?.success()));
    }
    if args.mutants {
        base.args(["--mutants", "--seeds", &args.seeds.to_string()]);
        base.args(["--first", &args.first.to_string()]);
        return Ok(super::exit_code(base.status().context("cannot start the swarm")?.success()));
    }
    ensure!(args.jobs > 0, "--jobs must be at least 1");
    let share = args.seeds.div_ceil(args.jobs);
    let mut children = Vec::new();
    for job in 0..args.jobs {
        let from = args.first + (job * share).min(args.seeds);
        let count = share.min(args.first + args.seeds - from);
        let mut command = Command::new(base.get_program());
        command.args(base.get_args());
        command.args(["--first", &from.to_string(), "--seeds", &count.to_string()]);
        if job > 0 {
            command.arg("--quiet");
        }
        children.push(command.spawn().context("cannot start the swarm")?);
    }
    let all = children.iter_mut().map(Child::wait).collect::<Result<Vec<_>, _>>()?;
    Ok(super::exit_code(all.iter().all(std::process::ExitStatus::success)))
}

fn build(args: &SimArgs) -> anyhow::Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "fleet-swarm", "--message-format", "json"]);
    if args.mutants || args.mutant.is_some() {
        command.args(["--features", "mutants"]);
    }
    if args.release || args.seeds >= LONG {
        command.args(["--profile", "swarm"]);
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the swarm cannot be built");
    let lines = String::from_utf8_lossy(&output.stdout);
    let mut programs = lines.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message.pointer("/target/name")?.as_str()? == "fleet-swarm";
        is_it.then(|| message.get("executable")?.as_str().map(str::to_owned)).flatten()
    });
    programs.next_back().context("cargo named no program")
}

fn commit() -> String {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
