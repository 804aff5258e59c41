//! The hub: one task that reads the bus and keeps what the API shows.
//!
//! It is the only reader of the bus in this crate. HTTP handlers and WebSocket clients look at its
//! [`View`] through [`HubHandle`]; they never wait for it and it never waits for them. It decides
//! nothing: what it shows is what the machines said. Read next: [`view`], [`ledger`].

mod events;
mod ledger;
mod osd;
mod outbox;
mod sight;
mod table;
mod traces;
mod tracks;
mod view;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fleet_bus::{Bus, Reader};
use fleet_types::{
    AlarmStatus, CommandStatus, DeviceSn, DeviceStatus, LinkStatus, MissionStatus, TraceStep,
    authority::AuthorityAnswer,
    preflight::PreflightReport,
    topic::{DeviceEvent, DeviceOsd},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval},
};

pub(crate) use events::{About, Told};
pub(crate) use ledger::{Fingerprint, Keyed, Ledger, Record};
pub use osd::Osd;
pub(crate) use outbox::{MAX_FRAMES, Outbox};
pub(crate) use sight::{Bbox, Sight, Wanted};
pub(crate) use tracks::MAX_AGE_MS as TRACK_AGE_MS;
pub(crate) use view::{OsdFrame, View, frame};

use crate::clock::now_ms;

/// Samples handled before other tasks get their turn.
const BUDGET: usize = 256;
/// Devices in one OSD frame.
pub(crate) const OSD_ITEMS: usize = 500;
const MAX_REMOVALS: usize = 64;

struct Removal {
    sn: DeviceSn,
    done: oneshot::Sender<()>,
}

/// Looks into the hub; clones share it.
#[derive(Clone)]
pub(crate) struct HubHandle {
    view: Arc<Mutex<View>>,
    changed: watch::Receiver<u64>,
    osd_tick: watch::Receiver<u64>,
    removals: mpsc::Sender<Removal>,
}

impl HubHandle {
    /// The picture, locked: look and let go, never across an await.
    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes ready whenever the picture changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.clone()
    }

    /// Becomes ready once a second, when new shared OSD frames lie ready.
    pub(crate) fn osd_ticks(&self) -> watch::Receiver<u64> {
        self.osd_tick.clone()
    }

    /// What was known before this process, of devices that are not known now.
    pub(crate) fn recall(&self, statuses: Vec<DeviceStatus>, samples: Vec<DeviceOsd>) {
        let mut view = self.view();
        statuses.into_iter().for_each(|status| view.recall(status));
        for sample in samples {
            if view.telemetry(&sample.sn).is_none() {
                view.put_osd(Arc::new(sample));
            }
        }
    }

    /// Forgets a device after everything already said about it was heard.
    pub(crate) async fn remove_device(&self, sn: DeviceSn) {
        let (done, removed) = oneshot::channel();
        if self.removals.send(Removal { sn, done }).await.is_ok() {
            // An error means the hub has ended; there is nothing left to forget.
            let _ = removed.await;
        }
    }
}

/// The hub's task; run it with [`Hub::run`].
pub struct Hub {
    view: Arc<Mutex<View>>,
    changed: watch::Sender<u64>,
    osd_tick: watch::Sender<u64>,
    removals: mpsc::Receiver<Removal>,
    devices: Reader<DeviceStatus>,
    osd: Reader<DeviceOsd>,
    commands: Reader<CommandStatus>,
    missions: Reader<MissionStatus>,
    alarms: Reader<AlarmStatus>,
    links: Reader<LinkStatus>,
    traces: Reader<TraceStep>,
    reports: Reader<PreflightReport>,
    authority: Reader<AuthorityAnswer>,
    events: Reader<DeviceEvent>,
}

impl Hub {
    /// Subscribes to the bus. From here on the hub must run: its reliable readers hold their
    /// writers back when they are full.
    pub(crate) fn new(bus: &Bus) -> (Self, HubHandle) {
        let view = Arc::new(Mutex::new(View::new(fresh_epoch())));
        let (changed, changed_rx) = watch::channel(0);
        let (osd_tick, osd_tick_rx) = watch::channel(0);
        let (removals_tx, removals) = mpsc::channel(MAX_REMOVALS);
        let handle = HubHandle {
            view: Arc::clone(&view),
            changed: changed_rx,
            osd_tick: osd_tick_rx,
            removals: removals_tx,
        };
        let hub = Self {
            view,
            changed,
            osd_tick,
            removals,
            devices: bus.reader(),
            osd: bus.reader(),
            commands: bus.reader(),
            missions: bus.reader(),
            alarms: bus.reader(),
            links: bus.reader(),
            traces: bus.reader(),
            reports: bus.reader(),
            authority: bus.reader(),
            events: bus.reader(),
        };
        (hub, handle)
    }

