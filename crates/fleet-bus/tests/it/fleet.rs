//! Samples as a tower writes them, and participants to see them with.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use fleet_bus::{
    Bus,
    wire::{Client, Discovery, Peer, Refused, Spawn, Wire, WireConfig, WireLook},
};
use fleet_types::{
    DeviceClass, DeviceSn, Scalar, Telemetry, WallMs,
    telemetry::{FieldSpec, Schema},
    topic::DeviceOsd,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A domain that no other test of this process has. Domains up to 99 are left to others.
pub(crate) fn domain() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests run as processes beside each other, too; those that meet have tags.
    let process = u16::try_from(std::process::id() % 40).unwrap();
    100 + process * 3 + NEXT.fetch_add(1, Ordering::Relaxed) % 3
}

/// Processes with other tags are not heard.
pub(crate) fn tag() -> String {
    format!("test-{}", std::process::id())
}

pub(crate) fn loopback(domain_id: u16) -> WireConfig {
    WireConfig {
        domain_id,
        domain_tag: tag(),
        interface: Ipv4Addr::LOCALHOST,
        discovery: Discovery::Multicast,
    }
}

pub(crate) fn by_address(domain_id: u16) -> WireConfig {
    let peer = Peer { address: Ipv4Addr::LOCALHOST, port: None };
    WireConfig { discovery: Discovery::Peers(vec![peer]), ..loopback(domain_id) }
}

pub(crate) fn spawn() -> Spawn {
    Arc::new(|_, task| tokio::task::spawn_local(task).abort_handle())
}

/// Runs a test where tasks of the wire can be started.
pub(crate) async fn local(test: impl Future<Output = ()>) {
    tokio::task::LocalSet::new().run_until(test).await;
}

/// A tower's wire, running.
pub(crate) struct Tower {
    pub(crate) bus: Bus,
    pub(crate) look: WireLook,
    pub(crate) refused: mpsc::Receiver<Refused>,
    running: JoinHandle<()>,
}

impl Tower {
    pub(crate) fn start(config: WireConfig) -> Self {
        Self::start_by(config, spawn())
    }

    pub(crate) fn start_by(config: WireConfig, spawn: Spawn) -> Self {
        let bus = Bus::new();
        let (wire, refused) = Wire::new(config, &bus, spawn);
        let look = wire.look();
        Self { bus, look, refused, running: tokio::task::spawn_local(wire.run()) }
    }
}

impl Drop for Tower {
    fn drop(&mut self) {
        self.running.abort();
    }
}

pub(crate) async fn client(config: &WireConfig) -> Client {
    Client::open(config, spawn()).await.unwrap()
}

/// Waits for a condition that is looked at now and then.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(LONG, waiting).await.is_ok(), "never: {what}");
}

pub(crate) fn sn(text: &str) -> DeviceSn {
    DeviceSn::new(text).unwrap()
}

/// The report of an aircraft.
pub(crate) fn report(name: &str, number: u64) -> DeviceOsd {
    let fields = [
        "latitude",
        "longitude",
        "height",
        "elevation",
        "attitude_head",
        "horizontal_speed",
        "mode_code",
        "battery.capacity_percent",
        "battery.batteries",
        "position_state.gps_number",
        "position_state.is_fixed",
    ];
    let field = |key: &&str| FieldSpec { key: (*key).to_owned(), unit: "" };
    let schema = Arc::new(Schema { fields: fields.iter().map(field).collect() });
    let packs = serde_json::json!([{"voltage": 22_950, "temperature": 31.5}]);
    let values = [
        Scalar::Num(37.5),
        Scalar::Num(126.9),
        Scalar::Num(81.25),
        Scalar::Num(40.0),
        Scalar::Num(-90.0),
        Scalar::Num(7.5),
        Scalar::Int(5),
        Scalar::Int(77),
        Scalar::Json(fleet_types::telemetry::JsonText::of(&packs)),
        Scalar::Int(21),
        Scalar::Int(2),
    ];
    let received_ms = WallMs(1_700_000_000_123);
    let mut telemetry = Telemetry::empty(schema);
    let stamp = telemetry.stamp(None, received_ms);
    for (place, value) in values.into_iter().enumerate() {
        telemetry.put(place, stamp, value);
    }
    DeviceOsd {
        sn: sn(name),
        class: DeviceClass::Aircraft,
        gateway_sn: sn("DOCK1"),
        report_count: number,
        received_ms,
        values: telemetry,
    }
}
