//! A corpus of broken packages: each is a good one with one thing changed, and each is told with its
//! code, its place and its line.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use std::io::{Cursor, Write};

use wpml::{
    Action, ActionGroup, ActionKind, Checked, DroneInfo, FinishAction, Fit, FlyToMode, HeightMode,
    Limits, LostLinkAction, Mission, PayloadInfo, RcLost, Severity, TEMPLATE_ENTRY, Trigger,
    WAYLINES_ENTRY, Wayline, Waypoint,
};
use zip::{ZipWriter, write::SimpleFileOptions};

/// Three points in a line, 111 m apart, with actions at the second.
fn good() -> Mission {
    let kinds = [
        ActionKind::GimbalPitch { degrees: -45.0 },
        ActionKind::RotateYaw { degrees: 90.0 },
        ActionKind::TakePhoto,
    ];
    let actions = (0..).zip(kinds).map(|(id, kind)| Action { id, kind }).collect();
    let group =
        ActionGroup { id: 0, start_index: 1, end_index: 1, trigger: Trigger::ReachPoint, actions };
    let timed = ActionGroup {
        id: 1,
        start_index: 1,
        end_index: 2,
        trigger: Trigger::EverySeconds(2.0),
        actions: vec![Action { id: 0, kind: ActionKind::TakePhoto }],
    };
    let point = |index: u32, lat: f64, action_groups| Waypoint {
        index,
        lon: 127.0,
        lat,
        height_m: 50.0,
        speed_mps: 8.0,
        action_groups,
    };
    Mission {
        fly_to_mode: FlyToMode::Safely,
        finish_action: FinishAction::GoHome,
        rc_lost: RcLost::Execute(LostLinkAction::GoBack),
        security_height_m: 20.0,
        transitional_speed_mps: 10.0,
        rth_height_m: Some(100.0),
        drone: DroneInfo { type_id: 91, sub_type: 1 },
        payload: PayloadInfo { type_id: 81, position: 0 },
        waylines: vec![Wayline {
            id: 0,
            speed_mps: 8.5,
            height_mode: HeightMode::RelativeToStartPoint,
            waypoints: vec![
                point(0, 37.0, vec![]),
                point(1, 37.001, vec![group, timed]),
                point(2, 37.002, vec![]),
            ],
        }],
    }
}

