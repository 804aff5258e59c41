//! Fetching from a configured upstream or host: one bounded GET, by hyper, rustls and a resolver that
//! starts no thread.
//!
//! It follows no redirect (one could lead anywhere), takes no cookie, and names an upstream in its
//! errors by status and cause only, never by address.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{Request, StatusCode, Uri, header, http::HeaderValue};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::Piece;

/// Largest answer taken: far above any tile.
const MAX_BYTES: usize = 8 << 20;
const CONNECT: Duration = Duration::from_secs(5);
/// Below the API's own limit, so that the caller is told why.
const WHOLE: Duration = Duration::from_secs(12);
const IDLE: Duration = Duration::from_secs(60);
const IDLE_A_HOST: usize = 8;

/// Turns a host name into addresses without starting a thread.
pub trait Resolve: Send + Sync {
    /// Addresses of `host`, at least one, or why there is none.
    fn resolve(&self, host: String, port: u16) -> BoxFuture<'_, Result<Vec<SocketAddr>, String>>;
}

/// Certificates of the authorities that upstreams are checked against.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

/// A file of authorities that holds none.
#[derive(Debug, thiserror::Error)]
#[error("the file holds no readable PEM certificate of an authority")]
pub struct BadRoots;

impl Roots {
    /// No authority: upstreams over TLS are refused.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    /// Reads PEM certificates; those that rustls does not take are passed over.
    ///
    /// # Errors
    /// [`BadRoots`] when none is left.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadRoots> {
        let mut store = RootCertStore::empty();
        let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
        let (added, _) = store.add_parsable_certificates(certificates);
        if added == 0 { Err(BadRoots) } else { Ok(Self(Arc::new(store))) }
    }
}

/// Why an upstream gave nothing. Holds no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("its configured address cannot be used")]
    Address,
    #[error("it did not answer within {} s", WHOLE.as_secs())]
    Late,
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its answer is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
    #[error("its answer broke off")]
    BrokeOff,
    #[error("it answered with {0}, which is no part of a map")]
    Kind(String),
}

/// An answer, and how long its upstream calls it good.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) piece: Piece,
    pub(super) fresh_for: Duration,
}

pub(crate) struct Upstream {
    client: Client<Connector, Empty<Bytes>>,
}

