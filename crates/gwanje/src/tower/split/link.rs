//! The side of the process that owns the docks: tells what is so, takes orders in at the [`gate`], and
//! notices which others live. It waits for nobody: what an api misses it asks for again.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use fleet_bus::{
    Bus, Events, TopicEvent, Writer,
    wire::{FrameLine, Refused, Side},
};
use fleet_types::{Alarm, DeviceSn, DeviceStatus, Now, WallMs, alarm::Priority};
use serde_json::value::to_raw_value;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};

use super::{
    super::{
        clock,
        condition::{reason, signal},
    },
    BEAT_MS, Looks, Recalled, TICK,
    gate::{Gate, Verdict},
    osd,
    peers::{Heard, LEASE_MS, Peers},
    random_name, say,
    says::{Beat, Look, Part, Receipt, Refusal, Sealed},
    seal::{Keys, Sealer},
    topics::{self, Doing, NotDone, Outlet},
};
use crate::stall::LoopHealth;

/// Batches of a topic told in one look; the rest waits for the next.
const BATCHES: usize = 8;
/// What is so is told to one who begins in pieces: keys a look.
const PIECE: usize = 64;
/// One that asks for everything gets it this often at the most.
const AGAIN_MS: u64 = 1_000;
/// Beats between two that say how the process stands.
const LOOK_EVERY: u64 = 4;

/// What the link side is made with.
pub struct Around {
    /// The bus of this process.
    pub bus: Bus,
    /// The secret.
    pub keys: Keys,
    /// Which link of this data directory it is.
    pub epoch: u64,
    /// How the process stands.
    pub looks: Looks,
    /// What was known of devices before.
    pub recalled: Recalled,
    /// Components that failed.
    pub health: LoopHealth,
    /// Where refused orders are told, to be alarmed.
    pub refused: mpsc::Sender<Refused>,
    /// Told when another link with the same key lives that began earlier.
    pub must_end: Option<oneshot::Sender<String>>,
}

/// Tells everything to one who begins.
struct Telling {
    to: String,
    left: VecDeque<Piece>,
    began: Now,
}

/// Something that is looked up when its turn to be told has come.
enum Piece {
    /// What was known of a device before.
    Recalled(DeviceSn),
    /// What is so of a key of an outlet.
    Current(usize, String),
}

/// The running link side.
pub struct LinkSide {
    line: FrameLine,
    name: String,
    started: Now,
    around: Around,
    sealer: Sealer,
    gate: Gate,
    peers: Peers,
    outlets: Vec<Box<dyn Outlet>>,
    doings: BTreeMap<&'static str, Doing>,
    disposed: Events<DeviceStatus>,
    alarms: Writer<Alarm>,
    /// Alarms of processes that were lost, by the name people know.
    lost: BTreeMap<String, Alarm>,
    telling: Vec<Telling>,
    told: BTreeMap<String, Now>,
    beats: u64,
    beaten: Option<Now>,
    refusals: AtomicU64,
    is_rival_told: bool,
}

/// Listens, as an api does, whether another link with this key lives: says so if one does.
///
/// # Errors
/// Which.
pub async fn alone(line: &mut FrameLine, keys: &Keys) -> Result<(), String> {
    // Until others were found, and the lease of one that lives is over.
    let end = Instant::now() + Duration::from_millis(LEASE_MS + BEAT_MS);
    loop {
        match timeout_at(end, line.next()).await {
            Err(_) | Ok(None) => return Ok(()),
            Ok(Some((frame, _))) => {
                if keys.open(Side::Link, &frame).is_some() {
                    return Err(frame.sender);
                }
            }
        }
    }
}

/// What was known of a device, for one who asked.
fn recalled(known: &Recalled, sn: &DeviceSn, to: &str) -> Option<Part> {
    known.with(sn, |status, sample| {
        let osd = sample.and_then(|it| to_raw_value(&osd::pack(it)).ok());
        let status = to_raw_value(status).ok()?;
        Some(Part::Recalled { to: to.to_owned(), status, osd })
    })
}

impl LinkSide {
    /// # Errors
    /// No random numbers.
    pub fn new(line: FrameLine, around: Around) -> anyhow::Result<Self> {
        let name = random_name()?;
        Ok(Self {
            line,
            sealer: Sealer::new(&around.keys, Side::Link, &name)?,
            name,
            started: clock::now(),
            gate: Gate::new(around.epoch),
            peers: Peers::default(),
            outlets: topics::outlets(&around.bus),
            doings: topics::doings(&around.bus),
            disposed: around.bus.events(),
            alarms: around.bus.writer(),
            lost: BTreeMap::new(),
            telling: Vec::new(),
            told: BTreeMap::new(),
            beats: 0,
            beaten: None,
            refusals: AtomicU64::new(0),
            is_rival_told: false,
            around,
        })
    }

