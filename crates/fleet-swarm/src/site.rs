//! A dock with its aircraft, its MQTT library and the weather above it.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use fleet_sim::{DockIdentity, DockModel, ModelConfig, Now, TelemetryRate};
use fleet_types::DeviceSn;

use crate::kit::Kit;
use crate::net::Message;
use crate::plan::{DockPlan, EPOCH_MS, mix};
use crate::queue::Ms;

/// One dock.
#[derive(Debug)]
pub struct Site {
    /// The device: the truth of it.
    pub model: DockModel,
    /// How it was meant.
    pub plan: DockPlan,
    /// Its serial number.
    pub sn: DeviceSn,
    /// Chance around it.
    pub rng: Rng,
    /// When its timers are due, as planned.
    pub tick_at: Option<Ms>,
    /// When it last broke its own connection: a device may do that at any time, healed or not.
    pub left_at: Option<Ms>,
    /// Take-offs noticed so far.
    pub take_offs: u64,
    /// Publishes its library repeats after a reconnection.
    pub unacknowledged: BTreeMap<u64, Message>,
    /// Its health messages that hold, by code; the level of each.
    pub health: BTreeMap<&'static str, u8>,
}

impl Site {
    /// A dock at rest.
    ///
    /// # Panics
    /// Never: simulated serial numbers are valid.
    #[must_use]
    pub fn new(kit: &Kit, identity: DockIdentity, plan: DockPlan, seed: u64) -> Self {
        let sn = DeviceSn::new(&identity.dock_sn).expect("simulated serial numbers are valid");
        let purpose = u64::from(identity.index);
        let config = ModelConfig {
            speed: plan.speed,
            faults: plan.faults.clone(),
            telemetry: TelemetryRate::Lean { every_ms: plan.telemetry_ms },
            known_file: Some(Arc::clone(&kit.file)),
            ..ModelConfig::default()
        };
        Self {
            model: DockModel::new(identity, config, seed),
            plan,
            sn,
            rng: Rng::with_seed(mix(seed, 0x517E + purpose)),
            tick_at: None,
            left_at: None,
            take_offs: 0,
            unacknowledged: BTreeMap::new(),
            health: BTreeMap::new(),
        }
    }

    /// The moment as the device model is told of it.
    #[must_use]
    pub fn now(at: Ms) -> Now {
        Now { mono_ms: at, wall_ms: EPOCH_MS.saturating_add_unsigned(at) }
    }

    /// The device's clock minus true time.
    #[must_use]
    pub fn clock_skew_ms(&self) -> i64 {
        self.plan.faults.skew_ms
    }
}
