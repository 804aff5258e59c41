//! What a map draws besides positions: where a device was, where its flight is to go, and how many
//! alarms are up.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use fleet_types::{
    AlarmStatus, DeviceClass, DeviceSn, WallMs, alarm::Priority, id::WaylineId, rights::Permission,
    topic::DeviceOsd,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use wpml::{HeightMode, Mission};

use super::devices::known;
use crate::{
    app::App,
    auth::Principal,
    clock::now_ms,
    extract::{InPath, InQuery},
    hub::{TRACK_AGE_MS, View},
    problem::Problem,
};

const MAX_MINUTES: i64 = TRACK_AGE_MS / 60_000;
/// Groups and serial numbers of a summary; its counts know no bound.
const MAX_GROUPS: usize = 100;
const MAX_SNS: usize = 20;

fn ten() -> i64 {
    10
}

/// How far back.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Back {
    /// Minutes, 1 to 30; 10 when absent.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 30)]
    minutes: i64,
}

/// A place on the ground.
#[derive(Serialize, ToSchema)]
pub(crate) struct Place {
    /// The device that is there.
    sn: DeviceSn,
    /// Degrees, WGS84.
    latitude_deg: f64,
    /// Degrees, WGS84.
    longitude_deg: f64,
    /// Metres above the ellipsoid.
    height_m: Option<f64>,
    /// When it was heard.
    received_ms: WallMs,
}

/// Where a device was.
#[derive(Serialize, ToSchema)]
pub(crate) struct Track {
    /// The device.
    sn: DeviceSn,
    /// `[epoch ms, longitude, latitude, height m or null]`, oldest first. Kept in memory since the
    /// tower started, at most 30 minutes, where the device moved or stood for 10 s.
    #[schema(value_type = Vec<Vec<Option<f64>>>)]
    points: Vec<(WallMs, f64, f64, Option<f32>)>,
    /// Where it returns to: its dock, where the dock is as last known. A dock has none.
    home: Option<Place>,
    /// The tower's time.
    server_time_ms: WallMs,
}

/// Shows where a device was in the last minutes, and its home.
#[utoipa::path(
    operation_id = "get_device_track",
    get, path = "/api/v1/devices/{sn}/track", tag = "devices",
    params(("sn" = String, Path, description = "Serial number"), Back),
    responses(
        (status = 200, body = Track),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn track(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InPath(sn): InPath<DeviceSn>,
    InQuery(Back { minutes }): InQuery<Back>,
) -> Result<Json<Track>, Problem> {
    if !(1..=MAX_MINUTES).contains(&minutes) {
        let detail = format!("minutes is 1 to {MAX_MINUTES}; older flights are in the records");
        return Err(Problem::bad_input(detail));
    }
    app.require_of(&principal, Permission::View, &sn)?;
    let server_time_ms = now_ms();
    let mut view = app.hub.view();
    let device = known(&view, &sn)?;
    let since = WallMs(server_time_ms.0 - minutes * 60_000);
    let points = view.track(&sn, since).into_iter();
    let points = points.map(|point| {
        let degrees = |angle: i32| f64::from(angle) / 1e7;
        (point.at_ms, degrees(point.longitude), degrees(point.latitude), point.height_m)
    });
    let points = points.collect();
    let gateway = device.gateway_sn.as_ref().filter(|_| device.class != DeviceClass::Dock);
    let home = gateway.and_then(|dock| home(&mut view, dock));
    Ok(Json(Track { sn, points, home, server_time_ms }))
}

fn home(view: &mut View, dock: &DeviceSn) -> Option<Place> {
    let sample: std::sync::Arc<DeviceOsd> = view.telemetry(dock)?;
    let osd = view.summary(&sample);
    Some(Place {
        sn: dock.clone(),
        latitude_deg: osd.latitude_deg?,
        longitude_deg: osd.longitude_deg?,
        height_m: osd.height_m,
        received_ms: osd.received_ms,
    })
}

/// The route of a wayline file as GeoJSON: one `LineString` a wayline, with its height mode and
/// speed, and one `Point` a waypoint. Positions are longitude, latitude, height in metres.
#[utoipa::path(
    operation_id = "get_wayline_route",
    get, path = "/api/v1/waylines/{id}/route", tag = "waylines",
    params(("id" = String, Path, description = "Wayline id")),
    responses(
        (status = 200, body = serde_json::Value, content_type = "application/geo+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn route(
    State(app): State<App>,
    InPath(id): InPath<WaylineId>,
) -> Result<Response, Problem> {
    let bytes = app.waylines.bytes(id).ok_or_else(|| {
        Problem::not_found("unknown_wayline", "this wayline file is not kept any more")
    })?;
    // It was read before it was kept; a file that cannot be read now is a defect.
    let mission = Mission::from_kmz(&bytes).map_err(|_| Problem::internal())?;
    let text = geojson(&mission).to_string();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json")),
        // A wayline never changes; another file has another id.
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable")),
    ];
    Ok((headers, text).into_response())
}

fn geojson(mission: &Mission) -> serde_json::Value {
    let mut features = Vec::new();
    for wayline in &mission.waylines {
        let heights = match wayline.height_mode {
            HeightMode::Wgs84 => "ellipsoid",
            HeightMode::RelativeToStartPoint => "above_take_off",
            HeightMode::RealTimeFollowSurface => "above_ground",
        };
        let line: Vec<_> = wayline.waypoints.iter().map(|p| [p.lon, p.lat, p.height_m]).collect();
        // A line has two ends in GeoJSON; a route of one waypoint is its point alone.
        if line.len() > 1 {
            features.push(json!({
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": line},
                "properties": {
                    "wayline": wayline.id, "heights": heights, "speed_mps": wayline.speed_mps,
                },
            }));
        }
        features.extend(wayline.waypoints.iter().map(|point| {
            json!({
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [point.lon, point.lat, point.height_m]},
                "properties": {
                    "wayline": wayline.id, "waypoint": point.index, "heights": heights,
                    "speed_mps": point.speed_mps,
                },
            })
        }));
    }
    json!({"type": "FeatureCollection", "features": features})
}

