//! People with accounts: who brings a token, and what they may where.
//!
//! A token proves who; what they may is never in it: the [`Directory`] says that, read from the
//! database by the wiring and kept here, so that a call costs no query, a change is in force on open
//! sockets too, and a database that is away stops nobody from stopping an aircraft. It refuses to
//! decide anything before the directory was read once. Read next: [`jwt`], [`keys`], [`gate`].

pub(crate) mod gate;
pub(crate) mod jwt;
pub(crate) mod keys;
pub(crate) mod machine;
pub(crate) mod scope;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fleet_types::{
    DeviceSn, Role, Secret, WallMs,
    people::{
        Account, AccountChange, AccountSession, DEFAULT_SITE, Directory, Email, Ending,
        MachineToken, Membership, NewMachineToken, Refreshed, SessionOrigin, SiteRole, Standing,
        TokenHash,
    },
    rights::{self, Permission},
};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::now_ms;
pub use jwt::{BadKey, Signer};
use jwt::{Claims, Refused, Token};
pub use keys::{SignIn, SupabaseKeys};

/// Life of an access token, seconds; clients renew theirs before.
pub(crate) const ACCESS_LIFE_S: i64 = 3600;
/// While the database is away nobody can renew: tokens that were good go on for so long.
const AWAY_LIFE_S: i64 = 12 * 3600;

/// Why something could not be done with accounts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// Another account has the name.
    #[error("another account has this e-mail address")]
    Taken,
    /// Another token has the name.
    #[error("another token that works has this name")]
    TokenTaken,
    /// The database could not be asked; in words.
    #[error("accounts cannot be read now: {0}")]
    Unavailable(String),
}

type Answer<'a, T> = BoxFuture<'a, Result<T, AccountError>>;

/// Keeps accounts and roles. Whatever changes who may what is in the directory when it answers.
pub trait Accounts: Send + Sync {
    /// The account, if the password is its own. Takes a fifth of a second of another process.
    fn by_password(&self, email: Email, password: Secret) -> Answer<'_, Option<Account>>;
    /// Opens a session with its first refresh token; none where the account is disabled.
    fn open(&self, id: Uuid, token: TokenHash, from: SessionOrigin) -> Answer<'_, Option<Uuid>>;
    /// Uses a refresh token up; the next one is in force.
    fn refresh(&self, token: TokenHash, next: TokenHash) -> Answer<'_, Refreshed>;
    /// Ends sessions.
    fn end(&self, id: Uuid, ending: Ending, why: &'static str) -> Answer<'_, ()>;
    /// Sessions that go on.
    fn sessions(&self, id: Uuid) -> Answer<'_, Vec<AccountSession>>;
    /// One account.
    fn get(&self, id: Uuid) -> Answer<'_, Option<Account>>;
    /// Every account.
    fn list(&self) -> Answer<'_, Vec<Account>>;
    /// Makes one.
    fn create(&self, email: Email, password: Option<Secret>, said: Value) -> Answer<'_, Account>;
    /// Changes one; a new password ends its sessions but `keeps`.
    fn change(&self, id: Uuid, change: AccountChange, keeps: Option<Uuid>) -> Answer<'_, Account>;
    /// Makes a token of a program.
    fn make_token(&self, new: NewMachineToken) -> Answer<'_, MachineToken>;
    /// Every token, the revoked ones too.
    fn tokens(&self) -> Answer<'_, Vec<MachineToken>>;
    /// Revokes one; false where it was over.
    fn revoke_token(&self, id: Uuid, by: String) -> Answer<'_, bool>;
    /// Makes a site.
    fn make_site(&self, name: String) -> Answer<'_, Uuid>;
    /// Renames one; false where there is none.
    fn rename_site(&self, id: Uuid, name: String) -> Answer<'_, bool>;
    /// Puts a dock with its aircraft at a site; false where the database knows no such dock.
    fn move_dock(&self, sn: DeviceSn, aircraft: Vec<DeviceSn>, site: Uuid) -> Answer<'_, bool>;
    /// Gives roles in the place of those that were.
    fn set_roles(&self, id: Uuid, roles: BTreeSet<Membership>, by: String) -> Answer<'_, ()>;
}

/// Somebody with an account, as their token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their account.
    pub id: Uuid,
    /// The session that the token belongs to.
    pub session_id: Uuid,
    /// How records call them.
    pub name: String,
    /// When the token ends, where nobody tells us of the session's end.
    pub(crate) until: Option<WallMs>,
}

/// What is told of who signs in where; no secret.
#[derive(Serialize)]
pub(crate) struct Way {
    pub(crate) mode: &'static str,
    pub(crate) url: Option<String>,
    pub(crate) anon_key: Option<String>,
}

#[derive(Default)]
struct Known {
    directory: Option<Arc<Directory>>,
    is_away: bool,
}

/// Everybody who may sign in by account. Clones share it.
#[derive(Clone)]
pub struct People(Arc<Inner>);

struct Inner {
    keys: keys::Keys,
    accounts: Option<Arc<dyn Accounts>>,
    known: Mutex<Known>,
    gate: gate::Gate,
    uses: machine::Uses,
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").finish_non_exhaustive()
    }
}

impl People {
    /// By this way of signing in. `accounts`: where accounts and roles are kept; nowhere without a
    /// database.
    #[must_use]
    pub fn new(sign_in: SignIn, accounts: Option<Arc<dyn Accounts>>) -> Self {
        let keys = keys::Keys::new(sign_in);
        let (known, gate) = (Mutex::default(), gate::Gate::new());
        Self(Arc::new(Inner { keys, accounts, known, gate, uses: machine::Uses::default() }))
    }

