//! One command's life: `accepted → journaled → sent → acknowledged → succeeded | failed | …`.
//!
//! Pure: time and events come in, [`Effect`]s go out. What it refuses to do: send twice what is not
//! marked harmless to repeat (take-off never is), turn silence into an outcome (silence is
//! `unknown`), or believe a bare `result 0` where the device's telemetry can show the effect.
//! An unknown command is closed by the device's later word, by what telemetry shows, or by a
//! person; never by time. A command that is harmless to repeat leaves again, the same under the same
//! `tid`, while nobody answers, nothing else was ordered since and its life is not over. Read next:
//! [`crate::mission`].

use dji_cloud::reply::{Answer, JobStatus, Verdict};
use fleet_types::{
    CommandRequest, CommandState, CommandStatus, MissionId, MonoMs, Now, Reason, ResponseCode,
    WallMs,
    command::{Progress, Resolution, ResolvedOutcome, Step},
};

use crate::{
    io::JournalId,
    machine::Tabled,
    mutant::{self, Mutant},
    spec::{Completion, Spec},
};

pub use state::MACHINE;
use state::{Outcome, State};

/// Most steps kept of one command.
const STEPS_MAX: usize = 64;
/// How long telemetry may take to show what the device says it did. Docks report at 0.5 Hz.
const EFFECT_TIMEOUT_MS: u64 = 15_000;

/// DJI's code for "the task is already running". A broker delivers an order again that it has no
/// acknowledgement of; that the second copy is refused so does not mean that nothing flies.
const FLIES_ALREADY: i64 = 321_257;

/// Copies of a command that may leave after the first, where it is harmless to repeat.
pub(crate) const REPEATS_MAX: u8 = 2;

/// What the owner of the command has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Put the command on record; answer with [`Command::on_journaled`].
    Journal,
    /// Publish it; answer with [`Command::on_fate`].
    Send {
        /// Not after this.
        expires: MonoMs,
    },
    /// The status changed; `outcome` says whether it is worth a journal record.
    Changed {
        /// A final state, or unknown.
        outcome: bool,
    },
}

/// Progress of the job behind a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobReport {
    /// What the message means.
    pub verdict: Verdict,
    /// How far the job is.
    pub progress: Progress,
}

/// One command.
#[derive(Clone, Debug)]
pub struct Command {
    request: CommandRequest,
    spec: Spec,
    state: Tabled<State>,
    status: CommandStatus,
    journal_id: Option<JournalId>,
    expires: MonoMs,
    left_at: Option<MonoMs>,
    last_step: MonoMs,
    /// Copies that left after the first.
    repeats: u8,
    /// Copies that still may.
    repeats_left: u8,
    /// A broker may have delivered it more than once: the dock's connection was made anew since it
    /// left, or nobody knows what came before.
    may_be_doubled: bool,
}

impl Command {
    /// Takes a request that was checked. A counter-action is to be sent at once and recorded after;
    /// anything else is to be recorded first.
    #[must_use]
    pub fn accept(
        now: Now,
        request: CommandRequest,
        spec: Spec,
        mission_id: Option<MissionId>,
    ) -> (Self, Vec<Effect>) {
        let mut command = Self::new(now, request, spec, mission_id);
        let (expires, counter_action) = (command.expires, command.spec.counter_action);
        let changed = Effect::Changed { outcome: false };
        if mutant::is(Mutant::JournalAfterSend)
            || counter_action && !mutant::is(Mutant::CounterWaitsForJournal)
        {
            command.state.go("counter_action", command.sending());
            return (command, vec![Effect::Send { expires }, Effect::Journal, changed]);
        }
        (command, vec![Effect::Journal, changed])
    }

    fn new(now: Now, request: CommandRequest, spec: Spec, mission_id: Option<MissionId>) -> Self {
        let lifetime_ms = request.expires_in_ms;
        let status = CommandStatus {
            command_id: request.command_id,
            trace_id: request.trace_id,
            request_id: request.request_id,
            request_code: format!("service_platform.command.{}", request.method),
            sn: request.sn.clone(),
            method: request.method.clone(),
            mission_id,
            idempotency_key: request.idempotency_key.clone(),
            issued_by: request.issued_by.clone(),
            state: CommandState::Accepted,
            response_code: None,
            reason: None,
            progress: None,
            counter_action: spec.counter_action,
            accepted_ms: now.wall,
            expires_ms: WallMs(now.wall.0.saturating_add_unsigned(lifetime_ms)),
            steps: Vec::new(),
        };
        let repeats_left = if spec.repeatable { REPEATS_MAX } else { 0 };
        let mut command = Self {
            request,
            spec,
            state: Tabled::new(State::Journaling),
            status,
            journal_id: None,
            expires: now.mono.after_ms(lifetime_ms),
            left_at: None,
            last_step: now.mono,
            repeats: 0,
            repeats_left,
            may_be_doubled: false,
        };
        command.step(now, "accepted", None);
        command
    }

