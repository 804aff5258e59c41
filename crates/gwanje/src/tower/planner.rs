//! What needs a view of more than one dock: whether flights meet. It keeps a picture of the fleet from
//! the bus and tells each mission what it may meet; what is decided over it is decided by `fleet-core`.
//! A warning is no order: nothing waits for one, and one that is lost is said again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fleet_bus::{Bus, Full};
use fleet_core::{
    dispatch::{self, Candidate},
    mission::resume,
    overlap::{self, Flight},
    preflight::{Limits, say},
    session::STALE_AFTER_MS,
};
use fleet_types::{
    DeviceSn, DeviceStatus, MissionId, MissionPlan, MissionState, MissionStatus, Reason, Scalar,
    WallMs,
    device::{Activity, Connection},
    dispatch::{DispatchChoice, DispatchTarget},
    plan::{BreakPoint, MissionAction, MissionControl},
    topic::DeviceOsd,
};

use super::clock;

/// Samples taken before other tasks get their turn.
const BATCH: usize = 256;
/// Missions looked at before other tasks get their turn.
const LOOKS: usize = 32;
/// Flights grow longer and times come nearer without anybody saying so: all are looked at anew.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// Warnings shown on one mission; where there are more the rest adds nothing.
const WARNINGS_MAX: usize = 8;
/// Who says so, on record of the bus.
const PLANNER: &str = "service_platform.planner";

/// The fleet as last told, by what the planner needs of it.
#[derive(Default)]
struct Picture {
    /// Where telemetry is looked at when it is needed: of every report it would be far too much.
    bus: Bus,
    /// Those that are not over.
    missions: BTreeMap<MissionId, Arc<MissionStatus>>,
    /// Where docks with missions stand, as far as known: found once, for all comparisons.
    homes: BTreeMap<DeviceSn, Option<(f64, f64)>>,
}

/// A flight that is planned and of which there is no mission.
pub(super) struct PlannedFlight {
    pub(super) sn: DeviceSn,
    pub(super) plan: MissionPlan,
    pub(super) rth_altitude_m: u16,
}

/// Sees all docks of this tower.
pub struct Planner {
    limits: Limits,
    picture: Mutex<Picture>,
}

impl Planner {
    /// Knows nothing yet. `limits` are what the site asks of a flight.
    #[must_use]
    pub fn new(limits: Limits, bus: Bus) -> Self {
        Self { limits, picture: Mutex::new(Picture { bus, ..Picture::default() }) }
    }

