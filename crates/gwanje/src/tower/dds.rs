//! The bus's wire in the tower: started under a name, counted, and what it refused alarmed.
//!
//! Other DDS programs see views and can do nothing; who writes a command is told of here. Off unless
//! configured: it costs every user of this machine, or of the network, a look. Read next:
//! `fleet_bus::wire`, docs/dds.md.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    sync::Arc,
    time::Duration,
};

use fleet_bus::{
    Bus,
    wire::{Refused, Spawn, Wire, WireLook},
};
use fleet_types::{Alarm, DeviceSn, Now, alarm::Priority};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use tokio::{sync::mpsc, time::timeout};

use super::{
    clock,
    condition::{reason, signal},
};
use crate::{config::Dds, stall::LoopHealth};

/// An alarm goes when its writer wrote nothing more for so long.
const QUIET_MS: u64 = 60_000;
/// Writers alarmed at a time; a stranger has as many identities as it likes.
const WRITERS_MAX: usize = 16;
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Characters of a stranger's text that are shown.
const SHOWN: usize = 48;

/// The wire, not yet running, and what it refuses. Views are shown only where they are wanted.
pub(super) fn wire(
    config: &Dds,
    bus: &Bus,
    health: &LoopHealth,
) -> (Wire, mpsc::Receiver<Refused>) {
    let (wire, spawn) = (config.wire(), spawn(health));
    if config.enabled { Wire::new(wire, bus, spawn) } else { Wire::bare(wire, spawn) }
}

/// How tasks of the wire are started.
pub(super) fn spawn(health: &LoopHealth) -> Spawn {
    let health = health.clone();
    Arc::new(move |name, task| health.spawn_local_named(name, task).abort_handle())
}

/// Alarms for ever what strangers tried, in the words of `why`.
pub(super) async fn refusals(mut refused: mpsc::Receiver<Refused>, bus: Bus, why: Why) {
    let signals = bus.writer::<Alarm>();
    let mut watch = Watch { alarmed: BTreeMap::new(), why };
    loop {
        let news = timeout(LOOK_EVERY, refused.recv()).await;
        let now = clock::now();
        let raised = match news {
            Ok(None) => return,
            Ok(Some(refused)) => watch.news(&refused, now),
            Err(_) => None,
        };
        for alarm in raised.into_iter().chain(watch.quiet(now)) {
            if signals.try_write(alarm).is_err() {
                tracing::error!("an alarm could not be told: the bus is full");
            }
        }
    }
}

/// What an alarm says of something refused.
pub(super) type Why = fn(&Refused, Now) -> Alarm;

/// Who is alarmed.
struct Watch {
    alarmed: BTreeMap<[u8; 16], (Alarm, Now)>,
    why: Why,
}

impl Watch {
    fn news(&mut self, refused: &Refused, now: Now) -> Option<Alarm> {
        let is_full = self.alarmed.len() >= WRITERS_MAX;
        match self.alarmed.entry(refused.writer) {
            Entry::Occupied(mut known) => {
                known.get_mut().1 = now;
                None
            }
            Entry::Vacant(_) if is_full => None,
            Entry::Vacant(free) => Some(free.insert(((self.why)(refused, now), now)).0.clone()),
        }
    }

    fn quiet(&mut self, now: Now) -> Vec<Alarm> {
        let mut over = vec![];
        self.alarmed.retain(|_, (alarm, last)| {
            let stays = now.mono.since_ms(last.mono) < QUIET_MS;
            if !stays {
                over.push(Alarm { cleared_ms: Some(now.wall), ..alarm.clone() });
            }
            stays
        });
        over
    }
}

/// A stranger's text, fit to be shown.
fn shown(text: &str) -> String {
    let fit = text.chars().filter(|c| c.is_ascii_graphic()).take(SHOWN).collect::<String>();
    if fit.is_empty() { "?".to_owned() } else { fit }
}

