//! The database in the tower: its parts made, their tasks started, what waits written at the end.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use fleet_api::StoreState;
use fleet_store::{Database, Driver, journal};
use tokio::time::{Instant, sleep};

use super::{
    fleet::Fleet,
    journal::StoreJournal,
    recovery::{DatabaseView, Recovery},
};
use crate::{
    config::{Config, DatabaseMode},
    database,
    stall::LoopHealth,
};

/// How long what waits may take to be written at the end.
const SETTLING: Duration = Duration::from_secs(3);
/// Between two looks at what waits.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The parts, not yet running.
pub(crate) struct Store {
    driver: Driver,
    writer: journal::Writer,
    journal: Arc<StoreJournal>,
    view: DatabaseView,
    is_embedded: bool,
    migrates: bool,
}

/// What others see of it: readiness, the console, the end of the process.
#[derive(Clone)]
pub struct StoreView {
    kind: &'static str,
    journal: Arc<StoreJournal>,
    database: DatabaseView,
}

impl Store {
    /// The configured database; nothing when there is none.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(settings) = database::settings(config)? else { return Ok(None) };
        let (database, driver) =
            Database::new(settings, database::resolver()).context("the database")?;
        let (journal, writer) = journal::Journal::new(database.clone());
        let journal = Arc::new(StoreJournal::new(journal));
        let is_embedded = config.database.mode == DatabaseMode::Embedded;
        let migrates = config.database.migrate_at_start;
        let view = DatabaseView::new(database);
        Ok(Some(Self { driver, writer, journal, view, is_embedded, migrates }))
    }

    pub(crate) fn journal(&self) -> Arc<StoreJournal> {
        Arc::clone(&self.journal)
    }

    pub(crate) fn view(&self) -> StoreView {
        let kind = if self.is_embedded { "embedded" } else { "external" };
        StoreView { kind, journal: self.journal(), database: self.view.clone() }
    }

    /// Starts its tasks.
    pub(crate) fn start(self, health: &LoopHealth, fleet: Arc<Fleet>) {
        let Self { driver, writer, journal, view, is_embedded, migrates } = self;
        health.spawn_named("database", driver.run());
        health.spawn_named("journal", writer.run());
        let recovery = Recovery::new(view, journal, fleet, is_embedded, migrates);
        health.spawn_named("recovery", recovery.run());
    }
}

impl StoreView {
    /// Whether everything that must last can be kept, and in words how it stands.
    #[must_use]
    pub fn check(&self) -> (bool, String) {
        self.database.check()
    }

    /// How it stands, in figures.
    #[must_use]
    pub fn state(&self) -> StoreState {
        let (ready, detail) = self.check();
        StoreState {
            kind: self.kind.to_owned(),
            ready,
            detail,
            records_waiting: self.journal.waiting() as u64,
            ..StoreState::default()
        }
    }

    /// Waits until what has happened is written, while the database answers.
    pub(crate) async fn settle(self) {
        let until = Instant::now() + SETTLING;
        while self.journal.waiting() > 0 && self.database.is_ready() {
            if Instant::now() >= until {
                tracing::error!(records = self.journal.waiting(), "records were not written");
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}
