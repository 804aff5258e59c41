//! A flight between two docks, as a machine above the machines of both.
//!
//! Pure. Each dock runs its part as a mission of its own ([`crate::mission`]); this machine says when
//! each may go on. Both get the same preparation; nothing is ordered before both have answered it.
//! Then the landing dock goes first: a dock that opens for nobody is a nuisance, an aircraft without
//! a dock is a loss. Until the end both docks are reserved for this flight alone, so that there is
//! always a way back; so is the place it was bound for before it was sent elsewhere, since nobody
//! knows when, or whether, that order reached the aircraft. What breaks before take-off takes the
//! other part back; what breaks after it sends the aircraft to a home that can take it: an alternate,
//! else the dock it came from.

use std::collections::{BTreeMap, BTreeSet};

use fleet_types::{
    DeviceSn, MissionId, MissionState, MissionStatus, Reason, WallMs,
    mission::Verdict,
    multi_dock::{MultiDockState, MultiDockStatus},
};

use crate::{
    machine::Machine,
    mutant::{self, Mutant},
    preflight::say,
};

/// Every state and transition of a flight between two docks.
pub const MACHINE: Machine = Machine {
    name: "Flight between two docks",
    module: "multi_dock.rs",
    about: "Above the missions of both docks. Nothing is ordered before both have prepared; the landing \
        dock goes first; both places stay reserved until the end.",
    states: &[
        ("preparing", "Both docks are preparing the same flight."),
        ("opening", "Both have prepared; the landing dock is ordered first."),
        ("starting", "The landing dock is ready; take-off is ordered."),
        ("flying", "Under way to the landing dock."),
        ("diverted", "Sent to another home than the one planned."),
        ("ended", "Over, with one verdict."),
    ],
    starts: &["preparing"],
    ends: &["ended"],
    rows: &[
        ("both_prepared", &["preparing"], "opening"),
        ("landing_dock_open", &["opening"], "starting"),
        ("took_off", &["starting"], "flying"),
        ("landing_place_lost", &["flying"], "diverted"),
        ("part_ended", &["preparing", "opening", "starting"], "ended"),
        ("landing_dock_unknown", &["opening"], "ended"),
        ("flight_over", &["flying", "diverted"], "ended"),
        ("cancelled", &["preparing", "opening"], "ended"),
    ],
};

fn name(state: MultiDockState) -> &'static str {
    match state {
        MultiDockState::Preparing => "preparing",
        MultiDockState::Opening => "opening",
        MultiDockState::Starting => "starting",
        MultiDockState::Flying => "flying",
        MultiDockState::Diverted => "diverted",
        MultiDockState::Ended => "ended",
    }
}

/// Which dock of the flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The aircraft leaves it.
    TakeOff,
    /// It comes down there.
    Landing,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::TakeOff => Self::Landing,
            Self::Landing => Self::TakeOff,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep this dock's place for the flight, or give it free.
    Reserve {
        /// Dock.
        sn: DeviceSn,
        /// The flight, or nobody.
        flight_id: Option<MissionId>,
    },
    /// Ask this side's machine for its part.
    Prepare(Side),
    /// This side may order its part.
    Release(Side),
    /// This side is not to be ordered; what is prepared is taken back.
    Cancel(Side),
    /// `flighttask_stop` to this side.
    Stop {
        /// Which.
        side: Side,
        /// The other dock is out of order.
        other_failed: bool,
    },
    /// `return_specific_home` by way of this dock, to that one.
    ReturnTo {
        /// The dock with the best link to the aircraft.
        via: DeviceSn,
        /// Where it is to land.
        home: DeviceSn,
    },
    /// Tell this side how the flight stands at the other.
    Peer(Side),
    /// The status changed.
    Changed,
}

/// Where an aircraft could land, and what speaks against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Dock.
    pub sn: DeviceSn,
    /// Occupied, faulty, rain-closed, not heard; `None`: it can.
    pub against: Option<Reason>,
}

/// One flight between two docks.
#[derive(Clone, Debug)]
pub struct MultiDock {
    status: MultiDockStatus,
    parts: BTreeMap<Side, MissionState>,
    verdicts: BTreeMap<Side, (Verdict, Option<Reason>)>,
    released: BTreeMap<Side, bool>,
    /// The dock with the best link to the aircraft, by the aircraft's word.
    best_link: Option<DeviceSn>,
    stopped: BTreeMap<Side, bool>,
    /// Docks whose places are kept for this flight.
    held: BTreeSet<DeviceSn>,
}

