//! The tasks between the components: each takes from one place and puts into another.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fleet_bus::{Bus, Writer};
use fleet_links::{
    dynsec::DynsecClient,
    mqtt::{BrokerNotice, LinkEvent, LinkEvents},
};
use fleet_types::{
    Alarm, AlarmId, CommandRequest, LinkStatus, MissionRequest, MonoMs, Reason,
    alarm::Priority,
    authority::AuthorityRequest,
    command::Resolution,
    link::LinkName,
    plan::MissionControl,
    preflight::{DockNotice, PreflightRequest},
};
use tokio::sync::mpsc;

use super::{
    aircraft_rights::AircraftRights,
    clock,
    fleet::{Fleet, NotAdded},
    in_flight::InFlight,
    inbox::DockInput,
    system::System,
};
use crate::stall::TaskPanicked;

/// Samples taken from the bus, or events from the link, before other tasks get their turn.
const BATCH: usize = 64;
/// How often the broker is asked for its accounts until it answers.
const ACCOUNTS_RETRY: Duration = Duration::from_secs(2);
/// Docks taken in before other tasks get their turn.
const DOCKS_AT_ONCE: usize = 16;
/// Refused log-ins from one address are alarmed once in this time.
const REFUSED_WINDOW_MS: u64 = 600_000;
/// Addresses of refused log-ins remembered.
const REFUSED_MAX: usize = 256;

/// Reads the link's one stream and gives everything to where it belongs.
pub struct LinkPump {
    fleet: Arc<Fleet>,
    system: Arc<System>,
    dynsec: Option<DynsecClient>,
    in_flight: Arc<InFlight>,
    status: Writer<LinkStatus>,
    alarms: Writer<Alarm>,
    refused: BTreeMap<String, MonoMs>,
    unacknowledged: Vec<fleet_links::mqtt::AckToken>,
}

impl LinkPump {
    /// A pump between the link and these.
    #[must_use]
    pub fn new(
        fleet: &Arc<Fleet>,
        bus: &Bus,
        system: Arc<System>,
        dynsec: Option<DynsecClient>,
        in_flight: Arc<InFlight>,
    ) -> Self {
        Self {
            fleet: Arc::clone(fleet),
            system,
            dynsec,
            in_flight,
            status: bus.writer(),
            alarms: bus.writer(),
            refused: BTreeMap::new(),
            unacknowledged: Vec::new(),
        }
    }

