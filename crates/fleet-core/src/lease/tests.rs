//! Leases by example, and several towers against one store by chance.

use fleet_types::DeviceSn;
use proptest::prelude::*;

use super::*;

const CONFIG: LeaseConfig =
    LeaseConfig { ttl_ms: 10_000, margin_ms: 2_000, renew_ms: 3_000, retry_ms: 1_000 };

fn asked(lease: &mut PartitionLease) -> Option<(u64, Option<u64>)> {
    std::iter::from_fn(|| lease.poll_output()).find_map(|output| match output {
        Output::Ask { request, holds, .. } => Some((request, holds)),
        Output::Release { .. } | Output::Ownership { .. } => None,
    })
}

fn answer(lease: &mut PartitionLease, at: u64, request: u64, answer: Answer) {
    lease.handle_input(MonoMs(at), &Input::Answer { request, answer });
}

fn held(at: u64, epoch: u64) -> PartitionLease {
    let mut lease = PartitionLease::new(3, CONFIG, 1);
    lease.handle_input(MonoMs(at), &Input::Want(true));
    let (request, holds) = asked(&mut lease).expect("asked at once");
    assert_eq!(holds, None);
    answer(&mut lease, at, request, Answer::Granted { epoch });
    lease
}

#[test]
fn a_lease_is_renewed_in_time_under_the_same_epoch() {
    let mut lease = held(100, 7);
    assert!(lease.may_command(MonoMs(100), 7));
    assert!(!lease.may_command(MonoMs(100), 6), "an older epoch is fenced");
    assert!(!lease.may_command(MonoMs(100), 8));
    assert_eq!(lease.poll_timeout(), Some((MonoMs(3_100), "lease is asked for")));
    lease.handle_timeout(MonoMs(3_100));
    let (request, holds) = asked(&mut lease).expect("renewed");
    assert_eq!(holds, Some(7));
    answer(&mut lease, 3_400, request, Answer::Granted { epoch: 7 });
    assert!(lease.may_command(MonoMs(11_099), 7));
    assert!(!lease.may_command(MonoMs(11_100), 7), "ttl less margin from the question");
}

#[test]
fn it_stops_a_margin_before_the_end_whether_or_not_anybody_wakes_it() {
    let mut lease = held(0, 1);
    assert!(lease.may_command(MonoMs(7_999), 1));
    assert!(!lease.may_command(MonoMs(8_000), 1), "nobody told it the time");
    lease.handle_timeout(MonoMs(8_000));
    let outputs: Vec<_> = std::iter::from_fn(|| lease.poll_output()).collect();
    assert!(outputs.contains(&Output::Ownership { partition: 3, ownership: None }), "{outputs:?}");
}

#[test]
fn a_slow_answer_shortens_a_lease_and_never_lengthens_it() {
    let mut lease = PartitionLease::new(3, CONFIG, 1);
    lease.handle_input(MonoMs(0), &Input::Want(true));
    let (request, _) = asked(&mut lease).expect("asked");
    answer(&mut lease, 900, request, Answer::Granted { epoch: 1 });
    assert_eq!(lease.right().map(|right| right.stop_at), Some(MonoMs(8_000)));

    // Asked again meanwhile: the first answer is not believed any more.
    let mut lease = PartitionLease::new(3, CONFIG, 1);
    lease.handle_input(MonoMs(0), &Input::Want(true));
    let (first, _) = asked(&mut lease).expect("asked");
    lease.handle_timeout(MonoMs(1_000));
    let (second, _) = asked(&mut lease).expect("asked again");
    answer(&mut lease, 1_100, first, Answer::Granted { epoch: 1 });
    assert_eq!(lease.right(), None);
    answer(&mut lease, 1_200, second, Answer::Granted { epoch: 1 });
    assert_eq!(lease.right().map(|right| right.stop_at), Some(MonoMs(9_000)));
}

#[test]
fn another_owner_ends_it_at_once_and_a_silent_store_at_its_time() {
    let mut lease = held(0, 1);
    lease.handle_timeout(MonoMs(3_000));
    let (request, _) = asked(&mut lease).expect("renewed");
    answer(&mut lease, 3_001, request, Answer::Refused);
    assert!(!lease.may_command(MonoMs(3_001), 1));

    let mut lease = held(0, 1);
    for at in (3_000..8_000).step_by(1_000) {
        lease.handle_timeout(MonoMs(at));
        let (request, _) = asked(&mut lease).expect("asked again");
        answer(&mut lease, at, request, Answer::Failed);
        assert!(lease.may_command(MonoMs(at), 1));
    }
    lease.handle_timeout(MonoMs(8_000));
    assert_eq!(lease.right(), None);
}

#[test]
fn what_is_not_wanted_is_given_back_and_not_commanded() {
    let mut lease = held(0, 4);
    lease.handle_input(MonoMs(10), &Input::Want(false));
    assert!(!lease.may_command(MonoMs(10), 4));
    let outputs: Vec<_> = std::iter::from_fn(|| lease.poll_output()).collect();
    assert!(outputs.contains(&Output::Release { partition: 3, epoch: 4 }));
    assert_eq!(lease.poll_timeout(), None);
}

#[test]
fn a_tower_alone_owns_its_docks_for_ever() {
    assert!(check(Some(&Ownership::SOLE), MonoMs(u64::MAX - 1), 0).is_ok());
    let refused = check(None, MonoMs(0), 0).expect_err("nobody's");
    assert_eq!(refused.code, "not_owner");
}

