//! Questions before take-off: asked ahead of a flight, overridden by people on record.

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fleet_types::{
    DeviceSn, Preflight, RequestId, WallMs,
    id::WaylineId,
    mission::LostLinkAction,
    plan::{DryRun, MissionPlan, MissionStart, Precision},
    preflight::{DockNotice, DockSaying, PreflightItem, PreflightOverride, PreflightRequest},
    rights::Permission,
};
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{commands::check_dock, devices::known, missions};
use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    clock::now_ms,
    extract::{Body, InPath},
    problem::Problem,
    submit::{HAND_OVER, no_owner, queue_full, wait_for},
};

const MAX_NOTE_CHARS: usize = 500;
const MAX_OVERRIDE_MS: u64 = 24 * 3_600_000;

/// A flight to be asked about. Nothing is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// Uploaded wayline file; without it only the dock is asked about.
    wayline_id: Option<WaylineId>,
    /// Height of return above take-off, metres, 20–1500.
    #[schema(minimum = 20, maximum = 1500)]
    rth_altitude_m: u16,
    /// What the aircraft does when it loses its link.
    lost_link_action: LostLinkAction,
    /// Whether it leaves the wayline when the link is lost; as the file says without it.
    exit_wayline_when_link_lost: Option<bool>,
    /// When it would take off; now without it.
    #[serde(default)]
    start: MissionStart,
    /// How precisely it is flown.
    #[serde(default)]
    precision: Precision,
    /// Let the aircraft's simulator fly.
    dry_run: Option<DryRun>,
}

/// Asks everything that is asked before take-off, as of now, with a reason for each answer.
#[utoipa::path(
    operation_id = "ask_preflight",
    post, path = "/api/v1/devices/{sn}/preflight", tag = "missions", request_body = Question,
    params(("sn" = String, Path, description = "Serial number of the dock")),
    responses(
        (status = 200, body = Preflight),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ask(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(sn): InPath<DeviceSn>,
    Body(question): Body<Question>,
) -> Result<Response, Problem> {
    app.require_of(&principal, Permission::View, &sn)?;
    let device = known(&app.hub.view(), &sn)?;
    check_dock(&device)?;
    missions::check_start(&question.start)?;
    let file = match question.wayline_id {
        Some(id) => Some(app.waylines.get(id).ok_or_else(missions::unknown_wayline)?),
        None => None,
    };
    let plan = MissionPlan {
        start: question.start,
        precision: question.precision,
        dry_run: question.dry_run,
        flight_box: file.as_ref().and_then(|file| file.summary.flight_box),
        file_exits_wayline: file.as_ref().map(|file| file.summary.exits_wayline_when_link_lost),
        ..MissionPlan::default()
    };
    let exits = question.exit_wayline_when_link_lost;
    let request = PreflightRequest {
        request_id: RequestId(Uuid::now_v7()),
        warnings: app.planning.overlaps(None, &sn, &plan, question.rth_altitude_m),
        sn: sn.clone(),
        rth_altitude_m: question.rth_altitude_m,
        lost_link_action: question.lost_link_action,
        exit_wayline_when_link_lost: exits.or(plan.file_exits_wayline).unwrap_or(false),
        plan,
    };
    let request_id = request.request_id;
    app.commander()?;
    let handed = timeout(HAND_OVER, app.preflights.write(request)).await;
    handed.map_err(|_full| queue_full())?;
    answer(&app, request_id, &sn).await
}

/// Somebody who may says to fly in spite of an answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOverride {
    /// Which question.
    item: PreflightItem,
    /// Why; kept on record.
    note: String,
    /// Milliseconds for which it counts, up to a day.
    #[schema(minimum = 60_000, maximum = 86_400_000)]
    expires_in_ms: u64,
}

