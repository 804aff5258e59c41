//! TLS to the database through rustls and ring, the one stack of the whole program.
//!
//! The connection goes to an address that we resolved ourselves; the certificate is verified
//! against the configured name. Channel binding is not offered: chain and name are verified
//! already, and a server that insists on it is not known.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    Socket,
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};
use tokio_rustls::{
    TlsConnector, client,
    rustls::{
        ClientConfig, RootCertStore, crypto,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use crate::config::{ConfigError, Tls};

/// Where Linux distributions keep the authorities that the machine trusts.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Makes one TLS connector a connection attempt.
#[derive(Clone)]
pub(crate) struct MakeTls(Option<Arc<ClientConfig>>);

impl MakeTls {
    /// Reads the authorities, once, when the program starts.
    pub(crate) fn new(tls: &Tls) -> Result<Self, ConfigError> {
        let ca_file = match tls {
            Tls::Off => return Ok(Self(None)),
            Tls::Verified { ca_file } => ca_file.clone().unwrap_or_else(system_authorities),
        };
        let refused = |detail: String| {
            let path = ca_file.display().to_string();
            ConfigError::Authorities { path, detail }
        };
        let roots = read_authorities(&ca_file).map_err(refused)?;
        let config =
            ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| refused(error.to_string()))?
                .with_root_certificates(roots)
                .with_no_client_auth();
        Ok(Self(Some(Arc::new(config))))
    }
}

fn system_authorities() -> PathBuf {
    let fallback = SYSTEM_AUTHORITIES[0];
    SYSTEM_AUTHORITIES.into_iter().find(|path| Path::new(path).is_file()).unwrap_or(fallback).into()
}

fn read_authorities(path: &Path) -> Result<RootCertStore, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    let mut unusable = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        unusable += usize::from(roots.add(certificate).is_err());
    }
    if roots.is_empty() {
        return Err(match unusable {
            0 => "the file holds no PEM certificate".to_owned(),
            count => format!("none of its {count} certificates is a usable authority"),
        });
    }
    Ok(roots)
}

impl MakeTlsConnect<Socket> for MakeTls {
    type Stream = Stream;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, name: &str) -> io::Result<Handshake> {
        // The driver asks for a connector whether it is going to use it or not.
        let Some(config) = self.0.clone() else { return Ok(Handshake(None)) };
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| io::Error::other("the host is no name that a certificate could hold"))?;
        Ok(Handshake(Some((config.into(), name))))
    }
}

/// One handshake to come; none where TLS is off.
pub(crate) struct Handshake(Option<(TlsConnector, ServerName<'static>)>);

impl TlsConnect<Socket> for Handshake {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let (connector, name) =
                self.0.ok_or_else(|| io::Error::other("TLS is switched off"))?;
            let stream = connector.connect(name, socket).await?;
            Ok(Stream(Box::new(stream)))
        })
    }
}

/// An encrypted connection.
pub(crate) struct Stream(Box<client::TlsStream<Socket>>);

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
