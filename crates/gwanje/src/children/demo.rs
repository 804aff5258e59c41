//! `gwanje demo`: the stack, simulated docks, one flight, and a verdict.
//!
//! It enrols the simulated docks before the broker starts, drives the tower through its API as a
//! person would, and ends with what was seen. It refuses to use anybody's data directory but its
//! own or the one it was given. Read next: [`flight`], [`super::stack`].

mod flight;
mod summary;

use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use fleet_sim::DockIdentity;
use tokio::time::{Instant, sleep, sleep_until};

use super::{broker::DockLogin, ports, shutdown_signal, stack::Stack, supervise::ChildReport};
use crate::{
    config::{BrokerMode, Config, DatabaseMode},
    data_dir::{self, TempDir},
    secret,
    terminal::{say, say_aside},
};

use summary::{Seen, Summary};

/// Folder of the data directory with a mission for each dock, `SN.kmz`, for a person to upload.
const MISSIONS: &str = "missions";

/// What to show.
#[derive(Clone, Debug)]
pub struct DemoPlan {
    /// Simulated docks.
    pub docks: u32,
    /// How long; without it, until Ctrl-C.
    pub run_for: Option<Duration>,
    /// The console's port when it is free.
    pub port: u16,
    /// Where to keep files; a fresh directory that is removed at the end otherwise.
    pub data: Option<PathBuf>,
    /// Only a line of JSON on standard output.
    pub json: bool,
    /// How much faster than life aircraft fly.
    pub speed: f64,
    /// Seed of docks and their luck.
    pub seed: u64,
    /// Faults, as for `gwanje sim`.
    pub faults: String,
    /// Whether the demonstration flies and gives commands by itself.
    pub flight: bool,
}

