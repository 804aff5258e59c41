//! One dock, its aircraft and everything under way on them, as one pure machine.
//!
//! [`DockMachine::handle`] takes an [`Input`], [`DockMachine::handle_timeout`] takes the passing of
//! time, [`DockMachine::poll_output`] gives what is to be done, in order. The machine is the only
//! writer of its dock's state. This file holds the machine and its clockwork; [`messages`] reads
//! what the device says, [`requests`] answers what it asks, [`orders`] runs commands and missions,
//! [`rights`] says who may command, [`flights`] asks the gate and moves on what waits, [`telling`]
//! builds what the others are told.

mod book;
mod evidence;
mod flights;
mod messages;
mod orders;
mod payloads;
mod reports;
mod requests;
mod restore;
mod rights;
mod telling;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use dji_cloud::device::{AircraftOsd, AircraftState, DockOsd, DockState, topo::ModelKey};
use fleet_types::{
    CommandId, DeviceSn, IdempotencyKey, MissionId, MonoMs, Now, WallMs, device::Connection,
    telemetry::Schema,
};

pub(crate) use orders::{COUNTER_ACTIONS_MAX, ENDED_MISSIONS_MAX, FINISHED_MAX};

use book::{Commands, Missions};

use crate::{
    authority::{Authority, AuthorityConfig},
    drift::DriftLedger,
    interlock::{Fact, Facts},
    io::{Exchange, Input, JournalId, Output, Sample},
    lease::Ownership,
    mission::Mission,
    mutant::{self, Mutant},
    preflight::Limits,
    session::{OFFLINE_AFTER_MS, STALE_AFTER_MS, Session},
    twin::{Twin, index_of},
};

/// What the site tells every dock at bring-up.
#[derive(Clone, Debug, Default)]
pub struct SiteConfig {
    /// Time server, as the dock reaches it.
    pub ntp_server_host: String,
    /// Its port.
    pub ntp_server_port: u16,
    /// DJI application id.
    pub app_id: String,
    /// DJI application key.
    pub app_key: dji_cloud::secret::Secret,
    /// DJI application licence.
    pub app_license: dji_cloud::secret::Secret,
    /// Organisation, as typed into Pilot 2.
    pub organization_id: String,
    /// Its name.
    pub organization_name: String,
    /// Code that lets a dock be bound; any code will do when there is none.
    pub binding_code: Option<dji_cloud::secret::Secret>,
}

/// What a machine is made with.
#[derive(Clone, Debug)]
pub struct DockConfig {
    /// The dock.
    pub sn: DeviceSn,
    /// Name given by people, may be empty.
    pub name: String,
    /// Whether it was enrolled here: only then it counts as bound.
    pub is_enrolled: bool,
    /// What the site tells every dock.
    pub site: Arc<SiteConfig>,
    /// Field tables, shared by all machines.
    pub schemas: Schemas,
    /// What the site asks of a flight.
    pub limits: Limits,
    /// How long whoever commands may be silent.
    pub authority: AuthorityConfig,
    /// Seed of the machine's identifiers. Never the same twice, not even for the same dock: they
    /// name commands and journal writes for as long as late answers may come.
    pub seed: u64,
}

/// Field tables of the device classes and where the interlocks find their facts in them. Made once.
#[derive(Clone, Debug)]
pub struct Schemas {
    pub(crate) dock: Arc<Schema>,
    pub(crate) aircraft: Arc<Schema>,
    pub(crate) at: Arc<FactIndex>,
}

#[derive(Debug)]
pub(crate) struct FactIndex {
    pub(crate) mode: usize,
    pub(crate) cover: usize,
    pub(crate) light: usize,
    pub(crate) drone_in_dock: usize,
    pub(crate) emergency_stop: usize,
    pub(crate) dock_firmware: usize,
    pub(crate) aircraft_mode: usize,
    pub(crate) aircraft_firmware: usize,
    pub(crate) battery: usize,
    pub(crate) wind: usize,
    pub(crate) rain: usize,
    pub(crate) network: usize,
    pub(crate) position_fix: usize,
    pub(crate) home_valid: usize,
    pub(crate) battery_service: usize,
    pub(crate) dock_storage: [usize; 2],
    pub(crate) media_waiting: usize,
    pub(crate) dock_compatible: usize,
    pub(crate) dock_upgrading: usize,
    pub(crate) aircraft_storage: [usize; 2],
    pub(crate) aircraft_compatible: usize,
    pub(crate) aircraft_upgrading: usize,
}

