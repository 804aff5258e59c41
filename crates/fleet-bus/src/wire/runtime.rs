//! `dust_dds` on the one event loop: its clock, its timer, its tasks.
//!
//! It starts no thread. Its tasks are started by whoever runs the process ([`Spawn`]), so that they
//! have a name and their panic is caught; a task that panicked marks its whole session dead, because
//! whoever waits for its answers would wait for ever. They are tasks of a `LocalSet`: the future that
//! makes a reader cannot go to another thread.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dust_dds::{
    infrastructure::time::Time,
    runtime::{Clock, DdsRuntime, Spawner, TaskHandle, Timer},
};
use tokio::{sync::Notify, task::AbortHandle};

/// A task of the wire, to be started by whoever runs the process.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;
/// Starts a task under a name, on the `LocalSet` of the process.
pub type Spawn = Arc<dyn Fn(&'static str, Task) -> AbortHandle + Send + Sync>;

/// The tasks of one session.
pub(super) struct Tasks {
    spawn: Spawn,
    running: Mutex<Vec<AbortHandle>>,
    is_closed: AtomicBool,
    is_dead: AtomicBool,
    died: Notify,
}

impl Tasks {
    pub(super) fn new(spawn: Spawn) -> Arc<Self> {
        Arc::new(Self {
            spawn,
            running: Mutex::default(),
            is_closed: AtomicBool::new(false),
            is_dead: AtomicBool::new(false),
            died: Notify::new(),
        })
    }

    /// Starts a task that belongs to this session.
    pub(super) fn spawn(
        self: &Arc<Self>,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) {
        let fate = Fate(Some(Arc::clone(self)));
        let task = async move {
            let mut fate = fate;
            future.await;
            // It ended by itself, which is no fault.
            fate.0 = None;
        };
        let handle = (self.spawn)(name, Box::pin(task));
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|task| !task.is_finished());
        running.push(handle);
    }

    /// Waits until a task of the session panicked.
    pub(super) async fn died(&self) {
        while !self.is_dead.load(Ordering::Relaxed) {
            self.died.notified().await;
        }
    }

    /// Ends every task. Their futures are dropped, so the session is over: nothing of it may be used.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        for task in running.drain(..) {
            task.abort();
        }
    }
}

/// Tells, when it is dropped with its task, that the task did not end by itself.
struct Fate(Option<Arc<Tasks>>);

impl Drop for Fate {
    fn drop(&mut self) {
        if let Some(tasks) = self.0.take()
            && !tasks.is_closed.load(Ordering::Relaxed)
        {
            tasks.is_dead.store(true, Ordering::Relaxed);
            tasks.died.notify_one();
        }
    }
}

/// The runtime of one session.
#[derive(Clone)]
pub(super) struct TokioRuntime(pub(super) Arc<Tasks>);

#[derive(Clone)]
pub(super) struct WallClock;

#[derive(Clone)]
pub(super) struct TokioTimer;

pub(super) struct NeverJoined;

impl DdsRuntime for TokioRuntime {
    type ClockHandle = WallClock;
    type TimerHandle = TokioTimer;
    type SpawnerHandle = Self;

    fn timer(&self) -> TokioTimer {
        TokioTimer
    }

    fn clock(&self) -> WallClock {
        WallClock
    }

    fn spawner(&self) -> Self {
        self.clone()
    }
}

impl Clock for WallClock {
    fn now(&self) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::new(i32::try_from(now.as_secs()).unwrap_or(i32::MAX), now.subsec_nanos())
    }
}

impl Timer for TokioTimer {
    fn delay(&mut self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }
}

impl Spawner for TokioRuntime {
    type TaskHandle = NeverJoined;

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> NeverJoined {
        self.0.spawn("dds", future);
        NeverJoined
    }
}

impl TaskHandle for NeverJoined {
    /// To block until another task ends would never end on one thread; sessions are closed by
    /// [`Tasks::close`] instead.
    fn join(&self) {}
}
