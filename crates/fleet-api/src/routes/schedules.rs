//! Recurring missions: made, changed, paused, ended, and when each of them flies.
//!
//! What makes the missions lies behind [`crate::services::Scheduling`]. A schedule is its dock's: it is
//! seen and changed by whoever sees and flies that dock, and goes on when its maker leaves.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State, http::StatusCode};
use fleet_types::{
    DeviceSn, ScheduleId, WallMs,
    id::WaylineId,
    mission::LostLinkAction,
    plan::Precision,
    rights::Permission,
    schedule::{Blackout, HandledTime, PlannedTime, Schedule, ScheduleStatus},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{commands::check_dock, devices::known, missions::unknown_wayline};
use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    clock::now_ms,
    extract::{Body, InPath, InQuery},
    problem::Problem,
    services::ScheduleError,
};

const MAX_NAME_CHARS: usize = 60;
const MAX_TEXT_BYTES: usize = 256;
/// Times in one look.
const MAX_TIMES: usize = 2_000;
/// Of one look, milliseconds.
const MAX_SPAN_MS: i64 = 31 * 86_400_000;

/// A mission that is to be flown again and again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSchedule {
    /// 1 to 60 characters, for people.
    name: String,
    /// Dock.
    sn: DeviceSn,
    /// Uploaded wayline file.
    wayline_id: WaylineId,
    /// Height of return above take-off, metres, 20–1500.
    #[schema(minimum = 20, maximum = 1500)]
    rth_altitude_m: u16,
    /// What the aircraft does when it loses its link.
    lost_link_action: LostLinkAction,
    /// How precisely it is flown.
    #[serde(default)]
    precision: Precision,
    /// First time, by the clocks of the zone: `2026-11-25T09:00:00`.
    first: String,
    /// IANA name of the zone; the site's without it.
    zone: Option<String>,
    /// RFC 5545, the part of it that is offered: `FREQ` of `HOURLY`, `DAILY`, `WEEKLY`, `MONTHLY` with
    /// `INTERVAL`, `BYDAY`, and `COUNT` or `UNTIL`.
    rrule: String,
    /// Times in which it does not fly; at most 32.
    #[serde(default)]
    blackouts: Vec<Blackout>,
}

impl NewSchedule {
    fn check(self, app: &App, id: ScheduleId, by: String) -> Result<Schedule, Problem> {
        let name = self.name.trim();
        let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            return Err(Problem::bad_input("name has 1 to 60 characters, none of them control"));
        }
        if !(20..=1500).contains(&self.rth_altitude_m) {
            return Err(Problem::bad_input("rth_altitude_m lies between 20 and 1500"));
        }
        let zone = self.zone.unwrap_or_else(|| app.config.site.time_zone.clone());
        let texts = [&self.first, &zone, &self.rrule];
        if texts.into_iter().any(|text| text.len() > MAX_TEXT_BYTES) {
            return Err(Problem::bad_input("first, zone and rrule have at most 256 bytes"));
        }
        Ok(Schedule {
            schedule_id: id,
            name: name.to_owned(),
            sn: self.sn,
            wayline_id: self.wayline_id,
            rth_altitude_m: self.rth_altitude_m,
            lost_link_action: self.lost_link_action,
            precision: self.precision,
            first: self.first,
            zone,
            rrule: self.rrule,
            blackouts: self.blackouts,
            created_by: by,
        })
    }
}

/// Schedules.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleList {
    /// By name.
    schedules: Vec<ScheduleStatus>,
    /// The tower's time.
    server_time_ms: WallMs,
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Unknown => unknown_schedule(),
            ScheduleError::Bad(reason) => bad_schedule(&reason),
            ScheduleError::Unavailable(why) => {
                let detail = format!("schedules cannot be read or kept now: {why}. Try again");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "schedules_away", detail)
            }
        }
    }
}

fn bad_schedule(reason: &fleet_types::Reason) -> Problem {
    let (code, detail) = (reason.code.clone(), reason.message.clone());
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
        .with("message_ko", &reason.message_ko)
}

fn unknown_schedule() -> Problem {
    Problem::not_found("unknown_schedule", "no such schedule is known")
}

/// One schedule, if the caller sees its dock.
fn find(app: &App, caller: &Principal, id: ScheduleId) -> Result<ScheduleStatus, Problem> {
    let all = app.scheduling.list()?;
    let found = all.into_iter().find(|status| status.schedule.schedule_id == id);
    let found = found.filter(|status| app.sees(caller, &status.schedule.sn));
    found.ok_or_else(unknown_schedule)
}

