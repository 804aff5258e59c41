//! Long absences: the database is gone for minutes under load, the disk is full.
//!
//! Only with `GWANJE_LONG=1`. Every load is on this machine, bounded, and ends with its test.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    database::sql,
    proc,
    raw_dock::{RawDock, now_ms},
    site::{Load, Site, run_within, until_within, wants_long},
};

/// Docks that report, and how often each does in a second: 2,000 messages.
const DOCKS: u32 = 40;
const REPORTS_A_SECOND: u64 = 50;
/// The database's absence.
const AWAY: Duration = Duration::from_mins(5);
/// Memory that the tower may take on while it is away: 32 MiB of rows, and queues.
const GROWTH_MAX_KB: u64 = 200 << 10;
/// Between two looks at the list; every dock was heard since the one before.
const LOOK: Duration = Duration::from_secs(10);
/// A dock that only stands there has a row at least this often, with room for a busy machine.
const ROW_EVERY_S: u32 = 30;
const PATIENCE: Duration = Duration::from_mins(5);

/// `GWANJE_AWAY_S`, for a shorter trial.
fn away() -> Duration {
    let seconds = std::env::var("GWANJE_AWAY_S").ok().map(|text| text.parse().unwrap());
    seconds.map_or(AWAY, Duration::from_secs)
}

/// Reports as fast as it is asked to, and a numbered event every second, until it is dropped.
async fn report(dock: &RawDock, said: &std::cell::Cell<u32>) {
    let mut ticks = interval(Duration::from_millis(1000 / REPORTS_A_SECOND));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for tick in 0.. {
        ticks.tick().await;
        let report = json!({
            "tid": "t", "bid": "b", "timestamp": now_ms(), "gateway": dock.sn,
            "data": {"mode_code": 0, "wind_speed": 2.0, "latitude": 37.25, "longitude": 127.5},
        });
        dock.report(report.to_string()).await;
        if tick % REPORTS_A_SECOND == 0 {
            let event = dock.envelope("numbered", &json!({ "number": said.get() }));
            let topic = format!("thing/product/{}/events", dock.sn);
            dock.hand_over(&topic, event.to_string()).await;
            said.set(said.get() + 1);
        }
    }
}

