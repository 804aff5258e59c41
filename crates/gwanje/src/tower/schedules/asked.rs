//! Missions that schedules asked for and that no dock's machine has answered for yet. Pure.

use std::collections::BTreeMap;

use fleet_api::{Wayline, WaylineResource};
use fleet_core::{preflight::say, schedule::key_of};
use fleet_types::{
    IdempotencyKey, MissionId, MissionPlan, MissionRequest, MissionState, MissionStatus, Reason,
    RequestId, ResponseCode, TraceId, WallMs, audit::AuditEntry, mission::Verdict,
    plan::MissionStart, schedule::Schedule,
};
use uuid::Uuid;

use super::TOO_LATE_MS;

/// Without an answer it is asked for again after this, milliseconds, under the same id and key.
const AGAIN_MS: i64 = 10_000;

struct One {
    schedule: Box<Schedule>,
    at: WallMs,
    /// When it is to be asked for next.
    next: WallMs,
}

/// What is asked and not answered.
#[derive(Default)]
pub(super) struct Asked(BTreeMap<MissionId, One>);

/// What became of a time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) schedule: Box<Schedule>,
    pub(super) at: WallMs,
    pub(super) made: Result<MissionId, Reason>,
}

impl Asked {
    pub(super) fn put(&mut self, schedule: Schedule, at: WallMs, mission_id: MissionId) {
        self.0.insert(mission_id, One { schedule: Box::new(schedule), at, next: WallMs(0) });
    }

    /// Those that are to be asked for now; never too late.
    pub(super) fn due(&mut self, now: WallMs) -> Vec<(Schedule, WallMs, MissionId)> {
        let mut due = Vec::new();
        for (id, one) in &mut self.0 {
            // A clock that was put back must not keep it from being asked for.
            let is_due = one.next <= now || one.next.since_ms(now) > AGAIN_MS;
            if is_due && one.at.since_ms(now) > TOO_LATE_MS {
                one.next = WallMs(now.0.saturating_add(AGAIN_MS));
                due.push((Schedule::clone(&one.schedule), one.at, *id));
            }
        }
        due
    }

    /// It did not leave.
    pub(super) fn not_sent(&mut self, mission_id: MissionId) {
        if let Some(one) = self.0.get_mut(&mission_id) {
            one.next = WallMs(0);
        }
    }

    /// It cannot be asked for.
    pub(super) fn refuse(&mut self, mission_id: MissionId, reason: Reason) -> Option<Answer> {
        let One { schedule, at, .. } = self.0.remove(&mission_id)?;
        Some(Answer { schedule, at, made: Err(reason) })
    }

    /// What a dock's machine says of one of them.
    pub(super) fn heard(&mut self, status: &MissionStatus) -> Option<Answer> {
        let One { schedule, at, .. } = self.0.remove(&status.mission_id)?;
        let is_refused =
            status.state == MissionState::Ended && status.verdict == Some(Verdict::Rejected);
        let made = match (is_refused, &status.reason) {
            (false, _) => Ok(status.mission_id),
            (true, Some(reason)) => Err(reason.clone()),
            (true, None) => Err(Reason::new("rejected", "It was refused without a reason.")),
        };
        Some(Answer { schedule, at, made })
    }

    /// Those whose time has passed without an answer.
    pub(super) fn given_up(&mut self, now: WallMs) -> Vec<Answer> {
        let over: Vec<_> =
            self.0.iter().filter(|(_, one)| one.at <= now).map(|(id, _)| *id).collect();
        let reason = || {
            say(
                "no_owner",
                "Nobody who owns the dock answered before its time; it was not flown.",
                "시간까지 도크를 맡은 쪽의 응답이 없어 비행하지 않았습니다.",
            )
        };
        over.into_iter().filter_map(|id| self.refuse(id, reason())).collect()
    }
}

/// Who asks, on every record: a program, and below whoever has the dock for themselves.
pub(super) fn who(schedule: &Schedule) -> String {
    format!("schedule:{}", schedule.name)
}

/// The mission of a time.
pub(super) fn request(
    schedule: &Schedule,
    at: WallMs,
    mission_id: MissionId,
    wayline: &Wayline,
    resource: WaylineResource,
) -> Result<MissionRequest, Reason> {
    let key = IdempotencyKey::new(&key_of(schedule.schedule_id, at));
    let exits = wayline.summary.exits_wayline_when_link_lost;
    Ok(MissionRequest {
        mission_id,
        // One flow for one time, however often it is asked for.
        trace_id: TraceId(mission_id.0),
        request_id: RequestId(mission_id.0),
        sn: schedule.sn.clone(),
        wayline_id: schedule.wayline_id,
        wayline_name: wayline.name.clone(),
        waypoint_count: wayline.summary.waypoint_count,
        file_url: resource.url,
        file_md5: resource.md5,
        rth_altitude_m: schedule.rth_altitude_m,
        lost_link_action: schedule.lost_link_action,
        exit_wayline_when_link_lost: exits,
        idempotency_key: key.map_err(|_| Reason::new("bad_key", "Its key is none."))?,
        expires_in_ms: 30_000,
        issued_by: who(schedule),
        plan: MissionPlan {
            start: MissionStart::Timed { execute_ms: at },
            precision: schedule.precision,
            schedule_id: Some(schedule.schedule_id),
            flight_box: wayline.summary.flight_box,
            file_exits_wayline: Some(exits),
            ..MissionPlan::default()
        },
    })
}