    /// A request refused before anything left: kept as a status, so that the refusal is seen.
    #[must_use]
    pub fn refuse(now: Now, request: CommandRequest, spec: Spec, reason: Reason) -> Self {
        let mut command = Self::new(now, request, spec, None);
        command.finish(now, "refused", Outcome::Rejected, ResponseCode::Rejected, Some(reason));
        command
    }

    /// Takes up a command whose machine was lost. What had not left certainly did not leave; what
    /// may have left is unknown. Nothing is sent again: `data` only tells the same intention again.
    #[must_use]
    pub fn restore(now: Now, spec: Spec, status: CommandStatus, data: serde_json::Value) -> Self {
        let request = CommandRequest {
            command_id: status.command_id,
            trace_id: status.trace_id,
            request_id: status.request_id,
            sn: status.sn.clone(),
            method: status.method.clone(),
            data,
            idempotency_key: status.idempotency_key.clone(),
            expires_in_ms: 0,
            issued_by: status.issued_by.clone(),
        };
        let (expires, last_step) = (now.mono, now.mono);
        // What a machine before this one sent is never sent again. How many copies it sent of what may
        // be repeated is not known: what the link says of one is nothing about the others.
        let repeats = u8::from(spec.repeatable);
        let counter_action = status.counter_action;
        let mut command = Self {
            request,
            spec,
            state: Tabled::new(State::on_record(now, status.state, counter_action)),
            status,
            journal_id: None,
            expires,
            left_at: None,
            last_step,
            repeats,
            repeats_left: 0,
            may_be_doubled: true,
        };
        match *command.state {
            State::Journaling => {
                command.reject_unsent(
                    now,
                    "restart",
                    "restarted",
                    "The dock's machine was restarted before the command left: it was not sent.",
                );
            }
            State::Sending { .. } | State::Sent { .. } | State::Acknowledged { .. } => {
                // Only what is heard from now on can prove anything.
                command.left_at = Some(now.mono);
                let was_taken = command.is_acknowledged();
                command.become_unknown(
                    now,
                    "restart",
                    was_taken,
                    "restarted",
                    "The dock's machine was restarted while the command was under way. Whether the dock followed it is not known.",
                );
            }
            // Why it is unknown was told already. Of those that ended so, the device has spoken: they
            // have left.
            State::Unknown { .. } | State::Final(Outcome::Succeeded | Outcome::Failed) => {
                command.left_at = Some(now.mono);
            }
            State::Final(Outcome::Rejected | Outcome::Expired) => {}
        }
        command
    }

    /// What the caller sees.
    #[must_use]
    pub fn status(&self) -> &CommandStatus {
        &self.status
    }

    /// What was asked for.
    #[must_use]
    pub fn request(&self) -> &CommandRequest {
        &self.request
    }

    /// What its method is.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// When it left, as far as known; telemetry older than this proves nothing.
    #[must_use]
    pub fn left_at(&self) -> Option<MonoMs> {
        self.left_at
    }

