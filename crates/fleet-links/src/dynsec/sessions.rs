//! Logins for sessions of direct control (DRC), each for one dock and for a while.
//!
//! `drc_mode_enter` tells a dock where to open a second connection and as whom. That login is made
//! for the session, can do nothing but speak on `drc/up` and hear `drc/down` of its dock, and is
//! removed, its connection ended, when the session ends, when its time is over, or when a tower
//! starts that did not make it. Mosquitto knows no login that expires, so it is this process that
//! removes it: if the tower dies, its successor does.
//!
//! It refuses to start a task: whoever owns it polls [`SessionLogins::run`]. Passwords are in
//! [`SessionLogin`] only, which shows none.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fleet_types::DeviceSn;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use super::{DynsecClient, DynsecError};
use crate::{Secret, new_password};

/// Sessions at once.
pub const SESSIONS_MAX: usize = 256;
/// Every such login begins so, and no dock's does: a serial number has no colon.
const PREFIX: &str = "drc:";
/// Between two tries to remove a login while the broker does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// What a dock is told for its second connection, beside the broker's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLogin {
    /// MQTT client id; the login is good for no other.
    pub client_id: String,
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
    /// When it is removed, in whole seconds since 1970.
    pub expire_time_s: u64,
}

/// Why there is no login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Logins of an earlier process may still be there.
    #[error("the broker is not ready for direct control yet; try again in a moment")]
    NotReady,
    /// [`SESSIONS_MAX`].
    #[error("too many sessions of direct control are open; end one first")]
    TooMany,
    /// The operating system gives no randomness.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// The broker did not make it.
    #[error("the broker made no login for direct control")]
    Broker(#[source] DynsecError),
}

#[derive(Debug)]
struct Standing {
    login: String,
    ends: Instant,
}

#[derive(Debug, Default)]
struct Ledger {
    /// Whether what an earlier process left is gone.
    is_clean: bool,
    by_dock: BTreeMap<DeviceSn, Standing>,
    /// Logins that are to be removed now.
    over: Vec<String>,
}

/// All logins of this tower's sessions.
#[derive(Clone)]
pub struct SessionLogins {
    dynsec: DynsecClient,
    ledger: Arc<Mutex<Ledger>>,
    changed: Arc<Notify>,
}

impl SessionLogins {
    /// None yet; [`Self::run`] first removes those of an earlier process.
    #[must_use]
    pub fn new(dynsec: DynsecClient) -> Self {
        Self { dynsec, ledger: Arc::default(), changed: Arc::default() }
    }

    /// Makes a login for a session with this dock, for so long at most. An earlier one of the same
    /// dock ends.
    ///
    /// # Errors
    /// [`SessionError`]; then there is none, or it is removed as soon as the broker answers.
    pub async fn open(
        &self,
        dock: &DeviceSn,
        life: Duration,
    ) -> Result<SessionLogin, SessionError> {
        let mut number = [0_u8; 8];
        SystemRandom::new().fill(&mut number).map_err(|_| SessionError::NoRandomness)?;
        let password = new_password().ok_or(SessionError::NoRandomness)?;
        let login = format!("{PREFIX}{dock}:{:016x}", u64::from_ne_bytes(number));
        {
            let mut ledger = self.ledger();
            if !ledger.is_clean {
                return Err(SessionError::NotReady);
            }
            if ledger.by_dock.len() >= SESSIONS_MAX && !ledger.by_dock.contains_key(dock) {
                return Err(SessionError::TooMany);
            }
            // Written down before it is made: whatever happens then, it is removed.
            let standing = Standing { login: login.clone(), ends: Instant::now() + life };
            let earlier = ledger.by_dock.insert(dock.clone(), standing);
            ledger.over.extend(earlier.map(|earlier| earlier.login));
        }
        self.changed.notify_one();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let expire_time_s = (wall + life).as_secs();
        if let Err(error) = self.dynsec.create_session(dock, &login, &password).await {
            self.end(dock, Some(&login));
            return Err(SessionError::Broker(error));
        }
        tracing::info!(device.sn = %dock, expire_time_s, "a login for direct control was made");
        Ok(SessionLogin { client_id: login.clone(), username: login, password, expire_time_s })
    }

    /// Ends the dock's session: its login is removed and its connection ended, as soon as the broker
    /// answers.
    pub fn close(&self, dock: &DeviceSn) {
        self.end(dock, None);
    }

    /// Sessions that stand.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ledger().by_dock.len()
    }

    /// Whether no session stands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes what is over, as long as it is polled.
    pub async fn run(self) {
        loop {
            let (over, next) = self.due(Instant::now());
            for login in over {
                match self.dynsec.delete_session(&login).await {
                    Ok(()) => {
                        self.ledger().over.retain(|other| *other != login);
                        tracing::info!("a login for direct control was removed");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a login for direct control is still there");
                        sleep(RETRY).await;
                    }
                }
            }
            if !self.ledger().is_clean && !self.clean().await {
                sleep(RETRY).await;
                continue;
            }
            if !self.ledger().over.is_empty() {
                continue;
            }
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = until(next) => {}
            }
        }
    }

    /// Removes what an earlier process left; `false` while the broker does not answer.
    async fn clean(&self) -> bool {
        match self.dynsec.list_beginning(PREFIX).await {
            Ok(left) => {
                for login in left {
                    if let Err(error) = self.dynsec.delete_session(&login).await {
                        tracing::warn!(%error, "an old login for direct control is still there");
                        return false;
                    }
                }
                self.ledger().is_clean = true;
                true
            }
            Err(error) => {
                tracing::debug!(%error, "logins for direct control are not known yet");
                false
            }
        }
    }

    /// What is to be removed by now, and when there is more.
    fn due(&self, now: Instant) -> (Vec<String>, Option<Instant>) {
        let mut ledger = self.ledger();
        let ended: Vec<DeviceSn> = ledger
            .by_dock
            .iter()
            .filter(|(_, standing)| standing.ends <= now)
            .map(|(dock, _)| dock.clone())
            .collect();
        for dock in ended {
            let standing = ledger.by_dock.remove(&dock);
            ledger.over.extend(standing.map(|standing| standing.login));
        }
        (ledger.over.clone(), ledger.by_dock.values().map(|standing| standing.ends).min())
    }

    fn end(&self, dock: &DeviceSn, login: Option<&str>) {
        let mut ledger = self.ledger();
        let is_it = |standing: &Standing| login.is_none_or(|login| standing.login == login);
        if ledger.by_dock.get(dock).is_some_and(is_it) {
            let standing = ledger.by_dock.remove(dock);
            ledger.over.extend(standing.map(|standing| standing.login));
        }
        drop(ledger);
        self.changed.notify_one();
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(next) => sleep_until(next).await,
        None => std::future::pending().await,
    }
}
