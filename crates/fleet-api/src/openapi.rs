//! The API's description, made from the handlers' own code. The committed snapshot is
//! `openapi.json`; a test compares.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use utoipa::{
    OpenApi,
    openapi::{
        ContentBuilder, PathItem, Ref, RefOr, ResponseBuilder,
        extensions::Extensions,
        path::{Operation, Parameter, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{
    app::App,
    problem::Problem,
    rights::{Needs, ROUTES, Route},
    routes,
};

/// Title, licence and security; the routes add themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gwanje",
        description = "Control tower for DJI Dock fleets. Errors are RFC 9457 problems with a \
            stable `code`; times are epoch milliseconds. Nobody moves an aircraft anonymously: \
            every call but /healthz carries a credential.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    security(("bearer" = [])),
    modifiers(&Bearer),
)]
struct Head;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The API token, a session's token from POST /api/v1/session, or an account's from POST /auth/v1/token"))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

pub(crate) fn head() -> utoipa::openapi::OpenApi {
    Head::openapi()
}

fn operation_of<'a>(item: &'a mut PathItem, verb: &str) -> Option<&'a mut Operation> {
    match verb {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "PUT" => item.put.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

/// The right that a call asks for, what the audit calls it, and that whoever lacks the right is told so.
/// One member for both: several would be written in an order that changes from run to run.
fn say_needs(operation: &mut Operation, route: &Route) {
    let right = match route.needs {
        Needs::Credential => Value::Null,
        Needs::ByMethod => json!("by the method: stop, fly, debug, firmware or manual"),
        Needs::Right(permission) => json!(permission),
    };
    let audit = if route.action.is_empty() { Value::Null } else { json!(route.action) };
    let said = json!({ "audit": audit, "right": right });
    let said = Extensions::builder().add("x-gwanje", said).build();
    operation.extensions.get_or_insert_default().merge(said);
    if route.needs == Needs::Credential {
        return;
    }
    refuses(operation, "403", "`right_missing`, with the right in `right`");
}

/// Adds an answer that no handler names by itself.
fn refuses(operation: &mut Operation, status: &str, why: &str) {
    let problem = ResponseBuilder::new()
        .description(why)
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build(),
        )
        .build();
    let answers = &mut operation.responses.responses;
    answers.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem));
}

/// What a call is refused for before its handler sees it.
fn say_refusals(operation: &mut Operation) {
    let parameters = operation.parameters.iter().flatten();
    let is_asked = |parameter: &Parameter| parameter.parameter_in == ParameterIn::Query;
    let has_query = parameters.into_iter().any(is_asked);
    if operation.request_body.is_some() {
        refuses(operation, "400", "`malformed_json`");
        refuses(operation, "413", "`body_too_large`");
        refuses(operation, "415", "`unsupported_media_type`");
        refuses(operation, "422", "`bad_input`");
    }
    if has_query {
        refuses(operation, "400", "`bad_query`");
    }
    refuses(operation, "408", "`request_timeout`: it was not complete in time");
}

/// The whole description as indented JSON, ending in a newline.
#[must_use]
pub fn openapi_json() -> String {
    let mut document = routes::described().into_openapi();
    for route in ROUTES {
        let item = document.paths.paths.get_mut(route.path);
        if let Some(operation) = item.and_then(|item| operation_of(item, route.verb)) {
            say_needs(operation, route);
        }
    }
    for item in document.paths.paths.values_mut() {
        for verb in ["GET", "POST", "PUT", "DELETE"] {
            if let Some(operation) = operation_of(item, verb) {
                say_refusals(operation);
            }
        }
    }
    // A description that does not serialise is a defect the snapshot test shows as an empty text.
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// This description.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "system",
    responses(
        (status = 200, description = "OpenAPI 3.1", content_type = "application/json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn document(State(app): State<App>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], app.openapi.clone()).into_response()
}
