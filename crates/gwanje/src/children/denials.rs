//! What the private broker refuses, counted from its own words.
//!
//! Mosquitto 2.0 tells a refused publish nowhere but among the debug lines of its standard error; its
//! statistics and its log topic leave it out. So those lines are read here, counted by who and
//! where, and kept out of the log; all others go on. The figures go to the tower by a small file,
//! replaced at most once a second. The pipe never blocks the broker ([`super::supervise`]): lines
//! that find no room are lost, so the count is "at least".

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::data_dir;

/// Name of the file in the data directory.
pub const DENIALS_FILE: &str = "broker-denials.json";
/// Clients remembered; the one refused least gives place.
const CLIENTS_MAX: usize = 32;
/// Longest client id and topic kept, in characters.
const TEXT_MAX: usize = 120;
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Where the tower asks whether its rights are in force, which is no attempt of anybody.
const OWN_QUESTIONS: &str = "$gwanje/";

/// What was refused since the supervisor started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// Publishes refused, at least.
    pub total: u64,
    /// By MQTT client id.
    pub clients: BTreeMap<String, ClientDenied>,
}

/// What one client was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientDenied {
    /// Publishes refused.
    pub count: u64,
    /// Topic of the last.
    pub topic: String,
}

/// Counts refusals.
#[derive(Debug, Default)]
pub struct Denials {
    denied: Mutex<Denied>,
}

impl Denials {
    /// Looks at a line of the broker's; `true` when it is for the log.
    pub fn take(&self, line: &str) -> bool {
        // Lines begin with the time in seconds.
        let text = line.split_once(": ").map_or(line, |(_, text)| text);
        if let Some((client, topic)) = parse(text) {
            if !topic.starts_with(OWN_QUESTIONS) {
                self.note(client, topic);
            }
            return false;
        }
        !is_debug(text)
    }

    /// Counts one that was refused.
    pub fn note(&self, client: &str, topic: &str) {
        self.lock().count(client, topic);
    }

    /// What was refused so far.
    #[must_use]
    pub fn seen(&self) -> Denied {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Denied> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Denied {
    fn count(&mut self, client: &str, topic: &str) {
        self.total += 1;
        let client = short(client);
        if !self.clients.contains_key(&client) && self.clients.len() >= CLIENTS_MAX {
            let least = self.clients.iter().min_by_key(|(_, denied)| denied.count);
            if let Some(least) = least.map(|(client, _)| client.clone()) {
                self.clients.remove(&least);
            }
        }
        let denied = self.clients.entry(client).or_default();
        denied.count += 1;
        denied.topic = short(topic);
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
}

/// Client id and topic of `Denied PUBLISH from ID (d0, q1, r0, m1, 'TOPIC', ... (1 bytes))`. Both
/// may hold anything, so the fixed parts are looked for from the end, where the topic ends.
fn parse(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("Denied PUBLISH from ")?;
    let (rest, _bytes) = rest.rsplit_once("', ... (")?;
    let (head, topic) = rest.split_once(", '")?;
    let (client, _flags) = head.rsplit_once(" (d")?;
    Some((client, topic))
}

/// Lines that come only with the debug log, one or more for every message.
fn is_debug(text: &str) -> bool {
    ["Received ", "Sending ", "Denied ", "\t", "No will message", "Will message"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// Writes the figures down for the tower whenever they changed; as long as it is polled.
pub async fn write(denials: std::sync::Arc<Denials>, file: PathBuf) {
    let mut written = None;
    loop {
        let denied = denials.seen();
        if written.as_ref() != Some(&denied) {
            let text = serde_json::to_vec(&denied).unwrap_or_default();
            if let Err(error) = data_dir::write_private(&file, &text) {
                tracing::warn!(file = %file.display(), %error, "the broker's refusals are not shown");
            }
            written = Some(denied);
        }
        sleep(WRITE_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_client_and_other_debug_lines_are_dropped() {
        let denials = Denials::default();
        let take = |line: &str| denials.take(line);
        assert!(take("1790000000: New client connected from 127.0.0.1:1 as D1 (p2, c1, k60)."));
        for line in [
            "1790000000: Received PUBLISH from D1 (d0, q0, r0, m0, 'a', ... (5 bytes))",
            "1790000000: Sending PUBLISH to T (d0, q0, r0, m0, 'a', ... (5 bytes))",
            "1790000000: \tsys/product/D1/status_reply (QoS 1)",
            "1790000000: Denied PUBLISH from T (d0, q1, r0, m1, '$gwanje/rights/1', ... (0 bytes))",
        ] {
            assert!(!take(line), "{line}");
        }
        assert_eq!(denials.seen(), Denied::default());
        for _ in 0..2 {
            assert!(!take(
                "1790000001: Denied PUBLISH from D (d1 (d0, q1, r0, m7, 'x', ... (9', ... (42 bytes))"
            ));
        }
        let denied = denials.seen();
        assert_eq!(denied.total, 2);
        let client = &denied.clients["D (d1"];
        assert_eq!((client.count, client.topic.as_str()), (2, "x', ... (9"));
    }

    #[test]
    fn many_clients_and_long_names_take_bounded_room() {
        let denials = Denials::default();
        let long = "x".repeat(4000);
        for number in 0..1000 {
            denials.take(&format!(
                "1: Denied PUBLISH from {number}{long} (d0, q0, r0, m0, '{long}', ... (1 bytes))"
            ));
        }
        let denied = denials.seen();
        assert_eq!((denied.total, denied.clients.len()), (1000, CLIENTS_MAX));
        let text = serde_json::to_string(&denied).unwrap();
        assert!(text.len() < CLIENTS_MAX * (3 * TEXT_MAX + 60), "{}", text.len());
        assert_eq!(serde_json::from_str::<Denied>(&text).unwrap(), denied);
    }
}
