//! A dock that says nonsense: counted, shown, and nobody else notices.

use serde_json::{Value, json};

use super::{
    docks::Docks,
    raw_dock::RawDock,
    site::{Load, Site, run, until},
};

const BAD_SN: &str = "RAWDOCK00000001";

fn counted(page: &Value, kind: &str, key: &str) -> u64 {
    let unknowns = page["unknowns"].as_array().unwrap();
    let fits = |unknown: &&Value| {
        unknown["kind"] == kind && unknown["key"].as_str().unwrap().contains(key)
    };
    unknowns.iter().filter(fits).map(|unknown| unknown["count"].as_u64().unwrap()).sum()
}

/// Waits until the tower has handled everything this dock said: it answers a request in order.
async fn handled(dock: &RawDock) {
    let ask = dock.envelope("airport_bind_status", &json!({"devices": [{"sn": dock.sn}]}));
    let topic = format!("thing/product/{}/requests", dock.sn);
    dock.hand_over(&topic, ask.to_string()).await;
    until("the tower's answer", async || {
        let heard = dock.has_heard("requests_reply", "airport_bind_status");
        if heard { Ok(()) } else { Err(String::new()) }
    })
    .await;
}

#[test]
fn nonsense_is_counted_and_the_dock_stays_shown() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 2, "").await;
        let tower = site.tower();
        let bad = RawDock::enrol(&site, BAD_SN).await;
        for payload in ["", "{", "null", "[1,2,3]", "\u{0}\u{1}", "{\"method\":7,\"data\":[[]]}"] {
            bad.say("events", payload).await;
        }
        let open = "[".repeat(100_000);
        bad.say("events", open.clone()).await;
        bad.say("osd", format!("{{\"data\":{open}")).await;
        bad.say("state", vec![0xff_u8; 300_000]).await;
        bad.say("events", bad.envelope("rain_of_frogs", &json!({"frogs": 3})).to_string()).await;
        let odd = json!({"mode_code": 0, "teapot_temperature": 93.5});
        bad.say("osd", bad.envelope("", &odd).to_string()).await;
        handled(&bad).await;

        let path = format!("/api/v1/devices/{BAD_SN}");
        let page = site
            .until("everything to be counted", &path, |page| {
                counted(page, "malformed", "") >= 1
                    && counted(page, "method", "rain_of_frogs") == 1
                    && counted(page, "field", "teapot_temperature") >= 1
            })
            .await;
        assert!(page["device"]["unknown_count"].as_u64() >= Some(3), "{page}");
        assert_ne!(page["device"]["connection"], "never_seen", "{page}");
        assert!(site.metric("gwanje_unknowns", "malformed").await >= 1.0);
        let system = site.get("/api/v1/system").await.is(200);
        assert!(counted(&system, "method", "rain_of_frogs") >= 1, "{system}");
        assert_eq!(site.metric("gwanje_task_panics", "").await, 0.0);
        assert_eq!(bad.connects(), 1, "nonsense is no reason to disconnect a dock");
        assert_eq!(site.tower(), tower, "the tower was restarted");
        docks.until_online(&site).await;
    });
}

#[test]
fn an_oversized_payload_hurts_nobody() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 2, "").await;
        let tower = site.tower();
        let connects = site.metric("gwanje_link_connects", "").await;
        let bad = RawDock::enrol(&site, BAD_SN).await;
        let topic = format!("thing/product/{BAD_SN}/events");
        for megabytes in [1, 2] {
            let data = json!({"data": {"pad": "x".repeat(megabytes << 20)}});
            bad.hand_over(&topic, data.to_string()).await;
        }
        // As large as the broker lets through.
        let data = json!({"data": {"pad": "x".repeat(500 << 10)}});
        bad.hand_over(&topic, data.to_string()).await;
        handled(&bad).await;
        assert_eq!(site.tower(), tower, "the tower was restarted");
        let now = site.metric("gwanje_link_connects", "").await;
        assert_eq!(now, connects, "a dock's message threw the tower out");
        site.get(&format!("/api/v1/devices/{BAD_SN}")).await.is(200);
        docks.until_online(&site).await;
        docks.debug(&site, 0).await;
    });
}

#[test]
fn a_dock_speaks_for_itself_alone() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let victim = docks.sn(0);
        let bad = RawDock::enrol(&site, BAD_SN).await;
        let orphans = site.metric("gwanje_orphan_messages", "").await;
        let lie = bad.envelope("rain_of_frogs", &json!({})).to_string();
        let offline = json!({"data": {"mode_code": 3}, "gateway": victim}).to_string();
        for (topic, payload) in [
            (format!("thing/product/{victim}/events"), &lie),
            (format!("thing/product/{victim}/osd"), &offline),
            (format!("thing/product/{victim}/services"), &lie),
            (format!("thing/product/{}/osd", docks.ids[0].aircraft_sn), &offline),
            ("$CONTROL/dynamic-security/v1".to_owned(), &lie),
            ("elsewhere".to_owned(), &lie),
        ] {
            bad.hand_over(&topic, payload.as_str()).await;
        }
        // A dock that claims another's aircraft is not believed either: it is not its own.
        handled(&bad).await;
        let page = docks.page(&site, 0).await;
        assert_eq!(page["unknowns"], json!([]), "{page}");
        assert_eq!(page["device"]["activity"], "idle", "{page}");
        assert_eq!(docks.truth(0).records().count(), 0, "a dock took another's command");
        assert_eq!(site.metric("gwanje_orphan_messages", "").await, orphans);
        assert_eq!(site.metric("gwanje_foreign_topics", "").await, 0.0);
        docks.until_online(&site).await;
    });
}
