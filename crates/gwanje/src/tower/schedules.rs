//! Recurring missions in the tower: what `fleet_core::schedule` says is due is put on record, asked of its
//! dock, and its answer put on record; what people say of schedules goes the other way.
//!
//! A time is on record, with the id of its mission, before that mission is asked for; without the record
//! nothing is asked. The same time asked again, after a restart or because the answer was lost, has the
//! same id and the same key, and a dock's machine knows both: it answers and does nothing. Nothing is
//! decided here. Without a database there are no schedules. Read next: `docs/adr/0025-schedules.md`.

mod asked;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fleet_api::{AuditLog, ScheduleError, Scheduling, Waylines};
use fleet_bus::{Bus, Full, Writer};
use fleet_core::{
    preflight::say,
    schedule::{Effect, Kept, Schedules},
};
use fleet_store::{
    Database, StoreError,
    schedules::{self as stored, StoredSchedule},
};
use fleet_types::{
    DeviceSn, MissionId, MissionPlan, MissionRequest, MissionStatus, Reason, ScheduleId, WallMs,
    plan::{MissionAction, MissionControl, MissionStart},
    schedule::{HandledTime, OccurrenceState, PlannedTime, Schedule, ScheduleStatus},
};
use futures_util::future::BoxFuture;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

use self::asked::{Answer, Asked};
use super::{
    clock,
    planner::{PlannedFlight, Planner},
    recovery::DatabaseView,
};

/// Samples taken before other tasks get their turn.
const BATCH: usize = 64;
/// The wall clock may jump: what is due is looked at this often at least.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Until the database was read. Whoever asks by then is told to try again.
const LOOK_FIRST: Duration = Duration::from_millis(100);
/// Pause after the database did not do it.
const AGAIN: Duration = Duration::from_secs(1);
/// Later than this before its time nothing is asked for any more.
const TOO_LATE_MS: i64 = 30_000;
/// Times in one list of the past.
const HANDLED_MAX: u16 = 2_000;

/// All schedules of this tower.
pub(super) struct Scheduler {
    view: Option<DatabaseView>,
    waylines: Waylines,
    bus: Bus,
    planner: Arc<Planner>,
    audit: Arc<dyn AuditLog>,
    /// None until they were read.
    schedules: Mutex<Option<Schedules>>,
    /// Whoever changes one changes it in the database and here together.
    changing: tokio::sync::Mutex<()>,
    changed: Notify,
}

fn wall() -> WallMs {
    clock::now().wall
}

impl Scheduler {
    /// Of this database; without one there are none.
    pub(super) fn new(
        view: Option<DatabaseView>,
        waylines: Waylines,
        bus: Bus,
        planner: Arc<Planner>,
        audit: Arc<dyn AuditLog>,
    ) -> Self {
        Self {
            view,
            waylines,
            bus,
            planner,
            audit,
            schedules: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Reads them, and makes missions of them for ever.
    pub(super) async fn run(self: Arc<Self>) {
        let Some(view) = &self.view else { return };
        // By then the journal was read, the spool's part of it too: what is not in it was never made.
        while !view.is_ready() {
            sleep(LOOK_FIRST).await;
        }
        let read = loop {
            match stored::load(&view.database()).await {
                Ok(read) => break read,
                Err(error) => {
                    tracing::error!(%error, "recurring missions cannot be read");
                    sleep(AGAIN).await;
                }
            }
        };
        self.take_up(read);
        let mut work = Work {
            missions: self.bus.reader::<MissionStatus>(),
            requests: self.bus.writer(),
            database: view.database(),
            to_do: VecDeque::new(),
            asked: Asked::default(),
            scheduler: &self,
        };
        work.run().await;
    }

    fn take_up(&self, read: Vec<StoredSchedule>) {
        let mut schedules = Schedules::default();
        let count = read.len();
        for StoredSchedule { schedule, handled_ms, paused_by, latest } in read {
            let (schedule_id, name) = (schedule.schedule_id, schedule.name.clone());
            if let Err(reason) = schedules.take(Kept { schedule, handled_ms, latest, paused_by }) {
                let why = reason.message;
                tracing::error!(%schedule_id, name, %why, "a recurring mission is not taken up");
            }
        }
        tracing::info!(count, "recurring missions were read");
        *self.schedules() = Some(schedules);
    }

    fn schedules(&self) -> MutexGuard<'_, Option<Schedules>> {
        self.schedules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Schedules) -> T) -> Result<T, ScheduleError> {
        let mut held = self.schedules();
        match (held.as_mut(), &self.view) {
            (Some(schedules), _) => Ok(look(schedules)),
            (None, Some(_)) => {
                Err(ScheduleError::Unavailable("the database was not read yet".to_owned()))
            }
            (None, None) => Err(ScheduleError::Unavailable(
                "this tower has no database, and without one they would not be flown once"
                    .to_owned(),
            )),
        }
    }

