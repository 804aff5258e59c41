//! Flight tasks: `flighttask_*`, `return_home` and their refusals, up to the moment the wayline file
//! is read. Source: `50.wayline.md`. It never repeats or merges commands. Read next: `flight`, and
//! `rehearsal` for dry runs.

use md5::{Digest, Md5};
use serde_json::{Value, json};
use wpml::{Mission, WpmlError};

use super::services::{Done, Refusal, Verdict};
use super::stage::{Ending, Stage};
use super::{AircraftMode, DockModel, Output, Photo, codes};

/// A task that was prepared and not started.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    task_type: i64,
    execute_time_ms: i64,
    ready: Option<ReadyConditions>,
    announced: bool,
    rth_altitude_m: f64,
    start_waypoint: Option<(u16, usize)>,
    /// `simulate_mission` is enabled.
    is_dry_run: bool,
}

#[derive(Debug, Clone)]
struct ReadyConditions {
    battery_percent: f64,
    begin_ms: i64,
    end_ms: i64,
}

/// The task under way.
#[derive(Debug)]
pub(super) struct ActiveTask {
    pub(super) flight_id: String,
    pub(super) bid: String,
    pub(super) track_id: String,
    pub(super) stage: Stage,
    pub(super) ending: Option<Ending>,
    pub(super) mission: Option<Mission>,
    pub(super) fingerprint: String,
    pub(super) rth_altitude_m: f64,
    pub(super) start: Option<(u16, usize)>,
    pub(super) is_dry_run: bool,
    pub(super) waypoint: usize,
    pub(super) wayline_id: u16,
    pub(super) break_point: Option<Value>,
    pub(super) media: i64,
    pub(super) photos: Vec<Photo>,
    pub(super) next_report_ms: u64,
}

const IMMEDIATE_SKEW_MS: i64 = 30_000;
const TIMED_SKEW_MS: i64 = 120_000;
const MAX_PREPARED: usize = 64;
/// Flights whose beginning is remembered.
const MAX_BEGUN: usize = 500;
const TAKE_OFF_PERCENT: f64 = 30.0;

impl DockModel {
    pub(super) fn prepare(&mut self, data: &Value) -> Verdict {
        let (flight_id, mut prepared) = parse_prepare(data).ok_or(Refusal(codes::BAD_PARAMETER))?;
        if self.dock.debug {
            return Err(Refusal(codes::REMOTE_DEBUG));
        }
        if self.task.is_some() {
            return Err(Refusal(codes::OTHER_TASK));
        }
        // That a dock begins no flight twice is written nowhere and not proven on hardware. Here time
        // runs faster than a flight, so that a broker's second delivery of both orders may come when
        // the first flight is over, which takes a real one minutes: this dock remembers instead.
        if self.begun.contains(&flight_id) {
            return Err(Refusal(codes::ALREADY_RUNNING));
        }
        let off_ms = prepared.execute_time_ms.abs_diff(self.device_wall_ms());
        if prepared.task_type == 0 && off_ms > IMMEDIATE_SKEW_MS.unsigned_abs() {
            return Err(Refusal(codes::CLOCKS_DIFFER));
        }
        if self.prepared.len() >= MAX_PREPARED {
            self.prepared.pop_first();
        }
        prepared.announced = false;
        self.prepared.insert(flight_id, prepared);
        Ok(Done::Plain)
    }

