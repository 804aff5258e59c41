//! Promises about recorded telemetry: every report is a row, or differs from the last row too little to
//! be one, or is counted as dropped.

use std::collections::BTreeMap;

use fleet_types::{DeviceClass, DeviceSn};

use super::Checker;
use super::places::Places;
use crate::facts::Fact;
use crate::queue::Ms;
use crate::world::View;

/// A dock makes a row at least this often while it reports, an aircraft on the ground this often.
const DOCK_MS: Ms = 10_000;
const DOCKED_MS: Ms = 60_000;
/// Modes in which a simulated aircraft is in the air.
const IN_THE_AIR: [i64; 5] = [3, 4, 5, 9, 10];
/// Codes of which every change is a row.
const CODES: [&str; 5] =
    ["mode_code", "cover_state", "drone_in_dock", "emergency_stop_state", "rainfall"];

/// The last row of a device.
struct Row {
    at: Ms,
    codes: [Option<i64>; CODES.len()],
}

/// Nothing of the telemetry is lost without being counted.
pub(super) struct RowOrCounted {
    /// By tower and serial number.
    rows: BTreeMap<(usize, DeviceSn), Row>,
    places: Places<{ CODES.len() }>,
    judged: u64,
}

impl Default for RowOrCounted {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), places: Places::new(CODES), judged: 0 }
    }
}

impl Checker for RowOrCounted {
    fn name(&self) -> &'static str {
        "telemetry is a row or a counted drop"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Row { tower, osd, decision, lost } = fact else { return Ok(()) };
        self.judged += 1;
        let key = (*tower, osd.sn.clone());
        let codes = self.places.codes(&osd.values);
        let is_row = decision.row.is_some();
        let sn = &osd.sn;
        if let Some(lost) = lost.filter(|lost| decision.missed != *lost) {
            let counted = decision.missed;
            return Err(format!("{sn}: {lost} reports were lost, {counted} were counted"));
        }
        let is_flying = osd.class == DeviceClass::Aircraft
            && codes[0].is_none_or(|mode| IN_THE_AIR.contains(&mode));
        if !is_row {
            let Some(last) = self.rows.get(&key) else {
                return Err(format!("{sn}: its first report is no row"));
            };
            let every_ms = if osd.class == DeviceClass::Aircraft { DOCKED_MS } else { DOCK_MS };
            // A machine made anew does not know yet what was known before: that is no change.
            let has_changed =
                codes.iter().zip(&last.codes).any(|(now, then)| now.is_some() && now != then);
            if is_flying || view.now - last.at >= every_ms || has_changed {
                let (at, before) = (last.at, last.codes);
                return Err(format!("{sn}: {codes:?} is no row; the last was {before:?} at {at}"));
            }
            return Ok(());
        }
        self.rows.insert(key, Row { at: view.now, codes });
        Ok(())
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}
