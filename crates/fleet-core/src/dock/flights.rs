//! Flights of this dock beyond their orders: the gate before take-off, what people said about it,
//! missions that wait, and what the dock tells that changes either.

use std::collections::BTreeMap;

use dji_cloud::{
    encode,
    envelope::Envelope,
    flight_area::{AreasSyncProgress, SyncStatus},
    hms::{Hms, HmsLevel},
    reply::JobStatus,
    wayline::{ExitHoming, FlightIds, FlightProgress, ProgressGetOutput, ProgressGetRequest},
};
use fleet_types::{
    CommandId, CommandRequest, CommandState, CommandStatus, DeviceSn, IdempotencyKey, MissionId,
    MissionPlan, MissionRequest, MonoMs, Now, Preflight, Reason, RequestId, WallMs,
    mission::{MissionProgress, Verdict},
    plan::{MissionAction, MissionControl, MissionStart},
    preflight::{DockNotice, DockSaying, PreflightOverride, PreflightReport, PreflightRequest},
};
use serde_json::json;

use super::DockMachine;
use crate::{
    conditions,
    interlock::{Fact, check_reachable},
    io::{Exchange, JournalId, Output, Sample},
    journal::{Entry, fold::is_superseded},
    mission::{Mission, Next, Order, resume, silence::Seen, waiting::Wish},
    mutant::{self, Mutant},
    preflight::{AreasSync, FlightFacts, HmsNow, Want, first_block, preflight, say},
    spec::mission_spec,
};

/// Missions of one dock that may wait at once.
const WAITING_MAX: usize = 64;
/// A mission further ahead than this is a typing mistake.
const AHEAD_MAX_MS: i64 = 366 * 86_400_000;
/// What waits is looked at this often at least: the wall clock may jump.
const LOOK_AGAIN_MS: u64 = 60_000;
/// Flights between docks whose other side is remembered.
const PEERS_MAX: usize = 8;
/// Marks a request for a file's address as our own.
const OWN_EXCHANGE: &str = "prepare";
/// KB in the MB that docks and people count in.
const KB_PER_MB: i64 = 1_000;

/// What is known around this dock's flights.
#[derive(Debug, Default)]
pub(super) struct Flights {
    hms: HmsNow,
    areas: AreasSync,
    overrides: Vec<PreflightOverride>,
    maintenance: Option<String>,
    reserved_for: Option<MissionId>,
    /// Said, and not on record yet.
    unrecorded: BTreeMap<JournalId, DockNotice>,
    peers: BTreeMap<MissionId, Peer>,
}

#[derive(Debug)]
struct Peer {
    sn: DeviceSn,
    status: Option<String>,
    progress: MissionProgress,
}

impl Flights {
    pub(super) fn set_peer(
        &mut self,
        flight_id: MissionId,
        sn: DeviceSn,
        status: Option<String>,
        progress: MissionProgress,
    ) {
        if self.peers.len() >= PEERS_MAX && !self.peers.contains_key(&flight_id) {
            // The oldest flight is the one least likely to be asked about.
            self.peers.pop_first();
        }
        self.peers.insert(flight_id, Peer { sn, status, progress });
    }

    pub(super) fn memory(&self) -> usize {
        self.overrides.len() + self.unrecorded.len() + self.peers.len()
    }
}

