//! Health of the one event loop: how long it stalls, which task made it, and panics by name.
//!
//! [`LoopHealth`] holds the numbers; [`LoopHealth::tick`] measures them; [`LoopHealth::watch`]
//! times each poll of a named task; [`LoopHealth::spawn_named`] also catches its panic, so that a
//! panic stays in its task. It refuses to guess: a stall is only measured, a slow poll is only
//! named. Read next: [`numbers`], [`proc_status`].

mod numbers;
mod proc_status;
mod watched;

use std::{
    collections::{BTreeSet, VecDeque},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use prometheus_client::{metrics::histogram::Histogram, registry::Registry};
use tokio::{sync::mpsc, task::JoinHandle};

pub use numbers::StallMs;
pub use proc_status::{ProcStatus, proc_status, rss_kb, threads};
pub use watched::Watched;

use numbers::Buckets;

/// A poll longer than this is named in the log.
pub const SLOW_POLL: Duration = Duration::from_millis(20);
/// Slow polls kept for `GET /system`.
const SLOW_KEPT: usize = 32;
/// Warnings about slow polls in any [`WARN_WINDOW`]; the rest are counted.
const WARN_MAX: u32 = 5;
const WARN_WINDOW: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(10);
/// Names of docks' tasks begin so, and end with the serial number.
pub const DOCK_TASK: &str = "dock ";
/// Names of the sessions of DDS begin so.
const DDS_TASK: &str = "dds";
/// Names of failed components that are kept.
const FAILED_KEPT: usize = 32;
/// Panics waiting to be handled; more at once are only logged.
const PANICS_KEPT: usize = 256;

/// One poll that held the loop.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowPoll {
    /// The task.
    pub task: Arc<str>,
    /// How long, milliseconds.
    pub ms: f64,
    /// When, epoch milliseconds.
    pub at_ms: i64,
}

/// A task that panicked; it is gone, the others are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPanicked {
    /// The task.
    pub name: Arc<str>,
    /// What it said.
    pub message: String,
}

/// Stalls and slow polls so far.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopSnapshot {
    /// Stall quantiles since start, milliseconds.
    pub stall_ms: StallMs,
    /// The latest slow polls, oldest first, at most 32.
    pub slow: Vec<SlowPoll>,
}

/// Handle to the loop's numbers; clones share them.
#[derive(Clone)]
pub struct LoopHealth(Arc<Inner>);

struct Inner {
    histogram: Histogram,
    state: Mutex<State>,
    panics: mpsc::Sender<TaskPanicked>,
}

#[derive(Default)]
struct State {
    buckets: Buckets,
    slow: VecDeque<SlowPoll>,
    window_began: Option<Instant>,
    warned: u32,
    silenced: u64,
    failed: BTreeSet<Arc<str>>,
}

/// Whether others make a task of this name anew when it panicked: docks' machines and sessions of DDS.
/// Whatever else panics is gone for good.
#[must_use]
pub fn is_made_anew(name: &str) -> bool {
    [DOCK_TASK, DDS_TASK].iter().any(|prefix| name.starts_with(prefix))
}

