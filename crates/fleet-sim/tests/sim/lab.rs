//! A dock in virtual time with an obliging cloud around it. Every message the dock publishes is
//! checked against the facts, unless a fault is meant to break it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use fleet_sim::model::{Photo, UploadTo};
use fleet_sim::{DockModel, FaultPlan, Input, ModelConfig, Now, Output, demo_mission, identities};
use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::facts::{Facts, record_of};

pub(crate) const WALL_MS: i64 = 1_790_000_000_000;

pub(crate) struct Lab {
    pub(crate) model: DockModel,
    pub(crate) now: Now,
    pub(crate) sent: Vec<(u64, String, Value)>,
    pub(crate) seen: BTreeMap<String, BTreeSet<String>>,
    pub(crate) disconnects: Vec<&'static str>,
    pub(crate) fetched: Vec<String>,
    pub(crate) uploads: Vec<(u64, UploadTo, Photo)>,
    pub(crate) kmz: Result<Bytes, String>,
    pub(crate) fingerprint: String,
    pub(crate) bound: bool,
    pub(crate) answers: bool,
    facts: Option<Facts>,
    next_tid: u32,
}

impl Lab {
    /// A dock that has not connected.
    pub(crate) fn new(speed: f64, faults: &str) -> Self {
        Self::seeded(speed, faults, 11)
    }

    pub(crate) fn seeded(speed: f64, faults: &str, seed: u64) -> Self {
        let identity = identities(1, seed).remove(0);
        let plan: FaultPlan = faults.parse().unwrap();
        let faults = plan.for_dock(0, seed);
        let wrong = faults.flat_osd || faults.string_types || faults.int_status;
        let kmz = demo_mission(&identity).to_kmz().unwrap();
        let cfg = ModelConfig { speed, faults, ..ModelConfig::default() };
        Self {
            model: DockModel::new(identity, cfg, seed),
            now: Now { mono_ms: 1_000, wall_ms: WALL_MS },
            sent: Vec::new(),
            seen: BTreeMap::new(),
            disconnects: Vec::new(),
            fetched: Vec::new(),
            uploads: Vec::new(),
            fingerprint: md5_hex(&kmz),
            kmz: Ok(Bytes::from(kmz)),
            bound: true,
            answers: true,
            facts: (!wrong).then(Facts::load),
            next_tid: 0,
        }
    }

    /// A dock that is up.
    pub(crate) fn online(speed: f64, faults: &str) -> Self {
        let mut lab = Self::new(speed, faults);
        lab.input(Input::Connected);
        assert!(lab.model.is_online(), "bring-up: {:?}", lab.methods());
        lab
    }

    pub(crate) fn use_mission(&mut self, mission: &wpml::Mission) {
        let kmz = mission.to_kmz().unwrap();
        self.fingerprint = md5_hex(&kmz);
        self.kmz = Ok(Bytes::from(kmz));
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.model.handle(self.now, input);
        while let Some(output) = self.model.poll_output() {
            match output {
                Output::Publish { topic, payload, .. } => self.on_publish(&topic, &payload),
                Output::Fetch { id, url } => {
                    self.fetched.push(url);
                    let result = self.kmz.clone();
                    self.model.handle(self.now, Input::Fetched { id, result });
                }
                Output::Upload { id, to, photo } => self.uploads.push((id, to, *photo)),
                Output::Disconnect { reason, .. } => {
                    self.disconnects.push(reason);
                    self.model.handle(self.now, Input::Disconnected);
                }
                Output::Log(_) => {}
            }
        }
    }

    /// Lets time pass, waking the dock whenever it asks.
    pub(crate) fn wait(&mut self, ms: u64) {
        let end = self.now.mono_ms + ms;
        loop {
            let due = self.model.poll_timeout().unwrap_or(u64::MAX).max(self.now.mono_ms + 1);
            let next = due.min(end);
            self.now.wall_ms += i64::try_from(next - self.now.mono_ms).unwrap();
            self.now.mono_ms = next;
            self.input(Input::Tick);
            let due = self.model.poll_timeout().unwrap_or(u64::MAX);
            assert!(due > next, "a tick that leaves something due would spin");
            if next == end {
                return;
            }
        }
    }

    /// Waits until `done`, at most `ms`; says how long it took.
    pub(crate) fn wait_for(&mut self, ms: u64, done: impl Fn(&Self) -> bool) -> u64 {
        let begin = self.now.mono_ms;
        while !done(self) {
            assert!(self.now.mono_ms < begin + ms, "not within {ms} ms: {:?}", self.last_event());
            self.wait(100);
        }
        self.now.mono_ms - begin
    }

    fn on_publish(&mut self, topic: &str, payload: &[u8]) {
        let message: Value = serde_json::from_slice(payload).unwrap();
        if let Some(facts) = &self.facts {
            let dock_sn = &self.model.identity().dock_sn;
            if !topic.ends_with("set_reply") {
                let record = record_of(topic, dock_sn, &message);
                if facts.records.contains_key(&record) || !record.starts_with("reply") {
                    let paths = facts.check(&record, &message["data"]);
                    self.seen.entry(record).or_default().extend(paths);
                }
            }
            for key in ["tid", "bid"] {
                assert!(message[key].is_string(), "{topic} without {key}");
            }
            assert!(message["timestamp"].is_i64(), "{topic} without timestamp");
        }
        self.sent.push((self.now.mono_ms, topic.to_owned(), message.clone()));
        if self.answers {
            self.answer(topic, &message);
        }
    }

