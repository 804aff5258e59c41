//! Alarms: listed, acknowledged, shelved and brought back, by whom and until when.

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fleet_types::{
    AlarmId, AlarmStatus, RequestId,
    alarm::{AlarmAction, AlarmOrder, AlarmState},
    people::DEFAULT_SITE,
    rights::Permission,
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    auth::Principal,
    extract::{Body, InPath},
    json::Object,
    people::Place,
    problem::Problem,
    submit::{HAND_OVER, no_owner, queue_full, wait_for},
};

const MAX_NOTE_CHARS: usize = 1000;
/// A shift.
const SHELF_MAX_MINUTES: u32 = 720;

/// Alarms: what needs a hand first, most urgent first, newest first; then shelved, then over.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alarms {
    alarms: Vec<AlarmStatus>,
}

/// How far an acknowledgement goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledge {
    /// Acknowledge every alarm of the same cause that is up, as in a flood.
    #[serde(default)]
    whole_cause: bool,
}

/// For how long an alarm is put aside, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutAside {
    /// Minutes, 1 to 720.
    #[schema(minimum = 1, maximum = 720)]
    for_minutes: u32,
    /// Why; kept on record.
    note: String,
}

/// Lists alarms.
#[utoipa::path(
    operation_id = "list_alarms",
    get, path = "/api/v1/alarms", tag = "alarms",
    responses(
        (status = 200, body = Alarms),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Object {
    let scope = app.scope(&principal);
    let mut alarms = app.hub.view().alarms_in_order();
    alarms.retain(|alarm| scope.sees_of(alarm.sn.as_ref()));
    Object::new().list("alarms", &alarms).await
}

/// Takes note of an alarm, on record. One whose condition is gone is over with it.
#[utoipa::path(
    operation_id = "acknowledge_alarm",
    post, path = "/api/v1/alarms/{id}/acknowledge", tag = "alarms", request_body = Acknowledge,
    params(("id" = String, Path, description = "Alarm id")),
    responses(
        (status = 200, body = AlarmStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is acknowledged already, or over"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn acknowledge(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<AlarmId>,
    Body(body): Body<Acknowledge>,
) -> Result<Response, Problem> {
    let before = known(&app, &principal, id)?;
    let can_be =
        before.state.is_unacknowledged() || before.state == AlarmState::LatchedAcknowledged;
    // Of a whole cause, others may still be open.
    if !can_be && !body.whole_cause {
        let detail = "this alarm is acknowledged already, or over; nothing was done";
        return Err(conflict("already_acknowledged", detail, &before));
    }
    let action = AlarmAction::Acknowledge { whole_cause: body.whole_cause };
    order(&app, &principal, id, action).await?;
    shown(&app, id, move |now| !can_be || now.state != before.state).await
}

/// Puts an alarm aside for a time, on record. It goes on unseen, and is back when the time is up.
#[utoipa::path(
    operation_id = "shelve_alarm",
    post, path = "/api/v1/alarms/{id}/shelve", tag = "alarms", request_body = PutAside,
    params(("id" = String, Path, description = "Alarm id")),
    responses(
        (status = 200, body = AlarmStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is over"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn shelve(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<AlarmId>,
    Body(body): Body<PutAside>,
) -> Result<Response, Problem> {
    let note = body.note.trim();
    if note.is_empty() || note.chars().count() > MAX_NOTE_CHARS {
        return Err(Problem::bad_input("note has 1 to 1000 characters: say why"));
    }
    if !(1..=SHELF_MAX_MINUTES).contains(&body.for_minutes) {
        return Err(Problem::bad_input("for_minutes lies between 1 and 720"));
    }
    let before = known(&app, &principal, id)?;
    if before.state == AlarmState::Cleared && before.shelved.is_none() {
        return Err(conflict("alarm_over", "this alarm is over; nothing was done", &before));
    }
    let for_ms = u64::from(body.for_minutes) * 60_000;
    let action = AlarmAction::Shelve { for_ms, note: note.to_owned() };
    order(&app, &principal, id, action).await?;
    shown(&app, id, move |now| now.shelved.is_some() && now.shelved != before.shelved).await
}

/// Brings an alarm back from the shelf.
#[utoipa::path(
    operation_id = "unshelve_alarm",
    post, path = "/api/v1/alarms/{id}/unshelve", tag = "alarms",
    params(("id" = String, Path, description = "Alarm id")),
    responses(
        (status = 200, body = AlarmStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is not on the shelf"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
        (status = 504, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn unshelve(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<AlarmId>,
) -> Result<Response, Problem> {
    let before = known(&app, &principal, id)?;
    if before.shelved.is_none() {
        let detail = "this alarm is not on the shelf; nothing was done";
        return Err(conflict("not_shelved", detail, &before));
    }
    order(&app, &principal, id, AlarmAction::Unshelve).await?;
    shown(&app, id, |now| now.shelved.is_none()).await
}

/// The alarm, for somebody who sees it and may deal with it.
fn known(
    app: &App,
    principal: &Principal,
    id: AlarmId,
) -> Result<std::sync::Arc<AlarmStatus>, Problem> {
    let scope = app.scope(principal);
    let alarm = app.hub.view().alarm(id).filter(|alarm| scope.sees_of(alarm.sn.as_ref()));
    if let Some(alarm) = &alarm {
        let site = alarm.sn.as_ref().map_or(DEFAULT_SITE, |sn| app.people.site_of(sn));
        app.require(principal, Permission::Alarms, Place::Site(site))?;
    }
    alarm.ok_or_else(|| {
        let detail = "no such alarm is known; the latest 1,000 that are over are kept";
        Problem::not_found("unknown_alarm", detail)
    })
}

fn conflict(code: &'static str, detail: &str, alarm: &AlarmStatus) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, detail).with("alarm", alarm)
}

async fn order(
    app: &App,
    principal: &Principal,
    alarm_id: AlarmId,
    action: AlarmAction,
) -> Result<(), Problem> {
    let request_id = RequestId(Uuid::now_v7());
    let order = AlarmOrder { request_id, alarm_id, action, issued_by: principal.who() };
    app.commander()?;
    let handed = timeout(HAND_OVER, app.alarm_orders.write(order)).await;
    handed.map_err(|_full| queue_full())
}

/// The alarm once it is as ordered.
async fn shown(
    app: &App,
    id: AlarmId,
    done: impl Fn(&AlarmStatus) -> bool,
) -> Result<Response, Problem> {
    let changed = wait_for(&app.hub, |view| view.alarm(id).filter(|alarm| done(alarm)));
    let status = changed.await.ok_or_else(|| no_owner("/api/v1/alarms"))?;
    Ok(Json(&*status).into_response())
}
