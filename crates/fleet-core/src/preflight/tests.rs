//! Each question on its own, and who may fly in spite of the answer.

use fleet_types::{
    Role, WallMs,
    device::Connection,
    plan::{DockPart, DryRun, FlightBox, MultiDockPart, Precision},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// Facts that let everything fly.
pub(crate) fn good() -> FlightFacts {
    FlightFacts {
        dock: Facts {
            link_up: true,
            is_up: true,
            connection: Connection::Online,
            drone_in_dock: Fact::Fresh(1),
            dock_mode: Fact::Fresh(0),
            emergency_stop: Fact::Fresh(0),
            clock_skew_ms: Some(40),
            mission_active: false,
            mission_paused: false,
            flight_locked: false,
            hardware_busy: false,
            aircraft_returning: false,
        },
        battery_percent: Fact::Fresh(88),
        wind_dmps: Fact::Fresh(31),
        rain: Fact::Fresh(0),
        cover: Fact::Fresh(0),
        network: Fact::Fresh(5),
        position_fix: Fact::Fresh(2),
        home_valid: Fact::Fresh(1),
        battery_service: Fact::Fresh(0),
        aircraft_free_mb: Some(50_000),
        dock_free_mb: Some(80_000),
        media_waiting: Some(0),
        dock_incompatible: Some(0),
        aircraft_incompatible: Some(0),
        upgrading: false,
        hms: HmsNow::default(),
        areas: AreasSync::NoWord,
        maintenance: None,
        reserved_for: None,
    }
}

fn want(plan: &MissionPlan) -> Want<'_> {
    Want {
        flight_id: None,
        plan,
        rth_altitude_m: 100,
        lost_link_action: LostLinkAction::ReturnHome,
        exit_wayline_when_link_lost: false,
        warnings: &[],
    }
}

fn now() -> Now {
    Now { wall: WallMs(1_000_000), ..Now::default() }
}

fn given(item: PreflightItem, role: Role, expires: i64) -> PreflightOverride {
    PreflightOverride {
        item,
        by: "session:1".into(),
        role,
        note: "looked at it".into(),
        expires_ms: WallMs(expires),
    }
}

fn gate(facts: &FlightFacts, want: &Want<'_>, overrides: &[PreflightOverride]) -> Preflight {
    let sn = DeviceSn::new("SIMDK200000001").unwrap();
    preflight(now(), &sn, facts, want, &Limits::default(), overrides)
}

/// `code` of the first block, and what nobody may override among all blocks.
#[track_caller]
fn check(change: impl Fn(&mut FlightFacts), expect: Option<(&str, Option<Role>)>) {
    let mut facts = good();
    change(&mut facts);
    let plan = MissionPlan::default();
    let report = gate(&facts, &want(&plan), &[]);
    let found = report.first_block().map(|line| (line.reason.code.as_ref(), line.override_role));
    assert_eq!(found, expect);
    assert_eq!(report.can_fly, expect.is_none());
    let first = first_block(now(), &facts, &want(&plan), &Limits::default(), &[]);
    assert_eq!(first.as_ref(), report.first_block().map(|line| &line.reason));
    for line in &report.lines {
        assert!(line.reason.message_ko.is_some() || line.item == PreflightItem::Connection);
    }
}

