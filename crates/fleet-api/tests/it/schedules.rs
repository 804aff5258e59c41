//! Recurring missions over the API: what is asked is checked, seen by those who see the dock, and
//! changed by those who may fly there.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use fleet_api::{ScheduleError, Scheduling};
use fleet_types::{
    DeviceClass, Reason, ScheduleId, WallMs,
    people::{DEFAULT_SITE, Membership, SiteRole},
    schedule::{HandledTime, Occurrence, OccurrenceState, PlannedTime, Schedule, ScheduleStatus},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    people::Site,
    support::{DOCK, Tower, device, sn},
};

const NINE_MS: i64 = 1_795_564_800_000;

/// Keeps what it is given; every schedule flies at nine, and was skipped a day before.
#[derive(Default)]
pub(crate) struct Calendar(Mutex<BTreeMap<ScheduleId, ScheduleStatus>>);

impl Calendar {
    fn all(&self) -> MutexGuard<'_, BTreeMap<ScheduleId, ScheduleStatus>> {
        self.0.lock().unwrap()
    }
}

impl Scheduling for Calendar {
    fn list(&self) -> Result<Vec<ScheduleStatus>, ScheduleError> {
        Ok(self.all().values().cloned().collect())
    }

    fn preview(&self, schedule: &Schedule) -> Result<Vec<WallMs>, Reason> {
        match schedule.rrule.as_str() {
            "FREQ=NEVER" => Err(Reason::new("bad_schedule", "FREQ=NEVER is not offered")),
            _ => Ok(vec![WallMs(NINE_MS)]),
        }
    }

    fn planned(&self, _: WallMs, _: WallMs, _: usize) -> Result<Vec<PlannedTime>, ScheduleError> {
        let planned = |id: &ScheduleId| PlannedTime {
            schedule_id: *id,
            at_ms: WallMs(NINE_MS),
            until_ms: WallMs(NINE_MS + 600_000),
            skipped: None,
            conflicts: vec![Reason::new("overlap_time", "another mission is planned")],
        };
        Ok(self.all().keys().map(planned).collect())
    }

    fn put(
        &self,
        schedule: Schedule,
        is_new: bool,
        by: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>> {
        Box::pin(async move {
            self.preview(&schedule).map_err(ScheduleError::Bad)?;
            let id = schedule.schedule_id;
            assert_eq!(is_new, !self.all().contains_key(&id));
            assert_eq!(schedule.created_by, by);
            let status = ScheduleStatus {
                schedule,
                next_ms: Some(WallMs(NINE_MS)),
                upcoming: vec![WallMs(NINE_MS)],
                paused_by: None,
                latest: Vec::new(),
            };
            self.all().insert(id, status.clone());
            Ok(status)
        })
    }

    fn pause(
        &self,
        id: ScheduleId,
        pauses: bool,
        by: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>> {
        Box::pin(async move {
            let mut all = self.all();
            let status = all.get_mut(&id).ok_or(ScheduleError::Unknown)?;
            status.paused_by = pauses.then_some(by);
            Ok(status.clone())
        })
    }

    fn remove(&self, id: ScheduleId, _: String) -> BoxFuture<'_, Result<(), ScheduleError>> {
        let gone = self.all().remove(&id).map(drop).ok_or(ScheduleError::Unknown);
        Box::pin(async move { gone })
    }

    fn handled(
        &self,
        _: Option<Uuid>,
        from: WallMs,
        _: WallMs,
    ) -> BoxFuture<'_, Result<Vec<HandledTime>, ScheduleError>> {
        let handled = |status: &ScheduleStatus| HandledTime {
            schedule_id: status.schedule.schedule_id,
            name: status.schedule.name.clone(),
            sn: status.schedule.sn.clone(),
            occurrence: Occurrence {
                at_ms: WallMs(NINE_MS - 86_400_000),
                state: OccurrenceState::Skipped,
                mission_id: None,
                reason: Some(Reason::new("missed_window", "its time passed")),
            },
        };
        let found = self.all().values().map(handled).collect();
        Box::pin(async move {
            if from.0 == 13 {
                return Err(ScheduleError::Unavailable("planted".to_owned()));
            }
            Ok(found)
        })
    }
}

