//! What must last, lasts: flights, history and the fleet across the deaths of tower and database.

use std::process::{Command, Stdio};

use gwanje::children::postgres;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    docks::{Docks, until_ended, until_mission},
    proc,
    site::{GWANJE, Load, Site, run, until},
};

/// One value out of the site's database, past the tower.
pub(crate) fn sql(site: &Site, text: &str) -> String {
    try_sql(site, text).unwrap_or_else(|said| panic!("{text}: {said}"))
}

/// See [`sql`]; for a database that may be away.
pub(crate) fn try_sql(site: &Site, text: &str) -> Result<String, String> {
    let password = std::fs::read_to_string(site.data_dir().join("db-password")).unwrap();
    let output = Command::new(postgres::newest_bin().unwrap().join("psql"))
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", text])
        .env("PGHOST", site.data_dir().join("db"))
        .env("PGUSER", postgres::USER)
        .env("PGDATABASE", postgres::DATABASE)
        .env("PGPASSWORD", password.trim())
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

pub(crate) fn gwanje(site: &Site, args: &[&str]) -> (bool, String) {
    let output = Command::new(GWANJE)
        .args(args)
        .env("GWANJE_CONFIG", "/dev/null")
        .env("GWANJE_DATA_DIR", site.data_dir())
        .env("GWANJE_API_LISTEN", site.api.to_string())
        .env("GWANJE_MQTT_LISTEN", site.mqtt.to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Kills a process and waits until its supervisor has started another one.
async fn kill(site: &mut Site, find: fn(&mut Site) -> Option<u32>) {
    let old = find(site).expect("a process to kill");
    proc::signal(old, Signal::KILL);
    until("another process", async || match find(site) {
        Some(pid) if pid != old => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    site.until("the site to be ready", "/readyz", |_| true).await;
}

/// Waits until the aircraft is in the air, by what is true and by what the tower shows: a dock
/// that still fetches the file of its mission when the tower goes has nobody to give it.
async fn until_flying(site: &Site, docks: &Docks, taken: &Value) {
    let id = taken["mission_id"].as_str().unwrap();
    until("the take-off", async || match docks.truth(0).flight(id) {
        Some(flight) if flight.take_offs == 1 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let flying = |mission: &Value| mission["progress"]["percent"].as_i64() > Some(0);
    until_mission(site, taken, "progress", flying).await;
}

#[test]
fn a_flight_survives_kill_9_of_the_tower_and_an_upgrade_of_everything() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let first = docks.fly(&site, 0, "first").await.is(202);
        until_flying(&site, &docks, &first).await;
        kill(&mut site, Site::tower).await;
        let ended = until_ended(&site, &first).await;
        assert_eq!((&ended["verdict"], &ended["reason"]), (&json!("ok"), &Value::Null), "{ended}");

        docks.until_online(&site).await;
        let second = docks.fly(&site, 0, "second").await.is(202);
        until_flying(&site, &docks, &second).await;
        // An upgrade: everything is asked to stop, and another binary takes over.
        site.stop().await;
        let binary = site.start_again_upgraded().await;
        let tower = site.tower().unwrap();
        assert_eq!(std::fs::read_link(format!("/proc/{tower}/exe")).unwrap(), binary);
        let ended = until_ended(&site, &second).await;
        assert_eq!((&ended["verdict"], &ended["reason"]), (&json!("ok"), &Value::Null), "{ended}");

        let missions = site.get("/api/v1/missions").await.is(200);
        let ids: Vec<_> = missions["missions"].as_array().unwrap().iter().collect();
        for taken in [&first, &second] {
            let id = &taken["mission_id"];
            assert!(ids.iter().any(|mission| mission["mission_id"] == *id), "{missions}");
        }
        // A caller that asks again is told what became of it.
        let body = json!({
            "sn": docks.sn(0), "wayline_id": first["wayline_id"], "rth_altitude_m": 100,
            "lost_link_action": "return_home", "idempotency_key": "first",
        });
        docks.until_online(&site).await;
        let again = site.post("/api/v1/missions", &body).await;
        let again: Value = serde_json::from_str(&again.text()).unwrap();
        assert_ne!(again["state"], "preparing", "{again}");
        assert_eq!(docks.truth(0).take_offs(), 2);
        assert_eq!(docks.truth(0).received("flighttask_execute"), 2);
        let tower = site.tower().unwrap();
        assert_eq!(proc::threads(tower), 1);
    });
}

#[test]
fn without_the_database_new_flights_are_refused_and_counter_actions_go_on() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 2, "").await;
        docks.debug(&site, 1).await;
        // A file that a restart would lose is not taken either, so it comes first.
        let wayline = docks.upload(&site, 0).await;
        let database = site.database().expect("a database");
        proc::signal(site.supervisor(), Signal::STOP);
        proc::signal(database, Signal::KILL);
        until("the tower to notice", async || {
            let ready = site.get("/readyz").await;
            let said = ready.text();
            let noticed = ready.status == 503 && said.contains("the database is away");
            if noticed { Ok(()) } else { Err(said) }
        })
        .await;
        let refused = site.command(docks.sn(1), "supplement_light_open", "light").await;
        refused.is_problem(409, "journal_down");
        let answer = docks.order(&site, 0, &wayline, "fly").await;
        let refused = match answer.status.as_u16() {
            409 => answer.is_problem(409, "journal_down")["mission"].clone(),
            // The file was asked for first, so that the refusal came after the answer.
            _ => until_ended(&site, &answer.is(202)).await,
        };
        assert_eq!(refused["verdict"], "rejected", "{refused}");
        assert_eq!(refused["reason"]["code"], "journal_down", "{refused}");
        let home = site.command(docks.sn(0), "return_home", "home").await.is(202);
        until("the counter-action to arrive", async || {
            let count = docks.truth(0).received("return_home");
            if count == 1 { Ok(()) } else { Err(count.to_string()) }
        })
        .await;
        let since = super::raw_dock::now_ms();
        let path = format!("/api/v1/devices/{}", docks.sn(0));
        site.until("telemetry to go on", &path, |page| {
            page["device"]["last_heard_ms"].as_i64() > Some(since)
        })
        .await;
        assert_eq!(docks.truth(1).received("supplement_light_open"), 0);
        assert_eq!(docks.truth(0).received("flighttask_prepare"), 0);

        proc::signal(site.supervisor(), Signal::CONT);
        site.until("the database to be back", "/readyz", |_| true).await;
        let taken = site.command(docks.sn(1), "supplement_light_open", "again").await.is(202);
        site.until_command(&taken, &["succeeded"]).await;
        let id = home["command_id"].as_str().unwrap();
        let count = format!("select count(*) from journal where subject_id = '{id}'");
        until("the counter-action to be on record", async || match sql(&site, &count).as_str() {
            "0" | "" => Err("no record".to_owned()),
            _ => Ok(()),
        })
        .await;
        assert_eq!(proc::threads(site.tower().unwrap()), 1);
    });
}

