//! `gwanje up`: database, broker and tower as children, started in order, stopped in reverse.
//!
//! The tower gets its settings through its environment, and its one-time sign-in code too: an
//! argument list can be read by every user of the machine, a process's environment by its owner
//! alone. Read next: [`super::supervise`], [`super::broker`].

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use rustix::process::Signal;
use tokio::{
    net::TcpStream,
    process::Command,
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{
    broker::{self, DockLogin},
    denials::{self, DENIALS_FILE, Denials},
    ports, postgres, reload, shutdown_signal,
    supervise::{Child, ChildReport, ChildSpec},
};
use crate::{
    client::ApiClient,
    config::{BrokerMode, Config, DatabaseMode, ObjectsMode},
    data_dir::{self, Lock},
    secret::{self, SIGN_IN_VARIABLE},
    terminal::say,
};

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(8);
const REPORTS_KEPT: usize = 256;
/// Whoever scripts us may want it on standard error.
type Tell = fn(&str);

/// The running children.
pub struct Stack {
    config: Config,
    children: Vec<Child>,
    reports: mpsc::Sender<ChildReport>,
    told: mpsc::Receiver<ChildReport>,
    /// Settings of this run that the children must share.
    env: Vec<(String, String)>,
    watches: Vec<AbortOnDrop>,
    _lock: Lock,
}

/// A task that ends with its owner.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs database, broker and tower until Ctrl-C or SIGTERM.
///
/// # Errors
/// When they cannot be started.
pub async fn up(config: Config) -> anyhow::Result<()> {
    let stop = shutdown_signal()?;
    tokio::pin!(stop);
    let mut stack = Stack::new(config)?;
    let ended = tokio::select! {
        biased;
        why = &mut stop => Ok(why),
        started = stack.start(None, say) => match started {
            Ok(()) => Ok(stop.await),
            Err(error) => Err(error),
        },
    };
    if let Ok(why) = &ended {
        tracing::info!("stopping: {why}");
    }
    stack.stop().await;
    ended.map(|_| ())
}

impl Stack {
    /// Makes and takes the data directory; starts nothing yet.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn new(mut config: Config) -> anyhow::Result<Self> {
        config.data_dir = std::path::absolute(&config.data_dir)?;
        data_dir::ensure(&config.data_dir)?;
        let lock = data_dir::lock(&config.data_dir)?;
        let (reports, told) = mpsc::channel(REPORTS_KEPT);
        let mut env = vec![
            ("GWANJE_DATA_DIR".to_owned(), config.data_dir.to_string_lossy().into_owned()),
            ("GWANJE_API_LISTEN".to_owned(), config.api.listen.to_string()),
            ("GWANJE_MQTT_LISTEN".to_owned(), config.mqtt.listen.to_string()),
            ("GWANJE_OBJECTS_LISTEN".to_owned(), config.objects.listen.to_string()),
        ];
        if let Some(file) = &config.file {
            env.push(("GWANJE_CONFIG".to_owned(), file.to_string_lossy().into_owned()));
        }
        let database = match config.database.mode {
            DatabaseMode::Embedded => "embedded",
            DatabaseMode::External => "external",
            DatabaseMode::None => "none",
        };
        let mqtt_tls = [
            ("GWANJE_MQTT_TLS_LISTEN", config.mqtt.tls.listen),
            ("GWANJE_MQTT_TLS_CERTIFICATE_LISTEN", config.mqtt.tls.certificate_listen),
        ];
        for (name, address) in mqtt_tls {
            env.extend(address.map(|address| (name.to_owned(), address.to_string())));
        }
        env.push(("GWANJE_DATABASE_MODE".to_owned(), database.to_owned()));
        Ok(Self { config, children: vec![], reports, told, env, watches: vec![], _lock: lock })
    }

    /// The embedded database alone, for a command that needs it while nothing else runs.
    ///
    /// # Errors
    /// When the data directory is in use, or the database cannot be started.
    pub fn database_alone(config: Config) -> anyhow::Result<Self> {
        let mut stack = Self::new(config)?;
        let spec = postgres::prepare(&stack.config)?;
        stack.add(spec);
        Ok(stack)
    }

    /// Starts database, broker and tower and waits until the last two answer. With `docks`, the broker's logins are
    /// made anew for them.
    ///
    /// # Errors
    /// When one does not come up.
    pub async fn start(&mut self, docks: Option<&[DockLogin]>, tell: Tell) -> anyhow::Result<()> {
        let api = self.config.api.listen;
        ports::check_free(api).with_context(|| {
            format!("cannot listen on {api} for the console; choose api.listen")
        })?;
        data_dir::secret_or_new(&self.config.api_token_file())
            .context("cannot make the API token")?;
        if self.config.database.mode == DatabaseMode::Embedded {
            // Nobody waits for it: the tower says that it is not there yet, and serves.
            let spec = postgres::prepare(&self.config)?;
            self.add(spec);
        }
        if self.config.mqtt.mode == BrokerMode::Embedded {
            let denials = Arc::new(Denials::default());
            let spec = broker::prepare(&self.config, docks, Arc::clone(&denials))?;
            self.add(spec);
            let file = self.config.data_dir.join(DENIALS_FILE);
            self.watches.push(AbortOnDrop(tokio::spawn(denials::write(denials, file))));
            self.broker_ready().await?;
            if let Some(broker) = self.children.last() {
                let watch = reload::watch(self.config.clone(), broker.watch_pid());
                self.watches.push(AbortOnDrop(tokio::spawn(watch)));
            }
        }
        if self.config.objects.mode == ObjectsMode::Embedded {
            let listen = self.config.objects.listen;
            ports::check_free(listen).with_context(|| {
                format!("cannot listen on {listen} for media; choose objects.listen, or objects.mode = \"none\"")
            })?;
            data_dir::secret_or_new(&self.config.objects_key_file())
                .context("cannot make the object store's key")?;
            let spec = self.own_child("objects", vec![])?;
            self.add(spec);
            self.until_ready("objects", async || TcpStream::connect(listen).await.is_ok()).await?;
        }
        let tower = self.tower_spec(tell)?;
        self.add(tower);
        self.tower_ready().await
    }

    /// Adds a child; it is stopped before all that were added earlier.
    pub fn add(&mut self, spec: ChildSpec) {
        self.children.push(Child::start(spec, self.reports.clone()));
    }

    /// A client of the tower.
    ///
    /// # Errors
    /// When there is no token.
    pub fn client(&self) -> anyhow::Result<ApiClient> {
        ApiClient::new(&self.config)
    }

    /// The configuration in use.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Process ids by name.
    #[must_use]
    pub fn pids(&self) -> Vec<(&'static str, u32)> {
        self.children.iter().filter_map(|child| Some((child.name(), child.pid()?))).collect()
    }

    /// The next report about a child.
    pub async fn report(&mut self) -> Option<ChildReport> {
        self.told.recv().await
    }

    /// A child of this same program.
    ///
    /// # Errors
    /// When the program's own file cannot be found.
    pub fn own_child(&self, name: &'static str, args: Vec<String>) -> anyhow::Result<ChildSpec> {
        let make = self.own_command(name)?;
        let command = move |_| {
            let mut command = make();
            command.args(&args);
            Ok(command)
        };
        let command = Box::new(command);
        Ok(ChildSpec {
            name,
            prepare: None,
            command,
            stop_signal: Signal::TERM,
            stop_within: STOP_WITHIN,
            watch: None,
        })
    }

    /// Stops every child, the last started first.
    pub async fn stop(mut self) {
        self.watches.clear();
        while let Some(child) = self.children.pop() {
            child.stop().await;
        }
    }

    fn own_command(&self, name: &'static str) -> anyhow::Result<impl Fn() -> Command + use<>> {
        let exe = std::env::current_exe().context("cannot find this program's own file")?;
        let (env, log) = (self.env.clone(), self.config.log.clone());
        let is_embedded = self.config.database.mode == DatabaseMode::Embedded;
        let format = match log.format {
            crate::config::LogFormat::Human => "human",
            crate::config::LogFormat::Json => "json",
        };
        Ok(move || {
            let mut command = Command::new(&exe);
            command.arg(name).arg("--parent").arg(std::process::id().to_string());
            command.args(["--log-format", format, "--log-level", &log.level]);
            command.envs(env.iter().map(|(key, value)| (key, value)));
            command.env("NO_COLOR", "1").env_remove(SIGN_IN_VARIABLE);
            if is_embedded {
                // A demonstration does not touch the database that the environment names.
                command.env_remove("GWANJE_DATABASE_URL").env_remove("GWANJE_DATABASE_URL_FILE");
                command.env_remove("GWANJE_DATABASE_CA");
            }
            command
        })
    }

    fn tower_spec(&self, tell: Tell) -> anyhow::Result<ChildSpec> {
        let make = self.own_command("tower")?;
        let base = self.config.console_address();
        let command = move |starts| {
            // A code is good for one tower process: sessions live in its memory.
            let code = secret::random(16)?;
            let mut command = make();
            command.env(SIGN_IN_VARIABLE, code.expose());
            let again = if starts == 0 { "" } else { " (the tower started again; sign in again)" };
            tell(&format!("Console: {base}/#signin={}{again}", code.expose()));
            Ok(command)
        };
        let command = Box::new(command);
        Ok(ChildSpec {
            name: "tower",
            prepare: None,
            command,
            stop_signal: Signal::TERM,
            stop_within: STOP_WITHIN,
            watch: None,
        })
    }

    async fn broker_ready(&mut self) -> anyhow::Result<()> {
        let address = self.config.mqtt.link_addresses().into_iter().next().unwrap_or_default();
        let address: std::net::SocketAddr = address.parse().context("mqtt.listen")?;
        self.until_ready("broker", async || TcpStream::connect(address).await.is_ok()).await
    }

    async fn tower_ready(&mut self) -> anyhow::Result<()> {
        let client = self.client()?;
        let healthy =
            async || client.get("/healthz").await.is_ok_and(|answer| answer.status.is_success());
        self.until_ready("tower", healthy).await
    }

    /// Asks again and again until the child answers; gives up when it crashes or takes too long.
    async fn until_ready(
        &mut self,
        name: &'static str,
        ready: impl AsyncFn() -> bool,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + READY_WITHIN;
        while Instant::now() < until {
            if ready().await {
                return Ok(());
            }
            while let Ok(report) = self.told.try_recv() {
                if let ChildReport::Crashed { name: who, how, .. } = report
                    && who == name
                {
                    bail!("the {name} did not start: {how}; its own words are in the log above");
                }
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("the {name} did not answer within {} s", READY_WITHIN.as_secs())
    }
}
