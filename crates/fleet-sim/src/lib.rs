//! Simulated DJI Dock 2 fleets: pure device models and a runner that puts them on real MQTT.
//!
//! [`model`] holds what a dock with its Matrice 3TD does, as a machine without clock, socket or
//! global randomness; swarm tests drive it directly. [`runner`] gives each model a TCP connection of
//! its own. Docks here read and build raw JSON by themselves and never through the tower's own
//! codec, so that a reading mistake of the tower is not repeated by its test partner; the facts
//! digest in `tests/` holds them to the documentation instead.
//!
//! It refuses to be kinder than hardware: commands are not de-duplicated by `tid`, a command that
//! was executed may go unanswered, and a dock obeys whatever the broker delivers, however late.
//!
//! Read next: [`model::DockModel`], [`runner::SimFleet`], [`faults`].

pub mod demo;
pub mod faults;
pub mod identity;
pub mod model;
pub mod photo;
pub mod runner;

pub use demo::demo_mission;
pub use faults::{DockFaults, FAULTS_HELP, FaultError, FaultPlan};
pub use identity::{DockIdentity, Region, RegionError, identities, identities_in};
pub use model::{
    DockModel, GroundTruth, Input, KnownFile, ModelConfig, Now, Output, Qos, TelemetryRate,
};
pub use runner::{Credentials, MqttVersion, SimConfig, SimError, SimFleet, SimReport, Tap, run};
