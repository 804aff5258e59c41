//! The questions themselves, one function each. Every answer is in both languages.

use fleet_types::{
    Reason,
    mission::LostLinkAction,
    plan::{DockPart, MissionStart, Precision},
    preflight::PreflightItem,
};

use super::{AreasSync, Finding, FlightFacts, Limits, Want, say};
use crate::{
    interlock::{CLOCK_SKEW_MAX_MS, Fact, check_reachable},
    mutant::{self, Mutant},
};

/// Files waiting on a dock from which a person is told.
const MEDIA_WAITING_WARN: i64 = 500;
/// Battery that an hour of flight takes, percent, on the safe side of DJI's 40 minutes of hover.
const BATTERY_PERCENT_PER_HOUR: f64 = 160.0;
/// Battery that must be left at the end, percent.
const BATTERY_RESERVE_PERCENT: f64 = 25.0;

pub(super) fn ask(
    item: PreflightItem,
    facts: &FlightFacts,
    want: &Want<'_>,
    limits: &Limits,
) -> Finding {
    match item {
        PreflightItem::DockFree => dock_free(facts),
        PreflightItem::Connection => connection(facts),
        PreflightItem::Reservation => reservation(facts, want),
        PreflightItem::EmergencyStop => emergency_stop(facts),
        PreflightItem::Aircraft => aircraft(facts, want),
        PreflightItem::Hms => hms(facts),
        PreflightItem::Firmware => firmware(facts),
        PreflightItem::ClockSkew => clock_skew(facts),
        PreflightItem::DockMode => dock_mode(facts),
        PreflightItem::FreshFacts => fresh_facts(facts, want),
        PreflightItem::LostLink => lost_link(want),
        PreflightItem::Battery => battery(facts, want, limits),
        PreflightItem::Wind => wind(facts, want, limits),
        PreflightItem::Rain => rain(facts, want, limits),
        PreflightItem::Cover => cover(facts),
        PreflightItem::Storage => storage(facts, want, limits),
        PreflightItem::MediaSpace => media_space(facts, limits),
        PreflightItem::Rtk => rtk(facts, want),
        PreflightItem::CustomAreas => custom_areas(facts),
        PreflightItem::Maintenance => maintenance(facts),
        // Told by whoever sees more than one dock.
        PreflightItem::Overlap => Finding::Ok(say("no_overlap", "", "")),
    }
}

fn dock_free(facts: &FlightFacts) -> Finding {
    if facts.dock.flight_locked {
        return Finding::Never(say(
            "flight_locked",
            "The outcome of an earlier take-off order is unknown. Settle it before a new flight.",
            "이전 이륙 명령의 결과를 모릅니다. 새 비행 전에 먼저 정리하십시오.",
        ));
    }
    if facts.dock.mission_active {
        return Finding::Never(say(
            "mission_active",
            "A mission is already under way on this dock.",
            "이 도크에서 이미 임무가 진행 중입니다.",
        ));
    }
    Finding::Ok(say(
        "dock_free",
        "No other flight is under way.",
        "진행 중인 다른 비행이 없습니다.",
    ))
}

fn connection(facts: &FlightFacts) -> Finding {
    match check_reachable(&facts.dock) {
        Ok(()) => Finding::Ok(say("connected", "The dock is heard.", "도크와 연결되어 있습니다.")),
        Err(reason) => Finding::Never(reason),
    }
}

fn reservation(facts: &FlightFacts, want: &Want<'_>) -> Finding {
    match facts.reserved_for {
        Some(flight) if want.flight_id != Some(flight) => Finding::Never(say(
            "dock_reserved",
            "Another flight is to land in this dock. Wait until it has, or call it home elsewhere.",
            "다른 비행이 이 도크에 착륙할 예정입니다. 끝날 때까지 기다리거나 다른 곳으로 복귀시키십시오.",
        )),
        Some(_) | None => Finding::Ok(say(
            "not_reserved",
            "No other flight is to land here.",
            "이 도크에 착륙할 다른 비행이 없습니다.",
        )),
    }
}

