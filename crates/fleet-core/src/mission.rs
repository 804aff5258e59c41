//! One mission's life: prepare → (wait) → execute → progress → verdict.
//!
//! Pure. Its orders are commands ([`crate::command`]) with their own life, and a mission under way
//! ends by the dock's word alone. Take-off is ordered once. While nobody knows whether that order
//! was followed the mission is `unknown` and the dock is locked for new flights; the dock's later
//! progress, or a person, settles it. Read next: [`waiting`] for missions that do not start at once,
//! [`silence`] for flights of which nothing more is heard.

pub mod resume;
pub mod silence;
mod state;
pub mod waiting;

use dji_cloud::{
    reply::{JobStatus, Verdict as JobVerdict},
    wayline::FlighttaskProgress,
};
use fleet_types::{
    CommandId, MissionRequest, MissionState, MissionStatus, MonoMs, Now, Reason, WallMs,
    command::{Resolution, ResolvedOutcome, ResponseCode, Step},
    mission::Verdict,
    plan::MissionStart,
};

use crate::{
    command::device_reason,
    machine::Tabled,
    mutant::{self, Mutant},
};

pub use state::MACHINE;
use state::State;

/// Most steps kept of one mission.
const STEPS_MAX: usize = 64;
/// DJI `wayline_mission_state` for "interrupted": paused by a user or by flight control.
const WAYLINE_INTERRUPTED: i64 = 7;

/// Which of a mission's two orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `flighttask_prepare`: nothing flies by it.
    Prepare,
    /// `flighttask_execute`: take-off.
    Execute,
}

/// Which of a mission's orders may have reached the dock. What the dock says of an order that did
/// not leave yet is not about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// None.
    Nothing,
    /// [`Order::Prepare`].
    Prepare,
    /// [`Order::Execute`].
    Execute,
}

/// How an order ended, as far as the mission cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEnd {
    /// The dock took it.
    Taken,
    /// It certainly had no effect.
    Refused {
        /// The verdict this means.
        verdict: Verdict,
        /// Why.
        reason: Reason,
    },
    /// It left and nobody knows.
    Unknown(Reason),
    /// Nothing of it left, and the flight is one that waits: there may be time to order it again.
    NotSent(Reason),
}

/// What the owner has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Give this order.
    Give(Order),
    /// The order to fly is known by now to have been followed: its command is settled.
    ExecuteObserved,
    /// The mission is over, by our own decision or a person's: it says nothing of what the dock did.
    Ended,
    /// The mission is over by the dock's word on the flight. That settles the order that started it.
    EndedByDock,
    /// Nothing but telling the status.
    Nothing,
}

/// One mission.
#[derive(Clone, Debug)]
pub struct Mission {
    request: MissionRequest,
    state: Tabled<State>,
    status: MissionStatus,
    /// Take-off is not ordered after this.
    deadline: MonoMs,
    prepare: Option<CommandId>,
    execute: Option<CommandId>,
    /// When the dock last said of the flight whether it goes on or is paused.
    reported_at: Option<MonoMs>,
    /// The start time that the dock was told, where it is one that had to be now.
    told_start: Option<WallMs>,
    /// A fresh address of the file was asked for.
    asked_for_url: bool,
    last_step: MonoMs,
    /// The state that the records tell.
    on_record: MissionState,
    /// When the dock last said anything of the flight, or took the order to fly.
    heard_at: MonoMs,
    /// It reports on the flight, without a status that can be read.
    is_unreadable: bool,
    /// Orders of which nothing left, in a row.
    unsent: u32,
    /// The next order is not given before this.
    not_before: MonoMs,
}

impl Mission {
    /// Takes a request that passed the gate; the first order is [`Order::Prepare`], at once or when
    /// [`Self::wish`] says so.
    #[must_use]
    pub fn accept(now: Now, request: MissionRequest) -> Self {
        let status = MissionStatus::taken(now.wall, &request);
        let deadline = now.mono.after_ms(request.expires_in_ms);
        let state = match &request.plan.start {
            MissionStart::Immediate | MissionStart::Released => State::Preparing,
            MissionStart::Timed { .. } | MissionStart::Conditional(_) => State::Scheduled,
        };
        let last_step = now.mono;
        let on_record = status.state;
        let mut mission = Self {
            request,
            state: Tabled::new(state),
            status,
            deadline,
            prepare: None,
            execute: None,
            reported_at: None,
            told_start: None,
            asked_for_url: false,
            last_step,
            on_record,
            heard_at: now.mono,
            is_unreadable: false,
            unsent: 0,
            not_before: now.mono,
        };
        mission.step(now, "accepted", None);
        mission
    }

