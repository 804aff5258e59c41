//! Bring-up: from a fresh MQTT link to telemetry, in the documented order, with retries.
//!
//! connect → `config` → `airport_bind_status` → (`airport_organization_get` →
//! `airport_organization_bind`) → `update_topo` → telemetry, `flight_areas_get`, `offline_map_get`.
//! Source: dock feature set, "dock access". It does not decide whether a licence is genuine: only a
//! fault refuses one. Read next: `dock_osd`, `states`.

use serde_json::{Value, json};

use super::{DockModel, Output};

/// Where the dock stands with the cloud.
#[derive(Debug)]
pub(super) enum Link {
    /// No MQTT link.
    Offline,
    /// Linked, in the middle of bring-up; the open request is in `requests`.
    Asking,
    /// Linked, and bring-up waits before it begins again.
    Waiting { until_ms: u64 },
    /// Up: telemetry flows.
    Online { osd_ms: u64 },
}

impl Link {
    pub(super) fn is_connected(&self) -> bool {
        !matches!(self, Self::Offline)
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Offline | Self::Asking => None,
            Self::Waiting { until_ms } => Some(*until_ms),
            Self::Online { osd_ms } => Some(*osd_ms),
        }
    }
}

/// A question that is asked again until it is answered.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) retry_ms: u64,
    method: &'static str,
    bid: String,
    data: Value,
    tries_left: u32,
}

const RETRY_MS: u64 = 5_000;
const WAIT_MS: u64 = 30_000;
const LICENCE_RETRY_MS: u64 = 60_000;
/// Questions of a mission are given up, questions of bring-up never.
const MISSION_TRIES: u32 = 4;

impl DockModel {
    pub(super) fn on_connected(&mut self) {
        self.link = Link::Asking;
        self.forget_storage_question();
        self.requests.retain(|_, request| request.method == "flighttask_resource_get");
        self.ask_config();
    }

    pub(super) fn on_disconnected(&mut self) {
        self.link = Link::Offline;
        self.forget_storage_question();
        self.requests.retain(|_, request| request.method == "flighttask_resource_get");
    }

    fn ask_config(&mut self) {
        self.ask("config", json!({"config_type": "json", "config_scope": "product"}), None);
    }

    /// Sends a request and remembers it until its answer comes.
    pub(super) fn ask(&mut self, method: &'static str, data: Value, bid: Option<String>) {
        let tid = self.uuid();
        let bid = bid.unwrap_or_else(|| tid.clone());
        self.requests.retain(|_, request| request.method != method);
        self.send_request(method, &tid, &bid, &data);
        let tries_left = if method == "flighttask_resource_get" { MISSION_TRIES } else { u32::MAX };
        let retry_ms = self.now.mono_ms + RETRY_MS;
        self.requests.insert(tid, Request { retry_ms, method, bid, data, tries_left });
    }

    /// `update_topo`: the aircraft is listed while it is powered.
    pub(super) fn ask_topology(&mut self) {
        let (secret, nonce) = (self.uuid(), self.uuid());
        let device = |domain: &str, kind: i64, sub: i64| {
            let mut map = json!({
                "domain": domain, "type": kind, "sub_type": sub,
                "device_secret": secret, "nonce": nonce, "thing_version": "1.1.2",
            });
            if self.cfg.faults.string_types {
                map["type"] = json!(kind.to_string());
                map["sub_type"] = json!(sub.to_string());
                if let Some(map) = map.as_object_mut() {
                    map.remove("thing_version");
                }
            }
            map
        };
        let mut data = device("3", 2, 0);
        let mut subs = Vec::new();
        if self.aircraft.powered {
            let mut aircraft = device("0", 91, 1);
            aircraft["sn"] = json!(self.id.aircraft_sn);
            aircraft["index"] = json!("A");
            subs.push(aircraft);
        }
        data["sub_devices"] = Value::Array(subs);
        self.ask("update_topo", data, None);
    }

    /// Retries, waits and the telemetry cadence.
    pub(super) fn run_link(&mut self) {
        let now_ms = self.now.mono_ms;
        match self.link {
            Link::Offline => return,
            Link::Waiting { until_ms } if until_ms <= now_ms => {
                self.link = Link::Asking;
                self.ask_config();
            }
            Link::Online { osd_ms } if osd_ms <= now_ms => {
                // Missed cycles are skipped: nobody wants old telemetry.
                let next = (osd_ms + self.cfg.telemetry.every_ms()).max(now_ms + 1);
                self.link = Link::Online { osd_ms: next };
                self.push_osd();
                self.announce_ready_tasks();
            }
            Link::Asking | Link::Waiting { .. } | Link::Online { .. } => {}
        }
        let due: Vec<String> = self
            .requests
            .iter()
            .filter(|(_, request)| request.retry_ms <= now_ms)
            .map(|(tid, _)| tid.clone())
            .collect();
        for tid in due {
            self.retry(&tid);
        }
    }

