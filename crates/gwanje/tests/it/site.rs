//! A whole site: `gwanje up` with its broker and tower, in a directory of its own.
//!
//! Dropped, it kills its supervisor and waits until no process of it is left.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use bytes::Bytes;
use gwanje::children::ports;
use rustix::{
    fs::{FlockOperation, flock},
    process::Signal,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{
    cluster,
    http::{self, Answer},
    proc,
};

pub(crate) const GWANJE: &str = env!("CARGO_BIN_EXE_gwanje");
/// For anything that should take a second or two: this machine may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(45);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How much of the machine a test takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// It mostly waits: others may run beside it.
    Light,
    /// It wants the machine for itself.
    Heavy,
}

/// Runs a test on one event loop, as every process of the project does.
pub(crate) fn run(load: Load, test: impl Future<Output = ()>) {
    run_within(Duration::from_mins(5), load, test);
}

/// See [`run`]; for tests that take long.
pub(crate) fn run_within(within: Duration, load: Load, test: impl Future<Output = ()>) {
    // Across processes too: cargo-nextest gives each test one of its own.
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("load.lock");
    let turn = File::create(path).unwrap();
    let operation = match load {
        Load::Light => FlockOperation::LockShared,
        Load::Heavy => FlockOperation::LockExclusive,
    };
    flock(&turn, operation).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async { timeout(within, test).await.unwrap() });
}

/// Whether tests that take minutes are wanted.
pub(crate) fn wants_long() -> bool {
    std::env::var_os("GWANJE_LONG").is_some_and(|value| value == "1")
}

/// Looks again and again until there is something.
#[track_caller]
pub(crate) fn until<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> impl Future<Output = T> {
    until_within(SOON, what, async move || look().await)
}