    fn database(&self) -> Result<Database, ScheduleError> {
        let view = self.view.as_ref();
        match view.map(|view| (view.check(), view.database())) {
            Some(((true, _), database)) if database.is_writable() => Ok(database),
            Some(((true, _), _)) => {
                Err(ScheduleError::Unavailable("the database cannot be written".to_owned()))
            }
            Some(((false, why), _)) => Err(ScheduleError::Unavailable(why)),
            None => Err(ScheduleError::Unavailable("this tower has no database".to_owned())),
        }
    }

    /// Why nothing is asked for a schedule any more: it is paused, or gone.
    fn stopped(&self, id: ScheduleId) -> Option<Reason> {
        match self.with(|schedules| schedules.status(id)).ok().flatten() {
            None => Some(say(
                "unknown_schedule",
                "The schedule was ended.",
                "반복 임무가 삭제되었습니다.",
            )),
            Some(status) => status.paused_by.map(|by| {
                say(
                    "schedule_paused",
                    format!("The schedule is paused by {by}."),
                    format!("{by} 님이 반복 임무를 일시 정지했습니다."),
                )
            }),
        }
    }

    /// Cancels missions that wait for their time.
    fn cancel(&self, sn: &DeviceSn, missions: Vec<MissionId>, by: &str) {
        let writer = self.bus.writer::<MissionControl>();
        for mission_id in missions {
            let control = MissionControl {
                mission_id,
                sn: sn.clone(),
                action: MissionAction::Cancel,
                issued_by: by.to_owned(),
            };
            if let Err(Full(lost)) = writer.try_write(control) {
                tracing::error!(mission_id = %lost.mission_id, "a mission of a schedule was not cancelled: the bus is full");
            }
        }
    }

    /// The mission of a time, or why there can be none.
    fn request(
        &self,
        schedule: &Schedule,
        at: WallMs,
        mission_id: MissionId,
    ) -> Result<MissionRequest, Reason> {
        let id = schedule.wayline_id;
        let (Some(wayline), Some(resource)) =
            (self.waylines.wayline(id), self.waylines.resource(id))
        else {
            return Err(file_gone());
        };
        asked::request(schedule, at, mission_id, &wayline, resource)
    }
}

fn file_gone() -> Reason {
    say(
        "unknown_wayline",
        "Its wayline file is not kept any more: upload it again and choose it in the schedule.",
        "웨이라인 파일이 더 이상 없습니다. 다시 올리고 반복 임무에서 고르십시오.",
    )
}

fn unavailable(error: &StoreError) -> ScheduleError {
    ScheduleError::Unavailable(error.to_string())
}

impl Scheduling for Scheduler {
    fn list(&self) -> Result<Vec<ScheduleStatus>, ScheduleError> {
        if self.view.is_none() {
            return Ok(Vec::new());
        }
        self.with(|schedules| schedules.statuses())
    }

    fn preview(&self, schedule: &Schedule) -> Result<Vec<WallMs>, Reason> {
        let mut schedules = Schedules::default();
        schedules.add(wall(), schedule.clone())?;
        Ok(schedules.statuses().into_iter().flat_map(|status| status.upcoming).collect())
    }

