//! Pure state machines of the tower: everything that can hurt is decided here.
//!
//! A [`dock::DockMachine`] owns one dock and its aircraft: presence, twins, commands, the mission.
//! It is given what happened and the time it happened, and gives back what is to be done; it knows
//! no clock, socket, file or random source (ids come from a seeded generator). The shell around it
//! is in the `gwanje` crate. Read next: [`io`] for what goes in and out, [`command`] for the life
//! of a command.
#![forbid(unsafe_code)]

pub mod alarm;
pub mod authority;
pub mod command;
pub mod conditions;
pub mod dispatch;
pub mod dock;
pub mod drc;
pub mod drift;
pub mod fault;
pub mod interlock;
pub mod io;
pub mod journal;
pub mod lease;
pub mod machine;
pub mod mission;
pub mod multi_dock;
pub mod mutant;
pub mod overlap;
pub mod preflight;
pub mod recorder;
pub mod schedule;
pub mod session;
pub mod spec;
pub mod twin;