fn rss_kb(pid: u32) -> u64 {
    let text = proc::status(pid, "VmRSS:").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

async fn heard(site: &Site) -> BTreeMap<String, i64> {
    let page = site.get("/api/v1/devices").await.is(200);
    let devices = page["devices"].as_array().unwrap().iter();
    devices
        .filter_map(|device| {
            Some((device["sn"].as_str()?.to_owned(), device["last_heard_ms"].as_i64()?))
        })
        .collect()
}

#[test]
fn five_minutes_without_the_database_under_load_lose_nothing_that_was_promised() {
    if !wants_long() {
        return;
    }
    run_within(Duration::from_mins(30), Load::Heavy, async {
        let mut site = Site::start().await;
        let names: Vec<_> = (0..DOCKS).map(|index| format!("RAWLONG{index:06}")).collect();
        let mut docks = vec![];
        for sn in &names {
            docks.push(RawDock::enrol(&site, sn).await);
        }
        let said: Vec<_> = docks.iter().map(|_| std::cell::Cell::new(0)).collect();
        let load = join_all(docks.iter().zip(&said).map(|(dock, said)| report(dock, said)));
        let watch = async {
            // Everybody is heard before it begins.
            until_within(PATIENCE, "every dock to be heard", async || {
                let count = heard(&site).await.len();
                if count == DOCKS as usize { Ok(()) } else { Err(count.to_string()) }
            })
            .await;
            let received = site.metric("gwanje_messages_received", "").await;
            let began = Instant::now();
            let worst = without_database(&mut site).await;
            let rate = (site.metric("gwanje_messages_received", "").await - received)
                / began.elapsed().as_secs_f64();
            eprintln!("away for {:?}: {rate:.0} messages a second, {worst} kB more", away());
        };
        tokio::select! {
            biased;
            () = watch => {}
            _ = load => unreachable!("it reports for ever"),
        }
        stored(&site, &names, &said).await;
        assert_eq!(proc::threads(site.tower().unwrap()), 1);
    });
}

/// Takes the database away and gives it back; by how much the tower grew meanwhile, kB.
async fn without_database(site: &mut Site) -> u64 {
    let (database, tower) = (site.database().unwrap(), site.tower().unwrap());
    let before = rss_kb(tower);
    proc::signal(site.supervisor(), Signal::STOP);
    proc::signal(database, Signal::KILL);
    let end = Instant::now() + away();
    let mut worst = 0;
    let mut known = heard(site).await;
    while Instant::now() < end {
        sleep(LOOK).await;
        let now = heard(site).await;
        for (sn, at) in &known {
            assert!(now[sn] > *at, "{sn} was not heard for {LOOK:?}");
        }
        known = now;
        worst = worst.max(rss_kb(tower).saturating_sub(before));
        assert!(worst < GROWTH_MAX_KB, "the tower took {worst} kB");
    }
    proc::signal(site.supervisor(), Signal::CONT);
    worst
}

/// Every event once; a row of every dock often enough; nothing dropped.
async fn stored(site: &Site, names: &[String], said: &[std::cell::Cell<u32>]) {
    let page = site
        .until_within(PATIENCE, "everything to be written back", "/api/v1/system", |system| {
            system["store"]["ready"] == true
                && system["store"]["spooled_bytes"] == 0
                && system["store"]["events_waiting"] == 0
        })
        .await;
    assert_eq!(page["store"]["rows_dropped"], 0, "{page}");
    for (sn, said) in names.iter().zip(said) {
        let events = format!(
            "select count(*), count(distinct data->>'number') from events \
             where sn = '{sn}' and method = 'numbered'"
        );
        // The last one may have been cut short before the broker had it.
        until_within(PATIENCE, "every event to be stored", async || {
            let found = sql(site, &events);
            let all = [said.get(), said.get() - 1].map(|count| format!("{count}|{count}"));
            if all.contains(&found) { Ok(()) } else { Err(format!("{found} of {}", said.get())) }
        })
        .await;
        let gap = format!(
            "select coalesce(max(extract(epoch from at - before)), 0) < {ROW_EVERY_S} and count(*) > 1 \
             from (select at, lag(at) over (order by at) as before from telemetry \
             where sn = '{sn}') x"
        );
        assert_eq!(sql(site, &gap), "t", "{sn} has a gap");
    }
}

/// Takes all the room of a disk, down to the last page.
fn fill(site: &Site) -> std::path::PathBuf {
    let path = site.data_dir().join("filler");
    let mut file = File::create(&path).unwrap();
    for size in [1 << 20, 4 << 10] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

#[test]
fn a_full_disk_is_alarmed_and_what_was_acknowledged_is_there_when_it_has_room_again() {
    if !wants_long() {
        return;
    }
    run_within(Duration::from_mins(15), Load::Heavy, async {
        let mut site = Site::start_on_disk(300).await;
        let dock = RawDock::enrol(&site, "RAWDOCK00000013").await;
        let topic = format!("thing/product/{}/events", dock.sn);
        let mut said = vec![];
        let alarm = |page: &Value, is_up: bool| {
            let alarms = page["alarms"].as_array().unwrap().iter();
            let mut full = alarms.filter(|alarm| alarm["reason"]["code"] == "spool_full");
            full.any(|alarm| (alarm["state"] == "raised") == is_up)
        };
        for number in 0..300 {
            if number == 5 {
                fill(&site);
            }
            let data = json!({"number": number, "text": "x".repeat(30 << 10)});
            let event = dock.envelope("numbered", &data);
            said.push(event["tid"].as_str().unwrap().to_owned());
            dock.hand_over(&topic, event.to_string()).await;
            sleep(Duration::from_millis(20)).await;
        }
        site.until_within(PATIENCE, "the alarm", "/api/v1/alarms", |page| alarm(page, true)).await;
        let answered = dock.answered("events_reply").len();
        assert!(answered < said.len(), "a full disk keeps nothing");
        assert_eq!(proc::threads(site.tower().unwrap()), 1);
        std::fs::remove_file(site.data_dir().join("filler")).unwrap();

        until_within(PATIENCE, "every event to be acknowledged", async || {
            let answered = dock.answered("events_reply");
            let missing = said.iter().filter(|tid| !answered.contains(tid)).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} are not")) }
        })
        .await;
        site.until_within(PATIENCE, "the site to be ready", "/readyz", |_| true).await;
        site.until_within(PATIENCE, "the alarm's end", "/api/v1/alarms", |page| alarm(page, false))
            .await;
        let count = "select count(*), count(distinct data->>'number') from events \
                     where method = 'numbered'";
        until_within(PATIENCE, "every event to be stored", async || match sql(&site, count) {
            all if all == format!("{0}|{0}", said.len()) => Ok(()),
            some => Err(some),
        })
        .await;
    });
}
