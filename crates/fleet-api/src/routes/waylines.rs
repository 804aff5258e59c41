//! Wayline files: uploaded by people, or fetched from an address they name; fetched by docks under a
//! signed address.

use std::{collections::BTreeSet, error::Error as _, sync::Arc};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_types::{id::WaylineId, plan::FlightBox};
use serde::{Deserialize, Serialize};
use tokio::sync::SemaphorePermit;
use utoipa::{IntoParams, ToSchema};
use wpml::{HeightMode, Limits, Mission, RcLost, WpmlError};

use crate::{
    app::App,
    auth::Principal,
    clock::now_ms,
    extract::{Body, InPath, InQuery},
    json::Object,
    problem::Problem,
    wayline_urls::{self, UrlRefused},
    waylines::{MAX_FILE_BYTES, UrlError, Wayline, WaylineSummary, md5_of},
};

use super::findings;

const KMZ: &str = "application/vnd.google-earth.kmz";
const MAX_NAME_CHARS: usize = 128;
const MAX_URL_BYTES: usize = 4096;

/// How the file is called.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Named {
    /// 1 to 128 characters, for people.
    name: String,
    /// Keeps it although it is found that it cannot be flown; somebody answers for that.
    #[serde(default)]
    despite_findings: bool,
}

/// The proof that an address was made by the tower.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Signed {
    /// Epoch milliseconds.
    expires: i64,
    /// HMAC-SHA256, hexadecimal.
    sig: String,
}

/// Wayline files, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Waylines {
    waylines: Vec<Wayline>,
}

/// Uploads a KMZ of at most 20 MiB. It is read and checked before it is kept.
#[utoipa::path(
    operation_id = "upload_wayline",
    post, path = "/api/v1/waylines", tag = "waylines", params(Named),
    request_body(content = Vec<u8>, content_type = "application/vnd.google-earth.kmz"),
    responses(
        (status = 201, body = Wayline),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "`bad_kmz`: what is wrong and where; `wayline_not_flyable`: with `findings`"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
        (status = 507, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InQuery(Named { name, despite_findings }): InQuery<Named>,
    request: Request,
) -> Result<Response, Problem> {
    let name = check_name(&name)?;
    check_type(request.headers())?;
    let _upload = upload_slot(&app)?;
    let bytes = Bytes::from_request(request, &()).await.map_err(|refused| {
        let code = if refused.status() == StatusCode::PAYLOAD_TOO_LARGE {
            "body_too_large"
        } else {
            "body_incomplete"
        };
        Problem::new(refused.status(), code, refused.body_text())
    })?;
    let wayline = keep(&app, &principal, name, bytes, despite_findings).await?;
    tracing::info!(wayline_id = %wayline.wayline_id, "a wayline file was uploaded");
    Ok((StatusCode::CREATED, Json(&*wayline)).into_response())
}

/// A wayline file to be fetched.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fetch {
    /// `http://` or `https://`, on a host that the setting `waylines.url_hosts` names. Redirects are
    /// not followed.
    #[schema(max_length = 4096)]
    url: String,
    /// 1 to 128 characters, for people.
    name: String,
    /// MD5 of the KMZ, 32 hexadecimal digits: what is fetched must have it.
    md5: String,
    /// Keeps it although it is found that it cannot be flown; somebody answers for that.
    #[serde(default)]
    despite_findings: bool,
}

