//! Both clocks of the process, read in one place: machines are handed the result.

use std::{
    sync::OnceLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use fleet_types::{MonoMs, Now, WallMs};

static ORIGIN: OnceLock<Instant> = OnceLock::new();

/// Reads both clocks; monotonic time counts from the first reading.
#[must_use]
pub fn now() -> Now {
    let origin = ORIGIN.get_or_init(Instant::now);
    let mono = u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { mono: MonoMs(mono), wall: WallMs(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)) }
}

/// When a monotonic instant of ours comes, for timers.
#[must_use]
pub fn at(instant: MonoMs) -> tokio::time::Instant {
    let origin = ORIGIN.get_or_init(Instant::now);
    tokio::time::Instant::from_std(*origin + std::time::Duration::from_millis(instant.0))
}
