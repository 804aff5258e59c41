//! The audit: who did what, by page; checked, and given out as a file that is verified elsewhere.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_types::{
    DeviceSn, ResponseCode, WallMs,
    audit::{AuditEntry, AuditFilter, AuditHead, AuditVerdict, ChainedEntry},
    rights::Permission,
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::SemaphorePermit;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App, auth::Principal, extract::InQuery, people::Place, problem::Problem,
    services::AuditLog,
};

const MAX_LISTED: u16 = 500;
const MAX_WORD_CHARS: usize = 320;

/// What is looked for; what is absent does not narrow.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// From this time on, epoch milliseconds.
    from_ms: Option<WallMs>,
    /// Before this time, epoch milliseconds.
    until_ms: Option<WallMs>,
    /// Who, to the letter: `user:kim@example.kr`.
    actor: Option<String>,
    /// On this device.
    sn: Option<DeviceSn>,
    /// `command.create`, or `command` for all of them.
    action: Option<String>,
    /// What came of it.
    outcome: Option<ResponseCode>,
    /// `next` of the page before.
    before: Option<i64>,
    /// 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u16>,
}

/// An entry in its place.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditRow {
    /// Its number.
    seq: i64,
    /// Its hash, hexadecimal.
    hash: String,
    /// What was done.
    entry: AuditEntry,
}

/// A page of the audit.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// Newest first.
    entries: Vec<AuditRow>,
    /// Where the next page begins; nothing after the last.
    next: Option<i64>,
}

/// The problem of an audit that cannot be asked.
pub(crate) fn away(why: String) -> Problem {
    tracing::warn!(why, "the audit cannot be asked");
    let detail = "the audit cannot be read now: the database does not answer. Try again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "audit_away", detail)
}

/// Lists who did what, newest first, a page at a time. Somebody who administers one site sees what
/// was done there.
#[utoipa::path(
    operation_id = "list_audit",
    get, path = "/api/v1/audit", tag = "audit", params(Asked),
    responses(
        (status = 200, body = AuditPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`audit_away`"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<AuditPage>, Problem> {
    let limit = asked.limit.unwrap_or(100);
    if !(1..=MAX_LISTED).contains(&limit) {
        return Err(Problem::bad_input("limit lies between 1 and 500"));
    }
    let words = [&asked.actor, &asked.action];
    if words.into_iter().flatten().any(|word| word.chars().count() > MAX_WORD_CHARS) {
        return Err(Problem::bad_input("actor and action have at most 320 characters"));
    }
    let filter = AuditFilter {
        from_ms: asked.from_ms,
        until_ms: asked.until_ms,
        actor: asked.actor,
        sn: asked.sn,
        action: asked.action,
        outcome: asked.outcome,
        before: asked.before,
        limit,
    };
    let found = app.audit.page(principal.person(), filter).await.map_err(away)?;
    let is_full = found.len() == usize::from(limit);
    let next = found.last().filter(|_| is_full).map(|row| row.seq);
    let scope = app.scope(&principal);
    let entries = found.into_iter().filter_map(|row| {
        let ChainedEntry { seq, hash, content, prev_hash: _ } = row;
        let entry: AuditEntry = serde_json::from_str(&content).ok()?;
        // The database kept back what is of other sites already; a token may see less than its maker.
        let sees = match (&entry.sn, entry.site_id) {
            (Some(sn), _) => scope.sees(sn),
            (None, Some(site)) => scope.sees_site(site),
            (None, None) => scope.is_everything(),
        };
        sees.then_some(AuditRow { seq, hash, entry })
    });
    Ok(Json(AuditPage { entries: entries.collect(), next }))
}

/// Checks every entry: that it is what was written, in its place, up to the recorded end.
#[utoipa::path(
    operation_id = "verify_audit",
    get, path = "/api/v1/audit/verify", tag = "audit",
    responses(
        (status = 200, body = AuditVerdict),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "`audit_busy`: it is being checked or given out"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`audit_away`"),
    )
)]
pub(crate) async fn verify(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<AuditVerdict>, Problem> {
    app.require(&principal, Permission::Audit, Place::Everywhere)?;
    let _turn = turn(&app)?;
    app.audit.verify().await.map(Json).map_err(away)
}

fn turn(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    app.audit_readers.try_acquire().map_err(|_| {
        let detail = "the audit is being checked or given out already; try again";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "audit_busy", detail)
    })
}

/// Which file.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Format {
    /// `jsonl` (also without it) or `csv`.
    format: Option<String>,
}

/// Gives the whole audit out as a file: JSON Lines or CSV, each line with its place in the chain, the
/// last one with its end. `gwanje audit verify --file` checks it without the tower.
#[utoipa::path(
    operation_id = "export_audit",
    get, path = "/api/v1/audit/export", tag = "audit", params(Format),
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`audit_away`"),
    )
)]
pub(crate) async fn export(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InQuery(Format { format }): InQuery<Format>,
) -> Result<Response, Problem> {
    app.require(&principal, Permission::Audit, Place::Everywhere)?;
    let is_csv = match format.as_deref() {
        None | Some("jsonl") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::bad_input("format is jsonl or csv")),
    };
    let head = app.audit.head().await.map_err(away)?;
    let (kind, name) = match is_csv {
        true => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        false => ("application/x-ndjson", "attachment; filename=\"audit.jsonl\""),
    };
    let export = Export { log: Arc::clone(&app.audit), head, is_csv, next: Next::First };
    let body = Body::from_stream(stream::try_unfold(export, Export::next));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    Ok(response)
}

/// A file on its way out, a chunk of the database at a time.
struct Export {
    log: Arc<dyn AuditLog>,
    /// Where it ends, whatever is written meanwhile.
    head: AuditHead,
    is_csv: bool,
    next: Next,
}

enum Next {
    First,
    After(i64),
    Done,
}

impl Export {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, std::io::Error> {
        let after = match self.next {
            Next::First => {
                let (first, _) = self.log.frame(&self.head, self.is_csv);
                self.next = Next::After(0);
                if !first.is_empty() {
                    return Ok(Some((Bytes::from(format!("{first}\n")), self)));
                }
                0
            }
            Next::After(seq) => seq,
            Next::Done => return Ok(None),
        };
        // A file that breaks off has no end, and is seen to be cut.
        let rows = self.log.chunk(after).await.map_err(std::io::Error::other)?;
        let rows: Vec<_> = rows.into_iter().filter(|row| row.seq <= self.head.seq).collect();
        let mut text = String::new();
        for row in &rows {
            text.push_str(&self.log.line(row, self.is_csv));
            text.push('\n');
        }
        self.next = match rows.last() {
            Some(last) => Next::After(last.seq),
            None => {
                text = format!("{}\n", self.log.frame(&self.head, self.is_csv).1);
                Next::Done
            }
        };
        Ok(Some((text.into(), self)))
    }
}