    /// Follows the bus and, where `warns`, warns on missions that may meet; never ends. One process of a
    /// tower warns, the others look.
    pub async fn run(self: Arc<Self>, warns: bool) {
        let bus = self.picture().bus.clone();
        let mut missions = bus.reader::<MissionStatus>();
        let controls = bus.writer::<MissionControl>();
        let mut again = tokio::time::interval(LOOK_AGAIN);
        again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut to_look_at = BTreeSet::new();
            tokio::select! {
                biased;
                batch = missions.take(BATCH) => {
                    for status in batch {
                        to_look_at.extend(self.picture().take(clock::now().wall, status));
                    }
                }
                _ = again.tick() => to_look_at = self.picture().all_anew(),
            }
            tokio::task::yield_now().await;
            let mut looked_at = 0;
            for mission_id in to_look_at.into_iter().filter(|_| warns) {
                let news = self.picture().news(clock::now().wall, mission_id);
                // Dropped when the bus is full: the next look says it again.
                if let Some(Err(Full(lost))) = news.map(|control| controls.try_write(control)) {
                    tracing::debug!(mission_id = %lost.mission_id, "a warning waits for the bus");
                }
                looked_at += 1;
                if looked_at % LOOKS == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// What speaks against flights that are planned: each other, and missions that are there. With when
    /// each of them is over.
    pub(super) fn among(&self, planned: &[PlannedFlight]) -> Vec<(WallMs, Vec<Reason>)> {
        let (now, picture) = (clock::now().wall, self.picture());
        let flights: Vec<_> = planned
            .iter()
            .map(|of| Flight {
                sn: &of.sn,
                mission_id: None,
                plan: &of.plan,
                is_flying: false,
                rth_altitude_m: of.rth_altitude_m,
                home: picture.place(&of.sn),
            })
            .collect();
        let there: Vec<_> =
            picture.missions.values().map(|status| picture.flight(status)).collect();
        let found = overlap::among(now, &flights, &there, WARNINGS_MAX);
        flights.iter().map(|flight| overlap::until(now, flight)).zip(found).collect()
    }

    fn picture(&self) -> MutexGuard<'_, Picture> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Picture {
    /// Every mission, with the docks where they stand by now.
    fn all_anew(&mut self) -> BTreeSet<MissionId> {
        let docks: BTreeSet<_> = self.missions.values().map(|status| status.sn.clone()).collect();
        self.homes = docks.into_iter().map(|sn| (sn.clone(), self.place(&sn))).collect();
        self.missions.keys().copied().collect()
    }

    /// Takes note of where a mission stands, and says which to look at because of it: when it came,
    /// went or took off, those that it may meet and those that are warned of any; the one alone, when
    /// it tells of its warnings.
    fn take(&mut self, now: WallMs, status: Arc<MissionStatus>) -> Vec<MissionId> {
        let mission_id = status.mission_id;
        let before = match status.state {
            MissionState::Ended => self.missions.remove(&mission_id),
            MissionState::Scheduled
            | MissionState::Preparing
            | MissionState::Prepared
            | MissionState::Ready
            | MissionState::Starting
            | MissionState::Executing
            | MissionState::Paused
            | MissionState::Hovering
            | MissionState::Unknown => self.missions.insert(mission_id, Arc::clone(&status)),
        };
        let is_known = self.missions.contains_key(&mission_id);
        if is_known && before.is_none() {
            let home = self.place(&status.sn);
            self.homes.entry(status.sn.clone()).or_insert(home);
        }
        match before {
            Some(before) if is_known && is_flying(before.state) == is_flying(status.state) => {
                let is_news = before.warnings != status.warnings;
                is_news.then_some(mission_id).into_iter().collect()
            }
            None if !is_known => Vec::new(),
            Some(_) | None => {
                let own = self.flight(&status);
                let is_concerned = |other: &&Arc<MissionStatus>| {
                    other.mission_id == mission_id
                        || !other.warnings.is_empty()
                        || overlap::against(now, &own, &self.flight(other)).is_some()
                };
                let others = self.missions.values().filter(is_concerned);
                others.map(|other| other.mission_id).collect()
            }
        }
    }

    /// What a mission is to be told, if it shows something else.
    fn news(&self, now: WallMs, mission_id: MissionId) -> Option<MissionControl> {
        let status = self.missions.get(&mission_id)?;
        let own = self.flight(status);
        let others = self.missions.values().filter(|other| other.mission_id != mission_id);
        let found = others.filter_map(|other| overlap::against(now, &own, &self.flight(other)));
        let mut warnings: Vec<Reason> = Vec::new();
        for warning in found {
            // Several missions of one dock may say the same.
            if warnings.len() < WARNINGS_MAX && !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        (warnings != status.warnings).then(|| MissionControl {
            mission_id,
            sn: status.sn.clone(),
            action: MissionAction::Warn(warnings),
            issued_by: PLANNER.to_owned(),
        })
    }

    fn flight<'a>(&self, status: &'a MissionStatus) -> Flight<'a> {
        Flight {
            sn: &status.sn,
            mission_id: Some(status.mission_id),
            plan: &status.plan,
            is_flying: is_flying(status.state),
            rth_altitude_m: status.rth_altitude_m,
            // One that was not heard when it was looked for may have been since.
            home: self.homes.get(&status.sn).copied().flatten().or_else(|| self.place(&status.sn)),
        }
    }

    /// The newest telemetry of a device.
    fn osd(&self, sn: &DeviceSn) -> Option<Arc<DeviceOsd>> {
        self.bus.latest(sn.as_str())
    }

    /// A number of a device's telemetry, however old.
    fn number(&self, sn: &DeviceSn, key: &str) -> Option<f64> {
        self.osd(sn)?.values.get(key)?.value.as_f64()
    }

    /// A value of a dock's telemetry that was heard lately enough to decide by.
    fn fresh(now: WallMs, osd: Option<&DeviceOsd>, key: &str) -> Option<Scalar> {
        let reading = osd?.values.get(key)?;
        let age_ms = now.since_ms(reading.received_ms).unsigned_abs();
        (age_ms < STALE_AFTER_MS).then(|| reading.value.clone())
    }

    /// A dock as far as the choice of one needs it.
    fn candidate(&self, now: WallMs, status: &DeviceStatus) -> Candidate {
        let sn = &status.sn;
        let osd = self.osd(sn);
        let fresh = |key: &str| Self::fresh(now, osd.as_deref(), key);
        let number = |key: &str| fresh(key).and_then(|value| value.as_f64());
        // Codes and switches: whether an aircraft is inside is a yes or no.
        let code = |key: &str| fresh(key).and_then(|value| value.as_i64());
        Candidate {
            sn: sn.clone(),
            place: self.place(sn),
            battery_percent: number("drone_charge_state.capacity_percent"),
            wind_mps: number("wind_speed"),
            rain: code("rainfall"),
            busy: busy(status, code("drone_in_dock"), code("emergency_stop_state")),
        }
    }

    /// Where a dock stands.
    fn place(&self, sn: &DeviceSn) -> Option<(f64, f64)> {
        Some((self.number(sn, "latitude")?, self.number(sn, "longitude")?))
    }
}

impl fleet_api::Planning for Planner {
    fn resume_point(&self, status: &MissionStatus) -> Result<BreakPoint, Reason> {
        resume::from_mission(status)
    }

