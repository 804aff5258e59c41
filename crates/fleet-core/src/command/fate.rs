//! What the link says became of a command, and of its copies.
//!
//! What certainly did not arrive is known, however late the link says so; what may have arrived is
//! unknown. The link speaks of one copy and does not say which. Read next: [`super`].

use fleet_types::{CommandState, Now};

use super::{Command, Effect, State};
use crate::io::SendFate;

impl Command {
    /// The link reports what became of it.
    pub fn on_fate(&mut self, now: Now, fate: SendFate) -> Vec<Effect> {
        match fate {
            SendFate::Sent => self.on_written(now),
            SendFate::Delivered => self.on_delivered(now),
            SendFate::NoSubscriber
            | SendFate::Refused
            | SendFate::NotSent
            | SendFate::Expired
            | SendFate::Lost
                if self.repeats > 0 =>
            {
                self.on_copy_failed(now)
            }
            SendFate::NoSubscriber => self.on_not_delivered(
                now,
                "broker_no_subscriber",
                "The dock is not subscribed at the broker: it is not connected. The command was not delivered.",
            ),
            SendFate::Refused => self.on_not_delivered(
                now,
                "link_down",
                "The broker refused the command: it was not delivered. Check the tower's rights at the broker.",
            ),
            SendFate::NotSent | SendFate::Expired => self.on_not_sent(now, fate),
            SendFate::Lost => self.on_lost(now),
        }
    }

    fn on_written(&mut self, now: Now) -> Vec<Effect> {
        match *self.state {
            State::Sending { .. } => {
                // Of copies the first counts: telemetry heard after it may show what it did.
                if self.repeats == 0 {
                    self.left_at = Some(now.mono);
                    self.status.state = CommandState::Sent;
                }
                let reply_deadline = now.mono.after_ms(self.spec.reply_timeout_ms);
                self.state.go("written", State::Sent { reply_deadline });
                self.step(now, "sent", None);
                vec![Effect::Changed { outcome: false }]
            }
            // An answer that overtook the link's report has already told more.
            State::Journaling
            | State::Sent { .. }
            | State::Acknowledged { .. }
            | State::Unknown { .. }
            | State::Final(_) => Vec::new(),
        }
    }

    fn on_delivered(&mut self, now: Now) -> Vec<Effect> {
        match *self.state {
            State::Sending { .. } | State::Sent { .. } | State::Acknowledged { .. } => {
                self.step(now, "delivered", None);
                vec![Effect::Changed { outcome: false }]
            }
            State::Journaling | State::Unknown { .. } | State::Final(_) => Vec::new(),
        }
    }

    /// It reached the broker and nobody else.
    fn on_not_delivered(
        &mut self,
        now: Now,
        code: &'static str,
        text: &'static str,
    ) -> Vec<Effect> {
        match *self.state {
            State::Sending { .. } | State::Sent { .. } | State::Unknown { device_spoke: false } => {
                self.reject_unsent(now, "not_delivered", code, text)
            }
            State::Journaling
            | State::Acknowledged { .. }
            | State::Unknown { device_spoke: true }
            | State::Final(_) => Vec::new(),
        }
    }

    /// It never left this process. Said of what was written before, it is about nothing of ours.
    fn on_not_sent(&mut self, now: Now, fate: SendFate) -> Vec<Effect> {
        match *self.state {
            State::Sending { .. } | State::Unknown { device_spoke: false } => {
                if fate == SendFate::Expired {
                    return self.expire(now, "expired_in_link");
                }
                self.reject_unsent(
                    now,
                    "not_sent",
                    "link_down",
                    "There is no connection to the broker: the command did not leave.",
                )
            }
            State::Journaling
            | State::Sent { .. }
            | State::Acknowledged { .. }
            | State::Unknown { device_spoke: true }
            | State::Final(_) => Vec::new(),
        }
    }

    fn on_lost(&mut self, now: Now) -> Vec<Effect> {
        match *self.state {
            State::Sending { .. } | State::Sent { .. } => {
                self.left_at.get_or_insert(now.mono);
                self.become_unknown(
                    now,
                    "connection_lost",
                    false,
                    "send_lost",
                    "The connection to the broker broke while the command was on its way. Whether the dock got it is not known.",
                )
            }
            State::Journaling
            | State::Acknowledged { .. }
            | State::Unknown { .. }
            | State::Final(_) => Vec::new(),
        }
    }

    /// The link speaks of one of several copies, and does not say which: that one certainly did not
    /// arrive says nothing of the others.
    fn on_copy_failed(&mut self, now: Now) -> Vec<Effect> {
        match *self.state {
            State::Sending { .. } | State::Sent { .. } => self.become_unknown(
                now,
                "copy_not_delivered",
                false,
                "lost_reply",
                "The dock did not answer, and the command could not be repeated. Whether it acts is not known.",
            ),
            State::Journaling
            | State::Acknowledged { .. }
            | State::Unknown { .. }
            | State::Final(_) => Vec::new(),
        }
    }
}
