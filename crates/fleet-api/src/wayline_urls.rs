//! Wayline files by address: from hosts that the site's configuration names, and from no other.
//!
//! A caller may name any address, so that the tower could be made to ask machines that the caller
//! cannot reach. Therefore: no host is allowed unless it is configured, with its port; no redirect is
//! followed; a configured *name* never leads to this machine or to addresses that only neighbours use;
//! credentials in the address are refused, for addresses are logged elsewhere. Read next:
//! [`crate::routes`], `basemaps/upstream.rs`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::Uri;

use crate::basemaps::{FetchError, Resolve, Roots, Upstream};

/// A host that wayline files may be fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlHost {
    host: String,
    port: Option<u16>,
}

/// Not a host, with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a host: write files.example, files.example:8443 or 10.0.0.7:9000, without https://"
)]
pub struct BadUrlHost;

impl std::str::FromStr for UrlHost {
    type Err = BadUrlHost;

    fn from_str(text: &str) -> Result<Self, BadUrlHost> {
        // As part of an address it must be its authority and nothing else.
        let uri: Uri = format!("http://{text}/").parse().map_err(|_| BadUrlHost)?;
        let authority = uri.authority().ok_or(BadUrlHost)?;
        if authority.as_str() != text || text.contains('@') || uri.path() != "/" {
            return Err(BadUrlHost);
        }
        let port = match text.len() - authority.host().len() {
            0 => None,
            _ => Some(authority.port_u16().ok_or(BadUrlHost)?),
        };
        if authority.host().is_empty() {
            return Err(BadUrlHost);
        }
        Ok(Self { host: authority.host().to_ascii_lowercase(), port })
    }
}

impl fmt::Display for UrlHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// Why an address is not fetched from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UrlRefused {
    #[error("url is an http or https address with a host, without user name, password or fragment")]
    Address,
    #[error(
        "files are not fetched from {0}: the setting waylines.url_hosts does not name it. Add it \
         there (an administrator can), or upload the file"
    )]
    Host(String),
}

/// Whose files may be fetched, and how.
pub struct WaylineSources {
    hosts: Vec<UrlHost>,
    upstream: Upstream,
}

impl WaylineSources {
    /// Files of these hosts; their certificates are checked against `roots`.
    #[must_use]
    pub fn new(hosts: Vec<UrlHost>, resolve: Arc<dyn Resolve>, roots: Roots) -> Self {
        Self { hosts, upstream: Upstream::new(Arc::new(Outside(resolve)), roots) }
    }

    /// Fetches a file of at most so many bytes.
    pub(crate) async fn fetch(&self, address: &str, max_bytes: usize) -> Result<Bytes, FetchError> {
        self.upstream.file(address, max_bytes).await
    }
}

/// Whether the configuration allows this address.
pub(crate) fn check(sources: Option<&WaylineSources>, address: &str) -> Result<(), UrlRefused> {
    // A fragment is never sent, and `Uri` drops it: what is shown must be what is asked.
    let uri: Uri = address.parse().map_err(|_| UrlRefused::Address)?;
    let authority = uri.authority().ok_or(UrlRefused::Address)?;
    let own_port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        Some(_) | None => return Err(UrlRefused::Address),
    };
    if authority.as_str().contains('@') || address.contains('#') || authority.host().is_empty() {
        return Err(UrlRefused::Address);
    }
    let host = authority.host().to_ascii_lowercase();
    let port = uri.port_u16().unwrap_or(own_port);
    let is_it = |known: &UrlHost| known.host == host && known.port.unwrap_or(own_port) == port;
    let hosts = sources.map_or(&[][..], |sources| &sources.hosts);
    if hosts.iter().any(is_it) {
        return Ok(());
    }
    let named = if port == own_port { host } else { format!("{host}:{port}") };
    Err(UrlRefused::Host(named))
}

