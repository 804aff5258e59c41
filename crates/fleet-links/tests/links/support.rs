//! A real Mosquitto on a free loopback port, a device beside it, and the tower's link: what the
//! tests stand on.

use std::{
    fs,
    future::Future,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use fleet_links::{
    Secret,
    mosquitto::{
        AIRCRAFT_FILE, AircraftDocks, BrokerLimits, BrokerSpec, CONF_FILE, DYNSEC_FILE, TlsListen,
        find_plugin,
    },
    mqtt::{
        BrokerAddress, CommandPublish, LinkEvent, LinkEvents, LinkHandle, MqttConfig, SendFate,
        start,
    },
};
use fleet_types::{CommandId, DeviceSn, MonoMs, Now, WallMs, link::LinkName};
use rumqttc::v5::{
    AsyncClient, Event, EventLoop, Incoming, MqttOptions,
    mqttbytes::{QoS, v5::Publish},
};

/// Longest time anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn clock() -> Now {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let mono = ORIGIN.get_or_init(Instant::now).elapsed().as_millis();
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    // The origin is moved so that tests may look back in time.
    Now { mono: MonoMs(mono as u64 + 1_000_000), wall: WallMs(wall as i64) }
}

pub(crate) fn in_ms(ms: u64) -> MonoMs {
    clock().mono.after_ms(ms)
}

pub(crate) fn sn(text: &str) -> DeviceSn {
    DeviceSn::new(text).unwrap()
}

pub(crate) fn command_id(n: u32) -> CommandId {
    format!("{n:032x}").parse().unwrap()
}

