//! The link against a real Mosquitto on loopback, started and killed by the tests. Needs Debian's
//! `mosquitto` package.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests and their support")]

mod administration;
mod commands;
mod connecting;
mod faults;
mod identity;
mod proxy;
mod receiving;
mod sessions;
mod support;
