//! The tower process: the one place where the components are wired together.
//!
//! `link → fleet (router) → dock tasks → bus → hub → API`, and back: `API → bus → fleet → dock task
//! → link`. Nothing is decided here. Each component is a named task on the one event loop; a
//! panic ends its task alone and is alarmed. Read next: [`pumps`] for the tasks between the
//! components, [`fleet`] for the routing, [`dock_task`] for the life of one input.

pub mod aircraft_rights;
pub mod alarms;
mod api_role;
pub mod audit;
pub mod basemaps;
pub mod book;
mod broker_watch;
mod certificates;
pub mod clock;
mod condition;
mod dds;
pub mod denials;
pub mod dock_task;
pub mod emqx;
pub mod enrolment;
pub mod fleet;
mod history;
pub mod in_flight;
pub mod inbox;
pub mod journal;
pub mod keeper;
mod library;
pub mod media;
mod methods;
pub mod metrics;
mod pairings;
mod people;
pub mod planner;
pub mod pumps;
pub mod rates;
mod recall;
pub mod recording;
pub mod recovery;
pub mod rights_in_force;
pub mod roster;
mod safekeeping;
mod schedules;
pub mod split;
pub mod storage;
pub mod store;
mod store_watch;
pub mod system;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use fleet_api::{
    Api, ApiConfig, AuditLog, Listener, Parts, Site, SystemSource, Tls, Tokens, Waylines,
};
use fleet_bus::{
    Bus,
    wire::{FrameLine, Refused as Refusal, Side, Wire},
};
use fleet_core::dock::SiteConfig;
use fleet_links::{
    Secret,
    dynsec::{DynsecClient, SessionLogins},
    mqtt::{self, LinkEvents, LinkHandle, MqttConfig, TlsFiles},
};
use prometheus_client::registry::Registry;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    alarm_texts,
    ca::CaDir,
    children::{self, denials::DENIALS_FILE},
    config::{BrokerMode, Config},
    data_dir, secret,
    stall::{LoopHealth, TaskPanicked},
};
use aircraft_rights::AircraftRights;
use alarms::Alarms;
use denials::Refused;
use dock_task::Surroundings;
use emqx::Endpoint;
use enrolment::{BrokerEnrolment, DockAddress, Logins, public_address};
use fleet::{Fleet, FleetConfig};
use in_flight::InFlight;
use journal::{Journal, MemoryJournal};
use keeper::{Keeper, NoKeeper};
use media::StoredFiles;
use pairings::Pairings;
use planner::Planner;
use rights_in_force::{Broker, Follower};
use roster::Roster;
use schedules::Scheduler;
pub use split::roles::Roles;
use split::{
    Around, LinkSide, Recalled, alone,
    roles::commander,
    seal::{KEY_FILE, Keys},
};
use storage::Storage;
use store::Store;
use system::System;

/// Bytes of a certificate or key file.
const PEM_MAX: u64 = 1 << 20;
/// How long the goodbye to the other processes may take.
const GOODBYE: Duration = Duration::from_millis(500);
/// Refused frames that wait to be alarmed.
const FRAMES_REFUSED: usize = 64;
/// How long open requests may take at shutdown; the API itself cuts them before.
const CLOSING: Duration = Duration::from_secs(6);