/// Lists recurring missions: when each flies next, and what became of its latest times.
#[utoipa::path(
    operation_id = "list_schedules",
    get, path = "/api/v1/schedules", tag = "schedules",
    responses(
        (status = 200, body = ScheduleList),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`schedules_away`"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<ScheduleList>, Problem> {
    let scope = app.scope(&principal);
    let mut schedules = app.scheduling.list()?;
    schedules.retain(|status| scope.sees(&status.schedule.sn));
    schedules.sort_by(|a, b| a.schedule.name.cmp(&b.schedule.name));
    Ok(Json(ScheduleList { schedules, server_time_ms: now_ms() }))
}

/// Makes a recurring mission. Each of its times becomes a timed mission some 30 minutes ahead, once;
/// what passes while the tower is away is skipped on record, never flown late.
#[utoipa::path(
    operation_id = "create_schedule",
    post, path = "/api/v1/schedules", tag = "schedules", request_body = NewSchedule,
    responses(
        (status = 201, body = ScheduleStatus),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`unknown_device`, `unknown_wayline`"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "`bad_schedule`: what is wrong with it"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`schedules_away`: a restart would lose it, so it was not made"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    Body(body): Body<NewSchedule>,
) -> Result<(StatusCode, Json<ScheduleStatus>), Problem> {
    let id = ScheduleId(Uuid::now_v7());
    let kept = put(&app, &principal, &note, id, body, true).await?;
    Ok((StatusCode::CREATED, Json(kept)))
}

async fn put(
    app: &App,
    principal: &Principal,
    note: &Note,
    id: ScheduleId,
    body: NewSchedule,
    is_new: bool,
) -> Result<ScheduleStatus, Problem> {
    note.on(&body.sn);
    note.say("schedule_id", id.to_string());
    note.say("name", body.name.chars().take(MAX_NAME_CHARS).collect::<String>());
    note.say("rrule", body.rrule.chars().take(MAX_TEXT_BYTES).collect::<String>());
    app.require_of(principal, Permission::Fly, &body.sn)?;
    let device = known(&app.hub.view(), &body.sn)?;
    check_dock(&device)?;
    app.waylines.get(body.wayline_id).ok_or_else(unknown_wayline)?;
    let schedule = body.check(app, id, principal.who())?;
    Ok(app.scheduling.put(schedule, is_new, principal.who()).await?)
}

