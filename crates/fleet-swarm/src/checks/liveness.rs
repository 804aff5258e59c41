//! Promises about the end: some time after the last trouble nothing hangs. What is not over waits
//! for a person, and is listed as unknown.

use std::collections::BTreeMap;

use fleet_types::{CommandId, CommandStatus, MissionId, MissionState, MissionStatus};

use super::Checker;
use super::commands::HARMLESS;
use crate::facts::Fact;
use crate::plan::Plan;
use crate::queue::Ms;
use crate::world::View;

/// The longest an answered job may go without a word, and some.
const JOB_MS: i64 = 200_000;
/// The longest that a flight of which nothing is heard may pass for one that goes on, and some.
const SAYS_NOTHING_MS: i64 = 45_000;
/// A device that broke its connection is up again after this.
const COMES_BACK_MS: Ms = 25_000;
/// The longest that a command which is harmless to repeat may go unanswered, and some.
const COPIES_MS: i64 = 45_000;

/// After healing everything ends, or is listed as unknown.
pub(super) struct Liveness {
    commands: BTreeMap<CommandId, (usize, CommandStatus)>,
    missions: BTreeMap<MissionId, (usize, MissionStatus)>,
    heal_at: Ms,
    judged: u64,
}

impl Liveness {
    pub(super) fn new(plan: &Plan) -> Self {
        let heal_at = plan.heal_at;
        Self { commands: BTreeMap::new(), missions: BTreeMap::new(), heal_at, judged: 0 }
    }
}

impl Checker for Liveness {
    fn name(&self) -> &'static str {
        "everything ends or waits for a person"
    }

    fn note(&mut self, _view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Command { dock, status, .. } => {
                self.commands.insert(status.command_id, (*dock, (*status).clone()));
            }
            // A machine made anew tells again of all that it knows to be open.
            Fact::Made { dock, .. } => {
                self.commands.retain(|_, (of, _)| of != dock);
                self.missions.retain(|_, (of, _)| of != dock);
            }
            Fact::Mission { dock, status, .. } => {
                self.missions.insert(status.mission_id, (*dock, (*status).clone()));
            }
            _ => {}
        }
        Ok(())
    }

    fn at_end(&mut self, view: &View<'_>) -> Result<(), String> {
        let wall_ms = crate::plan::EPOCH_MS.saturating_add_unsigned(view.now);
        for (_, status) in self.commands.values() {
            self.judged += 1;
            let is_listed = status.response_code == Some(fleet_types::ResponseCode::Unknown);
            let is_old = wall_ms - status.accepted_ms.0 > JOB_MS;
            let (method, id, state) = (&status.method, status.command_id, status.state);
            let is_waiting = match state {
                fleet_types::CommandState::Acknowledged => is_old,
                // Its copies leave ten seconds apart.
                fleet_types::CommandState::Sent if HARMLESS.contains(&method.as_str()) => {
                    wall_ms - status.accepted_ms.0 > COPIES_MS
                }
                fleet_types::CommandState::Accepted
                | fleet_types::CommandState::Journaled
                | fleet_types::CommandState::Sent => true,
                fleet_types::CommandState::Unknown => !is_listed,
                fleet_types::CommandState::Succeeded
                | fleet_types::CommandState::Failed
                | fleet_types::CommandState::Rejected
                | fleet_types::CommandState::Expired => false,
            };
            if is_waiting {
                return Err(format!("{method} {id} is still {state:?} at the end"));
            }
        }
        for (dock, status) in self.missions.values() {
            self.judged += 1;
            let id = status.mission_id;
            let truth = view.sites[*dock].model.ground_truth().flight(&id.to_string());
            let ended = truth.and_then(|flight| flight.ended);
            let is_flying = view.sites[*dock].model.is_working();
            match status.state {
                MissionState::Ended | MissionState::Unknown => {}
                // What the dock said while nothing broke any more was heard.
                MissionState::Executing | MissionState::Paused | MissionState::Hovering
                    if is_flying => {}
                // A dock that says yes and does nothing is listed after a bound.
                MissionState::Executing
                    if status
                        .steps
                        .last()
                        .is_some_and(|step| wall_ms - step.at_ms.0 < SAYS_NOTHING_MS) => {}
                MissionState::Executing
                | MissionState::Paused
                | MissionState::Hovering
                | MissionState::Scheduled
                | MissionState::Preparing
                | MissionState::Prepared
                | MissionState::Ready
                | MissionState::Starting => {
                    let (state, heal_at) = (status.state, self.heal_at);
                    return Err(format!(
                        "mission {id} is still {state:?}; the flight ended: {ended:?} (healed at {heal_at})"
                    ));
                }
            }
        }
        for (dock, site) in view.sites.iter().enumerate() {
            let is_back_by_now = site.left_at.is_none_or(|at| view.now - at > COMES_BACK_MS);
            if !site.model.is_online() && !site.plan.faults.licence && is_back_by_now {
                return Err(format!("dock {dock} did not come up again"));
            }
        }
        Ok(())
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}
