//! What the other components are told: status of dock and aircraft, traces, the flight lock.

use std::borrow::Cow;

use dji_cloud::device::{AircraftModeCode, DockModeCode, topo::ModelKey};
use fleet_types::{
    Alarm, AlarmId, CommandId, DeviceClass, DeviceSn, DeviceStatus, MissionId, Now, Reason,
    ResponseCode, Scalar, TraceStep, WallMs,
    alarm::Priority,
    device::{Activity, Connection, FlightLock, Phase},
    mission::Verdict,
};

use super::{Aircraft, DockMachine};
use crate::{authority::Authority, io::Sample};

impl DockMachine {
    /// Publishes the status of the dock and of each aircraft that changed since last told.
    pub(super) fn tell_status(&mut self, now: Now) {
        self.tell_changed(|machine| machine.dock_shown(now));
        for index in 0..self.aircraft.len() {
            self.tell_changed(|machine| machine.aircraft_shown(&machine.aircraft[index]));
        }
    }

    fn tell_changed(&mut self, shown: impl FnOnce(&Self) -> Shown<'_>) {
        let shown = shown(self);
        let at = self.told.iter().position(|told| told.sn == *shown.sn);
        if at.is_some_and(|at| shown.is_told(&self.told[at])) {
            return;
        }
        let status = shown.status();
        if let Some(at) = at {
            self.told[at] = status.clone();
        } else {
            self.told.reserve_exact(1);
            self.told.push(status.clone());
        }
        self.tell(Sample::Status(status));
    }

    /// Raises an alarm while a take-off is unknown, and clears it when it is settled.
    pub(super) fn tell_lock(&mut self, now: Now) {
        match (self.flight_lock(), self.lock_alarm.take()) {
            (Some(_), None) => {
                let alarm = Alarm {
                    alarm_id: AlarmId(self.new_uuid()),
                    sn: Some(self.config.sn.clone()),
                    priority: Priority::High,
                    reason: lock_reason(),
                    raised_ms: now.wall,
                    cleared_ms: None,
                };
                self.lock_alarm = Some(alarm.clone());
                self.tell(Sample::Alarm(alarm));
            }
            (None, Some(alarm)) => {
                self.tell(Sample::Alarm(Alarm { cleared_ms: Some(now.wall), ..alarm }));
            }
            (Some(_), raised @ Some(_)) => self.lock_alarm = raised,
            (None, None) => {}
        }
    }