/// Shows a recurring mission.
#[utoipa::path(
    operation_id = "get_schedule",
    get, path = "/api/v1/schedules/{id}", tag = "schedules",
    params(("id" = String, Path, description = "Schedule id")),
    responses(
        (status = 200, body = ScheduleStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<ScheduleId>,
) -> Result<Json<ScheduleStatus>, Problem> {
    find(&app, &principal, id).map(Json)
}

/// Gives a recurring mission another shape. Missions that were made stay as they were made; times that
/// were handled are not handled again.
#[utoipa::path(
    operation_id = "change_schedule",
    put, path = "/api/v1/schedules/{id}", tag = "schedules", request_body = NewSchedule,
    params(("id" = String, Path, description = "Schedule id")),
    responses(
        (status = 200, body = ScheduleStatus),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(id): InPath<ScheduleId>,
    Body(body): Body<NewSchedule>,
) -> Result<Json<ScheduleStatus>, Problem> {
    let before = find(&app, &principal, id)?;
    // Whoever takes it from a dock must be one who may fly there.
    app.require_of(&principal, Permission::Fly, &before.schedule.sn)?;
    put(&app, &principal, &note, id, body, false).await.map(Json)
}

/// Ends a recurring mission. Its missions that wait are cancelled; what was flown stays on record.
#[utoipa::path(
    operation_id = "remove_schedule",
    delete, path = "/api/v1/schedules/{id}", tag = "schedules",
    params(("id" = String, Path, description = "Schedule id")),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(id): InPath<ScheduleId>,
) -> Result<StatusCode, Problem> {
    let before = find(&app, &principal, id)?.schedule;
    note.on(&before.sn);
    note.say("name", before.name.as_str());
    app.require_of(&principal, Permission::Fly, &before.sn)?;
    app.scheduling.remove(id, principal.who()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pauses a recurring mission: its times pass on record, its missions that wait are cancelled.
#[utoipa::path(
    operation_id = "pause_schedule",
    post, path = "/api/v1/schedules/{id}/pause", tag = "schedules",
    params(("id" = String, Path, description = "Schedule id")),
    responses(
        (status = 200, body = ScheduleStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn pause(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(id): InPath<ScheduleId>,
) -> Result<Json<ScheduleStatus>, Problem> {
    turn(&app, &principal, &note, id, true).await
}

/// Lets a paused recurring mission go on with its next time.
#[utoipa::path(
    operation_id = "resume_schedule",
    post, path = "/api/v1/schedules/{id}/resume", tag = "schedules",
    params(("id" = String, Path, description = "Schedule id")),
    responses(
        (status = 200, body = ScheduleStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn go_on(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(id): InPath<ScheduleId>,
) -> Result<Json<ScheduleStatus>, Problem> {
    turn(&app, &principal, &note, id, false).await
}

async fn turn(
    app: &App,
    principal: &Principal,
    note: &Note,
    id: ScheduleId,
    pauses: bool,
) -> Result<Json<ScheduleStatus>, Problem> {
    let before = find(app, principal, id)?.schedule;
    note.on(&before.sn);
    note.say("name", before.name.as_str());
    // Stopping asks for less than flying.
    let right = if pauses { Permission::Stop } else { Permission::Fly };
    app.require_of(principal, right, &before.sn)?;
    Ok(Json(app.scheduling.pause(id, pauses, principal.who()).await?))
}

/// When it would be flown.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Its first times from now on, at most 5: without blackouts.
    upcoming: Vec<WallMs>,
}

/// Says when a recurring mission would be flown, without making it; or what is wrong with it.
#[utoipa::path(
    operation_id = "preview_schedule",
    post, path = "/api/v1/schedules/preview", tag = "schedules", request_body = NewSchedule,
    responses(
        (status = 200, body = Preview),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "`bad_schedule`: what is wrong with it"),
    )
)]
pub(crate) async fn preview(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Body(body): Body<NewSchedule>,
) -> Result<Json<Preview>, Problem> {
    let schedule = body.check(&app, ScheduleId(Uuid::nil()), principal.who())?;
    let upcoming = app.scheduling.preview(&schedule).map_err(|reason| bad_schedule(&reason))?;
    Ok(Json(Preview { upcoming }))
}

/// Which times.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// From this time on, epoch milliseconds.
    from_ms: WallMs,
    /// Before this time, at most 31 days later.
    until_ms: WallMs,
}

/// Times of schedules.
#[derive(Serialize, ToSchema)]
pub(crate) struct Times {
    /// On record, newest first: flown, refused, skipped.
    handled: Vec<HandledTime>,
    /// Ahead, in order of time.
    planned: Vec<PlannedTime>,
    /// Names and docks of the schedules in `planned`.
    schedules: BTreeMap<String, Named>,
    /// Whether there are more than 2000 ahead.
    has_more: bool,
    /// The tower's time.
    server_time_ms: WallMs,
}

/// A schedule by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct Named {
    name: String,
    sn: DeviceSn,
}

/// Shows every time of all schedules in a span: what became of those on record, what speaks against
/// those ahead.
#[utoipa::path(
    operation_id = "list_schedule_times",
    get, path = "/api/v1/schedules/times", tag = "schedules", params(Span),
    responses(
        (status = 200, body = Times),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn times(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InQuery(Span { from_ms, until_ms }): InQuery<Span>,
) -> Result<Json<Times>, Problem> {
    let span_ms = until_ms.0.checked_sub(from_ms.0);
    if !span_ms.is_some_and(|span| (1..=MAX_SPAN_MS).contains(&span)) {
        return Err(Problem::bad_input("until_ms lies at most 31 days after from_ms"));
    }
    let scope = app.scope(&principal);
    let mut handled = app.scheduling.handled(principal.person(), from_ms, until_ms).await?;
    // The database kept back what is of other sites already; a token may see less than its maker.
    handled.retain(|time| scope.sees(&time.sn));
    let seen: BTreeMap<_, _> = app
        .scheduling
        .list()?
        .into_iter()
        .map(|status| status.schedule)
        .filter(|schedule| scope.sees(&schedule.sn))
        .map(|of| (of.schedule_id, Named { name: of.name, sn: of.sn }))
        .collect();
    let mut planned = app.scheduling.planned(from_ms, until_ms, MAX_TIMES)?;
    let has_more = planned.len() >= MAX_TIMES;
    planned.retain(|time| seen.contains_key(&time.schedule_id));
    let schedules = seen.into_iter().map(|(id, named)| (id.to_string(), named)).collect();
    Ok(Json(Times { handled, planned, schedules, has_more, server_time_ms: now_ms() }))
}
