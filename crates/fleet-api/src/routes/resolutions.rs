//! What a person settles when nothing else will: commands whose outcome is unknown, and missions
//! whose end was never reported. Always on record, with what they saw.

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fleet_types::{
    CommandId, CommandState, CommandStatus, DeviceSn, MissionId, MissionState, MissionStatus,
    command::{Resolution, ResolvedOutcome, Subject},
    rights::Permission,
};
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::{commands::unknown_command, missions::unknown_mission};
use crate::{
    app::App,
    auth::Principal,
    extract::{Body, InPath},
    problem::Problem,
    submit::{HAND_OVER, no_owner, queue_full, wait_for},
};

const MAX_NOTE_CHARS: usize = 1000;

/// What a person found out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    /// Whether it was carried out.
    outcome: ResolvedOutcome,
    /// How they know; kept on record.
    note: String,
}

impl Finding {
    fn into_resolution(
        self,
        subject: Subject,
        sn: DeviceSn,
        principal: &Principal,
    ) -> Result<Resolution, Problem> {
        let note = self.note.trim();
        if note.is_empty() || note.chars().count() > MAX_NOTE_CHARS {
            return Err(Problem::bad_input("note has 1 to 1000 characters: say how you know"));
        }
        let (note, resolved_by) = (note.to_owned(), principal.who());
        Ok(Resolution { subject, sn, outcome: self.outcome, note, resolved_by })
    }
}

/// Closes a command whose outcome is unknown, on record, by what a person found out.
#[utoipa::path(
    operation_id = "resolve_command",
    post, path = "/api/v1/commands/{id}/resolve", tag = "commands", request_body = Finding,
    params(("id" = String, Path, description = "Command id")),
    responses(
        (status = 200, body = CommandStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Its outcome is not unknown"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn command(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<CommandId>,
    Body(finding): Body<Finding>,
) -> Result<Response, Problem> {
    let status = app.hub.view().commands.get(id);
    let status = status.filter(|command| app.sees(&principal, &command.sn));
    let status = status.ok_or_else(unknown_command)?;
    app.require_of(&principal, Permission::Settle, &status.sn)?;
    let sn = status.sn.clone();
    let resolution = finding.into_resolution(Subject::Command(id), sn, &principal)?;
    if status.state != CommandState::Unknown {
        let detail = "only a command whose outcome is unknown is closed by a person";
        let problem = Problem::new(StatusCode::CONFLICT, "not_unknown", detail);
        return Err(problem.with("command", &*status));
    }
    hand_over(&app, resolution).await?;
    let closed = wait_for(&app.hub, |view| {
        view.commands.get(id).filter(|status| status.state != CommandState::Unknown)
    });
    let status = closed.await.ok_or_else(|| no_owner(&format!("/api/v1/commands/{id}")))?;
    Ok(Json(&*status).into_response())
}

/// Ends a mission whose end the dock never reported, on record, by what a person found out.
#[utoipa::path(
    operation_id = "resolve_mission",
    post, path = "/api/v1/missions/{id}/resolve", tag = "missions", request_body = Finding,
    params(("id" = String, Path, description = "Mission id")),
    responses(
        (status = 200, body = MissionStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is over, or take-off was not ordered yet"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn mission(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<MissionId>,
    Body(finding): Body<Finding>,
) -> Result<Response, Problem> {
    let status = app.hub.view().missions.get(id);
    let status = status.filter(|mission| app.sees(&principal, &mission.sn));
    let status = status.ok_or_else(unknown_mission)?;
    app.require_of(&principal, Permission::Settle, &status.sn)?;
    let sn = status.sn.clone();
    let resolution = finding.into_resolution(Subject::Mission(id), sn, &principal)?;
    let may_be_settled = match status.state {
        MissionState::Executing
        | MissionState::Paused
        | MissionState::Hovering
        | MissionState::Unknown => true,
        MissionState::Scheduled
        | MissionState::Preparing
        | MissionState::Prepared
        | MissionState::Ready
        | MissionState::Starting
        | MissionState::Ended => false,
    };
    if !may_be_settled {
        let detail = "only a mission whose take-off was ordered and whose end is open is settled by a person";
        let problem = Problem::new(StatusCode::CONFLICT, "not_open", detail);
        return Err(problem.with("mission", &*status));
    }
    hand_over(&app, resolution).await?;
    let ended = wait_for(&app.hub, |view| {
        view.missions.get(id).filter(|status| status.state == MissionState::Ended)
    });
    let status = ended.await.ok_or_else(|| no_owner(&format!("/api/v1/missions/{id}")))?;
    Ok(Json(&*status).into_response())
}

async fn hand_over(app: &App, resolution: Resolution) -> Result<(), Problem> {
    app.commander()?;
    let handed = timeout(HAND_OVER, app.resolutions.write(resolution)).await;
    handed.map_err(|_full| queue_full())
}
