//! Puts device models on real MQTT: one TCP connection per dock, all on one thread.
//!
//! Each dock is one local task that polls its connection, feeds its model and carries out what the
//! model wants. The runner refuses to resolve names (addresses are IP and port) and to reconnect
//! without a growing, jittered pause.
//!
//! Read next: `dock` for one dock's task, `client` for MQTT 3.1.1 and 5, `fetch` for downloads.

mod client;
mod dock;
mod fetch;
mod tap;
mod upload;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinHandle, LocalSet};

use crate::faults::FaultPlan;
use crate::identity::{DockIdentity, Region, identities_in};
use crate::model::{DockModel, GroundTruth, ModelConfig, TelemetryRate};
use dock::DockCell;
pub use tap::Tap;

/// Which MQTT the docks speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MqttVersion {
    /// 3.1.1, as docks in the field do.
    #[default]
    V4,
    /// 5, which shows message expiry to the model.
    V5,
}

/// How docks sign in.
#[derive(Clone)]
pub enum Credentials {
    /// Without user and password.
    Anonymous,
    /// User is the dock's serial number, password from the map.
    PerDock(BTreeMap<String, String>),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::PerDock(map) => write!(f, "PerDock({} passwords)", map.len()),
        }
    }
}

/// What to simulate, and where.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Docks in the fleet, 1 to 20,000 (one source address has about 28,000 ports).
    pub docks: u32,
    /// Seed of identities and behaviour.
    pub seed: u64,
    /// Where the docks stand.
    pub region: Region,
    /// Physical seconds per second, 0.1 to 1000.
    pub speed: f64,
    /// The broker; a name is resolved by the caller.
    pub broker: SocketAddr,
    /// How docks sign in.
    pub credentials: Credentials,
    /// Misfortunes.
    pub faults: FaultPlan,
    /// How much telemetry docks send.
    pub telemetry: TelemetryRate,
    /// Sees every message before it is published.
    pub tap: Option<Tap>,
    /// Time over which the first connections are spread.
    pub ramp: Duration,
    /// MQTT version.
    pub mqtt: MqttVersion,
    /// Whether sessions are clean; real docks may keep theirs, so `false` is the default.
    pub clean_session: bool,
    /// MQTT keep-alive.
    pub keep_alive: Duration,
    /// Organisation id typed on site.
    pub organization_id: String,
    /// Binding code typed on site.
    pub binding_code: String,
}

impl SimConfig {
    /// Defaults for everything but the broker and the fleet.
    #[must_use]
    pub fn new(broker: SocketAddr, docks: u32, seed: u64) -> Self {
        let model = ModelConfig::default();
        Self {
            docks,
            seed,
            region: Region::default(),
            speed: 1.0,
            broker,
            credentials: Credentials::Anonymous,
            faults: FaultPlan::default(),
            telemetry: TelemetryRate::default(),
            tap: None,
            ramp: Duration::from_secs(2),
            mqtt: MqttVersion::default(),
            clean_session: false,
            keep_alive: Duration::from_secs(30),
            organization_id: model.organization_id,
            binding_code: model.binding_code,
        }
    }
}

/// Why a fleet cannot start.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SimError {
    /// Fleet size out of range.
    #[error("{docks} docks asked for; 1 to {MAX_DOCKS} can be simulated by one process")]
    FleetSize {
        /// The size asked for.
        docks: u32,
    },
    /// A dock has no password.
    #[error("no password for dock {sn}; enrol the fleet of this seed first")]
    NoPassword {
        /// Its serial number.
        sn: String,
    },
    /// Speed out of range.
    #[error("the speed must be a number from 0.1 to 1000")]
    Speed,
}

const MAX_DOCKS: u32 = 20_000;
const STOP_GRACE: Duration = Duration::from_secs(2);

/// What a fleet did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SimReport {
    /// Docks in the fleet.
    pub docks: usize,
    /// Docks online at the end.
    pub online: usize,
    /// MQTT connections made.
    pub connects: u64,
    /// Take-offs.
    pub take_offs: u64,
    /// Messages that could not be handed to the MQTT client.
    pub dropped: u64,
}

