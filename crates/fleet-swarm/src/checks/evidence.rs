//! Silence proves nothing: what is unknown is closed by the device's word or by a person, and no
//! outcome of what left comes from a clock.

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::journal::Entry;
use fleet_types::{CommandId, CommandState, MissionId, MissionState};

use super::Checker;
use super::heard::shows;
use crate::facts::{Cause, Fact};
use crate::queue::Ms;
use crate::world::View;

/// An unknown outcome is closed by what the device says or shows, by what the link knows for
/// certain, or by a person; never by time.
#[derive(Default)]
pub(super) struct UnknownByEvidence {
    commands: BTreeMap<CommandId, CommandState>,
    missions: BTreeMap<MissionId, MissionState>,
    /// When a machine that was made anew last told of a mission.
    restarted_at: BTreeMap<MissionId, Ms>,
    sent_at: BTreeMap<CommandId, Ms>,
    /// Flights whose order to take off left a tower.
    ordered: BTreeSet<String>,
    /// What a machine made of evidence while its tower had no right to speak for the dock.
    unsaid: BTreeSet<String>,
    judged: u64,
}

impl UnknownByEvidence {
    fn is_evidence(cause: Cause) -> bool {
        match cause {
            Cause::Message(_) | Cause::Resolution | Cause::Link => true,
            Cause::Request
            | Cause::Lease
            | Cause::Journal
            | Cause::Presence
            | Cause::FileUrl
            | Cause::Timeout
            | Cause::Restart => false,
        }
    }
}

impl Checker for UnknownByEvidence {
    fn name(&self) -> &'static str {
        "unknown is closed by evidence"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Record { record, is_owner: false, .. } => match &record.entry {
                Entry::CommandOutcome { command_id, .. } => {
                    self.unsaid.insert(command_id.to_string());
                }
                Entry::MissionOutcome { mission_id, .. }
                | Entry::MissionStep { mission_id, .. } => {
                    self.unsaid.insert(mission_id.to_string());
                }
                _ => {}
            },
            Fact::Sent { sent, .. } => {
                if let ("flighttask_execute", Some(flight_id)) = (&*sent.method, &sent.flight_id) {
                    self.ordered.insert(flight_id.clone());
                }
                self.sent_at.entry(sent.command_id).or_insert(view.now);
            }
            Fact::Command { status, cause, tower, dock } => {
                let before = self.commands.insert(status.command_id, status.state);
                let had_left = matches!(
                    before,
                    Some(CommandState::Sent | CommandState::Acknowledged | CommandState::Unknown)
                );
                if had_left && status.state.is_final() {
                    self.judged += 1;
                    let since = self.sent_at.get(&status.command_id).copied().unwrap_or(view.now);
                    // Heard before the answer was given up, it shows as much as heard after.
                    let is_shown = status.state == CommandState::Succeeded
                        && shows(view.heard, &status.method, (*tower, *dock), since);
                    let was_unsaid = *cause == Cause::Restart
                        && self.unsaid.contains(&status.command_id.to_string());
                    if !Self::is_evidence(*cause) && !is_shown && !was_unsaid {
                        let (method, id, state) = (&status.method, status.command_id, status.state);
                        return Err(format!(
                            "{method} {id} was {before:?} and is {state:?} by {cause:?}"
                        ));
                    }
                }
            }
            Fact::Mission { status, cause, .. } => {
                let before = self.missions.insert(status.mission_id, status.state);
                // What one restart says is one word, however many times it speaks.
                let is_one_word = *cause == Cause::Restart
                    && self.restarted_at.insert(status.mission_id, view.now) == Some(view.now);
                if is_one_word {
                    return Ok(());
                }
                if before == Some(MissionState::Unknown) && status.state != MissionState::Unknown {
                    self.judged += 1;
                    let was_unsaid = *cause == Cause::Restart
                        && self.unsaid.contains(&status.mission_id.to_string());
                    // An order that is on no record never left: a restart finds that out, and it holds.
                    let never_left = *cause == Cause::Restart
                        && !self.ordered.contains(&status.mission_id.to_string());
                    if !Self::is_evidence(*cause) && !was_unsaid && !never_left {
                        let (id, state) = (status.mission_id, status.state);
                        return Err(format!("mission {id} was unknown, is {state:?} by {cause:?}"));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}
