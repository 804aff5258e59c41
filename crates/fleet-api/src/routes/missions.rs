//! Missions: one flight of one uploaded wayline by one dock's aircraft.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fleet_types::{
    DeviceSn, IdempotencyKey, MissionId, MissionRequest, MissionState, MissionStatus, RequestId,
    TraceId, WallMs,
    id::WaylineId,
    mission::{LostLinkAction, Verdict},
    plan::{DryRun, MissionPlan, MissionStart, Precision},
    rights::Permission,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{commands::check_dock, devices::known};
use crate::{
    app::{About, App},
    audit::Note,
    auth::Principal,
    extract::{Body, InPath, InQuery},
    json::Object,
    people::scope::Scope,
    problem::Problem,
    submit::{Ask, Desk, Outcome, fingerprint},
};

const MAX_LISTED: u16 = 200;

pub(super) fn default_expiry() -> u64 {
    30_000
}

/// A mission: now, at a time, or on conditions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMission {
    /// Dock.
    sn: DeviceSn,
    /// Uploaded wayline file.
    wayline_id: WaylineId,
    /// Height of return above take-off, metres, 20–1500.
    #[schema(minimum = 20, maximum = 1500)]
    rth_altitude_m: u16,
    /// What the aircraft does when it loses its link.
    lost_link_action: LostLinkAction,
    /// Whether it leaves the wayline when the link is lost. Must agree with the file; as the file
    /// says without it.
    exit_wayline_when_link_lost: Option<bool>,
    /// When it takes off: `{"kind": "immediate"}`, `{"kind": "timed", "execute_ms": …}` or
    /// `{"kind": "conditional", …}`.
    #[serde(default)]
    start: MissionStart,
    /// How precisely it is flown.
    #[serde(default)]
    precision: Precision,
    /// Let the aircraft's simulator fly in its place.
    dry_run: Option<DryRun>,
    /// Names this one intended flight: the same key never flies twice.
    idempotency_key: IdempotencyKey,
    /// Milliseconds in which take-off may still be ordered, 5,000–120,000.
    #[serde(default = "default_expiry")]
    #[schema(minimum = 5000, maximum = 120_000, default = 30000)]
    expires_in_ms: u64,
    /// The flow it belongs to; a new one without it.
    trace_id: Option<TraceId>,
}

/// Missions, newest first, at most 200.
#[derive(Serialize, ToSchema)]
pub(crate) struct Missions {
    missions: Vec<MissionStatus>,
    /// Where the next page begins; none after the last.
    next: Option<String>,
}

/// A flight that is asked for, whatever way.
pub(super) struct Flight {
    pub(super) sn: DeviceSn,
    pub(super) wayline_id: WaylineId,
    pub(super) rth_altitude_m: u16,
    pub(super) lost_link_action: LostLinkAction,
    pub(super) exit_wayline_when_link_lost: Option<bool>,
    pub(super) idempotency_key: IdempotencyKey,
    pub(super) expires_in_ms: u64,
    pub(super) trace_id: Option<TraceId>,
    pub(super) plan: MissionPlan,
}

impl From<NewMission> for Flight {
    fn from(body: NewMission) -> Self {
        let plan = MissionPlan {
            start: body.start,
            precision: body.precision,
            dry_run: body.dry_run,
            ..MissionPlan::default()
        };
        Self {
            sn: body.sn,
            wayline_id: body.wayline_id,
            rth_altitude_m: body.rth_altitude_m,
            lost_link_action: body.lost_link_action,
            exit_wayline_when_link_lost: body.exit_wayline_when_link_lost,
            idempotency_key: body.idempotency_key,
            expires_in_ms: body.expires_in_ms,
            trace_id: body.trace_id,
            plan,
        }
    }
}

pub(super) fn check_expiry(expires_in_ms: u64) -> Result<(), Problem> {
    if (5000..=120_000).contains(&expires_in_ms) {
        return Ok(());
    }
    Err(Problem::bad_input("expires_in_ms lies between 5000 and 120000"))
}

/// What only the tower itself may start a flight by is no way for a caller.
pub(super) fn check_start(start: &MissionStart) -> Result<(), Problem> {
    match start {
        MissionStart::Immediate | MissionStart::Timed { .. } | MissionStart::Conditional(_) => {
            Ok(())
        }
        MissionStart::Released => {
            Err(Problem::bad_input("start.kind is immediate, timed or conditional"))
        }
    }
}

impl Flight {
    fn check(&self) -> Result<(), Problem> {
        if !(20..=1500).contains(&self.rth_altitude_m) {
            return Err(Problem::bad_input("rth_altitude_m lies between 20 and 1500"));
        }
        let fits = |at: &DryRun| {
            (-90.0..=90.0).contains(&at.latitude) && (-180.0..=180.0).contains(&at.longitude)
        };
        if self.plan.dry_run.as_ref().is_some_and(|at| !fits(at)) {
            return Err(Problem::bad_input("dry_run names no place on earth"));
        }
        check_start(&self.plan.start)?;
        check_expiry(self.expires_in_ms)
    }

