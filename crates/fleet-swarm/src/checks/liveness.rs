//! Promises about the end: some time after the last trouble nothing hangs. What is not over waits
//! for a person, and is listed as unknown.

use std::collections::BTreeMap;

use fleet_types::{CommandId, CommandState, MissionId, MissionState, ResponseCode, WallMs};

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

/// The longest that a dock's word may be on its way in a world that is healed: from the dock to the
/// broker and from there to the tower. Nothing is delayed more, stands still or is lost then.
fn word_ms(view: &View<'_>) -> Ms {
    let net = &view.plan.net;
    2 * (net.base_ms + net.jitter_ms)
}

/// The longest that a record may take in a world that is healed: a batch that is under way, then its
/// own.
fn record_ms(view: &View<'_>) -> Ms {
    let store = &view.plan.store;
    2 * (store.base_ms + store.jitter_ms + 1)
}

/// What was told last of a command.
struct Command {
    dock: usize,
    method: String,
    state: CommandState,
    is_listed: bool,
    accepted_ms: WallMs,
    /// When it was told of first.
    told_at: Ms,
}

/// What was told last of a mission.
struct Mission {
    dock: usize,
    state: MissionState,
    last_step_ms: Option<WallMs>,
}

/// After healing everything ends, or is listed as unknown.
pub(super) struct Liveness {
    commands: BTreeMap<CommandId, Command>,
    missions: BTreeMap<MissionId, Mission>,
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

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Command { dock, status, .. } => {
                let is_listed = status.response_code == Some(ResponseCode::Unknown);
                let (state, accepted_ms) = (status.state, status.accepted_ms);
                if let Some(known) = self.commands.get_mut(&status.command_id) {
                    (known.dock, known.state, known.is_listed) = (*dock, state, is_listed);
                    known.accepted_ms = accepted_ms;
                } else {
                    let method = status.method.clone();
                    let (dock, told_at) = (*dock, view.now);
                    let command = Command { dock, method, state, is_listed, accepted_ms, told_at };
                    self.commands.insert(status.command_id, command);
                }
            }
            // A machine made anew tells again of all that it knows to be open.
            Fact::Made { dock, .. } => {
                self.commands.retain(|_, command| command.dock != *dock);
                self.missions.retain(|_, mission| mission.dock != *dock);
            }
            Fact::Mission { dock, status, .. } => {
                let last_step_ms = status.steps.last().map(|step| step.at_ms);
                let mission = Mission { dock: *dock, state: status.state, last_step_ms };
                self.missions.insert(status.mission_id, mission);
            }
            _ => {}
        }
        Ok(())
    }

    fn at_end(&mut self, view: &View<'_>) -> Result<(), String> {
        let wall_ms = crate::plan::EPOCH_MS.saturating_add_unsigned(view.now);
        for (id, command) in &self.commands {
            self.judged += 1;
            let is_old = wall_ms - command.accepted_ms.0 > JOB_MS;
            let (method, state) = (&command.method, command.state);
            let is_waiting = match state {
                CommandState::Acknowledged => is_old,
                // Its copies leave ten seconds apart.
                CommandState::Sent if HARMLESS.contains(&method.as_str()) => {
                    wall_ms - command.accepted_ms.0 > COPIES_MS
                }
                // Its record is being written.
                CommandState::Accepted => view.now - command.told_at > record_ms(view),
                CommandState::Journaled | CommandState::Sent => true,
                CommandState::Unknown => !command.is_listed,
                CommandState::Succeeded
                | CommandState::Failed
                | CommandState::Rejected
                | CommandState::Expired => false,
            };
            if is_waiting {
                return Err(format!("{method} {id} is still {state:?} at the end"));
            }
        }
        for (id, mission) in &self.missions {
            self.judged += 1;
            let site = &view.sites[mission.dock];
            let truth = site.model.ground_truth().flight(&id.to_string());
            let ended = truth.and_then(|flight| flight.ended);
            let is_flying = site.model.is_working();
            match mission.state {
                MissionState::Ended | MissionState::Unknown => {}
                // What the dock said while nothing broke any more was heard.
                MissionState::Executing | MissionState::Paused | MissionState::Hovering
                    if is_flying => {}
                // Its flight ended just now, and the word of it is on its way.
                MissionState::Executing | MissionState::Paused | MissionState::Hovering
                    if ended.is_some_and(|(at, _)| view.now - at.mono_ms <= word_ms(view)) => {}
                // A dock that says yes and does nothing is listed after a bound.
                MissionState::Executing
                    if mission.last_step_ms.is_some_and(|at| wall_ms - at.0 < SAYS_NOTHING_MS) => {}
                MissionState::Executing
                | MissionState::Paused
                | MissionState::Hovering
                | MissionState::Scheduled
                | MissionState::Preparing
                | MissionState::Prepared
                | MissionState::Ready
                | MissionState::Starting => {
                    let (state, heal_at) = (mission.state, self.heal_at);
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
