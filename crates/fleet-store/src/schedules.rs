//! Recurring missions, and the record of each of their times.
//!
//! [`claim`] puts a time on record with the id of the mission that is to be made for it, before anybody is
//! asked for that mission. A time that is on record keeps its id: claimed again, after a restart or by
//! somebody else, it gives the first one's. That is what a mission is made once by.

use fleet_types::{
    DeviceSn, MissionId, Reason, ScheduleId, WallMs,
    schedule::{HandledTime, Occurrence, OccurrenceState, Schedule},
};
use serde_json::Value;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use crate::{database::Database, error::StoreError, json, sql::At};

/// Schedules of one tower at the most.
const SCHEDULES_MAX: i64 = 10_000;
/// Latest times that come back with a schedule.
const LATEST_MAX: i64 = 20;
/// Times in one list at the most.
const TIMES_MAX: u16 = 5_000;

/// A schedule as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSchedule {
    /// The schedule.
    pub schedule: Schedule,
    /// No time up to this one is handled again.
    pub handled_ms: WallMs,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// Its latest times, oldest first; every one that stands as asked is among them.
    pub latest: Vec<Occurrence>,
}

/// A time on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The only mission that is ever asked for it.
    pub mission_id: Option<MissionId>,
    /// Where it stands.
    pub state: OccurrenceState,
    /// Whether this call put it there.
    pub is_new: bool,
}

/// Keeps a schedule as it is now. How far it was handled never goes back.
///
/// # Errors
/// The database did not, or does not say whether it did.
pub async fn put(
    database: &Database,
    kept: &StoredSchedule,
    changed_by: &str,
) -> Result<(), StoreError> {
    let sql = "
        insert into schedules as s (schedule_id, site_id, sn, definition, handled_at, paused_by,
                                    changed_by)
        select $1, coalesce((select d.site_id from devices d where d.sn = $2),
                            '00000000-0000-4000-8000-000000000002'),
               $2, $3, $4, $5, $6
        on conflict (schedule_id) do update set
          site_id = excluded.site_id, sn = excluded.sn, definition = excluded.definition,
          handled_at = greatest(s.handled_at, excluded.handled_at),
          paused_by = excluded.paused_by, changed_by = excluded.changed_by, changed_at = now()";
    let id = kept.schedule.schedule_id.0;
    let (sn, definition) = (kept.schedule.sn.as_str(), json::value(&kept.schedule));
    let (handled, by) = (At(kept.handled_ms), json::text(changed_by));
    let paused_by = kept.paused_by.as_deref().map(json::text);
    let params = [
        (&id as _, Type::UUID),
        (&sn as _, Type::TEXT),
        (&definition as _, Type::JSONB),
        (&handled as _, Type::TIMESTAMPTZ),
        (&paused_by as _, Type::TEXT),
        (&by as _, Type::TEXT),
    ];
    let session = database.session().await?;
    session.execute(sql, &params).await?;
    session.release();
    Ok(())
}

/// Ends a schedule; the record of its times stays.
///
/// # Errors
/// The database did not, or does not say whether it did.
pub async fn remove(database: &Database, id: ScheduleId) -> Result<(), StoreError> {
    let session = database.session().await?;
    session.execute("delete from schedules where schedule_id = $1", &[(&id.0, Type::UUID)]).await?;
    session.release();
    Ok(())
}

/// Every schedule. A time that stands as asked and whose mission is in the journal was made: whoever
/// asked for it did not live to write that down.
///
/// # Errors
/// That the database could not be asked, or holds what this version cannot read.
pub async fn load(database: &Database) -> Result<Vec<StoredSchedule>, StoreError> {
    let session = database.session().await?;
    let made = "
        update schedule_times t set state = 'made', decided_at = now()
        where t.state = 'asked' and exists (
          select from journal j where j.subject_id = t.mission_id)";
    session.execute(made, &[]).await?;
    let sql = "
        select definition, handled_at, paused_by from schedules order by schedule_id limit $1";
    let rows = session.query(sql, &[(&SCHEDULES_MAX, Type::INT8)]).await?;
    let mut found = Vec::new();
    for row in &rows {
        let At(handled_ms) = row.get(1);
        found.push(StoredSchedule {
            schedule: typed("a schedule", row.get(0))?,
            handled_ms,
            paused_by: row.get(2),
            latest: Vec::new(),
        });
    }
    let times = "
        select schedule_id, at, state, mission_id, reason from (
          select t.*, row_number() over (partition by schedule_id order by at desc) as number
          from schedule_times t join schedules s using (schedule_id)
        ) numbered
        where number <= $1 or state = 'asked' order by schedule_id, at";
    for row in session.query(times, &[(&LATEST_MAX, Type::INT8)]).await? {
        let id = ScheduleId(row.get(0));
        let kept = found.iter_mut().find(|kept| kept.schedule.schedule_id == id);
        if let Some(kept) = kept {
            kept.latest.push(occurrence(&row, 1)?);
        }
    }
    session.release();
    Ok(found)
}

