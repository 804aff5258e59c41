//! The private Mosquitto as a child: its user, its files, its command.
//!
//! What is in its files is `fleet_links::mosquitto`'s knowledge; here they are only put where the
//! broker's own user can reach them. Mosquitto starts already dropped to that user, so it has
//! nothing to change and keeps its parent-death signal. It refuses to touch a broker that was not
//! started here. Read next: [`super::death`].

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use fleet_links::mosquitto;
use fleet_types::DeviceSn;
use rustix::process::Signal;
use tokio::process::Command;

use super::{
    denials::Denials,
    ports,
    supervise::{ChildSpec, LineWatch},
    user::{self, RunAs},
};
use crate::{
    ca::{Ca, CaDir},
    config::{Config, Mqtt},
    data_dir,
    secret::Secret,
};

/// It saves its queues when it stops.
const STOP_WITHIN: Duration = Duration::from_secs(5);
const PROGRAMS: [&str; 3] =
    ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto"];

/// A dock's login.
#[derive(Clone, Debug)]
pub struct DockLogin {
    /// Serial number, also the user name.
    pub sn: String,
    /// Password.
    pub password: Secret,
}

/// Writes the broker's files and gives the child that runs it. With `docks` its logins are made
/// anew; without, those of earlier runs are kept.
///
/// # Errors
/// When Mosquitto is not installed, its port is taken, or its files cannot be written.
pub fn prepare(
    config: &Config,
    docks: Option<&[DockLogin]>,
    denials: Arc<Denials>,
) -> anyhow::Result<ChildSpec> {
    let program = PROGRAMS.iter().map(Path::new).find(|path| path.exists()).context(
        "Mosquitto is not installed: `apt-get install mosquitto` (and \
         `systemctl disable --now mosquitto`: Gwanje runs its own), or set mqtt.mode = \"external\"",
    )?;
    ports::check_free(config.mqtt.listen).with_context(|| {
        format!(
            "cannot listen on {} for MQTT; is another broker running (Debian starts one: \
             `systemctl disable --now mosquitto`)? Or choose another mqtt.listen",
            config.mqtt.listen
        )
    })?;
    for address in tls_listens(config) {
        ports::check_free(address)
            .with_context(|| format!("cannot listen on {address} for MQTT with TLS"))?;
    }
    let run_as = user::run_as(&["mosquitto", "nobody"])?;
    let dir = config.broker_dir();
    user::own_dir(&dir, run_as, "the broker")?;
    let conf = write_files(config, &dir, docks, run_as)?;
    certificates(config)?;
    let exe = std::env::current_exe().context("cannot find this program's own file")?;
    let program = program.to_owned();
    let command = move |_| Ok(command(&exe, &program, &conf, run_as));
    let watch: LineWatch = Arc::new(move |line| denials.take(line));
    Ok(ChildSpec {
        name: "broker",
        prepare: None,
        command: Box::new(command),
        stop_signal: Signal::TERM,
        stop_within: STOP_WITHIN,
        watch: Some(watch),
    })
}

fn tls_listens(config: &Config) -> impl Iterator<Item = std::net::SocketAddr> {
    let tls = &config.mqtt.tls;
    [tls.listen, tls.certificate_listen].into_iter().flatten()
}

/// Renews the certificates of broker and tower where that is due, and brings what the broker uses
/// into its own directory. `true` when anything there changed.
///
/// # Errors
/// When there is no authority, or a file cannot be written.
pub fn certificates(config: &Config) -> anyhow::Result<bool> {
    if tls_listens(config).next().is_none() {
        return Ok(false);
    }
    let renewed = Ca::open(config)?.renew(config, &[])?;
    for role in renewed {
        tracing::info!(?role, "a certificate was renewed");
    }
    copy_certificates(config)
}