    /// Reads until it is dropped. What people wait for (commands, missions, alarms) comes first.
    pub async fn run(mut self) {
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = second.tick() => self.on_second().await,
                batch = self.commands.take(BUDGET) => self.each(batch, View::put_command),
                batch = self.missions.take(BUDGET) => self.each(batch, View::put_mission),
                batch = self.alarms.take(BUDGET) => self.each(batch, View::put_alarm),
                batch = self.reports.take(BUDGET) => self.each(batch, View::put_report),
                batch = self.authority.take(BUDGET) => self.each(batch, View::put_authority),
                batch = self.devices.take(BUDGET) => self.each(batch, View::put_told),
                batch = self.links.take(BUDGET) => self.each(batch, View::put_link),
                batch = self.traces.take(BUDGET) => {
                    self.each(batch, |view, step| view.traces.put((*step).clone()));
                }
                batch = self.events.take(BUDGET) => {
                    self.each(batch, |view, event| view.traces.put_event(&event));
                }
                // A removal that cannot be received any more has no one waiting for it.
                Some(removal) = self.removals.recv() => self.remove(removal),
                batch = self.osd.take(BUDGET) => {
                    let mut view = self.view();
                    batch.into_iter().for_each(|sample| view.put_osd(sample));
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn each<T>(&self, batch: Vec<Arc<T>>, put: impl Fn(&mut View, Arc<T>)) {
        let mut view = self.view();
        batch.into_iter().for_each(|sample| put(&mut view, sample));
        drop(view);
        self.changed.send_modify(|version| *version += 1);
    }

    /// What was written about the device before its machine ended may still wait in the readers;
    /// it is heard first, so that the device does not come back as a ghost.
    fn remove(&mut self, removal: Removal) {
        let statuses = self.devices.try_take(usize::MAX);
        let samples = self.osd.try_take(usize::MAX);
        let mut view = self.view();
        statuses.into_iter().for_each(|status| view.put_told(status));
        samples.into_iter().for_each(|sample| view.put_osd(sample));
        view.remove_device(&removal.sn);
        drop(view);
        self.changed.send_modify(|version| *version += 1);
        // The caller may have gone; the device is removed all the same.
        let _ = removal.done.send(());
    }

    async fn on_second(&self) {
        self.publish_positions().await;
        self.publish_osd().await;
        self.osd_tick.send_modify(|tick| *tick += 1);
    }

    /// Makes the position records of this second, a few hundred devices at a time.
    async fn publish_positions(&self) {
        let slots = self.view().begin_positions();
        for slots in slots.chunks(OSD_ITEMS) {
            {
                let mut view = self.view();
                slots.iter().for_each(|slot| view.make_position(*slot));
            }
            tokio::task::yield_now().await;
        }
        self.view().table.finish_tick();
    }

    /// Builds the JSON frames of this second once for all clients that want them.
    async fn publish_osd(&self) {
        let target = {
            let mut view = self.view();
            let target = view.begin_osd();
            if !view.has_osd_listeners() {
                view.osd_published = target;
            }
            target
        };
        loop {
            {
                let mut view = self.view();
                let from = view.osd_published;
                if from >= target {
                    break;
                }
                let (items, to) = view.osd_between(from, target, OSD_ITEMS);
                let text = osd_text(&items);
                view.publish_osd(OsdFrame { from, to, text });
            }
            tokio::task::yield_now().await;
        }
    }
}

/// A name for this process that no other run has. Without random numbers the time must do.
fn fresh_epoch() -> String {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => crate::auth::hex(&bytes),
        Err(_) => format!("{:x}", now_ms().0),
    }
}

/// The `osd` frame.
pub(crate) fn osd_text(items: &[Osd]) -> axum::extract::ws::Utf8Bytes {
    let items = serde_json::to_string(items).unwrap_or_else(|_| "[]".to_owned());
    let now = now_ms().0;
    format!("{{\"type\":\"osd\",\"items\":{items},\"server_time_ms\":{now}}}").into()
}
