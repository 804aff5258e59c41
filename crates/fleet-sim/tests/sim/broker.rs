//! The runner on a real Mosquitto: bring-up of a fleet, one mission to `ok` over MQTT and HTTP, a
//! killed dock, a restarted broker.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use fleet_sim::{Credentials, MqttVersion, SimError, SimFleet, demo_mission, identities};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::cloud::{Broker, CLOUD, Cloud, PASSWORD, block_on, config, serve, wait_for, wall_ms};
use crate::lab::md5_hex;

#[test]
fn a_fleet_comes_up_flies_and_survives_its_broker() {
    block_on(async {
        let mut broker = Broker::start("fleet", 20, 4);
        let mission = demo_mission(&identities(20, 4)[3]).to_kmz().unwrap();
        let fingerprint = md5_hex(&mission);
        let files = serve(Bytes::from(mission)).await;
        let url = format!("http://{files}/mission.kmz?token=t");
        let cloud = Cloud::start(broker.address, &url, &fingerprint);
        let fleet = SimFleet::start(config(&broker, 20, 4)).unwrap();
        wait_for("20 docks online", 20, || fleet.online() == 20).await;
        wait_for("osd of docks and aircraft", 10, || cloud.seen.borrow().osd_from.len() == 40)
            .await;

        let sn = fleet.identity(3).unwrap().dock_sn;
        let file = json!({"url": url, "fingerprint": fingerprint});
        let prepare = json!({"flight_id": "f", "execute_time": wall_ms(), "task_type": 0,
            "file": file, "rth_altitude": 80});
        let tid = cloud.command(&sn, "flighttask_prepare", &prepare);
        assert_eq!(cloud.result(&tid).await, 0);
        let tid = cloud.command(&sn, "flighttask_execute", &json!({"flight_id": "f"}));
        assert_eq!(cloud.result(&tid).await, 0);
        let flown =
            || cloud.seen.borrow().statuses.get(&sn).is_some_and(|s| s.ends_with(&["ok".into()]));
        wait_for("the mission's verdict", 30, flown).await;
        assert_eq!(cloud.seen.borrow().statuses[&sn], ["sent", "in_progress", "ok"]);
        assert_eq!(fleet.ground_truth(3).unwrap().take_offs(), 1);

        broker.kill();
        wait_for("all docks to notice", 10, || fleet.online() == 0).await;
        let before = fleet.report().connects;
        sleep(Duration::from_secs(1)).await;
        broker.restart();
        wait_for("20 docks back", 30, || fleet.online() == 20).await;
        let report = fleet.stop().await;
        assert_eq!(report.connects - before, 20, "each dock connects once: no storm");
        assert_eq!(report.dropped, 0);
    });
}

#[test]
fn a_killed_dock_is_gone_without_goodbye_and_obeys_late_commands_on_return() {
    block_on(async {
        let broker = Broker::start("kill", 2, 5);
        let cloud = Cloud::start(broker.address, "http://127.0.0.1:1/", "");
        let fleet = SimFleet::start(config(&broker, 2, 5)).unwrap();
        wait_for("2 docks online", 20, || fleet.online() == 2).await;
        let sn = fleet.identity(0).unwrap().dock_sn;
        fleet.kill(0);
        wait_for("the dock to be gone", 5, || fleet.online() == 1).await;
        let tid = cloud.command(&sn, "debug_mode_open", &Value::Null);
        sleep(Duration::from_millis(500)).await;
        assert_eq!(fleet.ground_truth(0).unwrap().received("debug_mode_open"), 0);
        // The danger that the tower must avoid by expiry: a kept session delivers late commands.
        fleet.restart(0);
        wait_for("the dock to be back", 20, || fleet.online() == 2).await;
        wait_for("the late command", 5, || {
            fleet.ground_truth(0).unwrap().executions("debug_mode_open") == 1
        })
        .await;
        assert_eq!(cloud.result(&tid).await, 0);

        fleet.hold_replies(1, true);
        let other = fleet.identity(1).unwrap().dock_sn;
        let tid = cloud.command(&other, "debug_mode_open", &Value::Null);
        wait_for("the command", 5, || {
            fleet.ground_truth(1).unwrap().executions("debug_mode_open") == 1
        })
        .await;
        sleep(Duration::from_millis(300)).await;
        assert!(!cloud.seen.borrow().results.contains_key(&tid));
        fleet.hold_replies(1, false);
        assert_eq!(cloud.result(&tid).await, 0);
        assert_eq!(fleet.stop().await.docks, 2);
    });
}

#[test]
fn mqtt_5_docks_see_message_expiry() {
    block_on(async {
        let broker = Broker::start("v5", 1, 6);
        let cloud = Cloud::start(broker.address, "http://127.0.0.1:1/", "");
        let mut cfg = config(&broker, 1, 6);
        cfg.mqtt = MqttVersion::V5;
        let fleet = SimFleet::start(cfg).unwrap();
        wait_for("the dock online", 20, || fleet.online() == 1).await;
        let sn = fleet.identity(0).unwrap().dock_sn;
        let tid = cloud.command(&sn, "debug_mode_open", &Value::Null);
        assert_eq!(cloud.result(&tid).await, 0);
        let message = json!({"tid": "t", "bid": "b", "method": "cover_open", "data": null});
        let sent = Command::new("mosquitto_pub")
            .args(["-V", "5", "-h", "127.0.0.1", "-p", &broker.address.port().to_string()])
            .args(["-u", CLOUD, "-P", PASSWORD, "-q", "1", "-t"])
            .arg(format!("thing/product/{sn}/services"))
            .args(["-D", "publish", "message-expiry-interval", "60", "-m", &message.to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        wait_for("the command", 5, || fleet.ground_truth(0).unwrap().received("cover_open") == 1)
            .await;
        let truth = fleet.ground_truth(0).unwrap();
        let expiry_s = truth.records().last().unwrap().expiry_s.unwrap();
        assert!((50..=60).contains(&expiry_s), "{expiry_s}");
        fleet.stop().await;
    });
}

#[test]
fn a_wrong_password_is_retried_gently_and_wrong_settings_are_named() {
    block_on(async {
        let broker = Broker::start("auth", 1, 7);
        let mut cfg = config(&broker, 1, 7);
        let sn = identities(1, 7).remove(0).dock_sn;
        cfg.credentials = Credentials::PerDock([(sn.clone(), "wrong".to_owned())].into());
        assert!(!format!("{cfg:?}").contains("wrong"), "passwords must not be printed");
        let fleet = SimFleet::start(cfg.clone()).unwrap();
        sleep(Duration::from_secs(2)).await;
        assert_eq!((fleet.online(), fleet.stop().await.connects), (0, 0));
        cfg.credentials = Credentials::PerDock(BTreeMap::new());
        assert_eq!(SimFleet::start(cfg.clone()).unwrap_err(), SimError::NoPassword { sn });
        cfg.docks = 0;
        assert_eq!(SimFleet::start(cfg).unwrap_err(), SimError::FleetSize { docks: 0 });
    });
}