/// Runs the tower until it is asked to stop.
///
/// # Errors
/// When it cannot start: an address in use, files that cannot be read, no random numbers.
pub async fn run(config: Config, roles: Roles) -> anyhow::Result<()> {
    if !roles.commands() {
        return api_role::run(config).await;
    }
    let stop = children::shutdown_signal()?;
    // Before anything else: there are never two.
    let commander = commander(&config.data_dir)?;
    let apart = match roles {
        Roles::Link => Some(apart(&config, commander.epoch).await?),
        Roles::All | Roles::Api => None,
    };
    let mut listeners = vec![local_listener(&config)?];
    if apart.is_none() {
        listeners.push(web_listener(&config).await?);
    }
    let tower = Tower::build_for(&config, apart)?;
    let (api, link, health) = (tower.api.clone(), tower.link.clone(), tower.health.clone());
    let store = tower.store.as_ref().map(Store::view);
    let audit = Arc::clone(&tower.audit);
    let started = audit::own("tower.start").with("version", env!("CARGO_PKG_VERSION"));
    audit.append(started.with("config_sha256", config.digest()), Box::new(drop));
    let mut crossing = tower.start();
    let serving: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let api = api.clone();
            health.spawn_named("api listener", async move { api.serve(listener).await })
        })
        .collect();
    tracing::info!(listen = %config.api.listen, ?roles, "tower started");
    let mut rival = None;
    let why = match &mut crossing {
        None => stop.await,
        Some(crossing) => tokio::select! {
            why = stop => why,
            Ok(who) = &mut crossing.must_end => {
                rival = Some(who);
                "two commanders"
            }
        },
    };
    tracing::info!(why, "tower stopping");
    if let Some(Crossing { stop, task, .. }) = crossing {
        let _ = stop.send(());
        let _ = timeout(GOODBYE, task).await;
    }
    api.shutdown();
    link.shutdown();
    for listener in serving {
        // One that does not end in time ends with the process.
        let _ = tokio::time::timeout(CLOSING, listener).await;
    }
    api.tell_refusals(true);
    audit.append(audit::own("tower.stop").with("why", why), Box::new(drop));
    if let Some(store) = store {
        store.settle().await;
    }
    drop(commander);
    match rival {
        Some(who) => anyhow::bail!("two processes command the docks of this tower: {who}"),
        None => Ok(()),
    }
}

/// What a tower that has its api in another process is made with.
pub(crate) struct Apart {
    keys: Keys,
    epoch: u64,
}

/// The secret of the tower's processes, when no other link is heard that has it.
async fn apart(config: &Config, epoch: u64) -> anyhow::Result<Apart> {
    // What the others read is there before the secret, for which they wait.
    tokens(config)?;
    people::sign_in(config)?;
    let file = config.data_dir.join(KEY_FILE);
    let secret = data_dir::secret_or_new(&file)
        .with_context(|| format!("the secret of the tower's processes in {}", file.display()))?;
    let keys = Keys::new(secret.expose());
    let (health, _) = LoopHealth::new();
    let (mut wire, _) = Wire::bare(config.dds.wire(), dds::spawn(&health));
    let mut line = wire.carry(Side::Api);
    let listening = health.spawn_local_named("dds", wire.run());
    let found = alone(&mut line, &keys).await;
    listening.abort();
    if let Err(who) = found {
        anyhow::bail!(
            "another process commands the docks of this tower ({who} in DDS domain {}): there must never be two. Stop it first",
            config.dds.domain_id
        );
    }
    Ok(Apart { keys, epoch })
}

/// The running line to the other processes.
pub(crate) struct Crossing {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Option<()>>,
    /// Another link was there before.
    must_end: oneshot::Receiver<String>,
}

/// The components, wired and not yet running.
pub(crate) struct Tower {
    pub(crate) api: Api,
    pub(crate) link: LinkHandle,
    pub(crate) health: LoopHealth,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) bus: Bus,
    hub: fleet_api::Hub,
    alarms: Alarms,
    events: LinkEvents,
    system: Arc<System>,
    dynsec: Option<DynsecClient>,
    rights: Option<Arc<AircraftRights>>,
    emqx: Option<Endpoint>,
    sessions: Option<SessionLogins>,
    ca: Option<CaDir>,
    /// The tower's own for somebody else's broker.
    certificate: Option<std::path::PathBuf>,
    refusals: Option<std::path::PathBuf>,
    refused: Arc<Refused>,
    in_flight: Arc<InFlight>,
    pairings: Arc<Pairings>,
    panics: mpsc::Receiver<TaskPanicked>,
    planner: Arc<Planner>,
    scheduler: Arc<Scheduler>,
    store: Option<Store>,
    wire: Option<(Wire, mpsc::Receiver<Refusal>)>,
    apart: Option<(Apart, FrameLine, Recalled)>,
    accounts: Option<Arc<people::Stored>>,
    audit: Arc<dyn AuditLog>,
}

impl Tower {
    /// Everything in one process.
    #[cfg(test)]
    pub(crate) fn build(config: &Config) -> anyhow::Result<Self> {
        Self::build_for(config, None)
    }