/// Of what was written between the processes of the tower and is not theirs, or comes again.
pub(super) fn why_frame(refused: &Refused, now: Now) -> Alarm {
    let writer: String = refused.writer[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let method = shown(&refused.method);
    let text = format!(
        "A DDS participant ({writer}) wrote to the wire between the tower's processes and was refused ({method}): it is not one of them, said again what was said before, or came too late. Nothing was carried out. Look for the program that does this, for somebody who tries, or for a clock that is wrong."
    );
    let korean = format!(
        "DDS 참가자({writer})가 관제탑 프로세스 사이의 통신에 쓴 내용을 거부했습니다({method}). 관제탑 프로세스가 아니거나, 이전 내용을 다시 보냈거나, 너무 늦게 도착했습니다. 실행된 것은 없습니다. 그렇게 하는 프로그램, 침입 시도, 또는 잘못된 시계를 확인하십시오."
    );
    signal(None, Priority::High, reason("foreign_order", text, korean), now.wall)
}

/// Of a command of a stranger.
pub(super) fn why(refused: &Refused, now: Now) -> Alarm {
    let writer: String = refused.writer[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let (method, sn) = (shown(&refused.method), shown(&refused.sn));
    let text = format!(
        "A DDS participant ({writer}) wrote the command {method} for {sn}. It was refused: commands are given through the API alone. Look for the program that does this, or for somebody who tries."
    );
    let korean = format!(
        "DDS 참가자({writer})가 {sn}에 대한 명령 {method}을(를) 보냈으나 거부했습니다. 명령은 API로만 내릴 수 있습니다. 그렇게 하는 프로그램이나 침입 시도를 확인하십시오."
    );
    let why = reason("foreign_command", text, korean);
    signal(DeviceSn::new(&refused.sn).ok(), Priority::High, why, now.wall)
}

/// Counters of the wire for the metrics.
pub(super) struct WireLooks(pub(super) WireLook);

impl fmt::Debug for WireLooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireLooks").finish_non_exhaustive()
    }
}

impl Collector for WireLooks {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let stats = self.0.stats();
        for (name, help, value) in [
            ("gwanje_dds_commands_refused", "Commands of strangers", stats.commands_refused),
            ("gwanje_dds_sessions_failed", "DDS sessions opened anew", stats.sessions_failed),
            ("gwanje_dds_datagrams_sent", "Datagrams sent", stats.datagrams_sent),
            ("gwanje_dds_datagrams_unsent", "Datagrams not taken", stats.datagrams_unsent),
            ("gwanje_dds_datagrams_received", "Datagrams taken in", stats.datagrams_received),
            ("gwanje_dds_datagrams_refused", "Datagrams not sound", stats.datagrams_refused),
        ] {
            let metric = ConstCounter::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        let kind = ConstCounter::new(0_u64).metric_type();
        let help = "Samples written, by topic";
        let mut family = encoder.encode_descriptor("gwanje_dds_samples", help, None, kind)?;
        for view in &stats.views {
            let labels = [("topic", view.topic)];
            ConstCounter::new(view.written).encode(family.encode_family(&labels)?)?;
        }
        let help = "Samples given up, by topic";
        let mut family = encoder.encode_descriptor("gwanje_dds_samples_lost", help, None, kind)?;
        for view in &stats.views {
            let labels = [("topic", view.topic)];
            ConstCounter::new(view.lost).encode(family.encode_family(&labels)?)?;
        }
        let kind = ConstGauge::new(0_u64).metric_type();
        let help = "Readers elsewhere, by topic";
        let mut family = encoder.encode_descriptor("gwanje_dds_readers", help, None, kind)?;
        for view in &stats.views {
            let labels = [("topic", view.topic)];
            ConstGauge::new(view.readers).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::{MonoMs, WallMs};

    use super::*;

    fn at(ms: u64) -> Now {
        Now { mono: MonoMs(ms), wall: WallMs(9) }
    }

    fn command(writer: u8, method: &str) -> Refused {
        Refused { writer: [writer; 16], sn: "DOCK1".to_owned(), method: method.to_owned() }
    }

    #[test]
    fn a_stranger_is_alarmed_once_until_it_is_quiet() {
        let mut watch = Watch { alarmed: BTreeMap::new(), why };
        let raised = watch.news(&command(1, "cover_open"), at(0)).expect("an alarm");
        assert_eq!(raised.sn, DeviceSn::new("DOCK1").ok());
        assert!(raised.reason.message.contains("cover_open"), "{raised:?}");
        assert_eq!(watch.news(&command(1, "cover_open"), at(50_000)), None);
        assert_eq!(watch.quiet(at(60_000)), []);
        let over = watch.quiet(at(110_000));
        assert_eq!((over.len(), over[0].alarm_id), (1, raised.alarm_id));
        assert!(watch.news(&command(1, "cover_open"), at(111_000)).is_some());
    }

    #[test]
    fn many_identities_and_odd_texts_do_no_harm() {
        let mut watch = Watch { alarmed: BTreeMap::new(), why };
        let raised = (0..200).filter_map(|writer| watch.news(&command(writer, "x"), at(0)));
        assert_eq!(raised.count(), WRITERS_MAX);
        let odd = Refused { sn: "\u{1b}[2J".repeat(99), ..command(250, "관제\n") };
        let text = why(&odd, at(0)).reason.message.into_owned();
        assert!(!text.contains('\u{1b}') && !text.contains('\n'), "{text:?}");
        assert!(text.len() < 400, "{text}");
    }
}
