//! Recurring missions: each schedule makes a timed mission for each of its times, some while ahead.
//!
//! Pure. A time that passed while nobody looked (the tower was down, the clock jumped) is skipped on
//! record, never flown late and never made up for. What was handled is handled: the state that is
//! kept outlives a restart, and a time whose mission was asked for without an answer is asked for again
//! under the same key, before its time only. Read next: [`rule`], [`blackout`].

pub mod blackout;
pub mod rule;

use std::collections::{BTreeMap, BTreeSet};

use fleet_types::{
    MissionId, Reason, ScheduleId, WallMs,
    schedule::{Occurrence, OccurrenceState, Schedule, ScheduleStatus},
};
use serde::{Deserialize, Serialize};

use crate::{
    machine::Machine,
    mission::waiting::{EXECUTE_AHEAD_MS, PREPARE_AHEAD_MS},
    preflight::say,
};
use blackout::Blackouts;
use rule::Rule;

/// Every state and transition of one time of a schedule.
pub const MACHINE: Machine = Machine {
    name: "One time of a recurring mission",
    module: "schedule.rs",
    about: "Each time of an RRULE in its time zone. A mission is made for it some while ahead, under a key \
        that is the same whoever asks; a time that passed while nobody looked, lies in a blackout or came \
        while the schedule was paused is skipped on record, never flown late. The mission then has a life \
        of its own.",
    states: &[
        ("ahead", "Its mission is not due to be made."),
        ("asked", "The dock's machine was asked for the mission."),
        ("made", "There is a mission."),
        ("refused", "The dock's machine did not take it."),
        (
            "skipped",
            "It passed while nobody looked, in a blackout, or while the schedule was paused.",
        ),
    ],
    starts: &["ahead"],
    ends: &["made", "refused", "skipped"],
    rows: &[
        ("due", &["ahead"], "asked"),
        ("too_late", &["ahead", "asked"], "skipped"),
        ("blackout", &["ahead"], "skipped"),
        ("paused", &["ahead"], "skipped"),
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
/// Next times that are shown.
const UPCOMING_MAX: usize = 5;
/// Times in blackouts that are looked past to find those.
const UPCOMING_LOOKS: usize = 400;

/// A schedule as it is kept: what it is, and how far it was handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The schedule.
    pub schedule: Schedule,
    /// No time up to this one is handled again.
    pub handled_ms: WallMs,
    /// Its latest times, oldest first; those that stand as asked are asked for again.
    #[serde(default)]
    pub latest: Vec<Occurrence>,
    /// Who paused it.
    #[serde(default)]
    pub paused_by: Option<String>,
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
        /// It was asked for before a restart, and no answer was heard.
        is_again: bool,
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
    blackouts: Blackouts,
    next: Option<WallMs>,
    /// Times whose mission was asked for, and no answer came yet.
    asked: BTreeSet<WallMs>,
    /// Those among them that were asked for before a restart and not since.
    again: BTreeSet<WallMs>,
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
        self.take(Kept { schedule, handled_ms: now, latest: Vec::new(), paused_by: None })
    }

    /// Gives a schedule another shape. Times that were handled stay handled, whatever the new rule says
    /// of them; missions that were made stay as they were made.
    ///
    /// # Errors
    /// What is wrong with it; nothing has changed then.
    pub fn change(&mut self, now: WallMs, schedule: Schedule) -> Result<(), Reason> {
        let Some(item) = self.items.get_mut(&schedule.schedule_id) else {
            return Err(unknown());
        };
        let handled_ms = item.kept.handled_ms.max(now);
        let mut rule = Rule::new(&schedule.first, &schedule.zone, &schedule.rrule)?;
        item.blackouts = Blackouts::read(&schedule.blackouts, rule.zone())?;
        item.next = next_after(&mut rule, handled_ms);
        (item.rule, item.kept.schedule, item.kept.handled_ms) = (rule, schedule, handled_ms);
        Ok(())
    }

    /// Pauses a schedule, or lets it go on: its times pass on record meanwhile.
    ///
    /// # Errors
    /// There is no such schedule.
    pub fn pause(&mut self, id: ScheduleId, by: Option<String>) -> Result<(), Reason> {
        let item = self.items.get_mut(&id).ok_or_else(unknown)?;
        item.kept.paused_by = by;
        Ok(())
    }

    /// Missions of a schedule whose time has not come.
    #[must_use]
    pub fn waiting(&self, now: WallMs, id: ScheduleId) -> Vec<MissionId> {
        let latest = self.items.get(&id).into_iter().flat_map(|item| &item.kept.latest);
        latest.filter(|time| time.at_ms > now).filter_map(|time| time.mission_id).collect()
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
        let blackouts = Blackouts::read(&schedule.blackouts, rule.zone())?;
        let next = next_after(&mut rule, kept.handled_ms);
        let id = schedule.schedule_id;
        let is_asked = |time: &&Occurrence| time.state == OccurrenceState::Asked;
        let asked: BTreeSet<_> = kept.latest.iter().filter(is_asked).map(|t| t.at_ms).collect();
        let mut kept = kept;
        kept.latest.retain(|time| time.state != OccurrenceState::Asked);
        let again = asked.clone();
        self.items.insert(id, Item { kept, rule, blackouts, next, asked, again });
        Ok(())
    }

    /// Ends a schedule; missions it has made stay.
    pub fn remove(&mut self, id: ScheduleId) -> Option<Schedule> {
        self.items.remove(&id).map(|item| item.kept.schedule)
    }

    /// When [`Self::look`] is next due; at once where something waits from before a restart.
    #[must_use]
    pub fn due(&self) -> Option<WallMs> {
        let again = self.items.values().filter_map(|item| item.again.first().copied());
        let next = self.items.values().filter_map(|item| item.next).chain(again);
        next.map(|at| WallMs(at.0.saturating_sub(MADE_AHEAD_MS))).min()
    }

    /// Makes what is due, and skips what is past.
    pub fn look(&mut self, now: WallMs) -> Vec<Effect> {
        let mut effects = Vec::new();
        for item in self.items.values_mut() {
            while effects.len() < AT_ONCE_MAX
                && let Some(at) = item.again.pop_first()
            {
                effects.push(item.ask_again(now, at));
            }
            while let Some(at) = item.next.filter(|at| at.since_ms(now) <= MADE_AHEAD_MS)
                && effects.len() < AT_ONCE_MAX
            {
                effects.push(item.handle(now, at));
            }
        }
        if !effects.is_empty() {
            effects.push(Effect::Changed);
        }
        effects
    }

    /// A time that was to be flown is too late by now, or somebody else saw to it: nothing was asked.
    pub fn skip(&mut self, id: ScheduleId, at: WallMs, reason: Reason) {
        let Some(item) = self.items.get_mut(&id).filter(|item| item.asked.contains(&at)) else {
            return;
        };
        MACHINE.check("too_late", "asked", "skipped");
        item.asked.remove(&at);
        item.keep(at, OccurrenceState::Skipped, None, Some(reason));
    }

    /// What became of [`Effect::Fly`]: a mission, or why there is none.
    pub fn made(&mut self, id: ScheduleId, at: WallMs, made: Result<MissionId, Reason>) {
        // An answer that was not asked for, or comes twice, is about nothing.
        let Some(item) = self.items.get_mut(&id).filter(|item| item.asked.contains(&at)) else {
            return;
        };
        item.asked.remove(&at);
        match made {
            Ok(mission_id) => {
                MACHINE.check("taken", "asked", "made");
                item.keep(at, OccurrenceState::Made, Some(mission_id), None);
            }
            Err(reason) => {
                MACHINE.check("not_taken", "asked", "refused");
                item.keep(at, OccurrenceState::Refused, None, Some(reason));
            }
        }
    }

    /// Times of all schedules in `[from, until)` that were not handled, at most so many, in order of
    /// the schedules; each with why it will not be flown, as things stand.
    #[must_use]
    pub fn planned(&self, from: WallMs, until: WallMs, max: usize) -> Vec<Planned<'_>> {
        let mut found = Vec::new();
        for item in self.items.values() {
            let mut rule = item.rule.clone();
            let mut next = item.next;
            while let Some(at) = next.filter(|at| *at < until)
                && found.len() < max
            {
                next = rule.next_time();
                if at >= from {
                    let skipped = item.why_not(at).map(|(_, reason)| reason);
                    found.push(Planned { schedule: &item.kept.schedule, at, skipped });
                }
            }
        }
        found
    }

    /// Where all of them stand.
    #[must_use]
    pub fn statuses(&self) -> Vec<ScheduleStatus> {
        self.items.values().map(Item::status).collect()
    }

    /// Where one of them stands.
    #[must_use]
    pub fn status(&self, id: ScheduleId) -> Option<ScheduleStatus> {
        self.items.get(&id).map(Item::status)
    }

    /// What is to be kept over a restart.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        self.items.values().map(Item::kept).collect()
    }

    /// The same of one.
    #[must_use]
    pub fn kept_of(&self, id: ScheduleId) -> Option<Kept> {
        self.items.get(&id).map(Item::kept)
    }

    /// All schedules, as they are.
    pub fn all(&self) -> impl Iterator<Item = &Schedule> {
        self.items.values().map(|item| &item.kept.schedule)
    }
}

