//! Missions that do not start at once, the gate asked twice, and what people say about it.

use fleet_types::{
    MissionId, MissionRequest, MissionState, RequestId, Role, WallMs,
    command::Subject,
    mission::{LostLinkAction, Verdict},
    plan::{BreakPoint, DryRun, MissionAction, MissionControl, MissionStart, ReadyConditions},
    preflight::{DockNotice, DockSaying, PreflightItem, PreflightOverride, PreflightRequest},
};
use serde_json::{Value, json};

use super::rig::Rig;
use crate::io::{Input, SendFate};

const MINUTE: i64 = 60_000;

#[track_caller]
fn check(rig: &Rig, id: MissionId, state: MissionState, reason: Option<&str>) {
    let status = rig.mission(id);
    let found = status.reason.as_ref().map(|reason| reason.code.as_ref());
    assert_eq!((status.state, found), (state, reason), "{status:?}");
}

#[track_caller]
fn check_end(rig: &Rig, id: MissionId, verdict: Verdict, reason: &str) {
    check(rig, id, MissionState::Ended, Some(reason));
    assert_eq!(rig.mission(id).verdict, Some(verdict));
}

fn call(rig: &Rig, method: &str) -> Value {
    serde_json::from_slice(&rig.last(method).payload).unwrap()
}

fn ask(rig: &mut Rig, start: MissionStart) -> MissionId {
    let mut request = rig.mission_request();
    request.plan.start = start;
    rig.ask_mission(request)
}

fn timed(rig: &mut Rig, ahead_ms: i64) -> MissionId {
    let execute_ms = WallMs(rig.now.wall.0 + ahead_ms);
    ask(rig, MissionStart::Timed { execute_ms })
}

fn conditions(rig: &Rig) -> ReadyConditions {
    ReadyConditions {
        battery_percent: 60,
        begin_ms: rig.now.wall,
        end_ms: WallMs(rig.now.wall.0 + 30 * MINUTE),
        wind_max_dmps: Some(60),
        rain_max: None,
        link_min: None,
        storage_min_mb: None,
    }
}

/// Time passes with the dock reporting every two seconds.
fn live(rig: &mut Rig, ms: u64) {
    for _ in 0..ms / 2_000 {
        rig.pass(2_000);
        rig.idle();
    }
}

fn mint(rig: &mut Rig) {
    let (exchange, _) = rig.minted.pop().expect("an address is asked for");
    rig.input(Input::FileUrl { exchange, url: Some("https://fresh".into()) });
}

/// A timed mission whose preparation the dock took.
fn prepared(rig: &mut Rig) -> MissionId {
    let id = timed(rig, 5 * MINUTE);
    mint(rig);
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    check(rig, id, MissionState::Prepared, None);
    id
}

fn control(rig: &mut Rig, mission_id: MissionId, action: MissionAction) {
    let sn = rig.dock().sn.clone();
    let issued_by = "operator".into();
    rig.input(Input::MissionControl(MissionControl { mission_id, sn, action, issued_by }));
}

fn say(rig: &mut Rig, saying: DockSaying) {
    let (sn, request_id) = (rig.dock().sn.clone(), RequestId(rig.uuid()));
    rig.input(Input::Notice(DockNotice { sn, saying, by: "session:1".into(), request_id }));
}

fn overriding(rig: &mut Rig, item: PreflightItem, role: Role) {
    let expires_ms = WallMs(rig.now.wall.0 + 60 * MINUTE);
    let (by, note) = ("session:1".into(), "looked at the sky".into());
    say(rig, DockSaying::Override(PreflightOverride { item, by, role, note, expires_ms }));
}