    fn planned(
        &self,
        from: WallMs,
        until: WallMs,
        max: usize,
    ) -> Result<Vec<PlannedTime>, ScheduleError> {
        let mut planned: Vec<_> = self.with(|schedules| {
            let found = schedules.planned(from, until, max).into_iter();
            found.map(|time| (time.schedule.clone(), time.at, time.skipped)).collect()
        })?;
        planned.sort_by_key(|(schedule, at, _)| (*at, schedule.schedule_id));
        let flights: Vec<_> = planned
            .iter()
            .filter(|(_, _, skipped)| skipped.is_none())
            .map(|(schedule, at, _)| PlannedFlight {
                sn: schedule.sn.clone(),
                rth_altitude_m: schedule.rth_altitude_m,
                plan: MissionPlan {
                    start: MissionStart::Timed { execute_ms: *at },
                    flight_box: self
                        .waylines
                        .wayline(schedule.wayline_id)
                        .and_then(|wayline| wayline.summary.flight_box),
                    ..MissionPlan::default()
                },
            })
            .collect();
        let mut found = self.planner.among(&flights).into_iter();
        let mut time = |(schedule, at_ms, skipped): (Schedule, WallMs, Option<Reason>)| {
            let (until_ms, conflicts) = match skipped {
                None => found.next().unwrap_or((at_ms, Vec::new())),
                Some(_) => (at_ms, Vec::new()),
            };
            let is_gone = self.waylines.wayline(schedule.wayline_id).is_none();
            let skipped = skipped.or_else(|| is_gone.then(file_gone));
            let schedule_id = schedule.schedule_id;
            PlannedTime { schedule_id, at_ms, until_ms, skipped, conflicts }
        };
        Ok(planned.into_iter().map(&mut time).collect())
    }

    fn put(
        &self,
        schedule: Schedule,
        is_new: bool,
        by: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>> {
        Box::pin(async move {
            let _turn = self.changing.lock().await;
            let database = self.database()?;
            let (id, now) = (schedule.schedule_id, wall());
            // What is wrong with it is found before anything is kept.
            let before = self.with(|schedules| schedules.kept_of(id))?;
            if before.is_none() && !is_new {
                return Err(ScheduleError::Unknown);
            }
            let mut schedule = schedule;
            if let Some(before) = &before {
                schedule.created_by.clone_from(&before.schedule.created_by);
            }
            Schedules::default().add(now, schedule.clone()).map_err(ScheduleError::Bad)?;
            let kept = StoredSchedule {
                schedule: schedule.clone(),
                handled_ms: before.as_ref().map_or(now, |kept| kept.handled_ms.max(now)),
                paused_by: before.and_then(|kept| kept.paused_by),
                latest: Vec::new(),
            };
            stored::put(&database, &kept, &by).await.map_err(|error| unavailable(&error))?;
            let done = self.with(|schedules| {
                if is_new { schedules.add(now, schedule) } else { schedules.change(now, schedule) }
            })?;
            done.map_err(ScheduleError::Bad)?;
            self.changed.notify_one();
            self.with(|schedules| schedules.status(id))?.ok_or(ScheduleError::Unknown)
        })
    }

    fn pause(
        &self,
        id: ScheduleId,
        pauses: bool,
        by: String,
    ) -> BoxFuture<'_, Result<ScheduleStatus, ScheduleError>> {
        Box::pin(async move {
            let _turn = self.changing.lock().await;
            let database = self.database()?;
            let Some(Kept { schedule, handled_ms, .. }) =
                self.with(|schedules| schedules.kept_of(id))?
            else {
                return Err(ScheduleError::Unknown);
            };
            let paused_by = pauses.then(|| by.clone());
            // In force here before it is written: what is paused makes no mission from now on, and is
            // paused all the same when the database does not take it.
            let (sn, now) = (schedule.sn.clone(), wall());
            if pauses {
                self.with(|schedules| schedules.pause(id, paused_by.clone()).ok())?;
            }
            let kept = StoredSchedule {
                schedule,
                handled_ms,
                paused_by: paused_by.clone(),
                latest: Vec::new(),
            };
            stored::put(&database, &kept, &by).await.map_err(|error| unavailable(&error))?;
            self.with(|schedules| schedules.pause(id, paused_by).ok())?;
            if pauses {
                let waiting = self.with(|schedules| schedules.waiting(now, id))?;
                self.cancel(&sn, waiting, &by);
            }
            self.changed.notify_one();
            self.with(|schedules| schedules.status(id))?.ok_or(ScheduleError::Unknown)
        })
    }

