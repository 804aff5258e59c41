//! Answering what the dock asks: configuration, binding, flight areas, the file of a flight, where
//! its media go.
//!
//! Everything documented is answered, at least emptily: old firmware waits about 40 s before each
//! take-off for an answer to `flight_areas_get`. What is not known is shown and refused.

use dji_cloud::{
    config::ConfigReply,
    encode,
    envelope::{Envelope, Ids},
    file::{StorageConfigOutput, StorageConfigRequest},
    flight_area,
    organization::{
        BindError, BindStatus, BindStatusOutput, BindStatusRequest, OrganizationBindOutput,
        OrganizationBindRequest, OrganizationGetOutput, OrganizationGetRequest,
    },
    topic::{Topic, TopicKind},
    wayline::{ResourceGetOutput, ResourceGetRequest, WaylineFile},
};
use fleet_types::{MissionId, Now};

use super::DockMachine;
use crate::io::{Exchange, Output};

/// What DJI's demo answers for a wrong binding code.
const WRONG_BINDING_CODE: i64 = 210_231;
/// Our answer to a request that we do not know: any non-zero code.
const NOT_SUPPORTED: i64 = 1;
/// Requests for a file that may wait for its address at once.
const FILE_REQUESTS_MAX: usize = 8;

impl DockMachine {
    pub(super) fn on_request(&mut self, now: Now, envelope: &Envelope<'_>) {
        let payload = match envelope.method.as_deref() {
            Some("config") => {
                self.session.on_config(now);
                encode::config_reply(envelope, now.wall.0, &self.config_answer())
            }
            Some("airport_bind_status") => {
                let request = self.read::<BindStatusRequest>(envelope).unwrap_or_default();
                self.session.on_bind_status(now, self.config.is_enrolled);
                let output = self.bind_status(&request);
                encode::request_reply(envelope, now.wall.0, 0, Some(&output))
            }
            Some("airport_organization_get") => {
                let request = self.read::<OrganizationGetRequest>(envelope).unwrap_or_default();
                let code = request.device_binding_code;
                if self.is_binding_code(code.as_ref()) {
                    let name = self.config.site.organization_name.as_str();
                    let output = OrganizationGetOutput {
                        organization_name: Some(name.into()),
                        ..OrganizationGetOutput::default()
                    };
                    encode::request_reply(envelope, now.wall.0, 0, Some(&output))
                } else {
                    encode::request_reply::<()>(envelope, now.wall.0, WRONG_BINDING_CODE, None)
                }
            }
            Some("airport_organization_bind") => {
                let request = self.read::<OrganizationBindRequest>(envelope).unwrap_or_default();
                let output = self.bind(now, &request);
                encode::request_reply(envelope, now.wall.0, 0, Some(&output))
            }
            Some("flight_areas_get" | "offline_map_get") => {
                let output = flight_area::empty_reply();
                encode::request_reply(envelope, now.wall.0, 0, Some(&output))
            }
            Some("flighttask_resource_get") => return self.on_resource_get(now, envelope),
            Some("storage_config_get") => return self.on_storage_config(now, envelope),
            Some("flighttask_progress_get") => self.progress_of_peer(now, envelope),
            other => {
                let firmware = self.firmware();
                let method = other.unwrap_or("request without a method");
                if !crate::spec::is_documented(method) {
                    self.drift.count(&firmware, "method", method);
                }
                encode::request_reply::<()>(envelope, now.wall.0, NOT_SUPPORTED, None)
            }
        };
        self.reply(TopicKind::RequestsReply, payload);
        self.tell_event(now, envelope);
    }

    pub(super) fn reply_status(&mut self, now: Now, envelope: &Envelope<'_>) {
        let payload = encode::status_reply(envelope, now.wall.0, 0);
        self.reply(TopicKind::StatusReply, payload);
    }

    pub(super) fn reply_event(&mut self, now: Now, envelope: &Envelope<'_>) {
        let payload = encode::event_reply(envelope, now.wall.0, 0);
        self.reply(TopicKind::EventsReply, payload);
    }

    /// The file's address was made: answer the dock that waits for it.
    pub(super) fn answer_resource(&mut self, now: Now, exchange: &Exchange, url: Option<String>) {
        let question = Envelope {
            tid: Some(exchange.tid.as_str().into()),
            bid: Some(exchange.bid.as_str().into()),
            method: Some("flighttask_resource_get".into()),
            ..Envelope::default()
        };
        // The fingerprint is that of the flight that was asked about, not of the one under way now.
        let asked = self.file_requests.iter().position(|(waiting, _)| waiting == exchange);
        let Some((_, mission_id)) = asked.and_then(|at| self.file_requests.remove(at)) else {
            return;
        };
        let mission = self.missions.get(&mission_id).filter(|mission| !mission.is_ended());
        let file = url.zip(mission).map(|(url, mission)| WaylineFile {
            url: Some(url.into()),
            fingerprint: Some(mission.request().file_md5.as_str().into()),
            ..WaylineFile::default()
        });
        let payload = match file {
            Some(file) => {
                let output = ResourceGetOutput { file: Some(file), ..ResourceGetOutput::default() };
                encode::request_reply(&question, now.wall.0, 0, Some(&output))
            }
            None => encode::request_reply::<()>(&question, now.wall.0, NOT_SUPPORTED, None),
        };
        self.reply(TopicKind::RequestsReply, payload);
    }

