//! Promises about single commands: sent once, within their life, one outcome that is true; and that
//! a counter-action leaves at once.

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::journal::Entry;
use fleet_sim::model::Outcome;
use fleet_types::{CommandId, CommandState, CommandStatus, WallMs, plan::MissionStart};

use super::Checker;
use super::heard::shows;
use crate::facts::{Cause, Fact};
use crate::plan::EPOCH_MS;
use crate::queue::Ms;
use crate::world::View;

/// Methods that bring an aircraft to rest or home.
pub(super) const COUNTER_ACTIONS: [&str; 2] = ["return_home", "flighttask_pause"];

/// What the tower does by itself: taking back what was only prepared.
const TAKES_BACK: [&str; 1] = ["flighttask_undo"];
/// How long that may be good.
const TAKE_BACK_MS: Ms = 60_000;

/// Longest that a packet may be on its way once it left the tower. The broker counts its life from
/// the moment it has it, so that both ways count, to the broker and from there: a connection that
/// stands still holds a packet until it is given up, and neither end can take it back.
fn transit_max_ms(view: &View<'_>) -> Ms {
    let net = &view.plan.net;
    2 * (net.base_ms + net.jitter_ms + net.spike_ms + 15_000)
}

/// What may leave again while nobody answers: the same again does no more than once.
pub(super) const HARMLESS: [&str; 7] = [
    "debug_mode_open",
    "debug_mode_close",
    "supplement_light_open",
    "supplement_light_close",
    "flighttask_undo",
    "flighttask_pause",
    "return_home",
];
/// Copies of one of those at most.
const COPIES_MAX: u64 = 3;

/// No command leaves a machine twice, under its own `tid` or another; what is harmless to repeat
/// leaves three times at most, under the one `tid`.
#[derive(Default)]
pub(super) struct SentOnce {
    tids: BTreeSet<String>,
    tid_of: BTreeMap<CommandId, (String, u64)>,
    judged: u64,
}

impl Checker for SentOnce {
    fn name(&self) -> &'static str {
        "a command is sent once"
    }

    fn note(&mut self, _view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Sent { sent, .. } = fact else { return Ok(()) };
        self.judged += 1;
        if let Some((tid, copies)) = self.tid_of.get_mut(&sent.command_id) {
            let is_harmless = HARMLESS.contains(&sent.method.as_str());
            if is_harmless && *tid == sent.tid && *copies < COPIES_MAX {
                *copies += 1;
                return Ok(());
            }
            return Err(format!("{} {} left again (first as {tid})", sent.method, sent.tid));
        }
        if !self.tids.insert(sent.tid.clone()) {
            return Err(format!("{} uses the tid {} of another", sent.method, sent.tid));
        }
        self.tid_of.insert(sent.command_id, (sent.tid.clone(), 1));
        Ok(())
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}

/// No command is written after its expiry, and none reaches a dock later than the network can hold
/// it.
#[derive(Default)]
pub(super) struct WithinLife {
    /// What people allowed, by the identity they gave.
    allowed: BTreeMap<String, Until>,
    written: BTreeMap<String, Ms>,
    judged: u64,
}

/// Until when something is allowed.
#[derive(Clone, Copy)]
struct Until {
    /// By the clock of the tower that took it, at which it was asked for; none when a time of day was
    /// named.
    asked: Option<(usize, Ms)>,
    /// A time of day, which each tower reads from its own clock.
    wall_ms: i64,
}

impl Until {
    fn moment(self, view: &View<'_>, tower: usize) -> Ms {
        match self.asked {
            Some((of, until)) if of == tower => until,
            Some(_) | None => {
                let skew_ms = view.plan.towers[tower].wall_skew_ms;
                Ms::try_from(self.wall_ms - EPOCH_MS - skew_ms).unwrap_or(0)
            }
        }
    }

    fn after(view: &View<'_>, tower: usize, life_ms: Ms) -> Self {
        let until = view.now + life_ms;
        let skew_ms = view.plan.towers[tower].wall_skew_ms;
        let wall_ms = EPOCH_MS.saturating_add_unsigned(until) + skew_ms;
        Self { asked: Some((tower, until)), wall_ms }
    }
}

