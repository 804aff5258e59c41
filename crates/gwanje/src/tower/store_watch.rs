//! Alarms about what must last: the database is away, or the disk behind the spool has no room.

use std::time::Duration;

use fleet_bus::{Bus, Writer};
use fleet_types::{Alarm, AlarmId, Reason, alarm::Priority};
use tokio::time::sleep;

use super::{clock, store::StoreView};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// Looks that must agree: a database that is restarted is no alarm.
const LOOKS: u32 = 3;
/// A disk that refused nothing for this long has room again, in looks.
const ROOM_LOOKS: u32 = 5;

/// Looks for ever, and signals what changes.
pub(super) async fn run(store: StoreView, bus: Bus) {
    let signals = bus.writer();
    let mut away = Condition::new(Priority::High, LOOKS, 1, || {
        reason(
            "database_away",
            "The database cannot be used: new flights and hardware moves are refused, history waits in memory and on the disk. Pausing, returning home, telemetry and the live view go on. Look at its process, its disk and database.url.",
            "데이터베이스를 쓸 수 없습니다. 새 비행과 설비 조작은 거부되고 이력은 메모리와 디스크에서 기다립니다. 일시정지·복귀·실시간 화면은 계속됩니다. 데이터베이스 프로세스와 디스크, database.url을 확인하십시오.",
        )
    });
    let mut full = Condition::new(Priority::High, 1, ROOM_LOOKS, || {
        reason(
            "spool_full",
            "The spool refuses what the database cannot take: its disk or database.spool_mb is used up. Events stay unacknowledged with the broker, the oldest telemetry is dropped. Make room, or bring the database back.",
            "데이터베이스가 받지 못한 기록을 디스크에도 둘 수 없습니다. 디스크나 database.spool_mb가 가득 찼습니다. 이벤트는 브로커에 남고 오래된 텔레메트리부터 버립니다. 공간을 확보하거나 데이터베이스를 되살리십시오.",
        )
    });
    let mut refusals = 0;
    loop {
        sleep(EVERY).await;
        away.look(!store.check().0, &signals);
        let so_far = store.spool_refusals();
        full.look(so_far > refusals, &signals);
        refusals = so_far;
    }
}

fn reason(code: &'static str, text: &'static str, korean: &'static str) -> Reason {
    Reason { message_ko: Some(korean.into()), ..Reason::new(code, text) }
}

/// Something that is so, or is not, and is signalled when enough looks agree.
struct Condition {
    priority: Priority,
    reason: fn() -> Reason,
    raise_after: u32,
    clear_after: u32,
    /// Looks that disagreed with what is signalled.
    against: u32,
    raised: Option<Alarm>,
}

impl Condition {
    fn new(priority: Priority, raise_after: u32, clear_after: u32, reason: fn() -> Reason) -> Self {
        Self { priority, reason, raise_after, clear_after, against: 0, raised: None }
    }

    fn look(&mut self, is_so: bool, signals: &Writer<Alarm>) {
        if let Some(signal) = self.judge(is_so)
            && signals.try_write(signal).is_err()
        {
            tracing::error!("an alarm about the database could not be told: the bus is full");
        }
    }

    fn judge(&mut self, is_so: bool) -> Option<Alarm> {
        if is_so == self.raised.is_some() {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let wanted = if is_so { self.raise_after } else { self.clear_after };
        if self.against < wanted {
            return None;
        }
        self.against = 0;
        let now = clock::now().wall;
        if let Some(raised) = self.raised.take() {
            return Some(Alarm { cleared_ms: Some(now), ..raised });
        }
        let alarm = Alarm {
            alarm_id: AlarmId(uuid::Uuid::now_v7()),
            sn: None,
            priority: self.priority,
            reason: (self.reason)(),
            raised_ms: now,
            cleared_ms: None,
        };
        self.raised = Some(alarm.clone());
        Some(alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_absence_is_no_alarm_and_each_alarm_is_cleared_once() {
        let mut condition = Condition::new(Priority::High, 3, 1, || reason("x", "X.", "엑스."));
        let mut look = |is_so| condition.judge(is_so);
        for is_so in [true, true, false, true, true] {
            assert_eq!(look(is_so), None);
        }
        let raised = look(true).expect("raised");
        assert_eq!((raised.cleared_ms, look(true)), (None, None));
        let cleared = look(false).expect("cleared");
        assert!(cleared.cleared_ms.is_some() && cleared.alarm_id == raised.alarm_id);
        assert_eq!(look(false), None);
    }
}
