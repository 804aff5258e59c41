//! Docks come up: online, topology known, telemetry whole.

use serde_json::Value;

use super::{
    docks::Docks,
    site::{Load, SOON, Site, run, wants_long},
};

#[test]
fn two_hundred_docks_come_up() {
    run(Load::Heavy, come_up(200));
}

#[test]
fn four_hundred_docks_come_up() {
    if wants_long() {
        run(Load::Heavy, come_up(400));
    }
}

async fn come_up(count: u32) {
    let site = Site::start().await;
    let docks = Docks::online(&site, count, "").await;
    let answer = site
        .until_within(SOON * 4, "whole topology", "/api/v1/devices", |answer| {
            let devices = answer["devices"].as_array().unwrap();
            devices.len() == 2 * docks.ids.len()
                && devices.iter().all(|device| device["connection"] == "online")
        })
        .await;
    let find = |sn: &str| {
        let devices = answer["devices"].as_array().unwrap();
        devices.iter().find(|device| device["sn"] == sn).unwrap_or_else(|| panic!("{sn}"))
    };
    for identity in &docks.ids {
        let (dock, aircraft) = (find(&identity.dock_sn), find(&identity.aircraft_sn));
        assert_eq!(dock["phase"], "complete", "{dock}");
        assert_eq!(dock["class"], "dock");
        assert_eq!(dock["children"], serde_json::json!([identity.aircraft_sn]), "{dock}");
        assert_eq!(dock["reason"], Value::Null, "{dock}");
        assert!(dock["clock_skew_ms"].as_i64().unwrap().abs() < 5_000, "{dock}");
        assert_eq!(aircraft["class"], "aircraft");
        assert_eq!(aircraft["gateway_sn"], *identity.dock_sn, "{aircraft}");
        // The simulator says nothing that the documents do not have.
        assert_eq!((&dock["unknown_count"], &aircraft["unknown_count"]), (&0.into(), &0.into()));
    }
    let system = site.get("/api/v1/system").await.is(200);
    assert_eq!(system["unknowns"], serde_json::json!([]), "{system}");
    assert_eq!(system["threads"], 1);
    // Each dock needed one connection.
    assert_eq!(docks.fleet.report().connects, u64::from(count));
}

#[test]
fn three_partial_reports_of_a_dock_make_one_twin() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let path = format!("/api/v1/devices/{}", docks.sn(0));
        // One field of each of the three messages that a dock spreads its report over.
        let keys = ["mode_code", "wind_speed", "working_voltage", "flighttask_step_code"];
        let has_all = |page: &Value| keys.iter().all(|key| !page["telemetry"][*key].is_null());
        let page = site.until("one field of each partial report", &path, has_all).await;
        for key in keys {
            let value = &page["telemetry"][key];
            assert!(!value["value"].is_null(), "{key}: {value}");
            assert!(value["received_ms"].as_i64().unwrap() > 0, "{key}: {value}");
            assert!(value["source_ms"].as_i64().unwrap() > 0, "{key}: {value}");
            assert!(value["unit"].is_string(), "{key}: {value}");
        }
        assert_eq!(page["telemetry"]["wind_speed"]["unit"], "m/s");
        // Each field keeps being renewed: no message of the three wipes or holds back another.
        let age = |page: &Value, key: &str| page["telemetry"][key]["received_ms"].as_i64().unwrap();
        site.until("all fields to be renewed", &path, |later| {
            has_all(later) && keys.iter().all(|key| age(later, key) > age(&page, key))
        })
        .await;
        let aircraft = format!("/api/v1/devices/{}", docks.ids[0].aircraft_sn);
        let twin = site.get(&aircraft).await.is(200);
        assert!(twin["telemetry"].as_object().unwrap().len() > 40, "{twin}");
    });
}

#[test]
fn what_keeps_a_dock_from_coming_up_is_said() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::start(&site, 2, "licence@0").await;
        docks.until_ready(&site, &[1]).await;
        let path = format!("/api/v1/devices/{}", docks.sn(0));
        let page =
            site.until("a reason", &path, |page| !page["device"]["reason"]["code"].is_null()).await;
        let code = page["device"]["reason"]["code"].as_str().unwrap();
        let fits = ["licence_refused", "disconnected", "no_bind_request", "no_topology"];
        assert!(fits.contains(&code), "{page}");
        assert_ne!(page["device"]["connection"], "online");
        assert_eq!(site.command(docks.sn(0), "debug_mode_open", "k").await.status, 409);
        assert_eq!(docks.truth(0).received("debug_mode_open"), 0);
    });
}

#[test]
fn what_docks_really_say_is_understood() {
    run(Load::Light, async {
        let site = Site::start().await;
        let faults =
            "flat_osd@0,string_types@1,no_gateway@2,int_status@3,no_need_reply@4,unbound@5";
        let docks = Docks::online(&site, 6, faults).await;
        for index in 0..docks.ids.len() {
            let page = docks.page(&site, index).await;
            assert_eq!(page["device"]["connection"], "online", "{page}");
            assert!(!page["telemetry"]["mode_code"].is_null(), "{page}");
        }
    });
}