impl MultiDock {
    /// Takes a flight whose landing place is free and fit; it is reserved from here on.
    #[must_use]
    pub fn accept(status: MultiDockStatus) -> (Self, Vec<Effect>) {
        let (landing, take_off) = (status.landing_sn.clone(), status.take_off_sn.clone());
        let flight_id = status.flight_id;
        let machine = Self {
            status,
            parts: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            released: BTreeMap::new(),
            best_link: None,
            stopped: BTreeMap::new(),
            held: [landing.clone(), take_off.clone()].into(),
        };
        let mut effects = vec![
            Effect::Reserve { sn: landing, flight_id: Some(flight_id) },
            Effect::Reserve { sn: take_off, flight_id: Some(flight_id) },
            Effect::Prepare(Side::TakeOff),
            Effect::Prepare(Side::Landing),
            Effect::Changed,
        ];
        if mutant::is(Mutant::LandingNotReserved) {
            effects.remove(0);
        }
        (machine, effects)
    }

    /// What the caller sees.
    #[must_use]
    pub fn status(&self) -> &MultiDockStatus {
        &self.status
    }

    /// Whether it is over and nothing more is to be done.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.status.state == MultiDockState::Ended
    }

    /// The part's dock.
    #[must_use]
    pub fn dock(&self, side: Side) -> &DeviceSn {
        match side {
            Side::TakeOff => &self.status.take_off_sn,
            Side::Landing => &self.status.landing_sn,
        }
    }

    /// The part's mission.
    #[must_use]
    pub fn mission(&self, side: Side) -> MissionId {
        match side {
            Side::TakeOff => self.status.take_off_mission,
            Side::Landing => self.status.landing_mission,
        }
    }

    /// The side of a mission, if it is one of ours.
    #[must_use]
    pub fn side_of(&self, mission_id: MissionId) -> Option<Side> {
        [Side::TakeOff, Side::Landing].into_iter().find(|side| self.mission(*side) == mission_id)
    }

    /// A part's machine told where it stands.
    pub fn on_part(&mut self, side: Side, part: &MissionStatus, places: &[Place]) -> Vec<Effect> {
        let before = self.parts.insert(side, part.state);
        if part.state == MissionState::Ended
            && let Some(verdict) = part.verdict
        {
            // The first final word of a part stands.
            self.verdicts.entry(side).or_insert((verdict, part.reason.clone()));
        }
        let mut effects = vec![Effect::Peer(side.other())];
        if before == Some(part.state) || self.is_ended() {
            return effects;
        }
        match self.status.state {
            MultiDockState::Preparing => self.while_preparing(&mut effects),
            MultiDockState::Opening => self.while_opening(&mut effects),
            MultiDockState::Starting => self.while_starting(&mut effects),
            MultiDockState::Flying | MultiDockState::Diverted => {
                self.while_flying(places, &mut effects);
            }
            MultiDockState::Ended => {}
        }
        effects
    }

    /// The aircraft says through which dock it hears best: orders go there.
    pub fn on_best_link(&mut self, sn: DeviceSn) {
        self.best_link = Some(sn);
    }

    /// What is known of landing places changed: the one it is bound for may not take it any more.
    pub fn on_places(&mut self, places: &[Place]) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.status.state {
            MultiDockState::Flying | MultiDockState::Diverted => {
                let home = self.status.home_sn.clone();
                let against = places.iter().find(|place| place.sn == home);
                if let Some(reason) = against.and_then(|place| place.against.clone()) {
                    self.divert(places, reason, &mut effects);
                }
            }
            // Before take-off the gate of the landing dock says no.
            MultiDockState::Preparing
            | MultiDockState::Opening
            | MultiDockState::Starting
            | MultiDockState::Ended => {}
        }
        effects
    }

    /// A person does not want it; only before take-off is ordered.
    ///
    /// # Errors
    /// It is too late.
    pub fn cancel(&mut self) -> Result<Vec<Effect>, Reason> {
        match self.status.state {
            MultiDockState::Preparing | MultiDockState::Opening => {
                let mut effects = Vec::new();
                let reason = say(
                    "canceled_by_person",
                    "Cancelled before take-off was ordered.",
                    "이륙을 지시하기 전에 취소되었습니다.",
                );
                self.give_up("cancelled", Verdict::Canceled, Some(reason), &mut effects);
                Ok(effects)
            }
            MultiDockState::Starting
            | MultiDockState::Flying
            | MultiDockState::Diverted
            | MultiDockState::Ended => Err(say(
                "already_started",
                "Take-off was ordered already. Call it home instead.",
                "이미 이륙을 지시했습니다. 복귀시키십시오.",
            )),
        }
    }

    fn part(&self, side: Side) -> Option<MissionState> {
        self.parts.get(&side).copied()
    }

    fn is_over(&self, side: Side) -> bool {
        self.part(side) == Some(MissionState::Ended)
    }

    /// Nothing is ordered until both docks answered the same preparation with yes.
    fn while_preparing(&mut self, effects: &mut Vec<Effect>) {
        if let Some((verdict, reason)) = self.first_end() {
            return self.give_up("part_ended", verdict, reason, effects);
        }
        let prepared = |state| state == Some(MissionState::Prepared);
        let sides = [Side::TakeOff, Side::Landing].map(|side| prepared(self.part(side)));
        if sides == [true; 2] || mutant::is(Mutant::ExecuteAfterOneReply) && sides != [false; 2] {
            self.turn("both_prepared", MultiDockState::Opening);
            self.release(Side::Landing, effects);
            effects.push(Effect::Changed);
        }
    }

    fn while_opening(&mut self, effects: &mut Vec<Effect>) {
        if let Some((verdict, reason)) = self.first_end() {
            return self.give_up("part_ended", verdict, reason, effects);
        }
        match self.part(Side::Landing) {
            Some(MissionState::Executing) => {
                self.turn("landing_dock_open", MultiDockState::Starting);
                self.release(Side::TakeOff, effects);
                effects.push(Effect::Changed);
            }
            // Whether it opens nobody knows: nothing takes off for it.
            Some(MissionState::Unknown) => {
                let reason = say(
                    "landing_dock_unknown",
                    "Whether the landing dock follows its order is not known: nothing takes off.",
                    "착륙 도크가 지시를 따르는지 알 수 없어 이륙하지 않습니다.",
                );
                self.give_up("landing_dock_unknown", Verdict::Rejected, Some(reason), effects);
            }
            Some(_) | None => {}
        }
    }

    fn while_starting(&mut self, effects: &mut Vec<Effect>) {
        match self.part(Side::TakeOff) {
            Some(MissionState::Executing | MissionState::Paused | MissionState::Hovering) => {
                self.turn("took_off", MultiDockState::Flying);
                effects.push(Effect::Changed);
            }
            Some(MissionState::Ended) => {
                let (verdict, reason) = self.end_of(Side::TakeOff);
                self.give_up("part_ended", verdict, reason, effects);
            }
            // It may be in the air, or take off any moment: the landing dock stays ready for it, and
            // what its machine learns or a person says decides.
            Some(_) | None => {}
        }
    }

    /// In the air. The flight is over by the word of the dock of take-off, which speaks for it, or by
    /// the landing dock's that has it.
    fn while_flying(&mut self, places: &[Place], effects: &mut Vec<Effect>) {
        if self.is_over(Side::TakeOff) {
            let (verdict, reason) = self.end_of(Side::TakeOff);
            return self.finish(verdict, reason, Side::Landing, effects);
        }
        if !self.is_over(Side::Landing) {
            return;
        }
        let (verdict, reason) = self.end_of(Side::Landing);
        if verdict == Verdict::Ok {
            return self.finish(verdict, reason, Side::TakeOff, effects);
        }
        // It was to land there and cannot.
        if self.status.home_sn == self.status.landing_sn {
            let reason = reason.unwrap_or_else(|| {
                say(
                    "landing_dock_failed",
                    "The landing dock failed.",
                    "착륙 도크에 문제가 생겼습니다.",
                )
            });
            self.divert(places, reason, effects);
        }
    }

    /// Another home: the first place that can take it, else the dock it came from.
    fn divert(&mut self, places: &[Place], why: Reason, effects: &mut Vec<Effect>) {
        let bound_for = self.status.home_sn.clone();
        let take_off = self.status.take_off_sn.clone();
        let fits = |place: &&Place| place.against.is_none() && place.sn != bound_for;
        let home = places.iter().find(fits).map_or(take_off, |place| place.sn.clone());
        if home == bound_for {
            return;
        }
        let flight_id = self.status.flight_id;
        // Never two bound for one place: the old one is kept, for the order may not reach it.
        if self.held.insert(home.clone()) {
            effects.push(Effect::Reserve { sn: home.clone(), flight_id: Some(flight_id) });
        }
        let via = self.best_link.clone().unwrap_or_else(|| self.status.take_off_sn.clone());
        effects.push(Effect::ReturnTo { via, home: home.clone() });
        self.status.home_sn = home;
        self.turn("landing_place_lost", MultiDockState::Diverted);
        self.status.reason = Some(why);
        effects.push(Effect::Changed);
    }

    /// Before take-off: both parts are taken back, whatever they have prepared or opened.
    fn give_up(
        &mut self,
        cause: &'static str,
        verdict: Verdict,
        reason: Option<Reason>,
        effects: &mut Vec<Effect>,
    ) {
        for side in [Side::TakeOff, Side::Landing] {
            if self.is_over(side) {
                continue;
            }
            let other_failed = self.verdicts.contains_key(&side.other());
            match self.released.contains_key(&side) {
                true => self.stop(side, other_failed, effects),
                false if mutant::is(Mutant::NoUndo) => {}
                false => effects.push(Effect::Cancel(side)),
            }
        }
        self.end(cause, verdict, reason, effects);
    }

    /// After take-off: the other dock is told that it is over.
    fn finish(
        &mut self,
        verdict: Verdict,
        reason: Option<Reason>,
        other: Side,
        effects: &mut Vec<Effect>,
    ) {
        if !self.is_over(other) {
            self.stop(other, verdict != Verdict::Ok, effects);
        }
        self.end("flight_over", verdict, reason, effects);
    }

    fn end(
        &mut self,
        cause: &'static str,
        verdict: Verdict,
        reason: Option<Reason>,
        effects: &mut Vec<Effect>,
    ) {
        let held = std::mem::take(&mut self.held);
        effects.extend(held.into_iter().map(|sn| Effect::Reserve { sn, flight_id: None }));
        self.turn(cause, MultiDockState::Ended);
        self.status.verdict = Some(verdict);
        self.status.reason = reason.or(self.status.reason.take());
        effects.push(Effect::Changed);
    }

    /// The one place where the state changes.
    fn turn(&mut self, cause: &'static str, to: MultiDockState) {
        MACHINE.check(cause, name(self.status.state), name(to));
        self.status.state = to;
    }

    /// Each part is released once.
    fn release(&mut self, side: Side, effects: &mut Vec<Effect>) {
        if self.released.insert(side, true).is_none() {
            effects.push(Effect::Release(side));
        }
    }

    /// Each part is stopped once.
    fn stop(&mut self, side: Side, other_failed: bool, effects: &mut Vec<Effect>) {
        if self.stopped.insert(side, true).is_none() {
            effects.push(Effect::Stop { side, other_failed });
        }
    }

    fn first_end(&self) -> Option<(Verdict, Option<Reason>)> {
        self.verdicts.values().next().cloned()
    }

    fn end_of(&self, side: Side) -> (Verdict, Option<Reason>) {
        self.verdicts.get(&side).cloned().unwrap_or((Verdict::Failed, None))
    }
}

/// The status of a flight that is asked for.
#[must_use]
pub fn asked(
    ids: [MissionId; 3],
    multi_dock_id: fleet_types::MultiDockId,
    take_off_sn: DeviceSn,
    landing_sn: DeviceSn,
    now: WallMs,
) -> MultiDockStatus {
    let [flight_id, take_off_mission, landing_mission] = ids;
    MultiDockStatus {
        multi_dock_id,
        flight_id,
        home_sn: landing_sn.clone(),
        take_off_sn,
        take_off_mission,
        landing_sn,
        landing_mission,
        state: MultiDockState::Preparing,
        verdict: None,
        reason: None,
        accepted_ms: now,
    }
}

#[cfg(test)]
mod tests;
