//! Running commands and missions: taking requests, giving orders, following them to their end.

use dji_cloud::{
    encode::{self, CallHead},
    method::{self, MethodSpec},
    topic::{Topic, TopicKind},
    wayline::FlighttaskProgress,
};
use fleet_types::{
    CommandId, CommandRequest, CommandState, IdempotencyKey, MissionId, MissionRequest, MonoMs,
    Now, Reason, RequestId,
    command::{Resolution, Subject},
    mission::Verdict,
    plan::MissionStart,
};
use serde_json::{json, value::RawValue};

use super::DockMachine;
use crate::{
    command::{Command, Effect},
    interlock::check_command,
    io::{JournalId, Output, Sample, Send},
    journal::{Entry, MissionRecord, Record},
    mission::{Mission, Next, Order, OrderEnd, Reached},
    mutant::{self, Mutant},
    spec::{Spec, mission_spec, operator_spec},
};

/// Commands that may be under way on one dock at once.
const OPEN_COMMANDS_MAX: usize = 32;
/// Open counter-actions followed at once; they are never refused, the oldest is forgotten.
pub(crate) const COUNTER_ACTIONS_MAX: usize = 64;
/// Finished commands kept for late answers and repeated keys.
pub(crate) const FINISHED_MAX: usize = 256;
/// Ended missions kept for repeated keys.
pub(crate) const ENDED_MISSIONS_MAX: usize = 64;

impl DockMachine {
    pub(super) fn on_command_request(&mut self, now: Now, request: CommandRequest) {
        let spec = operator_spec(&request.method);
        let is_counter_action = spec.as_ref().is_some_and(|spec| spec.counter_action);
        let by_key = self.keys.get(&request.idempotency_key).and_then(|id| self.commands.get(id));
        let is_asked_again = |command: &&Command| {
            // A counter-action that certainly was not delivered holds no other back: somebody needs
            // it still.
            let is_needed = is_counter_action && command.certainly_not_delivered();
            is_same_intention(command.request(), &request) && !is_needed
        };
        let known =
            self.commands.get(&request.command_id).or_else(|| by_key.filter(is_asked_again));
        if let Some(command) = known {
            // Asked again: the answer is what became of it, never a second execution.
            let status = command.status().clone();
            return self.tell(Sample::Command(status));
        }
        if request.sn != self.config.sn {
            return self.refuse(now, request, wrong_dock());
        }
        // A key that somebody used for something else holds no counter-action back.
        if by_key.is_some() && !is_counter_action {
            return self.refuse(now, request, used_key());
        }
        let Some(spec) = spec else {
            let reason = Reason::new("unknown_method", "This method cannot be sent by hand.");
            return self.refuse(now, request, reason);
        };
        let payload = match self.encode(now, &request) {
            Ok(payload) => payload,
            Err(reason) => return self.refuse(now, request, reason),
        };
        if mutant::is(Mutant::CounterNeedsLease)
            && let Err(reason) = self.check_owner(now)
        {
            return self.refuse(now, request, reason);
        }
        if !spec.counter_action {
            let refusal = self.check_room().and_then(|()| check_command(&spec, &self.facts(now)));
            let (id, by) = (request.command_id, &request.issued_by);
            let refusal = refusal.and_then(|()| self.take_rights(now, id, &spec, by));
            if let Err(reason) = refusal {
                return self.refuse(now, request, reason);
            }
        }
        self.start(now, request, spec, None, payload);
    }

    pub(super) fn on_resolution(&mut self, now: Now, resolution: &Resolution) {
        match resolution.subject {
            Subject::Command(command_id) => self.settle_command(now, command_id, resolution),
            Subject::Mission(mission_id) => self.settle_mission(now, mission_id, resolution),
        }
    }

    fn settle_command(&mut self, now: Now, command_id: CommandId, resolution: &Resolution) {
        let Some(command) = self.commands.get(&command_id) else { return };
        if !command.is_unknown() {
            return;
        }
        self.record_resolution(now, command.request().trace_id, resolution);
        self.with_command(now, command_id, |command| command.on_resolved(now, resolution));
    }

