//! The reference: a command as what is known of it, and a state worked out from that. There is no
//! machine here and no state is kept; what closed it is the first fact that closes anything.

use proptest::prelude::*;

use super::{Command, CommandState, EVENTS, Event, SendFate, happen_at, living, now};
use crate::{
    command::{EFFECT_TIMEOUT_MS, REPEATS_MAX},
    spec::{Completion, Spec},
};

/// What is known of one command.
#[derive(Clone, Debug)]
struct Known {
    spec: Spec,
    life_ms: u64,
    /// It was handed to the link: its record is safe, or it needed none.
    handed: bool,
    /// The link has it, and did not say what became of it.
    in_link: bool,
    /// The link wrote it.
    written: bool,
    /// Copies that left after the first.
    repeats: u8,
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
    fn new(spec: Spec, life_ms: u64) -> Self {
        let mut known = Self {
            spec,
            life_ms,
            handed: false,
            in_link: false,
            written: false,
            repeats: 0,
            taken: false,
            spoken: false,
            lost: false,
            closed: None,
            due: Some(life_ms),
        };
        if known.spec.counter_action {
            known.hand();
        }
        known
    }

    fn state(&self) -> CommandState {
        let open = [
            (!self.handed, CommandState::Accepted),
            (self.lost, CommandState::Unknown),
            (self.taken, CommandState::Acknowledged),
            (self.written, CommandState::Sent),
        ];
        let first = open.into_iter().find(|(holds, _)| *holds).map(|(_, state)| state);
        // A counter-action is shown as taken until the link wrote it: its record says nothing.
        let handed =
            if self.spec.counter_action { CommandState::Accepted } else { CommandState::Journaled };
        self.closed.or(first).unwrap_or(handed)
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
        let patience_ms = match self.spec.completion {
            Completion::Effect => EFFECT_TIMEOUT_MS,
            Completion::Answer | Completion::Job => self.spec.job_timeout_ms,
        };
        self.due = Some(at + patience_ms);
    }

    fn hand(&mut self) {
        (self.handed, self.in_link) = (true, true);
        self.due = Some(self.life_ms + self.spec.reply_timeout_ms);
    }

    /// Time has come to `at`.
    fn pass(&mut self, at: u64, may_repeat: bool) {
        if self.due.is_none_or(|due| at < due) || self.closed.is_some() {
            return;
        }
        // Nobody answered what was written, and there is time to say the same again.
        let is_unanswered = self.written && !self.in_link && !self.taken;
        let may_go_again = self.spec.repeatable && self.repeats < REPEATS_MAX && at < self.life_ms;
        if !self.handed {
            self.close(CommandState::Expired);
        } else if is_unanswered && may_go_again && may_repeat {
            self.repeats += 1;
            self.hand();
        } else {
            self.lose(self.taken);
        }
    }

    fn learn(&mut self, at: u64, event: Event) {
        if self.closed.is_some() {
            return;
        }
        match event {
            Event::Journaled if !self.handed && at >= self.life_ms => {
                self.close(CommandState::Expired)
            }
            Event::Journaled if !self.handed => self.hand(),
            Event::JournalFailed if !self.handed => self.close(CommandState::Rejected),
            // Of what was not handed out nobody can know anything.
            _ if !self.handed => {}
            Event::Journaled | Event::JournalFailed | Event::JobMumbles => {}
            Event::Fate(fate) => self.hear_link(at, fate),
            // One answer is enough, unless it has been forgotten by silence.
            Event::Yes | Event::No | Event::Mumble if self.taken => {}
            Event::Yes if self.spec.completion == Completion::Answer => {
                self.close(CommandState::Succeeded);
            }
            Event::Yes => self.take(at),
            Event::No => self.close(CommandState::Failed),
            Event::Mumble => self.lose(true),
            Event::JobRuns | Event::JobOk | Event::JobFails
                if self.spec.completion != Completion::Job => {}
            Event::JobRuns => self.take(at),
            Event::JobOk | Event::Observed => self.close(CommandState::Succeeded),
            Event::JobFails | Event::RefusalObserved => self.close(CommandState::Failed),
            Event::EffectSeen => {
                if self.lost || self.taken && self.spec.completion == Completion::Effect {
                    self.close(CommandState::Succeeded);
                }
            }
            Event::Settled if self.lost => self.close(CommandState::Failed),
            Event::Settled => {}
        }
    }