/// A time that was not handled.
#[derive(Clone, Debug)]
pub struct Planned<'a> {
    /// Whose.
    pub schedule: &'a Schedule,
    /// When.
    pub at: WallMs,
    /// Why it will not be flown, as things stand.
    pub skipped: Option<Reason>,
}

impl Item {
    /// With the times that were asked for and not answered.
    fn kept(&self) -> Kept {
        let mut kept = self.kept.clone();
        let asked = |at: &WallMs| Occurrence {
            at_ms: *at,
            state: OccurrenceState::Asked,
            mission_id: None,
            reason: None,
        };
        kept.latest.extend(self.asked.iter().map(asked));
        kept
    }

    fn handle(&mut self, now: WallMs, at: WallMs) -> Effect {
        self.kept.handled_ms = at;
        self.next = self.rule.next_time();
        let schedule = Box::new(self.kept.schedule.clone());
        let refused = match self.why_not(at) {
            None if at.since_ms(now) > TOO_LATE_MS => {
                MACHINE.check("due", "ahead", "asked");
                self.asked.insert(at);
                return Effect::Fly { schedule, at_ms: at, is_again: false };
            }
            Some(why) => why,
            None => ("too_late", missed()),
        };
        let (cause, reason) = refused;
        MACHINE.check(cause, "ahead", "skipped");
        self.keep(at, OccurrenceState::Skipped, None, Some(reason.clone()));
        Effect::Skipped { schedule, at_ms: at, reason }
    }

