//! Signing in with an account: the endpoints, fields and error codes of Supabase Auth (GoTrue), so
//! that its clients work here. Where Supabase itself is configured they are Supabase's, not ours.
//!
//! Errors are problems as everywhere, with the members `error_code` and `msg` that its clients
//! read. Never a password or token in a log or an answer but the one that hands it out.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fleet_types::{
    Secret, WallMs,
    people::{
        Account, AccountChange, Email, Ending, Refreshed, SessionOrigin, TokenHash, check_password,
    },
};
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::{App, Shared},
    audit::Note,
    auth::Principal,
    clock::now_ms,
    extract::{Body, InPath, InQuery},
    guard::Peer,
    people::{ACCESS_LIFE_S, AccountError, Accounts, Person, gate::Held},
    problem::Problem,
};

pub(crate) const TOKEN_PATH: &str = "/auth/v1/token";
const MAX_METADATA_BYTES: usize = 8 << 10;
const MAX_AGENT_CHARS: usize = 200;

/// Which way of getting a token.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Grant {
    /// `password` or `refresh_token`.
    grant_type: String,
}

/// What is exchanged for a token. Members of other clients' are passed over.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Exchange {
    /// With `grant_type=password`.
    email: Option<String>,
    /// With `grant_type=password`; at most 72 bytes.
    password: Option<String>,
    /// With `grant_type=refresh_token`.
    refresh_token: Option<String>,
}

/// A session, as clients of Supabase know it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    /// A JSON Web Token (ES256) for an hour.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// Seconds until it expires.
    expires_in: i64,
    /// When it expires, seconds since 1970.
    expires_at: i64,
    /// Good for one use.
    refresh_token: String,
    /// Whose it is.
    user: User,
}

/// An account, as clients of Supabase know it.
#[derive(Serialize, ToSchema)]
pub(crate) struct User {
    /// Its identity.
    id: Uuid,
    /// Always `authenticated`.
    aud: &'static str,
    /// Always `authenticated`.
    role: &'static str,
    /// Its name.
    email: String,
    /// RFC 3339.
    email_confirmed_at: String,
    /// RFC 3339.
    last_sign_in_at: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
    /// RFC 3339; nobody may sign in until then.
    banned_until: Option<String>,
    /// What the tower says of it.
    #[schema(value_type = Object)]
    app_metadata: Value,
    /// What its owner says of themselves; nothing is decided by it.
    #[schema(value_type = Object)]
    user_metadata: Value,
    /// Always empty.
    #[schema(value_type = Vec<Object>)]
    identities: [(); 0],
    /// Always false.
    is_anonymous: bool,
}

impl User {
    fn of(account: &Account) -> Self {
        let far = || "9999-12-31T00:00:00Z".to_owned();
        Self {
            id: account.account_id,
            aud: "authenticated",
            role: "authenticated",
            email: account.email.to_string(),
            email_confirmed_at: rfc3339(account.created_ms),
            last_sign_in_at: account.last_sign_in_ms.map(rfc3339),
            created_at: rfc3339(account.created_ms),
            updated_at: rfc3339(account.updated_ms),
            banned_until: account.disabled_ms.map(|_| far()),
            app_metadata: json!({"provider": "email", "providers": ["email"]}),
            user_metadata: account.user_metadata.clone(),
            identities: [],
            is_anonymous: false,
        }
    }
}

/// A problem that clients of Supabase understand too.
fn refusal(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    Problem::new(status, code, detail.clone()).with("error_code", &code).with("msg", &detail)
}

fn bad_credentials() -> Problem {
    let detail = "the e-mail address or the password is wrong";
    refusal(StatusCode::BAD_REQUEST, "invalid_credentials", detail)
}

impl From<Held> for Problem {
    fn from(held: Held) -> Self {
        refusal(StatusCode::TOO_MANY_REQUESTS, "over_request_rate_limit", held.to_string())
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match &error {
            AccountError::Unknown => {
                refusal(StatusCode::NOT_FOUND, "user_not_found", error.to_string())
            }
            AccountError::Taken => {
                refusal(StatusCode::UNPROCESSABLE_ENTITY, "email_exists", error.to_string())
            }
            AccountError::TokenTaken => {
                refusal(StatusCode::CONFLICT, "token_name_taken", error.to_string())
            }
            AccountError::Unavailable(why) => {
                tracing::error!(why, "accounts cannot be read");
                let detail = "accounts cannot be read now: the database does not answer. Try again";
                refusal(StatusCode::SERVICE_UNAVAILABLE, "accounts_unavailable", detail)
            }
        }
    }
}