    /// Builds every component; the link begins to connect.
    pub(crate) fn build_for(config: &Config, apart: Option<Apart>) -> anyhow::Result<Self> {
        let bus = Bus::new();
        let (health, panics) = LoopHealth::new();
        let (link, events) = mqtt::start(link_config(config)?, clock::now);
        let embedded = config.mqtt.mode == BrokerMode::Embedded;
        let dynsec = embedded.then(|| DynsecClient::new(link.clone()));
        let pairings = Arc::new(Pairings::default());
        let in_flight = Arc::new(InFlight::default());
        let api_config = api_config(config);
        let waylines = match &apart {
            Some(apart) => Waylines::sharing(&api_config, &apart.keys.waylines)?,
            None => Waylines::new(&api_config)?,
        };
        let mut store = Store::open(config, &waylines)?;
        let (journal, keeper): (Arc<dyn Journal>, Arc<dyn Keeper>) = match &store {
            Some(store) => (store.journal(), store.keeper()),
            None => (Arc::new(MemoryJournal::default()), Arc::new(NoKeeper)),
        };
        let surroundings = Surroundings {
            link: link.clone(),
            journal,
            keeper,
            waylines: waylines.clone(),
            in_flight: Arc::clone(&in_flight),
            bus: bus.clone(),
            pairings: Arc::clone(&pairings),
            storage: Storage::open(config)?.map(Arc::new),
        };
        let roster = Arc::new(Roster::open(&config.data_dir).context("the names of docks")?);
        let docks_max = config.limits.max_docks as usize;
        let fleet_config = FleetConfig {
            site: Arc::new(site_config(config)),
            trust_broker: !embedded,
            limits: config.preflight,
            authority: config.authority,
            docks_max,
            messages_per_s: config.limits.device_messages_per_s,
            roster: Arc::clone(&roster),
            health: health.clone(),
            seed: seed()?,
        };
        let fleet = Arc::new(Fleet::new(fleet_config, surroundings));
        let (forgotten, to_forget) = mpsc::channel(alarms::FORGOTTEN_MAX);
        let texts = config.dji.hms_file.as_deref().map(alarm_texts::load).transpose()?;
        let mut alarms = Alarms::new(&bus, seed()?, texts, to_forget);
        if let Some((recorder, remembered)) = store.as_mut().map(Store::recall) {
            alarms = alarms.recorded(recorder, remembered);
        }
        let recalled = Recalled::default();
        if let (Some(store), Some(_)) = (&mut store, &apart) {
            store.tell_apart(recalled.clone());
        }
        if store.is_none() {
            fleet.recovered(BTreeMap::new());
        }
        let (people, accounts) =
            people::open(config, store.as_ref().map(Store::database).as_ref())?;
        let audit: Arc<dyn AuditLog> = match &store {
            Some(store) => store.audit(),
            None => Arc::new(audit::LoggedAudit),
        };
        let database = store.as_ref().map(Store::view);
        let (mode, fleet_seen) = (config.mqtt.mode, Arc::clone(&fleet));
        let media = match &store {
            Some(store) => StoredFiles::open(config, store.database().database())?,
            None => None,
        };
        let system = System::new(health.clone(), fleet_seen, mode, forgotten, database, media);
        let system = Arc::new(system);
        let rights_dir = if embedded { config.broker_dir() } else { config.data_dir.clone() };
        let rights = Arc::new(AircraftRights::open(&rights_dir));
        let emqx = Endpoint::open(config, &rights)?;
        let logins = match (&dynsec, &emqx) {
            (Some(dynsec), _) => Some(Logins::Mosquitto(dynsec.clone())),
            (None, Some(emqx)) => Some(Logins::Asked(Arc::clone(&emqx.accounts))),
            (None, None) => None,
        };
        for sn in emqx.iter().flat_map(|emqx| emqx.accounts.docks()) {
            if fleet.add(&sn).is_err() {
                tracing::error!(device.sn = %sn, "more docks are enrolled than limits.max_docks allows");
            }
        }
        // Of another's broker that does not ask, rights are its owner's matter.
        let rights = logins.is_some().then_some(rights);
        let sessions = dynsec.clone().map(SessionLogins::new);
        let enrolment = BrokerEnrolment {
            logins,
            sessions: sessions.clone(),
            rights: rights.clone(),
            fleet: Arc::clone(&fleet),
            system: Arc::clone(&system),
            roster,
            address: dock_address(config),
            docks_max,
        };
        let planner = Arc::new(Planner::new(config.preflight, bus.clone()));
        let scheduler = Arc::new(Scheduler::new(
            store.as_ref().map(Store::database),
            waylines.clone(),
            bus.clone(),
            Arc::clone(&planner),
            Arc::clone(&audit),
        ));
        let refused = Arc::new(Refused::default());
        let is_wired = config.dds.enabled || apart.is_some();
        let mut wire = is_wired.then(|| dds::wire(&config.dds, &bus, &health));
        let apart = match (apart, &mut wire) {
            (Some(apart), Some((wire, _))) => Some((apart, wire.carry(Side::Link), recalled)),
            (_, _) => None,
        };
        let registry = Arc::new(Mutex::new(Registry::default()));
        {
            let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
            health.register(&mut registry);
            if let Some((wire, _)) = &wire {
                registry.register_collector(Box::new(dds::WireLooks(wire.look())));
            }
            registry.register_collector(Box::new(metrics::TowerLooks {
                link: link.clone(),
                fleet: Arc::clone(&fleet),
                system: Arc::clone(&system),
                refused: Arc::clone(&refused),
            }));
        }
        let (api, hub) = Api::new(Parts {
            config: api_config,
            bus: bus.clone(),
            tokens: Arc::new(tokens(config)?),
            people,
            waylines,
            basemaps: basemaps::open(config)?,
            upstream: basemaps::upstream(config)?,
            wayline_sources: basemaps::wayline_sources(config),
            enrolment: Arc::new(enrolment),
            planning: Arc::clone(&planner) as Arc<dyn fleet_api::Planning>,
            scheduling: Arc::clone(&scheduler) as Arc<dyn fleet_api::Scheduling>,
            system: Arc::clone(&system) as Arc<dyn SystemSource>,
            audit: Arc::clone(&audit),
            registry,
        });
        Ok(Self {
            api,
            link,
            health,
            fleet,
            bus,
            hub,
            alarms,
            events,
            system,
            dynsec,
            rights,
            emqx,
            sessions,
            ca: embedded.then(|| CaDir::of(config)),
            certificate: config.mqtt.tls.cert.clone().filter(|_| config.mqtt.tls.enabled),
            refusals: embedded.then(|| config.data_dir.join(DENIALS_FILE)),
            refused,
            in_flight,
            pairings,
            panics,
            planner,
            scheduler,
            store,
            wire,
            apart,
            accounts,
            audit,
        })
    }

