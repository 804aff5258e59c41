//! Dry runs (`simulate_mission`): the flight controller computes the flight while the aircraft stays
//! on its pad. The dock reports progress as of a flight and nothing leaves it: the cover stays shut,
//! the rotors still, no picture is taken. Source: `50.wayline.md`. Read next: `flight`.

use super::stage::{Ending, Stage};
use super::{DockModel, flight};

/// Computed flight between two reports of a waypoint; longer than real ones would bore people.
const WAYPOINT_S: f64 = 12.0;

impl DockModel {
    /// Begins the computed flight; its file was read and checked like that of a real one.
    pub(super) fn rehearse(&mut self) {
        let Some(task) = &self.task else { return };
        let count = task.mission.as_ref().map_or(0, wpml::Mission::waypoint_count);
        self.enter(Stage::Rehearsal { left_s: WAYPOINT_S * count.max(1) as f64 });
    }

    /// So much of it is left; a waypoint reached is told.
    pub(super) fn rehearsal_step(&mut self, left_s: f64) {
        let Some(task) = &mut self.task else { return };
        let count = task.mission.as_ref().map_or(0, wpml::Mission::waypoint_count).max(1);
        if left_s <= 0.0 {
            task.waypoint = count;
            task.ending = Some(Ending::Complete);
            return self.enter(Stage::WrapUp { left_s: flight::WRAP_UP_S });
        }
        // At least zero and at most the count of waypoints of a file.
        let behind = count - ((left_s / WAYPOINT_S).ceil() as usize).min(count);
        let is_reached = behind > task.waypoint;
        task.waypoint = behind;
        match is_reached {
            true => self.enter(Stage::Rehearsal { left_s }),
            false => self.stay(Stage::Rehearsal { left_s }),
        }
    }

    /// Told to come home, a dry run ends where it is. False when none is under way.
    pub(super) fn end_rehearsal(&mut self) -> bool {
        let Some(task) = &mut self.task else { return false };
        if !task.stage.is_rehearsal() {
            return false;
        }
        task.ending = Some(Ending::UserReturn);
        self.enter(Stage::WrapUp { left_s: flight::WRAP_UP_S });
        true
    }
}
