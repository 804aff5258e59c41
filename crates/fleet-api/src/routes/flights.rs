//! Flights: what is on record of missions that were ordered to take off, and their files.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_types::{
    DeviceSn, MissionId, MissionStatus, WallMs,
    flight::{FlightFilter, FlightRecord, FlightSeries},
    mission::Verdict,
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::missions::{away, cursor};
use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    extract::{InPath, InQuery},
    flight_files::{Format, Phase, Writer},
    problem::Problem,
    services::History,
};

const MAX_LISTED: u16 = 200;
const MAX_NAME_CHARS: usize = 128;
/// Points of a series where nobody says how many.
const POINTS: u16 = 1_500;
const MAX_POINTS: u16 = 10_000;
/// Rows of an export that are asked for at once.
const ROWS: u16 = 1_000;

/// What is looked for; what is absent does not narrow.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Of this dock.
    sn: Option<DeviceSn>,
    /// Taken from this time on, epoch milliseconds.
    from_ms: Option<WallMs>,
    /// Taken before this time, epoch milliseconds.
    until_ms: Option<WallMs>,
    /// That ended so.
    verdict: Option<Verdict>,
    /// Whose wayline's name holds this, whatever its case; at most 128 characters.
    wayline: Option<String>,
    /// `next` of the page before.
    before: Option<String>,
    /// 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
}

/// A page of flights.
#[derive(Serialize, ToSchema)]
pub(crate) struct Flights {
    /// Newest first.
    flights: Vec<MissionStatus>,
    /// Where the next page begins; none after the last.
    next: Option<String>,
}

fn history(app: &App) -> Result<Arc<dyn History>, Problem> {
    app.system.history().ok_or_else(|| {
        let detail = "flights are kept in the database, and this tower has none";
        Problem::not_found("no_flights_here", detail)
    })
}

/// Lists flights, newest first, a page at a time.
#[utoipa::path(
    operation_id = "list_flights",
    get, path = "/api/v1/flights", tag = "flights", params(Asked),
    responses(
        (status = 200, body = Flights),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`no_flights_here`: there is no database"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`history_away`"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<Flights>, Problem> {
    let limit = asked.limit.unwrap_or(50);
    if !(1..=MAX_LISTED).contains(&limit) {
        return Err(Problem::bad_input("limit lies between 1 and 200"));
    }
    let is_long = |text: &String| text.chars().count() > MAX_NAME_CHARS;
    if asked.wayline.as_ref().is_some_and(is_long) {
        return Err(Problem::bad_input("wayline has at most 128 characters"));
    }
    let filter = FlightFilter {
        sn: asked.sn,
        from_ms: asked.from_ms,
        until_ms: asked.until_ms,
        verdict: asked.verdict,
        wayline: asked.wayline,
        before: asked.before.as_deref().map(cursor).transpose()?,
        limit,
    };
    let found = history(&app)?.flights(principal.person(), filter).await.map_err(away)?;
    let is_full = found.len() == usize::from(limit);
    let next = found
        .last()
        .filter(|_| is_full)
        .map(|last| format!("{}_{}", last.accepted_ms.0, last.mission_id));
    let scope = app.scope(&principal);
    // What is still under way stands here as it stands now.
    let view = app.hub.view();
    let now = |stored: MissionStatus| match view.missions.get(stored.mission_id) {
        Some(live) => MissionStatus::clone(&live),
        None => stored,
    };
    let flights = found.into_iter().filter(|flight| scope.sees(&flight.sn)).map(now).collect();
    Ok(Json(Flights { flights, next }))
}

async fn find(app: &App, caller: &Principal, id: MissionId) -> Result<FlightRecord, Problem> {
    let found = history(app)?.flight(caller.person(), id).await.map_err(away)?;
    found.filter(|flight| app.sees(caller, &flight.mission.sn)).ok_or_else(unknown_flight)
}

fn unknown_flight() -> Problem {
    let detail = "no such flight is on record: there is no such mission, or it was never ordered to \
                  take off";
    Problem::not_found("unknown_flight", detail)
}

/// Shows a flight: what was asked for, decided and heard. Its telemetry is `…/series`.
#[utoipa::path(
    operation_id = "get_flight",
    get, path = "/api/v1/flights/{id}", tag = "flights",
    params(("id" = String, Path, description = "Mission id")),
    responses(
        (status = 200, body = FlightRecord),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`history_away`"),
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<MissionId>,
) -> Result<Json<FlightRecord>, Problem> {
    find(&app, &principal, id).await.map(Json)
}

/// Which telemetry.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// `aircraft` (also without it) or `dock`.
    device: Option<String>,
    /// About so many points, evenly in time: 10 to 10000.
    #[param(minimum = 10, maximum = 10000, default = 1500)]
    points: Option<u16>,
}

