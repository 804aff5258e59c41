//! Who commands a device, as it is asked for, told and put on record. Decided by
//! `fleet_core::authority`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{DeviceSn, RequestId},
    reason::Reason,
    time::WallMs,
};

/// What kind of commander, lowest rank first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A rule of the tower.
    Rule,
    /// A plan that starts missions at their time.
    Scheduler,
    /// A person at a console.
    Operator,
    /// A person who flies, at the sticks or on site.
    Pilot,
}

/// Who commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holder {
    /// Name on record.
    pub who: String,
    /// Kind.
    pub kind: Kind,
}

impl Holder {
    /// Whether this is the same one: a role that changed makes nobody another.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.who == other.who
    }
}

/// What is commanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Dock and flight.
    Flight,
    /// Cameras and other payloads.
    Payload,
}

/// A lease as it is shown and put on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lease {
    /// Who.
    pub holder: Holder,
    /// Fencing number.
    pub fence: u64,
    /// Asked for, so that others are kept out.
    pub is_explicit: bool,
    /// Since when.
    pub since_ms: WallMs,
}

/// Why the holder changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It came with a command.
    Commanded,
    /// Somebody asked for it.
    Taken,
    /// The holder gave it to another.
    HandedOver {
        /// Who gave it.
        by: Holder,
    },
    /// Somebody of higher rank, or a supervisor, took it.
    TakenOver {
        /// From whom.
        from: Holder,
        /// Why, in their words.
        note: String,
    },
    /// The holder gave it back.
    Released,
    /// The holder was silent for too long.
    Silent {
        /// Who.
        from: Holder,
        /// Whether they had asked for it.
        was_explicit: bool,
    },
}

/// A change of holder, for record and bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// When.
    pub at_ms: WallMs,
    /// Of what.
    pub scope: Scope,
    /// Who has it now, if anybody.
    pub lease: Option<Lease>,
    /// Why.
    pub change: Change,
}

/// Somebody asks the holder for the authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// Of what.
    pub scope: Scope,
    /// Who.
    pub by: Holder,
    /// Why, in their words; may be empty.
    pub note: String,
    /// Since when.
    pub since_ms: WallMs,
}

/// Who has the authority over a device, and who asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct DeviceAuthority {
    /// Over dock and flight; nobody where it is missing.
    pub flight: Option<Lease>,
    /// Over cameras and other payloads.
    pub payload: Option<Lease>,
    /// Who asks the holder for it, oldest first.
    pub asked: Vec<Asked>,
}

/// What somebody wants of the authority over a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthorityAction {
    /// To have it, where nobody asked for it before or everybody else ranks lower.
    Take,
    /// To have it from whoever has it, by rank.
    TakeOver {
        /// Why; kept on record.
        note: String,
    },
    /// To be given it by whoever has it.
    Ask {
        /// Why; shown to the holder, may be empty.
        #[serde(default)]
        note: String,
    },
    /// To be given it no longer.
    Withdraw,
    /// The holder gives it to somebody who asked.
    HandOver {
        /// To whom, as the asking names them.
        to: String,
    },
    /// The holder will not give it to somebody who asked.
    Keep {
        /// To whom.
        from: String,
    },
    /// The holder is still there.
    Renew {
        /// Number of the lease.
        fence: u64,
    },
    /// The holder gives it back.
    Release,
}

/// A request about the authority. Bus topic `AuthorityRequest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityRequest {
    /// Names the answer.
    pub request_id: RequestId,
    /// Dock.
    pub sn: DeviceSn,
    /// Over what.
    pub scope: Scope,
    /// Who asks.
    pub by: Holder,
    /// Whether they are a supervisor at its site: take over from anybody.
    pub is_supervisor: bool,
    /// For what.
    pub action: AuthorityAction,
}

/// How a request ended. Bus topic `AuthorityAnswer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityAnswer {
    /// The request.
    pub request_id: RequestId,
    /// Dock.
    pub sn: DeviceSn,
    /// Why nothing changed, if it was refused.
    pub refused: Option<Reason>,
    /// As it stands now.
    pub authority: DeviceAuthority,
}

/// The holder changed. Bus topic `AuthorityChange`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityChange {
    /// Dock.
    pub sn: DeviceSn,
    /// What changed.
    pub changed: Changed,
}
