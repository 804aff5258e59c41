//! From records to what is open: what a tower that lost its memory has to take up again.
//!
//! Pure. [`Fold`] is fed every record in the order in which they were written and ends with each
//! dock's commands and missions for [`crate::dock::DockMachine::restore`]: all that are open, and
//! the latest that are over, whose keys must still be known (a caller that asks again under the key
//! of a flight that was flown must not start another one). What the records do not tell is taken
//! for the worse: a command on record may have left.

use std::collections::{BTreeMap, VecDeque};

use fleet_types::{
    CommandId, CommandState, CommandStatus, DeviceSn, MissionId, MissionRequest, MissionState,
    MissionStatus, Reason, TraceId, WallMs,
    command::{ResponseCode, Step},
    plan::MissionStart,
    preflight::{DockNotice, DockSaying},
};

use super::{Entry, MissionRecord, Record};
use crate::dock::{COUNTER_ACTIONS_MAX, ENDED_MISSIONS_MAX, FINISHED_MAX};

/// What one dock's machine is to take up, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenWork {
    /// Commands: open ones, and the latest that are over.
    pub commands: Vec<OpenCommand>,
    /// Missions: open ones, and the latest that are over. The address of the file is not kept.
    pub missions: Vec<(MissionRequest, MissionStatus)>,
    /// What people said that may still count: overrides and maintenance.
    pub notices: Vec<DockNotice>,
}

/// A command as its records tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenCommand {
    /// What became of it. One whose outcome is not on record is `journaled`: it may have left.
    pub status: CommandStatus,
    /// DJI data, to know the same intention again.
    pub data: serde_json::Value,
}

/// The fold over a history of records.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    docks: BTreeMap<DeviceSn, DockFold>,
}

#[derive(Clone, Debug, Default)]
struct DockFold {
    /// Records seen: commands and missions are handed over in this order.
    count: u64,
    commands: BTreeMap<CommandId, (u64, OpenCommand)>,
    missions: BTreeMap<MissionId, (u64, MissionRequest, MissionStatus)>,
    notices: Vec<DockNotice>,
    counter_actions: VecDeque<CommandId>,
    finished: VecDeque<CommandId>,
    ended_missions: VecDeque<MissionId>,
}

impl Fold {
    /// Takes in the next record. One that comes twice changes nothing, nor does an outcome of
    /// something that was never taken (a refusal).
    pub fn add(&mut self, record: &Record) {
        let dock = self.docks.entry(record.sn.clone()).or_default();
        dock.count += 1;
        match &record.entry {
            Entry::Command { .. } => dock.command(record),
            Entry::CommandOutcome { command_id, state, response_code, reason } => {
                let Some((_, open)) = dock.commands.get_mut(command_id) else { return };
                let status = &mut open.status;
                if status.state.is_final() {
                    return;
                }
                status.state = *state;
                status.response_code = *response_code;
                status.reason.clone_from(reason);
                let detail = reason.as_ref().map(|reason| reason.code.to_string());
                let (mission_id, method) = (status.mission_id, status.method.clone());
                if matches!(state, CommandState::Rejected | CommandState::Expired)
                    && let Some((_, _, mission)) =
                        mission_id.and_then(|id| dock.missions.get_mut(&id))
                {
                    order_not_sent(mission, &method, reason.as_ref(), record.at_ms);
                }
                let Some((_, open)) = dock.commands.get_mut(command_id) else { return };
                let status = &mut open.status;
                if state.is_final() {
                    put_step(&mut status.steps, record.at_ms, "finished", detail);
                    dock.retire(*command_id);
                } else {
                    put_step(&mut status.steps, record.at_ms, "unknown", detail);
                }
            }
            // The outcome that it means follows on record.
            Entry::Resolved { .. } => {}
            Entry::Notice(notice) => {
                dock.notices.retain(|said| !is_superseded(&said.saying, &notice.saying));
                dock.notices.push(notice.clone());
            }
            Entry::Mission(mission) => dock.mission(record, mission),
            Entry::MissionStep { mission_id, state, reason } => {
                let Some((_, _, status)) = dock.missions.get_mut(mission_id) else { return };
                if status.state == MissionState::Ended {
                    return;
                }
                status.state = *state;
                status.reason.clone_from(reason);
                let is_unknown = *state == MissionState::Unknown;
                status.response_code = is_unknown.then_some(ResponseCode::Unknown);
                put_step(&mut status.steps, record.at_ms, word(*state), None);
            }
            Entry::MissionOutcome { mission_id, verdict, reason } => {
                let Some((_, _, status)) = dock.missions.get_mut(mission_id) else { return };
                if status.state == MissionState::Ended {
                    return;
                }
                status.state = MissionState::Ended;
                status.verdict = Some(*verdict);
                status.response_code = Some(verdict.response_code());
                status.reason.clone_from(reason);
                status.ended_ms = Some(record.at_ms);
                let detail = reason.as_ref().map(|reason| reason.code.to_string());
                put_step(&mut status.steps, record.at_ms, "ended", detail);
                dock.retire_mission(*mission_id);
            }
        }
    }