fn package(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn checked(waylines: &str, template: &str) -> Result<Checked, String> {
    let bytes = package(&[(TEMPLATE_ENTRY, template), (WAYLINES_ENTRY, waylines)]);
    Mission::check_kmz(&bytes, &Limits::default()).map_err(|error| error.to_string())
}

fn texts() -> (String, String) {
    let mission = good();
    (mission.to_waylines_xml().unwrap(), mission.to_template_xml().unwrap())
}

/// What is changed, where it is found, and what is said. With `@` before it the first text is looked
/// for behind the second point's index, in the template with `#`.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    // The whole mission.
    (
        "Height>20<",
        "Height>7.9<",
        "missionConfig / takeOffSecurityHeight",
        "security_height_out_of_range",
    ),
    (
        "Height>20<",
        "Height>1501<",
        "missionConfig / takeOffSecurityHeight",
        "security_height_out_of_range",
    ),
    (
        "Speed>10<",
        "Speed>0<",
        "missionConfig / globalTransitionalSpeed",
        "transitional_speed_out_of_range",
    ),
    (
        "Speed>10<",
        "Speed>15.1<",
        "missionConfig / globalTransitionalSpeed",
        "transitional_speed_out_of_range",
    ),
    (
        "<wpml:globalRTHHeight>100</wpml:globalRTHHeight>",
        "",
        "missionConfig / globalRTHHeight",
        "rth_height_missing",
    ),
    (
        "droneEnumValue>91<",
        "droneEnumValue>67<",
        "missionConfig / droneInfo",
        "aircraft_not_of_dock_2",
    ),
    (
        "droneSubEnumValue>1<",
        "droneSubEnumValue>2<",
        "missionConfig / droneInfo",
        "aircraft_not_of_dock_2",
    ),
    (
        "payloadEnumValue>81<",
        "payloadEnumValue>80<",
        "missionConfig / payloadInfo",
        "payload_does_not_belong",
    ),
    (
        "payloadPositionIndex>0<",
        "payloadPositionIndex>1<",
        "missionConfig / payloadPositionIndex",
        "payload_position_unknown",
    ),
    // The route.
    (
        ">relativeToStartPoint<",
        ">realTimeFollowSurface<",
        "Folder 0 / executeHeightMode",
        "height_mode_not_supported",
    ),
    ("autoFlightSpeed>8.5<", "autoFlightSpeed>16<", "Folder 0 / autoFlightSpeed", "speed_high"),
    ("@waypointSpeed>8<", "waypointSpeed>16<", "Placemark 1 / waypointSpeed", "speed_high"),
    ("127,37.001<", "127,37<", "Placemark 1", "waypoints_at_one_place"),
    ("127,37.002<", "37,37.002<", "Placemark 2", "leg_too_long"),
    (
        "@executeHeight>50<",
        "executeHeight>1501<",
        "Placemark 1 / executeHeight",
        "height_out_of_range",
    ),
    (
        "@executeHeight>50<",
        "executeHeight>-201<",
        "Placemark 1 / executeHeight",
        "height_out_of_range",
    ),
    // Heading and turning.
    ("@waypointHeadingParam>", "wasHeadingParam>", "Placemark 1", "heading_missing"),
    ("@followWayline<", "sideways<", "Placemark 1 / waypointHeadingMode", "heading_mode_unknown"),
    (
        "@followWayline<",
        "smoothTransition<",
        "Placemark 1 / waypointHeadingAngle",
        "heading_angle_wrong",
    ),
    (
        "@followWayline</wpml:waypointHeadingMode>",
        "smoothTransition</wpml:waypointHeadingMode><wpml:waypointHeadingAngle>181</wpml:waypointHeadingAngle>",
        "Placemark 1 / waypointHeadingAngle",
        "heading_angle_wrong",
    ),
    ("@followWayline<", "towardPOI<", "Placemark 1 / waypointPoiPoint", "point_of_interest_wrong"),
    (
        "@followWayline</wpml:waypointHeadingMode>",
        "towardPOI</wpml:waypointHeadingMode><wpml:waypointPoiPoint>127,37,0</wpml:waypointPoiPoint>",
        "Placemark 1 / waypointPoiPoint",
        "point_of_interest_wrong",
    ),
    (
        "@</wpml:waypointHeadingMode>",
        "</wpml:waypointHeadingMode><wpml:waypointHeadingPathMode>around</wpml:waypointHeadingPathMode>",
        "Placemark 1 / waypointHeadingPathMode",
        "heading_path_unknown",
    ),
    ("@waypointTurnParam>", "wasTurnParam>", "Placemark 1", "turn_missing"),
    (
        "@toPointAndStopWithDiscontinuityCurvature<",
        "drift<",
        "Placemark 1 / waypointTurnMode",
        "turn_mode_unknown",
    ),
    (
        "toPointAndStopWithDiscontinuityCurvature<",
        "coordinateTurn<",
        "Placemark 0 / waypointTurnMode",
        "coordinate_turn_at_end",
    ),
    (
        "@toPointAndStopWithDiscontinuityCurvature<",
        "coordinateTurn<",
        "Placemark 1 / waypointTurnDampingDist",
        "turn_damping_wrong",
    ),
    (
        "@toPointAndStopWithDiscontinuityCurvature<",
        "toPointAndPassWithContinuityCurvature<",
        "Placemark 1 / waypointTurnDampingDist",
        "turn_damping_wrong",
    ),
    (
        "@toPointAndStopWithDiscontinuityCurvature</wpml:waypointTurnMode>\n<wpml:waypointTurnDampingDist>0<",
        "coordinateTurn</wpml:waypointTurnMode><wpml:waypointTurnDampingDist>120<",
        "Placemark 1",
        "turn_damping_too_long",
    ),
    // Groups of actions.
    (
        "actionGroupStartIndex>1<",
        "actionGroupStartIndex>2<",
        "actionGroup 0 / actionGroupEndIndex",
        "action_group_range_wrong",
    ),
    (
        "actionGroupEndIndex>1<",
        "actionGroupEndIndex>3<",
        "actionGroup 0 / actionGroupEndIndex",
        "action_group_outside",
    ),
    (
        "actionGroupId>1<",
        "actionGroupId>0<",
        "actionGroup 0 / actionGroupId",
        "action_group_id_twice",
    ),
    (">sequence<", ">parallel<", "actionGroup 0 / actionGroupMode", "action_group_mode_unknown"),
    (
        "<wpml:actionGroup>",
        "<wpml:actionGroup><wpml:actionGroupId>9</wpml:actionGroupId></wpml:actionGroup><wpml:actionGroup>",
        "",
        "required element",
    ),
    (">reachPoint<", ">whenever<", "actionGroup 0 / actionTriggerType", "trigger_unknown"),
    (
        "<wpml:actionTriggerParam>2<",
        "<wpml:wasParam>2</wpml:wasParam><wpml:x><",
        "",
        "not well-formed",
    ),
    (
        ">reachPoint<",
        ">betweenAdjacentPoints<",
        "actionGroup 0 / actionTriggerType",
        "even_rotation_wrong",
    ),
    (
        ">gimbalRotate<",
        ">gimbalEvenlyRotate<",
        "actionGroup 0 / actionTriggerType",
        "even_rotation_wrong",
    ),
    ("<wpml:actionId>1<", "<wpml:actionId>0<", "actionGroup 0 / actionId", "action_id_twice"),
    (
        "<wpml:actionId>1<",
        "<wpml:actionId>65535<",
        "actionGroup 0 / actionId",
        "action_id_reserved",
    ),
    // Actions.
    (">takePhoto<", ">somersault<", "action 2 somersault", "action_unknown"),
    (">takePhoto<", ">accurateShoot<", "action 2 accurateShoot", "action_not_supported"),
    (">takePhoto<", ">recordPointCloud<", "action 2 recordPointCloud", "action_not_supported"),
    (">takePhoto<", ">zoom<", "action 2 zoom / focalLength", "action_value_missing"),
    (
        ">takePhoto<",
        ">orientedShoot<",
        "action 2 orientedShoot / actionUUID",
        "action_value_missing",
    ),
    (
        "RotateAngle>-45<",
        "RotateAngle>-91<",
        "action 0 gimbalRotate / gimbalPitchRotateAngle",
        "action_value_wrong",
    ),
    (
        "aircraftHeading>90<",
        "aircraftHeading>270<",
        "action 1 rotateYaw / aircraftHeading",
        "action_value_wrong",
    ),
    (
        ">rotateYaw<",
        ">orientedShoot</wpml:actionActuatorFunc><wpml:actionActuatorFuncParam><wpml:aircraftHeading>10</wpml:aircraftHeading><wpml:gimbalYawRotateAngle>11</wpml:gimbalYawRotateAngle><wpml:gimbalPitchRotateAngle>0</wpml:gimbalPitchRotateAngle><wpml:focalLength>24</wpml:focalLength><wpml:actionUUID>a</wpml:actionUUID></wpml:actionActuatorFuncParam><wpml:x>x<",
        "",
        "not well-formed",
    ),
    // The template.
    (
        "#templateType>waypoint<",
        "templateType>circle<",
        "Folder 0 / templateType",
        "template_type_unknown",
    ),
    ("#templateId>0<", "templateId>4<", "Document / templateId", "template_ids_differ"),
    (
        "#droneSubEnumValue>1<",
        "droneSubEnumValue>0<",
        "missionConfig / droneInfo",
        "template_ids_differ",
    ),
    (
        "#<wpml:globalHeight>50</wpml:globalHeight>",
        "",
        "Folder 0 / globalHeight",
        "template_part_missing",
    ),
    (
        "#<wpml:autoFlightSpeed>8.5</wpml:autoFlightSpeed>",
        "",
        "Folder 0 / autoFlightSpeed",
        "template_part_missing",
    ),
    (
        "#coordinateMode>WGS84<",
        "coordinateMode>GCJ02<",
        "Folder 0 / coordinateMode",
        "coordinates_not_wgs84",
    ),
    ("#<wpml:height>50</wpml:height>", "", "Placemark 0 / useGlobalHeight", "local_value_missing"),
    (
        "#useGlobalTurnParam>1<",
        "useGlobalTurnParam>0<",
        "Placemark 0 / useGlobalTurnParam",
        "local_value_missing",
    ),
    ("#</Document>", "", "", "not well-formed"),
];