/// Names that do not lead to this machine, nor to addresses that mean something to neighbours only
/// (of which one hands out credentials on many hosts). A literal address is taken as configured.
struct Outside(Arc<dyn Resolve>);

impl Resolve for Outside {
    fn resolve(&self, host: String, port: u16) -> BoxFuture<'_, Result<Vec<SocketAddr>, String>> {
        Box::pin(async move {
            let is_literal = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
            let mut found = self.0.resolve(host, port).await?;
            if !is_literal {
                found.retain(|address| is_outside(address.ip()));
            }
            if found.is_empty() {
                return Err("its name leads to no address outside this machine".to_owned());
            }
            Ok(found)
        })
    }
}

fn is_outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let is_this_network = v4.octets()[0] == 0;
            !(v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4 == Ipv4Addr::BROADCAST
                || is_this_network)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Resolve for Nowhere {
        fn resolve(&self, _: String, port: u16) -> BoxFuture<'_, Result<Vec<SocketAddr>, String>> {
            let here = ["127.0.0.1", "169.254.169.254", "192.168.7.9", "::1", "::ffff:127.0.0.1"];
            let here = here.map(|text| SocketAddr::new(text.parse().unwrap(), port));
            Box::pin(async move { Ok(here.to_vec()) })
        }
    }

    fn sources(hosts: &[&str]) -> WaylineSources {
        let hosts = hosts.iter().map(|text| text.parse().unwrap()).collect();
        WaylineSources::new(hosts, Arc::new(Nowhere), Roots::none())
    }

    #[track_caller]
    fn refused(address: &str, says: &str) {
        let sources = sources(&["files.example", "10.0.0.7:9000", "[fd00::7]:81"]);
        let why = check(Some(&sources), address).unwrap_err().to_string();
        assert!(why.contains(says), "{address}: {why}");
    }

    #[test]
    fn only_configured_hosts_and_ports_are_asked() {
        let sources = sources(&["files.example", "10.0.0.7:9000", "[fd00::7]:81"]);
        for good in [
            "https://files.example/a.kmz?sig=x",
            "http://files.example/a.kmz",
            "HTTPS://FILES.example:443/",
            "http://10.0.0.7:9000/a",
            "http://[fd00::7]:81/a",
        ] {
            assert!(check(Some(&sources), good).is_ok(), "{good}");
        }
        refused("https://files.example:8443/a", "not fetched from files.example:8443");
        refused("http://10.0.0.7/a", "waylines.url_hosts");
        refused("https://files.example.evil.test/a", "files.example.evil.test");
        refused("https://evil.test/?https://files.example/", "evil.test");
        for bad in [
            "ftp://files.example/a",
            "https://me:secret@files.example/a",
            "https://files.example@evil.test/a",
            "https://files.example/a#part",
            "/a.kmz",
            "files.example/a",
            "",
        ] {
            refused(bad, "http or https address");
        }
        let why = check(None, "https://files.example/a").unwrap_err().to_string();
        assert!(why.contains("waylines.url_hosts"), "{why}");
    }

    #[test]
    fn hosts_are_written_without_anything_else() {
        for bad in ["", "https://a", "a/b", "u@a", "a:", "a:x", "a b", "a?b", "a#b", ":80"] {
            assert_eq!(bad.parse::<UrlHost>(), Err(BadUrlHost), "{bad}");
        }
        for good in ["a", "a.example:81", "[::1]:9", "10.0.0.1"] {
            assert_eq!(good.parse::<UrlHost>().unwrap().to_string(), good);
        }
    }

    #[tokio::test]
    async fn a_name_does_not_lead_to_this_machine() {
        let found = Outside(Arc::new(Nowhere)).resolve("files.example".into(), 80).await.unwrap();
        assert_eq!(found, ["192.168.7.9:80".parse().unwrap()]);
        let literal = Outside(Arc::new(Nowhere)).resolve("127.0.0.1".into(), 80).await.unwrap();
        assert_eq!(literal.len(), 5, "what is configured as an address is meant");
    }
}
