//! What happened: events, alarms, commands, missions, by time, newest first.

use fleet_types::{
    CommandStatus, DeviceSn, MissionId, MissionStatus, TraceId, WallMs, alarm::AlarmStatus,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{Span, typed};
use crate::{database::Database, error::StoreError, sql::At};

/// Later than any mission: the year 2270.
const END_MS: i64 = 9_466_848_000_000;

/// An event as it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Identity, made of what the event says.
    pub event_id: Uuid,
    /// Dock that said it.
    pub sn: DeviceSn,
    /// DJI method.
    pub method: String,
    /// DJI data.
    pub data: Value,
    /// Flow.
    pub trace_id: Option<TraceId>,
    /// The device's time.
    pub source_ms: Option<WallMs>,
    /// Ours.
    pub received_ms: WallMs,
}

macro_rules! by_time {
    ($of_one:ident $of_all:ident $columns:literal $table:literal $time:literal) => {
        pub(super) const $of_one: &str = concat!(
            "select ",
            $columns,
            " from ",
            $table,
            " where sn = $1 and ",
            $time,
            " >= $2 and ",
            $time,
            " < $3 order by ",
            $time,
            " desc limit $4"
        );
        // The first parameter is there so that both take the same ones.
        pub(super) const $of_all: &str = concat!(
            "select ",
            $columns,
            " from ",
            $table,
            " where $1::text is null and ",
            $time,
            " >= $2 and ",
            $time,
            " < $3 order by ",
            $time,
            " desc limit $4"
        );
    };
}

by_time!(EVENTS_OF_ONE EVENTS "event_id, sn, method, data, trace_id, source_at, received_at"
    "events" "received_at");
by_time!(ALARMS_OF_ONE ALARMS "status" "alarms" "raised_at");
by_time!(COMMANDS_OF_ONE COMMANDS "status" "commands" "accepted_at");
by_time!(MISSIONS_OF_ONE MISSIONS "status" "missions" "accepted_at");

// Rows, not spans: what was taken in the same millisecond is not left out between two pages.
pub(super) const MISSIONS_PAGE_OF_ONE: &str = "
    select status from missions where sn = $1 and (accepted_at, mission_id) < ($2, $3)
    order by accepted_at desc, mission_id desc limit $4";
pub(super) const MISSIONS_PAGE: &str = "
    select status from missions where $1::text is null and (accepted_at, mission_id) < ($2, $3)
    order by accepted_at desc, mission_id desc limit $4";
pub(super) const MISSION: &str = "select status from missions where mission_id = $1";

pub(super) const OPEN_ALARMS: &str =
    "select status from alarms where state <> 'cleared' order by raised_at";
// Of one that is over its shelf may still count.
pub(super) const REMEMBERED_ALARMS: &str = "
    select status, origin from alarms where state <> 'cleared' and origin is not null
    union all
    select status, origin from alarms
    where state = 'cleared' and shelved_until > $1 and origin is not null";
pub(super) const OPEN_MISSIONS: &str =
    "select status from missions where ended_at is null order by accepted_at";

/// Events by time of receipt.
///
/// # Errors
/// That the database could not be asked, or holds what this version cannot read.
pub async fn events(database: &Database, span: &Span) -> Result<Vec<StoredEvent>, StoreError> {
    let rows = rows(database, span, EVENTS_OF_ONE, EVENTS).await?;
    rows.iter().map(event).collect()
}

/// Alarms by the time they were raised last.
///
/// # Errors
/// As [`events`].
pub async fn alarms(database: &Database, span: &Span) -> Result<Vec<AlarmStatus>, StoreError> {
    statuses("an alarm", &rows(database, span, ALARMS_OF_ONE, ALARMS).await?)
}

/// Commands by the time they were taken.
///
/// # Errors
/// As [`events`].
pub async fn commands(database: &Database, span: &Span) -> Result<Vec<CommandStatus>, StoreError> {
    statuses("a command", &rows(database, span, COMMANDS_OF_ONE, COMMANDS).await?)
}

/// Missions by the time they were taken.
///
/// # Errors
/// As [`events`].
pub async fn missions(database: &Database, span: &Span) -> Result<Vec<MissionStatus>, StoreError> {
    statuses("a mission", &rows(database, span, MISSIONS_OF_ONE, MISSIONS).await?)
}

