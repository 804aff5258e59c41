//! The runner on a real Mosquitto, with a small cloud beside it: bring-up of a fleet, one mission to
//! `ok` over MQTT and HTTP, a killed dock, a restarted broker, and one thread all the while.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fleet_sim::{Credentials, MqttVersion, SimConfig, SimError, SimFleet, demo_mission, identities};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use crate::lab::md5_hex;

const CLOUD: &str = "cloud";
const PASSWORD: &str = "only-for-this-test";

/// A Mosquitto of our own; it ends with the test.
struct Broker {
    child: Child,
    dir: PathBuf,
    address: SocketAddr,
}

impl Broker {
    fn start(name: &str, docks: u32, seed: u64) -> Self {
        let dir = std::env::temp_dir().join(format!("fleet-sim-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let users = dir.join("users");
        let mut list = std::fs::File::create(&users).unwrap();
        writeln!(list, "{CLOUD}:{PASSWORD}").unwrap();
        for identity in identities(docks, seed) {
            writeln!(list, "{}:{PASSWORD}", identity.dock_sn).unwrap();
        }
        drop(list);
        let hashed = Command::new("mosquitto_passwd").arg("-U").arg(&users).status().unwrap();
        assert!(hashed.success());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let config = format!(
            "listener {} 127.0.0.1\nallow_anonymous false\npassword_file {}\nuser root\n\
             persistence false\nlog_dest none\nmax_queued_messages 10000\n",
            address.port(),
            users.display()
        );
        std::fs::write(dir.join("conf"), config).unwrap();
        let child = Self::spawn(&dir);
        Self { child, dir, address }
    }

    fn spawn(dir: &std::path::Path) -> Child {
        let path = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
        let program = path.into_iter().find(|path| std::path::Path::new(path).exists());
        Command::new(program.unwrap_or("mosquitto"))
            .arg("-c")
            .arg(dir.join("conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = Self::spawn(&self.dir);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The cloud side: answers requests, remembers what came.
struct Cloud {
    client: AsyncClient,
    seen: Rc<RefCell<Seen>>,
}

#[derive(Default)]
struct Seen {
    results: BTreeMap<String, i64>,
    statuses: BTreeMap<String, Vec<String>>,
    osd_from: BTreeSet<String>,
}

impl Cloud {
    fn start(broker: SocketAddr, file_url: &str, fingerprint: &str) -> Self {
        let mut options = MqttOptions::new(CLOUD, broker.ip().to_string(), broker.port());
        options.set_credentials(CLOUD, PASSWORD).set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut link) = AsyncClient::new(options, 4_096);
        let seen = Rc::new(RefCell::new(Seen::default()));
        let file = json!({"url": file_url, "fingerprint": fingerprint});
        let (task_client, task_seen) = (client.clone(), Rc::clone(&seen));
        tokio::task::spawn_local(async move {
            loop {
                match link.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        for topic in ["sys/product/+/status", "thing/product/+/requests",
                            "thing/product/+/events", "thing/product/+/osd",
                            "thing/product/+/services_reply"] {
                            task_client.try_subscribe(topic, QoS::AtLeastOnce).unwrap();
                        }
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let message: Value = serde_json::from_slice(&publish.payload).unwrap();
                        if let Some(data) = task_seen.borrow_mut().take(&publish.topic, &message, &file) {
                            let reply = json!({
                                "tid": message["tid"], "bid": message["bid"],
                                "method": message["method"], "timestamp": wall_ms(), "data": data,
                            });
                            let topic = format!("{}_reply", publish.topic);
                            task_client
                                .try_publish(topic, QoS::AtLeastOnce, false, reply.to_string())
                                .unwrap();
                        }
                    }
                    Ok(_) => {}
                    Err(_) => sleep(Duration::from_millis(200)).await,
                }
            }
        });
        Self { client, seen }
    }

    fn command(&self, sn: &str, method: &str, data: &Value) -> String {
        let tid = format!("{method}-{}", wall_ms());
        let message = json!({
            "tid": tid, "bid": tid, "timestamp": wall_ms(), "method": method, "data": data,
        });
        let topic = format!("thing/product/{sn}/services");
        self.client.try_publish(topic, QoS::AtLeastOnce, false, message.to_string()).unwrap();
        tid
    }

    async fn result(&self, tid: &str) -> i64 {
        wait_for("an answer", 10, || self.seen.borrow().results.contains_key(tid)).await;
        self.seen.borrow().results[tid]
    }
}

impl Seen {
    /// Remembers a message and gives the answer's `data`, if it needs one.
    fn take(&mut self, topic: &str, message: &Value, file: &Value) -> Option<Value> {
        let sn = topic.split('/').nth(2).unwrap().to_owned();
        let list = |path: &str, entry: fn(&Value) -> Value| -> Vec<Value> {
            let devices = message.pointer(path).and_then(Value::as_array);
            devices.into_iter().flatten().map(|device| entry(&device["sn"])).collect()
        };
        match topic.rsplit('/').next().unwrap() {
            "osd" => {
                self.osd_from.insert(sn);
                None
            }
            "services_reply" => {
                let tid = message["tid"].as_str().unwrap().to_owned();
                self.results.insert(tid, message["data"]["result"].as_i64().unwrap());
                None
            }
            "events" => {
                if message["method"] == "flighttask_progress" {
                    let status = message["data"]["output"]["status"].as_str().unwrap().to_owned();
                    let statuses = self.statuses.entry(sn).or_default();
                    if statuses.last() != Some(&status) {
                        statuses.push(status);
                    }
                }
                (message["need_reply"] == 1).then(|| json!({"result": 0}))
            }
            "status" => Some(json!({"result": 0})),
            _ => Some(match message["method"].as_str().unwrap() {
                "config" => json!({"ntp_server_host": "10.0.0.1", "app_id": "1", "app_key": "",
                    "app_license": ""}),
                "airport_bind_status" => json!({"result": 0, "output": {"bind_status":
                    list("/data/devices", |sn| json!({"sn": sn, "is_device_bind_organization": true}))}}),
                "flighttask_resource_get" => json!({"result": 0, "output": {"file": file}}),
                _ => json!({"result": 0}),
            }),
        }
    }
}

fn wall_ms() -> i64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(wall.as_millis()).unwrap()
}

async fn wait_for(what: &str, seconds: u64, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within {seconds} s");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Serves one file to everybody who asks.
async fn serve(file: Bytes) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let read = stream.read(&mut request).await.unwrap();
            let found = request[..read].starts_with(b"GET /mission.kmz?token=t HTTP/1.1\r\n");
            let (status, body) =
                if found { ("200 OK", file.clone()) } else { ("404 Not Found", Bytes::new()) };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body).await;
        }
    });
    address
}