#[test]
fn a_timed_mission_flies_at_its_time() {
    let mut rig = Rig::online();
    let id = timed(&mut rig, 60 * MINUTE);
    check(&rig, id, MissionState::Scheduled, None);
    assert!(rig.sends.is_empty(), "a preparation an hour ahead means little");
    rig.idle();
    rig.pass(44 * 60_000);
    assert!(rig.sends.is_empty());
    live(&mut rig, 62_000);
    mint(&mut rig);
    let prepare = call(&rig, "flighttask_prepare");
    assert_eq!(prepare["data"]["task_type"], 1);
    let execute_ms = prepare["data"]["execute_time"].as_i64().unwrap();
    assert_eq!(prepare["data"]["file"]["url"], "https://fresh", "not the one it was asked with");
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    check(&rig, id, MissionState::Prepared, None);
    live(&mut rig, 14 * 60_000);
    assert!(rig.sent("flighttask_execute").is_empty());
    live(&mut rig, 40_000);
    assert_eq!(rig.sent("flighttask_execute").len(), 1);
    assert!(execute_ms - rig.now.wall.0 <= 120_000 && rig.now.wall.0 < execute_ms);
    check(&rig, id, MissionState::Starting, None);
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    rig.flight(id, 0, json!("ok"), 6);
    check(&rig, id, MissionState::Ended, None);
}

#[test]
fn other_flights_go_first_while_one_waits() {
    let mut rig = Rig::online();
    let later = timed(&mut rig, 10 * 60 * MINUTE);
    let now = rig.ordered_mission();
    assert_eq!(rig.mission(now).state, MissionState::Starting);
    check(&rig, later, MissionState::Scheduled, None);
}

#[test]
fn a_missed_window_ends_it_and_takes_the_preparation_back() {
    let mut rig = Rig::online();
    let id = prepared(&mut rig);
    // A storm through the whole window.
    for _ in 0..150 {
        rig.idle_but(&json!({"wind_speed": 14.0}));
        rig.pass(2_000);
    }
    check_end(&rig, id, Verdict::Expired, "missed_window");
    let reason = rig.mission(id).reason.clone().unwrap();
    assert!(reason.message.contains("14.0 m/s"), "why it was missed: {reason:?}");
    assert!(rig.sent("flighttask_execute").is_empty());
    assert_eq!(call(&rig, "flighttask_undo")["data"], json!({"flight_ids": [id.to_string()]}));
    rig.reply(&rig.last("flighttask_undo"), json!({"result": 0}));
    // A report that comes late does not bring it back.
    live(&mut rig, 60_000);
    assert!(rig.sent("flighttask_execute").is_empty());
}

#[test]
fn a_clock_that_jumps_or_a_slow_journal_makes_nothing_late() {
    let mut rig = Rig::online();
    let id = prepared(&mut rig);
    rig.now.wall.0 += 6 * MINUTE;
    rig.idle();
    check_end(&rig, id, Verdict::Expired, "missed_window");
    assert!(rig.sent("flighttask_execute").is_empty());

    let mut rig = Rig::online();
    let id = prepared(&mut rig);
    live(&mut rig, 268_000);
    rig.journal_is_fast = false;
    live(&mut rig, 4_000);
    check(&rig, id, MissionState::Starting, None);
    rig.now.wall.0 += MINUTE;
    rig.idle();
    rig.journal_answers(true);
    assert!(rig.sent("flighttask_execute").is_empty(), "its record came too late");
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Expired));
}

#[test]
fn times_that_cannot_be_are_refused() {
    let mut rig = Rig::online();
    let id = timed(&mut rig, 0);
    check_end(&rig, id, Verdict::Rejected, "missed_window");
    let id = timed(&mut rig, 400 * 24 * 60 * MINUTE);
    check_end(&rig, id, Verdict::Rejected, "too_far_ahead");
    let ready = ReadyConditions { end_ms: rig.now.wall, ..conditions(&rig) };
    let id = ask(&mut rig, MissionStart::Conditional(ready));
    check_end(&rig, id, Verdict::Rejected, "bad_conditions");
    assert!(rig.sends.is_empty());
}