    fn answer(&mut self, topic: &str, message: &Value) {
        let sn = self.model.identity().dock_sn.clone();
        let data = if topic.ends_with("/status") {
            json!({"result": 0})
        } else if topic.ends_with("/requests") {
            self.request_answer(message)
        } else if topic.ends_with("/events") && message["need_reply"] == 1 {
            json!({"result": 0})
        } else {
            return;
        };
        let reply = json!({
            "tid": message["tid"], "bid": message["bid"], "method": message["method"],
            "timestamp": self.now.wall_ms, "data": data, "gateway": sn,
        });
        self.deliver(&format!("{topic}_reply"), &reply);
    }

    fn request_answer(&self, message: &Value) -> Value {
        let sns = |list: &Value| -> Vec<Value> {
            list.as_array().unwrap().iter().map(|device| device["sn"].clone()).collect()
        };
        match message["method"].as_str().unwrap() {
            "config" => json!({
                "ntp_server_host": "10.0.0.1", "app_id": 1, "app_key": "", "app_license": "",
                "ntp_server_port": 123,
            }),
            "airport_bind_status" => {
                let status =
                    |sn: Value| json!({"sn": sn, "is_device_bind_organization": self.bound});
                let list: Vec<_> =
                    sns(&message["data"]["devices"]).into_iter().map(status).collect();
                json!({"result": 0, "output": {"bind_status": list}})
            }
            "airport_organization_bind" => {
                let info = |sn: Value| json!({"sn": sn, "err_code": 0});
                let list: Vec<_> =
                    sns(&message["data"]["bind_devices"]).into_iter().map(info).collect();
                json!({"result": 0, "output": {"err_infos": list}})
            }
            "flighttask_resource_get" => json!({"result": 0, "output": {"file": {
                "url": "http://10.0.0.1:8080/files/1?token=x", "fingerprint": self.fingerprint,
            }}}),
            _ => json!({"result": 0}),
        }
    }

    pub(crate) fn deliver(&mut self, topic: &str, message: &Value) {
        let payload = Bytes::from(message.to_string());
        let input = Input::Message { topic: topic.to_owned(), payload, expiry_s: Some(7) };
        self.input(input);
    }

    /// Sends a command and gives its tid.
    pub(crate) fn command(&mut self, method: &str, data: &Value) -> String {
        self.next_tid += 1;
        let tid = format!("tid-{}", self.next_tid);
        self.command_again(method, data, &tid);
        tid
    }

    pub(crate) fn command_again(&mut self, method: &str, data: &Value, tid: &str) {
        let topic = format!("thing/product/{}/services", self.model.identity().dock_sn);
        let message = json!({
            "tid": tid, "bid": "flow", "timestamp": self.now.wall_ms, "method": method, "data": data,
        });
        self.deliver(&topic, &message);
    }

    /// Results answered to a command.
    pub(crate) fn results(&self, tid: &str) -> Vec<i64> {
        self.sent
            .iter()
            .filter(|(_, topic, m)| topic.ends_with("services_reply") && m["tid"] == tid)
            .map(|(_, _, message)| message["data"]["result"].as_i64().unwrap())
            .collect()
    }

    /// Sends a command and gives its result.
    pub(crate) fn ask(&mut self, method: &str, data: &Value) -> i64 {
        let tid = self.command(method, data);
        let results = self.results(&tid);
        assert_eq!(results.len(), 1, "{method} must be answered once");
        results[0]
    }

    pub(crate) fn prepare_data(&self, flight_id: &str) -> Value {
        json!({
            "flight_id": flight_id, "execute_time": self.now.wall_ms, "task_type": 0,
            "file": {"url": "http://10.0.0.1:8080/files/1", "fingerprint": self.fingerprint},
            "rth_altitude": 80, "rth_mode": 1, "out_of_control_action": 0,
            "exit_wayline_when_rc_lost": 0, "wayline_precision_type": 0,
        })
    }

    /// Prepares and executes a mission.
    pub(crate) fn fly(&mut self, flight_id: &str) {
        let prepare = self.prepare_data(flight_id);
        assert_eq!(self.ask("flighttask_prepare", &prepare), 0);
        assert_eq!(self.ask("flighttask_execute", &json!({"flight_id": flight_id})), 0);
    }

    pub(crate) fn messages(&self, end: &str, method: &str) -> Vec<&Value> {
        self.sent
            .iter()
            .filter(|(_, topic, m)| {
                topic.ends_with(end)
                    && m.get("method").and_then(Value::as_str).unwrap_or("") == method
            })
            .map(|(_, _, message)| message)
            .collect()
    }

    pub(crate) fn last_event(&self) -> Option<&Value> {
        self.messages("/events", "flighttask_progress").pop()
    }

    pub(crate) fn status(&self) -> String {
        let status = self.last_event().map(|event| &event["data"]["output"]["status"]);
        status.and_then(Value::as_str).unwrap_or("").to_owned()
    }

    /// Methods and topics in the order they were sent.
    pub(crate) fn methods(&self) -> Vec<String> {
        self.sent
            .iter()
            .map(|(_, topic, message)| match message.get("method").and_then(Value::as_str) {
                Some(method) => method.to_owned(),
                None => topic.rsplit('/').next().unwrap().to_owned(),
            })
            .collect()
    }

    /// The newest value of an OSD leaf of the dock.
    pub(crate) fn osd(&self, leaf: &str) -> Value {
        let found = self.sent.iter().rev().find_map(|(_, topic, message)| {
            let dock = topic.contains("SIMDK2") && topic.ends_with("/osd");
            message["data"].get(leaf).filter(|_| dock).cloned()
        });
        found.unwrap_or_else(|| panic!("no osd has {leaf}"))
    }
}

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
