//! Reading what the dock and its aircraft say.

use dji_cloud::{
    device::{SubDeviceTopo, UpdateTopo},
    drift::DriftItem,
    envelope::{DecodeError, Envelope, WithDrift, decode_data, decode_envelope},
    file::FileUploadCallback,
    lenient::WireValue,
    reply::{JobProgress, Reply},
    topic::{Topic, TopicKind},
    wayline::FlighttaskProgress,
};
use fleet_types::{
    CommandId, DeviceSn, MissionId, Now, TraceId, WallMs,
    command::Progress,
    topic::{DeviceEvent, DeviceTopology},
};

use super::{Aircraft, DockMachine};
use crate::{
    command::{Command, JobReport},
    io::{Exchange, Output, Sample},
    mission::percent,
    mutant::{self, Mutant},
    spec::Completion,
};

/// Most aircraft kept behind one dock; DJI documents one, multi-dock flights lend a second.
const AIRCRAFT_MAX: usize = 4;

impl DockMachine {
    pub(super) fn on_message(&mut self, now: Now, topic: Topic<'_>, payload: &[u8]) {
        if matches!(topic.kind, TopicKind::Osd | TopicKind::State) {
            return self.on_report(now, topic, payload);
        }
        let envelope = match decode_envelope(payload) {
            Ok(envelope) => envelope,
            Err(error) => return self.on_malformed(now, topic, &error),
        };
        self.on_envelope(now, topic, &envelope);
        let is_own = topic.sn == self.config.sn.as_str();
        // Only reports come from the aircraft itself; for everything else the dock speaks.
        if !is_own {
            let firmware = self.firmware();
            let key = format!("{} of an aircraft", topic.kind.filter());
            self.drift.count(&firmware, "topic", &key);
            return;
        }
        match topic.kind {
            TopicKind::Osd | TopicKind::State => {} // reports, see above
            TopicKind::Status => self.on_topology(now, &envelope),
            TopicKind::Requests => self.on_request(now, &envelope),
            TopicKind::Events => self.on_event(now, &envelope),
            TopicKind::ServicesReply => self.on_services_reply(now, &envelope),
            // Nothing of ours uses these two yet; they are shown, not lost.
            TopicKind::PropertySetReply | TopicKind::DrcUp => self.tell_event(now, &envelope),
            TopicKind::Services
            | TopicKind::StatusReply
            | TopicKind::EventsReply
            | TopicKind::RequestsReply
            | TopicKind::PropertySet
            | TopicKind::DrcDown => {
                let firmware = self.firmware();
                self.drift.count(&firmware, "topic", &topic.kind.filter());
            }
        }
    }

    /// Whoever sends garbage is still there.
    pub(super) fn on_malformed(&mut self, now: Now, topic: Topic<'_>, error: &DecodeError) {
        let firmware = self.firmware();
        self.drift.count(&firmware, "malformed", &format!("{:?}: {error}", topic.kind));
        if topic.sn == self.config.sn.as_str() {
            self.session.on_heard(now, None);
        }
    }

    /// What every message says by being there.
    pub(super) fn on_envelope(&mut self, now: Now, topic: Topic<'_>, envelope: &Envelope<'_>) {
        self.count_envelope(envelope);
        if topic.sn == self.config.sn.as_str() {
            self.session.on_heard(now, envelope.timestamp_ms.map(WallMs));
        }
    }

    /// Counts what is unknown of the envelope itself.
    fn count_envelope(&mut self, envelope: &Envelope<'_>) {
        if envelope.drift.is_empty() && !envelope.is_flat {
            return;
        }
        let firmware = self.firmware();
        if envelope.is_flat {
            self.drift.count(&firmware, "type", "a body without an envelope");
        }
        for (key, _) in envelope.drift.unknown() {
            self.drift.count(&firmware, "field", &format!("(envelope).{}", key.as_str()));
        }
        for fault in envelope.drift.faults() {
            self.drift.count(&firmware, "type", &format!("(envelope).{}", fault.key));
        }
    }