    fn settle_mission(&mut self, now: Now, mission_id: MissionId, resolution: &Resolution) {
        let Some(mission) = self.missions.get(&mission_id) else { return };
        if !mission.can_be_settled() {
            return;
        }
        let (trace_id, execute) = (mission.request().trace_id, mission.execute_command());
        self.record_resolution(now, trace_id, resolution);
        // An order to fly that is unknown is settled with its mission, by the same word.
        if let Some(command_id) = execute
            && self.commands.get(&command_id).is_some_and(Command::is_unknown)
        {
            self.with_command(now, command_id, |command| command.on_resolved(now, resolution));
        }
        let Some(mission) = self.missions.get_mut(&mission_id) else { return };
        if mission.can_be_settled() {
            let next = mission.on_resolved(now, resolution);
            self.after_mission(now, mission_id, next);
        }
    }

    fn record_resolution(
        &mut self,
        now: Now,
        trace_id: fleet_types::TraceId,
        resolution: &Resolution,
    ) {
        let entry = Entry::Resolved {
            subject: resolution.subject,
            outcome: resolution.outcome,
            note: resolution.note.clone(),
            resolved_by: resolution.resolved_by.clone(),
        };
        self.record(now, trace_id, entry);
    }

    pub(super) fn on_journaled(&mut self, now: Now, journal_id: JournalId) {
        self.notice_on_record(now, journal_id, true);
        let Some(command_id) = self.waiting_for(journal_id) else { return };
        let refusal = self.refusal_at_send(now, command_id);
        self.with_command(now, command_id, |command| command.on_journaled(now, refusal));
    }

    pub(super) fn on_journal_failed(&mut self, now: Now, journal_id: JournalId) {
        self.notice_on_record(now, journal_id, false);
        let Some(command_id) = self.waiting_for(journal_id) else { return };
        self.with_command(now, command_id, |command| command.on_journal_failed(now));
    }

    /// What stands against a command in the moment it is to leave: the world may have changed
    /// while its record was written.
    fn refusal_at_send(&self, now: Now, command_id: CommandId) -> Option<Reason> {
        let command = self.commands.get(&command_id)?;
        if let Err(reason) = self.check_rights(now, command_id) {
            return Some(reason);
        }
        let mut facts = self.facts(now);
        match self.mission_order(command_id) {
            // The dock gave the flight up while the order was being recorded.
            Some((mission_id, _)) if self.missions.get(&mission_id)?.is_ended() => {
                Some(Reason::new("mission_over", "The mission ended before this order left."))
            }
            Some((_, Order::Execute)) if mutant::is(Mutant::GateOnlyAtPrepare) => None,
            Some((mission_id, order)) => self.refusal_of_flight(now, mission_id, order),
            None => {
                // Itself is not another command that keeps the dock busy.
                facts.hardware_busy = false;
                check_command(command.spec(), &facts).err()
            }
        }
    }

    pub(super) fn on_mission_request(&mut self, now: Now, request: MissionRequest) {
        let by_key = self.mission_keys.get(&request.idempotency_key);
        let known = by_key.and_then(|id| self.missions.get(id));
        if let Some(mission) = self.missions.get(&request.mission_id).or(known) {
            let status = mission.status().clone();
            return self.tell(Sample::Mission(status));
        }
        let mission_id = request.mission_id;
        let key = request.idempotency_key.clone();
        let is_own = if request.sn == self.config.sn { Ok(()) } else { Err(wrong_dock()) };
        let refusal = is_own
            .and_then(|()| self.check_owner(now))
            .and_then(|()| self.check_plan(now, &request))
            .and_then(|()| self.check_room())
            .and_then(|()| self.prepare_payload(now, &request, CommandId(mission_id.0)))
            .map(|_| ());
        let mission = match refusal {
            Ok(()) => Mission::accept(now, request),
            Err(reason) => Mission::refuse(now, request, reason),
        };
        let is_refused = mission.is_ended();
        let request = mission.request().clone();
        self.missions.insert(mission_id, mission);
        self.mission_keys.insert(key, mission_id);
        self.trace_mission(now, mission_id, "accepted");
        if is_refused {
            return self.after_mission(now, mission_id, Next::Ended);
        }
        let entry = Entry::Mission(MissionRecord::new(now.wall, &request));
        self.record(now, request.trace_id, entry);
        let next = match request.plan.start {
            MissionStart::Immediate | MissionStart::Released => Next::Give(Order::Prepare),
            // Given when its time has come.
            MissionStart::Timed { .. } | MissionStart::Conditional(_) => Next::Nothing,
        };
        self.after_mission(now, mission_id, next);
    }

