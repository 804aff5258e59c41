//! A private PostgreSQL for one test.
//!
//! The first test that comes makes a template (initdb takes seconds), the others copy it. The
//! server runs as a user who is not root, listens on a socket in its own directory, writes without
//! fsync, and is stopped when the test ends; should the test be killed, the kernel stops it.

use std::{
    fs,
    io::{Read as _, Seek as _, Write as _},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use fleet_store::{Database, DatabaseConfig, Resolve, migrate};
use rustix::process::{Pid, Signal, kill_process};

/// Where Debian keeps the programs.
const BIN: &str = "/usr/lib/postgresql/15/bin";
/// Superuser of every test cluster.
pub(crate) const USER: &str = "gwanje";

/// A running server.
pub(crate) struct Cluster {
    dir: PathBuf,
    server: Option<Child>,
    settings: Vec<String>,
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that runs as a user whom PostgreSQL does not refuse.
fn unprivileged(program: &str) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        // nobody
        command.uid(65534).gid(65534);
    }
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {words}");
}

fn private_dir(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
    }
}

/// The template, made once for all tests of this machine and user.
fn template() -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let dir = std::env::temp_dir().join(format!("gwanje-test-cluster-15-{uid}"));
    private_dir(&dir);
    let mut lock = fs::File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join("lock"))
        .unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let mut done = String::new();
    lock.read_to_string(&mut done).unwrap();
    let data = dir.join("data");
    if done != "done" {
        let _ = fs::remove_dir_all(&data);
        run(unprivileged(&format!("{BIN}/initdb"))
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", USER, "-D"])
            .arg(&data));
        lock.rewind().unwrap();
        lock.write_all(b"done").unwrap();
    }
    data
}

impl Cluster {
    /// Starts a server with nothing in it.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with settings of the test's own.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let name = format!("gwanje-test-{}", uuid::Uuid::new_v4().simple());
        let dir = std::env::temp_dir().join(name);
        private_dir(&dir);
        run(unprivileged("cp").arg("-r").arg(template()).arg(dir.join("data")));
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut cluster = Self { dir, server: None, settings };
        cluster.start_again();
        cluster
    }

    /// Starts the server of a cluster that was stopped, and waits until it answers. After a crash
    /// it may find the memory of its predecessor still in use and give up: it is started again.
    pub(crate) fn start_again(&mut self) {
        let port = self.settings.iter().find_map(|setting| setting.strip_prefix("port="));
        let mut ready = Command::new(format!("{BIN}/pg_isready"));
        ready.args(["-q", "-h"]).arg(&self.dir).args(["-p", port.unwrap_or("5432")]);
        let mut server = self.command().spawn().unwrap();
        for _ in 0..2000 {
            if ready.status().unwrap().success() {
                self.server = Some(server);
                return;
            }
            if server.try_wait().unwrap().is_some() {
                server = self.command().spawn().unwrap();
            }
        }
        panic!("no server: {}", fs::read_to_string(self.dir.join("log")).unwrap());
    }

    fn command(&self) -> Command {
        let log = fs::File::create(self.dir.join("log")).unwrap();
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=INT");
        if is_root() {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.arg(format!("{BIN}/postgres")).arg("-D").arg(self.dir.join("data"));
        let sockets = format!("unix_socket_directories={}", self.dir.display());
        for setting in ["fsync=off", "jit=off", "shared_buffers=32MB", &sockets] {
            command.args(["-c", setting]);
        }
        if !self.settings.iter().any(|setting| setting.starts_with("listen_addresses")) {
            command.args(["-c", "listen_addresses="]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log_too = log.try_clone().unwrap();
        command.stdin(Stdio::null()).stdout(log).stderr(log_too);
        command
    }

    /// Ends the server with a signal and waits for it: `INT` stops it, `KILL` is a crash.
    pub(crate) fn end(&mut self, signal: Signal) {
        if let Some(mut server) = self.server.take() {
            let pid = Pid::from_child(&server);
            kill_process(pid, signal).unwrap();
            server.wait().unwrap();
        }
    }

    /// Settings for the next start.
    pub(crate) fn set(&mut self, settings: impl IntoIterator<Item = String>) {
        self.settings.extend(settings);
    }

    /// Writes a file that only the server's user may read.
    pub(crate) fn put(&self, name: &str, text: &str) {
        let path = self.dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if is_root() {
            std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
        }
    }

    /// The directory of the socket, the data and what the test needs.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn config(&self) -> DatabaseConfig {
        DatabaseConfig::socket(&self.dir, 5432, USER, "postgres")
    }

    /// A connected handle; its driver runs as a task of the test.
    pub(crate) async fn connect(&self) -> Database {
        connect(self.config()).await
    }

    /// A connected handle to a database with the whole schema.
    pub(crate) async fn migrated(&self) -> Database {
        let database = self.connect().await;
        migrate::bootstrap_embedded(&database).await.unwrap();
        migrate::migrate(&database).await.unwrap();
        database
    }

    /// What `psql` answers, unaligned, without headers.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.psql_at(5432, "postgres", sql)
    }

    /// As [`Self::psql`], at a port and in a database of the test's own.
    pub(crate) fn psql_at(&self, port: u16, database: &str, sql: &str) -> String {
        let mut command = Command::new(format!("{BIN}/psql"));
        command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", USER, "-d", database]);
        command.arg("-h").arg(&self.dir).args(["-p", &port.to_string(), "-c", sql]);
        let output = command.output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {words}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // Nothing is worth keeping: no check-point.
            let _ = kill_process(Pid::from_child(server), Signal::QUIT);
            let _ = server.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Nobody is asked: tests know their addresses.
pub(crate) fn no_names() -> Resolve {
    Arc::new(|name| Box::pin(async move { Err(format!("{name} was not expected")) }))
}

/// A handle that has seen the database up.
pub(crate) async fn connect(config: DatabaseConfig) -> Database {
    let (database, driver) = Database::new(config, no_names()).unwrap();
    tokio::spawn(driver.run());
    database.up().await;
    database
}
