//! What a mission's file means around this dock: places, speeds, actions, and what the flight
//! controller refuses before take-off. Read next: `flight`.

use wpml::{ActionKind, FlyToMode, HeightMode, Mission, Trigger, Waypoint};

use super::body::Point;
use super::{DockModel, codes, geo};

const MAX_DISTANCE_M: f64 = 10_000.0;

impl DockModel {
    pub(super) fn take_off_height_m(&self, mission: &Mission, route: usize, point: usize) -> f64 {
        match mission.fly_to_mode {
            FlyToMode::Safely => {
                mission.security_height_m.max(self.place_of(mission, route, point).up)
            }
            FlyToMode::PointToPoint => mission.security_height_m,
        }
    }

    pub(super) fn place_of(&self, mission: &Mission, route: usize, point: usize) -> Point {
        let Some(wayline) = mission.waylines.get(route) else { return Point::default() };
        let Some(waypoint) = wayline.waypoints.get(point) else { return Point::default() };
        let (east, north) = geo::metres(self.id.lat, self.id.lon, waypoint.lat, waypoint.lon);
        let up = match wayline.height_mode {
            HeightMode::Wgs84 => waypoint.height_m - self.id.height_m,
            HeightMode::RelativeToStartPoint | HeightMode::RealTimeFollowSurface => {
                waypoint.height_m
            }
        };
        Point { east, north, up }
    }

    /// What the flight controller refuses before take-off.
    pub(super) fn check_mission(&self, mission: &Mission) -> Result<(), i64> {
        if mission.drone.type_id != 91 {
            return Err(codes::FILE_FORMAT);
        }
        let start = self.task.as_ref().and_then(|task| task.start);
        let known = start.is_none_or(|(id, index)| {
            let wayline = mission.waylines.iter().find(|wayline| wayline.id == id);
            wayline.is_some_and(|wayline| index < wayline.waypoints.len())
        });
        if !known {
            return Err(codes::FILE_BROKEN);
        }
        let limit_m = self.aircraft.height_limit_m as f64;
        for (route, wayline) in mission.waylines.iter().enumerate() {
            for point in 0..wayline.waypoints.len() {
                let place = self.place_of(mission, route, point);
                if place.up > limit_m {
                    return Err(codes::ABOVE_LIMIT);
                }
                if place.level_distance(Point::default()) > MAX_DISTANCE_M {
                    return Err(codes::BEYOND_LIMIT);
                }
            }
        }
        Ok(())
    }
}

/// First waypoint to fly to: the break point's, or the first of all.
pub(super) fn start_of(mission: &Mission, start: Option<(u16, usize)>) -> (usize, usize) {
    let Some((id, index)) = start else { return (0, 0) };
    let route = mission.waylines.iter().position(|wayline| wayline.id == id);
    route.map_or((0, 0), |route| (route, index))
}

pub(super) fn leg_speed_mps(mission: &Mission, route: usize, point: usize) -> f64 {
    let Some(wayline) = mission.waylines.get(route) else { return 1.0 };
    let from = point.checked_sub(1).and_then(|before| wayline.waypoints.get(before));
    let speed = from.map_or(mission.transitional_speed_mps, |from| wayline.leg_speed_mps(from));
    speed.max(1.0)
}

/// Photos taken and seconds spent at a waypoint.
pub(super) fn actions_at(point: &Waypoint) -> (i64, f64) {
    let mut photos = 0;
    let mut seconds = 0.5;
    let groups = point.action_groups.iter().filter(|group| group.trigger == Trigger::ReachPoint);
    for action in groups.flat_map(|group| &group.actions) {
        match &action.kind {
            ActionKind::TakePhoto => {
                photos += 1;
                seconds += 1.0;
            }
            ActionKind::Hover { seconds: hover } => seconds += hover,
            ActionKind::StartRecord
            | ActionKind::StopRecord
            | ActionKind::GimbalPitch { .. }
            | ActionKind::RotateYaw { .. } => seconds += 1.5,
            ActionKind::Other(_) => {}
        }
    }
    (photos, seconds)
}
