//! The Gwanje binary's parts: configuration, wiring, supervision, the command line.
//!
//! This is the only crate that sees all layers: components know the bus, and only [`tower`] knows
//! the components. It holds no decision about a device; those are in `fleet-core`. It refuses
//! `unsafe` code and threads: every process here is one event loop. Read next: [`cli`] for what a
//! person may ask, [`tower`] for the wiring, [`children`] for the processes.

pub mod alarm_texts;
pub mod ca;
pub mod children;
pub mod cli;
pub mod client;
pub mod config;
pub mod data_dir;
pub mod database;
pub mod logging;
pub mod objects;
pub mod secret;
pub mod stall;
pub mod terminal;
pub mod thumbnail;
pub mod tower;

// Planted defects are for the swarm alone: with them this crate does not compile.
const _: () = assert!(!fleet_core::mutant::PLANTABLE, "the binary must not be built with mutants");
