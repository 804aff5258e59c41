//! The spool: where batches go while the database is away, of last resort.
//!
//! An append-only log on disk, written by a child process ([`child`]), because `fsync` on our loop
//! would stall every dock; the tower holds a [`SpoolClient`]. Every frame carries a length, a
//! checksum and a number; a tail that was torn by a crash is cut off at the next start; what was
//! replayed is deleted by whole segments, and a batch that is replayed twice is written once
//! because the database knows its number. The size is bounded: telemetry is refused first.

pub mod child;
mod client;
mod frame;
mod log;

pub use client::{Kept, SpoolClient, SpoolError};
pub use log::{Found, Log, LogError};