impl Schemas {
    /// Builds the tables.
    #[must_use]
    pub fn new() -> Self {
        let dock = Twin::<DockOsd, DockState>::schema();
        let aircraft = Twin::<AircraftOsd, AircraftState>::schema();
        let at = FactIndex {
            mode: index_of(&dock, "mode_code"),
            cover: index_of(&dock, "cover_state"),
            light: index_of(&dock, "supplement_light_state"),
            drone_in_dock: index_of(&dock, "drone_in_dock"),
            emergency_stop: index_of(&dock, "emergency_stop_state"),
            dock_firmware: index_of(&dock, "firmware_version"),
            aircraft_mode: index_of(&aircraft, "mode_code"),
            aircraft_firmware: index_of(&aircraft, "firmware_version"),
            battery: index_of(&dock, "drone_charge_state.capacity_percent"),
            wind: index_of(&dock, "wind_speed"),
            rain: index_of(&dock, "rainfall"),
            network: index_of(&dock, "network_state.quality"),
            position_fix: index_of(&dock, "position_state.is_fixed"),
            home_valid: index_of(&dock, "home_position_is_valid"),
            battery_service: index_of(&dock, "drone_battery_maintenance_info.maintenance_state"),
            dock_storage: [index_of(&dock, "storage.total"), index_of(&dock, "storage.used")],
            media_waiting: index_of(&dock, "media_file_detail.remain_upload"),
            dock_compatible: index_of(&dock, "compatible_status"),
            dock_upgrading: index_of(&dock, "firmware_upgrade_status"),
            aircraft_storage: [
                index_of(&aircraft, "storage.total"),
                index_of(&aircraft, "storage.used"),
            ],
            aircraft_compatible: index_of(&aircraft, "compatible_status"),
            aircraft_upgrading: index_of(&aircraft, "firmware_upgrade_status"),
        };
        Self { dock: Arc::new(dock), aircraft: Arc::new(aircraft), at: Arc::new(at) }
    }
}

impl Default for Schemas {
    fn default() -> Self {
        Self::new()
    }
}

/// An aircraft behind the dock.
struct Aircraft {
    sn: DeviceSn,
    model: Option<ModelKey>,
    twin: Twin<AircraftOsd, AircraftState>,
    /// In the dock's latest topology; out of it the aircraft is offline.
    is_paired: bool,
    heard: Option<Now>,
    connection: Connection,
    since_ms: WallMs,
}

/// Outputs that a machine keeps room for.
const OUTPUTS_ROOM: usize = 4;

/// One dock's machine.
pub struct DockMachine {
    config: DockConfig,
    rng: fastrand::Rng,
    session: Session,
    link_up: bool,
    model: Option<ModelKey>,
    twin: Twin<DockOsd, DockState>,
    aircraft: Vec<Aircraft>,
    topology_known: bool,
    drift: DriftLedger,
    commands: Commands,
    /// Finished commands, oldest first: the memory of idempotency keys is bounded by it.
    finished: VecDeque<CommandId>,
    keys: BTreeMap<IdempotencyKey, CommandId>,
    missions: Missions,
    ended_missions: VecDeque<MissionId>,
    mission_keys: BTreeMap<IdempotencyKey, MissionId>,
    /// Counter-actions, oldest first: they are never refused, so the oldest are forgotten.
    counter_actions: VecDeque<CommandId>,
    /// Requests of the dock that wait for a file's address, oldest first.
    file_requests: VecDeque<(Exchange, MissionId)>,
    /// The latest time that presence was judged by. Messages are handled by the time of their
    /// receipt, which may lie before it.
    settled_at: MonoMs,
    /// The wall clock as of then.
    settled_wall: WallMs,
    next_journal: u64,
    outputs: VecDeque<Output>,
    /// Of the dock and its aircraft, so few that a list is searched: every dock has one.
    told: Vec<fleet_types::DeviceStatus>,
    flights: flights::Flights,
    lock_alarm: Option<fleet_types::Alarm>,
    /// Whether this tower commands the dock; one that shares its fleet with nobody always does.
    ownership: Option<Ownership>,
    authority: Authority,
    /// Under what each open command was taken.
    rights: BTreeMap<CommandId, Result<rights::Rights, fleet_types::Reason>>,
}

