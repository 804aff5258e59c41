//! Log lines to standard error, never at the cost of the loop.
//!
//! A line goes into a bounded queue in memory. Whatever the outlet takes without blocking is
//! written; what does not fit is dropped, counted, and the count reported in the log itself.
//! Before the runtime starts each line is written at once; afterwards [`run`] retries what a slow
//! reader left behind; at exit [`flush`] tries for a bounded time. It refuses to wait for a
//! reader. The filter can be changed while the process runs ([`set_filter`]). Read next:
//! [`outlet`], [`device`] for the span of a device.

pub mod device;
mod outlet;

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter, reload};

pub use outlet::{Outlet, OutletStats};

use crate::config::{Log, LogFormat};

/// Bytes kept for a reader that lags.
const QUEUE_BYTES: usize = 1 << 20;
/// How often a lagging reader is tried again.
const RETRY: Duration = Duration::from_millis(25);

static STDERR: OnceLock<Logger> = OnceLock::new();

type Reload = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

struct Logger {
    outlet: Arc<Outlet>,
    format: LogFormat,
    /// Puts another filter in the place of the one in force.
    reload: Reload,
    configured: String,
    filter: Mutex<String>,
}

/// Starts logging to standard error; the first call decides.
///
/// # Errors
/// When the level is no filter, or another logger was installed before.
pub fn init(log: &Log) -> anyhow::Result<()> {
    let outlet = Arc::new(Outlet::stderr(QUEUE_BYTES)?);
    let filter = parse_filter(&log.level)?;
    let ansi = outlet.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let writer = Lines(Arc::clone(&outlet));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let (reload, installed): (Reload, _) = match log.format {
        LogFormat::Json => {
            // The innermost span tells the device; the list of all would repeat it in each line.
            let builder = builder.json().flatten_event(true).with_span_list(false);
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            (Box::new(move |filter| handle.reload(filter)), builder.try_init())
        }
        LogFormat::Human => {
            let builder = builder.with_ansi(ansi).with_target(false).compact();
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            (Box::new(move |filter| handle.reload(filter)), builder.try_init())
        }
    };
    installed.map_err(|error| anyhow::anyhow!("logging was already started: {error}"))?;
    let configured = log.level.clone();
    let filter = Mutex::new(configured.clone());
    let _ = STDERR.set(Logger { outlet, format: log.format, reload, configured, filter });
    std::panic::set_hook(Box::new(report_panic));
    Ok(())
}

fn parse_filter(text: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    // It tells every sample at `info`; who wants that names it.
    let quiet = if text.contains("dust_dds") { "" } else { "dust_dds=warn," };
    EnvFilter::builder().parse(format!("{quiet}{text}"))
}

/// Writes what this filter lets through from now on.
///
/// # Errors
/// Why not, in words; the filter in force stays.
pub fn set_filter(text: &str) -> Result<(), String> {
    let parsed = parse_filter(text).map_err(|error| format!("this is no filter: {error}"))?;
    let logger = STDERR.get().ok_or("this process writes no log")?;
    (logger.reload)(parsed).map_err(|error| error.to_string())?;
    text.clone_into(&mut logger.filter.lock().unwrap_or_else(PoisonError::into_inner));
    device::renew_spans();
    Ok(())
}

/// Writes nothing of this target, whatever the configuration says of it.
///
/// # Errors
/// As [`set_filter`].
pub fn silence(target: &str) -> anyhow::Result<()> {
    let (filter, _) = filters();
    set_filter(&format!("{filter},{target}=off")).map_err(anyhow::Error::msg)
}

/// The filter in force and that of the configuration; empty before [`init`].
#[must_use]
pub fn filters() -> (String, String) {
    let texts = |logger: &Logger| {
        let filter = logger.filter.lock().unwrap_or_else(PoisonError::into_inner);
        (filter.clone(), logger.configured.clone())
    };
    STDERR.get().map(texts).unwrap_or_default()
}

/// The default hook writes to standard error and may wait for its reader.
fn report_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "panic: {}", crate::stall::panic_text(info.payload()));
}

/// Retries what a slow reader left in the queue; runs as long as the process.
pub async fn run() {
    let Some(logger) = STDERR.get() else { return };
    loop {
        logger.outlet.waiting().await;
        while logger.outlet.drain() > 0 {
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Writes what is left, for at most `limit`; then gives up on it.
pub fn flush(limit: Duration) {
    if let Some(logger) = STDERR.get() {
        logger.outlet.flush(Instant::now() + limit);
    }
}

/// What became of the lines so far.
#[must_use]
pub fn stats() -> OutletStats {
    STDERR.get().map(|logger| logger.outlet.stats()).unwrap_or_default()
}

/// Passes on one line that a child process wrote, marked with its name. Bounded by the caller.
pub fn child_line(process: &str, line: &str) {
    let Some(logger) = STDERR.get() else { return };
    let line: String = line.chars().filter(|c| !c.is_control() || *c == '\u{1b}').collect();
    let text = match logger.format {
        LogFormat::Human => format!("{process:>6} | {line}\n"),
        LogFormat::Json => match line.strip_prefix('{') {
            Some(rest) if rest.ends_with('}') => {
                format!("{{\"process\":{},{rest}\n", serde_json::json!(process))
            }
            _ => format!("{}\n", serde_json::json!({ "process": process, "message": line })),
        },
    };
    logger.outlet.push(text.into_bytes());
}

/// Hands each formatted line to the outlet.
#[derive(Clone)]
struct Lines(Arc<Outlet>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { outlet: Arc::clone(&self.0), text: Vec::new() }
    }
}

/// One line under construction; given to the outlet whole.
struct Line {
    outlet: Arc<Outlet>,
    text: Vec<u8>,
}

/// Longest line; what is over it is cut.
const LINE_MAX: usize = 16 << 10;

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LINE_MAX.saturating_sub(self.text.len());
        self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.text.last().is_some_and(|last| *last != b'\n') {
            self.text.push(b'\n');
        }
        self.outlet.push(std::mem::take(&mut self.text));
    }
}
