//! Project tasks: `cargo xtask tidy` holds the repository to its own rules.
//!
//! It refuses to change files; it names what is wrong and where. Read next: [`tidy`].

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
}

fn main() -> anyhow::Result<ExitCode> {
    let Task::Tidy = Args::parse().task;
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
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