impl LoopHealth {
    /// New numbers, and where panics of named tasks are told (bounded; a panic is logged as well).
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<TaskPanicked>) {
        let (panics, receiver) = mpsc::channel(PANICS_KEPT);
        let histogram =
            Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0]);
        (Self(Arc::new(Inner { histogram, state: Mutex::default(), panics })), receiver)
    }

    /// Registers `gwanje_loop_stall_seconds`.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Time by which the event loop came late to a timer";
        registry.register("gwanje_loop_stall_seconds", help, self.0.histogram.clone());
    }

    /// Measures stalls for as long as it is polled: how late the loop comes to a 10 ms timer.
    pub async fn tick(self) {
        loop {
            let due = tokio::time::Instant::now() + TICK;
            tokio::time::sleep_until(due).await;
            self.stalled(tokio::time::Instant::now().saturating_duration_since(due));
        }
    }

    /// Counts one measured stall.
    pub fn stalled(&self, stall: Duration) {
        self.0.histogram.observe(stall.as_secs_f64());
        self.lock().buckets.add(stall);
    }

    /// Wraps a future: polls over 20 ms are kept and warned of by name.
    pub fn watch<F: Future>(&self, name: impl Into<Arc<str>>, future: F) -> Watched<F> {
        Watched::new(name.into(), self.clone(), future)
    }

    /// Starts a task under a name. A panic ends that task alone: it is logged, told on the channel
    /// of [`LoopHealth::new`], and the handle gives `None`.
    pub fn spawn_named<F>(
        &self,
        name: impl Into<Arc<str>>,
        future: F,
    ) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        tokio::spawn(self.guarded(name.into(), future))
    }

    /// [`LoopHealth::spawn_named`] for a future that stays on a `LocalSet`.
    pub fn spawn_local_named<F>(
        &self,
        name: impl Into<Arc<str>>,
        future: F,
    ) -> JoinHandle<Option<F::Output>>
    where
        F: Future + 'static,
    {
        tokio::task::spawn_local(self.guarded(name.into(), future))
    }

    fn guarded<F: Future>(
        &self,
        name: Arc<str>,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        let health = self.clone();
        let watched = self.watch(Arc::clone(&name), future).catching();
        async move {
            match watched.await {
                Ok(output) => Some(output),
                Err(message) => {
                    tracing::error!(task = &*name, message, "task panicked");
                    health.note_failed(&name);
                    let _ = health.0.panics.try_send(TaskPanicked { name, message });
                    None
                }
            }
        }
    }

    /// Components that panicked and were not started again, by name.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        self.lock().failed.iter().map(ToString::to_string).collect()
    }

    fn note_failed(&self, name: &Arc<str>) {
        let mut state = self.lock();
        if !is_made_anew(name) && state.failed.len() < FAILED_KEPT {
            state.failed.insert(Arc::clone(name));
        }
    }

    /// What was measured so far.
    #[must_use]
    pub fn snapshot(&self) -> LoopSnapshot {
        let state = self.lock();
        let slow = state.slow.iter().cloned().collect();
        LoopSnapshot { stall_ms: state.buckets.quantiles(), slow }
    }

    /// Keeps a slow poll and warns of it, a few times in ten seconds.
    fn slow_poll(&self, task: &Arc<str>, took: Duration) {
        let ms = took.as_secs_f64() * 1000.0;
        let mut state = self.lock();
        if state.slow.len() == SLOW_KEPT {
            state.slow.pop_front();
        }
        state.slow.push_back(SlowPoll { task: Arc::clone(task), ms, at_ms: epoch_ms() });
        let now = Instant::now();
        if state.window_began.is_none_or(|began| now.duration_since(began) >= WARN_WINDOW) {
            (state.window_began, state.warned) = (Some(now), 0);
        }
        if state.warned == WARN_MAX {
            state.silenced += 1;
            return;
        }
        state.warned += 1;
        let silenced = std::mem::take(&mut state.silenced);
        drop(state);
        tracing::warn!(task = &**task, ms, silenced, "a task held the event loop");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a panic said.
#[must_use]
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(no message)").chars().take(500).collect()
}

fn epoch_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds the loop as a careless task would.
    fn hold(time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn the_task_that_holds_the_loop_is_named() {
        let (health, _panics) = LoopHealth::new();
        let ticker = tokio::spawn(health.clone().tick());
        tokio::time::sleep(Duration::from_millis(30)).await;
        health.spawn_named("quick", async { tokio::task::yield_now().await }).await.unwrap();
        health.spawn_named("dock-7", async { hold(Duration::from_millis(60)) }).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        ticker.abort();
        let snapshot = health.snapshot();
        let names: Vec<_> = snapshot.slow.iter().map(|slow| &*slow.task).collect();
        assert!(names.contains(&"dock-7") && !names.contains(&"quick"), "{snapshot:?}");
        assert!(snapshot.slow.iter().any(|slow| slow.ms >= 60.0), "{snapshot:?}");
        assert!(snapshot.stall_ms.max >= 40.0, "{snapshot:?}");
    }

    #[tokio::test]
    async fn only_the_last_slow_polls_are_kept() {
        let (health, _panics) = LoopHealth::new();
        for number in 0..40 {
            health.slow_poll(&format!("t{number}").into(), Duration::from_millis(21));
        }
        let snapshot = health.snapshot();
        assert_eq!(snapshot.slow.len(), SLOW_KEPT);
        assert_eq!(&*snapshot.slow[0].task, "t8");
    }

    #[tokio::test]
    async fn a_panic_is_told_and_stays_in_its_task() {
        let (health, mut panics) = LoopHealth::new();
        let other = health.spawn_named("other", async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            7
        });
        let planted = health.spawn_named("planted", async {
            tokio::task::yield_now().await;
            panic!("planted {}", 3)
        });
        assert_eq!(planted.await.unwrap(), None::<()>);
        let told = panics.recv().await.unwrap();
        assert_eq!((&*told.name, told.message.as_str()), ("planted", "planted 3"));
        assert_eq!(health.failed(), ["planted"]);
        let made_anew = health.spawn_named("dock 7", async { panic!("it is made anew") });
        assert_eq!(made_anew.await.unwrap(), None::<()>);
        assert_eq!(health.failed(), ["planted"]);
        assert_eq!(other.await.unwrap(), Some(7));
    }
}
