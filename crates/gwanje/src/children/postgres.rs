//! The private PostgreSQL as a child: its version, its user, its cluster, its command.
//!
//! The cluster is made once, beside its final place, so that a half-made one is never taken for a
//! whole one. It listens on a Unix socket alone, and its one role has a generated password. It is
//! never started with a program older or newer than the one that made it: the mistake is named, the
//! files stay as they are. A database that was killed recovers by itself when it starts again. It
//! refuses to touch a cluster that was not made here. Read next: [`super::supervise`].

mod lock_file;

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{process::Command, sync::watch};

use super::{
    supervise::{ChildSpec, Prepare},
    user::{self, RunAs},
};
use crate::{config::Config, data_dir, secret::Secret};

/// Role and superuser of the private cluster.
pub const USER: &str = "gwanje";
/// Its database: the one that Supabase uses too.
pub const DATABASE: &str = "postgres";
/// The number in the socket's name.
pub const PORT: u16 = 5432;
/// Where Debian's packages put their programs, by major version.
const PACKAGES: &str = "/usr/lib/postgresql";
/// Oldest version that the schema is written for.
const VERSION_MIN: u32 = 15;
/// A fast shutdown writes what is in memory to the disk.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// Longest path of its socket that every system takes.
const SOCKET_PATH_MAX: usize = 100;
/// Longest output of `initdb` that is repeated.
const WORDS_MAX: usize = 2000;

/// Tells whoever prepares a start to end.
type Stop = watch::Receiver<bool>;

/// An installed version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Major version.
    pub version: u32,
    /// Directory of its programs.
    pub bin: PathBuf,
}

/// Checks what is there and gives the child that makes the cluster, if need be, and runs it.
///
/// # Errors
/// When PostgreSQL is not installed in the version that is needed, or its files cannot be used.
pub fn prepare(config: &Config) -> anyhow::Result<ChildSpec> {
    let dir = config.database_dir();
    let socket = dir.join(format!(".s.PGSQL.{PORT}"));
    if socket.as_os_str().len() >= SOCKET_PATH_MAX {
        bail!("{} is too long for a Unix socket; choose a shorter data_dir", socket.display());
    }
    let installed = choose(&installed(Path::new(PACKAGES)), version_of(&dir)?)
        .with_context(|| format!("the database in {}", dir.display()))?;
    let run_as = owner_or_new(&dir)?;
    user::own_dir(&dir, run_as, "the database")?;
    let password_file = config.database_password_file();
    if dir.join("data").exists() && !password_file.exists() {
        bail!(
            "{} is gone, so nobody can sign in to the database in {}; restore it",
            password_file.display(),
            dir.display()
        );
    }
    let password = data_dir::secret_or_new(&password_file)
        .with_context(|| format!("cannot use {}", password_file.display()))?;
    let exe = std::env::current_exe().context("cannot find this program's own file")?;
    let cluster = Cluster { dir, installed, run_as, exe };
    Ok(spec(cluster, password))
}

fn spec(cluster: Cluster, password: Secret) -> ChildSpec {
    let (maker, starter) = (cluster.clone(), cluster);
    let prepare: Prepare = Box::new(move |stopped| {
        let (maker, password) = (maker.clone(), password.clone());
        Box::pin(async move { maker.make_if_missing(&password, stopped).await })
    });
    ChildSpec {
        name: "database",
        prepare: Some(prepare),
        command: Box::new(move |_| starter.start()),
        stop_signal: Signal::INT,
        stop_within: STOP_WITHIN,
        watch: None,
    }
}

/// A private cluster and the programs to run it with.
#[derive(Clone, Debug)]
struct Cluster {
    dir: PathBuf,
    installed: Installed,
    run_as: Option<RunAs>,
    exe: PathBuf,
}