    fn on_resource_get(&mut self, now: Now, envelope: &Envelope<'_>) {
        let request = self.read::<ResourceGetRequest>(envelope).unwrap_or_default();
        let mission_id: Option<MissionId> =
            request.flight_id.as_deref().and_then(|flight_id| flight_id.parse().ok());
        let mission_id = mission_id.and_then(|id| self.mission_of_flight(id));
        let exchange = Self::exchange(envelope);
        let wayline_id = mission_id.and_then(|id| {
            let mission = self.missions.get(&id)?;
            (!mission.is_ended()).then(|| mission.request().wayline_id)
        });
        self.tell_event(now, envelope);
        match (mission_id, wayline_id) {
            (Some(mission_id), Some(wayline_id)) => {
                self.on_mission_resource(now, mission_id);
                self.file_requests.push_back((exchange.clone(), mission_id));
                if self.file_requests.len() > FILE_REQUESTS_MAX {
                    // The dock asks again for what is not answered.
                    self.file_requests.pop_front();
                }
                self.outputs.push_back(Output::MintFileUrl { exchange, wayline_id });
            }
            // A flight that is not ours, or is over: the dock must not get a file for it.
            (_, _) => {
                let payload =
                    encode::request_reply::<()>(envelope, now.wall.0, NOT_SUPPORTED, None);
                self.reply(TopicKind::RequestsReply, payload);
            }
        }
    }

    /// Where a dock uploads to, and by what: made outside, for a dock that is enrolled here alone.
    fn on_storage_config(&mut self, now: Now, envelope: &Envelope<'_>) {
        // Media and a payload's own files go to the same place.
        let _ = self.read::<StorageConfigRequest>(envelope);
        self.tell_event(now, envelope);
        let exchange = Self::exchange(envelope);
        if self.config.is_enrolled {
            self.outputs.push_back(Output::MintStorage { exchange });
        } else {
            self.answer_storage(now, &exchange, None);
        }
    }

    /// The credentials were made: answer the dock that waits for them.
    pub(super) fn answer_storage(
        &mut self,
        now: Now,
        exchange: &Exchange,
        output: Option<&StorageConfigOutput>,
    ) {
        let question = Envelope {
            tid: Some(exchange.tid.as_str().into()),
            bid: Some(exchange.bid.as_str().into()),
            method: Some("storage_config_get".into()),
            ..Envelope::default()
        };
        let code = if output.is_some() { 0 } else { NOT_SUPPORTED };
        let payload = encode::request_reply(&question, now.wall.0, code, output);
        self.reply(TopicKind::RequestsReply, payload);
    }

    fn reply(&mut self, kind: TopicKind, payload: Vec<u8>) {
        let sn = self.config.sn.as_str();
        if let Some(topic) = Topic::new(kind, sn).map(|topic| topic.to_string()) {
            self.outputs.push_back(Output::Reply { topic, payload });
        }
    }

    fn config_answer(&self) -> ConfigReply {
        let site = &self.config.site;
        ConfigReply {
            ntp_server_host: Some(site.ntp_server_host.as_str().into()),
            ntp_server_port: Some(i64::from(site.ntp_server_port)),
            app_id: Some(site.app_id.as_str().into()),
            app_key: Some(site.app_key.clone()),
            app_license: Some(site.app_license.clone()),
            ..ConfigReply::default()
        }
    }

    /// One entry for each device asked about: who is enrolled here is bound here.
    fn bind_status(&self, request: &BindStatusRequest) -> BindStatusOutput {
        let site = &self.config.site;
        let is_bound = self.config.is_enrolled;
        let entry = |sn: &str| BindStatus {
            sn: Some(sn.into()),
            is_device_bind_organization: Some(is_bound),
            organization_id: is_bound.then(|| site.organization_id.as_str().into()),
            organization_name: is_bound.then(|| site.organization_name.as_str().into()),
            device_callsign: is_bound.then(|| self.callsign(sn).into()),
            ..BindStatus::default()
        };
        let devices = request.devices.as_deref().unwrap_or_default();
        let asked = devices.iter().filter_map(|device| device.sn.as_deref());
        BindStatusOutput {
            bind_status: Some(asked.map(entry).collect()),
            ..BindStatusOutput::default()
        }
    }

    fn callsign(&self, sn: &str) -> String {
        let is_named = sn == self.config.sn.as_str() && !self.config.name.is_empty();
        if is_named { self.config.name.clone() } else { sn.to_owned() }
    }

    fn bind(&mut self, now: Now, request: &OrganizationBindRequest) -> OrganizationBindOutput {
        let devices = request.bind_devices.as_deref().unwrap_or_default();
        let entry = |device: &dji_cloud::organization::BindDevice| {
            let fits = self.config.is_enrolled
                && self.is_binding_code(device.device_binding_code.as_ref());
            let err_code = if fits { 0 } else { WRONG_BINDING_CODE };
            BindError { sn: device.sn.clone(), err_code: Some(err_code), ..BindError::default() }
        };
        let err_infos: Vec<_> = devices.iter().map(entry).collect();
        if !err_infos.is_empty() && err_infos.iter().all(|entry| entry.err_code == Some(0)) {
            self.session.on_bound(now);
        }
        OrganizationBindOutput { err_infos: Some(err_infos), ..OrganizationBindOutput::default() }
    }

    fn is_binding_code(&self, code: Option<&dji_cloud::secret::Secret>) -> bool {
        match &self.config.site.binding_code {
            // The broker's log-in has already told who the dock is.
            None => true,
            Some(expected) => code.is_some_and(|code| code.expose() == expected.expose()),
        }
    }

    pub(super) fn ids<'a>(tid: &'a str, bid: &'a str) -> Ids<'a> {
        Ids { tid, bid }
    }
}