/// Alarms that are up, by priority.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct AlarmCounts {
    high: usize,
    medium: usize,
    low: usize,
}

/// Alarms that are up for the same cause.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlarmGroup {
    /// The reason's code.
    code: String,
    /// The most urgent among them.
    priority: Priority,
    /// How many.
    count: usize,
    /// When the newest came up.
    newest_ms: WallMs,
    /// The newest one's words.
    message: String,
    /// Devices concerned, at most 20.
    sns: BTreeSet<DeviceSn>,
}

/// How many alarms are up, and for what causes.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlarmSummary {
    up: AlarmCounts,
    /// Most urgent first, then the most frequent; at most 100.
    groups: Vec<AlarmGroup>,
    /// The tower's time.
    server_time_ms: WallMs,
}

/// Counts the alarms that are up and groups them by cause.
#[utoipa::path(
    operation_id = "summarise_alarms",
    get, path = "/api/v1/alarms/summary", tag = "alarms",
    responses(
        (status = 200, body = AlarmSummary),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn alarms(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Json<AlarmSummary> {
    let scope = app.scope(&principal);
    let mut up = AlarmCounts::default();
    let mut groups: BTreeMap<String, AlarmGroup> = BTreeMap::new();
    for alarm in app.hub.view().alarms_that_are_up() {
        if !scope.sees_of(alarm.sn.as_ref()) {
            continue;
        }
        match alarm.priority {
            Priority::High => up.high += 1,
            Priority::Medium => up.medium += 1,
            Priority::Low => up.low += 1,
        }
        match groups.get_mut(&alarm.cause) {
            Some(group) => group.add(alarm),
            None => {
                groups.insert(alarm.cause.clone(), AlarmGroup::of(alarm));
            }
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| (group.priority, std::cmp::Reverse(group.count)));
    groups.truncate(MAX_GROUPS);
    Json(AlarmSummary { up, groups, server_time_ms: now_ms() })
}

impl AlarmGroup {
    fn of(alarm: &AlarmStatus) -> Self {
        Self {
            code: alarm.reason.code.to_string(),
            priority: alarm.priority,
            count: 1,
            newest_ms: alarm.raised_ms,
            message: alarm.reason.message.to_string(),
            sns: alarm.sn.iter().cloned().collect(),
        }
    }

    fn add(&mut self, alarm: &AlarmStatus) {
        self.count += 1;
        // High orders before low.
        self.priority = self.priority.min(alarm.priority);
        if alarm.raised_ms > self.newest_ms {
            self.newest_ms = alarm.raised_ms;
            self.message = alarm.reason.message.to_string();
        }
        if self.sns.len() < MAX_SNS {
            self.sns.extend(alarm.sn.clone());
        }
    }
}
