//! `flighttask_progress` and `return_home_info`: what the cloud hears of a flight. Milestones ask
//! for an answer, the rest is told every two seconds, the ending is repeated until it is answered.
//! Source: `50.wayline.md`. Read next: `flight`.

use serde_json::{Value, json};

use super::dock_osd::{r1, r7, whole};
use super::stage::{Ending, Stage};
use super::task::ActiveTask;
use super::{DockModel, codes, geo};

const REPORT_MS: u64 = 2_000;
/// `status` by the number a device of the field uses for it, where it uses numbers.
const STATUSES: [&str; 9] = [
    "sent",
    "in_progress",
    "paused",
    "ok",
    "partially_done",
    "rejected",
    "failed",
    "canceled",
    "timeout",
];

impl DockModel {
    pub(super) fn report_progress(&mut self) {
        let due = self.task.as_ref().is_some_and(|task| task.next_report_ms <= self.now.mono_ms);
        if due {
            self.report(false);
        }
    }

    pub(super) fn report_milestone(&mut self) {
        self.report(true);
    }

    fn report(&mut self, need_reply: bool) {
        let Some(task) = &mut self.task else { return };
        task.next_report_ms = self.now.mono_ms + REPORT_MS;
        let status = match task.stage {
            Stage::Resource { .. } => "sent",
            Stage::Paused { .. } => "paused",
            Stage::Fetching { .. }
            | Stage::Opening { .. }
            | Stage::StartUp { .. }
            | Stage::TakeOff
            | Stage::Rehearsal { .. }
            | Stage::Approach { .. }
            | Stage::Leg { .. }
            | Stage::Acting { .. }
            | Stage::Hover
            | Stage::ReturnClimb
            | Stage::ReturnLeg
            | Stage::Landing
            | Stage::Closing { .. }
            | Stage::WrapUp { .. } => "in_progress",
        };
        let (step, percent) = step_and_percent(task);
        let status = self.status_value(status);
        let Some(task) = &self.task else { return };
        let data = progress(task, 0, status, step, percent);
        let bid = task.bid.clone();
        self.send_event_asking("flighttask_progress", &bid, data, need_reply, false);
    }

    pub(super) fn report_ending(&mut self, ending: Ending) {
        let Some(task) = &self.task else { return };
        let (status, result) = match ending {
            Ending::Complete => ("ok", 0),
            Ending::UserReturn => ("canceled", codes::USER_RETURN),
            Ending::LowBattery => ("failed", codes::LOW_BATTERY_RETURN),
            Ending::Failed(code) => ("failed", code),
        };
        let percent = if ending == Ending::Complete { 100 } else { step_and_percent(task).1 };
        let data = progress(task, result, self.status_value(status), 35, percent);
        let bid = task.bid.clone();
        self.send_event("flighttask_progress", &bid, data, true);
    }

    fn status_value(&self, status: &str) -> Value {
        if self.cfg.faults.int_status {
            json!(STATUSES.iter().position(|known| *known == status))
        } else {
            json!(status)
        }
    }

    /// The planned way home: up, level, down.
    pub(super) fn send_return_path(&mut self) {
        let Some(task) = &self.task else { return };
        let at = self.aircraft.at;
        let (lat, lon) = geo::offset(self.id.lat, self.id.lon, at.east, at.north);
        let high = self.id.height_m + task.rth_altitude_m.max(at.up);
        let spot = |lat: f64, lon: f64, height: f64| json!({"latitude": r7(lat), "longitude": r7(lon), "height": r1(height)});
        let data = json!({
            "planned_path_points": [
                spot(lat, lon, self.id.height_m + at.up),
                spot(lat, lon, high),
                spot(self.id.lat, self.id.lon, high),
            ],
            "last_point_type": 0,
            "flight_id": task.flight_id,
        });
        let bid = task.bid.clone();
        self.send_event("return_home_info", &bid, data, false);
    }
}

fn progress(task: &ActiveTask, result: i64, status: Value, step: i64, percent: i64) -> Value {
    let mut ext = json!({
        "flight_id": task.flight_id,
        "track_id": task.track_id,
        "current_waypoint_index": task.waypoint,
        "wayline_id": task.wayline_id,
        "wayline_mission_state": wayline_state(task),
        "media_count": task.media,
    });
    if let Some(point) = &task.break_point {
        ext["break_point"] = point.clone();
    }
    json!({
        "result": result,
        "output": {
            "status": status,
            "progress": {"current_step": step, "percent": percent},
            "ext": ext,
        },
    })
}

/// Documented step numbers; there is none for "flying", so the step that began it stays.
fn step_and_percent(task: &ActiveTask) -> (i64, i64) {
    match &task.stage {
        Stage::Resource { .. } => (16, 1),
        Stage::Fetching { .. } => (17, 3),
        Stage::Opening { .. } => (7, 5),
        Stage::StartUp { left_s } if *left_s > 12.0 => (9, 8),
        Stage::StartUp { left_s } if *left_s > 4.0 => (18, 10),
        Stage::StartUp { .. } => (23, 12),
        Stage::TakeOff => (24, 15),
        Stage::Approach { .. } => (24, 20),
        Stage::Rehearsal { .. } => (24, rehearsed(task)),
        Stage::Paused { next } if next.is_rehearsal() => (24, rehearsed(task)),
        Stage::Leg { .. } | Stage::Acting { .. } | Stage::Paused { .. } => (24, flown(task)),
        Stage::Hover => (24, 80),
        Stage::ReturnClimb => (26, 82),
        Stage::ReturnLeg => (4, 85),
        Stage::Landing => (27, 90),
        Stage::Closing { .. } => (28, 95),
        Stage::WrapUp { .. } => (33, 98),
    }
}

/// 20 to 95 percent over the waypoints of a dry run.
fn rehearsed(task: &ActiveTask) -> i64 {
    let count = task.mission.as_ref().map_or(0, wpml::Mission::waypoint_count);
    whole(20.0 + 75.0 * task.waypoint as f64 / count.max(1) as f64)
}

/// 20 to 80 percent over all waypoints.
fn flown(task: &ActiveTask) -> i64 {
    let Some((route, point, arrived)) = task.stage.waypoint() else { return 20 };
    let Some(mission) = &task.mission else { return 20 };
    let before: usize = mission.waylines.iter().take(route).map(|w| w.waypoints.len()).sum();
    let share =
        (before + point + usize::from(arrived)) as f64 / mission.waypoint_count().max(1) as f64;
    whole(20.0 + 60.0 * share.min(1.0))
}

fn wayline_state(task: &ActiveTask) -> i64 {
    match task.stage {
        Stage::Resource { .. } | Stage::Fetching { .. } | Stage::Opening { .. } => 2,
        Stage::StartUp { .. } => 3,
        Stage::TakeOff => 4,
        Stage::Approach { .. } => 5,
        Stage::Leg { .. } | Stage::Acting { .. } | Stage::Rehearsal { .. } => 6,
        Stage::Paused { .. } => 7,
        Stage::Hover
        | Stage::ReturnClimb
        | Stage::ReturnLeg
        | Stage::Landing
        | Stage::Closing { .. }
        | Stage::WrapUp { .. } => match task.ending {
            Some(Ending::Complete) => 9,
            Some(Ending::UserReturn | Ending::LowBattery | Ending::Failed(_)) | None => 7,
        },
    }
}