fn emergency_stop(facts: &FlightFacts) -> Finding {
    match facts.dock.emergency_stop {
        Fact::Fresh(0) => Finding::Ok(say(
            "emergency_stop_released",
            "The emergency stop button is not pressed.",
            "비상 정지 버튼이 눌려 있지 않습니다.",
        )),
        Fact::Fresh(_) => Finding::Never(say(
            "emergency_stop",
            "The dock's emergency stop button is pressed. Release it on site.",
            "도크의 비상 정지 버튼이 눌려 있습니다. 현장에서 해제하십시오.",
        )),
        Fact::Stale | Fact::Unknown => {
            Finding::Never(not_heard("emergency stop", "비상 정지 상태"))
        }
    }
}

fn aircraft(facts: &FlightFacts, want: &Want<'_>) -> Finding {
    match (facts.dock.drone_in_dock, is_landing(want)) {
        (Fact::Fresh(1), false) => Finding::Ok(say(
            "aircraft_in",
            "The aircraft is in the dock.",
            "기체가 도크 안에 있습니다.",
        )),
        (Fact::Fresh(0), true) => Finding::Ok(say(
            "dock_empty",
            "The landing dock is empty.",
            "착륙할 도크가 비어 있습니다.",
        )),
        (Fact::Fresh(_), false) => Finding::Never(say(
            "aircraft_out",
            "The aircraft is not in the dock. Wait until it is back.",
            "기체가 도크 안에 없습니다. 돌아올 때까지 기다리십시오.",
        )),
        (Fact::Fresh(_), true) => Finding::Never(say(
            "dock_occupied",
            "An aircraft stands in the landing dock: there is no room for a second one.",
            "착륙할 도크에 다른 기체가 있어 내릴 자리가 없습니다.",
        )),
        (Fact::Stale, _) => Finding::Never(say(
            "aircraft_state_stale",
            "Whether the aircraft is in the dock was last heard over 10 s ago: too old to rely on.",
            "기체가 도크 안에 있는지에 대한 마지막 보고가 10초를 넘어 믿을 수 없습니다.",
        )),
        (Fact::Unknown, _) => Finding::Never(say(
            "aircraft_state_unknown",
            "The dock did not say yet whether the aircraft is inside.",
            "기체가 도크 안에 있는지 도크가 아직 알리지 않았습니다.",
        )),
    }
}

fn hms(facts: &FlightFacts) -> Finding {
    let hms = &facts.hms;
    if let Some(code) = &hms.imminent_warning {
        return Finding::Never(say(
            "hms_imminent",
            format!("Health alarm {code} is a warning and imminent. Clear its cause first."),
            format!("건강 알람 {code}은(는) 임박한 경고입니다. 먼저 원인을 해소하십시오."),
        ));
    }
    if let Some(code) = &hms.warning {
        return Finding::Block(say(
            "hms_warning",
            format!("Health alarm {code} is a warning. Clear its cause, or have it overridden."),
            format!("건강 알람 {code}은(는) 경고입니다. 원인을 해소하거나 예외 승인을 받으십시오."),
        ));
    }
    match &hms.caution {
        Some(code) => Finding::Warn(say(
            "hms_caution",
            format!("Health alarm {code} asks for caution."),
            format!("건강 알람 {code}: 주의가 필요합니다."),
        )),
        None => Finding::Ok(say("hms_clear", "No health alarm.", "건강 알람이 없습니다.")),
    }
}

fn firmware(facts: &FlightFacts) -> Finding {
    if facts.upgrading {
        return Finding::Never(say(
            "firmware_upgrading",
            "Firmware is being changed. Wait until it is done.",
            "펌웨어를 바꾸는 중입니다. 끝날 때까지 기다리십시오.",
        ));
    }
    let (dock, aircraft) = (facts.dock_incompatible, facts.aircraft_incompatible);
    if [dock, aircraft].into_iter().flatten().any(|state| state != 0) {
        return Finding::Never(say(
            "firmware_incompatible",
            "Firmware versions of dock or aircraft do not fit each other. Run a consistency upgrade.",
            "도크나 기체의 펌웨어 버전이 서로 맞지 않습니다. 일관성 업그레이드를 실행하십시오.",
        ));
    }
    match dock {
        Some(_) => {
            Finding::Ok(say("firmware_fits", "Firmware versions fit.", "펌웨어 버전이 맞습니다."))
        }
        None => Finding::Warn(say(
            "firmware_unknown",
            "The dock did not say whether its firmware versions fit.",
            "도크가 펌웨어 버전이 맞는지 알리지 않았습니다.",
        )),
    }
}