/// Runs the demonstration; its exit code says whether all docks came online and the mission ended
/// well.
///
/// # Errors
/// When broker, tower or simulator cannot be started.
pub async fn run(mut config: Config, plan: DemoPlan) -> anyhow::Result<ExitCode> {
    let stop = shutdown_signal()?;
    let began = Instant::now();
    let temporary = if plan.data.is_none() { Some(TempDir::new()?) } else { None };
    let own = temporary.as_ref().map(|dir| dir.path().to_owned());
    config.data_dir = plan.data.clone().or(own).unwrap_or_default();
    config.mqtt.mode = BrokerMode::Embedded;
    config.database.mode = DatabaseMode::Embedded;
    (config.database.url, config.database.ca_file) = (None, None);
    let mut stack = with_free_ports(config, &plan)?;
    tokio::pin!(stop);
    let outcome = tokio::select! {
        biased;
        why = &mut stop => {
            tracing::info!("stopping: {why}");
            Ok(None)
        }
        shown = show(&mut stack, &plan, began) => shown.map(Some),
    };
    stack.stop().await;
    drop(temporary);
    let Some(summary) = outcome? else { return Ok(ExitCode::SUCCESS) };
    if plan.json {
        say(&summary.json());
    } else {
        say(&summary.words(plan.flight));
    }
    Ok(if summary.is_good(plan.flight) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn with_free_ports(mut config: Config, plan: &DemoPlan) -> anyhow::Result<Stack> {
    let api = ports::usual_or_free(plan.port, &[])?;
    let mqtt = ports::usual_or_free(1883, &[api])?;
    config.api.listen = (Ipv4Addr::LOCALHOST, api).into();
    config.mqtt.listen = (Ipv4Addr::LOCALHOST, mqtt).into();
    let objects = ports::usual_or_free(9000, &[api, mqtt])?;
    config.objects.listen = (Ipv4Addr::LOCALHOST, objects).into();
    Stack::new(config)
}

/// Starts everything, watches it and flies; ends when the time is up.
async fn show(stack: &mut Stack, plan: &DemoPlan, began: Instant) -> anyhow::Result<Summary> {
    let docks = fleet_sim::identities(plan.docks, plan.seed);
    let logins = docks
        .iter()
        .map(|dock| Ok(DockLogin { sn: dock.dock_sn.clone(), password: secret::random(16)? }))
        .collect::<std::io::Result<Vec<_>>>()?;
    // With --json, standard output carries the summary alone.
    let tell: fn(&str) = if plan.json { say_aside } else { say };
    write_names(stack.config(), &docks)?;
    stack.start(Some(&logins), tell).await?;
    let credentials = write_credentials(stack.config(), &logins)?;
    let sim = stack.own_child("sim", sim_args(stack.config(), plan, &credentials))?;
    stack.add(sim);
    let missions = write_missions(stack.config(), &docks)?;
    tell(&format!("Mission files to upload, one for each dock: {}", missions.display()));
    tell(&format!("{} simulated docks are coming up; Ctrl-C ends the demonstration.", plan.docks));

    let client = stack.client()?;
    let seen = std::cell::RefCell::new(Seen::new(plan.docks));
    let end = plan.run_for.map(|time| began + time);
    let watch = async {
        loop {
            let pids = stack.pids();
            summary::sample(&client, &pids, &seen).await;
            tokio::select! {
                report = stack.report() => if let Some(ChildReport::Crashed { name, how, .. }) = report {
                    tell(&format!("The {name} ended by itself ({how}) and is started again."));
                },
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
    };
    let fly = async {
        let flown = if plan.flight { flight::fly(&client, &docks, &seen).await } else { Ok(()) };
        match flown {
            Ok(()) if !plan.flight => {}
            Ok(()) => tell("The demonstration mission was flown."),
            Err(error) => tracing::error!("the demonstration flight failed: {error:#}"),
        }
        std::future::pending::<()>().await;
    };
    let over = async {
        match end {
            Some(end) => sleep_until(end).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over => {}
        () = fly => {}
        () = watch => {}
    }
    let pids = stack.pids();
    summary::sample(&client, &pids, &seen).await;
    Ok(seen.into_inner().into())
}

fn sim_args(config: &Config, plan: &DemoPlan, credentials: &std::path::Path) -> Vec<String> {
    let pairs = [
        ("--docks", plan.docks.to_string()),
        ("--seed", plan.seed.to_string()),
        ("--speed", plan.speed.to_string()),
        ("--faults", plan.faults.clone()),
        ("--broker", config.mqtt.listen.to_string()),
        ("--credentials", credentials.to_string_lossy().into_owned()),
    ];
    pairs.into_iter().map(|(flag, value)| format!("{flag}={value}")).collect()
}

fn write_credentials(config: &Config, logins: &[DockLogin]) -> anyhow::Result<PathBuf> {
    let path = config.data_dir.join("sim-credentials.json");
    let map: BTreeMap<_, _> =
        logins.iter().map(|login| (login.sn.as_str(), login.password.expose())).collect();
    let text = serde_json::to_vec(&map)?;
    data_dir::write_private(&path, &text)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn write_missions(config: &Config, docks: &[DockIdentity]) -> anyhow::Result<PathBuf> {
    let dir = config.data_dir.join(MISSIONS);
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for dock in docks {
        let kmz = fleet_sim::demo_mission(dock).to_kmz().context("a mission to upload")?;
        let path = dir.join(format!("{}.kmz", dock.dock_sn));
        std::fs::write(&path, kmz).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(dir)
}

/// Names of the simulated sites, for the tower to show beside serial numbers.
fn write_names(config: &Config, docks: &[DockIdentity]) -> anyhow::Result<()> {
    let path = config.data_dir.join(crate::data_dir::DOCK_NAMES);
    let names: BTreeMap<_, _> =
        docks.iter().map(|dock| (dock.dock_sn.as_str(), dock.name_en.as_str())).collect();
    let text = serde_json::to_vec(&names)?;
    data_dir::write_private(&path, &text)
        .with_context(|| format!("cannot write {}", path.display()))
}