/// Fetches a KMZ of at most 20 MiB by its address, and keeps it like an uploaded one. A file of this
/// name and MD5 that is kept already is not fetched again.
#[utoipa::path(
    operation_id = "fetch_wayline",
    post, path = "/api/v1/waylines/from-url", tag = "waylines", request_body = Fetch,
    responses(
        (status = 201, body = Wayline),
        (status = 200, body = Wayline, description = "Kept already"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "`url_not_allowed`: the site's configuration does not name the host"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "`bad_kmz`, `wayline_not_flyable`, `bad_input`, `fingerprint_mismatch`"),
        (status = 502, body = Problem, content_type = "application/problem+json", description = "`url_unreachable`: what the host answered, or why it did not"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
        (status = 507, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn fetch(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Body(Fetch { url, name, md5, despite_findings }): Body<Fetch>,
) -> Result<Response, Problem> {
    let name = check_name(&name)?;
    let md5 = md5.to_ascii_lowercase();
    if md5.len() != 32 || !md5.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Problem::bad_input("md5 is the MD5 of the file, 32 hexadecimal digits"));
    }
    if url.len() > MAX_URL_BYTES {
        return Err(Problem::bad_input("url has at most 4096 bytes"));
    }
    wayline_urls::check(app.wayline_sources.as_ref(), &url).map_err(|refused| match refused {
        UrlRefused::Address => Problem::bad_input(refused.to_string()),
        UrlRefused::Host(_) => {
            Problem::new(StatusCode::FORBIDDEN, "url_not_allowed", refused.to_string())
        }
    })?;
    if let Some(kept) = app.waylines.find(name, &md5) {
        return Ok((StatusCode::OK, Json(&*kept)).into_response());
    }
    let _upload = upload_slot(&app)?;
    let fetched = match &app.wayline_sources {
        Some(sources) => sources.fetch(&url, MAX_FILE_BYTES).await,
        None => return Err(Problem::bad_input("no address is allowed")),
    };
    let bytes = fetched.map_err(|error| {
        let detail = format!(
            "the file was not fetched: {error}. Check the address and the host, or upload the file"
        );
        Problem::new(StatusCode::BAD_GATEWAY, "url_unreachable", detail)
    })?;
    let found = md5_of(&bytes);
    if found != md5 {
        let detail = format!(
            "the file at this address has the MD5 {found}, not {md5}: it is not the one that was \
             meant, or it broke on its way. Nothing was kept"
        );
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "fingerprint_mismatch", detail));
    }
    let wayline = keep(&app, &principal, name, bytes, despite_findings).await?;
    tracing::info!(wayline_id = %wayline.wayline_id, "a wayline file was fetched by address");
    Ok((StatusCode::CREATED, Json(&*wayline)).into_response())
}

fn check_name(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    let length = name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&length) || name.chars().any(char::is_control) {
        return Err(Problem::bad_input("name has 1 to 128 characters without control characters"));
    }
    Ok(name)
}

fn upload_slot(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    app.uploads.try_acquire().map_err(|_full| {
        let detail = "too many uploads at the same time; try again in a moment";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_uploads", detail)
    })
}

/// Reads and checks a file and keeps it, here and where a restart does not reach it.
async fn keep(
    app: &App,
    principal: &Principal,
    name: &str,
    bytes: Bytes,
    despite_findings: bool,
) -> Result<Arc<Wayline>, Problem> {
    let checked =
        Mission::check_kmz(&bytes, &Limits::default()).map_err(|error| bad_kmz(&error))?;
    let summary = summarise(&checked.mission);
    if !checked.is_flyable() {
        if !despite_findings {
            return Err(findings::not_flyable(checked));
        }
        let found = checked.findings.len() + checked.more;
        tracing::warn!(
            by = principal.who(),
            found,
            "a wayline file is kept despite what was found"
        );
    }
    let mut in_use: BTreeSet<_> =
        app.hub.view().missions.active().map(|mission| mission.wayline_id).collect();
    match app.scheduling.list() {
        Ok(schedules) => {
            in_use.extend(schedules.iter().map(|status| status.schedule.wayline_id));
        }
        // While they are not known any file may be needed.
        Err(_) => in_use.extend(app.waylines.list().iter().map(|wayline| wayline.wayline_id)),
    }
    let (wayline, gone) = app.waylines.put(name, bytes, summary, &in_use).map_err(|full| {
        Problem::new(StatusCode::INSUFFICIENT_STORAGE, "wayline_store_full", full.to_string())
    })?;
    let kept = app.waylines.keep(Arc::clone(&wayline), gone, principal.who()).await;
    kept.map_err(|why| {
        let detail = format!("the file was not kept, because a restart would lose it: {why}; upload it again when the database is back");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "wayline_not_kept", detail)
    })?;
    Ok(wayline)
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = sent.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if [KMZ, "application/octet-stream"].iter().any(|fits| kind.eq_ignore_ascii_case(fits)) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        format!("send the KMZ itself as {KMZ} or application/octet-stream"),
    ))
}

