//! Commands to docks that go away: nothing fires late, and nothing is said that nobody knows.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::{
    docks::Docks,
    site::{Load, Site, run, until, wants_long},
};

const EXPIRES_MS: u64 = 3_000;
const OPEN: [&str; 4] = ["accepted", "journaled", "sent", "acknowledged"];

/// Asks every dock for its light while all of them vanish, and lets them return after the commands'
/// time: whatever the broker kept must have expired.
async fn vanish_and_return(site: &Site, docks: &Docks, round: u32) -> usize {
    let all: Vec<usize> = (0..docks.ids.len()).collect();
    for index in &all {
        docks.fleet.kill(*index);
    }
    let method = "supplement_light_open";
    let before: Vec<_> = all.iter().map(|index| docks.truth(*index).received(method)).collect();
    let asked = join_all(all.iter().map(async |index| {
        site.command_for(docks.sn(*index), method, &format!("v{round}"), EXPIRES_MS).await
    }))
    .await;
    let expired = Instant::now() + Duration::from_millis(EXPIRES_MS + 2_000);
    let mut taken = vec![];
    for answer in &asked {
        match answer.status.as_u16() {
            202 => taken.push(answer.json()),
            409 => assert_eq!(answer.json()["command"]["state"], "rejected", "{}", answer.text()),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    // The one wait that is no condition: the time that the commands were allowed to take.
    sleep_until(expired).await;
    for index in &all {
        docks.fleet.restart(*index);
    }
    docks.until_online_again(site).await;
    for (index, before) in before.iter().enumerate() {
        assert_eq!(docks.truth(index).received(method), *before, "dock {index} was reached late");
    }
    for command in &taken {
        let states = ["succeeded", "failed", "rejected", "expired", "unknown"];
        let ended = site.until_command(command, &states).await;
        let state = ended["state"].as_str().unwrap();
        assert!(["rejected", "expired", "unknown"].contains(&state), "made up: {ended}");
    }
    taken.len()
}

#[test]
fn a_command_to_a_dock_that_vanishes_never_fires_late() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 12, "").await;
        for index in 0..docks.ids.len() {
            docks.debug(&site, index).await;
        }
        let rounds = if wants_long() { 10 } else { 1 };
        for round in 0..rounds {
            vanish_and_return(&site, &docks, round).await;
        }
        // They are well, and follow what is asked now.
        let taken = site.command(docks.sn(0), "supplement_light_open", "now").await.is(202);
        site.until_command(&taken, &["succeeded"]).await;
        assert_eq!(docks.truth(0).executions("supplement_light_open"), 1);
    });
}

#[test]
fn a_dock_that_is_gone_is_not_asked() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        docks.debug(&site, 0).await;
        docks.fleet.kill(0);
        let path = format!("/api/v1/devices/{}", docks.sn(0));
        site.until("the dock to be shown offline", &path, |page| {
            page["device"]["connection"] == "offline"
        })
        .await;
        let refused =
            site.command(docks.sn(0), "cover_open", "k").await.is_problem(409, "dock_offline");
        assert_eq!(refused["command"]["state"], "rejected", "{refused}");
        docks.fleet.restart(0);
        docks.until_online_again(&site).await;
        assert_eq!(docks.truth(0).received("cover_open"), 0);
    });
}

#[test]
fn a_dock_that_vanishes_before_it_answers_leaves_its_command_unknown() {
    run(Load::Light, async {
        let site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        docks.debug(&site, 0).await;
        docks.fleet.hold_replies(0, true);
        let taken = site.command(docks.sn(0), "supplement_light_open", "k").await.is(202);
        until("the command to arrive", async || {
            let count = docks.truth(0).executions("supplement_light_open");
            if count == 1 { Ok(()) } else { Err(count.to_string()) }
        })
        .await;
        docks.fleet.kill(0);
        let id = taken["command_id"].as_str().unwrap();
        let path = format!("/api/v1/commands/{id}");
        let is_over = |command: &Value| OPEN.iter().all(|open| command["state"] != *open);
        let silent = site.until("the answer's time to run out", &path, is_over).await;
        assert_eq!(silent["state"], "unknown", "silence is no outcome: {silent}");
        // It returns, and its telemetry shows what it did: told once, done once.
        docks.fleet.restart(0);
        let closed = site.until_command(&taken, &["succeeded", "failed"]).await;
        assert_eq!(closed["state"], "succeeded", "{closed}");
        assert_eq!(docks.truth(0).received("supplement_light_open"), 1);
    });
}
