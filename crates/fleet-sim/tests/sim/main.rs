//! The simulator held to the documentation, in virtual time and on a real broker.
#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod broker;
mod cloud;
mod facts;
mod lab;
mod machine;
mod missions;
mod trouble;
