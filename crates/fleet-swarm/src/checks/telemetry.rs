//! Promises about telemetry: a partial report changes what it names and nothing else.

use fleet_types::DeviceClass;

use super::Checker;
use super::heard::KEYS;
use crate::facts::Fact;
use crate::world::View;

/// Every value that was heard is still shown as it was heard last.
#[derive(Default)]
pub(super) struct TwinKeeps {
    judged: u64,
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
        for key in KEYS {
            let Some((heard, _)) = view.heard.get(view.now, *tower, *dock, key) else { continue };
            self.judged += 1;
            let shown = osd.values.get(key).and_then(|reading| reading.value.as_i64());
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
