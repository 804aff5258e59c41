//! People: their accounts, sessions, and the roles they have at sites.
//!
//! What travels between the store, the wiring and the API. Passwords and tokens are [`Secret`]s or
//! digests here; neither is ever serialised.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{id::DeviceSn, rights::Permission, secret::Secret, time::WallMs};

/// The site of everything that nobody put elsewhere.
pub const DEFAULT_SITE: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0002);

/// The most bytes of a password: bcrypt reads no more.
pub const PASSWORD_MAX_BYTES: usize = 72;
/// The fewest characters of a password.
pub const PASSWORD_MIN_CHARS: usize = 10;
const EMAIL_MAX_BYTES: usize = 254;

/// An e-mail address as accounts are kept under: trimmed, lower-case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Email(String);

/// Why a text names no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an e-mail address has the form name@host, at most 254 bytes")]
pub struct BadEmail;

impl Email {
    /// Reads an address. Whether it exists is not asked.
    ///
    /// # Errors
    /// [`BadEmail`] for what cannot be one.
    pub fn new(text: &str) -> Result<Self, BadEmail> {
        let text = text.trim().to_lowercase();
        let (name, host) = text.split_once('@').ok_or(BadEmail)?;
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && !",;:<>\"()@".contains(c);
        let fits = |part: &str| !part.is_empty() && part.chars().all(plain);
        if text.len() > EMAIL_MAX_BYTES || !fits(name) || !fits(host) {
            return Err(BadEmail);
        }
        Ok(Self(text))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Easily guessed.
    #[error("a password has at least {PASSWORD_MIN_CHARS} characters")]
    Short,
    /// bcrypt would pass over the rest.
    #[error("a password has at most {PASSWORD_MAX_BYTES} bytes")]
    Long,
    /// The database takes no such character.
    #[error("a password holds no NUL character")]
    Nul,
}

/// Whether a new password may be one.
///
/// # Errors
/// [`BadPassword`].
pub fn check_password(password: &Secret) -> Result<(), BadPassword> {
    let text = password.expose();
    if text.len() > PASSWORD_MAX_BYTES {
        return Err(BadPassword::Long);
    }
    if text.contains('\0') {
        return Err(BadPassword::Nul);
    }
    if text.chars().count() < PASSWORD_MIN_CHARS {
        return Err(BadPassword::Short);
    }
    Ok(())
}

/// What somebody is at a site.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SiteRole {
    /// Looks.
    Viewer,
    /// Flies missions and commands docks.
    Operator,
    /// Also flies by hand.
    Pilot,
    /// Works on docks and aircraft: debugging, firmware.
    Engineer,
    /// Answers for the site: people, rights, docks, and all of the above.
    Administrator,
}

impl SiteRole {
    /// All of them, least first.
    pub const ALL: [Self; 5] =
        [Self::Viewer, Self::Operator, Self::Pilot, Self::Engineer, Self::Administrator];

    /// As it is written in the database and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Pilot => "pilot",
            Self::Engineer => "engineer",
            Self::Administrator => "administrator",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A role at a site, or at every site of the organisation.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The role.
    pub role: SiteRole,
    /// The site; none: all.
    #[serde(default)]
    pub site_id: Option<Uuid>,
}

/// An account of the embedded sign-in.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its identity.
    pub account_id: Uuid,
    /// Its name.
    pub email: Email,
    /// What its owner says of themselves; nothing is ever decided by it.
    pub user_metadata: Value,
    /// When it was made.
    pub created_ms: WallMs,
    /// When it was changed last.
    pub updated_ms: WallMs,
    /// When somebody last signed in to it.
    pub last_sign_in_ms: Option<WallMs>,
    /// Since when nobody may.
    pub disabled_ms: Option<WallMs>,
}

/// A session of an account: one browser, one program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountSession {
    /// Its identity; no credential.
    pub session_id: Uuid,
    /// When it began.
    pub created_ms: WallMs,
    /// When it was last gone on with.
    pub refreshed_ms: WallMs,
    /// The address it began from.
    pub address: Option<String>,
    /// The program it began in, as it calls itself.
    pub user_agent: Option<String>,
}

/// Whence a session begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOrigin {
    /// Address of the peer.
    pub address: String,
    /// What the program calls itself, shortened.
    pub user_agent: String,
}

/// SHA-256 of a refresh token.
pub type TokenHash = [u8; 32];

/// What came of a refresh token.
#[derive(Clone, Debug, PartialEq)]
pub enum Refreshed {
    /// It was good, and is used up; the next one is in force.
    Next {
        /// Whose.
        account: Box<Account>,
        /// Of which session.
        session_id: Uuid,
    },
    /// Nobody knows it.
    Unknown,
    /// Its session is over, or its account disabled.
    Over,
    /// It was used before: somebody has a copy. Its session is over from now on.
    Reused {
        /// Which session.
        session_id: Uuid,
    },
}

