//! A mission to show: a small survey beside the dock, about one kilometre long. It is no template
//! for real work. Read next: [`wpml::Mission`].

use wpml::{
    Action, ActionGroup, ActionKind, DroneInfo, FinishAction, FlyToMode, HeightMode,
    LostLinkAction, Mission, PayloadInfo, RcLost, Trigger, Wayline, Waypoint,
};

use crate::identity::DockIdentity;
use crate::model::geo;

const LINES: u32 = 3;
const LINE_M: f64 = 220.0;
const SPACING_M: f64 = 60.0;
const FIRST_LINE_M: f64 = 60.0;
const HEIGHT_M: f64 = 60.0;
const SPEED_MPS: f64 = 12.0;

/// Three parallel survey lines 60 m above the dock's ground, with a photo at each end.
#[must_use]
pub fn demo_mission(identity: &DockIdentity) -> Mission {
    // Neighbouring docks fly in different directions, so that a map does not look stamped.
    let bearing = f64::from(identity.index % 12) * 30.0_f64.to_radians();
    let mut waypoints = Vec::new();
    for line in 0..LINES {
        let across = FIRST_LINE_M + f64::from(line) * SPACING_M;
        let mut ends = [-LINE_M / 2.0, LINE_M / 2.0];
        if line % 2 == 1 {
            ends.reverse();
        }
        for along in ends {
            let east = across * bearing.sin() + along * bearing.cos();
            let north = across * bearing.cos() - along * bearing.sin();
            let (lat, lon) = geo::offset(identity.lat, identity.lon, east, north);
            waypoints.push(waypoint(waypoints.len(), lat, lon));
        }
    }
    Mission {
        fly_to_mode: FlyToMode::Safely,
        finish_action: FinishAction::GoHome,
        rc_lost: RcLost::Execute(LostLinkAction::GoBack),
        security_height_m: 30.0,
        transitional_speed_mps: 12.0,
        rth_height_m: Some(80.0),
        drone: DroneInfo { type_id: 91, sub_type: 1 },
        payload: PayloadInfo { type_id: 81, position: 0 },
        waylines: vec![Wayline {
            id: 0,
            speed_mps: SPEED_MPS,
            height_mode: HeightMode::RelativeToStartPoint,
            waypoints,
        }],
    }
}

fn waypoint(number: usize, lat: f64, lon: f64) -> Waypoint {
    let index = u32::try_from(number).unwrap_or(u32::MAX);
    let photo = ActionGroup {
        id: u16::try_from(number).unwrap_or(u16::MAX),
        start_index: index,
        end_index: index,
        trigger: Trigger::ReachPoint,
        actions: vec![Action { id: 0, kind: ActionKind::TakePhoto }],
    };
    let round = |degrees: f64| (degrees * 1e8).round() / 1e8;
    Waypoint {
        index,
        lon: round(lon),
        lat: round(lat),
        height_m: HEIGHT_M,
        speed_mps: SPEED_MPS,
        action_groups: vec![photo],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::identities;

    #[test]
    fn the_demo_is_a_small_survey_near_its_dock() {
        for identity in identities(30, 3) {
            let mission = demo_mission(&identity);
            let summary = mission.summary();
            assert_eq!(summary.waypoint_count, 6);
            assert!((700.0..1_000.0).contains(&summary.length_m), "{summary:?}");
            for point in &mission.waylines[0].waypoints {
                let away = wpml::distance_m(identity.lat, identity.lon, point.lat, point.lon);
                assert!(away < 300.0, "{away}");
            }
            let kmz = mission.to_kmz().unwrap();
            assert_eq!(Mission::from_kmz(&kmz).unwrap(), mission);
        }
    }
}
