//! Project tasks: `cargo xtask tidy` holds the repository to its own rules.
//!
//! `tidy` refuses to change files; it names what is wrong and where. `dji-coverage` proves what of
//! DJI's documentation is typed; `diagrams` draws the state machines; `sim` simulates fleets; `bench`
//! measures. Read next: [`tidy`], [`dji_coverage`], [`diagrams`], [`sim`], [`bench`].

mod bench;
mod diagrams;
mod dji_coverage;
mod sim;
mod tidy;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// Project tasks.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Layers, file sizes, lints, module docs, machine paths
    Tidy,
    /// What of DJI's documentation `dji-cloud` types; writes docs/dji-coverage.md
    DjiCoverage(dji_coverage::CoverageArgs),
    /// Every state and transition of the machines, from their code; writes docs/machines.md
    Diagrams(diagrams::DiagramArgs),
    /// Whole fleets simulated from seeds, against the tower's promises
    Sim(sim::SimArgs),
    /// How fast the hot paths are
    Bench(bench::BenchArgs),
}

fn main() -> anyhow::Result<ExitCode> {
    match Args::parse().task {
        Task::Tidy => tidy(),
        Task::Diagrams(args) => Ok(exit_code(diagrams::run(&args)?)),
        Task::Sim(args) => sim::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::DjiCoverage(args) => Ok(exit_code(dji_coverage::run(&args)?)),
    }
}

fn exit_code(is_good: bool) -> ExitCode {
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tidy() -> anyhow::Result<ExitCode> {
    let report = tidy::run()?;
    let mut out = io::stdout().lock();
    for warning in &report.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    for fault in &report.faults {
        writeln!(out, "fault: {fault}")?;
    }
    let (faults, warnings) = (report.faults.len(), report.warnings.len());
    writeln!(out, "tidy: {faults} faults, {warnings} warnings in {} files", report.files)?;
    Ok(exit_code(faults == 0))
}
