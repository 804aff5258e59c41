//! A tower in several processes: the same console, one commander, and what happens when one of them dies.

use std::{
    fs,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use fleet_bus::wire::{Discovery, FrameLine, Side, Spawn, Wire, WireConfig};
use gwanje::tower::split::seal::{Keys, Sealer};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    docks::{Docks, until_ended},
    http, proc,
    raw_dock::now_ms,
    site::{GWANJE, Load, Settings, Site, free_port, run, until},
};

/// A domain and a tag that no test beside this one has.
fn place(number: u16) -> (u16, String) {
    let process = std::process::id();
    (
        100 + (u16::try_from(process % 50).unwrap() + number) % 100,
        format!("split-{process}-{number}"),
    )
}

fn settings(number: u16) -> Settings {
    let (domain, tag) = place(number);
    vec![("GWANJE_DDS_DOMAIN_ID", domain.to_string()), ("GWANJE_DDS_DOMAIN_TAG", tag)]
}

/// Killed when the test ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn both_show_the_same(site: &Site, path: &str, of: &str) {
    until(&format!("both processes to show the same {of}"), async || {
        let shown = site.get(path).await.json()[of].clone();
        let known = site.local("GET", path, &Value::Null).await.json()[of].clone();
        let is_same = shown == known && shown.as_array().is_some_and(|it| !it.is_empty());
        if is_same { Ok(()) } else { Err(format!("{shown}\n{known}")) }
    })
    .await;
}

