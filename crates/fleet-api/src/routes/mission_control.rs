//! What people want of missions that are there: not to fly one, or to go on where one broke off.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fleet_types::{
    IdempotencyKey, MissionId, MissionState, MissionStatus,
    mission::Verdict,
    plan::{MissionAction, MissionControl, MissionPlan, MissionStart},
    rights::Permission,
};
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use uuid::Uuid;

use super::missions::{self, Flight, unknown_mission};
use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    extract::{Body, InPath},
    problem::Problem,
    submit::{HAND_OVER, no_owner, queue_full, wait_for},
};

/// Cancels a mission whose take-off was not ordered yet; what the dock has prepared is taken back.
#[utoipa::path(
    operation_id = "cancel_mission",
    post, path = "/api/v1/missions/{id}/cancel", tag = "missions",
    params(("id" = String, Path, description = "Mission id")),
    responses(
        (status = 200, body = MissionStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "`already_started`: call it home instead; `mission_over`"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<MissionId>,
) -> Result<Response, Problem> {
    let status = app.hub.view().missions.get(id);
    let status = status.filter(|mission| app.sees(&principal, &mission.sn));
    let status = status.ok_or_else(unknown_mission)?;
    app.require_of(&principal, Permission::Stop, &status.sn)?;
    if !may_be_cancelled(status.state) {
        return Err(cannot_be_cancelled(&status));
    }
    let control = MissionControl {
        mission_id: id,
        sn: status.sn.clone(),
        action: MissionAction::Cancel,
        issued_by: principal.who(),
    };
    app.commander()?;
    let handed = timeout(HAND_OVER, app.mission_controls.write(control)).await;
    handed.map_err(|_full| queue_full())?;
    let moved = wait_for(&app.hub, |view| {
        view.missions.get(id).filter(|status| !may_be_cancelled(status.state))
    });
    let status = moved.await.ok_or_else(|| no_owner(&format!("/api/v1/missions/{id}")))?;
    // Take-off may have been ordered at the same moment: then that is what happened.
    match status.verdict {
        Some(Verdict::Canceled) => Ok(Json(&*status).into_response()),
        Some(_) | None => Err(cannot_be_cancelled(&status)),
    }
}

fn may_be_cancelled(state: MissionState) -> bool {
    match state {
        MissionState::Scheduled
        | MissionState::Preparing
        | MissionState::Prepared
        | MissionState::Ready => true,
        MissionState::Starting
        | MissionState::Executing
        | MissionState::Paused
        | MissionState::Hovering
        | MissionState::Unknown
        | MissionState::Ended => false,
    }
}

fn cannot_be_cancelled(status: &Arc<MissionStatus>) -> Problem {
    let (code, detail) = if status.state == MissionState::Ended {
        ("mission_over", "the mission is over already")
    } else {
        let detail =
            "take-off was ordered already: it cannot be cancelled any more. Call it home instead";
        ("already_started", detail)
    };
    Problem::new(StatusCode::CONFLICT, code, detail).with("mission", &**status)
}

/// A flight that goes on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resume {
    /// Names this one intended flight: the same key never flies twice.
    idempotency_key: IdempotencyKey,
    /// Milliseconds in which take-off may still be ordered, 5,000–120,000.
    #[serde(default = "missions::default_expiry")]
    #[schema(minimum = 5000, maximum = 120_000, default = 30000)]
    expires_in_ms: u64,
}

/// Flies on where a mission broke off: a new mission with its file, its heights and its break point.
/// Never after an obstacle (321517).
#[utoipa::path(
    operation_id = "resume_mission",
    post, path = "/api/v1/missions/{id}/resume", tag = "missions", request_body = Resume,
    params(("id" = String, Path, description = "Id of the mission that broke off")),
    responses(
        (status = 202, body = MissionStatus, description = "The new mission"),
        (status = 200, body = MissionStatus, description = "This key was used before; nothing was sent again"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "`no_resume_after_obstacle`, `no_break_point`, `not_ended`, `flown_whole`, or refused with `code` and `mission`"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn resume(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(id): InPath<MissionId>,
    Body(body): Body<Resume>,
) -> Result<Response, Problem> {
    missions::check_expiry(body.expires_in_ms)?;
    let before = app.hub.view().missions.get(id);
    let before = before.filter(|mission| app.sees(&principal, &mission.sn));
    let before = before.ok_or_else(unknown_mission)?;
    app.require_of(&principal, Permission::Fly, &before.sn)?;
    let point = app
        .planning
        .resume_point(&before)
        .map_err(|reason| Problem::refused(Some(&reason), "mission", &*before))?;
    let plan = MissionPlan {
        start: MissionStart::Immediate,
        break_point: Some(point),
        resumes: Some(id),
        schedule_id: None,
        multi_dock: None,
        ..(*before.plan).clone()
    };
    let flight = Flight {
        sn: before.sn.clone(),
        wayline_id: before.wayline_id,
        rth_altitude_m: before.rth_altitude_m,
        lost_link_action: before.lost_link_action,
        exit_wayline_when_link_lost: Some(before.exit_wayline_when_link_lost),
        idempotency_key: body.idempotency_key,
        expires_in_ms: body.expires_in_ms,
        trace_id: None,
        plan,
    };
    missions::fly(&app, &principal, &note, MissionId(Uuid::now_v7()), flight).await
}
