//! The router: which dock's task gets what, and the life of those tasks.
//!
//! It reads the link's one stream and the bus topics that ask for something, and puts each input
//! into the inbox of the dock it belongs to. A task that panicked is alarmed and its machine
//! rebuilt; the others do not notice. It looks into no message but to find whose it is.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use dji_cloud::{
    device::looks_like_dock,
    envelope::decode_envelope,
    topic::{Topic, TopicKind},
};
use fleet_bus::Writer;
use fleet_core::{
    dock::{DockConfig, DockMachine, Schemas, SiteConfig},
    io::BrokerPresence,
    journal::fold::OpenWork,
};
use fleet_links::mqtt::{AckToken, BrokerNotice};
use fleet_types::{Alarm, AlarmId, DeviceSn, Now, Reason, alarm::Priority};

use super::{
    book::Book,
    clock,
    condition::{reason, signal},
    dock_task::{DockTask, Surroundings},
    inbox::{DockInput, Inbox},
    rates::Rates,
    roster::Roster,
};
use crate::{
    logging::device::in_dock,
    stall::{DOCK_TASK, LoopHealth, TaskPanicked, is_made_anew},
};

/// Broker clients remembered by their id, to tell whose connection ended.
const CLIENTS_MAX: usize = 20_000;

/// Events kept until the enrolled docks are known. One connection brings no more than its receive
/// maximum without acknowledgement, but it may break and come back.
const EARLY_MAX: usize = 10_000;

/// Why a dock was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// It is there.
    Known,
    /// There are too many.
    Full,
}

/// Counters of the router.
#[derive(Debug, Default)]
pub struct FleetStats {
    /// Messages of which nobody knows whose they are.
    pub orphans: AtomicU64,
    /// Messages on topics that DJI does not document.
    pub foreign_topics: AtomicU64,
    /// Dock tasks that panicked.
    pub panics: AtomicU64,
}

#[derive(Clone, Default)]
struct Dock {
    inbox: Arc<Inbox>,
    book: Arc<Book>,
}

/// A message that came before it was known whose it is.
struct Early {
    topic: String,
    payload: Bytes,
    received: Now,
    ack: AckToken,
}

#[derive(Default)]
struct Map {
    docks: HashMap<DeviceSn, Dock>,
    /// Aircraft → dock.
    gateways: HashMap<DeviceSn, DeviceSn>,
    /// Broker client id → dock.
    clients: BTreeMap<String, DeviceSn>,
    enrolled: BTreeSet<DeviceSn>,
    command_link: bool,
    seed: u64,
    /// What the journal tells of docks that have not been taken in yet.
    recovered: Recovery,
    /// Until the enrolled docks are known: events that must not be acknowledged unheard.
    early: Option<Vec<Early>>,
}

/// What is known of the time before this process.
#[derive(Default)]
enum Recovery {
    /// Nothing yet; soon.
    #[default]
    Awaited,
    /// The journal cannot be read for now: machines begin without it and are told later.
    Late,
    /// What it tells.
    Known(BTreeMap<DeviceSn, OpenWork>),
}

/// What machines and tasks are made with.
pub struct FleetConfig {
    /// What the site tells every dock.
    pub site: Arc<SiteConfig>,
    /// Whether anyone the broker lets in counts as enrolled (its owner decides).
    pub trust_broker: bool,
    /// What the site asks of a flight before take-off.
    pub limits: fleet_core::preflight::Limits,
    /// How long whoever commands a dock may be silent.
    pub authority: fleet_core::authority::AuthorityConfig,
    /// Most docks.
    pub docks_max: usize,
    /// Messages of telemetry that one device may send in a second.
    pub messages_per_s: u32,
    /// Names.
    pub roster: Arc<Roster>,
    /// Where tasks are started and watched.
    pub health: LoopHealth,
    /// Seed of the machines' identifiers.
    pub seed: u64,
}

/// All docks of this tower.
pub struct Fleet {
    map: Mutex<Map>,
    config: FleetConfig,
    schemas: Schemas,
    surroundings: Surroundings,
    alarms: Writer<Alarm>,
    rates: Rates,
    /// Counters.
    pub stats: FleetStats,
}

