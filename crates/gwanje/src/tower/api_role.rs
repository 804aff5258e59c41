//! The process of a split tower that serves the console and owns no dock (`--roles api`).
//!
//! Its picture and its orders cross to the process that owns the docks ([`super::split`]); people, wayline
//! files, history and the audit it reads and writes in the database itself. It refuses to enrol docks.
//! Without a database it has none of these but the picture.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use fleet_api::{
    Api, AuditLog, EnrolError, EnrolRequest, Enrolled, Enrolment, Parts, ScheduleError, Scheduling,
    SystemSource, Waylines,
};
use fleet_bus::{
    Bus,
    wire::{Side, Wire},
};
use fleet_store::{
    Database, Driver,
    audit::{Audit, AuditWriter},
};
use fleet_types::{
    DeviceSn, Reason, ScheduleId, WallMs,
    schedule::{HandledTime, PlannedTime, Schedule, ScheduleStatus},
};
use futures_util::future::BoxFuture;
use prometheus_client::registry::Registry;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::{
    CLOSING, api_config,
    audit::{self, LoggedAudit, StoredAudit},
    basemaps, dds, library, people,
    planner::Planner,
    recording,
    recovery::{self, DatabaseView},
    split::{
        api::{ApiSide, Seen},
        seal::{KEY_FILE, Keys},
    },
    system::System,
    tokens, web_listener,
};
use crate::{children, config::Config, data_dir, database, stall::LoopHealth};

/// How long the link's secret is waited for: it may be starting.
const KEY_WAIT: Duration = Duration::from_mins(2);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Pause after a failed attempt at the database.
const AGAIN: Duration = Duration::from_secs(2);
/// Between two looks at failed sign-ins that were counted.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// How long the audit's entries may take to be written at the end.
const SETTLING: Duration = Duration::from_secs(3);
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);
/// Room of the audit's spool, MB.
const AUDIT_SPOOL_MB: u32 = 64;

/// Runs until it is asked to stop.
///
/// # Errors
/// When it cannot start.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    let stop = children::shutdown_signal()?;
    tokio::pin!(stop);
    let keys = tokio::select! {
        biased;
        _ = &mut stop => return Ok(()),
        keys = keys(&config.data_dir) => keys?,
    };
    let listener = web_listener(&config).await?;
    let (bus, (health, mut panics)) = (Bus::new(), LoopHealth::new());
    let api_config = api_config(&config);
    let waylines = Waylines::sharing(&api_config, &keys.waylines)?;
    let mut kept = Kept::open(&config, &waylines)?;
    let view = kept.as_ref().map(|kept| kept.view.clone());
    let (people, accounts) = people::open(&config, view.as_ref())?;
    let log: Arc<dyn AuditLog> = match &kept {
        Some(kept) => Arc::clone(&kept.audit) as Arc<dyn AuditLog>,
        None => Arc::new(LoggedAudit),
    };
    let seen = Seen::default();
    let system = Arc::new(System::apart(health.clone(), seen.clone(), view.clone()));
    let planner = Arc::new(Planner::new(config.preflight, bus.clone()));
    let registry = Arc::new(Mutex::new(Registry::default()));
    health.register(&mut registry.lock().unwrap_or_else(PoisonError::into_inner));
    let (mut wire, _) = Wire::bare(config.dds.wire(), dds::spawn(&health));
    let line = wire.carry(Side::Api);
    {
        let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register_collector(Box::new(dds::WireLooks(wire.look())));
    }
    let (api, hub) = Api::new(Parts {
        config: api_config,
        bus: bus.clone(),
        tokens: Arc::new(tokens(&config)?),
        people,
        waylines: waylines.clone(),
        basemaps: basemaps::open(&config)?,
        upstream: basemaps::upstream(&config)?,
        wayline_sources: basemaps::wayline_sources(&config),
        enrolment: Arc::new(Elsewhere),
        planning: Arc::clone(&planner) as Arc<dyn fleet_api::Planning>,
        scheduling: Arc::new(Elsewhere),
        system: Arc::clone(&system) as Arc<dyn SystemSource>,
        audit: Arc::clone(&log),
        registry,
    });
    let name = format!("api {}", config.api.listen);
    let side = ApiSide::new(line, keys, name, &bus, api.clone(), health.clone(), seen)?;

    health.spawn_named("loop ticker", health.clone().tick());
    health.spawn_named("hub", hub.run());
    health.spawn_named("planner", planner.run(false));
    health.spawn_named("drift", system.follow_drift(bus.clone()));
    health.spawn_local_named("dds", wire.run());
    let (end, ended) = oneshot::channel();
    let crossing = health.spawn_named("crossing", side.run(ended));
    if let Some(accounts) = accounts {
        health.spawn_named("people", accounts.run());
    }
    // Told by the log and the list of failed components.
    health.spawn_named("panics", async move { while panics.recv().await.is_some() {} });
    if let Some(kept) = &mut kept {
        kept.start(&health, &config);
    }
    let counted = api.clone();
    health.spawn_named("refused sign-ins", async move {
        loop {
            sleep(TELL_EVERY).await;
            counted.tell_refusals(false);
        }
    });
    let entry = audit::own("tower.start").with("version", env!("CARGO_PKG_VERSION"));
    log.append(entry.with("roles", "api"), Box::new(drop));
    let serving = {
        let api = api.clone();
        health.spawn_named("api listener", async move { api.serve(listener).await })
    };
    tracing::info!(listen = %config.api.listen, "tower started, as api");
    let why = stop.await;
    tracing::info!(why, "tower stopping");
    api.shutdown();
    let _ = end.send(());
    let _ = timeout(GOODBYE, crossing).await;
    let _ = timeout(CLOSING, serving).await;
    api.tell_refusals(true);
    log.append(audit::own("tower.stop").with("why", why).with("roles", "api"), Box::new(drop));
    if let Some(kept) = kept {
        kept.settle().await;
    }
    Ok(())
}

