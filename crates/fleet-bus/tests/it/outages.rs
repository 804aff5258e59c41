//! What fails at either end, and what does not fail with it.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use fleet_bus::wire::{
    Spawn,
    views::{AlarmStatus, DeviceTelemetry, View},
};
use fleet_types::{
    AlarmId, Reason, WallMs,
    alarm::{AlarmSource, AlarmState, AlarmStatus as AlarmSample, Priority},
    topic::DeviceOsd,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    sync::oneshot,
    time::timeout,
};
use uuid::Uuid;

use crate::{
    cyclone::python,
    fleet::{LONG, Tower, client, domain, local, loopback, report, sn, until},
};

#[tokio::test]
async fn a_session_that_panics_is_opened_anew() {
    local(async {
        // One task of each session can be made to panic.
        let planted: Arc<Mutex<Vec<oneshot::Sender<()>>>> = Arc::default();
        let keep = Arc::clone(&planted);
        let spawn: Spawn = Arc::new(move |name, task| {
            let (plant, panics) = oneshot::channel::<()>();
            if name == "dds" {
                keep.lock().unwrap().push(plant);
            }
            let task = async move {
                tokio::select! {
                    () = task => {}
                    Ok(()) = panics => panic!("planted"),
                }
            };
            tokio::task::spawn_local(task).abort_handle()
        });
        let config = loopback(domain());
        let tower = Tower::start_by(config.clone(), spawn);
        let osd = tower.bus.writer::<DeviceOsd>();
        osd.try_write(report("AIR1", 1)).unwrap();
        let friend = client(&config).await;
        let mut seen = friend.reader::<DeviceTelemetry>();
        timeout(LONG, seen.next()).await.unwrap().unwrap();
        let plant = planted.lock().unwrap().remove(0);
        plant.send(()).unwrap();
        until("the session failed", async || tower.look.stats().sessions_failed == 1).await;
        osd.try_write(report("AIR1", 2)).unwrap();
        let next = async { while seen.next().await.unwrap().view.report_count != 2 {} };
        timeout(LONG, next).await.expect("the new session writes to the old reader");
        assert_eq!(tower.look.stats().sessions_failed, 1);
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_stops_holds_nobody_up() {
    local(async {
        let config = loopback(domain());
        let tower = Tower::start(config.clone());
        let friend = client(&config).await;
        let mut telemetry = friend.reader::<DeviceTelemetry>();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cyclone_reads.py");
        let mut stopped = python(&script, config.domain_id);
        let mut lines = BufReader::new(stopped.stdout.take().unwrap()).lines();
        let ready = timeout(LONG, lines.next_line()).await.unwrap().unwrap().unwrap();
        assert_eq!(ready, "ready");
        let view = |topic: &str| {
            let views = tower.look.stats().views;
            views.into_iter().find(|view| view.topic == topic).unwrap()
        };
        until("both are known", async || {
            view(AlarmStatus::TOPIC).readers == 1 && view(DeviceTelemetry::TOPIC).readers == 1
        })
        .await;
        let pid = stopped.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-STOP", &pid]).status().await.unwrap().success());
        let (alarms, osd) = (tower.bus.writer(), tower.bus.writer::<DeviceOsd>());
        for number in 0..500_u64 {
            // Never refused: the wire holds no writer of the bus up.
            alarms.try_write(alarm(number)).unwrap();
            osd.try_write(report("AIR1", number)).unwrap();
            if number % 100 == 99 {
                let newest =
                    async { while telemetry.next().await.unwrap().view.report_count != number {} };
                timeout(LONG, newest).await.expect("telemetry goes on");
            }
        }
        until("what it does not take is given up", async || view(AlarmStatus::TOPIC).lost > 0)
            .await;
        assert_eq!(
            (tower.bus.stats()["AlarmStatus"].full, view(DeviceTelemetry::TOPIC).lost),
            (0, 0)
        );
        assert!(Command::new("kill").args(["-KILL", &pid]).status().await.unwrap().success());
    })
    .await;
}

fn alarm(number: u64) -> AlarmSample {
    AlarmSample {
        alarm_id: AlarmId(Uuid::from_u128(number.into())),
        sn: Some(sn("DOCK1")),
        source: AlarmSource::Tower,
        priority: Priority::Low,
        state: AlarmState::Raised,
        reason: Reason::new("x", "x"),
        cause: String::new(),
        in_flood: false,
        raised_ms: WallMs(1),
        raised_count: 1,
        cleared_ms: None,
        acknowledged: None,
        shelved: None,
    }
}