/// The accounts, where they are ours.
fn ours(app: &Shared) -> Result<&Arc<dyn Accounts>, Problem> {
    let is_ours = app.people.keys().signer().is_some();
    app.people.accounts().filter(|_| is_ours).ok_or_else(|| {
        let detail = match app.people.keys().way().url {
            Some(url) => format!("accounts are kept at {url}: sign in there"),
            None => "this tower has no database, and therefore no accounts: use its sign-in link"
                .to_owned(),
        };
        refusal(StatusCode::NOT_FOUND, "no_accounts_here", detail)
    })
}

/// A fresh refresh token with its digest.
fn fresh_token() -> Result<(String, TokenHash), Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Problem::internal())?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash_of(&token);
    Ok((token, hash))
}

fn hash_of(token: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

fn answer(
    app: &Shared,
    account: &Account,
    session_id: Uuid,
    refresh_token: String,
) -> Result<Json<TokenAnswer>, Problem> {
    let access_token =
        app.people.access_token(account, session_id).ok_or_else(Problem::internal)?;
    Ok(Json(TokenAnswer {
        access_token,
        token_type: "bearer",
        expires_in: ACCESS_LIFE_S,
        expires_at: now_ms().0 / 1000 + ACCESS_LIFE_S,
        refresh_token,
        user: User::of(account),
    }))
}

/// Exchanges a password or a refresh token for a session's tokens.
#[utoipa::path(
    operation_id = "get_token",
    post, path = "/auth/v1/token", tag = "accounts", params(Grant), request_body = Exchange, security(()),
    responses(
        (status = 200, body = TokenAnswer),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "`invalid_credentials`, `refresh_token_not_found`, `refresh_token_already_used`, `session_expired`, `user_banned`"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "`no_accounts_here`"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "`over_request_rate_limit`"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "`accounts_unavailable`"),
    )
)]
pub(crate) async fn token(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    InQuery(Grant { grant_type }): InQuery<Grant>,
    headers: HeaderMap,
    Body(body): Body<Exchange>,
) -> Result<Json<TokenAnswer>, Problem> {
    let accounts = ours(&app)?;
    match grant_type.as_str() {
        "password" => {
            let (Some(email), Some(password)) = (body.email, body.password) else {
                return Err(Problem::bad_input("email and password are needed"));
            };
            let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
            let agent: String = agent.unwrap_or_default().chars().take(MAX_AGENT_CHARS).collect();
            let from = SessionOrigin { address: peer.to_string(), user_agent: agent };
            let signed_in = by_password(&app, accounts, peer, &email, password, from).await;
            if let Err(problem) = &signed_in {
                app.metrics.refused_credentials.inc();
                let email = Email::new(&email).ok();
                app.not_signed_in(email.as_ref(), peer, "password", problem.code());
            }
            signed_in
        }
        "refresh_token" => {
            let Some(token) = body.refresh_token else {
                return Err(Problem::bad_input("refresh_token is needed"));
            };
            let renewed = by_refresh_token(&app, accounts, peer, &token).await;
            if let Err(problem) = &renewed {
                app.metrics.refused_credentials.inc();
                app.not_signed_in(None, peer, "refresh_token", problem.code());
            }
            renewed
        }
        _ => {
            let detail = "grant_type is password or refresh_token";
            Err(refusal(StatusCode::BAD_REQUEST, "validation_failed", detail))
        }
    }
}