    fn remove(&self, id: ScheduleId, by: String) -> BoxFuture<'_, Result<(), ScheduleError>> {
        Box::pin(async move {
            let _turn = self.changing.lock().await;
            let database = self.database()?;
            let waiting = self.with(|schedules| schedules.waiting(wall(), id))?;
            stored::remove(&database, id).await.map_err(|error| unavailable(&error))?;
            let gone = self.with(|schedules| schedules.remove(id))?;
            let gone = gone.ok_or(ScheduleError::Unknown)?;
            self.cancel(&gone.sn, waiting, &by);
            Ok(())
        })
    }

    fn handled(
        &self,
        person: Option<Uuid>,
        from: WallMs,
        until: WallMs,
    ) -> BoxFuture<'_, Result<Vec<HandledTime>, ScheduleError>> {
        Box::pin(async move {
            let database = self.database()?;
            let found = stored::times(&database, person, from, until, HANDLED_MAX).await;
            found.map_err(|error| unavailable(&error))
        })
    }
}

/// What is under way.
struct Work<'a> {
    scheduler: &'a Scheduler,
    missions: fleet_bus::Reader<MissionStatus>,
    requests: Writer<MissionRequest>,
    database: Database,
    /// What has to be put on record, in order.
    to_do: VecDeque<ToDo>,
    asked: Asked,
}

enum ToDo {
    Fly { schedule: Box<Schedule>, at: WallMs, is_again: bool },
    Settle { schedule: Box<Schedule>, at: WallMs, state: OccurrenceState, reason: Option<Reason> },
}

