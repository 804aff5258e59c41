//! Packages in and out: round trips, every refusal with its place, and no panic on any bytes.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use std::io::{Cursor, Write};

use proptest::prelude::*;
use wpml::{
    Action, ActionGroup, ActionKind, DroneInfo, FinishAction, FlyToMode, HeightMode, Limits,
    LostLinkAction, Mission, PayloadInfo, RcLost, Trigger, WAYLINES_ENTRY, Wayline, Waypoint,
    WpmlError, distance_m,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

fn point(index: u32, lon: f64, lat: f64, height_m: f64) -> Waypoint {
    Waypoint { index, lon, lat, height_m, speed_mps: 8.0, action_groups: Vec::new() }
}

fn mission(waypoints: Vec<Waypoint>) -> Mission {
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
            speed_mps: 8.0,
            height_mode: HeightMode::RelativeToStartPoint,
            waypoints,
        }],
    }
}

fn two_points() -> Mission {
    mission(vec![point(0, 127.0, 37.0, 50.0), point(1, 127.0, 37.001, 50.0)])
}

fn package(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Packs an edited waylines file and returns the error's words.
fn refusal(edit: impl Fn(&str) -> String) -> String {
    let text = two_points().to_waylines_xml().unwrap();
    let edited = edit(&text);
    assert_ne!(text, edited, "the edit must change something");
    match Mission::from_kmz(&package(&[(WAYLINES_ENTRY, edited.as_bytes())])) {
        Ok(read) => panic!("accepted: {read:?}"),
        Err(error) => error.to_string(),
    }
}

fn check_refusal(from: &str, to: &str, expect: &[&str]) {
    let words = refusal(|text| text.replacen(from, to, 1));
    for part in expect {
        assert!(words.contains(part), "{words:?} does not say {part:?}");
    }
}

#[test]
fn a_documented_file_is_read() {
    // Shape of the documented example: prefixed names, comments, CDATA, elements unknown to us.
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:wpml="http://www.dji.com/wpmz/1.0.2"><Document>
<wpml:missionConfig><wpml:flyToWaylineMode>safely</wpml:flyToWaylineMode>
<wpml:finishAction><![CDATA[goHome]]></wpml:finishAction>
<wpml:exitOnRCLost>goContinue</wpml:exitOnRCLost>
<wpml:takeOffSecurityHeight>20</wpml:takeOffSecurityHeight>
<wpml:globalTransitionalSpeed> 10 </wpml:globalTransitionalSpeed>
<wpml:droneInfo><wpml:droneEnumValue>91</wpml:droneEnumValue><wpml:droneSubEnumValue>1</wpml:droneSubEnumValue></wpml:droneInfo>
<wpml:payloadInfo><wpml:payloadEnumValue>81</wpml:payloadEnumValue><wpml:payloadPositionIndex>0</wpml:payloadPositionIndex></wpml:payloadInfo>
<wpml:newThing><wpml:inside/></wpml:newThing></wpml:missionConfig>
<Folder><wpml:templateId>0</wpml:templateId><wpml:executeHeightMode>WGS84</wpml:executeHeightMode>
<wpml:waylineId>3</wpml:waylineId><wpml:autoFlightSpeed>7.5</wpml:autoFlightSpeed>
<Placemark><!-- first --><Point><coordinates>
127.1,37.2
</coordinates></Point><wpml:index>0</wpml:index><wpml:executeHeight>116.5</wpml:executeHeight>
<wpml:actionGroup><wpml:actionGroupId>0</wpml:actionGroupId><wpml:actionGroupStartIndex>0</wpml:actionGroupStartIndex>
<wpml:actionGroupEndIndex>0</wpml:actionGroupEndIndex><wpml:actionGroupMode>sequence</wpml:actionGroupMode>
<wpml:actionTrigger><wpml:actionTriggerType>reachPoint</wpml:actionTriggerType></wpml:actionTrigger>
<wpml:action><wpml:actionId>0</wpml:actionId><wpml:actionActuatorFunc>hover</wpml:actionActuatorFunc>
<wpml:actionActuatorFuncParam><wpml:hoverTime>3</wpml:hoverTime></wpml:actionActuatorFuncParam></wpml:action>
<wpml:action><wpml:actionId>1</wpml:actionId><wpml:actionActuatorFunc>panoShot</wpml:actionActuatorFunc></wpml:action>
</wpml:actionGroup></Placemark></Folder></Document></kml>"#;
    let read = Mission::from_waylines_xml(text, &Limits::default()).unwrap();
    assert_eq!(read.rc_lost, RcLost::Continue);
    assert_eq!(read.rth_height_m, None);
    let wayline = &read.waylines[0];
    assert_eq!((wayline.id, wayline.height_mode), (3, HeightMode::Wgs84));
    let first = &wayline.waypoints[0];
    assert_eq!((first.lon, first.lat, first.height_m, first.speed_mps), (127.1, 37.2, 116.5, 7.5));
    let kinds: Vec<_> = first.action_groups[0].actions.iter().map(|a| a.kind.clone()).collect();
    assert_eq!(
        kinds,
        [ActionKind::Hover { seconds: 3.0 }, ActionKind::Other("panoShot".to_owned())]
    );
}

#[test]
fn wrong_values_are_named_with_their_place() {
    check_refusal(
        "<wpml:executeHeight>50",
        "<wpml:executeHeight>fifty",
        &[
            "wpmz/waylines.wpml line",
            "Folder 0 / Placemark 0 / executeHeight",
            "\"fifty\"",
            "number",
        ],
    );
    check_refusal("<wpml:executeHeight>50", "<wpml:executeHeight>NaN", &["NaN", "a number"]);
    check_refusal("127,37.001", "37.001,127", &["Placemark 1 / coordinates", "latitude"]);
    check_refusal("127,37.001", "127;37", &["longitude,latitude"]);
    check_refusal("127,37.001", "1270,37", &["longitude from -180"]);
    check_refusal("<wpml:index>1", "<wpml:index>7", &["Placemark 1", "index 7", "1 must follow"]);
    check_refusal("<wpml:index>1", "<wpml:index>-1", &["\"-1\"", "whole number"]);
    check_refusal(">goHome<", ">goRound<", &["finishAction", "goRound", "autoLand"]);
    check_refusal("<wpml:autoFlightSpeed>8", "<wpml:autoFlightSpeed>0", &["above 0"]);
    check_refusal(
        "<wpml:waylineId>0</wpml:waylineId>",
        "",
        &["line 21: Folder 0: required element waylineId is missing"],
    );
}

#[test]
fn wrong_documents_are_refused() {
    check_refusal("<kml ", "<!DOCTYPE kml [<!ENTITY a \"b\">]><kml ", &["line 2", "DTD"]);
    check_refusal(">goHome<", ">&lol;<", &["unknown entity &lol;"]);
    check_refusal("</Document>", "", &["not well-formed"]);
    assert!(refusal(|text| text[..text.len() / 2].to_owned()).contains("not well-formed"));
    let deep = "<a>".repeat(200) + &"</a>".repeat(200);
    check_refusal("<wpml:droneInfo>", &format!("{deep}<wpml:droneInfo>"), &["beyond reason"]);
    let folder = |text: &str| {
        let start = text.find("<Folder>").unwrap();
        let end = text.find("</Document>").unwrap();
        text[start..end].to_owned()
    };
    let twice = refusal(|text| text.replace("</Document>", &(folder(text) + "</Document>")));
    assert!(twice.contains("wayline id 0 is used twice"), "{twice}");
    let none = refusal(|text| text.replace(&folder(text), ""));
    assert!(none.contains("Folder is missing"), "{none}");
    let latin = Mission::from_kmz(&package(&[(WAYLINES_ENTRY, b"\xff\xfe<kml/>")]));
    assert!(matches!(latin, Err(WpmlError::NotUtf8 { .. })));
}

#[test]
fn wrong_packages_are_refused() {
    assert!(matches!(Mission::from_kmz(b"<kml/>"), Err(WpmlError::NotZip(_))));
    let other = package(&[("wpmz/template.kml", b"<kml/>")]);
    let missing = Mission::from_kmz(&other).unwrap_err().to_string();
    assert!(missing.contains("wpmz/waylines.wpml is missing"), "{missing}");
    for name in ["../evil", "/etc/passwd", "wpmz\\..\\evil", "C:evil"] {
        let error = Mission::from_kmz(&package(&[(name, b"x")])).unwrap_err();
        assert!(matches!(error, WpmlError::PathTraversal { .. }), "{name}: {error}");
    }
    let zeros = vec![b' '; 8 << 20];
    let bomb = Mission::from_kmz(&package(&[("wpmz/res/a", &zeros)])).unwrap_err();
    assert!(matches!(bomb, WpmlError::RatioTooHigh { .. }), "{bomb}");
    let tight = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        Mission::from_kmz_within(&two_points().to_kmz().unwrap(), &limits).unwrap_err()
    };
    assert!(matches!(tight(|l| l.package_bytes = 100), WpmlError::PackageTooLarge { .. }));
    assert!(matches!(tight(|l| l.entries = 1), WpmlError::TooManyEntries { .. }));
    assert!(matches!(tight(|l| l.total_bytes = 100), WpmlError::TotalTooLarge { .. }));
    assert!(matches!(tight(|l| l.entry_bytes = 100), WpmlError::EntryTooLarge { .. }));
    let many = tight(|l| l.waypoints = 1);
    assert!(matches!(many, WpmlError::TooManyWaypoints { limit: 1, .. }), "{many}");
}

