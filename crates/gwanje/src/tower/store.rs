//! The database in the tower: its parts made, their tasks started, what waits written at the end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use fleet_api::{Api, History, StoreState, Waylines};
use fleet_bus::Bus;
use fleet_store::{
    Database, Driver,
    audit::{Audit, AuditWriter},
    journal,
    recorder::{self, Recorder, RecorderSettings},
    upkeep::{self, UpkeepSettings},
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{
    alarms::Remembered,
    audit::StoredAudit,
    fleet::Fleet,
    history::StoredHistory,
    journal::StoreJournal,
    keeper::Keeper,
    library::Library,
    recall::Recall,
    recording::{self, Missed},
    recovery::{DatabaseView, Recovery},
    split::Recalled,
    store_watch,
};
use crate::{
    config::{Config, DatabaseMode},
    database,
    stall::LoopHealth,
};

/// How long what waits may take to be written at the end.
const SETTLING: Duration = Duration::from_secs(3);
/// Room of the journal's spool, MB: some hundred thousand records.
const JOURNAL_SPOOL_MB: u32 = 256;
/// Room of the audit's spool, MB.
const AUDIT_SPOOL_MB: u32 = 64;
/// Between two looks at what waits.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The parts, not yet running.
pub(crate) struct Store {
    driver: Driver,
    writer: journal::Writer,
    audit: Arc<StoredAudit>,
    audit_writer: AuditWriter,
    recorder: Recorder,
    record_writer: recorder::Writer,
    spool: (PathBuf, u32),
    upkeep: UpkeepSettings,
    missed: Arc<Missed>,
    journal: Arc<StoreJournal>,
    view: DatabaseView,
    is_embedded: bool,
    migrates: bool,
    library: Waylines,
    recall: Option<Recall>,
}

/// What others see of it: readiness, the console, the end of the process.
#[derive(Clone)]
pub struct StoreView {
    kind: &'static str,
    journal: Arc<StoreJournal>,
    audit: Arc<StoredAudit>,
    recorder: Recorder,
    missed: Arc<Missed>,
    database: DatabaseView,
}

impl Store {
    /// The configured database; nothing when there is none.
    pub(crate) fn open(config: &Config, library: &Waylines) -> anyhow::Result<Option<Self>> {
        let Some(settings) = database::settings(config)? else { return Ok(None) };
        let (database, driver) =
            Database::new(settings, database::resolver()).context("the database")?;
        // Until the schema is known to be ours.
        database.withhold();
        library.kept_by(Arc::new(Library(database.clone())));
        let (journal, writer) = journal::Journal::guarded(database.clone());
        let journal = Arc::new(StoreJournal::new(journal));
        let (audit, audit_writer) = Audit::guarded(database.clone());
        let (recorder, record_writer) =
            Recorder::new(database.clone(), RecorderSettings::default());
        let spool = (config.spool_dir(), config.database.spool_mb);
        let days = |days: u32| u16::try_from(days).unwrap_or(u16::MAX);
        let upkeep = UpkeepSettings {
            telemetry_days: days(config.database.telemetry_days),
            minutes_days: days(config.database.rollup_days),
            events_days: days(config.database.history_days),
            records_days: days(config.database.history_days),
            ..UpkeepSettings::default()
        };
        let is_embedded = config.database.mode == DatabaseMode::Embedded;
        let migrates = config.database.migrate_at_start;
        let view = DatabaseView::new(database);
        let audit = Arc::new(StoredAudit::new(audit, view.clone(), &config.data_dir));
        Ok(Some(Self {
            driver,
            writer,
            audit,
            audit_writer,
            recorder,
            record_writer,
            spool,
            upkeep,
            missed: Arc::default(),
            journal,
            view,
            is_embedded,
            migrates,
            library: library.clone(),
            recall: None,
        }))
    }

    /// For the alarms' component: where they go on record, and those that were on record before,
    /// once the database was read.
    pub(crate) fn recall(&mut self) -> (Recorder, oneshot::Receiver<Vec<Remembered>>) {
        let (alarms, remembered) = oneshot::channel();
        let (view, recorder) = (self.view.clone(), self.recorder.clone());
        self.recall = Some(Recall { view, recorder: recorder.clone(), alarms, apart: None });
        (recorder, remembered)
    }

    /// Other processes of the tower are told, too, what was known before.
    pub(crate) fn tell_apart(&mut self, recalled: Recalled) {
        if let Some(recall) = &mut self.recall {
            recall.apart = Some(recalled);
        }
    }

    /// The database, and how it stands.
    pub(crate) fn database(&self) -> DatabaseView {
        self.view.clone()
    }

    pub(crate) fn journal(&self) -> Arc<StoreJournal> {
        Arc::clone(&self.journal)
    }

    /// Who did what.
    pub(crate) fn audit(&self) -> Arc<StoredAudit> {
        Arc::clone(&self.audit)
    }

    pub(crate) fn view(&self) -> StoreView {
        let kind = if self.is_embedded { "embedded" } else { "external" };
        StoreView {
            kind,
            journal: self.journal(),
            audit: self.audit(),
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
    pub(crate) fn start(self, health: &LoopHealth, fleet: Arc<Fleet>, bus: &Bus, api: &Api) {
        let watched = self.view();
        let Self { driver, writer, audit_writer, recorder, record_writer, .. } = self;
        health.spawn_named("store watch", store_watch::run(watched, bus.clone()));
        health.spawn_named("database", driver.run());
        health.spawn_named("journal", writer.run());
        health.spawn_named("audit", audit_writer.run());
        health.spawn_named("audit book", Arc::clone(&self.audit).run(api.clone()));
        let telemetry = recording::telemetry(recorder.clone(), bus.clone(), self.missed);
        health.spawn_named("recorder telemetry", telemetry);
        health.spawn_named("recorder states", recording::states(recorder.clone(), bus.clone()));
        health.spawn_named("recorder", record_writer.run());
        let (dir, max_mb) = self.spool;
        // Apart, so that no telemetry stands before what flights wait for.
        let of_journal = recording::spool(
            Arc::clone(&self.journal),
            dir.with_file_name("journal-spool"),
            JOURNAL_SPOOL_MB,
        );
        health.spawn_named("journal spool", of_journal);
        let of_audit =
            recording::spool(self.audit, dir.with_file_name("audit-spool"), AUDIT_SPOOL_MB);
        health.spawn_named("audit spool", of_audit);
        health.spawn_named("spool", recording::spool(recorder, dir, max_mb));
        let view = self.view.clone();
        let (journal, is_embedded, migrates) = (self.journal, self.is_embedded, self.migrates);
        let known = Arc::clone(&fleet);
        let recovery =
            Recovery::new(self.view, journal, fleet, self.library, is_embedded, migrates);
        health.spawn_named("recovery", recovery.run());
        if let Some(recall) = self.recall {
            health.spawn_named("recall", recall.run(api.clone(), known));
        }
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

    /// What happened before this process.
    pub(crate) fn history(&self) -> Arc<dyn History> {
        Arc::new(StoredHistory(self.database.database()))
    }

    /// Batches that a spool did not take, since the start.
    #[must_use]
    pub fn spool_refusals(&self) -> u64 {
        self.recorder.counts().spool_refusals
            + self.journal.counts().spool_refusals
            + self.audit.counts().spool_refusals
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
            records_waiting: (self.journal.waiting() + self.audit.waiting()) as u64,
            events_waiting: counts.kept_waiting,
            rows_written: counts.rows_written,
            rows_dropped: counts.rows_dropped + counts.rows_refused + self.missed.count(),
            spooled_bytes: counts.spool_bytes,
        }
    }

    /// Waits until what has happened is written, while the database answers.
    pub(crate) async fn settle(self) {
        let until = Instant::now() + SETTLING;
        let waits = || {
            let records = self.journal.waiting() + self.audit.waiting();
            records as u64 + self.recorder.counts().kept_waiting
        };
        while waits() > 0 && self.database.is_ready() {
            if Instant::now() >= until {
                tracing::error!(records = self.journal.waiting(), "records were not written");
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}
