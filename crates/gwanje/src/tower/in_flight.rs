//! Whose command is on its way: the link reports fates by command alone.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use fleet_links::mqtt::SendFate;
use fleet_types::CommandId;
use tokio::sync::oneshot;

use super::{
    dock_task::core_fate,
    inbox::{DockInput, Inbox},
};

/// Twice what the link itself holds; beyond it the oldest has had its last fate long ago.
const IN_FLIGHT_MAX: usize = 16_384;

#[derive(Default)]
struct Entries {
    inboxes: BTreeMap<CommandId, Weak<Inbox>>,
    order: VecDeque<CommandId>,
    /// Messages of the tower's own that ask the broker something; few.
    questions: BTreeMap<CommandId, oneshot::Sender<SendFate>>,
}

/// Commands handed to the link, by the inbox that waits for their fate.
#[derive(Default)]
pub struct InFlight(Mutex<Entries>);

impl InFlight {
    /// Remembers a command before it is handed to the link.
    pub fn insert(&self, command_id: CommandId, inbox: &Arc<Inbox>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.inboxes.insert(command_id, Arc::downgrade(inbox));
        entries.order.push_back(command_id);
        while entries.order.len() > IN_FLIGHT_MAX {
            if let Some(oldest) = entries.order.pop_front() {
                entries.inboxes.remove(&oldest);
            }
        }
    }

    /// Remembers a message that is nobody's command, before it is handed to the link: its last fate
    /// comes here.
    pub fn ask(&self, command_id: CommandId) -> oneshot::Receiver<SendFate> {
        let (answer, answered) = oneshot::channel();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who gave up waiting has dropped the receiver.
        entries.questions.retain(|_, answer| !answer.is_closed());
        entries.questions.insert(command_id, answer);
        answered
    }

    /// Passes a fate on to whoever waits for it.
    pub fn tell(&self, command_id: CommandId, fate: SendFate) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inbox = match fate {
            SendFate::Sent => entries.inboxes.get(&command_id).cloned(),
            // One of these is the last word.
            SendFate::Delivered
            | SendFate::NoSubscriber
            | SendFate::Refused { .. }
            | SendFate::Lost
            | SendFate::NotSent
            | SendFate::Expired => {
                if let Some(answer) = entries.questions.remove(&command_id) {
                    let _ = answer.send(fate);
                }
                entries.inboxes.remove(&command_id)
            }
        };
        drop(entries);
        if let Some(inbox) = inbox.and_then(|inbox| inbox.upgrade()) {
            inbox.push(DockInput::Fate(command_id, core_fate(fate)));
        }
    }
}
