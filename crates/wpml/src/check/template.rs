//! `template.kml`: what a person edits, and whether it belongs to what is flown.

use std::collections::BTreeSet;

use super::{Findings, Flown, Spot, offset, points::Folder, rules, text};
use crate::{
    error::WpmlError,
    kmz::TEMPLATE_ENTRY,
    mission::Mission,
    xml::{Element, Step, Walker},
};

const KINDS: &[&str] = &["waypoint", "mapping2d", "mapping3d", "mappingStrip"];
/// Elements of a waypoint that stand in for the global ones.
const LOCAL: &[(&str, &str)] = &[
    ("useGlobalHeight", "height"),
    ("useGlobalSpeed", "waypointSpeed"),
    ("useGlobalHeadingParam", "waypointHeadingParam"),
    ("useGlobalTurnParam", "waypointTurnParam"),
];

/// Checks the template.
///
/// # Errors
/// When it is no XML.
pub(super) fn check(
    template: &str,
    mission: &Mission,
    flown: &Flown,
    findings: &mut Findings,
) -> Result<(), WpmlError> {
    let mut walker = Walker::new(template, TEMPLATE_ENTRY, super::CONTAINERS);
    let mut ids = BTreeSet::new();
    let mut has_config = false;
    let mut folders = 0;
    loop {
        match walker.step()? {
            Step::Open { name, offset } if name == "Folder" => {
                let folder = Folder::read(&mut walker, folders, offset)?;
                let path = format!("Folder {folders}");
                folders += 1;
                let mut spot = Spot { walker: &walker, findings, path };
                ids.extend(text(&folder.heads, "templateId").and_then(|id| id.parse::<u32>().ok()));
                check_folder(&folder, &mut spot);
            }
            Step::Whole(element) if element.name == "missionConfig" => {
                has_config = true;
                let path = "missionConfig".to_owned();
                same_aircraft(&element, mission, &mut Spot { walker: &walker, findings, path });
            }
            Step::Open { .. } | Step::Close | Step::Whole(_) => {}
            Step::End => break,
        }
    }
    let mut spot = Spot { walker: &walker, findings, path: "Document".to_owned() };
    for (is_there, name) in [(has_config, "missionConfig"), (folders > 0, "Folder")] {
        if !is_there {
            missing(0, name, &mut spot);
        }
    }
    let of_waylines: BTreeSet<u32> = flown.template_ids.iter().copied().collect();
    if folders > 0 && ids != of_waylines {
        let list = |ids: &BTreeSet<u32>| {
            let ids: Vec<_> = ids.iter().take(8).map(ToString::to_string).collect();
            ids.join(", ")
        };
        let (one, other) = (list(&ids), list(&of_waylines));
        let en = format!("template.kml holds templates [{one}], waylines.wpml [{other}].");
        let ko = format!("template.kml의 템플릿은 [{one}], waylines.wpml은 [{other}]입니다.");
        spot.note(0, "templateId", &rules::TEMPLATE_IDS, (en, ko));
    }
    Ok(())
}

fn same_aircraft(config: &Element, mission: &Mission, spot: &mut Spot<'_, '_>) {
    let Some(drone) = config.child("droneInfo") else {
        missing(config.offset, "droneInfo", spot);
        return;
    };
    let of = |name| text(drone, name).and_then(|text| text.parse::<u32>().ok());
    let same = of("droneEnumValue") == Some(mission.drone.type_id)
        && of("droneSubEnumValue").unwrap_or(0) == mission.drone.sub_type;
    if !same {
        let en = "The template is made for another aircraft than the route.".to_owned();
        let ko = "템플릿과 경로의 기체가 서로 다릅니다.".to_owned();
        spot.note(drone.offset, "droneInfo", &rules::TEMPLATE_IDS, (en, ko));
    }
}

fn check_folder(folder: &Folder, spot: &mut Spot<'_, '_>) {
    let heads = &folder.heads;
    let kind = text(heads, "templateType");
    if !kind.is_some_and(|kind| KINDS.contains(&kind)) {
        let name = "templateType";
        spot.plain(offset(heads, name), name, &rules::TEMPLATE_TYPE);
    }
    for name in ["templateId", "autoFlightSpeed", "waylineCoordinateSysParam"] {
        if heads.child(name).is_none() {
            missing(heads.offset, name, spot);
        }
    }
    if let Some(system) = heads.child("waylineCoordinateSysParam") {
        let name = "coordinateMode";
        if text(system, name) != Some("WGS84") {
            spot.plain(offset(system, name), name, &rules::TEMPLATE_COORDINATES);
        }
    }
    if kind != Some("waypoint") {
        return;
    }
    for name in ["globalWaypointTurnMode", "gimbalPitchMode", "globalHeight"] {
        if heads.child(name).is_none() {
            missing(heads.offset, name, spot);
        }
    }
    let path = spot.path.clone();
    for (index, point) in folder.points.iter().enumerate() {
        spot.path = format!("{path} / Placemark {index}");
        for (switch, own) in LOCAL {
            // Drawn ellipsoid heights stand beside the height above the plane.
            if text(point, switch) == Some("0") && point.child(own).is_none() {
                let en = format!("The waypoint does not use the global value and gives no {own}.");
                let ko = format!("웨이포인트가 전역 값을 쓰지 않으면서 {own} 값이 없습니다.");
                spot.note(offset(point, switch), switch, &rules::TEMPLATE_LOCAL, (en, ko));
            }
        }
    }
    spot.path = path;
}

fn missing(offset: usize, name: &str, spot: &mut Spot<'_, '_>) {
    let en = format!("The template lacks {name}.");
    let ko = format!("템플릿에 {name} 요소가 없습니다.");
    spot.note(offset, name, &rules::TEMPLATE_PART, (en, ko));
}