    /// What was asked for before a restart is asked for again while there is time.
    fn ask_again(&mut self, now: WallMs, at: WallMs) -> Effect {
        let schedule = Box::new(self.kept.schedule.clone());
        if at.since_ms(now) > TOO_LATE_MS {
            return Effect::Fly { schedule, at_ms: at, is_again: true };
        }
        MACHINE.check("too_late", "asked", "skipped");
        self.asked.remove(&at);
        let reason = missed();
        self.keep(at, OccurrenceState::Skipped, None, Some(reason.clone()));
        Effect::Skipped { schedule, at_ms: at, reason }
    }

    /// Why a time is not flown, whenever it is.
    fn why_not(&self, at: WallMs) -> Option<(&'static str, Reason)> {
        if let Some(by) = &self.kept.paused_by {
            let reason = say(
                "schedule_paused",
                format!("The schedule is paused by {by}."),
                format!("{by} 님이 반복 임무를 일시 정지했습니다."),
            );
            return Some(("paused", reason));
        }
        let note = self.blackouts.covers(at)?;
        let (en, ko) = if note.is_empty() {
            (String::new(), String::new())
        } else {
            (format!(" ({note})"), format!(" ({note})"))
        };
        let reason = say(
            "blackout",
            format!("It lies in a time in which nothing is flown{en}."),
            format!("비행하지 않는 시간대입니다{ko}."),
        );
        Some(("blackout", reason))
    }