#[test]
fn damaged_data_and_doubled_names_are_refused() {
    let text = two_points().to_waylines_xml().unwrap();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for name in [WAYLINES_ENTRY, "wpmz/waylines.wpmX"] {
        writer.start_file(name, stored).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    let good = writer.finish().unwrap().into_inner();
    assert_eq!(Mission::from_kmz(&good).unwrap(), two_points());
    let mut damaged = good.clone();
    let at = damaged.windows(6).position(|part| part == b"goHome").unwrap();
    damaged[at] = b'G';
    let error = Mission::from_kmz(&damaged).unwrap_err();
    assert!(matches!(error, WpmlError::EntryDamaged { .. }), "{error}");
    let mut doubled = good;
    while let Some(at) = doubled.windows(18).position(|part| part == b"wpmz/waylines.wpmX") {
        doubled[at + 17] = b'l';
    }
    let error = Mission::from_kmz(&doubled).unwrap_err();
    assert!(matches!(error, WpmlError::DuplicateEntry), "{error}");
}

#[test]
fn summaries_match_the_ground() {
    let one_degree = distance_m(37.0, 127.0, 38.0, 127.0);
    assert!((one_degree - 111_195.0).abs() < 1.0, "{one_degree}");
    let mut two = two_points();
    let summary = two.summary();
    assert_eq!((summary.wayline_count, summary.waypoint_count), (1, 2));
    assert!((summary.length_m - 111.195).abs() < 0.01, "{summary:?}");
    // 111.195 m at 8 m/s, plus speeding up and braking at 2.5 m/s².
    assert!((summary.estimated_duration_s - (111.195 / 8.0 + 3.2)).abs() < 0.01, "{summary:?}");
    two.waylines[0].waypoints[1].action_groups.push(ActionGroup {
        id: 0,
        start_index: 1,
        end_index: 1,
        trigger: Trigger::ReachPoint,
        actions: vec![Action { id: 0, kind: ActionKind::Hover { seconds: 10.0 } }],
    });
    let longer = two.summary().estimated_duration_s - summary.estimated_duration_s;
    assert!((longer - 10.0).abs() < 1e-9);
}

#[test]
fn what_no_file_may_hold_is_not_written() {
    let mut bad = two_points();
    bad.waylines[0].waypoints[1].lat = f64::NAN;
    assert!(matches!(bad.to_kmz(), Err(WpmlError::Unwritable { .. })));
    bad.waylines.clear();
    assert!(matches!(bad.to_kmz(), Err(WpmlError::Unwritable { .. })));
}

fn any_kind() -> impl Strategy<Value = ActionKind> {
    prop_oneof![
        Just(ActionKind::TakePhoto),
        Just(ActionKind::StartRecord),
        Just(ActionKind::StopRecord),
        (0.1..60.0f64).prop_map(|seconds| ActionKind::Hover { seconds }),
        (-90.0..30.0f64).prop_map(|degrees| ActionKind::GimbalPitch { degrees }),
        (-180.0..180.0f64).prop_map(|degrees| ActionKind::RotateYaw { degrees }),
        "[a-z&<>]{1,12}".prop_filter("a known name", |s| s != "hover").prop_map(ActionKind::Other),
    ]
}

fn any_trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        Just(Trigger::ReachPoint),
        Just(Trigger::BetweenAdjacentPoints),
        (0.1..60.0f64).prop_map(Trigger::EverySeconds),
        (0.1..60.0f64).prop_map(Trigger::EveryMetres),
        "[A-Z]{1,12}".prop_map(Trigger::Other),
    ]
}