    pub(super) fn on_mission_progress(
        &mut self,
        now: Now,
        mission_id: MissionId,
        progress: &FlighttaskProgress,
    ) {
        let reached = self.reached(mission_id);
        let Some(mission) = self.missions.get_mut(&mission_id) else { return };
        let before = mission.status().clone();
        let next = mission.on_progress(now, progress, reached);
        if *mission.status() != before || next != Next::Nothing {
            self.after_mission(now, mission_id, next);
        }
    }

    pub(super) fn on_mission_resource(&mut self, now: Now, mission_id: MissionId) {
        let reached = self.reached(mission_id);
        let Some(mission) = self.missions.get_mut(&mission_id) else { return };
        let next = mission.on_resource_request(now, reached);
        self.trace_mission(now, mission_id, "resource_get");
        self.after_mission(now, mission_id, next);
    }

    /// Which of a mission's orders the dock may have.
    fn reached(&self, mission_id: MissionId) -> Reached {
        let Some(mission) = self.missions.get(&mission_id) else { return Reached::Nothing };
        let may_have_left = |command_id: Option<CommandId>| {
            let command = command_id.and_then(|command_id| self.commands.get(&command_id));
            command.is_some_and(Command::may_have_left)
        };
        if may_have_left(mission.execute_command()) {
            Reached::Execute
        } else if may_have_left(mission.prepare_command()) {
            Reached::Prepare
        } else {
            Reached::Nothing
        }
    }

    /// Whether one more ordinary command can be followed.
    pub(super) fn check_room(&self) -> Result<(), Reason> {
        let counts = |(_, command): &(_, &Command)| !command.spec().counter_action;
        if self.commands.open().filter(counts).count() < OPEN_COMMANDS_MAX {
            return Ok(());
        }
        let text = "Too many commands are under way on this dock. Settle or await some.";
        Err(Reason::new("queue_full", text))
    }

    pub(super) fn active_mission(&self) -> Option<&Mission> {
        self.missions.open().map(|(_, mission)| mission).find(|mission| !mission.is_waiting())
    }

    pub(super) fn mission_of_trace(&self, bid: Option<&str>) -> Option<MissionId> {
        let trace_id = bid?.parse().ok()?;
        let is_it = |(_, mission): &(_, &Mission)| mission.request().trace_id == trace_id;
        self.missions.open().find(is_it).map(|(id, _)| *id)
    }

    /// The command whose unknown outcome locks the dock for new flights. Where the order is not
    /// remembered any more, its mission's number stands for it: the lock must hold all the same.
    pub(super) fn flight_lock(&self) -> Option<(CommandId, MissionId)> {
        let (mission_id, unknown) = self.missions.open().find(|(_, m)| m.is_unknown())?;
        Some((unknown.execute_command().unwrap_or(CommandId(mission_id.0)), *mission_id))
    }

    pub(super) fn hardware_busy(&self) -> bool {
        self.commands.open().any(|(_, command)| {
            command.spec().danger == dji_cloud::method::Danger::MovesHardware
                && !command.is_unknown()
        })
    }

    /// Runs one command's reaction and carries out what it asks for.
    pub(super) fn with_command(
        &mut self,
        now: Now,
        command_id: CommandId,
        react: impl FnOnce(&mut Command) -> Vec<Effect>,
    ) {
        let Some(command) = self.commands.get_mut(&command_id) else { return };
        let effects = react(command);
        self.carry_out(now, command_id, effects, None);
    }

    pub(super) fn start(
        &mut self,
        now: Now,
        request: CommandRequest,
        spec: Spec,
        mission_id: Option<MissionId>,
        payload: Vec<u8>,
    ) {
        let command_id = request.command_id;
        let key = request.idempotency_key.clone();
        let is_counter_action = spec.counter_action;
        if !self.rights.contains_key(&command_id) {
            // Without rights it is refused when it is to leave, with the reason.
            let _ = self.take_rights(now, command_id, &spec, &request.issued_by);
        }
        let (command, effects) = Command::accept(now, request, spec, mission_id);
        self.commands.insert(command_id, command);
        let holder = self.keys.get(&key).and_then(|id| self.commands.get(id));
        if holder.is_none_or(Command::certainly_not_delivered) {
            self.keys.insert(key, command_id);
        }
        if is_counter_action {
            self.make_room_for_counter_action(now, command_id);
        }
        self.overtake(command_id);
        self.trace_command(now, command_id, "accepted");
        self.carry_out(now, command_id, effects, Some(payload));
    }

