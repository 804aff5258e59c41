//! Alarms of one cause that come up together: shown as one.
//!
//! A flood begins when [`BEGIN`] alarms of a cause came up within [`WINDOW_MS`], and ends when
//! fewer than [`END`] of them are left. The gap between the two keeps a list from flickering.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fleet_types::{AlarmId, MonoMs};

/// Alarms of one cause within the window that make a flood.
pub const BEGIN: usize = 10;
/// Fewer than this left ends it.
pub const END: usize = 5;
/// The window, milliseconds.
pub const WINDOW_MS: u64 = 60_000;

#[derive(Clone, Debug, Default)]
struct Cause {
    members: BTreeSet<AlarmId>,
    /// When the latest came up, at most [`BEGIN`] of them.
    came_up: VecDeque<MonoMs>,
    is_on: bool,
}

/// The causes that alarms are up for.
#[derive(Clone, Debug, Default)]
pub(super) struct Floods(BTreeMap<String, Cause>);

impl Floods {
    /// Takes note of an alarm; true when its flood began or ended with it.
    pub(super) fn note(
        &mut self,
        now: MonoMs,
        cause: &str,
        alarm_id: AlarmId,
        is_shown: bool,
        came_up: bool,
    ) -> bool {
        if !is_shown && !self.0.contains_key(cause) {
            return false;
        }
        let entry = self.0.entry(cause.to_owned()).or_default();
        if is_shown {
            entry.members.insert(alarm_id);
        } else {
            entry.members.remove(&alarm_id);
        }
        if came_up && is_shown {
            entry.came_up.push_back(now);
        }
        while entry.came_up.len() > BEGIN
            || entry.came_up.front().is_some_and(|at| now.since_ms(*at) > WINDOW_MS)
        {
            entry.came_up.pop_front();
        }
        let was_on = entry.is_on;
        entry.is_on = if was_on {
            entry.members.len() >= END
        } else {
            entry.came_up.len() >= BEGIN && entry.members.len() >= BEGIN
        };
        let turned = entry.is_on != was_on;
        if entry.members.is_empty() {
            self.0.remove(cause);
        }
        turned
    }

    /// Whether alarms of the cause are shown as one.
    pub(super) fn is_on(&self, cause: &str) -> bool {
        self.0.get(cause).is_some_and(|cause| cause.is_on)
    }

    /// The alarms of a cause that are shown.
    pub(super) fn members(&self, cause: &str) -> impl Iterator<Item = AlarmId> + '_ {
        self.0.get(cause).into_iter().flat_map(|cause| cause.members.iter().copied())
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.0.len()
    }
}
