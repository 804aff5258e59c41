//! Who did what: written in batches, chained by the database, read by page, verified by ourselves.
//!
//! Entries go the journal's way ([`crate::journal::Journal`], with a queue and a spool of their own):
//! appending never waits, what the database cannot take lies in the spool, in order, and is written
//! once. The database gives numbers and hashes (`gwanje.audit_append`), so that several towers make one
//! chain. [`chain`] verifies without asking the database for anything but its rows. It refuses to
//! change or delete.

pub mod chain;
mod text;

use fleet_types::{
    DeviceSn,
    audit::{AuditEntry, AuditFilter, AuditHead, AuditVerdict, ChainedEntry},
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

pub use chain::{Checker, Fault, check_head, sha256};
pub use text::{CSV_HEADER, Parsed, csv_line, json_head, json_line, parse};

use crate::{
    database::Database,
    error::StoreError,
    journal::{Journal, Recorded, Writer},
    json,
    session::Session,
};

/// Rows that are read at a time, for checking and for export.
pub const CHUNK: u16 = 1000;

/// Appends to the audit; clones share one writer.
pub type Audit = Journal<AuditEntry>;
/// Writes what [`Audit`] was given.
pub type AuditWriter = Writer<AuditEntry>;

impl Recorded for AuditEntry {
    fn is_awaited(&self) -> bool {
        false
    }

    async fn write(session: &Session, entries: &[(Uuid, &Self)]) -> Result<(), StoreError> {
        // By way of a value: it takes what PostgreSQL's JSON cannot hold out.
        let texts: Vec<_> =
            entries.iter().map(|(_, entry)| json::value(entry).to_string()).collect();
        let params = [(&texts as _, Type::TEXT_ARRAY)];
        session.query("select gwanje.audit_append($1)", &params).await.map(drop)
    }

    fn say_refused(&self, error: &StoreError) {
        let Self { actor, action, .. } = self;
        tracing::error!(actor, action, %error, "an entry of the audit was refused for its content");
    }
}

// An action is asked for whole, or by what stands before its first dot.
pub(crate) const PAGE: &str = "
    select seq, prev_hash, hash, content from audit
    where seq < $1
      and ($2::bigint is null or at_ms >= $2) and ($3::bigint is null or at_ms < $3)
      and ($4::text is null or actor = $4) and ($5::text is null or sn = $5)
      and ($6::text is null or action = $6 or starts_with(action, $6 || '.'))
      and ($7::text is null or outcome = $7)
    order by seq desc limit $8";

const CHUNK_FROM: &str = "
    select seq, prev_hash, hash, content from audit where seq > $1 order by seq limit $2";

/// Entries, newest first, at most 500. `person`: those that this person may see.
///
/// # Errors
/// That the database could not be asked.
pub async fn page(
    database: &Database,
    person: Option<Uuid>,
    filter: &AuditFilter,
) -> Result<Vec<ChainedEntry>, StoreError> {
    let before = filter.before.unwrap_or(i64::MAX);
    let (from, until) = (filter.from_ms.map(|ms| ms.0), filter.until_ms.map(|ms| ms.0));
    let (actor, sn) = (filter.actor.as_deref(), filter.sn.as_ref().map(DeviceSn::as_str));
    let outcome = filter.outcome.map(|outcome| json::value(&outcome));
    let outcome = outcome.as_ref().and_then(serde_json::Value::as_str);
    let limit = i64::from(filter.limit.min(500));
    let params = [
        (&before as _, Type::INT8),
        (&from as _, Type::INT8),
        (&until as _, Type::INT8),
        (&actor as _, Type::TEXT),
        (&sn as _, Type::TEXT),
        (&filter.action as _, Type::TEXT),
        (&outcome as _, Type::TEXT),
        (&limit as _, Type::INT8),
    ];
    let session = database.session().await?;
    let rows = session.query_for(person, PAGE, &params).await?;
    session.release();
    Ok(rows.iter().map(entry).collect())
}

/// Entries in their order after number `after`, at most [`CHUNK`].
///
/// # Errors
/// That the database could not be asked.
pub async fn chunk(database: &Database, after: i64) -> Result<Vec<ChainedEntry>, StoreError> {
    let session = database.session().await?;
    let params = [(&after as _, Type::INT8), (&i64::from(CHUNK) as _, Type::INT8)];
    let rows = session.query(CHUNK_FROM, &params).await?;
    session.release();
    Ok(rows.iter().map(entry).collect())
}

/// Where the chain ends, by the database's own record of it.
///
/// # Errors
/// That the database could not be asked.
pub async fn head(database: &Database) -> Result<AuditHead, StoreError> {
    let session = database.session().await?;
    let rows = session.query("select seq, hash from gwanje.audit_head", &[]).await?;
    session.release();
    let row = rows.first().ok_or_else(|| StoreError::Unreadable {
        what: "the end of the audit".to_owned(),
        detail: "there is none".to_owned(),
    })?;
    Ok(AuditHead { seq: row.get(0), hash: chain::hex(row.get(1)) })
}

/// Reads every entry and checks that it is what was written, in its place, up to the recorded end;
/// with `recorded`, ends that were recorded elsewhere, that they are still in it.
///
/// # Errors
/// That the database could not be asked.
pub async fn verify(
    database: &Database,
    recorded: &[AuditHead],
) -> Result<AuditVerdict, StoreError> {
    // First the end: what is written meanwhile is no fault.
    let own = head(database).await?;
    let mut checker = Checker::new(recorded);
    while checker.head().seq < own.seq {
        let rows = chunk(database, checker.head().seq).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows.iter().take_while(|row| row.seq <= own.seq) {
            if let Err(fault) = checker.take(row) {
                return Ok(checker.verdict(Some(fault)));
            }
        }
        if rows.last().is_some_and(|row| row.seq > own.seq) {
            break;
        }
        tokio::task::yield_now().await;
    }
    let after = beyond(database, own.seq).await?;
    let fault = check_head(checker.head(), &own).err().or(after);
    let fault = fault.or_else(|| checker.missing());
    Ok(checker.verdict(fault))
}

/// Entries behind the recorded end that nobody appended: the end is read again, for what was
/// written meanwhile.
async fn beyond(database: &Database, seq: i64) -> Result<Option<Fault>, StoreError> {
    let rows = chunk(database, seq).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let now = head(database).await?;
    Ok((now.seq < last.seq).then(|| Fault {
        seq: now.seq + 1,
        why: "it stands behind the recorded end: it was put in past the audit".to_owned(),
    }))
}

fn entry(row: &Row) -> ChainedEntry {
    ChainedEntry {
        seq: row.get(0),
        prev_hash: chain::hex(row.get(1)),
        hash: chain::hex(row.get(2)),
        content: row.get(3),
    }
}
