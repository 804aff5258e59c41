//! The database in the tower: its parts made, their tasks started, what waits written at the end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use fleet_api::StoreState;
use fleet_bus::Bus;
use fleet_store::{
    Database, Driver, journal,
    recorder::{self, Recorder, RecorderSettings},
    upkeep::{self, UpkeepSettings},
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{
    fleet::Fleet,
    journal::StoreJournal,
    keeper::Keeper,
    recording::{self, Missed},
    recovery::{DatabaseView, Recovery},
    store_watch,
};
use crate::{
    config::{Config, DatabaseMode},
    database,
    stall::LoopHealth,
};

/// How long what waits may take to be written at the end.
const SETTLING: Duration = Duration::from_secs(3);
/// A database that is away this long after the start may be away for long: the spool is used.
const UNREAD_FOR: Duration = Duration::from_secs(10);
/// Between two looks at what waits.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The parts, not yet running.
pub(crate) struct Store {
    driver: Driver,
    writer: journal::Writer,
    recorder: Recorder,
    record_writer: recorder::Writer,
    spool: (PathBuf, u32),
    upkeep: UpkeepSettings,
    missed: Arc<Missed>,
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
    recorder: Recorder,
    missed: Arc<Missed>,
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
        let (recorder, record_writer) =
            Recorder::new(database.clone(), RecorderSettings::default());
        let spool = (config.spool_dir(), config.database.spool_mb);
        let days = |days: u32| u16::try_from(days).unwrap_or(u16::MAX);
        let upkeep = UpkeepSettings {
            telemetry_days: days(config.database.telemetry_days),
            minutes_days: days(config.database.rollup_days),
            events_days: days(config.database.history_days),
            ..UpkeepSettings::default()
        };
        let is_embedded = config.database.mode == DatabaseMode::Embedded;
        let migrates = config.database.migrate_at_start;
        let view = DatabaseView::new(database);
        Ok(Some(Self {
            driver,
            writer,
            recorder,
            record_writer,
            spool,
            upkeep,
            missed: Arc::default(),
            journal,
            view,
            is_embedded,
            migrates,
        }))
    }

    pub(crate) fn journal(&self) -> Arc<StoreJournal> {
        Arc::clone(&self.journal)
    }

    pub(crate) fn view(&self) -> StoreView {
        let kind = if self.is_embedded { "embedded" } else { "external" };
        StoreView {
            kind,
            journal: self.journal(),
            recorder: self.recorder.clone(),
            missed: Arc::clone(&self.missed),
            database: self.view.clone(),
        }
    }

    /// Makes events safe before they are acknowledged.
    pub(crate) fn keeper(&self) -> Arc<dyn Keeper> {
        Arc::new(self.recorder.clone())
    }

    /// Starts its tasks.
    pub(crate) fn start(self, health: &LoopHealth, fleet: Arc<Fleet>, bus: &Bus) {
        let watched = self.view();
        let Self { driver, writer, recorder, record_writer, .. } = self;
        health.spawn_named("store watch", store_watch::run(watched, bus.clone()));
        health.spawn_named("database", driver.run());
        health.spawn_named("journal", writer.run());
        let telemetry = recording::telemetry(recorder.clone(), bus.clone(), self.missed);
        health.spawn_named("recorder telemetry", telemetry);
        health.spawn_named("recorder states", recording::states(recorder.clone(), bus.clone()));
        let (dir, max_mb) = self.spool;
        // The directory is a sign that this tower has had a database that was fit for use: only
        // then may anything be written before the schema was looked at again.
        let has_recorded = dir.exists();
        let (fit, is_fit) = oneshot::channel();
        let view = self.view.clone();
        let (journal, is_embedded, migrates) = (self.journal, self.is_embedded, self.migrates);
        let recovery = Recovery::new(self.view, journal, fleet, is_embedded, migrates, fit);
        health.spawn_named("recovery", recovery.run());
        let spooling = health.clone();
        health.spawn_named("recorder", async move {
            tokio::select! {
                _ = is_fit => {}
                () = sleep(UNREAD_FOR), if has_recorded => {}
            }
            spooling.spawn_named("spool", recording::spool(recorder, dir, max_mb));
            record_writer.run().await;
        });
        health.spawn_named("upkeep", async move {
            view.until_ready().await;
            upkeep::run(view.database(), self.upkeep).await;
        });
    }
}

impl StoreView {
    /// Whether everything that must last can be kept, and in words how it stands.
    #[must_use]
    pub fn check(&self) -> (bool, String) {
        self.database.check()
    }

    /// What became of what the recorder took in.
    #[must_use]
    pub fn counts(&self) -> recorder::Counts {
        self.recorder.counts()
    }

    /// How it stands, in figures.
    #[must_use]
    pub fn state(&self) -> StoreState {
        let (ready, detail) = self.check();
        let counts = self.recorder.counts();
        StoreState {
            kind: self.kind.to_owned(),
            ready,
            detail,
            records_waiting: self.journal.waiting() as u64,
            events_waiting: counts.kept_waiting,
            rows_written: counts.rows_written,
            rows_dropped: counts.rows_dropped + counts.rows_refused + self.missed.count(),
            spooled_bytes: counts.spool_bytes,
        }
    }

    /// Waits until what has happened is written, while the database answers.
    pub(crate) async fn settle(self) {
        let until = Instant::now() + SETTLING;
        let waits = || self.journal.waiting() as u64 + self.recorder.counts().kept_waiting;
        while waits() > 0 && self.database.is_ready() {
            if Instant::now() >= until {
                tracing::error!(records = self.journal.waiting(), "records were not written");
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}
