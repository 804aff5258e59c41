//! What was under way when the last tower ended.

use std::collections::BTreeMap;

use fleet_core::journal::Record;
use fleet_types::{DeviceSn, WallMs};
use tokio_postgres::types::Type;

use crate::{database::Database, error::StoreError, sql::At};

/// Closed commands and missions that are loaded at the most.
pub const CLOSED_MAX: i64 = 20_000;

/// A record and its place in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Grows with every record; the order in which they became safe.
    pub seq: i64,
    /// The record.
    pub record: Record,
}

// A mission brings all its commands along, the closed ones too: whether its take-off may have
// left is told by them.
pub(crate) const OPEN: &str = "
    with open as materialized (
      select subject_id, subject_kind from journal_subjects where closed_at is null
      union all
      (select subject_id, subject_kind from journal_subjects where closed_at >= $1
       order by closed_at desc limit $2)
    ), wanted as (
      select subject_id from open
      union
      select s.subject_id from open o
      join journal_subjects s on s.mission_id = o.subject_id
      where o.subject_kind = 'mission'
    )
    select j.seq, j.record from wanted w
    join lateral (select seq, record from journal where subject_id = w.subject_id offset 0) j on true
    order by j.seq";

/// Every record of every command and mission that is open, or was closed at `closed_since` or later
/// (the latest [`CLOSED_MAX`] of those: their keys must still be known), by dock, in the order in
/// which they became safe; with a mission also those of all its commands.
///
/// # Errors
/// That the database could not be asked, or holds a record that this version cannot read.
pub async fn load_open(
    database: &Database,
    closed_since: WallMs,
) -> Result<BTreeMap<DeviceSn, Vec<Stored>>, StoreError> {
    let session = database.session().await?;
    let rows = session
        .query(OPEN, &[(&At(closed_since), Type::TIMESTAMPTZ), (&CLOSED_MAX, Type::INT8)])
        .await?;
    session.release();
    let mut open: BTreeMap<DeviceSn, Vec<Stored>> = BTreeMap::new();
    for row in rows {
        let seq: i64 = row.get(0);
        let record: Record =
            serde_json::from_value(row.get(1)).map_err(|error| StoreError::Unreadable {
                what: format!("journal record {seq}"),
                detail: error.to_string(),
            })?;
        open.entry(record.sn.clone()).or_default().push(Stored { seq, record });
    }
    Ok(open)
}
