//! A mission by chance: whatever happens to it moves it along its table, and every row is taken.

use dji_cloud::{
    reply::JobStatus,
    wayline::{FlightOutput, FlighttaskProgress},
};
use fleet_types::{
    CommandId, DeviceSn, IdempotencyKey, MissionId, MissionPlan, MissionRequest, MonoMs, Now,
    Reason, RequestId, TraceId, WallMs,
    command::{Resolution, ResolvedOutcome, Subject},
    id::WaylineId,
    mission::{LostLinkAction, Verdict},
    plan::{MissionAction, MissionStart, ReadyConditions},
};
use uuid::Uuid;

use super::{
    MACHINE, Mission, Next, Order, OrderEnd, Reached, silence::Seen, state::State, waiting::Wish,
};
use crate::machine::taken;

/// Take-off of a timed mission; conditional ones have an hour from then.
const T: i64 = 1_790_000_000_000;

fn request(start: MissionStart) -> MissionRequest {
    let id = Uuid::from_u128(1);
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
        expires_in_ms: 3_600_000,
        issued_by: "operator".into(),
        plan: MissionPlan { start, ..MissionPlan::default() },
    }
}

fn starts() -> [MissionStart; 4] {
    let ready = ReadyConditions {
        battery_percent: 50,
        begin_ms: WallMs(T),
        end_ms: WallMs(T + 3_600_000),
        wind_max_dmps: None,
        rain_max: None,
        link_min: None,
        storage_min_mb: None,
    };
    [
        MissionStart::Immediate,
        MissionStart::Timed { execute_ms: WallMs(T) },
        MissionStart::Conditional(ready),
        MissionStart::Released,
    ]
}

fn progress(status: &str) -> FlighttaskProgress {
    let status = Some(JobStatus::from_word(status));
    let output = FlightOutput { status, ..FlightOutput::default() };
    FlighttaskProgress { output: Some(output), ..Default::default() }
}

fn reason() -> Reason {
    Reason::new("test", "a reason of a test")
}

/// A mission and what its owner would know of its orders.
struct Walk {
    rng: fastrand::Rng,
    ms: u64,
    mission: Mission,
    to_give: Option<Order>,
    given: Option<Order>,
}

impl Walk {
    fn new(mut rng: fastrand::Rng) -> Self {
        let start = rng.choice(starts()).unwrap();
        let now = Now { mono: MonoMs(0), wall: WallMs(T - 20 * 60_000) };
        if rng.u8(..50) == 0 {
            let mission = Mission::refuse(now, request(start), reason());
            return Self { rng, ms: 0, mission, to_give: None, given: None };
        }
        let to_give = match start {
            MissionStart::Immediate | MissionStart::Released => Some(Order::Prepare),
            MissionStart::Timed { .. } | MissionStart::Conditional(_) => None,
        };
        let mission = Mission::accept(now, request(start));
        Self { rng, ms: 0, mission, to_give, given: None }
    }

    fn now(&self) -> Now {
        let wall = WallMs((T - 20 * 60_000).saturating_add_unsigned(self.ms));
        Now { mono: MonoMs(self.ms), wall }
    }

    fn reached(&self) -> Reached {
        match self.given {
            None => Reached::Nothing,
            Some(Order::Prepare) => Reached::Prepare,
            Some(Order::Execute) => Reached::Execute,
        }
    }

    fn give(&mut self, order: Order) {
        self.mission.on_given(self.now(), order, CommandId(Uuid::from_u128(u128::from(self.ms))));
        self.given = Some(order);
    }

    fn end_order(&mut self) {
        let Some(order) = self.given else { return };
        let refused = OrderEnd::Refused { verdict: Verdict::Rejected, reason: reason() };
        let end = match self.rng.u8(..6) {
            0..3 => OrderEnd::Taken,
            3 => refused,
            4 => OrderEnd::Unknown(reason()),
            _ if self.mission.is_for_later() => OrderEnd::NotSent(reason()),
            _ => refused,
        };
        let is_open = !self.mission.is_ended();
        let not_sent = matches!(end, OrderEnd::NotSent(_));
        let next = self.mission.on_order(self.now(), order, end);
        if let Next::Give(order) = next {
            self.to_give = Some(order);
        }
        if not_sent && is_open && self.mission.execute_command().is_none() {
            self.given = self.mission.prepare_command().map(|_| Order::Prepare);
        }
    }

