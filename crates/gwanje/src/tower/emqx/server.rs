//! The HTTP side: a listener of its own on this machine, one shared secret, small questions.
//!
//! Whoever does not know the secret learns nothing, and soon has to wait. Questions are bounded in
//! size, number and time, so that a broker that asks too much cannot take the loop's time.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::de::DeserializeOwned;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{Answer, Rules, accounts::Tag};

/// Connections at once; EMQX keeps a pool of eight by default.
const CONNECTIONS_MAX: usize = 64;
/// Largest question, bytes.
const QUESTION_MAX: usize = 8 << 10;
/// For a question to come whole.
const WITHIN: Duration = Duration::from_secs(5);
/// Questions a second, and how many may be saved up: a fleet of 5,000 that comes back asks about a
/// dozen each.
const QUESTIONS_PER_S: f64 = 5_000.0;
const QUESTIONS_BURST: f64 = 60_000.0;
/// Wrong secrets a second.
const WRONG_PER_S: f64 = 1.0;
const WRONG_BURST: f64 = 10.0;
const BREATH: Duration = Duration::from_millis(100);

/// What became of questions.
#[derive(Debug, Default)]
pub struct Asked {
    /// Answered.
    pub answered: AtomicU64,
    /// Refused: no secret, too many, too large, not understood.
    pub refused: AtomicU64,
}

/// What the listener works with.
pub struct Desk {
    rules: Rules,
    secret: Tag,
    questions: Mutex<Bucket>,
    wrong: Mutex<Bucket>,
    /// Counters.
    pub asked: Asked,
}

struct Bucket {
    per_s: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn new(per_s: f64, burst: f64) -> Mutex<Self> {
        Mutex::new(Self { per_s, burst, tokens: burst, filled: Instant::now() })
    }

    fn take(&mut self) -> bool {
        let now = Instant::now();
        let seconds = (now - self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + seconds * self.per_s).min(self.burst);
        let has_any = self.tokens >= 1.0;
        if has_any {
            self.tokens -= 1.0;
        }
        has_any
    }
}

impl Desk {
    /// A desk that answers by these rules whoever knows the secret.
    #[must_use]
    pub fn new(rules: Rules, secret: Tag) -> Self {
        let questions = Bucket::new(QUESTIONS_PER_S, QUESTIONS_BURST);
        let wrong = Bucket::new(WRONG_PER_S, WRONG_BURST);
        Self { rules, secret, questions, wrong, asked: Asked::default() }
    }

    /// Serves as long as it is polled.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _peer)) => {
                    let desk = Arc::clone(&self);
                    connections.spawn(async move {
                        let _slot = slot;
                        desk.talk(stream).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the broker's questions could not be accepted");
                    sleep(BREATH).await;
                }
            }
        }
    }

    async fn talk(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request| {
            let desk = Arc::clone(&self);
            async move { Ok::<_, Infallible>(desk.answer(request).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(60));
        http.max_buf_size(QUESTION_MAX * 2);
        if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
            tracing::debug!(%error, "a connection for the broker's questions ended");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.judge(request).await {
            Ok(answer) => {
                self.asked.answered.fetch_add(1, Ordering::Relaxed);
                let body = serde_json::to_vec(&answer).unwrap_or_default();
                let mut response = Response::new(Full::new(Bytes::from(body)));
                let json = hyper::header::HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
            Err(status) => {
                self.asked.refused.fetch_add(1, Ordering::Relaxed);
                let mut response = Response::new(Full::new(Bytes::new()));
                *response.status_mut() = status;
                response
            }
        }
    }

    async fn judge(&self, request: Request<Incoming>) -> Result<Answer, StatusCode> {
        let presented = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
        let presented = presented.and_then(|value| value.strip_prefix(b"Bearer "));
        if !presented.is_some_and(|presented| self.secret.is(presented)) {
            // Who guesses is slowed down, and keeps nobody else from being answered.
            if !bucket(&self.wrong).take() {
                return Err(StatusCode::TOO_MANY_REQUESTS);
            }
            tracing::warn!("a question about MQTT rights came without the shared secret");
            return Err(StatusCode::UNAUTHORIZED);
        }
        if !bucket(&self.questions).take() {
            return Err(StatusCode::TOO_MANY_REQUESTS);
        }
        if request.method() != Method::POST {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/mqtt/emqx/auth" => Ok(self.rules.auth(&read(request).await?)),
            "/mqtt/emqx/acl" => Ok(self.rules.acl(&read(request).await?)),
            _ => Err(StatusCode::NOT_FOUND),
        }
    }
}

fn bucket(bucket: &Mutex<Bucket>) -> std::sync::MutexGuard<'_, Bucket> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, StatusCode> {
    let body = Limited::new(request.into_body(), QUESTION_MAX).collect();
    let body = timeout(WITHIN, body).await.map_err(|_late| StatusCode::REQUEST_TIMEOUT)?;
    let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes();
    serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)
}