fn summarise(mission: &Mission) -> WaylineSummary {
    let summary = mission.summary();
    WaylineSummary {
        waypoint_count: u32::try_from(summary.waypoint_count).unwrap_or(u32::MAX),
        length_m: summary.length_m,
        duration_s: summary.estimated_duration_s,
        exits_wayline_when_link_lost: mission.rc_lost != RcLost::Continue,
        flight_box: flight_box(mission, summary.estimated_duration_s),
    }
}

/// The box around all waypoints. Heights over the ellipsoid say nothing beside those over take-off:
/// they count as any height.
fn flight_box(mission: &Mission, duration_s: f64) -> Option<FlightBox> {
    const ANY_HEIGHT_M: f64 = 10_000.0;
    let mut found: Option<FlightBox> = None;
    for wayline in &mission.waylines {
        for point in &wayline.waypoints {
            let (low_m, high_m) = match wayline.height_mode {
                HeightMode::RelativeToStartPoint => (point.height_m, point.height_m),
                HeightMode::Wgs84 | HeightMode::RealTimeFollowSurface => (0.0, ANY_HEIGHT_M),
            };
            let here = FlightBox {
                south: point.lat,
                west: point.lon,
                north: point.lat,
                east: point.lon,
                low_m,
                high_m,
                duration_s,
            };
            let all = found.get_or_insert(here);
            all.south = all.south.min(here.south);
            all.west = all.west.min(here.west);
            all.north = all.north.max(here.north);
            all.east = all.east.max(here.east);
            all.low_m = all.low_m.min(here.low_m);
            all.high_m = all.high_m.max(here.high_m);
        }
    }
    found
}

fn bad_kmz(error: &WpmlError) -> Problem {
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_kmz", detail)
}

/// Lists wayline files, newest first.
#[utoipa::path(
    operation_id = "list_waylines",
    get, path = "/api/v1/waylines", tag = "waylines",
    responses(
        (status = 200, body = Waylines),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>) -> Object {
    Object::new().list("waylines", &app.waylines.list()).await
}

/// The KMZ, for a dock. The signed address is the credential.
#[utoipa::path(
    operation_id = "get_wayline_file",
    get, path = "/api/v1/waylines/{id}/file", tag = "waylines", security(()),
    params(("id" = String, Path, description = "Wayline id"), Signed),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/vnd.google-earth.kmz"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "Forged"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json", description = "Expired"),
    )
)]
pub(crate) async fn file(
    State(app): State<App>,
    InPath(id): InPath<WaylineId>,
    InQuery(signed): InQuery<Signed>,
) -> Result<Response, Problem> {
    let verified = app.waylines.verify(id, signed.expires, &signed.sig, now_ms());
    verified.map_err(|error| {
        app.metrics.refused_credentials.inc();
        let (status, code) = match error {
            UrlError::Forged => (StatusCode::FORBIDDEN, "bad_signature"),
            UrlError::Expired => (StatusCode::GONE, "url_expired"),
        };
        Problem::new(status, code, error.to_string())
    })?;
    let bytes = app.waylines.bytes(id).ok_or_else(|| {
        Problem::not_found("unknown_wayline", "this wayline file is not kept any more")
    })?;
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(KMZ));
    Ok(response)
}
