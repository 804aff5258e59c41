//! The processes of a measurement: each dies with this one, and is ended in order before.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    time::{Instant, sleep, timeout},
};

use crate::proc;

/// The program that is measured, where `cargo xtask bench ingest` has built it.
fn gwanje() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/gwanje");
    std::env::var_os("GWANJE_BENCH_PROGRAM").map_or(built, PathBuf::from)
}

const SOON: Duration = Duration::from_secs(60);

/// A process of ours, ended when dropped.
pub(crate) struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.0.id().try_into().unwrap()).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let end = std::time::Instant::now() + Duration::from_secs(15);
        while std::time::Instant::now() < end {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            let _ = rustix::event::poll(&mut [], Some(&wait));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// One connection a dock: as many files as this user may have, for us and what we start.
fn many_files() {
    let most = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
}

/// Broker, database and tower in a directory of their own, which goes with them.
pub(crate) struct Site {
    // Ended in this order.
    tower_and_database: Process,
    broker: Process,
    dir: PathBuf,
    pub(crate) api: SocketAddr,
    pub(crate) mqtt: SocketAddr,
    pub(crate) token: String,
}

impl Site {
    pub(crate) async fn start() -> Self {
        many_files();
        let dir = std::env::temp_dir().join(format!("gw-bench-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let (api, mqtt) = (free_port(), free_port());
        let broker = broker(&dir, mqtt);
        let site = dir.join("site");
        let config = dir.join("gwanje.toml");
        let text = format!(
            "[mqtt]\nmode = \"external\"\nbrokers = [\"{mqtt}\"]\n[api]\nlisten = \"{api}\"\n[objects]\nmode = \"none\"\n"
        );
        fs::write(&config, text).unwrap();
        let log = fs::File::create(dir.join("tower.log")).unwrap();
        let mut command = Command::new(gwanje());
        command.args(["--parent", &std::process::id().to_string(), "up"]);
        command.env("GWANJE_CONFIG", &config).env("GWANJE_DATA_DIR", &site);
        command.stdout(Stdio::null()).stderr(log);
        let tower_and_database = Process::start(&mut command);
        let mut started = Self { tower_and_database, broker, dir, api, mqtt, token: String::new() };
        let token = site.join("api-token");
        started
            .until("the tower", async |site| {
                let token = fs::read_to_string(&token).ok()?;
                site.token = token.trim().to_owned();
                let ready = site.get("/readyz").await?;
                (ready["ready"] == true).then_some(())
            })
            .await;
        started
    }

    async fn until<T>(
        &mut self,
        what: &str,
        mut look: impl AsyncFnMut(&mut Self) -> Option<T>,
    ) -> T {
        let end = Instant::now() + SOON;
        loop {
            if let Some(found) = look(self).await {
                return found;
            }
            assert!(
                Instant::now() < end,
                "{what} is not there: {}",
                fs::read_to_string(self.dir.join("tower.log")).unwrap_or_default()
            );
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// `GET` by HTTP; nothing when there is no answer.
    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        use tokio::io::AsyncReadExt as _;
        let mut stream = tokio::net::TcpStream::connect(self.api).await.ok()?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            self.api, self.token
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.ok()?.ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    pub(crate) fn broker(&self) -> u32 {
        self.broker.pid()
    }

    pub(crate) fn tower(&self) -> u32 {
        let children = proc::children_of(self.tower_and_database.pid());
        let is_tower = |pid: &u32| proc::subcommand(*pid).as_deref() == Some("tower");
        children.into_iter().find(is_tower).unwrap()
    }

    pub(crate) fn database(&self) -> u32 {
        let children = proc::children_of(self.tower_and_database.pid());
        let is_it = |pid: &u32| proc::status(*pid, "Name:").as_deref() == Some("postgres");
        children.into_iter().find(is_it).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let children = proc::children_of(self.tower_and_database.pid());
        let pid = Pid::from_raw(self.tower_and_database.pid().try_into().unwrap()).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let end = std::time::Instant::now() + Duration::from_secs(20);
        let all_gone = || children.iter().all(|pid| proc::is_gone(*pid));
        while !all_gone() && std::time::Instant::now() < end {
            let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
            let _ = rustix::event::poll(&mut [], Some(&wait));
        }
        if std::env::var_os("GWANJE_BENCH_KEEP").is_none() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn broker(dir: &Path, mqtt: SocketAddr) -> Process {
    let config = dir.join("mosquitto.conf");
    let text = format!(
        "user {}\nlistener {} {}\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n\
         max_queued_messages 100000\nmax_inflight_messages 1000\nmessage_size_limit 1000000\n\
         sys_interval 5\nlog_type error\n",
        if rustix::process::geteuid().is_root() { "root" } else { "nobody" },
        mqtt.port(),
        mqtt.ip(),
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(gwanje());
    command.args(["--parent", &std::process::id().to_string(), "exec-child", "--"]);
    command.args(["mosquitto", "-c"]).arg(&config).stdout(Stdio::null());
    Process::start(&mut command)
}

/// A process of this program, told and asked over one connection.
pub(crate) struct Helper {
    process: Process,
    write: OwnedWriteHalf,
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// What it told unasked.
    pub(crate) marks: Vec<Value>,
}

impl Helper {
    pub(crate) async fn start(kind: &str, arguments: &[String]) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let control = listener.local_addr().unwrap().to_string();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([kind, &control]).args(arguments);
        let process = Process::start(&mut command);
        let (stream, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
        let (read, write) = stream.into_split();
        Self { process, write, lines: BufReader::new(read).lines(), marks: Vec::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Asks, and gives the answer's member of this name.
    pub(crate) async fn ask(&mut self, what: &str, member: &str) -> Value {
        self.write.write_all(format!("{what}\n").as_bytes()).await.unwrap();
        loop {
            let line = timeout(SOON, self.lines.next_line()).await.unwrap().unwrap();
            let mut answer: Value = serde_json::from_str(&line.expect("the helper ended")).unwrap();
            if let Some(marks) = answer.get_mut("marks") {
                self.marks.append(marks.as_array_mut().unwrap());
            } else {
                return answer[member].take();
            }
        }
    }

    pub(crate) async fn number(&mut self, what: &str, member: &str) -> u64 {
        self.ask(what, member).await.as_u64().unwrap()
    }
}
