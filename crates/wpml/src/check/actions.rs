//! What is done on the way: groups of actions, when they run, and each action's values.

use std::{collections::BTreeSet, ops::RangeInclusive};

use super::{Spot, number, offset, rules, text};
use crate::xml::Element;

const EVENLY: &str = "gimbalEvenlyRotate";
const BETWEEN: &str = "betweenAdjacentPoints";
const RESERVED_ID: &str = "65535";
/// Degrees of pitch of the gimbal of Matrice 3D and 3TD when it takes an oriented photo.
const ORIENTED_PITCH: RangeInclusive<f64> = -90.0..=30.0;
const CIRCLE: RangeInclusive<f64> = -180.0..=180.0;
/// Degrees of pitch that no gimbal of these aircraft passes.
const PITCH: RangeInclusive<f64> = -90.0..=35.0;
/// Names without values that could be checked here.
const PLAIN: &[&str] = &[
    "takePhoto",
    "startRecord",
    "stopRecord",
    "focus",
    "customDirName",
    "panoShot",
    "setFocusType",
];
/// Of other aircraft.
const FOREIGN: &[&str] = &["accurateShoot", "recordPointCloud"];

/// Ids of the groups seen in a route.
#[derive(Default)]
pub(super) struct Groups {
    ids: BTreeSet<String>,
}

impl Groups {
    /// Checks a group of a route whose last waypoint is `last`; none for what runs before a route.
    pub(super) fn check(&mut self, group: &Element, last: Option<usize>, spot: &mut Spot<'_, '_>) {
        let outer = spot.path.clone();
        let id = text(group, "actionGroupId").unwrap_or_default().to_owned();
        spot.path = format!("{outer} / {} {id}", group.name);
        if last.is_some() {
            if !self.ids.insert(id) {
                let name = "actionGroupId";
                spot.plain(offset(group, name), name, &rules::GROUP_TWICE);
            }
            range(group, last.unwrap_or(0), spot);
        }
        let name = "actionGroupMode";
        if text(group, name).is_some_and(|mode| mode != "sequence") {
            spot.plain(offset(group, name), name, &rules::GROUP_MODE);
        }
        let actions: Vec<_> = group.children("action").collect();
        if actions.is_empty() {
            spot.plain(group.offset, "", &rules::GROUP_EMPTY);
        }
        trigger(group, &actions, spot);
        let mut ids = BTreeSet::new();
        for action in actions {
            let name = "actionId";
            match text(action, name) {
                Some(RESERVED_ID) => spot.plain(offset(action, name), name, &rules::ACTION_ID),
                Some(id) if !ids.insert(id) => {
                    spot.plain(offset(action, name), name, &rules::ACTION_TWICE);
                }
                Some(_) | None => {}
            }
            check_action(action, spot);
        }
        spot.path = outer;
    }
}

fn range(group: &Element, last: usize, spot: &mut Spot<'_, '_>) {
    let index = |name| text(group, name).and_then(|text| text.parse::<usize>().ok());
    let (start, end) = (index("actionGroupStartIndex"), index("actionGroupEndIndex"));
    let (Some(start), Some(end)) = (start, end) else { return };
    let name = "actionGroupEndIndex";
    if end < start {
        let en = format!("The group of actions begins at waypoint {start} and ends at {end}.");
        let ko = format!("동작 그룹이 웨이포인트 {start}에서 시작해 {end}에서 끝납니다.");
        spot.note(offset(group, name), name, &rules::GROUP_RANGE, (en, ko));
    } else if end > last {
        let en = format!("The group of actions ends at waypoint {end}; the last one is {last}.");
        let ko = format!("동작 그룹이 웨이포인트 {end}에서 끝나지만 마지막은 {last}입니다.");
        spot.note(offset(group, name), name, &rules::GROUP_OUTSIDE, (en, ko));
    }
}

