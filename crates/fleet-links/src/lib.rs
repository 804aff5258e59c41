//! Edges to devices: the tower's MQTT link, the private broker's files, and the broker's
//! administration at run time.
//!
//! It refuses to understand what devices say (that is `dji-cloud` and `fleet-core`), to start a
//! process (the binary does), to start a thread or ask the OS resolver, and to send a command
//! twice or late. No type of the MQTT library leaks out. Read next: [`mqtt`] for which topic class
//! rides on which connection, [`mosquitto`] for the broker's configuration, [`dynsec`] for what a
//! dock may publish.

pub mod dynsec;
pub mod mosquitto;
pub mod mqtt;
pub mod pki;
pub mod resolve;
mod secret;

pub use secret::{Secret, new_password};
