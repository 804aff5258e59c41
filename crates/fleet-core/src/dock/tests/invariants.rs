//! Any order of inputs: nothing panics, and what must always hold holds after each of them.
//!
//! The rig asserts it output by output: nothing ordinary leaves before it is on record, nothing
//! leaves twice or after its time, take-off is ordered once a flight, every end has an outcome, no
//! verdict changes. Here stand what only a whole history shows.

use dji_cloud::topic::TopicKind;
use fleet_types::{
    CommandId, CommandState, CommandStatus, MissionRequest, MissionState, MissionStatus, RequestId,
    Role, WallMs,
    command::ResolvedOutcome,
    plan::{MissionAction, MissionControl, MissionStart, ReadyConditions},
    preflight::{DockNotice, DockSaying, PreflightItem, PreflightOverride},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::rig::{AIRCRAFT, DOCK, Rig};
use crate::{
    io::{BrokerPresence, Input, SendFate},
    spec::OPERATOR_METHODS,
};

#[derive(Clone, Debug)]
enum Step {
    Command(usize),
    Again(usize),
    Mission(u8, i64),
    Ready(usize),
    Cancel(usize),
    Say(u8),
    /// A mission as far as its order to fly, which leaves at once or waits for the journal.
    Fly(bool),
    MissionAgain(usize),
    Reply(usize, usize),
    Job(usize, usize),
    Flight(usize, usize),
    FetchFile(usize),
    Fate(usize, usize),
    Resolve(usize, bool),
    World(World),
}

#[derive(Clone, Debug)]
enum World {
    Url(bool),
    Osd(u8, u8, u8, u8),
    Aircraft(u8),
    Topology(bool),
    Request(usize),
    Journal(bool),
    JournalIsFast(bool),
    LinkSays(usize),
    Link(bool),
    Broker(u8),
    Pass(u64),
    Wake(u64),
    Raw(usize, Vec<u8>),
    Restart,
    LoseProcess,
}

const FATES: [SendFate; 7] = [
    SendFate::Sent,
    SendFate::Delivered,
    SendFate::NoSubscriber,
    SendFate::Refused,
    SendFate::Lost,
    SendFate::NotSent,
    SendFate::Expired,
];
const STATUSES: [&str; 9] = [
    "\"in_progress\"",
    "\"ok\"",
    "\"failed\"",
    "\"paused\"",
    "\"canceled\"",
    "\"success\"",
    "3",
    "\"rejected\"",
    "\"partially_done\"",
];
const REPLIES: [&str; 6] = [
    r#"{"result":0}"#,
    r#"{"result":0,"output":{"status":"in_progress"}}"#,
    r#"{"result":314000}"#,
    r#"{"result":"x"}"#,
    "{}",
    r#"{"result":0,"output":{"status":"rejected"}}"#,
];
const REQUESTS: [&str; 6] = [
    "config",
    "airport_bind_status",
    "airport_organization_bind",
    "flight_areas_get",
    "flighttask_resource_get",
    "moon_get",
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = 0..1_000_usize;
    let world = prop_oneof![
        1 => any::<bool>().prop_map(World::Url),
        10 => (0..6_u8, 0..3_u8, 0..2_u8, 0..2_u8)
            .prop_map(|(mode, home, light, stop)| World::Osd(mode, home, light, stop)),
        2 => (0..20_u8).prop_map(World::Aircraft),
        1 => any::<bool>().prop_map(World::Topology),
        1 => (0..REQUESTS.len()).prop_map(World::Request),
        4 => any::<bool>().prop_map(World::Journal),
        1 => any::<bool>().prop_map(World::JournalIsFast),
        2 => (0..=FATES.len()).prop_map(World::LinkSays),
        1 => any::<bool>().prop_map(World::Link),
        1 => (0..3_u8).prop_map(World::Broker),
        6 => prop_oneof![0..3_000_u64, 0..40_000_u64, 0..400_000_u64].prop_map(World::Pass),
        2 => (0..20_000_u64).prop_map(World::Wake),
        1 => (0..8_usize, proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(kind, bytes)| World::Raw(kind, bytes)),
        1 => Just(World::Restart),
        1 => Just(World::LoseProcess),
    ];
    let step = prop_oneof![
        6 => at.clone().prop_map(Step::Command),
        1 => at.clone().prop_map(Step::Again),
        2 => (0..3_u8, -60_000..1_500_000_i64).prop_map(|(kind, ms)| Step::Mission(kind, ms)),
        2 => at.clone().prop_map(Step::Ready),
        1 => at.clone().prop_map(Step::Cancel),
        1 => (0..6_u8).prop_map(Step::Say),
        4 => any::<bool>().prop_map(Step::Fly),
        1 => at.clone().prop_map(Step::MissionAgain),
        8 => (at.clone(), 0..REPLIES.len()).prop_map(|(at, what)| Step::Reply(at, what)),
        4 => (at.clone(), 0..STATUSES.len()).prop_map(|(at, what)| Step::Job(at, what)),
        6 => (at.clone(), 0..STATUSES.len()).prop_map(|(at, what)| Step::Flight(at, what)),
        1 => at.clone().prop_map(Step::FetchFile),
        4 => (at.clone(), 0..FATES.len()).prop_map(|(at, fate)| Step::Fate(at, fate)),
        3 => (at.clone(), any::<bool>()).prop_map(|(at, yes)| Step::Resolve(at, yes)),
        34 => world.prop_map(Step::World),
    ];
    proptest::collection::vec(step, 1..120)
}

fn nth<T: Clone>(items: impl Iterator<Item = T>, at: usize) -> Option<T> {
    let items: Vec<_> = items.collect();
    (!items.is_empty()).then(|| items[at % items.len()].clone())
}

fn take(rig: &mut Rig, step: &Step) {
    match *step {
        Step::Command(at) => {
            rig.command(OPERATOR_METHODS[at % OPERATOR_METHODS.len()]);
        }
        Step::Again(at) => {
            if let Some(status) = nth(rig.commands.values().cloned(), at) {
                let mut request = rig.command_request(&status.method);
                request.idempotency_key = status.idempotency_key;
                if at % 2 == 0 {
                    request.command_id = status.command_id;
                }
                rig.ask(request);
            }
        }
        Step::Mission(kind, ms) => {
            let mut request = rig.mission_request();
            request.plan.start = start(kind, WallMs(rig.now.wall.0 + ms));
            rig.ask_mission(request);
        }
        Step::Ready(at) => {
            if let Some(id) = nth(rig.missions.keys().copied(), at) {
                rig.event("flighttask_ready", "", json!({"flight_ids": [id.to_string()]}));
            }
        }
        Step::Cancel(at) => {
            if let Some(mission_id) = nth(rig.missions.keys().copied(), at) {
                let (sn, action) = (rig.dock().sn.clone(), MissionAction::Cancel);
                let issued_by = "operator".into();
                let control = MissionControl { mission_id, sn, action, issued_by };
                rig.input(Input::MissionControl(control));
            }
        }
        Step::Say(what) => {
            let (sn, request_id) = (rig.dock().sn.clone(), RequestId(rig.uuid()));
            let saying = saying(what, rig.now.wall);
            rig.input(Input::Notice(DockNotice { sn, saying, by: "p".into(), request_id }));
        }
        Step::Fly(journal_is_fast) => {
            (rig.fate, rig.journal_is_fast) = (Some(SendFate::Sent), true);
            rig.idle();
            let request = rig.mission_request();
            let id = rig.ask_mission(request);
            rig.journal_is_fast = journal_is_fast;
            if rig.mission(id).state == MissionState::Preparing {
                rig.reply(&rig.last("flighttask_prepare"), json!({"result": 0}));
            }
        }
        Step::MissionAgain(at) => {
            if let Some(id) = nth(rig.missions.keys().copied(), at) {
                let mut request = rig.mission_request();
                request.mission_id = id;
                rig.ask_mission(request);
            }
        }
        Step::Reply(at, what) => {
            if let Some(send) = nth(rig.sends.iter().rev().take(4).cloned(), at) {
                rig.reply(&send, serde_json::from_str(REPLIES[what]).unwrap());
            }
        }
        Step::Job(at, what) => {
            if let Some(id) = nth(rig.commands.keys().copied(), at) {
                let status = serde_json::from_str(STATUSES[what]).unwrap();
                rig.job(id, 0, status, 50);
            }
        }
        Step::Flight(at, what) => {
            if let Some(id) = nth(rig.missions.keys().rev().take(2).copied(), at) {
                rig.flight(id, 0, serde_json::from_str(STATUSES[what]).unwrap(), 5);
            }
        }
        Step::FetchFile(at) => {
            if let Some(id) = nth(rig.missions.keys().copied(), at) {
                rig.request("flighttask_resource_get", json!({"flight_id": id.to_string()}));
            }
        }
        Step::Resolve(at, yes) => {
            let open = |state| matches!(state, CommandState::Unknown);
            let unknown = rig.commands.values().filter(|status| open(status.state));
            if let Some(id) = nth(unknown.map(|status| status.command_id), at) {
                let outcome =
                    if yes { ResolvedOutcome::Succeeded } else { ResolvedOutcome::Failed };
                rig.resolve(id, outcome);
            }
        }
        Step::Fate(at, fate) => {
            if let Some(send) = nth(rig.sends.iter().rev().take(3).cloned(), at) {
                rig.fate_of(send.command_id, FATES[fate]);
            }
        }
        Step::World(ref world) => happen(rig, world),
    }
}

fn start(kind: u8, at: WallMs) -> MissionStart {
    match kind {
        0 => MissionStart::Immediate,
        1 => MissionStart::Timed { execute_ms: at },
        _ => MissionStart::Conditional(ReadyConditions {
            battery_percent: 50,
            begin_ms: at,
            end_ms: WallMs(at.0 + 600_000),
            wind_max_dmps: None,
            rain_max: None,
            link_min: None,
            storage_min_mb: None,
        }),
    }
}

fn saying(what: u8, now: WallMs) -> DockSaying {
    let item = [PreflightItem::Wind, PreflightItem::EmergencyStop, PreflightItem::Maintenance];
    match what {
        0 => DockSaying::Maintenance { on: true, note: "n".into() },
        1 => DockSaying::Maintenance { on: false, note: "n".into() },
        2 => DockSaying::Withdraw(PreflightItem::Maintenance),
        other => DockSaying::Override(PreflightOverride {
            item: item[usize::from(other) % item.len()],
            by: "p".into(),
            role: Role::Admin,
            note: "n".into(),
            expires_ms: WallMs(now.0 + 100_000),
        }),
    }
}

fn happen(rig: &mut Rig, world: &World) {
    match world {
        World::Url(is_there) => {
            if let Some((exchange, _)) = rig.minted.pop() {
                rig.input(Input::FileUrl { exchange, url: is_there.then(|| "https://f".into()) });
            }
        }
        World::Osd(mode, home, light, stop) => {
            let mut data = json!({"mode_code": mode, "supplement_light_state": light,
                "cover_state": light, "emergency_stop_state": stop});
            if *home < 2 {
                data["drone_in_dock"] = json!(home);
            }
            rig.osd(data);
        }
        World::Aircraft(mode) => rig.aircraft_osd(json!({"mode_code": mode})),
        World::Topology(is_there) => {
            rig.topology(if *is_there { &[AIRCRAFT] } else { &[] });
        }
        World::Request(at) => drop(rig.request(REQUESTS[*at], json!({}))),
        World::Journal(is_ok) => rig.journal_answers(*is_ok),
        World::JournalIsFast(is_fast) => rig.journal_is_fast = *is_fast,
        World::LinkSays(at) => rig.fate = FATES.get(*at).copied(),
        World::Link(is_up) => rig.input(Input::CommandLink { is_up: *is_up }),
        World::Broker(what) => rig.input(Input::Broker(match what {
            0 => BrokerPresence::Connected,
            1 => BrokerPresence::Disconnected { reason: "gone".into() },
            _ => BrokerPresence::LoginRefused,
        })),
        World::Pass(ms) => rig.pass(*ms),
        World::Wake(ms) => rig.oversleep(*ms),
        World::Raw(kind, bytes) => {
            let kinds = [TopicKind::Osd, TopicKind::Events, TopicKind::Status, TopicKind::Requests];
            rig.raw(kinds[kind % kinds.len()], if *kind < 4 { DOCK } else { AIRCRAFT }, bytes);
        }
        World::Restart => rig.restart(),
        World::LoseProcess => {
            check_records(rig);
            rig.lose_process();
        }
    }
}

/// Whether it waits for its time or its conditions.
fn waits(status: &MissionStatus) -> bool {
    let is_early = matches!(
        status.state,
        MissionState::Scheduled
            | MissionState::Preparing
            | MissionState::Prepared
            | MissionState::Ready
    );
    is_early && status.plan.start != MissionStart::Immediate
}

/// What only the whole shows.
fn check_whole(rig: &Rig) {
    // The lock stands exactly while a take-off is unknown.
    let unknown = rig.missions.values().filter(|status| status.state == MissionState::Unknown);
    assert_eq!(rig.is_locked(), unknown.count() > 0);
    // At most one flight goes on; others may wait for their time.
    let open = rig
        .missions
        .values()
        .filter(|status| status.state != MissionState::Ended && !waits(status));
    assert!(open.count() <= 1);
    for mission in rig.missions.values() {
        assert_eq!(mission.verdict.is_some(), mission.state == MissionState::Ended, "{mission:?}");
        assert_eq!(mission.ended_ms.is_some(), mission.verdict.is_some());
        if mission.verdict == Some(fleet_types::mission::Verdict::Ok) {
            let flown = |send: &crate::io::Send| {
                let call: Value = serde_json::from_slice(&send.payload).unwrap();
                call["data"]["flight_id"] == json!(mission.mission_id.to_string())
            };
            let orders = rig.sent("flighttask_execute");
            let is_doubted = |id: &CommandId| {
                rig.commands.get(id).is_none_or(|s| s.mission_id == Some(mission.mission_id))
            };
            let doubted = rig.doubted.iter().any(is_doubted);
            assert!(doubted || orders.iter().any(flown), "flown without an order: {mission:?}");
        }
    }
    for status in rig.commands.values() {
        assert!(status.steps.len() <= 64);
        // What never left is not known to have worked.
        let left = rig.sends.iter().any(|send| send.command_id == status.command_id);
        let needs_left = matches!(
            status.state,
            CommandState::Sent
                | CommandState::Acknowledged
                | CommandState::Succeeded
                | CommandState::Failed
                | CommandState::Unknown
        );
        let doubted = rig.doubted.contains(&status.command_id);
        assert!(left || doubted || !needs_left, "{status:?}");
    }
    // A counter-action that was asked for has left, whatever else went on.
    for status in rig.commands.values().filter(|status| status.counter_action) {
        assert!(rig.sends.iter().any(|send| send.command_id == status.command_id), "{status:?}");
    }
}

/// The records alone tell what the machine has open.
fn check_records(rig: &Rig) {
    let told = rig.folded();
    let (commands, missions) = rig.machine.open();
    let mut on_record: Vec<_> = told.open_commands().cloned().collect();
    on_record.sort_by_key(|status| status.command_id);
    assert_eq!(on_record.len(), commands.len(), "{on_record:?} {commands:?}");
    for (on_record, command) in on_record.into_iter().zip(commands) {
        let status = command.status().clone();
        let is_unknown = status.state == CommandState::Unknown;
        // A late answer is not kept: whether the job behind it goes on is as unknown as before.
        let is_answered = status.state == CommandState::Acknowledged;
        let was_unknown = on_record.state == CommandState::Unknown;
        assert!(was_unknown == is_unknown || (was_unknown && is_answered), "{status:?}");
        if is_unknown {
            assert_eq!(on_record.response_code, status.response_code);
            assert_eq!(on_record.reason, status.reason);
        }
        // What is not kept: how far a job is, each step.
        let (state, reason) = (status.state, status.reason.clone());
        let (response_code, progress) = (status.response_code, status.progress.clone());
        let steps = status.steps.clone();
        let known =
            CommandStatus { state, reason, response_code, progress, steps, ..on_record.clone() };
        assert_eq!(known, status);
    }
    let open = |status: &MissionStatus| status.state != MissionState::Ended;
    let on_record: Vec<_> = told.missions.iter().filter(|(_, status)| open(status)).collect();
    assert_eq!(on_record.len(), missions.len());
    for ((request, on_record), mission) in on_record.into_iter().zip(missions) {
        let status = mission.status().clone();
        let asked = MissionRequest {
            file_url: String::new(),
            expires_in_ms: 0,
            ..mission.request().clone()
        };
        assert_eq!(*request, asked);
        assert_eq!(on_record.state, status.state);
        // What a mission waits for is asked anew; where it broke off, the dock says again.
        let reason = match waits(&status) {
            true => status.reason.clone(),
            false => on_record.reason.clone(),
        };
        let (progress, steps) = (status.progress.clone(), status.steps.clone());
        let break_point = status.break_point;
        let known = MissionStatus { progress, steps, reason, break_point, ..on_record.clone() };
        assert_eq!(known, status);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn invariants_hold_in_any_order_of_inputs(steps in steps(), is_up in any::<bool>()) {
        let mut rig = if is_up { Rig::online() } else { Rig::new() };
        for step in &steps {
            take(&mut rig, step);
            check_whole(&rig);
        }
        check_records(&rig);
        // Time alone ends every wait: what is left open is unknown, or a flight of the dock's.
        rig.journal_is_fast = true;
        rig.journal_answers(true);
        rig.pass(7 * 86_400_000);
        for status in rig.commands.values() {
            let is_settled = status.state.is_final() || status.state == CommandState::Unknown;
            prop_assert!(is_settled, "{:?}", status);
        }
        check_whole(&rig);
        check_records(&rig);
    }
}
