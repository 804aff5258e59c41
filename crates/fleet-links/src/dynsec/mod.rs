//! The broker's accounts at run time, over Mosquitto's dynamic-security plugin
//! (`$CONTROL/dynamic-security/v1`, Mosquitto 2.0).
//!
//! One dock is one client and one role of the same name. What a dock's aircraft may say is added
//! to and taken from the role (`addRoleACL`, `removeRoleACL`), which disconnects nobody; adding a
//! role to a client would. The plugin writes every change to its file at once, so accounts
//! outlive the broker; making what exists already is therefore no error here.
//!
//! It refuses to own the link's event stream: give every [`crate::mqtt::LinkEvent::Control`] to
//! [`DynsecClient::on_response`]. Passwords go into payloads only, never into errors or logs.
//! Next: [`crate::mosquitto`], which writes the first file from the same lists.

mod acl;
mod client;
mod table;

pub use acl::{Acl, AclKind, aircraft_acls, dock_acls, dock_role, tower_acls};
pub use client::{DynsecClient, DynsecError};
pub use table::{Answer, PendingTable};

/// Where requests are published.
pub const REQUEST_TOPIC: &str = "$CONTROL/dynamic-security/v1";
/// Where answers come from.
pub const RESPONSE_TOPIC: &str = "$CONTROL/dynamic-security/v1/response";
