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
        if self.repeats > 0 {
            return self.on_fate_of_a_copy(now, fate);
        }
        match (&self.state, fate) {
            (State::Sending { .. }, SendFate::Sent) => {
                self.left_at = Some(now.mono);
                self.state =
                    State::Sent { reply_deadline: now.mono.after_ms(self.spec.reply_timeout_ms) };
                self.status.state = CommandState::Sent;
                self.step(now, "sent", None);
                vec![Effect::Changed { outcome: false }]
            }
            (
                State::Sending { .. } | State::Sent { .. } | State::Acknowledged { .. },
                SendFate::Delivered,
            ) => {
                self.step(now, "delivered", None);
                vec![Effect::Changed { outcome: false }]
            }
            // What certainly did not arrive is known, however late the link says so.
            (
                State::Sending { .. } | State::Sent { .. } | State::Unknown { device_spoke: false },
                SendFate::NoSubscriber,
            ) => self.reject_unsent(
                now,
                "broker_no_subscriber",
                "The dock is not subscribed at the broker: it is not connected. The command was not delivered.",
            ),
            (
                State::Sending { .. } | State::Sent { .. } | State::Unknown { device_spoke: false },
                SendFate::Refused,
            ) => self.reject_unsent(
                now,
                "link_down",
                "The broker refused the command: it was not delivered. Check the tower's rights at the broker.",
            ),
            (State::Sending { .. } | State::Unknown { device_spoke: false }, SendFate::NotSent) => {
                self.reject_unsent(
                    now,
                    "link_down",
                    "There is no connection to the broker: the command did not leave.",
                )
            }
            (State::Sending { .. } | State::Unknown { device_spoke: false }, SendFate::Expired) => {
                self.expire(now)
            }
            (State::Sending { .. } | State::Sent { .. }, SendFate::Lost) => {
                self.left_at.get_or_insert(now.mono);
                self.become_unknown(
                    now,
                    false,
                    "send_lost",
                    "The connection to the broker broke while the command was on its way. Whether the dock got it is not known.",
                )
            }
            // An answer that overtook the link's report has already told more than a fate can.
            (
                State::Journaling
                | State::Acknowledged { .. }
                | State::Unknown { .. }
                | State::Final,
                _,
            )
            | (State::Sent { .. }, SendFate::Sent | SendFate::NotSent | SendFate::Expired) => {
                Vec::new()
            }
        }
    }

    /// The link speaks of one of several copies, and does not say which: that one certainly did not
    /// arrive says nothing of the others.
    fn on_fate_of_a_copy(&mut self, now: Now, fate: SendFate) -> Vec<Effect> {
        match (&self.state, fate) {
            (State::Sending { .. }, SendFate::Sent) => {
                let reply_deadline = now.mono.after_ms(self.spec.reply_timeout_ms);
                self.state = State::Sent { reply_deadline };
                self.step(now, "sent", None);
                vec![Effect::Changed { outcome: false }]
            }
            (
                State::Sending { .. } | State::Sent { .. } | State::Acknowledged { .. },
                SendFate::Delivered,
            ) => {
                self.step(now, "delivered", None);
                vec![Effect::Changed { outcome: false }]
            }
            (
                State::Sending { .. } | State::Sent { .. },
                SendFate::Lost
                | SendFate::NotSent
                | SendFate::Expired
                | SendFate::NoSubscriber
                | SendFate::Refused,
            ) => self.become_unknown(
                now,
                false,
                "lost_reply",
                "The dock did not answer, and the command could not be repeated. Whether it acts is not known.",
            ),
            (
                State::Journaling
                | State::Acknowledged { .. }
                | State::Unknown { .. }
                | State::Final,
                _,
            )
            | (State::Sent { .. }, SendFate::Sent) => Vec::new(),
        }
    }
}