fn body(dock: &str, wayline: &str) -> Value {
    json!({
        "name": "morning round", "sn": dock, "wayline_id": wayline, "rth_altitude_m": 100,
        "lost_link_action": "return_home", "first": "2026-11-25T09:00:00",
        "rrule": "FREQ=DAILY", "blackouts": [{"from": "22:00", "until": "06:00"}],
    })
}

async fn wayline(tower: &Tower) -> String {
    super::waylines::uploaded(tower).await["wayline_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_schedule_is_made_shown_changed_paused_and_ended() {
    let tower = Tower::with_dock().await;
    let wayline = wayline(&tower).await;
    let made = tower.call("POST", "/api/v1/schedules", &body(DOCK, &wayline)).await.is(201);
    assert_eq!(made["schedule"]["zone"], "Asia/Seoul", "the site's: {made}");
    assert_eq!(made["schedule"]["created_by"], "token:api", "{made}");
    let id = made["schedule"]["schedule_id"].as_str().unwrap();
    let path = format!("/api/v1/schedules/{id}");
    assert_eq!(tower.get(&path).await.is(200), made);
    let paused = tower.call("POST", &format!("{path}/pause"), &Value::Null).await.is(200);
    assert_eq!(paused["paused_by"], "token:api");
    let on = tower.call("POST", &format!("{path}/resume"), &Value::Null).await.is(200);
    assert_eq!(on["paused_by"], Value::Null);
    let mut other = body(DOCK, &wayline);
    other["name"] = json!("evening round");
    let changed = tower.call("PUT", &path, &other).await.is(200);
    assert_eq!(changed["schedule"]["schedule_id"], id);
    let list = tower.get("/api/v1/schedules").await.is(200);
    assert_eq!(list["schedules"][0]["schedule"]["name"], "evening round");
    let span = format!("from_ms={}&until_ms={}", NINE_MS - 86_400_000, NINE_MS + 1);
    let times = tower.get(&format!("/api/v1/schedules/times?{span}")).await.is(200);
    assert_eq!(times["handled"][0]["reason"]["code"], "missed_window", "{times}");
    assert_eq!(times["handled"][0]["at_ms"], NINE_MS - 86_400_000, "{times}");
    assert_eq!(times["planned"][0]["conflicts"][0]["code"], "overlap_time");
    assert_eq!(times["schedules"][id]["sn"], DOCK);
    assert_eq!(tower.call("DELETE", &path, &Value::Null).await.status, 204);
    tower.get(&path).await.is_problem(404, "unknown_schedule");
    tower.call("DELETE", &path, &Value::Null).await.is_problem(404, "unknown_schedule");
    let did: Vec<_> = tower
        .audit
        .take()
        .into_iter()
        .filter(|entry| entry.action.starts_with("schedule."))
        .map(|entry| (entry.action.clone(), entry.sn.clone()))
        .collect();
    let expect = ["create", "pause", "resume", "change", "remove"];
    let expect = expect.map(|what| (format!("schedule.{what}"), Some(sn(DOCK))));
    assert_eq!(did[..5], expect);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_kept() {
    let tower = Tower::with_dock().await;
    let wayline = wayline(&tower).await;
    let ask = async |change: &dyn Fn(&mut Value)| {
        let mut body = body(DOCK, &wayline);
        change(&mut body);
        tower.call("POST", "/api/v1/schedules", &body).await
    };
    ask(&|body| body["rrule"] = json!("FREQ=NEVER")).await.is_problem(422, "bad_schedule");
    ask(&|body| body["name"] = json!(" ")).await.is_problem(422, "bad_input");
    ask(&|body| body["rth_altitude_m"] = json!(5)).await.is_problem(422, "bad_input");
    ask(&|body| body["rrule"] = json!("x".repeat(300))).await.is_problem(422, "bad_input");
    ask(&|body| body["extra"] = json!(1)).await.is_problem(422, "bad_input");
    ask(&|body| body["sn"] = json!("NOBODY")).await.is_problem(404, "unknown_device");
    let gone = json!(Uuid::nil());
    ask(&|body| body["wayline_id"] = gone.clone()).await.is_problem(404, "unknown_wayline");
    let list = tower.get("/api/v1/schedules").await.is(200);
    assert_eq!(list["schedules"], json!([]));
    let preview = "/api/v1/schedules/preview";
    let said = tower.call("POST", preview, &body(DOCK, &wayline)).await.is(200);
    assert_eq!(said["upcoming"], json!([NINE_MS]));
    let mut never = body(DOCK, &wayline);
    never["rrule"] = json!("FREQ=NEVER");
    tower.call("POST", preview, &never).await.is_problem(422, "bad_schedule");
    for span in ["from_ms=5&until_ms=5", "from_ms=0&until_ms=2678400001"] {
        let asked = tower.get(&format!("/api/v1/schedules/times?{span}")).await;
        asked.is_problem(422, "bad_input");
    }
    let away = tower.get("/api/v1/schedules/times?from_ms=13&until_ms=14").await;
    away.is_problem(503, "schedules_away");
    let id = Uuid::from_u128(9);
    for (verb, path) in [("PUT", format!("{id}")), ("POST", format!("{id}/pause"))] {
        let path = format!("/api/v1/schedules/{path}");
        let asked = tower.call(verb, &path, &body(DOCK, &wayline)).await;
        asked.is_problem(404, "unknown_schedule");
    }
}

#[tokio::test]
async fn another_site_s_schedules_are_neither_seen_nor_touched() {
    const NORTH: Uuid = Uuid::from_u128(7);
    let site = Site::start().await;
    let kim = site.person("kim@example.kr", &[]);
    site.change(|directory| {
        directory.sites.insert(DEFAULT_SITE, "South".to_owned());
        directory.sites.insert(NORTH, "North".to_owned());
        directory.devices.insert(sn("NORTH1"), NORTH);
        let at = |role| Membership { role, site_id: Some(NORTH) };
        let standing = directory.people.get_mut(&kim.account_id).unwrap();
        standing.memberships = [at(SiteRole::Viewer)].into();
    });
    for name in ["NORTH1", "SOUTH1"] {
        site.tower.bus.writer().try_write(device(name, DeviceClass::Dock)).unwrap();
    }
    let both = |body: &Value| body["devices"].as_array().unwrap().len() == 2;
    site.tower.until("/api/v1/devices", both).await;
    let wayline = wayline(&site.tower).await;
    let mut ids = Vec::new();
    for name in ["NORTH1", "SOUTH1"] {
        let made = site.tower.call("POST", "/api/v1/schedules", &body(name, &wayline)).await;
        ids.push(made.is(201)["schedule"]["schedule_id"].as_str().unwrap().to_owned());
    }
    let token = site.token("kim@example.kr").await;
    let list = site.get(&token, "/api/v1/schedules").await.is(200);
    assert_eq!(list["schedules"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["schedules"][0]["schedule"]["sn"], "NORTH1");
    let times = site.get(&token, "/api/v1/schedules/times?from_ms=0&until_ms=9").await.is(200);
    assert_eq!(times["handled"].as_array().unwrap().len(), 1, "{times}");
    assert_eq!(times["planned"].as_array().unwrap().len(), 1, "{times}");
    assert_eq!(times["schedules"].as_object().unwrap().len(), 1, "{times}");
    let south = format!("/api/v1/schedules/{}", ids[1]);
    site.get(&token, &south).await.is_problem(404, "unknown_schedule");
    // Of one's own site it is seen, and changed only by those who may.
    let north = format!("/api/v1/schedules/{}", ids[0]);
    site.get(&token, &north).await.is(200);
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    for (verb, path) in [("DELETE", north.clone()), ("POST", format!("{north}/pause"))] {
        let asked = site.tower.raw(verb, &path, &headers, Vec::new()).await;
        asked.is_problem(403, "right_missing");
    }
}

#[tokio::test]
async fn without_a_database_there_are_no_flights() {
    let tower = Tower::with_dock().await;
    tower.get("/api/v1/flights").await.is_problem(404, "no_flights_here");
    tower.get("/api/v1/flights?limit=0").await.is_problem(422, "bad_input");
    tower.get("/api/v1/flights?before=x").await.is_problem(422, "bad_input");
    let path = format!("/api/v1/flights/{}", Uuid::nil());
    tower.get(&path).await.is_problem(404, "no_flights_here");
    tower.get(&format!("{path}/series?points=1")).await.is_problem(422, "bad_input");
    tower.get(&format!("{path}/export?format=exe")).await.is_problem(422, "bad_input");
}