    /// Whether nothing more can happen.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(*self.state, State::Final(_))
    }

    /// Whether it left and nobody knows what became of it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(*self.state, State::Unknown { .. })
    }

    /// Whether the device answered that it took it, and its end is due.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        matches!(*self.state, State::Acknowledged { .. })
    }

    /// Whether it is over and not a byte of it reached the device.
    #[must_use]
    pub fn certainly_not_delivered(&self) -> bool {
        match self.status.state {
            CommandState::Rejected | CommandState::Expired => true,
            CommandState::Accepted
            | CommandState::Journaled
            | CommandState::Sent
            | CommandState::Acknowledged
            | CommandState::Unknown
            | CommandState::Succeeded
            | CommandState::Failed => false,
        }
    }

    /// Whether it left and its answer is due.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(*self.state, State::Sent { .. })
    }

    /// Whether the device may have it: what is said of a command that has not left is not about it.
    #[must_use]
    pub fn may_have_left(&self) -> bool {
        match &*self.state {
            State::Journaling => false,
            State::Sending { .. }
            | State::Sent { .. }
            | State::Acknowledged { .. }
            | State::Unknown { .. } => true,
            State::Final(_) => self.left_at.is_some(),
        }
    }

    /// Names the journal write that this command waits for.
    pub fn set_journal_id(&mut self, journal_id: JournalId) {
        self.journal_id = Some(journal_id);
    }

    /// The journal write this command waits for.
    #[must_use]
    pub fn journal_id(&self) -> Option<JournalId> {
        self.journal_id
    }

    /// When [`Self::on_timeout`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<MonoMs> {
        match &*self.state {
            State::Journaling => Some(self.expires),
            State::Sent { reply_deadline } => Some(*reply_deadline),
            State::Sending { deadline } | State::Acknowledged { deadline } => Some(*deadline),
            State::Unknown { .. } if mutant::is(Mutant::UnknownByTimer) => {
                Some(self.last_step.after_ms(10_000))
            }
            // Unknown has no timer.
            State::Unknown { .. } | State::Final(_) => None,
        }
    }

    /// The record is safe: the command may leave, if `refusal` finds nothing against it now.
    pub fn on_journaled(&mut self, now: Now, refusal: Option<Reason>) -> Vec<Effect> {
        if *self.state != State::Journaling {
            self.step(now, "journaled", None);
            return vec![Effect::Changed { outcome: false }];
        }
        if now.mono >= self.expires {
            return self.expire(now, "time_up");
        }
        if let Some(reason) = refusal {
            let code = ResponseCode::Rejected;
            return self.finish(now, "refused", Outcome::Rejected, code, Some(reason));
        }
        self.state.go("on_record", self.sending());
        self.status.state = CommandState::Journaled;
        self.step(now, "journaled", None);
        vec![Effect::Send { expires: self.expires }, Effect::Changed { outcome: false }]
    }

    /// The record could not be made: an ordinary command is refused, a counter-action goes on.
    pub fn on_journal_failed(&mut self, now: Now) -> Vec<Effect> {
        if *self.state != State::Journaling {
            self.step(now, "journal_failed", None);
            return vec![Effect::Changed { outcome: false }];
        }
        let reason = Reason::new(
            "journal_down",
            "The command could not be put on record, so it was not sent. Restore the database and ask again.",
        );
        self.finish(now, "no_record", Outcome::Rejected, ResponseCode::Rejected, Some(reason))
    }

    /// Something else was ordered of the device: the same again might undo it.
    pub fn on_overtaken(&mut self) {
        self.repeats_left = 0;
    }

    /// The device made its connection anew: the broker delivers once more what it has no
    /// acknowledgement of.
    pub fn on_device_came_back(&mut self) {
        self.may_be_doubled |= self.may_have_left();
    }

    /// The device answered with our `tid` and method. Duplicates and answers after the end change
    /// nothing; a late answer closes an unknown command.
    pub fn on_answer(&mut self, now: Now, answer: &Answer) -> Vec<Effect> {
        match &*self.state {
            State::Sending { .. } | State::Sent { .. } | State::Unknown { .. } => {}
            State::Journaling | State::Acknowledged { .. } | State::Final(_) => return Vec::new(),
        }
        self.left_at.get_or_insert(now.mono);
        match (answer, self.spec.completion) {
            (Answer::Unknown, _) => self.become_unknown(
                now,
                "answer_unclear",
                true,
                "lost_reply",
                "The dock answered without a readable result. Whether it acts is not known.",
            ),
            (Answer::Accepted(_), Completion::Answer) => {
                self.step(now, "acknowledged", None);
                self.finish(now, "answer_yes", Outcome::Succeeded, ResponseCode::Ok, None)
            }
            (Answer::Accepted(_), Completion::Job | Completion::Effect) => {
                self.acknowledge(now, "answer_yes")
            }
            (Answer::Rejected { code: FLIES_ALREADY, .. }, _) if self.is_take_off() => self
                .become_unknown(
                    now,
                    "answer_unclear",
                    true,
                    "lost_reply",
                    "The dock says that the flight is under way already: an earlier copy of the order reached it. Its progress tells what becomes of it.",
                ),
            // Whatever the code: a dock that flies by the first copy refuses the second.
            (Answer::Rejected { .. }, _) if self.is_take_off() && self.may_be_doubled => self
                .become_unknown(
                    now,
                    "answer_unclear",
                    true,
                    "lost_reply",
                    "The dock refused the order to fly, but it may have had it twice and follow the first. Its progress tells what becomes of it, or a person settles it.",
                ),
            (Answer::Rejected { code, .. }, _) => {
                self.step(now, "acknowledged", Some(format!("result {code}")));
                let reason = device_reason("device_refused", "The dock refused", *code);
                let code = ResponseCode::Rejected;
                self.finish(now, "answer_no", Outcome::Failed, code, Some(reason))
            }
        }
    }

    /// The job behind the command reported. For a command that has no job this means nothing.
    pub fn on_job(&mut self, now: Now, report: &JobReport) -> Vec<Effect> {
        if !self.is_open_at_device() || self.spec.completion != Completion::Job {
            return Vec::new();
        }
        self.left_at.get_or_insert(now.mono);
        match &report.verdict {
            Verdict::Succeeded => {
                let progress = Progress { percent: Some(100), ..report.progress.clone() };
                self.status.progress = Some(progress);
                self.finish(now, "job_done", Outcome::Succeeded, ResponseCode::Ok, None)
            }
            Verdict::Failed { code, status } => self.fail_job(now, status.as_ref(), *code),
            Verdict::PartiallyDone => {
                let reason = Reason::new("partially_done", "The dock did a part of it.");
                let code = ResponseCode::Failed;
                self.finish(now, "job_failed", Outcome::Failed, code, Some(reason))
            }
            Verdict::Running => {
                self.take_up(now);
                self.show_progress(now, &report.progress)
            }
            // Words that nobody understands may be shown; they neither prove nor prolong anything.
            Verdict::Unknown if self.is_acknowledged() => self.show_progress(now, &report.progress),
            Verdict::Unknown => Vec::new(),
        }
    }

    /// Telemetry heard after the command left shows its effect.
    pub fn on_effect_seen(&mut self, now: Now) -> Vec<Effect> {
        match &*self.state {
            // Before an answer the same state may have had another cause.
            State::Journaling | State::Sending { .. } | State::Sent { .. } | State::Final(_) => {
                Vec::new()
            }
            State::Acknowledged { .. } => match self.spec.completion {
                // A job's own word is worth more than a glimpse of its middle.
                Completion::Answer | Completion::Job => Vec::new(),
                Completion::Effect => {
                    self.step(now, "observed", None);
                    self.finish(now, "effect_seen", Outcome::Succeeded, ResponseCode::Ok, None)
                }
            },
            State::Unknown { .. } => {
                self.step(now, "observed", None);
                let reason = Reason::new(
                    "observed",
                    "No complete answer came, but telemetry shows that it was carried out.",
                );
                let code = ResponseCode::Ok;
                self.finish(now, "effect_seen", Outcome::Succeeded, code, Some(reason))
            }
        }
    }

    /// Something else of the device's proves that it follows the command (a flight's progress proves
    /// the order to fly).
    pub fn on_observed(&mut self, now: Now) -> Vec<Effect> {
        if !self.is_open_at_device() {
            return Vec::new();
        }
        self.left_at.get_or_insert(now.mono);
        self.step(now, "observed", None);
        let reason = Reason::new("observed", "No answer came, but the device acts on it.");
        self.finish(now, "observed", Outcome::Succeeded, ResponseCode::Ok, Some(reason))
    }

    /// Something else of the device's proves that it refused the command (a flight that is over as
    /// rejected).
    pub fn on_refusal_observed(&mut self, now: Now, reason: Option<Reason>) -> Vec<Effect> {
        if !self.is_open_at_device() {
            return Vec::new();
        }
        self.left_at.get_or_insert(now.mono);
        self.step(now, "observed", None);
        self.finish(now, "refusal_observed", Outcome::Failed, ResponseCode::Rejected, reason)
    }

    /// A person settles it. Only an unknown command can be settled.
    pub fn on_resolved(&mut self, now: Now, resolution: &Resolution) -> Vec<Effect> {
        if !self.is_unknown() {
            return Vec::new();
        }
        let detail = format!("{}: {}", resolution.resolved_by, resolution.note);
        self.step(now, "resolved", Some(detail));
        let reason = Reason::new("resolved_by_person", "Settled by a person, on record.");
        let (outcome, code) = match resolution.outcome {
            ResolvedOutcome::Succeeded => (Outcome::Succeeded, ResponseCode::Ok),
            ResolvedOutcome::Failed => (Outcome::Failed, ResponseCode::Failed),
        };
        self.finish(now, "person", outcome, code, Some(reason))
    }

    /// A deadline passed. `may_repeat`: nothing stands against the command now, so that it may leave
    /// again if it is harmless to repeat.
    pub fn on_timeout(&mut self, now: Now, may_repeat: bool) -> Vec<Effect> {
        if self.deadline().is_none_or(|deadline| now.mono < deadline) {
            return Vec::new();
        }
        match &*self.state {
            State::Journaling => self.expire(now, "time_up"),
            State::Sending { .. } => {
                self.left_at.get_or_insert(now.mono);
                self.become_unknown(
                    now,
                    "silence",
                    false,
                    "send_lost",
                    "The connection to the broker never told what became of the command. Whether the dock got it is not known.",
                )
            }
            State::Sent { .. } if self.is_sent_again() => {
                self.state.go("repeat", self.sending());
                vec![Effect::Send { expires: self.expires.after_ms(60_000) }]
            }
            State::Sent { .. } if mutant::is(Mutant::SilenceIsFailure) => {
                self.finish(now, "planted", Outcome::Failed, ResponseCode::Failed, None)
            }
            State::Sent { .. } if mutant::is(Mutant::SilenceIsSuccess) => {
                self.finish(now, "planted", Outcome::Succeeded, ResponseCode::Ok, None)
            }
            State::Sent { .. } if may_repeat && self.is_repeated(now) => {
                self.repeats_left -= 1;
                self.repeats += 1;
                self.state.go("repeat", self.sending());
                self.step(now, "repeat", None);
                let expires = self.expires;
                vec![Effect::Send { expires }, Effect::Changed { outcome: false }]
            }
            State::Sent { .. } => self.become_unknown(
                now,
                "silence",
                false,
                "lost_reply",
                "The dock did not answer in time. Whether it acts is not known; the command is not sent again by itself.",
            ),
            State::Acknowledged { .. } => match self.spec.completion {
                Completion::Answer | Completion::Job => self.become_unknown(
                    now,
                    "silence",
                    true,
                    "lost_reply",
                    "The dock took the command but never reported its end.",
                ),
                Completion::Effect => self.become_unknown(
                    now,
                    "silence",
                    true,
                    "no_effect",
                    "The dock said yes, but its telemetry does not show the effect.",
                ),
            },
            State::Unknown { .. } if mutant::is(Mutant::UnknownByTimer) => {
                self.finish(now, "planted", Outcome::Failed, ResponseCode::Failed, None)
            }
            State::Unknown { .. } | State::Final(_) => Vec::new(),
        }
    }

    fn is_repeated(&self, now: Now) -> bool {
        self.spec.repeatable && self.repeats_left > 0 && now.mono < self.expires
    }

    /// A planted defect: what is not harmless to repeat is sent again.
    fn is_sent_again(&self) -> bool {
        mutant::is(Mutant::NewTidOnRetry)
            || mutant::is(Mutant::RetryTakeOff) && self.spec.method == "flighttask_execute"
    }

    /// The link answers for what it was handed until its time is over; some time later its silence
    /// is a silence like the dock's.
    fn sending(&self) -> State {
        State::Sending { deadline: self.expires.after_ms(self.spec.reply_timeout_ms) }
    }

    fn is_take_off(&self) -> bool {
        self.spec.method == "flighttask_execute"
    }

    fn is_open_at_device(&self) -> bool {
        !self.is_final() && self.may_have_left()
    }

    fn acknowledge(&mut self, now: Now, cause: &'static str) -> Vec<Effect> {
        let timeout_ms = match self.spec.completion {
            Completion::Effect => EFFECT_TIMEOUT_MS,
            Completion::Answer | Completion::Job => self.spec.job_timeout_ms,
        };
        let deadline = now.mono.after_ms(timeout_ms);
        self.state.go(cause, State::Acknowledged { deadline });
        self.status.state = CommandState::Acknowledged;
        self.status.response_code = None;
        self.status.reason = None;
        self.step(now, "acknowledged", None);
        vec![Effect::Changed { outcome: false }]
    }

    /// A report proves that the device took the command, even where its answer was lost.
    fn take_up(&mut self, now: Now) {
        if self.is_acknowledged() {
            let deadline = now.mono.after_ms(self.spec.job_timeout_ms);
            self.state.go("job_runs", State::Acknowledged { deadline });
        } else {
            self.acknowledge(now, "job_runs");
        }
    }

    fn show_progress(&mut self, now: Now, progress: &Progress) -> Vec<Effect> {
        if self.status.progress.as_ref() == Some(progress) {
            return Vec::new();
        }
        self.status.progress = Some(progress.clone());
        let percent = progress.percent.map(|percent| format!("{percent} %"));
        let detail: Vec<_> = percent.into_iter().chain(progress.step_key.clone()).collect();
        self.step(now, "progress", Some(detail.join(" ")));
        vec![Effect::Changed { outcome: false }]
    }

    fn fail_job(&mut self, now: Now, status: Option<&JobStatus>, code: i64) -> Vec<Effect> {
        let (reason_code, what) = match status {
            Some(JobStatus::Canceled) => ("device_canceled", "The dock cancelled it"),
            Some(JobStatus::Timeout) => ("device_timeout", "The dock gave up on time"),
            Some(_) | None => ("device_failed", "The dock tried and failed"),
        };
        let reason = match code {
            0 => Reason::new(reason_code, format!("{what}, without a code.")),
            code => device_reason(reason_code, what, code),
        };
        self.finish(now, "job_failed", Outcome::Failed, ResponseCode::Failed, Some(reason))
    }

    fn reject_unsent(
        &mut self,
        now: Now,
        cause: &'static str,
        code: &'static str,
        text: &'static str,
    ) -> Vec<Effect> {
        let reason = Reason::new(code, text);
        self.finish(now, cause, Outcome::Rejected, ResponseCode::Rejected, Some(reason))
    }

    fn expire(&mut self, now: Now, cause: &'static str) -> Vec<Effect> {
        let reason = Reason::new("expired", "Its time ran out before it left: it was not sent.");
        self.finish(now, cause, Outcome::Expired, ResponseCode::Expired, Some(reason))
    }

    fn become_unknown(
        &mut self,
        now: Now,
        cause: &'static str,
        device_spoke: bool,
        code: &'static str,
        text: &'static str,
    ) -> Vec<Effect> {
        if let State::Unknown { device_spoke: spoke } = *self.state {
            self.state.go(cause, State::Unknown { device_spoke: spoke || device_spoke });
            return Vec::new();
        }
        self.state.go(cause, State::Unknown { device_spoke });
        self.status.state = CommandState::Unknown;
        self.status.response_code = Some(ResponseCode::Unknown);
        self.status.reason = Some(Reason::new(code, text));
        self.step(now, "unknown", Some(code.into()));
        vec![Effect::Changed { outcome: true }]
    }

    fn finish(
        &mut self,
        now: Now,
        cause: &'static str,
        outcome: Outcome,
        response: ResponseCode,
        reason: Option<Reason>,
    ) -> Vec<Effect> {
        self.state.go(cause, State::Final(outcome));
        self.status.state = outcome.shown();
        self.status.response_code = Some(response);
        let detail = reason.as_ref().map(|reason| reason.code.to_string());
        self.status.reason = reason;
        self.step(now, "finished", detail);
        vec![Effect::Changed { outcome: true }]
    }

    fn step(&mut self, now: Now, step: &str, detail: Option<String>) {
        let action_duration_ms = now.mono.since_ms(self.last_step);
        self.last_step = now.mono;
        let entry = Step { step: step.into(), at_ms: now.wall, action_duration_ms, detail };
        let steps = &mut self.status.steps;
        let is_full = steps.len() >= STEPS_MAX;
        match steps.last_mut() {
            // A long job reports often; its last report says all.
            Some(last) if last.step == "progress" && step == "progress" => {
                let duration_ms = last.action_duration_ms + entry.action_duration_ms;
                *last = Step { action_duration_ms: duration_ms, ..entry };
            }
            Some(last) if is_full => *last = entry,
            Some(_) | None => steps.push(entry),
        }
    }
}

/// A reason that carries the device's code and, where known, its meaning.
#[must_use]
pub fn device_reason(code: &'static str, what: &str, device_code: i64) -> Reason {
    let mut reason = match dji_cloud::error_code::describe(device_code) {
        Some(text) => {
            let mut reason = Reason::new(code, format!("{what} (code {device_code}): {}", text.en));
            reason.message_ko = Some(text.ko.into());
            reason
        }
        None => Reason::new(code, format!("{what} (code {device_code}).")),
    };
    reason.device_code = Some(device_code);
    reason
}

mod fate;
mod state;
#[cfg(test)]
mod tests;
