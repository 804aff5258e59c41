//! One dock's task: the model, its connection and its clock. Two loops share the model through a
//! cell that is never borrowed across an await. Read next: `client`, `fetch`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fastrand::Rng;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::client::{Client, Link, LinkEvent, open};
use super::{SimConfig, fetch, upload};
use crate::identity::mix;
use crate::model::{DockModel, Input, Now, Output, Qos};
use crate::photo;

const BACKOFF_MIN_MS: u64 = 500;
const BACKOFF_MAX_MS: u64 = 30_000;
/// A connection that held this long was good: the next pause is short again.
const GOOD_LINK: Duration = Duration::from_secs(20);
const GOODBYE: Duration = Duration::from_secs(1);
/// QoS 1 messages that wait for room in the client.
const BACKLOG: usize = 1_000;
const BACKLOG_RETRY: Duration = Duration::from_millis(50);

/// What the outside wants of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Run,
    /// Stay away without goodbye.
    Killed,
    /// The model wants to be away for a while.
    Away {
        polite: bool,
        ms: u64,
    },
    Stop,
}

/// A dock between its task and the hands of a test.
#[derive(Debug)]
pub(super) struct DockCell {
    cfg: Rc<SimConfig>,
    password: Option<String>,
    epoch: Instant,
    model: RefCell<DockModel>,
    client: RefCell<Option<Client>>,
    backlog: RefCell<VecDeque<(Arc<str>, Bytes)>>,
    wish: Cell<Wish>,
    model_changed: Notify,
    wish_changed: Notify,
    connects: Cell<u64>,
    dropped: Cell<u64>,
}

impl DockCell {
    pub(super) fn new(
        model: DockModel,
        password: Option<String>,
        cfg: Rc<SimConfig>,
        epoch: Instant,
    ) -> Self {
        Self {
            cfg,
            password,
            epoch,
            model: RefCell::new(model),
            client: RefCell::new(None),
            backlog: RefCell::new(VecDeque::new()),
            wish: Cell::new(Wish::Run),
            model_changed: Notify::new(),
            wish_changed: Notify::new(),
            connects: Cell::new(0),
            dropped: Cell::new(0),
        }
    }

    pub(super) fn look<T>(&self, read: impl FnOnce(&DockModel) -> T) -> T {
        read(&self.model.borrow())
    }

    pub(super) fn counters(&self) -> (u64, u64) {
        (self.connects.get(), self.dropped.get())
    }

    pub(super) fn kill(&self) {
        self.set_wish(Wish::Killed);
    }

    pub(super) fn restart(&self) {
        self.set_wish(Wish::Run);
    }

    pub(super) fn stop(&self) {
        self.set_wish(Wish::Stop);
    }

    pub(super) fn hold_replies(&self, hold: bool) {
        self.model.borrow_mut().hold_replies(hold);
        self.input(Input::Tick);
    }

    fn set_wish(&self, wish: Wish) {
        if self.wish.get() != Wish::Stop {
            self.wish.set(wish);
            self.wish_changed.notify_one();
        }
    }

