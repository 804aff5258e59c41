//! The WebSocket: first the whole picture, then every change.
//!
//! One task a client. Changes that must not be lost wait in the client's [`Outbox`]; a client that
//! lets it overflow is cut (4008). Telemetry is fetched when the client is ready for it, so a slow
//! client sees fewer, newer values. Read next: [`crate::hub`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::StatusCode,
    response::Response,
};
use fleet_types::{DeviceSn, Reading, Telemetry, topic::DeviceOsd};
use futures_util::SinkExt;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use crate::{
    app::App,
    auth::Principal,
    clock::now_ms,
    hub::{OSD_ITEMS, Outbox, frame, osd_text},
    json::Object,
    problem::Problem,
};

const PROTOCOL: &str = "gwanje.v1";
const MAX_MESSAGE_BYTES: usize = 16 << 10;
const MAX_SUBSCRIPTIONS: usize = 16;
/// Messages a client may send in half a second.
const MAX_MESSAGES: u32 = 20;
const FRAMES_A_WRITE: usize = 64;
const PING_HALVES: u64 = 40;
const SILENCE: Duration = Duration::from_mins(1);
const FAREWELL: Duration = Duration::from_secs(2);
const SNAPSHOT_MISSIONS: usize = 50;
const SNAPSHOT_COMMANDS: usize = 100;

const CLOSE_AWAY: u16 = 1001;
const CLOSE_POLICY: u16 = 1008;
const CLOSE_SIGNED_OUT: u16 = 4001;
const CLOSE_TOO_SLOW: u16 = 4008;

/// Opens the stream of changes. Subprotocols `gwanje.v1` and `bearer.<token>`.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "stream",
    responses(
        (status = 101, description = "WebSocket; frames are JSON text"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|refused| {
        Problem::new(refused.status(), "not_a_websocket", refused.body_text())
    })?;
    let Ok(slot) = Arc::clone(&app.stream_slots).try_acquire_owned() else {
        let detail = "the tower serves as many live views as it may; close one and try again";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", detail));
    };
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(move |socket| Client::new(app, principal, socket, slot).run()))
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Ask {
    Subscribe { sns: Vec<DeviceSn> },
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
    socket: WebSocket,
    membership: Membership,
    /// Telemetry changes up to here were sent.
    cursor: u64,
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
    outbox: Arc<Outbox>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.app.hub.view().remove_client(self.id);
    }
}

impl Client {
    fn new(app: App, principal: Principal, socket: WebSocket, slot: OwnedSemaphorePermit) -> Self {
        let (id, outbox) = app.hub.view().add_client();
        let membership = Membership { app: Arc::clone(&app), id, outbox };
        Self {
            app,
            principal,
            socket,
            membership,
            cursor: 0,
            subscribed: BTreeMap::new(),
            heard: Instant::now(),
            messages: 0,
            halves: 0,
            _slot: slot,
        }
    }

