//! Devices: all in brief, one in full.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, extract::State};
use fleet_types::{
    CommandStatus, DeviceSn, DeviceStatus, MissionStatus, WallMs, rights::Permission,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App, auth::Principal, clock::now_ms, extract::InPath, hub::View, json::Object,
    problem::Problem, rights::unknown_device, services::UnknownCount,
};

const MAX_COMMANDS: usize = 20;

/// Every device.
#[derive(Serialize, ToSchema)]
pub(crate) struct Devices {
    /// In the order of their serial numbers.
    devices: Vec<DeviceStatus>,
    /// The tower's time.
    server_time_ms: WallMs,
}

/// A value with its unit and times.
#[derive(Serialize, ToSchema)]
pub(crate) struct TelemetryValue {
    /// Number, text, yes or no, or a list as the device gave it.
    value: serde_json::Value,
    /// Unit, empty where there is none.
    unit: String,
    /// The device's own time.
    source_ms: Option<WallMs>,
    /// The tower's time of receipt.
    received_ms: WallMs,
}

/// One device in full.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceInFull {
    /// Its state.
    device: DeviceStatus,
    /// What it last said, by DJI key.
    telemetry: BTreeMap<String, TelemetryValue>,
    /// Its latest commands, newest first, at most 20.
    commands: Vec<CommandStatus>,
    /// Its mission under way, else its latest.
    mission: Option<MissionStatus>,
    /// What it said that no table knows.
    unknowns: Vec<UnknownCount>,
    /// The tower's time.
    server_time_ms: WallMs,
}

/// Lists all devices.
#[utoipa::path(
    operation_id = "list_devices",
    get, path = "/api/v1/devices", tag = "devices",
    responses(
        (status = 200, body = Devices),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Object {
    let scope = app.scope(&principal);
    let mut devices = app.hub.view().all_devices();
    devices.retain(|device| scope.sees(&device.sn));
    Object::new().list("devices", &devices).await.field("server_time_ms", &now_ms())
}

/// Shows one device with its telemetry, latest commands and mission.
#[utoipa::path(
    operation_id = "get_device",
    get, path = "/api/v1/devices/{sn}", tag = "devices",
    params(("sn" = String, Path, description = "Serial number")),
    responses(
        (status = 200, body = DeviceInFull),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(sn): InPath<DeviceSn>,
) -> Result<Object, Problem> {
    app.require_of(&principal, Permission::View, &sn)?;
    let (device, telemetry, commands, mission) = {
        let view = app.hub.view();
        let device = known(&view, &sn)?;
        let mission = device.mission_id.and_then(|id| view.missions.get(id));
        let mission = mission.or_else(|| view.missions.newest_of(&sn, 1).pop());
        (device, view.telemetry(&sn), view.commands.newest_of(&sn, MAX_COMMANDS), mission)
    };
    let body = Object::new().field("device", &device);
    let body = match telemetry {
        Some(sample) => body.field("telemetry", &sample.values),
        None => body.field("telemetry", &serde_json::Map::new()),
    };
    Ok(body
        .list("commands", &commands)
        .await
        .field("mission", &mission)
        .field("unknowns", &app.system.unknowns(Some(&sn)))
        .field("server_time_ms", &now_ms()))
}

/// The device, or the problem that there is none.
pub(super) fn known(view: &View, sn: &DeviceSn) -> Result<Arc<DeviceStatus>, Problem> {
    view.device(sn).ok_or_else(|| unknown_device(sn))
}
