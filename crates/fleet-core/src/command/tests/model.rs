//! The reference: a command as what is known of it, and a state worked out from that. There is no
//! machine here and no state is kept; what closed it is the first fact that closes anything.

use proptest::prelude::*;

use super::{CommandState, EVENTS, Event, LIFE_MS, SendFate, command, happen_at, now};
use crate::{command::EFFECT_TIMEOUT_MS, spec::Completion};

/// What is known of one command.
#[derive(Clone, Debug)]
struct Known {
    completion: Completion,
    reply_ms: u64,
    job_ms: u64,
    /// It was handed to the link: its record is safe, or it needed none.
    handed: bool,
    /// The link wrote it.
    written: bool,
    /// The device took it, and has not been silent since for too long.
    taken: bool,
    /// The device said something of it, were it only mumbling.
    spoken: bool,
    /// Nobody knows any more.
    lost: bool,
    closed: Option<CommandState>,
    /// When silence becomes too long.
    due: Option<u64>,
}

impl Known {
    fn state(&self) -> CommandState {
        let open = [
            (!self.handed, CommandState::Accepted),
            (self.lost, CommandState::Unknown),
            (self.taken, CommandState::Acknowledged),
            (self.written, CommandState::Sent),
        ];
        let first = open.into_iter().find(|(holds, _)| *holds).map(|(_, state)| state);
        self.closed.or(first).unwrap_or(CommandState::Journaled)
    }

    fn close(&mut self, state: CommandState) {
        self.closed.get_or_insert(state);
        self.due = None;
    }

    fn lose(&mut self, spoken: bool) {
        self.lost = true;
        self.taken = false;
        self.spoken |= spoken;
        self.due = None;
    }

    fn take(&mut self, at: u64) {
        (self.taken, self.lost, self.spoken) = (true, false, true);
        let patience_ms = match self.completion {
            Completion::Effect => EFFECT_TIMEOUT_MS,
            Completion::Answer | Completion::Job => self.job_ms,
        };
        self.due = Some(at + patience_ms);
    }

    fn hand(&mut self) {
        self.handed = true;
        self.due = Some(LIFE_MS + self.reply_ms);
    }

    /// Time has come to `at`.
    fn pass(&mut self, at: u64) {
        if self.due.is_none_or(|due| at < due) || self.closed.is_some() {
            return;
        }
        if self.handed { self.lose(self.taken) } else { self.close(CommandState::Expired) }
    }

    fn learn(&mut self, at: u64, event: Event) {
        if self.closed.is_some() {
            return;
        }
        match event {
            Event::Journaled if !self.handed && at >= LIFE_MS => self.close(CommandState::Expired),
            Event::Journaled if !self.handed => self.hand(),
            Event::JournalFailed if !self.handed => self.close(CommandState::Rejected),
            // Of what was not handed out nobody can know anything.
            _ if !self.handed => {}
            Event::Journaled | Event::JournalFailed | Event::JobMumbles => {}
            Event::Fate(fate) => self.hear_link(at, fate),
            // One answer is enough, unless it has been forgotten by silence.
            Event::Yes | Event::No | Event::Mumble if self.taken => {}
            Event::Yes if self.completion == Completion::Answer => {
                self.close(CommandState::Succeeded);
            }
            Event::Yes => self.take(at),
            Event::No => self.close(CommandState::Failed),
            Event::Mumble => self.lose(true),
            Event::JobRuns | Event::JobOk | Event::JobFails
                if self.completion != Completion::Job => {}
            Event::JobRuns => self.take(at),
            Event::JobOk | Event::Observed => self.close(CommandState::Succeeded),
            Event::JobFails | Event::RefusalObserved => self.close(CommandState::Failed),
            Event::EffectSeen => {
                if self.lost || self.taken && self.completion == Completion::Effect {
                    self.close(CommandState::Succeeded);
                }
            }
            Event::Settled if self.lost => self.close(CommandState::Failed),
            Event::Settled => {}
        }
    }

    /// The link knows something only as long as the device has not spoken.
    fn hear_link(&mut self, at: u64, fate: SendFate) {
        if self.taken || self.lost && self.spoken {
            return;
        }
        let may_be_here = !self.written || self.lost;
        match fate {
            SendFate::Sent if !self.written && !self.lost => {
                self.written = true;
                self.due = Some(at + self.reply_ms);
            }
            SendFate::NoSubscriber | SendFate::Refused => self.close(CommandState::Rejected),
            SendFate::NotSent if may_be_here => self.close(CommandState::Rejected),
            SendFate::Expired if may_be_here => self.close(CommandState::Expired),
            SendFate::Lost => self.lose(false),
            SendFate::Sent | SendFate::Delivered | SendFate::NotSent | SendFate::Expired => {}
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Happens(usize),
    Passes(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..EVENTS.len()).prop_map(Step::Happens),
        1 => (1_u64..4_000).prop_map(Step::Passes),
        1 => (4_000_u64..130_000).prop_map(Step::Passes),
    ]
}

/// One by answer, one with a job, one by its effect, and a counter-action.
const METHODS: [&str; 4] = ["flighttask_prepare", "cover_open", "debug_mode_open", "return_home"];

proptest! {
    #[test]
    fn a_command_is_what_is_known_of_it(
        method in 0..METHODS.len(),
        steps in proptest::collection::vec(step(), 1..24),
    ) {
        let (mut machine, _) = command(METHODS[method]);
        let spec = machine.spec().clone();
        let mut known = Known {
            completion: spec.completion,
            reply_ms: spec.reply_timeout_ms,
            job_ms: spec.job_timeout_ms,
            handed: false,
            written: false,
            taken: false,
            spoken: false,
            lost: false,
            closed: None,
            due: Some(LIFE_MS),
        };
        if spec.counter_action {
            known.hand();
        }
        let mut at = 0;
        for step in steps {
            match step {
                Step::Happens(event) => {
                    happen_at(&mut machine, EVENTS[event], now(at));
                    known.learn(at, EVENTS[event]);
                }
                Step::Passes(ms) => {
                    at += ms;
                    machine.on_timeout(now(at));
                    known.pass(at);
                }
            }
            prop_assert_eq!(machine.status().state, known.state(), "{:?}", known);
            prop_assert_eq!(machine.deadline(), known.due.map(|due| now(due).mono), "{:?}", known);
        }
    }
}

#[test]
fn the_methods_are_of_every_kind() {
    let kinds = METHODS.map(|method| command(method).0.spec().completion);
    for kind in [Completion::Answer, Completion::Job, Completion::Effect] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert!(command("return_home").0.spec().counter_action);
}
