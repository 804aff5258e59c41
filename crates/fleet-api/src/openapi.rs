//! The API's description, made from the handlers' own code. The committed snapshot is
//! `openapi.json`; a test compares.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa::{
    OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::{app::App, problem::Problem, routes};

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
            .description(Some("The API token, or a session's token from POST /api/v1/session"))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

pub(crate) fn head() -> utoipa::openapi::OpenApi {
    Head::openapi()
}

/// The whole description as indented JSON, ending in a newline.
#[must_use]
pub fn openapi_json() -> String {
    // A description that does not serialise is a defect the snapshot test shows as an empty text.
    let mut text = routes::described().into_openapi().to_pretty_json().unwrap_or_default();
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