/// Runs a fleet until `shutdown` completes.
///
/// # Errors
/// [`SimError`] if the configuration cannot work; broker trouble is retried, not returned.
pub async fn run(
    cfg: SimConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<SimReport, SimError> {
    let local = LocalSet::new();
    local
        .run_until(async move {
            let fleet = SimFleet::start(cfg)?;
            shutdown.await;
            Ok(fleet.stop().await)
        })
        .await
}

/// A running fleet, with the hands a test needs.
#[derive(Debug)]
pub struct SimFleet {
    docks: Vec<Rc<DockCell>>,
    tasks: Vec<JoinHandle<()>>,
}

impl SimFleet {
    /// Starts all docks as local tasks; call it inside a [`LocalSet`].
    ///
    /// # Errors
    /// [`SimError`] if the configuration cannot work.
    pub fn start(cfg: SimConfig) -> Result<Self, SimError> {
        if !(1..=MAX_DOCKS).contains(&cfg.docks) {
            return Err(SimError::FleetSize { docks: cfg.docks });
        }
        if !(0.1..=1_000.0).contains(&cfg.speed) {
            return Err(SimError::Speed);
        }
        let cfg = Rc::new(cfg);
        let epoch = tokio::time::Instant::now();
        let mut docks = Vec::new();
        for identity in identities_in(cfg.region, cfg.docks, cfg.seed) {
            let password = match &cfg.credentials {
                Credentials::Anonymous => None,
                Credentials::PerDock(map) => match map.get(&identity.dock_sn) {
                    Some(password) => Some(password.clone()),
                    None => return Err(SimError::NoPassword { sn: identity.dock_sn }),
                },
            };
            let model_cfg = ModelConfig {
                speed: cfg.speed,
                faults: cfg.faults.for_dock(identity.index, cfg.seed),
                organization_id: cfg.organization_id.clone(),
                binding_code: cfg.binding_code.clone(),
                telemetry: cfg.telemetry,
                known_file: None,
                uploads: true,
            };
            let model = DockModel::new(identity, model_cfg, cfg.seed);
            docks.push(Rc::new(DockCell::new(model, password, Rc::clone(&cfg), epoch)));
        }
        let tasks =
            docks.iter().map(|dock| tokio::task::spawn_local(Rc::clone(dock).run())).collect();
        Ok(Self { docks, tasks })
    }

    /// Docks in the fleet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.docks.len()
    }

    /// Never true: a fleet has at least one dock.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.docks.is_empty()
    }

    /// Who dock `index` is.
    #[must_use]
    pub fn identity(&self, index: usize) -> Option<DockIdentity> {
        self.look(index, |model| model.identity().clone())
    }

    /// Reads something from the model of dock `index`; `None` if there is no such dock.
    pub fn look<T>(&self, index: usize, read: impl FnOnce(&DockModel) -> T) -> Option<T> {
        self.docks.get(index).map(|dock| dock.look(read))
    }

    /// What dock `index` was told and did.
    #[must_use]
    pub fn ground_truth(&self, index: usize) -> Option<GroundTruth> {
        self.look(index, |model| model.ground_truth().clone())
    }

    /// Docks that completed bring-up and are linked.
    #[must_use]
    pub fn online(&self) -> usize {
        self.docks.iter().filter(|dock| dock.look(DockModel::is_online)).count()
    }

    /// Drops the TCP connection of dock `index` without DISCONNECT and keeps it away until
    /// [`SimFleet::restart`]. The model lives on: an aircraft in the air keeps flying.
    pub fn kill(&self, index: usize) {
        if let Some(dock) = self.docks.get(index) {
            dock.kill();
        }
    }

    /// Lets a killed dock connect again.
    pub fn restart(&self, index: usize) {
        if let Some(dock) = self.docks.get(index) {
            dock.restart();
        }
    }

    /// Keeps the answers of dock `index` to commands inside the dock, or lets them out.
    pub fn hold_replies(&self, index: usize, hold: bool) {
        if let Some(dock) = self.docks.get(index) {
            dock.hold_replies(hold);
        }
    }

    /// What the fleet did so far.
    #[must_use]
    pub fn report(&self) -> SimReport {
        let mut report = SimReport { docks: self.len(), ..SimReport::default() };
        for dock in &self.docks {
            let (connects, dropped) = dock.counters();
            report.connects += connects;
            report.dropped += dropped;
            report.online += usize::from(dock.look(DockModel::is_online));
            report.take_offs += dock.look(|model| model.ground_truth().take_offs());
        }
        report
    }

    /// Says goodbye to the broker and ends all tasks.
    pub async fn stop(self) -> SimReport {
        let report = self.report();
        for dock in &self.docks {
            dock.stop();
        }
        let deadline = tokio::time::Instant::now() + STOP_GRACE;
        for mut task in self.tasks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
            }
        }
        report
    }
}