/// Both texts with one change made.
fn broken(from: &str, to: &str) -> (String, String) {
    let (waylines, template) = texts();
    let edit = |text: &str, after: usize, from: &str| {
        let at = after + text[after..].find(from).unwrap_or_else(|| panic!("no {from} in {text}"));
        // An element that is renamed is renamed at both its ends.
        let rest = text[at..].replacen(from, to, if to.starts_with("was") { 2 } else { 1 });
        format!("{}{rest}", &text[..at])
    };
    match (from.strip_prefix('@'), from.strip_prefix('#')) {
        (Some(from), _) => {
            let after = waylines.find("<wpml:index>1<").unwrap();
            (edit(&waylines, after, from), template)
        }
        (None, Some(from)) => {
            let edited = edit(&template, 0, from);
            (waylines, edited)
        }
        (None, None) => (edit(&waylines, 0, from), template),
    }
}

#[test]
fn a_good_package_has_no_finding() {
    let (waylines, template) = texts();
    let checked = checked(&waylines, &template).unwrap();
    assert_eq!(checked.findings, []);
    assert!(checked.is_flyable());
    assert_eq!(checked.mission, good());
}

#[test]
fn each_broken_package_is_told_with_its_place() {
    assert!(BROKEN.len() >= 40);
    for (from, to, place, said) in BROKEN {
        let (waylines, template) = broken(from, to);
        match checked(&waylines, &template) {
            Ok(checked) => {
                let is_it = |finding: &&wpml::Finding| {
                    finding.code == *said && finding.place.element.contains(place)
                };
                let found = checked.findings.iter().find(is_it);
                let found =
                    found.unwrap_or_else(|| panic!("{from} → {to}: {:?}", checked.findings));
                let path = &found.place.element;
                assert!(
                    found.place.line > 1 || path.starts_with("Document"),
                    "{from} → {to}: {path}"
                );
                assert!(!found.what.en.is_empty() && !found.mend.ko.is_empty());
                let is_error = found.severity == Severity::Error;
                assert_eq!(checked.is_flyable(), !is_error || !has_error(&checked), "{said}");
                // One thing is broken, so little else is found.
                assert!(checked.findings.len() <= 4, "{from} → {to}: {:?}", checked.findings);
            }
            Err(words) => assert!(words.contains(said), "{from} → {to}: {words}"),
        }
    }
}

