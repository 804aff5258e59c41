//! What the link tells and what it is told: plain data.

use bytes::Bytes;
use fleet_types::{CommandId, LinkStatus, MonoMs, Now, link::LinkName};

/// One command (or counter-action) for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandPublish {
    /// Whose fate is reported.
    pub command_id: CommandId,
    /// MQTT topic, without wildcards.
    pub topic: String,
    /// The message.
    pub payload: Bytes,
    /// After this it neither leaves the tower nor, by message expiry, the broker.
    pub expires: MonoMs,
}

/// Why something was not taken for sending. What is refused never leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefused {
    /// The commands connection is down, or the link is shutting down.
    #[error("the broker is not connected")]
    LinkDown,
    /// Too much is waiting already.
    #[error("too many messages are waiting for the broker")]
    QueueFull,
    /// The broker would not take it.
    #[error("the message has {bytes} bytes, the broker takes {max}")]
    TooLarge {
        /// Size of topic and payload.
        bytes: usize,
        /// Most that is allowed.
        max: usize,
    },
    /// Its time is already over.
    #[error("the command had expired before it was sent")]
    Expired,
    /// The topic is empty, has a wildcard or is over 512 bytes.
    #[error("the topic cannot be published to")]
    BadTopic,
}

/// What became of a command that was taken. `Sent` comes at most once and first; of the others
/// exactly one comes, as the last word, except that `Sent` itself is the last word for a command
/// that went out at QoS 0 because hardly any time was left (see [`super`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFate {
    /// Handed to the socket.
    Sent,
    /// The broker has it (PUBACK) and somebody is subscribed.
    Delivered,
    /// The broker had it and nobody is subscribed: certainly not delivered.
    NoSubscriber,
    /// The broker refused it with this MQTT 5 reason code: certainly not delivered.
    Refused {
        /// MQTT 5 reason code, for instance 0x87, not authorised.
        code: u8,
    },
    /// The connection broke after it may have reached the broker: nobody knows.
    Lost,
    /// It certainly never left.
    NotSent,
    /// Its time ran out before it left.
    Expired,
}

/// The right to acknowledge one message of the events link, once. Dropping it leaves the message
/// with the broker, which delivers it again after the next connect.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an event that is never acknowledged comes again and blocks a place in the window"]
pub struct AckToken {
    pub(super) epoch: u64,
    pub(super) packet_id: u16,
}

/// What the broker itself says about its clients (Mosquitto's log, read over `$SYS/broker/log/#`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerNotice {
    /// A client logged in.
    Connected {
        /// MQTT client id, chosen by the client.
        client_id: String,
        /// Login, where the broker names it.
        username: Option<String>,
        /// IP and port it comes from.
        address: String,
    },
    /// A client is gone.
    Disconnected {
        /// MQTT client id.
        client_id: String,
        /// The broker's words.
        reason: String,
    },
    /// A client was refused: wrong password or unknown user.
    LoginRefused {
        /// MQTT client id. Mosquitto 2.0 does not name it before a client is logged in.
        client_id: Option<String>,
        /// IP and port; none when several clients were connecting at that moment, so that
        /// nobody can say which it was.
        address: Option<String>,
    },
}

/// Everything the link has to tell, in one stream.
#[derive(Debug, PartialEq)]
pub enum LinkEvent {
    /// A device said something.
    Message {
        /// Connection it came by.
        link: LinkName,
        /// MQTT topic.
        topic: String,
        /// The message, not looked into.
        payload: Bytes,
        /// When it came off the socket.
        received: Now,
        /// To be given back when handled; none for QoS 0.
        ack: Option<AckToken>,
    },
    /// What became of a command.
    Command {
        /// Which.
        command_id: CommandId,
        /// What.
        fate: SendFate,
    },
    /// A connection came up or went down. Only the newest of each connection is kept.
    Status(LinkStatus),
    /// The broker speaks about its clients.
    Broker(BrokerNotice),
    /// A statistic of the broker. Only the newest of each name is kept.
    Sys {
        /// Topic below `$SYS/broker/`, for instance `clients/connected`.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// An answer of the broker's administration; give it to [`crate::dynsec`].
    Control(Bytes),
}