    fn refuse(&mut self, now: Now, request: CommandRequest, reason: Reason) {
        let spec = operator_spec(&request.method).unwrap_or_else(Spec::none);
        let command_id = request.command_id;
        let key = request.idempotency_key.clone();
        let command = Command::refuse(now, request, spec, reason);
        self.commands.insert(command_id, command);
        self.keys.entry(key).or_insert(command_id);
        self.carry_out(now, command_id, vec![Effect::Changed { outcome: true }], None);
    }

    /// Counter-actions are never refused, so the oldest one that is still open is forgotten: it
    /// stays on record as it was last told.
    pub(super) fn make_room_for_counter_action(&mut self, now: Now, command_id: CommandId) {
        let commands = &self.commands;
        let is_open = |id: &CommandId| commands.get(id).is_some_and(|open| !open.is_final());
        self.counter_actions.retain(is_open);
        self.counter_actions.push_back(command_id);
        while self.counter_actions.len() > COUNTER_ACTIONS_MAX {
            if let Some(old) = self.counter_actions.pop_front() {
                self.trace_command(now, old, "forgotten");
                self.forget(old);
            }
        }
    }

    fn carry_out(
        &mut self,
        now: Now,
        command_id: CommandId,
        effects: Vec<Effect>,
        payload: Option<Vec<u8>>,
    ) {
        let mut payload = payload;
        for effect in effects {
            match effect {
                Effect::Journal => self.journal_command(now, command_id),
                Effect::Send { expires } => {
                    let payload = payload.take();
                    self.send(now, command_id, expires, payload);
                }
                Effect::Changed { outcome } => self.command_changed(now, command_id, outcome),
            }
        }
    }

    fn journal_command(&mut self, now: Now, command_id: CommandId) {
        let journal_id = self.journal_id();
        let Some(command) = self.commands.get_mut(&command_id) else { return };
        command.set_journal_id(journal_id);
        let (request, status) = (command.request(), command.status());
        let entry = Entry::Command {
            command_id,
            request_id: request.request_id,
            method: request.method.clone(),
            data: request.data.clone(),
            idempotency_key: request.idempotency_key.clone(),
            issued_by: request.issued_by.clone(),
            mission_id: status.mission_id,
            expires_ms: status.expires_ms,
            counter_action: status.counter_action,
        };
        let record = Record {
            at_ms: now.wall,
            sn: self.config.sn.clone(),
            trace_id: request.trace_id,
            entry,
        };
        let record = Box::new(record);
        self.outputs.push_back(Output::Journal { journal_id, record });
    }

    pub(super) fn send(
        &mut self,
        now: Now,
        command_id: CommandId,
        expires: MonoMs,
        payload: Option<Vec<u8>>,
    ) {
        let Some(command) = self.commands.get(&command_id) else { return };
        let counter_action = command.spec().counter_action;
        let payload = match payload {
            Some(payload) => Ok(payload),
            None => self.payload_of(now, command_id),
        };
        let sn = self.config.sn.as_str();
        let topic = Topic::new(TopicKind::Services, sn).map(|topic| topic.to_string());
        let payload = payload.map(|payload| self.under_another_tid(command_id, payload));
        let (Ok(payload), Some(topic)) = (payload, topic) else {
            // Checked when it was accepted; if it cannot be written now it certainly did not leave.
            self.with_command(now, command_id, |command| {
                command.on_fate(now, crate::io::SendFate::NotSent)
            });
            return;
        };
        self.trace_command(now, command_id, "send");
        let expires = match counter_action {
            true => expires,
            false => self.within_lease(self.within_answer(now, command_id, expires)),
        };
        let send = Send { command_id, topic, payload, expires, counter_action };
        self.outputs.push_back(Output::Send(send));
    }

    /// An order of a flight must not reach the dock when nobody waits for its answer any more. A
    /// broker delivers what was not acknowledged once more when the dock is back: an order to fly that
    /// was good for the whole life of its mission could then be followed a second time.
    fn within_answer(&self, now: Now, command_id: CommandId, expires: MonoMs) -> MonoMs {
        let order =
            self.commands.get(&command_id).filter(|known| known.status().mission_id.is_some());
        order.map_or(expires, |order| expires.min(now.mono.after_ms(order.spec().reply_timeout_ms)))
    }

