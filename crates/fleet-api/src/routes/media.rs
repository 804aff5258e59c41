//! Media: what docks uploaded, listed and given out.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_types::{DeviceSn, MissionId, WallMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    auth::Principal,
    extract::{InPath, InQuery},
    media::{FlightMedia, Media, MediaAsk, MediaBody, MediaError, MediaFile},
    problem::Problem,
};

const LISTED_MAX: u16 = 500;
/// A file never changes under its identity.
const KEEP: &str = "private, max-age=86400";

/// Which files.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Dock.
    sn: Option<DeviceSn>,
    /// Flight.
    mission_id: Option<MissionId>,
    /// `next` of the page before.
    before: Option<String>,
    /// 1–500.
    #[serde(default = "default_limit")]
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: u16,
}

fn default_limit() -> u16 {
    100
}

/// Files, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct MediaPage {
    media: Vec<MediaFile>,
    /// The flights that these files are of, each with how many of its files are there.
    flights: Vec<FlightMedia>,
    /// Where the next page begins; none after the last.
    next: Option<String>,
}

/// Lists what docks uploaded.
#[utoipa::path(
    operation_id = "list_media",
    get, path = "/api/v1/media", tag = "media", params(Which),
    responses(
        (status = 200, body = MediaPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`media_unavailable`"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<MediaPage>, Problem> {
    if !(1..=LISTED_MAX).contains(&which.limit) {
        return Err(Problem::bad_input("limit lies between 1 and 500"));
    }
    let before = which.before.as_deref().map(position).transpose()?;
    let source = source(&app)?;
    let limit = which.limit;
    let ask = MediaAsk { sn: which.sn, mission_id: which.mission_id, before, limit };
    let found = source.page(principal.person(), ask).await.map_err(unavailable)?;
    let is_full = found.len() >= usize::from(limit);
    let next = found.last().filter(|_| is_full);
    let next = next.map(|last| format!("{}_{}", last.stored_ms.0, last.media_id));
    let scope = app.scope(&principal);
    let media: Vec<_> = found.into_iter().filter(|file| scope.sees(&file.sn)).collect();
    let mut missions: Vec<_> = media.iter().filter_map(|file| file.mission_id).collect();
    missions.sort_unstable();
    missions.dedup();
    let counts = source.counts(principal.person(), missions).await.map_err(unavailable)?;
    let flights = counts.into_iter().filter(|flight| scope.sees(&flight.sn)).collect();
    Ok(Json(MediaPage { media, flights, next }))
}

/// Gives a file out; takes `Range`.
#[utoipa::path(
    operation_id = "get_media_file",
    get, path = "/api/v1/media/{id}/file", tag = "media",
    params(("id" = Uuid, Path, description = "File")),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, body = Vec<u8>, content_type = "application/octet-stream", description = "The range asked for"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`unknown_media`, or `media_gone`: on record, and not in the store"),
        (status = 416, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`media_unavailable`"),
    )
)]
pub(crate) async fn file(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (source, file) = find(&app, &principal, id).await?;
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let name = attachment(&file.name);
    let opened = source.open(file, range.map(str::to_owned)).await;
    let MediaBody { status, headers, body } = opened.map_err(problem)?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP));
    Ok(response)
}

/// A small JPEG of a photo.
#[utoipa::path(
    operation_id = "get_media_thumbnail",
    get, path = "/api/v1/media/{id}/thumbnail", tag = "media",
    params(("id" = Uuid, Path, description = "File")),
    responses(
        (status = 200, body = Vec<u8>, content_type = "image/jpeg"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`unknown_media`, `media_gone`, or `no_thumbnail`: it is no picture"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`media_unavailable`"),
    )
)]
pub(crate) async fn thumbnail(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(id): InPath<Uuid>,
) -> Result<Response, Problem> {
    let (source, file) = find(&app, &principal, id).await?;
    let picture = source.thumbnail(file).await.map_err(problem)?;
    let mut response = picture.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP));
    Ok(response)
}

fn source(app: &App) -> Result<Arc<dyn Media>, Problem> {
    app.system
        .media()
        .ok_or_else(|| unavailable("there is no database, or objects.mode is \"none\"".to_owned()))
}

async fn find(
    app: &App,
    principal: &Principal,
    id: Uuid,
) -> Result<(Arc<dyn Media>, MediaFile), Problem> {
    let source = source(app)?;
    let found = source.file(principal.person(), id).await.map_err(unavailable)?;
    let found = found.filter(|file| app.sees(principal, &file.sn));
    let unknown = || Problem::not_found("unknown_media", format!("no file {id} is known"));
    Ok((source, found.ok_or_else(unknown)?))
}

fn position(text: &str) -> Result<(WallMs, Uuid), Problem> {
    let read = || {
        let (at, id) = text.split_once('_')?;
        Some((WallMs(at.parse().ok()?), id.parse().ok()?))
    };
    read().ok_or_else(|| Problem::bad_input("before is the `next` of a page"))
}

fn unavailable(why: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "media_unavailable", why)
}

fn problem(error: MediaError) -> Problem {
    let text = error.to_string();
    match error {
        MediaError::Gone => Problem::not_found("media_gone", text),
        MediaError::NoPicture(_) => Problem::not_found("no_thumbnail", text),
        MediaError::Range => Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_outside", text),
        MediaError::Away(_) => unavailable(text),
    }
}

/// Files come from outside: a browser keeps them and does not open them here. The name is a dock's
/// word; what is no plain letter is left out.
fn attachment(name: &str) -> HeaderValue {
    let plain = |c: &char| c.is_ascii_alphanumeric() || ['.', '-', '_'].contains(c);
    let name: String = name.chars().filter(plain).take(120).collect();
    let text = format!("attachment; filename=\"{name}\"");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_header() {
        assert_eq!(attachment("DJI_0001_W.JPG"), "attachment; filename=\"DJI_0001_W.JPG\"");
        assert_eq!(attachment("a\"; x=\r\n../b"), "attachment; filename=\"ax..b\"");
        assert_eq!(attachment(""), "attachment; filename=\"\"");
    }

    #[test]
    fn a_page_goes_on_where_it_ended() {
        let id = Uuid::from_u128(7);
        assert_eq!(position(&format!("12_{id}")).unwrap(), (WallMs(12), id));
        for wrong in ["", "12", "x_y", "12_"] {
            assert!(position(wrong).is_err(), "{wrong}");
        }
    }
}
