//! The tower's MQTT 5 link: three connections to one broker behind plain data types.
//!
//! Which topic class rides on which connection:
//!
//! | connection | topics | session and QoS | when full |
//! |---|---|---|---|
//! | `telemetry` | `thing/product/+/{osd,state}`; `$SYS` statistics and the broker's client log | clean, QoS 0 | oldest dropped and counted |
//! | `events` | `thing/product/+/{events,requests,services_reply,property/set_reply,drc/up}`, `sys/product/+/status` | persistent, QoS 1, acknowledged by the reader after handling | cannot overflow: the receive maximum makes the broker hold back |
//! | `commands` | publishes only: services, property set, replies, `$CONTROL` (and its answers) | clean, QoS 1 with message expiry | the caller is refused |
//!
//! Partial OSD messages of one topic are told one by one: merging them is the twin's work.
//! Retained messages of devices are not asked for, because old words would look alive.
//!
//! # What is never done
//! - A command is never sent twice and never late. Each connection gets a new MQTT client, so that
//!   nothing queued or unacknowledged outlives the connection it was meant for; what was under
//!   way is told once, as [`SendFate::Lost`] (nobody knows) or [`SendFate::NotSent`].
//! - A command is not queued while the broker is away. A counter-action is, until it expires.
//! - Nothing waits in a handle: every call returns at once. Nothing blocks the poll tasks.
//! - A broker cannot make us late either: what is left of a command's life goes along as message
//!   expiry, in whole seconds, less one second for Mosquitto's clock granularity; under two
//!   seconds a command goes out at QoS 0, which no broker stores, and [`SendFate::Sent`] is then
//!   its last fate.
//!
//! An event that was not acknowledged comes again after a reconnect: readers see it at least once.
//! [`SendFate::Delivered`] means that the broker has it for a subscriber, not that a dock does.
//! Read next: `outbox` (the machine behind the commands connection), `inbox` (every bound),
//! `session` (reconnecting), `line` (TLS, and why unsent commands die with their connection).

mod broker_log;
mod config;
mod event;
mod handle;
mod inbox;
mod line;
mod outbox;
mod receive;
mod route;
mod send;
mod session;
mod tls;

pub use broker_log::STATISTICS;
pub use config::{AddressError, BrokerAddress, MqttConfig};
pub use event::{AckToken, BrokerNotice, CommandPublish, LinkEvent, SendFate, SendRefused};
pub use handle::{Clock, LinkEvents, LinkHandle, LinkStats, start};
pub use tls::TlsFiles;