    /// Everything that makes it this flight and no other.
    fn fingerprint(&self) -> Result<[u8; 32], Problem> {
        fingerprint(&(
            self.wayline_id,
            self.rth_altitude_m,
            self.lost_link_action,
            self.exit_wayline_when_link_lost,
            &self.plan,
        ))
    }

    /// The request as it goes to the dock's machine, with a fresh address for the file.
    fn into_request(
        self,
        app: &App,
        id: MissionId,
        principal: &Principal,
    ) -> Result<MissionRequest, Problem> {
        let wayline = app.waylines.get(self.wayline_id);
        let resource = app.waylines.mint(self.wayline_id);
        let (Some(wayline), Some(resource)) = (wayline, resource) else {
            return Err(unknown_wayline());
        };
        let file_exits = wayline.summary.exits_wayline_when_link_lost;
        let plan = MissionPlan {
            flight_box: wayline.summary.flight_box,
            file_exits_wayline: Some(file_exits),
            ..self.plan
        };
        Ok(MissionRequest {
            mission_id: id,
            trace_id: self.trace_id.unwrap_or_else(|| TraceId(Uuid::now_v7())),
            request_id: RequestId(Uuid::now_v7()),
            sn: self.sn,
            wayline_id: self.wayline_id,
            wayline_name: wayline.name.clone(),
            waypoint_count: wayline.summary.waypoint_count,
            file_url: resource.url,
            file_md5: resource.md5,
            rth_altitude_m: self.rth_altitude_m,
            lost_link_action: self.lost_link_action,
            exit_wayline_when_link_lost: self.exit_wayline_when_link_lost.unwrap_or(file_exits),
            idempotency_key: self.idempotency_key,
            expires_in_ms: self.expires_in_ms,
            issued_by: principal.who(),
            plan,
        })
    }
}

pub(super) fn unknown_wayline() -> Problem {
    let detail = "no such wayline file is kept; upload it with POST /api/v1/waylines";
    Problem::not_found("unknown_wayline", detail)
}

/// Flies a mission: now, at a time, or on conditions. The same `idempotency_key` again returns where
/// the first stands.
#[utoipa::path(
    operation_id = "create_mission",
    post, path = "/api/v1/missions", tag = "missions", request_body = NewMission,
    responses(
        (status = 202, body = MissionStatus, description = "Taken; follow it by its id or the stream"),
        (status = 200, body = MissionStatus, description = "This key was used before; nothing was sent again"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Refused, with `code` and `mission`, or `idempotency_conflict`"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Not sent"),
        (status = 504, body = Problem, content_type = "application/problem+json", description = "`no_owner`: outcome unknown"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    Body(body): Body<NewMission>,
) -> Result<Response, Problem> {
    fly(&app, &principal, &note, MissionId(Uuid::now_v7()), body.into()).await
}

/// Hands a flight to its dock's machine, once, and answers with its first word.
pub(super) async fn fly(
    app: &App,
    principal: &Principal,
    note: &Note,
    id: MissionId,
    flight: Flight,
) -> Result<Response, Problem> {
    note.on(&flight.sn);
    note.say("wayline_id", flight.wayline_id.to_string());
    app.require_of(principal, Permission::Fly, &flight.sn)?;
    flight.check()?;
    let device = known(&app.hub.view(), &flight.sn)?;
    check_dock(&device)?;
    let print = flight.fingerprint()?;
    app.commander()?;
    let (sn, key) = (flight.sn.clone(), flight.idempotency_key.clone());
    let wayline_id = flight.wayline_id;
    let desk = Desk {
        hub: &app.hub,
        ledger: |view| &mut view.missions,
        writer: &app.missions,
        path: "/api/v1/missions",
    };
    // A repeat is answered even when its file has given way since.
    let request = || {
        let request = flight.into_request(app, id, principal)?;
        let about = About { sn: &request.sn, command_id: None, mission_id: Some(id), method: None };
        note.flow(request.trace_id);
        note.say("mission_id", id.to_string());
        app.trace_request(request.trace_id, &request.issued_by, &about);
        Ok(request)
    };
    let ask = Ask { id, sn: &sn, key: &key, fingerprint: print };
    let same = |known: &MissionStatus| known.wayline_id == wayline_id;
    match desk.submit(ask, same, request).await? {
        Outcome::Repeated(status) => {
            note.flow(status.trace_id);
            note.say("repeats", status.mission_id.to_string());
            Ok((StatusCode::OK, Json(&*status)).into_response())
        }
        Outcome::Caused(status) if is_refusal(&status) => {
            Err(Problem::refused(status.reason.as_ref(), "mission", &*status))
        }
        Outcome::Caused(status) => {
            // The machine of the dock knows no other dock: it is told a moment later.
            let mut status = MissionStatus::clone(&status);
            let (own, sn) = (Some(status.mission_id), &status.sn);
            status.warnings = app.planning.overlaps(own, sn, &status.plan, status.rth_altitude_m);
            Ok((StatusCode::ACCEPTED, Json(&status)).into_response())
        }
    }
}

fn is_refusal(status: &MissionStatus) -> bool {
    status.state == MissionState::Ended && status.verdict == Some(Verdict::Rejected)
}

/// Which missions, and how many.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Of this dock only.
    sn: Option<DeviceSn>,
    /// `next` of the page before.
    before: Option<String>,
    /// 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 200)]
    limit: Option<u16>,
}

