//! A configured value on its way to a typed field: what was written, and the checks every field
//! shares. It knows no key. Read next: [`super::fields`].

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf};

use crate::secret::Secret;

/// A value as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    Bool(bool),
    List(Vec<String>),
    /// Something no field takes; its TOML name.
    Other(&'static str),
}

/// What a field takes; decides how an environment variable is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int,
    Bool,
    List,
}

/// Longest text of any field: a DJI licence is about 1 KiB.
pub(super) const TEXT_MAX: usize = 8192;

impl Kind {
    /// A value from text: an environment variable or a flag. Lists are joined by commas.
    pub(super) fn read(self, text: &str) -> Value {
        match self {
            Self::Text => Value::Text(text.to_owned()),
            Self::Int => {
                text.trim().parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Int)
            }
            Self::Bool => {
                text.trim().parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Bool)
            }
            Self::List => Value::List(
                text.split(',')
                    .map(|item| item.trim().to_owned())
                    .filter(|i| !i.is_empty())
                    .collect(),
            ),
        }
    }
}

impl Value {
    fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Int(_) => "an integer",
            Self::Bool(_) => "true or false",
            Self::List(_) => "a list",
            Self::Other(name) => name,
        }
    }

    pub(super) fn text(self, length: RangeInclusive<usize>) -> Result<String, String> {
        let Self::Text(text) = self else {
            return Err(format!("must be a text in quotes, not {}", self.name()));
        };
        if text.chars().any(char::is_control) {
            return Err("must not hold control characters or line breaks".into());
        }
        if length.contains(&text.len()) {
            Ok(text)
        } else {
            Err(format!(
                "must have {} to {} bytes, has {}",
                length.start(),
                length.end(),
                text.len()
            ))
        }
    }

    pub(super) fn int(self, range: RangeInclusive<i64>) -> Result<i64, String> {
        match self {
            Self::Int(number) if range.contains(&number) => Ok(number),
            Self::Int(number) => {
                Err(format!("must be from {} to {}, is {number}", range.start(), range.end()))
            }
            Self::Text(_) | Self::Bool(_) | Self::List(_) | Self::Other(_) => {
                Err(format!("must be an integer, not {}", self.name()))
            }
        }
    }

    pub(super) fn bool(self) -> Result<bool, String> {
        match self {
            Self::Bool(yes) => Ok(yes),
            Self::Text(_) | Self::Int(_) | Self::List(_) | Self::Other(_) => {
                Err(format!("must be true or false, not {}", self.name()))
            }
        }
    }

    pub(super) fn list(self, max: usize) -> Result<Vec<String>, String> {
        match self {
            Self::List(items) if items.len() > max => Err(format!("must have at most {max} items")),
            Self::List(items) => {
                items.into_iter().map(|item| Self::Text(item).text(1..=253)).collect()
            }
            Self::Text(_) | Self::Int(_) | Self::Bool(_) | Self::Other(_) => {
                Err(format!("must be a list of texts, not {}", self.name()))
            }
        }
    }

    pub(super) fn address(self) -> Result<SocketAddr, String> {
        let text = self.text(1..=64)?;
        text.parse().map_err(|_| {
            format!("must be IP:PORT such as \"127.0.0.1:8080\" or \"[::1]:8080\", is {text:?}")
        })
    }

    pub(super) fn path(self) -> Result<PathBuf, String> {
        self.text(1..=4096).map(PathBuf::from)
    }

    /// Never repeats the text in its error.
    pub(super) fn secret(self) -> Result<Secret, String> {
        self.text(0..=TEXT_MAX).map(Secret::new)
    }

    pub(super) fn one_of<T: Copy>(self, choices: &[(&str, T)]) -> Result<T, String> {
        let text = self.text(0..=64)?;
        let known = choices.iter().find(|(name, _)| *name == text);
        known.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            format!("must be {}, is {text:?}", names.join(" or "))
        })
    }
}

/// `host:port`, where host is a name, an IPv4 address, or an IPv6 address in brackets.
pub(super) fn check_host_port(text: &str) -> Result<(), String> {
    let wrong = || format!("must be HOST:PORT such as \"broker.example:1883\", is {text:?}");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if port == 0 {
        return Err(wrong());
    }
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().map(|_| ()).map_err(|_| wrong()),
        None => check_host(host).map_err(|_| wrong()),
    }
}

/// A DNS name or an IP address.
pub(super) fn check_host(text: &str) -> Result<(), String> {
    let name = (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if name || text.parse::<std::net::IpAddr>().is_ok() {
        Ok(())
    } else {
        Err(format!("must be a host name or an IP address, is {text:?}"))
    }
}