impl Upstream {
    pub(crate) fn new(resolve: Arc<dyn Resolve>, Roots(roots): Roots) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // Ring's defaults are always consistent; without them there is no TLS, and it says so.
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|config| config.with_root_certificates(roots).with_no_client_auth())
            .map(|mut config| {
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                TlsConnector::from(Arc::new(config))
            })
            .ok();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_A_HOST)
            .pool_timer(TokioTimer::new())
            .build(Connector { resolve, tls });
        Self { client }
    }

    pub(super) async fn fetch(
        &self,
        address: &str,
        referer: Option<&str>,
    ) -> Result<Fetched, FetchError> {
        let asked = self.get(address, referer, MAX_BYTES, is_map);
        timeout(WHOLE, asked).await.map_err(|_| FetchError::Late)?
    }

    /// A file of at most so many bytes, whatever it calls itself.
    pub(crate) async fn file(&self, address: &str, max_bytes: usize) -> Result<Bytes, FetchError> {
        let asked = self.get(address, None, max_bytes, |_| true);
        let fetched = timeout(WHOLE, asked).await.map_err(|_| FetchError::Late)??;
        Ok(fetched.piece.bytes)
    }

    async fn get(
        &self,
        address: &str,
        referer: Option<&str>,
        max_bytes: usize,
        fits: impl Fn(&str) -> bool,
    ) -> Result<Fetched, FetchError> {
        let uri: Uri = address.parse().map_err(|_| FetchError::Address)?;
        let mut request = Request::get(uri)
            .header(header::USER_AGENT, concat!("gwanje/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "*/*");
        if let Some(referer) = referer.and_then(|text| HeaderValue::from_str(text).ok()) {
            request = request.header(header::REFERER, referer);
        }
        let request = request.body(Empty::new()).map_err(|_| FetchError::Address)?;
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|error| FetchError::Unreachable(cause(&error)))?;
        let (parts, body) = answer.into_parts();
        if parts.status != StatusCode::OK && parts.status != StatusCode::NO_CONTENT {
            return Err(FetchError::Status(parts.status));
        }
        let text = |name: header::HeaderName| {
            parts.headers.get(name).and_then(|value| value.to_str().ok())
        };
        let kind = text(header::CONTENT_TYPE).unwrap_or("application/octet-stream");
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !fits(&kind) {
            return Err(FetchError::Kind(kind.chars().take(60).collect()));
        }
        let encoding = text(header::CONTENT_ENCODING).map(str::to_owned);
        let fresh_for = max_age(text(header::CACHE_CONTROL).unwrap_or_default());
        let body = Limited::new(body, max_bytes).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                FetchError::TooLarge(max_bytes)
            } else {
                FetchError::BrokeOff
            }
        })?;
        let piece = Piece { content_type: kind, encoding, bytes: body.to_bytes() };
        Ok(Fetched { piece, fresh_for })
    }
}

/// What a map consists of. Pages and scripts are passed on to no browser.
fn is_map(kind: &str) -> bool {
    let known = [
        "application/json",
        "application/geo+json",
        "application/octet-stream",
        "application/x-protobuf",
        "application/protobuf",
        "application/vnd.mapbox-vector-tile",
        "application/vnd.geo+json",
        "text/plain",
    ];
    // A picture that may hold scripts is not one.
    (kind.starts_with("image/") && kind != "image/svg+xml") || known.contains(&kind)
}

fn max_age(cache_control: &str) -> Duration {
    let seconds = cache_control
        .split(',')
        .filter_map(|part| part.trim().strip_prefix("max-age="))
        .find_map(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// The innermost cause of an error, which is ours or the system's and names no address.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[derive(Clone)]
struct Connector {
    resolve: Arc<dyn Resolve>,
    tls: Option<TlsConnector>,
}

impl Connector {
    async fn connect(self, uri: Uri) -> io::Result<Wire> {
        let host = uri.host().ok_or_else(|| io::Error::other("no host"))?.to_owned();
        let secret = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secret { 443 } else { 80 });
        let addresses = self.resolve.resolve(host.clone(), port).await.map_err(io::Error::other)?;
        let mut last = io::Error::other("its name has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return self.secure(stream, &host, secret).await;
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn secure(self, stream: TcpStream, host: &str, secret: bool) -> io::Result<Wire> {
        if !secret {
            return Ok(Wire::Plain(stream));
        }
        let tls = self.tls.ok_or_else(|| io::Error::other("TLS is not possible"))?;
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        Ok(Wire::Secret(Box::new(tls.connect(name, stream).await?)))
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Wire>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let connected = timeout(CONNECT, connector.connect(uri)).await;
            connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map(TokioIo::new)
        })
    }
}

enum Wire {
    Plain(TcpStream),
    Secret(Box<TlsStream<TcpStream>>),
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Secret(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Secret(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secret(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secret(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_what_the_upstream_says() {
        assert_eq!(max_age("public, max-age=60"), Duration::from_mins(1));
        assert_eq!(max_age("no-store"), Duration::ZERO);
        assert_eq!(max_age("max-age=x"), Duration::ZERO);
    }

    #[test]
    fn pages_and_scripts_are_no_map() {
        for kind in ["image/png", "application/json", "application/x-protobuf"] {
            assert!(is_map(kind), "{kind}");
        }
        for kind in ["text/html", "image/svg+xml", "text/javascript", ""] {
            assert!(!is_map(kind), "{kind}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert!(Roots::from_pem(b"hello").is_err());
        let made = rcgen::generate_simple_self_signed(vec!["t.example".to_owned()]).unwrap();
        assert!(Roots::from_pem(made.cert.pem().as_bytes()).is_ok());
    }
}
