//! Publishes that the private broker refused: counted for the metrics, and an alarm for who tried.
//!
//! The supervisor reads them from the broker's own words and leaves the figures in a file
//! ([`crate::children::denials`]). An external broker's refusals are its owner's to see.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fleet_bus::Bus;
use fleet_types::{Alarm, DeviceSn, Now, alarm::Priority};
use tokio::time::sleep;

use super::{
    clock,
    condition::{reason, signal},
};
use crate::children::denials::{ClientDenied, Denials, Denied};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// An alarm goes when nothing more was refused for so long.
const QUIET_MS: u64 = 60_000;
/// Far above what the supervisor writes.
const FILE_MAX: u64 = 256 << 10;

/// Publishes refused since the supervisor started.
#[derive(Debug, Default)]
pub struct Refused(AtomicU64);

impl Refused {
    /// How many, at least.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Looks for ever at what the tower itself refused, when a broker asked it.
pub(super) async fn run_own(denials: Arc<Denials>, refused: Arc<Refused>, bus: Bus) {
    let signals = bus.writer();
    let mut watch = Watch { known: Some(Denied::default()), ..Watch::default() };
    loop {
        let denied = denials.seen();
        refused.0.store(denied.total, Ordering::Relaxed);
        let now = clock::now();
        watch.news(denied, now).into_iter().for_each(|alarm| tell(&signals, alarm));
        watch.quiet(now).into_iter().for_each(|alarm| tell(&signals, alarm));
        sleep(LOOK_EVERY).await;
    }
}

/// Looks for ever at what the private broker refused.
pub(super) async fn run(file: PathBuf, refused: Arc<Refused>, bus: Bus) {
    let signals = bus.writer();
    let mut watch = Watch::default();
    let mut seen = None;
    loop {
        let meta = fs::metadata(&file).ok().filter(|meta| meta.len() <= FILE_MAX);
        let changed = meta.and_then(|meta| meta.modified().ok());
        if changed.is_some() && changed != seen {
            seen = changed;
            let read = fs::read(&file).ok();
            if let Some(denied) = read.and_then(|text| serde_json::from_slice::<Denied>(&text).ok())
            {
                refused.0.store(denied.total, Ordering::Relaxed);
                watch
                    .news(denied, clock::now())
                    .into_iter()
                    .for_each(|alarm| tell(&signals, alarm));
            }
        }
        watch.quiet(clock::now()).into_iter().for_each(|alarm| tell(&signals, alarm));
        sleep(LOOK_EVERY).await;
    }
}

fn tell(signals: &fleet_bus::Writer<Alarm>, alarm: Alarm) {
    if signals.try_write(alarm).is_err() {
        tracing::error!("an alarm could not be told: the bus is full");
    }
}

/// Who is alarmed.
#[derive(Default)]
struct Watch {
    /// None until the first look, which is of the time before.
    known: Option<Denied>,
    raised: BTreeMap<String, (Alarm, Now)>,
}

impl Watch {
    fn news(&mut self, denied: Denied, now: Now) -> Vec<Alarm> {
        let known = self.known.replace(denied.clone());
        let Some(known) = known else { return vec![] };
        let mut alarms = vec![];
        for (client, of_client) in &denied.clients {
            let before = known.clients.get(client).map_or(0, |before| before.count);
            if of_client.count == before {
                continue;
            }
            match self.raised.entry(client.clone()) {
                Entry::Occupied(mut raised) => raised.get_mut().1 = now,
                Entry::Vacant(free) => {
                    let alarm = why(client, of_client, now);
                    alarms.push(alarm.clone());
                    free.insert((alarm, now));
                }
            }
        }
        alarms
    }

    fn quiet(&mut self, now: Now) -> Vec<Alarm> {
        let mut over = vec![];
        self.raised.retain(|_, (alarm, last)| {
            let stays = now.mono.since_ms(last.mono) < QUIET_MS;
            if !stays {
                over.push(Alarm { cleared_ms: Some(now.wall), ..alarm.clone() });
            }
            stays
        });
        over
    }
}

fn why(client: &str, denied: &ClientDenied, now: Now) -> Alarm {
    let topic = &denied.topic;
    let text = format!(
        "The broker refused what {client} published on {topic}: it may speak only for itself and its aircraft. If the aircraft has just moved to another dock this is over soon; else look for a device with a wrong login, or somebody who tries."
    );
    let korean = format!(
        "{client}이(가) {topic}(으)로 보낸 메시지를 브로커가 거부했습니다. 자신과 자기 기체의 주제로만 보낼 수 있습니다. 기체가 방금 다른 도크로 옮겨 갔다면 곧 사라지고, 아니면 계정이 잘못된 장비나 침입 시도를 확인하십시오."
    );
    let why = reason("publishes_denied", text, korean);
    signal(DeviceSn::new(client).ok(), Priority::Medium, why, now.wall)
}

#[cfg(test)]
mod tests {
    use fleet_types::{MonoMs, WallMs};

    use super::*;

    fn at(ms: u64) -> Now {
        Now { mono: MonoMs(ms), wall: WallMs(9) }
    }

    fn denied(clients: &[(&str, u64)]) -> Denied {
        let of = |count| ClientDenied { count, topic: "thing/product/D9/osd".into() };
        Denied {
            total: clients.iter().map(|(_, count)| count).sum(),
            clients: clients.iter().map(|(id, count)| ((*id).to_owned(), of(*count))).collect(),
        }
    }

    #[test]
    fn who_tries_is_alarmed_once_and_it_clears_when_nothing_more_is_refused() {
        let mut watch = Watch::default();
        assert_eq!(watch.news(denied(&[("D1", 5)]), at(0)), [], "that was before");
        let raised = watch.news(denied(&[("D1", 5), ("D2", 1)]), at(1000));
        assert_eq!(raised.len(), 1, "{raised:?}");
        assert_eq!(raised[0].sn, DeviceSn::new("D2").ok());
        assert!(raised[0].reason.message.contains("thing/product/D9/osd"), "{raised:?}");
        assert_eq!(watch.news(denied(&[("D1", 5), ("D2", 9)]), at(2000)), []);
        assert_eq!(watch.quiet(at(61_999)), []);
        let over = watch.quiet(at(62_000));
        assert_eq!((over.len(), over[0].alarm_id), (1, raised[0].alarm_id));
        assert_eq!(watch.news(denied(&[("D2", 1)]), at(63_000)).len(), 1, "a new supervisor");
    }
}
