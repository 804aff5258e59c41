//! Promises about the record: it comes first, and nothing of it is lost in silence.

use std::collections::BTreeSet;

use fleet_core::journal::Entry;
use fleet_types::CommandId;

use super::Checker;
use super::commands::COUNTER_ACTIONS;
use crate::facts::Fact;
use crate::world::View;

/// An ordinary command is on record before it leaves; a counter-action's record is asked for.
#[derive(Default)]
pub(super) struct RecordFirst {
    on_record: BTreeSet<CommandId>,
    asked: BTreeSet<CommandId>,
    counters: BTreeSet<CommandId>,
    judged: u64,
}

impl Checker for RecordFirst {
    fn name(&self) -> &'static str {
        "on record before it leaves"
    }

    fn note(&mut self, _view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Record { record, .. } => {
                if let Entry::Command { command_id, .. } = &record.entry {
                    self.asked.insert(*command_id);
                }
            }
            Fact::Committed { record, .. } => {
                if let Entry::Command { command_id, .. } = &record.entry {
                    self.on_record.insert(*command_id);
                }
            }
            Fact::Sent { sent, .. } => {
                self.judged += 1;
                if COUNTER_ACTIONS.contains(&sent.method.as_str()) {
                    self.counters.insert(sent.command_id);
                } else if !self.on_record.contains(&sent.command_id) {
                    let (method, tid) = (&sent.method, &sent.tid);
                    return Err(format!("{method} {tid} left without being on record"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn at_end(&mut self, _view: &View<'_>) -> Result<(), String> {
        match self.counters.iter().find(|id| !self.asked.contains(id)) {
            Some(id) => Err(format!("the counter-action {id} was never put on record")),
            None => Ok(()),
        }
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}

/// Every outcome that people were told is put on record too.
#[derive(Default)]
pub(super) struct NothingLost {
    asked: BTreeSet<CommandId>,
    told: BTreeSet<CommandId>,
    judged: u64,
}

impl Checker for NothingLost {
    fn name(&self) -> &'static str {
        "every outcome is recorded"
    }

    fn note(&mut self, _view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Record { record, .. } => {
                if let Entry::CommandOutcome { command_id, .. } = &record.entry {
                    self.asked.insert(*command_id);
                }
            }
            Fact::Command { status, .. } if status.state.is_final() => {
                self.judged += 1;
                self.told.insert(status.command_id);
            }
            _ => {}
        }
        Ok(())
    }

    fn at_end(&mut self, _view: &View<'_>) -> Result<(), String> {
        match self.told.iter().find(|id| !self.asked.contains(id)) {
            Some(id) => Err(format!("the outcome of {id} was told and never put on record")),
            None => Ok(()),
        }
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}