impl DockMachine {
    /// A machine for a dock of which nothing was heard yet.
    #[must_use]
    pub fn new(now: Now, config: DockConfig) -> Self {
        let mut rng = fastrand::Rng::with_seed(config.seed);
        // A late answer to a write of the machine before this one must not pass for one of ours.
        let next_journal = rng.u64(..) >> 1;
        let mut machine = Self {
            rng,
            session: Session::new(now),
            link_up: false,
            model: None,
            twin: Twin::new(Arc::clone(&config.schemas.dock)),
            aircraft: Vec::new(),
            topology_known: false,
            drift: DriftLedger::default(),
            commands: Commands::new(),
            finished: VecDeque::new(),
            keys: BTreeMap::new(),
            missions: Missions::new(),
            ended_missions: VecDeque::new(),
            mission_keys: BTreeMap::new(),
            counter_actions: VecDeque::new(),
            file_requests: VecDeque::new(),
            settled_at: now.mono,
            settled_wall: now.wall,
            next_journal,
            outputs: VecDeque::new(),
            told: Vec::new(),
            flights: flights::Flights::default(),
            lock_alarm: None,
            ownership: Some(Ownership::SOLE),
            authority: Authority::new(config.authority, 1),
            rights: BTreeMap::new(),
            config,
        };
        machine.tell_status(now);
        machine
    }