    /// A request that the gate refused: kept as a status, so that the refusal is seen.
    #[must_use]
    pub fn refuse(now: Now, request: MissionRequest, reason: Reason) -> Self {
        let mut mission = Self::accept(now, request);
        mission.end(now, "refused", Verdict::Rejected, Some(reason));
        mission
    }

    /// Takes up a mission whose machine was lost. One under way goes on by the dock's word; one whose
    /// take-off may have been ordered (`may_have_left`) is unknown; one that waits for its time goes
    /// on waiting, if the dock is known to have prepared or was not asked to; one that was only being
    /// prepared is over.
    #[must_use]
    pub fn restore(
        now: Now,
        request: MissionRequest,
        status: MissionStatus,
        prepare: Option<CommandId>,
        execute: Option<CommandId>,
        may_have_left: bool,
    ) -> Self {
        let (deadline, last_step) = (now.mono, now.mono);
        let on_record = status.state;
        let mut mission = Self {
            request,
            state: Tabled::new(State::on_record(status.state)),
            status,
            deadline,
            prepare,
            execute,
            reported_at: None,
            told_start: None,
            asked_for_url: false,
            last_step,
            on_record,
            heard_at: now.mono,
            is_unreadable: false,
            unsent: 0,
            not_before: now.mono,
        };
        match (*mission.state, may_have_left) {
            // One that seems to wait, too: an order of which the records do not tell that it did not
            // leave is never given a second time, and nothing but the dock or a person ends it.
            (
                State::Scheduled | State::Preparing | State::Prepared { .. } | State::Starting,
                true,
            ) => {
                mission.turn("restart", State::Unknown);
                mission.status.response_code = Some(ResponseCode::Unknown);
                mission.status.reason = Some(Reason::new(
                    "restarted",
                    "The dock's machine was restarted while take-off was being ordered. Whether it flies is not known.",
                ));
                mission.step(now, "unknown", Some("restarted".to_owned()));
            }
            // Nobody releases it any more, and nothing of it has left for take-off.
            (State::Prepared { .. }, false) if mission.is_released_by_another() => {
                let reason = restarted_before_take_off();
                mission.end(now, "restart", Verdict::Expired, Some(reason));
            }
            (State::Preparing | State::Starting | State::Unknown, false) => {
                let reason = restarted_before_take_off();
                mission.end(now, "restart", Verdict::Expired, Some(reason));
            }
            // Why it is unknown was told already.
            (State::Unknown, true)
            | (State::Scheduled | State::Prepared { .. }, false)
            | (State::Executing | State::Paused | State::Hovering | State::Ended, _) => {}
        }
        mission
    }

    /// What the caller sees.
    #[must_use]
    pub fn status(&self) -> &MissionStatus {
        &self.status
    }

    /// What was asked for.
    #[must_use]
    pub fn request(&self) -> &MissionRequest {
        &self.request
    }

    /// The state it is in, when it is one to be put on record and is not yet.
    pub fn take_state_for_record(&mut self) -> Option<MissionState> {
        let state = match self.status.state {
            state @ (MissionState::Prepared
            | MissionState::Ready
            | MissionState::Executing
            | MissionState::Paused
            | MissionState::Hovering
            | MissionState::Unknown) => state,
            // Told by the records of the mission itself, its orders and its outcome.
            MissionState::Scheduled
            | MissionState::Preparing
            | MissionState::Starting
            | MissionState::Ended => return None,
        };
        (std::mem::replace(&mut self.on_record, state) != state).then_some(state)
    }

    /// Take-off is not ordered after this.
    #[must_use]
    pub fn deadline(&self) -> MonoMs {
        self.deadline
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        *self.state == State::Ended
    }

