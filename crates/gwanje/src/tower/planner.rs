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
    mission::resume,
    overlap::{self, Flight},
};
use fleet_types::{
    DeviceSn, MissionId, MissionPlan, MissionState, MissionStatus, Reason, WallMs,
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
    osd: BTreeMap<DeviceSn, Arc<DeviceOsd>>,
    /// Those that are not over.
    missions: BTreeMap<MissionId, Arc<MissionStatus>>,
}

/// Sees all docks of this tower.
#[derive(Default)]
pub struct Planner {
    picture: Mutex<Picture>,
}

impl Planner {
    /// Follows the bus and warns on missions that may meet; never ends.
    pub async fn run(self: Arc<Self>, bus: Bus) {
        let mut osd = bus.reader::<DeviceOsd>();
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
                        to_look_at.extend(self.picture().take(status));
                    }
                }
                batch = osd.take(BATCH) => {
                    let mut picture = self.picture();
                    for sample in batch {
                        picture.osd.insert(sample.sn.clone(), sample);
                    }
                }
                _ = again.tick() => to_look_at = self.picture().missions.keys().copied().collect(),
            }
            tokio::task::yield_now().await;
            let mut looked_at = 0;
            for mission_id in to_look_at {
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

    fn picture(&self) -> MutexGuard<'_, Picture> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Picture {
    /// Takes note of where a mission stands, and says which to look at because of it: all, when one
    /// came, went, took off or is to fly at another time; the one alone, when it tells of its warnings.
    fn take(&mut self, status: Arc<MissionStatus>) -> Vec<MissionId> {
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
        let is_same = before
            .as_ref()
            .is_some_and(|before| is_known && is_flying(before.state) == is_flying(status.state));
        match (is_same, before.is_some() || is_known) {
            (true, _) if before.is_some_and(|before| before.warnings == status.warnings) => {
                Vec::new()
            }
            (true, _) => vec![mission_id],
            (false, true) => self.missions.keys().copied().collect(),
            (false, false) => Vec::new(),
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
            home: self.place(&status.sn),
        }
    }

    /// A number of a device's telemetry, however old.
    fn number(&self, sn: &DeviceSn, key: &str) -> Option<f64> {
        self.osd.get(sn)?.values.get(key)?.value.as_f64()
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
        picture.take(Arc::new(status))
    }

    #[test]
    fn both_missions_that_may_meet_are_told_until_they_may_not() {
        let mut picture = Picture::default();
        let id = |number| MissionId(Uuid::from_u128(number));
        assert_eq!(picture.take(status(1, "D1", 60.0, MissionState::Scheduled)), [id(1)]);
        assert_eq!(told(&picture, 1), None, "it is alone");
        let first = picture.take(status(2, "D2", 70.0, MissionState::Scheduled));
        assert_eq!(first, [id(1), id(2)], "one more may concern every other one");
        assert_eq!(told(&picture, 1).unwrap(), ["overlap_space"]);
        assert_eq!(told(&picture, 2).unwrap(), ["overlap_space"]);
        // It shows what it was told: nothing more to say.
        assert_eq!(warned(&mut picture, 1), [id(1)]);
        assert_eq!(told(&picture, 1), None);
        // The same news again is none, and a restart that forgot is told again.
        assert_eq!(picture.take(Arc::clone(&picture.missions[&id(1)])), []);
        assert_eq!(picture.take(status(1, "D1", 60.0, MissionState::Prepared)), [id(1)]);
        assert_eq!(told(&picture, 1).unwrap(), ["overlap_space"]);
        assert_eq!(warned(&mut picture, 1), [id(1)]);
        // The other one is over.
        assert_eq!(picture.take(status(2, "D2", 70.0, MissionState::Ended)), [id(1)]);
        assert_eq!(told(&picture, 1).unwrap(), [""; 0]);
        assert_eq!(picture.take(status(2, "D2", 70.0, MissionState::Ended)), []);
    }

    #[test]
    fn many_that_say_the_same_are_said_once() {
        let mut picture = Picture::default();
        for number in 1..40 {
            let sn = if number % 2 == 0 { "D1" } else { "D2" };
            picture.take(status(number, sn, 60.0, MissionState::Scheduled));
        }
        assert_eq!(told(&picture, 1).unwrap().len(), 2, "one of its own dock, one of the other");
    }
}