#[test]
fn a_conditional_mission_asks_its_conditions_again_before_take_off() {
    let mut rig = Rig::online();
    let ready = conditions(&rig);
    let id = ask(&mut rig, MissionStart::Conditional(ready.clone()));
    mint(&mut rig);
    let prepare = call(&rig, "flighttask_prepare")["data"].clone();
    assert_eq!(prepare["task_type"], 2);
    let told =
        json!({"battery_capacity": 60, "begin_time": ready.begin_ms.0, "end_time": ready.end_ms.0});
    assert_eq!(prepare["ready_conditions"], told);
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    live(&mut rig, 20_000);
    check(&rig, id, MissionState::Prepared, None);
    assert!(rig.sent("flighttask_execute").is_empty(), "not before the dock is ready");

    // It says so, and by now the wind is too strong for this mission, though not for the gate.
    rig.osd(json!({"wind_speed": 6.5}));
    rig.event("flighttask_ready", "b", json!({"flight_ids": [id.to_string()]}));
    check(&rig, id, MissionState::Ready, Some("waits_for_wind"));
    rig.osd(json!({"wind_speed": 5.0, "drone_charge_state": {"state": 0, "capacity_percent": 60}}));
    check(&rig, id, MissionState::Ready, Some("waits_for_battery"));
    assert!(rig.sent("flighttask_execute").is_empty());
    rig.osd(json!({"drone_charge_state": {"state": 0, "capacity_percent": 61}}));
    assert_eq!(rig.sent("flighttask_execute").len(), 1);
    check(&rig, id, MissionState::Starting, None);
}

#[test]
fn conditions_that_never_hold_end_with_their_window() {
    let mut rig = Rig::online();
    let ready = conditions(&rig);
    let id = ask(&mut rig, MissionStart::Conditional(ready));
    mint(&mut rig);
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    rig.pass(31 * 60_000);
    check_end(&rig, id, Verdict::Expired, "missed_window");
    rig.idle();
    rig.event("flighttask_ready", "b", json!({"flight_ids": [id.to_string()]}));
    assert!(rig.sent("flighttask_execute").is_empty());
}

#[test]
fn cancelling_takes_back_what_has_not_started_and_nothing_else() {
    let mut rig = Rig::online();
    let id = timed(&mut rig, 60 * MINUTE);
    control(&mut rig, id, MissionAction::Cancel);
    check_end(&rig, id, Verdict::Canceled, "canceled_by_person");
    assert!(rig.sends.is_empty(), "the dock never heard of it");

    let id = prepared(&mut rig);
    control(&mut rig, id, MissionAction::Cancel);
    check_end(&rig, id, Verdict::Canceled, "canceled_by_person");
    assert_eq!(rig.sent("flighttask_undo").len(), 1);

    let id = rig.ordered_mission();
    control(&mut rig, id, MissionAction::Cancel);
    check(&rig, id, MissionState::Starting, None);
    assert_eq!(rig.sent("flighttask_undo").len(), 1);
}

#[test]
fn the_gate_is_asked_again_when_take_off_is_ordered() {
    let mut rig = Rig::online();
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    rig.osd(json!({"wind_speed": 13.0}));
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    check_end(&rig, id, Verdict::Rejected, "wind_high");
    assert!(rig.sent("flighttask_execute").is_empty());
    assert_eq!(rig.sent("flighttask_undo").len(), 1, "the dock does not keep it");
}

#[test]
fn an_override_counts_once_it_is_on_record() {
    let mut rig = Rig::online();
    rig.osd(json!({"rainfall": 2}));
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    check_end(&rig, id, Verdict::Rejected, "rain");

    rig.journal_is_fast = false;
    overriding(&mut rig, PreflightItem::Rain, Role::Supervisor);
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    check_end(&rig, id, Verdict::Rejected, "rain");
    rig.journal_answers(false);
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    check_end(&rig, id, Verdict::Rejected, "rain");
    rig.journal_is_fast = true;
    rig.journal_answers(true);

    overriding(&mut rig, PreflightItem::Rain, Role::Operator);
    assert!(!rig.reports.last().unwrap().preflight.can_fly, "not by this role");
    overriding(&mut rig, PreflightItem::Rain, Role::Supervisor);
    assert!(rig.reports.last().unwrap().preflight.can_fly);
    rig.restart_from_records();
    rig.bring_up();
    rig.idle();
    rig.osd(json!({"rainfall": 2}));
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    check(&rig, id, MissionState::Preparing, None);
}

