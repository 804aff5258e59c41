//! `gwanje bus …`: a participant that looks at what a tower shows, from another process.
//!
//! It is a DDS program like any other: it sees what ROS 2 tools and Cyclone see, and nothing more. It
//! needs no tower of its own version, and no credential.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use fleet_bus::wire::{
    Client, Samples, Spawn,
    views::{
        AlarmStatus, BatteryState, Command, CommandStatus, DeviceState, DeviceTelemetry,
        DeviceTopology, MissionStatus, NavSatFix, View,
    },
};
use tokio::time::{Instant, sleep, timeout_at};

use super::args;
use crate::config::Dds;

/// A year is for ever.
const FOR_EVER: Duration = Duration::from_hours(365 * 24);
/// Rates are printed this often.
const EVERY: Duration = Duration::from_secs(1);

/// Does what was asked.
pub(super) async fn run(config: &Dds, command: args::Bus) -> anyhow::Result<ExitCode> {
    let spawn: Spawn = Arc::new(|_, task| tokio::task::spawn_local(task).abort_handle());
    let client = Client::open(&config.wire(), spawn).await;
    let client = client.with_context(|| {
        format!("cannot join DDS domain {} at {}", config.domain_id, config.interface)
    })?;
    match command {
        args::Bus::Topics { run_for } => topics(&client, config, run_for).await,
        args::Bus::Echo(follow) => choose(&client, &follow, Way::Echo).await,
        args::Bus::Hz(follow) => choose(&client, &follow, Way::Hz).await,
    }
}

async fn topics(client: &Client, config: &Dds, run_for: Duration) -> anyhow::Result<ExitCode> {
    sleep(run_for).await;
    let topics = client.topics().await?;
    if topics.is_empty() {
        bail!(
            "nobody is on DDS domain {} at {}: does the tower have [dds] enabled = true, with the same domain, tag, interface and discovery?",
            config.domain_id,
            config.interface
        );
    }
    let mut out = io::stdout().lock();
    let widest = topics.iter().map(|it| it.topic.len()).max().unwrap_or(0);
    for it in topics {
        let line = format!(
            "{:widest$}  {}  {} writer(s), {} reader(s)",
            it.topic, it.type_name, it.writers, it.readers
        );
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Clone, Copy)]
enum Way {
    Echo,
    Hz,
}

async fn choose(client: &Client, follow: &args::Follow, way: Way) -> anyhow::Result<ExitCode> {
    let name = follow.topic.trim_start_matches('/');
    let name = name.strip_prefix("rt/").unwrap_or(name);
    let name = name.strip_prefix("gwanje/").unwrap_or(name);
    let done = match name {
        "device_telemetry" => one::<DeviceTelemetry>(client, follow, way).await,
        "device_state" => one::<DeviceState>(client, follow, way).await,
        "device_topology" => one::<DeviceTopology>(client, follow, way).await,
        "alarm_status" => one::<AlarmStatus>(client, follow, way).await,
        "mission_status" => one::<MissionStatus>(client, follow, way).await,
        "command_status" => one::<CommandStatus>(client, follow, way).await,
        "fix" => one::<NavSatFix>(client, follow, way).await,
        "battery" => one::<BatteryState>(client, follow, way).await,
        "command" => one::<Command>(client, follow, way).await,
        other => bail!(
            "{other:?} is not a topic of Gwanje; `gwanje bus topics` lists them. Other types need a program that has their IDL."
        ),
    };
    match done {
        // Whoever reads us has seen enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.into()),
        Ok(true) => Ok(ExitCode::SUCCESS),
        // So that a script notices that nothing came.
        Ok(false) => Ok(ExitCode::FAILURE),
    }
}

/// Whether a sample came.
async fn one<V: View>(client: &Client, follow: &args::Follow, way: Way) -> io::Result<bool> {
    let until = Instant::now() + follow.run_for.unwrap_or(FOR_EVER);
    let samples = client.reader::<V>();
    match way {
        Way::Echo => echo(samples, follow, until).await,
        Way::Hz => hz(samples, follow, until).await,
    }
}

fn is_wanted<V: View>(view: &V, follow: &args::Follow) -> bool {
    follow.sn.as_deref().is_none_or(|sn| sn == view.sn())
}

async fn echo<V: View>(
    mut samples: Samples<V>,
    follow: &args::Follow,
    until: Instant,
) -> io::Result<bool> {
    let mut count = 0;
    while let Ok(Some(received)) = timeout_at(until, samples.next()).await {
        if !is_wanted(&received.view, follow) {
            continue;
        }
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &received.view)?;
        out.write_all(b"\n")?;
        out.flush()?;
        count += 1;
        if follow.count == Some(count) {
            break;
        }
    }
    Ok(count > 0)
}

async fn hz<V: View>(
    mut samples: Samples<V>,
    follow: &args::Follow,
    until: Instant,
) -> io::Result<bool> {
    let (mut total, mut count, mut devices) = (0_u64, 0_u32, BTreeSet::new());
    let mut begin = Instant::now();
    loop {
        let end = begin + EVERY;
        while let Ok(Some(received)) = timeout_at(end.min(until), samples.next()).await {
            if is_wanted(&received.view, follow) {
                devices.insert(received.view.sn().to_owned());
                count += 1;
                total += 1;
            }
            if follow.count == Some(total) {
                break;
            }
        }
        let now = Instant::now();
        let seconds = now.duration_since(begin).as_secs_f64();
        let rate = f64::from(count) / seconds.max(0.001);
        writeln!(
            io::stdout(),
            "{rate:.1} samples/s of {} device(s), {} dropped here",
            devices.len(),
            samples.dropped()
        )?;
        if now >= until || follow.count == Some(total) {
            return Ok(total > 0);
        }
        (begin, count) = (now, 0);
        devices.clear();
    }
}
