//! The command behind `cargo xtask sim`: runs worlds in this process and prints what came of them.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use fleet_swarm::{kit::Kit, run};
use mimalloc::MiMalloc;

/// Worlds are made of many small things that live for a moment. It starts no thread.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

/// Simulates whole fleets from seeds and checks the tower's promises.
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// One seed alone
    #[arg(long)]
    seed: Option<u64>,
    /// Print everything that happens in it
    #[arg(long)]
    trace: bool,
    /// Which tree this is, for the report of a failure
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// Of so many seeds one is run twice, to compare the hashes; 0 for none
    #[arg(long, default_value_t = 25)]
    twice_every: u64,
    /// Plant each defect in turn and show which checker finds it
    #[arg(long)]
    mutants: bool,
    /// Plant this defect
    #[arg(long)]
    mutant: Option<u8>,
    /// Print a line for each failure and one at the end, nothing more
    #[arg(long)]
    quiet: bool,
}

/// Seeds after which a long run says how far it is.
const WORD_EVERY: u64 = 10_000;
/// Lines of the trace that are shown before a failure.
const TAIL: usize = 60;

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let mut out = io::stdout().lock();
    let kit = Kit::new();
    if args.mutants {
        return planted::sweep(&args, &kit, &mut out);
    }
    if let Some(number) = args.mutant
        && !planted::plant(number)
    {
        writeln!(
            out,
            "this build plants no defects: cargo xtask sim --mutant N builds one that does"
        )?;
        return Ok(ExitCode::FAILURE);
    }
    match args.seed {
        Some(seed) => one(&args, &kit, seed, &mut out),
        None => many(&args, &kit, &mut out),
    }
}

fn one(args: &Args, kit: &Kit, seed: u64, out: &mut impl Write) -> io::Result<ExitCode> {
    let outcome = run::run(kit, seed, true);
    let skipped = if args.trace { 0 } else { outcome.lines.len().saturating_sub(TAIL) };
    if args.trace || outcome.violation.is_some() {
        for line in outcome.lines.iter().skip(skipped) {
            writeln!(out, "{line}")?;
        }
    }
    let word = if outcome.violation.is_some() { "FAILED" } else { "good" };
    let (events, hash) = (outcome.events, outcome.hash);
    writeln!(out, "seed {seed}: {word}, {events} events, hash {hash:016x}")?;
    Ok(verdict(outcome.violation.is_none()))
}

fn many(args: &Args, kit: &Kit, out: &mut impl Write) -> io::Result<ExitCode> {
    let begun = Instant::now();
    let mut totals = run::Totals::default();
    let mut failures = 0;
    for seed in args.first..args.first.saturating_add(args.seeds) {
        let outcome = run::run(kit, seed, false);
        totals.add(&outcome);
        if totals.worlds % WORD_EVERY == 0 {
            let s = begun.elapsed().as_secs();
            writeln!(
                out,
                "  … {} seeds from {}, {failures} failures, {s} s",
                totals.worlds, args.first
            )?;
        }
        if let Some(violation) = &outcome.violation {
            failures += 1;
            writeln!(out, "FAILED seed {seed} at commit {}: {violation}", args.commit)?;
            writeln!(out, "  replay: cargo xtask sim --seed {seed} --trace")?;
            if failures == 1 && !args.quiet {
                tail(kit, seed, out)?;
            }
        }
        if args.twice_every > 0 && seed % args.twice_every == 0 {
            let again = run::run(kit, seed, false);
            if again.hash != outcome.hash {
                failures += 1;
                let commit = &args.commit;
                writeln!(out, "FAILED seed {seed} at commit {commit}: two runs of it differ")?;
            }
        }
    }
    let took = begun.elapsed().as_secs_f64().max(1e-9);
    if !args.quiet {
        for (what, count) in &totals.tally {
            writeln!(out, "  {count:>10}  {what}")?;
        }
    }
    let (worlds, events, hash) = (totals.worlds, totals.events, totals.hash);
    let hours = totals.simulated_ms as f64 / 3.6e6;
    let (rate, pace) = (worlds as f64 / took, hours / took);
    writeln!(
        out,
        "swarm: {worlds} seeds from {}, {failures} failures, {events} events, {hours:.1} simulated \
         hours in {took:.1} s: {rate:.0} seeds/s, {pace:.2} simulated hours/s, hash {hash:016x}",
        args.first,
    )?;
    Ok(verdict(failures == 0))
}

/// The last lines of a failed world's trace.
fn tail(kit: &Kit, seed: u64, out: &mut impl Write) -> io::Result<()> {
    let lines = run::run(kit, seed, true).lines;
    for line in lines.iter().skip(lines.len().saturating_sub(TAIL)) {
        writeln!(out, "  | {line}")?;
    }
    Ok(())
}

fn verdict(is_good: bool) -> ExitCode {
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(feature = "mutants")]
mod planted {
    use std::io::{self, Write};
    use std::process::ExitCode;

    use fleet_core::mutant::{self, Mutant};
    use fleet_swarm::{kit::Kit, run};

    use super::{Args, verdict};

    pub(super) fn plant(number: u8) -> bool {
        let found = Mutant::ALL.iter().find(|mutant| mutant.number() == number);
        mutant::plant(found.copied());
        found.is_some()
    }

    /// Plants each defect in turn and runs seeds until a checker finds it.
    pub(super) fn sweep(args: &Args, kit: &Kit, out: &mut impl Write) -> io::Result<ExitCode> {
        let mut caught = 0;
        let seeds = args.first..args.first.saturating_add(args.seeds);
        for mutant in Mutant::ALL {
            let found = seeds.clone().find_map(|seed| {
                mutant::plant(Some(*mutant));
                let violation = run::run(kit, seed, false).violation?;
                // Only what is not found without the defect is found by it.
                mutant::plant(None);
                run::run(kit, seed, false).violation.is_none().then_some((seed, violation))
            });
            let (number, text) = (mutant.number(), mutant.text());
            match found {
                Some((seed, violation)) => {
                    caught += 1;
                    let (after, checker) = (seed - args.first + 1, violation.checker);
                    writeln!(
                        out,
                        "{number:>2} caught  after {after:>4} seeds by \"{checker}\": {text}"
                    )?;
                }
                None => writeln!(out, "{number:>2} MISSED  in {} seeds: {text}", args.seeds)?,
            }
        }
        mutant::plant(None);
        let all = Mutant::ALL.len();
        writeln!(out, "mutants: {caught}/{all} caught")?;
        Ok(verdict(caught == all))
    }
}

#[cfg(not(feature = "mutants"))]
mod planted {
    use std::io::{self, Write};
    use std::process::ExitCode;

    use fleet_swarm::kit::Kit;

    use super::Args;

    pub(super) fn plant(_: u8) -> bool {
        false
    }

    pub(super) fn sweep(_: &Args, _: &Kit, out: &mut impl Write) -> io::Result<ExitCode> {
        writeln!(out, "this build plants no defects: use cargo xtask sim --mutants")?;
        Ok(ExitCode::FAILURE)
    }
}