    /// What each dock's machine is to take up.
    #[must_use]
    pub fn finish(self) -> BTreeMap<DeviceSn, OpenWork> {
        self.docks.into_iter().map(|(sn, dock)| (sn, dock.finish())).collect()
    }
}

impl FromIterator<Record> for Fold {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut fold = Self::default();
        for record in records {
            fold.add(&record);
        }
        fold
    }
}

impl OpenWork {
    /// Whether anything is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open_commands().next().is_some()
            || self.missions.iter().any(|(_, status)| status.state != MissionState::Ended)
    }

    /// The commands that are not over.
    pub fn open_commands(&self) -> impl Iterator<Item = &CommandStatus> {
        let statuses = self.commands.iter().map(|command| &command.status);
        statuses.filter(|status| !status.state.is_final())
    }
}

impl DockFold {
    fn command(&mut self, record: &Record) {
        let Some((status, data)) = command_status(record) else { return };
        let command_id = status.command_id;
        if self.commands.contains_key(&command_id) {
            return;
        }
        if let Some(mission_id) = status.mission_id
            && let Some((_, _, mission)) = self.missions.get_mut(&mission_id)
        {
            order_on_record(mission, &status.method, record.at_ms);
        }
        let counter_action = status.counter_action;
        self.commands.insert(command_id, (self.count, OpenCommand { status, data }));
        if counter_action {
            self.make_room_for_counter_action(command_id);
        }
    }

    /// The machine forgets the oldest open counter-action in a flood, so this does too.
    fn make_room_for_counter_action(&mut self, command_id: CommandId) {
        let commands = &self.commands;
        let is_open =
            |id: &CommandId| commands.get(id).is_some_and(|(_, c)| !c.status.state.is_final());
        self.counter_actions.retain(is_open);
        self.counter_actions.push_back(command_id);
        while self.counter_actions.len() > COUNTER_ACTIONS_MAX {
            if let Some(old) = self.counter_actions.pop_front() {
                self.commands.remove(&old);
            }
        }
    }

    fn mission(&mut self, record: &Record, mission: &MissionRecord) {
        let mission_id = mission.mission_id;
        if self.missions.contains_key(&mission_id) {
            return;
        }
        let request = mission_request(&record.sn, record.trace_id, mission);
        let status = mission_status(record.at_ms, &request);
        self.missions.insert(mission_id, (self.count, request, status));
    }

    fn retire(&mut self, command_id: CommandId) {
        self.finished.push_back(command_id);
        while self.finished.len() > FINISHED_MAX {
            // To forget one that never left can at most have it asked for anew.
            let never_left = |id: &CommandId| {
                let state = self.commands.get(id).map(|(_, command)| command.status.state);
                matches!(state, Some(CommandState::Rejected | CommandState::Expired))
            };
            let at = self.finished.iter().position(never_left).unwrap_or(0);
            if let Some(old) = self.finished.remove(at) {
                self.commands.remove(&old);
            }
        }
    }

    fn retire_mission(&mut self, mission_id: MissionId) {
        self.ended_missions.push_back(mission_id);
        while self.ended_missions.len() > ENDED_MISSIONS_MAX {
            let never_ordered = |id: &MissionId| {
                let steps = self.missions.get(id).map(|(_, _, status)| &status.steps);
                steps.is_some_and(|steps| !steps.iter().any(|step| step.step == "execute"))
            };
            let at = self.ended_missions.iter().position(never_ordered).unwrap_or(0);
            if let Some(old) = self.ended_missions.remove(at) {
                self.missions.remove(&old);
            }
        }
    }

    fn finish(self) -> OpenWork {
        let mut commands: Vec<_> = self.commands.into_values().collect();
        commands.sort_by_key(|(number, _)| *number);
        let mut missions: Vec<_> = self.missions.into_values().collect();
        missions.sort_by_key(|(number, ..)| *number);
        OpenWork {
            commands: commands.into_iter().map(|(_, command)| command).collect(),
            missions: missions.into_iter().map(|(_, request, status)| (request, status)).collect(),
            notices: self.notices,
        }
    }
}

/// An order that is on record has brought its mission further.
fn order_on_record(mission: &mut MissionStatus, method: &str, at_ms: WallMs) {
    match (method, mission.state) {
        ("flighttask_prepare", MissionState::Scheduled) => {
            mission.state = MissionState::Preparing;
            put_step(&mut mission.steps, at_ms, "prepare", None);
        }
        (
            "flighttask_execute",
            MissionState::Scheduled
            | MissionState::Preparing
            | MissionState::Prepared
            | MissionState::Ready,
        ) => {
            mission.state = MissionState::Starting;
            put_step(&mut mission.steps, at_ms, "execute", None);
        }
        (_, _) => {}
    }
}

