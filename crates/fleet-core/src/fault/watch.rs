//! The detectors of a whole fleet, each woken when it is due.
//!
//! Bounded: one device too many is not watched, and counted.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use fleet_types::{DeviceClass, DeviceSn, DeviceStatus, MonoMs, topic::DeviceOsd};

use super::{FaultChange, FaultConfig, FaultDetector, FaultInput, fields::Fields};

/// Devices watched.
pub const DEVICES_MAX: usize = 40_000;

/// All detectors.
#[derive(Clone, Debug, Default)]
pub struct FaultWatch {
    config: Arc<FaultConfig>,
    fields: BTreeMap<DeviceClass, Arc<Fields>>,
    detectors: BTreeMap<DeviceSn, (Box<FaultDetector>, Option<MonoMs>)>,
    due: BTreeSet<(MonoMs, DeviceSn)>,
    outputs: VecDeque<FaultChange>,
    unwatched: u64,
}

impl FaultWatch {
    /// Watches nothing yet.
    #[must_use]
    pub fn new(config: FaultConfig) -> Self {
        Self { config: Arc::new(config), ..Self::default() }
    }

    /// A device reported.
    pub fn reported(&mut self, now: MonoMs, sample: &DeviceOsd) {
        let make = || Arc::new(Fields::new(&sample.values.schema));
        let fields = self.fields.entry(sample.class).or_insert_with(make);
        if !fields.fit(sample) {
            *fields = make();
        }
        let fields = Arc::clone(fields);
        let input = FaultInput::Osd { sample, fields: &fields };
        self.handle_input(now, &sample.sn, &sample.gateway_sn, input);
    }

    /// A device's status changed.
    pub fn status(&mut self, now: MonoMs, status: &DeviceStatus) {
        let by = status.gateway_sn.as_ref().unwrap_or(&status.sn);
        self.handle_input(now, &status.sn, by, FaultInput::Status(status));
    }

    /// Something happened to a device, heard through the dock `by` (a dock: itself).
    fn handle_input(&mut self, now: MonoMs, sn: &DeviceSn, by: &DeviceSn, input: FaultInput<'_>) {
        if self.with(sn, |detector| detector.handle_input(now, input)) {
            return;
        }
        if self.detectors.len() >= DEVICES_MAX {
            self.unwatched += 1;
            return;
        }
        let detector = FaultDetector::new(Arc::clone(&self.config), sn.clone(), by.clone());
        // Apart from the map, whose nodes have room for twice as many as are in them.
        self.detectors.insert(sn.clone(), (Box::new(detector), None));
        self.with(sn, |detector| detector.handle_input(now, input));
    }

    /// An order went to a dock: it may change the flight of every aircraft behind it.
    pub fn commanded(&mut self, now: MonoMs, dock: &DeviceSn) {
        let of_dock = |(sn, (detector, _)): (&DeviceSn, &(Box<FaultDetector>, Option<MonoMs>))| {
            (detector.by() == dock).then(|| sn.clone())
        };
        let devices: Vec<_> = self.detectors.iter().filter_map(of_dock).collect();
        for sn in devices {
            self.with(&sn, |detector| detector.handle_input(now, FaultInput::Commanded));
        }
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: MonoMs) {
        // Taken out first: whatever a detector wants next, each is woken once.
        let mut woken = Vec::new();
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            woken.extend(self.due.pop_first());
        }
        for (_, sn) in woken {
            if let Some((_, due)) = self.detectors.get_mut(&sn) {
                *due = None;
            }
            self.with(&sn, |detector| detector.handle_timeout(now));
        }
    }

    /// When [`Self::handle_timeout`] is next due, and for what.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(MonoMs, &'static str)> {
        self.due.first().map(|(at, _)| (*at, "faults"))
    }

    /// The next change, oldest first.
    pub fn poll_output(&mut self) -> Option<FaultChange> {
        self.outputs.pop_front()
    }

    /// Forgets a removed dock and what was heard through it.
    pub fn forget(&mut self, sn: &DeviceSn) {
        let due = &mut self.due;
        self.detectors.retain(|device, (detector, at)| {
            let stays = device != sn && detector.by() != sn;
            if let Some(at) = at.filter(|_| !stays) {
                due.remove(&(at, device.clone()));
            }
            stays
        });
    }

    /// Inputs of devices beyond the bound.
    #[must_use]
    pub fn unwatched(&self) -> u64 {
        self.unwatched
    }

    /// Lets a detector act; false when the device is not watched.
    fn with(&mut self, sn: &DeviceSn, act: impl FnOnce(&mut FaultDetector)) -> bool {
        let Some((detector, due)) = self.detectors.get_mut(sn) else { return false };
        act(detector);
        while let Some(change) = detector.poll_output() {
            self.outputs.push_back(change);
        }
        let next = detector.poll_timeout().map(|(at, _)| at);
        // Waking one too early changes nothing, and its time moves on with most reports.
        if *due == next || due.is_some_and(|due| next.is_none_or(|next| due <= next)) {
            return true;
        }
        if let Some(old) = std::mem::replace(due, next) {
            self.due.remove(&(old, sn.clone()));
        }
        if let Some(next) = next {
            self.due.insert((next, sn.clone()));
        }
        true
    }
}
