//! The reference: an alarm as five facts and a derived state, without a state machine.

use fleet_types::{
    AlarmId,
    alarm::{AlarmAction, AlarmState, Priority},
};
use proptest::prelude::*;

use super::{Input, Key, Rig, condition, key};

/// What is true of one alarm. The state is worked out from it, and kept nowhere.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    holds: bool,
    /// Somebody acknowledged it since it came up last.
    known: bool,
    /// A latching alarm that was acknowledged after it went.
    reset: bool,
    shelved_until: Option<u64>,
}

impl Facts {
    fn state(self, latching: bool) -> AlarmState {
        match (self.holds, latching, self.known) {
            (true, _, false) => AlarmState::Raised,
            (true, _, true) => AlarmState::Acknowledged,
            (false, false, false) => AlarmState::ClearedUnacknowledged,
            (false, false, true) => AlarmState::Cleared,
            (false, true, _) if self.reset => AlarmState::Cleared,
            (false, true, false) => AlarmState::LatchedUnacknowledged,
            (false, true, true) => AlarmState::LatchedAcknowledged,
        }
    }

    fn is_forgotten(self, latching: bool) -> bool {
        self.state(latching) == AlarmState::Cleared && self.shelved_until.is_none()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Raise,
    Clear,
    Acknowledge,
    Shelve(u64),
    Unshelve,
    Pass(u64),
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let step = prop_oneof![
        4 => Just(Step::Raise),
        4 => Just(Step::Clear),
        3 => Just(Step::Acknowledge),
        1 => (60_000_u64..200_000).prop_map(Step::Shelve),
        1 => Just(Step::Unshelve),
        2 => (1_u64..120_000).prop_map(Step::Pass),
    ];
    (0..ALARMS.len(), step)
}

/// Name, and whether it latches.
const ALARMS: [(&str, bool); 3] = [("plain", false), ("latching", true), ("other", false)];

fn of(number: usize) -> Key {
    key("D1", ALARMS[number].0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_machine_agrees_with_the_facts(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let mut rig = Rig::new();
        let mut facts: [Option<Facts>; ALARMS.len()] = [None; ALARMS.len()];
        let mut ids: [Option<AlarmId>; ALARMS.len()] = [None; ALARMS.len()];
        for (number, step) in steps {
            let latching = ALARMS[number].1;
            let id = ids[number];
            let fact = &mut facts[number];
            match step {
                Step::Raise => {
                    let fact = fact.get_or_insert_default();
                    if !fact.holds {
                        *fact = Facts { holds: true, shelved_until: fact.shelved_until, ..Facts::default() };
                    }
                    rig.input(Input::Raise(condition(of(number), Priority::Low, latching)));
                }
                Step::Clear => {
                    if let Some(fact) = fact.as_mut().filter(|fact| fact.holds) {
                        fact.holds = false;
                        // Nobody asked to be told of it.
                        fact.known |= fact.shelved_until.is_some() && !latching;
                    }
                    rig.input(Input::Clear(of(number)));
                }
                Step::Acknowledge => {
                    if let Some(fact) = fact.as_mut() {
                        fact.known = true;
                        fact.reset |= !fact.holds;
                    }
                    if let Some(id) = id {
                        rig.acknowledge(id);
                    }
                }
                Step::Shelve(for_ms) => {
                    let until = rig.now.mono.0 + for_ms;
                    if let Some(fact) = fact.as_mut() {
                        fact.shelved_until = Some(until);
                    }
                    if let Some(id) = id {
                        rig.order(id, AlarmAction::Shelve { for_ms, note: "test".to_owned() });
                    }
                }
                Step::Unshelve => {
                    if let Some(fact) = fact.as_mut().filter(|fact| fact.shelved_until.is_some()) {
                        fact.shelved_until = None;
                        fact.known &= !fact.holds;
                    }
                    if let Some(id) = id {
                        rig.order(id, AlarmAction::Unshelve);
                    }
                }
                Step::Pass(ms) => {
                    rig.pass(ms);
                    let now = rig.now.mono.0;
                    for fact in facts.iter_mut().flatten() {
                        if fact.shelved_until.is_some_and(|until| until <= now) {
                            fact.shelved_until = None;
                            fact.known &= !fact.holds;
                        }
                    }
                }
            }
            for (number, fact) in facts.iter_mut().enumerate() {
                let latching = ALARMS[number].1;
                if fact.is_some_and(|fact| fact.is_forgotten(latching)) {
                    *fact = None;
                }
                let kept = rig.book.entries.get(&of(number));
                prop_assert_eq!(
                    kept.map(|entry| (entry.status.state, entry.status.shelved.is_some())),
                    fact.map(|fact| (fact.state(latching), fact.shelved_until.is_some())),
                    "{}", ALARMS[number].0
                );
                ids[number] = kept.map(|entry| entry.status.alarm_id);
                if let Some(entry) = kept {
                    prop_assert_eq!(entry.status.cleared_ms.is_none(), entry.status.state.is_active());
                }
            }
            let kept = facts.iter().flatten().count();
            prop_assert_eq!(rig.book.memory().0, kept);
            let shelves = facts.iter().flatten().filter(|fact| fact.shelved_until.is_some()).count();
            prop_assert_eq!(rig.book.memory().2, shelves);
        }
    }
}
