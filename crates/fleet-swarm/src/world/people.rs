//! The people: what they ask for, how often they click, and what they settle.

use std::collections::BTreeMap;

use fastrand::Rng;
use fleet_core::io::Input;
use fleet_sim::model::{FlightEnd, Outcome};
use fleet_types::{
    CommandId, CommandRequest, CommandState, CommandStatus, IdempotencyKey, MissionId,
    MissionRequest, MissionState, MissionStatus, RequestId, Role, TraceId, WallMs,
    command::{Resolution, ResolvedOutcome, Subject},
    id::WaylineId,
    mission::LostLinkAction,
    plan::{BreakPoint, MissionPlan, MissionStart, ReadyConditions},
    preflight::{DockNotice, DockSaying, PreflightItem, PreflightOverride},
};
use serde_json::Value;
use uuid::Uuid;

use super::World;
use crate::facts::{Cause, Fact};
use crate::plan::{Plan, mix};
use crate::queue::{Event, Ms};

/// How long after the end of a command's life somebody may say what became of it: what is still on
/// its way by then is lost.
const SETTLE_AFTER_MS: i64 = 35_000;

/// Something a person wants.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    dock: usize,
    what: What,
    key: IdempotencyKey,
    expires_in_ms: u64,
    plan: MissionPlan,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Mission,
    Command(&'static str),
}

/// DJI's code in a break point for a flight that an obstacle stopped.
const OBSTACLE: i64 = 517;

/// Everybody who asks for things.
pub(super) struct People {
    rng: Rng,
    twice: f64,
    settle: f64,
    wishes: Vec<Wish>,
    /// By dock, what was told last of what somebody may have to settle.
    commands: BTreeMap<CommandId, (usize, SeenCommand)>,
    missions: BTreeMap<MissionId, (usize, SeenMission)>,
}

/// A command as a person sees it in the list of what is unknown.
struct SeenCommand {
    state: CommandState,
    is_of_mission: bool,
    expires_ms: WallMs,
}

/// A mission as a person sees it.
struct SeenMission {
    state: MissionState,
    accepted_ms: WallMs,
}

impl People {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            rng: Rng::with_seed(mix(plan.seed, 0x9E0)),
            twice: plan.people.twice,
            settle: plan.people.settle,
            wishes: Vec::new(),
            commands: BTreeMap::new(),
            missions: BTreeMap::new(),
        }
    }

    pub(super) fn told_command(&mut self, dock: usize, status: &CommandStatus) {
        let (state, expires_ms) = (status.state, status.expires_ms);
        let is_of_mission = status.mission_id.is_some();
        let seen = SeenCommand { state, is_of_mission, expires_ms };
        self.commands.insert(status.command_id, (dock, seen));
    }

    pub(super) fn told_mission(&mut self, dock: usize, status: &MissionStatus) {
        let (state, accepted_ms) = (status.state, status.accepted_ms);
        self.missions.insert(status.mission_id, (dock, SeenMission { state, accepted_ms }));
    }

    fn uuid(&mut self) -> Uuid {
        let bits = (self.rng.u128(..) & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        Uuid::from_u128(bits)
    }
}

impl World {
    /// Somebody sits down at the console of a dock and does one thing or a few.
    pub(super) fn person(&mut self, dock: usize) {
        if self.is_healed {
            return;
        }
        self.speak(dock);
        let pace = self.people.rng.u64(600..5_000);
        let script: &[(Ms, What)] = match self.people.rng.u8(0..20) {
            0..9 => &[(0, What::Mission)],
            9 | 10 => &[
                (0, What::Mission),
                (4, What::Command("flighttask_pause")),
                (6, What::Command("flighttask_recovery")),
            ],
            11 | 12 => &[(0, What::Mission), (5, What::Command("return_home"))],
            13 | 14 => &[
                (0, What::Command("debug_mode_open")),
                (2, What::Command("cover_open")),
                (4, What::Command("cover_close")),
                (6, What::Command("debug_mode_close")),
            ],
            15 => &[
                (0, What::Command("debug_mode_open")),
                (2, What::Command("supplement_light_open")),
                (3, What::Command("supplement_light_close")),
                (4, What::Command("debug_mode_close")),
            ],
            16 => &[(0, What::Command("return_home")), (1, What::Command("flighttask_pause"))],
            17 => &[(0, What::Command("cover_close")), (1, What::Mission)],
            18 => &[(0, What::Command("debug_mode_open")), (2, What::Command("cover_close"))],
            _ => &[(0, What::Command("debug_mode_close"))],
        };
        for (steps, what) in script {
            let at = self.now + steps * pace;
            let plan = match what {
                What::Mission => self.plan_of_flight(at, dock),
                What::Command(_) => MissionPlan::default(),
            };
            self.wish(at, dock, *what, plan);
        }
        self.after_about(self.plan.people.every_ms, Event::Person(dock));
    }

