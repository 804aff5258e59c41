//! The flight itself: a stop that nobody ordered, and a position that cannot be.

use std::collections::VecDeque;

use dji_cloud::device::AircraftModeCode;
use fleet_types::{MonoMs, alarm::Priority};

use super::{Debounce, FaultConfig, FaultKind};

/// Faster than this is under way, m/s.
const MOVING_MPS: f64 = 3.0;
/// Slower than this is standing, m/s.
const STANDING_MPS: f64 = 0.5;
/// Steps between reports that a jump is measured by.
const STEPS: usize = 5;
/// A jump is at least this much beyond them, metres: fixes wander.
const JUMP_M: f64 = 150.0;
/// No step counts as shorter than this speed makes it, m/s.
const USUAL_MPS: f64 = 10.0;
const METRES_PER_DEGREE: f64 = 111_320.0;

/// What is remembered of a flight.
#[derive(Clone, Debug, Default)]
pub(super) struct Motion {
    commanded: Option<MonoMs>,
    moved: Option<MonoMs>,
    stopped: Debounce,
    place: Option<(f64, f64, MonoMs)>,
    steps_m: VecDeque<f64>,
    jumped: Debounce,
}

impl Motion {
    pub(super) fn on_command(&mut self, now: MonoMs) {
        self.commanded = Some(now);
    }

    pub(super) fn on_report(
        &mut self,
        now: MonoMs,
        config: &FaultConfig,
        mode: Option<AircraftModeCode>,
        is_flying: bool,
        number: &impl Fn(&str) -> Option<f64>,
    ) -> Vec<(FaultKind, bool, Priority)> {
        let mut changes = Vec::new();
        let is_stopped = self.is_stopped(now, config, mode, number("horizontal_speed"));
        if let Some(up) = self.stopped.feed(now, is_stopped, config.stopped_ms, config.gone_ms) {
            changes.push((FaultKind::SpeedDrop, up, Priority::Medium));
        }
        let place = number("latitude").zip(number("longitude")).filter(|_| is_flying);
        let has_jumped = self.has_jumped(now, place);
        if let Some(up) = self.jumped.feed(now, has_jumped, 0, config.gone_ms) {
            changes.push((FaultKind::PositionJump, up, Priority::High));
        }
        changes
    }

    /// On a wayline, having moved before, now standing, and nobody ordered anything.
    fn is_stopped(
        &mut self,
        now: MonoMs,
        config: &FaultConfig,
        mode: Option<AircraftModeCode>,
        speed_mps: Option<f64>,
    ) -> bool {
        if mode != Some(AircraftModeCode::WaylineFlight) {
            self.moved = None;
            return false;
        }
        let Some(speed_mps) = speed_mps else { return false };
        if speed_mps >= MOVING_MPS {
            self.moved = Some(now);
        }
        let commanded_ms = self.commanded.map(|at| now.since_ms(at));
        // A command before it stopped, and one since, both explain it.
        let is_explained = commanded_ms.is_some_and(|ago| ago <= config.commanded_ms)
            || self.commanded.zip(self.moved).is_some_and(|(command, moved)| command >= moved);
        speed_mps < STANDING_MPS && self.moved.is_some() && !is_explained
    }

    /// Further from the last place than several of the usual steps.
    fn has_jumped(&mut self, now: MonoMs, place: Option<(f64, f64)>) -> bool {
        let Some((lat, lon)) = place else {
            self.place = None;
            self.steps_m.clear();
            return false;
        };
        let Some((lat0, lon0, at)) = self.place.replace((lat, lon, now)) else { return false };
        let narrowing = lat.to_radians().cos();
        let turn = (lon - lon0 + 540.0).rem_euclid(360.0) - 180.0;
        let (north, east) = (lat - lat0, turn * narrowing);
        let step_m = north.hypot(east) * METRES_PER_DEGREE;
        // Reports that come close together stand for reports that were late.
        let passed_ms = u32::try_from(now.since_ms(at)).unwrap_or(u32::MAX).max(2_000);
        let usual_m = f64::from(passed_ms) / 1_000.0 * USUAL_MPS;
        let longest_m = self.steps_m.iter().copied().fold(usual_m, f64::max);
        let has_jumped = step_m > JUMP_M + 5.0 * longest_m;
        if !has_jumped {
            self.steps_m.push_back(step_m);
            if self.steps_m.len() > STEPS {
                self.steps_m.pop_front();
            }
        }
        has_jumped
    }
}
