//! What other DDS programs see of a running site, and that they can do nothing to it.

use std::{path::Path, process::Stdio, sync::Arc};

use fleet_bus::wire::{
    Client, Discovery, Spawn, WireConfig,
    views::{Command as WireCommand, DeviceState},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

use super::{
    docks::Docks,
    proc,
    site::{GWANJE, Load, SOON, Settings, Site, run},
};

/// A domain and a tag that no test beside this one has.
fn place() -> (u16, String) {
    let process = std::process::id();
    (60 + u16::try_from(process % 40).unwrap(), format!("site-{process}"))
}

fn settings() -> Settings {
    let (domain, tag) = place();
    vec![
        ("GWANJE_DDS_ENABLED", "true".to_owned()),
        ("GWANJE_DDS_DOMAIN_ID", domain.to_string()),
        ("GWANJE_DDS_DOMAIN_TAG", tag),
    ]
}

async fn bus(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(GWANJE);
    command.arg("bus").args(arguments).env("GWANJE_CONFIG", "/dev/null").envs(settings());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The example of the docs, by Eclipse Cyclone DDS, prints what a simulated aircraft reports.
async fn example_prints(sn: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/cyclone/bin/python");
    assert!(python.exists(), "no Cyclone DDS: run scripts/install-test.sh");
    let (domain, tag) = place();
    let loopback = format!(
        "<CycloneDDS><Domain id=\"any\"><General><Interfaces>\
         <NetworkInterface address=\"127.0.0.1\" multicast=\"true\"/>\
         </Interfaces></General><Discovery><Tag>{tag}</Tag></Discovery></Domain></CycloneDDS>"
    );
    let mut command = Command::new(python);
    command.arg(root.join("docs/examples/dds_telemetry.py"));
    command.args(["--domain", &domain.to_string()]).env("CYCLONEDDS_URI", loopback);
    let mut example = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(example.stdout.take().unwrap()).lines();
    let found = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.starts_with(&format!("{sn} aircraft mode ")) && !line.contains("nan") {
                return;
            }
        }
        panic!("the example ended");
    };
    timeout(SOON, found).await.expect("live telemetry");
}

#[test]
fn other_programs_see_the_fleet_and_cannot_command_it() {
    run(Load::Light, async {
        let mut site = Site::start_as(|_| settings()).await;
        let docks = Docks::online(&site, 2, "").await;
        let (dock, aircraft) = (&docks.ids[0].dock_sn, &docks.ids[0].aircraft_sn);

        let (ok, said) = bus(&["topics"]).await;
        assert!(ok && said.contains("rt/gwanje/device_telemetry"), "{said}");
        assert!(said.contains("sensor_msgs::msg::dds_::NavSatFix_"), "{said}");
        let (ok, said) = bus(&["echo", "device_state", "--sn", dock, "--count", "1"]).await;
        let state: serde_json::Value = serde_json::from_str(said.trim()).expect(&said);
        assert!(ok && state["sn"] == dock.as_str() && state["connection"] == "online", "{said}");
        let (ok, said) = bus(&["echo", "/gwanje/fix", "--sn", aircraft, "--count", "2"]).await;
        assert!(ok && said.lines().count() == 2, "{said}");
        let (ok, said) = bus(&["hz", "device_telemetry", "--for", "3s"]).await;
        assert!(ok && said.contains("device(s)"), "{said}");
        let (ok, said) = bus(&["echo", "nothing"]).await;
        assert!(!ok && said.contains("not a topic of Gwanje"), "{said}");
        example_prints(aircraft).await;

        let (domain_id, domain_tag) = place();
        let config = WireConfig {
            domain_id,
            domain_tag,
            interface: std::net::Ipv4Addr::LOCALHOST,
            discovery: Discovery::Multicast,
        };
        let spawn: Spawn = Arc::new(|_, task| tokio::task::spawn_local(task).abort_handle());
        let stranger = Client::open(&config, spawn).await.unwrap();
        let mut states = stranger.reader::<DeviceState>();
        timeout(SOON, states.next()).await.unwrap().expect("it sees");
        let command = WireCommand {
            sn: dock.clone(),
            method: "cover_open".to_owned(),
            data: "null".to_owned(),
        };
        assert!(stranger.writer::<WireCommand>().write(command).await);
        let alarmed = |page: &serde_json::Value| {
            page["alarms"].as_array().unwrap().iter().any(|alarm| {
                alarm["reason"]["code"] == "foreign_command" && alarm["sn"] == dock.as_str()
            })
        };
        site.until("the alarm", "/api/v1/alarms", alarmed).await;
        assert!(docks.truth(0).records().all(|record| record.method != "cover_open"));

        let metrics = site.get("/metrics").await.text();
        assert!(metrics.contains("gwanje_dds_commands_refused_total 1"), "{metrics}");
        assert_eq!(proc::threads(site.tower().unwrap()), 1, "with DDS and its readers");
    });
}