    pub(super) fn execute_task(&mut self, data: &Value, bid: &str) -> Verdict {
        let flight_id = data.get("flight_id").and_then(Value::as_str);
        let flight_id = flight_id.ok_or(Refusal(codes::BAD_PARAMETER))?;
        if let Some(task) = &self.task {
            let same = task.flight_id == flight_id;
            return Err(Refusal(if same { codes::ALREADY_RUNNING } else { codes::OTHER_TASK }));
        }
        if self.begun.iter().any(|begun| begun == flight_id) {
            return Err(Refusal(codes::ALREADY_RUNNING));
        }
        if self.dock.debug {
            return Err(Refusal(codes::REMOTE_DEBUG));
        }
        let prepared = self.prepared.get(flight_id).ok_or(Refusal(codes::WRONG_STATE))?;
        let off_ms = prepared.execute_time_ms.abs_diff(self.device_wall_ms());
        let allowed_ms = match prepared.task_type {
            0 => IMMEDIATE_SKEW_MS.unsigned_abs(),
            1 => TIMED_SKEW_MS.unsigned_abs(),
            _ => u64::MAX,
        };
        if off_ms > allowed_ms {
            return Err(Refusal(codes::CLOCKS_DIFFER));
        }
        if prepared.task_type == 2 && !self.conditions_hold(prepared) {
            return Err(Refusal(codes::WRONG_STATE));
        }
        if !self.aircraft.in_dock {
            return Err(Refusal(codes::NO_AIRCRAFT));
        }
        if self.aircraft.battery_percent < TAKE_OFF_PERCENT {
            return Err(Refusal(codes::BATTERY_LOW));
        }
        let Some(prepared) = self.prepared.remove(flight_id) else {
            return Err(Refusal(codes::WRONG_STATE));
        };
        if self.begun.len() >= MAX_BEGUN {
            self.begun.pop_front();
        }
        self.begun.push_back(flight_id.to_owned());
        let track_id = self.uuid();
        self.task = Some(ActiveTask {
            flight_id: flight_id.to_owned(),
            bid: bid.to_owned(),
            track_id,
            stage: Stage::Resource { asked: false },
            ending: None,
            mission: None,
            fingerprint: String::new(),
            rth_altitude_m: prepared.rth_altitude_m,
            start: prepared.start_waypoint,
            is_dry_run: prepared.is_dry_run,
            waypoint: 0,
            wayline_id: 0,
            break_point: None,
            media: 0,
            photos: Vec::new(),
            next_report_ms: self.now.mono_ms,
        });
        self.dock.job_number += 1;
        self.next_tick_ms = self.now.mono_ms + super::TICK_MS;
        Ok(Done::Plain)
    }

    /// The dock asks for the file only after it has answered the command.
    pub(super) fn after_answer(&mut self) {
        let Some(task) = &mut self.task else { return };
        if task.stage == (Stage::Resource { asked: false }) {
            task.stage = Stage::Resource { asked: true };
            let data = json!({"flight_id": task.flight_id});
            let bid = task.bid.clone();
            self.ask("flighttask_resource_get", data, Some(bid));
            self.report_milestone();
        }
    }

    pub(super) fn undo(&mut self, data: &Value) -> Verdict {
        let ids = data.get("flight_ids").and_then(Value::as_array);
        let ids: Vec<&str> = ids
            .ok_or(Refusal(codes::BAD_PARAMETER))?
            .iter()
            .map(|id| id.as_str().ok_or(Refusal(codes::BAD_PARAMETER)))
            .collect::<Result<_, _>>()?;
        if self.task.as_ref().is_some_and(|task| ids.contains(&task.flight_id.as_str())) {
            return Err(Refusal(codes::CANNOT_CANCEL));
        }
        if ids.is_empty() || ids.iter().any(|id| !self.prepared.contains_key(*id)) {
            return Err(Refusal(codes::WRONG_STATE));
        }
        for id in ids {
            self.prepared.remove(id);
        }
        Ok(Done::Plain)
    }

    pub(super) fn pause(&mut self) -> Verdict {
        let Some(task) = &mut self.task else {
            let finished = self.last_finished.is_some();
            return Err(Refusal(if finished { codes::CANNOT_PAUSE } else { codes::NOT_STARTED }));
        };
        match &task.stage {
            Stage::Approach { .. }
            | Stage::Leg { .. }
            | Stage::Acting { .. }
            | Stage::Rehearsal { .. } => {
                let next = Box::new(task.stage.clone());
                task.stage = Stage::Paused { next };
                self.report_milestone();
                Ok(Done::Plain)
            }
            Stage::Resource { .. }
            | Stage::Fetching { .. }
            | Stage::Opening { .. }
            | Stage::StartUp { .. }
            | Stage::TakeOff => Err(Refusal(codes::NOT_STARTED)),
            Stage::Paused { .. }
            | Stage::Hover
            | Stage::ReturnClimb
            | Stage::ReturnLeg
            | Stage::Landing
            | Stage::Closing { .. }
            | Stage::WrapUp { .. } => Err(Refusal(codes::CANNOT_PAUSE)),
        }
    }

