//! Writing the orders of a flight as the dock reads them.

use dji_cloud::{
    device::{
        LostLinkAction as WireLostLink,
        codes::{ExitWaylineWhenRcLost, RthMode},
        lost_link::OutOfControlAction,
    },
    encode,
    wayline::{
        DockInfo, DockRole, ExecutableConditions, FlighttaskExecute, FlighttaskPrepare,
        MultiDockTask, ReadyConditions, SimulateMission, TaskType, WaylineFile, WaylinePrecision,
    },
};
use fleet_types::{
    CommandId, MissionRequest, Now, Reason,
    mission::LostLinkAction,
    plan::{DockPart, MissionPlan, MissionStart, Precision},
};

use super::DockMachine;
use crate::mission::resume;

impl DockMachine {
    pub(super) fn prepare_payload(
        &self,
        now: Now,
        request: &MissionRequest,
        command_id: CommandId,
    ) -> Result<Vec<u8>, Reason> {
        let action = match request.lost_link_action {
            LostLinkAction::ReturnHome => WireLostLink::ReturnHome,
            LostLinkAction::Hover => WireLostLink::Hover,
            LostLinkAction::Land => WireLostLink::Land,
        };
        let exit = i64::from(request.exit_wayline_when_link_lost);
        let plan = &request.plan;
        let (task_type, execute_time, ready_conditions) = start(now, plan);
        let prepare = FlighttaskPrepare {
            flight_id: Some(request.flight_id().to_string().into()),
            execute_time,
            task_type: Some(task_type),
            file: Some(WaylineFile {
                url: Some(request.file_url.as_str().into()),
                fingerprint: Some(request.file_md5.as_str().into()),
                ..WaylineFile::default()
            }),
            ready_conditions,
            executable_conditions: storage(plan),
            break_point: plan.break_point.as_ref().map(resume::to_wire),
            rth_altitude: Some(i64::from(request.rth_altitude_m)),
            rth_mode: Some(RthMode::Preset),
            out_of_control_action: Some(OutOfControlAction::Known(action)),
            exit_wayline_when_rc_lost: Some(ExitWaylineWhenRcLost::from_code(exit)),
            wayline_precision_type: Some(match plan.precision {
                Precision::Gps => WaylinePrecision::Gps,
                Precision::Rtk => WaylinePrecision::Rtk,
            }),
            simulate_mission: plan.dry_run.map(|at| SimulateMission {
                is_enable: Some(true.into()),
                latitude: Some(at.latitude),
                longitude: Some(at.longitude),
                ..SimulateMission::default()
            }),
            ..FlighttaskPrepare::default()
        };
        let (tid, bid) = (command_id.to_string(), request.trace_id.to_string());
        encode::service(self.head(now, &tid, &bid), "flighttask_prepare", &prepare)
            .map_err(|error| Reason::new("bad_data", error.to_string()))
    }

    pub(super) fn execute_payload(
        &self,
        now: Now,
        request: &MissionRequest,
        command_id: CommandId,
    ) -> Result<Vec<u8>, Reason> {
        let execute = FlighttaskExecute {
            flight_id: Some(request.flight_id().to_string().into()),
            multi_dock_task: multi_dock(request),
            ..FlighttaskExecute::default()
        };
        let (tid, bid) = (command_id.to_string(), request.trace_id.to_string());
        encode::service(self.head(now, &tid, &bid), "flighttask_execute", &execute)
            .map_err(|error| Reason::new("bad_data", error.to_string()))
    }
}

/// How it starts, in the dock's words. An immediate flight's time must be true when the order
/// leaves; a conditional one has none.
fn start(now: Now, plan: &MissionPlan) -> (TaskType, Option<i64>, Option<ReadyConditions>) {
    match &plan.start {
        MissionStart::Immediate | MissionStart::Released => {
            (TaskType::Immediate, Some(now.wall.0), None)
        }
        MissionStart::Timed { execute_ms } => (TaskType::Timed, Some(execute_ms.0), None),
        MissionStart::Conditional(ready) => {
            let conditions = ReadyConditions {
                battery_capacity: Some(i64::from(ready.battery_percent)),
                begin_time: Some(ready.begin_ms.0),
                end_time: Some(ready.end_ms.0),
                ..ReadyConditions::default()
            };
            (TaskType::Conditional, None, Some(conditions))
        }
    }
}

fn storage(plan: &MissionPlan) -> Option<ExecutableConditions> {
    let MissionStart::Conditional(ready) = &plan.start else { return None };
    ready.storage_min_mb.map(|mb| ExecutableConditions {
        storage_capacity: Some(i64::from(mb)),
        ..ExecutableConditions::default()
    })
}

/// Both docks of the flight: this one by its own word where it is and what it is for.
fn multi_dock(request: &MissionRequest) -> Option<MultiDockTask> {
    let part = request.plan.multi_dock.as_ref()?;
    let dock = |part: DockPart, sn: &str, index: i64| DockInfo {
        dock_type: Some(match part {
            DockPart::TakeOff => DockRole::Takeoff,
            DockPart::Landing => DockRole::Landing,
        }),
        index: Some(index),
        sn: Some(sn.into()),
        ..DockInfo::default()
    };
    let (take_off, landing) = match part.part {
        DockPart::TakeOff => (&request.sn, &part.other_sn),
        DockPart::Landing => (&part.other_sn, &request.sn),
    };
    let docks = vec![
        dock(DockPart::TakeOff, take_off.as_str(), 1),
        dock(DockPart::Landing, landing.as_str(), 2),
    ];
    Some(MultiDockTask { dock_infos: Some(docks), ..MultiDockTask::default() })
}
