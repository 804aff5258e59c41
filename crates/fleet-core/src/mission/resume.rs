//! Going on where a flight broke off: a new mission with the old one's break point, under rules.
//!
//! After an obstacle stopped it (321517) a flight is never resumed: the same route would meet it
//! again. Nor is one that was flown whole, or that did not end.

use dji_cloud::wayline as wire;
use fleet_types::{MissionState, MissionStatus, Reason, mission::Verdict, plan::BreakPoint};

use crate::{
    mutant::{self, Mutant},
    preflight::say,
};

/// DJI's code for a task that an obstacle stopped.
pub const OBSTACLE_CODE: i64 = 321_517;
/// The same in a break point, without the module's number.
pub const OBSTACLE_BREAK_REASON: i64 = 517;

/// The dock's break point in our words; without a place in the file it is none.
pub(super) fn break_point(point: &wire::BreakPoint) -> Option<BreakPoint> {
    Some(BreakPoint {
        index: point.index?,
        state: point.state.map_or(0, |state| state.code()),
        progress: point.progress.filter(|done| (0.0..=1.0).contains(done)).unwrap_or(0.0),
        wayline_id: point.wayline_id?,
        break_reason: point.break_reason.map(|reason| reason.code()),
        latitude: point.latitude,
        longitude: point.longitude,
        height_m: point.height,
    })
}

/// The break point as it goes to the dock.
pub(crate) fn to_wire(point: &BreakPoint) -> wire::BreakPoint {
    wire::BreakPoint {
        index: Some(point.index),
        state: Some(wire::BreakPointState::from_code(point.state)),
        progress: Some(point.progress),
        wayline_id: Some(point.wayline_id),
        ..wire::BreakPoint::default()
    }
}

/// Whether a flight may go on from this break point at all.
///
/// # Errors
/// Why not.
pub fn check_point(point: &BreakPoint) -> Result<(), Reason> {
    let is_obstacle = point.break_reason == Some(OBSTACLE_BREAK_REASON)
        || point.break_reason == Some(OBSTACLE_CODE);
    if is_obstacle && !mutant::is(Mutant::ResumeAfterObstacle) {
        return Err(obstacle());
    }
    if point.index < 0 || point.wayline_id < 0 || !(0.0..=1.0).contains(&point.progress) {
        return Err(say(
            "bad_break_point",
            "The break point names no place in the file.",
            "중단 지점이 파일의 위치를 가리키지 않습니다.",
        ));
    }
    Ok(())
}

/// Where a new mission goes on after this one.
///
/// # Errors
/// Why it cannot.
pub fn from_mission(status: &MissionStatus) -> Result<BreakPoint, Reason> {
    if status.reason.as_ref().is_some_and(|reason| reason.device_code == Some(OBSTACLE_CODE)) {
        return Err(obstacle());
    }
    if status.state != MissionState::Ended {
        return Err(say(
            "not_ended",
            "The mission is still under way. If it is paused, resume it in the air.",
            "임무가 아직 진행 중입니다. 일시 정지라면 공중에서 재개하십시오.",
        ));
    }
    if status.verdict == Some(Verdict::Ok) {
        return Err(say(
            "flown_whole",
            "The mission was flown whole.",
            "임무를 끝까지 마쳤습니다.",
        ));
    }
    let Some(point) = status.break_point else {
        return Err(say(
            "no_break_point",
            "The dock did not say where the flight broke off.",
            "도크가 중단 지점을 알리지 않았습니다.",
        ));
    };
    check_point(&point)?;
    Ok(point)
}

fn obstacle() -> Reason {
    say(
        "no_resume_after_obstacle",
        "An obstacle stopped this flight: on the same route it would meet it again. Change the wayline first.",
        "장애물로 멈춘 비행입니다. 같은 경로로는 다시 만나므로 먼저 웨이라인을 바꾸십시오.",
    )
}