/// Which sessions are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every one of the account.
    All,
    /// This one.
    One(Uuid),
    /// All but this one.
    Others(Uuid),
}

/// A token of a program: what it may, where, until when. Never the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MachineToken {
    /// Its identity; no credential.
    pub token_id: Uuid,
    /// Its name: of those that work no two have the same.
    pub name: String,
    /// How the token begins, to tell it from others.
    pub prefix: String,
    /// SHA-256 of the token.
    #[serde(skip)]
    pub hash: TokenHash,
    /// Who made it, where somebody with an account did: it may what they may at most, and falls with
    /// their account.
    pub account_id: Option<Uuid>,
    /// Who made it, in words.
    pub made_by: String,
    /// What it may.
    pub permissions: BTreeSet<Permission>,
    /// At these sites; none: at all.
    pub site_ids: Option<BTreeSet<Uuid>>,
    /// When it was made.
    pub created_ms: WallMs,
    /// When it ends.
    pub expires_ms: WallMs,
    /// When it was used last, to the minute.
    pub last_used_ms: Option<WallMs>,
    /// Since when it is revoked.
    pub revoked_ms: Option<WallMs>,
}

/// A token to be kept.
#[derive(Clone, Debug)]
pub struct NewMachineToken {
    /// Its name.
    pub name: String,
    /// How it begins.
    pub prefix: String,
    /// SHA-256 of it.
    pub hash: TokenHash,
    /// Who makes it.
    pub account_id: Option<Uuid>,
    /// Who makes it, in words.
    pub made_by: String,
    /// What it may.
    pub permissions: BTreeSet<Permission>,
    /// Where.
    pub site_ids: Option<BTreeSet<Uuid>>,
    /// Until when.
    pub expires_ms: WallMs,
}

/// What is to be changed of an account; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// A new name.
    pub email: Option<Email>,
    /// A new password.
    pub password: Option<Secret>,
    /// Merged into what is there, member by member.
    pub user_metadata: Option<Value>,
    /// Whether nobody may sign in any more. Disabling ends every session.
    pub is_disabled: Option<bool>,
}

/// What a person has in the tower.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The account's name, where the accounts are ours.
    pub email: Option<Email>,
    /// Nobody may use it.
    pub is_disabled: bool,
    /// Roles, at sites.
    pub memberships: BTreeSet<Membership>,
}

/// Who may what, as it was last read; the tower decides by it without asking the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Grows with every change.
    pub revision: i64,
    /// By the id in the token.
    pub people: BTreeMap<Uuid, Standing>,
    /// Sessions that ended while a token of theirs may still be about.
    pub ended_sessions: BTreeSet<Uuid>,
    /// Tokens of programs that were not revoked, by their digest.
    pub tokens: BTreeMap<TokenHash, MachineToken>,
    /// Names of sites.
    pub sites: BTreeMap<Uuid, String>,
    /// Devices of other sites than [`DEFAULT_SITE`].
    pub devices: BTreeMap<DeviceSn, Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_in_one_form() {
        let check = |text: &str, expect: Option<&str>| {
            let email = Email::new(text).ok();
            assert_eq!(email.as_ref().map(Email::as_str), expect, "{text:?}");
        };
        check(" Kim@Example.KR ", Some("kim@example.kr"));
        check("김@예.한국", Some("김@예.한국"));
        for bad in ["", "kim", "@x", "kim@", "a@b@c", "a b@c", "a\0@c", "<a>@b", "a,b@c"] {
            check(bad, None);
        }
        check(&format!("{}@b", "a".repeat(253)), None);
    }

    #[test]
    fn a_password_is_read_whole_or_not_at_all() {
        let check = |text: &str| check_password(&Secret::new(text));
        assert_eq!(check("correct horse"), Ok(()));
        assert_eq!(check(&"x".repeat(72)), Ok(()));
        assert_eq!(check(&"x".repeat(73)), Err(BadPassword::Long));
        // 25 characters of three bytes.
        assert_eq!(check(&"암".repeat(25)), Err(BadPassword::Long));
        assert_eq!(check("ninechars"), Err(BadPassword::Short));
        assert_eq!(check("0123456789\0"), Err(BadPassword::Nul));
    }

    #[test]
    fn roles_have_one_name() {
        for role in SiteRole::ALL {
            assert_eq!(SiteRole::of_name(role.name()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        assert_eq!(SiteRole::of_name("admin"), None);
    }
}
