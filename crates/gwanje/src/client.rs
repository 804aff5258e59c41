//! A small HTTP client for the tower's Unix socket: the command line and the demonstration.
//!
//! It reads the API token from the data directory, bounds every answer in size and time, and
//! never repeats a request by itself: a repeated command would be the caller's decision.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::UnixStream, time::timeout};

use crate::{config::Config, data_dir, secret::Secret};

const ANSWER_MAX: usize = 32 << 20;
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where the tower listens and who we are.
#[derive(Clone, Debug)]
pub struct ApiClient {
    socket: PathBuf,
    token: Secret,
}

/// What the tower answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Body as JSON, `null` when it is none.
    pub json: Value,
}

impl Answer {
    /// The answer's JSON when it is a success.
    ///
    /// # Errors
    /// The problem's own words when it is not.
    pub fn ok(self) -> anyhow::Result<Value> {
        if self.status.is_success() {
            return Ok(self.json);
        }
        let text = |key: &str| self.json.get(key).and_then(Value::as_str).map(str::to_owned);
        let why = text("detail").or_else(|| text("title"));
        bail!("{} ({})", why.unwrap_or_else(|| "refused".to_owned()), self.status.as_u16())
    }
}

impl ApiClient {
    /// A client of the tower that uses this configuration's data directory.
    ///
    /// # Errors
    /// When the token cannot be read: no tower has run there, or it is somebody else's.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let path = config.api_token_file();
        let token = data_dir::read_secret(&path).with_context(|| {
            format!(
                "cannot read the API token {}; is `gwanje up` running, with this data_dir and user?",
                path.display()
            )
        })?;
        Ok(Self { socket: config.tower_socket(), token })
    }

    /// `GET`.
    ///
    /// # Errors
    /// When the tower cannot be reached or does not answer in time.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.call(Method::GET, path, "application/json", Bytes::new()).await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// See [`ApiClient::get`].
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        self.call(Method::DELETE, path, "application/json", Bytes::new()).await
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// See [`ApiClient::get`].
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.call(Method::POST, path, "application/json", body.to_string().into()).await
    }

    /// `PUT` of JSON.
    ///
    /// # Errors
    /// See [`ApiClient::get`].
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.call(Method::PUT, path, "application/json", body.to_string().into()).await
    }

    /// One request.
    ///
    /// # Errors
    /// When the tower cannot be reached or does not answer in time.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let what = format!("{method} {path}");
        let call = self.exchange(method, path, content_type, body);
        match timeout(TIMEOUT, call).await {
            Ok(answer) => answer.with_context(|| what),
            Err(_) => bail!("{what}: the tower did not answer within {} s", TIMEOUT.as_secs()),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let stream = UnixStream::connect(&self.socket).await.with_context(|| {
            format!("cannot reach the tower at {}; is `gwanje up` running?", self.socket.display())
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::new(body))?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        connection.abort();
        let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
        let json = serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null);
        Ok(Answer { status, json })
    }
}
