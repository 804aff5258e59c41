//! The flight itself: cover, take-off, waypoints, return, landing, charging, in small physical
//! steps. It decides nothing about messages beyond saying when something worth telling happens. Read
//! next: `body`, `progress`.

use serde_json::json;
use wpml::{FinishAction, FlyToMode};

use super::body::{CoverState, Point};
use super::dock_osd::{r1, r7};
use super::route::{actions_at, leg_speed_mps, start_of};
use super::stage::{Ending, Stage};
use super::{AircraftMode, DockModel, codes};

pub(super) const COVER_S: f64 = 10.0;
const START_UP_S: f64 = 20.0;
pub(super) const WRAP_UP_S: f64 = 6.0;
const STEP_S: f64 = 0.2;
/// A simulator that slept for an hour does not fly for an hour in one input.
const MAX_STEP_S: f64 = 600.0;
const CLIMB_MPS: f64 = 5.0;
const RETURN_MPS: f64 = 12.0;
const DESCENT_MPS: f64 = 4.0;
const TOUCHDOWN_MPS: f64 = 1.0;
const TOUCHDOWN_BELOW_M: f64 = 6.0;
const HOME_RADIUS_M: f64 = 5.0;
const RESERVE_PERCENT: f64 = 10.0;

impl DockModel {
    pub(super) fn advance_flight(&mut self, world_s: f64) {
        let mut left_s = world_s.min(MAX_STEP_S);
        while left_s > 0.0 && self.task.is_some() {
            let step_s = left_s.min(STEP_S);
            left_s -= step_s;
            self.flight_step(step_s);
        }
    }

    fn flight_step(&mut self, step_s: f64) {
        let Some(task) = &self.task else { return };
        match task.stage.clone() {
            Stage::Resource { .. } | Stage::Fetching { .. } => {}
            Stage::Opening { left_s } if left_s > step_s => {
                self.dock.cover = CoverState::HalfOpen;
                self.stay(Stage::Opening { left_s: left_s - step_s });
            }
            Stage::Opening { .. } => {
                self.dock.cover = CoverState::Open;
                self.dock.charging = false;
                self.power_aircraft(true);
                self.enter(Stage::StartUp { left_s: START_UP_S });
            }
            Stage::StartUp { left_s } if left_s > step_s => {
                self.stay(Stage::StartUp { left_s: left_s - step_s });
            }
            Stage::StartUp { .. } => self.take_off(),
            Stage::Rehearsal { left_s } => self.rehearsal_step(left_s - step_s),
            Stage::Paused { next } if next.is_rehearsal() => {}
            Stage::TakeOff
            | Stage::Approach { .. }
            | Stage::Leg { .. }
            | Stage::Acting { .. }
            | Stage::Paused { .. }
            | Stage::Hover => self.wayline_step(step_s),
            Stage::ReturnClimb | Stage::ReturnLeg | Stage::Landing => self.return_step(step_s),
            Stage::Closing { left_s } if left_s > step_s => {
                self.dock.cover = CoverState::HalfOpen;
                self.stay(Stage::Closing { left_s: left_s - step_s });
            }
            Stage::Closing { .. } => {
                self.dock.cover = CoverState::Closed;
                self.enter(Stage::WrapUp { left_s: WRAP_UP_S });
            }
            Stage::WrapUp { left_s } if left_s > step_s => {
                self.stay(Stage::WrapUp { left_s: left_s - step_s });
            }
            Stage::WrapUp { .. } => {
                let ending = self.task.as_ref().and_then(|task| task.ending);
                self.finish_task(ending.unwrap_or(Ending::Complete));
            }
        }
    }

    /// Same stage, less time left: nothing to tell.
    pub(super) fn stay(&mut self, stage: Stage) {
        if let Some(task) = &mut self.task {
            task.stage = stage;
        }
    }

    /// A new stage is always told.
    pub(super) fn enter(&mut self, stage: Stage) {
        let mode = match &stage {
            Stage::Resource { .. }
            | Stage::Fetching { .. }
            | Stage::Opening { .. }
            | Stage::Rehearsal { .. } => None,
            Stage::StartUp { .. } => Some(AircraftMode::TakeoffPreparation),
            Stage::TakeOff => Some(AircraftMode::AutomaticTakeoff),
            Stage::Approach { .. }
            | Stage::Leg { .. }
            | Stage::Acting { .. }
            | Stage::Paused { .. } => Some(AircraftMode::Wayline),
            Stage::Hover => Some(AircraftMode::Manual),
            Stage::ReturnClimb | Stage::ReturnLeg => Some(AircraftMode::Returning),
            Stage::Landing => Some(AircraftMode::Landing),
            Stage::Closing { .. } | Stage::WrapUp { .. } => Some(AircraftMode::Standby),
        };
        if let Some(mode) = mode {
            self.aircraft.mode = mode;
        }
        self.stay(stage);
        self.report_milestone();
    }

