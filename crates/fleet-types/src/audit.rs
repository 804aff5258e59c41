//! The audit: who did what, from where, on which device, and what came of it.
//!
//! An entry is made once and never changed; the database chains entries by their digests. It holds no
//! password, token, key or address of a stream, ever: whoever makes one puts names in, not secrets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    command::ResponseCode,
    id::{DeviceSn, TraceId},
    time::WallMs,
};

/// The first hash of a chain follows on this.
pub const GENESIS: [u8; 32] = [0; 32];

/// Something that was done, or tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Identity: an entry that is written twice is kept once.
    pub id: Uuid,
    /// When it ended.
    pub at_ms: WallMs,
    /// Who: `user:kim@example.kr`, `token:<name>`, `session:<id>`, `token:api`, `tower`, `cli:<user>`.
    pub actor: String,
    /// The account behind it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Uuid>,
    /// Address it came from, where it came from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// What: `command.create`, `sign_in`, `roles.set`, ….
    pub action: String,
    /// What came of it.
    pub outcome: ResponseCode,
    /// Why not, as the answer had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// On which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sn: Option<DeviceSn>,
    /// At which site, where it is about no device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<Uuid>,
    /// The flow it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// The essentials, by name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub details: BTreeMap<String, Value>,
}

impl AuditEntry {
    /// An entry with a fresh identity, which went well.
    #[must_use]
    pub fn new(id: Uuid, at_ms: WallMs, actor: impl Into<String>, action: &str) -> Self {
        Self {
            id,
            at_ms,
            actor: actor.into(),
            account_id: None,
            peer: None,
            action: action.to_owned(),
            outcome: ResponseCode::Ok,
            code: None,
            sn: None,
            site_id: None,
            trace_id: None,
            details: BTreeMap::new(),
        }
    }

    /// The same with one more of the essentials.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// An entry in its place in the chain. The hashes are SHA-256, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChainedEntry {
    /// Its number: 1 is the first, none is left out.
    pub seq: i64,
    /// Of the entry before.
    pub prev_hash: String,
    /// Over the hash before, the number (8 bytes, big-endian) and [`Self::content`] (UTF-8).
    pub hash: String,
    /// The entry as it was written, JSON: what the hash is over.
    pub content: String,
}

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditHead {
    /// Number of the last entry; 0 without any.
    pub seq: i64,
    /// Its hash, hexadecimal.
    pub hash: String,
}

/// What is asked of the audit; what is absent does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// From this time on.
    pub from_ms: Option<WallMs>,
    /// Before this time.
    pub until_ms: Option<WallMs>,
    /// Of this actor, to the letter.
    pub actor: Option<String>,
    /// On this device.
    pub sn: Option<DeviceSn>,
    /// This action, or every one that begins with it and a dot.
    pub action: Option<String>,
    /// With this outcome.
    pub outcome: Option<ResponseCode>,
    /// Before this number.
    pub before: Option<i64>,
    /// At the most, newest first.
    pub limit: u16,
}

/// What a check of the chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditVerdict {
    /// Whether every entry is what was written, in its place.
    pub ok: bool,
    /// Entries looked at.
    pub checked: i64,
    /// Where the chain ends.
    pub head: AuditHead,
    /// The first entry at fault.
    pub fault_at: Option<i64>,
    /// What is the matter with it, in a sentence.
    pub fault: Option<String>,
}
