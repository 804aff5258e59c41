//! Brings changed rights into force at the broker, and tells those who wait when they are.
//!
//! A file names a topic of its own on which the tower may publish ([`RightsMark`]); the broker's
//! answer to such a publish says whether it has read that very file. So nothing is assumed about
//! signals and processes, and what is taken from a dock afterwards is judged by the new rights. The
//! broker is given rest between two readings, in proportion to what the last one took. A dock whose
//! rights cannot be brought into force is answered all the same, late and alarmed: it must come up.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use fleet_bus::{Bus, Writer};
use fleet_links::{
    mosquitto::RightsMark,
    mqtt::{CommandPublish, LinkHandle, SendFate},
};
use fleet_types::{Alarm, CommandId, DeviceSn, MonoMs, alarm::Priority};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    aircraft_rights::{AircraftRights, Paired},
    clock,
    condition::{Condition, reason},
    fleet::Fleet,
    in_flight::InFlight,
    pairings::{Pairing, Pairings},
    safekeeping::Waits,
};

/// How long changes are gathered before they are written.
const GATHER: Duration = Duration::from_millis(50);
/// A broker that has not read the file by then is alarmed, and those who wait are let go.
const WITHIN: Duration = Duration::from_secs(10);
/// Between two tries after that.
const RETRY: Duration = Duration::from_secs(2);
/// Between two questions, growing from the first to the second.
const ASK_FIRST: Duration = Duration::from_millis(10);
const ASK_MAX: Duration = Duration::from_millis(160);
/// Far above [`WITHIN`], so that the line is never given up for a question alone.
const QUESTION_LIFE_MS: u64 = 60_000;
/// Rest after a reading, in times of what it took: while it reads, the broker does nothing else.
const REST_TIMES: u32 = 4;
const REST_MAX: Duration = Duration::from_secs(30);
/// Between two looks for docks that are quiet again.
const QUIET_EVERY: Duration = Duration::from_secs(30);

/// Where it is asked whether rights are in force.
#[derive(Clone)]
pub struct Broker {
    /// The link to the broker.
    pub link: LinkHandle,
    /// Where answers come.
    pub in_flight: Arc<InFlight>,
}

type Applying = Pin<Box<dyn Future<Output = Applied> + Send>>;

struct Applied {
    in_force: bool,
    took: Duration,
}

/// Follows which aircraft belong to which dock: for routing, and for the broker's rights.
pub struct Follower {
    fleet: Arc<Fleet>,
    rights: Option<Arc<AircraftRights>>,
    /// None where the broker asks the tower for rights instead of reading them.
    broker: Option<Broker>,
    alarms: Writer<Alarm>,
    not_in_force: Condition,
    /// When the file is to be written.
    due: Option<Instant>,
    /// Not before this.
    rested: Instant,
    /// Docks whose change is not written yet, and what waits for it: the newest of each, since a dock
    /// that asks again asks the same.
    waiting: BTreeMap<DeviceSn, Waits>,
    /// Those whose change is written and not known to be in force.
    written: BTreeMap<DeviceSn, Waits>,
    applying: Option<Applying>,
}

impl Follower {
    /// A follower that has heard nothing yet.
    #[must_use]
    pub fn new(
        fleet: Arc<Fleet>,
        rights: Option<Arc<AircraftRights>>,
        broker: Option<Broker>,
        bus: &Bus,
    ) -> Self {
        Self {
            fleet,
            rights,
            broker,
            alarms: bus.writer(),
            not_in_force: Condition::new(Priority::High, 1, 1, not_in_force),
            due: None,
            rested: Instant::now(),
            waiting: BTreeMap::new(),
            written: BTreeMap::new(),
            applying: None,
        }
    }

    /// Follows until the tower ends.
    pub async fn run(mut self, pairings: Arc<Pairings>) {
        let mut look = Instant::now() + QUIET_EVERY;
        loop {
            let rights = self.rights.clone();
            let due = self.due.filter(|_| self.applying.is_none());
            tokio::select! {
                biased;
                applied = ended(&mut self.applying) => self.on_applied(&applied),
                () = until(due) => self.apply(),
                (dock, pairing) = pairings.next() => self.take(dock, pairing),
                () = changed(rights.as_deref()) => self.is_due(),
                () = sleep_until(look) => {
                    look = Instant::now() + QUIET_EVERY;
                    let over = rights.map(|rights| rights.quiet(clock::now()));
                    over.into_iter().flatten().for_each(|alarm| self.tell(alarm));
                }
            }
        }
    }

