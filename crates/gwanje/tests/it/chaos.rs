//! Tower and database are killed at random moments under load: nothing that was told is forgotten,
//! nothing flies twice, the cluster stays whole.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    database::{sql, try_sql},
    docks::Docks,
    proc,
    raw_dock::RawDock,
    site::{Load, Site, run, run_within, until, wants_long},
};

/// Kills of one site; then another one begins, because a supervisor takes longer with each crash.
const ROUNDS: u32 = 5;
const SITES_LONG: u64 = 10;
/// Flights last seconds.
const SPEED: f64 = 100.0;

#[derive(Clone, Copy, Debug)]
enum Victim {
    Tower,
    Database,
    Both,
}

/// A generator of moments and victims; the same seed tells the same story.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn victim(&mut self) -> Victim {
        [Victim::Tower, Victim::Database, Victim::Both][usize::try_from(self.next(3)).unwrap()]
    }
}

/// What the API said of commands, by id: the furthest state.
#[derive(Default)]
struct Told(RefCell<BTreeMap<String, String>>);

impl Told {
    fn note(&self, status: &Value) {
        if let (Some(id), Some(state)) = (status["command_id"].as_str(), status["state"].as_str()) {
            self.0.borrow_mut().insert(id.to_owned(), state.to_owned());
        }
    }
}

#[test]
fn kills_at_random_moments_lose_nothing_and_fly_nothing_twice() {
    if !wants_long() {
        return run(Load::Heavy, one_site(2));
    }
    for seed in 1..=SITES_LONG {
        run_within(Duration::from_mins(10), Load::Heavy, one_site(seed));
    }
}