/// Lists missions, newest first, a page at a time; `next` leads to the page after.
#[utoipa::path(
    operation_id = "list_missions",
    get, path = "/api/v1/missions", tag = "missions", params(Page),
    responses(
        (status = 200, body = Missions),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`history_away`: the database cannot be asked"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InQuery(Page { sn, before, limit }): InQuery<Page>,
) -> Result<Object, Problem> {
    let limit = limit.unwrap_or(MAX_LISTED);
    if !(1..=MAX_LISTED).contains(&limit) {
        return Err(Problem::bad_input("limit lies between 1 and 200"));
    }
    let before = before.as_deref().map(cursor).transpose()?;
    let scope = app.scope(&principal);
    let history = app.system.history();
    let missions = match &history {
        // The newest are remembered, and answered without the database.
        Some(history) if sn.is_some() || before.is_some() => {
            let stored =
                history.missions(principal.person(), sn, before, limit).await.map_err(away)?;
            let view = app.hub.view();
            // What is still under way stands here as it stands now.
            let now = |stored: MissionStatus| {
                view.missions.get(stored.mission_id).unwrap_or_else(|| Arc::new(stored))
            };
            // The database kept back what is of other sites already.
            let seen = |mission: &Arc<MissionStatus>| scope.sees(&mission.sn);
            stored.into_iter().map(now).filter(seen).collect()
        }
        Some(_) | None => remembered(&app, &scope, sn.as_ref(), before, usize::from(limit)),
    };
    let is_full = missions.len() == usize::from(limit);
    let next = missions
        .last()
        .filter(|_| is_full)
        .map(|last| format!("{}_{}", last.accepted_ms.0, last.mission_id));
    Ok(Object::new().list("missions", &missions).await.field("next", &next))
}

/// What the process itself remembers.
fn remembered(
    app: &App,
    scope: &Scope,
    sn: Option<&DeviceSn>,
    before: Option<(WallMs, MissionId)>,
    limit: usize,
) -> Vec<Arc<MissionStatus>> {
    let view = app.hub.view();
    let mut list = match sn {
        Some(sn) => view.missions.newest_of(sn, usize::MAX),
        None => view.missions.newest(usize::MAX),
    };
    drop(view);
    let place = |mission: &MissionStatus| (mission.accepted_ms, mission.mission_id);
    list.sort_by_key(|mission| std::cmp::Reverse(place(mission)));
    list.retain(|mission| before.is_none_or(|before| place(mission) < before));
    list.retain(|mission| scope.sees(&mission.sn));
    list.truncate(limit);
    list
}

pub(super) fn cursor(text: &str) -> Result<(WallMs, MissionId), Problem> {
    let parsed = text.split_once('_').and_then(|(at, id)| {
        Some((WallMs(at.parse().ok()?), MissionId(Uuid::parse_str(id).ok()?)))
    });
    parsed.ok_or_else(|| Problem::bad_input("before is the `next` of the page before"))
}

pub(super) fn away(why: String) -> Problem {
    let detail = format!(
        "what happened longer ago cannot be read: {why}; try again when the database is back"
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "history_away", detail)
}

/// Shows where a mission stands, or how it ended.
#[utoipa::path(
    operation_id = "get_mission",
    get, path = "/api/v1/missions/{id}", tag = "missions",
    params(("id" = String, Path, description = "Mission id")),
    responses(
        (status = 200, body = MissionStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`history_away`: the database cannot be asked"),
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<MissionId>,
) -> Result<Response, Problem> {
    let known = app.hub.view().missions.get(id);
    if let Some(status) = known {
        if !app.sees(&principal, &status.sn) {
            return Err(unknown_mission());
        }
        return Ok(Json(&*status).into_response());
    }
    let history = app.system.history().ok_or_else(unknown_mission)?;
    let stored = history.mission(principal.person(), id).await.map_err(away)?;
    let stored = stored.filter(|mission| app.sees(&principal, &mission.sn));
    Ok(Json(stored.ok_or_else(unknown_mission)?).into_response())
}

pub(super) fn unknown_mission() -> Problem {
    let detail = "no such mission is known";
    Problem::not_found("unknown_mission", detail)
}
