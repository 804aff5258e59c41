//! Addresses of upstreams with places for a tile's numbers and a key.
//!
//! A caller gives numbers; the rest is the configuration's. WMTS in its REST form is such a template
//! too, with other names for the same numbers.

use std::fmt;

/// Deepest zoom of any grid.
const MAX_ZOOM: u8 = 24;
/// The same places by the names that WMTS uses.
const OTHER_NAMES: [(&str, &str); 3] =
    [("{TileMatrix}", "{z}"), ("{TileCol}", "{x}"), ("{TileRow}", "{y}")];

/// Why a text is no address to fetch from. Never repeats the text, which may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// Neither http nor https.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// No host, or one that is none.
    #[error("must name a host, without a user or password before it")]
    Host,
    /// Characters that no address has.
    #[error(
        "must not hold spaces, control characters, # or braces other than {{z}} {{x}} {{y}} {{key}}"
    )]
    Characters,
    /// Numbers of the tile are missing.
    #[error("must hold {{z}}, {{x}} and {{y}} (or {{TileMatrix}}, {{TileCol}} and {{TileRow}})")]
    Numbers,
    /// The key's place without a key, or the other way round.
    #[error("must hold {{key}} where, and only where, a key is configured")]
    Key,
    /// The key would break the address.
    #[error("has a key with characters that an address cannot hold")]
    KeyCharacters,
}

/// An address with its key put in.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    host: String,
    key: Option<String>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Template {
    /// An address of tiles: holds `{z}`, `{x}`, `{y}`.
    ///
    /// # Errors
    /// [`BadTemplate`].
    pub fn tiles(text: &str, key: Option<&str>) -> Result<Self, BadTemplate> {
        let mut text = text.to_owned();
        for (other, ours) in OTHER_NAMES {
            text = text.replace(other, ours);
        }
        if !["{z}", "{x}", "{y}"].iter().all(|place| text.contains(place)) {
            return Err(BadTemplate::Numbers);
        }
        Self::new(text, key)
    }

    /// The address of one document.
    ///
    /// # Errors
    /// [`BadTemplate`].
    pub fn document(text: &str, key: Option<&str>) -> Result<Self, BadTemplate> {
        Self::new(text.to_owned(), key)
    }

    fn new(text: String, key: Option<&str>) -> Result<Self, BadTemplate> {
        let host = host_of(&text)?;
        if text.contains("{key}") != key.is_some() {
            return Err(BadTemplate::Key);
        }
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'"' | b'\\');
        let rest = ["{z}", "{x}", "{y}", "{key}"]
            .iter()
            .fold(text.clone(), |rest, place| rest.replace(place, ""));
        if !rest.bytes().all(allowed) || rest.contains(['{', '}']) {
            return Err(BadTemplate::Characters);
        }
        let key_fits = |key: &str| {
            !key.is_empty()
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%=+".contains(&b))
        };
        if key.is_some_and(|key| !key_fits(key)) {
            return Err(BadTemplate::KeyCharacters);
        }
        let text = key.map_or_else(|| text.clone(), |key| text.replace("{key}", key));
        Ok(Self { text, host, key: key.map(str::to_owned) })
    }

    /// The host without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is fetched over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The address of a document.
    pub(super) fn whole(&self) -> &str {
        &self.text
    }

    /// The address of a tile, `None` when there is none with these numbers.
    pub(super) fn tile(&self, z: u8, x: u32, y: u32) -> Option<String> {
        tile_of(&self.text, z, x, y)
    }
}

/// Puts a tile's numbers in.
pub(super) fn tile_of(text: &str, z: u8, x: u32, y: u32) -> Option<String> {
    let side = 1_u32.checked_shl(u32::from(z)).filter(|_| z <= MAX_ZOOM)?;
    if x >= side || y >= side {
        return None;
    }
    let text = text.replace("{z}", &z.to_string()).replace("{x}", &x.to_string());
    Some(text.replace("{y}", &y.to_string()))
}

/// The host of an address, without its port, in lower case.
pub(super) fn host_of(text: &str) -> Result<String, BadTemplate> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or(BadTemplate::Scheme)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let name_fits = match inner {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        }
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    if name_fits && port_fits { Ok(host.to_ascii_lowercase()) } else { Err(BadTemplate::Host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_an_address_with_numbers() {
        let xyz =
            Template::tiles("https://t.example/{z}/{x}/{y}.png?k={key}", Some("a.b")).unwrap();
        assert_eq!(xyz.tile(3, 7, 0).unwrap(), "https://t.example/3/7/0.png?k=a.b");
        assert_eq!(format!("{xyz:?}"), "Template { host: \"t.example\", .. }");
        let wmts = "http://t.example:81/{TileMatrix}/{TileRow}/{TileCol}.jpeg";
        let wmts = Template::tiles(wmts, None).unwrap();
        assert_eq!(wmts.tile(2, 1, 3).unwrap(), "http://t.example:81/2/3/1.jpeg");
        for (z, x, y) in [(3, 8, 0), (3, 0, 8), (25, 0, 0), (0, 1, 0), (255, 0, 0)] {
            assert_eq!(xyz.tile(z, x, y), None, "{z}/{x}/{y}");
        }
        assert!(xyz.tile(24, (1 << 24) - 1, 0).is_some());
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        let check = |text: &str, key: Option<&str>, expect: BadTemplate| {
            assert_eq!(Template::tiles(text, key), Err(expect), "{text}");
            assert!(!expect.to_string().contains("secret"));
        };
        check("ftp://secret/{z}/{x}/{y}", None, BadTemplate::Scheme);
        check("file:///etc/{z}/{x}/{y}", None, BadTemplate::Scheme);
        check("https:///{z}/{x}/{y}", None, BadTemplate::Host);
        check("https://user:secret@t.example/{z}/{x}/{y}", None, BadTemplate::Host);
        check("https://{z}/{x}/{y}", None, BadTemplate::Host);
        check("https://t.example:0/{z}/{x}/{y}", None, BadTemplate::Host);
        check("https://t.example/{z}/{x}", None, BadTemplate::Numbers);
        check("https://t.example/{z}/{x}/{y}", Some("secret"), BadTemplate::Key);
        check("https://t.example/{z}/{x}/{y}?k={key}", None, BadTemplate::Key);
        check("https://t.example/{z}/{x}/{y}?k={key}", Some("se cret"), BadTemplate::KeyCharacters);
        check("https://t.example/{z}/{x}/{y} x", None, BadTemplate::Characters);
        check("https://t.example/{z}/{x}/{y}/{s}", None, BadTemplate::Characters);
        check("https://t.example/{z}/{x}/{y}\r\nHost: x", None, BadTemplate::Characters);
        assert_eq!(host_of("http://[::1]:80/x"), Ok("[::1]".to_owned()));
    }
}