fn clock_skew(facts: &FlightFacts) -> Finding {
    let is_far_off = |skew: i64| {
        skew.unsigned_abs() > CLOCK_SKEW_MAX_MS && !mutant::is(Mutant::ClockSkewIgnored)
    };
    match facts.dock.clock_skew_ms {
        Some(skew) if is_far_off(skew) => Finding::Block(say(
            "clock_skew",
            format!(
                "The dock's clock is {} s off ours; it would refuse the task. Check its NTP server.",
                skew / 1_000
            ),
            format!(
                "도크의 시계가 {}초 어긋나 임무를 거부할 것입니다. NTP 서버를 확인하십시오.",
                skew / 1_000
            ),
        )),
        Some(_) => Finding::Ok(say(
            "clock_ok",
            "The dock's clock agrees with ours.",
            "도크의 시계가 맞습니다.",
        )),
        None => Finding::Warn(say(
            "clock_unknown",
            "The dock's messages carry no time; its clock is not known.",
            "도크의 메시지에 시각이 없어 시계가 맞는지 알 수 없습니다.",
        )),
    }
}

fn dock_mode(facts: &FlightFacts) -> Finding {
    if facts.dock.hardware_busy {
        return Finding::Never(say(
            "dock_busy",
            "A hardware command is still under way on this dock.",
            "이 도크에서 장치 명령이 아직 진행 중입니다.",
        ));
    }
    match facts.dock.dock_mode {
        Fact::Fresh(0 | 4) => {
            Finding::Ok(say("dock_idle", "The dock is ready.", "도크가 준비되어 있습니다."))
        }
        Fact::Fresh(_) => Finding::Never(say(
            "dock_busy",
            "The dock is not idle (debugging or upgrading). Leave that mode first.",
            "도크가 점검이나 업그레이드 중입니다. 먼저 그 모드를 끝내십시오.",
        )),
        Fact::Stale | Fact::Unknown => Finding::Never(not_heard("mode", "동작 상태")),
    }
}

/// Who may fly on what nobody knows is asked here, whatever each single fact may be overridden by: a
/// value that was never heard is no better known than one that is old.
fn fresh_facts(facts: &FlightFacts, want: &Want<'_>) -> Finding {
    let (is_landing, is_dry) = (is_landing(want), want.plan.dry_run.is_some());
    let asked = [
        ("battery", facts.battery_percent, !is_landing),
        ("wind", facts.wind_dmps, !is_dry),
        ("rain", facts.rain, !is_dry),
        ("cover", facts.cover, true),
    ];
    let names = |fact: Fact| {
        // What is old counts for every flight, what was never heard for those that ask it.
        let is_it = |(_, found, is_asked): &&(_, Fact, bool)| {
            *found == fact && (*is_asked || fact == Fact::Stale)
        };
        asked.iter().filter(is_it).map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
    };
    let (old, unheard) = (names(Fact::Stale), names(Fact::Unknown));
    if !unheard.is_empty() {
        return Finding::Block(say(
            "facts_unknown",
            format!("Not heard yet: {unheard}. Wait for the dock's next reports."),
            format!("아직 보고되지 않음: {unheard}. 도크의 다음 보고를 기다리십시오."),
        ));
    }
    if !old.is_empty() {
        return Finding::Block(say(
            "facts_stale",
            format!("Last heard over 10 s ago: {old}. Wait for the dock's next reports."),
            format!("10초 넘게 갱신되지 않음: {old}. 도크의 다음 보고를 기다리십시오."),
        ));
    }
    Finding::Ok(say("facts_fresh", "The facts are fresh.", "판단 근거가 최신입니다."))
}

/// The part of a flight between docks that ends here.
fn is_landing(want: &Want<'_>) -> bool {
    want.plan.multi_dock.as_ref().is_some_and(|part| part.part == DockPart::Landing)
}

