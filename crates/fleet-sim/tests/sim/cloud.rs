//! A Mosquitto of the test's own and a small cloud beside it, which answers what docks ask.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fleet_sim::{Credentials, SimConfig, identities};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

pub(crate) const CLOUD: &str = "cloud";
pub(crate) const PASSWORD: &str = "only-for-this-test";

/// A Mosquitto of our own; it ends with the test.
pub(crate) struct Broker {
    child: Child,
    dir: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Broker {
    pub(crate) fn start(name: &str, docks: u32, seed: u64) -> Self {
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

    fn spawn(dir: &Path) -> Child {
        let path = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
        let program = path.into_iter().find(|path| Path::new(path).exists());
        Command::new(program.unwrap_or("mosquitto"))
            .arg("-c")
            .arg(dir.join("conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
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
pub(crate) struct Cloud {
    client: AsyncClient,
    pub(crate) seen: Rc<RefCell<Seen>>,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) results: BTreeMap<String, i64>,
    pub(crate) statuses: BTreeMap<String, Vec<String>>,
    pub(crate) osd_from: BTreeSet<String>,
}

impl Cloud {
    pub(crate) fn start(broker: SocketAddr, file_url: &str, fingerprint: &str) -> Self {
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
                        for topic in [
                            "sys/product/+/status",
                            "thing/product/+/requests",
                            "thing/product/+/events",
                            "thing/product/+/osd",
                            "thing/product/+/services_reply",
                        ] {
                            task_client.try_subscribe(topic, QoS::AtLeastOnce).unwrap();
                        }
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let message: Value = serde_json::from_slice(&publish.payload).unwrap();
                        if let Some(data) =
                            task_seen.borrow_mut().take(&publish.topic, &message, &file)
                        {
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

    pub(crate) fn command(&self, sn: &str, method: &str, data: &Value) -> String {
        let tid = format!("{method}-{}", wall_ms());
        let message = json!({
            "tid": tid, "bid": tid, "timestamp": wall_ms(), "method": method, "data": data,
        });
        let topic = format!("thing/product/{sn}/services");
        self.client.try_publish(topic, QoS::AtLeastOnce, false, message.to_string()).unwrap();
        tid
    }

    pub(crate) async fn result(&self, tid: &str) -> i64 {
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

pub(crate) fn wall_ms() -> i64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(wall.as_millis()).unwrap()
}

pub(crate) async fn wait_for(what: &str, seconds: u64, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within {seconds} s");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Serves one file to everybody who asks.
pub(crate) async fn serve(file: Bytes) -> SocketAddr {
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

pub(crate) fn config(broker: &Broker, docks: u32, seed: u64) -> SimConfig {
    let password = |identity: fleet_sim::DockIdentity| (identity.dock_sn, PASSWORD.to_owned());
    let passwords = identities(docks, seed).into_iter().map(password).collect();
    let mut cfg = SimConfig::new(broker.address, docks, seed);
    cfg.credentials = Credentials::PerDock(passwords);
    cfg.ramp = Duration::from_millis(500);
    cfg.speed = 40.0;
    cfg
}

pub(crate) fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}