impl DockMachine {
    /// Everything that the questions before take-off look at. `own` is the flight that is asked
    /// about: it does not stand in its own way.
    pub(crate) fn flight_facts(&self, now: Now, own: Option<MissionId>) -> FlightFacts {
        let at = &self.config.schemas.at;
        let mut dock = self.facts(now);
        let mut others = self.missions.open().filter(|(id, _)| Some(**id) != own);
        dock.mission_active = others.clone().any(|(_, mission)| !mission.is_waiting());
        dock.flight_locked = others.any(|(_, mission)| mission.is_unknown());
        let code = |index| match (self.twin.fresh_code(now.mono, index), self.twin.code(index)) {
            (Some(code), _) => Fact::Fresh(code),
            (None, Some(code)) if mutant::is(Mutant::StaleInterlock) => Fact::Fresh(code),
            (None, Some(_)) => Fact::Stale,
            (None, None) => Fact::Unknown,
        };
        let free_mb = |total: Option<i64>, used: Option<i64>| {
            Some(total?.checked_sub(used?)?.max(0) / KB_PER_MB)
        };
        let [dock_total, dock_used] = at.dock_storage.map(|index| self.twin.code(index));
        let aircraft = self.aircraft.iter().find(|aircraft| aircraft.is_paired);
        let of_aircraft = |index| aircraft.and_then(|aircraft| aircraft.twin.code(index));
        let [air_total, air_used] = at.aircraft_storage.map(of_aircraft);
        let upgrading = [self.twin.code(at.dock_upgrading), of_aircraft(at.aircraft_upgrading)];
        FlightFacts {
            dock,
            battery_percent: code(at.battery),
            wind_dmps: self.twin.fresh_tenths(now.mono, at.wind),
            rain: code(at.rain),
            cover: code(at.cover),
            network: code(at.network),
            position_fix: code(at.position_fix),
            home_valid: code(at.home_valid),
            battery_service: code(at.battery_service),
            aircraft_free_mb: free_mb(air_total, air_used),
            dock_free_mb: free_mb(dock_total, dock_used),
            media_waiting: self.twin.code(at.media_waiting),
            dock_incompatible: self.twin.code(at.dock_compatible),
            aircraft_incompatible: of_aircraft(at.aircraft_compatible),
            upgrading: upgrading.into_iter().flatten().any(|state| state == 1),
            hms: self.flights.hms.clone(),
            areas: self.flights.areas,
            maintenance: self.flights.maintenance.clone(),
            reserved_for: self.flights.reserved_for,
        }
    }

    fn gate(&self, now: Now, own: Option<MissionId>, want: &Want<'_>) -> Preflight {
        let facts = self.flight_facts(now, own);
        let (sn, limits) = (&self.config.sn, &self.config.limits);
        preflight(now, sn, &facts, want, limits, &self.flights.overrides)
    }

