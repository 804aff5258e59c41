//! What becomes a row of telemetry, and what does not.
//!
//! An aircraft that flies: every report. An aircraft on the ground: on change and once a minute. A
//! dock: on change and every 10 s. "Change" is said by [`deadband`]: against the values of the last
//! row, so that a drift in small steps is recorded. A device that is silent makes no rows: silence
//! is not data, and nothing is written that was not reported.
//!
//! Pure: `handle(now, sample)` answers for each sample of the bus topic `DeviceOsd` whether it is to
//! be written. The state of a device is one value a field of its schema; the number of devices is
//! bounded, and one more than that is recorded at every report (too much rather than too little).
//!
//! What a checker may assert: the first report of a device is a row; so is every report of an
//! aircraft in flight; a report that is no row came sooner after the device's last row than its
//! period and differs from it in no field beyond its deadband; state stays within its bound.

pub mod deadband;
mod lists;

use std::{collections::BTreeMap, sync::Arc};

use dji_cloud::device::AircraftModeCode;
use fleet_types::{
    DeviceClass, DeviceSn, MonoMs, Scalar,
    telemetry::{Schema, Values},
    topic::DeviceOsd,
};

use crate::twin::index_of;
use deadband::{Deadband, Deadbands};

/// What is configured of the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct RecorderConfig {
    /// An aircraft on the ground is recorded at least this often while it reports, milliseconds.
    pub docked_every_ms: u64,
    /// A dock, or a robot, is recorded at least this often while it reports, milliseconds.
    pub dock_every_ms: u64,
    /// What counts as a change.
    pub deadbands: Deadbands,
    /// Devices remembered.
    pub devices_max: usize,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self {
            docked_every_ms: 60_000,
            dock_every_ms: 10_000,
            deadbands: Deadbands::default(),
            devices_max: 32_768,
        }
    }
}

/// Why a sample is a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing of the device was recorded yet.
    First,
    /// The aircraft flies, or its mode is not known.
    InFlight,
    /// A value left its deadband, or was never heard before.
    Changed,
    /// The last row is as old as the policy lets it be.
    Due,
    /// There is no place to remember the device, so that nothing is left out.
    Untracked,
}

/// What becomes of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Set when it is to be written.
    pub row: Option<Why>,
    /// The aircraft flies, or its mode is not known.
    pub in_flight: bool,
    /// Reports that the bus coalesced into this sample since the one before: not seen here, to be
    /// counted as dropped where they were in flight.
    pub missed: u64,
}

/// The policy and what it remembers of each device.
#[derive(Clone, Debug)]
pub struct RecorderPolicy {
    config: RecorderConfig,
    bands: BTreeMap<DeviceClass, Bands>,
    devices: BTreeMap<DeviceSn, Kept>,
}

/// Deadbands over one schema.
#[derive(Clone, Debug)]
struct Bands {
    schema: Arc<Schema>,
    of: Vec<Deadband>,
    mode: usize,
}

#[derive(Clone, Debug)]
struct Kept {
    recorded_at: MonoMs,
    report_count: u64,
    /// The last row, shared with the twin as far as it is still the same.
    values: Values,
}

impl RecorderPolicy {
    /// A policy that remembers nothing.
    #[must_use]
    pub fn new(config: RecorderConfig) -> Self {
        Self { config, bands: BTreeMap::new(), devices: BTreeMap::new() }
    }

    /// Says whether a sample is to be written, and takes it as written if so.
    pub fn handle(&mut self, now: MonoMs, sample: &DeviceOsd) -> Decision {
        let bands = self.bands_of(sample.class, &sample.values.schema);
        let in_flight = sample.class == DeviceClass::Aircraft && is_in_flight(sample, bands.mode);
        let every_ms = match sample.class {
            DeviceClass::Aircraft => self.config.docked_every_ms,
            DeviceClass::Dock | DeviceClass::Robot => self.config.dock_every_ms,
        };
        let Some(kept) = self.devices.get_mut(&sample.sn) else {
            if self.devices.len() >= self.config.devices_max {
                return Decision { row: Some(Why::Untracked), in_flight, missed: 0 };
            }
            self.devices.insert(sample.sn.clone(), Kept::new(now, sample));
            return Decision { row: Some(Why::First), in_flight, missed: 0 };
        };
        // A count that went back is that of a machine that was started anew.
        let missed = sample.report_count.saturating_sub(kept.report_count).saturating_sub(1);
        kept.report_count = sample.report_count;
        // The bands are borrowed from `self`, which the device's memory is a part of, too.
        let bands = &self.bands[&sample.class];
        let row = if in_flight {
            Some(Why::InFlight)
        } else if kept.differs(&self.config.deadbands, bands, sample) {
            Some(Why::Changed)
        } else if now.since_ms(kept.recorded_at) >= every_ms {
            Some(Why::Due)
        } else {
            None
        };
        if row.is_some() {
            kept.record(now, sample);
        }
        Decision { row, in_flight, missed }
    }

    /// Forgets a device that was removed.
    pub fn forget(&mut self, sn: &DeviceSn) {
        self.devices.remove(sn);
    }

    /// Devices remembered.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.devices.len()
    }

    fn bands_of(&mut self, class: DeviceClass, schema: &Arc<Schema>) -> &Bands {
        let make = || {
            let fields = schema.fields.iter();
            let of = fields.map(|field| self.config.deadbands.of(&field.key, field.unit));
            Bands {
                schema: Arc::clone(schema),
                of: of.collect(),
                mode: index_of(schema, "mode_code"),
            }
        };
        let bands = self.bands.entry(class).or_insert_with(make);
        // One schema a class lives as long as the process; a test may bring another.
        if !Arc::ptr_eq(&bands.schema, schema) && bands.schema != *schema {
            *bands = make();
        }
        bands
    }
}

/// An aircraft that told no mode may fly: the safe side is to record it.
fn is_in_flight(sample: &DeviceOsd, mode: usize) -> bool {
    let code = sample.values.value(mode).and_then(Scalar::as_i64);
    code.is_none_or(|code| AircraftModeCode::from_code(code).is_flying())
}

impl Kept {
    fn new(now: MonoMs, sample: &DeviceOsd) -> Self {
        let values = sample.values.values().clone();
        Self { recorded_at: now, report_count: sample.report_count, values }
    }

    fn record(&mut self, now: MonoMs, sample: &DeviceOsd) {
        self.recorded_at = now;
        self.values = sample.values.values().clone();
    }

    fn differs(&self, deadbands: &Deadbands, bands: &Bands, sample: &DeviceOsd) -> bool {
        let values = sample.values.values();
        if self.values.fields() != values.fields() {
            return true;
        }
        // What is shared is the same: mostly nothing is left to be compared.
        self.values.unshared(values).any(|(index, recorded, now)| {
            let band = bands.of.get(index).copied().unwrap_or(Deadband::Never);
            match (recorded, now) {
                (Some(recorded), Some(now)) => deadbands.has_changed(band, recorded, now),
                (None, Some(_)) => band != Deadband::Never,
                // A twin forgets nothing; a new one starts empty and says nothing new by that.
                (_, None) => false,
            }
        })
    }
}

#[cfg(test)]
mod tests;