    /// Takes in an aircraft that the topology names, or that is heard before any topology did. Where
    /// there is no place, it takes that of one that the dock no longer names.
    pub(super) fn adopt(&mut self, now: Now, sn: &str, is_named: bool) -> bool {
        let Ok(sn) = DeviceSn::new(sn) else { return false };
        if self.aircraft.len() >= AIRCRAFT_MAX {
            let is_free = |aircraft: &Aircraft| is_named && !aircraft.is_paired;
            let Some(at) = self.aircraft.iter().position(is_free) else {
                let firmware = self.firmware();
                self.drift.count(&firmware, "topic", "more aircraft than a dock can have");
                return false;
            };
            let gone = self.aircraft.remove(at);
            self.told.retain(|told| told.sn != gone.sn);
        }
        self.outputs.push_back(Output::Children(vec![sn.clone()]));
        let aircraft = Aircraft::new(now, sn, &self.config.schemas.aircraft);
        // Most docks have one for good; growing by itself would make room for four.
        self.aircraft.reserve_exact(1);
        self.aircraft.push(aircraft);
        true
    }

    fn on_topology(&mut self, now: Now, envelope: &Envelope<'_>) {
        match envelope.method.as_deref() {
            Some("update_topo") | None => {}
            Some(other) => {
                let firmware = self.firmware();
                self.drift.count(&firmware, "method", other);
                return;
            }
        }
        let Some(topology) = self.read::<UpdateTopo>(envelope) else { return };
        self.model = topology.model_key().or(self.model);
        // An empty list says that no aircraft is there; a list that is missing says nothing.
        if let Some(named) = topology.sub_devices.as_deref() {
            self.pair(now, named);
        }
        self.topology_known = true;
        self.session.on_topology(now);
        let children = self.paired();
        // Not those that it knew once: another dock may have them by now.
        self.outputs.push_back(Output::Children(children.clone()));
        let topology =
            DeviceTopology { gateway_sn: self.config.sn.clone(), children, received_ms: now.wall };
        self.tell(Sample::Topology(topology));
        self.reply_status(now, envelope);
    }

    fn pair(&mut self, now: Now, named: &[SubDeviceTopo]) {
        for aircraft in &mut self.aircraft {
            let is_it = |sub: &SubDeviceTopo| sub.sn.as_deref() == Some(aircraft.sn.as_str());
            aircraft.is_paired = named.iter().any(is_it);
        }
        for sub in named {
            let Some(sn) = sub.sn.as_deref() else { continue };
            if self.aircraft_mut(sn).is_none() && !self.adopt(now, sn, true) {
                continue;
            }
            let model = sub.model_key();
            if let Some(aircraft) = self.aircraft_mut(sn) {
                aircraft.model = model.or(aircraft.model);
            }
        }
    }

    pub(super) fn paired(&self) -> Vec<DeviceSn> {
        let paired = self.aircraft.iter().filter(|aircraft| aircraft.is_paired);
        paired.map(|aircraft| aircraft.sn.clone()).collect()
    }

    fn on_services_reply(&mut self, now: Now, envelope: &Envelope<'_>) {
        let Some(reply) = self.read::<Reply>(envelope) else { return };
        let command_id = envelope.tid.as_deref().and_then(|tid| tid.parse().ok());
        let command_id = self.confused(command_id, envelope.method.as_deref()).or(command_id);
        let known = command_id.and_then(|id| Some((id, self.commands.get(&id)?.spec().method)));
        let Some((command_id, method)) = known else {
            let firmware = self.firmware();
            self.drift.count(&firmware, "reply", envelope.method.as_deref().unwrap_or("no method"));
            return;
        };
        // Examples leave the method out; one that names another method is not this answer.
        let is_confused = mutant::is(Mutant::AnyTid);
        if !is_confused && envelope.method.as_deref().is_some_and(|named| named != method) {
            let firmware = self.firmware();
            self.drift.count(&firmware, "reply", &format!("{method} answered as another method"));
            return;
        }
        let answer = reply.answer();
        self.trace_device(now, command_id, "reply", None);
        self.with_command(now, command_id, |command| command.on_answer(now, &answer));
    }