    /// The dock this machine owns.
    #[must_use]
    pub fn sn(&self) -> &DeviceSn {
        &self.config.sn
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Message { topic, payload } => self.on_message(now, topic, payload),
            Input::Command(request) => self.on_command_request(now, request),
            Input::Resolve(resolution) => self.on_resolution(now, &resolution),
            Input::Mission(request) => self.on_mission_request(now, request),
            Input::MissionControl(control) => self.on_mission_control(now, &control),
            Input::Notice(notice) => self.on_notice(now, notice),
            Input::Preflight(request) => self.on_preflight_request(now, &request),
            Input::Authority(request) => self.on_authority_request(now, request),
            Input::Peer { flight_id, sn, status, progress } => {
                self.flights.set_peer(flight_id, sn, status, progress);
            }
            Input::Journaled(journal_id) => self.on_journaled(now, journal_id),
            Input::JournalFailed(journal_id) => self.on_journal_failed(now, journal_id),
            Input::Fate { command_id, fate } => {
                self.with_command(now, command_id, |command| command.on_fate(now, fate));
            }
            Input::CommandLink { is_up } => self.link_up = is_up,
            Input::Ownership(ownership) => self.on_ownership(ownership),
            Input::Broker(presence) => self.session.on_broker(now, &presence),
            Input::FileUrl { exchange, url } => self.on_file_url(now, &exchange, url),
            Input::Storage { exchange, output } => {
                self.answer_storage(now, &exchange, output.as_deref());
            }
        }
        if self.session.take_came_back() {
            self.commands.each_open(|_, command| command.on_device_came_back());
        }
        self.settle(now);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now) {
        let due: Vec<_> = self
            .commands
            .open()
            .filter(|(_, command)| command.deadline().is_some_and(|at| at <= now.mono))
            .map(|(id, _)| *id)
            .collect();
        for command_id in due {
            let may_repeat = self.may_repeat(now, command_id);
            self.with_command(now, command_id, |command| command.on_timeout(now, may_repeat));
        }
        self.settle(now);
    }

    /// When [`Self::handle_timeout`] is next due, and for what. What fell due since the machine was
    /// last told the time is still named.
    #[must_use]
    pub fn poll_timeout(&self, now: MonoMs) -> Option<(MonoMs, &'static str)> {
        let now = self.settled_at.min(now);
        let command = self.commands.open().filter_map(|(_, command)| command.deadline()).min();
        let presence = self.session.deadline(now);
        let aircraft = self.aircraft.iter().filter_map(|aircraft| aircraft.deadline(now)).min();
        let silence = self.missions.open().filter_map(|(_, m)| m.silence_deadline(now)).min();
        [
            (command, "command"),
            (presence, "presence"),
            (aircraft, "aircraft presence"),
            (self.waiting_deadline(), "mission"),
            (silence, "flight silence"),
            (self.authority.poll_timeout().map(|(at, _)| at), "authority"),
        ]
        .into_iter()
        .filter_map(|(at, why)| Some((at?, why)))
        .min_by_key(|(at, _)| *at)
    }

    /// The next thing to be done, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        // Bring-up needs room that nothing needs later, in each of thousands of machines.
        if output.is_none() && self.outputs.capacity() > OUTPUTS_ROOM {
            self.outputs = VecDeque::with_capacity(OUTPUTS_ROOM);
        }
        output
    }

    /// What the interlocks look at, now.
    pub(crate) fn facts(&self, now: Now) -> Facts {
        let at = &self.config.schemas.at;
        let fact = |index| match (self.twin.fresh_code(now.mono, index), self.twin.code(index)) {
            (Some(code), _) => Fact::Fresh(code),
            (None, Some(code)) if mutant::is(Mutant::StaleInterlock) => Fact::Fresh(code),
            (None, Some(_)) => Fact::Stale,
            (None, None) => Fact::Unknown,
        };
        let mission = self.active_mission();
        Facts {
            link_up: self.link_up,
            is_up: self.session.is_up(),
            connection: self.session.connection(),
            drone_in_dock: fact(at.drone_in_dock),
            dock_mode: fact(at.mode),
            emergency_stop: fact(at.emergency_stop),
            clock_skew_ms: self.session.clock_skew_ms(),
            mission_active: mission.is_some(),
            mission_paused: mission.is_some_and(Mission::is_paused),
            flight_locked: self.flight_lock().is_some(),
            hardware_busy: self.hardware_busy(),
            aircraft_returning: self.is_returning(now.mono),
        }
    }

    /// After every input: presence, evidence, and what the others must be told.
    fn settle(&mut self, now: Now) {
        self.settled_at = self.settled_at.max(now.mono);
        let now = Now { mono: self.settled_at, wall: now.wall };
        self.settled_wall = now.wall;
        self.session.refresh(now);
        for aircraft in &mut self.aircraft {
            aircraft.refresh(now);
        }
        self.note_authority(now);
        self.look_for_evidence(now);
        self.listen_for_flights(now);
        self.move_waiting(now);
        self.tell_lock(now);
        self.tell_status(now);
        self.commands.look();
        self.missions.look();
        if let Some(drift) = self.drift.take_changed(now.mono, &self.config.sn) {
            self.tell(Sample::Drift(drift));
        }
    }

    fn tell(&mut self, sample: Sample) {
        self.outputs.push_back(Output::Publish(Box::new(sample)));
    }

    fn journal_id(&mut self) -> JournalId {
        self.next_journal += 1;
        JournalId(self.next_journal)
    }

    /// What is open, for the tests that compare it with the records.
    #[cfg(test)]
    fn open(&self) -> (Vec<&crate::command::Command>, Vec<&Mission>) {
        let commands = self.commands.open().map(|(_, command)| command);
        let missions = self.missions.open().map(|(_, mission)| mission);
        (commands.collect(), missions.collect())
    }

    /// Entries kept: however much is asked and said, there is a bound to it.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.commands.len()
            + self.finished.len()
            + self.keys.len()
            + self.missions.len()
            + self.ended_missions.len()
            + self.mission_keys.len()
            + self.aircraft.len()
            + self.told.len()
            + self.counter_actions.len()
            + self.file_requests.len()
            + self.flights.memory()
            + self.rights.len()
    }

    fn aircraft_mut(&mut self, sn: &str) -> Option<&mut Aircraft> {
        self.aircraft.iter_mut().find(|aircraft| aircraft.sn.as_str() == sn)
    }
}

impl Aircraft {
    fn new(now: Now, sn: DeviceSn, schema: &Arc<Schema>) -> Self {
        let twin = Twin::new(Arc::clone(schema));
        let connection = Connection::NeverSeen;
        let since_ms = now.wall;
        Self { sn, model: None, twin, is_paired: true, heard: None, connection, since_ms }
    }

    fn refresh(&mut self, now: Now) {
        let connection = match self.heard {
            _ if !self.is_paired => Connection::Offline,
            None => Connection::NeverSeen,
            Some(heard) => match now.mono.since_ms(heard.mono) {
                silent if silent >= OFFLINE_AFTER_MS => Connection::Offline,
                silent if silent >= STALE_AFTER_MS => Connection::Stale,
                _ => Connection::Online,
            },
        };
        if connection != self.connection {
            self.connection = connection;
            self.since_ms = now.wall;
        }
    }

    fn deadline(&self, now: MonoMs) -> Option<MonoMs> {
        let heard = self.heard?.mono;
        [heard.after_ms(STALE_AFTER_MS), heard.after_ms(OFFLINE_AFTER_MS)]
            .into_iter()
            .filter(|at| *at > now)
            .min()
    }
}

#[cfg(test)]
mod tests;
