//! One route: its settings, its waypoints one by one, and each with the next.

use super::{Spot, config::SPEED_MAX_MPS, number, offset, rules, text};
use crate::{
    error::WpmlError,
    estimate::distance_m,
    mission::{HeightMode, Mission},
    xml::{Element, Step, Walker},
};

/// Below this two waypoints are one place, metres.
const SAME_PLACE_M: f64 = 0.1;
/// Beyond this a leg is a mistake in the coordinates, metres.
const LEG_MAX_M: f64 = 30_000.0;
/// Metres above the take-off point.
const RELATIVE_HEIGHT_M: std::ops::RangeInclusive<f64> = -200.0..=1500.0;
/// Settings of a folder beside its waypoints.
const HEADS_MAX: usize = 64;
const HEADINGS: &[&str] = &["followWayline", "manually", "fixed", "smoothTransition", "towardPOI"];
const HEADING_PATHS: &[&str] = &["clockwise", "counterClockwise", "followBadArc"];
const EARLY: &str = "coordinateTurn";
const PASS: &str = "toPointAndPassWithContinuityCurvature";
const TURNS: &[&str] = &[
    EARLY,
    "toPointAndStopWithDiscontinuityCurvature",
    "toPointAndStopWithContinuityCurvature",
    PASS,
];

/// A `Folder`, whole.
pub(super) struct Folder {
    pub(super) heads: Element,
    pub(super) points: Vec<Element>,
    number: usize,
}

impl Folder {
    /// Reads a folder that was just opened; its waypoints were counted when the mission was read.
    pub(super) fn read(
        walker: &mut Walker<'_>,
        number: usize,
        offset: usize,
    ) -> Result<Self, WpmlError> {
        let name = format!("Folder {number}");
        let mut heads = Element { name, text: String::new(), offset, children: Vec::new() };
        let mut points = Vec::new();
        let mut nested = 0_usize;
        loop {
            match walker.step()? {
                Step::Open { .. } => nested += 1,
                Step::Close if nested > 0 => nested -= 1,
                Step::Close | Step::End => return Ok(Self { heads, points, number }),
                Step::Whole(element) if element.name == "Placemark" => points.push(element),
                Step::Whole(element) if heads.children.len() < HEADS_MAX => {
                    heads.children.push(element);
                }
                Step::Whole(_) => {}
            }
        }
    }

    /// Checks the route; its template's id, if it names one.
    pub(super) fn check(&self, mission: &Mission, spot: &mut Spot<'_, '_>) -> Option<u32> {
        let Self { heads, points, number: at } = self;
        let wayline = mission.waylines.get(*at)?;
        if wayline.height_mode == HeightMode::RealTimeFollowSurface {
            let name = "executeHeightMode";
            spot.plain(offset(heads, name), name, &rules::HEIGHT_MODE);
        }
        speed(heads, "autoFlightSpeed", spot);
        if points.len() < 2 {
            spot.plain(heads.offset, "", &rules::FEW_POINTS);
        }
        let path = spot.path.clone();
        for (index, point) in points.iter().enumerate() {
            spot.path = format!("{path} / Placemark {index}");
            let height = number(point, "executeHeight");
            let is_wrong = |m: &f64| !RELATIVE_HEIGHT_M.contains(m);
            let is_relative = wayline.height_mode == HeightMode::RelativeToStartPoint;
            if let Some(m) = height.filter(is_wrong).filter(|_| is_relative) {
                let en = format!("The waypoint is {m} m above the take-off point.");
                let ko = format!("웨이포인트가 이륙 지점보다 {m} m 높습니다.");
                let name = "executeHeight";
                spot.note(offset(point, name), name, &rules::HEIGHT, (en, ko));
            }
            speed(point, "waypointSpeed", spot);
            heading(point, spot);
            turn(point, index == 0 || index + 1 == points.len(), spot);
        }
        for (index, pair) in wayline.waypoints.windows(2).enumerate() {
            let [from, to] = pair else { continue };
            spot.path = format!("{path} / Placemark {}", index + 1);
            let level_m = distance_m(from.lat, from.lon, to.lat, to.lon);
            leg(&points[index..=index + 1], level_m, to.height_m - from.height_m, spot);
        }
        spot.path = path;
        text(heads, "templateId")?.parse().ok()
    }
}

