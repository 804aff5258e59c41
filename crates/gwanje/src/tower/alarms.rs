//! The one alarm component: it hears what may need a hand, and tells what people are shown.
//!
//! It reads the bus (signals of other components, health messages, telemetry and status of devices,
//! orders of people) and drives `fleet_core::alarm` and `fleet_core::fault`; every change goes out
//! as an `AlarmStatus`, which hub, API and database take. It decides nothing. A reader that is full
//! holds it back, and it holds back its own writers: no alarm is dropped. Telemetry is taken last,
//! the latest of each device. What was up when the last tower ended is taken up from the database.
//! Read next: `fleet_core::alarm`, `fleet_core::fault`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use dji_cloud::hms_text::HmsBook;
use fleet_bus::{Bus, Reader, Writer};
use fleet_core::{
    alarm::{AlarmBook, Input, Origin, Output, hms},
    fault::{FaultConfig, watch::FaultWatch},
};
use fleet_store::recorder::Recorder;
use fleet_types::{
    Alarm, AlarmStatus, CommandStatus, DeviceSn, DeviceStatus, MonoMs,
    alarm::AlarmOrder,
    topic::{DeviceEvent, DeviceOsd, DeviceTopology},
};
use tokio::{
    sync::{
        mpsc,
        oneshot::{self, error::RecvError},
    },
    time::timeout,
};

use super::clock;

/// Samples taken before other tasks get their turn.
const BATCH: usize = 64;
/// Removed docks that may wait to be forgotten.
pub const FORGOTTEN_MAX: usize = 256;
/// How long signals wait at a start for what is on record; then they are heard without it.
const REMEMBERED_WAIT: Duration = Duration::from_secs(10);
/// An alarm that is on record, and what tells it from others.
pub type Remembered = (AlarmStatus, Origin);
/// Docks whose aircraft are remembered.
const DOCKS_MAX: usize = 20_000;

/// The component, subscribed and not yet running.
pub struct Alarms {
    book: AlarmBook,
    faults: FaultWatch,
    texts: Option<HmsBook>,
    aircraft: BTreeMap<DeviceSn, Vec<DeviceSn>>,
    statuses: Writer<AlarmStatus>,
    signals: Reader<Alarm>,
    orders: Reader<AlarmOrder>,
    events: Reader<DeviceEvent>,
    topologies: Reader<DeviceTopology>,
    commands: Reader<CommandStatus>,
    devices: Reader<DeviceStatus>,
    telemetry: Reader<DeviceOsd>,
    forgotten: mpsc::Receiver<DeviceSn>,
    recorder: Option<Recorder>,
    remembered: Option<oneshot::Receiver<Vec<Remembered>>>,
}

impl Alarms {
    /// Subscribes to the bus; from here on it must run, because its readers hold writers back.
    #[must_use]
    pub fn new(
        bus: &Bus,
        seed: u64,
        texts: Option<HmsBook>,
        forgotten: mpsc::Receiver<DeviceSn>,
    ) -> Self {
        Self {
            book: AlarmBook::new(seed),
            faults: FaultWatch::new(FaultConfig::default()),
            texts,
            aircraft: BTreeMap::new(),
            statuses: bus.writer(),
            signals: bus.reader(),
            orders: bus.reader(),
            events: bus.reader(),
            topologies: bus.reader(),
            commands: bus.reader(),
            devices: bus.reader(),
            telemetry: bus.reader(),
            forgotten,
            recorder: None,
            remembered: None,
        }
    }

    /// Puts every change on record, and takes up what was on record before.
    #[must_use]
    pub fn recorded(
        mut self,
        recorder: Recorder,
        remembered: oneshot::Receiver<Vec<Remembered>>,
    ) -> Self {
        self.recorder = Some(recorder);
        self.remembered = Some(remembered);
        self
    }

