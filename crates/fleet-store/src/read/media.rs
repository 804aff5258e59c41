//! Files that docks uploaded, newest first, and how many of a flight's are there.

use fleet_types::{DeviceSn, MissionId, WallMs};
use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::typed;
use crate::{database::Database, error::StoreError, sql::At};

/// Later than any file: the year 2270.
const END_MS: i64 = 9_466_848_000_000;

macro_rules! files {
    ($name:ident $which:literal) => {
        // All take the same parameters.
        const $name: &str = concat!(
            "select media_id, sn, mission_id, object_key, name, kind, taken_at, stored_at, latitude,
                    longitude, expected_count, info
             from media where ",
            $which,
            " and (stored_at, media_id) < ($3, $4) order by stored_at desc, media_id desc limit $5"
        );
    };
}

files!(OF_MISSION "mission_id = $2 and ($1::text is null or sn = $1)");
files!(OF_DOCK "sn = $1 and $2::uuid is null");
files!(OF_ALL "$1::text is null and $2::uuid is null");

const ONE: &str = "
    select media_id, sn, mission_id, object_key, name, kind, taken_at, stored_at, latitude,
           longitude, expected_count, info
    from media where media_id = $1";
const COUNTS: &str = "
    select mission_id, sn, count(*), max(expected_count) from media
    where mission_id = any($1) group by mission_id, sn order by mission_id, sn";

/// A file as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMedia {
    /// Identity, made of its key.
    pub media_id: Uuid,
    /// Dock that uploaded it.
    pub sn: DeviceSn,
    /// Flight it is of.
    pub mission_id: Option<MissionId>,
    /// Key in the object store.
    pub object_key: String,
    /// Its name.
    pub name: String,
    /// `photo`, `video` or `other`.
    pub kind: String,
    /// When it was taken, where the dock said so with a zone.
    pub taken_ms: Option<WallMs>,
    /// When the dock said that it is there.
    pub stored_ms: WallMs,
    /// Where, WGS 84, degrees.
    pub latitude: Option<f64>,
    /// Where, WGS 84, degrees.
    pub longitude: Option<f64>,
    /// Files of its flight, as the dock counted when it reported this one.
    pub expected_count: Option<i32>,
    /// What the dock said.
    pub info: Value,
}

/// Which files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaPage {
    /// Of one dock.
    pub sn: Option<DeviceSn>,
    /// Of one flight.
    pub mission_id: Option<MissionId>,
    /// Older than this one.
    pub before: Option<(WallMs, Uuid)>,
    /// At the most; 1,000 is the bound.
    pub limit: u16,
}

/// How many files of a flight one dock brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaCount {
    /// The flight.
    pub mission_id: MissionId,
    /// The dock.
    pub sn: DeviceSn,
    /// Files that are there.
    pub arrived: i64,
    /// Files that the dock counted.
    pub expected: Option<i32>,
}

/// Files, newest first; with `person`, those that this person may see.
///
/// # Errors
/// That the database could not be asked, or holds what this version cannot read.
pub async fn media(
    database: &Database,
    person: Option<Uuid>,
    page: &MediaPage,
) -> Result<Vec<StoredMedia>, StoreError> {
    let sql = match (&page.mission_id, &page.sn) {
        (Some(_), _) => OF_MISSION,
        (None, Some(_)) => OF_DOCK,
        (None, None) => OF_ALL,
    };
    let (at, id) = page.before.unwrap_or((WallMs(END_MS), Uuid::max()));
    let sn = page.sn.as_ref().map(DeviceSn::as_str);
    let mission = page.mission_id.map(|id| id.0);
    let (at, limit) = (At(at), i64::from(page.limit.min(1_000)));
    let params = [
        (&sn as _, Type::TEXT),
        (&mission as _, Type::UUID),
        (&at as _, Type::TIMESTAMPTZ),
        (&id as _, Type::UUID),
        (&limit as _, Type::INT8),
    ];
    let session = database.session().await?;
    let rows = session.query_for(person, sql, &params).await?;
    session.release();
    rows.iter().map(file).collect()
}

/// One file, if this person may see it.
///
/// # Errors
/// As [`media`].
pub async fn media_file(
    database: &Database,
    person: Option<Uuid>,
    id: Uuid,
) -> Result<Option<StoredMedia>, StoreError> {
    let session = database.session().await?;
    let rows = session.query_for(person, ONE, &[(&id, Type::UUID)]).await?;
    session.release();
    rows.first().map(file).transpose()
}

/// How many files of these flights are there; of those that this person may see.
///
/// # Errors
/// As [`media`].
pub async fn media_counts(
    database: &Database,
    person: Option<Uuid>,
    missions: &[MissionId],
) -> Result<Vec<MediaCount>, StoreError> {
    let ids: Vec<Uuid> = missions.iter().map(|id| id.0).collect();
    let session = database.session().await?;
    let rows = session.query_for(person, COUNTS, &[(&ids, Type::UUID_ARRAY)]).await?;
    session.release();
    let count = |row: &Row| {
        Ok(MediaCount {
            mission_id: MissionId(row.get(0)),
            sn: typed("a file", Value::String(row.get(1)))?,
            arrived: row.get(2),
            expected: row.get(3),
        })
    };
    rows.iter().map(count).collect()
}

fn file(row: &Row) -> Result<StoredMedia, StoreError> {
    let time = |At(ms): At| ms;
    Ok(StoredMedia {
        media_id: row.get(0),
        sn: typed("a file", Value::String(row.get(1)))?,
        mission_id: row.get::<_, Option<Uuid>>(2).map(MissionId),
        object_key: row.get(3),
        name: row.get(4),
        kind: row.get(5),
        taken_ms: row.get::<_, Option<At>>(6).map(time),
        stored_ms: row.get::<_, Option<At>>(7).map_or(WallMs(0), time),
        latitude: row.get(8),
        longitude: row.get(9),
        expected_count: row.get(10),
        info: row.get(11),
    })
}
