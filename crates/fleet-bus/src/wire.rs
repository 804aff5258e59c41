//! The wire: what foreign DDS participants see of the fleet, and that they can do nothing to it.
//!
//! Views ([`views`]) of bus topics are written while somebody elsewhere reads them. What is written to
//! the command topic is refused and told ([`Refused`]): there is no security in DDS here, so nobody
//! on the domain can be believed. Everything runs on the one event loop ([`Spawn`]); a session whose
//! tasks panicked is closed and opened anew. It is loopback only unless the configuration says
//! otherwise. Read next: [`guard`] for what is let in, `publish` for what goes out, `docs/dds.md`.

mod client;
mod endpoint;
mod guard;
mod idl;
mod inner;
mod places;
mod publish;
mod runtime;
mod transport;
pub mod views;

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub use client::{Client, Samples, TopicOnWire, WireWriter};
use dust_dds::{
    dds_async::{
        configuration::DustDdsConfigurationBuilder,
        domain_participant_factory::DomainParticipantFactoryAsync,
    },
    infrastructure::{
        error::{DdsError, DdsResult},
        listener::NO_LISTENER,
        qos::QosKind,
        status::NO_STATUS,
    },
};
pub use endpoint::Received;
pub use idl::text as idl;
pub use inner::{FRAME_VERSION, Frame, FrameLine, Side};
pub use runtime::{Spawn, Task};
use tokio::sync::mpsc;

use crate::Bus;
use endpoint::Entities;
use inner::Inner;
use publish::{Publish, Slot, ViewCounters};
use runtime::{Tasks, TokioRuntime};
use transport::{Sockets, Traffic, UdpTransport};
use views::{
    AlarmStatus, BatteryState, Command, CommandStatus, DeviceState, DeviceTelemetry,
    DeviceTopology, MissionStatus, NavSatFix,
};

/// Before a session that could not begin, or that failed, is tried again.
const AGAIN: Duration = Duration::from_secs(2);
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// A session that lasted this long was a good one.
const GOOD: Duration = Duration::from_secs(60);
/// Refused commands that wait to be told; more are counted.
const REFUSED_WAITING: usize = 64;

/// A participant that is asked by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its discovery port; none: those of the first ten participants of the domain.
    pub port: Option<u16>,
}

/// How participants find each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// By the multicast group of RTPS.
    Multicast,
    /// By address, where multicast is blocked.
    Peers(Vec<Peer>),
}

/// Where and with whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireConfig {
    /// DDS domain, 0 to 232.
    pub domain_id: u16,
    /// Participants with another tag are not heard.
    pub domain_tag: String,
    /// Address of the one network interface that is used.
    pub interface: Ipv4Addr,
    /// How others are found.
    pub discovery: Discovery,
}

/// A command that a foreign participant wrote, and that nobody carries out.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Identity of the writer (RTPS GUID).
    pub writer: [u8; 16],
    /// Dock it names; unchecked text of a stranger.
    pub sn: String,
    /// Method it names; unchecked text of a stranger.
    pub method: String,
}

/// What the wire did since the tower started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireStats {
    /// Each view.
    pub views: Vec<ViewStats>,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Datagrams that the kernel did not take.
    pub datagrams_unsent: u64,
    /// Datagrams taken in.
    pub datagrams_received: u64,
    /// Datagrams dropped because they were not sound.
    pub datagrams_refused: u64,
    /// Commands of foreign participants, refused.
    pub commands_refused: u64,
    /// Sessions that failed.
    pub sessions_failed: u64,
}

/// One view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewStats {
    /// Topic.
    pub topic: &'static str,
    /// Readers elsewhere, now.
    pub readers: u64,
    /// Samples written.
    pub written: u64,
    /// Samples given up.
    pub lost: u64,
}

