//! The demonstration flight: a few commands to one dock and one mission of another, by the API.
//!
//! Each request carries its own idempotency key, and none is sent twice.

use std::{cell::RefCell, time::Duration};

use anyhow::{Context, bail};
use bytes::Bytes;
use fleet_sim::DockIdentity;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::summary::Seen;
use crate::client::ApiClient;

const LOOK_AGAIN: Duration = Duration::from_millis(400);
/// A tower that just heard its docks may still find their telemetry too thin for a flight.
const REFUSALS: u32 = 5;
const AFTER_REFUSAL: Duration = Duration::from_secs(2);
/// Looks at one command before it is given up: 60 s.
const COMMAND_LOOKS: u32 = 150;
/// In the order an operator would: the light needs debug mode, flights need it closed.
const COMMANDS: [&str; 4] =
    ["debug_mode_open", "supplement_light_open", "supplement_light_close", "debug_mode_close"];

/// Flies the first dock that is online and tries commands on the last.
pub(super) async fn fly(
    client: &ApiClient,
    docks: &[DockIdentity],
    seen: &RefCell<Seen>,
) -> anyhow::Result<()> {
    let (Some(first), Some(last)) = (docks.first(), docks.last()) else { bail!("no docks") };
    until_ready(client, first).await?;
    let mission = async {
        let mission_id = start_mission(client, first).await?;
        until_flown(client, &mission_id).await?;
        seen.borrow_mut().missions_ok += 1;
        anyhow::Ok(())
    };
    // A dock in debug mode does not fly: with one dock, commands wait for the landing.
    if first.dock_sn == last.dock_sn {
        mission.await?;
        return try_commands(client, last, seen).await;
    }
    let commands = async {
        until_ready(client, last).await?;
        try_commands(client, last, seen).await
    };
    let (flown, tried) = tokio::join!(mission, commands);
    flown.and(tried)
}

/// Waits until dock and aircraft are online and idle, as long as the demonstration runs.
async fn until_ready(client: &ApiClient, dock: &DockIdentity) -> anyhow::Result<()> {
    let is = |answer: &Value, sn: &str, activity: &str| {
        let devices = answer["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
        devices.iter().any(|device| {
            device["sn"] == sn && device["connection"] == "online" && device["activity"] == activity
        })
    };
    loop {
        let answer = client.get("/api/v1/devices").await?.ok()?;
        if is(&answer, &dock.dock_sn, "idle") && is(&answer, &dock.aircraft_sn, "standby") {
            return Ok(());
        }
        sleep(LOOK_AGAIN).await;
    }
}

async fn start_mission(client: &ApiClient, dock: &DockIdentity) -> anyhow::Result<String> {
    let kmz = fleet_sim::demo_mission(dock).to_kmz().context("the demonstration's mission file")?;
    let kind = "application/vnd.google-earth.kmz";
    let path = "/api/v1/waylines?name=Demonstration";
    let wayline = client.call(Method::POST, path, kind, Bytes::from(kmz)).await?.ok()?;
    for refused in 0.. {
        let body = json!({
            "sn": dock.dock_sn,
            "wayline_id": wayline["wayline_id"],
            "rth_altitude_m": 100,
            "lost_link_action": "return_home",
            "idempotency_key": format!("demo-{}", Uuid::new_v4()),
        });
        let answer = client.post("/api/v1/missions", &body).await?;
        // Refused is certain: nothing was sent, so asking anew asks for one flight only.
        if answer.status == StatusCode::CONFLICT && refused < REFUSALS {
            sleep(AFTER_REFUSAL).await;
            continue;
        }
        let mission = answer.ok().context("mission refused")?;
        let id = mission["mission_id"].as_str().context("the answer names no mission")?;
        tracing::info!(mission_id = id, dock = dock.dock_sn, "demonstration mission started");
        return Ok(id.to_owned());
    }
    bail!("mission refused")
}

async fn until_flown(client: &ApiClient, mission_id: &str) -> anyhow::Result<()> {
    loop {
        let mission = client.get(&format!("/api/v1/missions/{mission_id}")).await?.ok()?;
        if mission["state"] == "ended" {
            if mission["verdict"] == "ok" {
                return Ok(());
            }
            bail!("it ended {}: {}", mission["verdict"], mission["reason"]["message"]);
        }
        sleep(LOOK_AGAIN).await;
    }
}

async fn try_commands(
    client: &ApiClient,
    dock: &DockIdentity,
    seen: &RefCell<Seen>,
) -> anyhow::Result<()> {
    for method in COMMANDS {
        let body = json!({
            "method": method,
            "idempotency_key": format!("demo-{}", Uuid::new_v4()),
        });
        let path = format!("/api/v1/devices/{}/commands", dock.dock_sn);
        let command = client.post(&path, &body).await?.ok().with_context(|| method.to_owned())?;
        let id = command["command_id"].as_str().context("the answer names no command")?.to_owned();
        until_done(client, method, &id).await?;
        seen.borrow_mut().commands_ok += 1;
        if method == "debug_mode_open" {
            // The dock reports its new mode with its next telemetry, two seconds later at most.
            sleep(Duration::from_millis(2500)).await;
        }
    }
    Ok(())
}

async fn until_done(client: &ApiClient, method: &str, id: &str) -> anyhow::Result<()> {
    for _ in 0..COMMAND_LOOKS {
        let command = client.get(&format!("/api/v1/commands/{id}")).await?.ok()?;
        match command["state"].as_str() {
            Some("succeeded") => return Ok(()),
            Some(state @ ("failed" | "expired" | "rejected" | "unknown")) => {
                bail!("{method} ended {state}: {}", command["reason"]["message"])
            }
            _ => sleep(LOOK_AGAIN).await,
        }
    }
    bail!("{method} did not end")
}
