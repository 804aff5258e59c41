//! Recurring missions: each schedule makes a timed mission for each of its times, some while ahead.
//!
//! Pure. A time that passed while nobody looked (the tower was down, the clock jumped) is skipped on
//! record, never flown late and never made up for. What was handled is handled: the state that is
//! kept outlives a restart. Read next: [`rule`].

pub mod rule;

use std::collections::{BTreeMap, BTreeSet};

use fleet_types::{
    MissionId, Reason, ScheduleId, WallMs,
    schedule::{Occurrence, Schedule, ScheduleStatus},
};
use serde::{Deserialize, Serialize};

use crate::{
    machine::Machine,
    mission::waiting::{EXECUTE_AHEAD_MS, PREPARE_AHEAD_MS},
    preflight::say,
};
use rule::Rule;

/// Every state and transition of one time of a schedule.
pub const MACHINE: Machine = Machine {
    name: "One time of a recurring mission",
    module: "schedule.rs",
    about: "Each time of an RRULE in its time zone. A mission is made for it some while ahead, under a key \
        that is the same whoever asks; a time that passed while nobody looked is skipped on record, \
        never flown late. The mission then has a life of its own.",
    states: &[
        ("ahead", "Its mission is not due to be made."),
        ("asked", "The dock's machine was asked for the mission."),
        ("made", "There is a mission."),
        ("refused", "The dock's machine did not take it."),
        ("skipped", "It passed while nobody looked."),
    ],
    starts: &["ahead"],
    ends: &["made", "refused", "skipped"],
    rows: &[
        ("due", &["ahead"], "asked"),
        ("too_late", &["ahead"], "skipped"),
        ("taken", &["asked"], "made"),
        ("not_taken", &["asked"], "refused"),
    ],
};

/// A mission is made this long before its time: before it is to be prepared.
pub const MADE_AHEAD_MS: i64 = PREPARE_AHEAD_MS + 15 * 60_000;
/// Later than this before its time there is no sense in making it.
const TOO_LATE_MS: i64 = EXECUTE_AHEAD_MS;
/// Schedules of one tower.
const SCHEDULES_MAX: usize = 1_000;
/// Times kept of one schedule.
const LATEST_MAX: usize = 20;
/// Times handled at one look; the rest waits for the next, at once.
const AT_ONCE_MAX: usize = 64;

/// A schedule as it is kept: what it is, and how far it was handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The schedule.
    pub schedule: Schedule,
    /// No time up to this one is handled again.
    pub handled_ms: WallMs,
    /// Its latest times.
    #[serde(default)]
    pub latest: Vec<Occurrence>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the dock's machine for this mission, under a key that is the same whoever asks; then
    /// [`Schedules::made`].
    Fly {
        /// The schedule.
        schedule: Box<Schedule>,
        /// When.
        at_ms: WallMs,
    },
    /// Put on record that a time was skipped.
    Skipped {
        /// The schedule.
        schedule: Box<Schedule>,
        /// When it would have been.
        at_ms: WallMs,
        /// Why.
        reason: Reason,
    },
    /// Something is to be kept.
    Changed,
}

struct Item {
    kept: Kept,
    rule: Rule,
    next: Option<WallMs>,
    /// Times whose mission was asked for, and no answer came yet.
    asked: BTreeSet<WallMs>,
}

/// All schedules of a tower.
#[derive(Default)]
pub struct Schedules {
    items: BTreeMap<ScheduleId, Item>,
}

