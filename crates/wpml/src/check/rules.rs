//! The table of what can be found: code, weight, words, how to mend it, and the break-off reason of
//! the documents.

use super::Severity;

/// One kind of finding.
pub(super) struct Rule {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// English and Korean, for a finding that needs no figures.
    pub(super) what: (&'static str, &'static str),
    pub(super) mend: (&'static str, &'static str),
    pub(super) break_reason: Option<u16>,
}

macro_rules! rules {
    ($($name:ident: $code:literal $severity:ident $($reason:literal)?,
        $what_en:literal, $what_ko:literal, $mend_en:literal, $mend_ko:literal;)+) => {
        $(pub(super) const $name: Rule = Rule {
            code: $code,
            severity: Severity::$severity,
            what: ($what_en, $what_ko),
            mend: ($mend_en, $mend_ko),
            break_reason: rules!(@reason $($reason)?),
        };)+
        /// Every rule, so that a test can ask for each.
        #[cfg(test)]
        pub(super) const ALL: &[&Rule] = &[$(&$name),+];
    };
    (@reason) => { None };
    (@reason $reason:literal) => { Some($reason) };
}

rules! {
    SECURITY_HEIGHT: "security_height_out_of_range" Error,
        "The safe take-off height is out of range for a dock.", "안전 이륙 고도가 도크의 허용 범위를 벗어납니다.",
        "Set takeOffSecurityHeight to 8 to 1,500 m.", "takeOffSecurityHeight를 8~1,500 m로 설정하십시오.";
    TRANSITIONAL_SPEED: "transitional_speed_out_of_range" Error 1547,
        "The transitional speed is out of range.", "이동 속도가 허용 범위를 벗어납니다.",
        "Set globalTransitionalSpeed above 0 and to at most 15 m/s.", "globalTransitionalSpeed를 0 초과 15 m/s 이하로 설정하십시오.";
    NO_RTH_HEIGHT: "rth_height_missing" Warning,
        "The file gives no return height; the task's own is used.", "파일에 복귀 고도가 없어 임무에 지정한 값을 사용합니다.",
        "Export the route again with a return height.", "복귀 고도를 지정하여 경로를 다시 내보내십시오.";
    UNKNOWN_AIRCRAFT: "aircraft_not_of_dock_2" Error,
        "The file is made for an aircraft that Dock 2 does not hold.", "도크 2에서 운용하지 않는 기체용 파일입니다.",
        "Make the route for Matrice 3D (91/0) or Matrice 3TD (91/1).", "Matrice 3D(91/0) 또는 Matrice 3TD(91/1)용으로 경로를 만드십시오.";
    UNKNOWN_PAYLOAD: "payload_does_not_belong" Error,
        "The camera does not belong to the aircraft of the file.", "파일의 카메라가 기체와 맞지 않습니다.",
        "Use camera 80 with Matrice 3D, 81 with Matrice 3TD.", "Matrice 3D는 카메라 80, Matrice 3TD는 81을 사용하십시오.";
    PAYLOAD_POSITION: "payload_position_unknown" Error,
        "The aircraft has one gimbal, at position 0.", "이 기체의 짐벌은 0번 위치 하나뿐입니다.",
        "Set payloadPositionIndex to 0.", "payloadPositionIndex를 0으로 설정하십시오.";
    HEIGHT_MODE: "height_mode_not_supported" Error 1541,
        "Following the ground in real time is not known to these aircraft.", "이 기체는 실시간 지형 추종을 지원하지 않습니다.",
        "Use WGS84 or relativeToStartPoint heights.", "WGS84 또는 relativeToStartPoint 고도를 사용하십시오.";
    SPEED: "speed_high" Warning 1551,
        "The speed is above what a route may ask.", "경로에 허용된 속도를 초과합니다.",
        "Set speeds to at most 15 m/s.", "속도를 15 m/s 이하로 설정하십시오.";
    FEW_POINTS: "too_few_waypoints" Error 1548,
        "A route needs two waypoints.", "경로에는 웨이포인트가 2개 이상 필요합니다.",
        "Add a waypoint.", "웨이포인트를 추가하십시오.";
    SAME_PLACE: "waypoints_at_one_place" Warning 1563,
        "Two waypoints that follow each other are at the same place.", "연속된 두 웨이포인트의 위치가 같습니다.",
        "Remove one of them, or move it by at least half a metre.", "하나를 삭제하거나 0.5 m 이상 옮기십시오.";
    LONG_LEG: "leg_too_long" Warning,
        "Two waypoints that follow each other are far apart.", "연속된 두 웨이포인트가 너무 멀리 떨어져 있습니다.",
        "Check the coordinates: longitude comes first.", "좌표를 확인하십시오. 경도가 먼저입니다.";
    HEIGHT: "height_out_of_range" Error,
        "The height of a waypoint is out of range.", "웨이포인트 고도가 허용 범위를 벗어납니다.",
        "Relative heights lie between -200 and 1,500 m.", "상대 고도는 -200~1,500 m이어야 합니다.";
    NO_HEADING: "heading_missing" Warning 1543,
        "The waypoint says nothing of the heading.", "웨이포인트에 기수 방향 설정이 없습니다.",
        "Add waypointHeadingParam, for example followWayline.", "waypointHeadingParam을 추가하십시오(예: followWayline).";
    HEADING_MODE: "heading_mode_unknown" Error 1543,
        "The heading mode is not known.", "알 수 없는 기수 방향 모드입니다.",
        "Use followWayline, manually, fixed, smoothTransition or towardPOI.", "followWayline, manually, fixed, smoothTransition, towardPOI 중 하나를 사용하십시오.";
    HEADING_ANGLE: "heading_angle_wrong" Error 1553,
        "A smooth transition needs an angle from -180 to 180.", "smoothTransition에는 -180~180 범위의 각도가 필요합니다.",
        "Set waypointHeadingAngle.", "waypointHeadingAngle을 설정하십시오.";
    HEADING_PATH: "heading_path_unknown" Error 1544,
        "The direction of turning is not known.", "알 수 없는 회전 방향입니다.",
        "Use clockwise, counterClockwise or followBadArc.", "clockwise, counterClockwise, followBadArc 중 하나를 사용하십시오.";
    POI: "point_of_interest_wrong" Error 1543,
        "Heading to a point of interest needs that point.", "towardPOI에는 관심 지점이 필요합니다.",
        "Set waypointPoiPoint to latitude,longitude,height: latitude first.", "waypointPoiPoint를 위도,경도,고도 순서로 설정하십시오.";
    NO_TURN: "turn_missing" Warning 1545,
        "The waypoint says nothing of how to turn.", "웨이포인트에 회전 설정이 없습니다.",
        "Add waypointTurnParam, for example toPointAndStopWithDiscontinuityCurvature.", "waypointTurnParam을 추가하십시오(예: toPointAndStopWithDiscontinuityCurvature).";
    TURN_MODE: "turn_mode_unknown" Error 1545,
        "The turn mode is not known.", "알 수 없는 회전 모드입니다.",
        "Use coordinateTurn or one of the three toPoint modes.", "coordinateTurn 또는 세 가지 toPoint 모드 중 하나를 사용하십시오.";
    TURN_AT_END: "coordinate_turn_at_end" Error 1546,
        "The first and the last waypoint cannot be turned at early.", "첫 웨이포인트와 마지막 웨이포인트에는 coordinateTurn을 쓸 수 없습니다.",
        "Use a toPoint mode there.", "해당 지점에는 toPoint 모드를 사용하십시오.";
    DAMPING: "turn_damping_wrong" Error 1550,
        "Turning early needs a distance above 0.", "미리 회전하려면 0보다 큰 거리가 필요합니다.",
        "Set waypointTurnDampingDist.", "waypointTurnDampingDist를 설정하십시오.";
    DAMPING_SUM: "turn_damping_too_long" Error 1550,
        "The turns at both ends of a leg do not fit into it.", "구간 양 끝의 회전 거리가 구간보다 깁니다.",
        "Make the turn distances smaller, or the leg longer.", "회전 거리를 줄이거나 구간을 늘리십시오.";
    GROUP_RANGE: "action_group_range_wrong" Error 1603,
        "The group of actions ends before it begins.", "동작 그룹의 끝이 시작보다 앞섭니다.",
        "Set actionGroupEndIndex to at least actionGroupStartIndex.", "actionGroupEndIndex를 actionGroupStartIndex 이상으로 설정하십시오.";
    GROUP_OUTSIDE: "action_group_outside" Error 1603,
        "The group of actions names a waypoint that is not there.", "동작 그룹이 없는 웨이포인트를 가리킵니다.",
        "Set the indexes to waypoints of the route.", "경로에 있는 웨이포인트 번호로 설정하십시오.";
    GROUP_TWICE: "action_group_id_twice" Error 1609,
        "The id of the action group is used twice.", "동작 그룹 ID가 중복됩니다.",
        "Give each group an id of its own.", "각 그룹에 고유한 ID를 지정하십시오.";
    GROUP_MODE: "action_group_mode_unknown" Error 1603,
        "Actions run in sequence; another mode is not known.", "동작은 순차 실행만 지원합니다.",
        "Set actionGroupMode to sequence.", "actionGroupMode를 sequence로 설정하십시오.";
    GROUP_EMPTY: "action_group_empty" Warning,
        "The group holds no action.", "그룹에 동작이 없습니다.",
        "Remove the group, or add an action.", "그룹을 삭제하거나 동작을 추가하십시오.";
    TRIGGER: "trigger_unknown" Error 1649,
        "The trigger is not known.", "알 수 없는 트리거입니다.",
        "Use reachPoint, betweenAdjacentPoints, multipleTiming or multipleDistance.", "reachPoint, betweenAdjacentPoints, multipleTiming, multipleDistance 중 하나를 사용하십시오.";
    TRIGGER_PARAM: "trigger_interval_wrong" Error 1649,
        "An interval needs a length above 0.", "간격은 0보다 커야 합니다.",
        "Set actionTriggerParam to seconds or metres above 0.", "actionTriggerParam을 0보다 큰 초 또는 미터로 설정하십시오.";
    EVENLY: "even_rotation_wrong" Error 1649,
        "Rotating the gimbal evenly belongs to the trigger betweenAdjacentPoints, and only it does.", "gimbalEvenlyRotate는 betweenAdjacentPoints 트리거와만 함께 사용해야 합니다.",
        "Pair betweenAdjacentPoints with gimbalEvenlyRotate.", "betweenAdjacentPoints와 gimbalEvenlyRotate를 함께 사용하십시오.";
    ACTION_TWICE: "action_id_twice" Error 1595,
        "The id of the action is used twice in its group.", "그룹 안에서 동작 ID가 중복됩니다.",
        "Number the actions of a group from 0.", "그룹의 동작에 0부터 번호를 매기십시오.";
    ACTION_ID: "action_id_reserved" Error 1598,
        "The action id 65535 is reserved.", "동작 ID 65535는 예약되어 있습니다.",
        "Number the actions of a group from 0.", "그룹의 동작에 0부터 번호를 매기십시오.";
    ACTION: "action_unknown" Warning 1588,
        "The action is not known.", "알 수 없는 동작입니다.",
        "Check that the aircraft supports it.", "기체가 지원하는지 확인하십시오.";
    ACTION_NOT_HERE: "action_not_supported" Error 1634,
        "The aircraft does not know this action.", "이 기체가 지원하지 않는 동작입니다.",
        "Remove it; for spot checks use orientedShoot.", "삭제하십시오. 정밀 재촬영에는 orientedShoot를 사용하십시오.";
    ACTION_VALUE: "action_value_wrong" Error,
        "A value of the action is out of range.", "동작의 값이 허용 범위를 벗어납니다.",
        "Set it within the documented range.", "문서에 정한 범위로 설정하십시오.";
    ACTION_PART: "action_value_missing" Error,
        "The action lacks a value that it needs.", "동작에 필요한 값이 없습니다.",
        "Export the route again, or add the value.", "경로를 다시 내보내거나 값을 추가하십시오.";
    ORIENTED_YAW: "oriented_yaw_differs" Error,
        "The gimbal's yaw must be the aircraft's heading on these aircraft.", "이 기체에서는 짐벌 요 각도가 기수 방향과 같아야 합니다.",
        "Set gimbalYawRotateAngle to aircraftHeading.", "gimbalYawRotateAngle을 aircraftHeading과 같게 설정하십시오.";
    TEMPLATE_MISSING: "template_missing" Warning,
        "The package has no template.kml: nobody can edit the route any more.", "패키지에 template.kml이 없어 경로를 편집할 수 없습니다.",
        "Export the route again with its template.", "템플릿을 포함하여 경로를 다시 내보내십시오.";
    TEMPLATE_TYPE: "template_type_unknown" Error,
        "The kind of template is not known.", "알 수 없는 템플릿 종류입니다.",
        "Use waypoint, mapping2d, mapping3d or mappingStrip.", "waypoint, mapping2d, mapping3d, mappingStrip 중 하나를 사용하십시오.";
    TEMPLATE_IDS: "template_ids_differ" Error,
        "The two files do not hold the same templates.", "두 파일의 템플릿이 서로 다릅니다.",
        "Export the route again: the files belong to different routes.", "서로 다른 경로의 파일입니다. 경로를 다시 내보내십시오.";
    TEMPLATE_PART: "template_part_missing" Error,
        "The template lacks an element that it needs.", "템플릿에 필요한 요소가 없습니다.",
        "Export the route again, or add the element.", "경로를 다시 내보내거나 요소를 추가하십시오.";
    TEMPLATE_COORDINATES: "coordinates_not_wgs84" Error 1540,
        "Coordinates are in another system than WGS84.", "좌표계가 WGS84가 아닙니다.",
        "Export the route in WGS84.", "경로를 WGS84로 내보내십시오.";
    TEMPLATE_LOCAL: "local_value_missing" Error,
        "The waypoint does not use the global value and gives none of its own.", "웨이포인트가 전역 값을 쓰지 않으면서 자체 값도 없습니다.",
        "Add the waypoint's own value, or use the global one.", "웨이포인트 값을 추가하거나 전역 값을 사용하십시오.";
    OTHER_AIRCRAFT: "made_for_another_aircraft" Error,
        "The file is made for another aircraft.", "다른 기체용 파일입니다.",
        "Export the route for the aircraft of this dock.", "이 도크의 기체용으로 경로를 내보내십시오.";
    OTHER_PAYLOAD: "made_for_another_camera" Error,
        "The file is made for another camera.", "다른 카메라용 파일입니다.",
        "Export the route for the camera of this aircraft.", "이 기체의 카메라용으로 경로를 내보내십시오.";
    LOST_LINK_DIFFERS: "lost_link_differs" Error,
        "What the file does when the link is lost is not what the task asks.", "링크 손실 시 동작이 파일과 임무에서 서로 다릅니다.",
        "Set exitOnRCLost as the task says, or the task as the file.", "exitOnRCLost를 임무와 같게 하거나 임무를 파일에 맞추십시오.";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_told_apart_and_all_words_are_there() {
        let mut codes: Vec<_> = ALL.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
        for rule in ALL {
            for words in [rule.what.0, rule.what.1, rule.mend.0, rule.mend.1] {
                assert!(words.ends_with(['.', ')']), "{}: {words}", rule.code);
            }
        }
    }
}
