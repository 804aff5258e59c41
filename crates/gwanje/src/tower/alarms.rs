//! The one alarm component: it hears what may need a hand, and tells what people are shown.
//!
//! It reads the bus (signals of other components, health messages, telemetry and status of devices,
//! orders of people) and drives `fleet_core::alarm` and `fleet_core::fault`; every change goes out
//! as an `AlarmStatus`, which hub, API and database take. It decides nothing. A reader that is full
//! holds it back, and it holds back its own writers: no alarm is dropped. Telemetry is taken last,
//! the latest of each device. Read next: `fleet_core::alarm`, `fleet_core::fault`.

use std::{collections::BTreeMap, sync::Arc};

use dji_cloud::hms_text::HmsBook;
use fleet_bus::{Bus, Reader, Writer};
use fleet_core::{
    alarm::{AlarmBook, Input, Output, hms},
    fault::{FaultConfig, watch::FaultWatch},
};
use fleet_types::{
    Alarm, AlarmStatus, CommandStatus, DeviceSn, DeviceStatus, MonoMs,
    alarm::AlarmOrder,
    topic::{DeviceEvent, DeviceOsd, DeviceTopology},
};
use tokio::sync::mpsc;

use super::clock;

/// Samples taken before other tasks get their turn.
const BATCH: usize = 64;
/// Removed docks that may wait to be forgotten.
pub const FORGOTTEN_MAX: usize = 256;
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
        }
    }

    /// Runs as long as it is polled. What people and components say comes before devices.
    pub async fn run(mut self) {
        loop {
            let deadlines = [self.book.poll_timeout(), self.faults.poll_timeout()];
            let deadline = deadlines.into_iter().flatten().map(|(at, _)| at).min();
            tokio::select! {
                biased;
                batch = self.orders.take(BATCH) => self.each(batch, |order| Some(Input::Order(order.clone()))),
                batch = self.signals.take(BATCH) => self.each(batch, |alarm| Some(Input::Signal(alarm.clone()))),
                Some(sn) = self.forgotten.recv() => self.forget(sn),
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

    async fn tell(&mut self) {
        while let Some(output) = self.book.poll_output() {
            match output {
                Output::Status(status) => self.statuses.write(status).await,
                Output::Refused { order, reason } => {
                    tracing::info!(alarm = %order.alarm_id, by = order.issued_by, reason = %reason.message, "an order about an alarm was not carried out");
                }
            }
        }
    }
}

/// Sleeps until a deadline; never ends without one.
async fn until(deadline: Option<MonoMs>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(clock::at(deadline)).await,
        None => std::future::pending().await,
    }
}