    fn status(&self) -> ScheduleStatus {
        let mut rule = self.rule.clone();
        let mut next = self.next;
        let mut upcoming = Vec::new();
        for _ in 0..UPCOMING_LOOKS {
            let Some(at) = next.filter(|_| upcoming.len() < UPCOMING_MAX) else { break };
            if self.blackouts.covers(at).is_none() {
                upcoming.push(at);
            }
            next = rule.next_time();
        }
        ScheduleStatus {
            schedule: self.kept.schedule.clone(),
            next_ms: self.next,
            upcoming,
            paused_by: self.kept.paused_by.clone(),
            latest: self.kept.latest.clone(),
        }
    }

    fn keep(
        &mut self,
        at_ms: WallMs,
        state: OccurrenceState,
        mission_id: Option<MissionId>,
        reason: Option<Reason>,
    ) {
        if self.kept.latest.len() >= LATEST_MAX {
            self.kept.latest.remove(0);
        }
        self.kept.latest.push(Occurrence { at_ms, state, mission_id, reason });
    }
}

fn missed() -> Reason {
    say(
        "missed_window",
        "Its time passed while nobody looked; it is not flown late.",
        "확인하지 못한 사이에 시간이 지났습니다. 늦게 비행하지 않습니다.",
    )
}

fn unknown() -> Reason {
    say("unknown_schedule", "There is no such schedule.", "그런 반복 임무가 없습니다.")
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
            blackouts: Vec::new(),
            created_by: "operator".into(),
        }
    }

    fn blackout(from: &str, until: &str) -> fleet_types::schedule::Blackout {
        fleet_types::schedule::Blackout {
            from: from.into(),
            until: until.into(),
            note: String::new(),
        }
    }

    fn again(schedules: &Schedules) -> Schedules {
        let text = serde_json::to_string(&schedules.kept()).unwrap();
        let mut schedules = Schedules::default();
        for kept in serde_json::from_str::<Vec<Kept>>(&text).unwrap() {
            schedules.take(kept).unwrap();
        }
        schedules
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
        schedules.pause(id, Some("kim".into())).unwrap();
        schedules.look(WallMs(NINE_MS + 3 * DAY_MS - MADE_AHEAD_MS));
        schedules.pause(id, None).unwrap();
        let mut dark = schedule("FREQ=DAILY");
        dark.blackouts = vec![blackout("08:30", "09:30")];
        schedules.change(WallMs(NINE_MS + 3 * DAY_MS), dark).unwrap();
        schedules.look(WallMs(NINE_MS + 4 * DAY_MS - MADE_AHEAD_MS));
        schedules.change(WallMs(NINE_MS + 4 * DAY_MS), schedule("FREQ=DAILY")).unwrap();
        schedules.look(WallMs(NINE_MS + 5 * DAY_MS - MADE_AHEAD_MS));
        schedules.skip(id, WallMs(NINE_MS + 5 * DAY_MS), missed());
        let codes: Vec<_> = schedules.statuses()[0]
            .latest
            .iter()
            .map(|time| time.reason.as_ref().map_or("", |reason| reason.code.as_ref()).to_owned())
            .collect();
        let expect = ["", "rain", "missed_window", "schedule_paused", "blackout", "missed_window"];
        assert_eq!(codes, expect);
        crate::machine::taken::assert_all(&MACHINE);
    }

    #[test]
    fn what_was_asked_for_without_an_answer_is_asked_for_again_in_time_and_skipped_after() {
        let mut schedules = Schedules::default();
        schedules.add(WallMs(NINE_MS - DAY_MS), schedule("FREQ=DAILY")).unwrap();
        schedules.look(WallMs(NINE_MS - MADE_AHEAD_MS));
        let mut restarted = again(&schedules);
        assert!(restarted.due().unwrap() <= WallMs(NINE_MS - MADE_AHEAD_MS), "at once");
        let found = restarted.look(WallMs(NINE_MS - 60_000));
        let Effect::Fly { is_again: true, at_ms: WallMs(NINE_MS), .. } = found[0] else {
            panic!("{found:?}");
        };
        assert_eq!(restarted.look(WallMs(NINE_MS - 50_000)), [], "once");
        restarted.made(ScheduleId(Uuid::from_u128(5)), WallMs(NINE_MS), Ok(MissionId(Uuid::nil())));
        assert_eq!(restarted.statuses()[0].latest.len(), 1);
        assert_eq!(again(&restarted).look(WallMs(NINE_MS - 40_000)), [], "it is made");

        let mut late = again(&schedules);
        assert_eq!(times(&late.look(WallMs(NINE_MS - 1))), [(false, NINE_MS)]);
        assert_eq!(late.statuses()[0].latest[0].state, OccurrenceState::Skipped);
    }

    #[test]
    fn blackouts_and_pauses_show_ahead_and_a_change_leaves_what_was_handled() {
        let id = ScheduleId(Uuid::from_u128(5));
        let mut schedules = Schedules::default();
        let mut hourly = schedule("FREQ=HOURLY");
        hourly.blackouts = vec![blackout("10:00", "12:00")];
        schedules.add(WallMs(NINE_MS - 1), hourly).unwrap();
        let hour = 3_600_000;
        let until = WallMs(NINE_MS + 4 * hour);
        let planned = schedules.planned(WallMs(NINE_MS), until, 100);
        let dark: Vec<_> = planned.iter().map(|time| time.skipped.is_some()).collect();
        assert_eq!(dark, [false, true, true, false]);
        assert_eq!(schedules.planned(WallMs(NINE_MS), until, 2).len(), 2);
        let upcoming = &schedules.statuses()[0].upcoming;
        assert_eq!(upcoming[..2], [WallMs(NINE_MS), WallMs(NINE_MS + 3 * hour)]);
        schedules.look(WallMs(NINE_MS - 20 * 60_000));
        schedules.made(id, WallMs(NINE_MS), Ok(MissionId(Uuid::from_u128(7))));
        let soon = WallMs(NINE_MS - 60_000);
        assert_eq!(schedules.waiting(soon, id), [MissionId(Uuid::from_u128(7))]);
        assert_eq!(schedules.waiting(WallMs(NINE_MS), id), []);
        schedules.change(soon, schedule("FREQ=DAILY")).unwrap();
        let next = schedules.statuses()[0].next_ms;
        assert_eq!(next, Some(WallMs(NINE_MS + DAY_MS)), "today's was handled");
        assert!(schedules.change(soon, schedule("FREQ=NEVER")).is_err());
        let mut bad = schedule("FREQ=DAILY");
        bad.blackouts = vec![blackout("25:00", "26:00")];
        assert_eq!(schedules.change(soon, bad).unwrap_err().code, "bad_schedule");
        assert_eq!(schedules.statuses()[0].next_ms, next, "nothing has changed");
        assert!(schedules.pause(ScheduleId(Uuid::nil()), None).is_err());
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
            let (mut seen, mut asked) = (BTreeSet::new(), BTreeSet::new());
            for (by, restart) in moves {
                now += by;
                for effect in schedules.look(WallMs(now)) {
                    match effect {
                        Effect::Fly { at_ms, is_again, .. } => {
                            prop_assert!(at_ms.0 > now, "late by {} ms", now - at_ms.0);
                            // Again under the same key, and only what was never answered.
                            prop_assert_eq!(is_again, !seen.insert(at_ms.0), "twice: {:?}", at_ms);
                            prop_assert_eq!(is_again, !asked.insert(at_ms.0));
                        }
                        Effect::Skipped { at_ms, .. } => {
                            let is_new = seen.insert(at_ms.0);
                            prop_assert!(is_new || asked.remove(&at_ms.0), "twice: {:?}", at_ms);
                        }
                        Effect::Changed => {}
                    }
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