impl Schedules {
    /// Takes a new schedule. Times before `now` are not its own: they are not skipped, they never
    /// were.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add(&mut self, now: WallMs, schedule: Schedule) -> Result<(), Reason> {
        self.take(Kept { schedule, handled_ms: now, latest: Vec::new() })
    }

    /// Takes up what was kept.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, kept: Kept) -> Result<(), Reason> {
        if self.items.len() >= SCHEDULES_MAX {
            return Err(say(
                "queue_full",
                "There are too many schedules. Remove some first.",
                "반복 임무가 너무 많습니다. 먼저 일부를 지우십시오.",
            ));
        }
        let schedule = &kept.schedule;
        let mut rule = Rule::new(&schedule.first, &schedule.zone, &schedule.rrule)?;
        let next = next_after(&mut rule, kept.handled_ms);
        self.items.insert(schedule.schedule_id, Item { kept, rule, next, asked: BTreeSet::new() });
        Ok(())
    }

    /// Ends a schedule; missions it has made stay.
    pub fn remove(&mut self, id: ScheduleId) -> Option<Schedule> {
        self.items.remove(&id).map(|item| item.kept.schedule)
    }

    /// When [`Self::look`] is next due.
    #[must_use]
    pub fn due(&self) -> Option<WallMs> {
        let next = self.items.values().filter_map(|item| item.next);
        next.map(|at| WallMs(at.0.saturating_sub(MADE_AHEAD_MS))).min()
    }

    /// Makes what is due, and skips what is past.
    pub fn look(&mut self, now: WallMs) -> Vec<Effect> {
        let mut effects = Vec::new();
        for item in self.items.values_mut() {
            while let Some(at) = item.next.filter(|at| at.since_ms(now) <= MADE_AHEAD_MS)
                && effects.len() < AT_ONCE_MAX
            {
                item.kept.handled_ms = at;
                item.next = item.rule.next_time();
                let schedule = Box::new(item.kept.schedule.clone());
                if at.since_ms(now) > TOO_LATE_MS {
                    MACHINE.check("due", "ahead", "asked");
                    item.asked.insert(at);
                    effects.push(Effect::Fly { schedule, at_ms: at });
                    continue;
                }
                let reason = say(
                    "missed_window",
                    "Its time passed while nobody looked; it is not flown late.",
                    "확인하지 못한 사이에 시간이 지났습니다. 늦게 비행하지 않습니다.",
                );
                MACHINE.check("too_late", "ahead", "skipped");
                item.keep(at, None, Some(reason.clone()));
                effects.push(Effect::Skipped { schedule, at_ms: at, reason });
            }
        }
        if !effects.is_empty() {
            effects.push(Effect::Changed);
        }
        effects
    }

    /// What became of [`Effect::Fly`]: a mission, or why there is none.
    pub fn made(&mut self, id: ScheduleId, at: WallMs, made: Result<MissionId, Reason>) {
        // An answer that was not asked for, or comes twice, is about nothing.
        let Some(item) = self.items.get_mut(&id).filter(|item| item.asked.contains(&at)) else {
            return;
        };
        item.asked.remove(&at);
        let (mission_id, reason) = match made {
            Ok(mission_id) => {
                MACHINE.check("taken", "asked", "made");
                (Some(mission_id), None)
            }
            Err(reason) => {
                MACHINE.check("not_taken", "asked", "refused");
                (None, Some(reason))
            }
        };
        item.keep(at, mission_id, reason);
    }

    /// Where all of them stand.
    #[must_use]
    pub fn statuses(&self) -> Vec<ScheduleStatus> {
        let status = |item: &Item| ScheduleStatus {
            schedule: item.kept.schedule.clone(),
            next_ms: item.next,
            latest: item.kept.latest.clone(),
        };
        self.items.values().map(status).collect()
    }

    /// What is to be kept over a restart.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        self.items.values().map(|item| item.kept.clone()).collect()
    }
}

impl Item {
    fn keep(&mut self, at_ms: WallMs, mission_id: Option<MissionId>, reason: Option<Reason>) {
        if self.kept.latest.len() >= LATEST_MAX {
            self.kept.latest.remove(0);
        }
        self.kept.latest.push(Occurrence { at_ms, mission_id, reason });
    }
}

fn next_after(rule: &mut Rule, handled: WallMs) -> Option<WallMs> {
    loop {
        let at = rule.next_time()?;
        if at > handled {
            return Some(at);
        }
    }
}

