//! Five thousand docks whose broker dies: all come back, and the broker's work for it is told.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use fleet_links::{
    Secret,
    mosquitto::{BrokerLimits, BrokerSpec, DYNSEC_FILE, TlsListen, find_plugin},
};
use fleet_sim::{Credentials, DockIdentity, SimConfig, SimFleet};
use fleet_types::DeviceSn;
use gwanje::children::user;
use rustix::process::Signal;
use serde_json::Value;

use super::{
    proc,
    site::{Load, Site, run_within, until_within, wants_long},
};

const SEED: u64 = 23;
const TOWER_PASSWORD: &str = "tower-password-of-a-test";

fn password(sn: &str) -> String {
    format!("password-of-{sn}")
}

/// The broker's accounts, as if every dock had been enrolled before: one by one it would take
/// minutes.
fn enrol_all(dir: &Path, ids: &[DockIdentity]) {
    let docks = ids
        .iter()
        .map(|dock| (DeviceSn::new(&dock.dock_sn).unwrap(), Secret::new(password(&dock.dock_sn))));
    let broker = dir.join("broker");
    let spec = BrokerSpec {
        listen: vec!["127.0.0.1:1".parse().unwrap()],
        tls: TlsListen::default(),
        data_dir: broker.clone(),
        user: None,
        plugin_path: find_plugin().unwrap(),
        tower_username: "gwanje-tower".into(),
        tower_password: Secret::new(TOWER_PASSWORD),
        docks: docks.collect(),
        limits: BrokerLimits::default(),
        tell_refusals: true,
    };
    fs::create_dir(&broker).unwrap();
    let accounts = broker.join(DYNSEC_FILE);
    fs::write(&accounts, spec.files().unwrap().dynsec).unwrap();
    user::give(&accounts, user::run_as(&["mosquitto", "nobody"]).unwrap()).unwrap();
    let mut config = gwanje::config::Config::defaults(false, None, None);
    config.data_dir = dir.to_owned();
    fs::write(config.broker_password_file(), TOWER_PASSWORD).unwrap();
}

/// CPU of a process so far.
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks = after_name.split(' ').skip(11).take(2).map(|text| text.parse::<u64>().unwrap());
    // A tick is a hundredth of a second on every Linux of interest.
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

#[test]
fn docks_come_back_after_the_brokers_death_and_no_right_is_told_anew() {
    let count: u32 = if wants_long() { 5_000 } else { 50 };
    run_within(Duration::from_mins(25), Load::Heavy, async move {
        let ids = fleet_sim::identities(count, SEED);
        let mut site = Site::start_as(|dir| {
            enrol_all(dir, &ids);
            vec![("GWANJE_LIMITS_MAX_DOCKS", "6000".to_owned())]
        })
        .await;
        let passwords: BTreeMap<_, _> =
            ids.iter().map(|dock| (dock.dock_sn.clone(), password(&dock.dock_sn))).collect();
        let began = std::time::Instant::now();
        let fleet = SimFleet::start(SimConfig {
            credentials: Credentials::PerDock(passwords),
            ramp: Duration::from_millis(u64::from(count) * 10),
            ..SimConfig::new(site.mqtt, count, SEED)
        })
        .unwrap();
        until_online(&site, count, 0).await;
        let up = began.elapsed();
        let first = site.broker().unwrap();
        let first_cpu = cpu(first);
        let rights = site.data_dir().join("broker/aircraft.acl");
        let before = fs::read_to_string(&rights).unwrap();
        let since = super::raw_dock::now_ms();
        let began = std::time::Instant::now();
        proc::signal(first, Signal::KILL);
        until_within(Duration::from_mins(5), "all docks to connect again", async || {
            let connects = fleet.report().connects;
            if connects >= u64::from(2 * count) { Ok(()) } else { Err(connects.to_string()) }
        })
        .await;
        let connected = began.elapsed();
        until_online(&site, count, since).await;
        let back = began.elapsed();
        let second = site.broker().filter(|pid| *pid != first).unwrap();
        let second_cpu = cpu(second);
        assert_eq!(fs::read_to_string(&rights).unwrap(), before, "rights were told anew");
        assert_eq!(site.metric("gwanje_task_panics", "").await, 0.0);
        // Each came back once: nobody was thrown out in between.
        assert_eq!(fleet.report().connects, u64::from(2 * count));
        eprintln!(
            "{count} docks: online after {up:.1?} (broker CPU {first_cpu:.1?}); after its death all \
             connected in {connected:.1?}, all heard in {back:.1?}, broker CPU {second_cpu:.1?}"
        );
        fleet.stop().await;
    });
}

/// Waits until the tower hears every dock and aircraft.
async fn until_online(site: &Site, count: u32, since: i64) {
    let within = Duration::from_mins(10);
    until_within(within, "every dock and aircraft to be heard", async || {
        let Ok(answer) = site.try_call("GET", "/api/v1/devices", &Value::Null).await else {
            return Err("no answer".to_owned());
        };
        let page = answer.json();
        let is_heard = |device: &&Value| {
            device["connection"] == "online" && device["last_heard_ms"].as_i64() > Some(since)
        };
        let heard = page["devices"].as_array().into_iter().flatten().filter(is_heard).count();
        if heard == 2 * count as usize { Ok(()) } else { Err(format!("{heard} are heard")) }
    })
    .await;
}