/// Missions that were taken before one, newest first, at most 200: of one dock, or of all. Without
/// one the newest. `person`: those that this person may see.
///
/// # Errors
/// As [`events`].
pub async fn missions_before(
    database: &Database,
    person: Option<Uuid>,
    sn: Option<&DeviceSn>,
    before: Option<(WallMs, MissionId)>,
    limit: u16,
) -> Result<Vec<MissionStatus>, StoreError> {
    let (at, id) = before.unwrap_or((WallMs(END_MS), MissionId(Uuid::max())));
    let sql = if sn.is_some() { MISSIONS_PAGE_OF_ONE } else { MISSIONS_PAGE };
    let (sn, at, limit) = (sn.map(DeviceSn::as_str), At(at), i64::from(limit.min(200)));
    let params = [
        (&sn as _, Type::TEXT),
        (&at as _, Type::TIMESTAMPTZ),
        (&id.0 as _, Type::UUID),
        (&limit as _, Type::INT8),
    ];
    let session = database.session().await?;
    let rows = session.query_for(person, sql, &params).await?;
    session.release();
    statuses("a mission", &rows)
}

/// One mission, if this person may see it.
///
/// # Errors
/// As [`events`].
pub async fn mission(
    database: &Database,
    person: Option<Uuid>,
    id: MissionId,
) -> Result<Option<MissionStatus>, StoreError> {
    let session = database.session().await?;
    let rows = session.query_for(person, MISSION, &[(&id.0, Type::UUID)]).await?;
    session.release();
    rows.first().map(|row| typed("a mission", row.get(0))).transpose()
}

/// Alarms that are not over, oldest first.
///
/// # Errors
/// As [`events`].
pub async fn open_alarms(database: &Database) -> Result<Vec<AlarmStatus>, StoreError> {
    let session = database.session().await?;
    let rows = session.query(OPEN_ALARMS, &[]).await?;
    session.release();
    statuses("an alarm", &rows)
}

/// Alarms that their component has to know after a restart, each with what it said of its origin.
///
/// # Errors
/// As [`events`].
pub async fn remembered_alarms(
    database: &Database,
    now: WallMs,
) -> Result<Vec<(AlarmStatus, Value)>, StoreError> {
    let session = database.session().await?;
    let rows = session.query(REMEMBERED_ALARMS, &[(&At(now), Type::TIMESTAMPTZ)]).await?;
    session.release();
    rows.iter().map(|row| Ok((typed("an alarm", row.get(0))?, row.get(1)))).collect()
}

/// Missions whose end is not recorded, oldest first. For people: what is really open is told by
/// the journal.
///
/// # Errors
/// As [`events`].
pub async fn open_missions(database: &Database) -> Result<Vec<MissionStatus>, StoreError> {
    let session = database.session().await?;
    let rows = session.query(OPEN_MISSIONS, &[]).await?;
    session.release();
    statuses("a mission", &rows)
}

async fn rows(
    database: &Database,
    span: &Span,
    of_one: &str,
    of_all: &str,
) -> Result<Vec<Row>, StoreError> {
    let sn = span.sn.as_ref().map(DeviceSn::as_str);
    let (from, until, limit) = (At(span.from), At(span.until), span.limit());
    let params = [
        (&sn as _, Type::TEXT),
        (&from as _, Type::TIMESTAMPTZ),
        (&until as _, Type::TIMESTAMPTZ),
        (&limit as _, Type::INT8),
    ];
    let session = database.session().await?;
    let rows = session.query(span.sql(of_one, of_all), &params).await?;
    session.release();
    Ok(rows)
}

fn statuses<T: DeserializeOwned>(what: &str, rows: &[Row]) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|row| typed(what, row.get(0))).collect()
}

fn event(row: &Row) -> Result<StoredEvent, StoreError> {
    let time = |At(ms): At| ms;
    Ok(StoredEvent {
        event_id: row.get(0),
        sn: typed("an event", Value::String(row.get(1)))?,
        method: row.get(2),
        data: row.get(3),
        trace_id: row.get::<_, Option<Uuid>>(4).map(TraceId),
        source_ms: row.get::<_, Option<At>>(5).map(time),
        received_ms: time(row.get(6)),
    })
}
