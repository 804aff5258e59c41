//! Child processes: started under rules, watched, stopped in order, never left behind.
//!
//! [`supervise`] keeps one child running; [`death`] ties a child's life to its parent's; [`broker`]
//! prepares the private Mosquitto, [`reload`] tells it what changed and [`denials`] counts what it
//! refuses; [`postgres`] prepares the private database; [`stack`] is all of `gwanje up`; [`demo`]
//! adds simulated docks and a flight. It refuses to put a secret into an argument list, and to stop anything it did not
//! start. Read next: [`stack`].

pub mod broker;
pub mod death;
pub mod demo;
pub mod denials;
mod lines;
pub mod ports;
pub mod postgres;
pub mod reload;
pub mod stack;
pub mod supervise;
pub mod user;

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Listens for Ctrl-C, SIGTERM and SIGHUP from now on; the future ends at the first of them.
///
/// # Errors
/// When signals cannot be listened for.
pub fn shutdown_signal() -> io::Result<impl Future<Output = &'static str>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "interrupted",
            _ = terminate.recv() => "asked to stop",
            _ = hangup.recv() => "the terminal is gone",
        }
    })
}