    /// Whether it is paused in flight.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        *self.state == State::Paused
    }

    /// Whether nobody knows if it took off.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self.state == State::Unknown
    }

    /// The command that carries an order.
    #[must_use]
    pub fn order_of(&self, command_id: CommandId) -> Option<Order> {
        match command_id {
            id if self.prepare == Some(id) => Some(Order::Prepare),
            id if self.execute == Some(id) => Some(Order::Execute),
            _ => None,
        }
    }

    /// When the dock last said whether the flight goes on or is paused.
    #[must_use]
    pub fn reported_at(&self) -> Option<MonoMs> {
        self.reported_at
    }

    /// The command that carries the preparation.
    #[must_use]
    pub fn prepare_command(&self) -> Option<CommandId> {
        self.prepare
    }

    /// The command that carries the order to fly.
    #[must_use]
    pub fn execute_command(&self) -> Option<CommandId> {
        self.execute
    }

    /// An order was given as this command. Each is given once, unless nothing of it left.
    pub fn on_given(&mut self, now: Now, order: Order, command_id: CommandId) {
        match order {
            Order::Prepare => {
                self.prepare.get_or_insert(command_id);
                self.turn("prepare_ordered", State::Preparing);
                self.status.reason = None;
                self.step(now, "prepare", None);
            }
            Order::Execute => {
                self.execute.get_or_insert(command_id);
                self.turn("take_off_ordered", State::Starting);
                self.status.reason = None;
                self.step(now, "execute", None);
            }
        }
    }

    /// An order ended, or is unknown.
    pub fn on_order(&mut self, now: Now, order: Order, end: OrderEnd) -> Next {
        match (*self.state, order, end) {
            (State::Preparing, Order::Prepare, OrderEnd::Taken) => match self.request.plan.start {
                MissionStart::Immediate => Next::Give(Order::Execute),
                MissionStart::Timed { .. }
                | MissionStart::Conditional(_)
                | MissionStart::Released => self.prepared(now),
            },
            (State::Preparing, Order::Prepare, OrderEnd::Refused { verdict, reason }) => {
                self.end(now, "prepare_refused", verdict, Some(reason))
            }
            (State::Preparing, Order::Prepare, OrderEnd::Unknown(_)) => {
                let reason = Reason::new(
                    "lost_reply",
                    "The dock did not answer the preparation. Take-off was never ordered: nothing flies by this mission.",
                );
                self.end(now, "prepare_unanswered", Verdict::Expired, Some(reason))
            }
            (State::Preparing, Order::Prepare, OrderEnd::NotSent(reason))
            | (State::Starting, Order::Execute, OrderEnd::NotSent(reason)) => {
                self.wait_on(now, order, reason)
            }
            // It was unknown for a while: it is over rather than ordered a second time.
            (State::Unknown, Order::Execute, OrderEnd::NotSent(reason)) => {
                self.end(now, "take_off_not_sent", Verdict::Rejected, Some(reason))
            }
            (State::Starting | State::Unknown, Order::Execute, OrderEnd::Taken) => {
                self.execute_seen(now, "take_off_taken", "execute_taken");
                Next::Nothing
            }
            (
                State::Starting | State::Unknown,
                Order::Execute,
                OrderEnd::Refused { verdict, reason },
            ) => self.end(now, "take_off_refused", verdict, Some(reason)),
            (State::Starting, Order::Execute, OrderEnd::Unknown(reason)) => {
                self.turn("take_off_unanswered", State::Unknown);
                self.status.response_code = Some(ResponseCode::Unknown);
                self.status.reason = Some(reason);
                self.step(now, "unknown", None);
                Next::Nothing
            }
            // Progress has overtaken the order's own end.
            (
                State::Scheduled
                | State::Preparing
                | State::Prepared { .. }
                | State::Starting
                | State::Executing
                | State::Paused
                | State::Hovering
                | State::Unknown
                | State::Ended,
                _,
                _,
            ) => Next::Nothing,
        }
    }

    /// The dock asked for the file of this flight: once it has the order to fly, it carries it out.
    pub fn on_resource_request(&mut self, now: Now, reached: Reached) -> Next {
        self.step(now, "resource_get", None);
        self.heard(now);
        match *self.state {
            State::Starting if reached < Reached::Execute => Next::Nothing,
            State::Starting | State::Unknown => {
                self.execute_seen(now, "file_asked_for", "execute_observed");
                Next::ExecuteObserved
            }
            State::Scheduled
            | State::Preparing
            | State::Prepared { .. }
            | State::Executing
            | State::Paused
            | State::Hovering
            | State::Ended => Next::Nothing,
        }
    }

    /// The dock reported on this flight. The first final word stands; duplicates change nothing.
    /// Before the order to fly has left there is no flight to go on or to succeed, but the dock may
    /// give up what it prepares.
    pub fn on_progress(&mut self, now: Now, report: &FlighttaskProgress, reached: Reached) -> Next {
        let reached = self.reached_at_least(reached);
        let is_over = *self.state == State::Ended && !mutant::is(Mutant::SecondEnd);
        if is_over || reached == Reached::Nothing {
            return Next::Nothing;
        }
        let was_open = matches!(*self.state, State::Starting | State::Unknown);
        let interrupted = self.take_progress(report);
        let status = report.status();
        match report.verdict() {
            JobVerdict::Succeeded | JobVerdict::PartiallyDone | JobVerdict::Running
                if reached < Reached::Execute =>
            {
                Next::Nothing
            }
            JobVerdict::Succeeded => self.end_by_dock(now, "dock_done", Verdict::Ok, None),
            JobVerdict::PartiallyDone => {
                let reason = Reason::new("partially_done", "Only a part of the route was flown.");
                self.end_by_dock(now, "dock_did_a_part", Verdict::PartiallyDone, Some(reason))
            }
            JobVerdict::Failed { code, status } => {
                let (verdict, reason_code, what) = failure(status.as_ref());
                let reason = match code {
                    0 => Reason::new(reason_code, format!("{what}, without a code.")),
                    code => device_reason(reason_code, what, code),
                };
                self.end_by_dock(now, "dock_failed", verdict, Some(reason))
            }
            // A word that is not documented moves nothing; it is counted elsewhere.
            JobVerdict::Unknown => {
                self.is_unreadable = true;
                self.heard(now);
                Next::Nothing
            }
            JobVerdict::Running => {
                let paused = status == Some(&JobStatus::Paused) || interrupted;
                self.reported_at = Some(now.mono);
                self.is_unreadable = false;
                self.heard(now);
                self.under_way(now, paused);
                if was_open { Next::ExecuteObserved } else { Next::Nothing }
            }
        }
    }

    /// A person settled the unknown order to fly: it did not take off, or the mission is over by
    /// what they saw.
    pub fn on_settled(&mut self, now: Now, took_off: bool) -> Next {
        if *self.state != State::Unknown {
            return Next::Nothing;
        }
        let reason = Reason::new("resolved_by_person", "Settled by a person, on record.");
        if took_off {
            self.execute_seen(now, "person", "resolved");
            self.status.reason = Some(reason);
            return Next::Nothing;
        }
        self.end(now, "person", Verdict::Failed, Some(reason))
    }

    /// A mission under way has had its order to fly, whatever is still remembered of the command.
    fn reached_at_least(&self, reached: Reached) -> Reached {
        match *self.state {
            State::Executing | State::Paused | State::Hovering | State::Unknown => Reached::Execute,
            State::Scheduled
            | State::Preparing
            | State::Prepared { .. }
            | State::Starting
            | State::Ended => reached,
        }
    }

    /// Whether a person may say how it ended: take-off was ordered, and nothing else may ever tell.
    #[must_use]
    pub fn can_be_settled(&self) -> bool {
        match *self.state {
            State::Executing | State::Paused | State::Hovering | State::Unknown => true,
            State::Scheduled
            | State::Preparing
            | State::Prepared { .. }
            | State::Starting
            | State::Ended => false,
        }
    }

    /// A person says how it ended.
    pub fn on_resolved(&mut self, now: Now, resolution: &Resolution) -> Next {
        let verdict = match resolution.outcome {
            ResolvedOutcome::Succeeded => Verdict::Ok,
            ResolvedOutcome::Failed => Verdict::Failed,
        };
        self.step(
            now,
            "resolved",
            Some(format!("{}: {}", resolution.resolved_by, resolution.note)),
        );
        let reason = Reason::new("resolved_by_person", "Settled by a person, on record.");
        self.end(now, "person", verdict, Some(reason))
    }

    fn take_progress(&mut self, report: &FlighttaskProgress) -> bool {
        let Some(output) = &report.output else { return false };
        let progress = &mut self.status.progress;
        if let Some(step) = &output.progress {
            progress.percent = percent(step.percent).or(progress.percent);
            progress.current_step =
                step.current_step.as_ref().map(|step| step.code()).or(progress.current_step);
        }
        let Some(ext) = &output.ext else { return false };
        if let Some(point) = ext.break_point.as_ref().and_then(resume::break_point) {
            self.status.break_point = Some(point);
        }
        let state = ext.wayline_mission_state.as_ref().map(|state| state.code());
        progress.wayline_mission_state = state.or(progress.wayline_mission_state);
        progress.waypoint_index = ext
            .current_waypoint_index
            .and_then(|index| u32::try_from(index).ok())
            .or(progress.waypoint_index);
        progress.media_count =
            ext.media_count.and_then(|count| u32::try_from(count).ok()).or(progress.media_count);
        state == Some(WAYLINE_INTERRUPTED)
    }

    fn under_way(&mut self, now: Now, paused: bool) {
        // That a flight is under way does not say that it is on its way again.
        if *self.state == State::Hovering {
            return;
        }
        let (state, cause, word) = if paused {
            (State::Paused, "progress_paused", "paused")
        } else {
            (State::Executing, "progress", "executing")
        };
        if *self.state != state {
            self.turn(cause, state);
            self.status.response_code = None;
            self.status.reason = None;
            self.step(now, word, None);
        }
    }

    fn execute_seen(&mut self, now: Now, cause: &'static str, word: &str) {
        self.heard(now);
        self.turn(cause, State::Executing);
        self.status.response_code = None;
        self.status.reason = None;
        self.step(now, word, None);
    }

    /// The one place where the state changes.
    fn turn(&mut self, cause: &'static str, to: State) {
        self.state.go(cause, to);
        self.status.state = to.shown();
    }

    fn end_by_dock(
        &mut self,
        now: Now,
        cause: &'static str,
        verdict: Verdict,
        reason: Option<Reason>,
    ) -> Next {
        self.end(now, cause, verdict, reason);
        Next::EndedByDock
    }

    fn end(
        &mut self,
        now: Now,
        cause: &'static str,
        verdict: Verdict,
        reason: Option<Reason>,
    ) -> Next {
        self.turn(cause, State::Ended);
        self.status.verdict = Some(verdict);
        self.status.response_code = Some(verdict.response_code());
        let detail = reason.as_ref().map(|reason| reason.code.to_string());
        self.status.reason = reason;
        self.status.ended_ms = Some(now.wall);
        self.step(now, "ended", detail);
        Next::Ended
    }

    fn step(&mut self, now: Now, step: &str, detail: Option<String>) {
        let action_duration_ms = now.mono.since_ms(self.last_step);
        self.last_step = now.mono;
        let entry = Step { step: step.into(), at_ms: now.wall, action_duration_ms, detail };
        let steps = &mut self.status.steps;
        let is_full = steps.len() >= STEPS_MAX;
        match steps.last_mut() {
            // The end must always be seen.
            Some(last) if is_full => *last = entry,
            Some(_) | None => steps.push(entry),
        }
    }
}

fn restarted_before_take_off() -> Reason {
    Reason::new(
        "restarted",
        "The dock's machine was restarted before take-off was ordered: nothing flies by this mission.",
    )
}

fn failure(status: Option<&JobStatus>) -> (Verdict, &'static str, &'static str) {
    match status {
        Some(JobStatus::Canceled) => {
            (Verdict::Canceled, "device_canceled", "The dock cancelled it")
        }
        Some(JobStatus::Rejected) => (Verdict::Rejected, "device_refused", "The dock refused"),
        Some(JobStatus::Timeout) => {
            (Verdict::Timeout, "device_timeout", "The dock gave up on time")
        }
        Some(_) | None => (Verdict::Failed, "device_failed", "The dock tried and failed"),
    }
}

/// A percentage as whole number, 0–100; anything else is no percentage.
pub(crate) fn percent(value: Option<f64>) -> Option<u8> {
    let value = value.filter(|value| (0.0..=100.0).contains(value))?;
    // In range by the filter above; the fraction is of no interest.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(value as u8)
}

#[cfg(test)]
mod tests;
