//! What Mosquitto says about itself: statistics and its log, both under `$SYS/broker/`.
//!
//! Written against the log of Mosquitto 2.0.11 (Debian 12), which needs `log_dest topic`,
//! `log_type notice`, `log_type error` and `connection_messages true`; other lines are ignored.
//! A client can put any text into its client id, so nothing here may decide anything: it is for
//! showing. Next: [`crate::mosquitto`], which writes that configuration.

use std::collections::VecDeque;

use super::event::BrokerNotice;

/// Below `$SYS/broker/`: what is read of the statistics. Rates and loads are per minute.
pub const STATISTICS: [&str; 15] = [
    "clients/connected",
    "clients/disconnected",
    "clients/maximum",
    "messages/stored",
    "messages/inflight",
    "publish/messages/dropped",
    "publish/messages/received",
    "publish/messages/sent",
    "store/messages/count",
    "store/messages/bytes",
    "subscriptions/count",
    "heap/current",
    "load/messages/received/1min",
    "load/messages/sent/1min",
    "load/connections/1min",
];

pub(super) const SYS_PREFIX: &str = "$SYS/broker/";
/// Levels of the log that carry connection messages: notices, and errors for take-overs.
pub(super) const LOG_FILTERS: [&str; 2] = ["$SYS/broker/log/N", "$SYS/broker/log/E"];
/// Connections remembered between their opening and their login.
const OPENING_MAX: usize = 256;

/// Reads one statistic; none for a topic that is not selected or no number.
pub(super) fn parse_statistic(topic: &str, payload: &[u8]) -> Option<(&'static str, f64)> {
    let tail = topic.strip_prefix(SYS_PREFIX)?;
    let name = STATISTICS.into_iter().find(|name| *name == tail)?;
    let text = std::str::from_utf8(payload).ok()?;
    let value: f64 = text.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some((name, value))
}

/// Reads log lines. It remembers which connections were opened and have not logged in, because
/// Mosquitto names neither client nor address when it refuses a login.
#[derive(Debug, Default)]
pub(super) struct BrokerLog {
    opening: VecDeque<String>,
}

impl BrokerLog {
    pub(super) fn parse(&mut self, payload: &[u8]) -> Option<BrokerNotice> {
        let line = std::str::from_utf8(payload).ok()?;
        let line = strip_timestamp(line).trim_end();
        if let Some(rest) = line.strip_prefix("New connection from ") {
            let (address, _) = rest.split_once(" on port ")?;
            if self.opening.len() >= OPENING_MAX {
                self.opening.pop_front();
            }
            self.opening.push_back(address.to_owned());
            return None;
        }
        if let Some(rest) = line.strip_prefix("New client connected from ") {
            return self.connected(rest);
        }
        let (client_id, reason) = split_end(line)?;
        if client_id != "<unknown>" {
            return Some(BrokerNotice::Disconnected {
                client_id: client_id.to_owned(),
                reason: reason.to_owned(),
            });
        }
        // One of those that were opening is gone. Which one is certain only when it is alone.
        let alone = self.opening.len() == 1;
        let address = self.opening.pop_front().filter(|_| alone);
        (reason == NOT_AUTHORISED)
            .then_some(BrokerNotice::LoginRefused { client_id: None, address })
    }

    fn connected(&mut self, rest: &str) -> Option<BrokerNotice> {
        let (address, rest) = rest.split_once(" as ")?;
        let (client_id, details) = rest.rsplit_once(" (p")?;
        let username = details
            .split_once("u'")
            .and_then(|(_, tail)| tail.strip_suffix("')."))
            .map(str::to_owned);
        self.opening.retain(|opening| opening != address);
        Some(BrokerNotice::Connected {
            client_id: client_id.to_owned(),
            username,
            address: address.to_owned(),
        })
    }
}

const NOT_AUTHORISED: &str = "not authorised";

