//! What a waiting mission wants at every moment, whatever the wall clock does.

use fleet_types::{
    DeviceSn, IdempotencyKey, MissionId, MissionPlan, MissionRequest, MissionState, MonoMs,
    RequestId, TraceId, id::WaylineId, mission::LostLinkAction,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::mission::OrderEnd;

const T: i64 = 1_790_000_000_000;

fn at(wall: i64) -> Now {
    Now { mono: MonoMs(5_000_000), wall: WallMs(wall) }
}

fn mission(start: MissionStart) -> Mission {
    let id = Uuid::from_u128(1);
    Mission::accept(
        at(T - 86_400_000 * 3),
        MissionRequest {
            mission_id: MissionId(id),
            trace_id: TraceId(id),
            request_id: RequestId(id),
            sn: DeviceSn::new("D1").unwrap(),
            wayline_id: WaylineId(id),
            wayline_name: "quay".into(),
            waypoint_count: 3,
            file_url: String::new(),
            file_md5: "0cc175b9c0f1b6a831c399e269772661".into(),
            rth_altitude_m: 80,
            lost_link_action: LostLinkAction::ReturnHome,
            exit_wayline_when_link_lost: false,
            idempotency_key: IdempotencyKey::new("k").unwrap(),
            expires_in_ms: 30_000,
            issued_by: "operator".into(),
            plan: MissionPlan { start, ..MissionPlan::default() },
        },
    )
}

fn timed() -> Mission {
    mission(MissionStart::Timed { execute_ms: WallMs(T) })
}

fn prepared(mut mission: Mission) -> Mission {
    let now = at(T - 60_000);
    mission.on_given(now, Order::Prepare, fleet_types::CommandId(Uuid::nil()));
    assert_eq!(mission.on_order(now, Order::Prepare, OrderEnd::Taken), Next::Nothing);
    assert_eq!(mission.status().state, MissionState::Prepared);
    mission
}

fn give(order: Order, until: i64) -> Wish {
    Wish::Give { order, until: WallMs(until) }
}

#[test]
fn a_timed_mission_is_prepared_ahead_and_ordered_shortly_before() {
    let mission = timed();
    assert_eq!(mission.wish(at(T - 3_600_000)), Wish::Wait(WallMs(T - PREPARE_AHEAD_MS)));
    assert_eq!(mission.wish(at(T - PREPARE_AHEAD_MS)), give(Order::Prepare, T));
    assert_eq!(mission.wish(at(T - 1)), give(Order::Prepare, T));
    assert_eq!(mission.wish(at(T)), Wish::Expire);
    let mission = prepared(mission);
    assert_eq!(mission.wish(at(T - 40_000)), Wish::Wait(WallMs(T - EXECUTE_AHEAD_MS)));
    assert_eq!(mission.wish(at(T - EXECUTE_AHEAD_MS)), give(Order::Execute, T));
    assert_eq!(mission.wish(at(T)), Wish::Expire, "never late");
    assert!(mission.check_time(at(T - 1), None).is_ok());
    assert_eq!(mission.check_time(at(T), None).unwrap_err().code, "missed_window");
}

#[test]
fn a_conditional_mission_waits_for_the_docks_word() {
    let ready = ReadyConditions {
        battery_percent: 50,
        begin_ms: WallMs(T - 50_000),
        end_ms: WallMs(T),
        wind_max_dmps: None,
        rain_max: None,
        link_min: None,
        storage_min_mb: None,
    };
    let mut mission = prepared(mission(MissionStart::Conditional(ready)));
    assert_eq!(mission.wish(at(T - 40_000)), Wish::Wait(WallMs(T)));
    assert!(mission.on_ready(at(T - 60_000)));
    assert!(!mission.on_ready(at(T - 60_000)), "once");
    assert_eq!(mission.wish(at(T - 50_001)), Wish::Wait(WallMs(T - 50_000)));
    assert_eq!(mission.wish(at(T - 50_000)), give(Order::Execute, T));
    assert_eq!(mission.wish(at(T)), Wish::Expire);
}

#[test]
fn an_immediate_flight_is_not_ordered_by_a_start_time_that_is_past() {
    let mut mission = mission(MissionStart::Immediate);
    mission.set_told_start(WallMs(T));
    assert!(mission.check_time(at(T + 20_000), Some(9_000)).is_ok());
    assert_eq!(mission.check_time(at(T + 20_000), Some(11_000)).unwrap_err().code, "clock_rule");
    assert_eq!(mission.check_time(at(T + 20_000), Some(-51_000)).unwrap_err().code, "clock_rule");
}

#[test]
fn only_what_has_not_started_is_cancelled() {
    let now = at(T - 60_000);
    let mut mission = timed();
    assert_eq!(mission.on_control(now, MissionAction::Cancel, "p"), Ok(Next::Ended));
    assert_eq!(mission.status().verdict, Some(Verdict::Canceled));
    assert_eq!(
        mission.on_control(now, MissionAction::Cancel, "p").unwrap_err().code,
        "mission_over"
    );
    let mut mission = prepared(timed());
    mission.on_given(now, Order::Execute, fleet_types::CommandId(Uuid::from_u128(9)));
    let refused = mission.on_control(now, MissionAction::Cancel, "p").unwrap_err();
    assert_eq!(refused.code, "already_started");
    assert_eq!(mission.status().state, MissionState::Starting);
}

proptest! {
    /// However the clock jumps, no order is wished for outside its window.
    #[test]
    fn no_clock_makes_an_order_late(walls in proptest::collection::vec(-200_000_000_i64..200_000_000, 1..30)) {
        let scheduled = timed();
        let waiting = prepared(timed());
        for wall in walls {
            let now = at(T + wall);
            if let Wish::Give { order, until } = scheduled.wish(now) {
                prop_assert_eq!(order, Order::Prepare);
                prop_assert!(wall < 0 && -wall <= PREPARE_AHEAD_MAX_MS && until == WallMs(T));
            }
            if let Wish::Give { order, .. } = waiting.wish(now) {
                prop_assert_eq!(order, Order::Execute);
                prop_assert!(wall < 0 && -wall <= EXECUTE_AHEAD_MAX_MS);
                prop_assert!(waiting.order_life_ms(now) <= wall.unsigned_abs());
            }
            prop_assert_eq!(waiting.wish(now) == Wish::Expire, wall >= 0);
        }
    }
}
