//! The physical side: cover, charger, aircraft, battery, weather. Plausible rather than exact, and
//! ignorant of messages. East-north-up metres count from the dock. Read next: `flight`.

use fastrand::Rng;

/// `cover_state` of the dock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverState {
    /// Shut.
    Closed,
    /// Fully open.
    Open,
    /// On the way.
    HalfOpen,
}

/// `mode_code` of the aircraft, the part of it that this model uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AircraftMode {
    /// On the pad.
    Standby,
    /// Getting ready to take off.
    TakeoffPreparation,
    /// Hovering or flown by hand, out of wayline mode.
    Manual,
    /// Climbing to the security height.
    AutomaticTakeoff,
    /// In a wayline, paused ones included.
    Wayline,
    /// On the way home.
    Returning,
    /// Coming down.
    Landing,
}

impl AircraftMode {
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Standby => 0,
            Self::TakeoffPreparation => 1,
            Self::Manual => 3,
            Self::AutomaticTakeoff => 4,
            Self::Wayline => 5,
            Self::Returning => 9,
            Self::Landing => 10,
        }
    }
}

/// Metres from the dock.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Point {
    pub(super) east: f64,
    pub(super) north: f64,
    pub(super) up: f64,
}

impl Point {
    /// Metres on a map. Not `hypot`: it costs five times as much, for distances of light years, and
    /// its last bit is another in each C library.
    pub(super) fn level_distance(self, other: Self) -> f64 {
        let (east, north) = (other.east - self.east, other.north - self.north);
        (east * east + north * north).sqrt()
    }

    pub(super) fn distance(self, other: Self) -> f64 {
        let (level, up) = (self.level_distance(other), other.up - self.up);
        (level * level + up * up).sqrt()
    }
}

/// Wind and air at a site; slow swings around values drawn from the seed.
#[derive(Debug)]
pub(super) struct Weather {
    pub(super) temperature_c: f64,
    pub(super) humidity_percent: f64,
    /// Documented `rainfall`, 0 none to 3 heavy.
    pub(super) rainfall: i64,
    base_mps: f64,
    from_rad: f64,
    world_s: f64,
}

impl Weather {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            temperature_c: 12.0 + rng.f64() * 14.0,
            humidity_percent: 40.0 + rng.f64() * 40.0,
            rainfall: 0,
            base_mps: 1.0 + rng.f64() * 4.0,
            from_rad: rng.f64() * std::f64::consts::TAU,
            world_s: rng.f64() * 1_000.0,
        }
    }

    pub(super) fn advance(&mut self, world_s: f64) {
        self.world_s = (self.world_s + world_s) % 1.0e7;
    }

    pub(super) fn set_wind(&mut self, mean_mps: f64) {
        self.base_mps = mean_mps.clamp(0.0, 60.0);
    }

    /// m/s near the ground.
    pub(super) fn wind_mps(&self) -> f64 {
        self.base_mps * (1.0 + 0.3 * (self.world_s / 37.0).sin())
    }

    /// Direction the wind comes from, clockwise from north.
    pub(super) fn wind_from_rad(&self) -> f64 {
        self.from_rad + 0.2 * (self.world_s / 211.0).sin()
    }

    /// `wind_direction` 1 north, 2 northeast, … 8 northwest.
    pub(super) fn wind_octant(&self) -> i64 {
        let turns = self.wind_from_rad().rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU;
        (turns * 8.0).round() as i64 % 8 + 1
    }
}

/// The dock itself.
#[derive(Debug)]
pub(super) struct Dock {
    pub(super) cover: CoverState,
    pub(super) charging: bool,
    pub(super) debug: bool,
    pub(super) light: bool,
    pub(super) alarm: bool,
    pub(super) air_conditioner: i64,
    pub(super) battery_store_mode: i64,
    pub(super) maintenance: bool,
    pub(super) silent_mode: i64,
    pub(super) air_transfer: bool,
    pub(super) user_experience: i64,
    pub(super) job_number: i64,
    pub(super) powered_s: f64,
    pub(super) heading_deg: f64,
    pub(super) media_waiting: i64,
    pub(super) emergency_stop: bool,
}