    /// The link knows something only as long as the device has not spoken, and of several copies
    /// nothing that counts for all.
    fn hear_link(&mut self, at: u64, fate: SendFate) {
        if self.taken || self.lost && self.spoken {
            return;
        }
        match fate {
            SendFate::Sent if self.in_link && !self.lost => {
                (self.in_link, self.written) = (false, true);
                self.due = Some(at + self.spec.reply_timeout_ms);
            }
            SendFate::Sent | SendFate::Delivered => {}
            SendFate::Lost => self.lose(false),
            SendFate::NoSubscriber | SendFate::Refused | SendFate::NotSent | SendFate::Expired
                if self.repeats > 0 =>
            {
                self.lose(false);
            }
            SendFate::NoSubscriber | SendFate::Refused => self.close(CommandState::Rejected),
            SendFate::NotSent if self.in_link || self.lost => self.close(CommandState::Rejected),
            SendFate::Expired if self.in_link || self.lost => self.close(CommandState::Expired),
            SendFate::NotSent | SendFate::Expired => {}
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Happens(usize),
    Passes { ms: u64, may_repeat: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let passes = |ms| {
        let may_repeat = prop::bool::weighted(0.8);
        (ms, may_repeat).prop_map(|(ms, may_repeat)| Step::Passes { ms, may_repeat })
    };
    prop_oneof![
        4 => (0..EVENTS.len()).prop_map(Step::Happens),
        1 => passes(1_u64..4_000),
        1 => passes(9_000_u64..12_000),
        1 => passes(4_000_u64..130_000),
    ]
}

/// One by answer, one with a job, one by its effect, two that may be repeated, a counter-action.
const METHODS: [&str; 6] = [
    "flighttask_prepare",
    "cover_open",
    "debug_mode_open",
    "supplement_light_open",
    "return_home",
    "flighttask_execute",
];

/// Whether machine and reference agree after each step; where they do not, both.
fn compare(
    (mut machine, mut known): (Command, Known),
    steps: &[Step],
    tell: impl Fn(Event) -> Event,
) -> Result<(), String> {
    let mut at = 0;
    for step in steps {
        match *step {
            Step::Happens(event) => {
                happen_at(&mut machine, tell(EVENTS[event]), now(at));
                known.learn(at, EVENTS[event]);
            }
            Step::Passes { ms, may_repeat } => {
                at += ms;
                machine.on_timeout(now(at), may_repeat);
                known.pass(at, may_repeat);
            }
        }
        let found = (machine.status().state, machine.deadline());
        let expect = (known.state(), known.due.map(|due| now(due).mono));
        if found != expect {
            return Err(format!("{found:?} after {step:?} of {steps:?}, but {known:?}"));
        }
    }
    Ok(())
}

fn both(method: usize, life_ms: u64) -> (Command, Known) {
    let (machine, _) = living(METHODS[method], life_ms);
    let known = Known::new(machine.spec().clone(), life_ms);
    (machine, known)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_command_is_what_is_known_of_it(
        method in 0..METHODS.len(),
        life_ms in prop_oneof![Just(5_000_u64), 10_000_u64..120_000],
        steps in prop::collection::vec(step(), 1..24),
    ) {
        prop_assert_eq!(compare(both(method, life_ms), &steps, |event| event), Ok(()));
    }
}

/// The first of many chance sequences in which machine and reference part, if any.
fn first_difference(tell: impl Fn(Event) -> Event) -> Option<String> {
    let mut rng = fastrand::Rng::with_seed(11);
    (0..4_000).find_map(|_| {
        let steps: Vec<_> = (0..rng.usize(1..12))
            .map(|_| match rng.usize(..EVENTS.len() + 6) {
                event if event < EVENTS.len() => Step::Happens(event),
                _ => Step::Passes { ms: rng.u64(1..40_000), may_repeat: rng.bool() },
            })
            .collect();
        let pair = both(rng.usize(..METHODS.len()), rng.u64(5_000..60_000));
        compare(pair, &steps, &tell).err()
    })
}

/// Whichever of what can happen the machine took for another thing that matters: it is found out.
#[test]
fn a_machine_that_mistakes_anything_parts_from_the_reference() {
    assert_eq!(first_difference(|event| event), None);
    let pairs = [
        (Event::Journaled, Event::JournalFailed),
        (Event::Fate(SendFate::Sent), Event::Fate(SendFate::Delivered)),
        (Event::Fate(SendFate::Lost), Event::Fate(SendFate::NotSent)),
        (Event::Fate(SendFate::Expired), Event::Fate(SendFate::Lost)),
        (Event::Fate(SendFate::NoSubscriber), Event::Fate(SendFate::Delivered)),
        (Event::Fate(SendFate::Refused), Event::Fate(SendFate::Expired)),
        (Event::Yes, Event::No),
        (Event::Mumble, Event::Yes),
        (Event::JobRuns, Event::JobMumbles),
        (Event::JobOk, Event::JobFails),
        (Event::JobMumbles, Event::JobOk),
        (Event::EffectSeen, Event::JobMumbles),
        (Event::Observed, Event::RefusalObserved),
        (Event::Settled, Event::JobMumbles),
    ];
    for (said, heard) in pairs {
        for (said, heard) in [(said, heard), (heard, said)] {
            let tell = |event| if event == said { heard } else { event };
            assert!(first_difference(tell).is_some(), "{said:?} taken for {heard:?} passes");
        }
    }
}

/// Defects that the swarm plants in this machine are found here, too.
#[cfg(feature = "mutants")]
#[test]
fn planted_defects_part_from_the_reference() {
    use crate::mutant::{Mutant, plant};
    for mutant in [
        Mutant::SilenceIsFailure,
        Mutant::SilenceIsSuccess,
        Mutant::UnknownByTimer,
        Mutant::JournalAfterSend,
        Mutant::CounterWaitsForJournal,
        Mutant::RetryTakeOff,
        Mutant::NewTidOnRetry,
    ] {
        plant(Some(mutant));
        let found = first_difference(|event| event);
        plant(None);
        assert!(found.is_some(), "{mutant:?} passes");
    }
}

#[test]
fn the_methods_are_of_every_kind() {
    let specs = METHODS.map(|method| living(method, 5_000).0.spec().clone());
    for kind in [Completion::Answer, Completion::Job, Completion::Effect] {
        assert!(specs.iter().any(|spec| spec.completion == kind), "{kind:?}");
    }
    assert!(specs.iter().any(|spec| spec.counter_action));
    assert!(specs.iter().any(|spec| spec.repeatable && !spec.counter_action));
    assert!(specs.iter().any(|spec| !spec.repeatable));
}
