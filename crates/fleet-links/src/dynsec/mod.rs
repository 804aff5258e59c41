//! The broker's accounts at run time, over Mosquitto's dynamic-security plugin
//! (`$CONTROL/dynamic-security/v1`, Mosquitto 2.0).
//!
//! One dock is one client and one role, which never changes while it lives: Mosquitto
//! 2.0.11-1.2+deb12u2 disconnects a role's clients when its rights change. What depends on the
//! topology is in the access file beside it ([`crate::mosquitto::AircraftDocks`]). The plugin
//! writes every change to its file, so accounts outlive the broker; making what exists is no error
//! here.
//!
//! It refuses to own the link's event stream: give every [`crate::mqtt::LinkEvent::Control`] to
//! [`DynsecClient::on_response`]. Passwords go into payloads only, never into errors or logs.
//! Next: [`crate::mosquitto`], which writes the first file from the same lists.

mod acl;
mod client;
mod sessions;
mod table;

pub use acl::{Acl, AclKind, aircraft_acls, direct_control_acls, dock_acls, dock_role, tower_acls};
pub use client::{DynsecClient, DynsecError};
pub use sessions::{SESSIONS_MAX, SessionError, SessionLogin, SessionLogins};
pub use table::{Answer, PendingTable};

/// Where requests are published.
pub const REQUEST_TOPIC: &str = "$CONTROL/dynamic-security/v1";
/// Where answers come from.
pub const RESPONSE_TOPIC: &str = "$CONTROL/dynamic-security/v1/response";
