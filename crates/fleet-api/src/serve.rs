//! Listening: plain TCP on loopback, TLS, and a Unix socket for the local command line.
//!
//! One router behind all of them. Open connections, header sizes and every wait on a peer are
//! bounded, so that slow or silent peers cost little. Refuses to open addresses: see
//! [`crate::check_bind`]. Read next: [`crate::guard`].

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use hyper::{Request, body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener, UnixSocket},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tower_service::Service;

use crate::{app::App, guard::Peer, patient::Patient, routes};

const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 32 << 10;
/// What a connection may hold of its request before a handler takes it.
const MAX_BUFFER_BYTES: usize = 64 << 10;
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);
/// How long open requests may go on after shutdown began.
const GRACE: Duration = Duration::from_secs(5);
/// After an accept that failed for lack of something, time for it to come back.
const BREATH: Duration = Duration::from_millis(100);
const BACKLOG: u32 = 1024;

/// Where requests come in.
pub enum Listener {
    /// Plain HTTP; for loopback only (see [`crate::check_bind`]).
    Tcp(TcpListener),
    /// HTTPS.
    Tls(TcpListener, Tls),
    /// The local command line's socket (see [`bind_unix`]).
    Unix(UnixListener),
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file does not hold PEM certificates.
    #[error("the TLS certificate file holds no readable PEM certificate")]
    Certificate(#[source] rustls::pki_types::pem::Error),
    /// The certificate file is empty of certificates.
    #[error("the TLS certificate file holds no certificate")]
    NoCertificate,
    /// The key file does not hold a PEM private key.
    #[error("the TLS key file holds no readable PEM private key")]
    Key(#[source] rustls::pki_types::pem::Error),
    /// Key and certificate do not fit, or are of a kind not supported.
    #[error("the TLS certificate and key cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// A certificate chain with its key, ready to serve. TLS 1.2 and 1.3, ring's ciphers.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads a PEM certificate chain and a PEM private key.
    ///
    /// # Errors
    /// [`TlsError`] saying which of the two is wrong; their contents are never repeated.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(TlsError::Certificate)?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// For a listener that is not the API's.
    #[must_use]
    pub fn acceptor(self) -> TlsAcceptor {
        self.0
    }
}

/// Opens a Unix socket that only this user may use (0600). A socket left by a process that is gone
/// is replaced; must be called inside the runtime.
///
/// # Errors
/// Those of the file system; [`io::ErrorKind::AddrInUse`] when somebody listens there, or when the
/// path is something else than a socket.
pub fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    if let Ok(found) = std::fs::symlink_metadata(path) {
        let in_use =
            !found.file_type().is_socket() || std::os::unix::net::UnixStream::connect(path).is_ok();
        if in_use {
            let text = format!("{} is in use", path.display());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
        }
        std::fs::remove_file(path)?;
    }
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    // Nobody can connect before `listen`: there is no moment with wider rights.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)
}

/// Serves until the API is told to close, then waits a few seconds for what is under way.
pub(crate) async fn serve(app: App, listener: Listener) {
    let closing = app.closing.subscribe();
    let server = Server {
        router: routes::router(&app),
        slots: Arc::new(Semaphore::new(app.config.limits.connections)),
        connections: JoinSet::new(),
        closing,
        app,
    };
    server.run(listener).await;
}

struct Server {
    app: App,
    router: Router,
    slots: Arc<Semaphore>,
    connections: JoinSet<()>,
    closing: watch::Receiver<bool>,
}

impl Server {
    async fn run(mut self, listener: Listener) {
        let mut closing = self.closing.clone();
        loop {
            // Beyond the limit new peers wait in the kernel's queue.
            let accepted = async {
                let slot = Arc::clone(&self.slots).acquire_owned().await;
                (slot, accept(&listener).await)
            };
            tokio::select! {
                biased;
                () = closed(&mut closing) => break,
                Some(ended) = self.connections.join_next(), if !self.connections.is_empty() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "an API connection's task ended badly");
                    }
                }
                (slot, accepted) = accepted => match (slot, accepted) {
                    (Ok(slot), Ok((stream, peer))) => {
                        let connection = self.connection(stream, peer);
                        self.connections.spawn(async move {
                            let _slot = slot;
                            connection.await;
                        });
                    }
                    (Err(_closed), _) => break,
                    (Ok(_), Err(error)) => {
                        tracing::warn!(%error, "the API could not accept a connection");
                        sleep(BREATH).await;
                    }
                }
            }
        }
        drop(listener);
        // Live views are told to close by themselves; each gives its slot back when it has ended.
        let streams = u32::try_from(self.app.config.limits.stream_clients).unwrap_or(u32::MAX);
        let ended = async {
            while self.connections.join_next().await.is_some() {}
            // An error means nobody can open a live view any more either.
            let _ = self.app.stream_slots.acquire_many(streams).await;
        };
        if timeout(GRACE, ended).await.is_err() {
            tracing::warn!("API connections were cut at shutdown");
        }
    }

    /// Everything one connection does, from its handshake to its end.
    fn connection(&self, stream: Stream, peer: IpAddr) -> impl Future<Output = ()> + Send + use<> {
        let (app, router, closing) = (self.app.clone(), self.router.clone(), self.closing.clone());
        async move {
            app.metrics.connections.inc();
            let _open = OnDrop(|| {
                app.metrics.connections.dec();
            });
            let stalled = app.config.limits.write_timeout;
            match stream {
                Stream::Plain(stream) => {
                    talk(&app, router, Patient::new(stream, stalled), peer, closing).await;
                }
                Stream::Local(stream) => {
                    talk(&app, router, Patient::new(stream, stalled), peer, closing).await;
                }
                Stream::Secret(stream, Tls(acceptor)) => {
                    let stream = Patient::new(stream, stalled);
                    match timeout(TLS_HANDSHAKE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => talk(&app, router, stream, peer, closing).await,
                        Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                        Err(_late) => tracing::debug!(%peer, "TLS handshake took too long"),
                    }
                }
            }
        }
    }
}

enum Stream {
    Plain(tokio::net::TcpStream),
    Secret(tokio::net::TcpStream, Tls),
    Local(tokio::net::UnixStream),
}

async fn accept(listener: &Listener) -> io::Result<(Stream, IpAddr)> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Stream::Plain(stream), peer.ip()))
        }
        Listener::Tls(listener, tls) => {
            let (stream, peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Stream::Secret(stream, tls.clone()), peer.ip()))
        }
        Listener::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok((Stream::Local(stream), IpAddr::V4(Ipv4Addr::LOCALHOST)))
        }
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means the API is gone, which is closed as well.
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn talk<S>(
    app: &App,
    router: Router,
    stream: S,
    peer: IpAddr,
    mut closing: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = WithPeer { router, peer };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.config.limits.header_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = closed(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%peer, %error, "an API connection ended early");
    }
}

/// The router, told whence its requests come.
struct WithPeer {
    router: Router,
    peer: IpAddr,
}

impl hyper::service::Service<Request<Incoming>> for WithPeer {
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = <Router as Service<Request<Body>>>::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(self.peer));
        // The router is always ready; the clone shares its routes.
        self.router.clone().call(request)
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