/// The audit's entry.
pub(super) fn entry(
    schedule: &Schedule,
    at: WallMs,
    made: &Result<MissionId, Reason>,
) -> AuditEntry {
    let now = super::wall();
    let mut entry = AuditEntry::new(Uuid::now_v7(), now, who(schedule), "mission.create")
        .with("schedule_id", schedule.schedule_id.to_string())
        .with("at_ms", at.0);
    entry.sn = Some(schedule.sn.clone());
    match made {
        Ok(mission_id) => {
            entry.trace_id = Some(TraceId(mission_id.0));
            entry.with("mission_id", mission_id.to_string())
        }
        Err(reason) => {
            entry.outcome = ResponseCode::Rejected;
            entry.code = Some(reason.code.to_string());
            entry
        }
    }
}

#[cfg(test)]
mod tests {
    use fleet_types::{
        DeviceSn, ScheduleId, id::WaylineId, mission::LostLinkAction, plan::Precision,
    };

    use super::*;

    const AT: i64 = 1_795_564_800_000;
    const ID: MissionId = MissionId(Uuid::from_u128(7));

    fn schedule() -> Schedule {
        Schedule {
            schedule_id: ScheduleId(Uuid::from_u128(5)),
            name: "아침 순찰".into(),
            sn: DeviceSn::new("D1").unwrap(),
            wayline_id: WaylineId(Uuid::nil()),
            rth_altitude_m: 100,
            lost_link_action: LostLinkAction::ReturnHome,
            precision: Precision::Gps,
            first: "2026-11-25T09:00:00".into(),
            zone: "Asia/Seoul".into(),
            rrule: "FREQ=DAILY".into(),
            blackouts: Vec::new(),
            created_by: "user:kim@example.kr".into(),
        }
    }

    fn asked() -> Asked {
        let mut asked = Asked::default();
        asked.put(schedule(), WallMs(AT), ID);
        asked
    }

    fn ids(due: &[(Schedule, WallMs, MissionId)]) -> Vec<MissionId> {
        due.iter().map(|(_, _, id)| *id).collect()
    }

    fn mission() -> MissionRequest {
        let wayline: Wayline = serde_json::from_value(serde_json::json!({
            "wayline_id": Uuid::nil(), "name": "quay", "size_bytes": 1, "md5": "x", "uploaded_ms": 0,
            "summary": {"waypoint_count": 3, "length_m": 1.0, "duration_s": 60.0,
                "exits_wayline_when_link_lost": true, "flight_box": null},
        }))
        .unwrap();
        let resource = WaylineResource { url: "http://t/f".into(), md5: "x".into() };
        request(&schedule(), WallMs(AT), ID, &wayline, resource).unwrap()
    }

    #[test]
    fn it_is_asked_for_again_under_the_same_id_and_never_too_late() {
        let mut asked = asked();
        let at = |before_ms| WallMs(AT - before_ms);
        assert_eq!(ids(&asked.due(at(1_800_000))), [ID]);
        assert_eq!(ids(&asked.due(at(1_795_000))), [], "an answer may be on its way");
        assert_eq!(ids(&asked.due(at(1_790_000))), [ID]);
        asked.not_sent(ID);
        assert_eq!(ids(&asked.due(at(1_789_999))), [ID], "the bus was full");
        // The clock was put back by an hour.
        assert_eq!(ids(&asked.due(at(5_400_000))), [ID]);
        assert_eq!(ids(&asked.due(at(TOO_LATE_MS))), []);
        assert_eq!(asked.given_up(at(1)), []);
        let given_up = asked.given_up(at(0));
        assert_eq!(given_up[0].made.as_ref().unwrap_err().code, "no_owner");
        assert_eq!(asked.given_up(at(0)), [], "once");
    }

    #[test]
    fn the_first_word_of_the_dock_s_machine_settles_it() {
        let request = mission();
        assert_eq!(request.plan.start, MissionStart::Timed { execute_ms: WallMs(AT) });
        assert!(request.exit_wayline_when_link_lost, "as the file says");
        assert_eq!(request.idempotency_key.as_str(), key_of(schedule().schedule_id, WallMs(AT)));
        assert_eq!((request.issued_by.as_str(), request.mission_id), ("schedule:아침 순찰", ID));
        let taken = MissionStatus::taken(WallMs(0), &request);
        let of_another =
            MissionStatus { mission_id: MissionId(Uuid::from_u128(8)), ..taken.clone() };
        let mut open = asked();
        assert_eq!(open.heard(&of_another), None);
        assert_eq!(open.heard(&taken).unwrap().made, Ok(ID));
        assert_eq!(open.heard(&taken), None, "the first word counts");
        let refused = MissionStatus {
            state: MissionState::Ended,
            verdict: Some(Verdict::Rejected),
            reason: Some(Reason::new("queue_full", "full")),
            ..taken.clone()
        };
        let answer = asked().heard(&refused).unwrap();
        assert_eq!(answer.made.as_ref().unwrap_err().code, "queue_full");
        let told = entry(&answer.schedule, answer.at, &answer.made);
        assert_eq!(
            (told.action.as_str(), told.code.as_deref()),
            ("mission.create", Some("queue_full"))
        );
        // One that is over already was one.
        let flown =
            MissionStatus { state: MissionState::Ended, verdict: Some(Verdict::Ok), ..taken };
        assert_eq!(asked().heard(&flown).unwrap().made, Ok(ID));
    }
}
