//! Who is asking: the API token, signed-in sessions and the one-time codes that start them.
//!
//! Secrets are kept as keyed digests (HMAC-SHA256 under a key of this process) and compared in
//! constant time; what is kept cannot be used to sign in, and nothing here is ever logged. Sessions
//! live in memory: they end with the process. It refuses to grow: 1,000 sessions, 100 codes.
//! Read next: [`crate::guard`] (where it is asked).

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fleet_types::WallMs;
use ring::hmac;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    attempts::{Attempts, network},
    clock::now_ms,
    people::{Person, machine::Machine},
};

const MAX_SESSIONS: usize = 1000;
const MAX_CODES: usize = 100;
const SECRET_BYTES: usize = 32;
const MIN_API_TOKEN: usize = 32;
const MIN_CODE: usize = 16;

/// A checked caller. Goes into `issued_by` by [`Principal::who`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The API token of the data directory.
    ApiToken,
    /// A signed-in session, by its public id.
    Session(String),
    /// Somebody with an account.
    Person(Arc<Person>),
    /// A program with a token.
    Machine(Machine),
}

impl Principal {
    /// The account, where there is one: what is read of the database is read as it may.
    pub(crate) fn person(&self) -> Option<Uuid> {
        match self {
            Self::ApiToken | Self::Session(_) => None,
            Self::Person(person) => Some(person.id),
            // As its maker; what it sees less is left out by the API.
            Self::Machine(Machine(token)) => token.account_id,
        }
    }

    /// `token:api`, `session:1a2b3c4d` or `user:kim@example.kr`: names the caller without being a credential.
    #[must_use]
    pub fn who(&self) -> String {
        match self {
            Self::ApiToken => "token:api".to_owned(),
            Self::Session(id) => format!("session:{id}"),
            Self::Person(person) => format!("user:{}", person.name),
            Self::Machine(Machine(token)) => format!("token:{}", token.name),
        }
    }
}

/// A session as handed to its owner, once.
pub struct Session {
    /// The bearer token; a credential.
    pub token: String,
    /// When it stops working.
    pub expires_ms: WallMs,
    /// Who its owner is in the records.
    pub who: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("who", &self.who).finish_non_exhaustive()
    }
}

/// Why a sign-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Wrong, used or expired; which of them is not said.
    #[error("the sign-in code is wrong, used or expired; ask for a new one")]
    Code,
    /// Too many failures from this peer.
    #[error("too many failed sign-ins; wait a minute")]
    TooMany,
}

/// The machine has no random numbers to give; nothing can be signed or signed in.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandom(#[from] getrandom::Error);

/// Why there can be no [`Tokens`].
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The API token could be guessed, or is empty.
    #[error(
        "the API token has fewer than {MIN_API_TOKEN} characters; delete its file to get a fresh one"
    )]
    Weak,
    /// No key for the digests.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

struct Held {
    tag: hmac::Tag,
    expires: Instant,
}

struct Inner {
    sessions: BTreeMap<String, Held>,
    codes: Vec<Held>,
    attempts: Attempts<IpAddr>,
}

/// Every credential the API accepts.
pub struct Tokens {
    key: hmac::Key,
    api: hmac::Tag,
    session_life: Duration,
    inner: Mutex<Inner>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// Accepts `api_token`; sessions live for 12 h.
    ///
    /// # Errors
    /// [`TokensError`] for a token of fewer than 32 characters, or without random numbers.
    pub fn new(api_token: &str) -> Result<Self, TokensError> {
        let api_token = api_token.trim();
        if api_token.len() < MIN_API_TOKEN {
            return Err(TokensError::Weak);
        }
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(NoRandom)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let api = hmac::sign(&key, api_token.as_bytes());
        let session_life = Duration::from_hours(12);
        let attempts = Attempts::of_peers();
        let inner = Inner { sessions: BTreeMap::new(), codes: Vec::new(), attempts };
        Ok(Self { key, api, session_life, inner: Mutex::new(inner) })
    }