#[test]
fn an_override_withdrawn_before_it_is_on_record_never_counts() {
    let mut rig = Rig::online();
    rig.osd(json!({"rainfall": 2}));
    rig.journal_is_fast = false;
    overriding(&mut rig, PreflightItem::Rain, Role::Supervisor);
    say(&mut rig, DockSaying::Withdraw(PreflightItem::Rain));
    rig.journal_answers(true);
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    check_end(&rig, id, Verdict::Rejected, "rain");
}

#[test]
fn maintenance_and_reservations_stop_flights() {
    let mut rig = Rig::online();
    say(&mut rig, DockSaying::Maintenance { on: true, note: "new propellers".into() });
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    check_end(&rig, id, Verdict::Rejected, "maintenance");
    say(&mut rig, DockSaying::Maintenance { on: false, note: "done".into() });
    let flight = MissionId(rig.uuid());
    say(&mut rig, DockSaying::Reserved(Some(flight)));
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    check_end(&rig, id, Verdict::Rejected, "dock_reserved");
    say(&mut rig, DockSaying::Reserved(None));
    let request = rig.mission_request();
    let id = rig.ask_mission(request);
    check(&rig, id, MissionState::Preparing, None);
}

#[test]
fn health_alarms_are_a_full_set_each_time() {
    let mut rig = Rig::online();
    let hms = |rig: &mut Rig, list: Value| rig.event("hms", "b", json!({"list": list}));
    let refused = |rig: &mut Rig| {
        let request = rig.mission_request();
        let id = rig.ask_mission(request);
        rig.mission(id).reason.as_ref().map(|reason| reason.code.to_string())
    };
    let alarm = |level: i64, imminent: i64| {
        json!({"code": "0x16100083", "level": level, "imminent": imminent, "module": 3,
            "in_the_sky": 0, "device_type": "0-91-1", "args": {}})
    };
    hms(&mut rig, json!([alarm(2, 1), alarm(1, 0)]));
    assert_eq!(refused(&mut rig).as_deref(), Some("hms_imminent"));
    overriding(&mut rig, PreflightItem::Hms, Role::Admin);
    assert_eq!(refused(&mut rig).as_deref(), Some("hms_imminent"), "by nobody");
    say(&mut rig, DockSaying::Withdraw(PreflightItem::Hms));
    hms(&mut rig, json!([alarm(2, 0)]));
    assert_eq!(refused(&mut rig).as_deref(), Some("hms_warning"));
    hms(&mut rig, json!([]));
    assert_eq!(refused(&mut rig), None, "what is not in the set is over");
}

