//! What the database needs from time to time: days made ahead, old ones dropped, minutes rolled up.
//!
//! By our own SQL on our own timer, because extensions for it are not everywhere. Several towers
//! may do it at once: each step is harmless to repeat. A day is detached without locking out
//! readers and writers, and dropped when it is nobody's; it is never dropped before its minutes
//! are rolled up.

use std::time::Duration;

use fleet_types::WallMs;
use tokio_postgres::types::Type;

use crate::{
    database::{Database, wall_ms},
    error::StoreError,
    session::Session,
    sql::At,
};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// Rows of a minute may be this late before they are rolled up without the others.
const LATE_MS: i64 = 120_000;
/// Spans rolled up in one round; the rest waits for the next.
const SPANS_MAX: usize = 24;
/// Rows deleted by one statement, so that none takes long.
const DELETE_MAX: i64 = 5_000;
/// Statements of deletion in one round.
const DELETES_MAX: usize = 20;

/// What is kept for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpkeepSettings {
    /// Between two rounds.
    pub every: Duration,
    /// Telemetry, days.
    pub telemetry_days: u16,
    /// One-minute roll-ups, days.
    pub minutes_days: u16,
    /// Events, days.
    pub events_days: u16,
    /// What is over of commands, missions, alarms and the journal, days. What is open stays.
    pub records_days: u16,
    /// Days made ahead.
    pub days_ahead: u16,
}

impl Default for UpkeepSettings {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(60),
            telemetry_days: 30,
            minutes_days: 400,
            events_days: 400,
            records_days: 730,
            days_ahead: 3,
        }
    }
}

/// What one round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Days made.
    pub made: usize,
    /// Days dropped.
    pub dropped: Vec<String>,
    /// Spans of minutes rolled up.
    pub spans: usize,
    /// Old rows deleted: events, minutes, and what is over of everything else.
    pub deleted: u64,
}

/// Does it, for ever.
pub async fn run(database: Database, settings: UpkeepSettings) {
    loop {
        database.up().await;
        match round(&database, settings, wall_ms()).await {
            Ok(done) => tracing::debug!(?done, "database upkeep"),
            Err(error) if error.is_passing() => tracing::debug!(%error, "upkeep waits"),
            Err(error) => tracing::error!(%error, "the database could not be kept up"),
        }
        tokio::time::sleep(settings.every).await;
    }
}

/// Does it once.
///
/// # Errors
/// The first step that failed; the next round begins again.
pub async fn round(
    database: &Database,
    settings: UpkeepSettings,
    now: WallMs,
) -> Result<Round, StoreError> {
    let session = database.session().await?;
    let made = make_days(&session, settings.days_ahead, now).await?;
    let spans = roll_up(&session, now).await?;
    let dropped = drop_days(&session, days_before(now, settings.telemetry_days)).await?;
    let minutes = days_before(now, settings.minutes_days);
    let events = days_before(now, settings.events_days);
    let records = days_before(now, settings.records_days);
    let mut deleted = delete(&session, OLD_MINUTES, minutes).await?
        + delete(&session, OLD_EVENTS, events).await?
        + delete(&session, OLD_STREAMS, minutes).await?;
    for sql in [OLD_COMMANDS, OLD_MISSIONS, OLD_ALARMS, OLD_TIMES] {
        deleted += delete(&session, sql, records).await?;
    }
    deleted += delete_records(&session, records).await?;
    session.release();
    Ok(Round { made, dropped, spans, deleted })
}

const OLD_MINUTES: &str = "
    delete from telemetry_1m where (sn, minute) in
      (select sn, minute from telemetry_1m where minute < $1 limit $2)";
const OLD_EVENTS: &str = "
    delete from events where event_id in
      (select event_id from events where received_at < $1 order by received_at limit $2)";
const OLD_STREAMS: &str = "
    delete from gwanje.recorder_streams where stream_id in
      (select stream_id from gwanje.recorder_streams where changed_at < $1 limit $2)";

const OLD_COMMANDS: &str = "
    with old as (
      select command_id from commands
      where accepted_at < $1 and state in ('succeeded', 'failed', 'rejected', 'expired')
      order by accepted_at limit $2
    ), steps as (
      delete from command_steps where command_id in (select command_id from old)
    )
    delete from commands where command_id in (select command_id from old)";