    /// Runs until the link is shut down.
    pub async fn run(mut self, link: fleet_links::mqtt::LinkHandle, mut events: LinkEvents) {
        let mut handled = 0;
        while let Some(event) = events.next().await {
            self.take(event);
            for token in self.unacknowledged.drain(..) {
                link.acknowledge(token);
            }
            handled += 1;
            if handled % BATCH == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn take(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Message { topic, payload, received, ack, .. } => {
                // What belongs to nobody is counted and done with.
                self.unacknowledged.extend(self.fleet.route(topic, payload, received, ack));
            }
            LinkEvent::Command { command_id, fate } => self.in_flight.tell(command_id, fate),
            LinkEvent::Status(status) => {
                if status.link == LinkName::Commands {
                    self.fleet.set_command_link(status.connected);
                }
                if !status.connected {
                    tracing::warn!(
                        link = status.link.as_str(),
                        address = status.address,
                        error = status.error,
                        "not connected to the broker"
                    );
                }
                // A keep-latest topic is never full.
                let _ = self.status.try_write(status);
            }
            LinkEvent::Broker(notice) => {
                if let BrokerNotice::LoginRefused { address, .. } = &notice {
                    self.on_login_refused(address.as_deref());
                }
                self.fleet.broker(notice);
            }
            LinkEvent::Sys { name, value } => self.system.set_stat(name, value),
            LinkEvent::Control(payload) => {
                if let Some(dynsec) = &self.dynsec {
                    dynsec.on_response(&payload);
                }
            }
        }
    }

    fn on_login_refused(&mut self, address: Option<&str>) {
        let now = clock::now();
        // The port changes with every try; the host does not.
        let host = address.map_or("an unknown address", |address| {
            address.rsplit_once(':').map_or(address, |(host, _)| host)
        });
        self.refused.retain(|_, at| now.mono.since_ms(*at) < REFUSED_WINDOW_MS);
        if self.refused.contains_key(host) || self.refused.len() >= REFUSED_MAX {
            return;
        }
        self.refused.insert(host.to_owned(), now.mono);
        let text = format!(
            "The broker refused a log-in from {host}: unknown user or wrong password. If this is a dock, type the values of its enrolment into DJI Pilot 2 again."
        );
        let alarm = Alarm {
            alarm_id: AlarmId(uuid::Uuid::now_v7()),
            sn: None,
            priority: Priority::Low,
            reason: Reason::new("login_refused", text),
            raised_ms: now.wall,
            cleared_ms: None,
        };
        if self.alarms.try_write(alarm).is_err() {
            tracing::error!(host, "a refused log-in could not be alarmed: the bus is full");
        }
    }
}

/// Takes commands from the bus to their docks.
pub async fn commands(fleet: Arc<Fleet>, bus: Bus) {
    let mut reader = bus.reader::<CommandRequest>();
    loop {
        for request in reader.take(BATCH).await {
            // A dock that is not here belongs to another tower, or to nobody: the caller is told
            // by the silence, as on the wire.
            fleet.give(&request.sn, DockInput::Command(Box::new((*request).clone())));
        }
    }
}

/// Takes missions from the bus to their docks.
pub async fn missions(fleet: Arc<Fleet>, bus: Bus) {
    let mut reader = bus.reader::<MissionRequest>();
    loop {
        for request in reader.take(BATCH).await {
            fleet.give(&request.sn, DockInput::Mission(Box::new((*request).clone())));
        }
    }
}

/// Takes what people want of missions that are there from the bus to their docks.
pub async fn mission_controls(fleet: Arc<Fleet>, bus: Bus) {
    let mut reader = bus.reader::<MissionControl>();
    loop {
        for control in reader.take(BATCH).await {
            fleet.give(&control.sn, DockInput::MissionControl(Box::new((*control).clone())));
        }
    }
}

/// Takes what people say about flights, and ask of them, from the bus to their docks.
pub async fn preflight(fleet: Arc<Fleet>, bus: Bus) {
    let mut notices = bus.reader::<DockNotice>();
    let mut requests = bus.reader::<PreflightRequest>();
    loop {
        tokio::select! {
            biased;
            batch = notices.take(BATCH) => {
                for notice in batch {
                    fleet.give(&notice.sn, DockInput::Notice(Box::new((*notice).clone())));
                }
            }
            batch = requests.take(BATCH) => {
                for request in batch {
                    fleet.give(&request.sn, DockInput::Preflight(Box::new((*request).clone())));
                }
            }
        }
    }
}

/// Takes what people want of the authority over docks from the bus to them.
pub async fn authority(fleet: Arc<Fleet>, bus: Bus) {
    let mut reader = bus.reader::<AuthorityRequest>();
    loop {
        for request in reader.take(BATCH).await {
            fleet.give(&request.sn, DockInput::Authority(Box::new((*request).clone())));
        }
    }
}

/// Takes what people settle from the bus to their docks.
pub async fn resolutions(fleet: Arc<Fleet>, bus: Bus) {
    let mut reader = bus.reader::<Resolution>();
    loop {
        for resolution in reader.take(BATCH).await {
            fleet.give(&resolution.sn, DockInput::Resolve(Box::new((*resolution).clone())));
        }
    }
}

/// Rebuilds what panicked.
pub async fn panics(fleet: Arc<Fleet>, mut panics: mpsc::Receiver<TaskPanicked>) {
    while let Some(panicked) = panics.recv().await {
        fleet.rebuild(&panicked);
    }
}

/// Takes in every dock that has an account at the broker; ends when it has them.
pub async fn accounts(
    fleet: Arc<Fleet>,
    dynsec: DynsecClient,
    rights: Option<Arc<AircraftRights>>,
) {
    loop {
        match dynsec.list_docks().await {
            Ok(docks) => {
                for (number, sn) in docks.iter().enumerate() {
                    // A large fleet is taken in beside the others' work, not before it.
                    if number % DOCKS_AT_ONCE == 0 {
                        tokio::task::yield_now().await;
                    }
                    if fleet.add(sn) == Err(NotAdded::Full) {
                        tracing::error!(device.sn = %sn, "more docks are enrolled than limits.max_docks allows");
                    }
                }
                if let Some(rights) = rights {
                    rights.are_docks(&fleet.docks());
                }
                fleet.enrolled_known();
                tracing::info!(docks = docks.len(), "enrolled docks taken in");
                return;
            }
            Err(error) => tracing::debug!(%error, "the broker's accounts are not known yet"),
        }
        tokio::time::sleep(ACCOUNTS_RETRY).await;
    }
}
