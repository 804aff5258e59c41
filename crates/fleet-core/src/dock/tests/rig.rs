//! Plays a dock, the journal and the link around one machine, and asserts what must always hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dji_cloud::topic::{Topic, TopicKind};
use fleet_types::{
    Alarm, CommandId, CommandRequest, CommandState, CommandStatus, DeviceSn, DeviceStatus,
    IdempotencyKey, MissionId, MissionRequest, MissionStatus, MonoMs, Now, RequestId, TraceId,
    WallMs,
    command::{Resolution, ResolvedOutcome, Subject},
    id::WaylineId,
    mission::LostLinkAction,
    plan::{MissionPlan, MissionStart},
    preflight::PreflightReport,
    topic::{DeviceDrift, DeviceEvent, DeviceOsd, DeviceTopology},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    dock::{DockConfig, DockMachine, Schemas, SiteConfig},
    io::{Exchange, Input, JournalId, Output, Sample, Send, SendFate},
    journal::{
        Entry, Record,
        fold::{Fold, OpenCommand, OpenWork},
    },
};

pub(super) const DOCK: &str = "SIMDK200000001";
pub(super) const AIRCRAFT: &str = "SIMM3TD00000001";
const EPOCH_MS: i64 = 1_790_000_000_000;
const START_MS: u64 = 1_000_000;