    fn dock_shown(&self, now: Now) -> Shown<'_> {
        let at = &self.config.schemas.at;
        let activity = match self.twin.code(at.mode) {
            Some(code) => match DockModeCode::from_code(code) {
                DockModeCode::Idle => Activity::Idle,
                DockModeCode::OnSiteDebug => Activity::OnSiteDebugging,
                DockModeCode::RemoteDebug => Activity::RemoteDebugging,
                DockModeCode::FirmwareUpgrade => Activity::Upgrading,
                DockModeCode::Working => Activity::Working,
                DockModeCode::ToBeCalibrated | DockModeCode::Other(_) => Activity::Unknown,
            },
            None => Activity::Unknown,
        };
        Shown {
            sn: &self.config.sn,
            class: DeviceClass::Dock,
            name: &self.config.name,
            model: self.model,
            gateway_sn: None,
            aircraft: &self.aircraft,
            connection: self.session.connection(),
            phase: Some(self.session.phase()),
            reason: self.session.reason(now),
            activity,
            since_ms: self.session.since_ms(),
            last_heard_ms: self.session.last_heard_ms(),
            clock_skew_ms: self.session.clock_skew_ms(),
            firmware: text(self.twin.value(at.dock_firmware)),
            mission_id: self.active_mission().map(|mission| mission.request().mission_id),
            flight_lock: self.flight_lock(),
            unknown_count: self.drift.len(),
            authority: Some(&self.authority),
        }
    }

    fn aircraft_shown<'a>(&'a self, aircraft: &'a Aircraft) -> Shown<'a> {
        let at = &self.config.schemas.at;
        let is_gone = aircraft.connection == Connection::Offline;
        let activity = match aircraft.twin.code(at.aircraft_mode) {
            _ if is_gone => Activity::AircraftOffline,
            Some(code) => aircraft_activity(AircraftModeCode::from_code(code)),
            None => Activity::Unknown,
        };
        let reason = match aircraft.connection {
            Connection::Online => None,
            Connection::NeverSeen => None,
            Connection::Offline if !aircraft.is_paired => Some(Reason::new(
                "aircraft_offline",
                "The dock reports that its aircraft is not connected (switched off or out of reach).",
            )),
            Connection::Offline | Connection::Stale | Connection::BringingUp => Some(Reason::new(
                "silent",
                "Nothing was heard of the aircraft for a while. What is shown is last known.",
            )),
        };
        let mission = self.active_mission().map(|mission| mission.request().mission_id);
        Shown {
            sn: &aircraft.sn,
            class: DeviceClass::Aircraft,
            name: "",
            model: aircraft.model,
            gateway_sn: Some(&self.config.sn),
            aircraft: &[],
            connection: aircraft.connection,
            phase: None,
            reason,
            activity,
            since_ms: aircraft.since_ms,
            last_heard_ms: aircraft.heard.map(|heard| heard.wall),
            clock_skew_ms: None,
            firmware: text(aircraft.twin.value(at.aircraft_firmware)),
            mission_id: mission.filter(|_| aircraft.is_paired),
            flight_lock: None,
            unknown_count: 0,
            authority: None,
        }
    }

    /// The dock's firmware as far as known; findings are counted by it.
    pub(super) fn firmware(&self) -> String {
        text(self.twin.value(self.config.schemas.at.dock_firmware)).unwrap_or_default().to_owned()
    }

    pub(super) fn new_uuid(&mut self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid()
    }

    pub(super) fn trace_command(&mut self, now: Now, command_id: CommandId, action: &str) {
        let Some(command) = self.commands.get(&command_id) else { return };
        let status = command.status();
        let step = TraceStep {
            trace_id: status.trace_id,
            at_ms: now.wall,
            actor: "data_core.dock".to_owned(),
            action: action.to_owned(),
            action_duration_ms: duration_ms(now, status.accepted_ms),
            response_code: status.response_code,
            sn: Some(status.sn.clone()),
            command_id: Some(command_id),
            mission_id: status.mission_id,
            method: Some(status.method.clone()),
            detail: status.reason.as_ref().map(|reason| reason.code.to_string()),
        };
        self.tell(Sample::Trace(step));
    }

    pub(super) fn trace_device(
        &mut self,
        now: Now,
        command_id: CommandId,
        action: &str,
        response_code: Option<ResponseCode>,
    ) {
        let Some(command) = self.commands.get(&command_id) else { return };
        let status = command.status();
        let step = TraceStep {
            trace_id: status.trace_id,
            at_ms: now.wall,
            actor: format!("device.{}", status.sn),
            action: action.to_owned(),
            action_duration_ms: duration_ms(now, status.accepted_ms),
            response_code,
            sn: Some(status.sn.clone()),
            command_id: Some(command_id),
            mission_id: status.mission_id,
            method: Some(status.method.clone()),
            detail: None,
        };
        self.tell(Sample::Trace(step));
    }

    pub(super) fn trace_mission(&mut self, now: Now, mission_id: MissionId, action: &str) {
        let Some(mission) = self.missions.get(&mission_id) else { return };
        let status = mission.status();
        let step = TraceStep {
            trace_id: status.trace_id,
            at_ms: now.wall,
            actor: "data_core.mission".to_owned(),
            action: action.to_owned(),
            action_duration_ms: duration_ms(now, status.accepted_ms),
            response_code: status.verdict.map(response_code),
            sn: Some(status.sn.clone()),
            command_id: None,
            mission_id: Some(mission_id),
            method: None,
            detail: status.reason.as_ref().map(|reason| reason.code.to_string()),
        };
        self.tell(Sample::Trace(step));
    }
}

/// A status as the machine has it. It is made after every input and told when it has changed: until
/// then nothing of it is copied.
struct Shown<'a> {
    sn: &'a DeviceSn,
    class: DeviceClass,
    name: &'a str,
    model: Option<ModelKey>,
    gateway_sn: Option<&'a DeviceSn>,
    /// Those of a dock, paired or not.
    aircraft: &'a [Aircraft],
    connection: Connection,
    phase: Option<Phase>,
    reason: Option<Reason>,
    activity: Activity,
    since_ms: WallMs,
    last_heard_ms: Option<WallMs>,
    clock_skew_ms: Option<i64>,
    firmware: Option<&'a str>,
    mission_id: Option<MissionId>,
    flight_lock: Option<(CommandId, MissionId)>,
    unknown_count: u32,
    /// Of a dock.
    authority: Option<&'a Authority>,
}