impl Work<'_> {
    async fn run(&mut self) {
        loop {
            let now = wall();
            self.look(now);
            let failed = self.carry_out().await;
            self.ask(now);
            let pause = if failed { AGAIN } else { self.pause(now) };
            tokio::select! {
                biased;
                batch = self.missions.take(BATCH) => {
                    for status in batch {
                        if let Some(answer) = self.asked.heard(&status) {
                            self.answered(answer);
                        }
                    }
                }
                () = self.scheduler.changed.notified() => {}
                () = sleep_until(Instant::now() + pause) => {}
            }
        }
    }

    fn pause(&self, now: WallMs) -> Duration {
        let due = self.scheduler.with(|schedules| schedules.due()).ok().flatten();
        let ms = due.map_or(i64::MAX, |due| due.since_ms(now)).max(0);
        LOOK_AGAIN.min(Duration::from_millis(ms.unsigned_abs()).max(Duration::from_millis(20)))
    }

    /// Takes in what is due.
    fn look(&mut self, now: WallMs) {
        let effects = self.scheduler.with(|schedules| schedules.look(now)).unwrap_or_default();
        for effect in effects {
            self.to_do.extend(match effect {
                Effect::Fly { schedule, at_ms, is_again } => {
                    Some(ToDo::Fly { schedule, at: at_ms, is_again })
                }
                Effect::Skipped { schedule, at_ms, reason } => Some(ToDo::Settle {
                    schedule,
                    at: at_ms,
                    state: OccurrenceState::Skipped,
                    reason: Some(reason),
                }),
                // Every effect is put on record by itself.
                Effect::Changed => None,
            });
        }
    }

    /// Puts on record what is to be; true when the database does not take it now.
    async fn carry_out(&mut self) -> bool {
        while let Some(next) = self.to_do.pop_front() {
            let done = match &next {
                ToDo::Fly { schedule, at, is_again } => self.claim(schedule, *at, *is_again).await,
                ToDo::Settle { schedule, at, state, reason } => {
                    stored::settle(&self.database, schedule, *at, *state, reason.as_ref()).await
                }
            };
            let Err(error) = done else { continue };
            if !error.is_passing() {
                tracing::error!(%error, "a time of a recurring mission cannot be put on record");
            }
            match next {
                // It is not flown without its record, and not late.
                ToDo::Fly { schedule, at, .. } if at.since_ms(wall()) <= TOO_LATE_MS => {
                    let reason = say(
                        "journal_down",
                        "The database was away before its time: without its record it is not flown.",
                        "시간 전에 데이터베이스가 끊겼습니다. 기록 없이 비행하지 않습니다.",
                    );
                    self.skip(schedule, at, reason);
                }
                again @ (ToDo::Fly { .. } | ToDo::Settle { .. }) => self.to_do.push_front(again),
            }
            return true;
        }
        false
    }

    fn skip(&mut self, schedule: Box<Schedule>, at: WallMs, reason: Reason) {
        let id = schedule.schedule_id;
        let _ = self.scheduler.with(|schedules| schedules.skip(id, at, reason.clone()));
        let (state, reason) = (OccurrenceState::Skipped, Some(reason));
        self.to_do.push_back(ToDo::Settle { schedule, at, state, reason });
    }

    /// Puts a time on record, and asks for its mission if it is ours to ask.
    async fn claim(
        &mut self,
        schedule: &Schedule,
        at: WallMs,
        is_again: bool,
    ) -> Result<(), StoreError> {
        let fresh = MissionId(Uuid::now_v7());
        let claimed = stored::claim(&self.database, schedule, at, fresh).await?;
        let id = schedule.schedule_id;
        let (mission_id, is_ours) = match claimed {
            // Removed meanwhile.
            None => return Ok(()),
            Some(claimed) => match (claimed.state, claimed.mission_id) {
                (OccurrenceState::Asked, Some(mission_id)) => {
                    (mission_id, claimed.is_new || is_again)
                }
                (OccurrenceState::Made, Some(mission_id)) => (mission_id, false),
                (state, _) => {
                    tracing::warn!(schedule_id = %id, ?state, "a time was settled by somebody else");
                    let reason = say(
                        "handled_elsewhere",
                        "Another tower saw to this time.",
                        "다른 관제탑이 이 시각을 처리했습니다.",
                    );
                    let _ = self.scheduler.with(|schedules| schedules.skip(id, at, reason));
                    return Ok(());
                }
            },
        };
        // Paused or removed while it was put on record: it is settled, and nothing is asked.
        if is_ours && let Some(reason) = self.scheduler.stopped(id) {
            self.skip(Box::new(schedule.clone()), at, reason);
            return Ok(());
        }
        if is_ours {
            self.asked.put(schedule.clone(), at, mission_id);
        } else {
            let _ = self.scheduler.with(|schedules| schedules.made(id, at, Ok(mission_id)));
        }
        Ok(())
    }

    /// Asks for missions that were not answered for.
    fn ask(&mut self, now: WallMs) {
        for due in self.asked.due(now) {
            let (schedule, at, mission_id) = due;
            let stopped = self.scheduler.stopped(schedule.schedule_id).map_or(Ok(()), Err);
            match stopped.and_then(|()| self.scheduler.request(&schedule, at, mission_id)) {
                Ok(request) => {
                    tracing::info!(schedule_id = %schedule.schedule_id, %mission_id, device.sn = %schedule.sn, at_ms = at.0, "a recurring mission is asked for");
                    // A full bus is tried again with the next look.
                    if self.requests.try_write(request).is_err() {
                        self.asked.not_sent(mission_id);
                    }
                }
                Err(reason) => {
                    if let Some(answer) = self.asked.refuse(mission_id, reason) {
                        self.answered(answer);
                    }
                }
            }
        }
        for answer in self.asked.given_up(now) {
            self.answered(answer);
        }
    }

    /// A dock's machine has said what becomes of a time.
    fn answered(&mut self, Answer { schedule, at, made }: Answer) {
        let id = schedule.schedule_id;
        // Paused or removed while the dock's machine was asked: whoever did it meant this one too.
        if let (Ok(mission_id), Some(reason)) = (&made, self.scheduler.stopped(id)) {
            tracing::info!(schedule_id = %id, %mission_id, why = %reason.message, "its mission is cancelled");
            self.scheduler.cancel(&schedule.sn, vec![*mission_id], &asked::who(&schedule));
        }
        self.scheduler.audit.append(asked::entry(&schedule, at, &made), Box::new(drop));
        let (state, reason) = match &made {
            Ok(_) => (OccurrenceState::Made, None),
            Err(reason) => (OccurrenceState::Refused, Some(reason.clone())),
        };
        let _ = self.scheduler.with(|schedules| schedules.made(id, at, made));
        self.to_do.push_back(ToDo::Settle { schedule, at, state, reason });
    }
}