/// Client id and reason of a line that says that a client is gone.
fn split_end(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("Client ")?;
    let fixed = [
        (" already connected, closing old connection.", "taken over by a new connection"),
        (" has exceeded timeout, disconnecting.", "keep-alive timeout"),
        (" closed its connection.", "connection closed without goodbye"),
        (" disconnected, not authorised.", NOT_AUTHORISED),
        (" been disconnected by administrative action.", "disconnected by administration"),
        (" disconnected.", "said goodbye"),
    ];
    for (suffix, reason) in fixed {
        if let Some(client_id) = rest.strip_suffix(suffix) {
            return Some((client_id, reason));
        }
    }
    [" disconnected due to ", " disconnected: "].into_iter().find_map(|marker| {
        let (client_id, reason) = rest.rsplit_once(marker)?;
        Some((client_id, reason.trim_end_matches('.')))
    })
}

fn strip_timestamp(line: &str) -> &str {
    match line.split_once(": ") {
        Some((stamp, rest)) if !stamp.is_empty() && stamp.bytes().all(|b| b.is_ascii_digit()) => {
            rest
        }
        Some(_) | None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_notice(lines: &[&str]) -> Option<BrokerNotice> {
        let mut log = BrokerLog::default();
        lines.iter().fold(None, |_, line| log.parse(line.as_bytes()))
    }

    fn gone(client_id: &str, reason: &str) -> Option<BrokerNotice> {
        Some(BrokerNotice::Disconnected { client_id: client_id.into(), reason: reason.into() })
    }

    fn refused(address: Option<&str>) -> Option<BrokerNotice> {
        let address = address.map(str::to_owned);
        Some(BrokerNotice::LoginRefused { client_id: None, address })
    }

    #[test]
    fn lines_of_mosquitto_2_0_11() {
        let check = |lines: &[&str], expect| assert_eq!(last_notice(lines), expect, "{lines:?}");
        let connected = |client_id: &str, username: Option<&str>| {
            Some(BrokerNotice::Connected {
                client_id: client_id.into(),
                username: username.map(str::to_owned),
                address: "127.0.0.1:34994".into(),
            })
        };
        let login = "1795225179: New client connected from 127.0.0.1:34994 as ";
        check(
            &[&format!("{login}good1 (p2, c1, k60, u'tower').")],
            connected("good1", Some("tower")),
        );
        check(&[&format!("{login}kill me (p5, c0, k60).")], connected("kill me", None));
        check(&["1795225179: Client good1 disconnected."], gone("good1", "said goodbye"));
        check(
            &["Client kill me closed its connection."],
            gone("kill me", "connection closed without goodbye"),
        );
        check(
            &["1: Client a has exceeded timeout, disconnecting."],
            gone("a", "keep-alive timeout"),
        );
        check(
            &["1: Client take already connected, closing old connection."],
            gone("take", "taken over by a new connection"),
        );
        check(&["1: Client x disconnected due to protocol error."], gone("x", "protocol error"));
        check(&["1: mosquitto version 2.0.11 running"], None);
        check(&["1: Client <unknown> closed its connection."], None);
        check(&[""], None);
    }

    #[test]
    fn a_refused_login_names_the_address_only_when_it_is_certain() {
        let open = |port: u16| format!("1: New connection from 127.0.0.1:{port} on port 1883.");
        let refusal = "1: Client <unknown> disconnected, not authorised.";
        let check = |lines: &[&str], expect| assert_eq!(last_notice(lines), expect, "{lines:?}");
        check(&[&open(5), refusal], refused(Some("127.0.0.1:5")));
        check(&[&open(5), &open(6), refusal], refused(None));
        check(&[&open(5), &open(6), refusal, refusal], refused(Some("127.0.0.1:6")));
        let login = "1: New client connected from 127.0.0.1:5 as a (p5, c1, k60, u'a').";
        check(&[&open(5), &open(6), login, refusal], refused(Some("127.0.0.1:6")));
        check(&[refusal], refused(None));
    }

    #[test]
    fn only_selected_statistics_are_read() {
        let check = |topic: &str, payload: &str, expect| {
            assert_eq!(parse_statistic(topic, payload.as_bytes()), expect, "{topic}");
        };
        check("$SYS/broker/clients/connected", "12", Some(("clients/connected", 12.0)));
        check("$SYS/broker/load/connections/1min", "0.25", Some(("load/connections/1min", 0.25)));
        check("$SYS/broker/clients/connected", "many", None);
        check("$SYS/broker/clients/connected", "inf", None);
        check("$SYS/broker/uptime", "12 seconds", None);
        check("clients/connected", "12", None);
    }
}
