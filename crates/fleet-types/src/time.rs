//! Time as data. Machines are given [`Now`]; they never look at a clock.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Wall-clock time, milliseconds since 1970-01-01T00:00:00Z. Stamped at the edge; for people and
/// records, never for deadlines (it may jump).
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(transparent)]
pub struct WallMs(pub i64);

/// Monotonic time, milliseconds since an origin of the process. For deadlines and durations.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(transparent)]
pub struct MonoMs(pub u64);

/// One reading of both clocks, taken at the edge and handed to the machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For deadlines.
    pub mono: MonoMs,
    /// For records.
    pub wall: WallMs,
}

impl MonoMs {
    /// This instant plus `ms` milliseconds.
    #[must_use]
    pub fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant, 0 when `earlier` is later.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl WallMs {
    /// Signed milliseconds from `earlier` to this time.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}