impl Dock {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            cover: CoverState::Closed,
            charging: false,
            debug: false,
            light: false,
            alarm: false,
            air_conditioner: 0,
            battery_store_mode: 2,
            maintenance: false,
            silent_mode: 0,
            air_transfer: false,
            user_experience: 1,
            job_number: rng.i64(20..400),
            powered_s: rng.f64() * 5.0e6,
            heading_deg: (rng.f64() * 3_590.0).round() / 10.0 - 179.0,
            media_waiting: 0,
            emergency_stop: false,
        }
    }

    pub(super) fn advance(&mut self, world_s: f64) {
        self.powered_s += world_s;
    }

    /// Schedule mode holds 55–60 %, standby mode 90–95 %.
    pub(super) fn charge_target(&self) -> f64 {
        if self.battery_store_mode == 1 { 60.0 } else { 95.0 }
    }
}

/// The aircraft.
#[derive(Debug)]
pub(super) struct Aircraft {
    pub(super) powered: bool,
    pub(super) in_dock: bool,
    pub(super) mode: AircraftMode,
    pub(super) mode_reason: i64,
    pub(super) at: Point,
    pub(super) speed_mps: f64,
    pub(super) climb_mps: f64,
    pub(super) heading_deg: f64,
    pub(super) battery_percent: f64,
    pub(super) flight_s: f64,
    pub(super) total_s: f64,
    pub(super) total_m: f64,
    pub(super) sorties: i64,
    pub(super) photos: i64,
    pub(super) night_lights: i64,
    pub(super) height_limit_m: i64,
    pub(super) obstacle_avoidance: [i64; 3],
}

/// Hovering empties a full pack in about 45 minutes.
const HOVER_PERCENT_PER_S: f64 = 100.0 / (45.0 * 60.0);
/// From empty to full in about 32 minutes.
const CHARGE_PERCENT_PER_S: f64 = 100.0 / (32.0 * 60.0);
const ACCELERATION_MPS2: f64 = 2.5;

impl Aircraft {
    pub(super) fn new(battery_percent: Option<f64>, rng: &mut Rng) -> Self {
        let drawn = 82.0 + rng.f64() * 13.0;
        Self {
            powered: true,
            in_dock: true,
            mode: AircraftMode::Standby,
            mode_reason: 0,
            at: Point::default(),
            speed_mps: 0.0,
            climb_mps: 0.0,
            heading_deg: (rng.f64() * 3_590.0).round() / 10.0 - 179.0,
            battery_percent: battery_percent.unwrap_or(drawn),
            flight_s: 0.0,
            total_s: rng.f64() * 3.0e5,
            total_m: rng.f64() * 2.0e6,
            sorties: rng.i64(10..300),
            photos: 0,
            night_lights: 0,
            height_limit_m: 500,
            obstacle_avoidance: [1, 1, 1],
        }
    }

    pub(super) fn charge(&mut self, world_s: f64, charging: bool) {
        if charging && self.in_dock {
            self.battery_percent =
                (self.battery_percent + world_s * CHARGE_PERCENT_PER_S).min(100.0);
        }
    }

    /// Seconds of flight left at hover.
    pub(super) fn remaining_flight_s(&self) -> f64 {
        (self.battery_percent - 8.0).max(0.0) / HOVER_PERCENT_PER_S
    }

    /// Charge needed to come home from here and land, in percent.
    pub(super) fn return_percent(&self, return_height_m: f64) -> f64 {
        let climb_m = (return_height_m - self.at.up).max(0.0);
        let level_m = self.at.level_distance(Point::default());
        let seconds = climb_m / 4.0 + level_m / 10.0 + return_height_m.max(self.at.up) / 2.5;
        seconds * HOVER_PERCENT_PER_S * 1.4
    }

