//! The console and the API viewer: files inside the binary, for anyone who may reach the port.
//!
//! They hold no data and need no credential. Nothing is read from disk while serving. Paths of the
//! console's own pages answer with its `index.html`; the rest is 404.

use axum::{
    body::Bytes,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{
    auth::hex,
    problem::Problem,
    ranges::{Asked, asked},
};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Console;

const INDEX: &str = "index.html";
/// Vite puts the content's hash into the names under this folder.
const HASHED: &str = "assets/";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<title>Gwanje</title><h1>Gwanje is running; its console was not built</h1>\
<p>Run <code>make console</code>, build again and start it again. The API works without it; \
its description is at <a href=\"/api-docs/\">/api-docs/</a>.</p></html>";

const VIEWER: [(&str, &str, &str); 3] = [
    ("/api-docs/", "text/html; charset=utf-8", include_str!("../viewer/index.html")),
    ("/api-docs/viewer.js", "text/javascript; charset=utf-8", include_str!("../viewer/viewer.js")),
    ("/api-docs/viewer.css", "text/css; charset=utf-8", include_str!("../viewer/viewer.css")),
];

/// A layer that answers the viewer's few paths and passes on everything else.
pub(crate) async fn viewer(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !is_read(&request) || !path.starts_with("/api-docs") {
        return next.run(request).await;
    }
    if path == "/api-docs" {
        return Redirect::permanent("/api-docs/").into_response();
    }
    match VIEWER.iter().find(|(name, _, _)| *name == path) {
        Some((_, kind, text)) => (
            [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, REVALIDATE)],
            Bytes::from_static(text.as_bytes()),
        )
            .into_response(),
        None => not_found().into_response(),
    }
}

/// A file of the console, or its page for a path of its own.
pub(crate) fn console(request: &Request) -> Result<Response, Problem> {
    if !is_read(request) {
        let detail = "this path is not part of the API; the console's files are only read";
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail));
    }
    let path = request.uri().path().trim_start_matches('/');
    if let Some(file) = Console::get(path).filter(|_| !path.is_empty()) {
        return Ok(answer(path, &file, request.headers()));
    }
    if !wants_page(path, request.headers()) {
        return Err(not_found());
    }
    match Console::get(INDEX) {
        Some(index) => Ok(answer(INDEX, &index, request.headers())),
        None => Ok(not_built()),
    }
}

fn is_read(request: &Request) -> bool {
    request.method() == Method::GET || request.method() == Method::HEAD
}

fn not_found() -> Problem {
    Problem::not_found("not_found", "there is no such page or file")
}

fn not_built() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, NOT_BUILT).into_response()
}

/// A missing script must not be answered with a page: the browser would try to run it.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|list| list.contains("text/html")));
    path.is_empty() || (accepts && !path.starts_with(HASHED))
}

fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..16]));
    let caching = if path.starts_with(HASHED) { IMMUTABLE } else { REVALIDATE };
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|tags| {
        tags.to_str().is_ok_and(|tags| tags == "*" || tags.split(',').any(|tag| same(tag, &etag)))
    });
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let bytes = match &file.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::copy_from_slice(bytes),
        };
        content(path, bytes, headers, &etag)
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// The whole file, or the range asked for: archives of maps are read in ranges.
fn content(path: &str, bytes: Bytes, headers: &HeaderMap, etag: &str) -> Response {
    let length = bytes.len();
    let (status, range, bytes) = match asked(headers, length as u64, etag) {
        Asked::Whole => (StatusCode::OK, None, bytes),
        Asked::Outside => {
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(format!("bytes */{length}")), Bytes::new())
        }
        Asked::Part(from, to) => {
            let range = format!("bytes {from}-{}/{length}", to - 1);
            // Both lie within the file, whose length is a usize.
            let index = |at: u64| usize::try_from(at).unwrap_or(length).min(length);
            (StatusCode::PARTIAL_CONTENT, Some(range), bytes.slice(index(from)..index(to)))
        }
    };
    let kind = [(header::CONTENT_TYPE, content_type(path))];
    let mut response = (status, kind, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(Ok(range)) = range.as_deref().map(HeaderValue::from_str) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    response
}

fn same(tag: &str, etag: &str) -> bool {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag) == etag
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> EmbeddedFile {
        EmbeddedFile {
            data: std::borrow::Cow::Borrowed(b"x"),
            metadata: rust_embed::Metadata::__rust_embed_new([7; 32], None, None),
        }
    }

    #[test]
    fn hashed_files_are_cached_for_good_and_pages_are_asked_for_again() {
        let check = |path: &str, kind: &str, caching: &str| {
            let response = answer(path, &file(), &HeaderMap::new());
            assert_eq!(response.headers()[header::CONTENT_TYPE], kind);
            assert_eq!(response.headers()[header::CACHE_CONTROL], caching);
        };
        check("assets/app-3f.js", "text/javascript; charset=utf-8", IMMUTABLE);
        check("index.html", "text/html; charset=utf-8", REVALIDATE);
    }

    #[test]
    fn a_known_etag_is_not_sent_again() {
        let etag = answer("a.css", &file(), &HeaderMap::new()).headers()[header::ETAG].clone();
        let check = |tags: &str, status: StatusCode| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, tags.parse().unwrap());
            assert_eq!(answer("a.css", &file(), &headers).status(), status, "{tags}");
        };
        let etag = etag.to_str().unwrap();
        check(etag, StatusCode::NOT_MODIFIED);
        check(&format!("\"other\", W/{etag}"), StatusCode::NOT_MODIFIED);
        check("\"other\"", StatusCode::OK);
    }

    #[test]
    fn a_range_of_a_file_is_a_part_of_it_and_cached_like_it() {
        let data = std::borrow::Cow::Borrowed(&b"0123456789"[..]);
        let file = EmbeddedFile { data, ..file() };
        let check = |range: &str, status: u16, content: &str, length: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().unwrap());
            let response = answer("assets/world-1f.pmtiles", &file, &headers);
            assert_eq!(response.status(), status, "{range}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], IMMUTABLE);
            assert_eq!(response.headers()[header::ACCEPT_RANGES], "bytes");
            let told = response.headers().get(header::CONTENT_RANGE);
            assert_eq!(told.map_or("", |told| told.to_str().unwrap()), content, "{range}");
            let size = axum::body::HttpBody::size_hint(response.body()).exact().unwrap();
            assert_eq!(size.to_string(), length, "{range}");
        };
        check("bytes=2-4", 206, "bytes 2-4/10", "3");
        check("bytes=-1", 206, "bytes 9-9/10", "1");
        check("bytes=10-", 416, "bytes */10", "0");
        check("bytes=0-1,3-4", 200, "", "10");
    }

    #[test]
    fn only_pages_fall_back_to_the_index() {
        let check = |path: &str, accept: &str, page: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_page(path, &headers), page, "{path} {accept}");
        };
        check("", "*/*", true);
        check("devices/SIM1", "text/html,*/*;q=0.8", true);
        check("devices/SIM1", "application/json", false);
        check("assets/gone-1.js", "text/html", false);
    }
}
