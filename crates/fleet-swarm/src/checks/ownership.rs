//! Promises about who commands: of several towers one at a time, within its lease, and some time
//! after the last trouble each dock has one. Judged by the table of leases in the database and by
//! true time, whatever the towers' clocks show.

use std::collections::BTreeMap;

use super::Checker;
use super::commands::COUNTER_ACTIONS;
use crate::facts::Fact;
use crate::queue::Ms;
use crate::world::View;

/// At most one tower may command a dock at any moment, and numbers only rise.
#[derive(Default)]
pub(super) struct OneCommander {
    /// Until when each tower may command a dock.
    rights: BTreeMap<(usize, usize), Ms>,
    /// The newest epoch of a dock and whose it is.
    epochs: BTreeMap<usize, (u64, usize)>,
    judged: u64,
}

impl Checker for OneCommander {
    fn name(&self) -> &'static str {
        "one commander for a dock"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Right { tower, dock, epoch, until } = fact else { return Ok(()) };
        self.rights.insert((*dock, *tower), *until);
        if *until <= view.now {
            return Ok(());
        }
        self.judged += 1;
        let others = self.rights.range((*dock, 0)..=(*dock, usize::MAX));
        for ((_, other), until) in others {
            if other != tower && *until > view.now {
                return Err(format!(
                    "dock {dock}: tower {tower} commands it, and tower {other} until {until}"
                ));
            }
        }
        let newest = self.epochs.insert(*dock, (*epoch, *tower));
        if newest.is_some_and(|(newest, of)| *epoch < newest || *epoch == newest && of != *tower) {
            return Err(format!("dock {dock}: epoch {epoch} of tower {tower} after {newest:?}"));
        }
        Ok(())
    }

    fn at_end(&mut self, view: &View<'_>) -> Result<(), String> {
        if !view.plan.has_leases {
            return Ok(());
        }
        for dock in 0..view.sites.len() {
            let mut rights = self.rights.range((dock, 0)..=(dock, usize::MAX));
            if !rights.any(|(_, until)| *until > view.now) {
                return Err(format!("dock {dock} has no owner, long after the last trouble"));
            }
        }
        Ok(())
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}

/// An ordinary command leaves only while the table says that the dock is the tower's.
#[derive(Default)]
pub(super) struct WithinLease {
    judged: u64,
}

impl Checker for WithinLease {
    fn name(&self) -> &'static str {
        "no command outside its lease"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Written(sent) = fact else { return Ok(()) };
        if !view.plan.has_leases || COUNTER_ACTIONS.contains(&sent.method.as_str()) {
            return Ok(());
        }
        self.judged += 1;
        let row = view.store.row(sent.dock);
        if row.is_some_and(|row| row.tower == sent.tower && row.until > view.now) {
            return Ok(());
        }
        let (method, tid, tower) = (&sent.method, &sent.tid, sent.tower);
        Err(format!("{method} {tid} left tower {tower}; the table says {row:?}"))
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}
