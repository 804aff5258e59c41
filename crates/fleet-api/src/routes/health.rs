//! Whether the tower lives, whether it is ready, and its metrics.

use std::sync::PoisonError;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, problem::Problem, services::Check};

const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the tower can do its work.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Whether every check holds.
    ready: bool,
    /// The checks.
    checks: Vec<Check>,
}

/// Says that the process answers. Needs no credential and tells nothing else.
#[utoipa::path(
    operation_id = "get_health",
    get, path = "/healthz", tag = "health", security(()), responses((status = 200, body = Alive))
)]
pub(crate) async fn alive() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// Says whether the tower can do its work, and if not, why.
#[utoipa::path(
    operation_id = "get_readiness",
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, body = Ready),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Ready),
    )
)]
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let links: Vec<_> = app.hub.view().links.values().cloned().collect();
    let mut checks: Vec<_> = links
        .iter()
        .map(|link| Check {
            name: format!("link_{}", link.link.as_str()),
            ok: link.connected,
            detail: match &link.error {
                Some(error) if !link.connected => format!("{}: {error}", link.address),
                _ => link.address.clone(),
            },
        })
        .collect();
    if links.is_empty() {
        let detail = "no link to the broker has reported yet".to_owned();
        checks.push(Check { name: "link".to_owned(), ok: false, detail });
    }
    checks.extend(app.system.checks());
    if app.people.accounts().is_some() {
        let ok = app.people.directory().is_some();
        let detail = if ok { "who may what was read" } else { "who may what is not read yet" };
        checks.push(Check { name: "people".to_owned(), ok, detail: detail.to_owned() });
    }
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, checks })).into_response()
}

/// Metrics for Prometheus, in the OpenMetrics text format.
#[utoipa::path(
    operation_id = "get_metrics",
    get, path = "/metrics", tag = "health",
    responses(
        (status = 200, body = String, content_type = "application/openmetrics-text"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let mut text = String::new();
    let registry = app.registry.lock().unwrap_or_else(PoisonError::into_inner);
    prometheus_client::encoding::text::encode(&mut text, &registry).map_err(|error| {
        tracing::error!(%error, "metrics could not be written");
        Problem::internal()
    })?;
    drop(registry);
    let kind = HeaderValue::from_static(METRICS_TYPE);
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
