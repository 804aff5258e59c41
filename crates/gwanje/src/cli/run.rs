//! From words to processes: loads the configuration, starts the log and the one event loop.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use rustix::process::{Signal, geteuid};

use super::{admin, args, audit, bus, ca, database, dock, log, token};
use crate::{
    alarm_texts,
    children::{
        death::{self, ExecChild},
        demo::{self, DemoPlan},
        shutdown_signal, stack,
    },
    config::{self, Config, Loaded, Sources},
    logging, objects,
    terminal::say,
    thumbnail, tower,
};

/// 20,000 docks' passwords and room to spare.
const CREDENTIALS_MAX: u64 = 8 << 20;

/// Does what the command line says.
pub(super) fn run(args: args::Args) -> anyhow::Result<ExitCode> {
    let settings = args.settings;
    match args.command {
        args::Command::ExecChild(exec) => {
            let parent = settings.parent.context("--parent is missing")?;
            let args::Exec { uid, gid, death_signal, program } = exec;
            let death_signal = if death_signal == "INT" { Signal::INT } else { Signal::TERM };
            match death::exec_child(&ExecChild { parent, uid, gid, death_signal, program })? {}
        }
        args::Command::Spool(args::Spool { dir, max_mb }) => {
            started(&settings)?;
            let bytes = max_mb.saturating_mul(1 << 20);
            let (requests, answers) = (std::io::stdin().lock(), std::io::stdout().lock());
            fleet_store::spool::child::serve(&dir, bytes, requests, answers)?;
            Ok(ExitCode::SUCCESS)
        }
        args::Command::Objects => {
            let config = started(&settings)?;
            in_loop(objects::run(config))
        }
        args::Command::Thumbnail => {
            if let Some(parent) = settings.parent {
                death::die_with(parent, Signal::KILL)?;
            }
            thumbnail::run()?;
            Ok(ExitCode::SUCCESS)
        }
        args::Command::Config(args::Config::Check { file }) => Ok(check(&settings, file)),
        args::Command::Inspect(inspect) => {
            let file = usable(&settings)?.dji.hms_file;
            let book = file.as_deref().map(alarm_texts::load).transpose()?;
            runtime()?.block_on(super::inspect::run(inspect, book))
        }
        args::Command::Dock(command) => {
            let config = usable(&settings)?;
            runtime()?.block_on(dock::run(&config, command))
        }
        args::Command::Log { filter } => {
            let config = usable(&settings)?;
            runtime()?.block_on(log::run(&config, filter))
        }
        args::Command::Bus(command) => {
            let config = usable(&settings)?;
            in_loop(async move { bus::run(&config.dds, command).await })
        }
        args::Command::Admin(command) => {
            let config = usable(&settings)?;
            runtime()?.block_on(admin::run(&config, command))
        }
        args::Command::Token(command) => {
            let config = usable(&settings)?;
            runtime()?.block_on(token::run(&config, command))
        }
        args::Command::Audit(command) => {
            let config = started(&settings)?;
            in_loop(async move { audit::run(config, command).await })
        }
        args::Command::Ca(command) => ca::run(&usable(&settings)?, command),
        args::Command::Migrate => {
            let config = started(&settings)?;
            in_loop(database::migrate(config))
        }
        args::Command::Backup(args::Backup { file, force }) => {
            let config = started(&settings)?;
            in_loop(async move { database::backup(config, &file, force).await })
        }
        args::Command::Restore(args::Restore { file, replace }) => {
            let config = started(&settings)?;
            in_loop(async move { database::restore(config, &file, replace).await })
        }
        args::Command::Up => {
            let config = started(&settings)?;
            in_loop(async move { stack::up(config).await.map(|()| ExitCode::SUCCESS) })
        }
        args::Command::Tower(args::Tower { roles }) => {
            let config = started(&settings)?;
            in_loop(async move { tower::run(config, roles).await.map(|()| ExitCode::SUCCESS) })
        }
        args::Command::Sim(sim) => {
            started(&settings)?;
            in_loop(simulate(sim))
        }
        args::Command::Demo(demo) => {
            // Followed even when it was started by a script: nothing of a demonstration stays.
            death::die_with_current_parent()?;
            // The site's own configuration is for real docks; a demonstration must not touch it.
            let config = settings.config.or_else(|| Some("/dev/null".into()));
            let config = started(&args::Settings { config, ..settings })?;
            in_loop(demo::run(config, plan(demo)))
        }
    }
}

