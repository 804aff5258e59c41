//! Flights: those that were ordered to take off, with what was heard around them.

use fleet_store::read;
use fleet_types::{
    DeviceSn, IdempotencyKey, MissionId, MissionPlan, MissionRequest, MissionState, MissionStatus,
    RequestId, TraceId, WallMs,
    command::Step,
    flight::FlightFilter,
    id::WaylineId,
    mission::{LostLinkAction, Verdict},
};
use uuid::Uuid;

use crate::cluster::Cluster;

/// 2026-11-24T00:00:00Z.
const START_MS: i64 = 1_795_478_400_000;
const MINUTE_MS: i64 = 60_000;

fn mission(n: u128, sn: &str, name: &str, flown: bool) -> MissionStatus {
    let id = Uuid::from_u128(n);
    let request = MissionRequest {
        mission_id: MissionId(id),
        trace_id: TraceId(id),
        request_id: RequestId(id),
        sn: DeviceSn::new(sn).unwrap(),
        wayline_id: WaylineId(id),
        wayline_name: name.into(),
        waypoint_count: 3,
        file_url: String::new(),
        file_md5: String::new(),
        rth_altitude_m: 80,
        lost_link_action: LostLinkAction::ReturnHome,
        exit_wayline_when_link_lost: false,
        idempotency_key: IdempotencyKey::new(&format!("k{n}")).unwrap(),
        expires_in_ms: 30_000,
        issued_by: "operator".into(),
        plan: MissionPlan::default(),
    };
    let began = START_MS + i64::try_from(n).unwrap() * 10 * MINUTE_MS;
    let step = |step: &str, at: i64| Step {
        step: step.to_owned(),
        at_ms: WallMs(at),
        action_duration_ms: 0,
        detail: None,
    };
    let mut status = MissionStatus::taken(WallMs(began), &request);
    status.steps = vec![step("accepted", began)];
    if flown {
        status.steps.push(step("execute", began + MINUTE_MS));
    }
    status.state = MissionState::Ended;
    status.verdict = Some(if n == 2 { Verdict::Failed } else { Verdict::Ok });
    status.ended_ms = Some(WallMs(began + 3 * MINUTE_MS));
    status
}

fn insert(cluster: &Cluster, status: &MissionStatus) {
    let text = serde_json::to_string(status).unwrap().replace('\'', "''");
    cluster.psql(&format!(
        "insert into missions (mission_id, sn, trace_id, request_id, request_code, wayline_id,
           wayline_name, waypoint_count, idempotency_key, issued_by, state, verdict, accepted_at,
           ended_at, changed_at, status)
         select (s ->> 'mission_id')::uuid, s ->> 'sn', (s ->> 'trace_id')::uuid,
           (s ->> 'request_id')::uuid, 'x', (s ->> 'wayline_id')::uuid, s ->> 'wayline_name', 3,
           s ->> 'idempotency_key', 'x', s ->> 'state', s ->> 'verdict',
           gwanje.at_ms((s ->> 'accepted_ms')::bigint), gwanje.at_ms((s ->> 'ended_ms')::bigint),
           now(), s
         from (select '{text}'::jsonb as s) x;
         insert into mission_steps (mission_id, at, step, action_duration_ms)
         select '{}', gwanje.at_ms((t ->> 'at_ms')::bigint), t ->> 'step', 0
         from jsonb_array_elements('{text}'::jsonb -> 'steps') t",
        status.mission_id
    ));
}

