//! Simulated docks of a test: enrolled over the API, run inside the test, and asked afterwards what
//! they truly did.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use fleet_sim::{Credentials, DockIdentity, GroundTruth, SimConfig, SimFleet};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{
    http::{self, Answer},
    site::{SOON, Site, until_within},
};

/// Flights take seconds instead of minutes.
const SPEED: f64 = 40.0;
const SEED: u64 = 11;

/// The docks of a site.
pub(crate) struct Docks {
    pub(crate) fleet: SimFleet,
    pub(crate) ids: Vec<DockIdentity>,
}

impl Docks {
    /// Enrols docks, starts them and waits until the tower shows them online.
    pub(crate) async fn online(site: &Site, count: u32, faults: &str) -> Self {
        let docks = Self::start(site, count, faults).await;
        docks.until_online(site).await;
        docks
    }

    /// See [`Docks::online`]; aircraft fly this many times faster than life.
    pub(crate) async fn online_at(site: &Site, count: u32, faults: &str, speed: f64) -> Self {
        let docks = Self::start_at(site, count, faults, speed).await;
        docks.until_online(site).await;
        docks
    }

    /// Who a dock will be, before it is enrolled.
    pub(crate) fn identity(index: u32) -> fleet_sim::DockIdentity {
        let mut ids = fleet_sim::identities(index + 1, SEED);
        ids.swap_remove(index as usize)
    }

    /// Enrols docks and starts them.
    pub(crate) async fn start(site: &Site, count: u32, faults: &str) -> Self {
        Self::start_at(site, count, faults, SPEED).await
    }

    async fn start_at(site: &Site, count: u32, faults: &str, speed: f64) -> Self {
        let ids = fleet_sim::identities(count, SEED);
        let mut passwords = BTreeMap::new();
        for some in ids.chunks(8) {
            let enrolled = join_all(
                some.iter()
                    .map(async |dock| (dock.dock_sn.clone(), site.enrol(&dock.dock_sn).await)),
            );
            passwords.extend(enrolled.await);
        }
        let cfg = SimConfig {
            credentials: Credentials::PerDock(passwords),
            faults: faults.parse().unwrap(),
            speed,
            ..SimConfig::new(site.mqtt, count, SEED)
        };
        Self { fleet: SimFleet::start(cfg).unwrap(), ids }
    }

    /// Waits until every dock and aircraft is online and idle, and its telemetry is whole enough to
    /// judge by.
    pub(crate) async fn until_online(&self, site: &Site) {
        let all: Vec<usize> = (0..self.ids.len()).collect();
        self.until_ready(site, &all).await;
    }

    /// See [`Docks::until_online`]; for some docks.
    pub(crate) async fn until_ready(&self, site: &Site, some: &[usize]) {
        // The broker writes down each new aircraft's rights by itself.
        let within = SOON + Duration::from_millis(300) * u32::try_from(some.len()).unwrap();
        until_within(within, "docks to be online", async || {
            let Ok(answer) = site.try_call("GET", "/api/v1/devices", &Value::Null).await else {
                return Err("no answer".to_owned());
            };
            let answer = answer.json();
            let devices: BTreeMap<_, _> = answer["devices"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|device| (device["sn"].as_str().unwrap_or_default(), device))
                .collect();
            let is = |sn: &str, activity: &str| {
                devices.get(sn).is_some_and(|device| {
                    device["connection"] == "online" && device["activity"] == activity
                })
            };
            for index in some {
                let dock = &self.ids[*index];
                if !is(&dock.dock_sn, "idle") || !is(&dock.aircraft_sn, "standby") {
                    let missing =
                        [&dock.dock_sn, &dock.aircraft_sn].map(|sn| devices.get(sn.as_str()));
                    return Err(format!("{missing:?}"));
                }
            }
            Ok(())
        })
        .await;
    }

    /// Waits until every dock is online, in whatever mode it was left.
    pub(crate) async fn until_online_again(&self, site: &Site) {
        let since = super::raw_dock::now_ms();
        site.until("docks to be back", "/api/v1/devices", |answer| {
            let devices = answer["devices"].as_array().unwrap();
            let is_back = |device: &&Value| {
                device["connection"] == "online" && device["last_heard_ms"].as_i64() > Some(since)
            };
            devices.iter().filter(is_back).count() == 2 * self.ids.len()
        })
        .await;
    }

    pub(crate) fn sn(&self, index: usize) -> &str {
        &self.ids[index].dock_sn
    }

    pub(crate) fn truth(&self, index: usize) -> GroundTruth {
        self.fleet.ground_truth(index).unwrap()
    }

    /// Uploads the demonstration mission of a dock.
    pub(crate) async fn upload(&self, site: &Site, index: usize) -> Value {
        let kmz = fleet_sim::demo_mission(&self.ids[index]).to_kmz().unwrap();
        let bearer = format!("Bearer {}", site.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/vnd.google-earth.kmz"),
        ];
        let path = "/api/v1/waylines?name=Survey";
        let sent = http::send(site.api, "POST", path, &headers, Bytes::from(kmz)).await;
        sent.unwrap().is(201)
    }

    /// Asks for the demonstration mission of a dock.
    pub(crate) async fn fly(&self, site: &Site, index: usize, key: &str) -> Answer {
        let wayline = self.upload(site, index).await;
        self.order(site, index, &wayline, key).await
    }

    /// Asks for a mission of an uploaded file.
    pub(crate) async fn order(
        &self,
        site: &Site,
        index: usize,
        wayline: &Value,
        key: &str,
    ) -> Answer {
        let body = json!({
            "sn": self.sn(index),
            "wayline_id": wayline["wayline_id"],
            "rth_altitude_m": 100,
            "lost_link_action": "return_home",
            "idempotency_key": key,
        });
        site.post("/api/v1/missions", &body).await
    }

    /// The page of a dock.
    pub(crate) async fn page(&self, site: &Site, index: usize) -> Value {
        site.get(&format!("/api/v1/devices/{}", self.sn(index))).await.is(200)
    }

    /// Switches remote debugging on and waits until the dock shows it.
    pub(crate) async fn debug(&self, site: &Site, index: usize) {
        let key = format!("debug-{index}");
        let taken = site.command(self.sn(index), "debug_mode_open", &key).await.is(202);
        site.until_command(&taken, &["succeeded"]).await;
    }
}

/// Waits until a mission `fits`.
pub(crate) async fn until_mission(
    site: &Site,
    taken: &Value,
    what: &str,
    fits: impl Fn(&Value) -> bool,
) -> Value {
    let id = taken["mission_id"].as_str().unwrap_or_else(|| panic!("no mission: {taken}"));
    let within = std::time::Duration::from_mins(2);
    site.until_within(within, what, &format!("/api/v1/missions/{id}"), fits).await
}

/// Waits until a mission is over.
pub(crate) async fn until_ended(site: &Site, taken: &Value) -> Value {
    until_mission(site, taken, "the mission's end", |mission| mission["state"] == "ended").await
}
