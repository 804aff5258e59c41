//! State machines as data: each machine's states and every transition it may make, beside its code.
//!
//! A [`Machine`] is a `const` table. The machine it is about is held to it: its state lives in a
//! [`Tabled`], which changes by [`Tabled::go`] alone, or, where the state is part of a status that
//! others read, each change passes [`Machine::check`]. A change that is not in the table ends the
//! test, the simulated world or the debug build in which it happens; a release build goes on, for an
//! aircraft in the air is not helped by a panic. Each machine has a test that every row is taken.
//! `docs/machines.md` is written from the tables ([`markdown`]; `cargo xtask diagrams`).

use std::{fmt::Write as _, ops::Deref};

/// Transitions of one cause: from each of these states to that one.
pub type Row = (&'static str, &'static [&'static str], &'static str);

/// One machine's states and transitions.
#[derive(Debug)]
pub struct Machine {
    /// What it is called.
    pub name: &'static str,
    /// Where its code is, from the root of the crate.
    pub module: &'static str,
    /// What one of it is, and what its transitions rest on.
    pub about: &'static str,
    /// Each state and what it means.
    pub states: &'static [(&'static str, &'static str)],
    /// States that it begins in.
    pub starts: &'static [&'static str],
    /// States after which nothing comes.
    pub ends: &'static [&'static str],
    /// Every transition: cause, from, to.
    pub rows: &'static [Row],
}

impl Machine {
    /// Whether the table has this transition. Staying where it is is none.
    #[must_use]
    pub fn has(&self, cause: &str, from: &str, to: &str) -> bool {
        self.rows.iter().any(|row| row.0 == cause && row.1.contains(&from) && row.2 == to)
    }

    /// Holds a change of state against the table.
    ///
    /// # Panics
    /// In debug builds, when the table does not have it. A planted defect may break the table: the
    /// swarm's checkers are to find it, not this.
    pub fn check(&self, cause: &str, from: &str, to: &str) {
        debug_assert!(
            from == to || self.has(cause, from, to) || cfg!(feature = "mutants"),
            "{}: {from} → {to} by {cause} is not in the table",
            self.name
        );
        #[cfg(test)]
        taken::note(self, cause, from, to);
    }
}

/// A state that has a place in a table.
pub trait Named {
    /// The table.
    const MACHINE: &'static Machine;
    /// The state's name in it.
    fn name(&self) -> &'static str;
}

/// A state that changes along its table only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tabled<S>(S);

impl<S: Named> Tabled<S> {
    /// The state a machine begins in, or takes up after a restart.
    #[must_use]
    pub const fn new(state: S) -> Self {
        Self(state)
    }

    /// Changes the state.
    pub fn go(&mut self, cause: &'static str, to: S) {
        S::MACHINE.check(cause, self.0.name(), to.name());
        self.0 = to;
    }

    /// Changes what the state carries; if that is another state to people, for this cause.
    pub fn change<R>(&mut self, cause: &'static str, change: impl FnOnce(&mut S) -> R) -> R {
        let from = self.0.name();
        let result = change(&mut self.0);
        S::MACHINE.check(cause, from, self.0.name());
        result
    }
}

impl<S> Deref for Tabled<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

/// The tables of all machines, in the order in which they are shown.
pub const ALL: &[&Machine] = &[
    &crate::command::MACHINE,
    &crate::mission::MACHINE,
    &crate::multi_dock::MACHINE,
    &crate::schedule::MACHINE,
    &crate::alarm::MACHINE,
    &crate::authority::MACHINE,
    &crate::drc::MACHINE,
    &crate::fault::MACHINE,
    &crate::lease::MACHINE,
    &crate::session::BRING_UP,
    &crate::session::PRESENCE,
];

const HEAD: &str = "\
# State machines
Written by `cargo xtask diagrams` from the tables beside the machines in `crates/fleet-core`; do not
edit. A machine is held to its table wherever it is tested and simulated, and each row of a table is
taken in a test (`fleet-core/src/machine.rs`). What a cause means in full is said where it is taken.
";

/// The tables as a page with one diagram each.
#[must_use]
pub fn markdown(machines: &[&Machine]) -> String {
    let mut page = String::from(HEAD);
    for machine in machines {
        let states = machine.states.len();
        let count: usize = machine.rows.iter().map(|row| row.1.len()).sum();
        let _ = write!(
            page,
            "\n## {}\n{}\n\n{states} states, {count} transitions: `{}`.\n\n```mermaid\n{}```\n\n",
            machine.name,
            machine.about,
            machine.module,
            diagram(machine)
        );
        page.push_str("| state | meaning |\n|---|---|\n");
        for (name, meaning) in machine.states {
            let _ = writeln!(page, "| {} | {meaning} |", words(name));
        }
    }
    page
}

