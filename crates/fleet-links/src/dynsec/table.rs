//! Requests under way, and their answers. Pure but for the channel an answer goes into.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// Requests that may be under way at once.
pub(super) const PENDING_MAX: usize = 256;

/// The plugin's answer to one command of a request.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Answer {
    /// Command it answers.
    pub command: String,
    /// Why it was not done; the plugin's words.
    #[serde(default)]
    pub error: Option<String>,
    /// What was asked for.
    #[serde(default)]
    pub data: Value,
    #[serde(default, rename = "correlationData")]
    correlation: Option<String>,
}

#[derive(Deserialize)]
struct Answers {
    responses: Vec<Answer>,
}

/// Requests waiting for an answer, by correlation data.
#[derive(Debug)]
pub struct PendingTable {
    /// Tells our answers from those to an earlier process of ours.
    nonce: String,
    next: u64,
    waiting: BTreeMap<String, oneshot::Sender<Vec<Answer>>>,
}

impl PendingTable {
    /// An empty table; `nonce` should differ from one process to the next.
    #[must_use]
    pub fn new(nonce: u64) -> Self {
        Self { nonce: format!("{nonce:016x}"), next: 0, waiting: BTreeMap::new() }
    }

    /// Takes commands (objects with `command` and its arguments) as one request, which the broker
    /// carries out in order. Gives the payload to publish on [`super::REQUEST_TOPIC`] and where
    /// the answers, one a command, will come. `None` when too many requests are under way.
    pub fn request(
        &mut self,
        mut commands: Vec<Value>,
    ) -> Option<(Bytes, oneshot::Receiver<Vec<Answer>>)> {
        // Who gave up waiting has dropped the receiver: make room.
        self.waiting.retain(|_, waiting| !waiting.is_closed());
        if self.waiting.len() >= PENDING_MAX {
            return None;
        }
        self.next += 1;
        let correlation = format!("{}-{}", self.nonce, self.next);
        for command in &mut commands {
            if let Value::Object(fields) = command {
                fields.insert("correlationData".to_owned(), Value::from(correlation.as_str()));
            }
        }
        let (answer, answered) = oneshot::channel();
        self.waiting.insert(correlation, answer);
        Some((Bytes::from(json!({ "commands": commands }).to_string()), answered))
    }

    /// Gives answers to who waits for them. `false` when nobody does, or it is no answer.
    pub fn on_response(&mut self, payload: &[u8]) -> bool {
        let Ok(Answers { responses }) = serde_json::from_slice(payload) else { return false };
        let Some(correlation) = responses.iter().find_map(|answer| answer.correlation.as_ref())
        else {
            return false;
        };
        self.waiting.remove(correlation).is_some_and(|waiting| waiting.send(responses).is_ok())
    }

    /// Requests under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no request is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_its_request() {
        let mut table = PendingTable::new(7);
        let (payload, mut answered) = table.request(vec![json!({"command": "x"})]).unwrap();
        let (_, mut other) = table.request(vec![json!({"command": "y"})]).unwrap();
        let sent: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(sent["commands"][0]["correlationData"], "0000000000000007-1");
        let answer = r#"{"responses":[{"command":"x","correlationData":"0000000000000007-1","error":"no"}]}"#;
        assert!(table.on_response(answer.as_bytes()));
        assert!(!table.on_response(answer.as_bytes()), "only once");
        assert_eq!(answered.try_recv().unwrap()[0].error.as_deref(), Some("no"));
        assert!(other.try_recv().is_err());
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn garbage_is_nobodys_answer() {
        let mut table = PendingTable::new(0);
        let _waiting = table.request(vec![json!({"command": "x"})]).unwrap();
        for garbage in ["", "{}", "[]", "{\"responses\":[]}", "{\"responses\":[{}]}", "\u{0}"] {
            assert!(!table.on_response(garbage.as_bytes()), "{garbage:?}");
        }
    }

    #[test]
    fn requests_given_up_make_room() {
        let mut table = PendingTable::new(0);
        let kept: Vec<_> = (0..PENDING_MAX).map(|_| table.request(vec![]).unwrap()).collect();
        assert!(table.request(vec![]).is_none());
        drop(kept);
        assert!(table.request(vec![]).is_some());
        assert_eq!(table.len(), 1);
    }
}