    /// The first thing that stands against a flight now.
    fn check_gate(&self, now: Now, request: &MissionRequest) -> Result<(), Reason> {
        let want = want_of(request);
        let facts = self.flight_facts(now, Some(request.mission_id));
        let (limits, overrides) = (&self.config.limits, &self.flights.overrides);
        match first_block(now, &facts, &want, limits, overrides) {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    /// What stands against taking a mission. One that waits is asked about the world later.
    pub(super) fn check_plan(&self, now: Now, request: &MissionRequest) -> Result<(), Reason> {
        let plan = &request.plan;
        if let Some(point) = &plan.break_point {
            resume::check_point(point)?;
        }
        if let Some(before) = plan.resumes.and_then(|id| self.missions.get(&id)) {
            resume::from_mission(before.status())?;
        }
        match &plan.start {
            MissionStart::Immediate | MissionStart::Released => self.check_gate(now, request),
            MissionStart::Timed { execute_ms } => {
                if *execute_ms <= now.wall {
                    let (en, ko) = ("Its time has passed already.", "시각이 이미 지났습니다.");
                    return Err(say("missed_window", en, ko));
                }
                self.check_ahead(now, *execute_ms)
            }
            MissionStart::Conditional(ready) => {
                conditions::check(ready, now.wall)?;
                self.check_ahead(now, ready.begin_ms)
            }
        }
    }

    fn check_ahead(&self, now: Now, at: WallMs) -> Result<(), Reason> {
        if at.since_ms(now.wall) > AHEAD_MAX_MS {
            let (en, ko) = ("It lies more than a year ahead.", "1년 넘게 남은 시각입니다.");
            return Err(say("too_far_ahead", en, ko));
        }
        let waiting = self.missions.open().filter(|(_, mission)| mission.is_waiting()).count();
        if waiting >= WAITING_MAX {
            return Err(say(
                "queue_full",
                "Too many missions wait on this dock. Cancel some first.",
                "이 도크에서 기다리는 임무가 너무 많습니다. 먼저 일부를 취소하십시오.",
            ));
        }
        Ok(())
    }

    /// What stands against an order of a flight in the moment it is to leave.
    pub(super) fn refusal_of_flight(
        &self,
        now: Now,
        mission_id: MissionId,
        order: Order,
    ) -> Option<Reason> {
        let mission = self.missions.get(&mission_id)?;
        if order == Order::Execute
            && let Err(reason) = self.check_take_off(now, mission)
        {
            return Some(reason);
        }
        self.check_gate(now, mission.request()).err()
    }

    /// What take-off asks beyond the gate: the time, and the conditions again.
    fn check_take_off(&self, now: Now, mission: &Mission) -> Result<(), Reason> {
        mission.check_time(now, self.session.clock_skew_ms())?;
        let Some(ready) = mission.conditions() else { return Ok(()) };
        let facts = self.flight_facts(now, Some(mission.request().mission_id));
        match conditions::first_unmet(ready, &facts, now.wall) {
            Some(reason) if !mutant::is(Mutant::ConditionNotRechecked) => Err(reason),
            Some(_) | None => Ok(()),
        }
    }

    /// Moves on every mission that waits: prepares and orders what is due, holds with its reason
    /// what something stands against, ends what missed its window.
    pub(super) fn move_waiting(&mut self, now: Now) {
        let wishes: Vec<_> = self
            .missions
            .open()
            .map(|(id, mission)| (*id, mission.wish(now)))
            .filter(|(_, wish)| !matches!(wish, Wish::Nothing | Wish::Wait(_)))
            .collect();
        for (mission_id, wish) in wishes {
            match wish {
                Wish::Give { order, .. } => self.try_to_give(now, mission_id, order),
                Wish::Expire => {
                    let Some(mission) = self.missions.get_mut(&mission_id) else { continue };
                    let next = mission.expire(now);
                    self.after_mission(now, mission_id, next);
                }
                Wish::Nothing | Wish::Wait(_) => {}
            }
        }
    }

    /// A flight of which nothing is heard any more becomes unknown.
    pub(super) fn listen_for_flights(&mut self, now: Now) {
        let at = &self.config.schemas.at;
        let fresh = |index| self.twin.fresh_code(now.mono, index);
        let seen = match (fresh(at.drone_in_dock), fresh(at.mode)) {
            (Some(0), _) => Seen::Out,
            // Idle, debugged by hand or from afar, or changing its firmware: it flies nothing.
            (Some(1), Some(0..=3)) => Seen::Idle,
            (Some(_) | None, _) => Seen::Nothing,
        };
        let mut lost = Vec::new();
        self.missions.each_open(|id, mission| {
            if mission.on_silence(now, seen) {
                lost.push(id);
            }
        });
        for mission_id in lost {
            self.trace_mission(now, mission_id, "silent");
            self.after_mission(now, mission_id, Next::Nothing);
        }
    }

    fn try_to_give(&mut self, now: Now, mission_id: MissionId, order: Order) {
        if let Some(reason) = self.refusal_of_flight(now, mission_id, order) {
            let Some(mission) = self.missions.get_mut(&mission_id) else { return };
            if mission.hold(reason) {
                let status = mission.status().clone();
                self.tell(Sample::Mission(status));
            }
            return;
        }
        match order {
            Order::Execute => self.give(now, mission_id, order),
            // The address it came with may have expired long ago.
            Order::Prepare => {
                let Some(mission) = self.missions.get_mut(&mission_id) else { return };
                if !mission.ask_for_url() {
                    return;
                }
                let wayline_id = mission.request().wayline_id;
                let exchange =
                    Exchange { tid: mission_id.to_string(), bid: OWN_EXCHANGE.to_owned() };
                self.outputs.push_back(Output::MintFileUrl { exchange, wayline_id });
            }
        }
    }

    /// The address of a file was made: for the dock that asked, or for a preparation of ours.
    pub(super) fn on_file_url(&mut self, now: Now, exchange: &Exchange, url: Option<String>) {
        let own: Option<MissionId> =
            (exchange.bid == OWN_EXCHANGE).then(|| exchange.tid.parse().ok()).flatten();
        let Some(mission_id) = own.filter(|id| self.missions.contains_key(id)) else {
            return self.answer_resource(now, exchange, url);
        };
        let Some(mission) = self.missions.get_mut(&mission_id) else { return };
        // It was cancelled, or missed its window, while the address was made.
        if mission.is_ended() {
            return;
        }
        let Some(url) = url else {
            let next = mission.reject(
                now,
                say(
                    "wayline_gone",
                    "The wayline file is not kept any more. Upload it and ask again.",
                    "웨이라인 파일이 더 이상 없습니다. 다시 올리고 요청하십시오.",
                ),
            );
            return self.after_mission(now, mission_id, next);
        };
        mission.on_url(&url);
        // The world may have changed while the address was made.
        let is_due = matches!(mission.wish(now), Wish::Give { order: Order::Prepare, .. });
        if is_due && self.refusal_of_flight(now, mission_id, Order::Prepare).is_none() {
            self.give(now, mission_id, Order::Prepare);
        }
    }

    /// When a mission that waits is next to be looked at.
    pub(super) fn waiting_deadline(&self) -> Option<MonoMs> {
        let now = Now { mono: self.settled_at, wall: self.settled_wall };
        let until = self.missions.open().filter_map(|(_, mission)| match mission.wish(now) {
            Wish::Wait(until) | Wish::Give { until, .. } => Some(until),
            Wish::Expire | Wish::Nothing => None,
        });
        let until = until.min()?;
        let ms = u64::try_from(until.since_ms(now.wall)).unwrap_or(0);
        Some(now.mono.after_ms(ms.clamp(1, LOOK_AGAIN_MS)))
    }

    pub(super) fn on_mission_control(&mut self, now: Now, control: &MissionControl) {
        if control.sn != self.config.sn {
            return;
        }
        let Some(mission) = self.missions.get_mut(&control.mission_id) else { return };
        // What it may meet changes nothing of what is over, or was told already.
        if let MissionAction::Warn(warnings) = &control.action
            && (mission.is_ended() || mission.status().warnings == *warnings)
        {
            return;
        }
        match mission.on_control(now, control.action.clone(), &control.issued_by) {
            Ok(next) => self.after_mission(now, control.mission_id, next),
            // Whoever asked learns where it stands; why it cannot be done follows from that.
            Err(_) => {
                let status = mission.status().clone();
                self.tell(Sample::Mission(status));
            }
        }
    }

    /// A flight that was prepared and will not be ordered is taken back from the dock.
    pub(super) fn undo_preparation(&mut self, now: Now, mission_id: MissionId) {
        let Some(mission) = self.missions.get(&mission_id) else { return };
        let is_canceled = mission.status().verdict == Some(Verdict::Canceled);
        let waits_long = mission.is_for_later();
        let command = |id: Option<CommandId>| id.and_then(|id| self.commands.get(&id));
        let may_be_held = command(mission.prepare_command()).is_some_and(|prepare| {
            match prepare.status().state {
                CommandState::Succeeded => true,
                CommandState::Failed | CommandState::Rejected | CommandState::Expired => false,
                CommandState::Accepted
                | CommandState::Journaled
                | CommandState::Sent
                | CommandState::Acknowledged
                | CommandState::Unknown => prepare.may_have_left() && (is_canceled || waits_long),
            }
        });
        let may_fly = command(mission.execute_command()).is_some_and(|order| order.may_have_left());
        let by_dock =
            mission.status().reason.as_ref().is_some_and(|r| r.code.starts_with("device_"));
        if !may_be_held || may_fly || by_dock || check_reachable(&self.facts(now)).is_err() {
            return;
        }
        let request = mission.request().clone();
        let data = json!({ "flight_ids": [request.flight_id()] });
        self.give_beside(now, &request, "flighttask_undo", data);
    }

    /// Sends a command that belongs to a flight and is none of its two orders.
    pub(super) fn give_beside(
        &mut self,
        now: Now,
        request: &MissionRequest,
        method: &'static str,
        data: serde_json::Value,
    ) {
        const LIFE_MS: u64 = 30_000;
        let mission_id = request.mission_id;
        let key = IdempotencyKey::new(&format!("mission:{mission_id}:{method}"));
        let (Some(spec), Ok(idempotency_key)) = (mission_spec(method), key) else { return };
        let command = CommandRequest {
            command_id: CommandId(self.new_uuid()),
            trace_id: request.trace_id,
            request_id: RequestId(request.request_id.0),
            sn: request.sn.clone(),
            method: method.to_owned(),
            data,
            idempotency_key,
            expires_in_ms: LIFE_MS,
            issued_by: request.issued_by.clone(),
        };
        let Ok(payload) = self.encode(now, &command) else { return };
        self.start(now, command, spec, Some(mission_id), payload);
    }

    // What people say.

    pub(super) fn on_notice(&mut self, now: Now, notice: DockNotice) {
        if notice.sn != self.config.sn {
            return;
        }
        let trace_id = fleet_types::TraceId(notice.request_id.0);
        match &notice.saying {
            DockSaying::Override(_) => {
                let journal_id = self.record(now, trace_id, Entry::Notice(notice.clone()));
                self.flights.unrecorded.insert(journal_id, notice);
                return;
            }
            // Counts at once: it only stops flights, or lets go of what did.
            DockSaying::Withdraw(item) => {
                // What waits for its record is withdrawn with what counts already.
                let is_other = |_: &JournalId, said: &mut DockNotice| match &said.saying {
                    DockSaying::Override(given) => given.item != *item,
                    DockSaying::Withdraw(_)
                    | DockSaying::Maintenance { .. }
                    | DockSaying::Reserved(_) => true,
                };
                self.flights.unrecorded.retain(is_other);
                self.record(now, trace_id, Entry::Notice(notice.clone()));
            }
            DockSaying::Maintenance { .. } => {
                self.record(now, trace_id, Entry::Notice(notice.clone()));
            }
            DockSaying::Reserved(_) => {}
        }
        self.take_notice(&notice);
        self.tell_gate(now, notice.request_id);
    }

    /// An override counts from the moment it is on record; one that cannot be recorded never does.
    pub(super) fn notice_on_record(&mut self, now: Now, journal_id: JournalId, is_safe: bool) {
        let Some(notice) = self.flights.unrecorded.remove(&journal_id) else { return };
        if is_safe {
            self.take_notice(&notice);
        }
        self.tell_gate(now, notice.request_id);
    }

    pub(super) fn take_notice(&mut self, notice: &DockNotice) {
        match &notice.saying {
            DockSaying::Override(given) => {
                let new = &notice.saying;
                let stays = |said: &PreflightOverride| {
                    !is_superseded(&DockSaying::Override(said.clone()), new)
                };
                self.flights.overrides.retain(stays);
                self.flights.overrides.push(given.clone());
            }
            DockSaying::Withdraw(item) => {
                self.flights.overrides.retain(|given| given.item != *item);
            }
            DockSaying::Maintenance { on, note } => {
                self.flights.maintenance = on.then(|| note.clone());
            }
            DockSaying::Reserved(flight) => self.flights.reserved_for = *flight,
        }
    }

    pub(super) fn on_preflight_request(&mut self, now: Now, request: &PreflightRequest) {
        if request.sn != self.config.sn {
            return;
        }
        let want = Want {
            flight_id: None,
            plan: &request.plan,
            rth_altitude_m: request.rth_altitude_m,
            lost_link_action: request.lost_link_action,
            exit_wayline_when_link_lost: request.exit_wayline_when_link_lost,
            warnings: &request.warnings,
        };
        let report = self.gate(now, None, &want);
        let request_id = request.request_id;
        self.tell(Sample::Preflight(PreflightReport { request_id, preflight: report }));
    }

    /// Answers a notice with how the gate stands now, for a flight that asks for nothing special.
    fn tell_gate(&mut self, now: Now, request_id: RequestId) {
        let plan = MissionPlan::default();
        let want = Want {
            flight_id: None,
            plan: &plan,
            rth_altitude_m: 100,
            lost_link_action: fleet_types::mission::LostLinkAction::ReturnHome,
            exit_wayline_when_link_lost: false,
            warnings: &[],
        };
        let preflight = self.gate(now, None, &want);
        self.tell(Sample::Preflight(PreflightReport { request_id, preflight }));
    }

    // What the dock says.

    pub(super) fn on_flights_ready(&mut self, now: Now, envelope: &Envelope<'_>) {
        let Some(ready) = self.read::<FlightIds>(envelope) else { return };
        let ids: Vec<MissionId> = ready
            .flight_ids
            .iter()
            .flatten()
            .filter_map(|id| id.parse().ok())
            .filter_map(|id| self.mission_of_flight(id))
            .collect();
        for mission_id in ids {
            let Some(mission) = self.missions.get_mut(&mission_id) else { continue };
            if mission.on_ready(now) {
                self.trace_mission(now, mission_id, "ready");
                self.after_mission(now, mission_id, Next::Nothing);
            }
        }
    }

    /// Health alarms come as a full set each time: what is not in it is over.
    pub(super) fn on_hms(&mut self, envelope: &Envelope<'_>) {
        let Some(hms) = self.read::<Hms>(envelope) else { return };
        let Some(list) = hms.list else { return };
        let mut now = HmsNow::default();
        for item in &list {
            let code = item.code.as_deref().unwrap_or("without a code").to_owned();
            match item.level {
                Some(HmsLevel::Warning) if item.imminent.is_some_and(bool::from) => {
                    now.imminent_warning.get_or_insert(code);
                }
                Some(HmsLevel::Warning) => drop(now.warning.get_or_insert(code)),
                Some(HmsLevel::Reminder) => drop(now.caution.get_or_insert(code)),
                Some(HmsLevel::Notification | HmsLevel::Other(_)) | None => {}
            }
        }
        self.flights.hms = now;
    }

    pub(super) fn on_areas_sync(&mut self, envelope: &Envelope<'_>) {
        let Some(progress) = self.read::<AreasSyncProgress>(envelope) else { return };
        self.flights.areas = match progress.status {
            Some(SyncStatus::Synchronized) => AreasSync::Done,
            Some(SyncStatus::WaitSync | SyncStatus::Synchronizing) => AreasSync::UnderWay,
            Some(SyncStatus::Fail | SyncStatus::SwitchFail) => AreasSync::Failed,
            // A word that is not documented is no proof that they are there.
            Some(SyncStatus::Other(_)) | None => AreasSync::UnderWay,
        };
    }

    /// The aircraft left its way home: somebody has to send it again.
    pub(super) fn on_exit_homing(&mut self, now: Now, envelope: &Envelope<'_>) {
        let Some(notice) = self.read::<ExitHoming>(envelope) else { return };
        if notice.action.is_some_and(bool::from) {
            self.hovers(
                now,
                say(
                    "return_aborted",
                    "The aircraft left its way home and hovers on its battery. Send it home again.",
                    "기체가 복귀를 중단하고 제자리 비행 중입니다. 다시 복귀시키십시오.",
                ),
            );
        }
    }

    /// One dock asks how the flight stands at the other.
    pub(super) fn progress_of_peer(&mut self, now: Now, envelope: &Envelope<'_>) -> Vec<u8> {
        let request = self.read::<ProgressGetRequest>(envelope).unwrap_or_default();
        let flight_id: Option<MissionId> =
            request.flight_id.as_deref().and_then(|flight_id| flight_id.parse().ok());
        let peer = flight_id.and_then(|id| Some((id, self.flights.peers.get(&id)?)));
        let is_it =
            |peer: &Peer| request.target_sn.as_deref().is_none_or(|sn| sn == peer.sn.as_str());
        match peer.filter(|(_, peer)| is_it(peer)) {
            Some((flight_id, peer)) => {
                let output = ProgressGetOutput {
                    flight_id: Some(flight_id.to_string().into()),
                    progress: Some(FlightProgress {
                        percent: peer.progress.percent.map(f64::from),
                        current_step: peer
                            .progress
                            .current_step
                            .map(dji_cloud::wayline::FlightStep::from_code),
                        ..FlightProgress::default()
                    }),
                    status: peer.status.as_deref().map(JobStatus::from_word),
                    ..ProgressGetOutput::default()
                };
                encode::request_reply(envelope, now.wall.0, 0, Some(&output))
            }
            None => encode::request_reply::<()>(envelope, now.wall.0, 1, None),
        }
    }

    /// What the end of a return or of its cancelling means for the flight.
    pub(super) fn return_ended(&mut self, now: Now, status: &CommandStatus) {
        if status.state != CommandState::Succeeded {
            return;
        }
        match status.method.as_str() {
            "return_home_cancel" => self.hovers(
                now,
                say(
                    "rth_cancelled",
                    "Its return was cancelled: the aircraft hovers on its battery, out of its wayline. Send it home, or fly it by hand.",
                    "복귀가 취소되었습니다. 기체는 웨이라인을 벗어나 제자리 비행 중입니다. 복귀시키거나 수동으로 조종하십시오.",
                ),
            ),
            "return_home" | "return_specific_home" => {
                let Some(mission_id) = self.flying() else { return };
                if self.missions.get_mut(&mission_id).is_some_and(|m| m.on_returning(now)) {
                    self.after_mission(now, mission_id, Next::Nothing);
                }
            }
            _ => {}
        }
    }

    fn hovers(&mut self, now: Now, reason: Reason) {
        let Some(mission_id) = self.flying() else { return };
        if self.missions.get_mut(&mission_id).is_some_and(|m| m.on_hovering(now, reason)) {
            self.after_mission(now, mission_id, Next::Nothing);
        }
    }

    fn flying(&self) -> Option<MissionId> {
        self.active_mission().map(|mission| mission.request().mission_id)
    }

    /// The mission of a `flight_id`: its own id, but for flights between docks.
    pub(super) fn mission_of_flight(&self, flight_id: MissionId) -> Option<MissionId> {
        if self.missions.contains_key(&flight_id) {
            return Some(flight_id);
        }
        let of_flight = |mission: &&Mission| mission.request().flight_id() == flight_id;
        self.missions.values().find(of_flight).map(|mission| mission.request().mission_id)
    }

    /// 9 returning home.
    pub(super) fn is_returning(&self, now: MonoMs) -> bool {
        let at = self.config.schemas.at.aircraft_mode;
        self.aircraft.iter().any(|aircraft| aircraft.twin.fresh_code(now, at) == Some(9))
    }

    /// Flying by hand (3), virtual stick (16) or live flight controls (17): not on its way home.
    pub(super) fn is_hovering(&self, since: MonoMs, until: Option<MonoMs>) -> bool {
        let at = self.config.schemas.at.aircraft_mode;
        let hovers = |mode: i64| matches!(mode, 3 | 16 | 17);
        let mode = |aircraft: &super::Aircraft| aircraft.twin.code_between(since, until, at);
        self.aircraft.iter().any(|aircraft| mode(aircraft).is_some_and(hovers))
    }
}

fn want_of(request: &MissionRequest) -> Want<'_> {
    Want {
        flight_id: Some(request.flight_id()),
        plan: &request.plan,
        rth_altitude_m: request.rth_altitude_m,
        lost_link_action: request.lost_link_action,
        exit_wayline_when_link_lost: request.exit_wayline_when_link_lost,
        warnings: &[],
    }
}