/// One arrow from one state to another, with all its causes.
fn diagram(machine: &Machine) -> String {
    let mut text = String::from("stateDiagram-v2\n");
    for (name, _) in machine.states {
        let _ = writeln!(text, "    state \"{}\" as {name}", words(name));
    }
    for start in machine.starts {
        let _ = writeln!(text, "    [*] --> {start}");
    }
    for (from, _) in machine.states {
        for (to, _) in machine.states {
            let causes: Vec<_> = machine
                .rows
                .iter()
                .filter(|row| row.1.contains(from) && row.2 == *to)
                .map(|row| words(row.0))
                .collect();
            if !causes.is_empty() {
                let _ = writeln!(text, "    {from} --> {to}: {}", causes.join(" / "));
            }
        }
    }
    for end in machine.ends {
        let _ = writeln!(text, "    {end} --> [*]");
    }
    text
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// Which rows the machines of a test took.
#[cfg(test)]
pub(crate) mod taken {
    use std::{cell::RefCell, collections::BTreeSet};

    use super::Machine;

    type Taken = BTreeSet<(&'static str, String, String, String)>;

    thread_local! {
        static TAKEN: RefCell<Taken> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(machine: &Machine, cause: &str, from: &str, to: &str) {
        let row = (machine.name, cause.to_owned(), from.to_owned(), to.to_owned());
        TAKEN.with_borrow_mut(|taken| taken.insert(row));
    }

    /// Fails where a row of the table was not taken on this thread.
    #[track_caller]
    pub(crate) fn assert_all(machine: &Machine) {
        let rows = machine.rows.iter().flat_map(|(cause, from, to)| {
            from.iter().map(move |from| ((*cause).to_owned(), (*from).to_owned(), (*to).to_owned()))
        });
        let is_missing = |(cause, from, to): &(String, String, String)| {
            let row = (machine.name, cause.clone(), from.clone(), to.clone());
            TAKEN.with_borrow(|taken| !taken.contains(&row))
        };
        let missing: Vec<_> = rows.filter(is_missing).collect();
        assert!(missing.is_empty(), "{}: not taken (cause, from, to): {missing:#?}", machine.name);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tables_name_their_own_states_once_and_each_is_reached() {
        for machine in ALL {
            let names: Vec<_> = machine.states.iter().map(|(name, _)| *name).collect();
            let known: BTreeSet<_> = names.iter().copied().collect();
            assert_eq!(known.len(), names.len(), "{}", machine.name);
            let mut rows = BTreeSet::new();
            let mut reached: BTreeSet<_> = machine.starts.iter().copied().collect();
            for (cause, from, to) in machine.rows {
                for from in *from {
                    assert!(known.contains(from) && known.contains(to), "{from} {to}");
                    assert!(rows.insert((cause, from, to)), "twice: {cause} {from} {to}");
                    assert!(!machine.ends.contains(from), "{} goes on from {from}", machine.name);
                }
                reached.insert(*to);
            }
            assert_eq!(reached, known, "{}", machine.name);
        }
    }

    #[test]
    fn the_committed_diagrams_are_current() {
        let page = include_str!("../../../docs/machines.md");
        assert!(page == markdown(ALL), "docs/machines.md is old: run `cargo xtask diagrams`");
    }

    #[derive(Clone, Copy)]
    enum Lamp {
        Off,
        On,
    }

    impl Named for Lamp {
        const MACHINE: &'static Machine = &Machine {
            name: "Lamp",
            module: "nowhere",
            about: "For this test.",
            states: &[("off", "dark"), ("on", "light")],
            starts: &["off"],
            ends: &[],
            rows: &[("pressed", &["off"], "on"), ("put_out", &["on"], "off")],
        };

        fn name(&self) -> &'static str {
            match self {
                Self::Off => "off",
                Self::On => "on",
            }
        }
    }

    #[test]
    fn a_state_changes_along_its_table() {
        let mut lamp = Tabled::new(Lamp::Off);
        lamp.go("pressed", Lamp::On);
        lamp.change("put_out", |lamp| *lamp = Lamp::Off);
        taken::assert_all(Lamp::MACHINE);
        let page = markdown(&[Lamp::MACHINE]);
        assert!(page.contains("    on --> off: put out\n"), "{page}");
        assert!(page.contains("2 states, 2 transitions"), "{page}");
    }

    #[test]
    #[should_panic(expected = "off → on by put_out is not in the table")]
    #[cfg(all(debug_assertions, not(feature = "mutants")))]
    fn what_the_table_does_not_have_does_not_happen_unseen() {
        Tabled::new(Lamp::Off).go("put_out", Lamp::On);
    }

    #[test]
    #[should_panic(expected = "not taken")]
    fn a_row_that_nobody_takes_is_found() {
        taken::assert_all(&crate::command::MACHINE);
    }
}
