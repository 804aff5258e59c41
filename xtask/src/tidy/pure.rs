//! Pure crates know no clock, no thread, no chance of their own, no async and no order by hash: what
//! they do depends on their input alone, so that an incident can be played again.

use super::Report;

const PURE: [&str; 4] = ["dji-cloud", "wpml", "fleet-types", "fleet-core"];

/// What betrays the outside, and why it is refused.
const BANNED: [(&str, &str); 8] = [
    ("Instant::now", "a clock: take the time as an argument"),
    ("SystemTime::now", "a clock: take the time as an argument"),
    ("HashMap", "its order differs from run to run: BTreeMap"),
    ("HashSet", "its order differs from run to run: BTreeSet"),
    ("std::thread", "one OS thread"),
    ("std::fs", "files belong to the edges"),
    ("async fn", "machines are asked, they do not wait"),
    ("getrandom", "take a seeded generator as an argument"),
];

/// Checks one source file of a pure crate.
pub(super) fn check(name: &str, text: &str, report: &mut Report) {
    let inside = |krate: &&str| name.starts_with(&format!("crates/{krate}/src/"));
    if !PURE.iter().any(inside) {
        return;
    }
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (word, why) in BANNED.iter().filter(|(word, _)| code.contains(word)) {
            report.faults.push(format!("{name}:{}: {word} in a pure crate: {why}", number + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pure_crates_know_no_outside() {
        let faults = |name: &str, text: &str| {
            let mut report = Report::default();
            check(name, text, &mut report);
            report.faults
        };
        let clock = "//! Doc.\nlet now = Instant::now();\n";
        let found = faults("crates/fleet-core/src/a.rs", clock);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("crates/fleet-core/src/a.rs:2: Instant::now"), "{found:?}");
        for (word, _) in BANNED {
            assert_eq!(faults("crates/dji-cloud/src/b/c.rs", word).len(), 1, "{word}");
        }
        assert!(
            faults("crates/fleet-core/src/a.rs", "// Instant::now would be a clock\n").is_empty()
        );
        assert!(faults("crates/gwanje/src/a.rs", clock).is_empty());
        assert!(faults("crates/fleet-core/tests/a.rs", clock).is_empty());
    }
}