    /// A planted defect: what was sent before gets another `tid`.
    fn under_another_tid(&self, command_id: CommandId, payload: Vec<u8>) -> Vec<u8> {
        let was_sent =
            self.commands.get(&command_id).is_some_and(|known| known.left_at().is_some());
        if !(mutant::is(Mutant::NewTidOnRetry) && was_sent) {
            return payload;
        }
        let (tid, other) = (command_id.to_string(), CommandId(uuid::Uuid::nil()).to_string());
        String::from_utf8_lossy(&payload).replacen(&tid, &other, 1).into_bytes()
    }

    fn payload_of(&mut self, now: Now, command_id: CommandId) -> Result<Vec<u8>, Reason> {
        let gone = || Reason::new("bad_data", "The command is not known any more.");
        match self.mission_order(command_id) {
            None => {
                let command = self.commands.get(&command_id).ok_or_else(gone)?;
                self.encode(now, command.request())
            }
            Some((mission_id, order)) => {
                let mission = self.missions.get_mut(&mission_id).ok_or_else(gone)?;
                if order == Order::Prepare {
                    mission.set_told_start(now.wall);
                }
                let mission = self.missions.get(&mission_id).ok_or_else(gone)?;
                match order {
                    Order::Prepare => self.prepare_payload(now, mission.request(), command_id),
                    Order::Execute => self.execute_payload(now, mission.request(), command_id),
                }
            }
        }
    }

    fn command_changed(&mut self, now: Now, command_id: CommandId, outcome: bool) {
        let Some(command) = self.commands.get(&command_id) else { return };
        let status = command.status().clone();
        let is_final = command.is_final();
        self.tell(Sample::Command(status.clone()));
        if !outcome {
            return;
        }
        self.trace_command(now, command_id, "outcome");
        let (state, response_code) = (status.state, status.response_code);
        let reason = status.reason.clone();
        let entry = Entry::CommandOutcome { command_id, state, response_code, reason };
        self.record(now, status.trace_id, entry);
        if let Some((mission_id, order)) = self.mission_order(command_id) {
            self.order_ended(now, mission_id, order, &status);
        }
        if is_final {
            self.return_ended(now, &status);
            self.retire(command_id);
        }
    }

    pub(super) fn order_ended(
        &mut self,
        now: Now,
        mission_id: MissionId,
        order: Order,
        status: &fleet_types::CommandStatus,
    ) {
        let reason = status.reason.clone();
        let reason =
            reason.unwrap_or_else(|| Reason::new("device_failed", "The dock gave no reason."));
        let waits = self.missions.get(&mission_id).is_some_and(Mission::is_for_later);
        let is_settled = reason.code == "resolved_by_person";
        let end = match status.state {
            CommandState::Succeeded => OrderEnd::Taken,
            CommandState::Rejected if reason.code == "missed_window" => {
                OrderEnd::Refused { verdict: Verdict::Expired, reason }
            }
            // Both say that nothing of it left.
            CommandState::Rejected | CommandState::Expired if waits => OrderEnd::NotSent(reason),
            CommandState::Expired => OrderEnd::Refused { verdict: Verdict::Expired, reason },
            CommandState::Rejected | CommandState::Failed => {
                OrderEnd::Refused { verdict: Verdict::Rejected, reason }
            }
            CommandState::Unknown => OrderEnd::Unknown(reason),
            CommandState::Accepted
            | CommandState::Journaled
            | CommandState::Sent
            | CommandState::Acknowledged => return,
        };
        let Some(mission) = self.missions.get_mut(&mission_id) else { return };
        let next = if is_settled && order == Order::Execute {
            mission.on_settled(now, matches!(end, OrderEnd::Taken))
        } else {
            mission.on_order(now, order, end)
        };
        self.after_mission(now, mission_id, next);
    }