#[test]
fn areas_and_firmware_stop_flights_until_they_fit() {
    let mut rig = Rig::online();
    let refused = |rig: &mut Rig| {
        let sn = rig.dock().sn.clone();
        let request_id = RequestId(rig.uuid());
        rig.input(Input::Preflight(PreflightRequest {
            request_id,
            sn,
            plan: fleet_types::MissionPlan::default(),
            rth_altitude_m: 100,
            lost_link_action: LostLinkAction::ReturnHome,
            exit_wayline_when_link_lost: false,
            warnings: Vec::new(),
        }));
        let report = rig.reports.last().unwrap();
        assert_eq!(report.request_id, request_id);
        report.preflight.first_block().map(|line| line.reason.code.to_string())
    };
    assert_eq!(refused(&mut rig), None);
    let sync = |status: &str| json!({"status": status, "reason": 0, "file": {"name": "g.json"}});
    rig.event("flight_areas_sync_progress", "b", sync("synchronizing"));
    assert_eq!(refused(&mut rig).as_deref(), Some("areas_syncing"));
    rig.event("flight_areas_sync_progress", "b", sync("fail"));
    assert_eq!(refused(&mut rig).as_deref(), Some("areas_failed"));
    rig.event("flight_areas_sync_progress", "b", sync("synchronized"));
    assert_eq!(refused(&mut rig), None);
    rig.state(json!({"compatible_status": 1}));
    assert_eq!(refused(&mut rig).as_deref(), Some("firmware_incompatible"));
    rig.state(json!({"compatible_status": 0, "firmware_upgrade_status": 1}));
    assert_eq!(refused(&mut rig).as_deref(), Some("firmware_upgrading"));
    assert!(rig.sends.is_empty(), "a question moves nothing");
}

#[test]
fn a_cancelled_return_leaves_it_hovering_and_says_so() {
    let mut rig = Rig::online();
    let id = rig.ordered_mission();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    rig.flight(id, 0, json!("in_progress"), 5);
    let refused = rig.command("return_home_cancel");
    rig.check(refused, fleet_types::CommandState::Rejected, Some("not_returning"));
    rig.osd(json!({"mode_code": 4, "drone_in_dock": 0}));
    rig.aircraft_osd(json!({"mode_code": 9}));
    let cancel = rig.command("return_home_cancel");
    rig.reply(&rig.last("return_home_cancel"), json!({"result": 0}));
    rig.check(cancel, fleet_types::CommandState::Acknowledged, None);
    check(&rig, id, MissionState::Executing, None);
    rig.pass(500);
    rig.aircraft_osd(json!({"mode_code": 3}));
    rig.check(cancel, fleet_types::CommandState::Succeeded, None);
    check(&rig, id, MissionState::Hovering, Some("rth_cancelled"));
    rig.flight(id, 0, json!("in_progress"), 7);
    check(&rig, id, MissionState::Hovering, Some("rth_cancelled"));

    rig.pass(500);
    rig.command("return_home");
    rig.reply(&rig.last("return_home"), json!({"result": 0}));
    rig.pass(500);
    rig.aircraft_osd(json!({"mode_code": 9}));
    check(&rig, id, MissionState::Executing, None);
    rig.event("device_exit_homing_notify", "b", json!({"sn": "S", "action": 1, "reason": 2}));
    check(&rig, id, MissionState::Hovering, Some("return_aborted"));
    rig.settle(Subject::Mission(id), fleet_types::command::ResolvedOutcome::Failed);
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Failed), "a person may settle it");
}

/// A mission that broke off, with this code and reason.
fn broken(rig: &mut Rig, result: i64, break_reason: i64) -> MissionId {
    let id = rig.ordered_mission_again();
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    let point = json!({"index": 4, "state": 0, "progress": 0.34, "wayline_id": 1,
        "break_reason": break_reason, "latitude": 37.5, "longitude": 126.9, "height": 80.2});
    let status = if result == 0 { "partially_done" } else { "failed" };
    let data = json!({"result": result, "output": {"status": status,
        "progress": {"current_step": 24, "percent": 40},
        "ext": {"flight_id": id.to_string(), "break_point": point}}});
    rig.event("flighttask_progress", &id.to_string(), data);
    id
}

fn resume(rig: &mut Rig, before: MissionId, point: BreakPoint) -> (MissionId, MissionRequest) {
    rig.idle();
    let mut request = rig.mission_request();
    request.plan.break_point = Some(point);
    request.plan.resumes = Some(before);
    (rig.ask_mission(request.clone()), request)
}

