//! The gate before take-off: every question is asked when a flight is prepared and again right
//! before it is ordered, and every answer says what was found.
//!
//! Pure: facts come in, a [`Preflight`] comes out. A fact that is old or was never heard counts
//! against the flight. What can hurt beyond repair can be overridden by nobody; the rest by people
//! whose role allows it, with their reason and an end. Read next: [`items`] for the questions,
//! [`crate::conditions`] for what conditional missions add.

mod items;

use fleet_types::{
    DeviceSn, MissionId, MissionPlan, Now, Preflight, Reason,
    mission::LostLinkAction,
    preflight::{PreflightItem, PreflightLine, PreflightOverride, PreflightState},
};

use crate::interlock::{Fact, Facts};

/// Warnings shown from beyond the dock; more are told by the last one.
const WARNINGS_MAX: usize = 8;

/// What a site asks of a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Least battery to take off with, percent. DJI refuses below 30.
    pub battery_min_percent: i64,
    /// Wind from which a person is told, tenths of m/s.
    pub wind_warn_dmps: i64,
    /// Wind from which nothing flies, tenths of m/s.
    pub wind_max_dmps: i64,
    /// Rain from which nothing flies: 1 light, 2 moderate, 3 heavy.
    pub rain_max: i64,
    /// Least room on the aircraft, MB.
    pub aircraft_free_min_mb: i64,
    /// Least room on the dock, MB.
    pub dock_free_min_mb: i64,
}

impl Default for Limits {
    /// DJI's own bounds for the Dock 2 and Matrice 3D: 12 m/s in flight, 8 m/s when landing.
    fn default() -> Self {
        Self {
            battery_min_percent: 30,
            wind_warn_dmps: 80,
            wind_max_dmps: 120,
            rain_max: 2,
            aircraft_free_min_mb: 1_000,
            dock_free_min_mb: 2_000,
        }
    }
}

/// Where the transfer of custom flight areas stands, by the dock's latest word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AreasSync {
    /// It never spoke of any.
    #[default]
    NoWord,
    /// They are on the aircraft.
    Done,
    /// They are on the way.
    UnderWay,
    /// They did not arrive.
    Failed,
}

/// Health alarms of dock and aircraft as of the latest full set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HmsNow {
    /// Code of a warning (level 2) that is imminent.
    pub imminent_warning: Option<String>,
    /// Code of another warning (level 2).
    pub warning: Option<String>,
    /// Code of a caution (level 1).
    pub caution: Option<String>,
}

/// Everything the questions look at.
#[derive(Clone, Debug)]
pub struct FlightFacts {
    /// What the interlocks look at too.
    pub dock: Facts,
    /// Aircraft's battery, percent.
    pub battery_percent: Fact,
    /// Wind at the dock, tenths of m/s.
    pub wind_dmps: Fact,
    /// Rain at the dock: 0 none to 3 heavy.
    pub rain: Fact,
    /// Cover: 0 closed, 1 open, 2 half open, 3 abnormal.
    pub cover: Fact,
    /// Dock's network: 0 none to 5 excellent.
    pub network: Fact,
    /// Dock's position: 2 fixed.
    pub position_fix: Fact,
    /// 1: the dock knows its home position.
    pub home_valid: Fact,
    /// Service of the aircraft's battery: 0 none, 1 due, 2 going on.
    pub battery_service: Fact,
    /// Room on the aircraft, MB, however old: it is switched off in its dock.
    pub aircraft_free_mb: Option<i64>,
    /// Room on the dock, MB.
    pub dock_free_mb: Option<i64>,
    /// Files that the dock has not passed on yet.
    pub media_waiting: Option<i64>,
    /// 1: a part of the dock's firmware does not fit.
    pub dock_incompatible: Option<i64>,
    /// 1: a part of the aircraft's firmware does not fit.
    pub aircraft_incompatible: Option<i64>,
    /// Firmware is being changed on either.
    pub upgrading: bool,
    /// Health alarms.
    pub hms: HmsNow,
    /// Custom flight areas.
    pub areas: AreasSync,
    /// Who works on the dock, and why.
    pub maintenance: Option<String>,
    /// The flight that is to land here.
    pub reserved_for: Option<MissionId>,
}

