//! Alarms about the broker and the way from it: it drops messages, its queues grow, or telemetry
//! comes faster than it is read; and devices that send more than they may.
//!
//! Mosquitto tells its statistics every ten seconds; an external broker that does not tell them is
//! not watched. Read next: [`super::rates`].

use std::{sync::Arc, time::Duration};

use fleet_api::SystemSource as _;
use fleet_bus::Bus;
use fleet_links::mqtt::LinkHandle;
use fleet_types::alarm::Priority;
use tokio::time::sleep;

use super::{
    clock,
    condition::{Condition, reason},
    fleet::Fleet,
    system::System,
};

/// Between two looks: as often as the broker tells its statistics.
const EVERY: Duration = Duration::from_secs(10);
/// Looks that must agree on a trouble, and on its end.
const RAISE_AFTER: u32 = 2;
const CLEAR_AFTER: u32 = 3;
/// Messages kept by the broker that are no reason to worry: the state of a few thousand docks.
const STORED_MANY: f64 = 20_000.0;

/// Counters at the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    dropped: f64,
    stored: f64,
    telemetry_dropped: u64,
}

/// What is wrong, from two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Troubles {
    drops: bool,
    grows: bool,
    slow: bool,
}

impl Counts {
    /// A counter that went back is that of another broker process.
    fn since(self, before: Self) -> Troubles {
        Troubles {
            drops: self.dropped > before.dropped,
            grows: self.stored > STORED_MANY && self.stored > before.stored,
            slow: self.telemetry_dropped > before.telemetry_dropped,
        }
    }
}

/// Looks for ever, and signals what changes.
pub(super) async fn run(system: Arc<System>, fleet: Arc<Fleet>, link: LinkHandle, bus: Bus) {
    let signals = bus.writer();
    let mut drops = Condition::new(Priority::Medium, RAISE_AFTER, CLEAR_AFTER, || {
        reason(
            "broker_drops",
            "The broker drops messages: somebody who is subscribed reads too slowly, or is away with a full queue. Look at the broker's figures on the system page and at who is subscribed.",
            "브로커가 메시지를 버리고 있습니다. 구독하는 쪽이 너무 느리게 읽거나, 대기열이 가득 찬 채 끊겨 있습니다. 시스템 화면의 브로커 수치와 구독자를 확인하십시오.",
        )
    });
    let mut grows = Condition::new(Priority::Medium, RAISE_AFTER, CLEAR_AFTER, || {
        reason(
            "broker_queue_grows",
            "The broker's queues grow: messages wait for somebody who does not take them. If it is the tower, its database or this machine is too slow; else look at docks and other clients that are away.",
            "브로커의 대기열이 늘고 있습니다. 받아 가지 않는 구독자의 메시지가 쌓입니다. 관제탑이라면 데이터베이스나 이 장비가 느린 것이고, 아니면 접속이 끊긴 도크나 다른 클라이언트를 확인하십시오.",
        )
    });
    let mut slow = Condition::new(Priority::Medium, RAISE_AFTER, CLEAR_AFTER, || {
        reason(
            "telemetry_dropped",
            "Telemetry comes faster than the tower reads it: the oldest reports are dropped. Events and commands are not affected. Share the docks among more towers, or find out who sends so much.",
            "텔레메트리가 관제탑이 읽는 것보다 빨리 들어와 오래된 보고부터 버립니다. 이벤트와 명령에는 영향이 없습니다. 도크를 여러 관제탑에 나누거나, 많이 보내는 장비를 찾으십시오.",
        )
    });
    let mut before: Option<Counts> = None;
    loop {
        sleep(EVERY).await;
        let stats = system.broker().stats;
        let stat = |name: &str| stats.get(name).copied().unwrap_or(0.0);
        let counts = Counts {
            dropped: stat("publish/messages/dropped"),
            stored: stat("store/messages/count"),
            telemetry_dropped: link.stats().telemetry_dropped,
        };
        if let Some(before) = before {
            let troubles = counts.since(before);
            drops.look(troubles.drops, &signals);
            grows.look(troubles.grows, &signals);
            slow.look(troubles.slow, &signals);
        }
        before = Some(counts);
        fleet.quiet_again(clock::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_a_trouble_and_a_new_broker_is_not() {
        let counts =
            |dropped, stored, telemetry_dropped| Counts { dropped, stored, telemetry_dropped };
        let check = |before, now: Counts, drops, grows, slow| {
            assert_eq!(now.since(before), Troubles { drops, grows, slow });
        };
        check(counts(5.0, 100.0, 0), counts(5.0, 19_000.0, 0), false, false, false);
        check(counts(5.0, 100.0, 0), counts(6.0, 100.0, 3), true, false, true);
        check(counts(5.0, 30_000.0, 3), counts(0.0, 30_001.0, 3), false, true, false);
        check(counts(5.0, 40_000.0, 3), counts(5.0, 30_001.0, 3), false, false, false);
    }
}