    /// Starts every component's tasks.
    pub(crate) fn start(self) -> Option<Crossing> {
        let Self {
            api,
            health,
            link,
            fleet,
            bus,
            hub,
            alarms,
            events,
            system,
            dynsec,
            rights,
            emqx,
            sessions,
            ca,
            certificate,
            refusals,
            refused,
            in_flight,
            pairings,
            panics,
            planner,
            scheduler,
            store,
            wire,
            apart,
            accounts,
            audit,
            ..
        } = self;
        if let Some((wire, refusals)) = wire {
            health.spawn_local_named("dds", wire.run());
            let told = dds::refusals(refusals, bus.clone(), dds::why);
            health.spawn_named("dds refusals", told);
        }
        let crossing = apart.and_then(|apart| cross(apart, &bus, &health, &system));
        if let Some(store) = store {
            store.start(&health, Arc::clone(&fleet), &bus, &api);
        }
        if let Some(accounts) = accounts {
            health.spawn_named("people", accounts.run());
        }
        health.spawn_named("audit of outcomes", audit::outcomes(audit, bus.clone()));
        health.spawn_named("loop ticker", health.clone().tick());
        health.spawn_named("hub", hub.run());
        health.spawn_named("alarms", alarms.run());
        health.spawn_named("drift", Arc::clone(&system).follow_drift(bus.clone()));
        let watch =
            broker_watch::run(Arc::clone(&system), Arc::clone(&fleet), link.clone(), bus.clone());
        health.spawn_named("broker watch", watch);
        if let Some(ca) = ca {
            let watch = certificates::run(ca, dynsec.clone(), bus.clone());
            health.spawn_named("certificates", watch);
        }
        if let Some(certificate) = certificate {
            let watch = certificates::run_external(certificate, bus.clone());
            health.spawn_named("certificates", watch);
        }
        if let Some(file) = refusals {
            health.spawn_named("refusals", denials::run(file, Arc::clone(&refused), bus.clone()));
        }
        if let Some(emqx) = emqx {
            let own = denials::run_own(Arc::clone(&emqx.denials), refused, bus.clone());
            health.spawn_named("refusals", own);
            health.spawn_named("emqx", emqx.serve());
        }
        if let Some(sessions) = sessions {
            health.spawn_named("direct control logins", sessions.run());
        }
        let broker = dynsec
            .is_some()
            .then(|| Broker { link: link.clone(), in_flight: Arc::clone(&in_flight) });
        let pump = pumps::LinkPump::new(&fleet, &bus, system, dynsec.clone(), in_flight);
        health.spawn_named("link", pump.run(link, events));
        health.spawn_named("commands", pumps::commands(Arc::clone(&fleet), bus.clone()));
        health.spawn_named("missions", pumps::missions(Arc::clone(&fleet), bus.clone()));
        health.spawn_named(
            "mission control",
            pumps::mission_controls(Arc::clone(&fleet), bus.clone()),
        );
        health.spawn_named("planner", planner.run(true));
        health.spawn_named("schedules", scheduler.run());
        health.spawn_named("preflight", pumps::preflight(Arc::clone(&fleet), bus.clone()));
        health.spawn_named("authority", pumps::authority(Arc::clone(&fleet), bus.clone()));
        health.spawn_named("resolutions", pumps::resolutions(Arc::clone(&fleet), bus.clone()));
        let follower = Follower::new(Arc::clone(&fleet), rights.clone(), broker, &bus);
        health.spawn_named("aircraft's rights", follower.run(pairings));
        health.spawn_named("panics", pumps::panics(Arc::clone(&fleet), panics));
        if let Some(dynsec) = dynsec {
            health.spawn_named("accounts", pumps::accounts(fleet, dynsec, rights));
        }
        crossing
    }
}

