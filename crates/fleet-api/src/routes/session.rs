//! Signing in with a one-time code, and out.

use axum::{Extension, Json, extract::State, http::StatusCode};
use fleet_types::WallMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    auth::{Principal, SignInError},
    extract::Body,
    guard::Peer,
    problem::Problem,
};

pub(crate) const PATH: &str = "/api/v1/session";
const MAX_CODE_CHARS: usize = 128;

/// A one-time sign-in code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// From the sign-in link, after `#signin=`.
    code: String,
}

/// A session; the token is shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedIn {
    /// The bearer token.
    token: String,
    /// When it stops working.
    expires_ms: WallMs,
    /// Who its owner is in the records.
    who: String,
}

/// Exchanges a one-time sign-in code for a session token. The code is the credential.
#[utoipa::path(
    operation_id = "sign_in",
    post, path = "/api/v1/session", tag = "session", request_body = SignIn, security(()),
    responses(
        (status = 200, body = SignedIn),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sign_in(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    Body(body): Body<SignIn>,
) -> Result<Json<SignedIn>, Problem> {
    if body.code.len() > MAX_CODE_CHARS {
        return Err(Problem::bad_input("a sign-in code has at most 128 characters"));
    }
    match app.tokens.sign_in(&body.code, peer) {
        Ok(session) => {
            tracing::info!(who = session.who, "signed in");
            app.signed_in(session.who.clone(), None, peer, "code").await;
            let (token, expires_ms, who) = (session.token, session.expires_ms, session.who);
            Ok(Json(SignedIn { token, expires_ms, who }))
        }
        Err(error) => {
            app.metrics.refused_credentials.inc();
            tracing::warn!(%peer, %error, "sign-in refused");
            let code = match error {
                SignInError::Code => "unauthorized",
                SignInError::TooMany => "too_many_attempts",
            };
            app.not_signed_in(None, peer, "code", code);
            Err(match error {
                SignInError::Code => Problem::unauthorized(&error.to_string()),
                SignInError::TooMany => Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_attempts",
                    error.to_string(),
                ),
            })
        }
    }
}

/// Signs out: the session's token stops working at once.
#[utoipa::path(
    operation_id = "sign_out",
    delete, path = "/api/v1/session", tag = "session",
    responses(
        (status = 204, description = "Signed out"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sign_out(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Result<StatusCode, Problem> {
    match principal {
        Principal::ApiToken => Err(Problem::new(
            StatusCode::CONFLICT,
            "not_a_session",
            "the API token does not sign out; replace its file and restart the tower to revoke it",
        )),
        Principal::Machine(_) => Err(Problem::new(
            StatusCode::CONFLICT,
            "not_a_session",
            "a program's token does not sign out; it is revoked at DELETE /api/v1/tokens/{id}",
        )),
        Principal::Person(_) => Err(Problem::new(
            StatusCode::CONFLICT,
            "not_a_session",
            "an account's session is signed out at POST /auth/v1/logout?scope=local",
        )),
        Principal::Session(_) => {
            app.tokens.revoke(&principal);
            tracing::info!(who = principal.who(), "signed out");
            Ok(StatusCode::NO_CONTENT)
        }
    }
}
