//! The process's own state for the API: threads, loop, broker, what devices say beyond the documents.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fleet_api::{
    BrokerState, Check, History, LogState, LoopState, SlowTask, Stalls, StoreState, SystemSource,
    UnknownCount, media::Media,
};
use fleet_bus::Bus;
use fleet_types::{DeviceSn, WallMs, topic::DeviceDrift};
use tokio::sync::mpsc;

use super::{
    fleet::Fleet, history::StoredHistory, recovery::DatabaseView, split::api::Seen,
    store::StoreView,
};
use crate::{config::BrokerMode, logging, stall};

/// Counters beyond this have gone around.
const STAT_MAX: f64 = 9e15;
/// Statistics of the broker kept by name.
const STATS_MAX: usize = 128;

/// What `GET /system` and readiness look at.
pub struct System {
    health: stall::LoopHealth,
    /// Of a process that owns docks.
    fleet: Option<Arc<Fleet>>,
    /// Of one that does not: how the one that does is seen.
    link: Option<(Seen, Option<DatabaseView>)>,
    broker_kind: &'static str,
    stats: Mutex<BTreeMap<&'static str, f64>>,
    drift: Mutex<BTreeMap<DeviceSn, Arc<DeviceDrift>>>,
    /// Tells the alarms which docks were removed.
    forgotten: mpsc::Sender<DeviceSn>,
    store: Option<StoreView>,
    /// What docks uploaded, where it is kept.
    media: Option<Arc<dyn Media>>,
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
        media: Option<Arc<dyn Media>>,
    ) -> Self {
        let broker_kind = match mode {
            BrokerMode::Embedded => "embedded",
            BrokerMode::External => "external",
        };
        let (stats, drift) = (Mutex::default(), Mutex::default());
        let (fleet, link) = (Some(fleet), None);
        Self { health, fleet, link, broker_kind, stats, drift, forgotten, store, media }
    }

    /// Of a process that owns no docks.
    #[must_use]
    pub fn apart(health: stall::LoopHealth, seen: Seen, database: Option<DatabaseView>) -> Self {
        let (stats, drift) = (Mutex::default(), Mutex::default());
        // No dock is removed here.
        let (forgotten, _) = mpsc::channel(1);
        let (link, broker_kind) = (Some((seen, database)), "external");
        let (fleet, store, media) = (None, None, None);
        Self { health, fleet, link, broker_kind, stats, drift, forgotten, store, media }
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
        if let Some((seen, _)) = &self.link {
            return seen.broker();
        }
        let stats = lock(&self.stats);
        let stats = stats.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        BrokerState { kind: self.broker_kind.to_owned(), stats }
    }

    fn commander(&self) -> Result<(), String> {
        self.link.as_ref().map_or(Ok(()), |(seen, _)| seen.commander())
    }

    fn store(&self) -> StoreState {
        if let Some((seen, _)) = &self.link {
            return seen.store();
        }
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
        if let Some((_, database)) = &self.link {
            let database = database.as_ref()?.database();
            return Some(Arc::new(StoredHistory(database)));
        }
        self.store.as_ref().map(StoreView::history)
    }

    fn media(&self) -> Option<Arc<dyn Media>> {
        self.media.clone()
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
        let mut checks = vec![Check {
            name: "one_thread".to_owned(),
            ok: threads == 1,
            detail: format!("{threads} thread(s)"),
        }];
        let check = |name: &str, ok, detail| Check { name: name.to_owned(), ok, detail };
        if let Some(fleet) = &self.fleet {
            checks.push(check("fleet", true, format!("{} dock(s)", fleet.docks().len())));
        }
        for name in self.health.failed() {
            checks.push(check("component", false, format!("{name} failed and does not run")));
        }
        if let Some((seen, database)) = &self.link {
            checks.extend(seen.checks());
            if let Some((ok, detail)) = database.as_ref().map(DatabaseView::check) {
                checks.push(check("database", ok, detail));
            }
        }
        if let Some(store) = &self.store {
            let (ok, detail) = store.check();
            checks.push(Check { name: "database".to_owned(), ok, detail });
        }
        checks
    }
}
