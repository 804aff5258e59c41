//! What was told, or acknowledged, is there after the worst: with the database away, with the
//! processes killed that keep what it cannot take.

use std::process::{Child, Command, Stdio};

use gwanje::children::postgres;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    database::{sql, try_sql},
    docks::{Docks, until_ended, until_mission},
    proc,
    raw_dock::{RawDock, now_ms},
    site::{Load, SOON, Site, run, until},
};

/// Holds a table so that nobody else writes to it, until it is let go.
struct Held(Child);

impl Held {
    async fn table(site: &Site, table: &str) -> Self {
        let password = std::fs::read_to_string(site.data_dir().join("db-password")).unwrap();
        let text =
            format!("begin; lock table {table} in exclusive mode; select pg_sleep(600) as held");
        let held = Command::new(postgres::newest_bin().unwrap().join("psql"))
            .args(["--no-psqlrc", "--command", &text])
            .env("PGHOST", site.data_dir().join("db"))
            .env("PGUSER", postgres::USER)
            .env("PGDATABASE", postgres::DATABASE)
            .env("PGPASSWORD", password.trim())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let holds = "select count(*) from pg_locks where mode = 'ExclusiveLock' and granted \
                     and relation = 'journal'::regclass";
        until("the table to be held", async || match sql(site, holds).as_str() {
            "0" => Err("not yet".to_owned()),
            _ => Ok(()),
        })
        .await;
        Self(held)
    }

    fn let_go(mut self, site: &Site) {
        sql(
            site,
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where query like '%as held' and pid <> pg_backend_pid()",
        );
        self.0.wait().unwrap();
    }
}

#[test]
fn a_flight_s_last_word_is_not_acknowledged_before_its_record_is_safe() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let taken = docks.fly(&site, 0, "fly").await.is(202);
        let flying = |mission: &Value| mission["progress"]["percent"].as_i64() > Some(0);
        until_mission(&site, &taken, "progress", flying).await;
        let held = Held::table(&site, "journal").await;
        let ended = until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], "ok", "{ended}");
        // The event is safe, its record is not. The tower dies between the two.
        let last = "select count(*) from events where method = 'flighttask_progress' \
                    and data::text like '%\"ok\"%'";
        until("the last word to be stored", async || match sql(&site, last).as_str() {
            "0" => Err("not yet".to_owned()),
            _ => Ok(()),
        })
        .await;
        let outcomes = "select count(*) from journal where kind = 'mission_outcome'";
        assert_eq!(sql(&site, outcomes), "0");
        let tower = site.tower().unwrap();
        proc::signal(tower, Signal::KILL);
        held.let_go(&site);
        until("another tower", async || match site.tower() {
            Some(pid) if pid != tower => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        site.until("the tower to be ready", "/readyz", |_| true).await;
        let ended = until_ended(&site, &taken).await;
        assert_eq!(ended["verdict"], "ok", "{ended}");
        until("its record", async || match sql(&site, outcomes).as_str() {
            "1" => Ok(()),
            other => Err(other.to_owned()),
        })
        .await;
        assert_eq!(docks.truth(0).received("flighttask_execute"), 1);
    });
}

/// Events of a dock, each with a number.
async fn say(dock: &RawDock, numbers: std::ops::Range<u32>) {
    let mut said = vec![];
    for number in numbers {
        let event = dock.envelope("numbered", &json!({ "number": number }));
        said.push(event["tid"].as_str().unwrap().to_owned());
        dock.say("events", event.to_string()).await;
    }
    until("every event to be acknowledged", async || {
        let answered = dock.answered("events_reply");
        let missing = said.iter().filter(|tid| !answered.contains(tid)).count();
        if missing == 0 { Ok(()) } else { Err(format!("{missing} are not")) }
    })
    .await;
}

fn alarm_of<'a>(page: &'a Value, code: &str) -> Option<&'a Value> {
    page["alarms"].as_array()?.iter().find(|alarm| alarm["reason"].to_string().contains(code))
}

async fn until_alarm(site: &Site, code: &str) -> String {
    let page = site.until(code, "/api/v1/alarms", |page| alarm_of(page, code).is_some()).await;
    alarm_of(&page, code).unwrap()["alarm_id"].as_str().unwrap().to_owned()
}

fn spools(tower: u32) -> Vec<u32> {
    let children = proc::children_of(tower).into_iter();
    children
        .filter(|pid| proc::subcommand(*pid).as_deref() == Some("spool") && !proc::is_gone(*pid))
        .collect()
}

async fn kill_spools(site: &mut Site) {
    let tower = site.tower().unwrap();
    let before = spools(tower);
    assert_eq!(before.len(), 3, "the recorder's, the journal's and the audit's");
    for pid in &before {
        assert_eq!(proc::threads(*pid), 1);
        proc::signal(*pid, Signal::KILL);
    }
    until("other spools", async || {
        let now = spools(tower);
        let all_new = now.len() == 3 && now.iter().all(|pid| !before.contains(pid));
        if all_new { Ok(()) } else { Err(format!("{now:?}")) }
    })
    .await;
}

