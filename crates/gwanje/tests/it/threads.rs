//! One OS thread in each process, whatever happens to it.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    docks::until_ended,
    proc,
    site::{GWANJE, Load, Site, run, until, until_within},
};

const DOCKS: u32 = 60;
const SEED: u64 = 3;

/// `gwanje sim` as a process of its own.
struct Sim(Child);

impl Sim {
    fn start(site: &Site, passwords: &Value) -> Self {
        let file = site.data_dir().join("sim.json");
        std::fs::write(&file, passwords.to_string()).unwrap();
        let (docks, seed) = (DOCKS.to_string(), SEED.to_string());
        let child = Command::new(GWANJE)
            .args(["sim", "--docks", &docks, "--seed", &seed, "--speed", "40"])
            .args(["--broker", &site.mqtt.to_string()])
            .arg("--credentials")
            .arg(&file)
            .env("GWANJE_CONFIG", "/dev/null")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn assert_one_thread(site: &mut Site, sim: &Sim, when: &str) {
    let tower = site.tower().expect("a tower");
    for (name, pid) in [("supervisor", site.supervisor()), ("tower", tower), ("sim", sim.0.id())] {
        assert_eq!(proc::threads(pid), 1, "threads of {name} {when}");
    }
}

async fn all_online(site: &Site) {
    let within = Duration::from_secs(90);
    until_within(within, "all docks online", async || {
        let Ok(answer) = site.try_call("GET", "/api/v1/devices", &Value::Null).await else {
            return Err("no answer".to_owned());
        };
        let answer = answer.json();
        let devices = answer["devices"].as_array().unwrap();
        let is_ready = |device: &&Value| {
            device["connection"] == "online"
                && (device["activity"] == "idle" || device["activity"] == "standby")
        };
        let ready = devices.iter().filter(is_ready).count();
        if ready == 2 * DOCKS as usize { Ok(()) } else { Err(format!("{ready} ready")) }
    })
    .await;
}

#[test]
fn each_process_has_one_thread_at_all_times() {
    run(Load::Heavy, async {
        let mut site = Site::start().await;
        let ids = fleet_sim::identities(DOCKS, SEED);
        let mut passwords = json!({});
        for dock in &ids {
            passwords[&dock.dock_sn] = site.enrol(&dock.dock_sn).await.into();
        }
        let sim = Sim::start(&site, &passwords);
        all_online(&site).await;
        assert_one_thread(&mut site, &sim, "after bring-up");

        // Under load: a command for every dock at once, and many readers.
        let asked = join_all(ids.iter().map(async |dock| {
            let taken = site.command(&dock.dock_sn, "debug_mode_open", "load").await.is(202);
            for _ in 0..5 {
                site.get("/api/v1/devices").await.is(200);
                site.get("/metrics").await;
            }
            taken
        }))
        .await;
        assert_one_thread(&mut site, &sim, "under load");
        join_all(asked.iter().map(|taken| site.until_command(taken, &["succeeded"]))).await;
        join_all(ids.iter().map(async |dock| {
            let taken = site.command(&dock.dock_sn, "debug_mode_close", "off").await.is(202);
            site.until_command(&taken, &["succeeded"]).await;
        }))
        .await;

        let broker = site.broker().expect("a broker");
        proc::signal(broker, Signal::KILL);
        until("another broker", async || {
            let now = site.broker();
            if now.is_some_and(|pid| pid != broker) { Ok(()) } else { Err(format!("{now:?}")) }
        })
        .await;
        let heard = super::raw_dock::now_ms();
        site.until("telemetry after the broker's return", "/api/v1/devices", |answer| {
            let devices = answer["devices"].as_array().unwrap();
            devices.iter().all(|device| device["last_heard_ms"].as_i64() > Some(heard))
        })
        .await;
        all_online(&site).await;
        assert_one_thread(&mut site, &sim, "after a broker restart");

        let kmz = fleet_sim::demo_mission(&ids[0]).to_kmz().unwrap();
        let bearer = format!("Bearer {}", site.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/vnd.google-earth.kmz"),
        ];
        let wayline = site.raw("POST", "/api/v1/waylines?name=One", &headers, kmz).await.is(201);
        let body = json!({
            "sn": ids[0].dock_sn, "wayline_id": wayline["wayline_id"], "rth_altitude_m": 100,
            "lost_link_action": "return_home", "idempotency_key": "one",
        });
        let taken = site.post("/api/v1/missions", &body).await.is(202);
        let ended = until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], "ok", "{ended}");
        assert_one_thread(&mut site, &sim, "after a mission");
        assert_eq!(site.get("/api/v1/system").await.is(200)["threads"], 1);
    });
}
