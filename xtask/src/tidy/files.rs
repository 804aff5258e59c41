//! What a tracked file must and must not be.

use std::{fs, path::Path};

use anyhow::Context;

use super::Report;

const LINES_WARN: usize = 400;
const LINES_MAX: usize = 800;
/// Written by programs.
const GENERATED: [&str; 6] = [
    "Cargo.lock",
    "package-lock.json",
    "openapi.json",
    "openapi.ts",
    "methods.json",
    "errors.json",
];
const SOURCES: [&str; 10] =
    [".rs", ".ts", ".svelte", ".mjs", ".js", ".css", ".sh", ".toml", ".html", "Makefile"];

/// Texts that belong to one machine or one registry, spelled so that this file is not a hit.
fn foreign() -> Vec<String> {
    let pairs = [
        ("/wo", "rk/"),
        ("/home", "/"),
        ("/ro", "ot/"),
        ("/Us", "ers/"),
        ("crates", ".io"),
        ("registry.", "npmjs"),
        ("py", "pi.org"),
        ("static.rust", "-lang"),
    ];
    pairs.iter().map(|(a, b)| format!("{a}{b}")).collect()
}

/// Checks one tracked file.
pub(super) fn check(root: &Path, name: &str, report: &mut Report) -> anyhow::Result<()> {
    let path = root.join(name);
    if !path.is_file() {
        // Removed and not yet committed.
        return Ok(());
    }
    let bytes = fs::read(&path).with_context(|| name.to_owned())?;
    let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
    size(name, &text, report);
    places(name, &text, report);
    if name.ends_with(".rs") && !text.starts_with("//!") {
        report.faults.push(format!("{name}:1: must open with //!: what it is, what it refuses"));
    }
    let is_crate = name.ends_with("Cargo.toml") && name != "Cargo.toml";
    if is_crate && !text.contains("[lints]\nworkspace = true") {
        report
            .faults
            .push(format!("{name}: must take the workspace lints: [lints] workspace = true"));
    }
    Ok(())
}

fn size(name: &str, text: &str, report: &mut Report) {
    let is_source = SOURCES.iter().any(|end| name.ends_with(end));
    let is_generated =
        GENERATED.iter().any(|end| name.ends_with(end)) || name.contains("/generated/");
    if !is_source || is_generated {
        return;
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        report
            .faults
            .push(format!("{name}: {lines} lines, at most {LINES_MAX}: split it by nouns"));
    } else if lines > LINES_WARN {
        report.warnings.push(format!("{name}: {lines} lines, aim for {LINES_WARN}"));
    }
}

fn places(name: &str, text: &str, report: &mut Report) {
    // The lock file names its registry by design.
    if name == "Cargo.lock" {
        return;
    }
    let foreign = foreign();
    for (number, line) in text.lines().enumerate() {
        if let Some(place) = foreign.iter().find(|place| line.contains(place.as_str())) {
            let fault =
                format!("{name}:{}: {place:?} belongs to one machine or registry", number + 1);
            report.faults.push(fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn check_text(name: &str, text: &str) -> Report {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("tidy-{}-{number}", std::process::id()));
        fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
        fs::write(dir.join(name), text).unwrap();
        let mut report = Report::default();
        check(&dir, name, &mut report).unwrap();
        fs::remove_dir_all(dir).unwrap();
        report
    }

    #[test]
    fn long_files_are_warned_of_and_refused() {
        let rust = |lines: usize| format!("//! Doc.\n{}", "x\n".repeat(lines - 1));
        assert!(check_text("a.rs", &rust(400)).warnings.is_empty());
        assert_eq!(check_text("a.rs", &rust(401)).warnings.len(), 1);
        assert_eq!(check_text("a.rs", &rust(801)).faults.len(), 1);
        assert!(check_text("b/openapi.json", &rust(900)).faults.is_empty());
    }

    #[test]
    fn modules_have_docs_and_crates_have_lints() {
        assert_eq!(check_text("m.rs", "fn main() {}\n").faults.len(), 1);
        assert_eq!(check_text("c/Cargo.toml", "[package]\n").faults.len(), 1);
        let lints = "[package]\n\n[lints]\nworkspace = true\n";
        assert!(check_text("c/Cargo.toml", lints).faults.is_empty());
    }

    #[test]
    fn machine_paths_are_named_with_their_line() {
        for place in foreign() {
            let faults = check_text("notes.md", &format!("one\nsee {place}x\n")).faults;
            assert_eq!(faults.len(), 1, "{place}");
            assert!(faults[0].starts_with("notes.md:2:"), "{faults:?}");
        }
        assert!(check_text("notes.md", "see docs/adr\n").faults.is_empty());
    }
}
