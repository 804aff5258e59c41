//! The edge's clocks: wall time for records, nothing for deadlines (those are tokio's).

use std::time::{SystemTime, UNIX_EPOCH};

use fleet_types::WallMs;

/// Wall time now, milliseconds since 1970; 0 on a clock before that.
pub(crate) fn now_ms() -> WallMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
