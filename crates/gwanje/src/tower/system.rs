//! The process's own state for the API: threads, loop, broker, what devices say beyond the documents.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fleet_api::{
    BrokerState, Check, History, LogState, LoopState, SlowTask, Stalls, StoreState, SystemSource,
    UnknownCount,
};
use fleet_bus::Bus;
use fleet_types::{DeviceSn, WallMs, topic::DeviceDrift};
use tokio::sync::mpsc;

use super::{fleet::Fleet, store::StoreView};
use crate::{config::BrokerMode, logging, stall};

/// Counters beyond this have gone around.
const STAT_MAX: f64 = 9e15;
/// Statistics of the broker kept by name.
const STATS_MAX: usize = 128;

/// What `GET /system` and readiness look at.
pub struct System {
    health: stall::LoopHealth,
    fleet: Arc<Fleet>,
    broker_kind: &'static str,
    stats: Mutex<BTreeMap<&'static str, f64>>,
    drift: Mutex<BTreeMap<DeviceSn, Arc<DeviceDrift>>>,
    /// Tells the alarms which docks were removed.
    forgotten: mpsc::Sender<DeviceSn>,
    store: Option<StoreView>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl System {
    /// Nothing known of the broker yet.
    #[must_use]
    pub fn new(
        health: stall::LoopHealth,
        fleet: Arc<Fleet>,
        mode: BrokerMode,
        forgotten: mpsc::Sender<DeviceSn>,
        store: Option<StoreView>,
    ) -> Self {
        let broker_kind = match mode {
            BrokerMode::Embedded => "embedded",
            BrokerMode::External => "external",
        };
        let (stats, drift) = (Mutex::default(), Mutex::default());
        Self { health, fleet, broker_kind, stats, drift, forgotten, store }
    }

    /// Takes a statistic of the broker. Mosquitto's heap counter runs below zero and around: a value
    /// that no counter of ours could have is no value.
    pub fn set_stat(&self, name: &'static str, value: f64) {
        if !(0.0..STAT_MAX).contains(&value) {
            return;
        }
        let mut stats = lock(&self.stats);
        if stats.len() < STATS_MAX || stats.contains_key(name) {
            stats.insert(name, value);
        }
    }

    /// Follows what docks say beyond the documents, as long as it is polled.
    pub async fn follow_drift(self: Arc<Self>, bus: Bus) {
        let mut reader = bus.reader::<DeviceDrift>();
        loop {
            for sample in reader.take(64).await {
                lock(&self.drift).insert(sample.sn.clone(), sample);
            }
        }
    }

    /// What became of what the recorder took in; nothing without a database.
    #[must_use]
    pub fn store_counts(&self) -> Option<fleet_store::recorder::Counts> {
        self.store.as_ref().map(StoreView::counts)
    }

    /// Forgets a dock that was removed.
    pub fn forget(&self, sn: &DeviceSn) {
        lock(&self.drift).remove(sn);
        if self.forgotten.try_send(sn.clone()).is_err() {
            tracing::error!(device.sn = %sn, "the alarms of a removed dock stay until the tower restarts");
        }
    }
}

impl SystemSource for System {
    fn threads(&self) -> u32 {
        stall::threads()
    }

    fn broker(&self) -> BrokerState {
        let stats = lock(&self.stats);
        let stats = stats.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        BrokerState { kind: self.broker_kind.to_owned(), stats }
    }

    fn store(&self) -> StoreState {
        match &self.store {
            Some(store) => store.state(),
            None => StoreState {
                kind: "none".to_owned(),
                detail: "everything is in memory; a restart forgets it".to_owned(),
                ..StoreState::default()
            },
        }
    }

    fn history(&self) -> Option<Arc<dyn History>> {
        self.store.as_ref().map(StoreView::history)
    }

    fn event_loop(&self) -> LoopState {
        let snapshot = self.health.snapshot();
        let stall::StallMs { p50, p99, max } = snapshot.stall_ms;
        let slow = snapshot.slow.into_iter().map(|slow| SlowTask {
            task: slow.task.to_string(),
            ms: slow.ms,
            at_ms: WallMs(slow.at_ms),
        });
        LoopState { stall_ms: Stalls { p50, p99, max }, slow: slow.collect() }
    }

    fn log(&self) -> LogState {
        let (filter, configured) = logging::filters();
        let stats = logging::stats();
        LogState {
            filter,
            configured,
            written_bytes: stats.written_bytes,
            dropped_lines: stats.dropped_lines,
        }
    }

    fn set_log_filter(&self, filter: &str) -> Result<(), String> {
        logging::set_filter(filter)
    }

    fn unknowns(&self, sn: Option<&DeviceSn>) -> Vec<UnknownCount> {
        let drift = lock(&self.drift);
        let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        let of = |wanted: &DeviceSn| sn.is_none_or(|sn| sn == wanted);
        for sample in drift.iter().filter(|(sn, _)| of(sn)).map(|(_, sample)| sample) {
            for unknown in &sample.unknowns {
                let key = (unknown.firmware.as_str(), unknown.kind.as_str(), unknown.key.as_str());
                *counts.entry(key).or_default() += unknown.count;
            }
        }
        let count = |((firmware, kind, key), count): ((&str, &str, &str), u64)| UnknownCount {
            firmware: firmware.to_owned(),
            kind: kind.to_owned(),
            key: key.to_owned(),
            count,
        };
        counts.into_iter().map(count).collect()
    }

    fn checks(&self) -> Vec<Check> {
        let threads = self.threads();
        let docks = self.fleet.docks().len();
        let mut checks = vec![
            Check {
                name: "one_thread".to_owned(),
                ok: threads == 1,
                detail: format!("{threads} thread(s)"),
            },
            Check { name: "fleet".to_owned(), ok: true, detail: format!("{docks} dock(s)") },
        ];
        if let Some(store) = &self.store {
            let (ok, detail) = store.check();
            checks.push(Check { name: "database".to_owned(), ok, detail });
        }
        checks
    }
}
