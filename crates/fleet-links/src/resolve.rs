//! Names to addresses without the operating system's resolver.
//!
//! `getaddrinfo` blocks, so every library that uses it starts a thread; this module asks
//! `/etc/hosts` and the name servers of `/etc/resolv.conf` through hickory, on the one event loop.
//! It refuses NSS sources (mDNS, LDAP): put such names into `/etc/hosts`. Next: [`crate::mqtt`].

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{TokioResolver, config::ResolverConfig, net::runtime::TokioRuntimeProvider};

/// Longest time one look-up may take.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Most addresses of one name that are used.
pub const MAX_ADDRESSES: usize = 8;

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Nobody knows the name.
    #[error("{host} has no address: {detail}")]
    NotFound {
        /// Name asked for.
        host: String,
        /// The resolver's words.
        detail: String,
    },
    /// No answer within [`LOOKUP_TIMEOUT`].
    #[error("no name server answered for {host} within {} s", LOOKUP_TIMEOUT.as_secs())]
    Timeout {
        /// Name asked for.
        host: String,
    },
    /// The resolver could not be set up.
    #[error("name resolution is not possible: {detail}")]
    Setup {
        /// The resolver's words.
        detail: String,
    },
}

/// Addresses of a host: an IP literal (`[::1]` or bare) as it is, `localhost` without asking
/// anybody, everything else by `/etc/hosts` and DNS. Never empty.
///
/// # Errors
/// [`ResolveError`] when the name has no address, or nobody answers in time.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    if let Some(ip) = literal(host) {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    // Read anew each time: a machine that roams between networks changes its resolv.conf, and a
    // look-up happens at most once per connection attempt.
    let resolver = build()?;
    let answer = tokio::time::timeout(LOOKUP_TIMEOUT, resolver.lookup_ip(host))
        .await
        .map_err(|_| ResolveError::Timeout { host: host.to_owned() })?;
    let not_found = |detail: String| ResolveError::NotFound { host: host.to_owned(), detail };
    let addresses: Vec<_> = answer
        .map_err(|error| not_found(error.to_string()))?
        .iter()
        .take(MAX_ADDRESSES)
        .map(|ip| SocketAddr::new(ip, port))
        .collect();
    if addresses.is_empty() {
        return Err(not_found("the answer was empty".to_owned()));
    }
    Ok(addresses)
}

fn literal(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn build() -> Result<TokioResolver, ResolveError> {
    // An air-gapped machine may have no resolv.conf at all; its /etc/hosts still counts.
    let builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
        TokioResolver::builder_with_config(
            ResolverConfig::from_parts(None, Vec::new(), Vec::new()),
            TokioRuntimeProvider::default(),
        )
    });
    builder.build().map_err(|error| ResolveError::Setup { detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_and_localhost_need_nobody() {
        let check = async |host: &str, expect: &str| {
            assert_eq!(resolve(host, 1883).await, Ok(vec![expect.parse().unwrap()]), "{host}");
        };
        check("127.0.0.1", "127.0.0.1:1883").await;
        check("::1", "[::1]:1883").await;
        check("[::1]", "[::1]:1883").await;
        check("LocalHost", "127.0.0.1:1883").await;
    }

    #[tokio::test]
    async fn a_name_nobody_knows_is_an_error() {
        assert!(resolve("no-such-host.invalid", 1883).await.is_err());
    }
}
