//! The rules of the repository that no other tool checks.
//!
//! [`layers`] holds the crates' order, [`files`] what each tracked file must and must not be,
//! [`pure`] what pure crates must not know. It looks at tracked files only, so that local files
//! are nobody's business.

mod files;
mod layers;
mod pure;

use std::{path::PathBuf, process::Command};

use anyhow::{Context, ensure};
use cargo_metadata::MetadataCommand;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What must be mended.
    pub(crate) faults: Vec<String>,
    /// What should be.
    pub(crate) warnings: Vec<String>,
    /// Files looked at.
    pub(crate) files: usize,
}

/// Checks the whole repository.
pub(crate) fn run() -> anyhow::Result<Report> {
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
    let root = PathBuf::from(metadata.workspace_root.as_std_path());
    let mut report = Report::default();
    layers::check(&metadata, &mut report);
    for file in tracked(&root)? {
        report.files += 1;
        files::check(&root, &file, &mut report)?;
    }
    Ok(report)
}

fn tracked(root: &PathBuf) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let list = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(list.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