/// What is to be flown, as far as the questions care.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// Which flight; none for a question ahead of it.
    pub flight_id: Option<MissionId>,
    /// Its plan.
    pub plan: &'a MissionPlan,
    /// Height of return above take-off, metres.
    pub rth_altitude_m: u16,
    /// On loss of the link.
    pub lost_link_action: LostLinkAction,
    /// Whether the wayline is left then.
    pub exit_wayline_when_link_lost: bool,
    /// What is known against it beyond this dock.
    pub warnings: &'a [Reason],
}

/// What was found, and whether anybody may fly in spite of it.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// Nothing against it.
    Ok(Reason),
    /// To be known.
    Warn(Reason),
    /// Against it, unless somebody who may says otherwise.
    Block(Reason),
    /// Against it, whoever says what.
    Never(Reason),
}

/// Asks every question.
#[must_use]
pub fn preflight(
    now: Now,
    sn: &DeviceSn,
    facts: &FlightFacts,
    want: &Want<'_>,
    limits: &Limits,
    overrides: &[PreflightOverride],
) -> Preflight {
    let mut lines = Vec::with_capacity(PreflightItem::ALL.len());
    for item in PreflightItem::ALL {
        if item == PreflightItem::Overlap {
            lines.extend(overlap_lines(want.warnings));
            continue;
        }
        let finding = items::ask(item, facts, want, limits);
        lines.push(line(now, item, finding, overrides));
    }
    let can_fly = lines.iter().all(|line| line.state != PreflightState::Blocked);
    Preflight { sn: sn.clone(), at_ms: now.wall, can_fly, lines }
}

/// The first thing that stops the flight, as [`preflight`] lists it: what waits asks after every input.
pub(crate) fn first_block(
    now: Now,
    facts: &FlightFacts,
    want: &Want<'_>,
    limits: &Limits,
    overrides: &[PreflightOverride],
) -> Option<Reason> {
    // Other flights in the way warn, and stop nothing.
    let items = PreflightItem::ALL.into_iter().filter(|item| *item != PreflightItem::Overlap);
    let mut lines =
        items.map(|item| line(now, item, items::ask(item, facts, want, limits), overrides));
    lines.find(|line| line.state == PreflightState::Blocked).map(|line| line.reason)
}

fn line(
    now: Now,
    item: PreflightItem,
    finding: Finding,
    overrides: &[PreflightOverride],
) -> PreflightLine {
    let (state, reason, override_role) = match finding {
        Finding::Ok(reason) => (PreflightState::Ok, reason, None),
        Finding::Warn(reason) => (PreflightState::Warning, reason, None),
        Finding::Block(reason) => (PreflightState::Blocked, reason, item.override_role()),
        Finding::Never(reason) => (PreflightState::Blocked, reason, None),
    };
    let counts = |given: &&PreflightOverride| {
        given.item == item
            && now.wall < given.expires_ms
            && override_role.is_some_and(|least| given.role >= least)
    };
    let override_by = overrides.iter().find(counts).cloned();
    let state = if override_by.is_some() { PreflightState::Overridden } else { state };
    PreflightLine { item, state, reason, override_role, override_by }
}

/// Other flights in the way warn, each by its own line.
fn overlap_lines(warnings: &[Reason]) -> Vec<PreflightLine> {
    let item = PreflightItem::Overlap;
    let line = |state, reason| PreflightLine {
        item,
        state,
        reason,
        override_role: None,
        override_by: None,
    };
    if warnings.is_empty() {
        let text = "No other flight of ours is known in its place, time or height.";
        let ko = "같은 곳, 시간, 고도에 알려진 다른 비행이 없습니다.";
        return vec![line(PreflightState::Ok, say("no_overlap", text, ko))];
    }
    let shown = warnings.iter().take(WARNINGS_MAX);
    shown.map(|reason| line(PreflightState::Warning, reason.clone())).collect()
}

/// A reason in both languages.
#[must_use]
pub fn say(
    code: &'static str,
    en: impl Into<std::borrow::Cow<'static, str>>,
    ko: impl Into<std::borrow::Cow<'static, str>>,
) -> Reason {
    let mut reason = Reason::new(code, en);
    reason.message_ko = Some(ko.into());
    reason
}

#[cfg(test)]
pub(crate) mod tests;