    /// Nobody has an account.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new(SignIn::Nobody, None)
    }

    /// What the database says now.
    pub fn put(&self, directory: Directory) {
        let mut known = self.known();
        known.is_away = false;
        // An older reading may come after a newer one.
        let newer = known.directory.as_ref().is_none_or(|old| old.revision <= directory.revision);
        if newer {
            known.directory = Some(Arc::new(directory));
        }
    }

    /// What was read last still holds.
    pub fn database_is_there(&self) {
        self.known().is_away = false;
    }

    /// The database does not answer: what was read last holds.
    pub fn database_is_away(&self) {
        self.known().is_away = true;
    }

    /// The revision that was read last.
    #[must_use]
    pub fn revision(&self) -> Option<i64> {
        self.known().directory.as_ref().map(|directory| directory.revision)
    }

    pub(crate) fn directory(&self) -> Option<Arc<Directory>> {
        self.known().directory.clone()
    }

    pub(crate) fn accounts(&self) -> Option<&Arc<dyn Accounts>> {
        self.0.accounts.as_ref()
    }

    pub(crate) fn gate(&self) -> &gate::Gate {
        &self.0.gate
    }

    pub(crate) fn keys(&self) -> &keys::Keys {
        &self.0.keys
    }

    /// Who brings this token; the log gets why it is nobody.
    pub(crate) async fn check(&self, text: &str) -> Option<Person> {
        match self.read(text).await {
            Ok(person) => Some(person),
            Err(why) => {
                tracing::debug!(%why, "a token was refused");
                None
            }
        }
    }

    async fn read(&self, text: &str) -> Result<Person, Refused> {
        let keys = &self.0.keys;
        let token = Token::read(text)?;
        let key = keys.of(&token).await?;
        let is_ours = keys.signer().is_some();
        let forgiven_s = if is_ours && self.known().is_away { AWAY_LIFE_S } else { 0 };
        let claims = token.verify(&key, keys.issuer(), now_ms().0 / 1000, forgiven_s)?;
        let Claims { sub, session_id, email, exp, iat: _ } = claims;
        let until = (!is_ours).then_some(WallMs(exp.saturating_mul(1000)));
        let known = self.standing(sub).and_then(|standing| standing.email);
        // Where the accounts are not ours, the provider vouches for the address.
        let email = known.or_else(|| email.and_then(|text| Email::new(&text).ok()));
        let name = email.map_or_else(|| sub.to_string(), |email| email.to_string());
        let person = Person { id: sub, session_id, name, until };
        if self.is_welcome(&person) { Ok(person) } else { Err(Refused::Expired) }
    }

    /// Whether a person whose token was good is still welcome: the session goes on, and the account
    /// is not disabled. Before the directory was read nobody is.
    pub(crate) fn is_welcome(&self, person: &Person) -> bool {
        let Some(directory) = self.directory() else { return false };
        if directory.ended_sessions.contains(&person.session_id) {
            return false;
        }
        let standing = directory.people.get(&person.id);
        if self.keys().signer().is_some() {
            standing.is_some_and(|standing| !standing.is_disabled)
        } else {
            person.until.is_some_and(|until| now_ms() < until)
        }
    }

    fn standing(&self, id: Uuid) -> Option<Standing> {
        self.directory()?.people.get(&id).cloned()
    }

    /// All that a person was given.
    pub(crate) fn memberships(&self, account: Uuid) -> BTreeSet<Membership> {
        self.standing(account).map(|standing| standing.memberships).unwrap_or_default()
    }

    /// What a person is at a site, or at any.
    fn roles(&self, account: Uuid, place: Place) -> Vec<SiteRole> {
        let Some(standing) = self.standing(account) else { return Vec::new() };
        let fits = |membership: &&Membership| match (place, membership.site_id) {
            (Place::Anywhere, _) | (_, None) => true,
            (Place::Site(site), Some(at)) => site == at,
            (Place::Everywhere, Some(_)) => false,
        };
        standing.memberships.iter().filter(fits).map(|membership| membership.role).collect()
    }

    /// Whether a person may do this there.
    pub(crate) fn may(&self, person: &Person, permission: Permission, place: Place) -> bool {
        self.account_may(person.id, permission, place)
    }

    fn account_may(&self, account: Uuid, permission: Permission, place: Place) -> bool {
        self.roles(account, place).into_iter().any(|role| rights::may(role, permission))
    }

    /// What a person counts for at a site where a check is overridden.
    pub(crate) fn override_role(&self, account: Uuid, place: Place) -> Role {
        let roles = self.roles(account, place).into_iter().map(rights::override_role);
        roles.max().unwrap_or(Role::Viewer)
    }

    /// The site of a device.
    pub(crate) fn site_of(&self, sn: &DeviceSn) -> Uuid {
        let found = self.directory().and_then(|known| known.devices.get(sn).copied());
        found.unwrap_or(DEFAULT_SITE)
    }

    /// A token of the tower's own for a session; none where others sign.
    pub(crate) fn access_token(&self, account: &Account, session_id: Uuid) -> Option<String> {
        let signer = self.keys().signer()?;
        let now = now_ms().0 / 1000;
        let method = json!([{"method": "password", "timestamp": now}]);
        let claims = json!({
            "iss": self.keys().issuer(),
            "aud": jwt::AUDIENCE,
            "sub": account.account_id,
            "exp": now + ACCESS_LIFE_S,
            "iat": now,
            "role": "authenticated",
            "aal": "aal1",
            "amr": method,
            "session_id": session_id,
            "email": account.email,
            "phone": "",
            "is_anonymous": false,
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": account.user_metadata,
        });
        signer.sign(&claims).ok()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a permission is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At one site.
    Site(Uuid),
    /// At any: what is shown is filtered by site.
    Anywhere,
    /// For the whole tower.
    Everywhere,
}
