//! Keys that tokens are verified with: the tower's own, or those that Supabase publishes.
//!
//! Published keys are fetched when they are ten minutes old, or when a token names one that is not
//! known; the latter no more than once in half a minute, so that made-up names cost nobody
//! anything, and a provider that does not answer is asked every five seconds at the most. While the provider is away the keys that are known go on. Read next: [`super::jwt`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fleet_types::Secret;
use ring::hmac;
use serde_json::Value;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    Way,
    jwt::{Refused, Signer, Token, VerifyKey, key_of},
};
use crate::basemaps::{Resolve, Roots, Upstream};

/// After this the published set is asked for again.
const FRESH: Duration = Duration::from_mins(10);
/// Between two askings for a name that is not known.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(30);
/// Between two askings of a provider that did not answer.
const AWAY_PAUSE: Duration = Duration::from_secs(5);
/// A set of keys is a few hundred bytes.
const MAX_BYTES: usize = 64 << 10;
const MAX_KEYS: usize = 32;

/// How people with accounts sign in.
pub enum SignIn {
    /// Not at all.
    Nobody,
    /// At the tower, which signs their tokens.
    Own {
        /// The tower's key.
        signer: Signer,
        /// The tower's public address, without a final slash.
        url: String,
    },
    /// At Supabase Auth.
    Supabase(SupabaseKeys),
}

/// What is known of a Supabase project.
pub struct SupabaseKeys {
    /// Its address, without a final slash.
    pub url: String,
    /// Its public key for browsers; no secret.
    pub anon_key: String,
    /// The shared secret of projects that still sign with one.
    pub shared_secret: Option<Secret>,
    /// How its name is found.
    pub resolve: Arc<dyn Resolve>,
    /// What its certificate is checked against.
    pub roots: Roots,
}

pub(crate) struct Keys {
    issuer: String,
    kind: Kind,
}

enum Kind {
    Nobody,
    Own(Box<Signer>),
    Supabase(Box<Remote>),
}

struct Remote {
    url: String,
    anon_key: String,
    shared: Option<VerifyKey>,
    upstream: Upstream,
    /// One asks; the others wait for what comes of it.
    turn: Semaphore,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    keys: BTreeMap<String, VerifyKey>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
    asked_for_unknown: Option<Instant>,
}

impl Keys {
    pub(crate) fn new(sign_in: SignIn) -> Self {
        match sign_in {
            SignIn::Nobody => Self { issuer: String::new(), kind: Kind::Nobody },
            SignIn::Own { signer, url } => {
                Self { issuer: format!("{url}/auth/v1"), kind: Kind::Own(Box::new(signer)) }
            }
            SignIn::Supabase(SupabaseKeys { url, anon_key, shared_secret, resolve, roots }) => {
                let shared = shared_secret.map(|secret| {
                    let secret = secret.expose().as_bytes();
                    VerifyKey::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret))
                });
                let issuer = format!("{url}/auth/v1");
                let upstream = Upstream::new(resolve, roots);
                let (turn, held) = (Semaphore::new(1), Mutex::default());
                let remote = Remote { url, anon_key, shared, upstream, turn, held };
                Self { issuer, kind: Kind::Supabase(Box::new(remote)) }
            }
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn signer(&self) -> Option<&Signer> {
        match &self.kind {
            Kind::Own(signer) => Some(signer),
            Kind::Nobody | Kind::Supabase(_) => None,
        }
    }

    /// Where people sign in, for the console.
    pub(crate) fn way(&self) -> Way {
        match &self.kind {
            Kind::Nobody => Way { mode: "none", url: None, anon_key: None },
            Kind::Own(_) => Way { mode: "own", url: None, anon_key: None },
            Kind::Supabase(remote) => Way {
                mode: "supabase",
                url: Some(remote.url.clone()),
                anon_key: Some(remote.anon_key.clone()),
            },
        }
    }

    /// The origin at which people sign in, when it is not the tower's own.
    pub(crate) fn elsewhere(&self) -> Option<&str> {
        match &self.kind {
            Kind::Nobody | Kind::Own(_) => None,
            Kind::Supabase(remote) => Some(&remote.url),
        }
    }

    /// The key that this token has to be verified with.
    pub(crate) async fn of(&self, token: &Token<'_>) -> Result<VerifyKey, Refused> {
        match &self.kind {
            Kind::Nobody => Err(Refused::UnknownKey),
            Kind::Own(signer) => {
                let is_ours = token.kid() == Some(signer.kid());
                is_ours.then(|| signer.verify_key()).ok_or(Refused::UnknownKey)
            }
            Kind::Supabase(remote) => remote.key_of(token).await,
        }
    }
}

impl Remote {
    async fn key_of(&self, token: &Token<'_>) -> Result<VerifyKey, Refused> {
        // The shared secret is apart from the published keys: neither stands in for the other.
        if token.algorithm() == "HS256" {
            return self.shared.clone().ok_or(Refused::Algorithm);
        }
        let kid = token.kid().ok_or(Refused::UnknownKey)?;
        if let Some(key) = self.held().fresh(kid) {
            return Ok(key);
        }
        let turn = self.turn.acquire().await;
        let wanted = {
            let mut held = self.held();
            // Whoever had the turn before may have brought it.
            if let Some(key) = held.fresh(kid) {
                return Ok(key);
            }
            held.may_ask(Instant::now())
        };
        if wanted {
            self.fetch().await;
        }
        drop(turn);
        self.held().keys.get(kid).cloned().ok_or(Refused::UnknownKey)
    }

    async fn fetch(&self) {
        let address = format!("{}/auth/v1/.well-known/jwks.json", self.url);
        let found = match self.upstream.file(&address, MAX_BYTES).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "the keys of the sign-in provider cannot be fetched");
                return;
            }
        };
        let set: Value = serde_json::from_slice(&found).unwrap_or_default();
        let keys = set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let keys: BTreeMap<_, _> = keys.iter().take(MAX_KEYS).filter_map(key_of).collect();
        if keys.is_empty() {
            tracing::warn!(
                "the sign-in provider publishes no key that tokens can be verified with"
            );
            return;
        }
        let mut held = self.held();
        held.keys = keys;
        held.fetched = Some(Instant::now());
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn fresh(&self, kid: &str) -> Option<VerifyKey> {
        self.keys.get(kid).filter(|_| self.is_fresh()).cloned()
    }

    fn is_fresh(&self) -> bool {
        self.fetched.is_some_and(|fetched| fetched.elapsed() < FRESH)
    }

    /// Whether the provider may be asked now; notes that it is.
    fn may_ask(&mut self, now: Instant) -> bool {
        let (last, pause) = match self.is_fresh() {
            true => (&mut self.asked_for_unknown, UNKNOWN_PAUSE),
            false => (&mut self.tried, AWAY_PAUSE),
        };
        let may = last.is_none_or(|last| now - last >= pause);
        if may {
            *last = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_known_is_asked_for_now_and_then() {
        let (mut held, now) = (Held::default(), Instant::now());
        // Nothing is known: asked, and again when it did not answer.
        assert!(held.may_ask(now));
        assert!(!held.may_ask(now + Duration::from_secs(4)));
        assert!(held.may_ask(now + AWAY_PAUSE));
        held.fetched = Some(now);
        let later = now + AWAY_PAUSE;
        assert!(held.may_ask(later), "the first name that is not known");
        assert!(!held.may_ask(later + Duration::from_secs(29)));
        assert!(held.may_ask(later + UNKNOWN_PAUSE));
    }
}
