//! Alarms about what must last: the database is away, or the disk behind the spool has no room.

use std::time::Duration;

use fleet_bus::Bus;
use fleet_types::alarm::Priority;
use tokio::time::sleep;

use super::{
    condition::{Condition, reason},
    store::StoreView,
};

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
