//! The WebSocket: first the whole picture, or what was missed, then every change.
//!
//! One task a client. Events wait in the client's [`Outbox`]; a client that lets it overflow is cut
//! (4008). Positions and telemetry are fetched when the client is ready for them, so a slow client
//! sees fewer, newer values. The protocol is described in `docs/stream.md`. Read next:
//! [`greeting`], [`telling`], [`crate::hub`].

mod asks;
mod greeting;
mod telling;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderValue, StatusCode},
    response::Response,
};
use fleet_types::{DeviceSn, topic::DeviceOsd};
use futures_util::SinkExt;
use serde::Deserialize;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use utoipa::IntoParams;

use crate::{
    app::App,
    auth::Principal,
    clock::now_ms,
    hub::{Outbox, Sight, Told},
    json::Object,
    people::scope::Scope,
    problem::Problem,
    rights::Given,
};
use asks::Ask;
use greeting::Resume;

const MAX_MESSAGE_BYTES: usize = 16 << 10;
/// Eager buffers of a connection; the defaults of 128 KiB each are much for 500 clients.
const READ_BUFFER_BYTES: usize = 4 << 10;
const WRITE_BUFFER_BYTES: usize = 16 << 10;
/// Messages a client may send in half a second.
const MAX_MESSAGES: u32 = 20;
const FRAMES_A_WRITE: usize = 64;
const PING_HALVES: u64 = 40;
const SILENCE: Duration = Duration::from_mins(1);
const FAREWELL: Duration = Duration::from_secs(2);

const CLOSE_AWAY: u16 = 1001;
const CLOSE_POLICY: u16 = 1008;
const CLOSE_SIGNED_OUT: u16 = 4001;
const CLOSE_OTHER_RIGHTS: u16 = 4003;
const CLOSE_TOO_SLOW: u16 = 4008;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// JSON alone.
    One,
    /// Positions in binary, resumable.
    Two,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::One => "gwanje.v1",
            Self::Two => "gwanje.v2",
        }
    }

    /// The newest of those the client offers; a client that offers none speaks the oldest.
    fn offered(upgrade: &WebSocketUpgrade) -> (Self, bool) {
        let offers = |protocol: Self| {
            upgrade.requested_protocols().any(|name| name.as_bytes() == protocol.name().as_bytes())
        };
        if offers(Self::Two) { (Self::Two, true) } else { (Self::One, offers(Self::One)) }
    }
}

/// How a stream begins.
#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct StreamQuery {
    /// `<epoch>.<seq>` of the last frame of an earlier connection; see docs/stream.md.
    #[serde(default)]
    resume: Option<String>,
}

/// Opens the stream of changes. Subprotocols `gwanje.v2` (or `gwanje.v1`) and `bearer.<token>`.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "stream",
    params(StreamQuery),
    responses(
        (status = 101, description = "WebSocket; JSON text frames and binary positions"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    query: Query<StreamQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let mut upgrade = upgrade.map_err(|refused| {
        Problem::new(refused.status(), "not_a_websocket", refused.body_text())
    })?;
    let Ok(slot) = Arc::clone(&app.stream_slots).try_acquire_owned() else {
        let detail = "the tower serves as many live views as it may; close one and try again";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", detail));
    };
    let (protocol, named) = Protocol::offered(&upgrade);
    if named {
        upgrade.set_selected_protocol(HeaderValue::from_static(protocol.name()));
    }
    let resume = query.0.resume.as_deref().and_then(Resume::read);
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES);
    Ok(upgrade
        .on_upgrade(move |socket| Client::new(app, principal, protocol, socket, slot).run(resume)))
}

/// Why a conversation ended.
enum End {
    /// The peer went, or cannot be reached.
    Gone,
    Close(u16, &'static str),
}

struct Client {
    app: App,
    principal: Principal,
    /// What it sees and was given; when that changes it is closed, and its client asks anew.
    scope: Scope,
    given: Given,
    protocol: Protocol,
    socket: WebSocket,
    membership: Membership,
    /// Old protocol: telemetry changes up to here were sent.
    cursor: u64,
    sight: Sight,
    /// Devices whose summary is wanted, and the number of the change last sent.
    summaries: BTreeMap<DeviceSn, u64>,
    /// What was last sent of each subscribed device.
    subscribed: BTreeMap<DeviceSn, Option<Arc<DeviceOsd>>>,
    heard: Instant,
    messages: u32,
    halves: u64,
    _slot: OwnedSemaphorePermit,
}

/// Being told; ends with the client, however it ends.
struct Membership {
    app: App,
    id: u64,
    protocol: Protocol,
    outbox: Arc<Outbox>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut view = self.app.hub.view();
        view.remove_client(self.id);
        if self.protocol == Protocol::One {
            view.remove_osd_listener();
        }
    }
}

impl Client {
    fn new(
        app: App,
        principal: Principal,
        protocol: Protocol,
        socket: WebSocket,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let (id, outbox) = {
            let mut view = app.hub.view();
            if protocol == Protocol::One {
                view.add_osd_listener();
            }
            view.add_client()
        };
        let membership = Membership { app: Arc::clone(&app), id, protocol, outbox };
        let (scope, given) = (app.scope(&principal), app.given(&principal));
        Self {
            app,
            principal,
            scope,
            given,
            protocol,
            socket,
            membership,
            cursor: 0,
            sight: Sight::default(),
            summaries: BTreeMap::new(),
            subscribed: BTreeMap::new(),
            heard: Instant::now(),
            messages: 0,
            halves: 0,
            _slot: slot,
        }
    }

