//! The side of a process that shows and asks: keeps the picture of the one link, and hands it orders.
//!
//! While no link is heard everything is shown as stale and what acts is refused at once ([`Seen`]):
//! nothing waits for it to come back. An order that got no receipt is said again for a moment, as
//! another attempt; then its outcome is unknown, and stays so.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fleet_api::Api;
use fleet_bus::{
    Bus, Writer,
    wire::{Frame, FrameLine, Side},
};
use fleet_types::{
    CommandRequest, CommandState, CommandStatus, DeviceSn, DeviceStatus, LinkStatus,
    MissionRequest, MissionState, MissionStatus, Now, Reason, ResponseCode, WallMs,
    device::Connection,
    link::LinkName,
    mission::Verdict,
    topic::{DeviceDrift, DeviceOsd, Topic},
};
use serde_json::value::RawValue;
use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};
use uuid::Uuid;

use super::{
    super::{clock, recall::Schemas},
    BEAT_MS, TICK,
    gate::TRANSIT_MS,
    osd,
    peers::{Heard, Peers},
    random_name, say,
    says::{Beat, Look, Order, Part, Receipt, Sealed},
    seal::{Keys, Sealer},
    topics::{self, Asked, Crosses as _, Desk, Inlet},
};
use crate::stall::LoopHealth;

/// Before an order without a receipt is said again.
const AGAIN_MS: u64 = 250;
/// Orders without a receipt; more are not sent.
const PENDING_MAX: usize = 1024;
/// Something of the other side that does not fit is logged this often at the most.
const COMPLAIN_MS: u64 = 10_000;

/// How the link is seen from here.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Epoch of the link that is heard.
    epoch: Option<u64>,
    /// Whether it ended by itself, or was lost; and when.
    lost: Option<(bool, WallMs)>,
    failed: Vec<String>,
    look: Look,
    is_complete: bool,
    counts: Counts,
}

/// What did not go as it should, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames of the link that never came.
    pub frames_missing: u64,
    /// Frames that nobody with the key sealed, or that were said again.
    pub frames_refused: u64,
    /// Orders that the link refused.
    pub orders_refused: u64,
    /// Orders that got no receipt.
    pub orders_unanswered: u64,
}

impl Seen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the link can be asked.
    ///
    /// # Errors
    /// Why not and what to do, in sentences.
    pub fn commander(&self) -> Result<(), String> {
        let state = self.state();
        match (state.epoch, state.lost) {
            (Some(_), _) => Ok(()),
            (None, None) => Err("the process of the tower that owns the docks (gwanje tower --roles link) was not heard yet; nothing was sent. What is shown is what was known last".to_owned()),
            (None, Some((has_left, at_ms))) => {
                let how = if has_left { "ended" } else { "is lost" };
                let age_s = clock::now().wall.0.saturating_sub(at_ms.0).max(0) / 1000;
                Err(format!("the process of the tower that owns the docks {how} since {age_s} s; nothing was sent. What is shown is what was known last. Start gwanje tower --roles link, or use the remote controller"))
            }
        }
    }

    /// How it stands, for readiness: whether it is heard, and what it says of itself.
    #[must_use]
    pub fn checks(&self) -> Vec<fleet_api::Check> {
        let commander = self.commander();
        let state = self.state();
        let check = |name: &str, ok, detail| fleet_api::Check { name: name.to_owned(), ok, detail };
        let detail = match (&commander, state.epoch) {
            (Ok(()), Some(epoch)) => format!("heard, epoch {epoch}"),
            (Ok(()), None) => String::new(),
            (Err(why), _) => why.clone(),
        };
        let mut checks = vec![check("link_process", commander.is_ok(), detail)];
        if commander.is_ok() {
            let detail = if state.is_complete { "complete" } else { "being told" };
            checks.push(check("picture", state.is_complete, detail.to_owned()));
            checks.extend(state.failed.iter().map(|name| {
                check("link_component", false, format!("{name} failed and does not run"))
            }));
            checks.extend(
                state
                    .look
                    .checks
                    .iter()
                    .map(|it| fleet_api::Check { name: format!("link_{}", it.name), ..it.clone() }),
            );
        }
        checks
    }

    /// The broker, as the link sees it.
    #[must_use]
    pub fn broker(&self) -> fleet_api::BrokerState {
        self.state().look.broker.clone()
    }

    /// What must last, as the link keeps it.
    #[must_use]
    pub fn store(&self) -> fleet_api::StoreState {
        self.state().look.store.clone()
    }

    /// What did not go as it should.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state().counts
    }
}

