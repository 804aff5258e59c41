//! The table of methods.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, method::MethodInfo, problem::Problem};

/// Every method that devices know.
#[derive(Serialize, ToSchema)]
pub(crate) struct Methods {
    /// By page of the documentation.
    methods: Vec<MethodInfo>,
}

/// Lists what devices can be asked for, and what each method is.
#[utoipa::path(
    operation_id = "list_methods",
    get, path = "/api/v1/methods", tag = "commands",
    responses(
        (status = 200, body = Methods),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>) -> Json<Methods> {
    Json(Methods { methods: app.config.methods.clone() })
}