    pub(super) fn after_mission(&mut self, now: Now, mission_id: MissionId, next: Next) {
        let Some(mission) = self.missions.get(&mission_id) else { return };
        let status = mission.status().clone();
        let trace_id = status.trace_id;
        match next {
            Next::Nothing => {}
            Next::Give(order) => return self.give(now, mission_id, order),
            Next::ExecuteObserved => {
                if let Some(command_id) = mission.execute_command() {
                    self.with_command(now, command_id, |command| command.on_observed(now));
                }
            }
            Next::Ended | Next::EndedByDock => {
                let reason = status.reason.clone();
                // The dock's final word about a flight settles the order that started it; a verdict of
                // our own proves nothing of what the dock did.
                if let Some(command_id) =
                    mission.execute_command().filter(|_| next == Next::EndedByDock)
                {
                    let (refused, reason) = (verdict_is_refusal(&status), reason.clone());
                    self.with_command(now, command_id, |command| match refused {
                        true => command.on_refusal_observed(now, reason),
                        false => command.on_observed(now),
                    });
                }
                if let Some(verdict) = status.verdict {
                    let entry = Entry::MissionOutcome { mission_id, verdict, reason };
                    self.record(now, trace_id, entry);
                }
                self.trace_mission(now, mission_id, "outcome");
                self.undo_preparation(now, mission_id);
                self.retire_mission(mission_id);
            }
        }
        self.record_mission_step(now, mission_id);
        self.tell(Sample::Mission(status));
    }

    /// Puts on record that a mission goes on, is paused or is unknown, once a change.
    pub(super) fn record_mission_step(&mut self, now: Now, mission_id: MissionId) {
        let Some(mission) = self.missions.get_mut(&mission_id) else { return };
        let Some(state) = mission.take_state_for_record() else { return };
        let (trace_id, reason) = (mission.request().trace_id, mission.status().reason.clone());
        self.record(now, trace_id, Entry::MissionStep { mission_id, state, reason });
    }

    pub(super) fn give(&mut self, now: Now, mission_id: MissionId, order: Order) {
        let method = match order {
            Order::Prepare => "flighttask_prepare",
            Order::Execute => "flighttask_execute",
        };
        let Some((mission, spec)) = self.missions.get(&mission_id).zip(mission_spec(method)) else {
            return;
        };
        // Whatever happens, neither order is given twice, unless nothing of it left.
        let given = match order {
            Order::Prepare => mission.prepare_command(),
            Order::Execute => mission.execute_command(),
        };
        if given.is_some() {
            return;
        }
        let (request, life_ms) = (mission.request().clone(), mission.order_life_ms(now));
        let command_id = CommandId(self.new_uuid());
        // For the record only: keys that callers choose must not stand in an order's way.
        let Ok(idempotency_key) = IdempotencyKey::new(&format!("mission:{mission_id}:{method}"))
        else {
            return;
        };
        let command = CommandRequest {
            command_id,
            trace_id: request.trace_id,
            request_id: RequestId(request.request_id.0),
            sn: request.sn.clone(),
            method: method.to_owned(),
            data: json!({ "flight_id": mission_id }),
            idempotency_key,
            expires_in_ms: life_ms,
            issued_by: request.issued_by.clone(),
        };
        if let Some(mission) = self.missions.get_mut(&mission_id) {
            mission.on_given(now, order, command_id);
            let status = mission.status().clone();
            self.tell(Sample::Mission(status));
        }
        // Its payload is written when it leaves: the start time in it must be true then.
        // Without rights it is refused when it is to leave, with the reason.
        let _ = self.take_rights(now, command_id, &spec, &command.issued_by);
        let (command, effects) = Command::accept(now, command, spec, Some(mission_id));
        self.commands.insert(command_id, command);
        self.overtake(command_id);
        self.trace_command(now, command_id, "accepted");
        self.carry_out(now, command_id, effects, None);
    }

    /// What was ordered before this command is not repeated any more: it might undo it.
    fn overtake(&mut self, command_id: CommandId) {
        self.commands.each_open(|id, command| {
            if id != command_id {
                command.on_overtaken();
            }
        });
    }

    /// Whether a command may leave once more if it is harmless to repeat: nothing may stand against
    /// it now that would have when it first left.
    pub(super) fn may_repeat(&self, now: Now, command_id: CommandId) -> bool {
        let Some(command) = self.commands.get(&command_id) else { return false };
        command.spec().counter_action || self.refusal_at_send(now, command_id).is_none()
    }

    fn mission_order(&self, command_id: CommandId) -> Option<(MissionId, Order)> {
        let mission_id = self.commands.get(&command_id)?.status().mission_id?;
        let order = self.missions.get(&mission_id)?.order_of(command_id)?;
        Some((mission_id, order))
    }

