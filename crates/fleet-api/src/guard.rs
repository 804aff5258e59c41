//! What stands before every handler: whose name was called, from which page, within what time, and
//! with which credential.
//!
//! `Host` must be a name of this tower (against DNS rebinding), `Origin`, where a browser sends
//! one, its own page (against other sites' scripts). Every answer leaves with the security headers.
//! A handler that panics answers 500 and takes nobody with it.

use std::{
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
    time::Duration,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use fleet_types::rights::Permission;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use crate::{
    app::App,
    audit::Watch,
    auth::Principal,
    config::ApiConfig,
    people::Place,
    problem::Problem,
    rights::{self, Needs, Route},
};

/// The path on which the token may stand in the subprotocol, because browsers cannot send headers
/// with a WebSocket.
pub(crate) const STREAM_PATH: &str = "/api/v1/stream";
pub(crate) const UPLOAD_PATH: &str = "/api/v1/waylines";
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
const BEARER_PROTOCOL: &str = "bearer.";
const UNKNOWN_PEER: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Whence a request comes; set by the listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The names this tower answers to.
pub(crate) struct Names {
    hosts: Vec<String>,
    public_origin: String,
}

impl Names {
    pub(crate) fn of(config: &ApiConfig) -> Self {
        let url = config.public_url.trim_end_matches('/');
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = authority.split('/').next().unwrap_or_default();
        let mut hosts: Vec<_> = LOOPBACK.iter().map(|name| (*name).to_owned()).collect();
        hosts.push(host_name(authority).to_ascii_lowercase());
        hosts.extend(config.hosts.iter().map(|name| host_name(name).to_ascii_lowercase()));
        let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
        Self { hosts, public_origin: format!("{scheme}://{authority}").to_ascii_lowercase() }
    }

    /// The `Host` of a request, if it is one of ours and the only one.
    fn host<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut values = headers.get_all(header::HOST).iter();
        let host = values.next()?.to_str().ok()?;
        let named_twice = uri.authority().is_some_and(|authority| authority.as_str() != host);
        if values.next().is_some() || named_twice {
            return None;
        }
        let rest = &host[host_name(host).len()..];
        let port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port_fits = rest.is_empty() || rest.strip_prefix(':').is_some_and(port);
        let name = host_name(host);
        let known = self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(name));
        (known && port_fits && !name.is_empty()).then_some(host)
    }

    /// Whether a page of this origin may call: it was loaded from the very address it calls, or
    /// from the public address.
    fn origin_fits(&self, host: &str, headers: &HeaderMap) -> bool {
        headers.get_all(header::ORIGIN).iter().all(|origin| {
            let Ok(origin) = origin.to_str() else { return false };
            let origin = origin.to_ascii_lowercase();
            let own = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"))
                .is_some_and(|authority| authority.eq_ignore_ascii_case(host));
            own || origin == self.public_origin
        })
    }
}

/// `name` of `name:port`; brackets of an IPv6 address stay.
fn host_name(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority.find(']').map_or(authority, |end| &authority[..=end]);
    }
    authority.split(':').next().unwrap_or_default()
}

/// The outermost layer.
pub(crate) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = method_label(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let no_store = {
        let path = request.uri().path();
        path.starts_with("/api/") || path.starts_with("/auth/")
    };
    let host = app.names.host(request.uri(), request.headers()).map(str::to_owned);
    let mut response = match &host {
        None => misdirected().into_response(),
        Some(host) if !app.names.origin_fits(host, request.headers()) => {
            foreign_origin().into_response()
        }
        Some(_) => within_time(&app, request, next).await,
    };
    let elsewhere = app.people.keys().elsewhere();
    add_headers(response.headers_mut(), host.as_deref(), elsewhere, no_store);
    let status = response.status().as_u16().to_string();
    let labels = [("method", method.to_owned()), ("route", route.clone()), ("status", status)];
    app.metrics.requests.get_or_create(&labels).inc();
    let seconds = begun.elapsed().as_secs_f64();
    app.metrics.seconds.get_or_create(&[("route", route)]).observe(seconds);
    response
}

fn misdirected() -> Problem {
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown_host",
        "the Host of this request is not a name of this tower; call it by its configured name, \
         or add the name to the configuration",
    )
}

fn foreign_origin() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "the Origin of this request is another site; open the console from this tower's own address",
    )
}

async fn within_time(app: &App, request: Request, next: Next) -> Response {
    let limits = &app.config.limits;
    let upload = request.method() == Method::POST && request.uri().path() == UPLOAD_PATH;
    let limit = if upload { limits.upload_timeout } else { limits.request_timeout };
    match timeout(limit, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            app.metrics.panics.inc();
            tracing::error!("an API handler panicked; its caller got 500");
            Problem::internal().into_response()
        }
        Err(_late) => request_timeout(limit).into_response(),
    }
}

fn request_timeout(limit: Duration) -> Problem {
    let detail = format!("the request was not complete within {} s", limit.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "geolocation=(), camera=(), microphone=()"),
];

