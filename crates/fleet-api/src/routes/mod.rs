//! The routes of the contract, one module a noun. Read next: any of them.

mod account;
mod alarms;
mod audit;
mod authority;
mod basemaps;
mod commands;
mod devices;
mod dispatch;
mod docks;
mod findings;
mod flights;
mod health;
mod map;
mod media;
mod methods;
mod mission_control;
mod missions;
mod people;
mod preflight;
mod resolutions;
mod schedules;
mod session;
mod sites;
mod system;
mod tokens;
mod waylines;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, assets, guard, openapi, problem::Problem, stream, waylines::MAX_FILE_BYTES};

const MAX_JSON_BYTES: usize = 1 << 20;

/// Routes that need a credential.
fn protected() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(devices::list))
        .routes(routes!(devices::show))
        .routes(routes!(map::track))
        .routes(routes!(map::route))
        .routes(routes!(findings::show))
        .routes(routes!(map::alarms))
        .routes(routes!(basemaps::list))
        .routes(routes!(basemaps::file))
        .routes(routes!(basemaps::tile))
        .routes(routes!(basemaps::style))
        .routes(routes!(basemaps::linked))
        .routes(routes!(media::list))
        .routes(routes!(media::file))
        .routes(routes!(media::thumbnail))
        .routes(routes!(commands::create))
        .routes(routes!(commands::show))
        .routes(routes!(waylines::fetch))
        .routes(routes!(methods::list))
        .routes(routes!(resolutions::command))
        .routes(routes!(resolutions::mission))
        .routes(routes!(missions::create, missions::list))
        .routes(routes!(missions::show))
        .routes(routes!(mission_control::cancel))
        .routes(routes!(mission_control::resume))
        .routes(routes!(dispatch::propose))
        .routes(routes!(flights::list))
        .routes(routes!(flights::show))
        .routes(routes!(flights::series))
        .routes(routes!(flights::export))
        .routes(routes!(schedules::list, schedules::create))
        .routes(routes!(schedules::preview))
        .routes(routes!(schedules::times))
        .routes(routes!(schedules::show, schedules::change, schedules::remove))
        .routes(routes!(schedules::pause))
        .routes(routes!(schedules::go_on))
        .routes(routes!(authority::change))
        .routes(routes!(preflight::ask))
        .routes(routes!(preflight::give))
        .routes(routes!(preflight::withdraw))
        .routes(routes!(preflight::maintenance))
        .routes(routes!(docks::create))
        .routes(routes!(docks::remove))
        .routes(routes!(alarms::list))
        .routes(routes!(alarms::acknowledge))
        .routes(routes!(alarms::shelve))
        .routes(routes!(alarms::unshelve))
        .routes(routes!(system::trace))
        .routes(routes!(system::system))
        .routes(routes!(system::log, system::set_log_filter))
        .routes(routes!(session::sign_out))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(sites::list, sites::create))
        .routes(routes!(sites::rename))
        .routes(routes!(sites::put))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(audit::export))
        .routes(routes!(people::me))
        .routes(routes!(people::list))
        .routes(routes!(people::set_roles))
        .routes(routes!(people::sessions))
        .routes(routes!(people::end_session))
        .routes(routes!(people::own_sessions))
        .routes(routes!(people::end_own_session))
        .routes(routes!(account::user, account::update_user))
        .routes(routes!(account::logout))
        .routes(routes!(account::create_user, account::list_users))
        .routes(routes!(account::show_user, account::change_user))
        .routes(routes!(stream::stream))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi::document))
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(waylines::create, waylines::list))
                .layer(DefaultBodyLimit::max(MAX_FILE_BYTES)),
        )
}

/// Routes that carry their credential otherwise, or need none.
fn public() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::alive))
        .routes(routes!(session::sign_in))
        .routes(routes!(people::sign_in_way))
        .routes(routes!(account::token))
        .routes(routes!(account::jwks))
        .routes(routes!(waylines::file))
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
}

/// All routes with their description.
pub(crate) fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::head()).merge(protected()).merge(public())
}

/// The whole service.
pub(crate) fn router(app: &App) -> Router {
    let credential = from_fn_with_state(app.clone(), guard::credential);
    let (protected, _) = protected().route_layer(credential).split_for_parts();
    let (public, _) = public().split_for_parts();
    protected
        .merge(public)
        .fallback(elsewhere)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(assets::viewer))
        .layer(from_fn_with_state(app.clone(), guard::around))
        .with_state(app.clone())
}

/// What is no route: the console's files, or nothing. Strangers are not told which API paths exist.
async fn elsewhere(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let path = request.uri().path();
    let is_api = |root: &str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if is_api("/api") || is_api("/auth") {
        let caller = app.principal(request.headers(), None).await;
        caller.ok_or_else(guard::no_credential)?;
        return Err(Problem::not_found("not_found", "there is no such path in this API"));
    }
    assets::console(&request)
}

async fn method_not_allowed(State(app): State<App>, request: Request) -> Problem {
    let path = request.uri().path();
    let open = ["/healthz", session::PATH, account::TOKEN_PATH].contains(&path);
    if !open && app.principal(request.headers(), None).await.is_none() {
        return guard::no_credential();
    }
    let detail = format!("{path} does not take {}", request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
