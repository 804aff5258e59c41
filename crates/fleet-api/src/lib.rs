//! The API of the tower: HTTP, WebSocket, OpenAPI and the embedded console.
//!
//! It shows what the machines said on the bus and hands them what people ask for; it decides
//! nothing about aircraft and knows neither MQTT nor DJI. It refuses callers without a credential
//! (but on `/healthz`), foreign hosts and origins, plain HTTP beyond loopback, and to send anything
//! twice. What it does not know it calls unknown, never failed.
//!
//! [`Api::new`] builds it from what the wiring gives; then [`Api::hub`] and [`Api::serve`] run as
//! tasks. Read next: [`hub`] (what is shown), [`submit`] (how a request is sent once), [`guard`]
//! (who may), [`stream`] (the live view).

mod app;
mod assets;
mod attempts;
mod audit;
mod auth;
mod basemaps;
mod clock;
mod config;
mod extract;
mod flight_files;
mod guard;
mod hub;
mod json;
pub mod media;
mod method;
mod metrics;
mod openapi;
mod patient;
mod people;
mod positions;
mod problem;
mod ranges;
mod rights;
mod routes;
mod serve;
mod services;
mod stream;
mod submit;
mod wayline_urls;
mod waylines;

use std::sync::{Arc, PoisonError};

use fleet_bus::Bus;
use fleet_types::{DeviceSn, DeviceStatus, topic::DeviceOsd};
use tokio::sync::{Semaphore, watch};

use app::{App, Shared};
pub use auth::{NoRandom, Principal, Session, SignInError, Tokens, TokensError};
pub use basemaps::{
    BadRoots, BadTemplate, Basemap, BasemapKind, BasemapSource, MAX_BASEMAPS, MapFile, Resolve,
    Roots, Template, TileKind,
};
pub use config::{ApiConfig, BindRefused, Limits, Site, check_bind};
pub use hub::{Hub, Osd};
pub use method::{MethodDanger, MethodInfo, MethodInterlock};
pub use metrics::SharedRegistry;
pub use openapi::openapi_json;
pub use people::{AccountError, Accounts, BadKey, People, Person, SignIn, Signer, SupabaseKeys};
pub use problem::Problem;
pub use serve::{Listener, Tls, TlsError, bind_unix};
pub use services::{
    AuditLog, BrokerState, Check, EnrolError, EnrolRequest, Enrolled, Enrolment, History, Kept,
    LogState, LoopState, MqttAccess, PilotField, Planning, ScheduleError, Scheduling, SlowTask,
    Stalls, StoreState, SystemSource, UnknownCount,
};
pub use wayline_urls::{BadUrlHost, UrlHost, WaylineSources};
pub use waylines::{Wayline, WaylineKeeper, WaylineResource, WaylineSummary, Waylines};

/// The old protocol's picture is one text, megabytes of it for a large fleet.
const OLD_GREETINGS: usize = 8;

/// What the wiring gives.
pub struct Parts {
    /// Names, limits, life times.
    pub config: ApiConfig,
    /// The process's bus.
    pub bus: Bus,
    /// Credentials.
    pub tokens: Arc<Tokens>,
    /// People with accounts.
    pub people: People,
    /// Where wayline files are kept.
    pub waylines: Waylines,
    /// The operator's grounds for the map.
    pub basemaps: Vec<Basemap>,
    /// How upstreams of basemaps are found and checked; absent where none is configured.
    pub upstream: Option<(Arc<dyn Resolve>, Roots)>,
    /// Where wayline files may be fetched from by address; absent: nowhere.
    pub wayline_sources: Option<WaylineSources>,
    /// Enrols docks.
    pub enrolment: Arc<dyn Enrolment>,
    /// Sees more than one dock and flight.
    pub planning: Arc<dyn Planning>,
    /// Flies again and again.
    pub scheduling: Arc<dyn Scheduling>,
    /// Knows the process.
    pub system: Arc<dyn SystemSource>,
    /// Keeps who did what.
    pub audit: Arc<dyn AuditLog>,
    /// Takes the API's metrics and is shown at `/metrics`; without a prefix of its own.
    pub registry: SharedRegistry,
}

/// The API. Clones share it.
#[derive(Clone)]
pub struct Api(App);

impl Api {
    /// Builds the API and its hub, which listens to the bus from here on and must be run.
    #[must_use]
    pub fn new(parts: Parts) -> (Self, Hub) {
        let Parts {
            config,
            bus,
            tokens,
            people,
            waylines: Waylines(waylines),
            basemaps,
            upstream,
            wayline_sources,
            enrolment,
            planning,
            scheduling,
            system,
            audit,
            registry,
        } = parts;
        let (hub, handle) = Hub::new(&bus);
        let basemaps = Arc::new(basemaps::Basemaps::new(basemaps, upstream));
        let limits = &config.limits;
        let metrics = {
            let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
            let looks = metrics::Looks {
                hub: handle.clone(),
                bus: bus.clone(),
                waylines: Arc::clone(&waylines),
                basemaps: Arc::clone(&basemaps),
            };
            registry.register_collector(Box::new(looks));
            metrics::Metrics::register(&mut registry)
        };
        let shared = Shared {
            names: guard::Names::of(&config),
            hub: handle,
            tokens,
            people,
            waylines,
            wayline_sources,
            basemaps,
            enrolment,
            planning,
            scheduling,
            system,
            audit,
            refusals: audit::Refusals::default(),
            audit_readers: Semaphore::new(1),
            registry,
            metrics,
            commands: bus.writer(),
            resolutions: bus.writer(),
            alarm_orders: bus.writer(),
            missions: bus.writer(),
            mission_controls: bus.writer(),
            notices: bus.writer(),
            preflights: bus.writer(),
            authority: bus.writer(),
            traces: bus.writer(),
            bus,
            uploads: Semaphore::new(limits.uploads),
            stream_slots: Arc::new(Semaphore::new(limits.stream_clients)),
            old_greetings: Semaphore::new(OLD_GREETINGS),
            closing: watch::channel(false).0,
            started_ms: clock::now_ms(),
            openapi: openapi_json().into(),
            config,
        };
        (Self(Arc::new(shared)), hub)
    }

    /// Serves one listener until [`Api::shutdown`]; may be called for several.
    pub async fn serve(&self, listener: Listener) {
        serve::serve(self.0.clone(), listener).await;
    }

    /// Puts failed sign-ins that were counted long enough ago on record, or, at the end, all of them.
    pub fn tell_refusals(&self, all: bool) {
        self.0.tell_refusals(all);
    }

    /// Tells every listener and live view to end; [`Api::serve`] returns within seconds.
    pub fn shutdown(&self) {
        self.0.closing.send_replace(true);
    }

    /// Shows what the process before this one knew of devices that were not heard since: as last
    /// known, with its true age. What was heard meanwhile stays.
    pub fn recall(&self, statuses: Vec<DeviceStatus>, samples: Vec<DeviceOsd>) {
        self.0.hub.recall(statuses, samples);
    }

    /// Forgets a device that was removed by another process of the tower.
    pub async fn forget(&self, sn: DeviceSn) {
        self.0.hub.remove_device(sn).await;
    }

    /// The wayline files.
    #[must_use]
    pub fn waylines(&self) -> Waylines {
        Waylines(Arc::clone(&self.0.waylines))
    }
}