async fn by_password(
    app: &App,
    accounts: &Arc<dyn Accounts>,
    peer: std::net::IpAddr,
    email: &str,
    password: String,
    from: SessionOrigin,
) -> Result<Json<TokenAnswer>, Problem> {
    let password = Secret::new(password);
    // What cannot be a password is none, before anything is hashed.
    let Ok(email) = Email::new(email) else { return Err(bad_credentials()) };
    let held = app.people.gate().enter(peer, &email).await;
    let trying = held.inspect_err(|held| tracing::warn!(%peer, %email, %held, "sign-in held"))?;
    if password.expose().len() > fleet_types::people::PASSWORD_MAX_BYTES
        || password.expose().contains('\0')
    {
        return Err(bad_credentials());
    }
    let found = match accounts.by_password(email.clone(), password).await {
        Ok(found) => found,
        Err(error) => {
            trying.forgive();
            return Err(error.into());
        }
    };
    let Some(account) = found else {
        tracing::warn!(%peer, %email, "sign-in refused");
        return Err(bad_credentials());
    };
    trying.forgive();
    let (refresh_token, hash) = fresh_token()?;
    let opened = accounts.open(account.account_id, hash, from).await?;
    let session_id = opened.ok_or_else(|| {
        let detail = "this account is disabled; an administrator can enable it";
        refusal(StatusCode::BAD_REQUEST, "user_banned", detail)
    })?;
    tracing::info!(%peer, %email, session = %session_id, "signed in");
    app.signed_in(format!("user:{email}"), Some(account.account_id), peer, "password").await;
    answer(app, &account, session_id, refresh_token)
}

async fn by_refresh_token(
    app: &App,
    accounts: &Arc<dyn Accounts>,
    peer: std::net::IpAddr,
    token: &str,
) -> Result<Json<TokenAnswer>, Problem> {
    let (next, next_hash) = fresh_token()?;
    let renewal = app.people.gate().renew(peer).await?;
    let refused = |code, detail| Err(refusal(StatusCode::BAD_REQUEST, code, detail));
    match accounts.refresh(hash_of(token), next_hash).await? {
        Refreshed::Next { account, session_id } => answer(app, &account, session_id, next),
        Refreshed::Unknown => {
            renewal.failed();
            refused("refresh_token_not_found", "the refresh token is not known")
        }
        Refreshed::Over => refused("session_expired", "the session is over; sign in again"),
        Refreshed::Reused { session_id } => {
            tracing::warn!(session = %session_id, "a refresh token was used twice: its session was ended");
            refused(
                "refresh_token_already_used",
                "the refresh token was used before: somebody may have a copy of it, so the session \
                 was ended. Sign in again",
            )
        }
    }
}

