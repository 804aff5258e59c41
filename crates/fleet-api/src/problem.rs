//! Errors as RFC 9457 problems: what happened, why, what to do next, and a stable code.
//!
//! Every answer of 400 and above that this crate gives is a [`Problem`]; it never carries tokens,
//! keys or internal paths. Read next: [`crate::extract`] (who turns bad input into problems).

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_types::Reason;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Content type of every problem.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// A problem as RFC 9457 describes it. `code` is for programs, `detail` for people.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:gwanje:problem:<code>`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: Box<str>,
    /// The HTTP status in words.
    #[schema(value_type = String)]
    title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "status_number")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// What happened, why, and what to do next.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// Stable, `snake_case`.
    #[schema(value_type = String)]
    code: Cow<'static, str>,
    /// Members of single problems: `command`, `mission`, `where`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    more: Map<String, Value>,
}

fn status_number<S: serde::Serializer>(status: &StatusCode, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem with a stable code and a sentence for people.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        let code = code.into();
        Self {
            kind: format!("urn:gwanje:problem:{code}").into(),
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: detail.into().into(),
            code,
            more: Map::new(),
        }
    }

    /// A refusal by a machine, in its own code and words, with what it refused.
    pub(crate) fn refused(reason: Option<&Reason>, name: &str, subject: &impl Serialize) -> Self {
        let (code, detail) = match reason {
            Some(reason) => (reason.code.clone(), reason.message.clone().into_owned()),
            None => ("rejected".into(), "it was refused without a reason".to_owned()),
        };
        Self::new(StatusCode::CONFLICT, code, detail).with(name, subject)
    }

    /// The same problem with one more member.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &impl Serialize) -> Self {
        // Our own types serialise; a failure would only cost the extra member.
        if let Ok(value) = serde_json::to_value(value) {
            self.more.insert(name.to_owned(), value);
        }
        self
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub(crate) fn bad_input(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_input", detail)
    }

    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the tower made a mistake; its log has the details. Whether the call had an effect is \
             not known: look before you repeat it",
        )
    }
}

/// The code of the problem that a response is, for whoever stands between handler and caller.
#[derive(Clone, Debug)]
pub(crate) struct Code(pub(crate) Cow<'static, str>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        response.extensions_mut().insert(Code(self.code));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS
            || self.status == StatusCode::SERVICE_UNAVAILABLE
        {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