    fn take_off(&mut self) {
        let flight_id = self.task.as_ref().map(|task| task.flight_id.clone());
        self.truth.took_off(self.now, flight_id.unwrap_or_default());
        self.aircraft.in_dock = false;
        self.aircraft.sorties += 1;
        self.aircraft.flight_s = 0.0;
        self.set_mode_reason(11);
        self.enter(Stage::TakeOff);
    }

    fn wayline_step(&mut self, step_s: f64) {
        let needed = self.aircraft.return_percent(self.return_height_m()) + RESERVE_PERCENT;
        if self.aircraft.battery_percent <= needed {
            return self.begin_return(Ending::LowBattery, 1);
        }
        let Some(task) = &self.task else { return };
        let Some(mission) = &task.mission else { return };
        let (route, point) = start_of(mission, task.start);
        match task.stage.clone() {
            Stage::TakeOff => {
                let up = self.take_off_height_m(mission, route, point);
                let target = Point { up, ..Point::default() };
                if self.aircraft.fly(target, CLIMB_MPS, &self.weather, step_s) {
                    self.enter(Stage::Approach { route, point });
                }
            }
            Stage::Approach { route, point } => {
                let mut target = self.place_of(mission, route, point);
                if mission.fly_to_mode == FlyToMode::Safely {
                    target.up = self.take_off_height_m(mission, route, point);
                }
                let speed = mission.transitional_speed_mps.max(1.0);
                if self.aircraft.fly(target, speed, &self.weather, step_s) {
                    self.stay(Stage::Leg { route, point });
                }
            }
            Stage::Leg { route, point } => {
                let target = self.place_of(mission, route, point);
                let speed = leg_speed_mps(mission, route, point);
                if self.aircraft.fly(target, speed, &self.weather, step_s) {
                    self.reach(route, point);
                }
            }
            Stage::Acting { route, point, left_s } => {
                self.aircraft.hover(&self.weather, step_s);
                if left_s > step_s {
                    self.stay(Stage::Acting { route, point, left_s: left_s - step_s });
                } else {
                    self.leave(route, point);
                }
            }
            Stage::Paused { .. }
            | Stage::Hover
            | Stage::Resource { .. }
            | Stage::Fetching { .. }
            | Stage::Opening { .. }
            | Stage::StartUp { .. }
            | Stage::Rehearsal { .. }
            | Stage::ReturnClimb
            | Stage::ReturnLeg
            | Stage::Landing
            | Stage::Closing { .. }
            | Stage::WrapUp { .. } => self.aircraft.hover(&self.weather, step_s),
        }
    }

    /// On a waypoint: its actions begin.
    fn reach(&mut self, route: usize, point: usize) {
        let Some(task) = &mut self.task else { return };
        if task.ending == Some(Ending::Complete) {
            // Back at the first waypoint after the last: nothing is left to do.
            return self.enter(Stage::Hover);
        }
        let Some(wayline) = task.mission.as_ref().and_then(|mission| mission.waylines.get(route))
        else {
            return;
        };
        let (photos, left_s) = wayline.waypoints.get(point).map_or((0, 0.0), actions_at);
        task.waypoint = point;
        task.wayline_id = wayline.id;
        task.media += photos;
        self.aircraft.photos += photos;
        self.take_photos(photos);
        self.enter(Stage::Acting { route, point, left_s });
    }

    /// Off to the next waypoint, or to what the mission ends with.
    fn leave(&mut self, route: usize, point: usize) {
        let Some(task) = &mut self.task else { return };
        let Some(mission) = &task.mission else { return };
        let here = mission.waylines.get(route).map_or(0, |wayline| wayline.waypoints.len());
        if point + 1 < here {
            return self.stay(Stage::Leg { route, point: point + 1 });
        }
        if route + 1 < mission.waylines.len() {
            return self.stay(Stage::Leg { route: route + 1, point: 0 });
        }
        let finish = mission.finish_action;
        task.ending = Some(Ending::Complete);
        match finish {
            FinishAction::GoHome => self.begin_return(Ending::Complete, 0),
            FinishAction::NoAction => self.enter(Stage::Hover),
            FinishAction::AutoLand => self.enter(Stage::Landing),
            FinishAction::GotoFirstWaypoint => self.stay(Stage::Leg { route: 0, point: 0 }),
        }
    }