/// Starts the line to the other processes. Should it fail nobody is served there; docks are.
fn cross(
    (Apart { keys, epoch }, line, recalled): (Apart, FrameLine, Recalled),
    bus: &Bus,
    health: &LoopHealth,
    system: &Arc<System>,
) -> Option<Crossing> {
    let (refused, to_tell) = mpsc::channel(FRAMES_REFUSED);
    health.spawn_named("frame refusals", dds::refusals(to_tell, bus.clone(), dds::why_frame));
    let (stop, stopped) = oneshot::channel();
    let (tell, must_end) = oneshot::channel();
    let looks = Arc::clone(system);
    let around = Around {
        bus: bus.clone(),
        keys,
        epoch,
        looks: Arc::new(move || (looks.broker(), looks.store(), looks.checks())),
        recalled,
        health: health.clone(),
        refused,
        must_end: Some(tell),
    };
    match LinkSide::new(line, around) {
        Ok(side) => {
            let task = health.spawn_named("crossing", side.run(stopped));
            Some(Crossing { stop, task, must_end })
        }
        Err(error) => {
            tracing::error!(%error, "the other processes of the tower cannot be spoken to");
            None
        }
    }
}

async fn web_listener(config: &Config) -> anyhow::Result<Listener> {
    let address = config.api.listen;
    fleet_api::check_bind(address, config.api.tls.is_some())?;
    let tcp = TcpListener::bind(address).await;
    let tcp = tcp.with_context(|| format!("cannot listen on {address}"))?;
    match &config.api.tls {
        None => Ok(Listener::Tcp(tcp)),
        Some(files) => {
            let (cert, key) = (read_pem(&files.cert)?, read_pem(&files.key)?);
            Ok(Listener::Tls(tcp, Tls::from_pem(&cert, &key)?))
        }
    }
}

/// For the command line of this machine; in a tower of several processes it is the link's.
fn local_listener(config: &Config) -> anyhow::Result<Listener> {
    let socket = config.tower_socket();
    let local = fleet_api::bind_unix(&socket);
    let local = local.with_context(|| format!("cannot listen on {}", socket.display()))?;
    Ok(Listener::Unix(local))
}