#[test]
fn a_broken_flight_goes_on_from_its_break_point() {
    let mut rig = Rig::online();
    let before = broken(&mut rig, 0, 773);
    check_end(&rig, before, Verdict::PartiallyDone, "partially_done");
    let point = rig.mission(before).break_point.expect("kept");
    assert_eq!((point.index, point.wayline_id, point.progress), (4, 1, 0.34));
    let (id, _) = resume(&mut rig, before, point);
    check(&rig, id, MissionState::Preparing, None);
    let told = call(&rig, "flighttask_prepare")["data"]["break_point"].clone();
    assert_eq!(told, json!({"index": 4, "state": 0, "progress": 0.34, "wayline_id": 1}));
}

#[test]
fn after_an_obstacle_nothing_is_resumed() {
    for (result, break_reason) in [(0, 517), (321_517, 2), (321_517, 517)] {
        let mut rig = Rig::online();
        let before = broken(&mut rig, result, break_reason);
        let point = rig.mission(before).break_point.expect("kept");
        let (id, request) = resume(&mut rig, before, point);
        check_end(&rig, id, Verdict::Rejected, "no_resume_after_obstacle");
        assert_eq!(rig.sent("flighttask_prepare").len(), 1, "{request:?}");
    }
    let mut rig = Rig::online();
    let flown = rig.ordered_mission();
    let point = BreakPoint {
        index: 1,
        state: 1,
        progress: 0.0,
        wayline_id: 0,
        break_reason: None,
        latitude: None,
        longitude: None,
        height_m: None,
    };
    let (id, _) = resume(&mut rig, flown, point);
    check_end(&rig, id, Verdict::Rejected, "not_ended");
}

#[test]
fn a_dry_run_says_so_and_asks_for_no_weather() {
    let mut rig = Rig::online();
    rig.osd(json!({"wind_speed": 30.0}));
    let mut request = rig.mission_request();
    request.plan.dry_run = Some(DryRun { latitude: 22.5, longitude: 113.9 });
    rig.ask_mission(request);
    let told = call(&rig, "flighttask_prepare")["data"]["simulate_mission"].clone();
    assert_eq!(told, json!({"is_enable": 1, "latitude": 22.5, "longitude": 113.9}));
}

#[test]
fn what_waits_survives_a_lost_process_and_what_was_ready_stays_ready() {
    let mut rig = Rig::online();
    let later = timed(&mut rig, 5 * 60 * MINUTE);
    let ready = conditions(&rig);
    let id = ask(&mut rig, MissionStart::Conditional(ready));
    mint(&mut rig);
    rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
    rig.osd(json!({"wind_speed": 9.0}));
    rig.event("flighttask_ready", "b", json!({"flight_ids": [id.to_string()]}));
    rig.restart_from_records();
    check(&rig, later, MissionState::Scheduled, None);
    assert_eq!(rig.mission(id).state, MissionState::Ready);
    rig.bring_up();
    rig.idle();
    assert_eq!(rig.sent("flighttask_execute").len(), 1);
    check(&rig, id, MissionState::Starting, None);
}

#[test]
fn an_address_that_comes_after_the_end_changes_nothing() {
    let mut rig = Rig::online();
    let id = timed(&mut rig, 5 * MINUTE);
    control(&mut rig, id, MissionAction::Cancel);
    let (exchange, _) = rig.minted.pop().unwrap();
    rig.input(Input::FileUrl { exchange, url: None });
    check_end(&rig, id, Verdict::Canceled, "canceled_by_person");
}

#[test]
fn a_file_that_is_gone_ends_the_mission() {
    let mut rig = Rig::online();
    let id = timed(&mut rig, 5 * MINUTE);
    let (exchange, _) = rig.minted.pop().unwrap();
    rig.input(Input::FileUrl { exchange, url: None });
    check_end(&rig, id, Verdict::Rejected, "wayline_gone");
    assert!(rig.sends.is_empty());
}

#[test]
fn the_facts_of_the_gate_have_a_place_in_the_telemetry() {
    let schemas = crate::dock::Schemas::new();
    let at = format!("{:?}", schemas.at);
    assert!(!at.contains(&usize::MAX.to_string()), "{at}");
}