#[test]
fn a_backup_is_restored_and_a_newer_cluster_is_left_as_it_is() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        docks.debug(&site, 0).await;
        let count = "select count(*) from journal";
        let before = sql(&site, count);
        let file = site.data_dir().join("site.backup");
        let file = file.to_str().unwrap();
        let (done, said) = gwanje(&site, &["backup", file]);
        assert!(done, "{said}");
        let (done, said) = gwanje(&site, &["backup", file]);
        assert!(!done && said.contains("--force"), "{said}");
        let (done, said) = gwanje(&site, &["restore", file]);
        assert!(!done && said.contains("another `gwanje up`"), "{said}");
        let sn = docks.sn(0).to_owned();
        drop(docks);

        site.stop().await;
        let (done, said) = gwanje(&site, &["restore", file]);
        assert!(!done && said.contains("--replace"), "{said}");
        let (done, said) = gwanje(&site, &["restore", file, "--replace"]);
        assert!(done, "{said}");
        let (done, said) = gwanje(&site, &["migrate"]);
        assert!(done && said.contains("up to date already"), "{said}");
        site.start_again().await;
        let after: u64 = sql(&site, count).parse().unwrap();
        assert!(after >= before.parse().unwrap(), "{before} records before, {after} after");
        let path = format!("/api/v1/devices/{sn}");
        site.until("its commands to be known", &path, |page| {
            page["commands"].to_string().contains("debug_mode_open")
        })
        .await;

        site.stop().await;
        let version = site.data_dir().join("db/data/PG_VERSION");
        let is = std::fs::read_to_string(&version).unwrap();
        std::fs::write(&version, "99\n").unwrap();
        let (done, said) = gwanje(&site, &["up"]);
        assert!(!done && said.contains("was made by PostgreSQL 99"), "{said}");
        std::fs::write(&version, is).unwrap();
        site.start_again().await;
    });
}