#[derive(Default)]
struct Counters {
    views: Vec<(&'static str, Arc<ViewCounters>)>,
    traffic: Arc<Traffic>,
    commands_refused: AtomicU64,
    sessions_failed: AtomicU64,
}

/// The tower's side of the wire.
pub struct Wire {
    config: WireConfig,
    views: Vec<Box<dyn Publish>>,
    spawn: Spawn,
    refused: mpsc::Sender<Refused>,
    /// Whether what is written to the command topic is heard, to say no.
    refuses: bool,
    inner: Option<Inner>,
    counters: Arc<Counters>,
}

/// A look at the wire's counters; clones look at the same.
#[derive(Clone)]
pub struct WireLook(Arc<Counters>);

impl WireLook {
    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> WireStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let traffic = &self.0.traffic;
        WireStats {
            views: self
                .0
                .views
                .iter()
                .map(|(topic, counters)| ViewStats {
                    topic,
                    readers: read(&counters.readers),
                    written: read(&counters.written),
                    lost: read(&counters.lost),
                })
                .collect(),
            datagrams_sent: read(&traffic.sent),
            datagrams_unsent: read(&traffic.unsent),
            datagrams_received: read(&traffic.received),
            datagrams_refused: read(&traffic.refused),
            commands_refused: read(&self.0.commands_refused),
            sessions_failed: read(&self.0.sessions_failed),
        }
    }
}

impl Wire {
    /// A wire that does not run yet, and what it refuses. From here on it listens to the bus.
    #[must_use]
    pub fn new(config: WireConfig, bus: &Bus, spawn: Spawn) -> (Self, mpsc::Receiver<Refused>) {
        let views = vec![
            Slot::<DeviceTelemetry>::boxed(bus),
            Slot::<DeviceState>::boxed(bus),
            Slot::<DeviceTopology>::boxed(bus),
            Slot::<AlarmStatus>::boxed(bus),
            Slot::<MissionStatus>::boxed(bus),
            Slot::<CommandStatus>::boxed(bus),
            Slot::<NavSatFix>::boxed(bus),
            Slot::<BatteryState>::boxed(bus),
        ];
        Self::with(config, views, spawn)
    }

    /// A wire without views: of a process that other programs need not see.
    #[must_use]
    pub fn bare(config: WireConfig, spawn: Spawn) -> (Self, mpsc::Receiver<Refused>) {
        Self::with(config, Vec::new(), spawn)
    }

    /// It carries frames between the processes of a tower, too. A process that owns no docks leaves the
    /// refusing of commands to the one that does.
    pub fn carry(&mut self, side: Side) -> FrameLine {
        let (inner, line) = Inner::new(side);
        self.refuses = side == Side::Link;
        self.inner = Some(inner);
        line
    }

    fn with(
        config: WireConfig,
        views: Vec<Box<dyn Publish>>,
        spawn: Spawn,
    ) -> (Self, mpsc::Receiver<Refused>) {
        let (refused, receiver) = mpsc::channel(REFUSED_WAITING);
        let counted = views.iter().map(|view| (view.topic(), view.counters())).collect();
        let counters = Arc::new(Counters { views: counted, ..Counters::default() });
        let (refuses, inner) = (true, None);
        (Self { config, views, spawn, refused, refuses, inner, counters }, receiver)
    }

    /// Its counters.
    #[must_use]
    pub fn look(&self) -> WireLook {
        WireLook(Arc::clone(&self.counters))
    }

