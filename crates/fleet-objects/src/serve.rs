//! Listening: HTTP/1.1, with TLS where there is a certificate. Connections, headers and every wait are
//! bounded.

use std::{
    convert::Infallible,
    io,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, EXPECT, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::{
    Body,
    config::{S3Config, StaticConfigProvider},
    service::{S3Service, S3ServiceBuilder},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinSet,
    time::{interval, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    files::Files,
    keys::MasterKey,
    s3::{Door, Operations},
    uploads::FORGOTTEN_AFTER,
};

const CONNECTIONS_MAX: usize = 256;
const HEADERS_MAX: usize = 64;
const BUFFER: usize = 256 << 10;
const HEAD_WITHIN: Duration = Duration::from_secs(20);
const TLS_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of XML in a request: ten thousand parts.
const XML_MAX: usize = 2 << 20;
/// After an accept that failed for lack of something, time for it to come back.
const BREATH: Duration = Duration::from_millis(100);
/// How long open requests may go on at the end.
const GRACE: Duration = Duration::from_secs(5);
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// Where requests come in.
pub enum Listener {
    /// From docks, with TLS where there is a certificate.
    Tcp(TcpListener, Option<TlsAcceptor>),
    /// From the tower on this machine.
    Unix(UnixListener),
}

enum Stream {
    Tcp(TcpStream, Option<TlsAcceptor>),
    Unix(UnixStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener, tls) => {
                let (stream, _) = listener.accept().await?;
                Ok(Stream::Tcp(stream, tls.clone()))
            }
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

/// Serves until `stop`, then waits a little for what is under way.
pub async fn serve(
    listener: Listener,
    files: Arc<Files>,
    master: MasterKey,
    stop: impl Future<Output = ()>,
) {
    let service = service(Arc::clone(&files), master);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut tidy = interval(TIDY_EVERY);
    tokio::pin!(stop);
    loop {
        // Beyond the limit new peers wait in the kernel's queue.
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task ended badly");
                }
            }
            _ = tidy.tick() => throw_away(&files),
            (slot, accepted) = accepted => match (slot, accepted) {
                (Ok(slot), Ok(stream)) => {
                    let service = service.clone();
                    connections.spawn(async move {
                        let _slot = slot;
                        match stream {
                            Stream::Unix(stream) => connection(stream, service).await,
                            Stream::Tcp(stream, None) => connection(stream, service).await,
                            Stream::Tcp(stream, Some(tls)) => {
                                match timeout(TLS_WITHIN, tls.accept(stream)).await {
                                    Ok(Ok(stream)) => connection(stream, service).await,
                                    Ok(Err(_)) | Err(_) => tracing::debug!("no TLS came about"),
                                }
                            }
                        }
                    });
                }
                (Err(_closed), _) => break,
                (Ok(_), Err(error)) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(BREATH).await;
                }
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, ended).await.is_err() {
        tracing::warn!("uploads were cut at shutdown; their docks send them again");
    }
}

fn throw_away(files: &Files) {
    let since = SystemTime::now().checked_sub(FORGOTTEN_AFTER).unwrap_or(UNIX_EPOCH);
    match files.forget_uploads(since) {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "uploads that nobody went on with were thrown away"),
        Err(error) => tracing::warn!(%error, "old uploads could not be thrown away"),
    }
}

fn service(files: Arc<Files>, master: MasterKey) -> S3Service {
    let mut config = S3Config::default();
    config.xml_max_body_size = XML_MAX;
    let mut builder = S3ServiceBuilder::new(Operations(files));
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_auth(Door { master: master.clone(), now_s });
    builder.set_access(Door { master, now_s });
    builder.build()
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, service: S3Service) {
    let answer = service_fn(async |request: Request<Incoming>| {
        let waits = request.headers().contains_key(EXPECT);
        let mut response = if is_signed_as_we_check(&request) {
            service.call(request.map(Body::from)).await.unwrap_or_else(|error| {
                tracing::error!(error = ?error, "a request could not be answered");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            })
        } else {
            refused()
        };
        // Who was to be told to go on, and was refused, does not send the body that it announced: what it
        // says next on this connection would be taken for it.
        if waits && !response.status().is_success() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok::<_, Infallible>(response)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Version 4, in the header or in the address. What `s3s` offers besides is not looked at at all.
fn is_signed_as_we_check(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let in_header = match (authorizations.next(), authorizations.next()) {
        (None, _) => false,
        (Some(only), None) => only.as_bytes().starts_with(b"AWS4-HMAC-SHA256 "),
        (Some(_), Some(_)) => return false,
    };
    let query = request.uri().query().unwrap_or_default();
    let names = || query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    let in_address = names().any(|name| name == "X-Amz-Signature");
    let is_old = names().any(|name| name == "Signature" || name == "AWSAccessKeyId");
    let is_form = request.method() == Method::POST
        && headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/"));
    (in_header != in_address) && !is_old && !is_form
}

fn refused() -> Response<Body> {
    const TEXT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code>\
                        <Message>requests are signed by AWS Signature Version 4</Message></Error>";
    let mut response = Response::new(Body::from(Bytes::from_static(TEXT.as_bytes())));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
