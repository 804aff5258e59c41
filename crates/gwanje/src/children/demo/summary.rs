//! What the demonstration saw, and its verdict.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::{
    client::{Answer, ApiClient},
    stall,
};

/// Collected while it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) docks: u32,
    /// Docks online at the last look.
    pub(super) online: u32,
    /// Most docks online at once.
    pub(super) online_most: u32,
    pub(super) osd_received: u64,
    pub(super) commands_ok: u32,
    pub(super) missions_ok: u32,
    pub(super) threads_max: u32,
    pub(super) stall_ms_p99: f64,
    /// Largest resident memory of the tower.
    pub(super) rss_kb_max: u64,
}

/// The verdict; one line of JSON or a few words.
#[derive(Clone, Debug)]
pub(super) struct Summary(Seen);

impl Seen {
    pub(super) fn new(docks: u32) -> Self {
        Self { docks, ..Self::default() }
    }
}

impl From<Seen> for Summary {
    fn from(seen: Seen) -> Self {
        Self(seen)
    }
}

/// Looks once: at the tower through its API, at our processes through `/proc`.
pub(super) async fn sample(client: &ApiClient, pids: &[(&str, u32)], seen: &RefCell<Seen>) {
    let devices = client.get("/api/v1/devices").await;
    let system = client.get("/api/v1/system").await;
    let mut seen = seen.borrow_mut();
    if let Ok(devices) = devices.and_then(Answer::ok) {
        seen.online = online_docks(&devices);
        seen.online_most = seen.online_most.max(seen.online);
    }
    if let Ok(system) = system.and_then(Answer::ok) {
        let written = system.pointer("/bus/DeviceOsd/written").and_then(Value::as_u64);
        seen.osd_received = written.unwrap_or(seen.osd_received).max(seen.osd_received);
        let p99 = system.pointer("/loop/stall_ms/p99").and_then(Value::as_f64);
        seen.stall_ms_p99 = p99.unwrap_or(seen.stall_ms_p99);
    }
    let own = ("demo", std::process::id());
    // Mosquitto is not ours: it may have the threads it likes.
    for (name, pid) in pids.iter().filter(|(name, _)| *name != "broker").chain([&own]) {
        if let Ok(status) = stall::proc_status(*pid) {
            seen.threads_max = seen.threads_max.max(status.threads);
            if *name == "tower" {
                seen.rss_kb_max = seen.rss_kb_max.max(status.rss_kb);
            }
        }
    }
}

fn online_docks(devices: &Value) -> u32 {
    let list = devices["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let online = list.iter().filter(|d| d["class"] == "dock" && d["connection"] == "online");
    u32::try_from(online.count()).unwrap_or(u32::MAX)
}

impl Summary {
    /// Every dock is online and, where one was to be flown, the mission ended `ok`.
    pub(super) fn is_good(&self, flight: bool) -> bool {
        self.0.online == self.0.docks && (self.0.missions_ok > 0 || !flight)
    }

    pub(super) fn json(&self) -> String {
        let Seen { docks, online, osd_received, commands_ok, missions_ok, .. } = &self.0;
        json!({
            "docks": docks,
            "online": online,
            "osd_received": osd_received,
            "commands_ok": commands_ok,
            "missions_ok": missions_ok,
            "threads_max": self.0.threads_max,
            "stall_ms_p99": self.0.stall_ms_p99,
            "rss_mb": self.rss_mb(),
        })
        .to_string()
    }

    pub(super) fn words(&self, flight: bool) -> String {
        let seen = &self.0;
        let verdict =
            if self.is_good(flight) { "Everything went well." } else { "Something is wrong." };
        format!(
            "{verdict} {} of {} docks online (at most {}), {} telemetry reports, {} commands and {} \
             missions ok; {} thread a process, 99 of 100 loop stalls under {} ms, tower {} MB.",
            seen.online,
            seen.docks,
            seen.online_most,
            seen.osd_received,
            seen.commands_ok,
            seen.missions_ok,
            seen.threads_max,
            seen.stall_ms_p99,
            self.rss_mb()
        )
    }

    fn rss_mb(&self) -> u64 {
        self.0.rss_kb_max.div_ceil(1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_needs_every_dock_and_a_mission() {
        let devices = json!({"devices": [
            {"class": "dock", "connection": "online"},
            {"class": "dock", "connection": "stale"},
            {"class": "aircraft", "connection": "online"},
        ]});
        assert_eq!(online_docks(&devices), 1);
        let check = |online, missions_ok, good| {
            let seen = Seen { online, missions_ok, rss_kb_max: 1025, ..Seen::new(2) };
            let summary = Summary::from(seen);
            assert_eq!(summary.is_good(true), good);
            assert_eq!(summary.is_good(false), online == 2);
            let line: Value = serde_json::from_str(&summary.json()).unwrap();
            assert_eq!((&line["docks"], &line["rss_mb"]), (&json!(2), &json!(2)));
            assert_eq!(line.as_object().unwrap().len(), 8);
        };
        check(2, 1, true);
        check(1, 1, false);
        check(2, 0, false);
    }
}