impl Shown<'_> {
    fn children(&self) -> impl Iterator<Item = &DeviceSn> {
        self.aircraft.iter().filter(|aircraft| aircraft.is_paired).map(|aircraft| &aircraft.sn)
    }

    /// Whether this was told; the time of the last message and the exact skew change with every
    /// report and are told with telemetry.
    fn is_told(&self, told: &DeviceStatus) -> bool {
        const SKEW_STEP_MS: u64 = 1_000;
        let skew_moved = match (told.clock_skew_ms, self.clock_skew_ms) {
            // A device's clock may say anything: the distance of two of its times may not fit an i64.
            (Some(told), Some(now)) => told.abs_diff(now) >= SKEW_STEP_MS,
            (told, now) => told.is_some() != now.is_some(),
        };
        let DeviceStatus {
            sn,
            class,
            name,
            model,
            gateway_sn,
            children,
            connection,
            phase,
            reason,
            activity,
            since_ms,
            last_heard_ms: _,
            clock_skew_ms: _,
            firmware,
            mission_id,
            flight_lock,
            unknown_count,
            authority,
        } = told;
        let lock = flight_lock.as_ref().map(|lock| (lock.command_id, lock.mission_id));
        let is_lock_same =
            lock == self.flight_lock.map(|(command, mission)| (command, Some(mission)));
        !skew_moved
            && *connection == self.connection
            && *activity == self.activity
            && *phase == self.phase
            && *since_ms == self.since_ms
            && *unknown_count == self.unknown_count
            && *mission_id == self.mission_id
            && *class == self.class
            && is_lock_same
            && self.authority.is_none_or(|now| now.is_told(authority))
            && *reason == self.reason
            && firmware.as_deref() == self.firmware
            && children.iter().eq(self.children())
            && sn == self.sn
            && gateway_sn.as_ref() == self.gateway_sn
            && name == self.name
            && *model == *model_name(self.model)
    }

    fn status(self) -> DeviceStatus {
        let lock = |(command_id, mission_id)| FlightLock {
            command_id,
            mission_id: Some(mission_id),
            reason: lock_reason(),
        };
        DeviceStatus {
            sn: self.sn.clone(),
            class: self.class,
            name: self.name.to_owned(),
            model: model_name(self.model).into_owned(),
            gateway_sn: self.gateway_sn.cloned(),
            children: self.children().cloned().collect(),
            connection: self.connection,
            phase: self.phase,
            activity: self.activity,
            since_ms: self.since_ms,
            last_heard_ms: self.last_heard_ms,
            clock_skew_ms: self.clock_skew_ms,
            firmware: self.firmware.map(str::to_owned),
            mission_id: self.mission_id,
            flight_lock: self.flight_lock.map(lock),
            unknown_count: self.unknown_count,
            reason: self.reason,
            authority: self.authority.map(Authority::shown).unwrap_or_default(),
        }
    }
}

/// A verdict in the message grammar.
fn response_code(verdict: Verdict) -> ResponseCode {
    match verdict {
        Verdict::Ok => ResponseCode::Ok,
        Verdict::Rejected => ResponseCode::Rejected,
        Verdict::Expired => ResponseCode::Expired,
        // A part is not the whole: what was asked for was not done.
        Verdict::PartiallyDone | Verdict::Failed | Verdict::Canceled | Verdict::Timeout => {
            ResponseCode::Failed
        }
    }
}

fn aircraft_activity(mode: AircraftModeCode) -> Activity {
    match mode {
        AircraftModeCode::Standby => Activity::Standby,
        AircraftModeCode::PreparingTakeoff | AircraftModeCode::ReadyForTakeoff => {
            Activity::Preparing
        }
        AircraftModeCode::AutomaticTakeoff => Activity::TakingOff,
        AircraftModeCode::WaylineFlight => Activity::FlyingMission,
        AircraftModeCode::ReturningHome => Activity::Returning,
        AircraftModeCode::AutomaticLanding
        | AircraftModeCode::ForcedLanding
        | AircraftModeCode::ThreeBladeLanding => Activity::Landing,
        AircraftModeCode::Upgrading => Activity::Upgrading,
        AircraftModeCode::NotConnected => Activity::AircraftOffline,
        AircraftModeCode::ManualFlight
        | AircraftModeCode::Panorama
        | AircraftModeCode::IntelligentTracking
        | AircraftModeCode::AdsbAvoidance
        | AircraftModeCode::Apas
        | AircraftModeCode::VirtualStick
        | AircraftModeCode::LiveFlightControls
        | AircraftModeCode::RtkFixing
        | AircraftModeCode::DockAddressSelecting
        | AircraftModeCode::Poi
        // An unknown mode counts as flying: the safe side.
        | AircraftModeCode::Other(_) => Activity::Flying,
    }
}

fn model_name(model: Option<ModelKey>) -> Cow<'static, str> {
    match model {
        Some(model) => model.name().map_or_else(|| model.to_string().into(), Cow::Borrowed),
        None => Cow::Borrowed(""),
    }
}

fn text(value: Option<&Scalar>) -> Option<&str> {
    match value? {
        Scalar::Text(text) => Some(text),
        Scalar::Int(_) | Scalar::Num(_) | Scalar::Bool(_) | Scalar::Json(_) => None,
    }
}

fn lock_reason() -> Reason {
    Reason::new(
        "flight_locked",
        "A take-off was ordered and its outcome is unknown. New flights are locked until the dock reports on it or a person settles it.",
    )
}

fn duration_ms(now: Now, since: fleet_types::WallMs) -> u64 {
    u64::try_from(now.wall.since_ms(since)).unwrap_or(0)
}