struct Pending {
    order: Order,
    said: Now,
}

/// The running api side.
pub struct ApiSide {
    line: FrameLine,
    keys: Keys,
    sealer: Sealer,
    name: String,
    shown_name: String,
    started: Now,
    peers: Peers,
    /// The link whose picture is kept, by its sender's name.
    link: Option<String>,
    is_in_step: bool,
    /// States told since everything began to be told.
    fresh: Option<BTreeSet<DeviceSn>>,
    states: BTreeMap<DeviceSn, DeviceStatus>,
    seen: Seen,
    bus: Bus,
    api: Api,
    schemas: Arc<Schemas>,
    inlets: BTreeMap<&'static str, Inlet>,
    desks: Vec<Desk>,
    pending: BTreeMap<Uuid, Pending>,
    status: Writer<DeviceStatus>,
    health: LoopHealth,
    beaten: Option<Now>,
    complained: Option<Now>,
}

impl ApiSide {
    /// `shown_name` is what people call this process.
    ///
    /// # Errors
    /// No random numbers.
    pub fn new(
        line: FrameLine,
        keys: Keys,
        shown_name: String,
        bus: &Bus,
        api: Api,
        health: LoopHealth,
        seen: Seen,
    ) -> anyhow::Result<Self> {
        let name = random_name()?;
        let schemas = Arc::new(Schemas::new());
        Ok(Self {
            line,
            sealer: Sealer::new(&keys, Side::Api, &name)?,
            keys,
            name,
            shown_name,
            started: clock::now(),
            peers: Peers::default(),
            link: None,
            is_in_step: false,
            fresh: None,
            states: BTreeMap::new(),
            seen,
            bus: bus.clone(),
            api,
            inlets: topics::inlets(bus, &schemas),
            schemas,
            desks: topics::orders(bus),
            pending: BTreeMap::new(),
            status: bus.writer(),
            health,
            beaten: None,
            complained: None,
        })
    }

