//! Commands: asked for and looked up. Read next: [`super::resolutions`].

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use fleet_types::{
    CommandId, CommandRequest, CommandState, CommandStatus, DeviceClass, DeviceSn, DeviceStatus,
    IdempotencyKey, RequestId, TraceId,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::devices::known;
use crate::{
    app::{About, App},
    audit::Note,
    auth::Principal,
    extract::{Body, InPath},
    problem::Problem,
    rights,
    submit::{Ask, Desk, Outcome, fingerprint},
};

const MAX_METHOD_CHARS: usize = 64;
const MAX_DATA_BYTES: usize = 64 << 10;

fn default_expiry() -> u64 {
    10_000
}

/// A command to a dock.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCommand {
    /// DJI method: `cover_open`, `return_home`, ….
    method: String,
    /// DJI data of the method; absent or `null` where it takes none.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    /// Names this one intended action: the same key is never executed twice.
    idempotency_key: IdempotencyKey,
    /// Milliseconds in which it may still be sent, 1,000–60,000.
    #[serde(default = "default_expiry")]
    #[schema(minimum = 1000, maximum = 60000, default = 10000)]
    expires_in_ms: u64,
    /// The flow it belongs to; a new one without it.
    trace_id: Option<TraceId>,
}

impl NewCommand {
    fn check(&self) -> Result<(), Problem> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let method_fits = (1..=MAX_METHOD_CHARS).contains(&self.method.len());
        if !method_fits || !self.method.bytes().all(fits) {
            return Err(Problem::bad_input("method has 1 to 64 characters of a-z 0-9 _"));
        }
        if !(1000..=60_000).contains(&self.expires_in_ms) {
            return Err(Problem::bad_input("expires_in_ms lies between 1000 and 60000"));
        }
        let size =
            self.data.as_ref().map_or(0, |data| serde_json::to_vec(data).map_or(0, |d| d.len()));
        if size > MAX_DATA_BYTES {
            return Err(Problem::bad_input("data has at most 64 KiB"));
        }
        Ok(())
    }
}

/// Commands go to docks; an aircraft is spoken to through its own.
pub(super) fn check_dock(device: &DeviceStatus) -> Result<(), Problem> {
    match device.class {
        DeviceClass::Dock => Ok(()),
        DeviceClass::Aircraft | DeviceClass::Robot => {
            let dock = device.gateway_sn.as_ref().map_or_else(String::new, |sn| format!(": {sn}"));
            let detail = format!("{} is not a dock; send it to its dock{dock}", device.sn);
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not_a_dock", detail))
        }
    }
}

/// Sends a command to a dock. The same `idempotency_key` again returns where the first stands.
#[utoipa::path(
    operation_id = "create_command",
    post, path = "/api/v1/devices/{sn}/commands", tag = "commands", request_body = NewCommand,
    params(("sn" = String, Path, description = "Serial number of the dock")),
    responses(
        (status = 202, body = CommandStatus, description = "Taken; follow it by its id or the stream"),
        (status = 200, body = CommandStatus, description = "This key was used before; nothing was sent again"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "Refused, with `code` and `command`, or `idempotency_conflict`"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Not sent"),
        (status = 504, body = Problem, content_type = "application/problem+json", description = "`no_owner`: outcome unknown"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(sn): InPath<DeviceSn>,
    Body(body): Body<NewCommand>,
) -> Result<Response, Problem> {
    note.say("method", body.method.chars().take(MAX_METHOD_CHARS).collect::<String>());
    body.check()?;
    let spec = app.config.methods.iter().find(|info| info.method == body.method);
    app.require_of(&principal, rights::of_method(spec), &sn)?;
    let device = known(&app.hub.view(), &sn)?;
    check_dock(&device)?;
    let NewCommand { method, data, idempotency_key: key, expires_in_ms, trace_id } = body;
    let data = data.map_or(Value::Null, Value::Object);
    app.commander()?;
    let desk = Desk {
        hub: &app.hub,
        ledger: |view| &mut view.commands,
        writer: &app.commands,
        path: "/api/v1/commands",
    };
    let id = CommandId(Uuid::now_v7());
    let print = fingerprint(&(&method, &data))?;
    let ask = Ask { id, sn: &sn, key: &key, fingerprint: print };
    let same = |known: &CommandStatus| known.method == method;
    let request = || {
        let trace_id = trace_id.unwrap_or_else(|| TraceId(Uuid::now_v7()));
        let who = principal.who();
        note.flow(trace_id);
        note.say("command_id", id.to_string());
        let about =
            About { sn: &sn, command_id: Some(id), mission_id: None, method: Some(&method) };
        app.trace_request(trace_id, &who, &about);
        Ok(CommandRequest {
            command_id: id,
            trace_id,
            request_id: RequestId(Uuid::now_v7()),
            sn: sn.clone(),
            method: method.clone(),
            data,
            idempotency_key: key.clone(),
            expires_in_ms,
            issued_by: who,
        })
    };
    match desk.submit(ask, same, request).await? {
        Outcome::Repeated(status) => {
            note.flow(status.trace_id);
            note.say("repeats", status.command_id.to_string());
            Ok((StatusCode::OK, Json(&*status)).into_response())
        }
        Outcome::Caused(status) if status.state == CommandState::Rejected => {
            Err(Problem::refused(status.reason.as_ref(), "command", &*status))
        }
        Outcome::Caused(status) => Ok((StatusCode::ACCEPTED, Json(&*status)).into_response()),
    }
}

pub(super) fn unknown_command() -> Problem {
    let detail = "no such command is known; of ended commands the latest 10,000 are kept here";
    Problem::not_found("unknown_command", detail)
}

/// Shows where a command stands.
#[utoipa::path(
    operation_id = "get_command",
    get, path = "/api/v1/commands/{id}", tag = "commands",
    params(("id" = String, Path, description = "Command id")),
    responses(
        (status = 200, body = CommandStatus),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<CommandId>,
) -> Result<Response, Problem> {
    let status = app.hub.view().commands.get(id);
    let status = status.filter(|command| app.sees(&principal, &command.sn));
    let status = status.ok_or_else(unknown_command)?;
    Ok(Json(&*status).into_response())
}