    pub(super) fn recover(&mut self) -> Verdict {
        let Some(task) = &mut self.task else { return Err(Refusal(codes::CANNOT_RESUME)) };
        let Stage::Paused { next } = &task.stage else {
            return Err(Refusal(codes::CANNOT_RESUME));
        };
        task.stage = (**next).clone();
        self.report_milestone();
        Ok(Done::Plain)
    }

    pub(super) fn return_home(&mut self) -> Verdict {
        if self.end_rehearsal() {
            return Ok(Done::Status("in_progress"));
        }
        if self.aircraft.in_dock || self.task.is_none() {
            return Err(Refusal(codes::NOT_AIRBORNE));
        }
        self.begin_return(Ending::UserReturn, 5);
        Ok(Done::Status("in_progress"))
    }

    pub(super) fn cancel_return(&mut self) -> Verdict {
        match self.task.as_mut() {
            Some(task) if matches!(task.stage, Stage::ReturnClimb | Stage::ReturnLeg) => {
                task.stage = Stage::Hover;
                self.aircraft.mode = AircraftMode::Manual;
                self.set_mode_reason(21);
                let data = json!({"sn": self.id.dock_sn, "action": 1, "reason": 0});
                let bid = self.task.as_ref().map(|task| task.bid.clone()).unwrap_or_default();
                self.send_event("device_exit_homing_notify", &bid, data, true);
                self.report_milestone();
                Ok(Done::Plain)
            }
            Some(_) | None => Err(Refusal(codes::RETURN_CANCEL)),
        }
    }

    pub(super) fn on_resource(&mut self, result: Option<i64>, output: &Value) {
        let url = output.pointer("/file/url").and_then(Value::as_str);
        let fingerprint = output.pointer("/file/fingerprint").and_then(Value::as_str);
        let (Some(0), Some(url), Some(fingerprint)) = (result, url, fingerprint) else {
            return self.on_no_resource();
        };
        let Some(task) = &mut self.task else { return };
        if task.stage != (Stage::Resource { asked: true }) {
            return;
        }
        self.next_fetch += 1;
        let fetch_id = self.next_fetch;
        task.fingerprint = fingerprint.to_ascii_lowercase();
        task.stage = Stage::Fetching { fetch_id };
        self.out.push_back(Output::Fetch { id: fetch_id, url: url.to_owned() });
        self.report_milestone();
    }

    pub(super) fn on_no_resource(&mut self) {
        if self.task.as_ref().is_some_and(|task| matches!(task.stage, Stage::Resource { .. })) {
            self.finish_task(Ending::Failed(codes::FILE_FETCH));
        }
    }

    pub(super) fn on_fetched(&mut self, id: u64, result: Result<bytes::Bytes, String>) {
        let Some(task) = &mut self.task else { return };
        if task.stage != (Stage::Fetching { fetch_id: id }) {
            return;
        }
        let failure = match result {
            Err(reason) => Err((codes::FILE_FETCH, reason)),
            Ok(bytes) if md5_hex(&bytes) != task.fingerprint => {
                Err((codes::FILE_BROKEN, "fingerprint differs".to_owned()))
            }
            Ok(bytes) => match &self.cfg.known_file {
                Some(known) if known.bytes == bytes => Ok(known.mission.clone()),
                Some(_) | None => read_mission(&bytes),
            },
        };
        match failure {
            Err((code, reason)) => {
                self.log(format!("wayline file refused: {reason}"));
                self.finish_task(Ending::Failed(code));
            }
            Ok(mission) => {
                if let Err(code) = self.check_mission(&mission) {
                    return self.finish_task(Ending::Failed(code));
                }
                let is_dry_run = self.task.as_ref().is_some_and(|task| task.is_dry_run);
                if let Some(task) = &mut self.task {
                    task.mission = Some(mission);
                }
                if is_dry_run {
                    return self.rehearse();
                }
                self.enter(Stage::Opening { left_s: super::flight::COVER_S });
            }
        }
    }

    /// `flighttask_ready`: conditional tasks whose conditions hold, once each.
    pub(super) fn announce_ready_tasks(&mut self) {
        if self.task.is_some() {
            return;
        }
        let ready: Vec<String> = self
            .prepared
            .iter()
            .filter(|(_, task)| task.task_type == 2 && !task.announced)
            .filter(|(_, task)| self.conditions_hold(task))
            .map(|(id, _)| id.clone())
            .collect();
        if ready.is_empty() {
            return;
        }
        for id in &ready {
            if let Some(task) = self.prepared.get_mut(id) {
                task.announced = true;
            }
        }
        let bid = self.uuid();
        self.send_event("flighttask_ready", &bid, json!({"flight_ids": ready}), true);
    }