    /// Runs until `stop`; then says goodbye.
    pub async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut stop => {
                    self.say(&[Part::Bye]);
                    return;
                }
                _ = tick.tick() => self.on_tick(clock::now()),
                frame = self.line.next() => match frame {
                    Some((frame, _)) => self.on_frame(&frame, clock::now()).await,
                    None => return,
                },
            }
        }
    }

    fn say(&mut self, parts: &[Part]) {
        say(&self.line, &mut self.sealer, parts);
    }

    fn on_tick(&mut self, now: Now) {
        for (sender, _) in self.peers.lost(now) {
            if self.link.as_ref() == Some(&sender) {
                self.on_lost(false, now);
            }
        }
        let mut parts = Vec::new();
        if self.beaten.is_none_or(|at| now.mono.since_ms(at.mono) >= BEAT_MS) {
            self.beaten = Some(now);
            parts.push(Part::Beat(self.beat()));
        }
        let asked: Vec<_> = self.desks.iter_mut().flat_map(|desk| desk()).collect();
        for asked in asked {
            parts.extend(self.order(asked, now));
        }
        self.say_again(&mut parts, now);
        if !parts.is_empty() {
            self.say(&parts);
        }
    }

    fn beat(&self) -> Beat {
        let links = self.peers.alive().map(|(_, peer)| (peer.beat.epoch, peer.beat.started_ms));
        Beat {
            name: self.shown_name.clone(),
            started_ms: self.started.wall,
            epoch: 0,
            failed: self.health.failed(),
            in_step: self.link.clone().filter(|_| self.is_in_step),
            links: links.collect(),
            look: None,
        }
    }

    /// An order to the link that is heard; without one it is not sent, now or later.
    fn order(&mut self, asked: Asked, now: Now) -> Option<Part> {
        let peer = self.link.as_ref().and_then(|link| self.peers.get(link));
        let epoch = peer.filter(|peer| peer.is_alive).map(|peer| peer.beat.epoch);
        let life_ms = asked.life_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(TRANSIT_MS);
        let order = Order {
            order_id: Uuid::now_v7(),
            attempt: 0,
            epoch: epoch.unwrap_or(0),
            issued_ms: now.wall,
            expires_ms: WallMs(now.wall.0.saturating_add(life_ms)),
            topic: asked.topic.to_owned(),
            data: asked.data,
        };
        if epoch.is_none() || self.pending.len() >= PENDING_MAX {
            self.seen.state().counts.orders_refused += 1;
            self.told_refused(&order, "link_lost", now);
            return None;
        }
        let part = sealed(&self.keys, &order);
        self.pending.insert(order.order_id, Pending { order, said: now });
        part
    }

    fn say_again(&mut self, parts: &mut Vec<Part>, now: Now) {
        let keys = &self.keys;
        let mut unanswered = 0;
        self.pending.retain(|_, pending| {
            if now.wall.0.saturating_sub(pending.order.issued_ms.0) > TRANSIT_MS {
                unanswered += 1;
                return false;
            }
            if now.mono.since_ms(pending.said.mono) >= AGAIN_MS {
                pending.said = now;
                pending.order.attempt += 1;
                parts.extend(sealed(keys, &pending.order));
            }
            true
        });
        if unanswered > 0 {
            tracing::error!(
                unanswered,
                "orders got no receipt of the link: their outcome is unknown"
            );
            self.seen.state().counts.orders_unanswered += unanswered;
        }
    }

    async fn on_frame(&mut self, frame: &Frame, now: Now) {
        let body = self.keys.open(Side::Link, frame);
        let heard = body.as_ref().map(|_| self.peers.frame(&frame.sender, frame.sequence, now));
        let (Some(body), Some(heard)) = (body, heard.filter(|it| *it != Heard::Again)) else {
            self.seen.state().counts.frames_refused += 1;
            return self.complain("somebody writes to the tower's own wire", now);
        };
        let is_ours = self.link.as_ref() == Some(&frame.sender);
        if let (Heard::Gap(missing), true) = (heard, is_ours) {
            self.seen.state().counts.frames_missing += missing;
            self.out_of_step();
        }
        let Ok(parts) = serde_json::from_slice::<Vec<Part>>(&body) else {
            self.out_of_step();
            return self.complain("the link is of another version", now);
        };
        for part in parts {
            if let Part::Beat(beat) = part {
                self.on_beat(&frame.sender, beat);
            } else if self.link.as_ref() == Some(&frame.sender) {
                self.on_part(part, now).await;
            }
        }
    }

    fn complain(&mut self, what: &'static str, now: Now) {
        if self.complained.is_none_or(|at| now.mono.since_ms(at.mono) >= COMPLAIN_MS) {
            self.complained = Some(now);
            tracing::error!("{what}");
        }
    }

    /// Something was missed: everything is asked for again.
    fn out_of_step(&mut self) {
        (self.is_in_step, self.fresh) = (false, None);
        self.seen.state().is_complete = false;
    }

    fn on_beat(&mut self, sender: &str, beat: Beat) {
        let (epoch, failed) = (beat.epoch, beat.failed.clone());
        let look = beat.look.as_deref().cloned();
        self.peers.beat(sender, beat);
        let current = self.link.as_ref().and_then(|link| self.peers.get(link));
        let holds = current.is_some_and(|it| it.is_alive && it.beat.epoch >= epoch);
        if !holds {
            tracing::info!(epoch, "the link is there");
            self.link = Some(sender.to_owned());
            self.out_of_step();
            // Asked at once, not at the next beat.
            self.beaten = None;
        }
        if self.link.as_deref() != Some(sender) {
            return;
        }
        let mut state = self.seen.state();
        (state.epoch, state.lost, state.failed) = (Some(epoch), None, failed);
        if let Some(look) = look {
            state.look = look;
        }
    }

    async fn on_part(&mut self, part: Part, now: Now) {
        let is_mine = |to: &String| *to == self.name;
        match part {
            Part::Bye => {
                if let Some(link) = self.link.clone() {
                    self.peers.left(&link);
                }
                self.on_lost(true, now);
            }
            Part::Sample { to: Some(to), .. } if !is_mine(&to) => {}
            Part::Sample { topic, data, .. } => self.on_sample(&topic, &data),
            Part::Recalled { to, status, osd } if is_mine(&to) => self.on_recalled(&status, osd),
            Part::Gone(sn) => self.on_gone(sn).await,
            Part::Current { to } if is_mine(&to) => self.fresh = Some(BTreeSet::new()),
            Part::Complete { to } if is_mine(&to) => self.on_complete().await,
            Part::Receipt(receipt) => self.on_receipt(&receipt, now),
            Part::Recalled { .. }
            | Part::Current { .. }
            | Part::Complete { .. }
            | Part::Beat(_)
            | Part::Order(_) => {}
        }
    }

    fn on_sample(&mut self, topic: &str, data: &RawValue) {
        if topic == DeviceStatus::NAME {
            let Some(status) = DeviceStatus::unpack(data, &self.schemas) else {
                return self.out_of_step();
            };
            if let Some(fresh) = &mut self.fresh {
                fresh.insert(status.sn.clone());
            }
            self.states.insert(status.sn.clone(), status.clone());
            // A keep-latest topic is never full.
            let _ = self.status.try_write(status);
            return;
        }
        let is_put = self.inlets.get(topic).is_some_and(|put| put(data));
        if !is_put {
            tracing::warn!(topic, "a sample of the link could not be taken in");
            self.out_of_step();
        }
    }

    fn on_recalled(&mut self, status: &RawValue, osd: Option<Box<RawValue>>) {
        let Some(status) = DeviceStatus::unpack(status, &self.schemas) else { return };
        let sample =
            osd.and_then(|osd| osd::unpack(serde_json::from_str(osd.get()).ok()?, &self.schemas));
        if let Some(fresh) = &mut self.fresh {
            fresh.insert(status.sn.clone());
        }
        self.states.entry(status.sn.clone()).or_insert_with(|| status.clone());
        self.api.recall(vec![status], sample.into_iter().collect());
    }

    async fn on_gone(&mut self, sn: DeviceSn) {
        self.states.remove(&sn);
        self.status.dispose(sn.as_str());
        self.bus.writer::<DeviceOsd>().dispose(sn.as_str());
        self.bus.writer::<DeviceDrift>().dispose(sn.as_str());
        self.api.forget(sn).await;
    }

    async fn on_complete(&mut self) {
        // None: something was missed meanwhile, and it is asked for again.
        let Some(fresh) = self.fresh.take() else { return };
        let gone: Vec<_> = self.states.keys().filter(|sn| !fresh.contains(*sn)).cloned().collect();
        for sn in gone {
            self.on_gone(sn).await;
        }
        self.is_in_step = true;
        self.seen.state().is_complete = true;
        tracing::info!(devices = self.states.len(), "the picture of the link is complete");
    }

    fn on_receipt(&mut self, receipt: &Receipt, now: Now) {
        let Some(Pending { order, .. }) = self.pending.remove(&receipt.order_id) else { return };
        if let Some(refusal) = receipt.refused {
            let why = refusal.word();
            tracing::error!(topic = order.topic, why, "the link refused an order");
            self.seen.state().counts.orders_refused += 1;
            self.told_refused(&order, why, now);
        }
    }

    /// Whoever waits for the first word of a command or mission hears that it was not taken in.
    fn told_refused(&self, order: &Order, why: &str, now: Now) {
        let text = format!(
            "the process that owns the docks did not take it in ({why}); nothing was sent to the dock"
        );
        let reason = Reason::new("not_taken_in", text);
        let data = order.data.get();
        let is_told = if order.topic == CommandRequest::NAME {
            serde_json::from_str(data).is_ok_and(|request| {
                self.bus.writer().try_write(refused_command(request, reason, now.wall)).is_ok()
            })
        } else if order.topic == MissionRequest::NAME {
            serde_json::from_str::<MissionRequest>(data).is_ok_and(|request| {
                let status = MissionStatus {
                    state: MissionState::Ended,
                    verdict: Some(Verdict::Rejected),
                    response_code: Some(ResponseCode::Rejected),
                    reason: Some(reason),
                    ended_ms: Some(now.wall),
                    ..MissionStatus::taken(now.wall, &request)
                };
                self.bus.writer().try_write(status).is_ok()
            })
        } else {
            true
        };
        if !is_told {
            tracing::error!("who asked could not be told that it was refused");
        }
    }

    /// No link is heard any more: what is shown is what was known last.
    fn on_lost(&mut self, has_left: bool, now: Now) {
        if self.link.take().is_none() {
            return;
        }
        self.out_of_step();
        {
            let mut state = self.seen.state();
            (state.epoch, state.lost) = (None, Some((has_left, now.wall)));
        }
        tracing::error!(
            has_left,
            "the link is gone: everything is shown as stale, what acts is refused"
        );
        let reason = Reason {
            message_ko: Some(
                "도크를 관제하는 관제탑 프로세스와 연결이 끊겼습니다. 마지막으로 알려진 값입니다."
                    .into(),
            ),
            ..Reason::new(
                "link_lost",
                "The process of the tower that owns the docks is not heard: what is shown is what was known last.",
            )
        };
        for status in self.states.values() {
            let connection = match status.connection {
                Connection::BringingUp | Connection::Online | Connection::Stale => {
                    Connection::Stale
                }
                Connection::NeverSeen | Connection::Offline => status.connection,
            };
            let stale = DeviceStatus { connection, reason: Some(reason.clone()), ..status.clone() };
            let _ = self.status.try_write(stale);
        }
        let links = self.bus.writer();
        for link in [LinkName::Telemetry, LinkName::Events, LinkName::Commands] {
            let Some(known) = self.bus.latest::<LinkStatus>(link.as_str()) else { continue };
            let _ = links.try_write(LinkStatus {
                connected: false,
                since_ms: now.wall,
                error: Some("the process that holds this connection is not heard".to_owned()),
                ..(*known).clone()
            });
        }
    }
}

fn sealed(keys: &Keys, order: &Order) -> Option<Part> {
    let text = serde_json::to_string(order).ok()?;
    Some(Part::Order(Sealed { mac: keys.mac(&text), text }))
}

fn refused_command(request: CommandRequest, reason: Reason, now: WallMs) -> CommandStatus {
    CommandStatus {
        command_id: request.command_id,
        trace_id: request.trace_id,
        request_id: request.request_id,
        request_code: format!("service_platform.command.{}", request.method),
        sn: request.sn,
        method: request.method,
        mission_id: None,
        idempotency_key: request.idempotency_key,
        issued_by: request.issued_by,
        state: CommandState::Rejected,
        response_code: Some(ResponseCode::Rejected),
        reason: Some(reason),
        progress: None,
        counter_action: false,
        accepted_ms: now,
        expires_ms: now,
        steps: Vec::new(),
    }
}
