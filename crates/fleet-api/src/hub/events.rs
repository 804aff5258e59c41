//! The last events in the words in which they were told, so that a client that was away for a
//! moment can be told what it missed. Bounded by number and by bytes; what falls out is gone, and
//! the client is told so.

use std::{collections::VecDeque, sync::Arc};

use axum::extract::ws::Utf8Bytes;
use fleet_types::DeviceSn;
use serde::Serialize;

const MAX_EVENTS: usize = 8192;
const MAX_BYTES: usize = 4 << 20;

pub(crate) struct Events {
    /// Names this process: numbers of another one mean nothing here.
    epoch: String,
    seq: u64,
    kept: VecDeque<Told>,
    bytes: usize,
}

/// What an event is about: whoever may not see that is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Everybody's business.
    Everybody,
    /// The tower's own.
    Tower,
    /// A device's.
    Device(DeviceSn),
    /// The numbers of these devices.
    Slots(Arc<[(u16, DeviceSn)]>),
}

/// An event in the words for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) seq: u64,
    pub(crate) about: About,
    pub(crate) text: Utf8Bytes,
}

/// Events after the one a client held, or how many it missed, where that is known.
pub(crate) type Missed = Result<Vec<Told>, Option<u64>>;

impl Events {
    pub(crate) fn new(epoch: String) -> Self {
        Self { epoch, seq: 0, kept: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Number of the newest event.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Puts an event into words once, for everybody and for those who come back.
    pub(crate) fn tell(
        &mut self,
        about: About,
        kind: &str,
        name: &str,
        body: &impl Serialize,
    ) -> Told {
        self.seq += 1;
        // Our own types serialise; `null` would be shown as a malformed frame, never crash a client.
        let body = serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned());
        let seq = self.seq;
        let text: Utf8Bytes =
            format!("{{\"type\":\"{kind}\",\"seq\":{seq},\"{name}\":{body}}}").into();
        self.bytes += text.len();
        let told = Told { seq, about, text };
        self.kept.push_back(told.clone());
        while self.kept.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.text.len();
        }
        told
    }

    /// What was told after `seq` of `epoch`.
    pub(crate) fn since(&self, epoch: &str, seq: u64) -> Missed {
        if epoch != self.epoch || seq > self.seq {
            return Err(None);
        }
        let missed = self.seq - seq;
        match usize::try_from(missed) {
            Ok(missed) if missed <= self.kept.len() => {
                Ok(self.kept.iter().skip(self.kept.len() - missed).cloned().collect())
            }
            Ok(_) | Err(_) => Err(Some(missed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_told_again_or_counted() {
        let mut events = Events::new("e1".to_owned());
        for n in 0..MAX_EVENTS as u64 + 10 {
            let told = events.tell(About::Everybody, "alarm", "alarm", &n);
            assert_eq!(
                told.text,
                format!("{{\"type\":\"alarm\",\"seq\":{},\"alarm\":{n}}}", n + 1)
            );
        }
        let now = events.seq();
        assert_eq!(events.since("e1", now), Ok(vec![]));
        assert_eq!(events.since("e1", now - 2).unwrap().len(), 2);
        assert_eq!(events.since("e1", 10).unwrap().len(), MAX_EVENTS);
        assert_eq!(events.since("e1", 9), Err(Some(MAX_EVENTS as u64 + 1)));
        assert_eq!(events.since("e1", now + 1), Err(None));
        assert_eq!(events.since("e2", now), Err(None));
    }

    #[test]
    fn long_events_are_bounded_by_bytes() {
        let mut events = Events::new("e1".to_owned());
        let long = "x".repeat(1 << 20);
        for _ in 0..20 {
            events.tell(About::Everybody, "alarm", "alarm", &long);
        }
        assert!(events.bytes <= MAX_BYTES);
        assert_eq!(events.kept.len(), 3);
    }
}