/// The key under which a time's mission is asked for: the same after a restart, so that it is
/// flown once.
#[must_use]
pub fn key_of(id: ScheduleId, at: WallMs) -> String {
    format!("schedule:{id}:{}", at.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fleet_types::{DeviceSn, id::WaylineId, mission::LostLinkAction, plan::Precision};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const NINE_MS: i64 = 1_795_564_800_000; // 2026-11-25T00:00:00Z, 09:00 in Seoul
    const DAY_MS: i64 = 86_400_000;

    fn schedule(rrule: &str) -> Schedule {
        Schedule {
            schedule_id: ScheduleId(Uuid::from_u128(5)),
            name: "morning round".into(),
            sn: DeviceSn::new("D1").unwrap(),
            wayline_id: WaylineId(Uuid::nil()),
            rth_altitude_m: 100,
            lost_link_action: LostLinkAction::ReturnHome,
            precision: Precision::Gps,
            first: "2026-11-25T09:00:00".into(),
            zone: "Asia/Seoul".into(),
            rrule: rrule.into(),
            created_by: "operator".into(),
        }
    }

    fn times(effects: &[Effect]) -> Vec<(bool, i64)> {
        let time = |effect: &Effect| match effect {
            Effect::Fly { at_ms, .. } => Some((true, at_ms.0)),
            Effect::Skipped { at_ms, .. } => Some((false, at_ms.0)),
            Effect::Changed => None,
        };
        effects.iter().filter_map(time).collect()
    }

    #[test]
    fn each_time_is_made_once_ahead() {
        let mut schedules = Schedules::default();
        schedules.add(WallMs(NINE_MS - DAY_MS), schedule("FREQ=DAILY;COUNT=2")).unwrap();
        assert_eq!(schedules.due(), Some(WallMs(NINE_MS - MADE_AHEAD_MS)));
        assert_eq!(schedules.look(WallMs(NINE_MS - MADE_AHEAD_MS - 1)), []);
        let made = schedules.look(WallMs(NINE_MS - MADE_AHEAD_MS));
        assert_eq!(times(&made), [(true, NINE_MS)]);
        assert_eq!(schedules.look(WallMs(NINE_MS - 60_000)), []);
        let id = ScheduleId(Uuid::from_u128(5));
        schedules.made(id, WallMs(NINE_MS), Ok(MissionId(Uuid::nil())));
        let status = &schedules.statuses()[0];
        assert_eq!(status.next_ms, Some(WallMs(NINE_MS + DAY_MS)));
        assert_eq!(status.latest[0].mission_id, Some(MissionId(Uuid::nil())));
        assert_eq!(
            times(&schedules.look(WallMs(NINE_MS + DAY_MS - 60_000))),
            [(true, NINE_MS + DAY_MS)]
        );
        assert_eq!(schedules.due(), None, "it had two times");
    }

    #[test]
    fn what_passed_meanwhile_is_skipped_on_record_and_not_made_up_for() {
        let mut schedules = Schedules::default();
        schedules.add(WallMs(NINE_MS - DAY_MS), schedule("FREQ=DAILY")).unwrap();
        let kept = schedules.kept();
        // The tower is down for three days and comes back shortly after a time.
        let text = serde_json::to_string(&kept).unwrap();
        let mut schedules = Schedules::default();
        for kept in serde_json::from_str::<Vec<Kept>>(&text).unwrap() {
            schedules.take(kept).unwrap();
        }
        let found = schedules.look(WallMs(NINE_MS + 2 * DAY_MS + 1));
        let skipped = [(false, NINE_MS), (false, NINE_MS + DAY_MS), (false, NINE_MS + 2 * DAY_MS)];
        assert_eq!(times(&found), skipped);
        assert_eq!(schedules.statuses()[0].latest.len(), 3);
        assert_eq!(schedules.due(), Some(WallMs(NINE_MS + 3 * DAY_MS - MADE_AHEAD_MS)));
    }

    #[test]
    fn every_transition_of_the_table_is_taken() {
        let id = ScheduleId(Uuid::from_u128(5));
        let mut schedules = Schedules::default();
        schedules.add(WallMs(NINE_MS - DAY_MS), schedule("FREQ=DAILY")).unwrap();
        let refused = || Err(say("rain", "It rains.", "비가 옵니다."));
        schedules.look(WallMs(NINE_MS - MADE_AHEAD_MS));
        schedules.made(id, WallMs(NINE_MS + DAY_MS), refused());
        assert_eq!(schedules.statuses()[0].latest.len(), 0, "nobody asked for that one");
        schedules.made(id, WallMs(NINE_MS), Ok(MissionId(Uuid::nil())));
        schedules.made(id, WallMs(NINE_MS), refused());
        assert_eq!(schedules.statuses()[0].latest.len(), 1, "the first answer stands");
        schedules.look(WallMs(NINE_MS + DAY_MS - MADE_AHEAD_MS));
        schedules.made(id, WallMs(NINE_MS + DAY_MS), refused());
        schedules.look(WallMs(NINE_MS + 2 * DAY_MS));
        crate::machine::taken::assert_all(&MACHINE);
    }

    #[test]
    fn a_new_schedule_has_no_past() {
        let mut schedules = Schedules::default();
        schedules.add(WallMs(NINE_MS + 10 * DAY_MS), schedule("FREQ=DAILY")).unwrap();
        assert_eq!(times(&schedules.look(WallMs(NINE_MS + 10 * DAY_MS))), []);
        assert!(schedules.add(WallMs(0), schedule("FREQ=NEVER")).is_err());
    }

    proptest! {
        /// However the clock moves and whenever the tower restarts: no time is made twice, and none
        /// is made after it.
        #[test]
        fn no_time_is_made_twice_or_late(
            moves in proptest::collection::vec((-3_600_000_i64..30_000_000, any::<bool>()), 1..60),
        ) {
            let mut schedules = Schedules::default();
            let mut now = NINE_MS - DAY_MS;
            schedules.add(WallMs(now), schedule("FREQ=HOURLY;INTERVAL=5")).unwrap();
            let mut seen = BTreeSet::new();
            for (by, restart) in moves {
                now += by;
                for (is_made, at) in times(&schedules.look(WallMs(now))) {
                    prop_assert!(seen.insert(at), "twice: {}", at);
                    prop_assert!(!is_made || at > now, "late by {} ms", now - at);
                }
                if restart {
                    let kept = schedules.kept();
                    schedules = Schedules::default();
                    for kept in kept {
                        schedules.take(kept).unwrap();
                    }
                }
            }
        }
    }
}
