//! Settings of the link, with the limits that were measured.

use std::{fmt, num::NonZeroU16, str::FromStr};

use super::tls::TlsFiles;
use crate::Secret;

/// Where a broker listens: `host:port`, `[v6]:port`, or a host alone (port 1883).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Name or IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A text that is no broker address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no broker address: write host:port, for instance 192.168.1.10:1883")]
pub struct AddressError {
    text: String,
}

impl FromStr for BrokerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || AddressError { text: text.chars().take(128).collect() };
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, tail) = rest.split_once(']').ok_or_else(error)?;
            let port = if tail.is_empty() {
                None
            } else {
                Some(tail.strip_prefix(':').ok_or_else(error)?)
            };
            (host, port)
        } else if text.matches(':').count() > 1 {
            (text, None)
        } else {
            text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
        };
        let port = match port {
            Some(port) => port.parse::<NonZeroU16>().map_err(|_| error())?.get(),
            None => 1883,
        };
        let fits = (1..=253).contains(&host.len())
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:%".contains(&b));
        if fits { Ok(Self { host: host.to_owned(), port }) } else { Err(error()) }
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Settings of the link. [`MqttConfig::new`] gives the measured defaults.
#[derive(Clone, Debug)]
pub struct MqttConfig {
    /// Brokers, tried in turn. They must be one logical broker (a cluster or a fail-over pair):
    /// the three connections choose independently.
    pub brokers: Vec<BrokerAddress>,
    /// Login.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// TLS, where the brokers speak it.
    pub tls: Option<TlsFiles>,
    /// Prefix of the three client ids; must stay the same over restarts (the events session
    /// hangs on it) and be different for every tower on one broker.
    pub client_id: String,
    /// MQTT keep-alive, seconds, at least 5.
    pub keep_alive_s: u16,
    /// Largest packet either way, bytes. The broker's own message limit must be below it.
    pub max_packet_bytes: u32,
    /// Largest message the link publishes (topic and payload), bytes.
    pub max_publish_bytes: usize,
    /// How many events may wait for acknowledgement; the broker holds back the rest.
    pub events_receive_maximum: u16,
    /// How long the broker keeps events for a tower that is away, seconds.
    pub events_session_expiry_s: u32,
    /// Whether to read the broker's statistics and client log (`$SYS`). Switch it off for a
    /// broker that forbids it.
    pub watch_sys: bool,
    /// Whether to listen for answers of the dynamic-security plugin (`$CONTROL`).
    pub watch_control: bool,
    /// Telemetry messages kept for a slow reader; the oldest goes when full.
    pub telemetry_queue: usize,
    /// Commands under way in the link, whose last fate is not read yet.
    pub command_queue: usize,
    /// The same for counter-actions, apart from commands.
    pub counter_queue: usize,
    /// Replies waiting to be written.
    pub reply_queue: usize,
}

impl MqttConfig {
    /// The measured defaults for these brokers.
    #[must_use]
    pub fn new(brokers: Vec<BrokerAddress>, client_id: impl Into<String>) -> Self {
        Self {
            brokers,
            username: None,
            password: None,
            tls: None,
            client_id: client_id.into(),
            keep_alive_s: 20,
            max_packet_bytes: 1024 * 1024,
            max_publish_bytes: 512 * 1024,
            events_receive_maximum: 2048,
            events_session_expiry_s: 24 * 3600,
            watch_sys: true,
            watch_control: true,
            telemetry_queue: 16_384,
            command_queue: 4096,
            counter_queue: 4096,
            reply_queue: 8192,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_write_them() {
        let check = |text: &str, expect: Option<&str>| {
            let got = text.parse::<BrokerAddress>().ok().map(|address| address.to_string());
            assert_eq!(got.as_deref(), expect, "{text:?}");
        };
        check("broker.site:1884", Some("broker.site:1884"));
        check("broker.site", Some("broker.site:1883"));
        check("[::1]:1884", Some("[::1]:1884"));
        check("[::1]", Some("[::1]:1883"));
        check("fd00::7", Some("[fd00::7]:1883"));
        check("", None);
        check("host:0", None);
        check("host:99999", None);
        check("host:12x", None);
        check("[::1", None);
        check("[::1]1883", None);
        check("mqtt://host", None);
        check("a b", None);
    }
}