    fn overlaps(
        &self,
        own: Option<MissionId>,
        sn: &DeviceSn,
        plan: &MissionPlan,
        rth_altitude_m: u16,
    ) -> Vec<Reason> {
        let picture = self.picture();
        let home = picture.place(sn);
        let own = Flight { sn, mission_id: own, plan, is_flying: false, rth_altitude_m, home };
        let others: Vec<_> =
            picture.missions.values().map(|status| picture.flight(status)).collect();
        let mut found = overlap::warnings(clock::now().wall, &own, &others);
        found.truncate(WARNINGS_MAX);
        found
    }

    fn dispatch(
        &self,
        docks: &[Arc<DeviceStatus>],
        target: &DispatchTarget,
    ) -> Vec<DispatchChoice> {
        let (now, picture) = (clock::now().wall, self.picture());
        let candidates: Vec<_> =
            docks.iter().map(|status| picture.candidate(now, status)).collect();
        dispatch::rank(target, &candidates, &self.limits)
    }
}

/// What keeps a dock from flying now, whatever the place.
fn busy(status: &DeviceStatus, in_dock: Option<i64>, emergency_stop: Option<i64>) -> Vec<Reason> {
    let is_idle = matches!(status.activity, Activity::Idle | Activity::Standby);
    let found = [
        (status.connection != Connection::Online).then(|| {
            say("dock_offline", "The dock is not connected.", "도크가 연결되어 있지 않습니다.")
        }),
        status.flight_lock.as_ref().map(|_| {
            say(
                "flight_locked",
                "Whether its last take-off was followed is not known: it is locked for new flights.",
                "결과를 모르는 이륙 지시가 있어 새 비행이 잠겨 있습니다.",
            )
        }),
        status.mission_id.map(|_| {
            say("mission_active", "It flies a mission.", "임무가 진행 중입니다.")
        }),
        (status.mission_id.is_none() && !is_idle).then(|| {
            say("dock_busy", "The dock is doing something else.", "도크가 다른 작업을 하고 있습니다.")
        }),
        (in_dock != Some(1)).then(|| {
            say(
                "aircraft_out",
                "Its aircraft is not known to be inside.",
                "기체가 도크 안에 있는지 확인되지 않습니다.",
            )
        }),
        (emergency_stop != Some(0)).then(|| {
            say(
                "emergency_stop",
                "Its emergency stop is pressed, or not known to be released.",
                "비상 정지가 눌려 있거나 풀렸는지 알 수 없습니다.",
            )
        }),
    ];
    found.into_iter().flatten().collect()
}

fn is_flying(state: MissionState) -> bool {
    match state {
        MissionState::Starting
        | MissionState::Executing
        | MissionState::Paused
        | MissionState::Hovering
        | MissionState::Unknown => true,
        MissionState::Scheduled
        | MissionState::Preparing
        | MissionState::Prepared
        | MissionState::Ready
        | MissionState::Ended => false,
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::{
        IdempotencyKey, MissionRequest, RequestId, TraceId,
        id::WaylineId,
        mission::LostLinkAction,
        plan::{FlightBox, MissionStart},
    };
    use uuid::Uuid;

    use super::*;

    fn status(number: u128, sn: &str, low_m: f64, state: MissionState) -> Arc<MissionStatus> {
        let id = Uuid::from_u128(number);
        let flight_box = FlightBox {
            south: 37.5,
            west: 126.9,
            north: 37.505,
            east: 126.91,
            low_m,
            high_m: low_m + 20.0,
            duration_s: 600.0,
        };
        let plan = MissionPlan {
            flight_box: Some(flight_box),
            start: MissionStart::Timed { execute_ms: WallMs(1_000) },
            ..MissionPlan::default()
        };
        let request = MissionRequest {
            mission_id: MissionId(id),
            trace_id: TraceId(id),
            request_id: RequestId(id),
            sn: DeviceSn::new(sn).unwrap(),
            wayline_id: WaylineId(id),
            wayline_name: "quay".into(),
            waypoint_count: 3,
            file_url: String::new(),
            file_md5: String::new(),
            rth_altitude_m: 80,
            lost_link_action: LostLinkAction::ReturnHome,
            exit_wayline_when_link_lost: false,
            idempotency_key: IdempotencyKey::new("k").unwrap(),
            expires_in_ms: 30_000,
            issued_by: "operator".into(),
            plan,
        };
        Arc::new(MissionStatus { state, ..MissionStatus::taken(WallMs(0), &request) })
    }

    fn told(picture: &Picture, number: u128) -> Option<Vec<String>> {
        let news = picture.news(WallMs(0), MissionId(Uuid::from_u128(number)))?;
        let MissionAction::Warn(warnings) = news.action else { panic!("{news:?}") };
        Some(warnings.into_iter().map(|reason| reason.code.into_owned()).collect())
    }

    fn warned(picture: &mut Picture, number: u128) -> Vec<MissionId> {
        let id = MissionId(Uuid::from_u128(number));
        let news = picture.news(WallMs(0), id).unwrap();
        let MissionAction::Warn(warnings) = news.action else { panic!("{news:?}") };
        let status = MissionStatus { warnings, ..MissionStatus::clone(&picture.missions[&id]) };
        picture.take(WallMs(0), Arc::new(status))
    }

    #[test]
    fn both_missions_that_may_meet_are_told_until_they_may_not() {
        let mut picture = Picture::default();
        let id = |number| MissionId(Uuid::from_u128(number));
        assert_eq!(
            picture.take(WallMs(0), status(1, "D1", 60.0, MissionState::Scheduled)),
            [id(1)]
        );
        assert_eq!(told(&picture, 1), None, "it is alone");
        let first = picture.take(WallMs(0), status(2, "D2", 70.0, MissionState::Scheduled));
        assert_eq!(first, [id(1), id(2)], "those that it may meet");
        let mut elsewhere = MissionStatus::clone(&status(3, "D3", 60.0, MissionState::Scheduled));
        elsewhere.plan.flight_box = None;
        assert_eq!(picture.take(WallMs(0), Arc::new(elsewhere)), [id(3)], "nobody else's concern");
        assert_eq!(
            picture.take(WallMs(0), status(3, "D3", 60.0, MissionState::Ended)),
            [id(1), id(2)]
        );
        assert_eq!(told(&picture, 1).unwrap(), ["overlap_space"]);
        assert_eq!(told(&picture, 2).unwrap(), ["overlap_space"]);
        // It shows what it was told: nothing more to say.
        assert_eq!(warned(&mut picture, 1), [id(1)]);
        assert_eq!(told(&picture, 1), None);
        // The same news again is none, and a restart that forgot is told again.
        assert_eq!(picture.take(WallMs(0), Arc::clone(&picture.missions[&id(1)])), []);
        assert_eq!(picture.take(WallMs(0), status(1, "D1", 60.0, MissionState::Prepared)), [id(1)]);
        assert_eq!(told(&picture, 1).unwrap(), ["overlap_space"]);
        assert_eq!(warned(&mut picture, 1), [id(1)]);
        // The other one is over.
        assert_eq!(picture.take(WallMs(0), status(2, "D2", 70.0, MissionState::Ended)), [id(1)]);
        assert_eq!(told(&picture, 1).unwrap(), [""; 0]);
        assert_eq!(picture.take(WallMs(0), status(2, "D2", 70.0, MissionState::Ended)), []);
    }

    #[test]
    fn a_dock_says_everything_that_keeps_it_from_flying() {
        let mut dock = DeviceStatus {
            sn: DeviceSn::new("D1").unwrap(),
            class: fleet_types::DeviceClass::Dock,
            name: String::new(),
            model: String::new(),
            gateway_sn: None,
            children: Vec::new(),
            connection: Connection::Online,
            phase: None,
            reason: None,
            activity: Activity::Idle,
            since_ms: WallMs(0),
            last_heard_ms: None,
            clock_skew_ms: None,
            firmware: None,
            mission_id: None,
            flight_lock: None,
            unknown_count: 0,
            authority: fleet_types::authority::DeviceAuthority::default(),
        };
        let codes = |dock: &DeviceStatus, in_dock, stop| -> Vec<_> {
            busy(dock, in_dock, stop).into_iter().map(|reason| reason.code.into_owned()).collect()
        };
        assert_eq!(codes(&dock, Some(1), Some(0)), [""; 0]);
        assert_eq!(codes(&dock, Some(0), Some(1)), ["aircraft_out", "emergency_stop"]);
        assert_eq!(
            codes(&dock, None, None),
            ["aircraft_out", "emergency_stop"],
            "silence is no yes"
        );
        dock.activity = Activity::RemoteDebugging;
        assert_eq!(codes(&dock, Some(1), Some(0)), ["dock_busy"]);
        (dock.connection, dock.mission_id) = (Connection::Stale, Some(MissionId(Uuid::nil())));
        assert_eq!(codes(&dock, Some(1), Some(0)), ["dock_offline", "mission_active"]);
        // Of a dock that was never heard nothing is known: it is not proposed, and says why.
        let planner = Planner::new(Limits::default(), Bus::new());
        let target = DispatchTarget::Point { latitude: 37.5, longitude: 126.9 };
        let choices = fleet_api::Planning::dispatch(&planner, &[Arc::new(dock)], &target);
        assert_eq!((choices.len(), choices[0].rank), (1, None));
        let says = |code: &str| choices[0].why_not.iter().any(|reason| reason.code == code);
        assert!(says("place_unknown") && says("facts_unknown") && says("dock_offline"));
    }

    #[test]
    fn many_that_say_the_same_are_said_once() {
        let mut picture = Picture::default();
        for number in 1..40 {
            let sn = if number % 2 == 0 { "D1" } else { "D2" };
            picture.take(WallMs(0), status(number, sn, 60.0, MissionState::Scheduled));
        }
        assert_eq!(told(&picture, 1).unwrap().len(), 2, "one of its own dock, one of the other");
    }
}
