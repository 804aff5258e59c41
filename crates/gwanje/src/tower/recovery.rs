//! The database at the tower's start: its schema brought up to date, and what was under way handed
//! to the machines before they take anything in.
//!
//! The tower waits for nothing: it serves, shows and takes counter-actions meanwhile. Messages of
//! docks wait a little at the broker; when the database does not answer by then, machines go on
//! without it and are told when it does. Nothing is ever sent from here.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use fleet_api::Waylines;
use fleet_core::journal::fold::{Fold, OpenWork};
use fleet_store::{Database, DatabaseState, journal, migrate};
use fleet_types::{DeviceSn, WallMs};
use tokio::time::{sleep, timeout};

use super::{clock, fleet::Fleet, journal::StoreJournal, library};

/// How long the docks' messages wait for the journal. A database that was killed is back sooner.
const MESSAGES_WAIT: Duration = Duration::from_secs(10);
/// How long the journal's spool may take before it is said that flights wait for it.
const SPOOL_WAIT: Duration = Duration::from_secs(10);
/// A caller that asks again under the key of something that was over is answered for a week.
const KEYS_KNOWN_MS: i64 = 7 * 86_400_000;
/// Pause after a failed attempt.
const AGAIN: Duration = Duration::from_secs(2);

/// How the database stands, for readiness and the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was not read yet.
    Starting,
    /// Read, and its schema is right.
    Ready,
    /// It answers and is of no use as it is.
    Unfit(String),
}

/// Reads the database once.
pub struct Recovery {
    database: Database,
    journal: Arc<StoreJournal>,
    fleet: Arc<Fleet>,
    is_embedded: bool,
    migrates: bool,
    view: DatabaseView,
    library: Waylines,
}

/// What others see of the database.
#[derive(Clone)]
pub struct DatabaseView {
    database: Database,
    standing: Arc<Mutex<Standing>>,
}

impl Recovery {
    /// Of this database, for these machines.
    #[must_use]
    pub fn new(
        view: DatabaseView,
        journal: Arc<StoreJournal>,
        fleet: Arc<Fleet>,
        library: Waylines,
        is_embedded: bool,
        migrates: bool,
    ) -> Self {
        let database = view.database.clone();
        Self { database, journal, fleet, is_embedded, migrates, view, library }
    }

    /// Ends when the machines were told.
    pub async fn run(self) {
        let reading = self.read();
        tokio::pin!(reading);
        if let Ok(work) = timeout(MESSAGES_WAIT, &mut reading).await {
            return self.hand_over(work);
        }
        tracing::error!(
            "the database cannot be read: docks are served without it, new flights are refused"
        );
        self.fleet.go_on_unrecovered();
        let work = reading.await;
        self.hand_over(work);
    }

    fn hand_over(&self, work: BTreeMap<DeviceSn, OpenWork>) {
        let open = work.values().filter(|work| work.is_open()).count();
        tracing::info!(docks = work.len(), open, "the journal was read");
        self.fleet.recovered(work);
        // Orders come after it in every inbox.
        self.journal.was_read();
        *lock(&self.view.standing) = Standing::Ready;
    }

    /// What is open, by dock; tried until it is known.
    async fn read(&self) -> BTreeMap<DeviceSn, OpenWork> {
        loop {
            self.database.up().await;
            match self.read_once().await {
                Ok(work) => return work,
                Err(error) => {
                    let text = format!("{error:#}");
                    if self.database.state().is_up() {
                        tracing::error!(error = text, "the database is of no use as it is");
                        *lock(&self.view.standing) = Standing::Unfit(text);
                    }
                    sleep(AGAIN).await;
                }
            }
        }
    }

    async fn read_once(&self) -> anyhow::Result<BTreeMap<DeviceSn, OpenWork>> {
        make_ready(&self.database, self.is_embedded, self.migrates).await?;
        self.database.release();
        // What the tower before this one could only put on disk belongs before everything newer.
        timeout(SPOOL_WAIT, self.journal.replayed()).await.context(
            "the journal's spool (journal-spool in the data directory) cannot be read or is not written back yet: see the log",
        )?;
        let closed_since = WallMs(clock::now().wall.0.saturating_sub(KEYS_KNOWN_MS));
        let stored = journal::load_open(&self.database, closed_since).await;
        let stored = stored.context("the journal")?;
        // Before any machine is told of a flight that is planned.
        library::take_up(&self.database, &self.library).await?;
        let mut fold = Fold::default();
        for stored in stored.values().flatten() {
            fold.add(&stored.record);
        }
        Ok(fold.finish())
    }
}

/// Brings the schema up to date, or checks that it is.
///
/// # Errors
/// What stands against using the database as it is.
pub async fn make_ready(
    database: &Database,
    is_embedded: bool,
    migrates: bool,
) -> anyhow::Result<()> {
    if !migrates {
        return Ok(migrate::check(database).await?);
    }
    if is_embedded {
        migrate::bootstrap_embedded(database).await.context("the roles of the database")?;
    }
    let report = migrate::migrate(database).await?;
    if !report.applied.is_empty() {
        tracing::info!(
            applied = report.applied.len(),
            "the database's schema was brought up to date"
        );
    }
    Ok(())
}

impl DatabaseView {
    /// Of a database that was not read yet.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, standing: Arc::new(Mutex::new(Standing::Starting)) }
    }

    /// It was read by whoever reads it, and is of use.
    pub(super) fn was_read(&self) {
        *lock(&self.standing) = Standing::Ready;
    }

    /// It answers and is of no use as it is.
    pub(super) fn is_unfit(&self, why: String) {
        *lock(&self.standing) = Standing::Unfit(why);
    }

    /// The database itself.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Waits until it was read.
    pub async fn until_ready(&self) {
        while !self.is_ready() {
            sleep(AGAIN).await;
        }
    }

    /// Whether everything that must last can be kept, and in words how it stands.
    #[must_use]
    pub fn check(&self) -> (bool, String) {
        match (self.database.state(), &*lock(&self.standing)) {
            (DatabaseState::Starting, _) => (false, "the database is not yet reachable".to_owned()),
            (DatabaseState::Down { error, .. }, Standing::Starting) => {
                (false, format!("the database is not yet reachable: {error}"))
            }
            (DatabaseState::Down { error, .. }, Standing::Ready | Standing::Unfit(_)) => {
                (false, format!("the database is away: {error}"))
            }
            (DatabaseState::Up { .. }, Standing::Starting) => {
                (false, "the database is being read".to_owned())
            }
            (DatabaseState::Up { .. }, Standing::Unfit(why)) => (false, why.clone()),
            (DatabaseState::Up { .. }, Standing::Ready) => {
                (true, "the database answers".to_owned())
            }
        }
    }

    /// Whether it is read, and answers.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.check().0
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