fn lost_link(want: &Want<'_>) -> Finding {
    let rth_m = want.rth_altitude_m;
    if !(20..=1500).contains(&rth_m) {
        return Finding::Never(say(
            "bad_return_height",
            format!("A return height of {rth_m} m is outside 20 to 1500 m."),
            format!("복귀 고도 {rth_m} m가 20~1500 m 범위를 벗어났습니다."),
        ));
    }
    let exits = want.exit_wayline_when_link_lost;
    if want.plan.file_exits_wayline.is_some_and(|file| file != exits) {
        return Finding::Never(say(
            "lost_link_mismatch",
            "The order and the file disagree on whether the wayline is left when the link is lost. Make them agree.",
            "연결이 끊길 때 웨이라인을 벗어나는지에 대해 지시와 파일이 다릅니다. 일치시키십시오.",
        ));
    }
    let (goes_on, goes_on_ko) = match exits {
        true => ("it leaves the wayline and", "웨이라인을 벗어나"),
        false => {
            ("it flies the wayline to its end; outside it", "웨이라인을 끝까지 비행하고, 밖에서는")
        }
    };
    let (action, action_ko) = match want.lost_link_action {
        LostLinkAction::ReturnHome => ("returns home", "복귀합니다"),
        LostLinkAction::Hover => {
            ("hovers until its battery is low", "배터리가 부족할 때까지 제자리 비행합니다")
        }
        LostLinkAction::Land => ("lands where it is", "그 자리에 착륙합니다"),
    };
    let reason = say(
        "lost_link_actions",
        format!("When the link is lost {goes_on} {action}; it returns at {rth_m} m."),
        format!("연결이 끊기면 {goes_on_ko} {action_ko}. 복귀 고도 {rth_m} m."),
    );
    match want.lost_link_action {
        LostLinkAction::ReturnHome => Finding::Ok(reason),
        // DJI asks for a return; anything else is a person's choice to be seen.
        LostLinkAction::Hover | LostLinkAction::Land => Finding::Warn(reason),
    }
}

fn battery(facts: &FlightFacts, want: &Want<'_>, limits: &Limits) -> Finding {
    if is_landing(want) {
        return Finding::Ok(say(
            "not_asked",
            "Asked at the dock of take-off.",
            "이륙 도크에서 확인합니다.",
        ));
    }
    let percent = match facts.battery_percent {
        Fact::Fresh(percent) => percent,
        Fact::Stale | Fact::Unknown => return Finding::Block(not_heard("battery", "배터리")),
    };
    let least = limits.battery_min_percent;
    if percent < least {
        return Finding::Block(say(
            "battery_low",
            format!("The battery holds {percent} %; a flight needs {least} %. Let it charge."),
            format!("배터리 {percent} %: 비행에는 {least} %가 필요합니다. 충전하십시오."),
        ));
    }
    let needed = want.plan.flight_box.map(|place| {
        BATTERY_RESERVE_PERCENT + place.duration_s / 3_600.0 * BATTERY_PERCENT_PER_HOUR
    });
    if let Some(needed) = needed.filter(|needed| (percent as f64) < *needed) {
        return Finding::Warn(say(
            "battery_short",
            format!(
                "The battery holds {percent} %; this route may take about {needed:.0} %. It may come home before its end."
            ),
            format!(
                "배터리 {percent} %: 이 경로에는 약 {needed:.0} %가 필요할 수 있어 도중에 복귀할 수 있습니다."
            ),
        ));
    }
    Finding::Ok(say(
        "battery_ok",
        format!("The battery holds {percent} %."),
        format!("배터리 {percent} %."),
    ))
}

fn wind(facts: &FlightFacts, want: &Want<'_>, limits: &Limits) -> Finding {
    if want.plan.dry_run.is_some() {
        return dry();
    }
    let dmps = match facts.wind_dmps {
        Fact::Fresh(dmps) => dmps,
        Fact::Stale | Fact::Unknown => return Finding::Block(not_heard("wind", "바람")),
    };
    let mps = dmps as f64 / 10.0;
    let most = limits.wind_max_dmps as f64 / 10.0;
    if dmps >= limits.wind_max_dmps {
        return Finding::Block(say(
            "wind_high",
            format!(
                "Wind of {mps:.1} m/s; nothing flies from {most:.1} m/s on. Wait for calmer air."
            ),
            format!("풍속 {mps:.1} m/s: {most:.1} m/s 이상에서는 비행하지 않습니다."),
        ));
    }
    let reason = say("wind_now", format!("Wind of {mps:.1} m/s."), format!("풍속 {mps:.1} m/s."));
    if dmps >= limits.wind_warn_dmps { Finding::Warn(reason) } else { Finding::Ok(reason) }
}