/// The secret that the link made.
async fn keys(data_dir: &Path) -> anyhow::Result<Keys> {
    let file = data_dir.join(KEY_FILE);
    let end = Instant::now() + KEY_WAIT;
    loop {
        match data_dir::read_secret(&file) {
            Ok(secret) => return Ok(Keys::new(secret.expose())),
            Err(error) if Instant::now() >= end => {
                return Err(error).with_context(|| {
                    format!(
                        "the secret of the tower's processes in {}: start gwanje tower --roles link with this data directory, or copy the file from the machine where it runs",
                        file.display()
                    )
                });
            }
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

/// What this process keeps in the database.
struct Kept {
    view: DatabaseView,
    audit: Arc<StoredAudit>,
    library: Waylines,
    parts: Option<(Driver, AuditWriter)>,
}

impl Kept {
    fn open(config: &Config, library: &Waylines) -> anyhow::Result<Option<Self>> {
        let Some(settings) = database::settings(config)? else { return Ok(None) };
        let (database, driver) =
            Database::new(settings, database::resolver()).context("the database")?;
        database.withhold();
        library.kept_by(Arc::new(library::Library(database.clone())));
        let (audit, writer) = Audit::guarded(database.clone());
        let view = DatabaseView::new(database);
        let audit = Arc::new(StoredAudit::new(audit, view.clone(), &config.data_dir));
        let (library, parts) = (library.clone(), Some((driver, writer)));
        Ok(Some(Self { view, audit, library, parts }))
    }

    fn start(&mut self, health: &LoopHealth, config: &Config) {
        let Some((driver, writer)) = self.parts.take() else { return };
        health.spawn_named("database", driver.run());
        health.spawn_named("audit", writer.run());
        // Not the one of the link, which may have the same data directory.
        let dir = config.spool_dir().with_file_name("audit-spool-api");
        let spool = recording::spool(Arc::clone(&self.audit), dir, AUDIT_SPOOL_MB);
        health.spawn_named("audit spool", spool);
        let (view, library) = (self.view.clone(), self.library.clone());
        health.spawn_named("reading", read(view, library));
    }

    async fn settle(self) {
        let end = Instant::now() + SETTLING;
        while self.audit.waiting() > 0 && self.view.is_ready() && Instant::now() < end {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Waits until the link has brought the schema up to date, and takes up the wayline files.
async fn read(view: DatabaseView, library: Waylines) {
    let database = view.database();
    loop {
        database.up().await;
        let ready = async {
            recovery::make_ready(&database, false, false).await?;
            database.release();
            library::take_up(&database, &library).await
        };
        match ready.await {
            Ok(()) => return view.was_read(),
            Err(error) => {
                let text = format!("{error:#}");
                tracing::warn!(error = text, "the database cannot be used yet");
                view.is_unfit(text);
                sleep(AGAIN).await;
            }
        }
    }
}

/// Docks are enrolled where they are owned: a password does not cross.
struct Elsewhere;

impl Elsewhere {
    fn refused() -> EnrolError {
        EnrolError::Unavailable {
            what_to_do: "this process serves the console alone. Run gwanje dock add, or gwanje dock remove, on the machine of gwanje tower --roles link".to_owned(),
        }
    }
}

impl Enrolment for Elsewhere {
    fn enrol(&self, _: EnrolRequest) -> BoxFuture<'_, Result<Enrolled, EnrolError>> {
        Box::pin(async { Err(Self::refused()) })
    }

    fn remove(&self, _: DeviceSn, _: String) -> BoxFuture<'_, Result<(), EnrolError>> {
        Box::pin(async { Err(Self::refused()) })
    }
}

impl Elsewhere {
    /// Recurring missions are kept, and flown, where the docks are: two processes that make missions of one
    /// schedule would be two commanders.
    fn no_schedules() -> ScheduleError {
        ScheduleError::Unavailable("this process serves the console alone; recurring missions are made and changed at the local socket of gwanje tower --roles link".to_owned())
    }
}

impl Scheduling for Elsewhere {
    fn list(&self) -> Result<Vec<ScheduleStatus>, ScheduleError> {
        Err(Self::no_schedules())
    }

    fn preview(&self, _: &Schedule) -> Result<Vec<WallMs>, Reason> {
        Err(Reason::new("schedules_elsewhere", Self::no_schedules().to_string()))
    }

    fn planned(&self, _: WallMs, _: WallMs, _: usize) -> Result<Vec<PlannedTime>, ScheduleError> {
        Err(Self::no_schedules())
    }

    fn put(
        &self,
        _: Schedule,
        _: bool,
        _: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>> {
        Box::pin(async { Err(Self::no_schedules()) })
    }

    fn pause(
        &self,
        _: ScheduleId,
        _: bool,
        _: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>> {
        Box::pin(async { Err(Self::no_schedules()) })
    }

    fn remove(&self, _: ScheduleId, _: String) -> BoxFuture<'_, Result<(), ScheduleError>> {
        Box::pin(async { Err(Self::no_schedules()) })
    }

    fn handled(
        &self,
        _: Option<Uuid>,
        _: WallMs,
        _: WallMs,
    ) -> BoxFuture<'_, Result<Vec<HandledTime>, ScheduleError>> {
        Box::pin(async { Err(Self::no_schedules()) })
    }
}