    /// Now and then somebody lets flights go in spite of weather or battery, or takes that back; not
    /// everybody may.
    fn speak(&mut self, dock: usize) {
        let rng = &mut self.people.rng;
        let items = [PreflightItem::Battery, PreflightItem::Wind, PreflightItem::Rain];
        let (says, item) = (rng.u8(..), items[rng.usize(0..items.len())]);
        let roles = [Role::Operator, Role::Supervisor, Role::Supervisor, Role::Admin];
        let (role, life_ms) = (roles[rng.usize(0..roles.len())], rng.i64(1_000..60_000));
        let tower = self.commander(dock).filter(|tower| self.is_owner(*tower, dock));
        let Some(tower) = tower.filter(|_| says < 70) else { return };
        let by = "operator".to_owned();
        let saying = if says < 15 {
            DockSaying::Withdraw(item)
        } else {
            let expires_ms = WallMs(self.towers[tower].now(self.now).wall.0 + life_ms);
            let note = "looked at the sky".to_owned();
            let by = by.clone();
            DockSaying::Override(PreflightOverride { item, by, role, note, expires_ms })
        };
        let (sn, request_id) = (self.sites[dock].sn.clone(), RequestId(self.people.uuid()));
        let notice = DockNotice { sn, saying, by, request_id };
        self.count("words on the gate");
        self.trace
            .line(self.now, || format!("person → tower {tower}: dock {dock} {:?}", notice.saying));
        self.note(&Fact::Said { dock, notice: &notice });
        self.feed(tower, dock, Cause::Request, Input::Notice(notice));
    }

    /// At once, at a time, on conditions, or from where a flight broke off.
    fn plan_of_flight(&mut self, at: Ms, dock: usize) -> MissionPlan {
        let tower = &self.towers[self.commander(dock).unwrap_or(dock % self.towers.len())];
        let wall = |at: Ms| tower.now(at).wall;
        let rng = &mut self.people.rng;
        let start = match rng.u8(0..10) {
            0..6 => MissionStart::Immediate,
            6 | 7 => MissionStart::Timed { execute_ms: wall(at + rng.u64(2_000..40_000)) },
            // Wind near what there is on most days: a condition that holds when the dock says that it
            // is ready, and not when the order is to leave, is what they are there for.
            _ => MissionStart::Conditional(ReadyConditions {
                battery_percent: rng.u8(30..80),
                begin_ms: wall(at),
                end_ms: wall(at + rng.u64(5_000..45_000)),
                wind_max_dmps: rng.bool().then(|| rng.u16(15..90)),
                rain_max: Some(0),
                link_min: None,
                storage_min_mb: None,
            }),
        };
        let break_point = (rng.u8(..) < 20).then(|| BreakPoint {
            index: 1,
            state: 0,
            progress: 0.5,
            wayline_id: 0,
            break_reason: rng.bool().then_some(OBSTACLE),
            latitude: None,
            longitude: None,
            height_m: None,
        });
        MissionPlan { start, break_point, ..MissionPlan::default() }
    }

    fn wish(&mut self, at: Ms, dock: usize, what: What, plan: MissionPlan) {
        let index = self.people.wishes.len();
        let text = format!("wish-{index}");
        let Ok(key) = IdempotencyKey::new(&text) else { return };
        let rng = &mut self.people.rng;
        let expires_in_ms = rng.u64(3_000..30_000);
        let again = (rng.f64() < self.people.twice).then(|| rng.u64(30..6_000));
        self.people.wishes.push(Wish { dock, what, key, expires_in_ms, plan });
        self.queue.push(at, Event::Ask(index));
        if let Some(again) = again {
            self.queue.push(at + again, Event::Ask(index));
        }
    }

    pub(super) fn ask(&mut self, index: usize) {
        let Some(wish) = self.people.wishes.get(index).cloned() else { return };
        let Some(tower) = self.commander(wish.dock) else {
            return self.count("requests while no tower was there");
        };
        match wish.what {
            What::Mission => self.ask_mission(tower, &wish),
            What::Command(method) => self.ask_command(tower, &wish, method),
        }
    }

    fn ask_command(&mut self, tower: usize, wish: &Wish, method: &'static str) {
        let people = &mut self.people;
        let request = CommandRequest {
            command_id: CommandId(people.uuid()),
            trace_id: TraceId(people.uuid()),
            request_id: RequestId(people.uuid()),
            sn: self.sites[wish.dock].sn.clone(),
            method: method.to_owned(),
            data: Value::Null,
            idempotency_key: wish.key.clone(),
            expires_in_ms: wish.expires_in_ms,
            issued_by: "operator".to_owned(),
        };
        self.count("commands asked for");
        let dock = wish.dock;
        self.trace.line(self.now, || {
            format!("person → tower {tower}: dock {dock} {method} ({})", wish.key.as_str())
        });
        self.note(&Fact::AskedCommand { tower, dock, request: &request });
        self.feed(tower, dock, Cause::Request, Input::Command(request));
    }