impl Cluster {
    /// Makes the cluster when there is none. An attempt that did not end is begun anew.
    async fn make_if_missing(&self, password: &Secret, mut stopped: Stop) -> io::Result<()> {
        let (data, new) = (self.dir.join("data"), self.dir.join("data.new"));
        if data.exists() {
            return Ok(());
        }
        if new.exists() {
            fs::remove_dir_all(&new)?;
        }
        let began = tokio::time::Instant::now();
        let words = self.dir.join("initdb-password");
        data_dir::write_private(&words, password.expose().as_bytes())?;
        user::give(&words, self.run_as).map_err(io::Error::other)?;
        let made = self.initdb(&new, &words, &mut stopped).await;
        fs::remove_file(&words)?;
        made?;
        self.sync(&new, &mut stopped).await?;
        fs::rename(&new, &data)?;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(dir = %data.display(), took_ms, "made a database cluster");
        Ok(())
    }

    async fn initdb(&self, data: &Path, password: &Path, stopped: &mut Stop) -> io::Result<()> {
        let mut command = self.child(&self.installed.bin.join("initdb"));
        command.arg("--pgdata").arg(data).arg("--username").arg(USER);
        command.arg(format!("--pwfile={}", password.display()));
        command.args(["--locale=C.UTF-8", "--encoding=UTF8", "--auth-local=scram-sha-256"]);
        // One flush of the whole afterwards is quicker than one of each of a thousand files.
        command.args(["--auth-host=reject", "--data-checksums", "--no-sync"]);
        succeed("initdb", command, stopped).await
    }

    async fn sync(&self, data: &Path, stopped: &mut Stop) -> io::Result<()> {
        let mut command = self.child(Path::new("/usr/bin/sync"));
        command.arg("--file-system").arg(data);
        succeed("sync", command, stopped).await
    }

    fn start(&self) -> io::Result<Command> {
        let data = self.dir.join("data");
        lock_file::remove_foreign(&data.join("postmaster.pid"), &data)?;
        lock_file::remove_foreign(&self.dir.join(format!(".s.PGSQL.{PORT}.lock")), &data)?;
        let mut command = self.child(&self.installed.bin.join("postgres"));
        command.arg("-D").arg(data).args(["-p", &PORT.to_string()]);
        let socket = format!("unix_socket_directories={}", self.dir.display());
        command.args(["-c", &socket]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        Ok(command)
    }

    /// A program as the cluster's owner, under the rules for child processes.
    fn child(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.exe);
        command.arg("exec-child").arg("--parent").arg(std::process::id().to_string());
        command.arg("--death-signal=INT");
        if let Some(RunAs { uid, gid, .. }) = self.run_as {
            command.arg("--uid").arg(uid.to_string()).arg("--gid").arg(gid.to_string());
        }
        command.arg("--").arg(program);
        command.env_clear().env("LC_ALL", "C.UTF-8").env("PATH", "/usr/bin:/bin");
        command.env("TZ", "UTC").current_dir(&self.dir);
        command
    }
}

/// Runs a program to its end, or kills it with all that it started when asked to stop, and waits.
async fn succeed(name: &str, mut command: Command, stopped: &mut Stop) -> io::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.kill_on_drop(true).process_group(0).spawn()?;
    // The id is the group's, and valid until the child is waited for, which is below.
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let output = child.wait_with_output();
    tokio::pin!(output);
    let ended = tokio::select! {
        biased;
        ended = &mut output => Some(ended?),
        _ = stopped.changed() => None,
    };
    let Some(output) = ended else {
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        output.await?;
        return Err(io::Error::other(format!("{name} was stopped")));
    };
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let said = said.trim();
    let start = said.len().saturating_sub(WORDS_MAX);
    let said = said.get(start..).unwrap_or(said);
    Err(io::Error::other(format!("{name} failed ({}): {said}", output.status)))
}

/// No network; memory of a small machine; nothing slow that nobody looks at.
const SETTINGS: [&str; 14] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "cluster_name=gwanje",
    "shared_buffers=64MB",
    "huge_pages=off",
    "jit=off",
    "max_connections=40",
    "max_parallel_workers_per_gather=0",
    "max_wal_senders=0",
    "wal_level=minimal",
    "max_wal_size=512MB",
    "log_checkpoints=off",
    "log_line_prefix=%m [%p] ",
    "timezone=UTC",
];

