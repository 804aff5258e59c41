//! Who may speak for an aircraft, through the whole program: the tower writes it down, the real
//! broker reads it again, and nobody is disconnected.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    proc,
    raw_dock::RawDock,
    site::{Load, Site, run, until},
};

const FIRST: &str = "RIGHTSDOCK00001";
const SECOND: &str = "RIGHTSDOCK00002";
const AIRCRAFT: &str = "RIGHTSDRONE0001";

/// Reports of an aircraft through this dock, each with another height.
async fn flies(dock: &RawDock, height: f64) {
    let data = json!({"mode_code": 0, "height": height});
    let report = json!({"tid": "t", "bid": "b", "timestamp": 1, "gateway": dock.sn, "data": data});
    dock.publish(&format!("thing/product/{AIRCRAFT}/osd"), report.to_string()).await;
}

async fn height_is(site: &Site, height: f64) -> Value {
    let path = format!("/api/v1/devices/{AIRCRAFT}");
    let what = format!("the aircraft to be heard at {height}");
    site.until(&what, &path, |page| page["telemetry"]["height"]["value"] == height).await
}

/// An alarm of this code about this device.
async fn alarm(site: &Site, code: &str, sn: &str) -> Value {
    let what = format!("the alarm {code}");
    let is_it = |alarm: &&Value| alarm["reason"]["code"] == code && alarm["sn"] == sn;
    let page = site
        .until(&what, "/api/v1/alarms", |page| {
            page["alarms"].as_array().unwrap().iter().any(|alarm| is_it(&alarm))
        })
        .await;
    page["alarms"].as_array().unwrap().iter().find(is_it).unwrap().clone()
}

#[test]
fn an_aircraft_changes_its_dock_and_what_the_old_one_says_for_it_is_refused_and_alarmed() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let broker = site.broker();
        let (first, second) =
            (RawDock::enrol(&site, FIRST).await, RawDock::enrol(&site, SECOND).await);
        // The answer says that the rights are in force: the very first report is heard, once said.
        first.has_aircraft(&[AIRCRAFT]).await;
        flies(&first, 11.5).await;
        height_is(&site, 11.5).await;
        flies(&second, 99.5).await;
        alarm(&site, "publishes_denied", SECOND).await;

        second.has_aircraft(&[AIRCRAFT]).await;
        first.has_aircraft(&[]).await;
        flies(&first, 98.5).await;
        flies(&second, 22.5).await;
        let page = height_is(&site, 22.5).await;
        assert_eq!(page["device"]["gateway_sn"], SECOND, "{page}");
        let text = alarm(&site, "publishes_denied", FIRST).await["reason"]["message"].to_string();
        assert!(text.contains(&format!("thing/product/{AIRCRAFT}/osd")), "{text}");
        until("both refusals to be counted", async || {
            let refused = site.metric("gwanje_broker_refused_publishes", "").await;
            if refused >= 2.0 { Ok(()) } else { Err(refused.to_string()) }
        })
        .await;
        // A dock that names another dock gets nothing by it.
        first.has_aircraft(&[SECOND]).await;
        first.publish(&format!("thing/product/{SECOND}/state"), "{}").await;
        until("the third refusal", async || {
            let refused = site.metric("gwanje_broker_refused_publishes", "").await;
            if refused >= 3.0 { Ok(()) } else { Err(refused.to_string()) }
        })
        .await;

        // Another tower finds it written down, and has nothing to tell the broker.
        let file = site.data_dir().join("broker/aircraft.acl");
        let before = fs::read_to_string(&file).unwrap();
        let tower = site.tower().unwrap();
        proc::signal(tower, Signal::KILL);
        until("another tower", async || {
            let now = site.tower().filter(|now| *now != tower);
            now.map(|_| ()).ok_or_else(String::new)
        })
        .await;
        site.until("the other tower", "/readyz", |_| true).await;
        second.has_aircraft(&[AIRCRAFT]).await;
        flies(&second, 33.5).await;
        height_is(&site, 33.5).await;
        assert_eq!(fs::read_to_string(&file).unwrap(), before, "written again for nothing");
        assert_eq!((first.connects(), second.connects()), (1, 1), "a dock was disconnected");
        assert_eq!(site.broker(), broker, "the broker was restarted");
        let log = site.log();
        assert!(!log.contains("Received PUBLISH"), "the broker's debug lines are in the log");
    });
}
