//! Taking up what was under way when a machine was lost.

use fleet_types::{CommandStatus, MissionRequest, MissionStatus, Now};

use super::DockMachine;
use crate::{
    command::Command,
    io::Sample,
    mission::Mission,
    spec::{Spec, mission_spec, operator_spec},
};

impl DockMachine {
    /// Takes up the commands and missions that the machine before this one had under way. Nothing is
    /// sent: what may have left is unknown until the dock or a person tells.
    pub fn restore(
        &mut self,
        now: Now,
        commands: Vec<CommandStatus>,
        missions: Vec<(MissionRequest, MissionStatus)>,
    ) {
        for (request, status) in missions {
            let mission_id = request.mission_id;
            let order = |method: &str| {
                let of = |status: &&CommandStatus| {
                    status.mission_id == Some(mission_id) && status.method == method
                };
                commands.iter().find(of).map(|status| status.command_id)
            };
            let (prepare, execute) = (order("flighttask_prepare"), order("flighttask_execute"));
            let key = request.idempotency_key.clone();
            let mission = Mission::restore(now, request, status, prepare, execute);
            self.mission_keys.insert(key, mission_id);
            self.tell(Sample::Mission(mission.status().clone()));
            let is_ended = mission.is_ended();
            self.missions.insert(mission_id, mission);
            if is_ended {
                self.retire_mission(mission_id);
            }
        }
        for status in commands {
            let command_id = status.command_id;
            let spec = operator_spec(&status.method).or_else(|| mission_spec(&status.method));
            let command = Command::restore(now, spec.unwrap_or_else(Spec::none), status);
            self.keys.insert(command.request().idempotency_key.clone(), command_id);
            self.tell(Sample::Command(command.status().clone()));
            let is_final = command.is_final();
            self.commands.insert(command_id, command);
            if is_final {
                self.retire(command_id);
            }
        }
        self.tell_lock(now);
        self.tell_status(now);
    }
}