    /// A fresh secret of 256 bits in hexadecimal, for the API token's file.
    ///
    /// # Errors
    /// [`NoRandom`] when the system gives no random numbers.
    pub fn fresh_secret() -> Result<String, NoRandom> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(hex(&bytes))
    }

    /// Makes a sign-in code that works once, within `life` (10 min is usual; a demo may take 24 h).
    /// At most 100 wait at a time; the oldest gives way.
    ///
    /// # Errors
    /// [`NoRandom`] when the system gives no random numbers.
    pub fn issue_code(&self, life: Duration) -> Result<String, NoRandom> {
        self.issue_code_at(life, Instant::now())
    }

    fn issue_code_at(&self, life: Duration, now: Instant) -> Result<String, NoRandom> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let code = hex(&bytes);
        self.admit_code_at(&code, life, now);
        Ok(code)
    }

    /// Takes a sign-in code that somebody trusted made (the supervisor, for its console link). It
    /// works once, within `life`. One of fewer than 16 characters could be guessed; it is not taken.
    pub fn admit_code(&self, code: &str, life: Duration) {
        self.admit_code_at(code, life, Instant::now());
    }

    fn admit_code_at(&self, code: &str, life: Duration, now: Instant) {
        if code.len() < MIN_CODE {
            tracing::warn!("a sign-in code of fewer than {MIN_CODE} characters was not taken");
            return;
        }
        let mut inner = self.inner();
        inner.codes.retain(|held| held.expires > now);
        if inner.codes.len() >= MAX_CODES {
            inner.codes.remove(0);
        }
        let tag = hmac::sign(&self.key, code.as_bytes());
        inner.codes.push(Held { tag, expires: now + life });
    }

    /// Exchanges a sign-in code for a session. The code is used up.
    ///
    /// # Errors
    /// [`SignInError`]; a peer with too many failures is refused whatever it brings.
    pub fn sign_in(&self, code: &str, peer: IpAddr) -> Result<Session, SignInError> {
        self.sign_in_at(code, peer, Instant::now())
    }

    fn sign_in_at(&self, code: &str, peer: IpAddr, now: Instant) -> Result<Session, SignInError> {
        let mut inner = self.inner();
        let peer = network(peer);
        if !inner.attempts.may_try(&peer, now) {
            return Err(SignInError::TooMany);
        }
        inner.codes.retain(|held| held.expires > now);
        let known = inner
            .codes
            .iter()
            .position(|held| hmac::verify(&self.key, code.as_bytes(), held.tag.as_ref()).is_ok());
        let Some(index) = known else {
            inner.attempts.note_failure(peer, now);
            return Err(SignInError::Code);
        };
        // Without random numbers there is no session, and the code stays good.
        let mut id = [0; 4];
        let secret = Self::fresh_secret().map_err(|_| SignInError::Code)?;
        getrandom::fill(&mut id).map_err(|_| SignInError::Code)?;
        inner.codes.remove(index);
        let id = hex(&id);
        let token = format!("s{id}.{secret}");
        let tag = hmac::sign(&self.key, token.as_bytes());
        inner.make_room(now);
        inner.sessions.insert(id.clone(), Held { tag, expires: now + self.session_life });
        let life_ms = i64::try_from(self.session_life.as_millis()).unwrap_or(i64::MAX);
        let expires_ms = WallMs(now_ms().0.saturating_add(life_ms));
        Ok(Session { token, expires_ms, who: Principal::Session(id).who() })
    }

    /// Who brings this token, or `None`.
    #[must_use]
    pub fn check(&self, token: &str) -> Option<Principal> {
        self.check_at(token, Instant::now())
    }

    fn check_at(&self, token: &str, now: Instant) -> Option<Principal> {
        if hmac::verify(&self.key, token.as_bytes(), self.api.as_ref()).is_ok() {
            return Some(Principal::ApiToken);
        }
        let (id, _) = token.strip_prefix('s')?.split_once('.')?;
        let inner = self.inner();
        let held = inner.sessions.get(id)?;
        let good = hmac::verify(&self.key, token.as_bytes(), held.tag.as_ref()).is_ok();
        (good && held.expires > now).then(|| Principal::Session(id.to_owned()))
    }

    /// Whether a caller checked before is still welcome: not signed out, not expired. Of people with
    /// accounts [`crate::people`] knows.
    #[must_use]
    pub fn still_valid(&self, principal: &Principal) -> bool {
        match principal {
            Principal::ApiToken | Principal::Person(_) | Principal::Machine(_) => true,
            Principal::Session(id) => {
                self.inner().sessions.get(id).is_some_and(|held| held.expires > Instant::now())
            }
        }
    }

    /// Signs a session out; says whether there was one. The API token cannot be signed out.
    pub fn revoke(&self, principal: &Principal) -> bool {
        match principal {
            Principal::ApiToken | Principal::Person(_) | Principal::Machine(_) => false,
            Principal::Session(id) => self.inner().sessions.remove(id).is_some(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Drops what expired; among 1,000 living sessions the one that would end first gives way.
    fn make_room(&mut self, now: Instant) {
        self.sessions.retain(|_, held| held.expires > now);
        if self.sessions.len() >= MAX_SESSIONS {
            let first = self.sessions.iter().min_by_key(|(_, held)| held.expires);
            if let Some(id) = first.map(|(id, _)| id.clone()) {
                self.sessions.remove(&id);
            }
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const API: &str = "0123456789abcdef0123456789abcdef";
    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const LIFE: Duration = Duration::from_mins(10);

    #[test]
    fn a_code_works_once_and_within_its_life() {
        let (tokens, now) = (Tokens::new(API).unwrap(), Instant::now());
        let code = tokens.issue_code_at(LIFE, now).unwrap();
        let session = tokens.sign_in_at(&code, PEER, now).unwrap();
        assert_eq!(tokens.sign_in_at(&code, PEER, now).unwrap_err(), SignInError::Code);
        assert_eq!(tokens.check_at(&session.token, now).unwrap().who(), session.who);
        let late = tokens.issue_code_at(LIFE, now).unwrap();
        assert_eq!(tokens.sign_in_at(&late, PEER, now + LIFE).unwrap_err(), SignInError::Code);
    }

    #[test]
    fn sessions_end_by_time_and_by_sign_out() {
        let (tokens, now) = (Tokens::new(API).unwrap(), Instant::now());
        let code = || tokens.issue_code_at(LIFE, now).unwrap();
        let sign_in = || tokens.sign_in_at(&code(), PEER, now).unwrap();
        let (first, second) = (sign_in(), sign_in());
        let who = tokens.check_at(&first.token, now).unwrap();
        assert!(tokens.still_valid(&who));
        assert!(tokens.revoke(&who) && !tokens.still_valid(&who));
        assert!(tokens.check_at(&first.token, now).is_none());
        assert!(tokens.check_at(&second.token, now).is_some());
        let later = now + Duration::from_hours(12);
        assert!(tokens.check_at(&second.token, later).is_none());
        assert_eq!(tokens.check_at(API, later), Some(Principal::ApiToken));
    }

    #[test]
    fn the_thousand_and_first_session_takes_the_place_of_the_oldest() {
        let (tokens, begin) = (Tokens::new(API).unwrap(), Instant::now());
        let mut sessions = Vec::new();
        for n in 0..=MAX_SESSIONS {
            let now = begin + Duration::from_millis(n as u64);
            let code = tokens.issue_code_at(LIFE, now).unwrap();
            sessions.push(tokens.sign_in_at(&code, PEER, now).unwrap());
        }
        assert!(tokens.check(&sessions[0].token).is_none());
        assert!(tokens.check(&sessions[1].token).is_some());
    }

    #[test]
    fn a_code_that_can_be_guessed_is_not_taken() {
        let tokens = Tokens::new(API).unwrap();
        for (code, taken) in [("", false), ("0123456789abcde", false), ("0123456789abcdef", true)] {
            tokens.admit_code(code, LIFE);
            assert_eq!(tokens.sign_in(code, PEER).is_ok(), taken, "{code:?}");
        }
    }

    #[test]
    fn an_api_token_that_can_be_guessed_is_refused() {
        assert!(matches!(Tokens::new("  "), Err(TokensError::Weak)));
        assert!(matches!(Tokens::new("secret"), Err(TokensError::Weak)));
    }

    #[test]
    fn a_tampered_token_is_nobody() {
        let tokens = Tokens::new(API).unwrap();
        for token in ["", &API[1..], &format!("{API}0"), "s", "s.", "s00000000.", "s00000000.ff"] {
            assert_eq!(tokens.check(token), None, "{token:?}");
        }
    }
}
