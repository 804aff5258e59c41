//! One dock's way in: what waits for its task, in two queues.
//!
//! Orders, fates and the broker's word go before messages, so that a counter-action never stands
//! behind telemetry. Telemetry is bounded here (the oldest goes, counted); what must be
//! acknowledged is bounded by the link's receive maximum and never dropped; orders are refused when
//! there are too many, counter-actions within a bound of their own.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use fleet_core::{
    io::{BrokerPresence, JournalId, SendFate},
    journal::fold::OpenWork,
};
use fleet_links::mqtt::AckToken;
use fleet_types::{
    CommandId, CommandRequest, DeviceSn, MissionId, MissionRequest, Now,
    authority::AuthorityRequest,
    command::Resolution,
    mission::MissionProgress,
    plan::MissionControl,
    preflight::{DockNotice, PreflightRequest},
};
use tokio::sync::Notify;

use super::safekeeping::Unrecorded;

/// Telemetry messages that may wait for one dock's task: half a minute of reports.
const TELEMETRY_MAX: usize = 64;

/// What a dock's task is given. Every dock has room for some of them: what is large and rare is kept
/// apart.
#[derive(Debug)]
pub enum DockInput {
    /// A device published.
    Message {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Bytes,
        /// When it was received.
        received: Now,
        /// To be given back when it was handled.
        ack: Option<AckToken>,
    },
    /// Somebody asks for a command.
    Command(Box<CommandRequest>),
    /// Somebody asks for a mission.
    Mission(Box<MissionRequest>),
    /// Somebody wants something of a mission that is there.
    MissionControl(Box<MissionControl>),
    /// A person says something about the dock's flights.
    Notice(Box<DockNotice>),
    /// Somebody asks whether a flight could go.
    Preflight(Box<PreflightRequest>),
    /// Somebody wants something of the authority over the dock.
    Authority(Box<AuthorityRequest>),
    /// How a flight between two docks stands at the other one.
    Peer {
        /// `flight_id` on the wire.
        flight_id: MissionId,
        /// The other dock.
        sn: DeviceSn,
        /// The dock's word for where it stands.
        status: Option<String>,
        /// How far it is.
        progress: Box<MissionProgress>,
    },
    /// A person settles an unknown command.
    Resolve(Box<Resolution>),
    /// What became of a command handed to the link.
    Fate(CommandId, SendFate),
    /// What became of a record.
    Journaled(JournalId, bool),
    /// Whether commands can leave.
    CommandLink(bool),
    /// What the broker says.
    Broker(BrokerPresence),
    /// What the journal tells of the time before this process.
    Recovered(Box<OpenWork>),
    /// The journal cannot be read for now: go on without it. New flights stay refused.
    GoOn,
    /// The dock was removed: end, and say so.
    Stop(tokio::sync::oneshot::Sender<()>),
    /// A defect, planted to show that it stays where it is.
    #[cfg(test)]
    Panic,
}

#[derive(Default)]
struct Queues {
    orders: VecDeque<DockInput>,
    messages: VecDeque<DockInput>,
    telemetry: usize,
}

/// Both queues of one dock.
#[derive(Default)]
pub struct Inbox {
    queues: Mutex<Queues>,
    filled: Notify,
    telemetry_dropped: AtomicU64,
    /// Outlives the machine, as the records do that are on their way.
    pub(super) unrecorded: Unrecorded,
}

impl Inbox {
    /// Puts something in. Never waits.
    pub fn push(&self, input: DockInput) {
        let mut queues = self.queues();
        match &input {
            DockInput::Message { ack, .. } => {
                if ack.is_none() {
                    if queues.telemetry >= TELEMETRY_MAX {
                        drop_oldest_telemetry(&mut queues.messages);
                        queues.telemetry -= 1;
                        self.telemetry_dropped.fetch_add(1, Ordering::Relaxed);
                    }
                    queues.telemetry += 1;
                }
                queues.messages.push_back(input);
            }
            DockInput::Command(_)
            | DockInput::Mission(_)
            | DockInput::MissionControl(_)
            | DockInput::Notice(_)
            | DockInput::Preflight(_)
            | DockInput::Authority(_)
            | DockInput::Peer { .. }
            | DockInput::Resolve(_)
            | DockInput::Fate(..)
            | DockInput::Journaled(..)
            | DockInput::CommandLink(_)
            | DockInput::Broker(_)
            | DockInput::Recovered(_)
            | DockInput::GoOn
            | DockInput::Stop(_) => queues.orders.push_back(input),
            #[cfg(test)]
            DockInput::Panic => queues.orders.push_back(input),
        }
        drop(queues);
        self.filled.notify_one();
    }

    /// Takes the next input: orders first. `with_messages` is false while what the task has to
    /// tell cannot be told: then messages wait, and with them their senders.
    pub async fn next(&self, with_messages: bool) -> DockInput {
        loop {
            {
                let mut queues = self.queues();
                if let Some(order) = queues.orders.pop_front() {
                    return order;
                }
                if with_messages && let Some(message) = queues.messages.pop_front() {
                    if let DockInput::Message { ack: None, .. } = message {
                        queues.telemetry -= 1;
                    }
                    return message;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Orders and messages waiting.
    #[must_use]
    pub fn depth(&self) -> usize {
        let queues = self.queues();
        queues.orders.len() + queues.messages.len()
    }

    /// Telemetry messages dropped since the start.
    #[must_use]
    pub fn telemetry_dropped(&self) -> u64 {
        self.telemetry_dropped.load(Ordering::Relaxed)
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_oldest_telemetry(messages: &mut VecDeque<DockInput>) {
    let oldest =
        messages.iter().position(|message| matches!(message, DockInput::Message { ack: None, .. }));
    if let Some(index) = oldest {
        messages.remove(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_inputs_is_small() {
        assert!(size_of::<DockInput>() <= 120, "{}", size_of::<DockInput>());
    }

    fn telemetry(number: u8) -> DockInput {
        let payload = Bytes::from(vec![number]);
        DockInput::Message { topic: String::new(), payload, received: Now::default(), ack: None }
    }

    #[tokio::test]
    async fn orders_go_first_and_the_oldest_telemetry_is_dropped() {
        let inbox = Inbox::default();
        for number in 0..=u8::try_from(TELEMETRY_MAX).expect("small") {
            inbox.push(telemetry(number));
        }
        inbox.push(DockInput::CommandLink(true));
        assert!(matches!(inbox.next(true).await, DockInput::CommandLink(true)));
        assert_eq!(inbox.telemetry_dropped(), 1);
        let DockInput::Message { payload, .. } = inbox.next(true).await else {
            panic!("a message")
        };
        assert_eq!(payload[0], 1, "number 0 was the oldest");
        assert_eq!(inbox.depth(), TELEMETRY_MAX - 1);
    }

    #[tokio::test]
    async fn messages_wait_while_nothing_can_be_told() {
        let inbox = Inbox::default();
        inbox.push(telemetry(7));
        tokio::select! {
            biased;
            _ = inbox.next(false) => panic!("a message came through"),
            () = tokio::task::yield_now() => {}
        }
        inbox.push(DockInput::CommandLink(false));
        assert!(matches!(inbox.next(false).await, DockInput::CommandLink(false)));
        assert!(matches!(inbox.next(true).await, DockInput::Message { .. }));
    }
}
