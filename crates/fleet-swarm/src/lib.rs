//! The swarm: whole fleets simulated from a seed, to break the tower's machines before the world does.
//!
//! A [`world::World`] holds towers with the machines of `fleet-core`, docks with the device models of
//! `fleet-sim`, and between them a network, a broker, a database and people, all of which misbehave
//! as the seed says. They speak raw JSON, so that the real reading and writing runs. [`checks`] hold
//! everything that happens against the simulated truth. There is no clock, no socket and no chance
//! but the seed's: the same seed gives the same trace. Nothing here is ever shipped.
//!
//! Read next: `docs/swarm.md`, [`plan`], [`world`], [`checks`].
#![forbid(unsafe_code)]

pub mod arena;
pub mod checks;
pub mod facts;
pub mod kit;
pub mod net;
pub mod plan;
pub mod queue;
pub mod run;
pub mod site;
pub mod store;
pub mod tower;
pub mod trace;
pub mod world;