#[test]
fn what_is_told_while_the_database_is_away_survives_kill_9_of_tower_and_spools() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let docks = Docks::online(&site, 1, "").await;
        let dock = RawDock::enrol(&site, "RAWDOCK00000011").await;
        let item = |code: &str| json!({"level": 2, "code": code, "device_type": "3-2-0"});
        let list = json!({"list": [item("0x19111800"), item("0x19111801")]});
        dock.say("events", dock.envelope("hms", &list).to_string()).await;
        let [known, aside] =
            [until_alarm(&site, "0x19111800").await, until_alarm(&site, "0x19111801").await];
        let taken = docks.fly(&site, 0, "fly").await.is(202);
        let flying = |mission: &Value| mission["progress"]["percent"].as_i64() > Some(0);
        until_mission(&site, &taken, "progress", flying).await;
        say(&dock, 0..3).await;

        let database = site.database().expect("a database");
        proc::signal(site.supervisor(), Signal::STOP);
        proc::signal(database, Signal::KILL);
        let away = until_alarm(&site, "database_away").await;
        let ended = until_ended(&site, &taken).await;
        let home = site.command(docks.sn(0), "return_home", "home").await.is(202);
        let finals = ["succeeded", "failed", "rejected", "expired", "unknown"];
        let home = site.until_command(&home, &finals).await;
        let shelf = json!({"for_minutes": 600, "note": "known"});
        for (id, what, body) in [
            (&known, "acknowledge", json!({})),
            (&away, "acknowledge", json!({})),
            (&aside, "shelve", shelf),
        ] {
            site.post(&format!("/api/v1/alarms/{id}/{what}"), &body).await.is(200);
        }
        say(&dock, 3..6).await;
        kill_spools(&mut site).await;
        say(&dock, 6..9).await;
        site.until("records to be safe", "/api/v1/system", |system| {
            system["store"]["records_waiting"] == 0 && system["store"]["spooled_bytes"] != 0
        })
        .await;
        let tower = site.tower().unwrap();
        assert_eq!(proc::threads(tower), 1);
        let mut killed = spools(tower);
        killed.push(tower);
        killed.iter().for_each(|pid| proc::signal(*pid, Signal::KILL));
        proc::signal(site.supervisor(), Signal::CONT);
        until("database and tower to be back", async || {
            try_sql(&site, "select 1")?;
            match site.tower() {
                Some(pid) if pid != tower => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        site.until("the tower to be ready", "/readyz", |_| true).await;
        in_order(&site, &ended, &home).await;
        let page = site
            .until("what people did with alarms", "/api/v1/alarms", |page| {
                let of = |id: &str| page["alarms"].as_array()?.iter().find(|a| a["alarm_id"] == id);
                of(&known).is_some_and(|alarm| alarm["state"] == "acknowledged")
                    && of(&aside).is_some_and(|alarm| alarm["shelved"]["note"] == "known")
            })
            .await;
        assert!(page["alarms"].is_array());
        let by =
            format!("select status->'acknowledged'->>'by' from alarms where alarm_id = '{away}'");
        assert_ne!(sql(&site, &by), "", "the alarm about the database itself");
        // Who called it home is on record, and the chain is whole.
        let order = home["command_id"].as_str().unwrap();
        let asked = format!(
            "select count(*) from audit where content::jsonb->'details'->>'command_id' = '{order}'"
        );
        until("the audit of what was ordered meanwhile", async || {
            match sql(&site, &asked).as_str() {
                "2" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await;
        let verdict = site.get("/api/v1/audit/verify").await.is(200);
        assert_eq!(verdict["ok"], true, "{verdict}");
        assert_eq!(proc::threads(site.tower().unwrap()), 1);
    });
}

/// Everything that was told before the end is there, once and in order.
async fn in_order(site: &Site, ended: &Value, home: &Value) {
    site.until("the spool to be empty", "/api/v1/system", |system| {
        system["store"]["spooled_bytes"] == 0 && system["store"]["ready"] == true
    })
    .await;
    let numbers = "select string_agg(data->>'number', ',' order by received_at) from events \
                   where method = 'numbered'";
    // Right after its start the tower does not know yet what lies in the spool.
    until("the events in order", async || match sql(site, numbers).as_str() {
        "0,1,2,3,4,5,6,7,8" => Ok(()),
        other => Err(other.to_owned()),
    })
    .await;
    for (table, key, told) in [("missions", "mission_id", ended), ("commands", "command_id", home)]
    {
        let id = told[key].as_str().unwrap();
        let text = format!(
            "select status->>'state', status->>'response_code' from {table} where {key} = '{id}'"
        );
        let [state, code] =
            ["state", "response_code"].map(|name| told[name].as_str().unwrap_or(""));
        let wanted = format!("{state}|{code}");
        until(&format!("what was told: {told}"), async || match sql(site, &text) {
            found if found == wanted => Ok(()),
            other => Err(other),
        })
        .await;
        let path = format!("/api/v1/{table}/{id}");
        let now = site.until("it to be known again", &path, |_| true).await;
        assert_eq!(now["state"], told["state"], "told {told}, now {now}");
        assert_eq!(now["verdict"], told["verdict"], "told {told}, now {now}");
    }
    let back = "select count(*) from (select at, lag(at) over (partition by subject_id order by seq) \
                as before from journal) x where at < before";
    assert_eq!(sql(site, back), "0", "records are out of order");
    let open = format!(
        "select count(*) from journal_subjects where closed_at is null and subject_id = '{}'",
        ended["mission_id"].as_str().unwrap()
    );
    assert_eq!(sql(site, &open), "0");
}

#[test]
fn a_fresh_machine_keeps_fleet_history_and_plans_across_a_restart() {
    run(Load::Light, async {
        let began = std::time::Instant::now();
        let mut site = Site::start_fresh().await;
        eprintln!("a fresh machine was ready after {} ms", began.elapsed().as_millis());
        let docks = Docks::online(&site, 1, "").await;
        let flown = docks.fly(&site, 0, "flown").await.is(202);
        until_ended(&site, &flown).await;
        docks.until_online(&site).await;
        // Not to be prepared before a quarter of an hour before it starts: after the restart.
        let wayline = docks.upload(&site, 0).await;
        let body = json!({
            "sn": docks.sn(0), "wayline_id": wayline["wayline_id"], "rth_altitude_m": 100,
            "lost_link_action": "return_home", "idempotency_key": "planned",
            "start": {"kind": "timed", "execute_ms": now_ms() + 15 * 60_000 + 30_000},
        });
        let planned = site.post("/api/v1/missions", &body).await.is(202);
        // A dock that will not be heard again.
        let silent = RawDock::enrol(&site, "RAWDOCK00000012").await;
        let report = json!({
            "tid": "t", "bid": "b", "timestamp": now_ms(), "gateway": silent.sn,
            "data": {"mode_code": 0, "wind_speed": 7.5, "latitude": 37.25, "longitude": 127.5},
        });
        silent.say("osd", report.to_string()).await;
        let path = format!("/api/v1/devices/{}", silent.sn);
        let heard = |page: &Value| page["device"]["last_heard_ms"].as_i64();
        let before = site.until("its report", &path, |page| heard(page).is_some()).await;
        let twins = format!("select count(*) from twins where sn = '{}'", silent.sn);
        until("its values to be stored", async || match sql(&site, &twins).as_str() {
            "1" => Ok(()),
            other => Err(other.to_owned()),
        })
        .await;
        let sn = silent.sn.clone();
        drop(silent);
        site.stop().await;
        site.start_again().await;

        let page = site.until("what was known of it", &path, |page| heard(page).is_some()).await;
        assert_eq!(heard(&page), heard(&before), "its true age: {page}");
        assert_eq!(page["device"]["connection"], "offline", "{page}");
        assert!(page.to_string().contains("37.25"), "{sn}: {page}");
        let files = site.get("/api/v1/waylines").await.is(200);
        assert!(files.to_string().contains(wayline["wayline_id"].as_str().unwrap()), "{files}");
        let ready = |mission: &Value| {
            assert_ne!(mission["state"], "ended", "{mission}");
            mission["state"] == "prepared" || mission["state"] == "ready"
        };
        let id = planned["mission_id"].as_str().unwrap();
        let path = format!("/api/v1/missions/{id}");
        site.until_within(SOON * 2, "the planned flight to be prepared", &path, ready).await;
        history(&site, docks.sn(0), &[&planned, &flown]).await;
        assert_eq!(proc::threads(site.tower().unwrap()), 1);
    });
}

/// The missions of a dock by pages of one, newest first.
async fn history(site: &Site, sn: &str, expect: &[&Value]) {
    let mut path = format!("/api/v1/missions?sn={sn}&limit=1");
    for mission in expect {
        let page = site.get(&path).await.is(200);
        assert_eq!(page["missions"][0]["mission_id"], mission["mission_id"], "{page}");
        let next = page["next"].as_str().expect("a page after");
        path = format!("/api/v1/missions?sn={sn}&limit=1&before={next}");
    }
    let end = site.get(&path).await.is(200);
    assert_eq!((&end["missions"], &end["next"]), (&json!([]), &Value::Null));
    let bad = site.get("/api/v1/missions?before=yesterday").await;
    bad.is_problem(422, "bad_input");
}