    /// Runs for as long as it is polled; readers elsewhere are told when it is dropped no sooner than
    /// they notice by themselves.
    pub async fn run(self) {
        let mut pause = AGAIN;
        loop {
            let began = tokio::time::Instant::now();
            let tasks = Tasks::new(Arc::clone(&self.spawn));
            let _closing = Closing(Arc::clone(&tasks));
            let why = tokio::select! {
                biased;
                () = tasks.died() => "a task of it panicked".to_owned(),
                Err(error) = self.open(&tasks) => error.to_string(),
            };
            self.counters.sessions_failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!(why, "the DDS session failed; it is opened again");
            if began.elapsed() > GOOD {
                pause = AGAIN;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(AGAIN_MAX);
        }
    }

    /// Opens a session, which then runs in its tasks. Ends only when it cannot be opened.
    async fn open(&self, tasks: &Arc<Tasks>) -> Result<std::convert::Infallible, WireError> {
        let traffic = Arc::clone(&self.counters.traffic);
        let entities = participant(&self.config, tasks, traffic).await?;
        for view in &self.views {
            let (topic, publishing) = (view.topic(), view.publish(entities.clone()));
            tasks.spawn("dds view", async move { ended(topic, publishing.await) });
        }
        if let Some(inner) = &self.inner {
            let (sending, receiving) =
                (inner.sending(entities.clone()), inner.receiving(entities.clone()));
            tasks.spawn("dds frames out", async move { ended("frames", sending.await) });
            tasks.spawn("dds frames in", async move { ended("frames", receiving.await) });
        }
        if !self.refuses {
            return std::future::pending().await;
        }
        let refusing = refuse(entities, self.refused.clone(), Arc::clone(&self.counters));
        tasks.spawn("dds commands", async move { ended("rt/gwanje/command", refusing.await) });
        std::future::pending().await
    }
}

/// A task of a session that ends is a fault of the session.
#[expect(clippy::panic, reason = "it is how a task tells its session, which is opened anew")]
fn ended(topic: &str, why: DdsResult<()>) {
    if let Err(error) = why {
        panic!("{topic}: {error}");
    }
}

/// Closes a session when it goes.
struct Closing(Arc<Tasks>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Why a session could not begin.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The sockets.
    #[error("the ports of the domain cannot be used")]
    Sockets(#[source] io::Error),
    /// No random numbers for an identity.
    #[error("no random numbers")]
    Random,
    /// The RTPS implementation.
    #[error("{0}")]
    Dds(String),
}

impl From<DdsError> for WireError {
    fn from(error: DdsError) -> Self {
        Self::Dds(error.to_string())
    }
}

/// A participant of its own identity; another session is another participant.
async fn participant(
    config: &WireConfig,
    tasks: &Arc<Tasks>,
    traffic: Arc<Traffic>,
) -> Result<Entities, WireError> {
    let sockets = Sockets::open(config).map_err(WireError::Sockets)?;
    let mut app_id = [0; 4];
    getrandom::fill(&mut app_id).map_err(|_| WireError::Random)?;
    let host_id = config.interface.octets();
    // The last four bytes count the participants of a factory; ours has one.
    let mut own_prefix = [0; 12];
    own_prefix[..4].copy_from_slice(&host_id);
    own_prefix[4..8].copy_from_slice(&app_id);
    let transport = UdpTransport {
        sockets: Mutex::new(Some(sockets)),
        tasks: Arc::clone(tasks),
        traffic,
        own_prefix,
    };
    let dust = DustDdsConfigurationBuilder::new()
        .domain_tag(config.domain_tag.clone())
        // Other implementations read our types by name; with type information they do not match.
        .enable_type_information(false)
        // The transport repeats it.
        .participant_announcement_interval(Duration::from_secs(1_000_000_000))
        .build()?;
    let runtime = TokioRuntime(Arc::clone(tasks));
    let factory = DomainParticipantFactoryAsync::new(runtime, app_id, host_id, transport, dust);
    let domain = config.domain_id.into();
    let participant =
        factory.create_participant(domain, QosKind::Default, NO_LISTENER, NO_STATUS).await?;
    let publisher = participant.create_publisher(QosKind::Default, NO_LISTENER, NO_STATUS).await?;
    let subscriber =
        participant.create_subscriber(QosKind::Default, NO_LISTENER, NO_STATUS).await?;
    Ok(Entities { participant, publisher, subscriber, own_prefix })
}

/// Reads the command topic only to say no.
async fn refuse(
    entities: Entities,
    refused: mpsc::Sender<Refused>,
    counters: Arc<Counters>,
) -> DdsResult<()> {
    let reader = entities.reader::<Command>().await?;
    loop {
        for Received { view, writer, .. } in reader.take().await? {
            counters.commands_refused.fetch_add(1, Ordering::Relaxed);
            let Command { sn, method, .. } = view;
            // Told or counted: whoever floods this topic floods nobody.
            let _ = refused.try_send(Refused { writer, sn, method });
        }
        tokio::task::yield_now().await;
    }
}
