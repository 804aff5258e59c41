//! People and what they may: oneself, everybody, roles and sessions.

use std::collections::BTreeSet;

use axum::{Extension, Json, extract::State, http::StatusCode};
use fleet_types::{
    WallMs,
    people::{AccountSession, Ending, Membership, SiteRole},
    rights::{Permission, TABLE},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    extract::{Body, InPath},
    people::{AccountError, Accounts, Person, Place},
    problem::Problem,
};

/// Where people sign in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInWay {
    /// `own` (here, `POST /auth/v1/token`), `supabase` (at `url`) or `none`.
    mode: &'static str,
    /// Of Supabase.
    url: Option<String>,
    /// Of Supabase: its public key for browsers.
    anon_key: Option<String>,
    /// Whether anybody has an account; unknown until the database was read.
    has_accounts: Option<bool>,
}

/// Says where people sign in, to whoever asks: the sign-in page needs it.
#[utoipa::path(
    operation_id = "get_sign_in",
    get, path = "/api/v1/sign-in", tag = "session", security(()),
    responses((status = 200, body = SignInWay))
)]
pub(crate) async fn sign_in_way(State(app): State<App>) -> Json<SignInWay> {
    let way = app.people.keys().way();
    let has_accounts = app.people.directory().map(|known| !known.people.is_empty());
    Json(SignInWay { mode: way.mode, url: way.url, anon_key: way.anon_key, has_accounts })
}

/// Who the caller is and what they may.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// How records call them.
    who: String,
    /// `account`, `link` (a one-time sign-in link) or `token`.
    kind: &'static str,
    /// The account.
    user_id: Option<Uuid>,
    /// The account's session.
    session_id: Option<Uuid>,
    /// What an account was given. A link or the API token may everything.
    roles: BTreeSet<Membership>,
    /// What they may, at one site at least.
    rights: Vec<Permission>,
}

