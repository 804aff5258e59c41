//! What goes on record: every command before it leaves, every outcome after.
//!
//! The store is behind the shell ([`crate::io::Output::Journal`]); this module only says what a
//! record is. A record never holds a credential: addresses of files are left out.

use fleet_types::{
    CommandId, CommandState, DeviceSn, MissionId, Reason, RequestId, TraceId, WallMs,
    command::{ResolvedOutcome, Subject},
    mission::Verdict,
};
use serde::{Deserialize, Serialize};

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was decided.
    pub at_ms: WallMs,
    /// Dock it concerns.
    pub sn: DeviceSn,
    /// Flow.
    pub trace_id: TraceId,
    /// What.
    pub entry: Entry,
}

/// What is on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A command is about to leave (a counter-action: has left).
    Command {
        /// Identity and `tid`.
        command_id: CommandId,
        /// Caller's request.
        request_id: RequestId,
        /// DJI method.
        method: String,
        /// DJI data, addresses left out.
        data: serde_json::Value,
        /// Caller's key.
        idempotency_key: String,
        /// Who asked.
        issued_by: String,
        /// Mission it belongs to.
        mission_id: Option<MissionId>,
        /// Not sent after this.
        expires_ms: WallMs,
        /// Sent first, recorded after.
        counter_action: bool,
    },
    /// A command reached a state worth keeping.
    CommandOutcome {
        /// Which.
        command_id: CommandId,
        /// State.
        state: CommandState,
        /// Why.
        reason: Option<Reason>,
    },
    /// A person settled a command or a mission.
    Resolved {
        /// Which.
        subject: Subject,
        /// What they found.
        outcome: ResolvedOutcome,
        /// In their words.
        note: String,
        /// Who.
        resolved_by: String,
    },
    /// A mission was taken.
    Mission {
        /// Identity and `flight_id`.
        mission_id: MissionId,
        /// Caller's request.
        request_id: RequestId,
        /// File.
        wayline_id: fleet_types::id::WaylineId,
        /// Its MD5.
        file_md5: String,
        /// Caller's key.
        idempotency_key: String,
        /// Who asked.
        issued_by: String,
    },
    /// A mission ended.
    MissionOutcome {
        /// Which.
        mission_id: MissionId,
        /// How.
        verdict: Verdict,
        /// Why.
        reason: Option<Reason>,
    },
}