pub(crate) fn read_pem(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    let meta =
        std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(meta.len() <= PEM_MAX, "{} is too large for a PEM file", path.display());
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn link_config(config: &Config) -> anyhow::Result<MqttConfig> {
    let addresses = config.mqtt.link_addresses();
    let brokers = addresses.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>()?;
    let (username, password) =
        config.broker_login().context("the tower's password at the broker")?;
    let embedded = config.mqtt.mode == BrokerMode::Embedded;
    let mut link = MqttConfig::new(brokers, config.mqtt.client_id.clone());
    link.username = username;
    link.password = password;
    link.keep_alive_s = config.mqtt.keep_alive_s;
    link.events_receive_maximum = config.limits.events_in_flight;
    link.watch_control = embedded;
    link.tls = link_tls(config)?;
    Ok(link)
}

fn link_tls(config: &Config) -> anyhow::Result<Option<TlsFiles>> {
    let tls = &config.mqtt.tls;
    match config.mqtt.mode {
        BrokerMode::Embedded if tls.certificate_listen.is_some() => {
            let ca = CaDir::of(config);
            anyhow::ensure!(ca.exists(), "there are no certificates yet: run `gwanje ca init`");
            let name = Some("localhost".to_owned());
            Ok(Some(TlsFiles { ca: ca.certificate(), identity: Some(ca.tower()), name }))
        }
        BrokerMode::External if tls.enabled => {
            let identity = tls.cert.clone().zip(tls.key.clone());
            let ca = tls.ca.clone().unwrap_or_else(|| config.map.ca_file.clone());
            Ok(Some(TlsFiles { ca, identity, name: tls.name.clone() }))
        }
        BrokerMode::Embedded | BrokerMode::External => Ok(None),
    }
}

fn site_config(config: &Config) -> SiteConfig {
    let dji = &config.dji;
    let binding_code = dji.binding_code.expose();
    SiteConfig {
        ntp_server_host: dji.ntp_server_host.clone(),
        ntp_server_port: dji.ntp_server_port,
        app_id: dji.app_id.clone(),
        app_key: dji.app_key.expose().into(),
        app_license: dji.app_license.expose().into(),
        organization_id: dji.organization_id.clone(),
        organization_name: dji.organization_name.clone(),
        binding_code: (!binding_code.is_empty()).then(|| binding_code.into()),
    }
}

fn dock_address(config: &Config) -> DockAddress {
    let tls = config.mqtt.tls.listen;
    let listen = tls.unwrap_or(config.mqtt.listen);
    let public_host = config.mqtt.public_host.as_deref();
    let (host, port) = match (config.mqtt.mode, config.mqtt.brokers.first()) {
        // Where the tower connects to, by the name that docks are told.
        (BrokerMode::External, Some(broker)) => {
            let (host, port) = broker.rsplit_once(':').unwrap_or((broker, "1883"));
            (public_host.unwrap_or(host).to_owned(), port.parse().unwrap_or(1883))
        }
        (BrokerMode::External, None) | (BrokerMode::Embedded, _) => {
            public_address(public_host, listen)
        }
    };
    let code = config.dji.binding_code.expose();
    DockAddress {
        host,
        port,
        tls: tls.is_some() || config.mqtt.tls.enabled,
        organization_id: config.dji.organization_id.clone(),
        binding_code: (!code.is_empty()).then(|| Secret::new(code)),
        has_licence: !config.dji.app_license.is_empty(),
    }
}

fn api_config(config: &Config) -> ApiConfig {
    let site = Site { name: config.site.name.clone(), time_zone: config.site.time_zone.clone() };
    let mut api = ApiConfig::new(env!("CARGO_PKG_VERSION"), site, &config.console_address());
    api.methods = methods::methods();
    api.hosts.clone_from(&config.api.allowed_hosts);
    api.limits.connections = config.limits.api_connections as usize;
    api
}

fn tokens(config: &Config) -> anyhow::Result<Tokens> {
    let file = config.api_token_file();
    let token = data_dir::secret_or_new(&file)
        .with_context(|| format!("the API token in {}", file.display()))?;
    let tokens = Tokens::new(token.expose())?;
    if let Some(code) = secret::sign_in_code() {
        let life = Duration::from_secs(u64::from(config.limits.sign_in_code_s));
        tokens.admit_code(code.expose(), life);
    }
    Ok(tokens)
}

fn seed() -> anyhow::Result<u64> {
    let mut seed = [0_u8; 8];
    getrandom::fill(&mut seed).context("the system gives no random numbers")?;
    Ok(u64::from_ne_bytes(seed))
}

#[cfg(test)]
mod tests;
