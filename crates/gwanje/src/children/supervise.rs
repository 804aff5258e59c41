//! One child process kept running: started, watched, restarted with back-off when it crashes,
//! stopped with a signal and, when that is not enough, with SIGKILL.
//!
//! Its output is read line by line and handed to the log without waiting for the log's reader. A
//! child has a process group of its own, so that Ctrl-C reaches the supervisor alone and children
//! are stopped in order.

use std::{
    io,
    pin::Pin,
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
    process::{Pid, Signal, kill_process},
};
use tokio::{
    net::unix::pipe::Receiver,
    process::Command,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::lines::each_line;
use crate::logging;

const BACKOFF_FIRST: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A child that ran this long is healthy: its next crash starts the back-off anew.
const HEALTHY: Duration = Duration::from_secs(60);
/// Output left in the pipes after a child's end is waited for this long.
const OUTPUT_END: Duration = Duration::from_millis(300);

/// Makes the command of one start; called again for each restart, with the starts so far.
pub type MakeCommand = Box<dyn FnMut(u32) -> io::Result<Command> + Send + Sync>;

/// What has to be done before each start, such as making a database's files. It ends early when it
/// is told to stop, and leaves no process behind.
pub type Prepare = Box<
    dyn FnMut(watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>>
        + Send
        + Sync,
>;

/// Looks at each line of a child's standard error; `false` keeps it out of the log.
pub type LineWatch = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Room for what a watched child says while this loop is busy.
const WATCHED_PIPE_BYTES: usize = 1 << 20;

/// How to run one child.
pub struct ChildSpec {
    /// Name in logs and reports.
    pub name: &'static str,
    /// What comes before it; the child is not started when it fails.
    pub prepare: Option<Prepare>,
    /// What to run.
    pub command: MakeCommand,
    /// What asks it to stop.
    pub stop_signal: Signal,
    /// How long it may take before SIGKILL.
    pub stop_within: Duration,
    /// Who looks at its standard error. The pipe of a watched child never blocks it: what finds no
    /// room is lost.
    pub watch: Option<LineWatch>,
}

/// What happened to a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildReport {
    /// It runs.
    Started {
        /// Which.
        name: &'static str,
        /// Process id.
        pid: u32,
    },
    /// It ended by itself, or could not be started.
    Crashed {
        /// Which.
        name: &'static str,
        /// How, in words.
        how: String,
        /// When it is started again, milliseconds from now.
        again_in_ms: u64,
    },
}

/// A supervised child.
pub struct Child {
    name: &'static str,
    pid: Arc<AtomicU32>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Child {
    /// Starts it and keeps it running. A report that nobody takes (channel full) is logged anyway.
    #[must_use]
    pub fn start(spec: ChildSpec, reports: mpsc::Sender<ChildReport>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let pid = Arc::new(AtomicU32::new(0));
        let name = spec.name;
        let keeper = Keeper { spec, reports, stopped, pid: Arc::clone(&pid) };
        Self { name, pid, stop, task: tokio::spawn(keeper.keep_running()) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// The same for somebody who watches; 0 while it does not run.
    #[must_use]
    pub fn watch_pid(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.pid)
    }

    /// Stops it for good and waits for its end, which its time-out bounds.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        if self.task.await.is_err() {
            tracing::error!(process = self.name, "its supervision broke");
        }
    }
}

struct Keeper {
    spec: ChildSpec,
    reports: mpsc::Sender<ChildReport>,
    stopped: watch::Receiver<bool>,
    pid: Arc<AtomicU32>,
}

impl Keeper {
    async fn keep_running(mut self) {
        let mut backoff = BACKOFF_FIRST;
        let mut starts = 0;
        while !*self.stopped.borrow() {
            let began = Instant::now();
            let ended = self.run_once(starts).await;
            starts += 1;
            self.pid.store(0, Ordering::Relaxed);
            if *self.stopped.borrow() {
                break;
            }
            let how = match ended {
                Ok(status) => describe(status),
                Err(error) => format!("cannot be started: {error}"),
            };
            if began.elapsed() >= HEALTHY {
                backoff = BACKOFF_FIRST;
            }
            self.report_crash(how, backoff);
            tokio::select! {
                _ = self.stopped.changed() => {}
                () = sleep(backoff) => {}
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    fn report_crash(&self, how: String, backoff: Duration) {
        let name = self.spec.name;
        let again_in_ms = u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX);
        tracing::error!(process = name, how, again_in_ms, "a child process ended by itself");
        let _ = self.reports.try_send(ChildReport::Crashed { name, how, again_in_ms });
    }

    async fn run_once(&mut self, starts: u32) -> io::Result<ExitStatus> {
        let name = self.spec.name;
        if let Some(prepare) = &mut self.spec.prepare {
            prepare(self.stopped.clone()).await?;
            if *self.stopped.borrow() {
                return Err(io::Error::other("it was stopped"));
            }
        }
        let mut command = (self.spec.command)(starts)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let watched = match self.spec.watch.clone() {
            Some(watch) => {
                let (reader, writer) = pipe_that_never_blocks()?;
                command.stderr(writer);
                Some((reader, watch))
            }
            None => None,
        };
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        // It holds our copy of the pipe's end, which would keep the pipe open for ever.
        drop(command);
        let pid = child.id().unwrap_or(0);
        self.pid.store(pid, Ordering::Relaxed);
        tracing::info!(process = name, pid, "started");
        let _ = self.reports.try_send(ChildReport::Started { name, pid });
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let output = tokio::spawn(async move {
            let pass = |line: &str| logging::child_line(name, line);
            let out = async {
                if let Some(out) = stdout {
                    each_line(out, pass).await
                }
            };
            let err = async {
                if let Some(err) = stderr {
                    each_line(err, pass).await
                }
                if let Some((reader, watch)) = watched {
                    each_line(reader, |line: &str| {
                        if watch(line) {
                            pass(line);
                        }
                    })
                    .await
                }
            };
            tokio::join!(out, err)
        });
        let ended = tokio::select! {
            ended = child.wait() => Some(ended),
            _ = self.stopped.changed() => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => self.stop(&mut child).await,
        };
        let abort = output.abort_handle();
        if timeout(OUTPUT_END, output).await.is_err() {
            abort.abort();
        }
        ended
    }

    async fn stop(&self, child: &mut tokio::process::Child) -> io::Result<ExitStatus> {
        let name = self.spec.name;
        // The id is valid until the child is waited for, which happens here alone.
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, self.spec.stop_signal);
        }
        if let Ok(ended) = timeout(self.spec.stop_within, child.wait()).await {
            tracing::info!(process = name, "stopped");
            return ended;
        }
        tracing::warn!(process = name, "did not stop in time and is killed");
        child.kill().await?;
        child.wait().await
    }
}

fn pipe_that_never_blocks() -> io::Result<(Receiver, Stdio)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let flags = fcntl_getfl(&writer)?;
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK)?;
    // A limit of the system may forbid more than the usual size.
    let _ = fcntl_setpipe_size(&writer, WATCHED_PIPE_BYTES);
    Ok((Receiver::from_owned_fd(reader)?, Stdio::from(writer)))
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(script: &'static str, stop_within: Duration) -> ChildSpec {
        let command = move |_| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            Ok(command)
        };
        ChildSpec {
            name: "test",
            prepare: None,
            command: Box::new(command),
            stop_signal: Signal::TERM,
            stop_within,
            watch: None,
        }
    }

    #[tokio::test]
    async fn a_crash_is_reported_and_the_child_starts_again() {
        let (reports, mut told) = mpsc::channel(16);
        let child = Child::start(spec("exit 3", Duration::from_secs(1)), reports);
        let mut seen = vec![];
        while seen.len() < 4 {
            seen.push(told.recv().await.unwrap());
        }
        child.stop().await;
        assert!(matches!(seen[0], ChildReport::Started { name: "test", .. }), "{seen:?}");
        let crashed = |how: &str, again_in_ms| ChildReport::Crashed {
            name: "test",
            how: how.to_owned(),
            again_in_ms,
        };
        assert_eq!(seen[1], crashed("exit code 3", 250));
        assert!(matches!(seen[2], ChildReport::Started { .. }), "{seen:?}");
        assert_eq!(seen[3], crashed("exit code 3", 500));
    }

    #[tokio::test]
    async fn a_child_that_ignores_the_signal_is_killed() {
        let (reports, mut told) = mpsc::channel(16);
        let script = "trap '' TERM; while :; do sleep 0.1; done";
        let child = Child::start(spec(script, Duration::from_millis(300)), reports);
        let Some(ChildReport::Started { pid, .. }) = told.recv().await else { panic!() };
        sleep(Duration::from_millis(100)).await;
        assert_eq!(child.pid(), Some(pid));
        let began = Instant::now();
        child.stop().await;
        assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
        assert!(crate::stall::proc_status(pid).is_err(), "process {pid} is still there");
    }

    /// The loop does nothing else meanwhile, so that nobody reads: a child that waited for a reader
    /// would not end.
    #[tokio::test]
    async fn a_watched_child_is_never_held_up_by_its_reader() {
        let (reports, mut told) = mpsc::channel(16);
        let dir = crate::data_dir::TempDir::new().unwrap();
        let done = dir.path().join("done");
        let script = format!(
            "echo first >&2; head -c 8000000 /dev/zero | tr '\\0' 'x' >&2 2>/dev/null; touch {}; exec sleep 60",
            done.display()
        );
        let command = move |_| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &script]);
            Ok(command)
        };
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let sees = Arc::clone(&seen);
        let watch: LineWatch = Arc::new(move |line| {
            sees.lock().unwrap().push(line.chars().take(9).collect::<String>());
            false
        });
        let stop_within = Duration::from_secs(1);
        let (command, watch) = (Box::new(command) as MakeCommand, Some(watch));
        let child = Child::start(ChildSpec { command, watch, ..spec("", stop_within) }, reports);
        let Some(ChildReport::Started { .. }) = told.recv().await else { panic!() };
        let began = std::time::Instant::now();
        while !done.exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "the child is held up");
            std::hint::spin_loop();
        }
        child.stop().await;
        assert_eq!(seen.lock().unwrap().first().map(String::as_str), Some("first"));
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_reported() {
        let (reports, mut told) = mpsc::channel(16);
        let command = |_| Ok(Command::new("/nonexistent/program"));
        let spec = ChildSpec { command: Box::new(command), ..spec("", Duration::from_secs(1)) };
        let child = Child::start(spec, reports);
        let Some(ChildReport::Crashed { how, .. }) = told.recv().await else { panic!() };
        child.stop().await;
        assert!(how.starts_with("cannot be started"), "{how}");
    }
}