/// One dock's machine and the world around it.
pub(super) struct Rig {
    pub(super) machine: DockMachine,
    pub(super) now: Now,
    /// The journal answers at once, else by [`Rig::journal_answers`].
    pub(super) journal_is_fast: bool,
    /// What the link says of a send at once; nothing when `None`.
    pub(super) fate: Option<SendFate>,
    pub(super) sends: Vec<Send>,
    pub(super) records: Vec<(JournalId, Record)>,
    failed_records: BTreeSet<JournalId>,
    /// On record when the process was lost: whether they left, only this rig knows.
    pub(super) doubted: BTreeSet<CommandId>,
    pub(super) replies: Vec<(String, Value)>,
    pub(super) minted: Vec<(Exchange, WaylineId)>,
    pub(super) storage_asked: Vec<crate::io::Exchange>,
    pub(super) children: Vec<String>,
    pub(super) commands: BTreeMap<CommandId, CommandStatus>,
    pub(super) missions: BTreeMap<MissionId, MissionStatus>,
    pub(super) devices: BTreeMap<String, DeviceStatus>,
    pub(super) osd: BTreeMap<String, DeviceOsd>,
    pub(super) topologies: Vec<DeviceTopology>,
    pub(super) events: Vec<DeviceEvent>,
    pub(super) drift: Option<DeviceDrift>,
    pub(super) drift_count: usize,
    pub(super) alarms: Vec<Alarm>,
    pub(super) answers: Vec<fleet_types::authority::AuthorityAnswer>,
    pub(super) reports: Vec<PreflightReport>,
    /// `send <method>` and `journal <method>` in the order they were asked for.
    pub(super) order: Vec<String>,
    asked: BTreeMap<MissionId, MissionRequest>,
    pub(super) held: Vec<JournalId>,
    journal_of: BTreeMap<JournalId, CommandId>,
    journaled: BTreeSet<CommandId>,
    flights: BTreeSet<String>,
    /// What the link said of each command.
    fates: BTreeMap<CommandId, Vec<SendFate>>,
    ids: u128,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut DockConfig)) -> Self {
        let now = Now { mono: MonoMs(START_MS), wall: WallMs(EPOCH_MS) };
        let mut config = config();
        change(&mut config);
        let mut rig = Self {
            machine: DockMachine::new(now, config),
            now,
            journal_is_fast: true,
            fate: Some(SendFate::Sent),
            sends: Vec::new(),
            records: Vec::new(),
            failed_records: BTreeSet::new(),
            doubted: BTreeSet::new(),
            replies: Vec::new(),
            minted: Vec::new(),
            storage_asked: Vec::new(),
            children: Vec::new(),
            commands: BTreeMap::new(),
            missions: BTreeMap::new(),
            devices: BTreeMap::new(),
            osd: BTreeMap::new(),
            topologies: Vec::new(),
            events: Vec::new(),
            drift: None,
            drift_count: 0,
            alarms: Vec::new(),
            answers: Vec::new(),
            reports: Vec::new(),
            order: Vec::new(),
            asked: BTreeMap::new(),
            held: Vec::new(),
            journal_of: BTreeMap::new(),
            journaled: BTreeSet::new(),
            flights: BTreeSet::new(),
            fates: BTreeMap::new(),
            ids: 0,
        };
        rig.input(Input::CommandLink { is_up: true });
        rig
    }

    /// A dock through bring-up, idle, with its aircraft inside.
    pub(super) fn online() -> Self {
        let mut rig = Self::new();
        rig.bring_up();
        rig.idle();
        rig
    }

    pub(super) fn bring_up(&mut self) {
        self.request("config", json!({"config_type": "json", "config_scope": "product"}));
        self.request("airport_bind_status", json!({"devices": [{"sn": DOCK}]}));
        self.topology(&[AIRCRAFT]);
    }

    /// Fresh telemetry of an idle dock.
    pub(super) fn idle(&mut self) {
        self.idle_but(&json!({}));
    }

    /// As [`Self::idle`], with some values otherwise in the same report.
    pub(super) fn idle_but(&mut self, other: &Value) {
        let mut report = json!({
            "mode_code": 0, "drone_in_dock": 1, "cover_state": 0, "supplement_light_state": 0,
            "emergency_stop_state": 0, "firmware_version": "10.01.1605",
            "drone_charge_state": {"state": 0, "capacity_percent": 91}, "wind_speed": 2.4,
            "rainfall": 0, "network_state": {"type": 2, "quality": 5, "rate": 5.1},
            "position_state": {"is_fixed": 2, "quality": 10}, "home_position_is_valid": 1,
            "storage": {"total": 82_045_336, "used": 51_772},
        });
        for (key, value) in other.as_object().unwrap() {
            report[key] = value.clone();
        }
        self.osd(report);
        self.state(json!({"firmware_version": "10.01.1605", "compatible_status": 0}));
    }

    /// Fresh telemetry of an idle dock in remote-debug mode.
    pub(super) fn debugging(&mut self) {
        self.idle();
        self.osd(json!({"mode_code": 2}));
    }

    pub(super) fn uuid(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(0xF00D_0000_0000_4000_8000_0000_0000_0000 + self.ids)
    }

    // What happens.

    pub(super) fn input(&mut self, input: Input<'_>) {
        if let Input::Fate { command_id, fate } = &input {
            self.fates.entry(*command_id).or_default().push(*fate);
        }
        self.machine.handle(self.now, input);
        self.drain();
    }

    /// Lets time pass, waking the machine when it wants to be woken.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now.mono.after_ms(ms);
        for _ in 0..10_000 {
            match self.machine.poll_timeout(self.now.mono) {
                Some((at, _)) if at <= end => {
                    self.go_to(at.max(self.now.mono));
                    self.machine.handle_timeout(self.now);
                    self.drain();
                    let next = self.machine.poll_timeout(self.now.mono);
                    assert!(next.is_none_or(|(at, _)| at > self.now.mono), "spins on {next:?}");
                }
                Some(_) | None => return self.go_to(end),
            }
        }
        panic!("woken without end");
    }

    /// The machine is lost and another one takes up what was open.
    pub(super) fn restart(&mut self) {
        self.restart_with(Vec::new());
    }

    /// As [`Self::restart`], with some commands that are over.
    pub(super) fn restart_with(&mut self, over: Vec<CommandStatus>) {
        // What was over is not taken up: its identities and keys are forgotten.
        self.commands.retain(|_, status| !status.state.is_final());
        self.missions.retain(|_, status| status.verdict.is_none());
        let commands = self.commands.values().cloned().chain(over);
        let commands = commands.map(|status| OpenCommand { status, data: Value::Null }).collect();
        let missions = self.missions.values();
        let missions = missions
            .map(|status| (self.asked[&status.mission_id].clone(), status.clone()))
            .collect();
        // Answers to the journal writes of the machine before still come.
        self.restored(OpenWork { commands, missions, ..OpenWork::default() });
    }

    /// The process is lost with everything that was not yet safe on record, and another one takes up
    /// what the records tell.
    pub(super) fn lose_process(&mut self) {
        // Records are written in order: what was written after one proves it safe.
        let held = std::mem::take(&mut self.held);
        while self.records.last().is_some_and(|(journal_id, _)| held.contains(journal_id)) {
            self.records.pop();
        }
        let failed = &self.failed_records;
        self.records.retain(|(journal_id, _)| !failed.contains(journal_id));
        let work = self.folded();
        // What was told and is not on record, nobody remembers.
        let commands = work.commands.iter().map(|open| (open.status.command_id, &open.status));
        self.commands = commands.map(|(id, status)| (id, status.clone())).collect();
        self.doubted.extend(work.open_commands().map(|status| status.command_id));
        let missions = work.missions.iter().map(|(_, status)| (status.mission_id, status.clone()));
        self.missions = missions.collect();
        self.restored(work);
    }

    /// As [`Self::lose_process`], with every record safe.
    pub(super) fn restart_from_records(&mut self) {
        self.journal_answers(true);
        self.lose_process();
    }

    /// What the records tell of this dock.
    pub(super) fn folded(&self) -> OpenWork {
        let records = self.records.iter().map(|(_, record)| record.clone());
        records.collect::<Fold>().finish().pop_first().map(|(_, work)| work).unwrap_or_default()
    }

    fn restored(&mut self, work: OpenWork) {
        self.alarms.clear();
        let seed = u64::try_from(self.ids).unwrap() + 1_000;
        self.machine = DockMachine::new(self.now, DockConfig { seed, ..config() });
        self.machine.restore(self.now, work);
        self.input(Input::CommandLink { is_up: true });
    }

    /// Time passes and the machine is woken late.
    pub(super) fn oversleep(&mut self, ms: u64) {
        self.go_to(self.now.mono.after_ms(ms));
        self.machine.handle_timeout(self.now);
        self.drain();
    }

    fn go_to(&mut self, at: MonoMs) {
        let ms = i64::try_from(at.since_ms(self.now.mono)).unwrap();
        self.now = Now { mono: at, wall: WallMs(self.now.wall.0 + ms) };
    }

    pub(super) fn raw(&mut self, kind: TopicKind, sn: &str, payload: &[u8]) {
        let topic = Topic::new(kind, sn).unwrap();
        self.input(Input::Message { topic, payload });
    }

    pub(super) fn publish(&mut self, kind: TopicKind, sn: &str, payload: &Value) {
        self.raw(kind, sn, payload.to_string().as_bytes());
    }

    pub(super) fn request(&mut self, method: &str, data: Value) -> Value {
        let tid = self.uuid().to_string();
        let before = self.replies.len();
        let message = json!({
            "tid": tid, "bid": "b-of-request", "timestamp": self.now.wall.0, "gateway": DOCK,
            "method": method, "data": data,
        });
        self.publish(TopicKind::Requests, DOCK, &message);
        match self.replies.get(before) {
            Some((topic, reply)) => {
                assert_eq!(*topic, format!("thing/product/{DOCK}/requests_reply"));
                assert_eq!((&reply["tid"], &reply["method"]), (&json!(tid), &json!(method)));
                reply["data"].clone()
            }
            None => Value::Null,
        }
    }

    pub(super) fn topology(&mut self, aircraft: &[&str]) {
        let sub: Vec<_> = aircraft
            .iter()
            .map(|sn| {
                json!({"sn": sn, "domain": "0", "type": 91, "sub_type": 1, "index": "A",
                    "device_secret": "s", "nonce": "n", "thing_version": "1.1.2"})
            })
            .collect();
        let data = json!({
            "domain": "3", "type": 2, "sub_type": 0, "device_secret": "s", "nonce": "n",
            "thing_version": "1.1.2", "sub_devices": sub,
        });
        self.update_topo(data);
    }

    pub(super) fn update_topo(&mut self, data: Value) {
        let message = json!({"tid": "t-topo", "bid": "b-topo", "timestamp": self.now.wall.0,
            "method": "update_topo", "data": data});
        self.publish(TopicKind::Status, DOCK, &message);
    }

    fn report(&mut self, kind: TopicKind, sn: &str, data: Value) {
        let message = json!({"tid": "t", "bid": "b", "timestamp": self.now.wall.0,
            "gateway": DOCK, "data": data});
        self.publish(kind, sn, &message);
    }

    pub(super) fn osd(&mut self, data: Value) {
        self.report(TopicKind::Osd, DOCK, data);
    }

    pub(super) fn state(&mut self, data: Value) {
        self.report(TopicKind::State, DOCK, data);
    }

    pub(super) fn aircraft_osd(&mut self, data: Value) {
        self.report(TopicKind::Osd, AIRCRAFT, data);
    }

    /// An event of a flow; the envelope names no flow when `bid` is empty.
    pub(super) fn event(&mut self, method: &str, bid: &str, data: Value) {
        let mut message = json!({"tid": "t", "timestamp": self.now.wall.0, "gateway": DOCK,
            "method": method, "data": data});
        if !bid.is_empty() {
            message["bid"] = json!(bid);
        }
        self.publish(TopicKind::Events, DOCK, &message);
    }

    pub(super) fn reply(&mut self, send: &Send, data: Value) {
        let call: Value = serde_json::from_slice(&send.payload).unwrap();
        let message = json!({"tid": call["tid"], "bid": call["bid"], "method": call["method"],
            "timestamp": self.now.wall.0, "data": data});
        self.publish(TopicKind::ServicesReply, DOCK, &message);
    }

    pub(super) fn job(&mut self, id: CommandId, result: i64, status: Value, percent: u8) {
        let status_now = self.commands[&id].clone();
        let data = json!({"result": result, "output": {"status": status,
            "progress": {"percent": percent, "step_key": "open_cover"}}});
        self.event(&status_now.method, &status_now.trace_id.to_string(), data);
    }

    pub(super) fn flight(&mut self, id: MissionId, result: i64, status: Value, state: i64) {
        let data = json!({"result": result, "output": {"status": status,
            "progress": {"current_step": 24, "percent": 40},
            "ext": {"flight_id": id.to_string(), "current_waypoint_index": 3,
                "wayline_mission_state": state, "media_count": 2}}});
        self.event("flighttask_progress", &id.to_string(), data);
    }

    // What people ask for.

    pub(super) fn command_request(&mut self, method: &str) -> CommandRequest {
        let id = self.uuid();
        CommandRequest {
            command_id: CommandId(id),
            trace_id: TraceId(self.uuid()),
            request_id: RequestId(self.uuid()),
            sn: DeviceSn::new(DOCK).unwrap(),
            method: method.into(),
            data: Value::Null,
            idempotency_key: IdempotencyKey::new(&format!("key-{id}")).unwrap(),
            expires_in_ms: 10_000,
            issued_by: "operator".into(),
        }
    }

    pub(super) fn ask(&mut self, request: CommandRequest) -> CommandId {
        let id = request.command_id;
        self.input(Input::Command(request));
        id
    }

    pub(super) fn command(&mut self, method: &str) -> CommandId {
        let request = self.command_request(method);
        self.ask(request)
    }

    pub(super) fn mission_request(&mut self) -> MissionRequest {
        let id = self.uuid();
        MissionRequest {
            mission_id: MissionId(id),
            trace_id: TraceId(self.uuid()),
            request_id: RequestId(self.uuid()),
            sn: DeviceSn::new(DOCK).unwrap(),
            wayline_id: WaylineId(self.uuid()),
            wayline_name: "quay".into(),
            waypoint_count: 12,
            file_url: "https://tower.site/files/quay".into(),
            file_md5: "0cc175b9c0f1b6a831c399e269772661".into(),
            rth_altitude_m: 80,
            lost_link_action: LostLinkAction::ReturnHome,
            exit_wayline_when_link_lost: false,
            idempotency_key: IdempotencyKey::new(&format!("mission-{id}")).unwrap(),
            expires_in_ms: 60_000,
            issued_by: "operator".into(),
            plan: MissionPlan::default(),
        }
    }

    pub(super) fn ask_mission(&mut self, request: MissionRequest) -> MissionId {
        let id = request.mission_id;
        self.asked.entry(id).or_insert_with(|| request.clone());
        self.input(Input::Mission(request));
        id
    }

    /// A mission whose order to fly has just left.
    pub(super) fn ordered_mission(&mut self) -> MissionId {
        self.ordered_mission_again()
    }

    /// Another one after an earlier one is over.
    pub(super) fn ordered_mission_again(&mut self) -> MissionId {
        let before = self.sent("flighttask_execute").len();
        self.idle();
        let request = self.mission_request();
        let id = self.ask_mission(request);
        self.reply(&self.last("flighttask_prepare"), json!({"result": 0}));
        assert_eq!(self.sent("flighttask_execute").len(), before + 1, "{:?}", self.missions[&id]);
        id
    }

    pub(super) fn resolve(&mut self, id: CommandId, outcome: ResolvedOutcome) {
        self.settle(Subject::Command(id), outcome);
    }

    pub(super) fn settle(&mut self, subject: Subject, outcome: ResolvedOutcome) {
        let resolution = Resolution {
            subject,
            sn: DeviceSn::new(DOCK).unwrap(),
            outcome,
            note: "looked at the camera".into(),
            resolved_by: "operator".into(),
        };
        self.input(Input::Resolve(resolution));
    }

    pub(super) fn fate_of(&mut self, id: CommandId, fate: SendFate) {
        self.input(Input::Fate { command_id: id, fate });
    }

    /// The journal answers everything it was asked so far.
    pub(super) fn journal_answers(&mut self, is_ok: bool) {
        for id in std::mem::take(&mut self.held) {
            self.answer_journal(id, is_ok);
        }
        self.drain();
    }

    fn answer_journal(&mut self, id: JournalId, is_ok: bool) {
        if is_ok {
            if let Some(command_id) = self.journal_of.get(&id) {
                self.journaled.insert(*command_id);
            }
            self.machine.handle(self.now, Input::Journaled(id));
        } else {
            let is_it = |(journal_id, _): &&(JournalId, Record)| *journal_id == id;
            // Only what is awaited is given up.
            if self.records.iter().find(is_it).is_some_and(|(_, record)| record.entry.is_awaited())
            {
                self.failed_records.insert(id);
            }
            self.machine.handle(self.now, Input::JournalFailed(id));
        }
    }

    // What came of it.

    pub(super) fn sent(&self, method: &str) -> Vec<Send> {
        let is_it = |send: &&Send| method_of(send) == method;
        self.sends.iter().filter(is_it).cloned().collect()
    }

    pub(super) fn last(&self, method: &str) -> Send {
        self.sent(method).pop().unwrap_or_else(|| panic!("{method} was not sent"))
    }

    #[track_caller]
    pub(super) fn check(&self, id: CommandId, state: CommandState, reason: Option<&str>) {
        let status = &self.commands[&id];
        let code = status.reason.as_ref().map(|reason| reason.code.as_ref());
        assert_eq!((status.state, code), (state, reason), "{status:?}");
    }

    pub(super) fn mission(&self, id: MissionId) -> &MissionStatus {
        &self.missions[&id]
    }

    pub(super) fn dock(&self) -> &DeviceStatus {
        &self.devices[DOCK]
    }

    pub(super) fn dock_reason(&self) -> Option<&str> {
        self.dock().reason.as_ref().map(|reason| reason.code.as_ref())
    }

    pub(super) fn is_locked(&self) -> bool {
        let raised = self.alarms.iter().filter(|alarm| alarm.cleared_ms.is_none()).count();
        let cleared = self.alarms.len() - raised;
        let is_locked = self.dock().flight_lock.is_some();
        assert_eq!(is_locked, raised > cleared, "lock and alarm say the same");
        is_locked
    }

    pub(super) fn unknowns(&self, kind: &str) -> Vec<(String, String)> {
        let drift = self.drift.iter().flat_map(|drift| &drift.unknowns);
        let of_kind = drift.filter(|unknown| unknown.kind == kind);
        of_kind.map(|unknown| (unknown.firmware.clone(), unknown.key.clone())).collect()
    }

    // The world's side.

    fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Journal { journal_id, record } => self.take_record(journal_id, *record),
                Output::Send(send) => self.take_send(send),
                Output::Reply { topic, payload } => {
                    let reply = serde_json::from_slice(&payload).expect("an answer is JSON");
                    self.replies.push((topic, reply));
                }
                Output::MintFileUrl { exchange, wayline_id } => {
                    self.minted.push((exchange, wayline_id));
                }
                Output::MintStorage { exchange } => self.storage_asked.push(exchange),
                Output::Children(children) => {
                    for child in children.iter().map(ToString::to_string) {
                        if !self.children.contains(&child) {
                            self.children.push(child);
                        }
                    }
                }
                Output::Publish(sample) => self.take_sample(*sample),
            }
        }
    }

    fn take_record(&mut self, journal_id: JournalId, record: Record) {
        if let Entry::Command { command_id, method, .. } = &record.entry {
            self.order.push(format!("journal {method}"));
            self.journal_of.insert(journal_id, *command_id);
        }
        self.records.push((journal_id, record));
        if self.journal_is_fast {
            self.answer_journal(journal_id, true);
        } else {
            self.held.push(journal_id);
        }
    }

    fn take_send(&mut self, send: Send) {
        let method = method_of(&send);
        let id = send.command_id;
        let copies = self.sends.iter().filter(|before| before.command_id == id).count();
        let is_harmless = dji_cloud::method::spec(&method).is_some_and(|spec| spec.repeatable);
        assert!(copies == 0 || (is_harmless && copies <= 2), "{method} sent {copies} times before");
        assert!(send.counter_action || self.journaled.contains(&id), "{method} not on record");
        assert!(self.now.mono < send.expires, "{method} sent after its time");
        if method == "flighttask_execute" {
            let call: Value = serde_json::from_slice(&send.payload).unwrap();
            let flight_id = call["data"]["flight_id"].as_str().expect("a flight").to_owned();
            let mission = &self.missions[&flight_id.parse().unwrap()];
            assert_eq!(mission.verdict, None, "take-off ordered for a mission that is over");
            assert_in_time(&mission.plan.start, self.now.wall);
            assert!(self.flights.insert(flight_id), "take-off ordered twice");
        }
        self.order.push(format!("send {method}"));
        self.sends.push(send);
        if let Some(fate) = self.fate {
            self.fates.entry(id).or_default().push(fate);
            self.machine.handle(self.now, Input::Fate { command_id: id, fate });
        }
    }

    /// Only where the link said so may a command that was handed to it be over as one that did not
    /// leave; then take-off may be ordered anew.
    fn note_not_sent(&mut self, status: &CommandStatus) {
        let id = status.command_id;
        let is_over = matches!(status.state, CommandState::Rejected | CommandState::Expired);
        if !is_over || !self.sends.iter().any(|send| send.command_id == id) {
            return;
        }
        let says_so = |fate: &SendFate| match fate {
            SendFate::NotSent | SendFate::Expired | SendFate::NoSubscriber | SendFate::Refused => {
                true
            }
            SendFate::Sent | SendFate::Delivered | SendFate::Lost => false,
        };
        let fates = self.fates.get(&id).map(Vec::as_slice).unwrap_or_default();
        assert!(fates.iter().any(says_so), "nobody said that it did not leave: {status:?}");
        if status.method == "flighttask_execute"
            && let Some(mission_id) = status.mission_id
        {
            self.flights.remove(&mission_id.to_string());
        }
    }

    fn take_sample(&mut self, sample: Sample) {
        match sample {
            Sample::Osd(osd) => drop(self.osd.insert(osd.sn.to_string(), osd)),
            Sample::Status(status) => drop(self.devices.insert(status.sn.to_string(), status)),
            Sample::Topology(topology) => self.topologies.push(topology),
            Sample::Event(event) => self.events.push(event),
            Sample::Drift(drift) => {
                self.drift_count += 1;
                self.drift = Some(drift);
            }
            Sample::Command(status) => {
                let is_final = status.state.is_final();
                assert!(!is_final || status.response_code.is_some(), "no outcome: {status:?}");
                if let Some(before) = self.commands.get(&status.command_id)
                    && before.state.is_final()
                {
                    assert_eq!(before.state, status.state, "a final state changed");
                }
                self.note_not_sent(&status);
                self.commands.insert(status.command_id, status);
            }
            Sample::Mission(status) => {
                if let Some(before) = self.missions.get(&status.mission_id)
                    && before.verdict.is_some()
                {
                    assert_eq!(before.verdict, status.verdict, "two verdicts");
                }
                self.missions.insert(status.mission_id, status);
            }
            Sample::Alarm(alarm) => self.alarms.push(alarm),
            Sample::Preflight(report) => self.reports.push(report),
            Sample::AuthorityAnswer(answer) => self.answers.push(answer),
            Sample::AuthorityChange(_) => {}
            Sample::Trace(step) => {
                let is_outcome = step.action == "outcome";
                assert!(!is_outcome || step.response_code.is_some(), "no outcome: {step:?}");
            }
        }
    }
}