/// A timed mission whose order to fly waits for its record.
fn waits_for_record(rig: &mut Rig) -> MissionId {
    let id = prepared(rig);
    live(rig, 268_000);
    rig.journal_is_fast = false;
    live(rig, 4_000);
    check(rig, id, MissionState::Starting, None);
    id
}

#[test]
fn an_order_that_did_not_leave_is_given_again_within_its_window() {
    // The world changed between record and send.
    let mut rig = Rig::online();
    let id = waits_for_record(&mut rig);
    rig.idle_but(&json!({"wind_speed": 14.0}));
    rig.journal_answers(true);
    check(&rig, id, MissionState::Prepared, Some("wind_high"));
    assert!(rig.sent("flighttask_execute").is_empty());
    assert!(rig.sent("flighttask_undo").is_empty(), "the dock keeps it");
    rig.journal_is_fast = true;
    live(&mut rig, 4_000);
    assert_eq!(rig.sent("flighttask_execute").len(), 1);
    check(&rig, id, MissionState::Starting, None);
    rig.reply(&rig.last("flighttask_execute"), json!({"result": 0}));
    rig.flight(id, 0, json!("ok"), 6);
    assert_eq!(rig.mission(id).verdict, Some(Verdict::Ok));

    // The record could not be made; it is not asked for without end.
    let mut rig = Rig::online();
    let id = waits_for_record(&mut rig);
    rig.journal_answers(false);
    check(&rig, id, MissionState::Prepared, Some("journal_down"));
    for _ in 0..12 {
        rig.pass(1_000);
        rig.idle();
        rig.journal_answers(false);
    }
    let asked = rig.order.iter().filter(|step| *step == "journal flighttask_execute").count();
    assert_eq!(asked, 3, "after 2 s and after 4 s more");
    rig.journal_is_fast = true;
    live(&mut rig, 8_000);
    assert_eq!(rig.sent("flighttask_execute").len(), 1);
}

#[test]
fn a_link_that_says_it_did_not_leave_is_asked_again_and_one_that_lost_it_is_not() {
    for (fate, orders, state) in [
        (SendFate::NotSent, 2, MissionState::Starting),
        (SendFate::Refused, 2, MissionState::Starting),
        (SendFate::Lost, 1, MissionState::Unknown),
        (SendFate::Sent, 1, MissionState::Starting),
    ] {
        let mut rig = Rig::online();
        let id = prepared(&mut rig);
        live(&mut rig, 268_000);
        rig.fate = Some(fate);
        live(&mut rig, 2_000);
        rig.fate = Some(SendFate::Sent);
        live(&mut rig, 8_000);
        assert_eq!(rig.sent("flighttask_execute").len(), orders, "{fate:?}");
        assert_eq!(rig.mission(id).state, state, "{fate:?}");
    }
}

#[test]
fn a_window_that_passes_meanwhile_is_missed_and_a_restart_goes_on_waiting() {
    let mut rig = Rig::online();
    let id = waits_for_record(&mut rig);
    rig.idle_but(&json!({"wind_speed": 14.0}));
    rig.journal_answers(true);
    rig.restart_from_records();
    check(&rig, id, MissionState::Prepared, Some("dock_offline"));
    rig.journal_is_fast = true;
    rig.bring_up();
    rig.idle();
    assert_eq!(rig.sent("flighttask_execute").len(), 1, "the next machine orders it");

    let mut rig = Rig::online();
    let id = waits_for_record(&mut rig);
    rig.idle_but(&json!({"wind_speed": 14.0}));
    rig.journal_answers(true);
    rig.pass(60_000);
    check_end(&rig, id, Verdict::Expired, "missed_window");
    assert!(rig.sent("flighttask_execute").is_empty());
    assert_eq!(rig.sent("flighttask_undo").len(), 0, "the dock is not heard");
}
