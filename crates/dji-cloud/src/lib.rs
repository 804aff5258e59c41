//! The DJI Cloud API for docks on the wire: topics, envelope, messages, error codes.
//!
//! Pure: bytes in, types out, and back. No clock, no I/O, no async, no unsafe code. It decodes
//! tolerantly (nothing that a device sends beyond or against the documentation fails a message;
//! all of it is reported as [`drift`]) and encodes strictly (what DJI bounds is checked first, see
//! [`check`]). It never judges what *should* be sent; [`method`] only says what a method is.
//!
//! Read on: [`message::decode`] for the way in, [`encode`] for the way out, [`device`] for
//! telemetry, [`leaf`] for merging it. Documentation version 1.11.3 of the Cloud API; what comes
//! from newer versions is marked so and unproven.
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod airsense;
pub mod call;
pub mod check;
pub mod cloud_reply;
pub mod cmd;
pub mod config;
pub mod coverage;
pub mod device;
pub mod dock1;
pub mod drc;
pub mod drc_link;
pub mod drift;
pub mod encode;
pub mod envelope;
pub mod error_code;
pub mod event;
pub mod few;
mod fields;
pub mod file;
pub mod firmware;
pub mod flight_area;
pub mod flysafe;
pub mod hms;
pub mod hms_text;
pub mod hot;
mod json;
mod keys;
pub mod leaf;
pub mod lenient;
pub mod live;
pub mod log;
mod macros;
pub mod message;
pub mod method;
mod method_enum;
pub mod newer;
pub mod organization;
pub mod property;
pub mod psdk;
pub mod rc_pro;
pub mod remote_control;
pub mod reply;
pub mod report;
pub mod secret;
pub mod text;
pub mod topic;
pub mod wayline;
mod wayline_codes;

pub use call::Call;
pub use check::CallError;
pub use device::{
    decode_osd_aircraft, decode_osd_dock, decode_state_aircraft, decode_state_dock, looks_like_dock,
};
pub use drc_link::{DrcDown, DrcUp};
pub use envelope::{DecodeError, Envelope, Ids, Limits, decode_envelope};
pub use leaf::{LeafKind, LeafRef, LeafSpec, Leaves};
pub use message::{Event, Message, Packet, Request, decode};
pub use method::{MethodSpec, spec};
pub use reply::{Answer, JobStatus, ResultCode, Verdict};
pub use report::{Report, decode_report};
pub use secret::Secret;
pub use text::Text;
pub use topic::{Topic, TopicKind};
