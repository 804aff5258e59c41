//! The operator's grounds for the map, through the tower.

use std::io;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    basemaps::{BasemapError, BasemapListed, MapFile, Piece},
    extract::InPath,
    problem::Problem,
    ranges::{Asked, asked},
};

/// A browser keeps parts of a map as long as the tower does at least.
const KEEP: &str = "private, max-age=3600";

/// The operator's grounds, in the order of the configuration.
#[derive(Serialize, ToSchema)]
pub(crate) struct BasemapList {
    basemaps: Vec<BasemapListed>,
}

/// Lists the grounds that the operator configured besides the console's own offline one.
#[utoipa::path(
    operation_id = "list_basemaps",
    get, path = "/api/v1/basemaps", tag = "basemaps",
    responses(
        (status = 200, body = BasemapList),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>) -> Json<BasemapList> {
    Json(BasemapList { basemaps: app.basemaps.list() })
}

/// The PMTiles archive of a ground; takes `Range`.
#[utoipa::path(
    operation_id = "get_basemap_file",
    get, path = "/api/v1/basemaps/{id}/file", tag = "basemaps",
    params(("id" = String, Path, description = "Basemap id")),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, body = Vec<u8>, content_type = "application/octet-stream", description = "The range asked for"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 416, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn file(
    State(app): State<App>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let file = app.basemaps.file(&id).map_err(|error| problem(&error))?;
    let length = file.length();
    let (status, from, to) = match asked(&headers, length, file.etag()) {
        Asked::Whole => (StatusCode::OK, 0, length),
        Asked::Part(from, to) => (StatusCode::PARTIAL_CONTENT, from, to),
        Asked::Outside => return Ok(outside(length)),
    };
    // The first piece is read before the head is sent, so that a disk that gives nothing is said.
    let first = file
        .read(from, to - from)
        .await
        .map_err(|error| problem(&BasemapError::File { id, why: error.to_string() }))?;
    let mut response = Response::new(pieces(file.clone(), first, from, to));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(to - from));
    if let Ok(etag) = HeaderValue::from_str(file.etag()) {
        headers.insert(header::ETAG, etag);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {from}-{}/{length}", to - 1);
        if let Ok(range) = HeaderValue::from_str(&range) {
            headers.insert(header::CONTENT_RANGE, range);
        }
    }
    Ok(response)
}

/// The bytes in `[from, to)`, each piece read when the peer took the one before.
fn pieces(file: MapFile, first: Bytes, from: u64, to: u64) -> Body {
    let state = Some((first, from));
    Body::from_stream(stream::try_unfold(state, move |state| {
        let file = file.clone();
        async move {
            let Some((piece, at)) = state else { return Ok::<_, io::Error>(None) };
            let next = at + piece.len() as u64;
            if piece.is_empty() {
                // The file became shorter than it was when it was opened.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let rest =
                if next < to { Some((file.read(next, to - next).await?, next)) } else { None };
            tokio::task::yield_now().await;
            Ok(Some((piece, rest)))
        }
    }))
}

fn outside(length: u64) -> Response {
    let detail = format!("the archive has {length} bytes");
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_outside", detail);
    let mut response = problem.into_response();
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{length}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

/// One picture tile, EPSG:3857.
#[utoipa::path(
    operation_id = "get_basemap_tile",
    get, path = "/api/v1/basemaps/{id}/tiles/{z}/{x}/{y}", tag = "basemaps",
    params(
        ("id" = String, Path, description = "Basemap id"),
        ("z" = u8, Path, description = "Zoom"),
        ("x" = u32, Path, description = "Column"),
        ("y" = u32, Path, description = "Row from the north"),
    ),
    responses(
        (status = 200, body = Vec<u8>, content_type = "image/png"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn tile(
    State(app): State<App>,
    InPath((id, z, x, y)): InPath<(String, u8, u32, u32)>,
) -> Result<Response, Problem> {
    answer(app.basemaps.tile(&id, z, x, y).await, KEEP)
}

/// The style of a ground, its links leading to this tower.
#[utoipa::path(
    operation_id = "get_basemap_style",
    get, path = "/api/v1/basemaps/{id}/style.json", tag = "basemaps",
    params(("id" = String, Path, description = "Basemap id")),
    responses(
        (status = 200, body = serde_json::Value, description = "MapLibre style"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn style(
    State(app): State<App>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let own = own_origin(&app, &headers);
    answer(app.basemaps.style(&id, &own).await, "no-cache")
}

/// Something a style links to.
#[utoipa::path(
    operation_id = "get_basemap_link",
    get, path = "/api/v1/basemaps/{id}/linked/{link}/{part}", tag = "basemaps",
    params(
        ("id" = String, Path, description = "Basemap id"),
        ("link" = String, Path, description = "As the style names it"),
        ("part" = String, Path, description = "Which tile, glyphs or sheet of it"),
    ),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn linked(
    State(app): State<App>,
    InPath((id, link, part)): InPath<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let own = own_origin(&app, &headers);
    answer(app.basemaps.linked(&id, &link, &part, &own).await, KEEP)
}

/// The tower's origin as the caller calls it: its `Host` was checked against our names.
fn own_origin(app: &App, headers: &HeaderMap) -> String {
    let public = &app.config.public_url;
    let (scheme, authority) = public.split_once("://").unwrap_or(("http", public));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("{scheme}://{}", host.unwrap_or(authority))
}

fn answer(piece: Result<Piece, BasemapError>, caching: &'static str) -> Result<Response, Problem> {
    let Piece { content_type, encoding, bytes } = piece.map_err(|error| problem(&error))?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    // What is no header was not one of the upstream's either.
    if let Ok(kind) = HeaderValue::from_str(&content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if let Some(Ok(encoding)) = encoding.as_deref().map(HeaderValue::from_str) {
        headers.insert(header::CONTENT_ENCODING, encoding);
    }
    Ok(response)
}

fn problem(error: &BasemapError) -> Problem {
    let (status, code) = match error {
        BasemapError::Unknown => (StatusCode::NOT_FOUND, "unknown_basemap"),
        BasemapError::Upstream { .. } => (StatusCode::BAD_GATEWAY, "basemap_upstream"),
        BasemapError::File { .. } => (StatusCode::BAD_GATEWAY, "basemap_file"),
    };
    Problem::new(status, code, error.to_string())
}
