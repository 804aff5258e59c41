//! The private Mosquitto as a child: its user, its files, its command.
//!
//! What is in its files is `fleet_links::mosquitto`'s knowledge; here they are only put where the
//! broker's own user can reach them. Mosquitto starts already dropped to that user, so it has
//! nothing to change and keeps its parent-death signal. It refuses to touch a broker that was not
//! started here. Read next: [`super::death`].

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use fleet_links::mosquitto;
use fleet_types::DeviceSn;
use rustix::process::{Signal, geteuid};
use tokio::process::Command;

use super::{ports, supervise::ChildSpec};
use crate::{
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

/// Who the broker runs as, when that is not whoever started us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Name.
    pub name: &'static str,
}

/// Writes the broker's files and gives the child that runs it. With `docks` its logins are made
/// anew; without, those of earlier runs are kept.
///
/// # Errors
/// When Mosquitto is not installed, its port is taken, or its files cannot be written.
pub fn prepare(config: &Config, docks: Option<&[DockLogin]>) -> anyhow::Result<ChildSpec> {
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
    let run_as = run_as()?;
    let dir = config.data_dir.join("broker");
    make_dir(&dir, run_as)?;
    let conf = write_files(config, &dir, docks, run_as)?;
    let exe = std::env::current_exe().context("cannot find this program's own file")?;
    let program = program.to_owned();
    let command = move |_| Ok(command(&exe, &program, &conf, run_as));
    Ok(ChildSpec {
        name: "broker",
        command: Box::new(command),
        stop_signal: Signal::TERM,
        stop_within: STOP_WITHIN,
    })
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
    let mut write = vec![(&conf, files.conf)];
    if !keep {
        write.push((&logins, files.dynsec));
        // Sessions of logins that no longer exist would only be queued for.
        let _ = fs::remove_file(dir.join("mosquitto.db"));
    }
    for (path, text) in write {
        data_dir::write_private(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        give(path, run_as)?;
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
        data_dir: dir.to_owned(),
        // It is this user already when it starts, and so has nothing to change.
        user: run_as.map(|run_as| run_as.name.to_owned()),
        plugin_path,
        tower_username: Mqtt::TOWER_USER.to_owned(),
        tower_password: tower_password.clone(),
        docks: docks.collect::<anyhow::Result<_>>()?,
        limits: mosquitto::BrokerLimits::default(),
    };
    spec.files().context("cannot write the broker's configuration")
}

/// The broker's directory belongs to its user, and every directory above lets it pass.
fn make_dir(dir: &Path, run_as: Option<RunAs>) -> anyhow::Result<()> {
    if !dir.exists() {
        let made = fs::DirBuilder::new().mode(0o700).create(dir);
        made.with_context(|| format!("cannot make {}", dir.display()))?;
    }
    give(dir, run_as)?;
    let Some(RunAs { uid, .. }) = run_as else { return Ok(()) };
    for above in dir.ancestors().skip(1) {
        let Ok(seen) = fs::metadata(above) else { continue };
        let may_pass = seen.permissions().mode() & 0o001 != 0 || seen.uid() == uid;
        if !may_pass {
            bail!(
                "the broker runs as user {uid} and may not pass through {}; choose a data \
                 directory elsewhere, such as /var/lib/gwanje",
                above.display()
            );
        }
    }
    Ok(())
}

fn give(path: &Path, run_as: Option<RunAs>) -> anyhow::Result<()> {
    let Some(RunAs { uid, gid, .. }) = run_as else { return Ok(()) };
    chown(path, Some(uid), Some(gid))
        .with_context(|| format!("cannot give {} to user {uid}", path.display()))
}

/// As root, the broker gets a user of its own: Debian's `mosquitto`, else `nobody`.
fn run_as() -> anyhow::Result<Option<RunAs>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let found = ["mosquitto", "nobody"].iter().find_map(|name| find_user(&users, name));
    found.map(Some).context("there is neither a user `mosquitto` nor `nobody` to run the broker as")
}

fn find_user(users: &str, name: &'static str) -> Option<RunAs> {
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        if parts.next()? != name {
            return None;
        }
        let (uid, gid) = (parts.nth(1)?.parse().ok()?, parts.next()?.parse().ok()?);
        // A user entry that is root would undo the point.
        (uid != 0 && gid != 0).then_some(RunAs { uid, gid, name })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brokers_user_is_found_and_is_never_root() {
        let users = "root:x:0:0:root:/root:/bin/bash\nmosquitto:x:102:109::/var:/bin/false\n\
                     odd:x:0:5::/:/bin/sh\nshort:x\n";
        assert_eq!(
            find_user(users, "mosquitto"),
            Some(RunAs { uid: 102, gid: 109, name: "mosquitto" })
        );
        for name in ["root", "odd", "short", "mosq", ""] {
            assert_eq!(find_user(users, name), None, "{name}");
        }
    }
}
