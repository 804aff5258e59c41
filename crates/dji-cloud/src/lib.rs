//! The DJI Cloud API for docks on the wire: topics, envelope, messages, error codes.
#![forbid(unsafe_code)]

pub mod device;
pub mod drift;
pub mod envelope;
pub mod leaf;
pub mod lenient;
pub mod live;
mod macros;
pub mod secret;
pub mod text;
pub mod topic;