fn second_link(site: &Site, dir: &std::path::Path, number: u16) -> (bool, String) {
    let output = Command::new(GWANJE)
        .args(["tower", "--roles", "link"])
        .env("GWANJE_CONFIG", "/dev/null")
        .env("GWANJE_DATA_DIR", dir)
        .env("GWANJE_API_LISTEN", free_port().to_string())
        .env("GWANJE_MQTT_LISTEN", site.mqtt.to_string())
        .envs(settings(number))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_tower_in_processes_shows_and_does_what_one_does() {
    run(Load::Light, async {
        let (mut site, shows) = Site::start_apart(settings(0)).await;
        let shows = Process(shows);
        let docks = Docks::online(&site, 2, "").await;
        both_show_the_same(&site, "/api/v1/devices", "devices").await;
        docks.debug(&site, 1).await;
        let again = site.command(docks.sn(1), "debug_mode_open", "debug-1").await;
        assert_eq!(again.status.as_u16(), 200, "{}", again.text());
        assert_eq!(docks.truth(1).received("debug_mode_open"), 1);
        // The file is given out by the one, its address was made by the other.
        let taken = docks.fly(&site, 0, "first").await.is(202);
        let ended = until_ended(&site, &taken).await;
        assert_eq!((&ended["verdict"], &ended["reason"]), (&json!("ok"), &Value::Null), "{ended}");
        assert_eq!(docks.truth(0).take_offs(), 1);
        both_show_the_same(&site, "/api/v1/missions", "missions").await;
        let refused = site.post("/api/v1/docks", &json!({"sn": "DOCK-NEW"})).await;
        refused.is_problem(503, "enrolment_unavailable");

        // A third process, elsewhere.
        let dir = site.data_dir().with_extension("third");
        fs::create_dir(&dir).unwrap();
        std::os::unix::fs::symlink(site.data_dir().join("db"), dir.join("db")).unwrap();
        for name in ["db-password", "api-token", "signing-key", "bus-key"] {
            fs::copy(site.data_dir().join(name), dir.join(name)).unwrap();
        }
        let address = free_port();
        let third = Process(site.spawn_api(&dir, address));
        let bearer = format!("Bearer {}", site.token);
        let headers = [("authorization", bearer.as_str())];
        until("the third process to show the same", async || {
            let send = |path| http::send(address, "GET", path, &headers, Vec::new());
            let (Ok(devices), Ok(missions)) =
                (send("/api/v1/devices").await, send("/api/v1/missions").await)
            else {
                return Err("no answer".to_owned());
            };
            let known = site.local("GET", "/api/v1/devices", &Value::Null).await.json();
            let is_flown = missions.text().contains(taken["mission_id"].as_str().unwrap());
            let is_same = devices.json()["devices"] == known["devices"];
            if is_same && is_flown { Ok(()) } else { Err(devices.text()) }
        })
        .await;
        for pid in [site.tower().unwrap(), shows.0.id(), third.0.id()] {
            assert_eq!(proc::threads(pid), 1, "{pid}");
        }

        let (ok, said) = second_link(&site, site.data_dir(), 0);
        assert!(!ok && said.contains("there must never be two"), "{said}");
        fs::copy(site.data_dir().join("mqtt-password"), dir.join("mqtt-password")).unwrap();
        let (ok, said) = second_link(&site, &dir, 0);
        assert!(!ok && said.contains("there must never be two"), "{said}");
        drop(third);
        fs::remove_dir_all(&dir).unwrap();
    });
}

/// Somebody on the wire between the processes.
struct Intruder {
    line: FrameLine,
}

impl Intruder {
    fn new(number: u16) -> Self {
        let (domain_id, domain_tag) = place(number);
        let config = WireConfig {
            domain_id,
            domain_tag,
            interface: std::net::Ipv4Addr::LOCALHOST,
            discovery: Discovery::Multicast,
        };
        let spawn: Spawn = Arc::new(|_, task| tokio::task::spawn_local(task).abort_handle());
        let (mut wire, _) = Wire::bare(config, spawn);
        let line = wire.carry(Side::Api);
        tokio::task::spawn_local(wire.run());
        Self { line }
    }

    /// Says that it lives until the link answers it.
    async fn until_heard(&mut self, keys: &Keys, sealer: &mut Sealer, name: &str) {
        let beat = json!([{"Beat": {
            "name": name, "started_ms": now_ms(), "epoch": 0, "failed": [], "in_step": null,
            "links": [], "look": null,
        }}]);
        let answer = format!("\"Current\":{{\"to\":\"{name}\"}}");
        until("the link to hear it", async || {
            self.line.send(sealer.seal(serde_json::to_vec(&beat).unwrap()).unwrap());
            let within = std::time::Duration::from_millis(300);
            while let Ok(Some((frame, _))) = timeout(within, self.line.next()).await {
                let body = keys.open(Side::Link, &frame).unwrap();
                if String::from_utf8_lossy(&body).contains(&answer) {
                    return Ok(());
                }
            }
            Err(String::new())
        })
        .await;
    }
}

/// An order as the process that shows makes them.
fn order(keys: &Keys, sn: &str, change: impl FnOnce(&mut Value)) -> (String, String) {
    let id = uuid::Uuid::now_v7();
    let mut order = json!({
        "order_id": id, "attempt": 0, "epoch": 0, "issued_ms": now_ms(),
        "expires_ms": now_ms() + 10_000, "topic": "Command",
        "data": {
            "command_id": id, "trace_id": id, "request_id": id, "sn": sn,
            "method": "supplement_light_open", "data": null, "idempotency_key": id.to_string(),
            "expires_in_ms": 10_000, "issued_by": "intruder",
        },
    });
    change(&mut order);
    let text = order.to_string();
    let mac = keys.mac(&text);
    (text, mac)
}

#[test]
fn what_others_write_between_the_processes_is_refused_and_alarmed() {
    run(Load::Light, async {
        let (site, shows) = Site::start_apart(settings(1)).await;
        let _shows = Process(shows);
        let docks = Docks::online(&site, 1, "").await;
        docks.debug(&site, 0).await;
        let secret = fs::read_to_string(site.data_dir().join("bus-key")).unwrap();
        let mode = fs::metadata(site.data_dir().join("bus-key")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
        assert!(!site.log().contains(secret.trim()), "the secret is in the log");
        let keys = Keys::new(secret.trim());
        let epoch = fs::read_to_string(site.data_dir().join("commander")).unwrap();
        let epoch: u64 = epoch.trim().parse().unwrap();
        let sn = docks.sn(0);
        let body = |(text, mac): (String, String)| {
            serde_json::to_vec(&json!([{"Order": {"text": text, "mac": mac}}])).unwrap()
        };
        let light = |docks: &Docks| docks.truth(0).received("supplement_light_open");
        let good = |it: &mut Value| it["epoch"] = json!(epoch);

        // Each alarm is of a writer of its own.
        let mut number = 0;
        let mut tries = async |word: &str, seal: &Keys, made: (String, String)| {
            let mut intruder = Intruder::new(1);
            number += 1;
            let name = format!("try-{number}");
            let mut sealer = Sealer::new(seal, Side::Api, &name).unwrap();
            if seal.mac("") == keys.mac("") {
                intruder.until_heard(&keys, &mut sealer, &name).await;
            }
            // Who has no seal is heard when it was found.
            until(&format!("the alarm of {word}"), async || {
                intruder.line.send(sealer.seal(body(made.clone())).unwrap());
                let page = site.get("/api/v1/alarms").await.text();
                if page.contains(&format!("({word})")) { Ok(()) } else { Err(page) }
            })
            .await;
        };
        let other = Keys::new("another secret");
        tries("not_sealed", &other, order(&keys, sn, good)).await;
        let (text, _) = order(&keys, sn, good);
        tries("wrong_mac", &keys, (text.clone(), other.mac(&text))).await;
        tries("other_epoch", &keys, order(&keys, sn, |it| it["epoch"] = json!(epoch - 1))).await;
        let late = |it: &mut Value| {
            good(it);
            it["issued_ms"] = json!(now_ms() - 5_000);
        };
        tries("expired", &keys, order(&keys, sn, late)).await;
        assert_eq!(light(&docks), 0, "nothing of it reached the dock");
        // A good one is carried out once, however often it is said.
        tries("replayed", &keys, order(&keys, sn, good)).await;
        until("the one order to arrive", async || match light(&docks) {
            1 => Ok(()),
            count => Err(count.to_string()),
        })
        .await;
        assert_eq!(light(&docks), 1);
    });
}

#[test]
fn each_process_outlives_the_other_and_they_find_each_other_again() {
    run(Load::Light, async {
        let (mut site, shows) = Site::start_apart(settings(2)).await;
        let mut shows = Process(shows);
        let docks = Docks::online(&site, 1, "").await;

        // The one that shows is killed: docks are served on, its loss is alarmed.
        proc::signal(shows.0.id(), Signal::KILL);
        shows.0.wait().unwrap();
        let alarm_of = async |state: &str| {
            until(&format!("process_lost to be {state}"), async || {
                let page = site.local("GET", "/api/v1/alarms", &Value::Null).await.json();
                let alarms = page["alarms"].as_array().unwrap().clone();
                let lost = alarms.iter().find(|it| it["reason"]["code"] == "process_lost");
                let is_up = lost.is_some_and(|it| it["cleared_ms"].is_null());
                if is_up == (state == "up") { Ok(()) } else { Err(page.to_string()) }
            })
            .await;
        };
        alarm_of("up").await;
        let since = now_ms();
        until("telemetry to go on", async || {
            let path = format!("/api/v1/devices/{}", docks.sn(0));
            let page = site.local("GET", &path, &Value::Null).await.json();
            let heard = page["device"]["last_heard_ms"].as_i64();
            if heard > Some(since) { Ok(()) } else { Err(page.to_string()) }
        })
        .await;
        drop(shows);
        let shows = Process(site.spawn_api(site.data_dir(), site.api));
        docks.until_online(&site).await;
        alarm_of("down").await;
        both_show_the_same(&site, "/api/v1/devices", "devices").await;

        // The one that owns the docks is killed: everything is stale, what acts is refused at once.
        let link = site.tower().unwrap();
        proc::signal(site.supervisor(), Signal::STOP);
        proc::signal(link, Signal::KILL);
        until("the loss to be shown", async || {
            let ready = site.get("/readyz").await;
            let devices = site.get("/api/v1/devices").await.json();
            let all = devices["devices"].as_array().unwrap();
            let is_stale = all.len() == 2 && all.iter().all(|it| it["connection"] == "stale");
            let is_told = ready.status == 503 && ready.text().contains("is lost since");
            if is_stale && is_told { Ok(()) } else { Err(format!("{devices} {}", ready.text())) }
        })
        .await;
        let began = tokio::time::Instant::now();
        let refused = site.command(docks.sn(0), "debug_mode_open", "while-lost").await;
        refused.is_problem(503, "link_lost");
        let refused = site.command(docks.sn(0), "return_home", "home-while-lost").await;
        refused.is_problem(503, "link_lost");
        assert!(began.elapsed() < std::time::Duration::from_secs(2), "at once, not after a wait");
        assert_eq!(proc::threads(shows.0.id()), 1);

        // Another takes over: nothing of what was refused is sent.
        proc::signal(site.supervisor(), Signal::CONT);
        until("another link", async || match site.tower() {
            Some(pid) if pid != link => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        docks.until_online(&site).await;
        both_show_the_same(&site, "/api/v1/devices", "devices").await;
        assert_eq!(docks.truth(0).received("debug_mode_open"), 0);
        assert_eq!(docks.truth(0).received("return_home"), 0);
        docks.debug(&site, 0).await;
        site.until("everything to be ready", "/readyz", |_| true).await;
    });
}
