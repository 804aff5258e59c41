//! Who has the authority over a dock: taken, asked for, handed over, given back.
//!
//! Who has it now stands in the device itself (`authority` of `GET /api/v1/devices/{sn}` and of the
//! live stream). What stops or brings home an aircraft is asked about by nobody here.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use fleet_types::{
    DeviceSn, RequestId, Role,
    authority::{AuthorityAction, AuthorityRequest, DeviceAuthority, Holder, Kind, Scope},
    rights::Permission,
};
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{commands::check_dock, devices::known};
use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    extract::{Body, InPath},
    people::Place,
    problem::Problem,
    submit::{HAND_OVER, no_owner, queue_full, wait_for},
};

const MAX_NOTE_CHARS: usize = 500;
const MAX_NAME_CHARS: usize = 200;

/// What somebody wants of the authority over a dock.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Wanted {
    /// Over what: dock and flight, or the payload.
    scope: Scope,
    #[serde(flatten)]
    action: AuthorityAction,
}

/// Takes, asks for, hands over, keeps, renews or gives back the authority over a dock.
///
/// An authority that was taken ends when its holder is silent for `authority.silence_s`; commands and
/// `renew` are words of theirs. `take` is refused while another holds it, `take_over` needs a higher
/// rank (pilots before operators) or an administrator.
#[utoipa::path(
    operation_id = "change_authority",
    post, path = "/api/v1/devices/{sn}/authority", tag = "commands", request_body = Wanted,
    params(("sn" = String, Path, description = "Serial number of the dock")),
    responses(
        (status = 200, body = DeviceAuthority, description = "As it stands now"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Refused: `authority_held`, `authority_rank`, `authority_free`, `no_authority`, `not_asked`, …, with `authority`"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Not asked"),
        (status = 504, body = Problem, content_type = "application/problem+json", description = "`no_owner`: not known; look at the device"),
    )
)]
pub(crate) async fn change(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(audit): Extension<Note>,
    InPath(sn): InPath<DeviceSn>,
    Body(Wanted { scope, action }): Body<Wanted>,
) -> Result<Response, Problem> {
    app.require_of(&principal, Permission::Authority, &sn)?;
    check(&action)?;
    note(&audit, scope, &action);
    let device = known(&app.hub.view(), &sn)?;
    check_dock(&device)?;
    let flies = app.may(&principal, Permission::Manual, Place::Site(app.people.site_of(&sn)));
    // Whoever has the machine is not thereby at the sticks.
    let kind = match &principal {
        Principal::Person(_) if flies => Kind::Pilot,
        Principal::Person(_)
        | Principal::Machine(_)
        | Principal::ApiToken
        | Principal::Session(_) => Kind::Operator,
    };
    let request = AuthorityRequest {
        request_id: RequestId(Uuid::now_v7()),
        sn: sn.clone(),
        scope,
        by: Holder { who: principal.who(), kind },
        is_supervisor: app.override_role(&principal, &sn) >= Role::Supervisor,
        action,
    };
    let request_id = request.request_id;
    app.commander()?;
    let handed = timeout(HAND_OVER, app.authority.write(request)).await;
    handed.map_err(|_full| queue_full())?;
    let answer = wait_for(&app.hub, |view| {
        view.authority.iter().find(|answer| answer.request_id == request_id).cloned()
    });
    let answer = answer.await.ok_or_else(|| no_owner(&format!("/api/v1/devices/{sn}")))?;
    match &answer.refused {
        None => Ok(Json(&answer.authority).into_response()),
        refused @ Some(_) => {
            Err(Problem::refused(refused.as_ref(), "authority", &answer.authority))
        }
    }
}

/// What the audit says of it.
fn note(audit: &Note, scope: Scope, action: &AuthorityAction) {
    audit.say("scope", serde_json::to_value(scope).unwrap_or_default());
    audit.say("wanted", serde_json::to_value(action).unwrap_or_default());
    if matches!(action, AuthorityAction::Renew { .. }) {
        audit.is_routine();
    }
}

fn check(action: &AuthorityAction) -> Result<(), Problem> {
    let is_short = |text: &str, max: usize| text.chars().count() <= max;
    match action {
        AuthorityAction::TakeOver { note } if note.trim().is_empty() => {
            Err(Problem::bad_input("note has 1 to 500 characters: say why"))
        }
        AuthorityAction::TakeOver { note } | AuthorityAction::Ask { note }
            if !is_short(note, MAX_NOTE_CHARS) =>
        {
            Err(Problem::bad_input("note has at most 500 characters"))
        }
        AuthorityAction::HandOver { to: name } | AuthorityAction::Keep { from: name }
            if !is_short(name, MAX_NAME_CHARS) =>
        {
            Err(Problem::bad_input("nobody has so long a name"))
        }
        AuthorityAction::Take
        | AuthorityAction::TakeOver { .. }
        | AuthorityAction::Ask { .. }
        | AuthorityAction::Withdraw
        | AuthorityAction::HandOver { .. }
        | AuthorityAction::Keep { .. }
        | AuthorityAction::Renew { .. }
        | AuthorityAction::Release => Ok(()),
    }
}