/// Nothing of an order left: a mission that waits goes on waiting. Of any other the outcome follows on
/// record.
fn order_not_sent(
    mission: &mut MissionStatus,
    method: &str,
    reason: Option<&Reason>,
    at_ms: WallMs,
) {
    let state = match (method, mission.state, &mission.plan.start) {
        (
            "flighttask_prepare",
            MissionState::Preparing,
            MissionStart::Timed { .. } | MissionStart::Conditional(_),
        ) => MissionState::Scheduled,
        ("flighttask_execute", MissionState::Starting, MissionStart::Timed { .. }) => {
            MissionState::Prepared
        }
        ("flighttask_execute", MissionState::Starting, MissionStart::Conditional(_)) => {
            MissionState::Ready
        }
        (_, _, _) => return,
    };
    mission.state = state;
    mission.reason = reason.cloned();
    put_step(&mut mission.steps, at_ms, "not_sent", reason.map(|reason| reason.code.to_string()));
}

/// Whether the later word takes the place of the earlier one.
pub(crate) fn is_superseded(said: &DockSaying, later: &DockSaying) -> bool {
    match (said, later) {
        (DockSaying::Override(given), DockSaying::Override(other)) => given.item == other.item,
        (DockSaying::Override(given), DockSaying::Withdraw(item)) => given.item == *item,
        (DockSaying::Withdraw(_), _) => true,
        (DockSaying::Maintenance { .. }, DockSaying::Maintenance { .. })
        | (DockSaying::Reserved(_), DockSaying::Reserved(_)) => true,
        (DockSaying::Override(_) | DockSaying::Maintenance { .. } | DockSaying::Reserved(_), _) => {
            false
        }
    }
}

fn command_status(record: &Record) -> Option<(CommandStatus, serde_json::Value)> {
    let Entry::Command {
        command_id,
        request_id,
        method,
        data,
        idempotency_key,
        issued_by,
        mission_id,
        expires_ms,
        counter_action,
    } = &record.entry
    else {
        return None;
    };
    let mut steps = Vec::new();
    put_step(&mut steps, record.at_ms, "accepted", None);
    let status = CommandStatus {
        command_id: *command_id,
        trace_id: record.trace_id,
        request_id: *request_id,
        request_code: format!("service_platform.command.{method}"),
        sn: record.sn.clone(),
        method: method.clone(),
        mission_id: *mission_id,
        idempotency_key: idempotency_key.clone(),
        issued_by: issued_by.clone(),
        state: CommandState::Journaled,
        response_code: None,
        reason: None,
        progress: None,
        counter_action: *counter_action,
        accepted_ms: record.at_ms,
        expires_ms: *expires_ms,
        steps,
    };
    Some((status, data.clone()))
}

fn mission_request(sn: &DeviceSn, trace_id: TraceId, record: &MissionRecord) -> MissionRequest {
    MissionRequest {
        mission_id: record.mission_id,
        trace_id,
        request_id: record.request_id,
        sn: sn.clone(),
        wayline_id: record.wayline_id,
        wayline_name: record.wayline_name.clone(),
        waypoint_count: record.waypoint_count,
        // A fresh one is made whenever the dock asks for the file.
        file_url: String::new(),
        file_md5: record.file_md5.clone(),
        rth_altitude_m: record.rth_altitude_m,
        lost_link_action: record.lost_link_action,
        exit_wayline_when_link_lost: record.exit_wayline_when_link_lost,
        idempotency_key: record.idempotency_key.clone(),
        // No order is given any more by a mission that is taken up.
        expires_in_ms: 0,
        issued_by: record.issued_by.clone(),
        plan: (*record.plan).clone(),
    }
}

fn mission_status(at_ms: WallMs, request: &MissionRequest) -> MissionStatus {
    let mut steps = Vec::new();
    put_step(&mut steps, at_ms, "accepted", None);
    MissionStatus { steps, ..MissionStatus::taken(at_ms, request) }
}

fn word(state: MissionState) -> &'static str {
    match state {
        MissionState::Scheduled => "accepted",
        MissionState::Preparing => "prepare",
        MissionState::Prepared => "prepared",
        MissionState::Ready => "ready",
        MissionState::Starting => "execute",
        MissionState::Executing => "executing",
        MissionState::Paused => "paused",
        MissionState::Hovering => "hovering",
        MissionState::Unknown => "unknown",
        MissionState::Ended => "ended",
    }
}

/// Most steps kept; the end must always be seen.
const STEPS_MAX: usize = 64;

fn put_step(steps: &mut Vec<Step>, at_ms: WallMs, step: &str, detail: Option<String>) {
    let before = steps.last().map_or(at_ms, |step| step.at_ms);
    let action_duration_ms = u64::try_from(at_ms.0.saturating_sub(before.0)).unwrap_or(0);
    let entry = Step { step: step.to_owned(), at_ms, action_duration_ms, detail };
    if steps.len() >= STEPS_MAX {
        steps.pop();
    }
    steps.push(entry);
}