impl Fleet {
    /// A fleet without docks.
    #[must_use]
    pub fn new(config: FleetConfig, surroundings: Surroundings) -> Self {
        let early = (!config.trust_broker).then(Vec::new);
        let map = Map { seed: config.seed, early, ..Map::default() };
        let alarms = surroundings.bus.writer();
        let (schemas, stats) = (Schemas::new(), FleetStats::default());
        let rates = Rates::new(config.messages_per_s);
        Self { map: Mutex::new(map), config, schemas, surroundings, alarms, rates, stats }
    }

    /// Serial numbers of all docks.
    #[must_use]
    pub fn docks(&self) -> Vec<DeviceSn> {
        let mut docks: Vec<_> = self.map().docks.keys().cloned().collect();
        docks.sort();
        docks
    }

    /// Whether the dock has a machine here.
    #[must_use]
    pub fn has(&self, sn: &DeviceSn) -> bool {
        self.map().docks.contains_key(sn)
    }

    /// Inputs waiting for the longest inbox, and telemetry dropped by all.
    #[must_use]
    pub fn inbox_figures(&self) -> (usize, u64) {
        let map = self.map();
        let depth = map.docks.values().map(|dock| dock.inbox.depth()).max().unwrap_or(0);
        (depth, map.docks.values().map(|dock| dock.inbox.telemetry_dropped()).sum())
    }

    /// Takes in an enrolled dock and starts its task.
    ///
    /// # Errors
    /// [`NotAdded`].
    pub fn add(&self, sn: &DeviceSn) -> Result<(), NotAdded> {
        let mut map = self.map();
        map.enrolled.insert(sn.clone());
        self.start(&mut map, sn).map(|_| ())
    }

    /// Ends a dock's task; when this returns it writes nothing any more.
    pub async fn remove(&self, sn: &DeviceSn) {
        self.rates.forget(sn);
        let ended = {
            let mut map = self.map();
            map.enrolled.remove(sn);
            map.gateways.retain(|_, gateway| gateway != sn);
            map.clients.retain(|_, dock| dock != sn);
            map.docks.remove(sn).map(|dock| {
                let (ending, ended) = tokio::sync::oneshot::channel();
                dock.inbox.push(DockInput::Stop(ending));
                ended
            })
        };
        if let Some(ended) = ended {
            // An error means that the task is gone already.
            let _ = ended.await;
        }
    }

    /// Gives an input to a dock; false when it is not here.
    pub fn give(&self, sn: &DeviceSn, input: DockInput) -> bool {
        let map = self.map();
        let Some(dock) = map.docks.get(sn) else { return false };
        dock.inbox.push(input);
        true
    }

    /// Puts a message into the inbox of the dock it belongs to. What belongs to nobody is counted;
    /// an acknowledgement that goes with it is given back for the caller to send. While the enrolled
    /// docks are not known, what needs an acknowledgement waits.
    pub fn route(
        &self,
        topic: String,
        payload: Bytes,
        received: Now,
        ack: Option<AckToken>,
    ) -> Option<AckToken> {
        let Some(parsed) = Topic::parse(&topic) else {
            self.stats.foreign_topics.fetch_add(1, Ordering::Relaxed);
            return ack;
        };
        let mut map = self.map();
        let Some(inbox) = self.owner(&mut map, parsed, &payload) else {
            return match (&mut map.early, ack) {
                (Some(early), Some(ack)) if early.len() < EARLY_MAX => {
                    early.push(Early { topic, payload, received, ack });
                    None
                }
                (_, ack) => {
                    self.stats.orphans.fetch_add(1, Ordering::Relaxed);
                    ack
                }
            };
        };
        drop(map);
        if ack.is_none()
            && let Err(alarm) = self.rates.take(parsed.sn, received)
        {
            if alarm.is_some_and(|alarm| self.alarms.try_write(*alarm).is_err()) {
                tracing::error!("a device that sends too much could not be alarmed");
            }
            return None;
        }
        inbox.push(DockInput::Message { topic, payload, received, ack });
        None
    }

    /// Telemetry dropped because its device sent too much.
    #[must_use]
    pub fn excess_dropped(&self) -> u64 {
        self.rates.dropped()
    }

    /// Clears the alarms of devices that no longer send too much.
    pub fn quiet_again(&self, now: Now) {
        for alarm in self.rates.quiet(now) {
            if self.alarms.try_write(alarm).is_err() {
                tracing::error!("the end of an alarm could not be told: the bus is full");
            }
        }
    }