#[test]
fn every_dock_has_one_partition_and_docks_are_spread() {
    let mut counts = [0_u32; 16];
    for number in 0..1_600 {
        let sn = DeviceSn::new(&format!("SIMDK2{number:08}")).expect("valid");
        counts[usize::from(partition_of(&sn, 16))] += 1;
        assert_eq!(partition_of(&sn, 1), 0);
    }
    assert!(counts.iter().all(|count| (50..150).contains(count)), "{counts:?}");
}

/// A row of the store, by the store's own clock.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    owner: Option<usize>,
    epoch: u64,
    ends: u64,
}

impl Row {
    fn compare_and_set(&mut self, now: u64, tower: usize, holds: Option<u64>, ttl: u64) -> Answer {
        let is_its = self.owner == Some(tower) && holds == Some(self.epoch) && now < self.ends;
        if !is_its && self.owner.is_some() && now < self.ends {
            return Answer::Refused;
        }
        if !is_its {
            self.epoch += 1;
        }
        (self.owner, self.ends) = (Some(tower), now + ttl);
        Answer::Granted { epoch: self.epoch }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Pass(u64),
    /// The store sees the question, and the answer is on its way (or lost).
    Write {
        tower: usize,
        is_lost: bool,
    },
    /// The answer arrives.
    Arrive {
        tower: usize,
    },
    /// A tower sleeps: it hears nothing of the time, and answers wait.
    Sleep {
        tower: usize,
    },
    Wake {
        tower: usize,
    },
}

const TOWERS: usize = 3;

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1_u64..2_500).prop_map(Event::Pass),
        4 => (0..TOWERS, prop::bool::weighted(0.2))
            .prop_map(|(tower, is_lost)| Event::Write { tower, is_lost }),
        4 => (0..TOWERS).prop_map(|tower| Event::Arrive { tower }),
        1 => (0..TOWERS).prop_map(|tower| Event::Sleep { tower }),
        1 => (0..TOWERS).prop_map(|tower| Event::Wake { tower }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Three towers, one row; questions and answers late or lost, towers that sleep, clocks that run
    /// up to 10 % fast or slow: never two commanders, and epochs only rise.
    #[test]
    fn there_are_never_two_owners(
        events in prop::collection::vec(event(), 1..200),
        rates in prop::array::uniform3(90_u64..=110),
    ) {
        let mut row = Row::default();
        let mut truth = 0_u64;
        let mut highest = 0;
        let mut asleep = [false; TOWERS];
        let mut towers: Vec<_> = (0..TOWERS).map(|_| PartitionLease::new(0, CONFIG, 1)).collect();
        let mut questions: [Vec<(u64, Option<u64>, u64)>; TOWERS] = Default::default();
        let mut answers: [Vec<(u64, Answer)>; TOWERS] = Default::default();
        let local = |truth: u64, tower: usize| MonoMs(truth * rates[tower] / 100);
        for tower in &mut towers {
            tower.handle_input(MonoMs(0), &Input::Want(true));
        }
        for event in events {
            match event {
                Event::Pass(ms) => truth += ms,
                Event::Write { tower, is_lost } => {
                    if let Some((request, holds, ttl)) = questions[tower].pop() {
                        let answer = row.compare_and_set(truth, tower, holds, ttl);
                        let answer = if is_lost { Answer::Failed } else { answer };
                        answers[tower].push((request, answer));
                    }
                }
                Event::Arrive { tower } if !asleep[tower] => {
                    if let Some((request, answer)) = answers[tower].pop() {
                        let input = Input::Answer { request, answer };
                        towers[tower].handle_input(local(truth, tower), &input);
                    }
                }
                Event::Arrive { .. } => {}
                Event::Sleep { tower } => asleep[tower] = true,
                Event::Wake { tower } => asleep[tower] = false,
            }
            let mut commanders = 0;
            for (number, tower) in towers.iter_mut().enumerate() {
                if !asleep[number] {
                    tower.handle_timeout(local(truth, number));
                }
                while let Some(output) = tower.poll_output() {
                    if let Output::Ask { request, holds, ttl_ms, .. } = output {
                        questions[number].push((request, holds, ttl_ms));
                    }
                }
                if let Some(right) = tower.right()
                    && tower.may_command(local(truth, number), right.epoch)
                {
                    commanders += 1;
                    prop_assert_eq!(row.owner, Some(number));
                    prop_assert_eq!(row.epoch, right.epoch);
                }
            }
            prop_assert!(commanders <= 1, "{commanders} commanders at {truth}");
            prop_assert!(row.epoch >= highest);
            highest = row.epoch;
        }
    }
}

#[test]
fn every_transition_of_the_table_is_taken() {
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..200 {
        let mut lease = PartitionLease::new(3, CONFIG, 1);
        let (mut now, mut open, mut epoch) = (0, None, 0);
        for _ in 0..60 {
            now += rng.u64(..9_000);
            match (rng.u8(..8), open) {
                (0, _) => lease.handle_input(MonoMs(now), &Input::Want(rng.u8(..4) != 0)),
                (1..6, Some(request)) => {
                    epoch += 1;
                    let answers = [Answer::Granted { epoch }, Answer::Refused, Answer::Failed];
                    answer(&mut lease, now, request, rng.choice(answers).unwrap());
                }
                (_, _) => lease.handle_timeout(MonoMs(now)),
            }
            open = asked(&mut lease).map(|(request, _)| request).or(open);
        }
    }
    crate::machine::taken::assert_all(&MACHINE);
}
