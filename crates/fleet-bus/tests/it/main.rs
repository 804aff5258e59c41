//! The wire against itself and against Eclipse Cyclone DDS, over real sockets.
//!
//! Every test has a DDS domain of its own. Every wait is for a condition, with a generous bound.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
#![allow(clippy::print_stderr, reason = "a failed test shows what the other program said")]

mod conformance;
mod cyclone;
mod fleet;
mod idl;
mod outages;
mod strangers;
mod views;