/// `elsewhere`: the origin at which people sign in, when it is not this one.
fn add_headers(
    headers: &mut HeaderMap,
    host: Option<&str>,
    elsewhere: Option<&str>,
    no_store: bool,
) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // `'self'` does not cover ws: in every browser; the host was checked against our names.
    let sockets = host.map_or_else(String::new, |host| format!(" ws://{host} wss://{host}"));
    let elsewhere = elsewhere.map_or_else(String::new, |origin| format!(" {origin}"));
    let policy = format!(
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; \
         img-src 'self' data: blob:; font-src 'self'; connect-src 'self'{sockets}{elsewhere}; \
         manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if no_store && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The layer of every route that needs a credential.
pub(crate) async fn credential(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let headers = request.headers();
    let stream = request.uri().path() == STREAM_PATH;
    let offered = stream.then(|| offered_token(headers)).flatten();
    let principal = app.principal(headers, offered).await.ok_or_else(no_credential)?;
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = matched.and_then(|path| rights::route(request.method(), &path));
    let peer = request.extensions().get::<Peer>().map_or(UNKNOWN_PEER, |Peer(peer)| *peer);
    let watch =
        route.and_then(|route| Watch::begin(&app, &principal, peer, route, request.uri().path()));
    let response = match permitted(&app, &principal, route) {
        Ok(()) => {
            let note = watch.as_ref().map(Watch::note).unwrap_or_default();
            request.extensions_mut().insert(note);
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(safe) = watch.and_then(|watch| watch.end(&response)) {
        safe.wait().await;
    }
    Ok(response)
}

fn permitted(app: &App, caller: &Principal, route: Option<&Route>) -> Result<(), Problem> {
    match route.map(|route| route.needs) {
        Some(Needs::Credential | Needs::ByMethod) => Ok(()),
        Some(Needs::Right(right)) => app.require(caller, right, place_of(right)),
        // Nobody said who may: the machine's own credentials may, people with accounts may not.
        None => match caller {
            Principal::ApiToken | Principal::Session(_) => Ok(()),
            Principal::Person(_) | Principal::Machine(_) => Err(undeclared()),
        },
    }
}

/// What is of one site is asked for again where the site is known; the rest is the whole tower's.
fn place_of(right: Permission) -> Place {
    match right {
        Permission::People | Permission::Docks | Permission::System | Permission::Configure => {
            Place::Everywhere
        }
        Permission::View
        | Permission::Stop
        | Permission::Authority
        | Permission::Fly
        | Permission::Alarms
        | Permission::Settle
        | Permission::Override
        | Permission::Manual
        | Permission::Debug
        | Permission::Firmware
        | Permission::Audit => Place::Anywhere,
    }
}

fn undeclared() -> Problem {
    let detail = "no right is declared for this call: it is closed to people with accounts";
    Problem::new(StatusCode::FORBIDDEN, "right_missing", detail)
}

pub(crate) fn no_credential() -> Problem {
    Problem::unauthorized(
        "this call needs a valid token: Authorization: Bearer <token>. Sign in with a fresh \
         sign-in link, or use the API token from the tower's data directory",
    )
}

/// The token a browser offers as a WebSocket subprotocol.
fn offered_token(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut names = values.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    names.find_map(|name| name.trim().strip_prefix(BEARER_PROTOCOL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Site;

    fn names() -> Names {
        let site = Site { name: String::new(), time_zone: String::new() };
        let mut config = ApiConfig::new("0", site, "https://tower.example:8443/");
        config.hosts = vec!["Tower.Lan".to_owned()];
        Names::of(&config)
    }

    #[test]
    fn only_our_names_are_hosts() {
        let check = |host: &str, fits: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            let uri = Uri::from_static("/");
            assert_eq!(names().host(&uri, &headers).is_some(), fits, "{host:?}");
        };
        check("localhost", true);
        check("127.0.0.1:8080", true);
        check("[::1]:8080", true);
        check("TOWER.example", true);
        check("tower.lan:1", true);
        check("evil.example", false);
        check("localhost.evil.example", false);
        check("localhost:", false);
        check("localhost:8080 evil", false);
        check("[::1]evil", false);
        check("", false);
    }

    #[test]
    fn a_request_names_its_host_once() {
        let mut headers = HeaderMap::new();
        let uri = Uri::from_static("http://evil.example/");
        assert_eq!(names().host(&uri, &headers), None);
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert_eq!(names().host(&uri, &headers), None);
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert_eq!(names().host(&Uri::from_static("/"), &headers), None);
    }

    #[test]
    fn only_our_own_pages_are_origins() {
        let check = |host: &str, origin: &str, fits: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            assert_eq!(names().origin_fits(host, &headers), fits, "{host} {origin}");
        };
        check("localhost:8080", "http://localhost:8080", true);
        check("localhost:8080", "https://tower.example:8443", true);
        check("localhost:8080", "http://localhost:9999", false);
        check("localhost:8080", "http://evil.example", false);
        check("localhost:8080", "null", false);
        check("localhost:8080", "ftp://localhost:8080", false);
    }
}
