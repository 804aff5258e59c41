//! Tokens of programs: made, shown once, listed, revoked.

use std::collections::BTreeSet;

use axum::{Extension, Json, extract::State, http::StatusCode};
use fleet_types::{
    WallMs,
    people::{MachineToken, NewMachineToken},
    rights::Permission,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::people::{keeper, unread};
use crate::{
    app::App,
    audit::Note,
    auth::Principal,
    clock::now_ms,
    extract::{Body, InPath},
    people::{AccountError, Place, machine},
    problem::Problem,
};

const MAX_NAME_CHARS: usize = 60;
const MAX_DAYS: u16 = 366;
const DAY_MS: i64 = 86_400_000;

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What records call it: 1 to 60 characters.
    name: String,
    /// What it may; nothing that its maker may not.
    permissions: BTreeSet<Permission>,
    /// At which sites; absent or `null`: at all, which its maker must be at.
    #[serde(default)]
    site_ids: Option<BTreeSet<Uuid>>,
    /// Days until it ends, 1 to 366.
    #[schema(minimum = 1, maximum = 366)]
    expires_in_days: u16,
}

/// A token as handed to its maker, once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// The token itself, a credential: shown only now.
    token: String,
    /// What is kept of it.
    #[serde(flatten)]
    kept: MachineToken,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenList {
    /// Those that work first.
    tokens: Vec<MachineToken>,
    /// The tower's time.
    server_time_ms: WallMs,
}

/// Makes a token for a program. It may what it is made for, where, and never more than its maker may at
/// that moment; it ends with its maker's account.
#[utoipa::path(
    operation_id = "create_token",
    post, path = "/api/v1/tokens", tag = "tokens", request_body = NewToken,
    responses(
        (status = 201, body = MadeToken, description = "The token is shown only now"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "`right_missing`: its maker may not; `not_by_token`: a token makes no tokens"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`no_accounts_here`: there is no database"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "`token_name_taken`"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    Body(body): Body<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    if matches!(principal, Principal::Machine(_)) {
        let detail = "a token makes no tokens; sign in with an account";
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_by_token", detail));
    }
    let name = body.name.trim();
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count());
    // The tower's own is called so.
    if !fits || name.chars().any(char::is_control) || name == "api" {
        let detail = "name has 1 to 60 characters, none of them control, and is not \"api\"";
        return Err(Problem::bad_input(detail));
    }
    note.say("name", name);
    note.say("permissions", serde_json::to_value(&body.permissions).unwrap_or_default());
    note.say("site_ids", serde_json::to_value(&body.site_ids).unwrap_or_default());
    note.say("expires_in_days", body.expires_in_days);
    if body.permissions.is_empty() {
        return Err(Problem::bad_input("permissions names one right at least"));
    }
    if !(1..=MAX_DAYS).contains(&body.expires_in_days) {
        return Err(Problem::bad_input("expires_in_days lies between 1 and 366"));
    }
    let directory = app.people.directory().ok_or_else(unread)?;
    let places = match &body.site_ids {
        None => vec![Place::Everywhere],
        Some(sites) if sites.is_empty() || sites.len() > 100 => {
            return Err(Problem::bad_input("site_ids has 1 to 100 sites, or is null for all"));
        }
        Some(sites) => {
            if !sites.iter().all(|site| directory.sites.contains_key(site)) {
                return Err(Problem::bad_input("site_ids names no site; see GET /api/v1/sites"));
            }
            sites.iter().map(|site| Place::Site(*site)).collect()
        }
    };
    for place in places {
        for permission in &body.permissions {
            app.require(&principal, *permission, place)?;
        }
    }
    let (token, prefix, hash) = machine::fresh().ok_or_else(Problem::internal)?;
    let expires_ms = WallMs(now_ms().0 + i64::from(body.expires_in_days) * DAY_MS);
    let new = NewMachineToken {
        name: name.to_owned(),
        prefix,
        hash,
        account_id: principal.person(),
        made_by: principal.who(),
        permissions: body.permissions,
        site_ids: body.site_ids,
        expires_ms,
    };
    let kept = keeper(&app)?.make_token(new).await?;
    note.say("id", kept.token_id.to_string());
    Ok((StatusCode::CREATED, Json(MadeToken { token, kept })))
}

/// Lists the caller's tokens; those of everybody to whoever administers people.
#[utoipa::path(
    operation_id = "list_tokens",
    get, path = "/api/v1/tokens", tag = "tokens",
    responses(
        (status = 200, body = TokenList),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<TokenList>, Problem> {
    let mut tokens = keeper(&app)?.tokens().await?;
    tokens.retain(|token| is_theirs(&app, &principal, token));
    Ok(Json(TokenList { tokens, server_time_ms: now_ms() }))
}

fn is_theirs(app: &App, caller: &Principal, token: &MachineToken) -> bool {
    app.may(caller, Permission::People, Place::Everywhere)
        || match caller {
            Principal::Person(person) => token.account_id == Some(person.id),
            // It sees itself.
            Principal::Machine(machine) => token.token_id == machine.0.token_id,
            Principal::ApiToken | Principal::Session(_) => true,
        }
}

/// Revokes a token: it is refused at once, its live views are closed within two seconds.
#[utoipa::path(
    operation_id = "revoke_token",
    delete, path = "/api/v1/tokens/{id}", tag = "tokens",
    params(("id" = Uuid, Path, description = "Token id")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`unknown_token`"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(id): InPath<Uuid>,
) -> Result<StatusCode, Problem> {
    let keeper = keeper(&app)?;
    let tokens = keeper.tokens().await?;
    let token = tokens.into_iter().find(|token| token.token_id == id);
    let token = token.filter(|token| is_theirs(&app, &principal, token));
    let token = token.ok_or_else(|| {
        Problem::not_found("unknown_token", "there is no such token; GET /api/v1/tokens lists them")
    })?;
    note.say("name", token.name);
    // One that was over already is as revoked.
    match keeper.revoke_token(id, principal.who()).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(AccountError::Unknown) => {
            Err(Problem::not_found("unknown_token", "there is no such token"))
        }
        Err(error) => Err(error.into()),
    }
}