pub(crate) fn command(n: u32, topic: &str, expires_in_ms: u64) -> CommandPublish {
    CommandPublish {
        command_id: command_id(n),
        topic: topic.to_owned(),
        payload: Bytes::from(format!("command {n}")),
        expires: in_ms(expires_in_ms),
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A directory that goes with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gwanje-links-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A Mosquitto as [`BrokerSpec`] writes it, with docks `D1` and `D2`; killed when dropped.
pub(crate) struct Broker {
    dir: Scratch,
    pub(crate) port: u16,
    tls: TlsListen,
    child: Option<Child>,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        Self::start_with(&["D1", "D2"].map(sn)).await
    }

    pub(crate) async fn start_with(docks: &[DeviceSn]) -> Self {
        Self::start_as(docks, TlsListen::default(), |_| {}).await
    }

    /// With these docks and TLS listeners; `prepare` puts files into the broker's directory.
    pub(crate) async fn start_as(
        docks: &[DeviceSn],
        tls: TlsListen,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let mut broker = Self { dir: Scratch::new(), port: free_port(), tls, child: None };
        let files = BrokerSpec {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, broker.port))],
            tls,
            data_dir: broker.dir.0.clone(),
            user: None,
            plugin_path: find_plugin().expect("Debian's mosquitto package is installed"),
            tower_username: "tower".into(),
            tower_password: Secret::new("tower-password"),
            docks: docks
                .iter()
                .map(|dock| (dock.clone(), Secret::new(format!("pw-{dock}"))))
                .collect(),
            limits: BrokerLimits { sys_interval_s: 1, ..BrokerLimits::default() },
            tell_refusals: false,
        }
        .files()
        .unwrap();
        fs::write(broker.dir.0.join(CONF_FILE), files.conf).unwrap();
        fs::write(broker.dir.0.join(DYNSEC_FILE), files.dynsec).unwrap();
        fs::write(broker.dir.0.join(AIRCRAFT_FILE), AircraftDocks::default().text(None)).unwrap();
        prepare(&broker.dir.0);
        broker.restart().await;
        broker
    }

    fn log_path(&self) -> PathBuf {
        self.dir.0.join("stderr.log")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub(crate) async fn restart(&mut self) {
        self.kill();
        let log = fs::File::options().create(true).append(true).open(self.log_path()).unwrap();
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .unwrap_or("mosquitto");
        let child = Command::new(program)
            .arg("-c")
            .arg(self.dir.0.join(CONF_FILE))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Debian's mosquitto package is installed");
        self.child = Some(child);
        let give_up = Instant::now() + PATIENCE;
        let tls = [self.tls.password, self.tls.certificate].into_iter().flatten();
        for port in tls.map(|address| address.port()).chain([self.port]) {
            while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                assert!(Instant::now() < give_up, "the broker does not come up: {}", self.log());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir.0
    }

    /// SIGHUP: the broker reads its access file and its certificates again.
    pub(crate) fn reload(&self) {
        self.signal("HUP");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        let kill = format!("kill -{name} \"$0\"");
        assert!(Command::new("sh").args(["-c", &kill, &pid]).status().unwrap().success());
    }

    /// SIGSTOP: the broker's sockets stay open and nobody reads them.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// SIGKILL: nothing is saved, nobody is told.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn config(&self) -> MqttConfig {
        config_for(&[self.port])
    }

    pub(crate) fn link(&self) -> Link {
        Link::start(self.config())
    }

    /// A dock's own MQTT client, connected; `D1` has the password `pw-D1`.
    pub(crate) async fn device(&self, login: &str, subscribe: &[&str]) -> Device {
        self.device_as(login, &format!("pw-{login}"), true, subscribe).await
    }

    pub(crate) async fn device_as(
        &self,
        login: &str,
        password: &str,
        clean: bool,
        subscribe: &[&str],
    ) -> Device {
        self.device_by(self.port, login, password, clean, subscribe).await
    }

    /// `D1` and so on, by another port that leads to this broker.
    pub(crate) async fn device_at(&self, port: u16, login: &str, subscribe: &[&str]) -> Device {
        self.device_by(port, login, &format!("pw-{login}"), true, subscribe).await
    }

    /// A client with a client id, login and password of its own choice.
    pub(crate) async fn device_of(
        &self,
        client_id: &str,
        login: &str,
        password: &str,
        subscribe: &[&str],
    ) -> Device {
        let mut options = MqttOptions::new(client_id, "127.0.0.1", self.port);
        options.set_credentials(login, password);
        Device::connect(options, subscribe).await
    }

    /// A client of MQTT 3.1.1, as docks in the field are.
    pub(crate) async fn device_v4(&self, login: &str, client_id: &str) -> OldDevice {
        let mut options = rumqttc::MqttOptions::new(client_id, "127.0.0.1", self.port);
        options.set_credentials(login, format!("pw-{login}"));
        let (client, mut events) = rumqttc::AsyncClient::new(options, 64);
        let event = patient("CONNACK", events.poll()).await.unwrap();
        assert!(
            matches!(event, rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_))),
            "{event:?}"
        );
        OldDevice { client, events }
    }

    async fn device_by(
        &self,
        port: u16,
        login: &str,
        password: &str,
        clean: bool,
        subscribe: &[&str],
    ) -> Device {
        let mut options = MqttOptions::new(login, "127.0.0.1", port);
        options
            .set_credentials(login, password)
            .set_clean_start(clean)
            .set_session_expiry_interval(Some(if clean { 0 } else { 3600 }))
            .set_max_packet_size(Some(4 * 1024 * 1024));
        Device::connect(options, subscribe).await
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn config_for(ports: &[u16]) -> MqttConfig {
    let brokers =
        ports.iter().map(|port| BrokerAddress { host: "127.0.0.1".into(), port: *port }).collect();
    MqttConfig {
        username: Some("tower".into()),
        password: Some(Secret::new("tower-password")),
        ..MqttConfig::new(brokers, "test-tower")
    }
}

/// A device: its client is polled only while a test waits for it.
pub(crate) struct Device {
    pub(crate) client: AsyncClient,
    pub(crate) events: EventLoop,
}

impl Device {
    async fn connect(options: MqttOptions, subscribe: &[&str]) -> Self {
        let (client, events) = AsyncClient::new(options, 4096);
        let mut device = Self { client, events };
        device.until("CONNACK", |event| matches!(event, Incoming::ConnAck(_)).then_some(())).await;
        for topic in subscribe {
            device.client.try_subscribe(*topic, QoS::AtLeastOnce).unwrap();
            let refused = device
                .until("SUBACK", |event| match event {
                    Incoming::SubAck(ack) => Some(format!("{:?}", ack.return_codes)),
                    _ => None,
                })
                .await;
            assert!(refused.contains("Success"), "{topic}: {refused}");
        }
        device
    }

    /// Polls until `want` finds what it wants.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut want: impl FnMut(&Incoming) -> Option<T>,
    ) -> T {
        let found = async {
            loop {
                match self.events.poll().await {
                    Ok(Event::Incoming(event)) => {
                        if let Some(found) = want(&event) {
                            return found;
                        }
                    }
                    Ok(Event::Outgoing(_)) => {}
                    Err(error) => {
                        panic!("the device lost its connection waiting for {what}: {error}")
                    }
                }
            }
        };
        patient(what, found).await
    }

    /// For what the broker may refuse in either way.
    pub(crate) async fn until_answered_or_thrown_out(&mut self) {
        let answered = async {
            while let Ok(event) = self.events.poll().await {
                if let Event::Incoming(Incoming::PubAck(_)) = event {
                    break;
                }
            }
        };
        patient("an answer or the end of the connection", answered).await;
    }

    pub(crate) async fn receive(&mut self) -> Publish {
        self.until("a message for the device", |event| match event {
            Incoming::Publish(publish) => Some(publish.clone()),
            _ => None,
        })
        .await
    }

    /// Publishes at QoS 1 and gives the broker's reason, `Success` when it is allowed.
    pub(crate) async fn publish(&mut self, topic: &str, payload: impl Into<Bytes>) -> String {
        let payload = payload.into();
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload).unwrap();
        self.until("PUBACK", |event| match event {
            Incoming::PubAck(ack) => Some(format!("{:?}", ack.reason)),
            _ => None,
        })
        .await
    }

    /// Payloads that still come until it is quiet for so long.
    pub(crate) async fn drain(&mut self, quiet: Duration) -> Vec<String> {
        let mut payloads = Vec::new();
        while let Ok(polled) = tokio::time::timeout(quiet, self.events.poll()).await {
            if let Event::Incoming(Incoming::Publish(publish)) = polled.unwrap() {
                payloads.push(String::from_utf8_lossy(&publish.payload).into_owned());
            }
        }
        payloads
    }
}

