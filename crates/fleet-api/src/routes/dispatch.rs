//! Which dock is to fly to a place.

use axum::{Extension, Json, extract::State};
use fleet_types::{
    DeviceClass,
    dispatch::{DispatchChoice, DispatchTarget},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{app::App, auth::Principal, extract::InQuery, problem::Problem};

/// A point, or an area: all four of its sides.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Place {
    /// Of a point, degrees.
    latitude: Option<f64>,
    /// Of a point, degrees.
    longitude: Option<f64>,
    /// Of an area, degrees.
    south: Option<f64>,
    /// Of an area, degrees.
    west: Option<f64>,
    /// Of an area, degrees.
    north: Option<f64>,
    /// Of an area, degrees; it does not reach over the date line.
    east: Option<f64>,
}

/// What is thought of every dock.
#[derive(Serialize, ToSchema)]
pub(crate) struct Dispatch {
    /// Where an aircraft is wanted.
    target: DispatchTarget,
    /// Those that can fly there first, best first; the others with why not.
    choices: Vec<DispatchChoice>,
}

/// Proposes docks for a point or an area, by reach, battery, weather and what they do; for each that
/// cannot fly there now it says why not. It orders nothing.
#[utoipa::path(
    operation_id = "propose_docks",
    get, path = "/api/v1/dispatch", tag = "missions", params(Place),
    responses(
        (status = 200, body = Dispatch),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn propose(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    InQuery(place): InQuery<Place>,
) -> Result<Json<Dispatch>, Problem> {
    let target = place.target()?;
    let mut docks = app.hub.view().all_devices();
    let scope = app.scope(&principal);
    docks.retain(|device| device.class == DeviceClass::Dock && scope.sees(&device.sn));
    let choices = app.planning.dispatch(&docks, &target);
    Ok(Json(Dispatch { target, choices }))
}

impl Place {
    fn target(&self) -> Result<DispatchTarget, Problem> {
        let Self { latitude, longitude, south, west, north, east } = *self;
        match (latitude, longitude, south, west, north, east) {
            (Some(latitude), Some(longitude), None, None, None, None) => {
                check(&[latitude], &[longitude])?;
                Ok(DispatchTarget::Point { latitude, longitude })
            }
            (None, None, Some(south), Some(west), Some(north), Some(east)) => {
                check(&[south, north], &[west, east])?;
                if south > north || west > east {
                    return Err(Problem::bad_input("south lies south of north, west west of east"));
                }
                Ok(DispatchTarget::Area { south, west, north, east })
            }
            _ => Err(Problem::bad_input(
                "name a point (latitude, longitude) or an area (south, west, north, east)",
            )),
        }
    }
}

fn check(latitudes: &[f64], longitudes: &[f64]) -> Result<(), Problem> {
    let fits = latitudes.iter().all(|degrees| (-90.0..=90.0).contains(degrees))
        && longitudes.iter().all(|degrees| (-180.0..=180.0).contains(degrees));
    if fits { Ok(()) } else { Err(Problem::bad_input("it names no place on earth")) }
}
