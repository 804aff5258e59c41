//! Life tied to a parent: whoever started a process and is gone must leave nothing behind.
//!
//! The order matters: a change of uid clears the parent-death signal, so privileges are dropped
//! first; the parent may die before the signal is set, so it is looked at again afterwards.
//!
//! Which signal: our own processes get SIGKILL. They must survive a power cut at any instant, so
//! there is nothing to tidy up, and a loop that hangs would never get to a gentler signal.
//! Mosquitto gets SIGTERM: it then saves its queues, and its handler works whatever its load.
//! PostgreSQL gets SIGINT: SIGTERM would wait for its clients to leave.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, bail};
use rustix::{
    process::{Gid, Pid, Signal, Uid, getppid, set_parent_process_death_signal},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

/// What to become.
#[derive(Clone, Debug)]
pub struct ExecChild {
    /// Process id of whoever must outlive us.
    pub parent: u32,
    /// User to become, as root.
    pub uid: Option<u32>,
    /// Group to become, as root.
    pub gid: Option<u32>,
    /// What it gets when its parent dies.
    pub death_signal: Signal,
    /// Program and arguments.
    pub program: Vec<String>,
}

/// Drops privileges, ties this process to its parent, and becomes the program. Returns only on
/// failure.
///
/// # Errors
/// When privileges cannot be dropped, the parent is gone, or the program cannot be started.
pub fn exec_child(args: &ExecChild) -> anyhow::Result<std::convert::Infallible> {
    let Some((program, rest)) = args.program.split_first() else { bail!("no program given") };
    // The system calls change one thread only; this process has no other.
    if let Some(gid) = args.gid {
        let gid = Gid::from_raw(gid);
        set_thread_groups(&[]).context("cannot drop supplementary groups")?;
        set_thread_res_gid(gid, gid, gid).context("cannot drop the group")?;
    }
    if let Some(uid) = args.uid {
        let uid = Uid::from_raw(uid);
        set_thread_res_uid(uid, uid, uid).context("cannot drop the user")?;
    }
    die_with(args.parent, args.death_signal)?;
    let error = Command::new(program).args(rest).exec();
    Err(error).with_context(|| format!("cannot start {program}"))
}

/// Asks the kernel for `signal` when the parent dies, and checks that it has not already.
///
/// # Errors
/// When the kernel refuses, or `parent` is not our parent any more.
pub fn die_with(parent: u32, signal: Signal) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(signal)).context("cannot set the parent-death signal")?;
    let now = getppid().map(Pid::as_raw_pid);
    if now == i32::try_from(parent).ok() {
        Ok(())
    } else {
        bail!("process {parent}, which started this one, is gone")
    }
}

/// For the demonstration: it ends with the shell, `make` or test that started it.
///
/// # Errors
/// See [`die_with`].
pub fn die_with_current_parent() -> anyhow::Result<()> {
    match getppid().and_then(|pid| u32::try_from(pid.as_raw_pid()).ok()) {
        // Outside this process's PID namespace, or adopted by init: nobody to follow.
        None | Some(0 | 1) => Ok(()),
        Some(parent) => die_with(parent, Signal::TERM),
    }
}