    /// Runs until [`DockCell::stop`].
    pub(super) async fn run(self: Rc<Self>) {
        let mut rng =
            Rng::with_seed(mix(self.cfg.seed ^ 0x5EED, self.look(|m| m.identity().index)));
        sleep(self.cfg.ramp.mul_f64(rng.f64())).await;
        let cell = &self;
        tokio::select! {
            biased;
            () = cell.keep_linked(&mut rng) => {}
            () = Rc::clone(cell).keep_time() => {}
        }
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            // The model's clock begins above zero, which it takes for "never".
            mono_ms: 1 + millis(self.epoch.elapsed()),
            wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        }
    }

    fn input(&self, input: Input) {
        let now = self.now();
        self.model.borrow_mut().handle(now, input);
        self.model_changed.notify_one();
    }

    /// Ticks the model and carries out what it wants, linked or not.
    async fn keep_time(self: Rc<Self>) {
        loop {
            Self::carry_out(&self);
            let mut wait_until =
                self.look(DockModel::poll_timeout).map(|ms| self.epoch + Duration::from_millis(ms));
            if !self.backlog.borrow().is_empty() {
                let soon = Instant::now() + BACKLOG_RETRY;
                wait_until = Some(wait_until.map_or(soon, |at| at.min(soon)));
            }
            let timer = async {
                match wait_until {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.model_changed.notified() => {}
                () = timer => self.input(Input::Tick),
            }
        }
    }

    fn carry_out(cell: &Rc<Self>) {
        cell.flush_backlog();
        loop {
            let output = cell.model.borrow_mut().poll_output();
            match output {
                None => return,
                Some(Output::Publish { topic, payload, qos }) => {
                    cell.publish(topic, payload, qos);
                }
                Some(Output::Fetch { id, url }) => {
                    let cell = Rc::clone(cell);
                    tokio::task::spawn_local(async move {
                        let result = fetch::get(&url).await;
                        cell.input(Input::Fetched { id, result });
                    });
                }
                Some(Output::Upload { id, to, photo }) => {
                    let cell = Rc::clone(cell);
                    tokio::task::spawn_local(async move {
                        let result = upload::put(&to, photo::jpeg(&photo).into()).await;
                        cell.input(Input::Uploaded { id, result });
                    });
                }
                Some(Output::Disconnect { reason, polite, retry_after_ms }) => {
                    tracing::info!(device.sn = %cell.sn(), reason, "simulated dock leaves");
                    if cell.wish.get() == Wish::Run {
                        cell.set_wish(Wish::Away { polite, ms: retry_after_ms });
                    }
                }
                Some(Output::Log(text)) => {
                    tracing::debug!(device.sn = %cell.sn(), "{text}");
                }
            }
        }
    }

    fn sn(&self) -> String {
        self.look(|model| model.identity().dock_sn.clone())
    }

    /// Telemetry that finds no room is dropped; the rest waits its turn.
    fn publish(&self, topic: Arc<str>, payload: Bytes, qos: Qos) {
        let client = self.client.borrow();
        let Some(client) = client.as_ref() else { return };
        let seen = match &self.cfg.tap {
            Some(tap) => tap.see(&topic, payload, qos),
            None => Some((payload, qos)),
        };
        let Some((payload, qos)) = seen else { return };
        let mut backlog = self.backlog.borrow_mut();
        let in_turn = qos == Qos::AtMostOnce || backlog.is_empty();
        if in_turn && client.publish(&topic, &payload, qos) {
            return;
        }
        if qos == Qos::AtLeastOnce && backlog.len() < BACKLOG {
            backlog.push_back((topic, payload));
        } else {
            self.dropped.set(self.dropped.get() + 1);
        }
    }

    fn flush_backlog(&self) {
        let client = self.client.borrow();
        let mut backlog = self.backlog.borrow_mut();
        let Some(client) = client.as_ref() else { return backlog.clear() };
        while let Some((topic, payload)) = backlog.front() {
            if !client.publish(topic, payload, Qos::AtLeastOnce) {
                return;
            }
            backlog.pop_front();
        }
    }

    /// Connects, and connects again; returns when the fleet stops.
    async fn keep_linked(&self, rng: &mut Rng) {
        let mut pause_ms = BACKOFF_MIN_MS;
        loop {
            match self.wish.get() {
                Wish::Stop => return,
                Wish::Killed => {
                    self.wish_changed.notified().await;
                    continue;
                }
                Wish::Away { ms, .. } => {
                    self.stay_away(Duration::from_millis(ms)).await;
                    continue;
                }
                Wish::Run => {}
            }
            self.one_boot(rng, &mut pause_ms).await;
        }
    }

    /// Waits out an absence, unless somebody wants something else meanwhile.
    async fn stay_away(&self, absence: Duration) {
        let until = Instant::now() + absence;
        while matches!(self.wish.get(), Wish::Away { .. }) {
            if timeout_at(until, self.wish_changed.notified()).await.is_err() {
                self.wish.set(Wish::Run);
            }
        }
    }

    /// One power-on of the dock: connection errors keep the MQTT session's state, being killed or
    /// going away loses it.
    async fn one_boot(&self, rng: &mut Rng, pause_ms: &mut u64) {
        let (client, mut link) = open(&self.cfg, &self.sn(), self.password.as_deref());
        *self.client.borrow_mut() = Some(client);
        loop {
            let began = Instant::now();
            let failed = tokio::select! {
                biased;
                () = self.wish_is_not_run() => None,
                reason = self.poll_until_lost(&mut link) => Some(reason),
            };
            let Some(reason) = failed else { break };
            self.input(Input::Disconnected);
            if began.elapsed() > GOOD_LINK {
                *pause_ms = BACKOFF_MIN_MS;
            }
            let jittered = Duration::from_millis(*pause_ms).mul_f64(0.5 + rng.f64());
            tracing::debug!(device.sn = %self.sn(), reason, pause_ms = millis(jittered), "link lost");
            *pause_ms = (*pause_ms * 2).min(BACKOFF_MAX_MS);
            tokio::select! {
                biased;
                () = self.wish_is_not_run() => break,
                () = sleep(jittered) => {}
            }
        }
        let polite = matches!(self.wish.get(), Wish::Stop | Wish::Away { polite: true, .. });
        if polite && self.client.borrow().as_ref().is_some_and(Client::disconnect) {
            let _ = timeout(GOODBYE, async { while link.poll().await.is_ok() {} }).await;
        }
        *self.client.borrow_mut() = None;
        drop(link);
        self.input(Input::Disconnected);
    }

    async fn wish_is_not_run(&self) {
        while self.wish.get() == Wish::Run {
            self.wish_changed.notified().await;
        }
    }

    async fn poll_until_lost(&self, link: &mut Link) -> String {
        loop {
            match link.poll().await {
                Err(reason) => return reason,
                Ok(LinkEvent::Up) => {
                    self.connects.set(self.connects.get() + 1);
                    let topics = self.look(DockModel::subscriptions);
                    let subscribed =
                        self.client.borrow().as_ref().is_some_and(|c| c.subscribe(&topics));
                    if subscribed {
                        self.input(Input::Connected);
                    } else {
                        return "no room for subscriptions".to_owned();
                    }
                }
                Ok(LinkEvent::Message { topic, payload, expiry_s }) => {
                    self.input(Input::Message { topic, payload, expiry_s });
                }
                Ok(LinkEvent::Other) => {}
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
