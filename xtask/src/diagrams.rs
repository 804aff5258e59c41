//! `cargo xtask diagrams`: the state machines of `fleet-core` as diagrams in `docs/machines.md`.
//!
//! They are drawn from the tables that the machines are held to (`fleet_core::machine`), never by
//! hand; `--check` writes nothing and fails where the page is not what the tables say.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use clap::Args;
use fleet_core::machine::{ALL, markdown};

const PAGE: &str = "docs/machines.md";

/// Write or compare.
#[derive(Debug, Args)]
pub(super) struct DiagramArgs {
    /// Compare only
    #[arg(long)]
    check: bool,
}

/// Writes the page, or compares it; true when it is current.
pub(super) fn run(args: &DiagramArgs) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?;
    let (path, page) = (root.join(PAGE), markdown(ALL));
    if !args.check {
        fs::write(path, page).context("cannot write the diagrams")?;
        return Ok(true);
    }
    let is_current = fs::read_to_string(path).is_ok_and(|found| found == page);
    if !is_current {
        writeln!(io::stdout(), "{PAGE} is not what the machines say: run `cargo xtask diagrams`")?;
    }
    Ok(is_current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diagrams_are_what_the_machines_say() {
        assert!(run(&DiagramArgs { check: true }).unwrap(), "run `cargo xtask diagrams`");
    }
}
