//! How long a mission is, in metres and seconds, by simple physics. Refuses to know about wind,
//! take-off or the way home. Read next: [`crate::mission`].

use crate::mission::{ActionKind, Mission, Trigger, Wayline, Waypoint};

const EARTH_RADIUS_M: f64 = 6_371_008.8;
const ACCELERATION_MPS2: f64 = 2.5;
const PHOTO_S: f64 = 1.0;
const TURN_S: f64 = 1.5;

/// Size of a mission.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Waylines in the mission.
    pub wayline_count: usize,
    /// Waypoints of all waylines.
    pub waypoint_count: usize,
    /// Metres along all waylines, climbs included, ways between waylines included.
    pub length_m: f64,
    /// Seconds to fly that length with a stop at every waypoint and its actions; without take-off,
    /// the way to the first waypoint and the return.
    pub estimated_duration_s: f64,
}

/// Metres between two WGS84 positions on a sphere (haversine); the error against the ellipsoid is
/// below 0.6 %.
#[must_use]
pub fn distance_m(lat_a: f64, lon_a: f64, lat_b: f64, lon_b: f64) -> f64 {
    let (a, b) = (lat_a.to_radians(), lat_b.to_radians());
    let half_lat = (b - a) / 2.0;
    let half_lon = (lon_b - lon_a).to_radians() / 2.0;
    let h = half_lat.sin().powi(2) + a.cos() * b.cos() * half_lon.sin().powi(2);
    2.0 * EARTH_RADIUS_M * h.clamp(0.0, 1.0).sqrt().asin()
}

impl Mission {
    /// Counts, length and flying time.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut length_m = 0.0;
        let mut duration_s = 0.0;
        let mut last: Option<&Waypoint> = None;
        for wayline in &self.waylines {
            for point in &wayline.waypoints {
                if let Some(from) = last {
                    let speed =
                        if point.index == 0 { self.transitional_speed_mps } else { from.speed_mps };
                    let leg_m = leg_m(from, point);
                    length_m += leg_m;
                    duration_s += leg_s(leg_m, if speed > 0.0 { speed } else { wayline.speed_mps });
                }
                duration_s += actions_s(point);
                last = Some(point);
            }
        }
        Summary {
            wayline_count: self.waylines.len(),
            waypoint_count: self.waypoint_count(),
            length_m,
            estimated_duration_s: duration_s,
        }
    }
}

impl Wayline {
    /// The speed to fly from a waypoint of this wayline: its own, or the wayline's.
    #[must_use]
    pub fn leg_speed_mps(&self, from: &Waypoint) -> f64 {
        if from.speed_mps > 0.0 { from.speed_mps } else { self.speed_mps }
    }
}

fn leg_m(from: &Waypoint, to: &Waypoint) -> f64 {
    distance_m(from.lat, from.lon, to.lat, to.lon).hypot(to.height_m - from.height_m)
}

/// Start and stop with constant acceleration; short legs never reach the cruise speed.
fn leg_s(leg_m: f64, speed_mps: f64) -> f64 {
    if leg_m <= 0.0 || speed_mps <= 0.0 {
        return 0.0;
    }
    let ramp_m = speed_mps * speed_mps / ACCELERATION_MPS2;
    if leg_m < ramp_m {
        2.0 * (leg_m / ACCELERATION_MPS2).sqrt()
    } else {
        leg_m / speed_mps + speed_mps / ACCELERATION_MPS2
    }
}

fn actions_s(point: &Waypoint) -> f64 {
    point
        .action_groups
        .iter()
        .filter(|group| group.trigger == Trigger::ReachPoint)
        .flat_map(|group| &group.actions)
        .map(|action| match &action.kind {
            ActionKind::TakePhoto | ActionKind::StartRecord | ActionKind::StopRecord => PHOTO_S,
            ActionKind::Hover { seconds } => *seconds,
            ActionKind::GimbalPitch { .. } | ActionKind::RotateYaw { .. } => TURN_S,
            ActionKind::Other(_) => 0.0,
        })
        .sum()
}