    /// Planted defects: the command that a reply with another's `tid` is taken for.
    fn confused(&self, tid: Option<CommandId>, method: Option<&str>) -> Option<CommandId> {
        let is_old = || {
            tid.and_then(|id| self.commands.get(&id)).is_some_and(|command| !command.is_waiting())
        };
        let mut waiting =
            self.commands.open().map(|(_, command)| command).filter(|command| command.is_waiting());
        let command = if mutant::is(Mutant::AnyTid) {
            waiting.next()
        } else if mutant::is(Mutant::LateReply) && is_old() {
            waiting.find(|command| Some(command.spec().method) == method)
        } else {
            None
        };
        Some(command?.request().command_id)
    }

    fn on_event(&mut self, now: Now, envelope: &Envelope<'_>) {
        match envelope.method.as_deref() {
            Some("flighttask_progress") => self.on_flight_progress(now, envelope),
            Some("flighttask_ready") => self.on_flights_ready(now, envelope),
            Some("hms") => self.on_hms(envelope),
            // It goes on record as every event does, and its file with it; here it is only looked at
            // for what is not known.
            Some("file_upload_callback") => drop(self.read::<FileUploadCallback>(envelope)),
            Some("flight_areas_sync_progress") => self.on_areas_sync(envelope),
            Some("device_exit_homing_notify") => self.on_exit_homing(now, envelope),
            Some(method) => self.on_job_progress(now, Some(method), envelope),
            // Many documented examples leave the method out: the body tells a flight, the flow a job.
            None if is_flight(envelope) => self.on_flight_progress(now, envelope),
            None => self.on_job_progress(now, None, envelope),
        }
        self.tell_event(now, envelope);
        if envelope.wants_reply() {
            self.reply_event(now, envelope);
        }
    }

    fn on_flight_progress(&mut self, now: Now, envelope: &Envelope<'_>) {
        let Some(progress) = self.read::<FlighttaskProgress>(envelope) else { return };
        // The flight's own id decides; the envelope's bid only where the device left it out.
        let mission_id: Option<MissionId> = match progress.flight_id() {
            Some(flight_id) => flight_id.parse().ok().and_then(|id| self.mission_of_flight(id)),
            None => self.mission_of_trace(envelope.bid.as_deref()),
        };
        if let Some(mission_id) = mission_id {
            self.on_mission_progress(now, mission_id, &progress);
        }
    }

    /// Progress of a remote-debug job: an event with the name of the service that started it.
    fn on_job_progress(&mut self, now: Now, method: Option<&str>, envelope: &Envelope<'_>) {
        let Some(command_id) = self.job_owner(method, envelope.bid.as_deref()) else {
            let method = method.unwrap_or("event without a method");
            if !crate::spec::is_documented(method) {
                let firmware = self.firmware();
                self.drift.count(&firmware, "method", method);
            }
            return;
        };
        let Some(job) = self.read::<JobProgress>(envelope) else { return };
        let progress =
            Progress { percent: percent(job.percent()), step_key: job.step_key().map(Into::into) };
        let report = JobReport { verdict: job.verdict(), progress };
        self.trace_device(now, command_id, "progress", None);
        self.with_command(now, command_id, |command| command.on_job(now, &report));
    }