/// What `gwanje ca` changed, brought into the broker's directory. `true` when anything changed.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_certificates(config: &Config) -> anyhow::Result<bool> {
    let (ca, dir) = (CaDir::of(config), config.broker_dir());
    let run_as = user::run_as(&["mosquitto", "nobody"])?;
    let (cert, key) = ca.server();
    let mut changed = false;
    for (from, name) in [
        (ca.certificate(), mosquitto::CA_FILE),
        (ca.revocations(), mosquitto::CRL_FILE),
        // The key before its certificate: read in between, they do not fit and the old pair stays.
        (key, mosquitto::SERVER_KEY),
        (cert, mosquitto::SERVER_CERT),
    ] {
        let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        let to = dir.join(name);
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            continue;
        }
        data_dir::write_private(&to, &bytes)
            .with_context(|| format!("cannot write {}", to.display()))?;
        user::give(&to, run_as)?;
        changed = true;
    }
    Ok(changed)
}

fn command(exe: &Path, program: &Path, conf: &Path, run_as: Option<RunAs>) -> Command {
    let mut command = Command::new(exe);
    command.arg("exec-child").arg("--parent").arg(std::process::id().to_string());
    if let Some(RunAs { uid, gid, .. }) = run_as {
        command.arg("--uid").arg(uid.to_string()).arg("--gid").arg(gid.to_string());
    }
    command.arg("--").arg(program).arg("-c").arg(conf).env_clear();
    command
}

fn write_files(
    config: &Config,
    dir: &Path,
    docks: Option<&[DockLogin]>,
    run_as: Option<RunAs>,
) -> anyhow::Result<PathBuf> {
    let conf = dir.join(mosquitto::CONF_FILE);
    let logins = dir.join(mosquitto::DYNSEC_FILE);
    let keep = docks.is_none() && logins.exists();
    let password_file = config.broker_password_file();
    if keep && !password_file.exists() {
        bail!(
            "{} is gone, so the tower can no longer sign in to its broker; restore it, or remove {} \
             and enrol the docks again",
            password_file.display(),
            logins.display()
        );
    }
    let password = data_dir::secret_or_new(&password_file)
        .with_context(|| format!("cannot use {}", password_file.display()))?;
    let files = broker_files(config, dir, &password, docks.unwrap_or_default(), run_as.as_ref())?;
    let aircraft = dir.join(mosquitto::AIRCRAFT_FILE);
    let mut write = vec![(&conf, files.conf)];
    let older = fs::read_to_string(&logins).unwrap_or_default();
    let mut docks = mosquitto::AircraftDocks::default();
    if let Some((accounts, rights)) = mosquitto::renew_accounts(&older).filter(|_| keep) {
        tracing::info!("the broker's accounts are brought up to date");
        write.push((&logins, accounts));
        docks = rights;
    }
    if !keep || !aircraft.exists() {
        write.push((&aircraft, docks.text(None)));
    }
    if !keep {
        write.push((&logins, files.dynsec));
        // Sessions of logins that no longer exist would only be queued for.
        let _ = fs::remove_file(dir.join("mosquitto.db"));
    }
    for (path, text) in write {
        data_dir::write_private(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        user::give(path, run_as)?;
    }
    Ok(conf)
}

fn broker_files(
    config: &Config,
    dir: &Path,
    tower_password: &Secret,
    docks: &[DockLogin],
    run_as: Option<&RunAs>,
) -> anyhow::Result<mosquitto::BrokerFiles> {
    let plugin_path = mosquitto::find_plugin()
        .context("Mosquitto's dynamic-security plugin is missing; Debian's package has it")?;
    let docks = docks.iter().map(|dock| {
        let sn = DeviceSn::new(&dock.sn)?;
        Ok((sn, dock.password.clone()))
    });
    let spec = mosquitto::BrokerSpec {
        listen: vec![config.mqtt.listen],
        tls: mosquitto::TlsListen {
            password: config.mqtt.tls.listen,
            certificate: config.mqtt.tls.certificate_listen,
        },
        data_dir: dir.to_owned(),
        // It is this user already when it starts, and so has nothing to change.
        user: run_as.map(|run_as| run_as.name.to_owned()),
        plugin_path,
        tower_username: Mqtt::TOWER_USER.to_owned(),
        tower_password: tower_password.clone(),
        docks: docks.collect::<anyhow::Result<_>>()?,
        limits: mosquitto::BrokerLimits::default(),
        tell_refusals: config.mqtt.count_denials,
    };
    spec.files().context("cannot write the broker's configuration")
}
