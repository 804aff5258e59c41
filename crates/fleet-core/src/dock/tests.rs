//! A dock's machine against a dock played in raw JSON, in virtual time.
//!
//! [`rig`] plays the dock, the journal and the link, and asserts after every output what must
//! always hold. The dock's messages are written by hand from the documentation and never by our
//! own encoders, so that a reading mistake is not repeated in the test.

mod bring_up;
mod commands;
mod evidence;
mod hostile;
mod invariants;
mod limits;
mod missions;
mod others;
mod records;
mod repeats;
mod restored;
mod rig;
mod rights;
mod silence;
mod telemetry;
mod waiting;