/// A dock that speaks MQTT 3.1.1.
pub(crate) struct OldDevice {
    client: rumqttc::AsyncClient,
    events: rumqttc::EventLoop,
}

impl OldDevice {
    /// Publishes at QoS 1 and waits for the PUBACK, which is no promise that anybody gets it.
    pub(crate) async fn say(&mut self, topic: &str, payload: &str) {
        self.client.try_publish(topic, rumqttc::QoS::AtLeastOnce, false, payload).unwrap();
        let acknowledged = async {
            while !matches!(
                self.events.poll().await.unwrap(),
                rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))
            ) {}
        };
        patient("PUBACK", acknowledged).await;
    }
}

/// The link under test.
pub(crate) struct Link {
    pub(crate) handle: LinkHandle,
    pub(crate) events: LinkEvents,
    pub(crate) config: MqttConfig,
}

pub(crate) const ALL_LINKS: [LinkName; 3] =
    [LinkName::Telemetry, LinkName::Events, LinkName::Commands];

impl Link {
    pub(crate) fn start(config: MqttConfig) -> Self {
        let (handle, events) = start(config.clone(), clock);
        Self { handle, events, config }
    }

    /// Reads until `want` finds what it wants; other events are thrown away.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut want: impl FnMut(LinkEvent) -> Option<T>,
    ) -> T {
        let found = async {
            loop {
                let event = self.events.next().await.expect("the link ended");
                if let Some(found) = want(event) {
                    return found;
                }
            }
        };
        patient(what, found).await
    }

    /// Waits until all three connections are up, or all are down.
    pub(crate) async fn all(&mut self, connected: bool) {
        let mut missing = ALL_LINKS.to_vec();
        self.until("status of all links", |event| {
            if let LinkEvent::Status(status) = event {
                missing.retain(|link| *link != status.link);
                if status.connected != connected {
                    missing.push(status.link);
                }
            }
            missing.is_empty().then_some(())
        })
        .await;
    }

    /// The next message, of either connection.
    pub(crate) async fn message(&mut self) -> (String, Bytes, Option<fleet_links::mqtt::AckToken>) {
        self.until("a message", |event| match event {
            LinkEvent::Message { topic, payload, ack, .. } => Some((topic, payload, ack)),
            _ => None,
        })
        .await
    }

    /// Reads until a fate of this command comes.
    pub(crate) async fn fate(&mut self, n: u32) -> SendFate {
        self.until("the fate of a command", |event| match event {
            LinkEvent::Command { command_id: id, fate } if id == command_id(n) => Some(fate),
            _ => None,
        })
        .await
    }

    /// Every fate still to be told until the link ended.
    pub(crate) async fn rest(&mut self) -> Vec<(CommandId, SendFate)> {
        let mut fates = Vec::new();
        let all = async {
            while let Some(event) = self.events.next().await {
                if let LinkEvent::Command { command_id, fate } = event {
                    fates.push((command_id, fate));
                }
            }
        };
        patient("the end of the link", all).await;
        fates
    }
}

pub(crate) async fn patient<T>(what: &str, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(done) => done,
        Err(_) => panic!("{what} did not come within {} s", PATIENCE.as_secs()),
    }
}