const OLD_MISSIONS: &str = "
    with old as (
      select mission_id from missions where accepted_at < $1 and ended_at < $1
      order by accepted_at limit $2
    ), steps as (
      delete from mission_steps where mission_id in (select mission_id from old)
    )
    delete from missions where mission_id in (select mission_id from old)";
const OLD_ALARMS: &str = "
    delete from alarms where alarm_id in (
      select alarm_id from alarms where raised_at < $1 and changed_at < $1 and state = 'cleared'
      order by raised_at limit $2)";
const OLD_TIMES: &str = "
    delete from schedule_times where (schedule_id, at) in
      (select schedule_id, at from schedule_times where at < $1 order by at limit $2)";
// A mission that is open is told by the records of all its commands.
const OLD_RECORDS: &str = "
    with old as (
      select subject_id from journal_subjects s
      where closed_at < $1 and not exists (
        select from journal_subjects m where m.subject_id = s.mission_id and m.closed_at is null)
      order by closed_at limit $2
    ), records as (
      delete from journal where subject_id in (select subject_id from old)
    )
    delete from journal_subjects where subject_id in (select subject_id from old)";

/// The journal is append-only but for this transaction.
async fn delete_records(session: &Session, before: At) -> Result<u64, StoreError> {
    session.batch("begin; set local gwanje.retention = 'on'").await?;
    let deleted = delete(session, OLD_RECORDS, before).await?;
    session.batch("commit").await?;
    Ok(deleted)
}

fn days_before(now: WallMs, days: u16) -> At {
    At(WallMs(now.0.saturating_sub(i64::from(days) * DAY_MS)))
}

async fn make_days(session: &Session, ahead: u16, now: WallMs) -> Result<usize, StoreError> {
    let mut made = 0;
    for day in -1..=i64::from(ahead) {
        let noon = At(WallMs((now.0.div_euclid(DAY_MS) + day) * DAY_MS + DAY_MS / 2));
        let sql = "select gwanje.ensure_telemetry_day(($1 at time zone 'UTC')::date)";
        let rows = session.query(sql, &[(&noon, Type::TIMESTAMPTZ)]).await?;
        made += usize::from(rows.first().is_some_and(|row| row.get(0)));
    }
    Ok(made)
}

async fn roll_up(session: &Session, now: WallMs) -> Result<usize, StoreError> {
    let until = At(WallMs(now.0.saturating_sub(LATE_MS)));
    for span in 0..SPANS_MAX {
        let sql = "select gwanje.roll_up($1, '15 minutes')";
        let rows = session.query(sql, &[(&until, Type::TIMESTAMPTZ)]).await?;
        if !rows.first().is_some_and(|row| row.get(0)) {
            return Ok(span + 1);
        }
    }
    Ok(SPANS_MAX)
}

async fn drop_days(session: &Session, before: At) -> Result<Vec<String>, StoreError> {
    // Not beyond what is rolled up.
    let sql = "
        select part, is_pending from gwanje.telemetry_days_before(
          least($1, (select at from gwanje.watermarks where name = 'telemetry_1m')))
        union all
        select c.relname::text, null from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'gwanje_parts' and c.relname ~ '^telemetry_[0-9]{8}$'
          and not exists (select from pg_inherits i where i.inhrelid = c.oid)
          and to_date(right(c.relname, 8), 'YYYYMMDD') < ($1 at time zone 'UTC')::date";
    let rows = session.query(sql, &[(&before, Type::TIMESTAMPTZ)]).await?;
    let mut dropped = Vec::new();
    for row in rows {
        let part: String = row.get(0);
        // The name matches a pattern of digits: it needs no quoting.
        let detach = match row.get::<_, Option<bool>>(1) {
            Some(false) => Some("concurrently"),
            // A round before was interrupted half-way.
            Some(true) => Some("finalize"),
            None => None,
        };
        if let Some(how) = detach {
            let sql = format!("alter table telemetry detach partition gwanje_parts.{part} {how}");
            session.batch(&sql).await?;
        }
        session.batch(&format!("drop table gwanje_parts.{part}")).await?;
        tracing::info!(part, "a day of telemetry was dropped: its time is over");
        dropped.push(part);
    }
    Ok(dropped)
}

async fn delete(session: &Session, sql: &str, before: At) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for _ in 0..DELETES_MAX {
        let params = [(&before as _, Type::TIMESTAMPTZ), (&DELETE_MAX as _, Type::INT8)];
        let count = session.execute(sql, &params).await?;
        deleted += count;
        if count < DELETE_MAX as u64 {
            break;
        }
    }
    Ok(deleted)
}