    fn step(&mut self) {
        let (now, reached) = (self.now(), self.reached());
        match self.rng.u8(..16) {
            0..3 => {
                if let Some(order) = self.to_give.take().filter(|_| !self.mission.is_ended()) {
                    return self.give(order);
                }
                match self.mission.wish(now) {
                    Wish::Give { order, .. } => self.give(order),
                    Wish::Expire => _ = self.mission.expire(now),
                    Wish::Wait(_) | Wish::Nothing => {}
                }
            }
            3..6 => self.end_order(),
            6..8 => {
                let words =
                    ["in_progress", "in_progress", "paused", "ok", "failed", "partially_done", "x"];
                let word = self.rng.choice(words).unwrap();
                self.mission.on_progress(now, &progress(word), reached);
            }
            8 => _ = self.mission.on_resource_request(now, reached),
            9 => {
                let action = self.rng.choice([MissionAction::Cancel, MissionAction::Release]);
                drop(self.mission.on_control(now, action.unwrap(), "operator"));
            }
            10 => _ = self.mission.on_ready(now),
            11 if self.rng.bool() => _ = self.mission.on_hovering(now, reason()),
            11 => _ = self.mission.on_returning(now),
            12 => self.settle(now),
            13 => self.restart(now),
            14 if *self.mission.state == State::Scheduled && self.rng.u8(..8) == 0 => {
                _ = self.mission.reject(now, reason());
            }
            _ => self.pass(),
        }
    }

    fn settle(&mut self, now: Now) {
        if self.rng.bool() {
            let took_off = self.rng.bool();
            _ = self.mission.on_settled(now, took_off);
        } else if self.mission.can_be_settled() {
            let resolution = Resolution {
                subject: Subject::Mission(self.mission.request().mission_id),
                sn: DeviceSn::new("D1").unwrap(),
                outcome: ResolvedOutcome::Succeeded,
                note: "seen".into(),
                resolved_by: "operator".into(),
            };
            _ = self.mission.on_resolved(now, &resolution);
        }
    }

    fn restart(&mut self, now: Now) {
        let mission = &self.mission;
        let (request, status) = (mission.request().clone(), mission.status().clone());
        let (prepare, execute) = (mission.prepare_command(), mission.execute_command());
        let may_have_left = self.rng.bool();
        self.mission = Mission::restore(now, request, status, prepare, execute, may_have_left);
        self.to_give = None;
    }

    fn pass(&mut self) {
        self.ms += match self.mission.wish(self.now()) {
            Wish::Wait(until) if self.rng.bool() => {
                u64::try_from(until.since_ms(self.now().wall)).unwrap_or(0)
            }
            _ if self.rng.u8(..8) == 0 => 7_200_000,
            Wish::Wait(_) | Wish::Give { .. } | Wish::Expire | Wish::Nothing => {
                self.rng.u64(1..400_000)
            }
        };
        let seen = self.rng.choice([Seen::Idle, Seen::Out, Seen::Nothing]).unwrap();
        self.mission.on_silence(self.now(), seen);
    }
}

#[test]
fn only_the_docks_word_ends_a_flight_as_the_docks() {
    let now = Now { mono: MonoMs(0), wall: WallMs(T - 20 * 60_000) };
    let starting = || {
        let mut mission = Mission::accept(now, request(MissionStart::Immediate));
        mission.on_given(now, Order::Prepare, CommandId(Uuid::from_u128(2)));
        mission.on_given(now, Order::Execute, CommandId(Uuid::from_u128(3)));
        mission
    };
    for word in ["ok", "partially_done", "failed", "rejected", "canceled", "timeout"] {
        let next = starting().on_progress(now, &progress(word), Reached::Execute);
        assert_eq!(next, Next::EndedByDock, "{word}");
    }
    let mut mission = Mission::accept(now, request(starts()[1].clone()));
    assert_eq!(mission.expire(now), Next::Ended);
    let mut mission = Mission::accept(now, request(starts()[2].clone()));
    assert_eq!(mission.reject(now, reason()), Next::Ended);
    let mut mission = starting();
    mission.on_order(now, Order::Execute, OrderEnd::Unknown(reason()));
    assert_eq!(mission.on_settled(now, false), Next::Ended);
}

#[test]
fn every_transition_of_the_table_is_taken() {
    for seed in 0..6_000 {
        let mut walk = Walk::new(fastrand::Rng::with_seed(seed));
        for _ in 0..40 {
            walk.step();
            assert_eq!(walk.mission.state.shown(), walk.mission.status().state);
            assert_eq!(walk.mission.status().verdict.is_some(), walk.mission.is_ended());
        }
    }
    taken::assert_all(&MACHINE);
}