fn has_error(checked: &Checked) -> bool {
    checked.findings.iter().any(|finding| finding.severity == Severity::Error)
}

#[test]
fn the_line_is_that_of_the_element() {
    let (waylines, template) = broken("@executeHeight>50<", "executeHeight>1501<");
    let found = checked(&waylines, &template).unwrap().findings.remove(0);
    let line = waylines.lines().position(|line| line.contains("1501")).unwrap() + 1;
    // Where the element begins is where the one before it ended.
    assert!(line - found.place.line <= 1, "{} and {line}", found.place.line);
    assert_eq!(found.what.en, "The waypoint is 1501 m above the take-off point.");
    assert_eq!(found.what.ko, "웨이포인트가 이륙 지점보다 1501 m 높습니다.");
}

#[test]
fn without_a_template_it_flies_and_a_person_is_told() {
    let (waylines, _) = texts();
    let bytes = package(&[(WAYLINES_ENTRY, &waylines)]);
    let checked = Mission::check_kmz(&bytes, &Limits::default()).unwrap();
    let codes: Vec<_> = checked.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["template_missing"]);
    assert!(checked.is_flyable());
}

#[test]
fn a_flood_of_findings_is_counted() {
    let mut mission = good();
    let point = mission.waylines[0].waypoints[0].clone();
    mission.waylines[0].waypoints = (0..1000)
        .map(|index| Waypoint {
            index,
            speed_mps: 20.0,
            lat: 37.0 + f64::from(index) * 1e-4,
            ..point.clone()
        })
        .collect();
    let checked = Mission::check_kmz(&mission.to_kmz().unwrap(), &Limits::default()).unwrap();
    assert_eq!(checked.findings.len(), 200);
    assert_eq!(checked.more, 800);
    // What was not kept may be worse than what was.
    assert!(!checked.is_flyable());
}

#[test]
fn a_mission_fits_its_aircraft_its_camera_and_the_task_or_says_why_not() {
    let fit = Fit {
        drone: DroneInfo { type_id: 91, sub_type: 1 },
        payload: PayloadInfo { type_id: 81, position: 0 },
        exits_when_link_lost: Some(true),
    };
    let codes =
        |fit: Fit| -> Vec<_> { good().fits(&fit).iter().map(|finding| finding.code).collect() };
    assert_eq!(codes(fit), [""; 0]);
    let drone = DroneInfo { type_id: 91, sub_type: 0 };
    assert_eq!(codes(Fit { drone, ..fit }), ["made_for_another_aircraft"]);
    let payload = PayloadInfo { type_id: 80, position: 0 };
    assert_eq!(codes(Fit { payload, ..fit }), ["made_for_another_camera"]);
    assert_eq!(codes(Fit { exits_when_link_lost: Some(false), ..fit }), ["lost_link_differs"]);
    assert_eq!(codes(Fit { exits_when_link_lost: None, ..fit }), [""; 0]);
    let said = good().fits(&Fit { drone, ..fit }).remove(0).what;
    assert!(said.en.contains("Matrice 3TD") && said.ko.contains("Matrice 3D"), "{said:?}");
}