    /// Runs as long as it is polled. What people and components say comes before devices.
    pub async fn run(mut self) {
        // What is signalled anew is then known already, under the identity it had.
        if let Some(remembered) = &mut self.remembered
            && let Ok(known) = timeout(REMEMBERED_WAIT, remembered).await
        {
            self.remember(known);
            self.tell().await;
        }
        loop {
            let deadlines = [self.book.poll_timeout(), self.faults.poll_timeout()];
            let deadline = deadlines.into_iter().flatten().map(|(at, _)| at).min();
            tokio::select! {
                biased;
                batch = self.orders.take(BATCH) => self.each(batch, |order| Some(Input::Order(order.clone()))),
                batch = self.signals.take(BATCH) => self.each(batch, |alarm| Some(Input::Signal(alarm.clone()))),
                Some(sn) = self.forgotten.recv() => self.forget(sn),
                known = late(&mut self.remembered) => self.remember(known),
                batch = self.topologies.take(BATCH) => self.follow(batch),
                batch = self.events.take(BATCH) => self.health(&batch),
                batch = self.commands.take(BATCH) => self.ordered(&batch),
                batch = self.devices.take(BATCH) => self.presence(&batch),
                () = until(deadline), if deadline.is_some() => self.pass(),
                batch = self.telemetry.take(BATCH) => self.reports(&batch),
            }
            self.take_faults();
            self.tell().await;
            tokio::task::yield_now().await;
        }
    }

    fn each<T>(&mut self, batch: Vec<Arc<T>>, input: impl Fn(&T) -> Option<Input>) {
        let now = clock::now();
        for input in batch.iter().filter_map(|sample| input(sample)) {
            self.book.handle_input(now, input);
        }
    }

    fn follow(&mut self, batch: Vec<Arc<DeviceTopology>>) {
        for topology in batch {
            if self.aircraft.len() < DOCKS_MAX || self.aircraft.contains_key(&topology.gateway_sn) {
                self.aircraft.insert(topology.gateway_sn.clone(), topology.children.clone());
            }
        }
    }

    fn health(&mut self, batch: &[Arc<DeviceEvent>]) {
        let now = clock::now();
        for event in batch {
            // Of two aircraft behind one dock the message does not tell which it means.
            let aircraft = match self.aircraft.get(&event.sn).map(Vec::as_slice) {
                Some([only]) => Some(only),
                Some(_) | None => None,
            };
            if let Some(input) = hms::read(event, aircraft, self.texts.as_ref()) {
                self.book.handle_input(now, input);
            }
        }
    }

    /// What may change a flight explains what is seen of it afterwards.
    fn ordered(&mut self, batch: &[Arc<CommandStatus>]) {
        let now = clock::now().mono;
        for status in batch {
            self.faults.commanded(now, &status.sn);
        }
    }

    fn presence(&mut self, batch: &[Arc<DeviceStatus>]) {
        let now = clock::now().mono;
        for status in batch {
            self.faults.status(now, status);
        }
    }

    fn reports(&mut self, batch: &[Arc<DeviceOsd>]) {
        let now = clock::now().mono;
        for sample in batch {
            self.faults.reported(now, sample);
        }
    }

    fn pass(&mut self) {
        let now = clock::now();
        self.book.handle_timeout(now);
        self.faults.handle_timeout(now.mono);
    }

    fn take_faults(&mut self) {
        let now = clock::now();
        while let Some(change) = self.faults.poll_output() {
            self.book.handle_input(now, change.into_input());
        }
    }

    fn forget(&mut self, sn: DeviceSn) {
        self.aircraft.remove(&sn);
        self.faults.forget(&sn);
        self.book.handle_input(clock::now(), Input::Forget(sn));
    }

    fn remember(&mut self, known: Result<Vec<Remembered>, RecvError>) {
        self.remembered = None;
        let now = clock::now();
        for known in known.into_iter().flatten() {
            self.book.handle_input(now, Input::Restore(Box::new(known)));
        }
    }

    async fn tell(&mut self) {
        while let Some(output) = self.book.poll_output() {
            match output {
                Output::Status(status) => {
                    if let Some(recorder) = &self.recorder {
                        let origin = self.book.origin(status.alarm_id);
                        let origin = origin.and_then(|origin| serde_json::to_value(origin).ok());
                        recorder.alarm(&status, origin.as_ref());
                    }
                    self.statuses.write(status).await;
                }
                Output::Refused { order, reason } => {
                    tracing::info!(alarm = %order.alarm_id, by = order.issued_by, reason = %reason.message, "an order about an alarm was not carried out");
                }
            }
        }
    }
}

/// What comes after all; never ends when nothing is to come.
async fn late(
    remembered: &mut Option<oneshot::Receiver<Vec<Remembered>>>,
) -> Result<Vec<Remembered>, RecvError> {
    match remembered {
        Some(remembered) => remembered.await,
        None => std::future::pending().await,
    }
}

/// Sleeps until a deadline; never ends without one.
async fn until(deadline: Option<MonoMs>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(clock::at(deadline)).await,
        None => std::future::pending().await,
    }
}
