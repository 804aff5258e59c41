//! Real processes: what a supervisor starts ends with it, however it ends.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use super::{
    proc::{children_of, is_gone, status, wait_blocking},
    site::{GWANJE, free_port},
};

fn run(args: &[&str]) -> Output {
    Command::new(GWANJE).args(args).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn wait_until(what: &str, done: impl FnMut() -> bool) {
    assert!(wait_blocking(Duration::from_secs(30), done), "{what} did not happen");
}

struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("gw-{name}-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn spawn_up(data: &Path) -> Child {
    let (api, mqtt) = (free_port(), free_port());
    Command::new(GWANJE)
        .arg("up")
        .env("GWANJE_CONFIG", "/dev/null")
        .env("GWANJE_DATA_DIR", data)
        .env("GWANJE_API_LISTEN", api.to_string())
        .env("GWANJE_MQTT_LISTEN", mqtt.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for broker and tower, as children of the supervisor.
fn both_children(supervisor: &mut Child) -> Vec<u32> {
    let pid = supervisor.id();
    let mut found = vec![];
    wait_until("broker and tower", || {
        assert!(supervisor.try_wait().unwrap().is_none(), "the supervisor ended early");
        found = children_of(pid);
        let names: Vec<_> = found.iter().filter_map(|pid| status(*pid, "Name:")).collect();
        let has = |part: &str| names.iter().any(|name| name.trim() == part);
        has("mosquitto") && has("gwanje")
    });
    found
}

#[test]
fn kill_9_of_a_supervisor_leaves_no_process() {
    let data = Scratch::new("kill");
    let mut supervisor = spawn_up(&data.0);
    let log = supervisor.stderr.take().unwrap();
    let children = both_children(&mut supervisor);
    for pid in &children {
        assert_eq!(status(*pid, "Threads:").unwrap().trim(), "1", "threads of {pid}");
    }
    assert_eq!(status(supervisor.id(), "Threads:").unwrap().trim(), "1");
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    for pid in children {
        wait_until("the end of a child", || is_gone(pid));
    }
    drop(log);
}

#[test]
fn kill_9_of_the_demos_parent_leaves_no_process_and_no_directory() {
    let temp = Scratch::new("demo");
    let mut shell = Command::new("/bin/sh")
        .args(["-c", "\"$0\" demo --docks 2 --port 0 & wait", GWANJE])
        .env("TMPDIR", &temp.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut all = vec![];
    wait_until("demo with broker, tower and simulator", || {
        let Some(demo) = children_of(shell.id()).first().copied() else { return false };
        all = children_of(demo);
        all.push(demo);
        all.len() == 4
    });
    let made = || fs::read_dir(&temp.0).unwrap().count();
    assert_eq!(made(), 1, "the demo's own directory");
    shell.kill().unwrap();
    shell.wait().unwrap();
    for pid in all {
        wait_until("the end of a process", || is_gone(pid));
    }
    assert_eq!(made(), 0, "the demo's directory is removed");
}

#[test]
fn a_supervisor_asked_to_stop_stops_its_children_first() {
    let data = Scratch::new("stop");
    let mut supervisor = spawn_up(&data.0);
    let log = BufReader::new(supervisor.stderr.take().unwrap());
    let children = both_children(&mut supervisor);
    let pid = rustix::process::Pid::from_raw(supervisor.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let lines: Vec<_> = log.lines().map_while(Result::ok).collect();
    supervisor.wait().unwrap();
    for pid in children {
        assert!(is_gone(pid), "process {pid} is still there\n{}", lines.join("\n"));
    }
    let at =
        |part: &str| lines.iter().position(|line| line.contains(part) && line.contains("stopped"));
    assert!(at("tower") < at("broker"), "{}", lines.join("\n"));
}

#[test]
fn a_crashed_broker_is_reported_and_started_again() {
    let data = Scratch::new("crash");
    let mut supervisor = spawn_up(&data.0);
    let mut log = BufReader::new(supervisor.stderr.take().unwrap()).lines();
    let children = both_children(&mut supervisor);
    let name = |pid: &u32| status(*pid, "Name:").unwrap_or_default();
    let broker = children.into_iter().find(|pid| name(pid).trim() == "mosquitto").unwrap();
    let uid = status(broker, "Uid:").unwrap();
    if rustix::process::geteuid().is_root() {
        assert!(!uid.split_whitespace().any(|id| id == "0"), "the broker is still root: {uid}");
    }
    let pid = rustix::process::Pid::from_raw(broker.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let crashed = log.by_ref().map_while(Result::ok).find(|line| line.contains("ended by itself"));
    assert!(crashed.unwrap().contains("signal 9"));
    let again = both_children(&mut supervisor);
    assert!(!again.contains(&broker));
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    for pid in again {
        wait_until("the end of a child", || is_gone(pid));
    }
}

#[test]
fn a_child_whose_parent_is_gone_does_not_start() {
    let output = run(&["exec-child", "--parent", "1", "--", "/bin/echo", "started"]);
    assert!(!output.status.success());
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("is gone"), "{}", text(&output.stderr));
    let own = std::process::id().to_string();
    let output = run(&["exec-child", "--parent", &own, "--", "/bin/echo", "started"]);
    assert_eq!(text(&output.stdout), "started\n", "{}", text(&output.stderr));
}

#[test]
fn configuration_mistakes_end_every_command_and_are_listed() {
    let scratch = Scratch::new("config");
    let file = scratch.0.join("gwanje.toml");
    fs::write(&file, "[api]\nlisten = \"0.0.0.0:1\"\n[dji]\napp_licence = \"hush-hush\"\n")
        .unwrap();
    let file = file.to_str().unwrap();
    let output = run(&["config", "check", "--file", file]);
    let shown = text(&output.stdout);
    assert!(!output.status.success());
    assert!(shown.contains("gwanje.toml:2: api.listen"), "{shown}");
    assert!(shown.contains("gwanje.toml:4: dji.app_licence is not a key; did you mean"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
    let output = run(&["up", "--config", file]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("gwanje.toml:2"), "{}", text(&output.stderr));
}