    fn waiting_for(&self, journal_id: JournalId) -> Option<CommandId> {
        let waits = |command: &&Command| command.journal_id() == Some(journal_id);
        self.commands.values().find(waits).map(|command| command.request().command_id)
    }

    pub(super) fn encode(&self, now: Now, request: &CommandRequest) -> Result<Vec<u8>, Reason> {
        let tid = request.command_id.to_string();
        let bid = request.trace_id.to_string();
        let head = self.head(now, &tid, &bid);
        let takes_no_body = |table: &MethodSpec| table.counter_action && !table.has_body;
        if method::spec(&request.method).is_some_and(takes_no_body) {
            // What a caller adds to it is no reason to hold it back.
            return Ok(encode::service_without_body(head, &request.method));
        }
        let data = (!request.data.is_null()).then(|| {
            let text = serde_json::to_string(&request.data).unwrap_or_default();
            RawValue::from_string(text).ok()
        });
        let data = data.flatten();
        encode::service_from_json(head, &request.method, data.as_deref())
            .map_err(|error| Reason::new("bad_data", error.to_string()))
    }

    pub(super) fn head<'a>(&'a self, now: Now, tid: &'a str, bid: &'a str) -> CallHead<'a> {
        let gateway = Some(self.config.sn.as_str());
        CallHead { ids: Self::ids(tid, bid), timestamp_ms: now.wall.0, gateway }
    }

    pub(super) fn record(
        &mut self,
        now: Now,
        trace_id: fleet_types::TraceId,
        entry: Entry,
    ) -> JournalId {
        let journal_id = self.journal_id();
        let record = Record { at_ms: now.wall, sn: self.config.sn.clone(), trace_id, entry };
        let record = Box::new(record);
        self.outputs.push_back(Output::Journal { journal_id, record });
        journal_id
    }

    pub(super) fn retire(&mut self, command_id: CommandId) {
        if self.finished.contains(&command_id) {
            return;
        }
        self.finished.push_back(command_id);
        while self.finished.len() > FINISHED_MAX {
            // To forget one that never left can at most have it asked for anew.
            let never_left = |id: &CommandId| {
                self.commands.get(id).is_some_and(|command| command.left_at().is_none())
            };
            let at = self.finished.iter().position(never_left).unwrap_or(0);
            if let Some(old) = self.finished.remove(at) {
                self.forget(old);
            }
        }
    }

    fn forget(&mut self, command_id: CommandId) {
        let Some(command) = self.commands.remove(&command_id) else { return };
        self.rights.remove(&command_id);
        let key = &command.request().idempotency_key;
        if self.keys.get(key) == Some(&command_id) {
            self.keys.remove(key);
        }
    }

    pub(super) fn retire_mission(&mut self, mission_id: MissionId) {
        if self.ended_missions.contains(&mission_id) {
            return;
        }
        self.ended_missions.push_back(mission_id);
        while self.ended_missions.len() > ENDED_MISSIONS_MAX {
            let never_ordered = |id: &MissionId| {
                self.missions.get(id).is_some_and(|mission| mission.execute_command().is_none())
            };
            let at = self.ended_missions.iter().position(never_ordered).unwrap_or(0);
            if let Some(old) = self.ended_missions.remove(at)
                && let Some(mission) = self.missions.remove(&old)
                && self.mission_keys.get(&mission.request().idempotency_key) == Some(&old)
            {
                self.mission_keys.remove(&mission.request().idempotency_key);
            }
        }
    }
}

/// Whether a second request under the same key means the same. A counter-action takes no body.
fn is_same_intention(known: &CommandRequest, request: &CommandRequest) -> bool {
    let is_counter_action = operator_spec(&request.method).is_some_and(|spec| spec.counter_action);
    known.method == request.method && (is_counter_action || known.data == request.data)
}

fn verdict_is_refusal(status: &fleet_types::MissionStatus) -> bool {
    status.verdict == Some(Verdict::Rejected)
}

pub(super) fn wrong_dock() -> Reason {
    Reason::new(
        "wrong_dock",
        "This is for another dock; it reached the wrong one and was not sent.",
    )
}

fn used_key() -> Reason {
    Reason::new(
        "idempotency_conflict",
        "This idempotency key was used for another command on this dock. Nothing was sent; choose a new key.",
    )
}
