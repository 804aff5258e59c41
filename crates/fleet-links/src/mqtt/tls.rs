//! TLS to the broker: who it must be, and who we are.
//!
//! The files are read anew for every connection: a certificate that was renewed counts from the
//! next one on. The name that is checked is the configured one, whatever address it led to. Read
//! next: [`super::line`].

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, crypto,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    },
};

/// Largest PEM file read.
const PEM_MAX_BYTES: u64 = 1 << 20;

/// Who the broker must be, and who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities the broker's certificate is checked against, PEM.
    pub ca: PathBuf,
    /// Our own certificate and its key, PEM; none signs in by name and password alone.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Name or address that the broker's certificate must have; none is the host connected to.
    pub name: Option<String>,
}

/// Everything a handshake needs.
pub(super) struct Handshake {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl TlsFiles {
    /// Reads the files for a connection to this host.
    pub(super) fn handshake(&self, host: &str) -> Result<Handshake, String> {
        let text = self.name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(text.to_owned())
            .map_err(|_| format!("{text:?} is no name that a certificate could have"))?;
        let config =
            ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?
                .with_root_certificates(self.authorities()?);
        let config = match &self.identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                // Never the library's own words about a key.
                let unusable = || format!("{} holds no usable private key", key.display());
                let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| unusable())?;
                config.with_client_auth_cert(chain, key).map_err(|_| unusable())?
            }
        };
        Ok(Handshake { connector: Arc::new(config).into(), name })
    }

    fn authorities(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(certificates(&self.ca)?);
        if usable == 0 {
            return Err(format!("{} holds no usable authority", self.ca.display()));
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(format!("{} holds no certificate in PEM", path.display())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let bytes = std::fs::metadata(path).map_err(cannot)?.len();
    if bytes > PEM_MAX_BYTES {
        return Err(format!("{} is too large for a PEM file", path.display()));
    }
    std::fs::read(path).map_err(cannot)
}