    /// The same question with the same `tid`: it is one exchange, so a slow answer still fits.
    fn retry(&mut self, tid: &str) {
        let Some(request) = self.requests.get_mut(tid) else { return };
        request.tries_left = request.tries_left.saturating_sub(1);
        request.retry_ms = self.now.mono_ms + RETRY_MS;
        if request.tries_left == 0 {
            self.requests.remove(tid);
            self.on_no_resource();
            return;
        }
        let (method, bid, data) = (request.method, request.bid.clone(), request.data.clone());
        self.send_request(method, tid, &bid, &data);
    }

    pub(super) fn on_reply(&mut self, message: &Value) {
        let tid = message.get("tid").and_then(Value::as_str).unwrap_or("");
        let Some(request) = self.requests.remove(tid) else { return };
        let data = message.get("data").unwrap_or(&Value::Null);
        let result = data.get("result").and_then(Value::as_i64);
        let output = data.get("output").unwrap_or(&Value::Null);
        match request.method {
            "config" => self.on_config(data),
            "airport_bind_status" => self.on_bind_status(result, output),
            "airport_organization_get" => self.on_organization(result),
            "airport_organization_bind" => self.on_bound(result, output),
            "update_topo" => self.on_topology_accepted(result),
            "flighttask_resource_get" => self.on_resource(result, output),
            "storage_config_get" => self.on_storage(result, output),
            _ => {}
        }
    }

    /// The one answer without `result`.
    fn on_config(&mut self, data: &Value) {
        if self.cfg.faults.licence {
            self.log("app licence refused");
            self.out.push_back(Output::Disconnect {
                reason: "app licence refused",
                polite: true,
                retry_after_ms: LICENCE_RETRY_MS,
            });
            return;
        }
        if data.get("ntp_server_host").and_then(Value::as_str).is_none() {
            self.log("config answer without ntp_server_host");
        }
        let devices = json!([{"sn": self.id.dock_sn}, {"sn": self.id.aircraft_sn}]);
        self.ask("airport_bind_status", json!({"devices": devices}), None);
    }

    fn on_bind_status(&mut self, result: Option<i64>, output: &Value) {
        if result != Some(0) {
            return self.wait("bind status refused");
        }
        let bound = |sn: &str| {
            let list = output.get("bind_status").and_then(Value::as_array);
            list.into_iter().flatten().any(|entry| {
                entry.get("sn").and_then(Value::as_str) == Some(sn)
                    && entry.get("is_device_bind_organization") == Some(&Value::Bool(true))
            })
        };
        let both = bound(&self.id.dock_sn) && bound(&self.id.aircraft_sn);
        if both && !self.cfg.faults.unbound {
            self.ask_topology();
        } else {
            let data = json!({
                "device_binding_code": self.binding_code(),
                "organization_id": self.cfg.organization_id,
            });
            self.ask("airport_organization_get", data, None);
        }
    }

    fn binding_code(&self) -> &str {
        if self.cfg.faults.unbound { "" } else { &self.cfg.binding_code }
    }

    fn on_organization(&mut self, result: Option<i64>) {
        if result != Some(0) {
            return self.wait("organisation lookup refused");
        }
        let device = |sn: &str, name: &str, key: &str| {
            json!({
                "device_binding_code": self.binding_code(),
                "organization_id": self.cfg.organization_id,
                "device_callsign": format!("{} {name}", self.id.name_en),
                "sn": sn,
                "device_model_key": key,
            })
        };
        let devices = json!([
            device(&self.id.dock_sn, "dock", "3-2-0"),
            device(&self.id.aircraft_sn, "aircraft", "0-91-1"),
        ]);
        self.ask("airport_organization_bind", json!({"bind_devices": devices}), None);
    }

    fn on_bound(&mut self, result: Option<i64>, output: &Value) {
        let infos = output.get("err_infos").and_then(Value::as_array);
        let all_good = infos
            .into_iter()
            .flatten()
            .all(|info| info.get("err_code").and_then(Value::as_i64) == Some(0));
        if result == Some(0) && all_good {
            self.ask_topology();
        } else {
            self.wait("binding refused");
        }
    }

    fn on_topology_accepted(&mut self, result: Option<i64>) {
        if result != Some(0) {
            return self.wait("topology refused");
        }
        if self.is_online() {
            return;
        }
        // Docks that come up together must not speak together for ever after.
        let osd_ms = self.now.mono_ms + self.rng.u64(0..self.cfg.telemetry.every_ms());
        self.link = Link::Online { osd_ms };
        self.push_dock_state();
        self.push_aircraft_state();
        self.ask("flight_areas_get", Value::Null, None);
        self.ask("offline_map_get", Value::Null, None);
        self.events_due_now();
    }

    fn wait(&mut self, why: &str) {
        self.log(format!("bring-up stopped: {why}"));
        self.link = Link::Waiting { until_ms: self.now.mono_ms + WAIT_MS };
    }

    /// A link that drops without goodbye, as by a power cut.
    pub(super) fn drop_link(&mut self, reason: &'static str, retry_after_ms: u64) {
        self.out.push_back(Output::Disconnect { reason, polite: false, retry_after_ms });
        self.link = Link::Offline;
    }
}