/// Threads of this process, apart from those of the test harness.
fn threads() -> usize {
    let harness = 1 + std::env::var("RUST_TEST_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(
        std::thread::available_parallelism().map_or(1, usize::from),
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("Threads:")).unwrap();
    let all: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    all.saturating_sub(harness)
}

fn config(broker: &Broker, docks: u32, seed: u64) -> SimConfig {
    let password = |identity: fleet_sim::DockIdentity| (identity.dock_sn, PASSWORD.to_owned());
    let passwords = identities(docks, seed).into_iter().map(password).collect();
    let mut cfg = SimConfig::new(broker.address, docks, seed);
    cfg.credentials = Credentials::PerDock(passwords);
    cfg.ramp = Duration::from_millis(500);
    cfg.speed = 40.0;
    cfg
}

fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

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
        wait_for("osd of docks and aircraft", 10, || cloud.seen.borrow().osd_from.len() == 40).await;

        let sn = fleet.identity(3).unwrap().dock_sn;
        let file = json!({"url": url, "fingerprint": fingerprint});
        let prepare = json!({"flight_id": "f", "execute_time": wall_ms(), "task_type": 0,
            "file": file, "rth_altitude": 80});
        let tid = cloud.command(&sn, "flighttask_prepare", &prepare);
        assert_eq!(cloud.result(&tid).await, 0);
        let tid = cloud.command(&sn, "flighttask_execute", &json!({"flight_id": "f"}));
        assert_eq!(cloud.result(&tid).await, 0);
        let flown = || cloud.seen.borrow().statuses.get(&sn).is_some_and(|s| s.ends_with(&["ok".into()]));
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

#[test]
fn the_runner_starts_no_thread() {
    block_on(async {
        let broker = Broker::start("threads", 5, 8);
        let _cloud = Cloud::start(broker.address, "http://127.0.0.1:1/", "");
        let cfg = config(&broker, 5, 8);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let runner = tokio::task::spawn_local(fleet_sim::run(cfg, async {
            let _ = stopped.await;
        }));
        sleep(Duration::from_secs(4)).await;
        assert_eq!(threads(), 0, "threads beside those of the test harness");
        stop.send(()).unwrap();
        let report = runner.await.unwrap().unwrap();
        assert_eq!((report.docks, report.online, report.connects), (5, 5, 5));
    });
}
