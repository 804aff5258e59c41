//! The tower in this process, on a broker that nobody runs: what happens inside does not need one.

use std::time::Duration;

use fleet_types::{
    Alarm, AlarmId, AlarmStatus, DeviceSn, DeviceStatus, Reason, RequestId,
    alarm::{AlarmAction, AlarmOrder, AlarmState, Priority},
    topic::DeviceEvent,
};

use super::*;
use crate::data_dir::TempDir;

fn config(dir: &TempDir) -> Config {
    let mut config = Config::defaults(false, None, None);
    config.data_dir = dir.path().to_owned();
    config.database.mode = crate::config::DatabaseMode::None;
    // A port of our own that nothing listens on: the link keeps trying, the tower keeps running.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config.mqtt.listen = port;
    data_dir::write_private(&config.broker_password_file(), b"not-used-by-anyone\n").unwrap();
    config
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let limited = tokio::time::timeout(Duration::from_secs(20), future).await;
    limited.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

#[tokio::test]
async fn a_panic_in_one_dock_is_alarmed_its_machine_rebuilt_and_the_others_untouched() {
    let dir = TempDir::new().unwrap();
    let tower = Tower::build(&config(&dir)).unwrap();
    let (bus, fleet) = (tower.bus.clone(), Arc::clone(&tower.fleet));
    let mut alarms = bus.reader::<Alarm>();
    let mut statuses = bus.reader::<DeviceStatus>();
    tower.start();
    let (ill, well) = (DeviceSn::new("DOCK-ILL").unwrap(), DeviceSn::new("DOCK-WELL").unwrap());
    for sn in [&ill, &well] {
        fleet.add(sn).unwrap();
    }
    let mut told = 0;
    within("both docks to be shown", async {
        while told < 2 {
            told += statuses.take(8).await.len();
        }
    })
    .await;

    assert!(fleet.give(&ill, inbox::DockInput::Panic));
    let alarm = within("the alarm", alarms.take(1)).await;
    assert_eq!(alarm[0].reason.code, "dock_task_panicked");
    assert_eq!(alarm[0].sn.as_ref(), Some(&ill));
    let again = within("the rebuilt machine's word", statuses.take(8)).await;
    assert_eq!(again.iter().map(|status| &status.sn).collect::<Vec<_>>(), [&ill]);
    assert_eq!(fleet.stats.panics.load(std::sync::atomic::Ordering::Relaxed), 1);

    // Both take orders: a topology message of each is answered with a new status.
    for sn in [&ill, &well] {
        let topic = format!("sys/product/{sn}/status");
        let payload = br#"{"method":"update_topo","data":{"sub_devices":[]}}"#.as_slice();
        assert_eq!(fleet.route(topic, payload.into(), clock::now(), None), None);
    }
    let mut answered = std::collections::BTreeSet::new();
    within("both docks to answer", async {
        while answered.len() < 2 {
            for status in statuses.take(8).await {
                if status.phase == Some(fleet_types::device::Phase::Complete) {
                    answered.insert(status.sn.clone());
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_removed_dock_is_forgotten_and_its_messages_belong_to_nobody() {
    let dir = TempDir::new().unwrap();
    let tower = Tower::build(&config(&dir)).unwrap();
    let (bus, fleet) = (tower.bus.clone(), Arc::clone(&tower.fleet));
    tower.start();
    let sn = DeviceSn::new("DOCK-1").unwrap();
    fleet.add(&sn).unwrap();
    assert_eq!(fleet.add(&sn), Err(fleet::NotAdded::Known));
    let mut statuses = bus.reader::<DeviceStatus>();
    within("the dock to be shown", statuses.take(1)).await;
    within("its end", fleet.remove(&sn)).await;
    assert!(bus.reader::<DeviceStatus>().try_take(8).is_empty(), "late readers do not meet it");
    let topic = "thing/product/DOCK-1/osd".to_owned();
    fleet.route(topic, b"{}".as_slice().into(), clock::now(), None);
    assert_eq!(fleet.stats.orphans.load(std::sync::atomic::Ordering::Relaxed), 1);
    fleet.route("no/such/topic".to_owned(), b"{}".as_slice().into(), clock::now(), None);
    assert_eq!(fleet.stats.foreign_topics.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn health_messages_and_signals_become_alarms_that_people_act_on() {
    let dir = TempDir::new().unwrap();
    let tower = Tower::build(&config(&dir)).unwrap();
    let (bus, system) = (tower.bus.clone(), Arc::clone(&tower.system));
    let mut statuses = bus.reader::<AlarmStatus>();
    tower.start();
    let sn = DeviceSn::new("DOCK-1").unwrap();
    let hms = |list: serde_json::Value| DeviceEvent {
        sn: sn.clone(),
        method: "hms".to_owned(),
        data: serde_json::json!({ "list": list }),
        trace_id: None,
        source_ms: None,
        received_ms: clock::now().wall,
    };
    let item = serde_json::json!({"level": 2, "code": "0x19111800", "device_type": "3-2-0"});
    bus.writer().try_write(hms(serde_json::json!([item]))).unwrap();
    let raised = within("the device's alarm", statuses.take(1)).await.remove(0);
    assert_eq!((raised.state, raised.priority), (AlarmState::Raised, Priority::High));

    let order = |action| AlarmOrder {
        request_id: RequestId(uuid::Uuid::now_v7()),
        alarm_id: raised.alarm_id,
        action,
        issued_by: "session:1".to_owned(),
    };
    let acknowledge = AlarmAction::Acknowledge { whole_cause: false };
    bus.writer().try_write(order(acknowledge)).unwrap();
    let known = within("the acknowledgement", statuses.take(1)).await.remove(0);
    assert_eq!(known.acknowledged.as_ref().map(|by| by.by.as_str()), Some("session:1"));
    // The next list does not name it: it has cleared.
    bus.writer().try_write(hms(serde_json::json!([]))).unwrap();
    let gone = within("its end", statuses.take(1)).await.remove(0);
    assert_eq!((gone.alarm_id, gone.state), (raised.alarm_id, AlarmState::Cleared));

    let signal = Alarm {
        alarm_id: AlarmId(uuid::Uuid::from_u128(5)),
        sn: Some(sn.clone()),
        priority: Priority::High,
        reason: Reason::new("flight_locked", "planted"),
        raised_ms: clock::now().wall,
        cleared_ms: None,
    };
    bus.writer().try_write(signal).unwrap();
    let locked = within("the signal's alarm", statuses.take(1)).await.remove(0);
    assert_eq!((locked.alarm_id.0.as_u128(), locked.state), (5, AlarmState::Raised));
    system.forget(&sn);
    let over = within("the removed dock's alarms to end", statuses.take(1)).await.remove(0);
    assert_eq!((over.alarm_id, over.state), (locked.alarm_id, AlarmState::Cleared));
}