fn plan(demo: args::Demo) -> DemoPlan {
    let usual_speed = if demo.run_for.is_some() { 20.0 } else { 4.0 };
    DemoPlan {
        docks: demo.docks,
        run_for: demo.run_for,
        port: demo.port,
        data: demo.data,
        json: demo.json,
        speed: demo.speed.unwrap_or(usual_speed),
        seed: demo.seed,
        faults: demo.faults.unwrap_or_default(),
        flight: !demo.no_flight,
    }
}

async fn simulate(sim: args::Sim) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    let file = fs::File::open(&sim.credentials);
    let file = file.with_context(|| format!("cannot read {}", sim.credentials.display()))?;
    file.take(CREDENTIALS_MAX).read_to_string(&mut text)?;
    let passwords = serde_json::from_str(&text).map_err(|error| {
        // The parser's own words could repeat a password.
        anyhow::anyhow!(
            "{} must be JSON {{\"SN\": \"password\"}}; line {} is not",
            sim.credentials.display(),
            error.line()
        )
    })?;
    drop(text);
    let stop = shutdown_signal()?;
    let config = fleet_sim::SimConfig {
        region: sim.region.parse()?,
        speed: sim.speed,
        faults: sim.faults.parse()?,
        credentials: fleet_sim::Credentials::PerDock(passwords),
        ..fleet_sim::SimConfig::new(sim.broker, sim.docks, sim.seed)
    };
    let report = fleet_sim::run(config, async move {
        stop.await;
    });
    let report = report.await.context("the simulator stopped")?;
    tracing::info!(?report, "simulated docks stopped");
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.context("cannot start the event loop")
}

/// Runs a process's whole life: its work, with the log retried beside it.
fn in_loop(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = runtime()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let log = tokio::spawn(logging::run());
        let done = work.await;
        log.abort();
        done
    })
}

/// A usable configuration with the log started, tied to its supervisor where there is one.
fn started(settings: &args::Settings) -> anyhow::Result<Config> {
    if let Some(parent) = settings.parent {
        death::die_with(parent, Signal::KILL)?;
    }
    let config = usable(settings)?;
    logging::init(&config.log)?;
    Ok(config)
}

fn usable(settings: &args::Settings) -> anyhow::Result<Config> {
    let loaded = load(settings, None);
    if loaded.mistakes.is_empty() {
        return Ok(loaded.config);
    }
    let mistakes: Vec<_> = loaded.mistakes.iter().map(|mistake| format!("  {mistake}")).collect();
    bail!("the configuration has mistakes:\n{}", mistakes.join("\n"))
}

fn check(settings: &args::Settings, file: Option<PathBuf>) -> ExitCode {
    let loaded = load(settings, file);
    let source = loaded.config.file.as_deref().map_or("no file".into(), Path::to_string_lossy);
    say(&format!("# Effective configuration ({source}, environment, flags)"));
    say(loaded.effective().trim_end());
    say("");
    for warning in &loaded.warnings {
        say(&format!("warning: {warning}"));
    }
    for mistake in &loaded.mistakes {
        say(&format!("mistake: {mistake}"));
    }
    if loaded.mistakes.is_empty() {
        say("No mistakes.");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn load(settings: &args::Settings, file: Option<PathBuf>) -> Loaded {
    let env: std::collections::BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut usual_files = vec![];
    let home = env.get("HOME").map(|home| PathBuf::from(home).join(".config"));
    if let Some(own) = env.get("XDG_CONFIG_HOME").map(PathBuf::from).or(home) {
        usual_files.push(own.join("gwanje/gwanje.toml"));
    }
    usual_files.push("/etc/gwanje/gwanje.toml".into());
    let flags = [
        ("data_dir", &settings.data_dir),
        ("log.format", &settings.log_format),
        ("log.level", &settings.log_level),
    ];
    config::load(&Sources {
        file: file.or_else(|| settings.config.clone()),
        usual_files,
        env,
        flags: flags.into_iter().filter_map(|(key, flag)| Some((key, flag.clone()?))).collect(),
        root: geteuid().is_root(),
    })
}