fn rain(facts: &FlightFacts, want: &Want<'_>, limits: &Limits) -> Finding {
    if want.plan.dry_run.is_some() {
        return dry();
    }
    match facts.rain {
        Fact::Fresh(0) => Finding::Ok(say("no_rain", "No rain.", "비가 오지 않습니다.")),
        Fact::Fresh(rain) if rain < limits.rain_max => {
            Finding::Warn(say("rain_light", "It rains lightly.", "비가 조금 옵니다."))
        }
        Fact::Fresh(_) => Finding::Block(say(
            "rain",
            "It rains too much to fly. Wait until it stops.",
            "비가 많이 와서 비행할 수 없습니다. 그칠 때까지 기다리십시오.",
        )),
        Fact::Stale | Fact::Unknown => Finding::Block(not_heard("rain", "비")),
    }
}

fn cover(facts: &FlightFacts) -> Finding {
    match facts.cover {
        Fact::Fresh(0) => {
            Finding::Ok(say("cover_closed", "The cover is closed.", "덮개가 닫혀 있습니다."))
        }
        Fact::Fresh(1) => Finding::Warn(say(
            "cover_open",
            "The cover is open already.",
            "덮개가 이미 열려 있습니다.",
        )),
        Fact::Fresh(_) => Finding::Block(say(
            "cover_abnormal",
            "The cover is neither open nor closed. Look at it by the camera before a flight.",
            "덮개가 완전히 열리지도 닫히지도 않았습니다. 카메라로 확인하십시오.",
        )),
        Fact::Stale | Fact::Unknown => Finding::Block(not_heard("cover", "덮개")),
    }
}

fn storage(facts: &FlightFacts, want: &Want<'_>, limits: &Limits) -> Finding {
    let asked = match &want.plan.start {
        MissionStart::Conditional(ready) => ready.storage_min_mb.map(i64::from),
        MissionStart::Immediate | MissionStart::Timed { .. } | MissionStart::Released => None,
    };
    let least = asked.unwrap_or(limits.aircraft_free_min_mb).max(limits.aircraft_free_min_mb);
    match facts.aircraft_free_mb {
        Some(free) if free < least => Finding::Block(say(
            "storage_low",
            format!("The aircraft has {free} MB free; {least} MB are asked for. Free its storage."),
            format!("기체 저장 공간 {free} MB: {least} MB가 필요합니다. 공간을 비우십시오."),
        )),
        Some(free) => Finding::Ok(say(
            "storage_ok",
            format!("The aircraft has {free} MB free."),
            format!("기체 저장 공간 {free} MB."),
        )),
        None => Finding::Warn(say(
            "storage_unknown",
            "The aircraft's free storage was not heard yet: it is switched off.",
            "기체가 꺼져 있어 저장 공간을 아직 모릅니다.",
        )),
    }
}

fn media_space(facts: &FlightFacts, limits: &Limits) -> Finding {
    let least = limits.dock_free_min_mb;
    if let Some(free) = facts.dock_free_mb.filter(|free| *free < least) {
        return Finding::Block(say(
            "media_space_low",
            format!(
                "The dock has {free} MB free for media; {least} MB are asked for. Let it upload."
            ),
            format!(
                "도크의 미디어 공간 {free} MB: {least} MB가 필요합니다. 업로드를 기다리십시오."
            ),
        ));
    }
    match facts.media_waiting {
        Some(files) if files >= MEDIA_WAITING_WARN => Finding::Warn(say(
            "media_waiting",
            format!("{files} files still wait on the dock to be uploaded."),
            format!("도크에 업로드를 기다리는 파일이 {files}개 있습니다."),
        )),
        Some(_) | None if facts.dock_free_mb.is_none() => Finding::Warn(say(
            "media_space_unknown",
            "The dock did not say how much room it has for media.",
            "도크가 미디어 공간을 알리지 않았습니다.",
        )),
        Some(_) | None => Finding::Ok(say(
            "media_space_ok",
            "There is room for media on the dock.",
            "도크에 미디어 공간이 있습니다.",
        )),
    }
}