    async fn run(mut self) {
        let Err(end) = self.talk().await;
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

    async fn talk(&mut self) -> Result<std::convert::Infallible, End> {
        self.greet().await?;
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
                frames = outbox.take(FRAMES_A_WRITE) => self.write(frames).await?,
                Ok(()) = seconds.changed() => self.send_osd().await?,
            }
        }
    }

    async fn greet(&mut self) -> Result<(), End> {
        let config = &self.app.config;
        let hello = Object::new()
            .field("type", "hello")
            .field("version", &config.version)
            .field("server_time_ms", &now_ms())
            .field("who", &self.principal.who())
            .field("site", &config.site)
            .finish();
        let (devices, osd, missions, commands, alarms, links) = {
            let mut view = self.app.hub.view();
            // What was queued so far is part of the snapshot.
            self.membership.outbox.clear();
            self.cursor = view.osd_published;
            let osd = view.osd_between(0, u64::MAX, usize::MAX).0;
            let alarms = view.alarms_in_order();
            (
                view.all_devices(),
                osd.into_iter().map(Arc::new).collect::<Vec<_>>(),
                view.missions.active_and_recent(SNAPSHOT_MISSIONS),
                view.commands.active_and_recent(SNAPSHOT_COMMANDS),
                alarms.into_iter().filter(|a| a.cleared_ms.is_none()).collect::<Vec<_>>(),
                view.links.values().cloned().collect::<Vec<_>>(),
            )
        };
        let snapshot = Object::new().field("type", "snapshot").list("devices", &devices).await;
        let snapshot = snapshot.list("osd", &osd).await.list("missions", &missions).await;
        let snapshot = snapshot.list("commands", &commands).await.list("alarms", &alarms).await;
        let snapshot = snapshot.list("links", &links).await.field("server_time_ms", &now_ms());
        self.write(vec![hello.into(), snapshot.finish().into()]).await
    }

    /// Sends, unless the client turns out too slow while it does not take what is sent.
    async fn write(&mut self, frames: Vec<Utf8Bytes>) -> Result<(), End> {
        let outbox = Arc::clone(&self.membership.outbox);
        let limit = self.app.config.limits.write_timeout;
        let socket = &mut self.socket;
        let write = async {
            for frame in frames {
                socket.feed(Message::Text(frame)).await?;
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
            Some(Ok(Message::Text(text))) => self.subscribe(&text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Binary(_))) => Err(End::Close(CLOSE_POLICY, "text frames only")),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
        }
    }

    fn subscribe(&mut self, text: &str) -> Result<(), End> {
        let Ok(Ask::Subscribe { sns }) = serde_json::from_str(text) else {
            return Err(End::Close(CLOSE_POLICY, "message not understood"));
        };
        let sns: BTreeSet<_> = sns.into_iter().collect();
        if sns.len() > MAX_SUBSCRIPTIONS {
            return Err(End::Close(CLOSE_POLICY, "at most 16 devices may be subscribed"));
        }
        self.subscribed = sns.into_iter().map(|sn| (sn, None)).collect();
        Ok(())
    }

    async fn on_half_second(&mut self) -> Result<(), End> {
        self.messages = 0;
        self.halves += 1;
        let mut frames = self.telemetry();
        if self.halves.is_multiple_of(2) {
            if !self.app.tokens.still_valid(&self.principal) {
                return Err(End::Close(CLOSE_SIGNED_OUT, "signed out"));
            }
            if self.heard.elapsed() > SILENCE {
                return Err(End::Gone);
            }
            frames.push(frame("tick", "server_time_ms", &now_ms()));
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

    /// What changed of the subscribed devices since it was last sent.
    fn telemetry(&mut self) -> Vec<Utf8Bytes> {
        let mut frames = Vec::new();
        for (sn, sent) in &mut self.subscribed {
            let Some(now) = self.app.hub.view().telemetry(sn) else { continue };
            if sent.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, &now)) {
                continue;
            }
            let before = sent.as_ref().map(|sent| &sent.values);
            let values = Changed { now: &now.values, before };
            let text = Object::new().field("type", "telemetry").field("sn", sn);
            frames.push(text.field("values", &values).finish().into());
            *sent = Some(now);
        }
        frames
    }

    /// Sends this second's positions: the frames made for everybody, or, to a client that lagged,
    /// frames of its own with the newest value of each device.
    async fn send_osd(&mut self) -> Result<(), End> {
        let mut coalesced = 0;
        loop {
            let text = {
                let mut view = self.app.hub.view();
                let target = view.osd_published;
                if self.cursor >= target {
                    break;
                }
                if let Some(frame) = view.osd_frame(self.cursor) {
                    self.cursor = frame.to;
                    frame.text.clone()
                } else {
                    let (items, to) = view.osd_between(self.cursor, target, OSD_ITEMS);
                    coalesced += (to - self.cursor).saturating_sub(items.len() as u64);
                    self.cursor = to;
                    osd_text(&items)
                }
            };
            self.write(vec![text]).await?;
        }
        if coalesced > 0 {
            self.app.metrics.stream_coalesced.inc_by(coalesced);
            self.write(vec![frame("lagged", "dropped_coalesced", &coalesced)]).await?;
        }
        Ok(())
    }
}

fn too_slow() -> End {
    End::Close(CLOSE_TOO_SLOW, "too slow")
}

/// Readings that differ from what was sent before; all of them, where nothing was.
struct Changed<'a> {
    now: &'a Telemetry,
    before: Option<&'a Telemetry>,
}

impl Serialize for Changed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Value<'a> {
            unit: &'static str,
            #[serde(flatten)]
            reading: &'a Reading,
        }
        let before = self.before.filter(|before| Arc::ptr_eq(&before.schema, &self.now.schema));
        let mut map = serializer.serialize_map(None)?;
        for (index, field) in self.now.schema.fields.iter().enumerate() {
            let Some(Some(reading)) = self.now.readings.get(index) else { continue };
            let sent = before.and_then(|before| before.readings.get(index)?.as_ref());
            if sent != Some(reading) {
                map.serialize_entry(&field.key, &Value { unit: field.unit, reading })?;
            }
        }
        map.end()
    }
}
