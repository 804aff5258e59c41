//! The handle to the database: a small pool of sessions, and whether the database is there.
//!
//! While it is known to be away a caller is told so at once; it is the driver that keeps trying.
//! Sessions are handed out exclusively. Read next: [`crate::session`] and [`crate::driver`].

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use fleet_types::WallMs;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_postgres::Client;

use crate::{
    config::{ConfigError, DatabaseConfig},
    connect::{Connector, Resolve, Wire},
    driver::Driver,
    error::StoreError,
    session::Session,
    tls::MakeTls,
};

/// Whether the database is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseState {
    /// The first attempt is under way.
    Starting,
    /// It answers.
    Up {
        /// Since when.
        since_ms: WallMs,
    },
    /// It does not.
    Down {
        /// Since when.
        since_ms: WallMs,
        /// Attempts since then.
        attempts: u32,
        /// What the last one met; never a secret.
        error: String,
    },
}

impl DatabaseState {
    /// Whether it answers.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up { .. })
    }
}

/// A handle; cloning it is cheap, all clones share the sessions.
#[derive(Clone)]
pub struct Database(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: Arc<DatabaseConfig>,
    pub(crate) connector: Connector,
    /// Sessions in use and idle together.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Client>>,
    wires: mpsc::Sender<Wire>,
    state: watch::Sender<DatabaseState>,
    /// Whether its schema is known to be ours: nothing is written by [`crate::journal`] and
    /// [`crate::recorder`] before.
    fit: watch::Sender<bool>,
    /// Somebody saw a connection fail: find out what is the matter.
    pub(crate) suspicion: Notify,
}

impl Database {
    /// A handle and the driver that must be run for it to work.
    ///
    /// # Errors
    /// [`ConfigError::Authorities`] when the file of authorities is of no use.
    pub fn new(config: DatabaseConfig, resolve: Resolve) -> Result<(Self, Driver), ConfigError> {
        let tls = MakeTls::new(&config.tls)?;
        let config = Arc::new(config);
        let connections = config.limits.connections.max(1);
        let (wires, received) = mpsc::channel(connections * 2 + 2);
        let shared = Arc::new(Shared {
            connector: Connector::new(config.clone(), tls, resolve),
            config,
            permits: Arc::new(Semaphore::new(connections)),
            idle: Mutex::default(),
            wires,
            state: watch::Sender::new(DatabaseState::Starting),
            fit: watch::Sender::new(true),
            suspicion: Notify::new(),
        });
        let driver = Driver::new(shared.clone(), received);
        Ok((Self(shared), driver))
    }

    /// What was configured.
    #[must_use]
    pub fn config(&self) -> &DatabaseConfig {
        &self.0.config
    }

    /// Whether the database is there, now.
    #[must_use]
    pub fn state(&self) -> DatabaseState {
        self.0.state.borrow().clone()
    }

    /// Tells of every change of [`Self::state`].
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<DatabaseState> {
        self.0.state.subscribe()
    }

    /// Waits until the database answers.
    pub async fn up(&self) {
        let mut state = self.watch();
        // The sender lives in `self`: waiting cannot fail.
        let _ = state.wait_for(DatabaseState::is_up).await;
    }

    /// Journal and recorder write nothing until [`Self::release`]: the schema may be another one
    /// than theirs. What they are given meanwhile waits, or goes through the spool.
    pub fn withhold(&self) {
        self.0.fit.send_replace(false);
    }

    /// The schema is right: journal and recorder may write.
    pub fn release(&self) {
        self.0.fit.send_replace(true);
    }

    /// Whether it answers, and may be written by journal and recorder.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.0.is_up() && *self.0.fit.borrow()
    }

    /// Waits until [`Self::is_writable`].
    pub async fn writable(&self) {
        let (mut state, mut fit) = (self.watch(), self.0.fit.subscribe());
        // The senders live in `self`: waiting cannot fail.
        while !self.is_writable() {
            let _ = fit.wait_for(|is_fit| *is_fit).await;
            let _ = state.wait_for(DatabaseState::is_up).await;
        }
    }

    /// A session for the caller alone, until [`Session::release`]. A session that is dropped without
    /// it (its future was cancelled, a statement failed) is closed, never used again.
    ///
    /// # Errors
    /// At once while the database is known to be away; [`StoreError::Busy`] when none becomes free.
    pub async fn session(&self) -> Result<Session, StoreError> {
        if let DatabaseState::Down { error, .. } = self.state() {
            return Err(StoreError::Unavailable { detail: error });
        }
        let acquire = self.0.config.limits.acquire;
        let waited_ms = u64::try_from(acquire.as_millis()).unwrap_or(u64::MAX);
        let permit = tokio::time::timeout(acquire, self.0.permits.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(StoreError::Busy { waited_ms }) };
        let client = match self.0.take_idle() {
            Some(client) => client,
            None => self.0.open().await.inspect_err(|_| self.0.suspicion.notify_one())?,
        };
        Ok(Session::new(client, permit, self.0.clone()))
    }
}

impl Shared {
    /// A new session, set up and ready. Its wire is polled by the driver.
    pub(crate) async fn open(&self) -> Result<Client, StoreError> {
        let unavailable = |detail| StoreError::Unavailable { detail };
        let (client, wire) = self.connector.connect().await.map_err(unavailable)?;
        let stopped = |_| unavailable("the store was shut down".to_owned());
        self.wires.try_send(wire).map_err(stopped)?;
        let limit = self.config.limits.connect;
        match tokio::time::timeout(limit, client.batch_execute(&self.connector.session_sql())).await
        {
            Ok(done) => done?,
            Err(_) => {
                return Err(unavailable("the session could not be set up in time".to_owned()));
            }
        }
        Ok(client)
    }

    pub(crate) fn take_idle(&self) -> Option<Client> {
        let mut idle = self.idle();
        idle.retain(|client| !client.is_closed());
        idle.pop()
    }

    pub(crate) fn put_idle(&self, client: Client) {
        let mut idle = self.idle();
        if !client.is_closed() && idle.len() < self.config.limits.connections {
            idle.push(client);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state.borrow().is_up()
    }

    pub(crate) fn set_up(&self) {
        self.state.send_if_modified(|state| {
            let is_new = !state.is_up();
            if is_new {
                *state = DatabaseState::Up { since_ms: wall_ms() };
            }
            is_new
        });
    }

    pub(crate) fn set_down(&self, error: String) {
        self.idle().clear();
        self.state.send_modify(|state| {
            let (since_ms, attempts) = match state {
                DatabaseState::Down { since_ms, attempts, .. } => (*since_ms, *attempts + 1),
                DatabaseState::Starting | DatabaseState::Up { .. } => (wall_ms(), 1),
            };
            *state = DatabaseState::Down { since_ms, attempts, error };
        });
    }
}

pub(crate) fn wall_ms() -> WallMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
