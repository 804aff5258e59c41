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
    /// Where the database says that a mission stands.
    on_record: BTreeMap<MissionId, MissionState>,
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
            Fact::Committed { record, .. } => {
                if let Entry::MissionStep { mission_id, state, .. } = &record.entry {
                    self.on_record.insert(*mission_id, *state);
                }
            }
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
                    // Told and not yet on record, it is under way again to a tower that lost its memory,
                    // and will be unknown again after the same silence. It is not over by that.
                    let was_forgotten = *cause == Cause::Restart
                        && status.state != MissionState::Ended
                        && self.on_record.get(&status.mission_id) == Some(&status.state);
                    let holds = was_unsaid || never_left || was_forgotten;
                    if !Self::is_evidence(*cause) && !holds {
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

#[cfg(test)]
mod tests {
    use fleet_core::journal::Record;
    use fleet_types::{DeviceSn, MissionStatus, TraceId, WallMs};
    use serde_json::json;

    use super::*;
    use crate::checks::heard::Heard;
    use crate::plan::Plan;
    use crate::store::Store;

    const ID: &str = "b633e5e4-4256-4128-ab4c-289d3ccdd1f8";

    fn status(state: MissionState) -> MissionStatus {
        serde_json::from_value(json!({
            "mission_id": ID, "trace_id": ID, "request_id": ID, "request_code": "", "sn": "D1",
            "wayline_id": ID, "wayline_name": "", "waypoint_count": 2, "issued_by": "operator",
            "idempotency_key": "k", "state": state, "verdict": null, "response_code": null,
            "reason": null, "progress": {}, "accepted_ms": 0, "ended_ms": null, "steps": [],
        }))
        .unwrap()
    }

    /// An order was given, its flight is unknown by silence, and a restart says `then`, with `steps` on
    /// record.
    fn judge(steps: &[MissionState], then: MissionState) -> Result<(), String> {
        let (plan, heard) = (Plan::new(0), Heard::default());
        let store = Store::new(plan.store.clone(), 0);
        let view = View { now: 40_000, sites: &[], store: &store, plan: &plan, heard: &heard };
        let mut checker = UnknownByEvidence::default();
        checker.ordered.insert(ID.to_owned());
        let mission_id = MissionId(ID.parse().unwrap());
        for state in steps {
            let entry = Entry::MissionStep { mission_id, state: *state, reason: None };
            let sn = DeviceSn::new("D1").unwrap();
            let trace_id = TraceId(mission_id.0);
            let record = Record { at_ms: WallMs(0), sn, trace_id, entry };
            checker.note(&view, &Fact::Committed { dock: 0, record: &record }).unwrap();
        }
        let (before, now) = (status(MissionState::Unknown), status(then));
        for (status, cause) in [(&before, Cause::Timeout), (&now, Cause::Restart)] {
            checker.note(&view, &Fact::Mission { dock: 0, status, cause })?;
        }
        Ok(())
    }

    #[test]
    fn a_restart_closes_nothing_that_is_on_record_as_unknown() {
        use MissionState::{Ended, Executing, Unknown};
        // Its tower died before the silence was on record.
        assert_eq!(judge(&[Executing], Executing), Ok(()));
        assert!(judge(&[Executing, Unknown], Executing).is_err());
        assert!(judge(&[Executing], Ended).is_err());
        assert!(judge(&[], Executing).is_err());
    }
}
