//! The tower dies: its supervisor starts it again, and it knows its docks as they are.

use rustix::process::Signal;
use serde_json::json;

use super::{
    docks::Docks,
    proc,
    raw_dock::RawDock,
    site::{Load, Site, run, until},
};

/// Kills the tower and waits for another.
async fn kill_tower(site: &mut Site, tower: u32) {
    proc::signal(tower, Signal::KILL);
    let mut found = None;
    until("another tower", async || {
        found = site.tower();
        if found.is_some_and(|pid| pid != tower) { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    site.until("the tower to be ready", "/readyz", |_| true).await;
}

#[test]
fn a_new_tower_shows_its_docks_without_their_doing_anything() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 6, "").await;
        let connects = docks.fleet.report().connects;
        let tower = site.tower().unwrap();
        kill_tower(&mut site, tower).await;
        docks.until_online(&site).await;
        assert_eq!(docks.fleet.report().connects, connects, "a dock had to connect again");
        for index in 0..docks.ids.len() {
            let page = docks.page(&site, index).await;
            assert_ne!(page["device"]["phase"], "enrolled", "{page}");
            let aircraft = &docks.ids[index].aircraft_sn;
            let path = format!("/api/v1/devices/{aircraft}");
            let gateway = site.get(&path).await.is(200)["device"]["gateway_sn"].clone();
            assert_eq!(gateway, json!(docks.sn(index)));
        }
        // And they can be commanded.
        docks.debug(&site, 0).await;
        assert_eq!(docks.truth(0).received("debug_mode_open"), 1);
        assert_eq!(proc::threads(site.tower().unwrap()), 1);
    });
}

#[test]
fn events_that_a_dead_tower_did_not_acknowledge_come_again() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let dock = RawDock::enrol(&site, "RAWDOCK00000002").await;
        let hello = dock.envelope("first_words", &json!({})).to_string();
        dock.say("events", hello).await;
        let path = format!("/api/v1/devices/{}", dock.sn);
        let has = |page: &serde_json::Value, word: &str| {
            page["unknowns"].as_array().unwrap().iter().any(|unknown| unknown["key"] == word)
        };
        site.until("the first event", &path, |page| has(page, "first_words")).await;

        // The broker hands the next one to a tower that cannot acknowledge it any more.
        let tower = site.tower().unwrap();
        proc::signal(tower, Signal::STOP);
        let last = dock.envelope("last_words", &json!({})).to_string();
        dock.say("events", last).await;
        kill_tower(&mut site, tower).await;
        // While nobody was there, too.
        let page = site.until("the event to come again", &path, |page| has(page, "last_words"));
        let page = page.await;
        assert!(!has(&page, "first_words"), "an acknowledged event came again: {page}");
    });
}

#[test]
fn commands_under_way_are_not_repeated_by_a_new_tower() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        docks.debug(&site, 0).await;
        docks.fleet.hold_replies(0, true);
        site.command(docks.sn(0), "cover_open", "k").await.is(202);
        until("the command to arrive", async || {
            let count = docks.truth(0).received("cover_open");
            if count == 1 { Ok(()) } else { Err(count.to_string()) }
        })
        .await;
        let tower = site.tower().unwrap();
        kill_tower(&mut site, tower).await;
        docks.fleet.hold_replies(0, false);
        docks.until_online_again(&site).await;
        assert_eq!(docks.truth(0).received("cover_open"), 1);
        let close = site.command(docks.sn(0), "cover_close", "c").await.is(202);
        let done = site.until_command(&close, &["succeeded", "failed", "unknown"]).await;
        assert_eq!(done["state"], "succeeded", "{done}");
    });
}