/// What the database is asked for.
fn device(record: &FlightRecord, which: Option<&str>) -> Result<Option<DeviceSn>, Problem> {
    match which {
        None | Some("aircraft") => Ok(record.aircraft.first().cloned()),
        Some("dock") => Ok(Some(record.mission.sn.clone())),
        Some(_) => Err(Problem::bad_input("device is aircraft or dock")),
    }
}

/// Telemetry of a flight over time, thinned evenly.
#[utoipa::path(
    operation_id = "get_flight_series",
    get, path = "/api/v1/flights/{id}/series", tag = "flights",
    params(("id" = String, Path, description = "Mission id"), Which),
    responses(
        (status = 200, body = FlightSeries),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`history_away`"),
    )
)]
pub(crate) async fn series(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<MissionId>,
    InQuery(Which { device: which, points }): InQuery<Which>,
) -> Result<Json<FlightSeries>, Problem> {
    let points = points.unwrap_or(POINTS);
    if !(10..=MAX_POINTS).contains(&points) {
        return Err(Problem::bad_input("points lies between 10 and 10000"));
    }
    let record = find(&app, &principal, id).await?;
    let Some(sn) = device(&record, which.as_deref())? else {
        return Ok(Json(FlightSeries::default()));
    };
    // An aircraft's past goes with it: one that is another site's by now is seen there.
    if !app.sees(&principal, &sn) {
        return Ok(Json(FlightSeries::default()));
    }
    let span = (record.from_ms, record.until_ms);
    let found = history(&app)?.series(principal.person(), sn, span, points).await;
    Ok(Json(found.map_err(away)?))
}

/// Which file.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct File {
    /// `csv` (also without it), `geojson`, `kml` or `gpx`.
    format: Option<String>,
}

/// Gives a flight's telemetry out as a file, every row of it. Heights are over the ellipsoid of WGS84, in
/// CSV and GeoJSON also over the take-off point.
#[utoipa::path(
    operation_id = "export_flight",
    get, path = "/api/v1/flights/{id}/export", tag = "flights",
    params(("id" = String, Path, description = "Mission id"), File),
    responses(
        (status = 200, body = String, content_type = "text/csv", description = "Or `application/geo+json`, `application/vnd.google-earth.kml+xml`, `application/gpx+xml`"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`unknown_flight`; `no_track`: nothing of an aircraft is on record"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`history_away`"),
    )
)]
pub(crate) async fn export(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(id): InPath<MissionId>,
    InQuery(File { format }): InQuery<File>,
) -> Result<Response, Problem> {
    let format = Format::named(format.as_deref().unwrap_or("csv"))
        .ok_or_else(|| Problem::bad_input("format is csv, geojson, kml or gpx"))?;
    let record = find(&app, &principal, id).await?;
    note.on(&record.mission.sn);
    note.say("format", format.name());
    let seen = record.aircraft.iter().find(|sn| app.sees(&principal, sn)).cloned();
    let sn = seen.ok_or_else(|| {
        Problem::not_found("no_track", "nothing of this flight's aircraft is on record")
    })?;
    let export = Export {
        history: history(&app)?,
        person: principal.person(),
        writer: Writer::new(format, &record.mission, &sn),
        after: (WallMs(record.from_ms.0 - 1), i64::MAX),
        record,
        sn,
        step: Step::Begin,
    };
    let name = format!("attachment; filename=\"flight-{id}.{}\"", format.name());
    let body = Body::from_stream(stream::try_unfold(export, Export::next));
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// A file on its way out, some rows of the database at a time.
struct Export {
    history: Arc<dyn History>,
    person: Option<Uuid>,
    writer: Writer,
    record: FlightRecord,
    sn: DeviceSn,
    after: (WallMs, i64),
    step: Step,
}

enum Step {
    Begin,
    Rows(Phase),
    Done,
}

impl Export {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, std::io::Error> {
        let phase = match self.step {
            Step::Begin => {
                let first = self.writer.begin();
                self.step = Step::Rows(Phase::First);
                return Ok(Some((first.into(), self)));
            }
            Step::Rows(phase) => phase,
            Step::Done => return Ok(None),
        };
        let (sn, until) = (self.sn.clone(), self.record.until_ms);
        let rows = self.history.rows_after(self.person, sn, self.after, until, ROWS).await;
        // A file that breaks off has no end, and is seen to be cut.
        let rows = rows.map_err(std::io::Error::other)?;
        let mut text = self.writer.rows(phase, &rows);
        if let Some(last) = rows.last().filter(|_| rows.len() == usize::from(ROWS)) {
            self.after = (last.at_ms, last.report_no);
        } else {
            text.push_str(&self.writer.end(phase));
            self.after = (WallMs(self.record.from_ms.0 - 1), i64::MAX);
            self.step = match self.writer.after(phase) {
                Some(next) => Step::Rows(next),
                None => Step::Done,
            };
        }
        Ok(Some((text.into(), self)))
    }
}