impl Checker for WithinLife {
    fn name(&self) -> &'static str {
        "no command after its expiry"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::AskedCommand { request, tower, .. } => {
                let until = Until::after(view, *tower, request.expires_in_ms);
                self.allowed.insert(request.command_id.to_string(), until);
            }
            Fact::AskedMission { tower, request, .. } => {
                let moment = |wall: WallMs| Until { asked: None, wall_ms: wall.0 };
                let until = match &request.plan.start {
                    MissionStart::Timed { execute_ms } => moment(*execute_ms),
                    MissionStart::Conditional(ready) => moment(ready.end_ms),
                    MissionStart::Immediate | MissionStart::Released => {
                        Until::after(view, *tower, request.expires_in_ms)
                    }
                };
                self.allowed.insert(request.mission_id.to_string(), until);
            }
            Fact::Written(sent) if TAKES_BACK.contains(&sent.method.as_str()) => {
                self.judged += 1;
                let late_ms = view.now.saturating_sub(sent.expires);
                if late_ms > 0 || sent.expires > view.now + TAKE_BACK_MS {
                    return Err(format!(
                        "{} {} is good until {}",
                        sent.method, sent.tid, sent.expires
                    ));
                }
                self.written.insert(sent.tid.clone(), sent.expires);
            }
            Fact::Written(sent) => {
                self.judged += 1;
                let id = sent.flight_id.as_ref().unwrap_or(&sent.tid);
                let Some(until) = self.allowed.get(id).copied() else {
                    return Err(format!("{} {}: nobody asked for it", sent.method, sent.tid));
                };
                let until = until.moment(view, sent.tower);
                if view.now >= until {
                    let late_ms = view.now - until;
                    return Err(format!("{} {} left {late_ms} ms late", sent.method, sent.tid));
                }
                self.written.insert(sent.tid.clone(), until);
            }
            Fact::Arrived { dock, method, tid, .. } => {
                let Some(until) = self.written.get(*tid) else {
                    return Err(format!("dock {dock} got {method} {tid}, which nobody wrote"));
                };
                if view.now > until + transit_max_ms(view) {
                    let late_ms = view.now - until;
                    return Err(format!("dock {dock} got {method} {tid} {late_ms} ms late"));
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

/// A command has one outcome, and it agrees with what the device did.
#[derive(Default)]
pub(super) struct OneOutcome {
    outcomes: BTreeMap<CommandId, (usize, CommandState)>,
    committed: BTreeSet<CommandId>,
    settled: BTreeSet<CommandId>,
    /// What devices did, by `tid`: whether any copy was carried out, refused or ignored.
    done: BTreeMap<String, Vec<Outcome>>,
    sent_at: BTreeMap<CommandId, Ms>,
    judged: u64,
}

impl OneOutcome {
    /// An outcome by observation speaks of the state of things: it must have been seen since the
    /// command left, and an aircraft that is about to leave has not come home, unless it was out and
    /// came back since: then it leaves by a later order.
    fn is_seen(
        &self,
        view: &View<'_>,
        at: (usize, usize),
        status: &CommandStatus,
    ) -> Result<(), String> {
        let since = self.sent_at.get(&status.command_id).copied().unwrap_or(view.now);
        if !shows(view.heard, &status.method, at, since) {
            return Err("nothing that was heard since shows it".to_owned());
        }
        let model = &view.sites[at.1].model;
        let truth = model.ground_truth();
        let has_left = truth.flights().any(|(_, flight)| {
            flight.took_off_at.is_some_and(|took_off| took_off.mono_ms >= since)
        });
        let is_back = truth.flights().any(|(_, flight)| {
            flight.took_off_at.is_some()
                && flight.ended.is_some_and(|(ended, _)| ended.mono_ms >= since)
        });
        let has_left = has_left || is_back;
        let waits = model.is_working() && !model.is_airborne() && !has_left;
        if status.method == "return_home" && waits && !model.has_flown() {
            return Err("the aircraft is about to take off".to_owned());
        }
        Ok(())
    }

    fn agrees(&self, command_id: CommandId, state: CommandState) -> Result<(), String> {
        let done = self.done.get(&command_id.to_string()).map_or(&[][..], Vec::as_slice);
        let executed = done.contains(&Outcome::Executed);
        match state {
            // A device that only says yes is believed where nothing shows more.
            CommandState::Succeeded if done.is_empty() => Err("the dock never got it".to_owned()),
            CommandState::Succeeded
                if done.iter().all(|outcome| matches!(outcome, Outcome::Refused(_))) =>
            {
                Err("the dock refused it".to_owned())
            }
            CommandState::Rejected | CommandState::Expired if !done.is_empty() => {
                Err(format!("the dock got it: {done:?}"))
            }
            CommandState::Failed if done.is_empty() => Err("the dock never got it".to_owned()),
            CommandState::Failed if executed && done.len() == 1 => {
                Err("the dock carried it out".to_owned())
            }
            CommandState::Succeeded
            | CommandState::Failed
            | CommandState::Rejected
            | CommandState::Expired
            | CommandState::Accepted
            | CommandState::Journaled
            | CommandState::Sent
            | CommandState::Acknowledged
            | CommandState::Unknown => Ok(()),
        }
    }
}

impl Checker for OneOutcome {
    fn name(&self) -> &'static str {
        "one true outcome for a command"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Arrived { tid, outcome, method, .. } => {
                self.done.entry((*tid).to_owned()).or_default().push(*outcome);
                // What was told before must still be true.
                let told = tid
                    .parse()
                    .ok()
                    .map(CommandId)
                    .and_then(|id| Some((id, self.outcomes.get(&id)?.1)));
                if let Some((id, state @ (CommandState::Rejected | CommandState::Expired))) = told
                    && !self.settled.contains(&id)
                {
                    return Err(format!(
                        "{method} {tid} was told as {state:?}, and the dock got it"
                    ));
                }
            }
            Fact::Committed { record, .. } => {
                if let Entry::CommandOutcome { command_id, state, .. } = &record.entry
                    && state.is_final()
                {
                    self.committed.insert(*command_id);
                }
            }
            // Told and not yet recorded, it may be unknown again to a tower that lost its memory.
            Fact::Made { dock, .. } => {
                let committed = &self.committed;
                self.outcomes.retain(|id, (of, _)| of != dock || committed.contains(id));
            }
            Fact::Sent { sent, .. } => {
                // What is heard after its first copy may be its effect.
                self.sent_at.entry(sent.command_id).or_insert(view.now);
            }
            Fact::Command { status, cause, tower, dock } if status.state.is_final() => {
                let id = status.command_id;
                if *cause == Cause::Resolution {
                    self.settled.insert(id);
                }
                if let Some((_, before)) = self.outcomes.insert(id, (*dock, status.state)) {
                    let (method, now) = (&status.method, status.state);
                    if before != now {
                        return Err(format!("{method} {id} was {before:?} and is {now:?}"));
                    }
                    return Ok(());
                }
                self.judged += 1;
                // What is told again from the record was judged when it was told first.
                if !self.settled.contains(&id) && *cause != Cause::Restart {
                    let is_observed = status.mission_id.is_none()
                        && status.reason.as_ref().is_some_and(|reason| reason.code == "observed");
                    let told = if is_observed {
                        self.is_seen(view, (*tower, *dock), status)
                    } else {
                        self.agrees(id, status.state)
                    };
                    return told.map_err(|truth| {
                        let (method, state) = (&status.method, status.state);
                        format!("{method} {id} is told as {state:?} by {cause:?}, but {truth}")
                    });
                }
            }
            Fact::Command { status, .. } => {
                if let Some((_, before)) = self.outcomes.get(&status.command_id) {
                    let (method, id) = (&status.method, status.command_id);
                    let state = status.state;
                    return Err(format!("{method} {id} was {before:?} and is {state:?} again"));
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

/// A counter-action is handed to the link in the moment it is asked for, whatever else is broken.
#[derive(Default)]
pub(super) struct CounterActions {
    /// Asked for and not yet sent, by `tid`.
    waiting: BTreeMap<String, Ms>,
    judged: u64,
}

/// How long a counter-action may take from the person's click to the link.
const BOUND_MS: Ms = 50;

impl CounterActions {
    fn check(&self, now: Ms) -> Result<(), String> {
        match self.waiting.iter().find(|(_, asked)| now > *asked + BOUND_MS) {
            Some((tid, asked)) => Err(format!("{tid}, asked for at {asked} ms, did not leave")),
            None => Ok(()),
        }
    }
}

impl Checker for CounterActions {
    fn name(&self) -> &'static str {
        "a counter-action leaves at once"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::AskedCommand { request, .. }
                if COUNTER_ACTIONS.contains(&request.method.as_str()) =>
            {
                self.waiting.insert(request.command_id.to_string(), view.now);
            }
            Fact::Sent { sent, .. } if self.waiting.remove(&sent.tid).is_some() => {
                self.judged += 1;
            }
            Fact::KnownAlready(id) if !self.waiting.contains_key(&id.to_string()) => {
                self.waiting.clear();
            }
            // Asked a second time under the same key: the first is what is told, and it has left.
            Fact::Command { status, cause: Cause::Request, .. } if status.counter_action => {
                let is_refusal = status.state == CommandState::Rejected;
                let is_other = !self.waiting.contains_key(&status.command_id.to_string());
                if is_other && !is_refusal {
                    self.waiting.clear();
                }
            }
            _ => {}
        }
        self.check(view.now)
    }

    fn at_end(&mut self, view: &View<'_>) -> Result<(), String> {
        self.check(view.now + BOUND_MS + 1)
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}