prop_compose! {
    fn any_group()(
        id in any::<u16>(),
        start_index in 0u32..9,
        end_index in 0u32..9,
        trigger in any_trigger(),
        kinds in prop::collection::vec(any_kind(), 0..4),
    ) -> ActionGroup {
        let actions = kinds
            .into_iter()
            .enumerate()
            .map(|(id, kind)| Action { id: u16::try_from(id).unwrap(), kind })
            .collect();
        ActionGroup { id, start_index, end_index, trigger, actions }
    }
}

prop_compose! {
    fn any_point()(
        lon in -180.0..=180.0f64,
        lat in -90.0..=90.0f64,
        height_m in -100.0..1500.0f64,
        speed_mps in 0.1..15.0f64,
        action_groups in prop::collection::vec(any_group(), 0..3),
    ) -> Waypoint {
        Waypoint { index: 0, lon, lat, height_m, speed_mps, action_groups }
    }
}

prop_compose! {
    fn any_mission()(
        routes in prop::collection::vec(prop::collection::vec(any_point(), 1..6), 1..4),
        heights in (8.0..1500.0f64, 0.0..15.0f64, prop::option::of(2.0..1500.0f64)),
        modes in (
            prop::sample::select(vec![FlyToMode::Safely, FlyToMode::PointToPoint]),
            prop::sample::select(vec![
                FinishAction::GoHome,
                FinishAction::NoAction,
                FinishAction::AutoLand,
                FinishAction::GotoFirstWaypoint,
            ]),
            prop::sample::select(vec![
                RcLost::Continue,
                RcLost::Execute(LostLinkAction::GoBack),
                RcLost::Execute(LostLinkAction::Landing),
                RcLost::Execute(LostLinkAction::Hover),
            ]),
            prop::sample::select(vec![HeightMode::Wgs84, HeightMode::RelativeToStartPoint]),
        ),
        ids in (any::<u32>(), any::<u32>()),
    ) -> Mission {
        let waylines = routes
            .into_iter()
            .enumerate()
            .map(|(id, mut waypoints)| {
                for (index, point) in waypoints.iter_mut().enumerate() {
                    point.index = u32::try_from(index).unwrap();
                }
                Wayline {
                    id: u16::try_from(id).unwrap(),
                    speed_mps: waypoints[0].speed_mps,
                    height_mode: modes.3,
                    waypoints,
                }
            })
            .collect();
        Mission {
            fly_to_mode: modes.0,
            finish_action: modes.1,
            rc_lost: modes.2,
            security_height_m: heights.0,
            transitional_speed_mps: heights.1,
            rth_height_m: heights.2,
            drone: DroneInfo { type_id: ids.0, sub_type: 1 },
            payload: PayloadInfo { type_id: ids.1, position: 0 },
            waylines,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_read_back(mission in any_mission()) {
        let bytes = mission.to_kmz().unwrap();
        prop_assert_eq!(Mission::from_kmz(&bytes).unwrap(), mission.clone());
        prop_assert_eq!(mission.to_kmz().unwrap(), bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Mission::from_kmz(&bytes).is_err());
        // A broken directory behind a good beginning reaches deeper.
        let mut package = two_points().to_kmz().unwrap();
        let end = package.len();
        for (at, byte) in bytes.iter().enumerate().take(8) {
            let position = end - 1 - (at * 13) % end.min(200);
            package[position] ^= byte;
        }
        let _ = Mission::from_kmz(&package);
    }

    #[test]
    fn no_text_makes_it_panic(cut in 0usize..2_000, noise in "[<>/&;!a-zA-Z0-9\\-\\[\\]\"= ]{0,40}") {
        let text = two_points().to_waylines_xml().unwrap();
        let at = cut % text.len();
        let broken = format!("{}{noise}{}", &text[..at], &text[at..]);
        let read = Mission::from_waylines_xml(&broken, &Limits::default());
        // What can be read can be checked, whatever it holds, and is the same mission.
        match (read, Mission::check_texts(&broken, None, &Limits::default())) {
            (Ok(mission), Ok(checked)) => prop_assert_eq!(mission, checked.mission),
            (Ok(_), Err(error)) => prop_assert!(false, "{error}"),
            (Err(_), checked) => prop_assert!(checked.is_err()),
        }
        let _ = Mission::check_texts(&text, Some(&broken), &Limits::default());
        prop_assert!(Mission::from_waylines_xml(&text[..at], &Limits::default()).is_err());
    }
}
