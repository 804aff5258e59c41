//! Wayline files that must outlive the process: a flight that is planned needs its file.
//!
//! The caller bounds count and bytes; this keeps what it says and gives it back. A file whose time
//! is over is deleted: what flew it keeps name and identity with the mission.

use bytes::Bytes;
use fleet_types::WallMs;
use serde_json::Value;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::{database::Database, error::StoreError, json, sql::At};

/// A file and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredWayline {
    /// Identity.
    pub wayline_id: Uuid,
    /// Name given by people.
    pub name: String,
    /// MD5 of the file, lower-case hexadecimal.
    pub md5: String,
    /// Waypoints in it.
    pub waypoint_count: u32,
    /// What the caller wants to have back with it.
    pub info: Value,
    /// Who uploaded it.
    pub uploaded_by: String,
    /// When.
    pub created_ms: WallMs,
    /// The KMZ.
    pub file: Bytes,
}

/// Keeps a file and deletes those that gave way to it, in one transaction. Doing it again changes
/// nothing.
///
/// # Errors
/// The database did not, or does not say whether it did.
pub async fn keep(
    database: &Database,
    kept: &StoredWayline,
    gone: &[Uuid],
) -> Result<(), StoreError> {
    let session = database.session().await?;
    let name = json::text(&kept.name);
    let size = i64::try_from(kept.file.len()).unwrap_or(i64::MAX);
    let count = i32::try_from(kept.waypoint_count).unwrap_or(i32::MAX);
    let (info, created) = (json::value(&kept.info), At(kept.created_ms));
    let file: &[u8] = &kept.file;
    let params = [
        (&kept.wayline_id as _, Type::UUID),
        (&name as _, Type::TEXT),
        (&kept.md5 as _, Type::TEXT),
        (&size as _, Type::INT8),
        (&count as _, Type::INT4),
        (&info as _, Type::JSONB),
        (&kept.uploaded_by as _, Type::TEXT),
        (&created as _, Type::TIMESTAMPTZ),
        (&file as _, Type::BYTEA),
    ];
    let sql = "
        insert into waylines (wayline_id, name, file_md5, size_bytes, waypoint_count, info,
                              uploaded_by, created_at, file)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (wayline_id) do nothing";
    session.batch("begin").await?;
    session.execute(sql, &params).await?;
    let delete = "delete from waylines where wayline_id = any($1)";
    session.execute(delete, &[(&gone, Type::UUID_ARRAY)]).await?;
    session.batch("commit").await?;
    session.release();
    Ok(())
}

/// Every file that is kept, newest first, until the next would be beyond `max_files` or `max_bytes`.
///
/// # Errors
/// That the database could not be asked.
pub async fn load(
    database: &Database,
    max_files: usize,
    max_bytes: usize,
) -> Result<Vec<StoredWayline>, StoreError> {
    let limit = |limit: usize| i64::try_from(limit).unwrap_or(i64::MAX);
    let (max_files, max_bytes) = (limit(max_files), limit(max_bytes));
    let session = database.session().await?;
    let sql = "
        select wayline_id from (
          select wayline_id, created_at,
                 sum(size_bytes) over (order by created_at desc, wayline_id)::bigint as bytes,
                 row_number() over (order by created_at desc, wayline_id) as number
          from waylines where removed_at is null and file is not null
        ) w where bytes <= $1 and number <= $2 order by number";
    let ids = session.query(sql, &[(&max_bytes, Type::INT8), (&max_files, Type::INT8)]).await?;
    let mut found = Vec::new();
    // One at a time: together they may be hundreds of megabytes.
    for row in ids {
        let id: Uuid = row.get(0);
        let sql = "
            select wayline_id, name, file_md5, waypoint_count, info, uploaded_by, created_at, file
            from waylines where wayline_id = $1";
        let rows = session.query(sql, &[(&id, Type::UUID)]).await?;
        found.extend(rows.iter().map(|row| {
            let At(created_ms) = row.get(6);
            StoredWayline {
                wayline_id: row.get(0),
                name: row.get(1),
                md5: row.get(2),
                waypoint_count: u32::try_from(row.get::<_, i32>(3)).unwrap_or_default(),
                info: row.get(4),
                uploaded_by: row.get(5),
                created_ms,
                file: row.get::<_, Vec<u8>>(7).into(),
            }
        }));
    }
    session.release();
    Ok(found)
}