fn rtk(facts: &FlightFacts, want: &Want<'_>) -> Finding {
    if facts.home_valid == Fact::Fresh(0) {
        return Finding::Block(say(
            "home_invalid",
            "The dock does not know its own position: the aircraft would not find home. Calibrate it.",
            "도크가 자기 위치를 몰라 기체가 돌아올 수 없습니다. 보정하십시오.",
        ));
    }
    let fixed = facts.position_fix == Fact::Fresh(2);
    match (want.plan.precision, fixed) {
        (_, true) => Finding::Ok(say(
            "rtk_fixed",
            "The dock's position is fixed.",
            "도크의 위치가 고정되었습니다.",
        )),
        (Precision::Gps, false) => Finding::Warn(say(
            "rtk_not_fixed",
            "The dock's position is not fixed by RTK; this flight does not ask for it.",
            "도크의 위치가 RTK로 고정되지 않았습니다. 이 비행에는 필요하지 않습니다.",
        )),
        (Precision::Rtk, false) => Finding::Block(say(
            "rtk_not_fixed",
            "This flight asks for RTK and the dock's position is not fixed. Wait for the fix.",
            "이 비행에는 RTK가 필요하지만 도크의 위치가 고정되지 않았습니다.",
        )),
    }
}

fn custom_areas(facts: &FlightFacts) -> Finding {
    match facts.areas {
        AreasSync::Done => Finding::Ok(say(
            "areas_synced",
            "Custom areas are on the aircraft.",
            "사용자 구역이 기체에 있습니다.",
        )),
        AreasSync::NoWord => Finding::Ok(say(
            "areas_none",
            "No custom areas are to be transferred.",
            "전송할 사용자 구역이 없습니다.",
        )),
        AreasSync::UnderWay => Finding::Block(say(
            "areas_syncing",
            "Custom areas are still on their way to the aircraft. Wait until they are there.",
            "사용자 구역을 기체로 보내는 중입니다. 끝날 때까지 기다리십시오.",
        )),
        AreasSync::Failed => Finding::Block(say(
            "areas_failed",
            "Custom areas did not reach the aircraft: it may not know where it must not fly. Send them again.",
            "사용자 구역이 기체에 도착하지 않았습니다. 다시 보내십시오.",
        )),
    }
}

fn maintenance(facts: &FlightFacts) -> Finding {
    if let Some(note) = &facts.maintenance {
        return Finding::Block(say(
            "maintenance",
            format!("The dock is in maintenance: {note}"),
            format!("도크가 정비 중입니다: {note}"),
        ));
    }
    match facts.battery_service {
        Fact::Fresh(2) => Finding::Block(say(
            "battery_service",
            "The aircraft's battery is being serviced by the dock. Wait, or stop the service.",
            "도크가 기체 배터리를 관리하는 중입니다. 기다리거나 중지하십시오.",
        )),
        Fact::Fresh(1) => Finding::Warn(say(
            "battery_service_due",
            "The aircraft's battery needs service.",
            "기체 배터리의 관리가 필요합니다.",
        )),
        Fact::Fresh(_) | Fact::Stale | Fact::Unknown => {
            Finding::Ok(say("no_maintenance", "Nobody works on the dock.", "정비 중이 아닙니다."))
        }
    }
}

fn dry() -> Finding {
    Finding::Ok(say(
        "dry_run",
        "A dry run: the aircraft's simulator flies, nothing takes off.",
        "모의 비행이라 이륙하지 않습니다.",
    ))
}

/// Something that was heard too long ago, or never.
fn not_heard(what: &str, what_ko: &str) -> Reason {
    say(
        "dock_not_ready",
        format!("The dock's {what} was not heard within 10 s: too old to rely on."),
        format!("10초 안에 들은 보고가 없어 믿을 수 없습니다: {what_ko}."),
    )
}
