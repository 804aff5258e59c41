//! Enrolment: a dock gets its MQTT user, or loses it.

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fleet_types::DeviceSn;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    extract::{Body, InPath},
    problem::Problem,
    services::{EnrolError, EnrolRequest, Enrolled},
};

const MAX_NAME_CHARS: usize = 128;

/// A dock to be enrolled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDock {
    /// Serial number, as printed on the dock.
    sn: DeviceSn,
    /// Name for people.
    #[serde(default)]
    name: String,
}

fn problem(error: EnrolError) -> Problem {
    let (status, code) = match &error {
        EnrolError::BrokerExternal { .. } => (StatusCode::CONFLICT, "broker_external"),
        EnrolError::AlreadyEnrolled => (StatusCode::CONFLICT, "already_enrolled"),
        EnrolError::TooMany { .. } => (StatusCode::CONFLICT, "too_many_docks"),
        EnrolError::NotEnrolled => (StatusCode::NOT_FOUND, "unknown_device"),
        EnrolError::Unavailable { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "enrolment_unavailable")
        }
    };
    Problem::new(status, code, error.to_string())
}

/// Enrols a dock and says what to type into DJI Pilot 2. The password is shown once.
#[utoipa::path(
    operation_id = "create_dock",
    post, path = "/api/v1/docks", tag = "docks", request_body = NewDock,
    responses(
        (status = 201, body = Enrolled),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "`broker_external` (with what to do), `already_enrolled`, `too_many_docks`"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    Body(body): Body<NewDock>,
) -> Result<Response, Problem> {
    note.on(&body.sn);
    let name = body.name.trim();
    if name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(Problem::bad_input("name has at most 128 characters, none of them control"));
    }
    let request = EnrolRequest { sn: body.sn, name: name.to_owned(), issued_by: principal.who() };
    let enrolled = app.enrolment.enrol(request).await.map_err(problem)?;
    Ok((StatusCode::CREATED, Json(enrolled)).into_response())
}

/// Removes a dock: its MQTT user ends, and it leaves the list.
#[utoipa::path(
    operation_id = "remove_dock",
    delete, path = "/api/v1/docks/{sn}", tag = "docks",
    params(("sn" = String, Path, description = "Serial number")),
    responses(
        (status = 204, description = "Removed"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(sn): InPath<DeviceSn>,
) -> Result<StatusCode, Problem> {
    app.enrolment.remove(sn.clone(), principal.who()).await.map_err(problem)?;
    app.hub.remove_device(sn).await;
    Ok(StatusCode::NO_CONTENT)
}