    /// The command an event belongs to: the only one of the flow that it names. Where the device
    /// names no flow, the only one that it took and did not end; a flow that is not ours is not. An
    /// event must name its method or its flow.
    fn job_owner(&self, method: Option<&str>, bid: Option<&str>) -> Option<fleet_types::CommandId> {
        let bid = bid.filter(|bid| !bid.is_empty());
        let flow: Option<TraceId> = match bid {
            Some(bid) => Some(bid.parse().ok()?),
            None => None,
        };
        if method.is_none() && flow.is_none() {
            return None;
        }
        let is_it = |command: &&Command| match flow {
            Some(trace_id) => command.request().trace_id == trace_id,
            None => command.is_acknowledged(),
        };
        let mut open = self
            .commands
            .values()
            .filter(|command| method.is_none_or(|method| command.spec().method == method))
            .filter(|command| !command.is_final())
            .filter(|command| command.spec().completion == Completion::Job)
            .filter(|command| command.may_have_left())
            .filter(is_it);
        let only = open.next()?;
        open.next().is_none().then(|| only.request().command_id)
    }

    pub(super) fn tell_event(&mut self, now: Now, envelope: &Envelope<'_>) {
        let mut data = envelope.data.map_or(serde_json::Value::Null, |data| {
            serde_json::from_str(data.get()).unwrap_or_default()
        });
        mask_secrets(&mut data);
        let event = DeviceEvent {
            sn: self.config.sn.clone(),
            method: envelope.method.as_deref().unwrap_or_default().to_owned(),
            data,
            trace_id: envelope.bid.as_deref().and_then(|bid| bid.parse().ok()),
            source_ms: envelope.timestamp_ms.map(WallMs),
            received_ms: now.wall,
        };
        self.tell(Sample::Event(event));
    }

    /// Reads the body, counting what is unknown in it. A body that cannot be read at all is
    /// counted as malformed and left.
    pub(super) fn read<T: WireValue + Default + WithDrift>(
        &mut self,
        envelope: &Envelope<'_>,
    ) -> Option<T> {
        self.take(envelope, decode_data::<T>(envelope.data))
    }

    /// As [`Self::read`], of a body that was read already.
    pub(super) fn take<T: WireValue>(
        &mut self,
        envelope: &Envelope<'_>,
        body: Result<T, DecodeError>,
    ) -> Option<T> {
        let value = match body {
            Ok(value) => value,
            Err(error) => {
                let firmware = self.firmware();
                let method = envelope.method.as_deref().unwrap_or("report");
                self.drift.count(&firmware, "malformed", &format!("{method}: {error}"));
                return None;
            }
        };
        if value.has_drift() {
            let firmware = self.firmware();
            let ledger = &mut self.drift;
            value.walk_drift(&mut String::new(), &mut |path, item| match item {
                DriftItem::UnknownField { .. } => ledger.count(&firmware, "field", path),
                DriftItem::WrongType(fault) => {
                    // The path ends in the field; the body itself has none.
                    let key = if path.is_empty() { fault.key } else { path };
                    ledger.count(&firmware, "type", key);
                }
                DriftItem::UnknownCode(code) => {
                    ledger.count(&firmware, "value", &format!("{path} = {code:?}"));
                }
                DriftItem::Dropped(_) => ledger.count(&firmware, "field", "(dropped)"),
            });
        }
        Some(value)
    }

    pub(super) fn exchange(envelope: &Envelope<'_>) -> Exchange {
        let ids = envelope.ids();
        Exchange { tid: ids.tid.to_owned(), bid: ids.bid.to_owned() }
    }
}

/// Whether the body of an event without a method names a flight.
fn is_flight(envelope: &Envelope<'_>) -> bool {
    decode_data::<FlighttaskProgress>(envelope.data)
        .is_ok_and(|progress| progress.flight_id().is_some())
}

/// Takes the values of known-secret keys out of a message that goes on to the bus.
fn mask_secrets(value: &mut serde_json::Value) {
    const SECRET_KEYS: [&str; 8] = [
        "device_secret",
        "nonce",
        "device_binding_code",
        "app_key",
        "app_license",
        "access_key_secret",
        "security_token",
        "password",
    ];
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if SECRET_KEYS.contains(&key.as_str()) {
                    *value = serde_json::Value::String("***".into());
                } else {
                    mask_secrets(value);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(mask_secrets),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}
