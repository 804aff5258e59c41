//! Which way the sticks move an aircraft: checked on site, on record, by model and firmware.
//!
//! The documents contradict each other: one says that the first axis is sideways, another that it
//! is forward. So nobody steers a model of a firmware until a person saw, in the simulator of the
//! aircraft or over open ground, what each stick does. A check that found a stick wrong locks as
//! well as none. New firmware is a new question.

use std::collections::BTreeMap;

use fleet_types::{DeviceSn, Reason, WallMs};
use serde::{Deserialize, Serialize};

/// Checks remembered: models and firmware versions of one fleet.
pub const CHECKS_MAX: usize = 1_024;
const TEXT_MAX: usize = 64;

/// A model with a firmware.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Craft {
    /// Model key, such as `0-91-1`.
    pub model: String,
    /// Firmware version, as reported.
    pub firmware: String,
}

/// What a person saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AxisCheck {
    /// What it is valid for.
    pub craft: Craft,
    /// The aircraft that it was seen on.
    pub sn: DeviceSn,
    /// Forward moved it forward.
    pub forward_is_right: bool,
    /// Right moved it to the right.
    pub right_is_right: bool,
    /// Up moved it up.
    pub up_is_right: bool,
    /// Clockwise turned it clockwise.
    pub turn_is_right: bool,
    /// Who saw it.
    pub checked_by: String,
    /// When.
    pub at_ms: WallMs,
}

impl AxisCheck {
    /// Whether every stick did what it should.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.forward_is_right && self.right_is_right && self.up_is_right && self.turn_is_right
    }
}

/// The checks on record, the latest for each model and firmware.
#[derive(Clone, Debug, Default)]
pub struct AxisBook(BTreeMap<Craft, AxisCheck>);

impl AxisBook {
    /// Whether the sticks of this model and firmware may be used: the one place that says so.
    #[must_use]
    pub fn is_checked(&self, craft: &Craft) -> bool {
        self.0.get(craft).is_some_and(AxisCheck::is_good)
    }

    /// Takes a check in; a later one of the same model and firmware replaces it.
    ///
    /// # Errors
    /// When it names no model or firmware, or the book is full.
    pub fn record(&mut self, check: AxisCheck) -> Result<(), Reason> {
        let fits = |text: &str| !text.trim().is_empty() && text.len() <= TEXT_MAX;
        if !fits(&check.craft.model) || !fits(&check.craft.firmware) {
            return Err(Reason::new(
                "bad_input",
                "A check is of one model and one firmware: name both. Nothing was recorded.",
            ));
        }
        if self.0.len() >= CHECKS_MAX && !self.0.contains_key(&check.craft) {
            return Err(Reason::new(
                "queue_full",
                "There are more axis checks than can be kept. Nothing was recorded.",
            ));
        }
        self.0.insert(check.craft.clone(), check);
        Ok(())
    }

    /// Every check, by model and firmware.
    pub fn checks(&self) -> impl Iterator<Item = &AxisCheck> {
        self.0.values()
    }
}
