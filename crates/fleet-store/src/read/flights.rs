//! Flights: missions that were ordered to take off, with what was heard meanwhile.

use fleet_types::{
    DeviceSn, MissionId, MissionStatus, WallMs,
    flight::{FlightEvent, FlightFilter, FlightRecord, FlightSeries, TelemetryRow},
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{Span, alarms, commands, events, mission, typed};
use crate::{database::Database, error::StoreError, json, sql::At};

/// Later than any flight: the year 2270.
const END_MS: i64 = 9_466_848_000_000;
/// Around a flight that much is shown, milliseconds.
const AROUND_MS: i64 = 60_000;
/// A flight that did not end is followed no longer than this, milliseconds.
const LONGEST_MS: i64 = 24 * 3_600_000;
const COMMANDS_MAX: u16 = 500;
const EVENTS_MAX: u16 = 2_000;
const ALARMS_MAX: u16 = 500;
/// Points of a series at the most.
const POINTS_MAX: u16 = 10_000;
/// The step of a mission at which take-off was ordered.
const TAKE_OFF: &str = "execute";

macro_rules! page_of_flights {
    ($which:literal) => {
        concat!(
            "select status from missions m where ",
            $which,
            " and (accepted_at, mission_id) < ($2, $3) and accepted_at >= $4 and accepted_at < $5
               and ($6::text is null or verdict = $6)
               and ($7::text is null or wayline_name ilike $7)
               and exists (select from mission_steps s
                           where s.mission_id = m.mission_id and s.step = 'execute')
             order by accepted_at desc, mission_id desc limit $8"
        )
    };
}
pub(super) const FLIGHTS_OF_ONE: &str = page_of_flights!("sn = $1");
// The first parameter is there so that both take the same ones.
pub(super) const FLIGHTS: &str = page_of_flights!("$1::text is null");

/// Flights, newest first. `person`: those that this person may see.
///
/// # Errors
/// That the database could not be asked, or holds what this version cannot read.
pub async fn flights(
    database: &Database,
    person: Option<Uuid>,
    filter: &FlightFilter,
) -> Result<Vec<MissionStatus>, StoreError> {
    let (at, id) = filter.before.unwrap_or((WallMs(END_MS), MissionId(Uuid::max())));
    let sn = filter.sn.as_ref().map(DeviceSn::as_str);
    let from = At(filter.from_ms.unwrap_or(WallMs(0)));
    let until = At(filter.until_ms.unwrap_or(WallMs(END_MS)));
    let verdict = filter.verdict.map(|verdict| json::value(&verdict));
    let verdict = verdict.as_ref().and_then(|verdict| verdict.as_str());
    let wayline = filter.wayline.as_deref().map(like);
    let (at, limit) = (At(at), i64::from(filter.limit.min(200)));
    let params = [
        (&sn as _, Type::TEXT),
        (&at as _, Type::TIMESTAMPTZ),
        (&id.0 as _, Type::UUID),
        (&from as _, Type::TIMESTAMPTZ),
        (&until as _, Type::TIMESTAMPTZ),
        (&verdict as _, Type::TEXT),
        (&wayline as _, Type::TEXT),
        (&limit as _, Type::INT8),
    ];
    let sql = if sn.is_some() { FLIGHTS_OF_ONE } else { FLIGHTS };
    let session = database.session().await?;
    let rows = session.query_for(person, sql, &params).await?;
    session.release();
    rows.iter().map(|row| typed("a mission", row.get(0))).collect()
}

/// What holds this text, to the letter.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in json::text(text).chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// When a mission's take-off was ordered; nothing when it was not.
fn taken_off(mission: &MissionStatus) -> Option<WallMs> {
    mission.steps.iter().find(|step| step.step == TAKE_OFF).map(|step| step.at_ms)
}

/// A flight and what is on record of it, if `person` may see it; nothing for a mission that never was
/// ordered to take off.
///
/// # Errors
/// As [`flights`].
pub async fn flight(
    database: &Database,
    person: Option<Uuid>,
    id: MissionId,
    now: WallMs,
) -> Result<Option<FlightRecord>, StoreError> {
    let Some(mission) = mission(database, person, id).await? else { return Ok(None) };
    let Some(began) = taken_off(&mission) else { return Ok(None) };
    let from_ms = WallMs(began.0.saturating_sub(AROUND_MS));
    let ended = mission.ended_ms.unwrap_or(now);
    let until_ms = WallMs(ended.0.saturating_add(AROUND_MS).min(began.0 + LONGEST_MS));
    let aircraft = aircraft(database, &mission.sn, from_ms, until_ms).await?;
    // Whoever may see the mission may see its dock, and so what the dock said.
    let span = |sn: &DeviceSn, limit: u16| Span {
        sn: Some(sn.clone()),
        from: from_ms,
        until: until_ms,
        limit,
    };
    let mut given = commands(database, &span(&mission.sn, COMMANDS_MAX)).await?;
    given.extend(of_mission(database, id, from_ms).await?);
    given.sort_by_key(|command| (command.accepted_ms, command.command_id));
    let mut heard = events(database, &span(&mission.sn, EVENTS_MAX)).await?;
    let has_more_events = heard.len() >= usize::from(EVENTS_MAX);
    heard.reverse();
    let heard = heard.into_iter().map(|event| FlightEvent {
        at_ms: event.received_ms,
        method: event.method,
        data: event.data,
    });
    let mut raised = Vec::new();
    for sn in std::iter::once(&mission.sn).chain(&aircraft) {
        raised.extend(alarms(database, &span(sn, ALARMS_MAX)).await?);
    }
    raised.sort_by_key(|alarm| (alarm.raised_ms, alarm.alarm_id));
    let events = heard.collect();
    Ok(Some(FlightRecord {
        mission,
        aircraft,
        from_ms,
        until_ms,
        commands: given,
        events,
        has_more_events,
        alarms: raised,
    }))
}

/// Its commands from before the flight: what prepared it.
async fn of_mission(
    database: &Database,
    id: MissionId,
    before: WallMs,
) -> Result<Vec<fleet_types::CommandStatus>, StoreError> {
    let sql = "select status from commands where mission_id = $1 and accepted_at < $2 limit 100";
    let session = database.session().await?;
    let params = [(&id.0 as _, Type::UUID), (&At(before) as _, Type::TIMESTAMPTZ)];
    let rows = session.query(sql, &params).await?;
    session.release();
    rows.iter().map(|row| typed("a command", row.get(0))).collect()
}

// Those that are the dock's today are asked first: of the others each may have many rows of another's.
const ITS_AIRCRAFT: &str = "
    select d.sn from devices d
    where d.class <> 'dock' and d.gateway_sn = $1 and exists (
      select from telemetry t where t.sn = d.sn and t.gateway_sn = $1 and t.at >= $2 and t.at < $3)
    order by d.sn limit 4";
const ANY_AIRCRAFT: &str = "
    select d.sn from devices d
    where d.class <> 'dock' and exists (
      select from telemetry t where t.sn = d.sn and t.gateway_sn = $1 and t.at >= $2 and t.at < $3)
    order by d.sn limit 4";

async fn aircraft(
    database: &Database,
    dock: &DeviceSn,
    from: WallMs,
    until: WallMs,
) -> Result<Vec<DeviceSn>, StoreError> {
    let (dock, from, until) = (dock.as_str(), At(from), At(until));
    let params = [
        (&dock as _, Type::TEXT),
        (&from as _, Type::TIMESTAMPTZ),
        (&until as _, Type::TIMESTAMPTZ),
    ];
    let session = database.session().await?;
    let mut rows = session.query(ITS_AIRCRAFT, &params).await?;
    if rows.is_empty() {
        rows = session.query(ANY_AIRCRAFT, &params).await?;
    }
    session.release();
    rows.iter().map(|row| typed("an aircraft", serde_json::Value::String(row.get(0)))).collect()
}

macro_rules! columns {
    () => {
        "at, report_no, latitude, longitude, height_m, elevation_m, heading_deg,
         horizontal_speed_mps, vertical_speed_mps, wind_speed_mps, home_distance_m,
         battery_percent, mode_code, gps_count, rtk_count, sdr_quality"
    };
}

pub(super) const SERIES: &str = concat!(
    "select distinct on (date_bin($4 * interval '1 millisecond', at, $2)) ",
    columns!(),
    " from telemetry where sn = $1 and at >= $2 and at < $3
      order by date_bin($4 * interval '1 millisecond', at, $2), at, report_no"
);

/// Telemetry of a device in `[from, until)`, oldest first, thinned evenly in time to about `points`
/// points. `person`: if this person may see the device.
///
/// # Errors
/// As [`flights`].
pub async fn series(
    database: &Database,
    person: Option<Uuid>,
    sn: &DeviceSn,
    (from, until): (WallMs, WallMs),
    points: u16,
) -> Result<FlightSeries, StoreError> {
    let span_ms = until.since_ms(from).clamp(1, LONGEST_MS);
    let step_ms = (span_ms / i64::from(points.clamp(1, POINTS_MAX))).max(1);
    let name = sn.as_str();
    let (from, until) = (At(from), At(WallMs(from.0 + span_ms)));
    let params = [
        (&name as _, Type::TEXT),
        (&from as _, Type::TIMESTAMPTZ),
        (&until as _, Type::TIMESTAMPTZ),
        (&step_ms as _, Type::INT8),
    ];
    let session = database.session().await?;
    let rows = session.query_for(person, SERIES, &params).await?;
    session.release();
    let rows: Vec<_> = rows.iter().map(row).collect();
    Ok(FlightSeries::of(Some(sn.clone()), step_ms, &rows))
}

pub(super) const ROWS: &str = concat!(
    "select ",
    columns!(),
    " from telemetry where sn = $1 and at >= $2 and at < $3 and (at, report_no) > ($2, $4)
      order by at, report_no limit $5"
);

/// Every row of a device after one (time and number) and before a time, oldest first, at most `limit`.
///
/// # Errors
/// As [`flights`].
pub async fn rows_after(
    database: &Database,
    person: Option<Uuid>,
    sn: &DeviceSn,
    (after, report_no): (WallMs, i64),
    until: WallMs,
    limit: u16,
) -> Result<Vec<TelemetryRow>, StoreError> {
    let name = sn.as_str();
    let (after, until, limit) = (At(after), At(until), i64::from(limit));
    let params = [
        (&name as _, Type::TEXT),
        (&after as _, Type::TIMESTAMPTZ),
        (&until as _, Type::TIMESTAMPTZ),
        (&report_no as _, Type::INT8),
        (&limit as _, Type::INT8),
    ];
    let session = database.session().await?;
    let rows = session.query_for(person, ROWS, &params).await?;
    session.release();
    Ok(rows.iter().map(row).collect())
}

fn row(row: &Row) -> TelemetryRow {
    let At(at_ms) = row.get(0);
    TelemetryRow {
        at_ms,
        report_no: row.get(1),
        latitude_deg: row.get(2),
        longitude_deg: row.get(3),
        height_m: row.get(4),
        elevation_m: row.get(5),
        heading_deg: row.get(6),
        horizontal_speed_mps: row.get(7),
        vertical_speed_mps: row.get(8),
        wind_speed_mps: row.get(9),
        home_distance_m: row.get(10),
        battery_percent: row.get(11),
        mode_code: row.get(12),
        gps_count: row.get(13),
        rtk_count: row.get(14),
        sdr_quality: row.get(15),
    }
}
