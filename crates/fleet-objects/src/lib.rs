//! The object store of a site: S3 on the wire, files on the disk, for docks' media.
//!
//! It serves one bucket. A dock gets short-lived credentials for its own prefix ([`keys`]) and can do
//! nothing outside it; the tower reads everything and is the only one who deletes. Objects are plain
//! files under their keys, written aside, synced and renamed, so that what was answered is there
//! ([`files`]); large ones come in parts ([`uploads`]).
//!
//! It reads and writes files on its one thread, in bounded steps: it is made to be a process of its
//! own, which nothing but uploads and downloads waits for (ADR 0024). It refuses to hold objects in
//! memory, and to go below the disk's floor or over a dock's quota. S3's wire is `s3s`'s ([`s3`]).

pub mod files;
pub mod keys;
mod name;
mod s3;
pub mod serve;
pub mod uploads;

pub use files::{Files, Limits, StoreError};
pub use keys::{Holder, Issued, MasterKey};

/// The one bucket, whose name means nothing.
pub const BUCKET: &str = "gwanje";
/// The one region, of which clients want to be told.
pub const REGION: &str = "us-east-1";
