//! Traces, and the tower's own state.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State};
use fleet_types::{LinkStatus, TraceId, TraceStep, WallMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    clock::now_ms,
    config::Site,
    extract::{Body, InPath},
    problem::Problem,
    services::{BrokerState, LogState, LoopState, StoreState, UnknownCount},
};

/// A filter names a few dozen targets at most.
const MAX_FILTER_BYTES: usize = 1024;

/// One flow, step by step.
#[derive(Serialize, ToSchema)]
pub(crate) struct Trace {
    /// The flow.
    trace_id: TraceId,
    /// In time order.
    steps: Vec<TraceStep>,
    /// Steps left out between the first hundred and the newest.
    steps_dropped: u64,
}

/// Counters of one bus topic.
#[derive(Serialize, ToSchema)]
pub(crate) struct TopicCounts {
    /// Samples written.
    written: u64,
    /// Samples replaced before a reader took them.
    coalesced: u64,
    /// Writes refused by a full reader.
    full: u64,
    /// Readers.
    readers: usize,
    /// Samples in the longest reader queue.
    depth: usize,
}

/// The tower's own state.
#[derive(Serialize, ToSchema)]
pub(crate) struct System {
    /// Version of the tower.
    version: String,
    /// When it started.
    started_ms: WallMs,
    /// Its time.
    server_time_ms: WallMs,
    /// Its threads; 1, always.
    threads: u32,
    /// Its connections to the broker.
    links: Vec<LinkStatus>,
    /// The broker.
    broker: BrokerState,
    /// What must last.
    store: StoreState,
    /// Health of the event loop.
    #[serde(rename = "loop")]
    event_loop: LoopState,
    /// The bus, by topic.
    bus: BTreeMap<String, TopicCounts>,
    /// What devices said that no table knows.
    unknowns: Vec<UnknownCount>,
    /// The log.
    log: LogState,
    /// The place.
    site: Site,
}

/// Shows one flow from the click to the device and back.
#[utoipa::path(
    operation_id = "get_trace",
    get, path = "/api/v1/traces/{id}", tag = "traces",
    params(("id" = String, Path, description = "Trace id")),
    responses(
        (status = 200, body = Trace),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn trace(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(trace_id): InPath<TraceId>,
) -> Result<Json<Trace>, Problem> {
    let found = app.hub.view().traces.get(trace_id);
    let scope = app.scope(&principal);
    let seen = |step: &TraceStep| step.sn.as_ref().is_none_or(|sn| scope.sees(sn));
    let found = found.filter(|(steps, _)| steps.iter().all(seen));
    let (steps, steps_dropped) = found.ok_or_else(|| {
        Problem::not_found("unknown_trace", "no such flow is known; the latest 2,000 are kept")
    })?;
    Ok(Json(Trace { trace_id, steps, steps_dropped }))
}

/// Shows the tower's own state.
#[utoipa::path(
    operation_id = "get_system",
    get, path = "/api/v1/system", tag = "system",
    responses(
        (status = 200, body = System),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn system(State(app): State<App>) -> Json<System> {
    let links = app.hub.view().links.values().map(|link| (**link).clone()).collect();
    let bus = app.bus.stats().into_iter().map(|(name, stats)| {
        let counts = TopicCounts {
            written: stats.written,
            coalesced: stats.coalesced,
            full: stats.full,
            readers: stats.readers,
            depth: stats.depth,
        };
        (name.to_owned(), counts)
    });
    Json(System {
        version: app.config.version.clone(),
        started_ms: app.started_ms,
        server_time_ms: now_ms(),
        threads: app.system.threads(),
        links,
        broker: app.system.broker(),
        store: app.system.store(),
        event_loop: app.system.event_loop(),
        bus: bus.collect(),
        unknowns: app.system.unknowns(None),
        log: app.system.log(),
        site: app.config.site.clone(),
    })
}

/// A filter of the log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogFilter {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or levels by target and device:
    /// `info,fleet_links=debug`, `info,[dock{device.sn=7CTDM1}]=trace`. At most 1,024 bytes.
    filter: String,
}

/// Shows what is written to the log.
#[utoipa::path(
    operation_id = "get_log",
    get, path = "/api/v1/system/log", tag = "system",
    responses(
        (status = 200, body = LogState),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn log(State(app): State<App>) -> Json<LogState> {
    Json(app.system.log())
}

/// Changes what is written to the log, at once and until the tower restarts. For administrators: a
/// log turned off is a record not written.
#[utoipa::path(
    operation_id = "set_log_filter",
    put, path = "/api/v1/system/log", tag = "system", request_body = LogFilter,
    responses(
        (status = 200, body = LogState),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "`right_missing`"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "It is no filter"),
    )
)]
pub(crate) async fn set_log_filter(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    Body(body): Body<LogFilter>,
) -> Result<Json<LogState>, Problem> {
    let filter = body.filter.trim();
    if filter.is_empty() || filter.len() > MAX_FILTER_BYTES {
        return Err(Problem::bad_input("a filter has 1 to 1,024 bytes; to write nothing, say off"));
    }
    let before = app.system.log().filter;
    note.say("before", before.as_str());
    note.say("filter", filter);
    // Once before and once after, so that the change shows whichever of the two is silent.
    tracing::warn!(by = principal.who(), before, filter, "the filter of the log is being changed");
    app.system.set_log_filter(filter).map_err(|why| Problem::bad_input(&why))?;
    tracing::warn!(by = principal.who(), before, filter, "the filter of the log was changed");
    Ok(Json(app.system.log()))
}
