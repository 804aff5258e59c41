//! Taking up what was under way when a machine was lost.

use std::collections::BTreeMap;

use fleet_types::{CommandId, CommandState, MissionId, MissionState, Now};

use super::DockMachine;
use crate::{
    command::Command,
    io::Sample,
    journal::{
        Entry,
        fold::{OpenCommand, OpenWork},
    },
    mission::{Mission, Order, silence::is_of_silence},
    mutant::{self, Mutant},
    spec::{Spec, mission_spec, operator_spec},
};

impl DockMachine {
    /// Takes up the commands and missions that the machine before this one had under way. Nothing is
    /// sent: what may have left is unknown until the dock or a person tells. Of what was over, the
    /// keys are known again. What this machine itself has taken meanwhile it knows better.
    pub fn restore(&mut self, now: Now, work: OpenWork) {
        let OpenWork { mut commands, mut missions, notices } = work;
        for notice in notices {
            self.take_notice(&notice);
        }
        commands.retain(|command| !self.commands.contains_key(&command.status.command_id));
        missions.retain(|(request, _)| !self.missions.contains_key(&request.mission_id));
        let orders = orders_of(&commands);
        for command in commands {
            self.restore_command(now, command);
        }
        for (request, status) in missions {
            let mission_id = request.mission_id;
            let order = |method: &str| orders.get(&(mission_id, method.to_owned())).copied();
            let (prepare, execute) = (order("flighttask_prepare"), order("flighttask_execute"));
            // An order to fly that certainly did not leave leaves nothing unknown; a mission locked
            // by it could be settled by nobody. Of one that is not remembered nothing is certain.
            let may_have_left = match execute.and_then(|id| self.commands.get(&id)) {
                Some(command) => command.may_have_left(),
                None => !matches!(
                    status.state,
                    MissionState::Scheduled
                        | MissionState::Preparing
                        | MissionState::Prepared
                        | MissionState::Ready
                ),
            };
            // An order of which nothing left is given anew when its mission waits.
            let waits = matches!(
                status.state,
                MissionState::Scheduled | MissionState::Prepared | MissionState::Ready
            );
            let left = |id: &CommandId| {
                !waits || self.commands.get(id).is_none_or(|c| !c.certainly_not_delivered())
            };
            let (prepare, execute) = (prepare.filter(left), execute.filter(left));
            let key = request.idempotency_key.clone();
            let was_over = status.state == MissionState::Ended;
            let mission = Mission::restore(now, request, status, prepare, execute, may_have_left);
            self.mission_keys.insert(key, mission_id);
            let status = mission.status().clone();
            self.missions.insert(mission_id, mission);
            if let Some(verdict) = status.verdict {
                if !was_over {
                    let reason = status.reason.clone();
                    let entry = Entry::MissionOutcome { mission_id, verdict, reason };
                    self.record(now, status.trace_id, entry);
                }
                self.retire_mission(mission_id);
            }
            // That the dock took it was known when the silence after it was judged.
            let is_known = status.state == MissionState::Unknown
                && status.reason.as_ref().is_some_and(is_of_silence);
            self.record_mission_step(now, mission_id);
            self.tell(Sample::Mission(status));
            // What became of the order to fly may be on record before what that means for the flight.
            let order = execute.and_then(|id| self.commands.get(&id));
            let order = order.filter(|_| !is_known);
            if let Some(order) = order.filter(|order| order.is_final()) {
                let status = order.status().clone();
                self.order_ended(now, mission_id, Order::Execute, &status);
            }
        }
        self.tell_lock(now);
        self.tell_status(now);
    }

    fn restore_command(&mut self, now: Now, command: OpenCommand) {
        let OpenCommand { status, data } = command;
        let command_id = status.command_id;
        let was = status.state;
        let spec = operator_spec(&status.method).or_else(|| mission_spec(&status.method));
        let command = Command::restore(now, spec.unwrap_or_else(Spec::none), status, data);
        if command.status().mission_id.is_none() {
            self.keys.insert(command.request().idempotency_key.clone(), command_id);
        }
        let status = command.status().clone();
        let (is_final, is_counter_action) = (command.is_final(), command.spec().counter_action);
        self.commands.insert(command_id, command);
        if status.state != was {
            let (state, response_code) = (status.state, status.response_code);
            let reason = status.reason.clone();
            let entry = Entry::CommandOutcome { command_id, state, response_code, reason };
            self.record(now, status.trace_id, entry);
        }
        self.tell(Sample::Command(status));
        if mutant::is(Mutant::ForgetExpiry) && was == CommandState::Journaled {
            self.send(now, command_id, now.mono.after_ms(60_000), None);
        }
        if is_final {
            self.retire(command_id);
        } else if is_counter_action {
            self.make_room_for_counter_action(now, command_id);
        }
    }
}

fn orders_of(commands: &[OpenCommand]) -> BTreeMap<(MissionId, String), CommandId> {
    let order = |OpenCommand { status, .. }: &OpenCommand| {
        Some(((status.mission_id?, status.method.clone()), status.command_id))
    };
    commands.iter().filter_map(order).collect()
}