    /// Moves towards `target` for `world_s`; true on arrival. Wind changes ground speed and drain.
    pub(super) fn fly(
        &mut self,
        target: Point,
        cruise_mps: f64,
        wind: &Weather,
        world_s: f64,
    ) -> bool {
        let distance = self.at.distance(target);
        let level = self.at.level_distance(target);
        if level > 0.5 {
            let course = (target.east - self.at.east).atan2(target.north - self.at.north);
            self.heading_deg = wrap_degrees(course.to_degrees());
            let tail = -(wind.wind_from_rad() - course).cos() * wind.wind_mps();
            let drifted = (cruise_mps + 0.08 * tail).max(cruise_mps * 0.6);
            self.step(target, distance, drifted, world_s);
        } else {
            self.step(target, distance, cruise_mps, world_s);
        }
        self.drain(wind, world_s);
        self.at.distance(target) < 0.05
    }

    fn step(&mut self, target: Point, distance: f64, cruise_mps: f64, world_s: f64) {
        let before = self.speed_mps.hypot(self.climb_mps);
        let braking = (2.0 * ACCELERATION_MPS2 * distance).sqrt();
        let wanted = cruise_mps.min(braking).max(0.3);
        let speed = wanted.min(before + ACCELERATION_MPS2 * world_s);
        let share = if distance > 0.0 { (speed * world_s / distance).min(1.0) } else { 1.0 };
        let from = self.at;
        self.at.east += (target.east - from.east) * share;
        self.at.north += (target.north - from.north) * share;
        self.at.up += (target.up - from.up) * share;
        self.total_m += distance * share;
        if share >= 1.0 {
            self.at = target;
            self.speed_mps = 0.0;
            self.climb_mps = 0.0;
        } else {
            self.speed_mps = speed * from.level_distance(target) / distance;
            self.climb_mps = speed * (target.up - from.up) / distance;
        }
    }

    /// Hovers in place.
    pub(super) fn hover(&mut self, wind: &Weather, world_s: f64) {
        self.speed_mps = 0.0;
        self.climb_mps = 0.0;
        self.drain(wind, world_s);
    }

    fn drain(&mut self, wind: &Weather, world_s: f64) {
        let air_mps = self.speed_mps.hypot(wind.wind_mps());
        let climb = self.climb_mps.max(0.0);
        let load = 1.0 + (air_mps / 18.0).powi(2) * 0.5 + climb * 0.06;
        self.battery_percent =
            (self.battery_percent - HOVER_PERCENT_PER_S * load * world_s).max(0.0);
        self.flight_s += world_s;
        self.total_s += world_s;
    }
}

/// Degrees into -180 … 180.
pub(super) fn wrap_degrees(degrees: f64) -> f64 {
    let turned = (degrees + 180.0).rem_euclid(360.0) - 180.0;
    (turned * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kilometre_takes_a_believable_time_and_charge() {
        let mut rng = Rng::with_seed(4);
        let wind = Weather::new(&mut rng);
        let mut aircraft = Aircraft::new(Some(90.0), &mut rng);
        let target = Point { east: 600.0, north: 800.0, up: 0.0 };
        let mut seconds = 0.0;
        let mut fastest: f64 = 0.0;
        while !aircraft.fly(target, 10.0, &wind, 0.2) {
            seconds += 0.2;
            fastest = fastest.max(aircraft.speed_mps);
            assert!(seconds < 200.0, "it never arrives: {aircraft:?}");
        }
        assert!((95.0..115.0).contains(&seconds), "{seconds}");
        assert!((9.4..10.6).contains(&fastest), "{fastest}");
        assert!((84.0..87.0).contains(&aircraft.battery_percent), "{aircraft:?}");
        assert!((aircraft.heading_deg - 36.9).abs() < 0.2, "{aircraft:?}");
    }
}