    async fn run(mut self, resume: Option<Resume>) {
        let Err(end) = self.talk(resume).await;
        let End::Close(code, reason) = end else { return };
        if code == CLOSE_TOO_SLOW {
            self.app.metrics.stream_too_slow.inc();
            tracing::info!(who = self.principal.who(), "a WebSocket client did not keep up");
        }
        let close = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let farewell = async {
            if self.socket.send(Message::Close(Some(close))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // A peer that does not take the farewell is simply hung up on.
        let _ = timeout(FAREWELL, farewell).await;
    }

    async fn talk(&mut self, resume: Option<Resume>) -> Result<std::convert::Infallible, End> {
        self.greet(resume).await?;
        let outbox = Arc::clone(&self.membership.outbox);
        let mut seconds = self.app.hub.osd_ticks();
        let mut closing = self.app.closing.subscribe();
        let mut half_second = interval(Duration::from_millis(500));
        half_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                // An error means the API is gone: the same end.
                () = async { let _ = closing.wait_for(|closing| *closing).await; } => {
                    return Err(End::Close(CLOSE_AWAY, "the tower is shutting down"));
                }
                () = outbox.overflowed() => return Err(too_slow()),
                _ = half_second.tick() => self.on_half_second().await?,
                message = self.socket.recv() => self.hear(message)?,
                // Events first: they announce the slots that positions are told by.
                frames = outbox.take(FRAMES_A_WRITE) => self.write_told(&frames).await?,
                Ok(()) = seconds.changed() => self.on_tick().await?,
                () = std::future::ready(()), if self.sight.is_due() => {
                    self.send_positions().await?;
                }
            }
        }
    }

    /// Sends what of these events is for this client.
    async fn write_told(&mut self, told: &[Told]) -> Result<(), End> {
        let frames: Vec<_> = told.iter().filter_map(|told| self.scope.told(told)).collect();
        if frames.is_empty() { Ok(()) } else { self.write(frames).await }
    }

    async fn write(&mut self, frames: Vec<Utf8Bytes>) -> Result<(), End> {
        self.write_all(frames.into_iter().map(Message::Text)).await
    }

    /// Sends, unless the client turns out too slow while it does not take what is sent.
    async fn write_all(
        &mut self,
        frames: impl IntoIterator<Item = Message, IntoIter: Send>,
    ) -> Result<(), End> {
        let frames = frames.into_iter();
        let outbox = Arc::clone(&self.membership.outbox);
        let limit = self.app.config.limits.write_timeout;
        let socket = &mut self.socket;
        let write = async {
            for frame in frames {
                socket.feed(frame).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            () = outbox.overflowed() => Err(too_slow()),
            done = timeout(limit, write) => match done {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(End::Gone),
            }
        }
    }

    fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        self.heard = Instant::now();
        self.messages += 1;
        if self.messages > MAX_MESSAGES {
            return Err(End::Close(CLOSE_POLICY, "too many messages"));
        }
        match message {
            Some(Ok(Message::Text(text))) => self.take(&text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Binary(_))) => Err(End::Close(CLOSE_POLICY, "text frames only")),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
        }
    }

    fn take(&mut self, text: &str) -> Result<(), End> {
        let positions = self.protocol == Protocol::Two;
        match asks::read(text, positions).map_err(|why| End::Close(CLOSE_POLICY, why))? {
            Ask::Subscribe(sns) => {
                let seen = sns.into_iter().filter(|sn| self.scope.sees(sn));
                self.subscribed = seen.map(|sn| (sn, None)).collect();
            }
            Ask::View(mut wanted, summaries) => {
                wanted.scope = self.scope.clone();
                self.sight.look(&self.app.hub.view().table, wanted);
                self.summaries = summaries
                    .into_iter()
                    .filter(|sn| self.scope.sees(sn))
                    .map(|sn| {
                        let known = self.summaries.get(&sn).copied().unwrap_or(0);
                        (sn, known)
                    })
                    .collect();
            }
        }
        Ok(())
    }

    async fn on_half_second(&mut self) -> Result<(), End> {
        self.messages = 0;
        self.halves += 1;
        let mut frames = self.telemetry();
        if self.halves.is_multiple_of(2) {
            if !self.app.still_valid(&self.principal) {
                return Err(End::Close(CLOSE_SIGNED_OUT, "signed out"));
            }
            let same = self.given == self.app.given(&self.principal)
                && self.scope == self.app.scope(&self.principal);
            if !same {
                return Err(End::Close(CLOSE_OTHER_RIGHTS, "rights have changed"));
            }
            if self.heard.elapsed() > SILENCE {
                return Err(End::Gone);
            }
            let tick = Object::new().field("type", "tick").field("server_time_ms", &now_ms());
            // Only what has been written counts as told.
            let all_told = self.membership.outbox.len() == 0;
            let tick = match all_told {
                true => tick.field("seq", &self.app.hub.view().events().seq()),
                false => tick,
            };
            frames.push(tick.finish().into());
        }
        if self.halves.is_multiple_of(PING_HALVES) {
            // Flushed with the frames below; a browser answers by itself.
            let ping = self.socket.feed(Message::Ping(bytes::Bytes::new()));
            if !matches!(timeout(FAREWELL, ping).await, Ok(Ok(()))) {
                return Err(End::Gone);
            }
        }
        self.write(frames).await
    }
}

fn too_slow() -> End {
    End::Close(CLOSE_TOO_SLOW, "too slow")
}
