//! What one dock has under way, kept outside its task, so that a task that failed can be started
//! anew without forgetting a take-off.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use fleet_core::{
    io::Sample,
    journal::fold::{OpenCommand, OpenWork},
};
use fleet_types::{
    CommandId, CommandStatus, MissionId, MissionRequest, MissionState, MissionStatus,
};

/// Open commands kept of one dock: what its machine lets be open, and some.
const COMMANDS_MAX: usize = 256;

#[derive(Default)]
struct Open {
    commands: BTreeMap<CommandId, CommandStatus>,
    missions: BTreeMap<MissionId, (MissionRequest, Option<MissionStatus>)>,
}

/// Open commands and missions of one dock. Bounded by what a machine lets be open.
#[derive(Default)]
pub struct Book(Mutex<Open>);

impl Book {
    /// A mission was asked for; it is kept once its machine tells of it.
    pub fn asked(&self, request: &MissionRequest) {
        let mut open = self.open();
        // A request that the machine did not take (a repeated key) never gets a status.
        open.missions.retain(|_, (_, status)| status.is_some());
        open.missions.entry(request.mission_id).or_insert_with(|| (request.clone(), None));
    }

    /// Missions that another process was asked for: kept once the machine tells of them.
    pub fn recovered(&self, work: &OpenWork) {
        for (request, _) in &work.missions {
            self.open()
                .missions
                .entry(request.mission_id)
                .or_insert_with(|| (request.clone(), None));
        }
    }

    /// Takes note of what the machine tells.
    pub fn told(&self, sample: &Sample) {
        match sample {
            Sample::Command(status) if status.state.is_final() => {
                self.open().commands.remove(&status.command_id);
            }
            Sample::Command(status) => {
                let commands = &mut self.open().commands;
                commands.insert(status.command_id, status.clone());
                if commands.len() > COMMANDS_MAX {
                    // The machine forgets its oldest counter-actions in a flood, so this may too.
                    let oldest = commands.values().min_by_key(|status| status.accepted_ms);
                    if let Some(oldest) = oldest.map(|status| status.command_id) {
                        commands.remove(&oldest);
                    }
                }
            }
            Sample::Mission(status) if status.state == MissionState::Ended => {
                self.open().missions.remove(&status.mission_id);
            }
            Sample::Mission(status) => {
                if let Some((_, slot)) = self.open().missions.get_mut(&status.mission_id) {
                    *slot = Some(status.clone());
                }
            }
            Sample::Osd(_)
            | Sample::Status(_)
            | Sample::Topology(_)
            | Sample::Event(_)
            | Sample::Drift(_)
            | Sample::Alarm(_)
            | Sample::Trace(_)
            | Sample::Preflight(_)
            | Sample::AuthorityAnswer(_)
            | Sample::AuthorityChange(_) => {}
        }
    }

    /// Everything open, for a new machine.
    #[must_use]
    pub fn contents(&self) -> OpenWork {
        let open = self.open();
        let missions = open.missions.values();
        let missions =
            missions.filter_map(|(request, status)| Some((request.clone(), status.clone()?)));
        // What was sent is of no use to a machine that sends nothing again.
        let data = serde_json::Value::Null;
        let commands = open.commands.values().cloned();
        let commands = commands.map(|status| OpenCommand { status, data: data.clone() });
        OpenWork {
            commands: commands.collect(),
            missions: missions.collect(),
            ..OpenWork::default()
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