/// The major version of the cluster that is there.
fn version_of(dir: &Path) -> anyhow::Result<Option<u32>> {
    let path = dir.join("data/PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let version = text.trim().parse();
            version.map(Some).with_context(|| format!("{} is not a version", path.display()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Installed versions, the newest first.
#[must_use]
pub fn installed(packages: &Path) -> Vec<Installed> {
    let Ok(entries) = fs::read_dir(packages) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            let bin = path.join("bin");
            let is_whole = ["postgres", "initdb"].iter().all(|name| bin.join(name).exists());
            is_whole.then_some(Installed { version, bin })
        })
        .collect();
    found.sort_by_key(|installed| std::cmp::Reverse(installed.version));
    found
}

/// Directory of the newest installed programs, clients among them.
#[must_use]
pub fn newest_bin() -> Option<PathBuf> {
    installed(Path::new(PACKAGES)).into_iter().next().map(|newest| newest.bin)
}

/// The version to run: the one that made the cluster, or for a new one the newest.
fn choose(installed: &[Installed], cluster: Option<u32>) -> anyhow::Result<Installed> {
    let Some(newest) = installed.first().filter(|newest| newest.version >= VERSION_MIN) else {
        bail!(
            "PostgreSQL {VERSION_MIN} or newer is not installed: `apt-get install postgresql` (and \
             `systemctl disable --now postgresql`: Gwanje runs its own), or set database.url"
        );
    };
    let Some(version) = cluster else { return Ok(newest.clone()) };
    match installed.iter().find(|installed| installed.version == version) {
        Some(installed) => Ok(installed.clone()),
        None if version > newest.version => bail!(
            "was made by PostgreSQL {version}, and the newest installed here is {}: install \
             postgresql-{version}; it was left as it is",
            newest.version
        ),
        None => bail!(
            "was made by PostgreSQL {version}, which is not installed: install \
             postgresql-{version}, or make a backup with it and restore that into a new directory"
        ),
    }
}

/// The owner of the directory that is there; for a new one, a user of its own.
fn owner_or_new(dir: &Path) -> anyhow::Result<Option<RunAs>> {
    let fresh = user::run_as(&["postgres", "nobody"])?;
    let Some(RunAs { name, .. }) = fresh else { return Ok(None) };
    match fs::metadata(dir.join("data")) {
        // Root cannot own a cluster: PostgreSQL would refuse to run.
        Ok(seen) if seen.uid() != 0 => Ok(Some(RunAs { uid: seen.uid(), gid: seen.gid(), name })),
        Ok(_) | Err(_) => Ok(fresh),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(versions: &[u32]) -> Vec<Installed> {
        let bin = |version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"));
        versions.iter().map(|version| Installed { version: *version, bin: bin(*version) }).collect()
    }

    #[test]
    fn the_version_that_made_the_cluster_runs_it_or_the_way_out_is_named() {
        let check = |versions: &[u32], cluster, expect: Result<u32, &str>| match (
            choose(&there(versions), cluster),
            expect,
        ) {
            (Ok(chosen), Ok(version)) => assert_eq!(chosen.version, version),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, expect) => panic!("{versions:?} {cluster:?}: {found:?}, not {expect:?}"),
        };
        check(&[17, 15], None, Ok(17));
        check(&[17, 15], Some(15), Ok(15));
        check(&[], None, Err("apt-get install postgresql"));
        check(&[14], None, Err("15 or newer is not installed"));
        check(&[15], Some(17), Err("install postgresql-17; it was left as it is"));
        check(&[17], Some(16), Err("make a backup with it"));
    }

    #[test]
    fn a_newer_cluster_is_refused_and_left_as_it_is() {
        let dir = data_dir::TempDir::new().unwrap();
        let mut config = Config::defaults(false, None, None);
        config.data_dir = dir.path().to_owned();
        fs::create_dir_all(dir.path().join("db/data")).unwrap();
        fs::write(dir.path().join("db/data/PG_VERSION"), "99\n").unwrap();
        let error = format!("{:#}", prepare(&config).err().expect("refused"));
        // Where none is installed that comes first.
        assert!(error.contains("postgresql-99") || error.contains("not installed"), "{error}");
        assert!(!config.database_password_file().exists());
    }
}
