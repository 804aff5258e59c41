//! What needs a view of more than one dock: whether flights meet. It keeps a picture of the fleet from
//! the bus; what is decided over it is decided by `fleet-core`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fleet_bus::Bus;
use fleet_core::{
    mission::resume,
    overlap::{self, Flight},
};
use fleet_types::{
    DeviceSn, MissionId, MissionPlan, MissionState, MissionStatus, Reason, plan::BreakPoint,
    topic::DeviceOsd,
};

use super::clock;

/// Samples taken before other tasks get their turn.
const BATCH: usize = 256;

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
    /// Follows the bus; never ends.
    pub async fn run(self: Arc<Self>, bus: Bus) {
        let mut osd = bus.reader::<DeviceOsd>();
        let mut missions = bus.reader::<MissionStatus>();
        loop {
            tokio::select! {
                biased;
                batch = missions.take(BATCH) => {
                    let mut picture = self.picture();
                    for status in batch {
                        if status.state == MissionState::Ended {
                            picture.missions.remove(&status.mission_id);
                        } else {
                            picture.missions.insert(status.mission_id, status);
                        }
                    }
                }
                batch = osd.take(BATCH) => {
                    let mut picture = self.picture();
                    for sample in batch {
                        picture.osd.insert(sample.sn.clone(), sample);
                    }
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn picture(&self) -> MutexGuard<'_, Picture> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Picture {
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

    fn overlaps(&self, sn: &DeviceSn, plan: &MissionPlan, rth_altitude_m: u16) -> Vec<Reason> {
        let picture = self.picture();
        let own = Flight {
            sn,
            mission_id: None,
            plan,
            is_flying: false,
            rth_altitude_m,
            home: picture.place(sn),
        };
        let others: Vec<_> = picture
            .missions
            .values()
            .map(|status| Flight {
                sn: &status.sn,
                mission_id: Some(status.mission_id),
                plan: &status.plan,
                is_flying: is_flying(status.state),
                rth_altitude_m: status.rth_altitude_m,
                home: picture.place(&status.sn),
            })
            .collect();
        overlap::warnings(clock::now().wall, &own, &others)
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