    /// Runs until `stop`; then says goodbye.
    pub async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Not biased: a flood of frames must not keep the signs of life from going out.
            tokio::select! {
                _ = &mut stop => {
                    self.say(&[Part::Bye]);
                    return;
                }
                _ = tick.tick() => self.on_tick(clock::now()),
                event = self.disposed.next() => self.on_event(event),
                frame = self.line.next() => match frame {
                    Some((frame, writer)) => self.on_frame(&frame, writer, clock::now()),
                    None => return,
                },
            }
        }
    }

    fn say(&mut self, parts: &[Part]) {
        say(&self.line, &mut self.sealer, parts);
    }

    fn on_event(&mut self, event: TopicEvent) {
        let TopicEvent::Disposed { key } = event else { return };
        self.outlets.iter_mut().for_each(|outlet| outlet.forget(&key));
        self.around.recalled.forget(&key);
        if let Ok(sn) = DeviceSn::new(&key) {
            self.say(&[Part::Gone(sn)]);
        }
    }

    fn on_tick(&mut self, now: Now) {
        let heard = self.peers.alive().next().is_some();
        let mut parts = Vec::new();
        for outlet in &mut self.outlets {
            for _ in 0..BATCHES {
                if !outlet.take(heard, &mut parts) {
                    break;
                }
            }
        }
        if self.beaten.is_none_or(|at| now.mono.since_ms(at.mono) >= BEAT_MS) {
            self.beaten = Some(now);
            parts.push(Part::Beat(self.beat()));
            self.look_for_lost(now);
        }
        if self.around.recalled.is_news() {
            // Also to those who are being told: what came is in none of their pieces.
            self.told.clear();
            self.telling.clear();
            let alive: Vec<_> = self.peers.alive().map(|(sender, _)| sender.clone()).collect();
            for sender in alive {
                self.begin_telling(&sender, now);
            }
        }
        self.tell_more(&mut parts);
        if !parts.is_empty() {
            self.say(&parts);
        }
    }

    fn beat(&mut self) -> Beat {
        self.beats += 1;
        let look = (self.beats % LOOK_EVERY == 1).then(|| {
            let (broker, store, checks) = (self.around.looks)();
            Box::new(Look { broker, store, checks })
        });
        Beat {
            name: "link".to_owned(),
            started_ms: self.started.wall,
            epoch: self.around.epoch,
            failed: self.around.health.failed(),
            in_step: None,
            links: Vec::new(),
            look,
        }
    }

    /// Goes on telling those who asked for everything.
    fn tell_more(&mut self, parts: &mut Vec<Part>) {
        self.telling.retain_mut(|telling| {
            for _ in 0..PIECE {
                match telling.left.pop_front() {
                    None => {
                        parts.push(Part::Complete { to: telling.to.clone() });
                        return false;
                    }
                    Some(Piece::Recalled(sn)) => {
                        parts.extend(recalled(&self.around.recalled, &sn, &telling.to));
                    }
                    Some(Piece::Current(outlet, key)) => {
                        let outlet = self.outlets.get(outlet);
                        parts.extend(outlet.and_then(|outlet| outlet.current(&key, &telling.to)));
                    }
                }
            }
            true
        });
    }

    fn begin_telling(&mut self, to: &str, now: Now) {
        let is_telling = self.telling.iter().any(|telling| telling.to == to);
        let was_just = self.told.get(to).is_some_and(|at| now.mono.since_ms(at.mono) < AGAIN_MS);
        if is_telling || was_just {
            return;
        }
        self.told.retain(|_, at| now.mono.since_ms(at.mono) < AGAIN_MS);
        self.told.insert(to.to_owned(), now);
        self.say(&[Part::Current { to: to.to_owned() }]);
        let recalled = self.around.recalled.devices().into_iter().map(Piece::Recalled);
        let outlets = self.outlets.iter().enumerate();
        let current = outlets
            .flat_map(|(at, it)| it.keys().into_iter().map(move |key| Piece::Current(at, key)));
        let left = recalled.chain(current).collect();
        self.telling.push(Telling { to: to.to_owned(), left, began: now });
        self.telling.sort_by_key(|telling| telling.began.mono);
    }

    fn on_frame(&mut self, frame: &fleet_bus::wire::Frame, writer: [u8; 16], now: Now) {
        let Some(body) = self.around.keys.open(Side::Api, frame) else {
            return self.refuse(writer, "not_sealed");
        };
        if self.peers.frame(&frame.sender, frame.sequence, now) == Heard::Again {
            return self.refuse(writer, "replayed_frame");
        }
        let Ok(parts) = serde_json::from_slice::<Vec<Part>>(&body) else {
            return self.refuse(writer, "other_version");
        };
        for part in parts {
            match part {
                Part::Beat(beat) => self.on_beat(&frame.sender, beat, now),
                Part::Bye => {
                    let left = self.peers.left(&frame.sender).map(|peer| peer.beat.name.clone());
                    if let Some(name) = left {
                        tracing::info!(name, "a process of the tower ended");
                    }
                }
                Part::Order(sealed) => self.on_order(&sealed, writer, now),
                // These are said by links.
                Part::Sample { .. }
                | Part::Recalled { .. }
                | Part::Gone(_)
                | Part::Current { .. }
                | Part::Complete { .. }
                | Part::Receipt(_) => {}
            }
        }
    }

    fn on_beat(&mut self, sender: &str, beat: Beat, now: Now) {
        let is_behind = beat.in_step.as_deref() != Some(self.name.as_str());
        let name = beat.name.clone();
        for (epoch, started_ms) in &beat.links {
            self.on_rival(*epoch, *started_ms, now);
        }
        if self.peers.beat(sender, beat) {
            tracing::info!(name, "a process of the tower is there");
            if let Some(alarm) = self.lost.remove(&name) {
                self.alarm(Alarm { cleared_ms: Some(now.wall), ..alarm });
            }
        }
        if is_behind {
            self.begin_telling(sender, now);
        }
    }

    /// Another link that has the key, told by an api that hears both. The later one ends.
    fn on_rival(&mut self, epoch: u64, started_ms: WallMs, now: Now) {
        // One that was killed just before this one began is heard of until its lease is over.
        let is_settled = now.mono.since_ms(self.started.mono) > 2 * LEASE_MS;
        if epoch == self.around.epoch || !is_settled || self.is_rival_told {
            return;
        }
        if (started_ms, epoch) < (self.started.wall, self.around.epoch) {
            self.is_rival_told = true;
            if let Some(tell) = self.around.must_end.take() {
                let _ = tell.send(format!("another link (epoch {epoch}) was there before"));
            }
        }
    }

    fn on_order(&mut self, sealed: &Sealed, writer: [u8; 16], now: Now) {
        let receipt = match self.gate.judge(&self.around.keys, sealed, now) {
            Verdict::Again(receipt) => Some(receipt),
            Verdict::Refuse(refusal, id) => {
                self.refuse(writer, refusal.word());
                id.map(|order_id| Receipt { order_id, refused: Some(refusal) })
            }
            Verdict::Take(order) => {
                let left_ms = order.expires_ms.0.saturating_sub(now.wall.0);
                let left_ms = u64::try_from(left_ms).unwrap_or(0);
                let refused = match self.doings.get(order.topic.as_str()) {
                    None => Some(Refusal::Malformed),
                    Some(doing) => match doing(&order.data, left_ms) {
                        Ok(()) => None,
                        Err(NotDone::Malformed) => Some(Refusal::Malformed),
                        Err(NotDone::Full) => Some(Refusal::Full),
                    },
                };
                if let Some(refusal) = refused {
                    self.gate.was_refused(order.order_id, refusal);
                    tracing::error!(
                        topic = order.topic,
                        why = refusal.word(),
                        "an order was refused"
                    );
                }
                Some(Receipt { order_id: order.order_id, refused })
            }
        };
        if let Some(receipt) = receipt {
            self.say(&[Part::Receipt(receipt)]);
        }
    }

    /// Counted, and alarmed a writer at a time.
    fn refuse(&self, writer: [u8; 16], why: &str) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        let told = Refused { writer, sn: String::new(), method: why.to_owned() };
        // Whoever floods this floods nobody.
        let _ = self.around.refused.try_send(told);
    }

    fn look_for_lost(&mut self, now: Now) {
        for (_, beat) in self.peers.lost(now) {
            let name = beat.name;
            tracing::error!(name, "a process of the tower is lost");
            let text = format!(
                "The process \"{name}\" of the tower was not heard for {} s and did not say goodbye. Docks are served all the same; its console is not. Look whether it runs.",
                LEASE_MS / 1000
            );
            let korean = format!(
                "관제탑 프로세스 \"{name}\"이(가) {}초 동안 응답하지 않았고 종료 인사도 없었습니다. 도크는 계속 관제되지만 그 콘솔은 동작하지 않습니다. 프로세스가 실행 중인지 확인하십시오.",
                LEASE_MS / 1000
            );
            let why = reason("process_lost", text, korean);
            let alarm = signal(None, Priority::High, why, now.wall);
            self.alarm(alarm.clone());
            self.lost.insert(name, alarm);
        }
    }

    fn alarm(&self, alarm: Alarm) {
        if self.alarms.try_write(alarm).is_err() {
            tracing::error!("an alarm could not be told: the bus is full");
        }
    }
}