#[tokio::test]
async fn a_flight_is_found_with_its_aircraft_its_telemetry_and_what_was_heard() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    for (n, sn, name, flown) in [
        (1, "D1", "Quay 100%", true),
        (2, "D2", "roof", true),
        (3, "D1", "quay_2", true),
        (4, "D1", "never", false),
    ] {
        insert(&cluster, &mission(n, sn, name, flown));
    }
    let began = START_MS + 30 * MINUTE_MS + MINUTE_MS;
    cluster.psql(&format!(
        "select gwanje.ensure_telemetry_day('2026-11-24');
         insert into devices (sn, class, gateway_sn) values ('D1', 'dock', 'D1'),
           ('AC1', 'aircraft', 'D1'), ('AC2', 'aircraft', 'D2');
         insert into telemetry (at, sn, site_id, gateway_sn, report_no, latitude, longitude, height_m)
         select gwanje.at_ms({began} + i * 500), sn, '00000000-0000-4000-8000-000000000002',
           'D' || right(sn, 1), i, 37 + i * 1e-5, 127, i
         from generate_series(0, 239) i, unnest(array['AC1', 'AC2']) sn;
         insert into events (event_id, sn, method, data, received_at)
         values (gen_random_uuid(), 'D1', 'flighttask_progress', '{{\"a\":1}}', gwanje.at_ms({began})),
                (gen_random_uuid(), 'D2', 'hms', '{{}}', gwanje.at_ms({began}))"
    ));
    let flights = async |filter: FlightFilter| {
        let filter = FlightFilter { limit: 10, ..filter };
        let found = read::flights(&database, None, &filter).await.unwrap();
        found.iter().map(|flight| flight.mission_id.0.as_u128()).collect::<Vec<_>>()
    };
    let all = FlightFilter::default;
    assert_eq!(flights(all()).await, [3, 2, 1], "what never was ordered to take off is none");
    let sn = Some(DeviceSn::new("D1").unwrap());
    assert_eq!(flights(FlightFilter { sn, ..all() }).await, [3, 1]);
    assert_eq!(flights(FlightFilter { verdict: Some(Verdict::Failed), ..all() }).await, [2]);
    let named = |text: &str| FlightFilter { wayline: Some(text.into()), ..all() };
    assert_eq!(flights(named("QUAY")).await, [3, 1]);
    assert_eq!(flights(named("0%")).await, [1], "a sign is a sign");
    assert_eq!(flights(named("quay_")).await, [3]);
    let from_ms = Some(WallMs(START_MS + 20 * MINUTE_MS));
    let until_ms = Some(WallMs(START_MS + 30 * MINUTE_MS));
    assert_eq!(flights(FlightFilter { from_ms, until_ms, ..all() }).await, [2]);
    let before = Some((WallMs(START_MS + 20 * MINUTE_MS), MissionId(Uuid::from_u128(2))));
    assert_eq!(flights(FlightFilter { before, ..all() }).await, [1]);

    let now = WallMs(START_MS);
    let id = MissionId(Uuid::from_u128(3));
    let record = read::flight(&database, None, id, now).await.unwrap().unwrap();
    assert_eq!(record.aircraft, [DeviceSn::new("AC1").unwrap()]);
    assert_eq!(record.from_ms, WallMs(began - MINUTE_MS));
    assert_eq!(record.until_ms, WallMs(began + 3 * MINUTE_MS));
    let methods: Vec<_> = record.events.iter().map(|event| event.method.as_str()).collect();
    assert_eq!((methods, record.has_more_events), (vec!["flighttask_progress"], false));
    let never = MissionId(Uuid::from_u128(4));
    assert_eq!(read::flight(&database, None, never, now).await.unwrap(), None);
    // An aircraft that has another dock by now.
    cluster.psql("update devices set gateway_sn = 'D9' where sn = 'AC1'");
    let moved = read::flight(&database, None, id, now).await.unwrap().unwrap();
    assert_eq!(moved.aircraft, record.aircraft);

    let (aircraft, span) = (&record.aircraft[0], (record.from_ms, record.until_ms));
    let series = read::series(&database, None, aircraft, span, 40).await.unwrap();
    assert_eq!(series.step_ms, 6_000);
    assert_eq!(series.at_ms.len(), 20, "two minutes of points each six seconds");
    assert_eq!(series.latitude_deg.len(), series.battery_percent.len());
    assert!(series.at_ms.is_sorted());
    let mut after = (WallMs(span.0.0 - 1), i64::MAX);
    let mut rows = Vec::new();
    loop {
        let some = read::rows_after(&database, None, aircraft, after, span.1, 100).await.unwrap();
        let Some(last) = some.last() else { break };
        after = (last.at_ms, last.report_no);
        rows.extend(some);
    }
    let heights: Vec<_> = rows.iter().map(|row| row.height_m.unwrap()).collect();
    assert_eq!(heights, (0..240_u16).map(f32::from).collect::<Vec<_>>(), "each once, in order");
}