fn speed(parent: &Element, name: &str, spot: &mut Spot<'_, '_>) {
    if let Some(mps) = number(parent, name).filter(|mps| *mps > SPEED_MAX_MPS) {
        let en = format!("The speed is {mps} m/s.");
        spot.note(
            offset(parent, name),
            name,
            &rules::SPEED,
            (en, format!("속도가 {mps} m/s입니다.")),
        );
    }
}

fn heading(point: &Element, spot: &mut Spot<'_, '_>) {
    let Some(param) = point.child("waypointHeadingParam") else {
        spot.plain(point.offset, "", &rules::NO_HEADING);
        return;
    };
    let name = "waypointHeadingMode";
    match text(param, name) {
        Some("smoothTransition") => {
            let angle = "waypointHeadingAngle";
            if !number(param, angle).is_some_and(|angle| (-180.0..=180.0).contains(&angle)) {
                spot.plain(offset(param, angle), angle, &rules::HEADING_ANGLE);
            }
        }
        Some("towardPOI") => {
            let poi = "waypointPoiPoint";
            if !text(param, poi).is_some_and(is_poi) {
                spot.plain(offset(param, poi), poi, &rules::POI);
            }
        }
        Some(mode) if HEADINGS.contains(&mode) => {}
        Some(_) | None => spot.plain(offset(param, name), name, &rules::HEADING_MODE),
    }
    let path = "waypointHeadingPathMode";
    if text(param, path).is_some_and(|mode| !HEADING_PATHS.contains(&mode)) {
        spot.plain(offset(param, path), path, &rules::HEADING_PATH);
    }
}

/// `latitude,longitude,height`: not the order of `coordinates`.
fn is_poi(text: &str) -> bool {
    let numbers: Vec<f64> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    match numbers[..] {
        [lat, lon, height_m] => {
            (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon) && height_m.is_finite()
        }
        _ => false,
    }
}

fn turn(point: &Element, is_end: bool, spot: &mut Spot<'_, '_>) {
    let Some(param) = point.child("waypointTurnParam") else {
        spot.plain(point.offset, "", &rules::NO_TURN);
        return;
    };
    let name = "waypointTurnMode";
    match text(param, name) {
        Some(EARLY) if is_end => spot.plain(offset(param, name), name, &rules::TURN_AT_END),
        Some(mode) if TURNS.contains(&mode) => {}
        Some(_) | None => spot.plain(offset(param, name), name, &rules::TURN_MODE),
    }
    let name = "waypointTurnDampingDist";
    if needs_damping(point, param) && !number(param, name).is_some_and(|metres| metres > 0.0) {
        spot.plain(offset(param, name), name, &rules::DAMPING);
    }
}

fn needs_damping(point: &Element, param: &Element) -> bool {
    match text(param, "waypointTurnMode") {
        Some(EARLY) => true,
        Some(PASS) => text(point, "useStraightLine") == Some("1"),
        Some(_) | None => false,
    }
}

fn damping_m(point: &Element) -> f64 {
    let Some(param) = point.child("waypointTurnParam") else { return 0.0 };
    let given = number(param, "waypointTurnDampingDist").filter(|_| needs_damping(point, param));
    given.unwrap_or(0.0).max(0.0)
}

/// From one waypoint to the next; the finding stands at the second.
fn leg(ends: &[Element], level_m: f64, climb_m: f64, spot: &mut Spot<'_, '_>) {
    let [from, to] = ends else { return };
    let leg_m = level_m.hypot(climb_m);
    if leg_m < SAME_PLACE_M {
        spot.plain(to.offset, "", &rules::SAME_PLACE);
        return;
    }
    if leg_m > LEG_MAX_M {
        let km = leg_m / 1000.0;
        let en = format!("The waypoint is {km:.0} km from the one before.");
        let ko = format!("웨이포인트가 앞 웨이포인트에서 {km:.0} km 떨어져 있습니다.");
        spot.note(to.offset, "", &rules::LONG_LEG, (en, ko));
    }
    let turns_m = damping_m(from) + damping_m(to);
    if turns_m > 0.0 && turns_m >= leg_m {
        let en = format!("The turns take {turns_m} m of a leg of {leg_m:.1} m.");
        let ko = format!("{leg_m:.1} m 구간에 회전 거리가 {turns_m} m입니다.");
        spot.note(to.offset, "", &rules::DAMPING_SUM, (en, ko));
    }
}