async fn one_site(seed: u64) {
    let mut chance = Chance(seed);
    let mut site = Site::start().await;
    let docks = Docks::online_at(&site, 2, "", SPEED).await;
    docks.debug(&site, 1).await;
    let told = Told::default();
    let witness = Witness::start(&site).await;
    for round in 0..ROUNDS {
        let (victim, after_ms) = (chance.victim(), chance.next(2_500));
        // Flights take their time; every other round has one.
        let key = (round % 2 == 0).then(|| format!("flight-{round}"));
        let before = docks.truth(0).received("flighttask_execute");
        if let Some(key) = &key {
            let _ = fly(&site, &docks, key).await;
        }
        {
            let work = commands(&site, &docks, &told, round);
            let events = witness.speak();
            tokio::pin!(work, events);
            tokio::select! {
                () = &mut work => {}
                () = &mut events => {}
                () = sleep(Duration::from_millis(after_ms)) => {}
            }
        }
        eprintln!("round {round}: {victim:?} after {after_ms} ms");
        let killed = strike(&mut site, victim);
        until("the site to be ready again", async || {
            let now = [site.tower(), site.database()];
            if now.iter().any(|pid| pid.is_none_or(|pid| killed.contains(&pid))) {
                return Err(format!("{killed:?} were killed, there are {now:?}"));
            }
            try_sql(&site, "select 1")?;
            match site.try_call("GET", "/readyz", &Value::Null).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        docks.until_online_again(&site).await;
        if let Some(key) = &key {
            settle_flight(&site, &docks, key, before).await;
        }
        check(&site, &docks, &told, round).await;
        witness.check(&site).await;
        assert_eq!(proc::threads(site.tower().unwrap()), 1);
    }
}

/// Kills; whom it killed.
fn strike(site: &mut Site, victim: Victim) -> Vec<u32> {
    let (tower, database) = (site.tower(), site.database());
    let victims = match victim {
        Victim::Tower => [tower, None],
        Victim::Database => [None, database],
        Victim::Both => [tower, database],
    };
    let victims: Vec<_> = victims.into_iter().flatten().collect();
    for pid in &victims {
        proc::signal(*pid, Signal::KILL);
    }
    victims
}

/// A dock that reports numbered events and remembers which the tower has acknowledged.
struct Witness {
    dock: RawDock,
    /// `tid` of each event, in the order of their numbers.
    said: RefCell<Vec<String>>,
}

impl Witness {
    async fn start(site: &Site) -> Self {
        let dock = RawDock::enrol(site, "RAWDOCK00000009").await;
        Self { dock, said: RefCell::default() }
    }

    /// Reports until it is cut short.
    async fn speak(&self) {
        loop {
            let number = self.said.borrow().len();
            let event = self.dock.envelope("witnessed", &json!({ "number": number }));
            self.said.borrow_mut().push(event["tid"].as_str().unwrap().to_owned());
            self.dock.say("events", event.to_string()).await;
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What was acknowledged is stored now; what the broker has is stored in the end; nothing twice.
    async fn check(&self, site: &Site) {
        let stored = || -> Vec<usize> {
            let text = sql(
                site,
                "select data->>'number' from events where method = 'witnessed' order by 1",
            );
            text.lines().map(|line| line.parse().unwrap()).collect()
        };
        let answered = self.dock.answered("events_reply");
        let said = self.said.borrow().clone();
        let has = stored();
        let unique: std::collections::BTreeSet<_> = has.iter().collect();
        assert_eq!(unique.len(), has.len(), "an event is stored twice");
        for (number, tid) in said.iter().enumerate() {
            let is_lost = answered.contains(tid) && !unique.contains(&number);
            assert!(!is_lost, "event {number} was acknowledged and is lost");
        }
        // The last one may have been cut short before the broker had it.
        until("every event to be stored", async || {
            let stored = stored().len();
            if stored + 1 >= said.len() {
                Ok(())
            } else {
                Err(format!("{stored} of {}", said.len()))
            }
        })
        .await;
    }
}

/// Switches a light on and off until it is cut short.
async fn commands(site: &Site, docks: &Docks, told: &Told, round: u32) {
    for number in 0..10_000 {
        let method = ["supplement_light_open", "supplement_light_close"][number % 2];
        let key = format!("c-{round}-{number}");
        let body = json!({"method": method, "idempotency_key": key, "expires_in_ms": 5_000});
        let path = format!("/api/v1/devices/{}/commands", docks.sn(1));
        let Ok(taken) = site.try_call("POST", &path, &body).await else { continue };
        let Some(id) = taken.json()["command_id"].as_str().map(str::to_owned) else { continue };
        let path = format!("/api/v1/commands/{id}");
        for _ in 0..20 {
            let Ok(status) = site.try_call("GET", &path, &Value::Null).await else { break };
            let status = status.json();
            told.note(&status);
            if !["accepted", "journaled", "sent"].iter().any(|state| status["state"] == *state) {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn fly(site: &Site, docks: &Docks, key: &str) -> std::io::Result<Value> {
    let wayline = docks.upload(site, 0).await;
    let body = json!({
        "sn": docks.sn(0), "wayline_id": wayline["wayline_id"], "rth_altitude_m": 100,
        "lost_link_action": "return_home", "idempotency_key": key,
    });
    Ok(site.try_call("POST", "/api/v1/missions", &body).await?.json())
}

/// The mission of a key comes to an end that is true.
async fn settle_flight(site: &Site, docks: &Docks, key: &str, before: u64) {
    let mut ended = Value::Null;
    until("the flight's end", async || {
        let missions = site.get("/api/v1/missions").await.json();
        let is_it = |mission: &&Value| mission["idempotency_key"] == key;
        let found = missions["missions"].as_array().unwrap().iter().find(is_it).cloned();
        let Some(mission) = found else { return Err("not known".to_owned()) };
        let got = docks.truth(0).received("flighttask_execute") > before;
        if mission["state"] == "unknown" && !got {
            // It was on record when the tower died, and never left: only a person can see that.
            let id = mission["mission_id"].as_str().unwrap();
            let body = json!({"outcome": "failed", "note": "seen in its dock"});
            site.post(&format!("/api/v1/missions/{id}/resolve"), &body).await;
        }
        ended.clone_from(&mission);
        if mission["state"] == "ended" { Ok(()) } else { Err(mission.to_string()) }
    })
    .await;
    assert!(ended["verdict"].is_string(), "{ended}");
}

async fn check(site: &Site, docks: &Docks, told: &Told, round: u32) {
    // What the docks got is on record, each once.
    for (index, methods) in [
        (0, ["flighttask_prepare", "flighttask_execute"]),
        (1, ["supplement_light_open", "supplement_light_close"]),
    ] {
        for method in methods {
            let received = docks.truth(index).received(method);
            let text = format!(
                "select count(distinct subject_id) from journal where kind = 'command' and sn = '{}' \
                 and record->'entry'->>'method' = '{method}'",
                docks.sn(index)
            );
            let recorded: u64 = sql(site, &text).parse().unwrap();
            assert!(recorded >= received, "{method}: {recorded} < {received}");
        }
    }
    // One take-off an order, one order a mission.
    let truth = docks.truth(0);
    assert!(truth.take_offs() <= truth.received("flighttask_execute"));
    let twice = sql(
        site,
        "select count(*) from (select 1 from journal where kind = 'command' and \
         record->'entry'->>'method' = 'flighttask_execute' \
         group by record->'entry'->>'mission_id' having count(distinct subject_id) > 1) doubled",
    );
    assert_eq!(twice, "0", "a take-off was ordered twice");
    // What was told of a command is still told, and no end has become another.
    let ends = ["succeeded", "failed", "rejected", "expired"];
    let all = told.0.borrow().clone();
    for (id, state) in all.iter().filter(|(_, state)| *state != "accepted") {
        let answer = site.get(&format!("/api/v1/commands/{id}")).await;
        assert_eq!(answer.status, 200, "round {round}: command {id} ({state}) is forgotten");
        let now = answer.json();
        if ends.contains(&state.as_str()) {
            let lost_outcome = now["state"] == "unknown";
            assert!(now["state"] == state.as_str() || lost_outcome, "{state} became {now}");
        }
    }
    let broken = sql(site, "select count(*) from pg_stat_database where checksum_failures > 0");
    assert_eq!(broken, "0", "the cluster is damaged");
}