    fn ask_mission(&mut self, tower: usize, wish: &Wish) {
        let people = &mut self.people;
        let request = MissionRequest {
            mission_id: MissionId(people.uuid()),
            trace_id: TraceId(people.uuid()),
            request_id: RequestId(people.uuid()),
            sn: self.sites[wish.dock].sn.clone(),
            wayline_id: WaylineId(people.uuid()),
            wayline_name: "survey".to_owned(),
            waypoint_count: 3,
            file_url: "https://tower.site/waylines/survey".to_owned(),
            file_md5: self.kit.md5.clone(),
            rth_altitude_m: 40,
            lost_link_action: LostLinkAction::ReturnHome,
            exit_wayline_when_link_lost: false,
            idempotency_key: wish.key.clone(),
            expires_in_ms: wish.expires_in_ms,
            issued_by: "operator".to_owned(),
            plan: wish.plan.clone(),
        };
        self.count("missions asked for");
        let dock = wish.dock;
        self.trace.line(self.now, || {
            format!("person → tower {tower}: dock {dock} fly a mission ({})", wish.key.as_str())
        });
        self.note(&Fact::AskedMission { tower, dock, request: &request });
        self.feed(tower, dock, Cause::Request, Input::Mission(request));
    }

    /// Somebody goes through the list of what is unknown, looks at the site, and says what they saw.
    pub(super) fn look_after(&mut self) {
        // What is ordered at the end of the world would not be over by then.
        if self.now + 25_000 < self.plan.end_at {
            self.queue.push(self.now + 5_000, Event::LookAfter);
        }
        if self.people.settle <= 0.0 {
            return;
        }
        for (dock, subject, outcome) in self.seen() {
            if self.people.rng.f64() >= self.people.settle {
                continue;
            }
            let resolution = Resolution {
                subject,
                sn: self.sites[dock].sn.clone(),
                outcome,
                note: "seen on site".to_owned(),
                resolved_by: "operator".to_owned(),
            };
            let tower = self.commander(dock);
            let Some(tower) = tower.filter(|tower| self.is_owner(*tower, dock)) else { continue };
            self.count("unknown outcomes settled by a person");
            self.trace.line(self.now, || {
                format!("person → tower {tower}: dock {dock} {subject:?} is {outcome:?}")
            });
            self.note(&Fact::Settled { dock, resolution: &resolution });
            self.feed(tower, dock, Cause::Resolution, Input::Resolve(resolution));
        }
    }

    /// What is listed as unknown and can be seen to be over.
    fn seen(&self) -> Vec<(usize, Subject, ResolvedOutcome)> {
        let wall_ms = crate::plan::EPOCH_MS.saturating_add_unsigned(self.now);
        let word =
            |did: bool| if did { ResolvedOutcome::Succeeded } else { ResolvedOutcome::Failed };
        let mut seen = Vec::new();
        for (command_id, (dock, status)) in &self.people.commands {
            let is_over = wall_ms - status.expires_ms.0 > SETTLE_AFTER_MS;
            // A mission's orders are settled with their mission.
            if status.state == CommandState::Unknown && !status.is_of_mission && is_over {
                let tid = command_id.to_string();
                let mut records = self.sites[*dock].model.ground_truth().records();
                let did =
                    records.any(|record| record.tid == tid && record.outcome == Outcome::Executed);
                seen.push((*dock, Subject::Command(*command_id), word(did)));
            }
        }
        for (mission_id, (dock, status)) in &self.people.missions {
            let has_taken_off = match status.state {
                MissionState::Executing
                | MissionState::Paused
                | MissionState::Hovering
                | MissionState::Unknown => true,
                MissionState::Scheduled
                | MissionState::Preparing
                | MissionState::Prepared
                | MissionState::Ready
                | MissionState::Starting
                | MissionState::Ended => false,
            };
            if !has_taken_off {
                continue;
            }
            let truth = self.sites[*dock].model.ground_truth();
            let flight = truth.flight(&mission_id.to_string());
            let is_late = wall_ms - status.accepted_ms.0 > SETTLE_AFTER_MS + 35_000;
            let ended = flight.and_then(|flight| flight.ended);
            let outcome = match ended {
                Some((at, end)) if self.now.saturating_sub(at.mono_ms) > 20_000 => {
                    word(end == FlightEnd::Complete)
                }
                None if is_late
                    && status.state == MissionState::Unknown
                    && !self.is_flying(*dock) =>
                {
                    word(false)
                }
                Some(_) | None => continue,
            };
            seen.push((*dock, Subject::Mission(*mission_id), outcome));
        }
        seen
    }

    fn is_flying(&self, dock: usize) -> bool {
        self.sites[dock].model.is_airborne() || self.sites[dock].model.is_working()
    }
}
