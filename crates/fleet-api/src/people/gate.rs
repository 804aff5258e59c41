//! What stands before the hashing of a password: how often a peer and an account may be tried, and
//! how many hashes are made at a time; and before a renewal, which costs a session with the database.
//!
//! A try counts before it is made, so that a thousand at once are not a thousand; the right
//! password gives it back. Whoever is refused here has cost the database nothing.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fleet_types::people::Email;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use crate::attempts::{Attempts, network};

/// Hashes at a time: each takes a core of the database's machine for a fifth of a second.
const HASHES: usize = 2;
/// Callers that wait for their turn.
const WAITING: usize = 8;
/// Renewals that wait for their turn: one takes a few milliseconds, and every console of a site may
/// come at once after an outage.
const RENEWALS_WAITING: usize = 256;
/// A wrong password of an account is forgotten after so long; ten may be outstanding.
const ACCOUNT_RETURNS: Duration = Duration::from_mins(1);

/// Why a password is not even looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Held {
    #[error("too many failed sign-ins from this address; wait a minute")]
    Peer,
    #[error("too many failed sign-ins to this account; wait a minute, or use a sign-in link")]
    Account,
    #[error("more sign-ins are being tried than the tower looks at; try again")]
    Busy,
}

pub(crate) struct Gate {
    peers: Mutex<Attempts<IpAddr>>,
    accounts: Mutex<Attempts<Email>>,
    waiting: Semaphore,
    hashing: Semaphore,
    renewals_waiting: Semaphore,
    renewals: Semaphore,
}

/// A try that is under way.
pub(crate) struct Try<'a> {
    gate: &'a Gate,
    peer: IpAddr,
    email: Email,
    _turn: Option<SemaphorePermit<'a>>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            peers: Mutex::new(Attempts::of_peers()),
            accounts: Mutex::new(Attempts::new(ACCOUNT_RETURNS)),
            waiting: Semaphore::new(HASHES + WAITING),
            hashing: Semaphore::new(HASHES),
            renewals_waiting: Semaphore::new(RENEWALS_WAITING),
            renewals: Semaphore::new(1),
        }
    }

    /// Counts a try of this account by this peer, and waits for its turn.
    pub(crate) async fn enter(&self, peer: IpAddr, email: &Email) -> Result<Try<'_>, Held> {
        let Ok(_place) = self.waiting.try_acquire() else { return Err(Held::Busy) };
        let (peer, now) = (network(peer), Instant::now());
        {
            let (mut peers, mut accounts) = (lock(&self.peers), lock(&self.accounts));
            if !peers.may_try(&peer, now) {
                return Err(Held::Peer);
            }
            if !accounts.may_try(email, now) {
                return Err(Held::Account);
            }
            peers.note_failure(peer, now);
            accounts.note_failure(email.clone(), now);
        }
        // It is never closed.
        let turn = self.hashing.acquire().await.ok();
        Ok(Try { gate: self, peer, email: email.clone(), _turn: turn })
    }

    /// A turn for a renewal. Strangers may ask for one too, and must not take the database's sessions
    /// from the journal.
    pub(crate) async fn renew(&self, peer: IpAddr) -> Result<Renewal<'_>, Held> {
        let Ok(place) = self.renewals_waiting.try_acquire() else { return Err(Held::Busy) };
        let peer = network(peer);
        if !lock(&self.peers).may_try(&peer, Instant::now()) {
            return Err(Held::Peer);
        }
        // It is never closed.
        let turn = self.renewals.acquire().await.ok();
        Ok(Renewal { gate: self, peer, _places: (place, turn) })
    }

    /// A turn for a hash that somebody who is known asks for.
    pub(crate) async fn turn(&self) -> Result<Option<SemaphorePermit<'_>>, Held> {
        let Ok(_place) = self.waiting.try_acquire() else { return Err(Held::Busy) };
        Ok(self.hashing.acquire().await.ok())
    }
}

/// A renewal that is under way.
pub(crate) struct Renewal<'a> {
    gate: &'a Gate,
    peer: IpAddr,
    _places: (SemaphorePermit<'a>, Option<SemaphorePermit<'a>>),
}

impl Renewal<'_> {
    /// The token was nobody's: a guess.
    pub(crate) fn failed(self) {
        lock(&self.gate.peers).note_failure(self.peer, Instant::now());
    }
}

impl Try<'_> {
    /// It was no failure: the password was right, or nobody could say.
    pub(crate) fn forgive(self) {
        lock(&self.gate.peers).forgive(&self.peer);
        lock(&self.gate.accounts).forgive(&self.email);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn email(name: &str) -> Email {
        Email::new(&format!("{name}@example.kr")).unwrap()
    }

    #[tokio::test]
    async fn an_account_is_closed_to_guesses_from_everywhere_and_others_stay_open() {
        let (gate, kim) = (Gate::new(), email("kim"));
        for n in 0..10 {
            // Dropped without a word: it failed.
            drop(gate.enter(peer(n), &kim).await.unwrap());
        }
        assert_eq!(gate.enter(peer(99), &kim).await.err(), Some(Held::Account));
        assert!(gate.enter(peer(99), &email("lee")).await.is_ok());
    }

    #[tokio::test]
    async fn a_peer_that_guesses_is_held_whatever_the_account() {
        let gate = Gate::new();
        for n in 0..10 {
            drop(gate.enter(peer(1), &email(&format!("a{n}"))).await.unwrap());
        }
        assert_eq!(gate.enter(peer(1), &email("lee")).await.err(), Some(Held::Peer));
        assert!(gate.enter(peer(2), &email("lee")).await.is_ok());
    }

    #[tokio::test]
    async fn the_right_password_costs_no_try() {
        let (gate, kim) = (Gate::new(), email("kim"));
        for _ in 0..30 {
            gate.enter(peer(1), &kim).await.unwrap().forgive();
        }
    }

    #[tokio::test]
    async fn renewals_take_turns_and_guesses_are_held() {
        let gate = Gate::new();
        let first = gate.renew(peer(1)).await.unwrap();
        let mut second = Box::pin(gate.renew(peer(1)));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        second.await.unwrap().failed();
        for _ in 1..10 {
            gate.renew(peer(1)).await.unwrap().failed();
        }
        assert_eq!(gate.renew(peer(1)).await.err(), Some(Held::Peer));
        assert!(gate.renew(peer(2)).await.is_ok());
    }

    #[tokio::test]
    async fn hashes_and_those_who_wait_are_bounded() {
        let gate = Gate::new();
        let mut held = Vec::new();
        for n in 0..2 {
            held.push(gate.enter(peer(n), &email(&format!("a{n}"))).await.unwrap());
        }
        let third = email("a9");
        let mut waits = Box::pin(gate.enter(peer(9), &third));
        assert!(futures_util::poll!(&mut waits).is_pending());
        drop(held.pop());
        assert!(futures_util::poll!(&mut waits).is_ready());
    }
}
