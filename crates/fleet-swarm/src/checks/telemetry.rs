//! Promises about telemetry: a partial report changes what it names and nothing else.

use fleet_types::DeviceClass;

use super::Checker;
use super::heard::KEYS;
use super::places::Places;
use crate::facts::Fact;
use crate::world::View;

/// Every value that was heard is still shown as it was heard last.
pub(super) struct TwinKeeps {
    places: Places<{ KEYS.len() }>,
    judged: u64,
}

impl Default for TwinKeeps {
    fn default() -> Self {
        Self { places: Places::new(KEYS), judged: 0 }
    }
}

impl Checker for TwinKeeps {
    fn name(&self) -> &'static str {
        "a partial report clears nothing"
    }

    fn note(&mut self, view: &View<'_>, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Telemetry { tower, dock, osd } = fact else { return Ok(()) };
        if osd.class != DeviceClass::Dock {
            return Ok(());
        }
        for (key, shown) in KEYS.into_iter().zip(self.places.codes(&osd.values)) {
            let Some((heard, _)) = view.heard.get(view.now, *tower, *dock, key) else { continue };
            self.judged += 1;
            if shown != Some(heard) {
                return Err(format!("dock {dock}: {key} was heard as {heard}, shown as {shown:?}"));
            }
        }
        Ok(())
    }

    fn judged(&self) -> u64 {
        self.judged
    }
}
