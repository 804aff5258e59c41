//! Where a device was: a line of at most so many points.

use fleet_types::{DeviceSn, WallMs};
use serde::{Deserialize, Serialize};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use crate::{database::Database, error::StoreError, sql::At};

/// A longer track is drawn from the one-minute roll-ups, milliseconds.
const MINUTES_FROM_MS: i64 = 6 * 3_600_000;
/// Points at the most.
const POINTS_MAX: u16 = 10_000;

/// One point of a track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackPoint {
    /// When it was received.
    pub at_ms: WallMs,
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// Over the ellipsoid, metres.
    pub height_m: Option<f32>,
    /// Over the take-off point, metres.
    pub elevation_m: Option<f32>,
    /// Degrees, 0 is north.
    pub heading_deg: Option<f32>,
    /// Metres a second.
    pub horizontal_speed_mps: Option<f32>,
    /// DJI's code.
    pub mode_code: Option<i16>,
    /// Percent.
    pub battery_percent: Option<i16>,
}

// The first point of each step of time stands for it.
pub(super) const POINTS: &str = "
    select distinct on (date_bin($4 * interval '1 millisecond', at, $2))
      at, latitude, longitude, height_m, elevation_m, heading_deg, horizontal_speed_mps, mode_code,
      battery_percent
    from telemetry
    where sn = $1 and at >= $2 and at < $3 and latitude is not null and longitude is not null
    order by date_bin($4 * interval '1 millisecond', at, $2), at";

pub(super) const MINUTES: &str = "
    select distinct on (date_bin($4 * interval '1 millisecond', minute, $2))
      minute, latitude, longitude, height_m_max, elevation_m_max, null::real,
      horizontal_speed_mps_max, mode_code_last, battery_percent_min
    from telemetry_1m
    where sn = $1 and minute >= $2 and minute < $3
      and latitude is not null and longitude is not null
    order by date_bin($4 * interval '1 millisecond', minute, $2), minute";

/// The track of a device in `[from, until)`, oldest first, thinned evenly in time to about
/// `points` points. Of more than six hours it is made of one-minute roll-ups, whose height and
/// speed are the greatest of the minute. `person`: if this person may see the device.
///
/// # Errors
/// That the database could not be asked.
pub async fn track(
    database: &Database,
    person: Option<Uuid>,
    sn: &DeviceSn,
    from: WallMs,
    until: WallMs,
    points: u16,
) -> Result<Vec<TrackPoint>, StoreError> {
    let span_ms = until.since_ms(from);
    if span_ms <= 0 {
        return Ok(Vec::new());
    }
    let step_ms = (span_ms / i64::from(points.clamp(1, POINTS_MAX))).max(1);
    let sql = if span_ms > MINUTES_FROM_MS { MINUTES } else { POINTS };
    let sn = sn.as_str();
    let (from, until) = (At(from), At(until));
    let params = [
        (&sn as _, Type::TEXT),
        (&from as _, Type::TIMESTAMPTZ),
        (&until as _, Type::TIMESTAMPTZ),
        (&step_ms as _, Type::INT8),
    ];
    let session = database.session().await?;
    let rows = session.query_for(person, sql, &params).await?;
    session.release();
    Ok(rows.iter().map(point).collect())
}

fn point(row: &Row) -> TrackPoint {
    let At(at_ms) = row.get(0);
    TrackPoint {
        at_ms,
        latitude: row.get(1),
        longitude: row.get(2),
        height_m: row.get(3),
        elevation_m: row.get(4),
        heading_deg: row.get(5),
        horizontal_speed_mps: row.get(6),
        mode_code: row.get(7),
        battery_percent: row.get(8),
    }
}