fn trigger(group: &Element, actions: &[&Element], spot: &mut Spot<'_, '_>) {
    let Some(trigger) = group.child("actionTrigger") else { return };
    let name = "actionTriggerType";
    let kind = text(trigger, name).unwrap_or_default();
    match kind {
        "reachPoint" | BETWEEN => {}
        "multipleTiming" | "multipleDistance" => {
            let name = "actionTriggerParam";
            if !number(trigger, name).is_some_and(|interval| interval > 0.0) {
                spot.plain(offset(trigger, name), name, &rules::TRIGGER_PARAM);
            }
        }
        _ => spot.plain(offset(trigger, name), name, &rules::TRIGGER),
    }
    let is_even = |action: &&Element| text(action, "actionActuatorFunc") == Some(EVENLY);
    let has_even = actions.iter().any(is_even);
    let all_even = actions.iter().all(is_even);
    if (kind == BETWEEN && !all_even) || (kind != BETWEEN && has_even) {
        spot.plain(offset(trigger, name), name, &rules::EVENLY);
    }
}

fn check_action(action: &Element, spot: &mut Spot<'_, '_>) {
    let name = "actionActuatorFunc";
    let Some(kind) = text(action, name) else { return };
    let outer = spot.path.clone();
    let id = text(action, "actionId").unwrap_or("?");
    spot.path = format!("{outer} / action {id} {kind}");
    let empty = Element {
        name: String::new(),
        text: String::new(),
        offset: action.offset,
        children: Vec::new(),
    };
    let values = action.child("actionActuatorFuncParam").unwrap_or(&empty);
    match kind {
        "gimbalRotate" => {
            if text(values, "gimbalPitchRotateEnable") == Some("1") {
                within(values, "gimbalPitchRotateAngle", PITCH, spot);
            }
            if text(values, "gimbalYawRotateEnable") == Some("1") {
                within(values, "gimbalYawRotateAngle", CIRCLE, spot);
            }
        }
        EVENLY => within(values, "gimbalPitchRotateAngle", PITCH, spot),
        "rotateYaw" => within(values, "aircraftHeading", CIRCLE, spot),
        "zoom" => above_zero(values, "focalLength", spot),
        // Asked when the mission was read.
        "hover" => {}
        "orientedShoot" => oriented(values, spot),
        kind if PLAIN.contains(&kind) => {}
        kind if FOREIGN.contains(&kind) => {
            spot.plain(offset(action, name), "", &rules::ACTION_NOT_HERE);
        }
        kind => {
            let kind = crate::xml::shorten(kind);
            let en = format!("The action {kind} is not known.");
            let ko = format!("알 수 없는 동작입니다: {kind}.");
            spot.note(offset(action, name), "", &rules::ACTION, (en, ko));
        }
    }
    spot.path = outer;
}

fn oriented(values: &Element, spot: &mut Spot<'_, '_>) {
    within(values, "gimbalPitchRotateAngle", ORIENTED_PITCH, spot);
    within(values, "aircraftHeading", CIRCLE, spot);
    let (yaw, heading) = ("gimbalYawRotateAngle", number(values, "aircraftHeading"));
    if let (Some(found), Some(heading)) = (number(values, yaw), heading)
        && (found - heading).abs() > 1e-6
    {
        spot.plain(offset(values, yaw), yaw, &rules::ORIENTED_YAW);
    }
    above_zero(values, "focalLength", spot);
    if text(values, "actionUUID").is_none_or(str::is_empty) {
        missing(values, "actionUUID", spot);
    }
}

fn within(values: &Element, name: &str, range: RangeInclusive<f64>, spot: &mut Spot<'_, '_>) {
    match number(values, name) {
        None => missing(values, name, spot),
        Some(found) if !range.contains(&found) => {
            let (from, to) = range.into_inner();
            let en = format!("{name} is {found}; {from} to {to} is possible.");
            let ko = format!("{name} 값이 {found}입니다. {from}~{to}만 가능합니다.");
            spot.note(offset(values, name), name, &rules::ACTION_VALUE, (en, ko));
        }
        Some(_) => {}
    }
}

fn above_zero(values: &Element, name: &str, spot: &mut Spot<'_, '_>) {
    match number(values, name) {
        None => missing(values, name, spot),
        Some(found) if found <= 0.0 => {
            let en = format!("{name} is {found}; it must be above 0.");
            let ko = format!("{name} 값이 {found}입니다. 0보다 커야 합니다.");
            spot.note(offset(values, name), name, &rules::ACTION_VALUE, (en, ko));
        }
        Some(_) => {}
    }
}

fn missing(values: &Element, name: &str, spot: &mut Spot<'_, '_>) {
    let en = format!("The action lacks {name}.");
    let ko = format!("동작에 {name} 값이 없습니다.");
    spot.note(offset(values, name), name, &rules::ACTION_PART, (en, ko));
}