    /// The journal was read: every machine takes up what it tells of its dock.
    pub fn recovered(&self, mut work: BTreeMap<DeviceSn, OpenWork>) {
        let mut map = self.map();
        for (sn, dock) in &map.docks {
            let work = work.remove(sn).unwrap_or_default();
            dock.inbox.push(DockInput::Recovered(Box::new(work)));
        }
        map.recovered = Recovery::Known(work);
    }

    /// The journal cannot be read for now: machines go on without it until it can.
    pub fn go_on_unrecovered(&self) {
        let mut map = self.map();
        if !matches!(map.recovered, Recovery::Awaited) {
            return;
        }
        map.recovered = Recovery::Late;
        for dock in map.docks.values() {
            dock.inbox.push(DockInput::GoOn);
        }
    }

    /// All enrolled docks are taken in: what waited for that goes where it belongs.
    pub fn enrolled_known(&self) {
        let early = self.map().early.take().unwrap_or_default();
        for Early { topic, payload, received, ack } in early {
            if let Some(ack) = self.route(topic, payload, received, Some(ack)) {
                self.surroundings.link.acknowledge(ack);
            }
        }
    }

    /// Whether it is known which docks are enrolled here. Where anyone the broker lets in counts, it
    /// always is.
    #[must_use]
    pub fn knows_enrolled(&self) -> bool {
        self.map().early.is_none()
    }

    /// Whether a device of this dock may be heard here.
    #[must_use]
    pub fn may_hear(&self, sn: &DeviceSn) -> bool {
        self.config.trust_broker || self.has(sn)
    }

    /// Tells every dock whether commands can leave.
    pub fn set_command_link(&self, is_up: bool) {
        let mut map = self.map();
        map.command_link = is_up;
        for dock in map.docks.values() {
            dock.inbox.push(DockInput::CommandLink(is_up));
        }
    }

    /// Passes on what the broker says of its clients.
    pub fn broker(&self, notice: BrokerNotice) {
        let mut map = self.map();
        match notice {
            BrokerNotice::Connected { client_id, username, .. } => {
                let named = username.as_deref().unwrap_or(&client_id);
                let Ok(sn) = DeviceSn::new(named) else { return };
                let Some(dock) = map.docks.get(&sn) else { return };
                dock.inbox.push(DockInput::Broker(BrokerPresence::Connected));
                if map.clients.len() < CLIENTS_MAX {
                    map.clients.insert(client_id, sn);
                }
            }
            BrokerNotice::Disconnected { client_id, reason } => {
                let Some(sn) = map.clients.remove(&client_id) else { return };
                let Some(dock) = map.docks.get(&sn) else { return };
                dock.inbox.push(DockInput::Broker(BrokerPresence::Disconnected { reason }));
            }
            BrokerNotice::LoginRefused { client_id, .. } => {
                let sn = client_id.and_then(|id| DeviceSn::new(&id).ok());
                let Some(dock) = sn.and_then(|sn| map.docks.get(&sn)) else { return };
                dock.inbox.push(DockInput::Broker(BrokerPresence::LoginRefused));
            }
        }
    }

    /// Takes note of which aircraft a dock speaks for. The dock that named one last has it.
    pub fn set_children(&self, sn: &DeviceSn, children: &[DeviceSn]) {
        let mut map = self.map();
        if !map.docks.contains_key(sn) {
            return;
        }
        for child in children {
            // A dock that claims another dock as its aircraft would take its messages.
            if !map.docks.contains_key(child) {
                map.gateways.insert(child.clone(), sn.clone());
            }
        }
    }

    /// A task panicked: alarm it and give its dock a new machine over the same inbox.
    pub fn rebuild(&self, panicked: &TaskPanicked) {
        self.stats.panics.fetch_add(1, Ordering::Relaxed);
        let Some(sn) = panicked.name.strip_prefix(DOCK_TASK) else {
            return self.component_failed(panicked);
        };
        let Ok(sn) = DeviceSn::new(sn) else { return };
        let mut map = self.map();
        let Some(dock) = map.docks.get(&sn).cloned() else { return };
        self.spawn(&mut map, &sn, dock);
        drop(map);
        let text = format!(
            "The task of dock {sn} failed ({}) and was started anew. What it had under way is unknown until the dock reports on it; please report the log.",
            panicked.message
        );
        let now = clock::now();
        let alarm = Alarm {
            alarm_id: AlarmId(uuid::Uuid::now_v7()),
            sn: Some(sn),
            priority: Priority::High,
            reason: Reason::new("dock_task_panicked", text),
            raised_ms: now.wall,
            cleared_ms: None,
        };
        if self.alarms.try_write(alarm).is_err() {
            tracing::error!("the alarm of a failed task could not be told: the bus is full");
        }
    }