/// The public keys that this tower's tokens are verified with.
#[utoipa::path(
    operation_id = "get_jwks",
    get, path = "/auth/v1/.well-known/jwks.json", tag = "accounts", security(()),
    responses(
        (status = 200, description = "A JSON Web Key Set", body = Object),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn jwks(State(app): State<App>) -> Result<Json<Value>, Problem> {
    ours(&app)?;
    let set = app.people.keys().signer().map(crate::people::Signer::jwks);
    set.map(Json).ok_or_else(Problem::internal)
}

fn person(principal: &Principal) -> Result<&Person, Problem> {
    match principal {
        Principal::Person(person) => Ok(person),
        Principal::ApiToken | Principal::Session(_) | Principal::Machine(_) => {
            let detail = "this credential belongs to no account";
            Err(refusal(StatusCode::FORBIDDEN, "no_account", detail))
        }
    }
}

/// Shows the caller's own account.
#[utoipa::path(
    operation_id = "get_user",
    get, path = "/auth/v1/user", tag = "accounts",
    responses(
        (status = 200, body = User),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn user(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<User>, Problem> {
    let accounts = ours(&app)?;
    let account = accounts.get(person(&principal)?.id).await?.ok_or(AccountError::Unknown)?;
    Ok(Json(User::of(&account)))
}

/// What somebody changes of their own account.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UserChange {
    /// The new password.
    password: Option<String>,
    /// The one until now; needed for a new one.
    current_password: Option<String>,
    /// What they say of themselves, merged member by member.
    #[schema(value_type = Option<Object>)]
    data: Option<serde_json::Map<String, Value>>,
}

/// Changes the caller's own password or what they say of themselves. A new password ends every other
/// session.
#[utoipa::path(
    operation_id = "update_user",
    put, path = "/auth/v1/user", tag = "accounts", request_body = UserChange,
    responses(
        (status = 200, body = User),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "`invalid_credentials`: the current password is wrong"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "`weak_password`"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn update_user(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(Peer(peer)): Extension<Peer>,
    Extension(note): Extension<Note>,
    Body(body): Body<UserChange>,
) -> Result<Json<User>, Problem> {
    note.say("password", body.password.is_some());
    let accounts = ours(&app)?;
    let person = person(&principal)?;
    let password = body.password.map(new_password).transpose()?;
    let user_metadata = body.data.map(metadata).transpose()?;
    if password.is_some() {
        // Whoever finds a console open must not be able to lock its owner out.
        let Some(current) = body.current_password.map(Secret::new) else {
            return Err(Problem::bad_input("current_password is needed for a new password"));
        };
        let account = accounts.get(person.id).await?.ok_or(AccountError::Unknown)?;
        let trying = app.people.gate().enter(peer, &account.email).await?;
        let long = current.expose().len() > fleet_types::people::PASSWORD_MAX_BYTES;
        if long || current.expose().contains('\0') {
            return Err(bad_credentials());
        }
        match accounts.by_password(account.email, current).await {
            Ok(Some(_)) => trying.forgive(),
            Ok(None) => return Err(bad_credentials()),
            Err(error) => {
                trying.forgive();
                return Err(error.into());
            }
        }
    }
    let _turn = if password.is_some() { app.people.gate().turn().await? } else { None };
    let change = AccountChange { password, user_metadata, ..AccountChange::default() };
    let account = accounts.change(person.id, change, Some(person.session_id)).await?;
    Ok(Json(User::of(&account)))
}

fn new_password(text: String) -> Result<Secret, Problem> {
    let password = Secret::new(text);
    match check_password(&password) {
        Ok(()) => Ok(password),
        Err(error) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Err(refusal(status, "weak_password", error.to_string()))
        }
    }
}

fn metadata(said: serde_json::Map<String, Value>) -> Result<Value, Problem> {
    let said = Value::Object(said);
    if said.to_string().len() > MAX_METADATA_BYTES {
        return Err(Problem::bad_input("user_metadata has at most 8 KiB"));
    }
    Ok(said)
}

/// Which sessions are signed out.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Scope {
    /// `global` (all of the account; also without it), `local` (this one) or `others`.
    scope: Option<String>,
}

/// Signs sessions of the caller's account out: their tokens are refused at once, their live views
/// closed within a second.
#[utoipa::path(
    operation_id = "logout",
    post, path = "/auth/v1/logout", tag = "accounts", params(Scope),
    responses(
        (status = 204, description = "Signed out"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logout(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InQuery(Scope { scope }): InQuery<Scope>,
) -> Result<StatusCode, Problem> {
    let accounts = ours(&app)?;
    let person = person(&principal)?;
    let ending = match scope.as_deref() {
        None | Some("global") => Ending::All,
        Some("local") => Ending::One(person.session_id),
        Some("others") => Ending::Others(person.session_id),
        Some(_) => {
            let detail = "scope is global, local or others";
            return Err(refusal(StatusCode::BAD_REQUEST, "validation_failed", detail));
        }
    };
    note.say("scope", scope.unwrap_or_else(|| "global".to_owned()));
    accounts.end(person.id, ending, "signed out").await?;
    tracing::info!(who = principal.who(), ?ending, "signed out");
    Ok(StatusCode::NO_CONTENT)
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewUser {
    /// Its name.
    email: String,
    /// Its password; without one nobody can sign in to it yet.
    password: Option<String>,
    /// What is said of its owner.
    #[schema(value_type = Option<Object>)]
    user_metadata: Option<serde_json::Map<String, Value>>,
}

/// Accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    /// By name.
    users: Vec<User>,
    /// Always `authenticated`.
    aud: &'static str,
}

/// Makes an account. It has no rights until it is given roles (`PUT /api/v1/people/{id}/roles`).
#[utoipa::path(
    operation_id = "create_user",
    post, path = "/auth/v1/admin/users", tag = "accounts", request_body = NewUser,
    responses(
        (status = 200, body = User),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "`email_exists`, `weak_password`, `email_address_invalid`"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create_user(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    Body(body): Body<NewUser>,
) -> Result<Json<User>, Problem> {
    let accounts = ours(&app)?;
    let email = email_of(&body.email)?;
    note.say("email", email.as_str());
    let password = body.password.map(new_password).transpose()?;
    let said = metadata(body.user_metadata.unwrap_or_default())?;
    let _turn = app.people.gate().turn().await?;
    let account = accounts.create(email, password, said).await?;
    note.say("id", account.account_id.to_string());
    tracing::info!(by = principal.who(), account = %account.email, "an account was made");
    Ok(Json(User::of(&account)))
}

fn email_of(text: &str) -> Result<Email, Problem> {
    Email::new(text).map_err(|error| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        refusal(status, "email_address_invalid", error.to_string())
    })
}

/// Lists accounts.
#[utoipa::path(
    operation_id = "list_users",
    get, path = "/auth/v1/admin/users", tag = "accounts",
    responses(
        (status = 200, body = Users),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_users(State(app): State<App>) -> Result<Json<Users>, Problem> {
    let users = ours(&app)?.list().await?;
    Ok(Json(Users { users: users.iter().map(User::of).collect(), aud: "authenticated" }))
}

/// Shows an account.
#[utoipa::path(
    operation_id = "get_user_by_id",
    get, path = "/auth/v1/admin/users/{id}", tag = "accounts",
    params(("id" = Uuid, Path, description = "Account id")),
    responses(
        (status = 200, body = User),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show_user(
    State(app): State<App>,
    InPath(id): InPath<Uuid>,
) -> Result<Json<User>, Problem> {
    let account = ours(&app)?.get(id).await?.ok_or(AccountError::Unknown)?;
    Ok(Json(User::of(&account)))
}

/// What an administrator changes of an account; what is absent stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AdminChange {
    /// A new name.
    email: Option<String>,
    /// A new password; every session of the account ends.
    password: Option<String>,
    /// `none` enables the account, anything else disables it; every session ends.
    ban_duration: Option<String>,
    /// Merged member by member.
    #[schema(value_type = Option<Object>)]
    user_metadata: Option<serde_json::Map<String, Value>>,
}

/// Changes an account: renames it, sets a new password, disables or enables it.
#[utoipa::path(
    operation_id = "update_user_by_id",
    put, path = "/auth/v1/admin/users/{id}", tag = "accounts", request_body = AdminChange,
    params(("id" = Uuid, Path, description = "Account id")),
    responses(
        (status = 200, body = User),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_user(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(note): Extension<Note>,
    InPath(id): InPath<Uuid>,
    Body(body): Body<AdminChange>,
) -> Result<Json<User>, Problem> {
    let accounts = ours(&app)?;
    let change = AccountChange {
        email: body.email.as_deref().map(email_of).transpose()?,
        password: body.password.map(new_password).transpose()?,
        user_metadata: body.user_metadata.map(metadata).transpose()?,
        is_disabled: body.ban_duration.map(|duration| duration != "none"),
    };
    let _turn = if change.password.is_some() { app.people.gate().turn().await? } else { None };
    let (password, disabled) = (change.password.is_some(), change.is_disabled);
    note.say("password", password);
    if let Some(disabled) = disabled {
        note.say("disabled", disabled);
    }
    if let Some(email) = &change.email {
        note.say("email", email.as_str());
    }
    let account = accounts.change(id, change, None).await?;
    tracing::info!(
        by = principal.who(), account = %account.email, password, ?disabled,
        "an account was changed"
    );
    Ok(Json(User::of(&account)))
}

/// `2026-11-30T18:44:00.123Z`.
fn rfc3339(WallMs(ms): WallMs) -> String {
    let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    let (seconds, millis) = (in_day / 1000, in_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a day since 1970, in the proleptic Gregorian calendar (Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_clients_read_them() {
        let check = |ms, text: &str| assert_eq!(rfc3339(WallMs(ms)), text);
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(1_796_063_040_123, "2026-11-30T18:24:00.123Z");
        check(-1, "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn refresh_tokens_differ_and_are_known_by_their_digest() {
        let ((a, hash), (b, _)) = (fresh_token().unwrap(), fresh_token().unwrap());
        assert_ne!(a, b);
        assert_eq!(hash_of(&a), hash);
        assert_eq!(a.len(), 43);
    }
}