/// See [`until`].
pub(crate) async fn until_within<T>(
    within: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + within;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) => assert!(Instant::now() < end, "{what} did not happen; last seen: {seen}"),
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Environment variables and their values.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// A running site.
pub(crate) struct Site {
    dir: PathBuf,
    /// The same directory as its processes see it.
    data: PathBuf,
    supervisor: Child,
    /// Children seen so far, for the end.
    seen: Vec<u32>,
    settings: Settings,
    pub(crate) api: SocketAddr,
    pub(crate) mqtt: SocketAddr,
    pub(crate) objects_listen: SocketAddr,
    pub(crate) token: String,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_as(|_| vec![]).await
    }

    /// As on a machine that never ran it: the database is made now.
    pub(crate) async fn start_fresh() -> Self {
        Self::start_with(|_| {}, |_| vec![]).await
    }

    /// With more settings, made once its directory is there.
    pub(crate) async fn start_as(settings: impl FnOnce(&Path) -> Settings) -> Self {
        Self::start_with(cluster::put_into, settings).await
    }

    async fn start_with(prepare: fn(&Path), settings: impl FnOnce(&Path) -> Settings) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("gw-it-{}-{number}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        prepare(&dir);
        let (api, mqtt, objects_listen) = (free_port(), free_port(), free_port());
        let settings = settings(&dir);
        let supervisor = spawn(&dir, [api, mqtt, objects_listen], &settings, &[]);
        let (data, token) = (dir.clone(), String::new());
        let seen = vec![];
        let mut site =
            Self { dir, data, supervisor, seen, settings, api, mqtt, objects_listen, token };
        site.until_ready().await;
        site
    }

    /// Its tower in two processes: `gwanje up` runs the one that owns the docks; this starts the one
    /// that serves the console, and gives it.
    pub(crate) async fn start_apart(settings: Settings) -> (Self, Child) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("gw-it-{}-{number}a", std::process::id()));
        fs::create_dir(&dir).unwrap();
        cluster::put_into(&dir);
        let (api, mqtt, objects_listen) = (free_port(), free_port(), free_port());
        let settings = [vec![("GWANJE_ROLES", "link".to_owned())], settings].concat();
        let supervisor = spawn(&dir, [api, mqtt, objects_listen], &settings, &[]);
        let (data, token) = (dir.clone(), String::new());
        let seen = vec![];
        let mut site =
            Self { dir, data, supervisor, seen, settings, api, mqtt, objects_listen, token };
        let shows = site.spawn_api(&site.dir, api);
        site.until_ready().await;
        (site, shows)
    }

    /// A process of the tower that serves the console, with this data directory, at that address.
    pub(crate) fn spawn_api(&self, dir: &Path, api: SocketAddr) -> Child {
        let settings = self.settings.iter().filter(|(name, _)| *name != "GWANJE_ROLES");
        let roles = [("GWANJE_ROLES", "api".to_owned())];
        let settings: Settings = settings.cloned().chain(roles).collect();
        spawn(dir, [api, self.mqtt, self.objects_listen], &settings, &[GWANJE, "tower"])
    }

    /// The same question to the process that owns the docks, past the one that serves the console.
    pub(crate) async fn local(&self, method: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let bytes = if body.is_null() { vec![] } else { serde_json::to_vec(body).unwrap() };
        let socket = self.data.join("tower.sock");
        http::send_local(&socket, method, path, &headers, bytes).await.unwrap()
    }

    /// On a disk of its own of so many megabytes, in a mount namespace of its own: the kernel takes
    /// both away with the last process. Needs root.
    pub(crate) async fn start_on_disk(mb: u32) -> Self {
        let dir = std::env::temp_dir().join(format!("gw-it-{}-disk", std::process::id()));
        fs::create_dir(&dir).unwrap();
        cluster::put_into(&dir);
        let script = "set -e; disk=$0.disk; mkdir $disk; mount -t tmpfs -o size=$1m,mode=0755 tmpfs $disk; \
                      cp -a $0/db $0/db-password $disk; mount --move $disk $0; rmdir $disk; exec $2 up";
        let mb = mb.to_string();
        let path = dir.to_str().unwrap();
        let unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script];
        let wrapper = [&unshare[..], &[path, &mb, GWANJE]].concat();
        let (api, mqtt, objects_listen) = (free_port(), free_port(), free_port());
        let supervisor = spawn(&dir, [api, mqtt, objects_listen], &Settings::new(), &wrapper);
        let data = Path::new("/proc").join(supervisor.id().to_string()).join("root");
        let data = data.join(dir.strip_prefix("/").unwrap());
        let token = String::new();
        let settings = vec![];
        let seen = vec![];
        let mut site =
            Self { dir, data, supervisor, seen, settings, api, mqtt, objects_listen, token };
        site.until_ready().await;
        site
    }

    /// Stops everything in order, as Ctrl-C does.
    pub(crate) async fn stop(&mut self) {
        self.seen.extend(proc::children_of(self.supervisor.id()));
        proc::signal(self.supervisor.id(), Signal::TERM);
        until("the end of the supervisor", async || match self.supervisor.try_wait() {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }

    /// Starts again in the same directory, at the same addresses.
    pub(crate) async fn start_again(&mut self) {
        self.supervisor = spawn(&self.dir, self.listens(), &self.settings, &[]);
        self.until_ready().await;
    }

    /// Starts again from another file, as after an upgrade, and says which.
    pub(crate) async fn start_again_upgraded(&mut self) -> PathBuf {
        let binary = self.dir.join("gwanje-upgraded");
        if fs::hard_link(GWANJE, &binary).is_err() {
            fs::copy(GWANJE, &binary).unwrap();
        }
        let binary = fs::canonicalize(binary).unwrap();
        let up = [binary.to_str().unwrap(), "up"];
        self.supervisor = spawn(&self.dir, self.listens(), &self.settings, &up);
        self.until_ready().await;
        binary
    }

    async fn until_ready(&mut self) {
        let site = self;
        until("the start of broker and tower", async || {
            if let Ok(Some(status)) = site.supervisor.try_wait() {
                panic!("the supervisor ended: {status}");
            }
            site.token = match fs::read_to_string(site.data.join("api-token")) {
                Ok(token) => token.trim().to_owned(),
                Err(error) => return Err(error.to_string()),
            };
            let ready = site.try_call("GET", "/readyz", &Value::Null).await;
            match ready {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        site.seen.extend(proc::children_of(site.supervisor.id()));
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data
    }

    pub(crate) fn supervisor(&self) -> u32 {
        self.supervisor.id()
    }

    /// The tower's process, once it is itself.
    pub(crate) fn tower(&mut self) -> Option<u32> {
        self.child(|pid| proc::subcommand(pid).as_deref() == Some("tower"))
    }

    /// The broker's process, once it is itself.
    pub(crate) fn broker(&mut self) -> Option<u32> {
        self.child(|pid| proc::status(pid, "Name:").as_deref() == Some("mosquitto"))
    }

    /// The object store's process, once it is itself.
    pub(crate) fn objects(&mut self) -> Option<u32> {
        self.child(|pid| proc::subcommand(pid).as_deref() == Some("objects"))
    }

    fn listens(&self) -> [SocketAddr; 3] {
        [self.api, self.mqtt, self.objects_listen]
    }

    /// The database's process, once it is itself.
    pub(crate) fn database(&mut self) -> Option<u32> {
        self.child(|pid| proc::status(pid, "Name:").as_deref() == Some("postgres"))
    }

    fn child(&mut self, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let children = proc::children_of(self.supervisor.id());
        self.seen.extend(&children);
        children.into_iter().find(|pid| is_it(*pid) && !proc::is_gone(*pid))
    }

    /// Everything the processes have said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("it.log")).unwrap_or_default()
    }

    /// The newest one-time code of the printed sign-in link.
    pub(crate) fn signin_code(&self) -> String {
        let said = fs::read_to_string(self.dir.join("it.out")).unwrap();
        let code = said.rsplit_once("#signin=").expect("a sign-in link").1;
        code.split_whitespace().next().unwrap().to_owned()
    }

    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> std::io::Result<Answer> {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", bearer.as_str())];
        let mut bytes = Vec::new();
        if !body.is_null() {
            headers.push(("content-type", "application/json"));
            bytes = serde_json::to_vec(body).unwrap();
        }
        http::send(self.api, method, path, &headers, bytes).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_call("GET", path, &Value::Null).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_call("POST", path, body).await.unwrap()
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.try_call("PUT", path, body).await.unwrap()
    }

    /// Sends exactly these headers.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        http::send(self.api, method, path, headers, body).await.unwrap()
    }

    /// Asks until the answer is a success and `fits`.
    pub(crate) async fn until(
        &self,
        what: &str,
        path: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Value {
        self.until_within(SOON, what, path, fits).await
    }

    /// See [`Site::until`].
    pub(crate) async fn until_within(
        &self,
        within: Duration,
        what: &str,
        path: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Value {
        until_within(within, what, async || match self.try_call("GET", path, &Value::Null).await {
            Ok(answer) if answer.status.is_success() && fits(&answer.json()) => Ok(answer.json()),
            Ok(answer) => Err(answer.text()),
            Err(error) => Err(error.to_string()),
        })
        .await
    }

    /// Enrols a dock and gives its password.
    pub(crate) async fn enrol(&self, sn: &str) -> String {
        let body = json!({ "sn": sn });
        let is_apart = self.settings.iter().any(|(name, _)| *name == "GWANJE_ROLES");
        let enrolled = match is_apart {
            true => self.local("POST", "/api/v1/docks", &body).await,
            false => self.post("/api/v1/docks", &body).await,
        };
        let enrolled = enrolled.is(201);
        enrolled["mqtt"]["password"].as_str().unwrap().to_owned()
    }

    /// Asks for a command.
    pub(crate) async fn command(&self, sn: &str, method: &str, key: &str) -> Answer {
        self.command_for(sn, method, key, 10_000).await
    }

    /// Asks for a command that may be sent within this time.
    pub(crate) async fn command_for(&self, sn: &str, method: &str, key: &str, ms: u64) -> Answer {
        let body = json!({"method": method, "idempotency_key": key, "expires_in_ms": ms});
        self.post(&format!("/api/v1/devices/{sn}/commands"), &body).await
    }

    /// Waits until a command is in one of these states.
    pub(crate) async fn until_command(&self, taken: &Value, states: &[&str]) -> Value {
        let id = taken["command_id"].as_str().unwrap_or_else(|| panic!("no command: {taken}"));
        let path = format!("/api/v1/commands/{id}");
        let what = format!("{} to be {states:?}", taken["method"]);
        self.until(&what, &path, |command| states.iter().any(|state| command["state"] == *state))
            .await
    }

    /// A counter of `/metrics`: the sum over its labels that contain `label`.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.get("/metrics").await.text();
        let of_name = |line: &&str| {
            let rest = line.strip_prefix(name).unwrap_or("-");
            let rest = rest.strip_prefix("_total").unwrap_or(rest);
            (rest.starts_with(' ') || rest.starts_with('{')) && rest.contains(label)
        };
        let lines = text.lines().filter(of_name);
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        values.sum()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.seen.extend(proc::children_of(self.supervisor.id()));
        // Stopped, it could not be killed by its children's death; killed, it may be stopped.
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
        for pid in &self.seen {
            // A stopped process ends only when it goes on.
            if !proc::is_gone(*pid) {
                let pid = rustix::process::Pid::from_raw((*pid).try_into().unwrap()).unwrap();
                let _ = rustix::process::kill_process(pid, Signal::CONT);
            }
        }
        let left = !proc::wait_blocking(SOON, || self.seen.iter().all(|pid| proc::is_gone(*pid)));
        let is_failing = std::thread::panicking();
        if is_failing {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(60).collect();
            eprintln!("--- end of the log of {}", self.dir.display());
            for line in tail.into_iter().rev() {
                eprintln!("{line}");
            }
        }
        let _ = fs::remove_dir_all(&self.dir);
        assert!(is_failing || !left, "processes are left: {:?}", self.seen);
    }
}

/// `wrapper`: a program that becomes `gwanje up`, and its arguments.
fn spawn(
    dir: &Path,
    [api, mqtt, objects]: [SocketAddr; 3],
    settings: &Settings,
    wrapper: &[&str],
) -> Child {
    let file = |name: &str| {
        let open = fs::OpenOptions::new().create(true).append(true).open(dir.join(name));
        open.unwrap()
    };
    let words = if wrapper.is_empty() { &[GWANJE, "up"] } else { wrapper };
    Command::new(words[0])
        .args(&words[1..])
        .env("GWANJE_CONFIG", "/dev/null")
        .env("GWANJE_DATA_DIR", dir)
        .env("GWANJE_API_LISTEN", api.to_string())
        .env("GWANJE_MQTT_LISTEN", mqtt.to_string())
        .env("GWANJE_OBJECTS_LISTEN", objects.to_string())
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(file("it.out"))
        .stderr(file("it.log"))
        .spawn()
        .unwrap()
}

/// A free port below those the kernel gives to outgoing connections, so that none of the many of a
/// test takes it before its listener does.
pub(crate) fn free_port() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 15_000 + (std::process::id().wrapping_mul(97) + step) % 15_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.try_into().unwrap()));
        if ports::check_free(address).is_ok() {
            return address;
        }
    }
}