/// Puts a time on record as asked, with the id of its mission to be; `None` where the schedule is gone.
///
/// # Errors
/// The database did not, or does not say whether it did: claim it again.
pub async fn claim(
    database: &Database,
    schedule: &Schedule,
    at: WallMs,
    mission_id: MissionId,
) -> Result<Option<Claimed>, StoreError> {
    let sql = "
        with handled as (
          update schedules set handled_at = greatest(handled_at, $2) where schedule_id = $1
          returning site_id
        ), new as (
          insert into schedule_times (schedule_id, at, site_id, sn, name, state, mission_id)
          select $1, $2, site_id, $3, $4, 'asked', $5 from handled
          on conflict (schedule_id, at) do nothing
          returning mission_id, state
        )
        select mission_id, state, true from new
        union all
        select t.mission_id, t.state, false from schedule_times t
        where t.schedule_id = $1 and t.at = $2 and exists (select from handled)
          and not exists (select from new)";
    let (at, sn, name) = (At(at), schedule.sn.as_str(), json::text(&schedule.name));
    let params = [
        (&schedule.schedule_id.0 as _, Type::UUID),
        (&at as _, Type::TIMESTAMPTZ),
        (&sn as _, Type::TEXT),
        (&name as _, Type::TEXT),
        (&mission_id.0 as _, Type::UUID),
    ];
    let session = database.session().await?;
    let rows = session.query(sql, &params).await?;
    session.release();
    let claimed = |row: &Row| {
        Ok(Claimed {
            mission_id: row.get::<_, Option<Uuid>>(0).map(MissionId),
            state: typed("a time of a schedule", Value::String(row.get(1)))?,
            is_new: row.get(2),
        })
    };
    rows.first().map(claimed).transpose()
}

/// Puts on record what became of a time. What was settled before stays.
///
/// # Errors
/// The database did not, or does not say whether it did: say it again.
pub async fn settle(
    database: &Database,
    schedule: &Schedule,
    at: WallMs,
    state: OccurrenceState,
    reason: Option<&Reason>,
) -> Result<(), StoreError> {
    let sql = "
        with handled as (
          update schedules set handled_at = greatest(handled_at, $2) where schedule_id = $1
        )
        insert into schedule_times as t (schedule_id, at, site_id, sn, name, state, reason)
        select $1, $2, coalesce((select d.site_id from devices d where d.sn = $3),
                                '00000000-0000-4000-8000-000000000002'), $3, $4, $5, $6
        on conflict (schedule_id, at) do update set
          state = excluded.state, reason = excluded.reason, decided_at = now(),
          mission_id = case when excluded.state = 'made' then t.mission_id end
        where t.state = 'asked'";
    let (at, sn, name) = (At(at), schedule.sn.as_str(), json::text(&schedule.name));
    let state = json::value(&state).as_str().unwrap_or_default().to_owned();
    let reason = reason.map(json::value);
    let params = [
        (&schedule.schedule_id.0 as _, Type::UUID),
        (&at as _, Type::TIMESTAMPTZ),
        (&sn as _, Type::TEXT),
        (&name as _, Type::TEXT),
        (&state as _, Type::TEXT),
        (&reason as _, Type::JSONB),
    ];
    let session = database.session().await?;
    session.execute(sql, &params).await?;
    session.release();
    Ok(())
}

pub(crate) const TIMES: &str = "
    select schedule_id, name, sn, at, state, mission_id, reason from schedule_times
    where at >= $1 and at < $2 order by at desc limit $3";

/// Times on record in `[from, until)`, newest first. `person`: those that this person may see.
///
/// # Errors
/// That the database could not be asked, or holds what this version cannot read.
pub async fn times(
    database: &Database,
    person: Option<Uuid>,
    from: WallMs,
    until: WallMs,
    limit: u16,
) -> Result<Vec<HandledTime>, StoreError> {
    let (from, until, limit) = (At(from), At(until), i64::from(limit.min(TIMES_MAX)));
    let params = [
        (&from as _, Type::TIMESTAMPTZ),
        (&until as _, Type::TIMESTAMPTZ),
        (&limit as _, Type::INT8),
    ];
    let session = database.session().await?;
    let rows = session.query_for(person, TIMES, &params).await?;
    session.release();
    let time = |row: &Row| {
        let sn: DeviceSn = typed("a time of a schedule", Value::String(row.get(2)))?;
        Ok(HandledTime {
            schedule_id: ScheduleId(row.get(0)),
            name: row.get(1),
            sn,
            occurrence: occurrence(row, 3)?,
        })
    };
    rows.iter().map(time).collect()
}

/// Of four columns from this one on: time, state, mission, reason.
fn occurrence(row: &Row, first: usize) -> Result<Occurrence, StoreError> {
    let At(at_ms) = row.get(first);
    let state = typed("a time of a schedule", Value::String(row.get(first + 1)))?;
    let reason: Option<Value> = row.get(first + 3);
    let mission_id = row.get::<_, Option<Uuid>>(first + 2).map(MissionId);
    Ok(Occurrence {
        at_ms,
        state,
        mission_id: mission_id.filter(|_| state != OccurrenceState::Skipped),
        reason: reason.map(|reason| typed("a reason", reason)).transpose()?,
    })
}

fn typed<T: serde::de::DeserializeOwned>(what: &str, value: Value) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::Unreadable {
        what: what.to_owned(),
        detail: error.to_string(),
    })
}
