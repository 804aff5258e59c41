//! Promises about what may move: hardware only when it is known to be safe, aircraft only through
//! the gate. Judged by what the tower was told, which is all it can know, and by the truth where the
//! truth alone decides.

use std::collections::BTreeMap;

use fleet_types::plan::{MissionPlan, MissionStart};

use super::Checker;
use super::heard::FRESH_MS;
use crate::facts::{Fact, Sent};
use crate::world::View;

/// Hardware is moved only while the aircraft is known to be inside and nothing flies.
#[derive(Default)]
pub(super) struct Interlocks {
    judged: u64,
}

/// Methods that close over, or switch around, an aircraft that must be inside.
const NEED_AIRCRAFT_HOME: [&str; 2] = ["cover_close", "debug_mode_open"];
/// Methods that a dock takes in remote-debug mode only.
const NEED_DEBUG_MODE: [&str; 4] =
    ["cover_open", "cover_close", "supplement_light_open", "supplement_light_close"];

impl Interlocks {
    fn check(&self, view: &View<'_>, sent: &Sent) -> Result<(), String> {
        let method = sent.method.as_str();
        let heard = |key| view.heard.get(view.now, sent.tower, sent.dock, key);
        if NEED_AIRCRAFT_HOME.contains(&method) {
            match heard("drone_in_dock") {
                Some((1, age)) if age <= FRESH_MS => {}
                told => {
                    return Err(format!("{method} {} left; aircraft inside: {told:?}", sent.tid));
                }
            }
        }
        if NEED_DEBUG_MODE.contains(&method) {
            match heard("mode_code") {
                Some((2, age)) if age <= FRESH_MS => {}
                told => return Err(format!("{method} {} left; dock mode: {told:?}", sent.tid)),
            }
        }
        Ok(())
    }
}

impl Checker for Interlocks {
    fn name(&self) -> &'static str {
        "no hardware against an interlock"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Sent { sent, .. } => {
                self.judged += 1;
                self.check(view, sent)
            }
            _ => Ok(()),
        }
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}

/// Neither order of a mission leaves while what was heard forbids the flight.
#[derive(Default)]
pub(super) struct FlightGate {
    plans: BTreeMap<String, MissionPlan>,
    judged: u64,
}

/// DJI refuses an immediate task beyond 30 s; a clock this far off is far beyond any doubt.
const SKEW_MS: u64 = 40_000;

impl FlightGate {
    fn check(&self, view: &View<'_>, sent: &Sent) -> Result<(), String> {
        let fresh = |key| view.heard.fresh(view.now, sent.tower, sent.dock, key);
        let (method, tid) = (&sent.method, &sent.tid);
        if fresh("emergency_stop_state") != Some(0) {
            let told = view.heard.get(view.now, sent.tower, sent.dock, "emergency_stop_state");
            return Err(format!("{method} {tid} left; emergency stop: {told:?}"));
        }
        if fresh("drone_in_dock") != Some(1) {
            let told = view.heard.get(view.now, sent.tower, sent.dock, "drone_in_dock");
            return Err(format!("{method} {tid} left; aircraft inside: {told:?}"));
        }
        if !matches!(fresh("mode_code"), Some(0 | 4)) {
            let told = view.heard.get(view.now, sent.tower, sent.dock, "mode_code");
            return Err(format!("{method} {tid} left; dock mode: {told:?}"));
        }
        let dock_ms = view.sites[sent.dock].clock_skew_ms();
        let skew_ms = dock_ms - view.plan.towers[sent.tower].wall_skew_ms;
        // Telemetry without an envelope has no time in it: nothing tells of the clock.
        let is_told = !view.sites[sent.dock].plan.faults.flat_osd;
        if is_told && skew_ms.unsigned_abs() > SKEW_MS {
            return Err(format!("{method} {tid} left; the clocks differ by {skew_ms} ms"));
        }
        Ok(())
    }
}

/// DJI's codes for a flight that an obstacle stopped: it is not to be flown on.
const OBSTACLE: [i64; 2] = [517, 321_517];

impl FlightGate {
    /// What the flight itself asks for: conditions that still hold, and no way on after an obstacle.
    fn check_plan(&self, view: &View<'_>, sent: &Sent) -> Result<(), String> {
        let plan = sent.flight_id.as_ref().and_then(|id| self.plans.get(id));
        let Some(plan) = plan else { return Ok(()) };
        let (method, tid) = (&sent.method, &sent.tid);
        let why = plan.break_point.as_ref().and_then(|point| point.break_reason);
        if why.is_some_and(|why| OBSTACLE.contains(&why)) {
            return Err(format!("{method} {tid} left; an obstacle had stopped the flight"));
        }
        let MissionStart::Conditional(ready) = &plan.start else { return Ok(()) };
        if sent.method != "flighttask_execute" {
            return Ok(());
        }
        let heard = |key| view.heard.fresh(view.now, sent.tower, sent.dock, key);
        let (rain, battery) = (heard("rainfall"), heard("capacity_percent"));
        // Whole metres a second, which are never more than what was heard.
        let wind = heard("wind_speed");
        let is_dry = |rain: i64| ready.rain_max.is_none_or(|most| rain <= i64::from(most));
        let is_charged = |percent: i64| percent > i64::from(ready.battery_percent);
        let is_calm = |mps: i64| ready.wind_max_dmps.is_none_or(|most| mps * 10 <= i64::from(most));
        if rain.is_some_and(is_dry) && battery.is_some_and(is_charged) && wind.is_some_and(is_calm)
        {
            return Ok(());
        }
        Err(format!(
            "{method} {tid} left; rain {rain:?}, battery {battery:?}, wind {wind:?}, on {ready:?}"
        ))
    }
}

impl Checker for FlightGate {
    fn name(&self) -> &'static str {
        "no flight through a closed gate"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Sent { sent, .. }
                if matches!(&*sent.method, "flighttask_execute" | "flighttask_prepare") =>
            {
                self.judged += 1;
                self.check(view, sent)?;
                self.check_plan(view, sent)
            }
            Fact::AskedMission { request, .. } => {
                self.plans.insert(request.mission_id.to_string(), request.plan.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}
