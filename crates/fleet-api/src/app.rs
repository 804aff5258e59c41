//! What every handler shares.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use fleet_bus::{Bus, Writer};
use fleet_types::{
    CommandId, CommandRequest, DeviceSn, MissionId, MissionRequest, TraceId, TraceStep, WallMs,
    alarm::AlarmOrder,
    authority::AuthorityRequest,
    command::Resolution,
    plan::MissionControl,
    preflight::{DockNotice, PreflightRequest},
};
use tokio::sync::{Semaphore, watch};

use crate::{
    audit::Refusals,
    auth::{Principal, Tokens},
    basemaps::Basemaps,
    clock::now_ms,
    config::ApiConfig,
    guard::Names,
    hub::HubHandle,
    metrics::{Metrics, SharedRegistry},
    people::People,
    problem::Problem,
    services::{AuditLog, Enrolment, Planning, Scheduling, SystemSource},
    wayline_urls::WaylineSources,
    waylines::WaylineStore,
};

pub(crate) type App = Arc<Shared>;

pub(crate) struct Shared {
    pub(crate) config: ApiConfig,
    pub(crate) names: Names,
    pub(crate) hub: HubHandle,
    pub(crate) bus: Bus,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) people: People,
    pub(crate) waylines: Arc<WaylineStore>,
    pub(crate) wayline_sources: Option<WaylineSources>,
    pub(crate) basemaps: Arc<Basemaps>,
    pub(crate) enrolment: Arc<dyn Enrolment>,
    pub(crate) planning: Arc<dyn Planning>,
    pub(crate) scheduling: Arc<dyn Scheduling>,
    pub(crate) system: Arc<dyn SystemSource>,
    pub(crate) audit: Arc<dyn AuditLog>,
    pub(crate) refusals: Refusals,
    /// Checks and exports of the whole audit at a time.
    pub(crate) audit_readers: Semaphore,
    pub(crate) registry: SharedRegistry,
    pub(crate) metrics: Metrics,
    pub(crate) commands: Writer<CommandRequest>,
    pub(crate) resolutions: Writer<Resolution>,
    pub(crate) alarm_orders: Writer<AlarmOrder>,
    pub(crate) missions: Writer<MissionRequest>,
    pub(crate) mission_controls: Writer<MissionControl>,
    pub(crate) notices: Writer<DockNotice>,
    pub(crate) preflights: Writer<PreflightRequest>,
    pub(crate) authority: Writer<AuthorityRequest>,
    pub(crate) traces: Writer<TraceStep>,
    pub(crate) uploads: Semaphore,
    pub(crate) stream_slots: Arc<Semaphore>,
    /// Clients of the old protocol that may be shown the whole picture at a time.
    pub(crate) old_greetings: Semaphore,
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) started_ms: WallMs,
    pub(crate) openapi: Bytes,
}

impl Shared {
    /// Who brings the bearer token of these headers; `also` is another place it may stand in.
    pub(crate) async fn principal(
        &self,
        headers: &HeaderMap,
        also: Option<&str>,
    ) -> Option<Principal> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let token = bearer.or(also);
        let mut principal = token.and_then(|token| self.tokens.check(token));
        if let (Some(token), None) = (token, &principal) {
            principal = self.people.machine(token).map(Principal::Machine);
        }
        if let (Some(token), None) = (token, &principal) {
            let person = self.people.check(token).await;
            principal = person.map(|person| Principal::Person(Arc::new(person)));
        }
        if principal.is_none() {
            self.metrics.refused_credentials.inc();
        }
        principal
    }

    /// Refuses, before anything is handed over, what nobody is there to carry out.
    pub(crate) fn commander(&self) -> Result<(), Problem> {
        let refused = |why| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "link_lost", why);
        self.system.commander().map_err(refused)
    }

    /// Whether a caller checked before is still welcome.
    pub(crate) fn still_valid(&self, principal: &Principal) -> bool {
        match principal {
            Principal::ApiToken | Principal::Session(_) => self.tokens.still_valid(principal),
            Principal::Person(person) => self.people.is_welcome(person),
            Principal::Machine(machine) => self.people.is_good(machine),
        }
    }

    /// Notes that a flow began here. A full bus loses the note, counted, never the request.
    pub(crate) fn trace_request(&self, trace_id: TraceId, who: &str, about: &About<'_>) {
        let step = TraceStep {
            trace_id,
            at_ms: now_ms(),
            actor: "service_platform.api".to_owned(),
            action: "request".to_owned(),
            action_duration_ms: 0,
            response_code: None,
            sn: Some(about.sn.clone()),
            command_id: about.command_id,
            mission_id: about.mission_id,
            method: about.method.map(str::to_owned),
            detail: Some(format!("by {who}")),
        };
        if self.traces.try_write(step).is_err() {
            self.metrics.trace_steps_lost.inc();
        }
    }
}

/// What a request is about, for its trace.
pub(crate) struct About<'a> {
    pub(crate) sn: &'a DeviceSn,
    pub(crate) command_id: Option<CommandId>,
    pub(crate) mission_id: Option<MissionId>,
    pub(crate) method: Option<&'a str>,
}
