//! Recurring missions: a time is claimed once, whoever asks and however often.

use fleet_store::schedules::{Claimed, StoredSchedule, claim, load, put, remove, settle, times};
use fleet_types::{
    DeviceSn, MissionId, Reason, ScheduleId, WallMs,
    id::WaylineId,
    mission::LostLinkAction,
    plan::Precision,
    schedule::{OccurrenceState, Schedule},
};
use uuid::Uuid;

use crate::cluster::Cluster;

const NINE_MS: i64 = 1_795_564_800_000;
const DAY_MS: i64 = 86_400_000;

fn schedule(id: u128, sn: &str) -> Schedule {
    Schedule {
        schedule_id: ScheduleId(Uuid::from_u128(id)),
        name: "아침 순찰".into(),
        sn: DeviceSn::new(sn).unwrap(),
        wayline_id: WaylineId(Uuid::nil()),
        rth_altitude_m: 100,
        lost_link_action: LostLinkAction::ReturnHome,
        precision: Precision::Gps,
        first: "2026-11-25T09:00:00".into(),
        zone: "Asia/Seoul".into(),
        rrule: "FREQ=DAILY".into(),
        blackouts: Vec::new(),
        created_by: "kim".into(),
    }
}

fn kept(id: u128, sn: &str, handled: i64) -> StoredSchedule {
    let handled_ms = WallMs(handled);
    StoredSchedule { schedule: schedule(id, sn), handled_ms, paused_by: None, latest: Vec::new() }
}

fn mission(id: u128) -> MissionId {
    MissionId(Uuid::from_u128(id))
}

#[tokio::test]
async fn a_time_is_claimed_once_and_keeps_its_mission() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let own = schedule(1, "D1");
    let at = WallMs(NINE_MS);
    assert_eq!(claim(&database, &own, at, mission(7)).await.unwrap(), None, "there is none");
    put(&database, &kept(1, "D1", NINE_MS - DAY_MS), "kim").await.unwrap();
    let first = claim(&database, &own, at, mission(7)).await.unwrap().unwrap();
    let asked = OccurrenceState::Asked;
    assert_eq!(first, Claimed { mission_id: Some(mission(7)), state: asked, is_new: true });
    // The answer was lost, or another tower asks at the same time.
    let (again, elsewhere) = tokio::join!(
        claim(&database, &own, at, mission(8)),
        claim(&database, &own, at, mission(9)),
    );
    for other in [again, elsewhere] {
        assert_eq!(other.unwrap().unwrap(), Claimed { is_new: false, ..first });
    }
    // Many at once: one of them is the first.
    let next = WallMs(NINE_MS + DAY_MS);
    let all = (10..18).map(|id| claim(&database, &own, next, mission(id)));
    let all: Vec<_> = futures_util::future::join_all(all).await;
    let all: Vec<_> = all.into_iter().map(|one| one.unwrap().unwrap()).collect();
    assert_eq!(all.iter().filter(|one| one.is_new).count(), 1, "{all:?}");
    assert!(all.iter().all(|one| one.mission_id == all[0].mission_id), "{all:?}");

    let back = load(&database).await.unwrap();
    assert_eq!(back[0].handled_ms, next, "how far it was handled is kept with the claim");
    let states: Vec<_> = back[0].latest.iter().map(|time| (time.at_ms, time.state)).collect();
    assert_eq!(states, [(at, asked), (next, asked)]);
    // How far it was handled never goes back, whatever is written late.
    put(&database, &kept(1, "D1", NINE_MS - DAY_MS), "lee").await.unwrap();
    assert_eq!(load(&database).await.unwrap()[0].handled_ms, next);

    remove(&database, own.schedule_id).await.unwrap();
    assert_eq!(load(&database).await.unwrap(), []);
    assert_eq!(claim(&database, &own, WallMs(0), mission(30)).await.unwrap(), None);
    let past = times(&database, None, at, WallMs(next.0 + 1), 10).await.unwrap();
    assert_eq!(past.len(), 2, "its past stays");
    assert_eq!((past[0].occurrence.at_ms, past[0].name.as_str()), (next, "아침 순찰"));
}

#[tokio::test]
async fn what_was_settled_stays_and_what_the_journal_knows_was_made() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    let own = schedule(1, "D1");
    put(&database, &kept(1, "D1", 0), "kim").await.unwrap();
    let [first, second, third] = [0, 1, 2].map(|day| WallMs(NINE_MS + day * DAY_MS));
    for (at, id) in [(first, 7), (second, 8)] {
        claim(&database, &own, at, mission(id)).await.unwrap();
    }
    let late = Reason::new("missed_window", "its time passed");
    settle(&database, &own, third, OccurrenceState::Skipped, Some(&late)).await.unwrap();
    settle(&database, &own, second, OccurrenceState::Made, None).await.unwrap();
    settle(&database, &own, second, OccurrenceState::Refused, Some(&late)).await.unwrap();
    // Whoever asked for the first one died before it heard that its mission was taken.
    cluster.psql(&format!(
        "insert into journal (record_id, at, sn, trace_id, kind, subject_kind, subject_id, record)
         values (gen_random_uuid(), now(), 'D1', gen_random_uuid(), 'mission', 'mission', '{}', '{{}}')",
        mission(7)
    ));
    let back = load(&database).await.unwrap().remove(0);
    assert_eq!(back.handled_ms, third);
    let told: Vec<_> = back.latest.iter().map(|time| (time.state, time.mission_id)).collect();
    let made = |id| (OccurrenceState::Made, Some(mission(id)));
    assert_eq!(told, [made(7), made(8), (OccurrenceState::Skipped, None)]);
    assert_eq!(back.latest[2].reason, Some(late.clone()));
    // What was skipped is not flown after all.
    let claimed = claim(&database, &own, third, mission(9)).await.unwrap().unwrap();
    assert_eq!(
        claimed,
        Claimed { mission_id: None, state: OccurrenceState::Skipped, is_new: false }
    );
}
