//! One process, one thread: a fleet comes up, flies and loses its broker, and `/proc` says
//! `Threads: 1` all the while. It has its own `main`, because the test harness starts threads.
#![allow(clippy::unwrap_used)] // a test may fail loudly
#![allow(dead_code)] // the cloud's other half serves the other test binary

#[path = "sim/cloud.rs"]
mod cloud;

use std::time::Duration;

use bytes::Bytes;
use cloud::{Broker, Cloud, block_on, config, serve, wait_for, wall_ms};
use fleet_sim::{demo_mission, identities, run};
use md5::{Digest, Md5};
use serde_json::json;

const DOCKS: u32 = 200;
const SEED: u64 = 9;

fn main() {
    block_on(async {
        let mut broker = Broker::start("one-thread", DOCKS, SEED);
        let identity = identities(DOCKS, SEED).remove(0);
        let mission = demo_mission(&identity).to_kmz().unwrap();
        let fingerprint: String =
            Md5::digest(&mission).iter().map(|byte| format!("{byte:02x}")).collect();
        let url = format!("http://{}/mission.kmz?token=t", serve(Bytes::from(mission)).await);
        let cloud = Cloud::start(broker.address, &url, &fingerprint);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let cfg = config(&broker, DOCKS, SEED);
        let fleet = tokio::task::spawn_local(run(cfg, async {
            let _ = stopped.await;
        }));
        let heard = || cloud.seen.borrow().osd_from.len() == 2 * DOCKS as usize;
        wait_for("all docks and aircraft", 30, heard).await;
        assert_one_thread("after bring-up");

        let sn = &identity.dock_sn;
        let prepare = json!({"flight_id": "f", "execute_time": wall_ms(), "task_type": 0,
            "file": {"url": url, "fingerprint": fingerprint}, "rth_altitude": 80});
        let tid = cloud.command(sn, "flighttask_prepare", &prepare);
        assert_eq!(cloud.result(&tid).await, 0);
        let tid = cloud.command(sn, "flighttask_execute", &json!({"flight_id": "f"}));
        assert_eq!(cloud.result(&tid).await, 0);
        let status = || cloud.seen.borrow().statuses.get(sn).and_then(|list| list.last().cloned());
        wait_for("the flight", 30, || status().as_deref() == Some("in_progress")).await;
        assert_one_thread("in flight");
        wait_for("the verdict", 30, || status().as_deref() == Some("ok")).await;
        assert_one_thread("after the mission");

        broker.kill();
        tokio::time::sleep(Duration::from_millis(500)).await;
        broker.restart();
        cloud.seen.borrow_mut().osd_from.clear();
        wait_for("all back", 30, heard).await;
        assert_one_thread("after the broker's restart");
        stop.send(()).unwrap();
        let report = fleet.await.unwrap().unwrap();
        assert_eq!((report.online, report.take_offs), (DOCKS as usize, 1));
    });
}

fn assert_one_thread(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("Threads:")).unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some("1"), "{when}");
}