/// Overrides one question of a dock, by role, with a reason and an end, on record before it counts.
#[utoipa::path(
    operation_id = "override_preflight",
    post, path = "/api/v1/devices/{sn}/preflight/overrides", tag = "missions", request_body = NewOverride,
    params(("sn" = String, Path, description = "Serial number of the dock")),
    responses(
        (status = 200, body = Preflight, description = "How the dock's questions stand now"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "`not_overridable`, or `role_too_low`"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn give(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(audit): Extension<Note>,
    InPath(sn): InPath<DeviceSn>,
    Body(body): Body<NewOverride>,
) -> Result<Response, Problem> {
    audit.say("item", body.item.name());
    app.require_of(&principal, Permission::Override, &sn)?;
    let note = check_note(&body.note)?;
    audit.say("note", note.as_str());
    audit.say("for_ms", body.expires_in_ms);
    if !(60_000..=MAX_OVERRIDE_MS).contains(&body.expires_in_ms) {
        return Err(Problem::bad_input("expires_in_ms lies between 60000 and 86400000"));
    }
    let role = app.override_role(&principal, &sn);
    let Some(least) = body.item.override_role() else {
        let detail = format!("nobody may fly in spite of {}", body.item.name());
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_overridable", detail));
    };
    if role < least {
        let detail = format!("{} is overridden by role {least:?} or higher", body.item.name());
        return Err(Problem::new(StatusCode::FORBIDDEN, "role_too_low", detail));
    }
    let given = PreflightOverride {
        item: body.item,
        by: principal.who(),
        role,
        note,
        expires_ms: WallMs(now_ms().0.saturating_add_unsigned(body.expires_in_ms)),
    };
    say(&app, &principal, sn, DockSaying::Override(given)).await
}

/// Takes an override back.
#[utoipa::path(
    operation_id = "withdraw_override",
    delete, path = "/api/v1/devices/{sn}/preflight/overrides/{item}", tag = "missions",
    params(
        ("sn" = String, Path, description = "Serial number of the dock"),
        ("item" = PreflightItem, Path, description = "Which question"),
    ),
    responses(
        (status = 200, body = Preflight, description = "How the dock's questions stand now"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "`not_a_dock`"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn withdraw(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath((sn, item)): InPath<(DeviceSn, PreflightItem)>,
) -> Result<Response, Problem> {
    app.require_of(&principal, Permission::Override, &sn)?;
    say(&app, &principal, sn, DockSaying::Withdraw(item)).await
}

/// Whether people work on a dock.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Maintenance {
    /// Whether they do.
    on: bool,
    /// What they do; kept on record.
    note: String,
}

/// Puts a dock into maintenance, or takes it out: no flight starts meanwhile.
#[utoipa::path(
    operation_id = "set_maintenance",
    put, path = "/api/v1/devices/{sn}/maintenance", tag = "missions", request_body = Maintenance,
    params(("sn" = String, Path, description = "Serial number of the dock")),
    responses(
        (status = 200, body = Preflight, description = "How the dock's questions stand now"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn maintenance(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(audit): Extension<Note>,
    InPath(sn): InPath<DeviceSn>,
    Body(body): Body<Maintenance>,
) -> Result<Response, Problem> {
    audit.say("on", body.on);
    app.require_of(&principal, Permission::Debug, &sn)?;
    let note = check_note(&body.note)?;
    audit.say("note", note.as_str());
    say(&app, &principal, sn, DockSaying::Maintenance { on: body.on, note }).await
}

async fn say(
    app: &App,
    principal: &Principal,
    sn: DeviceSn,
    saying: DockSaying,
) -> Result<Response, Problem> {
    let device = known(&app.hub.view(), &sn)?;
    check_dock(&device)?;
    let request_id = RequestId(Uuid::now_v7());
    let notice = DockNotice { sn: sn.clone(), saying, by: principal.who(), request_id };
    app.commander()?;
    let handed = timeout(HAND_OVER, app.notices.write(notice)).await;
    handed.map_err(|_full| queue_full())?;
    answer(app, request_id, &sn).await
}

async fn answer(app: &App, request_id: RequestId, sn: &DeviceSn) -> Result<Response, Problem> {
    let report = wait_for(&app.hub, |view| {
        view.reports.iter().find(|report| report.request_id == request_id).cloned()
    });
    let report = report.await.ok_or_else(|| no_owner(&format!("/api/v1/devices/{sn}")))?;
    Ok(Json(&report.preflight).into_response())
}

fn check_note(note: &str) -> Result<String, Problem> {
    let note = note.trim();
    if note.is_empty() || note.chars().count() > MAX_NOTE_CHARS {
        return Err(Problem::bad_input("note has 1 to 500 characters: say why"));
    }
    Ok(note.to_owned())
}
