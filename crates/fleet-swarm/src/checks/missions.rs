//! Promises about missions: one flight for one intention, one verdict, and it is true.

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::journal::Entry;
use fleet_sim::model::FlightEnd;
use fleet_types::{CommandId, CommandState, MissionId, MissionState, mission::Verdict};

use super::Checker;
use crate::facts::{Cause, Fact};
use crate::world::View;

/// No intention of a person, however often they click, makes an aircraft take off twice.
#[derive(Default)]
pub(super) struct OneTakeOff {
    /// The intention behind a flight.
    intention: BTreeMap<String, (usize, String)>,
    take_offs: BTreeMap<(usize, String), u32>,
    /// The last order of each flight.
    orders: BTreeMap<String, CommandId>,
    /// Orders of which the link said for certain that the dock will never get them.
    undelivered: BTreeSet<CommandId>,
    /// Which order of a flight reached its dock.
    arrived: BTreeMap<String, String>,
    judged: u64,
}

impl Checker for OneTakeOff {
    fn name(&self) -> &'static str {
        "no second take-off"
    }

    fn note(&mut self, _view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::AskedMission { dock, request, .. } => {
                let key = (*dock, request.idempotency_key.as_str().to_owned());
                self.intention.insert(request.mission_id.to_string(), key);
            }
            Fact::Sent { sent, .. } if sent.method == "flighttask_execute" => {
                let flight_id = sent.flight_id.clone().unwrap_or_default();
                let before = self.orders.insert(flight_id.clone(), sent.command_id);
                // Again only when the order before certainly does not arrive, and never the same.
                if before.is_some_and(|before| !self.undelivered.contains(&before)) {
                    return Err(format!("take-off of flight {flight_id} was ordered twice"));
                }
            }
            Fact::Command { status, cause: Cause::Link, .. }
                if matches!(status.state, CommandState::Rejected | CommandState::Expired) =>
            {
                self.undelivered.insert(status.command_id);
            }
            Fact::Arrived {
                method: "flighttask_execute", tid, flight_id: Some(flight_id), ..
            } => {
                let first = self.arrived.entry((*flight_id).to_owned());
                let first = first.or_insert_with(|| (*tid).to_owned());
                if first != tid {
                    return Err(format!("two orders to take off reached the dock of {flight_id}"));
                }
            }
            Fact::TookOff { dock, flight_id } => {
                self.judged += 1;
                let Some(key) = self.intention.get(*flight_id) else {
                    return Err(format!("dock {dock}: nobody asked for flight {flight_id}"));
                };
                let take_offs = self.take_offs.entry(key.clone()).or_default();
                *take_offs += 1;
                if *take_offs > 1 {
                    return Err(format!("dock {dock} took off twice for {}", key.1));
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

/// A mission has one verdict, told and recorded once, and it agrees with what happened.
#[derive(Default)]
pub(super) struct OneVerdict {
    verdicts: BTreeMap<MissionId, (usize, Verdict)>,
    committed: BTreeSet<MissionId>,
    settled: BTreeSet<MissionId>,
    recorded: BTreeMap<MissionId, u32>,
    judged: u64,
}

impl OneVerdict {
    fn agrees(view: &View<'_>, dock: usize, id: MissionId, verdict: Verdict) -> Result<(), String> {
        let truth = view.sites[dock].model.ground_truth();
        let flight = truth.flight(&id.to_string());
        let took_off = flight.is_some_and(|flight| flight.take_offs > 0);
        let end = flight.and_then(|flight| flight.ended).map(|(_, end)| end);
        let fits = match verdict {
            Verdict::Ok => end == Some(FlightEnd::Complete),
            Verdict::Canceled => end == Some(FlightEnd::Canceled),
            Verdict::Failed | Verdict::Timeout | Verdict::PartiallyDone => {
                matches!(end, Some(FlightEnd::Failed(_)))
            }
            Verdict::Rejected | Verdict::Expired => !took_off,
        };
        if fits { Ok(()) } else { Err(format!("took off: {took_off}, ended: {end:?}")) }
    }
}

impl Checker for OneVerdict {
    fn name(&self) -> &'static str {
        "one true verdict for a mission"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Mission { dock, status, cause } => {
                let id = status.mission_id;
                match (self.verdicts.get(&id).map(|(_, verdict)| *verdict), status.verdict) {
                    (Some(before), now) if now != Some(before) => {
                        return Err(format!("mission {id} was {before:?} and is {now:?}"));
                    }
                    (Some(_), _) | (None, None) => {}
                    (None, Some(verdict)) => {
                        self.judged += 1;
                        self.verdicts.insert(id, (*dock, verdict));
                        if *cause == Cause::Resolution {
                            self.settled.insert(id);
                        } else {
                            let told = Self::agrees(view, *dock, id, verdict);
                            return told.map_err(|truth| {
                                format!("mission {id} is told as {verdict:?}, but {truth}")
                            });
                        }
                    }
                }
                if status.state == MissionState::Ended && status.verdict.is_none() {
                    return Err(format!("mission {id} ended without a verdict"));
                }
            }
            Fact::TookOff { flight_id, dock } => {
                let id = flight_id.parse().ok().map(MissionId);
                let verdict = id.and_then(|id| self.verdicts.get(&id));
                if let Some((_, verdict)) = verdict {
                    return Err(format!(
                        "dock {dock} takes off for {flight_id}, which was told as {verdict:?}"
                    ));
                }
            }
            Fact::Committed { record, .. } => {
                if let Entry::MissionOutcome { mission_id, .. } = &record.entry {
                    self.committed.insert(*mission_id);
                }
            }
            // Told and not yet recorded, it may be open again to a tower that lost its memory.
            Fact::Made { dock, .. } => {
                let committed = &self.committed;
                self.verdicts.retain(|id, (of, _)| of != dock || committed.contains(id));
                self.recorded.retain(|id, _| committed.contains(id));
            }
            Fact::Record { record, is_owner: true, .. } => {
                if let Entry::MissionOutcome { mission_id, verdict, .. } = &record.entry {
                    let count = self.recorded.entry(*mission_id).or_default();
                    *count += 1;
                    if *count > 1 {
                        return Err(format!(
                            "a second verdict of mission {mission_id} is recorded: {verdict:?}"
                        ));
                    }
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