    /// A component that is not there any more: its liveliness is lost until the process starts again.
    fn component_failed(&self, panicked: &TaskPanicked) {
        let TaskPanicked { name, message } = panicked;
        if is_made_anew(name) {
            return;
        }
        let text = format!(
            "The component \"{name}\" of the tower failed ({message}) and does not run any more. Start the tower again; please report the log."
        );
        let korean = format!(
            "관제탑 구성 요소 \"{name}\"이(가) 오류({message})로 멈췄습니다. 관제탑을 다시 시작하고 로그를 알려 주십시오."
        );
        let why = reason("component_failed", text, korean);
        let alarm = signal(None, Priority::High, why, clock::now().wall);
        if self.alarms.try_write(alarm).is_err() {
            tracing::error!("the alarm of a failed component could not be told: the bus is full");
        }
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The inbox a message belongs to; a dock that is new and may be here is taken in.
    fn owner(&self, map: &mut Map, topic: Topic<'_>, payload: &[u8]) -> Option<Arc<Inbox>> {
        if let Some(dock) = map.docks.get(topic.sn) {
            return Some(Arc::clone(&dock.inbox));
        }
        if let Some(dock) = map.gateways.get(topic.sn).and_then(|sn| map.docks.get(sn)) {
            return Some(Arc::clone(&dock.inbox));
        }
        let sn = DeviceSn::new(topic.sn).ok()?;
        if matches!(topic.kind, TopicKind::Osd | TopicKind::State) {
            let envelope = decode_envelope(payload).ok()?;
            if let Some(dock) = envelope.gateway.as_deref().and_then(|sn| map.docks.get(sn)) {
                return Some(Arc::clone(&dock.inbox));
            }
            if !looks_like_dock(envelope.data?)? {
                return None;
            }
        }
        let may_be_here = self.config.trust_broker || map.enrolled.contains(&sn);
        if !may_be_here {
            return None;
        }
        self.start(map, &sn).ok()
    }

    fn start(&self, map: &mut Map, sn: &DeviceSn) -> Result<Arc<Inbox>, NotAdded> {
        if map.docks.contains_key(sn) {
            return Err(NotAdded::Known);
        }
        if map.docks.len() >= self.config.docks_max {
            return Err(NotAdded::Full);
        }
        let dock = Dock::default();
        map.docks.insert(sn.clone(), dock.clone());
        self.spawn(map, sn, dock.clone());
        Ok(dock.inbox)
    }

    fn spawn(&self, map: &mut Map, sn: &DeviceSn, dock: Dock) {
        map.seed = map.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let config = DockConfig {
            sn: sn.clone(),
            name: self.config.roster.name(sn),
            is_enrolled: self.config.trust_broker || map.enrolled.contains(sn),
            site: Arc::clone(&self.config.site),
            schemas: self.schemas.clone(),
            limits: self.config.limits,
            authority: self.config.authority,
            seed: map.seed,
        };
        let Dock { inbox, book } = dock;
        inbox.push(DockInput::CommandLink(map.command_link));
        let now = clock::now();
        let mut machine = DockMachine::new(now, config);
        machine.restore(now, book.contents());
        let is_recovered = matches!(map.recovered, Recovery::Known(_));
        match &mut map.recovered {
            Recovery::Awaited => {}
            Recovery::Late => inbox.push(DockInput::GoOn),
            Recovery::Known(works) => {
                if let Some(work) = works.remove(sn) {
                    book.recovered(&work);
                    machine.restore(now, work);
                }
            }
        }
        let surroundings = self.surroundings.clone();
        let task = DockTask::new(machine, inbox, book, surroundings, is_recovered);
        let name = format!("{DOCK_TASK}{sn}");
        self.config.health.spawn_named(name, in_dock(sn.clone(), Box::new(task).run()));
    }
}
