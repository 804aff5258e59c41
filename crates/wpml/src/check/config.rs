//! `missionConfig`: heights, speeds, aircraft and camera.

use super::{Spot, number, offset, rules};
use crate::xml::Element;

/// Metres a dock takes for the safe take-off height (a remote controller takes 1.2 as well).
const SECURITY_HEIGHT_M: std::ops::RangeInclusive<f64> = 8.0..=1500.0;
/// Metres a second.
pub(super) const SPEED_MAX_MPS: f64 = 15.0;
/// Matrice 3D and 3TD, with their cameras.
const AIRCRAFT: f64 = 91.0;
const CAMERAS: [f64; 2] = [80.0, 81.0];

pub(super) fn check(config: &Element, spot: &mut Spot<'_, '_>) {
    let height = "takeOffSecurityHeight";
    if let Some(found) = number(config, height).filter(|m| !SECURITY_HEIGHT_M.contains(m)) {
        let en = format!("The safe take-off height is {found} m; a dock takes 8 to 1,500 m.");
        let ko = format!("안전 이륙 고도가 {found} m입니다. 도크는 8~1,500 m를 허용합니다.");
        spot.note(offset(config, height), height, &rules::SECURITY_HEIGHT, (en, ko));
    }
    let speed = "globalTransitionalSpeed";
    let is_wrong = |mps: &f64| !(*mps > 0.0 && *mps <= SPEED_MAX_MPS);
    if let Some(found) = number(config, speed).filter(is_wrong) {
        let en = format!("The transitional speed is {found} m/s.");
        let ko = format!("이동 속도가 {found} m/s입니다.");
        spot.note(offset(config, speed), speed, &rules::TRANSITIONAL_SPEED, (en, ko));
    }
    if config.child("globalRTHHeight").is_none() {
        spot.plain(config.offset, "globalRTHHeight", &rules::NO_RTH_HEIGHT);
    }
    aircraft(config, spot);
}

fn aircraft(config: &Element, spot: &mut Spot<'_, '_>) {
    let (Some(drone), Some(payload)) = (config.child("droneInfo"), config.child("payloadInfo"))
    else {
        return;
    };
    let type_id = number(drone, "droneEnumValue").unwrap_or(-1.0);
    let sub_type = number(drone, "droneSubEnumValue").unwrap_or(0.0);
    let camera = match sub_type {
        0.0 => CAMERAS[0],
        1.0 => CAMERAS[1],
        _ => -1.0,
    };
    if type_id != AIRCRAFT || camera < 0.0 {
        let en = format!(
            "The file is made for aircraft {type_id}/{sub_type}, which Dock 2 does not hold."
        );
        let ko = format!("도크 2에서 운용하지 않는 기체({type_id}/{sub_type})용 파일입니다.");
        spot.note(drone.offset, "droneInfo", &rules::UNKNOWN_AIRCRAFT, (en, ko));
    } else if number(payload, "payloadEnumValue").is_some_and(|found| found != camera) {
        spot.plain(payload.offset, "payloadInfo", &rules::UNKNOWN_PAYLOAD);
    }
    if number(payload, "payloadPositionIndex").is_some_and(|position| position != 0.0) {
        spot.plain(payload.offset, "payloadPositionIndex", &rules::PAYLOAD_POSITION);
    }
}
