//! The link against a real Mosquitto on loopback, started and killed by the tests. Needs Debian's
//! `mosquitto` package.

mod administration;
mod commands;
mod connecting;
mod receiving;
mod support;