    fn take(&mut self, dock: DeviceSn, Pairing { heard, named }: Pairing) {
        self.fleet.set_children(&dock, &heard);
        let Some((mut aircraft, waits)) = named else { return };
        let Some(rights) = &self.rights else { return waits.settled(true) };
        // One that names another dock as its aircraft would speak for it.
        aircraft.retain(|sn| !self.fleet.has(sn));
        match rights.pair(clock::now(), &dock, &aircraft) {
            // What it named a moment ago may not be in force yet.
            Paired::Known => match (self.waiting.get_mut(&dock), self.written.get_mut(&dock)) {
                (Some(earlier), _) | (None, Some(earlier)) => *earlier = waits,
                (None, None) => waits.settled(true),
            },
            Paired::Changed => {
                tracing::info!(device.sn = %dock, ?aircraft, "its aircraft get their rights");
                self.is_due();
                self.waiting.insert(dock, waits);
            }
            Paired::Refused(alarm) => {
                waits.settled(true);
                if let Some(alarm) = alarm {
                    self.tell(*alarm);
                }
            }
        }
    }

    fn is_due(&mut self) {
        let at = (Instant::now() + GATHER).max(self.rested);
        self.due = self.due.or(Some(at));
    }

    fn apply(&mut self) {
        self.due = None;
        let Some(rights) = &self.rights else { return };
        self.written.append(&mut self.waiting);
        let written = rights.write().inspect_err(|error| {
            tracing::error!(%error, "which aircraft belong to which dock cannot be written down");
        });
        self.applying = Some(match (written, self.broker.clone()) {
            (Ok(mark), Some(broker)) => Box::pin(broker.reads(mark)),
            // What the tower itself is asked for is in force when it is known.
            (written, None) => {
                Box::pin(std::future::ready(Applied { in_force: written.is_ok(), took: GATHER }))
            }
            (Err(_), Some(_)) => Box::pin(async {
                sleep(WITHIN).await;
                Applied { in_force: false, took: Duration::ZERO }
            }),
        });
    }

    fn on_applied(&mut self, applied: &Applied) {
        self.applying = None;
        std::mem::take(&mut self.written).into_values().for_each(|waits| waits.settled(true));
        self.not_in_force.look(!applied.in_force, &self.alarms);
        let rest = if applied.in_force { applied.took * REST_TIMES } else { RETRY };
        self.rested = Instant::now() + rest.min(REST_MAX);
        if applied.in_force {
            tracing::debug!(took_ms = applied.took.as_millis(), "the new rights are in force");
        } else {
            self.due = Some(self.rested);
        }
        if let Some(due) = &mut self.due {
            *due = (*due).max(self.rested);
        }
    }

    fn tell(&self, alarm: Alarm) {
        if self.alarms.try_write(alarm).is_err() {
            tracing::error!("an alarm could not be told: the bus is full");
        }
    }
}

impl Broker {
    /// Asks until the broker has read the file with this mark, or time is up.
    async fn reads(self, mark: RightsMark) -> Applied {
        let began = Instant::now();
        let asking = async {
            let mut pause = ASK_FIRST;
            while !self.has_read(&mark).await {
                sleep(pause).await;
                pause = (pause * 2).min(ASK_MAX);
            }
        };
        let in_force = timeout(WITHIN, asking).await.is_ok();
        Applied { in_force, took: began.elapsed() }
    }

    async fn has_read(&self, mark: &RightsMark) -> bool {
        let command_id = CommandId(uuid::Uuid::now_v7());
        let answered = self.in_flight.ask(command_id);
        let question = CommandPublish {
            command_id,
            topic: mark.topic(),
            payload: Bytes::new(),
            expires: MonoMs(clock::now().mono.0 + QUESTION_LIFE_MS),
        };
        if self.link.send_command(question).is_err() {
            return false;
        }
        // Nobody is subscribed, which is what the broker says when the publish is allowed.
        matches!(answered.await, Ok(SendFate::NoSubscriber | SendFate::Delivered))
    }
}

fn not_in_force() -> fleet_types::Reason {
    reason(
        "rights_not_in_force",
        "The broker has not read which aircraft belong to which dock: new aircraft are not heard. `gwanje up` must run (it tells the broker), and the disk must have room; look at its log. It is tried again by itself.",
        "브로커가 어느 기체가 어느 도크의 것인지 읽지 못해 새 기체의 보고를 받지 못합니다. `gwanje up`이 실행 중이어야 하고(브로커에 알립니다) 디스크에 여유가 있어야 합니다. 로그를 확인하십시오. 자동으로 다시 시도합니다.",
    )
}

async fn ended(applying: &mut Option<Applying>) -> Applied {
    match applying {
        Some(applying) => applying.await,
        None => std::future::pending().await,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn changed(rights: Option<&AircraftRights>) {
    match rights {
        Some(rights) => rights.changed.notified().await,
        None => std::future::pending().await,
    }
}