#[test]
fn each_question_stops_the_flight_on_its_own() {
    let supervisor = Some(Role::Supervisor);
    check(|_| {}, None);
    check(|f| f.dock.flight_locked = true, Some(("flight_locked", None)));
    check(|f| f.dock.mission_active = true, Some(("mission_active", None)));
    check(|f| f.dock.link_up = false, Some(("link_down", None)));
    check(|f| f.dock.connection = Connection::Stale, Some(("silent", None)));
    check(|f| f.reserved_for = Some(MissionId(Uuid::nil())), Some(("dock_reserved", None)));
    check(|f| f.dock.emergency_stop = Fact::Fresh(1), Some(("emergency_stop", None)));
    check(|f| f.dock.emergency_stop = Fact::Stale, Some(("dock_not_ready", None)));
    check(|f| f.dock.drone_in_dock = Fact::Fresh(0), Some(("aircraft_out", None)));
    check(|f| f.dock.drone_in_dock = Fact::Stale, Some(("aircraft_state_stale", None)));
    check(|f| f.dock.drone_in_dock = Fact::Unknown, Some(("aircraft_state_unknown", None)));
    check(|f| f.hms.imminent_warning = Some("0x1".into()), Some(("hms_imminent", None)));
    check(|f| f.hms.warning = Some("0x1".into()), Some(("hms_warning", supervisor)));
    check(|f| f.hms.caution = Some("0x1".into()), None);
    check(|f| f.upgrading = true, Some(("firmware_upgrading", None)));
    check(|f| f.dock_incompatible = Some(1), Some(("firmware_incompatible", None)));
    check(|f| f.aircraft_incompatible = Some(1), Some(("firmware_incompatible", None)));
    check(|f| f.dock_incompatible = None, None);
    check(|f| f.dock.clock_skew_ms = Some(-26_000), Some(("clock_skew", Some(Role::Admin))));
    check(|f| f.dock.clock_skew_ms = Some(26_000), Some(("clock_skew", Some(Role::Admin))));
    check(|f| f.dock.hardware_busy = true, Some(("dock_busy", None)));
    check(|f| f.dock.dock_mode = Fact::Fresh(2), Some(("dock_busy", None)));
    check(|f| f.dock.dock_mode = Fact::Stale, Some(("dock_not_ready", None)));
    check(|f| f.battery_percent = Fact::Fresh(29), Some(("battery_low", supervisor)));
    check(|f| f.battery_percent = Fact::Unknown, Some(("facts_unknown", Some(Role::Admin))));
    check(|f| f.battery_percent = Fact::Stale, Some(("facts_stale", Some(Role::Admin))));
    check(|f| f.wind_dmps = Fact::Unknown, Some(("facts_unknown", Some(Role::Admin))));
    check(|f| f.rain = Fact::Unknown, Some(("facts_unknown", Some(Role::Admin))));
    check(|f| f.cover = Fact::Unknown, Some(("facts_unknown", Some(Role::Admin))));
    check(|f| f.wind_dmps = Fact::Fresh(120), Some(("wind_high", supervisor)));
    check(|f| f.wind_dmps = Fact::Fresh(119), None);
    check(|f| f.rain = Fact::Fresh(2), Some(("rain", supervisor)));
    check(|f| f.rain = Fact::Fresh(1), None);
    check(|f| f.cover = Fact::Fresh(3), Some(("cover_abnormal", supervisor)));
    check(|f| f.cover = Fact::Fresh(2), Some(("cover_abnormal", supervisor)));
    check(|f| f.cover = Fact::Fresh(1), None);
    check(|f| f.aircraft_free_mb = Some(999), Some(("storage_low", Some(Role::Operator))));
    check(|f| f.aircraft_free_mb = None, None);
    check(|f| f.dock_free_mb = Some(1_999), Some(("media_space_low", Some(Role::Operator))));
    check(|f| f.home_valid = Fact::Fresh(0), Some(("home_invalid", Some(Role::Operator))));
    check(|f| f.position_fix = Fact::Fresh(1), None);
    check(|f| f.areas = AreasSync::UnderWay, Some(("areas_syncing", supervisor)));
    check(|f| f.areas = AreasSync::Failed, Some(("areas_failed", supervisor)));
    check(|f| f.maintenance = Some("new cover".into()), Some(("maintenance", supervisor)));
    check(|f| f.battery_service = Fact::Fresh(2), Some(("battery_service", supervisor)));
}

#[test]
fn what_is_asked_for_changes_the_questions() {
    let code = |facts: &FlightFacts, want: &Want<'_>| {
        gate(facts, want, &[]).first_block().map(|line| line.reason.code.to_string())
    };
    let rtk = MissionPlan { precision: Precision::Rtk, ..MissionPlan::default() };
    let mut facts = good();
    facts.position_fix = Fact::Fresh(1);
    assert_eq!(code(&facts, &want(&rtk)).as_deref(), Some("rtk_not_fixed"));

    let plan = MissionPlan { file_exits_wayline: Some(true), ..MissionPlan::default() };
    assert_eq!(code(&good(), &want(&plan)).as_deref(), Some("lost_link_mismatch"));
    let plan = MissionPlan::default();
    let high = Want { rth_altitude_m: 1_501, ..want(&plan) };
    assert_eq!(code(&good(), &high).as_deref(), Some("bad_return_height"));

    let dry_run = Some(DryRun { latitude: 1.0, longitude: 2.0 });
    let dry = MissionPlan { dry_run, ..MissionPlan::default() };
    let mut storm = good();
    (storm.wind_dmps, storm.rain) = (Fact::Fresh(300), Fact::Fresh(3));
    assert_eq!(code(&storm, &want(&dry)), None, "nothing takes off");
    (storm.wind_dmps, storm.rain) = (Fact::Unknown, Fact::Unknown);
    assert_eq!(code(&storm, &want(&dry)), None, "nor is it asked what was never heard");

    let mut landing = MissionPlan::default();
    let flight_id = MissionId(Uuid::from_u128(7));
    landing.multi_dock = Some(MultiDockPart {
        multi_dock_id: fleet_types::MultiDockId(Uuid::nil()),
        flight_id,
        part: DockPart::Landing,
        other_sn: DeviceSn::new("D2").unwrap(),
    });
    let want_landing = Want { flight_id: Some(flight_id), ..want(&landing) };
    assert_eq!(code(&good(), &want_landing).as_deref(), Some("dock_occupied"));
    let mut empty = good();
    empty.dock.drone_in_dock = Fact::Fresh(0);
    empty.battery_percent = Fact::Unknown;
    empty.reserved_for = Some(flight_id);
    assert_eq!(code(&empty, &want_landing), None, "reserved for this very flight");
}