    /// Home, whatever it was doing; a return under way goes on.
    pub(super) fn begin_return(&mut self, ending: Ending, reason: i64) {
        let Some(task) = &mut self.task else { return };
        match task.stage {
            Stage::ReturnClimb | Stage::ReturnLeg | Stage::Landing => return,
            Stage::Approach { .. }
            | Stage::Leg { .. }
            | Stage::Acting { .. }
            | Stage::Paused { .. }
            | Stage::TakeOff
            | Stage::Hover
            | Stage::Resource { .. }
            | Stage::Fetching { .. }
            | Stage::Opening { .. }
            | Stage::StartUp { .. }
            | Stage::Rehearsal { .. }
            | Stage::Closing { .. }
            | Stage::WrapUp { .. } => {}
        }
        if task.ending.is_none() {
            task.ending = Some(ending);
            let break_reason = if ending == Ending::LowBattery { 773 } else { 1283 };
            self.save_break_point(break_reason);
        }
        self.set_mode_reason(reason);
        self.send_return_path();
        self.enter(Stage::ReturnClimb);
    }

    /// Where to go on later: on a waypoint, or so far along the leg after it.
    fn save_break_point(&mut self, break_reason: i64) {
        let (lat, lon, up) = self.aircraft_position();
        let Some(task) = &self.task else { return };
        let Some((route, target, arrived)) = task.stage.waypoint() else { return };
        let from = target.saturating_sub(1);
        let progress = match &task.mission {
            Some(mission) if !arrived => {
                let (begin, end) =
                    (self.place_of(mission, route, from), self.place_of(mission, route, target));
                let leg_m = begin.distance(end).max(0.1);
                (1.0 - self.aircraft.at.distance(end) / leg_m).clamp(0.0, 1.0)
            }
            Some(_) | None => 0.0,
        };
        let point = json!({
            "index": if arrived { target } else { from },
            "state": i64::from(arrived),
            "progress": (progress * 100.0).round() / 100.0,
            "wayline_id": task.wayline_id,
            "break_reason": break_reason,
            "latitude": r7(lat),
            "longitude": r7(lon),
            "height": r1(self.id.height_m + up),
            "attitude_head": self.aircraft.heading_deg,
        });
        if let Some(task) = &mut self.task {
            task.break_point = Some(point);
        }
    }

    fn return_step(&mut self, step_s: f64) {
        let at = self.aircraft.at;
        let stage = self.task.as_ref().map(|task| task.stage.clone());
        match stage {
            Some(Stage::ReturnClimb) => {
                let up = self.return_height_m().max(at.up);
                if self.aircraft.fly(Point { up, ..at }, CLIMB_MPS, &self.weather, step_s) {
                    self.enter(Stage::ReturnLeg);
                }
            }
            Some(Stage::ReturnLeg) => {
                let home = Point { up: at.up, ..Point::default() };
                if self.aircraft.fly(home, RETURN_MPS, &self.weather, step_s) {
                    self.enter(Stage::Landing);
                }
            }
            _ => {
                let ground = Point { up: 0.0, ..at };
                let low = at.up < TOUCHDOWN_BELOW_M;
                let speed = if low { TOUCHDOWN_MPS } else { DESCENT_MPS };
                if self.aircraft.fly(ground, speed, &self.weather, step_s) {
                    self.touch_down();
                }
            }
        }
    }

    fn touch_down(&mut self) {
        self.aircraft.mode = AircraftMode::Standby;
        self.set_mode_reason(0);
        if self.aircraft.at.level_distance(Point::default()) > HOME_RADIUS_M {
            return self.finish_task(Ending::Failed(codes::LANDED_OUTSIDE));
        }
        self.aircraft.at = Point::default();
        self.aircraft.in_dock = true;
        self.enter(Stage::Closing { left_s: COVER_S });
    }

    /// Ends the task with its verdict; the battery is charged afterwards.
    pub(super) fn finish_task(&mut self, ending: Ending) {
        self.report_ending(ending);
        if let Some(task) = self.task.take() {
            self.truth.ended(self.now, &task.flight_id, ending.into());
            self.dock.media_waiting += task.media;
            self.collect_media(&task.flight_id, task.photos);
            self.last_finished = Some(task.flight_id);
        }
        let wants_charge = self.aircraft.battery_percent < self.dock.charge_target();
        let closed = self.dock.cover == CoverState::Closed;
        self.dock.charging = self.aircraft.in_dock && wants_charge && closed;
    }

    pub(super) fn return_height_m(&self) -> f64 {
        self.task.as_ref().map_or(0.0, |task| task.rth_altitude_m)
    }
}
