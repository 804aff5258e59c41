//! The broker dies: docks come back, nothing stale fires, nobody storms.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    docks::Docks,
    proc,
    site::{Load, Site, run, until, wants_long},
};

const DOCKS: u32 = 12;
/// The dead connection, tries while the broker is away with growing pauses, and the good one.
const CONNECTS_MAX: u64 = 4;

async fn link_is(site: &Site, connected: bool) {
    site.until("the links to notice", "/api/v1/system", |system| {
        let links = system["links"].as_array().unwrap();
        !links.is_empty() && links.iter().all(|link| link["connected"] == connected)
    })
    .await;
}

/// Kills the broker and keeps it dead: its supervisor is stopped meanwhile.
async fn kill_broker(site: &mut Site) -> u32 {
    let mut found = None;
    until("a broker", async || {
        found = site.broker();
        if found.is_some() { Ok(()) } else { Err(String::new()) }
    })
    .await;
    let broker = found.unwrap();
    proc::signal(site.supervisor(), Signal::STOP);
    proc::signal(broker, Signal::KILL);
    link_is(site, false).await;
    broker
}

async fn broker_returns(site: &mut Site, old: u32) {
    proc::signal(site.supervisor(), Signal::CONT);
    until("another broker", async || {
        let now = site.broker();
        if now.is_some_and(|pid| pid != old) { Ok(()) } else { Err(format!("{now:?}")) }
    })
    .await;
    link_is(site, true).await;
}

#[test]
fn the_brokers_death_fires_nothing_stale() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, DOCKS, "").await;
        docks.debug(&site, 0).await;
        let rounds = if wants_long() { 6 } else { 1 };
        for round in 0..rounds {
            outage(&mut site, &docks, round).await;
        }
        // Back to work.
        let taken = site.command(docks.sn(0), "supplement_light_open", "after").await.is(202);
        site.until_command(&taken, &["succeeded"]).await;
    });
}

async fn outage(site: &mut Site, docks: &Docks, round: u32) {
    let connects = docks.fleet.report().connects;
    let before = docks.truth(0);
    let key = |name: &str| format!("{name}-{round}");
    let broker = kill_broker(site).await;

    let ordinary = site.command(docks.sn(0), "supplement_light_open", &key("light")).await;
    let refused = ordinary.is_problem(409, "link_down");
    assert_eq!(refused["command"]["state"], "rejected", "{refused}");
    docks.fly(site, 1, &key("fly")).await.is_problem(409, "link_down");
    // Counter-actions are taken in any weather; one of these will be too late.
    let late = site.command_for(docks.sn(2), "return_home", &key("late"), 1_000).await.is(202);
    let home = site.command_for(docks.sn(3), "return_home", &key("home"), 60_000).await.is(202);
    let late = site.until_command(&late, &["expired", "rejected", "unknown"]).await;
    assert_eq!(late["state"], "expired", "{late}");

    broker_returns(site, broker).await;
    docks.until_online_again(site).await;
    let states = ["succeeded", "failed", "rejected", "expired", "unknown"];
    let home = site.until_command(&home, &states).await;
    let received = docks.truth(3).received("return_home");
    // An order home may be repeated, under its one number: three copies of each at most.
    let copies = 3;
    let earlier = copies * u64::from(round);
    // An aircraft in its dock refuses to return. A broker without the dock's session cannot deliver.
    match home["state"].as_str().unwrap() {
        "failed" => assert!(received >= 1 && received <= earlier + copies, "{received}: {home}"),
        "rejected" => {
            assert_eq!(home["reason"]["code"], "broker_no_subscriber", "{home}");
            assert!(received <= earlier, "{received}: {home}");
        }
        // The answer may come before the tower's subscriptions are back: then telemetry tells, which
        // shows the aircraft at home.
        "succeeded" => {
            assert_eq!(home["reason"]["code"], "observed", "{home}");
            assert!(received >= 1 && received <= earlier + copies, "{received}: {home}");
        }
        other => panic!("{other}: {home}"),
    }
    assert_eq!(docks.truth(2).received("return_home"), 0, "an expired command fired");
    let after = docks.truth(0);
    let light = "supplement_light_open";
    assert_eq!(after.received(light), before.received(light), "a refused command fired");
    for index in 0..docks.ids.len() {
        assert_eq!(docks.truth(index).received("flighttask_prepare"), 0);
    }
    let reconnects = docks.fleet.report().connects - connects;
    assert!(reconnects >= u64::from(DOCKS), "{reconnects}");
    assert!(reconnects <= CONNECTS_MAX * u64::from(DOCKS), "a storm: {reconnects}");
}

#[test]
fn the_brokers_death_is_shown_and_a_mission_goes_on() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 2, "").await;
        let taken = docks.fly(&site, 0, "k").await.is(202);
        let flying = |mission: &Value| mission["progress"]["percent"].as_i64() > Some(0);
        super::docks::until_mission(&site, &taken, "progress", flying).await;
        let broker = kill_broker(&mut site).await;
        let ready = site.get("/readyz").await;
        assert_eq!(ready.status, 503, "{}", ready.text());
        let mission = taken["mission_id"].as_str().unwrap();
        let path = format!("/api/v1/missions/{mission}");
        let mission = site.get(&path).await.is(200);
        assert_ne!(mission["state"], "ended", "an outage is no verdict: {mission}");
        // Its docks fall silent, and that is said.
        let path = format!("/api/v1/devices/{}", docks.sn(1));
        let within = Duration::from_secs(60);
        let page = site
            .until_within(within, "silence to show", &path, |page| {
                page["device"]["connection"] != "online"
            })
            .await;
        assert!(page["device"]["reason"]["code"].is_string(), "{page}");
        broker_returns(&mut site, broker).await;
        let ended = super::docks::until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], json!("ok"), "{ended}");
        assert_eq!(docks.truth(0).take_offs(), 1);
        assert_eq!(docks.truth(0).received("flighttask_execute"), 1);
        docks.until_online(&site).await;
    });
}