#[test]
fn a_long_route_warns_of_its_battery() {
    let place = FlightBox {
        south: 0.0,
        west: 0.0,
        north: 0.1,
        east: 0.1,
        low_m: 50.0,
        high_m: 80.0,
        duration_s: 1_600.0,
    };
    let plan = MissionPlan { flight_box: Some(place), ..MissionPlan::default() };
    let report = gate(&good(), &want(&plan), &[]);
    let battery = report.lines.iter().find(|line| line.item == PreflightItem::Battery).unwrap();
    assert_eq!(
        (battery.state, battery.reason.code.as_ref()),
        (PreflightState::Warning, "battery_short")
    );
}

#[test]
fn overlaps_warn_and_stop_nothing() {
    let warnings = [say("overlap_space", "a", "가"), say("overlap_height", "b", "나")];
    let plan = MissionPlan::default();
    let report = gate(&good(), &Want { warnings: &warnings, ..want(&plan) }, &[]);
    assert!(report.can_fly);
    let lines = report.lines.iter().filter(|line| line.item == PreflightItem::Overlap);
    assert_eq!(lines.map(|line| line.state).collect::<Vec<_>>(), [PreflightState::Warning; 2]);
}

#[test]
fn an_override_counts_by_role_and_until_its_end() {
    let mut facts = good();
    facts.wind_dmps = Fact::Fresh(140);
    let plan = MissionPlan::default();
    let can_fly = |given: PreflightOverride| gate(&facts, &want(&plan), &[given]).can_fly;
    assert!(can_fly(given(PreflightItem::Wind, Role::Supervisor, 1_000_001)));
    assert!(can_fly(given(PreflightItem::Wind, Role::Admin, 1_000_001)));
    assert!(!can_fly(given(PreflightItem::Wind, Role::Supervisor, 1_000_000)), "it is over");
    assert!(!can_fly(given(PreflightItem::Wind, Role::Operator, 1_000_001)));
    assert!(!can_fly(given(PreflightItem::Rain, Role::Admin, 1_000_001)));
    let report = gate(&facts, &want(&plan), &[given(PreflightItem::Wind, Role::Admin, 1_000_001)]);
    let wind = report.lines.iter().find(|line| line.item == PreflightItem::Wind).unwrap();
    assert_eq!(wind.state, PreflightState::Overridden);
    assert_eq!(wind.reason.code, "wind_high", "what was found stays to be seen");
    assert!(wind.override_by.is_some());
}

#[test]
fn nobody_below_an_administrator_lets_a_flight_go_on_what_was_never_heard() {
    let plan = MissionPlan::default();
    type Slot = fn(&mut FlightFacts) -> &mut Fact;
    let asked: [(PreflightItem, Slot); 4] = [
        (PreflightItem::Battery, |facts| &mut facts.battery_percent),
        (PreflightItem::Wind, |facts| &mut facts.wind_dmps),
        (PreflightItem::Rain, |facts| &mut facts.rain),
        (PreflightItem::Cover, |facts| &mut facts.cover),
    ];
    for (item, fact) in asked {
        for unheard in [Fact::Unknown, Fact::Stale] {
            let mut facts = good();
            *fact(&mut facts) = unheard;
            let can_fly = |words: &[PreflightOverride]| gate(&facts, &want(&plan), words).can_fly;
            let word = |item, role| given(item, role, i64::MAX);
            let fresh = PreflightItem::FreshFacts;
            let (supervisor, admin) = (Role::Supervisor, Role::Admin);
            assert!(!can_fly(&[word(item, admin)]), "{item:?} {unheard:?}");
            assert!(!can_fly(&[word(item, supervisor), word(fresh, supervisor)]), "{item:?}");
            assert!(can_fly(&[word(item, supervisor), word(fresh, admin)]), "{item:?}");
        }
    }
}

proptest! {
    /// Nobody flies against what cannot be overridden, whatever was said.
    #[test]
    fn nothing_overrides_what_hurts_beyond_repair(which in 0_usize..6, extra in 0_usize..4) {
        let mut facts = good();
        match which {
            0 => facts.dock.emergency_stop = Fact::Fresh(1),
            1 => facts.dock.drone_in_dock = Fact::Fresh(0),
            2 => facts.hms.imminent_warning = Some("0x16100083".into()),
            3 => facts.dock_incompatible = Some(1),
            4 => facts.dock.flight_locked = true,
            _ => facts.dock.drone_in_dock = Fact::Stale,
        }
        match extra {
            0 => facts.wind_dmps = Fact::Fresh(200),
            1 => facts.hms.warning = Some("0x1".into()),
            2 => facts.battery_percent = Fact::Fresh(5),
            _ => {}
        }
        let everything: Vec<_> =
            PreflightItem::ALL.into_iter().map(|item| given(item, Role::Admin, i64::MAX)).collect();
        let plan = MissionPlan::default();
        let report = gate(&facts, &want(&plan), &everything);
        prop_assert!(!report.can_fly);
        prop_assert_eq!(report.first_block().unwrap().override_role, None);
        let named: Vec<_> = report.lines.iter().map(|line| line.item).collect();
        prop_assert_eq!(named, PreflightItem::ALL, "each question is asked once");
    }
}