    fn conditions_hold(&self, task: &Prepared) -> bool {
        let now_ms = self.device_wall_ms();
        task.ready.as_ref().is_none_or(|ready| {
            self.aircraft.battery_percent > ready.battery_percent
                && (ready.begin_ms..=ready.end_ms).contains(&now_ms)
        })
    }
}

fn read_mission(bytes: &[u8]) -> Result<Mission, (i64, String)> {
    Mission::from_kmz(bytes).map_err(|error: WpmlError| (codes::FILE_BROKEN, error.to_string()))
}

fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads `flighttask_prepare`; `None` if a field is missing or out of its documented range.
fn parse_prepare(data: &Value) -> Option<(String, Prepared)> {
    let integer = |key: &str| data.get(key).and_then(Value::as_i64);
    // An optional field may be absent, but not wrong.
    let optional = |key: &str, range: std::ops::RangeInclusive<i64>| match data.get(key) {
        None => Some(None),
        Some(value) => value.as_i64().filter(|number| range.contains(number)).map(Some),
    };
    let flight_id = data.get("flight_id")?.as_str().filter(|id| !id.is_empty())?;
    let task_type = integer("task_type").filter(|kind| (0..=2).contains(kind))?;
    let url = data.pointer("/file/url")?.as_str()?;
    let fingerprint = data.pointer("/file/fingerprint")?.as_str()?;
    let md5 = fingerprint.len() == 32 && fingerprint.bytes().all(|b| b.is_ascii_hexdigit());
    if !md5 || !(url.starts_with("http://") || url.starts_with("https://")) {
        return None;
    }
    let execute_time_ms = match task_type {
        2 => integer("execute_time").unwrap_or(0),
        _ => integer("execute_time")?,
    };
    let ready = match task_type {
        2 => {
            let ready = data.get("ready_conditions")?;
            Some(ReadyConditions {
                battery_percent: ready.get("battery_capacity")?.as_f64()?,
                begin_ms: ready.get("begin_time")?.as_i64()?,
                end_ms: ready.get("end_time")?.as_i64()?,
            })
        }
        _ => None,
    };
    let rth_altitude = integer("rth_altitude").filter(|height| (20..=1_500).contains(height))?;
    optional("rth_mode", 0..=1)?;
    optional("out_of_control_action", 0..=2)?;
    optional("exit_wayline_when_rc_lost", 0..=1)?;
    optional("wayline_precision_type", 0..=1)?;
    let is_dry_run = is_dry_run(data.get("simulate_mission"))?;
    let start_waypoint = match data.get("break_point") {
        None => None,
        Some(point) => Some((
            u16::try_from(point.get("wayline_id")?.as_u64()?).ok()?,
            usize::try_from(point.get("index")?.as_u64()?).ok()?,
        )),
    };
    let rth_altitude_m = rth_altitude as f64;
    let prepared = Prepared {
        task_type,
        execute_time_ms,
        ready,
        announced: false,
        rth_altitude_m,
        start_waypoint,
        is_dry_run,
    };
    Some((flight_id.to_owned(), prepared))
}

/// Whether `simulate_mission` asks for a dry run; `None` if it is there and cannot be read. A dock
/// that took such a task for a real one would take off.
fn is_dry_run(simulate: Option<&Value>) -> Option<bool> {
    let Some(simulate) = simulate else { return Some(false) };
    let flag = simulate.get("is_enable")?;
    let number = flag.as_i64().filter(|flag| (0..=1).contains(flag));
    let is_enabled = flag.as_bool().or(number.map(|flag| flag == 1))?;
    let is_on_earth = |key: &str, most: f64| match simulate.get(key) {
        None => !is_enabled,
        Some(degrees) => degrees.as_f64().is_some_and(|degrees| degrees.abs() <= most),
    };
    (is_on_earth("latitude", 90.0) && is_on_earth("longitude", 180.0)).then_some(is_enabled)
}
