//! Tokens of programs: who brings one, and what they may by it.
//!
//! What a token may is asked for every time: what it was made for, at its sites, and what its maker may
//! there at that moment. So a token never does more than its maker, and falls with their account. It
//! is known by its digest; the token itself is shown once and kept nowhere.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fleet_types::{
    Role, WallMs,
    people::{MachineToken, TokenHash},
    rights::Permission,
};
use ring::digest;
use uuid::Uuid;

use super::{People, Place};
use crate::clock::now_ms;

/// How every token begins.
const MARK: &str = "gwt_";
/// Characters that are shown of a token.
const SHOWN: usize = 10;
/// Uses that wait to be noted.
const USES_MAX: usize = 10_000;

/// A program that brought its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine(pub(crate) Arc<MachineToken>);

/// When which token was used last, until somebody notes it.
#[derive(Default)]
pub(super) struct Uses(Mutex<BTreeMap<Uuid, WallMs>>);

/// A fresh token, how it begins, and its digest. None without random numbers.
pub(crate) fn fresh() -> Option<(String, String, TokenHash)> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    let token = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes));
    let (prefix, hash) = (token[..SHOWN].to_owned(), hash_of(&token));
    Some((token, prefix, hash))
}

fn hash_of(token: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

impl People {
    /// The program that brings this token.
    pub(crate) fn machine(&self, text: &str) -> Option<Machine> {
        if !text.starts_with(MARK) {
            return None;
        }
        let machine = Machine(Arc::new(self.directory()?.tokens.get(&hash_of(text))?.clone()));
        self.is_good(&machine).then(|| {
            let mut uses = self.0.uses.0.lock().unwrap_or_else(PoisonError::into_inner);
            if uses.len() < USES_MAX {
                uses.insert(machine.0.token_id, now_ms());
            }
            machine
        })
    }

    /// Whether a token that was good still is.
    pub(crate) fn is_good(&self, Machine(token): &Machine) -> bool {
        let Some(directory) = self.directory() else { return false };
        let is_there = directory
            .tokens
            .get(&token.hash)
            .is_some_and(|known| known.token_id == token.token_id && now_ms() < known.expires_ms);
        let maker = token.account_id.map(|id| directory.people.get(&id));
        // A maker who is gone is as good as disabled.
        is_there && maker.is_none_or(|maker| maker.is_some_and(|maker| !maker.is_disabled))
    }

    /// Whether a token may do this there.
    pub(crate) fn machine_may(
        &self,
        Machine(token): &Machine,
        permission: Permission,
        place: Place,
    ) -> bool {
        let maker_may =
            |place| token.account_id.is_none_or(|id| self.account_may(id, permission, place));
        token.permissions.contains(&permission)
            && match (&token.site_ids, place) {
                (None, place) => maker_may(place),
                (Some(sites), Place::Site(site)) => sites.contains(&site) && maker_may(place),
                (Some(sites), Place::Anywhere) => {
                    sites.iter().any(|site| maker_may(Place::Site(*site)))
                }
                (Some(_), Place::Everywhere) => false,
            }
    }

    /// What a token counts for where a check is overridden: no more than an operator.
    pub(crate) fn machine_override_role(&self, machine: &Machine, place: Place) -> Role {
        if !self.machine_may(machine, Permission::Override, place) {
            return Role::Viewer;
        }
        let maker = machine.0.account_id.map(|id| self.override_role(id, place));
        maker.map_or(Role::Operator, |role| role.min(Role::Operator))
    }

    /// Which tokens were used since this was asked last, and when.
    #[must_use]
    pub fn take_uses(&self) -> Vec<(Uuid, WallMs)> {
        let mut uses = self.0.uses.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *uses).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_256_bits_and_shows_how_it_begins() {
        let ((a, prefix, hash), (b, _, _)) = (fresh().unwrap(), fresh().unwrap());
        assert_ne!(a, b);
        assert_eq!((a.len(), hash_of(&a)), (MARK.len() + 43, hash));
        assert!(a.starts_with(&prefix) && prefix.len() == SHOWN);
    }
}