/// Shows the caller who they are and what they may.
#[utoipa::path(
    operation_id = "get_me",
    get, path = "/api/v1/me", tag = "people",
    responses(
        (status = 200, body = Me),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn me(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Json<Me> {
    let rights = TABLE.iter().map(|right| right.permission);
    let rights = rights.filter(|right| app.may(&principal, *right, Place::Anywhere)).collect();
    let (kind, person) = match &principal {
        Principal::ApiToken | Principal::Machine(_) => ("token", None),
        Principal::Session(_) => ("link", None),
        Principal::Person(person) => ("account", Some(person)),
    };
    let roles = person.and_then(|person| {
        Some(app.people.directory()?.people.get(&person.id)?.memberships.clone())
    });
    Json(Me {
        who: principal.who(),
        kind,
        user_id: person.map(|person| person.id),
        session_id: person.map(|person| person.session_id),
        roles: roles.unwrap_or_default(),
        rights,
    })
}

/// Somebody.
#[derive(Serialize, ToSchema)]
pub(crate) struct Somebody {
    /// The account.
    user_id: Uuid,
    /// Its name, where accounts are kept here.
    email: Option<String>,
    /// Nobody may use it.
    is_disabled: bool,
    /// What it was given.
    roles: BTreeSet<Membership>,
}

/// A site.
#[derive(Serialize, ToSchema)]
pub(crate) struct SiteName {
    /// Identity.
    pub(super) site_id: Uuid,
    /// Name for people.
    pub(super) name: String,
}

/// Everybody, and the sites they may be at.
#[derive(Serialize, ToSchema)]
pub(crate) struct Everybody {
    /// People.
    people: Vec<Somebody>,
    /// Sites.
    sites: Vec<SiteName>,
}

pub(super) fn unread() -> Problem {
    let detail = "who may what was not read yet: the database does not answer. Try again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "accounts_unavailable", detail)
}

pub(super) fn keeper(app: &App) -> Result<&dyn Accounts, Problem> {
    app.people.accounts().map(|accounts| &**accounts).ok_or_else(|| {
        let detail = "this tower has no database, and therefore keeps no roles";
        Problem::not_found("no_accounts_here", detail)
    })
}

/// Lists people with their roles.
#[utoipa::path(
    operation_id = "list_people",
    get, path = "/api/v1/people", tag = "people",
    responses(
        (status = 200, body = Everybody),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Everybody>, Problem> {
    let directory = app.people.directory().ok_or_else(unread)?;
    let people = directory.people.iter().map(|(id, standing)| Somebody {
        user_id: *id,
        email: standing.email.as_ref().map(ToString::to_string),
        is_disabled: standing.is_disabled,
        roles: standing.memberships.clone(),
    });
    let sites = directory.sites.iter();
    let sites = sites.map(|(id, name)| SiteName { site_id: *id, name: name.clone() });
    Ok(Json(Everybody { people: people.collect(), sites: sites.collect() }))
}

/// Roles in the place of those that were.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoles {
    /// All of them; at most 100.
    roles: BTreeSet<Membership>,
}

/// Gives somebody roles in the place of those they had. In force at once, on open live views too.
#[utoipa::path(
    operation_id = "set_roles",
    put, path = "/api/v1/people/{id}/roles", tag = "people", request_body = NewRoles,
    params(("id" = Uuid, Path, description = "Account id")),
    responses(
        (status = 204, description = "In force"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "`last_administrator`"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn set_roles(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(id): InPath<Uuid>,
    Body(NewRoles { roles }): Body<NewRoles>,
) -> Result<StatusCode, Problem> {
    note.say("roles", serde_json::to_value(&roles).unwrap_or_default());
    let accounts = keeper(&app)?;
    if roles.len() > 100 {
        return Err(Problem::bad_input("roles has at most 100 items"));
    }
    let directory = app.people.directory().ok_or_else(unread)?;
    let is_known =
        |given: &Membership| given.site_id.is_none_or(|site| directory.sites.contains_key(&site));
    if !roles.iter().all(is_known) {
        return Err(Problem::bad_input("site_id names no site; GET /api/v1/people lists them"));
    }
    let is_ours = app.people.keys().signer().is_some();
    if is_ours && !directory.people.contains_key(&id) {
        return Err(AccountError::Unknown.into());
    }
    let everywhere = Membership { role: SiteRole::Administrator, site_id: None };
    let keeps = roles.contains(&everywhere);
    if let Principal::Person(person) = &principal
        && person.id == id
        && !keeps
    {
        let detail = "you would take administration from yourself; another administrator can";
        return Err(Problem::new(StatusCode::CONFLICT, "last_administrator", detail));
    }
    let given = format!("{roles:?}");
    accounts.set_roles(id, roles, principal.who()).await?;
    tracing::info!(by = principal.who(), account = %id, roles = given, "roles were given");
    Ok(StatusCode::NO_CONTENT)
}

/// Sessions of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// The latest first.
    sessions: Vec<AccountSession>,
    /// The one that asks.
    current: Option<Uuid>,
    /// The tower's time.
    server_time_ms: WallMs,
}

async fn sessions_of(app: &App, id: Uuid, current: Option<Uuid>) -> Result<Sessions, Problem> {
    let sessions = keeper(app)?.sessions(id).await?;
    Ok(Sessions { sessions, current, server_time_ms: crate::clock::now_ms() })
}

fn myself(principal: &Principal) -> Result<&Person, Problem> {
    match principal {
        Principal::Person(person) => Ok(person),
        Principal::ApiToken | Principal::Session(_) | Principal::Machine(_) => {
            let detail = "this credential belongs to no account";
            Err(Problem::new(StatusCode::FORBIDDEN, "no_account", detail))
        }
    }
}

/// Lists the sessions of the caller's account.
#[utoipa::path(
    operation_id = "list_own_sessions",
    get, path = "/api/v1/sessions", tag = "people",
    responses(
        (status = 200, body = Sessions),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn own_sessions(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Sessions>, Problem> {
    let person = myself(&principal)?;
    sessions_of(&app, person.id, Some(person.session_id)).await.map(Json)
}

/// Ends a session of the caller's account.
#[utoipa::path(
    operation_id = "end_own_session",
    delete, path = "/api/v1/sessions/{session}", tag = "people",
    params(("session" = Uuid, Path, description = "Session id")),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn end_own_session(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(session): InPath<Uuid>,
) -> Result<StatusCode, Problem> {
    let person = myself(&principal)?;
    keeper(&app)?.end(person.id, Ending::One(session), "ended by its owner").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the sessions of somebody's account.
#[utoipa::path(
    operation_id = "list_sessions",
    get, path = "/api/v1/people/{id}/sessions", tag = "people",
    params(("id" = Uuid, Path, description = "Account id")),
    responses(
        (status = 200, body = Sessions),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sessions(
    State(app): State<App>,
    InPath(id): InPath<Uuid>,
) -> Result<Json<Sessions>, Problem> {
    sessions_of(&app, id, None).await.map(Json)
}

/// Ends a session of somebody's account.
#[utoipa::path(
    operation_id = "end_session",
    delete, path = "/api/v1/people/{id}/sessions/{session}", tag = "people",
    params(
        ("id" = Uuid, Path, description = "Account id"),
        ("session" = Uuid, Path, description = "Session id"),
    ),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn end_session(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath((id, session)): InPath<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    keeper(&app)?.end(id, Ending::One(session), "ended by an administrator").await?;
    tracing::info!(by = principal.who(), account = %id, %session, "a session was ended");
    Ok(StatusCode::NO_CONTENT)
}
