//! The running program: the real binary with its real Mosquitto, and simulated docks that know what
//! they truly did.
//!
//! [`site`] starts a whole `gwanje up` in a directory of its own, [`docks`] enrols simulated docks
//! over its API and runs them inside the test. Nothing here sleeps for a fixed time in the hope
//! that something happened: every wait is for a condition, with a generous bound. What takes
//! minutes runs with `GWANJE_LONG=1`.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
#![allow(clippy::print_stderr, reason = "a failed test shows the log of its processes")]

mod access;
mod audit;
mod authority;
mod bring_up;
mod chaos;
mod cli;
mod cluster;
mod commands;
mod database;
mod dds;
mod demo;
mod docks;
mod flights;
mod hostile;
mod http;
mod identity;
mod interlocks;
mod lasting;
mod logs;
mod long_absence;
mod missions;
mod objects;
mod outages;
mod overload;
mod people;
mod proc;
mod processes;
mod raw_dock;
mod reconnecting;
mod rights;
mod schedules;
mod site;
mod split;
mod threads;
mod tower_death;
