//! The one table of who may what: API, console and `docs/rights.md` all read it.
//!
//! A permission is for a site. What stops or brings home an aircraft ([`Permission::Stop`]) is
//! every role's that commands at the site, and is asked for nothing else.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{people::SiteRole, role::Role};

/// One kind of thing that can be done.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See devices, missions, alarms, the map and the live stream.
    View,
    /// Counter-actions: pause, hover, return home.
    Stop,
    /// Have a device for oneself: take, ask for, hand over and give back the authority over it.
    Authority,
    /// Fly missions: plan, start, resume, cancel; go on with a paused flight.
    Fly,
    /// Acknowledge and shelve alarms.
    Alarms,
    /// Say what became of a command or mission whose outcome is unknown.
    Settle,
    /// Fly in spite of a check before take-off; which checks, the checks themselves say.
    Override,
    /// Fly by hand.
    Manual,
    /// Remote debugging: covers, lights, charging; take a dock in and out of maintenance.
    Debug,
    /// Firmware.
    Firmware,
    /// Enrol and remove docks; make sites, and say which dock is at which.
    Docks,
    /// Accounts, roles and sessions of others.
    People,
    /// The tower's own state: metrics, readiness.
    System,
    /// How the tower itself works: what it writes to its log.
    Configure,
    /// Who did what: the audit.
    Audit,
}

use Permission::{
    Alarms, Audit, Authority, Configure, Debug as Debugging, Docks, Firmware, Fly, Manual,
    Override, People, Settle, Stop, System, View,
};

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// What.
    pub permission: Permission,
    /// In words, for people.
    pub what: &'static str,
    /// Who.
    pub roles: &'static [SiteRole],
}

const EVERYBODY: &[SiteRole] = &SiteRole::ALL;
const CREW: &[SiteRole] =
    &[SiteRole::Operator, SiteRole::Pilot, SiteRole::Engineer, SiteRole::Administrator];
const FLIERS: &[SiteRole] = &[SiteRole::Operator, SiteRole::Pilot, SiteRole::Administrator];
const PILOTS: &[SiteRole] = &[SiteRole::Pilot, SiteRole::Administrator];
const ENGINEERS: &[SiteRole] = &[SiteRole::Engineer, SiteRole::Administrator];
const ADMINISTRATORS: &[SiteRole] = &[SiteRole::Administrator];

/// The table: every permission once.
pub const TABLE: &[Right] = &[
    right(View, "see devices, missions, alarms, the map and the live stream", EVERYBODY),
    right(Stop, "counter-actions: pause, hover, return home", CREW),
    right(Authority, "take, ask for, hand over and give back the authority over a device", CREW),
    right(Fly, "missions: upload files, start, resume, cancel, go on after a pause", FLIERS),
    right(Alarms, "acknowledge and shelve alarms", CREW),
    right(Settle, "say what became of a command or mission that is unknown", CREW),
    right(Override, "fly in spite of a check before take-off", FLIERS),
    right(Manual, "fly by hand", PILOTS),
    right(Debugging, "remote debugging, maintenance", ENGINEERS),
    right(Firmware, "firmware", ENGINEERS),
    right(Docks, "enrol and remove docks; sites, and which dock is at which", ADMINISTRATORS),
    right(People, "accounts, roles and sessions of others", ADMINISTRATORS),
    right(System, "the tower's own state and metrics", CREW),
    right(Configure, "how the tower itself works: what it logs", ADMINISTRATORS),
    right(Audit, "see who did what", ADMINISTRATORS),
];

const fn right(permission: Permission, what: &'static str, roles: &'static [SiteRole]) -> Right {
    Right { permission, what, roles }
}

/// Whether a role has a permission.
#[must_use]
pub fn may(role: SiteRole, permission: Permission) -> bool {
    TABLE.iter().any(|right| right.permission == permission && right.roles.contains(&role))
}

/// What a role counts for where a check before take-off is overridden. Nobody with an account is
/// more than a supervisor, as nobody with a sign-in link is: checks of the tower's own facts
/// (clocks, stale telemetry) stay with whoever holds its machine.
#[must_use]
pub const fn override_role(role: SiteRole) -> Role {
    match role {
        SiteRole::Viewer => Role::Viewer,
        SiteRole::Operator | SiteRole::Pilot | SiteRole::Engineer => Role::Operator,
        SiteRole::Administrator => Role::Supervisor,
    }
}

/// The table in Markdown, as `docs/rights.md` has it.
#[must_use]
pub fn markdown() -> String {
    use std::fmt::Write as _;
    let mut text = String::from("| right | what |");
    for role in SiteRole::ALL {
        let _ = write!(text, " {} |", role.name());
    }
    text.push_str("\n|---|---|");
    text.push_str(&"---|".repeat(SiteRole::ALL.len()));
    for right in TABLE {
        let name = serde_json::to_value(right.permission).unwrap_or_default();
        let _ = write!(text, "\n| `{}` | {} |", name.as_str().unwrap_or_default(), right.what);
        for role in SiteRole::ALL {
            text.push_str(if right.roles.contains(&role) { " yes |" } else { " |" });
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_in_the_table_once_and_an_administrator_s() {
        let all = [
            View, Stop, Authority, Fly, Alarms, Settle, Override, Manual, Debugging, Firmware,
            Docks, People, System, Configure, Audit,
        ];
        let listed: Vec<_> = TABLE.iter().map(|right| right.permission).collect();
        assert_eq!(listed, all);
        for permission in all {
            assert!(may(SiteRole::Administrator, permission), "{permission:?}");
            // Whoever may do anything may see it.
            let also = |role| !may(role, permission) || may(role, View);
            assert!(SiteRole::ALL.into_iter().all(also), "{permission:?}");
        }
    }

    #[test]
    fn whoever_may_set_something_in_motion_may_stop_it() {
        for role in SiteRole::ALL {
            let moves = [Fly, Manual, Debugging].into_iter().any(|moving| may(role, moving));
            assert!(!moves || may(role, Stop), "{role:?}");
        }
        assert!(!may(SiteRole::Viewer, Stop));
    }

    #[test]
    fn no_account_overrides_more_than_a_sign_in_link_did() {
        for role in SiteRole::ALL {
            assert!(override_role(role) <= Role::Supervisor, "{role:?}");
            let overrides = override_role(role) > Role::Viewer;
            assert!(overrides || !may(role, Override), "{role:?}");
        }
    }

    #[test]
    fn the_document_has_the_table() {
        let document = include_str!("../../../docs/rights.md");
        assert!(document.contains(&markdown()), "docs/rights.md lacks this table:\n{}", markdown());
    }
}
