//! Sites: which there are, and which dock is at which.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State, http::StatusCode};
use fleet_types::{DeviceSn, people::DEFAULT_SITE};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    commands::check_dock,
    devices::known,
    people::{SiteName, keeper, unread},
};
use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    extract::{Body, InPath},
    problem::Problem,
};

const MAX_NAME_CHARS: usize = 100;

/// A site, and how many devices are at it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SiteOf {
    /// What it is.
    #[serde(flatten)]
    site: SiteName,
    /// Devices at it, docks and aircraft.
    devices: usize,
    /// Where everything is that nobody put elsewhere, and the tower itself.
    is_default: bool,
}

/// Sites.
#[derive(Serialize, ToSchema)]
pub(crate) struct SiteList {
    /// By name.
    sites: Vec<SiteOf>,
    /// Which device is at which site, by serial number: those that are seen.
    devices: BTreeMap<DeviceSn, Uuid>,
}

/// Lists the sites that the caller sees.
#[utoipa::path(
    operation_id = "list_sites",
    get, path = "/api/v1/sites", tag = "sites",
    responses(
        (status = 200, body = SiteList),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<SiteList>, Problem> {
    let directory = app.people.directory().ok_or_else(unread)?;
    let scope = app.scope(&principal);
    let all = app.hub.view().all_devices();
    let seen = all.iter().map(|status| &status.sn).filter(|sn| scope.sees(sn));
    let devices: BTreeMap<_, _> = seen
        .map(|sn| (sn.clone(), directory.devices.get(sn).copied().unwrap_or(DEFAULT_SITE)))
        .collect();
    let sites = directory.sites.iter().filter(|(id, _)| scope.sees_site(**id));
    let mut sites: Vec<_> = sites
        .map(|(id, name)| SiteOf {
            site: SiteName { site_id: *id, name: name.clone() },
            devices: devices.values().filter(|at| *at == id).count(),
            is_default: *id == DEFAULT_SITE,
        })
        .collect();
    sites.sort_by(|a, b| a.site.name.cmp(&b.site.name));
    Ok(Json(SiteList { sites, devices }))
}

/// A site's name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSite {
    /// 1 to 100 characters.
    name: String,
}

fn name(body: NewSite) -> Result<String, Problem> {
    let name = body.name.trim();
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count());
    if !fits || name.chars().any(char::is_control) {
        return Err(Problem::bad_input("name has 1 to 100 characters, none of them control"));
    }
    Ok(name.to_owned())
}

/// Makes a site.
#[utoipa::path(
    operation_id = "create_site",
    post, path = "/api/v1/sites", tag = "sites", request_body = NewSite,
    responses(
        (status = 201, body = SiteName),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`no_accounts_here`: there is no database"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(note): Extension<Note>,
    Body(body): Body<NewSite>,
) -> Result<(StatusCode, Json<SiteName>), Problem> {
    let name = name(body)?;
    note.say("name", name.as_str());
    let site_id = keeper(&app)?.make_site(name.clone()).await?;
    note.at(site_id);
    Ok((StatusCode::CREATED, Json(SiteName { site_id, name })))
}

fn unknown_site() -> Problem {
    Problem::not_found("unknown_site", "there is no such site; GET /api/v1/sites lists them")
}

/// Gives a site another name.
#[utoipa::path(
    operation_id = "rename_site",
    put, path = "/api/v1/sites/{site}", tag = "sites", request_body = NewSite,
    params(("site" = Uuid, Path, description = "Site id")),
    responses(
        (status = 204, description = "Renamed"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rename(
    State(app): State<App>,
    Extension(note): Extension<Note>,
    InPath(site): InPath<Uuid>,
    Body(body): Body<NewSite>,
) -> Result<StatusCode, Problem> {
    let name = name(body)?;
    note.at(site);
    note.say("name", name.as_str());
    let is_there = keeper(&app)?.rename_site(site, name).await?;
    if is_there { Ok(StatusCode::NO_CONTENT) } else { Err(unknown_site()) }
}

/// Where a dock is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whereabouts {
    /// The site.
    site_id: Uuid,
}

/// Puts a dock with its aircraft at a site. Their past goes with them: whoever sees that site sees it
/// from now on, whoever sees only the other one does not any more.
#[utoipa::path(
    operation_id = "move_device",
    put, path = "/api/v1/devices/{sn}/site", tag = "sites", request_body = Whereabouts,
    params(("sn" = String, Path, description = "Serial number of the dock")),
    responses(
        (status = 204, description = "Moved"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`unknown_device`, `unknown_site`"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "`not_a_dock`: an aircraft goes with its dock"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    Extension(note): Extension<Note>,
    InPath(sn): InPath<DeviceSn>,
    Body(Whereabouts { site_id }): Body<Whereabouts>,
) -> Result<StatusCode, Problem> {
    note.say("to", site_id.to_string());
    note.say("from", app.people.site_of(&sn).to_string());
    let device = known(&app.hub.view(), &sn)?;
    check_dock(&device)?;
    let directory = app.people.directory().ok_or_else(unread)?;
    if !directory.sites.contains_key(&site_id) {
        return Err(unknown_site());
    }
    let aircraft = device.children.clone();
    note.say("with", serde_json::to_value(&aircraft).unwrap_or_default());
    if keeper(&app)?.move_dock(sn, aircraft, site_id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = "the database does not know this dock yet; try again when it was heard";
    Err(Problem::not_found("unknown_device", detail))
}
