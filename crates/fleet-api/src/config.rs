//! What the API must be told, and which addresses it agrees to listen on.
//!
//! The wiring reads files and environment; here are values only.

use std::{net::SocketAddr, time::Duration};

use serde::Serialize;
use utoipa::ToSchema;

use crate::method::MethodInfo;

/// The place this tower serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Site {
    /// Name for people.
    pub name: String,
    /// IANA time zone: `Asia/Seoul`.
    pub time_zone: String,
}

/// Bounds of the API; the defaults fit one site.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections a listener; more wait in the kernel's queue.
    pub connections: usize,
    /// WebSocket clients.
    pub stream_clients: usize,
    /// Time for a connection to send the head of a request, idle time between requests included.
    pub header_timeout: Duration,
    /// Time for a whole request and its answer.
    pub request_timeout: Duration,
    /// The same for uploads.
    pub upload_timeout: Duration,
    /// Time in which a peer must take some of what it is sent.
    pub write_timeout: Duration,
    /// Uploads at the same time (each holds up to 20 MiB).
    pub uploads: usize,
    /// Wayline files kept.
    pub waylines: usize,
    /// Bytes of all wayline files together.
    pub wayline_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            stream_clients: 512,
            header_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(15),
            upload_timeout: Duration::from_mins(2),
            write_timeout: Duration::from_secs(30),
            uploads: 4,
            waylines: 200,
            wayline_bytes: 256 << 20,
        }
    }
}

/// Configuration of the API.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Version of the tower.
    pub version: String,
    /// The place.
    pub site: Site,
    /// Where docks and people reach this API, without a path: `https://tower.example:8443`. Its
    /// host is accepted in `Host`, its origin in `Origin`, and wayline addresses begin with it.
    pub public_url: String,
    /// More names accepted in `Host`, without ports. Loopback names always are.
    pub hosts: Vec<String>,
    /// How long a wayline address handed to a dock works.
    pub wayline_url_life: Duration,
    /// The table of methods, to be shown.
    pub methods: Vec<MethodInfo>,
    /// Bounds.
    pub limits: Limits,
}

impl ApiConfig {
    /// A configuration with default bounds.
    #[must_use]
    pub fn new(version: &str, site: Site, public_url: &str) -> Self {
        Self {
            version: version.to_owned(),
            site,
            public_url: public_url.trim_end_matches('/').to_owned(),
            hosts: Vec::new(),
            wayline_url_life: Duration::from_mins(30),
            methods: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// An address the API does not listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "refusing to listen on {address} without TLS: bearer tokens and commands would cross the \
     network in the clear. Listen on 127.0.0.1, or configure a certificate and key for TLS"
)]
pub struct BindRefused {
    /// The address.
    pub address: SocketAddr,
}

/// Says whether the API may listen on `address`.
///
/// # Errors
/// [`BindRefused`] for anything but loopback without TLS.
pub fn check_bind(address: SocketAddr, tls: bool) -> Result<(), BindRefused> {
    if tls || address.ip().to_canonical().is_loopback() {
        Ok(())
    } else {
        Err(BindRefused { address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_goes_without_tls() {
        let check = |address: &str, tls: bool, fits: bool| {
            assert_eq!(check_bind(address.parse().unwrap(), tls).is_ok(), fits, "{address} {tls}");
        };
        check("127.0.0.1:8080", false, true);
        check("127.9.9.9:8080", false, true);
        check("[::1]:8080", false, true);
        check("[::ffff:127.0.0.1]:8080", false, true);
        check("0.0.0.0:8080", false, false);
        check("[::]:8080", false, false);
        check("192.168.1.5:8080", false, false);
        check("0.0.0.0:8080", true, true);
    }
}