/// Whatever happened before: take-off is never ordered outside its window.
fn assert_in_time(start: &MissionStart, now: WallMs) {
    match start {
        MissionStart::Immediate | MissionStart::Released => {}
        MissionStart::Timed { execute_ms } => {
            let ahead_ms = execute_ms.since_ms(now);
            assert!((1..=120_000).contains(&ahead_ms), "ordered {ahead_ms} ms ahead");
        }
        MissionStart::Conditional(ready) => {
            assert!((ready.begin_ms..=ready.end_ms).contains(&now), "ordered outside its window");
        }
    }
}

fn config() -> DockConfig {
    DockConfig {
        sn: DeviceSn::new(DOCK).unwrap(),
        name: "North gate".into(),
        is_enrolled: true,
        site: Arc::new(SiteConfig {
            ntp_server_host: "ntp.site".into(),
            ntp_server_port: 123,
            app_id: "172000".into(),
            app_key: "key-of-the-site".into(),
            app_license: "licence-of-the-site".into(),
            organization_id: "ORG1".into(),
            organization_name: "Harbour".into(),
            binding_code: None,
        }),
        schemas: Schemas::new(),
        authority: crate::authority::AuthorityConfig::default(),
        limits: crate::preflight::Limits::default(),
        seed: 7,
    }
}

pub(super) fn method_of(send: &Send) -> String {
    let call: Value = serde_json::from_slice(&send.payload).expect("a call is JSON");
    assert_eq!(call["tid"], json!(send.command_id.to_string()), "the tid names the command");
    call["method"].as_str().expect("a method").to_owned()
}
